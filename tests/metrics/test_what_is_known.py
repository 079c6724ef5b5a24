"""What is unknown, unwatched or not due yet is never counted as good, as bad, or as a day that was not there."""

from datetime import UTC, datetime, timedelta

import pytest

from metricstack.core.values import Check, Estimate, Finding, Reason
from metricstack.core.windows import Window
from metricstack.metrics import Better, Levels, catalogue
from metricstack.metrics.query.coverage import covered_days
from metricstack.simulation import Dirt, sample

from .conftest import Build, Rows, at, finding_of, minutes, refusal_of, runs, value_of

close = pytest.approx


def daily(days: int, since: str = "07-01") -> Rows:
    """One request a day at noon."""
    return [{"run": f"r{i}", "user": f"u{i}", "start": at(since) + timedelta(days=i)} for i in range(days)]


def deployed(count: int, **columns: object) -> Rows:
    return [
        {"deployment": f"d{i}", "deployed": at(f"07-{i + 1:02}"), "status": "success", "failed": False}
        | {name: value[i] if isinstance(value, list) else value for name, value in columns.items()}
        for i in range(count)
    ]


def estimate(finding: Finding) -> Estimate:
    assert isinstance(finding.answer, Estimate), finding.answer
    return finding.answer


def coverage(finding: Finding) -> list[Check]:
    return [check for check in finding.checks if check.name == "coverage"]


# days and windows ------------------------------------------------------------------------------------------------


def test_days_without_a_deployment_count_while_traffic_goes_on(build: Build) -> None:
    # Nine deployments on July 1st to 9th, traffic to September 30th: 9 in 92 days, not one a day.
    ws = build(requests=daily(92), deployments=deployed(9))
    answer = estimate(finding_of(ws, "deployment_frequency"))
    assert answer.value == close(9 / 92)
    # Garwood's table for 9 events at 95 %: 4.115 to 17.085. Two quarters are never told apart as two censuses.
    assert answer.low == close(4.115 / 92, rel=2e-4)
    assert answer.high == close(17.085 / 92, rel=2e-4)
    # Which services they belong to changes nothing, be it one.
    of_one = build(requests=daily(92), deployments=deployed(9, service="s"))
    assert estimate(finding_of(of_one, "deployment_frequency")) == answer


def test_days_of_a_table_and_of_traffic_are_taken_together_and_a_gap_between_them_is_not(build: Build) -> None:
    quarter = build().quarter("2026Q3")
    ws = build(requests=daily(10), deployments=deployed(12))
    assert covered_days(ws, quarter, ["deployments"]) == 12
    ws = build(requests=daily(10, "08-01"), deployments=deployed(3))
    assert covered_days(ws, quarter, ["deployments"]) == 13  # July 1st to 3rd, August 1st to 10th
    assert covered_days(ws, ws.quarter("2025Q3"), ["deployments"]) == 0
    assert covered_days(ws, Window(at("07-02 00:00"), at("07-03 00:00")), ["deployments"]) == 1


def test_a_window_before_which_the_data_start_late_says_so(build: Build) -> None:
    (check,) = [
        check
        for check in finding_of(build(requests=daily(47, "08-15")), "transactions").checks
        if check.name == "whole_period"
    ]
    assert check == Check("whole_period", False, "the data start on 2026-08-15, after 2026Q3 does")
    (check,) = finding_of(build(requests=daily(5, "08-15")), "transactions").checks
    assert check.detail == "the data start on 2026-08-15, after 2026Q3 does and end on 2026-08-19, before 2026Q3 does"


def test_a_register_that_runs_on_does_not_stand_for_traffic_that_stopped(build: Build) -> None:
    pilots = [{"pilot": "p", "recorded": datetime(2026, 10, 20, tzinfo=UTC), "stage": "pilot"}]
    ws = build(requests=daily(10), pilots=pilots)
    assert [check.detail for check in finding_of(ws, "transactions").checks] == [
        "the data end on 2026-07-10, before 2026Q3 does"
    ]


def test_a_register_as_of_the_windows_end_needs_no_beginning(build: Build) -> None:
    ws = build(requests=daily(47, "08-15"), controls=[{"control": "c", "recorded": at("01-01"), "required": True}])
    controls = build(
        requests=daily(47, "08-15"),
        controls=[{"control": "c", "recorded": at("01-01"), "required": True, "automated": True}],
    )
    assert refusal_of(ws, "compliance_automation").reason is Reason.MISSING_COLUMN
    assert finding_of(controls, "compliance_automation").checks == ()


# census or bound -------------------------------------------------------------------------------------------------


def test_a_total_of_partly_known_rows_is_no_census_but_a_lower_bound(build: Build) -> None:
    half = estimate(finding_of(build(requests=runs(12, cost=[1.0] * 6 + [None] * 6)), "total_cost"))
    assert (half.value, half.low, half.method) == (6.0, None, "lower bound: only part of the rows is known")
    assert half.is_bound
    assert estimate(finding_of(build(requests=runs(12, cost=1.0)), "total_cost")).is_census


def test_a_share_of_a_register_known_in_part_is_neither_a_census_nor_a_lower_bound(build: Build) -> None:
    # Two of three known controls are automated; the fourth, unknown, could make it 2/4 as well as 3/4.
    controls = [
        {"control": f"c{i}", "recorded": at("01-01"), "required": True, "automated": automated}
        for i, automated in enumerate([True, True, False, None])
    ]
    answer = estimate(finding_of(build(controls=controls), "compliance_automation"))
    assert answer.value == close(2 / 3)
    assert not answer.is_census
    assert "lower" not in answer.method


def test_a_ratio_over_a_total_known_in_part_keeps_its_failed_check(build: Build) -> None:
    ws = build(requests=runs(12, outcome="success", cost=[1.0] * 6 + [None] * 6))
    finding = finding_of(ws, "cost_per_successful_outcome")
    assert estimate(finding).value == close(6 / 12)
    assert [(check.passed, "the total is a lower bound" in check.detail) for check in coverage(finding)] == [
        (False, True)
    ]


def test_a_count_says_that_unknown_rows_count_as_no(build: Build) -> None:
    incidents = [
        {"incident": f"i{i}", "started": at("07-01"), "ai_related": None if i == 5 else True} for i in range(6)
    ]
    finding = finding_of(build(incidents=incidents), "ai_incidents")
    assert estimate(finding).value == 5
    assert coverage(finding) == [
        Check(
            "coverage", None,
            "'ai_related' is known in 5 of 6 rows (83.3%); unknown ones count as no: the count is a lower bound",
        )
    ]  # fmt: skip


def test_no_error_among_twenty_known_rows_is_no_certainty_from_the_unknown_ones(build: Build) -> None:
    # Wilson for 0 of 20: z²/(20 + z²) = 3.841459/23.841459.
    ws = build(requests=runs(1910, outcome=["success"] * 20 + [None] * 1890, error_type=None))
    answer = estimate(finding_of(ws, "error_rate"))
    assert (answer.value, answer.n) == (0.0, 20)
    assert answer.high == close(0.161125, abs=1e-6)


def test_a_quantity_that_a_formula_names_twice_is_seen_once(build: Build) -> None:
    stated = [
        {"assumption": name, "use_case": "a", "stated": at("06-01"), "low": x, "mode": x, "high": x}
        for name, x in {
            "minutes_before": 10.0, "minutes_after": 3.0, "minutes_new_steps": 1.0, "hourly_wage": 40.0,
            "error_cost": 20.0, "errors_avoided_share": 0.1,
        }.items()
    ]  # fmt: skip
    ws = build(requests=runs(60, use_case="a", end=at("07-02"), cost=0.5), assumptions=stated)
    assert estimate(finding_of(ws, "benefits")).n == 60
    assert estimate(finding_of(ws, "roi")).n == 60


# unknown rows ----------------------------------------------------------------------------------------------------


def test_a_run_without_a_count_of_touches_is_neither_unassisted_nor_rescued(build: Build) -> None:
    # Six of eight with a count succeeded alone. Of the four without one, the failures do not count either.
    ws = build(
        requests=runs(
            12, outcome=["success"] * 8 + ["failure"] * 4,
            human_touches=[0] * 6 + [None] * 4 + [1] * 2,
        )
    )  # fmt: skip
    assert value_of(ws, "unassisted_success") == close(6 / 8)


def test_a_connector_check_with_a_gap_is_neither_healthy_nor_ill(build: Build) -> None:
    good = {"auth_ok": True, "schema_ok": True, "latency_ok": True, "errors_ok": True}
    seen = [good] * 4 + [good | {"auth_ok": False}, good | {"auth_ok": False, "schema_ok": None}]
    checks = [
        {"connector": "ab"[i % 2], "critical": True, "checked": at(f"07-{i + 1:02}")} | row
        for i, row in enumerate(seen)
    ]
    assert value_of(build(connector_checks=checks), "integration_health") == close(4 / 5)


def test_a_run_of_unknown_time_is_not_counted_as_in_time(build: Build) -> None:
    # Five in time, one error whose time is unknown, four of unknown time without an error: 5 of 6.
    ws = build(
        requests=runs(10, outcome="success", latency=[1.0] * 5 + [None] * 5, error_type=[None] * 9 + ["timeout"])
    )
    assert value_of(ws, "availability") == close(5 / 6)


def test_without_a_latency_availability_takes_the_time_from_start_to_end(build: Build) -> None:
    # The time-out is 60 s; ends after 0.5 min are in time, after 2 min not.
    rows = runs(8, outcome="success", error_type=None)
    for i, row in enumerate(rows):
        row["end"] = row["start"] + minutes(0.5 if i < 6 else 2)
    assert value_of(build(requests=rows), "availability") == close(6 / 8)
    refusal = refusal_of(build(requests=runs(8, outcome="success", error_type=None)), "availability")
    assert refusal.reason is Reason.MISSING_COLUMN
    assert "'latency' or 'end'" in refusal.detail


def test_a_case_is_completed_by_its_latency_where_no_end_was_recorded(build: Build) -> None:
    ws = build(requests=runs(8, latency=1.0, outcome=["success"] * 6 + ["abandoned"] * 2))
    assert value_of(ws, "completed_cases") == 6
    refusal = refusal_of(build(requests=runs(8, outcome="success")), "throughput")
    assert refusal.reason is Reason.MISSING_COLUMN
    assert "'end' or 'latency'" in refusal.detail


def alerts(*pairs: tuple[str, str | None]) -> Rows:
    return [
        {"alert": f"a{i}", "fired": at("09-10"), "due": at(due), "triaged": triaged and at(triaged)}
        for i, (due, triaged) in enumerate(pairs)
    ]


def test_an_alert_that_is_not_due_yet_is_not_missed(build: Build) -> None:
    # Four in time and one missed; the last two fall due after the data end (September 30th, noon).
    known = [("09-15", "09-14")] * 4 + [("09-20", None)]
    ws = build(requests=daily(92), alerts=alerts(*known, ("09-30 13:00", None), ("10-01", None)))
    assert value_of(ws, "alerts_triaged") == close(4 / 5)
    # Where the data go on, the window's end is what counts.
    ws = build(requests=daily(120), alerts=alerts(*known, ("09-30 13:00", None), ("10-02", None)))
    assert value_of(ws, "alerts_triaged") == close(4 / 6)


def test_a_change_fails_among_the_deployments_that_went_live(build: Build) -> None:
    # Five live, one of them failed; two never got live and one was cancelled.
    rows = deployed(
        8, service=[f"s{i}" for i in range(8)], failed=[True] + [False] * 7,
        status=["success"] * 5 + ["failure"] * 2 + ["cancelled"],
    )  # fmt: skip
    assert value_of(build(deployments=rows), "change_fail_rate") == close(1 / 5)


# definitions -----------------------------------------------------------------------------------------------------


def test_plain_volumes_have_no_direction_of_good() -> None:
    neither = [definition for definition in catalogue() if definition.better is Better.NEITHER]
    assert {definition.id for definition in neither} >= {
        *("sessions", "transactions", "tokens", "context_tokens", "total_cost", "model_cost", "resource_cost"),
        *("changes_opened", "changes_merged"),
    }
    assert [definition.id for definition in neither if definition.levels != Levels()] == []  # nor a target


def test_drift_and_bias_checks_are_never_read_as_one_cadence() -> None:
    assert "is_drift" in catalogue().get("drift_check_interval").formula
    assert "is_bias" in catalogue().get("bias_check_interval").formula


def test_a_simulated_collector_loses_what_never_arrived_not_what_was_sampled_out() -> None:
    def loss(dirt: Dirt) -> tuple[int, int]:
        made = sample(requests=4_000, days=200, seed=3, dirt=dirt, tables=("collection_health", "spans"))
        counted = {name: sum(made["collection_health"][name].to_pylist()) for name in ("started", "kept")}
        arrived = made["spans"].num_rows
        # Spans that had not begun when the period ended are counted by the collector, and not among the rows.
        assert 0 <= counted["kept"] - arrived <= 6
        return counted["started"], counted["started"] - counted["kept"]

    assert loss(Dirt(sampling_since=0.0, sampling_rate=0.2))[1] == 0
    started, lost = loss(Dirt(missing_parents=0.01))
    # One root span of a run in a hundred: 4,000 · 0.01 = 40, give or take three standard deviations of 6.3.
    assert 21 <= lost <= 59
    assert started > 4 * 4_000 * 0.9


def test_a_number_that_is_not_finite_is_a_refusal_not_an_answer(build: Build) -> None:
    # Readers turn NaN into null; an engine's own table may still hold an infinity.
    rows = [{"run": f"r{i}", "start": at("07-01"), "cost": float("inf")} for i in range(40)]
    for metric in ("cost_per_request", "total_cost"):
        assert "not finite" in refusal_of(build(requests=rows), metric).detail
