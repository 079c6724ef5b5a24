"""The hash of what a metric computes: its formula, its measures with what is bound into them, its inputs.

Wording, owner and levels are not in it: they may change without changing a number.
"""

import ast
import hashlib
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from metricstack.metrics.language.formula import Binary, Call, Name, Negative, Node, Scope, walk, write_tree
from metricstack.metrics.language.resolve import inline
from metricstack.metrics.model import Definition
from metricstack.telemetry.lookups import lookup
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
    """The measure as it computes: its function's syntax, and its joins with what a lookup does."""
    parts = _syntax(measure.expression)
    if measure.among is not None:
        code = measure.among.__code__
        parts += [repr(code.co_names), repr(code.co_consts), repr(code.co_freevars)]
    looked = [found for name in measure.joins if (found := lookup(measure.table, name)) is not None]
    return "\n".join([*parts, *measure.joins, *(part for found in looked for part in _syntax(found.build))])


def _syntax(function: Callable[..., Any]) -> list[str]:
    """The syntax of a function without decorator and docstring."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    if not isinstance(tree, ast.FunctionDef):
        return [ast.dump(tree)]
    body = tree.body[1:] if ast.get_docstring(tree) is not None else tree.body
    return [ast.dump(part) for part in body]


def definition_hash(definition: Definition, others: Mapping[str, Definition], given: Given) -> str:
    """Hash what a metric computes, 16 hexadecimal digits.

    Args:
        definition: The metric.
        others: Every metric by id, for those it is made of.
        given: What the workspace binds into measures.
    """
    parts = [
        write_tree(Scope(inline(definition, others), definition.table, definition.id)),
        definition.unit,
        str(definition.population or ""),
        str(definition.to_date),
        *([] if definition.window is None else [f"window {definition.window}"]),
    ]
    for measure in sorted(measures_in(definition, others), key=lambda found: (found.table, found.name)):
        parts += [measure.table, measure.name, _code(measure), repr(given.bound(measure))]
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]
