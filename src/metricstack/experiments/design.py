"""How an experiment may be read: its design sets the level of every interval, and says when it is too early."""

import math
from dataclasses import replace

from metricstack.core.values import Moments, Reason, Refusal
from metricstack.experiments.anytime import always_valid
from metricstack.experiments.declare import Declaration, Design
from metricstack.experiments.effect import Effect
from metricstack.experiments.means import relative_lift, welch
from metricstack.experiments.sequential import group_sequential_bounds

__all__ = ["REACHED", "look_of", "read_effect"]

REACHED = 0.95
"""From this share of the planned n on, the plan is taken as reached: traffic is not exact."""
_NEAR_1 = 1 - 1e-12
_USUAL_N = 5_000.0


def read_effect(
    declared: Declaration, *, control: Moments, treatment: Moments, n: int, unit: str
) -> tuple[Effect | Refusal, Effect | Refusal]:
    """Give an effect and its relative form, with intervals as wide as the declared design asks for.

    Fixed: at 1 - alpha. Group sequential: at the bound of the planned look that the units are of (`look_of`;
    O'Brien-Fleming spending). Always valid: a confidence sequence, and the relative effect at the same reach. Several
    arms against one control share alpha (Bonferroni).

    Args:
        declared: What was declared.
        control: Moments of the metric in control.
        treatment: The same in treatment.
        n: Units of all arms so far.
        unit: The metric's unit.
    """
    alpha = declared.alpha / (len(declared.arms) - 1)
    if declared.design is Design.ALWAYS_VALID:
        planned = float(declared.planned_n or _USUAL_N)
        found = always_valid(control=control, treatment=treatment, planned_n=planned, level=1 - alpha, unit=unit)
        if isinstance(found, Refusal):
            return found, found
        relative = relative_lift(control=control, treatment=treatment, level=_as_fixed(found))
        return found, _held(relative, 1 - alpha, "confidence sequence")
    level, how = 1 - alpha, ""
    if declared.design is Design.GROUP_SEQUENTIAL:
        look = look_of(declared, n, ended=declared.end is not None)
        bounds = group_sequential_bounds(declared.looks, alpha)
        if look < 1 or not math.isfinite(bounds.critical[look - 1]):
            first = math.ceil((declared.planned_n or 0) / declared.looks)
            early = Refusal(
                Reason.TOO_FEW_UNITS,
                f"its first of {declared.looks} planned looks is at {first:,} units; there are {n:,}",
                "Wait for the look that was planned.",
            )
            return early, early
        level, how = min(1 - bounds.nominal_p[look - 1], _NEAR_1), f"look {look} of {declared.looks}"
    found = welch(control=control, treatment=treatment, level=level, unit=unit)
    relative = relative_lift(control=control, treatment=treatment, level=level)
    return _held(found, 1 - alpha, how), _held(relative, 1 - alpha, how)


def _held(found: Effect | Refusal, level: float, how: str) -> Effect | Refusal:
    """Say the level that holds over all looks, which a wider interval at this one buys."""
    if isinstance(found, Refusal) or not how:
        return found
    method = f"{found.estimate.method}, {how}"
    return replace(found, estimate=replace(found.estimate, level=level, method=method))


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
