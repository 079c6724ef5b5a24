"""The small closed language of formulas: text → frozen tree. Nothing is ever evaluated as code.

    formula   := term (("+" | "-") term)*
    term      := factor (("*" | "/") factor)*
    factor    := number | "-" factor | "(" formula ")" | call | name
    call      := function "(" [argument ["per" columns] ("," argument)*] ["where" condition] ")"
    argument  := formula | columns
    columns   := name ("and" name)*
    condition := ["not"] name ("and" ["not"] name)*

Inside an aggregate a name is a measure or a column of the metric's table; outside, another metric.
Several columns name one thing together: ``item and candidate`` is one candidate's answer to one item.
``mean(x per key)`` first adds x within each value of ``key``, then takes the mean over the keys.
`FUNCTIONS` is the whole list of functions.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import isinf

from metricstack.core.errors import InvalidInput, nearest

__all__ = [
    "AGGREGATES",
    "FUNCTIONS",
    "PER_KEY",
    "SPECIAL",
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
    "write_per",
    "write_tree",
]

SPECIAL: dict[str, str] = {
    "age": "age(max(x)): time from the newest instant x to the end of what the data tell; stands alone",
    "survival": "survival(time, observed, p): time by which a share p (0.5 where not given) is done, where 'observed' "
    "is false for what is still open (Kaplan–Meier); stands alone or scaled",
    "kappa": "kappa(flag, item, rater): Cohen's kappa between the two values of column rater, over the items that both "
    "judged; stands alone",
    "alpha": "alpha(x, item, rater): Krippendorff's alpha, interval metric, over items with two or more raters; stands "
    "alone",
    "pass_at": "pass_at(flag, task, k): chance that k attempts at a task all succeed (pass^k), over tasks with k or "
    "more attempts; stands alone",
    "degraded": "degraded(x, n): share of the local days whose mean of x lies below the control limits that the n days "
    "before the window set; stands alone",
    "drift_slope": "drift_slope(x): change of the daily mean of x for one more of the drift statistic of the same use "
    "case's inputs that day (table 'quality_checks'), within use cases; stands alone or scaled",
}
"""Aggregates that no sum of rows gives: they are answered by queries of their own (`metrics.special`)."""
AGGREGATES: dict[str, str] = {
    "sum": "sum(x): weighted total of a measure; unknown values are left out and counted",
    "count": "count(flag): weighted number of rows where the flag is true; count(): of all rows",
    "mean": "mean(x): weighted mean of the known values; of a flag, the share of true among known",
    "ratio": "ratio(x, y): sum of x / sum of y over the rows in which both are known",
    "stddev": "stddev(x): weighted standard deviation of the known values",
    "quantile": "quantile(x, p): weighted quantile of the known values, p between 0 and 1; stands alone or scaled",
    "median": "median(x): quantile(x, 0.5)",
    "min": "min(x): smallest known value; stands alone",
    "max": "max(x): largest known value; stands alone",
    "distinct": "distinct(column): number of different values",
    **SPECIAL,
}
PER_KEY = ("mean", "median", "quantile", "stddev")
"""Aggregates that may be taken over keys: ``mean(x per key)``."""
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
    "known_part": (1, 1), "total": (2, 2), "ratio": (2, 2), "age": (1, 1), "survival": (2, 3), "kappa": (3, 3),
    "alpha": (3, 3), "pass_at": (3, 3), "degraded": (2, 2), "drift_slope": (1, 1),
}  # fmt: skip
_TOKEN = re.compile(r"\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<sign>[-+*/(),]))")


_WORDS = ("where", "and", "not", "per")
_ITEM = ("kappa", "alpha", "pass_at")


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
    """A function of the closed list, or one of two that only stand inside one.

    ``columns`` holds the columns that name a thing together; ``paired`` (x, y) is x where y is known too,
    which is what a ``ratio`` is made of.
    """

    function: str
    arguments: tuple["Node", ...] = ()
    where: Condition = Condition()
    per: tuple[Name, ...] = ()

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
        case Call("columns", arguments):
            return " and ".join(write_tree(argument) for argument in arguments)
        case Call("age", (inner,), where):
            return f"age(max({write_tree(inner)}{write_condition(where)}))"
        case Call(function, arguments, where, per):
            texts = [write_tree(argument) for argument in arguments]
            if per:
                texts[0] += write_per(per)
            return f"{function}({', '.join(texts)}{write_condition(where)})"


def write_per(per: tuple[Name, ...]) -> str:
    """Write the keys of an aggregate over keys, empty where there are none."""
    return f" per {' and '.join(name.name for name in per)}" if per else ""


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
where=Condition(terms=()), per=())
    """
    return _Parser(formula).whole()


_LONGEST, _DEEPEST = 300, 40


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
            if len(self.tokens) > _LONGEST:
                raise FormulaError(
                    f"A formula holds at most {_LONGEST} words and signs; make metrics of its parts",
                    text,
                    match.start(),
                )
        self.next = 0
        self.depth = 0

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
        self.depth += 1
        if self.depth > _DEEPEST:
            raise FormulaError(f"More than {_DEEPEST} brackets or signs inside one another", self.text, self.peek()[2])
        node = self.innermost()
        self.depth -= 1
        return node

    def innermost(self) -> Node:
        kind, word, at = self.peek()
        if self.take("-"):
            return Negative(self.factor())
        if self.take("("):
            node = self.formula()
            self.expect(")")
            return node
        if kind == "number":
            if isinf(float(word)):
                raise FormulaError(f"{word!r} is too large a number", self.text, at)
            self.next += 1
            return Number(float(word))
        if kind == "name" and word not in _WORDS:
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
        per: tuple[Name, ...] = ()
        if self.peek()[1] not in (")", "where"):
            arguments.append(self.formula())
            if self.take("per"):
                per = self.columns()
            while self.take(","):
                arguments.append(self.item() if function in _ITEM and len(arguments) == 1 else self.formula())
        where = self.condition() if self.take("where") else Condition()
        self.expect(")")
        low, high = _ARITY[function]
        if not low <= len(arguments) <= high:
            raise FormulaError(f"{FUNCTIONS[function]}; it was given {len(arguments)} arguments", self.text, at)
        if where.terms and function not in AGGREGATES:
            raise FormulaError(f"{function} takes no 'where'", self.text, at)
        if per and function not in PER_KEY:
            raise FormulaError(f"{function} takes no 'per'; {', '.join(PER_KEY)} do", self.text, at)
        if function == "age":
            return self.age(arguments[0], where, at)
        return Call(function, tuple(arguments), where, per)

    def age(self, newest: Node, where: Condition, at: int) -> Call:
        if not (isinstance(newest, Call) and newest.function == "max") or where.terms:
            raise FormulaError("age(max(x where …)) takes the newest instant of a column", self.text, at)
        return Call("age", newest.arguments, newest.where)

    def item(self) -> Node:
        names = self.columns()
        return names[0] if len(names) == 1 else Call("columns", names)

    def columns(self) -> tuple[Name, ...]:
        names: list[Name] = []
        while True:
            kind, word, at = self.peek()
            if kind != "name" or word in _WORDS:
                raise self.fail("the name of a column")
            self.next += 1
            names.append(Name(word, at))
            if not self.take("and"):
                return tuple(names)

    def condition(self) -> Condition:
        terms: list[tuple[Name, bool]] = []
        while True:
            wanted = self.take("not") is None
            kind, word, at = self.peek()
            if kind != "name" or word in _WORDS:
                raise self.fail("the name of a flag")
            self.next += 1
            terms.append((Name(word, at), wanted))
            if not self.take("and"):
                return Condition(tuple(terms))
