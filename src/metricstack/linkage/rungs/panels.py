"""Units over time: the cause within units, beside what is common to a period and what is declared to be held fixed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Check, Reason, Refusal
from metricstack.linkage.columns import lagged
from metricstack.linkage.controls import Falsification, future_placebo, negative_control
from metricstack.linkage.evidence import Assumption, Diagnostic, Evidence, Rung, Sensitivity, Status, scaled
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.observed import Observed
from metricstack.linkage.panel import PanelEffect, panel_effect
from metricstack.linkage.sensitivity import robustness_value

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["panels"]


def panels(seen: Observed, edge: Hypothesis) -> Iterator[Evidence]:
    """Climb by the panel of the declared unit and grain."""
    by = tuple(part.strip() for part in edge.unit.split(",") if part.strip())
    table = seen.panel(by, edge.grain)
    lacking = [name for name in (edge.cause, edge.effect) if name not in table.columns]
    name = f"panel of {edge.unit} by {edge.grain}, unit and time effects"
    if lacking:
        detail = f"{' and '.join(lacking)} cannot be asked by {edge.unit}"
        yield Evidence(Rung.PANEL, name, Refusal(Reason.MISSING_COLUMN, detail, "Declare another unit."), 0)
        return
    covariates = [one for one in edge.confounders if one in table.columns and one not in (edge.cause, edge.effect)]
    rows = table.reset_index()
    lag = edge.lags[0]
    if lag:
        rows[edge.cause] = lagged(rows, edge.cause, "unit", "period", by=lag)
    rows = rows.dropna(subset=[edge.cause, edge.effect, *covariates])
    unit = seen.unit(edge.effect)
    found: PanelEffect | Refusal
    if rows.empty:
        found = Refusal(Reason.NO_DATA, "no period tells both metrics", "Wait for more data.")
    else:
        found = panel_effect(rows, edge.effect, edge.cause, "unit", "period", covariates=covariates, outcome_unit=unit)
    if isinstance(found, Refusal):
        yield Evidence(Rung.PANEL, name, found, 0, window=seen.window)
        return
    unnamed = [one for one in edge.confounders if one not in covariates]
    held = f"held fixed: {', '.join(covariates)}" if covariates else "no covariate is held fixed"
    missed = f"; not held fixed here: {', '.join(unnamed)}" if unnamed else ""
    checks = [*_falsified(rows, edge, covariates), *(Diagnostic(check) for check in found.checks)]
    robust = robustness_value(found)
    yield Evidence(
        Rung.PANEL, name, scaled(found, edge.step, unit=unit), found.clusters, float(found.rows),
        assumptions=(
            Assumption(
                "Nothing that moves the effect goes with the cause within units over time.", Status.UNTESTED,
                held + missed,
            ),
        ),
        diagnostics=tuple(checks),
        sensitivity=(
            Sensitivity(
                "hidden confounder",
                detail=f"one that explains {robust.value:.1%} of what is left of cause and effect takes it away",
            ),
        ),
        window=seen.window, provenance=seen.provenance([edge.cause, edge.effect, *covariates]),
    )  # fmt: skip


def _falsified(rows: "pd.DataFrame", edge: Hypothesis, covariates: list[str]) -> Iterator[Diagnostic]:
    """Look for effects that must not be there: of the cause's future, and on what the cause cannot move."""
    matters = edge.smallest_effect / abs(edge.step)
    tried: list[tuple[str, Falsification | Refusal]] = []
    try:
        placebo = future_placebo(
            rows, edge.effect, edge.cause, "unit", "period", matters=matters, covariates=covariates
        )
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
                covariates=covariates,
            )  # fmt: skip
        tried.append((f"negative_control: {control}", found))
    for name, told in tried:
        if isinstance(told, Refusal):
            yield Diagnostic(Check(name, None, told.detail))
        else:
            yield Diagnostic(Check(name, told.check.passed, told.check.detail), required=True)
