"""Differences between two windows and their parts: coverage under no change and under a known one, false discoveries.

- The same users in both windows, and other users: the difference is covered as often as promised, also where one
  run in ten was kept, and with windows whose weekdays are weighted alike.
- Of the differences that a family of many tests calls changed, no more are wrong than its rate allows.
- What rate, mix, new and vanished groups did to a change holds the truth, with runs nested in users, sampled or not.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from metricstack.core.streams import stream
from metricstack.core.values import Estimate
from metricstack.core.windows import Window
from metricstack.metrics import compare, explain
from metricstack.numerics.change import Verdict
from metricstack.numerics.multiplicity import benjamini_hochberg
from metricstack.telemetry import Workspace

from .conftest import Store, assert_nominal, assert_rare

BEFORE = Window(datetime(2026, 7, 6, tzinfo=UTC), datetime(2026, 8, 3, tzinfo=UTC), "before")
AFTER = Window(datetime(2026, 8, 3, tzinfo=UTC), datetime(2026, 8, 31, tzinfo=UTC), "after")
SHORT = Window(AFTER.start, AFTER.start + timedelta(days=24), "short")  # three weeks and three working days

pytestmark = pytest.mark.calibration


def moments(window: Window, place: NDArray[np.float64]) -> list[datetime]:
    """Return instants at places from 0 to 1 of a window."""
    return [window.start + window.duration * float(at) for at in place]


def visits(
    store: Store, name: str, *, regions: int, users: int = 60, same: bool = True, keep: float = 1.0, config: str = "",
    moved: NDArray[np.float64] | None = None, weekend: float = 1.0, later: Window = AFTER,
) -> Workspace:  # fmt: skip
    """Write runs of users with a level of their own in both windows.

    Args:
        store: Writes them.
        name: Of the random numbers.
        regions: How many replicates.
        users: Users of each, of 2 to 9 runs in each window.
        same: The same users in both windows.
        keep: Share of the runs that is kept.
        config: Further configuration.
        moved: What the logarithm of the cost of each region rises by, shape (regions,).
        weekend: What costs are multiplied by on Saturdays and Sundays.
        later: The later window.
    """
    random, total = stream(43, name), regions * users
    moved = np.zeros(regions) if moved is None else moved
    own = random.normal(0, 0.5, (2, total))
    columns: dict[str, list[Any]] = {key: [] for key in ("user", "region", "start", "cost", "outcome")}
    for i, window in enumerate((BEFORE, later)):
        user = np.repeat(np.arange(total), random.integers(2, 10, total))
        user = user[random.random(len(user)) < keep]
        level = own[0 if same else i]
        start = moments(window, random.random(len(user)))
        cost = np.exp(level[user] + random.normal(0, 0.4, len(user)) + i * moved[user // users])
        cost *= np.where([at.weekday() >= 5 for at in start], weekend, 1.0)
        good = random.random(len(user)) < 1 / (1 + np.exp(-1 - level[user]))
        columns["user"] += [f"u{one}" if same else f"u{i}-{one}" for one in user]
        columns["region"] += [f"{one:04d}" for one in user // users]
        columns["start"] += start
        columns["cost"] += list(cost)
        columns["outcome"] += list(np.where(good, "success", "failure"))
    rows = len(columns["user"])
    numbers = {"run": [f"r{i}" for i in range(rows)], "sample_probability": np.full(rows, keep)}
    return store(config=config, requests=numbers | columns)


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("keep", [1.0, 0.1])
def test_differences_cover_no_change(store: Store, same: bool, keep: float) -> None:
    users, regions = 60 if keep == 1 else 400, 500
    ws = visits(store, f"null {same} {keep}", regions=regions, users=users, same=same, keep=keep)
    found = compare(ws, ["cost_per_request", "task_success"], before=BEFORE, after=AFTER, by="region")
    for metric in ("cost_per_request", "task_success"):
        p = [row.p_value for row in found.rows if row.metric == metric]
        what = f"difference of {metric}, {'the same' if same else 'other'} users, kept {keep:.0%}"
        assert_nominal(float(np.mean([one is not None and one > 0.05 for one in p])), regions, what=what)


def test_fair_weekdays_cover_no_change(store: Store) -> None:
    # Weekends cost half as much again, and the later window has fewer: unfair, it would seem cheaper by itself.
    ws = visits(store, "weekdays", regions=400, weekend=2.5, later=SHORT)
    shares = {}
    for fair in ("weekdays", None):
        found = compare(ws, "cost_per_request", before=BEFORE, after=SHORT, by="region", fair=fair)
        shares[fair] = float(np.mean([row.p_value > 0.05 for row in found.rows if row.p_value is not None]))
    assert_nominal(shares["weekdays"], 400, what="difference weighted to the same weekdays")
    assert shares[None] < shares["weekdays"]


def test_a_board_calls_no_more_wrong_ones_changed_than_its_rate(store: Store) -> None:
    # 400 regions of which 100 rise by 40 %; success never changes: 700 of 800 tests have nothing to find.
    moved = np.where(np.arange(400) % 4 == 0, np.log(1.4), 0.0)
    board = '[boards.weekly]\nmetrics = ["cost_per_request", "task_success"]\nfalse_discoveries = 0.1\n'
    ws = visits(store, "board", regions=400, moved=moved, config=board)
    found = compare(ws, before=BEFORE, after=AFTER, by="region", board="weekly")
    called = [row for row in found.rows if row.verdict in (Verdict.BETTER, Verdict.WORSE, Verdict.MOVED)]
    wrong = [row for row in called if row.metric == "task_success" or not moved[int(dict(row.where)["region"])]]
    assert len(called) - len(wrong) > 60
    assert_rare(len(wrong), len(called), rate=0.1 * 700 / 800, what="false discoveries of a board")


def test_a_board_without_anything_to_find_calls_something_one_time_in_twenty(store: Store) -> None:
    # 60 boards of 8 regions × 2 metrics, corrected as `compare` corrects: a call in any of them is false.
    ws = visits(store, "empty boards", regions=480)
    found = compare(ws, ["cost_per_request", "task_success"], before=BEFORE, after=AFTER, by="region")
    boards: dict[int, list[float]] = {}
    for row in found.rows:
        assert row.p_value is not None
        boards.setdefault(int(dict(row.where)["region"]) // 8, []).append(row.p_value)
    families = [benjamini_hochberg(p, rate=0.05, size=len(p)) for p in boards.values()]
    called = sum(min(family.adjusted) <= 0.05 for family in families)
    assert_rare(called, len(boards), rate=0.05, what="boards of 16 tests without anything to find")


# By hand: 0.58 before, 0.25 + 0.21 + 0.12, and 0.61 after, 0.18 + 0.35 + 0.08; their middle is 0.595. Rate: 0.4 · 0.1
# of a. Mix: (0.55 - 0.595) · -0.2 of a and (0.7 - 0.595) · 0.2 of b. New: 0.2 · (0.4 - 0.595). Vanished: -0.2 · 0.005.
PARTS = {"rate": 0.04, "mix": 0.03, "new": -0.039, "vanished": -0.001}


def mixed(
    random: np.random.Generator, users: int, *, keep: float, region: NDArray[np.int64]
) -> tuple[dict[str, list[Any]], int]:
    """Write runs of models: a rises from 0.5 to 0.6, b stays at 0.7 and grows, c goes, d comes; users differ by 0.1.

    Shares 0.5, 0.3, 0.2, 0 before and 0.3, 0.5, 0, 0.2 after; chances 0.5, 0.7, 0.6 and 0.6, 0.7, 0.4 (d).
    """
    own = random.normal(0, 0.1, len(region) * users).clip(-0.25, 0.25)
    columns: dict[str, list[Any]] = {key: [] for key in ("user", "region", "start", "model", "outcome")}
    shares = ((0.5, 0.3, 0.2, 0.0), (0.3, 0.5, 0.0, 0.2))
    chances = np.array([[0.5, 0.7, 0.6, 0.5], [0.6, 0.7, 0.6, 0.4]])
    for i, window in enumerate((BEFORE, AFTER)):
        user = np.repeat(np.arange(len(own)), random.integers(4, 13, len(own)))
        user = user[random.random(len(user)) < keep]
        model = random.choice(4, len(user), p=shares[i])
        good = random.random(len(user)) < chances[i, model] + own[user]
        columns["user"] += [f"u{one}" for one in user]
        columns["region"] += [f"{region[one // users]:04d}" for one in user]
        columns["start"] += moments(window, random.random(len(user)))
        columns["model"] += [("a", "b", "c", "d")[one] for one in model]
        columns["outcome"] += list(np.where(good, "success", "failure"))
    return columns, len(columns["user"])


@pytest.mark.parametrize("keep", [1.0, 0.1])
def test_parts_of_a_change_cover(store: Store, keep: float) -> None:
    regions, users = 120, 60 if keep == 1 else 400
    name = f"parts {keep}"
    columns, rows = mixed(stream(43, name), users, keep=keep, region=np.arange(regions))
    ws = store(requests={"run": [f"r{i}" for i in range(rows)], "sample_probability": np.full(rows, keep)} | columns)
    inside: dict[str, list[bool]] = {kind: [] for kind in (*PARTS, "change")}
    for region in range(regions):
        found = explain(ws, "task_success", before=BEFORE, after=AFTER, by="model", where={"region": f"{region:04d}"})
        answers = {kind: found.by("model").part(kind).answer for kind in PARTS} | {"change": found.total.answer}
        for kind, answer in answers.items():
            assert isinstance(answer, Estimate), answer
            assert answer.low is not None
            assert answer.high is not None
            inside[kind].append(answer.low <= (PARTS | {"change": 0.03})[kind] <= answer.high)
    for kind, hits in inside.items():
        assert_nominal(float(np.mean(hits)), regions, what=f"{kind} of a change, kept {keep:.0%}")
