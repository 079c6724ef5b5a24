"""Where a unit's rows wait until all are judged: DuckDB, in bounded memory.

Only typed rows with hashed identifiers come here, so that nothing personal can spill to disk when memory is short.
"""

# ruff: noqa: S608 - what is put into a query are names of the contract, and quoted paths

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from metricstack.sources.base import BATCH_ROWS
from metricstack.telemetry.check import row_rules
from metricstack.telemetry.contract import Kind, Table
from metricstack.telemetry.engines import spill_folder
from metricstack.telemetry.tables import table as table_named

__all__ = ["Settled", "Stage"]

_TYPES = {
    Kind.TEXT: "VARCHAR",
    Kind.INTEGER: "BIGINT",
    Kind.FLOAT: "DOUBLE",
    Kind.FLAG: "BOOLEAN",
    Kind.INSTANT: "TIMESTAMPTZ",
}
_NOT_CONTENT = ("source", "ingested_at", "dq_flags")
"""Columns that may differ between two deliveries of the same row."""
_OTHER_CONTENT = "key is there with other content"


@dataclass(frozen=True, slots=True)
class Settled:
    """What becomes of one table's rows.

    Args:
        table: The table's contract.
        columns: The columns that the rows have.
        read: How many rows there were.
        loaded: How many become data.
        duplicates: How many were there already, equal.
        quarantined: How many are set aside.
    """

    table: Table
    columns: tuple[str, ...]
    read: int
    loaded: int
    duplicates: int
    quarantined: int


class Stage:
    """Holds the rows of one unit at a time and decides on each: load, duplicate, or set aside.

    Args:
        memory: DuckDB's memory limit; beyond it, rows spill to the system's folder for temporary files.
    """

    def __init__(self, memory: str = "700MB") -> None:
        import ibis

        self.connection = ibis.duckdb.connect(
            ":memory:", memory_limit=memory, temp_directory=str(spill_folder()), preserve_insertion_order=True
        )
        self.raw = self.connection.con
        self.raw.execute("SET TimeZone = 'UTC'")
        self._columns: dict[str, tuple[str, ...]] = {}
        self._seen: dict[str, set[str]] = {}

    def close(self) -> None:
        """Let go of everything."""
        self.connection.disconnect()

    def clear(self) -> None:
        """Forget the rows of the unit, keep what is known of the warehouse."""
        for name in self._columns:
            for kind in ("rows", "fate", "keys"):
                self.raw.execute(f'DROP TABLE IF EXISTS "{kind}_{name}"')
        self._columns = {}

    def _numbers(self, query: str) -> list[Any]:
        return list(self.raw.execute(query).fetchall())

    def add(self, table: Table, rows: Any) -> None:
        """Add typed rows: columns of the contract, beside them ``_row`` and ``_reason``."""
        columns = tuple(column for column in rows.column_names if column in table)
        name = table.name
        self.raw.register("incoming", rows)
        try:
            if name not in self._columns:
                self.raw.execute(f'CREATE TABLE "rows_{name}" AS SELECT * FROM incoming')
                self._columns[name] = columns
            else:
                self.raw.execute(f'INSERT INTO "rows_{name}" BY NAME SELECT * FROM incoming')
        finally:
            self.raw.unregister("incoming")

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that have rows waiting."""
        return tuple(self._columns)

    def digest(self) -> str:
        """Return what identifies the waiting rows, in whatever order they came."""
        import hashlib

        parts = []
        for name, columns in sorted(self._columns.items()):
            listed = ", ".join(f'"{column}"' for column in columns if column not in _NOT_CONTENT)
            found = self._numbers(f'SELECT count(*), sum(hash({listed})::HUGEINT) FROM "rows_{name}"')
            parts.append(f"{name}:{','.join(columns)}:{found[0]}")
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def settle(self, table: Table, files: Sequence[str]) -> Settled:
        """Judge the waiting rows of a table.

        Args:
            table: The table's contract.
            files: Paths of the Parquet files that hold the table now.

        Returns:
            The counts; ``read = loaded + duplicates + quarantined``.
        """
        name, columns = table.name, self._columns[table.name]
        self.raw.execute(f'CREATE TABLE "fate_{name}" (_row BIGINT, reason VARCHAR)')
        self.raw.execute(f'INSERT INTO "fate_{name}" {_broken_rows(name, columns)}')
        self._judge_keys(table, columns, files)
        read = self._numbers(f'SELECT count(*) FROM "rows_{name}"')[0][0]
        fates = self._numbers(f'SELECT count(*), count(reason) FROM "fate_{name}"')[0]
        return Settled(table, columns, read, read - fates[0], fates[0] - fates[1], fates[1])

    def _judge_keys(self, table: Table, columns: tuple[str, ...], files: Sequence[str]) -> None:
        name = table.name
        keys = ", ".join(f'"{column}"' for column in table.key)
        self._remember(table, files)
        self.raw.execute(
            f'CREATE TABLE "keys_{name}" AS SELECT _row, hash({keys}) AS h FROM "rows_{name}" '
            f'ANTI JOIN "fate_{name}" USING (_row)'
        )
        hits = f'SELECT h FROM "keys_{name}" GROUP BY h HAVING count(*) > 1'
        if files:
            hits += f' UNION SELECT h FROM "keys_{name}" SEMI JOIN "seen_{name}" USING (h)'
        self.raw.execute(f"CREATE OR REPLACE TEMP TABLE hits AS {hits}")
        if self._numbers("SELECT count(*) FROM hits")[0][0] == 0:
            return
        old = _select(table, self._file_columns(files), _scan(files), keys) if files else None
        new = _select(table, columns, f'"rows_{name}"', keys, extra="_row,")
        self.raw.execute(
            f'CREATE OR REPLACE TEMP TABLE suspects AS {new} SEMI JOIN "keys_{name}" USING (_row) '
            f"WHERE hash({keys}) IN (SELECT h FROM hits)"
        )
        known = (
            f"{old} WHERE hash({keys}) IN (SELECT h FROM hits)"
            if old
            else f"SELECT {keys}, c FROM suspects WHERE false"
        )
        self.raw.execute(
            f'INSERT INTO "fate_{name}" '
            f"WITH known AS (SELECT {keys}, list(DISTINCT c) AS cs FROM ({known}) GROUP BY {keys}), "
            f"ranked AS (SELECT *, row_number() OVER (PARTITION BY {keys} ORDER BY _row) AS place, "
            f"first_value(c) OVER (PARTITION BY {keys} ORDER BY _row) AS first_c FROM suspects) "
            f"SELECT _row, CASE WHEN list_contains(coalesce(cs, [first_c]), c) THEN NULL "
            f"ELSE '{_OTHER_CONTENT}' END FROM ranked LEFT JOIN known USING ({keys}) "
            "WHERE place > 1 OR cs IS NOT NULL"
        )

    def _remember(self, table: Table, files: Sequence[str]) -> None:
        """Keep the hashes of the keys that the warehouse has, so that each file is read once per run."""
        name = table.name
        if name not in self._seen:
            self.raw.execute(f'CREATE TABLE "seen_{name}" (h UBIGINT)')
            self._seen[name] = set()
        new = [file for file in files if file not in self._seen[name]]
        if new:
            keys = ", ".join(_typed(table, column) for column in table.key)
            self.raw.execute(f'INSERT INTO "seen_{name}" SELECT hash({keys}) FROM {_scan(new)}')
            self._seen[name].update(new)

    def _file_columns(self, files: Sequence[str]) -> tuple[str, ...]:
        described = self._numbers(f"DESCRIBE SELECT * FROM {_scan(files)}")
        return tuple(row[0] for row in described)

    def loaded(self, settled: Settled) -> Iterator[Any]:
        """Yield the rows that become data, sorted by event time and key, as Arrow record batches."""
        name = settled.table.name
        columns = ", ".join(f'"{column}"' for column in settled.columns)
        order = ", ".join(f'"{column}"' for column in dict.fromkeys((settled.table.event_time, *settled.table.key)))
        set_aside = f'ANTI JOIN "fate_{name}" USING (_row) ' if settled.loaded < settled.read else ""
        query = f'SELECT {columns} FROM "rows_{name}" {set_aside}ORDER BY {order}'
        yield from self.raw.execute(query).to_arrow_reader(BATCH_ROWS)

    def set_aside(self, settled: Settled, file: str) -> Iterator[Any]:
        """Yield the rows that are set aside, with ``reason``, ``file`` and ``row``, as Arrow record batches."""
        name = settled.table.name
        columns = ", ".join(f'"{column}"' for column in settled.columns)
        query = (
            f'SELECT reason, ?::VARCHAR AS "file", _row AS "row", {columns} FROM "rows_{name}" '
            f'JOIN (SELECT * FROM "fate_{name}" WHERE reason IS NOT NULL) USING (_row) ORDER BY _row'
        )
        yield from self.raw.execute(query, [file]).to_arrow_reader(BATCH_ROWS)


@cache
def _broken_rows(name: str, columns: tuple[str, ...]) -> str:
    """Compile the query for rows that break the contract, with all their reasons; once per table and columns."""
    import ibis

    contract = table_named(name)
    kinds = {column: contract[column].kind.value for column in columns}
    rows = ibis.table(kinds | {"_row": "int64", "_reason": "string"}, name=f"rows_{name}")
    none = ibis.null("string")
    said = [
        ibis.ifelse(broken(rows).fill_null(False), text, none) for text, broken in row_rules(contract, columns).values()
    ]
    reasons = rows.select("_row", reason=ibis.literal("; ").join([rows["_reason"], *said]))
    return str(ibis.to_sql(reasons.filter(reasons.reason != ""), dialect="duckdb"))


def _scan(files: Iterable[str]) -> str:
    # DuckDB reads [, * and ? in a path as patterns; a class of one character stands for itself.
    listed = ["".join(f"[{sign}]" if sign in "[*?" else sign for sign in file).replace("'", "''") for file in files]
    return "read_parquet([" + ", ".join(f"'{file}'" for file in listed) + "], union_by_name = true)"


def _typed(table: Table, column: str) -> str:
    return f'CAST("{column}" AS {_TYPES[table[column].kind]})'


def _select(table: Table, columns: Sequence[str], source: str, keys: str, extra: str = "") -> str:
    """Select keys and a hash of the content; a column that is not there counts as null."""
    typed = ", ".join(f'{_typed(table, column)} AS "{column}"' for column in table.key)
    content = ", ".join(
        _typed(table, column) if column in columns else f"CAST(NULL AS {_TYPES[table[column].kind]})"
        for column in table.names
        if column not in _NOT_CONTENT
    )
    inner = f"SELECT {extra} {typed}, hash({content}) AS c FROM {source}"
    return f"SELECT {extra} {keys}, c FROM ({inner})"
