"""What `pool` promises: three effects by hand, the numbers of statsmodels, laws, calibration, refusal.

The published meta-analyses are in `cases.json`.
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Reason, Refusal
from metricstack.experiments.families import Heterogeneity, heterogeneity
from metricstack.linkage.pooling import Pooled, pool

close = pytest.approx
samples = st.lists(
    st.tuples(st.integers(-300, 300).map(lambda x: x / 100), st.integers(10, 200).map(lambda x: x / 100)),
    min_size=4, max_size=12, unique_by=lambda pair: pair[0],
).map(np.array)  # fmt: skip


def pooled(found: Pooled | Refusal) -> Pooled:
    assert isinstance(found, Pooled), found
    return found


# By hand, and by another implementation


def test_three_effects_by_hand() -> None:
    # 1, 2, 3 with errors 1/2: mean 2, Q = 2 / 0.25 = 8 on 2; tau² = (8 - 2) / (12 - 48/12) = 0.75, which is what
    # restricted likelihood gives too where errors are equal: s² - v = 1 - 0.25. Each counts 1 / (0.25 + 0.75) = 1.
    for method in ("DL", "REML"):
        found = pooled(pool([1, 2, 3], [0.5, 0.5, 0.5], method, hartung_knapp=False))
        assert found.effect.value == close(2.0)
        assert found.effect.standard_error == close(3**-0.5)
        assert (found.q, found.freedom, found.i_squared) == close((8.0, 2, 0.75))
        assert found.tau_squared.value == close(0.75)
        assert found.prediction is not None
        assert found.prediction.high == close(2 + 1.959964 * (0.75 + 1 / 3) ** 0.5, abs=1e-6)


def test_the_scatter_makes_it_less_sure_and_never_surer() -> None:
    # equal errors: the scatter about the mean by 1 / (0.25 + tau²) is (k - 1) by construction of tau², so the factor
    # is 1; where the effects are closer than their errors it would be below 1, and is taken for 1
    spread = pooled(pool([1, 2, 3], [0.5, 0.5, 0.5]))
    assert spread.effect.standard_error == close(3**-0.5)
    assert spread.effect.high == close(2 + stats.t.ppf(0.975, 2) * 3**-0.5)
    near = pooled(pool([1.0, 1.01, 1.02], [0.5, 0.5, 0.5]))
    assert near.effect.standard_error == close(0.5 * 3**-0.5)
    assert near.tau_squared.value == 0.0


@settings(max_examples=50)
@given(samples)
def test_moments_are_those_of_statsmodels(sample: Any) -> None:
    y, error = sample.T
    w = 1 / error**2
    assume(w @ (y - w @ y / w.sum()) ** 2 > len(y) - 1)  # statsmodels lets the variance go below 0, where there is none
    theirs = combine_effects(y, error**2, method_re="dl")
    found = pooled(pool(y, error, "DL", hartung_knapp=False))
    assert found.tau_squared.value == close(theirs.tau2, rel=1e-6, abs=1e-9)
    assert found.effect.value == close(theirs.mean_effect_re, abs=1e-8)
    assert found.effect.standard_error == close(theirs.sd_eff_w_re, rel=1e-6)
    assert found.q == close(theirs.q, rel=1e-8)


@settings(max_examples=50)
@given(samples)
def test_q_and_the_variance_are_those_of_the_test_of_segments(sample: Any) -> None:
    y, error = sample.T
    theirs = heterogeneity(list(zip(y, error, strict=True)))
    assert isinstance(theirs, Heterogeneity)
    found = pooled(pool(y, error, "DL"))
    assert (found.q, found.q_p_value) == close((theirs.q, theirs.p_value), rel=1e-8, abs=1e-9)
    assert found.tau_squared.value == close(theirs.tau_squared, rel=1e-6, abs=1e-9)


@settings(max_examples=50)
@given(samples)
def test_no_other_variance_has_a_larger_restricted_likelihood(sample: Any) -> None:
    y, error = sample.T
    v, best = error**2, pooled(pool(y, error, "REML")).tau_squared.value

    def likelihood(tau: float) -> float:
        w = 1 / (v + tau)
        mean = w @ y / w.sum()
        return float(np.log(w).sum() - np.log(w.sum()) - w @ (y - mean) ** 2) / 2

    near = [max(best + step, 0.0) for step in (-0.1, -0.01, 0.01, 0.1)]
    assert likelihood(best) >= max(likelihood(tau) for tau in near) - 1e-7


@pytest.mark.parametrize(
    ("y", "error", "low", "high"),
    [
        # Two tops, of which steps from the moments reach the lower: at 0, and beyond 0.1. Likelihoods by a fine grid.
        (
            [-0.05, -1.2, 0.8, 0.17, 0.02, -0.52, 1.17, -0.75],
            [2.39, 0.14, 1.51, 2.96, 0.79, 1.37, 2.52, 1.75],
            0.2,
            0.5,
        ),
        ([-0.04, 0.05, -5.13], [0.13, 0.13, 1.68], 4.0, 8.0),
        (
            [-0.1, -0.03, -0.09, -0.05, 0.09, 1.46, 0.25, 1.05],
            [0.06, 0.12, 0.13, 0.56, 0.46, 0.48, 1.35, 0.56],
            0,
            1e-9,
        ),
    ],
)
def test_of_two_tops_of_the_restricted_likelihood_the_higher_is_taken(
    y: list[float], error: list[float], low: float, high: float
) -> None:
    assert low <= pooled(pool(y, error)).tau_squared.value <= high


# Laws


def test_scale_and_order_do_not_matter() -> None:
    rng = stream(31, "pool")
    y, error, x = rng.normal(size=9), rng.uniform(0.2, 1, 9), rng.normal(size=9)
    one = pooled(pool(y, error, moderators=x))
    order = rng.permutation(9)
    other = pooled(pool(10 * y[order], 10 * error[order], moderators=x[order]))
    assert other.effect.value == close(10 * one.effect.value)
    assert other.tau_squared.value == close(100 * one.tau_squared.value)
    assert other.moderators[0][1].low == close(10 * one.moderators[0][1].low)  # type: ignore[operator]
    assert (other.q, other.i_squared) == close((one.q, one.i_squared))


def test_the_interval_of_the_variance_holds_where_q_lies_between_its_quantiles() -> None:
    rng = stream(32, "profile")
    y, error = 2 * rng.normal(size=15), rng.uniform(0.2, 1, 15)
    found = pooled(pool(y, error)).tau_squared
    for bound, quantile in ((found.low, 0.975), (found.high, 0.025)):
        assert bound is not None
        w = 1 / (error**2 + bound)
        q = w @ (y - w @ y / w.sum()) ** 2
        assert q == close(stats.chi2.ppf(quantile, 14))


def test_a_moderator_that_says_all_leaves_no_variance() -> None:
    x = np.linspace(0, 1, 12)
    found = pooled(pool(3 * x, np.full(12, 0.01), moderators=x, names=["dose"]))
    assert found.moderators[0][0] == "dose"
    assert found.moderators[0][1].value == close(3.0)
    assert (found.tau_squared.value, found.explained) == (0.0, 1.0)
    assert found.prediction is None


# Calibration


@pytest.mark.parametrize("k", [5, 12])
def test_the_mean_and_the_next_effect_are_covered(k: int) -> None:
    # True effects scatter by as much as their errors. 250 draws: the Monte Carlo error of a 95 % rate is 1.4 points;
    # three of them are allowed below.
    rng = stream(33, f"pool {k}")
    mean, following = 0, 0
    for _ in range(250):
        error = rng.uniform(0.5, 1.5, k)
        y = 1 + rng.normal(size=k) + error * rng.normal(size=k)
        found = pooled(pool(y, error))
        mean += found.effect.low <= 1 <= found.effect.high  # type: ignore[operator]
        one = 1 + rng.normal()
        assert found.prediction is not None
        following += found.prediction.low <= one <= found.prediction.high  # type: ignore[operator]
    assert mean / 250 >= 0.908
    assert following / 250 >= 0.908


# Refusal and misuse


def test_one_effect_is_refused() -> None:
    found = pool([1.0], [0.5])
    assert isinstance(found, Refusal)
    assert found.reason is Reason.TOO_FEW_UNITS


def test_moderators_that_say_the_same_are_refused() -> None:
    x = np.arange(6.0)
    found = pool(x, np.ones(6), moderators=np.column_stack([x, 2 * x]))
    assert isinstance(found, Refusal)
    assert found.reason is Reason.NO_VARIATION


@pytest.mark.parametrize(
    "wrong",
    [
        {"standard_errors": [0.5, 0.5]},
        {"standard_errors": [0.5, 0.0, 0.5]},
        {"effects": [1.0, float("nan"), 2.0]},
        {"moderators": [1.0, 2.0]},
        {"moderators": [1.0, 2.0, 3.0], "names": ["a", "b"]},
        {"level": 0.0},
    ],
)
def test_what_cannot_be_right_is_said(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        pool(**({"effects": [1.0, 2.0, 3.0], "standard_errors": [0.5, 0.5, 0.5]} | wrong))


def test_an_unknown_method_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'REML'"):
        pool([1.0, 2.0], [1.0, 1.0], "RMEL")


def test_columns_name_the_moderators_and_text_is_none() -> None:
    y, error, dose = [1.0, 2.0, 4.0, 7.0], np.ones(4), pd.DataFrame({"dose": [1, 2, 3, 5], "year": [1, 0, 1, 0]})
    assert [name for name, _ in pooled(pool(y, error, moderators=dose)).moderators] == ["dose", "year"]
    assert pooled(pool(y, error, moderators=dose["dose"])).moderators[0][0] == "dose"
    with pytest.raises(InvalidInput, match="numbers"):
        pool(y, error, moderators=["a", "b", "a", "b"])
    with pytest.raises(InvalidInput, match="numbers"):
        pool(["a", "b"], [1.0, 1.0])


def test_the_mean_effect_is_at_hand() -> None:
    found = pooled(pool([1.0, 2.0, 4.0], [0.5, 0.5, 0.5]))
    mean = found.effect
    assert (found.estimate, found.value, found.low, found.high) == (mean.estimate, mean.value, mean.low, mean.high)
    assert (found.p_value, found.standard_error, found.unit) == (mean.p_value, mean.standard_error, mean.unit)
