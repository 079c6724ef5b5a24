"""How fast metrics are: 30 million requests by day and model version, against scan-and-sum of the same columns.

    python benchmarks/metrics.py [--rows 30000000] [--growth ROWS ...] [--keep DIR] [--only CASE ...]

Each case runs in a process of its own, best of three, on two threads; what counts is the ratio to the floor
in the same run. Peak memory is above that of a process that has imported everything. With ``--keep`` the data
are made in a folder and used again; else they are deleted.
"""

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

ROWS = 30_000_000
DAYS = 90
PARTS = 4
WINDOW = "2026Q3"
START = datetime(2026, 7, 1, tzinfo=UTC)
CATALOGUE = (
    "task_success", "escalation_rate", "abandonment_rate", "availability", "error_rate", "fallback_rate",
    "attempt_retry_rate", "sla_attainment", "transactions", "unassisted_success", "completed_cases", "throughput",
    "total_cost", "cost_per_request", "cost_per_successful_outcome", "success_per_dollar", "tokens",
    "tokens_per_request", "tokens_per_outcome", "generated_tokens_mean", "context_tokens", "cache_hit_share",
    "human_minutes_per_request",
)  # fmt: skip
OWN = {
    "bench_mean_latency": ("mean(latency)", "s"),
    "bench_mean_active": ("mean(active)", "s"),
    "bench_active_share": ("sum(active) / sum(latency)", "fraction"),
    "bench_mean_retries": ("mean(retries)", "1"),
    "bench_mean_touches": ("mean(human_touches)", "1"),
    "bench_human_time": ("sum(human_minutes)", "h"),
    "bench_mean_prompt": ("mean(tokens_input_uncached)", "tokens"),
    "bench_fallbacks": ("count(fallback)", "1"),
    "bench_failures": ("count(failed)", "1"),
    "bench_escalations": ("count(escalated)", "1"),
}
QUANTILES = {
    f"bench_{column}_{int(share * 100)}": (f"quantile({column}, {share})", unit)
    for column, unit in (("latency", "s"), ("active", "s"), ("tokens_output", "tokens"))
    for share in (0.5, 0.95, 0.99)
}
METRICS = (*CATALOGUE, *OWN)
SUMMED = (
    "latency", "active", "human_minutes", "cost", "tokens_input_uncached", "tokens_cache_read", "tokens_output",
    "human_touches", "retries",
)  # fmt: skip
COUNTED = ("outcome", "error_type", "fallback", '"end"', "sample_probability")
DAY = f"((epoch_us(start) - {int(START.timestamp()) * 1_000_000}) // 86400000000)"
COLUMNS = f"""
    'r' || lpad(i::varchar, 9, '0') as run,
    's' || lpad((h // 97 % ({{rows}} // 4 + 1))::varchar, 9, '0') as session,
    'u' || lpad((h % ({{rows}} // 100 + 1))::varchar, 8, '0') as "user",
    ['eu', 'us', 'asia'][1 + h // 7 % 3] as region,
    ['web', 'app', 'email', 'api'][1 + h // 13 % 4] as channel,
    ['support', 'search', 'claims'][1 + h // 17 % 3] as use_case,
    'agent-' || (h // 19 % 5) as agent,
    'model-v' || (h // 23 % 8) as model,
    'p' || (h // 29 % 6) as prompt_version,
    time as start,
    time + to_microseconds((latency * 1e6)::bigint) as "end",
    case when h // 31 % 100 < 78 then 'success' when h // 31 % 100 < 88 then 'failure'
         when h // 31 % 100 < 93 then 'abandoned' when h // 31 % 100 < 97 then 'escalated'
         else 'unknown' end as outcome,
    latency,
    latency * (0.3 + 0.7 * (h // 37 % 1000) / 1000.0) as active,
    case when h // 41 % 100 < 2 then 'timeout' end as error_type,
    h // 43 % 100 < 4 as fallback,
    (case when h // 47 % 20 = 0 then 1 + h // 53 % 3 else 0 end)::bigint as human_touches,
    (case when h // 47 % 20 = 0 then 1.0 + h // 59 % 100 / 10.0 else 0.0 end)::double as human_minutes,
    (case when h // 61 % 12 = 0 then 1 else 0 end)::bigint as retries,
    (200 + h // 67 % 3000)::bigint as tokens_input_uncached,
    (h // 71 % 1500)::bigint as tokens_cache_read,
    (20 + h // 73 % 700)::bigint as tokens_output,
    case when h // 79 % 50 > 0 then 0.001 + latency * 0.0004 + (h // 83 % 1000) * 1e-6 end::double as cost,
    1.0::double as sample_probability
from (
    select i, (hash(i) >> 8)::bigint as h,
        1.5 * exp(0.8 * sqrt(-2 * ln((hash(i + 7919) % 1000000 + 1) / 1000001.0))
            * cos(6.283185307 * (hash(i + 104729) % 1000000) / 1e6)) as latency,
        timestamptz '{START.isoformat()}' + to_microseconds((i * {DAYS * 86400e6} / {{rows}})::bigint) as time
    from range({{first}}, {{after}}) t(i)
)"""


def generate(folder: Path, rows: int) -> None:
    """Write a workspace of so many requests: log-normal latency, a hundred requests a user, 90 days, 8 models."""
    import duckdb

    from metricstack.telemetry import DataFile, Warehouse

    place = folder / "data" / "requests"
    place.mkdir(parents=True)
    (folder / "metrics").mkdir()
    (folder / "metricstack.toml").write_text('[workspace]\nname = "Benchmark"\n', encoding="utf-8")
    entries = [
        f'[metrics.{name}]\ntitle = "{name}"\nabout = "{name}"\ntable = "requests"\nformula = "{formula}"\n'
        f'unit = "{unit}"\nbetter = "neither"\nowner = "benchmark"\nsource = "benchmark"\n'
        for name, (formula, unit) in (OWN | QUANTILES).items()
    ]
    (folder / "metrics" / "benchmark.toml").write_text("\n".join(entries), encoding="utf-8")
    engine = duckdb.connect()
    engine.execute("SET threads = 2")
    warehouse, files = Warehouse.open(folder / "data"), []
    for part in range(PARTS):
        first, after = rows * part // PARTS, rows * (part + 1) // PARTS
        path = place / f"{part}.parquet"
        engine.execute(
            f"copy (select {COLUMNS.format(rows=rows, first=first, after=after)}) to '{path}' (format parquet)"
        )
        bounds = engine.execute(f"select epoch_us(min(start)), epoch_us(max(start)) from '{path}'").fetchone() or (0, 0)
        low, high = (datetime.fromtimestamp(bound / 1e6, UTC) for bound in bounds)
        files.append(DataFile.of(warehouse.root, path, "requests", rows=after - first, first=low, last=high))
    warehouse.commit(files)


def _open(folder: Path) -> Any:
    import metricstack as ms

    ws = ms.open(folder)
    ws.connection.raw_sql("SET threads = 2")
    return ws


def _floor(folder: Path) -> Callable[[], Any]:
    import duckdb

    engine = duckdb.connect()
    engine.execute("SET threads = 2; SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
    sums = ", ".join([*(f"sum({name})" for name in SUMMED), *(f"count({name})" for name in COUNTED)])
    query = f"select {DAY} as day, model, {sums} from '{folder}/data/requests/*.parquet' group by all"
    return lambda: engine.execute(query).to_arrow_table()


def _values(*, intervals: bool, quantiles: bool = False) -> Callable[[Path], Callable[[], Any]]:
    def prepare(folder: Path) -> Callable[[], Any]:
        from metricstack.metrics import values

        ws, names = _open(folder), (*METRICS, *(QUANTILES if quantiles else ()))
        return lambda: values(ws, names, window=WINDOW, by="model", grain="day", intervals=intervals)

    return prepare


def _beside(folder: Path, name: str, workspace: str, more: str = "") -> Path:
    """Make a workspace of the same data with another configuration, in a folder of its own."""
    other = folder.with_name(f"{folder.name}-{name}")
    if not other.exists():
        other.mkdir()
        for part in ("data", "metrics"):
            (other / part).symlink_to((folder / part).resolve())
    text = f'[workspace]\nname = "Benchmark"\n{workspace}\n{more}'
    (other / "metricstack.toml").write_text(text, encoding="utf-8")
    return other


def _rolled(folder: Path) -> Callable[[], Any]:
    """From daily sums, built before the clock starts."""
    from metricstack.metrics.rollups.rollup import build_rollups

    other = _beside(folder, "rolled", "", '[rollups.requests]\nby = ["model"]\n')
    build_rollups(_open(other))
    return _values(intervals=True)(other)


def _spark(folder: Path) -> Callable[[], Any]:
    """Spark on this machine: the same queries, one job for the table."""
    import metricstack as ms
    from metricstack.metrics import values

    ws = ms.open(_beside(folder, "spark", 'engine = "spark:local[2]"'))
    return lambda: values(ws, METRICS, window=WINDOW, by="model", grain="day", intervals=False)


def _separately(folder: Path) -> Callable[[], Any]:
    from metricstack.metrics import values

    ws = _open(folder)
    return lambda: [values(ws, name, window=WINDOW, by="model", grain="day", intervals=False) for name in METRICS]


def _pandas(folder: Path) -> Callable[[], Any]:
    import pandas as pd

    def run() -> Any:
        names = ["start", "model", *SUMMED, *(name.strip('"') for name in COUNTED)]
        rows = pd.read_parquet(folder / "data" / "requests", columns=names)
        known = rows.outcome.where(rows.outcome != "unknown")
        for name in ("success", "escalated", "abandoned"):
            rows[name] = (known == name).where(known.notna())
        rows["failed"] = rows.error_type.notna()
        rows["retried"] = rows.retries > 0
        rows["within"] = ((rows.latency <= 10) & (known == "success")).where(known.notna())
        rows["alone"] = ((rows.human_touches == 0) & (known == "success")).where(known.notna())
        rows["tokens"] = rows.tokens_input_uncached + rows.tokens_cache_read + rows.tokens_output
        flags = ["success", "escalated", "abandoned", "failed", "retried", "within", "alone", "fallback", "tokens"]
        day = rows.start.dt.floor("D")
        return rows.groupby([day, "model"], observed=True)[[*SUMMED, *flags]].agg(["sum", "count"])

    return run


def _polars(folder: Path) -> Callable[[], Any]:
    import polars as pl

    success, known = pl.col("outcome") == "success", pl.col("outcome") != "unknown"
    flags = {
        "success": success, "escalated": pl.col("outcome") == "escalated", "left": pl.col("outcome") == "abandoned",
        "failed": pl.col("error_type").is_not_null(), "retried": pl.col("retries") > 0, "known": known,
        "within": success & (pl.col("latency") <= 10), "alone": success & (pl.col("human_touches") == 0),
        "fell": pl.col("fallback"),
    }  # fmt: skip
    sums = [pl.col(name).sum() for name in SUMMED] + [pl.col(name).count().alias(f"n_{name}") for name in SUMMED]
    sums += [flag.sum().alias(name) for name, flag in flags.items()]
    lazy = pl.scan_parquet(str(folder / "data" / "requests" / "*.parquet"))
    query = lazy.group_by(pl.col("start").dt.truncate("1d").alias("day"), "model").agg(*sums)
    return lambda: query.collect(engine="streaming")


def _checked(_: Path) -> Callable[[], Any]:
    """The catalogue's files to checked trees, and those to the states that they need."""
    from metricstack.metrics.language.load import CATALOGUE, load
    from metricstack.metrics.language.resolve import inline, quantile_of, special_of
    from metricstack.metrics.query.states import states_of

    def run() -> Any:
        known = load(CATALOGUE)
        summed = (one for one in known.values() if not (quantile_of(one, known) or special_of(one, known)))
        return [list(states_of(inline(one, known), one.table)) for one in summed]

    return run


def _compile(_: Path) -> Callable[[], Any]:
    """Every fused query of the catalogue, from definitions to SQL."""
    import ibis

    from metricstack.metrics import catalogue
    from metricstack.metrics.answers.arrays import is_plain
    from metricstack.metrics.evaluate import Request
    from metricstack.metrics.job import Job
    from metricstack.metrics.query import compile as queries
    from metricstack.metrics.query.rows import Frame
    from metricstack.metrics.query.states import states_of
    from metricstack.telemetry.calendar import Calendar
    from metricstack.telemetry.config import WorkspaceConfig
    from metricstack.telemetry.dialects import write
    from metricstack.telemetry.tables import table

    class Schema:
        """Stands for a workspace that has every table."""

        config = WorkspaceConfig()

        def table(self, name: str, *, columns: Any) -> Any:
            rows = ibis.table({column.name: column.kind.value for column in table(name).columns}, name=name)
            return rows.select(*dict.fromkeys(columns))

        def never_null(self, _: str) -> frozenset[str]:
            return frozenset()

        always_null = never_null

    known, schema = catalogue(), cast("Any", Schema())
    span = Calendar(schema.config.zone, schema.config.fiscal_year_start).quarter(WINDOW)
    request = Request(schema, known, span, (span,), (), {}, None, 0.95)

    def run() -> Any:
        states: dict[str, dict[Any, None]] = {}
        for job in (Job.of(request, name) for name in known.ids):
            for state in states_of(job.tree, job.definition.table) if is_plain(job) else ():
                states.setdefault(state.quantity.table, {}).setdefault(state)
        for name, asked in states.items():
            frame = Frame(schema, known.given, (span,))
            plan = queries.Plan(cluster=table(name).cluster, weighted=False)
            query, _ = cast("Any", queries.shared(frame, name, tuple(asked), plan))
            write(query, "duckdb")

    return run


CASES: dict[str, tuple[str, Callable[[Path], Callable[[], Any]]]] = {
    "floor": ("scan and sum of the same columns (floor)", _floor),
    "values": (f"{len(METRICS)} metrics", _values(intervals=False)),
    "intervals": (f"{len(METRICS)} metrics with intervals", _values(intervals=True)),
    "quantiles": ("… and p50, p95, p99 of three columns", _values(intervals=False, quantiles=True)),
    "quantile_intervals": ("… all with intervals", _values(intervals=True, quantiles=True)),
    "rolled": (f"{len(METRICS)} metrics with intervals, from the roll-up", _rolled),
    "separately": (f"{len(METRICS)} metrics, one query each", _separately),
    "pandas": ("pandas groupby", _pandas),
    "polars": ("Polars, streaming", _polars),
    "spark": (f"{len(METRICS)} metrics on Spark, local", _spark),
    "checked": ("the whole catalogue, files to states", _checked),
    "compile": ("the whole catalogue, states to SQL", _compile),
}
ONCE = ("quantile_intervals", "separately", "pandas", "spark")
GROWS = ("floor", "values", "intervals")


def _measure(case: str, folder: Path, runs: int) -> dict[str, float]:
    """Run one case here: best wall and CPU seconds, and peak memory above the imports, in MB."""
    import duckdb  # noqa: F401
    import ibis.backends.duckdb  # noqa: F401
    import pandas as pd  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import scipy.special  # noqa: F401

    import metricstack.metrics.values  # noqa: F401

    before = _peak()
    run = CASES[case][1](folder)
    times = []
    for _ in range(runs):
        wall, used = time.perf_counter(), time.process_time()
        run()
        times.append((time.perf_counter() - wall, time.process_time() - used))
    grown = _peak() - before
    return {"wall": min(wall for wall, _ in times), "cpu": min(used for _, used in times), "memory": grown}


def _peak() -> float:
    """Most memory that this process ever held, in MB; `getrusage` would count its parent's too."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) / 1024  # type: ignore[index]
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _apart(case: str, folder: Path) -> dict[str, float] | str:
    """Run one case in a process of its own; a text says why it could not be."""
    runs = 1 if case in ONCE else 3
    command = [sys.executable, __file__, "--measure", case, "--keep", str(folder), "--runs", str(runs)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["failed"])[-1]
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _table(rows: int, folder: Path, cases: list[str]) -> None:
    print(f"{rows:,} requests by {DAYS} days x 8 model versions, two threads")
    print("| case | wall s | CPU s | x floor (CPU) | MB above imports |\n|---|---|---|---|---|")
    floor = 0.0
    for case in cases:
        found = _apart(case, folder)
        if isinstance(found, str):
            print(f"| {CASES[case][0]} | left out: {found} | | | |", flush=True)
            continue
        floor = found["cpu"] if case == "floor" else floor
        ratio = f"{found['cpu'] / floor:.1f}" if floor and case not in ("checked", "compile") else ""
        cells = (CASES[case][0], f"{found['wall']:.2f}", f"{found['cpu']:.2f}", ratio, f"{found['memory']:,.0f}")
        print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Print one Markdown table for each number of rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--growth", type=int, nargs="*", default=[3_000_000], metavar="ROWS")
    parser.add_argument("--keep", type=Path, metavar="DIR")
    parser.add_argument("--only", nargs="*", choices=[*CASES], metavar="CASE")
    parser.add_argument("--measure", choices=[*CASES], help=argparse.SUPPRESS)
    parser.add_argument("--runs", type=int, default=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        print(json.dumps(_measure(asked.measure, asked.keep, asked.runs)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        for rows in (asked.rows, *asked.growth):
            folder = (asked.keep or Path(temporary)) / str(rows)
            if not (folder / "metricstack.toml").is_file():
                generate(folder, rows)
            _table(rows, folder, asked.only or [*(CASES if rows == asked.rows else GROWS)])


if __name__ == "__main__":
    main()
