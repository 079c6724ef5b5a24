"""The company's causal truth: every edge, test and rollout, found by intervening on the model itself.

No effect here is a regression. Each is the difference of two worlds that share every user,
circumstance and draw of noise, and differ in the one thing that was set; its Monte Carlo error
is that of the mean over twenty blocks of sessions.
"""

from dataclasses import asdict
from datetime import UTC, datetime

import numpy as np

from metricstack.core.streams import stream
from metricstack.simulation.company import USE_CASES
from metricstack.simulation.dirt import SKEWED_WEEKS, UNKNOWN_SINCE
from metricstack.simulation.effects import METRICS, Pair, measure
from metricstack.simulation.model import OBSERVED, Coefficients, Intervention, unfold
from metricstack.simulation.past_tests import PastTest, hour_window
from metricstack.simulation.population import draw, treat
from metricstack.simulation.rollouts import ROLLOUTS, Rollout
from metricstack.simulation.settings import ZONE
from metricstack.simulation.truth import Edge, RolloutTruth, TestTruth, Truth
from metricstack.simulation.verdicts import chances_of, deserved, right_verdicts, standard_error
from metricstack.simulation.world import World

__all__ = ["find_truth"]

_EDGE_REQUESTS, _TEST_REQUESTS, _ROLLOUT_REQUESTS = 60_000, 24_000, 24_000


def find_truth(world: World, coefficients: Coefficients = OBSERVED) -> Truth:
    """Intervene on the company's model and write down what happens.

    Args:
        world: The company.
        coefficients: Its stated effects.

    Returns:
        The truth, without the totals of a traffic that need not exist.
    """
    settings = world.settings
    tests = tuple(_test(world, test, coefficients) for test in world.tests)
    z = [
        test.effects["relevance"].value
        / standard_error(world, plan, test.effects["relevance"], "relevance", c=coefficients)
        for test, plan in zip(tests, world.tests, strict=True)
        if plan.use_case != 3
    ]
    return Truth(
        settings={
            "requests": settings.requests,
            "days": settings.days,
            "seed": settings.seed,
            "start": settings.start.isoformat(),
            "zone": ZONE,
            "begin": settings.begin.isoformat(),
            "end": settings.end.isoformat(),
        },
        edges=_edges(world, coefficients),
        tests=tests,
        first_stage={"tests": float(len(z)), "f": 1.0 + float(np.mean(np.square(z)))},
        rollouts=tuple(_rollout(world, rollout, coefficients) for rollout in ROLLOUTS),
        incidents=tuple(
            {
                "incident": f"i-{incident.number:03d}",
                "use_case": USE_CASES[incident.use_case],
                "cause": incident.cause,
                "started": _iso(incident.started),
                "mitigated": _iso(incident.mitigated),
                "error": incident.error,
                "latency": incident.latency,
                "quality": incident.quality,
            }
            for incident in world.disturbances.incidents
        ),
        degradation={
            "use_case": USE_CASES[world.disturbances.degradation.use_case],
            "start": _iso(world.disturbances.degradation.start),
            "failure": _iso(world.disturbances.degradation.failure),
            "end": _iso(world.disturbances.degradation.end),
            "depth": world.disturbances.degradation.depth,
            "about": "Latent quality falls evenly by `depth` from start to failure; latency and errors do not change.",
        },
        dirt=asdict(settings.dirt)
        | {
            "sampling_since_instant": _iso(world.instant(settings.dirt.sampling_since))
            if settings.dirt.sampling_since < 1
            else None,
            "unknown_sampling_since": _iso(world.instant(UNKNOWN_SINCE)),
            "clock_skew_between": [_iso(world.instant(point)) for point in SKEWED_WEEKS],
        },
    )


def _iso(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1e6, UTC).isoformat()


def _edges(world: World, c: Coefficients) -> tuple[Edge, ...]:
    people = draw(world, stream(world.settings.seed, "truth"), n=_EDGE_REQUESTS, tests=False)
    base = unfold(people, c)
    slower = 1.0 + 1.0 / measure("latency_p95", people, base)
    declared: tuple[tuple[str, tuple[tuple[str, str, tuple[str, ...], str], ...], float, Intervention], ...] = (
        (
            "relevance",
            (
                ("task_success", "causal", ("difficulty",), "A better answer solves the task more often."),
                ("conversion_rate", "causal", ("promotion", "difficulty"), "Quality works through success alone."),
                ("revenue_per_session", "causal", ("promotion", "difficulty"), "More conversions, and larger baskets."),
                ("retention_28d", "causal", (), "Users whose case was solved come back."),
                ("support_cost_per_case", "causal", ("difficulty",), "Fewer escalations and unsolved cases."),
                (
                    "latency_p95",
                    "null",
                    ("difficulty",),
                    "Hard work is slower (the capable model) and worse; neither causes the other.",
                ),
            ),
            0.05,
            Intervention(quality=0.05),
        ),
        (
            "task_success",
            (
                ("conversion_rate", "causal", ("promotion",), "Who succeeds buys."),
                ("support_cost_per_case", "causal", (), "Who succeeds does not call."),
            ),
            0.05,
            Intervention(success=0.05),
        ),
        (
            "latency_p95",
            (
                ("task_success", "causal", ("demand",), "Who waits leaves."),
                ("conversion_rate", "causal", ("demand", "promotion"), "Who waits leaves and does not buy."),
                ("demand", "reverse", (), "Demand drives latency; nobody comes more often because it is slow."),
            ),
            1.0,
            Intervention(latency=slower),
        ),
        (
            "demand",
            (("latency_p95", "causal", (), "The busier the hour, the longer the queue."),),
            0.10,
            Intervention(demand=1.10),
        ),
        (
            "error_rate",
            (
                ("task_success", "causal", (), "An error is no success."),
                ("conversion_rate", "causal", (), "An error is no success, and no success is no purchase."),
            ),
            0.01,
            Intervention(error=0.01),
        ),
        (
            "answer_length",
            (
                ("conversion_rate", "null", ("difficulty", "channel"), "Nobody buys because an answer is long."),
                ("cost_per_request", "causal", (), "Words are tokens."),
            ),
            50.0,
            Intervention(length=50.0),
        ),
        (
            "cache_hit_share",
            (
                ("conversion_rate", "confounded", ("promotion",), "Promotions bring repeated questions, and buyers."),
                ("cost_per_request", "causal", (), "Cached tokens are cheap."),
            ),
            0.05,
            Intervention(cache=0.05),
        ),
        (
            "cost_per_request",
            (
                (
                    "conversion_rate",
                    "null",
                    ("difficulty", "model"),
                    "Money spent does nothing that quality does not do.",
                ),
            ),
            0.01,
            Intervention(cost=0.01),
        ),
    )
    edges = []
    for cause, effects, step, do in declared:
        pair = Pair.whole(people, base, unfold(people, c, do))
        edges += [
            Edge(cause, effect, kind, step, METRICS[cause][0], pair.effect(effect), confounders, about)
            for effect, kind, confounders, about in effects
        ]
    # Simpson: all work by the capable model against all by the light one.
    light, capable = (unfold(people, c, Intervention(capable=sign * 1e3)) for sign in (-1.0, 1.0))
    edges.append(
        Edge(
            "capable_model_share",
            "relevance",
            "simpson",
            1.0,
            "fraction",
            Pair.whole(people, light, capable).effect("relevance"),
            ("difficulty",),
            "The capable model gets the harder work: pooled over difficulty it looks worse, within it is better.",
        )
    )
    return tuple(edges)


_TEST_METRICS = (
    "relevance",
    "task_success",
    "latency_p95",
    "cost_per_request",
    "answer_length",
    "conversion_rate",
    "revenue_per_session",
)


def _test(world: World, test: PastTest, c: Coefficients) -> TestTruth:
    people = draw(
        world,
        stream(world.settings.seed, "truth", test.name),
        first=test.first,
        last=test.last,
        n=_TEST_REQUESTS,
        use_case=test.use_case,
        tests=False,
    )
    control = unfold(people, c)
    treat(people, test, slice(None))
    pair = Pair.whole(people, control, unfold(people, c))
    names = [
        name for name in _TEST_METRICS if test.use_case != 3 or name not in ("conversion_rate", "revenue_per_session")
    ]
    effects = {name: pair.effect(name) for name in names}
    primary = effects[test.primary]
    errors = {name: standard_error(world, test, effect, name, c=c, control=control) for name, effect in effects.items()}
    deserves, why = deserved(test, effects)
    chances = chances_of(world.settings.seed, test, effects, errors)
    start, end = hour_window(world.demand, test)
    return TestTruth(
        name=test.name,
        story=test.story,
        primary=test.primary,
        lever=test.lever,
        use_case=USE_CASES[test.use_case],
        start=_iso(start),
        end=_iso(end),
        effects=effects,
        signal=abs(primary.value) / errors[test.primary],
        deserves=deserves,
        why=why,
        chances=chances,
        right=right_verdicts(test, effects, chances),
    )


def _rollout(world: World, rollout: Rollout, c: Coefficients) -> RolloutTruth:
    people = draw(
        world,
        stream(world.settings.seed, "truth", rollout.name),
        n=_ROLLOUT_REQUESTS,
        use_case=rollout.use_case,
        tests=False,
    )
    without, with_it = unfold(people, c, Intervention(rollout=False)), unfold(people, c)
    unit = getattr(world.users, rollout.by)
    cohort = rollout.cohorts[unit[people.user]]
    s_cohort = rollout.cohorts[unit[people.s_user]]
    since = np.array([*rollout.since, np.inf])
    adopted = world.demand.fraction[people.hour] >= since[cohort]
    s_adopted = world.demand.fraction[people.s_hour] >= since[s_cohort]
    effects = {}
    for number in (*range(len(rollout.since)), None):
        runs = np.flatnonzero(adopted & ((cohort == number) if number is not None else True))
        sessions = np.flatnonzero(s_adopted & ((s_cohort == number) if number is not None else True))
        if not len(runs):
            continue
        pair = Pair(people, without, with_it, runs, sessions)
        effects["all" if number is None else f"cohort_{number + 1}"] = {
            name: pair.effect(name) for name in ("relevance", "task_success", "latency_p95")
        }
    units = np.array(rollout.units)
    return RolloutTruth(
        name=rollout.name,
        use_case=USE_CASES[rollout.use_case],
        by=rollout.by,
        cohorts={
            str(name): _iso(world.instant(rollout.since[number]))
            for number in range(len(rollout.since))
            for name in units[rollout.cohorts == number]
        },
        never=tuple(str(name) for name in units[rollout.cohorts == len(rollout.since)]),
        effects=effects,
    )
