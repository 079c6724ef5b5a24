"""How an experiment may be read: its design sets the level of every interval, and says when it is too early."""

import math
from dataclasses import replace
from functools import cache

from metricstack.core.values import Reason, Refusal
from metricstack.experiments.anytime import always_valid_effect
from metricstack.experiments.contrast import Contrast
from metricstack.experiments.declaration import Declaration, Design
from metricstack.experiments.effect import Effect
from metricstack.experiments.lift import difference_of, lift_of
from metricstack.experiments.sequential import GroupSequential, group_sequential_bounds

__all__ = ["anytime", "bounds_of", "is_reached", "look_of", "read_effect"]

REACHED = 0.95
"""From this share of the planned n on, the plan is taken as reached: traffic is not exact."""
_NEAR_1 = 1 - 1e-12
_USUAL_N = 5_000.0


def read_effect(
    declared: Declaration, found: Contrast, *, n: int, unit: str
) -> tuple[Effect | Refusal, Effect | Refusal]:
    """Give an effect and its relative form, with intervals as wide as the declared design asks for.

    Fixed: once, at 1 - alpha; before the planned n is reached nothing is told, and of an experiment that was stopped
    before it a confidence sequence, which holds whenever it stops. Group sequential: at the bound of the planned look
    that the units are of (`look_of`). Always valid: a confidence sequence, and the relative effect at the same reach.
    Several arms against one control share alpha (Bonferroni).

    Args:
        declared: What was declared.
        found: Control and treatment side by side.
        n: Units of all arms so far.
        unit: The metric's unit.
    """
    alpha = declared.alpha / (len(declared.arms) - 1)
    if declared.design is Design.ALWAYS_VALID:
        return anytime(declared, found, level=1 - alpha, unit=unit)
    if declared.design is Design.FIXED and not is_reached(declared, n):
        if declared.end is not None:
            return anytime(declared, found, level=1 - alpha, unit=unit)
        early = Refusal(
            Reason.TOO_FEW_UNITS,
            f"its design is read once, at {declared.planned_n:,} units; there are {n:,}",
            "Wait for the planned units.",
        )
        return early, early
    level, how = 1 - alpha, ""
    if declared.design is Design.GROUP_SEQUENTIAL:
        look = look_of(declared, n, ended=declared.end is not None)
        bounds = bounds_of(declared)
        if look < 1 or not math.isfinite(bounds.critical[look - 1]):
            first = math.ceil((declared.planned_n or 0) / declared.looks)
            early = Refusal(
                Reason.TOO_FEW_UNITS,
                f"its first of {declared.looks} planned looks is at {first:,} units; there are {n:,}",
                "Wait for the look that was planned.",
            )
            return early, early
        level, how = min(1 - bounds.nominal_p[look - 1], _NEAR_1), f"look {look} of {declared.looks}"
    effect = difference_of(found.arms, level=level, unit=unit, method=found.method, checks=found.checks)
    relative = lift_of(found.arms, level=level, method=found.method)
    return _held(effect, 1 - alpha, how), _held(relative, 1 - alpha, how)


def bounds_of(declared: Declaration, *, futility: bool = False) -> GroupSequential:
    """Return the bounds of a group-sequential design, of one arm against control.

    Args:
        declared: What was declared.
        futility: Those for giving up, too, where they were declared.
    """
    alpha = declared.alpha / (len(declared.arms) - 1)
    family = declared.futility if futility and declared.futility else None
    return _bounds(declared.looks, alpha, declared.spending, family, declared.beta)


@cache
def _bounds(looks: int, alpha: float, spending: str, futility: str | None, beta: float) -> GroupSequential:
    return group_sequential_bounds(looks, alpha, spending, futility=futility, beta=beta)


def anytime(
    declared: Declaration, found: Contrast, *, level: float, unit: str
) -> tuple[Effect | Refusal, Effect | Refusal]:
    """Give an effect and its relative form by a confidence sequence, which may be read at any time.

    Args:
        declared: What was declared.
        found: Control and treatment side by side.
        level: Confidence level, over all times.
        unit: The metric's unit.
    """
    fixed = difference_of(found.arms, level=level, unit=unit, method=found.method, checks=found.checks)
    if isinstance(fixed, Refusal):
        return fixed, fixed
    effect = always_valid_effect(fixed, planned_n=float(declared.planned_n or _USUAL_N), level=level)
    relative = lift_of(found.arms, level=_as_fixed(effect), method=found.method)
    return effect, _held(relative, level, "confidence sequence")


def _held(found: Effect | Refusal, level: float, how: str) -> Effect | Refusal:
    """Say the level that holds over all looks, which a wider interval at this one buys."""
    if isinstance(found, Refusal) or not how:
        return found
    method = f"{found.estimate.method}, {how}"
    return replace(found, estimate=replace(found.estimate, level=level, method=method))


def is_reached(declared: Declaration, n: int) -> bool:
    """Tell whether the planned n is reached.

    Args:
        declared: What was declared.
        n: Units of all arms so far.
    """
    return declared.planned_n is None or n >= REACHED * declared.planned_n


def look_of(declared: Declaration, n: int, *, ended: bool) -> int:
    """Return the last planned look of a group-sequential design that has been reached, 0 before the first.

    Between two looks nothing new may be read: a bound holds for the units of its look, and reading later data
    against it every day rejects a true null more often than alpha.

    Args:
        declared: What was declared.
        n: Units of all arms so far.
        ended: No more units will come, so that 95 % of the planned n count as all of it.

    Example:
        >>> from datetime import UTC, datetime
        >>> arms, shares, start = ("control", "treatment"), (0.5, 0.5), datetime(2026, 7, 1, tzinfo=UTC)
        >>> one = Declaration("retry", "user", arms, shares, "task_success", start, looks=4, planned_n=1000)
        >>> [look_of(one, n, ended=False) for n in (249, 250, 999, 1000)], look_of(one, 960, ended=True)
        ([0, 1, 3, 4], 4)
    """
    if declared.planned_n is None or n >= (REACHED if ended else 1.0) * declared.planned_n:
        return declared.looks
    return math.floor(n / declared.planned_n * declared.looks + 1e-9)


def _as_fixed(found: Effect) -> float:
    """The level of a fixed interval that reaches as far as this one."""
    from scipy.special import ndtr

    assert found.low is not None
    assert found.high is not None
    assert found.standard_error
    return min(float(1 - 2 * ndtr(-(found.high - found.low) / 2 / found.standard_error)), _NEAR_1)
