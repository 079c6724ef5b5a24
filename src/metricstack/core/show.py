"""How a value shows, draws and says itself: the one look-up upward, by name and only when asked.

A value of the lower floors does not know charts or sentences. This registry names, per type and
verb, the function of an upper floor that does; it is imported at the first use.
"""

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from metricstack.core.errors import UnknownName
from metricstack.core.text import seen

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RENDERERS", "TRUSTED", "Seen", "Shown", "frame"]

# Marks an output whose ``text/html`` was escaped by us: a report shows no other HTML.
TRUSTED = "application/vnd.metricstack.html"

# (type, verb) -> "module:function". Every module here is above core; the layer test knows this table.
RENDERERS: dict[tuple[str, str], str] = {
    ("Estimate", "say"): "metricstack.narrative.answers:say_answer",
    ("Refusal", "say"): "metricstack.narrative.answers:say_answer",
    ("Finding", "say"): "metricstack.narrative.answers:say_finding",
    ("MetricPanel", "say"): "metricstack.narrative.panels:say_panel",
    ("Estimate", "html"): "metricstack.narrative.html:answer_html",
    ("Refusal", "html"): "metricstack.narrative.html:answer_html",
    ("Finding", "html"): "metricstack.narrative.html:findings_html",
    ("MetricPanel", "html"): "metricstack.narrative.html:panel_html",
    ("Change", "say"): "metricstack.narrative.changes:say_change",
    ("Change", "html"): "metricstack.narrative.html:change_html",
    ("Change", "chart"): "metricstack.charts.findings:chart_findings",
    ("Estimate", "chart"): "metricstack.charts.findings:chart_answer",
    ("Refusal", "chart"): "metricstack.charts.findings:chart_answer",
    ("Finding", "chart"): "metricstack.charts.findings:chart_findings",
    ("MetricPanel", "chart"): "metricstack.charts.panels:chart_panel",
    ("Explanation", "say"): "metricstack.narrative.explanations:say_explanation",
    ("Explanation", "html"): "metricstack.narrative.told:explanation_html",
    ("Explanation", "chart"): "metricstack.charts.waterfall:chart_explanation",
    ("Explained", "say"): "metricstack.narrative.explained:say_explained",
    ("Explained", "html"): "metricstack.narrative.explained:explained_html",
    ("Explained", "chart"): "metricstack.charts.waterfall:chart_explained",
    ("Comparison", "say"): "metricstack.narrative.explanations:say_comparison",
    ("Comparison", "html"): "metricstack.narrative.told:comparison_html",
    ("Comparison", "chart"): "metricstack.charts.waterfall:chart_comparison",
    ("ObjectivePanel", "say"): "metricstack.narrative.explanations:say_objectives",
    ("ObjectivePanel", "html"): "metricstack.narrative.told:objectives_html",
    ("ObjectivePanel", "chart"): "metricstack.charts.waterfall:chart_objectives",
    ("Lineage", "html"): "metricstack.narrative.told:lineage_html",
    ("Effect", "say"): "metricstack.narrative.experiments:say_effect",
    ("Effect", "html"): "metricstack.narrative.html:findings_html",
    ("Effect", "chart"): "metricstack.charts.findings:chart_findings",
    ("ExperimentPlan", "say"): "metricstack.narrative.plans:say_plan",
    ("ExperimentPlan", "html"): "metricstack.narrative.plans:plan_html",
    ("ExperimentPlan", "chart"): "metricstack.charts.plans:chart_plan",
    ("Readout", "say"): "metricstack.narrative.experiments:say_readout",
    ("Readout", "html"): "metricstack.narrative.experiments:readout_html",
    ("Readout", "chart"): "metricstack.charts.experiments:chart_readout",
    ("Monitor", "say"): "metricstack.narrative.monitored:say_monitor",
    ("Monitor", "html"): "metricstack.narrative.monitored:monitor_html",
    ("Segmented", "say"): "metricstack.narrative.depth:say_segmented",
    ("Segmented", "html"): "metricstack.narrative.depth:segmented_html",
    ("Segmented", "chart"): "metricstack.charts.experiments:chart_segmented",
    ("Segments", "say"): "metricstack.narrative.depth:say_segments",
    ("Segments", "html"): "metricstack.narrative.depth:segments_html",
    ("Segments", "chart"): "metricstack.charts.experiments:chart_segments",
    ("Split", "say"): "metricstack.narrative.depth:say_split",
    ("Split", "html"): "metricstack.narrative.depth:split_html",
    ("Split", "chart"): "metricstack.charts.experiments:chart_split",
    ("OverTime", "say"): "metricstack.narrative.depth:say_over_time",
    ("OverTime", "html"): "metricstack.narrative.depth:over_time_html",
    ("OverTime", "chart"): "metricstack.charts.experiments:chart_over_time",
    ("Portfolio", "say"): "metricstack.narrative.experiments:say_portfolio",
    ("Portfolio", "html"): "metricstack.narrative.experiments:portfolio_html",
    ("Portfolio", "chart"): "metricstack.charts.experiments:chart_portfolio",
    ("Specifications", "say"): "metricstack.narrative.ways:say_ways",
    ("Specifications", "html"): "metricstack.narrative.ways:ways_html",
    ("Specifications", "chart"): "metricstack.charts.linkage_evidence:chart_specifications",
    ("LeadLag", "say"): "metricstack.narrative.direction:say_lead_lag",
    ("LeadLag", "chart"): "metricstack.charts.linkage_evidence:chart_lags",
    ("RolloutEffect", "chart"): "metricstack.charts.linkage_evidence:chart_rollout",
    ("Edge", "say"): "metricstack.narrative.linkage:say_edge",
    ("Edge", "html"): "metricstack.narrative.linkage:edge_html",
    ("Edge", "chart"): "metricstack.charts.linkage:chart_edge",
    ("DirectionAudit", "html"): "metricstack.narrative.direction:direction_html",
    ("FourQuestions", "say"): "metricstack.narrative.questions:say_questions",
    ("FourQuestions", "html"): "metricstack.narrative.questions:questions_html",
    ("FourQuestions", "chart"): "metricstack.charts.linkage:chart_questions",
    ("LinkageMap", "say"): "metricstack.narrative.linkage:say_map",
    ("LinkageMap", "html"): "metricstack.narrative.linkage:map_html",
    ("LinkageMap", "chart"): "metricstack.charts.linkage:chart_map",
    ("Evidence", "say"): "metricstack.narrative.linkage:say_rung",
    ("Evidence", "html"): "metricstack.narrative.linkage:rung_html",
    ("Ledger", "say"): "metricstack.narrative.tried:say_ledger",
    ("Ledger", "html"): "metricstack.narrative.tried:ledger_html",
    ("Ledger", "chart"): "metricstack.charts.ledger:chart_ledger",
    ("PortfolioPower", "say"): "metricstack.narrative.tried:say_power",
    ("CalendarAdjusted", "chart"): "metricstack.charts.linkage_evidence:chart_adjusted",
    # What is made of findings, and is shown in no other way.
    ("Shown", "say"): "metricstack.narrative.experiments:say_findings",
    ("Shown", "html"): "metricstack.narrative.html:findings_html",
    ("Shown", "chart"): "metricstack.charts.findings:chart_findings",
}


def frame(findings: Iterable[Any]) -> "pd.DataFrame":
    """Tabulate findings, one row each, with the same columns for answers and refusals.

    Returns:
        Columns ``subject``, one per dimension, ``value``, ``low``, ``high``, ``level``, ``unit``, ``n``,
        ``method``, ``grade``, ``reason``, ``detail``; an estimate's reason and a refusal's value are missing.
    """
    import pandas as pd

    findings = list(findings)
    dimensions = dict.fromkeys(name for finding in findings for name, _ in finding.where)
    rows = []
    for finding in findings:
        answer, where = finding.answer.to_dict(), dict(finding.where)
        rows.append(
            {"subject": finding.subject}
            | {name: where.get(name) for name in dimensions}
            | {name: answer.get(name) for name in ("value", "low", "high", "level", "unit", "n", "method")}
            | {"grade": str(finding.grade), "reason": answer.get("reason"), "detail": answer.get("detail")}
        )
    kinds = dict.fromkeys(("value", "low", "high", "level"), "float64") | {"n": "Int64"}
    columns = ["subject", *dimensions, *kinds, "unit", "method", "grade", "reason", "detail"]
    return pd.DataFrame(rows, columns=columns).astype(kinds)


class Seen:
    """Gives a result its look in a notebook."""

    __slots__ = ()

    def _render(self, verb: str) -> Any:
        names = [kind.__name__ for kind in type(self).__mro__]
        path = next((RENDERERS[name, verb] for name in names if (name, verb) in RENDERERS), None)
        if path is None:
            able = sorted({name for name, known in RENDERERS if known == verb})
            raise UnknownName(f"type that can {verb}", names[0], able)
        module, _, function = path.partition(":")
        return getattr(import_module(module), function)(self)

    def _repr_html_(self) -> str:
        return str(self._render("html"))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": self._repr_html_(), TRUSTED: "escaped", "text/plain": repr(self)}


class Shown(Seen):
    """Gives a result ``.chart()``, ``.say()``, ``.to_pandas()`` and its look in a notebook."""

    __slots__ = ()

    def chart(self) -> Any:
        """Draw it: an ``altair`` chart, or the refusal in words where there is nothing to draw."""
        return self._render("chart")

    def say(self) -> str:
        """Say it in words, with its number and how sure it is; nothing in them can act on a terminal."""
        return seen(str(self._render("say")))

    def to_pandas(self) -> "pd.DataFrame":
        """Tabulate it: see `frame` for the columns."""
        from metricstack.core.values import Estimate, Finding, Refusal

        if isinstance(self, Estimate | Refusal):
            return frame([Finding(question="", answer=self)])
        return frame(self.findings)  # type: ignore[attr-defined]
