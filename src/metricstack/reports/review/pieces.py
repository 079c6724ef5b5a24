"""The pieces of a review: a metric with its change, a column of them, the board as a table, a figure."""

from collections.abc import Sequence
from typing import Any

from metricstack import charts
from metricstack.core.units import write
from metricstack.core.values import Estimate, Reason, Refusal
from metricstack.narrative.changes import ARROWS, course, moved_by, say_target
from metricstack.narrative.headline import Moved
from metricstack.narrative.words import difference_limits, how_counted, interval
from metricstack.numerics.change import Verdict
from metricstack.reports.components import Tone, badge, table
from metricstack.reports.html import Html, element
from metricstack.reports.review.plan import Layer

__all__ = ["board_table", "column", "figure", "measure"]

_TONES: dict[Verdict, Tone] = {
    Verdict.BETTER: "good",
    Verdict.WORSE: "bad",
    Verdict.MOVED: "neutral",
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
        element("div", *_value(moved.title, answer), kind="ms-value"),
        _change(moved),
        element("div", _bounds(answer), kind="ms-interval"),
        _target(moved, answer),
        *(element("div", caveat, kind="ms-caveat") for caveat in moved.caveats),
        kind="ms-measure",
    )


def _value(title: str, answer: Estimate) -> tuple[object, ...]:
    number, per, below = write(answer.value, answer.unit).partition(" per ")
    if not per or " per " in title:
        return (number,)
    return (number, element("span", f"{per}{below}", kind="ms-per"))


def _change(moved: Moved) -> Html:
    change = moved.change
    if change.verdict is Verdict.UNKNOWN:
        first = isinstance(change.before, Refusal) and change.before.reason is Reason.NO_DATA
        return badge("no quarter before" if first else "cannot compare", "unknown")
    if change.verdict is Verdict.UNCLEAR:
        return badge("no clear change", "neutral")
    way = course(change)
    if change.verdict is Verdict.MOVED:
        return badge(f"{ARROWS[way]} {moved_by(change)}".strip(), "neutral")
    by = (
        f"{ARROWS[way]} {moved_by(change)}, {change.verdict}"
        if way in ("rose", "fell")
        else f"slightly {change.verdict}"
    )
    return badge(by, _TONES[change.verdict])


def _target(moved: Moved, answer: Estimate, *, prefix: str = "Target ") -> Html | None:
    if moved.target is None:
        return None
    held = say_target(answer, moved.target, moved.change.better).partition(":")[0]
    held = held if held in ("met", "missed") else "too close to call"
    if moved.caveats or answer.is_bound:
        held = "cannot be judged on a part of the rows"
    tones: dict[str, Tone] = {"met": "good", "missed": "bad"}
    bound = (
        f"{'≥' if moved.change.better == 'higher' else '≤'} {write(moved.target, answer.unit).partition(' per ')[0]}"
    )
    return element("div", f"{prefix}{bound}: {held}", kind=f"ms-target ms-{tones.get(held, 'neutral')}")


def _bounds(answer: Estimate) -> str:
    """Write the interval without its level and without the unit's "per", which stand beside it."""
    said = interval(answer)
    return said.partition(" interval ")[2].partition(" per ")[0] if said else how_counted(answer)


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
        kind=f"ms-column ms-column-{layer.name}",
    )


def _refused(board: Sequence[Moved]) -> Html:
    reasons: dict[str, list[str]] = {}
    for moved in board:
        assert isinstance(moved.change.after, Refusal)
        reasons.setdefault(moved.change.after.detail.rstrip("."), []).append(moved.title)
    lines = (f"{', '.join(titles)}: {detail}." for detail, titles in reasons.items())
    return element("p", "Cannot say. ", " ".join(lines), kind="ms-refusal")


def board_table(board: Sequence[Moved], *, caption: str, before: str, after: str) -> Html:
    """Write answered metrics as a table, one row a metric, a block each on a phone."""
    columns = ["Measure", after, "95\u00a0% interval", before, "Change"]
    rows = [
        [_name(moved), element("strong", *_value(moved.title, answer)), _bounds(answer), _was(moved), _moved(moved)]
        for moved in board
        if isinstance(answer := moved.change.after, Estimate)
    ]
    if any(moved.target is not None for moved in board):
        columns.append("Target")
        for row, moved in zip(rows, board, strict=True):
            assert isinstance(moved.change.after, Estimate)
            row.append(_target(moved, moved.change.after, prefix="") or "")
    return table(columns, rows, caption=caption, numeric=(after, before))


def _name(moved: Moved) -> Html:
    return element("span", moved.title, *(element("div", caveat, kind="ms-caveat") for caveat in moved.caveats))


def _was(moved: Moved) -> str:
    answer = moved.change.before
    return write(answer.value, answer.unit).partition(" per ")[0] if isinstance(answer, Estimate) else "no number"


def _moved(moved: Moved) -> Html:
    sure = difference_limits(moved.change.difference) if isinstance(moved.change.difference, Estimate) else ""
    said = element("span", sure.partition(" per ")[0], kind="ms-interval") if sure else None
    return element("span", _change(moved), " ", said)


def figure(chart: Any, caption: str) -> Html:
    """Write a chart as an inline picture with its caption."""
    return Html(charts.figure_html(chart, caption))
