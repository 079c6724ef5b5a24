"""What a run of `ingest` did, counted: nothing is dropped without being in here."""

from dataclasses import dataclass
from typing import Any

from metricstack.core.errors import InvalidInput

__all__ = ["IngestIncomplete", "IngestSummary", "TableCounts"]


@dataclass(frozen=True, slots=True)
class TableCounts:
    """What became of the rows of one table; ``read = loaded + duplicates + quarantined``.

    Args:
        table: The table.
        read: Rows read.
        loaded: Rows that are data now.
        duplicates: Rows that were there already, with equal content.
        quarantined: Rows set aside with a reason.
    """

    table: str
    read: int = 0
    loaded: int = 0
    duplicates: int = 0
    quarantined: int = 0

    def plus(self, other: "TableCounts") -> "TableCounts":
        """Add the counts of the same table from another file."""
        return TableCounts(
            self.table,
            self.read + other.read,
            self.loaded + other.loaded,
            self.duplicates + other.duplicates,
            self.quarantined + other.quarantined,
        )


@dataclass(frozen=True, slots=True)
class IngestSummary:
    """What a run read, loaded, set aside and could not read.

    Args:
        source: Kind of source.
        workspace: The workspace's folder.
        files: How many files (or tables of an engine) were read, those that were loaded before included.
        tables: Counts by table, in the schema's order.
        already_loaded: Files that changed nothing, because they had been loaded before.
        unmapped: Names in the source that found no column, with how often they came; not stored.
        quarantine: Files of rows set aside, relative to the workspace.
        failures: What could not be read, one message per file.

    Example:
        >>> print(IngestSummary("table", "shop", 1, (TableCounts("requests", 3, 2, 0, 1),)))
        Read 1 file as table into shop.
        requests: 3 rows read, 2 loaded, 0 duplicates, 1 quarantined.
    """

    source: str
    workspace: str
    files: int
    tables: tuple[TableCounts, ...] = ()
    already_loaded: tuple[str, ...] = ()
    unmapped: tuple[tuple[str, int], ...] = ()
    quarantine: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()

    def count(self, table: str) -> TableCounts:
        """Return the counts of one table, zeros where none of its rows were read."""
        return next((counts for counts in self.tables if counts.table == table), TableCounts(table))

    def say(self) -> str:
        """Say it in a few lines, the bad with the good."""
        plural = "file" if self.files == 1 else "files"
        lines = [f"Read {self.files:,} {plural} as {self.source} into {self.workspace}."]
        lines += [
            f"{c.table}: {c.read:,} rows read, {c.loaded:,} loaded, {c.duplicates:,} duplicates, "
            f"{c.quarantined:,} quarantined."
            for c in self.tables
        ]
        if not self.tables and len(self.already_loaded) + len(self.failures) < self.files:
            lines.append("0 rows read.")
        if self.already_loaded:
            some = ", ".join(self.already_loaded[:5]) + (", …" if len(self.already_loaded) > 5 else "")
            lines.append(f"Already loaded, nothing changed: {len(self.already_loaded):,} ({some}).")
        if self.quarantine:
            lines.append(f"Set aside with reasons: {', '.join(self.quarantine)}.")
        if self.unmapped:
            listed = ", ".join(f"{name} ({times:,})" for name, times in self.unmapped[:20])
            more = f", and {len(self.unmapped) - 20:,} more" if len(self.unmapped) > 20 else ""
            lines.append(f"Unmapped keys, not stored: {listed}{more}.")
        if self.failures:
            lines += [f"Not read: {len(self.failures):,}.", *(f"  {failure}" for failure in self.failures)]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.say()

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "source": self.source,
            "workspace": self.workspace,
            "files": self.files,
            "tables": {
                c.table: {"read": c.read, "loaded": c.loaded, "duplicates": c.duplicates, "quarantined": c.quarantined}
                for c in self.tables
            },
            "already_loaded": list(self.already_loaded),
            "unmapped": dict(self.unmapped),
            "quarantine": list(self.quarantine),
            "failures": list(self.failures),
        }


class IngestIncomplete(InvalidInput):
    """Some of the files could not be read; the others are loaded.

    Args:
        summary: What was done, with the failures in it.
    """

    def __init__(self, summary: IngestSummary) -> None:
        self.summary = summary
        bad, files = len(summary.failures), summary.files
        super().__init__(
            "\n  ".join([f"{bad:,} of {files:,} files could not be read; the others are loaded:", *summary.failures])
        )
