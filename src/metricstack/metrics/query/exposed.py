"""What the units of experiments did after they were first exposed: sums by experiment, arm and unit, then moments.

A unit that did nothing counts with nothing: it was assigned all the same. Only a random split counts, and a unit
that saw several arms belongs to none. Units stay in the engine; only sums of arms leave it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from metricstack.core.values import Moments, Refusal
from metricstack.metrics.query.binning import binned_rows
from metricstack.metrics.query.compile import Plan, summable
from metricstack.metrics.query.joins import Path, unit_path
from metricstack.metrics.query.rows import NOT_RECORDED, Frame
from metricstack.metrics.query.states import Quantity, State
from metricstack.telemetry.measures import Given

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from metricstack.telemetry.workspace import Workspace

__all__ = ["Arm", "Exposed", "Exposure"]

_BUCKETS = 256
"""Hash buckets of an arm's units for its histograms: few units have nearly one each, many enough for a steady error."""
_UNIT = ("experiment", "variant", "unit")
Arm = tuple[str, str]
"""Experiment and variant."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """Whose rows an experiment is about, and when.

    Args:
        experiment: Its key.
        unit: The column that names the randomised unit.
        start: First instant.
        end: First instant after it.
        use_case: The use case that it changes, empty = all.
    """

    experiment: str
    unit: str
    start: datetime
    end: datetime
    use_case: str = ""


@dataclass(frozen=True)
class Exposed:
    """The units of experiments that share a kind of unit, and what they did.

    Args:
        ws: The workspace.
        given: What is bound into measures.
        exposures: The experiments.
    """

    ws: "Workspace"
    given: Given
    exposures: tuple[Exposure, ...]

    def _assigned(self, *, before: bool = False) -> "ir.Table | Refusal":
        """The assignments made while their experiments ran, or those made before they started.

        What an experiment is about is written into the query: a table of it would have to be created, which not
        every engine does for whoever may only read.
        """
        told = ["experiment", "unit", "variant", "first_exposure", "reason", "env"]
        rows = self.ws.table("assignments", columns=told)
        if isinstance(rows, Refusal):
            return rows
        here = rows.env.isnull() | (rows.env == self.ws.config.environment)
        rows = rows.filter(here, rows.unit.notnull(), rows.first_exposure.notnull())
        found = rows.filter(rows.experiment.isin([one.experiment for one in self.exposures]))
        found = found.mutate(
            _start=_of_experiment(found, {one.experiment: _instant(one.start) for one in self.exposures}),
            _end=_of_experiment(found, {one.experiment: _instant(one.end) for one in self.exposures}),
            _use_case=_of_experiment(found, {one.experiment: one.use_case for one in self.exposures}),
        )
        if before:
            return found.filter(found.first_exposure < found["_start"])
        return found.filter(found.first_exposure >= found["_start"], found.first_exposure < found["_end"])

    def counts(self) -> dict[str, dict[str, int]] | Refusal:
        """Count units by experiment and how they were assigned.

        Returns:
            Experiment → ``split`` (random, in one arm), ``several`` (arms), ``none`` (no arm recorded), ``other``
            (reasons).
        """
        rows = self._assigned()
        if isinstance(rows, Refusal):
            return rows
        random = (rows.reason == "split").fill_null(False).cast("int64")
        units = rows.group_by(["experiment", "unit"]).aggregate(_arms=rows.variant.nunique(), _split=random.min())
        several, none, split = units["_arms"] > 1, units["_arms"] == 0, units["_split"] == 1
        found = units.group_by("experiment").aggregate(
            split=(split & ~several & ~none).cast("int64").sum(),
            several=several.cast("int64").sum(),
            none=none.cast("int64").sum(),
            other=(~split & ~several & ~none).cast("int64").sum(),
        )
        return {row.pop("experiment"): row for row in found.to_pyarrow().to_pylist()}

    def early(self) -> dict[str, int] | Refusal:
        """Count units that were exposed before their experiment started: experiment → units."""
        rows = self._assigned(before=True)
        if isinstance(rows, Refusal):
            return rows
        found = rows.group_by("experiment").aggregate(_n=rows.unit.nunique()).to_pyarrow().to_pylist()
        return {row["experiment"]: row["_n"] for row in found}

    def units(self) -> "ir.Table | Refusal":
        """Build the units that count: experiment, variant, unit, ``_first`` (exposure), ``_end`` and ``_use_case``."""
        rows = self._assigned()
        if isinstance(rows, Refusal):
            return rows
        random = (rows.reason == "split").fill_null(False).cast("int64")
        found = rows.group_by(["experiment", "unit"]).aggregate(
            variant=rows.variant.min(), _arms=rows.variant.nunique(), _split=random.min(),
            _first=rows.first_exposure.min(), _end=rows["_end"].min(), _use_case=rows["_use_case"].min(),
        )  # fmt: skip
        return found.filter(found["_arms"] == 1, found["_split"] == 1).drop("_arms", "_split")

    def instants(self, numbers: Mapping[str, int]) -> dict[str, datetime] | Refusal:
        """Find when so many units had been exposed: experiment → the first instant after its n-th unit's exposure.

        Args:
            numbers: Experiment → how many units; one with fewer is left out of the answer.
        """
        import ibis

        units = self.units()
        if isinstance(units, Refusal):
            return units
        units = units.filter(units["experiment"].isin(list(numbers)))
        place = ibis.row_number().over(group_by=units["experiment"], order_by=[units["_first"], units["unit"]])
        ranked = units.mutate(_place=place + 1, _number=_of_experiment(units, numbers))
        found = (
            ranked.filter(ranked["_place"] == ranked["_number"]).select("experiment", "_first").to_pyarrow().to_pylist()
        )
        return {row["experiment"]: row["_first"] + timedelta(microseconds=1) for row in found}

    def _frame(self, name: str) -> tuple[Frame, bool] | None:
        """What is asked of a table: units and use cases as its dimensions; None where it names no unit."""
        from metricstack.core.windows import Window

        (unit,) = {one.unit for one in self.exposures}
        way, use_case = unit_path(name, unit), unit_path(name, "use_case")
        if way is None:
            return None
        span = Window(min(one.start for one in self.exposures), max(one.end for one in self.exposures))
        paths: list[Path] = [way, *([use_case] if use_case is not None else [])]
        return Frame(self.ws, self.given, (span,), tuple(paths)), use_case is not None

    def _within(self, flat: "ir.Table", units: "ir.Table", *, use_cases: bool) -> "ir.Table":
        """Keep a unit's rows from its first exposure to the end of its experiment, of the use case in question."""
        flat = flat.filter(flat["_g0"] != NOT_RECORDED)
        found = flat.join(units, flat["_g0"] == units["unit"])
        held = (found["_time"] >= found["_first"]) & (found["_time"] < found["_end"])
        if use_cases:
            held &= (found["_use_case"] == "") | (found["_use_case"] == found["_g1"])
        return found.filter(held)

    def moments(
        self, states: Mapping[str, Sequence[State]], plans: Mapping[str, Plan]
    ) -> tuple[dict[Arm, Moments], dict[State, str], dict[str, Refusal]] | Refusal:
        """Return each arm's joint moments of what its units did, over all tables at once.

        Args:
            states: Table → the states that are needed of it.
            plans: Table → how its rows are weighted.

        Returns:
            Arm → moments, one variable per sum; state → its variable; table → why it cannot be read.
        """
        units = self.units()
        if isinstance(units, Refusal):
            return units
        whole, places, refused = units.select(*_UNIT), dict[State, str](), dict[str, Refusal]()
        for t, (name, asked) in enumerate(states.items()):
            framed = self._frame(name)
            if framed is None:
                (unit,) = {one.unit for one in self.exposures}
                refused[name] = _no_unit(name, unit)
                continue
            frame, use_cases = framed
            rows = summable(frame, name, asked, Plan(weighted=plans[name].weighted), timed=True)
            if isinstance(rows, Refusal):
                refused[name] = rows
                continue
            added = rows.added(_UNIT, self._within(rows.rows, units, use_cases=use_cases))
            names = {label: f"t{t}_{label}" for label in rows.sums}
            added = added.select(*_UNIT, **{new: added[old].cast("float64") for old, new in names.items()})
            whole = whole.left_join(added, list(_UNIT))
            whole = whole.select(*(c for c in whole.columns if not c.endswith("_right")))
            places |= {state: names[place] for state, place in rows.places.items()}
        variables = list(dict.fromkeys(places.values()))
        flat = whole.select("experiment", "variant", **{name: whole[name].fill_null(0.0) for name in variables})
        sums: dict[str, Any] = {"n": flat.count()}
        for i, one in enumerate(variables):
            sums[f"m{i}"] = flat[one].mean()
            for j, other in enumerate(variables[: i + 1]):
                sums[f"c{i}_{j}"] = flat[one].var(how="pop") if i == j else flat[one].cov(flat[other], how="pop")
        found = flat.group_by(["experiment", "variant"]).aggregate(**sums).to_pyarrow().to_pylist()
        return {(row["experiment"], row["variant"]): _moments(row, variables) for row in found}, places, refused

    def histograms(self, quantity: Quantity, plan: Plan) -> dict[Arm, np.ndarray[Any, Any]] | Refusal:
        """Return each arm's logarithmic histogram by bucket of its units: rows of bucket, bin, weight, rows."""
        framed, units = self._frame(quantity.table), self.units()
        if isinstance(units, Refusal):
            return units
        if framed is None:
            (unit,) = {one.unit for one in self.exposures}
            return _no_unit(quantity.table, unit)
        frame, use_cases = framed
        rows = binned_rows(frame, quantity.table, quantity, Plan(weighted=plan.weighted), timed=True)
        if isinstance(rows, Refusal):
            return rows
        held = self._within(rows, units, use_cases=use_cases)
        held = held.mutate(_bucket=held["unit"].hash() & (_BUCKETS - 1))
        weight = held["_weight"].sum() if plan.weighted else held.count().cast("float64")
        found = (
            held.filter(held["_bin"].notnull())
            .group_by(["experiment", "variant", "_bucket", "_bin"])
            .aggregate(_w=weight if plan.weighted else _count(), _n=_count())
        )
        table = found.to_pyarrow()
        keys = list(zip(table["experiment"].to_pylist(), table["variant"].to_pylist(), strict=True))
        numbers = np.column_stack(
            [table[name].to_numpy().astype(np.float64) for name in ("_bucket", "_bin", "_w", "_n")]
        )
        places: dict[Arm, list[int]] = {}
        for i, key in enumerate(keys):
            places.setdefault(key, []).append(i)
        return {key: numbers[at] for key, at in places.items()}


def _of_experiment(rows: "ir.Table", values: Mapping[str, Any]) -> "ir.Value":
    """What is said of each row's experiment."""
    import ibis

    found: ir.Value = ibis.cases(*((rows["experiment"] == key, value) for key, value in values.items()))
    return found


def _instant(at: datetime) -> Any:
    import ibis

    return ibis.literal(at.astimezone(UTC), type="timestamp('UTC', 6)")


def _count() -> Any:
    import ibis

    return ibis._.count().cast("float64")


def _no_unit(name: str, unit: str) -> Refusal:
    from metricstack.core.values import Reason

    return Refusal(
        Reason.MISSING_COLUMN,
        f"no row of table {name!r} says which {unit} it is of",
        f"Choose a metric of a table that names the {unit}, or refers to one that does.",
    )


def _moments(row: Mapping[str, Any], variables: Sequence[str]) -> Moments:
    k, n = len(variables), int(row["n"])
    cross = np.zeros((k, k))
    for i in range(k):
        for j in range(i + 1):
            cross[i, j] = cross[j, i] = (row[f"c{i}_{j}"] or 0.0) * n
    return Moments(n, np.array([row[f"m{i}"] or 0.0 for i in range(k)]), cross, tuple(variables))
