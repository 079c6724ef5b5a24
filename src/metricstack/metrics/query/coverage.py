"""Whether no rows means that nothing happened, or that nobody looked."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from metricstack.core.windows import Window
from metricstack.telemetry.completeness import covered_span

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["covered", "covered_days", "judged_until", "reaches"]

_SILENCE = 30
"""So many mean gaps without a row are silence of the source, not chance (e^-30 under a steady rate)."""


def covered(ws: "Workspace", name: str) -> Window | None:
    """Return the stretch in which a table's source was listening, as far as its rows tell.

    From the first row to the last, widened by what silence is still natural at the table's mean rate, and
    within the span of all tables.
    """
    everything, own = ws.span(), ws.span(name)
    if everything is None or own is None:
        return None
    rows = ws.rows(name)
    slack = _SILENCE * own.duration / rows if rows else timedelta()
    slack = max(slack, timedelta(days=30)) if rows == 1 else slack
    start = max(everything.start, own.start - min(slack, own.start - everything.start))
    end = min(everything.end, own.end + min(slack, everything.end - own.end))
    return Window(min(start, own.start), max(end, own.end))


def reaches(ws: "Workspace", name: str, period: Window) -> bool:
    """Tell whether a table's source was listening in some part of a period."""
    found = covered(ws, name)
    return found is not None and found.start < period.end and period.start < found.end


def covered_days(ws: "Workspace", period: Window, names: Iterable[str]) -> float:
    """Count the local days of a period that the data are about: those of traffic, and of the tables themselves.

    A day without a row counts as long as traffic went on: nothing happened then, which is not the same as
    nobody having looked.

    Args:
        ws: The workspace.
        period: Which days.
        names: The tables.

    Returns:
        Days, 0 where the data do not reach into the period.
    """
    spans = [covered_span(ws), *(ws.span(name) for name in names)]
    days: set[int] = set()
    for span in spans:
        if span is not None and span.start < period.end and period.start < span.end:
            first = ws.calendar.local_day(max(span.start, period.start))
            last = ws.calendar.local_day(min(span.end, period.end) - timedelta(microseconds=1))
            days.update(range(first.toordinal(), last.toordinal() + 1))
    return float(len(days))


def judged_until(ws: "Workspace", name: str, window: Window) -> datetime:
    """Return the instant up to which a window's data can say what had happened to a table's rows by then."""
    spans = [span for span in (covered_span(ws), ws.span(name)) if span is not None]
    return min([window.end, *([max(span.end for span in spans)] if spans else [])])
