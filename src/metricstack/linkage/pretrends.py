"""Were they moving together before? A joint test of the leads, what it could have seen, and placebo dates."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metricstack.core.values import Check
from metricstack.experiments.effect import Effect
from metricstack.linkage.influence import Influence

__all__ = ["PreTrend", "placebo_dates", "pre_trend"]

Vector = NDArray[np.float64]
Integers = NDArray[np.int64]

_BINS = 2
_POWER = 0.8


@dataclass(frozen=True, slots=True)
class PreTrend:
    """A joint test that nothing happened before adoption, with its power.

    Args:
        statistic: F.
        freedom: Of numerator and denominator.
        p_value: Of parallel paths before.
        leads: Periods before adoption that were tested.
        detectable: The smallest steady divergence per period that the test finds four times in five, in the
            outcome's unit; ``inf`` where none is found.
        bias: What such a divergence, had it gone on, adds to the overall effect.
        alpha: Error of the test.
    """

    statistic: float
    freedom: tuple[int, float]
    p_value: float
    leads: int
    detectable: float
    bias: float
    alpha: float

    def checks(self, found: Effect) -> tuple[Check, Check]:
        """Return the test as a check, and whether it could have seen a trend that explains the effect away."""
        kept = self.p_value > self.alpha
        note = f"F = {self.statistic:.2f} on {self.freedom[0]} and {self.freedom[1]:.0f}, p = {self.p_value:.3g}"
        shown = found.p_value is not None and found.p_value <= self.alpha
        seen = abs(self.bias) <= abs(found.value)
        power = (
            "no steady divergence would be found with 80 %"
            if math.isinf(self.detectable)
            else (
                f"a divergence of {self.detectable:.3g} per period would be found with {100 * _POWER:.0f} %; "
                f"it would add {abs(self.bias):.3g} to the effect"
            )
        )
        return Check("pre_trend", kept, note), Check("pre_trend_power", seen if shown else None, power)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "kind": "pre_trend", "statistic": self.statistic, "freedom": list(self.freedom), "p_value": self.p_value,
            "leads": self.leads, "detectable": self.detectable if math.isfinite(self.detectable) else None,
            "bias": self.bias if math.isfinite(self.bias) else None, "alpha": self.alpha,
        }  # fmt: skip


def pre_trend(
    leads: Influence, distance: Integers, *, clusters: int, mean_distance: float, alpha: float = 0.05
) -> PreTrend | None:
    """Test the leads jointly, as two means: those of the nearer and of the farther half.

    On few units a test of every lead by itself is blind: with 30 adopters in 24 periods four means find half as many
    divergences as two.

    Args:
        leads: Estimates of the leads, farthest first, against one base period.
        distance: Periods from the base to each lead, negative, shape (leads,).
        clusters: Clusters that adopt.
        mean_distance: Mean number of periods from the base to the cells of the overall effect.
        alpha: Error of the test.

    Returns:
        The test; None where there are no leads or no noise.

    Source:
        Hotelling's T squared with the mean of the Satterthwaite freedoms. Power after Roth (2022), *Pretest with
        caution*: the noncentrality of a linear divergence d is ``slope^2 d' V^-1 d``.
    """
    from scipy.special import fdtri

    count = len(distance)
    bins = min(count, _BINS, max(1, clusters // 4))
    while bins:
        weights = np.zeros((count, bins))
        for column, members in enumerate(np.array_split(np.arange(count), bins)):
            weights[members, column] = 1 / len(members)
        pooled = leads.combined(weights)
        test = pooled.joint()
        if test is not None:
            break
        bins -= 1
    else:
        return None
    k, below = test.freedom
    bar = float(fdtri(k, below, 1 - alpha))
    needed = _noncentrality(k, below, bar)
    line = weights.T @ distance.astype(np.float64)
    slope = float(np.sqrt(needed / (line @ np.linalg.solve(pooled.covariance, line))))
    return PreTrend(test.statistic, test.freedom, test.p_value, count, slope, slope * mean_distance, alpha)


def _noncentrality(k: int, below: float, bar: float) -> float:
    """Return the noncentrality at which F exceeds the bar with the power asked for, ``inf`` where none does."""
    from scipy.optimize import brentq
    from scipy.special import ncfdtr

    def lacking(shift: float) -> float:
        return float(_POWER - 1 + ncfdtr(k, below, shift, bar))

    high = 1.0
    while high < 1e4:
        at = lacking(high)
        if math.isnan(at):
            break
        if at <= 0:
            return float(brentq(lacking, 0.0, high))
        high *= 2
    return math.inf


def placebo_dates(leads: Influence, distance: Integers, *, most: int = 3) -> tuple[Integers, Influence] | None:
    """Pretend that adoption came earlier, and estimate its effect from the periods before adoption alone.

    Args:
        leads: Estimates of the leads, farthest first, against one base period.
        distance: Periods from the base to each lead, negative, shape (leads,).
        most: How many dates, spread over the periods before.

    Returns:
        The dates, as periods from the base to the first pretended one, and their effects; None without a lead.

    Derivation:
        With the base counted as a lead of 0, an adoption at lead p has the effect ``mean(leads from p on) -
        lead before p``.
    """
    count = len(distance)
    if not count:
        return None
    starts = np.unique(np.linspace(0, count, min(most, count) + 2)[1:-1].round().astype(np.int64))
    starts = starts[(starts >= 1) & (starts <= count)] if count > 1 else np.array([1])
    weights = np.zeros((count, len(starts)))
    for column, start in enumerate(starts):
        weights[start:, column] = 1 / (count - start + 1)
        weights[start - 1, column] -= 1
    ends = np.append(distance, 0)
    return ends[starts], leads.combined(weights)
