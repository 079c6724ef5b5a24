"""What windows promise: half-open, UTC, and neighbours that share nothing."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from metricstack.core import InvalidInput, Window

START, END = datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 7, 3, tzinfo=UTC)


def test_the_start_belongs_to_the_window_and_the_end_does_not() -> None:
    window = Window(START, END)
    assert START in window
    assert END not in window
    assert END - timedelta(microseconds=1) in window


def test_the_previous_window_ends_where_this_one_starts() -> None:
    previous = Window(START, END).previous()
    assert previous.end == START
    assert previous.duration == timedelta(days=2)


def test_instants_of_other_zones_become_utc() -> None:
    east = timezone(timedelta(hours=2))
    assert Window(datetime(2026, 7, 1, 2, tzinfo=east), END).start == START


def test_the_name_is_not_part_of_equality() -> None:
    assert Window(START, END, name="a") == Window(START, END)
    assert len({Window(START, END, name="a"), Window(START, END)}) == 1


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no time zone"):
        Window(datetime(2026, 7, 1), END)  # noqa: DTZ001


def test_a_window_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not after its start"):
        Window(END, START)
