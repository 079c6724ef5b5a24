"""What exact tests promise: tables worked by hand, an error rate that is kept for every share, refusals."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.values import Estimate, Reason, Refusal
from metricstack.experiments.exact import ExactTest, exact_test

close = pytest.approx


def of_table(x0: int, n0: int, x1: int, n1: int, **options: str) -> ExactTest:
    found = exact_test(
        control_successes=x0, control_n=n0, treatment_successes=x1, treatment_n=n1, **options  # type: ignore[arg-type]
    )  # fmt: skip
    assert isinstance(found, ExactTest), found
    return found


# by hand ---------------------------------------------------------------------------------------------------------


def test_the_lady_who_tastes_tea_names_three_of_four_by_chance_17_times_in_70() -> None:
    # Fisher (1935), *The Design of Experiments*, section 5: 1 + 16 of 70 ways give three right or more.
    assert of_table(1, 4, 3, 4, alternative="greater").p_value == close(17 / 70)
    assert of_table(1, 4, 3, 4).p_value == close(34 / 70)
    assert of_table(0, 4, 4, 4, alternative="greater").p_value == close(1 / 70)
    assert of_table(0, 4, 4, 4, alternative="less").p_value == close(1.0)


def test_the_conditional_odds_ratio_of_the_tea_is_rs() -> None:
    # R documentation of fisher.test, example TeaTasting: estimate 6.408309, lower bound 0.3135693,
    # one-sided at 95 %, whose lower bound is that of the two-sided interval at 90 %.
    odds = of_table(1, 4, 3, 4).odds_ratio
    assert isinstance(odds, Estimate)
    assert odds.value == close(6.408309, abs=2e-5)  # the tolerance of R's root
    assert exact_test(
        control_successes=1, control_n=4, treatment_successes=3, treatment_n=4, level=0.90
    ).odds_ratio.low == close(0.3135693, abs=1e-5)  # type: ignore[union-attr]


def test_barnards_test_of_a_vaccine_is_scipys_documented_example() -> None:
    # SciPy documentation of barnard_exact: 7 of 15 vaccinated and 12 of 15 others infected, one-sided p 0.0341;
    # Fisher's 0.0640.
    assert of_table(12, 15, 7, 15, method="barnard", alternative="less").p_value == close(0.03407, abs=1e-4)
    assert of_table(12, 15, 7, 15, method="fisher", alternative="less").p_value == close(0.0640, abs=1e-4)


def test_boschloos_test_of_two_professions_is_scipys_documented_example() -> None:
    # SciPy documentation of boschloo_exact: table [[74, 31], [43, 32]], its columns the samples: 0.0355,
    # where Fisher has 0.0483.
    assert of_table(31, 63, 74, 117, method="boschloo", alternative="greater").p_value == close(0.0355, abs=1e-4)
    assert of_table(31, 63, 74, 117, alternative="greater").p_value == close(0.0483, abs=1e-4)


# laws ------------------------------------------------------------------------------------------------------------


@given(st.integers(1, 30), st.integers(1, 30), st.data())
def test_swapping_the_arms_swaps_the_sides(n0: int, n1: int, data: st.DataObject) -> None:
    x0, x1 = data.draw(st.integers(0, n0)), data.draw(st.integers(0, n1))
    assume(0 < x0 + x1 < n0 + n1)
    up, down = of_table(x0, n0, x1, n1, alternative="greater"), of_table(x1, n1, x0, n0, alternative="less")
    assert up.p_value == close(down.p_value)
    assert up.difference == close(-down.difference)


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 12), st.data())
def test_boschloo_is_never_weaker_than_fisher(n: int, data: st.DataObject) -> None:
    x0, x1 = data.draw(st.integers(0, n)), data.draw(st.integers(0, n))
    assume(0 < x0 + x1 < 2 * n)
    boschloo, fisher = (
        of_table(x0, n, x1, n, method=method, alternative="greater").p_value for method in ("boschloo", "fisher")
    )
    assert boschloo <= fisher + 1e-9


# calibration -----------------------------------------------------------------------------------------------------


def test_fishers_error_rate_is_below_five_percent_for_every_share() -> None:
    # Every table of 12 and 12 units, weighted by its probability: counted, no Monte Carlo error.
    n = 12
    rejected = [
        (x0, x1)
        for x0, x1 in itertools.product(range(n + 1), repeat=2)
        if 0 < x0 + x1 < 2 * n and of_table(x0, n, x1, n).p_value < 0.05
    ]
    for p in np.linspace(0.05, 0.95, 19):
        weights = stats.binom.pmf(np.arange(n + 1), n, p)
        assert sum(weights[x0] * weights[x1] for x0, x1 in rejected) < 0.05


# refusal ---------------------------------------------------------------------------------------------------------


def test_units_that_all_answered_alike_are_refused() -> None:
    for x, n, reason in ((0, 10, Reason.NO_VARIATION), (10, 10, Reason.NO_VARIATION), (0, 0, Reason.NO_DATA)):
        found = exact_test(control_successes=x, control_n=n, treatment_successes=x, treatment_n=n)
        assert isinstance(found, Refusal)
        assert found.reason is reason


def test_an_odds_ratio_without_an_end_is_refused_and_the_test_stands() -> None:
    found = of_table(0, 10, 5, 10)
    assert isinstance(found.odds_ratio, Refusal)
    assert found.p_value == close(stats.fisher_exact([[5, 0], [5, 10]]).pvalue)
    assert found.to_dict()["odds_ratio"]["reason"] == "undefined_ratio"


# misuse ----------------------------------------------------------------------------------------------------------


def test_wrong_inputs_are_named() -> None:
    with pytest.raises(InvalidInput, match="5 successes of the treatment in 4"):
        of_table(1, 4, 5, 4)
    with pytest.raises(UnknownName, match="'fisher'"):
        of_table(1, 4, 3, 4, method="fischer")
    with pytest.raises(UnknownName, match="'two_sided'"):
        of_table(1, 4, 3, 4, alternative="two-sided")
    with pytest.raises(InvalidInput, match="proportion_difference"):
        of_table(100, 1000, 120, 1000, method="boschloo")
