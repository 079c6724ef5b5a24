"""One workspace with rows in every table, the same rows in PostgreSQL, and questions that every engine is asked."""

import io
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq

from metricstack import simulation
from metricstack.core.errors import MetricstackError
from metricstack.core.values import Finding, Refusal
from metricstack.core.windows import Window
from metricstack.metrics import catalogue, evaluate
from metricstack.metrics.job import Job, Request
from metricstack.metrics.query.binning import binned
from metricstack.metrics.query.compile import Plan, whole
from metricstack.metrics.query.grouped import fetch
from metricstack.metrics.query.rows import Frame
from metricstack.metrics.query.states import Quantity, quantity_of
from metricstack.telemetry import DataFile, Warehouse, Workspace, open_workspace, table
from metricstack.telemetry.measures import given

QUARTER = "2025Q4"
CLOCK_CHANGE = Window(datetime(2025, 10, 24, 22, tzinfo=UTC), datetime(2025, 10, 27, 23, tzinfo=UTC))
"""Three local days in Berlin; on the second the clocks go back, so that it has 25 hours."""


def _odd_rows() -> dict[str, list[dict[str, Any]]]:
    """Rows that telemetry has and a simulation has not: gaps everywhere, sampling, microseconds, zeros, copies."""
    midnight = datetime(2025, 10, 25, 22, tzinfo=UTC)  # of the day with 25 hours
    tick = timedelta(microseconds=1)
    starts = [midnight - tick, midnight, midnight + timedelta(hours=25) - tick, midnight + timedelta(hours=25)]
    requests: list[dict[str, Any]] = [
        {"run": f"odd{i}", "start": start, "user": None, "session": None, "sample_probability": 1.0}
        for i, start in enumerate(starts)
    ]
    whole = {
        "use_case": "support_copilot", "model": "atlas-1", "region": "eu", "outcome": "success", "latency": 1.000001,
        "cost": 0.0, "tokens_output": 0, "retries": 0, "human_touches": 0, "fallback": False,
    }  # fmt: skip
    requests += [
        {"run": f"odd{4 + i}", "user": "nobody", "start": starts[1] + timedelta(microseconds=i), **whole, **change}
        for i, change in enumerate(
            [
                {"sample_probability": 0.1, "end": starts[1] + timedelta(seconds=3, microseconds=1)},
                {"sample_probability": 0.5, "latency": 0.0, "outcome": None},
                {"sample_probability": 0.25, "latency": 7.3e-6, "outcome": "failure", "error_type": "timeout"},
                {"sample_probability": 1.0, "latency": 1e6, "use_case": None, "cost": None},
                {"sample_probability": 1.0, "dq_flags": "late,duplicate", "cost": 1e9},
                {"sample_probability": 1.0, "env": "staging", "cost": 1e9},
                {"sample_probability": 1.0, "use_case": "Support_Copilot", "region": "é \"' %", "outcome": "escalated"},
            ]
        )
    ]
    # Of unknown sampling, which refuses totals: in the quarter before, that only one question is about.
    summer = datetime(2025, 8, 1, 12, tzinfo=UTC)
    requests += [
        {"run": f"unknown{i}", "start": summer, "user": "nobody", **whole, "segment": "business"} for i in range(2)
    ]
    incidents = [
        {"incident": f"odd{i}", "ai_related": i % 2 == 0, "service": "checkout", "sample_probability": 1.0,
         "started": starts[1], "detected": starts[1] + i * tick, "acknowledged": starts[1] + timedelta(minutes=i),
         "diagnosed": None if i == 5 else starts[1] + timedelta(hours=1, microseconds=7 * i),
         "fixed": starts[1] + timedelta(hours=2 + i), "mitigated": starts[1] + timedelta(hours=1 + i),
         "closed": None if i == 3 else starts[1] + timedelta(days=i)}
        for i in range(6)
    ]  # fmt: skip
    feedback = [
        {"feedback": f"odd{i}", "run": f"odd{i}", "user": None, "name": "relevance", "kind": "human",
         "given": starts[i % 4], "value": value, "selection_probability": chance, "sample_probability": 1.0}
        for i, (value, chance) in enumerate([(0.0, 0.25), (None, 0.5), (1.0, None), (0.5, 1.0), (1.0, 0.0)])
    ]  # fmt: skip
    plans = [
        {"plan": f"odd{i}", "run": f"odd{i}", "started": starts[1], "ready": ready, "steps_matched": matched,
         "steps_extra": 0, "steps_skipped": 0, "sample_probability": 1.0}
        for i, (matched, ready) in enumerate([(0, None), (3, starts[1] + 3 * tick), (None, starts[1] - tick)])
    ]  # fmt: skip
    # Referenced twice: one of the two rows counts, and neither multiplies those that point to it.
    models = [
        {"model": "atlas-1", "recorded": starts[0] + timedelta(days=i), "stage": stage, "sample_probability": 1.0}
        for i, stage in enumerate(["production", "retired"])
    ]
    return {
        "requests": requests, "feedback": feedback, "plans": plans, "models": models, "incidents": incidents,
    }  # fmt: skip


def build(root: Path) -> None:
    """Write the workspace: 400 simulated requests, and what comes with them, with the odd rows in files of their own.

    No table has more than 512 units, so that every engine takes them one by one.
    """
    simulation.simulate(root, requests=400, days=150, seed=7)
    warehouse = Warehouse.open(root / "data")
    for name, rows in _odd_rows().items():
        contract = table(name)
        columns = [column for column in contract.names if any(column in row for row in rows)]
        kinds = pq.read_schema(root / "data" / warehouse.of(name)[0].path)
        arrays = {column: pa.array([row.get(column) for row in rows], kinds.field(column).type) for column in columns}
        path = root / "data" / name / "odd.parquet"
        pq.write_table(pa.table(arrays), path)
        times = [row[contract.event_time] for row in rows]
        warehouse = warehouse.commit(
            [DataFile.of(warehouse.root, path, name, rows=len(rows), first=min(times), last=max(times))]
        )


def on(root: Path, engine: str = "duckdb", warehouse: str = "data") -> Workspace:
    """Open the workspace on an engine, as one line of its configuration would."""
    ws = open_workspace(root)
    return Workspace(ws.root, replace(ws.config, engine=engine, warehouse=warehouse))


_TYPES = {"string": "text", "int64": "bigint", "float64": "double precision", "boolean": "boolean"}


def copy_to_postgres(ws: Workspace, url: str, database: str, names: tuple[str, ...] = ()) -> str:
    """Copy a workspace's tables, with the columns that its data have, into a new database; return its URL."""
    import psycopg

    with psycopg.connect(url.replace("postgres://", "postgresql://"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{database}"')
    own = f"{url.rpartition('/')[0]}/{database}"
    with psycopg.connect(own.replace("postgres://", "postgresql://")) as connection:
        for name in names or ws.tables:
            columns = ws.columns(name)
            rows = ws.table(name, duplicates=True, columns=columns).to_pyarrow()  # type: ignore[union-attr]
            declared = ", ".join(
                f'"{column}" {_TYPES.get(table(name)[column].kind.value, "timestamptz")}' for column in columns
            )
            connection.execute(f'CREATE TABLE "{name}" ({declared})')
            text = io.BytesIO()
            instants = [field.name for field in rows.schema if pa.types.is_timestamp(field.type)]
            for column in instants:
                at = rows.schema.get_field_index(column)
                rows = rows.set_column(at, column, pc.strftime(rows[column], format="%Y-%m-%d %H:%M:%S+00"))
            csv.write_csv(rows, text, csv.WriteOptions(include_header=False))
            with connection.cursor().copy(f'COPY "{name}" FROM STDIN WITH (FORMAT csv)') as copy:
                copy.write(text.getvalue())
    return own


Answers = dict[str, dict[tuple[Any, ...], Finding]]
QUESTIONS = ("a quarter", "days across a clock change", "two dimensions within a third")


def ask(ws: Workspace) -> Answers:
    """Ask an engine: question → (metric, group) → finding.

    The quarter is asked of every metric. Days and dimensions, which all metrics of a table get in the same way,
    are asked of some tables: Spark starts a job for each query.
    """
    ids, segment = catalogue(ws).ids, {"segment": "business"}
    by_use_case = [name for name in ids if _can(ws, name, ("use_case",), {}, {"requests", "incidents"})]
    within = [name for name in ids if _can(ws, name, ("region", "use_case"), segment, {"requests", "feedback"})]
    questions: dict[str, tuple[Sequence[str], dict[str, Any]]] = {
        "a quarter": (ids, {"window": QUARTER}),
        "days across a clock change": (by_use_case, {"window": CLOCK_CHANGE, "by": "use_case", "grain": "day"}),
        "two dimensions within a third": (
            within, {"window": "2025Q3", "by": ["region", "use_case"], "where": segment},
        ),
    }  # fmt: skip
    assert tuple(questions) == QUESTIONS
    return {
        question: {(f.subject, *f.where): f for f in evaluate(ws, names, **asked).findings}
        for question, (names, asked) in questions.items()
    }


def _can(ws: Workspace, name: str, by: tuple[str, ...], where: dict[str, str], tables: set[str]) -> bool:
    """Whether a metric stands on these tables alone and can be asked by these dimensions."""
    request = Request(ws, catalogue(ws), CLOCK_CHANGE, (CLOCK_CHANGE,), by, where, None, 0.95)
    try:
        job = Job.of(request, name)
    except MetricstackError:
        return False
    return tables.issuperset(job.tables)


def histograms(ws: Workspace) -> dict[str, list[tuple[Any, ...]]]:
    """Return the logarithmic histogram of every quantile's quantity: (bin, rows) in order, over all units."""
    frame = Frame(ws, given(ws.config), (ws.quarter(QUARTER),))
    found = {}
    for quantity in _quantities(ws):
        query = binned(frame, quantity.table, quantity, Plan(cluster=table(quantity.table).key[:1], gathered=True))
        assert not isinstance(query, Refusal)
        rows = query.group_by("_bin").aggregate(n=query["_n"].sum(), weight=query["_w"].sum()).to_pyarrow().to_pylist()
        found[quantity.label] = sorted(
            ((row["_bin"], int(row["n"]), row["weight"]) for row in rows), key=lambda row: (row[0] is None, row[0] or 0)
        )
    return found


def exact_quantiles(ws: Workspace) -> dict[str, tuple[Any, ...]]:
    """Return the engine's own exact quantiles of every quantile's quantity, as asked of large unsampled tables."""
    frame = Frame(ws, given(ws.config), (ws.quarter(QUARTER),))
    found: dict[str, tuple[Any, ...]] = {}
    for quantity in _quantities(ws):
        query = whole(frame, quantity.table, [(quantity, "quantile", (0.5, 0.95))])
        assert not isinstance(query, Refusal)
        grouped = fetch(query, frame.keys)
        found[quantity.label] = tuple(
            float(values[0]) if len(values) else None
            for values in (grouped.columns[name] for name in ("n0", "q0_0", "q0_1"))
        )
    return found


def _quantities(ws: Workspace) -> list[Quantity]:
    """Every quantity of a plain quantile of rows, of a few tables."""
    known = catalogue(ws)
    request = Request(ws, known, CLOCK_CHANGE, (CLOCK_CHANGE,), (), {}, None, 0.95)
    found: dict[Quantity, None] = {}
    for name in known.ids:
        job = Job.of(request, name)
        if job.quantile is not None and job.quantile[1].function in ("quantile", "median"):
            quantity = quantity_of(job.quantile[1], job.quantile[0])
            if not quantity.per and quantity.table in ("requests", "llm_calls", "plans", "incidents", "pipeline_runs"):
                found.setdefault(quantity)
    return list(found)


JAVA = shutil.which("java")


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """Run a standalone Spark master with one worker of one core on the loopback interface; yield its URL."""
    import pyspark

    home = Path(pyspark.__file__).parent
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"spark://127.0.0.1:{port}"
    environment = os.environ | {
        "SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "512m",
        "SPARK_WORKER_DIR": str(folder / "work"), "SPARK_LOG_DIR": str(folder),
    }  # fmt: skip
    place = ["--host", "127.0.0.1", "--webui-port", "0"]
    commands = [
        ["Master", *place, "--port", str(port)],
        ["Worker", *place, "--cores", "1", "--memory", "1g", url],
    ]
    started: list[subprocess.Popen[bytes]] = []
    try:
        for kind, *arguments in commands:
            log = (folder / f"{kind}.log").open("wb")
            started.append(
                subprocess.Popen(
                    [home / "bin" / "spark-class", f"org.apache.spark.deploy.{kind.lower()}.{kind}", *arguments],
                    stdout=log, stderr=subprocess.STDOUT, env=environment, cwd=folder,
                )
            )  # fmt: skip
            log.close()
            if kind == "Master":
                _wait_for(port)
        yield url
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(timeout=30)


def _wait_for(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the Spark master did not come up within a minute")
