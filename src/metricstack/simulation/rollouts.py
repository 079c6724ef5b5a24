"""Two staged rollouts: cohorts that adopt a change one after the other, and some that never do."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metricstack.simulation.company import REGIONS, TEAMS

__all__ = ["ROLLOUTS", "Rollout"]


@dataclass(frozen=True, slots=True)
class Rollout:
    """One change, adopted by cohorts of units.

    Effects differ by cohort, and that of quality grows over the first twentieth of the period:
    what a two-way fixed-effects regression gets wrong and a careful difference-in-differences does not.

    Args:
        name: Its key.
        use_case: Position of the use case that it changes.
        by: What adopts: ``"team"`` or ``"region"``.
        units: The vocabulary of what adopts.
        since: Point of the period at which each cohort adopts.
        quality: Added to the latent quality, by cohort.
        latency: Added to the log of the latency, by cohort.
    """

    name: str
    use_case: int
    by: str
    units: tuple[str, ...]
    since: tuple[float, ...]
    quality: tuple[float, ...]
    latency: tuple[float, ...]

    @property
    def cohorts(self) -> NDArray[np.int64]:
        """Cohort of each unit, shape (units,); the number after the last cohort never adopts."""
        return np.arange(len(self.units)) % (len(self.since) + 1)

    def effects(
        self, unit: NDArray[np.int8], fraction: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what is added to latent quality and log latency, for each run, shape (n,)."""
        cohort = self.cohorts[unit]
        since = np.array([*self.since, np.inf])[cohort]
        adopted = fraction >= since
        ramp = np.clip((fraction - since) / 0.05, 0.0, 1.0, where=adopted, out=np.zeros_like(fraction))
        return (
            np.array([*self.quality, 0.0])[cohort] * ramp,
            np.array([*self.latency, 0.0])[cohort] * adopted,
        )


ROLLOUTS = (
    Rollout(
        "repository-context",
        3,
        "team",
        TEAMS,
        (0.25, 0.40, 0.55, 0.70),
        (0.55, 0.45, 0.35, 0.25),
        (0.04, 0.04, 0.04, 0.04),
    ),
    Rollout("parallel-reading", 2, "region", REGIONS, (0.30, 0.45, 0.60), (0.0, 0.0, 0.0), (-0.28, -0.20, -0.14)),
)
