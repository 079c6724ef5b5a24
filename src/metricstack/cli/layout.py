"""Text for a terminal: tables whose last column wraps, entries with their names, CSV and JSON for programs."""

import csv
import json
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from metricstack.core.text import seen

__all__ = ["columns_of", "csv_text", "entries", "heading", "one_line", "print_rows", "table", "width", "wrapped"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_WIDEST = 100
_NARROWEST = 60
_LONGEST = 48
"""A cell beside others is cut at this many columns."""
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
        for part in (seen(text).splitlines() or [""])
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
    """Lay rows out in columns under their names; the last one is wrapped to the terminal.

    A name that came with the data stays in its cell: on one line, of a length that leaves the next ones in sight.
    """
    cells = [[name.replace("_", " ") for name in columns]]
    cells += [["" if row.get(name) is None else one_line(str(row[name])) for name in columns[:-1]] for row in rows]
    widths = [
        max(map(columns_of, column)) for column in zip(*(line[: len(columns) - 1] for line in cells), strict=True)
    ]
    lasts = [cells[0][-1:], *([str(row.get(columns[-1]) or "")] for row in rows)] if columns else []
    lines = []
    for line, last in zip(cells, lasts, strict=False):
        first = "".join(f"{cell}{' ' * (room - columns_of(cell))}  " for cell, room in zip(line, widths, strict=False))
        lines += wrapped(last[0], first=first, rest=" " * columns_of(first))
    return "\n".join(lines)


def one_line(text: str) -> str:
    """Write a text that came with the data in one line that nothing in it can break, cut where it is long."""
    line = " ".join(seen(text).split())
    while columns_of(line) > _LONGEST:
        line = f"{line[: min(len(line) - 2, _LONGEST - 1)]}…"
    return line


def columns_of(text: str) -> int:
    """Count the columns that a text takes in a terminal: two for a wide sign, none for one that joins the last.

    Example:
        >>> columns_of("eu"), columns_of("東京")
        (2, 4)
    """
    return sum(
        0
        if unicodedata.combining(sign) or unicodedata.category(sign) in ("Cf", "Me", "Mn")
        else 2
        if unicodedata.east_asian_width(sign) in "WF"
        else 1
        for sign in text
    )


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
        writer.writerows({name: csv_text(_flat(value)) for name, value in row.items()} for row in rows)
    else:
        print(table(rows, columns))


def _flat(value: Any) -> Any:
    """Write what is no single value as JSON."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def csv_text(value: Any) -> Any:
    """Keep a text from being run as a formula by a spreadsheet that opens the file: an apostrophe goes before it.

    Numbers stay numbers; JSON has every text as it is.

    Source:
        OWASP, "CSV Injection": cells that begin with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return.

    Example:
        >>> csv_text("=1+1"), csv_text("eu"), csv_text(-0.5)
        ("'=1+1", 'eu', -0.5)
    """
    return f"'{value}" if isinstance(value, str) and value.lstrip(" ")[:1] in _FORMULA else value
