"""What roll-ups promise: no number, interval, count, check or reason is other than without them; what sums of days
cannot give is never served; only days whose data changed are computed; whatever is stale, damaged or gone is passed
over; wrong declarations are all named with their line."""

import json
import math
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metricstack.core.errors import ConfigurationError, WorkspaceError
from metricstack.core.streams import stream
from metricstack.core.values import Estimate, Finding
from metricstack.core.windows import Window
from metricstack.metrics import MetricPanel, build_rollups, catalogue, evaluate
from metricstack.metrics.query import fetch
from metricstack.telemetry import DataFile, Kind, Warehouse, Workspace, open_workspace, table

from .conftest import CONFIG, Rows, at, company_tables, minutes, write_workspace

BY = '[rollups.requests]\nby = ["use_case", "region"]\n'
TYPES = {
    Kind.TEXT: pa.string(), Kind.INTEGER: pa.int64(), Kind.FLOAT: pa.float64(), Kind.FLAG: pa.bool_(),
    Kind.INSTANT: pa.timestamp("us", "UTC"),
}  # fmt: skip
JULY = Window(at("07-01 00:00"), at("07-13 00:00"))
ADDITIVE = ["cost_per_request", "error_rate", "transactions", "total_cost", "fallback_rate"]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of what was answered from roll-ups: ``requests sums``, ``requests bins``, ``requests sampling``."""
    seen: set[str] = set()
    for name in ("sums", "bins", "sampling"):
        plain: Callable[..., Any] = getattr(fetch.RollUp, name)

        def spy(self: Any, *rest: Any, name: str = name, plain: Callable[..., Any] = plain, **more: Any) -> Any:
            found = plain(self, *rest, **more)
            if found is not None:
                seen.add(f"{self.manifest.table} {name}")
            return found

        monkeypatch.setattr(fetch.RollUp, name, spy)
    return seen


def add(root: Path, name: str, rows: Rows, file: str) -> None:
    """Add one file of rows to a workspace, as another load does."""
    contract, warehouse = table(name), Warehouse.open(root / "data")
    whole = [{"sample_probability": 1.0} | row for row in rows]
    columns = [column for column in contract.names if any(column in row for row in whole)]
    arrays = {column: pa.array([row.get(column) for row in whole], TYPES[contract[column].kind]) for column in columns}
    path = root / "data" / name / file
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(arrays), path)
    times = [row[contract.event_time] for row in rows]
    warehouse.commit([DataFile.of(warehouse.root, path, name, rows=len(rows), first=min(times), last=max(times))])


def requests(count: int, *, days: int = 6, seed: int = 1, users: int = 20, sampled: bool = False) -> Rows:
    """Return random runs from July 1st on; every third day is empty."""
    random, rows = stream(seed, "rollup"), []
    for i in range(count):
        day = int(random.integers(0, days))
        rows.append(
            {
                "run": f"r{seed}-{i}", "user": f"u{random.integers(0, users)}",
                "start": at("07-01 00:00") + timedelta(days=day + day // 2, minutes=int(random.integers(0, 1440))),
                "use_case": ["support", "search", None][int(random.integers(0, 3))],
                "region": ["eu", "us"][int(random.integers(0, 2))],
                "latency": float(random.lognormal(0, 1)),
                "cost": None if random.random() < 0.1 else float(random.lognormal(-2, 1)),
                "outcome": ["success", "failure", "unknown"][int(random.integers(0, 3))],
                "error_type": "timeout" if random.random() < 0.2 else None,
                "retries": int(random.integers(0, 3)), "fallback": bool(random.random() < 0.1),
                "sample_probability": [0.25, 1.0, None][int(random.integers(0, 3))] if sampled else 1.0,
            }
        )  # fmt: skip
    return rows


def assert_same(one: MetricPanel, other: MetricPanel) -> None:
    """Compare findings: numbers to 1e-12 (floats added in another order), all else exactly."""
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert (a.subject, a.where, a.checks, a.assumptions) == (b.subject, b.where, b.checks, b.assumptions)
        assert plain(a) == plain(b), a.subject
        for x, y in zip(numbers(a), numbers(b), strict=True):
            assert (x is None) == (y is None)
            assert x is None or y is None or x == y or math.isclose(x, y, rel_tol=1e-11, abs_tol=1e-14), (a, b)


def plain(finding: Finding) -> Any:
    answer = finding.answer
    return (answer.unit, answer.n, answer.method, answer.level) if isinstance(answer, Estimate) else answer


def numbers(finding: Finding) -> tuple[float | None, ...]:
    answer = finding.answer
    return (answer.value, answer.low, answer.high) if isinstance(answer, Estimate) else ()


def both(root: Path, metrics: Any, **options: Any) -> tuple[MetricPanel, MetricPanel]:
    """Evaluate from the rows, then with what is kept; a workspace of its own each, as two processes have."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fetch, "find", lambda *_: None)
        patch.setattr(fetch, "kept", lambda *_: None)
        rows = evaluate(open_workspace(root), metrics, **options)
    return rows, evaluate(open_workspace(root), metrics, **options)


# by hand ---------------------------------------------------------------------------------------------------------


def test_days_are_kept_with_the_sums_worked_out_by_hand(tmp_path: Path, served: set[str]) -> None:
    # Two runs on July 1st cost 1 and 2, one on the 2nd costs 6: 3.0 in all, 1.5 on the first day.
    rows = [
        {"run": f"r{i}", "user": f"u{i}", "start": at(day), "cost": cost, "use_case": "a", "region": "eu"}
        for i, (day, cost) in enumerate([("07-01", 1.0), ("07-01", 2.0), ("07-02", 6.0)])
    ]
    ws = write_workspace(tmp_path, {"requests": rows}, CONFIG + BY)
    (done,) = build_rollups(ws)
    assert (done.table, done.by, done.built, done.kept) == ("requests", ("use_case", "region"), 2, 0)
    panel = evaluate(ws, "total_cost", window=JULY, grain="day")
    values = [finding.answer.value for finding in panel if isinstance(finding.answer, Estimate)]
    assert values[:2] == [3.0, 6.0]
    assert served == {"requests sums"}


# the law: nothing changes ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kept_company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small company with everything rolled up, by use case; read only."""
    root = tmp_path_factory.mktemp("kept")
    build_rollups(write_workspace(root, company_tables(), CONFIG))
    return root


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"by": "use_case", "grain": "week"}, {"where": {"use_case": "support"}}])
def test_every_metric_is_the_same_with_and_without(kept_company: Path, options: dict[str, Any]) -> None:
    known = catalogue(open_workspace(kept_company))
    asked = {*([options["by"]] if "by" in options else []), *options.get("where", {})}
    ids = [name for name in known.ids if asked <= set(known.dimensions(name))]
    assert_same(*both(kept_company, ids, window=JULY, **options))


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    count=st.integers(1, 60), seed=st.integers(0, 10**6), users=st.sampled_from([1, 5, 2000]), sampled=st.booleans(),
    grain=st.sampled_from([None, "day", "week"]), by=st.sampled_from([(), ("region",), ("use_case", "region")]),
    where=st.sampled_from([{}, {"region": "eu"}]),
)  # fmt: skip
def test_random_tables_give_the_same_numbers(
    tmp_path_factory: pytest.TempPathFactory, count: int, seed: int, users: int, sampled: bool, grain: str | None,
    by: tuple[str, ...], where: dict[str, str],
) -> None:  # fmt: skip
    root = tmp_path_factory.mktemp("random")
    rows = requests(count, seed=seed, users=users, sampled=sampled)
    build_rollups(write_workspace(root, {"requests": rows}, CONFIG + BY))
    assert_same(*both(root, ADDITIVE, window=JULY, grain=grain, by=by, where=where))


@pytest.mark.parametrize("sampled", [False, True])
def test_many_users_and_sampled_rows_are_served_and_the_same(tmp_path: Path, served: set[str], sampled: bool) -> None:
    rows = requests(1500, users=1200, sampled=sampled)
    rows = [row | {"sample_probability": row["sample_probability"] or 1.0} for row in rows]  # unknown refuses totals
    ws = write_workspace(tmp_path, {"requests": rows}, CONFIG + BY)
    build_rollups(ws)
    whole = {"by": ("region", "use_case"), "grain": "day"}
    for options in ({}, whole, {"by": "use_case", "grain": "day"}, {"where": {"region": "eu"}}):
        assert_same(*both(tmp_path, ADDITIVE, window=JULY, **options))
    assert served == {"requests sums", *(["requests sampling"] if sampled else [])}
    assert "random groups" in repr(evaluate(ws, "error_rate", window=JULY)["error_rate"])


def test_small_histograms_are_kept_and_give_the_same_quantiles(
    tmp_path: Path, served: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # One user and few different values: a handful of bins for hundreds of rows a day.
    rows = [row | {"user": "u", "latency": float(1 + i % 3)} for i, row in enumerate(requests(600, days=2))]
    ws = write_workspace(tmp_path, {"requests": rows}, CONFIG + BY)
    build_rollups(ws)
    monkeypatch.setattr(fetch, "VECTOR_ROWS", 100)
    monkeypatch.setattr(fetch, "EXACT_QUANTILE_ROWS", 200)
    assert_same(*both(tmp_path, ["latency_p50", "latency_p95"], window=JULY, by="region"))
    assert "requests bins" in served


def test_days_begin_where_the_calendar_says(tmp_path: Path, served: set[str]) -> None:
    # In Berlin July 1st begins at 22:00 UTC of June 30th.
    rows = requests(80, days=4)
    zone = CONFIG.replace('currency = "USD"', 'currency = "USD"\nzone = "Europe/Berlin"')
    ws = write_workspace(tmp_path, {"requests": rows}, zone + BY)
    build_rollups(ws)
    assert_same(*both(tmp_path, ADDITIVE, window="2026Q3", grain="month"))
    assert served
    served.clear()
    utc = Window(at("07-01 00:00"), at("07-03 00:00"))  # no local days
    assert_same(*both(tmp_path, ADDITIVE, window=utc))
    assert not served


# what is never served --------------------------------------------------------------------------------------------


def test_what_sums_of_days_cannot_give_comes_from_the_rows(tmp_path: Path, served: set[str]) -> None:
    ws = write_workspace(tmp_path, {"requests": requests(300, users=40)}, CONFIG + BY)
    build_rollups(ws)
    # Percentiles of days are not averaged: a small table's come from its values.
    assert_same(*both(tmp_path, ["latency_p95", "latency_p50"], window=JULY))
    assert not served
    # Distinct users of days are not added.
    distinct = [name for name in catalogue(ws).ids if "distinct(" in catalogue(ws).get(name).formula
                and catalogue(ws).get(name).table == "requests"]  # fmt: skip
    if distinct:
        assert_same(*both(tmp_path, distinct, window=JULY))
    # A dimension that was not declared, and a condition on one.
    assert_same(*both(tmp_path, ADDITIVE, window=JULY, by="model"))
    assert_same(*both(tmp_path, ADDITIVE, window=JULY, where={"channel": "web"}))
    assert not served


def test_no_histogram_nor_distinct_count_is_kept_where_it_would_not_be_small(tmp_path: Path) -> None:
    build_rollups(write_workspace(tmp_path, {"requests": requests(100)}, CONFIG + BY))
    kinds = {path.name.partition("-")[0] for path in (tmp_path / "rollups" / "requests").glob("*.parquet")}
    assert kinds == {"states"}
    assert "distinct" not in (tmp_path / "rollups" / "requests" / "manifest.json").read_text()


# incremental -----------------------------------------------------------------------------------------------------


def test_only_days_whose_data_changed_are_computed_late_rows_too(tmp_path: Path, served: set[str]) -> None:
    early = [row for row in requests(200, days=6) if row["start"] < at("07-05 00:00")]
    ws = write_workspace(tmp_path, {"requests": early}, CONFIG + BY)
    (first,) = build_rollups(ws)
    (again,) = build_rollups(open_workspace(tmp_path))
    assert (again.built, again.kept) == (0, first.built)
    add(tmp_path, "requests", requests(20, days=1, seed=2), "late.parquet")  # rows of July 1st only
    stale = evaluate(open_workspace(tmp_path), ADDITIVE, window=Window(at("07-01 00:00"), at("07-02 00:00")))
    assert not served  # what is kept of the day is no longer true
    assert len(stale) == len(ADDITIVE)
    assert_same(*both(tmp_path, ADDITIVE, window=Window(at("07-02 00:00"), at("07-05 00:00"))))
    assert served  # the other days still are
    (late,) = build_rollups(open_workspace(tmp_path))
    assert (late.built, late.kept) == (1, first.built - 1)
    served.clear()
    assert_same(*both(tmp_path, ADDITIVE, window=JULY, by="region", grain="day"))
    assert served


def test_many_small_loads_are_gathered_into_few_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("metricstack.metrics.rollups.rollup._SEGMENTS", 2)
    write_workspace(tmp_path, {"requests": requests(20, days=1)}, CONFIG + BY)
    build_rollups(open_workspace(tmp_path))
    for day in range(3):
        rows = [row | {"start": row["start"] + timedelta(days=day + 1)} for row in requests(10, days=1, seed=day + 5)]
        add(tmp_path, "requests", rows, f"{day}.parquet")
        build_rollups(open_workspace(tmp_path))
    assert len(list((tmp_path / "rollups" / "requests").glob("states-*"))) <= 2
    assert_same(*both(tmp_path, ADDITIVE, window=JULY, grain="day"))


@pytest.mark.parametrize("change", ["sla_latency = 1.0", "parameters", "environment", "zone"])
def test_another_meaning_makes_what_is_kept_stale(tmp_path: Path, served: set[str], change: str) -> None:
    config = {
        "sla_latency = 1.0": CONFIG.replace("sla_latency = 8.0", "sla_latency = 1.0"),
        "parameters": CONFIG.replace("acceptable_latency = 2.5", "acceptable_latency = 0.5"),
        "environment": CONFIG.replace('currency = "USD"', 'currency = "USD"\nenvironment = "staging"'),
        "zone": CONFIG.replace('currency = "USD"', 'currency = "USD"\nzone = "Asia/Tokyo"'),
    }[change]
    ws = write_workspace(tmp_path, {"requests": requests(60)}, CONFIG + BY)
    build_rollups(ws)
    (tmp_path / "metricstack.toml").write_text(config + BY, encoding="utf-8")
    assert_same(*both(tmp_path, [*ADDITIVE, "sla_attainment"], window="2026Q3", by="use_case"))
    assert not served
    (done,) = build_rollups(open_workspace(tmp_path))
    assert done.kept == 0
    assert_same(*both(tmp_path, [*ADDITIVE, "sla_attainment"], window="2026Q3", by="use_case"))
    assert served


def test_a_table_that_outgrows_its_plan_is_answered_by_the_rows(tmp_path: Path, served: set[str]) -> None:
    # 20 users are units one by one; 1,000 more are gathered, and old days' units no longer fit.
    write_workspace(tmp_path, {"requests": requests(60, days=2)}, CONFIG + BY)
    build_rollups(open_workspace(tmp_path))
    rows = [row | {"user": f"new{i}", "start": at("08-01") + minutes(i)} for i, row in enumerate(requests(1000))]
    add(tmp_path, "requests", rows, "more.parquet")
    july = Window(at("07-01 00:00"), at("07-10 00:00"))
    assert_same(*both(tmp_path, ADDITIVE, window=july))
    assert not served


@pytest.mark.parametrize("damage", ["flip", "cut", "gone", "manifest", "folder"])
def test_damaged_or_missing_files_are_passed_over(tmp_path: Path, served: set[str], damage: str) -> None:
    write_workspace(tmp_path, {"requests": requests(60)}, CONFIG + BY)
    build_rollups(open_workspace(tmp_path))
    folder = tmp_path / "rollups" / "requests"
    (file,) = folder.glob("states-*.parquet")
    content = file.read_bytes()
    if damage == "flip":
        file.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    elif damage == "cut":
        file.write_bytes(content[:-10])
    elif damage == "gone":
        file.unlink()
    elif damage == "manifest":
        (folder / "manifest.json").write_text("{}", encoding="utf-8")
    else:
        for path in (*folder.iterdir(),):
            path.unlink()
        folder.rmdir()
    assert_same(*both(tmp_path, ADDITIVE, window=JULY))
    assert not served
    (done,) = build_rollups(open_workspace(tmp_path))
    assert done.kept == 0
    assert_same(*both(tmp_path, ADDITIVE, window=JULY))
    assert served


@pytest.mark.parametrize("text", ["null", "5", '"x"', "[]", "{}", "\x00", '{"version": 2, "digest": "x"}'])
def test_a_manifest_that_is_none_is_passed_over(tmp_path: Path, served: set[str], text: str) -> None:
    write_workspace(tmp_path, {"requests": requests(60)}, CONFIG + BY)
    build_rollups(open_workspace(tmp_path))
    (tmp_path / "rollups" / "requests" / "manifest.json").write_text(text, encoding="utf-8")
    assert_same(*both(tmp_path, ADDITIVE, window=JULY))
    assert not served


def test_a_manifest_whose_days_were_damaged_gives_no_other_number(tmp_path: Path, served: set[str]) -> None:
    write_workspace(tmp_path, {"requests": requests(60)}, CONFIG + BY)
    build_rollups(open_workspace(tmp_path))
    path = tmp_path / "rollups" / "requests" / "manifest.json"
    entry = json.loads(path.read_text(encoding="utf-8"))
    entry["segments"][0]["days"] = entry["segments"][0]["days"][:1]  # JSON all the same: the other days would be lost
    path.write_text(json.dumps(entry), encoding="utf-8")
    assert_same(*both(tmp_path, ADDITIVE, window=JULY))
    assert not served


# misuse ----------------------------------------------------------------------------------------------------------


def test_a_file_in_the_place_of_the_folder_is_named_with_what_to_do(tmp_path: Path) -> None:
    write_workspace(tmp_path, {"requests": requests(60)}, CONFIG + BY)
    (tmp_path / "rollups").write_text("mine", encoding="utf-8")
    with pytest.raises(WorkspaceError, match=r"Cannot write roll-ups to .*: File exists\. Move that file away\."):
        build_rollups(open_workspace(tmp_path))
    assert (tmp_path / "rollups").read_text(encoding="utf-8") == "mine"


def test_wrong_declarations_are_all_named_with_their_lines(tmp_path: Path) -> None:
    text = '[rollups.requests]\nby = ["use_case", "regoin", "user"]\n[rollups.feedback]\nby = ["region"]\n'
    text += "[rollups.controls]\nby = []\n"
    tables = {name: rows for name, rows in company_tables().items() if name in ("requests", "feedback", "controls")}
    ws: Workspace = write_workspace(tmp_path, tables, '[workspace]\nname = "x"\n' + text)
    with pytest.raises(ConfigurationError) as error:
        build_rollups(ws)
    said = str(error.value)
    for part in ("metricstack.toml:4", "'region'", "names a person", "metricstack.toml:6", "own columns", "register"):
        assert part in said
    (tmp_path / "metricstack.toml").write_text('[rollups.request]\nby = ["x"]\n[rollups.spans]\nby = "step"\n')
    with pytest.raises(ConfigurationError, match=r"metricstack\.toml:1: there is no table 'request'.*'requests'"):
        open_workspace(tmp_path)
    with pytest.raises(ConfigurationError, match=r"metricstack\.toml:4: 'by' must be a list"):
        open_workspace(tmp_path)


def test_a_database_is_refused_since_its_rows_may_change_unnoticed(tmp_path: Path) -> None:
    (tmp_path / "metricstack.toml").write_text('[workspace]\nwarehouse = "postgres://nobody@localhost/none"\n')
    with pytest.raises(WorkspaceError, match="change in place"):
        build_rollups(open_workspace(tmp_path))
    assert not (tmp_path / "rollups").exists()
