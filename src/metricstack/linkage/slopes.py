"""The arithmetic of a portfolio of tests: moments with their noise taken out, slopes, and sets that are inverted tests.

Everything here is an array in and an array out; the first axis of stacked moments is over versions of the portfolio,
so that all of them without one test each are computed at once.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metricstack.numerics.quotient import quotient_bounds

__all__ = ["Moved", "concentrated", "covariance", "inverted", "least_ratio", "moved", "moved_without"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Moved:
    """What tests moved together, of r versions of a portfolio.

    Args:
        total: Covariance of the estimated effects over tests, shape (r, m, m).
        noise: The part of it that the tests' sampling adds, shape (r, m, m).
        means: Mean effects, shape (r, m); zero where effects are taken from the origin.
    """

    total: Array
    noise: Array
    means: Array

    @property
    def signal(self) -> Array:
        """Covariance of the true effects, shape (r, m, m)."""
        return np.asarray(self.total - self.noise)


def _sums(effects: Array, covariances: Array, weights: Array) -> tuple[Array, ...]:
    """What each test adds to the sums, and their totals are the portfolio."""
    w = weights[:, None]
    square = (w * effects)[:, :, None] * effects[:, None, :]
    matrix = w[:, :, None]
    return weights, weights**2, w * effects, square, matrix * covariances, matrix**2 * covariances


def _moved(parts: tuple[Array, ...], *, through_origin: bool) -> Moved:
    weight, squared, first, second, noise, noise_squared = parts
    w = weight[:, None, None]
    if through_origin:
        return Moved(second / w, noise / w, np.zeros_like(first))
    left = w - squared[:, None, None] / w
    outer = first[:, :, None] * first[:, None, :] / w
    return Moved((second - outer) / left, (noise - noise_squared / w) / left, first / weight[:, None])


def moved(effects: Array, covariances: Array, weights: Array, *, through_origin: bool = False) -> Moved:
    """Return the moments of a whole portfolio (r = 1).

    Args:
        effects: Estimated effects, shape (K, m), float64, no NaN.
        covariances: Their sampling covariances, shape (K, m, m).
        weights: Weight of each test, above 0, shape (K,).
        through_origin: Take second moments about 0 instead of about the means.

    Derivation:
        With x_k = t_k + e_k, Var(e_k) = V_k and the mean weighted by w, ``Σ w (x - x̄)(x - x̄)'`` has the expectation
        ``Σ w (1 - w/W) (Var(t) + V_k)``, W = Σ w: both are divided by ``W - Σ w²/W`` (K - 1 for equal weights).

    Example:
        >>> x = np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]])
        >>> found = moved(x, np.tile(0.25 * np.eye(2), (3, 1, 1)), np.ones(3))
        >>> found.signal[0].tolist()
        [[0.75, 2.0], [2.0, 3.75]]
    """
    parts = tuple(part.sum(axis=0)[None] for part in _sums(effects, covariances, weights))
    return _moved(parts, through_origin=through_origin)


def moved_without(effects: Array, covariances: Array, weights: Array, *, through_origin: bool = False) -> Moved:
    """Return the moments of the portfolio without each test in turn (r = K).

    Example:
        >>> x = np.array([[0.0], [1.0], [5.0]])
        >>> moved_without(x, np.zeros((3, 1, 1)), np.ones(3)).total.ravel().tolist()
        [8.0, 12.5, 0.5]
    """
    parts = tuple(part.sum(axis=0) - part for part in _sums(effects, covariances, weights))
    return _moved(parts, through_origin=through_origin)


def concentrated(signal: Array) -> tuple[Array, Array]:
    """Write each cause's slope as one quotient, the other causes solved for.

    Args:
        signal: Moments of causes and, last, the outcome, shape (r, p + 1, p + 1).

    Returns:
        What the outcome moves with each cause net of the others, and what the cause moves by itself net of them,
        each of shape (r, p): their quotient is the slope.

    Derivation:
        With M the moments of the causes and b = M⁻¹ m, the variance of cause j net of the others is the Schur
        complement ``c_j = 1 / (M⁻¹)_jj``, and ``b_j = a_j / c_j`` defines a_j. Where ``M b = m`` holds for the truth,
        ``a_j - β c_j`` is 0 on average at β = b_j whatever the other slopes.

    Example:
        >>> above, below = concentrated(np.array([[[4.0, 2.0], [2.0, 9.0]]]))
        >>> above.tolist(), below.tolist()
        ([[2.0]], [[4.0]])
    """
    inverse = np.linalg.inv(signal[:, :-1, :-1])
    below = 1 / np.diagonal(inverse, axis1=1, axis2=2)
    slopes = (inverse @ signal[:, :-1, -1:])[:, :, 0]
    return slopes * below, below


def least_ratio(total: Array, noise: Array) -> Array:
    """Find the slopes of the direction in which tests move least for their noise, shape (r, p).

    Source:
        Total least squares after whitening by the noise: the eigenvector of the smallest root of
        ``det(S - λ N) = 0``, scaled so that the outcome counts -1. The limited-information likelihood of effects
        without direct parts; Anderson and Rubin (1949).

    Example:
        >>> s = np.array([[[2.0, 1.0], [1.0, 2.0]]])
        >>> least_ratio(s, np.eye(2)[None]).tolist()  # the long axis of the scatter
        [[1.0]]
    """
    lower = np.linalg.cholesky(noise)
    half = np.linalg.inv(lower)
    _, vectors = np.linalg.eigh(half @ total @ np.swapaxes(half, 1, 2))
    direction = (np.swapaxes(half, 1, 2) @ vectors[:, :, :1])[:, :, 0]
    return np.asarray(-direction[:, :-1] / direction[:, -1:])


def covariance(without: Array) -> Array:
    """Estimate the covariance of numbers from their values without one test each: the jackknife.

    Args:
        without: Shape (K, q).

    Source:
        Efron and Stein (1981): ``(K - 1)/K Σ (t_k - mean t)(t_k - mean t)'``.

    Example:
        >>> covariance(np.array([[1.0], [2.0], [3.0]])).tolist()
        [[1.3333333333333333]]
    """
    k = len(without)
    centred = without - without.mean(axis=0)
    return np.asarray(centred.T @ centred * (k - 1) / k)


def inverted(
    above: float, below: float, variances: tuple[float, float, float], reach: float
) -> tuple[tuple[float, float], ...]:
    """Return all quotients that the data do not reject, as the pieces of a set.

    Args:
        above: Estimate above the line.
        below: Estimate below it.
        variances: That of the one above, that of the one below, and their covariance.
        reach: How many standard errors an interval reaches.

    Returns:
        One interval; two half-lines where the denominator is not clear of 0 but the data still exclude a stretch;
        or the whole line.

    Source:
        Fieller (1954): ``(above - r below)² <= reach² (v - 2 r c + r² w)`` solved for r, in all three cases.

    Example:
        >>> inverted(2.0, 4.0, (0.0, 0.0, 0.0), 2.0)
        ((0.5, 0.5),)
        >>> inverted(0.0, 1.0, (1.0, 1.0, 0.0), 2.0)
        ((-inf, inf),)
        >>> [(round(low, 3), round(high, 3)) for low, high in inverted(3.0, 1.0, (1.0, 1.0, 0.0), 2.0)]
        [(-inf, -2.633), (0.633, inf)]
    """
    v, w, c = variances
    bounds = quotient_bounds(above, below, variance_above=v, variance_below=w, covariance=c, reach=reach)
    if bounds is not None:
        return (bounds,)
    square = reach * reach
    a = below * below - square * w
    b = above * below - square * c
    d = above * above - square * v
    root = b * b - a * d
    if a == 0:
        if b == 0:
            return ((-math.inf, math.inf),)
        return ((d / (2 * b), math.inf),) if b > 0 else ((-math.inf, d / (2 * b)),)
    if root <= 0:
        return ((-math.inf, math.inf),)
    first, second = sorted(((b - math.sqrt(root)) / a, (b + math.sqrt(root)) / a))
    return (-math.inf, first), (second, math.inf)
