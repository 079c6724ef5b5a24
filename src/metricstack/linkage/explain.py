"""`explain` with a calendar beside it: where a daily series shifts, and which dated rows stand there.

That a row stands at a shift is no proof that it made it: it says where to look first.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from metricstack.core.show import Shown
from metricstack.core.values import Check, Finding, Grade, Reason, Refusal
from metricstack.core.windows import Window
from metricstack.linkage.stability import BreakTest, break_test
from metricstack.metrics import explain_each as decompose
from metricstack.metrics.change.explanation import Explanation
from metricstack.metrics.question import as_filter
from metricstack.metrics.values import values
from metricstack.numerics.intervals import check_level

if TYPE_CHECKING:
    import pandas as pd

    from metricstack.telemetry.workspace import Workspace

__all__ = ["DATED", "DatedRow", "Explained", "explain", "explain_each"]

DATED = ("events", "deployments", "incidents", "prices")
"""The tables whose rows can stand at a shift."""
_START = {"events": "start", "deployments": "deployed", "incidents": "started", "prices": "valid_from"}
_TOLD = {
    "events": ("event", "kind", "scope", "about"),
    "deployments": ("deployment", "kind", "status", "team"),
    "incidents": ("incident", "severity", "name", "use_case"),
    "prices": ("model", "bucket", "price", "currency"),
}

_NAMED = 5
"""Rows that a check names; all of them are among the rows."""


@dataclass(frozen=True, slots=True)
class DatedRow:
    """One dated row that stands at a shift.

    Args:
        table: Where it is recorded.
        key: Its key there.
        what: What it is, in words.
        start: When it began.
        day: The local day of that.
        scope: What it touches: ``all``, ``region:eu``; empty where that is not recorded.
        days: Days from the likeliest first day of the new level; below 0, before.
        is_routine: Whether it is a deployment like any other: neither of a model, prompt or policy, nor failed, nor a
            repair. A busy company has one on most days, so that one at a shift says little.
    """

    table: str
    key: str
    what: str
    start: datetime
    day: date
    scope: str
    days: int
    is_routine: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        told = {name: getattr(self, name) for name in ("table", "key", "what", "scope", "days", "is_routine")}
        return told | {"start": self.start.isoformat(), "day": self.day.isoformat()}


@dataclass(frozen=True)
class Explained(Shown):
    """Why a metric moved between two windows, and what stands at the shift of its daily series.

    Args:
        explanation: The change in parts that add up to it.
        shift: The likeliest shift in level over both windows; or why none can be looked for.
        between: First and last day on which the new level may have begun; None where no shift is shown.
        rows: The dated rows of those days and the day before, the nearest to the likeliest day first.
        tables: The tables that were looked through.
        where: Dimension → the value that was asked for.
        usual: How many rows that are not routine as many days hold on average over both windows; None where no shift
            is shown. It says how much of a coincidence the rows at the shift are.
    """

    explanation: Explanation
    shift: BreakTest | Refusal
    between: tuple[date, date] | None
    rows: tuple[DatedRow, ...]
    tables: tuple[str, ...]
    where: tuple[tuple[str, str], ...] = ()
    usual: float | None = None

    @property
    def metric(self) -> str:
        """Id of the metric."""
        return self.explanation.metric

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The shift, with what stands at it as a check, then the findings of the explanation."""
        total = self.explanation.total
        found = self.shift
        answer = found if isinstance(found, Refusal) else found.estimate
        checks: tuple[Check, ...] = ()
        if isinstance(found, BreakTest):
            shown = f"p = {found.p_value:.2g} of no shift on any day"
            checks = (Check("shift_shown", passed=found.broken, detail=shown), *found.checks)
            if self.between is not None:
                named = [f"{row.what} ({row.day})" for row in self.rows[:_NAMED]]
                named += [f"and {more:,} more"] if (more := len(self.rows) - _NAMED) > 0 else []
                stands = "; ".join(named) or "no dated row stands at it"
                checks = (*checks, Check("dated_rows", passed=None, detail=stands))
        question = f"Where does the daily level of {self.metric} shift?"
        shift = Finding(
            question, answer, self.metric, self.where, Grade.NONE if isinstance(found, Refusal) else Grade.D, checks,
            provenance=total.provenance,
        )  # fmt: skip
        return (shift, *self.explanation.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "kind": "explained", "explanation": self.explanation.to_dict(), "shift": self.shift.to_dict(),
            "between": None if self.between is None else [day.isoformat() for day in self.between],
            "rows": [row.to_dict() for row in self.rows], "tables": list(self.tables), "where": dict(self.where),
            "usual": self.usual,
        }  # fmt: skip


def explain(
    ws: "Workspace",
    metric: str,
    *,
    before: Window | str | None = None,
    after: Window | str | None = None,
    by: Sequence[str] | str = (),
    where: Mapping[str, str] | None = None,
    level: float = 0.95,
) -> Explained:
    """Explain why a metric moved, and look up what is dated at the shift of its daily series before any cause is named.

    The shift is looked for from the start of the earlier window to the end of the later. A row counts whose start lies
    within the days on which the new level may have begun, or on the day before: what comes late on a day shows on the
    next. Rows of another scope than asked are left out; those without a scope touch all.

    Args:
        ws: The workspace.
        metric: Id or alias.
        before: The earlier window, a quarter's name, or None for the one before the later.
        after: The later window, a quarter's name, or None for the last quarter that the data fill.
        by: Dimensions to split the change by; none = those by which this metric is usually read.
        where: Dimension → the value that it must have.
        level: Confidence level of the intervals.

    Returns:
        The parts of the change, the shift or why there is none to be seen, and the rows that stand at it.

    Raises:
        UnknownName: no such metric or dimension.
        InvalidInput: as `metricstack.metrics.explain`.
    """
    return explain_each(ws, [metric], before=before, after=after, by=by, where=where, level=level)[0]


def explain_each(
    ws: "Workspace",
    metrics: Sequence[str] | str,
    *,
    before: Window | str | None = None,
    after: Window | str | None = None,
    by: Sequence[str] | str = (),
    without: Sequence[str] | str = (),
    where: Mapping[str, str] | None = None,
    level: float = 0.95,
) -> tuple[Explained, ...]:
    """Explain several metrics between the same two windows: one scan per dimension and one of the days for them all.

    Args:
        ws: The workspace.
        metrics: Ids or aliases.
        before: As in `explain`.
        after: As in `explain`.
        by: As in `explain`; none = those by which each metric is usually read.
        without: Of those usual, the dimensions to leave out.
        where: As in `explain`.
        level: Confidence level of the intervals.

    Returns:
        One answer per metric, in order.

    Raises:
        UnknownName: as `explain`.
        InvalidInput: as `explain`.
    """
    check_level(level)
    place = tuple((as_filter(where) or {}).items())
    told = decompose(ws, metrics, before=before, after=after, by=by, without=without, where=where, level=level)
    if not told:
        return ()
    tables = tuple(name for name in DATED if ws.has(name))
    span = Window(min(told[0].before.start, told[0].after.start), max(told[0].before.end, told[0].after.end))
    ids = [one.metric for one in told]
    daily = values(ws, ids, window=span, grain="day", where=where or None, intervals=False)
    dated: list[DatedRow] | None = None
    found = []
    for one in told:
        days, shift = _shift(ws, one, daily[daily["metric"] == one.metric], level)
        if isinstance(shift, Refusal) or not shift.broken:
            found.append(Explained(one, shift, None, (), tables, place))
            continue
        if dated is None:
            dated = [row for table in tables for row in _rows(ws, table, dict(place))]
        found.append(_standing(Explained(one, shift, None, (), tables, place), dated, days))
    return tuple(found)


def _standing(found: Explained, dated: Sequence[DatedRow], days: Sequence[date]) -> Explained:
    """Add the rows that stand at the shift, the nearest first, and how many as many days usually hold."""
    assert isinstance(found.shift, BreakTest)
    first, last = (days[at] for at in found.shift.between)
    earliest, likeliest = first - timedelta(days=1), days[found.shift.at]
    rows = [replace(row, days=(row.day - likeliest).days) for row in dated if earliest <= row.day <= last]
    rows.sort(key=lambda row: (abs(row.days), row.start, DATED.index(row.table), row.key))
    all_told = sum(not row.is_routine and days[0] <= row.day <= days[-1] for row in dated)
    usual = all_told / len(days) * ((last - earliest).days + 1)
    return replace(found, between=(first, last), rows=tuple(rows), usual=usual)


def _shift(
    ws: "Workspace", told: Explanation, table: "pd.DataFrame", level: float
) -> tuple[list[date], BreakTest | Refusal]:
    import pandas as pd

    series = pd.Series(table["value"].to_numpy(dtype="float64", na_value=float("nan")), index=table["period"])
    series = series.sort_index()
    held = series.dropna()
    if held.empty:
        return [], Refusal(Reason.NO_DATA, f"no day of both windows tells {told.metric}", "Choose other windows.")
    whole = series.loc[held.index[0] : held.index[-1]]
    days = [one.date() for one in pd.to_datetime(whole.index)]
    lost = (days[-1] - days[0]).days + 1 - len(held)
    if lost:
        return days, Refusal(
            Reason.NO_DATA, f"{lost} of {len(held) + lost} days do not tell {told.metric}: a shift would hide in them",
            "Choose windows without gaps, or a metric that each day tells.",
        )  # fmt: skip
    unit = told.total.answer.unit if not isinstance(told.total.answer, Refusal) else told.definition.unit
    unit = unit.replace("currency", ws.config.currency)
    found = break_test(whole.to_numpy(), dates=[str(day) for day in days], level=level, unit=unit)
    if isinstance(found, Refusal):
        return days, replace(found, detail=re.sub(r"\by\b", told.metric, found.detail))
    return days, found


def _rows(ws: "Workspace", table: str, where: Mapping[str, str]) -> Iterator[DatedRow]:
    """Yield the dated rows of a table that may touch a place, of all days; days from a shift are not known yet."""
    names = (*_TOLD[table], _START[table], "env")
    rows = ws.table(table, columns=names)
    if isinstance(rows, Refusal):
        return
    here = ws.config.environment
    rows = rows.filter(rows.env.fill_null(here) == here)
    held = sorted(
        (row for row in rows.to_pyarrow().to_pylist() if row[_START[table]] is not None),
        key=lambda row: (row[_START[table]], str(row[_TOLD[table][0]])),
    )
    if table == "prices":
        held = list(_changed(held))
    for row in held:
        scope = _scope(table, row)
        dimension, _, value = scope.partition(":")
        if row.get("status") == "cancelled" or where.get(dimension, value) != value:
            continue
        start = row[_START[table]]
        at = ws.calendar.local_day(start)
        key = str(row[_TOLD[table][0]])
        yield DatedRow(table, key, _what(table, row), start, at, scope, 0, _is_routine(table, row))


def _changed(rows: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Keep prices that are others than the last known of their model and bucket; the first of all changes nothing."""
    last: dict[tuple[Any, Any], Any] = {}
    for row in rows:
        key, told = (row["model"], row["bucket"]), (row["price"], row["currency"])
        if row["price"] is None:
            continue
        if last.setdefault(key, told) != told:
            yield {**row, "was": last[key]}
        last[key] = told


def _scope(table: str, row: Mapping[str, Any]) -> str:
    if table == "events":
        return "" if row["scope"] in (None, "all") else str(row["scope"])
    if table == "incidents":
        return f"use_case:{row['use_case']}" if row["use_case"] else ""
    return f"model:{row['model']}" if table == "prices" else ""


def _is_routine(table: str, row: Mapping[str, Any]) -> bool:
    return table == "deployments" and row["kind"] in (None, "", "planned") and row["status"] != "failure"


def _what(table: str, row: Mapping[str, Any]) -> str:
    """Say what a row is: its kind, then its name."""
    kind = str(row.get("kind") or "").replace("_", " ")
    match table:
        case "events":
            name = row["about"] or row["event"]
            return f"{kind or 'event'} {name!r}" + (f" for {row['scope']}" if _scope(table, row) else "")
        case "deployments":
            done = "failed deployment" if row["status"] == "failure" else "deployment"
            return f"{kind + ' ' if kind else ''}{done} {row['deployment']!r}"
        case "incidents":
            return f"incident {(row['name'] or row['incident'])!r}" + (
                f", {row['severity']}" if row["severity"] else ""
            )
        case _:
            bucket = str(row["bucket"]).replace("_", " ")
            (was, before), now = row["was"], row["currency"]
            units = (f" {before or 'unknown currency'}", f" {now or 'unknown currency'}") if before != now else ("", "")
            return f"price of {row['model']} {bucket} from {was:g}{units[0]} to {row['price']:g}{units[1]}"
