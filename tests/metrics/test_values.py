"""What `values` promises: numbers by hand, the numbers of `evaluate` for every metric, refusals as missing values."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.values import Estimate
from metricstack.metrics import catalogue, evaluate, values
from metricstack.metrics.answers import binned
from metricstack.metrics.query import fetch
from metricstack.telemetry import Workspace, open_workspace

from .conftest import Build, at, runs


def able(ws: Workspace, *by: str) -> list[str]:
    """Return the metrics that may be asked by these dimensions."""
    known = catalogue(ws)
    return [one.id for one in known if set(by) <= set(known.dimensions(one.id))]


def check(ws: Workspace, ids: Sequence[str], **options: object) -> pd.DataFrame:
    """Compare with `evaluate`, row by row and to 1e-12, which leaves room for another order of adding."""
    panel = evaluate(ws, ids, **options)  # type: ignore[arg-type]
    found = values(ws, ids, **options)  # type: ignore[arg-type]
    assert len(found) == len(panel)
    asked = [*panel.by, *(["period"] if panel.grain else [])]
    for finding, row in zip(panel.findings, found.to_dict("records"), strict=True):
        where, answer = dict(finding.where), finding.answer
        assert row["metric"] == finding.subject
        assert {name: None if pd.isna(row[name]) else row[name] for name in asked} == {
            name: where.get(name) for name in asked
        }
        if not isinstance(answer, Estimate):
            assert row["reason"] == str(answer.reason), (finding, row)
            assert all(pd.isna(row[name]) for name in ("value", "low", "high", "n"))
            continue
        assert pd.isna(row["reason"]), (finding, row)
        assert (row["n"], row["unit"]) == (answer.n, answer.unit), (finding, row)
        for name in ("value", "low", "high"):
            expected = getattr(answer, name)
            if expected is None:
                assert pd.isna(row[name]), (finding, row)
            else:
                assert row[name] == pytest.approx(expected, rel=1e-12, abs=1e-300), (name, finding, row)
    return found


@pytest.fixture(scope="module")
def large(company: Path) -> Workspace:
    return open_workspace(company)


def test_shares_and_totals_of_a_small_company_by_hand(firm: Workspace) -> None:
    # support: success x 4, failure, abandoned = 4/6 of 6 known; search: 2 of 3 known, too few for a share.
    found = values(firm, ["task_success", "total_cost"], window="2026Q3", by="use_case")
    assert list(found.columns) == ["metric", "use_case", "value", "low", "high", "n", "unit", "reason"]
    assert list(found.use_case) == ["search", "support", "search", "support"]
    search, support = found[found.metric == "task_success"].to_dict("records")
    assert (support["value"], support["n"], support["unit"]) == (pytest.approx(4 / 6), 6, "fraction")
    assert support["low"] < 4 / 6 < support["high"]
    assert search["reason"] == "too_few_units"
    assert pd.isna(search["value"])
    # A total is a census: 0.7 + 0.9 + 1.0 of search, 0.1 + ... + 0.6 of support; no interval.
    costs = found[found.metric == "total_cost"]
    assert list(costs.value) == [pytest.approx(2.6), pytest.approx(2.1)]
    assert costs.low.isna().all()


def test_every_metric_of_a_small_company_is_that_of_evaluate(firm: Workspace) -> None:
    check(firm, catalogue(firm).ids, window="2026Q3")


@pytest.mark.slow
def test_every_metric_of_a_company_is_that_of_evaluate(large: Workspace) -> None:
    check(large, catalogue(large).ids, window="2026Q3")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("by", "grain"), [(("use_case",), None), (("use_case",), "month"), (("model", "region"), None), (("team",), None)]
)
def test_every_metric_by_dimensions_and_periods_is_that_of_evaluate(
    large: Workspace, by: tuple[str, ...], grain: str | None
) -> None:
    check(large, able(large, *by), window="2026Q3", by=by, grain=grain)


def test_many_days_of_traffic_are_those_of_evaluate(large: Workspace) -> None:
    ids = ["task_success", "cost_per_successful_outcome", "total_cost", "throughput", "incident_rate", "error_rate"]
    found = check(large, ids, window="2026Q3", grain="day")
    assert len(found) == 92 * len(ids)


def test_a_filter_on_a_dimension_holds(large: Workspace) -> None:
    ids = ["task_success", "cost_per_successful_outcome", "latency_p95", "relevance", "total_cost", "action_success"]
    check(large, ids, window="2026Q3", by="use_case", where={"region": "eu"})


def test_sampled_rows_keep_their_sampling_variance(build: Build) -> None:
    ws = build(requests=runs(60, cost=[i / 10 for i in range(60)], sample_probability=0.25, outcome="success"))
    found = check(ws, ["total_cost", "transactions", "cost_per_request"], window="2026Q3")
    assert found.low.notna().all()


def test_histograms_of_large_tables_are_read_as_evaluate_reads_them(
    large: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (fetch, binned):
        monkeypatch.setattr(module, "EXACT_QUANTILE_ROWS", 0)
    monkeypatch.setattr(fetch, "VECTOR_ROWS", 0)
    ids = ["latency_p50", "latency_p99", "generated_tokens_p95"]
    check(large, ids, window="2026Q3", by="model", grain="month")


def test_without_intervals_the_values_are_the_same_and_the_bounds_missing(large: Workspace) -> None:
    ids = ["task_success", "cost_per_successful_outcome", "latency_p95", "relevance", "total_cost", "conversion_rate"]
    whole = values(large, ids, window="2026Q3", by="use_case")
    alone = values(large, ids, window="2026Q3", by="use_case", intervals=False)
    assert alone.low.isna().all()
    assert alone.high.isna().all()
    given = whole.value.notna()
    assert alone.value[given].to_numpy(float) == pytest.approx(whole.value[given].to_numpy(float), rel=1e-12)
    # Only what an interval alone needs, a second unit, may be missing with intervals and given without.
    assert set(whole.reason[~given & alone.value.notna()]) <= {"too_few_units"}


def test_what_a_workspace_lacks_is_one_row_with_the_reason(build: Build) -> None:
    found = values(build(requests=runs(6, outcome="success")), ["relevance", "cost_per_request"], window="2026Q3")
    assert list(found.reason) == ["missing_table", "missing_column"]
    assert found.value.isna().all()


def test_no_metric_gives_no_rows_and_all_columns(firm: Workspace) -> None:
    found = values(firm, [], window="2026Q3", grain="month")
    assert list(found.columns) == ["metric", "period", "value", "low", "high", "n", "unit", "reason"]
    assert found.empty


def test_values_out_of_range_are_numbers_and_never_zero(build: Build) -> None:
    rows = runs(6, outcome="failure", cost=[1.0] * 6)
    found = values(build(requests=rows), ["cost_per_successful_outcome"], window="2026Q3")
    assert list(found.reason) == ["undefined_ratio"]
    assert np.isnan(found.value.to_numpy(float, na_value=np.nan)).all()


def test_misuse_is_told_as_evaluate_tells_it(build: Build) -> None:
    ws = build(requests=[{"run": "a", "start": at("07-01")}])
    with pytest.raises(UnknownName, match="error_rate"):
        values(ws, "eror_rate", window="2026Q3")
    with pytest.raises(InvalidInput, match="each dimension once"):
        values(ws, "error_rate", window="2026Q3", by=("model", "model"))


@pytest.mark.parametrize("sampled", [False, True])
def test_a_histogram_by_unit_and_two_questions_give_one_interval(
    build: Build, monkeypatch: pytest.MonkeyPatch, sampled: bool
) -> None:
    # The same Woodruff interval by two roads: from units x bins, and from what lies below the known quantile by unit.
    rows = runs(
        700,
        user=[f"u{i % 37}" for i in range(700)],
        region=["eu" if i % 3 else None for i in range(700)],
        start=[at(f"{7 + i % 3:02d}-{1 + i % 28:02d}") for i in range(700)],
        latency=[None if i % 11 == 0 else float(i % 23) for i in range(700)],
        sample_probability=[0.5 if sampled and i % 5 else 1.0 for i in range(700)],
    )
    for module in (fetch, binned):
        monkeypatch.setattr(module, "EXACT_QUANTILE_ROWS", 0)
    monkeypatch.setattr(fetch, "VECTOR_ROWS", 0)
    ids, found = ["latency_p50", "latency_p95"], {}
    for by_unit in (False, True):
        monkeypatch.setattr(fetch.TableData, "tells_units", lambda *_, told=by_unit: told)
        ws = build(requests=rows)
        found[by_unit] = check(ws, ids, window="2026Q3", by="region", grain="month")
    assert found[True].high.notna().any()
    pd.testing.assert_frame_equal(found[True], found[False], rtol=1e-12)
