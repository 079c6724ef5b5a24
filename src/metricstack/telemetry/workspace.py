"""The workspace: an organisation's configuration and its tables, by name, as Ibis expressions."""

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cached_property, reduce
from operator import and_
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metricstack.core.errors import InvalidInput, UnreadableFile, WorkspaceError
from metricstack.core.values import Provenance, Reason, Refusal
from metricstack.core.windows import Window
from metricstack.telemetry.calendar import Calendar
from metricstack.telemetry.config import FILE_NAME, WorkspaceConfig, read_config
from metricstack.telemetry.contract import Column, Kind, Table
from metricstack.telemetry.engines import (
    connect,
    dialect_of,
    disconnect,
    find_table,
    is_file_error,
    is_remote,
    list_tables,
    never_null,
    read_files,
)
from metricstack.telemetry.tables import TABLES, table
from metricstack.telemetry.warehouse import DataFile, Warehouse, file_digest

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["Workspace", "open_workspace"]


def open_workspace(path: str | os.PathLike[str]) -> "Workspace":
    """Open a workspace by its folder or its `metricstack.toml`.

    A relative path is looked for here and then in the folders above, so that a notebook in a folder of
    its own opens the project's workspace. A table that is missing is no error: what needs it will refuse, naming it.

    Raises:
        WorkspaceError: there is no `metricstack.toml`.
        ConfigurationError: it has faults; all are listed.
        UnreadableFile: it, or the warehouse's manifest, cannot be read.
    """
    asked = Path(path).expanduser()
    above = () if asked.is_absolute() else Path.cwd().parents
    folder = next((place for place in (asked, *(parent / asked for parent in above)) if place.exists()), asked)
    file = folder / FILE_NAME if folder.is_dir() else folder
    if not file.is_file() or file.suffix != ".toml":
        raise WorkspaceError(
            f"There is no {FILE_NAME} at {folder}. Make a workspace with `metricstack simulate {folder}` "
            f"or `metricstack ingest PATH --as table --workspace {folder}`."
        )
    return Workspace(file.parent.resolve(), read_config(file))


class Workspace:
    """Named tables of one organisation, its calendar, and its policies; opened read-only.

    The data are those of the moment of opening: a load that ends later is seen by the next `open`.

    Args:
        root: The folder that holds `metricstack.toml`.
        config: Its content.
    """

    def __init__(self, root: Path, config: WorkspaceConfig) -> None:
        self.root = root
        self.config = config
        self.is_reproducible = False  # True: the engine adds in one fixed order
        self._raw: dict[str, ir.Table] = {}
        self._views: dict[tuple[str, bool], ir.Table] = {}
        self._facts: dict[str, dict[str, Any]] = {}
        self._known: dict[str, frozenset[str]] = {}
        self._spans: dict[tuple[str, ...], Window | None] = {}

    def __repr__(self) -> str:
        return f"Workspace({self.config.name!r}, {len(self.tables)} of {len(TABLES)} tables)"

    @property
    def calendar(self) -> Calendar:
        """The reporting zone and fiscal year."""
        return self.config.calendar

    def quarter(self, name: str) -> Window:
        """Return a fiscal quarter of this organisation, ``"2026Q3"``, as a window of UTC instants."""
        return self.calendar.quarter(name)

    @property
    def is_remote(self) -> bool:
        """True where the tables live in an engine (a URL, a catalogue), not in a folder of Parquet."""
        return is_remote(self.config.warehouse)

    @property
    def dialect(self) -> str:
        """The SQL dialect that the workspace's engine reads: ``duckdb``, ``postgres``, ``pyspark``."""
        return dialect_of(self.config.engine, self.config.warehouse)

    @cached_property
    def warehouse(self) -> Warehouse:
        """The files of the warehouse's folder, as of the opening; empty for an engine."""
        return Warehouse(self.root) if self.is_remote else Warehouse.open(self.root / self.config.warehouse)

    @cached_property
    def connection(self) -> Any:
        """The engine: DuckDB in memory over the files, or what the configuration names.

        Raises:
            WorkspaceError: it cannot be reached, or what it needs is not installed.
        """
        return connect(self.config.engine, self.config.warehouse)

    def close(self) -> None:
        """End the connection to the engine; a workspace that is asked again connects again."""
        if "connection" in self.__dict__:
            disconnect(self.__dict__.pop("connection"))
            self.is_reproducible = False
            self._raw.clear()
            self._views.clear()

    def reproducible(self) -> "Workspace":
        """Make the embedded engine add in one fixed order, so that equal data give equal bytes.

        Several threads add floating-point numbers in the order in which they finish, which moves the
        last digit from run to run. A report must not move at all. Other engines are left as they are.
        """
        if self.is_embedded:
            self.connection.raw_sql("SET threads = 1")
            self.is_reproducible = True
        return self

    @property
    def is_embedded(self) -> bool:
        """True where the engine is a DuckDB of this process, over a folder of Parquet."""
        return not self.is_remote and self.config.engine == "duckdb"

    @cached_property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables of the schema that this workspace has, in the schema's order."""
        there = list_tables(self.connection, self.config.warehouse) if self.is_remote else self.warehouse.tables
        return tuple(name for name in TABLES if name in set(there))

    def has(self, name: str) -> bool:
        """Tell whether a table of the schema is here.

        Raises:
            UnknownName: the schema has no such table.
        """
        return table(name).name in self.tables

    def missing(self, name: str) -> Refusal:
        """Refuse for want of a table, saying what would provide it."""
        unseen = " that its user may read" if self.is_remote else ""
        return Refusal(
            Reason.MISSING_TABLE,
            f"this workspace has no table {name!r}{unseen} ({table(name).about})",
            f"It usually comes from {table(name).provider}.",
        )

    def table(
        self, name: str, *, duplicates: bool = False, columns: Iterable[str] | None = None
    ) -> "ir.Table | Refusal":
        """Return a table with exactly the columns of its contract, in order, as an Ibis expression.

        Rows that a reader flagged as delivered twice are left out. A column that the data lack
        is there, all null. Columns that the contract does not know are left out.

        Args:
            name: A table of the schema.
            duplicates: Keep the rows flagged ``duplicate``.
            columns: The columns of the contract that are wanted, None for all of them; few compile faster.

        Returns:
            The table; or a refusal when the workspace does not have it.

        Raises:
            UnknownName: the schema has no such table.
            InvalidInput: a column has a type that its contract does not allow.
            UnreadableFile: a file of it is missing, truncated or not Parquet.
        """
        if not self.has(name):
            return self.missing(name)
        if columns is not None:
            wanted = tuple(dict.fromkeys(columns))
            stored = self._sound(name)
            if duplicates or "dq_flags" not in stored.columns:
                return _conform(table(name), stored, wanted)
            view = _conform(table(name), stored, (*wanted, "dq_flags"))
            view = view.filter(~view.dq_flags.fill_null("").contains("duplicate"))
            return view if "dq_flags" in wanted else view.drop("dq_flags")
        if (name, duplicates) not in self._views:
            rows = _conform(table(name), self._sound(name))
            if not duplicates:
                rows = rows.filter(~rows.dq_flags.fill_null("").contains("duplicate"))
            if self.is_embedded:
                # A view of the engine's own keeps every query on the table short to write and to compile.
                rows = self.connection.create_view(f"all_{name}" if duplicates else name, rows)
            self._views[name, duplicates] = rows
        return self._views[name, duplicates]

    def columns(self, name: str) -> tuple[str, ...]:
        """Return the columns that the data themselves have, of those in the table's contract."""
        if not self.has(name):
            return ()
        stored = self._as_stored(name).columns
        return tuple(column for column in table(name).names if column in stored)

    def never_null(self, name: str) -> frozenset[str]:
        """Return the columns that the files' own statistics prove to be known in every row of a table.

        Only the embedded engine is asked, which reads the footers of all files at once; where nothing is
        proven (another engine, a file without statistics, a file without the column) the answer is empty.
        """
        if not self.is_embedded or not self.has(name):
            return frozenset()
        if name not in self._known:
            self._as_stored(name)  # says what is wrong with a file that cannot be read
            paths = [str(self.warehouse.root / file.path) for file in self.warehouse.of(name)]
            proven = never_null(self.connection, paths)
            masked = {column for held, column in _TOLD_BY if held == name}
            self._known[name] = proven & frozenset(table(name).names) - masked
        return self._known[name]

    def always_null(self, name: str) -> frozenset[str]:
        """Return the columns of a table's contract that its data lack."""
        return frozenset(table(name).names) - frozenset(self.columns(name))

    def delivered(self, name: str) -> "ir.Table | Refusal":
        """Return a table as `table` does, with the numbers too that its contract rules out: what a check looks for.

        Raises:
            UnknownName: the schema has no such table.
            InvalidInput: a column has a type that its contract does not allow.
        """
        if not self.is_remote or not self.has(name):
            return self.table(name)
        rows = _conform(table(name), self._as_stored(name))
        return rows.filter(~rows.dq_flags.fill_null("").contains("duplicate"))

    def _sound(self, name: str) -> "ir.Table":
        raw = self._as_stored(name)
        return _within(table(name), raw) if self.is_remote else raw

    def _as_stored(self, name: str) -> "ir.Table":
        if name not in self._raw:
            self._raw[name] = (
                find_table(self.connection, self.config.warehouse, name) if self.is_remote else self._register(name)
            )
        return self._raw[name]

    def _register(self, name: str) -> "ir.Table":
        root = self.warehouse.root
        paths = [_whole(root, file) for file in self.warehouse.of(name)]
        try:
            return read_files(self.connection, f"raw_{name}", paths)
        except Exception as error:
            if not is_file_error(error):
                raise
            raise UnreadableFile(root / name, f"not readable as Parquet: {str(error).splitlines()[0]}") from error

    def verify(self) -> None:
        """Compare every file of the warehouse with what was written; a flipped bit changes numbers in silence.

        Raises:
            UnreadableFile: a file is gone, has another length, or holds other bytes.
        """
        for file in self.warehouse.files:
            _whole(self.warehouse.root, file)
            path = self.warehouse.root / file.path
            if file_digest(path) != file.digest:
                raise UnreadableFile(path, "its bytes are not those that were written. Load its source again.")

    def fingerprint(self, name: str) -> str:
        """Return a short hash of a table's data, empty where the table is missing."""
        if not self.has(name):
            return ""
        if not self.is_remote:
            return self.warehouse.fingerprint(name)
        from hashlib import sha256

        return sha256(repr(sorted(self._remote(name).items())).encode()).hexdigest()[:16]

    def rows(self, name: str) -> int:
        """Count a table's rows, as of the opening; 0 where the table is missing."""
        if not self.has(name):
            return 0
        if self.is_remote:
            return int(self._remote(name)["rows"])
        return sum(file.rows for file in self.warehouse.of(name))

    def span(self, *names: str) -> Window | None:
        """Return the window from the first to the last event of these tables (all by default), None without any."""
        names = names or self.tables
        if names not in self._spans:
            self._spans[names] = self._span(names)
        return self._spans[names]

    def _span(self, names: tuple[str, ...]) -> Window | None:
        if self.is_remote:
            bounds = [bound for name in names if self.has(name) for bound in self._remote_span(name)]
        else:
            files = [file for name in names for file in self.warehouse.of(name)]
            bounds = [bound for file in files for bound in (file.first, file.last) if bound is not None]
        if not bounds:
            return None
        from datetime import timedelta

        return Window(min(bounds), max(bounds) + timedelta(microseconds=1))

    def _remote_span(self, name: str) -> list[datetime]:
        bounds = (self._remote(name)[bound] for bound in ("first", "last"))
        return [
            (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)
            for value in bounds
            if value is not None
        ]

    def _remote(self, name: str) -> dict[str, Any]:
        """What is known of a table in an engine, asked once: its rows, first and last event, last arrival."""
        if name not in self._facts:
            view = _conform(table(name), self._as_stored(name), (table(name).event_time, "ingested_at"))
            time = view[table(name).event_time]
            asked = view.aggregate(rows=view.count(), first=time.min(), last=time.max(), arrived=view.ingested_at.max())
            self._facts[name] = asked.to_pyarrow().to_pylist()[0]
        return self._facts[name]

    def provenance(self, tables: Iterable[str], window: Window | None = None, definition: str = "") -> Provenance:
        """Say where a number came from: these tables' data, this window, this definition, this code."""
        from metricstack import __version__

        prints = tuple((name, self.fingerprint(name)) for name in sorted(set(tables)))
        return Provenance(definition, window, prints, __version__)


_TOLD_BY = {("requests", "cost"): ("cost_state", ("partial", "unknown"))}
"""A column's value is unknown where another column says so: a cost known in part would pass for all of it, and be too
low in every sum and share without a word. As an unknown one it is counted as such, and totals are lower bounds."""


def _whole(root: Path, file: DataFile) -> str:
    path = root / file.path
    try:
        size = path.stat().st_size
    except OSError as error:
        raise UnreadableFile(path, f"listed in the manifest but {(error.strerror or 'unreadable').lower()}") from error
    if size != file.size:
        raise UnreadableFile(
            path,
            f"{size:,} bytes long where {file.size:,} were written: truncated or changed. Load its source again.",
        )
    return str(path)


def _within(contract: Table, raw: "ir.Table") -> "ir.Table":
    """Take a number of a database that its contract rules out for unknown: files were checked when they were read in.

    A latency below 0, as clocks that disagree tell it, would pass for the fastest answer of all.
    """
    import ibis

    bounded = {}
    for column in (contract[name] for name in contract.names if name in raw.columns):
        value = raw[column.name]
        sides = [] if column.minimum is None else [value >= column.minimum]
        sides += [] if column.maximum is None else [value <= column.maximum]
        if sides and value.type().is_numeric():
            bounded[column.name] = ibis.ifelse(reduce(and_, sides), value, ibis.null(value.type()))
    return raw.mutate(**bounded) if bounded else raw


def _conform(contract: Table, raw: "ir.Table", names: Iterable[str] | None = None) -> "ir.Table":
    wanted = contract.names if names is None else names
    return raw.select(**{name: _column(contract, contract[name], raw) for name in wanted})


def _column(contract: Table, column: Column, raw: "ir.Table") -> "ir.Value":
    import ibis

    if column.name not in raw.columns:
        return ibis.null(column.kind.value)
    value = raw[column.name]
    told_by, states = _TOLD_BY.get((contract.name, column.name), ("", ()))
    if told_by in raw.columns:
        value = ibis.ifelse(raw[told_by].isin(states).fill_null(False), ibis.null(value.type()), value)
    kind = value.type()
    if not column.kind.fits(kind):
        raise InvalidInput(
            f"Table {contract.name!r}, column {column.name!r} is {kind}; the contract says {column.kind.value}. "
            "Load it again with `metricstack ingest`, which sets rows that do not fit aside; in a database, cast it in "
            "a view."
        )
    if column.kind is Kind.INSTANT and kind.timezone is None:
        return value.cast(column.kind.value)  # the session's zone is UTC
    if column.kind is Kind.INSTANT and kind.timezone == "UTC":
        return value  # whatever its precision
    return value if str(kind) == column.kind.value else value.cast(column.kind.value)
