"""Sums of a query laid out by group and unit, to be added and multiplied as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from metricstack.metrics.query.grouped import Grouped, Key

__all__ = ["Laid", "added", "contributed"]

Vector = NDArray[np.float64]


@dataclass(eq=False)
class Laid:
    """A query's sums laid out by group.

    Args:
        grouped: The sums, by group and unit.
        keys: The groups, in order.
    """

    grouped: Grouped
    keys: Sequence[Key]
    at: NDArray[np.int64] = field(init=False)
    rows: NDArray[np.int64] = field(init=False)
    _sums: dict[str, Vector] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parts = [(i, part) for i, key in enumerate(self.keys) if (part := self.grouped.slices.get(key)) is not None]
        lengths = [part.stop - part.start for _, part in parts]
        self.at = np.repeat(np.array([i for i, _ in parts], dtype=np.int64), lengths)
        self.rows = np.concatenate([np.arange(part.start, part.stop) for _, part in parts] or [np.zeros(0, np.int64)])

    def by_unit(self, column: str) -> Vector:
        """Return one sum by unit, shape (units of all groups,); `at` says whose each is."""
        return self.grouped.columns[column][self.rows].astype(np.float64)

    @property
    def units(self) -> NDArray[np.int64]:
        """Hash (or bucket) of each unit, shape (units of all groups,)."""
        return np.asarray(self.grouped.columns["_unit"][self.rows])

    def total(self, column: str) -> Vector:
        """Return one sum by group, shape (groups,)."""
        if column not in self._sums:
            self._sums[column] = added(self.at, self.by_unit(column), len(self.keys))
        return self._sums[column]


def added(at: NDArray[np.int64], amounts: Vector, groups: int) -> Vector:
    """Add amounts by group: shape (entries,) to (groups,)."""
    return np.bincount(at, weights=amounts, minlength=groups).astype(np.float64)


def contributed(
    parts: Sequence[tuple[Laid, Sequence[tuple[str, str, Vector]]]],
) -> tuple[NDArray[np.int64], Vector, Vector]:
    """Return what each unit adds to values that are linear in its sums, and the rows that it stands on.

    A unit counts where a quantity of the value is known; one that is in several tables is taken once.

    Args:
        parts: Sums of each table, with its terms: the columns of the rows known and of the sum, and the slope of
            every group's value by it, shape (groups,).

    Returns:
        The group of each unit, its contribution and its rows, each of shape (units of all groups,).
    """
    found = []
    for laid, terms in parts:
        amounts, rows = np.zeros(len(laid.at)), np.zeros(len(laid.at))
        for known, column, slope in terms:
            here = laid.by_unit(known)
            rows += np.where(here > 0, here, 0.0)
            amounts += np.where(here > 0, slope[laid.at] * laid.by_unit(column), 0.0)
        of = rows > 0
        found.append((laid.at[of], laid.units[of], amounts[of], rows[of]))
    if len(found) == 1:
        return found[0][0], found[0][2], found[0][3]
    at, unit, amounts, rows = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.lexsort((unit, at))
    at, unit, amounts, rows = at[order], unit[order], amounts[order], rows[order]
    first = np.ones(len(at), dtype=bool)
    first[1:] = (at[1:] != at[:-1]) | (unit[1:] != unit[:-1])
    starts = np.flatnonzero(first)
    if not len(at):
        return at, amounts, rows
    return at[first], np.add.reduceat(amounts, starts), np.add.reduceat(rows, starts)
