"""What a map promises: it says what headers mean, and reports everything that is wrong with it, with lines."""

from pathlib import Path

import pytest

from metricstack.core import ConfigurationError, InvalidInput, UnreadableFile
from metricstack.sources import read_map
from metricstack.sources.headers import plan
from metricstack.sources.mapping import SourceMap
from metricstack.telemetry import table


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "map.toml"
    path.write_text(text, encoding="utf-8")
    return path


def faults(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        read_map(written(tmp_path, text))
    return list(caught.value.faults)


def test_a_map_of_one_table(tmp_path: Path) -> None:
    text = """
zone = "UTC"
table = "requests"
keep = ["gpu_type"]
[columns]
run = { row = true }
start = { header = "at", format = "%d.%m.%Y", zone = "Europe/Berlin" }
latency = { header = "took_ms", scale = 0.001 }
outcome = { header = "status", values = { ok = "success", ko = "failure" } }
input_hash = { header = "prompt", hash = true }
[constants]
sample_probability = 1.0
"""
    found = read_map(written(tmp_path, text))
    mine = found.tables["requests"]
    assert (found.zone, found.keep, mine.constants) == ("UTC", ("gpu_type",), {"sample_probability": 1.0})
    assert mine.columns["run"].row
    assert mine.columns["start"].zone == "Europe/Berlin"
    assert mine.columns["outcome"].values == (("ok", "success"), ("ko", "failure"))


def test_what_is_shared_holds_for_every_table_that_has_the_column(tmp_path: Path) -> None:
    text = """
[constants]
env = "production"
provider = "azure"
[tables.llm_calls.columns]
call = { row = true }
start = "TIMESTAMP"
[tables.requests.columns]
run = { row = true }
start = "TIMESTAMP"
[tables.requests.constants]
env = "staging"
"""
    found = read_map(written(tmp_path, text)).tables
    assert found["llm_calls"].constants == {"env": "production", "provider": "azure"}
    assert found["requests"].constants == {"env": "staging"}  # requests have no provider; their own word wins


def test_every_fault_is_reported_at_once_with_its_line(tmp_path: Path) -> None:
    text = """zone = "Mars"
keep = ["prompt"]
tabel = "requests"
[tables.requests.columns]
run = { row = true, header = "id" }
latencey = "took"
start = { header = "at", scale = 2 }
task = "question"
outcome = { header = "status", values = { ok = "succes" } }
[tables.requests.constants]
fallback = "yes"
[tables.requestz.columns]
run = "id"
"""
    assert faults(tmp_path, text) == [
        "map.toml:3: unknown entry 'tabel'. Did you mean 'table'?",
        "map.toml:2: 'prompt' is message content by its name, which is never stored.",
        "map.toml:1: no such time zone 'Mars'. Use an IANA name such as 'UTC' or 'Europe/Berlin'.",
        "map.toml:5: 'run' needs either a header or `row = true`.",
        "map.toml:6: unknown column of table 'requests' 'latencey'. Did you mean 'latency'?",
        "map.toml:7: 'start' is no number and cannot be scaled.",
        "map.toml:8: 'task' would store 'question', which is message content by its name. It is never stored; write "
        "`hash = true` to store its keyed hash.",
        "map.toml:9: unknown value of 'outcome' 'succes'. Did you mean 'success'?",
        "map.toml:11: constant 'fallback' is 'yes'; the contract says boolean.",
        "map.toml:12: unknown table 'requestz'. Did you mean 'requests'?",
    ]


def test_a_map_that_is_not_toml_is_named_with_line_and_column(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"map.toml:1:8:"):
        read_map(written(tmp_path, "zone = UTC\n"))


def test_the_map_comes_before_names_and_aliases(tmp_path: Path) -> None:
    text = 'table = "requests"\n[columns]\nrun = "id"\nstart = "begin"\nlatency = "seconds"\n'
    found = plan(table("requests"), ["id", "begin", "seconds", "latency", "user_id"], read_map(written(tmp_path, text)))
    assert dict(found.headers) == {"run": "id", "start": "begin", "latency": "seconds", "user": "user_id"}
    assert found.unused == ("latency",)


def test_two_headers_of_one_column_are_an_error_that_says_what_to_do() -> None:
    with pytest.raises(InvalidInput, match=r"headers 'run' and 'request_id' both mean column 'run'.*`ignore`"):
        plan(table("requests"), ["run", "request_id", "start"], None)
    ignoring = SourceMap(ignore=("request_id",))
    assert plan(table("requests"), ["run", "request_id", "start"], ignoring).headers["run"] == "run"


def test_a_missing_key_is_named_with_the_nearest_header() -> None:
    with pytest.raises(InvalidInput, match=r"no header fills 'start' .*; is it 'strat'\?"):
        plan(table("requests"), ["run", "strat"], None)


def test_a_mapped_header_that_is_not_there_is_named_with_the_nearest(tmp_path: Path) -> None:
    text = 'table = "requests"\n[columns]\nrun = "idd"\nstart = "at"\n'
    with pytest.raises(InvalidInput, match=r"names header 'idd', which is not there \(did you mean 'id'\?\)"):
        plan(table("requests"), ["id", "at"], read_map(written(tmp_path, text)))


def test_a_trace_stands_in_for_a_missing_run() -> None:
    found = plan(table("requests"), ["trace_id", "start_time"], None)
    assert dict(found.headers) == {"trace": "trace_id", "start": "start_time", "run": "trace_id"}
