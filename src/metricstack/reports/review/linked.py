"""The linkage of a quarter: the four questions, each answered in a sentence, and the map of their edges."""

from metricstack.charts.linkage import chart_map
from metricstack.core.errors import MetricstackError
from metricstack.core.values import Reason, Refusal
from metricstack.core.windows import Window
from metricstack.linkage.questions import FourQuestions, four_questions
from metricstack.narrative.questions import questions_html
from metricstack.narrative.words import stem
from metricstack.reports.components import note
from metricstack.reports.html import Html, element, fragment
from metricstack.reports.review.pieces import figure
from metricstack.telemetry import Workspace

__all__ = ["linkage_section", "linked_until"]


def linked_until(workspace: Workspace, window: Window) -> FourQuestions | Refusal:
    """Answer the four questions from all that was recorded up to a quarter's end."""
    span = workspace.span(*(name for name in ("requests", "sessions") if workspace.has(name)))
    if span is None or span.start >= window.end:
        return Refusal(Reason.NO_DATA, "no traffic was recorded before the end of this quarter", "Read some telemetry.")
    try:
        found = four_questions(workspace, window=Window(span.start, min(span.end, window.end)))
    except MetricstackError as error:
        return Refusal(Reason.NOT_MEASURED, str(error), "Mend linkage.toml.")
    return found or Refusal(Reason.NOT_MEASURED, "none of their metrics is in the catalogue", "Add them.")


def linkage_section(found: FourQuestions | Refusal, *, segment: str) -> Html:
    """Write the questions with their answers, and a picture of their edges."""
    if isinstance(found, Refusal):
        return element(
            "p", f"The four questions cannot be answered: {stem(found.detail)}. {found.remedy}", kind="ms-refusal"
        )
    drawn = chart_map(found.drawn, title="What moves what")
    said = f"{found.drawn.family}. Each size is the effect of the named step."
    whole = note("Linkage is read for all customers, not for one segment.") if segment else None
    return fragment([whole, Html(questions_html(found)), figure(drawn, said)])
