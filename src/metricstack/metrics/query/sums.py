"""The sums of which a table's states are made: each column of a row computed once, each sum asked once.

Many states are one sum by several names: rows in which a column is known that is known in all of them, requests
with a known outcome for each flag of the outcome, all tokens beside each of their buckets.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from metricstack.metrics.query.flags import Flag, flag_of
from metricstack.metrics.query.known import is_known
from metricstack.metrics.query.states import Quantity, Role, State

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["ROWS", "Sum", "Sums"]


@dataclass(frozen=True, slots=True)
class Sum:
    """One sum of an engine.

    Args:
        kind: ``rows`` (how many) | ``count`` (of a column of 1, 0 or null) | ``known`` (rows in which a column is
            not null) | ``total`` | ``square`` | ``weight`` (of rows in which a column is not null, of all without
            one) | ``distinct``.
        columns: The columns that it is of; totals of several are added.
    """

    kind: str
    columns: tuple[str, ...] = ()


ROWS = Sum("rows")


@dataclass
class Sums:
    """What to compute of each row, and to sum, for some quantities.

    Args:
        values: Quantity → its value in a row, null where it is unknown.
        among: Quantity → whether a row is one that it is about, where not every row is.
        known: Columns of the rows that are never null.
        weighted: Rows have weights.
        columns: Name → expression, of what was asked so far.
    """

    values: "Mapping[Quantity, ir.Value]"
    among: "Mapping[Quantity, ir.Value]"
    known: Collection[str]
    weighted: bool
    columns: "dict[str, ir.Value]" = field(default_factory=dict)
    _names: dict[Any, str] = field(default_factory=dict)
    _flags: dict[Quantity, Flag | None] = field(default_factory=dict)

    def of(self, states: Sequence[State]) -> dict[State, Sum]:
        """Return the sum that gives each state."""
        self._flags |= {quantity: flag_of(value, self.known) for quantity, value in self.values.items()}
        return {state: self._sum(state.role, state.quantity) for state in states}

    def column(self, value: "ir.Value") -> str:
        """Return the name of an expression's column; the same expression has one."""
        return self._names.setdefault(value.op(), self._new(value))

    def _new(self, value: "ir.Value") -> str:
        name = self._names.get(value.op(), f"x{len(self.columns)}")
        self.columns[name] = value
        return name

    def _sum(self, role: Role, quantity: Quantity) -> Sum:
        value, flag = self.values[quantity], self._flags[quantity]
        match role:
            case Role.ELIGIBLE:
                among = self.among.get(quantity)
                return ROWS if among is None else Sum("count", (self.column(among.cast("int64")),))
            case Role.N:
                return self._n(value, flag)
            case Role.KNOWN if not self.weighted:
                return self._n(value, flag)
            case Role.KNOWN if flag is not None and flag.known is not None:
                return Sum("total", (self.column(flag.known.cast("int64")),))
            case Role.KNOWN:
                certain = flag is not None or is_known(value, self.known)
                return Sum("weight", () if certain else (self.column(value),))
            case Role.DISTINCT:
                return Sum("distinct", (self.column(value),))
            case Role.TOTAL | Role.SQUARE if flag is not None:
                return Sum("total" if self.weighted else "count", (self.column(flag.yes.cast("int64")),))
            case Role.TOTAL if _is_one(value):
                return Sum("weight") if self.weighted else ROWS
            case Role.SQUARE:
                return Sum("square", (self.column(value),))
            case Role.TOTAL:
                return Sum("total", tuple(self.column(part) for part in self._parts(value)))

    def _n(self, value: "ir.Value", flag: Flag | None) -> Sum:
        if flag is not None:
            return ROWS if flag.known is None else Sum("count", (self.column(flag.known.cast("int64")),))
        return ROWS if is_known(value, self.known) else Sum("known", (self.column(value),))

    def _parts(self, value: "ir.Value") -> "list[ir.Value]":
        """What adds up to a whole number in every row, where each part is summed anyway; else the value itself."""
        asked = {value.op() for quantity, value in self.values.items() if self._flags[quantity] is None}
        parts = [] if self.weighted else [node.to_expr() for node in _addends(value.op())]
        told = len(parts) > 1 and all(part.op() in asked and is_known(part, self.known) for part in parts)
        return parts if told else [value]


def _is_one(value: "ir.Value") -> bool:
    import ibis.expr.operations as ops

    node = value.op()
    return isinstance(node, ops.Literal) and node.value == 1


def _addends(node: Any) -> Iterator[Any]:
    import ibis.expr.operations as ops

    if isinstance(node, ops.Add) and node.dtype.is_integer():
        yield from _addends(node.left)
        yield from _addends(node.right)
    else:
        yield node
