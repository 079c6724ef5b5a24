"""What need not be asked of a row: columns known in every row, by the files' own statistics, or in none.

A question with a certain answer (is it null? which is the first that is not?) costs as much as one without,
for every row of every scan. Answers stay the same; only the question is left out.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["is_known", "simplified"]


def simplified(value: "ir.Value", known: Collection[str], absent: Collection[str] = ()) -> "ir.Value":
    """Write an expression without the questions whose answers are certain.

    Args:
        value: An expression on a table's rows.
        known: Columns of it that are never null.
        absent: Columns of it that are always null.

    Returns:
        The same value in every row, of the same type.
    """
    import ibis.expr.operations as ops

    if not known and not absent:
        return value
    found = value.op().replace(lambda node, changed: _answered(node, changed, known, absent), filter=ops.Value)
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
        case ops.IsNull() | ops.NotNull() | ops.IdenticalTo():
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


def _answered(node: Any, changed: dict[str, Any] | None, known: Collection[str], absent: Collection[str]) -> Any:
    import ibis.expr.operations as ops

    if isinstance(node, ops.Reduction | ops.WindowFunction):
        return node  # what is asked of other rows stays as it is
    new = node.__recreate__(changed) if changed else node
    match new:
        case ops.Field() if new.name in absent:
            return ops.Literal(None, new.dtype)
        case ops.NotNull() | ops.IsNull() if _is_null(new.arg):
            return ops.Literal(isinstance(new, ops.IsNull), new.dtype)
        case ops.NotNull() | ops.IsNull() if _certain(new.arg, known):
            return ops.Literal(isinstance(new, ops.NotNull), new.dtype)
        case ops.Coalesce():
            return _first_known(new, known)
        case ops.Add() if any(_is_zero(part) for part in (new.left, new.right)):
            return _cast(new.left if _is_zero(new.right) else new.right, new.dtype)
        case ops.And() | ops.Or():
            settled = isinstance(new, ops.Or)
            for one, other in ((new.left, new.right), (new.right, new.left)):
                if isinstance(one, ops.Literal) and one.value is not None:
                    return one if bool(one.value) is settled else other
            return new
        case ops.IfElse() if isinstance(new.bool_expr, ops.Literal) and new.bool_expr.value is not None:
            return _cast(new.true_expr if new.bool_expr.value else new.false_null_expr, new.dtype)
        case _:
            return new


def _first_known(node: Any, known: Collection[str]) -> Any:
    import ibis.expr.operations as ops

    parts = [part for part in node.arg if not _is_null(part)] or [node.arg[-1]]
    if len(parts) == 1 or _certain(parts[0], known):
        return _cast(parts[0], node.dtype)
    return ops.Coalesce(tuple(parts)) if len(parts) < len(node.arg) else node


def _cast(node: Any, dtype: Any) -> Any:
    import ibis.expr.operations as ops

    if node.dtype == dtype:
        return node
    return ops.Literal(node.value, dtype) if isinstance(node, ops.Literal) else ops.Cast(node, dtype)


def _is_null(node: Any) -> bool:
    import ibis.expr.operations as ops

    return isinstance(node, ops.Literal) and node.value is None


def _is_zero(node: Any) -> bool:
    import ibis.expr.operations as ops

    return isinstance(node, ops.Literal) and node.dtype.is_integer() and node.value == 0
