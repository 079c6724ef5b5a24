"""Quantiles of many groups from their logarithmic histograms at once; `quantiles` does the same for one."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from metricstack.numerics.many import spreads_of_values, t_quantiles
from metricstack.numerics.quantiles import BIN_RATIO, NOT_POSITIVE, bin_edges

__all__ = ["Below", "Histograms", "cut"]

Vector = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(eq=False)
class Histograms:
    """Histograms of several groups, each bin once or more.

    Args:
        group: Number of the group of each entry, 0 to ``groups`` - 1, shape (entries,).
        bins: Its bin, shape (entries,); see `quantiles.bin_edges`.
        weights: Its weight, shape (entries,), not negative.
        groups: How many groups there are.
    """

    group: Integers
    bins: Integers
    weights: Vector
    groups: int
    _at: Integers = field(init=False)
    _bins: Integers = field(init=False)
    _weights: Vector = field(init=False)
    _after: Vector = field(init=False)
    _start: Integers = field(init=False)
    total: Vector = field(init=False)

    def __post_init__(self) -> None:
        order = np.lexsort((self.bins, self.group))
        group, bins, weights = self.group[order], self.bins[order], self.weights[order]
        first = np.ones(len(group), dtype=bool)
        first[1:] = (group[1:] != group[:-1]) | (bins[1:] != bins[:-1])
        self._at, self._bins = group[first], bins[first]
        self._weights = np.add.reduceat(weights, np.flatnonzero(first)) if len(weights) else weights
        self._start = np.searchsorted(self._at, np.arange(self.groups + 1)).astype(np.int64)
        after = np.cumsum(self._weights)
        before = np.concatenate([[0.0], after])[self._start]
        self.total = np.diff(before)
        self._after = after - before[self._at] if len(after) else after

    def quantile(self, share: Vector) -> Vector:
        """Return each group's quantile, interpolated geometrically within its bin; NaN for a group without entries.

        Args:
            share: Share below it of each group, clipped to [0, 1], shape (groups,).

        Example:
            >>> group, bins = np.zeros(2, dtype=np.int64), np.array([0, 1])
            >>> one = Histograms(group, bins, np.ones(2), 1)
            >>> one.quantile(np.array([0.5])).round(4)
            array([1.])
        """
        found = np.full(self.groups, np.nan)
        some = np.diff(self._start) > 0
        target = np.clip(share, 0.0, 1.0) * self.total
        # Groups one after another on one scale: a group's number, and how much of it lies below.
        reached = self._at + self._part(self._after, self.total[self._at])
        wanted = np.arange(self.groups) + self._part(target, self.total)
        place = np.searchsorted(reached, wanted, side="left")
        place = np.clip(place, self._start[:-1], np.maximum(self._start[1:] - 1, 0))
        # Rounding on that scale may miss by one bin: what counts is the sum itself.
        place = self._corrected(place, target)
        at = place[some]
        low, high = bin_edges(self._bins[at])
        weight = self._weights[at]
        inside = np.divide(target[some] - (self._after[at] - weight), weight, out=np.ones(len(at)), where=weight > 0)
        positive = high > 0
        ratio = np.divide(high, low, out=np.ones(len(at)), where=positive)
        found[some] = np.where(positive, low * ratio ** np.clip(inside, 0.0, 1.0), 0.0)
        return found

    @staticmethod
    def _part(amount: Vector, whole: Vector) -> Vector:
        return np.divide(amount, whole, out=np.zeros(len(amount)), where=whole > 0) * 0.5

    def _corrected(self, place: Integers, target: Vector) -> Integers:
        for _ in range(4):
            back = (place > self._start[:-1]) & (self._before(place) >= target)
            on = (place < self._start[1:] - 1) & (self._upto(place) < target)
            if not (back | on).any():
                break
            place = place - back + (on & ~back)
        return place

    def _upto(self, place: Integers) -> Vector:
        return self._after[np.minimum(place, len(self._after) - 1)] if len(self._after) else np.zeros(len(place))

    def _before(self, place: Integers) -> Vector:
        return self._upto(np.maximum(place - 1, 0))

    def bounds(self, p: float, value: Vector, below: "Below", *, level: float) -> tuple[Vector, Vector]:
        """Return the interval of each group's quantile when a unit's values depend on one another.

        Args:
            p: Share below the quantile, in (0, 1).
            value: The quantiles, shape (groups,).
            below: How much of each unit lies below them.
            level: Confidence level.

        Returns:
            Lower and upper bounds, infinite where a group has too few units for one.

        Source:
            Woodruff (1952), as `quantiles.quantile_by_group`.
        """
        share = np.bincount(below.group, below.below, self.groups) / np.where(self.total > 0, self.total, 1.0)
        parts = (below.below - share[below.group] * below.weight) / self.total[below.group]
        spreads = spreads_of_values(below.group, parts, below.weight, share, tails=False)
        several = np.bincount(below.group, minlength=self.groups) > 1
        reach = np.sqrt(spreads.variance) * t_quantiles(level, np.maximum(spreads.freedom, 1.0))
        bottom = np.where(several & (p - reach > 0), self.quantile(p - reach), -np.inf)
        top = np.where(several & (p + reach < 1), self.quantile(p + reach), np.inf)
        return np.minimum(bottom, value), np.maximum(top, value)


@dataclass(frozen=True, eq=False)
class Below:
    """How much of each unit lies at or below its group's quantile; arrays of shape (units of all groups,).

    Args:
        group: Number of the unit's group.
        weight: Weight of the unit's values.
        below: Weight of those at or below.
    """

    group: Integers
    weight: Vector
    below: Vector

    @classmethod
    def of(cls, group: Integers, unit: Integers, bins: Integers, weights: Vector, value: Vector) -> "Below":
        """Add up a histogram of each unit.

        Args:
            group: Number of the group of each entry, shape (entries,).
            unit: Its unit, shape (entries,).
            bins: Its bin, shape (entries,).
            weights: Its weight, shape (entries,), not negative.
            value: The quantile of each group, shape (groups,).

        Example:
            >>> one, unit, bins = np.zeros(3, dtype=np.int64), np.array([7, 7, 8]), np.array([0, 40, 0])
            >>> found = Below.of(one, unit, bins, np.ones(3), np.array([1.0]))
            >>> found.weight, found.below
            (array([2., 1.]), array([1., 1.]))
        """
        at, inside = cut(value)
        part = np.where(bins < at[group], 1.0, np.where(bins == at[group], inside[group], 0.0))
        order = np.lexsort((unit, group))
        group, unit = group[order], unit[order]
        first = np.ones(len(group), dtype=bool)
        first[1:] = (group[1:] != group[:-1]) | (unit[1:] != unit[:-1])
        starts = np.flatnonzero(first)
        if not len(starts):
            return cls(group, weights, weights)
        sums = np.add.reduceat(np.stack([weights[order], (weights * part)[order]], axis=1), starts)
        return cls(group[first], sums[:, 0], sums[:, 1])


def cut(value: Vector) -> tuple[Integers, Vector]:
    """Return the bin that holds each value, and how much of that bin lies at or below it, on the logarithmic scale.

    Args:
        value: Values, shape (n,); one that is not positive is the whole of the bin of such values.

    Example:
        >>> cut(np.array([1.0, 0.0]))
        (array([       0, -1000000]), array([1., 1.]))
    """
    positive = value > 0
    place = np.log(np.where(positive, value, 1.0)) / np.log(BIN_RATIO)
    at = np.ceil(place)
    bins = np.where(positive, at, NOT_POSITIVE).astype(np.int64)
    return bins, np.where(positive, place - (at - 1), 1.0)
