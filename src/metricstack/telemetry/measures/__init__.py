"""Measures: named row-level expressions of the tables, one module a floor of the schema."""

from metricstack.telemetry.measures import (
    agents,
    business,
    delivery,
    judgement,
    operations,
    oversight,
    tracing,
    traffic,
)
from metricstack.telemetry.measures.model import (
    ASSUMED,
    MEASURES,
    PARAMETERS,
    Given,
    Measure,
    flag,
    given,
    grouping,
    lasting,
    measures_of,
    number,
    seconds_between,
)

__all__ = [
    "ASSUMED",
    "MEASURES",
    "PARAMETERS",
    "Given",
    "Measure",
    "flag",
    "given",
    "grouping",
    "lasting",
    "measures_of",
    "number",
    "seconds_between",
]

_FLOORS = (agents, business, delivery, judgement, operations, oversight, tracing, traffic)  # each registers its own
