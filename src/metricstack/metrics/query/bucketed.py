"""Logarithmic histograms of a table's rows by group and random bucket of units: quantiles with clustered errors.

One pass, however many rows a unit has; what leaves the engine is bounded by the bins and the buckets. DuckDB groups by
a text for more than by a number, so it is given the text's hash, in which the bucket takes the place of the last bits:
of a thousand groups, two share the others once in 5e11 tables. The few names are looked up afterwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.metrics.query.binning import bin_of
from metricstack.metrics.query.hashed import bucket_of, hash_of, is_duckdb

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["Bucketed", "bucketed"]

Integers = NDArray[np.int64]
Key = tuple[Any, ...]

_HEAD = 2048
"""Rows among which the names of groups are looked for first, as many as an engine reads at once."""
_BUCKETS = 64
"""Of units: a standard error known to within 9 %, which costs an interval 2 % of its length (t of 63)."""


@dataclass(frozen=True, eq=False)
class Bucketed:
    """One group's histogram by bucket of units, one entry for each bucket and bin that has rows.

    Args:
        bins: Bin of each entry (`numerics.quantiles`), shape (entries,).
        rows: Rows in it, shape (entries,).
        buckets: Bucket of their units, shape (entries,).
    """

    bins: Integers
    rows: Integers
    buckets: Integers


def bucketed(
    table: "ir.Table", keys: Sequence[str], value: str, unit: str, *, buckets: int = _BUCKETS
) -> dict[Key, Bucketed]:
    """Count a table's rows by group, bin of a value and bucket of their unit, in one query.

    Args:
        table: Any number of rows per unit.
        keys: Columns to group by; none gives the one group ``()``.
        value: The column of numbers, without nulls.
        unit: The column that names the unit; rows without one are taken for those of one unit.
        buckets: How many buckets, a power of 2.

    Returns:
        Values of the keys → histogram; a group without rows is not there.

    Raises:
        UnknownName: a column that the table does not have.
        InvalidInput: values that are no numbers, null or not finite.

    Example:
        >>> from metricstack.metrics.query.joint import as_table
        >>> rows = as_table({"arm": ["a", "a", "b"], "user": ["u", "u", "v"], "x": [1.0, 1.0, 1.01]})
        >>> found = bucketed(rows, ["arm"], "x", "user")
        >>> found["a",].bins, found["a",].rows, found["b",].bins
        (array([0]), array([2]), array([1]))
    """
    for name in (*keys, value, unit):
        if name not in table.columns:
            raise UnknownName("column", name, table.columns)
    kind = table[value].type()
    if not kind.is_numeric():
        raise InvalidInput(f"Column {value!r} holds {kind}, not numbers. Cast it, or choose another column.")
    columns = {f"k{i}": table[name] for i, name in enumerate(keys)}
    texts = {at: name for at, name in zip(columns, keys, strict=True) if columns[at].type().is_string()}
    texts = texts if is_duckdb(table) else {}
    columns |= {at: hash_of(table, name) for at, name in texts.items()}
    if texts:
        first = next(iter(texts))
        columns[first] = columns[first] ^ (hash_of(table, unit) & (buckets - 1))
    else:
        columns["bucket"] = bucket_of(table, unit, buckets)
    # The bin of any number fits, and grouping by fewer bytes costs less.
    flat = table.select(**columns, bin=bin_of(table[value].cast("float64")).cast("int32"))
    found = _fetch(flat.group_by([*columns, "bin"]).aggregate(n=flat.count()), value)
    missing = found["n"].to_numpy()[found["bin"].is_null().to_numpy(zero_copy_only=False)].sum()
    if missing:
        total = int(found["n"].to_numpy().sum())
        raise InvalidInput(
            f"Column {value!r} is null for {int(missing):,} of {total:,} rows. Leave out the rows that have no value."
        )
    for at, name in texts.items():
        names, rest = _decoded(table, name, found[at], buckets)
        found = found.set_column(found.column_names.index(at), at, names)
        if at == first:
            found = found.append_column("bucket", rest)
    return _split(found, len(keys))


def _decoded(table: "ir.Table", name: str, codes: Any, buckets: int) -> tuple[Any, Any]:
    """Part hashes of a column into its values, found among the first rows or else among all, and buckets."""
    import pyarrow as pa
    import pyarrow.compute as pc

    upper = pa.scalar(2**64 - buckets, "uint64")
    named = table.select(code=hash_of(table, name), value=table[name])
    for rows in (named.limit(_HEAD), named.distinct()):
        told = rows.to_pyarrow()
        at = pc.index_in(pc.bit_wise_and(codes, upper), value_set=pc.bit_wise_and(told["code"], upper))
        if not at.null_count:
            return told["value"].combine_chunks().take(at), pc.bit_wise_xor(codes, told["code"].take(at))
    raise InvalidInput(f"Column {name!r} changed while it was read. Ask again.")


def _fetch(query: "ir.Table", value: str) -> Any:
    import duckdb

    try:
        return query.to_pyarrow()
    except duckdb.ConversionException as error:  # the bin of what is not finite
        raise InvalidInput(f"Column {value!r} holds values that are not finite. Leave those rows out.") from error


def _split(found: Any, k: int) -> dict[Key, Bucketed]:
    """Part the entries by group."""
    group = np.zeros(len(found), dtype=np.int64)
    names: list[Key] = [()] if len(found) else []
    for i in range(k):
        coded = found[f"k{i}"].combine_chunks().dictionary_encode("encode")
        values = coded.dictionary.to_pylist()
        group = group * len(values) + coded.indices.to_numpy().astype(np.int64)
        names = [(*name, value) for name in names for value in values]
    bins, rows, buckets = (found[name].to_numpy().astype(np.int64) for name in ("bin", "n", "bucket"))
    order = np.argsort(group, kind="stable")
    ends = np.searchsorted(group[order], np.arange(len(names) + 1))
    places = {name: order[ends[i] : ends[i + 1]] for i, name in enumerate(names) if ends[i] < ends[i + 1]}
    return {name: Bucketed(bins[at], rows[at], buckets[at]) for name, at in places.items()}
