"""Ask a workspace something in a thread of its own, while the caller goes on with the same data."""

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from traceback import clear_frames
from typing import TypeVar

from metricstack.telemetry.workspace import Workspace

__all__ = ["beside"]

T = TypeVar("T")
_SECONDS = 0.05
"""Between two tries to interrupt: what has not begun cannot be interrupted yet."""


@contextmanager
def beside(ws: Workspace, ask: Callable[[Workspace], T]) -> Iterator[Callable[[], T]]:
    """Ask a workspace something, and go on meanwhile.

    What the engine scans for the one and what Python computes for the other keep the processors of a machine busy,
    which they do not by turns. Only an engine of this process is there a second time; another's is asked when its
    answer is wanted. What fails in the body ends the question, too.

    Meanwhile Python looks for no garbage that holds itself: it would free what is the one engine's in the other's
    thread, and look through the many small objects that queries are made of over and over.

    Args:
        ws: The workspace.
        ask: The question, of a workspace that holds the same data, of the same moment.

    Yields:
        What waits for the answer, or raises what the question raised.
    """
    if not ws.is_embedded:
        yield lambda: ask(ws)
        return
    import duckdb
    import scipy.special  # noqa: F401  of a package that two threads import at once, one may see a half

    engine = ws.connection
    threads = int(engine.con.sql("select current_setting('threads')").fetchone()[0])
    second, collects = _twin(ws), gc.isenabled()
    gc.disable()
    try:
        with ThreadPoolExecutor(1, thread_name_prefix="beside") as pool:
            for one in (engine, second.connection):  # they share the processors: all for each would only be in the way
                one.raw_sql(f"SET threads = {max(threads // 2, 1)}")
            answer: Future[T] = pool.submit(ask, second)
            try:
                yield answer.result
                wait([answer])
            finally:
                while not answer.done():
                    second.connection.con.interrupt()
                    wait([answer], timeout=_SECONDS)
                if error := answer.exception():  # what it holds of its engine is given back before that is closed
                    clear_frames(error.__traceback__)
    finally:
        second.close()
        if collects:
            gc.enable()
        with suppress(duckdb.ConnectionException):  # the body has closed it
            engine.raw_sql(f"SET threads = {threads}")


def _twin(ws: Workspace) -> Workspace:
    """Open a workspace once more, as of the same moment, with an engine of its own."""
    other = Workspace(ws.root, ws.config)
    other.__dict__["warehouse"] = ws.warehouse
    return other.reproducible() if ws.is_reproducible else other
