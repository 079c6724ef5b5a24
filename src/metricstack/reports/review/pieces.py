"""The pieces of a review: a metric with its change, a column of them, the board as a table, a figure."""

from collections.abc import Sequence
from typing import Any

from metricstack import charts
from metricstack.core.units import write
from metricstack.core.values import Estimate, Refusal
from metricstack.narrative.changes import ARROWS, course, moved_by, say_target
from metricstack.narrative.headline import Moved
from metricstack.narrative.html import board_html
from metricstack.narrative.words import interval
from metricstack.numerics.change import Verdict
from metricstack.reports.components import Tone, badge
from metricstack.reports.html import Html, element
from metricstack.reports.review.plan import Layer

__all__ = ["board_table", "column", "figure", "measure"]

_TONES: dict[Verdict, Tone] = {
    Verdict.BETTER: "good",
    Verdict.WORSE: "bad",
    Verdict.UNCLEAR: "neutral",
    Verdict.UNKNOWN: "unknown",
}


def measure(moved: Moved) -> Html:
    """Write one answered metric: name, number, how it moved, how sure, whether the target is met."""
    answer = moved.change.after
    assert isinstance(answer, Estimate)
    return element(
        "div",
        element("div", moved.title, kind="ms-label"),
        element("div", write(answer.value, answer.unit), kind="ms-value"),
        _change(moved),
        element("div", interval(answer) or "counted in full", kind="ms-interval"),
        _target(moved, answer),
        kind="ms-measure",
    )


def _change(moved: Moved) -> Html:
    change = moved.change
    if change.verdict is Verdict.UNKNOWN:
        return badge("no quarter before", "unknown")
    if change.verdict is Verdict.UNCLEAR:
        return badge("no clear change", "neutral")
    way = course(change)
    by = (
        f"{ARROWS[way]} {moved_by(change)}, {change.verdict}"
        if way in ("rose", "fell")
        else f"slightly {change.verdict}"
    )
    return badge(by, _TONES[change.verdict])


def _target(moved: Moved, answer: Estimate) -> Html | None:
    if moved.target is None:
        return None
    held = say_target(answer, moved.target, moved.change.better)
    tone = "good" if held.startswith("met:") else "bad" if held.startswith("missed:") else "neutral"
    return element("div", f"Target {held}", kind=f"ms-target ms-{tone}")


def column(layer: Layer, board: Sequence[Moved], *, level: str = "h3") -> Html:
    """Write one layer: what it asks, and its metrics; those that cannot be said share one note at the end."""
    told = [moved for moved in board if isinstance(moved.change.after, Estimate)]
    refused = [moved for moved in board if isinstance(moved.change.after, Refusal)]
    return element(
        "section",
        element(level, layer.title),
        element("p", layer.question, kind="ms-question"),
        *(measure(moved) for moved in told),
        _refused(refused) if refused else None,
        kind=f"ms-column ms-layer-{layer.name}",
    )


def _refused(board: Sequence[Moved]) -> Html:
    reasons: dict[str, list[str]] = {}
    for moved in board:
        assert isinstance(moved.change.after, Refusal)
        reasons.setdefault(moved.change.after.detail.rstrip("."), []).append(moved.title)
    lines = (f"{', '.join(titles)}: {detail}." for detail, titles in reasons.items())
    return element("p", "Cannot say. ", " ".join(lines), kind="ms-refusal")


def board_table(board: Sequence[Moved], *, caption: str, before: str, after: str) -> Html:
    """Write the board as a table, one row a metric, refusals in words."""
    return Html(board_html(board, caption=caption, before=before, after=after))


def figure(chart: Any, caption: str) -> Html:
    """Write a chart as an inline picture with its caption."""
    return Html(charts.figure_html(chart, caption))
