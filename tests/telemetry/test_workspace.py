"""What a workspace promises: contract columns exactly, refusals for what is missing, errors for what is broken."""

from datetime import datetime, timedelta
from pathlib import Path

import ibis
import pyarrow as pa
import pytest

import metricstack as ms
from metricstack.core import InvalidInput, Reason, Refusal, UnknownName, UnreadableFile, WorkspaceError
from metricstack.telemetry import TABLES, Warehouse, table
from tests.telemetry.conftest import FIRST, LAST, Writer


def test_a_table_has_exactly_the_columns_of_its_contract(
    tmp_path: Path, write_table: Writer, two_requests: pa.Table
) -> None:
    write_table("requests", two_requests.append_column("not_ours", pa.array([1, 2])))
    rows = ms.open(tmp_path).table("requests")
    assert rows.columns == table("requests").names
    assert all(c.kind.fits(rows.schema()[c.name]) for c in table("requests").columns)
    values = rows.order_by("run").to_pyarrow().to_pydict()
    assert values["latency"] == [1.5, 2.5]
    assert values["model"] == ["m", "n"]
    assert values["cost"] == [None, None]


def test_integers_where_the_contract_says_real_numbers_are_read(
    tmp_path: Path, write_table: Writer, two_requests: pa.Table
) -> None:
    write_table("requests", two_requests.set_column(2, "latency", pa.array([1, 2], pa.int32())))
    assert ms.open(tmp_path).table("requests").latency.sum().to_pyarrow().as_py() == 3.0


def test_files_with_different_columns_are_one_table(
    tmp_path: Path, write_table: Writer, two_requests: pa.Table
) -> None:
    write_table("requests", two_requests)
    write_table("requests", two_requests.drop(["latency"]).set_column(0, "run", pa.array(["c", "d"])), file="b")
    rows = ms.open(tmp_path).table("requests").order_by("run").to_pyarrow().to_pydict()
    assert rows["latency"] == [1.5, 2.5, None, None]


def test_rows_flagged_as_delivered_twice_are_left_out(
    tmp_path: Path, write_table: Writer, two_requests: pa.Table
) -> None:
    write_table("requests", two_requests.append_column("dq_flags", pa.array([None, "late,duplicate"])))
    workspace = ms.open(tmp_path)
    assert workspace.table("requests").count().to_pyarrow().as_py() == 1
    assert workspace.table("requests", duplicates=True).count().to_pyarrow().as_py() == 2


def test_the_span_runs_from_the_first_to_the_last_event(
    tmp_path: Path, write_table: Writer, two_requests: pa.Table
) -> None:
    write_table("requests", two_requests)
    span = ms.open(tmp_path).span("requests")
    assert span is not None
    assert (span.start, span.end) == (FIRST, LAST + timedelta(microseconds=1))


def test_the_fingerprint_moves_with_the_data_only(tmp_path: Path, write_table: Writer, two_requests: pa.Table) -> None:
    write_table("requests", two_requests)
    before = ms.open(tmp_path).fingerprint("requests")
    assert ms.open(tmp_path).fingerprint("requests") == before
    write_table("requests", two_requests.set_column(0, "run", pa.array(["c", "d"])), file="b")
    assert ms.open(tmp_path).fingerprint("requests") != before


def test_a_folder_whose_name_looks_like_a_pattern_is_read(tmp_path: Path, two_requests: pa.Table) -> None:
    import shutil

    from tests.telemetry import conftest

    folder = tmp_path / "q[1]*?"
    folder.mkdir()
    conftest.write_table.__wrapped__(folder)("requests", two_requests)  # type: ignore[attr-defined]
    assert ms.open(folder).table("requests").count().to_pyarrow().as_py() == 2
    shutil.rmtree(folder)


def test_a_warehouse_may_be_an_engine(tmp_path: Path, two_requests: pa.Table) -> None:
    file = tmp_path / "house.duckdb"
    connection = ibis.duckdb.connect(file)
    connection.create_table("requests", two_requests)
    connection.disconnect()
    (tmp_path / "metricstack.toml").write_text(f'[workspace]\nwarehouse = "duckdb://{file}"\n', encoding="utf-8")
    workspace = ms.open(tmp_path)
    assert workspace.tables == ("requests",)
    assert workspace.table("requests").latency.sum().to_pyarrow().as_py() == 4.0
    span = workspace.span()
    assert span is not None
    assert span.start == FIRST
    assert workspace.fingerprint("requests") != ""


# Refusal


def test_a_missing_table_refuses_with_its_name_and_what_would_provide_it(
    tmp_path: Path, write_table: Writer, two_requests: pa.Table
) -> None:
    write_table("requests", two_requests)
    answer = ms.open(tmp_path).table("sessions")
    assert isinstance(answer, Refusal)
    assert answer.reason is Reason.MISSING_TABLE
    assert "'sessions'" in answer.detail
    assert "product analytics" in answer.remedy


@pytest.mark.parametrize("name", TABLES)
def test_every_table_can_be_missing(tmp_path: Path, name: str) -> None:
    (tmp_path / "metricstack.toml").touch()
    assert isinstance(ms.open(tmp_path).table(name), Refusal)


# Misuse


def test_a_folder_that_is_no_workspace_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="metricstack simulate"):
        ms.open(tmp_path / "nowhere")


def test_an_unknown_table_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "metricstack.toml").touch()
    with pytest.raises(UnknownName, match="Did you mean 'requests'"):
        ms.open(tmp_path).table("request")


def test_a_wrong_type_names_table_column_and_both_types(
    tmp_path: Path, write_table: Writer, two_requests: pa.Table
) -> None:
    write_table("requests", two_requests.set_column(2, "latency", pa.array(["fast", "slow"])))
    with pytest.raises(InvalidInput, match="'requests', column 'latency' is string; the contract says float64"):
        ms.open(tmp_path).table("requests")


def test_a_truncated_file_is_named_with_both_lengths(
    tmp_path: Path, write_table: Writer, two_requests: pa.Table
) -> None:
    path = write_table("requests", two_requests)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(UnreadableFile, match=rf"a\.parquet: {len(whole) - 100:,} bytes long where {len(whole):,}"):
        ms.open(tmp_path).table("requests")


def test_a_file_of_the_right_length_that_is_not_parquet_is_named(
    tmp_path: Path, write_table: Writer, two_requests: pa.Table
) -> None:
    path = write_table("requests", two_requests)
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(UnreadableFile, match="not readable as Parquet"):
        ms.open(tmp_path).table("requests")


def test_a_file_that_is_gone_is_named(tmp_path: Path, write_table: Writer, two_requests: pa.Table) -> None:
    write_table("requests", two_requests).unlink()
    with pytest.raises(UnreadableFile, match="listed in the manifest but no such file"):
        ms.open(tmp_path).table("requests")


@pytest.mark.parametrize("content", ["{", "[]", '{"version": 1}', '{"version": 1, "files": [{}], "loads": []}'])
def test_a_damaged_manifest_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content, encoding="utf-8")
    with pytest.raises(UnreadableFile, match=r"manifest\.json"):
        Warehouse.open(tmp_path)


def test_a_manifest_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"version": 99}', encoding="utf-8")
    with pytest.raises(WorkspaceError, match="version 99"):
        Warehouse.open(tmp_path)


def test_the_reporting_zone_does_not_move_stored_instants(
    tmp_path: Path, write_table: Writer, two_requests: pa.Table
) -> None:
    write_table("requests", two_requests)
    first = ms.open(tmp_path).table("requests").start.min().to_pyarrow().as_py()
    assert first == FIRST
    assert isinstance(first, datetime)


def test_a_flipped_byte_is_found_by_comparing_with_what_was_written(
    tmp_path: Path, write_table: Writer, two_requests: pa.Table
) -> None:
    path = write_table("requests", two_requests)
    ms.open(tmp_path).verify()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match=r"a\.parquet: its bytes are not those that were written"):
        ms.open(tmp_path).verify()


def test_data_without_a_manifest_are_damage_not_an_empty_warehouse(
    tmp_path: Path, write_table: Writer, two_requests: pa.Table
) -> None:
    path = write_table("requests", two_requests)
    (tmp_path / "data" / "manifest.json").unlink()
    with pytest.raises(WorkspaceError, match=r"holds data files \(a\.parquet"):
        _ = ms.open(tmp_path).tables
    assert path.is_file()


@pytest.mark.parametrize("url", ["bogus://x", "postgres://ada:hunter2@127.0.0.1:1/x"])
def test_an_engine_that_cannot_be_reached_is_said_without_its_password(tmp_path: Path, url: str) -> None:
    (tmp_path / "metricstack.toml").write_text(f'[workspace]\nwarehouse = "{url}"\n', encoding="utf-8")
    with pytest.raises(WorkspaceError, match="cannot be reached") as caught:
        _ = ms.open(tmp_path).tables
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_no_toml_is_no_workspace(tmp_path: Path) -> None:
    (tmp_path / "truth.json").write_text("{}")
    with pytest.raises(WorkspaceError, match=r"no metricstack\.toml"):
        ms.open(tmp_path / "truth.json")


def test_a_relative_path_is_looked_for_in_the_folders_above_too(
    tmp_path: Path, write_table: Writer, two_requests: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_table("requests", two_requests)
    deep = tmp_path.parent / "project" / "notebooks"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert ms.open(tmp_path.name).root == tmp_path.resolve()
    with pytest.raises(WorkspaceError, match="nowhere-at-all"):
        ms.open("nowhere-at-all")
