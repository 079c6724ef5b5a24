"""Series that remember: autoregressions by least squares, and what is left of a series when its memory is taken out.

A series is a vector with one value per day, oldest first; NaN marks a day that is missing. Only days whose lags are all
there count, so that a gap never joins two days that are no neighbours.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput

__all__ = [
    "Autoregression",
    "first_autocorrelation",
    "fit_autoregression",
    "lag_matrix",
    "normal_scores",
    "whitened",
    "winsorised",
]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
_MAD = 1.482602218505602  # of a normal: standard deviation / median absolute deviation
_DUST = 1e-12


@dataclass(frozen=True, eq=False)
class Autoregression:
    """A series as its own past and what is new each day.

    Args:
        constant: The regression's constant.
        coefficients: Of the last day, the one before, …; shape (order,).
        variance: Of what is new each day, divisor days - order - 1.
        innovations: What is new each day, shape (n,); NaN where a day or one of its lags is missing.
        criterion: What orders were chosen by, for orders 0, 1, … on their common days; empty where the order was given.
    """

    constant: float
    coefficients: Vector
    variance: float
    innovations: Vector
    criterion: tuple[float, ...] = ()

    @property
    def order(self) -> int:
        """How many days it remembers."""
        return len(self.coefficients)


def lag_matrix(x: Vector, lags: int, *, first: int = 1) -> Matrix:
    """Return columns of a series ``first`` to ``lags`` days earlier, NaN before it begins; shape (n, columns).

    Example:
        >>> lag_matrix(np.array([1.0, 2.0, 3.0]), 2)
        array([[nan, nan],
               [ 1., nan],
               [ 2.,  1.]])
    """
    n = len(x)
    columns = np.full((n, max(lags - first + 1, 0)), np.nan)
    for j, lag in enumerate(range(first, lags + 1)):
        columns[lag:, j] = x[: n - lag] if lag else x
    return columns


def _complete(x: Vector, order: int) -> tuple[Vector, Matrix, NDArray[np.bool_]]:
    """Return days with all their lags: values, constant and lags, and which days they are."""
    columns = lag_matrix(x, order)
    there = np.isfinite(x)
    if order:
        there = there & np.isfinite(columns).all(axis=1)
    design = np.empty((int(there.sum()), order + 1))
    design[:, 0] = 1.0
    design[:, 1:] = columns[there]
    return x[there], design, there


def fit_autoregression(
    x: Vector, *, order: int | None = None, max_order: int = 7, sparing: bool = False
) -> Autoregression:
    """Fit an autoregression with a constant by least squares, its order by Akaike's criterion.

    Orders are compared on the days that all of them can use; the one chosen is then fitted on all that it can use.

    Args:
        x: Series, shape (n,), float64; NaN is a missing day.
        order: The order; None chooses it.
        max_order: Largest order to choose, cut to what a third of the days allows.
        sparing: Choose by Schwarz's criterion instead, which takes more convincing for each day of memory.

    Raises:
        InvalidInput: an order below 0, or fewer days than parameters.

    Source:
        Lütkepohl, *New Introduction to Multiple Time Series Analysis* (2005), sections 3.2.1 and 4.3.2:
        ``log(RSS / m) + 2 (order + 1) / m`` on m common days (Schwarz: log m in place of 2). One
        orthogonal factorisation of the largest design gives every RSS, since smaller designs are its first columns.

    Example:
        >>> x = np.array([1.0, 2.0, 1.0, 0.0, 1.0, 2.0, 1.0, 0.0, 1.0, 2.0])
        >>> fit = fit_autoregression(x, order=2)  # x[t] = 2 - x[t - 2]
        >>> fit.coefficients.round(6) + 0.0, round(fit.constant, 6)
        (array([ 0., -1.]), 2.0)
    """
    if max_order < 0 or (order is not None and order < 0):
        raise InvalidInput(f"The order of an autoregression is {order if order is not None else max_order}; 0 or more.")
    criterion: tuple[float, ...] = ()
    if order is None:
        days = int(np.isfinite(x).sum())
        most = max(min(max_order, days // 3 - 1), 0)
        y, design, _ = _complete(x, most)
        while most and len(y) < 2 * (most + 1):  # gaps leave few days with all their lags
            most -= 1
            y, design, _ = _complete(x, most)
        if len(y) < most + 2:
            raise InvalidInput(f"An autoregression needs more than {len(y)} days.")
        explained = (np.linalg.qr(design)[0].T @ y) ** 2
        total = float(y @ y)
        left = np.maximum(total - np.cumsum(explained), _DUST * max(total, 1e-300))
        scores = len(y) * np.log(left / len(y)) + (math.log(len(y)) if sparing else 2.0) * np.arange(1, most + 2)
        order = int(np.argmin(scores))
        criterion = tuple(float(score) for score in scores)
    y, design, there = _complete(x, order)
    if len(y) < order + 2:
        raise InvalidInput(f"An autoregression of order {order} needs more than {len(y)} days with all their lags.")
    coefficients: Vector = np.linalg.lstsq(design, y, rcond=None)[0].astype(np.float64)
    new: Vector = y - design @ coefficients
    innovations = np.full(len(x), np.nan)
    innovations[there] = new
    variance = float(new @ new) / (len(y) - order - 1)
    return Autoregression(float(coefficients[0]), coefficients[1:], variance, innovations, criterion)


def whitened(x: Vector, coefficients: Vector) -> Vector:
    """Take a given memory out of a series: ``x[t] - sum(coefficients[j] * x[t - 1 - j])``; NaN where a lag is missing.

    Example:
        >>> whitened(np.array([1.0, 2.0, 3.0]), np.array([0.5]))
        array([nan, 1.5, 2. ])
    """
    found = x.astype(np.float64, copy=True)
    for j, coefficient in enumerate(coefficients, start=1):
        found[j:] -= coefficient * x[:-j]
        found[:j] = np.nan
    return found


def first_autocorrelation(x: Vector) -> float:
    """Return how alike a day and the next are.

    Args:
        x: Series, shape (n,), not constant; NaN is a missing day.

    Raises:
        InvalidInput: a series without variation.

    Source:
        Sample autocorrelation as in Box, Jenkins and Reinsel, *Time Series Analysis*, section 2.1.5: neighbours over
        all squares; with gaps, the mean product of the pairs there are over the mean square. Its bias: Marriott and
        Pope (1954), Biometrika 41, 390; Kendall (1954), Biometrika 41, 403.

    Example:
        >>> first_autocorrelation(np.array([1.0, 2.0, 3.0, 4.0]))  # (.75 - .25 + .75) / 5
        0.25
    """
    there = np.isfinite(x)
    days = int(there.sum())
    centred = np.where(there, x, 0.0)
    centred = np.where(there, centred - centred.sum() / max(days, 1), 0.0)
    square = float(centred @ centred)
    if not square > 0:
        raise InvalidInput("A series without variation has no autocorrelation.")
    pairs = int((there[1:] & there[:-1]).sum())
    found = float(centred[1:] @ centred[:-1]) / square
    if days < len(x) and pairs:
        found *= days / len(x) * (len(x) - 1) / pairs
    return min(max(found, -1.0), 1.0)


def winsorised(x: Vector, *, reach: float = 4.0) -> Vector:
    """Move values further from the median than ``reach`` robust standard deviations to that distance.

    Args:
        x: Values, shape (n,); NaN stays.
        reach: In standard deviations, estimated by the median absolute deviation, which far values cannot move.
            Where more than half of the values are equal that is 0, and nothing is moved.

    Example:
        >>> winsorised(np.array([-1.0, 0.0, 0.0, 1.0, 1000.0, 1.0, -1.0])).round(4)
        array([-1.    ,  0.    ,  0.    ,  1.    ,  5.9304,  1.    , -1.    ])
    """
    seen = x[np.isfinite(x)]
    if not len(seen):
        return x
    middle = _median(seen)
    spread = _median(np.abs(seen - middle)) * _MAD
    if not spread > _DUST * max(abs(middle), 1e-300):
        return x
    return np.clip(x, middle - reach * spread, middle + reach * spread)


def _median(values: Vector) -> float:
    """The median without NumPy's checks, which take longer than a series of days does."""
    half = len(values) // 2
    if len(values) % 2:
        return float(np.partition(values, half)[half])
    parts = np.partition(values, (half - 1, half))
    return float(parts[half - 1] + parts[half]) / 2


def normal_scores(x: Vector) -> Vector:
    """Replace values by the normal quantiles of their ranks: ``z(rank / (n + 1))``; ties share their mean rank.

    Args:
        x: Values, shape (n,); NaN stays and takes no rank.

    Source:
        Van der Waerden's scores: Hájek, Šidák and Sen, *Theory of Rank Tests* (1999), section 4.1.

    Example:
        >>> normal_scores(np.array([5.0, 1.0, np.nan, 100.0])).round(4)
        array([ 0.    , -0.6745,     nan,  0.6745])
    """
    from scipy.special import ndtri

    there = np.isfinite(x)
    values, place, count = np.unique(x[there], return_inverse=True, return_counts=True)
    if len(values) == 0:
        return x.astype(np.float64, copy=True)
    rank = np.cumsum(count) - (count - 1) / 2
    found = np.full(len(x), np.nan)
    found[there] = ndtri(rank[place] / (math.fsum(count) + 1))
    return found
