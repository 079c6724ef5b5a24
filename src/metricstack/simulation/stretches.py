"""Cut the period into stretches of bounded size, and unfold one at a time: memory does not grow with the company."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from metricstack.core.streams import stream
from metricstack.simulation import behaviour, traffic
from metricstack.simulation.behaviour import Exposures
from metricstack.simulation.daily import add_up, totals
from metricstack.simulation.model import OBSERVED, Coefficients, unfold
from metricstack.simulation.population import draw
from metricstack.simulation.runs import Runs
from metricstack.simulation.world import World

__all__ = ["TABLES_OF_TRAFFIC", "Stretch", "Unfolded", "stretches", "unfold_stretch"]

_SIZE = 62_500
"""Requests in a stretch, about: a fifth of a million spans, some 150 MB while they are made."""

TABLES_OF_TRAFFIC: dict[str, Callable[[Runs, np.random.Generator], pa.Table]] = {
    "requests": traffic.requests,
    "spans": traffic.spans,
    "llm_calls": traffic.llm_calls,
    "actions": traffic.actions,
    "plans": traffic.plans,
    "handoffs": traffic.handoffs,
    "feedback": behaviour.feedback,
    "sessions": behaviour.sessions,
}


@dataclass(frozen=True, slots=True)
class Stretch:
    """Hours ``first`` to before ``last``, holding requests ``before`` to before ``after``."""

    number: int
    first: int
    last: int
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Unfolded:
    """What one stretch gives.

    Args:
        tables: Its rows, by table.
        exposures: Who met which test in it.
        days: First of its local days.
        daily: Sums, shape (days, regions, `DAILY`).
        totals: What truly happened, shape (use cases, `TOTALS`).
    """

    stretch: Stretch
    tables: dict[str, pa.Table]
    exposures: list[Exposures]
    days: int
    daily: NDArray[np.float64]
    totals: NDArray[np.float64]


def stretches(world: World) -> list[Stretch]:
    """Cut the company's period; the cuts depend on its settings only, never on the machine."""
    cumulative = world.demand.cumulative
    count = -(-world.settings.requests // _SIZE)
    targets = np.arange(1, count) * world.settings.requests // count
    cuts = np.unique(np.concatenate([[0], np.searchsorted(cumulative, targets), [world.demand.hours]]))
    return [
        Stretch(number, int(first), int(last), int(cumulative[first]), int(cumulative[last]))
        for number, (first, last) in enumerate(itertools.pairwise(cuts))
    ]


def unfold_stretch(
    world: World, stretch: Stretch, *, coefficients: Coefficients = OBSERVED, tables: frozenset[str] | None = None
) -> Unfolded:
    """Unfold one stretch into rows.

    Its noise comes from streams named after the seed, the stretch and the table, so neither the
    other stretches nor the choice of tables changes a row.
    """
    seed, number = world.settings.seed, stretch.number
    people = draw(world, stream(seed, "people", number), first=stretch.first, last=stretch.last)
    outcomes = unfold(people, coefficients)
    runs = Runs.of(world, people, outcomes, stream(seed, "runs", number), chunk=number, before=stretch.before)
    made = {
        name: make(runs, stream(seed, name, number))
        for name, make in TABLES_OF_TRAFFIC.items()
        if tables is None or name in tables
    }
    wants_exposures = tables is None or "assignments" in tables
    days, daily = add_up(runs)
    return Unfolded(
        stretch=stretch,
        tables=made,
        exposures=behaviour.exposures(runs) if wants_exposures else [],
        days=days,
        daily=daily,
        totals=totals(runs),
    )
