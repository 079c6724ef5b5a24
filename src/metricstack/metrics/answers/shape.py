"""What a formula's shape tells of its value: its range, and whether it is a share, a part, a count."""

from metricstack.metrics.language.formula import Binary, Call, Negative, Node, Number, Scope
from metricstack.metrics.language.resolve import row_dimension
from metricstack.metrics.query.states import Quantity, Role, State
from metricstack.telemetry.contract import Kind
from metricstack.telemetry.tables import table

__all__ = ["is_count", "is_part", "is_share", "limits", "long_tailed", "never_negative"]


def limits(node: Node, home: str) -> tuple[float | None, float | None]:
    """Return the range that a formula cannot leave: smallest and largest value, None where there is none."""
    match node:
        case Scope(inner, owner):
            return limits(inner, owner)
        case Number(value):
            return value, value
        case Call("known_part", (inner, *_)) | Call("total", (_, inner, *_)):
            return limits(inner, home)[0], None
        case Call("mean", (inner, *_)):
            found = row_dimension(table(home), inner)
            if node.per:
                return (0.0 if found.minimum is not None and found.minimum >= 0 else None), None
            return found.minimum, found.maximum
        case Call("sum", (inner, *_)):
            low = row_dimension(table(home), inner).minimum
            return (0.0 if low is not None and low >= 0 else None), None
        case Call("assumed" | "count" | "distinct" | "stddev" | "days" | "month"):
            return 0.0, None
        case Binary("-", Number(1.0), right) if limits(right, home) == (0.0, 1.0):
            return 0.0, 1.0
        case Binary("/", Call() as part, Call() as whole) if is_part(part, whole, home):
            return 0.0, 1.0
        case Binary("-"):
            return None, None
        case Binary(_, left, right):
            positive = all(low is not None and low >= 0 for low in (limits(left, home)[0], limits(right, home)[0]))
            return (0.0 if positive else None), None
        case _:
            return None, None


def is_part(part: Call, whole: Call, home: str) -> bool:
    """Tell whether one aggregate is over some of the rows of another, so that their ratio cannot pass 1.

    Counts, distinct values of one column, and sums of what is never negative.
    """
    if part.function != whole.function or part.per or whole.per:
        return False
    if part.function == "count":
        return _counted_rows(whole) <= _counted_rows(part)
    if part.function == "sum":
        low = row_dimension(table(home), part.arguments[0]).minimum
        if low is None or low < 0:
            return False
    same = part.function in ("distinct", "sum") and part.arguments == whole.arguments
    return same and set(whole.where.terms) <= set(part.where.terms)


def _counted_rows(call: Call) -> set[tuple[Node, bool]]:
    """The flags that must hold for a row to be counted."""
    return {*call.where.terms, *((argument, True) for argument in call.arguments)}


def is_share(node: Node, home: str) -> bool:
    """True for the mean of a flag, for a count of some ÷ a count of all, or a complement: a proportion."""
    match node:
        case Scope(inner, owner):
            return is_share(inner, owner)
        case Binary("/", Call("count" | "distinct") as part, Call() as whole):
            return is_part(part, whole, home)
        case Binary("-", Number(1.0), right):
            return is_share(right, home)
        case Call("mean", (inner, *_)):
            return not node.per and row_dimension(table(home), inner).kind is Kind.FLAG
        case _:
            return False


def long_tailed(node: Node, home: str) -> bool:
    """True where a value hangs on its largest rows more than a mean does.

    A standard deviation hangs on squares, and a value over a sum of amounts weighs its rows by these amounts.
    """
    match node:
        case Scope(inner, owner):
            return long_tailed(inner, owner)
        case Negative(inner) | Call("known_part", (inner,)) | Call("total", (_, inner)):
            return long_tailed(inner, home)
        case Binary("/", left, right):
            return _of_amounts(right, home) or long_tailed(left, home) or long_tailed(right, home)
        case Binary(_, left, right):
            return long_tailed(left, home) or long_tailed(right, home)
        case Call(function):
            return function == "stddev"
        case _:
            return False


def _of_amounts(node: Node, home: str) -> bool:
    match node:
        case Scope(inner, owner):
            return _of_amounts(inner, owner)
        case Negative(inner) | Call("known_part", (inner,)) | Call("total", (_, inner)):
            return _of_amounts(inner, home)
        case Binary(_, left, right):
            return _of_amounts(left, home) or _of_amounts(right, home)
        case Call("sum" | "mean", (inner,)):
            found = row_dimension(table(home), inner)
            return found.kind is not Kind.FLAG and found.maximum is None
        case _:
            return False


def never_negative(quantity: Quantity) -> bool:
    """Tell whether no row's value of a quantity can be below 0."""
    if quantity.node is None:
        return True
    low = row_dimension(table(quantity.table), quantity.node).minimum
    return low is not None and low >= 0


def is_count(name: str, state: State) -> bool:
    """Tell whether a table's state counts rows: of a flag, or all of them."""
    node = state.quantity.node
    if state.quantity.per:
        return False
    return state.role is Role.TOTAL and (node is None or row_dimension(table(name), node).kind is Kind.FLAG)
