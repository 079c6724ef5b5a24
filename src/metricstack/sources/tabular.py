"""Parquet and CSV: a file or a folder of them, under canonical headers, known aliases, or a map."""

import csv
import hashlib
import json
import re
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from metricstack.core.errors import InvalidInput, UnreadableFile, nearest
from metricstack.sources.base import BATCH_ROWS, Batch, FileUnit
from metricstack.sources.csv_faults import locate_fault
from metricstack.sources.headers import Plan, plan
from metricstack.sources.mapping import SourceMap
from metricstack.telemetry.aliases import alias_version, fold, is_content
from metricstack.telemetry.tables import TABLES
from metricstack.telemetry.tables import table as table_named
from metricstack.telemetry.warehouse import file_digest

__all__ = ["TableFile", "batches_of", "csv_tables", "read_tables"]

_PARQUET, _CSV = (".parquet", ".pq"), (".csv", ".tsv")
_BLOCK = 8 << 20
"""Bytes of a CSV file that are parsed at once."""


def read_tables(path: str, *, mapping: SourceMap | None, table: str | None) -> list[Any]:
    """Find the Parquet and CSV files in a path.

    Which table a file holds is said by ``table``, by the map, or by its own name or its folder's:
    ``requests.csv``, ``requests-2026-07.parquet``, ``requests/part-0.parquet``.

    Raises:
        UnreadableFile: there is no such path.
        InvalidInput: the path is a file of another kind.
    """
    root = Path(path).expanduser()
    if not root.exists():
        raise UnreadableFile(root, "there is no such file or folder")
    known = (*_PARQUET, *_CSV)
    if root.is_file():
        if root.suffix.lower() not in known:
            raise InvalidInput(f"{root} is not a file that this source reads. It reads {', '.join(known)}.")
        return [TableFile(root, root.parent, mapping, table)]
    files = sorted(
        file
        for file in root.rglob("*")
        if file.suffix.lower() in known
        and file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(root).parts)
    )
    return [TableFile(file, root, mapping, table) for file in files]


class TableFile(FileUnit):
    """One Parquet or CSV file.

    Args:
        path: The file.
        root: The folder that the user named.
        mapping: What its headers mean, where the alias file does not know.
        table: The table that it holds, where its name does not say.
    """

    def __init__(self, path: Path, root: Path, mapping: SourceMap | None, table: str | None) -> None:
        super().__init__(path, root)
        self.root, self.mapping, self.table = root, mapping, table

    def digest(self) -> str:
        """Return a SHA-256 of the file's bytes and of everything that says how they are read."""
        try:
            content = file_digest(self.path)
        except OSError as error:
            raise UnreadableFile(self.path, error.strerror or str(error)) from error
        map_digest = self.mapping.digest if self.mapping else ""
        parts = ("table", content, map_digest, str(alias_version()), ",".join(self.tables()))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def tables(self) -> tuple[str, ...]:
        """Say which tables the file fills.

        Raises:
            InvalidInput: nothing says it.
        """
        mapped = tuple(name for name in (self.mapping.tables if self.mapping else ()) if name)
        if mapped:
            return mapped
        if self.table:
            return (self.table,)
        parts = self.path.relative_to(self.root).parts if self.path.is_relative_to(self.root) else (self.path.name,)
        candidates = [Path(parts[-1]).stem, *reversed(parts[:-1]), self.root.name]
        for candidate in candidates:
            if (name := _table_of(candidate)) is not None:
                return (name,)
        guess = next((found for candidate in candidates if (found := nearest(candidate, TABLES))), None)
        hint = f" Is it {guess!r}?" if guess else ""
        raise InvalidInput(
            f"{self.path}: nothing says which table this is.{hint} Name it with `--table NAME`, in a map "
            "(`--map FILE.toml`), or call the file or its folder after the table, such as requests.csv."
        )

    def batches(self) -> Iterator[Batch]:
        """Yield the file's rows for each table that it fills."""
        tables = self.tables()
        reader = _parquet if self.path.suffix.lower() in _PARQUET else csv_tables
        yield from batches_of(reader(self.path), tables, self.mapping, self.unmapped)


def _table_of(name: str) -> str | None:
    for table in sorted(TABLES, key=len, reverse=True):
        if re.fullmatch(rf"{table}([-_. ]?(part|\d).*)?", name.casefold().replace("-", "_").replace(" ", "_")):
            return table
    return None


def batches_of(
    source: Generator[Any, Any, None], tables: Sequence[str], mapping: SourceMap | None, unmapped: Counter[str]
) -> Iterator[Batch]:
    """Turn foreign record batches into batches of our tables.

    Args:
        source: A generator that yields first the list of headers, takes the headers that are wanted
            (by ``send``; None for all), and then yields pairs of a `pyarrow.Table` and the share done.
        tables: The tables to fill.
        mapping: What headers mean.
        unmapped: Counts of names that fill no column, filled here.

    Raises:
        InvalidInput: the headers cannot fill a table.
    """
    headers = list(next(source))
    plans = [plan(table_named(name), headers, mapping) for name in tables]
    wanted = {header for one in plans for header in (*one.headers.values(), *one.keep)}
    rows_matter = any(one.row_ids for one in plans)
    try:
        item: Any = source.send(None if rows_matter else [header for header in headers if header in wanted])
    except StopIteration:  # a header without a row
        return
    left_out = [header for header in headers if all(header in one.unused for one in plans)]
    number = 1
    while item is not None:
        rows, done = item
        numbers = pa.array(range(number, number + rows.num_rows), pa.int64())
        identity = _identity(rows, numbers) if rows_matter else None
        for one in plans:
            yield _batch(one, rows, numbers, identity, done)
        for header in left_out:
            unmapped[header] += rows.num_rows
        number += rows.num_rows
        item = next(source, None)


def _batch(one: Plan, rows: pa.Table, numbers: pa.Array, identity: pa.Array | None, done: float) -> Batch:
    n = rows.num_rows
    columns = {column: rows[header] for column, header in one.headers.items()}
    columns |= {column: pa.repeat(pa.scalar(value), n) for column, value in one.constants.items()}
    if one.keep:
        columns["attributes"] = _attributes(rows, one.keep)
    table = pa.table(columns) if columns else pa.table({"_none": pa.nulls(n)})
    return Batch(one.table.name, table, numbers, one.readings, None, one.row_ids, identity, done)


def _identity(rows: pa.Table, numbers: pa.Array) -> pa.Array:
    """Join what a row says with its place in the file: more rows at the end leave the ids of the first."""
    texts = [numbers.cast(pa.string())]
    for name in rows.column_names:
        values = rows[name].combine_chunks()
        if pa.types.is_nested(values.type):
            values = pa.array([None if value is None else repr(value) for value in values.to_pylist()], pa.string())
        texts.append(pc.fill_null(values.cast(pa.string()), "\x00"))
    return pc.binary_join_element_wise(*texts, "\x1f")


def _attributes(rows: pa.Table, keep: tuple[str, ...]) -> pa.Array:
    found = []
    for row in rows.select(list(keep)).to_pylist():
        entries: dict[str, Any] = {}
        for header, value in row.items():
            if value is None:
                continue
            if fold(header) == "attributes":
                entries |= _object(value)
            else:
                entries[header] = value
        found.append(_written(entries) if entries else None)
    return pa.array(found, pa.string())


def _written(entries: dict[str, Any]) -> str | None:
    try:
        return json.dumps(_without_content(entries), default=str, sort_keys=True)
    except RecursionError:  # nobody can look into it for message content, so it is not kept
        return None


def _object(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


def _without_content(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_content(inner) for name, inner in value.items() if not is_content(str(name))}
    return [_without_content(inner) for inner in value] if isinstance(value, list) else value


def _parquet(path: Path) -> Generator[Any, Any, None]:
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise UnreadableFile(path, f"not a whole Parquet file: {_first_line(error)}") from error
    with file:
        headers = file.schema_arrow.names
        _refuse_doubles(path, headers)
        wanted = yield headers
        total, read = max(file.metadata.num_rows, 1), 0
        batches = file.iter_batches(batch_size=BATCH_ROWS, columns=wanted)
        while True:
            try:
                batch = next(batches, None)
            except (pa.ArrowException, OSError) as error:
                raise UnreadableFile(
                    path, f"damaged after row {read:,} of {file.metadata.num_rows:,}: {_first_line(error)}"
                ) from error
            if batch is None:
                break
            read += batch.num_rows
            yield pa.Table.from_batches([batch]), read / total


def csv_tables(path: Path) -> Generator[Any, Any, None]:
    """Read a CSV file in bounded pieces of texts: a generator as `batches_of` takes it.

    Raises:
        UnreadableFile: it is no CSV file, or stops being one; with line and column.
    """
    import pyarrow.csv as arrow_csv

    headers, delimiter, skip = _csv_header(path)
    if _has_odd_quotes(path):  # Arrow ends a quote that is never closed with the file, rows and all
        located = locate_fault(path, delimiter=delimiter, fields=len(headers))
        if located is not None:
            raise located
    wanted = yield headers
    size = max(path.stat().st_size, 1)
    try:
        with path.open("rb") as stream:
            reader = arrow_csv.open_csv(
                stream,
                read_options=arrow_csv.ReadOptions(block_size=_BLOCK, column_names=headers, skip_rows=skip),
                parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(headers, pa.string()),
                    include_columns=wanted,
                    null_values=[""],
                    strings_can_be_null=True,
                ),
            )
            for batch in reader:
                rows = pa.Table.from_batches([batch])
                for start in range(0, rows.num_rows, BATCH_ROWS):
                    yield rows.slice(start, BATCH_ROWS), min(stream.tell() / size, 1.0)
    except (pa.ArrowException, OSError) as error:
        located = locate_fault(path, delimiter=delimiter, fields=len(headers))
        if located is None:
            located = UnreadableFile(path, f"not readable as CSV: {type(error).__name__}")
        raise located from error


def _has_odd_quotes(path: Path) -> bool:
    with path.open("rb") as stream:
        return sum(block.count(b'"') for block in iter(lambda: stream.read(_BLOCK), b"")) % 2 == 1


def _csv_header(path: Path) -> tuple[list[str], str, int]:
    """Return the headers, what stands between them, and how many lines they take."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            start = stream.readline(1 << 20)
            while start and not start.strip():
                start = stream.readline(1 << 20)
            if not start:
                raise UnreadableFile(path, "the file is empty; a header is needed", line=1)
            delimiter = max(",;\t|", key=start.count)  # the first of those that are equally frequent
            stream.seek(0)
            lines = csv.reader(stream, delimiter=delimiter, strict=True)
            headers = next(fields for fields in lines if fields)
            skip = lines.line_num
    except UnicodeDecodeError as error:
        located = locate_fault(path, delimiter=",", fields=None)
        raise located or UnreadableFile(path, "not UTF-8 text") from error
    except csv.Error as error:
        located = locate_fault(path, delimiter=",", fields=None)
        raise located or UnreadableFile(path, f"the header cannot be read: {error}", line=1) from error
    except OSError as error:
        raise UnreadableFile(path, error.strerror or str(error)) from error
    headers = [header.strip() for header in headers]
    _refuse_doubles(path, headers)
    for place, header in enumerate(headers, start=1):
        if not header:
            headers[place - 1] = f"column {place}"  # an index that was written without a name
    return headers, delimiter, skip


def _refuse_doubles(path: Path, headers: Sequence[str]) -> None:
    doubled = [header for header, times in Counter(headers).items() if times > 1 and header]
    if doubled:
        raise UnreadableFile(path, f"header {doubled[0]!r} is there {headers.count(doubled[0])} times", line=1)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
