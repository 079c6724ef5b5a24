"""Whether a value may still change because something that belongs to it is not over."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from metricstack.core.values import Check, Refusal
from metricstack.core.windows import Window
from metricstack.telemetry.measures import seconds_between
from metricstack.telemetry.tables import table

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["open_since", "settled"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def open_since(ws: "Workspace", settled_by: str) -> tuple[float, ...]:
    """Return when each thing began that is not over, in seconds since 1970; empty where its table is missing.

    Args:
        ws: The workspace.
        settled_by: ``table.column``: the instant that a row lacks while it is open, ``incidents.closed``.
    """
    name, _, column = settled_by.partition(".")
    begun = table(name).event_time
    rows = ws.table(name, columns=dict.fromkeys([begun, column, "env"]))
    if isinstance(rows, Refusal) or column not in ws.columns(name):
        return ()
    import ibis

    here = rows.env.isnull() | (rows.env == ws.config.environment)
    since = seconds_between(rows[begun], ibis.literal(_EPOCH, type="timestamp('UTC')"))
    found = rows.filter(here, rows[column].isnull()).select(_begun=since).to_pyarrow()
    return tuple(sorted(found["_begun"].to_pylist()))


def settled(settled_by: str, begun: tuple[float, ...], period: Window, attribution: float) -> tuple[Check, ...]:
    """Say that a value is provisional while something of its period, or laid to it shortly after, is open.

    Args:
        settled_by: ``table.column``, for the text.
        begun: What `open_since` returned.
        period: The value's period.
        attribution: So many seconds after the period something may still be laid to it.

    Example:
        >>> from datetime import UTC
        >>> july = Window(datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 8, 1, tzinfo=UTC))
        >>> since = datetime(2026, 7, 9, tzinfo=UTC).timestamp()
        >>> (check,) = settled("incidents.closed", (since,), july, 86400.0)
        >>> check.name, check.passed, check.detail
        ('settled', False, "provisional: 1 of 'incidents' that began in it or within 1 d after is not over")
    """
    first, last = period.start.timestamp(), period.end.timestamp() + attribution
    count = sum(first <= instant < last for instant in begun)
    if not count:
        return ()
    name = settled_by.partition(".")[0]
    text = f"provisional: {count} of {name!r} that began in it or within {attribution / 86400:g} d after"
    return (Check("settled", False, f"{text} {'is' if count == 1 else 'are'} not over"),)
