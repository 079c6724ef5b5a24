"""Definitions to queries: for each table one fused query of all de-duplicated states, by group and unit.

Only sums leave the engine (and, for quantiles of small tables, bounded vectors without identifiers).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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

__all__ = ["GROUPS", "NOT_RECORDED", "Frame", "Plan", "binned", "fused", "measures_used", "profile", "sampled", "vectors", "whole"]

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
class Frame:
    """What is asked of a table: when, by what, of which rows.

    Args:
        ws: The workspace.
        given: What is bound into measures.
        periods: Windows, in order, that do not overlap.
        by: Dimensions with the way to each.
        where: Dimensions that must have a value, with the way to each.
    """

    ws: "Workspace"
    given: Given
    periods: tuple[Window, ...]
    by: tuple[Path, ...] = ()
    where: tuple[tuple[Path, str], ...] = ()
    _rows: dict[tuple[str, tuple[str, ...]], "ir.Table | Refusal"] = field(default_factory=dict)

    def rows(self, name: str, quantities: Iterable[Quantity] = ()) -> "ir.Table | Refusal":
        """Return a table's rows in question, with ``_period``, ``_g0``… and the columns that measures join in."""
        through = sorted({reference for q in quantities for measure in measures_used(q) for reference in measure.joins})
        key = (name, tuple(through))
        if key not in self._rows:
            self._rows[key] = self._build(name, through)
        return self._rows[key]

    def _build(self, name: str, through: Sequence[str]) -> "ir.Table | Refusal":
        contract, rows = table(name), self.ws.table(name)
        if isinstance(rows, Refusal):
            return rows
        rows = rows.filter(rows.env.isnull() | (rows.env == self.ws.config.environment))
        rows = _states_at(contract, rows, self.periods) if contract.state_of else _in_periods(contract, rows, self.periods)
        wanted: dict[str, tuple[tuple[str, ...], str]] = {}
        for reference in through:
            target = table(contract[reference].references.partition(".")[0])
            wanted |= {f"{reference}.{column}": ((reference,), column) for column in target.names}
        for i, path in enumerate(self._paths()):
            if path.through:
                wanted[f"_d{i}"] = (path.through, path.column)
        if wanted:
            joined = attach(self.ws, rows, contract, wanted)
            if isinstance(joined, Refusal):
                return joined
            rows = joined
        values = [rows[f"_d{i}"] if path.through else rows[path.column] for i, path in enumerate(self._paths())]
        shown = [value.cast("string").fill_null(NOT_RECORDED) for value in values]
        for value, (_, wanted_value) in zip(shown[len(self.by) :], self.where, strict=True):
            rows = rows.filter(value == wanted_value)
        return rows.mutate(**{f"_g{i}": shown[i] for i in range(len(self.by))})

    def _paths(self) -> list[Path]:
        return [*self.by, *(path for path, _ in self.where)]

    @property
    def keys(self) -> list[str]:
        """Names of the grouping columns."""
        return ["_period", *(f"_g{i}" for i in range(len(self.by)))]


def measures_used(quantity: Quantity) -> list[Measure]:
    """Return the measures that a quantity names."""
    known = measures_of(quantity.table)
    nodes = walk(quantity.node) if quantity.node is not None else iter(())
    names = [node.name for node in nodes if isinstance(node, Name)] + [name.name for name, _ in quantity.where.terms]
    return [known[name] for name in dict.fromkeys(names) if name in known]


def _in_periods(contract: Table, rows: "ir.Table", periods: Sequence[Window]) -> "ir.Table":
    """Keep the rows inside the periods, and number them by period: a balanced tree of comparisons."""
    import ibis

    time = rows[contract.event_time]
    rows = rows.filter(time >= _instant(periods[0]), time < _instant(periods[-1], end=True))
    time = rows[contract.event_time]

    def place(first: int, after: int) -> "ir.Value":
        if after - first == 1:
            return ibis.literal(first, type="int64")
        middle = (first + after) // 2
        return ibis.ifelse(time < _instant(periods[middle]), place(first, middle), place(middle, after))

    return rows.mutate(_period=place(0, len(periods)))


def _states_at(contract: Table, rows: "ir.Table", periods: Sequence[Window]) -> "ir.Table":
    """Take, for each period, the last state of each thing before the period's end."""
    import ibis

    found = []
    for i, period in enumerate(periods):
        past = rows.filter(rows[contract.event_time] < _instant(period, end=True))
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
        terms.append((flag if wanted else ~flag).fill_null(False))  # noqa: FBT003
    names = [] if quantity.node is None else [node.name for node in walk(quantity.node) if isinstance(node, Name)]
    for name_ in dict.fromkeys(names):
        among = measures[name_].among if name_ in measures else None
        if among is not None:
            terms.append(among(rows, given).fill_null(False))  # noqa: FBT003
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


def profile(contract: Table, rows: "ir.Table") -> "ir.Table":
    """Count what decides the plan: rows, units by each cluster column, sampled and unknown weights."""
    import ibis

    weight = _weight(contract, rows)
    counts = {
        "rows": rows.count(),
        "sampled": (weight != 1.0).cast("int64").sum(),
        "unknown": _unknown(contract, rows).cast("int64").sum(),
    }
    for i, name in enumerate(contract.cluster):
        counts[f"known{i}"] = rows[name].count()
        unit = rows[name] if i + 1 == len(contract.cluster) else ibis.coalesce(*(rows[c] for c in contract.cluster[i:]))
        counts[f"units{i}"] = unit.nunique()
    return rows.aggregate(**counts)


def fused(frame: Frame, name: str, states: Sequence[State], plan: Plan) -> "ir.Table | Refusal":
    """Build the one query of a table: every state by period, group and unit.

    Returns:
        Columns ``_period``, ``_g0``…, ``_unit``, ``s0``… in the order of ``states``, ``_n`` (rows) and
        ``_unknown`` (rows of unknown sampling); or a refusal when a table is missing.
    """
    import ibis

    contract = table(name)
    quantities = tuple(dict.fromkeys(state.quantity for state in states))
    rows = frame.rows(name, quantities)
    if isinstance(rows, Refusal):
        return rows
    columns: dict[str, ir.Value] = {key: rows[key] for key in frame.keys}
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
    rows = frame.rows(name, quantities)
    if isinstance(rows, Refusal):
        return rows
    chance = 1.0 / _weight(contract, rows)
    unit = next((column for column in ("run", "trace") if column in contract), contract.key[0])
    columns: dict[str, ir.Value] = {key: rows[key] for key in frame.keys}
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


def whole(
    frame: Frame, name: str, asked: Sequence[tuple[Quantity, str, tuple[float, ...]]]
) -> "ir.Table | Refusal":
    """Build the query of what no sum can give: exact quantiles, minima, maxima and distinct values by group.

    Args:
        frame: What is asked.
        name: The table.
        asked: Quantity, ``quantile`` | ``min`` | ``max`` | ``distinct``, and the shares of a quantile.

    Returns:
        The grouping columns, ``n{i}`` and ``q{i}`` (``q{i}_{j}`` for a quantile's shares).
    """
    rows = frame.rows(name, [quantity for quantity, _, _ in asked])
    if isinstance(rows, Refusal):
        return rows
    columns: dict[str, ir.Value] = {key: rows[key] for key in frame.keys}
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
    """Build the query of the values themselves, for tables small enough: groups, hashed unit, weight, ``x0``…"""
    contract = table(name)
    rows = frame.rows(name, quantities)
    if isinstance(rows, Refusal):
        return rows
    columns: dict[str, ir.Value] = {key: rows[key] for key in frame.keys}
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
    rows = frame.rows(name, [quantity])
    if isinstance(rows, Refusal):
        return rows
    x = _value(rows, quantity, frame.given).cast("float64")
    positive = x > 0
    place = (ibis.ifelse(positive, x, 1.0).ln() / _LOG).ceil().cast("int64")
    bins = ibis.ifelse(x.isnull(), ibis.null("int64"), ibis.ifelse(positive, place, NOT_POSITIVE))
    eligible = _eligible(rows, quantity, frame.given)
    columns: dict[str, ir.Value] = {key: rows[key] for key in frame.keys}
    columns |= {"_unit": _unit(rows, plan), "_bin": bins, "_u": _unknown(contract, rows).cast("int64")}
    columns["_weight"] = _weight(contract, rows)
    columns["_eligible"] = ibis.literal(1, type="int64") if eligible is None else eligible.cast("int64")
    flat = rows.select(**columns)
    return flat.group_by([*frame.keys, "_unit", "_bin"]).aggregate(
        _w=flat["_weight"].sum(), _n=ibis._.count(), _e=flat["_eligible"].sum(), _unknown=flat["_u"].sum()
    )
