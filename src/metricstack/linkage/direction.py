"""Which way round: the cause moves the effect, the effect the cause, or something moves both.

Nothing here is measured anew. Each rung of an edge, and each test beside it, speaks for or against one of the three;
what is known of a way is what the strongest evidence says of it.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from metricstack.core.show import Seen
from metricstack.core.values import Check, Grade
from metricstack.experiments.effect import Effect
from metricstack.linkage.evidence import Evidence, Rung
from metricstack.linkage.hypothesis import Hypothesis

__all__ = ["Clue", "DirectionAudit", "Says", "Way", "audited"]

_GRADES = tuple(Grade)
_CHANGED = (Grade.A, Grade.B)


class Way(StrEnum):
    """How two metrics may come to move together."""

    FORWARD = "cause_to_effect"
    """The cause moves the effect."""
    BACKWARD = "effect_to_cause"
    """The effect moves the cause."""
    COMMON = "common_driver"
    """Something else moves both."""


class Says(StrEnum):
    """What evidence says of a way."""

    FOR = "for"
    AGAINST = "against"
    OPEN = "open"
    """Nothing, or as much for it as against it."""


@dataclass(frozen=True, slots=True)
class Clue:
    """What one rung, or a test beside it, says of one way.

    Args:
        way: The way.
        says: For it, or against it.
        grade: How strong the evidence is that says so.
        detail: Why.
    """

    way: Way
    says: Says
    grade: Grade
    detail: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"says": str(self.says), "grade": str(self.grade), "detail": self.detail}


@dataclass(frozen=True)
class DirectionAudit(Seen):
    """What is known of the three ways of one edge. They do not exclude one another.

    Args:
        edge: How the edge is called.
        clues: What was found of each way, in the order of the ladder.
    """

    edge: str
    clues: tuple[Clue, ...]

    def of(self, way: Way | str) -> tuple[Clue, ...]:
        """Return what was found of one way, the strongest first."""
        return tuple(sorted((one for one in self.clues if one.way == way), key=lambda one: _GRADES.index(one.grade)))

    def says(self, way: Way | str) -> Says:
        """Return what the strongest evidence says of one way; open where it says both, or there is none."""
        found = {one.says for one in self._strongest(way)}
        return found.pop() if len(found) == 1 else Says.OPEN

    def grade(self, way: Way | str) -> Grade:
        """Return how strong that evidence is; none where there is none."""
        return next((one.grade for one in self._strongest(way)), Grade.NONE)

    def _strongest(self, way: Way | str) -> tuple[Clue, ...]:
        found = self.of(way)
        return tuple(one for one in found if one.grade is found[0].grade)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values: each way with what is said of it, how strong that is, and all that was found."""
        return {
            str(way): {
                "says": str(self.says(way)), "grade": str(self.grade(way)),
                "clues": [one.to_dict() for one in self.of(way)],
            }
            for way in Way
        }  # fmt: skip


def audited(edge: Hypothesis, evidence: Sequence[Evidence], *, level: float = 0.95) -> DirectionAudit:
    """Gather what an edge's evidence says of each way.

    Args:
        edge: What was declared.
        evidence: What the rungs said, the strongest first.
        level: Level of the intervals that say whether something moved: that of the edge's verdict.

    Example:
        >>> from metricstack.experiments.effect import effect
        >>> edge = Hypothesis("relevance", "conversion_rate", 0.05, +1, 0.005)
        >>> tested = Evidence(Rung.PORTFOLIO, "tests", effect(0.0002, 0.0004, n=66, method="m"), 66)
        >>> watched = Evidence(Rung.PANEL, "panel", effect(0.02, 0.004, n=40, method="m"), 40)
        >>> found = audited(edge, [tested, watched])
        >>> str(found.says("cause_to_effect")), str(found.says("common_driver"))
        ('against', 'for')
    """
    standing = [one for one in evidence if one.stands]
    clues = [clue for one in standing for clue in _of_changes(edge, one, _Bounds.of(one, level))]
    clues += _differences(edge, standing, level)
    silent = [one for one in standing if not _Bounds.of(one, level).leaves_out_0]
    for one in evidence:
        checks = (diagnostic.check for diagnostic in one.diagnostics)
        clues += [clue for check in checks for clue in _of_check(one, check, silent=one in silent)]
    return DirectionAudit(edge.key, tuple(dict.fromkeys(clues)))


@dataclass(frozen=True, slots=True)
class _Bounds:
    """The interval of an effect; without one it has no ends."""

    low: float
    high: float

    @classmethod
    def of(cls, one: Evidence, level: float) -> "_Bounds":
        found = one.at(level)
        assert isinstance(found, Effect)
        return cls(-math.inf if found.low is None else found.low, math.inf if found.high is None else found.high)

    @property
    def leaves_out_0(self) -> bool:
        return self.low > 0 or self.high < 0

    def within(self, reach: float) -> bool:
        return -reach < self.low and self.high < reach

    def apart(self, other: "_Bounds") -> bool:
        return self.low > other.high or other.low > self.high


def _of_changes(edge: Hypothesis, one: Evidence, bounds: _Bounds) -> Iterator[Clue]:
    """What changes that moved the cause say: only they show that it acts."""
    changes = f"{one.speaker} that moved {edge.cause}"
    if one.is_capped and bounds.leaves_out_0:
        others = " and ".join(one.entangled)
        told = f"{one.speaker}: {edge.effect} moved with {edge.cause}"
        yield Clue(Way.FORWARD, Says.FOR, Grade.C, told)
        if others:
            yield Clue(Way.COMMON, Says.FOR, Grade.C, f"{told}, and with {others}, which the tests do not tell from it")
    elif one.grade in _CHANGED and bounds.leaves_out_0:
        yield Clue(Way.FORWARD, Says.FOR, one.grade, f"{changes} moved {edge.effect}")
    elif one.grade in _CHANGED and bounds.within(edge.smallest_effect):
        told = f"{changes} left {edge.effect} as it was, within what matters"
        yield Clue(Way.FORWARD, Says.AGAINST, one.grade, told)


def _differences(edge: Hypothesis, standing: Sequence[Evidence], level: float) -> Iterator[Clue]:
    """Hold telemetry against changes: what it has more, or less, than they do, something else has done."""
    changed = next((one for one in standing if one.grade in _CHANGED), None)
    watched = next((one for one in standing if one.rung in (Rung.PANEL, Rung.LEAD_LAG, Rung.ASSOCIATION)), None)
    if changed is None or watched is None:
        return
    one, other = (_Bounds.of(each, level) for each in (changed, watched))
    both = f"{watched.speaker} and {changed.speaker}"
    if one.apart(other):
        told = f"{both} differ on {edge.effect} by more than chance"
        yield Clue(Way.COMMON, Says.FOR, changed.grade, told)
    elif one.leaves_out_0 and other.leaves_out_0:
        # As strong as the weaker of the two: that intervals overlap shows no more than what is watched can.
        yield Clue(Way.COMMON, Says.AGAINST, watched.grade, f"{both} agree: nothing else is needed to explain it")


def _of_check(one: Evidence, check: Check, *, silent: bool) -> Iterator[Clue]:
    """What a test beside a rung says; that an effect stands it says only where one is seen."""
    name, _, about = check.name.partition(":")
    if check.passed is None or name not in _CHECKS or (silent and name == "stands_with_others_held"):
        return
    for way, words in _CHECKS[name][check.passed].items():
        says = Says.FOR if words.startswith("+") else Says.AGAINST
        yield Clue(way, says, one.grade, f"{words[1:].format(about=about.strip())} ({check.detail})")


_CHECKS: dict[str, dict[bool, dict[Way, str]]] = {
    "stands_with_others_held": {
        True: {Way.COMMON: "-it stands with the other causes held that the tests moved"},
        False: {Way.COMMON: "+nothing is left of it with the other causes held that the tests moved"},
    },
    "future_placebo": {
        True: {Way.BACKWARD: "-what comes later of the cause does not go with the effect"},
        False: {
            Way.BACKWARD: "+the effect goes with what comes later of the cause",
            Way.COMMON: "+the effect goes with what comes later of the cause",
        },
    },
    "negative_control": {
        True: {Way.COMMON: "-{about} stays, which the cause cannot move"},
        False: {Way.COMMON: "+{about} moves too, which the cause cannot move"},
    },
    "units_alike": {True: {}, False: {Way.COMMON: "+units that have more of the cause differ from the others"}},
    "cause_first": {
        True: {Way.FORWARD: "+the cause moves first", Way.BACKWARD: "-the cause moves first"},
        False: {Way.FORWARD: "-the effect moves first", Way.BACKWARD: "+the effect moves first"},
    },
}
"""Check → what came out → way → why, with + for it and - against it."""
