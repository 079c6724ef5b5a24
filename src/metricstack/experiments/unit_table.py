"""From a table of one's own to what comparisons take: one row per unit to moments, rows of units to histograms."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, overload

import numpy as np

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Moments
from metricstack.experiments.quantile_effects import BinnedSample
from metricstack.metrics.query.bucketed import bucketed
from metricstack.metrics.query.joint import Joint, as_table, first_rows, joint

__all__ = ["arms", "binned_arms"]

_MOST_ARMS = 50


@overload
def arms(
    table: Any, *, arm: str = ..., values: Sequence[str] | str, by: Sequence[str] | str = ...
) -> dict[Any, Moments]: ...
@overload
def arms(
    table: Any, *, arm: str = ..., values: Mapping[str, Sequence[str] | str], by: Sequence[str] | str = ...
) -> dict[Any, dict[str, Moments]]: ...
def arms(
    table: Any,
    *,
    arm: str = "variant",
    values: Sequence[str] | str | Mapping[str, Sequence[str] | str],
    by: Sequence[str] | str = (),
) -> dict[Any, Moments] | dict[Any, dict[str, Moments]]:
    """Read a table with one row per unit into moments of its arms, in one query, wherever the table lives.

    Args:
        table: One row per randomised unit: a table of Ibis (a DuckDB file, Parquet, a warehouse), a frame of pandas or
            Polars, an Arrow table, or a dictionary of columns.
        arm: The column that names the arm.
        values: Columns of numbers or flags, without nulls: their moments together. Or metric → its columns, such
            as ``{"revenue": "y", "click rate": ("clicks", "views")}``: the moments of each, and no products between
            columns of different metrics.
        by: Columns to split the arms by, such as a segment.

    Returns:
        Arm → moments, ready for `welch`, `ratio_difference` or `cuped`; with ``by`` the key is a tuple of the arm
        and its segment's values, with no units where an arm has none in a segment. Of several metrics, the value is
        metric → moments.

    Raises:
        UnknownName: a column that the table does not have.
        InvalidInput: values that are no numbers, null, not finite or named twice; units without an arm; fewer than
            two arms, or far too many.

    Example:
        >>> units = {"variant": ["a", "a", "b", "b"], "clicks": [1, 3, 2, 4], "views": [9, 9, 8, 9]}
        >>> found = arms(units, values=["clicks", "views"])
        >>> found["a"].n, found["b"].means
        (2, array([3. , 8.5]))
        >>> from metricstack.experiments import welch
        >>> welch(control=found["a"], treatment=found["b"]).value
        1.0
    """
    units = as_table(table)
    split = (by,) if isinstance(by, str) else tuple(by)
    if isinstance(values, Mapping):
        metrics = {name: (chosen,) if isinstance(chosen, str) else tuple(chosen) for name, chosen in values.items()}
    else:
        metrics = {"": (values,) if isinstance(values, str) else tuple(values)}
    variables = tuple(dict.fromkeys(column for chosen in metrics.values() for column in chosen))
    for chosen in metrics.values():
        if not chosen or len(set(chosen)) < len(chosen):
            raise InvalidInput(f"The values {chosen} must be named, each once.")
    twice = {arm, *split} & set(variables)
    if twice:
        raise InvalidInput(f"Column {sorted(twice)[0]!r} names an arm or a segment; it cannot be a value too.")
    pairs = {(x, y) for chosen in metrics.values() for x in chosen for y in chosen}
    head = _head(units, arm, (*split, *variables))
    found = joint(units, (arm, *split), variables, pairs=pairs, sample=head)
    _check_arms({key: one.n for key, one in found.items()}, arm, "units")
    complete = {key if split else key[0]: one for key, one in _complete(found, variables).items()}
    if not isinstance(values, Mapping):
        return {key: one.moments(*variables) for key, one in complete.items()}
    return {
        key: {name: one.moments(*chosen) for name, chosen in metrics.items()} for key, one in complete.items()
    }  # fmt: skip


def binned_arms(
    table: Any, *, arm: str = "variant", value: str, unit: str, by: Sequence[str] | str = ()
) -> dict[Any, BinnedSample]:
    """Read a table with any number of rows per unit into histograms of its arms, in one pass, for quantiles.

    Args:
        table: Rows such as requests, each with its unit and the unit's arm; as `arms` takes it.
        arm: The column that names the arm.
        value: The column of numbers, without nulls.
        unit: The column that names the randomised unit: rows of one unit are not independent.
        by: Columns to split the arms by.

    Returns:
        Arm → histogram, ready for `quantile_difference`; with ``by`` the key is a tuple of the arm and its segment's
        values, and an arm without rows in a segment is not there.

    Raises:
        UnknownName: a column that the table does not have.
        InvalidInput: as in `arms`; rows without a unit count as those of one.

    Example:
        >>> rows = {"variant": ["a", "a", "b"], "user": ["u", "u", "v"], "latency": [1.0, 2.0, 3.0]}
        >>> binned_arms(rows, value="latency", unit="user")["a"].rows
        2.0
    """
    split = (by,) if isinstance(by, str) else tuple(by)
    rows = as_table(table)
    _head(rows, arm, split)
    found = bucketed(rows, (arm, *split), value, unit)
    _check_arms({key: int(one.rows.sum()) for key, one in found.items()}, arm, "rows")
    return {
        key if split else key[0]: BinnedSample(found[key].bins, found[key].rows, found[key].buckets)
        for key in _ordered(found)
    }


def _head(table: Any, arm: str, others: Sequence[str]) -> Any:
    """Fetch the first rows, and refuse a column that is no arm before the whole table is grouped by it."""
    head = first_rows(table, (arm, *others))
    different = len(head[arm].unique())
    if different > _MOST_ARMS:
        raise InvalidInput(_too_many(arm, different))
    return head


def _too_many(arm: str, different: int) -> str:
    return f"Column {arm!r} holds at least {different:,} different values; that is no arm. Name the column of arms."


def _check_arms(counts: Mapping[tuple[Any, ...], int], arm: str, what: str) -> None:
    total = sum(counts.values())
    lost = sum(n for key, n in counts.items() if key[0] is None)
    if lost:
        raise InvalidInput(
            f"Column {arm!r} names no arm for {lost:,} of {total:,} {what}. Find out why, since a loss that depends on "
            f"the arm makes any comparison wrong; then leave those {what} out of the table."
        )
    names = list(dict.fromkeys(key[0] for key in counts))
    if len(names) < 2:
        held = f"one arm only, {names[0]!r}" if names else "no arm: the table has no rows"
        raise InvalidInput(f"Column {arm!r} holds {held}. A comparison needs two; is another column the arm?")
    if len(names) > _MOST_ARMS:
        raise InvalidInput(_too_many(arm, len(names)))


def _complete(found: Mapping[tuple[Any, ...], Joint], variables: tuple[str, ...]) -> dict[tuple[Any, ...], Joint]:
    """Give every arm every segment, in order, without units where it has none."""
    k = len(variables)
    nothing = Joint(0, variables, np.zeros(k), np.zeros((k, k)))
    names = _ordered(key[0] for key in found)
    segments = _ordered(key[1:] for key in found)
    return {(name, *rest): found.get((name, *rest), nothing) for rest in segments for name in names}


def _ordered(things: Iterable[Any]) -> list[Any]:
    """Sort the different ones, of whatever kind, with what is missing last."""
    return sorted(set(things), key=lambda one: [(part is None, str(type(part)), part) for part in _parts(one)])


def _parts(one: Any) -> tuple[Any, ...]:
    return one if isinstance(one, tuple) else (one,)
