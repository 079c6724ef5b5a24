"""A query's result as arrays, sorted by group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

__all__ = ["Grouped", "Key", "fetch", "grouped"]

Key = tuple[int, tuple[str, ...]]
"""Number of the period, and the value of each dimension."""


@dataclass(frozen=True, eq=False)
class Grouped:
    """Columns of a query's result, sorted by group, with the slice of each group.

    Args:
        columns: Name → values, float64 (int64 for units and bins), null as NaN only where said.
        slices: Group → its rows.
    """

    columns: Mapping[str, NDArray[Any]]
    slices: Mapping[Key, slice]

    def of(self, key: Key, column: str) -> NDArray[Any]:
        """Return one column of one group, empty where the group has no rows."""
        return self.columns[column][self.slices.get(key, slice(0, 0))]


def fetch(query: "ir.Table", keys: Sequence[str]) -> Grouped:
    """Run a query and sort its rows by group."""
    return grouped(query.to_pyarrow(), keys)


def grouped(result: "pa.Table", keys: Sequence[str]) -> Grouped:
    """Sort a query's rows by group."""
    codes = np.zeros(result.num_rows, dtype=np.int64)
    parts: list[tuple[NDArray[np.int64], list[Any]]] = []
    for name in keys:
        encoded = result.column(name).combine_chunks().dictionary_encode()
        values = encoded.dictionary.to_pylist()
        codes = codes * max(len(values), 1) + encoded.indices.to_numpy(zero_copy_only=False)
        parts.append((encoded.indices.to_numpy(zero_copy_only=False), values))
    order = np.argsort(codes, kind="stable")
    _, starts = np.unique(codes[order], return_index=True)
    ends = [*starts[1:], len(order)][: len(starts)]
    slices: dict[Key, slice] = {}
    for start, end in zip(starts, ends, strict=True):
        at = order[start]
        period, *group = (values[indices[at]] for indices, values in parts)
        slices[int(period), tuple(group)] = slice(int(start), int(end))
    columns = {name: _numbers(result.column(name))[order] for name in result.column_names if name not in keys}
    return Grouped(columns, slices)


def _numbers(column: "pa.ChunkedArray") -> NDArray[Any]:
    """Numbers of a column; null is NaN in a float, and what no sum saw (nothing known) stays so."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_integer(column.type) and column.null_count == 0:
        return np.asarray(column.to_numpy(), dtype=np.int64)
    return np.asarray(pc.cast(column, pa.float64()).to_numpy(), dtype=np.float64)
