"""What people do and say: sessions, judgements and signals, and who saw which variant first."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from metricstack.simulation.columns import assemble, category, constant, flags, floats, instants, integers
from metricstack.simulation.company import CHANNELS, REGIONS, SEGMENTS, USE_CASES
from metricstack.simulation.demand import HOUR
from metricstack.simulation.dirt import Trail, arrange, envelope
from metricstack.simulation.identifiers import hexes, mix
from metricstack.simulation.model import JUDGE_SPREAD
from metricstack.simulation.runs import Runs
from metricstack.simulation.world import World

__all__ = ["Exposures", "assignments", "exposures", "feedback", "sessions"]

Integers = NDArray[np.int64]

_SIGNAL_SHARE, _CONFIRM_SHARE = 0.15, 0.03
_JUDGED = (0.17, 0.36)  # chance that an easy, and that a hard run is judged: known, and not equal
_HARD = 0.55
_FURTHER = 0.26  # of the judged runs, those that are judged in all five respects
_NAMES = (
    "relevance",
    "completeness",
    "consistency",
    "trust",
    "groundedness",
    "click",
    "correction",
    "retry",
    "confirmed",
)
_KINDS = ("human", "llm_judge", "implicit")
# A judgement is offset + slope * quality + spread * noise, for the first five names.
_OFFSET = np.array([0.0, -0.03, 0.12, 0.02, 0.02])
_SLOPE = np.array([1.0, 1.0, 0.85, 0.92, 1.0])
_SPREAD = np.array([JUDGE_SPREAD, 0.09, 0.08, 0.10, 0.08])


def feedback(runs: Runs, rng: np.random.Generator) -> pa.Table:
    """Write judgements and signals down: of a chosen part of the runs, with the chance of being chosen."""
    people, outcomes, n = runs.people, runs.outcomes, runs.people.n
    answered = ~outcomes.failed
    p_judged = np.where(people.difficulty > _HARD, _JUDGED[1], _JUDGED[0])
    chosen = rng.random(n)
    relevance = np.flatnonzero(answered & (chosen < p_judged))
    further = np.flatnonzero(answered & (chosen < p_judged * _FURTHER))
    signals = np.flatnonzero(answered & (rng.random(n) < _SIGNAL_SHARE))
    confirmed = np.flatnonzero(answered & (rng.random(n) < _CONFIRM_SHARE))
    of = np.concatenate([relevance, *([further] * 4), *([signals] * 3), confirmed])
    counts = (len(relevance), *([len(further)] * 4), *([len(signals)] * 3), len(confirmed))
    name = np.repeat(np.arange(9), counts)

    quality, success = outcomes.quality[of], outcomes.success[of]
    z, uniform = rng.standard_normal(len(of)), rng.random(len(of))
    judged = name < 5
    which = np.minimum(name, 4)
    score = np.clip(_OFFSET[which] + _SLOPE[which] * quality + _SPREAD[which] * z, 0.0, 1.0)
    chance = np.select(
        [name == 5, name == 6, name == 7],
        [0.15 + 0.5 * quality, 0.32 - 0.3 * quality, np.where(success, 0.03, 0.35)],
        default=np.where(success, 0.94, 0.22),
    )
    value = np.where(judged, score, uniform < chance)
    probability = np.select(
        [name == 0, name < 5, name < 8],
        [p_judged[of], p_judged[of] * _FURTHER, np.full(len(of), _SIGNAL_SHARE)],
        default=_CONFIRM_SHARE,
    )
    by_hand = (name == 8) | (judged & (uniform < 0.12))
    kind = np.where(by_hand, 0, np.where(judged, 1, 2))
    end = people.start[of] + runs.latency[of]
    wait = np.select(
        [kind == 0, kind == 1], [9 * HOUR * rng.standard_exponential(len(of)), 2e6 + 8e6 * uniform], 25e6 * uniform
    )
    given = end + wait.astype(np.int64) // 1000 * 1000

    complete = Trail.complete(given, 45_000_000)
    rows = arrange(
        given,
        np.arange(len(of)),
        complete,
        rng,
        duplicates=runs.world.settings.dirt.duplicates,
        until=runs.world.demand.end,
    )
    index = rows.index
    of = of[index]
    u = people.use_case[of]
    columns = {
        **envelope(rows, complete, source="feedback", service="feedback"),
        "feedback": hexes(mix(runs.number[of] * np.uint64(16) + name[index].astype(np.uint64), runs.salt(10))),
        "run": runs.run(of),
        "user": hexes(runs.world.users.identity[people.user[of]]),
        "use_case": category(u, USE_CASES),
        "model": category(outcomes.model[of], runs.models()),
        "kind": category(kind[index], _KINDS),
        "name": category(name[index], _NAMES),
        "given": instants(given[index]),
        "value": floats(value[index], 4),
        "selection_probability": floats(probability[index], 6),
    }
    return assemble("feedback", rows.n, columns)


def sessions(runs: Runs, rng: np.random.Generator) -> pa.Table:
    """Write down what the business got of each session."""
    people, outcomes, users, demand = runs.people, runs.outcomes, runs.world.users, runs.world.demand
    s = people.sessions
    last = people.first + people.size - 1
    end = people.start[last] + runs.latency[last] + (30e6 * rng.standard_exponential(s)).astype(np.int64) // 1000 * 1000
    end = np.maximum(end, people.s_start)
    acted = 2 * people.size + rng.poisson(0.6 + 2.2 * outcomes.quality[people.first])
    complete = Trail.complete(end, 90_000_000)
    rows = arrange(
        people.s_start,
        np.arange(s),
        complete,
        rng,
        duplicates=runs.world.settings.dirt.duplicates,
        until=demand.end,
    )
    of = rows.of
    u, user, business = people.s_use_case[of], people.s_user[of], people.s_use_case[of] != 3
    columns = {
        **envelope(rows, complete, source="product", service="product-analytics"),
        "session": hexes(mix(((runs.session[people.first])[of]), runs.salt(4))),
        "user": hexes(users.identity[user]),
        "tenant": hexes(users.tenant[user], users.tenant[user] > 0),
        "use_case": category(u, USE_CASES),
        "region": category(users.region[user], REGIONS),
        "segment": category(users.segment[user], SEGMENTS),
        "channel": category(people.s_channel[of], CHANNELS),
        "start": instants(people.s_start[of]),
        "end": instants(end[of]),
        "converted": flags(outcomes.converted[of], business),
        "revenue": floats(outcomes.revenue[of], 2, business),
        "cost_to_serve": floats(outcomes.cost_to_serve[of], 2),
        "resolved": flags(outcomes.resolved[of]),
        "abandoned": flags(outcomes.session_abandoned[of]),
        "returned_28d": flags(outcomes.returned[of], people.s_start[of] < demand.end - 28 * 24 * HOUR),
        "actions": integers(acted[of]),
        "promotion": flags(people.s_promotion[of]),
    }
    return assemble("sessions", rows.n, columns)


@dataclass(frozen=True, slots=True)
class Exposures:
    """The users who met one test in one stretch of time, each once, and when first."""

    test: int
    user: Integers
    time: Integers


def exposures(runs: Runs) -> list[Exposures]:
    """Find who met which test for the first time in this stretch."""
    people = runs.people
    found: list[Exposures] = []
    if not people.n:
        return found
    for number, test in enumerate(runs.world.tests):
        here = np.flatnonzero(
            (people.use_case == test.use_case) & (people.hour >= test.first) & (people.hour < test.last)
        )
        if len(here):
            here = here[np.argsort(people.start[here], kind="stable")]
            user, where = np.unique(people.user[here], return_index=True)
            found.append(Exposures(number, user, people.start[here[where]]))
    return found


def assignments(world: World, met: list[Exposures]) -> pa.Table:
    """Write down who saw which variant first, from the exposures of complete tests."""
    parts: dict[str, list[NDArray[np.int64]]] = {name: [] for name in ("test", "user", "time", "treated", "reason")}
    by_test: dict[int, list[Exposures]] = {}
    for exposure in met:
        by_test.setdefault(exposure.test, []).append(exposure)
    for number, group in sorted(by_test.items()):
        user = np.concatenate([exposure.user for exposure in group])
        time = np.concatenate([exposure.time for exposure in group])
        order = np.lexsort((time, user))
        user, time = user[order], time[order]
        once = np.ones(len(user), dtype=bool)
        once[1:] = user[1:] != user[:-1]
        user, time = user[once], time[once]
        treated, override, lost = world.tests[number].draw(world.users.identity[user])
        kept = ~lost
        for name, values in (
            ("test", np.full(len(user), number)),
            ("user", user),
            ("time", time),
            ("treated", treated.astype(np.int64)),
            ("reason", override.astype(np.int64)),
        ):
            parts[name].append(values[kept])
    flat = {name: np.concatenate(values) if values else np.zeros(0, np.int64) for name, values in parts.items()}
    order = np.lexsort((flat["user"], flat["test"], flat["time"]))
    flat = {name: values[order] for name, values in flat.items()}
    n = len(order)
    columns = {
        "experiment": category(flat["test"], tuple(test.name for test in world.tests)),
        "unit": hexes(world.users.identity[flat["user"]]),
        "variant": category(flat["treated"], ("control", "treatment")),
        "first_exposure": instants(flat["time"]),
        "reason": category(flat["reason"], ("split", "override")),
        "exposed": flags(np.ones(n, dtype=bool)),
        "source": constant("flags", n),
        "ingested_at": instants(flat["time"] + 5_000_000),
        "service": constant("feature-flags", n),
        "env": constant("production", n),
        "sample_probability": floats(np.ones(n), 1),
    }
    return assemble("assignments", n, columns)
