"""The experiments of a quarter: what was tested, what to do with it, and which comparisons do not hold."""

from metricstack import charts, experiments
from metricstack.core.errors import ConfigurationError
from metricstack.core.values import Reason, Refusal
from metricstack.core.windows import Window
from metricstack.experiments import Portfolio
from metricstack.narrative.experiments import portfolio_html
from metricstack.narrative.words import stem
from metricstack.reports.components import note
from metricstack.reports.html import Html, element, fragment
from metricstack.reports.review.pieces import figure
from metricstack.telemetry import Workspace

__all__ = ["experiments_section", "tests_of"]


def tests_of(workspace: Workspace, window: Window) -> Portfolio | Refusal:
    """Read the experiments that ended in a quarter; a refusal where their declarations cannot be read."""
    try:
        return experiments.portfolio(workspace, window=window)
    except ConfigurationError as error:
        return Refusal(
            Reason.NOT_MEASURED, str(error), "Mend the declarations; `metricstack experiment check` reads them."
        )


def experiments_section(found: Portfolio | Refusal, *, segment: str) -> Html:
    """Write the experiments side by side, by verdict, and a picture of their effects."""
    if isinstance(found, Refusal):
        return element("p", f"Experiments cannot be told: {stem(found.detail)}. {found.remedy}", kind="ms-refusal")
    if not found.readouts:
        return element("p", "No experiment ended in this quarter.", kind="ms-refusal")
    drawn = charts.chart_portfolio(found, title="Effect on the primary metric, as a part of control")
    said = "Each interval is as wide as the experiment's own design asks for."
    whole = note("Experiments are read for all customers, not for one segment.") if segment else None
    return fragment([whole, Html(portfolio_html(found)), figure(drawn, said)])
