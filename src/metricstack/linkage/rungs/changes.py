"""Dated changes: the series of cause and effect before and after the day, and the quotient of their jumps.

Days have memory, and one date is one date. So the rung stands only where the series kept their means before, where
two ways of allowing for memory agree, where the day stands out among days on which nothing happened, and where the
cause moved. What was changed for one value of a dimension is looked at less the values that were left alone.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput, nearest
from metricstack.core.values import Check, Reason, Refusal
from metricstack.experiments.effect import Effect
from metricstack.linkage.calendar import calendar_adjusted
from metricstack.linkage.dated import Dated
from metricstack.linkage.evidence import Assumption, Diagnostic, Evidence, Rung, Sensitivity, Status
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.interrupted import Interrupted
from metricstack.linkage.observed import Observed
from metricstack.linkage.rungs.dated_days import Days, days_around
from metricstack.linkage.rungs.quotient import PerStep, covariance_from_sum

__all__ = ["changes"]

Vector = NDArray[np.float64]
_ALPHA = 0.05
_AGREES = 0.2
"""Largest p-value at which a wandering level says the same: above, a level that wanders explains the change."""
_STANDS_OUT = 0.1
"""Largest rank among placebo days; a few dozen of them overlap, so that less could not be reached by many series."""
_NAME = "interrupted series, effect per step of the cause"


def changes(seen: Observed, edge: Hypothesis) -> Iterator[Evidence]:
    """Climb by every dated change that the edge names."""
    for name in edge.changes:
        method = f"interrupted series at {name}"
        dated = _named(seen, edge, name)
        if isinstance(dated, Refusal):
            yield Evidence(Rung.INTERRUPTED, method, dated, 0, window=seen.window)
            continue
        days = days_around(seen, edge, dated)
        try:
            told = days if isinstance(days, Refusal) else _interrupted(seen, edge, dated, days, method)
        except InvalidInput as error:  # a day outside of the series, or series that are none
            told = Refusal(Reason.NO_DATA, str(error), "Look at a window with days before and after it.")
        yield Evidence(Rung.INTERRUPTED, method, told, 0, window=seen.window) if isinstance(told, Refusal) else told


def _named(seen: Observed, edge: Hypothesis, name: str) -> Dated | Refusal:
    if not edge.exclusion:
        detail = f"no note says why {name} would reach {edge.effect} through {edge.cause} alone"
        return Refusal(Reason.NOT_MEASURED, detail, 'Declare exclusion = "…" if that is so.')
    known = [one for one in seen.changed if one.is_called(name)]
    if not known:
        guess = nearest(name, [text for one in seen.changed for text in (one.key, one.about) if text])
        hint = f"; did you mean {guess!r}?" if guess else ""
        detail = "no event of everybody or of one value, and no deployment of a model, prompt or policy, "
        detail += f"is called {name!r}{hint}"
        return Refusal(Reason.NOT_MEASURED, detail, "Name it as the table does; the scope of a value is region:emea.")
    staged = all(one.kind == "rollout" and one.where for one in known)  # of which any leads to the same answer
    if len(known) > 1 and not staged:
        detail = f"{len(known)} dated changes are called {name!r}"
        return Refusal(Reason.UNSTABLE, detail, f"Name one of them: {', '.join(one.key for one in known[:5])}.")
    return known[0]


def _interrupted(seen: Observed, edge: Hypothesis, dated: Dated, days: Days, method: str) -> Evidence | Refusal:
    x, y = days.columns[edge.cause], days.columns[edge.effect]
    before = np.array(days.dates) < days.start
    if not min(float(x[before].std()), float(y[before].std())) > 0:
        return Refusal(Reason.NO_VARIATION, "a metric is constant before the change", "Choose a metric that varies.")
    moved, outcome = days.ask(x), days.ask(y, placebo=True)
    if isinstance(moved, Refusal):
        return moved
    if isinstance(outcome, Refusal):
        return outcome
    if moved.value == 0:
        return Refusal(Reason.NO_VARIATION, "the change did not move the cause", "Look for one that did.")
    # Each series has a memory of its own, so errors of two do not give that of a third: it is asked where it matters,
    # of what is left of the effect at the slope that is told, and not so near to none that nothing could be told of it.
    size = max(abs(outcome.value / moved.value), 0.2 * float(y[before].std() / x[before].std()))
    factor = -math.copysign(size, outcome.value * moved.value)
    both = days.ask(y + factor * x)
    if isinstance(both, Refusal):
        return both
    together = covariance_from_sum(outcome.standard_error, moved.standard_error, both.standard_error, factor)
    again = PerStep(_effect(moved), _effect(outcome), together, edge.step, seen.unit(edge.effect), _NAME)
    controls = " and ".join(days.controls)
    if days.others:
        method += f", {' '.join(dated.where[0])} less {len(days.others)} left alone"
    return Evidence(
        Rung.INTERRUPTED, f"{method}{f', with {controls} as control' if controls else ''}", again.at(0.95),
        len(days.dates),
        assumptions=(
            *_assumed(dated, days, controls),
            Assumption("The change reaches the effect through this cause alone.", Status.UNTESTED, edge.exclusion),
        ),
        diagnostics=(
            *_required(edge, dated, days, moved, outcome),
            *_others(days, {edge.cause: moved, edge.effect: outcome}), *_beside(seen, dated, days), *_told(outcome),
        ),
        sensitivity=(Sensitivity("memory", detail=f"{outcome.before} days before, {outcome.after} after"),),
        window=seen.window, provenance=seen.provenance([edge.cause, edge.effect, *days.controls]), intervals=again,
    )  # fmt: skip


def _assumed(dated: Dated, days: Days, controls: str) -> Iterator[Assumption]:
    held = f"{controls} held fixed" if controls else "no negative control is declared that it left alone"
    if not days.others:
        yield Assumption("Without the change the series would have gone on as before.", Status.UNTESTED, held)
        yield Assumption("Nothing else happened on that day.", Status.UNTESTED, "only what is in the tables is known")
        return
    dimension, value = dated.where[0]
    yield Assumption(
        f"Without the change {value} would have gone on as the others did.", Status.UNTESTED,
        f"{dimension} {value} less the mean of {', '.join(days.others)}; {held}",
    )  # fmt: skip
    yield Assumption("The change left the others alone.", Status.UNTESTED, "what moved over to it would count twice")
    yield Assumption(
        "Nothing else happened to one side alone on that day.", Status.UNTESTED, "only what is in the tables is known"
    )


def _effect(found: Interrupted) -> Effect:
    freedom = found.level_change.freedom
    return Effect(found.estimate, found.p_value, found.standard_error, freedom)


def _required(
    edge: Hypothesis, dated: Dated, days: Days, moved: Interrupted, outcome: Interrupted
) -> Iterator[Diagnostic]:
    size = abs(moved.value) / moved.standard_error
    told = f"{dated.about or dated.key} moved {edge.cause} by {size:.1f} standard errors"
    yield Diagnostic(Check("cause_moved", moved.p_value <= _ALPHA, told), required=True)
    for name in (edge.cause, edge.effect):
        yield Diagnostic(_steady(name, days), required=True)
    seen_one = outcome.p_value <= _ALPHA
    level = days.ask(days.columns[edge.effect], level=True)
    if isinstance(level, Refusal):
        yield Diagnostic(
            Check("ways_agree", passed=False, detail=f"a wandering level says nothing: {level.detail}"), True
        )
    else:
        same = level.value * outcome.value > 0 and level.p_value <= _AGREES
        detail = f"AR(1) errors: p = {outcome.p_value:.2g}; a wandering level: p = {level.p_value:.2g}"
        yield Diagnostic(Check("ways_agree", same or not seen_one, detail), required=True)
    placebo = outcome.placebo
    if isinstance(placebo, Refusal):
        yield Diagnostic(Check("placebo_dates", passed=False, detail=placebo.detail), required=True)
    else:
        detail = f"among {placebo.starts} days on which nothing happened: p = {placebo.p_value:.2g}"
        passed = placebo.p_value <= _STANDS_OUT or not seen_one
        yield Diagnostic(Check("placebo_dates", passed, detail), required=True)
    for check in outcome.checks:
        if check.name.endswith(" untouched"):
            yield Diagnostic(check, required=True)


def _others(days: Days, jumps: Mapping[str, Interrupted]) -> Iterator[Diagnostic]:
    """What was left alone: no single one of them may make a jump by one of its own."""
    if not days.others:
        return
    for name in jumps:
        alone = days.ask(days.common(name))
        if not isinstance(alone, Refusal):
            detail = f"what was left alone changed by itself: p = {alone.p_value:.2g}; that drops out"
            yield Diagnostic(Check(f"common: {name}", None, detail))
    if len(days.others) == 1:
        detail = "one other alone: a jump of its own cannot be told from one of what was changed"
        yield Diagnostic(Check("no_single_other", None, detail))
        return
    for name, seen_one in jumps.items():
        if seen_one.p_value > _ALPHA:  # there is no jump that one of them could have made
            continue
        without = {other: days.ask(days.without(other, name)) for other in days.others}
        left = {
            other: less.p_value if not isinstance(less, Refusal) and less.value * seen_one.value > 0 else 1.0
            for other, less in without.items()
        }
        weakest = max(left, key=lambda other: left[other])
        detail = f"without {weakest} the same jump is seen with p = {left[weakest]:.2g}"
        yield Diagnostic(Check(f"no_single_other: {name}", left[weakest] <= _AGREES, detail), required=True)


def _steady(name: str, days: Days) -> Check:
    """Check that a series kept its mean, or its trend, before the change: an undecided one has not shown it."""
    from metricstack.linkage.stability import stationarity

    before = np.array(days.dates) < days.start
    dates = [day for day in days.dates if day < days.start]
    values = days.columns[name][before]
    left = calendar_adjusted(values, dates=dates, events=_within(days.events, dates), trend=False, missing="skip")
    if isinstance(left, Refusal):
        return Check(f"stationary: {name}", passed=False, detail=left.detail)
    kept: Vector = left.values
    told = stationarity(kept[np.isfinite(kept)])
    if isinstance(told, Refusal):
        return Check(f"stationary: {name}", passed=False, detail=told.detail)
    return Check(f"stationary: {name}", told.check.passed is True, f"before the change {told.check.detail}")


def _within(events: Mapping[str, Sequence[str]], dates: Sequence[str]) -> dict[str, list[str]]:
    kept = {kind: [day for day in days if dates[0] <= day <= dates[-1]] for kind, days in events.items()}
    return {kind: days for kind, days in kept.items() if days}


def _beside(seen: Observed, dated: Dated, days: Days) -> Iterator[Diagnostic]:
    """What else is dated near, on either side: of the same day it cannot be told from the change."""
    others = [one for one in seen.changed if one.key != dated.key and abs((one.first - dated.first).days) <= 3]
    if dated.where:
        dimension, value = dated.where[0]
        others = [one for one in others if any(one.touches(dimension, side) for side in (value, *days.others))]
    same = [one for one in others if one.first == dated.first]
    names = ", ".join(dict.fromkeys(one.about or one.key for one in (same or others)))
    if same:
        yield Diagnostic(Check("alone_on_its_day", passed=False, detail=f"on the same day: {names}"), required=True)
    elif others:
        yield Diagnostic(Check("alone_on_its_day", passed=None, detail=f"within three days: {names}"))


def _told(outcome: Interrupted) -> Iterator[Diagnostic]:
    for check in outcome.checks:
        if not check.name.endswith(" untouched"):
            yield Diagnostic(check)
