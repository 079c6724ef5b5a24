"""What an experiment showed: each metric's effect, the checks of the split, and the verdict."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from metricstack.core.show import Shown
from metricstack.core.values import Check, Estimate, Finding, Grade, Moments, Provenance, Reason, Refusal
from metricstack.experiments.declaration import Declaration
from metricstack.experiments.effect import Effect
from metricstack.experiments.futility import Futility, futility_of
from metricstack.experiments.over_time import OverTime
from metricstack.experiments.reading import Reading
from metricstack.experiments.segments import Segments

if TYPE_CHECKING:
    from metricstack.experiments.bandits import Allocation

__all__ = ["Decided", "Portfolio", "Readout", "Split", "Verdict"]


class Verdict(StrEnum):
    """What to do; the first that fits, in this order."""

    INVALID = "invalid"
    """The comparison does not hold: nothing can be read from it."""
    ROLLBACK = "rollback"
    """The primary or a guardrail is worse, beyond chance and beyond what is accepted."""
    SHIP = "ship"
    """The primary is better as declared, and every guardrail is kept."""
    HOLD = "hold"
    """It is too early: the planned n is not reached, nor was it given up; or a guardrail is undecided."""
    INCONCLUSIVE = "inconclusive"
    """The planned n is reached, or it was given up for futility, and nothing that matters was decided."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A verdict with the rule that gave it.

    Args:
        verdict: What to do.
        why: The rule that fired, with its numbers, in one sentence.
        more: Further units that are needed, over all arms; None where that is not the question.
    """

    verdict: Verdict
    why: str
    more: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"verdict": str(self.verdict), "why": self.why, "more_units": self.more}


ALONE = Refusal(Reason.NOT_MEASURED, "it is told where an experiment is read alone", "Compare it by its key.")


@dataclass(frozen=True)
class Split(Shown):
    """Whether the comparison holds: its checks, and how units came.

    Args:
        checks: The checks of the comparison.
        arms: The arms, control first.
        by_day: Day of first exposure → arm → units.
    """

    checks: tuple[Check, ...]
    arms: tuple[str, ...]
    by_day: Mapping[date, Mapping[str, int]]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The units of each arm."""
        units = {arm: sum(day.get(arm, 0) for day in self.by_day.values()) for arm in self.arms}
        return tuple(
            Finding(f"How many units has {arm}?", Estimate(n, "count", n, "census"), where=(("arm", arm),))
            for arm, n in units.items()
        )


@dataclass(frozen=True)
class Readout(Shown):
    """One experiment, read.

    Args:
        declaration: What was declared.
        units: Arm → its units.
        readings: The primary first, then guardrails, then secondary metrics.
        checks: Whether the comparison holds: the split, the units, the registration.
        decided: The verdict with its rule.
        provenance: Where it came from.
        segments: The primary by the dimensions that were asked.
        over_time: The primary over the days since exposure; or why it is not told.
        by_day: Day of first exposure → arm → units, as assigned.
    """

    declaration: Declaration
    units: Mapping[str, int]
    readings: tuple[Reading, ...]
    checks: tuple[Check, ...]
    decided: Decided
    provenance: Provenance
    segments: Segments = field(default_factory=Segments)
    over_time: OverTime | Refusal = ALONE
    by_day: Mapping[date, Mapping[str, int]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The experiment's key."""
        return self.declaration.key

    @property
    def verdict(self) -> Verdict:
        """What to do."""
        return self.decided.verdict

    @property
    def primary(self) -> Reading:
        """The metric that decides."""
        return self.readings[0]

    @property
    def futility(self) -> Futility | None:
        """The primary beside its futility bound; None where none was declared, and where it cannot be told."""
        return futility_of(self.declaration, self.primary, sum(self.units.values()))

    @property
    def split(self) -> Split:
        """Whether the comparison holds."""
        return Split(self.checks, self.declaration.arms, self.by_day)

    def allocation(self, *, floor: float = 0.0) -> "Allocation | Refusal":
        """Return the shares that Thompson sampling would give the arms next, by the primary, control first.

        Declare them as a ramp: what comes after is then compared within its own stretch.

        Args:
            floor: Smallest share of an arm, at most 1 / arms.
        """
        from metricstack.experiments.bandits import thompson_allocation

        if self.primary.better == "neither":
            detail = f"{self.primary.title} is neither better higher nor lower: no arm is the best by it"
            return Refusal(Reason.NOT_MEASURED, detail, "Declare a primary that has a good direction.")
        primary = [one for one in self.readings if one.metric == self.primary.metric]
        told = {one.arm: one.treatment for one in primary}
        arms: list[Moments] = []
        for found in (self.primary.control, *(told[arm] for arm in self.declaration.arms[1:])):
            if isinstance(found, Refusal):
                return found
            arms.append(Moments(found.n, found.means * self.primary.sign, found.cross))
        return thompson_allocation(arms=arms, floor=floor)

    @property
    def origin(self) -> dict[str, str]:
        """Where it came from, for a reader: what was declared, when, and what was read."""
        declared = self.declaration
        end = f"{declared.end:%Y-%m-%d}" if declared.end is not None else "still running"
        planned = "" if declared.planned_n is None else f", {declared.planned_n:,} planned {declared.unit}s"
        futility = f", futility at beta {declared.beta:g}" if declared.futility else ""
        registered = "not proven" if declared.registered_at is None else f"{declared.registered_at:%Y-%m-%d %H:%M} UTC"
        return {
            "Hypothesis": declared.hypothesis or "none was stated",
            "Owner": declared.owner or "none was named",
            "Ran": f"{declared.start:%Y-%m-%d} to {end}",
            "Design": f"{str(declared.design).replace('_', ' ')}, alpha {declared.alpha:g}{futility}{planned}",
            "Registered": registered,
            "Declaration": f"{declared.hash} ({declared.origin})",
            "Code": self.provenance.code,
        }

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One finding per metric: of grade A, unless the comparison does not hold."""
        grade = Grade.NONE if self.verdict is Verdict.INVALID else Grade.A
        found = []
        for reading in self.readings:
            checks = () if isinstance(reading.effect, Refusal) else reading.effect.checks
            question = f"What did {self.key} do to {reading.title}?"
            where = (("experiment", self.key), ("role", str(reading.role)))
            found.append(
                Finding(
                    question, reading.answer, reading.metric, where, grade, (*self.checks, *checks), (), self.provenance
                )
            )
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "key": self.key,
            "primary": self.declaration.primary,
            **_numbers(self.primary),
            **self.decided.to_dict(),
            "units": dict(self.units),
            "registered": self.declaration.is_registered,
            "design": str(self.declaration.design),
            "declaration": self.declaration.hash,
            "checks": [check.to_dict() for check in self.checks],
            "metrics": [
                {
                    "metric": one.metric,
                    "role": str(one.role),
                    "arm": one.arm,
                    "relative": _effect(one.relative),
                    "p_adjusted": one.p_adjusted,
                    "variance_reduction": one.variance_reduction,
                    **({} if one.everyone is None else {"everyone": _effect(one.everyone) | _checks(one.everyone)}),
                    **_numbers(one),
                }
                for one in self.readings
            ],
            **({} if (futility := self.futility) is None else {"futility": futility.to_dict()}),
            "segments": [one.to_dict() for one in self.segments],
            "over_time": self.over_time.to_dict(),
        }


@dataclass(frozen=True)
class Portfolio(Shown):
    """Experiments side by side, in the order of their start.

    Args:
        readouts: One per experiment.
        faults: What is wrong with declarations that could not be read, each with its place.
    """

    readouts: tuple[Readout, ...]
    faults: tuple[str, ...] = ()

    def __getitem__(self, key: str) -> Readout:
        from metricstack.core.errors import UnknownName

        for readout in self.readouts:
            if readout.key == key:
                return readout
        raise UnknownName("experiment", key, [readout.key for readout in self.readouts])

    def __len__(self) -> int:
        return len(self.readouts)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The primary's effect of every experiment."""
        return tuple(readout.findings[0] for readout in self.readouts)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"experiments": [readout.to_dict() for readout in self.readouts], "faults": list(self.faults)}


def _numbers(reading: Reading) -> dict[str, Any]:
    return {"effect": None, "low": None, "high": None, "p": None, "unit": None} | _effect(reading.effect)


def _checks(effect: Effect | Refusal) -> dict[str, Any]:
    return {} if isinstance(effect, Refusal) else {"checks": [check.to_dict() for check in effect.checks]}


def _effect(effect: Effect | Refusal) -> dict[str, Any]:
    if isinstance(effect, Refusal):
        return {"reason": str(effect.reason), "detail": effect.detail}
    told: Estimate = effect.estimate
    return {"effect": told.value, "low": told.low, "high": told.high, "p": effect.p_value, "unit": told.unit}
