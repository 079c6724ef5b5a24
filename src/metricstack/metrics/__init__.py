"""Metrics: definitions as data, computed the same everywhere, each value with its interval."""

from metricstack.metrics.change.compare import compare
from metricstack.metrics.change.comparison import Compared, Comparison
from metricstack.metrics.change.explain import explain, explain_each
from metricstack.metrics.change.explanation import Breakdown, Explanation, GroupShift
from metricstack.metrics.definitions import Catalogue, catalogue
from metricstack.metrics.evaluate import evaluate
from metricstack.metrics.language.hashing import definition_hash
from metricstack.metrics.lineage import ColumnUse, Lineage, MeasureUse, Role, lineage
from metricstack.metrics.marginal import marginal_value
from metricstack.metrics.model import Better, Bucket, Definition, Layer, Levels, Pillar, Population, Requires
from metricstack.metrics.objectives.objective import objectives
from metricstack.metrics.objectives.promise import BurnAlert, Kept, ObjectivePanel
from metricstack.metrics.panel import MetricPanel
from metricstack.metrics.revision import Revised, Revision, card, compare_cards, read_cards
from metricstack.metrics.rollups.rollup import RolledUp, build_rollups
from metricstack.metrics.space import space
from metricstack.metrics.sql import sql
from metricstack.metrics.trial import Trial, try_metrics
from metricstack.metrics.values import values

__all__ = [
    "Better",
    "Breakdown",
    "Bucket",
    "BurnAlert",
    "Catalogue",
    "ColumnUse",
    "Compared",
    "Comparison",
    "Definition",
    "Explanation",
    "GroupShift",
    "Kept",
    "Layer",
    "Levels",
    "Lineage",
    "MeasureUse",
    "MetricPanel",
    "ObjectivePanel",
    "Pillar",
    "Population",
    "Requires",
    "Revised",
    "Revision",
    "Role",
    "RolledUp",
    "Trial",
    "build_rollups",
    "card",
    "catalogue",
    "compare",
    "compare_cards",
    "definition_hash",
    "evaluate",
    "explain",
    "explain_each",
    "lineage",
    "marginal_value",
    "objectives",
    "read_cards",
    "space",
    "sql",
    "try_metrics",
    "values",
]
