"""The executive quarterly review: what AI did for the business, how sure we are, what it cost, what is at risk."""

from metricstack.reports.review.assemble import Review, assemble

__all__ = ["Review", "assemble"]
