"""What errors promise: what is wrong, what is nearest, what to do."""

import pytest

from metricstack.core import ConfigurationError, MetricstackError, UnknownName, UnreadableFile
from metricstack.core.errors import nearest


def test_an_unknown_name_offers_the_nearest() -> None:
    text = str(UnknownName("metric", "Latency_P59", ["latency_p95", "error_rate"]))
    assert text == "Unknown metric 'Latency_P59'. Did you mean 'latency_p95'?"


def test_without_a_near_name_a_short_list_is_given_whole() -> None:
    assert str(UnknownName("arm", "zzz", ["b", "a"])) == "Unknown arm 'zzz'. Known: a, b."


def test_a_long_list_is_not_printed() -> None:
    assert "Known" not in str(UnknownName("metric", "zzz", [f"metric_{i}" for i in range(50)]))


def test_a_swap_of_two_letters_is_the_nearest_slip() -> None:
    # p59 → p95 is one swap, p59 → p99 and p59 → p50 are one letter: of equally far ones the swap wins
    assert nearest("latency_p59", ["latency_p95", "latency_p50", "latency_p99"]) == "latency_p95"
    assert nearest("lantecy_p99", ["latency_p95", "latency_p50", "latency_p99"]) == "latency_p99"


def test_nothing_is_near_an_empty_list() -> None:
    assert nearest("a", []) is None


def test_an_unreadable_file_is_named_with_its_place() -> None:
    assert str(UnreadableFile("a.csv", "no", line=3, column=4)) == "a.csv:3:4: no"


def test_every_error_is_one_that_a_caller_can_catch() -> None:
    assert issubclass(UnknownName, MetricstackError)
    with pytest.raises(MetricstackError):
        raise ConfigurationError("x.toml", ["x.toml:1: a", "x.toml:2: b"])
