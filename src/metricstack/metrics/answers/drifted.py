"""How far something moves with the drift of its inputs (`drift_slope`): day by day, within each use case."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metricstack.core.values import Check, Estimate, Reason, Refusal
from metricstack.core.windows import Window
from metricstack.metrics.answers.answer import Answered
from metricstack.metrics.answers.single import Single
from metricstack.metrics.model import Definition
from metricstack.metrics.query import compile as queries
from metricstack.metrics.query.grouped import Grouped, Key, fetch
from metricstack.metrics.query.joins import path_to
from metricstack.metrics.query.rows import NOT_RECORDED, Frame
from metricstack.metrics.query.states import Role, State
from metricstack.numerics.intervals import t_quantile

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["CHECKS", "COLUMNS", "DriftSlope"]

CHECKS = "quality_checks"
"""The table that holds the drift of inputs."""
COLUMNS = {
    "statistic": "value", "kind": "filter", "verdict": "filter", "statistic_name": "filter", "use_case": "unit",
    "checked": "time",
}  # fmt: skip
"""What is read of it → what it does."""
_FEWEST_WEEKS = 6
_ROLES = (Role.TOTAL, Role.KNOWN, Role.N, Role.ELIGIBLE)


@dataclass(frozen=True, eq=False)
class _Points:
    """Days of use cases with both values, each of shape (points,).

    Args:
        drift: Mean drift statistic of the use case's checks on the day.
        mean: Mean of the value on the day.
        weight: Weight of the day's known rows.
        place: Which use case.
        week: Which calendar week.
    """

    drift: NDArray[np.float64]
    mean: NDArray[np.float64]
    weight: NDArray[np.float64]
    place: NDArray[np.int64]
    week: NDArray[np.int64]

    def within(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Take from each value the mean of its use case."""
        totals = np.bincount(self.place, weights=self.weight)
        means = np.bincount(self.place, weights=self.weight * values) / np.where(totals > 0, totals, 1.0)
        return np.asarray(values - means[self.place], dtype=np.float64)

    def slope(self) -> tuple[float, float, int] | None:
        """Return slope, standard error and weeks; None where the drift does not vary within a use case.

        Weighted least squares of both values' distances from their use case's means; the error is by weeks,
        whose days depend on one another (cluster-robust, with the factor G/(G − 1)).
        """
        x, y = self.within(self.drift), self.within(self.mean)
        below = float(self.weight @ (x * x))
        if below <= 1e-18 * float(self.weight.sum()):
            return None
        slope = float(self.weight @ (x * y)) / below
        _, week = np.unique(self.week, return_inverse=True)
        scores = np.bincount(week, weights=self.weight * x * (y - slope * x))
        weeks = len(scores)
        return slope, float(np.sqrt(weeks / max(weeks - 1, 1) * float(scores @ scores))) / below, weeks


class DriftSlope(Single):
    """The slope of a value's daily mean on the drift of its use case's inputs that day, within use cases.

    What differs between use cases for good cannot make it; what moves both with the calendar can.
    """

    @cached_property
    def days(self) -> Frame:
        """What is asked of the table: the same, day by day and by use case."""
        frame, name = self.frame, self.data.name
        span = Window(frame.periods[0].start, frame.periods[-1].end)
        path = path_to(name, "use_case", name)
        return replace(frame, by=(*frame.by, path), periods=frame.ws.calendar.cut(span, "day"))

    def query(self) -> "ir.Table | Refusal":
        """Build the query: the sums of each day, group and use case."""
        (quantity,) = self.quantities
        plan = replace(self.data.plan, cluster=(), gathered=False)
        return queries.fused(self.days, self.data.name, [State(role, quantity) for role in _ROLES], plan)

    @cached_property
    def grouped(self) -> Grouped | Refusal:
        """What the query gave, by day, group and use case."""
        query = self.query()
        return query if isinstance(query, Refusal) else fetch(query, self.days.keys)

    @cached_property
    def drift(self) -> tuple[str, Mapping[tuple[int, str], float]] | Refusal:
        """Which statistic most checks of drift give, and its mean by day and use case."""
        ws, days = self.frame.ws, self.days
        frame = Frame(ws, self.frame.given, days.periods, (path_to(CHECKS, "use_case", CHECKS),))
        found = frame.rows(CHECKS, also=list(COLUMNS))
        if isinstance(found, Refusal):
            return found
        rows = found.table
        told = (rows.kind == "drift") & rows.statistic.notnull() & (rows.verdict.fill_null("") != "too_little_data")
        flat = rows.select(**found.keys, _name=rows.statistic_name.fill_null(""), _x=rows.statistic, _told=told)
        flat = flat.filter(flat["_told"])
        query = flat.group_by([*frame.keys, "_name"]).aggregate(_sum=flat["_x"].sum(), _n=flat["_x"].count())
        seen = query.to_pyarrow().to_pylist()
        counts: dict[str, int] = {}
        for row in seen:
            counts[row["_name"]] = counts.get(row["_name"], 0) + row["_n"]
        if not counts:
            return Refusal(
                Reason.NOT_MEASURED,
                f"no row of table {CHECKS!r} gives the drift of an input in this window",
                "Record checks of kind 'drift' with their statistic and use case.",
            )
        name = min(counts, key=lambda one: (-counts[one], one))
        return name, {
            (row["_period"], row["_g0"]): row["_sum"] / row["_n"] for row in seen if row["_name"] == name
        }  # fmt: skip

    @property
    def keys(self) -> frozenset[Key] | Refusal:
        """The groups that have rows."""
        if isinstance(self.grouped, Refusal):
            return self.grouped
        return frozenset(self._parts)

    @cached_property
    def _parts(self) -> dict[Key, list[tuple[int, str, slice]]]:
        """Group of a period → its days and use cases, with their sums' place."""
        found: dict[Key, list[tuple[int, str, slice]]] = {}
        slices = {} if isinstance(self.grouped, Refusal) else self.grouped.slices
        for (day, group), part in slices.items():
            found.setdefault((self.period_of(day), group[:-1]), []).append((day, group[-1], part))
        return found

    def period_of(self, day: int) -> int:
        """Return the number of the period that a day lies in."""
        start = self.days.periods[day].start
        return next(i for i, period in enumerate(self.frame.periods) if start < period.end)

    def points(self, key: Key, drift: Mapping[tuple[int, str], float]) -> tuple[_Points, int, int, int]:
        """Return a group's days with both values, and its rows known, in question, and of unknown sampling."""
        grouped, calendar = self.grouped, self.frame.ws.calendar
        assert not isinstance(grouped, Refusal)
        rows: list[tuple[float, float, float, int, int]] = []
        cases: dict[str, int] = {}
        known = eligible = unknown = 0
        for day, use_case, part in self._parts.get(key, []):
            total, weight, n, about, unsaid = (
                float(np.nansum(grouped.columns[name][part])) for name in ("s0", "s1", "s2", "s3", "_unknown")
            )
            known, eligible, unknown = known + int(n), eligible + int(about), unknown + int(unsaid)
            if weight > 0 and (day, use_case) in drift and use_case != NOT_RECORDED:
                week = (calendar.local_day(self.days.periods[day].start).toordinal() - 1) // 7
                place = cases.setdefault(use_case, len(cases))
                rows.append((drift[day, use_case], total / weight, weight, place, week))
        columns = np.array(rows, dtype=np.float64).reshape(-1, 5).T
        places, weeks = columns[3].astype(np.int64), columns[4].astype(np.int64)
        return _Points(columns[0], columns[1], columns[2], places, weeks), known, eligible, unknown

    def answered(self, definition: Definition, key: Key, *, factor: float, level: float, unit: str) -> Answered:
        """Give the slope with its interval over weeks."""
        grouped, drift = self.grouped, self.drift
        if isinstance(grouped, Refusal):
            return Answered(grouped)
        if isinstance(drift, Refusal):
            return Answered(drift)
        statistic, by_day = drift
        points, known, eligible, unknown = self.points(key, by_day)
        checks = self.checks(known=known, eligible=eligible, rows=eligible, unknown=unknown)
        refusal = self.refusal(definition, known=known, eligible=eligible, n=known, what="observations")
        weeks = len(np.unique(points.week))
        if refusal is None and weeks < _FEWEST_WEEKS:
            detail = f"days with both values lie in {weeks} calendar weeks; {_FEWEST_WEEKS} are needed"
            refusal = Refusal(Reason.TOO_FEW_UNITS, detail, "Take a longer window.")
        fitted = points.slope() if refusal is None else None
        if refusal is None and fitted is None:
            refusal = Refusal(Reason.NO_VARIATION, "the drift of no use case's inputs moved from day to day")
        if refusal is not None or fitted is None:
            return Answered(refusal or Refusal(Reason.NO_VARIATION, "the drift did not move"), checks)
        slope, error, weeks = fitted
        reach = t_quantile(level, weeks - 1) * error
        low, high = sorted(((slope - reach) * factor, (slope + reach) * factor))
        text = (
            f"for one more of {statistic or 'the statistic'}, whose daily means run from {points.drift.min():.3g} to "
            f"{points.drift.max():.3g}; an association over {len(points.drift):,} days of use cases, not an effect"
        )
        method = f"least squares within {len(np.unique(points.place))} use cases, clusters: {weeks} weeks"
        estimate = Estimate(slope * factor, unit, len(points.drift), method, low, high, level)
        return Answered(estimate, (Check("drift", None, text), *checks))
