"""The pieces a review is built of: a measure with its change, a card, a table of the board, a figure with its words."""

from collections.abc import Iterable, Sequence
from typing import Any

from metricstack import charts
from metricstack.core.units import write
from metricstack.core.values import Estimate, Refusal
from metricstack.narrative.changes import ARROWS, course, moved_by, say_target
from metricstack.narrative.headline import Moved
from metricstack.narrative.html import board_html
from metricstack.narrative.words import interval
from metricstack.numerics.change import Verdict
from metricstack.reports.html import Html, element
from metricstack.reports.review.plan import Layer

__all__ = ["badge", "board_table", "card", "figure", "measure", "note", "table"]

_TONES = {
    Verdict.BETTER: "ms-good",
    Verdict.WORSE: "ms-bad",
    Verdict.UNCLEAR: "ms-neutral",
    Verdict.UNKNOWN: "ms-unknown",
}


def badge(text: str, tone: str) -> Html:
    """Write a word in a frame; the tone only repeats what the word says."""
    return element("span", text, kind=f"ms-badge {tone}")


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
        return badge("no quarter before", "ms-unknown")
    if change.verdict is Verdict.UNCLEAR:
        return badge("no clear change", "ms-neutral")
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
    tone = "ms-good" if held.startswith("met:") else "ms-bad" if held.startswith("missed:") else ""
    return element("div", f"Target {held}", kind=f"ms-target {tone}".strip())


def card(layer: Layer, board: Sequence[Moved], *, level: str = "h3") -> Html:
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


def note(text: str, *, kind: str = "ms-note") -> Html | None:
    """Write a remark; nothing for an empty one."""
    return element("p", text, kind=kind) if text else None


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, caption: str = "") -> Html:
    """Write a plain table; the first cell of a row heads it."""
    head = element("tr", *(element("th", name, attributes={"scope": "col"}) for name in heads))
    body = (
        element("tr", element("th", row[0], attributes={"scope": "row"}), *(element("td", cell) for cell in row[1:]))
        for row in rows
    )
    title = element("caption", caption) if caption else None
    whole = element("table", title, element("thead", head), element("tbody", *body), kind="ms-table")
    return element("div", whole, kind="ms-scroll")
