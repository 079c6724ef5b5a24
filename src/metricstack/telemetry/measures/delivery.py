"""Measures of deployments and the changes that they carry."""

from typing import TYPE_CHECKING

from metricstack.telemetry.measures.model import Given, flag, number, seconds_between

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["failure_to_recovery", "live", "safe", "since_approval", "since_first_commit", "tried"]


@flag("deployments", "it went live", needs=("status",))
def live(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for a deployment that succeeded."""
    return rows.status == "success"


@flag("deployments", "it was tried, not cancelled", needs=("status",))
def tried(rows: "ir.Table", _: Given) -> "ir.Value":
    """True unless the deployment was cancelled."""
    return (rows.status != "cancelled").fill_null(True)


@number("deployments", "s", "until the failure that it caused was over", needs=("recovered",), minimum=None)
def failure_to_recovery(rows: "ir.Table", _: Given) -> "ir.Value":
    """Deployed → recovered, for deployments that failed."""
    return seconds_between(rows.recovered, rows.deployed)


@number("change_deployments", "s", "approved → live", joins=("change",), minimum=None)
def since_approval(rows: "ir.Table", _: Given) -> "ir.Value":
    """Time from the change's approval to the deployment."""
    return seconds_between(rows.deployed, rows["change.approved"])


@number("change_deployments", "s", "first commit → live", joins=("change",), minimum=None)
def since_first_commit(rows: "ir.Table", _: Given) -> "ir.Value":
    """Time from the change's first commit to the deployment."""
    return seconds_between(rows.deployed, rows["change.first_commit"])


@flag("change_deployments", "its first way into production, by a deployment that did not fail", joins=("deployment",))
def safe(rows: "ir.Table", _: Given) -> "ir.Value":
    """True where the change reached production for the first time in a deployment known not to have failed."""
    return rows.first_production & ~rows["deployment.failed"]
