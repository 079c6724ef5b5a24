"""Intervals from sums per unit: NumPy in, plain bounds out.

A value is linearised in the sums of its units (delta method); the spread of the units' contributions
gives the variance, so that rows of one user are never taken for independent. Few units are used one by
one; many are gathered at random into groups (64 hash buckets), whose spread says the same.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput
from metricstack.numerics.many import (
    Spreads,
    combined,
    intervals,
    poisson_bounds,
    spreads_of_groups,
    spreads_of_units,
    spreads_of_values,
    t_quantiles,
    wilson_bounds,
)
from metricstack.numerics.skewness import Skews

__all__ = [
    "Spread",
    "check_alpha",
    "check_level",
    "combine",
    "interval",
    "is_skewed",
    "poisson",
    "spread_of_groups",
    "spread_of_units",
    "spread_of_value",
    "t_quantile",
    "wilson",
]

Vector = NDArray[np.float64]
_FEWEST_SKEWED = 5


@dataclass(frozen=True, slots=True)
class Spread:
    """A variance and the degrees of freedom that it stands on.

    Args:
        variance: Variance of the value, in its unit squared.
        freedom: Degrees of freedom, ``inf`` where it is known rather than estimated.
    """

    variance: float
    freedom: float


def check_level(level: float) -> float:
    """Return a confidence level, or raise `InvalidInput` where it is outside (0, 1)."""
    if not isinstance(level, int | float) or not 0 < level < 1:
        raise InvalidInput(f"The level {level} is outside (0, 1); 0.95 is usual.")
    return level


def check_alpha(alpha: float, *, usual: float = 0.05) -> float:
    """Return an accepted error, or raise `InvalidInput` where it is outside (0, 1)."""
    if not isinstance(alpha, int | float) or not 0 < alpha < 1:
        raise InvalidInput(f"The alpha {alpha} is outside (0, 1); {usual:g} is usual.")
    return alpha


def t_quantile(level: float, freedom: float) -> float:
    """Return how many standard errors a two-sided interval reaches (Student's t, normal at infinity).

    Example:
        >>> round(t_quantile(0.95, 10), 4), round(t_quantile(0.95, math.inf), 4)
        (2.2281, 1.96)
    """
    return float(t_quantiles(check_level(level), _one(freedom))[0])


def _one(number: float) -> Vector:
    return np.array([number], dtype=np.float64)


def _first(spreads: Spreads) -> Spread:
    return Spread(float(spreads.variance[0]), float(spreads.freedom[0]))


def spread_of_units(contributions: Vector) -> Spread:
    """Estimate the variance of a sum of independent units' contributions, each unit by itself.

    Not centred, so that a random *number* of units counts too: for a plain count it gives Poisson's
    variance; for means and ratios the linearised contributions add up to zero and centring changes nothing.

    Args:
        contributions: One linearised contribution per unit, shape (units,), float64.

    Example:
        >>> spread_of_units(np.ones(4)).variance
        5.333333333333333
    """
    return _first(spreads_of_units(_one(float(contributions @ contributions)), _one(len(contributions))))


def spread_of_groups(contributions: Vector, groups: int) -> Spread:
    """Estimate the same variance from random groups of units.

    Few units leave groups empty. How many there are follows from how many groups they reach, and corrects,
    as for units one by one, for the mean being theirs.

    Args:
        contributions: Sum of the contributions of each group that has a unit, shape (seen,), float64.
        groups: How many groups there are, those without a unit too.

    Source:
        Random groups, Wolter, *Introduction to Variance Estimation*, ch. 2: the groups are
        independent and alike, so the variance of their sum is ``groups * sample variance``. Of ``groups``,
        ``u`` units reach ``groups * (1 - (1 - 1 / groups) ** u)`` on average, solved for ``u``.

    Example:
        >>> spread_of_groups(np.array([2.0, 4.0]), 2)
        Spread(variance=4.0, freedom=1.0)
    """
    total, square = _one(contributions.sum()), _one(float(contributions @ contributions))
    return _first(spreads_of_groups(total, square, _one(len(contributions)), groups))


def spread_of_value(
    contributions: Vector, rows: Vector, value: float, *, gatherings: int = 0, tails: bool = True
) -> Spread:
    """Estimate the variance of a value from what each unit adds to it, by how much of the rows each unit has.

    A unit with a large part of the rows has pulled a mean or ratio towards itself, and few units of very unequal
    size say less of chance than their number: `many.spreads_of_values` derives both. Contributions that do
    not add up to zero (of a total) are taken as they are, as `spread_of_units` and `spread_of_groups` do.

    Args:
        contributions: Linearised contribution of each unit (or random gathering of units), shape (units,), float64.
        rows: Rows that each stands on, above 0, shape (units,), float64.
        value: The value.
        gatherings: How many random gatherings there are; 0 where units are taken one by one.
        tails: Whether skewed contributions make the variance less sure; not of a share, which tells its own.

    Example:
        >>> sizes = np.array([1.0, 1.0, 2.0])
        >>> spread = spread_of_value(np.array([0.3, -0.1, -0.2]), sizes, 1.0)
        >>> round(spread.variance, 6), round(spread.freedom, 4)  # 0.09 / 0.75 + 0.01 / 0.75 + 0.04 / 0.5
        (0.213333, 1.8)
    """
    at = np.zeros(len(contributions), dtype=np.int64)
    return _first(spreads_of_values(at, contributions, rows, _one(value), gatherings=gatherings, tails=tails))


def is_skewed(contributions: Vector) -> bool:
    """Tell whether units are too few, for how skewed they are, for an interval that takes their sum for normal.

    Of random groups of units the answer is the same: the skewness of sums falls as their number under a root.

    Args:
        contributions: One linearised contribution per unit (or group of units), shape (units,), float64.

    Source:
        Cochran, *Sampling Techniques* (3rd ed., 1977), section 2.15: at least ``25 * skewness**2`` units, so that
        95 % intervals miss in no more than 6 %. Of few units the skewness itself is uncertain (its standard error
        is about ``sqrt(6 / units)``): below two of those none is claimed.

    Example:
        >>> is_skewed(np.arange(40.0)), is_skewed(np.exp(np.arange(40.0) / 4))
        (False, True)
    """
    units = len(contributions)
    if units < _FEWEST_SKEWED:
        return False
    centred = contributions - contributions.mean()
    variance = float(centred @ centred) / units
    if variance <= 0:
        return False
    skewness = float(np.mean((centred / math.sqrt(variance)) ** 3))
    return skewness**2 > max(units / 25, 24 / units)


def combine(spreads: Sequence[Spread]) -> Spread:
    """Add variances of independent parts; degrees of freedom after Satterthwaite (1946).

    Example:
        >>> combine([Spread(1.0, 10), Spread(1.0, 10)])
        Spread(variance=2.0, freedom=20.0)
    """
    if not spreads:
        return Spread(0.0, math.inf)
    return _first(combined([Spreads(_one(part.variance), _one(part.freedom)) for part in spreads]))


def interval(
    value: float,
    spread: Spread,
    *,
    level: float,
    low: float | None = None,
    high: float | None = None,
    skews: Skews | None = None,
) -> tuple[float, float]:
    """Give the interval of a value with a known range, on the scale on which it is most nearly normal.

    Between two bounds the logit, above one the logarithm, else as it is: an interval never leaves the
    range, and skewed amounts get the longer side where it belongs. On a bound itself, where those
    scales end, it is the plain one cut at the bound.

    Args:
        value: The estimate.
        spread: Its variance.
        level: Confidence level, a fraction in (0, 1).
        low: Smallest possible value, None where there is none; only 0 changes the scale.
        high: Largest possible value; only 1 (with low 0) changes the scale.
        skews: Its skewness, of one group, for a value that hangs on long tails; see `many.intervals`.

    Example:
        >>> a, b = interval(10.0, Spread(1.0, math.inf), level=0.95, low=0.0)
        >>> round(a, 3), round(b, 3), round(a * b, 6)
        (8.22, 12.165, 100.0)
    """
    spreads = Spreads(_one(spread.variance), _one(spread.freedom))
    bottom, top = intervals(_one(value), spreads, level=check_level(level), low=low, high=high, skews=skews)
    return float(bottom[0]), float(top[0])


def wilson(share: float, n: float, *, level: float, freedom: float = math.inf) -> tuple[float, float]:
    """Give Wilson's interval of a share, for an effective number of observations.

    Args:
        share: Observed share, 0 to 1; at 0 and 1 it stays honest too.
        n: Effective number of independent observations, ``share * (1 - share) / variance`` under clustering.
        level: Confidence level, a fraction in (0, 1).
        freedom: Degrees of freedom of the variance behind ``n``.

    Source:
        Wilson (1927), eq. (5); effective n after Korn and Graubard (1998), section 2.

    Example:
        >>> a, b = wilson(0.9, 10, level=0.95)
        >>> round(a, 4), round(b, 4)
        (0.5958, 0.9821)
    """
    low, high = wilson_bounds(_one(share), _one(n), level=check_level(level), freedom=_one(freedom))
    return float(low[0]), float(high[0])


def poisson(count: float, *, level: float) -> tuple[float, float]:
    """Bound the expected number of independent events from the number seen, exactly.

    Args:
        count: Events seen, 0 or more.
        level: Two-sided confidence level.

    Source:
        Garwood (1936): chi-square quantiles, ``chi2(2k) / 2`` below and ``chi2(2k + 2) / 2`` above;
        for none seen the upper bound is ``-log((1 - level) / 2)``.

    Example:
        >>> low, high = poisson(1, level=0.95)
        >>> round(low, 4), round(high, 4)
        (0.0253, 5.5716)
    """
    low, high = poisson_bounds(_one(count), level=check_level(level))
    return float(low[0]), float(high[0])
