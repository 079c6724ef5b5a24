"""What post-stratification promises: its variance by hand, weights known or estimated, and coverage."""

import math

import numpy as np
import pytest

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.core.values import Moments, Reason, Refusal
from metricstack.experiments.adjusted import Adjusted
from metricstack.experiments.means import welch
from metricstack.experiments.strata import post_stratified

close = pytest.approx
CONTROL = {"small": Moments.of(40, 2.0, 1.0), "large": Moments.of(10, 20.0, 25.0)}
TREATMENT = {"small": Moments.of(30, 2.5, 1.0), "large": Moments.of(20, 23.0, 25.0)}


def adjusted(found: Adjusted | Refusal) -> Adjusted:
    assert isinstance(found, Adjusted), found
    return found


# by hand ---------------------------------------------------------------------------------------------------------


def test_known_weights_agree_with_a_calculation_by_hand() -> None:
    # .75·0.5 + .25·3 = 1.125; .5625·(1/40 + 1/30) + .0625·(25/10 + 25/20) = 0.0328125 + 0.234375 = 0.2671875.
    found = adjusted(post_stratified(control=CONTROL, treatment=TREATMENT, weights={"small": 0.75, "large": 0.25}))
    assert (found.value, found.n) == (close(1.125), 100)
    assert found.standard_error == close(math.sqrt(0.2671875))


def test_estimated_weights_add_their_own_uncertainty() -> None:
    # Weights .7 and .3: .7·0.5 + .3·3 = 1.25; .49·(1/40 + 1/30) + .09·3.75 = 0.028583 + 0.3375 = 0.366083;
    # between the strata .7·0.75² + .3·1.75² = 1.3125, over 100 units 0.013125.
    found = adjusted(post_stratified(control=CONTROL, treatment=TREATMENT))
    assert found.value == close(1.25)
    parts = {0.49 / 40: 39, 0.49 / 30: 29, 0.09 * 2.5: 9, 0.09 * 1.25: 19, 0.013125: 99}
    assert found.standard_error == close(math.sqrt(sum(parts)))
    assert found.freedom == close(sum(parts) ** 2 / sum(part**2 / freedom for part, freedom in parts.items()))


def test_one_stratum_is_welch() -> None:
    a, b = Moments.of(40, 2.0, 1.0), Moments.of(30, 2.5, 3.0)
    found, plain = adjusted(post_stratified(control={"all": a}, treatment={"all": b})), welch(control=a, treatment=b)
    assert not isinstance(plain, Refusal)
    assert (found.low, found.high, found.p_value) == (close(plain.low), close(plain.high), close(plain.p_value))
    assert found.variance_reduction == close(0.0)


# laws ------------------------------------------------------------------------------------------------------------


def test_the_order_of_strata_does_not_matter_and_an_equal_effect_needs_no_weights() -> None:
    turned = {name: CONTROL[name] for name in reversed(CONTROL)}
    there, back = (adjusted(post_stratified(control=arm, treatment=TREATMENT)) for arm in (CONTROL, turned))
    assert (there.low, there.high) == (close(back.low), close(back.high))
    level = {name: Moments.of(m.n, m.mean + 1.0, m.variance) for name, m in CONTROL.items()}
    one = adjusted(post_stratified(control=CONTROL, treatment=level))
    two = adjusted(post_stratified(control=CONTROL, treatment=level, weights={"small": 0.8, "large": 0.2}))
    assert (one.value, one.standard_error) == (close(1.0), close(two.standard_error))


# calibration -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("relative", [False, True])
def test_the_interval_covers_where_strata_differ_in_size_level_and_effect(relative: bool) -> None:
    # A fifth of the units are large: mean 20 against 2, effect 3 against 0.5. Truth .8·.5 + .2·3 = 1 on a mean of
    # 5.6. 2,000 draws: Monte Carlo error 0.49 points, three of them 1.5.
    rng = stream(9, "strata", str(relative))
    covered, gained = [], []
    for _ in range(2000):
        arms = []
        for lift in (0.0, 1.0):
            large = rng.random(150) < 0.2
            y = np.where(large, 20 + 3 * lift, 2 + 0.5 * lift) + rng.normal(0, 1, 150) * np.where(large, 3.0, 1.0)
            arms.append({"small": y[~large], "large": y[large]})
        found = adjusted(post_stratified(control=arms[0], treatment=arms[1], relative=relative))
        covered.append(found.low <= (1 / 5.6 if relative else 1.0) <= found.high)  # type: ignore[operator]
        gained.append(found.variance_reduction)
    assert np.mean(covered) == close(0.95, abs=0.015)
    assert np.mean(gained) > 0.9 - 0.05 * relative


# refusal ---------------------------------------------------------------------------------------------------------


def test_a_stratum_with_one_unit_is_named() -> None:
    found = post_stratified(control=CONTROL, treatment=TREATMENT | {"large": Moments.of(1, 20.0, 0.0)})
    assert isinstance(found, Refusal)
    assert found.reason is Reason.TOO_FEW_UNITS
    assert "in stratum 'large'" in found.detail


# misuse ----------------------------------------------------------------------------------------------------------


def test_wrong_inputs_are_named() -> None:
    with pytest.raises(InvalidInput, match="merge a stratum that one arm lacks"):
        post_stratified(control=CONTROL, treatment={"small": TREATMENT["small"]})
    with pytest.raises(InvalidInput, match="name the same"):
        post_stratified(control=CONTROL, treatment=TREATMENT, weights={"small": 1.0})
    for weights in ({"small": 0.7, "large": 0.7}, {"small": 1.5, "large": -0.5}):
        with pytest.raises(InvalidInput, match="add up to 1"):
            post_stratified(control=CONTROL, treatment=TREATMENT, weights=weights)
    with pytest.raises(InvalidInput, match="strata"):
        post_stratified(control={}, treatment={})
