"""A rollout that one unit alone adopted: against mixtures of the units that did not, with these as placebos."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from metricstack.core.values import Check, Reason, Refusal
from metricstack.linkage.evidence import Assumption, Diagnostic, Evidence, Rung, Status
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.observed import Observed, Staged
from metricstack.linkage.synthetic import SyntheticEffect, synthetic_control
from metricstack.linkage.synthetic_slope import synthetic_slope

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FEWEST_DONORS", "only_adopter", "single_adopter"]

_ALPHA = 0.05
FEWEST_DONORS = 19
"""With fewer no rank is rarer than one in twenty."""
_FEWEST_BEFORE = 8
_MORE = "Roll it out to more units, in stages."
_OWN_DAYS = f"Name it among the edge's changes, to be judged by its own days. {_MORE}"


def only_adopter(table: "pd.DataFrame") -> str | None:
    """Name the one unit that adopted while observed; None where it is none, or several."""
    first, last = table["period"].min(), table["period"].max()
    dated = table.dropna(subset=["adopted"])
    ever = set(dated["unit"])
    found = set(dated.loc[(dated["adopted"] > first) & (dated["adopted"] <= last), "unit"])
    return str(found.pop()) if len(ever) == len(found) == 1 else None


def single_adopter(seen: Observed, edge: Hypothesis, rollout: Staged, table: "pd.DataFrame", unit: str) -> Evidence:
    """Climb by synthetic control.

    Args:
        seen: What the workspace holds.
        edge: The edge, which has an exclusion note.
        rollout: The rollout.
        table: Its panel.
        unit: The unit that adopted.
    """
    method = f"synthetic control of {rollout.name}, {rollout.dimension} {unit}"
    adopted = str(table.loc[table["unit"] == unit, "adopted"].iloc[0])
    earlier = sorted(period for period in table["period"].unique() if period < adopted)
    if adopted not in set(table["period"]) and earlier:
        table = table[table["period"] != earlier.pop()]  # in its middle the unit adopted
    donors = table.loc[table["unit"] != unit].dropna(subset=[edge.cause, edge.effect])
    counts = donors.groupby("unit").size()
    whole = int((counts == table["period"].nunique()).sum())
    if whole < FEWEST_DONORS or len(earlier) < _FEWEST_BEFORE:
        remedy = _MORE if len(counts) >= FEWEST_DONORS else _OWN_DAYS
        detail = (
            f"one unit or cluster adopts, {whole} others have all values, and {len(earlier)} periods lie before; "
            f"a synthetic control needs {FEWEST_DONORS} and {_FEWEST_BEFORE}"
        )
        return _refused(seen, method, Refusal(Reason.TOO_FEW_UNITS, detail, remedy))
    slope = synthetic_slope(
        table, edge.cause, edge.effect, treated=unit, start=adopted, step=edge.step, unit=seen.unit(edge.effect)
    )
    both = [
        synthetic_control(table, metric, "unit", "period", treated=unit, start=adopted)
        for metric in (edge.cause, edge.effect)
    ]
    for one in (slope, *both):
        if isinstance(one, Refusal):
            return _refused(seen, method, one)
    moved, outcome = (one for one in both if isinstance(one, SyntheticEffect))
    assert not isinstance(slope, Refusal)
    return Evidence(
        Rung.SYNTHETIC_CONTROL, method, slope.at(0.95), slope.donors + 1,
        assumptions=(
            Assumption(
                "Without it, the unit would have gone on as the mixture of others that it was like before.",
                Status.UNTESTED, f"mixtures of {slope.donors} {rollout.dimension} values",
            ),
            Assumption("The rollout reaches the effect through this cause alone.", Status.UNTESTED, edge.exclusion),
        ),
        diagnostics=tuple(_checks(edge, rollout, moved, outcome)), window=seen.window,
        provenance=seen.provenance([edge.cause, edge.effect]), intervals=slope,
    )  # fmt: skip


def _refused(seen: Observed, method: str, why: Refusal) -> Evidence:
    return Evidence(Rung.SYNTHETIC_CONTROL, method, why, 0, window=seen.window)


def _checks(
    edge: Hypothesis, rollout: Staged, moved: SyntheticEffect, outcome: SyntheticEffect
) -> Iterator[Diagnostic]:
    clear = moved.p_value is not None and moved.p_value <= _ALPHA
    detail = f"{rollout.name} moved {edge.cause} more than it seems to move others: p = {moved.p_value:.2g}"
    yield Diagnostic(Check("cause_moved", clear, detail), required=True)
    for metric, found in ((edge.cause, moved), (edge.effect, outcome)):
        for check in found.checks:
            if check.name in ("pre_fit", "placebo_date"):
                yield Diagnostic(Check(f"{check.name}: {metric}", check.passed, check.detail), required=True)
    yield from (Diagnostic(check) for check in outcome.checks if check.name not in ("pre_fit", "placebo_date"))
