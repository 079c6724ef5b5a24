"""What a run promises: whole or not at all; what failed is said with its cell; the same inputs give the same bytes."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest

from metricstack.core.errors import InvalidInput, ReportError, UnknownName
from metricstack.reports import Report, run

pytestmark = pytest.mark.slow

EVIL = "\"; raise SystemExit #\\ '''\n{x} $1 <script>alert(1)</script> é \u2028"


def go(path: Path, parameters: dict[str, Any] | None = None, **options: Any) -> Report:
    return run(path, parameters, out=path.parent / "reports", progress=False, **options)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_run_publishes_the_page_the_findings_the_manifest_and_the_notebook(write: Any, tmp_path: Path) -> None:
    report = go(write("segment"), {"quarter": "2026Q1", "segment": "smb"})
    assert report.folder == tmp_path / "reports" / "small" / "2026Q1--segment-smb"
    assert sorted(files(report.folder)) == ["findings.json", "manifest.json", "report.html", "run.ipynb"]
    assert (report.answered, report.refused) == (1, 0)
    assert "&#x27;smb&#x27;" in report.path.read_text()
    findings = json.loads((report.folder / "findings.json").read_text())
    assert [finding["subject"] for finding in findings["findings"]] == ["conversion"]


def test_the_manifest_says_what_made_the_report(write: Any) -> None:
    report = go(write(), {"segment": "smb"})
    manifest = json.loads((report.folder / "manifest.json").read_text())
    assert manifest["parameters"] == {"quarter": "2026Q3", "segment": "smb", "workspace": ".", "level": 0.95}
    assert manifest["findings"] == {"answered": 1, "refused": 0}
    assert manifest["notebook"]["code_cells"] == 3  # the tagged cell, the injected one, the findings
    assert manifest["packages"]["papermill"]
    assert manifest["started"] <= manifest["finished"]


@pytest.mark.slow
def test_the_same_inputs_give_the_same_bytes_of_all_but_the_manifest(write: Any) -> None:
    path = write("import sys, warnings\nwarnings.warn('x')\nprint(hash('a'))\nobject()")
    first = files(go(path, {"segment": "smb"}).folder)
    second = files(go(path, {"segment": "smb"}).folder)
    del first["manifest.json"], second["manifest.json"]
    assert first == second


def test_findings_come_once_each_in_the_order_of_the_notebook(write: Any) -> None:
    emit = (
        "import metricstack as ms\n"
        "q = lambda name: ms.core.Finding(name, ms.core.Refusal(ms.core.Reason.NO_DATA, 'none'), subject=name)\n"
        "ms.reports.emit(q('z'), [q('a'), q('z')])"
    )
    report = go(write(emit))
    findings = json.loads((report.folder / "findings.json").read_text())["findings"]
    assert [finding["subject"] for finding in findings] == ["z", "a", "conversion"]
    assert (report.answered, report.refused) == (1, 2)


@pytest.mark.slow
@pytest.mark.parametrize("value", [EVIL, "../../../etc/passwd", "\\", '"'])
def test_a_hostile_parameter_reaches_the_notebook_as_it_is_and_does_nothing_else(
    value: str, write: Any, tmp_path: Path
) -> None:
    path = write("from pathlib import Path\nPath(workspace, 'seen.txt').write_bytes(segment.encode())\nsegment")
    report = go(path, {"segment": value, "workspace": str(tmp_path)})
    assert (tmp_path / "seen.txt").read_bytes() == value.encode()
    assert report.folder.parent == tmp_path / "reports" / "small"
    assert "<script" not in report.path.read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("1 / 0", r"cell 4 stopped with ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(0)", r"cell 4 stopped with SystemExit: 0"),
        ("raise KeyboardInterrupt", r"cell 4 stopped with KeyboardInterrupt"),
        ("import os\nos._exit(0)", r"the kernel died while cell 4 ran"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", r"the kernel died while cell 4 ran"),
        ("import time\ntime.sleep(60)", r"cell 4 ran longer than the 2 s that a cell may take"),
        ("x = = 1", r"cell 4 stopped with SyntaxError: invalid syntax"),
    ],
)
def test_a_run_that_fails_says_where_and_leaves_the_last_good_report(
    code: str, said: str, write: Any, tmp_path: Path
) -> None:
    place = tmp_path / "reports" / "small" / "2026Q3"
    place.mkdir(parents=True)
    for name in ("report.html", "findings.json"):
        (place / name).write_text("good")
    before = files(place)
    with pytest.raises(
        ReportError, match=rf"small 2026Q3 failed: {said}.*\. See .*failed\.ipynb\. The last good report"
    ):
        go(write("'bad'", code), timeout=2 if "sleep" in code else 60)
    after = files(place)
    failed = nbformat.reads(after.pop("failed.ipynb").decode(), as_version=4)
    assert after == before
    assert failed.cells[0].source.startswith("**This run failed:** ")
    assert code in [cell.source for cell in failed.cells]


@pytest.mark.slow
def test_after_a_failure_the_next_good_run_clears_the_failed_notebook(write: Any) -> None:
    with pytest.raises(ReportError) as caught:
        go(write("1 / 0"))
    assert "still stands" not in str(caught.value)
    assert "failed.ipynb" not in files(go(write("1")).folder)


def test_an_expected_error_is_an_error_too(write: Any) -> None:
    with pytest.raises(ReportError, match="cell 3 stopped with ZeroDivisionError"):
        go(write("1 / 0", tags=["raises-exception"]))


def test_a_cell_that_was_skipped_is_not_published(write: Any) -> None:
    with pytest.raises(ReportError, match="cell 3 did not run"):
        go(write("1 / 0", tags=["skip-execution"]))


def test_a_report_without_findings_is_not_published(write: Any, tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"handed over no findings; let its last cell be `ms.reports.emit"):
        go(write("1", emit=False))
    assert list(files(tmp_path / "reports" / "small" / "2026Q3")) == ["failed.ipynb"]


def test_the_cell_is_counted_as_it_stands_in_the_notebook_whatever_was_injected(write: Any) -> None:
    with pytest.raises(ReportError, match="cell 3 stopped"):
        go(write("1 / 0"), {"segment": "smb"})


def test_nothing_runs_when_a_parameter_is_wrong(write: Any, tmp_path: Path) -> None:
    path = write("open('ran', 'w')")
    with pytest.raises(UnknownName, match="Did you mean 'quarter'"):
        go(path, {"quater": "2026Q3"})
    with pytest.raises(InvalidInput, match="'level' of small is a number"):
        go(path, {"level": "high"})
    assert not (tmp_path / "reports").exists()


@pytest.mark.slow
def test_two_runs_at_once_into_one_folder_both_end_well(write: Any, tmp_path: Path) -> None:
    path = write("import time\ntime.sleep(0.3)")
    reports: list[Report] = []
    threads = [threading.Thread(target=lambda: reports.append(go(path))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reports) == 2
    assert sorted(files(reports[0].folder)) == ["findings.json", "manifest.json", "report.html", "run.ipynb"]
    left = {path.name for path in (tmp_path / "reports" / "small").iterdir()}
    assert left == {"2026Q3", ".2026Q3.lock"}


def test_a_run_does_not_depend_on_start_up_files_or_a_module_in_the_folder(
    write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("raise SystemExit")
    (tmp_path / "metricstack.py").write_text("raise ImportError('the wrong one')")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.chdir(tmp_path)
    assert go(write()).answered == 1


@pytest.mark.slow
def test_ctrl_c_stops_the_run_keeps_what_ran_and_leaves_no_kernel(write: Any, tmp_path: Path) -> None:
    path = write("import os\nopen('pid', 'w').write(str(os.getpid()))\nimport time\ntime.sleep(60)")
    code = "import sys; from metricstack.reports import run; run(sys.argv[1], out='reports', progress=False)"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not ((tmp_path / "pid").is_file() and (tmp_path / "pid").read_text()):
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert "KeyboardInterrupt" in errors.splitlines()[-1]
    failed = nbformat.read(tmp_path / "reports" / "small" / "2026Q3" / "failed.ipynb", as_version=4)
    assert failed.cells[0].source == "**This run failed:** it was interrupted while cell 3 ran."
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_the_progress_bar_is_on_the_error_stream(write: Any, capfd: pytest.CaptureFixture[str]) -> None:
    path = write()
    run(path, out=path.parent / "reports")
    out, err = capfd.readouterr()
    assert out == ""
    assert "100%" in err


def test_a_kernel_loads_nothing_heavy_before_a_notebook_asks_for_it(write: Any, tmp_path: Path) -> None:
    heavy = "altair pandas ibis duckdb papermill nbconvert jsonschema rfc3987_syntax statsmodels"
    look = f"import sys\nimport metricstack as ms\nms.reports\n[n for n in {heavy.split()} if sys.modules.get(n)]"
    report = go(write(look))
    shown = nbformat.read(report.folder / "run.ipynb", as_version=4).cells[2].outputs[0].data["text/plain"]
    assert shown == "[]"
