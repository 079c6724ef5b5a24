"""Measures of deployments, the changes that they carry, and each stage of a change's way."""

from typing import TYPE_CHECKING

from metricstack.telemetry.measures.model import Given, flag, lasting, number, seconds_between

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = [
    "failure_lasted",
    "failure_over",
    "failure_to_recovery",
    "live",
    "mends",
    "ready",
    "safe",
    "since_approval",
    "since_first_commit",
    "tried",
]


@flag("deployments", "it went live", needs=("status",))
def live(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for a deployment that succeeded."""
    return rows.status == "success"


@flag("deployments", "it was tried, not cancelled", needs=("status",))
def tried(rows: "ir.Table", _: Given) -> "ir.Value":
    """True unless the deployment was cancelled."""
    return (rows.status != "cancelled").fill_null(True)


@number("deployments", "s", "until the failure that it caused was over", needs=("recovered",))
def failure_to_recovery(rows: "ir.Table", _: Given) -> "ir.Value":
    """Deployed → recovered, for deployments that failed."""
    return lasting(rows.recovered, rows.deployed)


@flag("deployments", "the failure that it caused is over", needs=("recovered",))
def failure_over(rows: "ir.Table", bound: Given) -> "ir.Value":
    """True where the recovery is recorded and had come by the end of what the data tell."""
    return _by_then(rows.recovered, bound)


@number("deployments", "s", "for how long the failure that it caused has lasted", needs=("recovered",))
def failure_lasted(rows: "ir.Table", bound: Given) -> "ir.Value":
    """Deployed → recovered; while it is not, up to the end of what the data tell."""
    return lasting(_so_far(rows.recovered, bound), rows.deployed)


@number("change_deployments", "s", "approved → live", joins=("change",))
def since_approval(rows: "ir.Table", _: Given) -> "ir.Value":
    """Time from the change's approval to the deployment."""
    return lasting(rows.deployed, rows["change.approved"])


@number("change_deployments", "s", "first commit → live", joins=("change",), minimum=None)
def since_first_commit(rows: "ir.Table", _: Given) -> "ir.Value":
    """Time from the change's first commit to the deployment."""
    return seconds_between(rows.deployed, rows["change.first_commit"])


@flag("change_deployments", "its first way into production, by a deployment that did not fail", joins=("deployment",))
def safe(rows: "ir.Table", _: Given) -> "ir.Value":
    """True where the change reached production for the first time in a deployment known not to have failed."""
    return rows.first_production & ~rows["deployment.failed"]


@flag("changes", "it mends something that was delivered before", needs=("work_kind",))
def mends(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for the mending of bugs; unknown where the kind of work is."""
    return rows.work_kind == "bug"


@flag("changes", "it was merged")
def ready(rows: "ir.Table", bound: Given) -> "ir.Value":
    """True where the change had been merged by the end of what the data tell."""
    return _by_then(rows.merged, bound)


def _by_then(instant: "ir.Value", bound: Given) -> "ir.Value":
    """Whether something had happened by the end of what the data tell."""
    import ibis

    if bound.until is None:
        return instant.notnull()
    return (instant < ibis.literal(bound.until, type="timestamp('UTC')")).fill_null(False)


def _so_far(instant: "ir.Value", bound: Given) -> "ir.Value":
    """When something happened; while it has not, the end of what the data tell."""
    import ibis

    if bound.until is None:
        return instant
    return ibis.ifelse(_by_then(instant, bound), instant, ibis.literal(bound.until, type="timestamp('UTC')"))


def _stage(name: str, start: str, end: str, about: str) -> None:
    """Register a stage of a change's way: its time so far, and whether it is done.

    A change that never began the stage is none of its rows. One that was given up is neither: it is not
    on its way any more, and would look as if it took for ever. Moments in the wrong order are unknown.
    """
    joins = ("first_production",) if "." in end else ()

    def begun(rows: "ir.Table", bound: Given) -> "ir.Value":
        given_up = _by_then(rows.closed, bound) & ~_by_then(rows[end], bound)
        way = _by_then(rows[start], bound) & ~given_up
        return way & ~rows["first_production.unclear"].fill_null(False) if joins else way

    def lasted(rows: "ir.Table", bound: Given) -> "ir.Value":
        import ibis

        seconds = seconds_between(_so_far(rows[end], bound), rows[start])
        return ibis.ifelse(begun(rows, bound) & (seconds >= 0), seconds, ibis.null("float64"))

    def done(rows: "ir.Table", bound: Given) -> "ir.Value":
        import ibis

        return ibis.ifelse(begun(rows, bound), _by_then(rows[end], bound), ibis.null("boolean"))

    lasted.__name__, done.__name__ = f"{name}_so_far", f"{name}_done"
    needs = tuple(column for column in (start, end) if "." not in column)
    number("changes", "s", f"{about}; what is still open counts up to the end of what the data tell",
           needs=needs, among=begun, joins=joins, minimum=None)(lasted)  # fmt: skip
    flag("changes", f"the stage is over: {about}", needs=needs, among=begun, joins=joins)(done)


_LIVE = "first_production.deployed"
_stage("lead", "first_commit", _LIVE, "first commit → live in production")
_stage("lead_from_opened", "opened", _LIVE, "proposed → live in production")
_stage("deploy", "merged", _LIVE, "merged → live in production")
_stage("coding", "first_commit", "opened", "first commit → proposed")
_stage("pickup", "opened", "first_review", "proposed → first review")
_stage("review", "first_review", "approved", "first review → approved")
_stage("merge", "approved", "merged", "approved → merged")
