"""Plan an experiment from the workspace's own past: how long it takes, and what it could see by when."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from metricstack.core.errors import InvalidInput
from metricstack.core.units import write
from metricstack.core.values import Check, Moments, Reason, Refusal
from metricstack.experiments.anytime_design import always_valid_bounds
from metricstack.experiments.baselines import Baseline, History, history
from metricstack.experiments.declaration import Declaration, Design, Guardrail, ShipIf
from metricstack.experiments.declare import declaration
from metricstack.experiments.design import bounds_of
from metricstack.experiments.entry import UNITS
from metricstack.experiments.planning import Plan
from metricstack.experiments.prospect import ExperimentPlan, MetricPlan, Needed, Sight
from metricstack.experiments.reading import Role
from metricstack.experiments.sequential import GroupSequential
from metricstack.experiments.sizing import minimum_detectable_effect, sample_size
from metricstack.experiments.sizing import power as power_of

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["plan"]

_LONGEST = 182
"""Days beyond which nobody waits, and the past says nothing."""
_SHORTEST = 7
"""A week: shorter, weekdays do not count alike."""
_SHOWN = 28
_LOOKS = 28


def plan(
    ws: "Workspace",
    experiment: str | Declaration | None = None,
    *,
    metric: str = "",
    unit: str = "user",
    use_case: str = "",
    effect: float | None = None,
    power: float | None = None,
    until: datetime | None = None,
) -> ExperimentPlan:
    """Plan an experiment: what its metrics are now, how long it takes to see what matters, what is seen by when.

    The latest full weeks before its start are read as if it had run in them: units from the day on which they are first
    seen, with all that they did from then on. So traffic, and a metric's variance by unit, are those of one, two and
    four weeks; beyond, they go on as they did.

    Args:
        ws: The workspace.
        experiment: Its key, or a declaration; None for a plain comparison of two equal arms by one ``metric``.
        metric: The metric, where there is no experiment yet.
        unit: What is randomised, where there is no experiment yet.
        use_case: The use case, where there is no experiment yet; empty = all.
        effect: The effect to find, a fraction of control; None for the smallest effect that was declared.
        power: The chance of finding it, and of excluding harm beyond a guardrail's margin where there is none; None for
            1 - beta as declared, 0.8 where nothing was. Futility that was declared is obeyed.
        until: Plan from what was known at this instant; None for the start, or the end of the data.

    Returns:
        The plan. What cannot be known is refused, metric by metric, with what to state or to wait for.

    Raises:
        UnknownName: no experiment of this key; names the nearest.
        InvalidInput: an experiment and a metric, or neither; an effect or power out of its range.

    Derivation:
        With n(d) units after d days, of which control and the smallest arm have a share, and V(d) the variance of one
        unit, the effect seen is ``drift sqrt(V(d) (1 / s + 1 / (1 - s)) / n(d))``; what is needed is the first day on
        which that is the target. Several arms share alpha, as they do when the experiment is read. A guardrail is
        tested against its margin at half of alpha on the one side, as its verdict does.
    """
    declared = _declared(ws, experiment, metric, unit, use_case)
    if effect is not None and not (math.isfinite(effect) and effect > 0):
        raise InvalidInput(f"The effect {effect!r} is not above 0; it is a fraction of control, 0.02 say.")
    power = 1 - declared.beta if power is None else power
    if not declared.alpha < power < 1:
        raise InvalidInput(f"The power {power} is outside ({declared.alpha:g}, 1); 0.8 is usual.")
    before = min(until, declared.start) if until is not None else declared.start
    past = history(ws, declared, until=before)
    desk = _Desk(declared, past, power, declared.smallest_effect if effect is None else effect)
    found = [desk.metric(name) for name in declared.metrics]
    asked = [one for each in found for one in (each.needed, each.adjusted)]
    last = max([_SHOWN, *(one.days for one in asked if isinstance(one, Needed))])
    last = min(math.ceil(last * 1.15), _LONGEST)
    metrics = tuple(replace(one, course=desk.course(one, last)) for one in found)
    planned = desk.planned(metrics[0])
    known = isinstance(past, History)
    window = past.window if isinstance(past, History) else None
    provenance = ws.provenance(("experiments",) if ws.has("experiments") else (), window, declared.hash)
    return ExperimentPlan(
        declared, power, window, past.arrivals if isinstance(past, History) else (), metrics, planned,
        tuple(desk.checks(metrics[0], planned)) if known else (), provenance,
    )  # fmt: skip


def _declared(
    ws: "Workspace", experiment: str | Declaration | None, metric: str, unit: str, use_case: str
) -> Declaration:
    if (experiment is None) == (not metric):
        raise InvalidInput("Plan an experiment by its key, or a metric where there is none yet: one of them.")
    if isinstance(experiment, Declaration):
        return experiment
    if experiment is not None:
        return declaration(ws, experiment)
    if unit not in UNITS:
        raise InvalidInput(f"The unit of randomisation is one of {', '.join(UNITS)}, not {unit!r}.")
    from metricstack.metrics.definitions import catalogue

    span = ws.span()
    start = datetime.now(UTC) if span is None else span.end
    halves, arms, name = (0.5, 0.5), ("control", "treatment"), catalogue(ws).get(metric).id
    return Declaration(name, unit, arms, halves, name, start, use_case=use_case)


@dataclass(frozen=True)
class _Desk:
    """Plans the metrics of one experiment."""

    declared: Declaration
    past: History | Refusal
    power: float
    effect: float | None

    @property
    def alpha(self) -> float:
        """The two-sided error of one arm against control."""
        return self.declared.alpha / (len(self.declared.arms) - 1)

    @property
    def pair(self) -> tuple[float, float]:
        """Share of all units in control and the smallest other arm, and that arm's share of the two."""
        control, smallest = self.declared.allocation[0], min(self.declared.allocation[1:])
        return control + smallest, smallest / (control + smallest)

    def design(self, days: int, *, one_sided: bool, peak: float = 1.0) -> GroupSequential | None:
        """Return the bounds of the design declared."""
        declared = self.declared.design
        if declared is Design.FIXED:
            return None
        if declared is Design.GROUP_SEQUENTIAL:
            found = bounds_of(self.declared, futility=not one_sided)  # what is given up is the primary
        else:
            found = always_valid_bounds(min(max(days, 1), _LOOKS), self.alpha, peak=peak)
        return replace(found, sided=1, alpha=found.alpha / 2) if one_sided else found

    def metric(self, name: str) -> MetricPlan:
        """Plan one metric."""
        declared = self.declared
        guardrail = next((guard for guard in declared.guardrails if guard.metric == name), None)
        role = Role.PRIMARY if name == declared.primary else Role.GUARDRAIL if guardrail else Role.SECONDARY
        base = self.past if isinstance(self.past, Refusal) else self.past.metrics[name]
        title = name if isinstance(base, Refusal) else base.title
        target = self.effect if role is Role.PRIMARY else None if guardrail is None else guardrail.margin
        if isinstance(base, Refusal):
            asked = None if role is Role.SECONDARY else base
            return MetricPlan(name, title, role, target, guardrail, base, needed=asked)
        assert isinstance(self.past, History)
        question = _Question(self, base, self.past, guardrail, role)
        needed = adjusted = None
        if role is not Role.SECONDARY:
            needed = question.needed(target, self._taken(base))
            if base.reduction is not None and not declared.covariates:
                adjusted = question.needed(target, base.reduction)
        return MetricPlan(name, title, role, target, guardrail, base, (), needed, adjusted)

    def course(self, one: MetricPlan, last: int) -> tuple[Sight, ...]:
        """Tell what is seen of a metric after each day."""
        if isinstance(one.baseline, Refusal) or not isinstance(self.past, History):
            return ()
        question = _Question(self, one.baseline, self.past, one.guardrail, one.role)
        return question.course(last, self._taken(one.baseline))

    def _taken(self, base: Baseline) -> float:
        """Share of variance that is taken off when it is read: declared covariates only."""
        return base.reduction if self.declared.covariates and base.reduction is not None else 0.0

    def planned(self, primary: MetricPlan) -> Needed | None:
        """Tell what the planned n can see of the primary."""
        n, base = self.declared.planned_n, primary.baseline
        if n is None or self.effect is None or isinstance(base, Refusal) or not isinstance(self.past, History):
            return None
        days = next((day for day in range(1, _LONGEST + 1) if self.past.units_after(day) >= n), _LONGEST)
        pair, share = self.pair
        design = self.design(days, one_sided=False)
        moments = base.after(days)
        found = power_of(
            effect=self.effect, n=max(round(n * pair), 4), control=moments, relative=True, alpha=self.alpha,
            treatment_share=share, variance_reduction=self._taken(base), design=design,
        )  # fmt: skip
        return Needed(n, days, found) if isinstance(found, Plan) else None

    def checks(self, primary: MetricPlan, planned: Needed | None) -> Iterator[Check]:
        """Check the declaration against what is needed."""
        needed, n = primary.needed, self.declared.planned_n
        if planned is not None and n is not None:
            enough = planned.plan.power >= self.power - 0.005
            assert self.effect is not None
            detail = (
                f"{n:,} planned {self.declared.unit}s find an effect of {write(self.effect, 'fraction')} with a power "
                f"of {_percent(planned.plan.power)}"
            )
            if not enough and isinstance(needed, Needed):
                detail += f"; {needed.units:,} are needed for {_percent(self.power)}"
            yield Check("planned_n", passed=enough, detail=detail)
        if isinstance(needed, Needed) and isinstance(self.past, History) and needed.days > self.past.days:
            yield Check(
                "beyond_the_past", passed=None,
                detail=f"{needed.days} days are more than the {self.past.days} that were read: traffic and variance "
                "are assumed to go on as in the second half of them",
            )  # fmt: skip
        declared, end = self.declared, self.declared.end
        if n is None and declared.design is Design.ALWAYS_VALID and isinstance(needed, Needed):
            yield Check(
                "planned_n", passed=None,
                detail=f"state planned_n = {needed.units:,}: the confidence sequence is narrowest there",
            )  # fmt: skip
        more = _MORE.get(declared.ship_if) if declared.smallest_effect is not None else None
        if more and isinstance(needed, Needed):
            yield Check("ship_if", passed=None, detail=f"the power is that of an effect beyond chance; to ship, {more}")
        if declared.futility and isinstance(needed, Needed):
            yield self._futility(needed)
        if declared.triggered:
            text = f"only {declared.unit}s that reach the changed code will count; the past does not tell which would"
            yield Check("triggered", passed=None, detail=text)
        if declared.ramps:
            text = "it is planned as if its first allocation stayed; stretches of another are compared apart"
            yield Check("ramps", passed=None, detail=text)
        if end is not None and isinstance(needed, Needed):
            days = (end - self.declared.start).total_seconds() / 86_400
            yield Check(
                "planned_end", passed=days >= needed.days - 0.5,
                detail=f"it is planned to end after {days:.0f} days; {needed.days} are needed",
            )  # fmt: skip

    def _futility(self, needed: Needed) -> Check:
        """Say what futility saves where there is no effect."""
        bounds = bounds_of(self.declared, futility=True)
        assert bounds.futility is not None
        told = ", ".join("none" if math.isinf(bound) else f"{bound:.2f}" for bound in bounds.futility[:-1])
        text = (
            f"it may be given up at a z of {told or 'none'} towards good, look by look; without an effect it ends "
            f"after {math.ceil(needed.units * bounds.expected(0.0)):,} {self.declared.unit}s on average. The power "
            "counts with it; alpha is kept with or without"
        )
        return Check("futility", passed=None, detail=text)


_MORE = {
    ShipIf.MATTERS: "it must also be seen as large as what matters, as one of just that size is half the time",
    ShipIf.SURELY_MATTERS: "its whole interval must lie beyond the smallest that matters, which takes a larger one",
}
"""What the verdict asks for beside an effect beyond chance."""


def _percent(share: float) -> str:
    return f"{share * 100:.0f}\u00a0%"


@dataclass(frozen=True)
class _Question:
    """One metric, and what is asked of it."""

    desk: _Desk
    base: Baseline
    past: History
    guardrail: Guardrail | None
    role: Role

    @property
    def _two_ways(self) -> bool:
        """Harm lies either way, so that both sides must be excluded."""
        return self.role is Role.GUARDRAIL and self.base.better == "neither"

    @property
    def _power(self) -> float:
        return 1 - (1 - self.desk.power) / 2 if self._two_ways else self.desk.power

    @property
    def _relative(self) -> bool:
        return self.guardrail is None or self.guardrail.relative

    def _after(self, days: float, moments: Moments, reduction: float) -> Needed | Refusal:
        pair, share = self.desk.pair
        harm = self.role is Role.GUARDRAIL
        design = self.desk.design(round(days), one_sided=harm)
        alpha = self.desk.alpha / 2 if harm else self.desk.alpha
        target = self.desk.effect if self.guardrail is None else self.guardrail.margin
        assert target is not None
        found = sample_size(
            effect=0.0 if harm else target, control=moments, power=self._power, relative=self._relative,
            margin=target if harm else 0.0, alpha=alpha, sided=1 if harm else 2, treatment_share=share,
            variance_reduction=reduction, design=design,
        )  # fmt: skip
        return found if isinstance(found, Refusal) else Needed(math.ceil(found.n / pair), round(days), found)

    def needed(self, target: float | None, reduction: float) -> Needed | Refusal:
        """Find the first day on which the target is seen."""
        if target is None:
            return Refusal(
                Reason.NOT_MEASURED,
                "no smallest effect was stated",
                "State `smallest_effect` in the declaration, or give `effect`: the smallest change that would matter, "
                "as a fraction of control.",
            )
        last = self.past.days
        found = self._after(last, self.base.after(last), reduction)
        if isinstance(found, Refusal):
            return found
        one = self.base.after(last)

        def units(days: int) -> float:
            now = self.base.after(days)
            grown = now.variance / one.variance
            return found.units * grown / ((now.mean / one.mean) ** 2 if self._relative else 1.0)

        day = next((day for day in range(_SHORTEST, _LONGEST + 1) if self.past.units_after(day) >= units(day)), None)
        if day is None:
            have = self.past.units_after(_LONGEST)
            return Refusal(
                Reason.TOO_FEW_UNITS,
                f"{units(_LONGEST):,.0f} {self.desk.declared.unit}s are needed, "
                f"and {have:,.0f} come in {_LONGEST} days",
                "Plan for a larger effect, or widen what the experiment is about.",
            )
        return self._after(day, self.base.after(day), reduction)

    def course(self, last: int, reduction: float) -> tuple[Sight, ...]:
        """Tell what is seen after each day."""
        pair, share = self.desk.pair
        harm = self.role is Role.GUARDRAIL
        at = self.past.days
        design = self.desk.design(at, one_sided=harm)
        n = max(round(self.past.units_after(at) * pair), 4)
        found = minimum_detectable_effect(
            n=n, control=self.base.after(at), power=self._power, alpha=self.desk.alpha / 2 if harm else self.desk.alpha,
            sided=1 if harm else 2, treatment_share=share, variance_reduction=reduction, design=design,
        )  # fmt: skip
        if isinstance(found, Refusal):
            return ()
        sights = []
        error = math.sqrt(self.base.after(at).variance / self.past.units_after(at))
        for day in range(1, last + 1):
            units, moments = self.past.units_after(day), self.base.after(day)
            if units < 4:
                continue
            absolute = found.effect * math.sqrt(moments.variance / units) / error
            relative = absolute / abs(moments.mean) if moments.mean else math.inf
            sights.append(Sight(day, round(units), relative, absolute))
        return tuple(sights)
