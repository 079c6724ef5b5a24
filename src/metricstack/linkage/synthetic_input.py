"""One treated unit, or several, beside donors: a table read into a matrix of units over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.values import Check, Reason, Refusal
from metricstack.linkage.frames import check_columns, codes_of, first_from, numbers_of, without_repeats

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Donors", "read_donors"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

LEAST_BEFORE = 2


@dataclass(frozen=True, slots=True)
class Donors:
    """A balanced panel with one start.

    Args:
        treated: Outcomes of treated units, shape (treated, periods).
        donors: Outcomes of the others, shape (donors, periods).
        names: Of the donors, in their own order.
        times: The periods.
        start: Index of the first treated period.
        predictors: Means over the periods before, each column divided by its spread over units, treated units first,
            shape (units, predictors).
        checks: What was left out.
    """

    treated: Matrix
    donors: Matrix
    names: tuple[Any, ...]
    times: tuple[Any, ...]
    start: int
    predictors: Matrix
    checks: tuple[Check, ...]


def read_donors(
    df: "pd.DataFrame",
    columns: tuple[str, str, str],
    *,
    treated: Any,
    start: Any,
    predictors: Sequence[str] = (),
) -> Donors | Refusal:
    """Read units over time around one start.

    Args:
        df: One row per unit and time.
        columns: Names of outcome, unit and time.
        treated: The treated unit, or a list of them.
        start: First treated time; between two times it counts from the later one.
        predictors: Columns whose means before the start are matched too.

    Returns:
        The panel, without the donors that lack a value; or a refusal: ``NO_DATA`` (a treated unit lacks values, or
        fewer than two periods before or none after), ``TOO_FEW_UNITS`` (fewer than two donors).

    Raises:
        UnknownName: a column or unit that is not there.
        InvalidInput: repeated rows, or a start that cannot be held against the times.
    """
    outcome, unit, time = columns
    check_columns(df, [*columns, *predictors])
    without_repeats(df, unit, time)
    chosen = list(treated) if isinstance(treated, list | tuple | set | frozenset) else [treated]
    if not chosen:
        raise InvalidInput("No unit is treated; name one at least.")
    who, when = codes_of(df, unit), codes_of(df, time)
    position = {name: int(code) for name, code in zip(df[unit], who, strict=True)}
    for name in chosen:
        if name not in position:
            raise UnknownName(str(unit), str(name), [str(known) for known in position])
    times = tuple(df[time].drop_duplicates().sort_values())
    first = first_from(times, start, "start")
    n, periods = int(who.max(initial=-1)) + 1, len(times)
    grid = np.full((n, periods), np.nan)
    grid[who, when] = numbers_of(df, outcome)
    matched = np.full((n, len(predictors)), np.nan)
    for j, name in enumerate(predictors):
        values = numbers_of(df, name)
        used = (when < first) & np.isfinite(values)
        counts = np.bincount(who[used], minlength=n)
        with np.errstate(invalid="ignore", divide="ignore"):
            matched[:, j] = np.bincount(who[used], values[used], minlength=n) / counts
    names = [name for name, _ in sorted(position.items(), key=lambda pair: pair[1])]
    mine = sorted({position[name] for name in chosen})
    whole = np.isfinite(grid).all(axis=1) & np.isfinite(matched).all(axis=1)
    others = np.array([code for code in range(n) if code not in mine and whole[code]], dtype=np.int64)
    if not whole[mine].all():
        return Refusal(Reason.NO_DATA, "a treated unit lacks values in some periods", "Fill in or leave out periods.")
    if first < LEAST_BEFORE or first >= periods:
        return Refusal(
            Reason.NO_DATA, f"{first} periods lie before the start, {periods - first} from it on; 2 and 1 are needed",
            "Observe more periods.",
        )  # fmt: skip
    if len(others) < 2:
        return Refusal(Reason.TOO_FEW_UNITS, f"{len(others)} donors are whole; 2 are needed", "Add untreated units.")
    rows = [*mine, *others]
    scaled = matched[rows]
    spread = scaled.std(axis=0)
    if (spread == 0).any():
        return Refusal(Reason.NO_VARIATION, "a predictor is the same for all units", "Leave it out.")
    gone = n - len(rows)
    check = Check("incomplete_donors", gone * 10 <= n, f"{gone} of {n - len(mine)} donors lack values and are left out")
    return Donors(
        grid[mine], grid[others], tuple(names[code] for code in others), times, first, scaled / spread, (check,)
    )
