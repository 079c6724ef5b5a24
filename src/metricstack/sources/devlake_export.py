"""DevLake's domain tables as files: which files are one export, their rows as they stand, and its projects.

Nothing is interpreted here but times: DevLake's database holds UTC, written with or without a zone,
with or without leading zeros, and the year 1 where it means "never".
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from metricstack.core.errors import InvalidInput, UnreadableFile, nearest
from metricstack.sources.tabular import csv_tables

__all__ = ["TABLES_READ", "Export", "ExportFiles", "Moment", "find_exports", "instant", "table_in"]

TABLES_READ: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "pull_requests": (
        ("id", "created_date"),
        ("base_repo_id", "author_id", "merge_commit_sha", "merged_date", "closed_date", "additions", "deletions"),
    ),
    "pull_request_commits": (("pull_request_id", "commit_authored_date"), ()),
    "pull_request_comments": (("pull_request_id", "created_date"), ("account_id",)),
    "pull_request_issues": (("pull_request_id", "issue_id"), ()),
    "commits_diffs": (("new_commit_sha", "old_commit_sha", "commit_sha"), ()),
    "cicd_deployment_commits": (
        ("id", "cicd_deployment_id", "commit_sha", "result", "environment", "finished_date"),
        ("cicd_scope_id", "repo_url", "prev_success_deployment_commit_id", "original_status", "started_date"),
    ),
    "incidents": (("id", "created_date"), ("resolution_date", "table", "scope_id", "incident_key", "severity")),
    "project_mapping": (("project_name", "table", "row_id"), ()),
}
"""DevLake's table → the headers that it must have, and those that are read where they are there."""

ExportFiles = dict[str, Path]
"""DevLake's table → the file that holds it."""

_SUFFIX = ".csv"
_NULLS = ("null", "\\n")
"""How MySQL's exports write what is not known."""
_TIME = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{1,2})(?::(\d{1,2})(\.\d{1,9})?)?)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?$"
)


def table_in(name: str) -> tuple[str, str] | None:
    """Find the DevLake table that a file's name names: the longest that stands in it between underscores.

    Returns:
        What stands before the table's name, and the table; None where it names none of `TABLES_READ`.

    Example:
        >>> table_in("github_pull_request_commits.csv")
        ('github', 'pull_request_commits')
        >>> table_in("repos.csv") is None
        True
    """
    stem = re.sub(r"[-. ]", "_", Path(name).stem.casefold())
    for table in sorted(TABLES_READ, key=len, reverse=True):
        found = list(re.finditer(rf"(?:^|_)({table})(?=_|$)", stem))
        if found:
            return stem[: found[-1].start(1)].strip("_"), table
    return None


def find_exports(path: str) -> tuple[list[tuple[Path, ExportFiles]], list[str]]:
    """Find the exports in a path: a folder, the way to files up to where their names differ, or one file.

    The files of one folder are one export. Where a table is there more than once, those files are one
    whose names begin with the same words, as few as tell the tables apart.

    Returns:
        Each export's folder and files, in a fixed order; and the names of CSV files that hold no table
        that is read.

    Raises:
        UnreadableFile: there is no such path.
        InvalidInput: two files of one export hold the same table.
    """
    root = Path(path).expanduser()
    if root.is_dir():
        files = [file for file in sorted(root.rglob("*")) if not _is_hidden(file.relative_to(root))]
    elif root.is_file():
        files = [root]
    else:
        files = sorted(root.parent.glob("*")) if root.parent.is_dir() and root.name else []
        files = [file for file in files if file.name.startswith(root.name)]
        if not files:
            raise UnreadableFile(root, "there is no such file or folder, and no file whose name begins like that")
    named: dict[Path, list[tuple[str, str, Path]]] = {}
    other: list[str] = []
    for file in files:
        if not file.is_file() or file.suffix.lower() != _SUFFIX:
            continue
        found = table_in(file.name)
        if found is None:
            other.append(file.name)
        else:
            named.setdefault(file.parent, []).append((*found, file))
    return [(folder, export) for folder, members in named.items() for export in _split(members)], other


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _split(members: Sequence[tuple[str, str, Path]]) -> list[ExportFiles]:
    """Part files into exports in which each table is there once."""
    deepest = max(prefix.count("_") + 1 for prefix, _, _ in members)
    for words in range(deepest + 1):
        groups: dict[str, list[tuple[str, Path]]] = {}
        for prefix, table, file in members:
            groups.setdefault("_".join(prefix.split("_")[:words]), []).append((table, file))
        if all(len({table for table, _ in group}) == len(group) for group in groups.values()):
            return [dict(group) for group in groups.values()]
    counted = Counter((prefix, table) for prefix, table, _ in members)
    (prefix, table), _ = counted.most_common(1)[0]
    both = [file.name for before, held, file in members if (before, held) == (prefix, table)]
    raise InvalidInput(
        f"{both[0]} and {both[1]} both hold DevLake's table {table!r}. Put each export into a folder of its own, or "
        "begin the names of its files alike."
    )


class Export:
    """The files of one export, read one table at a time.

    Args:
        files: DevLake's table → its file.
        unmapped: Counts of headers that are not read, filled while reading.
    """

    def __init__(self, files: ExportFiles, unmapped: Counter[str]) -> None:
        self.files, self.unmapped = files, unmapped

    def has(self, table: str) -> bool:
        """Tell whether the export has one of DevLake's tables."""
        return table in self.files

    def rows(self, table: str) -> Iterator[tuple[int, dict[str, str | None]]]:
        """Yield number (from 1) and texts (None where empty) of each row; nothing where there is no such table.

        Raises:
            UnreadableFile: the file cannot be read, with the place.
            InvalidInput: a header is missing.
        """
        if table not in self.files:
            return
        source = csv_tables(self.files[table])
        headers = list(next(source))
        wanted = _wanted(table, headers)
        first = 1
        try:
            item: Any = source.send(wanted)
        except StopIteration:  # a header without a row
            return
        while item is not None:
            rows, _ = item
            columns = [_known(rows[header].to_pylist()) for header in wanted]
            for number, values in enumerate(zip(*columns, strict=True), start=first):
                yield number, dict(zip(wanted, values, strict=True))
            for header in headers:
                if header not in wanted:
                    self.unmapped[f"{table}.{header}"] += rows.num_rows
            first += rows.num_rows
            item = next(source, None)

    @cached_property
    def _projects(self) -> dict[tuple[str, str], set[str]]:
        found: dict[tuple[str, str], set[str]] = {}
        for _, row in self.rows("project_mapping"):
            if row["project_name"] and row["row_id"]:
                found.setdefault((row["table"] or "", row["row_id"]), set()).add(row["project_name"])
        return found

    def projects_of(self, table: str, scope: str) -> set[str]:
        """Return the projects of a scope; without any mapping, the export is one nameless project.

        Args:
            table: The kind of scope, as DevLake's mapping names it: ``repos``, ``boards``, ``cicd_scopes``.
            scope: Its id.
        """
        return self._projects.get((table, scope), set()) if self._projects else {""}

    def service(self, table: str, scope: str) -> str | None:
        """Name the project of a scope where it has one and one only, else the scope itself."""
        projects = self._projects.get((table, scope), set())
        return next(iter(projects)) if len(projects) == 1 else scope or None


def _wanted(table: str, headers: Sequence[str]) -> list[str]:
    needed, optional = TABLES_READ[table]
    for header in needed:
        if header not in headers:
            guess = nearest(header, headers)
            hint = f"Is it {guess!r}?" if guess else f"There are: {', '.join(headers)}."
            raise InvalidInput(f"cannot be read as DevLake's table {table!r}: header {header!r} is missing. {hint}")
    return [header for header in (*needed, *optional) if header in headers]


def _known(values: Sequence[str | None]) -> list[str | None]:
    return [None if not text or text.casefold() in _NULLS else text for text in (_bare(value) for value in values)]


def _bare(value: str | None) -> str:
    return "" if value is None else value.strip()


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as it stands in a file.

    Args:
        text: How it is handed on: in ISO 8601, or as it stood where it is no time; None where there is none.
        at: The time to reckon with, None where it is none.
    """

    text: str | None = None
    at: datetime | None = None

    @classmethod
    def read(cls, text: str | None) -> "Moment":
        """Read a text; one that is no time stays as it is, for the contract to refuse."""
        try:
            found = instant(text)
        except ValueError:
            return cls(text)
        return cls() if found is None else cls(found.isoformat(), found)

    @property
    def is_broken(self) -> bool:
        """True where something stands there that is no time."""
        return self.text is not None and self.at is None


def instant(text: str | None) -> datetime | None:
    """Read a time as DevLake writes it: UTC unless it names an offset; the year 1 or less is "never".

    Raises:
        ValueError: it is no time.

    Example:
        >>> instant("2023-4-10 6:51:47")
        datetime.datetime(2023, 4, 10, 6, 51, 47, tzinfo=datetime.timezone.utc)
        >>> instant("0001-01-01T00:00:00.000+00:00") is None
        True
    """
    if text is None:
        return None
    found = _TIME.match(text)
    if found is None:
        raise ValueError("not a time")
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    if int(year) <= 1:
        return None
    micro = round(float(fraction or 0) * 1e6)
    offset = "+00:00" if zone in (None, "Z", "UTC") else zone
    moment = datetime.fromisoformat(
        f"{year}-{int(month):02}-{int(day):02}T{int(hour or 0):02}:{int(minute or 0):02}:{int(second or 0):02}{offset}"
    )
    return moment.astimezone(UTC).replace(microsecond=min(micro, 999_999))
