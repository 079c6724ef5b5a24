"""Dated changes that touched the whole company at once, from its events and deployments."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from metricstack.core.values import Refusal

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["Dated", "dated_changes"]

_EVENTS = ("rollout", "price_change", "release", "reorganisation", "training")
_DEPLOYED = ("model", "prompt", "policy")


@dataclass(frozen=True, slots=True)
class Dated:
    """A change of everything at once.

    Args:
        key: The event, or the deployment.
        about: What it is, in words; of a deployment its kind.
        kind: Of the event, or of the deployment.
        first: First local day that has it.
        until: First local day that has it no more; None = it stays.
        partial: The first day had it for a part of the day.
    """

    key: str
    about: str
    kind: str
    first: date
    until: date | None = None
    partial: bool = False

    def is_called(self, name: str) -> bool:
        """Whether it goes by a name: its key, or what it is about."""
        return name in (self.key, self.about)


def dated_changes(ws: "Workspace") -> tuple[Dated, ...]:
    """Read the changes that touched everybody: events without a scope, and deployments of models, prompts and policies.

    Args:
        ws: The workspace.

    Returns:
        In the order of their dates; none where neither table is there.
    """
    found = [*_events(ws), *_deployments(ws)]
    return tuple(sorted(found, key=lambda one: (one.first, one.key)))


def _rows(ws: "Workspace", table: str, columns: list[str]) -> list[dict[str, Any]]:
    rows = ws.table(table, columns=[*columns, "env"])
    if isinstance(rows, Refusal):
        return []
    here = rows.filter(rows.env.fill_null(ws.config.environment) == ws.config.environment)
    return list(here.to_pyarrow().to_pylist())


def _events(ws: "Workspace") -> Iterator[Dated]:
    for row in _rows(ws, "events", ["event", "kind", "scope", "start", "end", "about"]):
        if row["kind"] in _EVENTS and row["scope"] in (None, "", "all") and row["start"] is not None:
            first, partial = _begun(ws, row["start"])
            until = None if row["end"] is None else ws.calendar.local_day(row["end"])
            yield Dated(row["event"], row["about"] or "", row["kind"], first, until, partial)


def _deployments(ws: "Workspace") -> Iterator[Dated]:
    for row in _rows(ws, "deployments", ["deployment", "deployed", "status", "kind"]):
        if row["kind"] in _DEPLOYED and row["status"] in (None, "success") and row["deployed"] is not None:
            first, partial = _begun(ws, row["deployed"])
            yield Dated(row["deployment"], "", row["kind"], first, None, partial)


def _begun(ws: "Workspace", instant: datetime) -> tuple[date, bool]:
    """Return the local day of an instant, and whether a part of that day lies before it."""
    local = instant.astimezone(ws.calendar.tz)
    return local.date(), local.time() != time()
