"""A workspace of a few rows, written as the readers write."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from metricstack.telemetry import DataFile, Warehouse, table

FIRST, LAST = datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 7, 2, tzinfo=UTC)
Writer = Callable[..., Path]


@pytest.fixture
def write_table(tmp_path: Path) -> Writer:
    """Write rows as one more file of a table of the workspace at ``tmp_path``; return the file."""
    (tmp_path / "metricstack.toml").write_text('[workspace]\nname = "Northwind"\n', encoding="utf-8")

    def write(name: str, rows: pa.Table, *, file: str = "a") -> Path:
        warehouse = Warehouse.open(tmp_path / "data")
        path = tmp_path / "data" / name / f"{file}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows, path)
        times = rows.column(table(name).event_time).to_pylist() if rows.num_rows else []
        first, last = (min(times), max(times)) if times else (None, None)
        warehouse.commit([DataFile.of(warehouse.root, path, name, rows=rows.num_rows, first=first, last=last)])
        return path

    return write


@pytest.fixture
def two_requests() -> pa.Table:
    """Two runs, with only four of the contract's columns."""
    return pa.table(
        {
            "run": ["a", "b"],
            "start": pa.array([FIRST, LAST], pa.timestamp("us", "UTC")),
            "latency": pa.array([1.5, 2.5]),
            "model": pa.array(["m", "n"]).dictionary_encode(),
        }
    )
