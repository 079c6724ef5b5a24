"""What guards of the split promise: SciPy's numbers, alarms where rare *and* large, a daily watch that holds."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Moments, Reason, Refusal
from metricstack.experiments.guards import Balance, SampleRatio, balance, sample_ratio

close = pytest.approx


def split(found: SampleRatio | Refusal) -> SampleRatio:
    assert isinstance(found, SampleRatio)
    return found


def alike(found: Balance | Refusal) -> Balance:
    assert isinstance(found, Balance)
    return found


# By hand, and by another implementation


def test_a_published_mismatch() -> None:
    # Kohavi, Tang and Xu (2020), chapter 3: 821,588 and 815,482 users, p = 1.8e-6. It is off by 0.37 % of itself.
    found = split(sample_ratio([821_588, 815_482]))
    assert found.p_value == close(1.8e-6, rel=0.03)
    assert found.deviation == close(3053 / 818_535)
    assert not found.mismatch
    assert split(sample_ratio([821_588, 815_482], tolerance=0.001)).mismatch


def test_an_arm_without_weight_takes_no_degree_of_freedom() -> None:
    found = split(sample_ratio([480, 520, 0], [1, 1, 0]))
    assert (found.freedom, found.statistic) == (1, close(1.6))  # 2 * 20^2 / 500
    assert found.p_value == close(stats.chi2.sf(1.6, 1))


def test_units_in_an_arm_without_weight_are_a_mismatch() -> None:
    found = split(sample_ratio([500, 500, 1], [1, 1, 0]))
    assert (found.p_value, found.mismatch, found.check.passed) == (0.0, True, False)


@given(st.lists(st.integers(10, 5000), min_size=2, max_size=5))
def test_chi_square_is_that_of_scipy(counts: list[int]) -> None:
    wanted = stats.chisquare(counts)
    found = split(sample_ratio(counts))
    assert (found.statistic, found.p_value) == (close(wanted.statistic), close(wanted.pvalue, abs=1e-12))


@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.1, 0.9))
def test_the_exact_test_of_two_arms_is_that_of_scipy(first: int, second: int, share: float) -> None:
    if first + second:
        found = split(sample_ratio([first, second], [share, 1 - share], "exact"))
        assert found.p_value == close(stats.binomtest(first, first + second, share).pvalue, rel=1e-6)


def test_the_exact_test_of_three_arms_by_hand() -> None:
    # Three units, equal arms: (3, 0, 0) in any order has 3/27, (2, 1, 0) 18/27, (1, 1, 1) 6/27 = 0.2222 of one outcome.
    # Outcomes no likelier than one with (3, 0, 0), 1/27: those three, p = 3/27.
    assert split(sample_ratio([3, 0, 0], method="exact")).p_value == close(3 / 27)
    assert split(sample_ratio([2, 1, 0], method="exact")).p_value == close(21 / 27)


def test_the_sequential_factor_by_hand() -> None:
    # Prior Dirichlet(1, 1) (concentration 2), counts 3 and 1: B(4, 2) / B(1, 1) = 1/20; over 0.5^4: 16/20.
    # Counts 8 and 0: B(9, 1) = 1/9; 256/9 = 28.444; p = 9/256.
    assert split(sample_ratio([3, 1], method="sequential", concentration=2)).statistic == close(math.log(0.8))
    assert split(sample_ratio([8, 0], method="sequential", concentration=2)).p_value == close(9 / 256)


def test_balance_of_one_covariate_is_the_t_test() -> None:
    random = stream(1, "balance")
    a, b = random.normal(size=40), random.normal(0.3, size=60)
    found = alike(balance(control=Moments.of_samples(value=a), treatment=Moments.of_samples(value=b)))
    assert found.p_value == close(stats.ttest_ind(a, b).pvalue)


def test_balance_of_two_covariates_is_hotellings_test_of_statsmodels() -> None:
    from statsmodels.stats.multivariate import test_mvmean_2indep

    random = stream(2, "balance")
    a, b = random.normal(size=(40, 2)) @ [[1, 0.5], [0, 2]], random.normal(0.2, size=(30, 2)) @ [[1, 0.5], [0, 2]]
    wanted = test_mvmean_2indep(b, a)
    found = alike(balance(
        control=Moments.of_samples(x=a[:, 0], y=a[:, 1]), treatment=Moments.of_samples(x=b[:, 0], y=b[:, 1])
    ))  # fmt: skip
    assert (found.statistic, found.p_value, found.freedom) == (close(wanted.statistic), close(wanted.pvalue), (2, 67))


# Laws


@given(st.lists(st.integers(20, 900), min_size=3, max_size=3), st.sampled_from(["chi_square", "sequential"]))
def test_the_order_of_arms_does_not_matter(counts: list[int], method: str) -> None:
    one, other = sample_ratio(counts, [1, 2, 3], method), sample_ratio(counts[::-1], [3, 2, 1], method)
    # Logarithms of factorials of ten thousands are added in another order: rounding at 1e-11.
    assert split(one).p_value == close(split(other).p_value, abs=1e-9)


def test_a_daily_watch_remembers_its_smallest_p_value() -> None:
    days = [[60, 20], [100, 90], [200, 199]]
    each = [split(sample_ratio(day, method="sequential")).p_value for day in days]
    assert split(sample_ratio(days, method="sequential")).p_value == close(min(each))


def test_balance_does_not_depend_on_units_or_on_a_covariate_said_twice() -> None:
    random = stream(3, "balance")
    x, y = random.normal(size=(2, 50)), random.normal(size=(2, 50))
    a, b = (Moments.of_samples(x=x[arm], y=y[arm]) for arm in (0, 1))
    c, d = (Moments.of_samples(x=1e6 * x[arm], y=y[arm], z=y[arm] - 3 * x[arm]) for arm in (0, 1))
    one, other = alike(balance(control=a, treatment=b)), alike(balance(control=c, treatment=d))
    assert (one.p_value, one.freedom) == (close(other.p_value, rel=1e-6), other.freedom)


def test_a_constant_that_differs_is_no_balance() -> None:
    a = Moments(20, np.array([1.0, 0.0]), np.diag([0.0, 19.0]), ("region", "age"))
    b = Moments(20, np.array([2.0, 0.0]), np.diag([0.0, 19.0]), ("region", "age"))
    found = alike(balance(control=a, treatment=b))
    assert (found.balanced, found.differences[0][1], found.check.passed) == (False, math.inf, False)


# Calibration


def test_a_split_watched_for_thirty_days_alarms_no_more_often_than_promised() -> None:
    # 20,000 experiments, 200 units a day. Chi-square every day at 5 % alarms in about 28 %; three Monte Carlo errors
    # are 0.0095. The sequential test stays at or below 5 % whatever its prior.
    days = stream(4, "watch").binomial(200, 0.5, size=(20_000, 30)).cumsum(axis=1)
    n = 200 * np.arange(1, 31)
    z = np.abs(days - n / 2) / np.sqrt(n / 4)
    assert float((z > 1.959964).any(axis=1).mean()) == close(0.28, abs=0.015)
    for concentration in (2.0, 100.0, 10_000.0):
        alarms = 0
        for path in days[:1500]:
            watched = sample_ratio(
                np.stack([path, n - path], axis=1), method="sequential", concentration=concentration
            )  # fmt: skip
            alarms += split(watched).p_value < 0.05
        assert alarms / 1500 <= 0.05 + 0.017  # three Monte Carlo errors


def test_a_broken_split_is_found_by_each_test() -> None:
    # 51 % in place of 50 %, 200,000 units: z is about 9.
    first = int(stream(5, "broken").binomial(200_000, 0.51))
    for method in ("chi_square", "exact", "sequential"):
        assert split(sample_ratio([first, 200_000 - first], method=method)).mismatch


def test_chi_square_and_balance_err_as_often_as_they_say() -> None:
    # 4,000 draws: Monte Carlo error 0.0034 at 5 %.
    random = stream(6, "splits")
    counts = random.multinomial(1000, [0.5, 0.3, 0.2], size=4000)
    p = np.array([split(sample_ratio(row, [5, 3, 2])).p_value for row in counts])
    assert float((p < 0.05).mean()) == close(0.05, abs=0.0103)
    arms = random.normal(size=(2000, 2, 3, 30))
    q = np.array([
        alike(balance(control=Moments.of_samples(x=a[0], y=a[1], z=a[2]),
                      treatment=Moments.of_samples(x=b[0], y=b[1], z=b[2]))).p_value
        for a, b in arms
    ])  # fmt: skip
    assert float((q < 0.05).mean()) == close(0.05, abs=0.0146)


# Refusal


def test_too_little_is_refused() -> None:
    one, x = Moments.of(1, 0.0, 0.0), Moments.of(20, 1.0, 0.0)
    for found, reason in (
        (sample_ratio([0, 0]), Reason.NO_DATA),
        (sample_ratio([3, 1]), Reason.TOO_FEW_UNITS),
        (balance(control=one, treatment=x), Reason.TOO_FEW_UNITS),
        (balance(control=x, treatment=x), Reason.NO_VARIATION),
    ):
        assert isinstance(found, Refusal)
        assert found.reason == reason


# Misuse


def test_counts_and_shares_that_are_none_are_errors() -> None:
    for call in (
        lambda: sample_ratio([-1, 5]),
        lambda: sample_ratio([1.5, 5]),
        lambda: sample_ratio([math.nan, 5]),
        lambda: sample_ratio([]),
        lambda: sample_ratio([5, 5], [1, 1, 1]),
        lambda: sample_ratio([5, 5], [1, 0]),
        lambda: sample_ratio([5, 5], [1, -1]),
        lambda: sample_ratio([[5, 5], [6, 6]]),
        lambda: sample_ratio([[5, 5], [4, 6]], method="sequential"),
        lambda: sample_ratio([5, 5], alpha=0.0),
        lambda: sample_ratio([5, 5], method="sequential", concentration=0.0),
        lambda: sample_ratio([3000, 3000, 3000], method="exact"),
        lambda: balance(control=Moments.of(9, 0, 1), treatment=Moments.of_samples(x=[1.0, 2.0])),
    ):
        with pytest.raises(InvalidInput):
            call()
    with pytest.raises(UnknownName, match="chi_square"):
        sample_ratio([50, 50], method="chisquare")


def test_several_priors_of_a_broken_split_are_averaged_and_find_a_large_break_early() -> None:
    # Factors of 10 and 1,000 at one look: their mean, by hand from each alone.
    alone = [sample_ratio([140, 60], method="sequential", concentration=one) for one in (10.0, 1000.0)]
    both = sample_ratio([140, 60], method="sequential", concentration=(10.0, 1000.0))
    factors = [math.exp(one.statistic) for one in alone]
    assert both.statistic == pytest.approx(math.log(sum(factors) / 2))
    assert both.p_value == pytest.approx(2 / sum(factors))
    assert both.mismatch
    assert not alone[1].mismatch  # a prior of small breaks alone finds it too late
