"""What `compare` promises: the same users taken together, a declared family corrected for, the same weekdays."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from metricstack.core.errors import ConfigurationError, InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Estimate, Reason, Refusal
from metricstack.core.windows import Window
from metricstack.metrics import Compared, compare, evaluate
from metricstack.numerics.change import Verdict, change
from metricstack.telemetry import Workspace, read_config

from .conftest import Build, Rows, at, minutes

close = pytest.approx
Q2, Q3 = "2026Q2", "2026Q3"
BOARD = """
[workspace]
name = "Northwind"

[boards.quarterly]
metrics = ["task_success", "cost_per_request", "error_rate", "latency_p50"]
false_discoveries = 0.1
"""


def visits(start: str, users: dict[str, list[float]], **columns: Any) -> Rows:
    """Return requests, each with the cost given, one after the other by user."""
    rows = []
    for user, costs in users.items():
        for cost in costs:
            i = len(rows)
            rows.append({"run": f"{start}{i}", "start": at(start) + minutes(i), "user": user, "cost": cost} | columns)
    return rows


def difference(row: Compared) -> Estimate:
    answer = row.change.difference
    assert isinstance(answer, Estimate), answer
    return answer


# By hand


def test_the_same_users_in_both_windows_are_taken_together(build: Build) -> None:
    # Means 2 and 3; residuals per user before -1, 0, 1, after -1.5, 0, 1.5, each over 3 rows: correlation 1.
    before, after = {"a": [1.0], "b": [2.0], "c": [3.0]}, {"a": [1.5], "b": [3.0], "c": [4.5]}
    rows = [
        row | {"run": f"{row['run']}-{n}", "user": f"{row['user']}{n}"}
        for n in range(5)
        for row in [*visits("05-01", before), *visits("08-01", after)]
    ]
    ws = build(requests=rows)
    row = compare(ws, "cost_per_request", before=Q2, after=Q3).rows[0]
    answers = [evaluate(ws, "cost_per_request", window=window).findings[0].answer for window in (Q2, Q3)]
    alone = change(*answers, better="lower").difference
    together = change(*answers, better="lower", correlation=1.0).difference
    assert difference(row).value == close(1.0)
    assert (difference(row).low, difference(row).high) == (close(together.low), close(together.high))
    assert difference(row).low > alone.low
    assert "correlation 1.00" in difference(row).method


def test_users_of_one_window_only_say_nothing_together(build: Build) -> None:
    before = {f"b{i}": [float(i % 4)] for i in range(20)}
    after = {f"a{i}": [float(i % 3)] for i in range(20)}
    ws = build(requests=[*visits("05-01", before), *visits("08-01", after)])
    assert "correlation 0.00" in difference(compare(ws, "cost_per_request", before=Q2, after=Q3).rows[0]).method


def test_a_p_value_agrees_with_the_interval(build: Build) -> None:
    random = stream(4, "p")
    parts = [
        visits(day, {f"u{i}": list(random.uniform(0, 1 + lift, 3)) for i in range(30)})
        for day, lift in (("05-01", 0.0), ("08-01", 0.3))
    ]
    ws = build(requests=parts[0] + parts[1])
    row = compare(ws, "cost_per_request", before=Q2, after=Q3).rows[0]
    found = difference(row)
    # The side of the interval that looks at 0 is t(29) standard errors long: 30 users in both windows.
    errors = found.value / (found.value - found.low) * stats.t.ppf(0.975, 29)
    assert row.p_value == close(2 * stats.t.sf(errors, 29))
    assert (row.p_value < 0.05) == (found.low > 0)


def week(first: str, costs: list[float], *, busy: int = 10) -> Rows:
    """Return a day's requests for each cost from the first day on: ``busy`` of them where it is above 1."""
    rows: Rows = []
    for day, cost in enumerate(costs):
        for i in range(busy if cost > 1 else 2):
            start = at(f"{first} 09:00") + minutes(1440 * day + i)
            rows.append(
                {"run": f"{first}{day}{i}", "start": start, "user": f"u{i}", "cost": cost, "latency": float(cost)}
            )
    return rows


@pytest.fixture
def mondays(build: Build) -> Workspace:
    """Mondays cost 5 $ ten times, other days 1 $ twice; the first window has two Mondays, the second two Sundays."""
    return build(
        requests=[*week("07-06", [5, 1, 1, 1, 1, 1, 1, 5]), *week("07-19", [1, 5, 1, 1, 1, 1, 1, 1])]
    )  # fmt: skip


FIRST = Window(at("07-06 00:00"), at("07-14 00:00"), name="first")
SECOND = Window(at("07-19 00:00"), at("07-27 00:00"), name="second")


def test_the_same_weekdays_make_a_fair_comparison(mondays: Workspace) -> None:
    # Mean cost (20·5 + 12·1)/32 against (10·5 + 14·1)/24: only the days differ, so that fairly nothing does.
    plain = compare(mondays, ["cost_per_request", "total_cost"], before=FIRST, after=SECOND)
    assert difference(plain.get("cost_per_request")).value == close(64 / 24 - 112 / 32)
    assert difference(plain.get("total_cost")).value == close(64 - 112)
    fair = compare(mondays, ["cost_per_request", "total_cost"], before=FIRST, after=SECOND, fair="weekdays")
    assert difference(fair.get("cost_per_request")).value == close(0, abs=1e-12)
    # A day of the mean mix: a Monday (50 $) 3/16 of the time, a Sunday (2 $) 3/16, each other day (2 $) 2/16.
    assert fair.get("total_cost").change.after.value == close(50 * 3 / 16 + 2 * 13 / 16)
    assert difference(fair.get("total_cost")).value == close(0, abs=1e-12)
    assert difference(fair.get("total_cost")).unit == "USD/d"
    (check,) = (check for check in fair.checks if check.name == "same_weekdays")
    assert check.detail == "the windows have 2 and 1 Mondays, 1 and 2 Sundays; weighted to the same mix of weekdays"


def test_a_quantile_is_weighted_to_the_same_weekdays_too(mondays: Workspace) -> None:
    # 20 fives and 12 ones against 10 fives and 14 ones; a fair day has 30/16 fives and 26/16 ones in both.
    plain = compare(mondays, "latency_p50", before=FIRST, after=SECOND).rows[0]
    assert difference(plain).value == close(1 - 5)
    fair = compare(mondays, "latency_p50", before=FIRST, after=SECOND, fair="weekdays").rows[0]
    assert (fair.change.before.value, fair.change.after.value) == (close(5), close(5))


def test_the_same_number_of_each_weekday_changes_nothing(mondays: Workspace) -> None:
    one = Window(at("07-06 00:00"), at("07-13 00:00"))
    other = Window(at("07-20 00:00"), at("07-27 00:00"))
    names = ["cost_per_request", "total_cost"]
    plain = compare(mondays, names, before=one, after=other)
    fair = compare(mondays, names, before=one, after=other, fair="weekdays")
    assert [difference(row) for row in plain] == [difference(row) for row in fair]


def test_a_weekday_in_one_window_only_is_refused(mondays: Workspace) -> None:
    some = Window(at("07-07 00:00"), at("07-12 00:00"), name="five days")
    found = compare(mondays, "cost_per_request", before=some, after=SECOND, fair="weekdays").rows[0]
    assert isinstance(found.change.difference, Refusal)
    assert "five days has no Monday and no Sunday" in found.change.difference.detail


def test_days_without_data_and_events_are_named(build: Build) -> None:
    events = [
        {"event": "e1", "kind": "holiday", "start": at("07-20 00:00"), "end": at("07-21 00:00"), "about": "Marine Day"},
        {"event": "e2", "kind": "release", "start": at("07-20 00:00"), "end": None, "about": "ours"},
    ]
    rows = [*week("07-06", [1, 1, 1, 1, 1, 1, 1, 1]), *week("07-20", [1, 1, 1, 1, 1, 1, 1])]
    ws = build(requests=rows, events=events)
    later = Window(at("07-20 00:00"), at("07-28 00:00"), name="later")
    found = compare(ws, "total_cost", before=FIRST, after=later, fair="weekdays")
    said = " ".join(check.detail for check in found.checks)
    assert "the later window has one day (2026-07-27) without data" in said
    assert "later: 2026-07-20 Marine Day (holiday)" in said
    assert "ours" not in said
    assert difference(found.rows[0]).value == close(0, abs=1e-12)


def test_unequal_windows_say_so_where_totals_are_compared(mondays: Workspace) -> None:
    short = Window(at("07-06 00:00"), at("07-10 00:00"))
    checks = compare(mondays, "total_cost", before=short, after=SECOND).checks
    assert [(check.name, check.passed) for check in checks] == [("same_length", False)]


# A declared family


@pytest.fixture
def board(build: Build) -> Workspace:
    random, rows = stream(6, "board"), []
    for day, lift in (("05-01", 0.0), ("08-01", 1.0)):
        for i in range(300):
            rows.append(
                {"run": f"{day}{i}", "start": at(day) + minutes(i), "user": f"u{i % 50}",
                 "cost": float(random.uniform(1, 2) + lift), "latency": float(random.uniform(1, 2)),
                 "outcome": "success" if random.uniform() < 0.8 else "failure", "error_type": None,
                 "retries": int(random.integers(2))}
            )  # fmt: skip
    return build(BOARD, requests=rows)


def test_a_board_is_one_family_at_its_own_rate(board: Workspace) -> None:
    found = compare(board, before=Q2, after=Q3, board="quarterly")
    assert [row.metric for row in found] == ["task_success", "cost_per_request", "error_rate", "latency_p50"]
    assert (found.size, found.false_discoveries, found.board) == (4, 0.1, "quarterly")
    assert not any(row.exploratory for row in found)
    cost = found.get("cost_per_request")
    assert cost.verdict is Verdict.WORSE
    assert difference(cost).level == close(1 - 0.1 * sum(row.verdict is Verdict.WORSE for row in found) / 4)
    assert cost.adjusted == close(4 * cost.p_value, rel=1e-6)
    assert "one of 4 tests" in " ".join(check.detail for check in cost.finding.checks)


def test_verdicts_and_intervals_never_disagree(board: Workspace) -> None:
    for row in compare(board, before=Q2, after=Q3, board="quarterly"):
        answer = difference(row)
        if answer.low is not None:
            assert (row.verdict is Verdict.UNCLEAR) == (answer.low <= 0 <= answer.high)


def test_a_metric_beyond_the_board_is_exploratory_and_in_no_family(board: Workspace) -> None:
    found = compare(board, ["cost_per_request", "latency_p95"], before=Q2, after=Q3, board="quarterly")
    assert found.size == 4  # those of the board that were not asked count too
    outside = found.get("latency_p95")
    assert outside.exploratory
    assert outside.adjusted is None
    assert not found.get("cost_per_request").exploratory
    assert "exploratory: not on the board 'quarterly'" in [check.detail for check in outside.finding.checks]


def test_without_a_board_all_is_exploratory_and_still_corrected(board: Workspace) -> None:
    found = compare(board, ["cost_per_request", "latency_p50"], before=Q2, after=Q3)
    assert [row.exploratory for row in found] == [True, True]
    assert found.size == 2


def test_every_group_is_a_test_of_its_own(build: Build) -> None:
    rows = [
        {"run": f"{day}{i}", "start": at(day) + minutes(i), "user": f"u{i % 40}", "cost": 1.0 + (i % 7) / 7,
         "region": ["eu", "us", None][i % 3]}
        for day in ("05-01", "08-01")
        for i in range(210)
    ]  # fmt: skip
    found = compare(build(requests=rows), "cost_per_request", before=Q2, after=Q3, by="region")
    assert [row.where for row in found] == [(("region", "eu"),), (("region", "us"),), (("region", "not recorded"),)]
    assert found.size == 3
    assert found.get("cost_per_request", region="us").name.endswith("us")


def test_a_count_in_full_is_a_fact_and_no_test(board: Workspace) -> None:
    found = compare(board, ["total_cost", "cost_per_request"], before=Q2, after=Q3)
    assert found.get("total_cost").p_value is None
    assert found.get("total_cost").verdict is not Verdict.UNCLEAR
    assert found.size == 1


def test_a_board_that_names_no_metric_is_reported_with_its_line(build: Build, board: Workspace) -> None:
    ws = build(
        '[boards.b]\nfalse_discoveries = 0.1\nmetrics = ["latency_p59"]\n', requests=visits("05-01", {"a": [1.0]})
    )
    with pytest.raises(ConfigurationError, match=r"metricstack.toml:3: .*latency_p59.*latency_p95"):
        compare(ws, "cost_per_request", before=Q2, after=Q3)
    with pytest.raises(UnknownName, match="quarterly"):
        compare(board, before=Q2, after=Q3, board="quartely")


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("metrics = []", "2: 'metrics' must be a list of different metrics"),
        ('metrics = ["a", "a"]', "2: 'metrics' must be a list of different metrics"),
        ('metrics = ["a"]\nfalse_discoveries = 5', "3: 'false_discoveries' must be between 0 and 1"),
        ('metrics = ["a"]\nmetric = ["b"]', "3: unknown entry 'metric'. Did you mean 'metrics'?"),
    ],
)
def test_a_wrong_board_is_reported_with_its_line(tmp_path: Path, entry: str, fault: str) -> None:
    path = tmp_path / "metricstack.toml"
    path.write_text(f"[boards.b]\n{entry}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        read_config(path)
    assert fault in caught.value.faults[0]


# Calibration


def draws_of(build: Build, random: np.random.Generator, kept: float) -> Workspace:
    """Return 40 users in both windows whose own level varies by ``kept``; nothing changes."""
    own = random.normal(0, kept, 40)
    rows = []
    for day in ("05-01", "08-01"):
        level = np.exp(own[:, None] + random.normal(0, 0.3, (40, 5)))
        rows += visits(day, {f"u{i}": list(costs) for i, costs in enumerate(level)})
    return build(requests=rows)


def test_the_same_users_in_both_windows_are_not_taken_as_independent(build: Build) -> None:
    # Six draws, of which chance misses more than two once in 400 runs; tests/calibration measures the coverage.
    random, hits, alone, ratio, draws = stream(9, "same users"), 0, 0, [], 6
    for _ in range(draws):
        ws = draws_of(build, random, 0.6)
        row = compare(ws, "cost_per_request", before=Q2, after=Q3).rows[0]
        answer = difference(row)
        wide = change(row.change.before, row.change.after, better="lower").difference
        hits += answer.low <= 0 <= answer.high
        alone += wide.low <= 0 <= wide.high
        ratio.append((answer.high - answer.low) / (wide.high - wide.low))
    assert hits >= draws - 2
    assert alone == draws
    assert np.median(ratio) < 0.5


# Refusals, misuse, and how it shows


def test_a_missing_table_is_refused_row_by_row(board: Workspace) -> None:
    found = compare(board, ["conversion_rate", "cost_per_request"], before=Q2, after=Q3)
    refusal = found.get("conversion_rate").change.difference
    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.DEPENDS_ON_REFUSAL
    assert found.get("conversion_rate").verdict is Verdict.UNKNOWN
    assert found.get("cost_per_request").verdict is Verdict.WORSE


def test_what_cannot_be_asked_is_an_error(board: Workspace) -> None:
    with pytest.raises(InvalidInput, match="Nothing is compared"):
        compare(board, before=Q2, after=Q3)
    with pytest.raises(InvalidInput, match="overlap"):
        compare(board, "task_success", before=Q3, after=Q3)
    with pytest.raises(InvalidInput, match="'weekdays'"):
        compare(board, "task_success", before=Q2, after=Q3, fair="month")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="0 rows"):
        compare(board, "task_success", before=Q2, after=Q3).get("latency_p95")


def test_it_tabulates_says_draws_and_shows_itself(board: Workspace) -> None:
    found = compare(board, ["cost_per_request", "latency_p50", "conversion_rate"], before=Q2, after=Q3, by="region")
    table = found.to_pandas()
    assert list(table.columns) == [
        "metric", "region", "before", "after", "difference", "low", "high", "level", "unit", "p_value", "adjusted",
        "verdict", "exploratory", "reason", "detail",
    ]  # fmt: skip
    assert len(table) == 3
    assert "cannot be compared" in found.say()
    assert "worse" in found.say()
    assert "adjusted" in json.dumps(found.to_dict())
    assert "exploratory" in json.dumps(found.chart().to_dict())
    assert "<table" in found._repr_html_()
