"""The rungs of the ladder, each climbed where the data allow: one edge in, its evidence out.

Every rung tells the effect of one named step of the cause. A rung that cannot be climbed says why; one whose required
check fails stays visible and does not stand.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Check, Estimate, Reason, Refusal
from metricstack.experiments.effect import Effect, effect
from metricstack.linkage.association import correlation
from metricstack.linkage.columns import lagged
from metricstack.linkage.controls import Falsification, future_placebo, negative_control
from metricstack.linkage.evidence import Assumption, Diagnostic, Evidence, Rung, Sensitivity, Status, scaled
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.lead_lag import LeadLag, lead_lag
from metricstack.linkage.observed import Observed, Staged
from metricstack.linkage.panel import PanelEffect, panel_effect
from metricstack.linkage.portfolio import portfolio_slope
from metricstack.linkage.portfolio_result import PortfolioSlope
from metricstack.linkage.randomised import portfolio_evidence, single_test_evidence
from metricstack.linkage.rollout import RolloutEffect, rollout_effect
from metricstack.linkage.sensitivity import robustness_value
from metricstack.linkage.slopes import inverted
from metricstack.numerics.intervals import t_quantile
from metricstack.numerics.multiplicity import p_value

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["climb"]

Rungs = Callable[[Observed, Hypothesis], Iterator[Evidence]]
_LONGEST = 7
_DAYS = {"day": 1, "week": 7, "month": 30}


def climb(seen: Observed, edge: Hypothesis) -> tuple[Evidence, ...]:
    """Climb every rung that the data allow.

    Args:
        seen: What the workspace holds.
        edge: What was declared.
    """
    both = seen.shared(edge.cause, edge.effect)
    if both:
        told = " and ".join(repr(text) for text in both)
        refusal = Refusal(
            Reason.NOT_MEASURED,
            f"{edge.cause} and {edge.effect} are both made of {told}: they move together by arithmetic",
            "Choose a cause that is not part of the effect.",
        )
        return (Evidence(Rung.ASSOCIATION, "shared parts", refusal, 0),)
    return tuple(one for rung in _RUNGS for one in rung(seen, edge))


def _portfolio(seen: Observed, edge: Hypothesis) -> Iterator[Evidence]:
    found = seen.effects.of([edge.cause, edge.effect])
    tests = len(found.experiments)
    unit = seen.unit(edge.effect)
    slope: PortfolioSlope | Refusal = Refusal(
        Reason.TOO_FEW_UNITS, f"{tests} past A/B tests tell both metrics", "Run tests of changes that move the cause."
    )
    if tests >= 2:
        slope = portfolio_slope(
            found.values, found.covariances, names=found.metrics, unit="1",
            levers=[one.lever or "not told" for one in found.declared], tests=found.experiments,
        )  # fmt: skip
    yield portfolio_evidence(
        slope, step=edge.step, unit=unit, smallest_effect=edge.smallest_effect, tests=tests, window=seen.window,
        provenance=seen.provenance([edge.cause, edge.effect]),
    )  # fmt: skip


def _single(seen: Observed, edge: Hypothesis) -> Iterator[Evidence]:
    """The largest test that was meant to move the cause, else the largest of all.

    It is chosen without a look at what it showed: of many tests the one that moved the cause most also had the most
    luck, in whatever goes with the cause.
    """
    found = seen.effects.of([edge.cause, edge.effect])
    if not len(found.experiments):
        return
    meant = [one.primary == edge.cause for one in found.declared]
    errors = np.sqrt(np.diagonal(found.covariances, axis1=1, axis2=2))
    values = found.values  # noqa: PD011 - effects, no frame
    k = max(range(len(meant)), key=lambda at: (meant[at], found.n[at], found.experiments[at]))
    if not errors[k, 0] > 0 or not errors[k, 1] > 0:
        return
    one = found.declared[k]
    effects = [
        effect(
            float(values[k, i]), float(errors[k, i]), freedom=float(found.n[k]) - 2, unit=unit,
            n=int(found.n[k]), method=f"A/B test {one.key}",
        )
        for i, unit in enumerate(found.units)
    ]  # fmt: skip
    end = one.end or seen.window.end
    yield single_test_evidence(
        *effects, covariance=float(found.covariances[k, 0, 1]), step=edge.step, exclusion=edge.exclusion,
        window=None if end <= one.start else type(seen.window)(one.start, end),
        provenance=seen.provenance([edge.cause, edge.effect]),
    )  # fmt: skip


@dataclass(frozen=True)
class _Rolled:
    """What a rollout did to the effect over what it did to the cause, for one step; intervals of any level."""

    cause: Effect
    outcome: Effect
    together: float
    step: float
    unit: str

    def at(self, level: float) -> Effect:
        above, below, step = self.outcome, self.cause, self.step
        assert above.standard_error is not None
        assert below.standard_error is not None
        freedom = min(above.freedom, below.freedom)
        variances = ((above.standard_error * step) ** 2, below.standard_error**2, self.together * step)
        pieces = inverted(above.value * step, below.value, variances, t_quantile(level, freedom))
        estimate = Estimate(
            above.value * step / below.value, self.unit, above.n, "staged rollout, effect per step of the cause",
            pieces[0][0], pieces[-1][1], level, pieces if len(pieces) > 1 else (),
        )  # fmt: skip
        return Effect(estimate, p_value(above.value, above.standard_error, above.freedom), None, freedom)


def _rollouts(seen: Observed, edge: Hypothesis) -> Iterator[Evidence]:
    for rollout in seen.rollouts:
        name = f"staged rollout of {rollout.name} by {rollout.dimension}"
        if not edge.exclusion:
            detail = f"no note says why {rollout.name} would reach {edge.effect} through {edge.cause} alone"
            refusal = Refusal(Reason.NOT_MEASURED, detail, 'Declare exclusion = "…" if that is so.')
            yield Evidence(Rung.INSTRUMENT, name, refusal, 0, window=seen.window)
            continue
        table = seen.staged(rollout)
        if edge.cause not in table.columns or edge.effect not in table.columns:
            continue
        told = _rolled(table, edge, seen.unit(edge.effect))
        if isinstance(told, Refusal):
            yield Evidence(Rung.INSTRUMENT, name, told, 0, window=seen.window)
            continue
        moved, outcome, again = told
        yield Evidence(
            Rung.INSTRUMENT, name, again.at(0.95), outcome.n,
            assumptions=(
                Assumption(
                    "Without it, what adopts would have changed as what does not.",
                    _status(outcome.pre_trend is not None and _check(outcome, "pre_trend")),
                    "tested before adoption",
                ),
                Assumption(
                    "The rollout reaches the effect through this cause alone.", Status.UNTESTED, edge.exclusion
                ),
            ),
            diagnostics=tuple(_of_rollout(moved, outcome, rollout, edge)),
            window=seen.window, provenance=seen.provenance([edge.cause, edge.effect]), intervals=again,
        )  # fmt: skip


def _rolled(
    table: "pd.DataFrame", edge: Hypothesis, unit: str
) -> tuple[RolloutEffect, RolloutEffect, _Rolled] | Refusal:
    """What a rollout did to cause and effect, and how these vary together: from that to their sum."""
    held = table.dropna(subset=[edge.cause, edge.effect])
    if held.empty:
        return Refusal(Reason.NO_DATA, "no period tells both metrics of what adopts", "Ask of a coarser dimension.")
    spread = float(held[edge.cause].std()), float(held[edge.effect].std())
    if not min(spread) > 0:
        return Refusal(Reason.NO_VARIATION, "a metric is constant in what adopts", "Choose a metric that varies.")
    factor = spread[1] / spread[0]
    held = held.assign(_sum=held[edge.effect] + factor * held[edge.cause])
    found = []
    for column in (edge.cause, edge.effect, "_sum"):
        one = rollout_effect(held, column, "unit", "period", "adopted")
        if isinstance(one, Refusal):
            return one
        found.append(one)
    moved, outcome, _ = found
    errors = [one.standard_error or 0.0 for one in found]
    together = (errors[2] ** 2 - errors[1] ** 2 - (factor * errors[0]) ** 2) / 2 / factor
    if moved.value == 0:
        return Refusal(Reason.NO_VARIATION, "the rollout did not move the cause", "Look for one that did.")
    return moved, outcome, _Rolled(moved, outcome, together, edge.step, unit)


def _of_rollout(
    moved: RolloutEffect, outcome: RolloutEffect, rollout: Staged, edge: Hypothesis
) -> Iterator[Diagnostic]:
    clear = moved.p_value is not None and moved.p_value <= 0.05
    size = abs(moved.value) / (moved.standard_error or 1.0)
    yield Diagnostic(
        Check("cause_moved", clear, f"{rollout.name} moved {edge.cause} by {size:.1f} standard errors"), required=True
    )
    for check in outcome.checks:
        yield Diagnostic(check, required=check.name == "pre_trend")


def _check(found: Effect, name: str) -> bool | None:
    return next((check.passed for check in found.checks if check.name == name), None)


def _status(passed: bool | None) -> Status:  # noqa: FBT001 - what a check says
    return Status.UNTESTED if passed is None else Status.HELD if passed else Status.FAILED


def _panel(seen: Observed, edge: Hypothesis) -> Iterator[Evidence]:
    by = tuple(part.strip() for part in edge.unit.split(",") if part.strip())
    table = seen.panel(by, edge.grain)
    lacking = [name for name in (edge.cause, edge.effect) if name not in table.columns]
    name = f"panel of {edge.unit} by {edge.grain}, unit and time effects"
    if lacking:
        detail = f"{' and '.join(lacking)} cannot be asked by {edge.unit}"
        yield Evidence(Rung.PANEL, name, Refusal(Reason.MISSING_COLUMN, detail, "Declare another unit."), 0)
        return
    covariates = [one for one in edge.confounders if one in table.columns and one not in (edge.cause, edge.effect)]
    rows = table.reset_index()
    lag = edge.lags[0]
    if lag:
        rows[edge.cause] = lagged(rows, edge.cause, "unit", "period", by=lag)
    rows = rows.dropna(subset=[edge.cause, edge.effect, *covariates])
    unit = seen.unit(edge.effect)
    found: PanelEffect | Refusal
    if rows.empty:
        found = Refusal(Reason.NO_DATA, "no period tells both metrics", "Wait for more data.")
    else:
        found = panel_effect(rows, edge.effect, edge.cause, "unit", "period", covariates=covariates, outcome_unit=unit)
    if isinstance(found, Refusal):
        yield Evidence(Rung.PANEL, name, found, 0, window=seen.window)
        return
    unnamed = [one for one in edge.confounders if one not in covariates]
    held = f"held fixed: {', '.join(covariates)}" if covariates else "no covariate is held fixed"
    missed = f"; not held fixed here: {', '.join(unnamed)}" if unnamed else ""
    checks = [*_falsified(rows, edge, covariates), *(Diagnostic(check) for check in found.checks)]
    robust = robustness_value(found)
    yield Evidence(
        Rung.PANEL, name, scaled(found, edge.step, unit=unit), found.clusters, float(found.rows),
        assumptions=(
            Assumption(
                "Nothing that moves the effect goes with the cause within units over time.", Status.UNTESTED,
                held + missed,
            ),
        ),
        diagnostics=tuple(checks),
        sensitivity=(
            Sensitivity(
                "hidden confounder",
                detail=f"one that explains {robust.value:.1%} of what is left of cause and effect takes it away",
            ),
        ),
        window=seen.window, provenance=seen.provenance([edge.cause, edge.effect, *covariates]),
    )  # fmt: skip


def _falsified(rows: "pd.DataFrame", edge: Hypothesis, covariates: list[str]) -> Iterator[Diagnostic]:
    """Look for effects that must not be there: of the cause's future, and on what the cause cannot move."""
    matters = edge.smallest_effect / abs(edge.step)
    tried: list[tuple[str, Falsification | Refusal]] = []
    try:
        placebo = future_placebo(
            rows, edge.effect, edge.cause, "unit", "period", matters=matters, covariates=covariates
        )
        tried.append(("future_placebo", placebo))
    except InvalidInput:
        pass
    for control in edge.negative_controls:
        found: Falsification | Refusal = Refusal(
            Reason.MISSING_COLUMN, f"{control} cannot be asked by {edge.unit}", "Name another control."
        )
        if control in rows.columns:
            found = negative_control(
                rows.dropna(subset=[control]), edge.effect, edge.cause, "unit", "period", control=control,
                covariates=covariates,
            )  # fmt: skip
        tried.append((f"negative_control: {control}", found))
    for name, told in tried:
        if isinstance(told, Refusal):
            yield Diagnostic(Check(name, None, told.detail))
        else:
            yield Diagnostic(Check(name, told.check.passed, told.check.detail), required=True)


def _series(seen: Observed, edge: Hypothesis) -> Iterator[Evidence]:
    table = seen.series()
    lacking = [name for name in (edge.cause, edge.effect) if name not in table.columns]
    if lacking:
        detail = f"{' and '.join(lacking)} has no daily series"
        yield Evidence(Rung.LEAD_LAG, "daily series", Refusal(Reason.NOT_MEASURED, detail), 0)
        return
    pair = table[[edge.cause, edge.effect]].dropna()
    if len(pair) < 2:
        nothing = Refusal(Reason.NO_DATA, f"{len(pair)} days tell both metrics", "Wait for more days.")
        yield Evidence(Rung.LEAD_LAG, "daily series", nothing, len(pair), window=seen.window)
        return
    dates = [str(day) for day in pair.index]
    x, y = (pair[name].to_numpy(dtype=np.float64) for name in (edge.cause, edge.effect))
    lags = max(_LONGEST, edge.lags[1] * _DAYS[edge.grain])
    try:
        found = lead_lag(x, y, lags=lags, dates=dates, events=seen.events, missing="skip")
    except InvalidInput as error:
        yield Evidence(Rung.LEAD_LAG, "daily series", Refusal(Reason.UNSTABLE, str(error)), len(pair))
        return
    if isinstance(found, Refusal):
        yield Evidence(Rung.LEAD_LAG, f"lead and lag over {lags} days", found, len(pair), window=seen.window)
        return
    yield _led(seen, edge, found, pair)


@dataclass(frozen=True)
class _BestOfLags:
    """The slope at the best of several lags: an interval of any level that allows for the search (Bonferroni)."""

    slope: Effect
    lags: int
    p_value: float

    def at(self, level: float) -> Effect:
        known = self.slope
        assert known.standard_error is not None
        reach = t_quantile(1 - (1 - level) / self.lags, known.freedom) * known.standard_error
        low, high = known.value - reach, known.value + reach
        return Effect(
            replace(known.estimate, low=low, high=high, level=level), self.p_value, None, known.freedom, known.checks
        )


def _led(seen: Observed, edge: Hypothesis, found: LeadLag, pair: "pd.DataFrame") -> Evidence:
    unit = seen.unit(edge.effect)
    rung = Rung.LEAD_LAG if found.lag > 0 else Rung.ASSOCIATION
    told: Effect | Refusal = found.slope
    again: _BestOfLags | None = None
    if isinstance(told, Effect):
        again = _BestOfLags(scaled(told, edge.step, unit=unit), len(found.profile), found.p_value)
        told = again.at(1 - found.alpha)
    elif found.lag < 0:
        days = f"{-found.lag} day{'s' if found.lag < -1 else ''}"
        detail = f"{edge.effect} moves {days} before {edge.cause}, if anything does"
        told = Refusal(Reason.UNSTABLE, detail, "Ask whether the effect moves the cause.")
    named = {"x": edge.cause, "y": edge.effect}
    says = re.sub(r"\b[xy]\b", lambda one: named[one[0]], found.says)
    checks = []
    dates = [str(day) for day in pair.index]
    x, y = (pair[name].to_numpy(dtype=np.float64) for name in (edge.cause, edge.effect))
    simple = correlation(x, y, dates=dates, method="calendar", missing="skip")
    if not isinstance(simple, Refusal) and simple.p_value is not None:
        agrees = (simple.p_value <= found.alpha) == found.linked
        detail = f"by effective days r = {simple.value:.2f}, p = {simple.p_value:.2g}; "
        detail += f"by innovations p = {found.p_value:.2g}"
        checks.append(Diagnostic(Check("ways_agree", agrees or None, detail)))
    for name, series in ((edge.cause, x), (edge.effect, y)):
        steady = seen.steady(series)
        if not isinstance(steady, Refusal):
            checks.append(Diagnostic(Check(f"stationary: {name}", None, steady.check.detail)))
    return Evidence(
        rung, f"lead and lag over {(len(found.profile) - 1) // 2} days, prewhitened", told, len(x),
        assumptions=(
            Assumption("Nothing moves both.", Status.UNTESTED, "weekdays, trend and known events are taken out only"),
        ),
        diagnostics=tuple(checks), sensitivity=(Sensitivity("direction", detail=says),), window=seen.window,
        provenance=seen.provenance([edge.cause, edge.effect]), intervals=again,
    )  # fmt: skip


_RUNGS: tuple[Rungs, ...] = (_portfolio, _single, _rollouts, _panel, _series)
