"""Intervals of many groups at once: arrays in, arrays out; one group's functions (`intervals`) are these with one.

Every argument written as a vector has one entry per group, shape (groups,), float64.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metricstack.numerics.skewness import Skews

__all__ = [
    "Spreads",
    "combined",
    "intervals",
    "p_values",
    "poisson_bounds",
    "spreads_of_groups",
    "spreads_of_units",
    "spreads_of_values",
    "t_quantiles",
    "wilson_bounds",
]

Vector = NDArray[np.float64]
_LARGEST = 700.0  # exp() of more is no number
_NOTHING = 1e-9  # what rounding leaves of contributions that add up to zero


@dataclass(frozen=True, eq=False)
class Spreads:
    """Variances and the degrees of freedom that they stand on.

    Args:
        variance: Variance of each value, in its unit squared.
        freedom: Degrees of freedom, ``inf`` where it is known rather than estimated.
    """

    variance: Vector
    freedom: Vector


def t_quantiles(level: float, freedom: Vector) -> Vector:
    """Return how many standard errors a two-sided interval reaches (Student's t, normal at infinity).

    Example:
        >>> t_quantiles(0.95, np.array([10.0, np.inf])).round(4)
        array([2.2281, 1.96  ])
    """
    from scipy.special import ndtri, stdtrit

    upper = 0.5 + level / 2
    few = np.isfinite(freedom)
    reach = np.full(freedom.shape, float(ndtri(upper)))
    reach[few] = stdtrit(np.maximum(freedom[few], 1.0), upper)
    return reach


def p_values(value: Vector, error: Vector, freedom: Vector) -> Vector:
    """Return how often chance alone gives differences at least as far from 0; see `multiplicity.p_value`.

    Args:
        value: The differences.
        error: Their standard errors; 0 where a difference is exact.
        freedom: Degrees of freedom, ``inf`` for the normal.

    Example:
        >>> p_values(np.array([1.959964, 0.0]), np.array([1.0, 0.0]), np.array([np.inf, 5.0])).round(6)
        array([0.05, 1.  ])
    """
    from scipy.special import ndtr, stdtr

    with np.errstate(over="ignore"):  # beyond all numbers is infinitely far
        distance = -np.divide(np.abs(value), error, out=np.full(value.shape, np.inf), where=error > 0)
    few = np.isfinite(freedom)
    found = 2 * np.asarray(ndtr(distance), dtype=np.float64)
    found[few] = 2 * stdtr(np.maximum(freedom[few], 1.0), distance[few])
    found[value == 0] = 1.0
    return found


def spreads_of_units(square: Vector, seen: Vector) -> Spreads:
    """Estimate variances of sums of independent units' contributions.

    Args:
        square: Sum of the squared contributions.
        seen: Number of units.
    """
    return Spreads(np.where(seen > 1, square * seen / np.maximum(seen - 1, 1), square), np.maximum(seen - 1, 0.0))


def spreads_of_groups(total: Vector, square: Vector, seen: Vector, groups: int) -> Spreads:
    """Estimate the same variances from random gatherings of units; see `intervals.spread_of_groups`.

    Args:
        total: Sum of the contributions of the gatherings.
        square: Sum of their squares.
        seen: How many gatherings have a unit.
        groups: How many gatherings there are, those without a unit too.
    """
    variance = np.maximum(square - total * total / groups, 0.0) * groups / (groups - 1)
    sparse = (seen > 1) & (seen < groups)
    units = np.log1p(-seen[sparse] / groups) / math.log1p(-1 / groups)
    variance[sparse] *= units / (units - 1)
    return Spreads(variance, np.maximum(seen - 1, 0.0))


def spreads_of_values(
    at: NDArray[np.int64],
    contributions: Vector,
    rows: Vector,
    value: Vector,
    *,
    gatherings: int = 0,
    tails: bool = True,
) -> Spreads:
    """Estimate variances of values from what each unit adds to them, by how much of the rows each unit has.

    Contributions to a mean or ratio add up to zero, since they are taken from a value that the units themselves
    have moved: one with a large part of the rows looks closer to it than it is. Each square is put right for that,
    and the degrees of freedom are those of so unequal units, fewer than their number. Other contributions (of
    totals) are taken as `spreads_of_units` and `spreads_of_groups` do.

    Args:
        at: The group of each unit, shape (units,).
        contributions: Linearised contribution of each unit, shape (units,), float64.
        rows: Rows that each stands on, above 0, shape (units,), float64.
        value: The value of each group, shape (groups,), float64.
        gatherings: How many random gatherings there are, where the units are gatherings; 0 where they are units.
        tails: Estimate from the contributions how uncertain their squares are; False where the value itself tells
            their variance, as for shares.

    Derivation:
        The bias-reduced variance (CR2) and degrees of freedom after Bell and McCaffrey (2002), worked out for a ratio.
        A unit has the part h of the rows, and a contribution's variance is taken in proportion to it; after the value
        is fitted, ``h * (1 - h)`` of it is left, so that squares over ``1 - h`` add up to the variance without bias.
        Their sum is ``z' M z`` of independent z with ``M = P D P``, ``D = diag(h / (1 - h))``, ``P = I - q q'``,
        ``q = sqrt(h)``. The trace of M is 1, that of its square ``sum(h**2) + sum(d)**2 - sum(d**2)`` with
        ``d = h**2 / (1 - h)``; the degrees of freedom are 1 over it, n - 1 for n equal units. Skewed contributions
        leave fewer: Satterthwaite's, twice the squared sum of squares over its variance, which for s the squares
        the sample gives as ``sum(s**2) - sum(s)**2 / n``. The fewer count.

    Example:
        >>> together, skewed = np.zeros(9, dtype=np.int64), np.array([8.0] + [-1.0] * 8)
        >>> found = spreads_of_values(together, skewed, np.ones(9), np.array([1.0]))
        >>> found.variance.round(6), found.freedom.round(3)  # 72 / (8 / 9); 2 * 81**2 / (5194.125 - 81**2 / 9)
        (array([81.]), array([2.939]))
    """
    count = len(value)

    def added(amounts: Vector) -> Vector:
        return np.bincount(at, weights=amounts, minlength=count).astype(np.float64)

    total, seen, squares = added(contributions), added(np.ones(len(at))), contributions**2
    square = added(squares)
    plain = spreads_of_groups(total, square, seen, gatherings) if gatherings else spreads_of_units(square, seen)
    fitted = np.abs(total) <= _NOTHING * np.maximum(np.abs(value), added(np.abs(contributions)))
    fitted &= seen > 1
    part = np.where(fitted[at], rows / np.maximum(added(rows), 1.0)[at], 0.0)
    squares = squares / (1 - part)
    each = part**2 / (1 - part)
    variance = added(squares)
    moved = added(part**2) + np.maximum(added(each) ** 2 - added(each**2), 0.0)
    freedom = np.divide(1.0, moved, out=np.full(count, np.inf), where=moved > 0)
    if tails:
        moved = added(squares**2) - variance**2 / np.maximum(seen, 1.0)
        freedom = np.minimum(freedom, np.divide(2 * variance**2, moved, out=np.full(count, np.inf), where=moved > 0))
    freedom = np.minimum(np.maximum(freedom, 1.0), np.maximum(seen - 1, 0.0))
    return Spreads(np.where(fitted, variance, plain.variance), np.where(fitted, freedom, plain.freedom))


def combined(spreads: Sequence[Spreads]) -> Spreads:
    """Add variances of independent parts; degrees of freedom after Satterthwaite (1946).

    Args:
        spreads: The parts, one at least, all of one length.

    Example:
        >>> parts = Spreads(np.array([1.0]), np.array([10.0]))
        >>> combined([parts, parts]).freedom
        array([20.])
    """
    total = np.zeros(spreads[0].variance.shape)
    below = np.zeros(total.shape)
    for part in spreads:
        total = total + part.variance
        below = below + np.where(np.isfinite(part.freedom), part.variance**2 / np.maximum(part.freedom, 1.0), 0.0)
    freedom = np.full(total.shape, np.inf)
    np.divide(total**2, below, out=freedom, where=below > 0)
    return Spreads(total, freedom)


def intervals(
    value: Vector,
    spreads: Spreads,
    *,
    level: float,
    low: float | None = None,
    high: float | None = None,
    skews: Skews | None = None,
) -> tuple[Vector, Vector]:
    """Give intervals of values of one known range, on the scale on which they are most nearly normal.

    Args:
        value: The estimates, finite.
        spreads: Their variances.
        level: Confidence level, a fraction in (0, 1).
        low: Smallest possible value, None where there is none; only 0 changes the scale.
        high: Largest possible value; only 1 (with low 0) changes the scale.
        skews: Their skewness, for values that hang on long tails: the end on the side of the tail reaches further.

    Derivation:
        Student's statistic of a sum of skewness g falls below x with probability
        ``Phi(x) + g * (2 * x**2 + 1) / 6 * phi(x)`` to the first order (Hall, *The Bootstrap and Edgeworth Expansion*,
        1992, ch. 2). Inverted at the normal quantile z, the end on the side of the tail lies ``g * (2 * z**2 + 1) / 6``
        further out: t is taken as much longer as z. The other end would come nearer by as much, and stays: a sample
        shows a tail too short where the interval is too short, since the largest are missing in both. For the same
        reason g is taken one standard error further out, to either side.

    Example:
        >>> bounds = intervals(np.array([10.0]), Spreads(np.array([1.0]), np.array([np.inf])), level=0.95, low=0.0)
        >>> [round(float(bound[0]), 3) for bound in bounds]
        [8.22, 12.165]
    """
    reach = t_quantiles(level, spreads.freedom) * np.sqrt(spreads.variance)
    down = up = reach
    if skews is not None:
        z = float(t_quantiles(level, np.array([np.inf]))[0])
        each = (2 * z * z + 1) / (6 * z) if z > 0 else 0.0
        down = reach * (1 + each * np.maximum(skews.error - skews.value, 0.0))
        up = reach * (1 + each * np.maximum(skews.error + skews.value, 0.0))
    bottom, top = value - down, value + up
    bottom = bottom if low is None else np.minimum(value, np.maximum(bottom, low))
    top = top if high is None else np.maximum(value, np.minimum(top, high))
    if low == 0.0 and high == 1.0:
        inside = (value > 0) & (value < 1)
        share = np.where(inside, value, 0.5)
        odds = np.log(share / (1 - share))
        bottom = np.where(inside, 1 / (1 + _exp(_divided(down, share * (1 - share)) - odds)), bottom)
        top = np.where(inside, 1 / (1 + _exp(-_divided(up, share * (1 - share)) - odds)), top)
    elif low == 0.0 and high is None:
        inside = value > 0
        above = np.where(inside, value, 1.0)
        bottom = np.where(inside, value / _exp(_divided(down, above)), bottom)
        with np.errstate(over="ignore"):  # an end beyond all numbers is none
            top = np.where(inside, value * _exp(_divided(up, above)), top)
    return np.minimum(bottom, value), np.maximum(top, value)


def _exp(power: Vector) -> Vector:
    return np.exp(np.clip(power, -_LARGEST, _LARGEST))


def _divided(above: Vector, below: Vector) -> Vector:
    with np.errstate(over="ignore"):  # what is beyond all numbers is cut by _exp
        return above / below


def wilson_bounds(share: Vector, n: Vector, *, level: float, freedom: Vector) -> tuple[Vector, Vector]:
    """Give Wilson's intervals of shares; see `intervals.wilson`.

    Args:
        share: Observed shares, 0 to 1.
        n: Effective numbers of independent observations, above 0.
        level: Confidence level, a fraction in (0, 1).
        freedom: Degrees of freedom of the variances behind ``n``.
    """
    z2 = t_quantiles(level, freedom) ** 2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    reach = np.sqrt(z2) / (1 + z2 / n) * np.sqrt(np.maximum(share * (1 - share) / n + z2 / (4 * n * n), 0.0))
    low, high = np.maximum(middle - reach, 0.0), np.minimum(middle + reach, 1.0)
    return np.minimum(low, share), np.maximum(high, share)


def poisson_bounds(count: Vector, *, level: float) -> tuple[Vector, Vector]:
    """Bound expected numbers of independent events from the numbers seen, exactly; see `intervals.poisson`.

    Args:
        count: Events seen, 0 or more.
        level: Two-sided confidence level.

    Example:
        >>> [round(float(bound[0]), 4) for bound in poisson_bounds(np.array([1.0]), level=0.95)]
        [0.0253, 5.5716]
    """
    from scipy.special import gammaincinv

    tail = (1 - level) / 2  # chi2.ppf(p, 2 k) / 2 is the inverse of the incomplete gamma function of k at p
    low = np.where(count > 0, gammaincinv(np.where(count > 0, count, 1.0), tail), 0.0)
    return low, np.asarray(gammaincinv(count + 1, 1 - tail), dtype=np.float64)
