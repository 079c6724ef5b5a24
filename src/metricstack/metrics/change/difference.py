"""How two windows' answers move together: the same units' contributions to both.

Users who are there in both windows keep much of what makes them good or bad, so that the two values err in
the same direction and their difference is known better than two independent ones would tell. Units carry
the same hash in every window, and so do the 64 buckets of many units: their contributions can be paired.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metricstack.core.values import Refusal
from metricstack.metrics.answers.algebra import Unanswerable, compute
from metricstack.metrics.answers.contributions import Family, Parts, contributions, once
from metricstack.metrics.answers.percentile import share_of
from metricstack.metrics.job import Job
from metricstack.metrics.model import Population
from metricstack.metrics.passes import Pass
from metricstack.metrics.query.compile import GROUPS
from metricstack.metrics.query.fetch import TableData
from metricstack.metrics.query.grouped import Key
from metricstack.metrics.query.states import Quantity, quantity_of
from metricstack.numerics.quantiles import bin_edges, quantile_of_bins, quantile_of_sample

__all__ = ["Together", "moving_together", "paired"]

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Together:
    """How two answers' errors go together.

    Args:
        correlation: Of the two, -1 to 1.
        freedom: Degrees of freedom of the variance of their difference.
    """

    correlation: float
    freedom: float


def paired(before: Mapping[Family, tuple[NDArray[np.int64], Vector]], after: Parts) -> Together | None:
    """Correlate two answers by what the same units contribute to each; None where nothing varies.

    Derivation:
        With x_u and y_u the contributions of unit u, 0 where it is absent, the variance of Σ x and its
        covariance with Σ y are estimated alike: Σ x y · k/(k − 1) over k units, centred for random groups.
    """
    one = other = both = 0.0
    freedom = 0.0
    for family in {**before, **after}:
        nothing = np.zeros(0, dtype=np.int64), np.zeros(0)
        (units_x, x), (units_y, y) = before.get(family, nothing), after.get(family, nothing)
        units = np.union1d(units_x, units_y)
        amounts = np.zeros((2, len(units)))
        amounts[0, np.searchsorted(units, units_x)] = x
        amounts[1, np.searchsorted(units, units_y)] = y
        products = amounts @ amounts.T
        if family[1]:
            totals = amounts.sum(axis=1)
            products = products - np.outer(totals, totals) / GROUPS
        one, other, both = one + products[0, 0], other + products[1, 1], both + products[0, 1]
        freedom += max(len(units) - 1, 0)
    if one <= 0 or other <= 0:
        return None
    return Together(float(np.clip(both / math.sqrt(one * other), -1.0, 1.0)), freedom)


def moving_together(job: Job, before: tuple[Pass, Key, tuple[Key, ...]], after: tuple[Pass, Key, tuple[Key, ...]]) \
        -> Together | None:  # fmt: skip
    """Correlate a metric's answers in two windows, in one group.

    Args:
        job: The metric.
        before: The pass of the earlier window, the group, and the finer groups that make it up.
        after: Those of the later window.

    Returns:
        The correlation; None where the answers do not rest on units that the windows share (a census, counts
        of rare events, survival, agreement): they are then taken as independent.
    """
    if job.special is not None or (job.population is Population.WINDOW and job.quantile is None):
        return None
    parts = [_parts(job, *side) for side in (before, after)]
    if parts[0] is None or parts[1] is None:
        return None
    return paired(parts[0], parts[1])


def _parts(job: Job, side: Pass, key: Key, keys: tuple[Key, ...]) -> Parts | None:
    if job.quantile is not None:
        name, call, _ = job.quantile
        if call.function in ("min", "max") or call.per:
            return None
        return _below(side.tables[name], quantity_of(call, name), share_of(call), key)
    group = side.group(job, key, keys)
    try:
        return contributions(compute(job.tree, group, job.definition.table).slopes, group)
    except Unanswerable:
        return None


def _below(data: TableData, quantity: Quantity, share: float, key: Key) -> Parts | None:
    """Give each unit's part in the share of values below the quantile, which errs as the quantile does."""
    if data.is_small:
        values = data.values
        if isinstance(values, Refusal):
            return None
        x = values.of(key, f"x{list(data.quantiles).index(quantity)}").astype(np.float64)
        known = ~np.isnan(x)
        if not known.any():
            return None
        x, weights, units = x[known], values.of(key, "_w")[known], values.of(key, "_unit")[known]
        below = (x <= quantile_of_sample(x, share, weights)).astype(np.float64)
        gathered = False
    else:
        bins = data.bins(quantity)
        if isinstance(bins, Refusal):
            return None
        at = bins.of(key, "_bin").astype(np.float64)
        known = ~np.isnan(at)
        if not known.any():
            return None
        numbers, weights = at[known].astype(np.int64), bins.of(key, "_w")[known]
        units = bins.of(key, "_unit")[known]
        below = (bin_edges(numbers)[1] <= quantile_of_bins(numbers, weights, share)).astype(np.float64)
        gathered = data.plan.gathered
    amounts = weights * (below - share) / weights.sum()
    return {(data.plan.cluster, gathered): once([(units.astype(np.int64), amounts)])}
