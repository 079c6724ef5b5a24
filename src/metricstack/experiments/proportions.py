"""Shares from counts: one share, the difference and the ratio of two, honest where events are rare."""

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.values import Estimate, Reason, Refusal
from metricstack.experiments.arms import too_few
from metricstack.experiments.effect import Effect
from metricstack.numerics.intervals import check_level, t_quantile, wilson
from metricstack.numerics.multiplicity import p_value
from metricstack.numerics.proportions import (
    difference_bounds,
    difference_score,
    newcombe_bounds,
    ratio_bounds,
    ratio_score,
)

__all__ = [
    "DifferenceMethod",
    "RatioMethod",
    "ShareMethod",
    "check_counts",
    "proportion_difference",
    "proportion_ratio",
    "single_proportion",
]

ShareMethod = Literal["wilson", "clopper_pearson", "jeffreys"]
DifferenceMethod = Literal["score", "newcombe", "agresti_caffo", "wald"]
RatioMethod = Literal["score", "log"]
Vector = NDArray[np.float64]
Bounds = Callable[..., tuple[Vector, Vector]]
_WORDS = {"score": "Miettinen-Nurminen", "newcombe": "Newcombe", "agresti_caffo": "Agresti-Caffo", "wald": "Wald"}


def check_counts(successes: float, n: float, arm: str) -> tuple[int, int]:
    """Return counts as whole numbers, or raise `InvalidInput` where they are not successes of n.

    Args:
        successes: Units with the event.
        n: Units.
        arm: Whose, for the message; empty where there is only one.

    Example:
        >>> check_counts(3, 10, "control")
        (3, 10)
    """
    whose = f" of the {arm}" if arm else ""
    for name, number in (("successes", successes), ("n", n)):
        if number != number // 1:
            raise InvalidInput(f"The {name}{whose}, {number!r}, is no whole number; counts are.")
        if number < 0:
            raise InvalidInput(f"The {name}{whose} is {number}; a count is 0 or more.")
    if successes > n:
        raise InvalidInput(f"There are {successes} successes{whose} in {n} units. Count each unit once.")
    return int(successes), int(n)


def single_proportion(
    *, successes: int, n: int, method: ShareMethod = "wilson", level: float = 0.95
) -> Estimate | Refusal:
    """Estimate a share and its interval from a count.

    Wilson's interval covers close to its level at every share; Clopper and Pearson's covers at least its level,
    always, and is wider for it; Jeffreys' is the middle of the posterior after a Beta(½, ½) prior, to the end of
    the scale where none or all succeeded.

    Args:
        successes: Units with the event.
        n: Units, independent of one another.
        method: ``"wilson"``, ``"clopper_pearson"`` or ``"jeffreys"``.
        level: Two-sided confidence level, a fraction in (0, 1).

    Returns:
        The share in ``"fraction"``; or a refusal ``NO_DATA``.

    Raises:
        InvalidInput: counts that are not whole, negative or more than n, or a level outside (0, 1).
        UnknownName: an unknown method.

    Source:
        Brown, Cai & DasGupta (2001), Statistical Science 16, 101-133, sections 3.1, 4.1.2 and 4.2.1.

    Example:
        >>> share = single_proportion(successes=9, n=10)
        >>> round(share.value, 4), round(share.low, 4), round(share.high, 4)
        (0.9, 0.5958, 0.9821)
    """
    from scipy.special import betaincinv

    check_level(level)
    x, n = check_counts(successes, n, "")
    if method not in get_args(ShareMethod):
        raise UnknownName("method", method, get_args(ShareMethod))
    if n == 0:
        return Refusal(Reason.NO_DATA, "there are no units", "Check the window and the filter.")
    tail, share = (1 - level) / 2, x / n
    if method == "wilson":
        low, high = wilson(share, n, level=level)
        return Estimate(share, "fraction", n, "Wilson", low, high, level)
    # Beta quantiles: (x, n - x + 1) below and (x + 1, n - x) above; Jeffreys' prior puts a half in place of 0 and 1.
    below, above, words = (0.5, 0.5, "Jeffreys") if method == "jeffreys" else (0.0, 1.0, "Clopper-Pearson")
    low = float(betaincinv(x + below, n - x + above, tail)) if x > 0 else 0.0
    high = float(betaincinv(x + above, n - x + below, 1 - tail)) if x < n else 1.0
    return Estimate(share, "fraction", n, words, min(low, share), max(high, share), level)


def _tables(*counts: int) -> list[Vector]:
    return [np.array([float(count)]) for count in counts]


def _both(control: tuple[float, float], treatment: tuple[float, float]) -> tuple[int, int, int, int]:
    return *check_counts(*control, "control"), *check_counts(*treatment, "treatment")


def proportion_difference(
    *,
    control_successes: int,
    control_n: int,
    treatment_successes: int,
    treatment_n: int,
    method: DifferenceMethod = "score",
    level: float = 0.95,
) -> Effect | Refusal:
    """Estimate the difference of two shares, treatment minus control, from counts.

    The default inverts a score test (Miettinen and Nurminen), because interval and p-value then come from one
    test: the interval leaves out 0 exactly where the p-value is below ``1 - level``, also for a handful of events,
    and it never leaves [-1, 1]. Newcombe's interval is as good and quicker to work by hand, but has no test of its
    own; it, Agresti and Caffo's and Wald's (for comparison with others; too narrow for rare events) carry the same
    score test's p-value, but Wald's, which carries its own.

    Args:
        control_successes: Units of the control with the event.
        control_n: Units of the control.
        treatment_successes: Units of the treatment with the event.
        treatment_n: Units of the treatment.
        method: ``"score"``, ``"newcombe"``, ``"agresti_caffo"`` or ``"wald"``.
        level: Two-sided confidence level, a fraction in (0, 1).

    Returns:
        The effect in ``"fraction"``, with a standard error only for Wald. Where every unit of both arms answered
        alike no test can be made: the interval stands and the p-value is None. Or a refusal ``NO_DATA``, or, for
        Wald where neither arm varies, ``NO_VARIATION``.

    Raises:
        InvalidInput: counts that are not whole, negative or more than n, or a level outside (0, 1).
        UnknownName: an unknown method.

    Source:
        Miettinen & Nurminen (1985), Statistics in Medicine 4, 213-226; Newcombe (1998), Statistics in Medicine 17,
        873-890, method 10; Agresti & Caffo (2000), The American Statistician 54: Wald's after one success and one
        failure more in each arm.

    Example:
        >>> found = proportion_difference(
        ...     control_successes=48, control_n=80, treatment_successes=56, treatment_n=70, method="newcombe"
        ... )
        >>> round(found.value, 4), round(found.low, 4), round(found.high, 4)
        (0.2, 0.0524, 0.3339)
    """
    check_level(level)
    x0, n0, x1, n1 = _both((control_successes, control_n), (treatment_successes, treatment_n))
    if method not in get_args(DifferenceMethod):
        raise UnknownName("method", method, get_args(DifferenceMethod))
    if (refusal := too_few(control=n0, treatment=n1, needed=1)) is not None:
        return refusal
    p0, p1, words, error = x0 / n0, x1 / n1, _WORDS[method], None
    score = float(difference_score(*_tables(x0, n0, x1, n1, 0))[0])
    p = None if np.isnan(score) else p_value(score, 1.0, np.inf)
    value = p1 - p0
    if method in ("score", "newcombe"):
        bounds: Bounds = difference_bounds if method == "score" else newcombe_bounds
        low, high = (float(bound[0]) for bound in bounds(*_tables(x0, n0, x1, n1), level=level))
    else:
        extra = 1 if method == "agresti_caffo" else 0
        a, b, at, bt = x0 + extra, x1 + extra, n0 + 2 * extra, n1 + 2 * extra
        spread = float(np.sqrt(a / at * (1 - a / at) / at + b / bt * (1 - b / bt) / bt))
        if spread == 0:
            return Refusal(
                Reason.NO_VARIATION,
                f"every unit of an arm answered alike ({x0} of {n0} in control, {x1} of {n1} in treatment)",
                "Use method 'score', which needs no variation within the arms.",
            )
        reach, centre = t_quantile(level, np.inf) * spread, b / bt - a / at
        low, high = centre - reach, centre + reach
        if method == "wald":
            error, p = spread, p_value(value, spread, np.inf)
        # Agresti and Caffo's centre is drawn to 0; on a bound the interval need not reach the plain difference.
        low, high = max(min(low, value), -1.0), min(max(high, value), 1.0)
    return Effect(Estimate(value, "fraction", n0 + n1, words, low, high, level), p, error)


def proportion_ratio(
    *,
    control_successes: int,
    control_n: int,
    treatment_successes: int,
    treatment_n: int,
    method: RatioMethod = "score",
    level: float = 0.95,
) -> Effect | Refusal:
    """Estimate the ratio of two shares, treatment over control, from counts: the risk ratio, 1 where they are alike.

    Args:
        control_successes: Units of the control with the event.
        control_n: Units of the control.
        treatment_successes: Units of the treatment with the event.
        treatment_n: Units of the treatment.
        method: ``"score"`` (Koopman's, for rare events too) or ``"log"`` (Katz's, needs successes in both arms).
        level: Two-sided confidence level, a fraction in (0, 1).

    Returns:
        The effect in ``"1"``; or a refusal ``NO_DATA``, or ``UNDEFINED_RATIO`` where no unit of the control (for
        ``"log"``: of either arm) had the event. The p-value is that of equal shares: the score test's, which for a
        ratio of 1 is Pearson's chi-square.

    Raises:
        InvalidInput: counts that are not whole, negative or more than n, or a level outside (0, 1).
        UnknownName: an unknown method.

    Source:
        Koopman (1984), Biometrics 40, 513-517; Katz, Baptista, Azen & Pike (1978), method C:
        ``1 / x_c - 1 / n_c + 1 / x_t - 1 / n_t`` is the variance of the logarithm.

    Example:
        >>> found = proportion_ratio(control_successes=29, control_n=40, treatment_successes=36, treatment_n=40)
        >>> round(found.value, 4), round(found.low, 4), round(found.high, 4)
        (1.2414, 1.0053, 1.5963)
    """
    check_level(level)
    x0, n0, x1, n1 = _both((control_successes, control_n), (treatment_successes, treatment_n))
    if method not in get_args(RatioMethod):
        raise UnknownName("method", method, get_args(RatioMethod))
    if (refusal := too_few(control=n0, treatment=n1, needed=1)) is not None:
        return refusal
    if x0 == 0 or (method == "log" and x1 == 0):
        return Refusal(
            Reason.UNDEFINED_RATIO,
            f"{x0} of {n0} units had the event in control, {x1} of {n1} in treatment",
            "Report the difference of the shares." if x0 == 0 else "Use method 'score'.",
        )
    ratio = (x1 / n1) / (x0 / n0)
    score = float(ratio_score(*_tables(x0, n0, x1, n1, 1))[0])
    p = None if np.isnan(score) else p_value(score, 1.0, np.inf)
    if method == "score":
        low, high = (float(bound[0]) for bound in ratio_bounds(*_tables(x0, n0, x1, n1), level=level))
        return Effect(Estimate(ratio, "1", n0 + n1, "Koopman", min(low, ratio), max(high, ratio), level), p)
    factor = float(np.exp(t_quantile(level, np.inf) * np.sqrt(1 / x0 - 1 / n0 + 1 / x1 - 1 / n1)))
    return Effect(Estimate(ratio, "1", n0 + n1, "Katz log", ratio / factor, ratio * factor, level), p)
