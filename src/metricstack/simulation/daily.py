"""What the traffic adds up to, before telemetry loses a row: by day for finance, by use case for the truth."""

import numpy as np
from numpy.typing import NDArray

from metricstack.simulation.company import REGIONS, USE_CASES
from metricstack.simulation.identifiers import fractions
from metricstack.simulation.runs import Runs

__all__ = ["DAILY", "TOTALS", "add_up", "totals"]

DAILY = ("sessions", "conversions", "revenue", "cost_to_serve", "requests", "cost", "spans_started", "spans_kept")
"""What is added up by day and region on the way, for the registers that report it."""

TOTALS = ("requests", "kept", "successes", "errors", "cost", "tokens", "sessions", "conversions", "revenue")
"""What is added up by use case."""


def add_up(runs: Runs) -> tuple[int, NDArray[np.float64]]:
    """Return the first local day of a stretch, and its sums, shape (days, regions, `DAILY`)."""
    people, outcomes, world = runs.people, runs.outcomes, runs.world
    if not people.n:
        return 0, np.zeros((0, len(REGIONS), len(DAILY)))
    s_day, day = world.demand.day[people.s_hour], world.demand.day[people.hour]
    first, length = int(s_day.min()), int(s_day.max() - s_day.min()) + 1
    s_cell = (s_day - first) * len(REGIONS) + world.users.region[people.s_user]
    cell = (day - first) * len(REGIONS) + world.users.region[people.user]
    spans = 4 + people.retrieves + runs.reviewed
    # The draw by which `traffic.spans` loses root spans. What the sampler drops on purpose never started.
    rootless = fractions(runs.number, runs.salt(20)) < world.settings.dirt.missing_parents
    values = (
        (s_cell, np.ones(people.sessions)),
        (s_cell, outcomes.converted),
        (s_cell, np.round(outcomes.revenue, 2)),
        (s_cell, np.round(outcomes.cost_to_serve, 2)),
        (cell, np.ones(people.n)),
        (cell, np.round(outcomes.cost, 8)),
        (cell, spans * runs.trail.kept),
        (cell, (spans - rootless) * runs.trail.kept),
    )
    sums = [np.bincount(where, weights=what, minlength=length * len(REGIONS)) for where, what in values]
    cells = np.stack(sums, axis=1).astype(np.float64)
    return first, cells.reshape(length, len(REGIONS), len(DAILY))


def totals(runs: Runs) -> NDArray[np.float64]:
    """Return what truly happened in a stretch, shape (use cases, `TOTALS`)."""
    people, outcomes = runs.people, runs.outcomes
    values = (
        (people.use_case, np.ones(people.n)),
        (people.use_case, runs.trail.kept),
        (people.use_case, outcomes.success),
        (people.use_case, outcomes.failed),
        (people.use_case, np.round(outcomes.cost, 8)),
        (people.use_case, outcomes.tokens.sum(axis=(1, 2))),
        (people.s_use_case, np.ones(people.sessions)),
        (people.s_use_case, outcomes.converted),
        (people.s_use_case, np.round(outcomes.revenue, 2)),
    )
    return np.stack([np.bincount(where, weights=what, minlength=len(USE_CASES)) for where, what in values], axis=1)
