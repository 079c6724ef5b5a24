"""Measures of what judges and users say of an answer."""

from typing import TYPE_CHECKING

from metricstack.telemetry.measures.model import Given, number

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["JUDGED"]


def _judgement(name: str, about: str) -> None:
    """Register the value of one kind of judgement as a measure of its own."""

    def expression(rows: "ir.Table", _: Given) -> "ir.Value":
        import ibis

        return ibis.ifelse(rows.name == name, rows.value, ibis.null("float64"))

    expression.__name__ = name
    number("feedback", "score", about, among=lambda rows, _: rows.name == name, maximum=1.0)(expression)


JUDGED: dict[str, str] = {
    "relevance": "how well the answer fits the question",
    "completeness": "how much of what was asked is answered",
    "consistency": "agreement with other answers to the same question",
    "trust": "how far people say that they rely on it",
    "groundedness": "share of its statements that a source supports",
    "click": "the user followed the answer",
    "correction": "the user corrected the answer",
    "retry": "the user asked again",
    "confirmed": "a person or the outcome later confirmed the decision",
}
"""Names of judgements and signals that are measures of their own, and what each says."""

for _name, _about in JUDGED.items():
    _judgement(_name, _about)
