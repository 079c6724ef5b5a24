"""What the alias file promises: names of the wild mean what their vocabularies say, and content is known by name."""

import pytest

from metricstack.telemetry import TABLES, table
from metricstack.telemetry.aliases import alias_version, all_aliases, find_alias, fold, is_content, stand_in


@pytest.mark.parametrize(
    ("table_name", "header", "column"),
    [
        ("llm_calls", "gen_ai.system", "provider"),  # OpenTelemetry up to 1.36
        ("llm_calls", "gen_ai.provider.name", "provider"),  # 1.37 on
        ("llm_calls", "gen_ai.request.model", "model_requested"),
        ("llm_calls", "gen_ai.response.model", "model"),
        ("llm_calls", "gen_ai.usage.cache_read.input_tokens", "tokens_cache_read"),
        ("llm_calls", "llm.token_count.completion_details.reasoning", "tokens_reasoning"),  # OpenInference
        ("llm_calls", "span_id", "call"),
        ("spans", "span_id", "span"),
        ("spans", "parentObservationId", "parent"),  # Langfuse
        ("assignments", "feature_flag.key", "experiment"),
        ("assignments", "feature_flag.result.variant", "variant"),
        ("deployments", "cicd_deployment_id", "deployment"),  # DevLake
        ("requests", "START", "start"),  # canonical, in whatever case
        ("requests", "Use Case", "use_case"),
        ("requests", "userId", "user"),
    ],
)
def test_a_name_means_its_column(table_name: str, header: str, column: str) -> None:
    alias = find_alias(table(table_name), header)
    assert alias is not None
    assert alias.columns == (column,)


def test_opentelemetrys_input_tokens_include_cached_ones_and_they_are_taken_off() -> None:
    # The conventions say of both cache attributes that their value should be included in input_tokens.
    alias = find_alias(table("llm_calls"), "gen_ai.usage.input_tokens")
    assert alias is not None
    assert (alias.columns, alias.less) == (("tokens_input_uncached",), ("tokens_cache_read", "tokens_cache_write"))


def test_a_name_in_milliseconds_is_scaled_to_seconds() -> None:
    alias = find_alias(table("spans"), "duration_ms")
    assert alias is not None
    assert (alias.columns, alias.scale) == (("latency",), 0.001)


def test_an_unknown_name_means_nothing() -> None:
    assert find_alias(table("requests"), "wibble") is None
    assert find_alias(table("incidents"), "gen_ai.response.model") is None


def test_every_alias_points_to_a_column_that_exists() -> None:
    columns = {column for contract in TABLES.values() for column in contract.names}
    for alias in all_aliases().values():
        assert set(alias.columns) | set(alias.less) <= columns, alias


def test_no_alias_is_written_over_a_canonical_name() -> None:
    canonical = {fold(column) for contract in TABLES.values() for column in contract.names}
    assert not canonical & set(all_aliases())


def test_columns_of_a_table_stay_apart_without_case_and_punctuation() -> None:
    for contract in TABLES.values():
        assert len({fold(column) for column in contract.names}) == len(contract.names)


@pytest.mark.parametrize(
    "name",
    ["prompt", "gen_ai.prompt", "gen_ai.input.messages", "input.value", "output", "llm.output_messages", "Question",
     "completion", "messageText", "gen_ai.system_instructions", "user_message", "comment"],
)  # fmt: skip
def test_message_content_is_known_by_its_name(name: str) -> None:
    assert is_content(name)


@pytest.mark.parametrize(
    "name",
    ["prompt_version", "input_tokens", "gpu_type", "messageId", "completion_tokens", "response_time_ms", "region"],
)
def test_what_only_measures_content_is_not_content(name: str) -> None:
    assert not is_content(name)


def test_a_trace_may_stand_in_for_a_run() -> None:
    assert stand_in("requests", "run") == "trace"
    assert stand_in("requests", "start") is None


def test_the_file_has_a_version() -> None:
    assert alias_version() >= 1
