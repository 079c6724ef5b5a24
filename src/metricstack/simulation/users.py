"""Who comes: users with levels of their own, in tenants, teams, regions and segments."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metricstack.core.streams import stream
from metricstack.simulation.company import REGIONS, TEAMS
from metricstack.simulation.identifiers import keyed, privacy_key
from metricstack.simulation.settings import Settings

__all__ = ["CUSTOMERS", "ENGINEERS", "Users"]

CUSTOMERS, ENGINEERS = 0, 1
_REGION_SHARES = (0.24, 0.08, 0.14, 0.12, 0.07, 0.16, 0.11, 0.08)
_SEGMENT_SHARES = (0.66, 0.24, 0.10)


@dataclass(frozen=True, slots=True)
class Users:
    """All users, customers first and then the company's own engineers; arrays of shape (users,).

    Args:
        identity: Keyed hash.
        tenant: Keyed hash of the customer organisation, 0 where there is none.
        region, segment, team: Positions in the vocabularies; team is -1 for customers.
        joined: Point of the period from which the user may come, sorted within each pool.
        weight: Cumulative readiness to come, within each pool.
        quality, latency, conversion, activity: The user's own levels, standard normal.
        starts: First user of each pool, and the number of users.
    """

    identity: NDArray[np.uint64]
    tenant: NDArray[np.uint64]
    region: NDArray[np.int8]
    segment: NDArray[np.int8]
    team: NDArray[np.int8]
    joined: NDArray[np.float64]
    weight: NDArray[np.float64]
    quality: NDArray[np.float64]
    latency: NDArray[np.float64]
    conversion: NDArray[np.float64]
    activity: NDArray[np.float64]
    starts: tuple[int, int, int]

    @classmethod
    def of(cls, settings: Settings) -> "Users":
        """Make the users of a company, one for about 25 requests."""
        rng, key = stream(settings.seed, "users"), privacy_key(settings.seed)
        n = max(60, settings.requests // 25)
        engineers = max(20, n // 10)
        customers = n - engineers
        activity = rng.standard_normal(n)
        joined = np.where(rng.random(n) < 0.5, 0.0, rng.random(n))
        joined[[0, customers]] = 0.0
        joined[:customers].sort()
        joined[customers:].sort()
        weight = np.exp(0.8 * activity)
        weight = np.concatenate([np.cumsum(weight[:customers]), np.cumsum(weight[customers:])])
        segment = np.searchsorted(np.cumsum(_SEGMENT_SHARES), rng.random(n)).clip(0, 2)
        segment[customers:] = 3
        # A few large organisations and many small ones.
        size = max(8, n // 60)
        rank = np.floor(size ** rng.random(n)).astype(np.int64) - 1 + np.where(segment == 2, 0, size // 6)
        names = keyed([f"tenant-{number}" for number in range(int(rank.max()) + 1)], key)
        tenant = np.where(segment == 0, np.uint64(0), names[rank])
        tenant[customers:] = keyed(["own"], key)[0]
        team = np.full(n, -1)
        team[customers:] = rng.integers(0, len(TEAMS), engineers)
        return cls(
            identity=keyed([f"user-{number}" for number in range(n)], key),
            tenant=tenant,
            region=np.searchsorted(np.cumsum(_REGION_SHARES), rng.random(n)).clip(0, len(REGIONS) - 1).astype(np.int8),
            segment=segment.astype(np.int8),
            team=team.astype(np.int8),
            joined=joined,
            weight=weight,
            quality=rng.standard_normal(n),
            latency=rng.standard_normal(n),
            conversion=rng.standard_normal(n),
            activity=activity,
            starts=(0, customers, n),
        )

    def draw(
        self, pool: NDArray[np.int64], fraction: NDArray[np.float64], uniform: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """Choose a user for each session among those of its pool who have joined, by readiness to come."""
        chosen = np.empty(len(pool), dtype=np.int64)
        for number, (first, last) in enumerate(zip(self.starts, self.starts[1:], strict=False)):
            here = np.flatnonzero(pool == number)
            weight, joined = self.weight[first:last], self.joined[first:last]
            there = np.searchsorted(joined, fraction[here], side="right")
            chosen[here] = first + np.searchsorted(weight, uniform[here] * weight[there - 1], side="right")
        return chosen
