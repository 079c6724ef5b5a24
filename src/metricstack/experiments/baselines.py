"""What the past says of an experiment to come: how many units arrive, and how a metric varies from one to the next.

Both depend on how long it runs: more units are seen, each of them longer. So of the latest full weeks the same is asked
as the experiment will be, after one, two and four of them; in between and beyond, powers of the days join them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from metricstack.core.values import Moments, Reason, Refusal
from metricstack.core.windows import Window
from metricstack.experiments.adjustment import solved
from metricstack.experiments.declaration import Declaration, Design
from metricstack.experiments.desk import Desk
from metricstack.experiments.measured import arm_of_sums
from metricstack.metrics.query.asked import Asked, Together
from metricstack.metrics.query.sighted import ALL, Sighted, home_of
from metricstack.metrics.query.states import Role, states_of
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
        return float(last * (days / self.days) ** min(max(pace, 0.0), 1.0))


def _between(days: float, known: Sequence[int], values: Sequence[float]) -> float:
    """Join positive numbers by powers of the days, the outer ones onwards; of others take the nearest."""
    if len(known) == 1 or min(values) <= 0:
        return values[int(np.argmin([abs(day - days) for day in known]))]
    place = min(max(int(np.searchsorted(known, days)), 1), len(known) - 1)
    low, high = known[place - 1], known[place]
    slope = math.log(values[place] / values[place - 1]) / math.log(high / low)
    return float(values[place] * (days / high) ** min(max(slope, -1.0), 1.0))


def history(ws: "Workspace", declared: Declaration, *, until: datetime | None = None) -> History | Refusal:
    """Read the latest full weeks as if an experiment had run in them.

    Args:
        ws: The workspace.
        declared: The experiment; its unit, use case, metrics, covariates, cap and null policy count.
        until: Only what lies before; None = up to the end of the data.

    Returns:
        The history; or a refusal ``MISSING_COLUMN`` (nothing says which unit a row is of) or ``NO_DATA`` (less than a
        week lies before, or no unit was seen).
    """
    home = home_of(ws, declared.unit)
    if isinstance(home, Refusal):
        return home
    span = ws.span(home)
    if span is None:
        return _too_short(0, until)
    calendar = ws.calendar
    last = calendar.local_day(span.end if until is None else min(until, span.end))
    first = calendar.local_day(span.start - timedelta(microseconds=1)) + timedelta(days=1)
    durations = [days for days in DURATIONS if days <= (last - first).days]
    if not durations:
        return _too_short(max((last - first).days, 0), until)
    start = last - timedelta(days=durations[-1])
    before = min(declared.covariate_days, (start - first).days)
    before = before if before >= min(_FEWEST_BEFORE, declared.covariate_days) else 0
    windows = {days: calendar.between(start, start + timedelta(days=days)) for days in durations}
    wanted = tuple(dict.fromkeys([*declared.metrics, *declared.covariates])) if before else ()
    stretches = [
        replace(
            declared, key=str(days), start=window.start, end=window.end, ramps=(), triggered=False,
            design=Design.FIXED, covariates=wanted, covariate_days=before,
        )
        for days, window in windows.items()
    ]  # fmt: skip
    desk = Desk.of(ws, stretches)
    desk = replace(desk, exposed=Sighted(ws, desk.exposed.given, desk.exposed.exposures, home))
    assert isinstance(desk.exposed, Sighted)
    arrivals = desk.exposed.arrivals()
    if isinstance(arrivals, Refusal):
        return arrivals
    if not arrivals[-1]:
        about = f" in use case {declared.use_case!r}" if declared.use_case else ""
        return Refusal(
            Reason.NO_DATA, f"no {declared.unit} was seen{about} from {start} to {last}",
            "Name another use case, or plan from a time with traffic.",
        )  # fmt: skip
    reader = _Reader(desk, desk.exposed, declared.covariates)
    return History(windows[durations[-1]], arrivals, before, {name: reader.read(name) for name in declared.metrics})


def _too_short(days: int, until: datetime | None) -> Refusal:
    when = f" before {until:%Y-%m-%d}" if until is not None else ""
    return Refusal(
        Reason.NO_DATA,
        f"there are {days} full days of data{when}; {DURATIONS[0]} are needed to know traffic and variance",
        "Wait until a week is recorded, or plan by hand with `sample_size`.",
    )


@dataclass(frozen=True)
class _Reader:
    """Reads metrics of one history, all stretches of it at once."""

    desk: Desk
    sighted: Sighted
    covariates: tuple[str, ...]
    by_row: dict[str, Together | None] = field(default_factory=dict)

    @property
    def _longest(self) -> Declaration:
        return self.desk.declared[-1]

    def _moments(self, stretch: Declaration, name: str, covariates: tuple[str, ...] = ()) -> Moments | Refusal:
        found = self.desk.arm(replace(stretch, covariates=covariates), name, ALL)
        return found if isinstance(found, Refusal) else found[0]

    def read(self, name: str) -> Baseline | Refusal:
        """Read one metric."""
        measured: dict[int, Moments] = {}
        for stretch in self.desk.declared:
            found = self._moments(stretch, name)
            if isinstance(found, Refusal) or found.variance <= 0:
                if stretch is self._longest:
                    return found if isinstance(found, Refusal) else _STILL
                continue
            measured[int(stretch.key)] = found
        job, _ = self.desk.jobs[name]
        unit = job.definition.unit.replace("currency", self.desk.ws.config.currency)
        return Baseline(
            name, job.definition.title, str(job.definition.better), unit, measured, self._reduction(name),
            self._nested(name, measured[int(self._longest.key)]),
        )  # fmt: skip

    def _reduction(self, name: str) -> float | None:
        """The squared multiple correlation of the metric with what units did before, less what chance explains."""
        if not self._longest.covariate_days or self.desk.jobs[name][0].quantile is not None:
            return None
        found = self._moments(self._longest, name, self.covariates or (name,))
        if isinstance(found, Refusal) or len(found.names) == 1:
            return None
        theta, rank = solved(found.cross[1:, 1:], found.cross[1:, 0])
        if not rank:
            return None
        share = float(theta @ found.cross[1:, 0]) / float(found.cross[0, 0])
        share = 1 - (1 - share) * (found.n - 1) / max(found.n - 1 - rank, 1)
        return min(max(share, 0.0), 1 - 1e-9)

    def _nested(self, name: str, by_unit: Moments) -> Nested | None:
        """Compare the variance of units with that of as many independent rows.

        Source:
            Kish (1965), section 5.4: for clusters of m rows the design effect is ``1 + (sum m² / sum m - 1) icc``.
        """
        job, part = self.desk.jobs[name]
        if job.quantile is not None or len(job.tables) != 1 or self.desk.is_total(name):
            return None
        (home,) = job.tables
        rows, joint = self._rows(home), self.desk.joint
        if rows is None or isinstance(joint, Refusal):
            return None
        single = arm_of_sums(job, part, rows.of(home, ALL)[0], rows.places[0], rows.refused)
        units, places = joint.of(self._longest.key, ALL)[0], joint.places[0]
        counts = [
            units.names.index(places[state])
            for state in states_of(job.tree, job.definition.table)
            if state.role is Role.N and state in places
        ]
        if isinstance(single, Refusal) or not single.variance > 0 or not counts:
            return None
        at = max(counts, key=lambda place: float(units.means[place]))
        mean = float(units.means[at])
        kish = mean + float(units.cross[at, at]) / units.n / mean if mean > 0 else 1.0
        effect = by_unit.variance / by_unit.n / (single.variance / single.n)
        return Nested(mean, effect, (effect - 1) / (kish - 1)) if kish > 1 else None

    def _rows(self, home: str) -> Together | None:
        """Read a table with each of its rows as a unit, for all metrics at once; None where a row has no name."""
        if home not in self.by_row:
            self.by_row[home] = self._read_rows(home)
        return self.by_row[home]

    def _read_rows(self, home: str) -> Together | None:
        key = table(home).key
        if len(key) > 1 or self.sighted.unit in key:
            return None
        told = [(job, part) for job, part in self.desk.jobs.values() if job.quantile is None and job.special is None]
        states = dict.fromkeys(
            state
            for job, _ in told
            for state in states_of(job.tree, job.definition.table)
            if state.quantity.table == home
        )
        plans = {home: next(part.tables[home].plan for job, part in told if home in job.tables)}
        row = replace(self.sighted.exposures[-1], experiment=home, unit=key[0])
        rows = Sighted(self.sighted.ws, self.sighted.given, (row,), home)
        found = rows.joint(Asked({home: tuple(states)}, {}, plans))
        return found if isinstance(found, Together) and found.cells and home not in found.refused else None


_STILL = Refusal(Reason.NO_VARIATION, "all units have the same value", "Choose a metric that varies.")
