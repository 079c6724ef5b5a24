"""Where the nodes and edges of a layered graph lie: columns from left to right, few crossings, no edge through a name.

Coordinates across are a share of the width and a shift in pixels, because names keep their size on a phone while the
room between them shrinks.
"""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["HALF", "LINE", "Lane", "Place", "laid_out", "routed", "wrapped_name"]

HALF = 40
"""Half the width that a name may take, in pixels."""
LINE = 14
"""Height of a line of a name, in pixels."""
_LETTERS = 13
_LINES = 3
_STEPS = 20
_SWEEPS = 6
_ROW = 56
_APART = 5


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node lies: its column, and its height in pixels from the top."""

    column: int
    y: float


@dataclass(frozen=True, slots=True)
class Lane:
    """The way of an edge: (share of the width, shift in pixels, height in pixels) of each point; where its tip points.

    Args:
        points: From the cause to the effect.
        to_left: The tip points to the left.
    """

    points: tuple[tuple[float, float, float], ...]
    to_left: bool = False


def wrapped_name(name: str) -> list[str]:
    """Break a name into at most three short lines.

    Example:
        >>> wrapped_name("Support cost per case")
        ['Support cost', 'per case']
    """
    lines = textwrap.wrap(name, _LETTERS, break_long_words=True, break_on_hyphens=True) or [name]
    return lines if len(lines) <= _LINES else [*lines[: _LINES - 1], f"{lines[_LINES - 1][: _LETTERS - 1]}…"]


def laid_out(columns: Mapping[str, int], edges: Sequence[tuple[str, str]]) -> tuple[dict[str, Place], float]:
    """Place nodes in their columns, each near the mean height of its neighbours, and return the height of all.

    Args:
        columns: The column of each node, 0 the leftmost.
        edges: Pairs of nodes.
    """
    members = {column: [n for n, own in columns.items() if own == column] for column in sorted(set(columns.values()))}
    height = float(max(map(len, members.values())) * _ROW)
    near: dict[str, list[str]] = {node: [] for node in columns}
    for cause, effect in edges:
        near[cause].append(effect)
        near[effect].append(cause)

    def heights() -> dict[str, float]:
        return {node: (at + 0.5) * height / len(nodes) for nodes in members.values() for at, node in enumerate(nodes)}

    for sweep in range(_SWEEPS):
        for column in sorted(members, reverse=bool(sweep % 2)):
            now = heights()
            mean = {n: sum(now[m] for m in near[n]) / len(near[n]) if near[n] else now[n] for n in members[column]}
            members[column].sort(key=lambda node: (mean[node], node))
    final = heights()
    return {node: Place(columns[node], final[node]) for node in columns}, height


def routed(places: Mapping[str, Place], edges: Sequence[tuple[str, str]], columns: int) -> list[Lane]:
    """Draw a way for each edge: curves between columns, past the names of a column between, arcs within one."""
    used: dict[tuple[int, float], int] = {}
    return [_way(places, places[cause], places[effect], columns, used) for cause, effect in edges]


def _way(
    places: Mapping[str, Place], start: Place, end: Place, columns: int, used: dict[tuple[int, float], int]
) -> Lane:
    if start.column == end.column:
        return _arc(start, end, columns)
    step = 1 if end.column > start.column else -1
    points = [(*_side(start.column, columns, step), start.y)]
    whole: list[tuple[float, float, float]] = []
    for column in range(start.column + step, end.column, step):
        wanted = start.y + (end.y - start.y) * (column - start.column) / (end.column - start.column)
        gap = _gap(places, column, wanted)
        nth = used[column, gap] = used.get((column, gap), -1) + 1
        y = gap + _APART * ((nth + 1) // 2) * (1 if nth % 2 else -1)
        points += [(*_side(column, columns, -step), y), (*_side(column, columns, step), y)]
    points.append((*_side(end.column, columns, -step), end.y))
    for (a, shift_a, y_a), (b, shift_b, y_b) in pairwise(points):
        for at in range(_STEPS + 1):
            t = at / _STEPS
            smooth = t * t * (3 - 2 * t)
            whole.append((a + (b - a) * t, shift_a + (shift_b - shift_a) * t, y_a + (y_b - y_a) * smooth))
    return Lane(tuple(whole), to_left=step < 0)


def _side(column: int, columns: int, step: int) -> tuple[float, float]:
    """The right side of a column's names for a step of 1, their left for -1; the outer columns hug the frame."""
    share = column / (columns - 1) if columns > 1 else 0.5
    inward = HALF * (1 - 2 * share) if columns > 1 else 0.0
    return share, inward + step * HALF


def _gap(places: Mapping[str, Place], column: int, wanted: float) -> float:
    """The height nearest to the one wanted that lies between two names, above or below all."""
    taken = sorted(place.y for place in places.values() if place.column == column)
    if not taken:
        return wanted
    free = [taken[0] - _ROW / 2, *((a + b) / 2 for a, b in pairwise(taken)), taken[-1] + _ROW / 2]
    return min(free, key=lambda y: abs(y - wanted))


def _arc(start: Place, end: Place, columns: int) -> Lane:
    """A bow beside the names: to the right, in the last column to the left."""
    step = -1 if columns > 1 and start.column == columns - 1 else 1
    share, shift = _side(start.column, columns, step)
    reach = 10 + min(abs(end.y - start.y) / _ROW * 4, 28)
    off = 4 if end.y > start.y else -4  # it leaves and comes in beside the ends of the others
    top, bottom = start.y + off, end.y - off
    points = []
    for at in range(_STEPS + 1):
        t = at / _STEPS
        bow = 1 - (2 * t - 1) ** 4
        points.append((share, shift + step * reach * bow, top + (bottom - top) * t * t * (3 - 2 * t)))
    return Lane(tuple(points), to_left=step > 0)
