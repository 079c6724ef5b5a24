"""A table that reads on a desk and on a phone: sections of rows, each row a block of its own where it is narrow.

What many rows share (their metric, their promise) is a section's heading, said once. Every cell says its name in
``data-label``, so that a row can stand without the head. The few rules of style travel with the fragment, touch only
what is inside it, and hold no colour: ink is inherited, lines are grey on any ground. A notebook that is not
trusted drops them; the styles of the cells then still make a legible table.
"""

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from metricstack.core.text import seen
from metricstack.narrative.words import count

__all__ = ["FAINT", "Column", "Line", "Section", "cell", "escape", "named", "sheet"]

FAINT = "opacity:.72;font-size:.9em"
_ROWS = 200
_CELL = "text-align:left;vertical-align:top;padding:.3em 1.1em .3em 0;white-space:normal;overflow-wrap:anywhere"
_NUMBER = (
    "text-align:right;vertical-align:top;padding:.3em 1.1em .3em 0;white-space:normal;font-variant-numeric:tabular-nums"
)
_STYLE = (
    "<style>.ms-sheet{container-type:inline-size}"
    ".ms-sheet .ms-table{width:auto;max-width:100%;border-collapse:collapse}"
    ".ms-sheet .ms-table tr{background:none}"
    ".ms-sheet .ms-table tbody tr{border-top:1px solid rgba(128,128,128,.28)}"
    ".ms-sheet .ms-table th[scope=row]{min-width:9em;max-width:28em}"
    ".ms-sheet .ms-name{display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:4;overflow:hidden}"
    ".ms-sheet .ms-short{white-space:nowrap!important}"
    ".ms-sheet td.ms-refusal>em{display:block;max-width:34em}"
    "@container (max-width:600px){"
    ".ms-sheet .ms-table,.ms-sheet .ms-table :is(caption,tbody,tr,th,td){display:block;max-width:none}"
    ".ms-sheet .ms-table thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}"
    ".ms-sheet .ms-table tr{padding:.6em 0}"
    ".ms-sheet .ms-table :is(th,td){padding:0!important;border:0;text-align:left!important}"
    ".ms-sheet .ms-table :is(th,td){white-space:normal!important}"
    ".ms-sheet .ms-table :is(td.ms-interval,td.ms-n){display:inline-block;margin-right:.9em}"
    ".ms-sheet .ms-table td:empty{display:none}"
    ".ms-sheet .ms-table td[data-label]::before{content:attr(data-label) '\\00a0 ';opacity:.72;font-weight:400}"
    ".ms-sheet .ms-table :is(td.ms-value,td.ms-group)::before{content:none}"
    ".ms-sheet .ms-table td.ms-value{font-size:1.15em}"
    "}</style>"
)


@dataclass(frozen=True, slots=True)
class Column:
    """A heading; ``number`` sets its cells flush right."""

    name: str
    number: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One row: what it is about, as text, and its cells, as HTML that `cell` made."""

    head: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """Rows under one heading; without a title they stand by themselves."""

    lines: tuple[Line, ...]
    title: str = ""
    note: str = ""


def escape(text: object) -> str:
    """Return a text that a browser shows as it is, in an element or in a quoted attribute.

    Example:
        >>> escape("<script>alert('1')</script>")
        '&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;'
    """
    return html.escape(seen(str(text)), quote=True)


def named(text: object) -> str:
    """Show a name that came with the data: its own direction of writing, and four lines at most.

    Example:
        >>> named("eu")
        '<bdi class="ms-name">eu</bdi>'
    """
    return f'<bdi class="ms-name">{escape(text)}</bdi>' if str(text) else ""


def cell(
    inner: str, label: str = "", *, kind: str = "", number: bool = False, span: int = 1, bold: bool = False
) -> str:
    """Return one cell around HTML that is escaped already.

    Args:
        inner: The HTML; empty for a cell that a phone leaves out.
        label: What it is, where it stands without the head.
        kind: Class names for a style sheet.
        number: Set it flush right.
        span: Columns that it takes.
        bold: Set it as the number that matters.
    """
    labelled = f' data-label="{escape(label)}"' if label and inner else ""
    spanned = f' colspan="{span}"' if span > 1 else ""
    marked = f' class="{kind}"' if kind else ""
    style = f"{_NUMBER if number else _CELL}{';font-weight:600' if bold else ''}"
    return f'<td{marked}{spanned}{labelled} style="{style}">{inner}</td>'


def sheet(columns: Sequence[Column], sections: Iterable[Section]) -> str:
    """Lay sections out under one head.

    Args:
        columns: The first is of what a row is about, then one for each cell.
        sections: In order; beyond 200 rows they are left out, and the last row says how many.
    """
    sections = tuple(sections)
    total, room, bodies = sum(len(section.lines) for section in sections), _ROWS, []
    for section in sections:
        shown = section.lines[:room]
        room -= len(shown)
        if shown:
            bodies.append(f"<tbody>{_title(section, len(columns))}{''.join(map(_row, shown))}</tbody>")
    if total > _ROWS:
        words = f"{count(total - _ROWS)} more rows are not shown; to_pandas() has them all."
        bodies.append(f"<tbody><tr>{cell(f'<em>{escape(words)}</em>', span=len(columns))}</tr></tbody>")
    heads = "".join(
        f'<th scope="col" style="{_NUMBER if column.number else _CELL}">{escape(column.name)}</th>'
        for column in columns
    )
    table = f'<table class="ms-table" style="border-collapse:collapse"><thead><tr>{heads}</tr></thead>'
    return f'<div class="ms-sheet">{_STYLE}{table}{"".join(bodies)}</table></div>'


def _title(section: Section, columns: int) -> str:
    if not section.title:
        return ""
    note = f' <span style="{FAINT};font-weight:400">{escape(section.note)}</span>' if section.note else ""
    style = f"{_CELL};padding-top:1em;font-weight:600"
    return (
        f'<tr class="ms-section-row"><th scope="rowgroup" colspan="{columns}" style="{style}">'
        f"{named(section.title)}{note}</th></tr>"
    )


def _row(line: Line) -> str:
    return f'<tr><th scope="row" style="{_CELL};font-weight:400">{named(line.head)}</th>{"".join(line.cells)}</tr>'
