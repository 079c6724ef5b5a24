"""Definitions to queries: for each table one fused query of all de-duplicated states, by group and unit.

Only sums leave the engine (and, for quantiles of small tables, bounded vectors without identifiers).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Refusal
from metricstack.core.windows import Window
from metricstack.metrics.formula import Binary, Call, Name, Negative, Node, Number, Scope, walk
from metricstack.metrics.joins import Path, attach
from metricstack.metrics.states import Quantity, Role, State
from metricstack.numerics.quantiles import BIN_RATIO, NOT_POSITIVE
from metricstack.telemetry.contract import Table
from metricstack.telemetry.measures import Given, Measure, measures_of, seconds_between
from metricstack.telemetry.tables import table

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from metricstack.telemetry.workspace import Workspace

__all__ = [
    "GROUPS",
    "NOT_RECORDED",
    "Frame",
    "Plan",
    "Rows",
    "binned",
    "fused",
    "measures_used",
    "people",
    "profile",
    "sampled",
    "vectors",
    "whole",
]

GROUPS = 64
"""Hash buckets in which many units are gathered."""
NOT_RECORDED = "not recorded"
"""How a null dimension is shown."""
_SELECTION = "selection_probability"
_LOG = math.log(BIN_RATIO)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a table's rows become units and weights, known after a look at them (`profile`).

    Args:
        cluster: Columns whose first known value names a row's unit; empty = every row is one.
        gathered: Units are gathered in `GROUPS` hash buckets, since there are many.
        weighted: Some rows were sampled, so that weights are not all 1.
    """

    cluster: tuple[str, ...] = ()
    gathered: bool = True
    weighted: bool = True


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
        values = [_value(rows, quantity, self.given), _eligible(rows, quantity, self.given)]
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


def _row_value(rows: "ir.Table", node: Node, measures: Mapping[str, Measure], given: Given) -> "ir.Value":
    match node:
        case Number(value):
            import ibis

            return ibis.literal(value)
        case Name(name):
            value = _operand(rows, name, measures, given)
            return value.cast("int64") if value.type().is_boolean() else value
        case Negative(inner):
            return -_row_value(rows, inner, measures, given)
        case Binary(sign, left, right):
            a, b = (_row_value(rows, part, measures, given) for part in (left, right))
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


def _eligible(rows: "ir.Table", quantity: Quantity, given: Given) -> "ir.Value | None":
    """The rows that a quantity is about: its conditions, and what its measures can speak of. None = all."""
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


def _value(rows: "ir.Table", quantity: Quantity, given: Given) -> "ir.Value":
    """A quantity's value per row, null where it is unknown or the row is none of its rows."""
    import ibis

    if quantity.node is None:
        value: ir.Value = ibis.literal(1, type="int64")
    else:
        value = _row_value(rows, quantity.node, measures_of(quantity.table), given)
    terms = [name for name, _ in quantity.where.terms]
    eligible = _eligible(rows, quantity, given) if terms else None
    return value if eligible is None else ibis.ifelse(eligible, value, ibis.null(value.type()))


def _weight(contract: Table, rows: "ir.Table") -> "ir.Value":
    """One over the chance of being kept (and judged); 1 where that is unknown, which is counted apart."""
    weight = 1.0 / rows.sample_probability.nullif(0).fill_null(1.0)
    if _SELECTION in contract:
        weight = weight / rows[_SELECTION].nullif(0).fill_null(1.0)
    return weight


def _unknown(contract: Table, rows: "ir.Table") -> "ir.Value":
    unknown = rows.sample_probability.isnull() | (rows.sample_probability == 0)
    return unknown | rows[_SELECTION].isnull() if _SELECTION in contract else unknown


def _unit(rows: "ir.Table", plan: Plan) -> "ir.Value":
    """The hash of a row's unit, or its bucket. Hashes differ between engines; sums over them hardly do."""
    import ibis

    if not plan.cluster:
        return ibis.literal(0, type="int64")
    values = [rows[name] for name in plan.cluster]
    unit = values[0] if len(values) == 1 else ibis.coalesce(*values)
    return unit.hash() & (GROUPS - 1) if plan.gathered else unit.hash()


def profile(frame: Frame, name: str) -> "ir.Table | Refusal":
    """Count what decides the plan: rows, units by each cluster column, sampled and unknown weights."""
    import ibis

    contract = table(name)
    found = frame.rows(name, also=[*contract.cluster, *_weights(contract)])
    if isinstance(found, Refusal):
        return found
    rows = found.table
    counts = {
        "rows": rows.count(),
        "sampled": (_weight(contract, rows) != 1.0).cast("int64").sum(),
        "unknown": _unknown(contract, rows).cast("int64").sum(),
    }
    for i, column in enumerate(contract.cluster):
        counts[f"known{i}"] = rows[column].count()
        unit = (
            rows[column] if i + 1 == len(contract.cluster) else ibis.coalesce(*(rows[c] for c in contract.cluster[i:]))
        )
        counts[f"units{i}"] = rows.count() if (column,) == contract.key else unit.nunique()
    return rows.aggregate(**counts)


def people(frame: Frame, name: str, column: str) -> "ir.Table | Refusal":
    """Build the query that counts the different persons of each group, as ``_people``."""
    found = frame.rows(name, also=[column])
    if isinstance(found, Refusal):
        return found
    flat = found.table.select(**found.keys, _person=found.table[column])
    return flat.group_by(frame.keys).aggregate(_people=flat["_person"].nunique())


def _weights(contract: Table) -> list[str]:
    return ["sample_probability", *([_SELECTION] if _SELECTION in contract else [])]


def fused(frame: Frame, name: str, states: Sequence[State], plan: Plan) -> "ir.Table | Refusal":
    """Build the one query of a table: every state by period, group and unit.

    Returns:
        Columns ``_period``, ``_g0``…, ``_unit``, ``s0``… in the order of ``states``, ``_n`` (rows) and
        ``_unknown`` (rows of unknown sampling); or a refusal when a table is missing.
    """
    import ibis

    contract = table(name)
    quantities = tuple(dict.fromkeys(state.quantity for state in states))
    found = frame.rows(name, quantities, [*plan.cluster, *_weights(contract)])
    if isinstance(found, Refusal):
        return found
    rows, columns = found.table, dict(found.keys)
    columns["_unit"] = _unit(rows, plan)
    columns["_u"] = _unknown(contract, rows).cast("int64")
    if plan.weighted:
        columns["_w"] = _weight(contract, rows)
    for i, quantity in enumerate(quantities):
        columns[f"x{i}"] = _value(rows, quantity, frame.given)
        eligible = _eligible(rows, quantity, frame.given)
        if eligible is not None:
            columns[f"e{i}"] = eligible.cast("int64")
    flat = rows.select(**columns)
    sums = {f"s{j}": _sum(flat, state.role, quantities.index(state.quantity), plan) for j, state in enumerate(states)}
    return flat.group_by([*frame.keys, "_unit"]).aggregate(**sums, _n=ibis._.count(), _unknown=flat["_u"].sum())


def _sum(flat: "ir.Table", role: Role, i: int, plan: Plan) -> "ir.Value":
    import ibis

    x = flat[f"x{i}"]
    weight = flat["_w"] if plan.weighted else None
    match role:
        case Role.TOTAL:
            return (x if weight is None else weight * x).sum()
        case Role.SQUARE:
            return (x * x if weight is None else weight * x * x).sum()
        case Role.KNOWN:
            return x.count() if weight is None else weight.sum(where=x.notnull())
        case Role.N:
            return x.count()
        case Role.ELIGIBLE:
            return flat[f"e{i}"].sum() if f"e{i}" in flat.columns else ibis._.count()
        case Role.DISTINCT:
            return x.nunique()


def sampled(frame: Frame, name: str, quantities: Sequence[Quantity]) -> "ir.Table | Refusal":
    """Build the query of the sampling variance of totals: Σ (1 − p)/p² · x_i x_j over what was kept as one.

    A trace is kept or dropped as a whole, so rows of one run (else trace, else the row) are added first.

    Returns:
        The grouping columns and ``v_i_j`` for every pair i ≤ j of the quantities.

    Source:
        Horvitz and Thompson (1952) for independent (Poisson) sampling: the unbiased variance estimator.
    """
    contract = table(name)
    unit = next((column for column in ("run", "trace") if column in contract), contract.key[0])
    found = frame.rows(name, quantities, [unit, *_weights(contract)])
    if isinstance(found, Refusal):
        return found
    rows, columns = found.table, dict(found.keys)
    chance = 1.0 / _weight(contract, rows)
    columns |= {"_kept": rows[unit], "_p": chance}
    columns |= {f"x{i}": _value(rows, quantity, frame.given) for i, quantity in enumerate(quantities)}
    flat = rows.select(**columns)
    flat = flat.filter(flat["_p"] < 1.0)
    kept = flat.group_by([*frame.keys, "_kept"]).aggregate(
        _p=flat["_p"].min(), **{f"x{i}": flat[f"x{i}"].sum().fill_null(0) for i in range(len(quantities))}
    )
    factor = (1.0 - kept["_p"]) / (kept["_p"] * kept["_p"])
    pairs = [(i, j) for i in range(len(quantities)) for j in range(i, len(quantities))]
    return kept.group_by(frame.keys).aggregate(
        **{f"v_{i}_{j}": (factor * kept[f"x{i}"] * kept[f"x{j}"]).sum() for i, j in pairs}
    )


def whole(frame: Frame, name: str, asked: Sequence[tuple[Quantity, str, tuple[float, ...]]]) -> "ir.Table | Refusal":
    """Build the query of what no sum can give: exact quantiles, minima, maxima and distinct values by group.

    Args:
        frame: What is asked.
        name: The table.
        asked: Quantity, ``quantile`` | ``min`` | ``max`` | ``distinct``, and the shares of a quantile.

    Returns:
        The grouping columns, ``n{i}`` and ``q{i}`` (``q{i}_{j}`` for a quantile's shares).
    """
    found = frame.rows(name, [quantity for quantity, _, _ in asked])
    if isinstance(found, Refusal):
        return found
    rows, columns = found.table, dict(found.keys)
    columns |= {f"x{i}": _value(rows, quantity, frame.given) for i, (quantity, _, _) in enumerate(asked)}
    flat = rows.select(**columns)
    sums: dict[str, ir.Value] = {}
    for i, (_, function, shares) in enumerate(asked):
        x = flat[f"x{i}"]
        sums[f"n{i}"] = x.count()
        if function == "quantile":
            sums |= {f"q{i}_{j}": x.cast("float64").quantile(share) for j, share in enumerate(shares)}
        else:
            sums[f"q{i}"] = {"min": x.min, "max": x.max, "distinct": x.nunique}[function]()
    return flat.group_by(frame.keys).aggregate(**sums)


def vectors(frame: Frame, name: str, quantities: Sequence[Quantity], plan: Plan) -> "ir.Table | Refusal":
    """Build the query of the values themselves, for tables small enough: groups, hashed unit, weight, x0 and so on."""
    contract = table(name)
    found = frame.rows(name, quantities, [*plan.cluster, *_weights(contract)])
    if isinstance(found, Refusal):
        return found
    rows, columns = found.table, dict(found.keys)
    columns |= {"_unit": _unit(rows, plan), "_w": _weight(contract, rows), "_u": _unknown(contract, rows).cast("int64")}
    for i, quantity in enumerate(quantities):
        columns[f"x{i}"] = _value(rows, quantity, frame.given).cast("float64")
        eligible = _eligible(rows, quantity, frame.given)
        if eligible is not None:
            columns[f"e{i}"] = eligible.cast("int64")
    return rows.select(**columns)


def binned(frame: Frame, name: str, quantity: Quantity, plan: Plan) -> "ir.Table | Refusal":
    """Build the logarithmic histogram of a quantity by group and unit.

    Returns:
        The grouping columns, ``_unit``, ``_bin`` (null where the value is unknown), ``_w`` (weight), ``_n``
        (rows), ``_e`` (rows that it is about) and ``_unknown``.
    """
    import ibis

    contract = table(name)
    found = frame.rows(name, [quantity], [*plan.cluster, *_weights(contract)])
    if isinstance(found, Refusal):
        return found
    rows, columns = found.table, dict(found.keys)
    x = _value(rows, quantity, frame.given).cast("float64")
    positive = x > 0
    place = (ibis.ifelse(positive, x, 1.0).ln() / _LOG).ceil().cast("int64")
    bins = ibis.ifelse(x.isnull(), ibis.null("int64"), ibis.ifelse(positive, place, NOT_POSITIVE))
    eligible = _eligible(rows, quantity, frame.given)
    columns |= {"_unit": _unit(rows, plan), "_bin": bins, "_u": _unknown(contract, rows).cast("int64")}
    columns["_weight"] = _weight(contract, rows)
    columns["_eligible"] = ibis.literal(1, type="int64") if eligible is None else eligible.cast("int64")
    flat = rows.select(**columns)
    return flat.group_by([*frame.keys, "_unit", "_bin"]).aggregate(
        _w=flat["_weight"].sum(), _n=ibis._.count(), _e=flat["_eligible"].sum(), _unknown=flat["_u"].sum()
    )
