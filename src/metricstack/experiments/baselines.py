"""What the past says of an experiment to come: how many units arrive, and how a metric varies from one to the next.

Both depend on how long it runs: more units are seen, each of them longer. So of the latest full weeks the same is asked
as the experiment will be, after one, two and four of them; in between and beyond, powers of the days join them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from metricstack.core.errors import UnknownName
from metricstack.core.values import Moments, Reason, Refusal
from metricstack.core.windows import Window
from metricstack.experiments.measured import arm_of_histogram, arm_of_sums
from metricstack.metrics.definitions import Catalogue, catalogue
from metricstack.metrics.evaluate import ask, prepare
from metricstack.metrics.job import Job
from metricstack.metrics.language.resolve import degree
from metricstack.metrics.passes import Pass
from metricstack.metrics.query.compile import Plan
from metricstack.metrics.query.sighted import Sighted, Sums, home_of
from metricstack.metrics.query.states import State, quantity_of, states_of
from metricstack.telemetry.tables import table

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["DURATIONS", "Baseline", "History", "Nested", "history"]

DURATIONS = (7, 14, 28)
"""Days after which the past is read: full weeks, so that every weekday counts alike."""
_BEFORE = 28
_FEWEST_BEFORE = 7


@dataclass(frozen=True, slots=True)
class Nested:
    """What counting rows would have hidden.

    Args:
        rows: Rows of a unit on average.
        design_effect: Variance with the unit as what varies, over that of as many independent rows.
        icc: Intraclass correlation: how alike two rows of one unit are.
    """

    rows: float
    design_effect: float
    icc: float


@dataclass(frozen=True)
class Baseline:
    """One metric of the units of the past.

    Args:
        metric: Its id.
        title: Its name.
        better: ``higher``, ``lower`` or ``neither``.
        unit: Its unit.
        measured: Days → moments of one variable: its value, and the variance of what one unit adds to it.
        reduction: Share of the variance that the same metric of the time before explains; None where none was kept.
        nested: What its rows hide; None where a unit has one row, or the metric counts no rows.
    """

    metric: str
    title: str
    better: str
    unit: str
    measured: Mapping[int, Moments]
    reduction: float | None = None
    nested: Nested | None = None

    def after(self, days: float) -> Moments:
        """Return the moments of an experiment of so many days; n is that of the past."""
        known = sorted(self.measured)
        last = self.measured[known[-1]]
        value = _between(days, known, [self.measured[day].mean for day in known])
        variance = _between(days, known, [self.measured[day].variance for day in known])
        return Moments.of(last.n, value, variance)


@dataclass(frozen=True)
class History:
    """The past that a plan stands on.

    Args:
        window: The stretch: full days of the workspace's calendar.
        arrivals: Units seen up to each day of it.
        before: Days before it that covariates are of; 0 where there are too few.
        metrics: Metric as declared → its baseline; or why there is none.
    """

    window: Window
    arrivals: tuple[int, ...]
    before: int
    metrics: Mapping[str, Baseline | Refusal]

    @property
    def days(self) -> int:
        """How long it is."""
        return len(self.arrivals)

    def units_after(self, days: float) -> float:
        """Return how many units an experiment has after so many days.

        Within the stretch as counted; beyond it growing on as it did in its second half: users come again.
        """
        if days <= self.days:
            return float(np.interp(days, range(self.days + 1), [0, *self.arrivals]))
        half = self.units_after(self.days / 2)
        last = float(self.arrivals[-1])
        pace = math.log2(last / half) if half > 0 else 1.0
        return last * (days / self.days) ** min(max(pace, 0.0), 1.0)


def _between(days: float, known: Sequence[int], values: Sequence[float]) -> float:
    """Join positive numbers by powers of the days, the outer ones onwards; of others take the nearest."""
    if len(known) == 1 or min(values) <= 0:
        return values[int(np.argmin([abs(day - days) for day in known]))]
    place = min(max(int(np.searchsorted(known, days)), 1), len(known) - 1)
    low, high = known[place - 1], known[place]
    slope = math.log(values[place] / values[place - 1]) / math.log(high / low)
    return float(values[place] * (days / high) ** min(max(slope, -1.0), 1.0))


def history(
    ws: "Workspace", metrics: Sequence[str], *, unit: str, use_case: str = "", until: datetime | None = None
) -> History | Refusal:
    """Read the latest full weeks as if an experiment had run in them.

    Args:
        ws: The workspace.
        metrics: Metrics of the catalogue.
        unit: The column that names the randomised unit.
        use_case: The use case that it changes, empty = all.
        until: Only what lies before; None = up to the end of the data.

    Returns:
        The history; or a refusal ``MISSING_COLUMN`` (nothing says which unit a row is of) or ``NO_DATA`` (less than a
        week lies before).
    """
    known = catalogue(ws)
    home = home_of(ws, unit)
    if isinstance(home, Refusal):
        return home
    span = ws.span(home)
    end = None if span is None else span.end if until is None else min(until, span.end)
    if span is None or end is None or end <= span.start:
        return _too_short(0, until)
    calendar = ws.calendar
    last = calendar.local_day(end)
    first = calendar.local_day(span.start - timedelta(microseconds=1)) + timedelta(days=1)
    whole = (last - first).days
    durations = [days for days in DURATIONS if days <= whole]
    if not durations:
        return _too_short(max(whole, 0), until)
    start = last - timedelta(days=durations[-1])
    before = min(_BEFORE, (start - first).days)
    before = before if before >= _FEWEST_BEFORE else 0
    windows = {days: calendar.between(start, start + timedelta(days=days)) for days in durations}
    sighted = Sighted(ws, known.given, unit, windows[durations[-1]], use_case, before)
    arrivals = sighted.arrivals()
    if isinstance(arrivals, Refusal):
        return arrivals
    if not arrivals[-1]:
        about = f" in use case {use_case!r}" if use_case else ""
        return Refusal(
            Reason.NO_DATA, f"no {unit} was seen{about} from {start} to {last}",
            "Name another use case, or plan from a time with traffic.",
        )  # fmt: skip
    found = _Reader.of(ws, known, metrics, sighted, windows).read()
    return History(windows[durations[-1]], arrivals, before, found)


def _too_short(days: int, until: datetime | None) -> Refusal:
    when = f" before {until:%Y-%m-%d}" if until is not None else ""
    return Refusal(
        Reason.NO_DATA,
        f"there are {days} full days of data{when}; {DURATIONS[0]} are needed to know traffic and variance",
        "Wait until a week is recorded, or plan by hand with `sample_size`.",
    )


@dataclass(eq=False)
class _Reader:
    """Reads metrics of one history: one pass over each table for each duration."""

    jobs: Mapping[str, tuple[Job, Pass] | Refusal]
    sighted: Sighted
    windows: Mapping[int, Window]

    @classmethod
    def of(
        cls, ws: "Workspace", known: Catalogue, metrics: Sequence[str], sighted: Sighted, windows: Mapping[int, Window]
    ) -> "_Reader":
        ids: dict[str, str | Refusal] = {}
        for name in metrics:
            try:
                ids[name] = known.get(name).id
            except UnknownName as error:
                ids[name] = Refusal(Reason.NOT_MEASURED, str(error), "Mend the declaration.")
        good = [one for one in ids.values() if isinstance(one, str)]
        prepared: dict[str, tuple[Job, Pass]] = {}
        if good:
            request, _ = ask(ws, good, window=sighted.window, by=(), grain=None, where=None, level=0.95)
            prepared = {job.name: (job, part) for job, part in prepare(request, good).items()}
        return cls({name: one if isinstance(one, Refusal) else prepared[one] for name, one in ids.items()}, sighted,
                   windows)  # fmt: skip

    @cached_property
    def _summed(self) -> list[tuple[Job, Pass]]:
        known = (found for found in self.jobs.values() if not isinstance(found, Refusal))
        return [(job, part) for job, part in known if job.quantile is None and job.special is None]

    @cached_property
    def _plans(self) -> dict[str, Plan]:
        return {name: part.tables[name].plan for job, part in self._summed for name in job.tables}

    def _states(self, jobs: Sequence[tuple[Job, Pass]]) -> dict[str, tuple[State, ...]]:
        found: dict[str, dict[State, None]] = {}
        for job, _ in jobs:
            for state in states_of(job.tree, job.definition.table):
                found.setdefault(state.quantity.table, {}).setdefault(state)
        return {name: tuple(states) for name, states in found.items()}

    def read(self) -> dict[str, Baseline | Refusal]:
        """Read every metric."""
        states = self._states(self._summed)
        sums: dict[int, Sums | Refusal] = {}
        if states:
            for days, window in self.windows.items():
                sums[days] = replace(self.sighted, window=window).sums(states, self._plans)
        return {
            name: found if isinstance(found, Refusal) else self._baseline(name, *found, sums)
            for name, found in self.jobs.items()
        }

    def _baseline(self, name: str, job: Job, part: Pass, sums: Mapping[int, Sums | Refusal]) -> Baseline | Refusal:
        if job.special is not None:
            return Refusal(
                Reason.NOT_MEASURED,
                "it is not made of sums of units, so that its variance by unit is not known",
                "Choose a metric of sums, or a quantile.",
            )
        measured: dict[int, Moments] = {}
        refusal = Refusal(Reason.NO_DATA, "nothing was recorded of these units")
        for days, window in self.windows.items():
            if job.quantile is None:
                found = _of_sums(job, part, sums[days])
            else:
                found = self._quantile(job, part, replace(self.sighted, window=window))
            if isinstance(found, Refusal):
                refusal = found
            elif found.variance <= 0:
                refusal = Refusal(Reason.NO_VARIATION, "all units have the same value", "Choose a metric that varies.")
            else:
                measured[days] = found
        if not measured or max(measured) < max(self.windows):
            return refusal
        unit = job.definition.unit.replace("currency", self.sighted.ws.config.currency)
        longest = sums.get(max(self.windows))
        reduction, nested = None, None
        if job.quantile is None and isinstance(longest, Sums):
            reduction = self._reduction(job, part, longest)
            nested = self._nested(job, part, longest, measured[max(measured)])
        return Baseline(
            name, job.definition.title, str(job.definition.better), unit, measured, reduction, nested
        )  # fmt: skip

    def _quantile(self, job: Job, part: Pass, sighted: Sighted) -> Moments | Refusal:
        assert job.quantile is not None
        name, call, _ = job.quantile
        quantity = quantity_of(call, name)
        missing = part.group(job, (0, ()), ((0, ()),)).missing(quantity)
        entries = missing or sighted.histogram(quantity, part.tables[name].plan)
        if isinstance(entries, Refusal):
            return entries
        units = sighted.arrivals()
        return units if isinstance(units, Refusal) else arm_of_histogram(job, units[-1], entries)

    def _reduction(self, job: Job, part: Pass, sums: Sums) -> float | None:
        """The squared multiple correlation of the metric with its own sums of the time before.

        Derivation:
            A metric of sums is linear in them with weights w, and ``arm_of_sums`` gives ``w'Cw`` of any covariance C.
            With ``C[:, x] C[x, x]⁻¹ C[x, :]`` in place of C that is the variance which the covariates x explain.
        """
        if not self.sighted.before:
            return None
        whole = sums.moments
        past = {sums.past[s] for s in states_of(job.tree, job.definition.table) if s in sums.past}
        at = [whole.names.index(name) for name in sorted(past) if whole.cross[(whole.names.index(name),) * 2] > 0]
        if not at:
            return None
        scale = np.sqrt(np.diag(whole.cross)[at])
        within = whole.cross[np.ix_(at, at)] / np.outer(scale, scale)
        shared = whole.cross[:, at] / scale
        explained = shared @ np.linalg.pinv(within, rcond=1e-10, hermitian=True) @ shared.T
        found = _of_sums(job, part, replace(sums, moments=replace(whole, cross=explained)))
        plain = _of_sums(job, part, sums)
        if isinstance(found, Refusal) or isinstance(plain, Refusal) or not plain.variance > 0:
            return None
        share = found.variance / plain.variance
        # Less what so many covariates explain by chance (adjusted R squared).
        share = 1 - (1 - share) * (whole.n - 1) / max(whole.n - 1 - len(at), 1)
        return min(max(share, 0.0), 1 - 1e-9)

    def _nested(self, job: Job, part: Pass, sums: Sums, by_unit: Moments) -> Nested | None:
        """Compare the variance of units with that of as many independent rows (Kish 1965, section 5.4)."""
        if len(job.tables) != 1 or degree(job.tree) >= 1:
            return None
        (name,) = job.tables
        if self.sighted.unit in table(name).key or name not in sums.rows:
            return None
        states = tuple(states_of(job.tree, job.definition.table))
        found = self.sighted.each_row(name, states, part.tables[name].plan)
        rows = found if isinstance(found, Refusal) else _of_sums(job, part, found)
        if isinstance(rows, Refusal) or not rows.variance > 0:
            return None
        place = sums.rows[name]
        mean = float(sums.moments.means[sums.moments.names.index(place)])
        kish = mean + sums.moments.covariance(place, place) / mean if mean > 0 else 1.0
        effect = by_unit.variance / by_unit.n / (rows.variance / rows.n)
        return Nested(mean, effect, (effect - 1) / (kish - 1)) if kish > 1 else None


def _of_sums(job: Job, part: Pass, sums: Sums | Refusal) -> Moments | Refusal:
    if isinstance(sums, Refusal):
        return sums
    return arm_of_sums(job, part, sums.moments, sums.places, sums.refused)
