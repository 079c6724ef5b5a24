"""Each test is named after the wrong number that it prevents."""

from datetime import UTC, datetime

import pytest

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.values import Estimate, Reason
from metricstack.metrics import evaluate, values
from metricstack.telemetry import Workspace

from .conftest import Build, at, finding_of, groups_of, minutes, refusal_of, runs, value_of

close = pytest.approx


def test_an_average_of_percentiles(build: Build) -> None:
    # Week one: 100 fast runs; week two: 20 slow ones. The mean of the two medians would be 5.5 s.
    fast = runs(100, latency=1.0)
    slow = [
        row | {"run": f"s{i}", "user": f"s{i}", "start": at("07-10")} for i, row in enumerate(runs(20, latency=10.0))
    ]
    ws = build(requests=fast + slow)
    weekly = evaluate(ws, "latency_p50", window="2026Q3", grain="week").to_pandas().dropna(subset="value")
    assert list(weekly["value"]) == [1.0, 10.0]
    assert value_of(ws, "latency_p50") == 1.0


def test_a_percentile_inside_another_formula_is_refused_when_it_is_defined(build: Build) -> None:
    ws = build(requests=runs(5))
    folder = ws.root / "metrics"
    folder.mkdir()
    (folder / "own.toml").write_text(
        '[metrics.mixed]\ntitle = "x"\nabout = "x"\nformula = "(latency_p50 + latency_p95) / 2"\nunit = "s"\n'
        'better = "lower"\n'
    )
    with pytest.raises(Exception, match=r"own\.toml:4: .*stands alone"):
        evaluate(ws, "mixed", window="2026Q3")


def test_a_sum_over_parents_and_children(build: Build) -> None:
    # A run's cost is repeated on its calls; the run's is counted once, and calls are leaves only.
    calls = [
        {"call": f"c{i}", "run": f"r{i // 2}", "start": at("07-01"), "cost": 1.0, "error_type": None} for i in range(12)
    ]
    ws = build(requests=runs(6, cost=2.0), llm_calls=calls)
    assert value_of(ws, "total_cost") == 12.0
    assert value_of(ws, "model_cost") == 12.0


def test_null_counted_as_zero(build: Build) -> None:
    ws = build(requests=runs(10, cost=[1.0] * 6 + [None] * 4, outcome=["success"] * 5 + ["unknown"] * 5))
    assert value_of(ws, "cost_per_request") == 1.0  # with nulls as zero: 0.6
    assert value_of(ws, "task_success") == 1.0  # with unknown as failure: 0.5


def test_unweighted_sampled_counts(build: Build) -> None:
    # Six failures all kept, six successes kept one in ten: 66 runs, 60 of them successful.
    ws = build(
        requests=runs(
            12, outcome=["failure"] * 6 + ["success"] * 6, cost=[2.0] * 6 + [1.0] * 6,
            sample_probability=[1.0] * 6 + [0.1] * 6,
        )
    )  # fmt: skip
    assert value_of(ws, "transactions") == close(66)
    assert value_of(ws, "total_cost") == close(72)
    assert value_of(ws, "task_success") == close(60 / 66)
    assert value_of(ws, "cost_per_request") == close(72 / 66)
    # Horvitz–Thompson: 6 rows with (1 - p)/p² = 90 each, so a variance of 540.
    answer = finding_of(ws, "transactions").answer
    assert isinstance(answer, Estimate)
    assert answer.half_width == close(1.959964 * 540**0.5, rel=1e-6)


def test_an_unweighted_percentile_of_tail_sampled_latency(build: Build) -> None:
    # 20 slow runs all kept, 20 fast ones kept one in ten: 20 of 220 are slow, so that the median is fast.
    ws = build(requests=runs(40, latency=[9.0] * 20 + [1.0] * 20, sample_probability=[1.0] * 20 + [0.1] * 20))
    assert value_of(ws, "latency_p50") == 1.0
    assert "weighted" in finding_of(ws, "latency_p50").answer.method


def test_unknown_sampling_as_if_nothing_was_dropped(build: Build) -> None:
    ws = build(requests=runs(10, outcome="success", sample_probability=[None] * 2 + [1.0] * 8))
    assert refusal_of(ws, "transactions").reason is Reason.UNKNOWN_SAMPLING
    rate = finding_of(ws, "task_success")
    assert isinstance(rate.answer, Estimate)
    assert [check.passed for check in rate.checks if check.name == "sampling_known"] == [False]


def test_a_join_that_multiplies_rows(firm: Workspace) -> None:
    with pytest.raises(InvalidInput, match=r"'step'.*table 'spans'.*several times.*step_sla_attainment"):
        evaluate(firm, "cost_per_request", by="step", window="2026Q3")


def test_a_join_to_a_table_that_repeats_its_key(build: Build) -> None:
    # The referenced run is there twice, not flagged: each judgement still counts once.
    requests = [*runs(5, region="eu"), *runs(5, region="eu")]
    feedback = [
        {"feedback": f"f{i}", "run": f"r{i}", "name": "relevance", "value": i / 4, "given": at("07-01"),
         "selection_probability": 1.0}
        for i in range(5)
    ]  # fmt: skip
    ws = build(requests=requests, feedback=feedback)
    panel = evaluate(ws, "relevance", by="region", window="2026Q3")
    (finding,) = panel.findings
    assert isinstance(finding.answer, Estimate)
    assert (finding.answer.n, finding.answer.value) == (5, close(0.5))


def test_rows_delivered_twice(build: Build) -> None:
    twice = [row | {"dq_flags": "late,duplicate"} for row in runs(6, outcome="success")]
    assert value_of(build(requests=runs(6, outcome="success") + twice), "transactions") == 6


def test_runs_of_another_environment(build: Build) -> None:
    ws = build(requests=runs(6, env=["production", "staging", None, "production", "production", "production"]))
    assert value_of(ws, "transactions") == 5


def test_a_row_on_the_boundary_counted_in_two_quarters(build: Build) -> None:
    ws = build(requests=[{"run": "r", "start": datetime(2026, 10, 1, tzinfo=UTC)}, {"run": "s", "start": at("07-01")}])
    assert value_of(ws, "transactions") == 1
    assert value_of(ws, "transactions", window="2026Q4") == 1


def test_a_day_of_24_hours_where_the_clock_changes(build: Build) -> None:
    # Berlin, October 25th 2026 has 25 hours: 22:00 to 23:00 UTC the day after. One run an hour.
    rows = [{"run": f"r{i}", "start": at("10-24 22:30") + minutes(60 * i)} for i in range(49)]
    ws = build('[workspace]\nzone = "Europe/Berlin"\n', requests=rows)
    window = ws.calendar.between(at("10-25").date(), at("10-27").date())
    panel = evaluate(ws, "transactions", window=window, grain="day")
    assert list(panel.to_pandas()["value"]) == [25.0, 24.0]


def test_a_fraction_of_a_second_counted_twice(build: Build) -> None:
    # 250 ms from 11:59:59.900 to 12:00:00.150: across a whole second, in both directions of the fraction.
    start = at("07-01") - minutes(0.1 / 60)
    rows = [
        {"incident": f"i{i}", "started": start, "detected": start + minutes(0.25 / 60), "ai_related": True}
        for i in range(5)
    ]
    assert value_of(build(incidents=rows), "time_to_detect") == close(0.25 / 3600, rel=1e-6)


def test_a_handled_retry_as_an_error(build: Build) -> None:
    calls = [{"call": f"c{i}", "run": f"r{i}", "start": at("07-01"), "error_type": "timeout"} for i in range(6)]
    ws = build(requests=runs(6, outcome="success", error_type=None, retries=1), llm_calls=calls)
    assert value_of(ws, "error_rate") == 0.0
    assert value_of(ws, "attempt_error_rate") == 1.0


def test_a_state_of_the_past_counted_with_the_present_one(firm: Workspace) -> None:
    assert value_of(firm, "models_reviewed") == 4  # five reviews by then, of four models


def test_no_rows_in_a_week_as_zero_where_nobody_listened(build: Build) -> None:
    # Two days of dense traffic, and incidents months later: those months without traffic are unknown, not quiet.
    ws = build(
        requests=runs(2880),
        incidents=[{"incident": "i", "started": at("09-20"), "ai_related": True}],
    )
    weeks = evaluate(ws, "transactions", window="2026Q3", grain="month").findings
    assert [getattr(finding.answer, "value", None) or str(finding.answer.reason) for finding in weeks] == [
        2880.0, "no_data", "no_data",
    ]  # fmt: skip


def test_no_incident_as_certainty_of_none(build: Build) -> None:
    ws = build(
        requests=runs(100),
        incidents=[{"incident": f"i{i}", "started": at(f"0{4 + i}-01"), "ai_related": False} for i in range(6)],
    )
    answer = finding_of(ws, "incident_rate").answer
    assert isinstance(answer, Estimate)
    assert answer.value == 0
    assert answer.high == close(3.688879 / 100 * 1000, rel=1e-5)  # -ln(0.025) expected incidents are not ruled out


def test_a_persons_own_number(build: Build) -> None:
    answers = [
        {"response": f"q{i}", "respondent": f"p{i}", "team": "small" if i < 3 else "large", "score": 0.5 + i / 100,
         "dimension": "satisfaction", "answered": at("07-01")}
        for i in range(12)
    ]  # fmt: skip
    ws = build(survey_responses=answers)
    found = groups_of(ws, "satisfaction", "team")
    assert found["small"] == "withheld"
    assert found["large"] == close(0.5 + 0.07)
    with pytest.raises(InvalidInput, match="names a person"):
        evaluate(ws, "satisfaction", by="respondent", window="2026Q3")


def test_the_inputs_of_one_use_case_given_to_every_region(firm: Workspace) -> None:
    with pytest.raises(InvalidInput, match="count them several times"):
        evaluate(firm, "costs", by="region", window="2026Q3")


def test_a_dimension_that_is_not_there(firm: Workspace) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'region'"):
        evaluate(firm, "task_success", by="regoin", window="2026Q3")
    with pytest.raises(UnknownName, match="Metric 'time_to_recover' can be asked by: incident, name"):
        evaluate(firm, "time_to_recover", by="zzz", window="2026Q3")


def own(ws: Workspace, formula: str, table: str, unit: str = "1") -> None:
    """Give a workspace the metric 'own'."""
    folder = ws.root / "metrics"
    folder.mkdir()
    (folder / "own.toml").write_text(
        f'[metrics.own]\ntitle = "x"\nabout = "x"\ntable = "{table}"\nformula = "{formula}"\nunit = "{unit}"\n'
        'better = "lower"\n'
    )


@pytest.mark.parametrize("users", [8, 600])
def test_a_value_that_several_units_share_counted_in_each(build: Build, users: int) -> None:
    # Three teams, each with runs of every user: counted user by user they would be 3 x users.
    rows = runs(3 * users, team=["a", "b", "c"] * users, user=[f"u{i // 3}" for i in range(3 * users)])
    ws = build(requests=rows)
    own(ws, "distinct(team)", "requests", "count")
    answer = finding_of(ws, "own").answer
    assert isinstance(answer, Estimate)
    assert (answer.value, answer.is_census) == (3, True)


def test_an_interval_of_values_that_several_units_share(build: Build) -> None:
    rows = runs(24, use_case=["a", "b"] * 12, user=[f"u{i // 2}" for i in range(24)], outcome="success")
    ws = build(requests=rows)
    own(ws, "count(successful) / distinct(use_case)", "requests")
    answer = finding_of(ws, "own").answer
    assert isinstance(answer, Estimate)
    assert (answer.value, answer.low) == (12, None)
    assert "several units share one" in answer.method
    assert list(values(ws, "own", window="2026Q3", by="region")["value"]) == [12]


def test_plans_weighted_over_runs_that_are_not(build: Build) -> None:
    # One run in ten was kept, with all its plans: 2 plans a run, not 20.
    plans = [
        {"plan": f"p{i}", "run": f"r{i // 2}", "started": at("07-01") + minutes(i), "sample_probability": 0.1}
        for i in range(24)
    ]
    ws = build(plans=plans)
    assert value_of(ws, "plans_per_run") == close(2.0)
    assert list(values(ws, "plans_per_run", window="2026Q3")["value"]) == [close(2.0)]


def test_a_run_of_two_traces_counted_twice(build: Build) -> None:
    # Eight failed runs of two traces each; in two of them a call to a system outside failed, in both traces.
    spans = [
        {"span": f"s{i}", "trace": f"t{i}", "run": f"r{i // 2}", "start": at("07-01") + minutes(i), "status": "error",
         "dependency": "crm" if i < 4 else None}
        for i in range(16)
    ]  # fmt: skip
    ws = build(requests=runs(8, error_type="timeout"), spans=spans)
    assert value_of(ws, "dependency_fragility") == close(2 / 8)


def test_users_of_sampled_sessions_counted_as_all_of_them(build: Build) -> None:
    rows = [
        {"session": f"s{i}", "user": f"u{i}", "start": at("07-01") + minutes(i), "sample_probability": 0.1}
        for i in range(12)
    ]
    refusal = refusal_of(build(sessions=rows), "active_users")
    assert refusal.reason is Reason.NOT_MEASURED
    assert "sampled" in refusal.detail


def test_an_incident_mended_before_it_was_known(build: Build) -> None:
    # Six took 10 hours; of one more the clocks say that it was over 5 hours before it was detected.
    rows = [
        {"incident": f"i{i}", "started": at("07-01"), "detected": at("07-02"),
         "mitigated": at("07-02") + minutes(600 if i else -300)}
        for i in range(7)
    ]  # fmt: skip
    finding = finding_of(build(incidents=rows), "time_to_recover_mean")
    assert isinstance(finding.answer, Estimate)
    assert (finding.answer.value, finding.answer.n) == (close(10.0), 6)  # with it: 55 / 7
    assert any(check.name == "coverage" and "6 of 7" in check.detail for check in finding.checks)


def test_a_failure_over_before_it_began(build: Build) -> None:
    rows = [
        {"deployment": f"d{i}", "service": f"s{i}", "deployed": at("07-02"), "status": "success", "failed": True,
         "recovered": at("07-02") + minutes(120 if i else -60)}
        for i in range(7)
    ]  # fmt: skip
    later = [row | {"start": at("07-05")} for row in runs(1)]
    answer = finding_of(build(deployments=rows, requests=later), "failed_deployment_recovery").answer
    assert isinstance(answer, Estimate)
    assert (answer.value, answer.n) == (close(2.0), 6)


def test_what_nobody_counted_taken_for_lost_or_idle(build: Build) -> None:
    # The second collector does not say what it kept, the second machine not what was used.
    health = [{"collector": c, "time": at("07-01"), "started": 100, "kept": k} for c, k in (("a", 90), ("b", None))]
    usage = [
        {"resource": r, "time": at("07-01"), "provisioned": 10.0, "used": u} for r, u in (("gpu", 5.0), ("cpu", None))
    ]
    ws = build(collection_health=health, resource_usage=usage)
    assert value_of(ws, "trace_loss") == close(0.1)  # with it as lost: 0.55
    assert value_of(ws, "autoscaling_efficiency") == close(0.5)  # with it as idle: 0.25


def test_a_run_without_a_cost_taken_for_free(build: Build) -> None:
    # Eight sessions of two runs each; the second run of the last one has no known cost.
    requests = [row | {"session": f"s{i // 2}"} for i, row in enumerate(runs(16, cost=[1.0] * 15 + [None]))]
    sessions = [
        {"session": f"s{i}", "user": f"u{i}", "start": at("07-01"), "revenue": 10.0, "cost_to_serve": 3.0}
        for i in range(8)
    ]
    answer = finding_of(build(requests=requests, sessions=sessions), "sequence_value").answer
    assert isinstance(answer, Estimate)
    assert (answer.value, answer.n) == (close(5.0), 7)


def test_a_share_of_runs_that_stands_on_their_spans(build: Build) -> None:
    # Eight failed runs, all at a system outside, 20 spans each: 8 stand behind the 100 %, not 160.
    spans = [
        {"span": f"s{i}", "trace": f"t{i}", "run": f"r{i // 20}", "start": at("07-01") + minutes(i), "status": "error",
         "dependency": "crm"}
        for i in range(160)
    ]  # fmt: skip
    answer = finding_of(build(requests=runs(8, error_type="timeout"), spans=spans), "dependency_fragility").answer
    assert isinstance(answer, Estimate)
    assert answer.value == 1.0
    assert answer.low is not None
    assert answer.low < 0.7  # Wilson of 8 of 8: 8 / (8 + 1.96²) = 0.676; of 160: 0.977
