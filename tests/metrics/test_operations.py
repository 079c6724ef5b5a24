"""The fifteen operations metrics: each number worked out on paper from the rows in `conftest.company_tables`."""

import pytest

from metricstack.core.values import Estimate, Reason
from metricstack.metrics import evaluate
from metricstack.telemetry import Workspace

from .conftest import Build, at, finding_of, groups_of, refusal_of, runs, value_of

close = pytest.approx


def test_sla_attainment_asks_for_time_and_quality_of_the_use_cases_own_card(firm: Workspace) -> None:
    # Known outcomes: all but r8. Support's card allows 2.5 s: r1 and r2. Elsewhere 8 s: r9 took 9, r10 took 20.
    assert value_of(firm, "sla_attainment") == close(2 / 9)


def test_sla_attainment_by_step_is_answered_from_the_steps_own_targets(firm: Workspace) -> None:
    # Ingestion, 2 s: of five, one is late and one fails quality.
    # Inference, 8 s: of five checked, one is in time and good.
    found = groups_of(firm, "sla_attainment", "step")
    assert found == {"ingestion": close(3 / 5), "inference": close(1 / 5)}
    panel = evaluate(firm, "sla_attainment", by="step", window="2026Q3")
    assert {finding.subject for finding in panel.findings} == {"sla_attainment"}


def test_incident_rate_counts_ai_incidents_per_1000_transactions(firm: Workspace) -> None:
    assert value_of(firm, "ai_incidents") == 3  # the sixth is unknown, not counted
    assert value_of(firm, "incident_rate") == close(1000 * 3 / 10)


def test_times_of_incidents_are_medians_beside_their_parts(firm: Workspace) -> None:
    assert value_of(firm, "time_to_detect") == close(35 / 60)  # 10 … 60 minutes
    assert value_of(firm, "time_to_diagnose") == close(3)  # 1, 2, 3, 4, 5 h
    assert value_of(firm, "time_to_fix") == close(1)  # 1, 1, 1, 2, 4 h
    assert value_of(firm, "time_to_recover") == close(4)  # 2, 3, 4, 6, 10 h
    assert value_of(firm, "time_to_recover_mean") == close(5)
    finding = finding_of(firm, "time_to_fix")
    assert finding.answer.unit == "h"
    assert "5 of 6" in finding.checks[0].detail  # how many lack the timestamp


def test_freshness_is_a_median_by_stage_and_an_unchecked_feed_is_missing_not_fresh(firm: Workspace) -> None:
    assert value_of(firm, "freshness_source_to_pipeline") == close(14)
    assert value_of(firm, "freshness_pipeline_to_store") == close(30)
    assert refusal_of(firm, "freshness_store_to_dashboard").reason is Reason.TOO_FEW_UNITS  # four of five
    found = groups_of(firm, "data_freshness", "stage")
    assert found["pipeline_to_store"] == close(0.5)


def test_integration_health_counts_critical_connector_days_and_chance_is_told(firm: Workspace) -> None:
    # Seven checks of critical connectors, two failed; the toy connector is not critical.
    finding = finding_of(firm, "integration_health")
    assert isinstance(finding.answer, Estimate)
    assert finding.answer.value == close(5 / 7)
    assert finding.answer.low < 5 / 7 < finding.answer.high
    # Of the five green ones, one delivered part of the data only.
    assert value_of(firm, "silent_partial_share") == close(1 / 5)


def test_fragmented_systems_counts_distinct_systems_per_run_with_and_before_ai(firm: Workspace) -> None:
    assert value_of(firm, "fragmented_systems") == close(9 / 3)
    # Observed in May, before the quarter: the baseline is whatever was observed up to its end.
    assert value_of(firm, "fragmented_systems_before") == close(15 / 3)


def test_throughput_is_per_day_that_the_data_cover(firm: Workspace) -> None:
    # Nine of ten were not abandoned; requests were seen from July 1st to 10th.
    assert value_of(firm, "completed_cases") == 9
    assert value_of(firm, "throughput") == close(9 / 10)


def test_the_responsible_ai_pass_rate_takes_each_models_last_review_before_the_windows_end(firm: Workspace) -> None:
    # m1 passed its second review, m2 passed; m3 lacks privacy and m4 explainability; m5 comes later.
    assert value_of(firm, "responsible_ai_pass_rate") == close(2 / 4)
    assert value_of(firm, "models_reviewed") == 4
    assert value_of(firm, "responsible_ai_pass_rate", window="2026Q2") == close(1 / 2)  # m1 failed then


def test_a_workspace_may_require_human_oversight_of_its_models(build: Build) -> None:
    review = {"model": "m", "reviewed": at("07-01"), "fairness": True, "privacy": True, "explainability": True,
              "safety": True, "human_oversight": False}  # fmt: skip
    strict = "[parameters]\nreview_requires_human_oversight = 1\n"
    assert value_of(build(model_reviews=[review]), "responsible_ai_pass_rate") == 1
    assert value_of(build(strict, model_reviews=[review]), "responsible_ai_pass_rate") == 0


def test_compliance_counts_required_controls_only(firm: Workspace) -> None:
    assert value_of(firm, "compliance_automation") == close(3 / 4)
    assert value_of(firm, "controls_tested_continuously") == close(1 / 4)


def test_drift_checks_and_alerts_are_told_together(firm: Workspace) -> None:
    # Drift was checked after 1, 2 and 7 days, bias after 3 and 30: each too few; the schema check is neither.
    assert refusal_of(firm, "drift_check_interval").reason is Reason.TOO_FEW_UNITS
    assert refusal_of(firm, "bias_check_interval").reason is Reason.TOO_FEW_UNITS
    assert value_of(firm, "drift_share") == close(1 / 5)  # too little data is unknown, not a pass
    assert value_of(firm, "alerts_triaged") == close(3 / 5)  # one late, one never, one without a due time


def test_pilots_convert_when_they_are_supported_products(firm: Workspace) -> None:
    # p1 became one; p2 has no on-call owner; p3 stopped; p4 comes later.
    assert value_of(firm, "pilot_conversion") == close(1 / 3)


def test_time_to_deploy_is_of_changes_whose_deployment_did_not_fail(firm: Workspace) -> None:
    # Approved July 2nd; live July 4th to 8th (the first, July 3rd, failed): 2 … 6 days.
    assert value_of(firm, "time_to_deploy_safe_change") == close(4)
    assert value_of(firm, "change_lead_time") == close(6)  # 3 … 8 days and one not live: 3 of 7 after the fourth
    assert value_of(firm, "change_fail_rate") == close(1 / 6)  # the cancelled one was never tried
    assert value_of(firm, "deployments") == 6


def test_unassisted_success_leaves_out_runs_that_a_person_rescued(firm: Workspace) -> None:
    assert value_of(firm, "unassisted_success") == close(5 / 9)


def test_work_removed_is_the_worked_example_of_the_definition(build: Build) -> None:
    # Saved 10 minutes, new review 3, 2,000 cases in 30 days: 14,000 min = 233.3 h.
    stated = {"minutes_before": 15.0, "minutes_after": 5.0, "minutes_new_steps": 3.0}
    ws = build(
        requests=[
            {"run": f"r{i}", "use_case": "claims", "start": at(f"07-{1 + i % 30:02}"), "end": at("07-31")}
            for i in range(2000)
        ],
        assumptions=[
            {"assumption": name, "use_case": "claims", "stated": at("06-01"), "low": x, "mode": x, "high": x}
            for name, x in stated.items()
        ],
    )
    # The data cover July 1st to 30th, so that a month of 30 days is the whole of it.
    assert value_of(ws, "hours_saved") == close(14_000 / 60)
    assert value_of(ws, "work_removed", window=ws.calendar.between(at("07-01").date(), at("07-31").date())) == close(
        14_000 / 60
    )


def test_no_run_at_all_is_a_refusal_not_a_zero(build: Build) -> None:
    ws = build(requests=runs(6, outcome="success"))
    assert refusal_of(ws, "task_success", window="2025Q1").reason is Reason.NO_DATA
