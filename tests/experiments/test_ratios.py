"""What ratios promise: the delta method by hand, the unit as what varies, 5 % false alarms, not requests' 43 %."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Moments, Reason, Refusal
from metricstack.experiments.effect import Effect
from metricstack.experiments.means import relative_lift, welch
from metricstack.experiments.ratios import ratio_difference

close = pytest.approx


def effect_of(found: Effect | Refusal) -> Effect:
    assert isinstance(found, Effect), found
    return found


def pair(n: int, means: tuple[float, float], variances: tuple[float, float], correlation: float) -> Moments:
    shared = correlation * math.sqrt(variances[0] * variances[1])
    covariance = np.array([[variances[0], shared], [shared, variances[1]]])
    return Moments(n, np.array(means), covariance * (n - 1), ("clicks", "views"))


pairs = st.builds(
    pair,
    st.integers(20, 2000),
    st.tuples(st.floats(1.0, 5.0), st.floats(10.0, 50.0)),
    st.tuples(st.floats(0.1, 4.0), st.floats(0.1, 9.0)),
    st.floats(-0.9, 0.9),
)


# by hand ---------------------------------------------------------------------------------------------------------


def test_the_delta_method_agrees_with_a_calculation_by_hand() -> None:
    # Control: R = 2/10, (4 - 2·0.2·3 + 0.04·25)/(100·10²) = 3.8e-4. Treatment: R = 3/12 = 0.25,
    # (4 - 2·0.25·3 + 0.0625·25)/(100·12²) = 4.0625/14400 = 2.821181e-4. Root of the sum 0.02573165.
    a = Moments(100, np.array([2.0, 10.0]), np.array([[4.0, 3.0], [3.0, 25.0]]) * 99, ("clicks", "views"))
    b = Moments(100, np.array([3.0, 12.0]), np.array([[4.0, 3.0], [3.0, 25.0]]) * 99, ("clicks", "views"))
    found = effect_of(ratio_difference(control=a, treatment=b))
    assert found.value == close(0.05)
    assert found.standard_error == close(0.02573165, abs=1e-8)
    lift = effect_of(ratio_difference(control=a, treatment=b, relative=True))
    assert (lift.value, lift.unit, lift.p_value) == (close(0.25), "fraction", found.p_value)


def test_with_a_denominator_of_one_it_is_welch() -> None:
    a, b = [1.0, 2.0, 4.0, 8.0], [2.0, 3.0, 4.0, 9.0]
    one = [1.0] * 4
    ratio = effect_of(ratio_difference(control={"x": a, "n": one}, treatment={"x": b, "n": one}))
    mean = effect_of(welch(control=a, treatment=b))
    assert (ratio.low, ratio.high, ratio.p_value) == (close(mean.low), close(mean.high), close(mean.p_value))
    lift = ratio_difference(control={"x": a, "n": one}, treatment={"x": b, "n": one}, relative=True, method="delta")
    peer = relative_lift(control=a, treatment=b, method="delta")
    # the control is within t standard errors of 0 here: both say so
    assert isinstance(lift, Refusal) == isinstance(peer, Refusal)


def test_variables_are_found_by_name() -> None:
    a = {"user": [1.0, 2.0, 3.0], "views": [10.0, 11.0, 12.0], "clicks": [1.0, 2.0, 1.0]}
    b = {"user": [1.0, 2.0, 3.0], "views": [10.0, 12.0, 12.0], "clicks": [1.0, 3.0, 2.0]}
    found = effect_of(ratio_difference(control=a, treatment=b, numerator="clicks", denominator="views"))
    assert found.value == close(6 / 34 - 4 / 33)


# laws ------------------------------------------------------------------------------------------------------------


@given(pairs, pairs, st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_scaling_either_part_scales_the_ratio_and_leaves_the_lift(
    a: Moments, b: Moments, up: float, down: float
) -> None:
    scale = np.array([up, down])
    scaled = [Moments(m.n, m.means * scale, m.cross * np.outer(scale, scale), m.names) for m in (a, b)]
    plain, other = ratio_difference(control=a, treatment=b), ratio_difference(control=scaled[0], treatment=scaled[1])
    assert effect_of(other).value == close(effect_of(plain).value * up / down, abs=1e-12 * up / down)
    assert effect_of(other).p_value == close(effect_of(plain).p_value, rel=1e-6)


@given(pairs, pairs)
def test_swapping_the_arms_turns_the_difference_round(a: Moments, b: Moments) -> None:
    there, back = (
        effect_of(ratio_difference(control=a, treatment=b)),
        effect_of(ratio_difference(control=b, treatment=a)),
    )
    assert (there.value, there.p_value) == (close(-back.value), close(back.p_value))


# calibration -----------------------------------------------------------------------------------------------------


def _unchanged(draws: int, users: int = 200) -> tuple[float, float]:
    """Users with a rate of their own (beta, mean .2) and a skewed number of requests; nothing differs by arm."""
    rng = stream(11, "ratio")
    requests = 1 + rng.negative_binomial(1, 0.05, (draws, 2, users))
    successes = rng.binomial(requests, rng.beta(0.8, 3.2, requests.shape))
    clustered = []
    for made, good in zip(requests, successes, strict=True):
        arms = [{"good": good[arm], "made": made[arm]} for arm in (0, 1)]
        clustered.append(effect_of(ratio_difference(control=arms[0], treatment=arms[1])).p_value)
    total, right = requests.sum(axis=2), successes.sum(axis=2)
    share, pooled = right / total, right.sum(axis=1) / total.sum(axis=1)
    z = (share[:, 1] - share[:, 0]) / np.sqrt(pooled * (1 - pooled) * (1 / total).sum(axis=1))
    return float(np.mean(np.array(clustered) < 0.05)), float(np.mean(np.abs(z) > 1.959964))


def test_an_unchanged_ratio_is_called_changed_five_percent_of_the_time_where_requests_would_have_it_far_more() -> None:
    # 4,000 draws: Monte Carlo error of a 5 % rate is 0.34 points, three of them 1.0.
    clustered, requests = _unchanged(4000)
    assert clustered == close(0.05, abs=0.012)
    assert requests > 0.40


# refusal ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("views", "reason"),
    [
        ([0.0, 0.0, 0.0], Reason.UNDEFINED_RATIO),
        ([-5.0, 0.0, 6.0], Reason.MEAN_TOO_CLOSE_TO_ZERO),
    ],
)
def test_a_denominator_that_may_be_zero_is_refused(views: list[float], reason: Reason) -> None:
    arm = {"clicks": [1.0, 2.0, 3.0], "views": views}
    found = ratio_difference(control=arm, treatment={"clicks": [1.0, 2.0, 3.0], "views": [9.0, 9.0, 10.0]})
    assert isinstance(found, Refusal)
    assert found.reason is reason
    assert "'views'" in found.detail


def test_a_ratio_that_is_the_same_for_every_unit_is_refused() -> None:
    arm = {"clicks": [0.1, 0.2, 0.3], "views": [1.0, 2.0, 3.0]}
    found = ratio_difference(control=arm, treatment=arm)
    assert isinstance(found, Refusal)
    assert found.reason is Reason.NO_VARIATION


def test_one_unit_is_too_few() -> None:
    arm = {"clicks": [1.0], "views": [2.0]}
    found = ratio_difference(control=arm, treatment=arm)
    assert isinstance(found, Refusal)
    assert found.reason is Reason.TOO_FEW_UNITS


# misuse ----------------------------------------------------------------------------------------------------------


def test_wrong_inputs_are_named() -> None:
    a = {"clicks": [1.0, 2.0], "views": [2.0, 2.0]}
    with pytest.raises(InvalidInput, match="two variables"):
        ratio_difference(control=[1.0, 2.0], treatment=[1.0, 2.0])
    with pytest.raises(InvalidInput, match="same two variables"):
        ratio_difference(control=a, treatment={"clicks": [1.0, 2.0], "sessions": [2.0, 2.0]})
    with pytest.raises(UnknownName, match="'views'"):
        ratio_difference(control=a, treatment=a, denominator="view")
    with pytest.raises(InvalidInput, match="always 1"):
        ratio_difference(control=a, treatment=a, denominator="clicks")
