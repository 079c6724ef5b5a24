"""Two arms of an experiment held against each other: within stretches of one allocation, with what was known before."""

from collections.abc import Mapping
from dataclasses import dataclass

from metricstack.core.values import Check, Moments, Reason, Refusal
from metricstack.experiments.adjustment import arms_cuped
from metricstack.experiments.arms import Arms
from metricstack.experiments.means import arms_of_means
from metricstack.experiments.strata import arms_in_strata

__all__ = ["FEWEST", "Contrast", "contrast"]

FEWEST = 30
"""Fewer units in an arm of a stretch are left out: their mean is not yet normal."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """Two arms side by side.

    Args:
        arms: Their values, with how these vary together.
        method: How they were made comparable, in a few words.
        variance_reduction: The part of the variance that what was known before took away; None without covariates.
        checks: What was met on the way.
    """

    arms: Arms
    method: str = "Welch"
    variance_reduction: float | None = None
    checks: tuple[Check, ...] = ()


def contrast(control: Mapping[int, Moments], treatment: Mapping[int, Moments]) -> Contrast | Refusal:
    """Put two arms side by side.

    Where the allocation changed, units are compared with those of their own stretch only: in the raw sum of two
    stretches an arm holds more units of the one than the other does, and whatever changed between them passes for an
    effect. Covariates, the variables after the first, are taken off (CUPED).

    Args:
        control: Stretch of the allocation → moments of control: the metric, then covariates.
        treatment: The same of the treatment.

    Returns:
        The arms; or a refusal as `welch` gives it, or of no stretch with enough units of both.
    """
    both = sorted(set(control) & set(treatment))
    held = [one for one in both if min(control[one].n, treatment[one].n) >= FEWEST] if len(both) > 1 else both
    if not held:
        fewest = max((min(control[one].n, treatment[one].n) for one in both), default=0)
        return Refusal(
            Reason.TOO_FEW_UNITS,
            f"no stretch of one allocation has more than {fewest:,} units of both arms; {FEWEST} are needed",
            "Run longer.",
        )
    parts, plain, checks = [], [], dict[str, Check]()
    for one in held:
        found = _within(control[one], treatment[one])
        if isinstance(found, Refusal):
            return found
        parts.append(found[0])
        plain.append(found[1])
        checks |= {check.name: check for check in found[2]}
    left = sum(side[one].n for side in (control, treatment) for one in side if one not in held)
    if left:
        text = f"{left:,} units came while an arm had fewer than {FEWEST} of their stretch, and are left out"
        checks["stretches"] = Check("stretches", None, text)
    arms, before = arms_in_strata(parts), arms_in_strata(plain)
    adjusted = len(next(iter(control.values())).names) > 1
    method = "CUPED" if adjusted else "Welch"
    method += " within stretches of one allocation" if len(held) > 1 else ""
    reduction = 1 - (arms.error / before.error) ** 2 if adjusted and before.error > 0 else None
    return Contrast(arms, method, reduction, tuple(checks.values()))


def _within(control: Moments, treatment: Moments) -> tuple[Arms, Arms, tuple[Check, ...]] | Refusal:
    """The arms adjusted and plain, which are the same without covariates."""
    plain = arms_of_means(control=control, treatment=treatment)
    covariates = control.names[1:]
    if isinstance(plain, Refusal) or not covariates:
        return plain if isinstance(plain, Refusal) else (plain, plain, ())
    found = arms_cuped(control=control, treatment=treatment, covariates=covariates)
    return found if isinstance(found, Refusal) else (found[0], plain, found[3])
