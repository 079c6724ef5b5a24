"""What two means promise: Welch and Fieller by hand, scales that never disagree, 95 % coverage, refusals with a why."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Moments, Reason, Refusal
from metricstack.experiments.arms import Arms
from metricstack.experiments.effect import Effect
from metricstack.experiments.lift import fieller
from metricstack.experiments.means import relative_lift, welch

close = pytest.approx
# Means at least five times their spread per unit: every arm is then clear of zero, whatever its size.
arms = st.builds(
    Moments.of,
    st.integers(3, 5000),
    st.floats(5.0, 50.0),
    st.floats(0.01, 1.0),
)


def effect_of(found: Effect | Refusal) -> Effect:
    assert isinstance(found, Effect), found
    return found


# by hand ---------------------------------------------------------------------------------------------------------


def test_welch_agrees_with_a_calculation_by_hand() -> None:
    # 4/25 + 9/36 = 0.41; root 0.640312; freedom 0.41²/(0.16²/24 + 0.25²/35) = 0.1681/0.00285238 = 58.9332.
    found = effect_of(welch(control=Moments.of(25, 10.0, 4.0), treatment=Moments.of(36, 11.0, 9.0)))
    assert (found.value, found.n, found.unit) == (1.0, 61, "1")
    assert found.standard_error == close(0.640312, abs=1e-6)
    assert found.freedom == close(58.9332, abs=1e-3)


def test_welch_of_samples_is_scipys() -> None:
    # Independent implementation: scipy.stats.ttest_ind(equal_var=False) on the same two samples.
    a, b = [27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9], [27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8]
    peer = stats.ttest_ind(b, a, equal_var=False)
    found = effect_of(welch(control=a, treatment=b))
    assert found.p_value == close(peer.pvalue, rel=1e-12)
    bounds = peer.confidence_interval(0.95)
    assert (found.low, found.high) == (close(bounds.low, rel=1e-12), close(bounds.high, rel=1e-12))


def test_fieller_agrees_with_a_calculation_by_hand() -> None:
    # z² = 3.841459, C = 10, T = 12, both variances 1: 96.158541 r² - 240 r + 140.158541 = 0;
    # r = (120 ± sqrt(14400 - 96.158541·140.158541)) / 96.158541 = (120 ± 30.377848)/96.158541.
    low, high = fieller(Arms(10.0, 12.0, 1.0, 1.0, 0.0, math.inf, 100), level=0.95) or (0.0, 0.0)
    root = math.sqrt(14400 - 96.158541 * 140.158541)
    assert (low, high) == (close((120 - root) / 96.158541, abs=1e-6), close((120 + root) / 96.158541, abs=1e-6))


def test_a_covariance_narrows_fiellers_interval_to_a_point_where_both_move_together() -> None:
    # T = 1.2 C without any noise of its own: only one ratio is possible.
    together = Arms(10.0, 12.0, 1.0, 1.44, 1.2, math.inf, 100)
    assert fieller(together, level=0.95) == (close(1.2, abs=1e-6), close(1.2, abs=1e-6))


def test_log_delta_and_delta_agree_with_a_calculation_by_hand() -> None:
    # 4/(400·10²) + 4/(400·11²) = 1.826446e-4; root 0.0135145; t(798) = 1.962948.
    a, b = Moments.of(400, 10.0, 4.0), Moments.of(400, 11.0, 4.0)
    found = effect_of(relative_lift(control=a, treatment=b, method="log_delta"))
    reach = 1.962948 * 0.01351461
    assert (found.low, found.high) == (
        close(1.1 * math.exp(-reach) - 1, abs=1e-6),
        close(1.1 * math.exp(reach) - 1, abs=1e-6),
    )
    plain = effect_of(relative_lift(control=a, treatment=b, method="delta"))
    assert plain.standard_error == close(1.1 * 0.01351461, abs=1e-7)
    assert (plain.value, plain.unit) == (close(0.1), "fraction")


def test_of_a_mean_below_zero_the_size_counts() -> None:
    # From -10 to -8 is an increase by a fifth of its size, whichever way the interval is made.
    a, b = Moments.of(400, -10.0, 4.0), Moments.of(400, -8.0, 4.0)
    for method in ("fieller", "delta"):
        found = effect_of(relative_lift(control=a, treatment=b, method=method))
        assert found.value == close(0.2)
        assert found.low is not None
        assert 0 < found.low < 0.2 < (found.high or 0)


# laws ------------------------------------------------------------------------------------------------------------


@given(arms, arms, st.floats(0.5, 0.999))
def test_the_relative_interval_leaves_out_zero_exactly_where_the_absolute_test_rejects(
    a: Moments, b: Moments, level: float
) -> None:
    found = relative_lift(control=a, treatment=b, level=level)
    assume(isinstance(found, Effect))
    found = effect_of(found)
    assert found.p_value is not None
    assume(abs(found.p_value - (1 - level)) > 1e-9)
    assert (not (found.low or 0) <= 0 <= (found.high or 0)) == (found.p_value < 1 - level)


@given(arms, arms)
def test_the_p_value_is_the_same_on_every_scale(a: Moments, b: Moments) -> None:
    absolute = effect_of(welch(control=a, treatment=b))
    for method in ("fieller", "log_delta", "delta"):
        relative = relative_lift(control=a, treatment=b, method=method)
        assert isinstance(relative, Refusal) or relative.p_value == absolute.p_value


@given(arms, arms)
def test_swapping_the_arms_turns_the_difference_round_and_gives_the_reciprocal_lift(a: Moments, b: Moments) -> None:
    there, back = effect_of(welch(control=a, treatment=b)), effect_of(welch(control=b, treatment=a))
    assert (there.low, there.high) == (close(-(back.high or 0)), close(-(back.low or 0)))
    lift, other = (relative_lift(control=x, treatment=y, method="log_delta") for x, y in ((a, b), (b, a)))
    assume(isinstance(lift, Effect) and isinstance(other, Effect))
    assert (1 + effect_of(lift).low) * (1 + effect_of(other).high) == close(1.0)  # type: ignore[operator]


@given(arms, arms, st.floats(1e-6, 1e6))
def test_the_lift_does_not_depend_on_the_unit(a: Moments, b: Moments, factor: float) -> None:
    scaled = [Moments.of(m.n, m.mean * factor, m.variance * factor**2) for m in (a, b)]
    one, two = relative_lift(control=a, treatment=b), relative_lift(control=scaled[0], treatment=scaled[1])
    assume(isinstance(one, Effect) and isinstance(two, Effect))
    # 1e-6: squares of means and of spreads are subtracted from each other
    assert effect_of(two).low == close(effect_of(one).low, rel=1e-6, abs=1e-9)


def test_a_mean_of_a_billion_keeps_its_spread() -> None:
    a = welch(control=[1e9 + 1, 1e9 + 2, 1e9 + 3], treatment=[1e9 + 2, 1e9 + 3, 1e9 + 4])
    b = welch(control=[1, 2, 3], treatment=[2, 3, 4])
    assert effect_of(a).p_value == close(effect_of(b).p_value)


# calibration -----------------------------------------------------------------------------------------------------


def _coverage(lift: float, draws: int = 4000) -> dict[str, float]:
    """Gamma amounts of variation 2 (shape 1/4), 200 units per arm; the truth is the lift that was put in."""
    rng = stream(7, "lift", str(lift))
    a = rng.gamma(0.25, 4.0, (draws, 200))
    b = rng.gamma(0.25, 4.0 * (1 + lift), (draws, 200))
    moments = [
        (Moments.of(200, x.mean(), x.var(ddof=1)), Moments.of(200, y.mean(), y.var(ddof=1)))
        for x, y in zip(a, b, strict=True)
    ]
    covered = {}
    for method in ("fieller", "log_delta", "delta"):
        found = [effect_of(relative_lift(control=x, treatment=y, method=method)) for x, y in moments]
        covered[method] = float(np.mean([f.low <= lift <= f.high for f in found]))  # type: ignore[operator]
    naive = []
    for x, y in moments:
        reach = 1.959964 * math.sqrt(x.variance / 200 + y.variance / 200) / x.mean
        naive.append(abs(y.mean / x.mean - 1 - lift) <= reach)
    return covered | {"naive": float(np.mean(naive))}


def test_the_relative_interval_covers_95_percent_at_a_variation_of_two_and_200_units_per_arm() -> None:
    # 4,000 draws: Monte Carlo error of a 95 % rate is 0.34 points, three of them 1.0. The amounts are skewed
    # (skewness 4) and 200 of them few: another half a point is granted to the normal approximation.
    covered = _coverage(0.5)
    assert covered["fieller"] == close(0.95, abs=0.015)
    assert covered["log_delta"] == close(0.95, abs=0.015)
    assert covered["delta"] > 0.92
    # Without the noise of the control's mean in the denominator the interval is too short.
    assert covered["naive"] < 0.93


def test_welch_calls_five_percent_of_unchanged_means_changed_also_with_unequal_arms() -> None:
    # 4,000 draws of 20 and 60 units, deviations 3 and 1: Monte Carlo error 0.34 points. Pooled it would be 15 %.
    rng = stream(7, "welch")
    a, b = rng.normal(0, 3, (4000, 20)), rng.normal(0, 1, (4000, 60))
    found = [welch(control=x, treatment=y) for x, y in zip(a, b, strict=True)]
    assert np.mean([effect_of(f).p_value < 0.05 for f in found]) == close(0.05, abs=0.011)  # type: ignore[operator]


# refusal ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("control", "treatment", "reason"),
    [
        ([], [1.0, 2.0], Reason.NO_DATA),
        ([1.0], [1.0], Reason.TOO_FEW_UNITS),
        ([1.0, 2.0], [1.0], Reason.TOO_FEW_UNITS),
        ([0.1, 0.1, 0.1], [0.2, 0.2, 0.2], Reason.NO_VARIATION),
    ],
)
def test_arms_that_cannot_be_compared_are_refused(control: list[float], treatment: list[float], reason: Reason) -> None:
    for found in (welch(control=control, treatment=treatment), relative_lift(control=control, treatment=treatment)):
        assert isinstance(found, Refusal)
        assert found.reason is reason
        assert found.remedy


def test_a_control_that_is_not_clear_of_zero_has_no_lift() -> None:
    # Mean 1 with a standard error of 1: t is below 2.
    a, b = Moments.of(100, 1.0, 100.0), Moments.of(100, 2.0, 100.0)
    for method in ("fieller", "log_delta", "delta"):
        found = relative_lift(control=a, treatment=b, method=method)
        assert isinstance(found, Refusal)
        assert found.reason is Reason.MEAN_TOO_CLOSE_TO_ZERO
    assert isinstance(welch(control=a, treatment=b), Effect)


def test_a_treatment_that_may_be_nothing_has_a_log_interval_without_an_end() -> None:
    # Its mean is 1e-9 standard errors from 0, on the logarithm an error of 1e9.
    found = relative_lift(
        control=Moments.of(100, 10.0, 1.0), treatment=Moments.of(100, 1e-9, 100.0), method="log_delta"
    )
    assert (effect_of(found).low, effect_of(found).high) == (-1.0, math.inf)


def test_a_treatment_without_any_event_has_a_difference_and_no_lift() -> None:
    # All zeros: no spread of its own, and a lift of -100 % without any doubt would be claimed.
    a, b = Moments.of(100, 0.1, 0.09), Moments.of(100, 0.0, 0.0)
    assert isinstance(welch(control=a, treatment=b), Effect)
    for method in ("fieller", "delta", "log_delta"):
        found = relative_lift(control=a, treatment=b, method=method)
        assert isinstance(found, Refusal)
        assert found.reason is Reason.NO_VARIATION


def test_the_logarithm_of_a_mean_below_zero_is_refused() -> None:
    found = relative_lift(control=Moments.of(99, 9.0, 1.0), treatment=Moments.of(99, -9.0, 1.0), method="log_delta")
    assert isinstance(found, Refusal)
    assert found.reason is Reason.UNDEFINED_RATIO


# misuse ----------------------------------------------------------------------------------------------------------


def test_wrong_inputs_are_named() -> None:
    a = Moments.of(10, 1.0, 1.0)
    with pytest.raises(InvalidInput, match="outside"):
        welch(control=a, treatment=a, level=1.0)
    with pytest.raises(InvalidInput, match="1 of 2 values that are not finite"):
        welch(control=[1.0, math.nan], treatment=a)
    with pytest.raises(InvalidInput, match="variance of -1"):
        welch(control=Moments.of(10, 1.0, -1.0), treatment=a)
    with pytest.raises(InvalidInput, match="numbers only"):
        welch(control=["a", "b"], treatment=a)
    with pytest.raises(InvalidInput, match="one value per unit"):
        welch(control=[[1.0], [2.0]], treatment=a)
    with pytest.raises(InvalidInput, match="unequal length"):
        welch(control={"x": [1.0, 2.0], "y": [1.0]}, treatment=a)
    with pytest.raises(InvalidInput, match="name one variable"):
        welch(control=Moments.of_samples(x=[1.0, 2.0]), treatment=a)
    with pytest.raises(InvalidInput, match="Unknown unit"):
        welch(control=a, treatment=a, unit="parsec")
    with pytest.raises(UnknownName, match="'fieller'"):
        relative_lift(control=a, treatment=a, method="fiellr")  # type: ignore[arg-type]
