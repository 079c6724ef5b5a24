"""What is said of each group of rows, written beside them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["tell"]


def tell(
    rows: "ir.Table",
    keys: Sequence[str],
    said: Mapping[tuple[Any, ...], Sequence[Any]],
    columns: Mapping[str, str],
    *,
    embedded: bool,
) -> "ir.Table":
    """Write what is said of each group beside its rows, and leave out the rows of which nothing is said.

    An engine of our own looks it up in a small table. Another's would have to create one, which not every engine does
    for whoever may only read: there it is written into the query, case by case.

    Args:
        rows: The rows.
        keys: Columns that name the groups.
        said: Values of the keys → a value for each new column.
        columns: New column → its type.
        embedded: The engine is our own.
    """
    import ibis

    if embedded:
        import pyarrow as pa

        schema = ibis.schema({**{key: rows[key].type() for key in keys}, **columns})
        told = [dict(zip(schema.names, (*group, *values), strict=True)) for group, values in said.items()]
        return rows.inner_join(ibis.memtable(pa.Table.from_pylist(told, schema=schema.to_pyarrow())), list(keys))
    places = {group: _all(rows, keys, group) for group in said}
    return rows.mutate(
        **{
            name: ibis.cases(*((places[group], ibis.literal(values[i], type=kind)) for group, values in said.items()))
            for i, (name, kind) in enumerate(columns.items())
        }
    ).filter(ibis.or_(*places.values()))


def _all(rows: "ir.Table", keys: Sequence[str], group: tuple[Any, ...]) -> "ir.Value":
    import ibis

    found: ir.Value = ibis.and_(*(rows[key] == value for key, value in zip(keys, group, strict=True)))
    return found
