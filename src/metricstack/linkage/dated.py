"""Dated changes, of the whole company or of a part of it, from its events and deployments."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from metricstack.core.values import Refusal

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["Dated", "dated_changes", "split_about"]

_EVENTS = ("rollout", "price_change", "release", "reorganisation", "training")
_DEPLOYED = ("model", "prompt", "policy")
_ABOUT = re.compile(r"^(?P<name>.*?)\s*\((?P<use_case>[^()]+)\)\s*$")


@dataclass(frozen=True, slots=True)
class Dated:
    """A change that has a date.

    Args:
        key: The event, or the deployment.
        about: What it is, in words; of a deployment its kind.
        kind: Of the event, or of the deployment.
        first: First local day that has it.
        until: First local day that has it no more; None = it stays.
        partial: The first day had it for a part of the day.
        where: What it touches, as dimension and value, the narrowest part first; empty = everybody.
    """

    key: str
    about: str
    kind: str
    first: date
    until: date | None = None
    partial: bool = False
    where: tuple[tuple[str, str], ...] = ()

    def touches(self, dimension: str, value: str) -> bool:
        """Whether it touches a value of a dimension, or a part of what has that value.

        Example:
            >>> change = Dated("d-7", "", "prompt", date(2026, 5, 4), where=(("use_case", "support"),))
            >>> change.touches("use_case", "support"), change.touches("use_case", "search")
            (True, False)
            >>> change.touches("region", "emea")  # what it has of support
            True
        """
        return dict(self.where).get(dimension, value) == value

    def is_called(self, name: str) -> bool:
        """Whether it goes by a name: its key, or what it is about."""
        return name in (self.key, self.about)


def split_about(about: str) -> tuple[str, str]:
    """Return what a rollout is about, and the use case that is named in brackets behind it; empty = all.

    Example:
        >>> split_about("parallel reading (documents)")
        ('parallel reading', 'documents')
    """
    named = _ABOUT.match(about)
    return (named["name"], named["use_case"]) if named else (about, "")


def dated_changes(ws: "Workspace") -> tuple[Dated, ...]:
    """Read the dated changes: events of everybody or of one value, and deployments of models, prompts and policies.

    A deployment changes the use case that its service alone is for, as requests tell it. A service of several, one that
    no request names, and that of a company with one use case are taken for everybody's.

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
    return list(here.select(columns).distinct().to_pyarrow().to_pylist())


def _events(ws: "Workspace") -> Iterator[Dated]:
    for row in _rows(ws, "events", ["event", "kind", "scope", "start", "end", "about"]):
        where = _where(row)
        if row["kind"] in _EVENTS and where is not None and row["start"] is not None:
            first, partial = _begun(ws, row["start"])
            ends = row["end"] is not None and row["kind"] != "release"  # its end is that of releasing: it stays
            until = ws.calendar.local_day(row["end"]) if ends else None
            yield Dated(row["event"], row["about"] or "", row["kind"], first, until, partial, where)


def _where(row: Mapping[str, Any]) -> tuple[tuple[str, str], ...] | None:
    """Return what an event touches; None where its scope names no value."""
    if row["scope"] in (None, "", "all"):
        return ()
    dimension, _, value = (part.strip() for part in row["scope"].partition(":"))
    if not (dimension and value):
        return None
    use_case = split_about(row["about"] or "")[1] if row["kind"] == "rollout" else ""
    within = (("use_case", use_case),) if use_case and dimension != "use_case" else ()
    return ((dimension, value), *within)


def _deployments(ws: "Workspace") -> Iterator[Dated]:
    columns = ["deployment", "deployed", "status", "kind", "service"]
    rows = [row for row in _rows(ws, "deployments", columns) if row["kind"] in _DEPLOYED]
    served = _served(ws) if rows else {}
    for row in rows:
        if row["status"] in (None, "success") and row["deployed"] is not None:
            first, partial = _begun(ws, row["deployed"])
            use_case = served.get(row["service"])
            where = (("use_case", use_case),) if use_case else ()
            yield Dated(row["deployment"], "", row["kind"], first, None, partial, where)


def _served(ws: "Workspace") -> dict[str, str]:
    """Return service → use case, of services for one of several use cases."""
    found: dict[str, set[str]] = {}
    for row in _rows(ws, "requests", ["service", "use_case"]):
        if row["service"] and row["use_case"]:
            found.setdefault(row["service"], set()).add(row["use_case"])
    several = len(set().union(*found.values())) > 1
    return {service: next(iter(named)) for service, named in found.items() if several and len(named) == 1}


def _begun(ws: "Workspace", instant: datetime) -> tuple[date, bool]:
    """Return the local day of an instant, and whether a part of that day lies before it."""
    local = instant.astimezone(ws.calendar.tz)
    return local.date(), local.time() != time()
