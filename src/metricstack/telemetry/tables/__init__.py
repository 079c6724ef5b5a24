"""Every table of the one schema: `TABLES` by name."""

from metricstack.core.errors import UnknownName
from metricstack.telemetry.contract import Table
from metricstack.telemetry.tables import business, judgement, operations, oversight, traffic

__all__ = ["TABLES", "table"]

_FLOORS = (traffic, judgement, business, operations, oversight)

TABLES: dict[str, Table] = {
    contract.name: contract for floor in _FLOORS for contract in (getattr(floor, name) for name in floor.__all__)
}


def table(name: str) -> Table:
    """Look a table's contract up by name.

    Example:
        >>> table("requests").event_time
        'start'

    Raises:
        UnknownName: there is no such table; the message names the nearest.
    """
    if name not in TABLES:
        raise UnknownName("table", name, TABLES, remedy="The tables are described in docs/tables.md.")
    return TABLES[name]
