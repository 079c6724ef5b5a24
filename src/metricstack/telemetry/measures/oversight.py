"""Measures of model reviews and pilots."""

from typing import TYPE_CHECKING

from metricstack.telemetry.measures.model import Given, flag

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["passes_required", "supported"]


@flag(
    "model_reviews",
    "it passed every check that is required here",
    needs=("fairness", "privacy", "explainability"),
    parameters=("review_requires_safety", "review_requires_human_oversight"),
)
def passes_required(rows: "ir.Table", bound: Given) -> "ir.Value":
    """True where every required check passed; a required check that was not made is not passed."""
    passed = rows.fairness & rows.privacy & rows.explainability
    for name in ("safety", "human_oversight"):
        if bound[f"review_requires_{name}"]:
            passed = passed & rows[name]
    return passed.fill_null(False)


@flag("pilots", "it is a supported product", needs=("stage", "monitored", "on_call", "promised"))
def supported(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for a product with monitoring, an on-call owner and a promise to its users."""
    return ((rows.stage == "product") & rows.monitored & rows.on_call & rows.promised).fill_null(False)
