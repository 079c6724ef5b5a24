"""Columns of a table as arrays: what is not there is counted, what cannot be meant is named."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Check
from metricstack.linkage.columns import unknown_column

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "check_columns",
    "codes_of",
    "complete_rows",
    "first_from",
    "missing_check",
    "numbers_of",
    "without_repeats",
]

Matrix = NDArray[np.float64]
Integers = NDArray[np.int64]


def check_columns(df: "pd.DataFrame", columns: Sequence[str]) -> None:
    """Raise `UnknownName` for a column that is not in the table; `InvalidInput` for one named twice, or no table."""
    import pandas as pd

    if not isinstance(df, pd.DataFrame):
        raise InvalidInput(f"The observations are a {type(df).__name__}; give a pandas DataFrame, a row for each.")
    for name in columns:
        if name not in df.columns:
            raise unknown_column(df, name)
    twice = sorted({str(name) for name in columns if list(columns).count(name) > 1})
    if twice:
        raise InvalidInput(f"The column {twice[0]!r} has two roles; give each role a column of its own.")


def numbers_of(df: "pd.DataFrame", column: str) -> Matrix:
    """Return a column as float64, shape (rows,), NaN where it is null; text or an infinite value is `InvalidInput`.

    Example:
        >>> import pandas as pd
        >>> numbers_of(pd.DataFrame({"y": [1, None]}), "y")
        array([ 1., nan])
    """
    try:
        found: Matrix = np.asarray(df[column].astype("float64"), dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInput(f"The column {column!r} holds what is no number; give numbers.") from None
    infinite = int(np.isinf(found).sum())
    if infinite:
        raise InvalidInput(
            f"The column {column!r} holds {infinite} infinite values. Make them null, or leave them out."
        )
    return found


def codes_of(df: "pd.DataFrame", column: str) -> Integers:
    """Number the names of a column from 0 in their own order, whatever the order of rows; a null is `InvalidInput`.

    Example:
        >>> import pandas as pd
        >>> codes_of(pd.DataFrame({"team": ["b", "a", "b"]}), "team")
        array([1, 0, 1])
    """
    import pandas as pd

    missing = int(df[column].isna().sum())
    if missing:
        raise InvalidInput(f"The column {column!r} is null in {missing} rows. Leave those rows out, and say so.")
    try:
        codes, _ = pd.factorize(df[column], sort=True)
    except TypeError:
        codes, _ = pd.factorize(df[column].astype(str), sort=True)
    return np.asarray(codes, dtype=np.int64)


def complete_rows(df: "pd.DataFrame", columns: Sequence[str]) -> "tuple[pd.DataFrame, int]":
    """Keep the rows that have a value in every one of the columns, and count the others."""
    kept = df.loc[df[list(columns)].notna().all(axis=1)]
    return kept, len(df) - len(kept)


def missing_check(dropped: int, rows: int) -> Check:
    """Tell how many rows lacked a value; it fails above a tenth of them."""
    share = dropped / rows if rows else 0.0
    return Check("missing_rows", share <= 0.1, f"{dropped:,} of {rows:,} rows lack a value and are left out")


def first_from(times: Sequence[Any], when: Any, what: str) -> int:
    """Return the position of the first time at or after a moment; of times that are dates it may be one in words.

    Args:
        times: In their order.
        when: The moment.
        what: What is said of it where it is none.

    Raises:
        InvalidInput: it cannot be held against the times.

    Example:
        >>> import pandas as pd
        >>> first_from(pd.date_range("2026-07-01", periods=3), "2026-07-02", "start"), first_from([1, 3], 2, "start")
        (1, 1)
    """
    import pandas as pd

    try:
        if len(times) and not isinstance(when, int | float | np.number):
            if isinstance(times[0], pd.Period):
                when = pd.Period(when, freq=times[0].freqstr)
            elif isinstance(times[0], date):
                moment = pd.Timestamp(when)
                zone = getattr(times[0], "tzinfo", None)
                if (moment.tzinfo is None) != (zone is None):
                    moment = moment.tz_localize(zone)
                when = moment if isinstance(times[0], pd.Timestamp) else moment.date()
        return bisect_left(times, when)
    except (TypeError, ValueError):
        raise InvalidInput(
            f"The {what} {when!r} cannot be held against times such as {times[0]!r}; give both in one kind."
        ) from None


def without_repeats(df: "pd.DataFrame", unit: str, time: str) -> None:
    """Raise `InvalidInput` where a unit has two rows of one time."""
    repeats = df.duplicated([unit, time])
    if repeats.any():
        first = df.loc[repeats, [unit, time]].iloc[0]
        raise InvalidInput(
            f"{int(repeats.sum()):,} rows repeat a {unit!r} and {time!r}, the first {first.iloc[0]!r} at "
            f"{first.iloc[1]!r}. Give one row per unit and time."
        )
