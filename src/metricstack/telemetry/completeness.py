"""Can the data be trusted: what is there, late, sampled, unknown or pointing nowhere, table by table."""

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Refusal
from metricstack.core.windows import Window
from metricstack.telemetry.addresses import masked
from metricstack.telemetry.tables import TABLES, table

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from metricstack.telemetry.workspace import Workspace

__all__ = ["TableCompleteness", "completeness", "covered_span", "days_with_data", "last_full_quarter"]

_TRAFFIC = ("requests", "spans", "llm_calls", "sessions")
_KEY_COLUMNS: dict[str, tuple[str, ...]] = {
    "requests": ("outcome", "latency", "cost", "use_case", "model", "user"),
    "spans": ("parent", "step", "quality_ok", "latency"),
    "llm_calls": ("model", "tokens_output", "cost", "latency"),
    "sessions": ("user", "converted", "revenue", "returned_28d"),
    "feedback": ("run", "value", "selection_probability"),
    "incidents": ("detected", "diagnosed", "mitigated", "fixed", "ai_related"),
    "deployments": ("status", "failed"),
    "changes": ("first_commit", "approved", "merged"),
    "pipeline_runs": ("max_event_time",),
    "alerts": ("due", "triaged"),
}
"""Columns whose unknown share a reader should know, by table."""


_DAY = 86_400
_EPOCH = date(1970, 1, 1)
_FAR = 100_000  # days from 1970 that a calendar is kept for, to the year 2243


@dataclass(frozen=True, slots=True)
class TableCompleteness:
    """What a table's rows of a window say of themselves.

    Args:
        table: Its name.
        rows: Rows in the window, without those delivered twice.
        duplicates: Rows delivered twice, left out of every number.
        late: Share of rows flagged late, 0 to 1.
        sampled: Share of rows that stand for more than themselves.
        unknown_sampling: Share of rows that do not say how they were sampled.
        nulls: Column → share of rows in which it is unknown, for the columns that matter most.
        dangling: Referencing column → share of its values that point to no row (referenced table at hand).
        first: First event in the window, None without rows.
        last: Last event in the window, None without rows.
    """

    table: str
    rows: int
    duplicates: int = 0
    late: float = 0.0
    sampled: float = 0.0
    unknown_sampling: float = 0.0
    nulls: tuple[tuple[str, float], ...] = ()
    dangling: tuple[tuple[str, float], ...] = ()
    first: datetime | None = None
    last: datetime | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        bounds = {name: value and value.isoformat() for name, value in (("first", self.first), ("last", self.last))}
        return asdict(self) | {"nulls": dict(self.nulls), "dangling": dict(self.dangling)} | bounds


def completeness(ws: "Workspace", window: Window) -> tuple[TableCompleteness, ...]:
    """Describe every table that the workspace has, for the rows of a window.

    Tables of states (registers) are described as of the window's end. References are looked up in the
    whole of the referenced table, since a run may have started before the window.

    Args:
        ws: The workspace.
        window: Which rows.

    Returns:
        One entry per table, in the schema's order.
    """
    return tuple(_describe(ws, name, window) for name in ws.tables)


def _describe(ws: "Workspace", name: str, window: Window) -> TableCompleteness:
    contract, rows = table(name), ws.table(name, duplicates=True)
    assert not isinstance(rows, Refusal)
    have = set(ws.columns(name))
    rows = rows.filter(rows.env.isnull() | (rows.env == ws.config.environment))
    time = rows[contract.event_time]
    rows = rows.filter(time < window.end) if contract.state_of else rows.filter(time >= window.start, time < window.end)
    flags = rows.dq_flags.fill_null("")
    twice = flags.contains("duplicate")
    columns = [column for column in _KEY_COLUMNS.get(name, ()) if column in have]
    time = rows[contract.event_time]
    sums = {
        "rows": _times(~twice),
        "duplicates": _times(twice),
        "late": _times(flags.contains("late") & ~twice),
        "sampled": _times((rows.sample_probability < 1) & ~twice),
        "unknown": _times(rows.sample_probability.isnull() & ~twice),
        "first": time.min(where=~twice),
        "last": time.max(where=~twice),
    } | {f"null_{column}": _times(rows[column].isnull() & ~twice) for column in columns}
    links = _links(ws, name)
    sums |= {f"given_{column}": _times(rows[column].notnull() & ~twice) for column in links}
    found = rows.aggregate(**sums).to_pyarrow().to_pylist()[0]
    count = int(found["rows"] or 0)

    def share(key: str) -> float:
        return float(found[key] or 0) / count if count else 0.0

    return TableCompleteness(
        name, count, int(found["duplicates"] or 0), share("late"), share("sampled"), share("unknown"),
        tuple((column, share(f"null_{column}")) for column in columns),
        tuple(
            (column, _lost(rows.filter(~twice)[column], there) / int(found[f"given_{column}"]))
            for column, there in links.items()
            if found[f"given_{column}"]
        ),
        _utc(found["first"]), _utc(found["last"]),
    )  # fmt: skip


def _times(condition: "ir.Value") -> "ir.Value":
    """Count the rows where a condition holds; unknown does not."""
    return condition.fill_null(False).cast("int64").sum()


def _utc(instant: datetime | None) -> datetime | None:
    if instant is None:
        return None
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)


def _links(ws: "Workspace", name: str) -> "dict[str, ir.Column]":
    """Return the columns that point to a table at hand, each with the column it points to."""
    found = {}
    for column in table(name).columns:
        other, _, key = column.references.partition(".")
        if other and column.name in ws.columns(name) and ws.has(other):
            there = ws.table(other)
            assert not isinstance(there, Refusal)
            found[column.name] = there[key]
    return found


def _lost(links: "ir.Column", there: "ir.Column") -> int:
    """Count the links that point to no row."""
    given, known = links.name("_link").as_table(), there.name("_known").as_table()
    given = given.filter(given["_link"].notnull())
    return int(given.anti_join(known, given["_link"] == known["_known"]).count().to_pyarrow().as_py())


def covered_span(ws: "Workspace") -> Window | None:
    """Return the window that the data are about: that of traffic, else of any facts, else of registers.

    Registers reach back to when something was first recorded, and calendars ahead; neither makes a quarter.
    """
    facts = [name for name in TABLES if not TABLES[name].state_of]
    return ws.span(*_TRAFFIC) or ws.span(*facts) or ws.span()


def last_full_quarter(ws: "Workspace") -> Window:
    """Return the last fiscal quarter that the data fill: traffic on its last day and on half of its days.

    Where no quarter is full, the one with most days, the later of two. One row with a wild date moves neither.

    Raises:
        InvalidInput: the workspace has no dated rows at all.
    """
    days = days_with_data(ws)
    if not days:
        place = masked(ws.config.warehouse) if ws.is_remote else str(ws.root / ws.config.warehouse)
        where = f" (no table of ours in {place})" if not ws.tables else ""
        raise InvalidInput(
            f"Workspace {ws.config.name!r} has no dated rows{where}, so that no quarter is filled. Load data with "
            "`metricstack ingest`, or name a quarter such as '2026Q3'."
        )
    seen: Counter[str] = Counter()
    quarters: dict[str, Window] = {}
    for day in sorted(days):
        quarter = ws.calendar.quarter_of(ws.calendar.midnight(day))
        quarters[quarter.name] = quarter
        seen[quarter.name] += 1
    for name in reversed(quarters):
        last = ws.calendar.local_day(quarters[name].end - timedelta(microseconds=1))
        if last in days and seen[name] >= quarters[name].days / 2:
            return quarters[name]
    return quarters[max(quarters, key=lambda name: (seen[name], quarters[name].start))]


def days_with_data(ws: "Workspace") -> set[date]:
    """Return the days (UTC) on which there is traffic, else any fact, else any row."""
    facts = [name for name in TABLES if not TABLES[name].state_of]
    for names in (("requests", "sessions"), _TRAFFIC, facts, tuple(TABLES)):
        numbers: set[int] = set()
        for name in names:
            rows = ws.table(name)
            if not isinstance(rows, Refusal):
                day = (rows[table(name).event_time].epoch_seconds() / _DAY).floor().cast("int64").name("day")
                numbers.update(day.as_table().distinct().to_pyarrow()["day"].to_pylist())
        if numbers:
            return {_EPOCH + timedelta(days=number) for number in numbers if abs(number) < _FAR}
    return set()
