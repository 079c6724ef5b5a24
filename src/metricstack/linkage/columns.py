"""Columns of a table of observations, read for an estimator: complete rows in an order of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput, UnknownName

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Rows", "as_numbers", "column_names", "is_numeric", "lagged", "names_of", "read_rows", "unknown_column"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Integers = NDArray[np.int64]
_BOXED = ("integer", "floating", "mixed-integer-float", "decimal", "boolean")
_MOST_LEVELS = 50  # a covariate of more is an identifier: an effect to absorb


@dataclass(frozen=True, eq=False)
class Rows:
    """Complete rows, sorted by keys and values, so that their order in the table cannot matter.

    Args:
        numbers: Column → its values, shape (rows,), float64.
        keys: Column → number of each row's level, in the levels' order, shape (rows,).
        covariates: One column each, levels of a category after the first being columns, shape (rows, k).
        names: Names of the covariates' columns.
        incomplete: Rows left out for a missing value.
    """

    numbers: dict[str, Vector]
    keys: dict[str, Integers]
    covariates: Matrix
    names: tuple[str, ...]
    incomplete: int

    def __len__(self) -> int:
        return len(self.covariates)

    def take(self, kept: NDArray[np.bool_]) -> "Rows":
        """Return some rows, levels numbered anew."""
        return Rows(
            {name: values[kept] for name, values in self.numbers.items()},
            {name: _anew(codes[kept]) for name, codes in self.keys.items()},
            self.covariates[kept], self.names, self.incomplete,
        )  # fmt: skip


def _anew(codes: Integers) -> Integers:
    return np.unique(codes, return_inverse=True)[1].astype(np.int64)


def column_names(names: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return one name, several or none as a tuple, each once.

    Example:
        >>> column_names("team"), column_names(["team", "week"])
        (('team',), ('team', 'week'))
    """
    chosen = (names,) if isinstance(names, str) else () if names is None else tuple(names)
    if len(set(chosen)) < len(chosen):
        raise InvalidInput(f"The columns {chosen} are not all different; name each once.")
    return chosen


def names_of(values: Any) -> tuple[str, ...]:
    """Return the names of a table's columns, or of a series; none of an array.

    Example:
        >>> import pandas as pd
        >>> names_of(pd.DataFrame({"a": [1], "b": [2]})), names_of([[1, 2]])
        (('a', 'b'), ())
    """
    import pandas as pd

    if isinstance(values, pd.DataFrame):
        return tuple(str(name) for name in values.columns)
    return (str(values.name),) if isinstance(values, pd.Series) and values.name is not None else ()


def as_numbers(values: Any, what: str) -> NDArray[np.float64]:
    """Return numbers as float64; anything else is `InvalidInput` that says what was meant to be numbers."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInput(f"The {what} are no numbers, or rows of unequal length. Give numbers.") from None


def unknown_column(df: "pd.DataFrame", name: object) -> UnknownName:
    """Return the error of a column that is not in the table, with what to do where its index has it."""
    indexed = name in df.index.names
    remedy = "It is in the table's index: call reset_index() first." if indexed else ""
    return UnknownName("column", str(name), [str(column) for column in df.columns], remedy=remedy)


def read_rows(
    df: "pd.DataFrame", *, numbers: Sequence[str], keys: Sequence[str] = (), covariates: str | Sequence[str] = ()
) -> Rows:
    """Read columns of a table; rows with a missing value are left out and counted.

    Args:
        df: One row per observation.
        numbers: Columns of numbers or truth values.
        keys: Columns that name things (units, periods, clusters), of any type that sorts.
        covariates: Columns of numbers, truth values or categories (at most 50 levels).

    Raises:
        InvalidInput: no table, a column that is not of its kind, an infinite number, or a column named as two things.
        UnknownName: a column that is not there.

    Example:
        >>> import pandas as pd
        >>> df = pd.DataFrame({"y": [2.0, 1.0, None], "team": ["b", "a", "a"], "kind": ["u", "v", "u"]})
        >>> rows = read_rows(df, numbers=["y"], keys=["team"], covariates="kind")
        >>> rows.numbers["y"], rows.keys["team"], rows.names, rows.incomplete
        (array([1., 2.]), array([0, 1]), ('kind=v',), 1)
    """
    import pandas as pd

    if not isinstance(df, pd.DataFrame):
        raise InvalidInput(f"The observations are a {type(df).__name__}; give a pandas DataFrame, a row for each.")
    chosen = column_names(covariates)
    column_names([*numbers, *chosen])
    used = list(dict.fromkeys([*numbers, *keys, *chosen]))
    for name in used:
        if name not in df.columns:
            raise unknown_column(df, name)
    table = df[used]
    kept = table.notna().all(axis=1).to_numpy()
    if not kept.all():
        table = table.loc[kept]
    values = {name: _numbers(table[name], name) for name in numbers}
    codes = {name: _codes(table[name]) for name in dict.fromkeys(keys)}
    columns, names = _design(table, chosen)
    order = np.lexsort([*columns.T[::-1], *list(values.values())[::-1], *list(codes.values())[::-1]]) if used else None
    rows = Rows(values, codes, columns, names, int((~kept).sum()))
    if order is None:
        return rows
    return Rows(
        {name: array[order] for name, array in values.items()}, {name: code[order] for name, code in codes.items()},
        columns[order], names, rows.incomplete,
    )  # fmt: skip


def is_numeric(column: "pd.Series") -> bool:
    """Tell whether a column holds numbers or truth values, be it as objects, as a database hands decimals over."""
    from pandas.api.types import infer_dtype, is_bool_dtype, is_numeric_dtype

    boxed = column.dtype == object and infer_dtype(column) in _BOXED
    return boxed or is_numeric_dtype(column.dtype) or is_bool_dtype(column.dtype)


def _numbers(column: "pd.Series", name: str) -> Vector:
    if not is_numeric(column):
        raise InvalidInput(f"Column {name!r} holds {column.dtype}, no numbers. Convert it, or choose another.")
    found = column.to_numpy(dtype=np.float64)
    infinite = int((~np.isfinite(found)).sum())
    if infinite:
        raise InvalidInput(f"Column {name!r} holds {infinite} infinite values. Make them missing, or leave them out.")
    return found


def _codes(column: "pd.Series") -> Integers:
    import pandas as pd

    return pd.factorize(column, sort=True)[0].astype(np.int64)


def _design(table: "pd.DataFrame", names: Sequence[str]) -> tuple[Matrix, tuple[str, ...]]:
    columns: list[Vector] = []
    labels: list[str] = []
    for name in names:
        column = table[name]
        if is_numeric(column):
            columns.append(_numbers(column, name))
            labels.append(name)
            continue
        levels = sorted(str(level) for level in column.unique())
        if len(levels) > _MOST_LEVELS:
            raise InvalidInput(
                f"Covariate {name!r} has {len(levels)} levels; {_MOST_LEVELS} at most. Use coarser ones."
            )
        text = column.astype(str).to_numpy()
        columns += [(text == level).astype(np.float64) for level in levels[1:]]
        labels += [f"{name}={level}" for level in levels[1:]]
    return (np.column_stack(columns) if columns else np.zeros((len(table), 0))), tuple(labels)


def lagged(df: "pd.DataFrame", column: str, unit: str, time: str, *, by: int = 1) -> "pd.Series":
    """Return each unit's value some periods before; missing where that period is.

    Periods are the distinct times of the table in their order, so that a gap of one unit is a gap, not a neighbour.

    Args:
        df: One row per unit and period.
        column: What to look up.
        unit: Column of the unit.
        time: Column of the period.
        by: How many periods before; below 0, after.

    Raises:
        InvalidInput: a unit has two rows in a period.
        UnknownName: a column that is not there.

    Example:
        >>> import pandas as pd
        >>> df = pd.DataFrame({"team": ["a", "a", "b", "b"], "week": [1, 2, 1, 3], "x": [5.0, 6.0, 7.0, 8.0]})
        >>> lagged(df, "x", "team", "week").tolist()
        [nan, 5.0, nan, nan]
    """
    import pandas as pd

    for name in (column, unit, time):
        if name not in df.columns:
            raise unknown_column(df, name)
    period = pd.Series(_codes(df[time]), index=range(len(df)))
    key = pd.MultiIndex.from_arrays([df[unit].to_numpy(), period.to_numpy()])
    if key.duplicated().any():
        raise InvalidInput(f"{int(key.duplicated().sum())} rows repeat a {unit!r} and {time!r}. Aggregate them first.")
    before = pd.MultiIndex.from_arrays([df[unit].to_numpy(), period.to_numpy() - by])
    at = key.get_indexer(before)
    values = df[column].to_numpy(dtype=np.float64, na_value=np.nan)
    found = np.where(at >= 0, values[at], np.nan)
    return pd.Series(found, index=df.index, name=f"{column}, {by} before" if by >= 0 else f"{column}, {-by} after")
