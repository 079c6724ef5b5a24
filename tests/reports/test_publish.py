"""What publishing promises: a reader sees the old report or the new one, whole; a run has one plain folder name."""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metricstack.core.errors import ReportError
from metricstack.reports import publish as module
from metricstack.reports import run_name
from metricstack.reports.publish import publish, staging, write

DEFAULTS = {"quarter": "2026Q2", "segment": "", "workspace": ".", "by": [], "level": 0.95}


def put(place: Path, **content: str) -> None:
    with staging(place) as folder:
        write(folder, place, {name.replace("_", "."): text for name, text in content.items()})
        publish(folder, place)


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def test_a_run_is_named_by_its_quarter_and_what_is_not_its_default() -> None:
    assert run_name({"quarter": "2026Q3"}, DEFAULTS) == "2026Q3"
    assert run_name({}, DEFAULTS) == "2026Q2"
    assert run_name({"segment": "", "level": 0.95}, DEFAULTS) == "2026Q2"
    assert run_name({"quarter": "2026Q3", "segment": "smb", "level": 0.9}, DEFAULTS) == "2026Q3--level-0.9--segment-smb"
    assert run_name({"workspace": "/elsewhere"}, DEFAULTS) == "2026Q2"
    assert run_name({}, {"workspace": "."}) == "default"


@given(st.text(), st.text())
def test_whatever_the_values_are_the_name_is_one_plain_folder_name(quarter: str, segment: str) -> None:
    name = run_name({"quarter": quarter, "segment": segment}, DEFAULTS)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,149}", name)


@given(st.text(), st.text())
def test_two_values_never_share_a_folder(one: str, other: str) -> None:
    names = [run_name({"segment": value}, DEFAULTS) for value in (one, other)]
    assert (names[0] == names[1]) == (one == other)


@pytest.mark.parametrize(
    "hostile", ["../../etc", "/etc/passwd", "..", ".", "a/b", "a\\b", "a\0b", "~", "\ud800", "x" * 999]
)
def test_a_hostile_value_cannot_leave_the_folder(hostile: str, tmp_path: Path) -> None:
    place = tmp_path / "reports" / "review" / run_name({"quarter": hostile, "segment": hostile}, DEFAULTS)
    put(place, report_html="x")
    assert place.resolve().parent == (tmp_path / "reports" / "review").resolve()
    assert (place / "report.html").read_text() == "x"


def test_the_new_report_replaces_the_old_one_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    place = tmp_path / "2026Q3"
    put(place, report_html="old", failed_ipynb="{}")
    put(place, report_html="new")
    assert visible(place) == ["report.html"]
    assert (place / "report.html").read_text() == "new"
    assert visible(tmp_path) == ["2026Q3"]


def test_what_others_put_beside_a_report_is_kept(tmp_path: Path) -> None:
    place = tmp_path / "2026Q3"
    put(place, report_html="old")
    (place / "minutes").mkdir()
    (place / "minutes" / "board.md").write_text("agreed")
    put(place, report_html="new")
    assert (place / "minutes" / "board.md").read_text() == "agreed"


@pytest.mark.parametrize("exchange", [True, False])
def test_a_reader_sees_the_old_or_the_new_report_never_a_mixture(
    exchange: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without the system's exchange there is a moment between two renames: a reader may find nothing, never half.
    if not exchange:
        monkeypatch.setattr(module, "_exchange", lambda one, other: False)
    elif not sys.platform.startswith("linux"):
        pytest.skip("only Linux exchanges two folders in one step")
    place = tmp_path / "2026Q3"
    put(place, report_html="0", findings_json="0")
    seen: list[tuple[str, str]] = []
    missing = 0
    stop = threading.Event()

    def read() -> None:
        nonlocal missing
        while not stop.is_set():
            try:
                handle = os.open(place, os.O_RDONLY)  # a reader that stays in one folder, as a server would
            except FileNotFoundError:
                missing += 1
                continue
            try:
                with (
                    os.fdopen(os.open("report.html", os.O_RDONLY, dir_fd=handle)) as one,
                    os.fdopen(os.open("findings.json", os.O_RDONLY, dir_fd=handle)) as other,
                ):
                    seen.append((one.read(), other.read()))
            except FileNotFoundError:
                pass  # the old report was taken away while it was being opened
            finally:
                os.close(handle)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(1, 30):
        put(place, report_html=str(number), findings_json=str(number))
    stop.set()
    reader.join()
    assert seen
    assert all(one == other for one, other in seen)
    assert (place / "report.html").read_text() == "29"
    if exchange:
        assert missing == 0


def test_two_at_once_into_one_folder_both_end_and_one_of_them_stands_whole(tmp_path: Path) -> None:
    place = tmp_path / "2026Q3"
    threads = [
        threading.Thread(target=put, args=(place,), kwargs={"report_html": str(n), "findings_json": str(n)})
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert visible(tmp_path) == ["2026Q3"]
    assert (place / "report.html").read_text() == (place / "findings.json").read_text()


def test_a_crash_between_the_two_renames_is_mended_by_the_next_run(tmp_path: Path) -> None:
    place = tmp_path / "2026Q3"
    put(place, report_html="good")
    place.rename(tmp_path / ".2026Q3.old")
    with staging(place):
        assert (place / "report.html").read_text() == "good"


def test_a_run_that_stops_leaves_the_report_as_it_was_and_nothing_else(tmp_path: Path) -> None:
    place = tmp_path / "2026Q3"
    put(place, report_html="good")
    with staging(place) as folder:
        write(folder, place, {"report.html": "half"})
    assert (place / "report.html").read_text() == "good"
    assert visible(tmp_path) == ["2026Q3"]


def test_what_a_killed_run_left_goes_after_a_day_and_not_before(tmp_path: Path) -> None:
    place = tmp_path / "2026Q3"
    fresh, stale = tmp_path / ".2026Q3.aaaa.new", tmp_path / ".2026Q3.bbbb.new"
    for folder in (fresh, stale):
        folder.mkdir()
    os.utime(stale, (time.time() - 90_000,) * 2)
    put(place, report_html="x")
    assert visible(tmp_path) == [".2026Q3.aaaa.new", "2026Q3"]


def test_a_full_disk_is_said_and_the_last_report_stands(tmp_path: Path) -> None:
    place = tmp_path / "2026Q3"
    put(place, report_html="good")
    with staging(place) as folder:
        (folder / "report.html").symlink_to("/dev/full")  # whoever writes there finds no space left
        with pytest.raises(
            ReportError, match=r"cannot be written to .*2026Q3: no space left on device\. .*still stands"
        ):
            write(folder, place, {"report.html": "new"})
    assert (place / "report.html").read_text() == "good"


def test_a_folder_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("")
    with pytest.raises(ReportError, match="cannot be written"), staging(tmp_path / "reports" / "2026Q3"):
        pass


AS_NOBODY = """
import os, sys
from pathlib import Path
from metricstack.core.errors import ReportError
from metricstack.reports.publish import staging
if os.getuid() == 0:
    os.setgid(65534); os.setuid(65534)
try:
    with staging(Path(sys.argv[1])):
        print("written")
except ReportError as error:
    print(error)
"""


def test_a_read_only_folder_is_said_and_the_last_report_stands() -> None:
    # Not under pytest's own folder, which only its owner may enter; root may write anywhere, so root becomes nobody.
    root = Path("/var/tmp" if Path("/var/tmp").is_dir() else "/tmp") / f"metricstack-read-only-{os.getpid()}"
    place = root / "2026Q3"
    put(place, report_html="good")
    root.chmod(0o555)
    try:
        done = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, str(place)], capture_output=True, text=True, timeout=60, check=True
        )
        assert "permission denied. What was published before still stands." in done.stdout, done.stderr
        assert (place / "report.html").read_text() == "good"
    finally:
        root.chmod(0o755)
        shutil.rmtree(root)
