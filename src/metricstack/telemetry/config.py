"""`metricstack.toml`: what an organisation says of itself, read once, with every fault at once.

[workspace]
name = "Northwind"
warehouse = "data"                      # a folder of Parquet, or a database: "postgres://user@host/name"
engine = "duckdb"                       # what reads the folder: or "spark", "spark:local[4]", "spark://host:7077"
zone = "Europe/Berlin"                  # days, weeks and quarters begin here
currency = "USD"
fiscal_year_start = 1                   # month
environment = "production"              # rows of other environments are left out
privacy_key = { file = "privacy.key" }  # or { env = "NAME" }; never the key itself

[parameters]                            # bound into measures, and into their hash
sla_latency = 8.0

[policies.latency_p95]                  # the organisation's owner and levels of a metric
owner = "platform"
target = 4.0
warn = 6.0
breach = 9.0

[use_cases.support_copilot]             # one card per use case
title = "Support copilot"
owner = "support-ai"
success = "The case is closed without a person."
hallucination = "A statement that no source supports."
hallucination_below = 0.5               # groundedness under which an answer counts as one
acceptable_latency = 8.0                # seconds
cost_boundary = 0.25                    # currency per successful outcome

[rollups.requests]                      # daily sums that `metricstack rollup` keeps, by columns of the table
by = ["use_case", "model"]

[boards.quarterly]                      # and [objectives.NAME]: see `telemetry.promises`
metrics = ["task_success", "latency_p95"]
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from metricstack.core.errors import ConfigurationError, Fault, nearest
from metricstack.core.toml import line_of, read_toml
from metricstack.telemetry.calendar import Calendar
from metricstack.telemetry.engines import engine_fault
from metricstack.telemetry.promises import Board, Objective, read_boards, read_objectives
from metricstack.telemetry.tables import TABLES

__all__ = ["FILE_NAME", "Policy", "UseCase", "WorkspaceConfig", "read_config"]

FILE_NAME = "metricstack.toml"


@dataclass(frozen=True, slots=True)
class Policy:
    """The organisation's owner and levels of one metric; they never change its value or hash."""

    owner: str = ""
    target: float | None = None
    warn: float | None = None
    breach: float | None = None


@dataclass(frozen=True, slots=True)
class UseCase:
    """A use-case card: what success, hallucination and acceptable latency mean there, and who owns it."""

    name: str
    title: str = ""
    owner: str = ""
    success: str = ""
    hallucination: str = ""
    hallucination_below: float | None = None
    acceptable_latency: float | None = None
    cost_boundary: float | None = None


@dataclass(frozen=True, slots=True)
class WorkspaceConfig:
    """The content of a `metricstack.toml`; see the module for the meaning of each entry."""

    name: str = "workspace"
    warehouse: str = "data"
    engine: str = "duckdb"
    zone: str = "UTC"
    currency: str = "USD"
    fiscal_year_start: int = 1
    environment: str = "production"
    privacy_key: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, float] = field(default_factory=dict)
    policies: Mapping[str, Policy] = field(default_factory=dict)
    use_cases: Mapping[str, UseCase] = field(default_factory=dict)
    rollups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    boards: Mapping[str, Board] = field(default_factory=dict)
    objectives: Mapping[str, Objective] = field(default_factory=dict)

    @property
    def calendar(self) -> Calendar:
        """The calendar of the reporting zone and fiscal year."""
        return Calendar(self.zone, self.fiscal_year_start)


_WORKSPACE: dict[str, type] = {
    "name": str, "warehouse": str, "engine": str, "zone": str, "currency": str,
    "fiscal_year_start": int, "environment": str, "privacy_key": dict,
}  # fmt: skip
_POLICY: dict[str, type] = {"owner": str, "target": float, "warn": float, "breach": float}
_USE_CASE: dict[str, type] = {
    "title": str, "owner": str, "success": str, "hallucination": str,
    "hallucination_below": float, "acceptable_latency": float, "cost_boundary": float,
}  # fmt: skip
_ROLL_UP: dict[str, type] = {"by": list}
_SECTIONS: dict[str, type] = dict.fromkeys(
    ("workspace", "parameters", "policies", "use_cases", "rollups", "boards", "objectives"), dict
)
_WORDS = {str: "text", int: "a whole number", float: "a number", dict: "a table", list: "a list"}


class _Reader:
    """Collects faults while it reads, so that all are reported together."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.values, self.text = read_toml(path)
        self.faults: list[Fault] = []

    def fault(self, message: str, *place: str) -> None:
        self.faults.append(Fault(f"{self.path.name}:{line_of(self.text, *place)}: {message}"))

    def take(self, values: object, allowed: Mapping[str, type], *place: str) -> dict[str, Any]:
        """Return the entries that are known and of the right type; report the others."""
        if not isinstance(values, dict):
            self.fault(f"[{'.'.join(place)}] must be a table.", *place)
            return {}
        good: dict[str, Any] = {}
        for name, value in values.items():
            if name not in allowed:
                guess = nearest(name, allowed)
                hint = f"Did you mean {guess!r}?" if guess else f"Allowed: {', '.join(allowed)}."
                self.fault(f"unknown entry {name!r}. {hint}", *place, name)
            elif isinstance(value, int | float) and not isinstance(value, bool) and allowed[name] is float:
                good[name] = float(value)
                if not math.isfinite(value):
                    self.fault(f"{name!r} must be a finite number, not {value!r}.", *place, name)
                elif value < 0 and name in ("acceptable_latency", "cost_boundary"):
                    self.fault(f"{name!r} must not be negative, but is {value:g}.", *place, name)
                elif name == "hallucination_below" and not 0 <= value <= 1:
                    self.fault(f"{name!r} is a groundedness from 0 to 1, but is {value:g}.", *place, name)
            elif isinstance(value, allowed[name]) and not isinstance(value, bool):
                good[name] = value
            else:
                self.fault(f"{name!r} must be {_WORDS[allowed[name]]}, not {value!r}.", *place, name)
        return good

    def cards(self, values: object, allowed: Mapping[str, type], section: str) -> dict[str, dict[str, Any]]:
        if not isinstance(values, dict):
            self.fault(f"[{section}] must be a table of tables.", section)
            return {}
        return {name: self.take(card, allowed, section, name) for name, card in values.items()}


def read_config(path: Path) -> WorkspaceConfig:
    """Read a `metricstack.toml`.

    Raises:
        UnreadableFile: it cannot be read as TOML.
        ConfigurationError: it can, but says things that are wrong; lists all of them with lines.
    """
    reader = _Reader(path)
    top = reader.take(reader.values, _SECTIONS)
    workspace = reader.take(top.get("workspace", {}), _WORKSPACE, "workspace")
    _check_workspace(reader, workspace)
    given = top.get("parameters", {})
    parameters = reader.take(given, dict.fromkeys(given, float), "parameters") if isinstance(given, dict) else {}
    policies = reader.cards(top.get("policies", {}), _POLICY, "policies")
    for name, card in policies.items():
        levels = [card[level] for level in ("target", "warn", "breach") if level in card]
        if levels not in (sorted(levels), sorted(levels, reverse=True)):
            reader.fault("target, warn and breach must rise or fall in this order.", "policies", name)
    use_cases = reader.cards(top.get("use_cases", {}), _USE_CASE, "use_cases")
    rollups = _rollups(reader, top.get("rollups", {}))
    boards = read_boards(top.get("boards", {}), reader.fault)
    objectives = read_objectives(top.get("objectives", {}), reader.fault)
    if reader.faults:
        raise ConfigurationError(str(path), reader.faults)
    return WorkspaceConfig(
        **workspace,
        parameters=parameters,
        policies={name: Policy(**card) for name, card in policies.items()},
        use_cases={name: UseCase(name, **card) for name, card in use_cases.items()},
        rollups=rollups,
        boards=boards,
        objectives=objectives,
    )


def _rollups(reader: _Reader, values: object) -> dict[str, tuple[str, ...]]:
    """Each table to roll up with its dimensions; whether a table has them, the metrics know."""
    found = {}
    for name, card in reader.cards(values, _ROLL_UP, "rollups").items():
        by = card.get("by", [])
        if name not in TABLES:
            guess = nearest(name, TABLES)
            hint = f"Did you mean {guess!r}?" if guess else f"Allowed: {', '.join(TABLES)}."
            reader.fault(f"there is no table {name!r} to roll up. {hint}", "rollups", name)
        elif not all(isinstance(column, str) for column in by) or len(set(by)) < len(by):
            reader.fault(f"'by' must be a list of different columns, not {by!r}.", "rollups", name, "by")
        else:
            found[name] = tuple(by)
    return found


def _check_workspace(reader: _Reader, workspace: dict[str, Any]) -> None:
    zone = workspace.get("zone", "UTC")
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        guess = nearest(zone, available_timezones())
        hint = f" Did you mean {guess!r}?" if guess else ""
        reader.fault(
            f"no such time zone {zone!r}.{hint} Use an IANA name such as 'Europe/Berlin'.",
            "workspace",
            "zone",
        )
    if not 1 <= workspace.get("fiscal_year_start", 1) <= 12:
        reader.fault("'fiscal_year_start' must be a month from 1 to 12.", "workspace", "fiscal_year_start")
    if not re.fullmatch(r"[A-Z]{3}", workspace.get("currency", "USD")):
        reader.fault("'currency' must be an ISO 4217 code such as 'USD'.", "workspace", "currency")
    fault = engine_fault(workspace.get("engine", "duckdb"), workspace.get("warehouse", "data"))
    if fault:
        reader.fault(fault, "workspace", "engine" if "engine" in workspace else "warehouse")
    key = workspace.get("privacy_key", {})
    if key and (set(key) - {"env", "file"} or len(key) != 1 or not isinstance(next(iter(key.values())), str)):
        reader.fault("'privacy_key' must be { env = \"NAME\" } or { file = \"PATH\" }, never the key itself.",
                     "workspace", "privacy_key")  # fmt: skip
