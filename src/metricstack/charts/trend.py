"""A course over time: line, interval band, target, and a word on every period that has no number."""

import itertools
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

import altair as alt

from metricstack.charts.axes import nice_domain, number_axis, short, time_axis
from metricstack.charts.notebook import finished
from metricstack.charts.rows import Point, Values, all_refused, bounds, facts, guard, in_sight, instant, refused_words
from metricstack.charts.theme import ACCENT, COLOURS, INK
from metricstack.charts.words import chart_words
from metricstack.core.units import write
from metricstack.core.values import Estimate, Refusal

__all__ = ["MOST_SERIES", "trend", "trends"]

# Beyond four lines nobody tells labels and bands apart: small multiples then.
MOST_SERIES = 4
_HEIGHT = 180
_LABEL_STEP = 31


def trend(
    points: Sequence[Point],
    unit: str,
    *,
    target: float | None = None,
    title: str = "",
    better: str = "",
    each: str = "periods",
    domain: tuple[float, float] | None = None,
) -> alt.LayerChart | alt.Chart:
    """Draw one course with its interval band, its last value and its target.

    Args:
        points: Answers in time, in any order; refusals leave a gap, a small cross and words.
        unit: Their unit.
        target: A number to hold the course against, in that unit.
        title: What is shown.
        better: ``"higher"`` or ``"lower"``, said under the title.
        each: What a point stands for, for the words: ``"weeks"``.
        domain: Limits of the value axis, where several pictures share them.

    Returns:
        A chart, or words where no point has a number.
    """
    return trends({"": points}, unit, target=target, title=title, better=better, each=each, domain=domain)


def trends(
    series: Mapping[str, Sequence[Point]],
    unit: str,
    *,
    target: float | None = None,
    title: str = "",
    better: str = "",
    each: str = "periods",
    domain: tuple[float, float] | None = None,
) -> alt.LayerChart | alt.Chart:
    """Draw up to a handful of courses in one frame, each named at its end; see `trend`."""
    runs = {name: sorted(points, key=lambda point: _moment(point.at)) for name, points in series.items()}
    answers = [point.answer for points in runs.values() for point in points]
    guard(answers, "points")
    said = refused_words(answers, each)
    estimates = [answer for answer in answers if isinstance(answer, Estimate)]
    if not estimates:
        return chart_words(all_refused(answers, each) if answers else "Nothing was measured.", title=title)
    seen = in_sight(target, _finite(estimates))
    domain = domain or _domain(estimates, seen)
    moments = [_moment(point.at) for points in runs.values() for point in points]
    values, crosses = _values(runs, domain)
    x = alt.X(field="at", type="temporal", scale=alt.Scale(type="utc"), axis=time_axis(moments, mark_each=True))
    y = alt.Y(
        field="value",
        type="quantitative",
        scale=alt.Scale(domain=list(domain), nice=False, zero=False),
        axis=number_axis(domain, unit),
    )
    colour = alt.Color(
        field="series", type="nominal", legend=None, scale=alt.Scale(domain=list(runs), range=_colours(runs))
    )
    base = alt.Chart(alt.InlineData(values=values)).encode(
        x=x, color=colour, detail=alt.Detail(field="run", type="nominal")
    )
    layers: list[Any] = [
        base.mark_area(opacity=0.2 if len(runs) == 1 else 0.12, line=False).encode(
            y=alt.Y(field="low", type="quantitative"), y2=alt.Y2(field="high")
        ),
        base.mark_line().encode(y=y),
    ]
    if len(values) <= 60 * len(runs):
        layers.append(base.mark_point(filled=True, opacity=1, size=22).encode(y=y))
    if len(values) <= 4 * len(runs):
        layers.append(
            base.mark_rule(strokeWidth=2, opacity=0.5).encode(
                y=alt.Y(field="low", type="quantitative"), y2=alt.Y2(field="high")
            )
        )
    if crosses:
        cross = alt.Chart(alt.InlineData(values=crosses)).mark_text(text="×", fontSize=15, opacity=0.7)
        layers.append(cross.encode(x=x, y=alt.value(_HEIGHT - 7)))
    if seen is not None and domain[0] <= seen <= domain[1]:
        line = alt.Chart(alt.InlineData(values=[{"target": seen}])).mark_rule(
            strokeDash=[4, 4], color=INK, opacity=0.65
        )
        layers.append(line.encode(y=alt.Y(field="target", type="quantitative")))
    layers += _ends(runs, unit, domain, x, colour)
    chart = alt.LayerChart(layer=layers).properties(height=_HEIGHT)
    return finished(
        chart,
        title=title,
        subtitle=[facts(unit, better, target, drawn=seen is not None), said],
        summary=_summary(runs, said),
    )


def _moment(at: date | datetime) -> datetime:
    if isinstance(at, datetime):
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    return datetime.combine(at, time(), UTC)


def _colours(runs: Mapping[str, Any]) -> list[str]:
    return [ACCENT] if len(runs) == 1 else [COLOURS[index % len(COLOURS)] for index in range(len(runs))]


def _finite(estimates: Sequence[Estimate]) -> list[float]:
    return [number for answer in estimates for number in (answer.value, *bounds(answer)) if math.isfinite(number)]


def _domain(estimates: Sequence[Estimate], target: float | None) -> tuple[float, float]:
    numbers = _finite(estimates)
    low, high = nice_domain(numbers + ([] if target is None else [target]))
    if min(numbers) >= 0 and (target is None or target >= 0):
        low = max(low, 0.0)
    if estimates[0].unit in ("fraction", "score") and max(numbers) <= 1:
        high = min(high, 1.0) if high - low > 0.02 else high
    return low, high


def _values(runs: Mapping[str, Sequence[Point]], domain: tuple[float, float]) -> tuple[Values, Values]:
    """Return the rows to draw and the instants without a number; a gap starts a new ``run`` of the line."""
    values: Values = []
    crosses: Values = []
    run = 0
    for name, points in runs.items():
        run += 1
        for point in points:
            if isinstance(point.answer, Refusal):
                crosses.append({"at": instant(point.at)})
                run += 1
                continue
            low, high = (min(max(bound, domain[0]), domain[1]) for bound in bounds(point.answer))
            values.append(
                {
                    "at": instant(point.at),
                    "series": name,
                    "run": run,
                    "value": point.answer.value,
                    "low": low,
                    "high": high,
                }
            )
    return values, crosses


def _ends(
    runs: Mapping[str, Sequence[Point]], unit: str, domain: tuple[float, float], x: alt.X, colour: alt.Color
) -> list[Any]:
    """Name each course at its end, with a dot of its colour; names are pushed apart where ends meet."""
    ends: Values = []
    for name, points in runs.items():
        last = next((p for p in reversed(points) if isinstance(p.answer, Estimate)), None)
        if last is not None:
            assert isinstance(last.answer, Estimate)
            number = short(last.answer.value, unit)
            words = f"{name}\n{number}" if name else number
            ends.append({"at": instant(last.at), "series": name, "label": last.answer.value, "words": words})
    latest = max(row["at"] for row in ends)
    for row in ends:
        row["at"] = latest
    ends.sort(key=lambda row: row["label"])
    _push_apart(ends, _LABEL_STEP * (domain[1] - domain[0]) / _HEIGHT, domain)
    y = alt.Y(field="label", type="quantitative")
    several = len(runs) > 1
    base = alt.Chart(alt.InlineData(values=ends))
    text = base.mark_text(
        align="left", dx=20 if several else 8, dy=-7 if several else 0, fontWeight=600, limit=110, lineBreak="\n"
    )
    layers: list[Any] = [text.encode(x=x, y=y, text=alt.Text(field="words", type="nominal"))]
    if several:
        dot = base.mark_text(text="●", align="left", dx=7, dy=-7)
        layers.append(dot.encode(x=x, y=y, color=colour))
    return layers


def _push_apart(ends: Values, step: float, domain: tuple[float, float]) -> None:
    """Move labels up until none meets the one below, then all down if the stack left the frame."""
    for below, row in itertools.pairwise(ends):
        row["label"] = max(row["label"], below["label"] + step)
    above = domain[1]
    for row in reversed(ends):
        row["label"] = min(row["label"], above)
        above = row["label"] - step


def _summary(runs: Mapping[str, Sequence[Point]], said: str) -> str:
    parts = []
    for name, points in runs.items():
        known = [p.answer for p in points if isinstance(p.answer, Estimate)]
        if not known:
            continue
        first, last = (write(answer.value, answer.unit) for answer in (known[0], known[-1]))
        told = f"{first} first, {last} last, {len(known):,} points" if len(known) > 1 else first
        parts.append(f"{name + ': ' if name else ''}{told}.")
    return " ".join([*parts, f"{said}." if said else ""]).strip()
