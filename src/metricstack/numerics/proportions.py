"""Two shares from their counts, many tables at once: score tests inverted, and Newcombe's bounds.

Every argument written as a vector has one entry per table, shape (tables,), float64: successes ``x`` of ``n``, with
``0`` for the control and ``1`` for the treatment.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from metricstack.numerics.many import t_quantiles, wilson_bounds

__all__ = [
    "difference_bounds",
    "difference_score",
    "newcombe_bounds",
    "ratio_bounds",
    "ratio_score",
    "share_under_difference",
]

Vector = NDArray[np.float64]
_STEPS = 60  # halvings: a bracket of 2 or of 120 natural logarithms ends below rounding
_FARTHEST = 60.0  # natural logarithms; no table of counts tells ratios beyond e**60 apart


def share_under_difference(x0: Vector, n0: Vector, x1: Vector, n1: Vector, difference: Vector) -> Vector:
    """Return the control's likeliest share if the treatment's is larger by exactly ``difference``.

    Args:
        x0: Successes of the control.
        n0: Its units.
        x1: Successes of the treatment.
        n1: Its units.
        difference: Treatment minus control, -1 to 1.

    Source:
        Miettinen & Nurminen (1985), Statistics in Medicine 4, appendix: the middle root of a cubic, in
        trigonometric form.
    """
    n, x, d = n0 + n1, x0 + x1, difference
    l3, l2 = n, (n1 + 2 * n0) * d - n - x
    l1, l0 = (n0 * d - n - 2 * x0) * d + x, x0 * d * (1 - d)
    q = l2**3 / (3 * l3) ** 3 - l1 * l2 / (6 * l3**2) + l0 / (2 * l3)
    size = np.sqrt(np.maximum(l2**2 / (3 * l3) ** 2 - l1 / (3 * l3), 0.0))
    p = np.where(q >= 0, size, -size)
    cosine = np.divide(q, p**3, out=np.zeros_like(q), where=p != 0)
    angle = (math.pi + np.arccos(np.clip(cosine, -1.0, 1.0))) / 3
    share: Vector = 2 * p * np.cos(angle) - l2 / (3 * l3)
    return np.clip(share, np.maximum(0.0, -d), np.minimum(1.0, 1 - d))


def difference_score(x0: Vector, n0: Vector, x1: Vector, n1: Vector, difference: Vector) -> Vector:
    """Return by how many standard errors the shares differ by more than ``difference``; NaN where nothing can be said.

    Args:
        x0: Successes of the control.
        n0: Its units.
        x1: Successes of the treatment.
        n1: Its units.
        difference: Treatment minus control under the null, -1 to 1.

    Source:
        Miettinen & Nurminen (1985), Statistics in Medicine 4, 213-226: the variance is that of the
        likeliest shares under the null, times ``N / (N - 1)``.

    Example:
        >>> one = [np.array([float(number)]) for number in (34, 79, 56, 70, 0)]
        >>> difference_score(*one).round(4)
        array([4.5888])
    """
    p0 = share_under_difference(x0, n0, x1, n1, difference)
    p1 = np.clip(p0 + difference, 0.0, 1.0)
    n = n0 + n1
    variance = (p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0) * n / (n - 1)
    return _scored(x1 / n1 - x0 / n0 - difference, variance)


def ratio_score(x0: Vector, n0: Vector, x1: Vector, n1: Vector, ratio: Vector) -> Vector:
    """Return by how many standard errors treatment / control exceeds ``ratio``; NaN where nothing can be said.

    Args:
        x0: Successes of the control.
        n0: Its units.
        x1: Successes of the treatment.
        n1: Its units.
        ratio: Treatment share / control share under the null, above 0.

    Source:
        Koopman (1984), Biometrics 40, 513-517; the same statistic as Miettinen and Nurminen's (1985) for a ratio,
        without ``N / (N - 1)``. The likeliest control share under the null solves
        ``N r p² - (r (n_1 + x_0) + x_1 + n_0) p + x_0 + x_1 = 0``.
    """
    n, x = n0 + n1, x0 + x1
    half = (ratio * (n1 + x0) + x1 + n0) / 2
    p0 = x / (half + np.sqrt(np.maximum(half**2 - n * ratio * x, 0.0)))
    p1 = np.clip(ratio * p0, 0.0, 1.0)
    variance = p1 * (1 - p1) / n1 + ratio**2 * p0 * (1 - p0) / n0
    return _scored(x1 / n1 - ratio * x0 / n0, variance)


def difference_bounds(x0: Vector, n0: Vector, x1: Vector, n1: Vector, *, level: float) -> tuple[Vector, Vector]:
    """Bound the difference of two shares: every difference that the score test does not reject.

    Args:
        x0: Successes of the control.
        n0: Its units.
        x1: Successes of the treatment.
        n1: Its units.
        level: Confidence level, a fraction in (0, 1).

    Example:
        >>> one = [np.array([float(number)]) for number in (34, 79, 56, 70)]
        >>> [bound.round(4) for bound in difference_bounds(*one, level=0.95)]
        [array([0.2174]), array([0.5041])]
    """
    twice = _twice(x0, n0, x1, n1)
    low, high = _roots(lambda difference: difference_score(*twice, difference), level, len(x0), 1.0)
    estimate = x1 / n1 - x0 / n0
    return np.minimum(low, estimate), np.maximum(high, estimate)


def ratio_bounds(x0: Vector, n0: Vector, x1: Vector, n1: Vector, *, level: float) -> tuple[Vector, Vector]:
    """Bound the ratio of two shares: every ratio that the score test does not reject; 0 and inf where it has no end.

    Args:
        x0: Successes of the control.
        n0: Its units.
        x1: Successes of the treatment.
        n1: Its units.
        level: Confidence level, a fraction in (0, 1).

    Example:
        >>> one = [np.array([float(number)]) for number in (29, 40, 36, 40)]
        >>> [bound.round(4) for bound in ratio_bounds(*one, level=0.95)]
        [array([1.0053]), array([1.5963])]
    """
    twice = _twice(x0, n0, x1, n1)
    low, high = _roots(lambda logarithm: ratio_score(*twice, np.exp(logarithm)), level, len(x0), _FARTHEST)
    return np.where(x1 > 0, np.exp(low), 0.0), np.where(x0 > 0, np.exp(high), np.inf)


def newcombe_bounds(x0: Vector, n0: Vector, x1: Vector, n1: Vector, *, level: float) -> tuple[Vector, Vector]:
    """Bound the difference of two shares from Wilson's interval of each.

    Args:
        x0: Successes of the control.
        n0: Its units.
        x1: Successes of the treatment.
        n1: Its units.
        level: Confidence level, a fraction in (0, 1).

    Source:
        Newcombe (1998), Statistics in Medicine 17, 873-890, method 10 (hybrid score, no continuity correction).

    Example:
        >>> one = [np.array([float(number)]) for number in (48, 80, 56, 70)]
        >>> [bound.round(4) for bound in newcombe_bounds(*one, level=0.95)]
        [array([0.0524]), array([0.3339])]
    """
    known = np.full(len(x0), np.inf)
    p0, p1 = x0 / n0, x1 / n1
    low0, high0 = wilson_bounds(p0, n0, level=level, freedom=known)
    low1, high1 = wilson_bounds(p1, n1, level=level, freedom=known)
    estimate = p1 - p0
    return estimate - np.hypot(p1 - low1, high0 - p0), estimate + np.hypot(high1 - p1, p0 - low0)


def _scored(above: Vector, variance: Vector) -> Vector:
    """Divide by the root of the variance; without any, a difference is infinitely far, and none says nothing."""
    some = variance > 0
    infinite = np.where(above == 0, np.nan, np.copysign(np.inf, above))
    return np.divide(above, np.sqrt(np.maximum(variance, 0.0)), out=infinite, where=some)


def _twice(x0: Vector, n0: Vector, x1: Vector, n1: Vector) -> tuple[Vector, Vector, Vector, Vector]:
    """Put the tables one after another twice: once for each bound."""
    return np.tile(x0, 2), np.tile(n0, 2), np.tile(x1, 2), np.tile(n1, 2)


def _roots(score: Callable[[Vector], Vector], level: float, tables: int, far: float) -> tuple[Vector, Vector]:
    """Halve brackets from -far to far until a falling score is the quantile in them, and less the quantile."""
    target = np.repeat(np.array([1.0, -1.0]), tables) * t_quantiles(level, np.array([np.inf]))[0]
    low, high = np.full(2 * tables, -far), np.full(2 * tables, far)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        scored = score(middle)
        above = np.where(np.isnan(scored), 0.0, scored) > target  # what no test speaks against is kept
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    middle = (low + high) / 2
    return middle[:tables], middle[tables:]
