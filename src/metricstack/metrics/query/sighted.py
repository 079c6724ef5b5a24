"""What units did from the day on which they were first seen: what an experiment would have had, had it run then.

An experiment exposes a unit when it first comes by, and counts what it does from then to the end. So of a past stretch
the same is asked: the units seen in it, and their rows from the first on. Units stay in the engine; only sums leave it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metricstack.core.values import Moments, Reason, Refusal
from metricstack.core.windows import Window
from metricstack.metrics.query.binning import binned_rows
from metricstack.metrics.query.compile import Plan, summable
from metricstack.metrics.query.joins import unit_path
from metricstack.metrics.query.rows import NOT_RECORDED, Frame
from metricstack.metrics.query.states import Quantity, Role, State
from metricstack.telemetry.measures import Given
from metricstack.telemetry.tables import table

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from metricstack.telemetry.workspace import Workspace

__all__ = ["Sighted", "Sums", "home_of"]

_BUCKETS = 256
"""Hash buckets of units for a histogram, as many as an experiment's arm has."""
_DAY = 86_400
_PAST = (Role.TOTAL, Role.KNOWN, Role.DISTINCT)
"""What of the time before is worth a covariate: how much there was, not how it was counted."""


def home_of(ws: "Workspace", unit: str) -> str | Refusal:
    """Return the table in which units are seen: requests, else sessions; or a refusal where neither names them.

    Args:
        ws: The workspace.
        unit: The column that names the unit.
    """
    able = (name for name in ("requests", "sessions") if unit_path(name, unit) and ws.has(name))
    return next(able, None) or Refusal(
        Reason.MISSING_COLUMN,
        f"neither requests nor sessions say which {unit} they are of",
        f"Load requests that name the {unit}.",
    )


@dataclass(frozen=True)
class Sums:
    """Joint moments of units, or of rows, over all tables at once, one variable per sum.

    Args:
        moments: Their moments.
        places: State → its variable.
        past: State → the variable of the same before the first sight.
        rows: Table → the variable that counts a unit's rows.
        refused: Table → why it cannot be read.
    """

    moments: Moments
    places: Mapping[State, str]
    past: Mapping[State, str]
    rows: Mapping[str, str]
    refused: Mapping[str, Refusal]


@dataclass(frozen=True)
class Sighted:
    """The units of a past stretch.

    Args:
        ws: The workspace.
        given: What is bound into measures.
        unit: The column that names them.
        window: The stretch.
        use_case: Only those seen in this use case, and what they did in it; empty = all.
        before: Days before a unit's first sight that are looked at, too.
    """

    ws: "Workspace"
    given: Given
    unit: str
    window: Window
    use_case: str = ""
    before: int = 28

    def _rows(self, name: str, span: Window, states: Sequence[State], plan: Plan) -> Any:
        """A table's rows with what is summed of them; the unit is ``_g0``, its use case ``_g1``."""
        way = unit_path(name, self.unit)
        if way is None:
            return Refusal(
                Reason.MISSING_COLUMN,
                f"no row of table {name!r} says which {self.unit} it is of",
                f"Choose a metric of a table that names the {self.unit}, or refers to one that does.",
            )
        frame = Frame(self.ws, self.given, (span,), (way, unit_path(name, "use_case") or way))
        return summable(frame, name, states, plan, timed=True)

    def _ours(self, flat: "ir.Table", name: str) -> "ir.Table":
        flat = flat.filter(flat["_g0"] != NOT_RECORDED)
        in_use_case = self.use_case and unit_path(name, "use_case") is not None
        return flat.filter(flat["_g1"] == self.use_case) if in_use_case else flat

    def units(self) -> "ir.Table | Refusal":
        """Build the units: ``unit`` and ``_first``, the instant of its first row."""
        home = home_of(self.ws, self.unit)
        if isinstance(home, Refusal):
            return home
        rows = self._rows(home, self.window, (), Plan(weighted=False))
        if isinstance(rows, Refusal):
            return rows
        flat = self._ours(rows.rows, home)
        return flat.group_by(unit=flat["_g0"]).aggregate(_first=flat["_time"].min())

    def arrivals(self) -> tuple[int, ...] | Refusal:
        """Count the units seen up to each day of the stretch."""
        units = self.units()
        if isinstance(units, Refusal):
            return units
        start = int(self.window.start.timestamp())
        day = ((units["_first"].epoch_seconds() - start) / _DAY).floor().cast("int64")
        found = units.group_by(_day=day).aggregate(_n=units.count()).to_pyarrow().to_pylist()
        by_day = np.zeros(round(self.window.days), dtype=np.int64)
        for row in found:
            by_day[min(int(row["_day"]), len(by_day) - 1)] += row["_n"]
        return tuple(int(n) for n in np.cumsum(by_day))

    def _held(self, flat: "ir.Table", units: "ir.Table", name: str) -> "ir.Table":
        flat = self._ours(flat, name)
        found = flat.join(units, flat["_g0"] == units["unit"])
        return found.filter(found["_time"] >= found["_first"])

    def sums(self, states: Mapping[str, Sequence[State]], plans: Mapping[str, Plan]) -> Sums | Refusal:
        """Return the joint moments of what units did, and of what they had done before.

        Args:
            states: Table → the states that are needed of it.
            plans: Table → how its rows are weighted.
        """
        import ibis

        units = self.units()
        if isinstance(units, Refusal):
            return units
        whole = units.select("unit")
        places, past, counted, refused = dict[State, str](), dict[State, str](), dict[str, str](), dict[str, Refusal]()
        span = Window(self.window.start - timedelta(days=self.before), self.window.end)
        for t, (name, asked) in enumerate(states.items()):
            rows = self._rows(name, span, asked, Plan(weighted=plans[name].weighted))
            if isinstance(rows, Refusal):
                refused[name] = rows
                continue
            flat = self._ours(rows.rows, name)
            flat = flat.join(units, flat["_g0"] == units["unit"])
            earliest = flat["_first"] - ibis.interval(days=self.before)
            flat = flat.filter(flat["_time"] >= earliest).mutate(_old=(flat["_time"] < flat["_first"]).cast("int64"))
            added = rows.added(["unit", "_old"], flat)
            label = {state: rows.places[state] for state in asked}
            now = {f"t{t}_{x}": added[x].sum(where=added["_old"] == 0) for x in dict.fromkeys([*label.values(), "_n"])}
            old = dict.fromkeys(x for state, x in label.items() if state.role in _PAST)
            then = {f"b{t}_{x}": added[x].sum(where=added["_old"] == 1) for x in old}
            columns = {x: value.cast("float64") for x, value in (now | then).items()}
            whole = whole.left_join(added.group_by("unit").aggregate(**columns), "unit")
            whole = whole.select(*(c for c in whole.columns if not c.endswith("_right")))
            places |= {state: f"t{t}_{x}" for state, x in label.items()}
            past |= {state: f"b{t}_{x}" for state, x in label.items() if x in old}
            counted[name] = f"t{t}__n"
        names = list(dict.fromkeys([*places.values(), *past.values(), *counted.values()]))
        moments = _moments(whole.select(**{name: whole[name].fill_null(0.0) for name in names}), names)
        return Sums(moments, places, past, counted, refused)

    def each_row(self, name: str, states: Sequence[State], plan: Plan) -> Sums | Refusal:
        """Return the moments of a table's rows as if they were units: what a count of rows would take for true."""
        units = self.units()
        if isinstance(units, Refusal):
            return units
        own = Plan(cluster=(table(name).key[0],), gathered=False, weighted=plan.weighted)
        rows = self._rows(name, self.window, states, own)
        if isinstance(rows, Refusal):
            return rows
        added = rows.added(["_unit"], self._held(rows.rows, units, name))
        names = list(dict.fromkeys(rows.places[state] for state in states))
        flat = added.select(**{x: added[x].cast("float64").fill_null(0.0) for x in names})
        return Sums(_moments(flat, names), {state: rows.places[state] for state in states}, {}, {}, {})

    def histogram(self, quantity: Quantity, plan: Plan) -> NDArray[np.float64] | Refusal:
        """Return the logarithmic histogram by bucket of units: rows of bucket, bin, weight, rows."""
        way, units = unit_path(quantity.table, self.unit), self.units()
        if isinstance(units, Refusal):
            return units
        if way is None:
            return Refusal(
                Reason.MISSING_COLUMN, f"no row of table {quantity.table!r} says which {self.unit} it is of"
            )
        frame = Frame(self.ws, self.given, (self.window,), (way, unit_path(quantity.table, "use_case") or way))
        rows = binned_rows(frame, quantity.table, quantity, Plan(weighted=plan.weighted), timed=True)
        if isinstance(rows, Refusal):
            return rows
        held = self._held(rows, units, quantity.table)
        held = held.filter(held["_bin"].notnull())
        held = held.mutate(_bucket=held["unit"].hash() & (_BUCKETS - 1))
        n = held.count().cast("float64")
        weight = held["_weight"].sum() if plan.weighted else n
        found = held.group_by(["_bucket", "_bin"]).aggregate(_w=weight, _n=n).to_pyarrow()
        return np.column_stack([found[name].to_numpy().astype(np.float64) for name in ("_bucket", "_bin", "_w", "_n")])


def _moments(flat: "ir.Table", names: Sequence[str]) -> Moments:
    sums: dict[str, Any] = {"n": flat.count()}
    for i, one in enumerate(names):
        sums[f"m{i}"] = flat[one].mean()
        for j, other in enumerate(names[: i + 1]):
            sums[f"c{i}_{j}"] = flat[one].var(how="pop") if i == j else flat[one].cov(flat[other], how="pop")
    row = flat.aggregate(**sums).to_pyarrow().to_pylist()[0]
    k, n = len(names), int(row["n"])
    cross = np.zeros((k, k))
    for i in range(k):
        for j in range(i + 1):
            cross[i, j] = cross[j, i] = (row[f"c{i}_{j}"] or 0.0) * n
    return Moments(n, np.array([row[f"m{i}"] or 0.0 for i in range(k)]), cross, tuple(names))
