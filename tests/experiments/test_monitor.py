"""What watching promises: progress by hand, a split that may be looked at daily, harm only when it is certain.

* By hand: units, pace, days left and the next look.
* A broken split or certain harm says stop, whatever the design; chance says wait.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metricstack.core.errors import UnknownName
from metricstack.experiments import Watched, monitor
from metricstack.telemetry import open_workspace
from tests.experiments.test_compare import _assigned, _declared, _run
from tests.metrics.conftest import at, minutes, write_workspace

Rows = list[dict[str, Any]]


def _watch(root: Path, assigned: Rows, runs: Rows, **declared: Any) -> Watched:
    row = _declared(end=at("09-01"), guardrails="{}", **declared)
    write_workspace(root, {"experiments": [row], "assignments": assigned, "requests": runs})
    (found,) = monitor(open_workspace(root)).watched
    return found


def _days(per_day: dict[str, int], days: int = 10) -> Rows:
    """So many users of each arm on each day from 2 July at noon."""
    return [
        _assigned(f"{arm[0]}{day}-{i}", arm, first_exposure=at("07-02") + timedelta(days=day))
        for day in range(days)
        for arm, n in per_day.items()
        for i in range(n)
    ]


def _runs(assigned: Rows, win: dict[str, float]) -> Rows:
    """One run each; every arm's share of successes is exactly as given, evenly spread."""
    counts = dict.fromkeys(win, 0)
    rows = []
    for one in assigned:
        arm = one["variant"]
        counts[arm] += 1
        won = int(counts[arm] * win[arm]) > int((counts[arm] - 1) * win[arm])
        start = one["first_exposure"] + minutes(5)
        rows.append(_run(one["unit"], one["unit"], "success" if won else "failure", 1.0, start=start))
    return rows


def test_progress_is_told_by_hand(tmp_path: Path) -> None:
    # 20 users a day for ten days, 11 July the last: 200 of 1,000; the last seven days before 11 July 12:05 begin on
    # 4 July, which makes eight calendar days of 20 over 7: 160 / 7 = 22.86 a day, 800 / 22.86 = 35 days.
    assigned = _days({"control": 10, "treatment": 10})
    found = _watch(tmp_path, assigned, _runs(assigned, {"control": 0.5, "treatment": 0.5}), planned_n=1000.0)
    assert (found.state, found.units, found.days_left) == ("running", 200, 35)
    assert found.per_day == pytest.approx(160 / 7)
    assert found.advice == "wait"
    assert found.split.passed is True
    said = monitor(open_workspace(tmp_path)).say()
    assert "200 of 1,000 planned users, about 35 more days at 23 a day" in said


def test_a_group_sequential_design_names_its_next_look(tmp_path: Path) -> None:
    # 200 of 1,000 in five looks: the first is at 200; the next at 400.
    assigned = _days({"control": 10, "treatment": 10})
    runs = _runs(assigned, {"control": 0.5, "treatment": 0.5})
    found = _watch(tmp_path, assigned, runs, planned_n=1000.0, design="group_sequential")
    assert found.next_look == 400


def test_a_broken_split_stops_it_long_before_the_end(tmp_path: Path) -> None:
    # 140 : 60 units where half and half was declared.
    assigned = _days({"control": 14, "treatment": 6})
    found = _watch(tmp_path, assigned, _runs(assigned, {"control": 0.5, "treatment": 0.5}), planned_n=1000.0)
    assert found.split.passed is False
    assert found.advice == "stop"
    assert found.harm == ()  # nothing is read from a broken split


def test_certain_harm_stops_a_fixed_design_too(tmp_path: Path) -> None:
    # 90 % against 40 % of 400 users: 0.5 with a standard error of 0.041, twelve of them.
    assigned = _days({"control": 20, "treatment": 20})
    found = _watch(tmp_path, assigned, _runs(assigned, {"control": 0.9, "treatment": 0.4}), planned_n=4000.0)
    assert [one.metric for one in found.harm] == ["task_success"]
    assert found.advice == "stop"
    assert "got worse for certain" in monitor(open_workspace(tmp_path)).say()
    assert found.readout.verdict == "hold"  # by its own design it is not yet read


def test_a_gain_however_large_is_not_told_before_its_time(tmp_path: Path) -> None:
    assigned = _days({"control": 20, "treatment": 20})
    found = _watch(tmp_path, assigned, _runs(assigned, {"control": 0.4, "treatment": 0.9}), planned_n=4000.0)
    assert found.advice == "wait"
    assert found.harm == ()


def test_thirty_daily_looks_at_a_fair_experiment_stop_it_hardly_ever(tmp_path: Path) -> None:
    # The tests behind it are valid at any time: over 30 days of 200 fair experiments harm (5 % over two sides, half of
    # it harm) and split (0.1 %) together stop few. Here on the numbers alone, as `monitor` uses them: below 5 %.
    from metricstack.core.values import Moments
    from metricstack.experiments import always_valid, sample_ratio

    draw, stopped = np.random.default_rng(8), 0
    for _ in range(200):
        control, treatment = draw.normal(size=(30, 20)), draw.normal(size=(30, 20))
        for day in range(5, 31):
            a, b = (Moments.of_samples(value=arm[:day].ravel()) for arm in (control, treatment))
            found = always_valid(control=a, treatment=b, planned_n=1200)
            if found.high is not None and found.high < 0:
                stopped += 1
                break
        arms = draw.binomial(40, 0.5, size=30)
        counts = np.cumsum(np.column_stack([arms, 40 - arms]), axis=0)
        stopped += sample_ratio(counts, method="sequential", concentration=(10, 100, 1000, 10_000)).mismatch
    assert stopped / 200 <= 0.05


def test_an_ended_one_is_told_only_by_its_name(tmp_path: Path) -> None:
    assigned = _days({"control": 10, "treatment": 10})
    runs = _runs(assigned, {"control": 0.5, "treatment": 0.5})
    row = _declared(end=at("07-05"), guardrails="{}")
    ws = write_workspace(tmp_path, {"experiments": [row], "assignments": assigned, "requests": runs})
    assert monitor(ws).watched == ()
    assert monitor(ws).say() == "No experiment runs at the end of the data."
    (found,) = monitor(ws, "retry").watched
    assert (found.state, found.days_left) == ("ended", None)
    with pytest.raises(UnknownName, match="retry"):
        monitor(ws, "rety")
