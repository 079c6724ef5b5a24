"""The structural causal model: every effect in the simulated company, its equation and its coefficient.

    difficulty ──> model (the capable one gets the harder work: Simpson)
    difficulty, model, prompt, user, session, degradation ──> quality
    demand, model, user, incident ──> latency            (demand drives latency, never the reverse)
    incident ──> attempt errors ──> retry ──> fallback ──> error
    latency, channel ──> abandonment
    quality ──> success (unless error or abandonment) ──> escalation, human minutes
    success, abandonment, promotion, season, user ──> conversion;  quality ──> revenue of a conversion
    promotion ──> channel, difficulty, cache hits                    (confounds cache hits and conversion)
    length, cache hits, model ──> tokens ──> cost                    (none of them reaches conversion)

`unfold` is the whole of it: a function of who asks what and when, and of noise drawn beforehand.
`Intervention` sets one variable against the will of its causes and leaves everything else, noise
included, as it was: that is do(x + step).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metricstack.simulation.company import CAPABLE, EMBEDDING, LIGHT, MODELS
from metricstack.simulation.population import Population

__all__ = [
    "CALLS",
    "JUDGE_SPREAD",
    "OBSERVED",
    "Coefficients",
    "Intervention",
    "Outcomes",
    "session_sums",
    "sigmoid",
    "unfold",
]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]

CALLS = ("answer", "answer", "plan", "embedding")
"""What the four possible inferences of a run are for: the last answer, a failed first attempt, a plan, a retrieval."""

JUDGE_SPREAD = 0.05
"""Standard deviation of a judge's score of relevance around the quality of the answer; scores end at 0 and 1."""


@dataclass(frozen=True, slots=True)
class Coefficients:
    """Every stated effect. Tuples are by use case (support, search, document, code) unless said.

    Latent quality and the arguments of `sigmoid` are on the log-odds scale; latency, length and
    tokens on the log scale, so that an added 0.1 is about +10 %.
    """

    # difficulty -> which model answers
    route_level: tuple[float, ...] = (-0.4, -0.7, -0.1, 0.0)
    route_difficulty: float = 7.0
    # -> quality
    quality_level: tuple[float, ...] = (2.30, 2.50, 2.25, 2.35)
    quality_user: float = 0.35
    quality_session: float = 0.25
    quality_noise: float = 0.45
    quality_fallback: float = -0.9
    # incidents -> errors
    attempt_error: float = 0.018
    repeat_error: float = 0.30
    fallback_share: float = 0.60
    # -> latency, seconds
    latency_level: tuple[float, ...] = (0.85, 0.45, 1.40, 0.75)
    latency_demand: float = 0.18
    latency_user: float = 0.20
    latency_noise: float = 0.42
    latency_retry: float = 0.55
    # latency -> abandonment; patience in seconds by channel: web, app, email, api
    patience: tuple[float, ...] = (5.0, 5.0, 30.0, 14.0)
    abandon_level: float = -3.2
    abandon_latency: float = 2.2
    # quality -> success, around a quality of 0.75
    success_level: tuple[float, ...] = (1.95, 2.15, 2.0, 2.2)
    success_quality: float = 8.0
    # no success -> escalation to a person
    escalation: tuple[float, ...] = (0.50, 0.18, 0.40, 0.15)
    # -> conversion, around a success share of 0.85; by channel: web, app, email, api
    conversion_level: tuple[float, ...] = (-2.62, -2.32, -2.95, -3.25)
    conversion_segment: tuple[float, ...] = (0.0, 0.15, 0.05, 0.0)
    conversion_success: float = 2.0
    conversion_abandon: float = -1.6
    conversion_promotion: float = 0.38
    conversion_season: float = 0.12
    conversion_user: float = 0.40
    # conversion -> revenue; log of the currency by segment: consumer, business, enterprise, internal
    revenue_level: tuple[float, ...] = (4.25, 4.75, 5.05, 0.0)
    revenue_quality: float = 0.8
    revenue_promotion: float = -0.10
    revenue_noise: float = 0.55
    # success -> the case is solved -> support cost, return within 28 days
    resolved_level: float = -2.2
    resolved_success: float = 4.4
    resolved_abandon: float = -1.2
    case_cost: float = 1.75
    return_level: float = -0.15
    return_resolved: float = 0.55
    return_user: float = 0.55
    # length of the answer, in words: causes tokens and cost, and nothing that a customer does
    length_level: tuple[float, ...] = (4.9, 4.5, 5.7, 5.3)
    length_difficulty: float = 0.5
    length_noise: float = 0.35
    # tokens
    input_level: tuple[float, ...] = (9.20, 9.10, 9.55, 9.20)
    input_noise: float = 0.35
    reasoning_level: tuple[float, ...] = (5.2, 4.8, 6.9, 6.3)
    cache_level: tuple[float, ...] = (0.42, 0.35, 0.30, 0.50)
    cache_promotion: float = 0.16
    cache_noise: float = 0.10
    tool_price: float = 0.0004


OBSERVED = Coefficients()


@dataclass(frozen=True, slots=True)
class Intervention:
    """do(x + step): add to one variable of every request, whatever its causes say.

    Args:
        quality: Added to the quality score, 0 to 1.
        latency: Factor on the seconds.
        error: Added chance of an error that the user sees.
        success: Added chance of success, where an answer came.
        length: Words added to the answer.
        cache: Added share of the prompt that is read from the cache.
        cost: Currency added to the cost of a request.
        demand: Factor on the demand of every hour, the requests themselves staying the same.
        capable: Added log-odds that the capable model answers; infinite = always.
        rollout: False takes the staged rollouts away.
    """

    quality: float = 0.0
    latency: float = 1.0
    error: float = 0.0
    success: float = 0.0
    length: float = 0.0
    cache: float = 0.0
    cost: float = 0.0
    demand: float = 1.0
    capable: float = 0.0
    rollout: bool = True


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of a population: of its requests, shape (n,), and of its sessions, shape (s,)."""

    model: Integers
    capable: Flags
    quality: Floats
    retried: Flags
    fallback: Flags
    failed: Flags
    latency: Floats
    abandoned: Flags
    success: Flags
    escalated: Flags
    human_minutes: Floats
    words: Integers
    tokens: Integers
    """Token counts, shape (n, 4 calls, 5 buckets): see `CALLS` and the order of `telemetry` buckets."""
    call_cost: Floats
    """Cost of each inference, shape (n, 4)."""
    cost: Floats
    conversion: Floats
    """Chance that a session converts, shape (s,); nothing to convert for the internal use case."""
    converted: Flags
    revenue: Floats
    resolved: Flags
    session_abandoned: Flags
    cost_to_serve: Floats
    returned: Flags
    expected_revenue: Floats
    """Revenue of a session averaged over whether it converts and how much it buys, shape (s,)."""
    expected_cost_to_serve: Floats
    expected_return: Floats


def sigmoid(x: Floats) -> Floats:
    """Map log-odds to a probability."""
    with np.errstate(over="ignore"):
        return np.asarray(1.0 / (1.0 + np.exp(-x)))


def session_sums(values: NDArray[Any], people: Population) -> Floats:
    """Add a value up over the requests of each session: shape (n,) to shape (s,)."""
    return np.asarray(np.add.reduceat(values.astype(np.float64), people.first))


def _by(values: tuple[float, ...], index: NDArray[Any]) -> Floats:
    return np.asarray(np.asarray(values)[index])


_SKILL, _HARDNESS, _SPEED, _REASONING = (
    np.array([getattr(model, name) for model in MODELS]) for name in ("skill", "hardness", "speed", "reasoning")
)
# Price of one token by model and bucket: input, cache read, cache write, output, reasoning.
_PRICES = np.array([[*model.prices, model.prices[3]] for model in MODELS]) / 1e6
_CASE_SHARE, _CASE_SPREAD = 0.55, 0.4  # of unsolved sessions that become a support case, and how its cost varies
_EMBEDDING_PRICE = EMBEDDING.prices[0] / 1e6


def unfold(
    people: Population,
    c: Coefficients = OBSERVED,
    do: Intervention = Intervention(),
) -> Outcomes:
    """Let the world run: from who asks what, and the noise, to what becomes of it.

    Args:
        people: Requests and sessions with their circumstances and noise.
        c: The stated effects.
        do: What is set from outside. Equal populations give common random numbers, so the
            difference of two worlds is the effect and nothing else.
    """
    u, d, noise, world = people.use_case, people.difficulty, people.noise, people.circumstances
    rollout = 1.0 if do.rollout else 0.0

    # Which model answers: the harder the task, the more often the capable one.
    route = _by(c.route_level, u) + c.route_difficulty * (d - 0.5) + world.route + do.capable
    capable = noise.route < sigmoid(route)
    model = np.where(capable, world.models[:, CAPABLE], world.models[:, LIGHT]).astype(np.int64)

    # Errors of an attempt, retried once; then a fallback, or an error that the user sees.
    retried = noise.attempt < c.attempt_error + world.error
    twice = retried & (noise.again < c.repeat_error + 0.6 * world.error)
    fallback = twice & (noise.rescue < c.fallback_share)
    failed = (twice & ~fallback) | (noise.extra < do.error)

    # Quality of the answer, a score from 0 to 1.
    latent = (
        _by(c.quality_level, u)
        + _SKILL[model]
        - _HARDNESS[model] * d
        + world.prompt_quality
        + world.quality
        + rollout * world.rollout_quality
        + c.quality_user * people.user_quality
        + c.quality_session * noise.session[people.session]
        + c.quality_noise * noise.quality
        + c.quality_fallback * fallback
    )
    quality = np.clip(sigmoid(latent) + do.quality, 0.01, 0.99)

    # Seconds until the user has the answer. Answers stream, so their length adds no waiting.
    seconds = do.latency * np.exp(
        _by(c.latency_level, u)
        + _SPEED[model]
        + c.latency_demand * (do.demand * people.demand - 1.0)
        + c.latency_user * people.user_latency
        + c.latency_noise * noise.latency
        + c.latency_retry * retried
        + world.latency
        + rollout * world.rollout_latency
    )

    # Who waits too long leaves; who got a good answer succeeds; some of the others ask for a person.
    waiting = c.abandon_level + c.abandon_latency * (seconds / _by(c.patience, people.channel) - 1.0)
    abandoned = ~failed & (noise.abandon < sigmoid(waiting))
    chance = sigmoid(_by(c.success_level, u) + c.success_quality * (quality - 0.75)) + do.success
    success = ~failed & ~abandoned & (noise.success < chance)
    escalated = ~success & ~abandoned & (noise.escalate < _by(c.escalation, u))
    reviewed = (u == 2) & (noise.review < 0.35)
    human_minutes = escalated * np.exp(1.9 + 0.5 * noise.minutes) + reviewed * (1.0 + noise.review * 4.0)

    words, tokens, call_cost, cost = _usage(people, c, do, model, capable=capable, retried=retried)

    # The session: what its requests add up to, and what the business got of it.
    share = session_sums(success, people) / people.size
    left = abandoned[people.first + people.size - 1]
    goodness = session_sums(quality, people) / people.size
    conversion = sigmoid(
        _by(c.conversion_level, people.s_channel)
        + _by(c.conversion_segment, people.s_segment)
        + c.conversion_success * (share - 0.85)
        + c.conversion_abandon * left
        + c.conversion_promotion * people.s_promotion
        + c.conversion_season * people.s_season
        + c.conversion_user * people.s_user_conversion
    ) * (people.s_use_case != 3)
    converted = noise.convert < conversion
    basket = (
        _by(c.revenue_level, people.s_segment)
        + c.revenue_quality * (goodness - 0.75)
        + c.revenue_promotion * people.s_promotion
    )
    revenue = converted * np.exp(basket + c.revenue_noise * noise.revenue)
    resolution = sigmoid(c.resolved_level + c.resolved_success * share + c.resolved_abandon * left)
    resolved = noise.resolve < resolution
    people_cost = 0.12 + 0.70 * session_sums(human_minutes, people)
    case = (noise.case < _CASE_SHARE) * np.exp(c.case_cost + _CASE_SPREAD * noise.case_size)
    back = c.return_level + c.return_user * people.s_user_activity
    return_solved, return_unsolved = sigmoid(back + c.return_resolved), sigmoid(back)
    return Outcomes(
        model=model,
        capable=capable,
        quality=quality,
        retried=retried,
        fallback=fallback,
        failed=failed,
        latency=seconds,
        abandoned=abandoned,
        success=success,
        escalated=escalated,
        human_minutes=human_minutes,
        words=words,
        tokens=tokens,
        call_cost=call_cost,
        cost=cost,
        conversion=conversion,
        converted=converted,
        revenue=revenue,
        resolved=resolved,
        session_abandoned=left,
        cost_to_serve=people_cost + ~resolved * case,
        returned=noise.come_back < np.where(resolved, return_solved, return_unsolved),
        expected_revenue=conversion * np.exp(basket + c.revenue_noise**2 / 2),
        expected_cost_to_serve=people_cost
        + (1.0 - resolution) * _CASE_SHARE * np.exp(c.case_cost + _CASE_SPREAD**2 / 2),
        expected_return=resolution * return_solved + (1.0 - resolution) * return_unsolved,
    )


def _usage(
    people: Population, c: Coefficients, do: Intervention, model: Integers, *, capable: Flags, retried: Flags
) -> tuple[Integers, Integers, Floats, Floats]:
    """Count words and tokens of every inference of a run and price them."""
    u, noise, world = people.use_case, people.noise, people.circumstances
    words = np.rint(
        np.exp(
            _by(c.length_level, u)
            + c.length_difficulty * (people.difficulty - 0.5)
            + c.length_noise * noise.length
            + world.length
        )
        + do.length
    ).astype(np.int64)
    prompt = np.exp(_by(c.input_level, u) + c.input_noise * noise.input + world.cost)
    hit = np.clip(
        _by(c.cache_level, u) + c.cache_promotion * people.promotion + c.cache_noise * noise.cache + do.cache, 0.0, 0.95
    )
    reasoning = np.exp(_by(c.reasoning_level, u) + 0.5 * noise.reasoning) * _REASONING[model] * world.prompt_reasoning

    tokens = np.zeros((people.n, 4, 5), dtype=np.int64)
    read = (prompt * hit).astype(np.int64)
    fresh = prompt.astype(np.int64) - read
    write = fresh // 8
    answer = tokens[:, 0]
    answer[:, 0], answer[:, 1], answer[:, 2] = fresh - write, read, write
    answer[:, 3], answer[:, 4] = (words * 1.35).astype(np.int64), reasoning.astype(np.int64)
    broken = tokens[:, 1]  # a failed first attempt: the prompt is paid, the answer breaks off
    broken[:, 0], broken[:, 1], broken[:, 3] = fresh, read, answer[:, 3] // 4
    broken *= retried[:, None]
    plan = tokens[:, 2]
    plan[:, 0], plan[:, 1], plan[:, 3] = fresh // 3, read // 3, 60 + (80 * noise.review).astype(np.int64)
    plan *= people.plans[:, None]
    tokens[:, 3, 0] = (prompt * 0.12).astype(np.int64) * people.retrieves

    prices = _PRICES[model]
    call_cost = np.empty((people.n, 4))
    for call in range(3):
        call_cost[:, call] = (tokens[:, call] * prices).sum(axis=1)
    call_cost[:, 3] = tokens[:, 3, 0] * _EMBEDDING_PRICE
    np.round(call_cost, 8, out=call_cost)
    cost = call_cost.sum(axis=1) + c.tool_price * people.actions + do.cost
    return words, tokens, call_cost, cost
