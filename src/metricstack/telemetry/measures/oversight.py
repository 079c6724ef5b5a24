"""Measures of models, their reviews, and pilots."""

from typing import TYPE_CHECKING

from metricstack.telemetry.measures.model import Given, flag

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["CHECKS", "in_production", "in_service", "passes_required", "reviewed", "supported"]


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


def _passes(check: str, about: str) -> None:
    """Register one check of a review as a flag of its own: a required check that was not made is not passed."""
    parameters = (f"review_requires_{check}",) if check in ("safety", "human_oversight") else ()

    def expression(rows: "ir.Table", bound: Given) -> "ir.Value":
        required = all(bound[name] for name in parameters)
        return rows[check].fill_null(False) if required else rows[check]

    expression.__name__ = f"passes_{check}"
    flag("model_reviews", about, needs=(check,), parameters=parameters)(expression)


CHECKS: dict[str, str] = {
    "fairness": "it was found fair across groups",
    "privacy": "it was found to keep privacy",
    "explainability": "its answers were found explainable",
    "safety": "it was found safe",
    "human_oversight": "a person was found able to step in",
}
"""The checks of a responsible-AI review, and what passing one says."""

for _check, _about in CHECKS.items():
    _passes(_check, _about)


@flag("model_reviews", "the model is not retired", joins=("registered",))
def in_service(rows: "ir.Table", _: Given) -> "ir.Value":
    """True unless the register says that the model was retired by the period's end."""
    return (rows["registered.stage"] != "retired").fill_null(True)


@flag("models", "it is in production", needs=("stage",))
def in_production(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for models in production."""
    return rows.stage == "production"


@flag("models", "a responsible-AI review of it was made", joins=("review",))
def reviewed(rows: "ir.Table", _: Given) -> "ir.Value":
    """True where there is a review; a model that nobody reviewed is false."""
    return rows["review.reviewed"].fill_null(False)


@flag("pilots", "it is a supported product", needs=("stage", "monitored", "on_call", "promised"))
def supported(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for a product with monitoring, an on-call owner and a promise to its users."""
    return ((rows.stage == "product") & rows.monitored & rows.on_call & rows.promised).fill_null(False)
