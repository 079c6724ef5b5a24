"""One of every picture, with the hard cases in them, for the tests that hold for all."""

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from metricstack import charts
from metricstack.core.values import Estimate, Finding, Reason, Refusal
from metricstack.core.windows import Window
from metricstack.metrics.model import Definition, Levels
from metricstack.metrics.panel import MetricPanel

HOSTILE = "<script>alert(1)</script>"
MONEY = "$1 and $2"
LONG = "a very long name " * 20
QUARTER = Window(datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC), name="2026Q3")
WEEKS = [date(2026, 7, 6) + timedelta(weeks=week) for week in range(13)]
REFUSED = Refusal(Reason.NO_DATA, "no rows in this week", "Load requests.")


def around(value: float, half: float, unit: str = "s") -> Estimate:
    return Estimate(value, unit=unit, n=100, method="mean", low=value - half, high=value + half, level=0.95)


def definition(metric: str, unit: str = "s", target: float | None = None) -> Definition:
    tree: Any = None
    title = metric.replace("_", " ").capitalize()
    return Definition(metric, title, "", "", tree, unit, better="lower", levels=Levels(target))  # type: ignore[arg-type]


def panel(findings: list[Finding], definitions: list[Definition], **facts: Any) -> MetricPanel:
    return MetricPanel(tuple(findings), {d.id: d for d in definitions}, QUARTER, **facts)


def weekly(metric: str, value: float, half: float, unit: str = "s", **where: str) -> list[Finding]:
    return [
        Finding(
            metric,
            around(value * (1 + 0.02 * (week % 5)), half, unit) if week not in (4, 5) else REFUSED,
            subject=metric,
            where=(*where.items(), ("period", day.isoformat())),
        )
        for week, day in enumerate(WEEKS)
    ]


def _gallery() -> dict[str, Callable[[], Any]]:
    points = [charts.Point(day, around(4 + week / 9, 0.3)) for week, day in enumerate(WEEKS)]
    points[4] = charts.Point(WEEKS[4], REFUSED)
    rows = [
        charts.Row(HOSTILE, around(4.2, 0.2)),
        charts.Row(LONG, around(3.2, 0.4), "lower"),
        charts.Row(MONEY, Estimate(3.5, unit="s", n=9, method="AR", low=3.1, high=math.inf, level=0.95), "higher"),
        charts.Row("open below", Estimate(3.5, unit="s", n=9, method="AR", low=-math.inf, high=4, level=0.95)),
        charts.Row("refused", REFUSED),
    ]
    parts = [
        charts.Part(date(2026, month, 1), part, 1000.0 * month)
        for month in (7, 8, 9)
        for part in (HOSTILE, *(f"part {number}" for number in range(8)))
    ]
    start = datetime(2026, 7, 5, tzinfo=UTC)
    spans = [
        charts.Span(HOSTILE, start, start + timedelta(hours=9), "model"),
        charts.Span(LONG, start + timedelta(days=30), None, "prompt"),
    ]
    success = weekly("success", 0.9, 0.01, "fraction", use_case=HOSTILE)
    two = weekly("latency_p95", 4, 0.2) + weekly("cost", 0.04, 0.001, "USD/outcome")
    trust = [Finding("trust", REFUSED, subject="trust")]
    definitions = [
        definition("latency_p95", target=4.0),
        definition("cost", "USD/outcome"),
        definition("trust", "score"),
    ]
    regions = [
        Finding("latency_p95", around(value, 0.3), subject="latency_p95", where=(("region", name),))
        for name, value in (("eu", 4.0), ("us", 3.0), (HOSTILE, 5.0))
    ]
    six = [finding for number in range(6) for finding in weekly("latency_p95", 4, 0.2, model=f"m{number}")]
    return {
        "trend": lambda: charts.trend(points, "s", target=4.0, title="Latency", better="lower", each="weeks"),
        "single": lambda: charts.trend(points[:1], "s", target=400.0, title="Latency"),
        "trends": lambda: charts.trends({"a": points, HOSTILE: points[:6]}, "s", title=MONEY),
        "dots": lambda: charts.interval_dots(rows, "s", title=LONG, target=4.0, better="lower"),
        "changes": lambda: charts.change_dots(rows, "s", title="Effects"),
        "relative": lambda: charts.change_dots(
            [charts.Row("lift", around(0.03, 0.01, "fraction"))], "fraction", relative=True
        ),
        "cost": lambda: charts.stacked_cost(parts, "USD", title="Cost"),
        "timeline": lambda: charts.timeline(spans, window=QUARTER, title="Incidents"),
        "words": lambda: charts.chart_words(f"Nothing to draw {HOSTILE} {MONEY}."),
        "panel over time": lambda: charts.chart_panel(panel(two + trust, definitions, grain="week")),
        "panel by group over time": lambda: charts.chart_panel(
            panel(success, [definition("success", "fraction")], by=("use_case",), grain="week")
        ),
        "panel by region": lambda: charts.chart_panel(panel(regions, definitions[:1], by=("region",))),
        "panel of six": lambda: charts.chart_panel(panel(six, definitions[:1], by=("model",), grain="week")),
        "empty panel": lambda: charts.chart_panel(panel([], [])),
        "findings": lambda: charts.chart_findings([*regions, Finding(HOSTILE, around(0.5, 0.1, "fraction")), *trust]),
        "refused finding": lambda: charts.chart_findings(trust[0]),
    }


_GALLERY = _gallery()
NAMES = list(_GALLERY)


@cache
def picture(name: str) -> Any:
    """Return the picture of that name, drawn once."""
    return _GALLERY[name]()
