"""A formula as sums over sums: numerator, denominator and what it is scaled by, or that it is none."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from metricstack.metrics.answers.algebra import MONTH
from metricstack.metrics.language.formula import Binary, Call, Condition, Negative, Node, Number, Scope, walk
from metricstack.metrics.query.states import Quantity, Role, State, quantity_of

__all__ = ["Form", "Sum", "constant", "forms_of", "rows_of", "sums_of"]

Sum = tuple[str, State]
"""A state of a table."""
_DAY = 86_400.0
_ONE = Number(1.0)


@dataclass(frozen=True, eq=False)
class Form:
    """One term of a formula.

    Args:
        top: The numerator's sums and their coefficients.
        bottom: The denominator's; None for a total.
        scale: What it is multiplied by: numbers, ``days()``, ``month()``.
    """

    top: Mapping[Sum, float]
    bottom: Mapping[Sum, float] | None
    scale: Node = _ONE

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables whose rows it sums."""
        return tuple(dict.fromkeys(name for name, _ in (*self.top, *(self.bottom or {}))))


def forms_of(node: Node, home: str) -> tuple[Form, ...] | None:
    """Split a formula into terms that are totals or ratios of sums; constants, which never move, are left out.

    Args:
        node: The formula, with every metric's own tree in place of its name.
        home: The table that aggregates read.

    Returns:
        The terms; None where it is made of anything else (quantiles, distinct counts, stated inputs, …).

    Example:
        >>> from metricstack.metrics.language.formula import parse
        >>> [form.bottom is None for form in forms_of(parse("sum(cost) / days() - 2 * mean(cost)"), "requests")]
        [True, False]
    """
    match node:
        case Number():
            return ()
        case Scope(inner, owner):
            return forms_of(inner, owner)
        case Negative(inner):
            return _scaled(forms_of(inner, home), Number(-1.0), "*")
        case Call("mean", (_, *_)) if not node.per:
            quantity = quantity_of(node, home)
            return (Form({(home, State(Role.TOTAL, quantity)): 1.0}, {(home, State(Role.KNOWN, quantity)): 1.0}),)
        case Binary(
            "/", Call("mean", (Call("paired", (x, y)),)) as above, Call("mean", (Call("paired", (v, w)),)) as below
        ):
            # A ratio: the same rows are known in both means, so that their number cancels.
            if (x, y, above.where) == (w, v, below.where) and not above.per and not below.per:
                over, under = quantity_of(above, home), quantity_of(below, home)
                return (Form({(home, State(Role.TOTAL, over)): 1.0}, {(home, State(Role.TOTAL, under)): 1.0}),)
    sums = sums_of(node, home)
    if sums is not None:
        return (Form(sums, None),)
    match node:
        case Binary("/", left, right):
            top, bottom = sums_of(left, home), sums_of(right, home)
            if top is not None and bottom is not None:
                return (Form(top, bottom),)
            return _scaled(forms_of(left, home), right, "/") if _is_constant(right) else None
        case Binary("*", left, right):
            if _is_constant(right):
                return _scaled(forms_of(left, home), right, "*")
            return _scaled(forms_of(right, home), left, "*") if _is_constant(left) else None
        case Binary(sign, left, right):
            a, b = forms_of(left, home), forms_of(right, home)
            if a is None or b is None:
                return None
            return (*a, *(b if sign == "+" else _scaled(b, Number(-1.0), "*") or ()))
        case _:
            return None


def _scaled(forms: tuple[Form, ...] | None, by: Node, sign: str) -> tuple[Form, ...] | None:
    if forms is None:
        return None
    return tuple(Form(form.top, form.bottom, Binary(sign, form.scale, by)) for form in forms)


def sums_of(node: Node, home: str) -> dict[Sum, float] | None:
    """Return a formula as a linear combination of sums; None where it is none."""
    match node:
        case Scope(inner, owner):
            return sums_of(inner, owner)
        case Negative(inner):
            return _times(sums_of(inner, home), -1.0)
        case Call("sum" | "count") if not node.per:
            return {(home, State(Role.TOTAL, quantity_of(node, home))): 1.0}
        case Binary("*", Number(value), inner) | Binary("*", inner, Number(value)):
            return _times(sums_of(inner, home), value)
        case Binary("/", inner, Number(value)) if value:
            return _times(sums_of(inner, home), 1 / value)
        case Binary("+" | "-" as sign, left, right):
            a, b = sums_of(left, home), _times(sums_of(right, home), 1.0 if sign == "+" else -1.0)
            if a is None or b is None:
                return None
            return {key: a.get(key, 0.0) + b.get(key, 0.0) for key in (*a, *(k for k in b if k not in a))}
        case _:
            return None


def _times(sums: Mapping[Sum, float] | None, factor: float) -> dict[Sum, float] | None:
    return None if sums is None else {key: value * factor for key, value in sums.items()}


def _is_constant(node: Node) -> bool:
    return all(
        isinstance(part, Number | Negative | Binary | Scope)
        or (isinstance(part, Call) and part.function in ("days", "month"))
        for part in walk(node)
    )


def constant(node: Node, days: Callable[[], float]) -> float:
    """Compute a formula that reads no rows, in base units.

    Args:
        node: Numbers, ``days()`` and ``month()``.
        days: Days of the window that the data cover.
    """
    match node:
        case Number(value):
            return value
        case Negative(inner) | Scope(inner):
            value = constant(inner, days)
            return -value if isinstance(node, Negative) else value
        case Call("month"):
            return MONTH * _DAY
        case Binary(sign, left, right):
            a, b = constant(left, days), constant(right, days)
            return {"+": a + b, "-": a - b, "*": a * b}[sign] if sign != "/" else a / b
        case _:
            return days() * _DAY


def rows_of(name: str) -> Sum:
    """Return the sum that counts a table's rows, weighted."""
    return name, State(Role.TOTAL, Quantity(name, "", None, Condition()))
