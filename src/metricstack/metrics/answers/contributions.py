"""What each unit adds to a value: the one source of its interval and of how two windows move together."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from metricstack.core.values import Refusal
from metricstack.metrics.answers.algebra import Group, Term
from metricstack.metrics.query.inputs import Assumption
from metricstack.metrics.query.states import Role, State

__all__ = ["Family", "Parts", "contributions", "once", "with_rows"]

Family = tuple[tuple[str, ...], bool]
"""Cluster columns, and whether units are gathered in buckets."""
Vector = NDArray[np.float64]
Parts = dict[Family, tuple[NDArray[np.int64], Vector]]
"""Units of each family, each once, and what each contributes."""


def contributions(slopes: Mapping[Term, float], group: Group) -> Parts:
    """Return what each unit adds to a value, linearised, by family of units.

    Units (or buckets of many) count where a quantity of the value is known: others say nothing of it.

    Args:
        slopes: Term → derivative of the value by it.
        group: Where.
    """
    return {family: (units, amounts) for family, (units, amounts, _) in with_rows(slopes, group).items()}


def with_rows(slopes: Mapping[Term, float], group: Group) -> dict[Family, tuple[NDArray[np.int64], Vector, Vector]]:
    """Return what each unit adds to a value, as `contributions`, and the rows that it stands on, once for each term.

    Args:
        slopes: Term → derivative of the value by it.
        group: Where.

    Returns:
        Family → its units, what each contributes, and its rows, above 0; each of shape (units,).
    """
    collected: dict[Family, list[tuple[NDArray[np.int64], Vector, Vector]]] = {}
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
        amounts = slope * sums.of(key, data.column(state))[known].astype(np.float64)
        collected.setdefault((data.plan.cluster, data.plan.gathered), []).append(
            (sums.of(key, "_unit")[known].astype(np.int64), amounts, rows[known].astype(np.float64))
        )
    found = {}
    for family, parts in collected.items():
        units, at = np.unique(np.concatenate([unit for unit, _, _ in parts]), return_inverse=True)
        amounts, rows = (np.concatenate([part[i] for part in parts]) for i in (1, 2))
        found[family] = (units, _added(at, amounts, len(units)), _added(at, rows, len(units)))
    return found


def once(parts: Sequence[tuple[NDArray[np.int64], Vector]]) -> tuple[NDArray[np.int64], Vector]:
    """Add what the same unit contributes through several parts."""
    units, at = np.unique(np.concatenate([unit for unit, _ in parts]), return_inverse=True)
    weights = np.concatenate([amounts for _, amounts in parts])
    return units, _added(at, weights, len(units))


def _added(at: NDArray[np.intp], amounts: Vector, units: int) -> Vector:
    return np.bincount(at, weights=amounts, minlength=units).astype(np.float64)
