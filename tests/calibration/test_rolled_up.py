"""Roll-ups: the same replicates, answered from daily sums, have the same values and the same intervals."""

from typing import Any

import pytest

from metricstack.core.values import Estimate
from metricstack.metrics import MetricPanel, build_rollups, evaluate
from metricstack.metrics.query import fetch
from metricstack.telemetry import open_workspace

from .conftest import Population, Store
from .test_requests import METRICS, world

pytestmark = pytest.mark.calibration


@pytest.mark.parametrize("keep", [1.0, 0.1])
def test_replicates_answered_from_a_roll_up_are_equal(
    population: Population, store: Store, monkeypatch: pytest.MonkeyPatch, keep: float
) -> None:
    monkeypatch.setattr(fetch, "VECTOR_ROWS", 0)
    monkeypatch.setattr(fetch, "EXACT_QUANTILE_ROWS", 0)
    asked = [*METRICS, "transactions", "total_cost", "latency_p50", "latency_p95"]
    declared = '[rollups.requests]\nby = ["region"]\n'
    ws, _ = world(population, store, f"rolled {keep}", keep=keep, replicates=150, config=declared)

    def numbers(panel: MetricPanel) -> list[tuple[float | None, ...]]:
        answers = [finding.answer for finding in panel.findings]
        return [(a.value, a.low, a.high, a.n) for a in answers if isinstance(a, Estimate)]

    plain = numbers(evaluate(ws, asked, by="region", window="2026Q3"))
    assert len(plain) == 150 * len(asked)
    build_rollups(ws)
    used: list[str] = []
    whole = fetch.RollUp.sums

    def spy(self: fetch.RollUp, *rest: Any, **more: Any) -> Any:
        found = whole(self, *rest, **more)
        used.extend([self.manifest.table] if found is not None else [])
        return found

    monkeypatch.setattr(fetch.RollUp, "sums", spy)
    rolled = numbers(evaluate(open_workspace(ws.root), asked, by="region", window="2026Q3"))
    assert set(used) == {"requests"}
    for one, other in zip(plain, rolled, strict=True):
        assert [x is None for x in other] == [x is None for x in one]
        assert [x for x in other if x is not None] == pytest.approx([x for x in one if x is not None], rel=1e-9)
