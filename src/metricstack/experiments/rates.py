"""The ratio of two rates of events: Poisson exactly or by score, over-dispersed from sums per unit."""

import math
from dataclasses import dataclass

import numpy as np

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Check, Estimate, Moments, Reason, Refusal
from metricstack.experiments.effect import Effect
from metricstack.experiments.samples import check_choice, check_count, two_sums
from metricstack.numerics.intervals import Spread, check_level, combine, t_quantile, wilson
from metricstack.numerics.multiplicity import p_value

__all__ = ["rate_ratio"]

OF_COUNTS = ("exact", "exact_central", "score", "log")
OF_MOMENTS = ("robust", "quasi_poisson", "negative_binomial")


def rate_ratio(
    *,
    control: tuple[float, float] | Moments,
    treatment: tuple[float, float] | Moments,
    method: str | None = None,
    level: float = 0.95,
) -> Effect | Refusal:
    """Estimate the rate of treatment divided by that of control: errors per hour, escalations per user.

    Two counts tell nothing of how events cluster: those methods take every event for independent. Where some units
    have many events and most none, give the sums per unit, and the spread between units is counted.

    Args:
        control: ``(events, exposure)``, the exposure above 0 (hours, users); or `Moments` per unit of events (then
            each unit's exposure is 1) or of events and exposure, in this order.
        treatment: The same of the treatment arm.
        method: Of counts ``"exact"`` (the default), ``"exact_central"``, ``"score"`` or ``"log"`` (Wald on the log
            scale); of `Moments` ``"robust"`` (the default: each arm's own spread), ``"quasi_poisson"`` (one
            dispersion for both) or ``"negative_binomial"`` (variance ``mu + a mu^2``, one a for both).
        level: Confidence level, a fraction in (0, 1).

    Returns:
        The ratio (1 means no effect), its interval and the p-value of no effect; n counts events of counts, units of
        `Moments`. Or a refusal: ``NO_DATA`` (no event at all), ``UNDEFINED_RATIO`` (none in control; or none in
        treatment, on the log scale), ``TOO_FEW_UNITS``, ``NO_VARIATION``.

    Raises:
        InvalidInput: events that are no whole number, an exposure that is not above 0, arms of different kinds.
        UnknownName: a method that is not of this kind of input.

    Derivation:
        Given all n events, treatment's are binomial with the share ``r e_t / (r e_t + e_c)``, r the ratio and e the
        exposures: Clopper and Pearson's bounds of the share give exact ones of r, Wilson's bounds those of the score
        test. ``exact`` takes the two-sided p-value of all outcomes that are not likelier (as R's `poisson.test` and
        SciPy's `binomtest` do), ``exact_central`` twice the smaller tail, which always agrees with the interval.

        Of sums per unit, with residuals ``y - rate e`` of squared sum S and expected events E: the variance of a log
        rate is ``S / E^2`` (robust), ``phi / E`` or ``1 / E + a sum(mu^2) / E^2``; phi is ``sum of S / rate over
        sum of exposures``, and a is ``sum of (S - E) over sum of mu^2``, both with the n - 1 of each arm.

    Source:
        Przyborowski and Wilenski (1940) for the conditional test; Gu, Ng, Tang and Schucany (2008), *Testing the
        ratio of two Poisson rates*, for the score test; McCullagh and Nelder, *Generalized Linear Models* (1989),
        section 6.2, for the dispersion.

    Example:
        The two-sample example of the help page of R's `poisson.test`: 11 events in 800 against 21 in 3,011.

        >>> found = rate_ratio(control=(21, 3011), treatment=(11, 800))
        >>> round(found.value, 4), round(found.low, 4), round(found.high, 4), round(found.p_value, 4)
        (1.9715, 0.8584, 4.2773, 0.0797)
    """
    check_level(level)
    if isinstance(control, Moments) and isinstance(treatment, Moments):
        name = check_choice("method", method or "robust", OF_MOMENTS)
        return _of_moments(_Units.of(control, "control"), _Units.of(treatment, "treatment"), name, level)
    if isinstance(control, Moments) or isinstance(treatment, Moments):
        raise InvalidInput("One arm is given as counts and the other as moments per unit; give both alike.")
    return _of_counts(control, treatment, check_choice("method", method or "exact", OF_COUNTS), level)


def _of_counts(
    control: tuple[float, float], treatment: tuple[float, float], method: str, level: float
) -> Effect | Refusal:
    arms = []
    for name, arm in (("control", control), ("treatment", treatment)):
        if not isinstance(arm, tuple | list) or len(arm) != 2:
            raise InvalidInput(f"The {name} arm is {arm!r}; give (events, exposure), or moments per unit.")
        events, exposure = check_count(arm[0], f"events of {name}"), float(arm[1])
        if not (exposure > 0 and math.isfinite(exposure)):
            raise InvalidInput(f"The exposure of {name} is {exposure:g}; it must be above 0.")
        arms.append((events, exposure))
    (before, span_before), (after, span_after) = arms
    n = before + after
    if n == 0:
        return Refusal(Reason.NO_DATA, "neither arm has an event", "Run longer; bound each rate by itself.")
    scale, null = span_before / span_after, span_after / (span_before + span_after)
    if before == 0:
        least = _odds(_clopper_pearson(after, n, level)[0], scale)
        return Refusal(
            Reason.UNDEFINED_RATIO,
            f"control has no event and treatment {after}; the ratio is {least:.3g} at least, at level {level:g} (exact "
            f"p = {_binomial_test(after, n, null, central=False):.4g})",
            "Run longer; bound each rate by itself.",
        )
    if after == 0 and method == "log":
        return Refusal(Reason.UNDEFINED_RATIO, "treatment has no event, whose logarithm is none", "Use method 'exact'.")
    value = after / before * scale
    checks: tuple[Check, ...] = ()
    error: float | None = None
    if method in {"exact", "exact_central"}:
        low, high = (_odds(share, scale) for share in _clopper_pearson(after, n, level))
        p = _binomial_test(after, n, null, central=method == "exact_central")
        if (p <= 1 - level) == (low <= 1 <= high):
            checks = (Check("interval and p-value agree", passed=False, detail="the exact p-value counts unlikely "
                      "outcomes of both sides, the interval each side by itself; `exact_central` agrees"),)  # fmt: skip
    elif method == "score":
        low, high = (_odds(share, scale) for share in wilson(after / n, n, level=level))
        p = p_value(after - n * null, math.sqrt(n * null * (1 - null)), math.inf)
    else:
        error = math.sqrt(1 / before + 1 / after)
        reach = math.exp(t_quantile(level, math.inf) * error)
        low, high, p = value / reach, value * reach, p_value(math.log(value), error, math.inf)
    estimate = Estimate(value, "1", n, f"ratio of Poisson rates, {method.replace('_', ' ')}", low, high, level)
    return Effect(estimate, p, error, math.inf, checks)


def _odds(share: float, scale: float) -> float:
    return math.inf if share >= 1 else share / (1 - share) * scale


def _clopper_pearson(k: int, n: int, level: float) -> tuple[float, float]:
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    low = 0.0 if k == 0 else float(betaincinv(k, n - k + 1, tail))
    return low, 1.0 if k == n else float(betaincinv(k + 1, n - k, 1 - tail))


def _binomial_test(k: int, n: int, share: float, *, central: bool) -> float:
    from scipy.stats import binom, binomtest

    if central:
        return float(min(1.0, 2 * min(binom.cdf(k, n, share), binom.sf(k - 1, n, share))))
    return float(binomtest(k, n, share).pvalue)


@dataclass(frozen=True, slots=True)
class _Units:
    """One arm: units, events E, exposure, events' residual squares S and the sum of squared expectations."""

    n: int
    events: float
    exposure: float
    squares: float
    expected: float

    @classmethod
    def of(cls, moments: Moments, name: str) -> "_Units":
        sums = two_sums(moments, name)
        events, exposure = (float(total) for total in sums.n * sums.means)
        if sums.n and (events < 0 or exposure <= 0):
            raise InvalidInput(f"The {name} arm has {events:g} events in {exposure:g}; both count something.")
        rate = events / exposure if sums.n else 0.0
        contrast = np.array([1.0, -rate])
        squares = max(float(contrast @ sums.cross @ contrast), 0.0)
        expected = rate**2 * float(sums.cross[1, 1] + sums.n * sums.means[1] ** 2)
        return cls(sums.n, events, exposure, squares * sums.n / max(sums.n - 1, 1), expected)

    @property
    def rate(self) -> float:
        return self.events / self.exposure


def _of_moments(control: _Units, treatment: _Units, method: str, level: float) -> Effect | Refusal:
    arms = (control, treatment)
    fewest = min(arm.n for arm in arms)
    if fewest < 2:
        return Refusal(Reason.TOO_FEW_UNITS, f"the smaller arm has {fewest} units; 2 are needed", "Run longer.")
    if not any(arm.events for arm in arms):
        return Refusal(Reason.NO_DATA, "neither arm has an event", "Run longer; bound each rate by itself.")
    if not (control.events and treatment.events):
        return Refusal(
            Reason.UNDEFINED_RATIO, f"the arms have {control.events:g} and {treatment.events:g} events", "Run longer."
        )
    # Each arm's S above carries n / (n - 1); a pooled one weighs arms by their degrees of freedom.
    free = [arm.n - 1 for arm in arms]
    dispersion = sum(f * arm.squares / arm.events for f, arm in zip(free, arms, strict=True)) / sum(free)
    extra = sum(f / arm.n * (arm.squares - arm.events) for f, arm in zip(free, arms, strict=True))
    excess = max(extra / sum(f / arm.n * arm.expected for f, arm in zip(free, arms, strict=True)), 0.0)
    if method == "robust":
        spread = combine([Spread(arm.squares / arm.events**2, f) for f, arm in zip(free, arms, strict=True)])
    elif method == "quasi_poisson":
        spread = Spread(sum(dispersion / arm.events for arm in arms), sum(free))
    else:
        spread = Spread(sum(1 / arm.events + excess * arm.expected / arm.events**2 for arm in arms), math.inf)
    if spread.variance <= 0:
        return Refusal(Reason.NO_VARIATION, "every unit has the same rate of events", "Compare the counts themselves.")
    value, error = treatment.rate / control.rate, math.sqrt(spread.variance)
    reach = math.exp(t_quantile(level, spread.freedom) * error)
    check = Check("dispersion", None, f"the variance between units is {dispersion:.3g} times Poisson's")
    estimate = Estimate(
        value, "1", control.n + treatment.n, f"ratio of rates, {method.replace('_', ' ')}", value / reach,
        value * reach, level,
    )  # fmt: skip
    return Effect(estimate, p_value(math.log(value), error, spread.freedom), error, spread.freedom, (check,))
