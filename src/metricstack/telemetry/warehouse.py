"""The warehouse on disk: Parquet files, and one manifest that says which of them are the data.

A writer adds files under new names and then replaces the manifest by one rename. Whoever reads
sees the manifest before or after, never between, whatever happens to the writer.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import IO, Any

from metricstack.core.errors import UnreadableFile, WorkspaceError

__all__ = ["DataFile", "Load", "Warehouse", "code_digest", "file_digest", "joint_digest", "write_atomic"]

MANIFEST = "manifest.json"
_VERSION = 1


@dataclass(frozen=True, slots=True)
class DataFile:
    """One Parquet file of one table.

    Args:
        table: The table that it holds rows of.
        path: Where it is, relative to the warehouse.
        rows: How many rows it has.
        size: Its length in bytes, to notice a truncated file at once.
        digest: SHA-256 of its bytes.
        first: Smallest event time in it, None when it has no rows.
        last: Largest event time in it, None when it has no rows.
    """

    table: str
    path: str
    rows: int
    size: int
    digest: str
    first: datetime | None = None
    last: datetime | None = None

    @classmethod
    def of(
        cls,
        warehouse: Path,
        path: Path,
        table: str,
        *,
        rows: int,
        first: datetime | None,
        last: datetime | None,
    ) -> "DataFile":
        """Describe a file that has just been written inside a warehouse."""
        relative = path.relative_to(warehouse).as_posix()
        return cls(table, relative, rows, path.stat().st_size, file_digest(path), first, last)


@dataclass(frozen=True, slots=True)
class Load:
    """One source file that was loaded: what makes reading it again change nothing.

    Args:
        source: Kind of source: ``"langfuse"``, ``"table"``, ``"sql"``.
        name: The file's name, without its folder.
        digest: SHA-256 of its bytes and of the mapping it was read with.
        summary: Counts of what came of it.
    """

    source: str
    name: str
    digest: str
    summary: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Warehouse:
    """The files that are the data at one moment; a new value for every commit.

    Args:
        root: The folder of the warehouse.
        files: Every data file.
        loads: Every source that was loaded.
    """

    root: Path
    files: tuple[DataFile, ...] = ()
    loads: tuple[Load, ...] = ()

    @classmethod
    def open(cls, root: Path) -> "Warehouse":
        """Read the manifest of a folder; a folder without one is an empty warehouse.

        Raises:
            UnreadableFile: the manifest is damaged.
            WorkspaceError: it was written by a newer version, or is gone while data files are there.
        """
        path = root / MANIFEST
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["version"] > _VERSION:
                raise WorkspaceError(
                    f"{path} has version {content['version']}; this metricstack reads up to {_VERSION}."
                )
            return cls(
                root,
                tuple(_data_file(entry) for entry in content["files"]),
                tuple(Load(**(entry | {"summary": tuple(map(tuple, entry["summary"]))})) for entry in content["loads"]),
            )
        except FileNotFoundError:
            stray = next(root.glob("*/*.parquet"), None)
            if stray is None:
                return cls(root)
            raise WorkspaceError(
                f"{root} holds data files ({stray.name} and maybe more) but no {MANIFEST}, which says which of them "
                "count. Put it back from a copy, or load the sources into a new workspace."
            ) from None
        except json.JSONDecodeError as error:
            raise UnreadableFile(path, error.msg, line=error.lineno, column=error.colno) from error
        except (KeyError, TypeError, ValueError) as error:
            raise UnreadableFile(path, "not the manifest of a warehouse; put it back from a copy") from error
        except OSError as error:
            raise UnreadableFile(path, error.strerror or str(error)) from error

    def of(self, table: str) -> tuple[DataFile, ...]:
        """Return the files of one table."""
        return tuple(file for file in self.files if file.table == table)

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that have a file, in order."""
        return tuple(sorted({file.table for file in self.files}))

    def fingerprint(self, table: str) -> str:
        """Return a short hash of the rows' files, equal only for equal data."""
        digests = sorted(file.digest for file in self.of(table))
        return hashlib.sha256("".join(digests).encode()).hexdigest()[:16] if digests else ""

    def commit(self, files: Iterable[DataFile], loads: Iterable[Load] = ()) -> "Warehouse":
        """Add files (and what they were loaded from) in one atomic step.

        The files must be complete on disk. Hold the workspace's lock from `open` to `commit`.

        Raises:
            OSError: the manifest cannot be written; the old one then still stands.
        """
        grown = replace(
            self,
            files=tuple(sorted((*self.files, *files), key=lambda file: (file.table, file.path))),
            loads=(*self.loads, *loads),
        )
        content = {
            "version": _VERSION,
            "files": [_entry(file) for file in grown.files],
            "loads": [asdict(load) for load in grown.loads],
        }
        with write_atomic(self.root / MANIFEST) as stream:
            stream.write(json.dumps(content, indent=1, sort_keys=True).encode())
        return grown


def _entry(file: DataFile) -> dict[str, Any]:
    entry = asdict(file)
    return entry | {name: entry[name] and entry[name].isoformat() for name in ("first", "last")}


def _data_file(entry: dict[str, Any]) -> DataFile:
    instants = {name: entry[name] and datetime.fromisoformat(entry[name]).astimezone(UTC) for name in ("first", "last")}
    return DataFile(**(entry | instants))


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@cache
def code_digest(*folders: str) -> str:
    """Return one SHA-256 of the package's files, or of those in some of its folders: what may have made a number."""
    root = Path(__file__).parents[1]
    found = (path for folder in folders or (".",) for path in (root / folder).rglob("*"))
    return joint_digest(path for path in found if path.suffix in (".py", ".toml"))


def joint_digest(paths: Iterable[Path]) -> str:
    """Return one SHA-256 of the bytes of several files, in whatever order they come."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@contextmanager
def write_atomic(path: Path) -> Iterator[IO[bytes]]:
    """Write a file so that it is there whole or not at all, also after a crash.

    The bytes go to a temporary file beside it, to the disk, and then under the name by one rename.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with write_atomic(Path(folder) / "a.txt") as stream:
        ...         _ = stream.write(b"whole")
        ...     (Path(folder) / "a.txt").read_text()
        'whole'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
