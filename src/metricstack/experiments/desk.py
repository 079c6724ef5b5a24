"""The desk at which experiments are read that share a kind of unit: one pass over each table for all of them."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property, reduce
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import UnknownName
from metricstack.core.values import Check, Moments, Reason, Refusal
from metricstack.core.windows import Window
from metricstack.experiments.contrast import Contrast, contrast
from metricstack.experiments.declaration import Declaration, Design, NullPolicy
from metricstack.experiments.design import look_of
from metricstack.experiments.measured import (
    arm_of_histogram,
    arm_of_sums,
    counted_as_0,
    is_total,
    quantile_of,
    unknown_of,
)
from metricstack.metrics.definitions import catalogue
from metricstack.metrics.evaluate import ask, prepare
from metricstack.metrics.job import Job
from metricstack.metrics.passes import Pass
from metricstack.metrics.query.asked import BEFORE, Asked, Cell, Cut, Together
from metricstack.metrics.query.compile import Plan
from metricstack.metrics.query.exposed import Exposed, Exposure
from metricstack.metrics.query.states import Quantity, Role, State, quantity_of, states_of
from metricstack.numerics.histograms import cut

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["NOT_0", "Arm", "Desk", "merged"]

Arm = Mapping[int, Moments] | Refusal
"""One metric in one arm: stretch of the allocation → its moments; or why it cannot be told."""
Histograms = Mapping[Cell, NDArray[np.float64]] | Refusal
States = dict[str, tuple[State, ...]]
_KEPT = (Role.TOTAL, Role.KNOWN, Role.DISTINCT)
"""What is looked at of the time before: amounts, and how many rows they are of."""


@dataclass(eq=False)
class Desk:
    """Reads experiments that share a kind of unit.

    Args:
        ws: The workspace.
        declared: What was declared; one that has not ended has no end.
        exposed: Its units.
        jobs: Metric as declared → how it is computed.
        unknown: Metric as declared → why it is none.
        span: From the first start to the last end.
        by: Dimensions of units.
        parted: Metrics, as declared, whose quantiles are taken apart by unit, so that they vary with others'.
        pairs: Pairs of metrics, as declared, whose effects are wanted together; each metric is with itself.
    """

    ws: "Workspace"
    declared: Sequence[Declaration]
    exposed: Exposed
    jobs: dict[str, tuple[Job, Pass]]
    unknown: dict[str, Refusal]
    span: Window
    by: tuple[str, ...] = ()
    parted: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(
        cls,
        ws: "Workspace",
        declared: Sequence[Declaration],
        *,
        by: tuple[str, ...] = (),
        parted: tuple[str, ...] = (),
        pairs: tuple[tuple[str, str], ...] = (),
    ) -> "Desk":
        """Prepare to read experiments."""
        last = ws.span()
        tick = timedelta(microseconds=1)
        if last is not None:  # an end beyond the data is a plan: it still runs
            declared = [replace(one, end=None) if one.end and one.end > last.end else one for one in declared]
        exposures = tuple(
            Exposure(
                one.key, one.unit, one.start, one.end or max(last.end if last else one.start, one.start + tick),
                one.use_case, tuple(ramp.at for ramp in one.ramps), one.covariate_days, one.triggered,
            )
            for one in declared
        )  # fmt: skip
        span = Window(min(one.start for one in exposures), max(one.end for one in exposures))
        known = catalogue(ws)
        ids: dict[str, str] = {}
        unknown: dict[str, Refusal] = {}
        for name in dict.fromkeys(name for one in declared for name in (*one.metrics, *one.covariates)):
            try:
                ids[name] = known.get(name).id
            except UnknownName as error:
                unknown[name] = Refusal(Reason.NOT_MEASURED, str(error), "Mend the declaration.")
        request, _ = ask(ws, tuple(ids.values()), window=span, by=(), grain=None, where=None, level=0.95)
        jobs = {job.name: (job, part) for job, part in prepare(request, ids.values()).items()}
        named = {name: jobs[found] for name, found in ids.items()}
        exposed = _as_of_looks(Exposed(ws, request.catalogue.given, exposures), declared)
        return cls(ws, declared, exposed, named, unknown, span, by, parted, pairs)

    def summed(self, names: Sequence[str]) -> Iterator[tuple[Job, Pass]]:
        """Yield how each metric is computed that is made of sums."""
        for name in dict.fromkeys(names):
            if name in self.jobs and self.jobs[name][0].quantile is None and self.jobs[name][0].special is None:
                yield self.jobs[name]

    def states(self, names: Sequence[str]) -> States:
        """Return the states that metrics made of sums need, by table."""
        found: dict[str, dict[State, None]] = {}
        for job, _ in self.summed(names):
            for state in states_of(job.tree, job.definition.table):
                found.setdefault(state.quantity.table, {}).setdefault(state)
        return {table: tuple(states) for table, states in found.items()}

    @property
    def plans(self) -> dict[str, Plan]:
        """How the rows of each table are weighted."""
        return {name: part.tables[name].plan for job, part in self.jobs.values() for name in job.tables}

    @cached_property
    def joint(self) -> Together | Refusal:
        """What all units did: after their first exposure of every metric, before it of primaries and covariates."""
        after = [name for one in self.declared for name in one.metrics]
        covariates = self.states([name for one in self.declared for name in (one.primary, *one.covariates)])
        before = {
            table: tuple(state for state in states if state.role in _KEPT) for table, states in covariates.items()
        }
        caps = {one.key: one.cap for one in self.declared if one.cap is not None}
        adjusted = any(one.covariates for one in self.declared)
        together = tuple(map(self._made_of, [*((name,) for name in after), *self.pairs]))
        asked = Asked(self.states(after), before, self.plans, self.by, adjusted, caps, self._cuts(), together)
        return self.exposed.joint(asked)

    @cached_property
    def everyone(self) -> Together | Refusal:
        """What all assigned units did after exposure, triggered or not, of experiments that count the triggered.

        The last dimension tells them apart. Of metrics that are made of sums and do not add up by unit: for those
        that do the triggered units are enough. Caps are those of everyone.
        """
        mine = [one for one in self.declared if one.triggered]
        names = [name for one in mine for name in one.metrics if not self.is_total(name)]
        asked = Asked(
            self.states(names), {}, self.plans, caps={one.key: one.cap for one in mine if one.cap is not None},
            together=tuple(self._made_of((name,)) for name in names), everyone=True,
        )  # fmt: skip
        exposures = tuple(each for each in self.exposed.exposures if each.triggered)
        return replace(self.exposed, exposures=exposures).joint(asked)

    def _made_of(self, names: Sequence[str]) -> frozenset[State | str]:
        """All that some metrics are computed from: states, and quantiles taken apart."""
        states = (state for found in self.states(names).values() for state in found)
        return frozenset([*states, *(name for name in names if name in self.parted)])

    def _cuts(self) -> dict[str, Cut]:
        """Where the quantiles lie that are taken apart by unit."""
        found = {}
        for name in self.parted:
            job, part = self.jobs[name]
            bins = {} if job.quantile is None else self.bins(name, by_unit=False)
            if job.quantile is None or isinstance(bins, Refusal) or not bins:
                continue
            table, call, _ = job.quantile
            cells = [(cell[:3], quantile_of(call, entries)[0]) for cell, entries in bins.items()]
            at, below = cut(np.array([value for _, value in cells]))
            places = {cell: (int(at[i]), float(below[i])) for i, (cell, _) in enumerate(cells)}
            found[name] = Cut(quantity_of(call, table), part.tables[table].plan, places)
        return found

    def before(self, names: Sequence[str], found: Together) -> list[str]:
        """Return the variables that say what units did before, of some metrics."""
        places = found.places.get(BEFORE, {})
        wanted = (
            state
            for job, _ in self.summed(names)
            for state in states_of(job.tree, job.definition.table)
            if state in places and state.role in _KEPT
        )
        return list(dict.fromkeys(places[state] for state in wanted))

    def places(self, one: Declaration, found: Together) -> Mapping[State, str]:
        """Return where states stand after exposure; rows of unknown outcome count as was declared."""
        places = found.places.get(0, {})
        return counted_as_0(places) if one.null_policy is NullPolicy.ZERO else places

    def arm(self, one: Declaration, name: str, arm: str, *, value: tuple[int, str] | None = None) -> Arm:
        """Compute one metric of one arm, or of its units of one value of a dimension.

        Args:
            one: The experiment.
            name: The metric as declared.
            arm: The arm.
            value: Place of the dimension in ``by``, and its value.
        """
        if name in self.unknown:
            return self.unknown[name]
        found = self.joint
        if isinstance(found, Refusal):
            return found
        stretches = (
            found.of(one.key, arm) if value is None else found.by_value(one.key, arm, value[0]).get(value[1], {})
        )
        if not stretches:
            return Refusal(Reason.NO_DATA, f"arm {arm!r} has no units in this workspace")
        job, part = self.jobs[name]
        if job.special is not None:
            return _NO_SUMS
        told: dict[int, Moments | Refusal] = {}
        if job.quantile is None:
            covariates, places = self.before(one.covariates, found), self.places(one, found)
            if one.null_policy is NullPolicy.ZERO and any(part.tables[t].plan.weighted for t in job.tables):
                return NOT_0
            for stretch, moments in stretches.items():
                told[stretch] = arm_of_sums(job, part, moments, places, found.refused, covariates=covariates)
        else:
            bins = self.bins(name)
            if isinstance(bins, Refusal):
                return bins
            for stretch, moments in stretches.items():
                mine = [
                    entries
                    for (key, variant, at, labels), entries in bins.items()
                    if (key, variant, at) == (one.key, arm, stretch) and (value is None or labels[value[0]] == value[1])
                ]
                told[stretch] = arm_of_histogram(job, moments.n, np.concatenate(mine) if mine else None)
        kept = {stretch: moments for stretch, moments in told.items() if isinstance(moments, Moments)}
        return kept or next(found for found in told.values() if isinstance(found, Refusal))

    def whole(self, one: Declaration, name: str, arm: str, parts: Arm) -> Moments | Refusal:
        """Return one metric of one arm over all stretches, as it was: unadjusted."""
        if isinstance(parts, Refusal):
            return parts
        if len(parts) == 1:
            (only,) = parts.values()
            return Moments(only.n, only.means[:1], only.cross[:1, :1])
        found = self.joint
        assert isinstance(found, Together)
        job, part = self.jobs[name]
        whole = merged(found.of(one.key, arm).values())
        if job.quantile is None:
            return arm_of_sums(job, part, whole, self.places(one, found), found.refused)
        bins = self.bins(name)
        assert not isinstance(bins, Refusal)
        mine = [entries for cell, entries in bins.items() if cell[:2] == (one.key, arm)]
        return arm_of_histogram(job, whole.n, np.concatenate(mine) if mine else None)

    def contrast(
        self, one: Declaration, name: str, arm: str, *, value: tuple[int, str] | None = None
    ) -> Contrast | Refusal:
        """Hold one metric of an arm against control."""
        control = self.arm(one, name, one.arms[0], value=value)
        treatment = self.arm(one, name, arm, value=value)
        if isinstance(control, Refusal) or isinstance(treatment, Refusal):
            return control if isinstance(control, Refusal) else treatment  # type: ignore[return-value]
        found = contrast(control, treatment)
        if isinstance(found, Refusal) or one.cap is None:
            return found
        return replace(found, checks=(*found.checks, *self._capped(one, name)))

    def _capped(self, one: Declaration, name: str) -> Iterator[Check]:
        found = self.joint
        assert isinstance(found, Together)
        caps, places = found.caps.get(one.key, {}), found.places.get(0, {})
        for job, _ in self.summed([name]):
            states = [state for state in states_of(job.tree, job.definition.table) if places.get(state) in caps]
            told = dict.fromkeys(f"{state.quantity.label} at {caps[places[state]]:.6g}" for state in states)
            if told:
                text = f"each {one.unit}'s amounts are capped, by the {one.cap:.1%} quantile of both arms: "
                yield Check("capping", None, text + ", ".join(told))

    def values(self, one: Declaration, dimension: int) -> list[str]:
        """Return the values of a dimension that an experiment's units have."""
        found = self.joint
        cells = () if isinstance(found, Refusal) else found.cells
        return sorted({cell[3][dimension] for cell in cells if cell[0] == one.key})

    def units(self, one: Declaration, arm: str, value: tuple[int, str]) -> int:
        """Count the units of an arm and control that have a value of a dimension."""
        found = self.joint
        assert isinstance(found, Together)
        parts = (found.by_value(one.key, each, value[0]).get(value[1], {}) for each in (one.arms[0], arm))
        return sum(part.n for stretches in parts for part in stretches.values())

    def is_total(self, name: str) -> bool:
        """Tell whether a metric adds up by unit."""
        return bool(list(self.summed([name]))) and is_total(self.jobs[name][0])

    def unknown_rows(self, one: Declaration, name: str) -> dict[str, tuple[int, int]]:
        """Count the rows of which a metric is not known: arm → unknown and all of them."""
        found = self.joint
        if isinstance(found, Refusal) or not list(self.summed([name])):
            return {}
        job = self.jobs[name][0]
        places = found.places.get(0, {})
        arms = {arm: found.of(one.key, arm) for arm in one.arms}
        if any(table in found.refused for table in job.tables):
            return {}
        return {arm: unknown_of(job, merged(parts.values()), places) for arm, parts in arms.items() if parts}

    def unit(self, name: str) -> str:
        """Return the unit of a metric, in the workspace's currency."""
        if name not in self.jobs:
            return "1"
        return self.jobs[name][0].definition.unit.replace("currency", self.ws.config.currency)

    def bins(self, name: str, *, by_unit: bool = True) -> Histograms:
        """Return the histograms of a quantile, read once for each quantity.

        Args:
            name: The metric as declared.
            by_unit: Buckets of units stay apart, for the quantile's error; False where the joint moments tell that.
        """
        job, part = self.jobs[name]
        assert job.quantile is not None
        table, call, _ = job.quantile
        quantity = quantity_of(call, table)
        if (quantity, by_unit) not in self._histograms:
            missing = part.group(job, (0, ()), ((0, ()),)).missing(quantity)
            plan = part.tables[table].plan
            found = missing or self.exposed.histograms(quantity, plan, by=self.by, by_unit=by_unit)
            self._histograms[quantity, by_unit] = found
        return self._histograms[quantity, by_unit]

    @cached_property
    def _histograms(self) -> dict[tuple[Quantity, bool], Histograms]:
        return {}


def merged(parts: Iterable[Moments]) -> Moments:
    """Return the moments of all units of some parts."""
    return reduce(Moments.merge, parts)


_NO_SUMS = Refusal(
    Reason.NOT_MEASURED,
    "it is not made of sums of units, so that arms cannot be compared by it",
    "Choose a metric of sums, or a quantile.",
)
NOT_0 = Refusal(
    Reason.NOT_MEASURED,
    "its rows were sampled, so that rows of unknown outcome cannot be counted as 0",
    'Declare null_policy = "exclude".',
)


def _as_of_looks(exposed: Exposed, declared: Sequence[Declaration]) -> Exposed:
    """Cut group-sequential experiments at the last of their planned looks: what came after waits for the next."""
    several = {one.key: one for one in declared if one.design is Design.GROUP_SEQUENTIAL and one.planned_n}
    theirs = replace(exposed, exposures=tuple(each for each in exposed.exposures if each.experiment in several))
    counts = theirs.counts() if several else {}
    if isinstance(counts, Refusal):
        return exposed
    numbers: dict[str, int] = {}
    for one in several.values():
        assert one.planned_n is not None
        look = look_of(one, counts.get(one.key, {}).get("split", 0), ended=one.end is not None)
        if 0 < look < one.looks:
            numbers[one.key] = math.ceil(one.planned_n * look / one.looks)
    found = theirs.instants(numbers) if numbers else {}
    if isinstance(found, Refusal):
        return exposed
    cut = (replace(each, end=min(found.get(each.experiment, each.end), each.end)) for each in exposed.exposures)
    return replace(exposed, exposures=tuple(cut))
