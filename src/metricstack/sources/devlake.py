"""DevLake's domain tables, exported as CSV, read into changes, deployments, their links and incidents.

    metricstack ingest FOLDER --as devlake --workspace DIR

Each file is called after DevLake's table, with anything before or behind it: ``pull_requests.csv``,
``github_cicd_deployment_commits.csv``. How the rows are understood, and where that differs from
DevLake's own reports, stands in ``docs/delivery.md`` and, in short, in `sources.devlake_rows`.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import pyarrow as pa

from metricstack.core.errors import InvalidInput, UnreadableFile
from metricstack.sources.base import BATCH_ROWS, Batch, Reading
from metricstack.sources.devlake_export import TABLES_READ, Export, ExportFiles, find_exports
from metricstack.sources.devlake_rows import Row, export_rows
from metricstack.sources.mapping import SourceMap
from metricstack.telemetry.contract import Kind
from metricstack.telemetry.tables import table as table_named
from metricstack.telemetry.warehouse import file_digest

__all__ = ["DevLakeExport", "read_devlake"]

_VERSION = "1"
"""Raised whenever the same files would be read differently, so that they are read again."""


def read_devlake(path: str, *, mapping: SourceMap | None, table: str | None) -> list[Any]:
    """Find the exports in a path: a folder, a file, or how the names of an export's files begin.

    Raises:
        UnreadableFile: there is no such path.
        InvalidInput: a map or a table was named, which this source has no use for; two files of one
            export hold the same table; or no file holds a table that is read.
    """
    if mapping is not None or table is not None:
        raise InvalidInput("The source 'devlake' knows its own names: leave the map and the table out.")
    exports, other = find_exports(path)
    if not exports:
        seen = f" It holds {', '.join(other[:5])}{', …' if len(other) > 5 else ''}." if other else ""
        raise InvalidInput(
            f"{path} holds no CSV file that is called after one of DevLake's tables.{seen} Read are: "
            f"{', '.join(TABLES_READ)}; for example pull_requests.csv or github_pull_requests.csv."
        )
    units = [DevLakeExport(folder, files) for folder, files in exports]
    for name in other:
        units[0].unmapped[name] += 1
    return units


class DevLakeExport:
    """The files of one export, loaded whole or not at all: what one row means stands in several of them.

    Args:
        folder: Where they are.
        files: DevLake's table → its file.
    """

    def __init__(self, folder: Path, files: ExportFiles) -> None:
        self.files = files
        names = [file.name for file in files.values()]
        alike = "".join(signs[0] for signs in takewhile(lambda signs: len(set(signs)) == 1, zip(*names, strict=False)))
        alike = alike.rstrip("_-. ")
        self.name = names[0] if len(names) == 1 else f"{alike or folder.name} ({len(names)} files)"
        self.size = sum(file.stat().st_size for file in files.values())
        self.unmapped: Counter[str] = Counter()

    def digest(self) -> str:
        """Return a SHA-256 of which table holds which bytes, and of how they are read."""
        try:
            parts = [f"{table} {file_digest(self.files[table])}" for table in sorted(self.files)]
        except OSError as error:
            raise UnreadableFile(Path(error.filename or self.name), error.strerror or str(error)) from error
        return hashlib.sha256("\n".join([f"devlake {_VERSION}", *parts]).encode()).hexdigest()

    def batches(self) -> Iterator[Batch]:
        """Yield the rows of all tables that the export fills."""
        tables = export_rows(Export(self.files, self.unmapped))
        total, done = max(sum(len(rows) for _, rows in tables.values()), 1), 0
        for name, (columns, rows) in tables.items():
            for start in range(0, len(rows), BATCH_ROWS):
                piece = rows[start : start + BATCH_ROWS]
                done += len(piece)
                yield _batch(name, columns, piece, done / total)

    def close(self) -> None:
        """Do nothing: a file is open only while it is read."""


def _batch(name: str, columns: list[str], rows: list[Row], done: float) -> Batch:
    contract = table_named(name)
    arrays = {
        column: pa.array(
            [row.get(column) for row in rows], pa.bool_() if contract[column].kind is Kind.FLAG else pa.string()
        )
        for column in columns
    } | {"sample_probability": pa.array(["1"] * len(rows))}
    numbers = pa.array([row["_row"] for row in rows], pa.int64())
    reasons = pa.array([row.get("_reason") for row in rows], pa.string())
    return Batch(
        name, pa.table(arrays), numbers, {column: Reading(zone="UTC") for column in columns}, reasons, done=done
    )
