"""Time to an event when some are still open: the Kaplan–Meier curve, and its quantiles with honest intervals.

What is still open lasted at least as long as it was watched; dropping it, or taking it as done, makes everything
look faster than it is. The interval holds for rows one by one (Greenwood), and for rows of which several belong to
one unit (each unit's influence on the curve, added).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput
from metricstack.numerics.intervals import check_level, t_quantile

__all__ = ["Curve", "Reached", "kaplan_meier", "survival_quantile"]

Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]

_TIE = 1e-12
_GRID = 2_048  # instants at which the interval is looked up; a finer grid moves no bound by more than 0.05 %


@dataclass(frozen=True, eq=False)
class Curve:
    """A Kaplan–Meier curve at its event times.

    Args:
        times: Event times, shape (k,), ascending.
        open_share: Share still open after each, shape (k,), in [0, 1].
        at_risk: Weight still watched just before each, shape (k,).
        done: Weight done at each, shape (k,).
        longest: The longest time that anything was watched.
    """

    times: Vector
    open_share: Vector
    at_risk: Vector
    done: Vector
    longest: float

    @property
    def greenwood(self) -> Vector:
        """Variance of the logarithm of the share still open, shape (k,); inf once nothing is open.

        Source:
            Greenwood (1926): the sum of d / (r (r - d)) over the event times so far.
        """
        return np.cumsum(self.steps)

    @property
    def steps(self) -> Vector:
        """Each event time's d / (r (r - d)), shape (k,)."""
        left = self.at_risk - self.done
        with np.errstate(divide="ignore"):
            return np.where(left > _TIE * self.at_risk, self.done / (self.at_risk * left), np.inf)


@dataclass(frozen=True, slots=True)
class Reached:
    """The time by which a share is done.

    Args:
        value: That time; None where the curve does not come so far, so that it is later than `longest`.
        low: Lower bound, ``-inf`` where the sample gives none.
        high: Upper bound, ``inf`` where the sample gives none.
        method: How the interval was made.
    """

    value: float | None
    low: float
    high: float
    method: str


def kaplan_meier(times: Vector, observed: Flags, weights: Vector | None = None) -> Curve:
    """Estimate the share still open over time.

    At equal times what is done counts before what is only no longer watched.

    Args:
        times: How long each was watched, shape (n,), float64, no NaN, not empty.
        observed: Whether it was done then, shape (n,); False = still open.
        weights: Weights, shape (n,), positive; None = 1 each.

    Source:
        Kaplan and Meier (1958), *Nonparametric Estimation from Incomplete Observations*, eq. (2b).

    Example:
        >>> curve = kaplan_meier(np.array([1.0, 2.0, 2.0, 3.0]), np.array([True, True, False, True]))
        >>> curve.times.tolist(), curve.open_share.tolist()
        ([1.0, 2.0, 3.0], [0.75, 0.5, 0.0])
    """
    if not len(times):
        raise InvalidInput("A curve needs one time at least.")
    weights = np.ones(len(times)) if weights is None else weights
    instants, at = np.unique(times, return_inverse=True)
    total = np.bincount(at, weights=weights, minlength=len(instants)).astype(np.float64)
    done = np.bincount(at, weights=weights * observed, minlength=len(instants)).astype(np.float64)
    at_risk = np.cumsum(total[::-1])[::-1]
    event = done > 0
    kept = np.where(at_risk - done > _TIE * at_risk, 1 - done / at_risk, 0.0)
    share = np.cumprod(kept[event]).astype(np.float64)
    return Curve(instants[event], share, at_risk[event], done[event], float(instants[-1]))


def survival_quantile(
    times: Vector,
    observed: Flags,
    p: float,
    *,
    weights: Vector | None = None,
    units: Integers | None = None,
    level: float = 0.95,
) -> Reached:
    """Give the time by which a share is done, with the interval of all times that the curve does not exclude.

    Where the curve is flat exactly at the share, the middle of the flat piece: without open rows the median is then
    the usual one.

    Args:
        times: How long each was watched, shape (n,), float64, no NaN, not empty.
        observed: Whether it was done then, shape (n,).
        p: Share done, in (0, 1).
        weights: Weights, shape (n,), positive; None = 1 each.
        units: Unit of each row, shape (n,), where several rows belong to one; None = every row is one, unweighted.
        level: Confidence level, a fraction in (0, 1).

    Source:
        Brookmeyer and Crowley (1982), with the log-log scale of Kalbfleisch and Prentice: the times at which
        |log(-log S(t)) - log(-log(1 - p))| is within z standard errors. With units the variance of log S(t) is the
        sum over units of their squared influence (the derivative of log S(t) by the weight of a unit's rows).

    Example:
        >>> found = survival_quantile(np.array([1.0, 2.0, 3.0, 4.0, 9.0]), np.array([True] * 4 + [False]), 0.5)
        >>> found.value, found.low, found.high
        (3.0, 1.0, inf)
    """
    if not 0 < p < 1:
        raise InvalidInput(f"The share {p} is outside (0, 1).")
    check_level(level)
    curve = kaplan_meier(times, observed, weights)
    at = np.arange(len(curve.times))
    if units is None:
        variance, reach, way = curve.greenwood, t_quantile(level, math.inf), "Greenwood"
    else:
        if len(at) > _GRID:
            at = np.unique(np.linspace(0, len(at) - 1, _GRID).round().astype(np.int64))
        count = len(np.unique(units))
        if count < 2:
            return Reached(_reach(curve, p), -math.inf, math.inf, "one unit gives no interval")
        each = np.ones(len(times)) if weights is None else weights
        variance = _clustered(curve, times, observed, each, units=units, at=at)
        reach, way = t_quantile(level, count - 1), f"influence of {count} units"
    low, high = _not_excluded(curve, at, variance, p, reach)
    value = _reach(curve, p)
    if value is not None:
        low, high = min(low, value), max(high, value)
    return Reached(value, low, high, f"Brookmeyer–Crowley (log-log), {way}")


def _reach(curve: Curve, p: float) -> float | None:
    """The first time with at most 1 − p still open; None where the curve ends before."""
    target = 1 - p
    below = np.flatnonzero(curve.open_share <= target + _TIE)
    if not len(below):
        return None
    i = int(below[0])
    if abs(curve.open_share[i] - target) <= _TIE and i + 1 < len(curve.times):
        return float((curve.times[i] + curve.times[i + 1]) / 2)
    return float(curve.times[i])


def _not_excluded(curve: Curve, at: Integers, variance: Vector, p: float, reach: float) -> tuple[float, float]:
    """The hull of the times whose share still open agrees with 1 − p; each holds until the next event.

    Between two instants looked at, the bound goes outward.
    """
    share, times = curve.open_share[at], curve.times[at]
    inside = (share > _TIE) & (share < 1 - _TIE)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.log(share)
        step = np.abs(np.log(-scale) - math.log(-math.log(1 - p)))
        agrees = inside & (step <= reach * np.sqrt(variance) / np.abs(scale))
    found = np.flatnonzero(agrees)
    if not len(found):  # the curve jumps past the share, or does not come near it
        before, after = times[share > 1 - p], times[share <= 1 - p]
        return float(before[-1]) if len(before) else -math.inf, float(after[0]) if len(after) else math.inf
    first, last = int(found[0]), int(found[-1])
    low = curve.times[at[first - 1] + 1] if first else times[0]
    return float(low), float(times[last + 1]) if last + 1 < len(times) else math.inf


def _clustered(
    curve: Curve, times: Vector, observed: Flags, weights: Vector, *, units: Integers, at: Integers
) -> Vector:
    """Variance of log S at chosen event times from each unit's influence, shape (len(at),).

    The derivative of log S(t) by the weight of row i is Σ_{s ≤ min(t, t_i)} d/(r (r − d)) − [i done by t] / (r − d)
    at i's time: what its presence adds to those at risk, less what its end takes away.
    """
    names, unit = np.unique(units, return_inverse=True)
    rows, k = len(names), len(at)
    if not k:
        return np.empty(0)
    steps = curve.steps
    cumulative = np.concatenate([[0.0], np.cumsum(np.where(np.isfinite(steps), steps, 0.0))])
    watched = np.searchsorted(curve.times, times, side="right")  # events up to a row's own time
    left = curve.at_risk - curve.done
    with np.errstate(divide="ignore"):
        taken = np.where(left > _TIE * curve.at_risk, 1.0 / left, 0.0)
    place = np.searchsorted(at, watched - 1, side="left")  # first chosen event at or after the row's own
    place = np.where(watched == 0, 0, place)
    shape = (rows, k + 1)
    flat = unit * (k + 1) + place
    ends = np.bincount(flat, weights=weights * observed * taken[np.maximum(watched - 1, 0)], minlength=rows * (k + 1))
    gone = np.bincount(flat, weights=weights * cumulative[watched], minlength=rows * (k + 1))
    gone_weight = np.bincount(flat, weights=weights, minlength=rows * (k + 1))
    ends, gone, gone_weight = (np.cumsum(part.reshape(shape)[:, :k], axis=1) for part in (ends, gone, gone_weight))
    total = np.bincount(unit, weights=weights, minlength=rows)[:, None]
    influence = gone + cumulative[at + 1][None, :] * (total - gone_weight) - ends
    variance: Vector = (influence**2).sum(axis=0) * rows / max(rows - 1, 1)
    return np.where(np.isfinite(curve.greenwood[at]), variance, np.inf)
