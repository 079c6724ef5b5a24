"""What registering promises: a time that cannot be moved, changes that are told, and nothing lost by misuse.

* A declaration is registered once; again changes nothing; changed it has a new time.
* What was changed, when, and whether after the start, is told by field.
* A register that was edited, cut or reordered proves nothing; a read-only workspace claims nothing.
"""

import hashlib
import json
import multiprocessing
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from metricstack.core.errors import ConfigurationError, UnknownName
from metricstack.experiments import declaration, declared, register
from metricstack.experiments.registry import register_all
from metricstack.telemetry import open_workspace
from tests.metrics.conftest import at, write_workspace

_SOON = datetime.now(UTC) + timedelta(days=30)


def _declare(root: Path, *, planned_n: int = 800, start: datetime = _SOON, more: str = "") -> None:
    folder = root / "experiments"
    folder.mkdir(exist_ok=True)
    (folder / "a.toml").write_text(
        f'[experiments.retry]\nunit = "user"\narms = ["control", "treatment"]\nprimary = "task_success"\n'
        f"planned_n = {planned_n}\nstart = {start.isoformat()}\n{more}",
        encoding="utf-8",
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_workspace(tmp_path, {})
    _declare(tmp_path)
    return tmp_path


def _lines(root: Path) -> list[dict[str, object]]:
    text = (root / "experiments" / "registered.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()[:-1]]  # the seal stands at the end


def test_a_file_is_registered_from_when_it_was(root: Path) -> None:
    before = datetime.now(UTC)
    assert declaration(open_workspace(root), "retry").registered_at is None
    line = register(open_workspace(root), "retry")["retry"]
    one = declaration(open_workspace(root), "retry")
    assert before <= line.at <= datetime.now(UTC)
    assert one.registered_at == line.at
    assert one.is_registered
    assert one.changes == ()


def test_registering_again_changes_nothing(root: Path) -> None:
    first = register(open_workspace(root))["retry"]
    again = register(open_workspace(root))["retry"]
    assert (first.is_new, again.is_new) == (True, False)
    assert (again.at, again.line) == (first.at, first.line)
    assert len(_lines(root)) == 1


def test_a_change_is_told_by_field_with_its_time(root: Path) -> None:
    first = register(open_workspace(root))["retry"]
    _declare(root, planned_n=400, more='covariates = ["cost_per_request"]\n')
    unregistered = declaration(open_workspace(root), "retry")
    assert unregistered.registered_at is None  # as it stands now it never was
    told = {change.name: change for change in unregistered.changes}
    assert (told["planned_n"].before, told["planned_n"].after, told["planned_n"].at) == (800, 400, None)
    assert told["covariates"].after == ["cost_per_request"]
    second = register(open_workspace(root))["retry"]
    one = declaration(open_workspace(root), "retry")
    assert one.registered_at == second.at > first.at
    assert str(one.changes[0]) == f"planned_n was changed from 800 to 400 on {second.at:%Y-%m-%d}"


def test_a_change_after_the_start_says_so(tmp_path: Path) -> None:
    row = {
        "experiment": "retry", "registered_at": at("06-28"), "start": at("07-01"), "unit": "user",
        "arms": '["control", "treatment"]', "primary_metric": "task_success", "planned_n": 4000.0,
    }  # fmt: skip
    later = row | {"registered_at": at("08-02"), "planned_n": 2000.0}
    one = declaration(write_workspace(tmp_path, {"experiments": [row, later]}), "retry")
    assert [str(change) for change in one.changes] == [
        "planned_n was changed from 4,000 to 2,000 on 2026-08-02, after the start"
    ]
    assert not one.is_registered


def test_what_is_declared_again_word_for_word_keeps_its_first_time(tmp_path: Path) -> None:
    row = {
        "experiment": "retry", "registered_at": at("06-28"), "start": at("07-01"), "unit": "user",
        "arms": '["control", "treatment"]', "primary_metric": "task_success",
    }  # fmt: skip
    one = declaration(write_workspace(tmp_path, {"experiments": [row, row | {"registered_at": at("08-02")}]}), "retry")
    assert one.registered_at == at("06-28")


@pytest.mark.parametrize("spoil", [
    lambda lines: [lines[0].replace(b"800", b"900"), *lines[1:]],  # edited
    lambda lines: [lines[0], lines[1].replace(b'"at": "2', b'"at": "1'), lines[2]],  # the last one dated back
    lambda lines: [lines[0], lines[1].replace(b"400", b"500"), lines[2]],  # the last one's content
    lambda lines: lines[1:],  # taken out
    lambda lines: [lines[0], lines[2]],  # the last one taken out, so that nothing seems to have changed
    lambda lines: [lines[1], lines[0], lines[2]],  # in another order
    lambda lines: [lines[0], lines[1][:-20]],  # cut off
    lambda lines: lines[:2],  # its end cut off
    lambda lines: lines[:1],
    lambda lines: [],  # emptied
    lambda lines: [*lines, lines[0]],
    lambda lines: [lines[0], b"null\n", lines[2]],
    lambda lines: [lines[0], b"[" * 100_000 + b"\n", lines[2]],
    lambda lines: [b"\xff\xfe\n"],
])  # fmt: skip
def test_a_register_that_was_touched_proves_nothing_and_says_so(root: Path, spoil: object) -> None:
    register(open_workspace(root))
    _declare(root, planned_n=400)
    register(open_workspace(root))
    path = root / "experiments" / "registered.jsonl"
    spoilt = b"".join(spoil(path.read_bytes().splitlines(keepends=True)))  # type: ignore[operator]
    path.write_bytes(spoilt)
    found = declared(open_workspace(root))
    assert found.experiments["retry"].registered_at is None
    assert "proves nothing: experiments/registered.jsonl was changed" in found.faults[0]
    assert found.experiments["retry"].unproven == found.unproven != ""
    assert found.experiments["retry"].changes == ()
    with pytest.raises(ConfigurationError, match="Restore it, or move it away"):
        register(open_workspace(root), "retry")
    assert path.read_bytes() == spoilt


def _register_in(root: str, key: str) -> None:
    register(open_workspace(Path(root)), key)


def test_two_at_once_lose_nothing(root: Path) -> None:
    folder = root / "experiments"
    text = (folder / "a.toml").read_text(encoding="utf-8")
    keys = [f"e{i}" for i in range(6)]
    for key in keys:
        (folder / f"{key}.toml").write_text(text.replace("experiments.retry", f"experiments.{key}"), encoding="utf-8")
    started = [multiprocessing.get_context("fork").Process(target=_register_in, args=(str(root), key)) for key in keys]
    for one in started:
        one.start()
    for one in started:
        one.join()
    assert sorted(line["experiment"] for line in _lines(root)) == keys
    assert declared(open_workspace(root)).faults == ()


_AS_NOBODY = """
import os, sys
from pathlib import Path
from metricstack.core.errors import ConfigurationError
from metricstack.experiments import declaration, declared, register
from metricstack.telemetry import open_workspace
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
ws = open_workspace(Path(sys.argv[1]))
try:
    register(ws, "retry")
except ConfigurationError as error:
    one = declaration(ws, "retry")
    print(one.registered_at, one.unproven, declared(ws).faults, error)
"""


def test_a_read_only_workspace_claims_nothing() -> None:
    with tempfile.TemporaryDirectory() as name:  # below the system's folder, which anybody may enter
        root = Path(name)
        write_workspace(root, {})
        _declare(root)
        register(open_workspace(root))
        for path in (root, *root.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        told = subprocess.run([sys.executable, "-c", _AS_NOBODY, name], capture_output=True, text=True, check=False)
        for path in (root, *root.rglob("*")):
            path.chmod(0o755)
    assert told.stdout.startswith("None the workspace is read-only ()"), told.stderr  # which is no fault of it
    assert "cannot be written: Permission denied" in told.stdout


def test_what_the_data_carry_counts_in_a_read_only_workspace_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {
        "experiment": "retry", "registered_at": at("06-28"), "start": at("07-01"), "unit": "user",
        "arms": '["control", "treatment"]', "primary_metric": "task_success",
    }  # fmt: skip
    ws = write_workspace(tmp_path, {"experiments": [row]})
    register(ws)
    assert declaration(ws, "retry").registered_at == at("06-28")  # the first time counts
    monkeypatch.setattr("metricstack.experiments.registry.os.access", lambda *_: False)
    one = declaration(ws, "retry")
    assert (one.registered_at, one.unproven) == (at("06-28"), "the workspace is read-only")


def test_a_start_that_was_moved_makes_a_late_change_no_early_one(tmp_path: Path) -> None:
    # It began on 1 July; on 2 August somebody saw the numbers, changed the plan, and moved the start past that day.
    row = {
        "experiment": "retry", "registered_at": at("06-28"), "start": at("07-01"), "unit": "user",
        "arms": '["control", "treatment"]', "primary_metric": "task_success", "planned_n": 4000.0,
    }  # fmt: skip
    moved = row | {"registered_at": at("08-02"), "planned_n": 2000.0, "start": at("08-03")}
    one = declaration(write_workspace(tmp_path, {"experiments": [row, moved]}), "retry")
    assert {(change.name, change.late) for change in one.changes} == {("planned_n", True), ("start", True)}


def test_a_clock_that_was_set_back_dates_no_line_before_the_one_above(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = register(open_workspace(root))["retry"]

    class Slow(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return first.at - timedelta(days=9)

    monkeypatch.setattr("metricstack.experiments.registry.datetime", Slow)
    _declare(root, planned_n=400)
    assert register(open_workspace(root))["retry"].at == first.at


def test_times_that_run_backwards_prove_nothing(root: Path) -> None:
    register(open_workspace(root))
    _declare(root, planned_n=400)
    register(open_workspace(root))
    first, last = _lines(root)
    last["at"] = "2020-01-01T00:00:00+00:00"  # dated back, and bound anew by whoever knows how
    text, before = b"", ""
    for line in (first, last):
        written = json.dumps(line | {"before": before}, sort_keys=True).encode() + b"\n"
        text, before = text + written, hashlib.blake2b(written, digest_size=16).hexdigest()
    text += json.dumps({"last": before, "lines": 2}, sort_keys=True).encode() + b"\n"
    (root / "experiments" / "registered.jsonl").write_bytes(text)
    assert "was changed at line 2" in declared(open_workspace(root)).unproven


_FULL = """
import resource, sys
from pathlib import Path
from metricstack.core.errors import ConfigurationError
from metricstack.experiments import register
from metricstack.telemetry import open_workspace
ws = open_workspace(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))  # as a disk on which there is room for no more
try:
    register(ws, "retry")
except ConfigurationError as error:
    print(error)
"""


def test_a_disk_that_is_full_loses_nothing(root: Path) -> None:
    register(open_workspace(root))
    path = root / "experiments" / "registered.jsonl"
    before = path.read_bytes()
    _declare(root, planned_n=400)
    told = subprocess.run([sys.executable, "-c", _FULL, root], capture_output=True, text=True, check=False)
    assert "cannot be written: File too large" in told.stdout, told.stderr
    assert path.read_bytes() == before
    assert sorted(one.name for one in path.parent.iterdir()) == [".registered.lock", "a.toml", "registered.jsonl"]
    assert register(open_workspace(root))["retry"].is_new


def test_a_file_that_is_wrong_is_not_replaced_by_what_the_table_says(tmp_path: Path) -> None:
    row = {
        "experiment": "retry", "registered_at": at("06-28"), "start": at("07-01"), "unit": "user",
        "arms": '["control", "treatment"]', "primary_metric": "task_success",
    }  # fmt: skip
    ws = write_workspace(tmp_path, {"experiments": [row]})
    _declare(tmp_path, more="cap = 2\n")
    assert declared(ws).experiments == {}
    with pytest.raises(ConfigurationError, match="cap = 2"):
        declaration(ws, "retry")


def test_of_two_files_that_declare_one_none_is_read(root: Path) -> None:
    text = (root / "experiments" / "a.toml").read_text(encoding="utf-8")
    for name in ("b", "c"):
        (root / "experiments" / f"{name}.toml").write_text(text.replace("800", "900"), encoding="utf-8")
    found = declared(open_workspace(root))
    assert found.experiments == {}
    assert [fault.partition(":")[0] for fault in found.faults] == ["b.toml", "c.toml"]


def test_a_register_that_cannot_be_read_is_told(root: Path) -> None:
    (root / "experiments" / "registered.jsonl").mkdir()
    found = declared(open_workspace(root))
    assert list(found.experiments) == ["retry"]
    assert "registered.jsonl cannot be read: Is a directory" in found.faults[0]
    with pytest.raises(ConfigurationError, match="cannot be written"):
        register_all(open_workspace(root), list(found.experiments.values()))


def test_one_broken_declaration_does_not_hide_the_others(root: Path) -> None:
    (root / "experiments" / "b.toml").write_text("[experiments.b]\nunit = 3\n", encoding="utf-8")
    (root / "experiments" / "c.toml").write_text("this is not TOML", encoding="utf-8")
    ws = open_workspace(root)
    assert declaration(ws, "retry").planned_n == 800
    found = declared(ws)
    assert list(found.experiments) == ["retry"]
    assert any("b.toml:2" in fault for fault in found.faults)
    assert any("c.toml" in fault for fault in found.faults)
    with pytest.raises(ConfigurationError):
        declaration(ws, "b")


def test_experiments_that_are_a_file_are_told(tmp_path: Path) -> None:
    ws = write_workspace(tmp_path, {})
    (tmp_path / "experiments").write_text("x", encoding="utf-8")
    assert "experiments is a file" in declared(ws).faults[0]
    with pytest.raises(ConfigurationError, match="cannot be written"):
        register_all(ws, [])


def test_an_unknown_key_cannot_be_registered(root: Path) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'retry'"):
        register(open_workspace(root), ["rety"])
    assert not (root / "experiments" / "registered.jsonl").exists()


def test_all_that_may_be_declared_is_read_and_hashed(tmp_path: Path) -> None:
    ws = write_workspace(tmp_path, {})
    more = (
        'exposure = "flag service"\ntriggered = true\nsecondary = ["cost_per_request"]\ncorrection = "bh"\n'
        'segments = ["region"]\nsmallest_effect = 0.01\nship_if = "surely_matters"\ncovariates = ["task_success"]\n'
        'covariate_days = 14\nnull_policy = "zero"\ncap = 0.99\nspending = "pocock"\ndesign = "group_sequential"\n'
        f"ramps = [{{ at = {(_SOON + timedelta(days=2)).isoformat()}, allocation = [0.9, 0.1] }}]\n"
    )
    _declare(tmp_path)
    plain = declaration(ws, "retry")
    _declare(tmp_path, more=more)
    one = declaration(ws, "retry")
    assert (one.exposure, one.triggered, one.secondary, one.correction) == (
        "flag service", True, ("cost_per_request",), "bh",
    )  # fmt: skip
    assert (one.covariates, one.covariate_days, str(one.null_policy), one.cap) == (("task_success",), 14, "zero", 0.99)
    assert [shares for _, shares in one.periods] == [(0.5, 0.5), (0.9, 0.1)]
    hashes = {plain.hash}
    lines = [line for line in more.splitlines() if not line.startswith("ramps")] + [more.splitlines()[-1]]
    for line in lines:
        _declare(tmp_path, more=f"{line}\n")
        hashes.add(declaration(ws, "retry").hash)
    assert len(hashes) == 1 + len(lines)  # each of them is part of the hash


@pytest.mark.parametrize(("line", "told"), [
    ("cap = 1.0", "a share of units in (0.5, 1) is needed"), ("cap = nan", "a share of units"),
    ("cap = true", "a share of units"), ('covariates = "x"', "a list of different names"),
    ('covariates = ["x", "x"]', "a list of different names"), ("covariate_days = 0", "a whole number from 1 to 366"),
    ('null_policy = "zeros"', "Did you mean 'zero'"), ('ship_if = "always"', "better, matters, surely_matters"),
    ('correction = "bonferroni"', "holm, bh, by"), ("triggered = 1", "true or false is needed"),
    ("ramps = 3", "a list is needed"), ("ramps = [{ at = 2026-01-01 }]", "an instant `at` with its zone"),
    ("ramps = [{ at = 2020-01-01T00:00:00Z, allocation = [0.5, 0.5] }]", "in order of time"),
    ("ramps = [{ at = 2099-01-01T00:00:00Z, allocation = [0.6, 0.6] }]", "adding up to 1"),
    ("alpha = inf", "an error rate lies in (0, 1)"), ("planned_n = -5", "at least 2 units"),
    ("looks = 2.5", "whole number"), ("planned_n = 2.5", "a whole number is needed"),
    (f"planned_n = 1{'0' * 400}", "a whole number is needed"), ('planned_n = "800"', "a whole number is needed"),
    (f"smallest_effect = 1{'0' * 400}", "a fraction of control above 0"), ("smallest_effect = nan", "above 0"),
    (f"guardrails = {{ latency_p95 = 1{'0' * 400} }}", "a margin above 0"),
    (f"allocation = [0.5, 1{'0' * 400}]", "adding up to 1"), ('allocation = ["0.5", "0.5"]', "adding up to 1"),
    ("end = 2099-01-01", "an instant with its zone"), ("end = 2099-01-01T00:00:00", "an instant with its zone"),
    ("end = 9999-12-31T23:59:00-05:00", "an instant with its zone"), ('end = "2099-01-01T00:00:00Z"', "an instant"),
    ("ramps = [{ at = 2099-02-01T00:00:00Z, allocation = [0.6, 0.4] }, "
     "{ at = 2099-01-01T00:00:00Z, allocation = [0.5, 0.5] }]", "ramp 2 at 2099-01-01"),
    ("ramps = [{ at = 2099-01-01T00:00:00Z, allocation = [0.5, nan] }]", "adding up to 1"),
    ("ramps = [{ at = 2099-01-01T00:00:00Z, alocation = [0.5, 0.5] }]", "an instant `at`"),
    ('design = "group_sequental"', "Did you mean 'group_sequential'"), ('spending = "pocok"', "Did you mean 'pocock'"),
    ("guardrails = { latency_p95 = nan }", "a margin above 0"), ('hypothesis = ["x"]', "it must be text"),
    ("segmets = []", "Did you mean 'segments'"),
])  # fmt: skip
def test_what_cannot_be_declared_is_named_with_what_can(tmp_path: Path, line: str, told: str) -> None:
    ws = write_workspace(tmp_path, {})
    _declare(tmp_path, more=f"{line}\n")
    if line.startswith("planned_n"):  # which the declaration has already
        text = (tmp_path / "experiments" / "a.toml").read_text(encoding="utf-8").replace("planned_n = 800\n", "")
        (tmp_path / "experiments" / "a.toml").write_text(text, encoding="utf-8")
    (fault,) = declared(ws).faults
    assert told in fault
    assert fault.startswith("a.toml:")
