"""The metrics of agents: worked out on paper, and what must refuse.

Attempts and intended actions, plans with and without a label, handoffs taken and not, runs that recovered, several
agents without rescue, the same task again; what is still open is censored, and what nobody labelled is not measured.
"""

from typing import Any

import pytest

from metricstack.core.values import Estimate, Reason
from metricstack.metrics import evaluate
from metricstack.telemetry import Workspace

from .conftest import Build, Rows, at, finding_of, groups_of, minutes, refusal_of, runs, value_of, write_workspace

close = pytest.approx


def numbered(key: str, time: str, rows: Rows, **columns: Any) -> Rows:
    """Give rows a key and a time, a minute apart from July 1st."""
    return [{key: f"{key}{i}", time: at("07-01") + minutes(i)} | columns | row for i, row in enumerate(rows)]


# actions ---------------------------------------------------------------------------------------------------------


def attempts() -> Rows:
    """Nine runs' actions: per action the attempts' success (None = unknown) and whether a plan asked for it."""
    actions = [
        ("r0", "a0", [True], True),
        ("r0", "a1", [False, True], True),
        ("r1", "a2", [False, False, True], True),
        ("r2", "a3", [False, False], True),
        ("r3", "a4", [True, None], None),
        ("r4", "a5", [None], True),
        ("r5", "a6", [True], True),
        ("r6", "a7", [False], False),
        ("r7", "a8", [True], True),
        ("r7", "a9", [False], None),
        ("r7", "a10", [False], None),
        ("r8", "a11", [False], True),
    ]
    return [
        {"action": action, "attempt": i + 1, "run": run, "tool": f"tool{run}", "ok": ok, "intended": intended,
         "start": at("07-01") + minutes(i)}
        for run, action, tries, intended in actions
        for i, ok in enumerate(tries)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Runs r0 … r8 with their actions."""
    outcomes = ["success", "success", "failure", "success", "success", "success", "unknown", "success", "abandoned"]
    tables = {"requests": runs(9, outcome=outcomes), "actions": attempts()}
    return write_workspace(tmp_path_factory.mktemp("works"), tables)


def test_attempts_and_intended_actions_are_two_metrics(works: Workspace) -> None:
    # Of the 15 attempts whose success is known six succeeded (a0, a1, a2, a4, a6, a8).
    assert value_of(works, "action_success") == close(6 / 15)
    # Actions that can be judged and were not unasked for: a0 … a4, a6, a8 … a11; six were carried out.
    assert value_of(works, "intended_action_success") == close(6 / 10)
    assert value_of(works, "action_retry_share") == close(5 / 17)
    # Told of 13 attempts, since nobody says it of a4, a9 and a10; one was unasked for.
    assert value_of(works, "unintended_action_share") == close(1 / 13)


def test_recovery_counts_each_run_with_a_failed_action_once(works: Workspace) -> None:
    # Runs with a failed attempt: r0, r1, r2, r6, r7, r8; r6's outcome is unknown; r0, r1 and r7 succeeded.
    finding = finding_of(works, "recovery_from_partial_failure")
    assert isinstance(finding.answer, Estimate)
    assert finding.answer.value == close(3 / 5)
    assert finding.answer.n == 5


def test_recovery_weighs_what_sampling_kept(build: Build) -> None:
    # Six runs with a failed action, two attempts each. The three that recovered were kept one time in two.
    outcomes = ["success"] * 3 + ["failure"] * 3
    kept = [0.5] * 3 + [1.0] * 3
    rows = [
        {"action": f"a{i}", "attempt": attempt, "run": f"r{i}", "ok": False, "start": at("07-01"),
         "tool": f"tool{attempt}", "sample_probability": kept[i]}
        for i in range(6)
        for attempt in (1, 2)
    ]  # fmt: skip
    ws = build(requests=runs(6, outcome=outcomes, sample_probability=kept), actions=rows)
    assert value_of(ws, "recovery_from_partial_failure") == close(6 / 9)
    # By tool: each run failed with both, and counts under each.
    assert groups_of(ws, "recovery_from_partial_failure", "tool") == {"tool1": close(6 / 9), "tool2": close(6 / 9)}


def test_a_run_whose_actions_all_worked_recovered_from_nothing(build: Build) -> None:
    rows = numbered("action", "start", [{"run": f"r{i}", "attempt": 1, "ok": True} for i in range(6)])
    ws = build(requests=runs(6, outcome="success"), actions=rows)
    assert refusal_of(ws, "recovery_from_partial_failure").reason is Reason.NO_DATA
    assert value_of(ws, "intended_action_success") == 1.0
    assert refusal_of(ws, "unintended_action_share").reason is Reason.MISSING_COLUMN


# plans -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def planner(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Eight plans of six runs on two days."""
    correct = [True, True, True, False, True, None, None, None]
    broke = [True, True, True, True, True, False, False, False]
    contained = [True, True, True, True, False, None, None, None]
    plans = [
        {"plan": f"p{i}", "run": f"r{min(i, 5)}", "started": at(f"07-0{1 + i % 2}"),
         "ready": at(f"07-0{1 + i % 2}") + minutes(i + 1), "steps_planned": 4, "steps_executed": 4 if i else 2,
         "replans": [0, 0, 0, 0, 0, 1, 2, None][i], "plan_correct": correct[i], "policy_violation": broke[i],
         "violation_contained": contained[i]}
        for i in range(8)
    ]  # fmt: skip
    requests = runs(6, outcome="success")
    requests[-1] |= {"start": at("07-02 13:00")}
    return write_workspace(tmp_path_factory.mktemp("planner"), {"plans": plans, "requests": requests})


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("plan_correct_share", 4 / 5),  # three were not labelled
        ("time_to_plan", 4.5 * 60),  # 1 … 8 minutes
        ("plans_per_day", 8 / 2),
        ("plans_per_run", 8 / 6),
        ("replans_per_plan", 3 / 7),
        ("replanned_share", 2 / 7),
        ("plan_execution", 30 / 32),
        ("policy_violation_rate", 5 / 8),
        ("policy_containment", 4 / 5),
    ],
)
def test_plans_agree_with_the_calculation_by_hand(planner: Workspace, metric: str, expected: float) -> None:
    assert value_of(planner, metric) == close(expected)


def test_a_plan_without_a_label_is_not_measured(planner: Workspace, build: Build) -> None:
    assert refusal_of(planner, "plan_accuracy").reason is Reason.NOT_MEASURED
    plans = numbered("plan", "started", [{"run": f"r{i}"} for i in range(6)], plan_correct=None, steps_matched=None,
                     steps_extra=None, steps_skipped=None)  # fmt: skip
    ws = build(plans=plans)
    for metric in ("plan_accuracy", "plan_correct_share"):
        assert refusal_of(ws, metric).reason is Reason.NOT_MEASURED
    assert refusal_of(ws, "time_to_plan").reason is Reason.MISSING_COLUMN


# people ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Eight runs with fourteen handoffs: eight to people, six between agents."""
    touches = [1, 2, 1, 0, 0, 0, 0, None]
    outcomes = ["success", "success", "escalated", "success", "success", "failure", "success", "success"]
    needed = [True, True, False, True, False, None, None, None]
    people = [
        {"run": f"r{i % 3}", "from_kind": "agent", "to_kind": "human", "was_needed": needed[i],
         "accepted": None if i == 7 else at("07-01") + minutes(i + 10 * (i + 1)),
         "returned": None if i == 7 else at("07-01") + minutes(i + 10 * (i + 1) + 5)}
        for i in range(8)
    ]  # fmt: skip
    agents = [
        {"run": run, "from_kind": "agent", "to_kind": "agent", "accepted": at("07-01") + minutes(8 + i)}
        for i, run in enumerate(["r2", "r3", "r3", "r4", "r5", "r6", "r7"])
    ]
    handoffs = numbered("handoff", "requested", [*people, *agents])
    requests = runs(8, outcome=outcomes, human_touches=touches)
    requests[-1] |= {"start": at("07-05")}  # so that the data tell of some days more
    return write_workspace(tmp_path_factory.mktemp("desk"), {"handoffs": handoffs, "requests": requests})


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("human_intervention_rate", 3 / 7),
        ("human_interventions_per_run", 4 / 7),
        ("handoffs_to_human", 8),
        ("handoffs_to_human_rate", 8 / 8),
        ("needed_intervention_share", 3 / 5),  # three were not reviewed
        ("unneeded_intervention_share", 2 / 5),
        ("handoff_failure_rate", 1 / 15),
        ("handoff_work_time", 5),
        # Runs with two agents: r2 … r7; of r7 nobody counted touches. r3, r4, r6 succeeded untouched.
        ("multi_agent_success", 3 / 5),
    ],
)
def test_handoffs_agree_with_the_calculation_by_hand(desk: Workspace, metric: str, expected: float) -> None:
    assert value_of(desk, metric) == close(expected)


def test_a_young_handoff_has_not_failed_yet(build: Build) -> None:
    rows: Rows = [{"run": f"r{i}", "accepted": at("07-01 13:00")} for i in range(5)]
    rows += [{"run": "r5", "requested": at("07-01 11:00")}, {"run": "r6", "requested": at("07-02 11:00")}]
    handoffs = numbered("handoff", "requested", rows)
    last = [{"run": "x", "user": "u", "start": at("07-02 12:00")}]
    ws = build(handoffs=handoffs, requests=last)
    # The data end on July 2nd at noon: one waits for 25 hours, the other for one.
    assert value_of(ws, "handoff_failure_rate") == close(1 / 6)
    patient = build("[parameters]\nhandoff_timeout = 600\n", handoffs=handoffs, requests=last)
    assert value_of(patient, "handoff_failure_rate") == close(7 / 7)  # all took longer than ten minutes


def test_a_review_that_nobody_made_is_not_measured(build: Build) -> None:
    rows: Rows = [{"run": f"r{i}", "to_kind": "human", "was_needed": None} for i in range(6)]
    ws = build(handoffs=numbered("handoff", "requested", rows))
    assert refusal_of(ws, "needed_intervention_share").reason is Reason.NOT_MEASURED
    assert refusal_of(ws, "handoff_failure_rate").reason is Reason.MISSING_COLUMN


# time ------------------------------------------------------------------------------------------------------------


def test_active_and_waiting_time_are_told_apart(build: Build) -> None:
    # Latency 10, 20 … 60 s; active 5, 10 … 25 s and once unknown: waiting 5, 10 … 25 s.
    active = [5.0, 10.0, 15.0, 20.0, 25.0, None]
    ws = build(requests=runs(6, latency=[10.0 * i for i in range(1, 7)], active=active))
    assert value_of(ws, "active_time") == close(15.0)
    assert value_of(ws, "waiting_time") == close(15.0)
    assert value_of(ws, "waiting_share") == close(75 / 150)  # where both are known


def test_what_ends_before_it_starts_has_no_duration(build: Build) -> None:
    # Clocks that disagree: a plan ready a minute before it was begun, a run longer active than it took.
    plans = numbered(
        "plan", "started", [{"ready": at("07-01") + minutes(i - 1)} for i in range(7)], started=at("07-01")
    )
    assert value_of(build(plans=plans), "time_to_plan") == close(60 * sum(range(6)) / 6)
    ws = build(requests=runs(7, latency=[1.0, *[10.0] * 6], active=[2.0, *[4.0] * 6]))
    assert value_of(ws, "waiting_time") == close(6.0)
    assert value_of(ws, "waiting_share") == close(0.6)


def test_a_run_that_is_open_or_was_left_has_not_been_decided_yet(build: Build) -> None:
    # 10, 20, 30 s; left at 40 s; 50, 60 s; open. Kaplan–Meier: 6/7, 5/7, 4/7, and at 50 s 4/7 · 2/3 = 0.38.
    # With the one that was left taken for a decision the median would be 40 s; without open and left ones 30 s.
    took = [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, None]
    rows = runs(7, latency=took, outcome=["success"] * 3 + ["abandoned"] + ["failure"] * 2 + [None])
    rows += [{"run": "later", "user": "later", "start": at("07-03"), "outcome": "abandoned", "latency": 1.0}]
    answer = finding_of(build(requests=rows), "cycle_time").answer
    assert isinstance(answer, Estimate)
    assert answer.value == close(50.0)
    assert answer.unit == "s"


def test_a_handoff_that_nobody_took_makes_the_median_longer_not_shorter(build: Build) -> None:
    # Taken after 1 … 5 minutes, two never: 6/7, 5/7, 4/7, 3/7 at four minutes.
    rows: Rows = [{"run": f"r{i}", "accepted": at("07-01") + minutes(i + i + 1)} for i in range(5)]
    handoffs = numbered("handoff", "requested", [*rows, {"run": "r5"}, {"run": "r6"}])
    ws = build(handoffs=handoffs, requests=[{"run": "x", "user": "u", "start": at("07-02 12:00")}])
    assert value_of(ws, "handoff_time") == close(4.0)


# the same task again ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def repeated(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Inputs tried several times: how many runs, how many successes."""
    tried = {"a": (4, 3), "b": (2, 2), "c": (3, 1), "d": (1, 1), "e": (5, 5), "f": (2, 1)}
    outcomes = [
        (name, "success" if i < good else "failure") for name, (count, good) in tried.items() for i in range(count)
    ]
    outcomes += [("d", "unknown")]  # an unknown outcome is no second attempt
    rows = runs(
        len(outcomes),
        use_case="support",
        task="refund",
        input_hash=[name for name, _ in outcomes],
        outcome=[outcome for _, outcome in outcomes],
    )
    rows += [
        {"run": f"x{i}", "user": f"x{i}", "use_case": "search", "input_hash": "d", "task": task, "start": at("07-02"),
         "outcome": "success"}
        for i, task in enumerate("vwxyz")
    ]  # fmt: skip
    return write_workspace(tmp_path_factory.mktemp("repeated"), {"requests": rows})


def test_pass_k_is_the_chance_that_k_attempts_at_the_same_input_all_succeed(repeated: Workspace) -> None:
    # C(3,2)/C(4,2) = 1/2, 1, 0, 1, 0; input d was tried once in support, and five times in search: another task.
    assert groups_of(repeated, "pass_at_2", "use_case")["support"] == close(2.5 / 5)
    assert value_of(repeated, "pass_at_2") == close(3.5 / 6)
    assert refusal_of(repeated, "pass_at_4").reason is Reason.TOO_FEW_UNITS  # a: 0 of 1, e: 1, d in search: 1


def test_pass_k_by_kind_of_task_takes_all_runs_of_a_kind(build: Build) -> None:
    # Five kinds, four runs each: four of the kinds always succeed, one does three times.
    rows = runs(20, use_case="support", task=[f"k{i // 4}" for i in range(20)], outcome=["success"] * 19 + ["failure"])
    assert value_of(build(requests=rows), "task_pass_at_4") == close(4 / 5)


def test_without_a_repetition_nothing_is_said_of_repetitions(build: Build) -> None:
    ws = build(requests=runs(6, use_case="s", input_hash=[f"h{i}" for i in range(6)], outcome="success"))
    assert refusal_of(ws, "pass_at_2").reason in (Reason.NO_DATA, Reason.TOO_FEW_UNITS)
    assert refusal_of(build(requests=runs(6, outcome="success")), "pass_at_2").reason is Reason.MISSING_COLUMN


@pytest.mark.parametrize(("probability", "kept"), [(1.0, True), (0.5, False)])
def test_pass_k_of_attempts_that_were_sampled_says_that_it_is_of_those_kept(
    build: Build, probability: float, kept: bool
) -> None:
    # Ten inputs of two attempts each, of which five succeed twice: 5 / 10 of what was kept. Whether more attempts
    # were made at each is not known, so that no weight makes it the share of all.
    rows = runs(
        20, use_case="s", input_hash=[f"h{i // 2}" for i in range(20)], sample_probability=probability,
        outcome=["success"] * 10 + ["failure"] * 10,
    )  # fmt: skip
    (finding,) = evaluate(build(requests=rows), "pass_at_2", window="2026Q3").findings
    assert isinstance(finding.answer, Estimate)
    assert finding.answer.value == close(0.5)
    failed = [check.name for check in finding.checks if check.passed is False]
    assert ("attempts_kept" not in failed) is kept


@pytest.mark.parametrize(("n", "closed"), [(20, False), (35, False), (36, True)])
def test_too_few_runs_leave_the_upper_bound_of_a_high_percentile_open(build: Build, n: int, closed: bool) -> None:
    # All n lie below the 90th percentile with chance 0.9^n: 0.122 for 20, 0.0250 (just above 1/40) for 35, 0.0225
    # for 36. Below 1/40 the largest may bound it, before no run does.
    rows = runs(n, use_case="s", outcome="success", latency=[float(i + 1) for i in range(n)])
    (finding,) = evaluate(build(requests=rows), "cycle_time_p90", window="2026Q3").findings
    assert isinstance(finding.answer, Estimate)
    assert finding.answer.high is not None
    assert (finding.answer.high < float("inf")) is closed
