"""What asking beside promises: the same data, an answer or its error when it is wanted, and no thread left behind."""

import gc
import sys
import threading
from pathlib import Path

import pyarrow as pa
import pytest

import metricstack as ms
from metricstack.core.values import Refusal
from metricstack.telemetry import Workspace
from metricstack.telemetry.beside import beside
from tests.telemetry.conftest import Writer

_LONG = "SELECT sum(a.range * b.range % 7) FROM range(1000000) a, range(1000000) b"
"""A query that takes hours: an end comes only from an interruption."""


@pytest.fixture
def ws(tmp_path: Path, write_table: Writer, two_requests: pa.Table) -> Workspace:
    write_table("requests", two_requests)
    return ms.open(tmp_path)


def _runs(ws: Workspace) -> list[str]:
    rows = ws.table("requests", columns=["run"])
    assert not isinstance(rows, Refusal)
    return sorted(rows.to_pyarrow()["run"].to_pylist())


def _threads(ws: Workspace) -> int:
    return int(ws.connection.con.sql("select current_setting('threads')").fetchone()[0])


def test_both_see_the_same_rows(ws: Workspace) -> None:
    with beside(ws, _runs) as answer:
        here = _runs(ws)
    assert answer() == here == ["a", "b"]


def test_both_see_the_moment_of_opening(ws: Workspace, write_table: Writer, two_requests: pa.Table) -> None:
    before = _runs(ws)
    write_table("requests", two_requests.set_column(0, "run", pa.array(["c", "d"])), file="later")
    with beside(ws, _runs) as answer:
        pass
    assert answer() == before


def test_it_is_answered_in_another_thread_that_ends(ws: Workspace) -> None:
    before = threading.active_count()
    with beside(ws, lambda _: threading.current_thread().name) as answer:
        pass
    assert answer() != threading.current_thread().name
    assert threading.active_count() == before


def test_processors_are_shared_and_given_back(ws: Workspace) -> None:
    ws.connection.raw_sql("SET threads = 6")
    with beside(ws, _threads) as answer:
        here = _threads(ws)
    assert (here, answer(), _threads(ws)) == (3, 3, 6)


def test_what_is_reproducible_stays_so(ws: Workspace) -> None:
    with beside(ws.reproducible(), lambda same: (same.is_reproducible, _threads(same))) as answer:
        pass
    assert answer() == (True, 1)
    assert _threads(ws) == 1


def test_its_error_is_raised_where_the_answer_is_wanted(ws: Workspace) -> None:
    def fail(_: Workspace) -> None:
        raise KeyError("lost")

    with beside(ws, fail) as answer:
        assert _runs(ws) == ["a", "b"]
    with pytest.raises(KeyError, match="lost"):
        answer()


def test_what_its_error_holds_of_the_engine_is_given_back(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    complained: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", complained.append)

    def fail(same: Workspace) -> None:
        rows = same.table("requests", columns=["run"])
        assert not isinstance(rows, Refusal)
        counted = rows.count().as_table().cache()  # whose end drops a table of the engine
        raise KeyError(counted.columns)

    with beside(ws, fail) as answer:
        pass
    del answer
    gc.collect()
    assert complained == []


def test_what_fails_in_the_body_ends_the_question(ws: Workspace) -> None:
    started = threading.Event()

    def forever(same: Workspace) -> None:
        started.set()
        same.connection.con.execute(_LONG)

    def stopped() -> None:
        with beside(ws, forever):
            started.wait(10)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert _runs(ws) == ["a", "b"]


def test_a_body_that_closes_the_workspace_ends_as_it_would_by_itself(ws: Workspace) -> None:
    with beside(ws, _runs) as answer:
        ws.close()
    assert answer() == _runs(ws) == ["a", "b"]


def test_garbage_is_collected_as_before_once_both_have_ended(ws: Workspace) -> None:
    with beside(ws, lambda _: gc.isenabled()) as answer:
        pass
    assert (answer(), gc.isenabled()) == (False, True)


def test_another_processs_engine_is_asked_when_the_answer_is_wanted(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Workspace, "is_embedded", property(lambda _: False))
    asked: list[Workspace] = []
    with beside(ws, asked.append) as answer:
        assert asked == []
    answer()
    assert asked == [ws]
