"""Before and after, with and without: one difference-in-differences."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Check, Moments, Reason, Refusal
from metricstack.experiments.effect import Effect, effect
from metricstack.linkage.frames import check_columns, codes_of, complete_rows, missing_check, numbers_of
from metricstack.numerics.intervals import Spread, check_level, combine

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["difference_in_differences", "difference_in_differences_of"]

Vector = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

FEW = 10
"""Treated clusters below which an interval rests on the t distribution more than on the data."""


def difference_in_differences(
    df: "pd.DataFrame",
    outcome: str,
    treated: str,
    after: str,
    *,
    unit: str | None = None,
    cluster: str | None = None,
    level: float = 0.95,
    outcome_unit: str = "1",
) -> Effect | Refusal:
    """Compare the change of those treated with the change of those not, over one date.

    Of a panel each unit is one observation: its mean after less its mean before, so that many periods of one unit are
    not taken for many units (the error that makes placebo laws "significant" in every second study).

    Args:
        df: One row per unit and time, or per respondent of a repeated cross-section.
        outcome: Column of the outcome; rows without one are left out and counted.
        treated: Column, true for the treated group (in both periods).
        after: Column, true from the treatment's date on (in both groups).
        unit: Column of the unit, of a panel; None for a repeated cross-section of independent rows.
        cluster: Column of clusters of rows or units that are not independent.
        level: Confidence level, a fraction in (0, 1).
        outcome_unit: Unit of the outcome.

    Returns:
        The effect on the treated, each group's (without ``unit`` each of the four cells') spread its own, as HC2 has
        it, not one variance for all; ``n`` counts independent units. With one treated unit or cluster its noise is
        taken to be that of the others (the check ``treated_units`` fails, as it does below 10). Checks:
        ``missing_rows``, ``complete_units``. Or a refusal: ``TOO_FEW_UNITS`` (a group of none, fewer than two
        controls, an empty cell), ``NO_VARIATION``.

    Raises:
        UnknownName: a column that is not there.
        InvalidInput: ``treated`` or ``after`` that is not true or false, or a unit or cluster that is both.

    Source:
        Bertrand, Duflo and Mullainathan (2004) for one difference per unit; Welch and Satterthwaite
        for two groups of unequal spread; Conley and Taber (2011) for one treated unit, here with normal noise:
        ``s^2 (1 + 1 / controls)``.

    Example:
        >>> import pandas as pd
        >>> df = pd.DataFrame({
        ...     "team": list("aabbccdd"), "late": [0, 1] * 4, "ai": [1, 1, 1, 1, 0, 0, 0, 0],
        ...     "hours": [10, 13, 11, 15, 9, 10, 12, 14],
        ... })
        >>> found = difference_in_differences(df, "hours", "ai", "late", unit="team")
        >>> found.value, round(found.standard_error, 4)  # changes 3, 4 and 1, 2: 3.5 - 1.5, error sqrt(.25 + .25)
        (2.0, 0.7071)
    """
    check_level(level)
    roles = [outcome, treated, after]
    extra = [name for name in dict.fromkeys((unit, cluster)) if name is not None]
    check_columns(df, [*roles, *extra])
    kept, dropped = complete_rows(df, [*roles, *extra])
    checks = [missing_check(dropped, len(df))]
    if not len(kept):
        return Refusal(Reason.NO_DATA, "no row has a value in every column", "Look at what is missing.")
    y, with_it, late = numbers_of(kept, outcome), _flag(kept, treated), _flag(kept, after)
    who = np.arange(len(kept)) if unit is None else codes_of(kept, unit)
    if _both(who, with_it):
        raise InvalidInput(f"Some {unit!r} is both treated and untreated in {treated!r}; it marks a group, not a time.")
    for one in (False, True):
        for other in (False, True):
            if not ((with_it == one) & (late == other)).any():
                told = f"no row is {'treated' if one else 'untreated'} and {'after' if other else 'before'}"
                return Refusal(Reason.TOO_FEW_UNITS, told, "Add rows of all four kinds.")
    how = {"level": level, "unit": outcome_unit}
    if unit is None:
        rows = who if cluster is None else codes_of(kept, cluster)
        if cluster is not None and _both(rows, with_it):
            return _straddling(y, with_it, late, rows, (how, checks))
        return _of_cross_section(y, with_it, late, rows, (how, checks, cluster is not None))
    labels = who if cluster is None else codes_of(kept, cluster)
    change, group, label, lacking = _changes(y, late, who, with_it, labels)
    checks.append(
        Check("complete_units", lacking * 10 <= len(change) + lacking, f"{lacking:,} units lack a before or an after")
    )
    if cluster is not None and _both(label, group):
        both = np.concatenate([np.zeros(len(change)), change])
        times = np.repeat([False, True], len(change))
        return _straddling(both, np.tile(group, 2), times, np.tile(label, 2), (how, checks))
    return _of_changes(change, group, label, (how, checks))


def difference_in_differences_of(
    moments: Sequence[Moments], *, level: float = 0.95, outcome_unit: str = "1"
) -> Effect | Refusal:
    """Compare changes of two groups from the moments of four independent samples.

    Args:
        moments: Of control before, control after, treated before, treated after; one variable each.
        level: Confidence level.
        outcome_unit: Unit of the outcome.

    Returns:
        The effect; or a refusal with reason ``TOO_FEW_UNITS`` (a sample below two) or ``NO_VARIATION``.

    Raises:
        InvalidInput: not four samples of one variable.

    Source:
        Variances of four independent means add; degrees of freedom after Satterthwaite.

    Example:
        >>> four = [Moments.of(50, m, 4.0) for m in (10.0, 11.0, 10.0, 13.0)]
        >>> found = difference_in_differences_of(four)
        >>> found.value, round(found.standard_error, 4)
        (2.0, 0.5657)
    """
    check_level(level)
    if len(moments) != 4 or any(not isinstance(part, Moments) or len(part.names) != 1 for part in moments):
        raise InvalidInput(
            "Give the moments of one variable of four samples: control before, after, treated before, after."
        )
    least = min(part.n for part in moments)
    if least < 2:
        return Refusal(Reason.TOO_FEW_UNITS, f"a sample has {least} units; 2 are needed", "Observe more units.")
    value = (moments[3].mean - moments[2].mean) - (moments[1].mean - moments[0].mean)
    spread = combine([Spread(part.variance / part.n, part.n - 1) for part in moments])
    if spread.variance <= 0:
        return Refusal(Reason.NO_VARIATION, "all units of a sample are alike", "Check the outcome.")
    return effect(
        value, math.sqrt(spread.variance), freedom=spread.freedom, level=level, unit=outcome_unit,
        n=sum(part.n for part in moments), method="difference-in-differences, four samples",
    )  # fmt: skip


Context = tuple[dict[str, Any], list[Check]]


def _flag(df: "pd.DataFrame", column: str) -> Mask:
    values = df[column]
    if not values.isin([0, 1]).all():
        raise InvalidInput(f"The column {column!r} must be true or false (or 1 or 0) in every row.")
    found: Mask = values.to_numpy(dtype=bool)
    return found


def _both(labels: Integers, flags: Mask) -> bool:
    low = np.ones(int(labels.max()) + 1, dtype=bool)
    high = np.zeros_like(low)
    np.logical_and.at(low, labels, flags)
    np.logical_or.at(high, labels, flags)
    return bool((low != high)[np.unique(labels)].any())


def _changes(
    y: Vector, late: Mask, who: Integers, treated: Mask, label: Integers
) -> tuple[Vector, Mask, Integers, int]:
    """Return each unit's mean after less its mean before, its group and cluster, and how many units lack one."""
    n = int(who.max()) + 1
    counts = np.array([np.bincount(who, late == side, minlength=n) for side in (False, True)])
    sums = np.array([np.bincount(who, y * (late == side), minlength=n) for side in (False, True)])
    whole = (counts > 0).all(axis=0)
    means = sums[:, whole] / counts[:, whole]
    group, labels = np.zeros(n, dtype=bool), np.zeros(n, dtype=np.int64)
    group[who], labels[who] = treated, label
    return means[1] - means[0], group[whole], labels[whole], int((counts.sum(axis=0) > 0).sum() - whole.sum())


def _of_changes(change: Vector, group: Mask, label: Integers, context: Context) -> Effect | Refusal:
    how, checks = context
    sides = []
    for side in (False, True):
        members = group == side
        if not members.any():
            told = f"no {'treated' if side else 'untreated'} unit is seen before and after"
            return Refusal(Reason.TOO_FEW_UNITS, told, "Observe units on both sides.")
        mean = float(change[members].mean())
        parts = np.unique(label[members], return_inverse=True)[1]
        sides.append((mean, np.bincount(parts, change[members] - mean) / members.sum(), np.bincount(parts)))
    (before, apart, sizes), (found, own, _) = sides
    clusters = len(apart), len(own)
    if clusters[0] < 2:
        return Refusal(Reason.TOO_FEW_UNITS, "fewer than 2 units are untreated", "Add units to compare with.")
    control = Spread(float(apart @ apart) * clusters[0] / (clusters[0] - 1), clusters[0] - 1)
    if clusters[1] > 1:
        treated = Spread(float(own @ own) * clusters[1] / (clusters[1] - 1), clusters[1] - 1)
        spread = combine([control, treated])
    else:
        # One treated cluster has no spread of its own: it is given that of the controls' cluster means.
        means = apart * sizes.sum() / sizes
        spread = Spread(control.variance + float(means.var(ddof=1)), clusters[0] - 1)
    return _told(found - before, spread, clusters, (how, checks, "panel"))


def _of_cross_section(
    y: Vector, treated: Mask, late: Mask, label: Integers, context: tuple[dict[str, Any], list[Check], bool]
) -> Effect | Refusal:
    """Compare four means of rows; clusters lie within one group but may span both periods."""
    how, checks, clustered = context
    value, spreads, clusters = 0.0, [], []
    for side in (False, True):
        score = np.zeros(int(label.max()) + 1)
        members = treated == side
        for time in (False, True):
            cell = members & (late == time)
            mean = float(y[cell].mean())
            value += (1 if side == time else -1) * mean
            score += (1 if time else -1) * np.bincount(label[cell], y[cell] - mean, minlength=len(score)) / cell.sum()
            if not clustered:
                n = int(cell.sum())
                if n < 2:
                    return Refusal(Reason.TOO_FEW_UNITS, "a cell has one row; 2 are needed", "Add rows.")
                spreads.append(Spread(float(y[cell].var(ddof=1)) / n, n - 1))
        clusters.append(len(np.unique(label[members])))
        if clustered:
            if clusters[-1] < 2:
                told = f"{'treated' if side else 'untreated'} rows come from one cluster; 2 are needed"
                return Refusal(Reason.TOO_FEW_UNITS, told, "Use synthetic_control, or a panel of units.")
            spreads.append(Spread(float(score @ score) * clusters[-1] / (clusters[-1] - 1), clusters[-1] - 1))
    return _told(value, combine(spreads), (clusters[0], clusters[1]), (how, checks, "repeated cross-section"))


def _straddling(y: Vector, treated: Mask, late: Mask, label: Integers, context: Context) -> Effect | Refusal:
    """Compare four means where clusters hold treated and untreated rows."""
    how, checks = context
    value, score = 0.0, np.zeros(int(label.max()) + 1)
    for side in (False, True):
        for time in (False, True):
            cell = (treated == side) & (late == time)
            sign = 1 if side == time else -1
            mean = float(y[cell].mean())
            value += sign * mean
            score += sign * np.bincount(label[cell], y[cell] - mean, minlength=len(score)) / cell.sum()
    count = len(np.unique(label))
    if count < 2:
        return Refusal(Reason.TOO_FEW_UNITS, "all rows come from one cluster", "Observe more clusters.")
    spread = Spread(float(score @ score) * count / (count - 1), count - 1)
    with_it = len(np.unique(label[treated]))
    return _told(value, spread, (count - with_it, with_it), (how, checks, "clusters of both groups"))


def _told(
    value: float, spread: Spread, clusters: tuple[int, int], context: tuple[dict[str, Any], list[Check], str]
) -> Effect | Refusal:
    how, checks, kind = context
    if spread.variance <= value**2 * 1e-28:
        return Refusal(Reason.NO_VARIATION, "all changes within a group are alike", "Check the outcome.")
    note = f"{clusters[1]:,} treated and {clusters[0]:,} untreated; {FEW} treated are asked for"
    if clusters[1] == 1:
        note += "; the noise of the only one is taken to be that of the others"
    first = Check("treated_units", clusters[1] >= FEW, note)
    return effect(
        value, math.sqrt(spread.variance), freedom=spread.freedom, n=sum(clusters),
        method=f"difference-in-differences, {kind}", checks=(first, *checks), **how,
    )  # fmt: skip
