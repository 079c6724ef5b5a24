"""An effect of two independent arms as a fraction of control, with the p-value of the difference itself."""

import math

from metricstack.core.values import Check, Estimate, Reason, Refusal
from metricstack.experiments.effect import Effect
from metricstack.numerics.intervals import Spread, t_quantile
from metricstack.numerics.multiplicity import p_value
from metricstack.numerics.quotient import quotient_bounds

__all__ = ["relative_effect"]


def relative_effect(
    control: float,
    treatment: float,
    *,
    spreads: tuple[Spread, Spread],
    freedom: float,
    level: float,
    n: int,
    method: str,
    checks: tuple[Check, ...] = (),
) -> Effect | Refusal:
    """Give the difference as a fraction of control's size, with Fieller's interval.

    Args:
        control: Control's value.
        treatment: Treatment's value.
        spreads: Their variances, control's first.
        freedom: Degrees of freedom of the difference.
        level: Confidence level, a fraction in (0, 1).
        n: Units of both arms.
        method: How the values were computed, in a few words.
        checks: What was met on the way.

    Returns:
        The effect in ``"fraction"``; or the refusal ``MEAN_TOO_CLOSE_TO_ZERO`` where control is not clear of 0.

    Example:
        >>> found = relative_effect(10.0, 11.0, spreads=(Spread(0.01, 50), Spread(0.01, 50)), freedom=100,
        ...     level=0.95, n=102, method="means")
        >>> round(found.value, 4), round(found.low, 4), round(found.high, 4)
        (0.1, 0.0709, 0.1299)
    """
    bounds = quotient_bounds(
        treatment,
        control,
        variance_above=spreads[1].variance,
        variance_below=spreads[0].variance,
        reach=t_quantile(level, freedom),
    )
    if bounds is None:
        return Refusal(
            Reason.MEAN_TOO_CLOSE_TO_ZERO,
            f"control is {control:g} with a standard error of {math.sqrt(spreads[0].variance):g}",
            "Report the absolute difference.",
        )
    step, error = treatment - control, math.sqrt(spreads[0].variance + spreads[1].variance)
    sign = math.copysign(1.0, control)  # of a negative amount, upwards is still up
    low, high = sorted(sign * (bound - 1) for bound in bounds)
    estimate = Estimate(step / abs(control), "fraction", n, f"{method}, Fieller", low, high, level)
    return Effect(estimate, p_value(step, error, freedom), None, freedom, checks)
