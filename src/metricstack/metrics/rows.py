"""A table's rows in question, with what is computed of each: environment, window, periods, dimensions, measures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Refusal
from metricstack.core.windows import Window
from metricstack.metrics.formula import Binary, Call, Name, Negative, Node, Number, Scope, walk
from metricstack.metrics.joins import Path, attach
from metricstack.metrics.resolve import operand
from metricstack.metrics.states import Quantity
from metricstack.telemetry.contract import Table
from metricstack.telemetry.measures import Given, Measure, measures_of, seconds_between
from metricstack.telemetry.tables import table

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from metricstack.telemetry.workspace import Workspace

__all__ = ["NOT_RECORDED", "Frame", "Rows", "eligible", "measures_used", "row_value"]

NOT_RECORDED = "not recorded"
"""How a null dimension is shown."""


@dataclass(frozen=True)
class Rows:
    """A table's rows in question, with the columns that are needed of it only.

    Args:
        table: The rows.
        keys: Grouping column → its value: ``_period`` (number of the period), then ``_g0``… (the dimensions).
    """

    table: "ir.Table"
    keys: "dict[str, ir.Value]"


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
    """

    ws: "Workspace"
    given: Given
    periods: tuple[Window, ...]
    by: tuple[Path, ...] = ()
    where: tuple[tuple[Path, str], ...] = ()
    to_date: bool = False

    @property
    def keys(self) -> list[str]:
        """Names of the grouping columns."""
        return ["_period", *(f"_g{i}" for i in range(len(self.by)))]

    def rows(self, name: str, quantities: Sequence[Quantity] = (), also: Sequence[str] = ()) -> Rows | Refusal:
        """Return a table's rows in question.

        Args:
            name: The table.
            quantities: What will be computed of them.
            also: Further columns that will be read.
        """
        contract = table(name)
        paths = [*self.by, *(path for path, _ in self.where)]
        read = (column for quantity in quantities for column in self.reads(quantity))
        needed = dict.fromkeys([contract.event_time, "env", *also, *read])
        joined: dict[str, tuple[tuple[str, ...], str]] = {}
        joined |= {
            column: ((column.partition(".")[0],), column.partition(".")[2]) for column in needed if "." in column
        }
        joined |= {f"_d{i}": (path.through, path.column) for i, path in enumerate(paths) if path.through}
        own = [column for column in needed if "." not in column]
        own += [path.column for path in paths if not path.through] + [through[0] for through, _ in joined.values()]
        own += [*contract.state_of, "ingested_at"] if contract.state_of else []
        rows = self.ws.table(name, columns=own)
        if isinstance(rows, Refusal):
            return rows
        here = rows.env.isnull() | (rows.env == self.ws.config.environment)
        if contract.state_of or self.to_date:
            rows, period = _up_to(contract, rows.filter(here), self.periods), None
        else:
            time = rows[contract.event_time]
            rows = rows.filter(here, time >= _instant(self.periods[0]), time < _instant(self.periods[-1], end=True))
            period = contract.event_time
        if joined:
            found = attach(self.ws, rows, contract, joined)
            if isinstance(found, Refusal):
                return found
            rows = found
        if self.where:
            shown = [_shown(rows, i + len(self.by), path) == value for i, (path, value) in enumerate(self.where)]
            rows = rows.filter(*shown)
        keys = {"_period": rows["_period"] if period is None else _number(rows[period], self.periods)}
        return Rows(rows, keys | {f"_g{i}": _shown(rows, i, path) for i, path in enumerate(self.by)})

    def reads(self, quantity: Quantity) -> tuple[str, ...]:
        """Return the columns that a quantity reads; of a referenced table as ``reference.column``."""
        from ibis.expr.operations import Field

        rows = _unbound(quantity.table, tuple(sorted({name for m in measures_used(quantity) for name in m.joins})))
        if quantity.node is None and not quantity.where.terms:
            return ()
        values = [row_value(rows, quantity, self.given), eligible(rows, quantity, self.given)]
        return tuple(
            dict.fromkeys(field.name for value in values if value is not None for field in value.op().find(Field))
        )


def _shown(rows: "ir.Table", i: int, path: Path) -> "ir.Value":
    return rows[f"_d{i}" if path.through else path.column].cast("string").fill_null(NOT_RECORDED)


@cache
def _unbound(name: str, joins: tuple[str, ...]) -> "ir.Table":
    """A table without data, with the columns of its contract and of those that it references."""
    import ibis

    contract = table(name)
    schema = {column.name: column.kind.value for column in contract.columns}
    for reference in joins:
        target = table(contract[reference].references.partition(".")[0])
        schema |= {f"{reference}.{column.name}": column.kind.value for column in target.columns}
    return ibis.table(schema, name=name)


def measures_used(quantity: Quantity) -> list[Measure]:
    """Return the measures that a quantity names."""
    known = measures_of(quantity.table)
    nodes = walk(quantity.node) if quantity.node is not None else iter(())
    names = [node.name for node in nodes if isinstance(node, Name)] + [name.name for name, _ in quantity.where.terms]
    return [known[name] for name in dict.fromkeys(names) if name in known]


def _number(time: "ir.Value", periods: Sequence[Window]) -> "ir.Value":
    """Number an instant inside the periods by period: a balanced tree of comparisons, right across clock changes."""
    import ibis

    def place(first: int, after: int) -> "ir.Value":
        if after - first == 1:
            return ibis.literal(first, type="int64")
        middle = (first + after) // 2
        return ibis.ifelse(time < _instant(periods[middle]), place(first, middle), place(middle, after))

    return place(0, len(periods))


def _up_to(contract: Table, rows: "ir.Table", periods: Sequence[Window]) -> "ir.Table":
    """Take, for each period, what is known by its end: of states the last of each thing, else every row."""
    import ibis

    found = []
    for i, period in enumerate(periods):
        past = rows.filter(rows[contract.event_time] < _instant(period, end=True))
        if contract.state_of:
            latest = ibis.row_number().over(
                group_by=list(contract.state_of), order_by=[past[contract.event_time].desc(), past.ingested_at.desc()]
            )
            past = past.mutate(_place=latest).filter(ibis._["_place"] == 0).drop("_place")
        found.append(past.mutate(_period=ibis.literal(i, type="int64")))
    return found[0] if len(found) == 1 else ibis.union(*found)


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
                return seconds_between(a, b)
            match sign:
                case "+":
                    return a + b
                case "-":
                    return a - b
                case "*":
                    return a * b
                case _:
                    return a / b.nullif(0)
        case Call() | Scope():
            raise InvalidInput("A row cannot be aggregated.")


def eligible(rows: "ir.Table", quantity: Quantity, given: Given) -> "ir.Value | None":
    """Tell the rows that a quantity is about: its conditions, and what its measures can speak of. None = all."""
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

    if quantity.node is None:
        value: ir.Value = ibis.literal(1, type="int64")
    else:
        value = _computed(rows, quantity.node, table(quantity.table), given)
    terms = [name for name, _ in quantity.where.terms]
    among = eligible(rows, quantity, given) if terms else None
    return value if among is None else ibis.ifelse(among, value, ibis.null(value.type()))
