"""NumPy arrays to Arrow columns: rounded, dictionary-coded, null where unknown, in the contract's order."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput
from metricstack.telemetry.contract import Kind
from metricstack.telemetry.tables import TABLES

__all__ = ["assemble", "category", "constant", "flags", "floats", "instants", "integers", "register", "schema"]

_TYPES = {
    Kind.TEXT: pa.string(),
    Kind.INTEGER: pa.int64(),
    Kind.FLOAT: pa.float64(),
    Kind.FLAG: pa.bool_(),
    Kind.INSTANT: pa.timestamp("us", tz="UTC"),
}
Known = NDArray[np.bool_] | None


def schema(table: str) -> pa.Schema:
    """Return the Arrow types of a table's contract, in its order."""
    return pa.schema([(column.name, _TYPES[column.kind]) for column in TABLES[table].columns])


def _missing(known: Known) -> Known:
    return None if known is None else ~known


def category(codes: NDArray[Any], values: Sequence[str], known: Known = None) -> pa.Array:
    """Code texts by position in their vocabulary; null where not ``known``."""
    width = np.int8 if len(values) < 128 else np.int32
    return pa.DictionaryArray.from_arrays(
        pa.array(codes.astype(width), mask=_missing(known)), pa.array(values, pa.string())
    )


def constant(value: str | None, n: int) -> pa.Array:
    """Repeat one text, or null, without storing it n times."""
    if value is None:
        return pa.nulls(n, pa.string())
    return category(np.zeros(n, dtype=np.int8), (value,))


def floats(values: NDArray[Any], decimals: int, known: Known = None) -> pa.Array:
    """Round to what an instrument would report; it also makes bytes agree between processors.

    Vector units of different processors may differ in the last bit of exp and log; seven digits
    before that bit, they do not.
    """
    return pa.array(np.round(values, decimals), pa.float64(), mask=_missing(known))


def integers(values: NDArray[Any], known: Known = None) -> pa.Array:
    """Store whole numbers."""
    return pa.array(values.astype(np.int64, copy=False), mask=_missing(known))


def flags(values: NDArray[Any], known: Known = None) -> pa.Array:
    """Store statements that are true, false, or null where not ``known``."""
    return pa.array(values.astype(bool, copy=False), mask=_missing(known))


def instants(microseconds: NDArray[Any], known: Known = None) -> pa.Array:
    """Store instants, given in microseconds since 1970 UTC."""
    return integers(microseconds, known).view(pa.timestamp("us", tz="UTC"))


def assemble(table: str, n: int, columns: Mapping[str, pa.Array]) -> pa.Table:
    """Order columns as the contract does; those that nobody filled are null.

    Raises:
        InvalidInput: a column that the contract does not know.
    """
    contract = TABLES[table]
    strange = [name for name in columns if name not in contract]
    if strange:
        raise InvalidInput(f"Table {table!r} has no column {strange[0]!r}. It has: {', '.join(contract.names)}.")
    arrays = [
        columns[column.name] if column.name in columns else pa.nulls(n, _TYPES[column.kind])
        for column in contract.columns
    ]
    return pa.table(arrays, names=list(contract.names))


def register(
    table: str, rows: Sequence[Mapping[str, Any]], *, source: str, service: str | None = None, delay: int = 60_000_000
) -> pa.Table:
    """Make a small table from dictionaries, sorted by event time and key; instants in microseconds.

    Args:
        table: Name of the table.
        rows: One dictionary per row; what is left out is null.
        source: What delivered the rows.
        service: The service that produced them, where a row does not say.
        delay: Microseconds from the event to the arrival of its row.
    """
    contract, types = TABLES[table], schema(table)
    order = (contract.event_time, *contract.key)
    ordered = sorted(rows, key=lambda row: tuple(row[name] for name in order))
    envelope: dict[str, Any] = {"source": source, "service": service, "env": "production", "sample_probability": 1.0}
    arrays = []
    for field in types:
        values = [
            row[contract.event_time] + delay
            if field.name == "ingested_at"
            else row.get(field.name, envelope.get(field.name))
            for row in ordered
        ]
        arrays.append(pa.array(values, field.type))
    return pa.table(arrays, schema=types)
