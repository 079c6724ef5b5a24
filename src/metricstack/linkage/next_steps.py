"""What would settle an edge, and the cheapest thing to do next."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from metricstack.core.values import Refusal
from metricstack.experiments.effect import Effect
from metricstack.linkage.evidence import MEASURED_APART, Evidence, Rung, Status
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.portfolio_result import FEWEST_TESTS

__all__ = ["Settling", "next_step", "settling"]

_WORTH_WAITING = 4.0
"""As many times the data, and no more, are waited for before something stronger is tried."""


@dataclass(frozen=True, slots=True)
class Settling:
    """How much of the same would settle a verdict, were the effect to stay as it is seen.

    Args:
        n: What it would take altogether.
        more: What it would take beyond what is there.
        counted: What is counted: tests, days, units.
        factor: How many times the data that are there.
    """

    n: int
    more: int
    counted: str
    factor: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"n": self.n, "more": self.more, "counted": self.counted, "factor": self.factor}


def settling(hypothesis: Hypothesis, best: Evidence, found: Effect) -> Settling | None:
    """Say how much more of the same evidence would make an inconclusive verdict one way or the other.

    Args:
        hypothesis: What was declared.
        best: The rung that decides.
        found: Its effect, with the adjusted interval.

    Returns:
        None where the interval has no end, so that its width says nothing of n.

    Derivation:
        An interval narrows as the root of n. With v the effect in the expected direction and m the smallest that
        matters, it leaves out 0 where its half-width is below v, and leaves out m where it is below m - v: the easier
        of the two settles it, so n grows by (half-width / the larger of both)².
    """
    half = found.estimate.half_width
    if half is None or not math.isfinite(half) or best.n == 0:
        return None
    value = found.value * hypothesis.expected_sign
    room = max(value, hypothesis.smallest_effect - value)
    factor = max((half / room) ** 2, 1.0)
    n = max(math.ceil(best.n * factor), best.n + 1)
    return Settling(n, n - best.n, best.rung.counted, factor)


def next_step(
    hypothesis: Hypothesis,
    ladder: Sequence[Evidence],
    best: Evidence | None,
    *,
    settled: bool = False,
    needed: Settling | None = None,
    disputed: bool = False,
) -> str:
    """Name the cheapest thing that would settle an edge, from what is missing.

    Args:
        hypothesis: What was declared.
        ladder: What the rungs said.
        best: The rung that decides; None where none stands.
        settled: Its verdict is no longer open.
        needed: How much more of the same would settle it.
        disputed: A weaker rung disagrees with it.
    """
    cause = hypothesis.cause
    randomised = best is not None and best.rung is Rung.PORTFOLIO
    if best is not None and best.entangled and (settled or needed is None or needed.factor > _WORTH_WAITING):
        return (
            f"Run tests that move {cause} without {' and '.join(best.entangled)}, or say why these reach "
            f"{hypothesis.effect} through {cause} alone (an exclusion note), if that is so."
        )
    if settled and randomised and best is not None and best.doubts:
        failed = {one.name for one in best.assumptions if one.status is Status.FAILED}
        if failed == {MEASURED_APART}:  # of which no further test would free it
            return f"Measure {cause} and {hypothesis.effect} by columns of their own: a part of this is arithmetic."
        return f"Run tests that move {cause} without what these moved along with it."
    if settled and randomised:
        return (
            f"Nothing for the edge itself; find what {cause} and {hypothesis.effect} have in common outside of tests, "
            "before anyone reads the telemetry as an effect."
            if disputed
            else "Nothing: decide on it, and test it again when the product changes."
        )
    if settled and best is not None and best.rung is Rung.SINGLE_TEST and not best.is_capped:
        return f"Decide on this change; {FEWEST_TESTS} tests of different changes would say it of {cause} in general."
    if not settled and needed is not None and needed.factor <= _WORTH_WAITING and not disputed:
        if best is not None and best.rung is Rung.PANEL:  # there may be no more regions, but there will be more weeks
            return (
                f"Wait until there are {max(math.ceil(10 * needed.factor) / 10, 1.1):.1f} times as many periods, or "
                "look at more units: that settles it if the effect is as large as it looks."
            )
        verb = "Wait" if needed.counted == "days" else "Run" if needed.counted == "tests" else "Look at"
        joined = f"{needed.more:,} more {needed.counted}"
        return f"{verb} {joined} ({needed.n:,} altogether): they settle it if the effect is as large as it looks."
    return _experiments(hypothesis, ladder)


def _experiments(hypothesis: Hypothesis, ladder: Sequence[Evidence]) -> str:
    """What is missing for a verdict by experiments."""
    cause = hypothesis.cause
    portfolio = next((one for one in ladder if one.rung is Rung.PORTFOLIO), None)
    if portfolio is not None and not isinstance(portfolio.estimate, Refusal):
        return f"{_portfolio(hypothesis, portfolio)}{_power(portfolio)}"
    singles = [one for one in ladder if one.rung is Rung.SINGLE_TEST and one.stands]
    if any(not one.is_capped for one in singles):
        return f"Run {FEWEST_TESTS} tests of different changes that move {cause}, or the one again with more units."
    if singles:
        return (
            f"Say why the tested change reaches {hypothesis.effect} through {cause} alone (an exclusion note), if that "
            f"is so; else run {FEWEST_TESTS} tests of different changes that move {cause}."
        )
    if portfolio is not None and isinstance(portfolio.estimate, Refusal):
        return f"Run A/B tests of changes that move {cause}: {portfolio.estimate.detail}."
    return f"No experiment moved {cause}: run an A/B test of a change that moves it by about {hypothesis.step_size}."


def _portfolio(hypothesis: Hypothesis, portfolio: Evidence) -> str:
    """What tests that were run lack."""
    cause, failed = hypothesis.cause, {check.name: check for check in portfolio.failed}
    if "levers_agree" in failed:
        return (
            f"Read the tests of each lever apart: they disagree on what {cause} does, so some levers reach "
            f"{hypothesis.effect} by other ways."
        )
    for name in ("told_apart", "stands_with_others_held"):
        if name in failed:
            return f"Run tests that move {cause} without its rivals: {failed[name].detail}."
    lacking = FEWEST_TESTS - portfolio.n
    if "first_stage" in failed:
        tests = f"{lacking} more tests" if lacking > 0 else "Tests"
        return f"{tests} that move {cause} more, or with more units: {failed['first_stage'].detail}."
    if "enough_tests" in failed:
        return f"{lacking} more A/B tests that move {cause}: there are {portfolio.n}, and {FEWEST_TESTS} are needed."
    return (
        f"More A/B tests that move {cause}, or the same with more units: {portfolio.n} tests leave the effect on "
        f"{hypothesis.effect} open."
    )


def _power(portfolio: Evidence) -> str:
    told = next((one.detail for one in portfolio.sensitivity if one.name == "power" and one.detail), "")
    return f" {told}." if told else ""
