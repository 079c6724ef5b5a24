"""Any engine that Ibis reaches: tables and views under our names, copied in bounded batches.

    metricstack ingest postgres://reader@warehouse/telemetry --as sql --workspace DIR

The headers are read as those of a file are: canonical, by alias, or by a map. The engine is only
read. A password in the URL is used and then forgotten: no message, manifest or summary has it.
"""

from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from metricstack.core.errors import InvalidInput, MetricstackError, UnreadableFile, nearest
from metricstack.sources.base import BATCH_ROWS, Batch
from metricstack.sources.mapping import SourceMap
from metricstack.sources.tabular import batches_of
from metricstack.telemetry.addresses import masked, why_unreachable
from metricstack.telemetry.tables import TABLES

__all__ = ["SqlTable", "masked", "read_sql"]


def read_sql(path: str, *, mapping: SourceMap | None, table: str | None) -> list[Any]:
    """Find the tables and views of an engine that are called as ours are.

    Args:
        path: A URL that Ibis connects to: ``duckdb://``, ``sqlite://``, ``postgres://``, ...
        mapping: What headers mean; for each of our tables that it names, the engine's table of that
            name is read.
        table: Read this one alone.

    Raises:
        InvalidInput: it is no URL, an extra is not installed, or it has none of our tables.
        UnreadableFile: the engine cannot be reached.
    """
    connection = _connect(path)
    try:
        wanted = _wanted(path, connection, table)
        return [SqlTable(path, connection, name, mapping) for name in wanted]
    except BaseException:
        connection.disconnect()
        raise


def _wanted(path: str, connection: Any, table: str | None) -> list[str]:
    try:
        there = sorted(connection.list_tables())
    except Exception as error:
        raise _unreachable(path, error) from error
    wanted = [table] if table else [name for name in TABLES if name in there]
    if table and table not in there:
        guess = nearest(table, there)
        hint = f" Did you mean {guess!r}?" if guess else ""
        raise InvalidInput(f"{masked(path)} has no table or view {table!r}.{hint}")
    if not wanted:
        some = ", ".join(there[:10]) or "none"
        raise InvalidInput(
            f"{masked(path)} has no table or view under one of our names. It has: {some}. "
            "Make a view that is called as a table of docs/tables.md, such as `CREATE VIEW requests AS …`."
        )
    return wanted


class SqlTable:
    """One table or view of an engine.

    Args:
        url: The engine's URL.
        connection: An Ibis connection to it.
        table: The table's name, there and here.
        mapping: What its headers mean.
    """

    def __init__(self, url: str, connection: Any, table: str, mapping: SourceMap | None) -> None:
        self.url, self.connection, self.table, self.mapping = url, connection, table, mapping
        self.name = f"{masked(url)}/{table}"
        self.unmapped: Counter[str] = Counter()
        self._rows = connection.table(table)
        try:
            counted = next(iter(_stream(connection, self._rows.aggregate(n=self._rows.count()))))
            self.size = int(counted.column(0)[0].as_py())
        except Exception as error:
            raise _unreachable(url, error) from error

    def digest(self) -> None:
        """Return nothing: only the rows can tell whether they are known."""

    def close(self) -> None:
        """Disconnect from the engine."""
        with suppress(Exception):  # another table of the same engine has disconnected already
            self.connection.disconnect()

    def batches(self) -> Iterator[Batch]:
        """Yield the table's rows."""
        yield from batches_of(self._read(), (self.table,), self.mapping, self.unmapped)

    def _read(self) -> Generator[Any, Any, None]:
        wanted = yield list(self._rows.columns)
        rows = self._rows if wanted is None else self._rows.select(*wanted)
        read = 0
        try:
            for batch in _stream(self.connection, rows):
                read += batch.num_rows
                yield pa.Table.from_batches([batch]), min(read / max(self.size, 1), 1.0)
        except MetricstackError:
            raise
        except Exception as error:
            raise _unreachable(self.url, error, f"stopped after {read:,} rows of {self.table!r}") from error


def _stream(connection: Any, rows: Any) -> Iterator[Any]:
    """Yield the record batches of an expression, without the whole of it in memory."""
    if connection.name == "duckdb":  # Ibis 12 calls a method here that DuckDB 1.5 warns of
        yield from connection.raw_sql(connection.compile(rows)).to_arrow_reader(BATCH_ROWS)
    elif connection.name == "sqlite":  # Ibis 12 reads the whole answer into pandas here
        cursor = connection.raw_sql(connection.compile(rows))
        names = [column[0] for column in cursor.description]
        while found := cursor.fetchmany(BATCH_ROWS):
            columns = [_column(list(values)) for values in zip(*found, strict=True)]
            yield pa.RecordBatch.from_arrays(columns, names=names)
        cursor.close()
    else:
        yield from rows.to_pyarrow_batches(chunk_size=BATCH_ROWS)


def _column(values: list[Any]) -> Any:
    """Type the values of a column of SQLite, which may hold any mixture."""
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())


def _connect(url: str) -> Any:
    import ibis

    parts = urlsplit(url)
    if not parts.scheme or "://" not in url:
        raise InvalidInput(
            f"{url!r} is not the URL of an engine. Write it like 'duckdb:///data/shop.duckdb' or "
            "'postgres://reader@host/database'; for files use the source 'table'."
        )
    try:
        if parts.scheme in ("duckdb", "sqlite"):
            file = Path(unquote(parts.netloc + parts.path))
            if not file.is_file():
                raise UnreadableFile(file, "there is no such database file")
            return ibis.duckdb.connect(file, read_only=True) if parts.scheme == "duckdb" else ibis.sqlite.connect(file)
        return ibis.connect(url)
    except MetricstackError:
        raise
    except (ModuleNotFoundError, ImportError) as error:
        raise InvalidInput(
            f"Reading {masked(url)} needs the module {error.name!r}, which is not installed. "
            f"Install it with `pip install 'metricstack[{parts.scheme}]'` where that extra exists."
        ) from error
    except Exception as error:
        raise _unreachable(url, error) from error


def _unreachable(url: str, error: Exception, what: str = "cannot be read") -> UnreadableFile:
    failure = UnreadableFile(masked(url), f"{what}: {why_unreachable(url, error)}")
    failure.__suppress_context__ = True
    return failure
