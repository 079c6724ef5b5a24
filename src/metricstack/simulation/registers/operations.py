"""Data flow and monitoring: pipelines, connectors, checks, alerts, and what collectors lost."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from metricstack.core.streams import stream
from metricstack.simulation.columns import register
from metricstack.simulation.company import LAST_QUARTER, REGIONS, USE_CASES
from metricstack.simulation.daily import DAILY
from metricstack.simulation.demand import HOUR
from metricstack.simulation.dirt import SKEWED_WEEKS
from metricstack.simulation.registers.oversight import production_models
from metricstack.simulation.world import World

__all__ = ["collection_health", "data_flow", "monitoring"]

_MINUTE = 60_000_000
_DAY = 24 * HOUR
_FEEDS = ("orders", "catalog", "search_index", "tickets", "contracts", "customers", "code_graph", "feedback")
_STAGES = ("source_to_pipeline", "pipeline_to_store", "store_to_dashboard")
_AGES = (11.0, 24.0, 47.0)
"""Median minutes from stage to stage; the targets are 15, 30 and 60."""
_SLOW_FEEDS = {"contracts": 2.2, "code_graph": 1.5}
_CONNECTORS = (
    "crm",
    "ticketing",
    "erp",
    "catalog_to_index",
    "payments",
    "email",
    "identity",
    "warehouse",
    "code_host",
    "document_store",
    "telephony",
    "survey_tool",
)
_CRITICAL = frozenset(_CONNECTORS[:8])

Row = dict[str, Any]


def data_flow(world: World) -> dict[str, pa.Table]:
    """Make the runs of pipelines, twice a day, and the daily checks of connectors.

    The feed of the search index stands still while search degrades: its runs are green and its
    newest event grows old, and its connector delivers part of the data.
    """
    rng, demand = stream(world.settings.seed, "data-flow"), world.demand
    silent = world.disturbances.degradation
    runs: list[Row] = []
    checks: list[Row] = []
    for day in range(demand.days):
        midnight = demand.midnight(day)
        for number, feed in enumerate(_FEEDS):
            z = rng.standard_normal((2, 3))
            chance = rng.random((2, 3))
            for half in range(2):
                due = midnight + (6 + 9 * half) * HOUR + number * 7 * _MINUTE
                for stage in range(3):
                    age = _AGES[stage] * _SLOW_FEEDS.get(feed, 1.0) * float(np.exp(0.35 * z[half, stage]))
                    status = (
                        "failure"
                        if chance[half, stage] < 0.006
                        else "late"
                        if chance[half, stage] < 0.03
                        else "success"
                    )
                    delay = 5.0 + 20.0 * chance[half, stage] + (70.0 if status == "late" else 0.0)
                    finished = due + stage * 40 * _MINUTE + round(delay) * _MINUTE
                    newest = finished - round(age * 60) * 1_000_000
                    if feed == "search_index" and stage == 1 and silent.start <= finished < silent.end:
                        newest = silent.start - 30 * _MINUTE
                    if finished < demand.end:
                        runs.append(
                            {
                                "feed": feed,
                                "stage": _STAGES[stage],
                                "finished": finished,
                                "started": finished - round(3 + 8 * chance[half, stage]) * _MINUTE,
                                "max_event_time": newest
                                if status != "failure" and chance[half, stage] < 0.985
                                else None,
                                "expected_by": due + stage * 40 * _MINUTE + 45 * _MINUTE,
                                "status": status,
                                "rows": 0 if status == "failure" else 800 + int(4000 * chance[half, stage]),
                                "rejected": 0 if status == "failure" else int(12 * chance[half, stage] ** 3),
                            }
                        )
        at = midnight + 7 * HOUR
        for connector in _CONNECTORS:
            fine = rng.random(4) > (0.004, 0.005, 0.020, 0.012)
            partial = bool(rng.random() < 0.008) or (
                connector == "catalog_to_index" and silent.start <= at < silent.end
            )
            checks.append(
                {
                    "connector": connector,
                    "checked": at,
                    "critical": connector in _CRITICAL,
                    "auth_ok": bool(fine[0]),
                    "schema_ok": bool(fine[1]),
                    "latency_ok": bool(fine[2]),
                    "errors_ok": bool(fine[3]),
                    "partial": partial,
                }
            )
    return {
        "pipeline_runs": register("pipeline_runs", runs, source="orchestrator", service="data-platform"),
        "connector_checks": register("connector_checks", checks, source="integration-monitor", service="data-platform"),
    }


def monitoring(world: World) -> dict[str, pa.Table]:
    """Make the checks of models and feeds for drift, bias and missing data, and the alerts that they and SLOs fire.

    While search degrades its drift statistic climbs past the limit, and its alerts stay untriaged.
    """
    rng, demand = stream(world.settings.seed, "monitoring"), world.demand
    silent = world.disturbances.degradation
    checks: list[Row] = []
    alerts: list[Row] = []
    subjects: list[tuple[str, int | None, str, int, int, int]] = [
        (name, use_case, "drift", 1 if tier == "high" else 3 if tier == "medium" else 7, since, until)
        for name, use_case, tier, since, until in production_models(world)
    ]
    subjects += [(name, use_case, "bias", 14, since, until) for name, use_case, _, _, since, until in list(subjects)]
    subjects.append(("search_index", 1, "drift", 1, int(demand.start[0]), demand.end))
    subjects += [(feed, None, "missing", 2, int(demand.start[0]), demand.end) for feed in _FEEDS]
    for number, (subject, use_case, kind, cadence, since, until) in enumerate(subjects):
        previous: int | None = None
        at = since + (8 + number % 5) * HOUR
        while at < min(until, demand.end):
            statistic, threshold = _statistic(rng, kind)
            if subject == "search_index" and silent.start <= at < silent.end:
                statistic += 0.40 * (at - silent.start) / max(silent.end - silent.start, 1)
            n = 400 + int(2600 * rng.random())
            level = "fail" if statistic > threshold else "warn" if statistic > 0.7 * threshold else "pass"
            verdict = "too_little_data" if n < 500 else level
            row = {
                "check": f"q-{number:02d}-{at // HOUR}",
                "kind": kind,
                "subject": subject,
                "checked": at,
                "previous": previous,
                "use_case": None if use_case is None else USE_CASES[use_case],
                "n": n,
                "verdict": verdict,
                "statistic_name": {"drift": "psi", "bias": "rate_difference", "missing": "missing_share"}[kind],
                "statistic": round(statistic, 4),
                "threshold": threshold,
            }
            checks.append(row)
            if verdict == "fail":
                ignored = subject == "search_index" and silent.start <= at < silent.failure
                alerts.append(
                    _alert(
                        world,
                        rng,
                        len(alerts),
                        at + 120_000_000,
                        use_case=row["use_case"],
                        check=row["check"],
                        ignored=ignored,
                    )
                )
            previous = at
            # A check is sometimes skipped; the cadence then has a hole.
            at += cadence * _DAY * (2 if rng.random() < 0.05 else 1)
    for day in range(demand.days):
        for _ in range(int(rng.poisson(0.9))):
            at = demand.midnight(day) + int(rng.random() * 86_000) * 1_000_000
            if at < demand.end:
                alerts.append(_alert(world, rng, len(alerts), at, use_case=USE_CASES[int(rng.integers(4))], check=None))
    return {
        "quality_checks": register("quality_checks", checks, source="model-monitor", service="monitoring"),
        "alerts": register("alerts", alerts, source="alerting", service="monitoring"),
    }


def _statistic(rng: np.random.Generator, kind: str) -> tuple[float, float]:
    z = float(rng.standard_normal())
    if kind == "drift":
        return 0.055 * float(np.exp(0.55 * z)), 0.2
    if kind == "bias":
        return abs(0.02 * z), 0.05
    return 0.004 * float(np.exp(0.8 * z)), 0.02


def _alert(
    world: World, rng: np.random.Generator, number: int, fired: int, *, use_case: Any, check: Any, ignored: bool = False
) -> Row:
    end = world.demand.end
    late = fired >= world.instant(LAST_QUARTER)
    looked = rng.random() < (0.93 if late else 0.86) and not ignored
    taken = fired + round(12 * float(np.exp(rng.standard_normal()))) * _MINUTE
    triaged = taken + round((110 if late else 150) * float(np.exp(1.0 * rng.standard_normal()))) * _MINUTE
    known = looked and triaged < end
    return {
        "alert": f"a-{number + 1:05d}",
        "check": check,
        "use_case": use_case,
        "fired": fired,
        "acknowledged": taken if looked and taken < end else None,
        "triaged": triaged if known else None,
        "due": fired + 8 * HOUR,
        "verdict": ("true_alarm" if rng.random() < 0.55 else "false_alarm") if known else "open",
    }


def collection_health(world: World, daily: NDArray[np.float64]) -> pa.Table:
    """Report what each region's collector was given and what it kept, day by day."""
    demand, dirt = world.demand, world.settings.dirt
    started, kept = DAILY.index("spans_started"), DAILY.index("spans_kept")
    rows = []
    for day in range(demand.days):
        at = demand.midnight(day)
        fraction = day / demand.days
        wrong = SKEWED_WEEKS[0] <= fraction < SKEWED_WEEKS[1]
        for number, region in enumerate(REGIONS):
            rows.append(
                {
                    "collector": f"otel-{region}",
                    "time": at,
                    "started": int(daily[day, number, started]),
                    "kept": int(daily[day, number, kept]),
                    "clock_skew": -dirt.clock_skew if wrong else 0.0,
                }
            )
    return register("collection_health", rows, source="otel", service="collector", delay=_DAY)
