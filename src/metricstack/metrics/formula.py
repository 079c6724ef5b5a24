"""The small closed language of formulas: text → frozen tree. Nothing is ever evaluated as code.

    formula   := term (("+" | "-") term)*
    term      := factor (("*" | "/") factor)*
    factor    := number | "-" factor | "(" formula ")" | call | name
    call      := function "(" [formula ("," formula)*] ["where" condition] ")"
    condition := ["not"] name ("and" ["not"] name)*

Inside an aggregate a name is a measure or a column of the metric's table; outside, another metric.
`FUNCTIONS` is the whole list of functions.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from metricstack.core.errors import InvalidInput, nearest

__all__ = [
    "AGGREGATES",
    "FUNCTIONS",
    "Binary",
    "Call",
    "Condition",
    "FormulaError",
    "Name",
    "Negative",
    "Node",
    "Number",
    "Scope",
    "parse",
    "walk",
    "write_condition",
    "write_tree",
]

AGGREGATES: dict[str, str] = {
    "sum": "sum(x): weighted total of a measure; unknown values are left out and counted",
    "count": "count(flag): weighted number of rows where the flag is true; count(): of all rows",
    "mean": "mean(x): weighted mean of the known values; of a flag, the share of true among known",
    "stddev": "stddev(x): weighted standard deviation of the known values",
    "quantile": "quantile(x, p): weighted quantile of the known values, p between 0 and 1; stands alone or scaled",
    "median": "median(x): quantile(x, 0.5)",
    "min": "min(x): smallest known value; stands alone",
    "max": "max(x): largest known value; stands alone",
    "distinct": "distinct(column): number of different values",
}
FUNCTIONS: dict[str, str] = AGGREGATES | {
    "days": "days(): local days of the window that the data cover",
    "month": "month(): 30 days",
    "assumed": "assumed(name): a stated input (low, mode, high) of the table 'assumptions', per use case",
    "known_part": "known_part(x): x where it is known, else 0 with a failed check that the value is a bound",
    "total": "total(dimension, x): x computed for each value of the dimension, then added",
}
_ARITY = {
    "sum": (1, 1), "count": (0, 1), "mean": (1, 1), "stddev": (1, 1), "quantile": (2, 2), "median": (1, 1),
    "min": (1, 1), "max": (1, 1), "distinct": (1, 1), "days": (0, 0), "month": (0, 0), "assumed": (1, 1),
    "known_part": (1, 1), "total": (2, 2),
}  # fmt: skip
_TOKEN = re.compile(r"\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<sign>[-+*/(),]))")


class FormulaError(InvalidInput):
    """A formula that cannot be read; knows the place.

    Args:
        detail: What is wrong there.
        formula: The whole text.
        position: Index of the character, from 0.
    """

    def __init__(self, detail: str, formula: str, position: int) -> None:
        super().__init__(f"{detail} (at character {position + 1} of {formula!r})")
        self.position = position


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written."""

    value: float


@dataclass(frozen=True, slots=True)
class Name:
    """A measure or column inside an aggregate; another metric outside."""

    name: str
    position: int = -1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Name) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)


@dataclass(frozen=True, slots=True)
class Negative:
    """The negative of a formula."""

    inner: "Node"


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic of two formulas; ``sign`` is one of ``+ - * /``."""

    sign: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Condition:
    """Flags that must all hold: pairs of name and whether it is wanted true."""

    terms: tuple[tuple[Name, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """A function of the closed list."""

    function: str
    arguments: tuple["Node", ...] = ()
    where: Condition = Condition()

    @property
    def is_aggregate(self) -> bool:
        """True where it aggregates rows."""
        return self.function in AGGREGATES


@dataclass(frozen=True, slots=True)
class Scope:
    """Another metric's tree in place of its name; its aggregates read that metric's table. Never written."""

    inner: "Node"
    table: str
    metric: str


Node = Number | Name | Negative | Binary | Call | Scope


def walk(node: Node) -> Iterator[Node]:
    """Yield a tree's nodes, parents first."""
    yield node
    match node:
        case Negative(inner) | Scope(inner):
            yield from walk(inner)
        case Binary(_, left, right):
            yield from walk(left)
            yield from walk(right)
        case Call(_, arguments, _):
            for argument in arguments:
                yield from walk(argument)


def write_tree(node: Node) -> str:
    """Write a tree in one canonical way, whatever blanks and brackets its author used.

    Example:
        >>> write_tree(parse("sum( cost )/(count(successful))"))
        '(sum(cost) / count(successful))'
    """
    match node:
        case Number(value):
            return repr(value)
        case Name(name):
            return name
        case Negative(inner):
            return f"(-{write_tree(inner)})"
        case Scope(inner, table):
            return f"[{table}: {write_tree(inner)}]"
        case Binary(sign, left, right):
            return f"({write_tree(left)} {sign} {write_tree(right)})"
        case Call(function, arguments, where):
            inner_text = ", ".join(write_tree(argument) for argument in arguments)
            return f"{function}({inner_text}{write_condition(where)})"


def write_condition(where: Condition) -> str:
    """Write a condition in one canonical way, empty where there is none."""
    terms = sorted(f"{'' if wanted else 'not '}{name.name}" for name, wanted in where.terms)
    return f" where {' and '.join(terms)}" if terms else ""


def parse(formula: str) -> Node:
    """Parse a formula.

    Raises:
        FormulaError: it is not in the language; says where, and the nearest function.

    Example:
        >>> parse("quantile(latency, 0.95)")
        Call(function='quantile', arguments=(Name(name='latency', position=9), Number(value=0.95)), \
where=Condition(terms=()))
    """
    return _Parser(formula).whole()


class _Parser:
    """Recursive descent over the tokens, one method per rule of the grammar."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str, int]] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                at += len(text[at:]) - len(text[at:].lstrip())
                raise FormulaError(f"{text[at]!r} is not part of the language", text, at)
            kind = str(match.lastgroup)
            self.tokens.append((kind, match[kind], match.start(kind)))
            at = match.end()
        self.next = 0

    def peek(self) -> tuple[str, str, int]:
        return self.tokens[self.next] if self.next < len(self.tokens) else ("end", "the end", len(self.text))

    def take(self, *signs: str) -> str | None:
        kind, word, _ = self.peek()
        if word in signs and kind in ("sign", "name"):
            self.next += 1
            return word
        return None

    def fail(self, wanted: str) -> FormulaError:
        kind, word, at = self.peek()
        return FormulaError(f"{wanted} expected, not {word if kind == 'end' else repr(word)}", self.text, at)

    def expect(self, sign: str) -> None:
        if self.take(sign) is None:
            raise self.fail(repr(sign))

    def whole(self) -> Node:
        node = self.formula()
        if self.peek()[0] != "end":
            raise self.fail("an operator or the end")
        return node

    def formula(self) -> Node:
        node = self.term()
        while sign := self.take("+", "-"):
            node = Binary(sign, node, self.term())
        return node

    def term(self) -> Node:
        node = self.factor()
        while sign := self.take("*", "/"):
            node = Binary(sign, node, self.factor())
        return node

    def factor(self) -> Node:
        kind, word, at = self.peek()
        if self.take("-"):
            return Negative(self.factor())
        if self.take("("):
            node = self.formula()
            self.expect(")")
            return node
        if kind == "number":
            self.next += 1
            return Number(float(word))
        if kind == "name" and word not in ("where", "and", "not"):
            self.next += 1
            return self.call(word, at) if self.peek()[1] == "(" else Name(word, at)
        raise self.fail("a number, a name or a function")

    def call(self, function: str, at: int) -> Call:
        if function not in FUNCTIONS:
            guess = nearest(function, FUNCTIONS)
            hint = f"Did you mean {guess!r}?" if guess else f"Functions: {', '.join(FUNCTIONS)}."
            raise FormulaError(f"Unknown function {function!r}. {hint}", self.text, at)
        self.expect("(")
        arguments: list[Node] = []
        if self.peek()[1] not in (")", "where"):
            arguments.append(self.formula())
            while self.take(","):
                arguments.append(self.formula())
        where = self.condition() if self.take("where") else Condition()
        self.expect(")")
        low, high = _ARITY[function]
        if not low <= len(arguments) <= high:
            raise FormulaError(f"{FUNCTIONS[function]}; it was given {len(arguments)} arguments", self.text, at)
        if where.terms and function not in AGGREGATES:
            raise FormulaError(f"{function} takes no 'where'", self.text, at)
        return Call(function, tuple(arguments), where)

    def condition(self) -> Condition:
        terms: list[tuple[Name, bool]] = []
        while True:
            wanted = self.take("not") is None
            kind, word, at = self.peek()
            if kind != "name" or word in ("where", "and", "not"):
                raise self.fail("the name of a flag")
            self.next += 1
            terms.append((Name(word, at), wanted))
            if not self.take("and"):
                return Condition(tuple(terms))
