"""Synthetic difference-in-differences: donors and periods weighted so that paths before run parallel."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from metricstack.core.streams import stream
from metricstack.core.values import Reason, Refusal
from metricstack.linkage.simplex import simplex_weights
from metricstack.numerics.intervals import Spread

__all__ = ["Synthesis", "Variance", "placebo_error", "synthetic_did"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Variance = Literal["placebo", "jackknife"]

_DRAWS = 200


@dataclass(frozen=True, slots=True)
class Synthesis:
    """An effect with the weights that it comes from.

    Args:
        value: The effect.
        units: Weights of donors, shape (donors,).
        times: Weights of the periods before, shape (before,).
        gaps: Treated less mixture, less the weighted mean of that before, shape (periods,).
    """

    value: float
    units: Vector
    times: Vector
    gaps: Vector


def synthetic_did(treated: Matrix, donors: Matrix, start: int, *, noise: float | None = None) -> Synthesis:
    """Weight donors and periods, and take the difference of differences.

    Args:
        treated: Shape (treated, periods), no NaN.
        donors: Shape (donors, periods).
        start: Index of the first treated period, 2 or more.
        noise: Standard deviation of the donors' first differences before, estimated where None.

    Source:
        Arkhangelsky et al. (2021), algorithm 1, equations 4 to 6, solved exactly: the free intercept is swept out by
        centring, the penalty of units is ``(treated * after)^(1/2) * noise^2 * before``, that of periods
        ``(1e-6 * noise)^2 * donors``.
    """
    periods = donors.shape[1]
    if noise is None:
        noise = _first_differences(donors, start)
    mean = treated.mean(axis=0)
    early, late = donors[:, :start], donors[:, start:].mean(axis=1)
    penalty = math.sqrt(len(treated) * (periods - start)) * noise**2 * start
    units = simplex_weights(
        (early - early.mean(axis=1, keepdims=True)).T, mean[:start] - mean[:start].mean(), ridge=penalty
    )
    times = simplex_weights(early - early.mean(axis=0), late - late.mean(), ridge=(1e-6 * noise) ** 2 * len(donors))
    return _synthesis(mean, donors, (units, times), start)


def _first_differences(donors: Matrix, start: int) -> float:
    """Return the standard deviation of the donors' first differences before the start."""
    steps = np.diff(donors[:, :start], axis=1)
    return float(steps.std(ddof=1)) if steps.size > 1 else float(np.abs(steps).sum())


def _synthesis(mean: Vector, donors: Matrix, weights: tuple[Vector, Vector], start: int) -> Synthesis:
    units, times = weights
    gaps = mean - units @ donors
    gaps = gaps - times @ gaps[:start]
    return Synthesis(float(gaps[start:].mean()), units, times, gaps)


def placebo_error(treated: Matrix, donors: Matrix, start: int, how: Variance) -> Spread | Refusal:
    """Estimate the variance of the effect.

    Args:
        treated: Shape (treated, periods).
        donors: Shape (donors, periods).
        start: Index of the first treated period.
        how: ``"placebo"``: donors in the place of the treated, each in turn where one unit is treated, else 200 sets
            of a fixed stream. ``"jackknife"``: units left out in turn, their weights kept.

    Source:
        Arkhangelsky et al. (2021), algorithms 4 and 3.
    """
    count, total = len(treated), len(donors)
    noise = _first_differences(donors, start)
    if how == "jackknife":
        return _jackknife(treated, donors, start)
    if total < count + 2:
        return Refusal(
            Reason.TOO_FEW_UNITS, f"{total} donors are too few to stand in for {count} treated units", "Add donors."
        )
    random = stream(0, "synthetic placebo")
    sets = (
        [np.array([k]) for k in range(total)]
        if count == 1
        else [random.choice(total, count, replace=False) for _ in range(_DRAWS)]
    )
    values = [synthetic_did(donors[one], np.delete(donors, one, axis=0), start, noise=noise).value for one in sets]
    return Spread(float(np.var(values, ddof=1)), float(max(total - count, 1)))


def _jackknife(treated: Matrix, donors: Matrix, start: int) -> Spread | Refusal:
    if len(treated) < 2:
        return Refusal(Reason.TOO_FEW_UNITS, "a jackknife leaves out one of at least 2 treated units", "Use placebos.")
    whole = synthetic_did(treated, donors, start)
    values = [
        _synthesis(np.delete(treated, k, axis=0).mean(axis=0), donors, (whole.units, whole.times), start).value
        for k in range(len(treated))
    ]
    for k in range(len(donors)):
        units = np.delete(whole.units, k)
        if units.sum() <= 0:
            return Refusal(Reason.UNSTABLE, "one donor has all the weight", "Use placebos.")
        rest = np.delete(donors, k, axis=0)
        values.append(_synthesis(treated.mean(axis=0), rest, (units / units.sum(), whole.times), start).value)
    n = len(values)
    return Spread((n - 1) / n * float(((np.array(values) - np.mean(values)) ** 2).sum()), float(len(treated) - 1))
