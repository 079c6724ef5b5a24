"""Lineage: what a metric is made of, down to the raw columns, and what each of them does in it.

Nothing is run: the formula's tree says which measures, columns, stated inputs and other metrics there are;
the expression of a measure says which columns it reads; the table's contract says the rest (when a
row happened, which rows belong together, how likely a row was kept).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from metricstack.core.errors import InvalidInput
from metricstack.core.show import Seen
from metricstack.metrics.answers.drifted import CHECKS, COLUMNS
from metricstack.metrics.definitions import Catalogue, catalogue
from metricstack.metrics.language.formula import Binary, Call, Condition, Name, Negative, Node, Scope, walk
from metricstack.metrics.query.rows import columns_read
from metricstack.metrics.query.states import Quantity
from metricstack.telemetry.contract import Table
from metricstack.telemetry.lookups import lookup
from metricstack.telemetry.measures import ASSUMED, Given, Measure, measures_of
from metricstack.telemetry.tables import TABLES, table

__all__ = ["ColumnUse", "Lineage", "MeasureUse", "Role", "lineage"]


class Role(StrEnum):
    """What a measure or column does in a metric."""

    VALUE = "value"
    """It is aggregated."""
    FILTER = "filter"
    """It says which rows count."""
    WEIGHT = "weight"
    """It says for how many rows one stands."""
    TIME = "time"
    """It says when a row happened."""
    UNIT = "unit"
    """It says which rows belong together: to one unit, one key, one judged thing."""


@dataclass(frozen=True, slots=True)
class ColumnUse:
    """A raw column and what it does.

    Args:
        table: The table that holds it.
        column: Its name; of a lookup, what it tells, which may be made of several columns.
        role: What it does.
        through: The reference or lookup by which it is reached from the metric's table; empty for its own.
        measure: The measure that reads it; empty where the formula or the contract does.
    """

    table: str
    column: str
    role: Role
    through: str = ""
    measure: str = ""

    @property
    def name(self) -> str:
        """``table.column``."""
        return f"{self.table}.{self.column}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "table": self.table, "column": self.column, "role": str(self.role),
            "through": self.through, "measure": self.measure,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class MeasureUse:
    """A measure, what it does in a formula, and what it reads.

    Args:
        table: The table whose rows it is of.
        name: Its name.
        about: What it says of a row.
        unit: Unit of a number; empty for a flag.
        role: What it does.
        columns: What it reads.
        bound: What the workspace binds into it: parameter → value.
    """

    table: str
    name: str
    about: str
    unit: str
    role: Role
    columns: tuple[ColumnUse, ...]
    bound: tuple[tuple[str, float], ...] = ()

    @property
    def tables(self) -> tuple[str, ...]:
        """Every table that it reads, those of which a lookup is made too, each once."""
        looked = [found for use in self.columns if (found := lookup(self.table, use.through)) is not None]
        reads = [name for found in looked for name in found.reads]
        return tuple(dict.fromkeys([*(use.table for use in self.columns), *reads]))

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "table": self.table, "name": self.name, "about": self.about, "unit": self.unit or "flag",
            "role": str(self.role), "bound": dict(self.bound),
            "columns": [column.to_dict() for column in self.columns],
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lineage(Seen):
    """What a metric is made of.

    Args:
        metric: Its id.
        formula: As written.
        table: The table whose rows it aggregates; empty for arithmetic of other metrics.
        metrics: The metrics in its formula, each with its own lineage.
        measures: The measures in its formula, each with what it does there.
        columns: Columns that the formula names, or that the table's contract adds.
        inputs: Stated inputs (``assumed``) and their units.
    """

    metric: str
    formula: str
    table: str
    metrics: tuple["Lineage", ...] = ()
    measures: tuple[MeasureUse, ...] = ()
    columns: tuple[ColumnUse, ...] = ()
    inputs: tuple[tuple[str, str], ...] = ()

    @property
    def uses(self) -> tuple[ColumnUse, ...]:
        """Every column that the metric rests on, through measures and other metrics too, each use once."""
        found = [use for measure in self.measures for use in measure.columns]
        found += [*self.columns, *(use for part in self.metrics for use in part.uses)]
        return tuple(dict.fromkeys(found))

    @property
    def tables(self) -> tuple[str, ...]:
        """Every table that the metric rests on, in order, each once."""
        found = [name for measure in self.measures for name in measure.tables]
        found += [*(use.table for use in self.columns), *(name for part in self.metrics for name in part.tables)]
        return tuple(dict.fromkeys(found))

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "metric": self.metric,
            "formula": self.formula,
            "table": self.table,
            "metrics": [part.to_dict() for part in self.metrics],
            "measures": [measure.to_dict() for measure in self.measures],
            "columns": [column.to_dict() for column in self.columns],
            "inputs": dict(self.inputs),
        }


def lineage(metric: str, known: Catalogue | None = None) -> Lineage:
    """Trace a metric to its measures and columns.

    Args:
        metric: Id or alias.
        known: The catalogue, with what its workspace binds; None for the one that metricstack ships.

    Raises:
        UnknownName: there is no such metric.

    Example:
        >>> found = lineage("cost_per_successful_outcome")
        >>> sorted(use.name for use in found.uses if use.role is Role.VALUE)
        ['requests.cost', 'requests.outcome']
    """
    if known is not None and not isinstance(known, Catalogue):
        raise InvalidInput("lineage(metric, known) takes a catalogue, as `metrics.catalogue(ws)` gives.")
    known = known or catalogue()
    definition = known.get(metric)
    metrics: dict[str, Lineage] = {}
    measures: dict[tuple[str, Role], MeasureUse] = {}
    columns: dict[ColumnUse, None] = {}
    inputs: dict[str, str] = {}
    home = definition.table
    for name, role, inside in _names(definition.tree):
        if role is None:
            inputs[name] = ASSUMED[name]
        elif not inside:
            if name in known.definitions and name not in metrics:
                metrics[name] = lineage(name, known)
        elif home not in TABLES:  # a dimension over which other metrics are added: it is a column of theirs
            continue
        elif name in measures_of(home):
            measures.setdefault((name, role), _measure_use(measures_of(home)[name], role, known.given))
        else:
            columns[ColumnUse(home, name, role)] = None
    if home in TABLES and any(isinstance(node, Call) and node.is_aggregate for node in walk(definition.tree)):
        columns |= dict.fromkeys(_contract_uses(table(home)))
    if any(isinstance(node, Call) and node.function == "drift_slope" for node in walk(definition.tree)):
        columns |= dict.fromkeys(ColumnUse(CHECKS, column, Role(role)) for column, role in COLUMNS.items())
    return Lineage(
        definition.id, definition.formula, home, tuple(metrics.values()), tuple(measures.values()),
        tuple(columns), tuple(inputs.items()),
    )  # fmt: skip


_KEYED = ("kappa", "alpha", "pass_at")
"""Aggregates whose arguments after the first name the judged thing and who judged it."""


def _names(node: Node) -> Iterator[tuple[str, Role | None, bool]]:
    """Yield each name of a formula, its role (None for a stated input), and whether it is of a row."""
    match node:
        case Name(name):
            yield name, Role.VALUE, False
        case Negative(inner) | Scope(inner):
            yield from _names(inner)
        case Binary(_, left, right):
            yield from _names(left)
            yield from _names(right)
        case Call("assumed", (Name(name), *_)):
            yield name, None, False
        case Call("total", (Name(over), inner)):
            yield over, Role.UNIT, True
            yield from _names(inner)
        case Call() if node.is_aggregate:
            for place, argument in enumerate(node.arguments):
                role = Role.UNIT if place and node.function in _KEYED else Role.VALUE
                yield from ((part.name, role, True) for part in walk(argument) if isinstance(part, Name))
            yield from ((key.name, Role.UNIT, True) for key in node.per)
            yield from ((term.name, Role.FILTER, True) for term, _ in node.where.terms)
        case Call(_, arguments):
            for argument in arguments:
                yield from _names(argument)
        case _:
            return


def _measure_use(measure: Measure, role: Role, given: Given) -> MeasureUse:
    contract = table(measure.table)
    quantity = Quantity(measure.table, measure.name, Name(measure.name), Condition())
    columns = tuple(_reached(contract, name, role, measure.name) for name in sorted(columns_read(quantity, given)))
    return MeasureUse(
        measure.table, measure.name, measure.about, measure.unit, role, columns, tuple(given.bound(measure))
    )


def _reached(contract: Table, name: str, role: Role, measure: str) -> ColumnUse:
    """Say where a column that a measure reads stands: in its own table, or behind a reference or lookup."""
    through, dot, column = name.partition(".")
    if not dot:
        return ColumnUse(contract.name, name, role, measure=measure)
    looked = lookup(contract.name, through)
    target = looked.reads[0] if looked else contract[through].references.partition(".")[0]
    return ColumnUse(target, column, role, through, measure)


@cache
def _contract_uses(contract: Table) -> tuple[ColumnUse, ...]:
    """Columns that every metric of a table reads, whatever its formula."""
    chances = [name for name in ("sample_probability", "selection_probability") if name in contract]
    units = contract.state_of or contract.cluster or contract.key[:1]
    return (
        ColumnUse(contract.name, contract.event_time, Role.TIME),
        *(ColumnUse(contract.name, name, Role.WEIGHT) for name in chances),
        *(ColumnUse(contract.name, name, Role.UNIT) for name in units),
        *(ColumnUse(contract.name, name, Role.FILTER) for name in ("env", "dq_flags")),
    )
