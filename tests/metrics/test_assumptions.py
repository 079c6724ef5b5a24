"""What the value metrics promise: stated inputs as triangular distributions, added over use cases, gaps named."""

import pytest

from metricstack.core.values import Estimate, Reason
from metricstack.metrics import evaluate
from metricstack.metrics.query.inputs import Assumption

from .conftest import Build, Rows, at, finding_of, refusal_of, runs, value_of

close = pytest.approx


def stated(use_case: str, **inputs: tuple[float, float, float]) -> Rows:
    return [
        {"assumption": name, "use_case": use_case, "stated": at("06-01"), "low": low, "mode": mode, "high": high,
         "source_kind": "assumed", "owner": "finance"}
        for name, (low, mode, high) in inputs.items()
    ]  # fmt: skip


def exact(x: float) -> tuple[float, float, float]:
    return x, x, x


SAVING = {"minutes_before": exact(10), "minutes_after": exact(3), "minutes_new_steps": exact(1)}


def cases(count: int, use_case: str) -> Rows:
    rows = runs(count, use_case=use_case, end=at("07-02"), cost=0.5)
    return [row | {"run": f"{use_case}{i}"} for i, row in enumerate(rows)]


def test_a_triangular_input_has_its_mean_and_variance_by_hand() -> None:
    # (2 + 4 + 12) / 3 = 6; (4 + 144 + 16 - 24 - 8 - 48) / 18 = 84 / 18. Minutes are 60 s.
    found = Assumption("minutes_before", "x", 2.0, 4.0, 12.0)
    assert found.mean == close(6 * 60)
    assert found.variance == close(84 / 18 * 3600)


def test_hours_saved_are_added_over_use_cases_each_with_its_own_inputs(build: Build) -> None:
    ws = build(
        requests=cases(60, "a") + cases(30, "b"),
        assumptions=stated("a", **SAVING) + stated("b", **(SAVING | {"minutes_before": exact(24)})),
    )
    # a: 60 × 6 min = 6 h; b: 30 × 20 min = 10 h.
    assert value_of(ws, "hours_saved") == close(16)
    panel = evaluate(ws, "hours_saved", by="use_case", window="2026Q3")
    assert {dict(f.where)["use_case"]: f.answer.value for f in panel} == {"a": close(6), "b": close(10)}


def test_the_interval_is_that_of_the_inputs_by_the_delta_method(build: Build) -> None:
    ws = build(requests=cases(60, "a"), assumptions=stated("a", **(SAVING | {"minutes_before": (8, 10, 12)})))
    answer = finding_of(ws, "hours_saved").answer
    assert isinstance(answer, Estimate)
    # Var of triangular(8, 10, 12) = (12 - 8)²/24 = 2/3 min²; 60 cases are 1 h per minute: sd = sqrt(2/3) h.
    assert answer.value == close(6)
    assert answer.half_width == close(1.959964 * (2 / 3) ** 0.5, rel=1e-6)
    assert "triangular" in answer.method


def test_exact_inputs_and_complete_telemetry_are_a_census(build: Build) -> None:
    ws = build(requests=cases(60, "a"), assumptions=stated("a", **SAVING))
    answer = finding_of(ws, "hours_saved").answer
    assert isinstance(answer, Estimate)
    assert answer.is_census


def test_roi_by_hand(build: Build) -> None:
    inputs = SAVING | {
        "hourly_wage": exact(40), "error_cost": exact(20), "errors_avoided_share": exact(0.1),
        "engineering_cost": exact(50), "monitoring_cost": exact(10), "compliance_cost": exact(5),
        "vendor_cost": exact(5),
    }  # fmt: skip
    ws = build(
        requests=cases(60, "a"), assumptions=stated("a", **inputs),
        resource_usage=[{"resource": "g", "time": at("07-01"), "use_case": "a", "cost": 20.0}],
    )  # fmt: skip
    # Benefits: 6 h × 40 + 60 × 0.1 × 20 = 360. Costs: 60 × 0.5 + 20 + 70 a day × 1 day = 120.
    assert value_of(ws, "benefits") == close(360)
    assert value_of(ws, "costs") == close(120)
    assert value_of(ws, "cost_savings") == close(240)
    assert value_of(ws, "roi") == close(2.0)
    finding = finding_of(ws, "roi")
    assert any("hourly_wage of a: 40 currency/h (assumed, owner finance)" in line for line in finding.assumptions)


def test_the_latest_statement_before_the_windows_end_holds(build: Build) -> None:
    later = [
        row | {"stated": at("08-01"), "low": 20.0, "mode": 20.0, "high": 20.0}
        for row in stated("a", minutes_before=exact(0))
    ]
    after = [row | {"stated": at("10-02")} for row in stated("a", minutes_before=exact(99))]
    ws = build(requests=cases(60, "a"), assumptions=stated("a", **SAVING) + later + after)
    assert value_of(ws, "hours_saved") == close(16)


def test_a_use_case_without_inputs_is_named_not_counted_as_zero(build: Build) -> None:
    ws = build(requests=cases(60, "a") + cases(30, "b"), assumptions=stated("a", **SAVING))
    finding = finding_of(ws, "hours_saved")
    assert isinstance(finding.answer, Estimate)
    assert finding.answer.value == close(6)
    (check,) = [check for check in finding.checks if check.passed is False and check.name == "complete"]
    assert "b is left out: minutes_before is not stated for b" in check.detail


def test_costs_without_a_stated_part_are_a_lower_bound(build: Build) -> None:
    ws = build(requests=cases(60, "a"), assumptions=stated("a", vendor_cost=exact(5)))
    finding = finding_of(ws, "costs")
    assert isinstance(finding.answer, Estimate)
    assert finding.answer.value == close(35)
    said = " ".join(check.detail for check in finding.checks if check.passed is False)
    assert "engineering_cost is not stated for a" in said
    assert "no table 'resource_usage'" in said


def test_without_any_statement_the_value_is_refused(build: Build) -> None:
    ws = build(requests=cases(60, "a"))
    assert refusal_of(ws, "hours_saved").reason is Reason.MISSING_TABLE
    assert refusal_of(ws, "benefits").reason is Reason.MISSING_TABLE
    assert refusal_of(ws, "roi").reason is Reason.MISSING_TABLE


def test_sampled_cases_are_weighted_in_the_value_too(build: Build) -> None:
    rows = [row | {"sample_probability": 0.5} for row in cases(30, "a")]
    ws = build(requests=rows, assumptions=stated("a", **SAVING))
    answer = finding_of(ws, "hours_saved").answer
    assert isinstance(answer, Estimate)
    assert answer.value == close(6)  # 30 kept rows stand for 60 cases
    # (1 - p)/p² = 2 for each of 30 rows: variance 60 cases², at 0.1 h a case.
    assert answer.half_width == close(1.959964 * 60**0.5 * 0.1, rel=1e-6)
