"""What `coerce` promises: every type becomes the contract's, NaN becomes null, what cannot be read is named."""

import math
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metricstack.core import InvalidInput
from metricstack.sources.base import Reading
from metricstack.sources.coerce import coerce, join_reasons
from metricstack.telemetry.contract import count, flag, instant, number, text

START, LATENCY, RETRIES = instant("start", "x"), number("latency", "s", "x"), count("retries", "x")
FALLBACK, MODEL = flag("fallback", "x"), text("model", "x")
UTC_READING = Reading(zone="UTC")


def moment(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


def test_seven_decimals_of_a_second_are_cut_to_microseconds() -> None:
    values, lost = coerce(START, pa.array(["2023-11-16 18:17:03.9799600"]), UTC_READING)
    assert values.to_pylist() == [moment(2023, 11, 16, 18, 17, 3, 979960)]
    assert lost is None


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-07-01T12:00:00Z", moment(2026, 7, 1, 12)),
        ("2026-07-01 12:00:00+02", moment(2026, 7, 1, 10)),
        ("2026-07-01 12:00:00.5 +0530", moment(2026, 7, 1, 6, 30, 0, 500_000)),
        ("2026-07-01T12:00:00 UTC", moment(2026, 7, 1, 12)),
        (" 2026-07-01T12:00 ", moment(2026, 7, 1, 10)),  # naive: Berlin, summer
        ("2026-01-01 12:00:00", moment(2026, 1, 1, 11)),  # naive: Berlin, winter
        ("2026-07-01", moment(2026, 6, 30, 22)),
    ],
)
def test_times_are_read_as_written_and_placed_in_the_stated_zone(written: str, meant: datetime) -> None:
    values, lost = coerce(START, pa.array([written, None]), Reading(zone="Europe/Berlin"))
    assert values.to_pylist() == [meant, None]
    assert lost is None


def test_a_naive_time_without_a_stated_zone_is_an_error_that_says_how_to_state_it() -> None:
    for naive in (pa.array(["2026-07-01 12:00:00"]), pa.array([moment(2026, 7, 1, 12)], pa.timestamp("us"))):
        with pytest.raises(InvalidInput, match=r"'at'.*name no zone.*'2026-07-01 12:00:00'.*zone = \"UTC\""):
            coerce(START, naive, Reading(header="at"))


def test_an_hour_that_comes_twice_is_its_first() -> None:
    values, _ = coerce(START, pa.array(["2026-10-25 02:30:00"]), Reading(zone="Europe/Berlin"))
    assert values.to_pylist() == [moment(2026, 10, 25, 0, 30)]


@pytest.mark.parametrize(
    ("unit", "stamp"),
    [("epoch_s", 1_767_225_600), ("epoch_ms", 1_767_225_600_000), ("epoch_us", 1_767_225_600_000_000),
     ("epoch_ns", 1_767_225_600_000_000_000)],
)  # fmt: skip
def test_numbers_count_what_the_map_says(unit: str, stamp: int) -> None:
    # 2026-01-01T00:00:00Z is 1,767,225,600 s after the epoch.
    for values in (pa.array([stamp]), pa.array([str(stamp)])):
        assert coerce(START, values, Reading(format=unit))[0].to_pylist() == [moment(2026, 1, 1)]


def test_numbers_for_times_without_a_unit_are_an_error() -> None:
    with pytest.raises(InvalidInput, match='format = "epoch_ms"'):
        coerce(START, pa.array([1_767_225_600]), Reading())


def test_a_stated_format_is_used() -> None:
    reading = Reading(zone="UTC", format="%d.%m.%Y %H:%M")
    values, lost = coerce(START, pa.array(["31.12.2026 23:59", "2026-12-31"]), reading)
    assert values.to_pylist() == [moment(2026, 12, 31, 23, 59), None]
    assert lost.to_pylist() == [None, "'start' is '2026-12-31', not a time"]


def test_what_is_no_time_is_named() -> None:
    values, lost = coerce(START, pa.array(["2026-02-30 10:00", "soon", ""]), UTC_READING)
    assert values.null_count == 3
    assert lost.to_pylist() == [
        "'start' is '2026-02-30 10:00', not a time",
        "'start' is a text of 4 characters, not a time",
        None,
    ]


def test_nan_and_empty_are_null_and_no_fault() -> None:
    for values in (pa.array([float("nan"), None]), pa.array(["NaN", ""]), pa.array(["n/a", "null"])):
        found, lost = coerce(LATENCY, values, Reading())
        assert found.to_pylist() == [None, None]
        assert lost is None


def test_numbers_are_read_from_any_number_or_text() -> None:
    found, lost = coerce(LATENCY, pa.array(["1.5", "+3", "1e3", "1,5", "0x1A"]), Reading())
    assert found.to_pylist() == [1.5, 3.0, 1000.0, None, None]
    assert lost.to_pylist()[3:] == [
        "'latency' is '1,5', not a number",
        "'latency' is a text of 4 characters, not a number",
    ]
    assert coerce(LATENCY, pa.array([Decimal("1.25")]), Reading())[0].to_pylist() == [1.25]
    assert math.isinf(coerce(LATENCY, pa.array([math.inf]), Reading())[0].to_pylist()[0])  # the contract refuses it


def test_a_scale_reaches_the_contracts_unit() -> None:
    assert coerce(LATENCY, pa.array([1500, 250]), Reading(scale=0.001))[0].to_pylist() == [1.5, 0.25]


def test_whole_numbers_are_not_rounded_into_being() -> None:
    found, lost = coerce(RETRIES, pa.array(["2", "2.0", "2.5", "-1"]), Reading())
    assert found.to_pylist() == [2, 2, None, -1]
    assert lost.to_pylist() == [None, None, "'retries' is '2.5', not a whole number", None]
    assert coerce(RETRIES, pa.array(["3", "0x1A"]), Reading())[0].to_pylist() == [3, None]
    assert coerce(RETRIES, pa.array([1.0, float("nan")]), Reading())[0].to_pylist() == [1, None]
    assert coerce(RETRIES, pa.array([2.5]), Reading())[1].to_pylist() == ["'retries' is 2.5, not a whole number"]


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_integers_come_through_unchanged(numbers: list[int]) -> None:
    assert coerce(RETRIES, pa.array(numbers, pa.int64()), Reading())[0].to_pylist() == numbers


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_come_through_text_unchanged(numbers: list[float]) -> None:
    assert coerce(LATENCY, pa.array([repr(each) for each in numbers]), Reading())[0].to_pylist() == numbers


def test_flags_are_read_from_words_and_digits() -> None:
    found, lost = coerce(FALLBACK, pa.array(["TRUE", "no", "1", "maybe", ""]), Reading())
    assert found.to_pylist() == [True, False, True, None, None]
    assert lost.to_pylist()[3] == "'fallback' is a text of 5 characters, not true or false"
    assert coerce(FALLBACK, pa.array([1, 0]), Reading())[0].to_pylist() == [True, False]


def test_texts_are_kept_numbers_become_texts_and_empty_is_null() -> None:
    assert coerce(MODEL, pa.array(["a", "", None]), Reading())[0].to_pylist() == ["a", None, None]
    assert coerce(MODEL, pa.array([17]), Reading())[0].to_pylist() == ["17"]
    assert coerce(MODEL, pa.array(["a", "b", "a"]).dictionary_encode(), Reading())[0].to_pylist() == ["a", "b", "a"]


def test_words_are_translated_before_they_are_judged() -> None:
    reading = Reading(values=(("ok", "success"), ("KO", "failure")))
    assert coerce(MODEL, pa.array(["OK", "ko", "other", None]), reading)[0].to_pylist() == [
        "success", "failure", "other", None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("ada@example.org", "a text of 15 characters"),
        ("é", "a text of 1 character"),
        ("12:30 Ada", "a text of 9 characters"),
        ("1\n2", "a text of 3 characters"),
        ("1.2.3", "'1.2.3'"),
        ("2026-02-30T10:00Z", "'2026-02-30T10:00Z'"),
    ],
)
def test_a_reason_shows_digits_but_no_text_that_may_be_a_person_or_a_message(value: str, shown: str) -> None:
    _, lost = coerce(LATENCY, pa.array([value]), Reading())
    assert lost.to_pylist() == [f"'latency' is {shown}, not a number"]


@pytest.mark.parametrize(
    ("values", "reading"),
    [
        (pa.array([1_767_225_600_000_000_000]), Reading(format="epoch_s")),  # nanoseconds, taken for seconds
        (pa.array([2**64 - 1], pa.uint64()), Reading(format="epoch_ms")),
        (pa.array([2**62]), Reading(format="epoch_us")),
        (pa.array([1e300]), Reading(format="epoch_s")),
        (pa.array(["9" * 400]), Reading(format="epoch_s")),
        (pa.array([2**61], pa.int64()).cast(pa.timestamp("s", "UTC")), Reading()),
        (pa.array([2**62], pa.int64()).cast(pa.timestamp("us")), Reading()),  # before a zone is asked for
        (pa.array([2**31 - 1], pa.int32()).cast(pa.date32()), UTC_READING),
        (pa.array(["0001-01-01T00:00:00+02:00", "later"]), Reading()),
        (pa.array(["0001-01-01T00:00:00+02:00"]), Reading()),
        (pa.array(["0001-01-01"]), Reading(zone="Europe/Berlin")),
        (pa.array(["0000-01-01T00:00:00Z"]), Reading()),
    ],
)
def test_a_time_that_no_calendar_names_is_set_aside_and_never_another_time(values: pa.Array, reading: Reading) -> None:
    found, lost = coerce(START, values, reading)
    assert found.to_pylist() == [None] * len(values)
    assert None not in lost.to_pylist()


def test_the_first_and_the_last_moment_of_the_calendar_are_read() -> None:
    texts = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"]
    found, lost = coerce(START, pa.array(texts), Reading())
    assert found.to_pylist() == [moment(1, 1, 1), moment(9999, 12, 31, 23, 59, 59, 999_999)]
    assert lost is None


def test_a_long_value_is_cut_in_its_reason() -> None:
    _, lost = coerce(LATENCY, pa.array(["1-" * 1000]), Reading())
    assert len(lost.to_pylist()[0]) < 60


def test_reasons_are_joined() -> None:
    joined = join_reasons(pa.array(["a", None, None]), None, pa.array(["b", "c", None]))
    assert joined is not None
    assert joined.to_pylist() == ["a; b", "c", None]
    assert join_reasons(None, None) is None
