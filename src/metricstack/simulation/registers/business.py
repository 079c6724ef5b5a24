"""Business: dated events, pilots, observed workflows, surveys, capacity, assumptions, prices and finance's figures."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from metricstack.core.streams import stream
from metricstack.simulation.columns import register
from metricstack.simulation.company import (
    EMBEDDING,
    LAST_QUARTER,
    MODELS,
    PROMPTS,
    REGIONS,
    RELEASES,
    TASKS,
    TEAMS,
    USE_CASES,
)
from metricstack.simulation.daily import DAILY
from metricstack.simulation.demand import HOUR, holidays
from metricstack.simulation.identifiers import keyed, privacy_key
from metricstack.simulation.registers.oversight import model_name
from metricstack.simulation.rollouts import ROLLOUTS
from metricstack.simulation.world import World

__all__ = ["business_kpis", "money", "organisation"]

_DAY = 24 * HOUR
_OWNERS = ("support-ai", "discovery", "documents", "developer-tools")
_PILOTS = (
    ("support_copilot", 0, "product", 0.0),
    ("search_answers", 1, "product", 0.0),
    ("document_agent", 2, "product", 0.10),
    ("code_assistant", 3, "product", 0.15),
    ("voice_triage", 0, "stopped", 0.45),
    ("contract_negotiator", 2, "pilot", 1.0),
    ("returns_agent", 0, "product", 0.84),
    ("price_advisor", 1, "stopped", 0.70),
    ("incident_writer", 3, "pilot", 1.0),
)
_SYSTEMS = (
    ("trigger", "mailbox"),
    ("trigger", "ticketing"),
    ("decision", "crm"),
    ("decision", "erp"),
    ("decision", "wiki"),
    ("action", "order_system"),
    ("action", "email_client"),
    ("reporting", "spreadsheet"),
    ("reporting", "dashboard"),
)
_WITH_AI = (("trigger", "ticketing"), ("decision", "assistant"), ("action", "order_system"), ("reporting", "dashboard"))
_DIMENSIONS = ("satisfaction", "performance", "activity", "communication", "efficiency")
_RESOURCES = (
    ("gpu-pool", "gpu", "document_agent", 16, 2.1),
    ("support-workers", "cpu", "support_copilot", 24, 0.09),
    ("search-workers", "cpu", "search_answers", 30, 0.09),
    ("vector-store", "vector_store", "search_answers", 6, 0.55),
    ("document-workers", "cpu", "document_agent", 14, 0.09),
    ("code-workers", "cpu", "code_assistant", 12, 0.09),
)
# Minutes and shares, by use case: (low, mode, high).
_MINUTES = {
    "minutes_before": ((7, 9, 13), (3, 4, 6), (18, 24, 34), (14, 20, 30)),
    "minutes_after": ((1.2, 2, 3), (0.6, 1, 1.6), (4, 6, 9), (6, 9, 13)),
    "minutes_new_steps": ((0.5, 1, 2), (0.1, 0.2, 0.5), (2, 3.5, 6), (1.5, 3, 5)),
}
_WAGES = ((29, 36, 44), (27, 33, 41), (38, 47, 58), (58, 72, 90))
_ERROR_COST = ((6, 12, 25), (1, 3, 6), (40, 90, 200), (15, 40, 90))
_AVOIDED = ((0.005, 0.015, 0.03), (0.002, 0.006, 0.012), (0.01, 0.02, 0.04), (0.0, 0.01, 0.02))
# Share of the use case's daily cost of running, at the sample's volume, in currency per day.
_COSTS = {
    "engineering_cost": (310, 260, 240, 190),
    "monitoring_cost": (40, 35, 30, 20),
    "compliance_cost": (35, 20, 45, 10),
    "vendor_cost": (90, 70, 60, 55),
}

Row = dict[str, Any]


def organisation(world: World) -> dict[str, pa.Table]:
    """Make events, pilots, observed workflows and survey answers."""
    return {
        "events": register("events", _events(world), source="calendar"),
        "pilots": register("pilots", _pilots(world), source="portfolio"),
        "tool_touches": register("tool_touches", _tool_touches(world), source="workflow-observation"),
        "survey_responses": register("survey_responses", _survey(world), source="survey-tool"),
    }


def _events(world: World) -> list[Row]:
    demand = world.demand
    rows: list[Row] = []

    def add(kind: str, scope: str, start: int, end: int, about: str) -> None:
        rows.append(
            {
                "event": f"e-{len(rows) + 1:03d}",
                "kind": kind,
                "scope": scope,
                "start": start,
                "end": end,
                "about": about,
            }
        )

    for first, after in demand.promotions:
        add("promotion", "all", demand.midnight(first), demand.midnight(after), "Promotion in shop and app")
    for day, name in holidays(world.settings):
        number = (day - world.settings.start).days
        add("holiday", "all", demand.midnight(number), demand.midnight(number + 1), name)
    for rollout in ROLLOUTS:
        for unit, cohort in zip(rollout.units, rollout.cohorts.tolist(), strict=True):
            if cohort < len(rollout.since):
                start = world.instant(rollout.since[cohort])
                add(
                    "rollout",
                    f"{rollout.by}:{unit}",
                    start,
                    demand.end,
                    f"{rollout.name} ({USE_CASES[rollout.use_case]})",
                )
    for release in RELEASES:
        if release.since > 0:
            start = world.instant(release.since)
            add(
                "release",
                f"use_case:{USE_CASES[release.use_case]}",
                start,
                start + HOUR,
                f"Model {model_name(world, release.model)}",
            )
    for prompt in PROMPTS:
        if prompt.since > 0:
            start = world.instant(prompt.since)
            add("release", f"use_case:{USE_CASES[prompt.use_case]}", start, start + HOUR, f"Prompt {prompt.name}")
    add("price_change", "all", world.instant(0.35), demand.end, "Shipping fee raised")
    add(
        "training", "use_case:support_copilot", world.instant(0.26), world.instant(0.28), "Training of the service desk"
    )
    add("reorganisation", "team:data", world.instant(0.66), world.instant(0.67), "Data and platform teams merged")
    return rows


def _pilots(world: World) -> list[Row]:
    rows: list[Row] = []
    rng = stream(world.settings.seed, "pilots")
    for number, (name, use_case, stage, since) in enumerate(_PILOTS):
        card = {"pilot": name, "use_case": USE_CASES[use_case], "owner": _OWNERS[use_case]}
        begun = (
            world.demand.midnight(0) - (200 - 20 * number) * _DAY
            if since <= 0.45
            else world.instant(since - 0.35 if since < 1 else 0.7)
        )
        rows.append(
            card
            | {
                "recorded": begun,
                "stage": "pilot",
                "monitored": bool(rng.random() < 0.4),
                "on_call": False,
                "promised": False,
            }
        )
        if since < 1.0:
            product = stage == "product"
            at = world.instant(since)
            rows.append(
                card
                | {
                    "recorded": at,
                    "stage": stage,
                    "monitored": product,
                    "on_call": product and name != "returns_agent",
                    "promised": product,
                }
            )
    return rows


def _tool_touches(world: World) -> list[Row]:
    """Observe runs of each workflow: a dozen before AI, and some every month with it."""
    rng = stream(world.settings.seed, "tool-touches")
    rows: list[Row] = []
    months = max(1, round(world.settings.days / 30.5))
    for use_case, name in enumerate(USE_CASES):
        plan = [("before", world.demand.midnight(0) - (40 - number) * _DAY) for number in range(12)]
        plan += [
            ("with_ai", world.demand.midnight(min(month * 30 + number * 4, world.demand.days - 1)))
            for month in range(months)
            for number in range(5)
        ]
        for number, (phase, day) in enumerate(plan):
            systems = _SYSTEMS if phase == "before" else _WITH_AI
            used = [system for system in systems if rng.random() < (0.68 if phase == "before" else 0.82)] or [
                systems[0]
            ]
            task = TASKS[use_case][int(rng.integers(4))]
            for place, (stage, system) in enumerate(used):
                rows.append(
                    {
                        "run": f"observed-{use_case}-{number:03d}",
                        "workflow": f"{name}/{task}",
                        "use_case": name,
                        "phase": phase,
                        "stage": stage,
                        "system": system,
                        "touched": day + 9 * HOUR + place * 90_000_000,
                    }
                )
    return rows


def _survey(world: World) -> list[Row]:
    """Ask thirteen teams every quarter; one of them has three people, too few to report."""
    rng = stream(world.settings.seed, "survey")
    key = privacy_key(world.settings.seed)
    rows: list[Row] = []
    waves = max(1, round(world.settings.days / 91.5))
    people = [
        (TEAMS[number], member) for number in range(13) for member in range(3 if number == 12 else 5 + number % 5)
    ]
    names = keyed([f"employee-{team}-{member}" for team, member in people], key).tolist()
    levels = 0.12 * rng.standard_normal((len(people), 5))
    for wave in range(waves):
        at = (
            world.demand.midnight(min(round((wave + 0.85) * world.settings.days / waves), world.demand.days - 1))
            + 10 * HOUR
        )
        label = datetime.fromtimestamp(at / 1e6, UTC).strftime("%Y-%m")
        for number, (team, _) in enumerate(people):
            if rng.random() < 0.12:
                continue
            for place, dimension in enumerate(_DIMENSIONS):
                level = (
                    0.62 + 0.015 * wave + (0.03 * wave if dimension == "efficiency" else 0.0) + levels[number, place]
                )
                score = round(min(4, max(0, 4 * (level + 0.12 * float(rng.standard_normal()))))) / 4
                rows.append(
                    {
                        "response": f"s-{len(rows) + 1:05d}",
                        "wave": label,
                        "respondent": f"{names[number]:016x}",
                        "team": team,
                        "dimension": dimension,
                        "question": f"How do you rate your {dimension}?",
                        "answered": at + int(rng.random() * 8 * 60) * 60_000_000,
                        "score": score,
                    }
                )
    return [row for row in rows if row["answered"] < world.demand.end]


def money(world: World) -> dict[str, pa.Table]:
    """Make capacity, assumptions and the price book."""
    demand = world.demand
    volume = world.settings.requests / world.settings.days / 1310.0
    by_day = np.zeros((demand.days, len(USE_CASES)))
    np.add.at(by_day, demand.day, demand.weight)
    by_day /= by_day.mean(axis=0)
    usage: list[Row] = []
    for day in range(demand.days):
        for name, kind, use_case, count, price in _RESOURCES:
            provisioned = 24.0 * count * (1.0 if day < LAST_QUARTER * demand.days else 1.1)
            busy = min(0.97, 0.52 * float(by_day[day, USE_CASES.index(use_case)]) ** 0.7)
            usage.append(
                {
                    "resource": name,
                    "time": demand.midnight(day),
                    "use_case": use_case,
                    "resource_kind": kind,
                    "provisioned": round(provisioned, 2),
                    "used": round(provisioned * busy, 2),
                    "cost": round(provisioned * price * min(1.0, volume), 2),
                }
            )
    prices: list[Row] = []
    buckets = ("input_uncached", "cache_read", "cache_write", "output", "reasoning")
    for position, model in enumerate((*MODELS, EMBEDDING)):
        name = model.name if position == len(MODELS) else model_name(world, position)
        for bucket, price in zip(buckets, (*model.prices, model.prices[3]), strict=True):
            card = {"model": name, "bucket": bucket, "provider": model.provider, "currency": "USD"}
            prices.append(card | {"valid_from": demand.midnight(-180), "price": round(price * 1.25, 4)})
            prices.append(card | {"valid_from": demand.midnight(0), "price": price})
    return {
        "resource_usage": register("resource_usage", usage, source="cloud", service="platform", delay=_DAY),
        "assumptions": register("assumptions", _assumptions(world, volume), source="business-case"),
        "prices": register("prices", prices, source="price-list"),
    }


def _assumptions(world: World, volume: float) -> list[Row]:
    stated = world.demand.midnight(0) - 10 * _DAY
    rows: list[Row] = []

    def add(
        name: str,
        use_case: int,
        figures: tuple[float, float, float],
        *,
        unit: str,
        kind: str,
        owner: str,
        at: int = stated,
    ) -> None:
        low, mode, high = figures
        rows.append(
            {
                "assumption": name,
                "use_case": USE_CASES[use_case],
                "stated": at,
                "unit": unit,
                "low": float(low),
                "mode": float(mode),
                "high": float(high),
                "source_kind": kind,
                "owner": owner,
                "evidence": "time study of 60 cases" if kind == "measured" else "estimate of the business case",
            }
        )

    for use_case in range(4):
        for name, figures in _MINUTES.items():
            measured = "measured" if name == "minutes_before" else "assumed"
            add(name, use_case, figures[use_case], unit="min", kind=measured, owner=_OWNERS[use_case])
        add("hourly_wage", use_case, _WAGES[use_case], unit="USD/h", kind="measured", owner="finance")
        add("error_cost", use_case, _ERROR_COST[use_case], unit="USD", kind="assumed", owner="finance")
        add(
            "errors_avoided_share",
            use_case,
            _AVOIDED[use_case],
            unit="fraction",
            kind="assumed",
            owner=_OWNERS[use_case],
        )
        for name, costs in _COSTS.items():
            mode = costs[use_case] * max(volume, 0.02)
            add(
                name,
                use_case,
                (round(0.85 * mode, 2), round(mode, 2), round(1.3 * mode, 2)),
                unit="USD/d",
                kind="measured",
                owner="finance",
            )
    # Half a year in, the new steps were measured and turned out longer than hoped.
    add("minutes_new_steps", 2, (3.0, 4.5, 7.0), unit="min", kind="measured", owner="documents", at=world.instant(0.5))
    return rows


def business_kpis(world: World, daily: NDArray[np.float64]) -> pa.Table:
    """Report what finance and planning know, by region and for the company, day by day."""
    demand = world.demand
    kpis = (
        ("revenue", "revenue", "USD"),
        ("orders", "conversions", "count"),
        ("sessions", "sessions", "session"),
        ("support_cost", "cost_to_serve", "USD"),
        ("ai_spend", "cost", "USD"),
    )
    rows: list[Row] = []
    for day in range(demand.days):
        at = demand.midnight(day)
        for kpi, name, unit in kpis:
            values = daily[day, :, DAILY.index(name)]
            for entity, value in zip(("company", *REGIONS), (values.sum(), *values), strict=True):
                rows.append(
                    {
                        "kpi": kpi,
                        "entity": entity,
                        "time": at,
                        "value": round(float(value), 2),
                        "unit": unit,
                        "currency": "USD" if unit == "USD" else None,
                        "lagging": kpi == "support_cost",
                    }
                )
    return register("business_kpis", rows, source="finance", delay=2 * _DAY)
