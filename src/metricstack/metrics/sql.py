"""The SQL of a metric, without data: what an engine is asked, to read and to keep from changing by accident."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, cast

from metricstack.core.windows import Window
from metricstack.metrics.answers.special import single
from metricstack.metrics.definitions import Catalogue, catalogue
from metricstack.metrics.job import Job, Request
from metricstack.metrics.model import Population
from metricstack.metrics.query import binning
from metricstack.metrics.query import compile as queries
from metricstack.metrics.query.compile import Plan
from metricstack.metrics.query.fetch import TableData
from metricstack.metrics.query.joins import path_to
from metricstack.metrics.query.rows import Frame
from metricstack.metrics.query.states import Role, State, quantity_of, states_of
from metricstack.telemetry.calendar import Calendar
from metricstack.telemetry.config import WorkspaceConfig
from metricstack.telemetry.dialects import write
from metricstack.telemetry.tables import table

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from metricstack.telemetry.workspace import Workspace

__all__ = ["expressions", "sql"]


@dataclass(frozen=True)
class _Schema:
    """Stands for a workspace whose tables have no data, only their contract."""

    config: WorkspaceConfig = field(default_factory=WorkspaceConfig)

    @property
    def calendar(self) -> Calendar:
        return Calendar(self.config.zone, self.config.fiscal_year_start)

    def table(self, name: str, *, columns: Iterable[str]) -> "ir.Table":
        import ibis

        contract = table(name)
        rows = ibis.table({column.name: column.kind.value for column in contract.columns}, name=name)
        rows = rows.filter(~rows.dq_flags.fill_null("").contains("duplicate"))
        return rows.select(*dict.fromkeys(columns))

    def never_null(self, name: str) -> frozenset[str]:
        return frozenset()  # nothing is proven without data

    def always_null(self, name: str) -> frozenset[str]:
        return frozenset()


class _Large(TableData):
    """A table without data, taken as large and sampled."""

    @cached_property
    def plan(self) -> Plan:
        return _plan(self.name)

    @cached_property
    def is_small(self) -> bool:
        return False


def _plan(name: str) -> Plan:
    return Plan(cluster=table(name).cluster or table(name).key[:1])


def sql(
    metric: str,
    *,
    known: Catalogue | None = None,
    window: Window | None = None,
    by: Sequence[str] = (),
    grain: str | None = None,
    where: Mapping[str, str] | None = None,
    dialect: str = "duckdb",
) -> dict[str, str]:
    """Return the queries that a metric asks of an engine for a large, sampled table.

    Evaluated together, metrics of a table share one query of all their de-duplicated states; this
    shows one metric's part.

    Args:
        metric: Id or alias.
        known: The catalogue, None for the one that metricstack ships.
        window: What it is about, None for the third quarter of 2026.
        by: Dimensions.
        grain: ``day``, ``week``, ``month``, ``quarter``, or None.
        where: Dimension → the value that it must have.
        dialect: One of `telemetry.dialects.DIALECTS`: ``duckdb``, ``postgres`` and ``pyspark`` as they are run;
            ``bigquery``, ``snowflake`` and ``trino`` to be read.

    Returns:
        Name of the query (``requests states``, ``requests histogram``, ``requests sampling``) → its text.
    """
    asked = expressions(metric, known=known, window=window, by=by, grain=grain, where=where)
    return {label: write(query, dialect) for label, query in asked.items()}


def expressions(
    metric: str,
    *,
    known: Catalogue | None = None,
    window: Window | None = None,
    by: Sequence[str] = (),
    grain: str | None = None,
    where: Mapping[str, str] | None = None,
) -> "dict[str, ir.Table]":
    """Return the queries of `sql` before an engine's dialect is chosen: name → Ibis expression."""
    known = known or catalogue()
    config = known.config or WorkspaceConfig()
    calendar = Calendar(config.zone, config.fiscal_year_start)
    span = window or calendar.quarter("2026Q3")
    periods = calendar.cut(span, grain) if grain else (span,)
    ws = cast("Workspace", _Schema(config))
    request = Request(ws, known, span, periods, tuple(by), dict(where or {}), grain, 0.95)
    job = Job.of(request, known.get(metric).id)
    found: dict[str, ir.Table] = {}
    for name in job.tables:
        frame = Frame(
            ws,
            replace(known.given, until=span.end),
            periods,
            tuple(path_to(name, column, name) for column in (*by, *job.over)),
            tuple((path_to(name, column, name), value) for column, value in request.where.items()),
            job.definition.to_date,
            job.definition.window,
        )
        plan = _plan(name)
        for label, query in _queries(job, name, frame, plan):
            found[f"{name} {label}"] = query
    return found


def _queries(job: Job, name: str, frame: Frame, plan: Plan) -> "list[tuple[str, ir.Table]]":
    if job.special is not None:
        _, call, _ = job.special
        alone = single(call, _Large(frame, name), [period.end for period in frame.periods])
        return [(call.function, cast("ir.Table", alone.query()))]
    if job.quantile is not None:
        _, call, _ = job.quantile
        quantity = quantity_of(call, name)
        if call.function in ("min", "max"):
            return [("extreme", cast("ir.Table", queries.whole(frame, name, [(quantity, call.function, ())])))]
        return [("histogram", cast("ir.Table", binning.binned(frame, name, quantity, plan)))]
    states: list[State] = []
    for state in states_of(job.tree, job.definition.table):
        if state.quantity.table == name and state not in states:
            states.append(state)
    query, _ = cast("tuple[ir.Table, dict[State, str]]", queries.shared(frame, name, states, plan))
    result = [("states", query)]
    totals = [state.quantity for state in states if state.role is Role.TOTAL]
    if job.population is Population.WINDOW and totals and not table(name).state_of:
        result.append(("sampling", cast("ir.Table", queries.sampled(frame, name, totals))))
    return result
