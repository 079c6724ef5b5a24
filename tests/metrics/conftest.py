"""Workspaces of a few hand-made rows, and one small company whose metrics were worked out on paper."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from metricstack.core.values import Estimate, Finding, Refusal
from metricstack.metrics import evaluate
from metricstack.telemetry import DataFile, Kind, Warehouse, Workspace, open_workspace, table

Rows = list[dict[str, Any]]
Build = Callable[..., Workspace]

_ARROW = {
    Kind.TEXT: pa.string(),
    Kind.INTEGER: pa.int64(),
    Kind.FLOAT: pa.float64(),
    Kind.FLAG: pa.bool_(),
    Kind.INSTANT: pa.timestamp("us", "UTC"),
}


def at(text: str) -> datetime:
    """Return an instant of 2026 in UTC: ``"07-01"`` or ``"07-01 12:30"``."""
    day, _, clock = text.partition(" ")
    return datetime.fromisoformat(f"2026-{day}T{clock or '12:00'}:00").replace(tzinfo=UTC)


def minutes(count: float) -> timedelta:
    """Return so many minutes."""
    return timedelta(minutes=count)


def write_workspace(root: Path, tables: dict[str, Rows], config: str = "") -> Workspace:
    """Write rows as the readers write them. ``sample_probability`` is 1 unless a row says otherwise."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "metricstack.toml").write_text(config or '[workspace]\nname = "Northwind"\n', encoding="utf-8")
    warehouse = Warehouse.open(root / "data")
    for name, rows in tables.items():
        contract = table(name)
        whole = [{"sample_probability": 1.0} | row for row in rows]
        columns = [column for column in contract.names if any(column in row for row in whole)]
        unknown = {column for row in whole for column in row} - set(contract.names)
        if unknown:
            raise AssertionError(f"{name} has no {unknown}")
        arrays = {
            column: pa.array([row.get(column) for row in whole], _ARROW[contract[column].kind]) for column in columns
        }
        path = root / "data" / name / "a.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(arrays), path)
        times = [row[contract.event_time] for row in rows]
        file = DataFile.of(
            warehouse.root, path, name, rows=len(rows), first=min(times, default=None), last=max(times, default=None)
        )
        warehouse = warehouse.commit([file])
    return open_workspace(root)


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Build a workspace of the tables given, in a folder of its own."""
    count = iter(range(100))

    def make(config: str = "", **tables: Rows) -> Workspace:
        return write_workspace(tmp_path / f"workspace{next(count)}", tables, config)

    return make


def runs(count: int, **columns: Any) -> Rows:
    """Return requests, one user each, a minute apart from July 1st; a list gives each row its own value."""
    rows = []
    for i in range(count):
        row: dict[str, Any] = {"run": f"r{i}", "user": f"u{i}", "start": at("07-01") + minutes(i)}
        for name, value in columns.items():
            row[name] = value[i] if isinstance(value, list) else value
        rows.append(row)
    return rows


def value_of(ws: Workspace, metric: str, **options: Any) -> float:
    """Evaluate one number over 2026Q3, or fail with the refusal."""
    answer = finding_of(ws, metric, **options).answer
    assert isinstance(answer, Estimate), answer
    return answer.value


def refusal_of(ws: Workspace, metric: str, **options: Any) -> Refusal:
    """Evaluate one metric over 2026Q3 that must refuse."""
    answer = finding_of(ws, metric, **options).answer
    assert isinstance(answer, Refusal), answer
    return answer


def finding_of(ws: Workspace, metric: str, **options: Any) -> Finding:
    """Evaluate the one finding of a metric over 2026Q3."""
    panel = evaluate(ws, metric, **({"window": "2026Q3"} | options))
    assert len(panel.findings) == 1, panel.findings
    return panel.findings[0]


def groups_of(ws: Workspace, metric: str, by: str, **options: Any) -> dict[str, float | str]:
    """Evaluate a metric by one dimension: value, or the reason of the refusal, per group."""
    panel = evaluate(ws, metric, **({"window": "2026Q3"} | options), by=by)
    return {
        dict(f.where)[by]: f.answer.value if isinstance(f.answer, Estimate) else str(f.answer.reason)
        for f in panel.findings
    }


CONFIG = """
[workspace]
name = "Northwind"
currency = "USD"

[parameters]
sla_latency = 8.0

[use_cases.support]
acceptable_latency = 2.5
owner = "support-ai"

[policies.error_rate]
owner = "platform-team"
target = 0.01
breach = 0.05
"""


def _spread(names: Iterable[str], values: dict[str, list[Any]]) -> Rows:
    return [{"run": name} | {column: given[i] for column, given in values.items()} for i, name in enumerate(names)]


def company_tables() -> dict[str, Rows]:
    """Return the rows of the small company; every expected number in the tests is worked out from them by hand."""
    tables: dict[str, Rows] = {}
    runs_ = [f"r{i}" for i in range(1, 11)]
    tables["requests"] = _spread(
        runs_,
        {
            "user": ["u1", "u1", "u2", "u2", "u3", "u3", "u4", "u4", "u5", "u5"],
            "team": ["a"] * 10,
            "use_case": ["support"] * 6 + ["search"] * 4,
            "region": ["eu", "us"] * 5,
            "start": [at(f"07-{day:02}") for day in range(1, 11)],
            "end": [at(f"07-{day:02} 13:00") for day in range(1, 11)],
            "outcome": ["success"] * 4 + ["failure", "abandoned", "escalated", "unknown", "success", "success"],
            "latency": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 20.0],
            "cost": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, None, 0.9, 1.0],
            "human_touches": [0, 0, 1, 0, 0, 0, 1, 0, 0, 0],
            "human_minutes": [0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 6.0, 0.0, 0.0, 0.0],
            "error_type": [None] * 4 + ["timeout"] + [None] * 5,
            "fallback": [False, True] + [False] * 5 + [None, False, False],
            "retries": [0, 1, 0, 0, 2, 0, 0, 0, 0, 0],
            "tokens_input_uncached": [100] * 10,
            "tokens_cache_read": [50] * 9 + [None],
            "tokens_output": [10] * 10,
        },
    )
    tables["sessions"] = [
        {"session": f"s{i}", "user": f"u{i}", "start": at(f"07-{i + 1:02}"), "use_case": "support"} | row
        for i, row in enumerate(
            [
                {"converted": True, "revenue": 100.0, "cost_to_serve": 1.0, "resolved": True, "returned_28d": True},
                {"converted": True, "revenue": 50.0, "cost_to_serve": 2.0, "resolved": True, "returned_28d": True},
                {"converted": False, "revenue": 0.0, "cost_to_serve": 3.0, "resolved": True, "returned_28d": False},
                {"converted": False, "revenue": 0.0, "cost_to_serve": 4.0, "resolved": True, "returned_28d": None},
                {"converted": False, "revenue": 0.0, "cost_to_serve": 5.0, "resolved": False, "returned_28d": False},
                {"converted": None, "revenue": None, "cost_to_serve": None, "resolved": False, "returned_28d": True},
            ]
        )
    ]
    for i, row in enumerate(tables["sessions"]):
        row |= {"actions": i + 1, "abandoned": i == 5}
    judged = {
        "relevance": ([0.5, 1.0, 0.75, 0.75, 1.0], [0.5, 0.5, 1.0, 1.0, 1.0]),
        "completeness": ([0.2, 0.4, 0.6, 0.8, 1.0], [1.0] * 5),
        "consistency": ([0.9, 0.9, 0.9, 0.9, 0.4], [1.0] * 5),
        "trust": ([0.5, 0.5, 0.5, 0.5, 1.0], [1.0] * 5),
        "groundedness": ([1.0, 1.0, 1.0, 1.0, 0.5], [1.0] * 5),
        "click": ([1.0, 0.0, 0.0, 0.0, 1.0], [1.0] * 5),
        "correction": ([1.0, 0.0, 0.0, 0.0, 0.0], [1.0] * 5),
        "retry": ([0.0, 0.0, 0.0, 1.0, 1.0], [1.0] * 5),
    }
    tables["feedback"] = [
        {
            "feedback": f"{name}{i}", "run": runs_[2 * i], "user": f"u{i + 1}", "name": name, "kind": "llm_judge",
            "given": at(f"07-{i + 1:02}"), "value": value, "selection_probability": chance,
        }
        for name, (values, chances) in judged.items()
        for i, (value, chance) in enumerate(zip(values, chances, strict=True))
    ]  # fmt: skip
    tables["incidents"] = []
    for i in range(6):
        detected = at(f"07-{5 + i:02} 08:00")
        diagnosed = None if i == 5 else detected + minutes(60 * [1, 2, 3, 4, 5][i])
        tables["incidents"].append(
            {
                "incident": f"i{i}", "ai_related": [True, True, True, False, False, None][i],
                "started": detected - minutes([10, 20, 30, 40, 50, 60][i]), "detected": detected,
                "diagnosed": diagnosed,
                "fixed": None if diagnosed is None else diagnosed + minutes(60 * [1, 1, 1, 2, 4][i]),
                "mitigated": None if i == 5 else detected + minutes(60 * [2, 3, 4, 6, 10][i]),
            }
        )  # fmt: skip
    ages = {
        "source_to_pipeline": [10, 12, 14, 16, 90],
        "pipeline_to_store": [20, 25, 30, 35, 200],
        "store_to_dashboard": [40, 50, 55, 60, None],
    }
    tables["pipeline_runs"] = [
        {
            "feed": f"f{i}", "stage": stage, "finished": at(f"07-{i + 1:02}"),
            "max_event_time": None if age is None else at(f"07-{i + 1:02}") - minutes(age),
        }
        for stage, values in ages.items()
        for i, age in enumerate(values)
    ]  # fmt: skip
    checks = [  # connector, critical, day, failing check, partial
        ("crm", True, 1, None, False), ("crm", True, 2, "auth_ok", False), ("crm", True, 3, None, True),
        ("erp", True, 1, None, False), ("erp", True, 2, None, False), ("erp", True, 3, "schema_ok", True),
        ("erp", True, 4, None, False),
        ("toy", False, 1, "errors_ok", True),
    ]  # fmt: skip
    tables["connector_checks"] = [
        {"connector": connector, "critical": critical, "checked": at(f"07-{day:02}"), "partial": partial}
        | {name: name != bad for name in ("auth_ok", "schema_ok", "latency_ok", "errors_ok")}
        for connector, critical, day, bad, partial in checks
    ]
    tables["tool_touches"] = [
        {"run": run, "workflow": "refund", "phase": phase, "system": system, "touched": at(day)}
        for run, phase, day, systems in [
            ("b1", "before", "05-01", "abcdef"), ("b2", "before", "05-02", "abcd"), ("b3", "before", "05-03", "abcde"),
            ("w1", "with_ai", "07-01", "abc"), ("w2", "with_ai", "07-02", "ab"), ("w3", "with_ai", "07-03", "abcd"),
        ]
        for system in systems
    ]  # fmt: skip
    good = {"fairness": True, "privacy": True, "explainability": True, "safety": True, "human_oversight": False}
    tables["model_reviews"] = [
        {"model": "m1", "reviewed": at("03-01")} | good | {"fairness": False},  # superseded by the next
        {"model": "m1", "reviewed": at("08-01")} | good,
        {"model": "m2", "reviewed": at("02-01")} | good,
        {"model": "m3", "reviewed": at("07-01")} | good | {"privacy": None},
        {"model": "m4", "reviewed": at("07-01")} | good | {"explainability": False},
        {"model": "m5", "reviewed": at("11-01")} | good,  # after the window
    ]
    tables["controls"] = [
        {"control": f"c{i}", "recorded": at("01-01"), "required": i < 4, "automated": i in (0, 1, 2, 4),
         "tested_continuously": i == 0}
        for i in range(5)
    ]  # fmt: skip
    tables["quality_checks"] = [
        {"check": f"q{i}", "kind": kind, "subject": f"m{i}", "checked": at("07-20"), "verdict": verdict,
         "previous": None if gap is None else at("07-20") - minutes(1440 * gap)}
        for i, (kind, gap, verdict) in enumerate(
            [("drift", 1, "pass"), ("bias", 3, "fail"), ("drift", 7, "pass"), ("drift", 2, "pass"),
             ("bias", 30, "pass"), ("schema", 100, "fail"), ("drift", None, "too_little_data")]
        )
    ]  # fmt: skip
    tables["alerts"] = [
        {"alert": f"a{i}", "fired": at("07-05"), "due": due, "triaged": triaged}
        for i, (due, triaged) in enumerate(
            [(at("07-06"), at("07-05")), (at("07-06"), at("07-06")), (at("07-06"), at("07-07")), (at("07-06"), None),
             (at("07-06"), at("07-05")), (None, at("07-05"))]
        )
    ]  # fmt: skip
    live = {"monitored": True, "on_call": True, "promised": True}
    tables["pilots"] = [
        {"pilot": "p1", "recorded": at("01-01"), "stage": "pilot"},
        {"pilot": "p1", "recorded": at("08-01"), "stage": "product"} | live,
        {"pilot": "p2", "recorded": at("02-01"), "stage": "product"} | live | {"on_call": False},
        {"pilot": "p3", "recorded": at("02-01"), "stage": "stopped"},
        {"pilot": "p4", "recorded": at("10-05"), "stage": "product"} | live,  # after the window
    ]
    tables["changes"] = [
        {"change": f"c{i}", "opened": at("07-01"), "first_commit": at("06-30"), "approved": at("07-02"), "team": "a"}
        for i in range(7)
    ]
    tables["deployments"] = [
        {"deployment": f"d{i}", "service": f"s{i}", "deployed": at(f"07-{3 + i:02}"), "failed": i == 0,
         "rework": i == 1, "status": "cancelled" if i == 6 else "success",
         "recovered": at("07-03 18:00") if i == 0 else None}
        for i in range(7)
    ]  # fmt: skip
    tables["change_deployments"] = [
        {"change": f"c{i}", "deployment": f"d{i}", "deployed": at(f"07-{3 + i:02}"), "first_production": True}
        for i in range(6)
    ]
    tables["spans"] = [
        {"span": f"{step}{i}", "trace": f"t{i}", "run": runs_[i], "step": step, "start": at(f"07-{i + 1:02}"),
         "latency": latency, "quality_ok": quality}
        for step, pairs in {
            "ingestion": [(1.0, True), (1.0, True), (3.0, True), (1.0, False), (1.0, True)],
            "inference": [(7.0, True), (9.0, True), (9.0, True), (9.0, True), (1.0, None), (1.0, False)],
        }.items()
        for i, (latency, quality) in enumerate(pairs)
    ]  # fmt: skip
    tables["resource_usage"] = [
        {"resource": "gpu", "time": at("07-01"), "use_case": "support", "provisioned": 10.0, "used": 6.0, "cost": 5.0},
        {"resource": "cpu", "time": at("07-01"), "use_case": "search", "provisioned": 10.0, "used": 2.0, "cost": 3.0},
    ]
    tables["collection_health"] = [{"collector": "c", "time": at("07-01"), "started": 200, "kept": 150}]
    return tables


@pytest.fixture(scope="session")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The small company, opened; read only."""
    return write_workspace(tmp_path_factory.mktemp("company"), company_tables(), CONFIG)
