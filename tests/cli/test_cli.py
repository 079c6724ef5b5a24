"""What the command line promises: it does what it says, or says in a line what to put right."""

import csv
import io
import json
from pathlib import Path

import pytest

from metricstack.cli import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_simulate_writes_a_company_and_counts_its_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "simulate", tmp_path / "c", "--requests", "300", "--days", "30", "--seed", "3")
    assert code == 0
    assert "rows in 32 tables" in out
    assert (tmp_path / "c" / "truth.json").is_file()


def test_simulate_leaves_a_folder_that_holds_something_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    code, _, err = run(capsys, "simulate", tmp_path, "--requests", "10", "--days", "3")
    assert code == 1
    assert str(tmp_path) in err
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("arguments", [("--requests", "-5"), ("--requests", "0"), ("--days", "0")])
def test_simulate_says_which_size_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, str]
) -> None:
    code, _, err = run(capsys, "simulate", tmp_path / "c", *arguments)
    assert code == 1
    assert arguments[0].lstrip("-") in err
    assert not (tmp_path / "c").exists()


def test_check_finds_no_fault_in_the_simulated_company(company: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "check", "--workspace", company)
    assert code == 0
    assert out.count("no fault") == 32


def test_check_names_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "metricstack.toml").touch()
    code, out, _ = run(capsys, "check", "--workspace", tmp_path)
    assert code == 0
    assert "Table 'sessions': not here. It usually comes from product analytics" in out


def test_the_list_as_json_is_an_array_of_cards(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "metrics", "list", "--format", "json")
    cards = json.loads(out)
    assert code == 0
    assert len(cards) >= 30
    wanted = {"id", "about", "unit", "better", "layer", "bucket", "pillar", "owner", "version", "hash"}
    assert all(wanted <= set(card) for card in cards)
    assert len({card["id"] for card in cards}) == len(cards)


def test_the_list_as_csv_reads_back(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "metrics", "list", "--format", "csv")
    assert any(row["id"] == "conversion_rate" for row in csv.DictReader(io.StringIO(out)))


def test_show_prints_the_card(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "metrics", "show", "cost_per_successful_outcome")
    assert code == 0
    assert "formula" in out
    assert "currency/outcome" in out


def test_value_answers_by_dimension_and_week_as_json(company: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(
        capsys, "metrics", "value", "latency_p95", "--by", "use_case", "--grain", "week", "--quarter", "2026Q3",
        "--format", "json", "--workspace", company,
    )  # fmt: skip
    rows = json.loads(out)
    assert code == 0
    assert len({row["use_case"] for row in rows}) == 4
    assert len({row["period"] for row in rows}) == 14  # 1 July 2026 is a Wednesday: 14 calendar weeks
    assert all(row["metric"] == "latency_p95" for row in rows)
    for row in rows:
        assert row["kind"] == "refusal" or row.get("unbounded") or row["low"] <= row["value"] <= row["high"]


def test_value_narrows_to_rows(company: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(
        capsys, "metrics", "value", "task_success", "--where", "use_case=document_agent", "--format", "csv",
        "--workspace", company,
    )  # fmt: skip
    assert code == 0
    assert len(list(csv.DictReader(io.StringIO(out)))) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("metrics", "value", "latency_p59"), "Did you mean 'latency_p95'?"),
        (("metrics", "show", "latency_p59"), "Did you mean 'latency_p95'?"),
        (("metrics", "value", "latency_p95", "--quarter", "2026Q9"), "Write it like '2026Q3'"),
        (("metrics", "value", "latency_p95", "--grain", "hour"), "day, week, month, quarter"),
        (("metrics", "value", "latency_p95", "--by", "usecase"), "use_case"),
        (("metrics", "value", "latency_p95", "--where", "region"), "--where region="),
        (("review", "2026Q9"), "Write it like '2026Q3'"),
        (("review", "2031Q1"), "lies after the data, which run from 2025Q3 to 2026Q"),
        (("review", "2019Q1"), "lies before the data"),
    ],
)
def test_a_wrong_word_is_said_with_what_is_right(
    company: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    code, _, err = run(capsys, *arguments, "--workspace", company)
    assert code == 1
    assert said in err
    assert "Traceback" not in err


def test_a_folder_that_is_no_workspace_says_how_to_make_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "review", "--workspace", tmp_path)
    assert code == 1
    assert "metricstack simulate" in err


def test_ingest_ends_with_a_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "sessions.csv"
    file.write_text("session,start,converted\na,2026-07-01T10:00:00Z,true\nb,2026-07-01T11:00:00Z,maybe\n")
    code, out, _ = run(capsys, "ingest", file, "--as", "table", "--workspace", tmp_path / "w")
    assert code == 0
    assert "2 rows read, 1 loaded" in out
    assert "1 quarantined" in out


def test_an_unknown_source_names_the_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "ingest", tmp_path, "--as", "langfuze", "--workspace", tmp_path / "w")
    assert code == 1
    assert "langfuse" in err
