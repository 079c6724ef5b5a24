"""Power, size and smallest detectable effect of a comparison of two arms, and the days that it takes."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Unpack

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Moments, Reason, Refusal
from metricstack.experiments.planning import Options, Plan, check_effect, check_n, check_power, setting_of

__all__ = ["minimum_detectable_effect", "power", "sample_size"]

_LARGEST = 10**13  # units; beyond, nobody waits


def power(*, effect: float, n: int, control: Moments | float, **options: Unpack[Options]) -> Plan | Refusal:
    """Tell how likely a comparison is to find an effect, with so many units.

    Args:
        effect: The true effect, treatment minus control, in the metric's unit; a fraction of control's value where
            ``relative``.
        n: Units of both arms.
        control: What is known of control: moments of one variable for a mean, of two (numerator and denominator per
            unit) for a ratio, a rate in (0, 1) for a proportion.
        **options: Those of `sample_size`, but for ``power``.

    Returns:
        The plan, whose ``power`` is the answer; or a refusal as `sample_size` gives.

    Raises:
        InvalidInput: an argument out of its range.

    Source:
        A mean by the noncentral t, a proportion by the normal with the pooled variance under the null (score test),
        a ratio by the normal with the delta method. The example is Cohen (1988), table 2.3.5: d = 0.5, 64 an arm.

    Example:
        >>> round(power(effect=0.5, n=128, control=Moments.of(1000, 0.0, 1.0)).power, 2)
        0.8
    """
    setting = setting_of(control, **options)
    if isinstance(setting, Refusal):
        return setting
    check_n(n)
    moved = check_effect(effect, setting)
    return setting.plan(moved, n, setting.power(moved, n))


def sample_size(
    *, effect: float, control: Moments | float, power: float = 0.8, **options: Unpack[Options]
) -> Plan | Refusal:
    """Tell how many units a comparison needs to find an effect.

    Args:
        effect: The true effect to find, treatment minus control, in the metric's unit; a fraction of control's value
            where ``relative``. With a margin it may be 0: then it is not inferior in truth.
        control: What is known of control: moments of one variable for a mean, of two (numerator and denominator per
            unit) for a ratio, a rate in (0, 1) for a proportion.
        power: The chance of finding it.
        **options: What else is known; only the options that are given count.

            * ``relative``: the effect and the margin are fractions of control's value.
            * ``margin``: non-inferiority margin above 0: what is shown is that the treatment is not worse by as much,
              more being better. One-sided.
            * ``alpha``: error of the test, 0.05; that of the design where one is given.
            * ``sided``: 2, or 1 for a test in the effect's direction alone; None for 2 (1 with a margin).
            * ``treatment_share``: share of units in treatment, a half.
            * ``covariates``: variables of the moments that were measured before, taken off by CUPED.
            * ``variance_reduction``: share of variance that covariates take away (R squared of CUPED), in [0, 1), where
              the moments do not tell it.
            * ``icc``: correlation of two units of one cluster, where clusters are assigned.
            * ``cluster_size``: units of a cluster on average.
            * ``cluster_variation``: standard deviation of cluster sizes over their mean.
            * ``traffic``: units of both arms that arrive a day.
            * ``design``: a sequential design, `group_sequential_bounds` or `always_valid_bounds`; n is then the largest
              it may come to.

    Returns:
        The plan, whose ``n`` is the answer (each arm rounded up); or a refusal with reason ``NO_VARIATION``,
        ``UNDEFINED_RATIO``, ``MEAN_TOO_CLOSE_TO_ZERO`` (a relative effect on a mean of 0) or ``TOO_FEW_UNITS`` (more
        than 10^13 units).

    Raises:
        InvalidInput: an argument out of its range, or an effect that no size can find.

    Source:
        Means and proportions: Cohen (1988), *Statistical Power Analysis*, sections 2.3 and 6; Fleiss, Levin and Paik
        (2003), chapter 4. Clusters: Donner and Klar (2000), variance times ``1 + ((1 + cv^2) m - 1) icc``,
        t with clusters - 2 degrees of freedom. The example agrees with
        ``statsmodels.stats.power.TTestIndPower().solve_power(0.5, power=0.8, alpha=0.05)``, 63.77 an arm.

    Example:
        >>> plan = sample_size(effect=0.5, control=Moments.of(1000, 0.0, 1.0), traffic=16)
        >>> plan.n, plan.control, plan.treatment, plan.days
        (128, 64, 64, 8.0)
    """
    setting = setting_of(control, **options)
    if isinstance(setting, Refusal):
        return setting
    check_power(power, setting)
    moved = check_effect(effect, setting)
    if moved + setting.margin <= 0 if setting.margin else moved == 0:
        raise InvalidInput(
            f"No number of units finds an effect of {effect} (margin {setting.margin:g}); state another effect."
        )
    least = _crossing(lambda size: setting.power(moved, math.exp(size)) - power, math.log(4.0), math.log(_LARGEST))
    if least is None:
        return Refusal(
            Reason.TOO_FEW_UNITS, f"an effect of {moved:.3g} needs more than 10^13 units", "Plan for a larger effect."
        )
    exact = math.exp(least) * (1 - 1e-9)
    treatment, rest = math.ceil(exact * setting.share), math.ceil(exact * (1 - setting.share))
    n = treatment + rest
    plan = setting.plan(moved, n, setting.power(moved, n))
    inflation = 1.0 if setting.design is None else setting.design.inflation(power)
    return replace(plan, control=rest, treatment=treatment, inflation=inflation)


def minimum_detectable_effect(
    *, n: int, control: Moments | float, power: float = 0.8, **options: Unpack[Options]
) -> Plan | Refusal:
    """Tell the smallest increase that a comparison finds with a given power, with so many units.

    Args:
        n: Units of both arms.
        control: As for `sample_size`.
        power: The chance of finding it.
        **options: Those of `sample_size`.

    Returns:
        The plan, whose ``effect`` is the answer in the metric's unit and ``relative_effect`` as a fraction of
        control's value; with a margin it is the smallest true effect that is shown to be not inferior, which may be
        below 0. Or a refusal as `sample_size` gives, ``TOO_FEW_UNITS`` where no increase of a rate is large enough.

    Raises:
        InvalidInput: an argument out of its range.

    Example:
        >>> plan = minimum_detectable_effect(n=128, control=Moments.of(1000, 10.0, 1.0))
        >>> round(plan.effect, 3), round(plan.relative_effect, 4)
        (0.499, 0.0499)
    """
    setting = setting_of(control, **options)
    if isinstance(setting, Refusal):
        return setting
    check_power(power, setting)
    check_n(n)
    metric = setting.metric
    spread = math.sqrt(metric.variance)
    top = 1 - metric.value if metric.kind == "proportion" else spread * 1e4
    bottom = 0.0
    if setting.margin:
        bottom = -setting.margin if metric.kind != "proportion" else max(-setting.margin, -metric.value)
    # In standard deviations, so that a metric of any scale is solved as finely.
    found = _crossing(lambda size: setting.power(size * spread, n) - power, bottom / spread, top / spread)
    if found is None:
        return Refusal(
            Reason.TOO_FEW_UNITS, f"{n} units find no increase with a power of {power:g}", "Plan for more units."
        )
    return setting.plan(found * spread, n, power)


def _crossing(lacking: Callable[[float], float], low: float, high: float) -> float | None:
    """Return where a growing function passes 0: its low end where it is above from the start, None where never."""
    from scipy.optimize import brentq

    if lacking(low) >= 0:
        return low
    return float(brentq(lacking, low, high, xtol=1e-12, rtol=1e-13)) if lacking(high) >= 0 else None
