"""What `metricstack rollup` promises: it says in a line or two what it did, does nothing twice, names wrong calls."""

from pathlib import Path

import pytest

from metricstack.cli.main import main
from tests.metrics.conftest import at, write_workspace

CONFIG = '[workspace]\nname = "x"\n[rollups.requests]\nby = ["use_case"]\n'


def make(root: Path, config: str = CONFIG) -> str:
    rows = [{"run": f"r{i}", "user": f"u{i}", "use_case": "a", "start": at(f"07-{i + 1:02}")} for i in range(4)]
    write_workspace(root, {"requests": rows}, config)
    return str(root)


def test_it_says_what_it_did_and_does_nothing_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make(tmp_path)
    assert main(["rollup", "--workspace", folder]) == 0
    assert "Rolled up 1 table: 4 days of a table computed, 0 up to date" in capsys.readouterr().out
    assert main(["rollup", "--workspace", folder]) == 0
    assert "0 days of a table computed, 4 up to date" in capsys.readouterr().out
    assert main(["rollup", "--workspace", folder, "--rebuild"]) == 0
    assert "4 days of a table computed, 0 up to date" in capsys.readouterr().out


def test_a_wrong_declaration_is_named_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make(tmp_path, CONFIG.replace("use_case", "use_cse"))
    assert main(["rollup", "--workspace", folder]) == 1
    said = capsys.readouterr().err
    assert "metricstack.toml:4" in said
    assert "use_case" in said


def test_without_tables_there_is_nothing_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "metricstack.toml").write_text('[workspace]\nname = "x"\n', encoding="utf-8")
    assert main(["rollup", "--workspace", str(tmp_path)]) == 0
    assert "no table" in capsys.readouterr().out
