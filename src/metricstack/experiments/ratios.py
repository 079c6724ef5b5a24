"""Ratios of sums per unit (clicks per view, cost per success): the delta method over the units that were assigned."""

import math

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Moments, Reason, Refusal
from metricstack.experiments.arms import Arms, Sample, index_of, linear_variance, moments_of, too_few
from metricstack.experiments.effect import Effect
from metricstack.experiments.lift import LiftMethod, difference_of, lift_of
from metricstack.numerics.intervals import Spread, check_level, t_quantile

__all__ = ["arms_of_ratios", "linearised", "ratio_difference"]

Vector = NDArray[np.float64]


def linearised(
    moments: Moments, numerator: int, denominator: int, *, arm: str, level: float
) -> tuple[float, Vector] | Refusal:
    """Return an arm's ratio of means, and the weights of the variables whose sum is linear in it.

    Args:
        moments: Of one arm.
        numerator: Place of the numerator.
        denominator: Place of the denominator.
        arm: Which arm, for the message.
        level: Confidence level at which the denominator's mean must be clear of zero.

    Returns:
        The ratio and the weights, shape (k,): the sum of the weighted variables over n units varies as the ratio;
        or a refusal ``UNDEFINED_RATIO`` or ``MEAN_TOO_CLOSE_TO_ZERO``.

    Derivation:
        With R = mean(x) / mean(y), a unit moves R by ``(x - R y) / mean(y)`` in the first order.
    """
    below = float(moments.means[denominator])
    name = moments.names[denominator]
    if below == 0:
        return Refusal(
            Reason.UNDEFINED_RATIO,
            f"{name!r}, the denominator, adds up to 0 in the {arm} arm",
            "Check that the denominator is recorded; report the numerator per unit instead.",
        )
    error = np.sqrt(moments.covariance(name, name) / moments.n)
    reach = t_quantile(level, math.inf)  # of few units t would refuse counts that cannot be near 0
    if abs(below) <= reach * error:
        return Refusal(
            Reason.MEAN_TOO_CLOSE_TO_ZERO,
            f"the mean of {name!r} in the {arm} arm, {below:.6g}, is within {reach:.3g} of its standard errors "
            f"({error:.6g}) of 0",
            "Run longer, or report the numerator per unit instead.",
        )
    ratio = float(moments.means[numerator]) / below
    weights = np.zeros(len(moments.names))
    weights[numerator] += 1 / below
    weights[denominator] -= ratio / below
    return ratio, weights


def arms_of_ratios(
    *,
    control: Sample,
    treatment: Sample,
    numerator: str | None = None,
    denominator: str | None = None,
    level: float = 0.95,
) -> Arms | Refusal:
    """Put two arms' ratios of means side by side, each with its delta-method variance.

    Args:
        control: The control arm's two variables per randomised unit.
        treatment: The treatment arm's.
        numerator: Name of the numerator, the first variable by default.
        denominator: Name of the denominator, the second by default.
        level: Confidence level at which the denominators must be clear of zero.

    Returns:
        The arms; or a refusal, see `ratio_difference`.
    """
    a, b = moments_of(control, "control"), moments_of(treatment, "treatment")
    if len(a.names) < 2 or a.names != b.names:
        raise InvalidInput(
            f"A ratio needs the same two variables per unit in both arms, numerator and denominator; "
            f"the control has {a.names}, the treatment {b.names}."
        )
    top = 0 if numerator is None else index_of(a, numerator)
    below = 1 if denominator is None else index_of(a, denominator)
    if top == below:
        raise InvalidInput(f"The ratio of {a.names[top]!r} to itself is always 1. Name another denominator.")
    if (refusal := too_few(control=a.n, treatment=b.n)) is not None:
        return refusal
    ratios, spreads = [], []
    for arm, moments in (("control", a), ("treatment", b)):
        found = linearised(moments, top, below, arm=arm, level=level)
        if isinstance(found, Refusal):
            return found
        ratios.append(found[0])
        spreads.append(Spread(linear_variance(moments, found[1]) / moments.n, moments.n - 1))
    return Arms.independent(control=ratios[0], treatment=ratios[1], spreads=(spreads[0], spreads[1]), n=a.n + b.n)


def ratio_difference(
    *,
    control: Sample,
    treatment: Sample,
    numerator: str | None = None,
    denominator: str | None = None,
    relative: bool = False,
    method: LiftMethod = "fieller",
    level: float = 0.95,
    unit: str = "1",
) -> Effect | Refusal:
    """Estimate the difference of two ratios of sums, treatment minus control, with the unit as what varies.

    Requests of one user are not independent: a test per request calls an unchanged ratio changed far too often.
    Summed per randomised unit, the ratio of the two means is linearised and its variance comes from the units.

    Args:
        control: The control arm's numerator and denominator per randomised unit: moments of both, or
            ``{"clicks": [...], "views": [...]}``.
        treatment: The treatment arm's, the same names.
        numerator: Name of the numerator, the first variable by default.
        denominator: Name of the denominator, the second by default.
        relative: As a fraction of the control's ratio instead.
        method: How a relative interval is made: ``"fieller"``, ``"log_delta"`` or ``"delta"``.
        level: Two-sided confidence level, a fraction in (0, 1).
        unit: Unit of the ratio.

    Returns:
        The effect; or a refusal ``NO_DATA``, ``TOO_FEW_UNITS``, ``NO_VARIATION``, ``UNDEFINED_RATIO`` (nothing to
        divide by) or ``MEAN_TOO_CLOSE_TO_ZERO``.

    Raises:
        InvalidInput: fewer than two variables, other names in the arms, or a level outside (0, 1).
        UnknownName: a variable or a method that is not there.

    Source:
        Deng, Knoblich & Lu (2018), "Applying the Delta Method in Metric Analytics", KDD:
        ``(v_x - 2 R c_xy + R² v_y) / (n mean(y)²)``.

    Example:
        >>> a = {"clicks": [1, 2, 3, 4], "views": [10, 10, 20, 20]}
        >>> b = {"clicks": [2, 3, 4, 5], "views": [10, 10, 20, 20]}
        >>> found = ratio_difference(control=a, treatment=b)
        >>> round(found.value, 6), round(found.standard_error, 6)  # 14/60 - 10/60; (2 · 10/9 / 3 / 4 / 15²)^½
        (0.066667, 0.028689)
    """
    check_level(level)
    arms = arms_of_ratios(
        control=control, treatment=treatment, numerator=numerator, denominator=denominator, level=level
    )
    if isinstance(arms, Refusal):
        return arms
    words = "ratio of means, delta method"
    if relative:
        return lift_of(arms, kind=method, level=level, method=words)
    return difference_of(arms, level=level, unit=unit, method=words)
