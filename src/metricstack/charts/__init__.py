"""One function per picture, value to Altair chart, and charts as inline SVG that needs no network."""

from metricstack.charts.cost import stacked_cost
from metricstack.charts.dots import change_dots, interval_dots
from metricstack.charts.experiments import chart_portfolio, chart_readout
from metricstack.charts.findings import chart_findings
from metricstack.charts.ledger import chart_ledger
from metricstack.charts.linkage import chart_edge, chart_map
from metricstack.charts.linkage_evidence import (
    chart_lags,
    chart_rollout,
    chart_specifications,
    portfolio_scatter,
)
from metricstack.charts.notebook import enable
from metricstack.charts.panels import chart_panel
from metricstack.charts.plans import chart_plan
from metricstack.charts.rows import Part, Point, Row, Span
from metricstack.charts.svg import figure_html, svg
from metricstack.charts.theme import register
from metricstack.charts.timeline import timeline
from metricstack.charts.trend import trend, trends
from metricstack.charts.words import chart_words

__all__ = [
    "Part",
    "Point",
    "Row",
    "Span",
    "change_dots",
    "chart_edge",
    "chart_findings",
    "chart_lags",
    "chart_ledger",
    "chart_map",
    "chart_panel",
    "chart_plan",
    "chart_portfolio",
    "chart_readout",
    "chart_rollout",
    "chart_specifications",
    "chart_words",
    "enable",
    "figure_html",
    "interval_dots",
    "portfolio_scatter",
    "register",
    "stacked_cost",
    "svg",
    "timeline",
    "trend",
    "trends",
]
