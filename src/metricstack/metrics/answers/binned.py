"""Quantiles of all groups of a large table at once, from their logarithmic histograms."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from metricstack.core.values import Reason, Refusal
from metricstack.metrics.answers.answer import needed_n
from metricstack.metrics.answers.arrays import Answers
from metricstack.metrics.answers.laid import Laid, added
from metricstack.metrics.answers.percentile import share_of
from metricstack.metrics.job import Job
from metricstack.metrics.language.dimension import dimension
from metricstack.metrics.model import Population
from metricstack.metrics.query.fetch import EXACT_QUANTILE_ROWS, TableData
from metricstack.metrics.query.grouped import Key
from metricstack.metrics.query.states import Quantity, quantity_of
from metricstack.numerics.histograms import Below, Histograms

__all__ = ["Spread", "quantiles", "spread_of"]

Vector = NDArray[np.float64]


class Spread:
    """The histogram of a quantity in every group, with what is known of its rows; arrays of shape (groups,).

    Args:
        data: The table's data.
        quantity: The quantity.
        keys: The groups, in order.
    """

    def __init__(self, data: TableData, quantity: Quantity, keys: Sequence[Key]) -> None:
        self.quantity, self._data, self._keys = quantity, data, keys
        grouped = data.histogram(quantity)
        assert not isinstance(grouped, Refusal)
        self._laid = Laid(grouped, keys)
        bins = self._laid.by_unit("_bin")
        self._known = ~np.isnan(bins)
        self.eligible = self._laid.total("_e")
        self.n = added(self._laid.at, self._laid.by_unit("_n") * self._known, len(keys))
        self._bins, self._weights = bins[self._known].astype(np.int64), self._laid.by_unit("_w")[self._known]
        self.histograms = Histograms(self._laid.at[self._known], self._bins, self._weights, len(keys))

    def below(self, share: float, value: Vector) -> Below:
        """Return how much of each unit lies at or below its group's quantile, which is the value at this share."""
        data, laid = self._data, self._laid
        if data.tells_units(self.quantity):
            at, units = laid.at[self._known], laid.units[self._known]
            return Below.of(at, units, self._bins, self._weights, value)
        grouped = data.below
        assert not isinstance(grouped, Refusal)
        sums = Laid(grouped, self._keys)
        i = list(data.quantiles).index(self.quantity)
        weight = sums.by_unit(f"w{i}")
        there = weight > 0
        below = sums.by_unit(f"q{i}_{data.quantiles[self.quantity].index(share)}")
        return Below(sums.at[there], weight[there], below[there])


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
        low, high = spread.histograms.bounds(share, value, spread.below(share, value), level=level)
        low, high = np.minimum(low * factor, high * factor), np.maximum(low * factor, high * factor)
    refused = np.array([one is not None for one in reason], dtype=bool)
    value, low, high = (np.where(refused, np.nan, part) for part in (value * factor, low, high))
    return Answers(value, low, high, n.astype(np.int64), reason)
