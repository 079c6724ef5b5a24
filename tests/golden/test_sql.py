"""What each metric asks of an engine: the SQL is kept, so that no change of it goes unseen.

Whole for the engines that the tests run (DuckDB, PostgreSQL, Spark); for those that they do not (BigQuery,
Snowflake, Trino) one query of each shape, and the promise that every metric can be written.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from metricstack.core import UnknownName
from metricstack.metrics import catalogue, sql
from metricstack.metrics.sql import expressions
from metricstack.telemetry.dialects import compiler, write

IDS = catalogue().ids
RUN = ("duckdb", "postgres", "pyspark")
READ = ("bigquery", "snowflake", "trino")
SHAPES: dict[str, tuple[str, dict[str, Any]]] = {
    "means of flags and numbers": ("task_success", {}),
    "a ratio, by dimension and month": ("cost_per_successful_outcome", {"by": ["region"], "grain": "month"}),
    "a total, with its sampling variance": ("total_cost", {}),
    "a percentile, within one value": ("latency_p95", {"where": {"use_case": "support_copilot"}}),
    "seconds between two instants": ("time_to_recover_mean", {}),
    "distinct values within a unit": ("fragmented_systems", {}),
    "the last state of each thing": ("responsible_ai_pass_rate", {}),
    "a joined table": ("change_lead_time", {}),
    "a dimension of another table": ("relevance", {"by": ["use_case"]}),
}


@cache
def _asked(metric: str) -> dict[str, Any]:
    return expressions(metric)


@pytest.mark.parametrize("metric", IDS)
def test_the_sql_of_every_metric_is_as_it_was_read(metric: str, golden: Callable[[str, str], None]) -> None:
    for dialect in RUN:
        text = "\n\n".join(f"-- {name}\n{write(query, dialect)}" for name, query in _asked(metric).items())
        golden(f"{dialect}/{metric}.sql", text + "\n")


@pytest.mark.parametrize("dialect", READ)
def test_the_sql_of_every_shape_is_as_it_was_read(dialect: str, golden: Callable[[str, str], None]) -> None:
    text = "\n\n".join(
        f"-- {shape}: {metric}, {name}\n{query}"
        for shape, (metric, asked) in SHAPES.items()
        for name, query in sql(metric, dialect=dialect, **asked).items()
    )
    golden(f"{dialect}.sql", text + "\n")


@pytest.mark.parametrize("dialect", READ)
def test_every_metric_can_be_written_for_engines_that_are_not_run(dialect: str) -> None:
    # One of the operations that an engine lacks fails here; the text itself is read in the shapes above.
    seen: set[Any] = set()
    translated = compiler(dialect)
    for metric in IDS:
        for query in _asked(metric).values():
            kinds = frozenset(type(node) for node in query.op().find(object))
            if not kinds <= seen:
                seen |= kinds
                translated.to_sqlglot(query.unbind())


def test_no_golden_file_outlives_its_metric() -> None:
    for dialect in RUN:
        kept = {path.stem for path in (Path(__file__).parent / dialect).glob("*.sql")}
        assert kept == set(IDS)


def test_what_is_kept_is_what_an_engine_is_asked() -> None:
    for dialect in RUN:
        assert sql("task_success", dialect=dialect) == {
            name: write(query, dialect) for name, query in _asked("task_success").items()
        }


def test_sql_is_the_same_whatever_was_asked_before() -> None:
    assert sql("task_success", by=["region"], grain="month") == sql("task_success", by=["region"], grain="month")


def test_a_value_from_outside_is_a_literal_never_sql() -> None:
    for dialect in RUN:
        (query,) = sql("task_success", where={"region": "x' OR 1=1 --"}, dialect=dialect).values()
        assert "'x'' OR 1=1 --'" in query or "'x\\' OR 1=1 --'" in query


def test_an_unknown_dialect_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="duckdb"):
        sql("task_success", dialect="ducdb")
