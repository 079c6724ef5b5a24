"""Intervals of events and of their durations: few, skewed, and independent of one another.

- Deployments a day: the exact Poisson interval covers at least as often as it says; fewer than five are refused.
- Incidents per 1,000 transactions: few events over many runs.
- Medians of a few skewed durations: the interval between order statistics, whatever the distribution.
"""

from datetime import timedelta

import numpy as np
import pytest

from metricstack.core.streams import stream
from metricstack.metrics import evaluate

from .conftest import Store, assert_nominal, covered, instants

REPLICATES = 1500

pytestmark = pytest.mark.calibration


@pytest.mark.parametrize("expected", [20.0, 80.0])
def test_events_a_day_cover(store: Store, expected: float) -> None:
    counts = stream(30, "deployments", str(expected)).poisson(expected, REPLICATES)
    service = np.repeat(np.arange(REPLICATES), counts)
    rows = len(service)
    ws = store(
        deployments={
            "deployment": [f"d{i}" for i in range(rows)],
            "service": [f"{i:04d}" for i in service],
            "deployed": instants(rows),
            "status": ["success"] * rows,
            "sample_probability": np.ones(rows),
        }
    )
    panel = evaluate(ws, "deployment_frequency", by="service", window="2026Q3")
    assert_nominal(covered(panel.findings, expected / 92, dimension="service"), REPLICATES, conservative=True)


def test_few_incidents_over_many_runs_cover(store: Store) -> None:
    random = stream(30, "incidents")
    runs, rate = 2_000, 3 / 2_000
    counts = random.poisson(rate * runs, 300)
    case = np.repeat(np.arange(300), counts)
    ws = store(
        requests={
            "run": [f"r{i}" for i in range(300 * runs)],
            "user": [f"u{i // 4}" for i in range(300 * runs)],
            "use_case": [f"{i // runs:04d}" for i in range(300 * runs)],
            "start": instants(300 * runs),
            "sample_probability": np.ones(300 * runs),
        },
        incidents={
            "incident": [f"i{i}" for i in range(len(case))],
            "use_case": [f"{i:04d}" for i in case],
            "started": instants(len(case)),
            "ai_related": [True] * len(case),
            "sample_probability": np.ones(len(case)),
        },
    )
    panel = evaluate(ws, "incident_rate", by="use_case", window="2026Q3")
    assert_nominal(covered(panel.findings, 1000 * rate, dimension="use_case"), 300, conservative=True)


@pytest.mark.parametrize("n", [8, 25, 100])
def test_medians_of_skewed_durations_cover(store: Store, n: int) -> None:
    hours = np.exp(stream(30, "durations", str(n)).normal(1.0, 1.2, (REPLICATES, n)))
    rows = REPLICATES * n
    detected = instants(rows)
    ws = store(
        incidents={
            "incident": [f"i{i}" for i in range(rows)],
            "use_case": [f"{i // n:04d}" for i in range(rows)],
            "started": detected,
            "detected": detected,
            "mitigated": [at + timedelta(hours=h) for at, h in zip(detected, hours.ravel(), strict=True)],
            "sample_probability": np.ones(rows),
        }
    )
    panel = evaluate(ws, "time_to_recover", by="use_case", window="2026Q3")
    assert_nominal(covered(panel.findings, float(np.e), dimension="use_case"), REPLICATES, conservative=True)
