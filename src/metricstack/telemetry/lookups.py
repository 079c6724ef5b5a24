"""Lookups: what other tables say of a row's thing, one row each, so that a measure may read it without multiplying.

A reference (`feedback.run` → `requests`) leads from many rows to one. A lookup leads the other way: the
many rows of the other table are first made one for each key (a change's first production deployment, a
user's first success). It is told as of an instant, so that a past quarter stays as it was.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Refusal
from metricstack.telemetry.contract import Column, flag, instant, number, text
from metricstack.telemetry.tables import table

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from metricstack.telemetry.workspace import Workspace

__all__ = [
    "LOOKUPS",
    "Lookup",
    "first_of_user",
    "first_production",
    "lookup",
    "registered",
    "review",
    "session_runs",
]

Build = Callable[["Workspace", datetime | None], "ir.Table | Refusal"]


@dataclass(frozen=True)
class Lookup:
    """One row for each value of a key, made from other rows.

    Args:
        table: The table whose rows look it up.
        name: Its name, unlike any column's; a measure reads ``name.column``.
        about: What it says.
        key: The column of the table that is looked up.
        columns: What it tells of the key.
        reads: Tables that it is made of; it does not stand without the first.
        build: Makes the rows, ``_key`` and the columns, from what was known before an instant (None = now).
        required: Without the first of its tables a measure is refused; else what it tells is null then.
    """

    table: str
    name: str
    about: str
    key: str
    columns: tuple[Column, ...]
    reads: tuple[str, ...]
    build: Build
    required: bool = True


LOOKUPS: dict[tuple[str, str], Lookup] = {}
"""(table, name) → lookup: every one there is."""


def lookup(owner: str, name: str) -> Lookup | None:
    """Return a table's lookup by name, None where there is none.

    Example:
        >>> found = lookup("changes", "first_production")
        >>> found.key, [column.name for column in found.columns]
        ('change', ['deployed', 'unclear'])
    """
    return LOOKUPS.get((owner, name))


def _register(
    owner: str, about: str, key: str, *columns: Column, reads: tuple[str, ...], required: bool = True
) -> Callable[[Build], Build]:
    """Register a function as a lookup, which takes its name."""

    def add(build: Build) -> Build:
        contract = table(owner)
        contract[key]
        if build.__name__ in contract:
            raise InvalidInput(f"Table {owner!r} already has a column {build.__name__!r}.")
        LOOKUPS[owner, build.__name__] = Lookup(
            owner, build.__name__, about, key, columns, reads, build, required=required
        )
        return build

    return add


def _rows(ws: "Workspace", name: str, until: datetime | None, *columns: str) -> "ir.Table | Refusal":
    """A table's rows of this environment, known before an instant."""
    import ibis

    event_time = table(name).event_time
    rows = ws.table(name, columns=dict.fromkeys([*columns, "env", event_time]))
    if isinstance(rows, Refusal):
        return rows
    rows = rows.filter(rows.env.isnull() | (rows.env == ws.config.environment))
    if until is None:
        return rows
    return rows.filter(rows[event_time] < ibis.literal(until, type="timestamp('UTC')"))


@_register(
    "changes", "when the change first reached production", "change",
    instant("deployed", "when it was first live in production; null = not yet, or unclear"),
    flag("unclear", "it was seen in production, but nobody knows whether for the first time"),
    reads=("change_deployments", "deployments"),
)  # fmt: skip
def first_production(ws: "Workspace", until: datetime | None) -> "ir.Table | Refusal":
    """The first production deployment of each change, among those that went live."""
    import ibis

    rows = _rows(ws, "change_deployments", until, "change", "deployment", "deployed", "first_production")
    if isinstance(rows, Refusal):
        return rows
    rows = rows.filter(rows.first_production.fill_null(True))  # known to be a later one: not of interest
    deployments = ws.table("deployments", columns=["deployment", "status"])
    if not isinstance(deployments, Refusal):
        not_live = deployments.filter(deployments.status.isin(["failure", "cancelled"])).select("deployment")
        rows = rows.anti_join(not_live, "deployment")
    sure = ibis.ifelse(rows.first_production, rows.deployed, ibis.null("timestamp('UTC')"))
    found = rows.group_by(_key=rows.change).aggregate(deployed=sure.min())
    return found.mutate(unclear=found.deployed.isnull())


@_register(
    "requests", "the user's first recorded run, and first success", "user",
    text("run", "the first run"),
    instant("succeeded", "when a run first succeeded: its end, else its start; null = not yet"),
    reads=("requests",),
)  # fmt: skip
def first_of_user(ws: "Workspace", until: datetime | None) -> "ir.Table | Refusal":
    """Each user's first run and first successful outcome."""
    import ibis

    rows = _rows(ws, "requests", until, "user", "run", "start", "end", "outcome")
    if isinstance(rows, Refusal):
        return rows
    rows = rows.filter(rows.user.notnull())
    place = ibis.row_number().over(group_by="user", order_by=["start", "run"])
    none = ibis.null("timestamp('UTC')")
    rows = rows.mutate(_place=place)
    rows = rows.select(
        "user",
        _first=ibis.ifelse(rows["_place"] == 0, rows.run, ibis.null("string")),
        _success=ibis.ifelse(rows.outcome == "success", ibis.coalesce(rows.end, rows.start), none),
    )
    return rows.group_by(_key=rows.user).aggregate(run=rows["_first"].max(), succeeded=rows["_success"].min())


@_register(
    "sessions", "what the AI runs of the session came to", "session",
    number("runs", "run", "runs, weighted where telemetry was sampled"),
    number("cost", "currency", "what they cost; null = not known of all"),
    reads=("requests",),
)  # fmt: skip
def session_runs(ws: "Workspace", until: datetime | None) -> "ir.Table | Refusal":
    """Runs and their cost by session."""
    import ibis

    rows = _rows(ws, "requests", until, "session", "cost", "sample_probability")
    if isinstance(rows, Refusal):
        return rows
    rows = rows.filter(rows.session.notnull())
    weight = 1.0 / rows.sample_probability.nullif(0).fill_null(1.0)
    rows = rows.select("session", _weight=weight, _cost=weight * rows.cost)
    whole = ibis.ifelse(rows["_cost"].count() == rows.count(), rows["_cost"].sum(), ibis.null("float64"))
    return rows.group_by(_key=rows.session).aggregate(runs=rows["_weight"].sum(), cost=whole)


@_register(
    "model_reviews", "the model's place in the register", "model",
    text("stage", "where the model stands; null = not in the register"),
    reads=("models",), required=False,
)  # fmt: skip
def registered(ws: "Workspace", until: datetime | None) -> "ir.Table | Refusal":
    """The last recorded stage of each model."""
    import ibis

    rows = _rows(ws, "models", until, "model", "recorded", "stage", "ingested_at")
    if isinstance(rows, Refusal):
        return rows
    latest = ibis.row_number().over(group_by="model", order_by=[rows.recorded.desc(), rows.ingested_at.desc()])
    rows = rows.mutate(_place=latest)
    return rows.filter(rows["_place"] == 0).select(_key="model", stage="stage")


@_register(
    "models", "whether the model was ever reviewed", "model",
    flag("reviewed", "a review was made"),
    reads=("model_reviews",),
)  # fmt: skip
def review(ws: "Workspace", until: datetime | None) -> "ir.Table | Refusal":
    """Models with a responsible-AI review."""
    import ibis

    rows = _rows(ws, "model_reviews", until, "model")
    if isinstance(rows, Refusal):
        return rows
    return rows.select(_key=rows.model, reviewed=ibis.literal(value=True)).distinct()
