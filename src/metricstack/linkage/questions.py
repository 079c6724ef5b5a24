"""The four questions that every organisation asks of its AI, each answered by edges of the map."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from metricstack.core.show import Shown
from metricstack.core.values import Finding
from metricstack.core.windows import Window
from metricstack.linkage.hypothesis import Hypothesis, default_map, hypotheses
from metricstack.linkage.link import link, names_of
from metricstack.linkage.linkage_map import LinkageMap
from metricstack.linkage.verdict import Edge
from metricstack.metrics.definitions import catalogue

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["QUESTIONS", "FourQuestions", "Question", "four_questions"]


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and the edges that answer it.

    Args:
        words: As it is asked.
        edges: Cause and effect of each edge, the one that answers it first.
    """

    words: str
    edges: tuple[tuple[str, str], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"words": self.words, "edges": [list(pair) for pair in self.edges]}


QUESTIONS = (
    Question("Quality up: does the business go up?", (("relevance", "conversion_rate"), ("relevance", "task_success"))),
    Question(
        "Latency up: does task success fall?", (("latency_p95", "task_success"), ("latency_p95", "conversion_rate"))
    ),
    Question(
        "Cost down: does quality degrade?", (("cost_per_request", "relevance"), ("cost_per_request", "task_success"))
    ),
    Question(
        "Reliability issues: do business KPIs shift?",
        (("error_rate", "task_success"), ("availability", "conversion_rate")),
    ),
)


@dataclass(frozen=True)
class FourQuestions(Shown):
    """The four questions with their edges, judged together.

    Args:
        drawn: The map of all their edges.
        questions: What was asked.
    """

    drawn: LinkageMap
    questions: tuple[Question, ...] = QUESTIONS

    def __iter__(self) -> Iterator[tuple[Question, tuple[Edge, ...]]]:
        known = {(edge.cause, edge.effect): edge for edge in self.drawn}
        for question in self.questions:
            yield question, tuple(known[pair] for pair in question.edges if pair in known)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One finding for each edge."""
        return self.drawn.findings

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "questions": [
                {"question": question.words, "edges": [edge.key for edge in edges]} for question, edges in self
            ],
            "map": self.drawn.to_dict(),
        }


def four_questions(ws: "Workspace", *, window: Window | str | None = None) -> FourQuestions | None:
    """Answer the four questions, as the workspace declares their edges, else as the package's map does.

    Args:
        ws: The workspace.
        window: The instants to look at, as in `link`.

    Returns:
        The answers; None where the workspace knows none of their metrics.

    Raises:
        ConfigurationError: ``linkage.toml`` declares what cannot be; every fault with its line.
    """
    known = names_of(catalogue(ws))
    pairs = dict.fromkeys(pair for question in QUESTIONS for pair in question.edges)
    own = {(edge.cause, edge.effect): edge for edge in (*default_map(known), *hypotheses(ws.root, known))}
    asked: Sequence[Hypothesis] = [own[pair] for pair in pairs if pair in own]
    return FourQuestions(link(ws, asked, window=window)) if asked else None
