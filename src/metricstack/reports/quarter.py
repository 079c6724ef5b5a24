"""Which quarter a review is about."""

from datetime import timedelta

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.windows import Window
from metricstack.telemetry import Workspace
from metricstack.telemetry.completeness import covered_span, last_full_quarter

__all__ = ["check_segment", "choose_quarter"]


def choose_quarter(workspace: Workspace, quarter: str | None) -> Window:
    """Return the quarter to review: the one asked for, or the last that the data fill.

    Raises:
        InvalidInput: not a quarter, one that the data do not reach, or no data at all.
    """
    span = covered_span(workspace)
    if span is None:
        raise InvalidInput(
            f"Workspace {workspace.config.name!r} holds no rows, so there is nothing to review. "
            "Load some with `metricstack ingest`."
        )
    if quarter is None:
        return last_full_quarter(workspace)
    window = workspace.quarter(quarter)
    first, last = (
        workspace.calendar.quarter_of(moment).name for moment in (span.start, span.end - timedelta(microseconds=1))
    )
    if window.start >= span.end or window.end <= span.start:
        side = "after" if window.start >= span.end else "before"
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
