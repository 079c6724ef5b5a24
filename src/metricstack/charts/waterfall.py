"""Why a metric moved, as steps from before to after; changes of many metrics; error budgets that are left."""

from typing import TYPE_CHECKING, Any

import altair as alt

from metricstack.charts.axes import nice_domain, number_axis, short
from metricstack.charts.dots import change_dots, interval_dots
from metricstack.charts.notebook import Picture, finished
from metricstack.charts.rows import Row, Values
from metricstack.charts.theme import ACCENT, BAD, GOOD, INK
from metricstack.charts.words import chart_words
from metricstack.core.units import write, write_change
from metricstack.core.values import Estimate, Refusal

if TYPE_CHECKING:
    from metricstack.linkage.explain import Explained
    from metricstack.metrics.change.comparison import Comparison
    from metricstack.metrics.change.explanation import Breakdown, Explanation
    from metricstack.metrics.objectives.promise import ObjectivePanel

__all__ = ["chart_comparison", "chart_explained", "chart_explanation", "chart_objectives"]

_STEP = 40
_NAMED = 2


def chart_explained(found: "Explained") -> Picture:
    """Draw the parts of the change; what stands at its shift is told in words."""
    return chart_explanation(found.explanation)


def chart_explanation(explanation: "Explanation") -> Picture:
    """Draw the steps from before to after by the dimension that concentrates the change, its largest groups named."""
    title = f"Why {explanation.definition.title or explanation.metric} moved"
    before, after = explanation.change.before, explanation.change.after
    part = next((one for one in explanation.breakdowns if one.refusal is None), None)
    if isinstance(before, Refusal) or isinstance(after, Refusal):
        refused = before if isinstance(before, Refusal) else after
        return chart_words(f"Cannot say: {refused.detail.rstrip('.')}.", title=title)  # type: ignore[union-attr]
    if part is None:
        return chart_words("No dimension explains the change.", title=title)
    unit, at = before.unit, before.value
    values: Values = [_level(0, str(explanation.before), at, unit)]
    for kind, finding in part.parts:
        if not isinstance(finding.answer, Estimate) or finding.answer.value == 0:
            continue
        step = finding.answer.value
        colour = _colour(step, str(explanation.definition.better))
        said = write_change(0.0, step, unit).partition(" per ")[0]
        values.append(
            {"row": len(values), "label": _label(part, kind), "low": min(at, at + step), "high": max(at, at + step),
             "words": said, "colour": colour}
        )  # fmt: skip
        at += step
    values.append(_level(len(values), str(explanation.after), after.value, unit))
    domain = nice_domain([value[side] for value in values for side in ("low", "high")])
    y_scale = alt.Scale(domain=[-0.62, len(values) - 0.38], reverse=True, nice=False, zero=False)
    y = alt.Y(field="row", type="quantitative", axis=None, scale=y_scale)
    scale = alt.Scale(domain=list(domain), nice=False, zero=False)
    axis = number_axis(domain, unit, grid=False)
    x, x2 = alt.X(field="low", type="quantitative", scale=scale, axis=axis), alt.X2(field="high")
    colour_of = alt.Color(field="colour", type="nominal", scale=None, legend=None)
    everything = alt.Chart(alt.InlineData(values=values)).encode(y=y)
    levels = [value for value in values if value["low"] == value["high"]]
    steps = [value for value in values if value["low"] != value["high"]]
    layers: list[Any] = [
        everything.mark_text(align="left", dx=2, dy=-18, limit={"expr": "width - 110"}).encode(
            x=alt.value(0), text=alt.Text(field="label", type="nominal")
        ),
        everything.mark_text(align="right", dy=-18, fontWeight=600).encode(
            x=alt.value("width"), text=alt.Text(field="words", type="nominal")
        ),
        alt.Chart(alt.InlineData(values=levels)).mark_tick(thickness=3, size=16, color=INK).encode(x=x, y=y),
    ]
    if steps:
        bars = alt.Chart(alt.InlineData(values=steps)).mark_bar(size=12)
        layers.append(bars.encode(x=x, x2=x2, y=y, color=colour_of))
    chart = alt.LayerChart(layer=layers).properties(height=_STEP * len(values))
    said = "; ".join(f"{value['label']}: {value['words']}" for value in values)
    return finished(chart, title=title, subtitle=[f"by {part.name}"], summary=f"{said}.")


def _level(row: int, label: str, value: float, unit: str) -> dict[str, Any]:
    return {"row": row, "label": label, "low": value, "high": value, "words": short(value, unit), "colour": INK}


def _colour(step: float, better: str) -> str:
    if better not in ("higher", "lower"):
        return ACCENT
    return GOOD if (step > 0) == (better == "higher") else BAD


def _label(part: "Breakdown", kind: str) -> str:
    sizes = [
        (group.name, abs(finding.answer.value))
        for group in part.groups
        for name, finding in group.parts
        if name == kind and isinstance(finding.answer, Estimate)
    ]
    names = [name for name, _ in sorted(sizes, key=lambda one: -one[1])[:_NAMED]]
    return f"{kind}: {', '.join(names)}{', …' if len(sizes) > len(names) else ''}" if names else kind


def chart_comparison(comparison: "Comparison") -> Picture:
    """Draw the differences with their corrected intervals against zero, one picture per unit."""
    title = f"Change from {comparison.before} to {comparison.after}"
    answered = [row for row in comparison if isinstance(row.change.difference, Estimate)]
    if not answered:
        return chart_words("None of the changes can be said.", title=title)
    units = dict.fromkeys(row.change.difference.unit for row in answered if isinstance(row.change.difference, Estimate))
    pictures: list[Any] = []
    for unit in units:
        rows = [
            Row(f"{row.name}{' (exploratory)' if row.exploratory else ''}", row.change.difference, row.change.better)
            for row in answered
            if isinstance(row.change.difference, Estimate) and row.change.difference.unit == unit
        ]
        pictures.append(change_dots(rows, unit, title="" if pictures else title))
    if len(pictures) == 1:
        return pictures[0]  # type: ignore[no-any-return]
    return finished(alt.vconcat(*pictures), title="", summary=f"{title}: {len(answered):,} comparisons.")


def chart_objectives(panel: "ObjectivePanel") -> Picture:
    """Draw the share of each error budget that is left, with its interval."""
    rows = [Row(f"{kept.title} ({write(kept.objective.target, 'fraction')})", kept.left.answer) for kept in panel]
    return interval_dots(rows, "fraction", title="Error budget left", better="higher", order=False)
