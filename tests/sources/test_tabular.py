"""What the table source promises: canonical headers, aliases, maps; Parquet and CSV alike; faults with their place."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import metricstack as ms
from metricstack.core import InvalidInput, UnknownName, UnreadableFile
from metricstack.sources import IngestIncomplete, IngestSummary, ingest
from metricstack.sources.csv_faults import locate_fault

MAP = Path(__file__).parents[2] / "data" / "maps" / "azure-llm.toml"


def read(path: Path, workspace: Path, **options: Any) -> IngestSummary:
    return ingest(path, source="table", workspace=workspace, **options)


def rows(workspace: Path, name: str) -> list[dict[str, Any]]:
    table = ms.open(workspace).table(name)
    found: list[dict[str, Any]] = table.order_by("start").to_pyarrow().to_pylist()  # type: ignore[union-attr]
    return found


def set_aside(workspace: Path) -> list[dict[str, Any]]:
    return [row for file in (workspace / "quarantine").glob("*.parquet") for row in pq.read_table(file).to_pylist()]


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def writer(name: str, text: str) -> Path:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return writer


def test_a_trace_in_azures_shape_loads_with_the_committed_map(write: Any, tmp_path: Path) -> None:
    # Its columns, its seven decimals, its lack of a zone; and two rows that are equal but for their place.
    text = (
        "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        "2023-11-16 18:17:03.9799600,4808,10\n"
        "2023-11-16 18:17:04.0319600,3180,8\n"
        "2023-11-16 18:17:04.0319600,3180,8\n"
    )
    summary = read(write("azure.csv", text), tmp_path / "ws", mapping=MAP)
    assert [(counts.table, counts.loaded) for counts in summary.tables] == [("llm_calls", 3), ("requests", 3)]
    calls, requests = rows(tmp_path / "ws", "llm_calls"), rows(tmp_path / "ws", "requests")
    assert sum(call["tokens_output"] for call in calls) == 26
    assert sum(call["tokens_input_uncached"] for call in calls) == 11168
    assert calls[0]["start"] == datetime(2023, 11, 16, 18, 17, 3, 979960, tzinfo=UTC)
    assert {call["sample_probability"] for call in calls} == {1.0}
    assert {call["run"] for call in calls} == {request["run"] for request in requests}
    assert len({call["call"] for call in calls}) == 3


def test_rows_added_at_the_end_of_a_file_are_the_only_new_ones(write: Any, tmp_path: Path) -> None:
    text = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.97,1,2\n"
    read(write("azure.csv", text), tmp_path / "ws", mapping=MAP)
    counts = read(write("azure.csv", text + "2023-11-16 18:17:04.97,3,4\n"), tmp_path / "ws", mapping=MAP).count(
        "requests"
    )
    assert (counts.read, counts.loaded, counts.duplicates) == (2, 1, 1)


def test_aliases_load_without_a_map_and_buckets_become_disjoint(write: Any, tmp_path: Path) -> None:
    text = (
        "span_id,trace_id,start_time,duration_ms,gen_ai.provider.name,gen_ai.response.model,gen_ai.usage.input_tokens,"
        "gen_ai.usage.cache_read.input_tokens,gen_ai.usage.output_tokens,gen_ai.usage.reasoning.output_tokens\n"
        "s1,t1,2026-07-01T10:00:00Z,1500,openai,gpt-x,100,80,50,30\n"
        "s2,t1,2026-07-01T10:00:01Z,500,anthropic,claude-x,20,80,50,\n"
    )
    read(write("llm_calls.csv", text), tmp_path / "ws")
    first, second = rows(tmp_path / "ws", "llm_calls")
    assert (first["call"], first["run"], first["latency"], first["model"]) == ("s1", "t1", 1.5, "gpt-x")
    assert (first["tokens_input_uncached"], first["tokens_cache_read"]) == (20, 80)  # 100 include the 80
    assert (first["tokens_output"], first["tokens_reasoning"]) == (20, 30)
    # 20 cannot include 80: this vendor counts the cache beside the input.
    assert (second["tokens_input_uncached"], second["tokens_cache_read"]) == (20, 80)


def test_latency_is_end_minus_start_where_none_is_given(write: Any, tmp_path: Path) -> None:
    text = "run,start,end\na,2026-07-01T10:00:00Z,2026-07-01T10:00:02.5Z\nb,2026-07-01T10:00:00.1Z,\n"
    read(write("requests.csv", text), tmp_path / "ws")
    assert [row["latency"] for row in rows(tmp_path / "ws", "requests")] == [2.5, None]


def test_unmapped_headers_are_counted_and_not_stored_unless_the_map_keeps_them(write: Any, tmp_path: Path) -> None:
    text = (
        'run,start,gpu_type,shoe_size,attributes\na,2026-07-01T10:00:00Z,h100,43,"{""zone"": 7, ""prompt"": ""x""}"\n'
    )
    file = write("requests.csv", text)
    plain = read(file, tmp_path / "plain")
    assert plain.unmapped == (("attributes", 1), ("gpu_type", 1), ("shoe_size", 1))
    assert rows(tmp_path / "plain", "requests")[0]["attributes"] is None
    keeping = write("../map.toml", 'keep = ["gpu_type", "attributes"]\nignore = ["shoe_size"]\n')
    assert read(file, tmp_path / "kept", mapping=keeping).unmapped == ()
    assert json.loads(rows(tmp_path / "kept", "requests")[0]["attributes"]) == {"gpu_type": "h100", "zone": 7}


def test_a_text_that_may_not_be_stored_can_be_kept_as_a_hash(write: Any, tmp_path: Path) -> None:
    file = write("requests.csv", "run,start,prompt\na,2026-07-01T10:00:00Z,hello\nb,2026-07-01T10:00:01Z,hello\n")
    mapping = write("../map.toml", '[columns]\ninput_hash = { header = "prompt", hash = true }\n')
    read(file, tmp_path / "ws", mapping=mapping)
    first, second = rows(tmp_path / "ws", "requests")
    assert first["input_hash"] == second["input_hash"]
    assert len(first["input_hash"]) == 32


def test_a_naive_time_is_an_error_that_says_how_to_state_its_zone(write: Any, tmp_path: Path) -> None:
    file = write("requests.csv", "run,start\na,2026-07-01 10:00:00\n")
    with pytest.raises(InvalidInput, match=r"requests.csv: Column 'start' holds times that name no zone"):
        read(file, tmp_path / "ws")
    mapping = write("../map.toml", 'zone = "America/New_York"\n')
    read(file, tmp_path / "ws", mapping=mapping)
    assert rows(tmp_path / "ws", "requests")[0]["start"] == datetime(2026, 7, 1, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    "name",
    ["requests.csv", "Requests-2026-07.csv", "requests/part-0.csv", "requests_2026.csv", "requests/2026/07/x.csv"],
)
def test_the_table_is_known_by_the_name_of_the_file_or_folder(write: Any, tmp_path: Path, name: str) -> None:
    write(name, "run,start\na,2026-07-01T10:00:00Z\n")
    assert read(tmp_path / "in", tmp_path / "ws").count("requests").loaded == 1


def test_a_file_of_an_unknown_table_is_an_error_that_names_the_nearest(write: Any, tmp_path: Path) -> None:
    file = write("request.csv", "run,start\na,2026-07-01T10:00:00Z\n")
    with pytest.raises(InvalidInput, match=r"nothing says which table this is. Is it 'requests'\?"):
        read(file, tmp_path / "ws")
    assert read(file, tmp_path / "ws", table="requests").count("requests").loaded == 1
    with pytest.raises(UnknownName, match="Did you mean 'requests'"):
        read(file, tmp_path / "ws", table="request")


def test_the_same_rows_in_another_format_are_duplicates(write: Any, tmp_path: Path) -> None:
    read(write("requests.csv", "run,user,start\na,ada,2026-07-01T10:00:00Z\n"), tmp_path / "ws")
    other = tmp_path / "requests.parquet"
    start = pa.array([datetime(2026, 7, 1, 10, tzinfo=UTC)], pa.timestamp("ns", tz="Europe/Berlin"))
    pq.write_table(pa.table({"run": ["a"], "user": ["ada"], "start": start}), other)
    counts = read(other, tmp_path / "again").count("requests")
    assert counts.loaded == 1
    shifted = pa.array([datetime(2026, 7, 1, 10, tzinfo=UTC)], pa.timestamp("ns", tz="UTC"))
    pq.write_table(pa.table({"run": ["a"], "user": ["ada"], "start": shifted}), other)
    counts = read(other, tmp_path / "ws").count("requests")
    assert (counts.loaded, counts.duplicates) == (0, 1)


def test_a_key_with_other_content_is_set_aside_and_the_loaded_row_stays(write: Any, tmp_path: Path) -> None:
    header = "run,start,cost\n"
    read(write("requests.csv", f"{header}a,2026-07-01T10:00:00Z,1\n"), tmp_path / "ws")
    changed = ["a,2026-07-01T10:00:00Z,2", *(f"b,2026-07-01T10:00:01Z,{cost}" for cost in (3, 3, 4))]
    text = header + "\n".join(changed) + "\n"
    counts = read(write("requests.csv", text), tmp_path / "ws").count("requests")
    assert (counts.read, counts.loaded, counts.duplicates, counts.quarantined) == (4, 1, 1, 2)
    assert [(row["run"], row["cost"]) for row in rows(tmp_path / "ws", "requests")] == [("a", 1.0), ("b", 3.0)]
    assert sorted((row["row"], row["reason"]) for row in set_aside(tmp_path / "ws")) == [
        (1, "key is there with other content"),
        (4, "key is there with other content"),
    ]


def test_every_reason_of_a_bad_row_is_said(write: Any, tmp_path: Path) -> None:
    text = "run,start,end,latency,retries\n,2026-07-01T10:00:00Z,2026-07-01T09:00:00Z,-1,x\n"
    read(write("requests.csv", text), tmp_path / "ws")
    (row,) = set_aside(tmp_path / "ws")
    assert row["reason"] == (
        "'retries' is a text of 1 character, not a whole number; 'run' is null; "
        "'latency' (s) is below 0, the contract's minimum; 'end' is before 'start'"
    )
    assert (row["file"], row["row"]) == ("requests.csv", 1)


def test_one_bad_file_does_not_stop_the_others(write: Any, tmp_path: Path) -> None:
    write("requests/1.csv", "run,start\na,2026-07-01T10:00:00Z\n")
    write("requests/2.csv", "run,start\nb,2026-07-01T10:00:00Z,too,many\n")
    write("requests/3.csv", "run,start\nc,2026-07-01T10:00:00Z\n")
    with pytest.raises(IngestIncomplete, match="1 of 3 files could not be read") as caught:
        read(tmp_path / "in", tmp_path / "ws")
    assert caught.value.summary.count("requests").loaded == 2
    assert "2.csv:2:24: more fields than the header, which has 2" in str(caught.value)
    assert len(rows(tmp_path / "ws", "requests")) == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'run,start\na,b\nc,"d\ne,f\n', ":3:3: a quote is opened here and never closed"),
        (b'run,start\na,"2026\n07"\nc,d,e\n', ":4:5: more fields than the header, which has 2"),
        (b"run,start\na,b\nc\n", ":3:2: 1 fields where the header has 2"),
        (b"run,start\na,caf\xe9\n", ":2:6: not UTF-8 text (byte 0xe9). Save the file as UTF-8"),
        ("run,start\n".encode("utf-16"), ":1:1: not UTF-8 text (byte 0xff). Save the file as UTF-8"),
        (b"", ":1: the file is empty; a header is needed"),
        (b"run,run\na,b\n", ":1: header 'run' is there 2 times"),
    ],
)
def test_a_csv_that_cannot_be_read_is_named_with_line_and_column(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "requests.csv"
    file.write_bytes(content)
    with pytest.raises(UnreadableFile) as caught:
        read(file, tmp_path / "ws")
    assert str(caught.value) == f"{file}{said}"


def test_a_csv_that_keeps_the_rules_has_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text('a,b\n"1, one","say ""hi""\nagain"\n\n2,5" pipe\n', encoding="utf-8-sig")
    assert locate_fault(file, delimiter=",", fields=2) is None


def test_semicolons_tabs_marks_of_byte_order_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    for name, delimiter in (("requests-1.csv", ";"), ("requests-2.tsv", "\t")):
        text = delimiter.join(("run", "start")) + "\r\n" + delimiter.join((name, "2026-07-01T10:00:00Z")) + "\r\n"
        (tmp_path / name).write_text(text, encoding="utf-8-sig", newline="")
        assert read(tmp_path / name, tmp_path / "ws").count("requests").loaded == 1


def test_a_header_without_rows_loads_nothing(write: Any, tmp_path: Path) -> None:
    summary = read(write("requests.csv", "run,start\n"), tmp_path / "ws")
    assert summary.tables == ()
    assert not ms.open(tmp_path / "ws").has("requests")


def test_a_folder_without_files_and_a_path_that_is_not_there_are_errors(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(InvalidInput, match=r"nothing in .* that the source 'table' reads"):
        read(tmp_path / "in", tmp_path / "ws")
    with pytest.raises(UnreadableFile, match="there is no such file or folder"):
        read(tmp_path / "gone", tmp_path / "ws")
    assert not (tmp_path / "ws").exists()


def test_an_unknown_source_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"Unknown source 'tabel'\. Did you mean 'table'"):
        ingest(tmp_path, source="tabel", workspace=tmp_path / "ws")


def test_files_are_stored_sorted_by_event_time_in_zstd_with_small_row_groups(write: Any, tmp_path: Path) -> None:
    text = "run,start\n" + "".join(f"r{i},2026-07-01T10:00:{59 - i:02d}Z\n" for i in range(60))
    read(write("requests.csv", text), tmp_path / "ws")
    (file,) = (tmp_path / "ws" / "data" / "requests").glob("*.parquet")
    stored = pq.ParquetFile(file)
    starts = stored.read()["start"].to_pylist()
    assert starts == sorted(starts)
    assert stored.metadata.row_group(0).column(0).compression == "ZSTD"
    assert ms.open(tmp_path / "ws").span("requests").start == starts[0]  # type: ignore[union-attr]


@pytest.mark.slow
def test_many_batches_are_judged_as_one(tmp_path: Path) -> None:
    # 300,000 rows are three batches; the last repeats the key of the first, and one in the middle is bad.
    n = 300_000
    costs = [1.0] * n
    costs[150_000] = -1.0
    runs = [f"r{number}" for number in range(n)]
    runs[-1] = "r0"
    start = pa.array([datetime(2026, 7, 1, 10, tzinfo=UTC)] * n, pa.timestamp("us", tz="UTC"))
    pq.write_table(pa.table({"run": runs, "start": start, "cost": costs}), tmp_path / "requests.parquet")
    counts = read(tmp_path / "requests.parquet", tmp_path / "ws").count("requests")
    assert (counts.read, counts.loaded, counts.duplicates, counts.quarantined) == (n, n - 2, 1, 1)
    (row,) = set_aside(tmp_path / "ws")
    assert row["row"] == 150_001
    assert max(
        pq.ParquetFile(file).metadata.row_group(0).num_rows for file in (tmp_path / "ws" / "data").rglob("*.parquet")
    ) <= 131_072  # fmt: skip


def test_a_header_without_rows_says_so(write: Any, tmp_path: Path) -> None:
    summary = read(write("requests.csv", "run,start\n"), tmp_path / "ws")
    assert "0 rows read." in summary.say()
    assert "0 rows" not in read(write("requests.csv", "run,start\n"), tmp_path / "ws").say()  # known already
    pq.write_table(
        pa.table({"run": pa.array([], pa.string()), "start": pa.array([], pa.string())}), tmp_path / "requests.parquet"
    )
    assert "0 rows read." in read(tmp_path / "requests.parquet", tmp_path / "ws").say()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_stand_in_for_never_is_set_aside_with_its_reason(write: Any, tmp_path: Path, kind: str) -> None:
    times = ["9999-12-31T00:00:00Z", "0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z",
             "2199-12-31T23:59:59Z", "2200-01-01T00:00:00Z"]  # fmt: skip
    path = write("requests.csv", "run,start\n" + "".join(f"{place},{time}\n" for place, time in enumerate(times)))
    if kind == "parquet":
        path = tmp_path / "requests.parquet"
        typed = pa.array([datetime.fromisoformat(time) for time in times], pa.timestamp("us", "UTC"))
        pq.write_table(pa.table({"run": [str(place) for place in range(6)], "start": typed}), path)
    summary = read(path, tmp_path / "ws")
    assert (summary.count("requests").loaded, summary.count("requests").quarantined) == (2, 4)
    assert [row["run"] for row in rows(tmp_path / "ws", "requests")] == ["3", "4"]
    assert all("is not between 1970 and 2200" in row["reason"] for row in set_aside(tmp_path / "ws"))


@pytest.mark.parametrize("depth", [800, 100_000])
def test_attributes_that_are_nested_too_deeply_are_left_out(write: Any, tmp_path: Path, depth: int) -> None:
    keeping = write("../map.toml", 'keep = ["attributes"]\n')
    nested = '{""a"":' * depth + "1" + "}" * depth
    path = write("requests.csv", f'run,start,attributes\nx,2026-07-01T10:00:00Z,"{nested}"\n')
    assert read(path, tmp_path / "ws", mapping=keeping).count("requests").loaded == 1
    assert rows(tmp_path / "ws", "requests")[0]["attributes"] is None
