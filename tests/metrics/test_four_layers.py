"""The metrics that carry the four layers: each number worked out on paper from `conftest.company_tables`."""

import pytest

from metricstack.core.values import Check, Estimate, Reason
from metricstack.telemetry import Workspace

from .conftest import Build, finding_of, groups_of, refusal_of, runs, value_of

close = pytest.approx


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("conversion_rate", 2 / 5),  # the sixth session's outcome is not known
        ("revenue_per_session", 150 / 5),
        ("task_completion", 4 / 6),
        ("support_cost_per_case", 15 / 5),
        ("retention_28d", 3 / 5),
        ("churn_28d", 2 / 5),
        ("engagement", 21 / 6),
        ("session_abandonment", 1 / 6),
        ("relevance", (2 * 0.5 + 2 * 1.0 + 0.75 + 0.75 + 1.0) / 7),  # two were judged with a chance of one half
        ("completeness", 0.6),
        ("consistency", 0.8),
        ("trust", 0.6),
        ("groundedness", 0.9),
        ("click_rate", 2 / 5),
        ("correction_rate", 1 / 5),
        ("retry_rate", 2 / 5),
        ("task_success", 6 / 9),
        ("escalation_rate", 1 / 9),
        ("abandonment_rate", 1 / 9),
        ("latency_p50", 5.5),
        ("availability", 9 / 10),
        ("error_rate", 1 / 10),
        ("fallback_rate", 1 / 9),
        ("attempt_retry_rate", 2 / 10),
        ("total_cost", 4.7),
        ("cost_per_request", 4.7 / 9),
        ("cost_per_successful_outcome", 4.7 / 6),
        ("success_per_dollar", 6 / 4.7),
        ("tokens", 9 * 160 + 110),
        ("tokens_per_outcome", 1550 / 6),
        ("cache_hit_share", (9 * 50) / (9 * 150)),  # only where the cache's share is reported
        ("human_minutes_per_request", 1.0),
        ("transactions", 10),
        ("resource_cost", 8.0),
        ("autoscaling_efficiency", 8 / 20),
        ("trace_loss", 50 / 200),
        ("deployment_rework_rate", 1 / 6),
    ],
)
def test_agrees_with_the_calculation_by_hand(firm: Workspace, metric: str, expected: float) -> None:
    assert value_of(firm, metric) == close(expected)


def test_percentiles_interpolate_between_samples(build: Build) -> None:
    # Of 1 … 21 s the 95 % point stands at index 0.95 * 20 = 19, the 20th value; p99 at 19.8.
    ws = build(requests=runs(101, latency=[float(i) for i in range(101)]))
    assert value_of(ws, "latency_p95") == close(95.0)
    assert value_of(ws, "latency_p99") == close(99.0)


def test_units_are_those_of_the_definition_in_the_workspaces_currency(firm: Workspace) -> None:
    answer = finding_of(firm, "cost_per_successful_outcome").answer
    assert isinstance(answer, Estimate)
    assert answer.unit == "USD/outcome"
    assert answer.n == 9


def test_a_rate_shows_how_many_outcomes_are_known(firm: Workspace) -> None:
    checks = finding_of(firm, "task_success").checks
    assert Check("coverage", None, "'successful' is known in 9 of 10 rows (90.0%); the others are left out") in checks


def test_cost_below_95_percent_known_is_a_lower_bound(firm: Workspace) -> None:
    failed = [check for check in finding_of(firm, "total_cost").checks if check.passed is False]
    assert [check.name for check in failed] == ["coverage", "whole_period"]
    assert "lower bound" in failed[0].detail


def test_by_a_dimension_each_group_is_computed_from_its_own_rows(firm: Workspace) -> None:
    assert groups_of(firm, "task_success", "use_case") == {"support": close(4 / 6), "search": "too_few_units"}


def test_zero_successes_make_cost_per_success_undefined_not_infinite(build: Build) -> None:
    ws = build(requests=runs(8, outcome="failure", cost=1.0))
    assert refusal_of(ws, "cost_per_successful_outcome").reason is Reason.UNDEFINED_RATIO


def test_what_no_column_holds_is_missing_not_good(build: Build) -> None:
    ws = build(requests=runs(8, latency=1.0))
    for metric, column in [("error_rate", "error_type"), ("task_success", "outcome"), ("cost_per_request", "cost")]:
        refusal = refusal_of(ws, metric)
        assert refusal.reason is Reason.MISSING_COLUMN
        assert column in refusal.detail


def test_what_is_null_in_every_row_is_not_measured(build: Build) -> None:
    ws = build(requests=runs(8, latency=1.0, cost=None, outcome="success"))
    assert refusal_of(ws, "total_cost").reason is Reason.NOT_MEASURED


def test_a_missing_table_is_named_with_what_would_provide_it(build: Build) -> None:
    refusal = refusal_of(build(requests=runs(8)), "conversion_rate")
    assert refusal.reason is Reason.MISSING_TABLE
    assert "'sessions'" in refusal.detail
    assert "product analytics" in refusal.remedy
