"""What paired comparisons promise: published intervals and SciPy's tests, laws, size and coverage, refusals, faults."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import ttest_rel, wilcoxon
from statsmodels.stats.contingency_tables import mcnemar

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Moments, Reason, Refusal
from metricstack.experiments.effect import Effect
from metricstack.experiments.pairs import paired_binary, paired_score

close = pytest.approx

# Darwin (1876), heights of crossed and self-fertilised maize in inches, as in Fisher, The Design of Experiments.
CROSSED = [23.5, 12, 21, 22, 19.125, 21.5, 22.125, 20.375, 18.25, 21.625, 23.25, 21, 22.125, 23, 12]
SELFED = [17.375, 20.375, 20, 20, 18.375, 18.625, 18.625, 15.25, 16.5, 18, 16.25, 18, 12.75, 15.5, 18]


def found(answer: Effect | Refusal) -> Effect:
    assert isinstance(answer, Effect), answer
    return answer


def table(a: int, b: int, c: int, d: int, **more: object) -> Effect:
    return found(paired_binary(both=a, only_treatment=b, only_control=c, neither=d, **more))  # type: ignore[arg-type]


# by hand and by others -------------------------------------------------------------------------------------------


def test_mcnemar_agrees_with_a_calculation_by_hand() -> None:
    # 1 against 7 of 8: exact 2 (1 + 8)/256 = 0.0703125; mid-p less 8/256: 0.0390625;
    # asymptotic |6|/sqrt(8) = 2.12132: 0.0338949; with continuity 5/sqrt(8) = 1.76777: 0.0770999.
    expected = {"exact": 0.0703125, "mid_p": 0.0390625, "asymptotic": 0.0338949, "continuity": 0.0770999}
    for test, p in expected.items():
        assert table(1, 1, 7, 12, test=test).p_value == close(p, abs=1e-7), test


def test_the_intervals_are_those_published_for_the_airways_of_21_children() -> None:
    # Fagerland, Lydersen and Laake (2014), Recommended tests and confidence intervals for paired binomial proportions,
    # Statistics in Medicine 33: Tango -0.517 to -0.026, Newcombe -0.507 to -0.026.
    tango, newcombe = table(1, 1, 7, 12), table(1, 1, 7, 12, method="newcombe")
    assert (round(tango.low, 3), round(tango.high, 3)) == (-0.517, -0.026)  # type: ignore[arg-type]
    assert (round(newcombe.low, 3), round(newcombe.high, 3)) == (-0.507, -0.026)  # type: ignore[arg-type]


@pytest.mark.parametrize(("b", "c", "n"), [(1, 7, 21), (16, 4, 52), (30, 12, 200)])
def test_on_tangos_bounds_a_searched_likelihood_gives_z(b: int, c: int, n: int) -> None:
    # The likeliest table under each bound, searched by SciPy instead of solved, stands 1.959964 errors away.
    effect = table(0, b, c, n - b - c)
    for d in (effect.low, effect.high):
        assert d is not None

        def unlikely(q: float, d: float = d) -> float:
            return -(b * math.log(q + d) + c * math.log(q) + (n - b - c) * math.log(1 - 2 * q - d))

        limits = (max(0.0, -d) + 1e-12, (1 - d) / 2 - 1e-12)
        q = minimize_scalar(unlikely, bounds=limits, method="bounded", options={"xatol": 1e-13}).x
        z = (b - c - n * d) / math.sqrt(n * (2 * q + d * (1 - d)))
        assert abs(z) == close(1.959964, abs=1e-6)


def test_the_presidents_approval_agrees_with_statsmodels() -> None:
    # Agresti, Categorical Data Analysis, table 10.1: 794, 150, 86, 570 of 1,600: z² = 17.36.
    cells = [[794, 150], [86, 570]]
    asymptotic = table(794, 86, 150, 570, test="asymptotic")
    assert asymptotic.p_value == close(mcnemar(cells, exact=False, correction=False).pvalue)
    assert asymptotic.value == -0.04
    exact, corrected = table(794, 86, 150, 570), table(794, 86, 150, 570, test="continuity")
    assert exact.p_value == close(mcnemar(cells, exact=True).pvalue)
    assert corrected.p_value == close(mcnemar(cells, exact=False, correction=True).pvalue)


def test_outcomes_and_their_counts_say_the_same() -> None:
    control, treatment = [1, 1, 0, 0, 0, 1, 0], [1, 0, 1, 1, 0, 1, 1]
    assert paired_binary(control=control, treatment=treatment) == table(2, 3, 1, 1)


def test_darwins_maize_agrees_with_scipy() -> None:
    theirs = ttest_rel(CROSSED, SELFED)
    effect = found(paired_score(control=SELFED, treatment=CROSSED))
    assert effect.p_value == close(theirs.pvalue)
    bounds = theirs.confidence_interval()
    assert (effect.low, effect.high) == (close(bounds.low), close(bounds.high))
    assert round(effect.value, 3) == 2.617  # Fisher: 314 eighths of an inch over 15 pairs
    ranks = wilcoxon(np.subtract(CROSSED, SELFED)).pvalue
    assert f"p = {ranks:.4g}" in effect.checks[0].detail


def test_scores_clustered_by_document_agree_with_statsmodels() -> None:
    step, groups = [0.1, 0.2, -0.1, 0.4, 0.3, 0.2, 0.5, -0.2, 0.1, 0.3], [0, 0, 0, 1, 1, 2, 2, 2, 3, 3]
    model = sm.OLS(np.array(step), np.ones(10))
    fit = model.fit(cov_type="cluster", cov_kwds={"groups": np.array(groups)}, use_t=True)
    effect = found(paired_score(control=np.zeros(10), treatment=step, clusters=groups))
    # With one regressor (N - 1)/(N - K) is 1: the correction is G/(G - 1), and t has G - 1, as ours.
    assert effect.standard_error == close(fit.bse[0])
    assert effect.p_value == close(fit.pvalues[0])
    assert effect.low == close(fit.conf_int()[0][0])


# laws ------------------------------------------------------------------------------------------------------------

cells = st.integers(0, 60)


@given(cells, cells, cells, cells, st.sampled_from(["tango", "newcombe"]))
def test_swapping_the_versions_turns_the_sign(a: int, b: int, c: int, d: int, method: str) -> None:
    assume(b + c > 0)
    one, other = table(a, b, c, d, method=method), table(a, c, b, d, method=method)
    assert one.value == -other.value
    assert one.low == close(-other.high, abs=1e-9)  # type: ignore[operator]
    assert one.p_value == other.p_value
    assert -1 <= one.low <= one.value <= one.high <= 1  # type: ignore[operator]


@given(cells, cells, cells, cells)
def test_tangos_interval_leaves_out_0_exactly_where_the_score_test_does(a: int, b: int, c: int, d: int) -> None:
    assume(b + c > 0)
    effect = table(a, b, c, d, test="asymptotic")
    assert (effect.p_value < 0.05) == (not effect.low <= 0 <= effect.high)  # type: ignore[operator]


scores = st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=3, max_size=40)


@given(scores)
def test_moments_of_pairs_say_what_the_scores_say(pairs: list[tuple[int, int]]) -> None:
    x, y = np.array(pairs, dtype=float).T
    assume(np.ptp(y - x) > 0)
    plain = found(paired_score(control=x, treatment=y))
    joint = found(paired_score(pairs=Moments.of_samples(control=x, treatment=y)))
    steps = found(paired_score(pairs=Moments.of_samples(difference=y - x)))
    for other in (joint, steps):
        assert other.value == close(plain.value, abs=1e-9)
        assert other.standard_error == close(plain.standard_error, rel=1e-6)


# calibration -----------------------------------------------------------------------------------------------------


def test_without_a_difference_the_tests_keep_their_level_and_the_interval_its_coverage() -> None:
    # 60 items, each version alone right on 8 %: 3,000 draws, Monte Carlo error of 5 % 0.4 points. Measured: exact
    # 0.7 %, mid-p 2 %, asymptotic 4.5 % (tables are few and small), Tango covers 96 %.
    cells = stream(1, "pairs").multinomial(60, [0.5, 0.08, 0.08, 0.34], 3000)
    results = {test: [paired_binary(both=int(a), only_treatment=int(b), only_control=int(c), neither=int(d), test=test)
                      for a, b, c, d in cells] for test in ("exact", "mid_p", "asymptotic")}  # fmt: skip
    rates = {
        test: np.mean([isinstance(e, Effect) and e.p_value < 0.05 for e in effects])  # type: ignore[operator]
        for test, effects in results.items()
    }
    assert rates["exact"] <= rates["mid_p"] <= 0.055
    assert 0.03 < rates["asymptotic"] < 0.062
    covered = [e.low <= 0 <= e.high for e in results["exact"] if isinstance(e, Effect)]  # type: ignore[operator]
    assert np.mean(covered) > 0.94


def test_questions_about_one_document_are_no_independent_items() -> None:
    # No effect; 50 documents of 10 questions, half of a difference's variance is the document's. 1,000 draws:
    # Monte Carlo error of 5 % is 0.7 points. Unclustered about 35 %.
    rng, groups = stream(2, "documents"), np.repeat(np.arange(50), 10)
    hits = np.zeros((1000, 2))
    for draw in range(1000):
        step = rng.normal(0, 0.7, 50)[groups] + rng.normal(0, 0.7, 500)
        flat, clustered = (
            found(paired_score(control=np.zeros(500), treatment=step, clusters=by)) for by in (None, groups)
        )
        hits[draw] = flat.p_value < 0.05, clustered.p_value < 0.05  # type: ignore[operator]
    assert hits[:, 0].mean() > 0.25
    assert 0.03 < hits[:, 1].mean() < 0.072


# refusal ---------------------------------------------------------------------------------------------------------


def test_versions_that_never_differ_are_no_test_but_a_bound() -> None:
    # Tango's bounds without any differing item: d with n d / sqrt(n d (1 - d)) = z: d = z²/(n + z²) = 3.8415/25.8415.
    answer = paired_binary(both=10, only_treatment=0, only_control=0, neither=12)
    assert isinstance(answer, Refusal)
    assert answer.reason == Reason.NO_VARIATION
    assert "between -0.149 and 0.149" in answer.detail


def test_too_little_to_compare_is_refused() -> None:
    reasons = {
        Reason.NO_DATA: paired_binary(control=[], treatment=[]),
        Reason.TOO_FEW_UNITS: paired_score(control=[1.0], treatment=[2.0]),
        Reason.NO_VARIATION: paired_score(control=[1.0, 2.0], treatment=[2.0, 3.0]),
    }
    for reason, answer in reasons.items():
        assert isinstance(answer, Refusal)
        assert answer.reason == reason
    one = paired_score(control=[1.0, 2.0, 4.0], treatment=[2.0, 3.0, 1.0], clusters=["a", "a", "a"])
    assert isinstance(one, Refusal)
    assert one.reason == Reason.TOO_FEW_UNITS


def test_an_outlier_that_makes_the_mean_differ_is_told() -> None:
    # 30 small gains and one great loss: ranks say better, the mean says nothing.
    step = np.r_[np.linspace(0.5, 1.5, 30), -60.0]
    effect = found(paired_score(control=np.zeros(31), treatment=step))
    assert effect.checks[0].name == "wilcoxon"
    assert effect.checks[0].passed is False


# misuse ----------------------------------------------------------------------------------------------------------


def test_inputs_that_do_not_fit_are_named() -> None:
    with pytest.raises(InvalidInput, match="hold 2; an outcome is 0 or 1"):
        paired_binary(control=[0, 2], treatment=[0, 1])
    with pytest.raises(InvalidInput, match="unequal length"):
        paired_binary(control=[0, 1], treatment=[0])
    with pytest.raises(InvalidInput, match="not negative"):
        paired_binary(both=1, only_control=-1, only_treatment=2, neither=3)
    with pytest.raises(InvalidInput, match="four counts"):
        paired_binary(both=1, only_control=1)
    with pytest.raises(UnknownName, match="Did you mean 'tango'"):
        paired_binary(control=[0, 1], treatment=[1, 1], method="tanga")
    with pytest.raises(UnknownName, match="mid_p"):
        paired_binary(control=[0, 1], treatment=[1, 1], test="mid-p")
    with pytest.raises(InvalidInput, match="not finite"):
        paired_score(control=[0, math.nan], treatment=[1, 1])
    with pytest.raises(InvalidInput, match="unequal length"):
        paired_score(control=[0, 1, 2], treatment=[1, 3, 1], clusters=[1, 2])
    with pytest.raises(InvalidInput, match="moments of pairs alone"):
        paired_score(control=[0, 1])
    with pytest.raises(InvalidInput, match="3 variables"):
        paired_score(pairs=Moments(4, np.zeros(3), np.eye(3), ("a", "b", "c")))
