"""Units over time: the cause within units, beside what is common to a period and what is declared to be held fixed."""

from collections.abc import Iterator

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Check, Reason, Refusal
from metricstack.linkage.between import between_within
from metricstack.linkage.controls import Falsification, future_placebo, negative_control
from metricstack.linkage.evidence import Assumption, Diagnostic, Evidence, Rung, Status, scaled
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.observed import Observed
from metricstack.linkage.panel import PanelEffect, panel_effect
from metricstack.linkage.rungs.hidden import hidden
from metricstack.linkage.rungs.mediators import assumed_of, shares
from metricstack.linkage.rungs.panel_table import PanelTable, panel_table

__all__ = ["panels"]


def panels(seen: Observed, edge: Hypothesis) -> Iterator[Evidence]:
    """Climb by the panel of the declared unit and grain: the effect of a step that lasts over the declared lags."""
    name = f"panel of {edge.unit} by {edge.grain}, unit and time effects"
    table = panel_table(seen, edge)
    if isinstance(table, Refusal):
        yield Evidence(Rung.PANEL, name, table, 0)
        return
    if table.stratum:
        name = f"{name}, {table.stratum} in the same mixture"
    if table.lags[1] > table.lags[0]:
        name += f", lags {table.lags[0]} to {table.lags[1]} summed"
    unit = seen.unit(edge.effect)
    found = _asked(table, edge, unit)
    if isinstance(found, Refusal):
        yield Evidence(Rung.PANEL, name, found, 0, window=seen.window)
        return
    covariates = [*table.metrics, *([table.stratum] if table.stratum else [])]
    held = f"held fixed: {', '.join(covariates)}" if covariates else "no covariate is held fixed"
    missed = f"; not held fixed here: {', '.join(table.unheld)}" if table.unheld else ""
    note = f" ({table.note})" if table.note else ""
    checks = [*_falsified(table, edge), *_between(table, edge), *(Diagnostic(check) for check in found.checks)]
    step = scaled(found, edge.step, unit=unit)
    through = shares(seen, edge, table)
    yield Evidence(
        Rung.PANEL, name, step, found.clusters, float(found.rows),
        assumptions=(
            Assumption(
                "Nothing that moves the effect goes with the cause within units over time.", Status.UNTESTED,
                held + missed + note,
            ),
            *assumed_of(through),
        ),
        diagnostics=tuple(checks),
        sensitivity=(*hidden(table, edge, found, step), *through),
        window=seen.window, provenance=seen.provenance([edge.cause, edge.effect, *table.metrics]),
    )  # fmt: skip


def _asked(table: PanelTable, edge: Hypothesis, unit: str) -> PanelEffect | Refusal:
    if table.rows.empty:
        return Refusal(Reason.NO_DATA, "no period tells both metrics", "Wait for more data.")
    return panel_effect(
        table.rows, edge.effect, edge.cause, "unit", "period", covariates=table.covariates, outcome_unit=unit
    )


def _between(table: PanelTable, edge: Hypothesis) -> Iterator[Diagnostic]:
    """Hold the slope within units against that between them: what differs, something fixed in units has done."""
    found = between_within(table.rows, edge.effect, edge.cause, "unit", "period", covariates=table.covariates)
    if not isinstance(found, Refusal):
        yield from (Diagnostic(one) for one in found.checks if one.name in ("no_reversal", "units_alike"))


def _falsified(table: PanelTable, edge: Hypothesis) -> Iterator[Diagnostic]:
    """Look for effects that must not be there: of the cause's future, and on what the cause cannot move."""
    matters = edge.smallest_effect / abs(edge.step)
    rows = table.rows
    tried: list[tuple[str, Falsification | Refusal]] = []
    try:
        placebo = future_placebo(
            rows, edge.effect, edge.cause, "unit", "period", ahead=table.ahead, matters=matters,
            covariates=table.covariates,
        )  # fmt: skip
        tried.append(("future_placebo", placebo))
    except InvalidInput:
        pass
    for control in edge.negative_controls:
        found: Falsification | Refusal = Refusal(
            Reason.MISSING_COLUMN, f"{control} cannot be asked by {edge.unit}", "Name another control."
        )
        if control in rows.columns:
            found = negative_control(
                rows.dropna(subset=[control]), edge.effect, edge.cause, "unit", "period", control=control,
                covariates=table.covariates,
            )  # fmt: skip
        tried.append((f"negative_control: {control}", found))
    for name, told in tried:
        if isinstance(told, Refusal):
            yield Diagnostic(Check(name, None, told.detail))
        else:
            yield Diagnostic(Check(name, told.check.passed, told.check.detail), required=True)
