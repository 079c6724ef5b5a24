"""Logarithmic histograms of a table's rows, by group and unit, and what of each unit lies below a quantile."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from metricstack.core.values import Refusal
from metricstack.metrics.query.compile import Plan, unit_of, unknown_of, weight_of, weights_read
from metricstack.metrics.query.rows import Frame, eligible, row_value
from metricstack.metrics.query.states import Quantity
from metricstack.numerics.quantiles import BIN_RATIO, NOT_POSITIVE
from metricstack.telemetry.tables import table

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

__all__ = ["below", "bin_of", "binned", "binned_rows"]

_LOG = math.log(BIN_RATIO)


def bin_of(x: "ir.Value") -> "ir.Value":
    """The logarithmic bin of a number (`numerics.quantiles`), null where it is unknown."""
    import ibis

    positive = x > 0
    place = (ibis.ifelse(positive, x, 1.0).ln() / _LOG).ceil().cast("int64")
    return ibis.ifelse(x.isnull(), ibis.null("int64"), ibis.ifelse(positive, place, NOT_POSITIVE))


def binned_rows(
    frame: Frame, name: str, quantity: Quantity, plan: Plan, *, timed: bool = False
) -> "ir.Table | Refusal":
    """Return a table's rows with the logarithmic bin of a quantity.

    Returns:
        The grouping columns, ``_unit``, ``_bin`` (null where the value is unknown), ``_u`` (1 = unknown sampling),
        and where they are needed ``_eligible`` (1 = it is about the row), ``_weight`` and ``_time``.
    """
    contract = table(name)
    found = frame.rows(
        name, [quantity], [*plan.cluster, *weights_read(contract), *([contract.event_time] if timed else [])]
    )
    if isinstance(found, Refusal):
        return found
    rows, columns = found.table, dict(found.keys)
    columns["_unit"] = unit_of(rows, plan)
    columns["_bin"] = bin_of(found.simplified(row_value(rows, quantity, frame.given).cast("float64")))
    columns["_u"] = found.simplified(unknown_of(contract, rows)).cast("int64")
    among = eligible(rows, quantity, frame.given)
    if among is not None:
        columns["_eligible"] = found.simplified(among).cast("int64")
    if plan.weighted:
        columns["_weight"] = weight_of(contract, rows)
    if timed:
        columns["_time"] = rows[contract.event_time]
    return rows.select(**columns)


def binned(frame: Frame, name: str, quantity: Quantity, plan: Plan) -> "ir.Table | Refusal":
    """Build the logarithmic histogram of a quantity by group and unit.

    Returns:
        The grouping columns, ``_unit``, ``_bin`` (null where the value is unknown), ``_w`` (weight), ``_n``
        (rows), ``_e`` (rows that it is about) and ``_unknown``.
    """
    import ibis

    flat = binned_rows(frame, name, quantity, plan)
    if isinstance(flat, Refusal):
        return flat
    count = ibis._.count()
    return flat.group_by([*frame.keys, "_unit", "_bin"]).aggregate(
        _w=flat["_weight"].sum() if plan.weighted else count.cast("float64"),
        _n=count,
        _e=flat["_eligible"].sum() if "_eligible" in flat.columns else count,
        _unknown=flat["_u"].sum(),
    )


def below(
    frame: Frame, name: str, quantities: Sequence[Quantity], plan: Plan, cuts: "pa.Table"
) -> "ir.Table | Refusal":
    """Build the query of how much of each unit lies at or below its group's quantiles, which are known by now.

    Args:
        frame: What is asked.
        name: The table.
        quantities: The quantities.
        plan: How rows become units and weights.
        cuts: The grouping columns of each group, with the bin ``b{i}_{j}`` that holds the quantile j of quantity i,
            and the part ``p{i}_{j}`` of that bin which lies at or below it.

    Returns:
        The grouping columns, ``_unit``, ``w{i}`` (weight of the known values) and ``q{i}_{j}`` (of those below).
    """
    import ibis

    contract = table(name)
    found = frame.rows(name, quantities, [*plan.cluster, *weights_read(contract)])
    if isinstance(found, Refusal):
        return found
    rows, columns = found.table, dict(found.keys)
    columns["_unit"] = unit_of(rows, plan)
    if plan.weighted:
        columns["_w"] = weight_of(contract, rows)
    for i, quantity in enumerate(quantities):
        columns[f"x{i}"] = bin_of(found.simplified(row_value(rows, quantity, frame.given).cast("float64")))
    flat = rows.select(**columns).join(ibis.memtable(cuts), frame.keys)
    weight = flat["_w"] if plan.weighted else ibis.literal(1.0)
    sums: dict[str, ir.Value] = {}
    for i in range(len(quantities)):
        x = flat[f"x{i}"]
        sums[f"w{i}"] = weight.sum(where=x.notnull()) if plan.weighted else x.count()
        for j in range(sum(column.startswith(f"b{i}_") for column in cuts.column_names)):
            place, part = flat[f"b{i}_{j}"], flat[f"p{i}_{j}"]
            inside = ibis.cases((x < place, weight), (x == place, weight * part), else_=0.0)
            sums[f"q{i}_{j}"] = inside.sum()
    return flat.group_by([*frame.keys, "_unit"]).aggregate(**sums)
