"""Hashes of a column's values and random buckets by them, on whatever connection a table is of."""

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["bucket_of", "hash_of", "is_duckdb"]

_BYTE = 256
"""Numbers that one byte tells apart."""


def is_duckdb(table: "ir.Table") -> bool:
    """True where a table is of DuckDB; one in memory is, unless another engine is Ibis' default."""
    import ibis

    return str(ibis.get_backend(table).name) == "duckdb"


def bucket_of(table: "ir.Table", name: str, buckets: int) -> "ir.Value":
    """Return the bucket of each row, 0 to ``buckets`` - 1: equal values share one. Engines hash differently.

    Args:
        table: The rows.
        name: The column.
        buckets: How many, a power of 2.
    """
    bucket = hash_of(table, name) & (buckets - 1)
    if not is_duckdb(table):
        return bucket
    return bucket.cast("uint8" if buckets <= _BYTE else "int64")  # grouping by a byte costs less


def hash_of(table: "ir.Table", name: str) -> "ir.Value":
    """Return the engine's own hash of each row's value, 64 bits; equal values have equal ones.

    Args:
        table: The rows.
        name: The column.
    """
    column = table[name]
    return _duckdb_hash(column.type())(column) if is_duckdb(table) else column.hash()


@cache
def _duckdb_hash(kind: Any) -> Any:
    """DuckDB's hash as it is; Ibis makes a signed number of it by way of a string of bits, which costs more."""
    import ibis
    import ibis.expr.datatypes as types

    @ibis.udf.scalar.builtin(name="hash", signature=((kind,), types.uint64))
    def hashed(value):  # type: ignore[no-untyped-def]
        ...

    return hashed
