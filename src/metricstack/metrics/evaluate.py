"""`evaluate`: metrics by dimension and period, each a finding with its interval, checks and origin."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from metricstack.core.errors import InvalidInput
from metricstack.core.windows import Window
from metricstack.metrics.definitions import catalogue
from metricstack.metrics.job import Job, Request
from metricstack.metrics.panel import MetricPanel
from metricstack.metrics.passes import Pass
from metricstack.metrics.question import as_filter, as_names, check_window
from metricstack.numerics.intervals import check_level
from metricstack.telemetry.completeness import last_full_quarter

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["ask", "evaluate", "prepare"]


def evaluate(
    ws: "Workspace",
    metrics: Sequence[str] | str,
    *,
    window: Window | str | None = None,
    by: Sequence[str] | str = (),
    grain: str | None = None,
    where: Mapping[str, str] | None = None,
    level: float = 0.95,
) -> MetricPanel:
    """Evaluate metrics over a window, by dimensions and periods, with one fused query per table.

    Args:
        ws: The workspace.
        metrics: Ids or aliases of the catalogue.
        window: What it is about: a window, a quarter's name, or None for the last quarter that the data fill.
        by: Dimensions: columns of the metrics' tables, or of tables that they reference.
        grain: ``day``, ``week``, ``month`` or ``quarter`` of the workspace's calendar; None = the whole window.
        where: Dimension → the value that it must have.
        level: Confidence level of the intervals, a fraction in (0, 1).

    Returns:
        A panel with one finding per metric, group and period; where something cannot be told, the
        finding's answer is a refusal with the reason.

    Raises:
        UnknownName: no such metric, or no such dimension; the message names the nearest.
        InvalidInput: a dimension that names a person or would multiply rows, an unknown grain or level,
            or more than 5,000 groups.
    """
    request, ids = ask(ws, metrics, window=window, by=by, grain=grain, where=where, level=level)
    known, found = request.catalogue, prepare(request, ids)
    answers = {job.name: tuple(part.findings(job)) for part in dict.fromkeys(found.values()) for job in part.jobs}
    return MetricPanel(
        findings=tuple(finding for job in found for finding in answers[job.name]),
        definitions={job.name: known.get(job.name) for job in found},
        window=request.window,
        by=request.by,
        grain=grain,
        policies={job.name: known.levels(job.name) for job in found},
    )


def ask(
    ws: "Workspace",
    metrics: Sequence[str] | str,
    *,
    window: Window | str | None,
    by: Sequence[str] | str,
    grain: str | None,
    where: Mapping[str, str] | None,
    level: float,
) -> tuple[Request, list[str]]:
    """Resolve what `evaluate` is asked: the request, and the ids of the metrics.

    Raises:
        UnknownName: no such metric; the message names the nearest.
        InvalidInput: a dimension twice, an unknown grain or level.
    """
    check_level(level)
    known = catalogue(ws)
    ids = [known.get(name).id for name in as_names(metrics, "metrics")]
    dimensions = as_names(by, "by")
    if len(set(dimensions)) < len(dimensions) or "period" in dimensions:
        raise InvalidInput(f"by = {list(dimensions)}: each dimension once; for periods ask with grain='week'.")
    span = _window(ws, window)
    periods = ws.calendar.cut(span, grain) if grain else (span,)
    return Request(ws, known, span, periods, dimensions, as_filter(where), grain, level), ids


def prepare(request: Request, ids: Iterable[str]) -> "dict[Job, Pass]":
    """Resolve metrics and sort them into passes, so that each table is read once for all that group alike.

    Args:
        request: What was asked.
        ids: Ids of the catalogue.

    Returns:
        Each metric's job with the pass that answers it, in the order asked.
    """
    passes: dict[tuple[tuple[str, ...], bool, int | None, tuple[str, ...]], Pass] = {}
    found: dict[Job, Pass] = {}
    for job in (Job.of(request, name) for name in dict.fromkeys(ids)):
        key = (job.over, job.definition.to_date, job.definition.window, job.per)
        found[job] = passes.setdefault(key, Pass(request, *key))
        found[job].jobs.append(job)
    return found


def _window(ws: "Workspace", window: Window | str | None) -> Window:
    if window is None:
        return last_full_quarter(ws)
    return ws.quarter(window) if isinstance(window, str) else check_window(window)
