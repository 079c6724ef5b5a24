"""On how many days something was worse than chance and the days before allow (`degraded`): a control chart."""

import math
from bisect import bisect_left
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metricstack.core.values import Check, Estimate, Reason, Refusal
from metricstack.core.windows import Window
from metricstack.metrics.answers.answer import Answered
from metricstack.metrics.answers.single import Single
from metricstack.metrics.language.formula import Number
from metricstack.metrics.model import Definition
from metricstack.metrics.query import compile as queries
from metricstack.metrics.query.grouped import Grouped, Key, fetch
from metricstack.metrics.query.rows import Frame
from metricstack.metrics.query.states import Role, State
from metricstack.numerics.intervals import spread_of_groups, spread_of_units

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["Degraded"]

_REACH = 3.0
_MOVING_RANGE = 1.128  # mean distance of two draws from a normal distribution, in standard deviations
_FEWEST_DAYS = 14
_FEWEST_ROWS = 10
_ROLES = (Role.TOTAL, Role.KNOWN, Role.N, Role.ELIGIBLE)


@dataclass(frozen=True, eq=False)
class _Days:
    """A group's days with enough rows, in order, each of shape (days,).

    Args:
        place: Which day of the frame.
        mean: Mean of the day.
        weight: Weight of its known rows.
        variance: Variance of the mean, by units.
    """

    place: NDArray[np.int64]
    mean: NDArray[np.float64]
    weight: NDArray[np.float64]
    variance: NDArray[np.float64]

    def limits(self) -> tuple[float, float]:
        """Return the middle, and the standard deviation of a day of weight 1 by which limits are set."""
        total = float(self.weight.sum())
        middle = float(self.mean @ self.weight) / total
        within = math.sqrt(float(self.variance @ self.weight**2) / total)
        moved = np.abs(np.diff((self.mean - middle) * np.sqrt(self.weight) / within))
        return middle, within * max(float(moved.mean()) / _MOVING_RANGE, 1.0)


class Degraded(Single):
    """The share of a period's local days whose mean lies below the limits that the days before it set.

    The middle is the mean of the days before; a day's limit lies three standard deviations below, where the
    standard deviation is that of a day of its size, widened as far as the days before moved from one to the
    next by more than that.

    Source:
        Laney (2002), *Improved control charts for attributes*, Quality Engineering 14(4): p′, with the
        within-day variance from units instead of the binomial, and limits never narrower than without widening.
    """

    @property
    def before(self) -> int:
        """Days before a period that set its limits."""
        days = self.call.arguments[1]
        return int(days.value) if isinstance(days, Number) else 0

    @cached_property
    def days(self) -> Frame:
        """What is asked of the table, day by day, from the first day that sets limits."""
        calendar, periods = self.frame.ws.calendar, self.frame.periods
        start = self.first_limits(periods[0])
        return replace(self.frame, periods=calendar.cut(Window(start, periods[-1].end), "day"))

    def first_limits(self, period: Window) -> datetime:
        """Return the start of the first day that sets a period's limits."""
        calendar = self.frame.ws.calendar
        return calendar.midnight(calendar.local_day(period.start) - timedelta(days=self.before))

    def query(self) -> "ir.Table | Refusal":
        """Build the query: the sums of each day, group and unit."""
        (quantity,) = self.quantities
        return queries.fused(self.days, self.data.name, [State(role, quantity) for role in _ROLES], self.data.plan)

    @property
    def keys(self) -> frozenset[Key] | Refusal:
        """The groups that have rows in a period."""
        if isinstance(self.grouped, Refusal):
            return self.grouped
        stretches = [self.stretch(i)[1:] for i in range(len(self.frame.periods))]
        return frozenset(
            (i, group)
            for day, group in self.grouped.slices
            for i, (first, after) in enumerate(stretches)
            if first <= day < after
        )

    def stretch(self, i: int) -> tuple[int, int, int]:
        """Return, as places of days: where a period's limits begin, where it begins itself, and where it is over."""
        starts, period = [day.start for day in self.days.periods], self.frame.periods[i]
        first = bisect_left(starts, self.first_limits(period))
        return first, bisect_left(starts, period.start), bisect_left(starts, period.end)

    @cached_property
    def grouped(self) -> Grouped | Refusal:
        """What the query gave, by day and group."""
        query = self.query()
        return query if isinstance(query, Refusal) else fetch(query, self.days.keys)

    def total(self, place: int, group: tuple[str, ...], column: str) -> float:
        """Return one sum of a group on one day."""
        found = self.grouped
        return 0.0 if isinstance(found, Refusal) else float(np.nansum(found.of((place, group), column)))

    def counted(self, group: tuple[str, ...], first: int, after: int) -> _Days:
        """Return a group's days of a stretch, those with enough rows."""
        grouped = self.grouped
        assert not isinstance(grouped, Refusal)
        rows: list[tuple[int, float, float, float]] = []
        for place in range(first, after):
            sums, weights = (np.nan_to_num(grouped.of((place, group), column)) for column in ("s0", "s1"))
            weight = float(weights.sum())
            if self.total(place, group, "s2") < _FEWEST_ROWS or weight <= 0:
                continue
            mean = float(sums.sum()) / weight
            parts = ((sums - mean * weights) / weight)[weights > 0]
            spread = spread_of_groups(parts, queries.GROUPS) if self.data.plan.gathered else spread_of_units(parts)
            rows.append((place, mean, weight, spread.variance))
        columns = np.array(rows, dtype=np.float64).reshape(-1, 4).T
        return _Days(columns[0].astype(np.int64), *columns[1:])

    def answered(self, definition: Definition, key: Key, *, factor: float, level: float, unit: str) -> Answered:
        """Give the share of days below their limits: a census of the days that can be judged."""
        del level
        if isinstance(self.grouped, Refusal):
            return Answered(self.grouped)
        (i, group), name = key, self.data.name
        limits, first, after = self.stretch(i)
        known, eligible, rows, unknown = (
            int(sum(self.total(place, group, column) for place in range(first, after)))
            for column in ("s2", "s3", "_n", "_unknown")
        )
        checks = self.checks(known=known, eligible=eligible, rows=rows, unknown=unknown)
        judged, past = self.counted(group, first, after), self.counted(group, limits, first)
        refusal = self.refusal(definition, known=known, eligible=eligible, n=len(judged.place), what="days")
        if refusal is None and len(past.place) < _FEWEST_DAYS:
            refusal = Refusal(
                Reason.TOO_FEW_UNITS,
                f"{len(past.place)} of the {self.before} days before have {_FEWEST_ROWS} known rows of {name!r} or "
                f"more; {_FEWEST_DAYS} are needed to set limits",
                "Ask of a later window, or of a larger group.",
            )
        if refusal is None and not past.variance.any():
            refusal = Refusal(
                Reason.NO_VARIATION, f"{self.label!r} did not vary on the days before: they set no limits"
            )
        if refusal is not None:
            return Answered(refusal, checks)
        middle, deviation = past.limits()
        below = judged.mean < middle - _REACH * deviation / np.sqrt(judged.weight)
        usual = middle - _REACH * deviation / math.sqrt(float(np.median(judged.weight)))
        text = (
            f"{int(below.sum())} of {len(below)} days lie below; the {len(past.place)} days before set the middle at "
            f"{middle:.4g} and the limit of a day of usual size at {usual:.4g}"
        )
        silent = after - first - len(below)
        found = (Check("limits", None, text), *checks)
        if silent:
            text = f"{silent} days of the period have fewer than {_FEWEST_ROWS} known rows and are not judged"
            found = (*found, Check("days", None, text))
        return Answered(Estimate(float(below.mean()) * factor, unit, len(below), "census"), found)
