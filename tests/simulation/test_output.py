"""A workspace appears whole or not at all; nothing that is not simulated is ever replaced."""

import os
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest

from metricstack.core.errors import InvalidInput, UnknownName, WorkspaceError
from metricstack.simulation import Settings, sample, simulate
from metricstack.telemetry import Warehouse

TINY = {"requests": 50, "days": 3, "seed": 1}

pytestmark = pytest.mark.usefixtures("rough_truth")


@pytest.mark.parametrize(
    ("wrong", "named"),
    [({"requests": -5}, "requests"), ({"requests": 0}, "requests"), ({"days": 0}, "days"), ({"seed": -1}, "seed"),
     ({"days": 5000}, "ten years"), ({"seed": 2**47}, "seed is 140737488355328; .* to 140,737,488,355,327"),
     ({"requests": 10**9 + 1}, "to 1,000,000,000"), ({"seed": 10**5000}, "more than 24 digits"),
     ({"requests": 1.5}, "whole number"), ({"requests": True}, "whole number")],
)  # fmt: skip
def test_numbers_that_cannot_be_simulated_are_refused_by_name(wrong: dict[str, int], named: str) -> None:
    with pytest.raises(InvalidInput, match=named):
        Settings(**(TINY | wrong))


def test_the_largest_numbers_are_taken() -> None:
    assert Settings(requests=10**9, days=3660, seed=2**47 - 1).seed == 140_737_488_355_327


@pytest.mark.parametrize("start", [date(1, 1, 1), date(9999, 12, 31)])
def test_a_start_that_no_calendar_reaches_is_refused(start: date) -> None:
    with pytest.raises(InvalidInput, match="from 1980-01-01 to 2180-01-01"):
        Settings(**TINY, start=start)


def test_no_worker_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="at least one"):
        simulate(tmp_path / "a", **TINY, workers=0)


def test_an_unknown_table_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="requests"):
        sample(**TINY, tables=("request",))


def test_a_folder_that_holds_something_else_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    for replace in (False, True):
        with pytest.raises(WorkspaceError, match="no simulated workspace"):
            simulate(tmp_path, **TINY, replace=replace)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_way_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "company").write_text("a file", encoding="utf-8")
    with pytest.raises(WorkspaceError, match="is a file"):
        simulate(tmp_path / "company", **TINY)


def test_a_simulated_workspace_is_replaced_only_on_request(tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    simulate(tmp_path / "deep" / "company", **TINY, progress=lambda done, total: steps.append((done, total)))
    assert steps[-1] == (50, 50)
    with pytest.raises(WorkspaceError, match=r"already\. Replace it with `--replace` \(in Python `replace=True`\)"):
        simulate(tmp_path / "deep" / "company", **TINY)
    simulate(tmp_path / "deep" / "company", **(TINY | {"requests": 60}), replace=True)
    files = Warehouse.open(tmp_path / "deep" / "company" / "data").of("sessions")
    assert sum(file.rows for file in files) > 10
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["company"]


def test_an_interrupted_run_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path / "company", **TINY, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def left(folder: Path, name: str, *, hours: float, inner_hours: float | None = None) -> Path:
    """Lay down what a killed run left, with files that were written so many hours ago."""
    made = folder / name
    (made / "data").mkdir(parents=True)
    (made / "data" / "part.parquet").write_text("x", encoding="utf-8")
    for path, ago in ((made / "data" / "part.parquet", inner_hours or hours), (made / "data", hours), (made, hours)):
        os.utime(path, (time.time() - 3600 * ago,) * 2)
    return made


def test_what_killed_runs_left_an_hour_ago_is_swept_and_nothing_else(tmp_path: Path) -> None:
    simulate(tmp_path / "company", **TINY)
    gone = [left(tmp_path, f".company.ab_d3fgh.{kind}", hours=2) for kind in ("simulating", "old")]
    kept = [
        left(tmp_path, ".company.abcdefgi.simulating", hours=0.5),
        left(tmp_path, ".company.abcdefgj.simulating", hours=2, inner_hours=0.5),  # a long run that still writes
        left(tmp_path, ".company.two.abcdefgh.simulating", hours=2),  # of another company
        left(tmp_path, ".company.notes.old", hours=2),
    ]
    simulate(tmp_path / "company", **TINY, replace=True)
    assert not any(path.exists() for path in gone)
    assert all(path.exists() for path in kept)


def test_the_old_workspace_of_a_run_killed_between_its_renames_is_kept_till_another_stands(tmp_path: Path) -> None:
    old = left(tmp_path, ".company.abcdefgh.old", hours=2)
    simulate(tmp_path / "company", **TINY)
    assert old.exists()
    simulate(tmp_path / "company", **TINY, replace=True)
    assert not old.exists()


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "company").mkdir()
    simulate(tmp_path / "company", **TINY)
    assert (tmp_path / "company" / "truth.json").is_file()


def test_a_disk_that_cannot_be_written_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from metricstack.simulation import output

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(output.pq, "write_table", full)
    with pytest.raises(WorkspaceError, match="No space left"):
        simulate(tmp_path / "company", **TINY)
    assert list(tmp_path.iterdir()) == []


_PEAK = """
import resource, sys
from metricstack.simulation import simulate
simulate(sys.argv[1], requests=int(sys.argv[2]), days=30, seed=1, workers=1)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_four_times_the_requests_take_no_more_memory(tmp_path: Path) -> None:
    # Both hold one full stretch at a time. 60 MB: users, and what the allocator keeps.
    peaks = []
    for requests in (80_000, 320_000):
        run = subprocess.run(
            [sys.executable, "-c", _PEAK, str(tmp_path / str(requests)), str(requests)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        peaks.append(int(run.stdout))
    assert peaks[1] < peaks[0] + 60
