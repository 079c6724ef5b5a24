"""What decompositions promise: parts worked out on paper that add up, no order that matters, intervals that hold."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.numerics.decomposition import KINDS, ratio_effects, total_effects
from metricstack.numerics.distributions import Sample, jackknife, quantile_shift
from metricstack.numerics.intervals import Spread, interval, spread_of_units

close = pytest.approx
RATE, MIX, VOLUME, NEW, VANISHED = range(5)


def array(*rows: list[float]) -> np.ndarray:
    return np.array(rows, dtype=np.float64)


# By hand


def test_a_ratio_in_parts_worked_out_on_paper() -> None:
    # Rates 0.2 to 0.3 and 0.8 to 0.9, shares 0.5, 0.5 to 0.9, 0.1; whole 0.5 to 0.36, middle 0.43.
    found = ratio_effects(array([10, 40], [27, 9]), array([50, 50], [90, 10]))
    assert found.values[RATE] == close([0.7 * 0.1, 0.3 * 0.1])
    assert found.values[MIX] == close([(0.25 - 0.43) * 0.4, (0.85 - 0.43) * -0.4])
    assert found.values.sum() == close(0.36 - 0.5)
    assert found.reversed_  # both rates rose, the whole fell
    assert found.share == close([0.7, 0.3])


def test_new_and_vanished_groups_stand_apart() -> None:
    # 100 rows at 0.5 become 50 at 0.5 and 50 new ones at 1: whole 0.5 to 0.75, middle 0.625.
    found = ratio_effects(array([50, 0], [25, 50]), array([100, 0], [50, 50]))
    assert found.values[MIX] == close([(0.5 - 0.625) * -0.5, 0])
    assert found.values[NEW] == close([0, 0.5 * (1 - 0.625)])
    back = ratio_effects(array([25, 50], [50, 0]), array([50, 50], [100, 0]))
    assert back.values[VANISHED] == close([0, -0.5 * (1 - 0.625)])


def test_a_total_is_volume_and_rate() -> None:
    # 10 rows of 1 become 20 of 1.5: mean(n) = 15 times 0.5, mean(m) = 1.25 times 10; a new group brings 7.
    found = total_effects(array([10, 0], [30, 7]), array([10, 0], [20, 3]))
    assert found.values[RATE] == close([7.5, 0])
    assert found.values[VOLUME] == close([12.5, 0])
    assert found.values[NEW] == close([0, 7])


def test_a_group_whose_denominator_is_zero_in_one_window_is_told() -> None:
    # Costs 5 without a success, then 4 with 2: its rate has no value before.
    found = ratio_effects(array([10, 5], [10, 4]), array([10, 0], [10, 2]))
    assert found.undefined.tolist() == [False, True]
    assert found.values[MIX, 1] == 0
    assert found.values.sum() == close(14 / 12 - 15 / 10)


def test_a_median_in_parts_worked_out_on_paper() -> None:
    # a: 30 ones become 10 twos; b: 10 nines become 30 tens. Medians: 1 before, 10 after; the after-values in the
    # before-mix 2, the before-values in the after-mix 9. Rate ((2-1)+(10-9))/2, mix ((9-1)+(10-2))/2.
    found = shift([1.0] * 30 + [9.0] * 10, [0] * 30 + [1] * 10, [2.0] * 10 + [10.0] * 30, [0] * 10 + [1] * 30, 0.5)
    assert found.parts == close([1, 8, 0, 0, 0])
    assert found.groups.sum(axis=1) == close(found.parts)


def shift(x0: list[float], g0: list[int], x1: list[float], g1: list[int], p: float):
    sides = []
    for x, g in ((x0, g0), (x1, g1)):
        values = np.array(x, dtype=np.float64)
        place = np.arange(len(x))
        sides.append(Sample(values, np.ones(len(x)), np.array(g), place % 16))
    bins = tuple(np.ceil(np.log(side.x) / np.log(1.0202)).astype(np.int64) for side in sides)
    return quantile_shift(*sides, p, groups=max(*g0, *g1) + 1, binned=False, bins=bins)


def test_a_median_with_a_new_group() -> None:
    found = shift([1.0] * 20, [0] * 20, [1.0] * 10 + [5.0] * 30, [0] * 10 + [1] * 30, 0.5)
    assert found.parts == close([0, 0, 0, 4, 0])
    assert found.groups[NEW] == close([0, 4])


def test_the_jackknife_of_a_mean_is_its_variance() -> None:
    x = np.array([1.0, 4.0, 4.0, 7.0])
    without = (x.sum() - x) / 3
    assert jackknife(without).variance == close(x.var(ddof=1) / 4)
    assert jackknife(np.array([1.0])).variance == math.inf


# Laws

amounts = st.floats(0.1, 100.0)
pairs = st.lists(st.tuples(amounts, amounts, amounts, amounts), min_size=1, max_size=6)


def parts(rows: list[tuple[float, float, float, float]], which=ratio_effects):
    data = np.array(rows).T
    return which(data[[0, 2]], data[[1, 3]])


@given(pairs)
def test_parts_add_up_to_the_change(rows: list[tuple[float, float, float, float]]) -> None:
    a0, b0, a1, b1 = np.array(rows).sum(axis=0)
    assert parts(rows).values.sum() == close(a1 / b1 - a0 / b0, abs=1e-9 * (a0 / b0 + a1 / b1))
    assert parts(rows, total_effects).values.sum() == close(a1 - a0, abs=1e-9 * (a0 + a1))


@given(pairs)
def test_swapping_the_windows_negates_every_part(rows: list[tuple[float, float, float, float]]) -> None:
    swapped = [(a1, b1, a0, b0) for a0, b0, a1, b1 in rows]
    for which in (ratio_effects, total_effects):
        there, back = parts(rows, which).values, parts(swapped, which).values
        assert back == close(-there, abs=1e-9)


@given(pairs, st.floats(0.1, 0.9))
def test_splitting_a_group_in_two_alike_changes_no_part(
    rows: list[tuple[float, float, float, float]], at: float
) -> None:
    halves = [tuple(x * share for x in rows[0]) for share in (at, 1 - at)]
    for which in (ratio_effects, total_effects):
        whole, split = parts(rows, which).values, parts([*halves, *rows[1:]], which).values
        assert split.sum(axis=1) == close(whole.sum(axis=1), abs=1e-9)


@given(pairs, st.floats(0.5, 2.0))
def test_equal_shares_leave_no_mix(rows: list[tuple[float, float, float, float]], growth: float) -> None:
    same = [(a0, b0, a1, b0 * growth) for a0, b0, a1, _ in rows]
    assert parts(same).values[MIX] == close(0, abs=1e-9)


@given(pairs, st.floats(0.5, 2.0))
def test_equal_rates_leave_only_mix(rows: list[tuple[float, float, float, float]], level: float) -> None:
    same = [(b0 * level, b0, b1 * level, b1) for _, b0, _, b1 in rows]
    found = parts(same).values
    assert found == close(0, abs=1e-9)  # all groups alike: their mix does not matter either


values = st.lists(st.tuples(st.integers(0, 2), st.floats(0.5, 50.0)), min_size=30, max_size=60)


@settings(max_examples=25)
@given(values, values, st.sampled_from([0.5, 0.9]))
def test_a_quantiles_parts_add_up_and_swap(before, after, p: float) -> None:
    before, after = [(0, 1.0), *before], [(0, 2.0), *after]  # one group is in both
    (g0, x0), (g1, x1) = (tuple(map(list, zip(*side, strict=True))) for side in (before, after))
    groups = [*g0, *g1]
    names = sorted(set(groups))
    g0, g1 = ([names.index(g) for g in side] for side in (g0, g1))
    there, back = shift(x0, g0, x1, g1, p), shift(x1, g1, x0, g0, p)
    change = float(np.quantile(x1, p) - np.quantile(x0, p))
    assert there.parts.sum() == close(change, abs=1e-9)
    assert there.groups.sum() == close(change, abs=1e-9)
    assert back.parts[[RATE, MIX]] == close(-there.parts[[RATE, MIX]], abs=1e-9)
    assert back.parts[NEW] == close(-there.parts[VANISHED], abs=1e-9)


# Calibration


def test_intervals_of_rate_and_mix_cover_what_is_so() -> None:
    # 300 users in two groups, each with a level that it keeps over both windows; group 1 improves by 0.1 and
    # grows. 600 draws: the Monte Carlo error of a 95 % rate is 0.9 points.
    random, draws, users = stream(11, "decomposition"), 600, 300
    size, rate = np.array([[20.0, 10.0], [18.0, 20.0]]), np.array([[0.3, 0.6], [0.3, 0.7]])
    truth = ratio_effects(size * rate, size).values.sum(axis=1)
    hits = np.zeros(len(KINDS))
    for _ in range(draws):
        own = random.normal(0, 0.15, (users, 1))
        tops, bottoms = [], []
        for window in (0, 1):
            n = random.poisson(size[window] / 10, (users, 2)).astype(np.float64)
            chance = np.clip(rate[window] + own, 0.0, 1.0)
            tops.append(random.binomial(n.astype(int), chance).astype(np.float64))
            bottoms.append(n)
        top, bottom = np.stack(tops), np.stack(bottoms)
        found = ratio_effects(top.sum(axis=1), bottom.sum(axis=1), [(top, bottom)])
        for kind in (RATE, MIX):
            spread = spread_of_units(found.units[0][kind].sum(axis=1))
            low, high = interval(float(found.values[kind].sum()), spread, level=0.95)
            hits[kind] += low <= truth[kind] <= high
    assert hits[RATE] / draws == close(0.95, abs=0.03)
    assert hits[MIX] / draws == close(0.95, abs=0.03)


def test_contributions_of_units_are_the_derivative() -> None:
    # One unit more of weight 0.000001 moves the value by its contribution: a check against finite differences.
    random = stream(12, "derivative")
    top, bottom = random.uniform(1, 5, (2, 7, 3)), random.uniform(1, 5, (2, 7, 3))
    for which in (ratio_effects, total_effects):
        found = which(top.sum(axis=1), bottom.sum(axis=1), [(top, bottom)])
        for unit in range(7):
            step = 1e-6
            moved = which(top.sum(axis=1) + step * top[:, unit], bottom.sum(axis=1) + step * bottom[:, unit])
            assert (moved.values - found.values) / step == close(found.units[0][:, unit, :], rel=1e-4, abs=1e-4)


# Misuse


def test_what_cannot_be_decomposed_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="shape"):
        ratio_effects(np.zeros((3, 2)), np.zeros((3, 2)))
    with pytest.raises(InvalidInput, match="add up to 0"):
        ratio_effects(array([1, 1], [1, 1]), array([1, -1], [1, 1]))
    with pytest.raises(InvalidInput, match="in both windows"):
        shift([1.0, 2.0], [0, 0], [1.0, 2.0], [1, 1], 0.5)


def test_exact_parts_have_no_spread() -> None:
    assert spread_of_units(np.zeros(5)) == Spread(0.0, 4)
