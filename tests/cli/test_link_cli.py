"""What `metricstack link` promises: the map or one ladder, for people and for programs, and what has changed."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from metricstack import linkage
from metricstack.cli import main
from metricstack.cli.link import tell_edge, tell_map
from metricstack.linkage import LinkageMap
from tests.linkage import maps
from tests.metrics.conftest import at, minutes, write_workspace

EDGE = {
    "cause", "effect", "grade", "verdict", "estimate", "low", "high", "scale", "evidence", "conflicts", "next_step"
}  # fmt: skip
DECLARED = """
[edges.latency_p95.task_success]
step = 0.5
expected = "-"
smallest_effect = 0.01

[edges.relevance.conversion_rate]
step = 0.05
expected = "+"
smallest_effect = 0.005
"""


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = main(["link", *(str(argument) for argument in arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def strictly(text: str) -> Any:
    """Read JSON as other languages do: without NaN and Infinity."""
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two weeks of a few requests: too little to link anything."""
    folder = tmp_path_factory.mktemp("linked")
    runs = [
        {"run": f"{day}-{i}", "region": ("eu", "us")[i % 2], "start": at("07-01") + timedelta(days=day) + minutes(i),
         "latency": 1 + (i * day % 7) / 10, "outcome": "success" if (i + day) % 3 else "failure"}
        for day in range(14) for i in range(6)
    ]  # fmt: skip
    write_workspace(folder, {"requests": runs})
    (folder / "linkage.toml").write_text(DECLARED, encoding="utf-8")
    return folder


@pytest.fixture
def as_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the slow part give a map made by hand."""

    def made(*_: Any, **__: Any) -> LinkageMap:
        return maps.drawn(
            *((edge.hypothesis, edge.evidence) for edge in maps.whole()),
            (maps.hypothesis("latency_p95", "conversion_rate"), [maps.said(0.01, 0.001)]),
        )

    monkeypatch.setattr(linkage, "link", made)


# For people


def test_a_workspace_with_little_data_is_linked_and_told(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    declared = workspace / "linkage.toml"
    declared.write_text(DECLARED.partition("[edges.relevance")[0], encoding="utf-8")
    try:
        code, out, _ = run(capsys, "--workspace", workspace, "--window", "2026Q3")
    finally:
        declared.write_text(DECLARED, encoding="utf-8")
    assert code == 0
    assert out.startswith("1 edge: 1 refused.")
    assert "latency_p95 +0.5 s -> task_success" in out


@pytest.mark.usefixtures("as_made")
def test_the_map_has_a_row_for_each_edge_and_names_conflicts(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = run(capsys, "--workspace", workspace)
    assert "relevance +0.05 -> conversion_rate" in out
    assert "+0.80 points (+0.67 to +0.93 points)" in out
    assert "- Conflict on Relevance → Conversion rate" in out


@pytest.mark.usefixtures("as_made")
def test_both_names_give_the_whole_ladder(
    workspace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    code, out, _ = run(capsys, "relevance", "conversion_rate", "--workspace", workspace)
    assert code == 0
    assert out.startswith("relevance +0.05 -> conversion_rate: supports\n───")
    for words in ("portfolio", "decides", "lead_lag", "cannot say: 4 regions; 12 are needed", "✗ It is straight"):
        assert words in out
    # Rungs of one name are told apart by how they were climbed; the table says of which level its intervals are.
    assert "\nportfolio\n─────────\na method\n" in out
    assert re.search(r"grade +effect, 95\s% interval +n +counts", out)


@pytest.mark.parametrize("make", [maps.whole, maps.one, maps.refusals, maps.many])
def test_every_map_is_told_in_lines_that_fit(make: Any, capsys: pytest.CaptureFixture[str]) -> None:
    found = make()
    tell_map(found)
    for edge in found:
        tell_edge(edge)
    out = capsys.readouterr().out
    assert all(edge.verdict in out for edge in found)
    assert "\x1b" not in out


# For programs


@pytest.mark.usefixtures("as_made")
def test_json_is_one_object_with_edges_and_ledger(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "--workspace", workspace, "--format", "json")
    told = strictly(out)
    assert len(told["edges"]) == 6
    assert all(set(edge) >= EDGE for edge in told["edges"])
    assert len(told["ledger"]) == 10
    assert "changes" not in told


@pytest.mark.usefixtures("as_made")
def test_json_of_one_edge_has_that_edge_and_its_trials(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "relevance", "conversion_rate", "--workspace", workspace, "--format", "json")
    told = strictly(out)
    assert [(edge["cause"], edge["verdict"]) for edge in told["edges"]] == [("relevance", "supports")]
    assert {trial["edge"] for trial in told["ledger"]} == {"relevance -> conversion_rate"}


# What has changed


@pytest.mark.usefixtures("as_made")
def test_a_map_of_last_quarter_tells_what_changed(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tmp_path / "before.json"
    before.write_text(json.dumps(maps.one().to_dict()), encoding="utf-8")
    _, out, _ = run(capsys, "--workspace", workspace, "--previous", before)
    assert "Latency p95 → Task success is new: contradicted." in out
    _, out, _ = run(capsys, "--workspace", workspace, "--previous", before, "--format", "json")
    assert {change["what"] for change in strictly(out)["changes"]} == {"new"}
    _, out, _ = run(capsys, "relevance", "conversion_rate", "--workspace", workspace, "--previous", before)
    assert out.rstrip().endswith("Nothing has changed since the previous map.")


@pytest.mark.parametrize("text", ["no json", "[]", '{"edges": [1]}', '{"edges": [{"cause": "a"}]}'])
def test_a_file_that_is_no_map_is_said(
    text: str, workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text(text, encoding="utf-8")
    code, _, err = run(capsys, "--workspace", workspace, "--previous", wrong)
    assert code == 1
    assert "write one with `metricstack link --format json`" in err


# Misuse


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("relevance",), "An edge has two ends"),
        (("relevanc", "conversion_rate"), "Did you mean 'relevance'?"),
        (("relevance", "task_success"), "Declare it in linkage.toml"),
    ],
)
def test_a_name_that_is_wrong_or_alone_is_said(
    names: tuple[str, ...], words: str, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, *names, "--workspace", workspace)
    assert (code, out) == (1, "")
    assert words in err


def test_an_edge_is_asked_by_any_name_of_its_metrics(capsys: pytest.CaptureFixture[str], workspace: Path) -> None:
    code, asked, _ = run(capsys, "latency_p95", "success_rate", "--workspace", workspace, "--format", "json")
    assert code == 0
    assert [(one["cause"], one["effect"]) for one in strictly(asked)["edges"]] == [("latency_p95", "task_success")]


def test_an_edge_that_is_declared_the_other_way_round_is_said_to_be(
    capsys: pytest.CaptureFixture[str], workspace: Path
) -> None:
    code, _, error = run(capsys, "task_success", "latency_p95", "--workspace", workspace)
    assert code == 1
    assert "It is declared the other way round, as 'latency_p95 -> task_success'." in error
