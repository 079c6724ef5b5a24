"""One metric in two arms: what each did, the effect, and what it is for."""

from dataclasses import dataclass
from enum import StrEnum

from metricstack.core.values import Answer, Moments, Refusal
from metricstack.experiments.declaration import Guardrail
from metricstack.experiments.effect import Effect

__all__ = ["Reading", "Role"]


class Role(StrEnum):
    """What a metric is for in an experiment."""

    PRIMARY = "primary"
    """It decides."""
    GUARDRAIL = "guardrail"
    """It must not get worse by more than its margin."""
    SECONDARY = "secondary"
    """It informs, with multiplicity."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One metric in both arms.

    Args:
        metric: Its id.
        title: Its name; with the arm's, where an experiment has several beside control.
        role: What it is for.
        better: ``higher``, ``lower`` or ``neither``.
        arm: The arm that is held against control.
        control: Its moments in control: the value, and the variance of what one unit adds to it; or why not.
        treatment: The same in treatment.
        effect: Treatment - control in the metric's unit; or why it cannot be told.
        relative: The same as a fraction of control.
        guardrail: The margin, of a guardrail.
        p_adjusted: P-value of a secondary metric, adjusted for their number.
        variance_reduction: The part of the variance that covariates took away; None without any.
        everyone: The effect over all assigned units, where it was read on those that reached the changed code.
    """

    metric: str
    title: str
    role: Role
    better: str
    arm: str
    control: Moments | Refusal
    treatment: Moments | Refusal
    effect: Effect | Refusal
    relative: Effect | Refusal
    guardrail: Guardrail | None = None
    p_adjusted: float | None = None
    variance_reduction: float | None = None
    everyone: Effect | Refusal | None = None

    @property
    def answer(self) -> Answer:
        """The effect, as an estimate or a refusal."""
        return self.effect if isinstance(self.effect, Refusal) else self.effect.estimate

    @property
    def gain(self) -> float | None:
        """The relative effect in the direction of good; None where it cannot be told."""
        return None if isinstance(self.relative, Refusal) else self.relative.value * self.sign

    @property
    def sign(self) -> float:
        """1 where more is better, -1 where less is."""
        return -1.0 if self.better == "lower" else 1.0
