"""What the quarterly review promises: a page for any workspace, true to its numbers, the same bytes every time."""

import json
import re
from html import unescape
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import metricstack as ms
from metricstack.core import Estimate, InvalidInput, Refusal, UnknownName
from metricstack.core.units import write
from metricstack.reports.review import Review
from metricstack.reports.review.plan import LAYERS, every_metric
from metricstack.simulation import Dirt, simulate
from metricstack.telemetry import DataFile, Warehouse

pytestmark = pytest.mark.slow

PARTS = (
    "headline", "layers", "by_use_case", "moved", "usage", "broken", "value", "delivery", "risk", "trust", "origin",
)  # fmt: skip


def words(html: object) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", str(html))))


def page(review: Review) -> str:
    return " ".join(str(getattr(review, part)) for part in PARTS)


@pytest.fixture(scope="module")
def review(company: Path) -> Review:
    return ms.reports.assemble(ms.open(company), "2026Q3")


def test_every_metric_of_the_plan_is_in_the_catalogue() -> None:
    assert set(every_metric()) <= set(ms.metrics.catalogue().ids)
    assert [layer.title for layer in LAYERS] == ["Business", "Experience", "Reliability", "Cost"]


def test_the_page_shows_the_numbers_of_its_findings(review: Review) -> None:
    shown = words(page(review))
    for metric in every_metric():
        (finding,) = review.board.now.of(metric)
        if isinstance(finding.answer, Estimate):
            number = words(write(finding.answer.value, finding.answer.unit).partition(" per ")[0])
            assert number in shown, metric


def test_the_numbers_are_those_of_the_metrics_themselves(company: Path, review: Review) -> None:
    panel = ms.metrics.evaluate(ms.open(company), ["conversion_rate", "latency_p95"], window="2026Q3")
    for metric in ("conversion_rate", "latency_p95"):
        ours, theirs = (p.of(metric)[0].answer for p in (review.board.now, panel))
        assert isinstance(ours, Estimate)
        assert isinstance(theirs, Estimate)
        assert ours.n == theirs.n
        assert ours.value == pytest.approx(theirs.value, rel=1e-12)  # the order of a sum moves its last digit


def test_every_use_case_has_its_four_layers(review: Review) -> None:
    shown = words(review.by_use_case)
    for title in ("Support copilot", "Search answers", "Document agent", "Code assistant"):
        assert title in shown
    assert str(review.by_use_case).count("ms-column-kpi") == 4


def test_a_use_case_is_held_against_what_its_card_promises(review: Review) -> None:
    card = review.workspace.config.use_cases["document_agent"]
    (moved,) = review.use_cases.moved(("latency_p95",), (("use_case", "document_agent"),))
    assert moved.target == card.acceptable_latency
    (other,) = review.use_cases.moved(("conversion_rate",), (("use_case", "document_agent"),))
    assert other.target is None


def test_findings_hold_both_quarters_use_cases_and_courses(review: Review) -> None:
    findings = review.findings
    windows = {f.provenance.window.name for f in findings if f.provenance.window}
    assert {"2026Q2", "2026Q3"} <= windows
    assert sum("use_case" in dict(f.where) for f in findings) > 40
    assert all(f.provenance.tables or isinstance(f.answer, Refusal) for f in findings)
    json.dumps([finding.to_dict() for finding in findings], allow_nan=False)


def test_a_segment_narrows_what_knows_segments_and_refuses_the_rest(company: Path, review: Review) -> None:
    narrowed = ms.reports.assemble(ms.open(company), "2026Q3", segment="enterprise")
    whole, part = (r.board.now.of("transactions")[0].answer for r in (review, narrowed))
    assert isinstance(whole, Estimate)
    assert isinstance(part, Estimate)
    assert 0 < part.value < whole.value
    refused = narrowed.board.now.of("compliance_automation")[0].answer
    assert isinstance(refused, Refusal)
    assert "segment" in refused.detail
    assert page(narrowed)


def test_a_first_quarter_has_numbers_and_no_comparison(company: Path) -> None:
    first = ms.reports.assemble(ms.open(company), "2025Q3")
    assert "can be compared" in words(first.headline)
    assert "no quarter before" in words(first.layers)


# Refusal


def workspace(folder: Path, **tables: pa.Table) -> Path:
    (folder / "metricstack.toml").write_text('[workspace]\nname = "small"\n', encoding="utf-8")
    files = []
    for name, rows in tables.items():
        path = folder / "data" / name / "a.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(rows, path)
        times = rows.column(ms.telemetry.table(name).event_time).to_pylist()
        first, last = (min(times), max(times)) if times else (None, None)
        root = folder / "data"
        files.append(DataFile.of(root, path, name, rows=rows.num_rows, first=first, last=last))
    Warehouse(folder / "data").commit(files)
    return folder


def requests(n: int) -> pa.Table:
    starts = pa.array([1_783_000_000_000_000 + 60_000_000 * i for i in range(n)], pa.timestamp("us", "UTC"))
    return pa.table(
        {"run": pa.array([f"r{i}" for i in range(n)], pa.string()), "start": starts}
    )  # from 2 July 2026 on, a minute apart


def test_a_workspace_of_one_bare_table_says_what_it_can_and_refuses_the_rest(tmp_path: Path) -> None:
    review = ms.reports.assemble(ms.open(workspace(tmp_path, requests=requests(40))))
    assert review.window.name == "2026Q3"
    shown = words(page(review))
    assert "Recorded in 2026Q3: 40 requests." in shown
    assert "this workspace has no table 'sessions'" in shown
    assert "no column 'latency'" in shown
    assert "<svg" not in page(review), "a chart of nothing"
    assert not re.search(r"\bnan\b|\bNone\b", shown, re.IGNORECASE) or "None of the" in shown


def test_a_throughput_that_nobody_measured_is_not_zero(tmp_path: Path) -> None:
    rows = requests(40).append_column("sample_probability", pa.array([1.0] * 40))
    review = ms.reports.assemble(ms.open(workspace(tmp_path, requests=rows)))
    assert isinstance(review.board.now.of("throughput")[0].answer, Refusal)


def test_an_empty_table_is_no_quarter(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="holds no rows"):
        ms.reports.assemble(ms.open(workspace(tmp_path, requests=requests(0))))


def test_an_empty_workspace_says_how_to_fill_it(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="metricstack ingest"):
        ms.reports.assemble(ms.open(workspace(tmp_path)))


# Misuse


@pytest.mark.parametrize(("quarter", "said"), [("2031Q1", "lies after the data"), ("2019Q4", "lies before the data")])
def test_a_quarter_outside_the_data_names_those_inside(company: Path, quarter: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=rf"{said}, which run from 2025Q3 to 2026Q"):
        ms.reports.assemble(ms.open(company), quarter)


def test_an_unknown_segment_names_the_known(company: Path) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'enterprise'"):
        ms.reports.assemble(ms.open(company), "2026Q3", segment="enterprize")


HOSTILE = "<script>alert(1)</script> costs $1 and $2"


def test_a_name_from_telemetry_is_text(tmp_path: Path) -> None:
    n = 400
    rows = (
        requests(n).append_column("use_case", pa.array([HOSTILE] * n)).append_column("model", pa.array([HOSTILE] * n))
    )
    rows = rows.append_column("latency", pa.array([1.0 + i % 7 for i in range(n)]))
    start = rows.column("start").slice(0, 1).combine_chunks()
    incidents = pa.table({"incident": ["i"], "started": start, "name": [HOSTILE], "cause": ["model"]})
    html = page(ms.reports.assemble(ms.open(workspace(tmp_path, requests=rows, incidents=incidents))))
    assert "<script" not in html.lower()
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 2  # the use case, and the incident in its picture


@pytest.mark.slow
def test_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    simulate(tmp_path / "w", requests=4_000, days=184, seed=5, dirt=Dirt(hostile=True))
    made = []
    for place in ("a", "b"):
        report = ms.reports.quarterly_review(tmp_path / "w", out=tmp_path / place, progress=False)
        made.append({f.name: f.read_bytes() for f in report.folder.iterdir() if f.name != "manifest.json"})
    assert made[0] == made[1]
    assert set(made[0]) == {"report.html", "findings.json", "run.ipynb"}
    assert b"<script" not in made[0]["report.html"].lower()


# What review of the review found


def sessions(first_day: int, days: int) -> pa.Table:
    base = 1_774_994_400_000_000  # 1 April 2026, 00:00 in Berlin; 40 sessions a day from there
    starts = [base + (first_day + i // 40) * 86_400_000_000 + (i % 40) * 60_000_000 for i in range(days * 40)]
    n = len(starts)
    return pa.table(
        {
            "session": [f"s{i}" for i in range(n)],
            "user": [f"u{i % 97}" for i in range(n)],
            "start": pa.array(starts, pa.timestamp("us", "UTC")),
            "converted": [i % 7 == 0 for i in range(n)],
            "sample_probability": [1.0] * n,
        }
    )


def test_a_total_of_a_part_is_not_held_against_a_whole_quarter(tmp_path: Path) -> None:
    # Data from 1 April to 15 August: half of 2026Q3 is still to come.
    review = ms.reports.assemble(ms.open(workspace(tmp_path, sessions=sessions(0, 137))), "2026Q3")
    (total,) = review.board.moved(("sessions",))
    (rate,) = review.board.moved(("conversion_rate",))
    assert isinstance(total.change.difference, Refusal)
    assert "a total of a part" in total.change.difference.detail
    assert isinstance(rate.change.difference, Estimate)
    assert "Only a part of a quarter" in words(review.headline)
    assert "cannot compare" in words(review.usage)


def test_a_lower_bound_is_said_beside_its_number_and_meets_no_target(tmp_path: Path) -> None:
    # A third of the costs is unknown: what is known adds up to a lower bound.
    n = 900
    rows = requests(n).append_column("cost", pa.array([None if i % 3 == 0 else 0.01 for i in range(n)]))
    rows = rows.append_column("outcome", pa.array(["success"] * n))
    rows = rows.append_column("sample_probability", pa.array([1.0] * n))
    review = ms.reports.assemble(ms.open(workspace(tmp_path, requests=rows)))
    (moved,) = review.board.moved(("cost_per_successful_outcome",))
    assert any("lower bound" in caveat for caveat in moved.caveats)
    assert "lower bound" in words(review.layers)
