"""Pictures of experiments: each metric's effect against zero, and experiments side by side."""

from typing import TYPE_CHECKING

from metricstack.charts.dots import change_dots
from metricstack.charts.notebook import Picture
from metricstack.charts.rows import Row
from metricstack.core.values import Refusal

if TYPE_CHECKING:
    from metricstack.experiments.readout import Portfolio, Reading, Readout

__all__ = ["chart_portfolio", "chart_readout"]


def chart_readout(readout: "Readout", *, title: str = "") -> Picture:
    """Draw the effect on each metric, as a part of control, in the order of the readout.

    Args:
        readout: The experiment.
        title: What is shown; empty for the experiment and its verdict.
    """
    rows = [_row(one.title, one) for one in readout.readings]
    return change_dots(rows, "fraction", relative=True, title=title or f"{readout.key}: {readout.verdict}", order=False)


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
