"""Business: users kept and lost, time to value and the value of sequences, each number worked out on paper.

Promises: users are counted once however many sessions they have; whoever waits for a first success is
censored; a sequence's value is known only where revenue, cost to serve and cost of the runs are.
"""

import pytest

from metricstack.core.values import Estimate, Reason
from metricstack.metrics import evaluate
from metricstack.telemetry import Workspace

from .conftest import Build, Rows, at, finding_of, minutes, refusal_of, runs, value_of

close = pytest.approx


def _sessions() -> Rows:
    """Nine sessions of six users: u0 came back twice, u1 once and then not, u2 to u4 not, u5 is not known yet."""
    given = [
        ("u0", True, 100.0, 10.0), ("u0", True, 50.0, 5.0), ("u1", True, 20.0, 2.0), ("u1", False, 0.0, 4.0),
        ("u2", False, 0.0, 1.0), ("u3", False, 40.0, 3.0), ("u4", False, 10.0, 2.0), ("u5", None, None, None),
        ("u5", None, 30.0, 1.0),
    ]  # fmt: skip
    return [
        {"session": f"s{i}", "user": user, "start": at(f"07-{i + 1:02}"), "returned_28d": back, "revenue": revenue,
         "cost_to_serve": cost, "resolved": i % 2 == 0, "abandoned": i == 8}
        for i, (user, back, revenue, cost) in enumerate(given)
    ]  # fmt: skip


def test_users_are_lost_when_one_of_their_sessions_was_not_followed_by_a_return(build: Build) -> None:
    ws = build(sessions=_sessions())
    # Known of u0 to u4; u1 to u4 stayed away after some session. By session: 4 of 7.
    assert value_of(ws, "user_churn_28d") == close(4 / 5)
    assert value_of(ws, "user_retention_28d") == close(1 / 5)
    assert value_of(ws, "churn_28d") == close(4 / 7)
    assert value_of(ws, "active_users") == 6
    # By user, of whom some is known: 150, 20, 0, 40, 10, 30.
    assert value_of(ws, "revenue_per_user") == close(250 / 6)


def test_nobody_is_lost_before_28_days_have_passed(build: Build) -> None:
    rows = [row | {"returned_28d": None} for row in _sessions()]
    assert refusal_of(build(sessions=rows), "user_churn_28d").reason is Reason.UNDEFINED_RATIO


def test_active_users_of_28_days_trail_each_periods_end(build: Build) -> None:
    days = [("u0", "07-01"), ("u1", "07-20"), ("u2", "07-30"), ("u0", "08-10"), ("u3", "08-20"), ("u3", "08-21")]
    ws = build(sessions=[{"session": f"s{i}", "user": user, "start": at(day)} for i, (user, day) in enumerate(days)])
    panel = evaluate(ws, "active_users_28d", window="2026Q3", grain="month")
    values = [finding.answer.value if isinstance(finding.answer, Estimate) else None for finding in panel.findings]
    # 28 days up to August 1st: u1, u2 (u0 came on the 1st of July, 31 days before); up to September 1st: u0, u3.
    assert values[:2] == [2, 2]


def _requests() -> Rows:
    """Five new users: success after 10, 20 (second run), 30 and 60 minutes, and one who waits since July 5th."""
    rows: Rows = []

    def run(user: int, minute: float, outcome: str, lasted: float) -> None:
        start = at(f"07-0{user + 1}") + minutes(minute)
        rows.append({"run": f"r{len(rows)}", "user": f"u{user}", "start": start, "outcome": outcome,
                     "end": start + minutes(lasted)})  # fmt: skip

    run(0, 0, "success", 10)
    run(0, 99, "success", 1)
    run(1, 0, "failure", 1)
    run(1, 15, "success", 5)
    run(2, 0, "success", 30)
    run(3, 0, "abandoned", 2)
    run(3, 50, "success", 10)
    run(4, 0, "unknown", 1)
    rows.append({"run": "last", "user": None, "start": at("07-25"), "outcome": "success", "end": at("07-25")})
    return rows


def test_time_to_value_runs_from_a_users_first_request_to_the_first_success(build: Build) -> None:
    finding = finding_of(build(requests=_requests()), "time_to_value")
    assert isinstance(finding.answer, Estimate)
    # 10, 20, 30, 60 minutes and one open: 2 of 5 wait longer than 30 minutes.
    assert (finding.answer.value, finding.answer.unit, finding.answer.n) == (close(30), "min", 5)
    assert "1 of 5 still open" in finding.answer.method


def test_time_to_value_p90_is_a_bound_while_a_fifth_is_waiting(build: Build) -> None:
    answer = finding_of(build(requests=_requests()), "time_to_value_p90").answer
    assert isinstance(answer, Estimate)
    assert "lower bound" in answer.method
    assert answer.value == close(20 * 24 * 60)  # July 5th to 25th


def test_a_user_known_from_an_earlier_quarter_is_not_new(build: Build) -> None:
    early = [row | {"run": f"e{i}", "start": at("06-01"), "end": at("06-01")} for i, row in enumerate(_requests()[:1])]
    answer = finding_of(build(requests=[*early, *_requests()]), "time_to_value").answer
    assert getattr(answer, "reason", None) is Reason.TOO_FEW_UNITS  # four new users; five are needed


def _sequences() -> Rows:
    """Runs of the sessions s0 to s6: two of s0, one of the others; s1's cost is not known."""
    costs = {0: [1.0, 2.0], 1: [None], 2: [0.5], 3: [0.5], 4: [1.0], 5: [1.0], 6: [2.0]}
    return [
        {"run": f"r{session}{i}", "session": f"s{session}", "start": at(f"07-{session + 1:02}"), "cost": cost}
        for session, given in costs.items()
        for i, cost in enumerate(given)
    ]


def test_a_sequence_is_worth_its_sessions_revenue_less_what_it_took(build: Build) -> None:
    ws = build(sessions=_sessions(), requests=_sequences())
    # s0 100−10−3, s2 20−2−0.5, s3 0−4−0.5, s4 0−1−1, s5 40−3−1, s6 10−2−2 = 87, 17.5, −4.5, −2, 36, 6: sum 140.
    # s1's runs have no known cost; s7 and s8 had no run.
    finding = finding_of(ws, "cumulative_sequence_value")
    assert isinstance(finding.answer, Estimate)
    assert (finding.answer.value, finding.answer.n) == (close(140), 6)
    # s1 is not known: no census, and no bound either, since a session may leave a loss.
    assert finding.answer.method == "partial view: only part of what it is about is known"
    assert "of these only" in finding.checks[0].detail
    assert value_of(ws, "sequence_value") == close(140 / 6)


def test_the_cost_of_sampled_runs_is_weighted(build: Build) -> None:
    half = [row | {"sample_probability": 0.5} for row in _sequences()]
    ws = build(sessions=_sessions(), requests=half)
    # Each run stands for two: costs 3, 0.5, 0.5, 1, 1, 2 are taken twice.
    assert value_of(ws, "cumulative_sequence_value") == close(140 - 8)


def test_a_sequences_value_without_requests_says_which_table_it_needs(build: Build) -> None:
    ws = build(sessions=_sessions())
    refusal = refusal_of(ws, "sequence_value")
    assert refusal.reason is Reason.MISSING_TABLE
    assert "'requests'" in refusal.detail
    assert value_of(ws, "revenue_per_session") == close(250 / 8)  # its neighbours answer


def test_the_lookup_joins_one_row_to_one_so_that_no_session_is_counted_twice(build: Build) -> None:
    ws = build(sessions=_sessions(), requests=_sequences())
    panel = evaluate(ws, ["sessions", "sequence_value"], window="2026Q3")
    assert [getattr(finding.answer, "n", 0) for finding in panel.findings] == [9, 6]


def test_a_users_first_run_is_one_run_even_where_two_start_together(build: Build) -> None:
    rows = runs(6, user=["a", "a", "b", "c", "d", "e"], outcome="success", end=at("07-01 12:30"))
    ws = build(requests=[row | {"start": at("07-01")} for row in rows])
    assert finding_of(ws, "time_to_value").answer == finding_of(ws, "time_to_value").answer
    assert getattr(finding_of(ws, "time_to_value").answer, "n", 0) == 5


def test_what_needs_a_person_is_not_given_by_person(firm: Workspace) -> None:
    from metricstack.core.errors import InvalidInput

    with pytest.raises(InvalidInput, match="names a person"):
        evaluate(firm, "revenue_per_user", window="2026Q3", by="user")
