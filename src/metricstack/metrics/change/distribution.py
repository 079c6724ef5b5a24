"""A quantile of two windows by group: its values or histograms, ready to be decomposed."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metricstack.core.values import Reason, Refusal
from metricstack.metrics.answers.percentile import share_of
from metricstack.metrics.query.compile import GROUPS
from metricstack.metrics.query.fetch import TableData
from metricstack.metrics.query.grouped import Key
from metricstack.metrics.query.states import Quantity, quantity_of
from metricstack.metrics.query.windowed import Side
from metricstack.numerics.distributions import Sample, Shift, quantile_shift, sum_to
from metricstack.numerics.quantiles import BIN_RATIO, NOT_POSITIVE

__all__ = ["Sampled", "distribution_of"]

Array = NDArray[np.float64]
_MOST = 40
_OTHERS = "all others"


@dataclass(frozen=True, eq=False)
class Sampled:
    """A quantile's change by group.

    Args:
        shift: The parts, in base units times the metric's scale.
        labels: The groups, in the order of the shift's columns; the smallest of very many stand together.
        share: Each group's part of all rows, in the mean of both windows.
        n: Rows whose value is known, by group.
    """

    shift: Shift
    labels: tuple[tuple[str, ...], ...]
    share: Array
    n: tuple[int, ...]


def distribution_of(
    pair: tuple[Side, Side], members: Mapping[tuple[str, ...], tuple[Key, ...]], change: float
) -> Sampled | Refusal:
    """Decompose a quantile's change by its distribution.

    Args:
        pair: The earlier and the later side, by a dimension.
        members: Group → its keys.
        change: The change of the whole in base units, to which the parts add up.

    Returns:
        The parts; or a refusal where no group is in both windows.
    """
    assert pair[1].job.quantile is not None
    name, call, scale = pair[1].job.quantile
    quantity = quantity_of(call, name)
    tables = [side.part.tables[name] for side in pair]
    binned = not all(table.is_small for table in tables)
    drawn = []
    for table in tables:
        found = _drawn(table, quantity, members, binned=binned)
        if isinstance(found, Refusal):
            return found
        drawn.append(found)
    summed = [np.bincount(g, weights=w, minlength=len(members)) for _, w, g, _, _ in drawn]
    weight = np.stack(summed).astype(np.float64)
    if not (weight > 0).all(axis=0).any():
        return Refusal(
            Reason.NO_DATA, "no group is in both windows, so that their distributions cannot be held side by side"
        )
    labels, fold = _fold(tuple(members), weight.sum(axis=0))
    samples, bins = [], []
    for x, w, groups, units, _ in drawn:
        samples.append(Sample(x, w, fold[groups], units & (GROUPS - 1)))
        bins.append(x.astype(np.int64) if binned else _bin(x))
    shift = quantile_shift(
        samples[0], samples[1], share_of(call), groups=len(labels), binned=binned, bins=(bins[0], bins[1])
    )
    # The whole of a large table is the engine's exact quantile, that of the histogram within 2 % of it.
    parts = sum_to(shift.parts[None, :], np.array([change / scale]))[0]
    by_group = sum_to(shift.groups, parts)
    scaled = Shift(parts * scale, by_group * scale, shift.part_replicates * scale, shift.group_replicates * scale)
    folded = np.stack([np.bincount(fold, weights=row, minlength=len(labels)) for row in weight])
    counts = np.stack([np.bincount(fold[g], weights=n, minlength=len(labels)) for _, _, g, _, n in drawn]).sum(axis=0)
    share = (folded / folded.sum(axis=1, keepdims=True)).mean(axis=0)
    return Sampled(scaled, labels, share, tuple(int(n) for n in counts))


def _fold(labels: tuple[tuple[str, ...], ...], weight: Array) -> tuple[tuple[tuple[str, ...], ...], NDArray[np.int64]]:
    """Put the smallest of very many groups together: label of each column, and each group's column."""
    if len(labels) <= _MOST:
        return labels, np.arange(len(labels), dtype=np.int64)
    large = np.sort(np.argsort(-weight, kind="stable")[: _MOST - 1])
    fold = np.full(len(labels), len(large), dtype=np.int64)
    fold[large] = np.arange(len(large))
    return (*(labels[i] for i in large), (_OTHERS,) * len(labels[0])), fold


def _bin(x: Array) -> NDArray[np.int64]:
    place = np.ceil(np.log(np.where(x > 0, x, 1.0)) / np.log(BIN_RATIO)).astype(np.int64)
    return np.where(x > 0, place, NOT_POSITIVE)


Drawn = tuple[Array, Array, NDArray[np.int64], NDArray[np.int64], Array]


def _drawn(
    table: TableData, quantity: Quantity, members: Mapping[tuple[str, ...], tuple[Key, ...]], *, binned: bool
) -> Drawn | Refusal:
    """Values (or bins), weights, groups, units and rows of all groups, those of known value only."""
    found = table.bins(quantity) if binned else table.values
    if isinstance(found, Refusal):
        return found
    column = "_bin" if binned else f"x{list(table.quantiles).index(quantity)}"
    parts: list[Drawn] = []
    for place, keys in enumerate(members.values()):
        for key in keys:
            x = found.of(key, column).astype(np.float64)
            known = ~np.isnan(x)
            rows = found.of(key, "_n")[known].astype(np.float64) if binned else np.ones(int(known.sum()))
            groups = np.full(int(known.sum()), place, dtype=np.int64)
            units = found.of(key, "_unit")[known].astype(np.int64)
            parts.append((x[known], found.of(key, "_w")[known].astype(np.float64), groups, units, rows))
    x, w, g, u, n = (np.concatenate(part) for part in zip(*parts, strict=True))
    return x, w, g.astype(np.int64), u.astype(np.int64), n
