"""What a table promises: columns, types, units, ranges, keys, references and how personal each is."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from metricstack.core.errors import UnknownName
from metricstack.core.privacy import PrivacyClass
from metricstack.core.units import check_unit

__all__ = [
    "Column",
    "Kind",
    "Table",
    "choice",
    "count",
    "flag",
    "identity",
    "instant",
    "key",
    "number",
    "text",
]


class Kind(StrEnum):
    """The types that a column may have; the values are Ibis type names."""

    TEXT = "string"
    INTEGER = "int64"
    FLOAT = "float64"
    FLAG = "boolean"
    INSTANT = "timestamp('UTC')"

    def fits(self, found: Any) -> bool:
        """Tell whether an Ibis type can be read as this one without loss of meaning."""
        accepted = {
            Kind.TEXT: found.is_string,
            Kind.INTEGER: found.is_integer,
            Kind.FLOAT: found.is_numeric,
            Kind.FLAG: found.is_boolean,
            Kind.INSTANT: found.is_timestamp,
        }
        return bool(accepted[self]() or found.is_null())


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table's contract.

    Args:
        name: Canonical name, without a unit in it.
        kind: Its type.
        about: What it says, in a phrase.
        unit: Unit of a number (`core.units`), empty for anything else.
        nullable: Whether null (unknown, never 0) is allowed.
        minimum: Smallest allowed number.
        maximum: Largest allowed number.
        values: The closed list of allowed texts, empty where any is.
        references: ``"table.column"`` that this one points to, many to one; rows may point
            to nothing (telemetry loses rows), which is counted, not refused.
        privacy: How personal it is.
    """

    name: str
    kind: Kind
    about: str
    unit: str = ""
    nullable: bool = True
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] = ()
    references: str = ""
    privacy: PrivacyClass = PrivacyClass.INTERNAL

    def __post_init__(self) -> None:
        if self.unit:
            check_unit(self.unit)

    def required(self) -> "Column":
        """Return the same column, without null."""
        return replace(self, nullable=False)


def text(name: str, about: str, *, references: str = "") -> Column:
    """Declare a free text column."""
    return Column(name, Kind.TEXT, about, references=references)


def key(name: str, about: str, *, references: str = "") -> Column:
    """Declare an opaque id of a thing (not of a person), never null."""
    return Column(name, Kind.TEXT, about, nullable=False, references=references)


def identity(name: str, about: str, *, references: str = "") -> Column:
    """Declare an id of a person, tenant or session (applications put names there): stored as a keyed hash only."""
    return Column(name, Kind.TEXT, about, references=references, privacy=PrivacyClass.IDENTIFIER)


def choice(name: str, about: str, *values: str) -> Column:
    """Declare a text column with a closed list of values."""
    return Column(name, Kind.TEXT, about, values=values)


def number(name: str, unit: str, about: str, *, minimum: float | None = 0.0, maximum: float | None = None) -> Column:
    """Declare a real number with its unit, not negative unless said."""
    return Column(name, Kind.FLOAT, about, unit=unit, minimum=minimum, maximum=maximum)


def count(name: str, about: str, *, unit: str = "count") -> Column:
    """Declare a whole number that cannot be negative."""
    return Column(name, Kind.INTEGER, about, unit=unit, minimum=0)


def flag(name: str, about: str) -> Column:
    """Declare a statement that is true, false or unknown."""
    return Column(name, Kind.FLAG, about)


def instant(name: str, about: str) -> Column:
    """Declare an instant in UTC."""
    return Column(name, Kind.INSTANT, about)


ENVELOPE: tuple[Column, ...] = (
    text("source", "what delivered the row"),
    instant("ingested_at", "when the row arrived"),
    text("service", "the service that produced it"),
    text("env", "deployment environment: production, staging, ..."),
    number("sample_probability", "fraction", "chance that this row was kept; null = unknown", maximum=1.0),
    text("dq_flags", "comma-separated data-quality flags set by readers: duplicate, late, clock_skew"),
    text("attributes", "what has no column of its own, as a JSON object"),
)


@dataclass(frozen=True, slots=True)
class Table:
    """One table's contract.

    Args:
        name: Plural, canonical.
        about: What it carries.
        grain: What one row is.
        event_time: The column that places a row in a window.
        key: Columns that together name a row once.
        columns: Own columns, in order; the envelope follows.
        provider: What usually provides it, said when it is missing.
        state_of: For a table of states: the columns that name the thing whose state a row is.
            The state in a window is the last row per thing before the window's end. Empty for facts.
        cluster: Columns that name the units whose rows depend on one another, best first.
    """

    name: str
    about: str
    grain: str
    event_time: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    provider: str
    state_of: tuple[str, ...] = ()
    cluster: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        own = tuple(
            column.required() if column.name in (*self.key, self.event_time) else column for column in self.columns
        )
        taken = {column.name for column in own}
        envelope = tuple(column for column in ENVELOPE if column.name not in taken)
        object.__setattr__(self, "columns", own + envelope)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns, in order."""
        return tuple(column.name for column in self.columns)

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise UnknownName("column", name, self.names, remedy=f"Table {self.name!r} has: {', '.join(self.names)}.")

    def __contains__(self, name: str) -> bool:
        return name in self.names
