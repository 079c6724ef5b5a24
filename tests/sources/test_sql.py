"""What the SQL source promises: tables and views under our names, any engine, no secret written down."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

import metricstack as ms
from metricstack.core import InvalidInput, UnreadableFile
from metricstack.sources import IngestSummary, ingest
from metricstack.sources.sql import masked


def read(url: str, workspace: Path, **options: Any) -> IngestSummary:
    return ingest(url, source="sql", workspace=workspace, **options)


def requests(workspace: Path) -> list[dict[str, Any]]:
    table = ms.open(workspace).table("requests")
    found: list[dict[str, Any]] = table.order_by("run").to_pyarrow().to_pylist()  # type: ignore[union-attr]
    return found


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(
            "CREATE TABLE raw AS SELECT 'r' || i AS request_id, 'ada' AS user_id, 1500 + i AS latency_ms, "
            "TIMESTAMPTZ '2026-07-01 10:00:00+00' + to_seconds(i) AS start_time, i / 10 AS cost FROM range(5) t(i)"
        )
        connection.execute("CREATE VIEW requests AS SELECT * FROM raw")
        connection.execute("CREATE TABLE customers AS SELECT 1 AS x")
    return path


def test_a_view_under_our_name_is_copied_and_others_are_left(database: Path, tmp_path: Path) -> None:
    summary = read(f"duckdb://{database}", tmp_path / "ws")
    assert [(counts.table, counts.loaded) for counts in summary.tables] == [("requests", 5)]
    first = requests(tmp_path / "ws")[0]
    assert (first["run"], first["latency"], first["cost"]) == ("r0", 1.5, 0.0)
    assert first["start"] == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert first["user"] != "ada"


def test_only_new_rows_of_a_growing_table_are_loaded(database: Path, tmp_path: Path) -> None:
    read(f"duckdb://{database}", tmp_path / "ws")
    with duckdb.connect(str(database)) as connection:
        connection.execute("INSERT INTO raw VALUES ('r9', 'ada', 1, TIMESTAMPTZ '2026-07-02 10:00:00+00', 1)")
    counts = read(f"duckdb://{database}", tmp_path / "ws").count("requests")
    assert (counts.read, counts.loaded, counts.duplicates) == (6, 1, 5)


def test_sqlite_is_read_too_and_its_naive_times_need_a_zone(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "shop.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE requests (run TEXT, start TIMESTAMP, cost REAL)")
        connection.execute("INSERT INTO requests VALUES ('a', '2026-07-01 10:00:00', 0.5)")
    connection.close()
    with pytest.raises(InvalidInput, match="name no zone"):
        read(f"sqlite://{path}", tmp_path / "ws")
    (tmp_path / "map.toml").write_text('zone = "UTC"\n')
    read(f"sqlite://{path}", tmp_path / "ws", mapping=tmp_path / "map.toml")
    assert requests(tmp_path / "ws")[0]["start"] == datetime(2026, 7, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgres://ada:secret@db/x", "postgres://ada:***@db/x"),
        ("postgres://ada:p%40ss@db:5432/x?sslmode=require", "postgres://ada:***@db:5432/x?sslmode=require"),
        ("snowflake://ada@db/x?password=secret", "snowflake://ada@db/x?password=***"),
        ("duckdb:///data/shop.duckdb", "duckdb:///data/shop.duckdb"),
    ],
)
def test_secrets_are_masked(url: str, shown: str) -> None:
    assert masked(url) == shown


def test_an_engine_that_cannot_be_reached_is_an_error_without_the_password(tmp_path: Path) -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed, which PostgreSQL needs: `make setup` installs it")
    with pytest.raises(UnreadableFile) as caught:
        read("postgres://ada:hunter2@127.0.0.1:1/nothing?connect_timeout=2", tmp_path / "ws")
    assert "hunter2" not in str(caught.value)
    assert "ada:***@127.0.0.1:1/nothing" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "error", "said"),
    [
        ("shop.duckdb", InvalidInput, "is not the URL of an engine"),
        ("duckdb:///nowhere/shop.duckdb", UnreadableFile, "there is no such database file"),
        ("wibble://host/x", UnreadableFile, "wibble://host/x: cannot be read"),
    ],
)
def test_what_is_no_engine_is_an_error(tmp_path: Path, url: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        read(url, tmp_path / "ws")


def test_an_engine_without_our_tables_says_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "x.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE customers AS SELECT 1 AS x")
    with pytest.raises(InvalidInput, match=r"no table or view under one of our names\. It has: customers"):
        read(f"duckdb://{path}", tmp_path / "ws")
    with pytest.raises(InvalidInput, match="has no table or view 'requests'"):
        read(f"duckdb://{path}", tmp_path / "ws", table="requests")


@pytest.mark.engine
def test_postgresql_is_read_in_batches_and_its_password_is_written_nowhere(postgres: str, tmp_path: Path) -> None:
    import psycopg

    with psycopg.connect(postgres.replace("postgres://", "postgresql://")) as connection:
        connection.execute(
            "CREATE TABLE raw AS SELECT 'r' || i AS run, 'ada' AS \"user\", '{\"a\": 1}'::jsonb AS attributes, "
            "now() + i * interval '1 second' AS start, i / 10.0 AS cost, 'NaN'::float8 AS latency, "
            "CASE WHEN i = 7 THEN 'odd' ELSE 'success' END AS outcome FROM generate_series(1, 1000) i"
        )
        connection.execute("CREATE VIEW requests AS SELECT * FROM raw")
    summary = read(postgres, tmp_path / "ws")
    counts = summary.count("requests")
    assert (counts.read, counts.loaded, counts.quarantined) == (1000, 999, 1)
    assert read(postgres, tmp_path / "ws").count("requests").read == 0  # the same rows: already loaded
    found = requests(tmp_path / "ws")
    assert sum(row["cost"] for row in found) == pytest.approx(
        50_050.0 - 0.7
    )  # sum of 1..1000 / 10, without the bad row
    assert {row["latency"] for row in found} == {None}
    for path in (tmp_path / "ws").rglob("*"):
        if path.is_file():
            assert b"hunter2" not in path.read_bytes()
    assert "hunter2" not in str(summary)
    with pytest.raises(UnreadableFile) as caught:
        read(postgres.replace("hunter2", "wrong-one"), tmp_path / "ws")
    assert "wrong-one" not in str(caught.value)
