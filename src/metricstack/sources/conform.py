"""Bring a reader's batch to the contract: types, hashed identifiers, disjoint buckets, the envelope."""

from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from metricstack.core.privacy import PrivacyClass
from metricstack.governance.privacy import PrivacyKey
from metricstack.sources.base import Batch, Reading
from metricstack.sources.coerce import INSTANT, coerce, join_reasons
from metricstack.telemetry.contract import Table
from metricstack.telemetry.tables import table

__all__ = ["conform"]


def conform(batch: Batch, *, key: PrivacyKey, source: str, now: datetime) -> pa.Table:
    """Turn a batch into typed rows of its table; nothing personal is in them any more.

    Args:
        batch: Rows as the reader found them.
        key: The workspace's privacy key.
        source: What the envelope names as the source where the rows name none.
        now: When they arrived.

    Returns:
        Columns of the contract, in its order and types; beside them ``_row`` (number in the source,
        int64) and ``_reason`` (why it cannot be read, null where it can).

    Raises:
        InvalidInput: times without a zone that nobody stated.
    """
    contract = table(batch.table)
    columns: dict[str, Any] = {}
    reasons = batch.reasons
    given = set(batch.rows.column_names)
    for column in contract.columns:
        reading = batch.readings.get(column.name, Reading())
        if column.name in batch.row_ids:
            columns[column.name] = key.hash_array(batch.identity)
        elif column.name in given:
            values, lost = coerce(column, batch.rows[column.name], reading)
            if column.privacy is PrivacyClass.IDENTIFIER or reading.hashed:
                values = key.hash_array(values)
            columns[column.name] = values
            reasons = join_reasons(reasons, lost)
    for name, reading in batch.readings.items():
        if reading.less and name in columns:
            columns[name] = _without(columns, name, reading.less)
    _derive(contract, columns)
    _envelope(contract, columns, len(batch.numbers), source, now)
    ordered = {name: columns[name] for name in contract.names if name in columns}
    missing = pa.nulls(len(batch.numbers), pa.string())
    return pa.table(
        ordered | {"_row": batch.numbers.cast(pa.int64()), "_reason": missing if reasons is None else reasons}
    )


def _without(columns: dict[str, Any], name: str, less: tuple[str, ...]) -> Any:
    """Take off what other columns count; where that leaves less than nothing, it was not included."""
    whole = rest = columns[name]
    for other in less:
        if other in columns:
            rest = pc.subtract(rest, pc.coalesce(columns[other], pa.scalar(0, rest.type)))
    return pc.if_else(pc.less(rest, 0), whole, rest)


def _derive(contract: Table, columns: dict[str, Any]) -> None:
    if "latency" in contract and "latency" not in columns and {"start", "end"} <= set(columns):
        took = pc.subtract(columns["end"], columns["start"]).cast(pa.int64())
        columns["latency"] = pc.divide(took.cast(pa.float64()), 1e6)


def _envelope(contract: Table, columns: dict[str, Any], n: int, source: str, now: datetime) -> None:
    for name, value in (("source", pa.scalar(source)), ("ingested_at", pa.scalar(now, INSTANT))):
        if name in contract:
            columns[name] = pc.coalesce(columns.get(name, pa.nulls(n, value.type)), value)
