"""The four questions in words: each answered in a sentence, with how strong the evidence is."""

from typing import TYPE_CHECKING

from metricstack.linkage.names import spelled
from metricstack.narrative.html import outer
from metricstack.narrative.linkage import doubts_of, named_edge, weak_tests
from metricstack.narrative.sheet import escape
from metricstack.narrative.words import stem

if TYPE_CHECKING:
    from metricstack.linkage.questions import FourQuestions
    from metricstack.linkage.verdict import Edge

__all__ = ["questions_html", "say_questions"]

_SAID = {
    "supports": "Yes",
    "contradicts": "No",
    "inconclusive": "Not settled",
    "refused": "Cannot say",
}
_STRENGTH = {
    "A": "randomised experiments",
    "B": "a quasi-experiment",
    "C": "adjusted telemetry, no experiment",
    "D": "telemetry alone",
    "none": "nothing that stands",
}


_NOT_ASKED = "Not asked: its metrics are not declared here."


def _answer(edge: "Edge") -> str:
    strength = weak_tests(edge.best) or _STRENGTH[str(edge.grade)]
    reason = spelled(edge.reason, edge.cause, edge.effect)
    return f"{_SAID[str(edge.verdict)]}. {stem(reason)}. Evidence: {strength} (grade {edge.grade})."


def say_questions(found: "FourQuestions") -> str:
    """Say each question with the answer of its edges."""
    lines = []
    for question, edges in found:
        lines.append(question.words)
        lines += [f"  {_answer(edge)}" for edge in edges] or [f"  {_NOT_ASKED}"]
    return "\n".join(lines)


def questions_html(found: "FourQuestions") -> str:
    """Show each question with its answer; further edges and conflicts stand below it."""
    parts = []
    for question, edges in found:
        told = "".join(
            f"<p><strong>{escape(named_edge(edge))}</strong><br>{escape(_answer(edge))}"
            + "".join(f"<br><em>Doubt: {escape(one)}.</em>" for one in doubts_of(edge))
            + "".join(f"<br><em>Conflict: {escape(one.detail)}.</em>" for one in edge.conflicts)
            + "</p>"
            for edge in edges
        )
        parts.append(
            f"<h4>{escape(question.words)}</h4>{told or '<p>Not asked: its metrics are not declared here.</p>'}"
        )
    return outer("ms-told", "".join(parts))
