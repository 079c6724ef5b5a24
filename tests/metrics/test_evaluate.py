"""What `evaluate` promises: windows, groups, periods, conditions, provenance, and a panel with one shape."""

from datetime import UTC, datetime

import pytest

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.values import Estimate, Finding, Refusal
from metricstack.core.windows import Window
from metricstack.metrics import Levels, MetricPanel, catalogue, evaluate
from metricstack.telemetry import Workspace

from .conftest import Build, at, minutes, refusal_of, runs, value_of

close = pytest.approx


def test_many_metrics_are_asked_at_once_and_come_in_the_order_asked(firm: Workspace) -> None:
    panel = evaluate(firm, ["total_cost", "latency_p50", "incident_rate"], window="2026Q3")
    assert [finding.subject for finding in panel.findings] == ["total_cost", "latency_p50", "incident_rate"]
    assert list(panel.definitions) == ["total_cost", "latency_p50", "incident_rate"]


def test_asked_together_or_alone_the_numbers_are_the_same(firm: Workspace) -> None:
    names = [name for name in catalogue().ids if name not in ("roi", "benefits")]
    firm.reproducible()  # several threads add in the order in which they finish
    together = {finding.subject: finding.answer for finding in evaluate(firm, names, window="2026Q3").findings}
    for name in names[::7]:
        assert evaluate(firm, name, window="2026Q3").findings[0].answer == together[name]


def test_groups_add_up_to_the_whole_where_the_metric_adds_up(firm: Workspace) -> None:
    whole = value_of(firm, "total_cost")
    for by in (["use_case"], ["use_case", "region"], ["team"]):
        parts = evaluate(firm, "total_cost", by=by, window="2026Q3").to_pandas()["value"]
        assert parts.sum() == close(whole)
    weekly = evaluate(firm, "total_cost", grain="week", window="2026Q3").to_pandas()["value"]
    assert weekly.sum() == close(whole)


def test_where_narrows_like_the_group_of_the_same_name(firm: Workspace) -> None:
    panel = evaluate(firm, "cost_per_request", by="region", window="2026Q3")
    narrowed = evaluate(firm, "cost_per_request", where={"region": "eu"}, window="2026Q3")
    assert narrowed.findings[0].answer == panel.get("cost_per_request", region="eu").answer
    assert narrowed.findings[0].where == (("region", "eu"),)


def test_a_dimension_of_a_referenced_table_is_found_by_name(firm: Workspace) -> None:
    # Judged runs are r1, r3, r5, r7, r9: all in the region eu.
    panel = evaluate(firm, "completeness", by="region", window="2026Q3")
    assert [(finding.where, finding.answer.value) for finding in panel.findings] == [((("region", "eu"),), close(0.6))]


def test_a_null_dimension_is_a_group_of_its_own_and_comes_last(build: Build) -> None:
    ws = build(requests=runs(6, region=["eu", None, "us", None, "us", "eu"], cost=1.0))
    panel = evaluate(ws, "total_cost", by="region", window="2026Q3")
    assert [dict(f.where)["region"] for f in panel.findings] == ["eu", "us", "not recorded"]


def test_periods_follow_the_calendar_and_know_their_window(build: Build) -> None:
    ws = build(requests=[{"run": f"r{i}", "start": at("07-06") + minutes(1440 * i)} for i in range(14)])
    panel = evaluate(ws, "transactions", window="2026Q3", grain="week")
    dense = [f for f in panel.findings if isinstance(f.answer, Estimate) and f.answer.value]
    assert [(dict(f.where)["period"], f.answer.value) for f in dense] == [("2026-07-06", 7.0), ("2026-07-13", 7.0)]
    assert dense[0].provenance.window == Window(datetime(2026, 7, 6, tzinfo=UTC), datetime(2026, 7, 13, tzinfo=UTC))
    assert len(panel.findings) == len(ws.calendar.cut(ws.quarter("2026Q3"), "week"))


def test_the_default_window_is_the_last_quarter_that_the_data_fill(build: Build) -> None:
    days = [{"run": f"r{i}", "start": at("04-01") + minutes(1440 * i)} for i in range(200)]  # to October 17th
    assert evaluate(build(requests=days), "transactions").window.name == "2026Q3"
    assert evaluate(build(requests=days[:100]), "transactions").window.name == "2026Q2"
    assert evaluate(build(requests=days[:10]), "transactions").window.name == "2026Q2"  # none is full: the last begun
    with pytest.raises(InvalidInput, match="no dated rows"):
        evaluate(build(), "transactions")


def test_a_window_that_the_data_do_not_fill_says_so(build: Build) -> None:
    ws = build(requests=runs(6))
    checks = evaluate(ws, "transactions", window="2026Q3").findings[0].checks
    assert [(check.name, check.passed) for check in checks] == [("whole_period", False)]
    assert "2026-07-01" in checks[0].detail


def test_few_observations_are_refused_by_the_definitions_own_number(build: Build) -> None:
    ws = build(requests=runs(19, latency=1.0, outcome="success"))
    refusal = refusal_of(ws, "latency_p95")
    assert "19 observations; 20 are needed" in refusal.detail
    assert value_of(ws, "task_success") == 1.0
    assert (
        "4 observations; 5 are needed" in refusal_of(build(requests=runs(4, outcome="success")), "task_success").detail
    )


def test_one_unit_alone_cannot_tell_chance(build: Build) -> None:
    ws = build(requests=[row | {"user": "u"} for row in runs(10, cost=1.0)])
    assert "belong to one user" in refusal_of(ws, "cost_per_request").detail


def test_a_finding_knows_where_it_came_from(firm: Workspace) -> None:
    finding = evaluate(firm, "incident_rate", window="2026Q3").findings[0]
    origin = finding.provenance
    assert origin.definition == catalogue(firm).hash("incident_rate")
    assert dict(origin.tables) == {name: firm.fingerprint(name) for name in ("incidents", "requests")}
    assert origin.window == firm.quarter("2026Q3")
    assert origin.code
    assert finding.question == "AI incidents per 1,000 transactions in 2026Q3"


def test_the_panel_gives_its_metrics_groups_and_levels(firm: Workspace) -> None:
    panel = evaluate(firm, ["error_rate", "sla_attainment"], window="2026Q3")
    assert isinstance(panel["error_rate"], Finding)
    assert panel.get("error_rate") == panel["error_rate"]
    assert panel.levels("error_rate") == Levels(target=0.01, warn=None, breach=0.05)  # the workspace's
    assert panel.levels("sla_attainment") == Levels(0.90, 0.85, 0.80)  # the definition's
    assert catalogue(firm).owner("error_rate") == "platform-team"
    grouped = evaluate(firm, ["error_rate", "total_cost"], by="use_case", window="2026Q3")
    part = grouped["total_cost"]
    assert isinstance(part, MetricPanel)
    assert {finding.subject for finding in part} == {"total_cost"}
    with pytest.raises(UnknownName, match="latency_p95"):
        panel["latency_p95"]
    with pytest.raises(InvalidInput, match="exactly one"):
        grouped.get("total_cost")


def test_the_frame_has_the_same_columns_for_answers_and_refusals(firm: Workspace) -> None:
    asked = evaluate(firm, ["task_success", "total_cost"], by="use_case", grain="month", window="2026Q3")
    frame = asked.to_pandas()
    assert list(frame.columns) == [
        "metric", "use_case", "period", "value", "low", "high", "level", "n", "unit", "method", "grade", "reason",
        "detail",
    ]  # fmt: skip
    missing = evaluate(firm, "engagement", by="use_case", grain="month", window="2026Q1").to_pandas()
    assert list(missing.columns) == list(frame.columns)
    assert missing["value"].isna().all()


def test_a_metric_without_its_table_has_one_finding_that_stands_for_every_group(build: Build) -> None:
    panel = evaluate(build(requests=runs(5)), "conversion_rate", by="use_case", window="2026Q3")
    assert isinstance(panel.get("conversion_rate", use_case="support").answer, Refusal)


def test_the_level_is_that_of_the_interval(firm: Workspace) -> None:
    wide, narrow = (
        evaluate(firm, "cost_per_request", window="2026Q3", level=level).findings[0] for level in (0.99, 0.5)
    )
    assert wide.answer.level == 0.99
    assert wide.answer.low < narrow.answer.low < narrow.answer.high < wide.answer.high


def test_what_cannot_be_asked_is_an_error_that_says_what_can(firm: Workspace) -> None:
    with pytest.raises(InvalidInput, match="outside"):
        evaluate(firm, "task_success", level=95, window="2026Q3")
    with pytest.raises(InvalidInput, match="'hour' is not one of day, week, month, quarter"):
        evaluate(firm, "task_success", grain="hour", window="2026Q3")
    with pytest.raises(InvalidInput, match="grain='week'"):
        evaluate(firm, "task_success", by="period", window="2026Q3")
    with pytest.raises(InvalidInput, match="not a year and a quarter"):
        evaluate(firm, "task_success", window="2026Q9")
    with pytest.raises(UnknownName, match="Did you mean 'task_success'"):
        evaluate(firm, "task_sucess", window="2026Q3")
