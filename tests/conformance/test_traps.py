"""Where engines, or Ibis, go their own way: each test fails when the workaround that it names may go.

No engine but DuckDB is needed: what Ibis would write for the others is enough.
"""

import math
from pathlib import Path
from typing import Any

import duckdb
import ibis
import ibis.backends.sql.compilers as compilers
import ibis.common.exceptions as exceptions
import ibis.expr.operations as ops
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from metricstack.telemetry.dialects import compiler, write

ROWS = ibis.table(
    {"at": "timestamp('UTC')", "name": "string", "good": "boolean", "x": "float64", "y": "float64"}, name="rows"
)


def plain(query: Any, dialect: str) -> str:
    """Write a query by Ibis alone."""
    chosen = getattr(compilers, dialect).compiler
    text: str = chosen.to_sqlglot(query).sql(dialect=chosen.dialect)
    return text


def test_nan_in_parquet_is_lost_by_statistics_so_readers_turn_it_into_null(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"x": [1.0, math.nan]}), path)
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE here AS SELECT * FROM '{path}'")
        counted = [
            connection.execute(f"SELECT count(*) FROM {place} WHERE x > 5").fetchall()[0][0]
            for place in ("here", f"'{path}'")
        ]
    # NaN is above every number for DuckDB, but the file's statistics know no NaN. Equal counts: no need of null.
    assert counted == [1, 0]


def test_exact_quantiles_ignore_the_memory_limit_so_large_tables_get_histograms() -> None:
    with duckdb.connect(config={"memory_limit": "40MB", "threads": 1}) as connection:
        asked = "SELECT quantile_cont(i::DOUBLE, 0.5) FROM range(10_000_000) t(i)"
        # 80 MB of doubles are kept although 40 MB are allowed. When this is refused or spilled, the limit on
        # rows for exact quantiles may rise.
        assert connection.execute(asked).fetchall() == [(4_999_999.5,)]


def test_no_metric_uses_approximate_quantiles_which_differ_by_engine() -> None:
    kept = list((Path(__file__).parents[1] / "golden").glob("*/*.sql"))
    assert kept
    for path in kept:
        assert "approx" not in path.read_text(encoding="utf-8").lower(), path.name


def test_a_count_of_nothing_is_null_on_spark_so_flags_are_added_and_null_filled() -> None:
    asked = ROWS.aggregate(n=ROWS.count(where=ROWS.good))
    written = write(asked, "pyspark").upper()
    assert "SUM(" in written, "Ibis writes count(where=) as a sum"
    assert "COALESCE" not in written, "of nothing, which is null"


def test_division_by_zero_is_infinite_on_duckdb_so_every_denominator_is_nullif_zero() -> None:
    (found,) = duckdb.sql("SELECT 1.0::DOUBLE / 0.0::DOUBLE").fetchall()
    assert found == (math.inf,)
    assert "NULLIF" not in plain(ROWS.select(z=ROWS.x / ROWS.y), "postgres").upper()


def test_ibis_extracts_no_microseconds_on_spark_so_we_write_them() -> None:
    asked = ROWS.select(fraction=ROWS["at"].microsecond())
    with pytest.raises(exceptions.UnsupportedOperationError, match="microseconds"):
        plain(asked, "pyspark")
    assert "PMOD(UNIX_MICROS(" in write(asked, "pyspark").upper()


def test_ibis_hashes_to_32_bits_on_spark_and_not_at_all_on_trino_so_we_write_64() -> None:
    asked = ROWS.select(unit=ROWS.name.hash())
    assert compilers.pyspark.compiler.SIMPLE_OPS[ops.Hash] == "hash"
    with pytest.raises(exceptions.OperationNotDefinedError):
        plain(asked, "trino")
    assert all("XXHASH64(" in write(asked, dialect).upper() for dialect in ("pyspark", "trino"))


def test_the_hash_of_null_is_null_on_postgresql_so_we_fill_it() -> None:
    asked = ROWS.select(unit=ROWS.name.hash())
    assert "COALESCE" not in plain(asked, "postgres").upper()
    assert "COALESCE(HASHTEXTEXTENDED(" in write(asked, "postgres").upper()


def test_postgresql_makes_32_bits_of_a_flag_so_it_is_cast_twice() -> None:
    asked = ROWS.select(n=ROWS.good.cast("int64"))
    assert plain(asked, "postgres").upper().count("CAST(") == 1
    assert "AS INT) AS BIGINT)" in write(asked, "postgres").upper()


def test_spark_drops_time_zones_so_its_session_is_in_utc() -> None:
    types = pytest.importorskip("pyspark.sql.types", reason="PySpark is not installed: `make setup` installs it")
    from ibis.backends.pyspark.datatypes import PySparkType

    # Spark's instants have no zone of their own: Ibis gives them the session's, which `telemetry.engines` sets.
    assert str(PySparkType.from_ibis(ibis.dtype("timestamp('Europe/Berlin')"))) == str(types.TimestampType())


def test_only_known_dialects_are_mended() -> None:
    assert type(compiler("snowflake")) is type(compilers.snowflake.compiler)
    for dialect in ("duckdb", "postgres", "pyspark", "trino"):
        assert isinstance(compiler(dialect), type(getattr(compilers, dialect).compiler))
