"""How an answer moved between two periods, and whether that is more than noise.

Two estimates and the direction of good become one `Change`: the difference with its interval and a
verdict in words. Nothing here prints a number; `narrative.changes` does.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist
from typing import Any, Literal

from metricstack.core.errors import InvalidInput
from metricstack.core.show import Shown
from metricstack.core.values import Answer, Estimate, Finding, Reason, Refusal

__all__ = ["Better", "Change", "Verdict", "change"]

Better = Literal["higher", "lower", "neither"]


class Verdict(StrEnum):
    """What happened, for a reader; the value is how it is said."""

    BETTER = "better"
    WORSE = "worse"
    MOVED = "changed"
    UNCLEAR = "no clear change"
    UNKNOWN = "cannot say"


@dataclass(frozen=True, slots=True)
class Change(Shown):
    """One metric in two periods: both answers, their difference and what it means.

    Args:
        before: The answer of the earlier period.
        after: The answer of the later period.
        better: The direction of good: ``"higher"``, ``"lower"``, or ``"neither"`` for a plain volume.
        difference: ``after - before`` in the metric's unit, with its interval; a refusal
            where one of the two is. A difference of shares is a fraction too: say it in points.
        verdict: Better or worse (a volume: changed) only where the difference's interval leaves out 0.
    """

    before: Answer
    after: Answer
    better: Better
    difference: Answer
    verdict: Verdict

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The difference as a finding, so that whatever reads findings reads a change."""
        return (Finding("Difference between the two periods", self.difference, subject="difference"),)

    @property
    def size(self) -> float:
        """How large the move is, free of units, to rank unlike metrics; 0.0 where it cannot be said.

        Shares and scores on the arcsine scale (Cohen's h), so that 99.0 to 99.5 % counts for more
        than 50.0 to 50.5 %; positive amounts as the absolute log ratio; any other as the difference
        over the larger of the two.

        Example:
            >>> def seconds(value: float) -> Estimate:
            ...     return Estimate(value, unit="s", n=9, method="census")
            >>> round(change(seconds(2.0), seconds(1.0), better="lower").size, 3)
            0.693
        """
        if isinstance(self.before, Refusal) or isinstance(self.after, Refusal):
            return 0.0
        x, y = self.before.value, self.after.value
        if self.before.unit in ("fraction", "score") and min(x, y) >= 0 and max(x, y) <= 1:
            return abs(2 * math.asin(math.sqrt(y)) - 2 * math.asin(math.sqrt(x)))
        if x > 0 and y > 0:
            return abs(math.log(y) - math.log(x))
        return abs(y - x) / max(abs(x), abs(y)) if x != y else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "better": self.better,
            "difference": self.difference.to_dict(),
            "verdict": str(self.verdict),
        }


def change(before: Answer, after: Answer, *, better: Better, correlation: float | None = None) -> Change:
    """Compare two answers of one metric and say which way it went.

    The interval of the difference is recovered from the two intervals (see Derivation). On symmetric
    intervals that is the normal approximation; on others (Wilson, quantiles, logs) it keeps their
    asymmetry. A census has no distance: a difference of two is exact. Users that appear in both periods
    make the two answers move together: give their correlation. Without it the periods are taken as
    independent, and users that keep their level make the interval too wide, never too narrow.

    Args:
        before: Answer of the earlier period.
        after: Answer of the later period, same unit.
        better: The direction of good: ``"higher"``, ``"lower"``, or ``"neither"`` for a plain volume.
        correlation: Of the two answers' sampling errors, -1 to 1; None = taken as independent.

    Returns:
        A `Change`. Its difference is a refusal with reason ``DEPENDS_ON_REFUSAL`` where one side is a
        refusal, ``LOW_COVERAGE`` where one is only a bound; its interval has the later period's level,
        to which the earlier one is rescaled.

    Raises:
        InvalidInput: the units differ, ``better`` is none of the three, or the correlation is outside -1 to 1.

    Derivation:
        With t1, l1, u1 the later value and its bounds and t2, l2, u2 the earlier: near a lower limit of
        ``t1 - t2`` the later value sits near l1 and the earlier near u2, so ``(t1 - l1) / z`` and
        ``(u2 - t2) / z`` are their standard errors there; those of independent estimates add in squares.
        Hence ``low = t1 - t2 - sqrt((t1 - l1)**2 + (u2 - t2)**2)``, and likewise
        ``high = t1 - t2 + sqrt((u1 - t1)**2 + (t2 - l2)**2)``: the square-and-add limits. The errors of
        dependent ones add with ``- 2 r a b`` under the root, r their correlation, a and b the two distances.

    Example:
        >>> before = Estimate(5.0, unit="s", n=900, method="mean", low=4.7, high=5.3, level=0.95)
        >>> after = Estimate(4.0, unit="s", n=900, method="mean", low=3.6, high=4.4, level=0.95)
        >>> moved = change(before, after, better="lower")
        >>> f"{moved.difference.value:.2f} [{moved.difference.low:.2f}, {moved.difference.high:.2f}]: {moved.verdict}"
        '-1.00 [-1.50, -0.50]: better'
    """
    if better not in ("higher", "lower", "neither"):
        raise InvalidInput(f"The direction of good is {better!r}; give 'higher', 'lower' or 'neither'.")
    if correlation is not None and not -1 <= correlation <= 1:
        raise InvalidInput(f"The correlation {correlation} is outside -1 to 1.")
    for period, answer in (("earlier", before), ("later", after)):
        if isinstance(answer, Refusal):
            detail = f"the {period} period has no number ({answer.detail.rstrip('.')})"
            refusal = Refusal(Reason.DEPENDS_ON_REFUSAL, detail, answer.remedy)
            return Change(before, after, better, refusal, Verdict.UNKNOWN)
        if answer.is_bound:
            refusal = Refusal(Reason.LOW_COVERAGE, f"the {period} period has only a {answer.method}")
            return Change(before, after, better, refusal, Verdict.UNKNOWN)
    assert isinstance(before, Estimate)
    assert isinstance(after, Estimate)
    if before.unit != after.unit:
        raise InvalidInput(
            f"A change needs one unit; the earlier answer is in {before.unit!r}, the later in {after.unit!r}."
        )
    difference = _difference(before, after, correlation)
    return Change(before, after, better, difference, _verdict(difference, before, better))


def _difference(before: Estimate, after: Estimate, correlation: float | None) -> Estimate:
    value = after.value - before.value
    level = after.level or before.level
    n = before.n + after.n
    if level is None:
        return Estimate(value, unit=after.unit, n=n, method="census")
    down_before, up_before = _distances(before, level)
    down_after, up_after = _distances(after, level)
    return Estimate(
        value,
        unit=after.unit,
        n=n,
        method=f"difference of two periods, square-and-add limits{_said(correlation)}",
        low=value - _added(down_after, up_before, correlation or 0.0),
        high=value + _added(up_after, down_before, correlation or 0.0),
        level=level,
    )


def _said(correlation: float | None) -> str:
    return "" if correlation is None else f", units of both taken together (correlation {correlation:.2f})"


def _added(one: float, other: float, correlation: float) -> float:
    """Add two distances in squares, less what moves together."""
    if correlation == 0.0 or math.isinf(one) or math.isinf(other):
        return math.hypot(one, other)
    return math.sqrt(max(one * one + other * other - 2 * correlation * one * other, 0.0))


def _distances(answer: Estimate, level: float) -> tuple[float, float]:
    """Return how far the bounds lie below and above the value, rescaled to another level."""
    if answer.low is None or answer.high is None or answer.level is None:
        return 0.0, 0.0
    scale = 1.0 if answer.level == level else _z(level) / _z(answer.level)
    return max(0.0, answer.value - answer.low) * scale, max(0.0, answer.high - answer.value) * scale


def _z(level: float) -> float:
    return NormalDist().inv_cdf(0.5 + level / 2)


def _verdict(difference: Estimate, before: Estimate, better: Better) -> Verdict:
    low = difference.value if difference.low is None else difference.low
    high = difference.value if difference.high is None else difference.high
    # Sums in floating point leave dust behind; a move below it is none.
    dust = 1e-12 * max(abs(before.value), abs(before.value + difference.value))
    if -dust <= low <= dust or -dust <= high <= dust or low < 0 < high:
        return Verdict.UNCLEAR
    if better == "neither":
        return Verdict.MOVED
    return Verdict.BETTER if (low > 0) == (better == "higher") else Verdict.WORSE
