"""Write the quarterly review of a workspace: choose the quarter, run the notebook, publish the page."""

from os import PathLike
from pathlib import Path

from metricstack.reports.quarter import check_segment, choose_quarter
from metricstack.reports.run import Report, run
from metricstack.telemetry import open_workspace

__all__ = ["quarterly_review"]


def quarterly_review(
    workspace: str | PathLike[str],
    quarter: str | None = None,
    *,
    segment: str = "",
    out: str | PathLike[str] = "reports",
    progress: bool = True,
) -> Report:
    """Write the executive quarterly review into ``out/quarterly-review/<quarter>/``.

    Args:
        workspace: Its folder.
        quarter: ``"2026Q3"``; by default the last that the data fill.
        segment: One customer segment only.
        out: The folder of all reports.
        progress: Show a bar on the error stream.

    Raises:
        UnknownName: no request of the quarter has this segment; with the nearest.
        InvalidInput: the quarter is none, or the data do not reach it.
        ReportError: the report could not be made or written; the last good one still stands.
    """
    opened = open_workspace(workspace)
    window = choose_quarter(opened, quarter)
    if segment:
        check_segment(opened, segment, window)
    parameters = {"workspace": str(opened.root), "quarter": window.name, "segment": segment}
    return run("quarterly-review", parameters, out=Path(out), progress=progress)
