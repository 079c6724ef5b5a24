"""A table's rows in question, with what is computed of each: environment, window, periods, dimensions, measures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Refusal
from metricstack.core.windows import Window
from metricstack.metrics.language.formula import Binary, Call, Name, Negative, Node, Number, Scope, walk
from metricstack.metrics.language.resolve import operand
from metricstack.metrics.query.joins import Path, attach, looked_up_by
from metricstack.metrics.query.known import simplified
from metricstack.metrics.query.periods import numbered, trailing
from metricstack.metrics.query.states import Quantity
from metricstack.telemetry.contract import Table
from metricstack.telemetry.lookups import lookup
from metricstack.telemetry.measures import Given, Measure, lasting, measures_of
from metricstack.telemetry.tables import table

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from metricstack.telemetry.workspace import Workspace

__all__ = ["NOT_RECORDED", "Frame", "Rows", "columns_read", "eligible", "measures_used", "row_value"]

NOT_RECORDED = "not recorded"
"""How a null dimension is shown."""


@dataclass(frozen=True)
class Rows:
    """A table's rows in question, with the columns that are needed of it only.

    Args:
        table: The rows.
        keys: Grouping column → its value: ``_period`` (number of the period), then ``_g0``… (the dimensions).
        known: Columns that are never null.
        absent: Columns that are always null, since the data lack them.
    """

    table: "ir.Table"
    keys: "dict[str, ir.Value]"
    known: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()

    def simplified(self, value: "ir.Value") -> "ir.Value":
        """Write an expression on the rows without the questions whose answers are certain."""
        return simplified(value, self.known, self.absent)


@dataclass(frozen=True)
class Frame:
    """What is asked of a table: when, by what, of which rows.

    Args:
        ws: The workspace.
        given: What is bound into measures.
        periods: Windows, in order, that do not overlap.
        by: Dimensions with the way to each.
        where: Dimensions that must have a value, with the way to each.
        to_date: A period's rows are all up to its end, not from its start.
        window: A period's rows are those of the last so many local days up to its end; None = its own.
    """

    ws: "Workspace"
    given: Given
    periods: tuple[Window, ...]
    by: tuple[Path, ...] = ()
    where: tuple[tuple[Path, str], ...] = ()
    to_date: bool = False
    window: int | None = None

    @property
    def spans(self) -> tuple[Window, ...]:
        """The stretch of each period's rows, from its own start or from so many days before its end."""
        if self.window is None:
            return self.periods
        return tuple(trailing(self.ws.calendar, period, self.window) for period in self.periods)

    @property
    def keys(self) -> list[str]:
        """Names of the grouping columns."""
        return ["_period", *(f"_g{i}" for i in range(len(self.by)))]

    def rows(self, name: str, quantities: Sequence[Quantity] = (), also: Sequence[str] = ()) -> Rows | Refusal:
        """Return a table's rows in question.

        Args:
            name: The table.
            quantities: What will be computed of them; all of them of rows, or all per the same columns.
            also: Further columns that will be read.
        """
        contract = table(name)
        paths = [*self.by, *(path for path, _ in self.where)]
        read = (column for quantity in quantities for column in self.reads(quantity))
        per = _per(quantities)
        needed = dict.fromkeys([contract.event_time, "env", *also, *per, *read])
        joined: dict[str, tuple[tuple[str, ...], str]] = {}
        joined |= {
            column: ((column.partition(".")[0],), column.partition(".")[2]) for column in needed if "." in column
        }
        joined |= {f"_d{i}": (path.through, path.column) for i, path in enumerate(paths) if path.through}
        own = [column for column in needed if "." not in column]
        own += [path.column for path in paths if not path.through]
        own += [looked_up_by(contract, through[0]) for through, _ in joined.values()]
        own += [*contract.state_of, "ingested_at"] if contract.state_of else []
        rows = self.ws.table(name, columns=own)
        if isinstance(rows, Refusal):
            return rows
        known, absent = self.ws.never_null(name), self.ws.always_null(name)
        if "env" not in absent:
            rows = rows.filter(simplified(rows.env.isnull() | (rows.env == self.ws.config.environment), known, absent))
        if contract.state_of or self.to_date or self.window is not None:
            starts = [None if self.window is None else span.start for span in self.spans]
            rows, period = _up_to(contract, rows, self.periods, starts), None
        else:
            time = rows[contract.event_time]
            rows = rows.filter(time >= _instant(self.periods[0]), time < _instant(self.periods[-1], end=True))
            period = contract.event_time
        if joined:
            ends = (self.given.until,) if period else tuple(window.end for window in self.periods)
            found = attach(self.ws, rows, contract, joined, ends)
            if isinstance(found, Refusal):
                return found
            rows = found
        if self.where:
            shown = [_shown(rows, i + len(self.by), path) == value for i, (path, value) in enumerate(self.where)]
            rows = rows.filter(*shown)
        keys = {"_period": rows["_period"] if period is None else _number(rows[period], self.periods)}
        keys |= {f"_g{i}": simplified(_shown(rows, i, path), known, absent) for i, path in enumerate(self.by)}
        if any(measure.across for quantity in quantities for measure in measures_used(quantity)):
            rows = rows.mutate(**keys)
            keys = {column: rows[column] for column in keys}
        found_rows = Rows(rows, keys, known, absent)
        return _added(found_rows, quantities, per, also, self.given) if per else found_rows

    def reads(self, quantity: Quantity) -> tuple[str, ...]:
        """Return the columns that a quantity reads; of a referenced table as ``reference.column``."""
        return columns_read(quantity, self.given)


def columns_read(quantity: Quantity, given: Given) -> tuple[str, ...]:
    """Return the columns that a quantity reads, without any data; of a referenced table as ``reference.column``."""
    from ibis.expr.operations import Field

    rows = _unbound(quantity.table, tuple(sorted({name for m in measures_used(quantity) for name in m.joins})))
    if quantity.node is None and not quantity.where.terms:
        return ()
    values = [row_value(rows, quantity, given), eligible(rows, quantity, given)]
    return tuple(dict.fromkeys(field.name for value in values if value is not None for field in value.op().find(Field)))


def _shown(rows: "ir.Table", i: int, path: Path) -> "ir.Value":
    return rows[f"_d{i}" if path.through else path.column].cast("string").fill_null(NOT_RECORDED)


@cache
def _unbound(name: str, joins: tuple[str, ...]) -> "ir.Table":
    """A table without data, with the columns of its contract and of those that it references."""
    import ibis

    contract = table(name)
    schema = {column.name: column.kind.value for column in contract.columns}
    for reference in joins:
        looked = lookup(name, reference)
        target = looked or table(contract[reference].references.partition(".")[0])
        schema |= {f"{reference}.{column.name}": column.kind.value for column in target.columns}
    return ibis.table(schema, name=name)


def measures_used(quantity: Quantity) -> list[Measure]:
    """Return the measures that a quantity names."""
    known = measures_of(quantity.table)
    nodes = walk(quantity.node) if quantity.node is not None else iter(())
    names = [node.name for node in nodes if isinstance(node, Name)] + [name.name for name, _ in quantity.where.terms]
    return [known[name] for name in dict.fromkeys(names) if name in known]


def _number(time: "ir.Value", periods: Sequence[Window]) -> "ir.Value":
    """Number an instant inside the periods by period: a balanced tree of comparisons, right across clock changes.

    Many periods of one length are counted off instead: the days of a year are a few such stretches, each of one clock.
    """
    import ibis

    stretches = _alike(periods)

    def place(first: int, after: int) -> "ir.Value":
        if after - first == 1:
            begin, end = stretches[first]
            if end - begin == 1:
                return ibis.literal(begin, type="int64")
            start, length = periods[begin].start.timestamp(), _seconds(periods[begin])
            return ((time.epoch_seconds() - int(start)) / int(length)).floor().cast("int64") + begin
        middle = (first + after) // 2
        begins = periods[stretches[middle][0]]
        return ibis.ifelse(time < _instant(begins), place(first, middle), place(middle, after))

    return place(0, len(stretches))


_MANY_ALIKE = 8
"""So many periods of one length, one after the other, are cheaper counted off than told apart."""


def _alike(periods: Sequence[Window]) -> list[tuple[int, int]]:
    """Divide periods into stretches: first and after-last of many of one length of whole seconds, else one each."""
    found: list[tuple[int, int]] = []
    first = 0
    while first < len(periods):
        length, after = _seconds(periods[first]), first + 1
        while after < len(periods) and (periods[after].start, _seconds(periods[after])) == (
            periods[after - 1].end, length,
        ):  # fmt: skip
            after += 1
        whole = length.is_integer() and periods[first].start.microsecond == 0
        if whole and after - first >= _MANY_ALIKE:
            found.append((first, after))
        else:
            found += [(i, i + 1) for i in range(first, after)]
        first = after
    return found


def _seconds(period: Window) -> float:
    return (period.end - period.start).total_seconds()


_FEW_PERIODS = 3
"""Up to so many periods, each is one filter over the rows; for more, a row is given to all its periods in one pass."""


def _up_to(
    contract: Table, rows: "ir.Table", periods: Sequence[Window], starts: Sequence[datetime | None]
) -> "ir.Table":
    """Take, for each period, what is known by its end: of states the last of each thing, else every row.

    Where a period has a start of its own here (a trailing window), what lies before it is left out.
    """
    import ibis

    time = rows[contract.event_time]
    if starts[0] is not None:
        rows = rows.filter(time >= ibis.literal(starts[0], type="timestamp('UTC')"))
    if not contract.state_of and len(periods) > _FEW_PERIODS:
        rows = rows.filter(rows[contract.event_time] < _instant(periods[-1], end=True))
        return numbered(rows, rows[contract.event_time], starts, [period.end for period in periods])
    found = []
    for i, period in enumerate(periods):
        past = rows.filter(rows[contract.event_time] < _instant(period, end=True))
        if starts[i] is not None:
            past = past.filter(past[contract.event_time] >= ibis.literal(starts[i], type="timestamp('UTC')"))
        if contract.state_of:
            latest = ibis.row_number().over(
                group_by=list(contract.state_of), order_by=[past[contract.event_time].desc(), past.ingested_at.desc()]
            )
            past = past.mutate(_place=latest).filter(ibis._["_place"] == 0).drop("_place")
        found.append(past.mutate(_period=ibis.literal(i, type="int64")))
    return found[0] if len(found) == 1 else ibis.union(*found)


_CHANCES = ("sample_probability", "selection_probability")


def _per(quantities: Sequence[Quantity]) -> tuple[str, ...]:
    """The columns within whose values quantities are added first; those of one query share them."""
    found = {quantity.per for quantity in quantities}
    if len(found) > 1:
        raise InvalidInput(f"Quantities per different columns cannot share a query: {sorted(found)}.")
    return found.pop() if found else ()


def _per_column(quantity: Quantity) -> str:
    return f"_per_{blake2b(quantity.text.encode(), digest_size=6).hexdigest()}"


def _added(
    found: Rows, quantities: Sequence[Quantity], per: tuple[str, ...], also: Sequence[str], given: Given
) -> Rows:
    """Add quantities within each key, so that a key is one row: of the smallest weight, of one unit.

    Rows without a key are nobody's and left out; a key none of whose values is known stays unknown.
    """
    rows, columns = found.table, dict(found.keys)
    columns |= {column: rows[column] for column in (*per, *also)}
    for quantity in quantities:
        value, among = row_value(rows, quantity, given), eligible(rows, quantity, given)
        columns[_per_column(quantity)] = value
        if among is not None:
            columns[f"{_per_column(quantity)}_e"] = among.cast("int64")
    flat = rows.select(**columns)
    flat = flat.filter(*(flat[column].notnull() for column in per))
    kept = dict.fromkeys(column for column in also if column not in per)
    sums = {column: flat[column].max() if column in _CHANCES else flat[column].min() for column in kept}
    sums |= {column: flat[column].sum() for column in flat.columns if column.startswith("_per_")}
    table = flat.group_by([*found.keys, *per]).aggregate(**sums)
    return Rows(table, {name: table[name] for name in found.keys})


def _instant(window: Window, *, end: bool = False) -> "ir.Value":
    import ibis

    return ibis.literal(window.end if end else window.start, type="timestamp('UTC')")


def _operand(rows: "ir.Table", name: str, measures: Mapping[str, Measure], given: Given) -> "ir.Value":
    return measures[name].expression(rows, given) if name in measures else rows[name]


def _computed(rows: "ir.Table", node: Node, contract: Table, given: Given) -> "ir.Value":
    """A row-level expression in base units: seconds, the workspace's currency, bare numbers."""
    match node:
        case Number(value):
            import ibis

            return ibis.literal(value)
        case Name(name):
            value = _operand(rows, name, measures_of(contract.name), given)
            if value.type().is_boolean():
                return value.cast("int64")
            factor = operand(contract, name).dimension.factor
            return value if factor == 1.0 else value * factor
        case Negative(inner):
            return -_computed(rows, inner, contract, given)
        case Binary(sign, left, right):
            a, b = (_computed(rows, part, contract, given) for part in (left, right))
            if a.type().is_timestamp():
                return lasting(a, b)
            match sign:
                case "+":
                    return a + b
                case "-":
                    return a - b
                case "*":
                    return a * b
                case _:
                    return a / b.nullif(0)
        case Call("paired", (x, other)):
            import ibis

            value, beside = (_computed(rows, part, contract, given) for part in (x, other))
            return ibis.ifelse(beside.notnull(), value, ibis.null(value.type()))
        case Call() | Scope():
            raise InvalidInput("A row cannot be aggregated.")


def eligible(rows: "ir.Table", quantity: Quantity, given: Given) -> "ir.Value | None":
    """Tell the rows that a quantity is about: its conditions, and what its measures can speak of. None = all."""
    if quantity.per and _per_column(quantity) in rows.columns:
        added = f"{_per_column(quantity)}_e"
        return rows[added] > 0 if added in rows.columns else None
    measures = measures_of(quantity.table)
    terms = []
    for name, wanted in quantity.where.terms:
        flag = _operand(rows, name.name, measures, given)
        terms.append((flag if wanted else ~flag).fill_null(False))
    names = [] if quantity.node is None else [node.name for node in walk(quantity.node) if isinstance(node, Name)]
    for name_ in dict.fromkeys(names):
        among = measures[name_].among if name_ in measures else None
        if among is not None:
            terms.append(among(rows, given).fill_null(False))
    if not terms:
        return None
    result = terms[0]
    for term in terms[1:]:
        result = result & term
    return result


def row_value(rows: "ir.Table", quantity: Quantity, given: Given) -> "ir.Value":
    """Return a quantity's value per row, null where it is unknown or the row is none of its rows."""
    import ibis

    if quantity.per and _per_column(quantity) in rows.columns:
        return rows[_per_column(quantity)]
    if quantity.node is None:
        value: ir.Value = ibis.literal(1, type="int64")
    else:
        value = _computed(rows, quantity.node, table(quantity.table), given)
    terms = [name for name, _ in quantity.where.terms]
    among = eligible(rows, quantity, given) if terms else None
    return value if among is None else ibis.ifelse(among, value, ibis.null(value.type()))
