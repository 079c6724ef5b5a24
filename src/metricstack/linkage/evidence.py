"""Evidence for one edge: what one rung of the ladder said, on what it rests, and whether it stands.

Every rung gives its size on one scale, the effect of one named step of the cause, so that rungs can be compared. A
rung whose required diagnostic fails does not stand, and stays visible.
"""

import math
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

from metricstack.core.errors import InvalidInput
from metricstack.core.show import Shown
from metricstack.core.values import Answer, Check, Estimate, Finding, Grade, Provenance, Refusal
from metricstack.core.windows import Window
from metricstack.experiments.effect import Effect, effect
from metricstack.numerics.intervals import check_level, t_quantile

__all__ = [
    "INDIRECT_SHARE",
    "MEASURED_APART",
    "Assumption",
    "Diagnostic",
    "Evidence",
    "Relevelled",
    "Rung",
    "Sensitivity",
    "Status",
    "scaled",
]

INDIRECT_SHARE = "indirect_share"
"""How a sensitivity that tells of a mediator is called, before the mediator's name."""
MEASURED_APART = "Cause and effect are measured apart."
"""The assumption that fails where one column says both."""


class Rung(StrEnum):
    """A way of knowing, from the strongest to the weakest."""

    PORTFOLIO = "portfolio"
    """Many A/B tests, effect on effect."""
    SINGLE_TEST = "single_test"
    """One A/B test that moved both."""
    ROLLOUT = "staged_rollout"
    """Difference-in-differences over units that changed at different times."""
    INSTRUMENT = "instrument"
    """A source of variation that reaches the effect through the cause alone."""
    SYNTHETIC_CONTROL = "synthetic_control"
    """A unit that changed against a mixture of units that did not."""
    INTERRUPTED = "interrupted_series"
    """A series before and after a change, with a control."""
    PANEL = "panel"
    """Units over time, fixed unit and common time effects removed, stated confounders adjusted for."""
    LEAD_LAG = "lead_lag"
    """The cause's movements before the effect's, both series prewhitened."""
    ASSOCIATION = "association"
    """Moving together, for as many independent observations as there are."""

    @property
    def grade(self) -> Grade:
        """How strong its evidence is, where it stands."""
        return _GRADES[self]

    @property
    def place(self) -> int:
        """Its place on the ladder, 0 the highest."""
        return list(Rung).index(self)

    @property
    def speaker(self) -> str:
        """What speaks: experiments, quasi-experiments, adjusted telemetry, telemetry."""
        return _SPEAKERS[self.grade]

    @property
    def counted(self) -> str:
        """What its n counts."""
        return _COUNTED.get(self, "days")


_GRADES = {
    Rung.PORTFOLIO: Grade.A, Rung.SINGLE_TEST: Grade.A, Rung.ROLLOUT: Grade.B, Rung.SYNTHETIC_CONTROL: Grade.B,
    Rung.INTERRUPTED: Grade.B, Rung.INSTRUMENT: Grade.B, Rung.PANEL: Grade.C, Rung.LEAD_LAG: Grade.D,
    Rung.ASSOCIATION: Grade.D,
}  # fmt: skip
_SPEAKERS = {
    Grade.A: "experiments", Grade.B: "quasi-experiments", Grade.C: "adjusted telemetry", Grade.D: "telemetry",
}  # fmt: skip
_COUNTED = {
    Rung.PORTFOLIO: "tests", Rung.SINGLE_TEST: "units", Rung.ROLLOUT: "units", Rung.PANEL: "units",
    Rung.INSTRUMENT: "observations", Rung.SYNTHETIC_CONTROL: "units",
}  # fmt: skip


class Status(StrEnum):
    """What is known of an assumption."""

    HELD = "held"
    """By design, or tested and not rejected."""
    FAILED = "failed"
    """The data speak against it."""
    UNTESTED = "untested"
    """Nothing here can tell."""


@dataclass(frozen=True, slots=True)
class Assumption:
    """What must be true for a size to be an effect.

    Args:
        name: A sentence that is true or not.
        status: What is known of it.
        detail: How it is known, or why it cannot be.
    """

    name: str
    status: Status
    detail: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"name": self.name, "status": str(self.status), "detail": self.detail}


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A check of a rung.

    Args:
        check: What was tested, and what came out.
        required: The rung does not stand where it fails.
    """

    check: Check
    required: bool = False

    @property
    def fells(self) -> bool:
        """True where it is required and failed."""
        return self.required and self.check.passed is False

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return self.check.to_dict() | {"required": self.required}


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """How a size would change were something else true.

    Args:
        name: What was varied: a hidden confounder, a placebo, one unit left out.
        answer: The number; None where words say it.
        detail: In words.
    """

    name: str
    answer: Answer | None = None
    detail: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        answer = None if self.answer is None else self.answer.to_dict()
        return {"name": self.name, "answer": answer, "detail": self.detail}


class Relevelled(Protocol):
    """What can give its effect with an interval of any level."""

    def at(self, level: float) -> Effect:
        """Return the effect with an interval of this level."""
        ...


@dataclass(frozen=True)
class Evidence(Shown):
    """What one rung says of one edge.

    Args:
        rung: The way of knowing.
        method: How it was computed, in a few words.
        estimate: The effect of one named step of the cause, in the effect metric's unit; or why there is none.
        n: What it stands on, counted as ``rung.counted`` says.
        effective_n: As many independent observations as that is worth; None where n says it.
        assumptions: What must be true for it to be an effect.
        diagnostics: What was checked; where a required one failed, it does not stand.
        sensitivity: What would change it.
        window: The instants that it is about.
        provenance: Where it came from.
        exclusion: Why the change of a single test reaches the effect through the cause alone; empty = not claimed, and
            the test then says no more of the edge than association.
        entangled: Other causes that the tests of a portfolio moved along and do not tell from this one; what they say
            is then of these causes together, and no more of the edge than association.
        intervals: Gives intervals of any level, for effects whose interval has no one standard error.

    Raises:
        InvalidInput: an exclusion note on a rung that is no single test, entangled causes on one that is no
            portfolio, or n below 0.
    """

    rung: Rung
    method: str
    estimate: Effect | Refusal
    n: int
    effective_n: float | None = None
    assumptions: tuple[Assumption, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    sensitivity: tuple[Sensitivity, ...] = ()
    window: Window | None = None
    provenance: Provenance = field(default_factory=Provenance)
    exclusion: str = ""
    entangled: tuple[str, ...] = ()
    intervals: Relevelled | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.exclusion and self.rung is not Rung.SINGLE_TEST:
            raise InvalidInput(f"An exclusion note belongs to a single test; this is a {self.rung}.")
        if self.entangled and self.rung is not Rung.PORTFOLIO:
            raise InvalidInput(f"Tests entangle causes in a portfolio; this is a {self.rung}.")
        if self.n < 0:
            raise InvalidInput(f"Evidence stands on 0 or more; got n = {self.n}.")

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the rung says as a finding; its grade is none where it does not stand."""
        answer = self.estimate if isinstance(self.estimate, Refusal) else self.estimate.estimate
        return (
            Finding(
                f"What does {str(self.rung).replace('_', ' ')} say?", answer,
                grade=self.grade if self.stands else Grade.NONE, checks=tuple(one.check for one in self.diagnostics),
                assumptions=tuple(f"{one.name} ({one.status})" for one in self.assumptions), provenance=self.provenance,
            ),
        )  # fmt: skip

    @property
    def failed(self) -> tuple[Check, ...]:
        """The required diagnostics that failed."""
        return tuple(one.check for one in self.diagnostics if one.fells)

    @property
    def shares(self) -> tuple[Sensitivity, ...]:
        """What is said of declared mediators: how much of the effect goes through each."""
        return tuple(one for one in self.sensitivity if one.name.partition(":")[0] == INDIRECT_SHARE)

    @property
    def stands(self) -> bool:
        """True where there is an effect and no required diagnostic failed."""
        return isinstance(self.estimate, Effect) and not self.failed

    @property
    def is_capped(self) -> bool:
        """True for tests that are about their changes, and no proof of the edge: what else these moved may be it."""
        return bool(self.entangled) or (self.rung is Rung.SINGLE_TEST and not self.exclusion)

    @property
    def grade(self) -> Grade:
        """How strong it is for the edge, were it to stand."""
        return Grade.C if self.is_capped else self.rung.grade

    @property
    def speaker(self) -> str:
        """What speaks."""
        return "one experiment" if self.rung is Rung.SINGLE_TEST else self.rung.speaker

    @property
    def wording(self) -> str:
        """The strongest words that it bears; cause and effect only of a randomised change."""
        if self.is_capped:
            return "moved together in one test" if self.rung is Rung.SINGLE_TEST else "moved together in these tests"
        if self.rung is Rung.SINGLE_TEST:
            return "caused by this change"
        if self.rung is Rung.LEAD_LAG:
            return "precedes"
        if self.rung is Rung.PORTFOLIO and self.doubts:
            return "moves, as these tests moved it"
        return _WORDING[self.grade]

    @property
    def doubts(self) -> tuple[str, ...]:
        """What it takes as given and is seen not to be so."""
        return tuple(one.detail or one.name for one in self.assumptions if one.status is Status.FAILED)

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands on the ladder: by grade, then by rung; a capped single test last of its grade."""
        last = self.is_capped and self.rung is Rung.SINGLE_TEST
        return "ABCD".index(self.grade), len(Rung) if last else self.rung.place

    def at(self, level: float) -> Effect | Refusal:
        """Return the effect with an interval of another level.

        Without a standard error, and without something that gives intervals, both sides of the interval are stretched
        as Student's t would be: near enough where it is nearly symmetric.
        """
        check_level(level)
        if isinstance(self.estimate, Refusal):
            return self.estimate
        if self.intervals is not None:
            return self.intervals.at(level)
        return _stretched(self.estimate, level)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "rung": str(self.rung), "grade": str(self.grade), "method": self.method, "stands": self.stands,
            "wording": self.wording, "estimate": self.estimate.to_dict(), "n": self.n, "counted": self.rung.counted,
            "effective_n": self.effective_n, "exclusion": self.exclusion, "entangled": list(self.entangled),
            "assumptions": [one.to_dict() for one in self.assumptions],
            "diagnostics": [one.to_dict() for one in self.diagnostics],
            "sensitivity": [one.to_dict() for one in self.sensitivity], "provenance": self.provenance.to_dict(),
            "window": None if self.window is None
            else {"start": self.window.start.isoformat(), "end": self.window.end.isoformat()},
        }  # fmt: skip


_WORDING = {
    Grade.A: "reliably moves", Grade.B: "consistent with an effect", Grade.C: "associated after adjusting",
    Grade.D: "moves with",
}  # fmt: skip


def _stretched(found: Effect, level: float) -> Effect:
    known = found.estimate
    if known.level is None or known.low is None or known.high is None or level == known.level:
        return found
    if found.standard_error is not None:
        return replace(
            effect(
                found.value, found.standard_error, freedom=found.freedom, level=level, unit=found.unit, n=found.n,
                method=known.method, checks=found.checks,
            ),
            p_value=found.p_value,
        )  # fmt: skip
    by = t_quantile(level, found.freedom) / t_quantile(known.level, found.freedom)
    low, high = (known.value + by * (bound - known.value) for bound in (known.low, known.high))
    return replace(found, estimate=replace(known, low=low, high=high, level=level, parts=()))


def scaled(found: Effect, factor: float, *, unit: str) -> Effect:
    """Multiply an effect: from one unit of the cause to one named step.

    Args:
        found: The effect of one unit.
        factor: The step, in the cause's unit, not 0; negative turns the interval about.
        unit: Unit of the result.

    Example:
        >>> one = effect(2.0, 0.5, n=10, method="slope")
        >>> half = scaled(one, -0.5, unit="fraction")
        >>> half.value, half.standard_error, round(half.low, 2), round(half.high, 2)
        (-1.0, 0.25, -1.49, -0.51)
    """
    if factor == 0 or not math.isfinite(factor):
        raise InvalidInput(f"The step {factor} is not a number other than 0.")
    known = found.estimate
    low, high = known.low, known.high
    if low is not None and high is not None:
        low, high = sorted((low * factor, high * factor))
    parts = tuple(sorted((min(a * factor, b * factor), max(a * factor, b * factor)) for a, b in known.parts))
    estimate = Estimate(known.value * factor, unit, known.n, known.method, low, high, known.level, parts)
    error = None if found.standard_error is None else found.standard_error * abs(factor)
    return replace(found, estimate=estimate, standard_error=error)
