"""Staged rollouts as instruments: what each did to the effect over what it did to the cause."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from metricstack.core.values import Check, Reason, Refusal
from metricstack.experiments.effect import Effect
from metricstack.linkage.evidence import Assumption, Diagnostic, Evidence, Rung, Status
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.observed import Observed, Staged
from metricstack.linkage.rollout import RolloutEffect, rollout_effect
from metricstack.linkage.rungs.quotient import PerStep, covariance_from_sum
from metricstack.linkage.rungs.single_adopter import only_adopter, single_adopter

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["rollouts"]

_NAME = "staged rollout, effect per step of the cause"


def rollouts(seen: Observed, edge: Hypothesis) -> Iterator[Evidence]:
    """Climb by every rollout that the workspace knows of."""
    for rollout in seen.rollouts:
        name = f"staged rollout of {rollout.name} by {rollout.dimension}"
        if not edge.exclusion:
            detail = f"no note says why {rollout.name} would reach {edge.effect} through {edge.cause} alone"
            refusal = Refusal(Reason.NOT_MEASURED, detail, 'Declare exclusion = "…" if that is so.')
            yield Evidence(Rung.INSTRUMENT, name, refusal, 0, window=seen.window)
            continue
        table = seen.staged(rollout)
        if edge.cause not in table.columns or edge.effect not in table.columns:
            continue
        alone = only_adopter(table)
        if alone is not None:
            yield single_adopter(seen, edge, rollout, table, alone)
            continue
        told = _rolled(table, edge, seen.unit(edge.effect))
        if isinstance(told, Refusal):
            yield Evidence(Rung.INSTRUMENT, name, told, 0, window=seen.window)
            continue
        moved, outcome, again = told
        yield Evidence(
            Rung.INSTRUMENT, name, again.at(0.95), outcome.n,
            assumptions=(
                Assumption(
                    "Without it, what adopts would have changed as what does not.",
                    _status(outcome.pre_trend is not None and _check(outcome, "pre_trend")),
                    "tested before adoption",
                ),
                Assumption(
                    "The rollout reaches the effect through this cause alone.", Status.UNTESTED, edge.exclusion
                ),
            ),
            diagnostics=tuple(_of_rollout(moved, outcome, rollout, edge)),
            window=seen.window, provenance=seen.provenance([edge.cause, edge.effect]), intervals=again,
        )  # fmt: skip


def _rolled(
    table: "pd.DataFrame", edge: Hypothesis, unit: str
) -> tuple[RolloutEffect, RolloutEffect, PerStep] | Refusal:
    """What a rollout did to cause and effect, and how these vary together: from that to their sum."""
    held = table.dropna(subset=[edge.cause, edge.effect])
    if held.empty:
        return Refusal(Reason.NO_DATA, "no period tells both metrics of what adopts", "Ask of a coarser dimension.")
    spread = float(held[edge.cause].std()), float(held[edge.effect].std())
    if not min(spread) > 0:
        return Refusal(Reason.NO_VARIATION, "a metric is constant in what adopts", "Choose a metric that varies.")
    factor = spread[1] / spread[0]
    held = held.assign(_sum=held[edge.effect] + factor * held[edge.cause])
    found = []
    for column in (edge.cause, edge.effect, "_sum"):
        one = rollout_effect(held, column, "unit", "period", "adopted")
        if isinstance(one, Refusal):
            return one
        found.append(one)
    moved, outcome, _ = found
    errors = [one.standard_error or 0.0 for one in found]
    together = covariance_from_sum(errors[1], errors[0], errors[2], factor)
    if moved.value == 0:
        return Refusal(Reason.NO_VARIATION, "the rollout did not move the cause", "Look for one that did.")
    return moved, outcome, PerStep(moved, outcome, together, edge.step, unit, _NAME)


def _of_rollout(
    moved: RolloutEffect, outcome: RolloutEffect, rollout: Staged, edge: Hypothesis
) -> Iterator[Diagnostic]:
    clear = moved.p_value is not None and moved.p_value <= 0.05
    size = abs(moved.value) / (moved.standard_error or 1.0)
    yield Diagnostic(
        Check("cause_moved", clear, f"{rollout.name} moved {edge.cause} by {size:.1f} standard errors"), required=True
    )
    for check in outcome.checks:
        yield Diagnostic(check, required=check.name == "pre_trend")


def _check(found: Effect, name: str) -> bool | None:
    return next((check.passed for check in found.checks if check.name == name), None)


def _status(passed: bool | None) -> Status:  # noqa: FBT001 - what a check says
    return Status.UNTESTED if passed is None else Status.HELD if passed else Status.FAILED
