"""Dots with intervals, one labelled row each: levels side by side, or effects against zero.

The label stands above its interval, not beside it: a long name costs no width, so one picture reads as well
on a phone as on a page.
"""

import math
from collections.abc import Sequence
from typing import Any

import altair as alt

from metricstack.charts.axes import nice_domain, number_axis, short
from metricstack.charts.notebook import finished
from metricstack.charts.rows import Row, Values, all_refused, bounds, facts, guard, in_sight
from metricstack.charts.theme import ACCENT, BAD, GOOD, INK, MUTED
from metricstack.charts.words import chart_words
from metricstack.core.errors import InvalidInput
from metricstack.core.units import write_change
from metricstack.core.values import Estimate, Refusal

__all__ = ["MOST_DOTS", "change_dots", "interval_dots"]

MOST_DOTS = 30
_STEP = 40


def interval_dots(
    rows: Sequence[Row],
    unit: str,
    *,
    title: str = "",
    better: str = "",
    target: float | None = None,
    order: bool = True,
) -> alt.LayerChart | alt.Chart:
    """Draw levels side by side, each a dot on its interval, the largest on top, refusals last and in words.

    Args:
        rows: Labelled answers of one unit.
        unit: That unit.
        title: What is shown.
        better: ``"higher"`` or ``"lower"``, said under the title.
        target: A number to hold the levels against.
        order: Sort by value; otherwise the order given.

    Returns:
        A chart of at most `MOST_DOTS` rows, which says how many it leaves out; words for no rows at all.
    """
    _check(rows, unit)
    if not rows:
        return chart_words("There is nothing to compare.", title=title)
    ordered = sorted(rows, key=_height) if order else list(rows)
    shown = ordered[:MOST_DOTS]
    numbers = [n for row in shown if isinstance(row.answer, Estimate) for n in (row.answer.value, *bounds(row.answer))]
    finite = [number for number in numbers if math.isfinite(number)]
    seen = in_sight(target, finite)
    if not any(isinstance(row.answer, Estimate) for row in shown):
        return chart_words(all_refused([row.answer for row in rows], "rows"), title=title)
    domain = nice_domain(finite if seen is None else [*finite, seen])
    if min(finite) >= 0:
        domain = (max(domain[0], 0.0), domain[1])
    values = _values(shown, domain, lambda answer, _: short(answer.value, unit), lambda *_: ACCENT)
    left_out = f"{len(shown):,} of {len(rows):,} shown, largest first" if len(rows) > len(shown) else ""
    chart = _draw(values, domain, unit, line=seen, dash=[3, 2])
    subtitle = [facts(unit, better, target, drawn=seen is not None), left_out]
    return finished(chart, title=title, subtitle=subtitle, summary=_summary(values))


def change_dots(
    rows: Sequence[Row], unit: str, *, relative: bool = False, title: str = "", order: bool = True
) -> alt.LayerChart | alt.Chart:
    """Draw effects with their intervals against zero, coloured and named better, worse or unclear.

    Args:
        rows: Labelled differences of one unit; ``better`` of a row gives its verdict.
        unit: That unit.
        relative: The differences are fractions of what was before, written in per cent, not in points.
        title: What is shown.
        order: Sort by effect; otherwise the order given.
    """
    _check(rows, unit)
    if not rows:
        return chart_words("No change was measured.", title=title)
    ordered = sorted(rows, key=_height) if order else list(rows)
    shown = ordered[:MOST_DOTS]
    if not any(isinstance(row.answer, Estimate) for row in shown):
        return chart_words(all_refused([row.answer for row in rows], "rows"), title=title)
    numbers = [n for row in shown if isinstance(row.answer, Estimate) for n in (row.answer.value, *bounds(row.answer))]
    domain = nice_domain([number for number in numbers if math.isfinite(number)] + [0.0])

    def words(answer: Estimate, row: Row) -> str:
        number = write_change(1.0, 1.0 + answer.value, "1") if relative else write_change(0.0, answer.value, unit)
        verdict = _verdict(answer, row.better)
        return f"{number.partition(' per ')[0]}{', ' if verdict else ''}{verdict}"

    def colour(answer: Estimate, row: Row) -> str:
        return {"better": GOOD, "worse": BAD, "": ACCENT}.get(_verdict(answer, row.better), MUTED)

    values = _values(shown, domain, words, colour)
    left_out = f"{len(shown):,} of {len(rows):,} shown, largest first" if len(rows) > len(shown) else ""
    chart = _draw(values, domain, unit, line=0.0, dash=[1, 0], signed=True, relative=relative)
    return finished(chart, title=title, subtitle=[left_out], summary=_summary(values))


def _check(rows: Sequence[Row], unit: str) -> None:
    guard(rows)
    other = next((r.answer.unit for r in rows if isinstance(r.answer, Estimate) and r.answer.unit != unit), None)
    if other is not None:
        raise InvalidInput(f"One axis has one unit: this picture is in {unit!r}, one of its rows in {other!r}.")


def _height(row: Row) -> float:
    return math.inf if isinstance(row.answer, Refusal) else -row.answer.value


def _verdict(answer: Estimate, better: str) -> str:
    if better not in ("higher", "lower"):
        return ""
    low, high = bounds(answer)
    if low <= 0 <= high:
        return "unclear"
    return "better" if (low > 0) == (better == "higher") else "worse"


def _values(rows: Sequence[Row], domain: tuple[float, float], words: Any, colour: Any) -> Values:
    values: Values = []
    for index, row in enumerate(rows):
        value: dict[str, Any] = {"row": index, "label": row.label}
        if isinstance(row.answer, Refusal):
            value["refused"] = f"cannot say: {str(row.answer.reason).replace('_', ' ')}"
        else:
            low, high = bounds(row.answer)
            value |= {
                "value": row.answer.value,
                "low": max(low, domain[0]),
                "high": min(high, domain[1]),
                "words": words(row.answer, row),
                "colour": colour(row.answer, row) if row.counts else MUTED,
                "counts": row.counts,
                "open_low": low < domain[0],
                "open_high": high > domain[1],
            }
        values.append(value)
    return values


def _draw(
    values: Values,
    domain: tuple[float, float],
    unit: str,
    *,
    line: float | None,
    dash: list[int],
    signed: bool = False,
    relative: bool = False,
) -> alt.LayerChart:
    height = _STEP * len(values)
    y_scale = alt.Scale(domain=[-0.62, len(values) - 0.38], reverse=True, nice=False, zero=False)
    y = alt.Y(field="row", type="quantitative", axis=None, scale=y_scale)
    axis = number_axis(domain, unit, signed=signed, relative=relative, grid=False)
    axis.labelOverlap = "parity"  # "+1 points" is long for a phone
    x = alt.X(
        field="value",
        type="quantitative",
        scale=alt.Scale(domain=list(domain), nice=False, zero=False),
        axis=axis,
    )
    low, high = alt.X(field="low", type="quantitative"), alt.X2(field="high")
    colour = alt.Color(field="colour", type="nominal", scale=None, legend=None)
    everything = alt.Chart(alt.InlineData(values=values)).encode(y=y)
    known = [value for value in values if "value" in value]
    refused = [value for value in values if "refused" in value]
    told = alt.Chart(alt.InlineData(values=known)).encode(y=y)
    tracks: Values = [{"row": value["row"], "low": domain[0], "high": domain[1]} for value in known]
    layers: list[Any] = [
        alt.Chart(alt.InlineData(values=tracks)).mark_rule(color=INK, opacity=0.14).encode(x=low, x2=high, y=y),
        everything.mark_text(align="left", dx=2, dy=-17, limit={"expr": "width - 110"}).encode(
            x=alt.value(0), text=alt.Text(field="label", type="nominal")
        ),
        told.mark_text(align="right", dy=-17, fontWeight=600).encode(
            x=alt.value("width"), text=alt.Text(field="words", type="nominal")
        ),
        told.mark_rule(strokeWidth=5, opacity=0.35, strokeCap="round").encode(x=low, x2=high, color=colour),
    ]
    for filled in (True, False):
        dots = [value for value in known if value["counts"] is filled]
        if dots:
            mark = alt.Chart(alt.InlineData(values=dots)).mark_point(filled=filled, size=85, opacity=1)
            layers.append(mark.encode(x=x, y=y, color=colour))
    for side, angle in (("low", 270), ("high", 90)):
        endless = [value for value in known if value[f"open_{side}"]]
        if endless:
            tip = alt.Chart(alt.InlineData(values=endless)).mark_point(
                shape="triangle-up", filled=True, size=60, angle=angle, opacity=1
            )
            layers.append(tip.encode(x=alt.X(field=side, type="quantitative"), y=y, color=colour))
    if line is not None:
        marks: Values = [{"line": line, "top": v["row"] - 0.2, "bottom": v["row"] + 0.2} for v in known]
        layers.insert(
            1,
            alt.Chart(alt.InlineData(values=marks))
            .mark_rule(color=INK, opacity=0.65, strokeDash=dash)
            .encode(
                x=alt.X(field="line", type="quantitative"),
                y=alt.Y(field="top", type="quantitative", axis=None, scale=y_scale),
                y2=alt.Y2(field="bottom"),
            ),
        )
    if refused:
        words = alt.Chart(alt.InlineData(values=refused)).mark_text(align="left", dx=2, fontStyle="italic", opacity=0.8)
        layers.append(words.encode(x=alt.value(0), y=y, text=alt.Text(field="refused", type="nominal")))
    return alt.LayerChart(layer=layers).properties(height=height)


def _summary(values: Values) -> str:
    said = [f"{value['label']}: {value.get('words') or value.get('refused')}" for value in values[:6]]
    more = f"; and {len(values) - 6:,} more" if len(values) > 6 else ""
    return f"{'; '.join(said)}{more}."
