"""What every reader hands to the loader: units of work, and in them batches of rows.

A reader knows a format; it does not hash, check, de-duplicate or write. It is given a path and
finds `Unit`s in it (a file, a table of an engine); a unit yields `Batch`es of bounded size. The
loader turns one unit at a time into data, in one atomic step.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from metricstack.telemetry.warehouse import file_digest

if TYPE_CHECKING:
    import pyarrow as pa

    from metricstack.sources.mapping import SourceMap

__all__ = ["BATCH_ROWS", "Batch", "FileUnit", "Reader", "Reading", "Unit"]

BATCH_ROWS = 131_072
"""At most so many rows are held as one batch."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How the values of one column are to be read.

    Args:
        header: What the source calls it, for messages.
        zone: Zone of times that name none; empty when nobody said.
        format: How times are written where not ISO 8601: a ``strptime`` format, or ``epoch_s``,
            ``epoch_ms``, ``epoch_us``, ``epoch_ns``.
        scale: What numbers are multiplied by to reach the contract's unit.
        less: Columns whose numbers are included in this one and are taken off.
        values: Text of the source → text of the contract.
        hashed: The text is replaced by its keyed hash, although it names no person.
    """

    header: str = ""
    zone: str = ""
    format: str = ""
    scale: float = 1.0
    less: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    hashed: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one table under canonical names, in whatever types the source had.

    Args:
        table: Name of the table that they belong to.
        rows: The rows; columns are those of the contract, any Arrow type.
        numbers: Row number of each in its source, from 1, shape (n,), int64.
        readings: Column → how to read it, where it is more than its type.
        reasons: Why the reader sets a row aside, null where it does not; None for nowhere.
        row_ids: Columns that become an id of the row itself.
        identity: What tells each row of the source from every other, where ``row_ids`` are wanted.
        done: Share of the unit that has been read with it, 0 to 1.
    """

    table: str
    rows: "pa.Table"
    numbers: "pa.Array"
    readings: Mapping[str, Reading] = field(default_factory=dict)
    reasons: "pa.Array | None" = None
    row_ids: tuple[str, ...] = ()
    identity: "pa.Array | None" = None
    done: float = 0.0


class Unit(Protocol):
    """One piece of a source that is loaded whole or not at all.

    Attributes:
        name: What the reader of a summary calls it; never with a password in it.
        size: How much work it is, in bytes or rows, for the progress bar.
        unmapped: Names that found no column, with how often they came; filled while reading.
    """

    name: str
    size: int
    unmapped: Counter[str]

    def digest(self) -> str | None:
        """Return the SHA-256 of its bytes, None where only its rows can tell."""
        ...

    def batches(self) -> Iterator[Batch]:
        """Yield its rows.

        Raises:
            UnreadableFile: reading stopped, with the place.
            InvalidInput: it can be read, but not as one of our tables.
        """
        ...

    def close(self) -> None:
        """Let go of what it holds open; more than once does no harm."""
        ...


class Reader(Protocol):
    """A kind of source: finds the units in a path or URL."""

    def __call__(self, path: str, *, mapping: "SourceMap | None", table: str | None) -> "list[Any]":
        """Return the units of a source, in a fixed order."""
        ...


class FileUnit:
    """What units that are files have in common.

    Args:
        path: The file.
        root: The folder that the user named, to call the file by its way from there.
    """

    def __init__(self, path: Path, root: Path) -> None:
        self.path = path
        self.name = path.relative_to(root).as_posix() if path != root and path.is_relative_to(root) else path.name
        self.size = path.stat().st_size
        self.unmapped: Counter[str] = Counter()

    def digest(self) -> str | None:
        """Return the SHA-256 of the file's bytes."""
        return file_digest(self.path)

    def close(self) -> None:
        """Do nothing: a file is open only while it is read."""
