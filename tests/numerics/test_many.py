"""What intervals and histograms of many groups promise: each group's own answer, whatever the others hold."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metricstack.core.streams import stream
from metricstack.numerics.histograms import Below, Histograms
from metricstack.numerics.intervals import interval, spread_of_units, spread_of_value
from metricstack.numerics.many import (
    Spreads,
    combined,
    intervals,
    poisson_bounds,
    spreads_of_groups,
    spreads_of_units,
    spreads_of_values,
)
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


def test_equal_units_of_a_mean_give_the_samples_variance_and_their_number_less_one() -> None:
    # 1, 2, 3, 6: mean 3, sample variance 14/3, variance of the mean 14/12.
    found = spread_of_value((np.array([1.0, 2.0, 3.0, 6.0]) - 3.0) / 4, np.full(4, 5.0), 3.0)
    assert (found.variance, found.freedom) == (pytest.approx(14 / 12), pytest.approx(3.0))


def test_unequal_units_by_hand() -> None:
    # Parts 1/4, 1/4, 1/2: 0.09/0.75 + 0.01/0.75 + 0.04/0.5 = 0.213333. Squares of the parts 0.375; d = 1/12, 1/12,
    # 1/2: (2/3)^2 - (1/144 + 1/144 + 1/4) = 0.180556; 1/(0.375 + 0.180556) = 1.8.
    found = spread_of_value(np.array([0.3, -0.1, -0.2]), np.array([1.0, 1.0, 2.0]), 1.0)
    assert (found.variance, found.freedom) == (pytest.approx(0.64 / 3), pytest.approx(1.8))


def test_the_variance_of_a_ratio_is_that_of_statsmodels_hc2() -> None:
    # A ratio is the weighted mean of x / y with weights y; of one row per unit CR2 is HC2.
    from statsmodels.regression.linear_model import WLS

    random = stream(4, "many", "hc2")
    y = random.integers(1, 40, 15).astype(np.float64)
    x = random.gamma(2.0, 1.0, 15) * y
    other = WLS(x / y, np.ones(15), weights=y).fit(cov_type="HC2")
    ratio = float(x.sum() / y.sum())
    found = spread_of_value((x - ratio * y) / y.sum(), y, ratio)
    assert found.variance == pytest.approx(float(other.bse[0]) ** 2, rel=1e-9)


def test_the_freedom_of_unequal_units_is_bell_and_mccaffreys_by_matrices() -> None:
    # By its definition, rows one by one: residuals (I - H) e, each unit's put right by
    # (I - H_uu)^(-1/2); the estimate is a sum of squares g_u' e with e independent, G = [g_u], and its freedom is
    # trace(G'G)^2 / trace((G'G)^2).
    sizes = np.array([1, 2, 2, 5, 9, 14])
    n, unit = int(sizes.sum()), np.repeat(np.arange(6), sizes)
    left = np.eye(n) - np.full((n, n), 1 / n)
    columns = []
    for u in range(6):
        mine = unit == u
        values, vectors = np.linalg.eigh(left[np.ix_(mine, mine)])
        right = vectors @ np.diag(values**-0.5) @ vectors.T
        columns.append(left[:, mine] @ right @ np.full(mine.sum(), 1 / n))
    square = np.stack(columns).dot(np.stack(columns).T)
    expected = np.trace(square) ** 2 / np.trace(square @ square)
    c = stream(4, "many", "freedom").normal(0, 1, 6) * np.sqrt(sizes)
    found = spread_of_value((c - sizes * c.sum() / n) / n, sizes.astype(np.float64), 1.0, tails=False)
    assert found.freedom == pytest.approx(expected, rel=1e-9)


def test_skewed_contributions_have_less_freedom_by_hand() -> None:
    # 8 and eight times -1, parts 1/9: squares over 8/9 are 72 and 1.125, sum 81, of their squares 5194.125:
    # 2 · 81² / (5194.125 - 81²/9) = 13122/4465.125. A share tells its own variance: 9 - 1.
    c, rows = np.array([8.0] + [-1.0] * 8), np.ones(9)
    assert spread_of_value(c, rows, 1.0).freedom == pytest.approx(13122 / 4465.125)
    assert spread_of_value(c, rows, 1.0, tails=False).freedom == pytest.approx(8.0)


def test_contributions_to_a_total_are_taken_as_they_are() -> None:
    # They add up to the total, not to zero: nothing was fitted. Three units 1, 1, 4: 18 · 3/2 = 27; as gatherings
    # of four, all squares about the mean 1.5: (18 - 36/4) · 4/3 = 12, and for the empty one as of groups.
    at, c, rows = np.zeros(3, dtype=np.int64), np.array([1.0, 1.0, 4.0]), np.array([1.0, 1.0, 4.0])
    units = spreads_of_values(at, c, rows, np.array([6.0]))
    assert (units.variance.tolist(), units.freedom.tolist()) == ([27.0], [2.0])
    found = spreads_of_values(at, c, rows, np.array([6.0]), gatherings=4)
    reached = math.log(1 / 4) / math.log(3 / 4)
    assert found.variance.tolist() == [pytest.approx(12 * reached / (reached - 1))]


def test_one_unit_alone_has_no_freedom() -> None:
    found = spread_of_value(np.array([0.0]), np.array([7.0]), 2.0)
    assert (found.variance, found.freedom) == (0.0, 0.0)


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


units = st.lists(st.tuples(st.integers(0, 3), st.floats(-9, 9), st.integers(1, 200)), min_size=1, max_size=40)


@given(units, st.floats(0.1, 100.0), st.booleans())
def test_a_ratio_among_others_has_the_spread_it_has_alone(
    drawn: list[tuple[int, float, int]], scale: float, tails: bool
) -> None:
    at, extra, rows = (np.array(part) for part in zip(*drawn, strict=True))
    y = rows.astype(np.float64)
    x = (10 + extra) * y
    total = np.maximum(np.bincount(at, weights=y, minlength=4), 1.0)
    value = np.bincount(at, weights=x, minlength=4) / total
    c = (x - value[at] * y) / total[at]
    many = spreads_of_values(at, c, y, value, tails=tails)
    for i in range(4):
        mine = at == i
        if mine.sum() < 2:
            continue
        # The unit that rows are counted in does not matter, and squares only grow by what was fitted.
        alone = spread_of_value(c[mine], y[mine] * math.ceil(scale), float(value[i]), tails=tails)
        assert many.variance[i] == pytest.approx(alone.variance, rel=1e-9, abs=1e-24)
        assert many.variance[i] >= float(c[mine] @ c[mine]) - 1e-24
        assert 1 <= many.freedom[i] <= mine.sum() - 1
        if many.variance[i] > 1e-20:
            assert many.freedom[i] == pytest.approx(alone.freedom, rel=1e-6)


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


@pytest.mark.parametrize("units", [20, 60])
def test_ratios_of_few_and_unequal_units_cover_and_equal_ones_are_no_wider(units: int) -> None:
    # Rows of a unit lognormal (the largest of twenty has about a quarter), amounts gamma; truth 10. Over 2,000
    # draws the Monte Carlo error of a 95 % rate is 0.5 points: three of them are allowed. Units counted alike
    # cover 87 and 91 %.
    random, draws = stream(4, "many", "unequal", str(units)), 2000
    at = np.repeat(np.arange(draws), units)
    rows = np.ceil(random.lognormal(2.0, 1.2, len(at)))
    amount = rows * random.gamma(2.0, 5.0, len(at))
    total = np.bincount(at, weights=rows)
    value = np.bincount(at, weights=amount) / total
    c = (amount - value[at] * rows) / total[at]
    low, high = intervals(value, spreads_of_values(at, c, rows, value), level=0.95, low=0.0)
    covered = float(np.mean((low <= 10) & (high >= 10)))
    plain = spreads_of_units(np.bincount(at, weights=c**2), np.full(draws, float(units)))
    low, high = intervals(value, plain, level=0.95, low=0.0)
    assert float(np.mean((low <= 10) & (high >= 10))) < 0.92
    assert 0.935 <= covered <= 0.965
    normal = random.normal(10.0, 1.0, units)
    c = (normal - normal.mean()) / units
    one, other = spread_of_value(c, np.ones(units), float(normal.mean())), spread_of_units(c)
    wide, narrow = (np.ptp(interval(10.0, spread, level=0.95)) for spread in (one, other))
    assert narrow <= wide < 1.02 * narrow
