"""The whole ladder of edges, from experiments down to daily series."""

from collections.abc import Callable, Iterator, Sequence

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
_TESTED: tuple[Rungs, ...] = (portfolio, single_test)
_WATCHED: tuple[Rungs, ...] = (rollouts, changes, panels, led)


def climb(seen: Observed, edges: Sequence[Hypothesis]) -> list[tuple[Evidence, ...]]:
    """Climb every rung that the data allow, the lower ones while past tests are read.

    Args:
        seen: What the workspace holds.
        edges: What was declared.

    Returns:
        The evidence of each edge, from the highest rung down.
    """
    arithmetic = [_shared(seen, edge) for edge in edges]
    asked = [edge for edge, shared in zip(edges, arithmetic, strict=True) if not shared]
    with seen.reading_tests():
        watched = [_climbed(_WATCHED, seen, edge) for edge in asked]
    told = iter([(*_climbed(_TESTED, seen, edge), *lower) for edge, lower in zip(asked, watched, strict=True)])
    return [shared or next(told) for shared in arithmetic]


def _climbed(rungs: Sequence[Rungs], seen: Observed, edge: Hypothesis) -> tuple[Evidence, ...]:
    return tuple(one for rung in rungs for one in rung(seen, edge))


def _shared(seen: Observed, edge: Hypothesis) -> tuple[Evidence, ...]:
    """Refuse an edge whose metrics are made of the same."""
    both = seen.shared(edge.cause, edge.effect)
    if not both:
        return ()
    told = " and ".join(repr(text) for text in both)
    refusal = Refusal(
        Reason.NOT_MEASURED,
        f"{edge.cause} and {edge.effect} are both made of {told}: they move together by arithmetic",
        "Choose a cause that is not part of the effect.",
    )
    return (Evidence(Rung.ASSOCIATION, "shared parts", refusal, 0),)
