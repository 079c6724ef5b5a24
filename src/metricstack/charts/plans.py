"""A picture of a plan: the smallest effect that is seen, day by day, against the one that matters."""

from typing import TYPE_CHECKING, Any

import altair as alt

from metricstack.charts.axes import number_axis
from metricstack.charts.notebook import Picture, finished
from metricstack.charts.rows import Values
from metricstack.charts.theme import ACCENT, GOOD, INK
from metricstack.charts.words import chart_words
from metricstack.core.units import write
from metricstack.core.values import Refusal
from metricstack.experiments.prospect import Needed

if TYPE_CHECKING:
    from metricstack.experiments.prospect import ExperimentPlan, MetricPlan

__all__ = ["chart_plan"]

_HEIGHT = 170
_FIRST = 7  # days: before a week is over nothing is read


def chart_plan(plan: "ExperimentPlan", *, title: str = "") -> Picture:
    """Draw what can be seen of each metric against days: solid as far as the past was read, dashed beyond.

    Args:
        plan: The plan.
        title: What is shown; empty for the experiment.
    """
    given, title = title, title or f"{plan.key}: what can be seen, by days"
    shown = [one for one in plan.metrics if one.course]
    if not shown:
        refusal = next(one.baseline for one in plan.metrics if isinstance(one.baseline, Refusal))
        return chart_words(f"Cannot say: {refusal.detail.rstrip('.')}. {refusal.remedy}".rstrip(), title=title)
    pictures: list[Any] = [_course(one, len(plan.arrivals), alone=len(shown) == 1) for one in shown]
    missing = [one.title for one in plan.metrics if not one.course]
    subtitle = [
        f"with a power of {plan.power * 100:.3g}\u00a0%; dotted: what matters",
        f"nothing is known of {', '.join(missing)}" if missing else "",
    ]
    whole = alt.concat(*pictures, columns=2) if len(pictures) > 1 else pictures[0]
    if len(pictures) == 1:
        (only,) = shown
        title = given or (_title(only) if plan.key == only.metric else f"{plan.key}: {_title(only)}")
    return finished(whole, title=title, subtitle=subtitle, summary=" ".join(_said(one) for one in shown))


def _title(one: "MetricPlan") -> str:
    if isinstance(one.needed, Needed):
        return f"{one.title}: {one.needed.days:,} days"
    return f"{one.title}: not in time" if one.needed is not None and one.target is not None else one.title


def _said(one: "MetricPlan") -> str:
    weeks = ", ".join(f"{write(one.seen(sight), one.unit)} after {sight.days} days" for sight in one.weeks)
    target = "" if one.target is None else f" (what matters: {write(one.target, one.unit)})"
    return f"{_title(one)}{target}; seen: {weeks}."


def _course(one: "MetricPlan", known: int, *, alone: bool) -> alt.LayerChart:
    points = [sight for sight in one.course if sight.days >= _FIRST]
    last = points[-1].days
    top = max([one.seen(points[0]), one.target or 0.0]) * 1.08
    domain = (0.0, top)
    values: Values = [{"day": sight.days, "seen": one.seen(sight), "known": sight.days <= known} for sight in points]
    beyond = [value for value in values if value["day"] >= known]
    x = alt.X(
        field="day", type="quantitative", scale=alt.Scale(domain=[_FIRST, last], nice=False, zero=False),
        axis=_days_axis(last),
    )  # fmt: skip
    y = alt.Y(
        field="seen", type="quantitative", scale=alt.Scale(domain=list(domain), nice=False),
        axis=number_axis(domain, one.unit, count=4),
    )  # fmt: skip
    line = alt.Chart(alt.InlineData(values=[value for value in values if value["known"]]))
    layers: list[Any] = [line.mark_line(color=ACCENT).encode(x=x, y=y)]
    if len(beyond) > 1:
        dashed = alt.Chart(alt.InlineData(values=beyond)).mark_line(color=ACCENT, strokeDash=[6, 5], opacity=0.75)
        layers.append(dashed.encode(x=x, y=y))
    if one.target is not None:
        mark = alt.Chart(alt.InlineData(values=[{"seen": one.target, "words": write(one.target, one.unit)}]))
        layers.append(mark.mark_rule(color=INK, opacity=0.65, strokeDash=[1, 3], strokeCap="round").encode(y=y))
        # On the side on which the course is far from it.
        right = isinstance(one.needed, Needed) and one.needed.days - _FIRST < 0.45 * (last - _FIRST)
        words = mark.mark_text(align="right" if right else "left", dx=-2 if right else 4, dy=-8, opacity=0.85)
        layers.append(
            words.encode(x=alt.value("width" if right else 0), y=y, text=alt.Text(field="words", type="nominal"))
        )
    if isinstance(one.needed, Needed):
        there = next((value for value in values if value["day"] == one.needed.days), None)
        if there is not None:
            dot = alt.Chart(alt.InlineData(values=[there | {"words": f"{one.needed.days:,} days"}]))
            layers.append(dot.mark_point(filled=True, size=90, color=GOOD, opacity=1).encode(x=x, y=y))
    chart = alt.LayerChart(layer=layers).properties(height=_HEIGHT)
    return chart if alone else chart.properties(title=alt.TitleParams(text=_title(one), fontSize=13, frame="group"))


def _days_axis(last: int) -> alt.Axis:
    step = next(step for step in (7, 14, 28, 56) if last / step <= 7)
    ticks = list(range(_FIRST if step == 7 else step, last + 1, step))
    if ticks[0] > _FIRST:
        ticks = [_FIRST, *(tick for tick in ticks if tick - _FIRST > step * 0.45)]
    return alt.Axis(
        values=ticks, tickCount=len(ticks), title=None, grid=False, domain=True, domainColor=INK, domainOpacity=0.35,
        ticks=True, tickColor=INK, tickOpacity=0.35, tickSize=4,
        labelExpr=f"datum.value == {ticks[-1]} ? datum.value + '\u00a0days' : '' + datum.value",
    )  # fmt: skip
