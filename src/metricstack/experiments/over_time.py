"""An effect over the days since units were first exposed: does it wear off (novelty) or grow (primacy)?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metricstack.core.show import Shown
from metricstack.core.values import Finding, Grade, Reason, Refusal
from metricstack.experiments.effect import Effect, effect
from metricstack.experiments.reading import Reading

__all__ = ["EDGES", "OverTime", "Stretch", "over_time"]

EDGES = (1, 3, 7, 14, 28, 56)
"""Days since the first exposure between two stretches: short while habits form, long later."""

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stretch:
    """The effect in some days since the first exposure.

    Args:
        first: First day, 0 = the day of the exposure.
        last: Last day, None = to the end.
        effect: Treatment - control in the metric's unit; or why it cannot be told.
    """

    first: int
    last: int | None
    effect: Effect | Refusal

    @property
    def label(self) -> str:
        """Its days in words, counted from 1."""
        if self.last is None:
            return f"day {self.first + 1} on"
        return f"day {self.first + 1}" if self.last == self.first else f"days {self.first + 1}–{self.last + 1}"


@dataclass(frozen=True)
class OverTime(Shown):
    """One metric's effect over the days since exposure.

    Args:
        metric: Its id.
        title: Its name.
        better: ``higher``, ``lower`` or ``neither``.
        stretches: The effect in each stretch of days.
        trend: How much the effect changes from the first stretch to the last, by the line through all; or why it
            cannot be told.
        alpha: Error of the test for a trend.
    """

    metric: str
    title: str
    better: str
    stretches: tuple[Stretch, ...]
    trend: Effect | Refusal
    alpha: float = 0.05

    @property
    def kind(self) -> str:
        """``novelty`` (it wears off), ``primacy`` (it grows), ``steady`` (no trend is clear) or ``unknown``."""
        if isinstance(self.trend, Refusal) or self.trend.p_value is None:
            return "unknown"
        if self.trend.p_value > self.alpha:
            return "steady"
        told = [one.effect for one in self.stretches if isinstance(one.effect, Effect)]
        return "novelty" if self.trend.value * told[0].value < 0 else "primacy"

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One finding per stretch."""
        return tuple(
            Finding(
                f"What did it do to {self.title} on {one.label}?",
                one.effect if isinstance(one.effect, Refusal) else one.effect.estimate,
                self.metric, (("days", one.label),), Grade.A,
            )
            for one in self.stretches
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "metric": self.metric,
            "kind": self.kind,
            "trend": self.trend.to_dict(),
            "stretches": [
                {"first_day": one.first, "last_day": one.last, "effect": one.effect.to_dict()} for one in self.stretches
            ],
        }


def over_time(
    reading: Reading,
    values: Vector,
    covariance: NDArray[np.float64],
    *,
    edges: Sequence[int],
    n: int,
    unit: str,
    alpha: float = 0.05,
    cap: float | None = None,
) -> OverTime:
    """Test an effect for a trend over the days since exposure.

    The stretches' effects are those of the same units, so they vary together: the line through them is fitted by
    generalised least squares on their joint covariance, over the logarithm of the day.

    Args:
        reading: The metric over all days.
        values: Effect in each stretch, shape (k,), float64.
        covariance: Their sampling covariance, shape (k, k).
        edges: Days between stretches, shape (k - 1,).
        n: Units of both arms.
        unit: The metric's unit.
        alpha: Error of the test.
        cap: Share at whose quantile of units amounts were capped; None = not. It is told beside the method.

    Returns:
        The effects, each at level 1 - alpha, and the trend.

    Source:
        Aitken (1935): ``b = (X' V^-1 X)^-1 X' V^-1 d`` with variance ``(X' V^-1 X)^-1``.
    """
    stretches = []
    starts = (0, *edges)
    how = "delta method" if cap is None else f"delta method, capped by the {cap:.1%} quantile of both arms"
    for i, value in enumerate(values):
        error = math.sqrt(max(float(covariance[i, i]), 0.0))
        alike = f"no unit differs from another in these days{'' if cap is None else ', as amounts are capped'}"
        found: Effect | Refusal = Refusal(Reason.NO_VARIATION, alike)
        if error > 0:
            found = effect(float(value), error, freedom=n - 2, level=1 - alpha, unit=unit, n=n, method=how)
        stretches.append(Stretch(starts[i], edges[i] - 1 if i < len(edges) else None, found))
    trend: Effect | Refusal
    told = sum(not isinstance(one.effect, Refusal) for one in stretches)
    if told < 3:
        detail = f"{told} of {len(values)} stretches of days have an effect; 3 are needed"
        trend = Refusal(Reason.TOO_FEW_UNITS, detail, "Run longer.")
    else:
        slope, error = _line(values, covariance, starts)
        how = "generalised least squares over the logarithm of days"
        trend = effect(slope, error, freedom=n - 2, level=1 - alpha, unit=unit, n=n, method=how)
    return OverTime(reading.metric, reading.title, reading.better, tuple(stretches), trend, alpha)


def _line(values: Vector, covariance: NDArray[np.float64], starts: Sequence[int]) -> tuple[float, float]:
    """Fit the line: its rise from the first stretch to the last, and the standard error of that."""
    k = len(values)
    place = np.log1p(np.asarray(starts, dtype=np.float64))
    place = place / place[-1]
    design = np.column_stack([np.ones(k), place])
    weight = np.linalg.pinv(covariance, rcond=1e-12, hermitian=True)
    spread = np.linalg.inv(design.T @ weight @ design)
    return float((spread @ design.T @ weight @ values)[1]), math.sqrt(float(spread[1, 1]))
