"""Why a quantile moved: counterfactual distributions, one factor switched at a time, in every order.

A quantile has no sum over groups. Its distribution has: each group's share times the group's own
distribution. The change from before to after is split over what was switched (the distributions of groups
in both windows, their mix, new groups, vanished ones) by Shapley's value, so that the parts add up exactly.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations
from math import factorial

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput
from metricstack.numerics.decomposition import KINDS
from metricstack.numerics.intervals import Spread
from metricstack.numerics.quantiles import bin_edges, quantile_of_bins, quantile_of_sample

__all__ = ["Sample", "Shift", "jackknife", "quantile_shift", "sum_to"]

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
Switched = frozenset[str]


@dataclass(frozen=True, eq=False)
class Sample:
    """One window's values (or histogram entries), shape (n,) each.

    Args:
        x: Values; of a histogram the bins, as whole numbers.
        weights: Weights, positive.
        groups: Group of each, from 0.
        buckets: Random group of units that each belongs to, from 0.
    """

    x: Array
    weights: Array
    groups: Integers
    buckets: Integers


@dataclass(frozen=True, eq=False)
class Shift:
    """A quantile's change by kind and group, with what the jackknife says of each.

    Args:
        parts: One number for each of `KINDS`, shape (5,); they add up to the change.
        groups: The parts by group, shape (5, groups); each row adds up to its part.
        part_replicates: The parts without one bucket of units each, shape (5, buckets).
        group_replicates: The same by group, shape (5, groups, buckets).
    """

    parts: Array
    groups: Array
    part_replicates: Array
    group_replicates: Array


def jackknife(replicates: Array) -> Spread:
    """Estimate the variance of a statistic from its values without one of several alike random groups each.

    Args:
        replicates: Shape (buckets,).

    Example:
        >>> jackknife(np.array([1.0, 2.0, 3.0])).variance
        1.3333333333333333
    """
    count = len(replicates)
    if count < 2:
        return Spread(math.inf, 0)
    centred = replicates - replicates.mean()
    return Spread(float((count - 1) / count * (centred @ centred)), count - 1)


def quantile_shift(
    before: Sample, after: Sample, p: float, *, groups: int, binned: bool, bins: tuple[Integers, Integers]
) -> Shift:
    """Decompose the change of a quantile.

    Args:
        before: The earlier window.
        after: The later window.
        p: Share below the quantile.
        groups: How many groups there are in both together.
        binned: The samples are logarithmic histograms.
        bins: Logarithmic bin of each entry of both samples, for the jackknife, which runs on histograms.

    Returns:
        Parts exact for the samples given. A group's own effect is what it changes switched first and what it
        changes switched last, in the mean; what is left to the part is shared out by size.

    Raises:
        InvalidInput: no group is in both windows.

    Source:
        Shapley's value: the mean of a factor's effect over all orders of switching. The variance is the
        delete-one jackknife over random groups of units, Wolter, *Introduction to Variance Estimation*, ch. 4.
    """
    counted = [np.bincount(s.groups, weights=s.weights, minlength=groups) for s in (before, after)]
    mass = np.stack(counted).astype(np.float64)
    here = mass > 0
    both = here.all(axis=0)
    if not both.any():
        raise InvalidInput("No group is in both windows, so that distributions cannot be switched one by one.")
    players = ["rate", "mix", *(["new"] if (here[1] & ~here[0]).any() else [])]
    players += ["vanished"] if (here[0] & ~here[1]).any() else []
    exact = _Exact(before, after, p, mass, binned=binned)
    parts = _shapley(players, exact.quantile)
    table = _Histogram(before, after, p, here, bins)
    replicates = _shapley(players, lambda switched: table.quantiles(table.weights(switched)))  # (5, 1 + buckets)
    by_group = _by_group(table, replicates)
    return Shift(parts, sum_to(by_group[:, :, 0], parts), replicates[:, 1:], by_group[:, :, 1:])


def _shapley(players: list[str], worth: Callable[[Switched], "Array | float"]) -> Array:
    """Give each player the mean, over all orders, of what switching it changes; a row for each of `KINDS`."""
    n = len(players)
    values = {frozenset(s): np.asarray(worth(frozenset(s))) for r in range(n + 1) for s in combinations(players, r)}
    shape = next(iter(values.values())).shape
    found = np.zeros((len(KINDS), *shape))
    for player in players:
        others = [other for other in players if other != player]
        for size in range(n):
            weight = factorial(size) * factorial(n - size - 1) / factorial(n)
            for chosen in combinations(others, size):
                switched = frozenset(chosen)
                found[KINDS.index(player)] += weight * (values[switched | {player}] - values[switched])
    return found


def sum_to(by_group: Array, parts: Array) -> Array:
    """Share out, by size, what the effects of each row lack of their sum; evenly where all are 0.

    Args:
        by_group: Shape (rows, groups).
        parts: What each row is to add up to, shape (rows,).
    """
    sizes = np.abs(by_group)
    whole = sizes.sum(axis=1, keepdims=True)
    even = np.full_like(sizes, 1 / sizes.shape[1])
    weight = np.divide(sizes, whole, out=even, where=whole > 0)
    found: Array = by_group + (parts - by_group.sum(axis=1))[:, None] * weight
    return found


class _Exact:
    """Quantiles of counterfactual distributions from the values themselves."""

    def __init__(self, before: Sample, after: Sample, p: float, mass: Array, *, binned: bool) -> None:
        self.samples, self.p, self.mass, self.binned = (before, after), p, mass, binned

    def quantile(self, switched: Switched) -> float:
        scale = _scales(self.mass, switched)
        x, weights = [], []
        for side, sample in enumerate(self.samples):
            factor = scale[side][sample.groups]
            kept = factor > 0
            x.append(sample.x[kept])
            weights.append(sample.weights[kept] * factor[kept])
        values, amounts = np.concatenate(x), np.concatenate(weights)
        if self.binned:
            return quantile_of_bins(values.astype(np.int64), amounts, self.p)
        if np.allclose(amounts, amounts[0], rtol=1e-12, atol=0.0):
            return quantile_of_sample(values, self.p)
        return quantile_of_sample(values, self.p, amounts)


def _scales(mass: Array, switched: Switched) -> Array:
    """Factor of each row's weight by side and group, shape (2, …, groups): the counterfactual's masses.

    The groups of both windows weigh 1 together, others as much as they did beside them.
    """
    here = mass > 0
    both = here.all(axis=0)
    shared = np.where(both, mass, 0.0).sum(axis=-1, keepdims=True)
    shared = np.where(shared > 0, shared, 1.0)
    share = mass / shared
    rate, mix = int("rate" in switched), int("mix" in switched)
    scale = np.zeros_like(mass)
    scale[rate] = np.where(both, share[mix] / np.where(here[rate], mass[rate], 1.0), 0.0)
    if "new" in switched:
        scale[1] = np.where(here[1] & ~here[0], 1 / shared[1], scale[1])
    if "vanished" not in switched:
        scale[0] = np.where(here[0] & ~here[1], 1 / shared[0], scale[0])
    return scale


class _Histogram:
    """The same on histograms, for the whole and for each bucket left out at once."""

    def __init__(
        self, before: Sample, after: Sample, p: float, here: NDArray[np.bool_], bins: tuple[Integers, Integers]
    ) -> None:
        self.p, self.here = p, here
        known = np.unique(np.concatenate(bins))
        self.low, self.high = bin_edges(known)
        buckets = np.unique(np.concatenate([before.buckets, after.buckets]))
        self.buckets, groups = len(buckets), here.shape[1]
        self.counts = np.zeros((2, 1 + self.buckets, groups, len(known)))
        for side, (sample, bin_) in enumerate(zip((before, after), bins, strict=True)):
            place = np.searchsorted(buckets, sample.buckets), sample.groups, np.searchsorted(known, bin_)
            np.add.at(self.counts[side, 1:], place, sample.weights)
        whole = self.counts[:, 1:].sum(axis=1)
        self.counts[:, 1:] = np.maximum(whole[:, None] - self.counts[:, 1:], 0.0)
        self.counts[:, 0] = whole
        self.counts[self.counts < 1e-9 * whole.max()] = 0.0
        self.mass = self.counts.sum(axis=-1)

    def weights(self, switched: Switched) -> Array:
        """Factors of each side's groups, shape (2, 1 + buckets, groups)."""
        return _scales(self.mass, switched)

    def quantiles(self, scale: Array) -> Array:
        """Quantile of the mixture, for the whole and each bucket left out, shape (1 + buckets,)."""
        mixed = np.einsum("trg,trgb->rb", scale, self.counts)
        after = np.cumsum(mixed, axis=1)
        target = self.p * after[:, -1]
        at = np.minimum((after < target[:, None] * (1 - 1e-12)).sum(axis=1), mixed.shape[1] - 1)
        rows = np.arange(len(mixed))
        own = mixed[rows, at]
        inside = np.divide(target - (after[rows, at] - own), own, out=np.ones(len(own)), where=own > 0)
        low, high = self.low[at], self.high[at]
        positive = high > 0
        ratio = np.divide(high, low, out=np.ones(len(low)), where=positive & (low > 0))
        return np.where(positive, low * ratio ** np.clip(inside, 0.0, 1.0), 0.0)


def _by_group(table: _Histogram, parts: Array) -> Array:
    """Effects of single groups, shape (5, groups, 1 + buckets)."""
    groups = table.here.shape[1]
    found = np.zeros((len(KINDS), groups, parts.shape[1]))
    everything = frozenset(("rate", "mix", "new", "vanished"))
    first, last = table.weights(frozenset()), table.weights(everything)
    bottom, top = table.quantiles(first), table.quantiles(last)
    both = np.asarray(table.here.all(axis=0))
    for group in range(groups):
        kinds: Iterable[str] = ("rate", "mix") if both[group] else (("new",) if table.here[1, group] else ("vanished",))
        for kind in kinds:
            up = table.quantiles(_one(table, first, kind, group, to=1))
            down = table.quantiles(_one(table, last, kind, group, to=0))
            found[KINDS.index(kind), group] = ((up - bottom) + (top - down)) / 2
    return found


def _one(table: _Histogram, scale: Array, kind: str, group: int, *, to: int) -> Array:
    """Switch one group alone to a window's distribution, share, presence or absence."""
    changed, other = scale.copy(), 1 - to
    mass = table.mass[:, :, group]
    shared = np.where(table.here.all(axis=0), table.mass, 0.0).sum(axis=-1)
    share = np.divide(mass, shared, out=np.zeros_like(mass), where=shared > 0)
    if kind == "rate":
        changed[other, :, group] = 0.0
        changed[to, :, group] = np.divide(share[other], mass[to], out=np.zeros_like(mass[to]), where=mass[to] > 0)
    elif kind == "mix":
        kept = np.divide(share[to], mass[other], out=np.zeros_like(mass[other]), where=mass[other] > 0)
        changed[other, :, group] = kept
    else:
        side = 1 if kind == "new" else 0
        present = (to == 1) == (kind == "new")
        alone = np.divide(1.0, shared[side], out=np.zeros_like(shared[side]), where=shared[side] > 0)
        changed[side, :, group] = alone if present else 0.0
    return changed
