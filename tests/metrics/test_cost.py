"""The cost metrics beyond `test_four_layers`: worked out on paper, and what must refuse.

Costs of all attempts over what came of them; a cost known in part is a lower bound and says so; people's time is
priced at the stated wage or not at all; shares of cost stand on what is known of both.
"""

from datetime import timedelta

import pytest

from metricstack.core.values import Check, Estimate, Reason
from metricstack.metrics import evaluate, values
from metricstack.telemetry import Workspace

from .conftest import Build, Rows, at, finding_of, groups_of, refusal_of, runs, value_of, write_workspace

close = pytest.approx


def wage(use_case: str, amount: float) -> Rows:
    return [{"assumption": "hourly_wage", "use_case": use_case, "stated": at("06-01"), "low": amount, "mode": amount,
             "high": amount}]  # fmt: skip


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Ten runs that cost 1 … 10: six successes, a failure, one left, one escalated, one of unknown outcome."""
    outcomes = ["success"] * 6 + ["failure", "abandoned", "escalated", "unknown"]
    requests = runs(
        10,
        use_case="support",
        outcome=outcomes,
        latency=1.0,
        cost=[float(i) for i in range(1, 11)],
        cost_state=["measured"] * 8 + ["priced", "partial"],
        human_minutes=[0.0] * 8 + [30.0, 6.0],
        tokens_input_uncached=100,
        tokens_cache_read=50,
        tokens_cache_write=20,
        tokens_output=[10 * i for i in range(10)],  # 450 in all
        tokens_reasoning=[None] * 5 + [40] * 5,
    )
    calls = [
        {"call": f"c{i}", "run": f"r{i}", "operation": operation, "start": at("07-01"), "cost": cost}
        for i, (operation, cost) in enumerate(
            [("answer", 5.0), ("answer", 3.0), ("plan", 1.0), ("embedding", 0.5), ("retrieval", 0.25), ("rerank", 0.25),
             (None, 7.0), ("answer", None)]
        )
    ]  # fmt: skip
    usage = [{"resource": "gpu", "time": at("07-01"), "provisioned": 10.0, "used": 6.0, "cost": 23.0}]
    tables = {
        "requests": requests, "llm_calls": calls, "resource_usage": usage, "assumptions": wage("support", 20.0),
    }  # fmt: skip
    return write_workspace(tmp_path_factory.mktemp("ledger"), tables)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("cost_per_request", 45 / 9),  # the run whose cost is known in part is in neither
        ("cost_per_decision", 45 / 9),  # one run was left, and decided nothing; its cost is carried by the others
        ("cost_per_successful_outcome", 45 / 6),  # at least: the tenth run cost something too
        ("human_time", 36 / 60),
        ("total_cost_per_decision", (45 + 20 * 36 / 60) / 9),
        ("wasted_cost_share", (7 + 8 + 9) / 45),  # the run of unknown outcome is in neither
        ("cost_coverage", 9 / 10),  # known in part is not known
        ("tokens_input_uncached_per_outcome", 1000 / 6),
        ("tokens_cache_read_per_outcome", 500 / 6),
        ("tokens_cache_write_per_outcome", 200 / 6),
        ("tokens_output_per_outcome", 450 / 6),
        ("tokens_reasoning_per_outcome", 200 / 6),
        ("tokens_per_outcome", 2350 / 6),  # the five add up
        ("outcomes_per_1000_tokens", 1000 * 6 / 2350),
        ("output_token_share", 450 / 2350),
        ("reasoning_token_share", 200 / (5 * 210 + 350)),  # of the five runs that report it
        ("retrieval_cost_share", 1 / 10),  # the call that does not say what it was for is in neither
        ("inferences", 8),
        ("cost_per_inference", 17 / 7),
        ("model_cost", 17),
        ("compute_cost_per_inference", (17 + 23) / 8),
    ],
)
def test_agrees_with_the_calculation_by_hand(ledger: Workspace, metric: str, expected: float) -> None:
    assert value_of(ledger, metric) == close(expected)


def test_a_share_of_cost_stays_between_0_and_1(ledger: Workspace) -> None:
    for metric in ("wasted_cost_share", "retrieval_cost_share"):
        answer = finding_of(ledger, metric).answer
        assert isinstance(answer, Estimate)
        assert 0 < answer.low < answer.value < answer.high < 1


def test_people_have_a_price_only_where_one_is_stated(build: Build) -> None:
    rows = runs(12, use_case=["a", "b"] * 6, outcome="success", latency=1.0, cost=1.0, human_minutes=60.0)
    assert refusal_of(build(requests=rows), "total_cost_per_decision").reason is Reason.MISSING_TABLE
    ws = build(requests=rows, assumptions=wage("a", 30.0))
    finding = finding_of(ws, "total_cost_per_decision")
    assert [check.detail for check in finding.checks if check.name == "complete"] == [
        "b is left out: hourly_wage is not stated for b: the value is a bound"
    ]
    assert groups_of(ws, "total_cost_per_decision", "use_case") == {"a": close(31.0), "b": "not_measured"}


@pytest.mark.parametrize(("known", "complete"), [(18, False), (19, True)])
def test_cost_per_success_is_a_lower_bound_below_95_percent_known(build: Build, known: int, complete: bool) -> None:
    rows = runs(20, outcome="success", latency=1.0, cost=[2.0] * known + [None] * (20 - known))
    finding = finding_of(build(requests=rows), "cost_per_successful_outcome")
    assert isinstance(finding.answer, Estimate)
    assert finding.answer.value == close(2.0 * known / 20)
    (check,) = (check for check in finding.checks if check.name == "coverage" and "'cost'" in check.detail)
    assert check.passed is complete
    assert ("lower bound" in check.detail) is not complete
    assert finding.answer.is_bound is not complete  # an interval about the known part would pretend
    assert finding.answer.method.startswith("lower bound") is not complete


def test_successes_for_a_cost_known_in_part_are_an_upper_bound_in_a_table_of_groups_too(build: Build) -> None:
    rows = runs(24, outcome="success", latency=1.0, use_case=["a", "b"] * 12, cost=[2.0] * 21 + [None, 2.0, None])
    ws = build(requests=rows)
    found = evaluate(ws, "success_per_dollar", window="2026Q3", by="use_case")
    assert [finding.answer.is_bound for finding in found] == [False, True]  # all of a, 10 of 12 of b
    assert [finding.answer.method.startswith("upper bound") for finding in found] == [False, True]
    tabled = values(ws, ["success_per_dollar", "cost_per_successful_outcome"], window="2026Q3", by="use_case")
    assert tabled["low"].isna().tolist() == tabled["high"].isna().tolist() == [False, True, False, True]


def test_compute_that_is_recorded_in_part_is_a_bound(build: Build) -> None:
    calls = [{"call": f"c{i}", "run": f"r{i}", "start": at("07-01"), "cost": 2.0} for i in range(6)]
    finding = finding_of(build(requests=runs(6), llm_calls=calls), "compute_cost_per_inference")
    assert isinstance(finding.answer, Estimate)
    assert finding.answer.value == close(2.0)
    assert any(check.name == "complete" and check.passed is False for check in finding.checks)


def test_no_success_no_decision_or_no_cost_has_no_cost_per_one(build: Build) -> None:
    ws = build(requests=runs(8, outcome="abandoned", latency=1.0, cost=1.0, tokens_output=10))
    for metric in ("cost_per_decision", "cost_per_successful_outcome", "tokens_output_per_outcome"):
        assert refusal_of(ws, metric).reason is Reason.UNDEFINED_RATIO
    ws = build(requests=runs(8, outcome="success", latency=1.0, cost=0.0))
    assert refusal_of(ws, "success_per_dollar").reason is Reason.UNDEFINED_RATIO
    assert refusal_of(ws, "wasted_cost_share").reason is Reason.UNDEFINED_RATIO


def test_a_bucket_that_nobody_reports_is_missing_not_zero(build: Build) -> None:
    ws = build(requests=runs(8, outcome="success", latency=1.0, tokens_output=10, tokens_reasoning=None))
    assert refusal_of(ws, "tokens_cache_write_per_outcome").reason is Reason.MISSING_COLUMN
    assert refusal_of(ws, "tokens_reasoning_per_outcome").reason is Reason.NOT_MEASURED


def test_what_an_inference_was_for_must_be_told(build: Build) -> None:
    calls = [{"call": f"c{i}", "run": f"r{i}", "start": at("07-01"), "cost": 2.0} for i in range(6)]
    assert refusal_of(build(llm_calls=calls), "retrieval_cost_share").reason is Reason.MISSING_COLUMN
    for call in calls:
        call["operation"] = "answer"
    assert value_of(build(llm_calls=calls), "retrieval_cost_share") == 0.0


def test_the_known_part_is_said(ledger: Workspace) -> None:
    panel = evaluate(ledger, "cost_per_inference", window="2026Q3")
    assert Check("coverage", None, "'cost' is known in 7 of 8 rows (87.5%); the others are left out") in (
        panel.findings[0].checks
    )


def test_a_cost_that_is_known_in_part_is_unknown_and_makes_totals_lower_bounds(build: Build) -> None:
    # 40 runs cost 1.00 each, all of it known; of 40 others 0.10 each is known and the rest is not. What is known in
    # whole: 40.00 in all, at least 40 / 80 = 0.50 for each success. Taken for known, it would be 44 / 80 = 0.55.
    rows = [
        {"run": f"r{i}", "user": f"u{i % 20}", "start": at("07-02") + timedelta(minutes=i),
         "outcome": "success", "cost": 1.0 if i % 2 else 0.1, "cost_state": "priced" if i % 2 else "partial"}
        for i in range(80)
    ]  # fmt: skip
    panel = evaluate(
        build(requests=rows), ["total_cost", "cost_per_successful_outcome", "cost_per_request"], window="2026Q3"
    )
    total, outcome, request = panel.findings
    for finding, value in ((total, 40.0), (outcome, 0.5)):
        assert isinstance(finding.answer, Estimate)
        assert finding.answer.value == pytest.approx(value, rel=1e-12)
        assert finding.answer.method.startswith("lower bound")
        assert any(check.name == "coverage" and check.passed is False for check in finding.checks)
    assert isinstance(request.answer, Estimate)
    assert request.answer.n == 40
    assert request.answer.value == pytest.approx(1.0, rel=1e-12)


def test_a_file_that_proves_no_cost_to_be_null_proves_none_to_be_known(build: Build) -> None:
    rows = [
        {"run": f"r{i}", "user": f"u{i}", "start": at("07-02") + timedelta(minutes=i),
         "outcome": "success", "cost": 1.0, "cost_state": "unknown" if i else "measured"}
        for i in range(3)
    ]  # fmt: skip
    assert "cost" not in build(requests=rows).never_null("requests")
