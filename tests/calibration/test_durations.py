"""Intervals of durations of which some are still open: Kaplan–Meier medians and 90 % points against known truth.

- With none, 30 % and 70 % still open, for rows one by one and for rows nested in users who are fast or slow.
- From the values, from the logarithmic histogram of a large table, and with one run in ten kept.
- Rows of one user taken as independent would not cover (shown).
"""

from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from metricstack.core.streams import stream
from metricstack.metrics import evaluate
from metricstack.metrics.query import fetch
from metricstack.telemetry import Workspace

from .conftest import Store, assert_nominal, covered, instants

MEAN, WITHIN = 1.0, 0.6  # of the logarithm of the seconds
WATCHED = 1.2  # spread of the logarithm of how long somebody looked
TRUE = {"cycle_time": 0.5, "cycle_time_p90": 0.9}

pytestmark = pytest.mark.calibration


def watched(
    store: Store, name: str, *, still: float, between: float, replicates: int, users: int, keep: float = 1.0
) -> Workspace:
    """Write runs that last log-normally; those still open when last seen were left then.

    Args:
        store: Writes them.
        name: Of the random numbers.
        still: Share that is still open.
        between: Standard deviation of users' own level; 0 = each run is by itself, and has no user.
        replicates: How many regions.
        users: Users of each, of 1 to 9 runs.
        keep: Share of the runs that is kept.
    """
    random = stream(40, name)
    user = np.repeat(np.arange(replicates * users), random.integers(1, 10, replicates * users))
    spread = np.hypot(between, WITHIN)
    times = MEAN + random.normal(0, between, replicates * users)[user] + random.normal(0, WITHIN, len(user))
    seen = np.full(len(user), np.inf)
    if still:
        seen = MEAN - norm.ppf(still) * np.hypot(spread, WATCHED) + random.normal(0, WATCHED, len(user))
    kept = random.random(len(user)) < keep
    times, seen, user = times[kept], seen[kept], user[kept]
    rows = len(user)
    columns: dict[str, Any] = {
        "run": [f"r{i}" for i in range(rows)],
        "region": [f"{i:04d}" for i in user // users],
        "start": instants(rows),
        "latency": np.exp(np.minimum(times, seen)),
        "outcome": np.where(times <= seen, "success", "abandoned"),
        "sample_probability": np.full(rows, keep),
    }
    if between:
        columns["user"] = [f"u{i}" for i in user]
    return store(requests=columns)


def assert_covers(ws: Workspace, replicates: int, *, still: float, between: float, what: str) -> None:
    metrics = ["cycle_time"] if still > 0.5 else list(TRUE)
    panel = evaluate(ws, metrics, by="region", window="2026Q3")
    for metric in metrics:
        true = float(np.exp(MEAN + norm.ppf(TRUE[metric]) * np.hypot(between, WITHIN)))
        assert_nominal(covered(panel.of(metric), true), replicates, what=f"{metric}, {still:.0%} open, {what}")


@pytest.mark.parametrize("still", [0.0, 0.3, 0.7])
def test_rows_one_by_one_cover(store: Store, still: float) -> None:
    ws = watched(store, f"alone {still}", still=still, between=0.0, replicates=800, users=30)
    assert_covers(ws, 800, still=still, between=0.0, what="rows")


@pytest.mark.parametrize("still", [0.0, 0.3, 0.7])
@pytest.mark.parametrize("binned", [False, True])
def test_rows_nested_in_users_cover(store: Store, monkeypatch: pytest.MonkeyPatch, still: float, binned: bool) -> None:
    monkeypatch.setattr(fetch, "VECTOR_ROWS", 0 if binned else 10**9)
    ws = watched(store, f"nested {still}", still=still, between=0.5, replicates=500, users=100)
    way = "histogram" if binned else "values"
    assert_covers(ws, 500, still=still, between=0.5, what=f"nested in users, {way}")


@pytest.mark.parametrize("still", [0.0, 0.3])
@pytest.mark.parametrize("binned", [False, True])
def test_one_run_in_ten_covers(store: Store, monkeypatch: pytest.MonkeyPatch, still: float, binned: bool) -> None:
    monkeypatch.setattr(fetch, "VECTOR_ROWS", 0 if binned else 10**9)
    ws = watched(store, f"sampled {still}", still=still, between=0.5, replicates=500, users=500, keep=0.1)
    way = "histogram" if binned else "values"
    assert_covers(ws, 500, still=still, between=0.5, what=f"nested in users, 10 % kept, {way}")


def test_runs_of_one_user_taken_as_independent_would_not_cover(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("metricstack.metrics.answers.lifetimes.Survival.units", lambda *_: None)
    ws = watched(store, "nested 0.3", still=0.3, between=0.5, replicates=500, users=100)
    panel = evaluate(ws, "cycle_time", by="region", window="2026Q3")
    assert covered(panel.findings, float(np.exp(MEAN))) < 0.90
