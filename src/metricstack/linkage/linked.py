"""`Linked`: an effect that knows its cause and outcome, how strong the evidence is, and on what terms."""

from dataclasses import dataclass
from typing import Any, TypeVar

from metricstack.core.values import Finding, Grade
from metricstack.experiments.effect import Effect

__all__ = ["Linked", "linked"]


@dataclass(frozen=True, slots=True)
class Linked(Effect):
    """An effect of a named cause on a named outcome.

    Args:
        estimate: The effect, its interval, unit, n and method.
        p_value: Two-sided p-value of no effect.
        standard_error: In the estimate's unit; None where the interval comes from no single one.
        freedom: Degrees of freedom, ``inf`` for the normal.
        checks: What was tested about it.
        cause: Name of the cause.
        outcome: Name of the outcome.
        grade: Strength of the evidence.
        assumptions: What was taken as given.
    """

    cause: str = ""
    outcome: str = ""
    grade: Grade = Grade.C
    assumptions: tuple[str, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The effect as a finding, with its grade, checks and assumptions."""
        return (
            Finding(
                question=f"How does {self.cause} move {self.outcome}?", answer=self.estimate,
                subject=f"{self.cause} -> {self.outcome}", grade=self.grade, checks=self.checks,
                assumptions=self.assumptions,
            ),
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values: those of the effect, and what it ties."""
        return Effect.to_dict(self) | {
            "cause": self.cause, "outcome": self.outcome, "grade": str(self.grade),
            "assumptions": list(self.assumptions),
        }  # fmt: skip


Kind = TypeVar("Kind", bound=Linked)


def linked(kind: type[Kind], found: Effect, **more: Any) -> Kind:
    """Make a linked effect of this kind from an effect and what is known beside it."""
    checks = more.pop("checks", found.checks)
    return kind(found.estimate, found.p_value, found.standard_error, found.freedom, checks, **more)
