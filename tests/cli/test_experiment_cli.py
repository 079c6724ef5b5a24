"""What `metricstack experiment` promises: a verdict with its numbers, for people and for programs, and an exit code."""

import json
from pathlib import Path
from typing import Any

import pytest

from metricstack.cli import main
from tests.metrics.conftest import at, minutes, write_workspace

KEYS = {"key", "primary", "effect", "low", "high", "p", "verdict", "why"}


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = main(["experiment", *(str(argument) for argument in arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def workspace(folder: Path, *, lost: int = 0) -> Path:
    """Two experiments of 60 and 60 units, the second one's treatment short of some."""
    arms = ("control", "treatment")
    declared = [
        {"experiment": key, "registered_at": at("06-28"), "ingested_at": at("06-28"), "start": at("07-01"), "end": end,
         "unit": "user", "arms": '["control", "treatment"]', "allocation": "[0.5, 0.5]",
         "primary_metric": "task_success",
         "guardrails": "{}", "design": "fixed", "alpha": 0.05, "planned_n": 120.0, "hypothesis": "=cmd()"}
        for key, end in (("whole", at("08-01")), ("broken", at("11-01")))
    ]  # fmt: skip
    assigned = [
        {"experiment": key, "unit": f"{key}{arm}{i}", "variant": arm, "first_exposure": at("07-02"), "reason": "split"}
        for key in ("whole", "broken")
        for arm in arms
        for i in range(60 - (lost if (key, arm) == ("broken", "treatment") else 0))
    ]
    runs: list[dict[str, Any]] = [
        {"run": row["unit"], "user": row["unit"], "start": at("07-02") + minutes(1),
         "outcome": "success" if i % (2 if row["variant"] == "control" else 5) else "failure"}
        for i, row in enumerate(assigned)
    ]  # fmt: skip
    write_workspace(folder, {"experiments": declared, "assignments": assigned, "requests": runs})
    return folder


def test_the_list_is_an_array_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "list", "--workspace", workspace(tmp_path), "--format", "json")
    rows = json.loads(out)
    assert code == 0
    assert [row["key"] for row in rows] == ["broken", "whole"]
    assert all(set(row) >= KEYS for row in rows)
    # By hand: of control every second run succeeds, of treatment four of five.
    assert rows[1]["effect"] == pytest.approx(48 / 60 - 30 / 60)
    assert rows[1]["verdict"] == "ship"


def test_a_quarter_has_the_experiments_that_ended_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = workspace(tmp_path)
    for quarter, key in (("2026Q3", "whole"), ("2026Q4", "broken")):
        _, out, _ = run(capsys, "list", "--quarter", quarter, "--workspace", folder, "--format", "json")
        assert [row["key"] for row in json.loads(out)] == [key]


def test_a_readout_says_the_verdict_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "readout", "whole", "--workspace", workspace(tmp_path))
    assert code == 0
    assert out.splitlines()[0] == "whole: ship"
    assert "Task success" in out
    assert "sample_ratio holds" in out


def test_a_broken_split_is_found_and_gives_an_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # 60 and 15 units where half and half was declared: chi-square 45^2 / 75 = 27 on one degree.
    code, out, _ = run(capsys, "check", "--workspace", workspace(tmp_path / "a", lost=45))
    assert code == 1
    assert "broken" in out
    assert "60 : 15 units" in out
    code, out, _ = run(capsys, "check", "--workspace", workspace(tmp_path / "b"))
    assert code == 0


def test_an_unknown_experiment_is_one_line_that_names_the_nearest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, said = run(capsys, "readout", "whol", "--workspace", workspace(tmp_path))
    assert (code, said.count("\n")) == (1, 1)
    assert "Did you mean 'whole'" in said


def test_a_workspace_without_experiments_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_workspace(tmp_path, {})
    code, out, _ = run(capsys, "list", "--workspace", tmp_path, "--format", "json")
    assert (code, json.loads(out)) == (0, [])


def test_a_key_cannot_act_on_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace(tmp_path) / "experiments").mkdir()
    key = "red\x1b[31m\nnext" + "k" * 5_000
    arms = 'arms = ["control", "treatment"]'
    text = f'[experiments.{json.dumps(key)}]\nunit = "user"\n{arms}\nprimary = "task_success"\n'
    (tmp_path / "experiments" / "a.toml").write_text(f"{text}start = 2026-07-01T00:00:00Z\n", encoding="utf-8")
    _, out, _ = run(capsys, "readout", key, "--workspace", tmp_path)
    assert "\x1b" not in out
    assert "red␛[31m next" in out.splitlines()[0]
    assert max(map(len, out.splitlines())) <= 110


def test_registering_says_what_it_did_and_what_the_time_proves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    folder = workspace(tmp_path)
    (folder / "experiments").mkdir()
    (folder / "experiments" / "soon.toml").write_text(
        '[experiments.soon]\nunit = "user"\narms = ["a", "b"]\nprimary = "task_success"\n'
        "start = 2099-01-01T00:00:00Z\n",
        encoding="utf-8",
    )
    _, out, _ = run(capsys, "register", "soon", "--workspace", folder)
    assert "registered now; before its start on 2099-01-01" in " ".join(out.split())
    _, out, _ = run(capsys, "register", "soon", "whole", "--workspace", folder)
    told = " ".join(out.split())
    assert "registered before, nothing has changed; before its start" in told
    assert "registered now; after its start on 2026-07-01: no proof of what was planned" in told
    _, out, _ = run(capsys, "register", "--workspace", folder, "--format", "json")
    rows = {row["key"]: row for row in json.loads(out)}
    assert {key: (row["new"], row["before_start"]) for key, row in rows.items()} == {
        "soon": (False, True), "whole": (False, False), "broken": (True, False),
    }  # fmt: skip


def test_what_cannot_be_declared_is_listed_and_hides_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = workspace(tmp_path)
    (folder / "experiments").mkdir()
    (folder / "experiments" / "a.toml").write_text("[experiments.a]\nunit = 3\nalfa = 0.1\n", encoding="utf-8")
    (folder / "experiments" / "b.toml").write_text("no toml", encoding="utf-8")
    code, out, _ = run(capsys, "check", "--workspace", folder)
    told = " ".join(out.split())
    assert code == 1
    for fault in ("a.toml:2: experiment 'a': unit = 3", "a.toml:3: experiment 'a': unknown field 'alfa'", "b.toml"):
        assert fault in told
    code, out, err = run(capsys, "list", "--workspace", folder)
    assert code == 0
    assert "whole" in out
    assert "To mend: a.toml:2" in err
    code, out, _ = run(capsys, "readout", "whole", "--workspace", folder)
    assert (code, "whole: ship" in out) == (0, True)


def test_a_metric_that_is_not_known_is_told_where_it_stands_and_hides_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = workspace(tmp_path)
    (folder / "experiments").mkdir()
    text = '[experiments.a]\nunit = "user"\narms = ["x", "y"]\nprimary = "latency_p59"\nstart = 2026-07-01T00:00:00Z\n'
    (folder / "experiments" / "a.toml").write_text(text, encoding="utf-8")
    fault = "a.toml:4: experiment 'a': primary: Unknown metric 'latency_p59'. Did you mean 'latency_p95'?"
    code, out, _ = run(capsys, "check", "--workspace", folder)
    assert code == 1
    assert fault in " ".join(out.split())
    code, out, err = run(capsys, "list", "--workspace", folder)
    assert (code, "whole" in out, fault in err) == (0, True, True)
    code, _, err = run(capsys, "register", "--workspace", folder)
    assert code != 0
    assert fault in err
    assert run(capsys, "register", "whole", "--workspace", folder)[0] == 0


def test_what_runs_is_watched_and_a_broken_split_gives_an_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "monitor", "--workspace", workspace(tmp_path / "a", lost=45), "--format", "json")
    assert code == 1
    assert {one["key"]: one["advice"] for one in json.loads(out)}["broken"] == "stop"
    code, out, _ = run(capsys, "monitor", "whole", "--workspace", workspace(tmp_path / "b"))
    assert code == 0
    assert "120 of 120 planned users" in out


def test_a_readout_by_a_dimension_says_whether_it_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "readout", "whole", "--by", "region", "--workspace", workspace(tmp_path))
    assert code == 0
    assert "by region" in out


def _past(folder: Path) -> Path:
    """Forty new users a day for a week, two equal runs each, half of them successful."""
    rows: list[dict[str, Any]] = [
        {"run": f"{day}-{i}-{j}", "user": f"{day}-{i}", "start": at(f"07-{day + 1:02} 00:00") + minutes(j),
         "outcome": "success" if i % 2 else "failure"}
        for day in range(7)
        for i in range(40)
        for j in range(2)
    ]  # fmt: skip
    write_workspace(folder, {"requests": [*rows, {"run": "later", "user": "x", "start": at("07-08")}]})
    return folder


def test_a_plan_says_how_long_it_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # 20 % of one half, variance 0.25 x 280 / 279: (1.959964 + 0.841621)^2 x 2 x 0.2509 / 0.1^2 = 393.8 an arm, one more
    # by t; at 40 a day twice 395 have come on day 20.
    folder = _past(tmp_path)
    asked = ("plan", "--metric", "task_success", "--effect", "0.2", "--workspace", folder)
    code, out, _ = run(capsys, *asked)
    assert code == 0
    assert out.startswith("task_success: 20 days and about 790 users")
    assert "after 1 week" in out
    code, out, _ = run(capsys, *asked, "--format", "json")
    (told,) = json.loads(out)
    assert (told["needed"]["days"], told["needed"]["units"]) == (20, 790)


def test_a_plan_without_an_effect_says_what_to_state(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "plan", "--metric", "task_success", "--workspace", _past(tmp_path))
    assert code == 0
    assert "`smallest_effect`" in out
    code, _, err = run(capsys, "plan", "--workspace", tmp_path)
    assert code != 0
    assert "one of them" in err
