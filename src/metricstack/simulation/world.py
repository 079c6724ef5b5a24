"""The simulated company before anybody asks it anything: all that a seed decides once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metricstack.simulation.company import PROMPTS, RELEASES, USE_CASES
from metricstack.simulation.demand import Demand
from metricstack.simulation.disturbances import Disturbances
from metricstack.simulation.past_tests import PastTest, past_tests
from metricstack.simulation.settings import Settings
from metricstack.simulation.users import Users

__all__ = ["World"]


@dataclass(frozen=True, slots=True)
class World:
    """A company's demand, users, troubles, tests and versions.

    Args:
        settings: What it was made from.
        demand: When people come.
        users: Who comes.
        disturbances: What goes wrong.
        tests: The A/B tests.
        models: Version in use, shape (hours, use cases, 2 tiers), positions in `MODELS`.
        prompts: Version in use, shape (hours, use cases), positions in `PROMPTS`.
    """

    settings: Settings
    demand: Demand
    users: Users
    disturbances: Disturbances
    tests: tuple[PastTest, ...]
    models: NDArray[np.int8]
    prompts: NDArray[np.int8]

    @classmethod
    def of(cls, settings: Settings) -> "World":
        """Make the company of these settings."""
        demand, users = Demand.of(settings), Users.of(settings)
        models = np.zeros((demand.hours, len(USE_CASES), 2), dtype=np.int8)
        for release in RELEASES:
            models[demand.fraction >= release.since, release.use_case, release.tier] = release.model
        prompts = np.zeros((demand.hours, len(USE_CASES)), dtype=np.int8)
        for number, prompt in enumerate(PROMPTS):
            prompts[demand.fraction >= prompt.since, prompt.use_case] = number
        return cls(
            settings=settings,
            demand=demand,
            users=users,
            disturbances=Disturbances.of(settings, demand),
            tests=past_tests(settings, demand, users),
            models=models,
            prompts=prompts,
        )

    def instant(self, fraction: float) -> int:
        """Return the instant of a point of the period, whole hours, in microseconds since 1970 UTC."""
        hour = min(int(fraction * self.demand.hours), self.demand.hours - 1)
        return int(self.demand.start[hour])
