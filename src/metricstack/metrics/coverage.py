"""Whether no rows means that nothing happened, or that nobody looked."""

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from metricstack.core.windows import Window

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["covered", "covered_days", "reaches"]

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
    rows = sum(file.rows for file in ws.warehouse.of(name))
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
    """Count the local days of a period from the first to the last on which one of the tables has a row; 0 for none."""
    bounds = [span for name in names if (span := ws.span(name)) is not None]
    bounds = [span for span in bounds if span.start < period.end and period.start < span.end]
    if not bounds:
        return 0.0
    calendar = ws.calendar
    first = calendar.local_day(max(min(span.start for span in bounds), period.start))
    last = calendar.local_day(min(max(span.end for span in bounds), period.end) - timedelta(microseconds=1))
    return float((last - first).days + 1)
