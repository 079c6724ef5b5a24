"""DevLake's pull requests, with what their commits and comments tell, as changes."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from metricstack.sources.devlake_export import Export, Moment

__all__ = ["Change", "Changes"]


@dataclass(slots=True)
class Change:
    """A pull request as it is put together.

    Args:
        row: Number of its row in the file, from 1.
        id: DevLake's id of it.
        scope: The repository that it is merged into.
        author: Who opened it, to tell reviews from own comments; never stored.
        opened: When it was opened.
        merged: When it was merged.
        closed: When it was closed without being merged.
        size: Lines added and removed; the text itself where one of them is no number.
        first_commit: When its work began.
        first_review: When somebody else first spoke to it.
        flags: What is to be known about the row.
    """

    row: int
    id: str | None
    scope: str
    author: str
    opened: Moment
    merged: Moment
    closed: Moment
    size: str | None
    first_commit: datetime | None = None
    first_review: datetime | None = None
    flags: list[str] = field(default_factory=list)


class Changes:
    """All pull requests of an export.

    Args:
        export: The export.

    Attributes:
        all: In the order of their rows.
        by_merge_commit: SHA → the merged pull requests whose merge it is. One that was closed without being
            merged may name a commit too (GitHub's test merge), which never reached its branch.
    """

    def __init__(self, export: Export) -> None:
        self._export = export
        self._by_id: dict[str, list[Change]] = defaultdict(list)
        self._aside: list[dict[str, Any]] = []
        self.all: list[Change] = []
        self.by_merge_commit: dict[str, list[Change]] = defaultdict(list)
        self._read()
        self._read_commits()
        self._read_comments()

    @property
    def ids(self) -> set[str]:
        """The ids of all of them."""
        return set(self._by_id)

    def _read(self) -> None:
        for number, row in self._export.rows("pull_requests"):
            merged = Moment.read(row.get("merged_date"))
            change = Change(
                number, row["id"], row.get("base_repo_id") or "", row.get("author_id") or "",
                Moment.read(row["created_date"]), merged,
                Moment() if merged.text else Moment.read(row.get("closed_date")),
                _size(row.get("additions"), row.get("deletions")),
            )  # fmt: skip
            self.all.append(change)
            if change.id:
                self._by_id[change.id].append(change)
            if merged.at is not None and (commit := row.get("merge_commit_sha")):
                self.by_merge_commit[commit].append(change)

    def _read_commits(self) -> None:
        first: dict[str, datetime] = {}
        broken: set[str] = set()
        for number, row in self._export.rows("pull_request_commits"):
            name, authored = row["pull_request_id"], Moment.read(row["commit_authored_date"])
            if name is None or name not in self._by_id:
                continue
            if authored.is_broken:
                broken.add(name)
                self._set_aside(name, f"'commit_authored_date' of pull_request_commits row {number} is not a time")
            elif authored.at is not None:
                first[name] = min(first.get(name, authored.at), authored.at)
        for name, moment in first.items():
            for change in self._by_id[name]:
                _begin(change, moment, known=name not in broken)

    def _read_comments(self) -> None:
        for number, row in self._export.rows("pull_request_comments"):
            name, by, said = row["pull_request_id"], row.get("account_id"), Moment.read(row["created_date"])
            if name is None or name not in self._by_id:
                continue
            if said.is_broken:
                self._set_aside(name, f"'created_date' of pull_request_comments row {number} is not a time")
            if said.at is None:
                continue
            for change in self._by_id[name]:
                by_other = bool(by and change.author and by != change.author)
                before = change.opened.at is None or said.at < change.opened.at
                after = change.merged.at is not None and said.at > change.merged.at
                if by_other and not before and not after:
                    change.first_review = min(change.first_review or said.at, said.at)

    def _set_aside(self, change: str, reason: str) -> None:
        self._aside.append({"change": change, "_reason": reason})

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of our table, then what is set aside of commits and comments."""
        last = 0
        for change in self.all:
            last = change.row
            yield {
                "change": change.id, "service": self._export.service("repos", change.scope),
                "first_commit": change.first_commit.isoformat() if change.first_commit else None,
                "opened": change.opened.text, "merged": change.merged.text, "closed": change.closed.text,
                "first_review": change.first_review.isoformat() if change.first_review else None,
                "size": change.size, "dq_flags": ",".join(change.flags) or None, "_row": change.row,
            }  # fmt: skip
        for place, row in enumerate(self._aside, start=1):
            yield row | {"_row": last + place}


def _begin(change: Change, moment: datetime, *, known: bool) -> None:
    """Set when a change's work began, at the latest when it was opened."""
    if not known:
        change.flags.append("first_commit_unreadable")
    elif change.opened.at is not None and moment > change.opened.at:
        change.first_commit = change.opened.at
        change.flags.append("first_commit_rewritten")
    else:
        change.first_commit = moment


def _size(additions: str | None, deletions: str | None) -> str | None:
    """Add lines added and removed; unknown where both are 0: the forge was not asked."""
    if additions is None or deletions is None:
        return None
    for text in (additions, deletions):
        if not (text.isascii() and text.isdigit() and len(text) < 16):
            return text
    total = int(additions) + int(deletions)
    return str(total) if total else None
