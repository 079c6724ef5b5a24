"""What the Langfuse source promises: usage counted once, buckets disjoint, durations computed, outcomes not guessed.

The fixtures are small exports in the shapes of real ones: nested generations that repeat usage,
cached tokens under varying keys, latencies in either unit, parents that never arrived.
"""

import json
from pathlib import Path
from typing import Any

import pytest

import metricstack as ms
from metricstack.core import InvalidInput, UnreadableFile
from metricstack.sources import IngestIncomplete, IngestSummary, ingest
from metricstack.sources.langfuse import LangfuseFile
from metricstack.sources.langfuse_usage import read_usage


def observation(name: str, **more: Any) -> dict[str, Any]:
    base = {
        "id": name, "traceId": "t1", "type": "SPAN", "name": name, "parentObservationId": None, "level": "DEFAULT",
        "startTime": "2026-07-01T10:00:00.000Z", "endTime": "2026-07-01T10:00:02.500Z", "environment": "default",
        "latency": 2500, "usageDetails": {}, "costDetails": {}, "totalCost": 0,
        "inputUsage": 0, "outputUsage": 0, "totalUsage": 0,
    }  # fmt: skip
    return base | more


def generation(name: str, **more: Any) -> dict[str, Any]:
    usage = {"usageDetails": {"input": 100, "output": 20, "total": 120}, "costDetails": {"total": 0.5}, "model": "m-1"}
    return observation(name, type="GENERATION", **(usage | more))


def export(*observations: dict[str, Any], **trace: Any) -> dict[str, Any]:
    base = {
        "id": "t1",
        "name": "support",
        "timestamp": "2026-07-01T09:59:59.000Z",
        "environment": "default",
        "latency": 9.9,
    }
    return {"trace": base | trace, "observations": list(observations)}


@pytest.fixture
def load(tmp_path: Path) -> Any:
    def loader(content: Any, name: str = "trace.json") -> IngestSummary:
        (tmp_path / name).write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return ingest(tmp_path / name, source="langfuse", workspace=tmp_path / "ws")

    return loader


@pytest.fixture
def rows(tmp_path: Path) -> Any:
    def reader(name: str) -> list[dict[str, Any]]:
        table = ms.open(tmp_path / "ws").table(name)
        found: list[dict[str, Any]] = table.to_pyarrow().to_pylist()  # type: ignore[union-attr]
        return found

    return reader


@pytest.mark.parametrize(
    ("details", "buckets"),
    [
        # (input uncached, cache read, cache write, output text, reasoning), worked out from each total by hand.
        ({"input": 60, "output": 15, "total": 75, "input_cache_read": 0, "output_reasoning": 0}, (60, 0, None, 15, 0)),
        ({"input": 20, "output": 15, "total": 115, "input_cache_read": 80}, (20, 80, None, 15, None)),  # outside
        ({"input": 100, "output": 15, "total": 115, "input_cached_tokens": 80}, (20, 80, None, 15, None)),  # inside
        (
            {"input": 100, "output": 50, "total": 150, "prompt_details.cache_read": 80,
             "completion_details.reasoning": 30},
            (20, 80, None, 20, 30),
        ),
        ({"input": 100, "output": 50, "total": 180, "output_reasoning": 30}, (100, None, None, 50, 30)),
        ({"input": 10, "output": 5, "total": 125, "cache_read_input_tokens": 80, "cache_creation_input_tokens": 30},
         (10, 80, 30, 5, None)),
        ({"input": 20, "output": 5, "input_cached_tokens": 80}, (20, 80, None, 5, None)),  # Langfuse's own rule
        ({"total": 42}, (42, None, None, None, None)),  # an embedding
        ({}, (None,) * 5),
    ],
)  # fmt: skip
def test_usage_falls_into_disjoint_buckets(details: dict[str, int], buckets: tuple[int | None, ...]) -> None:
    assert read_usage(details).buckets == buckets


def test_the_old_fields_of_usage_are_read_and_their_zeros_mean_unknown() -> None:
    assert read_usage({}, legacy={"input": 1200, "output": 15, "total": 1215}).buckets == (1200, None, None, 15, None)
    assert not read_usage({}, legacy={"input": 0, "output": 0, "total": 0})


def test_usage_repeated_on_parents_is_counted_once(load: Any, rows: Any) -> None:
    # The framework's generation re-counts what the client's inside it reports.
    outer = generation("outer", usageDetails={"input": 1568, "output": 423, "total": 1991}, costDetails={"total": 0.9})
    inner = generation("inner", parentObservationId="outer", usageDetails={"input": 663, "output": 225, "total": 888})
    load(export(observation("root"), outer | {"parentObservationId": "root"}, inner))
    (call,) = rows("llm_calls")
    assert (call["call"], call["tokens_input_uncached"], call["tokens_output"], call["cost"]) == (
        "inner",
        663,
        225,
        0.5,
    )
    (request,) = rows("requests")
    assert (request["tokens_input_uncached"], request["tokens_output"], request["cost"]) == (663, 225, 0.5)
    assert len(rows("spans")) == 3


def test_a_tool_inside_a_generation_does_not_hide_its_usage(load: Any, rows: Any) -> None:
    load(export(generation("call"), observation("look_up", type="TOOL", parentObservationId="call")))
    assert [call["call"] for call in rows("llm_calls")] == ["call"]
    assert [action["tool"] for action in rows("actions")] == ["look_up"]


def test_usage_on_the_outer_alone_is_not_lost(load: Any, rows: Any) -> None:
    load(export(generation("outer"), generation("inner", parentObservationId="outer", usageDetails={}, costDetails={})))
    assert [(call["call"], call["tokens_output"]) for call in rows("llm_calls")] == [("outer", 20)]


@pytest.mark.parametrize("latency", [2500, 2.5, None])
def test_durations_are_computed_whatever_the_latency_says(load: Any, rows: Any, latency: float | None) -> None:
    load(
        export(
            generation("call", latency=latency, timeToFirstToken=700, completionStartTime="2026-07-01T10:00:00.700Z")
        )
    )
    (call,) = rows("llm_calls")
    assert (call["latency"], call["time_to_first_token"]) == (2.5, 0.7)
    assert rows("requests")[0]["latency"] == 2.5


def test_a_run_lasts_from_its_first_start_to_its_last_end(load: Any, rows: Any) -> None:
    late = observation("late", startTime="2026-07-01T10:00:01.000Z", endTime="2026-07-01T10:00:07.000Z")
    load(export(observation("root"), late))
    assert rows("requests")[0]["latency"] == 7.0


def test_an_open_run_has_no_end(load: Any, rows: Any) -> None:
    load(export(observation("root", endTime=None), generation("call", parentObservationId="root")))
    assert (rows("requests")[0]["end"], rows("requests")[0]["latency"]) == (None, None)


def test_a_trace_without_observations_takes_its_own_time(load: Any, rows: Any) -> None:
    load(export(latency=1.25))
    assert rows("requests")[0]["latency"] == 1.25


def test_an_error_on_the_way_is_not_the_outcome(load: Any, rows: Any) -> None:
    failed = generation("first", level="ERROR", statusMessage="RateLimitError: the user said hello", usageDetails={})
    load(
        export(
            observation("root"),
            failed | {"parentObservationId": "root"},
            generation("retry", parentObservationId="root"),
        )
    )
    (request,) = rows("requests")
    assert (request["outcome"], request["outcome_source"], request["error_type"]) == ("unknown", None, None)
    assert {call["call"]: call["error_type"] for call in rows("llm_calls")} == {
        "first": "RateLimitError",
        "retry": None,
    }
    assert {span["span"]: span["status"] for span in rows("spans")}["first"] == "error"


def test_a_parent_that_never_arrived_is_no_obstacle(load: Any, rows: Any) -> None:
    load(export(generation("call", parentObservationId="never-sent")))
    assert rows("spans")[0]["parent"] == "never-sent"
    assert rows("requests")[0]["tokens_output"] == 20


def test_parents_in_a_circle_are_no_obstacle(load: Any, rows: Any) -> None:
    load(export(generation("a", parentObservationId="b"), generation("b", parentObservationId="a")))
    assert len(rows("spans")) == 2


def test_a_cost_of_zero_without_details_is_unknown(load: Any, rows: Any) -> None:
    load(export(generation("a"), generation("b", costDetails={}, totalCost=0)))
    costs = {call["call"]: (call["cost"], call["cost_source"]) for call in rows("llm_calls")}
    assert costs == {"a": (0.5, "reported"), "b": (None, "unknown")}
    # The half is kept in the file, and does not pass for the whole.
    assert (rows("requests")[0]["cost"], rows("requests")[0]["cost_state"]) == (None, "partial")


def test_langfuses_default_environment_is_production_and_sampling_is_unknown(load: Any, rows: Any) -> None:
    load(export(generation("a"), generation("b", environment="staging")))
    assert {call["call"]: call["env"] for call in rows("llm_calls")} == {"a": "production", "b": "staging"}
    assert rows("requests")[0]["sample_probability"] is None


def test_tools_are_known_by_type_or_by_the_instrumentations_attribute(load: Any, rows: Any) -> None:
    marked = {"attributes": {"openinference.span.kind": "TOOL", "tool.name": "search"}}
    agent = observation("planner", type="AGENT")
    load(export(agent, observation("duck", metadata=marked, parentObservationId="planner"), observation("plain")))
    (action,) = rows("actions")
    assert (action["tool"], action["agent"], action["ok"], action["latency"]) == ("search", "planner", True, 2.5)


def test_only_an_explicit_handoff_is_one(load: Any, rows: Any) -> None:
    first = observation("triage", type="AGENT")
    load(
        export(
            first,
            observation("handoff to billing", type="TOOL", parentObservationId="triage"),
            observation("b", type="AGENT"),
        )
    )
    (handoff,) = rows("handoffs")
    assert (handoff["from_name"], handoff["to_name"], handoff["to_kind"]) == ("triage", "billing", "agent")
    assert not ms.open(Path(load.__closure__[0].cell_contents) / "ws").has("actions")


def test_scores_become_feedback_and_those_that_are_no_share_are_set_aside(load: Any, rows: Any) -> None:
    def score(name: str, **more: Any) -> dict[str, Any]:
        return {"id": name, "name": name, "timestamp": "2026-07-01T11:00:00Z", "dataType": "NUMERIC"} | more

    summary = load(export(generation("a"), userId="ada", scores=[
        score("relevance", value=0.8, source="EVAL", observationId="a"),
        score("thumb", value=1, dataType="BOOLEAN", source="ANNOTATION"),
        score("stars", value=4, source="API"),
        score("tone", value=None, stringValue="kind", dataType="CATEGORICAL"),
    ]))  # fmt: skip
    assert (summary.count("feedback").loaded, summary.count("feedback").quarantined) == (2, 2)
    found = {row["name"]: row for row in rows("feedback")}
    assert (found["relevance"]["kind"], found["relevance"]["value"], found["relevance"]["model"]) == (
        "llm_judge",
        0.8,
        "m-1",
    )
    assert (found["thumb"]["kind"], found["thumb"]["value"]) == ("human", 1.0)
    assert found["thumb"]["user"] == rows("requests")[0]["user"]


def test_equal_inputs_have_equal_hashes(load: Any, rows: Any) -> None:
    load([export(input="hello"), export(id="t2", input="hello"), export(id="t3", input="other")])
    hashes = {row["run"]: row["input_hash"] for row in rows("requests")}
    assert hashes["t1"] == hashes["t2"] != hashes["t3"]


def test_keys_that_find_no_place_are_counted(load: Any) -> None:
    new = generation("a", usageDetails={"input": 1, "output": 1, "total": 2, "input_video": 7}, shiny="x")
    summary = load(export(new, tags=["demo"]))
    assert dict(summary.unmapped) == {"observation.shiny": 1, "trace.tags": 1, "usageDetails.input_video": 1}


@pytest.mark.parametrize("shape", ["list", "page", "api", "lines"])
def test_other_shapes_of_the_same_traces_are_read(load: Any, rows: Any, shape: str) -> None:
    one, two = export(generation("a")), export(generation("b", traceId="t2"), id="t2")
    flat = [each["trace"] | {"observations": each["observations"]} for each in (one, two)]
    content = {
        "list": [one, two], "page": {"data": flat, "meta": {"page": 1}}, "api": flat,
        "lines": "\n".join(json.dumps(each) for each in (one, two)),
    }[shape]  # fmt: skip
    load(content, "traces.jsonl" if shape == "lines" else "traces.json")
    assert sorted(row["run"] for row in rows("requests")) == ["t1", "t2"]


def test_an_observation_without_id_or_with_a_broken_time_is_set_aside(load: Any) -> None:
    summary = load(export(generation("a"), observation("b", id=None), observation("c", startTime="yesterday")))
    assert (summary.count("spans").loaded, summary.count("spans").quarantined) == (1, 2)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"trace": {},\n  "observations": [,]}', ":2:20: not JSON: Expecting value"),
        ('{"trace": {}}', ":1:1: not a Langfuse export: the key 'observations' is missing; there is 'trace'"),
        ('{"resourceSpans": []}', ":1:1: not a Langfuse export: the key 'trace' is missing; there is 'resourceSpans'"),
        ('{"trace": [], "observations": []}', ":1:1: not a Langfuse export: 'trace' is not an object"),
        ('{"trace": {"id": "t"}, "observations": ["a"]}', "Export traces with their observations"),
        ('"hello"', ":1:1: a text stands where a Langfuse trace is expected"),
    ],
)
def test_a_file_of_another_shape_is_named_with_what_is_missing(load: Any, content: str, said: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        load(content)
    assert said in str(caught.value)


def test_a_bad_line_is_named_by_its_number(load: Any) -> None:
    with pytest.raises(UnreadableFile, match=r"x.jsonl:3:12: not JSON"):
        load(json.dumps(export()) + '\n\n{"trace": {]', "x.jsonl")


@pytest.mark.parametrize("half", ["\\ud800x", "\\udfff", "\\uD83D"])
def test_half_of_a_surrogate_pair_is_replaced_wherever_it_stands(load: Any, rows: Any, half: str) -> None:
    score = {"id": "s", "name": "@", "source": "EVAL", "timestamp": "2026-07-01T11:00:00Z", "value": 1, "@": 1}
    inner = {"attributes": '{"tool.name": "@"}', "@": "@"}
    entry = export(
        generation("call", metadata=inner, model="@"), observation("@", type="TOOL", metadata=inner),
        name="@ 😀", userId="@", sessionId="@", input="@", scores=[score],
    )  # fmt: skip
    summary = load(json.dumps(entry).replace("@", half))
    assert summary.count("requests").loaded == 1
    (request,) = rows("requests")
    mended = json.loads(f'"{half}"').encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert request["use_case"] == f"{mended} 😀"  # a whole pair stays what it is
    assert rows("llm_calls")[0]["model"] == mended


def test_json_inside_a_text_is_mended_too(load: Any, rows: Any) -> None:
    load(export(observation("a", type="TOOL", metadata='{"attributes": {"tool.name": "\\ud800x"}}')))
    assert rows("actions")[0]["tool"] == "\ufffdx"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"trace": {"id": "t", "latency": ' + "9" * 6000 + '}, "observations": []}', "too many digits to be read"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_what_json_allows_and_nobody_can_read_stops_its_own_file_alone(
    load: Any, tmp_path: Path, content: str, said: str
) -> None:
    with pytest.raises(UnreadableFile, match=said):
        load(content)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.json").write_text(content)
    (tmp_path / "in" / "b.json").write_text(json.dumps(export(generation("a"))))
    with pytest.raises(IngestIncomplete, match=f"1 of 2 files.*\n.*{said}"):
        ingest(tmp_path / "in", source="langfuse", workspace=tmp_path / "ws")
    assert len(ms.open(tmp_path / "ws").table("requests").to_pyarrow()) == 1  # type: ignore[union-attr]


def test_no_depth_is_too_deep_for_an_answer(tmp_path: Path) -> None:
    # Some Pythons parse deeper than a function may call itself.
    said = []
    for depth in (*range(800, 1000, 2), 3000):
        file = tmp_path / "a.json"
        usage = '{"a":' * depth + "1" + "}" * depth
        file.write_text(
            '{"trace": {"id": "t"}, "observations": [{"type": "GENERATION", "usageDetails": ' + usage + "}]}"
        )
        try:
            assert list(LangfuseFile(file, tmp_path).batches())
        except UnreadableFile as error:
            said.append(str(error))
    assert said
    assert all("nested too deeply" in each for each in said)


@pytest.mark.parametrize("huge", [10**400, 10**18, 1e300, float("inf"), "1e999"])
def test_a_number_beyond_all_measure_is_unknown_and_stops_nothing(load: Any, rows: Any, huge: Any) -> None:
    usage = {"input": huge, "output": 5, "video": huge}
    load([
        export(generation("a", usageDetails=usage, costDetails={"total": 10**400}, totalCost=10**400)),
        export(id="t2", latency=huge, scores=[{"id": "s", "source": "EVAL", "value": 10**400}]),
    ])  # fmt: skip
    (call,) = rows("llm_calls")
    assert (call["tokens_input_uncached"], call["tokens_output"], call["cost"]) == (None, 5, None)
    assert len(rows("requests")) == 2


@pytest.mark.parametrize("text", ["{" * 100_000, '{"a":' * 100_000, '{"attributes": ' + "9" * 6000 + "}"])
def test_json_inside_a_text_that_cannot_be_read_is_no_obstacle(load: Any, rows: Any, text: str) -> None:
    load(export(generation("a", metadata=text)))
    assert len(rows("llm_calls")) == 1


def test_a_session_is_one_hash_in_every_source_that_names_it(load: Any, rows: Any, tmp_path: Path) -> None:
    name = "chat of ada.lovelace@example.org"
    load(export(generation("a"), sessionId=name))
    (tmp_path / "sessions.csv").write_text(f"session,start\n{name},2026-07-01T10:00:00Z\n")
    ingest(tmp_path / "sessions.csv", source="table", workspace=tmp_path / "ws")
    (request,), (session,) = rows("requests"), rows("sessions")
    assert request["session"] == session["session"] != name
    assert len(session["session"]) == 32


def test_an_export_without_a_trace_says_that_no_rows_were_read(load: Any) -> None:
    assert "0 rows read." in load("[]").say()


@pytest.mark.parametrize("far", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+02:00"])
def test_a_stand_in_for_never_is_set_aside(load: Any, rows: Any, far: str) -> None:
    summary = load([
        export(observation("a", startTime=far, endTime=far, completionStartTime=far)),
        export(id="t2", timestamp=far, latency=1e9),
        export(id="t3"),
    ])  # fmt: skip
    assert summary.count("spans").quarantined == 1
    # With an offset it is no time at all in UTC, and the run of that observation has the trace's own.
    left = ["t1", "t3"] if "+" in far else ["t3"]
    assert sorted(row["run"] for row in rows("requests")) == left
    assert (summary.count("requests").loaded, summary.count("requests").quarantined) == (len(left), 3 - len(left))


def test_a_map_has_no_use_here(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="leave the map and the table out"):
        ingest(tmp_path, source="langfuse", workspace=tmp_path / "ws", table="requests")
