"""From evidence to a verdict on one edge: the best rung that stands decides, and no two rungs are averaged.

A weaker rung that disagrees is no vote against a stronger one. It is a conflict with a name, since that is where the
weaker way of knowing goes wrong in this company.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from metricstack.core.show import Shown
from metricstack.core.values import Finding, Grade, Reason, Refusal
from metricstack.experiments.effect import Effect
from metricstack.linkage.direction import DirectionAudit, audited
from metricstack.linkage.evidence import Evidence, Rung
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.names import RUNGS
from metricstack.linkage.next_steps import Settling, next_step, settling
from metricstack.linkage.sizes import size_of, smallest_of

__all__ = ["Conflict", "Edge", "EdgeVerdict", "best_standing", "judge"]


class EdgeVerdict(StrEnum):
    """What the evidence says of the sign and size that were expected."""

    SUPPORTS = "supports"
    """The effect has the expected sign, and may be as large as matters."""
    CONTRADICTS = "contradicts"
    """An effect of the expected sign that matters is excluded."""
    INCONCLUSIVE = "inconclusive"
    """Neither."""
    REFUSED = "refused"
    """No rung stands."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two rungs that cannot both be right.

    Args:
        higher: The stronger rung.
        lower: The weaker one.
        signs: They have opposite signs, each beyond chance; False = the same sign or none, and sizes that exclude
            each other.
        detail: What each says, and what is suspected.
    """

    higher: Rung
    lower: Rung
    signs: bool
    detail: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"higher": str(self.higher), "lower": str(self.lower), "signs": self.signs, "detail": self.detail}


@dataclass(frozen=True)
class Edge(Shown):
    """One edge of the map: what was expected, what each rung said, and the verdict.

    Args:
        hypothesis: What was declared.
        evidence: What the rungs said, the strongest first; also those that do not stand.
        best: The rung that decides; None where none stands.
        estimate: Its effect of one step, its interval adjusted for all edges; or why there is none.
        verdict: Of the expected sign and size.
        is_strong: It supports, and even the near end of the interval is as large as matters.
        is_immaterial: It has the expected sign beyond chance, and is smaller than what matters.
        conflicts: Weaker rungs that disagree with the one that decides.
        settling: What would settle an inconclusive verdict; None where it is settled, or cannot be said.
        reason: The verdict in one sentence, with its numbers.
        next_step: The cheapest thing to do next.
        p_adjusted: P-value of no effect, adjusted for all edges; None where none stands.
    """

    hypothesis: Hypothesis
    evidence: tuple[Evidence, ...]
    best: Evidence | None
    estimate: Effect | Refusal
    verdict: EdgeVerdict
    is_strong: bool
    is_immaterial: bool
    conflicts: tuple[Conflict, ...]
    settling: Settling | None
    reason: str
    next_step: str
    p_adjusted: float | None = None

    @property
    def cause(self) -> str:
        """Metric that moves."""
        return self.hypothesis.cause

    @property
    def effect(self) -> str:
        """Metric that it acts on."""
        return self.hypothesis.effect

    @property
    def key(self) -> str:
        """How the edge is called."""
        return self.hypothesis.key

    @property
    def grade(self) -> Grade:
        """Grade of the rung that decides."""
        return Grade.NONE if self.best is None else self.best.grade

    @property
    def wording(self) -> str:
        """The strongest words that the evidence bears; empty where none stands."""
        return "" if self.best is None else self.best.wording

    @property
    def direction(self) -> DirectionAudit:
        """Which way round it is: what speaks for and against cause → effect, effect → cause, and a common driver."""
        level = self.estimate.estimate.level if isinstance(self.estimate, Effect) else None
        return audited(self.hypothesis, self.evidence, level=level or 0.95)

    @property
    def finding(self) -> Finding:
        """The edge as a finding."""
        best = self.best
        question = f"What {self.hypothesis.step_name} does to {self.effect}"
        if best is None:
            assert isinstance(self.estimate, Refusal)
            return Finding(question, self.estimate, self.key, grade=Grade.NONE)
        assert isinstance(self.estimate, Effect)
        return Finding(
            question, self.estimate.estimate, self.key, grade=self.grade,
            checks=tuple(one.check for one in best.diagnostics),
            assumptions=tuple(f"{one.name} ({one.status})" for one in best.assumptions), provenance=best.provenance,
        )  # fmt: skip

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The edge as the one finding that it is."""
        return (self.finding,)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, complete enough to compare with the next quarter."""
        found = self.estimate if isinstance(self.estimate, Effect) else None
        told = {} if found is None else found.estimate.to_dict()
        return {
            "cause": self.cause, "effect": self.effect, "grade": str(self.grade), "verdict": str(self.verdict),
            "strong": self.is_strong, "immaterial": self.is_immaterial, "wording": self.wording,
            "estimate": told.get("value"), "low": told.get("low"), "high": told.get("high"),
            "level": told.get("level"), "p_adjusted": self.p_adjusted,
            "scale": {
                "step": self.hypothesis.step, "step_name": self.hypothesis.step_name, "unit": told.get("unit"),
                "expected_sign": self.hypothesis.expected_sign, "smallest_effect": self.hypothesis.smallest_effect,
            },
            "rung": None if self.best is None else str(self.best.rung),
            "refusal": self.estimate.to_dict() if isinstance(self.estimate, Refusal) else None,
            "evidence": [one.to_dict() for one in self.evidence],
            "conflicts": [one.to_dict() for one in self.conflicts], "direction": self.direction.to_dict(),
            "reason": self.reason,
            "settling": None if self.settling is None else self.settling.to_dict(), "next_step": self.next_step,
        }  # fmt: skip


def best_standing(evidence: Sequence[Evidence]) -> Evidence | None:
    """Return the strongest rung that stands; of the same rung the one on more observations, whatever it says."""
    standing = [one for one in evidence if one.stands]
    return min(standing, key=lambda one: (*one.place, -one.n, one.method)) if standing else None


def judge(
    hypothesis: Hypothesis, evidence: Sequence[Evidence], *, level: float = 0.95, p_adjusted: float | None = None
) -> Edge:
    """Judge one edge by its best standing rung.

    With s the expected sign and [low, high] the interval of s × effect of one step: it supports where low > 0 and high
    reaches the smallest effect that matters; it contradicts where high stays below that; else it is inconclusive.

    Args:
        hypothesis: What was declared.
        evidence: What the rungs said, in any order.
        level: Level of the intervals, adjusted for all edges of a map.
        p_adjusted: The edge's p-value, adjusted for all edges; only to be told.

    Example:
        >>> from metricstack.experiments.effect import effect
        >>> edge = Hypothesis("relevance", "conversion_rate", 0.05, +1, 0.005, effect_unit="fraction")
        >>> found = effect(0.008, 0.001, unit="fraction", n=66, method="portfolio of tests")
        >>> judged = judge(edge, [Evidence(Rung.PORTFOLIO, "portfolio of tests", found, 66)])
        >>> str(judged.verdict), judged.is_strong, judged.wording
        ('supports', True, 'reliably moves')
    """
    ladder = tuple(sorted(evidence, key=lambda one: (*one.place, -one.n, one.method)))
    best = best_standing(ladder)
    if best is None:
        refusal = _none_stands(ladder)
        return Edge(
            hypothesis, ladder, None, refusal, EdgeVerdict.REFUSED, is_strong=False, is_immaterial=False, conflicts=(),
            settling=None, reason=f"No rung stands: {refusal.detail}.", next_step=next_step(hypothesis, ladder, None),
        )  # fmt: skip
    found = best.at(level)
    assert isinstance(found, Effect)
    low, high = _signed(found, hypothesis.expected_sign)
    smallest = hypothesis.smallest_effect
    verdict = EdgeVerdict.INCONCLUSIVE
    if high < smallest:
        verdict = EdgeVerdict.CONTRADICTS
    elif low > 0:
        verdict = EdgeVerdict.SUPPORTS
    strong = verdict is EdgeVerdict.SUPPORTS and low >= smallest
    immaterial = verdict is EdgeVerdict.CONTRADICTS and low > 0
    conflicts = _conflicts(best, ladder, level)
    open_still = settling(hypothesis, best, found) if verdict is EdgeVerdict.INCONCLUSIVE else None
    reason = _reason(hypothesis, best, found, verdict, strong=strong)
    todo = next_step(hypothesis, ladder, best, settled=verdict is not EdgeVerdict.INCONCLUSIVE, needed=open_still,
                     disputed=bool(conflicts))  # fmt: skip
    return Edge(
        hypothesis, ladder, best, found, verdict, strong, immaterial, conflicts, open_still, reason, todo, p_adjusted
    )


def _signed(found: Effect, sign: int) -> tuple[float, float]:
    """The interval in the expected direction; without an interval nothing is excluded."""
    low = -math.inf if found.low is None else found.low
    high = math.inf if found.high is None else found.high
    return (low, high) if sign > 0 else (-high, -low)


def _none_stands(ladder: Sequence[Evidence]) -> Refusal:
    if not ladder:
        return Refusal(Reason.NO_DATA, "no rung was tried", "Link the workspace.")
    first = ladder[0]
    if isinstance(first.estimate, Refusal):
        more = len(ladder) - 1
        others = f", and {more} weaker rung{'s do' if more > 1 else ' does'} not stand either" if more else ""
        return Refusal(first.estimate.reason, f"{first.estimate.detail.rstrip('.')}{others}", first.estimate.remedy)
    failed = first.failed[0]
    return Refusal(Reason.UNSTABLE, f"{first.method} fails its check {failed.name} ({failed.detail})", "See next step.")


def _conflicts(best: Evidence, ladder: Sequence[Evidence], level: float) -> tuple[Conflict, ...]:
    found = best.at(level)
    assert isinstance(found, Effect)
    conflicts = []
    for other in ladder:
        if other is best or not other.stands:
            continue
        told = other.at(level)
        assert isinstance(told, Effect)
        one, two = _signed(found, 1), _signed(told, 1)
        opposite = (one[0] > 0 and two[1] < 0) or (one[1] < 0 and two[0] > 0)
        apart = one[0] > two[1] or two[0] > one[1]
        if not (opposite or apart):
            continue
        say = _direction if opposite else size_of
        names = _speakers(other, best)
        pair = ", ".join(f"{name} {say(said)}" for name, said in zip(names, (told, found), strict=True))
        why = _suspicion(best, other)
        if best.grade is other.grade and not opposite:
            why = _sizes_differ(found, told)
        conflicts.append(Conflict(best.rung, other.rung, opposite, f"{pair}: {why}"))
    return tuple(conflicts)


def _speakers(one: Evidence, two: Evidence) -> list[str]:
    """Name two that disagree, each with its verb: by their kind, of one kind by rung, of one rung by method."""
    names = [one.speaker, two.speaker]
    if one.speaker == two.speaker:
        names = [RUNGS[each.rung].lower() for each in (one, two)]
    if one.rung is two.rung:
        names = [f"{name} ({each.method})" for name, each in zip(names, (one, two), strict=True)]
    return [f"{name} {'say' if name.endswith('experiments') else 'says'}" for name in names]


def _suspicion(best: Evidence, other: Evidence) -> str:
    if best.grade is other.grade:
        return "one of them breaks an assumption"
    if other.grade in (Grade.C, Grade.D) and best.grade in (Grade.A, Grade.B):
        return "confounding suspected"
    if other.grade is Grade.B:
        return "an assumption of the quasi-experiment is suspected, or the effect differs where it was seen"
    if best.rung.grade is Grade.A:  # randomised, and capped
        return "what the tests moved along, or confounding of the telemetry, is suspected"
    return "confounding by what was adjusted for"


def _sizes_differ(one: Effect, two: Effect) -> str:
    """Say how far two sizes that exclude each other are apart; of one that may be none, no number of times."""
    ends = [_signed(found, 1) for found in (one, two)]
    if all(low > 0 for low, _ in ends) or all(high < 0 for _, high in ends):
        times = max(abs(one.value), abs(two.value)) / min(abs(one.value), abs(two.value))
        told = f"{times:,.{1 if times < 10 else 0}f} times"
        return f"of one sign, but one is {told} the other, and their intervals do not overlap"
    return "one of them may be none, and their intervals do not overlap"


def _direction(found: Effect) -> str:
    return "up" if found.value > 0 else "down"


_SENTENCES = {
    "reliably moves": "{step} reliably moves {effect}",
    "moves, as these tests moved it": "{step}, as these tests moved it, moves {effect}",
    "caused by this change": "A change that moved {cause} caused {effect} to move, for {step}",
    "consistent with an effect": "What was seen is consistent with an effect of {step} on {effect}",
    "associated after adjusting": "{step} is associated, after adjusting, with a move of {effect}",
    "moved together in one test": "{step} and {effect} moved together in one test",
    "moved together in these tests": "{step} and {effect} moved together in the tests",
    "precedes": "{step} precedes a move of {effect}",
    "moves with": "{step} goes with a move of {effect}",
}


def _reason(hypothesis: Hypothesis, best: Evidence, found: Effect, verdict: EdgeVerdict, *, strong: bool) -> str:
    low, high = _signed(found, hypothesis.expected_sign)
    smallest = smallest_of(hypothesis.smallest_effect, found.unit)
    size = f"by {size_of(found, bounds=True)}"
    if verdict is EdgeVerdict.SUPPORTS:
        says = _SENTENCES[best.wording].format(
            cause=hypothesis.cause, step=hypothesis.step_name, effect=hypothesis.effect
        )
        last = (
            f"at least {smallest}, the smallest that matters"
            if strong
            else f"which may reach the {smallest} that matter"
        )
        return f"{says} {size}, {last}."
    where = f"{hypothesis.step_name} on {hypothesis.effect}: {size.removeprefix('by ')}"
    if verdict is EdgeVerdict.CONTRADICTS and low > 0:
        return f"Real but immaterial, {where}, below the {smallest} that matter."
    if verdict is EdgeVerdict.CONTRADICTS and high < 0:
        return f"The opposite of what was expected, {where}."
    if verdict is EdgeVerdict.CONTRADICTS:
        return f"An effect that matters ({smallest}) is excluded, {where}."
    return f"Undecided, {where}; it may be none, and it may be the {smallest} that matter."
