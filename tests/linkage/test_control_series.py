"""What one series against a control promises: the mean shift by hand, and a level that survives autocorrelation."""

import numpy as np
import pytest

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.core.values import Reason, Refusal
from metricstack.experiments.effect import Effect
from metricstack.linkage.control_series import difference_of_series

close = pytest.approx


def series(seed: int, *, before: int = 60, after: int = 30, phi: float = 0.0, shift: float = 0.0) -> Effect:
    random = stream(seed, "control series", str(phi))
    n = before + after
    noise = np.zeros(n)
    noise[0] = random.standard_normal()
    for t in range(1, n):
        noise[t] = phi * noise[t - 1] + np.sqrt(1 - phi**2) * random.standard_normal()
    control = 3 * np.sin(np.arange(n) * 0.9) + random.normal(0, 1, n)
    found = difference_of_series(control + noise + shift * (np.arange(n) >= before), control, before)
    assert isinstance(found, Effect)
    return found


def test_of_noise_without_memory_it_is_the_difference_of_means() -> None:
    # Alternating by design around each mean, so that no correlation but the least is likely: 5 against 2.
    gap = np.array([2.0, 2.2, 1.8, 2.1, 1.9, 2.0, 2.0] * 4 + [5.0, 5.1, 4.9, 5.2, 4.8] * 4)
    control = np.sin(np.arange(48))
    found = difference_of_series(gap + control, control, 28)
    assert isinstance(found, Effect)
    assert found.value == close(3.0, abs=0.02)


def test_what_both_share_drops_out() -> None:
    random = stream(1, "shared")
    treated, control, shared = random.normal(0, 1, (3, 50))
    first, again = (
        difference_of_series(treated, control, 30),
        difference_of_series(treated + shared, control + shared, 30),
    )
    assert isinstance(first, Effect)
    assert isinstance(again, Effect)
    assert (again.value, again.low, again.p_value) == close((first.value, first.low, first.p_value))


def test_it_scales_and_swaps() -> None:
    random = stream(2, "scaled")
    treated, control = random.normal(0, 1, (2, 50))
    first, swapped = difference_of_series(treated, control, 30), difference_of_series(5 * control, 5 * treated, 30)
    assert isinstance(first, Effect)
    assert isinstance(swapped, Effect)
    assert (swapped.value, swapped.high) == close((-5 * first.value, -5 * (first.low or 0)))


@pytest.mark.parametrize(("phi", "most"), [(0.0, 0.09), (0.6, 0.09), (0.9, 0.13)])
def test_no_effect_is_rarely_found(phi: float, most: float) -> None:
    # 200 draws: of a true 5 % at most 9 % once in a hundred. At .9 a regression rejects 58 %.
    assert np.mean([(series(seed, phi=phi).p_value or 0) <= 0.05 for seed in range(200)]) <= most


def test_the_interval_and_the_p_value_agree() -> None:
    for seed in range(20):
        found = series(seed, phi=0.5, shift=0.5)
        assert found.low is not None
        assert found.high is not None
        assert found.p_value is not None
        assert (found.p_value <= 0.05) == (found.low > 0 or found.high < 0)


def test_few_periods_are_refused() -> None:
    ramp = stream(1, "few").normal(0, 1, (2, 40))
    for start in (0, 2, 38, 40):
        found = difference_of_series(*ramp, start)
        assert isinstance(found, Refusal)
        assert found.reason is Reason.TOO_FEW_UNITS
    flat = difference_of_series(np.ones(20), np.zeros(20), 10)
    assert isinstance(flat, Refusal)
    assert flat.reason is Reason.NO_VARIATION


def test_what_cannot_be_meant_is_named() -> None:
    with pytest.raises(InvalidInput, match="unequal length"):
        difference_of_series(np.ones(20), np.ones(19), 10)
    with pytest.raises(InvalidInput, match="not finite"):
        difference_of_series([np.nan] * 20, np.ones(20), 10)
    with pytest.raises(InvalidInput, match="no index"):
        difference_of_series(np.ones(20), np.ones(20), 21)
