"""`Effect`: what a treatment did, with its interval and the one p-value that belongs to it."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from metricstack.core.errors import InvalidInput
from metricstack.core.show import Shown
from metricstack.core.values import Check, Estimate, Finding
from metricstack.numerics.intervals import check_level, t_quantile
from metricstack.numerics.multiplicity import p_value

__all__ = ["Effect", "Estimated", "Headed", "effect"]


class Estimated(Shown):
    """What is an estimate and more: its numbers at hand, and a finding."""

    __slots__ = ()

    estimate: Estimate
    checks: tuple[Check, ...] = ()

    @property
    def value(self) -> float:
        """The estimate's value."""
        return self.estimate.value

    @property
    def low(self) -> float | None:
        """Lower bound of its interval."""
        return self.estimate.low

    @property
    def high(self) -> float | None:
        """Upper bound of its interval."""
        return self.estimate.high

    @property
    def n(self) -> int:
        """How many observations it stands on."""
        return self.estimate.n

    @property
    def unit(self) -> str:
        """Its unit."""
        return self.estimate.unit

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The estimate as a finding."""
        return (Finding(question="", answer=self.estimate, checks=self.checks),)


@dataclass(frozen=True, slots=True)
class Effect(Estimated):
    """An effect with its test.

    Args:
        estimate: The effect, its interval, unit, n and method.
        p_value: Two-sided p-value of no effect, a fraction; None where the method has none.
        standard_error: In the estimate's unit; None where the interval comes from no single one.
        freedom: Degrees of freedom, ``inf`` for the normal.
        checks: What was met on the way.

    Raises:
        InvalidInput: a p-value outside [0, 1], or a negative standard error.
    """

    estimate: Estimate
    p_value: float | None = None
    standard_error: float | None = None
    freedom: float = math.inf
    checks: tuple[Check, ...] = ()

    def __post_init__(self) -> None:
        if self.p_value is not None and not 0 <= self.p_value <= 1:
            raise InvalidInput(f"The p-value {self.p_value} is outside [0, 1].")
        if self.standard_error is not None and not self.standard_error >= 0:
            raise InvalidInput(f"The standard error {self.standard_error} is below 0.")

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values: those of the estimate, and the test's."""
        freedom = self.freedom if math.isfinite(self.freedom) else None
        return self.estimate.to_dict() | {
            "p_value": self.p_value, "standard_error": self.standard_error, "freedom": freedom,
            "checks": [check.to_dict() for check in self.checks],
        }  # fmt: skip


class Headed(Shown):
    """What has an ``effect`` at its head, and more: that effect's numbers at hand."""

    __slots__ = ()

    if TYPE_CHECKING:  # a field of the one, a property of the other

        @property
        def effect(self) -> Effect:
            """The effect."""

    @property
    def estimate(self) -> Estimate:
        """The effect's estimate."""
        return self.effect.estimate

    @property
    def value(self) -> float:
        """The effect."""
        return self.effect.value

    @property
    def low(self) -> float | None:
        """Lower bound of its interval."""
        return self.effect.low

    @property
    def high(self) -> float | None:
        """Upper bound of its interval."""
        return self.effect.high

    @property
    def p_value(self) -> float | None:
        """Two-sided p-value of no effect."""
        return self.effect.p_value

    @property
    def standard_error(self) -> float | None:
        """Its standard error; None where the interval comes from no single one."""
        return self.effect.standard_error

    @property
    def unit(self) -> str:
        """Its unit."""
        return self.effect.unit


def effect(
    value: float,
    error: float,
    *,
    freedom: float = math.inf,
    level: float = 0.95,
    unit: str = "1",
    n: int,
    method: str,
    checks: tuple[Check, ...] = (),
) -> Effect:
    """Build the effect whose interval is symmetric: value ± t × standard error.

    Args:
        value: The effect.
        error: Its standard error.
        freedom: Degrees of freedom, ``inf`` for the normal.
        level: Confidence level, a fraction in (0, 1).
        unit: Unit of the effect.
        n: Units of both arms.
        method: How it was computed, in a few words.
        checks: What was met on the way.

    Example:
        >>> found = effect(1.0, 0.5, freedom=10, n=12, method="Welch")
        >>> round(found.low, 4), round(found.high, 4), round(found.p_value, 4)
        (-0.1141, 2.1141, 0.0734)
    """
    reach = t_quantile(check_level(level), freedom) * error
    estimate = Estimate(value, unit, n, method, value - reach, value + reach, level)
    return Effect(estimate, p_value(value, error, freedom), error, freedom, checks)
