"""What the calendar promises: quarters, weeks and days of the zone, whole, across clock changes."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metricstack.core import InvalidInput
from metricstack.telemetry import GRAINS, Calendar

BERLIN = Calendar("Europe/Berlin")


def test_a_quarter_begins_at_local_midnight() -> None:
    # Berlin is at UTC+1 in winter and at UTC+2 from the end of March
    quarter = BERLIN.quarter("2026Q1")
    assert quarter.start == datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert quarter.end == datetime(2026, 3, 31, 22, tzinfo=UTC)


def test_the_quarter_before_is_the_calendars_not_the_clocks() -> None:
    assert BERLIN.quarter("2026Q1").previous() == BERLIN.quarter("2025Q4")


def test_a_fiscal_year_is_named_after_the_year_in_which_it_ends() -> None:
    july = Calendar("UTC", fiscal_year_start=7)
    assert july.quarter("2026Q1").start == datetime(2025, 7, 1, tzinfo=UTC)
    assert july.quarter("2026Q4").end == datetime(2026, 7, 1, tzinfo=UTC)
    assert july.quarter_of(datetime(2026, 6, 30, tzinfo=UTC)).name == "2026Q4"


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-07-01", 24)])
def test_a_day_with_a_clock_change_has_its_true_length(day: str, hours: int) -> None:
    quarter = BERLIN.quarter_of(datetime.fromisoformat(f"{day}T12:00:00+00:00"))
    piece = next(piece for piece in BERLIN.cut(quarter, "day") if piece.name == day)
    assert piece.duration == timedelta(hours=hours)


def test_weeks_begin_on_monday_and_the_ends_are_cut_to_the_window() -> None:
    weeks = BERLIN.cut(BERLIN.quarter("2026Q3"), "week")  # 1 July 2026 is a Wednesday
    assert [week.name for week in weeks[:2]] == ["2026-07-01", "2026-07-06"]
    assert weeks[0].duration == timedelta(days=5)


@given(
    st.sampled_from(GRAINS),
    st.integers(1, 12),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]),
    st.integers(1990, 2050),
    st.integers(1, 4),
)
def test_pieces_cover_the_window_without_gap_or_overlap(
    grain: str, start: int, zone: str, year: int, number: int
) -> None:
    calendar = Calendar(zone, start)
    window = calendar.quarter(f"{year}Q{number}")
    pieces = calendar.cut(window, grain)
    assert pieces[0].start == window.start
    assert pieces[-1].end == window.end
    assert all(left.end == right.start for left, right in pairwise(pieces))


@given(st.integers(631_152_000, 2_524_608_000), st.integers(1, 12))
def test_every_instant_lies_in_the_quarter_that_is_said_to_hold_it(seconds: int, start: int) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)  # 1990 to 2050
    assert moment in Calendar("America/New_York", start).quarter_of(moment)


@pytest.mark.parametrize("name", ["2026Q5", "Q3", "2026-07", "", "99999Q1", "20２6Q1'; DROP"])
def test_a_name_that_is_no_quarter_is_refused_with_the_form(name: str) -> None:
    with pytest.raises(InvalidInput, match="Write it like '2026Q3'"):
        BERLIN.quarter(name)


def test_an_unknown_grain_lists_the_known() -> None:
    with pytest.raises(InvalidInput, match="day, week, month, quarter"):
        BERLIN.cut(BERLIN.quarter("2026Q3"), "fortnight")


@pytest.mark.parametrize("year", ["9999", "0000", "1899"])
def test_a_year_outside_the_calendar_is_said(year: str) -> None:
    with pytest.raises(InvalidInput, match="outside the years 1900 to 2999"):
        BERLIN.quarter(f"{year}Q4")


@pytest.mark.parametrize("instant", [datetime(9999, 12, 31, 23, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)])
def test_an_instant_outside_the_calendar_is_said_with_where_to_look(instant: datetime) -> None:
    with pytest.raises(InvalidInput, match="metricstack check"):
        Calendar("Asia/Tokyo").quarter_of(instant)
