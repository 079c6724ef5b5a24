"""Skewness of sums of units' contributions, and how sure it is: which end of an interval must reach further."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Skews", "combined_skews", "skews_of_values"]

Vector = NDArray[np.float64]
_NOTHING = 1e-9  # a part of the squares that is rounding beside the rest


@dataclass(frozen=True, eq=False)
class Skews:
    """Skewness of what chance adds to values (0 for a normal one), with its standard error.

    Args:
        value: Third central moment over the variance to the power 3/2, shape (groups,), float64.
        error: Its standard error, shape (groups,), float64.
    """

    value: Vector
    error: Vector

    def in_a_whole(self, variance: Vector, whole: Vector) -> "Skews":
        """Return what a part adds to the skewness of a whole that has more variance.

        Args:
            variance: Variance of the part, shape (groups,).
            whole: Variance of the whole, shape (groups,).
        """
        part = np.divide(variance, whole, out=np.zeros(whole.shape), where=whole > 0) ** 1.5
        return Skews(self.value * part, self.error * part)


def skews_of_values(at: NDArray[np.int64], contributions: Vector, groups: int) -> Skews:
    """Estimate the skewness of sums of independent units' contributions, and its standard error.

    It is the same of units and of random gatherings of them, as third moments add up like variances.

    Args:
        at: The group of each unit, shape (units,).
        contributions: Linearised contribution of each unit, shape (units,), float64, no NaN.
        groups: How many groups there are.

    Returns:
        Skewness of each group's sum, 0 where nothing varies.

    Derivation:
        With c the contributions, ``sum(c**3) / sum(c**2)**1.5``, which is the units' own skewness over the root of
        their number n. Its error is the jackknife's (Efron and Stein 1981): of the units' skewness without each in
        turn, the root of ``(n - 1) / n`` times the sum of squares about their mean.

    Example:
        >>> found = skews_of_values(np.zeros(3, dtype=np.int64), np.array([2.0, -1.0, -1.0]), 1)
        >>> found.value.round(6), found.error.round(6)  # 6 / 6**1.5; without each: -1, and twice 0.885438
        (array([0.408248]), array([0.725705]))
    """

    def added(amounts: Vector) -> Vector:
        return np.bincount(at, weights=amounts, minlength=groups).astype(np.float64)

    root = np.sqrt(added(contributions**2))[at]
    z = np.divide(contributions, root, out=np.zeros(len(at)), where=root > 0)
    n, value = added(np.ones(len(at))), added(z**3)
    others = np.sqrt(np.maximum(n - 1, 0.0))[at]
    left = np.maximum(1 - z**2, 0.0)
    # Where one unit has all the squares, nothing is left to be skewed.
    without = np.divide((value[at] - z**3) * others, left**1.5, out=np.zeros(len(at)), where=left > _NOTHING)
    centred = without - (added(without) / np.maximum(n, 1))[at]
    square = added(np.where(root > 0, centred, 0.0) ** 2)
    return Skews(value, np.sqrt(square * np.maximum(n - 1, 0.0)) / np.maximum(n, 1))


def combined_skews(parts: Sequence[Skews], variances: Sequence[Vector]) -> Skews:
    """Give the skewness of sums of independent parts.

    Args:
        parts: Skewness of each part, one at least, all of one length.
        variances: Variance of each part, likewise.

    Example:
        >>> one = Skews(np.array([1.0]), np.array([0.3]))
        >>> both = combined_skews([one, one], [np.array([2.0])] * 2)
        >>> both.value.round(6), both.error.round(6)  # sums of two like each: 1 / sqrt(2), 0.3 / 2
        (array([0.707107]), array([0.15]))
    """
    whole = np.sum(variances, axis=0)
    scaled = [part.in_a_whole(variance, whole) for part, variance in zip(parts, variances, strict=True)]
    value = np.sum([part.value for part in scaled], axis=0)
    return Skews(value, np.sqrt(np.sum([part.error**2 for part in scaled], axis=0)))
