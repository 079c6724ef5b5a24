"""What `metricstack metrics` promises: cards, queries, comparisons and trials, for people and for programs.

Every line of text fits a terminal of 100 columns; JSON and CSV read back; a comparison tells other numbers
from other words, and its exit code says so; a trial names a fault's file and line; a wrong word is
answered with the right one.
"""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from metricstack.cli import main
from metricstack.metrics import Revised, compare_cards
from tests.metrics.conftest import at, write_workspace

OWN = """
[metrics.cost_total_own]
title = "What it cost"
about = "All of it."
table = "requests"
formula = "sum(cost)"
unit = "currency"
better = "lower"
owner = "finance"
source = "ours"
"""


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = main(["metrics", *(str(argument) for argument in arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def workspace(folder: Path, own: str = OWN, config: str = "") -> Path:
    """A workspace of six runs, with one metric of its own at line 2 of metrics/own.toml."""
    row = {"start": at("07-02"), "outcome": "success", "latency": 1.0, "cost": 0.5}
    write_workspace(folder, {"requests": [row | {"run": f"r{i}", "user": f"u{i}"} for i in range(6)]}, config)
    (folder / "metrics").mkdir()
    (folder / "metrics" / "own.toml").write_text(own, encoding="utf-8")
    return folder


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A catalogue of five shipped metrics, so that reading it again and again takes no time."""
    from metricstack.metrics import definitions
    from metricstack.metrics.language.load import CATALOGUE, load

    folder = tmp_path / "shipped"
    folder.mkdir()
    wanted = (
        "[metrics.total_cost]",
        "[metrics.cost_per_request]",
        "[metrics.trust]",
        "[metrics.sla_attainment]",
        "[metrics.step_sla_attainment]",
    )
    parts = [part for file in sorted(CATALOGUE.glob("*.toml")) for part in file.read_text().split("\n\n")]
    text = "\n\n".join(part for part in parts if part.strip().startswith(wanted))
    (folder / "few.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(definitions, "CATALOGUE", folder)
    monkeypatch.setattr(definitions, "_shipped", lambda: load(folder))


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize(
    "arguments",
    [("list",), ("show", "roi"), ("show", "change_lead_time"), ("value", "sessions", "latency_p95", "trust")],
)
def test_every_line_fits_a_terminal_of_100_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    code, out, _ = run(capsys, *arguments, "--workspace", workspace(tmp_path / "ws"))
    text = out.partition("SQL (")[0]  # SQL is the engine's to read, and is not wrapped
    assert code == 0
    assert max(map(len, text.splitlines())) <= 100


def test_the_list_has_one_line_a_metric_and_its_json_what_a_comparison_needs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, out, _ = run(capsys, "list", "--format", "json")
    cards = json.loads(out)
    wanted = {"id", "about", "unit", "better", "layer", "bucket", "pillar", "owner", "version", "hash", "formula"}
    assert all(wanted | {"levels", "title"} <= set(card) for card in cards)
    _, out, _ = run(capsys, "list")
    assert [line.split()[0] for line in out.splitlines()[1:] if not line.startswith(" ")] == [c["id"] for c in cards]


def test_the_card_says_meaning_owner_levels_value_lineage_and_sql(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ws = workspace(
        tmp_path / "ws",
        config='[workspace]\nname = "N"\ncurrency = "EUR"\n\n[policies.total_cost]\nowner = "cfo"\ntarget = 2.5\n',
    )
    code, out, _ = run(capsys, "show", "total_cost", "--workspace", ws)
    assert code == 0
    for said in ("sum(cost)", "cfo", "target 2.5", "2026Q3: €3.00", "requests.cost", "requests.start", "SQL (duckdb)"):
        assert said in out, said
    assert 'FROM "requests"' in out


def test_the_card_as_json_and_csv_holds_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ws = workspace(tmp_path / "ws")
    _, out, _ = run(capsys, "show", "total_cost", "--format", "json", "--workspace", ws)
    card = json.loads(out)
    assert card["value"]["value"] == 3.0  # six runs of 0.50
    assert card["lineage"]["columns"][0] == {
        "table": "requests", "column": "cost", "role": "value", "through": "", "measure": "",
    }  # fmt: skip
    assert card["sql"]["dialect"] == "duckdb"
    _, out, _ = run(capsys, "show", "total_cost", "--format", "csv", "--workspace", ws)
    rows = {row["entry"]: row["value"] for row in csv.DictReader(io.StringIO(out))}
    assert rows["unit"] == card["unit"]
    assert json.loads(rows["lineage"]) == card["lineage"]


def test_a_card_without_a_workspace_or_without_data_still_explains(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = run(capsys, "show", "total_cost")
    assert code == 0
    assert "Value" not in out
    assert "Lineage" in out
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "metricstack.toml").touch()
    code, out, _ = run(capsys, "show", "total_cost", "--workspace", tmp_path / "empty")
    assert code == 0
    assert "Lineage" in out


@pytest.mark.parametrize("dialect", ["duckdb", "postgres", "pyspark", "bigquery", "snowflake", "trino"])
def test_sql_is_written_for_every_engine(capsys: pytest.CaptureFixture[str], dialect: str) -> None:
    code, out, _ = run(
        capsys, "sql", "latency_p95", "--dialect", dialect, "--by", "model", "--grain", "month",
        "--where", "region=emea", "--quarter", "2026Q2",
    )  # fmt: skip
    assert code == 0
    assert out.startswith("-- requests histogram\n")
    assert "emea" in out
    quote = "`" if dialect in ("pyspark", "bigquery") else '"'
    assert f"{quote}latency{quote}" in out


def test_sql_by_a_dimension_groups_by_it_and_is_rows_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "sql", "total_cost", "--by", "region", "--format", "json")
    (row,) = [row for row in json.loads(out) if row["query"].endswith("states")]
    assert '"region"' in row["sql"]
    _, plain, _ = run(capsys, "sql", "total_cost", "--format", "csv")
    assert next(csv.DictReader(io.StringIO(plain)))["sql"].startswith("SELECT")


@pytest.mark.usefixtures("few")
def test_no_difference_is_said_and_exits_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ws = workspace(tmp_path / "ws")
    _, saved, _ = run(capsys, "list", "--format", "json", "--workspace", ws)
    (tmp_path / "saved.json").write_text(saved, encoding="utf-8")
    assert run(capsys, "diff", tmp_path / "saved.json", "--workspace", ws)[:2] == (0, "No difference.\n")
    assert run(capsys, "diff", ws, "--workspace", ws)[:2] == (0, "No difference.\n")


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(
    ("old", "new", "kind", "code", "said"),
    [
        ("sum(cost)", "sum(cost where successful)", "numbers", 1, "formula: sum(cost) → sum(cost where successful)"),
        ('about = "All of it."', 'about = "Every cent."', "wording", 0, "about: All of it. → Every cent."),
        ('owner = "finance"', 'owner = "ops"', "wording", 0, "owner: finance → ops"),
        ('source = "ours"', 'source = "ours"\nlevels = { target = 3 }', "wording", 0, "levels: none → target 3"),
    ],
)
def test_other_numbers_are_told_from_other_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, kind: str, code: int, said: str
) -> None:
    before, after = workspace(tmp_path / "before"), workspace(tmp_path / "after", OWN.replace(old, new))
    found, out, _ = run(capsys, "diff", before, "--workspace", after)
    assert found == code
    assert said in " ".join(out.split())
    _, out, _ = run(capsys, "diff", before, "--workspace", after, "--format", "json")
    (row,) = json.loads(out)
    assert (row["metric"], row["change"]) == ("cost_total_own", kind)


@pytest.mark.usefixtures("few")
def test_a_bound_parameter_makes_other_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # The definition is the same; the time target that the workspace binds into its measure is not.
    config = '[workspace]\nname = "N"\n\n[parameters]\nsla_latency = 3.0\n'
    before, after = workspace(tmp_path / "before"), workspace(tmp_path / "after", config=config)
    code, out, _ = run(capsys, "diff", before, "--workspace", after, "--format", "csv")
    changed = {row["metric"] for row in csv.DictReader(io.StringIO(out)) if row["change"] == "numbers"}
    assert code == 1
    assert "sla_attainment" in changed
    assert "total_cost" not in changed


@pytest.mark.usefixtures("few")
def test_added_and_removed_metrics_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = workspace(tmp_path / "before")
    after = workspace(tmp_path / "after", OWN.replace("cost_total_own", "cost_in_all"))
    code, out, _ = run(capsys, "diff", before, "--workspace", after, "--format", "json")
    assert code == 0
    assert {row["metric"]: row["change"] for row in json.loads(out)} == {
        "cost_total_own": "removed",
        "cost_in_all": "added",
    }


def test_comparing_is_symmetric_in_what_is_reworded_and_swaps_added_and_removed() -> None:
    old: list[dict[str, Any]] = [{"id": "a", "hash": "1", "unit": "s"}, {"id": "b", "hash": "2", "unit": "s"}]
    new: list[dict[str, Any]] = [{"id": "b", "hash": "2", "unit": "min"}, {"id": "c", "hash": "3", "unit": "s"}]
    there, back = compare_cards(old, new), compare_cards(new, old)
    assert [(each.metric, each.kind) for each in there] == [
        ("a", Revised.REMOVED), ("c", Revised.ADDED), ("b", Revised.WORDING),
    ]  # fmt: skip
    assert {(each.metric, each.kind) for each in back} == {
        ("a", Revised.ADDED), ("c", Revised.REMOVED), ("b", Revised.WORDING),
    }  # fmt: skip
    assert compare_cards(old, old) == ()


@pytest.mark.usefixtures("few")
def test_a_trial_counts_answers_and_refusals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Three shipped metrics and the workspace's own answer; there are no feedback and no spans for the other two.
    ws = workspace(tmp_path / "ws")
    code, out, _ = run(capsys, "test", "--workspace", ws)
    assert code == 0
    assert "6 metrics tried for 2026Q3: 4 answers, 2 refusals, 0 faults." in out
    assert "missing table  2" in out
    _, out, _ = run(capsys, "test", "--format", "json", "--workspace", ws)
    (trial,) = json.loads(out)
    assert (trial["metrics"], trial["answers"], trial["refusals"]) == (6, 4, 2)
    _, out, _ = run(capsys, "test", "--format", "csv", "--workspace", ws)
    found = {row["metric"]: row["result"] for row in csv.DictReader(io.StringIO(out))}
    assert found["trust"] == "missing_table"
    assert found["cost_total_own"] == "answer"


@pytest.mark.usefixtures("few")
def test_a_metric_that_cannot_be_computed_is_named_with_its_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from metricstack.metrics import trial

    real = trial.evaluate

    def breaks(ws: Any, metrics: Any, **options: Any) -> Any:
        if "cost_total_own" in metrics:
            raise RuntimeError("the engine went away\nwith a long story")
        return real(ws, metrics, **options)

    monkeypatch.setattr(trial, "evaluate", breaks)
    code, out, _ = run(capsys, "test", "--workspace", workspace(tmp_path / "ws"))
    assert code == 1
    assert "6 metrics tried for 2026Q3: 3 answers, 2 refusals, 1 fault." in out
    assert "own.toml:2: metric 'cost_total_own': RuntimeError: the engine went away" in " ".join(out.split())
    assert "long story" not in out
    code, out, _ = run(capsys, "test", "--format", "json", "--workspace", tmp_path / "ws")
    assert code == 1
    assert len(json.loads(out)[0]["faults"]) == 1


def test_a_definition_that_cannot_be_loaded_is_named_with_its_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ws = workspace(tmp_path / "ws", OWN.replace("sum(cost)", "sum(kost)"))
    code, _, err = run(capsys, "test", "--workspace", ws)
    assert code == 1
    assert "own.toml:6" in err
    assert "nearest is 'cost'" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("sql", "latency_p59"), "Did you mean 'latency_p95'?"),
        (("sql", "latency_p95", "--by", "bogus"), "can be asked by"),
        (("sql", "latency_p95", "--by", "usecase"), "use_case"),
        (("sql", "latency_p95", "--dialect", "orcale"), "Unknown SQL dialect 'orcale'"),
        (("sql", "latency_p95", "--where", "x"), "--where 'x' has no value. Write it like --where x=emea."),
        (("sql", "latency_p95", "--where", "=emea"), "names no dimension. Write it like --where region=emea."),
        (("sql", "latency_p95", "--where", "region=a", "--where", "region=b"), "is given twice"),
        (("sql", "latency_p95", "--quarter", "2026Q9"), "Write it like '2026Q3'"),
        (("sql", "latency_p95", "--grain", "hour"), "day, week, month, quarter"),
        (("show", "latency_p95", "--dialect", "mysql"), "Unknown SQL dialect 'mysql'"),
        (("diff", "nowhere.json"), "nowhere.json"),
    ],
)
def test_a_wrong_word_is_answered_with_the_right_one(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    code, _, err = run(capsys, *arguments)
    assert code == 1
    assert said in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not JSON"),
        ("{}", "no list of metrics with their hashes. Write one with `metricstack metrics list --format json`"),
        ('[{"id": "a"}]', "no list of metrics with their hashes"),
    ],
)
def test_a_file_that_is_no_list_of_metrics_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, said: str
) -> None:
    (tmp_path / "other.json").write_text(content)
    code, _, err = run(capsys, "diff", tmp_path / "other.json")
    assert code == 1
    assert said in err


def test_a_narrow_terminal_wraps_sooner(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "70")
    _, out, _ = run(capsys, "show", "roi")
    assert max(map(len, out.partition("SQL (")[0].splitlines())) <= 70


HOSTILE = ("=cmd()", "\x1b]0;owned\x07\x1b[31mred\r\nnext", "n" * 5000, "\u202e<script>", "שלום")


def hostile(folder: Path) -> Path:
    row = {"start": at("07-02"), "outcome": "success", "latency": 1.0, "cost": 0.5}
    rows = [
        row | {"run": f"r{i}-{j}", "user": f"u{j}", "region": name} for i, name in enumerate(HOSTILE) for j in (0, 1)
    ]
    write_workspace(folder, {"requests": rows})
    return folder


@pytest.mark.usefixtures("narrow")
def test_a_hostile_name_moves_nothing_in_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = hostile(tmp_path / "ws")
    code, out, _ = run(capsys, "value", "transactions", "--by", "region", "--workspace", folder)
    assert code == 0
    assert not any(sign in out for sign in "\x1b\x07\r\u202e")
    assert "␛]0;owned␇␛[31mred␍ next" in out
    assert f"{'n' * 47}…" in out
    head, *lines = out.splitlines()
    assert all("2" in line for line in lines)  # one line each: every group is counted in its own
    assert len(lines) == len(HOSTILE)
    assert max(map(len, (head, *lines))) <= 100


def test_a_spreadsheet_runs_no_name_as_a_formula_and_numbers_stay_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = hostile(tmp_path / "ws")
    _, out, _ = run(capsys, "value", "transactions", "--by", "region", "--format", "csv", "--workspace", folder)
    rows = list(csv.DictReader(io.StringIO(out, newline="")))
    assert "'=cmd()" in {row["region"] for row in rows}
    assert {float(row["value"]) for row in rows} == {2.0}
    _, out, _ = run(capsys, "value", "transactions", "--by", "region", "--format", "json", "--workspace", folder)
    assert {row["region"] for row in json.loads(out)} == set(HOSTILE)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the connection ends with the process
def test_a_table_that_may_not_be_read_is_one_line_and_no_password(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], postgres: str
) -> None:
    import psycopg

    server = postgres.replace("postgres://", "postgresql://").rpartition("/")[0]
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE granted")
    with psycopg.connect(f"{server}/granted", autocommit=True) as connection:
        connection.execute("CREATE TABLE requests (run text, start timestamptz, outcome text)")
        connection.execute("CREATE ROLE part LOGIN PASSWORD 'hunter3'")
        connection.execute("GRANT SELECT (run) ON requests TO part")
    url = f"postgres://part:hunter3@{server.rpartition('@')[2]}/granted"
    (tmp_path / "metricstack.toml").write_text(f'[workspace]\nname = "x"\nwarehouse = "{url}"\n', encoding="utf-8")
    code, _, said = run(capsys, "value", "task_success", "--quarter", "2026Q3", "--workspace", tmp_path)
    assert code == 1
    assert said.startswith("metricstack: the engine failed: permission denied for table requests. Ask the database's")
    assert said.count("\n") == 1
    assert "hunter3" not in said
