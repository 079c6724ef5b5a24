"""The rows of one edge's panel: its cause over the declared lags, and a dimension whose mixture is held fixed."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Reason, Refusal
from metricstack.linkage.columns import lagged
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.observed import Observed

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PanelTable", "panel_table"]

_OFTEN = 0.9
"""Share of periods in which a stratum must be there."""
_PERIODS_PER_LAG = 4
"""Periods for each lag that is looked at: more lags would leave too few of them."""


@dataclass(frozen=True, eq=False)
class PanelTable:
    """Rows to regress on.

    Args:
        rows: Columns ``unit``, ``period`` and metrics; the cause's column holds the last lag.
        covariates: Metrics held fixed, and the changes of the cause between its lags.
        metrics: Those of the covariates that are metrics.
        stratum: Dimension whose mixture is held fixed; empty = none.
        lags: First and last lag.
        unheld: Declared confounders that are not held.
        note: Why lags are fewer than declared, or a dimension is not held; empty where there is no reason to tell.
    """

    rows: "pd.DataFrame"
    covariates: tuple[str, ...]
    metrics: tuple[str, ...]
    stratum: str
    lags: tuple[int, int]
    unheld: tuple[str, ...]
    note: str

    @property
    def ahead(self) -> int:
        """Periods from the lag in the cause's column to the first after the outcome."""
        return self.lags[1] - self.lags[0] + 1


def panel_table(seen: Observed, edge: Hypothesis) -> PanelTable | Refusal:
    """Lay out an edge's panel.

    Args:
        seen: What the workspace holds.
        edge: What was declared.

    Returns:
        The rows; or a refusal where the unit cannot tell both metrics.

    Derivation:
        The effect of a step that lasts is the sum of the slopes b_j on the cause's lags first … last. As
        ``Σ b_j x_{t-j} = S x_{t-last} + Σ_{j<last} (b_first + … + b_j) (x_{t-j} - x_{t-j-1})``, the sum S is the slope
        on the last lag beside the changes between lags.
    """
    by = edge.by
    try:
        plain = seen.panel(by, edge.grain)
    except InvalidInput as error:  # too many groups
        return Refusal(Reason.NOT_MEASURED, str(error).rstrip("."), "Declare a coarser unit, or a longer grain.")
    lacking = [name for name in (edge.cause, edge.effect) if name not in plain.columns]
    if lacking:
        why = seen.untold(lacking[0], by)
        detail = f"{' and '.join(lacking)} cannot be asked by {edge.unit}{f' ({why})' if why else ''}"
        return Refusal(Reason.MISSING_COLUMN, detail, "Declare another unit.")
    others = [name for name in edge.confounders if name not in (edge.cause, edge.effect, *by)]
    metrics = tuple(name for name in others if name in plain.columns)
    stratum, rows, note = "", plain.reset_index(), ""
    for name in (one for one in others if one not in metrics):
        if not seen.tells((edge.cause, edge.effect, *metrics), (*by, name)):
            continue
        try:
            finer = seen.panel((*by, name), edge.grain)
        except InvalidInput as error:  # too many groups
            note = str(error).rstrip(".")
            continue
        asked = dict.fromkeys([edge.cause, edge.effect, *metrics, *edge.negative_controls, *edge.mediators])
        mixed = _standardised(finer[[one for one in asked if one in finer.columns]], plain)
        if len(mixed.dropna(subset=[edge.cause, edge.effect])) * 2 >= len(rows):
            stratum, rows = name, mixed
            break
        note = f"{name} has too few values in most periods to be held"
    first, last = edge.lags
    periods = int(rows["period"].nunique())
    longest = max(first, min(last, first + periods // _PERIODS_PER_LAG - 1))
    if longest < last:
        note = "; ".join(filter(None, [note, f"lags to {last} would leave too few of {periods} periods"]))
    changes = []
    for lag in range(first, longest):
        change = f"{edge.cause}, change {lag} before"
        rows[change] = _before(rows, edge.cause, lag) - _before(rows, edge.cause, lag + 1)
        changes.append(change)
    rows[edge.cause] = _before(rows, edge.cause, longest)
    held = (*metrics, *changes)
    rows = rows.dropna(subset=[edge.cause, edge.effect, *held])
    unheld = tuple(name for name in edge.confounders if name not in (*metrics, stratum, edge.cause, edge.effect, *by))
    return PanelTable(rows, held, metrics, stratum, (first, longest), unheld, note)


def _before(rows: "pd.DataFrame", cause: str, lag: int) -> "pd.Series":
    return lagged(rows, cause, "unit", "period", by=lag) if lag else rows[cause]


def _standardised(finer: "pd.DataFrame", plain: "pd.DataFrame") -> "pd.DataFrame":
    """Take each unit's metrics as the mean over its strata, the same ones in all periods and each as heavy as another.

    What moves the mixture then moves nothing: direct standardisation. A stratum that is seldom there is left out.
    """
    import pandas as pd

    known = sorted({str(unit) for unit in plain.index.get_level_values("unit")}, key=len, reverse=True)
    both = finer.index.get_level_values("unit").astype("str")
    of = {name: next((unit for unit in known if name.startswith(f"{unit}, ")), name) for name in both.unique()}
    keys = {"unit": both.map(of).astype("str"), "period": finer.index.get_level_values("period"), "both": both}
    parts = finer.reset_index(drop=True).assign(**{name: np.asarray(key) for name, key in keys.items()})
    periods = parts.groupby("unit")["period"].nunique()
    metrics = list(finer.columns)
    strata = parts.groupby(["unit", "both"])[metrics].count()
    often = strata.ge(_OFTEN * periods.reindex(strata.index.get_level_values("unit")).to_numpy(), axis=0)
    here = often.reindex(pd.MultiIndex.from_frame(parts[["unit", "both"]])).to_numpy()
    grouped = parts[metrics].where(here).groupby([parts["unit"], parts["period"]])
    held, sums = grouped.count(), grouped.sum()
    kept = often.groupby(level="unit").sum().reindex(sums.index.get_level_values("unit")).to_numpy()
    means = sums.div(np.where(kept > 0, kept, 1)).where((held.to_numpy() == kept) & (kept > 0))
    return means.reset_index().rename_axis(columns=None)
