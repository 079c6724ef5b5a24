"""What intervals promise: values by hand, ranges that are never left, coverage with users nested and rows sampled."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.numerics.intervals import (
    Spread,
    combine,
    interval,
    is_skewed,
    poisson,
    spread_of_groups,
    spread_of_units,
    t_quantile,
    wilson,
)

close = pytest.approx


# by hand ---------------------------------------------------------------------------------------------------------


def test_wilson_agrees_with_a_calculation_by_hand() -> None:
    # p = 0.9, n = 10, z² = 3.841459: centre (0.9 + 0.192073)/1.384146 = 0.788987;
    # reach 1.959964/1.384146 · sqrt(0.009 + 0.00960365) = 0.193137.
    low, high = wilson(0.9, 10, level=0.95)
    assert (low, high) == (close(0.595850, abs=1e-6), close(0.982123, abs=1e-6))


def test_wilson_of_none_and_all_is_one_sided_but_not_empty() -> None:
    # n = 10: z²/(n + z²) = 3.841459/13.841459.
    assert wilson(0.0, 10, level=0.95) == (0.0, close(0.277533, abs=1e-6))
    assert wilson(1.0, 10, level=0.95) == (close(0.722467, abs=1e-6), 1.0)


def test_the_t_quantile_is_the_textbooks() -> None:
    # Student's table: 12.706 with one degree of freedom, 2.228 with ten, 1.960 at infinity.
    assert [round(t_quantile(0.95, k), 3) for k in (1, 10, math.inf)] == [12.706, 2.228, 1.96]


def test_units_give_poissons_variance_of_a_count_and_the_samples_variance_of_a_mean() -> None:
    assert spread_of_units(np.ones(100)).variance == close(100 * 100 / 99)
    x = np.array([1.0, 2.0, 3.0, 6.0])  # mean 3, sample variance 14/3, variance of the mean 14/12
    found = spread_of_units((x - 3.0) / 4)
    assert (found.variance, found.freedom) == (close(14 / 12), 3)


def test_random_groups_count_the_empty_ones() -> None:
    # Two of four groups hold 2 and 4: mean 1.5, squares 0.25 + 6.25 + 2 · 2.25 = 11, times 4/3. Two groups of
    # four are reached by ln(2/4)/ln(3/4) = 2.409421 units, whose own mean takes one: times 2.409421/1.409421.
    found = spread_of_groups(np.array([2.0, 4.0]), 4)
    assert (found.variance, found.freedom) == (close(44 / 3 * 1.709511, rel=1e-6), 1)
    # All four reached: nothing to correct.
    found = spread_of_groups(np.array([2.0, 4.0, 0.0, 0.0]), 4)
    assert (found.variance, found.freedom) == (close(44 / 3), 3)


def test_parts_add_with_satterthwaites_freedom() -> None:
    assert combine([Spread(3.0, 5), Spread(1.0, 20)]) == Spread(4.0, close(16 / (9 / 5 + 1 / 20)))
    assert combine([Spread(1.0, math.inf), Spread(1.0, 4)]).freedom == close(16)
    assert combine([]) == Spread(0.0, math.inf)


def test_none_seen_still_allows_3_69_expected_at_95_percent() -> None:
    low, high = poisson(0, level=0.95)
    assert low == 0.0
    assert high == close(3.688879, abs=1e-6)
    # Garwood (1936), as tabulated widely: 10 events, 4.7954 to 18.3904
    low, high = poisson(10, level=0.95)
    assert low == close(4.7954, abs=1e-4)
    assert high == close(18.3904, abs=1e-4)


# laws ------------------------------------------------------------------------------------------------------------

shares = st.floats(0, 1)
sizes = st.floats(1, 1e6)


@given(shares, sizes)
def test_wilson_holds_the_share_and_stays_within_0_and_1(share: float, n: float) -> None:
    low, high = wilson(share, n, level=0.95)
    assert 0 <= low <= share <= high <= 1


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.sampled_from([None, 0.0]), st.sampled_from([None, 1.0]))
def test_an_interval_holds_its_value_and_never_leaves_the_range(
    value: float, variance: float, low: float | None, high: float | None
) -> None:
    value = min(value, 1.0) if high is not None else value
    bottom, top = interval(value, Spread(variance, 10), level=0.95, low=low, high=high)
    slack = 1e-9 * max(1.0, value)
    assert bottom <= value + slack
    assert top >= value - slack
    assert low is None or bottom >= low
    assert high is None or top <= high


@given(st.floats(0.01, 100), st.floats(0.01, 10))
def test_on_the_log_scale_the_reciprocal_has_the_reciprocal_interval(value: float, error: float) -> None:
    a = interval(value, Spread((error * value) ** 2, math.inf), level=0.9, low=0.0)
    b = interval(1 / value, Spread((error / value) ** 2, math.inf), level=0.9, low=0.0)
    assert (a[0] * b[1], a[1] * b[0]) == (close(1), close(1))


# calibration -----------------------------------------------------------------------------------------------------

DRAWS = 600
# Monte Carlo error of a 95 % rate over 600 draws is 0.9 points; three of them are allowed.
LOW, HIGH = 0.95 - 0.027, 0.95 + 0.027


def _draw(random: np.random.Generator, users: int, sampled: bool) -> tuple[np.ndarray, ...]:
    """Requests nested in users, whose levels differ: user, success, positive skewed cost, weight."""
    sizes_ = random.geometric(0.25, users)
    user = np.repeat(np.arange(users), sizes_)
    level = random.normal(0, 1, users)[user]
    success = random.random(len(user)) < 1 / (1 + np.exp(-(0.8 + level)))
    cost = np.exp(random.normal(0, 0.7, len(user)) + 0.5 * level)
    chance = np.where(success, 0.5, 1.0) if sampled else np.ones(len(user))
    kept = random.random(len(user)) < chance
    return user[kept], success[kept].astype(float), cost[kept], 1 / chance[kept]


# E[1/(1+exp(-(0.8+z)))] for standard normal z, and E[exp(N(0, 0.7²) + 0.5 z)] = exp((0.49 + 0.25)/2).
_Z = np.linspace(-9, 9, 20_001)
SUCCESS = float((np.exp(-(_Z**2) / 2) / (1 + np.exp(-(0.8 + _Z)))).sum() / np.exp(-(_Z**2) / 2).sum())
COST = math.exp(0.37)


_GROUP = stream(13, "groups").integers(0, 64, 5000)  # the group of each user, as a hash gives it


def _z(user: np.ndarray, contribution: np.ndarray, groups: int | None) -> Spread:
    if groups is None:
        return spread_of_units(np.bincount(user, weights=contribution)[np.unique(user)])
    return spread_of_groups(np.bincount(_GROUP[user], weights=contribution, minlength=groups), groups)


@pytest.mark.parametrize("sampled", [False, True])
@pytest.mark.parametrize(("users", "groups"), [(40, None), (2000, 64)])
def test_shares_and_means_of_nested_requests_cover_95_percent(users: int, groups: int | None, sampled: bool) -> None:
    random = stream(11, "coverage", users, int(sampled))
    hits = np.zeros(3)
    naive = 0
    for _ in range(DRAWS):
        user, success, cost, weight = _draw(random, users, sampled)
        total = weight.sum()
        share, mean = (weight * success).sum() / total, (weight * cost).sum() / total
        spread = _z(user, weight * (success - share) / total, groups)
        low, high = wilson(share, min(share * (1 - share) / spread.variance, total), level=0.95, freedom=spread.freedom)
        hits[0] += low <= SUCCESS <= high
        spread = _z(user, weight * (cost - mean) / total, groups)
        low, high = interval(mean, spread, level=0.95, low=0.0)
        hits[1] += low <= COST <= high
        # Cost per success: its truth follows from the two, by the law of large numbers of each.
        ratio = mean / share
        spread = _z(user, weight * (cost - ratio * success) / (total * share), groups)
        low, high = interval(ratio, spread, level=0.95, low=0.0)
        hits[2] += low <= COST / SUCCESS <= high
        low, high = wilson(share, len(user), level=0.95)
        naive += low <= SUCCESS <= high
    rates = hits / DRAWS
    # 40 skewed units cost two points of coverage, which the t quantile does not give back.
    bottom = LOW - 0.02 if groups is None else LOW
    assert (rates >= bottom).all(), rates
    assert (rates <= HIGH).all(), rates
    assert naive / DRAWS < 0.90  # taking requests of one user for independent is what this prevents


@pytest.mark.parametrize("groups", [None, 64])
def test_a_count_of_random_units_covers_its_expectation(groups: int | None) -> None:
    random = stream(12, "counts", groups or 0)
    hits = 0
    for _ in range(DRAWS):
        n = int(random.poisson(400))
        spread = _z(random.permutation(5000)[:n], np.ones(n), groups)
        low, high = interval(n, spread, level=0.95, low=0.0)
        hits += low <= 400 <= high
    assert LOW <= hits / DRAWS <= HIGH


# misuse ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, -1.0])
def test_a_level_outside_0_and_1_is_an_error(level: float) -> None:
    with pytest.raises(InvalidInput, match="outside"):
        t_quantile(level, 10)


# skewness --------------------------------------------------------------------------------------------------------


def test_skewness_agrees_with_a_calculation_by_hand() -> None:
    # k ones among n: skewness (1 - 2p)/sqrt(p(1 - p)). 4 of 100: 4.695, 25 · 22.0 = 551 > 100.
    # 20 of 100: 1.5, 25 · 2.25 = 56 < 100.
    assert is_skewed(np.repeat([0.0, 1.0], [96, 4]))
    assert not is_skewed(np.repeat([0.0, 1.0], [80, 20]))
    assert not is_skewed(np.ones(50))
    assert not is_skewed(np.array([0.0, 0.0, 0.0, 9.0]))  # of so few nothing is claimed


def test_where_skew_is_not_named_means_of_skewed_amounts_keep_their_coverage_better() -> None:
    # Lognormal amounts (sd of the logarithm 1.2), 25 units: 95 % intervals hold the truth in about 87 of 100.
    random, truth = stream(41, "skewed"), math.exp(1.2**2 / 2)
    held: dict[bool, list[bool]] = {True: [], False: []}
    for _ in range(3000):
        x = random.lognormal(0, 1.2, 25)
        contributions = (x - x.mean()) / len(x)
        low, high = interval(float(x.mean()), spread_of_units(contributions), level=0.95, low=0.0)
        held[is_skewed(contributions)].append(low <= truth <= high)
    everything = [*held[True], *held[False]]
    assert 0.84 < np.mean(everything) < 0.92
    assert len(held[True]) / len(everything) > 0.9  # named in nearly every draw


def test_skew_is_seldom_named_where_there_is_none() -> None:
    random = stream(43, "normal")
    for units in (8, 25, 64, 500):
        named = [is_skewed(random.normal(0, 1, units)) for _ in range(1000)]
        assert np.mean(named) < 0.06


def test_random_groups_of_units_are_as_skewed_as_their_units() -> None:
    # 2,000 lognormal users in 64 groups: the units' skewness 7 to 12 would need 25 · 50 = 1,250 or more.
    random, agree = stream(47, "groups"), 0
    for _ in range(200):
        x = random.lognormal(0, 0.6, 6400) - math.exp(0.18)
        assert not is_skewed(x)
        agree += not is_skewed(x.reshape(64, 100).sum(axis=1))
    assert agree > 195
