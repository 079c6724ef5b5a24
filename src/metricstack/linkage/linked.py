"""`Linked`: an effect that knows its cause and outcome, how strong the evidence is, and on what terms."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from metricstack.core.values import Check, Finding, Grade
from metricstack.experiments.effect import Effect
from metricstack.numerics.clustered import FEW_CLUSTERS

__all__ = ["Linked", "cluster_check", "linked"]

_FEWEST_FREEDOM = 4  # Pustejovsky and Tipton (2018), section 4: below, Satterthwaite's approximation fails


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


def cluster_check(counts: Sequence[int], kind: str, freedom: float) -> Check:
    """Tell how many clusters an interval rests on, and by which variance: passed, informing, or failed.

    Args:
        counts: Clusters of each way of clustering.
        kind: The variance.
        freedom: Its degrees of freedom.

    Example:
        >>> cluster_check([12], "CR2", 8.2)
        Check(name='clusters', passed=None, detail='12 clusters; CR2 with t of 8.2; 30 are asked for')
    """
    told = f"{' and '.join(str(count) for count in counts)} clusters; {kind} with t of {freedom:.1f}"
    if min(counts) >= FEW_CLUSTERS:
        return Check("clusters", passed=True, detail=told)
    passed = None if freedom >= _FEWEST_FREEDOM else False
    return Check("clusters", passed=passed, detail=f"{told}; {FEW_CLUSTERS} are asked for")


Kind = TypeVar("Kind", bound=Linked)


def linked(kind: type[Kind], found: Effect, **more: Any) -> Kind:
    """Make a linked effect of this kind from an effect and what is known beside it."""
    checks = more.pop("checks", found.checks)
    return kind(found.estimate, found.p_value, found.standard_error, found.freedom, checks, **more)
