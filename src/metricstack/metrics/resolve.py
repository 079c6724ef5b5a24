"""Hold a formula against the tables, measures and other metrics: every name known, every unit right."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from metricstack.core.errors import InvalidInput, UnknownName, nearest
from metricstack.metrics.dimension import Dimension, dimension
from metricstack.metrics.formula import Binary, Call, Name, Negative, Node, Number, Scope, walk
from metricstack.metrics.model import Definition
from metricstack.telemetry.contract import Kind, Table
from metricstack.telemetry.measures import ASSUMED, measures_of
from metricstack.telemetry.tables import TABLES, table

__all__ = [
    "Operand",
    "degree",
    "fault_of",
    "faults_of",
    "inline",
    "operand",
    "quantile_of",
    "row_dimension",
    "tables_of",
]

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
            found = _numeric(row_dimension(contract, inner))
            return Operand("", Kind.FLOAT, found.dimension)
        case Binary(sign, left, right):
            a, b = row_dimension(contract, left), row_dimension(contract, right)
            if sign == "-" and a.kind is Kind.INSTANT and b.kind is Kind.INSTANT:
                return Operand("", Kind.FLOAT, _SECONDS)
            a, b = _numeric(a), _numeric(b)
            if sign in "+-":
                return Operand("", Kind.FLOAT, _added(a.dimension, b.dimension), _low(sign, a, b))
            return Operand("", Kind.FLOAT, a.dimension.times(b.dimension, 1 if sign == "*" else -1), _low(sign, a, b))
        case Call(function):
            raise InvalidInput(f"{function}() inside an aggregate: one row cannot be aggregated.")
        case Scope():
            raise InvalidInput("A row cannot hold another metric.")


def _low(sign: str, a: Operand, b: Operand) -> float | None:
    return (
        0.0 if sign != "-" and a.minimum is not None and b.minimum is not None and a.minimum >= 0 <= b.minimum else None
    )


def _numeric(found: Operand) -> Operand:
    if found.kind not in (Kind.FLOAT, Kind.INTEGER, Kind.FLAG):
        raise InvalidInput(f"{found.name!r} is {found.kind.value}, not a number.")
    return found


def _added(a: Dimension, b: Dimension) -> Dimension:
    if a.powers != b.powers:
        raise InvalidInput(f"{a} cannot be added to or taken from {b}.")
    return a


def faults_of(definition: Definition, others: Mapping[str, Definition]) -> list[str]:
    """List everything wrong with a definition's names and units; empty where nothing is."""
    contract = TABLES.get(definition.table)
    calls = (node for node in walk(definition.tree) if isinstance(node, Call))
    faults = [fault for call in calls if (fault := fault_of(call, contract))]
    for name in _references(definition.tree):
        if name not in others:
            guess = nearest(name, others)
            hint = f"Did you mean {guess!r}?" if guess else "Outside an aggregate a name is another metric."
            if contract is not None and (name in measures_of(contract.name) or name in contract):
                hint = f"{name!r} belongs to table {contract.name!r}: aggregate it, as in sum({name}) or mean({name})."
            faults.append(f"unknown metric {name!r}. {hint}")
    for column, sibling in definition.by:
        if sibling not in others:
            faults.append(f"'by' sends {column!r} to the unknown metric {sibling!r}.")
    if faults:
        return faults
    if _has_cycle(definition.id, definition.id, others, ()):
        return [f"metric {definition.id!r} is defined by itself."]
    whole = inline(definition, others)
    quantiles = [node for _, node in _leaves(whole, definition.table) if node.function in _ALONE]
    if quantiles and quantile_of(definition, others) is None:
        return [
            f"{quantiles[0].function}() stands alone: it may be scaled by a number, not combined with other metrics."
        ]
    try:
        found = _dimension(whole, definition.table)
    except InvalidInput as error:
        return [str(error)]
    if found.powers != dimension(definition.unit).powers:
        return [f"the formula gives {found}, but unit {definition.unit!r} is {dimension(definition.unit)}."]
    return []


_ALONE = ("quantile", "median", "min", "max")


def fault_of(node: Call, contract: Table | None) -> str:
    """Say what is wrong with one function of a formula, empty where nothing is."""
    try:
        if node.function == "assumed":
            _literal_name(node, ASSUMED, "assumed input")
        elif node.function == "total":
            if not isinstance(node.arguments[0], Name):
                return "total(dimension, x): the dimension is a column's name."
        elif node.is_aggregate:
            if contract is None:
                return f"{node.function}() needs rows, but the definition names no table."
            _check_aggregate(node, contract)
    except InvalidInput as error:
        return str(error)
    except UnknownName as error:
        return str(error)
    return ""


def _literal_name(node: Call, known: Mapping[str, object], kind: str) -> str:
    argument = node.arguments[0]
    if not isinstance(argument, Name) or argument.name not in known:
        raise UnknownName(kind, getattr(argument, "name", "?"), known)
    return argument.name


def _check_aggregate(node: Call, contract: Table) -> None:
    for name, _ in node.where.terms:
        if operand(contract, name.name).kind is not Kind.FLAG:
            raise InvalidInput(
                f"'where {name.name}' needs a flag; {name.name!r} is {operand(contract, name.name).kind.value}."
            )
    if not node.arguments:
        return
    found = row_dimension(contract, node.arguments[0])
    if node.function == "count" and found.kind is not Kind.FLAG:
        raise InvalidInput(f"count({found.name}) needs a flag; use count() for rows or distinct({found.name}).")
    if node.function == "distinct":
        if not isinstance(node.arguments[0], Name) or found.name not in contract:
            raise InvalidInput(f"distinct() takes a column of table {contract.name!r}.")
    elif node.function != "count":
        _numeric(found)
    if node.function == "quantile":
        p = node.arguments[1]
        if not isinstance(p, Number) or not 0 < p.value < 1:
            raise InvalidInput("quantile(x, p) needs p between 0 and 1.")


def _dimension(node: Node, home: str) -> Dimension:
    match node:
        case Number():
            return _BARE
        case Negative(inner):
            return _dimension(inner, home)
        case Binary(sign, left, right):
            a, b = _dimension(left, home), _dimension(right, home)
            return _added(a, b) if sign in "+-" else a.times(b, 1 if sign == "*" else -1)
        case Scope(inner, owner):
            return _dimension(inner, owner)
        case Call("days" | "month"):
            return dimension("d")
        case Call("assumed", (Name(name), *_)):
            return dimension(ASSUMED[name])
        case Call("known_part", (inner,)):
            return _dimension(inner, home)
        case Call("total", (_, inner)):
            return _dimension(inner, home)
        case Call("count" | "distinct"):
            return _BARE
        case Call(_, (inner, *_)):
            return row_dimension(table(home), inner).dimension
        case _:
            raise InvalidInput(f"{node} has no unit.")


def _references(node: Node) -> list[str]:
    """Names of other metrics in a tree, in order, each once."""
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


def _has_cycle(start: str, here: str, others: Mapping[str, Definition], path: tuple[str, ...]) -> bool:
    if here in path:
        return True
    if here not in others:
        return False
    return any(_has_cycle(start, name, others, (*path, here)) for name in _references(others[here].tree))


def inline(definition: Definition, others: Mapping[str, Definition]) -> Node:
    """Return the tree with every other metric's own tree in place of its name."""

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
            case _:
                return node

    return put(definition.tree)


def _leaves(node: Node, home: str) -> Iterator[tuple[str, Call]]:
    match node:
        case Scope(inner, owner):
            yield from _leaves(inner, owner)
        case Negative(inner):
            yield from _leaves(inner, home)
        case Binary(_, left, right):
            yield from _leaves(left, home)
            yield from _leaves(right, home)
        case Call("known_part", (inner,)) | Call("total", (_, inner)):
            yield from _leaves(inner, home)
        case Call() if node.is_aggregate or node.function in ("assumed", "days"):
            yield home, node
        case _:
            pass


def tables_of(definition: Definition, others: Mapping[str, Definition]) -> tuple[str, ...]:
    """Return the fact tables whose rows a metric needs, in order, each once."""
    leaves = _leaves(inline(definition, others), definition.table)
    return tuple(dict.fromkeys(home for home, node in leaves if node.is_aggregate))


def quantile_of(definition: Definition, others: Mapping[str, Definition]) -> tuple[str, Call, float] | None:
    """Return table, call and scale of a metric that is one quantile, median, minimum or maximum; else None."""
    node, home, scale = inline(definition, others), definition.table, 1.0
    while True:
        match node:
            case Scope(inner, owner):
                node, home = inner, owner
            case Binary("*", Number(value), inner) | Binary("*", inner, Number(value)):
                node, scale = inner, scale * value
            case Binary("/", inner, Number(value)) if value:
                node, scale = inner, scale / value
            case Call(function) if function in _ALONE:
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
