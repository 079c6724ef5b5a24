"""What group-sequential designs promise: published bounds, alpha kept over all looks, honest estimates afterwards."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.experiments.effect import effect
from metricstack.experiments.sequential import group_sequential_bounds, stagewise_effect

close = pytest.approx

# By hand, and as published


def test_obrien_fleming_bounds_of_five_looks_are_those_of_ldbounds() -> None:
    # Documentation of the R package ldbounds, after Reboussin, DeMets, Kim and Lan (2000).
    found = group_sequential_bounds(5)
    assert found.critical == close((4.8769, 3.3569, 2.6803, 2.2898, 2.0310), abs=2e-4)
    assert found.nominal_p == close(2 * stats.norm.sf(found.critical))
    assert found.cumulative_alpha[-1] == close(0.05)


def test_pocock_bounds_of_five_looks_are_those_of_ldbounds() -> None:
    # Reboussin, DeMets, Kim and Lan (2000): 2.438, 2.427, 2.410, 2.397, 2.386.
    assert group_sequential_bounds(5, spending="pocock").critical == close(
        (2.438, 2.427, 2.410, 2.397, 2.386), abs=6e-4
    )


def test_the_power_family_with_exponent_one_spends_evenly() -> None:
    found = group_sequential_bounds([0.25, 0.5, 1.0], spending="power", shape=1.0)
    assert found.cumulative_alpha == close((0.0125, 0.025, 0.05))
    assert found.critical[0] == close(stats.norm.isf(0.00625))


def test_one_look_is_a_fixed_design() -> None:
    found = group_sequential_bounds(1)
    assert found.critical == close((1.959963985,), abs=1e-7)
    assert found.inflation(0.9) == close(1.0, abs=1e-6)


# Laws


@given(st.floats(0.05, 0.9), st.sampled_from(["obrien_fleming", "pocock", "power"]))
@settings(max_examples=20, deadline=None)
def test_bounds_of_early_looks_do_not_depend_on_later_ones(first: float, family: str) -> None:
    early = group_sequential_bounds([first], spending=family).critical
    assert group_sequential_bounds([first, 0.95, 1.0], spending=family).critical[0] == close(early[0], abs=1e-7)


def test_a_one_sided_design_of_half_the_error_has_the_same_bounds() -> None:
    # They differ only in paths that cross below and come back above: less than 1e-6 of them.
    two, one = group_sequential_bounds(4), group_sequential_bounds(4, alpha=0.025, sided=1)
    assert two.critical == close(one.critical, abs=1e-4)


def test_futility_is_not_binding() -> None:
    plain, with_futility = group_sequential_bounds(4), group_sequential_bounds(4, futility="pocock", beta=0.1)
    assert with_futility.critical == plain.critical
    assert with_futility.futility is not None
    assert with_futility.futility[-1] == close(with_futility.critical[-1])
    assert with_futility.drift is not None
    assert with_futility.power(with_futility.drift) == close(0.9, abs=1e-7)


def test_the_stagewise_answer_at_the_first_look_is_the_plain_one() -> None:
    design = group_sequential_bounds(3, spending="pocock")
    plain = effect(3.0, 1.0, n=100, method="z")
    found = stagewise_effect(plain, design=design, look=1)
    assert (found.value, found.low, found.high) == close((plain.value, plain.low, plain.high), abs=1e-6)
    assert found.p_value == close(plain.p_value, abs=1e-9)


@pytest.mark.parametrize("look", [1, 2, 3])
def test_the_stagewise_answer_changes_its_sign_with_the_effect(look: int) -> None:
    design = group_sequential_bounds(3)
    up = stagewise_effect(effect(2.3, 1.0, n=9, method="z"), design=design, look=look)
    down = stagewise_effect(effect(-2.3, 1.0, n=9, method="z"), design=design, look=look)
    assert (down.value, down.low, down.high) == close((-up.value, -(up.high or 0), -(up.low or 0)), abs=1e-7)
    assert down.p_value == close(up.p_value)


def test_the_interval_leaves_out_zero_exactly_at_the_bound() -> None:
    # The stage-wise p-value at a bound is what is spent by then.
    design = group_sequential_bounds(4, spending="pocock")
    for look, (bound, used) in enumerate(zip(design.critical, design.cumulative_alpha, strict=True), start=1):
        found = stagewise_effect(effect(bound, 1.0, n=9, method="z"), design=design, look=look)
        assert found.p_value == close(used, abs=1e-8)
    assert found.low == close(0.0, abs=1e-6)  # the last


def test_a_one_sided_design_is_not_turned_round() -> None:
    design = group_sequential_bounds(3, alpha=0.025, sided=1)
    worse = stagewise_effect(effect(-2.5, 1.0, n=9, method="z"), design=design, look=3)
    assert (worse.p_value, worse.value) == (close(stats.norm.sf(-2.5), abs=1e-4), close(-2.5, abs=0.02))
    # Its interval leaves out 0 exactly at the bound, at level 1 - 2 alpha.
    edge = stagewise_effect(effect(design.critical[2], 1.0, n=9, method="z"), design=design, look=3)
    assert (edge.p_value, edge.low, edge.estimate.level) == (close(0.025, abs=1e-8), close(0, abs=1e-6), close(0.95))


# Calibration


def _paths(name: str, *, days: int, drift: float, replicates: int) -> np.ndarray:
    """Return z at equal looks, shape (replicates, days), whose mean at the end is ``drift``."""
    steps = stream(5, name).normal(drift / days, days**-0.5, size=(replicates, days))
    return np.cumsum(steps, axis=1) / np.sqrt(np.arange(1, days + 1) / days)


def test_thirty_daily_peeks_keep_alpha_where_the_naive_reading_does_not() -> None:
    # 20,000 A/A tests: Monte Carlo error 0.0015 at 5 %, 0.0032 at 28 %; three of them are allowed. The naive rate
    # is 0.280 for paths that are exactly normal (interpolated in Armitage, McPherson and Rowe: 0.248 at 20).
    z = np.abs(_paths("peeks", days=30, drift=0.0, replicates=20_000))
    assert float((z > 1.959964).any(axis=1).mean()) == close(0.280, abs=0.010)
    for family in ("obrien_fleming", "pocock", "power"):
        bounds = np.array(group_sequential_bounds(30, spending=family).critical)
        assert float((z >= bounds).any(axis=1).mean()) == close(0.05, abs=0.0046), family


def test_the_stagewise_interval_covers_and_its_estimate_is_as_often_too_high_as_too_low() -> None:
    # Coverage is read off the p-values: an interval covers the truth where the truth's chance lies within. 300
    # trials: Monte Carlo error 0.013 of 0.95, 0.029 of 0.5; three of them are allowed.
    design = group_sequential_bounds(3, spending="pocock")
    z = _paths("stages", days=3, drift=2.0, replicates=300)
    out = np.abs(z) >= np.array(design.critical)
    look = np.where(out.any(axis=1), out.argmax(axis=1), 2)
    covered, high, naive = 0, 0, 0
    for path, at in zip(z, look, strict=True):
        error = math.sqrt(3 / (at + 1))  # so that the effect's truth is the drift, 2
        found = stagewise_effect(effect(path[at] * error, error, n=9, method="z"), design=design, look=int(at) + 1)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 2.0 <= found.high
        high += found.value > 2.0
        naive += path[at] * error > 2.0
    assert covered / 300 == close(0.95, abs=0.038)
    assert high / 300 == close(0.5, abs=0.087)
    assert naive > high


# Misuse


def test_designs_that_are_none_are_errors() -> None:
    with pytest.raises(InvalidInput, match="sided"):
        group_sequential_bounds(3, sided=3)
    with pytest.raises(InvalidInput, match="alpha"):
        group_sequential_bounds(3, alpha=1.0)
    with pytest.raises(UnknownName, match="pocock"):
        group_sequential_bounds(3, spending="pococ")
    with pytest.raises(InvalidInput, match="increase"):
        group_sequential_bounds([0.5, 0.2])
    with pytest.raises(InvalidInput, match="up to information fraction 1"):
        group_sequential_bounds([0.5, 0.8], futility="pocock")
    with pytest.raises(InvalidInput, match="power"):
        group_sequential_bounds(3).inflation(1.0)
    with pytest.raises(InvalidInput, match="not in the design"):
        stagewise_effect(effect(1.0, 1.0, n=9, method="z"), design=group_sequential_bounds(2), look=3)
