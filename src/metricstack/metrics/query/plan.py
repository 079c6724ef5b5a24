"""How a table's rows become units and weights, decided once for a whole table, by a look at its first rows.

The decision belongs to the table and not to a window, so that the sums of one day add to those of the next.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from metricstack.core.values import Refusal
from metricstack.metrics.query.compile import Plan, unit_of
from metricstack.telemetry.contract import Table
from metricstack.telemetry.tables import table

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from metricstack.telemetry.workspace import Workspace

__all__ = ["LOOK", "plan_of", "units_per_row"]

LOOK = 100_000
"""So many rows of a table are looked at first; most tables have no more."""
_COUNTED = 8  # of GROUPS buckets, in which units are counted
_KNOWN: "WeakKeyDictionary[Workspace, dict[Any, Any]]" = WeakKeyDictionary()


def plan_of(ws: "Workspace", name: str, *, exact_units: int, asked: Collection[str] = ()) -> Plan | Refusal:
    """Decide how a table's rows become units and weights.

    What the first rows show (many units, a sampled row) holds for all of them; only what they do not
    show is looked for in the rest. The answer does not depend on which rows come first.

    Args:
        ws: The workspace; the decision is kept with it, by the table's fingerprint.
        name: The table.
        exact_units: Up to so many units are taken one by one; more are gathered in buckets.
        asked: Own columns that are grouped by or filtered on: one that names a unit cannot tell chance
            from itself (all deployments of a service are of one service), so that what it holds is the unit.

    Returns:
        The plan; or a refusal when the workspace does not have the table.
    """
    rows = _rows(ws, name)
    if isinstance(rows, Refusal):
        return rows
    known = _KNOWN.setdefault(ws, {})
    cluster = _below(table(name), asked)
    key = (name, ws.fingerprint(name), exact_units, cluster)
    if key not in known:
        known[key] = _decide(table(name), rows, cluster, exact_units, proven=ws.never_null(name))
    found: Plan = known[key]
    return found


def _below(contract: Table, asked: Collection[str]) -> tuple[str, ...]:
    """Return the columns that name units within what is asked by: those after it, else what tells rows apart."""
    places = [i for i, column in enumerate(contract.cluster) if column in asked]
    if not places:
        return contract.cluster
    left = [column for column in contract.key if column not in asked]
    one = (contract.event_time,) if contract.event_time in left else tuple(left[:1])
    return contract.cluster[places[-1] + 1 :] or one or contract.key[:1]


def _rows(ws: "Workspace", name: str) -> "ir.Table | Refusal":
    contract = table(name)
    named = dict.fromkeys(("env", *contract.cluster, *contract.key, contract.event_time, *_weights(contract)))
    rows = ws.table(name, columns=list(named))
    if isinstance(rows, Refusal):
        return rows
    return rows.filter(rows.env.isnull() | (rows.env == ws.config.environment))


def _weights(contract: Table) -> list[str]:
    names = ("sample_probability", "selection_probability")
    return [name for name in names if name in contract]


def _decide(
    contract: Table, rows: "ir.Table", cluster: tuple[str, ...], exact_units: int, *, proven: Collection[str]
) -> Plan:
    """Decide; columns that are proven to be known in every row are not looked through."""
    import ibis

    look = rows.limit(LOOK)
    counts: dict[str, Any] = {"rows": look.count(), "sampled": _sampled(contract, look).cast("int64").sum()}
    for i, column in enumerate(cluster):
        counts[f"known{i}"] = look[column].count()
        counts[f"units{i}"] = ibis.coalesce(*(look[name] for name in cluster[i:])).nunique()
    seen = look.aggregate(**counts).to_pyarrow().to_pylist()[0]
    whole = seen["rows"] < LOOK

    def known(i: int) -> bool:
        return bool(seen[f"known{i}"]) or (not whole and _any(rows, rows[cluster[i]].notnull()))

    weighted = bool(seen["sampled"]) or (not whole and _any(rows, _sampled(contract, rows)))
    first = next((i for i in range(len(cluster)) if known(i)), None)
    if first is None:
        return Plan(cluster=contract.key[:1], gathered=seen["rows"] > exact_units, weighted=weighted)
    units = seen["rows"] if (cluster[first],) == contract.key else seen[f"units{first}"]
    if not whole and units <= exact_units:
        unit = ibis.coalesce(*(rows[name] for name in cluster[first:]))
        units = rows.aggregate(units=unit.nunique()).to_pyarrow()["units"][0].as_py()
    always = (
        i for i in range(first, len(cluster)) if cluster[i] in proven or _always(rows, seen, cluster[i], i, whole=whole)
    )
    cluster = cluster[first : next(always, len(cluster)) + 1]
    return Plan(cluster=cluster, gathered=units > exact_units, weighted=weighted)


def _always(rows: "ir.Table", seen: Mapping[str, Any], column: str, i: int, *, whole: bool) -> bool:
    """Tell whether a column names the unit of every row, so that the columns after it need not be read."""
    if seen[f"known{i}"] < seen["rows"]:
        return False
    return whole or not _any(rows, rows[column].isnull())


def _sampled(contract: Table, rows: "ir.Table") -> "ir.Value":
    """Rows whose weight is not 1; written so that an engine may skip files by their statistics."""
    first, *others = ((rows[name] != 1.0) & (rows[name] != 0.0) for name in _weights(contract))
    for other in others:
        first = first.fill_null(False) | other.fill_null(False)
    return first


def _any(rows: "ir.Table", condition: "ir.Value") -> bool:
    found = rows.filter(condition).limit(1).count().to_pyarrow().as_py()
    return bool(found)


def units_per_row(ws: "Workspace", name: str, plan: Plan) -> float:
    """Return about how many units a table has for each row, at most 1: counted in some of the hash buckets.

    Args:
        ws: The workspace; the answer is kept with it, by the table's fingerprint.
        name: The table.
        plan: Its plan.
    """
    rows = _rows(ws, name)
    if isinstance(rows, Refusal) or not plan.cluster or (plan.cluster[0],) == table(name).key:
        return 1.0
    known = _KNOWN.setdefault(ws, {})
    key = (name, ws.fingerprint(name), "units", plan.cluster)
    if key not in known:
        import ibis

        unit = unit_of(rows, replace(plan, gathered=True))
        flat = rows.select(bucket=unit, unit=ibis.coalesce(*(rows[column] for column in plan.cluster)))
        flat = flat.filter(flat.bucket < _COUNTED)
        counts = {"units": flat.unit.nunique(), "rows": flat.count()}
        seen = flat.aggregate(**counts).to_pyarrow().to_pylist()[0]
        known[key] = min(seen["units"] / seen["rows"], 1.0) if seen["rows"] else 1.0
    found: float = known[key]
    return found
