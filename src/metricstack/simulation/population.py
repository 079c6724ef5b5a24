"""Who asks what, when and under which circumstances, with all noise drawn: what the model is a function of."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metricstack.simulation.company import PROMPTS
from metricstack.simulation.demand import HOUR
from metricstack.simulation.past_tests import PastTest
from metricstack.simulation.rollouts import ROLLOUTS
from metricstack.simulation.users import CUSTOMERS, ENGINEERS
from metricstack.simulation.world import World

__all__ = ["Circumstances", "Noise", "Population", "draw", "treat"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_SIZES = np.cumsum((0.42, 0.30, 0.16, 0.08, 0.04))
_CHANNELS = np.cumsum(
    ((0.42, 0.33, 0.22, 0.03), (0.52, 0.43, 0.0, 0.05), (0.35, 0.0, 0.25, 0.40), (0.0, 0.75, 0.0, 0.25)), axis=1
)
_TO_APP = np.array([0.30, 0.30, 0.0, 0.0])  # share of a promotion's visits that come by the app instead
_TASKS = np.cumsum(((0.40, 0.25, 0.20, 0.15),) * 4, axis=1)
_TASK_DIFFICULTY = np.array([0.25, 0.38, 0.55, 0.70])
_ACTIONS = np.array([0.75, 0.55, 2.4, 1.8])
_PLANS = np.array([0.22, 0.0, 0.95, 0.85])
_RETRIEVALS = np.array([0.35, 0.55, 0.60, 0.20])
_PROMPT_QUALITY = np.array([prompt.quality for prompt in PROMPTS])
_PROMPT_REASONING = np.array([prompt.reasoning for prompt in PROMPTS])


@dataclass(slots=True)
class Circumstances:
    """What holds when a request is made, from outside of it; arrays of shape (n,), models (n, 2)."""

    models: NDArray[np.int8]
    prompt: NDArray[np.int8]
    prompt_quality: Floats
    prompt_reasoning: Floats
    error: Floats
    quality: Floats
    latency: Floats
    cost: Floats
    length: Floats
    route: Floats
    rollout_quality: Floats
    rollout_latency: Floats


@dataclass(frozen=True, slots=True)
class Noise:
    """Noise of every equation: uniform where a chance is decided, standard normal elsewhere.

    Shape (n,) for requests; (s,) for ``session`` and what follows it.
    """

    route: Floats
    attempt: Floats
    again: Floats
    rescue: Floats
    extra: Floats
    abandon: Floats
    success: Floats
    escalate: Floats
    review: Floats
    quality: Floats
    latency: Floats
    minutes: Floats
    length: Floats
    input: Floats
    cache: Floats
    reasoning: Floats
    session: Floats
    convert: Floats
    resolve: Floats
    case: Floats
    come_back: Floats
    revenue: Floats
    case_size: Floats


_UNIFORM = ("route", "attempt", "again", "rescue", "extra", "abandon", "success", "escalate", "review")
_NORMAL = ("quality", "latency", "minutes", "length", "input", "cache", "reasoning")
_SESSION_UNIFORM = ("convert", "resolve", "case", "come_back")
_SESSION_NORMAL = ("session", "revenue", "case_size")


@dataclass(frozen=True, slots=True)
class Population:
    """Requests, shape (n,), in sessions, shape (s,): the requests of a session follow one another.

    ``start`` is in microseconds since 1970 UTC; positions refer to the vocabularies of `company`.
    """

    first: Integers
    size: Integers
    s_use_case: Integers
    s_user: Integers
    s_channel: Integers
    s_segment: NDArray[np.int8]
    s_hour: Integers
    s_start: Integers
    s_promotion: NDArray[np.bool_]
    s_season: Floats
    s_user_conversion: Floats
    s_user_activity: Floats

    session: Integers
    use_case: Integers
    user: Integers
    channel: Integers
    hour: Integers
    start: Integers
    promotion: NDArray[np.bool_]
    demand: Floats
    task: Integers
    difficulty: Floats
    plans: Integers
    retrieves: Integers
    actions: Integers
    user_quality: Floats
    user_latency: Floats
    circumstances: Circumstances
    noise: Noise

    @property
    def n(self) -> int:
        """Number of requests."""
        return len(self.session)

    @property
    def sessions(self) -> int:
        """Number of sessions."""
        return len(self.first)


def draw(
    world: World,
    rng: np.random.Generator,
    *,
    first: int = 0,
    last: int | None = None,
    n: int | None = None,
    use_case: int | None = None,
    tests: bool = True,
) -> Population:
    """Draw who comes in the hours from ``first`` up to ``last``.

    Args:
        world: The company.
        rng: Where the noise comes from.
        first: First hour.
        last: First hour after them; all by default.
        n: Number of requests; by default those that the settings ask for in these hours.
        use_case: Only this one, by position.
        tests: Whether the company's A/B tests act on them.
    """
    demand, users = world.demand, world.users
    last = demand.hours if last is None else last
    if n is None:
        before = demand.cumulative[first : last + 1].astype(np.float64)
        n = int(before[-1] - before[0])
    else:
        weight = demand.weight if use_case is None else demand.weight[:, use_case : use_case + 1]
        before = np.concatenate([[0.0], np.cumsum(weight[first:last].sum(axis=1))])
    size = 1 + np.searchsorted(_SIZES, rng.random(n)).clip(0, 4)
    ends = np.cumsum(size)
    s = int(np.searchsorted(ends, n)) + 1 if n else 0
    size = size[:s].astype(np.int64)
    if s:
        size[-1] -= int(ends[s - 1]) - n
    begins = np.concatenate([[0], np.cumsum(size)])[:s]

    position = before[0] + (begins + 0.5) * ((before[-1] - before[0]) / max(n, 1))
    s_hour = first + np.searchsorted(before, position, side="right") - 1
    choice = rng.random(s)
    s_use_case = (
        (choice[:, None] >= demand.mix[s_hour, :3]).sum(axis=1)
        if use_case is None
        else np.full(s, use_case, dtype=np.int64)
    )
    pool = np.where(s_use_case == 3, ENGINEERS, CUSTOMERS)
    s_user = users.draw(pool, s_hour / demand.hours, rng.random(s))
    s_promotion = demand.promotion[s_hour]
    s_channel = (rng.random(s)[:, None] >= _CHANNELS[s_use_case, :3]).sum(axis=1)
    s_channel = np.where(s_promotion & (rng.random(s) < _TO_APP[s_use_case]), 1, s_channel)
    s_start = demand.start[s_hour] + (rng.random(s) * HOUR).astype(np.int64) // 1000 * 1000

    session = np.repeat(np.arange(s), size)
    pause = (20e6 + 70e6 * rng.standard_exponential(n)).astype(np.int64) // 1000 * 1000
    pause[begins] = 0
    passed = np.cumsum(pause)
    passed -= passed[begins][session]
    start = s_start[session] + passed
    late = s_start + passed[begins + size - 1] + HOUR // 4 >= demand.end  # nobody is served after the period
    start -= HOUR * late[session]
    s_start = s_start - HOUR * late

    hour, u, user = s_hour[session], s_use_case[session], s_user[session]
    promotion = demand.promotion[hour]
    task = (rng.random(n)[:, None] >= _TASKS[u, :3]).sum(axis=1)
    difficulty = _TASK_DIFFICULTY[task] - 0.06 * promotion + 0.14 * rng.standard_normal(n)
    noise = Noise(
        **{name: rng.random(n) for name in _UNIFORM},
        **{name: rng.standard_normal(n) for name in _NORMAL},
        **{name: rng.random(s) for name in _SESSION_UNIFORM},
        **{name: rng.standard_normal(s) for name in _SESSION_NORMAL},
    )
    circumstances = _circumstances(world, hour, u, user)
    people = Population(
        first=begins,
        size=size,
        s_use_case=s_use_case,
        s_user=s_user,
        s_channel=s_channel,
        s_segment=users.segment[s_user],
        s_hour=s_hour,
        s_start=s_start,
        s_promotion=s_promotion,
        s_season=demand.season[s_hour],
        s_user_conversion=users.conversion[s_user],
        s_user_activity=users.activity[s_user],
        session=session,
        use_case=u,
        user=user,
        channel=s_channel[session],
        hour=hour,
        start=start,
        promotion=promotion,
        demand=demand.relative[hour, u],
        task=task,
        difficulty=np.clip(difficulty, 0.02, 0.98),
        plans=(rng.random(n) < _PLANS[u]).astype(np.int64),
        retrieves=(rng.random(n) < _RETRIEVALS[u]).astype(np.int64),
        actions=rng.poisson(_ACTIONS[u] * (0.6 + 0.9 * difficulty.clip(0.02, 0.98))),
        user_quality=users.quality[user],
        user_latency=users.latency[user],
        circumstances=circumstances,
        noise=noise,
    )
    if tests:
        for test in world.tests:
            if test.first < last and test.last > first:
                here = np.flatnonzero((u == test.use_case) & (hour >= test.first) & (hour < test.last))
                treated, _, _ = test.draw(users.identity[user[here]])
                treat(people, test, here[treated])
    return people


def treat(people: Population, test: PastTest, which: Integers | slice) -> None:
    """Let these requests run under a test's treatment: add what it changes to their circumstances."""
    for name in ("quality", "latency", "cost", "length", "route"):
        getattr(people.circumstances, name)[which] += getattr(test, name)


def _circumstances(world: World, hour: Integers, u: Integers, user: Integers) -> Circumstances:
    prompt = world.prompts[hour, u]
    disturbances = world.disturbances
    rollout_quality, rollout_latency = np.zeros(len(hour)), np.zeros(len(hour))
    for rollout in ROLLOUTS:
        here = np.flatnonzero(u == rollout.use_case)
        unit = getattr(world.users, rollout.by)[user[here]]
        quality, latency = rollout.effects(unit, world.demand.fraction[hour[here]])
        rollout_quality[here] += quality
        rollout_latency[here] += latency
    return Circumstances(
        models=world.models[hour, u],
        prompt=prompt,
        prompt_quality=_PROMPT_QUALITY[prompt],
        prompt_reasoning=_PROMPT_REASONING[prompt],
        error=disturbances.error[hour, u],
        quality=disturbances.quality[hour, u],
        latency=disturbances.latency[hour, u],
        cost=np.zeros(len(hour)),
        length=np.zeros(len(hour)),
        route=np.zeros(len(hour)),
        rollout_quality=rollout_quality,
        rollout_latency=rollout_latency,
    )
