"""`Adjusted`: an effect made sharper by what was known before, beside the plain one and by how much it gained."""

import math
from dataclasses import dataclass, replace
from typing import Any

from metricstack.core.values import Refusal
from metricstack.experiments.arms import Arms
from metricstack.experiments.effect import Effect
from metricstack.experiments.lift import LiftMethod, difference_of, lift_of

__all__ = ["Adjusted", "adjusted_of"]


@dataclass(frozen=True, slots=True)
class Adjusted(Effect):
    """An adjusted effect.

    Args:
        variance_reduction: The part of the plain difference's variance that the adjustment removed, a fraction;
            below 0 where it added some.
        plain: The effect without adjustment; None where it cannot be given.
        coefficients: Name of a covariate → how much of it was taken off; empty for strata, and for separate
            regressions that of the control before that of the treatment.
    """

    variance_reduction: float = 0.0
    plain: Effect | None = None
    coefficients: tuple[tuple[str, float], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return Effect.to_dict(self) | {
            "variance_reduction": self.variance_reduction,
            "plain": None if self.plain is None else self.plain.to_dict(),
            "coefficients": [list(pair) for pair in self.coefficients],
        }


def adjusted_of(
    arms: Arms,
    plain: Arms | Refusal,
    *,
    words: str,
    plain_words: str,
    relative: bool,
    kind: LiftMethod,
    level: float,
    unit: str,
    coefficients: tuple[tuple[str, float], ...] = (),
    checks: tuple[Any, ...] = (),
) -> Adjusted | Refusal:
    """Build the adjusted effect from the adjusted arms and the plain ones.

    Args:
        arms: The adjusted values.
        plain: The plain values.
        words: How the adjusted ones were computed.
        plain_words: How the plain ones were.
        relative: As a fraction of the control's value.
        kind: How a relative interval is made.
        level: Two-sided confidence level, a fraction in (0, 1).
        unit: Unit of the metric.
        coefficients: See `Adjusted`.
        checks: What was met on the way.
    """
    found = [
        side
        if isinstance(side, Refusal)
        else lift_of(side, kind=kind, level=level, method=method)
        if relative
        else difference_of(side, level=level, unit=unit, method=method)
        for side, method in ((arms, words), (plain, plain_words))
    ]
    if isinstance(found[0], Refusal):
        return found[0]
    reduction = 0.0
    if isinstance(plain, Arms) and plain.error > 0:
        reduction = 1 - (arms.error / plain.error) ** 2
    effect = replace(found[0], checks=found[0].checks + checks)
    return Adjusted(
        effect.estimate, effect.p_value, effect.standard_error, effect.freedom, effect.checks,
        variance_reduction=reduction if math.isfinite(reduction) else 0.0,
        plain=None if isinstance(found[1], Refusal) else found[1],
        coefficients=coefficients,
    )  # fmt: skip
