"""Teams, never persons: a group by team with fewer than five people is withheld."""

from collections.abc import Mapping, Sequence

from metricstack.core.privacy import PrivacyClass
from metricstack.core.values import Reason, Refusal
from metricstack.metrics.query.fetch import TableData
from metricstack.metrics.query.grouped import Key
from metricstack.telemetry.tables import table

__all__ = ["SMALLEST_GROUP", "person_column", "withheld"]

SMALLEST_GROUP = 5


def person_column(name: str) -> str | None:
    """Return the column of a table that names persons, None where it has none.

    Example:
        >>> person_column("survey_responses"), person_column("incidents")
        ('respondent', None)
    """
    contract = table(name)
    for column in contract.cluster:
        if contract[column].privacy is PrivacyClass.IDENTIFIER:
            return column
    return None


def withheld(tables: Mapping[str, TableData], names: Sequence[str], key: Key) -> Refusal | None:
    """Refuse a group's value that stands on fewer than five people, None where it may be shown.

    Args:
        tables: The tables in use.
        names: Those that the metric reads; only those that name persons count.
        key: The group.
    """
    for name in names:
        column = person_column(name)
        if column is None:
            continue
        people = tables[name].people(column)
        seen = 0 if isinstance(people, Refusal) else int(people.of(key, "_people").sum())
        if 0 < seen < SMALLEST_GROUP:
            return Refusal(
                Reason.WITHHELD,
                f"the group has fewer than {SMALLEST_GROUP} people, and teams are shown, never persons",
                "Ask by a larger group, or without 'team'.",
            )
    return None
