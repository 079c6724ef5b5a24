"""SPACE: how a team's work goes in five dimensions, or no statement at all.

One dimension alone misleads (more activity is not better work), and so does a look at tools alone (people
know what tools do not). There is no single score either.

Source:
    Forsgren, Storey, Maddila, Zimmermann, Houck, Butler, "The SPACE of Developer Productivity", ACM Queue 19(1),
    2021: capture at least three dimensions, one measure of them from a survey at least.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from metricstack.core.values import Estimate, Finding, Reason, Refusal
from metricstack.core.windows import Window
from metricstack.metrics.evaluate import evaluate
from metricstack.metrics.panel import MetricPanel

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["DIMENSIONS", "SURVEYED", "space"]

SURVEYED: dict[str, str] = {
    "satisfaction": "satisfaction",
    "performance": "space_performance",
    "activity": "space_activity",
    "communication": "space_communication",
    "efficiency": "space_efficiency",
}
"""Dimension → the metric that people answer."""

DIMENSIONS: dict[str, tuple[str, ...]] = {
    "satisfaction": (SURVEYED["satisfaction"],),
    "performance": (SURVEYED["performance"], "change_fail_rate"),
    "activity": (SURVEYED["activity"], "deployment_frequency"),
    "communication": (SURVEYED["communication"], "pickup_time"),
    "efficiency": (SURVEYED["efficiency"], "change_lead_time"),
}
"""Dimension → its metrics, by survey first, then from the tools."""

_FEWEST = 3


def space(
    ws: "Workspace", *, window: Window | str | None = None, by: Sequence[str] | str = (), level: float = 0.95
) -> MetricPanel:
    """Evaluate the measures of every SPACE dimension, and withhold all of them where they are too few.

    Args:
        ws: The workspace.
        window: What it is about, as for `evaluate`.
        by: Dimensions of the data, ``"team"`` above all; the rule holds in each group.
        level: Confidence level.

    Returns:
        A panel of the metrics of `DIMENSIONS`. A group in which fewer than three dimensions are measured, or
        none by a survey, has refusals only (`Reason.NOT_MEASURED`), which say what lacks.
    """
    ids = [metric for metrics in DIMENSIONS.values() for metric in metrics]
    panel = evaluate(ws, ids, window=window, by=by, level=level)
    groups = dict.fromkeys(finding.where for finding in panel.findings)
    refused = {group: _refusal([one for one in panel.findings if one.where == group]) for group in groups}
    findings = [_allowed(finding, refused[finding.where]) for finding in panel.findings]
    return replace(panel, findings=tuple(findings))


def _allowed(finding: Finding, refusal: Refusal | None) -> Finding:
    """Withhold a value whose group is refused; what was refused before keeps its own reason."""
    if refusal is None or isinstance(finding.answer, Refusal):
        return finding
    return replace(finding, answer=refusal, checks=())


def _refusal(findings: Sequence[Finding]) -> Refusal | None:
    """Refuse a group's statement where it stands on too little, None where it may be made."""
    told = {finding.subject for finding in findings if isinstance(finding.answer, Estimate)}
    measured = [name for name, metrics in DIMENSIONS.items() if told.intersection(metrics)]
    surveyed = [name for name, metric in SURVEYED.items() if metric in told]
    if len(measured) >= _FEWEST and surveyed:
        return None
    lacking = ", ".join(name for name in DIMENSIONS if name not in measured)
    said = f"{len(measured)} of the five dimensions are measured; {_FEWEST} are needed. Not measured: {lacking}"
    if len(measured) >= _FEWEST:
        said = f"{len(measured)} dimensions are measured, but none by a survey; tools alone do not tell how work goes"
    return Refusal(Reason.NOT_MEASURED, said, "Ask people (table 'survey_responses'), or load what the tools know.")
