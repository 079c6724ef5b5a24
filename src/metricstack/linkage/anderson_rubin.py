"""Every size of a cause that the instruments do not reject: an interval, two rays, the whole line, or nothing."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["ReducedForms", "confidence_set"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ReducedForms:
    """Coefficients of the instruments for the outcome and for the cause, with their joint covariance.

    Args:
        outcome: Shape (instruments,).
        cause: Shape (instruments,).
        outcome_variance: Covariance matrix of ``outcome``, shape (instruments, instruments).
        cause_variance: The same of ``cause``.
        between: Covariances, ``between[i, j]`` of outcome i with cause j.
    """

    outcome: Vector
    cause: Vector
    outcome_variance: Matrix
    cause_variance: Matrix
    between: Matrix

    def wald(self, size: float) -> float:
        """Return the Wald statistic of the instruments having no effect on ``outcome - size * cause``."""
        gap = self.outcome - size * self.cause
        cross = self.between + self.between.T
        variance = self.outcome_variance - size * cross + size**2 * self.cause_variance
        return float(gap @ np.linalg.solve(variance, gap))


def confidence_set(forms: ReducedForms, bar: float, *, around: tuple[float, float]) -> tuple[tuple[float, float], ...]:
    """Return the sizes whose Wald statistic is at most ``bar``, as disjoint intervals in ascending order.

    Args:
        forms: The reduced forms.
        bar: Critical value of the Wald statistic (instruments times the quantile of F).
        around: A point and a scale near which the set is likely to end, for precision only.

    Returns:
        The parts, with ``-inf`` and ``inf`` where they do not end; empty where every size is rejected.

    Derivation:
        With the gap ``g(b)`` linear in b and its variance ``V(b)`` quadratic, ``g' V^-1 g = bar`` where
        ``bar V(b) - g(b) g(b)'`` is singular: the real eigenvalues of a quadratic matrix polynomial, which its
        companion form gives. Between neighbouring roots the statistic stays on one side of the bar. Of one
        instrument this is Fieller's quadratic.

    Source:
        Anderson and Rubin (1949); the inversion as in Mikusheva (2010), here for any covariance.

    Example:
        >>> one = ReducedForms(*(np.array([x]) for x in (2.0, 1.0)), *(np.array([[v]]) for v in (0.04, 0.01, 0.0)))
        >>> parts = confidence_set(one, 4.0, around=(2.0, 1.0))  # (2 - b)^2 = 4 (0.04 + 0.01 b^2)
        >>> [(round(low, 4), round(high, 4)) for low, high in parts]
        [(1.5, 2.6667)]
    """
    from scipy.linalg import eigvals

    middle, scale = around
    k = len(forms.cause)
    # In t = (b - middle) / scale, so that roots are of the order of one.
    gap, slope = forms.outcome - middle * forms.cause, -scale * forms.cause
    cross = forms.between + forms.between.T
    constant = forms.outcome_variance - middle * cross + middle**2 * forms.cause_variance
    linear = scale * (2 * middle * forms.cause_variance - cross)
    square = scale**2 * forms.cause_variance
    a0 = bar * constant - np.outer(gap, gap)
    a1 = bar * linear - np.outer(gap, slope) - np.outer(slope, gap)
    a2 = bar * square - np.outer(slope, slope)
    # One size for all, or the identity of the companion form drowns in units of large or small numbers.
    size = max(float(np.abs(part).max()) for part in (a0, a1, a2)) or 1.0
    a0, a1, a2 = a0 / size, a1 / size, a2 / size
    zero, one = np.zeros((k, k)), np.eye(k)
    left, right = np.block([[zero, one], [-a0, -a1]]), np.block([[one, zero], [zero, a2]])
    above, below = eigvals(left, right, homogeneous_eigvals=True)
    finite = np.abs(below) > 1e-12 * np.abs(above)
    roots = above[finite] / below[finite]
    real = np.sort(roots.real[np.abs(roots.imag) <= 1e-7 * np.maximum(1.0, np.abs(roots.real))])
    edges = [-np.inf, *(middle + scale * real), np.inf]
    parts: list[tuple[float, float]] = []
    for low, high in pairwise(edges):
        if low == high or forms.wald(_inside(low, high, middle, scale)) > bar:
            continue
        if parts and parts[-1][1] == low:
            parts[-1] = (parts[-1][0], float(high))
        else:
            parts.append((float(low), float(high)))
    return tuple(parts)


def _inside(low: float, high: float, middle: float, scale: float) -> float:
    if np.isinf(low) and np.isinf(high):
        return middle
    if np.isinf(low):
        return high - 10 * max(scale, abs(high - middle))
    if np.isinf(high):
        return low + 10 * max(scale, abs(low - middle))
    return (low + high) / 2
