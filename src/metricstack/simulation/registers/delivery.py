"""Delivery and its accidents: changes, deployments, the link between them, and the incidents that some cause."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from metricstack.core.streams import stream
from metricstack.simulation.columns import register
from metricstack.simulation.company import USE_CASES
from metricstack.simulation.demand import HOUR
from metricstack.simulation.disturbances import Incident
from metricstack.simulation.runs import SERVICES
from metricstack.simulation.world import World

__all__ = ["delivery"]

_SERVICES = (*SERVICES, "web-shop", "data-platform")
_TEAMS = ("support-ai", "discovery", "documents", "developer-tools", "shop", "data")
_LEGACY = (False, False, True, False, True, True)
_KINDS = ("planned", "model", "prompt", "policy")
_KIND_SHARES = (0.74, 0.08, 0.13, 0.05)
_WORK = ("feature", "bug", "debt", "operations")
_MINUTE = 60_000_000

Row = dict[str, Any]


@dataclass(slots=True)
class _Ledger:
    """Rows as they are made, and what later ones must look up."""

    deployments: list[Row]
    changes: list[Row]
    links: list[Row]


def delivery(world: World) -> dict[str, pa.Table]:
    """Make changes, deployments, their links and the incidents."""
    rng, demand = stream(world.settings.seed, "delivery"), world.demand
    ledger = _Ledger([], [], [])
    for day in range(demand.days):
        weekday = (world.settings.start.weekday() + day) % 7
        for _ in range(int(rng.poisson(2.45 if weekday < 5 else 0.4))):
            _deploy(world, rng, ledger, demand.midnight(day) + int(rng.uniform(8, 18) * 60) * _MINUTE)
    incidents = [_incident(world, rng, ledger, incident) for incident in world.disturbances.incidents]
    _abandoned_changes(world, rng, ledger)
    return {
        "incidents": register("incidents", incidents, source="incident-tool"),
        "deployments": register("deployments", ledger.deployments, source="delivery"),
        "changes": register("changes", ledger.changes, source="delivery"),
        "change_deployments": register("change_deployments", ledger.links, source="delivery"),
    }


def _deploy(world: World, rng: np.random.Generator, ledger: _Ledger, at: int) -> None:
    service = int(rng.choice(6, p=(0.24, 0.22, 0.14, 0.12, 0.16, 0.12)))
    if at >= world.demand.end:
        return
    kind = _KINDS[int(rng.choice(4, p=_KIND_SHARES))] if service < 4 else "planned"
    status = ("success", "failure", "cancelled")[int(rng.choice(3, p=(0.95, 0.035, 0.015)))]
    # Small slips that no incident was opened for.
    failed = status == "success" and rng.random() < 0.035
    deployment = _deployment(ledger, service, at, kind, status)
    if failed:
        deployment |= {
            "failed": True,
            "recovered": _past(world, at + _minutes(45 * float(np.exp(0.7 * rng.standard_normal())))),
        }
    changes = [_change(world, rng, ledger, service, at) for _ in range(1 + int(rng.poisson(0.6)))]
    if rng.random() < 0.35:
        staging = _deployment(ledger, service, at - _minutes(float(rng.uniform(60, 1200))), kind, "success")
        staging["env"] = "staging"
        ledger.links += [_link(change, staging, first=False) for change in changes]
    if status == "success":
        ledger.links += [_link(change, deployment, first=True) for change in changes]


def _deployment(ledger: _Ledger, service: int, at: int, kind: str, status: str, *, rework: bool = False) -> Row:
    row = {
        "deployment": f"d-{len(ledger.deployments) + 1:05d}",
        "service": _SERVICES[service],
        "team": _TEAMS[service],
        "deployed": at,
        "status": status,
        "kind": kind,
        "rework": rework,
        "failed": False,
        "recovered": None,
    }
    ledger.deployments.append(row)
    return row


def _change(world: World, rng: np.random.Generator, ledger: _Ledger, service: int, deployed: int) -> Row:
    """Make a change that this deployment brought to life, from its last day back to its first commit."""
    point = (deployed - int(world.demand.start[0])) / (world.demand.end - int(world.demand.start[0]))
    assisted = bool(rng.random() < 0.25 + 0.4 * point)
    pace = (1.6 if _LEGACY[service] else 1.0) * (0.85 if assisted else 1.0)
    waits = [
        median * pace * float(np.exp(0.8 * z))
        for median, z in zip((1300.0, 110.0, 260.0, 300.0, 800.0), rng.standard_normal(5), strict=True)
    ]
    merged = deployed - _minutes(waits[0])
    approved = merged - _minutes(waits[1])
    review = approved - _minutes(waits[2])
    opened = review - _minutes(waits[3])
    row = {
        "change": f"c-{len(ledger.changes) + 1:05d}",
        "service": _SERVICES[service],
        "team": _TEAMS[service],
        "first_commit": opened - _minutes(waits[4]),
        "opened": opened,
        "first_review": review,
        "approved": approved,
        "merged": merged,
        "size": 1 + int(90 * np.exp(1.1 * rng.standard_normal())),
        "code_kind": "legacy" if _LEGACY[service] else "greenfield",
        "work_kind": _WORK[int(rng.choice(4, p=(0.5, 0.25, 0.15, 0.1)))],
        "ai_assisted": assisted,
        "test_coverage": round(float(rng.beta(7, 3)), 3) if rng.random() < 0.9 else None,
    }
    ledger.changes.append(row)
    return row


def _link(change: Row, deployment: Row, *, first: bool) -> Row:
    return {
        "change": change["change"],
        "deployment": deployment["deployment"],
        "service": deployment["service"],
        "deployed": deployment["deployed"],
        "first_production": first,
        "env": deployment.get("env", "production"),
    }


def _incident(world: World, rng: np.random.Generator, ledger: _Ledger, incident: Incident) -> Row:
    """Write an incident down, blame the deployment before it where one caused it, and deploy the fix."""
    service, change = SERVICES[incident.use_case], None
    blamed = None
    if incident.cause in ("model", "prompt", "workflow", "data_pipeline") and rng.random() < 0.7:
        before = [
            row
            for row in ledger.deployments
            if row["service"] == service
            and row["status"] == "success"
            and not row["failed"]
            and row.get("env", "production") == "production"
            and 0 <= incident.started - row["deployed"] < 4 * 24 * HOUR
        ]
        blamed = max(before, key=lambda row: (row["deployed"], row["deployment"]), default=None)
    if blamed is not None:
        blamed |= {"failed": True, "recovered": _past(world, incident.mitigated)}
        change = next((link["change"] for link in ledger.links if link["deployment"] == blamed["deployment"]), None)
    if incident.fixed is not None and incident.fixed < world.demand.end and incident.cause != "vendor":
        fix = _deployment(
            ledger,
            incident.use_case,
            incident.fixed,
            "rollback" if rng.random() < 0.35 else "hotfix",
            "success",
            rework=True,
        )
        mend = _change(world, rng, ledger, incident.use_case, incident.fixed)
        # The fix was written, reviewed and merged while the incident lasted.
        lasted = incident.fixed - incident.started
        for name, share in (
            ("first_commit", 0.5),
            ("opened", 0.6),
            ("first_review", 0.7),
            ("approved", 0.8),
            ("merged", 0.85),
        ):
            mend[name] = incident.started + int(lasted * share) // 1_000_000 * 1_000_000
        mend["work_kind"] = "bug"
        ledger.links.append(_link(mend, fix, first=True))
    times = ("detected", "acknowledged", "diagnosed", "mitigated", "fixed", "closed")
    return {
        "incident": f"i-{incident.number:03d}",
        "name": incident.name,
        "service": service,
        "use_case": USE_CASES[incident.use_case],
        "severity": incident.severity,
        "started": incident.started,
        **{name: _past(world, getattr(incident, name)) for name in times},
        "cause": incident.cause,
        "change": change,
        "ai_related": incident.ai_related,
    }


def _abandoned_changes(world: World, rng: np.random.Generator, ledger: _Ledger) -> None:
    """Add changes that are still open, or merged and not yet deployed, or given up."""
    for _ in range(len(ledger.changes) // 12):
        service = int(rng.integers(6))
        mend = _change(world, rng, ledger, service, world.instant(float(rng.random())))
        waiting = rng.random() < 0.6
        end = min(world.demand.end, mend["opened"] + 40 * 24 * HOUR) if waiting else mend["first_review"]
        for name in ("first_review", "approved", "merged"):
            if mend[name] >= end:
                mend[name] = None
        if not waiting and mend["opened"] < end < world.demand.end:
            mend["closed"] = end


def _minutes(number: float) -> int:
    return max(1, round(number)) * _MINUTE


def _past(world: World, instant: int | None) -> int | None:
    """Forget what has not happened when the period ends."""
    return instant if instant is not None and instant < world.demand.end else None
