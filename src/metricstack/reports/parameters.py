"""A notebook's parameters: read from its tagged cell without running it, and checked before anything runs.

Papermill only warns at an unknown name and ignores types; here both are errors that name the nearest.
"""

import ast
import math
from collections.abc import Mapping
from typing import Any

from metricstack.core.errors import InvalidInput, UnknownName

__all__ = ["check_parameters", "parse_literal", "parse_parameters"]

Literal = str | int | float | bool | None | list[Any] | dict[str, Any]
_KINDS = {str: "text", bool: "true or false", int: "a whole number", float: "a number", list: "a list", dict: "a dict"}


def parse_parameters(source: str, *, where: str = "the parameters cell") -> dict[str, Literal]:
    """Read the defaults of a parameters cell: simple assignments of literals, nothing is run.

    Raises:
        InvalidInput: anything but ``name = literal``; with its line.

    Example:
        >>> parse_parameters('quarter = "2026Q3"  # which\\nlevel: float = 0.95')
        {'quarter': '2026Q3', 'level': 0.95}
    """
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise InvalidInput(f"{where}, line {error.lineno}: {error.msg}.") from error
    defaults: dict[str, Literal] = {}
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                pass
            case ast.Expr(value=ast.Constant(value=str())):
                continue
            case _:
                raise InvalidInput(
                    f"{where}, line {statement.lineno}: only simple assignments such as 'quarter = \"2026Q3\"' are "
                    f"allowed, not {ast.unparse(statement).splitlines()[0]!r}."
                )
        try:
            default = ast.literal_eval(value)
        except (ValueError, TypeError, SyntaxError, RecursionError) as error:
            raise InvalidInput(
                f"{where}, line {statement.lineno}: {name} is not a literal: {ast.unparse(value)!r}. Allowed are "
                "text, numbers, True, False, None, and lists and dicts of them."
            ) from error
        defaults[name] = _plain(name, default, where=where)
    return defaults


def check_parameters(given: Mapping[str, Any], defaults: Mapping[str, Literal], *, slug: str) -> dict[str, Literal]:
    """Return the given parameters, checked against the defaults of the tagged cell.

    A whole number may stand for a number; anything may stand for a default of None, and None for nothing else.

    Raises:
        UnknownName: the notebook has no such parameter; with the nearest.
        InvalidInput: a value of another type than the default, or one that is no literal.

    Example:
        >>> check_parameters({"level": 1}, {"level": 0.95, "quarter": ""}, slug="review")
        {'level': 1.0}
    """
    checked: dict[str, Literal] = {}
    for name, value in given.items():
        if name not in defaults:
            raise UnknownName(f"parameter of {slug}", name, defaults)
        default = defaults[name]
        plain = _plain(name, value, where=slug)
        if isinstance(default, float) and type(plain) is int:
            plain = float(plain)
        if default is not None and type(plain) is not type(default):
            raise InvalidInput(
                f"Parameter {name!r} of {slug} is {_KINDS[type(default)]} (its default is {default!r}), "
                f"not {_named(plain)}."
            )
        checked[name] = plain
    return checked


def parse_literal(text: str, default: Literal) -> Literal:
    """Read a parameter from the command line as the type of its default; text needs no quotes.

    Example:
        >>> parse_literal("2026Q3", ""), parse_literal("0.9", 0.95), parse_literal("[1, 2]", [])
        ('2026Q3', 0.9, [1, 2])
    """
    if isinstance(default, str):
        return text
    try:
        value = ast.literal_eval({"true": "True", "false": "False", "none": "None"}.get(text.lower(), text))
    except (ValueError, TypeError, SyntaxError, RecursionError):
        return text
    return text if isinstance(value, bytes | tuple | set | complex) else value


def _plain(name: str, value: Any, *, where: str) -> Literal:
    if value is None or type(value) in {str, bool, int}:
        return value  # type: ignore[no-any-return]
    if type(value) is float and math.isfinite(value):
        return value
    if type(value) is list:
        return [_plain(name, part, where=where) for part in value]
    if type(value) is dict and all(type(key) is str for key in value):
        return {key: _plain(name, part, where=where) for key, part in value.items()}
    raise InvalidInput(
        f"Parameter {name!r} of {where} holds {_named(value)}. Allowed are text, finite numbers, True, False, None, "
        "and lists and dicts (with text as keys) of them. Write a date as text: '2026-07-01'."
    )


def _named(value: Any) -> str:
    kind = "None" if value is None else _KINDS.get(type(value), f"a {type(value).__name__}")
    text = repr(value)
    return kind if value is None else f"{kind}: {text if len(text) <= 60 else text[:57] + '...'}"
