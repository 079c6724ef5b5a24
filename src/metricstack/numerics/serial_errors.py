"""Regression whose errors resemble those of the day before: AR(1) errors, and errors around a level that wanders.

Either way one number says how long errors last. It is found by restricted likelihood after whitening, which takes as
many steps as there are days; days that are missing only make the step to the next day longer.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput

__all__ = [
    "SerialFit",
    "ar1_regression",
    "independent_columns",
    "local_level_regression",
    "whitened_ar1",
    "whitened_level",
]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Stack = NDArray[np.float64]
Whitening = Callable[[Matrix, NDArray[np.int64], Vector], tuple[Stack, Vector]]
_PHI = np.append(np.linspace(-0.5, 0.95, 50), [0.96, 0.97, 0.98, 0.99, 0.995])
_WALK = 1 - 1e-6  # of AR(1) errors: a random walk but for a mean that is not seen
_SHARES = np.linspace(0.0, 1.0, 26)
_FINER = 9
_FINEST = 1e-6
_NEGLIGIBLE = 1e-7
_TINY = 1e-300
_DEPENDENT = 1e-9


@dataclass(frozen=True, eq=False)
class SerialFit:
    """A regression with serially dependent errors.

    Args:
        parameter: How long errors last, at the highest restricted likelihood: phi of AR(1); of a wandering level the
            share of its steps in a day's news (0: it does not wander, 1: a random walk).
        coefficients: At that parameter, shape (k,).
        variance: Of one day's news, at that parameter.
        freedom: Days less coefficients.
        likelihood: Restricted log-likelihood at that parameter, up to a constant.
        weights: How credible each parameter of a grid is, shape (g,), adding up to 1.
        means: Coefficients at each, shape (g, k).
        roots: Inverse transposed Cholesky factors of their precision, shape (g, k, k): the variance of ``c @ b`` is
            the squared length of ``roots @ c``.
    """

    parameter: float
    coefficients: Vector
    variance: float
    freedom: int
    likelihood: float
    weights: Vector
    means: Matrix
    roots: Stack

    def spread(self, c: Vector) -> tuple[float, float]:
        """Return a weighted sum of coefficients and its standard error, which allows for not knowing the parameter.

        Args:
            c: Weights, shape (k,).
        """
        centres, spreads = self.means @ c, np.linalg.norm(self.roots @ c, axis=1)
        apart = centres - float(self.weights @ centres)
        return float(c @ self.coefficients), math.sqrt(float(self.weights @ (spreads**2 + apart**2)))

    def contrast(self, c: Vector, *, level: float) -> tuple[float, float, float, float, float]:
        """Return a weighted sum of coefficients: value, standard error, low, high and two-sided p-value of 0.

        The interval and p-value come from the tails of the mixture over parameters.

        Args:
            c: Weights, shape (k,).
            level: Confidence level, a fraction in (0, 1).
        """
        from scipy.special import stdtr, stdtrit

        value, error = self.spread(c)
        centres, spreads = self.means @ c, np.linalg.norm(self.roots @ c, axis=1)

        def below(point: float) -> float:
            return float(self.weights @ stdtr(self.freedom, (point - centres) / np.maximum(spreads, _TINY)))

        def quantile(share: float) -> float:
            reach = stdtrit(self.freedom, share)
            ends = centres + reach * spreads
            low, high = float(ends.min()), float(ends.max())
            for _ in range(40 if len(ends) > 1 else 0):
                middle = (low + high) / 2
                low, high = (middle, high) if below(middle) < share else (low, middle)
            return (low + high) / 2

        under = below(0.0)
        tail = (1 - level) / 2
        low, high = quantile(tail), quantile(1 - tail)
        return value, error, min(low, value), max(high, value), min(2 * min(under, 1 - under), 1.0)


def whitened_ar1(columns: Matrix, days: NDArray[np.int64], phi: Vector) -> tuple[Stack, Vector]:
    """Turn AR(1) errors into independent ones of the same innovation variance (Prais and Winsten).

    Args:
        columns: Columns on the days seen, shape (n, k).
        days: Their positions, rising, shape (n,).
        phi: Autocorrelations of errors a day apart, inside (-1, 1), shape (g,).

    Returns:
        For each phi the columns of independent errors, shape (g, n, k), and the log-determinant of the errors'
        covariance, shape (g,).

    Derivation:
        An error d days after another is phi^d of it and news of variance ``(1 - phi^(2 d)) / (1 - phi^2)``; the first
        has variance ``1 / (1 - phi^2)``. For d = 1 that is the transformation of Prais and Winsten (1954).

    Example:
        >>> whitened_ar1(np.array([[1.0], [2.0], [3.0]]), np.array([0, 1, 2]), np.array([0.6]))[0].ravel()
        array([0.8, 1.4, 1.8])
    """
    carried = phi[:, None] ** np.diff(days)
    start = 1 - phi * phi
    variance = (1 - carried**2) / start[:, None]
    white = np.empty((len(phi), *columns.shape))
    white[:, 0] = columns[0] * np.sqrt(start)[:, None]
    white[:, 1:] = (columns[1:] - carried[:, :, None] * columns[:-1]) / np.sqrt(variance)[:, :, None]
    return white, np.log(variance).sum(axis=1) - np.log(start)


def whitened_level(columns: Matrix, days: NDArray[np.int64], share: Vector) -> tuple[Stack, Vector]:
    """Turn errors around a wandering level into independent ones.

    Args:
        columns: Columns on the days seen, shape (n, k), without a constant, which the level holds.
        days: Their positions, rising, shape (n,).
        share: Variance of the level's daily step ÷ (that + variance of a day's own error), in [0, 1], shape (g,).

    Returns:
        For each share the columns of n - 1 independent errors, shape (g, n - 1, k), and the log-determinant of the
        covariance of the differences, shape (g,).

    Derivation:
        Differences of neighbours d days apart have variance ``share d + 2 (1 - share)`` and covariance
        ``-(1 - share)`` with the next; the Cholesky factor of that banded matrix whitens them. The level's unknown
        start falls out, as it does by a diffuse prior.

    Example:
        >>> whitened_level(np.array([[1.0], [2.0], [4.0]]), np.array([0, 1, 2]), np.array([1.0]))[0].ravel()
        array([1., 2.])
    """
    from scipy.linalg import cholesky_banded, solve_banded

    steps, gaps = np.diff(columns, axis=0), np.diff(days)
    white, determinants = np.empty((len(share), *steps.shape)), np.empty(len(share))
    bands = np.zeros((2, len(gaps)))
    for i, part in enumerate(share):
        bands[0] = part * gaps + 2 * (1 - part)
        bands[1, :-1] = part - 1
        factor = cholesky_banded(bands, lower=True, check_finite=False)
        white[i] = solve_banded((1, 0), factor, steps, check_finite=False)
        determinants[i] = 2 * np.log(factor[0]).sum()
    return white, determinants


def independent_columns(columns: Matrix) -> NDArray[np.bool_]:
    """Mark the columns that are no combination of those before them; shape (k,).

    Example:
        >>> independent_columns(np.array([[1.0, 2.0, 0.0], [1.0, 2.0, 1.0]]))
        array([ True, False,  True])
    """
    chosen = np.zeros(columns.shape[1], dtype=bool)
    base = np.zeros((len(columns), 0))
    for j in range(columns.shape[1]):
        left = columns[:, j]
        for _ in range(2):  # twice is enough for orthogonality to the last digit
            left = left - base @ (base.T @ left)
        size, length = float(np.linalg.norm(left)), float(np.linalg.norm(columns[:, j]))
        if size > _DEPENDENT * length:
            chosen[j] = True
            base = np.column_stack([base, left / size])
    return chosen


@dataclass(frozen=True, eq=False)
class _Fits:
    """Fits at several parameters: restricted log-likelihoods (g,), coefficients (g, k), roots (g, k, k), variances."""

    likelihoods: Vector
    coefficients: Matrix
    roots: Stack
    variances: Vector
    freedom: int


def _fits(whitening: Whitening, columns: Matrix, days: NDArray[np.int64], parameters: Vector) -> _Fits:
    white, determinants = whitening(columns, days, parameters)
    k = columns.shape[1] - 1
    freedom = white.shape[1] - k
    triangle = np.asarray(np.linalg.qr(white, mode="r"))
    squares = np.maximum(triangle[:, k, k] ** 2, _TINY)
    diagonal = np.abs(np.diagonal(triangle, axis1=1, axis2=2)[:, :k])
    inside = 2 * np.log(np.maximum(diagonal, _TINY)).sum(axis=1)
    inverse = np.linalg.inv(triangle[:, :k, :k])
    variances = squares / freedom
    return _Fits(
        -0.5 * (freedom * np.log(squares) + inside + determinants),
        (inverse @ triangle[:, :k, k, None])[:, :, 0],
        np.swapaxes(inverse, 1, 2) * np.sqrt(variances)[:, None, None],
        variances,
        freedom,
    )


def _best(at: Callable[[Vector], _Fits], grid: Vector, likelihoods: Vector) -> float:
    """Find the parameter of the highest likelihood, in ever finer grids around the best so far."""
    i = int(np.argmax(likelihoods))
    low, high = float(grid[max(i - 1, 0)]), float(grid[min(i + 1, len(grid) - 1)])
    while high - low > _FINEST:
        finer = np.linspace(low, high, _FINER)
        i = int(np.argmax(at(finer).likelihoods))
        low, high = float(finer[max(i - 1, 0)]), float(finer[min(i + 1, _FINER - 1)])
    # A bound that is best is meant exactly: a level that does not wander at all.
    return low if low == grid[0] else high if high == grid[-1] else (low + high) / 2


def _columns(design: Matrix, y: Vector, days: NDArray[np.int64], least: int) -> Matrix:
    if len(y) != len(design) or len(y) != len(days) or len(y) - design.shape[1] < least:
        raise InvalidInput(f"{len(y)} days are too few for {design.shape[1]} coefficients.")
    return np.column_stack([design, y])


def ar1_regression(
    design: Matrix, y: Vector, days: NDArray[np.int64], *, phi: float | None = None, walk: bool = False
) -> SerialFit:
    """Fit a regression with AR(1) errors.

    Args:
        design: Columns of full rank, shape (n, k).
        y: Values, shape (n,), no NaN: leave missing days out.
        days: Position of each, rising, shape (n,).
        phi: The autocorrelation of errors; None estimates it.
        walk: Whether errors may as well be a random walk, which has no mean: for contrasts without the constant, and
            for designs that hold one.

    Raises:
        InvalidInput: unequal lengths, or no day more than coefficients.

    Source:
        Restricted likelihood: Patterson and Thompson (1971), Biometrika 58, 545; for AR(1) errors it is less biased
        than least squares: Cheang and Reinsel (2000), J. American Statistical Association 95, 1173. Coefficients are a
        mixture of Student's t over phi, each weighed by its restricted likelihood (a flat prior on -0.5 to 0.995):
        Zellner and Tiao (1964), J. American Statistical Association 59, 763. Taking the best phi for the truth makes
        intervals too short where errors last.

    Derivation:
        Of random walks a flat prior keeps near 1 too little: the likelihood that is left of one beside a trend that
        may bend reaches down to .8, where errors of the bend are a fraction. With ``walk`` the prior holds phi = 1 for
        as likely as all others together. As phi nears 1 the restricted likelihood tends to that of the differences,
        since the constant's share of it and that of the first day cancel, so that the odds are well defined. Days that
        keep a mean rule phi = 1 out, and lose nothing; likewise Perron and Yabu (2009), J. Econometrics 151, 56, take
        an estimate near 1 for 1, so that a trend's test holds with and without a unit root.

    Example:
        >>> y = np.array([1.0, 2.0, 1.0, 2.0, 4.0, 5.0, 4.0, 5.0])
        >>> step = np.repeat([0.0, 1.0], 4)
        >>> fit = ar1_regression(np.column_stack([np.ones(8), step]), y, np.arange(8), phi=0.0)
        >>> fit.coefficients.round(6), fit.freedom
        (array([1.5, 3. ]), 6)
    """
    columns = _columns(design, y, days, 1)

    def at(parameters: Vector) -> _Fits:
        return _fits(whitened_ar1, columns, days, parameters)

    if phi is not None:
        return _fit(at(np.array([phi])), phi)
    grid = at(np.append(_PHI, _WALK) if walk else _PHI)
    best = _best(at, _PHI, grid.likelihoods[: len(_PHI)])
    # The grid is denser where phi is near 1: each point stands for the stretch around it.
    prior = np.gradient(_PHI)
    if walk:
        prior = np.append(prior, prior.sum())
    weights = np.exp(grid.likelihoods - grid.likelihoods.max()) * prior
    kept = weights > _NEGLIGIBLE * weights.max()
    mixture = weights[kept] / weights[kept].sum(), grid.coefficients[kept], grid.roots[kept]
    return _fit(at(np.array([best])), best, mixture)


def local_level_regression(
    design: Matrix, y: Vector, days: NDArray[np.int64], *, share: float | None = None
) -> SerialFit:
    """Fit a regression around a level that wanders like a random walk, plus an error of each day's own.

    Args:
        design: Columns without a constant, of full rank after differencing, shape (n, k); k may be 0.
        y: Values, shape (n,), no NaN: leave missing days out.
        days: Position of each, rising, shape (n,).
        share: Of the level's steps in a day's news; None estimates it.

    Raises:
        InvalidInput: unequal lengths, or no two days more than coefficients.

    Source:
        Harvey, *Forecasting, Structural Time Series Models and the Kalman Filter* (1989), section 4.1; the diffuse
        likelihood is the restricted one, and that of the differences.

    Example:
        >>> fit = local_level_regression(np.zeros((4, 0)), np.array([0.0, 1.0, 3.0, 2.0]), np.arange(4), share=1.0)
        >>> round(fit.variance, 9), fit.freedom  # (1 + 4 + 1) / 3
        (2.0, 3)
    """
    columns = _columns(design, y, days, 2)

    def at(parameters: Vector) -> _Fits:
        return _fits(whitened_level, columns, days, parameters)

    if share is None:
        share = _best(at, _SHARES, at(_SHARES).likelihoods)
    return _fit(at(np.array([share])), share)


def _fit(found: _Fits, parameter: float, mixture: tuple[Vector, Matrix, Stack] | None = None) -> SerialFit:
    weights, means, roots = mixture or (np.ones(1), found.coefficients, found.roots)
    return SerialFit(
        parameter, found.coefficients[0], float(found.variances[0]), found.freedom, float(found.likelihoods[0]),
        weights, means, roots,
    )  # fmt: skip
