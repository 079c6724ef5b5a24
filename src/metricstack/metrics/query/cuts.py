"""Where the quantiles of each group lie in its histogram, as a small table that an engine can join to its rows."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from metricstack.metrics.query.grouped import Grouped, Key
from metricstack.numerics.histograms import Histograms, cut

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["cuts", "histograms"]


def histograms(found: Grouped, keys: Sequence[Key]) -> Histograms:
    """Return the histograms of groups, of what is known of each.

    Args:
        found: What `compile.binned` gave.
        keys: The groups, in order.
    """
    parts = [(i, part) for i, key in enumerate(keys) if (part := found.slices.get(key)) is not None]
    at = np.repeat(np.array([i for i, _ in parts], dtype=np.int64), [part.stop - part.start for _, part in parts])
    rows = np.concatenate([np.arange(part.start, part.stop) for _, part in parts] or [np.zeros(0, np.int64)])
    bins = found.columns["_bin"][rows].astype(np.float64)
    known = ~np.isnan(bins)
    weights = found.columns["_w"][rows][known].astype(np.float64)
    return Histograms(at[known], bins[known].astype(np.int64), weights, len(keys))


def cuts(found: Mapping[int, tuple[Grouped, Sequence[float]]], names: Sequence[str]) -> "pa.Table":
    """Tabulate the bin of each group's quantiles, and the part of it that lies at or below them.

    Args:
        found: Number of a quantity → its histograms by group, and the shares asked of it.
        names: Names of the grouping columns, the period first.

    Returns:
        One row for each group: its columns, then ``b{i}_{j}`` and ``p{i}_{j}`` of quantity i and share j, null where
        nothing is known of the quantity.
    """
    import pyarrow as pa

    keys = sorted({key for grouped, _ in found.values() for key in grouped.slices})
    columns: dict[str, Any] = {names[0]: pa.array([period for period, _ in keys], pa.int64())}
    columns |= {name: pa.array([group[i] for _, group in keys], pa.string()) for i, name in enumerate(names[1:])}
    for i, (grouped, shares) in found.items():
        shape = histograms(grouped, keys)
        for j, share in enumerate(shares):
            value = shape.quantile(np.full(len(keys), share))
            bins, part = cut(np.nan_to_num(value))
            nothing = np.isnan(value)
            columns[f"b{i}_{j}"] = pa.array(bins, pa.int64(), mask=nothing)
            columns[f"p{i}_{j}"] = pa.array(part, pa.float64(), mask=nothing)
    return pa.table(columns)
