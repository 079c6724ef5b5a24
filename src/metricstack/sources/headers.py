"""Decide which header fills which column of a table: by the map, by canonical name, by alias."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from metricstack.core.errors import InvalidInput, nearest
from metricstack.sources.base import Reading
from metricstack.sources.mapping import ColumnMap, SourceMap, TableMap
from metricstack.telemetry.aliases import find_alias, stand_in
from metricstack.telemetry.contract import Table

__all__ = ["Plan", "plan"]

_SET_BY_US = ("attributes",)


@dataclass(frozen=True, slots=True)
class Plan:
    """How one table is filled from rows under given headers.

    Args:
        table: The table's contract.
        headers: Column → the header that fills it.
        readings: Column → how its values are read.
        constants: Column → its value in every row.
        row_ids: Columns that become an id of the row.
        keep: Headers that go to ``attributes``.
        unused: Headers that fill nothing here.
    """

    table: Table
    headers: Mapping[str, str]
    readings: Mapping[str, Reading]
    constants: Mapping[str, Any] = field(default_factory=dict)
    row_ids: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


def plan(table: Table, headers: Sequence[str], source: SourceMap | None) -> Plan:
    """Plan how a table is filled.

    The map comes first; a header that it does not name fills the column whose canonical name or
    alias it is. A header that is neither is left out, unless the map keeps it.

    Raises:
        InvalidInput: two headers mean one column, the map names a header that is not there, or a
            column that no row can do without has no header; all of it at once.
    """
    source = source or SourceMap()
    own = source.tables.get(table.name, source.tables.get("", TableMap()))
    faults: list[str] = []
    by_column, readings, row_ids, taken = _mapped(own, headers, source.zone, faults)
    for header in headers:
        alias = find_alias(table, header)
        set_aside = header in taken or header in source.keep or header in source.ignore
        if set_aside or alias is None or alias.columns[0] in (*_SET_BY_US, *own.columns, *own.constants):
            continue
        column = alias.columns[0]
        if column in by_column:
            faults.append(
                f"headers {by_column[column]!r} and {header!r} both mean column {column!r}; "
                "name one of them in `ignore` of a map"
            )
            continue
        by_column[column] = header
        readings[column] = Reading(header=header, zone=source.zone, scale=alias.scale, less=alias.less)
    faults += _complete(table, own, (by_column, readings, row_ids), headers)
    if faults:
        raise InvalidInput(f"cannot be read as {table.name!r}: " + "; ".join(faults) + ".")
    kept = tuple(header for header in source.keep if header in headers)
    used = {*by_column.values(), *kept, *source.ignore}
    unused = tuple(header for header in headers if header not in used)
    return Plan(table, by_column, readings, own.constants, tuple(row_ids), kept, unused)


def _mapped(
    own: TableMap, headers: Sequence[str], zone: str, faults: list[str]
) -> tuple[dict[str, str], dict[str, Reading], list[str], set[str]]:
    by_column: dict[str, str] = {}
    readings: dict[str, Reading] = {}
    row_ids: list[str] = []
    for column, entry in own.columns.items():
        if entry.row:
            row_ids.append(column)
        elif entry.header not in headers:
            guess = nearest(entry.header, headers)
            hint = f"did you mean {guess!r}?" if guess else f"there are: {', '.join(headers)}"
            faults.append(f"the map names header {entry.header!r}, which is not there ({hint})")
        else:
            by_column[column] = entry.header
            readings[column] = _reading(entry, zone)
    return by_column, readings, row_ids, set(by_column.values())


def _reading(entry: ColumnMap, zone: str) -> Reading:
    return Reading(
        header=entry.header, zone=entry.zone or zone, format=entry.format,
        scale=entry.scale, values=entry.values, hashed=entry.hash,
    )  # fmt: skip


def _complete(
    table: Table, own: TableMap, filled: tuple[dict[str, str], dict[str, Reading], list[str]], headers: Sequence[str]
) -> list[str]:
    """Fill keys that another column may stand in for; say which columns no header fills."""
    by_column, readings, row_ids = filled
    faults = []
    for column in table.columns:
        if column.name in by_column or column.name in own.constants or column.name in row_ids:
            continue
        other = stand_in(table.name, column.name)
        if other is not None and other in by_column:
            by_column[column.name], readings[column.name] = by_column[other], readings[other]
            continue
        if column.nullable:
            continue
        guess = nearest(column.name, headers)
        hint = f"; is it {guess!r}?" if guess else ""
        faults.append(f"no header fills {column.name!r} ({column.about}), which every row needs{hint}")
    return faults
