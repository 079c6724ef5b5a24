"""Hold a formula against the tables, measures and other metrics: every name known, every unit right."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass

from metricstack.core.errors import InvalidInput, nearest
from metricstack.metrics.language.dimension import Dimension, dimension
from metricstack.metrics.language.formula import (
    SPECIAL,
    Binary,
    Call,
    Name,
    Negative,
    Node,
    Number,
    Scope,
)
from metricstack.metrics.model import Definition
from metricstack.telemetry.contract import Kind, Table
from metricstack.telemetry.measures import ASSUMED, measures_of
from metricstack.telemetry.tables import table

__all__ = [
    "ALONE",
    "Operand",
    "columns_of",
    "degree",
    "dimension_of",
    "has_cycle",
    "inline",
    "keys_of",
    "leaves",
    "numeric",
    "operand",
    "per_of",
    "quantile_of",
    "references",
    "row_dimension",
    "special_of",
    "tables_of",
]

ALONE = ("quantile", "median", "min", "max")
"""Aggregates that no arithmetic of others may hold."""
_BARE = Dimension()
_SECONDS = dimension("s")


@dataclass(frozen=True, slots=True)
class Operand:
    """What a name inside an aggregate stands for.

    Args:
        name: As written.
        kind: Its type.
        dimension: What it measures.
        minimum: Smallest possible number, None where there is none.
        maximum: Largest possible number, None where there is none.
    """

    name: str
    kind: Kind
    dimension: Dimension = _BARE
    minimum: float | None = None
    maximum: float | None = None


def operand(contract: Table, name: str) -> Operand:
    """Look a measure or column of a table up.

    Raises:
        UnknownName: the table has neither; names the nearest.
    """
    measures = measures_of(contract.name)
    if name in measures:
        measure = measures[name]
        kind = Kind.FLAG if measure.is_flag else Kind.FLOAT
        unit = dimension(measure.unit) if measure.unit else _BARE
        return Operand(name, kind, unit, measure.minimum, measure.maximum)
    if name in contract:
        column = contract[name]
        unit = dimension(column.unit) if column.unit else _BARE
        flag = column.kind is Kind.FLAG
        return Operand(name, column.kind, unit, 0.0 if flag else column.minimum, 1.0 if flag else column.maximum)
    known = [*measures, *contract.names]
    guess = nearest(name, known)
    hint = f"nearest is {guess!r}" if guess else f"its measures are {', '.join(measures) or 'none'}"
    raise InvalidInput(f"Table {contract.name!r} has no measure or column {name!r}; {hint}.")


def row_dimension(contract: Table, node: Node) -> Operand:
    """Infer type and unit of a row-level expression.

    Raises:
        InvalidInput: an unknown name, mixed units, or what a row cannot hold.
    """
    match node:
        case Number(value):
            return Operand(str(value), Kind.FLOAT, minimum=value, maximum=value)
        case Name(name):
            return operand(contract, name)
        case Negative(inner):
            found = numeric(row_dimension(contract, inner))
            return Operand("", Kind.FLOAT, found.dimension)
        case Binary(sign, left, right):
            a, b = row_dimension(contract, left), row_dimension(contract, right)
            if sign == "-" and a.kind is Kind.INSTANT and b.kind is Kind.INSTANT:
                return Operand("", Kind.FLOAT, _SECONDS)
            a, b = numeric(a), numeric(b)
            if sign in "+-":
                return Operand("", Kind.FLOAT, _added(a.dimension, b.dimension), _low(sign, a, b))
            return Operand("", Kind.FLOAT, a.dimension.times(b.dimension, 1 if sign == "*" else -1), _low(sign, a, b))
        case Call("paired", (x, _)):
            return row_dimension(contract, x)
        case Call(function):
            raise InvalidInput(f"{function}() inside an aggregate: one row cannot be aggregated.")
        case Scope():
            raise InvalidInput("A row cannot hold another metric.")


def _low(sign: str, a: Operand, b: Operand) -> float | None:
    return (
        0.0 if sign != "-" and a.minimum is not None and b.minimum is not None and a.minimum >= 0 <= b.minimum else None
    )


def numeric(found: Operand) -> Operand:
    """Return what is a number, or raise `InvalidInput`."""
    if found.kind not in (Kind.FLOAT, Kind.INTEGER, Kind.FLAG):
        raise InvalidInput(f"{found.name!r} is {found.kind.value}, not a number.")
    return found


def _added(a: Dimension, b: Dimension) -> Dimension:
    if a.powers != b.powers:
        raise InvalidInput(f"{a} cannot be added to or taken from {b}.")
    return a


def columns_of(node: Node) -> tuple[Name, ...]:
    """Return the columns that name a thing together."""
    if isinstance(node, Call) and node.function == "columns":
        return tuple(name for name in node.arguments if isinstance(name, Name))
    return (node,) if isinstance(node, Name) else ()


def dimension_of(node: Node, home: str) -> Dimension:
    """Infer what a formula measures.

    Raises:
        InvalidInput: it adds what has different units.
    """
    match node:
        case Number():
            return _BARE
        case Negative(inner):
            return dimension_of(inner, home)
        case Binary(sign, left, right):
            a, b = dimension_of(left, home), dimension_of(right, home)
            return _added(a, b) if sign in "+-" else a.times(b, 1 if sign == "*" else -1)
        case Scope(inner, owner):
            return dimension_of(inner, owner)
        case Call("days" | "month"):
            return dimension("d")
        case Call("assumed", (Name(name), *_)):
            return dimension(ASSUMED[name])
        case Call("known_part", (inner,)):
            return dimension_of(inner, home)
        case Call("total", (_, inner)):
            return dimension_of(inner, home)
        case Call("count" | "distinct" | "kappa" | "alpha" | "pass_at" | "degraded"):
            return _BARE
        case Call("age"):
            return _SECONDS
        case Call(_, (inner, *_)):
            return row_dimension(table(home), inner).dimension
        case _:
            raise InvalidInput(f"{node} has no unit.")


def references(node: Node) -> list[str]:
    """Return the names of other metrics in a tree, in order, each once."""
    found: dict[str, None] = {}

    def visit(part: Node) -> None:
        match part:
            case Name(name):
                found.setdefault(name)
            case Negative(inner) | Scope(inner):
                visit(inner)
            case Binary(_, left, right):
                visit(left)
                visit(right)
            case Call("known_part", (inner,)) | Call("total", (_, inner)):
                visit(inner)
            case _:
                pass

    visit(node)
    return list(found)


def has_cycle(here: str, others: Mapping[str, Definition], path: tuple[str, ...] = ()) -> bool:
    """Tell whether a metric is made of itself, through others too."""
    if here in path:
        return True
    if here not in others:
        return False
    return any(has_cycle(name, others, (*path, here)) for name in references(others[here].tree))


def inline(definition: Definition, others: Mapping[str, Definition]) -> Node:
    """Return the tree with every other metric's own tree in place of its name, and a ratio as what it is made of."""

    def put(node: Node) -> Node:
        match node:
            case Name(name):
                inner = others[name]
                return Scope(inline(inner, others), inner.table, inner.id)
            case Binary(sign, left, right):
                return Binary(sign, put(left), put(right))
            case Negative(inner_node):
                return Negative(put(inner_node))
            case Call("known_part", (inner_node,), where):
                return Call("known_part", (put(inner_node),), where)
            case Call("total", (over, inner_node), where):
                return Call("total", (over, put(inner_node)), where)
            case Call("ratio", (x, y), where):
                above, below = Call("paired", (x, y)), Call("paired", (y, x))
                return Binary("/", Call("mean", (above,), where), Call("mean", (below,), where))
            case _:
                return node

    return put(definition.tree)


def leaves(node: Node, home: str) -> Iterator[tuple[str, Call]]:
    """Yield the functions that need rows, days or stated inputs, each with the table that it reads."""
    match node:
        case Scope(inner, owner):
            yield from leaves(inner, owner)
        case Negative(inner):
            yield from leaves(inner, home)
        case Binary(_, left, right):
            yield from leaves(left, home)
            yield from leaves(right, home)
        case Call("known_part", (inner,)) | Call("total", (_, inner)):
            yield from leaves(inner, home)
        case Call() if node.is_aggregate or node.function in ("assumed", "days"):
            yield home, node
        case _:
            pass


def tables_of(definition: Definition, others: Mapping[str, Definition]) -> tuple[str, ...]:
    """Return the fact tables whose rows a metric needs, in order, each once."""
    found = leaves(inline(definition, others), definition.table)
    return tuple(dict.fromkeys(home for home, node in found if node.is_aggregate))


def per_of(definition: Definition, others: Mapping[str, Definition]) -> tuple[str, ...]:
    """Return the columns within whose values a metric's rows are added first, empty where it takes them as they are."""
    keys = keys_of(inline(definition, others), definition.table)
    return tuple(name.name for name in keys[0]) if keys else ()


def keys_of(node: Node, home: str) -> list[tuple[Name, ...]]:
    """Return the different keys of a tree's aggregates, in order."""
    return list(dict.fromkeys(call.per for _, call in leaves(node, home) if call.is_aggregate))


def quantile_of(definition: Definition, others: Mapping[str, Definition]) -> tuple[str, Call, float] | None:
    """Return table, call and scale of a metric that is one quantile, median, minimum or maximum; else None."""
    return _alone(definition, others, ALONE)


def special_of(definition: Definition, others: Mapping[str, Definition]) -> tuple[str, Call, float] | None:
    """Return table, call and scale of a metric that is one function of `formula.SPECIAL`; else None."""
    return _alone(definition, others, SPECIAL)


def _alone(
    definition: Definition, others: Mapping[str, Definition], functions: Container[str]
) -> tuple[str, Call, float] | None:
    node, home, scale = inline(definition, others), definition.table, 1.0
    while True:
        match node:
            case Scope(inner, owner):
                node, home = inner, owner
            case Binary("*", Number(value), inner) | Binary("*", inner, Number(value)):
                node, scale = inner, scale * value
            case Binary("/", inner, Number(value)) if value:
                node, scale = inner, scale / value
            case Call(function) if function in functions:
                return home, node, scale
            case _:
                return None


def degree(node: Node) -> int:
    """Return how a formula grows with the amount of data: 1 for a total, 0 for a mean or a ratio."""
    match node:
        case Negative(inner) | Scope(inner):
            return degree(inner)
        case Binary("*", left, right):
            return degree(left) + degree(right)
        case Binary("/", left, right):
            return degree(left) - degree(right)
        case Binary(_, left, right):
            return max(degree(left), degree(right))
        case Call("known_part", (inner,)) | Call("total", (_, inner)):
            return degree(inner)
        case Call("sum" | "count" | "distinct"):
            return 1
        case _:
            return 0
