"""What is held against limits: a service that keeps its promise exactly, and days on which nothing happened.

- Slices of time that go wrong together on bad days: the attainment's interval holds the chance of a good one.
- Fast burn alerts stay silent on a service that spends its budget exactly. The slow pair asks whether the budget
  burns faster than it may, which such a service does half of the time: it fires in up to half of all instants, and
  hardly ever where a quarter of the budget is spent.
- Control limits call hardly more stationary days degraded than the one in 740 below three standard deviations.
"""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from metricstack.core.streams import stream
from metricstack.core.values import Estimate
from metricstack.core.windows import Window
from metricstack.metrics import evaluate, objectives
from metricstack.telemetry import Workspace

from .conftest import START, Store, assert_nominal, assert_rare

pytestmark = pytest.mark.calibration


def promised(region: str, target: float, more: str = "") -> str:
    return (
        f'[objectives.{region}]\nmetric = "availability"\ntarget = {target}\nwindow = 28\n'
        f'where = {{ region = "{region}" }}\n{more}'
    )


def served(
    store: Store, seconds: NDArray[np.float64], region: list[str], bad: NDArray[np.bool_], config: str
) -> Workspace:
    """Write runs of 40 users at so many seconds after the start, in error or not."""
    rows = len(seconds)
    columns: dict[str, Any] = {
        "run": [f"r{i}" for i in range(rows)],
        "user": [f"u{i % 40}" for i in range(rows)],
        "region": region,
        "start": [START + timedelta(seconds=float(at)) for at in seconds],
        "latency": np.ones(rows),
        "outcome": np.where(bad, "failure", "success"),
        "error_type": np.where(bad, "timeout", None).astype(object),
        "sample_probability": np.ones(rows),
    }
    return store(requests=columns, config=config)


def test_attainment_by_slices_covers_with_bad_days(store: Store) -> None:
    # 28 days of 24 slices of 10 events; a slice is good with one error at most; days err in 2 % or in 10 %.
    random, replicates, days = stream(45, "slices"), 100, 28
    chance = np.where(random.random((replicates, days)) < 0.7, 0.02, 0.10)
    true = float(0.7 * binom.cdf(1, 10, 0.02) + 0.3 * binom.cdf(1, 10, 0.10))
    place = np.arange(days * 240)
    bad = random.random((replicates, len(place))) < chance[:, place // 240]
    seconds = np.tile(place * 360.0 + 1, replicates)
    names = [f"r{i:04d}" for i in range(replicates)]
    slices = 'method = "time_slices"\nslice = 3600\nslice_target = 0.9\n'
    config = "".join(promised(name, 0.9, slices) for name in names)
    ws = served(store, seconds, list(np.repeat(names, len(place))), bad.ravel(), config)
    inside = []
    for kept in objectives(ws, at=START + timedelta(days=days)):
        answer = kept.attainment.answer
        assert isinstance(answer, Estimate), answer
        assert answer.low is not None
        assert answer.high is not None
        inside.append(answer.low <= true <= answer.high)
    assert_nominal(float(np.mean(inside)), replicates, what="attainment by slices of time, clusters: days")


def alarms(store: Store, name: str, *, an_hour: int, hours: int, looks: list[int]) -> dict[tuple[str, int], int]:
    """Count how often each pair fires at hours to look, where 1 % and where 0.25 % err and 99 % are promised."""
    random, runs = stream(45, name), an_hour * hours
    seconds = np.sort(random.random(2 * runs)) * hours * 3_600
    exact = random.random(2 * runs) < 0.5
    bad = random.random(2 * runs) < np.where(exact, 0.01, 0.0025)
    config = promised("exact", 0.99) + promised("better", 0.99)
    ws = served(store, seconds, list(np.where(exact, "exact", "better")), bad, config)
    fired = {(region, i): 0 for region in ("exact", "better") for i in range(3)}
    for hour in looks:
        for kept in objectives(ws, at=START + timedelta(hours=hour)):
            for i, alert in enumerate(kept.alerts):
                fired[kept.objective.name, i] += bool(alert.firing)
    return fired


def test_fast_burn_alerts_are_silent_at_exactly_the_budget(store: Store) -> None:
    looks = list(range(20, 50, 2))
    fired = alarms(store, "fast", an_hour=1_500, hours=50, looks=looks)
    for i, way in enumerate(("an hour", "six hours")):
        assert_rare(fired["exact", i], len(looks), rate=0.001, what=f"burn alerts of {way} at exactly the budget")


def test_slow_burn_alerts_fire_half_of_the_time_at_exactly_the_budget(store: Store) -> None:
    looks = list(range(24 * 10, 24 * 85, 60))
    fired = alarms(store, "slow", an_hour=40, hours=24 * 85, looks=looks)
    assert_rare(fired["exact", 2], len(looks), rate=0.5, what="burn alerts of three days at exactly the budget")
    assert fired["exact", 2] > 0
    for i, way in enumerate(("an hour", "six hours", "three days")):
        assert_rare(fired["better", i], len(looks), rate=0.001, what=f"burn alerts of {way} at a quarter of the budget")


@pytest.mark.parametrize("users", [20, 60])
def test_stationary_days_are_hardly_ever_degraded(store: Store, users: int) -> None:
    # The same users come every day, each with a chance of success of its own, one to five times.
    random, replicates, days = stream(45, "stationary", str(users)), 150, 56
    chance = random.beta(6, 3, replicates * users)
    visits = np.repeat(np.arange(days * len(chance)), random.integers(1, 6, days * len(chance)))
    day, user = np.divmod(visits, len(chance))
    rows = len(visits)
    noon = [START + timedelta(days=i, hours=12) for i in range(days)]
    ws = store(
        requests={
            "run": [f"r{i}" for i in range(rows)],
            "user": [f"u{i}" for i in user],
            "region": [f"{i:04d}" for i in user // users],
            "start": [noon[i] for i in day],
            "outcome": np.where(random.random(rows) < chance[user], "success", "failure"),
            "sample_probability": np.ones(rows),
        }
    )
    window = Window(START + timedelta(days=28), START + timedelta(days=days))
    panel = evaluate(ws, "degradation", by="region", window=window)
    below = sum(round(f.answer.value * f.answer.n) for f in panel.findings if isinstance(f.answer, Estimate))
    judged = sum(f.answer.n for f in panel.findings if isinstance(f.answer, Estimate))
    assert judged == replicates * 28
    assert_rare(below, judged, rate=0.003, what=f"stationary days called degraded, {users} users a day")
