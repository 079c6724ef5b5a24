"""What was changed for one value of a dimension, less the values that were left alone: what moves all drops out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from metricstack.core.errors import InvalidInput, nearest
from metricstack.core.values import Reason, Refusal
from metricstack.linkage.dated import Dated
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.observed import Observed
from metricstack.linkage.rungs.single_adopter import FEWEST_DONORS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Contrast", "contrast", "outside"]

_STRETCHES = ((120, 60), (60, 30))
"""Days before and from the change on: the longer the stretch, the less often others are left alone in it."""
_OFTEN = 0.9
"""Share of the days of the changed value that another must tell."""
_READ = "Read what the rung of rollouts says, which needs no name."


@dataclass(frozen=True, eq=False)
class Contrast:
    """The changed value less the mean of those that were left alone, and these.

    Args:
        days: The difference: a row per day, a column per metric.
        others: Value that was left alone → its days, the same rows and columns.
    """

    days: "pd.DataFrame"
    others: Mapping[str, "pd.DataFrame"]


def contrast(seen: Observed, edge: Hypothesis, dated: Dated) -> Contrast | Refusal:
    """Take the difference, over the longest stretch of days in which a value was left alone.

    Args:
        seen: What the workspace holds.
        edge: What was declared.
        dated: The change, of one value.

    Returns:
        The difference; or a refusal where the rung of rollouts judges the change, where the dimension or the value
        tells no days, or where no other value was left alone.
    """
    dimension, value = dated.where[0]
    if refusal := _of_rollouts(seen, dated):
        return refusal
    try:
        table = seen.panel((dimension,), "day")
    except InvalidInput as error:  # too many groups
        return Refusal(Reason.NOT_MEASURED, str(error).rstrip("."), "Look at a shorter window.")
    pair = [edge.cause, edge.effect]
    lacking = [name for name in pair if name not in table.columns]
    if lacking:
        detail = f"{' and '.join(lacking)} cannot be asked by {dimension}"
        return Refusal(Reason.MISSING_COLUMN, detail, "Name a change of another dimension, or of everybody.")
    told = {str(unit): days.droplevel("unit") for unit, days in table.dropna(subset=pair).groupby(level="unit")}
    if value not in told:
        guess = nearest(value, list(told))
        detail = f"no day tells both metrics of {dimension} {value!r}{f'; did you mean {guess!r}?' if guess else ''}"
        return Refusal(Reason.NO_DATA, detail, "Scope the change as the metrics name it.")
    if _is_rollout(dated) and len(told) > FEWEST_DONORS:
        detail = (
            f"{dated.about} was rolled out to {value} alone: that is for its rank among {len(told) - 1} others to say"
        )
        return Refusal(Reason.NOT_MEASURED, detail, _READ)
    refused = Refusal(Reason.TOO_FEW_UNITS, f"no other {dimension} tells both metrics", "Compare where there is one.")
    for stretch in _STRETCHES:
        found = _within(seen, edge, dated, told, stretch)
        if isinstance(found, Contrast):
            return found
        refused = found
    return refused


def outside(dated: Dated) -> Refusal:
    """Refuse a change whose day no days lie around."""
    detail = f"no days lie both before and after {dated.first}"
    return Refusal(Reason.NO_DATA, detail, "Look at a window that holds both.")


def _of_rollouts(seen: Observed, dated: Dated) -> Refusal | None:
    """Refuse what was rolled out to several values, which is judged by all of them."""
    dimension, value = dated.where[0]
    same = [one.where[0] for one in seen.changed if one.where and _is_rollout(one) and one.about == dated.about]
    adopted = {name for by, name in same if by == dimension}
    if not _is_rollout(dated) or adopted == {value}:
        return None
    detail = f"{dated.about} was rolled out to {len(adopted)} values of {dimension}: that is judged by all of them"
    return Refusal(Reason.NOT_MEASURED, detail, _READ)


def _is_rollout(one: Dated) -> bool:
    """Whether the rung of rollouts reads it."""
    return one.kind == "rollout" and bool(one.about)


def _within(
    seen: Observed, edge: Hypothesis, dated: Dated, told: Mapping[str, "pd.DataFrame"], stretch: tuple[int, int]
) -> Contrast | Refusal:
    dimension, value = dated.where[0]
    first, end = dated.first - timedelta(days=stretch[0]), dated.first + timedelta(days=stretch[1])
    end = min(end, dated.until or end)
    told = {name: days[[str(first) <= str(day) < str(end) for day in days.index]] for name, days in told.items()}
    mine = told.pop(value)
    if mine.empty or not mine.index[0] < str(dated.first) <= mine.index[-1]:
        return outside(dated)
    whole = {name: days for name, days in told.items() if mine.index.isin(days.index).mean() >= _OFTEN}
    if not whole:
        detail = f"no other {dimension} tells both metrics on the days of {value}"
        return Refusal(Reason.TOO_FEW_UNITS, detail, "Name a change of a dimension of which others do.")
    changed = {name: list(_changes_of(seen, dimension, name, mine.index[0], mine.index[-1])) for name in whole}
    alone = [name for name in whole if not changed[name]]
    if not alone:
        shown = "; ".join(f"{name} by {_named(changed[name])}" for name in list(whole)[:3])
        detail = f"no other {dimension} was left alone from {mine.index[0]} to {mine.index[-1]}: {shown}"
        return Refusal(Reason.UNSTABLE, detail, "Name a change around which another value was left alone.")
    names = [*dict.fromkeys([edge.cause, edge.effect, *edge.negative_controls])]
    names = [name for name in names if name in mine.columns]
    index = mine.index
    others: list[str] = []
    for name in sorted(alone, key=lambda name: (-len(mine.index.intersection(whole[name].index)), name)):
        both = index.intersection(whole[name].index)
        if len(both) >= _OFTEN * len(mine):  # the mean is over the same ones on all days
            index, others = both, [*others, name]
    tables = {name: whole[name].loc[index, names] for name in sorted(others)}
    days = mine.loc[index, names] - sum(tables.values()) / len(tables)
    often = [name for name in names if days[name].notna().mean() >= _OFTEN]  # of the pair all are
    days = days[often].dropna()
    return Contrast(days, {name: table.loc[days.index, often] for name, table in tables.items()})


def _changes_of(seen: Observed, dimension: str, value: str, first: str, last: str) -> Iterator[Dated]:
    """Yield what began or ended for a value, and not for all, on these days."""
    for one in seen.changed:
        turns = (str(day) for day in (one.first, one.until) if day is not None)
        if (dimension, value) in one.where and any(first <= turn <= last for turn in turns):
            yield one


def _named(changes: Sequence[Dated]) -> str:
    more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
    return f"{changes[0].about or changes[0].key} on {changes[0].first}{more}"
