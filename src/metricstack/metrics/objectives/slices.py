"""Slices of time: how many events each has, and how many of them were good."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from metricstack.core.values import Refusal
from metricstack.metrics.job import Job
from metricstack.metrics.language.formula import Binary, Call, Node
from metricstack.metrics.language.resolve import row_dimension
from metricstack.metrics.passes import Pass
from metricstack.metrics.query import compile as queries
from metricstack.metrics.query.grouped import fetch
from metricstack.metrics.query.rows import Frame, Rows
from metricstack.metrics.query.states import Quantity, Role, State, quantity_of
from metricstack.telemetry.contract import Kind
from metricstack.telemetry.tables import table

__all__ = ["Slices", "flag_of", "slices_of"]


@dataclass(frozen=True, eq=False)
class Slices:
    """Slices of time that have an event, in order.

    Args:
        numbers: Whole slices since 1970, shape (n,).
        share: Share of good events of each, shape (n,).
        seconds: Length of one.
    """

    numbers: NDArray[np.int64]
    share: NDArray[np.float64]
    seconds: int


def flag_of(node: Node, home: str) -> tuple[Call, bool] | None:
    """Return the mean of a flag that a formula is, and whether it is taken from one; None where it is neither.

    Example:
        >>> from metricstack.metrics.language.formula import parse
        >>> flag_of(parse("1 - mean(failed)"), "requests")[1], flag_of(parse("sum(cost)"), "requests")
        (True, None)
    """
    match node:
        case Binary("-", left, right) if getattr(left, "value", None) == 1.0:
            inner = flag_of(right, home)
            return None if inner is None else (inner[0], not inner[1])
        case Call("mean", (flag,)) if not node.per and row_dimension(table(home), flag).kind is Kind.FLAG:
            return node, False
        case _:
            return None


@dataclass(frozen=True)
class _Sliced(Frame):
    """A frame whose periods are slices of time, which are too many to name."""

    seconds: int = 60

    def rows(self, name: str, quantities: Sequence[Quantity] = (), also: Sequence[str] = ()) -> Rows | Refusal:
        """Return the rows, numbered by slice."""
        time = table(name).event_time
        found = super().rows(name, quantities, [*also, time])
        if isinstance(found, Refusal):
            return found
        number = (found.table[time].epoch_seconds() / self.seconds).floor().cast("int64")
        return Rows(found.table, found.keys | {"_period": number})


def slices_of(job: Job, part: Pass, seconds: int) -> Slices | Refusal:
    """Count good and valid events by slice, in one query.

    Args:
        job: A share.
        part: Its pass, of one window.
        seconds: Length of a slice.
    """
    found = flag_of(job.tree, job.definition.table)
    assert found is not None
    call, reverse = found
    name = job.definition.table
    plain = part.frame(name)
    frame = _Sliced(
        plain.ws, plain.given, plain.periods, plain.by, plain.where, plain.to_date, plain.window, seconds=seconds
    )
    quantity = quantity_of(call, name)
    states = (State(Role.TOTAL, quantity), State(Role.KNOWN, quantity))
    query = queries.fused(frame, name, states, replace(part.tables[name].plan, cluster=()))
    if isinstance(query, Refusal):
        return query
    grouped = fetch(query, frame.keys)
    numbers = np.array([key[0] for key in grouped.slices], dtype=np.int64)
    sums = np.array([[np.nansum(grouped.of(key, f"s{i}")) for i in (0, 1)] for key in grouped.slices]).reshape(-1, 2)
    known = sums[:, 1] > 0
    order = np.argsort(numbers[known], kind="stable")
    share = sums[known, 0] / sums[known, 1]
    return Slices(numbers[known][order], (1 - share if reverse else share)[order], seconds)
