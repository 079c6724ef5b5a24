"""What is wrong with a definition: every name, unit, key and dimension held against the tables and the others."""

from collections.abc import Mapping

from metricstack.core.errors import InvalidInput, UnknownName, nearest
from metricstack.metrics.language.dimension import dimension
from metricstack.metrics.language.formula import (
    SPECIAL,
    Binary,
    Call,
    Name,
    Node,
    Number,
    walk,
    write_per,
)
from metricstack.metrics.language.resolve import (
    ALONE,
    Operand,
    columns_of,
    dimension_of,
    has_cycle,
    inline,
    keys_of,
    leaves,
    numeric,
    operand,
    quantile_of,
    references,
    row_dimension,
    special_of,
    tables_of,
)
from metricstack.metrics.model import Definition
from metricstack.metrics.query.joins import dimensions
from metricstack.telemetry.contract import Kind, Table
from metricstack.telemetry.measures import ASSUMED, measures_of
from metricstack.telemetry.tables import TABLES

__all__ = ["fault_of", "faults_of"]


def faults_of(definition: Definition, others: Mapping[str, Definition]) -> list[str]:
    """List everything wrong with a definition's names and units; empty where nothing is."""
    contract = TABLES.get(definition.table)
    calls = (node for node in walk(definition.tree) if isinstance(node, Call))
    faults = [fault for call in calls if (fault := fault_of(call, contract))]
    for name in references(definition.tree):
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
    if has_cycle(definition.id, others):
        return [f"metric {definition.id!r} is defined by itself."]
    whole = inline(definition, others)
    alone = [node for _, node in leaves(whole, definition.table) if node.function in (*ALONE, *SPECIAL)]
    if alone and quantile_of(definition, others) is None and special_of(definition, others) is None:
        return [f"{alone[0].function}() stands alone: it may be scaled by a number, not combined with other metrics."]
    keys = keys_of(whole, definition.table)
    if len(keys) > 1:
        texts = ", ".join(repr(write_per(per).strip() or "without per") for per in keys)
        return [f"a formula takes all its aggregates over the same keys; this one has {texts}."]
    for name in references(definition.tree):
        if (others[name].window, others[name].to_date) != (definition.window, definition.to_date):
            return [
                f"it is made of {name!r}, whose rows are {_stretch(others[name])}, while its own are "
                f"{_stretch(definition)}: give both the same 'window' and 'to_date'."
            ]
    try:
        found = dimension_of(whole, definition.table)
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
        numeric(found)
    _check_further(node, found, contract)


def _check_further(node: Call, found: Operand, contract: Table) -> None:
    """Check what stands behind an aggregate's first argument."""
    match node:
        case Call("ratio", (_, below)):
            numeric(row_dimension(contract, below))
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
