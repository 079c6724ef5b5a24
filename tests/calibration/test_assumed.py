"""Intervals of what stands on assumed inputs, of slopes, and of what is held against a promise.

- Totals over assumptions: a truth drawn from the triangles that were stated lies inside as often as promised.
- The slope of value on cost, both with errors, holds a known slope as often as promised and no more often, on a line
  and about it; so does that of success on drift.
"""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from metricstack.core.streams import stream
from metricstack.core.values import Estimate
from metricstack.metrics import evaluate, marginal_value

from .conftest import END, START, Store, assert_near, assert_nominal, covered, instants

pytestmark = pytest.mark.calibration

TRIANGLES = {
    "minutes_before": (10.0, 20.0, 45.0),
    "minutes_after": (1.0, 2.0, 8.0),
    "minutes_new_steps": (0.0, 1.0, 5.0),
}


@pytest.mark.parametrize("use_cases", [1, 4])
def test_totals_over_assumed_inputs_hold_what_is_drawn_from_them(store: Store, use_cases: int) -> None:
    # The interval stands; what is true is drawn 20,000 times. A sum of triangles is not quite normal.
    random, draws = stream(44, "assumed", str(use_cases)), 20_000
    cases = random.integers(20, 60, use_cases)
    use_case = np.repeat(np.arange(use_cases), cases)
    rows = len(use_case)
    stated = [(name, i) for name in TRIANGLES for i in range(use_cases)]
    ws = store(
        requests={
            "run": [f"r{i}" for i in range(rows)],
            "user": [f"u{i // 3}" for i in range(rows)],
            "use_case": [f"c{i}" for i in use_case],
            "start": instants(rows),
            "latency": np.ones(rows),
            "outcome": ["success"] * rows,
            "sample_probability": np.ones(rows),
        },
        assumptions={
            "assumption": [name for name, _ in stated],
            "use_case": [f"c{i}" for _, i in stated],
            "stated": [START] * len(stated),
            **{side: [TRIANGLES[name][i] for name, _ in stated] for i, side in enumerate(("low", "mode", "high"))},
            "source_kind": ["assumed"] * len(stated),
            "owner": ["finance"] * len(stated),
            "sample_probability": np.ones(len(stated)),
        },
    )
    answer = evaluate(ws, "hours_saved", window="2026Q3").findings[0].answer
    assert isinstance(answer, Estimate), answer
    assert answer.low is not None
    assert answer.high is not None
    drawn = {name: random.triangular(*points, (draws, use_cases)) for name, points in TRIANGLES.items()}
    minutes = drawn["minutes_before"] - drawn["minutes_after"] - drawn["minutes_new_steps"]
    hours = minutes @ cases / 60
    share = float(np.mean((answer.low <= hours) & (hours <= answer.high)))
    assert_near(share, draws, within=0.015, what=f"total over assumptions of {use_cases} use cases")


@pytest.mark.parametrize(("models", "beyond"), [(4, 0.0), (8, 0.0), (8, 0.05)])
def test_the_slope_of_value_on_cost_covers(store: Store, models: int, beyond: float) -> None:
    # Success rises by 0.04 for each unit of cost; models cost 1 to 8, and so much by chance, and a model's own
    # success differs from the line by a normal deviation.
    random, replicates, users = stream(44, "slope", str(models) + (" beyond" if beyond else "")), 250, 30
    region, model = np.divmod(np.arange(replicates * models), models)
    level = 1 + 7 * model / (models - 1)
    off = beyond * random.normal(size=len(model)) if beyond else 0.0
    chance = np.clip(0.5 + 0.04 * level + off, 0.0, 1.0)
    row = np.repeat(np.arange(len(model)), users * 8)
    rows = len(row)
    user = random.integers(0, users, rows) + users * row
    ws = store(
        requests={
            "run": [f"r{i}" for i in range(rows)],
            "user": [f"u{i}" for i in user],
            "region": [f"{i:04d}" for i in region[row]],
            "model": [f"m{i}" for i in model[row]],
            "start": instants(rows),
            "cost": level[row] * random.gamma(2.0, 0.5, rows),
            "cost_state": ["measured"] * rows,
            "outcome": np.where(random.random(rows) < chance[row], "success", "failure"),
            "sample_probability": np.ones(rows),
        }
    )
    inside = []
    for i in range(replicates):
        answer = marginal_value(ws, window="2026Q3", where={"region": f"{i:04d}"}).answer
        assert isinstance(answer, Estimate), answer
        assert answer.low is not None
        assert answer.high is not None
        inside.append(answer.low <= 0.04 <= answer.high)
    share = float(np.mean(inside))
    what = f"slope of value on cost, {models} models{' about a line' if beyond else ''}"
    assert_nominal(share, replicates, what=what)


def test_the_slope_of_success_on_drift_covers(store: Store) -> None:
    # Success falls by 0.5 for one more of the statistic; every week has a level of its own besides.
    random, replicates, days, runs = stream(44, "drift"), 300, 84, 12
    day, region = np.divmod(np.arange(days * replicates), replicates)
    drift = random.gamma(2.0, 0.1, days * replicates)
    week = random.normal(0, 0.05, (days // 7 + 1, replicates))[day // 7, region]
    chance = np.clip(0.8 + week - 0.5 * np.minimum(drift, 1.0), 0.02, 0.98)
    times = [START + timedelta(days=int(i), hours=12) for i in day]
    row = np.repeat(np.arange(len(day)), runs)
    good = random.random(len(row)) < chance[row]
    columns: dict[str, Any] = {
        "run": [f"r{i}" for i in range(len(row))],
        "user": [f"u{i}" for i in random.integers(0, 50, len(row))],
        "region": [f"{i:04d}" for i in region[row]],
        "use_case": [f"c{i}" for i in region[row]],
        "start": [times[i] for i in row],
        "outcome": np.where(good, "success", "failure"),
        "sample_probability": np.ones(len(row)),
    }
    checks: dict[str, Any] = {
        "check": [f"k{i}" for i in range(len(day))],
        "kind": ["drift"] * len(day),
        "subject": ["model"] * len(day),
        "use_case": [f"c{i}" for i in region],
        "checked": times,
        "statistic_name": ["psi"] * len(day),
        "statistic": np.minimum(drift, 1.0),
        "verdict": ["pass"] * len(day),
        "sample_probability": np.ones(len(day)),
    }
    ws = store(requests=columns, quality_checks=checks)
    assert max(times) < END
    panel = evaluate(ws, "drift_sensitivity", by="region", window="2026Q3")
    assert_nominal(covered(panel.findings, -0.5), replicates, what="slope of success on drift")
