"""Compute a formula from states, and how it moves with each of them: value and slopes in one walk."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from metricstack.core.values import Reason, Refusal
from metricstack.metrics.language.formula import Binary, Call, Name, Negative, Node, Number, Scope
from metricstack.metrics.query.compile import kept_as_one
from metricstack.metrics.query.fetch import TableData
from metricstack.metrics.query.grouped import Key
from metricstack.metrics.query.inputs import Assumption
from metricstack.metrics.query.rows import NOT_RECORDED
from metricstack.metrics.query.states import Quantity, Role, State, quantity_of
from metricstack.telemetry.tables import table

__all__ = ["Group", "Linear", "Seen", "Term", "Unanswerable", "compute"]

MONTH = 30.0
_DAY = 86_400.0
Term = tuple[str, Key, State] | Assumption
"""What a value depends on: a state of a table's group, or an assumed input."""


class Unanswerable(Exception):
    """Carries a refusal out of a formula's depth; caught where the finding is made."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Linear:
    """A value and its slopes.

    Args:
        value: In base units (seconds, currency, bare numbers).
        slopes: Term → derivative of the value by it.
        unknown: Why nothing of it is known; None where something is.
    """

    value: float
    slopes: Mapping[Term, float] = field(default_factory=dict)
    unknown: Refusal | None = None

    def scaled(self, factor: float) -> dict[Term, float]:
        """Return the slopes times a factor."""
        return {term: slope * factor for term, slope in self.slopes.items()}


def _sum(*parts: Mapping[Term, float]) -> dict[Term, float]:
    total: dict[Term, float] = {}
    for part in parts:
        for term, slope in part.items():
            total[term] = total.get(term, 0.0) + slope
    return total


@dataclass(slots=True)
class Seen:
    """How much of a quantity was known in a group.

    Args:
        function: The aggregate.
        n: Rows whose value is known.
        eligible: Rows that it is about.
        keys: The groups counted so far: a quantity that a formula names twice is counted once.
    """

    function: str
    n: int
    eligible: int
    keys: set[Key] = field(default_factory=set)


@dataclass(eq=False)
class Group:
    """One group of one period, with everything its formula may ask for, and notes of what was met on the way.

    Args:
        key: The group as asked.
        keys: The finer groups that make it up: itself, or one per value of a ``total``'s dimension.
        by: The dimensions of the finer groups.
        tables: Table → its sums.
        inputs: (period, name, use case) → assumption, or why there are none.
        days: Local days of the period that the data of a table cover ("" = of all that the metric reads).
        missing: Why a quantity cannot be known at all, None where it can.
        covers: Whether a table's data reach into the period, so that no rows means none, not unknown.
        seen: How much of each quantity was known.
        used: Stated inputs that were used.
        wholes: Columns whose different values were counted in the whole, since several units share one.
        bounds: Parts that are not known, and so left out.
        skewed: What to say of units that are too few for how skewed they are.
    """

    key: Key
    keys: tuple[Key, ...]
    by: tuple[str, ...]
    tables: Mapping[str, TableData]
    inputs: Callable[[], Mapping[tuple[int, str, str], Assumption] | Refusal]
    days: Callable[[str], float]
    missing: Callable[[Quantity], Refusal | None]
    covers: Callable[[str], bool]
    seen: dict[Quantity, Seen] = field(default_factory=dict)
    used: dict[Assumption, None] = field(default_factory=dict)
    wholes: dict[Quantity, None] = field(default_factory=dict)
    bounds: list[str] = field(default_factory=list)
    skewed: list[str] = field(default_factory=list)


def compute(node: Node, group: Group, home: str) -> Linear:
    """Compute a formula in a group.

    Args:
        node: The formula, with every metric's own tree in place of its name.
        group: Where; its notes are added to.
        home: The table that aggregates read.

    Raises:
        Unanswerable: it cannot be known.
    """
    found = _compute(node, group, home, group.keys)
    if found.unknown is not None:
        raise Unanswerable(found.unknown)
    return found


def _compute(node: Node, group: Group, home: str, keys: Sequence[Key]) -> Linear:
    match node:
        case Number(value):
            return Linear(value)
        case Scope(inner, owner):
            return _compute(inner, group, owner, keys)
        case Negative(inner):
            found = _compute(inner, group, home, keys)
            return Linear(-found.value, found.scaled(-1.0), found.unknown)
        case Binary(sign, left, right):
            return _arithmetic(sign, _compute(left, group, home, keys), _compute(right, group, home, keys))
        case Call("days"):
            return Linear(group.days(home) * _DAY)
        case Call("month"):
            return Linear(MONTH * _DAY)
        case Call("assumed", (Name(name), *_)):
            return _assumed(name, group, keys)
        case Call("known_part", (inner, *_)):
            try:
                return _compute(inner, group, home, keys)
            except Unanswerable as error:
                if not all(NOT_RECORDED in key[1] for key in keys):
                    group.bounds.append(str(error.refusal.detail))
                return Linear(0.0, {}, error.refusal)
        case Call("total", (Name(over), inner, *_)):
            return _total(over, inner, group, home, keys)
        case Call():
            return _aggregate(node, group, home, keys)
        case Name(name):
            raise Unanswerable(Refusal(Reason.NOT_MEASURED, f"{name!r} stands for no metric"))


def _arithmetic(sign: str, a: Linear, b: Linear) -> Linear:
    if sign in "+-":
        factor = 1.0 if sign == "+" else -1.0
        unknown = a.unknown if a.unknown and b.unknown else None
        return Linear(a.value + factor * b.value, _sum(a.slopes, b.scaled(factor)), unknown)
    unknown = a.unknown or b.unknown
    if sign == "*":
        return Linear(a.value * b.value, _sum(a.scaled(b.value), b.scaled(a.value)), unknown)
    if b.value == 0:
        raise Unanswerable(
            unknown or Refusal(Reason.UNDEFINED_RATIO, "its denominator is 0 here, so that the ratio has no value")
        )
    value = a.value / b.value
    return Linear(value, _sum(a.scaled(1 / b.value), b.scaled(-value / b.value)), unknown)


def _assumed(name: str, group: Group, keys: Sequence[Key]) -> Linear:
    inputs = group.inputs()
    if isinstance(inputs, Refusal):
        raise Unanswerable(inputs)
    if "use_case" not in group.by or len(keys) != 1:
        raise Unanswerable(
            Refusal(Reason.NOT_MEASURED, f"{name} is stated per use case and asked over several at once")
        )
    use_case = keys[0][1][group.by.index("use_case")]
    found = inputs.get((group.key[0], name, use_case))
    if found is None:
        raise Unanswerable(
            Refusal(
                Reason.NOT_MEASURED,
                f"{name} is not stated for {use_case}",
                "State low, mode and high in the table 'assumptions', with a source and an owner.",
            )
        )
    group.used[found] = None
    return Linear(found.mean, {found: 1.0})


def _total(over: str, inner: Node, group: Group, home: str, keys: Sequence[Key]) -> Linear:
    """Compute for each value of a dimension and add; values for which it cannot be known are named."""
    parts: list[Linear] = []
    refused: list[tuple[str, Refusal]] = []
    at = group.by.index(over)
    for key in keys:
        try:
            found = _compute(inner, group, home, (key,))
            if found.unknown is not None:
                raise Unanswerable(found.unknown)
            parts.append(found)
        except Unanswerable as error:
            refused.append((key[1][at], error.refusal))
    if not parts:
        raise Unanswerable(refused[0][1] if refused else Refusal(Reason.NO_DATA, f"no {over} has rows in this window"))
    group.bounds += [f"{name} is left out: {refusal.detail}" for name, refusal in refused if name != NOT_RECORDED]
    return Linear(sum(part.value for part in parts), _sum(*(part.slopes for part in parts)))


def _aggregate(call: Call, group: Group, home: str, keys: Sequence[Key]) -> Linear:
    data, quantity = group.tables[home], quantity_of(call, home)
    sums = data.sums
    if isinstance(sums, Refusal):
        raise Unanswerable(sums)
    if refusal := group.missing(quantity):
        raise Unanswerable(refusal)

    def total(role: Role) -> float:
        return sum(data.total(key, role, quantity) for key in keys)

    n, eligible = int(total(Role.N)), int(total(Role.ELIGIBLE))
    note = group.seen.setdefault(quantity, Seen(call.function, 0, 0))
    for key in keys:
        if key not in note.keys:
            note.keys.add(key)
            note.n += int(data.total(key, Role.N, quantity))
            note.eligible += int(data.total(key, Role.ELIGIBLE, quantity))
    if not any(len(sums.of(key, "_n")) for key in keys) and not group.covers(home):
        raise Unanswerable(Refusal(Reason.NO_DATA, f"table {home!r} has no rows in this window"))
    if eligible and not n:
        raise Unanswerable(
            Refusal(
                Reason.NOT_MEASURED,
                f"{quantity.label!r} is unknown in all {eligible:,} rows of {home!r} that it is about",
            )
        )

    def slopes(role: Role, factor: float) -> dict[Term, float]:
        return {(home, key, State(role, quantity)): factor for key in keys}

    if call.function in ("sum", "count"):
        return Linear(total(Role.TOTAL), slopes(Role.TOTAL, 1.0))
    if call.function == "distinct":
        if len(keys) > 1:
            raise Unanswerable(Refusal(Reason.UNSTABLE, "distinct values of parts cannot be added"))
        if (blurred := _uncountable(data, quantity)) is not None:
            raise Unanswerable(blurred)
        if data.plan.weighted or data.nests(quantity):  # weighted, the rows of a value add up to one of it
            return Linear(total(Role.DISTINCT), slopes(Role.DISTINCT, 1.0))
        return Linear(_counted_whole(group, data, quantity))
    if not n:
        raise Unanswerable(Refusal(Reason.NO_DATA, f"no row of table {home!r} is about {quantity.label!r} here"))
    known, mean = total(Role.KNOWN), total(Role.TOTAL) / total(Role.KNOWN)
    if call.function == "mean":
        return Linear(mean, slopes(Role.TOTAL, 1 / known) | slopes(Role.KNOWN, -mean / known))
    variance = max(total(Role.SQUARE) / known - mean * mean, 0.0)
    if variance == 0.0:
        return Linear(0.0)
    root = variance**0.5
    half = 0.5 / root / known
    return Linear(
        root,
        slopes(Role.SQUARE, half)
        | slopes(Role.TOTAL, -2 * mean * half)
        | slopes(Role.KNOWN, (2 * mean * mean - total(Role.SQUARE) / known) * half),
    )


def _uncountable(data: TableData, quantity: Quantity) -> Refusal | None:
    """Refuse to count the different values of a column in sampled rows: how many of them no row shows is unknown.

    What was kept or dropped together is counted by its weight: a run that was kept stands for others like it.
    """
    column = quantity.text.partition(" where ")[0]
    counts = data.counts
    if isinstance(counts, Refusal) or not counts["sampled"] or column == kept_as_one(table(data.name)):
        return None
    return Refusal(
        Reason.NOT_MEASURED,
        f"rows of {data.name!r} were sampled, so that how many different values of {column!r} there were is not known",
        "Sample by that, or keep everything.",
    )


def _counted_whole(group: Group, data: TableData, quantity: Quantity) -> float:
    """Count the different values of a column that several units share: their units' counts do not add up."""
    found = data.distinct(quantity)
    if isinstance(found, Refusal):
        raise Unanswerable(found)
    group.wholes[quantity] = None
    return float(found.of(group.key, "q0").sum())
