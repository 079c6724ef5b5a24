"""Every table keeps its contract, and the tables agree with one another to the token and the cent."""

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import metricstack as ms
from metricstack.simulation import Dirt, Settings, Truth, sample
from metricstack.simulation.registers import REGISTERS
from metricstack.simulation.stretches import TABLES_OF_TRAFFIC
from metricstack.telemetry import TABLES, Workspace, check


@pytest.fixture(scope="module")
def workspace(company: tuple[Path, Truth]) -> Workspace:
    return ms.open(company[0])


def test_every_table_of_the_schema_is_made() -> None:
    assert {*TABLES_OF_TRAFFIC, *REGISTERS, "assignments"} == set(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_every_table_meets_its_contract(workspace: Workspace, name: str) -> None:
    found = check(TABLES[name], workspace.table(name))
    assert found.rows > 0
    assert found.passed, str(found)


@pytest.mark.parametrize("name", TABLES)
def test_every_file_is_sorted_by_event_time(clean: dict[str, pa.Table], name: str) -> None:
    times = clean[name][TABLES[name].event_time].cast(pa.int64()).to_numpy()
    assert (np.diff(times) >= 0).all()


def test_exactly_the_requests_asked_for_happen_inside_the_period(clean: dict[str, pa.Table]) -> None:
    settings = Settings(requests=20_000, days=92, seed=5)
    requests = clean["requests"]
    assert requests.num_rows == 20_000
    assert pc.min(requests["start"]).as_py() >= settings.begin
    assert pc.max(requests["end"]).as_py() < settings.end


@pytest.mark.parametrize("requests", [1, 2, 7])
def test_the_smallest_companies_have_every_table_too(requests: int) -> None:
    drawn = sample(requests=requests, days=1, seed=requests, dirt=Dirt.realistic())
    assert list(drawn) == list(TABLES)
    assert drawn["sessions"].num_rows >= 1


def test_settings_policies_and_use_cases_are_readable(workspace: Workspace) -> None:
    assert workspace.config.zone == "Europe/Berlin"
    assert sorted(workspace.config.use_cases) == [
        "code_assistant",
        "document_agent",
        "search_answers",
        "support_copilot",
    ]
    assert workspace.config.policies["latency_p95"].target == 7.0
    assert len((workspace.root / workspace.config.privacy_key["file"]).read_text(encoding="ascii").strip()) == 64


@pytest.mark.parametrize(
    ("child", "column", "parent", "key"),
    [
        ("spans", "run", "requests", "run"),
        ("llm_calls", "parent", "spans", "span"),
        ("actions", "run", "requests", "run"),
        ("plans", "run", "requests", "run"),
        ("handoffs", "run", "requests", "run"),
        ("feedback", "run", "requests", "run"),
        ("requests", "session", "sessions", "session"),
        ("spans", "parent", "spans", "span"),
        ("assignments", "experiment", "experiments", "experiment"),
        ("assignments", "unit", "requests", "user"),
        ("incidents", "change", "changes", "change"),
        ("change_deployments", "deployment", "deployments", "deployment"),
        ("change_deployments", "change", "changes", "change"),
        ("alerts", "check", "quality_checks", "check"),
        ("requests", "model", "models", "model"),
        ("llm_calls", "model", "prices", "model"),
    ],
)
def test_clean_references_point_to_a_row(
    clean: dict[str, pa.Table], child: str, column: str, parent: str, key: str
) -> None:
    orphans = set(clean[child][column].to_pylist()) - set(clean[parent][key].to_pylist()) - {None}
    assert not orphans


def test_what_a_run_costs_is_what_its_inferences_and_tools_cost(clean: dict[str, pa.Table]) -> None:
    requests, llm_calls, actions = clean["requests"], clean["llm_calls"], clean["actions"]  # noqa: F841 (named in SQL)
    worst = duckdb.sql(
        """
        SELECT max(abs(r.cost - c.cost - coalesce(a.cost, 0))), max(abs(r.tokens_output - c.output)),
            max(abs(r.tokens_cache_read - c.read))
        FROM requests r
        JOIN (
            SELECT run, sum(cost) AS cost, sum(tokens_output) AS output, sum(tokens_cache_read) AS read
            FROM llm_calls GROUP BY run
        ) c USING (run)
        LEFT JOIN (SELECT run, sum(cost) AS cost FROM actions GROUP BY run) a USING (run)
        """
    ).fetchone()
    assert worst is not None
    assert worst[0] < 1e-6  # eight decimals, at most a dozen terms
    assert worst[1:] == (0, 0)


def test_an_inference_costs_its_tokens_at_the_price_of_the_day(clean: dict[str, pa.Table]) -> None:
    llm_calls, prices = clean["llm_calls"], clean["prices"]  # noqa: F841 (named in SQL)
    worst = duckdb.sql(
        """
        WITH last AS (SELECT model, bucket, arg_max(price, valid_from) AS price FROM prices GROUP BY ALL),
        book AS (PIVOT last ON bucket USING any_value(price))
        SELECT max(abs(c.cost - (c.tokens_input_uncached * b.input_uncached + c.tokens_cache_read * b.cache_read
            + c.tokens_cache_write * b.cache_write + c.tokens_output * b.output
            + c.tokens_reasoning * b.reasoning) / 1e6))
        FROM llm_calls c JOIN book b USING (model)
        """
    ).fetchone()
    assert worst is not None
    assert worst[0] < 1e-8  # rounded to eight decimals


def test_the_steps_of_a_run_fill_its_latency(clean: dict[str, pa.Table]) -> None:
    requests, spans = clean["requests"], clean["spans"]  # noqa: F841 (named in SQL)
    worst = duckdb.sql(
        """
        SELECT max(abs(r.latency - s.latency)) FROM requests r
        JOIN (
            SELECT run, sum(latency) AS latency FROM spans
            WHERE step NOT IN ('workflow', 'human_review') GROUP BY run
        ) s USING (run)
        """
    ).fetchone()
    assert worst is not None
    assert worst[0] < 1e-6  # milliseconds add up exactly; only the sum of decimals rounds


def test_finance_reports_the_revenue_of_the_sessions(clean: dict[str, pa.Table]) -> None:
    kpis = clean["business_kpis"]
    company = kpis.filter(pc.and_(pc.equal(kpis["kpi"], "revenue"), pc.equal(kpis["entity"], "company")))
    assert pc.sum(company["value"]).as_py() == pytest.approx(pc.sum(clean["sessions"]["revenue"]).as_py(), abs=0.5)


def test_unknown_is_null_and_never_zero(clean: dict[str, pa.Table]) -> None:
    sessions = clean["sessions"]
    internal = sessions.filter(pc.equal(sessions["use_case"], "code_assistant"))
    assert internal["converted"].null_count == internal.num_rows
    assert internal["revenue"].null_count == internal.num_rows
    recent = pc.greater(sessions["start"], pa.scalar(Settings(requests=1, days=64, seed=0).end, sessions["start"].type))
    assert sessions.filter(recent)["returned_28d"].null_count == pc.sum(recent).as_py()
