"""Run a table's queries, once each, and hold their sums as arrays by group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from metricstack.core.values import Refusal
from metricstack.core.windows import Window
from metricstack.metrics import compile as queries
from metricstack.metrics.compile import Plan
from metricstack.metrics.rows import Frame
from metricstack.metrics.states import Quantity, Role, State
from metricstack.telemetry.tables import table

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

__all__ = ["Grouped", "Key", "TableData", "fetch"]

Key = tuple[int, tuple[str, ...]]
"""Number of the period, and the value of each dimension."""

_COUNTS: WeakKeyDictionary[Any, dict[Any, dict[str, int]]] = WeakKeyDictionary()
"""Workspace (its data are those of its opening) → what `profile` counted, by table and window."""
_EXACT_UNITS = 512
"""Up to so many units are used one by one; more are gathered in buckets."""
VECTOR_ROWS = 100_000
"""Up to so many rows, quantiles are computed from the values themselves."""
EXACT_QUANTILE_ROWS = 1_000_000
"""Up to so many rows, unweighted quantiles are the engine's exact ones; above, the histogram's."""


@dataclass(frozen=True, eq=False)
class Grouped:
    """Columns of a query's result, sorted by group, with the slice of each group.

    Args:
        columns: Name → values, float64 (int64 for units and bins), null as NaN only where said.
        slices: Group → its rows.
    """

    columns: Mapping[str, NDArray[Any]]
    slices: Mapping[Key, slice]

    def of(self, key: Key, column: str) -> NDArray[Any]:
        """Return one column of one group, empty where the group has no rows."""
        return self.columns[column][self.slices.get(key, slice(0, 0))]


def fetch(query: "ir.Table", keys: Sequence[str]) -> Grouped:
    """Run a query and sort its rows by group."""
    result: pa.Table = query.to_pyarrow()
    codes = np.zeros(result.num_rows, dtype=np.int64)
    parts: list[tuple[NDArray[np.int64], list[Any]]] = []
    for name in keys:
        encoded = result.column(name).combine_chunks().dictionary_encode()
        values = encoded.dictionary.to_pylist()
        codes = codes * max(len(values), 1) + encoded.indices.to_numpy(zero_copy_only=False)
        parts.append((encoded.indices.to_numpy(zero_copy_only=False), values))
    order = np.argsort(codes, kind="stable")
    _, starts = np.unique(codes[order], return_index=True)
    ends = [*starts[1:], len(order)][: len(starts)]
    slices: dict[Key, slice] = {}
    for start, end in zip(starts, ends, strict=True):
        at = order[start]
        period, *group = (values[indices[at]] for indices, values in parts)
        slices[int(period), tuple(group)] = slice(int(start), int(end))
    columns = {name: _numbers(result.column(name))[order] for name in result.column_names if name not in keys}
    return Grouped(columns, slices)


def _numbers(column: "pa.ChunkedArray") -> NDArray[Any]:
    """Numbers of a column; null is NaN in a float, and what no sum saw (nothing known) stays so."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_integer(column.type) and column.null_count == 0:
        return np.asarray(column.to_numpy(), dtype=np.int64)
    return np.asarray(pc.cast(column, pa.float64()).to_numpy(), dtype=np.float64)


@dataclass(eq=False)
class TableData:
    """One table's sums for a pass: asks the engine once for each kind of thing, when first needed.

    Args:
        frame: What is asked.
        name: The table.
        states: Every state that a metric of the pass needs.
        spreads: Quantities of totals whose sampling variance is needed.
        quantiles: Quantities of quantiles, and the shares asked of each.
        extremes: Quantities of minima, maxima and distinct counts, with the function.
    """

    frame: Frame
    name: str
    states: tuple[State, ...] = ()
    spreads: tuple[Quantity, ...] = ()
    quantiles: Mapping[Quantity, tuple[float, ...]] = field(default_factory=dict)
    extremes: tuple[tuple[Quantity, str], ...] = ()

    @cached_property
    def counts(self) -> dict[str, int] | Refusal:
        """Rows, units and weights of the table in the whole window, whatever is asked of it."""
        frame = self.frame
        key = (self.name, frame.periods[0].start, frame.periods[-1].end, frame.to_date)
        known = _COUNTS.setdefault(frame.ws, {})
        if key not in known:
            span = Window(frame.periods[0].start, frame.periods[-1].end)
            query = queries.profile(Frame(frame.ws, frame.given, (span,), to_date=frame.to_date), self.name)
            if isinstance(query, Refusal):
                return query
            row = query.to_pyarrow().to_pylist()[0]
            known[key] = {name: int(value or 0) for name, value in row.items()}
        return known[key]

    @cached_property
    def plan(self) -> Plan:
        """How rows become units and weights."""
        counts = self.counts
        if isinstance(counts, Refusal):
            return Plan()
        cluster = table(self.name).cluster
        first = next((i for i in range(len(cluster)) if counts[f"known{i}"]), None)
        if first is None:
            return Plan(cluster=table(self.name).key[:1], gathered=counts["rows"] > _EXACT_UNITS,
                        weighted=bool(counts["sampled"]))  # fmt: skip
        return Plan(
            cluster=cluster[first:],
            gathered=counts[f"units{first}"] > _EXACT_UNITS,
            weighted=bool(counts["sampled"]),
        )

    @cached_property
    def units_per_row(self) -> float:
        """Units for each row, at most 1."""
        counts = self.counts
        if isinstance(counts, Refusal) or not counts["rows"]:
            return 1.0
        cluster = table(self.name).cluster
        first = next((i for i in range(len(cluster)) if counts[f"known{i}"]), None)
        return 1.0 if first is None else min(1.0, counts[f"units{first}"] / counts["rows"])

    @cached_property
    def sums(self) -> Grouped | Refusal:
        """Every state by group and unit, from the one fused query."""
        if isinstance(self.counts, Refusal):
            return self.counts
        query = queries.fused(self.frame, self.name, self.states, self.plan)
        if isinstance(query, Refusal):
            return query
        grouped = fetch(query, self.frame.keys)
        for values in grouped.columns.values():
            if values.dtype == np.float64:
                values[np.isnan(values)] = 0.0  # a sum of nothing known: its N says so
        return grouped

    @cached_property
    def sampling(self) -> Grouped | Refusal:
        """Sampling variances and covariances of totals by group; empty where nothing was sampled."""
        query = queries.sampled(self.frame, self.name, self.spreads)
        return query if isinstance(query, Refusal) else fetch(query, self.frame.keys)

    @cached_property
    def values(self) -> Grouped | Refusal:
        """Values of the quantities of quantiles, for a small table."""
        query = queries.vectors(self.frame, self.name, tuple(self.quantiles), self.plan)
        return query if isinstance(query, Refusal) else fetch(query, self.frame.keys)

    @cached_property
    def is_small(self) -> bool:
        """True where quantiles are computed from the values themselves."""
        counts = self.counts
        return not isinstance(counts, Refusal) and counts["rows"] <= VECTOR_ROWS

    def bins(self, quantity: Quantity) -> Grouped | Refusal:
        """Logarithmic histogram of a quantity by group and unit, for a large table."""
        if quantity not in self._bins:
            query = queries.binned(self.frame, self.name, quantity, self.plan)
            self._bins[quantity] = query if isinstance(query, Refusal) else fetch(query, self.frame.keys)
        return self._bins[quantity]

    @cached_property
    def _bins(self) -> dict[Quantity, Grouped | Refusal]:
        return {}

    @cached_property
    def wholes(self) -> tuple[tuple[tuple[Quantity, str, tuple[float, ...]], ...], Grouped | Refusal]:
        """Exact quantiles (of a large unsampled table), minima, maxima and distinct counts by group."""
        asked: list[tuple[Quantity, str, tuple[float, ...]]]
        asked = [(quantity, function, ()) for quantity, function in self.extremes]
        counts = self.counts
        large = not isinstance(counts, Refusal) and VECTOR_ROWS < counts["rows"] <= EXACT_QUANTILE_ROWS
        if large and not self.plan.weighted:
            asked += [(quantity, "quantile", shares) for quantity, shares in self.quantiles.items()]
        query = queries.whole(self.frame, self.name, asked)
        return tuple(asked), query if isinstance(query, Refusal) else fetch(query, self.frame.keys)

    def people(self, column: str) -> Grouped | Refusal:
        """Count the different persons of each group, for withholding small ones."""
        if column not in self._people:
            query = queries.people(self.frame, self.name, column)
            self._people[column] = query if isinstance(query, Refusal) else fetch(query, self.frame.keys)
        return self._people[column]

    @cached_property
    def _people(self) -> dict[str, Grouped | Refusal]:
        return {}

    def keys(self, quantity: Quantity | None, *, extreme: bool = False) -> frozenset[Key] | Refusal:
        """Return the groups that have rows, by the query that answers for a quantity (None: for sums)."""
        if isinstance(self.counts, Refusal):
            return self.counts
        if quantity is None:
            found = self.sums
        elif extreme:
            found = self.wholes[1]
        else:
            found = self.values if self.is_small else self.bins(quantity)
        return found if isinstance(found, Refusal) else frozenset(found.slices)

    def total(self, key: Key, role: Role, quantity: Quantity) -> float:
        """Return one state of one group, added over its units."""
        if isinstance(self.sums, Refusal):
            return 0.0
        return float(self.sums.of(key, self.column(State(role, quantity))).sum())

    def column(self, state: State) -> str:
        """Return the name of a state's column in `sums`."""
        return f"s{self._places[state]}"

    @cached_property
    def _places(self) -> dict[State, int]:
        return {state: i for i, state in enumerate(self.states)}
