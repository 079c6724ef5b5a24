"""States: the few sums of a table's rows from which every metric, and its interval, is computed.

States are additive: those of two groups of rows add up to those of both. Values are not, which is why
only states are ever summed, rolled up or carried between tables.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from metricstack.core.errors import InvalidInput
from metricstack.metrics.language.formula import (
    Binary,
    Call,
    Condition,
    Name,
    Negative,
    Node,
    Number,
    Scope,
    write_condition,
    write_per,
    write_tree,
)

__all__ = ["Quantity", "Role", "State", "quantity_of", "states_of"]


class Role(StrEnum):
    """What is summed."""

    TOTAL = "total"
    """Weight × value."""
    SQUARE = "square"
    """Weight × value²."""
    KNOWN = "known"
    """Weight of the rows whose value is known."""
    N = "n"
    """Rows whose value is known, unweighted."""
    ELIGIBLE = "eligible"
    """Rows that the quantity is about, known or not, unweighted."""
    DISTINCT = "distinct"
    """Different values, within one unit's rows."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A row-level value among some rows of a table.

    Args:
        table: The table.
        text: The expression in canonical form, empty for the rows themselves; names it in caches and SQL.
        node: The expression, None for the rows themselves.
        where: Flags that must hold.
        per: Columns within whose values it is added first, so that a key counts as one row; empty = rows.
    """

    table: str
    text: str
    node: Node | None
    where: Condition
    per: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[str, str]:
        return (self.table, self.text)

    @property
    def label(self) -> str:
        """A reader's name of it."""
        match self.node:
            case Call("paired", (x, y)):
                pair = " and ".join(sorted((write_tree(x), write_tree(y))))
                return f"{pair}{write_condition(self.where)}"
            case _:
                return self.text or "rows"


@dataclass(frozen=True, slots=True)
class State:
    """One sum: a role of a quantity."""

    role: Role
    quantity: Quantity


def quantity_of(call: Call, table: str) -> Quantity:
    """Return the quantity that an aggregate is about."""
    node = call.arguments[0] if call.arguments else None
    text = "" if node is None else write_tree(node)
    per = tuple(name.name for name in call.per)
    return Quantity(table, text + write_per(call.per) + write_condition(call.where), node, call.where, per)


_ROLES = {
    "sum": (Role.TOTAL,),
    "count": (Role.TOTAL,),
    "mean": (Role.TOTAL, Role.KNOWN),
    "stddev": (Role.TOTAL, Role.SQUARE, Role.KNOWN),
    "distinct": (Role.DISTINCT,),
}


def states_of(node: Node, home: str) -> Iterator[State]:
    """Yield the states that a formula needs, with those that say how much of it is known.

    Raises:
        InvalidInput: a quantile, minimum, maximum or special function, which no sum can give.
    """
    match node:
        case Scope(inner, table):
            yield from states_of(inner, table)
        case Negative(inner):
            yield from states_of(inner, home)
        case Binary(_, left, right):
            yield from states_of(left, home)
            yield from states_of(right, home)
        case Call("known_part", (inner,)) | Call("total", (_, inner)):
            yield from states_of(inner, home)
        case Call(function) if node.is_aggregate:
            if function not in _ROLES:
                raise InvalidInput(f"{function}() is not made of sums.")
            quantity = quantity_of(node, home)
            yield from (State(role, quantity) for role in (*_ROLES[function], Role.N, Role.ELIGIBLE))
        case Call() | Number() | Name():
            return
