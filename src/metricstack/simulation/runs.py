"""The runs of one stretch of time: who asked, what became of it, when each step began, and what identifies them."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from metricstack.simulation.columns import category
from metricstack.simulation.company import MODELS, USE_CASES
from metricstack.simulation.dirt import Rows, Trail, arrange, envelope
from metricstack.simulation.identifiers import hexes, mix
from metricstack.simulation.model import Outcomes
from metricstack.simulation.population import Population
from metricstack.simulation.world import World

__all__ = ["FEATURES", "HOSTILE", "INFERENCE", "INGESTION", "RETRIEVAL", "REVIEW", "ROOT", "SERVICES", "Runs"]

Integers = NDArray[np.int64]

SERVICES = ("support-copilot", "search-answers", "document-agent", "code-assistant")
HOSTILE = "<script>alert(1)</script> costs $1 & $2 " + "x" * 60
"""A model's name that tries to break a report."""
ROOT, INGESTION, RETRIEVAL, FEATURES, INFERENCE, REVIEW = range(6)
"""The spans of a run: root first; then what each step takes of the latency."""


@dataclass(frozen=True, slots=True)
class Runs:
    """One stretch of time, unfolded: what every table of traffic is a view of.

    Args:
        number: Number of each run, unique in the company, shape (n,).
        session: Number of each run's session, shape (n,).
        latency: Latency in microseconds, whole milliseconds, shape (n,).
        step_start: Start of each of the six possible spans, shape (n, 6).
        step_length: Length of each in microseconds, shape (n, 6).
        unreported: Nobody knows how the run ended.
        uncosted: 0 = its cost is known, 1 = in part, 2 = not at all.
        reviewed: A person looked at the answer.
    """

    world: World
    people: Population
    outcomes: Outcomes
    trail: Trail
    number: NDArray[np.uint64]
    session: NDArray[np.uint64]
    latency: Integers
    step_start: Integers
    step_length: Integers
    unreported: NDArray[np.bool_]
    uncosted: NDArray[np.int8]
    reviewed: NDArray[np.bool_]

    @classmethod
    def of(
        cls, world: World, people: Population, outcomes: Outcomes, rng: np.random.Generator, *, chunk: int, before: int
    ) -> "Runs":
        """Lay the steps of every run out in time.

        Args:
            world: The company.
            people: Who asks.
            outcomes: What became of it.
            rng: Noise.
            chunk: Number of this stretch.
            before: Requests of all stretches before it.
        """
        n, dirt = people.n, world.settings.dirt
        latency = np.rint(outcomes.latency * 1000).astype(np.int64).clip(1) * 1000
        reviewed = outcomes.human_minutes > 0
        shares = np.empty((n, 3))
        shares[:, 0] = 0.03 + 0.05 * rng.random(n)
        shares[:, 1] = people.retrieves * (0.06 + 0.10 * rng.random(n))
        shares[:, 2] = 0.04 + 0.06 * rng.random(n)
        length = np.empty((n, 6), dtype=np.int64)
        length[:, ROOT] = latency
        length[:, INGESTION : FEATURES + 1] = (shares * latency[:, None]).astype(np.int64) // 1000 * 1000
        length[:, INFERENCE] = latency - length[:, INGESTION : FEATURES + 1].sum(axis=1)
        length[:, REVIEW] = (outcomes.human_minutes * 60_000).astype(np.int64) * 1000
        start = np.empty((n, 6), dtype=np.int64)
        start[:, ROOT] = start[:, INGESTION] = people.start
        for step in range(RETRIEVAL, INFERENCE + 1):
            start[:, step] = start[:, step - 1] + length[:, step - 1]
        # The person looks after the answer went out: nobody waits for it on the screen.
        start[:, REVIEW] = (
            people.start + latency + (120e6 * rng.standard_exponential(n)).astype(np.int64) // 1000 * 1000
        )
        uncosted = rng.random(n)
        return cls(
            world=world,
            people=people,
            outcomes=outcomes,
            trail=Trail.of(world, people, outcomes, rng),
            number=np.arange(before, before + n, dtype=np.uint64),
            session=((chunk << 32) + people.session).astype(np.uint64),
            latency=latency,
            step_start=start,
            step_length=length,
            unreported=rng.random(n) < dirt.unknown_outcomes,
            uncosted=((uncosted < dirt.null_costs).astype(np.int8) + (uncosted < dirt.null_costs / 2)).astype(np.int8),
            reviewed=reviewed,
        )

    def salt(self, kind: int) -> int:
        """Return the salt of one kind of identifier of this company."""
        return (self.world.settings.seed * 0x1_0000 + kind) % 2**64

    def run(self, of: Integers) -> pa.Array:
        """Return the ids of runs."""
        return hexes(mix(self.number[of], self.salt(1)))

    def trace(self, of: Integers) -> pa.Array:
        """Return the ids of their traces."""
        return hexes(mix(self.number[of], self.salt(2)))

    def span(self, of: Integers, slot: Integers | int, known: NDArray[np.bool_] | None = None) -> pa.Array:
        """Return the ids of one of their spans."""
        return hexes(mix(self.number[of] * np.uint64(8) + np.asarray(slot).astype(np.uint64), self.salt(3)), known)

    def arrange(
        self, time: Integers, of: Integers, rng: np.random.Generator, there: NDArray[np.bool_] | None = None
    ) -> Rows:
        """Choose which rows of the runs arrive, and in which order."""
        return arrange(
            time,
            of,
            self.trail,
            rng,
            duplicates=self.world.settings.dirt.duplicates,
            until=self.world.demand.end,
            there=there,
        )

    def shared(self, rows: Rows, skewed: NDArray[np.bool_] | None = None) -> dict[str, pa.Array]:
        """Return the columns that every table of traffic has."""
        u = self.people.use_case[rows.of]
        return {
            "run": self.run(rows.of),
            "use_case": category(u, USE_CASES),
            **envelope(rows, self.trail, source="otel", service=category(u, SERVICES), skewed=skewed),
        }

    def models(self) -> tuple[str, ...]:
        """Return the names of the models; one of them is hostile where the dial says so."""
        names = [model.name for model in MODELS]
        if self.world.settings.dirt.hostile:
            names[5] = HOSTILE
        return tuple(names)
