"""What changed between two catalogues: which numbers are other numbers now, and which only read differently."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from metricstack.core.errors import InvalidInput, UnreadableFile
from metricstack.metrics.definitions import Catalogue

__all__ = ["CARD", "Revised", "Revision", "card", "compare_cards", "read_cards"]

CARD = (
    "id", "title", "about", "unit", "better", "layer", "bucket", "pillar", "owner", "steward", "version", "hash",
    "table", "formula", "population", "levels", "requires", "to_date", "window", "by", "split", "aliases", "source",
)  # fmt: skip
"""The entries of a metric's card that are written to a list and compared."""


class Revised(StrEnum):
    """What became of a metric."""

    ADDED = "added"
    REMOVED = "removed"
    NUMBERS = "numbers"
    """Its hash is another: it computes something else."""
    WORDING = "wording"
    """It computes the same; wording, owner, levels or the like differ."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One metric that is not what it was.

    Args:
        metric: Its id.
        kind: What became of it.
        entries: Entries of its card that differ, in the card's order.
        before: Its card before, None where it is new.
        after: Its card now, None where it is gone.
    """

    metric: str
    kind: Revised
    entries: tuple[str, ...] = ()
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values: what differs, before and after."""
        return {
            "metric": self.metric,
            "change": str(self.kind),
            "entries": list(self.entries),
            "before": None if self.before is None else {name: self.before.get(name) for name in self.entries},
            "after": None if self.after is None else {name: self.after.get(name) for name in self.entries},
        }


def card(known: Catalogue, name: str) -> dict[str, Any]:
    """Return the card of one metric, without what belongs to a place or to the measures."""
    whole = known.describe(name)
    return {entry: whole[entry] for entry in CARD}


def compare_cards(before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]) -> tuple[Revision, ...]:
    """Compare two lists of cards.

    A hash covers formula, measures with what is bound into them, and inputs: where it differs, numbers
    differ. An entry that only one of the lists has says nothing.

    Returns:
        What differs: changed numbers first, then removed, added, and reworded metrics, each by id.

    Example:
        >>> old = [{"id": "a", "hash": "1", "about": "x"}, {"id": "b", "hash": "2", "about": "y"}]
        >>> new = [{"id": "a", "hash": "3", "about": "x"}, {"id": "b", "hash": "2", "about": "z"}]
        >>> [(found.metric, str(found.kind), found.entries) for found in compare_cards(old, new)]
        [('a', 'numbers', ('hash',)), ('b', 'wording', ('about',))]
    """
    old, new = ({str(each["id"]): each for each in cards} for cards in (before, after))
    found = [Revision(name, Revised.REMOVED, before=old[name]) for name in old if name not in new]
    found += [Revision(name, Revised.ADDED, after=new[name]) for name in new if name not in old]
    for name in old.keys() & new.keys():
        entries = tuple(entry for entry in old[name] if entry in new[name] and old[name][entry] != new[name][entry])
        if entries:
            kind = Revised.NUMBERS if "hash" in entries else Revised.WORDING
            found.append(Revision(name, kind, entries, old[name], new[name]))
    order = [Revised.NUMBERS, Revised.REMOVED, Revised.ADDED, Revised.WORDING]
    return tuple(sorted(found, key=lambda each: (order.index(each.kind), each.metric)))


def read_cards(path: Path) -> list[dict[str, Any]]:
    """Read the list of cards that ``metricstack metrics list --format json`` wrote.

    Raises:
        UnreadableFile: the file cannot be read, or is not JSON.
        InvalidInput: it is no list of metrics with their hashes.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnreadableFile(path, error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise UnreadableFile(path, "not UTF-8 text") from error
    except json.JSONDecodeError as error:
        raise UnreadableFile(path, f"not JSON: {error.msg}", line=error.lineno, column=error.colno) from error
    except (RecursionError, ValueError) as error:
        raise UnreadableFile(path, "not readable as JSON") from error
    if not isinstance(content, list) or not all(
        isinstance(each, dict) and isinstance(each.get("id"), str) and isinstance(each.get("hash"), str)
        for each in content
    ):
        raise InvalidInput(
            f"{path} is no list of metrics with their hashes. Write one with `metricstack metrics list --format json`."
        )
    return content
