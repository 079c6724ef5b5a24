"""What `stratified_odds_ratio` promises: sums by hand, another implementation, laws, reversals flagged, refusals."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.core.values import Reason, Refusal
from metricstack.linkage.stratified import StratifiedOddsRatio, stratified_odds_ratio

close = pytest.approx
REVERSED = [[[90, 10], [800, 200]], [[300, 700], [20, 80]]]
counts = st.lists(st.lists(st.integers(1, 200), min_size=4, max_size=4), min_size=2, max_size=5)


def found(answer: StratifiedOddsRatio | Refusal) -> StratifiedOddsRatio:
    assert isinstance(answer, StratifiedOddsRatio), answer
    return answer


def test_mantel_and_haenszels_sums_agree_with_a_calculation_by_hand() -> None:
    # (90·200 + 300·80)/1100 over (10·800 + 700·20)/1100 = 42/22; crude 390·280 / (710·820).
    answer = found(stratified_odds_ratio(REVERSED))
    assert answer.value == close(42 / 22)
    assert answer.crude.value == close(390 * 280 / (710 * 820))  # type: ignore[union-attr]
    assert answer.simpson


@settings(max_examples=40, deadline=None)
@given(counts)
def test_it_agrees_with_another_implementation(cells: list[list[int]]) -> None:
    tables = np.array(cells).reshape(-1, 2, 2)
    other = sm.stats.StratifiedTable([table.astype(float) for table in tables])
    answer = found(stratified_odds_ratio(tables))
    low, high = other.oddsratio_pooled_confint()
    assert (answer.value, answer.low, answer.high) == (close(other.oddsratio_pooled), close(low), close(high))
    assert answer.p_value == close(other.test_null_odds().pvalue)
    if abs(other.oddsratio_pooled - 1) > 1e-3:  # at 1 the other divides by 0, close to it it loses figures
        assert answer.homogeneity == close(other.test_equal_odds(adjust=True).pvalue, rel=1e-6)
    flat = sm.stats.Table2x2(tables.sum(axis=0))
    assert answer.crude.low == close(flat.oddsratio_confint()[0])  # type: ignore[union-attr]


@settings(max_examples=40, deadline=None)
@given(counts)
def test_swapping_outcomes_inverts_everything_and_nothing_hangs_on_the_order(cells: list[list[int]]) -> None:
    tables = np.array(cells).reshape(-1, 2, 2)
    plain, swapped = found(stratified_odds_ratio(tables)), found(stratified_odds_ratio(tables[::-1, :, ::-1]))
    assert swapped.value == close(1 / plain.value)
    assert swapped.high == close(1 / plain.low)  # type: ignore[operator]
    assert swapped.p_value == close(plain.p_value)


def test_rows_give_the_same_as_their_tables() -> None:
    cells = [(k, 1 - i, 1 - j) for k in range(2) for i in range(2) for j in range(2)]
    size = [REVERSED[k][1 - i][1 - j] for k, i, j in cells]
    df = pd.DataFrame(np.repeat(np.array(cells), size, axis=0), columns=["site", "used", "won"])
    answer = found(stratified_odds_ratio(df=df, outcome="won", cause="used", strata="site"))
    assert answer.value == close(42 / 22)
    assert (answer.cause, answer.outcome, answer.n) == ("used", "won", 2200)


def test_one_stratum_is_a_plain_table_and_has_no_homogeneity() -> None:
    answer = found(stratified_odds_ratio([[[20, 10], [15, 30]]]))
    assert answer.value == close(answer.crude.value)  # type: ignore[union-attr]
    assert answer.homogeneity is None


def test_no_association_is_rejected_about_as_often_as_promised() -> None:
    # 1,000 draws of five strata of unequal base rates: Monte Carlo error of a 5 % rate is 0.7 points; three of them.
    rng = stream(1, "null")
    rejected = 0
    for _ in range(1000):
        base = rng.uniform(0.2, 0.8, 5)
        won = rng.binomial(np.array([[30, 60]] * 5), base[:, None])
        tables = np.stack([won, np.array([[30, 60]] * 5) - won], axis=2)
        rejected += found(stratified_odds_ratio(tables)).p_value <= 0.05  # type: ignore[operator]
    assert 0.029 < rejected / 1000 < 0.071


def test_tables_that_cannot_answer_are_refused() -> None:
    for tables, reason in (
        ([[[0, 0], [0, 0]]], Reason.NO_DATA), ([[[5, 5], [0, 0]], [[0, 0], [3, 4]]], Reason.NO_VARIATION),
        ([[[5, 5], [5, 0]]], Reason.UNDEFINED_RATIO),
    ):  # fmt: skip
        answer = stratified_odds_ratio(tables)
        assert isinstance(answer, Refusal)
        assert answer.reason is reason


def test_one_table_is_one_stratum_and_observations_may_come_first() -> None:
    assert stratified_odds_ratio([[9, 2], [3, 4]]) == stratified_odds_ratio([[[9, 2], [3, 4]]])
    df = pd.DataFrame({"won": [0, 1, 1, 0, 1, 0], "used": [0, 1, 0, 1, 1, 0], "site": list("aaaaaa")})
    named = stratified_odds_ratio(df=df, outcome="won", cause="used", strata="site")
    assert stratified_odds_ratio(df, "won", "used", "site") == named


def test_what_cannot_be_meant_is_named() -> None:
    with pytest.raises(InvalidInput, match="Give tables, or df"):
        stratified_odds_ratio()
    with pytest.raises(InvalidInput, match="shape"):
        stratified_odds_ratio([[1, 2, 3], [3, 4, 5]])
    with pytest.raises(InvalidInput, match="negative"):
        stratified_odds_ratio([[[1, 2], [3, -4]]])
    df = pd.DataFrame({"won": [0, 2], "used": [0, 1], "site": [1, 1]})
    with pytest.raises(InvalidInput, match="more than 0 and 1"):
        stratified_odds_ratio(df=df, outcome="won", cause="used", strata="site")
    with pytest.raises(InvalidInput, match="name the columns"):
        stratified_odds_ratio(df=df)
