"""What `completeness` promises: rows, duplicates, late, sampled and dangling by hand; the last full quarter."""

import pytest

from metricstack.core.errors import InvalidInput
from metricstack.telemetry.completeness import completeness, last_full_quarter
from tests.metrics.conftest import at, minutes, runs, write_workspace


def test_every_share_by_hand(tmp_path) -> None:
    requests = runs(8, outcome=["success"] * 6 + [None, None], session=["s1"] * 4 + ["gone"] * 2 + [None] * 2)
    requests[0] |= {"dq_flags": "late"}
    requests[1] |= {"sample_probability": 0.5}
    requests[2] |= {"sample_probability": None}
    again = [requests[3] | {"dq_flags": "late,duplicate"}]
    outside = [row | {"run": f"x{i}", "start": at("02-01")} for i, row in enumerate(runs(3))]
    elsewhere = [row | {"run": f"y{i}", "env": "staging"} for i, row in enumerate(runs(2))]
    ws = write_workspace(
        tmp_path,
        {"requests": requests + again + outside + elsewhere, "sessions": [{"session": "s1", "start": at("07-01")}]},
    )
    found = {entry.table: entry for entry in completeness(ws, ws.quarter("2026Q3"))}
    assert list(found) == ["requests", "sessions"]
    entry = found["requests"]
    assert (entry.rows, entry.duplicates) == (8, 1)
    assert (entry.late, entry.sampled, entry.unknown_sampling) == (1 / 8, 1 / 8, 1 / 8)
    assert dict(entry.nulls)["outcome"] == 2 / 8
    assert dict(entry.dangling) == {"session": 2 / 6}  # of the six that point somewhere
    assert (entry.first, entry.last) == (at("07-01"), at("07-01") + minutes(7))
    assert entry.to_dict()["first"] == "2026-07-01T12:00:00+00:00"


def test_an_empty_window_has_no_rows_and_no_shares(tmp_path) -> None:
    ws = write_workspace(tmp_path, {"requests": runs(3)})
    (entry,) = completeness(ws, ws.quarter("2025Q1"))
    assert (entry.rows, entry.late, entry.first) == (0, 0.0, None)


def test_registers_are_described_as_of_the_windows_end(tmp_path) -> None:
    ws = write_workspace(tmp_path, {"controls": [{"control": "c", "recorded": at("01-01"), "required": True}]})
    assert completeness(ws, ws.quarter("2026Q3"))[0].rows == 1


def test_the_last_full_quarter_goes_by_traffic_not_by_registers(tmp_path) -> None:
    traffic = [{"run": f"r{i}", "start": at("04-01") + minutes(1440 * i)} for i in range(95)]
    ws = write_workspace(
        tmp_path, {"requests": traffic, "controls": [{"control": "c", "recorded": at("12-31"), "required": True}]}
    )
    assert last_full_quarter(ws).name == "2026Q2"


def test_without_dated_rows_there_is_no_quarter(tmp_path) -> None:
    with pytest.raises(InvalidInput, match="metricstack ingest"):
        last_full_quarter(write_workspace(tmp_path, {}))


def test_one_row_with_a_wild_date_moves_no_quarter(tmp_path) -> None:
    traffic = [{"run": f"r{i}", "start": at("04-01") + minutes(1440 * i)} for i in range(95)]
    stray = {"run": "stray", "start": at("04-01").replace(year=2050)}
    assert last_full_quarter(write_workspace(tmp_path, {"requests": [*traffic, stray]})).name == "2026Q2"


def test_without_a_full_quarter_the_one_with_most_days_is_taken(tmp_path) -> None:
    traffic = [{"run": f"r{i}", "start": at("06-20") + minutes(1440 * i)} for i in range(30)]  # 11 days, then 19
    assert last_full_quarter(write_workspace(tmp_path, {"requests": traffic})).name == "2026Q3"
