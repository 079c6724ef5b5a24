"""What the units of experiments did before and after they were first exposed: sums by unit, then moments by arm.

A unit that did nothing counts with nothing: it was assigned all the same. Units stay in the engine; only sums of arms
leave it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import UnknownName
from metricstack.core.values import Moments, Reason, Refusal
from metricstack.core.windows import Window
from metricstack.metrics.query.asked import AFTER, BEFORE, OTHERS, TRIGGERED, Asked, Cell, Cut, Together
from metricstack.metrics.query.assigned import Assigned, Exposure, of_experiment
from metricstack.metrics.query.binning import binned_rows
from metricstack.metrics.query.compile import Plan, summable
from metricstack.metrics.query.hashed import bucket_of
from metricstack.metrics.query.joins import dimensions, path_to, unit_path
from metricstack.metrics.query.joint import joint
from metricstack.metrics.query.rows import NOT_RECORDED, Frame
from metricstack.metrics.query.states import Quantity, State
from metricstack.metrics.query.told import tell

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["Exposed", "Exposure"]

_BUCKETS = 256
"""Hash buckets of an arm's units for its histograms: few units have nearly one each, many enough for a steady error."""
_DAY = 86_400


@dataclass(frozen=True)
class Exposed(Assigned):
    """The units of experiments that share a kind of unit, and what they did."""

    def joint(self, asked: Asked) -> Together | Refusal:
        """Return joint moments by cell: one pass over each table, for all experiments."""
        phases = {AFTER: asked.states, BEFORE: asked.before}
        return self._joint(phases, asked.plans, asked=asked)

    def over_time(
        self,
        states: Mapping[str, Sequence[State]],
        plans: Mapping[str, Plan],
        edges: Sequence[int],
        *,
        caps: Mapping[str, float] | None = None,
    ) -> Together | Refusal:
        """Return joint moments of what units did in stretches of days since their first exposure.

        What is capped is a unit's amount in one stretch, at the quantile of the units that were there in those days.

        Args:
            states: Table → states.
            plans: Table → how its rows are weighted.
            edges: Days between stretches, in order: [1, 7] asks of the first day, the next six, and what follows.
            caps: Experiment → share at whose quantile of units, over its arms, totals are capped; None = not.
        """
        return self._joint(dict.fromkeys(range(len(edges) + 1), states), plans, edges=tuple(edges), caps=caps)

    def _joint(
        self,
        phases: Mapping[int, Mapping[str, Sequence[State]]],
        plans: Mapping[str, Plan],
        *,
        edges: tuple[int, ...] = (),
        caps: Mapping[str, float] | None = None,
        asked: Asked | None = None,
    ) -> Together | Refusal:
        by, caps, cuts = (asked.by, asked.caps, asked.cuts) if asked is not None else ((), caps or {}, {})
        tables = dict.fromkeys(name for states in phases.values() for name in states)
        everyone = asked is not None and asked.everyone
        units = self._labelled(by, tuple(tables), everyone=everyone)
        if isinstance(units, Refusal):
            return units
        labels = ["_period", *(f"_l{i}" for i in range(len(by) + everyone))]
        if caps:
            units = units.mutate(_there=units["_end"].epoch_seconds() - units["_first"].epoch_seconds())
        kept = [*labels, "_there"] if caps else labels
        key = _key(units)
        whole = units.select(*dict.fromkeys([*key, "experiment", "variant", *kept]))
        places, refused = dict[int, dict[State, str]](), dict[str, Refusal]()
        amounts: dict[str, int] = {}
        for t, name in enumerate(tables):
            wanted = {phase: tuple(states[name]) for phase, states in phases.items() if states.get(name)}
            found = self._of_units(name, wanted, plans[name], units, edges=edges)
            if isinstance(found, Refusal):
                refused[name] = found
                continue
            added, named, totals = found
            added = added.select(*key, **{f"t{t}{column}": added[column] for column in added.columns[len(key) :]})
            whole = whole.left_join(added, key)
            whole = whole.select(*(c for c in whole.columns if not c.endswith("_right")))
            for phase, columns in named.items():
                mine = {state: f"t{t}{column}" for state, column in columns.items()}
                places.setdefault(phase, {}).update(mine)
            amounts |= {f"t{t}{column}": phase for column, phase in totals.items()}
        variables = list(dict.fromkeys(place for named in places.values() for place in named.values()))
        for name, cut in cuts.items():
            parts = self._below(name, cut, units)
            if not isinstance(parts, Refusal):
                whole = whole.left_join(parts, key)
                whole = whole.select(*(c for c in whole.columns if not c.endswith("_right")))
                variables += parts.columns[len(key) :]
        flat = whole.select("experiment", "variant", *kept, **{name: whole[name].fill_null(0.0) for name in variables})
        since = {name: (0, *edges)[phase] for name, phase in amounts.items() if name in variables}
        capped = _caps(flat, since, caps)
        flat = _capped(flat, capped)
        pairs = list(combinations(variables, 2)) if asked is None else asked.pairs(variables, places)
        cells = _moments(flat, ["experiment", "variant", *labels], variables, pairs)
        keyed = {(key[0], key[1], int(key[2]), tuple(str(label) for label in key[3:])): m for key, m in cells.items()}
        return Together(keyed, places, refused, capped)

    def _of_units(
        self,
        name: str,
        asked: Mapping[int, Sequence[State]],
        plan: Plan,
        units: "ir.Table",
        *,
        edges: tuple[int, ...],
    ) -> "tuple[ir.Table, dict[int, dict[State, str]], dict[str, int]] | Refusal":
        """Add up one table by unit: a column for each sum in each phase, what each state is, each amount's phase."""
        frame = self._frame(name, before=BEFORE in asked)
        if isinstance(frame, Refusal):
            return frame
        states = tuple(dict.fromkeys(state for wanted in asked.values() for state in wanted))
        rows = summable(frame, name, states, Plan(weighted=plan.weighted), timed=True)
        if isinstance(rows, Refusal):
            return rows
        key = _key(units)
        held = self._within(name, rows.rows, units, since="_since" if BEFORE in asked else "_first")
        amounts = {label for label, one in rows.sums.items() if one.kind in ("total", "square")}
        if list(asked) == [AFTER] and not edges:
            added = rows.added(key, held)
            columns = {f"_{label}": added[label].cast("float64") for label in rows.sums}
            named = {AFTER: {state: f"_{rows.places[state]}" for state in asked[AFTER]}}
            totals = {f"_{label}": AFTER for label in rows.sums if label in amounts}
            return added.select(*key, **columns), named, totals
        added = rows.added([*key, "_phase"], held.mutate(_phase=_phase(held, edges)))
        sums: dict[str, ir.Value] = {}
        found: dict[int, dict[State, str]] = {}
        totals = {}
        for phase, wanted in asked.items():
            for state in wanted:
                label = rows.places[state]
                column = f"{'b' if phase == BEFORE else phase}_{label}"
                found.setdefault(phase, {})[state] = column
                sums[column] = added[label].cast("float64").sum(where=added["_phase"] == phase)
                totals |= {column: phase} if label in amounts and phase != BEFORE else {}
        return added.group_by(key).aggregate(**sums), found, totals

    def _below(self, name: str, cut: Cut, units: "ir.Table") -> "ir.Table | Refusal":
        """Add up by unit how much of a quantity is known, and how much of that lies at or below its arm's quantile."""
        frame = self._frame(cut.quantity.table)
        if isinstance(frame, Refusal):
            return frame
        rows = binned_rows(frame, cut.quantity.table, cut.quantity, Plan(weighted=cut.plan.weighted), timed=True)
        if isinstance(rows, Refusal):
            return rows
        # A bin reaches from one whole number below its own to its own: what of it lies below a place, the place tells.
        places = {cell: (at - 1 + inside,) for cell, (at, inside) in cut.places.items()}
        keys = ["experiment", "variant", "_period"]
        units = tell(units, keys, places, {"_place": "float64"}, embedded=self.ws.is_embedded)
        held = self._within(cut.quantity.table, rows, units)
        held = held.filter(held["_bin"].notnull())
        below = (held["_place"] - held["_bin"].cast("float64") + 1.0).clip(0.0, 1.0)
        if cut.plan.weighted:
            known, below = held["_weight"].sum(), (held["_weight"] * below).sum()
        else:  # counts are cast: a written number is a decimal to some engines, whose products overflow
            known, below = held.count().cast("float64"), below.sum()
        return held.group_by(_key(units)).aggregate(**{f"{name}:weight": known, f"{name}:below": below})

    def _frame(self, name: str, labels: Sequence[str] = (), *, before: bool = False) -> Frame | Refusal:
        """What is asked of a table: units, use cases and further dimensions; a refusal where it names no unit."""
        way, use_case = unit_path(name, self.unit), unit_path(name, "use_case")
        if way is None:
            return Refusal(
                Reason.MISSING_COLUMN,
                f"no row of table {name!r} says which {self.unit} it is of",
                f"Choose a metric of a table that names the {self.unit}, or refers to one that does.",
            )
        starts = (one.start - timedelta(days=one.before if before else 0) for one in self.exposures)
        span = Window(min(starts), max(one.end for one in self.exposures))
        paths = [way, use_case or way, *(path_to(name, label, self.unit) for label in labels)]
        return Frame(self.ws, self.given, (span,), tuple(paths))

    def _within(self, name: str, flat: "ir.Table", units: "ir.Table", *, since: str = "_first") -> "ir.Table":
        """Keep a unit's rows of a table up to the end of its experiment, of the use case in question."""
        flat = flat.filter(flat["_g0"] != NOT_RECORDED)
        about = [bool(one.use_case) for one in self.exposures]
        if unit_path(name, "use_case") is None:  # all its rows are of every use case
            about = [False]
        same = [flat["_g0"] == units["unit"]] + ([flat["_g1"] == units["_use_case"]] if all(about) else [])
        found = flat.join(units, same)
        held = (found["_time"] >= found[since]) & (found["_time"] < found["_end"])
        if any(about) and not all(about):
            held &= (found["_use_case"] == "") | (found["_use_case"] == found["_g1"])
        return found.filter(held)

    def _labelled(
        self, by: tuple[str, ...], tables: tuple[str, ...], *, everyone: bool = False
    ) -> "ir.Table | Refusal":
        """Return the units that count, with the value of each dimension as of the first row that is looked at."""
        import ibis

        units = self.units
        if isinstance(units, Refusal):
            return units
        triggered = {one.experiment: one.triggered for one in self.exposures}
        if everyone:
            met = ibis.ifelse(units["_met"].fill_null(False), TRIGGERED, OTHERS)
            units = units.mutate(**{f"_l{len(by)}": met})
        elif any(triggered.values()):
            units = units.filter(~of_experiment(units, triggered) | units["_met"].fill_null(False))
        for i, label in enumerate(by):
            named = self._labels(label, units, tables)
            if isinstance(named, Refusal):
                return named
            units = units.left_join(named.rename({f"_l{i}": "_label"}), _key(units))
            units = units.select(*(c for c in units.columns if not c.endswith("_right")))
            units = units.mutate(**{f"_l{i}": units[f"_l{i}"].fill_null(NOT_RECORDED)})
        return units

    def _labels(self, label: str, units: "ir.Table", tables: tuple[str, ...]) -> "ir.Table | Refusal":
        nearby = [name for name in dict.fromkeys([*tables, "requests", "sessions"]) if unit_path(name, self.unit)]
        able = [name for name in nearby if label in dimensions(name) and self.ws.has(name)]
        if not able:
            known = sorted({one for name in nearby for one in dimensions(name)})
            raise UnknownName("dimension of units", label, known)
        name = able[0]
        frame = self._frame(name, [label], before=True)
        if isinstance(frame, Refusal):
            return frame
        rows = summable(frame, name, (), Plan(weighted=False), timed=True)
        if isinstance(rows, Refusal):
            return rows
        held = self._within(name, rows.rows, units, since="_since")
        held = held.filter(held["_g2"] != NOT_RECORDED)
        return held.group_by(_key(units)).aggregate(_label=held["_g2"].argmin(held["_time"]))

    def histograms(
        self, quantity: Quantity, plan: Plan, *, by: tuple[str, ...] = (), by_unit: bool = True
    ) -> dict[Cell, NDArray[np.float64]] | Refusal:
        """Return each cell's logarithmic histogram by bucket of its units: rows of bucket, bin, weight, rows.

        Args:
            quantity: What the quantile is of.
            plan: How the table's rows are weighted.
            by: Dimensions of units.
            by_unit: False: all units in one bucket, where what tells them apart is asked of `joint`.
        """
        frame, units = self._frame(quantity.table), self._labelled(by, (quantity.table,))
        if isinstance(units, Refusal):
            return units
        if isinstance(frame, Refusal):
            return frame
        rows = binned_rows(frame, quantity.table, quantity, Plan(weighted=plan.weighted), timed=True)
        if isinstance(rows, Refusal):
            return rows
        # There are fewer units than rows of theirs.
        held = self._within(
            quantity.table, rows, units.mutate(_bucket=bucket_of(units, "unit", _BUCKETS if by_unit else 1))
        )
        keys = ["experiment", "variant", "_period", *(f"_l{i}" for i in range(len(by)))]
        found = (
            held.filter(held["_bin"].notnull())
            .group_by([*keys, "_bucket", "_bin"])
            .aggregate(_w=held["_weight"].sum() if plan.weighted else _count(), _n=_count())
        )
        table = found.to_pyarrow()
        places = table.select(keys).to_pandas().groupby(keys, sort=False).indices
        numbers = np.column_stack(
            [table[name].to_numpy().astype(np.float64) for name in ("_bucket", "_bin", "_w", "_n")]
        )
        return {
            (experiment, variant, int(period), tuple(labels)): numbers[at]
            for (experiment, variant, period, *labels), at in places.items()
        }


def _key(units: "ir.Table") -> list[str]:
    """The columns that name a unit of an experiment: its number, where it has one."""
    return ["_id"] if "_id" in units.columns else ["experiment", "variant", "unit"]


def _phase(rows: "ir.Table", edges: tuple[int, ...]) -> "ir.Value":
    """The phase of a row: -1 before the first exposure, else its stretch of days."""
    import ibis

    if not edges:
        return ibis.ifelse(rows["_time"] >= rows["_first"], AFTER, BEFORE)
    seconds = rows["_time"].epoch_seconds() - rows["_first"].epoch_seconds()
    return ibis.cases(*((seconds < edge * _DAY, i) for i, edge in enumerate(edges)), else_=len(edges))


def _caps(flat: "ir.Table", since: Mapping[str, int], shares: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Find the caps of each experiment's amounts: a quantile of its units, over all arms.

    Args:
        flat: What units did.
        since: Amount → the day after the first exposure on which it begins. Who was not there that long is no unit of
            it: of those who came late there would be more than the share has, and the cap would be 0.
        shares: Experiment → share.
    """
    import ibis

    found: dict[str, dict[str, float]] = {}
    for share in dict.fromkeys(shares.values()) if since else ():
        mine = flat.filter(flat["experiment"].isin([key for key, one in shares.items() if one == share]))
        held = {
            name: ibis.ifelse(mine["_there"] > day * _DAY, mine[name], None) if day else mine[name]
            for name, day in since.items()
        }
        caps = mine.group_by("experiment").aggregate(**{name: value.quantile(share) for name, value in held.items()})
        found |= {row.pop("experiment"): row for row in caps.to_pyarrow().to_pylist()}
    return {key: {name: cap for name, cap in each.items() if cap is not None} for key, each in found.items()}


def _capped(flat: "ir.Table", caps: Mapping[str, Mapping[str, float]]) -> "ir.Table":
    import ibis

    names = dict.fromkeys(name for each in caps.values() for name in each)
    columns = {
        name: ibis.least(
            flat[name], of_experiment(flat, {key: each[name] for key, each in caps.items() if name in each})
        )
        for name in names
    }
    return flat.mutate(**{name: value.fill_null(flat[name]) for name, value in columns.items()})


def _moments(
    flat: "ir.Table", keys: Sequence[str], variables: Sequence[str], pairs: Sequence[tuple[str, str]]
) -> dict[tuple[Any, ...], Moments]:
    """Return the moments of each group; products that were not asked for stand as 0, and nothing may rest on them."""
    if not variables:
        counted = flat.group_by(list(keys)).aggregate(n=flat.count()).to_pyarrow().to_pylist()
        return {
            tuple(row[key] for key in keys): Moments(row["n"], np.zeros(0), np.zeros((0, 0)), ()) for row in counted
        }
    # The table is made of aggregates: a sample of it would cost as much as all. Sums of what units do lie near 0 in
    # their own deviations; where they do not, `joint` sees it and asks again.
    found = joint(flat, keys, variables, pairs=pairs, centre={})
    return {key: Moments(one.n, one.means, np.nan_to_num(one.cross), one.names) for key, one in found.items()}


def _count() -> Any:
    import ibis

    return ibis._.count().cast("float64")
