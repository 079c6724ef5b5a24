"""Text for a terminal: tables whose last column wraps, entries with their names, CSV and JSON for programs."""

import csv
import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["entries", "heading", "print_rows", "table", "width", "wrapped"]

_WIDEST = 100
_NARROWEST = 60
_SHORTEST = 24
"""A last column narrower than this is not wrapped any more."""


def width() -> int:
    """Return how many characters a line may have: the terminal's, from 60 to 100."""
    return max(_NARROWEST, min(_WIDEST, shutil.get_terminal_size((_WIDEST, 24)).columns))


def wrapped(text: str, *, first: str = "", rest: str | None = None) -> list[str]:
    """Wrap a text to the terminal, its first line after ``first``, the others under its begin.

    Example:
        >>> wrapped("a short text", first="note  ")
        ['note  a short text']
    """
    indent = " " * len(first) if rest is None else rest
    room = max(width() - len(indent), _SHORTEST)
    lines = [
        line
        for part in (text.splitlines() or [""])
        for line in textwrap.wrap(part, room, break_long_words=False, break_on_hyphens=False) or [""]
    ]
    return [f"{first if place == 0 else indent}{line}".rstrip() for place, line in enumerate(lines)]


def heading(text: str) -> str:
    """Underline a heading."""
    return f"{text}\n{'─' * len(text)}"


def entries(pairs: Iterable[tuple[str, str]]) -> str:
    """Lay names and texts out in two columns, the texts wrapped; an empty text leaves its name out."""
    told = [(name, text) for name, text in pairs if text]
    room = max((len(name) for name, _ in told), default=0) + 2
    return "\n".join(line for name, text in told for line in wrapped(text, first=f"{name:<{room}}"))


def table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Lay rows out in columns under their names; the last one is wrapped to the terminal."""
    cells = [[name.replace("_", " ") for name in columns]]
    cells += [["" if row.get(name) is None else str(row[name]) for name in columns] for row in rows]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns) - 1)]
    lines = []
    for line in cells:
        first = "".join(f"{cell:<{room}}  " for cell, room in zip(line, widths, strict=False))
        lines += wrapped(line[-1], first=first) if columns else []
    return "\n".join(lines)


def print_rows(rows: Iterable[Mapping[str, Any]], form: str, columns: Sequence[str]) -> None:
    """Print rows as a table for people, or as JSON or CSV for programs.

    Args:
        rows: The rows.
        form: ``table``, ``json`` or ``csv``.
        columns: Columns of the table, and of an empty CSV.
    """
    rows = list(rows)
    if form == "json":
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    elif form == "csv":
        names = list(dict.fromkeys(name for row in rows for name in row)) or list(columns)
        writer = csv.DictWriter(sys.stdout, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _flat(value) for name, value in row.items()} for row in rows)
    else:
        print(table(rows, columns))


def _flat(value: Any) -> Any:
    """Write what is no single value as JSON."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
