"""What each metric asks of DuckDB: the SQL is kept, so that no change of it goes unseen."""

from collections.abc import Callable
from pathlib import Path

import pytest

from metricstack.metrics import catalogue, sql

IDS = catalogue().ids


@pytest.mark.parametrize("metric", IDS)
def test_the_sql_of_every_metric_is_as_it_was_read(metric: str, golden: Callable[[str, str], None]) -> None:
    text = "\n\n".join(f"-- {name}\n{query}" for name, query in sql(metric).items())
    golden(f"duckdb/{metric}.sql", text + "\n")


def test_no_golden_file_outlives_its_metric() -> None:
    kept = {path.stem for path in (Path(__file__).parent / "duckdb").glob("*.sql")}
    assert kept == set(IDS)


def test_sql_is_the_same_whatever_was_asked_before() -> None:
    assert sql("task_success", by=["region"], grain="month") == sql("task_success", by=["region"], grain="month")


def test_a_value_from_outside_is_a_literal_never_sql() -> None:
    (query,) = sql("task_success", where={"region": "x' OR 1=1 --"}).values()
    assert "'x'' OR 1=1 --'" in query
