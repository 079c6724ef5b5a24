"""What another policy would have earned, from what a logged one did: importance weights, with their price shown."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Check, Estimate, Reason, Refusal
from metricstack.experiments.effect import Effect, Estimated, effect
from metricstack.experiments.samples import as_units, as_vector, check_choice, same_length
from metricstack.numerics.intervals import check_level, t_quantile
from metricstack.numerics.tails import tail_shape

__all__ = ["PolicyValue", "off_policy"]

Array = NDArray[np.float64]

METHODS = ("ips", "clipped", "snips", "doubly_robust")
_EFFECTIVE = 30
_POOR, _THIN = 0.1, 0.3  # share of the rows that is left of them, of weights with a tail: refused, warned of
_TAIL = 0.3
_FAR = 4.0  # standard errors by which the mean weight may miss 1


@dataclass(frozen=True, slots=True)
class PolicyValue(Estimated):
    """The value of a policy that was not the one that ran.

    Args:
        estimate: Mean reward under the target policy, with its interval; n counts logged rows.
        standard_error: Its standard error.
        effective_size: How many rows of the target policy itself would be as sure: ``(sum w)^2 / sum w^2``.
        mean_weight: Near 1 where the logged propensities are right.
        largest_share: Share of all weight that the heaviest row carries.
        lift: Against the mean reward of the policy that ran, on the same rows; or why there is none.
        checks: What was met on the way.
    """

    estimate: Estimate
    standard_error: float
    effective_size: float
    mean_weight: float
    largest_share: float
    lift: Effect | Refusal
    checks: tuple[Check, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        names = ("standard_error", "effective_size", "mean_weight", "largest_share")
        return self.estimate.to_dict() | {name: getattr(self, name) for name in names} | {
            "lift": self.lift.to_dict(), "checks": [check.to_dict() for check in self.checks],
        }  # fmt: skip


def off_policy(
    rewards: ArrayLike,
    propensities: ArrayLike,
    target: ArrayLike,
    *,
    method: str = "snips",
    actions: ArrayLike | None = None,
    predicted: ArrayLike | None = None,
    predicted_target: ArrayLike | None = None,
    clip: float | None = None,
    units: ArrayLike | None = None,
    level: float = 0.95,
    unit: str = "1",
) -> PolicyValue | Refusal:
    """Estimate the mean reward of a policy from the log of another one that chose at random.

    A row whose action the target likes more than the logger did counts for more. The price is variance: the
    effective size says how many rows are left, and where it is too small, the answer is a refusal, not a wide guess.

    Args:
        rewards: Reward of each row, shape (n,).
        propensities: Probability with which the logging policy chose the row's action, shape (n,), above 0; or of
            every action, shape (n, actions), rows adding up to 1, which also shows actions that were never tried.
        target: The same of the target policy.
        method: ``"ips"`` (unbiased), ``"clipped"`` (weights up to ``clip``: less variance, some bias), ``"snips"``
            (divided by the weights' sum: no reward shifts it), ``"doubly_robust"`` (needs a model of the reward).
        actions: Number of each row's action, from 0; only where all actions' probabilities are given.
        predicted: Model's reward of the row's action, shape (n,), or of every action, shape (n, actions); fitted on
            other rows (another period, or folds).
        predicted_target: Model's mean reward of the row under the target policy, shape (n,); computed where
            ``predicted`` has all actions.
        clip: Largest weight of ``"clipped"``; ``sqrt(n)`` by default.
        units: Unit of each row (user, session) where rows of one depend on one another.
        level: Confidence level, a fraction in (0, 1).
        unit: Unit of the reward.

    Returns:
        The value; or a refusal: ``LOW_COVERAGE`` (the target takes actions that were never tried, or too few rows
        carry the weight: an effective size under 30 and under half of the rows, or under a tenth of the rows with
        a heavy tail), ``NO_DATA`` (the target takes none of the logged actions), ``TOO_FEW_UNITS``,
        ``NO_VARIATION``. The check ``overlap`` fails from under three tenths with a heavy tail.

    Raises:
        InvalidInput: a probability outside [0, 1], a logged action of propensity 0, rows of probabilities that do
            not add up to 1, unequal lengths, a model missing for ``"doubly_robust"``.
        UnknownName: a method that is not in the list.

    Derivation:
        With ``w = target / propensity`` the value is the mean of ``w r`` (IPS), ``sum(w r) / sum(w)`` (SNIPS) or the
        mean of ``predicted_target + w (r - predicted)``; the standard error is that of the mean of the rows' own
        contributions (of SNIPS ``w (r - value) / mean w``), summed by unit. The effective size of all probabilities
        is held against its expectation, ``n / mean(sum over actions of target^2 / propensity)``.

    Source:
        Horvitz and Thompson (1952); Swaminathan and Joachims (2015), *The self-normalized estimator for
        counterfactual learning*; Dudík, Langford and Li (2011), *Doubly robust policy evaluation and learning*;
        Ionides (2008), *Truncated importance sampling*, for clipping at sqrt(n); Kong (1992) for the effective size.

    Example:
        Two actions, each chosen half of the time; the target always takes the first.

        >>> found = off_policy([1, 0, 1, 1], [0.5] * 4, [1, 0, 1, 0], method="ips")
        >>> found.value, found.effective_size
        (1.0, 2.0)
    """
    check_level(level)
    check_choice("method", method, METHODS)
    reward = as_vector(rewards, "rewards")
    n = len(reward)
    logged = _Log.of(propensities, target, n, actions=actions, predicted=predicted, predicted_target=predicted_target)
    if isinstance(logged, Refusal):
        return logged
    weight = logged.target / logged.propensity
    total, square = float(weight.sum()), float(weight @ weight)
    unit_of = np.arange(n, dtype=np.int64) if units is None else as_units(units, "units")
    same_length(rewards=reward, units=unit_of)
    count = int(unit_of.max()) + 1 if n else 0
    if count < 2:
        return Refusal(Reason.TOO_FEW_UNITS, f"the log holds {count} units; 2 are needed", "Log more.")
    if total == 0:
        return Refusal(Reason.NO_DATA, "the target takes none of the logged actions", "Log its actions at random.")
    effective = total**2 / square
    # What a sample shows of rare large weights is too good; where all probabilities are known, so is what is left.
    known = effective if logged.square is None else min(effective, n / logged.square)
    left, tail = known / n, tail_shape(weight)
    heavy = tail > _TAIL or known < 0.8 * effective
    if known < min(_EFFECTIVE, n / 2) or (heavy and left < _POOR):
        return Refusal(
            Reason.LOW_COVERAGE,
            f"the weight of {n:,} rows lies on as few as {known:.3g} (effective size), the tail's shape is {tail:.2g}",
            "Choose a target nearer the policy that ran, or give its actions more chance for a while.",
        )
    limit = math.inf
    if method == "clipped":
        limit = math.sqrt(n) if clip is None else float(clip)
        if not limit > 0:
            raise InvalidInput(f"The clip {limit:g} is not above 0; it is the largest weight.")
    used = np.minimum(weight, limit)
    if method == "doubly_robust":
        if logged.predicted is None or logged.expected is None:
            raise InvalidInput("Method 'doubly_robust' needs `predicted` and, of one action only, `predicted_target`.")
        own = logged.expected + used * (reward - logged.predicted)
    else:
        own = used * reward
    value = float(own.sum() / used.sum()) if method == "snips" else float(own.mean())
    parts = (used * (reward - value)) / float(used.mean()) if method == "snips" else own - value
    error = _error(parts, unit_of, count)
    if error == 0:
        return Refusal(Reason.NO_VARIATION, f"every row gives {value:g}", "Log more, or a finer reward.")
    reach = t_quantile(level, count - 1) * error
    name = f"off-policy, {method.replace('_', ' ')}"
    estimate = Estimate(value, unit, n, name, value - reach, value + reach, level)
    mean = total / n
    off = _error(weight - mean, unit_of, count)
    checks = [
        Check("overlap", known >= _EFFECTIVE and not (heavy and left < _THIN),
              f"an effective size of {known:.3g} of {n:,} rows; under {100 * _THIN:g} % of them, with a heavy tail of "
              "weights, the interval is too short"),
        Check("mean weight", abs(mean - 1) <= _FAR * off or math.isclose(mean, 1, abs_tol=1e-9),
              f"the weights' mean is {mean:.3g} ± {off:.2g}; 1 where the propensities are right"),
    ]  # fmt: skip
    if method == "clipped":
        lost = float((weight - used).sum()) / total
        checks.append(Check("clipping", lost <= 0.01, f"{int((weight > limit).sum()):,} rows above {limit:.3g} lose "
                            f"{100 * lost:.2g} % of all weight; the value misses what they earn"))  # fmt: skip
    lift = _lift(parts, reward, value, unit_of, count=count, level=level, unit=unit, name=name)
    return PolicyValue(estimate, error, effective, mean, float(weight.max()) / total, lift, tuple(checks))


def _error(parts: Array, unit_of: NDArray[np.int64], count: int) -> float:
    sums = np.bincount(unit_of, weights=parts)
    sums = sums - sums.mean()
    return math.sqrt(float(sums @ sums) * count / (count - 1)) / len(parts)


def _lift(
    parts: Array,
    reward: Array,
    value: float,
    unit_of: NDArray[np.int64],
    *,
    count: int,
    level: float,
    unit: str,
    name: str,
) -> Effect | Refusal:
    ran = float(reward.mean())
    error = _error(parts - (reward - ran), unit_of, count)
    if error <= 1e-14 * max(abs(value), abs(ran)):
        return Refusal(Reason.NO_VARIATION, "the target is the policy that ran", "Compare another target.")
    return effect(
        value - ran, error, freedom=count - 1, level=level, unit=unit, n=len(reward), method=f"{name}, against the log"
    )


@dataclass(frozen=True, eq=False)
class _Log:
    """Of each row's action, shape (n,): both probabilities, the model's reward, and its mean under the target.

    ``square`` is the expected squared weight of a row, where all actions' probabilities are known.
    """

    propensity: Array
    target: Array
    predicted: Array | None
    expected: Array | None
    square: float | None = None

    @classmethod
    def of(
        cls,
        propensities: ArrayLike,
        target: ArrayLike,
        n: int,
        *,
        actions: ArrayLike | None,
        predicted: ArrayLike | None,
        predicted_target: ArrayLike | None,
    ) -> "_Log | Refusal":
        if np.ndim(propensities) == 2:
            return cls._of_all(
                propensities, target, n, actions=actions, predicted=predicted, predicted_target=predicted_target
            )
        if actions is not None:
            raise InvalidInput("Actions go with the probabilities of every action, shape (n, actions).")
        chance = as_vector(propensities, "propensities", low=0.0, high=1.0)
        goal = as_vector(target, "probabilities of the target", low=0.0, high=1.0)
        model = None if predicted is None else as_vector(predicted, "predicted rewards")
        expected = None if predicted_target is None else as_vector(predicted_target, "predicted rewards of the target")
        for found in (chance, goal, model, expected):
            if found is not None:
                same_length(rewards=np.empty(n), given=found)
        _no_zero(chance)
        return cls(chance, goal, model, expected)

    @classmethod
    def _of_all(
        cls,
        propensities: ArrayLike,
        target: ArrayLike,
        n: int,
        *,
        actions: ArrayLike | None,
        predicted: ArrayLike | None,
        predicted_target: ArrayLike | None,
    ) -> "_Log | Refusal":
        if actions is None:
            raise InvalidInput("The probabilities of every action need `actions`, the number of each row's own.")
        chance, goal = _table(propensities, "propensities", n), _table(target, "target", n)
        if chance.shape != goal.shape:
            raise InvalidInput(f"The propensities have shape {chance.shape} and the target {goal.shape}.")
        number = as_vector(actions, "actions", low=0.0, high=chance.shape[1] - 1.0)
        if not (number == np.rint(number)).all():
            raise InvalidInput("An action is a whole number from 0, the column of its probability.")
        same_length(rewards=np.empty(n), actions=number)
        row, column = np.arange(n), number.astype(np.int64)
        _no_zero(chance[row, column])
        untried = int(((chance == 0) & (goal > 0)).any(axis=1).sum())
        if untried:
            return Refusal(
                Reason.LOW_COVERAGE,
                f"in {untried:,} of {n:,} rows the target takes actions that the log never tries (propensity 0)",
                "Restrict the target to actions with a chance in the log, or log the others at random.",
            )
        expected = None if predicted_target is None else as_vector(predicted_target, "predicted rewards of the target")
        model: Array | None = None
        if predicted is not None:
            if np.ndim(predicted) == 2:
                full = np.asarray(predicted, dtype=np.float64)
                if full.shape != chance.shape or not np.isfinite(full).all():
                    raise InvalidInput(
                        f"The predicted rewards need shape {chance.shape}, all finite; {full.shape} given."
                    )
                model = full[row, column]
                expected = (full * goal).sum(axis=1) if expected is None else expected
            else:
                model = as_vector(predicted, "predicted rewards")
        for found in (model, expected):
            if found is not None:
                same_length(rewards=np.empty(n), given=found)
        square = np.divide(goal**2, chance, out=np.zeros(chance.shape), where=chance > 0).sum(axis=1)
        return cls(chance[row, column], goal[row, column], model, expected, float(square.mean()))


def _no_zero(chance: Array) -> None:
    zero = int((chance == 0).sum())
    if zero:
        raise InvalidInput(
            f"{zero} logged actions have propensity 0, yet were taken. Log the chance of what was chosen."
        )


def _table(probabilities: ArrayLike, what: str, n: int) -> Array:
    found = np.asarray(probabilities, dtype=np.float64)
    if found.ndim != 2 or len(found) != n:
        raise InvalidInput(
            f"The {what} have shape {found.shape}; give one row of probabilities for each of {n} rewards."
        )
    if not (np.isfinite(found).all() and (found >= 0).all() and np.allclose(found.sum(axis=1), 1, atol=1e-6)):
        raise InvalidInput(
            f"The {what} hold rows that are no probabilities: each lies in [0, 1], and a row adds up to 1."
        )
    return found
