"""Dimensions by name, across declared keys, never so that a row is counted twice.

A dimension is a column of the metric's own table, or of a table that a column references, many to one
(`feedback.run` → `requests`), in at most two steps. A table on the *other* side of a reference has
several rows for one of ours: joining it would multiply ours, so it is refused, with the sibling metric
that can answer. Where a measure needs such a table, a lookup (`telemetry.lookups`) first makes one row of
the several.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from metricstack.core.errors import InvalidInput, UnknownName, nearest
from metricstack.core.privacy import PrivacyClass
from metricstack.core.values import Refusal
from metricstack.telemetry.contract import Kind, Table
from metricstack.telemetry.lookups import Lookup, lookup
from metricstack.telemetry.tables import TABLES, table

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from metricstack.metrics.model import Definition
    from metricstack.telemetry.workspace import Workspace

__all__ = ["Path", "attach", "dimensions", "looked_up_by", "path_to", "referenced_rows", "tables_joined", "unit_path"]

_STEPS = 2
_NEVER = ("attributes", "dq_flags")


@dataclass(frozen=True, slots=True)
class Path:
    """The way from a table to a dimension.

    Args:
        column: The dimension's column.
        through: Referencing columns to follow, in order; empty for an own column.
        table: The table that holds the column.
    """

    column: str
    through: tuple[str, ...]
    table: str


def _target(contract: Table, column: str) -> Table | None:
    """Return the table that a column references with one row per key, None where there is none."""
    reference = contract[column].references
    if not reference:
        return None
    name, _, key = reference.partition(".")
    target = table(name)
    return target if (key,) in (target.key, target.state_of) else None


@cache
def _paths(name: str) -> dict[str, Path]:
    """Every column reachable from a table without multiplying its rows, the nearest way to each."""
    found: dict[str, Path] = {}
    frontier: list[tuple[str, tuple[str, ...]]] = [(name, ())]
    for _ in range(_STEPS + 1):
        following: list[tuple[str, tuple[str, ...]]] = []
        for owner, through in frontier:
            contract = table(owner)
            for column in contract.columns:
                if not (through and column.name in _ENVELOPE):
                    found.setdefault(column.name, Path(column.name, through, owner))
                target = _target(contract, column.name)
                if target is not None:
                    following.append((target.name, (*through, column.name)))
        frontier = following
    return found


_ENVELOPE = ("source", "ingested_at", "service", "env", "sample_probability", "dq_flags", "attributes")


def _is_dimension(path: Path) -> bool:
    column = table(path.table)[path.column]
    return (
        column.kind in (Kind.TEXT, Kind.FLAG)
        and column.privacy is not PrivacyClass.IDENTIFIER
        and column.name not in _NEVER
    )


def dimensions(name: str) -> tuple[str, ...]:
    """Return the dimensions by which a table's metrics may be asked.

    Example:
        >>> "region" in dimensions("feedback"), "step" in dimensions("requests"), "user" in dimensions("requests")
        (True, False, False)
    """
    return tuple(column for column, path in _paths(name).items() if _is_dimension(path))


def path_to(name: str, column: str, metric: str, siblings: Iterable[tuple["Definition", str]] = ()) -> Path:
    """Find the way from a table to a dimension.

    Args:
        name: The metric's table.
        column: The dimension asked for.
        metric: The metric's id, for messages.
        siblings: Other definitions with a table of theirs, to name one that has the dimension.

    Raises:
        InvalidInput: the dimension is a person's id, or lies where a join would multiply rows.
        UnknownName: no table within reach has it.
    """
    path = _paths(name).get(column)
    if path is not None and _is_dimension(path):
        return path
    if path is not None and table(path.table)[column].privacy is PrivacyClass.IDENTIFIER:
        raise InvalidInput(
            f"Metric {metric!r} cannot be asked by {column!r}: it names a person or a tenant. "
            f"Allowed: {', '.join(dimensions(name))}."
        )
    if path is not None:
        raise InvalidInput(
            f"Metric {metric!r} cannot be asked by {column!r}, which is {table(path.table)[column].kind.value}. "
            f"Allowed: {', '.join(dimensions(name))}."
        )
    able = [other.id for other, home in siblings if column in dimensions(home)]
    hint = f" Metrics that have it: {', '.join(able[:5])}." if able else ""
    for other in TABLES.values():
        if column in other and any((found := _target(other, c.name)) and found.name == name for c in other.columns):
            raise InvalidInput(
                f"Metric {metric!r} cannot be asked by {column!r}: it stands in table {other.name!r}, where several "
                f"rows belong to one of {name!r}, and a join would count each of those several times.{hint}"
            )
    known = dimensions(name)
    listed = nearest(column, known) is not None or len(known) <= 12
    listing = "" if listed else f"Metric {metric!r} can be asked by: {', '.join(known)}."
    remedy = f"{listing}{hint}".strip()
    raise UnknownName("dimension", column, known, remedy=remedy)


def unit_path(name: str, column: str) -> Path | None:
    """Return the way from a table to the column that names a randomised unit, None where it has none.

    For counting within the engine only: units are persons, and never leave it.

    Example:
        >>> unit_path("requests", "user").through, unit_path("actions", "user").through, unit_path("incidents", "user")
        ((), ('run',), None)
    """
    return _paths(name).get(column)


def looked_up_by(contract: Table, join: str) -> str:
    """Return the column of a table by which a join finds its rows: the reference itself, or a lookup's key.

    Example:
        >>> looked_up_by(table("changes"), "first_production"), looked_up_by(table("feedback"), "run")
        ('change', 'run')
    """
    looked = lookup(contract.name, join)
    return join if looked is None else looked.key


def tables_joined(name: str, join: str) -> tuple[str, ...]:
    """Return the tables that a join reads: the referenced one, or those that a lookup is made of.

    Example:
        >>> tables_joined("changes", "first_production"), tables_joined("feedback", "run")
        (('change_deployments', 'deployments'), ('requests',))
    """
    looked = lookup(name, join)
    return (table(name)[join].references.partition(".")[0],) if looked is None else looked.reads


def referenced_rows(ws: "Workspace", contract: Table, columns: Iterable[str]) -> "ir.Table | Refusal":
    """Return columns of a referenced table with at most one row per key, so that a join cannot multiply rows.

    Of states the last counts; of rows that break the contract by repeating a key, one is taken.
    """
    keys = list(contract.state_of or contract.key)
    rows = ws.table(contract.name, columns=[*keys, contract.event_time, "ingested_at", *columns])
    if isinstance(rows, Refusal):
        return rows
    import ibis

    latest = ibis.row_number().over(group_by=keys, order_by=[rows[contract.event_time].desc(), rows.ingested_at.desc()])
    return rows.mutate(_place=latest).filter(ibis._["_place"] == 0).drop("_place")


def attach(
    ws: "Workspace",
    rows: "ir.Table",
    contract: Table,
    wanted: Mapping[str, tuple[tuple[str, ...], str]],
    ends: Sequence[datetime | None] = (None,),
) -> "ir.Table | Refusal":
    """Add columns of referenced tables to rows, by left joins that keep their number.

    Args:
        ws: The workspace.
        rows: Rows of the table.
        contract: Its contract.
        wanted: New column's name → (referencing columns to follow, or a lookup; column there).
        ends: As of when a lookup tells; one for each ``_period`` where the rows have that column.

    Returns:
        The rows with the new columns, null where a reference points nowhere; or a refusal when a
        referenced table is missing.
    """
    for first in dict.fromkeys(through[0] for through, _ in wanted.values()):
        looked = lookup(contract.name, first)
        if looked is not None:
            told = {name: column for name, (through, column) in wanted.items() if through[0] == first}
            rows = _look_up(ws, rows, looked, told, ends)
            continue
        target = _target(contract, first)
        if target is None:
            raise InvalidInput(
                f"{contract.name}.{first} does not point to one row of another table: a join would multiply rows."
            )
        mine = {name: (through[1:], column) for name, (through, column) in wanted.items() if through[0] == first}
        deeper = {name: (rest, column) for name, (rest, column) in mine.items() if rest}
        there = referenced_rows(ws, target, [rest[0] if rest else column for rest, column in mine.values()])
        if isinstance(there, Refusal):
            return there
        if deeper:
            joined = attach(ws, there, target, deeper)
            if isinstance(joined, Refusal):
                return joined
            there = joined
        key = contract[first].references.partition(".")[2]
        columns = {name: there[name if rest else column] for name, (rest, column) in mine.items()}
        right = there.select(_key=there[key], **columns)
        rows = rows.left_join(right, rows[first] == right["_key"]).drop("_key")
    return rows


def _look_up(
    ws: "Workspace", rows: "ir.Table", looked: Lookup, told: Mapping[str, str], ends: Sequence[datetime | None]
) -> "ir.Table":
    """Add what a lookup tells, as of the end of each row's period; null where its tables are missing."""
    import ibis

    by_period = "_period" in rows.columns
    found = []
    for i, end in enumerate(ends if by_period else ends[-1:]):
        there = looked.build(ws, end)
        if isinstance(there, Refusal):
            kinds = {column.name: column.kind.value for column in looked.columns}
            return rows.mutate(**{name: ibis.null(kinds[column]) for name, column in told.items()})
        columns = {name: there[column] for name, column in told.items()}
        found.append(there.select("_key", _at=ibis.literal(i, type="int64"), **columns))
    right = found[0] if len(found) == 1 else ibis.union(*found)
    on = [rows[looked.key] == right["_key"]]
    if by_period:
        on.append(rows["_period"] == right["_at"])
    joined = rows.left_join(right, on)
    return joined.select([name for name in joined.columns if name not in ("_key", "_at")])  # in the order of columns
