"""Always-valid inference: intervals and p-values that may be read at any time, as often as one likes."""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.values import Check, Estimate, Moments, Reason, Refusal
from metricstack.experiments.effect import Effect
from metricstack.numerics.intervals import check_level

__all__ = ["always_valid", "always_valid_effect", "bounded_mean_sequence", "msprt", "narrowest"]

Vector = NDArray[np.float64]
_FEWEST = 100  # units of an arm below which a central limit is not yet taken for granted


def always_valid(
    *,
    control: Moments,
    treatment: Moments,
    planned_n: float = 5000,
    rho: float | None = None,
    null: float = 0.0,
    level: float = 0.95,
    unit: str = "1",
) -> Effect | Refusal:
    """Give a difference of means with an interval that holds at all times at once.

    A fixed interval read every day is wrong on some day far more often than its level says. This one covers the
    truth on every day together with its level; it is about 1.3 to 2 times as wide, and may stop at any time.

    Args:
        control: Moments of the control arm so far, one observation per randomised unit.
        treatment: Moments of the treatment arm so far.
        planned_n: Units of both arms at which the interval is to be narrowest. Choose it before the start: it sets
            ``rho``, and one that follows the data is not valid.
        rho: Scale of the mixture itself, in place of ``planned_n``.
        null: The difference that is tested.
        level: Level of the interval, over all times.
        unit: Unit of the metric.

    Returns:
        Treatment minus control, with its interval and always-valid p-value (the smallest seen so far is valid too);
        or a refusal with reason ``TOO_FEW_UNITS`` or ``NO_VARIATION``.

    Raises:
        InvalidInput: ``planned_n`` or ``rho`` is not above 0, or the level is outside (0, 1).

    Source:
        Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2021), *Time-uniform central limit theory and asymptotic
        confidence sequences*, theorem 2.2: with n units of standard deviation s the interval reaches
        ``s sqrt(2 (n rho^2 + 1) / (n rho)^2 log(sqrt(n rho^2 + 1) / alpha))``. Here s^2 = n V, V the variance of
        the difference. It is narrowest at n where ``y - log y = 1 - 2 log alpha`` with ``y = n rho^2 + 1``, so
        ``y = -W(-alpha^2 / e)`` on the lower branch of Lambert's W. The p-value is the reciprocal of the mixture
        likelihood ratio ``exp(z^2 (y - 1) / (2 y)) / sqrt(y)``.

    Example:
        >>> a, b = Moments.of(2500, 10.0, 4.0), Moments.of(2500, 10.3, 4.0)
        >>> found = always_valid(control=a, treatment=b, planned_n=5000)
        >>> f"{found.value:.2f} [{found.low:.3f}, {found.high:.3f}] {found.p_value:.1e}"
        '0.30 [0.128, 0.472] 1.1e-05'
    """
    alpha = 1 - check_level(level)
    seen = _difference(control, treatment)
    if isinstance(seen, Refusal):
        return seen
    n = control.n + treatment.n
    return _mixture(
        *seen, ratio=_ratio(n, planned_n, rho, alpha), null=null, level=level, unit=unit,
        arms=(control.n, treatment.n), method="asymptotic confidence sequence (normal mixture)",
    )  # fmt: skip


def always_valid_effect(
    found: Effect, *, planned_n: float = 5000, rho: float | None = None, null: float = 0.0, level: float = 0.95
) -> Effect:
    """Give any effect on many units (a ratio, a regression-adjusted mean) an interval that holds at all times at once.

    What counts is that the effect is nearly a mean over units: the delta method and covariates fitted so far keep it.

    Args:
        found: The effect so far, with its standard error and units of both arms.
        planned_n: Units of both arms at which the interval is to be narrowest, chosen before the start.
        rho: Scale of the mixture itself, in place of ``planned_n``.
        null: The effect that is tested.
        level: Level of the interval, over all times.

    Returns:
        The same effect with the interval and p-value of `always_valid`.

    Raises:
        InvalidInput: an effect without a standard error above 0 or without units, or an argument out of its range.

    Source:
        Waudby-Smith and others (2021), section 3: asymptotically linear estimators in place of means.

    Example:
        >>> from metricstack.experiments.effect import effect
        >>> found = always_valid_effect(effect(0.3, 0.0565685, n=5000, method="delta"), planned_n=5000)
        >>> f"{found.value:.2f} [{found.low:.3f}, {found.high:.3f}] {found.p_value:.1e}"
        '0.30 [0.128, 0.472] 1.1e-05'
    """
    alpha = 1 - check_level(level)
    if found.standard_error is None or not found.standard_error > 0 or found.n < 2:
        raise InvalidInput("An effect needs a standard error above 0 and its units to be read at any time.")
    half = found.n // 2
    wider = _mixture(
        found.value, found.standard_error**2, ratio=_ratio(found.n, planned_n, rho, alpha), null=null, level=level,
        unit=found.unit, arms=(half, found.n - half), method=f"{found.estimate.method}, always valid (normal mixture)",
    )  # fmt: skip
    return replace(wider, checks=(*found.checks, *wider.checks[:1]))


def _ratio(n: int, planned_n: float, rho: float | None, alpha: float) -> float:
    for name, given in (("planned_n", planned_n), ("rho", rho)):
        if given is not None and not (math.isfinite(given) and given > 0):
            raise InvalidInput(f"The {name} {given} is not above 0.")
    return n * (narrowest(alpha) / planned_n if rho is None else rho**2)


def msprt(
    *,
    control: Moments,
    treatment: Moments,
    tau: float,
    null: float = 0.0,
    level: float = 0.95,
    unit: str = "1",
) -> Effect | Refusal:
    """Test a difference of means by the mixture sequential probability ratio, at any time.

    It is the same family as `always_valid`, tuned by the size of effects that are expected rather than by n.

    Args:
        control: Moments of the control arm so far.
        treatment: Moments of the treatment arm so far.
        tau: Standard deviation of the effects that are thought possible, in the metric's unit; chosen before the
            start. A good choice is the spread of effects of past experiments.
        null: The difference that is tested.
        level: Level of the interval, over all times.
        unit: Unit of the metric.

    Returns:
        Treatment minus control, with its always-valid interval and p-value; or a refusal with reason
        ``TOO_FEW_UNITS`` or ``NO_VARIATION``.

    Raises:
        InvalidInput: ``tau`` is not above 0, or the level is outside (0, 1).

    Source:
        Johari, Koomen, Pekelis and Walsh (2022), *Always valid inference: continuous monitoring of A/B tests*,
        Operations Research 70: with V the variance of the difference d the likelihood ratio is
        ``sqrt(V / (V + tau^2)) exp(tau^2 d^2 / (2 V (V + tau^2)))``, and p = 1 / ratio.

    Example:
        >>> a, b = Moments.of(100, 0.0, 1.0), Moments.of(100, 0.5, 1.0)
        >>> found = msprt(control=a, treatment=b, tau=0.1)  # V = 0.02: sqrt(1.5) exp(-0.0025 / 0.0012)
        >>> round(found.p_value, 4)
        0.1525
    """
    check_level(level)
    if not (math.isfinite(tau) and tau > 0):
        raise InvalidInput(f"The tau {tau} is not above 0. Take the spread of effects that are thought possible.")
    seen = _difference(control, treatment)
    if isinstance(seen, Refusal):
        return seen
    return _mixture(
        *seen, ratio=tau**2 / seen[1], null=null, level=level, unit=unit, arms=(control.n, treatment.n),
        method="mixture sequential probability ratio",
    )  # fmt: skip


def _difference(control: Moments, treatment: Moments) -> tuple[float, float] | Refusal:
    smaller = min(control.n, treatment.n)
    if smaller < 2:
        return Refusal(
            Reason.TOO_FEW_UNITS, f"the smaller arm has {smaller} unit{'' if smaller == 1 else 's'}; 2 are needed",
            "Wait for more units.",
        )  # fmt: skip
    variance = control.variance / control.n + treatment.variance / treatment.n
    if variance <= 0:
        return Refusal(
            Reason.NO_VARIATION, "all units of each arm have the same value", "Check how the metric is recorded."
        )
    return treatment.mean - control.mean, variance


def narrowest(alpha: float) -> float:
    """Return n rho^2 at which the interval is narrowest for its n.

    Args:
        alpha: Error over all times.

    Example:
        >>> round(narrowest(0.05), 3)
        8.212
    """
    from scipy.special import lambertw

    return -float(lambertw(-(alpha**2) / math.e, -1).real) - 1


def _mixture(
    value: float, variance: float, *, ratio: float, null: float, level: float, unit: str, arms: tuple[int, int],
    method: str,
) -> Effect:  # fmt: skip
    """Build the effect of a normal mixture whose variance is ``ratio`` times that of the difference."""
    grown = ratio + 1
    reach = math.sqrt(variance * 2 * grown / ratio * (math.log(grown) / 2 - math.log(1 - level)))
    log_evidence = (value - null) ** 2 / variance * ratio / grown / 2 - math.log(grown) / 2
    smaller = min(arms)
    checks = (
        Check("evidence", passed=None, detail=f"log of the likelihood ratio against the null is {log_evidence:.4g}"),
        Check("large_sample", passed=smaller >= _FEWEST, detail=f"the smaller arm has {smaller:,} of {_FEWEST} units"),
    )
    estimate = Estimate(value, unit, sum(arms), method, value - reach, value + reach, level)
    return Effect(estimate, math.exp(min(-log_evidence, 0.0)), math.sqrt(variance), math.inf, checks)


def bounded_mean_sequence(
    scores: ArrayLike, *, method: str = "betting", level: float = 0.95, unit: str = "score"
) -> Estimate | Refusal:
    """Bound the mean of scores between 0 and 1 so that the bound holds after each of them, without a central limit.

    Args:
        scores: Scores in the order in which they came, shape (n,), each in [0, 1]. Their conditional mean must not
            drift; they need not be alike otherwise.
        method: ``"betting"`` (hedged capital, the narrower) or ``"empirical_bernstein"``.
        level: Level over all times.
        unit: Unit of the scores.

    Returns:
        The mean and the intersection of the intervals so far; or a refusal with reason ``NO_DATA``, or ``UNSTABLE``
        where no single mean fits all times (rarer than 1 - level unless scores drift).

    Raises:
        InvalidInput: a score outside [0, 1] or missing; scores that are no list.
        UnknownName: a method that is not known.

    Source:
        Waudby-Smith and Ramdas (2024), *Estimating means of bounded random variables by betting*, JRSS B 86: theorem
        2 (predictable plug-in empirical Bernstein, with c = 1/2) and theorem 3 (hedged capital, theta = 1/2, c = 3/4).

    Example:
        >>> found = bounded_mean_sequence([0.5] * 100)
        >>> round(found.value, 3), round(found.low, 2), round(found.high, 2)
        (0.5, 0.48, 0.52)
    """
    alpha = 1 - check_level(level)
    x = np.asarray(scores, dtype=np.float64)
    if x.ndim != 1:
        raise InvalidInput(f"Scores are one list in the order in which they came; got {x.ndim} dimensions.")
    outside = int((~((x >= 0) & (x <= 1))).sum())
    if outside:
        raise InvalidInput(f"{outside:,} of {len(x):,} scores are missing or outside [0, 1]. Rescale them first.")
    if method not in ("betting", "empirical_bernstein"):
        raise UnknownName("method", method, ("betting", "empirical_bernstein"))
    if not len(x):
        return Refusal(Reason.NO_DATA, "there is no score yet", "Wait for the first one.")
    low, high = (_betting if method == "betting" else _bernstein)(x, alpha)
    if low > high:
        return Refusal(
            Reason.UNSTABLE, f"no single mean fits all times: at least {low:.4f} once, at most {high:.4f} later",
            "Look at the scores over time; their mean drifts.",
        )  # fmt: skip
    return Estimate(
        float(x.mean()), unit, len(x), f"confidence sequence ({method.replace('_', ' ')})", low, high, level
    )


def _bets(x: Vector, alpha: float, largest: float) -> tuple[Vector, Vector]:
    """Return each bet and the mean before each score; neither looks at the score itself."""
    t = np.arange(1, len(x) + 1)
    mean = (0.5 + np.cumsum(x)) / (t + 1)
    variance = (0.25 + np.cumsum((x - mean) ** 2)) / (t + 1)
    before = np.concatenate([[0.25], variance[:-1]])
    bets = np.sqrt(2 * math.log(2 / alpha) / (before * t * np.log1p(t)))
    return np.minimum(bets, largest), np.concatenate([[0.5], mean[:-1]])


def _bernstein(x: Vector, alpha: float) -> tuple[float, float]:
    bets, before = _bets(x, alpha, 0.5)
    penalty = (-np.log1p(-bets) - bets) * (x - before) ** 2  # v psi_E, the 4 and the 1/4 cancelled
    total = np.cumsum(bets)
    middle = np.cumsum(bets * x) / total
    reach = (math.log(2 / alpha) + np.cumsum(penalty)) / total
    return max(float((middle - reach).max()), 0.0), min(float((middle + reach).min()), 1.0)


def _betting(x: Vector, alpha: float) -> tuple[float, float]:
    bets, _ = _bets(x, alpha, math.inf)
    return _least(x, bets, alpha), 1 - _least(1 - x, bets, alpha)


def _least(x: Vector, bets: Vector, alpha: float) -> float:
    """Return the largest mean that a bettor on higher scores has ruled out: wealth falls as the mean grows."""

    def ruled_out(mean: float) -> bool:
        stake = np.minimum(bets, 0.75 / mean) if mean > 0 else bets
        return bool(np.cumsum(np.log1p(stake * (x - mean))).max() >= math.log(2 / alpha))

    low, high = 0.0, 1.0
    if not ruled_out(1e-12):
        return 0.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if ruled_out(middle) else (low, middle)
    return low
