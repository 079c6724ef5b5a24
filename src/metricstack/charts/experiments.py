"""Pictures of experiments: each metric's effect against zero, and experiments side by side."""

from itertools import accumulate
from typing import TYPE_CHECKING

from metricstack.charts.dots import change_dots
from metricstack.charts.notebook import Picture
from metricstack.charts.rows import Point, Row
from metricstack.charts.trend import trends
from metricstack.charts.words import chart_words
from metricstack.core.values import Answer, Estimate, Refusal

if TYPE_CHECKING:
    from metricstack.experiments.effect import Effect
    from metricstack.experiments.over_time import OverTime
    from metricstack.experiments.reading import Reading
    from metricstack.experiments.readout import Portfolio, Readout, Split
    from metricstack.experiments.segments import Segmented, Segments

__all__ = [
    "chart_over_time",
    "chart_portfolio",
    "chart_readout",
    "chart_segmented",
    "chart_segments",
    "chart_split",
]


def chart_readout(readout: "Readout", *, title: str = "") -> Picture:
    """Draw the effect on each metric, as a part of control, in the order of the readout.

    Args:
        readout: The experiment.
        title: What is shown; empty for the experiment and its verdict.
    """
    rows = [_row(one.title, one) for one in readout.readings]
    return change_dots(rows, "fraction", relative=True, title=title or f"{readout.key}: {readout.verdict}", order=False)


def chart_segments(found: "Segments", *, title: str = "") -> Picture:
    """Draw the effect in each segment, as a part of control where that can be told.

    Args:
        found: The segments, by dimension.
        title: What is shown.
    """
    parts = [(one, part) for one in found for part in one.parts]
    if not parts:
        return chart_words(f"For whom: {found.why}.", title=title)
    whole = all(isinstance(part.relative, Refusal) for _, part in parts)
    told = [(f"{one.dimension.replace('_', ' ')}: {part.value}", part.effect if whole else part.relative, one.better)
            for one, part in parts]  # fmt: skip
    unit = next((effect.unit for _, effect, _ in told if not isinstance(effect, Refusal)), "1")
    rows = [
        Row(label, effect if isinstance(effect, Refusal) else effect.estimate, better) for label, effect, better in told
    ]
    return change_dots(rows, unit, relative=not whole, title=title or parts[0][0].title, order=False)


def chart_segmented(found: "Segmented", *, title: str = "") -> Picture:
    """Draw the effect in each segment of one dimension; see `chart_segments`."""
    from metricstack.experiments.segments import Segments

    return chart_segments(Segments((found,)), title=title or f"{found.title} by {found.dimension.replace('_', ' ')}")


def chart_split(found: "Split", *, title: str = "") -> Picture:
    """Draw how many units each arm had, day by day.

    Args:
        found: The split.
        title: What is shown.
    """
    days = sorted(found.by_day)
    if not days:
        return chart_words("No unit has been exposed yet.", title=title)
    sums = {arm: list(accumulate([found.by_day[day].get(arm, 0) for day in days])) for arm in found.arms}
    points = {
        arm: [Point(day, Estimate(n, "count", n, "census")) for day, n in zip(days, counts, strict=True)]
        for arm, counts in sums.items()
    }
    return trends(points, "count", title=title or "Units exposed so far", each="days")


def chart_over_time(found: "OverTime", *, title: str = "") -> Picture:
    """Draw the effect in each stretch of days since exposure, the first on top.

    Args:
        found: The effect over time.
        title: What is shown.
    """
    told = [(one.label, one.effect) for one in found.stretches]
    unit = next((one.unit for _, one in told if not isinstance(one, Refusal)), "1")
    rows = [Row(label, _answer(one), found.better) for label, one in told]
    return change_dots(rows, unit, title=title or f"{found.title} by days since exposure", order=False)


def chart_portfolio(portfolio: "Portfolio", *, title: str = "") -> Picture:
    """Draw the effect of each experiment on its primary metric, as a part of control.

    Args:
        portfolio: The experiments.
        title: What is shown.
    """
    rows = [_row(f"{one.key}: {one.primary.title}, {one.verdict}", one.primary) for one in portfolio.readouts]
    return change_dots(rows, "fraction", relative=True, title=title or "Effect on the primary metric", order=False)


def _row(label: str, reading: "Reading") -> Row:
    return Row(label, _answer(reading.relative), reading.better)


def _answer(effect: "Effect | Refusal") -> Answer:
    return effect if isinstance(effect, Refusal) else effect.estimate
