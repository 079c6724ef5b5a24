"""The A/B tests that the company ran: what each changes in the model, and how well it was run."""

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metricstack.core.streams import stream
from metricstack.simulation.demand import HOUR, Demand
from metricstack.simulation.identifiers import fractions
from metricstack.simulation.settings import Settings
from metricstack.simulation.users import CUSTOMERS, ENGINEERS, Users

__all__ = ["LOST", "PastTest", "hour_window", "past_tests"]

_COUNTS = (22, 26, 10, 8)
_SHORT = ("support", "search", "document", "code")
_OWNERS = ("support-ai", "discovery", "documents", "developer-tools")
_LEVERS = ("prompt", "retrieval", "model", "prompt", "latency", "cost", "prompt", "retrieval")
_LENGTH = 0.062
_OVERRIDES = 0.004
LOST = 0.20
"""Share of the treatment that a broken split loses before it is counted."""

# (use case, position) -> what is special about the test.
_SPECIAL = {
    (0, 2): "null",
    (0, 9): "null",
    (0, 16): "null",
    (1, 4): "null",
    (1, 12): "null",
    (1, 20): "null",
    (2, 5): "null",
    (3, 4): "null",
    (0, 6): "broken_split",
    (1, 8): "peeked",
    (1, 14): "immaterial",
    (0, 12): "stopped_early",
    (2, 7): "stopped_early",
    (0, 19): "winner",
    (1, 23): "harmful",
}


@dataclass(frozen=True, slots=True)
class PastTest:
    """One A/B test over users, and what its treatment adds to the arguments of the model.

    Args:
        number: Its number; its salt is derived from it.
        name: Its key.
        use_case: Position of the use case that it changes.
        lever: Kind of change: prompt, model, retrieval, latency, cost.
        story: ``"plain"``, or what is special: null, broken_split, peeked, immaterial, stopped_early, ...
        first, last: First hour, and first hour after it.
        quality: Added to the latent quality.
        latency: Added to the log of the latency.
        cost: Added to the log of the prompt's tokens.
        length: Added to the log of the answer's words.
        route: Added to the log-odds that the capable model answers.
        primary: Metric that decides.
        guardrails: Metric → non-inferiority margin, a fraction of control.
        smallest_effect: Smallest relative effect of interest.
        design: How it may be read.
        planned_n: Planned units over both arms.
        expected_n: Units that the period brings on average.
    """

    number: int
    name: str
    use_case: int
    lever: str
    story: str
    first: int
    last: int
    quality: float
    latency: float
    cost: float
    length: float
    route: float
    primary: str
    guardrails: tuple[tuple[str, float], ...]
    smallest_effect: float
    design: str
    planned_n: int
    expected_n: int

    @property
    def owner(self) -> str:
        """Team that owns it."""
        return _OWNERS[self.use_case]

    @property
    def guardrails_json(self) -> str:
        """The guardrails as a JSON object."""
        return json.dumps(dict(self.guardrails))

    def draw(self, identities: NDArray[np.uint64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
        """Say which units are in treatment, which were put there by hand, and which the log lost.

        A pure function of the unit's identity: whoever comes again sees the same arm.
        """
        override = fractions(identities, 3 * self.number + 1_000_003) < _OVERRIDES
        treated = (fractions(identities, 3 * self.number + 1_000_001) < 0.5) | override
        lost = np.zeros(len(identities), dtype=bool)
        if self.story == "broken_split":  # the treatment's page crashed before it could log its exposure
            lost = treated & (fractions(identities, 3 * self.number + 1_000_002) < LOST)
        return treated, override, lost


def past_tests(settings: Settings, demand: Demand, users: Users) -> tuple[PastTest, ...]:
    """Draw the tests of a company: one after the other in each use case, overlapping a little."""
    rng = stream(settings.seed, "tests")
    found: list[PastTest] = []
    for use_case, count in enumerate(_COUNTS):
        for position in range(count):
            begin = 0.015 + position * (0.955 - _LENGTH) / (count - 1)
            z = rng.standard_normal(6)
            story = _SPECIAL.get((use_case, position), "plain")
            lever = "cost" if story == "immaterial" else _LEVERS[(position + use_case) % len(_LEVERS)]
            effects = _effects(lever, story, z)
            length = _LENGTH * (1.15 if story == "winner" else 1.0)
            if story in ("peeked", "stopped_early"):
                length *= 0.35
            first = int(begin * demand.hours)
            last = min(max(first + 2, int((begin + length) * demand.hours)), demand.hours)
            visits = settings.requests / 2.02 * float(demand.weight[first:last, use_case].sum())
            expected = _expected_users(users, use_case, first / demand.hours, visits)
            primary, guardrails, smallest = _reading(use_case, lever, position)
            found.append(
                PastTest(
                    number=len(found),
                    name=f"{_SHORT[use_case]}-{lever}-{position + 1:02d}",
                    use_case=use_case,
                    lever=lever,
                    story=story,
                    first=first,
                    last=last,
                    **effects,
                    primary=primary,
                    guardrails=guardrails,
                    smallest_effect=smallest,
                    design=("group_sequential", "always_valid")[position % 2] if position % 5 == 3 else "fixed",
                    planned_n=round(expected / (0.35 if story in ("peeked", "stopped_early") else 1.0)),
                    expected_n=expected,
                )
            )
    return tuple(found)


def _effects(lever: str, story: str, z: NDArray[np.float64]) -> dict[str, float]:
    quality, latency, cost, length, route = {
        "prompt": (0.19 * z[0], 0.03 * z[1], 0.04 * z[2], 0.15 * z[3], 0.0),
        "retrieval": (0.05 + 0.17 * z[0], 0.03 + 0.06 * z[1], 0.05 + 0.08 * z[2], 0.04 * z[3], 0.0),
        "model": (0.06 * z[0], 0.03 * z[1], 0.0, 0.05 * z[3], 1.1 * z[4]),
        "latency": (-0.02 + 0.07 * z[0], -0.10 + 0.10 * z[1], 0.0, 0.0, 0.0),
        "cost": (-0.08 + 0.10 * z[0], -0.02 + 0.03 * z[1], -0.18 + 0.08 * z[2], -0.05 + 0.1 * z[3], 0.0),
    }[lever]
    if story in ("null", "peeked"):
        quality = latency = cost = length = route = 0.0
    elif story == "immaterial":
        quality, latency, cost, length, route = 0.0, 0.0, -0.03, 0.0, 0.0
    elif story == "winner":
        quality, latency, cost, length, route = 0.42, -0.02, 0.02, 0.0, 0.0
    elif story == "harmful":
        quality, latency, cost, length, route = -0.38, 0.05, -0.05, 0.0, 0.0
    names = ("quality", "latency", "cost", "length", "route")
    return {
        name: round(float(value), 4) for name, value in zip(names, (quality, latency, cost, length, route), strict=True)
    }


def _reading(use_case: int, lever: str, position: int) -> tuple[str, tuple[tuple[str, float], ...], float]:
    """Choose what decides, what must not suffer and what matters."""
    outcome = "task_success" if use_case == 3 else "conversion_rate"
    if lever == "latency":
        return "latency_p95", (("relevance", 0.02), (outcome, 0.06)), 0.04
    if lever == "cost":
        return "cost_per_request", (("relevance", 0.02), ("task_success", 0.03)), 0.05
    if position % 4 == 1:
        return "task_success", (("latency_p95", 0.08), ("cost_per_request", 0.25)), 0.01
    return "relevance", (("latency_p95", 0.08), ("cost_per_request", 0.25), (outcome, 0.06)), 0.01


def _expected_users(users: Users, use_case: int, fraction: float, visits: float) -> int:
    """Count the users who come at least once in a window, on average: sum of 1 - exp(-visits)."""
    pool = ENGINEERS if use_case == 3 else CUSTOMERS
    begin, end = users.starts[pool], users.starts[pool + 1]
    known = int(np.searchsorted(users.joined[begin:end], fraction, side="right"))
    weight = np.diff(users.weight[begin : begin + known], prepend=0.0)
    sample = weight[:: max(1, known // 4000)]
    share = -np.expm1(-visits * sample / max(float(weight.sum()), 1e-12))
    return max(2, int(share.mean() * known))


def hour_window(demand: Demand, test: PastTest) -> tuple[int, int]:
    """Return the first instant of a test and the first after it, in microseconds."""
    return int(demand.start[0]) + test.first * HOUR, int(demand.start[0]) + test.last * HOUR
