"""Which units experiments have, in which arm and since when.

Only a random split counts, and a unit that saw several arms belongs to none. Units stay in the engine; only counts of
them leave it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from metricstack.core.values import Refusal
from metricstack.metrics.query.told import tell
from metricstack.telemetry.measures import Given

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from metricstack.telemetry.workspace import Workspace

__all__ = ["Assigned", "Exposure", "of_experiment"]

_INSTANT = "timestamp('UTC', 6)"


@dataclass(frozen=True, slots=True)
class Exposure:
    """Whose rows an experiment is about, and when.

    Args:
        experiment: Its key.
        unit: The column that names the randomised unit.
        start: First instant.
        end: First instant after it.
        use_case: The use case that it changes, empty = all.
        ramps: Instants at which the allocation changed, in order.
        before: Days before a unit's first exposure in which it is looked at, too.
        triggered: Only units that reached the changed code count.
    """

    experiment: str
    unit: str
    start: datetime
    end: datetime
    use_case: str = ""
    ramps: tuple[datetime, ...] = ()
    before: int = 28
    triggered: bool = False


@dataclass(frozen=True)
class Assigned:
    """The units of experiments that share a kind of unit.

    Args:
        ws: The workspace.
        given: What is bound into measures.
        exposures: The experiments.
    """

    ws: "Workspace"
    given: Given
    exposures: tuple[Exposure, ...]

    @property
    def unit(self) -> str:
        """The column that names the randomised unit."""
        (unit,) = {one.unit for one in self.exposures}
        return unit

    def _assigned(self, *, before: bool = False) -> "ir.Table | Refusal":
        """The assignments made while their experiments ran, or those made before they started."""
        told = ["experiment", "unit", "variant", "first_exposure", "reason", "env", "exposed"]
        rows = self.ws.table("assignments", columns=told)
        if isinstance(rows, Refusal):
            return rows
        here = rows.env.isnull() | (rows.env == self.ws.config.environment)
        rows = rows.filter(here, rows.unit.notnull(), rows.first_exposure.notnull())
        said = {(one.experiment,): (one.start, one.end, one.use_case) for one in self.exposures}
        about = {"_start": _INSTANT, "_end": _INSTANT, "_use_case": "string"}
        found = tell(rows, ["experiment"], said, about, embedded=self.ws.is_embedded)
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
        arms = {"_least": rows.variant.min(), "_most": rows.variant.max()}  # cheaper than to count different ones
        units = rows.group_by(["experiment", "unit"]).aggregate(**arms, _split=random.min())
        none, split = units["_least"].isnull(), units["_split"] == 1
        several = (units["_least"] != units["_most"]).fill_null(False)
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

    @cached_property
    def units(self) -> "ir.Table | Refusal":
        """The units that count, one row each; the embedded engine works them out once for all that asks of them.

        Returns:
            ``experiment``, ``variant``, ``unit``, ``_first`` (exposure), ``_since`` (from when on it is looked at),
            ``_end``, ``_use_case``, ``_period`` (how often the allocation had changed before) and ``_met`` (it
            reached the changed code: True, False, or null where nobody said).
        """
        rows = self._assigned()
        if isinstance(rows, Refusal):
            return rows
        random = (rows.reason == "split").fill_null(False).cast("int64")
        found = rows.group_by(["experiment", "unit"]).aggregate(
            variant=rows.variant.min(), _most=rows.variant.max(), _split=random.min(),
            _first=rows.first_exposure.min(), _end=rows["_end"].min(), _use_case=rows["_use_case"].min(),
            _reached=rows.exposed.cast("int64").max(),
        )  # fmt: skip
        found = found.filter(found["variant"] == found["_most"], found["_split"] == 1)
        found = found.mutate(_met=found["_reached"] == 1, _since=self._since(found), _period=self._period(found))
        return self._numbered(found.drop("_most", "_split", "_reached"))

    def _numbered(self, units: "ir.Table") -> "ir.Table":
        """Work the units out once, where the engine is our own, and number them: rows then join by one number."""
        import ibis

        if not self.ws.is_embedded:
            return units
        return units.mutate(_id=ibis.row_number()).cache()

    def _since(self, units: "ir.Table") -> "ir.Value":
        import ibis

        days = {one.experiment: one.before for one in self.exposures}
        since = {number: units["_first"] - ibis.interval(days=number) for number in set(days.values())}
        if len(since) == 1:
            return next(iter(since.values()))
        return of_experiment(units, {key: since[number] for key, number in days.items()})

    def _period(self, units: "ir.Table") -> "ir.Value":
        import ibis

        found: ir.Value = ibis.literal(0, type="int64")
        for i in range(max(len(one.ramps) for one in self.exposures)):
            changed = {one.experiment: _instant(one.ramps[i]) for one in self.exposures if len(one.ramps) > i}
            later = (units["_first"] >= of_experiment(units, changed)).fill_null(False)
            found = found + later.cast("int64")
        return found

    def by_day(self) -> dict[str, dict[date, dict[str, int]]] | Refusal:
        """Count the units that count by the day (UTC) of their first exposure: experiment → day → arm → units."""
        units = self.units
        if isinstance(units, Refusal):
            return units
        found = units.group_by("experiment", "variant", _day=units["_first"].date()).aggregate(_n=units.count())
        result: dict[str, dict[date, dict[str, int]]] = {}
        for row in sorted(found.to_pyarrow().to_pylist(), key=lambda row: row["_day"]):
            result.setdefault(row["experiment"], {}).setdefault(row["_day"], {})[row["variant"]] = row["_n"]
        return result

    def instants(self, numbers: Mapping[str, int]) -> dict[str, datetime] | Refusal:
        """Find when so many units had been exposed: experiment → the first instant after its n-th unit's exposure.

        Args:
            numbers: Experiment → how many units; one with fewer is left out of the answer.
        """
        import ibis

        units = self.units
        if isinstance(units, Refusal):
            return units
        units = units.filter(units["experiment"].isin(list(numbers)))
        place = ibis.row_number().over(group_by=units["experiment"], order_by=[units["_first"], units["unit"]])
        ranked = units.mutate(_place=place + 1, _number=of_experiment(units, numbers))
        found = (
            ranked.filter(ranked["_place"] == ranked["_number"]).select("experiment", "_first").to_pyarrow().to_pylist()
        )
        return {row["experiment"]: row["_first"] + timedelta(microseconds=1) for row in found}


def of_experiment(rows: "ir.Table", values: Mapping[str, Any]) -> "ir.Value":
    """What is said of each row's experiment, null where nothing is."""
    import ibis

    found: ir.Value = ibis.cases(*((rows["experiment"] == key, value) for key, value in values.items()))
    return found


def _instant(at: datetime) -> Any:
    import ibis

    return ibis.literal(at.astimezone(UTC), type=_INSTANT)
