"""The experiments of a quarter: what was tested, what to do with it, and which comparisons do not hold."""

from metricstack import charts, experiments
from metricstack.core.windows import Window
from metricstack.experiments import Portfolio
from metricstack.narrative.experiments import portfolio_html, say_portfolio
from metricstack.reports.components import note
from metricstack.reports.html import Html, element, fragment
from metricstack.reports.review.pieces import figure
from metricstack.telemetry import Workspace

__all__ = ["experiments_section", "tests_of"]


def tests_of(workspace: Workspace, window: Window) -> Portfolio:
    """Read the experiments that ended in a quarter."""
    return experiments.portfolio(workspace, window=window)


def experiments_section(found: Portfolio, *, segment: str) -> Html:
    """Write the experiments side by side, by verdict, and a picture of their effects."""
    mend = "Mend the declarations that were not read; `metricstack experiment check` tells them."
    unread = note(mend) if found.faults else None
    if not found.readouts:
        said = say_portfolio(found) if found.faults else "No experiment ended in this quarter."
        return fragment([element("p", said, kind="ms-refusal"), unread])
    drawn = charts.chart_portfolio(found, title="Effect on the primary metric, as a part of control")
    said = "Each interval is as wide as the experiment's own design asks for."
    whole = note("Experiments are read for all customers, not for one segment.") if segment else None
    return fragment([whole, Html(portfolio_html(found)), unread, figure(drawn, said)])
