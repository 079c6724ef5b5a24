"""Measures of what judges and users say of an answer, in production and offline."""

from typing import TYPE_CHECKING

from metricstack.telemetry.measures.model import Given, flag, grouping, number
from metricstack.telemetry.measures.traffic import successful

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["JUDGED", "by_human", "by_human_or_judge", "hallucinated", "judged_good", "same_end"]


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


@flag(
    "feedback",
    "the answer is a hallucination by the use case's own definition",
    needs=("value",),
    among=lambda rows, _: rows.name == "groundedness",
    parameters=("hallucination_below",),
    by_card="hallucination_below",
)
def hallucinated(rows: "ir.Table", bound: Given) -> "ir.Value":
    """True below the card's groundedness (else ``hallucination_below``); unknown where it was not judged."""
    import ibis

    limit: ir.Value = ibis.literal(bound["hallucination_below"])
    for use_case, value in sorted(bound.hallucination_below.items()):
        limit = ibis.ifelse(rows.use_case == use_case, value, limit)
    return ibis.ifelse(rows.name == "groundedness", rows.value < limit, ibis.null("boolean"))


@flag("evaluations", "the judgement is good", needs=("score",), parameters=("judged_good_from",))
def judged_good(rows: "ir.Table", bound: Given) -> "ir.Value":
    """True from the score ``judged_good_from`` on."""
    return rows.score >= bound["judged_good_from"]


@flag("evaluations", "a person judged", needs=("rater_kind",))
def by_human(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for human raters."""
    return rows.rater_kind == "human"


@flag("evaluations", "a person or a judge model judged, not code", needs=("rater_kind",))
def by_human_or_judge(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for the two kinds of rater whose agreement is asked for."""
    return rows.rater_kind.isin(["human", "llm_judge"])


@number(
    "requests",
    "fraction",
    "share of the other runs on the same input that ended alike",
    needs=("outcome", "input_hash"),
    among=lambda rows, _: rows.input_hash.notnull(),
    maximum=1.0,
    across=True,
)
def same_end(rows: "ir.Table", bound: Given) -> "ir.Value":
    """Compare a run with the others of its group on the same input; unknown where there is no other."""
    import ibis

    success = successful(rows, bound).cast("int64")
    repeats = {"group_by": [*grouping(rows), rows.input_hash]}
    runs, good = success.count().over(**repeats), success.sum().over(**repeats)
    alike = ibis.ifelse(success == 1, good - 1, runs - good - 1)
    known = rows.input_hash.notnull() & success.notnull() & (runs > 1)
    return ibis.ifelse(known, alike / (runs - 1).nullif(0), ibis.null("float64"))
