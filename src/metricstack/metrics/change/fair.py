"""Seasonally fair windows: every weekday counts alike in both, and days without data in neither."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metricstack.core.values import Check, Reason, Refusal
from metricstack.core.windows import Window
from metricstack.metrics.job import Job
from metricstack.metrics.language.formula import Call, walk
from metricstack.metrics.passes import Pass
from metricstack.metrics.query.fetch import TableData
from metricstack.metrics.query.grouped import Grouped, Key
from metricstack.metrics.query.states import Role
from metricstack.telemetry.completeness import days_with_data
from metricstack.telemetry.tables import table

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["FairPass", "Weekdays", "can_be_fair", "happened", "per_day", "weekdays"]

_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MOST_EVENTS = 8
_WEIGHTED = (Role.TOTAL, Role.SQUARE, Role.KNOWN)


@dataclass(frozen=True)
class Weekdays:
    """How much each day of two windows counts.

    Args:
        days: Local days of each window.
        factors: For each window, what a day's sums are multiplied by: they then add up to those of one day of
            the mix of weekdays that both windows have in the mean.
        checks: What was unlike, and which days had no data.
        alike: The windows have the same number of each weekday: there is nothing to weight.
    """

    days: tuple[tuple[Window, ...], tuple[Window, ...]]
    factors: tuple[tuple[float, ...], tuple[float, ...]]
    checks: tuple[Check, ...]
    alike: bool


def weekdays(ws: "Workspace", earlier: Window, later: Window) -> Weekdays | Refusal:
    """Weigh the days of two windows so that both have the same mix of weekdays.

    Args:
        ws: The workspace; its calendar says where days begin, its data which days have any.
        earlier: One window.
        later: The other.

    Returns:
        The weights; or a refusal where a weekday stands in one of the windows only.
    """
    with_data = days_with_data(ws)
    days = tuple(ws.calendar.cut(window, "day") for window in (earlier, later))
    local = tuple(tuple(ws.calendar.local_day(day.start) for day in part) for part in days)
    counts = [Counter(day.weekday() for day in part if day in with_data) for part in local]
    totals = [sum(count.values()) for count in counts]
    for window, total in zip((earlier, later), totals, strict=True):
        if not total:
            return Refusal(Reason.NO_DATA, f"no day of {window} has data", "Take a window that the data cover.")
    share = {i: (counts[0][i] / totals[0] + counts[1][i] / totals[1]) / 2 for i in range(7)}
    for window, count, other in ((earlier, counts[0], counts[1]), (later, counts[1], counts[0])):
        lacking = [_NAMES[i] for i in range(7) if other[i] and not count[i]]
        if lacking:
            return Refusal(
                Reason.NO_DATA,
                f"{window} has no {' and no '.join(lacking)} with data, the other window does",
                "Take windows of whole weeks, or compare without fair='weekdays'.",
            )
    factors = tuple(
        tuple(share[day.weekday()] / counts[w][day.weekday()] if day in with_data else 0.0 for day in part)
        for w, part in enumerate(local)
    )
    alike = counts[0] == counts[1]
    checks = [_mix(counts, alike=alike)]
    for name, part in zip(("earlier", "later"), local, strict=True):
        silent = [day for day in part if day not in with_data]
        if silent:
            checks.append(Check("days_with_data", False, f"the {name} window has {_listed(silent)} without data"))
    return Weekdays((days[0], days[1]), (factors[0], factors[1]), tuple(checks), alike)


def _mix(counts: list[Counter[int]], *, alike: bool) -> Check:
    if alike:
        return Check("same_weekdays", True, f"both windows have {sum(counts[0].values())} days of the same weekdays")
    unlike = [f"{counts[0][i]} and {counts[1][i]} {_NAMES[i]}s" for i in range(7) if counts[0][i] != counts[1][i]]
    return Check("same_weekdays", None, f"the windows have {', '.join(unlike)}; weighted to the same mix of weekdays")


def _listed(days: list[date]) -> str:
    shown = ", ".join(day.isoformat() for day in days[:5])
    return f"{len(days)} days ({shown}{', …' if len(days) > 5 else ''})" if len(days) > 1 else f"one day ({shown})"


def happened(ws: "Workspace", windows: dict[str, Window]) -> tuple[Check, ...]:
    """Name the dated events that touch each window: holidays, promotions, prices, training, reorganisations.

    Releases and rollouts are left out: they are what a comparison is about, not what disturbs it. So is what
    went on all the time.
    """
    rows = ws.table("events", columns=["kind", "about", "event", "start", "end"])
    if isinstance(rows, Refusal):
        return ()
    found = []
    rows = rows.filter(rows.kind.notin(["release", "rollout"]))
    events = rows.select("kind", "about", "event", "start", "end").order_by("start", "event").to_pyarrow().to_pylist()
    first, last = min(window.start for window in windows.values()), max(window.end for window in windows.values())
    events = [event for event in events if event["start"] >= first or (event["end"] or event["start"]) < last]
    for name, window in windows.items():
        said = dict.fromkeys(
            f"{ws.calendar.local_day(event['start'])} {event['about'] or event['event']} ({event['kind']})"
            for event in events
            if event["start"] < window.end and (event["end"] or event["start"]) >= window.start
        )
        if said:
            more = f" and {len(said) - _MOST_EVENTS} more" if len(said) > _MOST_EVENTS else ""
            found.append(Check("events", None, f"{name}: {'; '.join(list(said)[:_MOST_EVENTS])}{more}"))
    return tuple(found)


def can_be_fair(job: Job) -> str:
    """Say why a metric cannot be weighted by day; empty where it can."""
    if job.special is not None or (job.quantile and job.quantile[1].function in ("min", "max")):
        return "it does not follow from its days"
    if job.definition.to_date or job.definition.window is not None or any(table(name).state_of for name in job.tables):
        return "it tells what is known at the end of a window, not what its days held"
    if job.per:
        return f"it is taken over {' and '.join(job.per)}, which may go over several days"
    if any(isinstance(node, Call) and node.function == "distinct" for node in walk(job.tree)):
        return "different values of days cannot be added"
    return ""


def per_day(job: Job) -> bool:
    """Tell whether a formula divides by days already."""
    return any(isinstance(node, Call) and node.function == "days" for node in walk(job.tree))


@dataclass(eq=False)
class FairPass(Pass):
    """A pass whose sums are those of one mean day, each weekday with its weight.

    Args:
        days_: Local days of the window.
        factors: What each day's sums are multiplied by.
    """

    days_: tuple[Window, ...] = ()
    factors: tuple[float, ...] = ()

    @classmethod
    def of(cls, part: Pass, days: tuple[Window, ...], factors: tuple[float, ...]) -> "FairPass":
        """Weigh a pass by day."""
        return cls(part.request, part.over, part.to_date, part.window, part.per, list(part.jobs), days, factors)

    @cached_property
    def tables(self) -> dict[str, TableData]:
        """Each table with its days' sums weighted and added."""
        daily = Pass(
            replace(self.request, periods=self.days_), self.over, self.to_date, self.window, self.per, self.jobs
        )
        return {name: self._weighted(name, data) for name, data in daily.tables.items()}

    @cached_property
    def plain(self) -> Pass:
        """The same pass without weights."""
        return Pass(self.request, self.over, self.to_date, self.window, self.per, self.jobs)

    def _weighted(self, name: str, daily: TableData) -> TableData:
        found = replace(daily, frame=self.frame(name))
        columns = {f"s{i}" for i, state in enumerate(daily.states) if state.role in _WEIGHTED}
        known = found.__dict__
        if daily.states:
            sums = daily.sums
            known["sums"] = sums if isinstance(sums, Refusal) else self._merged(sums, columns)
        if daily.spreads and daily.plan.weighted:
            sampling = daily.sampling
            squared = sampling if isinstance(sampling, Refusal) else self._merged(sampling, set(sampling.columns), 2)
            known["sampling"] = squared
        if daily.quantiles and daily.is_small:
            values = daily.values
            known["values"] = values if isinstance(values, Refusal) else self._merged(values, {"_w"})
        elif daily.quantiles:
            bins = {quantity: daily.bins(quantity) for quantity in daily.quantiles}
            known["_bins"] = {
                quantity: found_ if isinstance(found_, Refusal) else self._merged(found_, {"_w"})
                for quantity, found_ in bins.items()
            }
            known["wholes"] = (), Grouped({}, {})  # the engine's exact quantile knows no weights
        return found

    def _merged(self, grouped: Grouped, weighted: set[str], power: int = 1) -> Grouped:
        """Put the days of each group together, their weighted columns multiplied; days of no weight fall out."""
        places: dict[Key, list[NDArray[np.int64]]] = {}
        factors: dict[Key, list[NDArray[np.float64]]] = {}
        for (day, values), rows in sorted(grouped.slices.items()):
            if self.factors[day] > 0:
                at = np.arange(rows.start, rows.stop, dtype=np.int64)
                places.setdefault((0, values), []).append(at)
                factors.setdefault((0, values), []).append(np.full(len(at), self.factors[day] ** power))
        slices: dict[Key, slice] = {}
        start = 0
        for key, parts in places.items():
            size = sum(len(part) for part in parts)
            slices[key] = slice(start, start + size)
            start += size
        nothing = [np.zeros(0, dtype=np.int64)]
        order = np.concatenate([part for parts in places.values() for part in parts] or nothing)
        factor = np.concatenate([part for parts in factors.values() for part in parts] or [np.zeros(0)])
        columns = {
            name: values[order] * factor if name in weighted else values[order]
            for name, values in grouped.columns.items()
        }
        return Grouped(columns, slices)

    def _days(self, names: tuple[str, ...], period: Window) -> float:
        """One: the sums are those of one day."""
        return 1.0
