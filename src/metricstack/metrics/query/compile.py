"""Definitions to queries: for each table one fused query of all de-duplicated states, by group and unit.

Only sums leave the engine (and, for quantiles of small tables, bounded vectors without identifiers).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metricstack.core.values import Refusal
from metricstack.metrics.query.rows import Frame, eligible, row_value
from metricstack.metrics.query.states import Quantity, State
from metricstack.metrics.query.sums import ROWS, Sum, Sums
from metricstack.telemetry.contract import Table
from metricstack.telemetry.tables import table

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = [
    "GROUPS",
    "Plan",
    "Summable",
    "counted",
    "fused",
    "kept_as_one",
    "people",
    "sampled",
    "shared",
    "summable",
    "unit_of",
    "unknown_of",
    "vectors",
    "weight_of",
    "weights_read",
    "whole",
]

GROUPS = 64
"""Hash buckets in which many units are gathered."""
_SELECTION = "selection_probability"


@dataclass(frozen=True, slots=True)
class Plan:
    """How a table's rows become units and weights, known after a look at it (`metrics.plan`).

    Args:
        cluster: Columns whose first known value names a row's unit; empty = every row is one.
        gathered: Units are gathered in `GROUPS` hash buckets, since there are many.
        weighted: Some rows were sampled, so that weights are not all 1.
    """

    cluster: tuple[str, ...] = ()
    gathered: bool = True
    weighted: bool = True


def weight_of(contract: Table, rows: "ir.Table") -> "ir.Value":
    """One over the chance of being kept (and judged); 1 where that is unknown, which is counted apart."""
    weight = 1.0 / rows.sample_probability.nullif(0).fill_null(1.0)
    if _SELECTION in contract:
        weight = weight / rows[_SELECTION].nullif(0).fill_null(1.0)
    return weight


def unknown_of(contract: Table, rows: "ir.Table") -> "ir.Value":
    """Tell the rows of which nobody said how they were sampled."""
    unknown = rows.sample_probability.isnull() | (rows.sample_probability == 0)
    return unknown | rows[_SELECTION].isnull() if _SELECTION in contract else unknown


def unit_of(rows: "ir.Table", plan: Plan) -> "ir.Value":
    """The hash of a row's unit, or its bucket. Hashes differ between engines; sums over them hardly do."""
    import ibis

    if not plan.cluster:
        return ibis.literal(0, type="int64")
    values = [rows[name].cast("string") if rows[name].type().is_timestamp() else rows[name] for name in plan.cluster]
    unit = values[0] if len(values) == 1 else ibis.coalesce(*values)
    return unit.hash() & (GROUPS - 1) if plan.gathered else unit.hash()


def counted(frame: Frame, name: str, plan: Plan, *, by_period: bool = False) -> "ir.Table | Refusal":
    """Build the query that counts the rows in question, and those of them that were sampled: in all, or by period."""
    contract = table(name)
    found = frame.rows(name, also=weights_read(contract) if plan.weighted else ())
    if isinstance(found, Refusal):
        return found
    rows = found.table
    sampled = {"sampled": (weight_of(contract, rows) != 1.0).cast("int64").sum()} if plan.weighted else {}
    if by_period:
        return rows.group_by(_period=found.keys["_period"]).aggregate(rows=rows.count(), **sampled)
    return rows.aggregate(rows=rows.count(), **sampled)


def people(frame: Frame, name: str, column: str) -> "ir.Table | Refusal":
    """Build the query that counts the different persons of each group, as ``_people``."""
    found = frame.rows(name, also=[column])
    if isinstance(found, Refusal):
        return found
    flat = found.table.select(**found.keys, _person=found.table[column])
    return flat.group_by(frame.keys).aggregate(_people=flat["_person"].nunique())


def weights_read(contract: Table) -> list[str]:
    """Return the columns from which weights are made."""
    return ["sample_probability", *([_SELECTION] if _SELECTION in contract else [])]


def fused(frame: Frame, name: str, states: Sequence[State], plan: Plan) -> "ir.Table | Refusal":
    """Build the one query of a table: every state by period, group and unit.

    Returns:
        Columns ``_period``, ``_g0``…, ``_unit``, ``s0``… in the order of ``states``, ``_n`` (rows) and
        ``_unknown`` (rows of unknown sampling); or a refusal when a table is missing.
    """
    found = shared(frame, name, states, plan)
    if isinstance(found, Refusal):
        return found
    rows, places = found
    sums = {f"s{j}": rows[places[state]] for j, state in enumerate(states)}
    return rows.select(*frame.keys, "_unit", **sums, _n=rows["_n"], _unknown=rows["_unknown"])


def shared(
    frame: Frame, name: str, states: Sequence[State], plan: Plan
) -> "tuple[ir.Table, dict[State, str]] | Refusal":
    """Build the one query of a table as `fused` does, where states that are one sum share a column.

    Returns:
        The query, and the column of each state; or a refusal when a table is missing.
    """
    found = summable(frame, name, states, plan)
    if isinstance(found, Refusal):
        return found
    return found.added([*frame.keys, "_unit"]), found.places


@dataclass(frozen=True)
class Summable:
    """A table's rows with all that states add up of them.

    Args:
        rows: Grouping columns, ``_unit``, ``_time`` (the row's instant, where asked) and what is summed.
        sums: Name → sum of its columns.
        places: State → name of its sum.
        plan: How rows become units and weights.
    """

    rows: "ir.Table"
    sums: Mapping[str, Sum]
    places: dict[State, str]
    plan: Plan

    def added(self, keys: Sequence[str], rows: "ir.Table | None" = None) -> "ir.Table":
        """Add up, by these columns, these rows or (None) those of the table: the sums, ``_n`` and ``_unknown``."""
        flat = self.rows if rows is None else rows
        different = dict.fromkeys(one.columns[0] for one in self.sums.values() if one.kind == "distinct")
        if self.plan.weighted and different:
            within = [key for key in keys if key != "_unit"]
            flat = flat.mutate(**{f"_d{x}": _worth(flat, x, within) for x in different})
        wanted = {label: _sum(flat, one, self.plan) for label, one in self.sums.items()}
        return flat.group_by(list(keys)).aggregate(**wanted, _unknown=flat["_u"].sum())


def summable(
    frame: Frame, name: str, states: Sequence[State], plan: Plan, *, timed: bool = False
) -> Summable | Refusal:
    """Return a table's rows with all that states add up of them, each column once.

    Args:
        frame: What is asked.
        name: The table.
        states: The states.
        plan: How rows become units and weights.
        timed: Keep each row's instant, as ``_time``.
    """
    contract = table(name)
    quantities = tuple(dict.fromkeys(state.quantity for state in states))
    also = [contract.event_time] if timed else []
    found = frame.rows(name, quantities, [*plan.cluster, *weights_read(contract), *also])
    if isinstance(found, Refusal):
        return found
    rows, columns = found.table, dict(found.keys)
    columns["_unit"] = unit_of(rows, plan)
    if timed:
        columns["_time"] = rows[contract.event_time]
    unknown = found.simplified(unknown_of(contract, rows)).cast("int64")
    if plan.weighted:
        columns["_w"] = weight_of(contract, rows)
    values = {quantity: found.simplified(row_value(rows, quantity, frame.given)) for quantity in quantities}
    among = {
        quantity: found.simplified(about)
        for quantity in quantities
        if (about := eligible(rows, quantity, frame.given)) is not None
    }
    sums = Sums(values, among, found.known, plan.weighted)
    asked = sums.of(states)
    names = {ROWS: "_n"}
    for j, state in enumerate(states):
        names.setdefault(asked[state], f"s{j}")
    flat = rows.select(**columns, **sums.columns, _u=unknown)
    places = {state: names[one] for state, one in asked.items()}
    return Summable(flat, {label: one for one, label in names.items()}, places, plan)


def _sum(flat: "ir.Table", asked: Sum, plan: Plan) -> "ir.Value":
    import ibis

    columns = [flat[column] for column in asked.columns]
    weight = flat["_w"] if plan.weighted else None
    match asked.kind, columns:
        case "rows", _:
            return ibis._.count()
        case "known", [x]:
            return x.count()
        case "count", [x]:
            return x.sum().fill_null(0)
        case "total", [x, *others]:
            total = (x if weight is None else weight * x).sum()
            for other in others:
                total = total + other.sum()
            return total
        case "square", [x]:
            return (x * x if weight is None else weight * x * x).sum()
        case "weight", []:
            return flat["_w"].sum()
        case "weight", [x]:
            return flat["_w"].sum(where=x.notnull())
        case "distinct", [x]:
            return x.nunique() if weight is None else flat[f"_d{asked.columns[0]}"].sum().fill_null(0.0)
    raise AssertionError(asked)


def _worth(flat: "ir.Table", x: str, keys: Sequence[str]) -> "ir.Value":
    """A row's part of its value's weight, so that the rows of one value add up to one of it, weighted."""
    import ibis

    rows = flat[x].count().over(ibis.window(group_by=[*keys, x]))
    return ibis.ifelse(flat[x].notnull(), flat["_w"] / rows.nullif(0), ibis.null("float64"))


def kept_as_one(contract: Table) -> str:
    """Return the column whose rows a sampler keeps or drops together: the run, else the trace, else the row's key."""
    return next((column for column in ("run", "trace") if column in contract), contract.key[0])


def sampled(frame: Frame, name: str, quantities: Sequence[Quantity]) -> "ir.Table | Refusal":
    """Build the query of the sampling variance of totals: Σ (1 − p)/p² · x_i x_j over what was kept as one.

    A trace is kept or dropped as a whole, so rows of one run (else trace, else the row) are added first.

    Returns:
        The grouping columns and ``v_i_j`` for every pair i ≤ j of the quantities.

    Source:
        Horvitz and Thompson (1952) for independent (Poisson) sampling: the unbiased variance estimator.
    """
    contract = table(name)
    unit = kept_as_one(contract)
    found = frame.rows(name, quantities, [unit, *weights_read(contract)])
    if isinstance(found, Refusal):
        return found
    rows, columns = found.table, dict(found.keys)
    chance = 1.0 / weight_of(contract, rows)
    columns |= {"_kept": rows[unit], "_p": chance}
    columns |= {f"x{i}": row_value(rows, quantity, frame.given) for i, quantity in enumerate(quantities)}
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
    columns |= {f"x{i}": row_value(rows, quantity, frame.given) for i, (quantity, _, _) in enumerate(asked)}
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


def vectors(
    frame: Frame, name: str, quantities: Sequence[Quantity], plan: Plan, also: Sequence[str] = ()
) -> "ir.Table | Refusal":
    """Build the query of the values themselves, for tables small enough: groups, hashed unit, weight, x0 and so on.

    Columns named in ``also`` follow as c0, c1 and so on, for queries built upon this one: they may be identifiers
    and must not leave the engine.
    """
    contract = table(name)
    found = frame.rows(name, quantities, [*plan.cluster, *weights_read(contract), *also])
    if isinstance(found, Refusal):
        return found
    rows, columns = found.table, dict(found.keys)
    columns |= {
        "_unit": unit_of(rows, plan),
        "_w": weight_of(contract, rows),
        "_u": unknown_of(contract, rows).cast("int64"),
    }
    for i, quantity in enumerate(quantities):
        columns[f"x{i}"] = row_value(rows, quantity, frame.given).cast("float64")
        among = eligible(rows, quantity, frame.given)
        if among is not None:
            columns[f"e{i}"] = among.cast("int64")
    columns |= {f"c{i}": rows[column] for i, column in enumerate(also)}
    return rows.select(**columns)
