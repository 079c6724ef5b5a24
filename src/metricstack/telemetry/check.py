"""Hold a table against its contract and report every fault at once, with counts."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from metricstack.core.values import Check
from metricstack.telemetry.contract import Column, Kind, Table

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["TableCheck", "check", "row_rules"]

_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class TableCheck:
    """What is wrong with a table, all of it.

    Args:
        table: Its name.
        rows: How many rows were looked at.
        faults: One failed `Check` per broken promise, with the number of rows that break it.
    """

    table: str
    rows: int
    faults: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """True where nothing is wrong."""
        return not self.faults

    def __str__(self) -> str:
        if self.passed:
            return f"Table {self.table!r}: {self.rows:,} rows, no fault."
        return "\n  ".join([f"Table {self.table!r}: {self.rows:,} rows, {len(self.faults)} faults:", *(
            fault.detail for fault in self.faults
        )])  # fmt: skip


def row_rules(contract: Table, columns: tuple[str, ...]) -> dict[str, tuple[str, Callable[["ir.Table"], "ir.Value"]]]:
    """List what every row must fulfil: rule name → (what it breaks, expression that is true where broken).

    A reader uses the same rules to set single rows aside, so that a quarantined row and a
    reported fault can never mean different things.

    Args:
        contract: The table's contract.
        columns: The columns that the data have; rules of other columns are left out.
    """
    rules: dict[str, tuple[str, Callable[[ir.Table], ir.Value]]] = {}
    for column in contract.columns:
        if column.name not in columns:
            continue
        for suffix, text, broken in _column_rules(column):
            rules[f"{column.name}_{suffix}"] = (text, broken)
    if {"start", "end"} <= set(columns) and "end" in contract:
        rules["end_before_start"] = ("'end' is before 'start'", lambda rows: rows["end"] < rows["start"])
    return rules


def _column_rules(column: Column) -> list[tuple[str, str, Callable[["ir.Table"], "ir.Value"]]]:
    name, unit = column.name, f" ({column.unit})" if column.unit else ""
    found: list[tuple[str, str, Callable[[ir.Table], ir.Value]]] = []
    if not column.nullable:
        found.append(("null", f"{name!r} is null", lambda rows: rows[name].isnull()))
        if column.kind is Kind.TEXT:
            found.append(("empty", f"{name!r} is empty", lambda rows: rows[name] == ""))
    if column.kind is Kind.INSTANT:
        text = f"{name!r} is not between 1970 and 2200: a stand-in for never, or a broken clock"
        found.append(("far", text, lambda rows: (rows[name] < _EARLIEST) | (rows[name] >= _LATEST)))
    if column.kind is Kind.FLOAT:
        found.append(
            ("nan", f"{name!r}{unit} is not a finite number", lambda rows: rows[name].isnan() | rows[name].isinf())
        )
    if column.minimum is not None:
        low = column.minimum
        found.append(("low", f"{name!r}{unit} is below {low:g}, the contract's minimum", lambda rows: rows[name] < low))
    if column.maximum is not None:
        high = column.maximum
        found.append(
            (
                "high",
                f"{name!r}{unit} is above {high:g}, the contract's maximum",
                lambda rows: rows[name] > high,
            )
        )
    if column.values:
        allowed = list(column.values)
        text = f"{name!r} is not one of {', '.join(allowed)}"
        found.append(("value", text, lambda rows: rows[name].notin(allowed)))
    return found


def check(contract: Table, rows: "ir.Table") -> TableCheck:
    """Check a table against its contract: types, nulls, ranges, values, keys; every fault at once.

    Args:
        contract: What the table promises.
        rows: The table, with the contract's columns (see `Workspace.table`) or as a file has them.

    Returns:
        A result that lists each broken promise with the number of rows that break it. References
        are not checked here: telemetry loses rows, and `completeness` counts what points nowhere.
    """
    import ibis

    schema, faults, good = rows.schema(), [], []
    for column in contract.columns:
        if column.name not in schema:
            if not column.nullable:
                faults.append(Check(f"{column.name}_missing", False, f"column {column.name!r} is missing"))
        elif not column.kind.fits(schema[column.name]):
            detail = f"column {column.name!r} is {schema[column.name]}; the contract says {column.kind.value}"
            faults.append(Check(f"{column.name}_type", False, detail))
        else:
            good.append(column.name)
    rules = row_rules(contract, tuple(good))
    sums = {name: broken(rows).fill_null(False).cast("int64").sum() for name, (_, broken) in rules.items()}
    sums["rows"] = rows.count()
    counts = rows.aggregate(**sums).to_pyarrow().to_pylist()[0]
    total = counts.pop("rows")
    for name, (text, _) in rules.items():
        if counts[name]:
            faults.append(Check(name, False, f"{counts[name]:,} of {total:,} rows: {text}"))
    if set(contract.key) <= set(good):
        once = rows.group_by(list(contract.key)).aggregate(copies=ibis._.count())
        extra = once.aggregate(extra=(once.copies - 1).sum()).to_pyarrow().to_pylist()[0]["extra"]
        if extra:
            text = f"{int(extra):,} of {total:,} rows: the key ({', '.join(contract.key)}) is there already"
            faults.append(Check("key_duplicate", False, text))
    return TableCheck(contract.name, total, tuple(faults))
