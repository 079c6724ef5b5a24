"""Flags as counts: a three-valued flag becomes two plain conditions, which an engine adds up fastest.

``case when known then yes end`` costs a row two questions and a branch, for its sum and again for its count.
Whoever adds up flags needs only how often ``known and yes`` holds, and how often ``known`` does, which many flags
of a table share. Answers stay the same; an unknown condition counts as little as a false one.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from metricstack.metrics.query.known import is_known

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["Flag", "flag_of"]


@dataclass(frozen=True)
class Flag:
    """A flag of a row, to be counted.

    Args:
        yes: True in exactly the rows where the flag is known and holds; false or null elsewhere.
        known: True in exactly the rows where it is known; None = in every row.
    """

    yes: "ir.Value"
    known: "ir.Value | None"


def flag_of(value: "ir.Value", known: Collection[str]) -> Flag | None:
    """Take a number that is 1 or 0 by a flag apart, null where that is unknown; None for any other number.

    Args:
        value: An expression on a table's rows.
        known: Columns of it that are never null.

    Example:
        >>> import ibis
        >>> rows = ibis.table({"outcome": "string"}, name="requests")
        >>> told = ibis.ifelse(rows.outcome != "unknown", rows.outcome == "success", ibis.null("boolean"))
        >>> flag = flag_of(told.cast("int64"), {"outcome"})
        >>> flag.yes.equals(rows.outcome == "success"), flag.known.equals(rows.outcome != "unknown")
        (True, True)
    """
    import ibis.expr.operations as ops

    conditions, node = [], value.op()
    if isinstance(node, ops.IfElse) and _is_null(node.false_null_expr):
        conditions.append(node.bool_expr)
        node = node.true_expr
    if not (isinstance(node, ops.Cast) and node.arg.dtype.is_boolean() and node.to.is_integer()):
        return None
    node = node.arg
    while isinstance(node, ops.IfElse) and _is_null(node.false_null_expr):
        conditions.append(node.bool_expr)
        node = node.true_expr
    if isinstance(node, ops.IfElse) and _is_false(node.true_expr) and is_known(node.bool_expr.to_expr(), known):
        node = ops.And(_negated(node.bool_expr), node.false_null_expr)
    told = [*conditions, *_told(node, known, [term for one in conditions for term in _terms(one)])]
    return Flag(_all([*conditions, node]), _all(told) if told else None)


def _told(node: Any, known: Collection[str], given: list[Any]) -> list[Any]:
    """The conditions, beside those given, under which a flag or an operand of it is not null."""
    import ibis.expr.operations as ops

    if is_known(node.to_expr(), known) or any(_implies(one, ops.NotNull(node)) for one in given):
        return []
    match node:
        case ops.Not():
            return _told(node.arg, known, given)
        case ops.Comparison():
            return [*_told(node.left, known, given), *_told(node.right, known, given)]
        case ops.And() | ops.Or() if not any(_told(part, known, given) for part in (node.left, node.right)):
            return []
    return [ops.NotNull(node)]


def _is_null(node: Any) -> bool:
    import ibis.expr.operations as ops

    while isinstance(node, ops.Cast):
        node = node.arg
    return isinstance(node, ops.Literal) and node.value is None


def _is_false(node: Any) -> bool:
    import ibis.expr.operations as ops

    return isinstance(node, ops.Literal) and node.value is False


def _negated(node: Any) -> Any:
    import ibis.expr.operations as ops

    opposite = {ops.NotNull: ops.IsNull, ops.IsNull: ops.NotNull}.get(type(node))
    return opposite(node.arg) if opposite else ops.Not(node)


def _terms(node: Any) -> Iterator[Any]:
    import ibis.expr.operations as ops

    if isinstance(node, ops.And):
        yield from _terms(node.left)
        yield from _terms(node.right)
    else:
        yield node


def _all(nodes: list[Any]) -> "ir.Value":
    """Join conditions, each once, without those that another of them implies."""
    import ibis.expr.operations as ops

    terms = list(dict.fromkeys(term for node in nodes for term in _terms(node)))
    needed = [term for term in terms if not any(_implies(other, term) for other in terms if other is not term)]
    result = needed[0]
    for term in needed[1:]:
        result = ops.And(result, term)
    found: ir.Value = result.to_expr()
    return found


def _implies(one: Any, other: Any) -> bool:
    """Tell whether a condition that holds lets another hold: what is compared is known, and no two words at once."""
    import ibis.expr.operations as ops

    match one, other:
        case _, _ if one == other:
            return True
        case ops.NotEquals(), ops.NotNull() if _or_word(one) == other.arg:
            return True
        case ops.IdenticalTo(), _:
            return False
        case ops.Comparison(), ops.NotNull():
            return other.arg in (one.left, one.right)
        case ops.Equals(), ops.NotEquals() if isinstance(one.right, ops.Literal):
            word = other.right
            same = one.left in (other.left, _or_word(other))
            return same and isinstance(word, ops.Literal) and one.right.value != word.value
    return False


def _or_word(node: Any) -> Any:
    """The column of ``coalesce(column, word) <> word``, where null stands for the very word that it must not be."""
    import ibis.expr.operations as ops

    value = node.left
    return value.arg[0] if isinstance(value, ops.Coalesce) and value.arg[1:] == (node.right,) else None
