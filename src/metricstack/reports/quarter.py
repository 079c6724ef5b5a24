"""Which quarter a review is about."""

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.windows import Window
from metricstack.telemetry import Workspace
from metricstack.telemetry.completeness import days_with_data, last_full_quarter

__all__ = ["check_segment", "choose_quarter"]


def choose_quarter(workspace: Workspace, quarter: str | None) -> Window:
    """Return the quarter to review: the one asked for, or the last that the data fill.

    Raises:
        InvalidInput: not a quarter, one that the data do not reach, or no data at all.
    """
    days = days_with_data(workspace)
    if not days:
        raise InvalidInput(
            f"Workspace {workspace.config.name!r} holds no rows, so there is nothing to review. "
            "Load some with `metricstack ingest`."
        )
    if quarter is None:
        return last_full_quarter(workspace)
    window, calendar = workspace.quarter(quarter), workspace.calendar
    if not any(calendar.midnight(day) in window for day in days):
        first, last = (calendar.quarter_of(calendar.midnight(day)).name for day in (min(days), max(days)))
        side = "before" if window.end <= calendar.midnight(min(days)) else "after"
        side = side if not first < window.name < last else "in a gap of"
        raise InvalidInput(
            f"Quarter {window.name} lies {side} the data, which run from {first} to {last}. Choose one of those."
        )
    return window


def check_segment(workspace: Workspace, segment: str, window: Window) -> None:
    """Raise `UnknownName` where no request of the window has this segment."""
    from metricstack import metrics

    panel = metrics.evaluate(workspace, "transactions", window=window, by="segment")
    known = [value for finding in panel.findings for name, value in finding.where if name == "segment"]
    if segment not in known:
        raise UnknownName("segment", segment, known, remedy=f"These have requests in {window}.")
