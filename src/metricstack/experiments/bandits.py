"""Arms whose share follows what they earn: how Thompson sampling would split, and what a logged bandit shows."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Check, Moments, Reason, Refusal
from metricstack.experiments.effect import Effect, effect
from metricstack.experiments.samples import as_vector, same_length
from metricstack.numerics.intervals import check_level

__all__ = ["Allocation", "adaptive_difference", "thompson_allocation"]

Array = NDArray[np.float64]

_NODES = 24
_WEAKEST = 0.1  # a weaker prior puts its mass nearer to 0 and 1 than numbers go
_LOWER = (1e-15, 1e-13, 1e-11, 1e-9, 1e-7, 1e-5, 1e-4, 1e-3, 1e-2, 0.05, 0.2)
# Quantiles at which the integral is cut: ever closer towards the ends, where it is least smooth.
_CUTS = np.array([*_LOWER, 0.5, *(1 - share for share in reversed(_LOWER))])


@dataclass(frozen=True, slots=True)
class Allocation:
    """How to split the next units.

    Args:
        probabilities: Chance of each arm to be the best, in the order given; they add up to 1.
        shares: What each arm is given: the chances, raised to the floor.
        means: Posterior mean of each arm.
    """

    probabilities: tuple[float, ...]
    shares: tuple[float, ...]
    means: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {name: list(getattr(self, name)) for name in ("probabilities", "shares", "means")}


def thompson_allocation(
    *,
    successes: ArrayLike | None = None,
    failures: ArrayLike | None = None,
    arms: Sequence[Moments] | None = None,
    prior: tuple[float, float] = (1.0, 1.0),
    floor: float = 0.0,
) -> Allocation | Refusal:
    """Give each arm's chance to be the best: the shares that Thompson sampling gives them, without a draw.

    Integrated numerically, so that the same data always give the same split.

    Args:
        successes: Successes of each arm, shape (arms,).
        failures: Failures of each arm.
        arms: Instead of them, the `Moments` of each arm's reward (flat prior: Student's t around the mean).
        prior: Beta prior of the rates, (1, 1) is flat.
        floor: Smallest share of an arm, so that each stays known; at most 1 / arms.

    Returns:
        The chances and shares; or a refusal ``TOO_FEW_UNITS`` (an arm of moments with fewer than two units) or
        ``NO_VARIATION`` (one without variance).

    Raises:
        InvalidInput: negative counts, unequal lengths, fewer than two arms, a prior below 0.1, a floor
            outside [0, 1 / arms].

    Derivation:
        The chance of arm k is the integral of ``prod F_j(x)`` over the other arms j with respect to its own
        distribution. It is cut at the quantiles of all arms, and each piece is integrated in ``u = F_k(x)`` by
        Gauss and Legendre's rule of 24 nodes. Shares are ``floor + (1 - arms floor) chance``.

    Source:
        Thompson (1933); Scott (2010), *A modern Bayesian look at the multi-armed bandit*, section 3.

    Example:
        Beta(2, 1) against Beta(1, 1): the chance is the mean of the first, 2/3.

        >>> found = thompson_allocation(successes=[0, 1], failures=[0, 0])
        >>> [round(chance, 6) for chance in found.probabilities]
        [0.333333, 0.666667]
    """
    posteriors: list[_Posterior] | Refusal
    if arms is not None and successes is None and failures is None:
        posteriors = _of_moments(arms)
    elif arms is None and successes is not None and failures is not None:
        won, lost = as_vector(successes, "successes", low=0.0), as_vector(failures, "failures", low=0.0)
        same_length(successes=won, failures=lost)
        if not (prior[0] >= _WEAKEST and prior[1] >= _WEAKEST):
            raise InvalidInput(f"The Beta prior {prior} is below {_WEAKEST}; (1, 1) is flat, (0.5, 0.5) Jeffreys'.")
        posteriors = [_beta(a + prior[0], b + prior[1]) for a, b in zip(won, lost, strict=True)]
    else:
        raise InvalidInput("Give successes and failures, or the moments of each arm as arms.")
    if isinstance(posteriors, Refusal):
        return posteriors
    k = len(posteriors)
    if k < 2:
        raise InvalidInput(f"There are {k} arms; a choice needs 2.")
    if not 0 <= floor <= 1 / k:
        raise InvalidInput(f"The floor {floor:g} is outside [0, 1/{k}]; {k} arms share 1.")
    chances = _chances(posteriors)
    shares = floor + (1 - k * floor) * chances
    return Allocation(
        tuple(float(p) for p in chances), tuple(float(p) for p in shares), tuple(arm.mean for arm in posteriors)
    )


@dataclass(frozen=True, slots=True)
class _Posterior:
    mean: float
    below: Callable[[Array], Array]
    inverse: Callable[[Array], Array]


def _beta(a: float, b: float) -> _Posterior:
    from scipy.special import betainc, betaincinv

    return _Posterior(
        float(a / (a + b)),
        lambda x: np.asarray(betainc(a, b, np.clip(x, 0.0, 1.0))),
        lambda u: np.asarray(betaincinv(a, b, u)),
    )


def _of_moments(arms: Sequence[Moments]) -> list[_Posterior] | Refusal:
    from scipy.special import stdtr, stdtrit

    found = []
    for number, arm in enumerate(arms):
        if arm.n < 2:
            return Refusal(Reason.TOO_FEW_UNITS, f"arm {number} has {arm.n} units; 2 are needed", "Split evenly first.")
        if arm.variance <= 0:
            return Refusal(Reason.NO_VARIATION, f"all rewards of arm {number} are {arm.mean:g}", "Split evenly first.")
        mean, error, freedom = arm.mean, math.sqrt(arm.variance / arm.n), arm.n - 1.0
        found.append(_Posterior(
            mean,
            lambda x, m=mean, e=error, f=freedom: np.asarray(stdtr(f, (x - m) / e)),  # type: ignore[misc]
            lambda u, m=mean, e=error, f=freedom: np.asarray(m + e * stdtrit(f, u)),  # type: ignore[misc]
        ))  # fmt: skip
    return found


def _chances(arms: Sequence[_Posterior]) -> Array:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    cuts = np.unique([arm.inverse(_CUTS) for arm in arms])
    found = np.zeros(len(arms))
    for k, arm in enumerate(arms):
        inside = arm.below(cuts)
        inside = inside[(inside > _LOWER[0] / 2) & (inside < 1 - _LOWER[0] / 2)]  # what lies beyond weighs nothing
        edges = np.unique(np.concatenate([[0.0], inside, [1.0]]))
        half = np.diff(edges)[:, None] / 2
        x = arm.inverse(edges[:-1, None] + half * (1 + nodes))
        others = np.ones(x.shape)
        for j, other in enumerate(arms):
            if j != k:
                others = others * other.below(x)
        found[k] = float((half * weights * others).sum())
    chances: Array = found / found.sum()
    return chances


def adaptive_difference(
    *,
    rewards: ArrayLike,
    actions: ArrayLike,
    propensities: ArrayLike,
    control: int,
    treatment: int,
    level: float = 0.95,
    unit: str = "1",
) -> Effect | Refusal:
    """Compare two arms of an experiment whose split followed the rewards, with an interval that still holds.

    Under such a split the plain means are biased (an arm that starts badly is starved, and stays bad) and their
    t-statistic is not normal. Weighting each row by the root of its propensity keeps the variance even.

    Args:
        rewards: Reward of each row in the order of time, shape (n,).
        actions: Number of the arm of each row, from 0.
        propensities: Probability of every arm at each row, shape (n, arms), as it was drawn from.
        control: Number of the control arm.
        treatment: Number of the treatment arm.
        level: Confidence level, a fraction in (0, 1).
        unit: Unit of the reward.

    Returns:
        Mean of treatment minus control, n counts the rows of both arms; or a refusal: ``TOO_FEW_UNITS`` (an arm of
        fewer than two rows), ``LOW_COVERAGE`` (an arm had no chance in some rows), ``NO_VARIATION``.

    Raises:
        InvalidInput: lengths or shapes that differ, a logged arm of propensity 0, an arm that does not exist.

    Derivation:
        With e the propensity of an arm at row t and m its mean before t, ``score = m + [drawn] (r - m) / e``; the
        value is the mean of scores weighted by ``h = sqrt(e / n)``, its variance
        ``sum(h^2 (score - value)^2) / (sum h)^2``. The arms' variances add.

    Source:
        Hadad, Hirshberg, Zhan, Wager and Athey (2021), *Confidence intervals for policy evaluation in adaptive
        experiments*: adaptively weighted AIPW with constant allocation rates.

    Example:
        >>> found = adaptive_difference(rewards=[0, 1, 0, 1, 1, 1], actions=[0, 1, 0, 1, 0, 1],
        ...     propensities=[[0.5, 0.5]] * 6, control=0, treatment=1)
        >>> round(found.value, 4)
        0.6111
    """
    check_level(level)
    reward, number = as_vector(rewards, "rewards"), as_vector(actions, "actions", low=0.0)
    n = same_length(rewards=reward, actions=number)
    chance = np.asarray(propensities, dtype=np.float64)
    if chance.ndim != 2 or len(chance) != n or not ((chance >= 0) & (chance <= 1)).all():
        raise InvalidInput(f"The propensities have shape {chance.shape}; give each arm's chance, 0 to 1, for {n} rows.")
    arms = chance.shape[1]
    if not (number == np.rint(number)).all() or (n and number.max() >= arms):
        raise InvalidInput(f"An action is a whole number from 0 to {arms - 1}, the column of its propensity.")
    if not (0 <= control < arms and 0 <= treatment < arms and control != treatment):
        raise InvalidInput(f"Control {control} and treatment {treatment} are not two of the arms 0 to {arms - 1}.")
    if (chance[np.arange(n), number.astype(np.int64)] == 0).any():
        raise InvalidInput("A logged action has propensity 0, yet was taken. Log the chance of what was chosen.")
    sides = []
    for arm in (control, treatment):
        drawn = number == arm
        rows, untried = int(drawn.sum()), int((chance[:, arm] == 0).sum())
        if rows < 2:
            return Refusal(Reason.TOO_FEW_UNITS, f"arm {arm} has {rows} rows; 2 are needed", "Give it more chance.")
        if untried:
            return Refusal(
                Reason.LOW_COVERAGE, f"arm {arm} has no chance in {untried:,} of {n:,} rows",
                "Keep a floor under every arm, or leave out rows where one had no chance.",
            )  # fmt: skip
        sides.append((*_weighted(reward, drawn, chance[:, arm]), rows))
    (before, own, rows), (after, other, more) = sides
    if own + other <= 0:
        return Refusal(Reason.NO_VARIATION, "both arms' rewards are constant", "Run longer.")
    least = float(chance[:, [control, treatment]].min())
    check = Check("smallest propensity", least >= 0.01, f"the smaller arm's chance fell to {least:.3g}")
    return effect(
        after - before, math.sqrt(own + other), level=level, unit=unit, n=rows + more,
        method="adaptively weighted AIPW", checks=(check,),
    )  # fmt: skip


def _weighted(reward: Array, drawn: NDArray[np.bool_], chance: Array) -> tuple[float, float]:
    seen: Array = np.cumsum(drawn) - drawn.astype(np.float64)
    sums = np.cumsum(reward * drawn) - reward * drawn
    model = np.divide(sums, seen, out=np.zeros(len(reward)), where=seen > 0)
    score = model + np.where(drawn, (reward - model) / chance, 0.0)
    h = np.sqrt(chance / len(reward))
    value = float(h @ score / h.sum())
    return value, float((h**2) @ (score - value) ** 2 / h.sum() ** 2)
