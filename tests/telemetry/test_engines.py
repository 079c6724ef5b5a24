"""What embedded engines promise of each other: what one cannot keep in memory no other writes over."""

from metricstack.sources.stage import Stage
from metricstack.telemetry.engines import connect, disconnect

_ROWS = 5_000_000
_LIMIT = "60MB"
"""Less than half of what the rows take, of which the rest is written to disk."""


def test_what_two_engines_write_to_disk_stays_apart() -> None:
    engines = [connect("duckdb", "data") for _ in range(2)]
    for k, engine in enumerate(engines):
        engine.raw_sql(f"SET memory_limit = '{_LIMIT}'")
        engine.raw_sql(
            f"CREATE TEMP TABLE t AS SELECT range + {k} AS a, hash(range) AS b, hash(range + 1) AS c "
            f"FROM range({_ROWS})"
        )
    found = [engine.con.sql("SELECT sum(a) FROM t").fetchone()[0] for engine in engines]
    disconnect(engines[1])
    left = engines[0].con.sql("SELECT sum(a) FROM t").fetchone()[0]
    disconnect(engines[0])
    whole = _ROWS * (_ROWS - 1) // 2  # 0 + 1 + ... by Gauss; the other has one more in every row
    assert [*found, left] == [whole, whole + _ROWS, whole]


def test_what_is_read_in_has_a_folder_of_its_own_too() -> None:
    stages = [Stage(), Stage()]
    folders = {stage.raw.sql("SELECT current_setting('temp_directory')").fetchone() for stage in stages}
    for stage in stages:
        stage.close()
    assert len(folders) == 2
