"""What telemetry does to rows on their way: sampling, lateness, second deliveries, wrong clocks."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from metricstack.simulation.columns import category, constant, floats, instants
from metricstack.simulation.demand import HOUR
from metricstack.simulation.model import Outcomes
from metricstack.simulation.population import Population
from metricstack.simulation.world import World

__all__ = ["SKEWED_WEEKS", "UNKNOWN_SINCE", "Rows", "Trail", "arrange", "envelope"]

SKEWED_WEEKS = (0.48, 0.53)
"""Points of the period between which the retrieval service's clock is wrong."""
UNKNOWN_SINCE = 0.585
"""Point of the period at which the sampler forgets to write its rate down."""
_FLAGS = (
    "late",
    "duplicate",
    "late,duplicate",
    "clock_skew",
    "late,clock_skew",
    "duplicate,clock_skew",
    "late,duplicate,clock_skew",
)
_SLOW = np.array([7.0, 4.0, 16.0, 9.5])
"""Seconds above which the tail sampler keeps a run, by use case."""


@dataclass(frozen=True, slots=True)
class Trail:
    """What happens to all rows of each run, shape (n,): kept, with which chance, known or not, late, when."""

    kept: NDArray[np.bool_]
    probability: NDArray[np.float64]
    known: NDArray[np.bool_]
    late: NDArray[np.bool_]
    arrival: NDArray[np.int64]

    @classmethod
    def of(cls, world: World, people: Population, outcomes: Outcomes, rng: np.random.Generator) -> "Trail":
        """Decide the fate of every run's telemetry."""
        dirt, demand, n = world.settings.dirt, world.demand, people.n
        fraction = demand.fraction[people.hour]
        sampled = (people.use_case == 1) & (fraction >= dirt.sampling_since)
        notable = (
            outcomes.failed | outcomes.escalated | outcomes.abandoned | (outcomes.latency > _SLOW[people.use_case])
        )
        probability = np.where(sampled & ~notable, dirt.sampling_rate, 1.0)
        known = ~(sampled & (fraction >= UNKNOWN_SINCE) & (fraction < UNKNOWN_SINCE + dirt.sampling_unknown))
        late = rng.random(n) < dirt.late
        delay = (2e6 + 40e6 * rng.random(n)).astype(np.int64)
        delay += (late * HOUR * (2.0 + 9.0 * rng.standard_exponential(n))).astype(np.int64)
        done = people.start + (outcomes.latency * 1e6).astype(np.int64)
        return cls(rng.random(n) < probability, probability, known, late, (done + delay) // 1000 * 1000)

    @classmethod
    def complete(cls, time: NDArray[np.int64], delay: int) -> "Trail":
        """Describe rows that no sampler touches and that arrive after a fixed delay."""
        n = len(time)
        true, ones = np.ones(n, dtype=bool), np.ones(n)
        return cls(true, ones, true, np.zeros(n, dtype=bool), time + delay)


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that arrive, in order of event time.

    Args:
        index: Position of each among the candidates.
        of: Position of its run (or whatever the trail is about).
        copy: It is the second delivery of a row.
    """

    index: NDArray[np.int64]
    of: NDArray[np.int64]
    copy: NDArray[np.bool_]

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.index)


def arrange(
    time: NDArray[np.int64],
    of: NDArray[np.int64],
    trail: Trail,
    rng: np.random.Generator,
    *,
    duplicates: float,
    until: int,
    there: NDArray[np.bool_] | None = None,
) -> Rows:
    """Choose the candidate rows that arrive, deliver some twice, and sort by event time.

    Args:
        time: Event time of each candidate, microseconds, shape (m,).
        of: Position of its run in the trail, shape (m,).
        trail: What happens to each run's rows.
        rng: Noise.
        duplicates: Share delivered twice.
        until: Event times from here on have not happened yet.
        there: Candidates that exist; all by default.
    """
    kept = trail.kept[of] & (time < until)
    if there is not None:
        kept &= there
    index = np.flatnonzero(kept)
    copies = index[rng.random(len(index)) < duplicates] if duplicates else index[:0]
    both = np.concatenate([index, copies])
    order = np.argsort(time[both], kind="stable")
    index = both[order]
    return Rows(index=index, of=of[index], copy=order >= len(both) - len(copies))


def envelope(
    rows: Rows,
    trail: Trail,
    *,
    source: str,
    service: pa.Array | str,
    skewed: NDArray[np.bool_] | None = None,
) -> dict[str, pa.Array]:
    """Fill the columns that every table of facts carries."""
    late = trail.late[rows.of]
    code = late + 2 * rows.copy + (0 if skewed is None else 4 * skewed)
    known = trail.known[rows.of]
    return {
        "source": constant(source, rows.n),
        "ingested_at": instants(trail.arrival[rows.of] + rows.copy * (HOUR // 3)),
        "service": constant(service, rows.n) if isinstance(service, str) else service,
        "env": constant("production", rows.n),
        "sample_probability": floats(trail.probability[rows.of], 6, known),
        "dq_flags": category(np.maximum(code - 1, 0), _FLAGS, code > 0),
    }
