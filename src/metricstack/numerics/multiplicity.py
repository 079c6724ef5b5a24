"""Many tests at once: adjusted p-values, and intervals that keep their promise for those that were picked."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput

__all__ = ["Family", "benjamini_hochberg", "p_value"]


@dataclass(frozen=True, slots=True)
class Family:
    """What a family of tests shows under a false discovery rate.

    Args:
        rate: The share q of false ones that is accepted among those called changed.
        size: Tests in the family, also those that were declared and gave no p-value.
        adjusted: Adjusted p-values, in the order given; a test is called changed where it is at most ``rate``.
        level: Confidence level of every interval, ``1 - R q / m`` with R called changed of m (one at least):
            it leaves out 0 exactly where the test is called changed.
    """

    rate: float
    size: int
    adjusted: tuple[float, ...]
    level: float

    @property
    def changed(self) -> tuple[bool, ...]:
        """Which tests are called changed."""
        return tuple(p <= self.rate for p in self.adjusted)


def benjamini_hochberg(p_values: Sequence[float], *, rate: float = 0.05, size: int | None = None) -> Family:
    """Control the share of false ones among the tests that are called changed.

    Args:
        p_values: Of the tests that were made.
        rate: The accepted share q.
        size: Tests declared, at least as many as made; those without a p-value count as not changed.

    Raises:
        InvalidInput: a p-value or the rate is outside its range, or the family is smaller than its tests.

    Derivation:
        In ascending order the k-th p-value is held against ``k q / m``: it is called changed where any later
        one passes its own bar too, so the adjusted value is the smallest ``m p / k`` from there on. The
        intervals of the R picked are widened by the same factor, to level ``1 - R q / m``; so is, here, every
        other, so that verdicts and intervals never disagree.

    Example:
        >>> family = benjamini_hochberg([0.01, 0.04, 0.03, 0.5])
        >>> [round(p, 4) for p in family.adjusted], family.changed, family.level
        ([0.04, 0.0533, 0.0533, 0.5], (True, False, False, False), 0.9875)
    """
    m = len(p_values) if size is None else size
    if m < len(p_values):
        raise InvalidInput(f"A family of {m} tests cannot hold {len(p_values)} p-values.")
    if not 0 < rate < 1:
        raise InvalidInput(f"The false discovery rate {rate} is outside (0, 1); 0.05 is usual.")
    p = np.asarray(p_values, dtype=np.float64)
    if len(p) and not ((p >= 0) & (p <= 1)).all():
        raise InvalidInput("A p-value lies between 0 and 1.")
    order = np.argsort(p, kind="stable")
    scaled = p[order] * m / np.arange(1, len(p) + 1)
    adjusted: NDArray[np.float64] = np.empty(len(p))
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    found = int((adjusted <= rate).sum())
    return Family(rate, m, tuple(float(value) for value in adjusted), 1 - max(found, 1) * rate / max(m, 1))


def p_value(value: float, error: float, freedom: float) -> float:
    """Return how often chance alone gives a difference at least as far from 0 (two-sided, Student's t).

    Args:
        value: The difference.
        error: Its standard error; 0 where it is exact.
        freedom: Degrees of freedom, ``inf`` for the normal.

    Example:
        >>> round(p_value(1.959964, 1.0, float("inf")), 6), p_value(0.0, 0.0, 5)
        (0.05, 1.0)
    """
    from scipy.special import ndtr, stdtr

    if value == 0:
        return 1.0
    if error == 0:
        return 0.0
    distance = -abs(value) / error
    return float(2 * (ndtr(distance) if np.isinf(freedom) else stdtr(max(freedom, 1.0), distance)))
