"""The incidents of a quarter, as spans for the timeline."""

from datetime import UTC, datetime

from metricstack.charts import Span
from metricstack.core.values import Refusal
from metricstack.core.windows import Window
from metricstack.telemetry import Workspace

__all__ = ["incidents_of"]

_MOST = 500
_CAUSES = {"data_pipeline": "data pipeline", "": "cause unknown", "unknown": "cause unknown"}


def incidents_of(workspace: Workspace, window: Window) -> tuple[Span, ...] | Refusal:
    """List the incidents that started in a window, each from its start to the restored service.

    Returns:
        At most 500, the earliest first; or a refusal where the workspace records none.
    """
    rows = workspace.table("incidents")
    if isinstance(rows, Refusal):
        return rows
    ours = rows.env.isnull() | (rows.env == workspace.config.environment)
    inside = rows.filter(rows.started >= window.start, rows.started < window.end, ours)
    chosen = inside.select("incident", "name", "severity", "cause", "started", "mitigated", "closed")
    ordered = chosen.order_by(["started", "incident"]).limit(_MOST)
    return tuple(_span(row) for row in ordered.to_pyarrow().to_pylist())


def _span(row: dict[str, object]) -> Span:
    name = str(row["name"] or row["incident"])
    label = f"{name} ({row['severity']})" if row["severity"] else name
    cause = str(row["cause"] or "")
    start = _utc(row["started"])
    assert start is not None
    return Span(label, start, _utc(row["mitigated"]) or _utc(row["closed"]), _CAUSES.get(cause, cause))


def _utc(value: object) -> datetime | None:
    if not isinstance(value, datetime):
        return None
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)
