"""Link a workspace: every declared edge, judged by all that the data allow."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from metricstack.core.errors import InvalidInput
from metricstack.core.windows import Window
from metricstack.linkage.hypothesis import Hypothesis, hypotheses
from metricstack.linkage.ledger import side_trials
from metricstack.linkage.linkage_map import LinkageMap, linkage_map
from metricstack.linkage.observed import Observed
from metricstack.linkage.rungs import asked_together, climb
from metricstack.metrics.definitions import Catalogue, catalogue

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["by_id", "link", "names_of", "window_of"]

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
        window: The instants to look at, and in which past experiments started: a window or a quarter's name; None =
            all that traffic was recorded of, and all experiments.
        q: False discovery rate over all edges, in (0, 1).

    Raises:
        UnknownName: a metric that is not in the catalogue; names the nearest.
        ConfigurationError: ``linkage.toml`` declares what cannot be; every fault with its line.
        InvalidInput: no edges, an edge that is there twice or whose sizes are in other units than its metrics, a rate
            outside (0, 1), or a workspace without data.
    """
    known = catalogue(ws)
    declared = hypotheses(ws.root, names_of(known))
    asked = (edges,) if isinstance(edges, Hypothesis) else declared if edges is None else tuple(edges)
    if not asked:
        raise InvalidInput("There is no edge to judge. Declare one in linkage.toml, as [edges.relevance.task_success].")
    if not 0 < q < 1:
        raise InvalidInput(f"The false discovery rate {q} is outside (0, 1); 0.05 is usual.")
    asked = tuple(by_id(edge, known) for edge in asked)
    keys = [edge.key for edge in asked]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise InvalidInput(f"The edge {twice[0]!r} is declared twice.")
    metrics = dict.fromkeys(name for edge in asked for name in edge.named if name in known)
    span = window_of(ws, window)
    # Other causes are those of the map, whichever of its edges are asked: no answer hangs on the company it is in.
    pairs = tuple(
        dict.fromkeys((edge.cause, edge.effect) for edge in (*asked, *(by_id(one, known) for one in declared)))
    )
    beside = asked_together(asked, pairs, known.ids)
    seen = Observed(ws, tuple(metrics), span, pairs, None if window is None else span, beside, asked)
    told = _in_their_units(asked, seen)
    climbed = list(zip(told, climb(seen, told), strict=True))
    return linkage_map(climbed, q=q, more=[one for edge, evidence in climbed for one in side_trials(edge, evidence)])


def _in_their_units(edges: Sequence[Hypothesis], seen: Observed) -> list[Hypothesis]:
    """Give each edge the units of its metrics; a size in another unit would be taken for one in theirs."""
    told, wrong = [], []
    for edge in edges:
        units = {"step_unit": seen.unit(edge.cause), "effect_unit": seen.unit(edge.effect)}
        for field, metric in (("step_unit", edge.cause), ("effect_unit", edge.effect)):
            declared = getattr(edge, field).replace("currency", seen.ws.config.currency)
            if declared and declared != units[field]:
                size = "step" if field == "step_unit" else "smallest_effect"
                wrong.append(
                    f"Edge {edge.key}: {field} = {declared!r}, but {metric} is in {units[field]!r}. "
                    f"Write {size} in that unit."
                )
        told.append(replace(edge, step_unit=units["step_unit"], effect_unit=units["effect_unit"]))
    if wrong:
        raise InvalidInput("\n".join(wrong))
    return told


def by_id(edge: Hypothesis, known: Catalogue) -> Hypothesis:
    """Name an edge's metrics by their ids; confounders may be dimensions, too."""

    def named(name: str) -> str:
        return known.get(name).id

    others = tuple(named(name) if name in names_of(known) else name for name in edge.confounders)
    controls, ways = (tuple(named(name) for name in names) for names in (edge.negative_controls, edge.mediators))
    return replace(
        edge, cause=named(edge.cause), effect=named(edge.effect), negative_controls=controls, mediators=ways,
        confounders=others,
    )  # fmt: skip


def names_of(known: Catalogue) -> dict[str, str]:
    """Name all metrics, by id and by alias, each with its id."""
    return {name: one.id for one in known for name in (*one.aliases, one.id)}


def window_of(ws: "Workspace", window: Window | str | None) -> Window:
    """Return the instants that are meant: a window, a quarter's, or all that traffic was recorded of."""
    if isinstance(window, str):
        return ws.quarter(window)
    if window is not None:
        return window
    found = ws.span(*(name for name in _TRAFFIC if ws.has(name))) or ws.span()
    if found is None:
        raise InvalidInput("The workspace holds no data to link. Read some with `metricstack ingest`.")
    return found if found.end - found.start > timedelta(0) else Window(found.start, found.start + timedelta(days=1))
