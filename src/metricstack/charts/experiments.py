"""Pictures of experiments: each metric's effect against zero, and experiments side by side."""

from typing import TYPE_CHECKING

from metricstack.charts.dots import change_dots
from metricstack.charts.notebook import Picture
from metricstack.charts.rows import Row
from metricstack.core.values import Refusal

if TYPE_CHECKING:
    from metricstack.experiments.over_time import OverTime
    from metricstack.experiments.reading import Reading
    from metricstack.experiments.readout import Portfolio, Readout
    from metricstack.experiments.segments import Segmented

__all__ = ["chart_over_time", "chart_portfolio", "chart_readout", "chart_segments"]


def chart_readout(readout: "Readout", *, title: str = "") -> Picture:
    """Draw the effect on each metric, as a part of control, in the order of the readout.

    Args:
        readout: The experiment.
        title: What is shown; empty for the experiment and its verdict.
    """
    rows = [_row(one.title, one) for one in readout.readings]
    return change_dots(rows, "fraction", relative=True, title=title or f"{readout.key}: {readout.verdict}", order=False)


def chart_segments(found: "Segmented", *, title: str = "") -> Picture:
    """Draw the effect in each segment, as a part of control where that can be told.

    Args:
        found: The segments.
        title: What is shown.
    """
    whole = all(isinstance(part.relative, Refusal) for part in found.parts)
    told = [(part.value, part.effect if whole else part.relative) for part in found.parts]
    unit = next((one.unit for _, one in told if not isinstance(one, Refusal)), "1")
    rows = [Row(label, one if isinstance(one, Refusal) else one.estimate, found.better) for label, one in told]
    name = title or f"{found.title} by {found.dimension.replace('_', ' ')}"
    return change_dots(rows, unit, relative=not whole, title=name, order=False)


def chart_over_time(found: "OverTime", *, title: str = "") -> Picture:
    """Draw the effect in each stretch of days since exposure, the first on top.

    Args:
        found: The effect over time.
        title: What is shown.
    """
    told = [(one.label, one.effect) for one in found.stretches]
    unit = next((one.unit for _, one in told if not isinstance(one, Refusal)), "1")
    rows = [Row(label, one if isinstance(one, Refusal) else one.estimate, found.better) for label, one in told]
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
    answer = reading.relative if isinstance(reading.relative, Refusal) else reading.relative.estimate
    return Row(label, answer, reading.better)
