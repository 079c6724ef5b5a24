"""A panel of metrics as a picture: courses where a grain was asked, dots by dimension where not."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import altair as alt

from metricstack.charts.dots import interval_dots
from metricstack.charts.notebook import Picture, finished
from metricstack.charts.rows import Point, Row, guard
from metricstack.charts.trend import MOST_SERIES, trend, trends
from metricstack.charts.words import chart_words
from metricstack.core.values import Estimate, Finding

if TYPE_CHECKING:
    from metricstack.metrics.panel import MetricPanel

__all__ = ["chart_panel", "period_start"]

_MOST_PICTURES = 12


def chart_panel(panel: "MetricPanel") -> Picture:
    """Draw a panel: a course with its band per metric, or dots with intervals by dimension.

    Up to four groups share one frame; more stand each in their own, up to twelve, those with most data first.

    Args:
        panel: The metrics evaluated.

    Returns:
        An Altair chart; an empty panel and a metric without a number are said in words.
    """
    metrics: dict[str, list[Finding]] = {}
    for finding in panel.findings:
        metrics.setdefault(finding.subject, []).append(finding)
    if not metrics:
        return chart_words("Nothing was asked, so there is nothing to draw.")
    guard(panel.findings, "findings")
    pictures: list[Picture] = [
        picture
        for metric, findings in metrics.items()
        for picture in (_courses(panel, metric, findings) if panel.grain else [_dots(panel, metric, findings)])
    ]
    left_out = len(pictures) - _MOST_PICTURES
    pictures = pictures[:_MOST_PICTURES]
    if left_out > 0:
        pictures.append(chart_words(f"{left_out:,} more are not drawn; to_pandas() has them all."))
    if len(pictures) == 1:
        return pictures[0]
    titles = [_title(panel, metric) for metric in metrics]
    return finished(
        alt.concat(*pictures, columns=2), title="", summary=f"{len(pictures):,} pictures: {', '.join(titles)}."
    )


def _title(panel: "MetricPanel", metric: str) -> str:
    definition = panel.definitions.get(metric)
    return (definition.title or metric) if definition is not None else metric


def _facts(panel: "MetricPanel", metric: str, findings: Sequence[Finding]) -> tuple[str, str, float | None]:
    """Return a metric's unit, as its answers have it, its direction of good and its target."""
    definition = panel.definitions.get(metric)
    known = next((finding.answer.unit for finding in findings if isinstance(finding.answer, Estimate)), None)
    unit = known or (definition.unit if definition is not None else "1")
    return (unit, "", None) if definition is None else (unit, str(definition.better), panel.levels(metric).target)


def _group(finding: Finding) -> str:
    return " · ".join(str(value) for name, value in finding.where if name != "period")


def _dots(panel: "MetricPanel", metric: str, findings: Sequence[Finding]) -> Any:
    unit, better, target = _facts(panel, metric, findings)
    title = _title(panel, metric)
    rows = [Row(_group(finding) or "all", finding.answer) for finding in findings]
    if panel.by:
        title = f"{title} by {', '.join(name.replace('_', ' ') for name in panel.by)}"
    return interval_dots(rows, unit, title=title, better=better, target=target)


def _courses(panel: "MetricPanel", metric: str, findings: Sequence[Finding]) -> list[Any]:
    unit, better, target = _facts(panel, metric, findings)
    title = _title(panel, metric)
    each = f"{panel.grain}s"
    series: dict[str, list[Point]] = {}
    for finding in findings:
        series.setdefault(_group(finding), []).append(Point(period_start(finding), finding.answer))
    if len(series) <= MOST_SERIES:
        return [trends(series, unit, title=title, better=better, target=target, each=each)]
    ranked: Mapping[str, Sequence[Point]] = dict(sorted(series.items(), key=lambda item: -_weight(item[1])))
    return [
        trend(points, unit, title=f"{title}, {name}", better=better, target=target, each=each)
        for name, points in ranked.items()
    ]


def _weight(points: Sequence[Point]) -> int:
    return sum(point.answer.n for point in points if isinstance(point.answer, Estimate))


def period_start(finding: Finding) -> date | datetime:
    """Return when a finding's period begins: on the reporting calendar where it is named by date, else in UTC.

    A finding without a period is given the first instant there is, so that it is drawn and not lost.

    Example:
        >>> answer = Estimate(1, unit="count", n=1, method="census")
        >>> period_start(Finding("", answer, where=(("period", "2026-07"),)))
        datetime.date(2026, 7, 1)
    """
    name = dict(finding.where).get("period", "")
    for text in (name, f"{name}-01"):
        try:
            return date.fromisoformat(text) if len(text) <= 10 else datetime.fromisoformat(text)
        except ValueError:
            continue
    window = finding.provenance.window
    return window.start if window is not None else datetime.min.replace(tzinfo=UTC)
