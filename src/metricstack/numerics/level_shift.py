"""The largest F of a shift in level over all days at which it might have happened, and how large chance makes it.

The day is looked for, so that the usual F table is wrong; and memory looks like shifts, so that the table for
independent days is wrong too. Both are paid for here.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput

__all__ = ["LargestShift", "largest_shift", "simulated_autoregressions", "sup_f_p_value"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
_CELLS = 200
_BURN = 100
_TINY = 1e-300


@dataclass(frozen=True, eq=False)
class LargestShift:
    """The best day for a shift in each of several series.

    Args:
        statistic: Largest F, shape (series,).
        at: First day of the new level, shape (series,).
        every: F of each candidate day, shape (series, candidates).
        first: The first candidate day.
        freedom: Degrees of freedom below each F.
    """

    statistic: Vector
    at: NDArray[np.int64]
    every: Matrix
    first: int
    freedom: int


def largest_shift(series: Matrix, *, order: int = 0, trim: float = 0.15) -> LargestShift:
    """Find the shift in level that explains most, given each series' own past.

    Args:
        series: Shape (series, n), no NaN.
        order: Days of own past in the regression.
        trim: Share of days at each end at which no shift is looked for.

    Raises:
        InvalidInput: a trim outside (0, 0.5), or too few days for the order.

    Source:
        Andrews (1993), Econometrica 61, 821: sup-F of a constant that shifts, other coefficients fixed.

    Derivation:
        With Q an orthonormal basis of constant and lags and e what they leave of y, the step at day t has inner product
        with e the sum of e from t on, and squared length ``m - t - sum(q^2)``, q the sums of Q from t on; F is their
        quotient over what is left. All days come from one reversed running sum.

    Example:
        >>> found = largest_shift(np.array([[0.0, 1, 0, 1, 0, 5, 6, 5, 6, 5]]))  # 62.5 / (2.4 / 8)
        >>> int(found.at[0]), round(float(found.statistic[0]), 3)
        (5, 208.333)
    """
    n = series.shape[1]
    days = n - order
    if not 0 < trim < 0.5 or days < order + 8:
        raise InvalidInput(f"A shift cannot be looked for in {n} days with order {order} and trim {trim}.")
    design = np.ones((len(series), days, order + 1))
    for lag in range(1, order + 1):
        design[:, :, lag] = series[:, order - lag : n - lag]
    base = np.linalg.qr(design)[0]
    y = series[:, order:]
    left = y - (base @ (np.swapaxes(base, 1, 2) @ y[:, :, None]))[:, :, 0]
    low, high = math.ceil(trim * days), math.floor((1 - trim) * days)
    sums = np.cumsum(left[:, ::-1], axis=1)[:, ::-1][:, low : high + 1]
    parts = np.cumsum(base[:, ::-1], axis=1)[:, ::-1][:, low : high + 1]
    lengths = days - np.arange(low, high + 1) - (parts**2).sum(axis=2)
    explained = sums**2 / np.maximum(lengths, 1e-9)
    rest = np.maximum((left**2).sum(axis=1)[:, None] - explained, _TINY)
    freedom = days - order - 2
    every = explained * freedom / rest
    best = every.argmax(axis=1)
    return LargestShift(every[np.arange(len(series)), best], best + low + order, every, low + order, freedom)


def sup_f_p_value(statistic: float, *, trim: float = 0.15) -> float:
    """Return how often the largest F of one shift is at least as large by chance, in many independent days.

    Args:
        statistic: The largest F.
        trim: Share of days left out at each end.

    Derivation:
        In the limit F at share s is ``(W(s) - s W(1))^2 / (s (1 - s))`` (Andrews 1993, corollary 1), the square of a
        stationary Ornstein-Uhlenbeck process of variance 1 and rate 1 in the time ``log(s / (1 - s)) / 2``, which runs
        for ``T = log((1 - trim) / trim)``. It stays inside ±b with the probability that the heat equation
        ``u' = u_xx - x u_x`` with absorbing walls at ±b leaves of the normal density after T; solved by finite volumes
        and the eigenvalues of a symmetric tridiagonal matrix. No simulation, so no noise.

    Example:
        >>> round(sup_f_p_value(8.85), 3)  # Andrews' 5 % point
        0.05
    """
    from scipy.linalg import eigh_tridiagonal

    if not 0 < trim < 0.5:
        raise InvalidInput(f"The trim {trim} is outside (0, 0.5); 0.15 is usual.")
    wall = math.sqrt(max(statistic, 0.0))
    if wall < 0.05:
        return 1.0
    if wall > 12:
        return 0.0
    width = 2 * wall / _CELLS
    x = -wall + width * np.arange(1, _CELLS)
    density, between = np.exp(-(x**2) / 2), np.exp(-((-wall + width * (np.arange(_CELLS) + 0.5)) ** 2) / 2)
    diagonal = -(between[1:] + between[:-1]) / density / width**2
    beside = between[1:-1] / np.sqrt(density[:-1] * density[1:]) / width**2
    rates, modes = eigh_tridiagonal(diagonal, beside)
    start = modes.T @ np.sqrt(density)
    duration = math.log((1 - trim) / trim)
    inside = float((start**2 * np.exp(rates * duration)).sum()) * width / math.sqrt(2 * math.pi)
    return min(max(1 - inside, 0.0), 1.0)


def simulated_autoregressions(
    coefficients: Vector, innovations: Vector, days: int, *, count: int, random: np.random.Generator
) -> Matrix:
    """Draw series of an autoregression whose innovations are drawn from those that were seen; shape (count, days).

    Args:
        coefficients: Of the last day, the one before, …; drawn towards 0 where they would explode.
        innovations: What was new each day, shape (m,).
        days: Length of each series.
        count: How many.
        random: Where chance comes from.
    """
    from scipy.signal import lfilter

    longest = float(np.abs(np.roots(np.append(1.0, -coefficients))).max()) if len(coefficients) else 0.0
    if longest > 0.995:
        coefficients = coefficients * (0.995 / longest) ** np.arange(1, len(coefficients) + 1)
    drawn = random.choice(innovations - innovations.mean(), (count, days + _BURN))
    series: Matrix = lfilter([1.0], np.append(1.0, -coefficients), drawn, axis=1)[:, _BURN:]
    return series
