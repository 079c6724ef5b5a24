"""Columns that the files prove to be known in every row: the questions about them are left out, and no number moves.

* The files' own statistics prove it: a null anywhere, a part without the column, or another engine proves nothing.
* An expression without those questions has the same value in every row, whatever the others hold.
* A bucket of units on DuckDB is the same number as by way of Ibis' own hash.
"""

from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from metricstack.metrics.query.known import is_known, simplified
from metricstack.telemetry.dialects import compiler, write
from metricstack.telemetry.engines import connect, never_null

ROWS = {"a": [1, 2, 3, 4], "b": [None, 5, None, 6], "s": ["x", None, "unknown", "x"]}


@pytest.fixture
def rows() -> ibis.Table:
    return ibis.memtable(pa.table(ROWS))


def _files(folder: Path, *parts: dict[str, list[object]]) -> list[str]:
    paths = [str(folder / f"{i}[0].parquet") for i in range(len(parts))]
    for path, part in zip(paths, parts, strict=True):
        pq.write_table(pa.table(part), path)
    return paths


def test_a_column_is_never_null_where_every_part_of_every_file_says_so(tmp_path: Path) -> None:
    paths = _files(tmp_path, {"a": [1, 2], "b": [1, None], "c": [1, 2]}, {"a": [3], "b": [2]})
    assert never_null(connect("duckdb", "data"), paths) == {"a"}


def test_files_without_statistics_prove_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": [1, 2]}), path, write_statistics=False)
    assert never_null(connect("duckdb", "data"), [str(path)]) == frozenset()


def test_questions_about_known_columns_are_left_out_and_the_values_stay(rows: ibis.Table) -> None:
    a, b, s = rows.a, rows.b, rows.s
    whole = ibis.ifelse(a.notnull() | b.notnull(), a.fill_null(0) + b.fill_null(0), ibis.null("int64"))
    asked = {
        "sum": whole,
        "both": ibis.ifelse(a.notnull() & b.notnull(), a, ibis.null("int64")),
        "flag": ibis.ifelse(s.fill_null("unknown") != "unknown", s == "x", ibis.null("boolean")),
        "first": ibis.coalesce(a, b),
        "second": ibis.coalesce(b, a),
        "unknown": a.isnull() | (a == 0),
    }
    before = rows.select(**asked).to_pyarrow().to_pydict()
    less = {name: simplified(value, {"a"}) for name, value in asked.items()}
    after = rows.select(**less)
    assert after.to_pyarrow().to_pydict() == before
    assert before["sum"] == [1, 7, 3, 10]  # by hand
    assert before["flag"] == [True, None, None, True]
    assert all(less[name].type() == value.type() for name, value in asked.items())
    text = write(rows.select(sum=less["sum"]), "duckdb")
    assert 'COALESCE("t0"."a"' not in text
    assert "CASE" not in text


def test_only_what_is_certain_is_called_known(rows: ibis.Table) -> None:
    a, b, s = rows.a, rows.b, rows.s
    certain = [a, a + 1, a > 1, ibis.coalesce(b, a), b.isnull(), (a > 1).cast("int64"), ibis.ifelse(b > 1, a, 0)]
    unsure = [b, a + b, a / a, s == "x", ibis.coalesce(b, b), ibis.ifelse(a > 1, b, 0), s.cast("int64"), a.nullif(1)]
    assert all(is_known(value, {"a"}) for value in certain)
    assert not any(is_known(value, {"a"}) for value in unsure)


def test_nothing_is_rewritten_where_nothing_is_proven(rows: ibis.Table) -> None:
    value = rows.a.fill_null(0)
    assert simplified(value, frozenset()) is value


def test_a_bucket_is_the_lowest_bits_of_the_hash() -> None:
    connection = connect("duckdb", "data")
    rows = ibis.memtable(pa.table({"user": [None, *map(str, range(500))]}))
    whole, bucket = (connection.to_pyarrow(rows.select(h=h))["h"].to_pylist() for h in _hashes(rows))
    assert bucket == [value & 63 for value in whole]
    assert min(whole) < 0
    assert "BIT" not in compiler("duckdb").to_sqlglot(rows.select(h=rows.user.hash() & 63).unbind()).sql("duckdb")


def _hashes(rows: ibis.Table) -> tuple[ibis.Value, ibis.Value]:
    return rows.user.hash(), rows.user.hash() & 63
