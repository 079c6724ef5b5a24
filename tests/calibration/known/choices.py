"""Splits that follow the rewards, policies that never ran, and answers that start from a prior."""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from metricstack.experiments import adaptive_difference, bayes_beta_binomial, bayes_normal, off_policy, welch

from .scenario import NOMINAL, each, misses, moments, naive, rejects, scenario

Array = NDArray[np.float64]
Rng = np.random.Generator


def _thompson(rng: Rng, draws: int, effect: float) -> tuple[Array, Array, Array]:
    """Run Thompson sampling in 10 batches of 100, each arm keeping 5 %: rewards, actions and chances of arm 1."""
    chance, total, count = np.full(draws, 0.5), np.zeros((draws, 2)), np.zeros((draws, 2))
    rewards, actions, chances = [], [], []
    for _ in range(10):
        action = rng.random((draws, 100)) < chance[:, None]
        reward = rng.normal(0, 1, (draws, 100)) + effect * action
        for arm, drawn in enumerate((~action, action)):
            total[:, arm] += (reward * drawn).sum(axis=1)
            count[:, arm] += drawn.sum(axis=1)
        rewards.append(reward)
        actions.append(action)
        chances.append(np.repeat(chance[:, None], 100, axis=1))
        seen = np.maximum(count, 1)
        gap = total[:, 1] / seen[:, 1] - total[:, 0] / seen[:, 0]
        chance = np.clip(ndtr(gap / np.sqrt((1 / seen).sum(axis=1))), 0.05, 0.95)
    return tuple(np.concatenate(parts, axis=1).astype(np.float64) for parts in (rewards, actions, chances))  # type: ignore[return-value]


@scenario(
    "a split that follows the rewards (Thompson, 10 batches of 100, at least 5 %); none, and 0.3",
    draws=4000, few=150, plain_means=naive(0.055), none=NOMINAL, effect=NOMINAL,
)  # fmt: skip
def adaptive(rng: Rng, draws: int) -> dict[str, Any]:
    def answers(effect: float) -> tuple[list[Any], list[Any]]:
        plain, weighted = [], []
        for reward, action, chance in zip(*_thompson(rng, draws, effect), strict=True):
            plain.append(welch(control=reward[action == 0], treatment=reward[action == 1]))
            weighted.append(adaptive_difference(
                rewards=reward, actions=action, propensities=np.column_stack([1 - chance, chance]), control=0,
                treatment=1,
            ))  # fmt: skip
        return plain, weighted

    plain, none = answers(0.0)
    return {"plain means": rejects(plain), "none": rejects(none), "effect": misses(answers(0.3)[1], 0.3)}


LOGGED = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7], [0.3, 0.3, 0.4]])
TARGET = np.array([[0.2, 0.3, 0.5], [0.3, 0.5, 0.2], [0.3, 0.3, 0.4], [0.1, 0.3, 0.6]])
VALUE = np.array([[1.0, 2.0, 1.5], [0.5, 2.5, 0.0], [3.0, 1.0, 2.0], [1.0, 1.0, 2.5]])


@scenario(
    "the value of a policy that never ran: 500 rows in four contexts, three actions; rows of users of five",
    draws=4000, few=100, mean_of_what_ran=naive(0.3), IPS=NOMINAL, clipped=NOMINAL, SNIPS=NOMINAL,
    doubly_robust=NOMINAL, lift=NOMINAL, row_by_row=naive(0.08), by_user=NOMINAL,
)  # fmt: skip
def policies(rng: Rng, draws: int) -> dict[str, Any]:
    truth, ran = (float((policy * VALUE).sum(axis=1).mean()) for policy in (TARGET, LOGGED))
    methods = {"IPS": "ips", "clipped": "clipped", "SNIPS": "snips", "doubly robust": "doubly_robust"}
    found: dict[str, list[Any]] = {name: [] for name in ("mean", *methods, "row by row", "by user")}
    for _ in range(draws):
        context = rng.integers(0, 4, 500)
        action = _choose(rng, context)
        reward = VALUE[context, action] + rng.normal(0, 1, 500)
        model = VALUE[context] + 0.3  # a model that is off
        table = {"propensities": LOGGED[context], "target": TARGET[context], "actions": action}
        found["mean"].append(abs(reward.mean() - truth) > 1.96 * reward.std() / np.sqrt(500))
        for name, method in methods.items():
            more = {"predicted": model} if method == "doubly_robust" else {}
            found[name].append(off_policy(reward, method=method, **table, **more))
        user = np.repeat(np.arange(100), 5)
        context = rng.integers(0, 4, 100)[user]
        action = _choose(rng, context)
        nested = VALUE[context, action] + rng.normal(0, 1, 100)[user] + rng.normal(0, 1, 500)
        table = {"propensities": LOGGED[context], "target": TARGET[context], "actions": action}
        found["row by row"].append(off_policy(nested, **table).estimate)  # type: ignore[union-attr]
        found["by user"].append(off_policy(nested, units=user, **table).estimate)  # type: ignore[union-attr]
    wrong = {name: misses([one.estimate for one in found[name]], truth) for name in methods}
    return {
        "mean of what ran": np.array(found["mean"]),
        **wrong,
        "lift": misses([one.lift for one in found["SNIPS"]], truth - ran),
        "row by row": misses(found["row by row"], truth),
        "by user": misses(found["by user"], truth),
    }


def _choose(rng: Rng, context: NDArray[np.int64]) -> NDArray[np.int64]:
    return (rng.random(len(context))[:, None] > LOGGED[context].cumsum(axis=1)).sum(axis=1)


@scenario(
    "effects that come from the prior itself (deviation 0.1; error 0.14), and those of them that look won",
    draws=4000, few=500, flat_prior_where_it_looks_won=naive(0.1), true_prior=NOMINAL,
    true_prior_where_it_looks_won=NOMINAL,
)  # fmt: skip
def priors(rng: Rng, draws: int) -> dict[str, Any]:
    truth = rng.normal(0, 0.1, draws)
    a = moments(rng.normal(0, 1, (draws, 100)))
    b = moments(truth[:, None] + rng.normal(0, 1, (draws, 100)))
    flat: list[Any] = each(bayes_normal, a, b)
    own: list[Any] = each(bayes_normal, a, b, prior_sd=0.1)
    won = np.array([one.chance_to_win > 0.95 for one in flat])
    wrong = misses([one.estimate for one in own], truth)
    return {
        "flat prior where it looks won": misses([one.estimate for one in flat], truth)[won],
        "true prior": wrong,
        "true prior where it looks won": wrong[won],
    }


@scenario(
    "shares that come from the prior itself (Beta(2, 8)), 20 and 30 units; the same data under Beta(40, 160)",
    draws=2000, few=0, a_prior_too_sure=naive(0.3), true_prior=NOMINAL,
)  # fmt: skip
def beta_priors(rng: Rng, draws: int) -> dict[str, Any]:
    share = rng.beta(2, 8, (draws, 2))
    counts = rng.binomial((20, 30), share)

    @cache
    def answer(x: int, y: int, prior: tuple[float, float]) -> Any:
        return bayes_beta_binomial(
            control_successes=x, control_n=20, treatment_successes=y, treatment_n=30, prior=prior
        )

    truth = share[:, 1] - share[:, 0]
    sure, true = ([answer(int(x), int(y), prior).estimate for x, y in counts] for prior in ((40.0, 160.0), (2.0, 8.0)))
    return {"a prior too sure": misses(sure, truth), "true prior": misses(true, truth)}
