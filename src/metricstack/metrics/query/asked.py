"""What is asked of the units of experiments, and what comes back of them: moments by cell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from metricstack.core.values import Moments, Refusal
from metricstack.metrics.query.compile import Plan
from metricstack.metrics.query.states import Quantity, State

__all__ = ["AFTER", "BEFORE", "OTHERS", "TRIGGERED", "Asked", "Cell", "Cut", "Together"]

BEFORE, AFTER = -1, 0
"""Phases of a unit: before its first exposure, and after it."""
TRIGGERED, OTHERS = "triggered", "others"
"""Kinds of units: those that reached the changed code, and the rest."""
Cell = tuple[str, str, int, tuple[str, ...]]
"""Experiment, variant, stretch of the allocation, and the value of each dimension."""


@dataclass(frozen=True)
class Cut:
    """Where a quantile of each arm lies, so that what of each unit is below it can be added up.

    Args:
        quantity: What it is a quantile of.
        plan: How its table's rows are weighted.
        places: Experiment, arm and stretch of the allocation → the bin that holds it, and the part of that bin which
            lies at or below it.
    """

    quantity: Quantity
    plan: Plan
    places: Mapping[tuple[str, str, int], tuple[int, float]]


@dataclass(frozen=True)
class Asked:
    """What is asked of units.

    Args:
        states: Table → states of what units did after their first exposure.
        before: Table → states of what they did before it.
        plans: Table → how its rows are weighted.
        by: Dimensions of units.
        adjusted: What units did before is taken off what they did after, so that the products of both are wanted.
        caps: Experiment → share at whose quantile of units, over its arms, totals are capped.
        cuts: Name → a quantile whose unit-wise parts are wanted: variables ``NAME:weight`` and ``NAME:below``.
        together: What varies together: groups of states after exposure, and of names of cuts, whose products are
            wanted; None = all of them.
        everyone: All assigned units count, whether they reached the changed code being one more dimension, the last.
    """

    states: Mapping[str, Sequence[State]]
    before: Mapping[str, Sequence[State]]
    plans: Mapping[str, Plan]
    by: tuple[str, ...] = ()
    adjusted: bool = False
    caps: Mapping[str, float] = field(default_factory=dict)
    cuts: Mapping[str, Cut] = field(default_factory=dict)
    together: tuple[frozenset[State | str], ...] | None = None
    everyone: bool = False

    def pairs(self, variables: Sequence[str], places: Mapping[int, Mapping[State, str]]) -> list[tuple[str, str]]:
        """Return the pairs of variables whose products are wanted."""
        before, after = set(places.get(BEFORE, {}).values()), places.get(AFTER, {})
        every = list(combinations(variables, 2))
        if self.adjusted:
            return every
        if self.together is None:
            return [(x, y) for x, y in every if (x in before) == (y in before)]
        wanted = {pair for pair in every if before.issuperset(pair)}
        for group in self.together:
            states = {after[one] for one in group if isinstance(one, State) and one in after}
            cuts = {f"{one}:{part}" for one in group if isinstance(one, str) for part in ("weight", "below")}
            held = [name for name in variables if name in states or name in cuts]
            wanted.update(combinations(held, 2))
        return sorted(wanted)


@dataclass(frozen=True)
class Together:
    """Joint moments of what units did, over all tables at once, one variable per sum.

    Args:
        cells: Cell → moments of its units.
        places: Phase and state → its variable. Phase 0 is after the first exposure, -1 before it; over time the
            stretches of days are counted from 0.
        refused: Table → why it cannot be read.
        caps: Experiment → variable → the cap that was put on it.
    """

    cells: Mapping[Cell, Moments]
    places: Mapping[int, Mapping[State, str]]
    refused: Mapping[str, Refusal]
    caps: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def of(self, experiment: str, arm: str) -> dict[int, Moments]:
        """Return the moments of one arm by stretch of the allocation, over all values of dimensions."""
        return _merged((cell[2], m) for cell, m in self.cells.items() if cell[:2] == (experiment, arm))

    def by_value(self, experiment: str, arm: str, dimension: int) -> dict[str, dict[int, Moments]]:
        """Return the moments of one arm by the value of a dimension (its place), then by stretch."""
        mine = [(cell, m) for cell, m in self.cells.items() if cell[:2] == (experiment, arm)]
        values = sorted({cell[3][dimension] for cell, _ in mine})
        return {value: _merged((cell[2], m) for cell, m in mine if cell[3][dimension] == value) for value in values}

    def arms(self, experiment: str) -> list[str]:
        """Return the arms that an experiment's units were split into."""
        return list(dict.fromkeys(cell[1] for cell in self.cells if cell[0] == experiment))


def _merged(parts: Any) -> dict[int, Moments]:
    found: dict[int, Moments] = {}
    for stretch, moments in parts:
        found[stretch] = found[stretch].merge(moments) if stretch in found else moments
    return dict(sorted(found.items()))
