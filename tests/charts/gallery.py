"""One of every picture, with the hard cases in them, for the tests that hold for all."""

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from metricstack import charts
from metricstack.core.values import Estimate, Finding, Moments, Provenance, Reason, Refusal
from metricstack.core.windows import Window
from metricstack.experiments.baselines import Baseline
from metricstack.experiments.declaration import Declaration, Guardrail
from metricstack.experiments.planning import Plan
from metricstack.experiments.prospect import ExperimentPlan, MetricPlan, Needed, Sight
from metricstack.experiments.reading import Role
from metricstack.linkage import Ledger, Trial
from metricstack.metrics.model import Definition, Levels
from metricstack.metrics.panel import MetricPanel
from tests.linkage import maps

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


def _plan(*metrics: MetricPlan) -> ExperimentPlan:
    declared = Declaration(HOSTILE, "user", ("a", "b"), (0.5, 0.5), "latency", QUARTER.start)
    arrivals = tuple(range(100, 2900, 100))
    return ExperimentPlan(declared, 0.8, QUARTER, arrivals, metrics, None, (), Provenance())


def _planned(title: str, days: int | None, target: float | None = 0.05) -> MetricPlan:
    base = Baseline(title, title, "lower", "s", {28: Moments.of(2800, 4.0, 9.0)})
    course = tuple(Sight(day, 100 * day, 0.4 / math.sqrt(day), 1.6 / math.sqrt(day)) for day in range(1, 76))
    whole = Plan(0.8, 0.2, target, 6400, 3200, 3200, None, None, 1.0, None, 0.05, 2, "mean, noncentral t")
    needed = REFUSED if days is None else Needed(6400, days, whole)
    guardrail = Guardrail(title, 0.2, relative=False) if title == LONG else None
    return MetricPlan(title, title, Role.PRIMARY, target, guardrail, base, course, needed)


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
        "plan": lambda: charts.chart_plan(
            _plan(_planned(HOSTILE, 64), _planned(LONG, 10), _planned(MONEY, None, None))
        ),
        "plan of one metric": lambda: charts.chart_plan(_plan(_planned(MONEY, 7))),
        "refused plan": lambda: charts.chart_plan(
            _plan(MetricPlan("trust", "Trust", Role.PRIMARY, None, None, REFUSED, needed=REFUSED))
        ),
        "refused finding": lambda: charts.chart_findings(trust[0]),
        "map": lambda: charts.chart_map(maps.whole()),
        "map of one edge": lambda: charts.chart_map(maps.one()),
        "map of refusals": lambda: charts.chart_map(maps.refusals()),
        "map of many": lambda: charts.chart_map(maps.many()),
        "map that leads back": lambda: charts.chart_map(maps.backwards()),
        "edge": lambda: charts.chart_edge(maps.whole().edges[0]),
        "edge that is open": lambda: charts.chart_edge(maps.whole().edges[2]),
        "refused edge": lambda: charts.chart_edge(maps.refusals().edges[0]),
        "ledger": lambda: charts.chart_ledger(maps.many().ledger),
        "ledger of what is not known": lambda: charts.chart_ledger(
            Ledger((Trial("a -> b", f"{HOSTILE}, {LONG}", MONEY), Trial("a -> b", "panel", "decides", 0.01, 9)))
        ),
        "empty ledger": lambda: charts.chart_ledger(Ledger()),
        "rollout": lambda: charts.chart_rollout(maps.rollout()),
        "lags": lambda: charts.chart_lags(maps.lags()),
        "specifications": lambda: charts.chart_specifications(maps.ways()),
        "scatter": lambda: charts.portfolio_scatter(*maps.tests(), unit="score"),
    }


_GALLERY = _gallery()
NAMES = list(_GALLERY)


@cache
def picture(name: str) -> Any:
    """Return the picture of that name, drawn once."""
    return _GALLERY[name]()
