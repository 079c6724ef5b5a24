"""What numbering by period promises: each instant in its own period, at every edge, also where clocks change."""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta

import ibis
import pytest

from metricstack.core.windows import Window
from metricstack.metrics.query.rows import _alike, _number
from metricstack.telemetry import Calendar

_YEAR = Window(datetime(2024, 12, 31, 23, tzinfo=UTC), datetime(2026, 3, 31, 22, tzinfo=UTC))


def _days() -> list[Window]:
    """Return the local days of Berlin from 2025 to March 2026: clocks change on 30.3. and 26.10.2025 and 29.3.2026."""
    return list(Calendar("Europe/Berlin").cut(_YEAR, "day"))


def _numbers(periods: list[Window], instants: list[datetime]) -> list[int]:
    table = ibis.memtable({"at": instants}, schema={"at": "timestamp('UTC')"})
    found = table.select("at", number=_number(table["at"], periods)).to_pyarrow().to_pylist()
    numbers = {row["at"]: row["number"] for row in found}
    return [numbers[at] for at in instants]


@pytest.mark.parametrize("hours", [0, 9])
def test_every_edge_belongs_to_the_period_that_begins_there(hours: int) -> None:
    periods = [Window(one.start + timedelta(hours=hours), one.end + timedelta(hours=hours)) for one in _days()]
    moment = timedelta(microseconds=1)
    edges = [at for one in periods for at in (one.start, one.start + moment, one.end - moment)]
    starts = [one.start for one in periods]
    assert _numbers(periods, edges) == [bisect_right(starts, at) - 1 for at in edges]


def test_days_of_one_length_are_counted_off_and_others_stand_alone() -> None:
    # 455 days; 89th (30 March, 23 hours), 299th (26 October, 25 hours), 453rd (29 March, 23 hours), and the two last.
    assert _alike(_days()) == [(0, 88), (88, 89), (89, 298), (298, 299), (299, 452), (452, 453), (453, 454), (454, 455)]


def test_few_periods_periods_with_gaps_and_those_of_broken_seconds_are_told_apart() -> None:
    few, start = _days()[:7], datetime(2026, 1, 1, tzinfo=UTC)
    assert _alike(few) == [(i, i + 1) for i in range(7)]
    apart = [Window(start + timedelta(days=2 * i), start + timedelta(days=2 * i + 1)) for i in range(9)]
    assert _alike(apart) == [(i, i + 1) for i in range(9)]
    broken = timedelta(seconds=1.5)
    assert _alike([Window(start + i * broken, start + (i + 1) * broken) for i in range(9)])[0] == (0, 1)
