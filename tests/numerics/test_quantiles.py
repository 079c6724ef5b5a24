"""What quantiles promise: values by hand and as NumPy's, histograms within their bin, coverage with users nested."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.numerics.quantiles import (
    BIN_RATIO,
    NOT_POSITIVE,
    bin_edges,
    bin_inverse,
    order_statistics,
    quantile_by_group,
    quantile_of_bins,
    quantile_of_sample,
    sample_inverse,
)

close = pytest.approx
samples = st.lists(st.floats(0.01, 1000), min_size=1, max_size=40).map(np.array)
shares = st.floats(0.01, 0.99)


# by hand ---------------------------------------------------------------------------------------------------------


def test_order_statistics_of_ten_values_for_the_median_are_the_textbooks() -> None:
    # Conover's table: for n = 10 the 95 % interval of the median runs from the 2nd to the 9th (97.9 %).
    found = order_statistics(np.arange(1.0, 11.0), 0.5)
    assert (found.value, found.low, found.high) == (5.5, 2.0, 9.0)


def test_too_few_values_for_a_bound_leave_it_open() -> None:
    # Five values: P(all on one side of the median) = 1/32 > 2.5 %.
    found = order_statistics(np.arange(5.0), 0.5)
    assert (found.low, found.high) == (-math.inf, math.inf)
    found = order_statistics(np.arange(6.0), 0.5)
    assert (found.low, found.high) == (0.0, 5.0)


def test_a_weighted_quantile_by_hand() -> None:
    # Places: before/(before + after). 1: 0; 2 (weight 3): 1/(1+1); 3: 1.
    assert quantile_of_sample(np.array([1.0, 2.0, 3.0]), 0.5, np.array([1.0, 3.0, 1.0])) == 2.0
    assert quantile_of_sample(np.array([3.0, 1.0, 2.0]), 0.25, np.array([1.0, 1.0, 3.0])) == 1.5


def test_the_bin_of_what_is_not_positive_is_zero() -> None:
    bins, weights = np.array([NOT_POSITIVE, 0]), np.array([3.0, 1.0])
    assert quantile_of_bins(bins, weights, 0.5) == 0.0
    low, high = bin_edges(bins)
    assert (low[0], high[0], high[1]) == (0.0, 0.0, 1.0)


# laws ------------------------------------------------------------------------------------------------------------


@given(samples, shares)
def test_without_weights_it_is_numpys_linear_quantile(x: np.ndarray, p: float) -> None:
    assert quantile_of_sample(x, p) == np.quantile(x, p)
    assert quantile_of_sample(x, p, np.full(len(x), 7.0)) == np.quantile(x, p)


@given(samples, shares)
def test_the_histograms_quantile_is_within_its_bin_of_an_order_statistic(x: np.ndarray, p: float) -> None:
    bins = np.ceil(np.log(x) / math.log(BIN_RATIO)).astype(np.int64)
    found = quantile_of_bins(bins, np.ones(len(x)), p)
    exact = sample_inverse(x, np.ones(len(x)))(p)
    assert exact / BIN_RATIO**1.001 <= found <= exact * BIN_RATIO**1.001


@given(samples, shares)
def test_histograms_merge_by_adding_and_not_by_averaging_quantiles(x: np.ndarray, p: float) -> None:
    bins = np.ceil(np.log(x) / math.log(BIN_RATIO)).astype(np.int64)
    half = len(x) // 2
    once, counts = np.unique(bins, return_counts=True)
    parts = [np.unique(part, return_counts=True) for part in (bins[:half], bins[half:])]
    merged = np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts]).astype(float)
    assert quantile_of_bins(*merged, p) == close(quantile_of_bins(once, counts.astype(float), p))


@given(samples, shares)
def test_an_interval_holds_its_quantile(x: np.ndarray, p: float) -> None:
    found = order_statistics(x, p)
    assert found.low <= found.value <= found.high


# calibration -----------------------------------------------------------------------------------------------------

DRAWS = 500
# Monte Carlo error of a 95 % rate over 500 draws is one point; three are allowed.
LOW, HIGH = 0.92, 0.985


@pytest.mark.parametrize("p", [0.5, 0.95])
@pytest.mark.parametrize(("sampled", "histogram"), [(False, False), (True, False), (True, True)])
def test_quantiles_of_nested_latencies_cover_95_percent(p: float, sampled: bool, histogram: bool) -> None:
    # log latency = user level N(0, 0.6²) + noise N(0, 0.8²): together N(0, 1), so the truth is exp(z_p).
    truth = math.exp({0.5: 0.0, 0.95: 1.6448536}[p])
    random = stream(21, "latency", int(100 * p), int(sampled), int(histogram))
    hits = naive = 0
    for _ in range(DRAWS):
        users = 600
        user = np.repeat(np.arange(users), random.integers(1, 8, users))
        x = np.exp(random.normal(0, 0.6, users)[user] + random.normal(0, 0.8, len(user)))
        chance = np.where(x > 3, 1.0, 0.3) if sampled else np.ones(len(user))
        kept = random.random(len(x)) < chance
        user, x, weight = user[kept], x[kept], 1 / chance[kept]
        if histogram:
            bins = np.ceil(np.log(x) / math.log(BIN_RATIO)).astype(np.int64)
            value, inverse = quantile_of_bins(bins, weight, p), bin_inverse(bins, weight)
        else:
            value, inverse = quantile_of_sample(x, p, weight), sample_inverse(x, weight)
        below = (x <= value).astype(float)
        found = quantile_by_group(user % 64, weight, below, p=p, value=value, inverse=inverse, exact_groups=False)
        hits += found.low <= truth <= found.high
        alone = order_statistics(x, p)
        naive += alone.low <= truth <= alone.high
    assert LOW <= hits / DRAWS <= HIGH, hits / DRAWS
    if sampled:
        assert naive / DRAWS < 0.5  # unweighted percentiles of tail-sampled telemetry are simply wrong
    elif p == 0.5:
        assert naive / DRAWS < 0.92  # requests of one user are not independent


# misuse ----------------------------------------------------------------------------------------------------------


def test_a_share_outside_0_and_1_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="95 is outside"):
        quantile_of_sample(np.array([1.0]), 95)


def test_one_cluster_gives_no_interval_and_says_so() -> None:
    x = np.arange(10.0)
    found = quantile_by_group(
        np.zeros(10), np.ones(10), (x <= 4.5).astype(float), p=0.5, value=4.5, inverse=sample_inverse(x, np.ones(10))
    )
    assert (found.low, found.high) == (-math.inf, math.inf)
    assert "one cluster" in found.method
