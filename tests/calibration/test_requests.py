"""Intervals of what is computed from requests that are nested in users, with and without 10 % sampling.

- Means, shares, ratios and quantiles cover the population's value as often as they say, although requests of
  one user resemble one another; intervals that take requests as independent would not (shown).
- The same holds where one run in ten was kept, and for totals of what was not kept.
- It holds for users one by one, for 64 random groups of many, and for quantiles from values and histograms.
"""

import itertools
from typing import Any

import numpy as np
import pytest

from metricstack.core.streams import stream
from metricstack.metrics import evaluate
from metricstack.metrics.query import fetch
from metricstack.telemetry import Workspace

from .conftest import Population, Store, assert_nominal, covered, instants

REPLICATES = 800
USERS = 120
METRICS = ("task_success", "cost_per_request", "cost_per_successful_outcome", "attempt_retry_rate",
           "human_minutes_per_request")  # fmt: skip

pytestmark = pytest.mark.calibration


def world(
    population: Population, store: Store, name: str, *, keep: float = 1.0, metrics: str = "", config: str = "",
    **size: int,
) -> tuple[Workspace, Any]:  # fmt: skip
    """Draw replicates, keep each run with a chance, and write what was kept; with the rows before."""
    size = {"replicates": REPLICATES, "users": USERS} | size
    row, user = population.draw(name, **size)
    region = user // size["users"]
    kept = stream(21, name).random(len(row)) < keep
    columns: dict[str, Any] = {key: values[row][kept] for key, values in population.columns.items()}
    columns |= {
        "run": [f"r{i}" for i in np.flatnonzero(kept)],
        "user": [f"u{i}" for i in user[kept]],
        "region": [f"{i:04d}" for i in region[kept]],
        "start": instants(int(kept.sum())),
        "sample_probability": np.full(int(kept.sum()), keep),
    }
    return store(requests=columns, metrics=metrics, config=config), (row, region)


def truths(population: Population) -> dict[str, float]:
    """What is true of the population: users are drawn with equal chances, so sums over all users decide."""
    columns = population.columns
    success = columns["outcome"] == "success"
    known = columns["outcome"] != "unknown"
    return {
        "task_success": success.sum() / known.sum(),
        "cost_per_request": np.nanmean(columns["cost"]),
        "cost_per_successful_outcome": np.nansum(columns["cost"]) / success.sum(),
        "attempt_retry_rate": float(np.nanmean(columns["retries"] > 0)),
        "human_minutes_per_request": np.nanmean(columns["human_minutes"]),
    }


@pytest.mark.parametrize("keep", [1.0, 0.1])
def test_means_shares_and_ratios_cover_with_requests_nested_in_users(
    population: Population, store: Store, keep: float
) -> None:
    ws, _ = world(population, store, f"means {keep}", keep=keep)
    panel = evaluate(ws, METRICS, by="region", window="2026Q3")
    for metric, true in truths(population).items():
        assert_nominal(covered(panel.of(metric), true), REPLICATES, what=f"{metric}, kept {keep:.0%}")


def test_users_one_by_one_cover_too(population: Population, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "EXACT_UNITS", 10**9)
    ws, _ = world(population, store, "one by one")
    panel = evaluate(ws, METRICS, by="region", window="2026Q3")
    for metric, true in truths(population).items():
        assert_nominal(covered(panel.of(metric), true), REPLICATES, what=f"{metric}, users one by one")


def test_requests_taken_as_independent_would_not_cover(population: Population) -> None:
    # The reason for all this: the textbook interval of a mean, on the same replicates.
    row, user = population.draw("means 1.0", replicates=REPLICATES, users=USERS)
    cost = population.columns["cost"][row]
    ends = np.searchsorted(user // USERS, np.arange(REPLICATES + 1))
    true = truths(population)["cost_per_request"]
    inside = [
        abs(part.mean() - true) < 1.96 * part.std() / len(part) ** 0.5
        for part in (cost[a:b] for a, b in itertools.pairwise(ends))
    ]
    assert np.mean(inside) < 0.90


@pytest.mark.parametrize("keep", [1.0, 0.1])
@pytest.mark.parametrize("vectors", [True, False])
def test_quantiles_cover_from_values_and_from_histograms(
    population: Population, store: Store, monkeypatch: pytest.MonkeyPatch, keep: float, vectors: bool
) -> None:
    monkeypatch.setattr(fetch, "VECTOR_ROWS", 10**9 if vectors else 0)
    monkeypatch.setattr(fetch, "EXACT_QUANTILE_ROWS", 0)
    ws, _ = world(population, store, f"quantiles {keep}", keep=keep)
    panel = evaluate(ws, ["latency_p50", "latency_p95"], by="region", window="2026Q3")
    for metric, p in (("latency_p50", 0.5), ("latency_p95", 0.95)):
        true, way = float(np.nanquantile(population.columns["latency"], p)), "values" if vectors else "histogram"
        assert_nominal(covered(panel.of(metric), true), REPLICATES, what=f"{metric}, {way}, kept {keep:.0%}")


def test_totals_of_one_run_in_ten_hold_the_totals_of_all(population: Population, store: Store) -> None:
    ws, (row, region) = world(population, store, "totals", keep=0.1)
    panel = evaluate(ws, ["transactions", "total_cost"], by="region", window="2026Q3")
    runs = np.bincount(region, minlength=REPLICATES)
    cost = np.bincount(region, weights=np.nan_to_num(population.columns["cost"][row]), minlength=REPLICATES)
    for metric, totals in (("transactions", runs), ("total_cost", cost)):
        true = {f"{i:04d}": float(total) for i, total in enumerate(totals)}
        assert_nominal(covered(panel.of(metric), true), REPLICATES, what=f"{metric} of all, kept 10%")
