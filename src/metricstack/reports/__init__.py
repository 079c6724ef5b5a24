"""Reports: notebooks run by Papermill, gated, and published as one self-contained page with its findings.

The review itself is loaded when it is first asked for: it needs charts and metrics, and a kernel starts without them.
"""

from typing import TYPE_CHECKING, Any

from metricstack.reports.catalogue import Notebook, catalogue, find
from metricstack.reports.components import (
    badge,
    card,
    cards,
    finding,
    headline,
    layer,
    note,
    provenance,
    refusal,
    table,
)
from metricstack.reports.emit import emit
from metricstack.reports.export import export
from metricstack.reports.html import Html, element, fragment, show
from metricstack.reports.parameters import check_parameters, parse_literal, parse_parameters
from metricstack.reports.publish import run_name
from metricstack.reports.quarter import choose_quarter
from metricstack.reports.quarterly import quarterly_review
from metricstack.reports.run import Report, run

if TYPE_CHECKING:
    from metricstack.reports.review.assemble import Review as Review
    from metricstack.reports.review.assemble import assemble as assemble

__all__ = [
    "Html",
    "Notebook",
    "Report",
    "Review",
    "assemble",
    "badge",
    "card",
    "cards",
    "catalogue",
    "check_parameters",
    "choose_quarter",
    "element",
    "emit",
    "export",
    "find",
    "finding",
    "fragment",
    "headline",
    "layer",
    "note",
    "parse_literal",
    "parse_parameters",
    "provenance",
    "quarterly_review",
    "refusal",
    "run",
    "run_name",
    "show",
    "table",
]


def __getattr__(name: str) -> Any:
    if name in {"Review", "assemble"}:
        from metricstack.reports import review

        return getattr(review, name)
    raise AttributeError(f"module 'metricstack.reports' has no attribute {name!r}. It has: {', '.join(__all__)}.")
