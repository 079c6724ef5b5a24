"""Differences and relative lifts of two arms' values: the one place where intervals of either are made."""

import math
from typing import Literal, get_args

from metricstack.core.errors import UnknownName
from metricstack.core.values import Check, Estimate, Reason, Refusal
from metricstack.experiments.arms import Arms
from metricstack.experiments.effect import Effect, effect
from metricstack.numerics.intervals import check_level, t_quantile
from metricstack.numerics.multiplicity import p_value

__all__ = ["LiftMethod", "difference_of", "fieller", "lift_of"]

LiftMethod = Literal["fieller", "log_delta", "delta"]
_LARGEST = 600.0  # exp() of more is hardly a number


def difference_of(
    arms: Arms, *, level: float = 0.95, unit: str = "1", method: str, checks: tuple[Check, ...] = ()
) -> Effect | Refusal:
    """Estimate treatment minus control from the arms' values.

    Args:
        arms: Two arms' values.
        level: Two-sided confidence level, a fraction in (0, 1).
        unit: Unit of the metric.
        method: How the values were computed, in a few words.
        checks: What was met on the way.

    Returns:
        The effect; or a refusal ``NO_VARIATION``.
    """
    check_level(level)
    if (refusal := arms.refusal) is not None:
        return refusal
    return effect(
        arms.difference,
        arms.error,
        freedom=arms.freedom,
        level=level,
        unit=unit,
        n=arms.n,
        method=method,
        checks=checks,
    )


def fieller(arms: Arms, *, level: float) -> tuple[float, float] | None:
    """Bound treatment / control: every ratio that the arms do not contradict, or None where that set has no end.

    Args:
        arms: Two arms' values.
        level: Two-sided confidence level.

    Derivation:
        A ratio r is contradicted where ``(T - r C)² > t² (v_T - 2 r c + r² v_C)``. The rest is between the roots of
        ``(C² - t² v_C) r² - 2 (C T - t² c) r + (T² - t² v_T)``, as long as its first coefficient is positive:
        the control's value must lie more than t of its own standard errors from 0.

    Source:
        Fieller (1954), "Some problems in interval estimation", J. R. Statist. Soc. B 16, 175-185.

    Example:
        >>> arms = Arms(10.0, 11.0, 0.01, 0.01, 0.0, math.inf, 800)
        >>> low, high = fieller(arms, level=0.95)
        >>> round(low, 4), round(high, 4)
        (1.0713, 1.1296)
    """
    t2 = t_quantile(level, arms.freedom) ** 2
    first = arms.control**2 - t2 * arms.variance_control
    if first <= 0:
        return None
    middle = arms.control * arms.treatment - t2 * arms.covariance
    root = math.sqrt(max(middle**2 - first * (arms.treatment**2 - t2 * arms.variance_treatment), 0.0))
    return (middle - root) / first, (middle + root) / first


def lift_of(
    arms: Arms,
    *,
    kind: LiftMethod = "fieller",
    level: float = 0.95,
    method: str,
    checks: tuple[Check, ...] = (),
) -> Effect | Refusal:
    """Estimate (treatment - control) / |control|: by how much of the control's size the treatment is larger.

    Of a control below zero the size counts, so that a positive lift is always an increase. The p-value is the
    one of the absolute difference: whether there is an effect does not hang on the scale it is written on.

    Args:
        arms: Two arms' values.
        kind: How the interval is made; see `relative_lift`.
        level: Two-sided confidence level, a fraction in (0, 1).
        method: How the values were computed, in a few words.
        checks: What was met on the way.

    Returns:
        The effect in ``"fraction"``; or a refusal ``NO_VARIATION``, ``MEAN_TOO_CLOSE_TO_ZERO`` or, for the log of
        an arm that is not positive, ``UNDEFINED_RATIO``.
    """
    check_level(level)
    if kind not in get_args(LiftMethod):
        raise UnknownName("method", kind, get_args(LiftMethod))
    if (refusal := arms.refusal) is not None:
        return refusal
    both = fieller(arms, level=level)
    if both is None:
        return Refusal(
            Reason.MEAN_TOO_CLOSE_TO_ZERO,
            f"the control's value {arms.control:.6g} is within {t_quantile(level, arms.freedom):.3g} of its standard "
            f"errors ({math.sqrt(arms.variance_control):.6g}) of 0",
            "Report the absolute difference; a share of what may be nothing has no useful interval.",
        )
    ratio, size, error = arms.treatment / arms.control, abs(arms.control), None
    value = arms.difference / size
    if arms.contrast_error(ratio) == 0:
        return Refusal(
            Reason.NO_VARIATION,
            f"every unit of the treatment is {arms.treatment:.6g}, which leaves the lift no sampling error",
            "Report the absolute difference; of events, compare the counts with proportion_difference.",
        )
    if kind == "fieller":
        low, high = both[0] - 1, both[1] - 1
        if arms.control < 0:
            low, high = -high, -low
        words = "Fieller"
    elif kind == "delta":
        error = arms.contrast_error(ratio) / size
        reach = t_quantile(level, arms.freedom) * error
        low, high, words = value - reach, value + reach, "delta method"
    else:
        if min(arms.control, arms.treatment) <= 0:
            return Refusal(
                Reason.UNDEFINED_RATIO,
                f"the logarithm needs two positive values; they are {arms.control:.6g} and {arms.treatment:.6g}",
                "Use method 'fieller', which needs only a control clear of zero.",
            )
        reach = t_quantile(level, arms.freedom) * arms.contrast_error(ratio) / arms.treatment
        low, words = math.expm1(math.log(ratio) - reach), "log-delta"
        high = math.expm1(math.log(ratio) + reach) if reach < _LARGEST else math.inf
    estimate = Estimate(value, "fraction", arms.n, f"{method}, relative ({words})", low, high, level)
    p = p_value(arms.difference, arms.error, arms.freedom)
    return Effect(estimate, p, error, arms.freedom, checks)
