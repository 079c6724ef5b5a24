"""The whole ladder of one edge, from experiments down to daily series."""

from collections.abc import Callable, Iterator

from metricstack.core.values import Reason, Refusal
from metricstack.linkage.evidence import Evidence, Rung
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.observed import Observed
from metricstack.linkage.rungs.changes import changes
from metricstack.linkage.rungs.days import led
from metricstack.linkage.rungs.experiments import portfolio, single_test
from metricstack.linkage.rungs.panels import panels
from metricstack.linkage.rungs.rollouts import rollouts

__all__ = ["climb"]

Rungs = Callable[[Observed, Hypothesis], Iterator[Evidence]]
_RUNGS: tuple[Rungs, ...] = (portfolio, single_test, rollouts, changes, panels, led)


def climb(seen: Observed, edge: Hypothesis) -> tuple[Evidence, ...]:
    """Climb every rung that the data allow.

    Args:
        seen: What the workspace holds.
        edge: What was declared.
    """
    both = seen.shared(edge.cause, edge.effect)
    if both:
        told = " and ".join(repr(text) for text in both)
        refusal = Refusal(
            Reason.NOT_MEASURED,
            f"{edge.cause} and {edge.effect} are both made of {told}: they move together by arithmetic",
            "Choose a cause that is not part of the effect.",
        )
        return (Evidence(Rung.ASSOCIATION, "shared parts", refusal, 0),)
    return tuple(one for rung in _RUNGS for one in rung(seen, edge))
