"""A course over time: line, interval band, target, and a word on every period that has no number."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

import altair as alt

from metricstack.charts.axes import nice_domain, number_axis, short, time_axis
from metricstack.charts.notebook import finished
from metricstack.charts.rows import Point, Values, bounds, guard, instant, refused_words
from metricstack.charts.theme import ACCENT, COLOURS, INK, MUTED
from metricstack.charts.words import chart_words
from metricstack.core.units import write
from metricstack.core.values import Estimate, Refusal

__all__ = ["MOST_SERIES", "trend", "trends"]

# Beyond four lines nobody tells labels and bands apart: small multiples then.
MOST_SERIES = 4
_HEIGHT = 180
_LABEL_STEP = 15


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
        detail = f" {next(a.detail for a in answers if isinstance(a, Refusal)).rstrip('.')}." if answers else ""
        return chart_words(f"{said or 'Nothing was measured'}.{detail}", title=title)
    domain = domain or _domain(estimates, target)
    moments = [_moment(point.at) for points in runs.values() for point in points]
    days = (max(moments) - min(moments)).total_seconds() / 86400
    values, crosses = _values(runs, domain)
    largest = max(abs(domain[0]), abs(domain[1]))
    x = alt.X(field="at", type="temporal", scale=alt.Scale(type="utc"), axis=time_axis(days))
    y = alt.Y(
        field="value",
        type="quantitative",
        scale=alt.Scale(domain=list(domain), nice=False, zero=False),
        axis=number_axis(largest, unit),
    )
    colour = alt.Color(
        field="series", type="nominal", legend=None, scale=alt.Scale(domain=list(runs), range=_colours(runs))
    )
    base = alt.Chart(alt.Data(values=values)).encode(x=x, color=colour, detail=alt.Detail(field="run", type="nominal"))
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
        cross = alt.Chart(alt.Data(values=crosses)).mark_point(shape="cross", angle=45, size=26, color=MUTED, opacity=1)
        layers.append(cross.encode(x=x, y=alt.value(_HEIGHT - 6)))
    if target is not None:
        layers += _target(target, unit)
    layers.append(_ends(runs, unit, domain, x, colour))
    chart = alt.layer(*layers).properties(height=_HEIGHT)
    return finished(chart, title=title, subtitle=_subtitle(unit, better, said), summary=_summary(runs, said))


def _moment(at: date | datetime) -> datetime:
    if isinstance(at, datetime):
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    return datetime.combine(at, time(), UTC)


def _colours(runs: Mapping[str, Any]) -> list[str]:
    return [ACCENT] if len(runs) == 1 else [COLOURS[index % len(COLOURS)] for index in range(len(runs))]


def _domain(estimates: Sequence[Estimate], target: float | None) -> tuple[float, float]:
    numbers = [number for answer in estimates for number in (answer.value, *bounds(answer)) if math.isfinite(number)]
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


def _target(target: float, unit: str) -> list[Any]:
    rows: Values = [{"target": target, "words": f"target {short(target, unit)}"}]
    base = alt.Chart(alt.Data(values=rows)).encode(y=alt.Y(field="target", type="quantitative"))
    return [
        base.mark_rule(strokeDash=[4, 4], color=INK, opacity=0.6),
        base.mark_text(align="left", dx=2, dy=-7, opacity=0.85).encode(
            x=alt.value(0), text=alt.Text(field="words", type="nominal")
        ),
    ]


def _ends(
    runs: Mapping[str, Sequence[Point]], unit: str, domain: tuple[float, float], x: alt.X, colour: alt.Color
) -> Any:
    """Name each course at its end, pushing names apart where the ends meet."""
    ends: Values = []
    for name, points in runs.items():
        last = next((p for p in reversed(points) if isinstance(p.answer, Estimate)), None)
        if last is not None:
            assert isinstance(last.answer, Estimate)
            number = short(last.answer.value, unit)
            ends.append(
                {
                    "at": instant(last.at),
                    "series": name,
                    "label": last.answer.value,
                    "words": f"{name} {number}" if name else number,
                }
            )
    latest = max(row["at"] for row in ends)
    step = _LABEL_STEP * (domain[1] - domain[0]) / _HEIGHT
    ends.sort(key=lambda row: row["label"])
    for row, above in zip(ends[1:], ends[:-1], strict=True):
        row["label"] = max(row["label"], above["label"] + step)
    for row in ends:
        row["at"] = latest
    text = alt.Chart(alt.Data(values=ends)).mark_text(align="left", dx=8, fontWeight=600, limit=150)
    encoded = text.encode(
        x=x, y=alt.Y(field="label", type="quantitative"), text=alt.Text(field="words", type="nominal")
    )
    return encoded.encode(color=colour) if len(runs) > 1 else encoded


def _subtitle(unit: str, better: str, said: str) -> list[str]:
    below = unit.partition("/")[2]
    facts = [f"per {below}" if below else "", f"{better} is better" if better in ("higher", "lower") else ""]
    return [", ".join(fact for fact in facts if fact), said]


def _summary(runs: Mapping[str, Sequence[Point]], said: str) -> str:
    parts = []
    for name, points in runs.items():
        known = [p.answer for p in points if isinstance(p.answer, Estimate)]
        if not known:
            continue
        first, last = (write(answer.value, answer.unit) for answer in (known[0], known[-1]))
        parts.append(f"{name + ': ' if name else ''}{first} first, {last} last, {len(known):,} points.")
    return " ".join([*parts, f"{said}." if said else ""]).strip()
