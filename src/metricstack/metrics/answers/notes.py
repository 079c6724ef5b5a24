"""What a reader must know beside a value: what was unknown, what is only a bound, what was sampled."""

from collections.abc import Iterable

from metricstack.core.values import Check, Refusal
from metricstack.metrics.answers.algebra import Group
from metricstack.metrics.answers.shape import never_negative
from metricstack.metrics.query.fetch import TableData
from metricstack.metrics.query.grouped import Key
from metricstack.telemetry.tables import table

__all__ = ["COMPLETE", "checks_of", "rows_of", "sampling_checks"]

COMPLETE = 0.95
"""A total of which a smaller share is known is only a bound."""


def checks_of(group: Group) -> tuple[Check, ...]:
    """Say what was met on the way: coverage, bounds, sampling."""
    found: list[Check] = []
    for quantity, seen in group.seen.items():
        if seen.n >= seen.eligible:
            continue
        share = seen.n / seen.eligible
        known = f"{quantity.label!r} is known in {seen.n:,} of {seen.eligible:,} rows ({share:.1%})"
        if seen.function == "sum":
            complete = share >= COMPLETE
            bound = "a lower bound" if never_negative(quantity) else "of these only"
            text = known if complete else f"{known}: the total is {bound}"
            found.append(Check("coverage", complete, text))
        elif seen.function == "count":
            text = f"{known}; unknown ones count as no: the count is a lower bound"
            found.append(Check("coverage", None, text))
        else:
            found.append(Check("coverage", None, f"{known}; the others are left out"))
    found += [Check("complete", False, f"{text}: the value is a bound") for text in dict.fromkeys(group.bounds)]
    for name, data in group.tables.items():
        found += sampling_checks(name, data, rows_of(data, group.keys, "_n"), rows_of(data, group.keys, "_unknown"))
    return tuple(dict.fromkeys(found))


def sampling_checks(name: str, data: TableData, rows: int, unknown: int) -> list[Check]:
    """Say what of a table was sampled, and of how many rows that is unknown."""
    found = []
    counts = data.counts
    if not isinstance(counts, Refusal) and counts["sampled"]:
        share = counts["sampled"] / max(counts["rows"], 1)
        found.append(Check("sampling", None, f"{share:.1%} of the rows of {name!r} were sampled; they are weighted"))
    if unknown and not table(name).state_of:
        detail = f"{unknown:,} of {rows:,} rows of {name!r} do not say how they were sampled; they count once each"
        found.append(Check("sampling_known", False, detail))
    return found


def rows_of(data: TableData, keys: Iterable[Key], column: str) -> int:
    """Add a count of a table's rows over groups."""
    sums = data.sums
    return 0 if isinstance(sums, Refusal) else int(sum(sums.of(key, column).sum() for key in keys))
