"""What each unit adds to a value: the one source of its interval and of how two windows move together."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from metricstack.core.values import Refusal
from metricstack.metrics.answers.algebra import Group, Term
from metricstack.metrics.query.inputs import Assumption
from metricstack.metrics.query.states import Role, State

__all__ = ["Family", "Parts", "contributions", "once", "rows_behind"]

Family = tuple[tuple[str, ...], bool]
"""Cluster columns, and whether units are gathered in buckets."""
Vector = NDArray[np.float64]
Parts = dict[Family, tuple[NDArray[np.int64], Vector]]
"""Units of each family, each once, and what each contributes."""
_Collected = dict[Family, list[tuple[NDArray[np.int64], Vector]]]


def contributions(slopes: Mapping[Term, float], group: Group) -> Parts:
    """Return what each unit adds to a value, linearised, by family of units.

    Units (or buckets of many) count where a quantity of the value is known: others say nothing of it.

    Args:
        slopes: Term → derivative of the value by it.
        group: Where.
    """
    collected: _Collected = {}
    for family, units, sums, _, slope in _known(slopes, group):
        collected.setdefault(family, []).append((units, slope * sums))
    return {family: once(parts) for family, parts in collected.items()}


def rows_behind(slopes: Mapping[Term, float], group: Group) -> Parts:
    """Return how many rows each unit has of what a value is made of, in the order of `contributions`.

    Args:
        slopes: Term → derivative of the value by it.
        group: Where.
    """
    collected: _Collected = {}
    for family, units, _, rows, _ in _known(slopes, group):
        collected.setdefault(family, []).append((units, rows))
    return {family: once(parts) for family, parts in collected.items()}


def _known(
    slopes: Mapping[Term, float], group: Group
) -> Iterator[tuple[Family, NDArray[np.int64], Vector, Vector, float]]:
    """Give each term's units that know it: their family, who they are, their sums, their rows, and its slope."""
    for term, slope in slopes.items():
        if isinstance(term, Assumption):
            continue
        name, key, state = term
        data = group.tables[name]
        sums = data.sums
        if isinstance(sums, Refusal):
            continue
        rows = sums.of(key, data.column(State(Role.N, state.quantity)))
        known = rows > 0
        yield (
            (data.plan.cluster, data.plan.gathered),
            sums.of(key, "_unit")[known].astype(np.int64),
            sums.of(key, data.column(state))[known].astype(np.float64),
            rows[known].astype(np.float64),
            slope,
        )


def once(parts: Sequence[tuple[NDArray[np.int64], Vector]]) -> tuple[NDArray[np.int64], Vector]:
    """Add what the same unit contributes through several parts."""
    units, at = np.unique(np.concatenate([unit for unit, _ in parts]), return_inverse=True)
    weights = np.concatenate([amounts for _, amounts in parts])
    return units, np.bincount(at, weights=weights, minlength=len(units)).astype(np.float64)
