"""The company's registers: small tables that people and platforms keep, beside the traffic."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from metricstack.simulation.registers import business, delivery, operations, oversight
from metricstack.simulation.world import World

__all__ = ["REGISTERS", "registers"]

# Tables made from the world alone, by the function that makes them (some belong together).
_MAKERS: tuple[tuple[tuple[str, ...], Callable[[World], dict[str, pa.Table]]], ...] = (
    (("incidents", "deployments", "changes", "change_deployments"), delivery.delivery),
    (("pipeline_runs", "connector_checks"), operations.data_flow),
    (("quality_checks", "alerts"), operations.monitoring),
    (("models", "model_reviews", "controls", "datasets"), oversight.oversight),
    (("experiments", "evaluations"), oversight.judgement),
    (("events", "pilots", "tool_touches", "survey_responses"), business.organisation),
    (("resource_usage", "assumptions", "prices"), business.money),
)
_FROM_SUMS = ("business_kpis", "collection_health")
REGISTERS = (*(name for names, _ in _MAKERS for name in names), *_FROM_SUMS)


def registers(world: World, daily: NDArray[np.float64], tables: frozenset[str] | None = None) -> dict[str, pa.Table]:
    """Make the registers of a company.

    Args:
        world: The company.
        daily: What the traffic adds up to, shape (days, regions, `daily.DAILY`).
        tables: Which are wanted; all by default.
    """
    made: dict[str, pa.Table] = {}
    for names, make in _MAKERS:
        if tables is None or tables & set(names):
            made |= make(world)
    if tables is None or "business_kpis" in tables:
        made["business_kpis"] = business.business_kpis(world, daily)
    if tables is None or "collection_health" in tables:
        made["collection_health"] = operations.collection_health(world, daily)
    return {name: made[name] for name in REGISTERS if name in made and (tables is None or name in tables)}
