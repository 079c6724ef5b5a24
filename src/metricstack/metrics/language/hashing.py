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

_OURS = ("metricstack.telemetry.measures", "metricstack.telemetry.lookups")
"""Modules whose functions compute: what others do (find a table's contract) is no part of a definition."""


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
    """The measure as it computes: its function and what that rests on, and its joins with what a lookup does."""
    seen: dict[Any, None] = {}
    functions: list[Callable[..., Any]] = [measure.expression, *([] if measure.among is None else [measure.among])]
    functions += [found.build for name in measure.joins if (found := lookup(measure.table, name)) is not None]
    return "\n".join([*measure.joins, *(part for function in functions for part in _computed(function, seen))])


def _computed(function: Callable[..., Any], seen: dict[Any, None]) -> Iterator[str]:
    """A function as it computes: its syntax, what its factory bound into it, and what it uses beside it, in turn."""
    if function in seen:
        return
    seen[function] = None
    yield from _syntax(function)
    used = inspect.getclosurevars(function)
    for name, value in sorted((*used.nonlocals.items(), *used.globals.items())):
        if inspect.isfunction(value):
            if value.__module__.startswith(_OURS):
                yield name
                yield from _computed(value, seen)
        elif isinstance(value, str | int | float | tuple | Mapping):
            yield f"{name} = {value!r}"


@cache
def _syntax(function: Callable[..., Any]) -> tuple[str, ...]:
    """The syntax of a function without decorator and docstring; of a lambda, without lines of its own, its code."""
    if function.__name__ == "<lambda>":
        code = function.__code__
        return repr(code.co_names), repr([value for value in code.co_consts if not inspect.iscode(value)])
    return tuple(_parsed(function))


def _parsed(function: Callable[..., Any]) -> list[str]:
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
