"""Hold a formula against the tables, measures and other metrics: every name known, every unit right."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass

from metricstack.core.errors import InvalidInput, UnknownName, nearest
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
    walk,
    write_per,
)
from metricstack.metrics.model import Definition
from metricstack.metrics.query.joins import dimensions
from metricstack.telemetry.contract import Kind, Table
from metricstack.telemetry.measures import ASSUMED, measures_of
from metricstack.telemetry.tables import TABLES, table

__all__ = [
    "Operand",
    "columns_of",
    "degree",
    "fault_of",
    "faults_of",
    "inline",
    "operand",
    "per_of",
    "quantile_of",
    "row_dimension",
    "special_of",
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
    alone = [node for _, node in _leaves(whole, definition.table) if node.function in (*_ALONE, *SPECIAL)]
    if alone and quantile_of(definition, others) is None and special_of(definition, others) is None:
        return [f"{alone[0].function}() stands alone: it may be scaled by a number, not combined with other metrics."]
    keys = _keys(whole, definition.table)
    if len(keys) > 1:
        texts = ", ".join(repr(write_per(per).strip() or "without per") for per in keys)
        return [f"a formula takes all its aggregates over the same keys; this one has {texts}."]
    for name in _references(definition.tree):
        if (others[name].window, others[name].to_date) != (definition.window, definition.to_date):
            return [
                f"it is made of {name!r}, whose rows are {_stretch(others[name])}, while its own are "
                f"{_stretch(definition)}: give both the same 'window' and 'to_date'."
            ]
    try:
        found = _dimension(whole, definition.table)
    except InvalidInput as error:
        return [str(error)]
    if found.powers != dimension(definition.unit).powers:
        return [f"the formula gives {found}, but unit {definition.unit!r} is {dimension(definition.unit)}."]
    if any(isinstance(node, Binary) and node.sign == "/" and node.right == Number(0.0) for node in walk(whole)):
        return ["the formula divides by 0."]
    return _faults_of_dimensions(definition, others)


def _faults_of_dimensions(definition: Definition, others: Mapping[str, Definition]) -> list[str]:
    """List the dimensions that a definition names and that its tables do not have."""
    faults = []
    for column, sibling in definition.by:
        known = _shared_dimensions(others[sibling], others)
        if column not in known:
            faults.append(f"'by' sends {column!r} to {sibling!r}, which {_cannot_be_asked_by(column, known)}")
    known = [*_shared_dimensions(definition, others), *(column for column, _ in definition.by)]
    if definition.split and definition.split not in known:
        faults.append(f"'split' is {definition.split!r}: it {_cannot_be_asked_by(definition.split, known)}")
    return faults


def _shared_dimensions(definition: Definition, others: Mapping[str, Definition]) -> list[str]:
    tables = [dimensions(name) for name in tables_of(definition, others)]
    return [column for column in tables[0] if all(column in columns for columns in tables)] if tables else []


def _cannot_be_asked_by(column: str, known: list[str]) -> str:
    guess = nearest(column, known)
    hint = f"Did you mean {guess!r}?" if guess else f"It has: {', '.join(known)}."
    return f"cannot be asked by that. {hint}"


_ALONE = ("quantile", "median", "min", "max")
_MOST_ATTEMPTS = 20


def _stretch(definition: Definition) -> str:
    if definition.window is not None:
        return f"those of the last {definition.window} days"
    return "all up to a window's end" if definition.to_date else "those of a window"


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
    for name in node.per:
        _check_column(node, name, contract)
    if not node.arguments:
        return
    found = row_dimension(contract, node.arguments[0])
    if node.function == "count" and found.kind is not Kind.FLAG:
        raise InvalidInput(f"count({found.name}) needs a flag; use count() for rows or distinct({found.name}).")
    if node.function == "distinct":
        if not isinstance(node.arguments[0], Name) or found.name not in contract:
            raise InvalidInput(f"distinct() takes a column of table {contract.name!r}.")
    elif node.function == "age":
        if found.kind is not Kind.INSTANT or found.name not in contract:
            raise InvalidInput(f"age(max(x)) needs an instant of table {contract.name!r}; see docs/tables.md.")
    elif node.function != "count":
        _numeric(found)
    _check_further(node, found, contract)


def _check_further(node: Call, found: Operand, contract: Table) -> None:
    """Check what stands behind an aggregate's first argument."""
    match node:
        case Call("ratio", (_, below)):
            _numeric(row_dimension(contract, below))
        case Call("quantile", (_, share)):
            _check_share("quantile(x, p)", share)
        case Call("survival", (_, observed, *share)):
            flag = row_dimension(contract, observed)
            if flag.kind is not Kind.FLAG or not isinstance(observed, Name):
                raise InvalidInput(
                    f"survival(time, observed) needs a flag that is false for what is still open; "
                    f"{flag.name or 'this'!r} is {flag.kind.value}."
                )
            for p in share:
                _check_share("survival(time, observed, p)", p)
        case Call("kappa" | "alpha", (_, item, rater)):
            if node.function == "kappa" and found.kind is not Kind.FLAG:
                raise InvalidInput(f"kappa(flag, item, rater) needs a flag; {found.name or 'this'!r} is a number.")
            _check_column(node, rater, contract)
            _check_item(node, item, rater, contract)
        case Call("pass_at", (_, task, k)):
            if found.kind is not Kind.FLAG:
                raise InvalidInput(f"pass_at(flag, task, k) needs a flag; {found.name or 'this'!r} is a number.")
            for name in columns_of(task):
                _check_column(node, name, contract)
            if not isinstance(k, Number) or k.value != int(k.value) or not 1 <= k.value <= _MOST_ATTEMPTS:
                raise InvalidInput(f"pass_at(flag, task, k) needs a whole number k from 1 to {_MOST_ATTEMPTS}.")
        case Call("degraded", (_, n)):
            if not isinstance(n, Number) or n.value != int(n.value) or not _FEWEST_DAYS <= n.value <= _MOST_DAYS:
                raise InvalidInput(f"degraded(x, n) needs a whole number of days from {_FEWEST_DAYS} to {_MOST_DAYS}.")


_FEWEST_DAYS, _MOST_DAYS = 14, 366


def _check_share(function: str, p: Node) -> None:
    if not isinstance(p, Number) or not 0 < p.value < 1:
        raise InvalidInput(f"{function} needs p between 0 and 1.")


def _check_column(node: Call, name: Node, contract: Table) -> None:
    found = operand(contract, name.name) if isinstance(name, Name) else None
    if found is None or found.name not in contract or found.kind not in (Kind.TEXT, Kind.INTEGER):
        said = f"{found.name!r} is {found.kind.value}" if found else "it was given a formula"
        said = f"{found.name!r} is a measure" if found and found.name not in contract else said
        raise InvalidInput(f"{node.function}() needs a text column of table {contract.name!r} here; {said}.")


def _check_item(node: Call, item: Node, rater: Node, contract: Table) -> None:
    """What several raters judged must be named whole: else judgements of different answers would be compared."""
    names = columns_of(item)
    for name in names:
        _check_column(node, name, contract)
    own, judge = {name.name for name in names}, rater.name if isinstance(rater, Name) else ""
    rest = [column for column in contract.key if column not in own and column != judge]
    needed = rest if judge in contract.key else rest[:-1]  # the last column of the key tells the raters apart
    if own & set(contract.key) and needed:
        whole = " and ".join(column for column in contract.key if column in own or column in needed)
        raise InvalidInput(
            f"{node.function}(): one row of table {contract.name!r} is {contract.grain}; name what was judged whole, "
            f"as in {whole!r}, or judgements of different things would be compared."
        )


def columns_of(node: Node) -> tuple[Name, ...]:
    """Return the columns that name a thing together."""
    if isinstance(node, Call) and node.function == "columns":
        return tuple(name for name in node.arguments if isinstance(name, Name))
    return (node,) if isinstance(node, Name) else ()


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
        case Call("count" | "distinct" | "kappa" | "alpha" | "pass_at" | "degraded"):
            return _BARE
        case Call("age"):
            return _SECONDS
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


def per_of(definition: Definition, others: Mapping[str, Definition]) -> tuple[str, ...]:
    """Return the columns within whose values a metric's rows are added first, empty where it takes them as they are."""
    keys = _keys(inline(definition, others), definition.table)
    return tuple(name.name for name in keys[0]) if keys else ()


def _keys(node: Node, home: str) -> list[tuple[Name, ...]]:
    """The different keys of a tree's aggregates, in order."""
    return list(dict.fromkeys(call.per for _, call in _leaves(node, home) if call.is_aggregate))


def quantile_of(definition: Definition, others: Mapping[str, Definition]) -> tuple[str, Call, float] | None:
    """Return table, call and scale of a metric that is one quantile, median, minimum or maximum; else None."""
    return _alone(definition, others, _ALONE)


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
