"""Every test that was run for a map, also those that led nowhere: what was tried is part of what was found."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from metricstack.core.errors import InvalidInput
from metricstack.core.show import Shown
from metricstack.core.values import Answer, Check, Estimate, Finding, Reason, Refusal
from metricstack.linkage.evidence import Evidence
from metricstack.linkage.hypothesis import Hypothesis

__all__ = ["Ledger", "Trial", "side_trials", "trials"]

_SIDE = (
    "future_placebo",
    "negative_control",
    "no_single_other",
    "stationary",
    "ways_agree",
    "placebo_dates",
    "stands_with_others_held",
    "told_apart",
    "units_alike",
)
_HELD = {True: "held", False: "failed", None: "undecided"}


@dataclass(frozen=True, slots=True)
class Trial:
    """One test that was run.

    Args:
        edge: The edge that it was for.
        test: What was tried: a rung, a lag, a placebo, a negative control.
        outcome: Of a rung ``"decides"``, ``"stands"``, ``"failed: CHECK"`` or ``"refused: REASON"``; of a test beside
            it ``"held"``, ``"failed"`` or ``"undecided"``, of a mediator's share ``"told"`` or refused.
        p_value: Of no effect; None where it gave none.
        n: What it stands on.
        detail: In words.
    """

    edge: str
    test: str
    outcome: str
    p_value: float | None = None
    n: int = 0
    detail: str = ""

    def __post_init__(self) -> None:
        if self.p_value is not None and not 0 <= self.p_value <= 1:
            raise InvalidInput(f"The p-value {self.p_value} of {self.test!r} is outside [0, 1].")

    @property
    def finding(self) -> Finding:
        """Its p-value as a finding; where it gave none, why."""
        answer: Answer = Refusal(Reason.NOT_MEASURED, self.detail or f"it {self.outcome} without a p-value")
        if self.p_value is not None:
            answer = Estimate(self.p_value, "1", self.n, "p-value of no effect")
        known = dict.fromkeys(("stands", "undecided", "told")) | dict.fromkeys(("decides", "held"), True)
        passed = known.get(self.outcome, False)
        return Finding(f"{self.edge}: {self.test}", answer, self.edge, (("test", self.test),),
                       checks=(Check("outcome", passed, self.outcome),))  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "edge": self.edge, "test": self.test, "outcome": self.outcome, "p_value": self.p_value, "n": self.n,
            "detail": self.detail,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ledger(Shown):
    """All trials of a map, in the order of its edges.

    Example:
        >>> ledger = Ledger((Trial("a -> b", "panel", "decides", 0.01), Trial("a -> b", "lag 3", "stands", 0.4)))
        >>> len(ledger), ledger.of("a -> b")[1].test
        (2, 'lag 3')
    """

    trials: tuple[Trial, ...] = ()

    def __len__(self) -> int:
        return len(self.trials)

    def __iter__(self) -> Iterator[Trial]:
        return iter(self.trials)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The p-value of each trial, with its outcome as a check."""
        return tuple(one.finding for one in self.trials)

    def of(self, edge: str) -> tuple[Trial, ...]:
        """Return the trials of one edge."""
        return tuple(one for one in self.trials if one.edge == edge)

    def to_dict(self) -> list[dict[str, Any]]:
        """Return plain JSON values, one entry for each trial."""
        return [one.to_dict() for one in self.trials]


def trials(hypothesis: Hypothesis, evidence: Sequence[Evidence], best: Evidence | None) -> tuple[Trial, ...]:
    """Write down what each rung of an edge came to.

    Args:
        hypothesis: The edge.
        evidence: What the rungs said.
        best: The one that decides.
    """
    found = []
    for one in evidence:
        if isinstance(one.estimate, Refusal):
            outcome, p, detail = f"refused: {one.estimate.reason}", None, one.estimate.detail
        else:
            outcome = "decides" if one is best else "stands"
            if one.failed:
                outcome = f"failed: {one.failed[0].name}"
            p, detail = one.estimate.p_value, one.failed[0].detail if one.failed else one.method
        found.append(Trial(hypothesis.key, str(one.rung), outcome, p, one.n, detail))
    return tuple(found)


def side_trials(hypothesis: Hypothesis, evidence: Sequence[Evidence]) -> tuple[Trial, ...]:
    """Write down the tests that were run beside the rungs: placebos, controls, other ways of counting, mediators.

    Args:
        hypothesis: The edge.
        evidence: What the rungs said.
    """
    found = []
    for one in evidence:
        checks = (diagnostic.check for diagnostic in one.diagnostics)
        told = [(check.name, _HELD[check.passed], one.n, check.detail) for check in checks
                if check.name.partition(":")[0] in _SIDE]  # fmt: skip
        for share in one.shares:
            if isinstance(share.answer, Refusal):
                told.append((share.name, f"refused: {share.answer.reason}", 0, share.answer.detail))
            else:
                told.append((share.name, "told", one.n if share.answer is None else share.answer.n, share.detail))
        found += [Trial(hypothesis.key, f"{one.rung}, {name}", outcome, n=n, detail=detail)
                  for name, outcome, n, detail in told]  # fmt: skip
    return tuple(found)
