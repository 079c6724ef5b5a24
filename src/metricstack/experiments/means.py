"""Temporary."""

import math

from metricstack.core.values import Moments, Refusal
from metricstack.experiments.effect import Effect, effect


def welch(*, control: Moments, treatment: Moments, level: float = 0.95, unit: str = "1") -> Effect | Refusal:
    """Compare."""
    a, b = control.variance / control.n, treatment.variance / treatment.n
    df = (a + b) ** 2 / (a * a / (control.n - 1) + b * b / (treatment.n - 1)) if a + b else math.inf
    return effect(
        treatment.mean - control.mean,
        math.sqrt(a + b),
        freedom=df,
        level=level,
        unit=unit,
        n=control.n + treatment.n,
        method="Welch",
    )


def relative_lift(*, control: Moments, treatment: Moments, level: float = 0.95) -> Effect | Refusal:
    """Compare."""
    r = treatment.mean / control.mean
    se = math.sqrt(
        control.variance / control.n / control.mean**2 * r * r + treatment.variance / treatment.n / control.mean**2
    )
    return effect(r - 1, se, level=level, unit="fraction", n=control.n + treatment.n, method="delta")
