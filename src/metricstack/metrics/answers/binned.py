"""Quantiles of all groups of a large table at once, from their logarithmic histograms."""

from collections.abc import Sequence

import numpy as np

from metricstack.core.values import Reason, Refusal
from metricstack.metrics.answers.answer import needed_n
from metricstack.metrics.answers.arrays import Answers
from metricstack.metrics.answers.laid import Laid
from metricstack.metrics.answers.percentile import share_of
from metricstack.metrics.job import Job
from metricstack.metrics.language.dimension import dimension
from metricstack.metrics.model import Population
from metricstack.metrics.query.fetch import EXACT_QUANTILE_ROWS, Key, TableData
from metricstack.metrics.query.states import Quantity, quantity_of
from metricstack.numerics.histograms import Histograms

__all__ = ["Spread", "quantiles", "spread_of"]


class Spread:
    """The histogram of a quantity in every group, with what is known of its rows; arrays of shape (groups,).

    Args:
        data: The table's data.
        quantity: The quantity.
        keys: The groups, in order.
    """

    def __init__(self, data: TableData, quantity: Quantity, keys: Sequence[Key]) -> None:
        self.quantity = quantity
        grouped = data.bins(quantity)
        assert not isinstance(grouped, Refusal)
        laid = Laid(grouped, keys)
        bins = laid.by_unit("_bin")
        known = ~np.isnan(bins)
        self.eligible = laid.total("_e")
        self.n = np.bincount(laid.at, weights=laid.by_unit("_n") * known, minlength=len(keys))
        self.histograms = Histograms(
            laid.at[known], laid.units[known], bins[known].astype(np.int64), laid.by_unit("_w")[known], len(keys)
        )


def spread_of(job: Job, data: TableData, keys: Sequence[Key]) -> Spread | None:
    """Return what the quantiles of a metric are computed from, None where it is not a histogram of rows."""
    if job.quantile is None or job.per or job.quantile[1].function not in ("quantile", "median") or data.is_small:
        return None
    counts = data.counts
    exact = isinstance(counts, Refusal) or (counts["rows"] <= EXACT_QUANTILE_ROWS and not data.plan.weighted)
    return None if exact else Spread(data, quantity_of(job.quantile[1], data.name), keys)


def quantiles(job: Job, spread: Spread, *, missing: Refusal | None, level: float, intervals: bool) -> Answers:
    """Answer a metric that is one quantile in all its groups.

    Args:
        job: The metric.
        spread: Its quantity's histograms, see `spread_of`.
        missing: Why the quantity cannot be known at all, None where it can.
        level: Confidence level.
        intervals: Give intervals.
    """
    assert job.quantile is not None
    _, call, scale = job.quantile
    definition, n, eligible = job.definition, spread.n, spread.eligible
    reason = np.full(len(n), None, dtype=object)
    refusals = [
        (n / np.maximum(eligible, 1.0) < definition.requires.coverage, Reason.LOW_COVERAGE),
        (n < needed_n(definition, Population.PROCESS), Reason.TOO_FEW_UNITS),
        (n == 0, Reason.NOT_MEASURED),
        (eligible == 0, Reason.NO_DATA),
    ]
    if missing is not None:
        refusals.append((np.ones(len(n), dtype=bool), missing.reason))
    for mask, why in refusals:  # the last that fits is the first to be said
        reason[mask] = why
    share, factor = share_of(call), scale / dimension(definition.unit).factor
    value = spread.histograms.quantile(np.full(len(n), share))
    low = high = np.full(len(n), np.nan)
    if intervals:
        low, high = spread.histograms.bounds(share, value, level=level)
        low, high = np.minimum(low * factor, high * factor), np.maximum(low * factor, high * factor)
    refused = np.array([one is not None for one in reason], dtype=bool)
    value, low, high = (np.where(refused, np.nan, part) for part in (value * factor, low, high))
    return Answers(value, low, high, n.astype(np.int64), reason)
