"""What happened when, and for how long: one labelled bar per incident."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import altair as alt

from metricstack.charts.axes import time_axis
from metricstack.charts.notebook import finished
from metricstack.charts.rows import Span, Values, guard, instant
from metricstack.charts.theme import ACCENT, COLOURS
from metricstack.charts.words import chart_words
from metricstack.core.units import write
from metricstack.core.windows import Window

__all__ = ["timeline"]

_MOST = 20
_STEP = 34


def timeline(spans: Sequence[Span], *, window: Window, title: str = "") -> alt.LayerChart | alt.Chart:
    """Draw what lasted within a window, in order of start; the longest where there are too many.

    Args:
        spans: Incidents with start and end; one without an end is drawn to the window's end and called open.
        window: What the picture covers; spans wholly outside are left out.
        title: What is shown.

    Returns:
        A chart; words where nothing happened.
    """
    guard(spans, "spans")
    inside = [s for s in spans if s.start < window.end and (s.end is None or s.end >= window.start)]
    if not inside:
        return chart_words(f"Nothing happened in {window}.", title=title)
    longest = sorted(inside, key=lambda span: -_seconds(span, window))[:_MOST]
    shown = sorted(longest, key=lambda span: (span.start, span.label))
    kinds = list(dict.fromkeys(span.kind for span in shown))
    values: Values = []
    for index, span in enumerate(shown):
        values.append(
            {
                "row": index,
                "label": span.label,
                "kind": span.kind,
                "start": instant(max(span.start, window.start)),
                "end": instant(min(span.end or window.end, window.end)),
                "words": write(_seconds(span, window), "s") if span.end else "open",
            }
        )
    x_scale = alt.Scale(type="utc", domain=[instant(window.start), instant(window.end)], nice=False)
    x = alt.X(field="start", type="temporal", scale=x_scale, axis=time_axis([window.start, window.end]))
    y_scale = alt.Scale(domain=[-0.62, len(values) - 0.38], reverse=True, nice=False, zero=False)
    y = alt.Y(field="row", type="quantitative", axis=None, scale=y_scale)
    base = alt.Chart(alt.InlineData(values=values)).encode(y=y)
    bars: Any = base.mark_rule(strokeWidth=7, strokeCap="round").encode(x=x, x2=alt.X2(field="end"))
    colour = alt.Color(
        field="kind",
        type="nominal",
        scale=alt.Scale(domain=kinds, range=[COLOURS[index % len(COLOURS)] for index in range(len(kinds))]),
        legend=alt.Legend(symbolType="stroke", symbolStrokeWidth=6) if len(kinds) > 1 else None,
    )
    bars = bars.encode(color=colour) if len(kinds) > 1 else bars.encode(color=alt.value(ACCENT))
    label = base.mark_text(align="left", dx=2, dy=-14, limit={"expr": "width - 80"})
    length = base.mark_text(align="right", dy=-14, fontWeight=600)
    chart = alt.LayerChart(
        layer=[
            bars,
            label.encode(x=alt.value(0), text=alt.Text(field="label", type="nominal")),
            length.encode(x=alt.value("width"), text=alt.Text(field="words", type="nominal")),
        ],
    ).properties(height=_STEP * len(values))
    left_out = f"{len(shown):,} of {len(inside):,} shown, the longest" if len(inside) > len(shown) else ""
    said = "; ".join(f"{value['label']}: {value['words']}" for value in values[:6])
    return finished(chart, title=title, subtitle=[left_out], summary=f"{len(inside):,} in {window}. {said}.")


def _seconds(span: Span, window: Window) -> float:
    end: datetime = span.end or window.end
    return (end - span.start).total_seconds()
