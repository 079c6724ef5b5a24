"""Sums of two windows by group and by unit, ready to be decomposed."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from metricstack.core.values import Refusal
from metricstack.metrics.language.forms import Form, Sum, constant, rows_of
from metricstack.metrics.model import Population
from metricstack.metrics.passes import Pass
from metricstack.metrics.query.compile import GROUPS
from metricstack.metrics.query.fetch import TableData
from metricstack.metrics.query.grouped import Key
from metricstack.metrics.query.states import Role, State
from metricstack.metrics.query.windowed import Side
from metricstack.numerics.decomposition import Effects, ratio_effects, total_effects
from metricstack.numerics.intervals import Spread, combine, spread_of_groups, spread_of_units

__all__ = ["Amounts", "Kind", "Member", "Pool", "effects_of", "spread_of"]

Array = NDArray[np.float64]
Member = Mapping[str, tuple[Key, ...]]
"""Group's label → its keys in a table's sums, in either window."""
Kind = tuple[str, str]
"""How a family of units varies (``units``, ``groups`` or ``sampling``), and what they are."""


def _needed(forms: tuple[Form, ...]) -> dict[str, tuple[State, ...]]:
    """Table → the states that a formula's parts are made of."""
    needed: dict[str, dict[State, None]] = {}
    for form in forms:
        for name, state in (*form.top, *_bottom(form)):
            for role in (state.role, Role.N, Role.ELIGIBLE):
                needed.setdefault(name, {}).setdefault(State(role, state.quantity))
    return {name: tuple(states) for name, states in needed.items()}


def _table(part: Pass, name: str, states: tuple[State, ...]) -> TableData:
    totals = tuple(dict.fromkeys(state.quantity for state in states if state.role is Role.TOTAL))
    return replace(part.tables[name], states=states, spreads=totals, quantiles={}, extremes=())


@dataclass(eq=False)
class Pool:
    """The sums of several metrics that group alike, so that each table is read once for all of them.

    Args:
        states: For each pass, table → the states that its metrics need.
    """

    states: dict[Pass, dict[str, dict[State, None]]] = field(default_factory=dict)
    _tables: dict[tuple[Pass, str], TableData] = field(default_factory=dict)

    def need(self, pair: tuple[Side, Side], forms: tuple[Form, ...]) -> None:
        """Note what a metric will ask of both windows; before the first is asked."""
        for side in pair:
            tables = self.states.setdefault(side.part, {})
            for name, states in _needed(forms).items():
                tables.setdefault(name, {}).update(dict.fromkeys(states))

    def table(self, part: Pass, name: str, states: tuple[State, ...]) -> TableData | None:
        """Return the sums of a table; None where the pool does not have them all, or not all of it can be told."""
        pooled = self.states.get(part, {}).get(name, {})
        if not set(states) <= set(pooled):
            return None
        if (part, name) not in self._tables:
            self._tables[part, name] = _table(part, name, tuple(pooled))
        found = self._tables[part, name]
        return None if isinstance(found.sums, Refusal) else found


@dataclass(frozen=True, eq=False)
class Amounts:
    """Two windows of a metric by group.

    Args:
        pair: The earlier and the later side.
        forms: The formula as sums over sums.
        data: For each window, table → its sums by group.
    """

    pair: tuple[Side, Side]
    forms: tuple[Form, ...]
    data: tuple[Mapping[str, TableData], Mapping[str, TableData]]

    @classmethod
    def of(cls, pair: tuple[Side, Side], forms: tuple[Form, ...], pool: "Pool | None" = None) -> "Amounts | Refusal":
        """Ask the engine for the sums, one query per table and window, or take them from a pool that has them."""
        needed = _needed(forms)
        data = tuple(
            {
                name: (pool.table(side.part, name, states) if pool is not None else None)
                or _table(side.part, name, states)
                for name, states in needed.items()
            }
            for side in pair
        )
        for found in data:
            for table in found.values():
                if isinstance(table.sums, Refusal):
                    return table.sums
        return cls(pair, forms, (data[0], data[1]))

    def keys(self) -> tuple[Key, ...]:
        """Return every group of either window, sorted."""
        seen = {key for found in self.data for table in found.values() for key in _slices(table)}
        return tuple(sorted(seen))

    def days(self, window: int, form: Form) -> float:
        """Days of a window that the data of a form's tables cover."""
        side = self.pair[window]
        group = side.part.group(side.job, (0, ()), ())
        return group.days(form.tables[0] if len(form.tables) == 1 else "")

    def known(self, window: int, keys: Sequence[Key]) -> int:
        """Rows of some groups of which the metric's quantities are known."""
        most = 0
        for form in self.forms:
            for name, state in form.top:
                table = self.data[window][name]
                most = max(most, sum(int(table.total(key, Role.N, state.quantity)) for key in keys))
        return most


def _slices(table: TableData) -> Sequence[Key]:
    return () if isinstance(table.sums, Refusal) else tuple(table.sums.slices)


def _bottom(form: Form) -> Mapping[Sum, float]:
    return {rows_of(form.tables[0]): 1.0} if form.bottom is None else form.bottom


def effects_of(amounts: Amounts, members: Member) -> tuple[Effects, tuple[Kind, ...]]:
    """Decompose a metric's change by group.

    Args:
        amounts: The sums of both windows.
        members: Group's label → its keys, in the order of the result's groups.

    Returns:
        The effects in base units, and how each family of units of theirs varies.
    """
    families = _families(amounts)
    found: Effects | None = None
    kinds: tuple[Kind, ...] = ()
    for form in amounts.forms:
        scales = np.array([constant(form.scale, partial(amounts.days, window, form)) for window in (0, 1)])
        top, bottom, units, kinds = _arrays(amounts, form, members, families)
        # A total counts its rows per day as well; a ratio's denominator has no days of its own.
        top = top * scales[:, None]
        tops = [a * scales[:, None, None] for a, _ in units]
        bottoms = [b for _, b in units]
        if form.bottom is None:
            size = np.abs(scales)
            bottom, bottoms = bottom * size[:, None], [b * size[:, None, None] for b in bottoms]
            effects = total_effects(top, bottom, list(zip(tops, bottoms, strict=True)))
        else:
            effects = ratio_effects(top, bottom, list(zip(tops, bottoms, strict=True)))
        alone = len(amounts.forms) == 1
        found = replace(effects, reversed_=effects.reversed_ and alone) if found is None else found.plus(effects)
    if found is None:
        raise ValueError("A formula without sums cannot move.")
    return found, kinds


def _families(amounts: Amounts) -> dict[tuple[tuple[str, ...], bool], list[str]]:
    """Tables by what their units are."""
    found: dict[tuple[tuple[str, ...], bool], list[str]] = {}
    for name, table in amounts.data[1].items():
        found.setdefault((table.plan.cluster, table.plan.gathered), []).append(name)
    return found


def _arrays(
    amounts: Amounts, form: Form, members: Member, families: Mapping[tuple[tuple[str, ...], bool], list[str]]
) -> tuple[Array, Array, list[tuple[Array, Array]], tuple[Kind, ...]]:
    """Numerators and denominators by window and group, and of each unit."""
    sums = form.top, _bottom(form)
    whole = np.zeros((2, 2, len(members)))
    for part, coefficients in enumerate(sums):
        for (name, state), coefficient in coefficients.items():
            for window in (0, 1):
                table = amounts.data[window][name]
                for place, keys in enumerate(members.values()):
                    added = sum(table.total(key, state.role, state.quantity) for key in keys)
                    whole[part, window, place] += coefficient * added
    if amounts.pair[1].job.population is Population.WINDOW:
        units, kinds = _sampled(amounts, form, members)
        return whole[0], whole[1], units, kinds
    found: list[tuple[Array, Array]] = []
    labels: list[Kind] = []
    for (cluster, gathered), names in families.items():
        seen: list[list[NDArray[np.int64]]] = []
        entries: list[tuple[int, int, int, NDArray[np.int64], Array]] = []
        for part, coefficients in enumerate(sums):
            for (name, state), coefficient in coefficients.items():
                if name not in names:
                    continue
                for window in (0, 1):
                    table = amounts.data[window][name]
                    grouped = table.sums
                    assert not isinstance(grouped, Refusal)
                    for place, keys in enumerate(members.values()):
                        for key in keys:
                            known = grouped.of(key, table.column(State(Role.N, state.quantity))) > 0
                            unit = grouped.of(key, "_unit")[known].astype(np.int64)
                            amount = coefficient * grouped.of(key, table.column(state))[known].astype(np.float64)
                            entries.append((part, window, place, unit, amount))
                            seen.append([unit])
        every = np.unique(np.concatenate([unit for one in seen for unit in one])) if seen else np.zeros(0, np.int64)
        arrays = np.zeros((2, 2, len(every), len(members)))
        for part, window, place, unit, amount in entries:
            np.add.at(arrays[part, window, :, place], np.searchsorted(every, unit), amount)
        found.append((arrays[0], arrays[1]))
        labels.append(("groups" if gathered else "units", cluster[0] if cluster else "row"))
    return whole[0], whole[1], found, tuple(labels)


def _sampled(
    amounts: Amounts, form: Form, members: Member
) -> tuple[list[tuple[Array, Array]], tuple[Kind, ...]]:  # fmt: skip
    """Stand-ins for sampled rows: a factor of each group's sampling covariance, so that squares add up to it."""
    columns: list[Array] = []
    for window in (0, 1):
        for table in amounts.data[window].values():
            if not table.plan.weighted or isinstance(table.sampling, Refusal):
                continue
            spreads = table.spreads
            for place, keys in enumerate(members.values()):
                matrix = np.zeros((len(spreads), len(spreads)))
                for i in range(len(spreads)):
                    for j in range(i, len(spreads)):
                        matrix[i, j] = matrix[j, i] = sum(table.sampling.of(key, f"v_{i}_{j}").sum() for key in keys)
                values, vectors = np.linalg.eigh(matrix)
                factor = vectors * np.sqrt(np.maximum(values, 0.0))
                for k in range(len(spreads)):
                    column = np.zeros((2, 2, len(members)))
                    for part, coefficients in enumerate((form.top, _bottom(form))):
                        for (name, state), coefficient in coefficients.items():
                            if name == table.name and state.role is Role.TOTAL:
                                column[part, window, place] += coefficient * factor[spreads.index(state.quantity), k]
                    if column.any():
                        columns.append(column)
    if not columns:
        return [], ()
    stacked = np.stack(columns, axis=2)
    return [(stacked[0], stacked[1])], (("sampling", "row"),)


def spread_of(kinds: Sequence[Kind], units: Sequence[Array]) -> Spread:
    """Return the variance of a sum of units' contributions, over families that are independent.

    Args:
        kinds: How each family varies.
        units: Contributions of each family, shape (units,).
    """
    spreads = []
    for (kind, _), amounts in zip(kinds, units, strict=True):
        if kind == "sampling":
            spreads.append(Spread(float(amounts @ amounts), math.inf))
        elif len(amounts):
            spreads.append(spread_of_groups(amounts, GROUPS) if kind == "groups" else spread_of_units(amounts))
    return combine(spreads)
