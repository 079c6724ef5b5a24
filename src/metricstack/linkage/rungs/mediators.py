"""Ways by which a cause is believed to act: how much of what a panel shows goes through each declared mediator."""

from metricstack.core.values import Reason, Refusal
from metricstack.linkage.evidence import INDIRECT_SHARE, Assumption, Sensitivity, Status
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.mediation import Mediation, mediation
from metricstack.linkage.observed import Observed
from metricstack.linkage.rungs.panel_table import PanelTable

__all__ = ["assumed_of", "shares"]


def shares(seen: Observed, edge: Hypothesis, table: PanelTable) -> tuple[Sensitivity, ...]:
    """Tell the indirect share of each declared mediator, or why there is none; nothing is judged by it.

    The rows, and what is held fixed in them, are those of the panel; a mediator is read in the effect's period.

    Args:
        seen: What the workspace holds.
        edge: What was declared.
        table: The edge's panel.
    """
    return tuple(_told(name, _asked(seen, edge, table, name), table) for name in edge.mediators)


def assumed_of(told: tuple[Sensitivity, ...]) -> tuple[Assumption, ...]:
    """Say what shares take for granted; nothing where none is told.

    Args:
        told: What `shares` gave.
    """
    if not any(one.detail for one in told):
        return ()
    name = (
        "Of shares: nothing hidden moves a mediator and the effect together, beside the cause (sequential ignorability)"
    )
    more = "; shares of several mediators overlap, and do not add up" if len(told) > 1 else ""
    return (Assumption(name, Status.UNTESTED, f"nothing here can tell; the effect itself does not rest on it{more}"),)


def _asked(seen: Observed, edge: Hypothesis, table: PanelTable, mediator: str) -> Mediation | Refusal:
    if mediator not in table.rows.columns:
        by = ", ".join(filter(None, [edge.unit, table.stratum]))
        return Refusal(Reason.MISSING_COLUMN, f"{mediator} cannot be asked by {by}", "Declare another mediator.")
    for metric in (edge.cause, edge.effect):
        if seen.shared(metric, mediator):
            detail = f"{mediator} and {metric} are made of the same: they move together by arithmetic"
            return Refusal(Reason.NOT_MEASURED, detail, "Declare another mediator.")
    return mediation(
        table.rows, edge.effect, edge.cause, mediator, table.covariates, absorb=("unit", "period"), cluster="unit",
        step=edge.step, outcome_unit=seen.unit(edge.effect),
    )  # fmt: skip


def _told(name: str, found: Mediation | Refusal, table: PanelTable) -> Sensitivity:
    share = found if isinstance(found, Refusal) else found.share
    if isinstance(found, Refusal) or share is None or isinstance(share, Refusal):
        return Sensitivity(f"{INDIRECT_SHARE}: {name}", share)
    assert share.low is not None
    assert share.high is not None
    value, low, high = (f"{100 * bound:z.0f}%" for bound in (share.value, share.low, share.high))
    told, whole = int(table.rows[name].notna().sum()), len(table.rows)
    rows = f" and {told:,} of {whole:,} rows" if told < whole else ""
    hidden = f"none of it, were what is hidden in both to correlate {found.vanishes_at:.2f}"
    last = "it may be none" if share.low <= 0 <= share.high else hidden
    detail = f"{value} [{low}, {high}] of it would go through {name}, by {share.n} units{rows}; {last}"
    return Sensitivity(f"{INDIRECT_SHARE}: {name}", share, detail)
