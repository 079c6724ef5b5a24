"""One series against a control series: the change of their difference, when days resemble their neighbours."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Check, Estimate, Reason, Refusal
from metricstack.experiments.effect import Effect
from metricstack.experiments.samples import as_vector, same_length
from metricstack.numerics.intervals import check_level

__all__ = ["difference_of_series"]

Vector = NDArray[np.float64]

FEWEST = 8
_RHO = np.linspace(-0.6, 0.99, 160)
"""Autocorrelations that are weighed."""


def difference_of_series(
    treated: ArrayLike, control: ArrayLike, start: int, *, level: float = 0.95, outcome_unit: str = "1"
) -> Effect | Refusal:
    """Compare the change of a series with that of a control series, where there are no units to tell the noise.

    What moves both series (weekdays, seasons, campaigns) drops out of their difference; what is left is taken to keep
    its level but for the effect, with errors that carry over from one period to the next.

    Args:
        treated: Outcome of the treated series, shape (periods,), evenly spaced, no NaN.
        control: The control series in the same periods.
        start: Index of the first treated period.
        level: Confidence level, a fraction in (0, 1).
        outcome_unit: Unit of the outcome.

    Returns:
        The shift of the difference from ``start`` on; ``n`` counts periods. Check ``autocorrelation`` fails above 0.9,
        where a level and a shift are hardly told apart, ``periods`` below 20 on a side. Or a refusal:
        ``TOO_FEW_UNITS`` (fewer than 8 periods, or 3 on a side), ``NO_VARIATION``.

    Raises:
        InvalidInput: series of unequal length or with missing values, a start outside of them.

    Derivation:
        For an AR(1) correlation r, generalised least squares of the difference on a constant and a shift gives b_r with
        an error on n - 2 degrees of freedom, and the restricted likelihood says how well r fits. The interval is that
        of the mixture of these t distributions, weighted by the likelihood over a grid of r: it knows that r is not
        known, which plugging the best r in forgets.

    Source:
        Prais and Winsten (1954) for the transformation; Harville (1974) for the restricted likelihood as what is left
        of it when the coefficients are integrated out.

    Example:
        >>> days = np.arange(40)
        >>> week = 5 * np.sin(days * 0.9)
        >>> ours = week + 0.3 * np.cos(days * 2.1) + 2.0 * (days >= 25)
        >>> found = difference_of_series(ours, week, 25)
        >>> round(found.value, 1)
        2.0
    """
    check_level(level)
    ours, theirs = as_vector(treated, "treated series"), as_vector(control, "control series")
    n = same_length(treated=ours, control=theirs)
    if isinstance(start, bool) or not 0 <= start <= n:
        raise InvalidInput(f"The start {start} is no index of a series of {n} periods.")
    if n < FEWEST or min(start, n - start) < 3:
        told = f"{start} periods before and {n - start} after"
        return Refusal(Reason.TOO_FEW_UNITS, f"{told}; 3 on a side and {FEWEST} in all are needed", "Observe longer.")
    gap = ours - theirs
    shift = (np.arange(n) >= start).astype(np.float64)
    spread = min(float(gap[:start].std()), float(gap[start:].std()))
    if spread <= 1e-12 * max(float(np.abs(ours).max()), float(np.abs(theirs).max()), 1e-300):
        return Refusal(Reason.NO_VARIATION, "the difference of the series does not vary", "Check the series.")
    values, errors, weights = _fits(gap - gap.mean(), shift, _RHO)
    weights = np.exp(weights - weights.max())
    weights /= weights.sum()
    value = float(weights @ values)
    low, high = (_quantile(values, errors, weights, n - 2, share) for share in ((1 - level) / 2, (1 + level) / 2))
    below = float(weights @ _cdf(-values / errors, n - 2))
    rho = float(weights @ _RHO)
    checks = (
        Check("autocorrelation", rho <= 0.9, f"the difference carries over {rho:.2f} of itself"),
        Check("periods", min(start, n - start) >= 20, f"{start} before and {n - start} after; 20 are asked for"),
    )
    error = math.sqrt(float(weights @ (errors**2 + (values - value) ** 2)))
    estimate = Estimate(value, outcome_unit, n, "change of a difference of series, AR(1)", low, high, level)
    return Effect(estimate, min(2 * min(below, 1 - below), 1.0), error, n - 2, checks)


def _fits(gap: Vector, shift: Vector, rho: Vector) -> tuple[Vector, Vector, Vector]:
    """Return shift, its error, and the restricted log-likelihood at each autocorrelation.

    With W = (1, shift, gap), first row w, the transformed cross-products are
    ``w w' + sum of (now - rho before)(now - rho before)' - rho^2 w w'``: a polynomial in rho.
    """
    w = np.column_stack([np.ones(len(gap)), shift, gap])
    now, before, first = w[1:].T @ w[1:], w[1:].T @ w[:-1], np.outer(w[0], w[0])
    at = rho[:, None, None]
    cross = first + now - at * (before + before.T) + at**2 * (w[:-1].T @ w[:-1] - first)
    inside, right = cross[:, :2, :2], cross[:, :2, 2]
    inverse = np.linalg.inv(inside)
    beta = (inverse @ right[:, :, None])[:, :, 0]
    square = cross[:, 2, 2] - (beta * right).sum(axis=1)
    freedom = len(gap) - 2
    errors = np.sqrt(square / freedom * inverse[:, 1, 1])
    likelihood = 0.5 * (np.log1p(-(rho**2)) - freedom * np.log(square) - np.linalg.slogdet(inside)[1])
    return beta[:, 1], errors, likelihood


def _cdf(score: Vector, freedom: float) -> Vector:
    from scipy.special import stdtr

    return np.asarray(stdtr(freedom, score))


def _quantile(values: Vector, errors: Vector, weights: Vector, freedom: float, share: float) -> float:
    from scipy.optimize import brentq

    reach = 100 * float(errors.max())
    return float(
        brentq(
            lambda at: float(weights @ _cdf((at - values) / errors, freedom)) - share,
            float(values.min()) - reach,
            float(values.max()) + reach,
        )
    )
