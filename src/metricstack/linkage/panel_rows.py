"""A table of units and periods, made ready to be fitted: differences, singletons, what to absorb and cluster by."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Reason, Refusal
from metricstack.linkage.columns import Rows, column_names, read_rows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PanelRows", "panel_rows", "without_singletons"]

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PanelRows:
    """Rows ready to be fitted.

    Args:
        rows: The rows that are left.
        absorbed: Groupings to absorb, one or two; one group of all rows where there are none.
        clusters: Groupings to cluster by, one or two.
        notes: What was left out, and why.
        repeated: Rows that repeat a unit and period.
    """

    rows: Rows
    absorbed: tuple[Integers, ...]
    clusters: tuple[Integers, ...]
    notes: tuple[str, ...]
    repeated: int


def panel_rows(
    df: "pd.DataFrame", *, outcome: str, cause: str, unit: str, time: str | None, covariates: str | Sequence[str],
    effects: str, cluster: str | Sequence[str], weights: str | None,
) -> PanelRows | Refusal:  # fmt: skip
    """Read a panel for effects and clusters as `panel_effect` names them, or refuse where no row is left.

    Raises:
        InvalidInput: a time that is missing where it is needed, or repeated rows for first differences.
        UnknownName: a column that is not there.
    """
    if time is None and effects in ("two_way", "time", "first_difference"):
        raise InvalidInput(f"Effects {effects!r} need a time. Name its column, or choose 'unit' or 'none'.")
    roles = {"unit": unit, "time": time}
    ways = column_names([roles.get(name, name) or "" for name in column_names(cluster)])
    if "" in ways:
        raise InvalidInput("Clustering by time needs a time. Name its column.")
    if not ways:
        raise InvalidInput("There is no cluster. Name one; the error of independent rows is the answer's `classical`.")
    numbers = [outcome, cause, *([weights] if weights is not None else [])]
    keys = [unit, *([time] if time is not None else []), *ways]
    rows = read_rows(df, numbers=numbers, keys=keys, covariates=covariates)
    notes = [f"{rows.incomplete} with a missing value"] if rows.incomplete else []
    cells = np.column_stack([rows.keys[unit], rows.keys[time]]) if time is not None else None
    repeated = 0 if cells is None else len(cells) - len(np.unique(cells, axis=0))
    if effects == "first_difference" and time is not None:
        if repeated:
            raise InvalidInput(f"{repeated} rows repeat a {unit!r} and {time!r}; first differences need one of each.")
        rows, lost = _differences(rows, unit, time, [outcome, cause], weights)
        notes.append(f"{lost} without a neighbour before")
    absorbed = [unit] if effects in ("unit", "two_way") else []
    if time is not None and effects in ("time", "two_way", "first_difference"):
        absorbed.append(time)
    rows, single = without_singletons(rows, absorbed)
    if single:
        notes.append(f"{single} alone in a unit or period")
    if not len(rows):
        return Refusal(
            Reason.NO_DATA, f"no complete row is left ({', '.join(notes) or 'the table is empty'})",
            "Look at the columns' missing values, or choose other effects.",
        )  # fmt: skip
    groups = tuple(rows.keys[name] for name in absorbed) or (np.zeros(len(rows), dtype=np.int64),)
    return PanelRows(rows, groups, tuple(rows.keys[name] for name in ways), tuple(notes), repeated)


def _differences(rows: Rows, unit: str, time: str, numbers: Sequence[str], weights: str | None) -> tuple[Rows, int]:
    units, periods = rows.keys[unit], rows.keys[time]
    after = np.flatnonzero((np.diff(units) == 0) & (np.diff(periods) == 1)) + 1
    values = {name: rows.numbers[name][after] - rows.numbers[name][after - 1] for name in numbers}
    if weights is not None:
        w = rows.numbers[weights]
        values[weights] = 1 / (1 / w[after] + 1 / w[after - 1])
    mask = np.zeros(len(rows), dtype=bool)
    mask[after] = True
    kept = rows.take(mask)
    changes = rows.covariates[after] - rows.covariates[after - 1]
    return replace(kept, numbers=values, covariates=changes), len(rows) - len(after)


def without_singletons(rows: Rows, absorbed: Sequence[str]) -> tuple[Rows, int]:
    """Leave out rows that are alone in a level of what is absorbed, since it fits them exactly; tell how many.

    Args:
        rows: The rows.
        absorbed: Keys among theirs.
    """
    before = len(rows)
    while len(rows):
        alone = np.zeros(len(rows), dtype=bool)
        for name in absorbed:
            alone |= np.bincount(rows.keys[name])[rows.keys[name]] == 1
        if not alone.any():
            break
        rows = rows.take(~alone)
    return rows, before - len(rows)
