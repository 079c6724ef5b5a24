"""What shares promise: published intervals, one test behind interval and p-value, coverage counted table by table."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.values import Estimate, Reason, Refusal
from metricstack.experiments.effect import Effect
from metricstack.experiments.proportions import proportion_difference, proportion_ratio, single_proportion
from metricstack.numerics.proportions import difference_bounds, newcombe_bounds, ratio_bounds, share_under_difference

close = pytest.approx


@st.composite
def tables(draw: st.DrawFn) -> dict[str, int]:
    n0, n1 = draw(st.integers(1, 300)), draw(st.integers(1, 300))
    return {
        "control_successes": draw(st.integers(0, n0)),
        "control_n": n0,
        "treatment_successes": draw(st.integers(0, n1)),
        "treatment_n": n1,
    }


def counts(x0: int, n0: int, x1: int, n1: int) -> dict[str, int]:
    return {"control_successes": x0, "control_n": n0, "treatment_successes": x1, "treatment_n": n1}


def bounds(found: Effect | Estimate | Refusal) -> tuple[float, float]:
    assert not isinstance(found, Refusal), found
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


# by hand ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "score", "newcombe"),
    [
        # Newcombe (1998), Statistics in Medicine 17, 873-890, table II, contrasts (a) to (h): method 6
        # (Miettinen-Nurminen) and method 10 (his own).
        ((48, 80, 56, 70), (0.0528, 0.3382), (0.0524, 0.3339)),
        ((3, 10, 9, 10), (0.17, 0.8406), (0.1705, 0.809)),
        ((2, 7, 6, 7), (0.0342, 0.8534), (0.0582, 0.8062)),
        ((0, 29, 5, 56), (-0.0326, 0.1933), (-0.0381, 0.1926)),
        ((0, 20, 0, 10), (-0.1658, 0.2844), (-0.1611, 0.2775)),
        ((0, 10, 0, 10), (-0.2879, 0.2879), (-0.2775, 0.2775)),
        ((0, 20, 10, 10), (0.7156, 1.0), (0.6791, 1.0)),
        ((0, 10, 10, 10), (0.6636, 1.0), (0.6075, 1.0)),
    ],
)
def test_the_difference_has_the_published_intervals(
    table: tuple[int, int, int, int], score: tuple[float, float], newcombe: tuple[float, float]
) -> None:
    assert bounds(proportion_difference(**counts(*table))) == close(score, abs=6e-5)  # four published decimals
    assert bounds(proportion_difference(**counts(*table), method="newcombe")) == close(newcombe, abs=6e-5)


def test_the_score_tests_p_value_is_pearsons_chi_square_times_n_minus_one_over_n() -> None:
    # SciPy's chi-square without correction of the same table, as in Campbell (2007).
    chi2 = stats.chi2_contingency([[56, 14], [48, 32]], correction=False).statistic
    found = proportion_difference(**counts(48, 80, 56, 70))
    assert isinstance(found, Effect)
    assert found.p_value == close(stats.chi2.sf(chi2 * 149 / 150, 1), rel=1e-9)
    ratio = proportion_ratio(**counts(48, 80, 56, 70))
    assert isinstance(ratio, Effect)
    assert ratio.p_value == close(stats.chi2.sf(chi2, 1), rel=1e-9)


@pytest.mark.parametrize("table", [(48, 80, 56, 70), (29, 40, 36, 40), (3, 200, 9, 210)])
def test_the_other_intervals_are_statsmodels(table: tuple[int, int, int, int]) -> None:
    x0, n0, x1, n1 = table
    pairs = (("newcombe", "newcomb"), ("agresti_caffo", "agresti-caffo"), ("wald", "wald"))
    for ours, theirs in pairs:
        peer = confint_proportions_2indep(x1, n1, x0, n0, compare="diff", method=theirs)
        assert bounds(proportion_difference(**counts(*table), method=ours)) == close(peer, abs=1e-9)  # type: ignore[arg-type]
    peer = confint_proportions_2indep(x1, n1, x0, n0, compare="ratio", method="score", correction=False)
    assert bounds(proportion_ratio(**counts(*table))) == close(peer, rel=1e-5)  # their root's tolerance
    peer = confint_proportions_2indep(x1, n1, x0, n0, compare="ratio", method="log")
    assert bounds(proportion_ratio(**counts(*table), method="log")) == close(peer, rel=1e-9)


def test_one_share_has_statsmodels_intervals() -> None:
    for ours, theirs in (("wilson", "wilson"), ("clopper_pearson", "beta"), ("jeffreys", "jeffreys")):
        for x, n in ((3, 20), (19, 20), (81, 263)):
            peer = proportion_confint(x, n, method=theirs)
            assert bounds(single_proportion(successes=x, n=n, method=ours)) == close(peer, abs=1e-9)  # type: ignore[arg-type]


def test_none_of_ten_is_the_rule_of_three_made_exact() -> None:
    # Clopper and Pearson's upper bound of none is 1 - (α/2)^(1/n) = 1 - 0.025^0.1.
    assert bounds(single_proportion(successes=0, n=10, method="clopper_pearson")) == (0.0, close(1 - 0.025**0.1))
    assert bounds(single_proportion(successes=10, n=10, method="jeffreys"))[1] == 1.0


def test_the_share_under_a_difference_solves_its_likelihood_equation() -> None:
    # d/dp of x0 log p + (n0 - x0) log(1 - p) + x1 log(p + d) + (n1 - x1) log(1 - p - d), at p = 0.518, is 0.
    x0, n0, x1, n1, d = (np.array([float(v)]) for v in (34, 79, 56, 70, 0.2))
    p = share_under_difference(x0, n0, x1, n1, d)
    slope = x0 / p - (n0 - x0) / (1 - p) + x1 / (p + d) - (n1 - x1) / (1 - p - d)
    assert slope == close(0.0, abs=1e-6)  # of terms of about 100


# laws ------------------------------------------------------------------------------------------------------------


@given(tables(), st.floats(0.5, 0.999))
def test_the_score_interval_leaves_out_no_effect_exactly_where_its_test_rejects(
    table: dict[str, int], level: float
) -> None:
    for found, none in (
        (proportion_difference(**table, level=level), 0.0),
        (proportion_ratio(**table, level=level), 1.0),
    ):
        if isinstance(found, Refusal) or found.p_value is None:
            continue
        assume(abs(found.p_value - (1 - level)) > 1e-7)
        low, high = bounds(found)
        assert (not low <= none <= high) == (found.p_value < 1 - level)


@given(tables(), st.sampled_from(["score", "newcombe", "agresti_caffo", "wald"]))
def test_the_difference_stays_in_range_and_turns_round_with_the_arms(table: dict[str, int], method: str) -> None:
    found = proportion_difference(**table, method=method)  # type: ignore[arg-type]
    x0, n0, x1, n1 = table.values()
    back = proportion_difference(**counts(x1, n1, x0, n0), method=method)  # type: ignore[arg-type]
    assume(isinstance(found, Effect))
    (low, high), (other_low, other_high) = bounds(found), bounds(back)
    assert -1 <= low <= found.value <= high <= 1  # type: ignore[union-attr]
    assert (low, high) == (close(-other_high, abs=1e-9), close(-other_low, abs=1e-9))


@given(tables())
def test_the_ratios_bounds_are_the_reciprocals_of_the_swapped_ones(table: dict[str, int]) -> None:
    x0, n0, x1, n1 = table.values()
    assume(x0 > 0 and x1 > 0)
    (low, high), (other_low, other_high) = (
        bounds(proportion_ratio(**table)),
        bounds(proportion_ratio(**counts(x1, n1, x0, n0))),
    )
    assert (low * other_high, high * other_low) == (close(1.0), close(1.0))


@given(tables(), st.sampled_from(["wilson", "clopper_pearson", "jeffreys"]))
def test_one_share_lies_in_its_interval_and_failures_mirror_successes(table: dict[str, int], method: str) -> None:
    x, n = table["control_successes"], table["control_n"]
    low, high = bounds(single_proportion(successes=x, n=n, method=method))  # type: ignore[arg-type]
    other_low, other_high = bounds(single_proportion(successes=n - x, n=n, method=method))  # type: ignore[arg-type]
    assert 0 <= low <= x / n <= high <= 1
    assert (low, high) == (close(1 - other_high, abs=1e-9), close(1 - other_low, abs=1e-9))


# calibration -----------------------------------------------------------------------------------------------------


def _every_table(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x0, x1 = (part.ravel().astype(float) for part in np.meshgrid(np.arange(n + 1), np.arange(n + 1)))
    return x0, x1, np.full(len(x0), float(n))


def test_rare_events_are_covered_by_the_score_and_by_newcombe_where_wald_covers_less() -> None:
    # Counted, not simulated: every table of 60 units per arm, weighted by its probability; no Monte Carlo error.
    # Averaged over shares from 1 to 10 % and lifts, since one share alone swings with the grid of tables.
    n = 60
    x0, x1, size = _every_table(n)
    score, newcombe = (make(x0, size, x1, size, level=0.95) for make in (difference_bounds, newcombe_bounds))
    reach = 1.959964 * np.sqrt(x0 / n * (1 - x0 / n) / n + x1 / n * (1 - x1 / n) / n)
    wald = (x1 - x0) / n - reach, (x1 - x0) / n + reach
    covered = {"score": [], "newcombe": [], "wald": []}
    for p in np.linspace(0.01, 0.10, 10):
        for d in (0.0, 0.03, 0.08):
            weight = stats.binom.pmf(x0, n, p) * stats.binom.pmf(x1, n, p + d)
            for name, (low, high) in (("score", score), ("newcombe", newcombe), ("wald", wald)):
                covered[name].append(float(weight @ ((low <= d + 1e-9) & (d - 1e-9 <= high))))
    mean = {name: float(np.mean(shares)) for name, shares in covered.items()}
    assert mean["score"] == close(0.955, abs=0.015)
    assert mean["newcombe"] == close(0.96, abs=0.02)
    assert min(covered["score"]) > 0.93
    assert min(covered["wald"]) < 0.91


def test_the_ratio_of_rare_shares_is_covered() -> None:
    # Every table of 100 per arm at 5 % and 10 %: Koopman's interval, given that the control has an event.
    n = 100
    x0, x1, size = _every_table(n)
    low, high = ratio_bounds(x0, size, x1, size, level=0.95)
    weight = stats.binom.pmf(x0, n, 0.05) * stats.binom.pmf(x1, n, 0.10) * (x0 > 0)
    assert weight @ ((low <= 2) & (high >= 2)) / weight.sum() == close(0.95, abs=0.015)


# refusal ---------------------------------------------------------------------------------------------------------


def test_nobody_converted_bounds_the_difference_and_tests_nothing() -> None:
    found = proportion_difference(**counts(0, 29, 0, 20))
    assert isinstance(found, Effect)
    assert found.p_value is None
    # statsmodels confint_proportions_2indep(0, 20, 0, 29, compare="diff", method="newcomb"): -0.11697, 0.16113.
    assert bounds(proportion_difference(**counts(0, 29, 0, 20), method="newcombe")) == close(
        (-0.1170, 0.1611), abs=6e-5
    )
    low, high = bounds(found)
    assert low < -0.1 < 0.1 < high
    wald = proportion_difference(**counts(0, 29, 0, 20), method="wald")
    assert isinstance(wald, Refusal)
    assert wald.reason is Reason.NO_VARIATION


def test_a_control_without_an_event_has_no_ratio() -> None:
    found = proportion_ratio(**counts(0, 29, 4, 20))
    assert isinstance(found, Refusal)
    assert found.reason is Reason.UNDEFINED_RATIO
    none = proportion_ratio(**counts(4, 29, 0, 20))
    assert isinstance(none, Effect)
    assert (none.value, none.low) == (0.0, 0.0)
    assert isinstance(proportion_ratio(**counts(4, 29, 0, 20), method="log"), Refusal)


def test_no_units_are_refused() -> None:
    for found in (
        proportion_difference(**counts(0, 0, 1, 2)),
        proportion_ratio(**counts(1, 2, 0, 0)),
        single_proportion(successes=0, n=0),
    ):
        assert isinstance(found, Refusal)
        assert found.reason is Reason.NO_DATA


# misuse ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ((-1, 10, 1, 10), "a count is 0 or more"),
        ((11, 10, 1, 10), "11 successes of the control in 10 units"),
        ((1, 10, 0.5, 10), "no whole number"),
        ((1, 10, math.nan, 10), "no whole number"),
    ],
)
def test_counts_that_are_none_are_named(table: tuple[float, float, float, float], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        proportion_difference(**counts(*table))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=message):
        proportion_ratio(**counts(*table))  # type: ignore[arg-type]


def test_unknown_methods_and_levels_are_named() -> None:
    with pytest.raises(UnknownName, match="'newcombe'"):
        proportion_difference(**counts(1, 10, 2, 10), method="newcomb")  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="method 'katz'"):
        proportion_ratio(**counts(1, 10, 2, 10), method="katz")  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="'wilson'"):
        single_proportion(successes=1, n=10, method="wilsn")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="outside"):
        single_proportion(successes=1, n=10, level=95)
