"""What `rate_ratio` promises: values of SciPy and statsmodels, laws, false positives where units differ (a Poisson test
fires in a third), refusals where a ratio does not exist, and faults named."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.rates import confint_poisson_2indep
from statsmodels.stats.rates import test_poisson_2indep as poisson_test

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Moments, Reason, Refusal
from metricstack.experiments.effect import Effect
from metricstack.experiments.rates import rate_ratio

close = pytest.approx


def found(answer: Effect | Refusal) -> Effect:
    assert isinstance(answer, Effect), answer
    return answer


# by hand and by other implementations ----------------------------------------------------------------------------


def test_the_log_interval_agrees_with_a_calculation_by_hand() -> None:
    # 20 in 100 against 10 in 100: log 2 = 0.693147, error sqrt(1/20 + 1/10) = 0.387298, z = 1.789699,
    # times 1.959964: 0.759091; bounds exp(-0.065944) = 0.936183 and exp(1.452238) = 4.272668.
    effect = found(rate_ratio(control=(10, 100), treatment=(20, 100), method="log"))
    assert (effect.value, effect.standard_error) == (2.0, close(0.387298, abs=1e-6))
    assert (effect.low, effect.high) == (close(0.936183, abs=1e-5), close(4.272668, abs=1e-4))
    assert effect.p_value == close(0.073502, abs=1e-5)  # twice the normal tail at 1.789699


def test_the_exact_method_is_that_of_rs_poisson_test() -> None:
    # R 4, help page of poisson.test: poisson.test(c(11, 6+8+7), c(800, 1083+1050+878)) prints rate ratio 1.971488,
    # 95 percent confidence interval 0.8584264 4.2772659, p-value 0.07967.
    effect = found(rate_ratio(control=(21, 3011), treatment=(11, 800)))
    assert effect.value == close(1.971488, abs=1e-6)
    assert (effect.low, effect.high) == (close(0.8584264, abs=1e-7), close(4.2772659, abs=1e-7))
    assert effect.p_value == close(0.07967, abs=5e-6)


@pytest.mark.parametrize(("control", "treatment"), [((30, 54308.7), (60, 51477.5)), ((9, 40.0), (4, 52.0))])
def test_counts_agree_with_statsmodels_and_scipy(control: tuple[int, float], treatment: tuple[int, float]) -> None:
    arms = (*treatment, *control)
    for ours, theirs in (("exact", "exact-cond"), ("score", "score"), ("log", "wald-log")):
        effect = found(rate_ratio(control=control, treatment=treatment, method=ours))
        assert effect.p_value == close(poisson_test(*arms, method=theirs).pvalue, rel=1e-9), ours
    score = found(rate_ratio(control=control, treatment=treatment, method="score"))
    # statsmodels searches its bounds to 1e-8 or so
    assert (score.low, score.high) == close(confint_poisson_2indep(*arms, method="score", compare="ratio"), rel=1e-6)
    share = binomtest(treatment[0], treatment[0] + control[0]).proportion_ci()
    exact = found(rate_ratio(control=control, treatment=treatment, method="exact_central"))
    scale = control[1] / treatment[1]
    assert (exact.low, exact.high) == close([p / (1 - p) * scale for p in (share.low, share.high)])


def over_dispersed(seed: int, units: int, *, equal: bool = True) -> tuple[np.ndarray, np.ndarray]:
    rng = stream(seed, "over-dispersed", units)
    exposure = np.ones(units) if equal else rng.gamma(4, 0.25, units)
    return rng.poisson(2 * exposure * rng.gamma(0.8, 1 / 0.8, units)).astype(float), exposure


def test_one_dispersion_for_both_arms_is_that_of_a_quasi_poisson_regression() -> None:
    y, z = over_dispersed(1, 60)[0], over_dispersed(2, 50)[0]
    design = sm.add_constant(np.r_[np.zeros(60), np.ones(50)])
    fit = sm.GLM(np.r_[y, z], design, family=sm.families.Poisson()).fit(scale="X2", use_t=True)
    effect = found(
        rate_ratio(control=Moments.of_samples(y=y), treatment=Moments.of_samples(y=z), method="quasi_poisson")
    )
    assert effect.value == close(math.exp(fit.params[1]))
    assert effect.standard_error == close(fit.bse[1])
    assert effect.p_value == close(fit.pvalues[1])
    assert effect.freedom == 108


def test_the_robust_error_is_that_of_a_sandwich_with_exposures() -> None:
    (y, e), (z, f) = over_dispersed(3, 60, equal=False), over_dispersed(4, 60, equal=False)
    design = sm.add_constant(np.r_[np.zeros(60), np.ones(60)])
    model = sm.GLM(np.r_[y, z], design, family=sm.families.Poisson(), exposure=np.r_[e, f])
    fit = model.fit(cov_type="HC0")
    effect = found(
        rate_ratio(control=Moments.of_samples(events=y, hours=e), treatment=Moments.of_samples(events=z, hours=f))
    )
    assert effect.value == close(math.exp(fit.params[1]))
    assert effect.standard_error == close(fit.bse[1] * math.sqrt(60 / 59))  # ours divides by n - 1


def test_the_negative_binomials_error_by_hand() -> None:
    # Both arms n = 50, mean 2, variance 6: a = (6 - 2)/4 = 1, variance of a log mean (1/2 + 1)/50 = 0.03; two of them.
    # Moments' S carries n/(n-1): S = 49·6·50/49 = 300; a = sum(49/50 (300 - 100))/sum(49/50 · 200) = 1.
    arm = Moments.of(50, 2.0, 6.0)
    effect = found(rate_ratio(control=arm, treatment=arm, method="negative_binomial"))
    assert effect.standard_error == close(math.sqrt(0.06))


# laws ------------------------------------------------------------------------------------------------------------

counts = st.tuples(st.integers(1, 300), st.floats(1.0, 1000.0))


@given(counts, counts, st.sampled_from(["exact", "exact_central", "score", "log"]))
def test_swapping_the_arms_gives_the_reciprocal(a: tuple[int, float], b: tuple[int, float], method: str) -> None:
    one, other = (found(rate_ratio(control=x, treatment=y, method=method)) for x, y in ((a, b), (b, a)))
    assert one.value == close(1 / other.value)
    assert one.low == close(1 / other.high)  # type: ignore[operator]
    assert one.p_value == close(other.p_value, rel=1e-6)


@given(counts, counts, st.sampled_from(["exact_central", "score", "log"]))
def test_the_interval_leaves_out_1_exactly_where_the_p_value_does(
    a: tuple[int, float], b: tuple[int, float], method: str
) -> None:
    effect = found(rate_ratio(control=a, treatment=b, method=method))
    if abs(effect.p_value - 0.05) > 1e-9:  # type: ignore[operator]
        assert (effect.p_value < 0.05) == (not effect.low <= 1 <= effect.high)  # type: ignore[operator]


def test_where_the_exact_p_value_and_interval_disagree_it_is_said() -> None:
    # Find one among small counts: SciPy's p-value below 5 % with 1 inside Clopper and Pearson's bounds, or the reverse.
    said = [
        check
        for a in range(1, 15)
        for b in range(1, 15)
        for check in found(rate_ratio(control=(a, 2.0), treatment=(b, 1.0))).checks
    ]
    assert said
    assert all(check.passed is False and "exact_central" in check.detail for check in said)


# calibration -----------------------------------------------------------------------------------------------------


def test_where_units_differ_a_poisson_test_fires_in_a_third_and_sums_per_unit_do_not() -> None:
    # No effect; rates of units are gamma with shape 0.8, exposures vary; 100 units an arm. 1,000 draws: Monte Carlo
    # error of 5 % is 0.7 points. Measured: counts 35 %, robust 5.8 %, quasi-Poisson 4.4 %, negative binomial 5.0 %.
    rng, draws = stream(5, "rates"), 1000
    exposure = rng.gamma(4, 0.25, (2, draws, 100))
    events = rng.poisson(2 * exposure * rng.gamma(0.8, 1 / 0.8, exposure.shape)).astype(float)
    hits = dict.fromkeys(("counts", "robust", "quasi_poisson", "negative_binomial"), 0)
    for draw in range(draws):
        arms = [Moments.of_samples(y=events[arm, draw], e=exposure[arm, draw]) for arm in (0, 1)]
        for method in hits:
            if method == "counts":
                c, t = ((int(events[arm, draw].sum()), float(exposure[arm, draw].sum())) for arm in (0, 1))
                effect = found(rate_ratio(control=c, treatment=t, method="score"))
            else:
                effect = found(rate_ratio(control=arms[0], treatment=arms[1], method=method))
            hits[method] += effect.p_value < 0.05  # type: ignore[operator]
    assert hits.pop("counts") > 0.25 * draws
    for method, count in hits.items():
        assert 0.025 < count / draws < 0.08, method


def test_exact_bounds_of_true_poisson_counts_cover_at_least_95_percent() -> None:
    # Truth 1.5; 10 against 15 expected. 2,000 draws: error 0.5 points; exact intervals are conservative.
    rng = stream(6, "poisson")
    pairs = [(int(a), int(b)) for a, b in zip(rng.poisson(10, 2000), rng.poisson(15, 2000), strict=True) if a]
    effects = [found(rate_ratio(control=(a, 1.0), treatment=(b, 1.0))) for a, b in pairs]
    assert np.mean([e.low <= 1.5 <= e.high for e in effects]) > 0.945  # type: ignore[operator]


# refusal ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("control", "treatment", "method", "reason"),
    [
        ((0, 10.0), (0, 10.0), None, Reason.NO_DATA),
        ((0, 10.0), (5, 10.0), None, Reason.UNDEFINED_RATIO),
        ((5, 10.0), (0, 10.0), "log", Reason.UNDEFINED_RATIO),
        (Moments.of(1, 2.0, 0.0), Moments.of(10, 2.0, 1.0), None, Reason.TOO_FEW_UNITS),
        (Moments.of(10, 0.0, 0.0), Moments.of(10, 0.0, 0.0), None, Reason.NO_DATA),
        (Moments.of(10, 0.0, 0.0), Moments.of(10, 2.0, 1.0), None, Reason.UNDEFINED_RATIO),
        (Moments.of(10, 2.0, 0.0), Moments.of(10, 2.0, 0.0), None, Reason.NO_VARIATION),
    ],
)
def test_rates_without_a_ratio_are_refused(
    control: Moments, treatment: Moments, method: str | None, reason: Reason
) -> None:
    answer = rate_ratio(control=control, treatment=treatment, method=method)
    assert isinstance(answer, Refusal)
    assert answer.reason == reason
    assert answer.remedy


def test_no_event_in_control_still_tells_the_least_ratio() -> None:
    # 5 of 5 in treatment with equal exposures: p = 2 · 0.5⁵ = 0.0625; the share is at least 0.025^(1/5) = 0.478176.
    answer = rate_ratio(control=(0, 10.0), treatment=(5, 10.0))
    assert isinstance(answer, Refusal)
    assert "0.916 at least" in answer.detail  # 0.478176/0.521824
    assert "p = 0.0625" in answer.detail


def test_no_event_in_treatment_is_a_ratio_of_0_with_an_upper_bound() -> None:
    # (1 - 0.025^(1/5))/0.025^(1/5) = 0.521824/0.478176.
    effect = found(rate_ratio(control=(5, 10.0), treatment=(0, 10.0)))
    assert (effect.value, effect.low, effect.high) == (0.0, 0.0, close(1.091280, abs=1e-5))


# misuse ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("control", "told"),
    [((-1, 10.0), "not negative"), ((1.5, 10.0), "whole number"), ((1, 0.0), "above 0"), ((1, math.nan), "above 0"),
     (5, "events, exposure"), (Moments.of(5, 1.0, 1.0), "both alike")],
)  # fmt: skip
def test_counts_that_are_none_are_named(control: tuple[float, float], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        rate_ratio(control=control, treatment=(3, 10.0))


def test_a_method_of_the_other_kind_is_unknown() -> None:
    with pytest.raises(UnknownName, match="robust"):
        rate_ratio(control=(1, 10.0), treatment=(3, 10.0), method="robust")
    with pytest.raises(InvalidInput, match="level"):
        rate_ratio(control=(1, 10.0), treatment=(3, 10.0), level=0)
    with pytest.raises(InvalidInput, match="both count"):
        rate_ratio(control=Moments.of(5, -1.0, 1.0), treatment=Moments.of(5, 1.0, 1.0))
