"""Measures of sessions and surveys."""

from typing import TYPE_CHECKING

from metricstack.telemetry.measures.model import Given, flag

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["about_satisfaction", "churned"]


@flag("sessions", "the user did not come back within 28 days", needs=("returned_28d",))
def churned(rows: "ir.Table", _: Given) -> "ir.Value":
    """The opposite of a return, unknown until 28 days have passed."""
    return ~rows.returned_28d


@flag("survey_responses", "the question is about satisfaction and well-being")
def about_satisfaction(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for questions of SPACE's first dimension."""
    return (rows.dimension == "satisfaction").fill_null(False)
