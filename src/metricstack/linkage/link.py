"""Link a workspace: every declared edge, judged by all that the data allow."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.windows import Window
from metricstack.linkage.hypothesis import Hypothesis, hypotheses
from metricstack.linkage.linkage_map import LinkageMap, linkage_map
from metricstack.linkage.observed import Observed
from metricstack.linkage.rungs import climb
from metricstack.metrics.definitions import catalogue

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["link"]

_TRAFFIC = ("requests", "sessions")


def link(
    ws: "Workspace",
    edges: Sequence[Hypothesis] | Hypothesis | None = None,
    *,
    window: Window | str | None = None,
    q: float = 0.05,
) -> LinkageMap:
    """Judge which causes move which effects, and how sure that is.

    Args:
        ws: The workspace.
        edges: What is believed; None = the edges of its ``linkage.toml``, or of the map that comes with the package.
        window: The instants to look at: a window or a quarter's name; None = all that traffic was recorded of.
        q: False discovery rate over all edges.

    Raises:
        UnknownName: a metric that is not in the catalogue; names the nearest.
        ConfigurationError: ``linkage.toml`` declares what cannot be; every fault with its line.
        InvalidInput: no edges.
    """
    known = catalogue(ws)
    if edges is None:
        asked = hypotheses(ws.root, [*known.ids, *(alias for one in known for alias in one.aliases)])
    else:
        asked = (edges,) if isinstance(edges, Hypothesis) else tuple(edges)
    if not asked:
        raise InvalidInput("There is no edge to judge. Declare one in linkage.toml, as [edges.relevance.task_success].")
    for edge in asked:
        for name in (edge.cause, edge.effect):
            if name not in known:
                raise UnknownName("metric", name, known.ids, remedy="List them with `metricstack metrics list`.")
    controls = [name for edge in asked for name in (*edge.negative_controls, *edge.confounders) if name in known]
    metrics = dict.fromkeys([*(name for edge in asked for name in (edge.cause, edge.effect)), *controls])
    seen = Observed(ws, tuple(metrics), _window(ws, window), tuple((edge.cause, edge.effect) for edge in asked))
    told = [replace(one, step_unit=seen.unit(one.cause), effect_unit=seen.unit(one.effect)) for one in asked]
    return linkage_map([(edge, climb(seen, edge)) for edge in told], q=q)


def _window(ws: "Workspace", window: Window | str | None) -> Window:
    if isinstance(window, str):
        return ws.quarter(window)
    if window is not None:
        return window
    found = ws.span(*(name for name in _TRAFFIC if ws.has(name))) or ws.span()
    if found is None:
        raise InvalidInput("The workspace holds no data to link. Read some with `metricstack ingest`.")
    return found if found.end - found.start > timedelta(0) else Window(found.start, found.start + timedelta(days=1))
