"""Quantiles, minima and maxima of a group: from the values where they are few, else from a histogram."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metricstack.core.values import Answer, Check, Estimate, Reason, Refusal
from metricstack.metrics.answers.answer import Answered, needed_n
from metricstack.metrics.answers.notes import sampling_checks
from metricstack.metrics.language.dimension import dimension
from metricstack.metrics.language.formula import Call, Number
from metricstack.metrics.model import Definition, Population
from metricstack.metrics.query.fetch import TableData
from metricstack.metrics.query.grouped import Key
from metricstack.metrics.query.states import Quantity, quantity_of
from metricstack.numerics.histograms import cut
from metricstack.numerics.quantiles import (
    QuantileAnswer,
    bin_inverse,
    order_statistics,
    quantile_by_group,
    quantile_of_bins,
    quantile_of_sample,
    sample_inverse,
)

__all__ = ["answer_quantile", "share_of"]


def share_of(call: Call) -> float:
    """Return the share below a quantile, 0.5 for a median."""
    if call.function == "quantile" and isinstance(call.arguments[1], Number):
        return call.arguments[1].value
    return 0.5


def answer_quantile(
    definition: Definition,
    call: Call,
    scale: float,
    *,
    data: TableData,
    key: Key,
    missing: Refusal | None,
    level: float,
    unit: str,
) -> Answered:
    """Give the answer of a metric that is one quantile, minimum or maximum, in a group.

    Args:
        definition: The metric.
        call: The quantile, minimum or maximum.
        scale: Number that it is multiplied by.
        data: The table's data.
        key: The group.
        missing: Why the quantity cannot be known at all, None where it can.
        level: Confidence level.
        unit: The metric's unit, with the workspace's currency.
    """
    if isinstance(data.counts, Refusal):
        return Answered(data.counts)
    if missing is not None:
        return Answered(missing)
    factor = scale / dimension(definition.unit).factor
    quantity = quantity_of(call, data.name)
    if call.function in ("min", "max"):
        return Answered(_extreme(call.function, quantity, data, key, factor=factor, unit=unit))
    seen = _sample(quantity, data, key) if data.is_small else _histogram(quantity, data, key)
    if isinstance(seen, Refusal):
        return Answered(seen)
    n, eligible, rows, unknown = seen.n, seen.eligible, seen.rows, seen.unknown
    checks = sampling_checks(data.name, data, rows, unknown)
    if n < eligible:
        text = (
            f"{quantity.label!r} is known in {n:,} of {eligible:,} rows ({n / eligible:.1%}); the others are left out"
        )
        checks.insert(0, Check("coverage", None, text))
    refusal = _refuse(definition, quantity, data.name, n, eligible)
    if refusal is not None:
        return Answered(refusal, tuple(checks))
    found, method = seen.quantile(share_of(call), level, data, key)
    low, high = sorted((found.low * factor, found.high * factor))
    estimate = Estimate(found.value * factor, unit, n, f"{method}; {found.method}", low, high, level)
    return Answered(estimate, tuple(checks))


def _refuse(definition: Definition, quantity: Quantity, name: str, n: int, eligible: int) -> Refusal | None:
    needed = needed_n(definition, Population.PROCESS)
    if not eligible:
        return Refusal(Reason.NO_DATA, f"no row of table {name!r} is about {quantity.label!r} in this window")
    if not n:
        return Refusal(
            Reason.NOT_MEASURED, f"{quantity.label!r} is unknown in all {eligible:,} rows of {name!r} that it is about"
        )
    if n < needed:
        return Refusal(
            Reason.TOO_FEW_UNITS, f"it stands on {n:,} observations; {needed} are needed",
            "Take a longer window or a larger group.",
        )  # fmt: skip
    if n / eligible < definition.requires.coverage:
        return Refusal(
            Reason.LOW_COVERAGE,
            f"only {n / eligible:.0%} of the rows in question are known; {definition.requires.coverage:.0%} are needed",
        )
    return None


@dataclass(frozen=True, eq=False)
class _Sample:
    """A group's values: x, weights and units of those known, shape (n,); rows counted unweighted."""

    x: NDArray[np.float64]
    weights: NDArray[np.float64]
    units: NDArray[np.int64]
    n: int
    eligible: int
    unknown: int
    rows: int

    def quantile(self, p: float, level: float, data: TableData, _: Key) -> tuple[QuantileAnswer, str]:
        value = quantile_of_sample(self.x, p, self.weights)
        equal = self.weights.min() == self.weights.max()
        kind = "exact quantile" if equal else "exact weighted quantile"
        if equal and len(np.unique(self.units)) == self.n:
            return order_statistics(self.x, p, level=level), kind
        found = quantile_by_group(
            self.units, self.weights, (self.x <= value).astype(np.float64), p=p, value=value,
            inverse=sample_inverse(self.x, self.weights), level=level,
        )  # fmt: skip
        return found, kind


@dataclass(frozen=True, eq=False)
class _Bins:
    """A group's histogram, by unit or not: bins, weights and units, shape (entries,); rows counted unweighted."""

    quantity: Quantity
    bins: NDArray[np.int64]
    weights: NDArray[np.float64]
    units: NDArray[np.int64]
    n: int
    eligible: int
    unknown: int
    rows: int

    def quantile(self, p: float, level: float, data: TableData, key: Key) -> tuple[QuantileAnswer, str]:
        value, kind = _exact(self.quantity, p, data, key), "exact quantile"
        if value is None:
            value, kind = quantile_of_bins(self.bins, self.weights, p), "logarithmic histogram (bins of 2 %)"
        units, weights, below = self._below(p, value, data, key)
        found = quantile_by_group(
            units, weights, below, p=p, value=value, inverse=bin_inverse(self.bins, self.weights),
            level=level, exact_groups=not data.plan.gathered,
        )  # fmt: skip
        return found, kind

    def _below(
        self, p: float, value: float, data: TableData, key: Key
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
        """Units, weights, and how much of each lies at or below the quantile."""
        if data.tells_units(self.quantity):
            (at,), (inside,) = cut(np.array([value]))
            return self.units, self.weights, np.where(self.bins < at, 1.0, np.where(self.bins == at, inside, 0.0))
        grouped = data.below
        assert not isinstance(grouped, Refusal)
        i = list(data.quantiles).index(self.quantity)
        weights = grouped.of(key, f"w{i}").astype(np.float64)
        known = weights > 0
        below = grouped.of(key, f"q{i}_{data.quantiles[self.quantity].index(p)}")[known] / weights[known]
        return grouped.of(key, "_unit")[known].astype(np.int64), weights[known], below


def _sample(quantity: Quantity, data: TableData, key: Key) -> _Sample | Refusal:
    grouped = data.values
    if isinstance(grouped, Refusal):
        return grouped
    i = list(data.quantiles).index(quantity)
    x = grouped.of(key, f"x{i}").astype(np.float64)
    known = ~np.isnan(x)
    column = f"e{i}"
    eligible = int(np.nansum(grouped.of(key, column))) if column in grouped.columns else len(x)
    unknown = int(grouped.of(key, "_u").sum())
    weights, units = grouped.of(key, "_w")[known], grouped.of(key, "_unit")[known]
    return _Sample(x[known], weights, units, int(known.sum()), eligible, unknown, len(x))


def _histogram(quantity: Quantity, data: TableData, key: Key) -> _Bins | Refusal:
    grouped = data.histogram(quantity)
    if isinstance(grouped, Refusal):
        return grouped
    bins = grouped.of(key, "_bin").astype(np.float64)
    known, counts = ~np.isnan(bins), grouped.of(key, "_n")
    return _Bins(
        quantity, bins[known].astype(np.int64), grouped.of(key, "_w")[known], grouped.of(key, "_unit")[known],
        int(counts[known].sum()), int(grouped.of(key, "_e").sum()), int(grouped.of(key, "_unknown").sum()),
        int(counts.sum()),
    )  # fmt: skip


def _exact(quantity: Quantity, p: float, data: TableData, key: Key) -> float | None:
    """The engine's exact quantile, where it was asked for (a large unsampled table)."""
    asked, grouped = data.wholes
    for i, (other, function, shares) in enumerate(asked):
        if other == quantity and function == "quantile" and p in shares and not isinstance(grouped, Refusal):
            found = grouped.of(key, f"q{i}_{shares.index(p)}")
            return float(found[0]) if len(found) and not math.isnan(found[0]) else None
    return None


def _extreme(function: str, quantity: Quantity, data: TableData, key: Key, *, factor: float, unit: str) -> Answer:
    asked, grouped = data.wholes
    if isinstance(grouped, Refusal):
        return grouped
    i = next(i for i, (other, name, _) in enumerate(asked) if other == quantity and name == function)
    found, n = grouped.of(key, f"q{i}").astype(np.float64), grouped.of(key, f"n{i}")
    if not len(found) or math.isnan(found[0]):
        return Refusal(Reason.NO_DATA, f"no row of table {data.name!r} has a known {quantity.label!r} in this window")
    return Estimate(float(found[0]) * factor, unit, int(n[0]), "census")
