"""Capped means: extreme values brought back to one cap, taken from both arms together."""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Check, Refusal
from metricstack.experiments.arms import samples_of, too_few
from metricstack.experiments.effect import Effect
from metricstack.experiments.lift import LiftMethod
from metricstack.experiments.means import relative_lift, welch
from metricstack.numerics.intervals import check_level

__all__ = ["winsorised_difference"]


def winsorised_difference(
    *,
    control: ArrayLike,
    treatment: ArrayLike,
    upper: float | None = 0.99,
    lower: float | None = None,
    cap: float | None = None,
    relative: bool = False,
    method: LiftMethod = "fieller",
    level: float = 0.95,
    unit: str = "1",
) -> Effect | Refusal:
    """Estimate the difference of two means after extreme values are brought to a cap from both arms pooled.

    A cap from each arm by itself would move with the treatment and bias the comparison; a pooled one is the same
    for all. The answer is about *capped* values: where the treatment works through the extremes, it says less.

    Args:
        control: One value per randomised unit, shape (units,), finite.
        treatment: The same of the treatment.
        upper: Quantile of both arms pooled above which values are brought down; None for no upper cap.
        lower: Quantile below which they are brought up; None for no lower cap.
        cap: A fixed upper cap in the metric's unit, in place of ``upper``.
        relative: As a fraction of the control's capped mean.
        method: How a relative interval is made: ``"fieller"``, ``"log_delta"`` or ``"delta"``.
        level: Two-sided confidence level, a fraction in (0, 1).
        unit: Unit of the metric.

    Returns:
        The effect, whose check ``capping`` gives the caps and how many values they moved; or a refusal as `welch`
        and `relative_lift` give.

    Raises:
        InvalidInput: quantiles outside [0, 1] or not in order, a value that is not finite, a level outside (0, 1).
        UnknownName: an unknown method.

    Source:
        Winsorised values compared by Welch's test; the pooled quantile is NumPy's ``linear`` (type 7).

    Example:
        >>> found = winsorised_difference(control=[1, 2, 3, 4], treatment=[2, 3, 4, 1000], cap=5)
        >>> found.value, found.checks[0].detail
        (1.0, 'capped at 5: 0 of 4 values in control, 1 of 4 in treatment')
    """
    check_level(level)
    a, b = samples_of(control, "control"), samples_of(treatment, "treatment")
    for name, share in (("upper", upper), ("lower", lower)):
        if share is not None and not 0 <= share <= 1:
            raise InvalidInput(f"The {name} quantile {share} is outside [0, 1]; 0.99 caps the largest 1 %.")
    if lower is not None and upper is not None and cap is None and lower >= upper:
        raise InvalidInput(f"The lower quantile {lower} is not below the upper {upper}.")
    if (refusal := too_few(control=len(a), treatment=len(b))) is not None:
        return refusal
    pooled = np.concatenate([a, b])
    top = cap if cap is not None else np.inf if upper is None else float(np.quantile(pooled, upper))
    bottom = -np.inf if lower is None else float(np.quantile(pooled, lower))
    if bottom > top:
        raise InvalidInput(f"The lower cap {bottom:.6g} is above the upper cap {top:.6g}.")
    moved = [int(((arm > top) | (arm < bottom)).sum()) for arm in (a, b)]
    a, b = np.clip(a, bottom, top), np.clip(b, bottom, top)
    if relative:
        found = relative_lift(control=a, treatment=b, method=method, level=level)
    else:
        found = welch(control=a, treatment=b, level=level, unit=unit)
    if isinstance(found, Refusal):
        return found
    caps = " and ".join(f"{bound:.6g}" for bound in (bottom, top) if np.isfinite(bound)) or "nothing"
    counts = f"{moved[0]} of {len(a)} values in control, {moved[1]} of {len(b)} in treatment"
    estimate = replace(found.estimate, method=f"capped means, {found.estimate.method}")
    return replace(found, estimate=estimate, checks=(Check("capping", None, f"capped at {caps}: {counts}"),))
