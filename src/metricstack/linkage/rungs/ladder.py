"""The whole ladder of edges, from experiments down to daily series."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from metricstack.core.values import Reason, Refusal
from metricstack.linkage.evidence import MEASURED_APART, Assumption, Evidence, Rung, Status
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
_SAME = 0.999
"""R² from which two daily series are one: what is measured is never so near to what it causes."""
_DAYS = 10
_WATCHED: tuple[Rungs, ...] = (rollouts, changes, panels, led)


def climb(seen: Observed, edges: Sequence[Hypothesis]) -> list[tuple[Evidence, ...]]:
    """Climb every rung that the data allow, the lower ones while past tests are read.

    Args:
        seen: What the workspace holds.
        edges: What was declared.

    Returns:
        The evidence of each edge, from the highest rung down.
    """
    with seen.reading_tests():
        refused = [_arithmetic(seen, edge) for edge in edges]
        watched = [() if told else _climbed(_WATCHED, seen, edge) for edge, told in zip(edges, refused, strict=True)]
    return [
        told or _apart(seen, edge, (*_climbed(_TESTED, seen, edge), *lower))
        for edge, told, lower in zip(edges, refused, watched, strict=True)
    ]


def _climbed(rungs: Sequence[Rungs], seen: Observed, edge: Hypothesis) -> tuple[Evidence, ...]:
    return tuple(one for rung in rungs for one in rung(seen, edge))


def _arithmetic(seen: Observed, edge: Hypothesis) -> tuple[Evidence, ...]:
    """Refuse an edge whose metrics are made of the same, or of which one is a function of the other."""
    both = seen.shared(edge.cause, edge.effect)
    told = f"are both made of {' and '.join(repr(text) for text in both)}" if both else _one_of_the_other(seen, edge)
    if not told:
        return ()
    refusal = Refusal(
        Reason.NOT_MEASURED,
        f"{edge.cause} and {edge.effect} {told}: they move together by arithmetic",
        "Choose a cause that is not part of the effect.",
    )
    return (Evidence(Rung.ASSOCIATION, "shared parts", refusal, 0),)


def _one_of_the_other(seen: Observed, edge: Hypothesis) -> str:
    """Say that one metric is the other on another scale, as a share is of what is left of it; empty where it is not."""
    table = seen.series()
    if edge.cause not in table.columns or edge.effect not in table.columns:
        return ""
    x, y = table[[edge.cause, edge.effect]].dropna().to_numpy(dtype=np.float64).T
    if len(x) < _DAYS or x.std() <= 0 or y.std() <= 0:
        return ""
    same = float(np.corrcoef(x, y)[0, 1]) ** 2
    return f"are one on another scale (r² = {same:.4f} over {len(x)} days)" if same >= _SAME else ""


def _apart(seen: Observed, edge: Hypothesis, evidence: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """Tell where one column says both: a row that counts for the one cannot, or must, count for the other."""
    both = seen.read_by_both(edge.cause, edge.effect)
    if not both:
        return evidence
    told = f"{edge.cause} and {edge.effect} are both read from {' and '.join(both)}: a part of it is arithmetic"
    doubt = Assumption(MEASURED_APART, Status.FAILED, told)
    return tuple(replace(one, assumptions=(*one.assumptions, doubt)) for one in evidence)
