"""Read experiments: all of them, and all their metrics, in one pass over each table."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import UnknownName
from metricstack.core.values import Moments, Reason, Refusal
from metricstack.core.windows import Window
from metricstack.experiments.declare import Declaration, Design, declaration, declarations
from metricstack.experiments.design import look_of, read_effect
from metricstack.experiments.effect import Effect
from metricstack.experiments.measured import arm_of_histogram, arm_of_sums
from metricstack.experiments.readout import Portfolio, Reading, Readout, Role, Verdict
from metricstack.experiments.validity import validity
from metricstack.experiments.verdict import decide_verdict
from metricstack.metrics.definitions import catalogue
from metricstack.metrics.evaluate import ask, prepare
from metricstack.metrics.job import Job
from metricstack.metrics.passes import Pass
from metricstack.metrics.query.compile import Plan
from metricstack.metrics.query.exposed import Arm, Exposed, Exposure
from metricstack.metrics.query.states import Quantity, State, quantity_of

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["compare", "portfolio"]

Histograms = dict[Arm, NDArray[np.float64]] | Refusal
Arms = Mapping[str, Moments | Refusal]


def compare(ws: "Workspace", experiment: str) -> Readout:
    """Read one experiment as it was declared.

    Args:
        ws: The workspace.
        experiment: Its key.

    Raises:
        UnknownName: no experiment of this key; names the nearest.
        ConfigurationError: a declaration cannot be; every fault with its place.
    """
    return _read(ws, [declaration(ws, experiment)]).readouts[0]


def portfolio(ws: "Workspace", *, window: Window | str | None = None) -> Portfolio:
    """Read all experiments, in the order of their start.

    Args:
        ws: The workspace.
        window: Only those that end in it, or of which no end is stated: a window or a quarter's name. None = all.
    """
    span = ws.quarter(window) if isinstance(window, str) else window
    found = sorted(declarations(ws).values(), key=lambda one: (one.start, one.key))
    if span is not None:
        found = [one for one in found if one.start < span.end and (one.end is None or span.start < one.end <= span.end)]
    return _read(ws, found)


def _read(ws: "Workspace", declared: Sequence[Declaration]) -> Portfolio:
    by_unit: dict[str, list[Declaration]] = {}
    for one in declared:
        by_unit.setdefault(one.unit, []).append(one)
    found = {one.key: one for group in by_unit.values() for one in _Desk.of(ws, group).readouts()}
    return Portfolio(tuple(found[one.key] for one in declared))


@dataclass(eq=False)
class _Desk:
    """Reads experiments that share a kind of unit."""

    ws: "Workspace"
    declared: Sequence[Declaration]
    exposed: Exposed
    jobs: dict[str, tuple[Job, Pass]]
    unknown: dict[str, Refusal]
    span: Window

    @classmethod
    def of(cls, ws: "Workspace", declared: Sequence[Declaration]) -> "_Desk":
        last = ws.span()
        tick = timedelta(microseconds=1)
        if last is not None:  # an end beyond the data is a plan: it still runs
            declared = [replace(one, end=None) if one.end and one.end > last.end else one for one in declared]
        exposures = tuple(
            Exposure(
                one.key,
                one.unit,
                one.start,
                one.end or max(last.end if last else one.start, one.start + tick),
                one.use_case,
            )
            for one in declared
        )
        span = Window(min(one.start for one in exposures), max(one.end for one in exposures))
        known = catalogue(ws)
        ids: dict[str, str] = {}
        unknown: dict[str, Refusal] = {}
        for name in dict.fromkeys(name for one in declared for name in one.metrics):
            try:
                ids[name] = known.get(name).id
            except UnknownName as error:
                unknown[name] = Refusal(Reason.NOT_MEASURED, str(error), "Mend the declaration.")
        request, _ = ask(ws, tuple(ids.values()), window=span, by=(), grain=None, where=None, level=0.95)
        jobs = {job.name: (job, part) for job, part in prepare(request, ids.values()).items()}
        named = {name: jobs[found] for name, found in ids.items()}
        exposed = _as_of_looks(Exposed(ws, request.catalogue.given, exposures), declared)
        return cls(ws, declared, exposed, named, unknown, span)

    def readouts(self) -> list[Readout]:
        counts = self.exposed.counts()
        summed = [(job, part) for job, part in self.jobs.values() if job.quantile is None and job.special is None]
        states: dict[str, dict[State, None]] = {}
        plans: dict[str, Plan] = {}
        for job, part in summed:
            for name in job.tables:
                states.setdefault(name, {}).update(dict.fromkeys(part.tables[name].states))
                plans[name] = part.tables[name].plan
        found = self.exposed.moments({name: tuple(asked) for name, asked in states.items()}, plans)
        if isinstance(found, Refusal) or isinstance(counts, Refusal):
            refusal = found if isinstance(found, Refusal) else counts
            assert isinstance(refusal, Refusal)
            return [self._readout(one, {}, {}, refusal) for one in self.declared]
        moments, _, _ = found
        bins = self._bins()
        early = self.exposed.early()
        result = []
        for one in self.declared:
            mine = {arm: moments.get((one.key, arm)) for arm in one.arms}
            arms: dict[str, dict[str, Moments | Refusal]] = {name: {} for name in one.metrics}
            for name in one.metrics:
                for arm, whole in mine.items():
                    arms[name][arm] = self._arm(name, (one.key, arm), whole, found, bins)
            units = {arm: 0 if whole is None else whole.n for arm, whole in mine.items()}
            unnamed = {arm: m.n for (key, arm), m in moments.items() if key == one.key and arm not in one.arms}
            before = 0 if isinstance(early, Refusal) else early.get(one.key, 0)
            result.append(self._readout(one, units, arms, counts.get(one.key, {}), unnamed=unnamed, early=before))
        return result

    def _arm(
        self,
        name: str,
        arm: Arm,
        whole: Moments | None,
        found: tuple[dict[Arm, Moments], dict[State, str], dict[str, Refusal]],
        bins: Mapping[str, Histograms],
    ) -> Moments | Refusal:
        """Compute one metric of one arm."""
        if name in self.unknown:
            return self.unknown[name]
        if whole is None:
            return Refusal(Reason.NO_DATA, f"arm {arm[1]!r} has no units in this workspace")
        job, part = self.jobs[name]
        if job.special is not None:
            return _NO_SUMS
        if job.quantile is None:
            _, places, refused = found
            return arm_of_sums(job, part, whole, places, refused)
        told = bins[name]
        return told if isinstance(told, Refusal) else arm_of_histogram(job, whole.n, told.get(arm))

    def _bins(self) -> dict[str, Histograms]:
        found: dict[str, Histograms] = {}
        by_quantity: dict[Quantity, Histograms] = {}
        for name, (job, part) in self.jobs.items():
            if job.quantile is None:
                continue
            table, call, _ = job.quantile
            quantity = quantity_of(call, table)
            if quantity not in by_quantity:
                missing = part.group(job, (0, ()), ((0, ()),)).missing(quantity)
                by_quantity[quantity] = missing or self.exposed.histograms(quantity, part.tables[table].plan)
            found[name] = by_quantity[quantity]
        return found

    def _readout(
        self,
        one: Declaration,
        units: Mapping[str, int],
        arms: Mapping[str, Arms],
        counts: Mapping[str, int] | Refusal,
        *,
        unnamed: Mapping[str, int] | None = None,
        early: int = 0,
    ) -> Readout:
        """Put one experiment together: its checks, what each arm did, and the verdict."""
        nothing = Refusal(Reason.NO_DATA, "nothing was recorded of its units")
        absent: Arms = dict.fromkeys(one.arms, counts if isinstance(counts, Refusal) else nothing)
        told = {} if isinstance(counts, Refusal) else counts
        checks = validity(one, units, told, unnamed=unnamed, early=early)
        n = sum(units.values())
        by_arm = {
            arm: tuple(self._reading(one, name, arm, arms.get(name, absent), n=n) for name in one.metrics)
            for arm in one.arms[1:]
        }
        decided = {arm: decide_verdict(one, readings, checks, n) for arm, readings in by_arm.items()}
        best = min(decided, key=lambda arm: _FIRST.index(decided[arm].verdict))
        others = (reading for arm, readings in by_arm.items() if arm != best for reading in readings)
        read = (*by_arm[best], *others)
        if decided[best].verdict is Verdict.INVALID:  # what each arm did stays; their difference means nothing
            broken = next(check.detail for check in checks if check.passed is False)
            refusal = Refusal(Reason.UNSTABLE, f"the comparison does not hold: {broken}", "Mend the split; run again.")
            read = tuple(
                reading if isinstance(reading.effect, Refusal) else replace(reading, effect=refusal, relative=refusal)
                for reading in read
            )
        provenance = self.ws.provenance(("assignments", "experiments"), self.span, one.hash)
        return Readout(one, units, read, checks, decided[best], provenance)

    def _reading(self, one: Declaration, name: str, arm: str, arms: Arms, *, n: int) -> Reading:
        """Hold one metric of an arm against control, as the design allows."""
        control, treatment = arms[one.arms[0]], arms[arm]
        definition = self.jobs[name][0].definition if name in self.jobs else None
        title, better = (definition.title, str(definition.better)) if definition is not None else (name, "neither")
        unit = definition.unit.replace("currency", self.ws.config.currency) if definition is not None else "1"
        if len(one.arms) > 2:
            title = f"{title} in {arm!r}"
        guardrail = next((guard for guard in one.guardrails if guard.metric == name), None)
        role = Role.PRIMARY if name == one.primary else Role.GUARDRAIL if guardrail else Role.SECONDARY
        effect: Effect | Refusal
        relative: Effect | Refusal
        if isinstance(control, Refusal):
            effect = relative = control
        elif isinstance(treatment, Refusal):
            effect = relative = treatment
        else:
            effect, relative = read_effect(one, control=control, treatment=treatment, n=n, unit=unit)
        return Reading(name, title, role, better, arm, control, treatment, effect, relative, guardrail)


_NO_SUMS = Refusal(
    Reason.NOT_MEASURED,
    "it is not made of sums of units, so that arms cannot be compared by it",
    "Choose a metric of sums, or a quantile.",
)


def _as_of_looks(exposed: Exposed, declared: Sequence[Declaration]) -> Exposed:
    """Cut group-sequential experiments at the last of their planned looks: what came after waits for the next."""
    several = [one for one in declared if one.design is Design.GROUP_SEQUENTIAL and one.planned_n]
    counts = exposed.counts() if several else {}
    if isinstance(counts, Refusal):
        return exposed
    numbers: dict[str, int] = {}
    for one in several:
        assert one.planned_n is not None
        look = look_of(one, counts.get(one.key, {}).get("split", 0), ended=one.end is not None)
        if 0 < look < one.looks:
            numbers[one.key] = math.ceil(one.planned_n * look / one.looks)
    found = exposed.instants(numbers) if numbers else {}
    if isinstance(found, Refusal):
        return exposed
    cut = (replace(each, end=min(found.get(each.experiment, each.end), each.end)) for each in exposed.exposures)
    return replace(exposed, exposures=tuple(cut))


_FIRST = (Verdict.INVALID, Verdict.SHIP, Verdict.HOLD, Verdict.INCONCLUSIVE, Verdict.ROLLBACK)
"""Of several arms the one that is best off speaks for the experiment."""
