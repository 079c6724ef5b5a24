"""What capping promises: one cap from both arms, an error rate that is kept, intervals that whales cannot stretch."""

import numpy as np
import pytest
from scipy import stats

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.core.values import Reason, Refusal
from metricstack.experiments.capping import winsorised_difference
from metricstack.experiments.effect import Effect
from metricstack.experiments.means import welch

close = pytest.approx


def effect_of(found: Effect | Refusal) -> Effect:
    assert isinstance(found, Effect), found
    return found


# by hand ---------------------------------------------------------------------------------------------------------


def test_the_cap_is_the_pooled_quantile() -> None:
    # Pooled 1..9 and 100: the 0.9 quantile (type 7) is the 9.1th smallest, 9 + 0.1·91 = 18.1; capped mean of the
    # treatment (6 + 7 + 8 + 9 + 18.1)/5 = 9.62, of the control 3.
    found = effect_of(winsorised_difference(control=[1, 2, 3, 4, 5], treatment=[6, 7, 8, 9, 100], upper=0.9))
    assert found.value == close(6.62)
    assert found.checks[0].detail == "capped at 18.1: 0 of 5 values in control, 1 of 5 in treatment"


def test_capped_values_are_compared_by_welch() -> None:
    # Independent implementation: NumPy's clip, then SciPy's ttest_ind(equal_var=False).
    rng = stream(1, "cap")
    a, b = rng.lognormal(0, 2, 300), rng.lognormal(0.2, 2, 200)
    low, high = np.quantile(np.concatenate([a, b]), [0.05, 0.95])
    peer = stats.ttest_ind(np.clip(b, low, high), np.clip(a, low, high), equal_var=False)
    found = effect_of(winsorised_difference(control=a, treatment=b, lower=0.05, upper=0.95))
    assert found.p_value == close(peer.pvalue)


# laws ------------------------------------------------------------------------------------------------------------


def test_no_cap_is_welch_and_the_cap_follows_the_unit() -> None:
    rng = stream(2, "cap")
    a, b = rng.lognormal(0, 1, 100), rng.lognormal(0, 1, 100)
    plain = effect_of(welch(control=a, treatment=b))
    assert effect_of(winsorised_difference(control=a, treatment=b, upper=None)).p_value == plain.p_value
    assert effect_of(winsorised_difference(control=a, treatment=b, upper=1.0)).p_value == plain.p_value
    one, two = (effect_of(winsorised_difference(control=a * k, treatment=b * k, relative=True)) for k in (1, 1000))
    assert (one.low, one.high, one.unit) == (close(two.low), close(two.high), "fraction")


# calibration -----------------------------------------------------------------------------------------------------


def test_five_percent_of_unchanged_skewed_amounts_are_called_changed_and_the_interval_is_shorter() -> None:
    # Log-normal amounts with deviation 2 of the log; 3,000 draws: Monte Carlo error of a 5 % rate 0.4 points.
    rng = stream(3, "cap")
    rejected, shorter = [], []
    for a, b in zip(rng.lognormal(0, 2, (3000, 300)), rng.lognormal(0, 2, (3000, 300)), strict=True):
        found = effect_of(winsorised_difference(control=a, treatment=b, upper=0.98))
        rejected.append(found.p_value < 0.05)  # type: ignore[operator]
        shorter.append(found.standard_error / effect_of(welch(control=a, treatment=b)).standard_error)  # type: ignore[operator]
    assert np.mean(rejected) == close(0.05, abs=0.012)
    assert np.mean(shorter) < 0.8


# refusal ---------------------------------------------------------------------------------------------------------


def test_a_cap_that_leaves_no_variation_is_refused() -> None:
    found = winsorised_difference(control=[5.0, 6.0, 7.0], treatment=[6.0, 7.0, 9.0], cap=5.0)
    assert isinstance(found, Refusal)
    assert found.reason is Reason.NO_VARIATION
    assert isinstance(winsorised_difference(control=[], treatment=[1.0, 2.0]), Refusal)


# misuse ----------------------------------------------------------------------------------------------------------


def test_wrong_inputs_are_named() -> None:
    with pytest.raises(InvalidInput, match="upper quantile 99"):
        winsorised_difference(control=[1.0, 2.0], treatment=[1.0, 2.0], upper=99)
    with pytest.raises(InvalidInput, match="not below"):
        winsorised_difference(control=[1.0, 2.0], treatment=[1.0, 2.0], lower=0.9, upper=0.5)
    with pytest.raises(InvalidInput, match="not finite"):
        winsorised_difference(control=[1.0, float("inf")], treatment=[1.0, 2.0])
    with pytest.raises(InvalidInput, match="above the upper cap"):
        winsorised_difference(control=[1.0, 2.0], treatment=[1.0, 2.0], lower=0.9, cap=0.5)
