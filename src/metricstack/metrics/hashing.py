"""The hash of what a metric computes: its formula, its measures with what is bound into them, its inputs.

Wording, owner and levels are not in it: they may change without changing a number.
"""

import hashlib
import inspect
from collections.abc import Iterator, Mapping
from functools import cache

from metricstack.metrics.formula import Binary, Call, Name, Negative, Node, Scope, walk, write_tree
from metricstack.metrics.model import Definition
from metricstack.metrics.resolve import inline
from metricstack.telemetry.measures import Given, Measure, measures_of
from metricstack.telemetry.tables import TABLES

__all__ = ["definition_hash", "measures_in"]


def measures_in(definition: Definition, others: Mapping[str, Definition]) -> tuple[Measure, ...]:
    """Return every measure that a metric rests on, in order, each once."""
    found = dict.fromkeys(_measures(inline(definition, others), definition.table))
    return tuple(found)


def _measures(node: Node, home: str) -> Iterator[Measure]:
    if isinstance(node, Scope):
        yield from _measures(node.inner, node.table)
    elif isinstance(node, Call) and node.is_aggregate:
        known = measures_of(home) if home in TABLES else {}
        names = [part.name for argument in node.arguments for part in walk(argument) if isinstance(part, Name)]
        for name in [*names, *(term.name for term, _ in node.where.terms)]:
            if name in known:
                yield known[name]
    else:
        for child in _children(node):
            yield from _measures(child, home)


def _children(node: Node) -> tuple[Node, ...]:
    match node:
        case Negative(inner) | Scope(inner):
            return (inner,)
        case Binary(_, left, right):
            return left, right
        case Call(_, arguments):
            return arguments
        case _:
            return ()


@cache
def _code(measure: Measure) -> str:
    """The measure as it computes: the text of its function (and of what it is among), and its joins."""
    parts = [inspect.getsource(measure.expression), *measure.joins]
    if measure.among is not None:
        parts.append(inspect.getsource(measure.among))
    return "\n".join(parts)


def definition_hash(definition: Definition, others: Mapping[str, Definition], given: Given) -> str:
    """Hash what a metric computes, 16 hexadecimal digits.

    Args:
        definition: The metric.
        others: Every metric by id, for those it is made of.
        given: What the workspace binds into measures.
    """
    parts = [
        write_tree(inline(definition, others)),
        definition.unit,
        str(definition.population or ""),
        str(definition.to_date),
    ]
    for measure in sorted(measures_in(definition, others), key=lambda found: (found.table, found.name)):
        parts += [measure.table, measure.name, _code(measure), repr(given.bound(measure))]
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]
