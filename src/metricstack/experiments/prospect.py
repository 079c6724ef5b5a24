"""What an experiment could see: values of a plan, metric by metric."""

from dataclasses import dataclass
from typing import Any

from metricstack.core.show import Shown
from metricstack.core.values import Check, Estimate, Finding, Provenance, Refusal
from metricstack.core.windows import Window
from metricstack.experiments.baselines import Baseline, Nested
from metricstack.experiments.declaration import Declaration, Guardrail
from metricstack.experiments.planning import Plan
from metricstack.experiments.reading import Role

__all__ = ["ExperimentPlan", "MetricPlan", "Needed", "Sight"]


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen after so many days.

    Args:
        days: Since the start.
        units: Units of all arms by then.
        effect: The smallest effect found with the power asked for, as a part of control; of a guardrail the smallest
            margin beyond which harm is excluded.
        absolute: The same in the metric's unit.
    """

    days: int
    units: int
    effect: float
    absolute: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"days": self.days, "units": self.units, "effect": self.effect, "absolute": self.absolute}


@dataclass(frozen=True, slots=True)
class Needed:
    """What it takes to find an effect, or to exclude harm beyond a margin.

    Args:
        units: Units of all arms.
        days: Days until they have come by, a week at least.
        plan: The comparison of control with one arm.
    """

    units: int
    days: int
    plan: Plan

    @property
    def expected(self) -> float | None:
        """Units of all arms at which a sequential design stops on average, where the effect is there."""
        fewer = self.plan.expected_n
        return None if fewer is None else fewer * self.units / self.plan.n

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"units": self.units, "days": self.days, "expected": self.expected, "plan": self.plan.to_dict()}


@dataclass(frozen=True, slots=True)
class MetricPlan:
    """One metric of an experiment to come.

    Args:
        metric: Its id.
        title: Its name.
        role: What it is for.
        target: The effect to find, as a part of control, or the guardrail's margin; None where none was stated.
        guardrail: The margin, of a guardrail.
        baseline: What the past says of it; or why nothing.
        course: What is seen after each day; empty without a baseline.
        needed: What the target takes; or why it cannot be known. None for a secondary metric, of which none is asked.
        adjusted: The same with the metric's own past of each unit taken off (CUPED); None where no past was kept.
    """

    metric: str
    title: str
    role: Role
    target: float | None
    guardrail: Guardrail | None
    baseline: Baseline | Refusal
    course: tuple[Sight, ...] = ()
    needed: Needed | Refusal | None = None
    adjusted: Needed | Refusal | None = None

    def after(self, days: int) -> Sight:
        """Return what is seen after so many days, one of those of the course."""
        return next(sight for sight in self.course if sight.days == days)

    @property
    def unit(self) -> str:
        """Unit of the target: a fraction of control, or the metric's own of an absolute margin."""
        if self.guardrail is None or self.guardrail.relative or isinstance(self.baseline, Refusal):
            return "fraction"
        return self.baseline.unit

    def seen(self, sight: Sight) -> float:
        """Return what is seen in the unit of the target."""
        return sight.effect if self.guardrail is None or self.guardrail.relative else sight.absolute

    @property
    def weeks(self) -> tuple[Sight, ...]:
        """What is seen after one, two and four weeks."""
        return tuple(sight for sight in self.course if sight.days in (7, 14, 28))

    @property
    def value(self) -> Estimate | Refusal:
        """The metric's value before the experiment, with its 95 % interval."""
        if isinstance(self.baseline, Refusal):
            return self.baseline
        found = self.baseline.measured[max(self.baseline.measured)]
        reach = 1.959963984540054 * (found.variance / found.n) ** 0.5
        method = "delta method over units"
        return Estimate(found.mean, self.baseline.unit, found.n, method, found.mean - reach, found.mean + reach, 0.95)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        base = self.baseline
        nested: Nested | None = None if isinstance(base, Refusal) else base.nested
        return {
            "metric": self.metric, "role": str(self.role), "target": self.target, "baseline": self.value.to_dict(),
            "variance": None if isinstance(base, Refusal) else base.measured[max(base.measured)].variance,
            "variance_reduction": None if isinstance(base, Refusal) else base.reduction,
            "rows_per_unit": None if nested is None else nested.rows,
            "design_effect": None if nested is None else nested.design_effect,
            "icc": None if nested is None else nested.icc,
            "weeks": [sight.to_dict() for sight in self.weeks],
            "needed": None if self.needed is None else self.needed.to_dict(),
            "adjusted": None if self.adjusted is None else self.adjusted.to_dict(),
        }  # fmt: skip


@dataclass(frozen=True)
class ExperimentPlan(Shown):
    """What an experiment could see, and how long it takes.

    Args:
        declaration: What was declared.
        power: The chance of finding what is there.
        window: The past that it stands on.
        arrivals: Units seen up to each day of it.
        metrics: The primary first.
        planned: What the planned n can see of the primary; None where none was declared, or it cannot be known.
        checks: Whether the declaration fits.
        provenance: Where it came from.
    """

    declaration: Declaration
    power: float
    window: Window | None
    arrivals: tuple[int, ...]
    metrics: tuple[MetricPlan, ...]
    planned: Needed | None
    checks: tuple[Check, ...]
    provenance: Provenance

    @property
    def key(self) -> str:
        """The experiment's key."""
        return self.declaration.key

    @property
    def primary(self) -> MetricPlan:
        """The metric that decides."""
        return self.metrics[0]

    @property
    def needed(self) -> Needed | Refusal:
        """What the primary and all guardrails take together: the longest of them, or the first refusal."""
        asked = [one.needed for one in self.metrics if one.needed is not None]
        refused = [one for one in asked if isinstance(one, Refusal)]
        if refused:
            return refused[0]
        return max((one for one in asked if isinstance(one, Needed)), key=lambda one: (one.days, one.units))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """For each metric its value, what is seen after full weeks, and the days and units that its target takes."""
        found = []
        for one in self.metrics:
            where = (("experiment", self.key), ("role", str(one.role)))
            found.append(
                Finding(
                    f"What is {one.title} before?", one.value, subject=one.metric, where=(*where, ("asked", "value"))
                )
            )
            for sight in one.weeks:
                told = Estimate(sight.effect, "fraction", sight.units, f"smallest effect found, power {self.power:g}")
                asked = ("asked", f"effect seen after {sight.days} days")
                question = f"What can be seen of {one.title} after {sight.days} days?"
                found.append(Finding(question, told, subject=one.metric, where=(*where, asked)))
            for name, needed in (("needed", one.needed), ("needed with the past taken off", one.adjusted)):
                if needed is None:
                    continue
                for unit in ("units", "days"):
                    if isinstance(needed, Refusal):
                        answer: Estimate | Refusal = needed
                    else:
                        number = needed.units if unit == "units" else needed.days
                        answer = Estimate(number, "count", needed.units, f"power {self.power:g}")
                    found.append(
                        Finding(
                            f"How many {unit} does {one.title} take?", answer, subject=one.metric,
                            where=(*where, ("asked", f"{unit} {name}")),
                        )
                    )  # fmt: skip
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        window = self.window
        return {
            "key": self.key, "power": self.power, "design": str(self.declaration.design), "unit": self.declaration.unit,
            "alpha": self.declaration.alpha, "declaration": self.declaration.hash,
            "from": None if window is None else window.start.isoformat(),
            "to": None if window is None else window.end.isoformat(), "arrivals": list(self.arrivals),
            "needed": self.needed.to_dict(), "planned": None if self.planned is None else self.planned.to_dict(),
            "metrics": [one.to_dict() for one in self.metrics], "checks": [check.to_dict() for check in self.checks],
        }  # fmt: skip
