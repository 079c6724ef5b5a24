"""Which rows belong to which period, where a row may belong to several: trailing windows, all that is known by then."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from metricstack.core.windows import Window

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from metricstack.telemetry.calendar import Calendar

__all__ = ["numbered", "trailing"]


def trailing(calendar: "Calendar", period: Window, days: int) -> Window:
    """Return the last so many local days up to a period's end: the same time of day, across clock changes.

    Example:
        >>> from metricstack.telemetry.calendar import Calendar
        >>> calendar = Calendar("Europe/Berlin")
        >>> trailing(calendar, calendar.quarter("2026Q2"), 100).start.isoformat()
        '2026-03-22T23:00:00+00:00'
    """
    end = period.end.astimezone(calendar.tz)
    start = (end - timedelta(days=days)).astimezone(period.end.tzinfo)  # wall-clock arithmetic
    return Window(start, period.end, name=period.name)


def numbered(
    rows: "ir.Table", time: "ir.Value", starts: Sequence[datetime | None], ends: Sequence[datetime]
) -> "ir.Table":
    """Give each row the number of its period, once for each period that holds it, in one pass over the rows.

    Args:
        rows: The rows, none at or after the last end.
        time: The instant that places a row.
        starts: First instant of each period, ascending; None = from the beginning.
        ends: First instant after each period, ascending.

    Returns:
        The rows with ``_period``, int64.
    """
    import ibis

    last = len(ends) - 1
    bounded = [start for start in starts if start is not None]
    first = _passed(time, ends)
    after = _passed(time, bounded) if bounded else ibis.literal(last + 1, type="int64")
    return rows.mutate(_period=ibis.range(first, after).unnest().cast("int64"))


def _passed(time: "ir.Value", instants: Sequence[datetime]) -> "ir.Value":
    """Count the instants, ascending, that a time has reached: a balanced tree of comparisons."""
    import ibis

    def place(low: int, high: int) -> "ir.Value":
        if low == high:
            return ibis.literal(low, type="int64")
        middle = (low + high) // 2
        reached = time >= ibis.literal(instants[middle], type="timestamp('UTC')")
        return ibis.ifelse(reached, place(middle + 1, high), place(low, middle))

    return place(0, len(instants))
