"""A map: what the headers of somebody's files mean, where the alias file does not know them.

    zone = "UTC"                                    # of times that name none
    keep = ["gpu_type"]                             # headers to keep in `attributes`
    ignore = ["etl_batch"]                          # headers left out on purpose

    [tables.llm_calls.columns]                      # one section per table that the file fills
    call = { row = true }                           # an id of the row itself
    start = "TIMESTAMP"
    latency = { header = "took_ms", scale = 0.001 }
    start = { header = "at", format = "%d.%m.%Y %H:%M", zone = "Europe/Berlin" }
    outcome = { header = "status", values = { ok = "success", ko = "failure" } }
    input_hash = { header = "prompt", hash = true } # the text itself is not stored

    [tables.llm_calls.constants]
    sample_probability = 1.0                        # nothing was sampled

A file that fills one table may write `table = "llm_calls"`, `[columns]` and `[constants]` instead;
beside `[tables.…]`, these two hold for every table that has the column.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from metricstack.core.errors import ConfigurationError, Fault, nearest
from metricstack.core.toml import line_of, read_toml
from metricstack.telemetry.aliases import is_content
from metricstack.telemetry.contract import Column, Kind, Table
from metricstack.telemetry.tables import TABLES

__all__ = ["ColumnMap", "SourceMap", "TableMap", "read_map"]

_TOP = ("zone", "keep", "ignore", "table", "columns", "constants", "tables")
_ENTRY: dict[str, type | tuple[type, ...]] = {
    "header": str, "row": bool, "hash": bool, "scale": (int, float), "zone": str, "format": str, "values": dict,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Where one column comes from.

    Args:
        header: The header in the source; empty for an id of the row.
        row: The column is an id of the row itself.
        hash: The text is replaced by its keyed hash.
        scale: What numbers are multiplied by.
        zone: Zone of times that name none.
        format: How times are written, where not ISO 8601.
        values: Text of the source → text of the contract.
    """

    header: str = ""
    row: bool = False
    hash: bool = False
    scale: float = 1.0
    zone: str = ""
    format: str = ""
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class TableMap:
    """What a map says of one table.

    Args:
        columns: Column → where it comes from.
        constants: Column → its value in every row.
    """

    columns: Mapping[str, ColumnMap] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceMap:
    """A map as read; see the module for the file.

    Args:
        name: The file's name.
        digest: SHA-256 of its bytes, part of what a load is remembered by.
        zone: Zone of times that name none.
        keep: Headers that go to ``attributes``.
        ignore: Headers that are left out on purpose.
        tables: Table → its part of the map, in order; the key ``""`` where the table is not named.
    """

    name: str = ""
    digest: str = ""
    zone: str = ""
    keep: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    tables: Mapping[str, TableMap] = field(default_factory=dict)


class _Reader:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.values, self.text = read_toml(path)
        self.faults: list[Fault] = []

    def fault(self, message: str, *place: str) -> None:
        self.faults.append(Fault(f"{self.path.name}:{line_of(self.text, *place)}: {message}"))

    def unknown(self, kind: str, name: str, known: Any, *place: str) -> None:
        guess = nearest(name, known)
        hint = f"Did you mean {guess!r}?" if guess else f"Known: {', '.join(known)}."
        self.fault(f"unknown {kind} {name!r}. {hint}", *place)

    def section(self, value: Any, *place: str) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        self.fault(f"[{'.'.join(place)}] must be a table.", *place)
        return {}

    def headers(self, name: str) -> tuple[str, ...]:
        value = self.values.get(name, [])
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            self.fault(f"{name!r} must be a list of headers.", name)
            return ()
        return tuple(value)

    def zone(self, value: Any, *place: str) -> str:
        try:
            if isinstance(value, str) and value:
                ZoneInfo(value)
                return value
        except (KeyError, ValueError, OSError):
            pass
        guess = nearest(str(value), available_timezones())
        hint = f"Did you mean {guess!r}?" if guess else "Use an IANA name such as 'UTC' or 'Europe/Berlin'."
        self.fault(f"no such time zone {value!r}. {hint}", *place)
        return ""

    def table(self, contract: Table | None, columns: Any, constants: Any, *place: str) -> TableMap:
        found: dict[str, ColumnMap] = {}
        for name, value in self.section(columns, *place, "columns").items():
            here = (*place, "columns", name)
            if self.known(contract, name, *here) and (entry := self.column(value, contract, name, *here)) is not None:
                found[name] = entry
        fixed: dict[str, Any] = {}
        for name, value in self.section(constants, *place, "constants").items():
            here = (*place, "constants", name)
            if name in found:
                self.fault(f"column {name!r} is both a column and a constant.", *here)
            elif self.known(contract, name, *here) and self.constant(contract, name, value, *here):
                fixed[name] = value
        return TableMap(found, fixed)

    def known(self, contract: Table | None, name: str, *place: str) -> bool:
        known = contract.names if contract else {column for table in TABLES.values() for column in table.names}
        if name in known:
            return True
        where = f"column of table {contract.name!r}" if contract else "column"
        self.unknown(where, name, sorted(known), *place)
        return False

    def column(self, value: Any, contract: Table | None, name: str, *place: str) -> ColumnMap | None:
        entry = {"header": value} if isinstance(value, str) else value
        if not isinstance(entry, dict):
            self.fault(f'{name!r} must be a header, or a table such as {{ header = "…" }}.', *place)
            return None
        before = len(self.faults)
        for key, given in entry.items():
            if key not in _ENTRY:
                self.unknown("entry", key, list(_ENTRY), *place)
            elif not isinstance(given, _ENTRY[key]) or (isinstance(given, bool) and key == "scale"):
                self.fault(f"{key!r} of {name!r} has the wrong type: {given!r}.", *place)
        if bool(entry.get("header")) == bool(entry.get("row")):
            self.fault(f"{name!r} needs either a header or `row = true`.", *place)
        zone = self.zone(entry["zone"], *place) if isinstance(entry.get("zone"), str) else ""
        self._meaning(entry, contract[name] if contract else None, name, *place)
        if len(self.faults) > before:
            return None
        values = tuple((str(source), str(target)) for source, target in entry.get("values", {}).items())
        return ColumnMap(
            entry.get("header", ""), bool(entry.get("row")), bool(entry.get("hash")),
            float(entry.get("scale", 1.0)), zone, entry.get("format", ""), values,
        )  # fmt: skip

    def _meaning(self, entry: dict[str, Any], column: Column | None, name: str, *place: str) -> None:
        header = entry.get("header", "")
        text = column is not None and column.kind is Kind.TEXT
        if text and isinstance(header, str) and is_content(header) and header != name and not entry.get("hash"):
            self.fault(
                f"{name!r} would store {header!r}, which is message content by its name. It is never stored; "
                "write `hash = true` to store its keyed hash.",
                *place,
            )
        if column is not None and "scale" in entry and column.kind not in (Kind.FLOAT, Kind.INTEGER):
            self.fault(f"{name!r} is no number and cannot be scaled.", *place)
        if column is not None and column.values:
            for target in entry.get("values", {}).values() if isinstance(entry.get("values"), dict) else ():
                if target not in column.values:
                    self.unknown(f"value of {name!r}", str(target), list(column.values), *place)

    def constant(self, contract: Table | None, name: str, value: Any, *place: str) -> bool:
        holders = [contract] if contract else [table for table in TABLES.values() if name in table]
        column = holders[0][name]
        fits = {
            Kind.TEXT: isinstance(value, str),
            Kind.INTEGER: isinstance(value, int) and not isinstance(value, bool),
            Kind.FLOAT: isinstance(value, int | float) and not isinstance(value, bool),
            Kind.FLAG: isinstance(value, bool),
            Kind.INSTANT: isinstance(value, date | datetime),
        }[column.kind]
        if not fits:
            self.fault(f"constant {name!r} is {value!r}; the contract says {column.kind.value}.", *place)
        elif column.values and value not in column.values:
            self.unknown(f"value of {name!r}", value, list(column.values), *place)
            return False
        elif isinstance(value, datetime) and value.tzinfo is None:
            self.fault(f"constant {name!r} names no zone: write {value.isoformat()}Z for UTC.", *place)
            return False
        return fits


def read_map(path: Path) -> SourceMap:
    """Read a map.

    Raises:
        UnreadableFile: it cannot be read as TOML.
        ConfigurationError: it says things that are wrong; all of them are listed with their lines.
    """
    reader = _Reader(path)
    top = reader.values
    for name in top:
        if name not in _TOP:
            reader.unknown("entry", name, _TOP, name)
    keep, ignore = reader.headers("keep"), reader.headers("ignore")
    for header in keep:
        if is_content(header):
            reader.fault(f"{header!r} is message content by its name, which is never stored.", "keep")
    zone = reader.zone(top["zone"], "zone") if "zone" in top else ""
    tables = _tables(reader, top)
    if reader.faults:
        raise ConfigurationError(str(path), reader.faults)
    return SourceMap(path.name, hashlib.sha256(reader.text.encode()).hexdigest(), zone, keep, ignore, tables)


def _tables(reader: _Reader, top: dict[str, Any]) -> dict[str, TableMap]:
    name = top.get("table", "")
    if name not in ("", *TABLES):
        reader.unknown("table", str(name), list(TABLES), "table")
        return {}
    columns, constants = top.get("columns", {}), top.get("constants", {})
    if "tables" not in top:
        return {name: reader.table(TABLES.get(name), columns, constants)}
    if name:
        reader.fault("'table' and '[tables.…]' cannot stand together; name the table in one of them.", "table")
    shared = reader.table(None, columns, constants)
    found = {}
    for part, content in reader.section(top["tables"], "tables").items():
        if part not in TABLES:
            reader.unknown(
                "table", part, list(TABLES), "tables", part, *(list(content)[:1] if isinstance(content, dict) else ())
            )
            continue
        section = reader.section(content, "tables", part)
        for entry in section:
            if entry not in ("columns", "constants"):
                reader.unknown("entry", entry, ["columns", "constants"], "tables", part, entry)
        contract = TABLES[part]
        own = reader.table(contract, section.get("columns", {}), section.get("constants", {}), "tables", part)
        fixed = {c: v for c, v in shared.constants.items() if c in contract and c not in own.columns}
        mapped = {c: v for c, v in shared.columns.items() if c in contract and c not in own.constants}
        found[part] = TableMap(mapped | dict(own.columns), fixed | dict(own.constants))
    return found
