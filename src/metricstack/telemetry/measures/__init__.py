"""Measures: named row-level expressions of the tables, one module a floor of the schema."""

from metricstack.telemetry.measures import business, delivery, judgement, operations, oversight, traffic
from metricstack.telemetry.measures.model import (
    ASSUMED,
    MEASURES,
    PARAMETERS,
    Given,
    Measure,
    flag,
    given,
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
    "measures_of",
    "number",
    "seconds_between",
]

_FLOORS = (business, delivery, judgement, operations, oversight, traffic)  # importing them registers their measures
