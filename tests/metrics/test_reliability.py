"""The reliability metrics beyond `test_four_layers` and `test_operations`: worked out on paper, and what must refuse.

Time slices are of the group that is asked and weighted where telemetry was sampled; steps are told from their own
spans; a failure is a dependency's where a traced step of the failed run says so; incidents by cause kind, each
duration as median and mean, with how many lack a timestamp.
"""

import pytest

from metricstack.core.values import Estimate, Reason
from metricstack.metrics import evaluate
from metricstack.telemetry import Workspace

from .conftest import Build, Rows, at, finding_of, groups_of, minutes, refusal_of, runs, value_of, write_workspace

close = pytest.approx


def sliced() -> Rows:
    """Seven runs in four minutes: all good, one of two failed, good, nobody knows."""
    rows = [
        ("12:00", "support", None, "success"),
        ("12:00", "search", None, "success"),
        ("12:01", "support", None, "success"),
        ("12:01", "search", "timeout", "failure"),
        ("12:02", "support", None, "success"),
        ("12:02", "support", None, "failure"),  # a wrong answer is an answer: available
        ("12:03", "support", None, None),  # neither an outcome nor an error was reported
    ]
    return [
        {"run": f"r{i}", "user": f"u{i}", "use_case": use_case, "start": at(f"07-01 {clock}"), "latency": 1.0,
         "error_type": error, "outcome": outcome}
        for i, (clock, use_case, error, outcome) in enumerate(rows)
    ]  # fmt: skip


def test_a_time_slice_is_good_where_enough_of_its_runs_were(build: Build) -> None:
    finding = finding_of(build(requests=sliced()), "availability_time_slices")
    assert isinstance(finding.answer, Estimate)
    assert finding.answer.value == close(2 / 3)  # the second minute is bad, the fourth neither good nor bad
    assert finding.answer.is_bound  # one run could not be judged
    assert value_of(build(requests=sliced()[:6]), "availability") == close(5 / 6)


def test_a_groups_time_slices_are_judged_by_its_own_runs(build: Build) -> None:
    # Support: three minutes, all good. Search: one good, one bad.
    found = groups_of(build(requests=sliced()), "availability_time_slices", "use_case")
    assert found == {"support": close(1.0), "search": close(1 / 2)}


def test_the_slices_length_and_share_are_the_workspaces(build: Build) -> None:
    # Half of the second minute's runs were good: enough where half is asked for.
    half = "[parameters]\navailability_slice_share = 0.5\n"
    assert value_of(build(half, requests=sliced()), "availability_time_slices") == close(1.0)
    # In one slice of an hour five of six were: not enough for 95 %.
    hour = "[parameters]\navailability_slice = 3600\n"
    assert value_of(build(hour, requests=sliced()), "availability_time_slices") == close(0.0)


def test_a_sampled_run_stands_for_those_that_were_dropped(build: Build) -> None:
    rows = sliced()
    rows[2]["sample_probability"] = 0.05  # the good run of the second minute stands for twenty: 20 of 21, 95.2 %
    assert value_of(build(requests=rows), "availability_time_slices") == close(1.0)


def test_no_traffic_is_no_good_minute(build: Build) -> None:
    ws = build(requests=sliced())
    assert refusal_of(ws, "availability_time_slices", window="2025Q1").reason is Reason.NO_DATA
    assert refusal_of(build(requests=runs(6, latency=1.0)), "availability_time_slices").reason is Reason.MISSING_COLUMN


# latency by step, targets by step --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """101 spans of each of two steps, lasting 0 … 100 s and 0 … 10 s, and as many that name none."""
    spans = [
        {"span": f"{step}{i}", "trace": f"t{i}", "step": step, "start": at("07-01") + minutes(i), "latency": i * size}
        for step, size in (("ingestion", 1.0), ("inference", 0.1), (None, 50.0))
        for i in range(101)
    ]
    calls = [
        {"call": f"c{i}", "run": f"r{i}", "start": at("07-01"), "time_to_first_token": float(i)} for i in range(21)
    ]
    offsets = [{"collector": f"c{i}", "time": at("07-01") + minutes(i), "clock_skew": float(i - 10)} for i in range(21)]
    tables = {"spans": spans, "llm_calls": calls, "collection_health": offsets, "requests": runs(5, latency=1.0)}
    return write_workspace(tmp_path_factory.mktemp("traced"), tables)


def test_latency_by_step_is_of_the_steps_own_spans(traced: Workspace) -> None:
    for percentile in (50, 95, 99):
        expected = {"ingestion": close(percentile), "inference": close(percentile / 10), "not recorded": "no_data"}
        assert groups_of(traced, f"step_latency_p{percentile}", "step") == expected
        assert groups_of(traced, f"latency_p{percentile}", "step") == expected


def test_time_to_first_token_and_clock_skew_interpolate(traced: Workspace) -> None:
    assert value_of(traced, "time_to_first_token_p50") == close(10.0)
    assert value_of(traced, "time_to_first_token_p95") == close(19.0)
    # Off by -10 … 10 s, so by 0, 1, 1, 2, 2 … 10, 10: the 20th of 21 is 10.
    assert value_of(traced, "clock_skew") == close(10.0)


def test_the_targets_of_time_and_quality_are_told_apart(firm: Workspace) -> None:
    # Support's card allows 2.5 s: r1, r2 of six; elsewhere 8 s: r7, r8 of four.
    assert value_of(firm, "sla_time_attainment") == close(4 / 10)
    # Ingestion within 2 s: four of five; inference within 8 s: three of six.
    assert groups_of(firm, "sla_time_attainment", "step") == {"ingestion": close(4 / 5), "inference": close(3 / 6)}
    assert value_of(firm, "step_time_attainment") == close(7 / 11)
    # Quality: one of five ingestions failed, one of five checked inferences did.
    assert groups_of(firm, "step_quality_attainment", "step") == {"ingestion": close(0.8), "inference": close(0.8)}


# dependencies and clocks -----------------------------------------------------------------------------------------


def failing() -> dict[str, Rows]:
    """Eight runs, six ended by an error: three at a dependency, two at a step of ours, one was not traced."""
    errors = ["provider_error", "provider_error", "timeout", "bug", "bug", "lost", None, None]
    requests = runs(8, error_type=errors, outcome=["failure"] * 6 + ["success"] * 2)
    steps = [
        ("r0", "model", "error"), ("r0", "model", "error"), ("r1", "model", "error"), ("r1", None, "ok"),
        ("r2", "store", "error"), ("r3", None, "error"), ("r4", "store", "ok"), ("r4", None, "error"),
        ("r6", "model", "error"), ("r7", "model", "ok"),  # r6's error was handled: no failure
    ]  # fmt: skip
    spans = [
        {"span": f"s{i}", "trace": f"t{run}", "run": run, "dependency": dependency, "status": status,
         "start": at("07-01") + minutes(i), "dq_flags": "late,clock_skew" if i < 2 else None}
        for i, (run, dependency, status) in enumerate(steps)
    ]  # fmt: skip
    return {"requests": requests, "spans": spans}


def test_dependency_fragility_is_the_share_of_traced_failures_with_a_step_that_failed_outside(build: Build) -> None:
    ws = build(**failing())
    answer = finding_of(ws, "dependency_fragility").answer
    assert isinstance(answer, Estimate)
    assert answer.value == close(3 / 5)
    assert answer.low is not None
    assert answer.high is not None
    assert 0 < answer.low < 3 / 5 < answer.high < 1  # a share: its interval stays inside
    assert value_of(ws, "skewed_spans") == close(2 / 10)


def test_without_failures_or_dependencies_nothing_is_fragile_or_sound(build: Build) -> None:
    tables = failing()
    for row in tables["requests"]:
        row["error_type"] = None
    assert refusal_of(build(**tables), "dependency_fragility").reason is Reason.UNDEFINED_RATIO
    tables = failing()
    for row in tables["spans"]:
        del row["dependency"], row["dq_flags"]
    ws = build(**tables)
    assert refusal_of(ws, "dependency_fragility").reason is Reason.MISSING_COLUMN
    assert refusal_of(ws, "skewed_spans").reason is Reason.MISSING_COLUMN


# incidents -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pager(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Twelve incidents, six of each of two causes; the last of each lacks what came after its detection."""
    rows = []
    for i in range(12):
        cause, k = ("prompt", i) if i < 6 else ("vendor", i - 6)
        started = at(f"07-{i + 1:02} 00:00")
        size = 1 if cause == "prompt" else 10
        row = {"incident": f"i{i}", "cause": cause, "started": started, "detected": started + minutes(60 * size)}
        if k < 5:
            hours = [1, 2, 3, 4, 10][k]
            row |= {
                "acknowledged": row["detected"] + minutes(60 * hours),
                "diagnosed": row["detected"] + minutes(120 * hours),
                "fixed": row["detected"] + minutes(180 * hours),
                "mitigated": row["detected"] + minutes(240 * hours),
                "closed": started + minutes(300 * hours),
            }
        rows.append(row)
    return write_workspace(tmp_path_factory.mktemp("pager"), {"incidents": rows, "requests": runs(20)})


@pytest.mark.parametrize(
    ("part", "factor"),
    [("acknowledge", 1), ("diagnose", 2), ("fix", 1), ("recover", 4), ("resolve", 5)],
)
def test_each_duration_is_told_as_median_and_mean_with_intervals_and_what_is_missing(
    pager: Workspace, part: str, factor: float
) -> None:
    # Of 1, 2, 3, 4, 10 h (twice): median 3, mean 4; diagnosed → fixed is one such unit.
    for metric, hours in ((f"time_to_{part}", 3), (f"time_to_{part}_mean", 4)):
        finding = finding_of(pager, metric)
        assert isinstance(finding.answer, Estimate)
        assert finding.answer.value == close(hours * factor)
        assert finding.answer.unit == "h"
        assert finding.answer.n == 10
        assert finding.answer.low < hours * factor < finding.answer.high
        assert any("known in 10 of 12 rows" in check.detail for check in finding.checks)


def test_causes_are_kept_apart(pager: Workspace) -> None:
    assert groups_of(pager, "time_to_detect", "cause") == {"prompt": close(1), "vendor": close(10)}
    assert groups_of(pager, "time_to_detect_mean", "cause") == {"prompt": close(1), "vendor": close(10)}
    assert groups_of(pager, "time_to_recover", "cause") == {"prompt": close(12), "vendor": close(12)}


def test_incidents_of_any_cause_are_counted_per_1000_transactions(pager: Workspace, firm: Workspace) -> None:
    assert value_of(pager, "incident_rate_any_cause") == close(1000 * 12 / 20)
    assert value_of(firm, "incident_rate_any_cause") == close(1000 * 6 / 10)
    assert refusal_of(pager, "incident_rate").reason is Reason.MISSING_COLUMN  # nobody said which are AI-related


def test_a_timestamp_that_nobody_records_is_missing_not_zero(firm: Workspace) -> None:
    panel = evaluate(firm, ["time_to_acknowledge_mean", "time_to_resolve_mean"], window="2026Q3")
    assert {finding.answer.reason for finding in panel} == {Reason.MISSING_COLUMN}
