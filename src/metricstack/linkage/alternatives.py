"""One edge, asked in every reasonable way that its workspace allows: does the answer hang on the choice?"""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

from metricstack.core.errors import UnknownName
from metricstack.core.values import Grade, Refusal
from metricstack.core.windows import Window
from metricstack.experiments.effect import Effect
from metricstack.linkage.evidence import Rung, scaled
from metricstack.linkage.hypothesis import GRAINS, Hypothesis, hypotheses
from metricstack.linkage.link import by_id, names_of, window_of
from metricstack.linkage.observed import Observed
from metricstack.linkage.panel import Effects, panel_effect
from metricstack.linkage.portfolio import portfolio_slope
from metricstack.linkage.portfolio_result import PortfolioSlope
from metricstack.linkage.rungs import climb
from metricstack.linkage.rungs.panel_table import panel_table
from metricstack.linkage.rungs.panels import panels
from metricstack.linkage.specifications import Specification, Specifications
from metricstack.metrics.definitions import catalogue

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["alternatives"]

_UNITS = ("region", "use_case", "segment", "channel")
_MOST_LAGS = 8
_TAKEN_OUT = {
    "unit": "unit effects", "time": "period effects", "none": "no effects", "first_difference": "first differences",
}  # fmt: skip


def alternatives(ws: "Workspace", cause: str, effect: str, *, window: Window | str | None = None) -> Specifications:
    """Ask one declared edge in every reasonable way, each told for one step of the cause.

    The declared panel comes first; then panels of other units and grains, of single lags, without confounders, with
    other effects; what tests say by other methods; and what every other rung says. They are looks at the same data,
    not votes: no p-value comes of their number, and the verdict is that of `link`.

    Args:
        ws: The workspace.
        cause: Metric that moves.
        effect: Metric that it acts on.
        window: The instants to look at, as in `link`.

    Returns:
        All ways, refusals included.

    Raises:
        UnknownName: the edge is not declared; names the nearest.
        ConfigurationError: ``linkage.toml`` declares what cannot be; every fault with its line.

    Source:
        Steegen, Tuerlinckx, Gelman and Vanpaemel (2016), *Increasing transparency through a multiverse analysis*.
    """
    known = catalogue(ws)
    declared = {one.key: one for one in (by_id(edge, known) for edge in hypotheses(ws.root, names_of(known)))}
    key = f"{known.get(cause).id} -> {known.get(effect).id}"
    if key not in declared:
        raise UnknownName("edge", key, declared, remedy="Declare it in linkage.toml.")
    edge = declared[key]
    others = [name for name in (*edge.negative_controls, *edge.confounders) if name in known]
    span = window_of(ws, window)
    pair = (edge.cause, edge.effect)
    metrics = tuple(dict.fromkeys([*pair, *others]))
    seen = Observed(ws, metrics, span, (pair,), None if window is None else span)
    found = [*_panels(seen, edge), *_effects(seen, edge), *_tests(seen, edge), *_rungs(seen, edge)]
    return Specifications(tuple(found), edge.cause, edge.effect)


def _way(name: str, answer: Effect | Refusal, edge: Hypothesis, **more: Any) -> Specification:
    told: dict[str, Any] = {
        "effects": "two_way",
        "covariates": edge.confounders,
        "lag": edge.lags[1],
        "cluster": (edge.unit,),
    } | more
    return Specification(name, answer=answer, **told)


def _panels(seen: Observed, edge: Hypothesis) -> Iterator[Specification]:
    """The declared panel, and those that differ from it in one respect."""
    asked = {"declared": edge}
    asked |= {f"by {grain}": replace(edge, grain=grain, lags=(0, 0)) for grain in GRAINS if grain != edge.grain}
    asked |= {f"units: {unit}": replace(edge, unit=unit) for unit in _UNITS if unit != edge.unit}
    first, last = edge.lags
    if last > first:
        asked |= {f"lag {lag}": replace(edge, lags=(lag, lag)) for lag in range(first, min(last, _MOST_LAGS) + 1)}
    table = panel_table(seen, edge)
    held = () if isinstance(table, Refusal) else (*table.metrics, *([table.stratum] if table.stratum else []))
    if held:
        asked["without confounders"] = replace(edge, confounders=())
    if len(held) > 1:
        asked |= {
            f"without {one}": replace(edge, confounders=tuple(name for name in held if name != one)) for one in held
        }
    for name, variant in asked.items():
        for evidence in panels(seen, replace(variant, negative_controls=(), mediators=())):
            yield _way(name, evidence.estimate, variant)


def _effects(seen: Observed, edge: Hypothesis) -> Iterator[Specification]:
    """The declared rows with other effects taken out."""
    table = panel_table(seen, edge)
    if isinstance(table, Refusal) or table.rows.empty:
        return
    for effects in get_args(Effects):
        if effects in _TAKEN_OUT:
            found = panel_effect(
                table.rows, edge.effect, edge.cause, "unit", "period", covariates=table.covariates, effects=effects,
                step=edge.step, outcome_unit=seen.unit(edge.effect),
            )  # fmt: skip
            yield _way(_TAKEN_OUT[effects], found, edge, effects=effects)


def _tests(seen: Observed, edge: Hypothesis) -> Iterator[Specification]:
    """Past tests by other methods than that of the rung."""
    past = seen.effects.of([edge.cause, edge.effect])
    if len(past.experiments) < 2:
        return
    values, names, unit = past.values, past.metrics, seen.unit(edge.effect)
    tried = {
        "tests, limited information": portfolio_slope(values, past.covariances, "liml", names=names),
        "tests, equal weights": portfolio_slope(values, past.covariances, names=names, weights="equal"),
        "tests, through the origin": portfolio_slope(values, past.covariances, names=names, through_origin=True),
    }
    for name, slope in tried.items():
        told = scaled(slope.effect, edge.step, unit=unit) if isinstance(slope, PortfolioSlope) else slope
        yield _way(name, told, edge, effects="none", grade=Grade.A)


def _rungs(seen: Observed, edge: Hypothesis) -> Iterator[Specification]:
    """What the other rungs say."""
    for evidence in climb(seen, [edge])[0]:
        if evidence.rung is not Rung.PANEL:
            yield _way(evidence.method, evidence.estimate, edge, effects="none", grade=evidence.grade)
