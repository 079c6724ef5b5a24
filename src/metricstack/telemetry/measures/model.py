"""Measures: named row-level expressions of a table, written once, that every definition may aggregate.

A measure says what one row means (`successful`, `within_sla`); null means unknown and is never 0.
It may take parameters, bound by the workspace's ``[parameters]`` (defaults stand in `PARAMETERS`, once)
and by its use-case cards; bound values are part of a definition's hash. Every column of a table's
contract may be aggregated as it is, without a measure.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.telemetry.lookups import lookup
from metricstack.telemetry.tables import table

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from metricstack.telemetry.config import WorkspaceConfig

__all__ = [
    "ASSUMED",
    "MEASURES",
    "PARAMETERS",
    "Given",
    "Measure",
    "flag",
    "given",
    "grouping",
    "lasting",
    "measures_of",
    "number",
    "seconds_between",
]

PARAMETERS: dict[str, tuple[float, str, str]] = {
    "sla_latency": (10.0, "s", "time target of a run, where its use-case card states none"),
    "sla_step_ingestion": (2.0, "s", "time target of the step 'ingestion'"),
    "sla_step_feature_creation": (2.0, "s", "time target of the step 'feature_creation'"),
    "sla_step_inference": (8.0, "s", "time target of the step 'inference'"),
    "sla_step_human_review": (14400.0, "s", "time target of the step 'human_review'"),
    "sla_step_other": (5.0, "s", "time target of any other step"),
    "availability_timeout": (60.0, "s", "a run that took longer was not available"),
    "availability_slice": (60.0, "s", "length of a time slice, whose runs are judged together"),
    "availability_slice_share": (0.95, "fraction", "a slice is good from this share of available runs on"),
    "handoff_timeout": (86400.0, "s", "a handoff that nobody took for so long has failed"),
    "hallucination_below": (0.5, "score", "groundedness under which an answer is one, where its card states none"),
    "judged_good_from": (0.75, "score", "offline judgement from which an item counts as good, for agreement"),
    "stale_features_after": (3600.0, "s", "a feature whose newest event is older when usable is stale"),
    "failure_attribution": (604800.0, "s", "so long after a deployment a failure may still be laid to it"),
    "review_requires_safety": (0.0, "1", "1 = a responsible-AI review must pass safety"),
    "review_requires_human_oversight": (0.0, "1", "1 = a responsible-AI review must pass human oversight"),
}
"""Name → default, unit, meaning."""

ASSUMED: dict[str, str] = {
    "minutes_before": "min",
    "minutes_after": "min",
    "minutes_new_steps": "min",
    "hourly_wage": "currency/h",
    "error_cost": "currency",
    "errors_avoided_share": "fraction",
    "engineering_cost": "currency/d",
    "monitoring_cost": "currency/d",
    "compliance_cost": "currency/d",
    "vendor_cost": "currency/d",
}
"""Inputs that the table ``assumptions`` may state per use case, and their units."""


@dataclass(frozen=True)
class Given:
    """What a workspace binds into its measures.

    Args:
        parameters: Every name of `PARAMETERS` with its value.
        acceptable_latency: Use case → time target of a run, in seconds, from its card.
        hallucination_below: Use case → groundedness under which an answer is a hallucination, from its card.
        until: The end of what the data tell: what is due from then on is not judged yet. None = all is told.
            It belongs to the data, not to the definition, and so is in no hash.
    """

    parameters: Mapping[str, float] = field(default_factory=lambda: {name: row[0] for name, row in PARAMETERS.items()})
    acceptable_latency: Mapping[str, float] = field(default_factory=dict)
    hallucination_below: Mapping[str, float] = field(default_factory=dict)
    until: datetime | None = None

    def __getitem__(self, name: str) -> float:
        if name not in self.parameters:
            raise UnknownName("parameter", name, PARAMETERS)
        return self.parameters[name]

    def bound(self, measure: "Measure") -> tuple[tuple[str, float], ...]:
        """Return what is bound into one measure, for its hash."""
        values = [(name, self[name]) for name in measure.parameters]
        if measure.by_card:
            values += [(f"{name}.{measure.by_card}", value) for name, value in self.card(measure.by_card).items()]
        return tuple(sorted(values))

    def card(self, entry: str) -> Mapping[str, float]:
        """Return an entry of the use-case cards, by use case.

        Raises:
            UnknownName: no measure takes such an entry.
        """
        cards = {"acceptable_latency": self.acceptable_latency, "hallucination_below": self.hallucination_below}
        if entry not in cards:
            raise UnknownName("entry of a use-case card", entry, cards)
        return cards[entry]


def given(config: "WorkspaceConfig") -> Given:
    """Bind a workspace's parameters and use-case cards.

    Raises:
        UnknownName: ``[parameters]`` names something that no measure takes.
    """
    for name in config.parameters:
        if name not in PARAMETERS:
            raise UnknownName(
                "parameter", name, PARAMETERS, remedy="Mend it under [parameters] in the metricstack.toml."
            )
    cards: dict[str, dict[str, float]] = {"acceptable_latency": {}, "hallucination_below": {}}
    for name, card in config.use_cases.items():
        for entry, values in cards.items():
            if (value := getattr(card, entry)) is not None:
                values[name] = value
    parameters = {name: config.parameters.get(name, row[0]) for name, row in PARAMETERS.items()}
    return Given(parameters, cards["acceptable_latency"], cards["hallucination_below"])


Expression = Callable[["ir.Table", Given], "ir.Value"]


@dataclass(frozen=True)
class Measure:
    """One named row-level expression.

    Args:
        table: The table whose rows it reads.
        name: Its name, unlike any column's.
        about: What it says of a row.
        unit: Unit of a number; empty for a flag.
        expression: Builds it from the rows and what is bound.
        needs: Columns that the data must have; without them it is unknown, not false.
        either: Columns of which the data must have one at least.
        across: It compares a row with others of its group (the runs of a minute, the attempts of an action), so
            that it holds for the group in which it was computed only: groups' sums of it do not add up.
        among: Flag of the rows that it could say something of at all; None = all of them.
        joins: Referencing columns whose tables it reads, and lookups (``change`` → columns ``change.…``).
        parameters: Names of `PARAMETERS` that it takes.
        by_card: The entry of the use-case cards that it takes, ``acceptable_latency`` or ``hallucination_below``.
        minimum: Smallest possible number, None where there is none.
        maximum: Largest possible number, None where there is none.
    """

    table: str
    name: str
    about: str
    unit: str
    expression: Expression
    needs: tuple[str, ...] = ()
    among: Expression | None = None
    joins: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    by_card: str = ""
    minimum: float | None = None
    maximum: float | None = None
    either: tuple[str, ...] = ()
    across: bool = False

    @property
    def is_flag(self) -> bool:
        """True where it is true, false or unknown."""
        return not self.unit


MEASURES: dict[tuple[str, str], Measure] = {}
"""(table, name) → measure: every one there is."""


def measures_of(name: str) -> dict[str, Measure]:
    """Return the measures of one table by name.

    Raises:
        UnknownName: the schema has no such table.
    """
    table(name)
    return {measure: value for (owner, measure), value in MEASURES.items() if owner == name}


def _add(measure: Measure) -> None:
    contract = table(measure.table)
    if measure.name in contract or (measure.table, measure.name) in MEASURES:
        raise InvalidInput(f"Table {measure.table!r} already has a column or measure {measure.name!r}.")
    for column in (*measure.needs, *measure.either, *measure.joins):
        if lookup(measure.table, column) is None:
            contract[column]
    MEASURES[measure.table, measure.name] = measure


def flag(
    table: str,
    about: str,
    *,
    needs: tuple[str, ...] = (),
    among: Expression | None = None,
    joins: tuple[str, ...] = (),
    parameters: tuple[str, ...] = (),
    by_card: str = "",
    either: tuple[str, ...] = (),
    across: bool = False,
) -> Callable[[Expression], Expression]:
    """Register a function as a measure that is true, false or unknown; the measure takes its name."""

    def register(expression: Expression) -> Expression:
        _add(
            Measure(
                table, expression.__name__, about, "", expression, needs, among, joins, parameters, by_card,
                0.0, 1.0, either, across,
            )
        )  # fmt: skip
        return expression

    return register


def number(
    table: str,
    unit: str,
    about: str,
    *,
    needs: tuple[str, ...] = (),
    among: Expression | None = None,
    joins: tuple[str, ...] = (),
    parameters: tuple[str, ...] = (),
    minimum: float | None = 0.0,
    maximum: float | None = None,
    either: tuple[str, ...] = (),
    across: bool = False,
) -> Callable[[Expression], Expression]:
    """Register a function as a measure that is a number with a unit; the measure takes its name."""

    def register(expression: Expression) -> Expression:
        _add(
            Measure(
                table, expression.__name__, about, unit, expression, needs, among, joins, parameters,
                minimum=minimum, maximum=maximum, either=either, across=across,
            )
        )  # fmt: skip
        return expression

    return register


def grouping(rows: "ir.Table") -> "list[ir.Value]":
    """Return the period and the dimensions by which rows are grouped, for a measure that compares rows (``across``)."""
    return [rows[name] for name in rows.columns if name == "_period" or re.fullmatch(r"_g\d+", name)]


def seconds_between(later: "ir.Value", earlier: "ir.Value") -> "ir.Value":
    """Seconds from one instant to another, to the microsecond.

    By whole epoch seconds and their fractions: differences of timestamps vary between engines, and an
    engine's epoch may hold the fraction (DuckDB) or not (Spark).
    """
    a, b = later.cast("timestamp"), earlier.cast("timestamp")  # the session's zone is UTC
    whole = a.truncate("s").epoch_seconds() - b.truncate("s").epoch_seconds()
    return whole + (a.microsecond() - b.microsecond()) / 1e6


def lasting(later: "ir.Value", earlier: "ir.Value") -> "ir.Value":
    """Seconds that something lasted; unknown where its end lies before its start, as clocks that disagree tell it."""
    import ibis

    seconds = seconds_between(later, earlier)
    return ibis.ifelse(seconds >= 0, seconds, ibis.null("float64"))
