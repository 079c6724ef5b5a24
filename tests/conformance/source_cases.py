"""One small source per kind, each with the same story, and a way to run `ingest` on it until it is killed.

The story: three good requests of two users, one bad request, message content that must not be kept.
Run as a script, this module forks children that load a source and die: see `_main`.
"""

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PEOPLE = ("ada.lovelace@example.org", "grace.hopper@example.org")
CONTENT = "the patient told us a secret"
AT = "2026-07-01T10:00:0{}.000Z"
RANDOM_MOMENTS = 8


@dataclass(frozen=True)
class Case:
    """A source that can be made in a folder.

    Args:
        kind: What `ingest` calls it.
        make: Writes the source into a folder and returns the path or URL to ingest.
        table: The table that the bad row is of.
        read: Rows of that table.
        quarantined: Rows of it that are bad.
        reason: How the reason of the bad row begins.
        people: The source's tables hold hashes of persons.
        options: Further arguments of `ingest`.
        damaged: Writes a source that cannot be read; returns path, and what the error must say.
    """

    kind: str
    make: Callable[[Path], str]
    damaged: Callable[[Path], tuple[str, str]]
    table: str = "requests"
    read: int = 4
    quarantined: int = 1
    reason: str = "'outcome' is not one of success"
    people: bool = True
    options: dict[str, Any] = field(default_factory=dict)


def rows() -> list[dict[str, Any]]:
    """The story as rows; the last has an outcome that the contract does not know."""
    return [
        {
            "run": f"run-{number}",
            "user": PEOPLE[number % 2],
            "start": AT.format(number),
            "latency": [0.5, float("nan"), 1.5, 2.5][number],
            "outcome": ["success", "failure", "success", "splendid"][number],
            "prompt": f"{CONTENT} {number}",
        }
        for number in range(4)
    ]


def make_csv(folder: Path) -> str:
    file = folder / "requests.csv"
    lines = [",".join(rows()[0])] + [",".join(str(value) for value in row.values()) for row in rows()]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(file)


def make_parquet(folder: Path) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    (folder / "requests").mkdir()
    pq.write_table(pa.Table.from_pylist(rows()), folder / "requests" / "part-0.parquet")
    return str(folder / "requests")


def make_duckdb(folder: Path) -> str:
    import duckdb
    import pyarrow as pa

    file = folder / "warehouse.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.register("story", pa.Table.from_pylist(rows()))
        connection.execute("CREATE TABLE requests AS SELECT * FROM story")
    return f"duckdb://{file}"


def make_langfuse(folder: Path) -> str:
    traces = []
    for number in range(3):
        score = {"id": f"score-{number}", "name": "relevance", "source": "EVAL", "timestamp": AT.format(number + 2),
                 "dataType": "NUMERIC", "value": [0.5, 0.9, 7][number], "comment": CONTENT}  # fmt: skip
        traces.append({
            "trace": {"id": f"trace-{number}", "name": "support", "timestamp": AT.format(number),
                      "environment": "default", "userId": PEOPLE[number % 2], "input": CONTENT, "output": CONTENT,
                      "scores": [score]},
            "observations": [
                {"id": f"call-{number}", "type": "GENERATION", "name": "chat", "model": "small-1", "level": "DEFAULT",
                 "startTime": AT.format(number), "endTime": AT.format(number + 1), "latency": 1000,
                 "input": CONTENT, "output": CONTENT, "statusMessage": CONTENT, "metadata": {"note": CONTENT},
                 "usageDetails": {"input": 10, "output": 5, "total": 15}, "costDetails": {"total": 0.01}},
            ],
        })  # fmt: skip
    file = folder / "traces.json"
    file.write_text(json.dumps(traces), encoding="utf-8")
    return str(file)


def make_devlake(folder: Path) -> str:
    tables = {
        "pull_requests": ["id,title,description,author_id,author_name,base_repo_id,merge_commit_sha,"
                          "created_date,merged_date"]
        + [
            f"pr-{number},{CONTENT},{CONTENT},{PEOPLE[number % 2]},{PEOPLE[number % 2]},repo,sha{number},"
            f"{'when I had time' if number == 3 else f'2026-07-01 0{number}:00:00'},2026-07-02 10:00:00"
            for number in range(4)
        ],
        "pull_request_comments": ["id,pull_request_id,body,created_date,account_id",
                                  f"c,pr-0,{CONTENT},2026-07-01 09:00:00,{PEOPLE[1]}"],
        "cicd_deployment_commits": ["id,cicd_deployment_id,commit_sha,result,environment,finished_date,commit_msg",
                                    f"1,deploy-1,sha0,SUCCESS,PRODUCTION,2026-07-03 10:00:00,{CONTENT}"],
        "incidents": ["id,created_date,resolution_date,title,creator_name",
                      f"issue-1,2026-07-03 11:00:00,2026-07-03 12:00:00,{CONTENT},{PEOPLE[0]}"],
    }  # fmt: skip
    for name, lines in tables.items():
        (folder / f"export_{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(folder)


def damaged_csv(folder: Path) -> tuple[str, str]:
    file = folder / "requests.csv"
    file.write_text('run,start\na,2026-07-01T10:00:00Z\nb,"2026-07-01T10:00:00Z\nc,2026-07-01T10:00:00Z\n')
    return str(file), "requests.csv:3:3: a quote is opened here and never closed"


def damaged_parquet(folder: Path) -> tuple[str, str]:
    file = Path(make_parquet(folder)) / "part-0.parquet"
    file.write_bytes(file.read_bytes()[:-20])
    return str(file), "part-0.parquet: not a whole Parquet file"


def damaged_duckdb(folder: Path) -> tuple[str, str]:
    file = folder / "warehouse.duckdb"
    file.write_text("this is not a database")
    return f"duckdb://{file}", "warehouse.duckdb: cannot be read"


def damaged_langfuse(folder: Path) -> tuple[str, str]:
    file = folder / "traces.json"
    file.write_text('{"trace": {"id": "t"},\n "observations": [}')
    return str(file), "traces.json:2:19: not JSON"


def damaged_devlake(folder: Path) -> tuple[str, str]:
    (folder / "pull_requests.csv").write_text('id,created_date\na,2026-07-01\nb,"2026-07-01\nc,2026-07-01\n')
    return str(folder), "pull_requests.csv:3:3: a quote is opened here and never closed"


CASES = {
    "csv": Case("table", make_csv, damaged_csv),
    "parquet": Case("table", make_parquet, damaged_parquet),
    "sql": Case("sql", make_duckdb, damaged_duckdb),
    "langfuse": Case("langfuse", make_langfuse, damaged_langfuse, table="feedback", read=3, reason="'value'"),
    "devlake": Case(
        "devlake", make_devlake, damaged_devlake, table="changes", reason="'opened' is a text of 15", people=False
    ),
}


def state(workspace: Path) -> dict[str, Any]:
    """What a reader of the workspace sees: the manifest, and whether its files are whole."""
    from metricstack.telemetry.warehouse import Warehouse, file_digest

    warehouse = Warehouse.open(workspace / "data")
    for file in warehouse.files:
        assert file_digest(warehouse.root / file.path) == file.digest
    return {
        "rows": {name: sum(file.rows for file in warehouse.of(name)) for name in warehouse.tables},
        "loads": len(warehouse.loads),
    }


def strays(workspace: Path) -> list[str]:
    """Files in the workspace that belong to nothing."""
    from metricstack.telemetry.warehouse import Warehouse

    warehouse = Warehouse.open(workspace / "data")
    known = {warehouse.root / file.path for file in warehouse.files}
    known |= {
        workspace / name for name in ("metricstack.toml", "privacy.key", ".metricstack.lock", "data/manifest.json")
    }
    digests = {load.digest[:16] for load in warehouse.loads}
    return [
        str(path.relative_to(workspace))
        for path in workspace.rglob("*")
        if path.is_file() and path not in known and path.stem.rpartition("-")[2] not in digests
    ]


def _die_at(step: int) -> None:
    """Kill this process at the n-th of the steps that touch the disk."""
    import pyarrow.parquet as pq

    seen = 0

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any, **options: Any) -> Any:
            nonlocal seen
            seen += 1
            if seen == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)

        return wrapper

    os.fsync = counted(os.fsync)
    Path.replace = counted(Path.replace)  # type: ignore[method-assign]
    Path.unlink = counted(Path.unlink)  # type: ignore[method-assign]
    Path.mkdir = counted(Path.mkdir)  # type: ignore[method-assign]
    pq.ParquetWriter.write_table = counted(pq.ParquetWriter.write_table)
    pq.ParquetWriter.close = counted(pq.ParquetWriter.close)


def _forked(work: Callable[[], Any], kill_after: float | None = None) -> int:
    """Do the work in a child and return its exit status; negative is the signal that ended it."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except Exception as error:
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
        finally:
            os._exit(status)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _main(case: str, folder: Path, stride: int) -> None:
    """Kill a load at every ``stride``-th step (0: at random moments) and report the states seen as JSON lines."""
    import random

    import ibis  # noqa: F401  loaded once, so that every child starts warm
    import pyarrow.csv
    import pyarrow.parquet  # noqa: F401

    from metricstack.sources import ingest

    one = CASES[case]
    source_folder = folder / "source"
    source_folder.mkdir()
    noted = folder / "path"
    if _forked(lambda: noted.write_text(one.make(source_folder))) != 0:
        raise SystemExit(1)
    made, workspace = noted.read_text(), folder / "workspace"

    def run(step: int | None = None) -> None:
        if step is not None:
            _die_at(step)
        ingest(made, source=one.kind, workspace=workspace, **one.options)

    generator = random.Random(20260701)
    started = time.monotonic()
    _forked(run)
    took = time.monotonic() - started
    step = 1
    while True:
        shutil.rmtree(workspace, ignore_errors=True)
        moment = None if stride else generator.uniform(0.0, took * 1.1)
        status = _forked(lambda step=step if stride else None: run(step), moment)
        workspace.mkdir(exist_ok=True)
        seen = state(workspace)
        again = _forked(run)
        line = {"killed": status == -signal.SIGKILL, "seen": seen, "again": again, "after": state(workspace)}
        sys.stdout.write(json.dumps(line | {"strays": strays(workspace)}) + "\n")
        if (stride and status == 0) or (not stride and step == RANDOM_MOMENTS) or step > 200:
            break
        step += stride or 1


if __name__ == "__main__":
    _main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
