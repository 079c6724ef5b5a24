"""Quantiles of samples and of logarithmic histograms, with intervals that respect clusters.

A histogram's bins are ``ceil(ln(x) / ln(1.0202))``: a bin is 2 % wide, counts of bins are the same on every
engine, and histograms merge by adding. Quantiles are never averaged.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput
from metricstack.numerics.intervals import check_level, spread_of_value, t_quantile

__all__ = [
    "BIN_RATIO",
    "NOT_POSITIVE",
    "QuantileAnswer",
    "bin_edges",
    "bin_inverse",
    "order_statistics",
    "quantile_by_group",
    "quantile_of_bins",
    "quantile_of_sample",
    "sample_inverse",
]

BIN_RATIO = 1.0202
"""Upper edge of a bin divided by its lower edge."""
NOT_POSITIVE = -(10**6)
"""The bin of values that are not positive."""

Vector = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class QuantileAnswer:
    """A quantile with its interval.

    Args:
        value: The quantile.
        low: Lower bound, ``-inf`` where the sample is too small for one.
        high: Upper bound, ``inf`` where the sample is too small for one.
        method: How the interval was made, in words.
    """

    value: float
    low: float
    high: float
    method: str


def _check(p: float) -> None:
    if not 0 < p < 1:
        raise InvalidInput(f"The quantile {p} is outside (0, 1).")


def quantile_of_sample(x: Vector, p: float, weights: Vector | None = None) -> float:
    """Return a sample's quantile: linear between order statistics.

    Args:
        x: Sample, shape (n,), float64, no NaN, not empty.
        p: Share below it, in (0, 1).
        weights: Weights, shape (n,), positive; None or all equal gives NumPy's ``linear`` (type 7).

    Example:
        >>> quantile_of_sample(np.array([1.0, 2.0, 3.0, 4.0]), 0.5)
        2.5
    """
    _check(p)
    if weights is None or weights.min() == weights.max():
        return float(np.quantile(x, p))
    order = np.argsort(x, kind="stable")
    x, weights = x[order], weights[order]
    # The i-th value stands at (weight before it) / (total - its own), which is (i - 1)/(n - 1) for equal weights.
    before = np.cumsum(weights) - weights
    place = before / (before + (weights.sum() - before - weights))
    return float(np.interp(p, place, x))


def order_statistics(x: Vector, p: float, *, level: float = 0.95) -> QuantileAnswer:
    """Give a quantile of independent values with the binomial interval between two order statistics.

    It assumes nothing of the distribution. Where the sample is too small for a bound, the bound is
    infinite and says so.

    Args:
        x: Independent values, shape (n,), float64, no NaN, not empty.
        p: Share below it, in (0, 1).
        level: Confidence level; the interval's own is at least this.

    Source:
        David and Nagaraja, *Order Statistics*, section 7.1: with B binomial(n, p),
        P(x_(r) < q < x_(s)) = P(r <= B <= s - 1).

    Example:
        >>> answer = order_statistics(np.arange(1.0, 11.0), 0.5)
        >>> answer.value, answer.low, answer.high
        (5.5, 2.0, 9.0)
    """
    from scipy.special import bdtr

    _check(p)
    ordered, n = np.sort(x), len(x)
    tail = (1 - check_level(level)) / 2
    below = np.asarray(bdtr(np.arange(n, dtype=np.float64), n, p), dtype=np.float64)  # P(B <= k)
    # r: the largest with P(B < r) <= tail; s: the smallest with P(B >= s) <= tail.
    r = int(np.searchsorted(below, tail, side="right"))
    s = int(np.searchsorted(below, 1 - tail, side="left")) + 1
    low = float(ordered[r - 1]) if r >= 1 else -math.inf
    high = float(ordered[s - 1]) if s <= n else math.inf
    value = float(np.quantile(ordered, p))
    return QuantileAnswer(value, min(low, value), max(high, value), "order statistics (binomial)")


def bin_edges(bins: Integers) -> tuple[Vector, Vector]:
    """Return the lower and upper edges of logarithmic bins; the bin of non-positive values is at 0.

    Example:
        >>> low, high = bin_edges(np.array([0, 1]))
        >>> [round(float(edge), 4) for edge in (*low, *high)]
        [0.9802, 1.0, 1.0, 1.0202]
    """
    positive = bins != NOT_POSITIVE
    exponent = np.where(positive, bins, 0).astype(np.float64)
    return (
        np.where(positive, BIN_RATIO ** (exponent - 1), 0.0),
        np.where(positive, BIN_RATIO**exponent, 0.0),
    )


def quantile_of_bins(bins: Integers, weights: Vector, p: float) -> float:
    """Return the quantile of a logarithmic histogram, interpolated geometrically within its bin.

    Within 2 % by construction, far nearer for smooth data.

    Args:
        bins: Bin numbers, shape (m,), in any order, each once or more.
        weights: Weight of each, shape (m,), not negative.
        p: Share below it, clipped to [0, 1].
    """
    bins, at_bin = np.unique(bins, return_inverse=True)
    weights = np.bincount(at_bin, weights=weights).astype(np.float64)
    after = np.cumsum(weights)
    target = min(max(p, 0.0), 1.0) * after[-1]
    at = min(int(np.searchsorted(after, target, side="left")), len(bins) - 1)
    low, high = bin_edges(bins[at : at + 1])
    if high[0] <= 0:
        return 0.0
    share = (target - (after[at] - weights[at])) / weights[at] if weights[at] > 0 else 1.0
    return float(low[0] * (high[0] / low[0]) ** min(max(share, 0.0), 1.0))


def quantile_by_group(
    groups: Integers,
    weights: Vector,
    below: Vector,
    *,
    p: float,
    value: float,
    inverse: Callable[[float], float],
    level: float = 0.95,
    exact_groups: bool = True,
) -> QuantileAnswer:
    """Give a quantile's interval when values of one group (user, session) depend on one another.

    The share of values at or below the quantile is a ratio of sums per group; its clustered standard
    error, by how much of the weight each group has, is carried back through the distribution.

    Args:
        groups: Group of each entry, shape (m,).
        weights: Weight of each entry, shape (m,).
        below: How much of each entry lies at or below the value, 0 to 1, shape (m,).
        p: Share below the quantile.
        value: The quantile itself.
        inverse: Maps a share to the value at it (`sample_inverse`, `bin_inverse`).
        level: Confidence level.
        exact_groups: Groups are the units themselves, not random gatherings of many.

    Source:
        Woodruff (1952), *Confidence intervals for medians and other position measures*; the standard error as in
        `many.spreads_of_values`.
    """
    _, group = np.unique(groups, return_inverse=True)
    whole = np.bincount(group, weights=weights).astype(np.float64)
    total, k = float(whole.sum()), len(whole)
    if k < 2:
        return QuantileAnswer(value, -math.inf, math.inf, "one cluster gives no interval")
    share = float((weights * below).sum()) / total
    contributions = np.bincount(group, weights=weights * (below - share)).astype(np.float64) / total
    spread = spread_of_value(contributions, whole, share, tails=False)
    reach = t_quantile(level, spread.freedom) * math.sqrt(spread.variance)
    bounds = p - reach, p + reach
    low = inverse(bounds[0]) if bounds[0] > 0 else -math.inf
    high = inverse(bounds[1]) if bounds[1] < 1 else math.inf
    kind = "clusters" if exact_groups else "random groups of clusters"
    return QuantileAnswer(value, min(low, value), max(high, value), f"Woodruff over {k} {kind}")


def sample_inverse(x: Vector, weights: Vector) -> Callable[[float], float]:
    """Return the inverse of a weighted sample: share → smallest value with at least that share at or below it."""
    order = np.argsort(x, kind="stable")
    ordered, after = x[order], np.cumsum(weights[order])

    def inverse(share: float) -> float:
        at = int(np.searchsorted(after, (share - 1e-12) * after[-1], side="left"))
        return float(ordered[min(at, len(ordered) - 1)])

    return inverse


def bin_inverse(bins: Integers, weights: Vector) -> Callable[[float], float]:
    """Return the inverse of a logarithmic histogram: share → value, interpolated within its bin."""
    bins, at_bin = np.unique(bins, return_inverse=True)
    weights = np.bincount(at_bin, weights=weights).astype(np.float64)
    return lambda share: quantile_of_bins(bins, weights, share)
