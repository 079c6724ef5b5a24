"""Sums of a query laid out by group and unit, to be added and multiplied as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from metricstack.metrics.query.fetch import Grouped, Key

__all__ = ["Laid", "added"]

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
