"""What need not be asked of a row: values of columns that are known in every row, by the files' own statistics.

A question with a certain answer (is it null? which is the first that is not?) costs as much as one without,
for every row of every scan. Answers stay the same; only the question is left out.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["is_known", "simplified"]


def simplified(value: "ir.Value", known: Collection[str]) -> "ir.Value":
    """Write an expression without the questions whose answers are certain.

    Args:
        value: An expression on a table's rows.
        known: Columns of it that are never null.

    Returns:
        The same value in every row, of the same type.
    """
    import ibis.expr.operations as ops

    if not known:
        return value
    found = value.op().replace(lambda node, changed: _answered(node, changed, known), filter=ops.Value)
    answer: ir.Value = found.to_expr()
    return answer


def is_known(value: "ir.Value", known: Collection[str]) -> bool:
    """Tell whether an expression is certain to be known in every row."""
    return _certain(value.op(), known)


def _certain(node: Any, known: Collection[str]) -> bool:
    import ibis.expr.operations as ops

    match node:
        case ops.Field():
            return node.name in known
        case ops.Literal():
            return node.value is not None
        case ops.IsNull() | ops.NotNull():
            return True
        case ops.Coalesce():
            return any(_certain(arg, known) for arg in node.arg)
        case ops.Cast():
            return (node.arg.dtype.is_numeric() or node.arg.dtype.is_boolean()) and _certain(node.arg, known)
        case ops.Add() | ops.Subtract() | ops.Multiply() | ops.And() | ops.Or() | ops.Comparison():
            return _certain(node.left, known) and _certain(node.right, known)
        case ops.Not():
            return _certain(node.arg, known)
        case ops.IfElse():
            return _certain(node.true_expr, known) and _certain(node.false_null_expr, known)
        case _:
            return False


def _answered(node: Any, changed: dict[str, Any] | None, known: Collection[str]) -> Any:
    import ibis.expr.operations as ops

    new = node.__recreate__(changed) if changed else node
    match new:
        case ops.NotNull() | ops.IsNull() if _certain(new.arg, known):
            return ops.Literal(isinstance(new, ops.NotNull), new.dtype)
        case ops.Coalesce() if _certain(new.arg[0], known):
            return new.arg[0] if new.arg[0].dtype == new.dtype else ops.Cast(new.arg[0], new.dtype)
        case ops.And() | ops.Or():
            settled = isinstance(new, ops.Or)
            for one, other in ((new.left, new.right), (new.right, new.left)):
                if isinstance(one, ops.Literal) and one.value is not None:
                    return one if bool(one.value) is settled else other
            return new
        case ops.IfElse() if isinstance(new.bool_expr, ops.Literal) and new.bool_expr.value is True:
            chosen = new.true_expr
            return chosen if chosen.dtype == new.dtype else ops.Cast(chosen, new.dtype)
        case _:
            return new
