"""What intervals and histograms of many groups promise: each group's own answer, whatever the others hold."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metricstack.numerics.histograms import Below, Histograms
from metricstack.numerics.many import Spreads, combined, intervals, poisson_bounds, spreads_of_groups, spreads_of_units
from metricstack.numerics.quantiles import NOT_POSITIVE, bin_edges, bin_inverse, quantile_by_group, quantile_of_bins

entries = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(-4, 40) | st.just(NOT_POSITIVE), st.integers(1, 9)),
    min_size=1,
    max_size=60,
)


def test_units_and_groups_of_units_by_hand() -> None:
    # Two units of contribution 2 each: square 8, times 2/1; one unit alone has no freedom.
    found = spreads_of_units(np.array([8.0, 4.0]), np.array([2.0, 1.0]))
    assert found.variance.tolist() == [16.0, 4.0]
    assert found.freedom.tolist() == [1.0, 0.0]
    # Four full groups 1, 1, 1, 5: square 28, total 8: (28 - 64/4) * 4/3 = 16.
    found = spreads_of_groups(np.array([8.0]), np.array([28.0]), np.array([4.0]), 4)
    assert found.variance.tolist() == [pytest.approx(16.0)]


def test_a_known_variance_adds_no_freedom() -> None:
    found = combined([Spreads(np.array([1.0]), np.array([5.0])), Spreads(np.array([1.0]), np.array([math.inf]))])
    assert found.variance.tolist() == [2.0]
    assert found.freedom.tolist() == [pytest.approx(20.0)]  # 2^2 / (1^2 / 5)


def test_poisson_bounds_are_garwoods() -> None:
    # Garwood (1936), table of 95 % limits: 0: 0 to 3.69, 5: 1.62 to 11.67, 50: 37.11 to 65.92.
    low, high = poisson_bounds(np.array([0.0, 5.0, 50.0]), level=0.95)
    assert low.round(2).tolist() == [0.0, 1.62, 37.11]
    assert high.round(2).tolist() == [3.69, 11.67, 65.92]


def test_each_scale_keeps_to_its_range() -> None:
    spreads = Spreads(np.array([100.0, 100.0]), np.array([3.0, math.inf]))
    low, high = intervals(np.array([0.2, 0.9]), spreads, level=0.95, low=0.0, high=1.0)
    assert ((low >= 0) & (low <= [0.2, 0.9]) & (high >= [0.2, 0.9]) & (high <= 1)).all()


@given(entries, st.sampled_from([0.05, 0.5, 0.95, 0.99]))
def test_a_group_among_others_has_the_quantile_it_has_alone(rows: list[tuple[int, int, int, int]], p: float) -> None:
    group, unit, bins, weight = (np.array(part) for part in zip(*rows, strict=True))
    weights = weight.astype(np.float64)
    many = Histograms(group, bins, weights, 4)
    value = many.quantile(np.full(4, p))
    low, high = many.bounds(p, value, Below.of(group, unit, bins, weights, value), level=0.95)
    for i in range(4):
        mine = group == i
        if not mine.any():
            assert np.isnan(value[i])
            continue
        alone = quantile_of_bins(bins[mine], weights[mine], p)
        assert value[i] == pytest.approx(alone, rel=1e-12)
        edge_low, edge_high = bin_edges(bins[mine])
        with np.errstate(divide="ignore", invalid="ignore"):
            inside = np.log(alone / edge_low) / np.log(edge_high / edge_low) if alone > 0 else np.zeros(mine.sum())
        below = np.where(edge_high <= alone, 1.0, np.where(edge_low >= alone, 0.0, np.nan_to_num(inside)))
        one = quantile_by_group(
            unit[mine], weights[mine], below, p=p, value=alone, inverse=bin_inverse(bins[mine], weights[mine])
        )
        # Bounds invert a share: where a bin ends exactly there, rounding may choose the bin beside it.
        assert (low[i], high[i]) == (pytest.approx(one.low, rel=1e-9), pytest.approx(one.high, rel=1e-9))


def test_no_entries_at_all_have_no_quantile() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    found = Histograms(nothing, nothing, np.zeros(0), 2)
    assert np.isnan(found.quantile(np.full(2, 0.5))).all()
