"""Data and systems: two clocks of freshness, lateness, staleness and quality of data, worked out on paper.

Promises: an unchecked feed is missing, not fresh; event time and load time are two clocks; a warning is not a
pass and too little data is no answer; silence without a schedule is not lateness.
"""

import pytest

from metricstack.core.values import Estimate, Reason
from metricstack.telemetry import Workspace

from .conftest import Build, Rows, at, finding_of, groups_of, minutes, refusal_of, value_of

close = pytest.approx


def _pipeline() -> Rows:
    """Feed a runs into the feature store on six days, b on four; traffic ends on July 10th at noon."""
    ok = "success"
    given = [  # feed, day, age in minutes (None = unchecked), minutes after the due time (None = no due time), status
        ("a", 1, 20, -5, ok), ("a", 2, 30, -5, ok), ("a", 3, 70, 10, "late"), ("a", 4, None, -5, ok),
        ("a", 5, 25, 0, ok), ("a", 6, None, -30, "failure"), ("b", 1, 61, -1, ok), ("b", 2, 60, None, ok),
        ("b", 3, 10, 1, ok), ("b", 4, 40, None, "failure"),
    ]  # fmt: skip
    return [
        {"feed": feed, "stage": "pipeline_to_store", "finished": at(f"07-{day:02}"), "status": status,
         "max_event_time": None if age is None else at(f"07-{day:02}") - minutes(age),
         "expected_by": None if late is None else at(f"07-{day:02}") - minutes(late),
         "rows": 90, "rejected": None if feed == "b" and day == 1 else 10 if feed == "a" else 5}
        for feed, day, age, late, status in given
    ]  # fmt: skip


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    from .conftest import write_workspace

    traffic = [{"run": "a", "start": at("07-01")}, {"run": "b", "start": at("07-10")}]
    return write_workspace(tmp_path_factory.mktemp("plant"), {"requests": traffic, "pipeline_runs": _pipeline()})


def test_event_time_and_load_time_are_two_clocks(plant: Workspace) -> None:
    # a: loaded last on July 5th (the 6th failed), its newest event 25 minutes older. b: last good load July 3rd,
    # but its newest event is of the 4th, 40 minutes before noon.
    assert groups_of(plant, "load_lag", "feed") == {"a": close(5 * 24), "b": close(7 * 24)}
    assert groups_of(plant, "event_time_lag", "feed") == {"a": close(5 * 24 + 25 / 60), "b": close(6 * 24 + 40 / 60)}
    answer = finding_of(plant, "load_lag").answer
    assert isinstance(answer, Estimate)
    assert answer.method == "census"


def test_an_unchecked_feed_is_missing_not_fresh(plant: Workspace) -> None:
    assert value_of(plant, "unchecked_feed_share") == close(2 / 10)
    finding = finding_of(plant, "data_freshness")
    assert isinstance(finding.answer, Estimate)
    assert finding.answer.n == 8  # 10, 20, 25, 30, 40, 60, 61, 70
    assert finding.answer.value == close(35 / 60)


def test_late_is_told_of_runs_with_a_due_time_and_a_failure_is_late(plant: Workspace) -> None:
    # Of eight with a due time: a's 3rd day and b's 3rd came later, a's 6th failed.
    assert value_of(plant, "feed_late_share") == close(3 / 8)
    assert value_of(plant, "pipeline_failure_rate") == close(2 / 10)


def test_stale_is_beyond_the_agreed_limit(build: Build, plant: Workspace) -> None:
    # Beyond 60 minutes: 70 and 61 of eight that were checked; 60 is not beyond.
    assert value_of(plant, "stale_feature_share") == close(2 / 8)
    strict = build("[parameters]\nstale_features_after = 1800\n", pipeline_runs=_pipeline())
    assert value_of(strict, "stale_feature_share") == close(4 / 8)  # 40, 60, 61, 70


def test_rows_rejected_are_a_share_of_what_came_in(plant: Workspace) -> None:
    # a: 6 · 10 of 6 · 100. b: three runs that report both, 15 of 285.
    assert value_of(plant, "rejected_rows_share") == close(75 / 885)


def test_feature_latency_is_from_event_to_usable_feature(build: Build, plant: Workspace) -> None:
    assert value_of(plant, "feature_latency") == close(35)
    rows = [
        {
            "feed": f"f{i}",
            "stage": "pipeline_to_store",
            "finished": at("07-02"),
            "max_event_time": at("07-02") - minutes(i),
        }
        for i in range(1, 22)
    ]
    assert value_of(build(pipeline_runs=rows), "feature_latency_p95") == close(20)  # 1 … 21: index 0.95 · 20
    assert refusal_of(plant, "feature_latency_p95").reason is Reason.TOO_FEW_UNITS


def _checks() -> Rows:
    given = [
        ("drift", "m", "pass", None), ("drift", "m", "fail", None), ("bias", "m", "warn", None),
        ("schema", "orders", "pass", None), ("range", "orders", "too_little_data", None), ("bias", "m", None, None),
        ("missing", "orders", "pass", 0.01), ("missing", "orders", "pass", 0.02), ("missing", "orders", "fail", 0.30),
        ("missing", "tickets", "pass", 0.0), ("missing", "tickets", "pass", 0.02), ("missing", "tickets", "pass", None),
    ]  # fmt: skip
    return [
        {"check": f"q{i}", "kind": kind, "subject": subject, "checked": at("07-05"), "verdict": verdict,
         "statistic_name": "missing_share" if kind == "missing" else "psi", "statistic": statistic, "n": 900}
        for i, (kind, subject, verdict, statistic) in enumerate(given)
    ]  # fmt: skip


def test_the_quality_score_counts_passes_among_checks_with_enough_data(build: Build) -> None:
    ws = build(quality_checks=_checks())
    assert value_of(ws, "data_quality_score") == close(7 / 10)  # not the warning, the two failures; two without answer
    assert value_of(ws, "missingness") == close(0.35 / 5)
    assert groups_of(ws, "data_quality_score", "kind")["missing"] == close(5 / 6)


def test_missing_values_that_nobody_checked_are_no_zero(build: Build) -> None:
    rows = [row for row in _checks() if row["kind"] != "missing"]
    assert refusal_of(build(quality_checks=rows), "missingness").reason in (Reason.NO_DATA, Reason.NOT_MEASURED)


def test_the_fragmentation_index_is_systems_with_ai_over_systems_before(firm: Workspace, build: Build) -> None:
    # 3, 2, 4 systems with AI: 3 each. Before, in May: 6, 4, 5: 5 each.
    assert value_of(firm, "fragmentation_index") == close(3 / 5)
    only_after = [
        {"run": f"w{i}", "workflow": "refund", "phase": "with_ai", "system": system, "touched": at("07-01")}
        for i in range(5)
        for system in "ab"
    ]
    assert refusal_of(build(tool_touches=only_after), "fragmentation_index").reason is Reason.UNDEFINED_RATIO


def test_data_from_the_future_are_not_fresh_but_of_unknown_age(build: Build) -> None:
    # Ten runs end an hour after their newest event; of ten others the newest event lies an hour ahead.
    runs_of = [
        {"feed": f"f{i}", "stage": "source_to_pipeline", "finished": at("07-02") + minutes(i), "status": "success",
         "max_event_time": at("07-02") + minutes(i + (60 if i >= 10 else -60))}
        for i in range(20)
    ]  # fmt: skip
    finding = finding_of(build(pipeline_runs=runs_of), "data_freshness")
    assert isinstance(finding.answer, Estimate)
    assert finding.answer.value == 1.0  # hour
    assert finding.answer.n == 10
    assert any(check.name == "coverage" and "10 of 20" in check.detail for check in finding.checks)
