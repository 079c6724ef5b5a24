"""What every engine promises: the same answer to every metric, from the same rows.

* With few units (up to 512), values, intervals, counts and the words of refusals are the same on DuckDB, PostgreSQL
  and Spark, to 1e-9 of the number: for every metric of the catalogue over a quarter, and for those of some tables by
  day across a clock change, and by two dimensions within a third.
* Histograms for percentiles are the same to the bit; exact percentiles to 1e-12.
* With many units the values are the same, and the intervals those of another random grouping of the units.
* A Spark cluster gives what one machine gives, over the same folder.
* What is missing or cannot be reached is an error that says so, without a password.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from metricstack.core import WorkspaceError
from metricstack.core.values import Estimate, Refusal
from metricstack.metrics import catalogue, evaluate
from metricstack.telemetry import check, open_workspace, table
from tests.conformance import engine_cases as cases
from tests.conftest import absent

pytestmark = [pytest.mark.engine, pytest.mark.slow]

IDS = catalogue().ids
OTHERS = ("postgres", "spark")
LARGE = ("task_success", "cost_per_request", "latency_p95", "conversion_rate", "revenue_per_session")
_NO_SPARK = "PySpark is not installed: `make setup` installs it"


def _shared(factory: pytest.TempPathFactory) -> Path:
    base = factory.getbasetemp()
    return base.parent if base.name.startswith("popen-") else base


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace of few units; not to be changed."""
    folder = _shared(tmp_path_factory) / "engines"
    with FileLock(folder.with_suffix(".lock")):
        if not (folder / "done").is_file():
            cases.build(folder)
            (folder / "done").touch()
    return folder


Told = dict[str, Any]


@pytest.fixture(scope="session")
def told(engines: Path, company: Path, request: pytest.FixtureRequest) -> Callable[[str], Told]:
    """Everything that an engine says, asked once for all test processes: one session, few calls."""

    def tell(engine: str) -> Told:
        kept = engines.with_name(f"told-{engine}.pickle")
        with FileLock(kept.with_suffix(".lock")):
            if not kept.is_file():
                kept.write_bytes(pickle.dumps(_tell(engine, engines, company, request)))
        found: Told = pickle.loads(kept.read_bytes())
        return found

    return tell


def _tell(engine: str, few: Path, many: Path, request: pytest.FixtureRequest) -> Told:
    if engine == "postgres":
        url = request.getfixturevalue("postgres")
        tables = ("requests", "sessions")
        ws = cases.on(few, warehouse=cases.copy_to_postgres(cases.on(few), url, "few"))
        large = cases.on(many, warehouse=cases.copy_to_postgres(cases.on(many), url, "many", tables))
    elif engine == "spark":
        if cases.JAVA is None:
            absent("Java is not installed, which Spark needs: `make system` installs it")
        ws, large = (cases.on(root, "spark:local[2]") for root in (few, many))
    else:
        ws, large = cases.on(few), cases.on(many)
    asked = [name for name in LARGE if name in IDS]
    try:
        return {
            **cases.ask(ws),
            "histograms": cases.histograms(ws),
            "quantiles": cases.exact_quantiles(ws),
            "large": {finding.subject: finding.answer for finding in evaluate(large, asked, window=cases.QUARTER)},
        }
    finally:
        large.close()
        ws.close()


def _differs(expected: float | None, found: float | None, tolerance: float = 1e-9) -> bool:
    if expected is None or found is None:
        return expected is not found
    return abs(expected - found) > tolerance * max(abs(expected), abs(found))


@pytest.mark.parametrize("engine", OTHERS)
@pytest.mark.parametrize("question", cases.QUESTIONS)
@pytest.mark.parametrize("metric", IDS)
def test_every_metric_is_the_same_on_every_engine(
    metric: str, question: str, engine: str, told: Callable[[str], Told]
) -> None:
    mine, other = told("duckdb")[question], told(engine)[question]
    groups = [key for key in mine if key[0] == metric]
    assert groups == [key for key in other if key[0] == metric]
    assert groups or question != cases.QUESTIONS[0]
    for key in groups:
        expected, found = mine[key].answer, other[key].answer
        if isinstance(expected, Refusal) or isinstance(found, Refusal):
            assert found == expected, key
            continue
        assert (found.n, found.unit, found.method) == (expected.n, expected.unit, expected.method), key
        for part in ("value", "low", "high"):
            # 1e-9: sums of doubles in another order agree to about 1e-12; a wrong row would show at 1e-5
            assert not _differs(getattr(expected, part), getattr(found, part)), (key, part, expected, found)
        assert mine[key].checks == other[key].checks


@pytest.mark.parametrize("engine", OTHERS)
def test_histograms_are_the_same_to_the_bit(engine: str, told: Callable[[str], Told]) -> None:
    mine, other = told("duckdb")["histograms"], told(engine)["histograms"]
    assert len(mine) >= 5
    for label, bins in mine.items():
        assert [row[:2] for row in bins] == [row[:2] for row in other[label]], label
        assert not any(_differs(a[2], b[2]) for a, b in zip(bins, other[label], strict=True)), label


@pytest.mark.parametrize("engine", OTHERS)
def test_exact_percentiles_interpolate_alike(engine: str, told: Callable[[str], Told]) -> None:
    mine, other = told("duckdb")["quantiles"], told(engine)["quantiles"]
    for label, values in mine.items():
        assert not any(_differs(a, b, 1e-12) for a, b in zip(values, other[label], strict=True)), label


@pytest.mark.parametrize("engine", OTHERS)
def test_with_many_units_values_are_the_same_and_intervals_alike(engine: str, told: Callable[[str], Told]) -> None:
    mine, other = told("duckdb")["large"], told(engine)["large"]
    answered = [name for name, answer in mine.items() if isinstance(answer, Estimate)]
    assert len(answered) >= 4
    for name in answered:
        a, b = mine[name], other[name]
        assert not _differs(a.value, b.value), name
        assert a.n == b.n
        # Another grouping into 64: each width has a relative error of 1/sqrt(2*63) = 9 %, their ratio one of 13 %.
        assert b.high - b.low == pytest.approx(a.high - a.low, rel=0.5), name


def test_a_question_of_every_kind_is_answered(told: Callable[[str], Told]) -> None:
    mine = told("duckdb")
    for question in cases.QUESTIONS:
        answers = [finding.answer for finding in mine[question].values()]
        assert {type(answer) for answer in answers} == {Estimate, Refusal}
    answered = sum(isinstance(finding.answer, Estimate) for finding in mine["a quarter"].values())
    assert answered > 0.8 * len(IDS)


CLUSTER = """
import sys
from pathlib import Path
from metricstack.metrics import evaluate
from tests.conformance import engine_cases as cases
ws = cases.on(Path(sys.argv[1]), sys.argv[2])
for finding in evaluate(ws, ["task_success", "latency_p95", "total_cost"], window=cases.QUARTER):
    print(finding.subject, finding.answer.value)
ws.close()
"""


def test_a_cluster_gives_what_one_machine_gives(engines: Path, tmp_path: Path, told: Callable[[str], Told]) -> None:
    if cases.JAVA is None:
        absent("Java is not installed, which Spark needs: `make system` installs it")
    with cases.cluster(tmp_path) as url:
        done = subprocess.run(
            [sys.executable, "-c", CLUSTER, str(engines), url], cwd=Path(__file__).parents[2],
            check=False, capture_output=True, text=True, timeout=240, env=os.environ | {"SPARK_LOCAL_IP": "127.0.0.1"},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    mine = told("duckdb")["a quarter"]
    found = dict(line.split() for line in done.stdout.splitlines())
    assert set(found) == {"task_success", "latency_p95", "total_cost"}
    for name, value in found.items():
        assert not _differs(mine[(name,)].answer.value, float(value)), name


@pytest.mark.parametrize(
    ("engine", "warehouse", "said"),
    [
        ("spark://127.0.0.1:1", "data", "Spark cannot be reached at spark://127.0.0.1:1"),
        (
            "duckdb",
            "postgres://ada:hunter2@127.0.0.1:1/x?connect_timeout=2",
            r"//ada:\*\*\*@127.0.0.1:1/x\S* cannot be",
        ),
    ],
)
def test_an_engine_that_cannot_be_reached_says_so(engines: Path, engine: str, warehouse: str, said: str) -> None:
    with pytest.raises(WorkspaceError, match=said) as caught:
        evaluate(cases.on(engines, engine, warehouse), "task_success", window=cases.QUARTER)
    assert "hunter2" not in str(caught.value)


def test_without_java_spark_says_what_to_install(engines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyspark", reason=_NO_SPARK)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(WorkspaceError, match="needs Java 17"):
        _ = cases.on(engines, "spark").connection


def test_a_java_home_that_holds_none_is_named_before_spark_prints_pages(
    engines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyspark", reason=_NO_SPARK)
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    monkeypatch.setattr("pyspark.SparkContext._active_spark_context", None)
    with pytest.raises(WorkspaceError, match="JAVA_HOME = '/nowhere' holds none"):
        _ = cases.on(engines, "spark").connection


def test_one_line_of_the_configuration_chooses(tmp_path: Path) -> None:
    (tmp_path / "metricstack.toml").write_text('[workspace]\nengine = "spark:local[4]"\n', encoding="utf-8")
    assert open_workspace(tmp_path).dialect == "pyspark"
    (tmp_path / "metricstack.toml").write_text('[workspace]\nwarehouse = "postgres://db/x"\n', encoding="utf-8")
    assert open_workspace(tmp_path).dialect == "postgres"


def test_a_number_of_a_database_that_the_contract_rules_out_is_unknown(tmp_path: Path) -> None:
    # Latencies 1 … 9 s, and one of −1 s from a clock that runs behind: the median of the nine known is 5 s.
    import duckdb

    with duckdb.connect(str(tmp_path / "own.db")) as connection:
        connection.execute("CREATE TABLE requests (run text, start timestamptz, latency double, env text)")
        connection.execute(
            "INSERT INTO requests SELECT 'r' || i, TIMESTAMPTZ '2026-07-02 00:00:00+00' + INTERVAL 1 MINUTE * i, "
            "CASE i WHEN 0 THEN -1.0 ELSE i END, 'production' FROM range(10) AS t(i)"
        )
    (tmp_path / "metricstack.toml").write_text(
        f'[workspace]\nname = "x"\nwarehouse = "duckdb://{tmp_path}/own.db"\n', encoding="utf-8"
    )
    ws = open_workspace(tmp_path)
    (finding,) = evaluate(ws, "latency_p50", window="2026Q3").findings
    said = str(check(table("requests"), ws.delivered("requests")))  # type: ignore[arg-type]
    ws.close()
    assert (finding.answer.value, finding.answer.n) == (5.0, 9)  # type: ignore[union-attr]
    assert any(check.name == "coverage" and "9 of 10" in check.detail for check in finding.checks)
    assert "below 0, the contract's minimum" in said
