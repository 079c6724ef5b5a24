"""The Bayesian reading of the same sums: what to believe of the effect, and what a wrong choice would cost."""

import math
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.values import Estimate, Reason, Refusal
from metricstack.experiments.arms import Arms, Sample
from metricstack.experiments.effect import Estimated
from metricstack.experiments.lift import lift_of
from metricstack.experiments.means import arms_of_means
from metricstack.experiments.proportions import check_counts
from metricstack.numerics.intervals import check_level, t_quantile

__all__ = ["Posterior", "bayes_beta_binomial", "bayes_normal", "bayes_normal_of"]

Vector = NDArray[np.float64]
_NODES = 200
_REACH = 8.5  # standard deviations; beyond lies less than 1e-16


@dataclass(frozen=True, slots=True)
class Posterior(Estimated):
    """What to believe of an effect after the data.

    Args:
        estimate: Posterior mean with its equal-tailed credible interval.
        chance_to_win: Probability that the treatment is better than the control.
        loss_of_treatment: Expected loss, in the effect's unit, if the treatment is chosen: 0 where it is better.
        loss_of_control: Expected loss if the control is kept.
        standard_deviation: Of the posterior.
    """

    estimate: Estimate
    chance_to_win: float
    loss_of_treatment: float
    loss_of_control: float
    standard_deviation: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return self.estimate.to_dict() | {
            "kind": "posterior", "chance_to_win": self.chance_to_win,
            "loss_of_treatment": self.loss_of_treatment, "loss_of_control": self.loss_of_control,
            "standard_deviation": self.standard_deviation,
        }  # fmt: skip


def _direction(better: str) -> bool:
    if better not in ("higher", "lower"):
        raise UnknownName("direction", better, ["higher", "lower"])
    return better == "higher"


def bayes_normal_of(
    arms: Arms,
    *,
    prior_mean: float = 0.0,
    prior_sd: float = math.inf,
    relative: bool = False,
    better: Literal["higher", "lower"] = "higher",
    level: float = 0.95,
    unit: str = "1",
    method: str,
) -> Posterior | Refusal:
    """Update a normal prior of the effect by two arms' values of any kind; see `bayes_normal`.

    Args:
        arms: Two arms' values: means, ratios, adjusted ones.
        prior_mean: Mean of the prior.
        prior_sd: Its standard deviation, ``inf`` for a flat prior.
        relative: The effect as a fraction of the control's size.
        better: Whether ``"higher"`` or ``"lower"`` values are better.
        level: Probability of the credible interval.
        unit: Unit of the metric.
        method: How the values were computed, in a few words.
    """
    from scipy.special import ndtr

    higher = _direction(better)
    if not (math.isfinite(prior_mean) and prior_sd > 0):
        raise InvalidInput(f"A prior of mean {prior_mean} and deviation {prior_sd} is none; use inf for a flat one.")
    if (refusal := arms.refusal) is not None:
        return refusal
    value, error = arms.difference, arms.error
    if relative:
        found = lift_of(arms, kind="delta", level=level, method=method)
        if isinstance(found, Refusal):
            return found
        value, error, unit = found.value, found.standard_error or 0.0, "fraction"
    ratio = error / float(prior_sd)
    kept = 1 / (1 + ratio * ratio)  # 1 under a flat prior
    mean, deviation = kept * value + (1 - kept) * prior_mean, error * math.sqrt(kept)
    z = mean / deviation
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    above = deviation * (density + z * float(ndtr(z)))  # E max(effect, 0)
    below = deviation * max(density - z * float(ndtr(-z)), 0.0)  # E max(-effect, 0)
    reach = t_quantile(level, math.inf) * deviation
    prior = "flat prior" if math.isinf(prior_sd) else f"normal prior ({prior_mean:g}, {prior_sd:g})"
    estimate = Estimate(mean, unit, arms.n, f"{method}, {prior}", mean - reach, mean + reach, level)
    chance = float(ndtr(z if higher else -z))
    return Posterior(estimate, chance, below if higher else above, above if higher else below, deviation)


def bayes_normal(
    *,
    control: Sample,
    treatment: Sample,
    prior_mean: float = 0.0,
    prior_sd: float = math.inf,
    relative: bool = False,
    better: Literal["higher", "lower"] = "higher",
    level: float = 0.95,
    unit: str = "1",
) -> Posterior | Refusal:
    """Update a normal prior of the effect by the same two means that Welch's test compares.

    With a flat prior the interval is the large-sample confidence interval and the chance to win one less the
    one-sided p-value: the two readings of the same sums agree. A prior from past experiments draws surprising
    effects towards what effects usually are.

    Args:
        control: The control arm: moments, or one value per randomised unit.
        treatment: The treatment arm, the same.
        prior_mean: Mean of the prior of the effect, in the metric's unit, or as a fraction if ``relative``.
        prior_sd: Its standard deviation, ``inf`` for a flat prior.
        relative: The effect as a fraction of the control's size, by the delta method.
        better: Whether ``"higher"`` or ``"lower"`` values are better.
        level: Probability of the credible interval, a fraction in (0, 1).
        unit: Unit of the metric.

    Returns:
        The posterior; or a refusal as `welch` and `relative_lift` give.

    Raises:
        InvalidInput: a prior that is none, a level outside (0, 1), or a value that is not finite.
        UnknownName: an unknown direction.

    Derivation:
        Precisions add: of an error e and a prior p the data keep the weight ``k = p² / (p² + e²)``, and s² is k e².
        For N(m, s) with z = m / s the expected losses are ``E max(-x, 0) = s (phi(z) - z Phi(-z))`` and
        ``E max(x, 0) = s (phi(z) + z Phi(z))``.

    Source:
        Gelman et al., *Bayesian Data Analysis* (3rd ed.), section 2.5.

    Example:
        >>> from metricstack.core.values import Moments
        >>> a, b = Moments.of(400, 10.0, 4.0), Moments.of(400, 10.2, 4.0)
        >>> found = bayes_normal(control=a, treatment=b, prior_sd=0.1414213562)
        >>> round(found.estimate.value, 4), round(found.chance_to_win, 4)  # Phi(0.1 / 0.1)
        (0.1, 0.8413)
    """
    check_level(level)
    arms = arms_of_means(control=control, treatment=treatment)
    if isinstance(arms, Refusal):
        return arms
    return bayes_normal_of(
        arms, prior_mean=prior_mean, prior_sd=prior_sd, relative=relative, better=better, level=level, unit=unit,
        method="normal",
    )  # fmt: skip


def bayes_beta_binomial(
    *,
    control_successes: int,
    control_n: int,
    treatment_successes: int,
    treatment_n: int,
    prior: tuple[float, float] = (1.0, 1.0),
    better: Literal["higher", "lower"] = "higher",
    level: float = 0.95,
) -> Posterior | Refusal:
    """Update a beta prior of each arm's share by its counts and compare the two posteriors, without simulation.

    Args:
        control_successes: Units of the control with the event.
        control_n: Units of the control.
        treatment_successes: Units of the treatment with the event.
        treatment_n: Units of the treatment.
        prior: Successes and failures that the prior is worth, each above 0; (1, 1) is uniform.
        better: Whether ``"higher"`` or ``"lower"`` shares are better.
        level: Probability of the credible interval, a fraction in (0, 1).

    Returns:
        The posterior of the difference, treatment minus control, in ``"fraction"``; or a refusal ``NO_DATA`` where
        neither arm has a unit.

    Raises:
        InvalidInput: counts that are not whole, negative or more than n, a prior that is not above 0, or a level
            outside (0, 1).
        UnknownName: an unknown direction.

    Derivation:
        With F the distribution of a share: ``P(t - c <= d) = E F_t(c + d) = E (1 - F_c(t - d))`` and ``E max(c - t, 0)
        = E_c (c F_t(c) - mean(t) F_t'(c))``, F_t' being that of one success more. The expectation is taken over the
        narrower of the two, at its quantiles of Phi(z), by Gauss and Legendre on 200 nodes of z from -8.5 to 8.5:
        there what is averaged is as smooth as a normal distribution.

    Example:
        >>> found = bayes_beta_binomial(control_successes=0, control_n=1, treatment_successes=1, treatment_n=1)
        >>> round(found.chance_to_win, 6)  # densities 2 (1 - x) and 2 x: 1 - 1/6
        0.833333
    """
    from scipy.optimize import brentq

    check_level(level)
    higher = _direction(better)
    x0, n0 = check_counts(control_successes, control_n, "control")
    x1, n1 = check_counts(treatment_successes, treatment_n, "treatment")
    if not (len(prior) == 2 and all(math.isfinite(part) and part > 0 for part in prior)):
        raise InvalidInput(f"The prior {prior} must be two numbers above 0; (1, 1) is uniform.")
    if n0 + n1 == 0:
        return Refusal(Reason.NO_DATA, "neither arm has a unit", "Check the exposures.")
    c = _Beta(prior[0] + x0, prior[1] + n0 - x0)
    t = _Beta(prior[0] + x1, prior[1] + n1 - x1)
    swapped = t.variance < c.variance
    narrow, wide = (t, c) if swapped else (c, t)
    nodes, weights = narrow.nodes()

    def below(d: float) -> float:  # P(t - c <= d)
        part = narrow.mean_of(wide, -d if swapped else d)
        return 1 - part if swapped else part

    short = max(float(weights @ wide.shortfall(nodes)), 0.0)  # E max(narrow - wide, 0)
    value = t.mean - c.mean
    over, under = (short, short - value) if swapped else (short + value, short)  # E max(t - c, 0), E max(c - t, 0)
    tail = (1 - level) / 2
    low, high = (float(brentq(lambda d, p=p: below(d) - p, -1.0, 1.0, xtol=1e-14)) for p in (tail, 1 - tail))
    gain, loss = (max(over, 0.0), max(under, 0.0)) if higher else (max(under, 0.0), max(over, 0.0))
    chance = min(max(below(0.0), 0.0), 1.0)
    method = f"beta-binomial, prior ({prior[0]:g}, {prior[1]:g})"
    estimate = Estimate(value, "fraction", n0 + n1, method, min(low, value), max(high, value), level)
    return Posterior(estimate, 1 - chance if higher else chance, loss, gain, math.sqrt(c.variance + t.variance))


@cache
def _legendre() -> tuple[Vector, Vector]:
    return np.polynomial.legendre.leggauss(_NODES)


class _Beta:
    """A beta distribution, with what the comparison of two needs."""

    def __init__(self, a: float, b: float) -> None:
        self.a, self.b = a, b
        self.mean = a / (a + b)
        self.variance = a * b / ((a + b) ** 2 * (a + b + 1))
        self._known: dict[tuple[float, float], tuple[Vector, Vector]] = {}

    def distribution(self, x: Vector, more: int = 0) -> Vector:
        from scipy.special import betainc

        found: Vector = betainc(self.a + more, self.b, np.clip(x, 0.0, 1.0))
        return found

    def shortfall(self, x: Vector) -> Vector:
        """Return E max(x - share, 0)."""
        return x * self.distribution(x) - self.mean * self.distribution(x, more=1)

    def nodes(self, low: float = -_REACH, high: float = _REACH) -> tuple[Vector, Vector]:
        """Return shares between two normal quantiles, and weights over which a sum is an expectation."""
        from scipy.special import betainccinv, betaincinv, ndtr

        if (low, high) in self._known:
            return self._known[low, high]
        at, weights = _legendre()
        z = (low + high) / 2 + at * (high - low) / 2
        weights = weights * (high - low) / 2 * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
        tail = ndtr(-np.abs(z))
        share = np.where(z < 0, betaincinv(self.a, self.b, tail), betainccinv(self.a, self.b, tail))
        self._known[low, high] = share, weights
        return share, weights

    def mean_of(self, other: "_Beta", shift: float) -> float:
        """Return the expectation, over this share, of the other's distribution at this share plus a shift.

        The other's distribution has its ends at 0 and 1; the nodes lie between them, where it is smooth.
        """
        from scipy.special import betainc, ndtri

        ends = betainc(self.a, self.b, np.clip([-shift, 1 - shift], 0.0, 1.0))
        low, high = (min(max(float(z), -_REACH), _REACH) for z in ndtri(ends))
        share, weights = self.nodes(low, high)
        return float(weights @ other.distribution(share + shift)) + float(1 - ends[1])
