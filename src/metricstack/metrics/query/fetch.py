"""Run a table's queries, once each, and hold their sums as arrays by group."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from metricstack.core.values import Refusal
from metricstack.core.windows import Window
from metricstack.metrics.query import binning
from metricstack.metrics.query import compile as queries
from metricstack.metrics.query.compile import Plan
from metricstack.metrics.query.cuts import cuts
from metricstack.metrics.query.grouped import Grouped, Key, fetch, grouped
from metricstack.metrics.query.plan import plan_of, units_per_row
from metricstack.metrics.query.rows import Frame
from metricstack.metrics.query.states import Quantity, Role, State
from metricstack.metrics.rollups.rolled import RollUp, find
from metricstack.metrics.rollups.store import Manifest, kept, sources_of
from metricstack.telemetry.tables import table

__all__ = ["EXACT_QUANTILE_ROWS", "EXACT_UNITS", "VECTOR_ROWS", "TableData"]

_COUNTS: WeakKeyDictionary[Any, dict[Any, dict[str, int]]] = WeakKeyDictionary()
"""Workspace (its data are those of its opening) → rows by table and window."""
EXACT_UNITS = 512
"""Up to so many units are used one by one; more are gathered in buckets."""
VECTOR_ROWS = 100_000
"""Up to so many rows, quantiles are computed from the values themselves."""
EXACT_QUANTILE_ROWS = 1_000_000
"""Up to so many rows, unweighted quantiles are the engine's exact ones; above, the histogram's."""


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
        units: Tell units apart, which intervals need; False adds over them in the engine, which is faster.
    """

    frame: Frame
    name: str
    states: tuple[State, ...] = ()
    spreads: tuple[Quantity, ...] = ()
    quantiles: Mapping[Quantity, tuple[float, ...]] = field(default_factory=dict)
    extremes: tuple[tuple[Quantity, str], ...] = ()
    units: bool = True

    @cached_property
    def rolled(self) -> RollUp | None:
        """The roll-up that answers exactly what is asked, None where the rows must."""
        found = find(self.frame, self.name, EXACT_UNITS)
        return found if found is not None and found.manifest.plan == self._whole_plan else None

    @cached_property
    def counts(self) -> dict[str, int] | Refusal:
        """Rows of the table in the whole window, and sampled ones among them, whatever is asked of it."""
        frame = self.frame
        if self.rolled is not None:
            return self.rolled.counts
        several = frame.to_date or frame.window is not None  # a row may belong to several periods
        span = Window(frame.periods[0].start, frame.periods[-1].end)
        periods = frame.periods if several else (span,)
        key = (self.name, periods, frame.to_date, frame.window)
        known = _COUNTS.setdefault(frame.ws, {})
        if key not in known:
            whole = Frame(frame.ws, frame.given, periods, to_date=frame.to_date, window=frame.window)
            query = queries.counted(whole, self.name, self.plan)
            if isinstance(query, Refusal):
                return query
            row = query.to_pyarrow().to_pylist()[0]
            known[key] = {"sampled": 0} | {name: int(value or 0) for name, value in row.items()}
        return known[key]

    @cached_property
    def plan(self) -> Plan:
        """How rows become units and weights: of the whole table, not of the window."""
        return self._whole_plan if self.units else replace(self._whole_plan, cluster=())

    @cached_property
    def _asked(self) -> frozenset[str]:
        """Columns that name units, and are asked by or filtered on."""
        paths = (*self.frame.by, *(path for path, _ in self.frame.where))
        return frozenset(path.column for path in paths if not path.through) & set(table(self.name).cluster)

    @cached_property
    def _whole_plan(self) -> Plan:
        if self._kept is not None and not self._asked:
            return self._kept.plan
        found = plan_of(self.frame.ws, self.name, exact_units=EXACT_UNITS, asked=self._asked)
        return Plan() if isinstance(found, Refusal) else found

    @cached_property
    def units_per_row(self) -> float:
        """Units for each row of the table, at most 1; about, where they are many."""
        if self._kept is not None and not self._asked:
            return self._kept.units_per_row
        return units_per_row(self.frame.ws, self.name, self.plan)

    @cached_property
    def _kept(self) -> Manifest | None:
        """What a roll-up knows of the whole table, where it is of the same data."""
        frame = self.frame
        found = kept(frame.ws, self.name, frame.given, EXACT_UNITS)
        return found if found is not None and found.sources == sources_of(frame.ws, self.name) else None

    @cached_property
    def sums(self) -> Grouped | Refusal:
        """Every state by group and unit, from the one fused query."""
        if isinstance(self.counts, Refusal):
            return self.counts
        known = self.rolled.sums(self.states, units=self.units) if self.rolled is not None else None
        if known is not None:
            return grouped(known, self.frame.keys)
        asked = queries.shared(self.frame, self.name, self.states, self.plan)
        if isinstance(asked, Refusal):
            return asked
        query, places = asked
        found = fetch(query, self.frame.keys)
        for values in found.columns.values():
            if values.dtype == np.float64:
                values[np.isnan(values)] = 0.0  # a sum of nothing known: its N says so
        columns = {self.column(state): found.columns[place] for state, place in places.items()}
        return replace(found, columns=dict(found.columns) | columns)

    @cached_property
    def sampling(self) -> Grouped | Refusal:
        """Sampling variances and covariances of totals by group; empty where nothing was sampled."""
        known = self.rolled.sampling(self.spreads) if self.rolled is not None else None
        if known is not None:
            return grouped(known, self.frame.keys)
        query = queries.sampled(self.frame, self.name, self.spreads)
        return query if isinstance(query, Refusal) else fetch(query, self.frame.keys)

    @cached_property
    def values(self) -> Grouped | Refusal:
        """Values of the quantities of quantiles, for a small table."""
        one_by_one = replace(self.plan, gathered=False)
        query = queries.vectors(self.frame, self.name, tuple(self.quantiles), one_by_one)
        return query if isinstance(query, Refusal) else fetch(query, self.frame.keys)

    @cached_property
    def is_small(self) -> bool:
        """True where quantiles are computed from the values themselves."""
        counts = self.counts
        return not isinstance(counts, Refusal) and counts["rows"] <= VECTOR_ROWS

    def bins(self, quantity: Quantity) -> Grouped | Refusal:
        """Logarithmic histogram of a quantity by group and unit, for a large table."""
        if quantity not in self._bins:
            self._bins[quantity] = self._binned(quantity)
        return self._bins[quantity]

    def _binned(self, quantity: Quantity) -> Grouped | Refusal:
        known = self.rolled.bins(quantity) if self.rolled is not None else None
        if known is not None:
            return grouped(known, self.frame.keys)
        query = binning.binned(self.frame, self.name, quantity, self.plan)
        return query if isinstance(query, Refusal) else fetch(query, self.frame.keys)

    @cached_property
    def _bins(self) -> dict[Quantity, Grouped | Refusal]:
        return {}

    def histogram(self, quantity: Quantity) -> Grouped | Refusal:
        """Logarithmic histogram of a quantity by group, and by unit where `tells_units`."""
        if self.tells_units(quantity):
            return self.bins(quantity)
        if quantity not in self._shapes:
            query = binning.binned(self.frame, self.name, quantity, replace(self.plan, cluster=()))
            self._shapes[quantity] = query if isinstance(query, Refusal) else fetch(query, self.frame.keys)
        return self._shapes[quantity]

    @cached_property
    def _shapes(self) -> dict[Quantity, Grouped | Refusal]:
        return {}

    def tells_units(self, quantity: Quantity) -> bool:
        """True where `histogram` is by unit too; else `below` says what its interval needs.

        By unit is one question instead of two, with as many rows as units times bins in each group: for a
        roll-up, which keeps them, for a table of moderate size, and for an engine that would have to be sent a table.
        """
        counts = self.counts
        moderate = isinstance(counts, Refusal) or counts["rows"] <= EXACT_QUANTILE_ROWS
        kept = self.rolled is not None and quantity.text in self.rolled.manifest.bins
        return self.units and (moderate or kept or self.frame.ws.connection.name != "duckdb")

    @cached_property
    def below(self) -> Grouped | Refusal:
        """How much of each unit lies at or below its group's quantiles, where histograms tell no units.

        Columns ``w{i}`` (weight) and ``q{i}_{j}`` (of what is below), of quantity i and share j in the order of
        ``quantiles``.
        """
        found: dict[int, tuple[Grouped, tuple[float, ...]]] = {}
        for i, (quantity, asked) in enumerate(self.quantiles.items()):
            shape = self.histogram(quantity)
            if isinstance(shape, Refusal):
                return shape
            found[i] = shape, asked
        places = cuts(found, self.frame.keys)
        query = binning.below(self.frame, self.name, tuple(self.quantiles), self.plan, places)
        return query if isinstance(query, Refusal) else fetch(query, self.frame.keys)

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

    def nests(self, quantity: Quantity) -> bool:
        """True where a value belongs to one unit, so that units' counts of different values add up."""
        cluster = self.plan.cluster
        return not cluster or cluster[0] == quantity.text.partition(" where ")[0]

    def distinct(self, quantity: Quantity) -> Grouped | Refusal:
        """Count a column's different values by group, exactly, for values that several units share."""
        if quantity not in self._distinct:
            query = queries.whole(self.frame, self.name, [(quantity, "distinct", ())])
            self._distinct[quantity] = query if isinstance(query, Refusal) else fetch(query, self.frame.keys)
        return self._distinct[quantity]

    @cached_property
    def _distinct(self) -> dict[Quantity, Grouped | Refusal]:
        return {}

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
            found = self.values if self.is_small else self.histogram(quantity)
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
