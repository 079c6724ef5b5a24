"""Metrics: definitions as data, computed the same everywhere, each value with its interval."""

from metricstack.metrics.definitions import Catalogue, catalogue
from metricstack.metrics.evaluate import evaluate
from metricstack.metrics.hashing import definition_hash
from metricstack.metrics.model import Better, Bucket, Definition, Layer, Levels, Pillar, Population, Requires
from metricstack.metrics.panel import MetricPanel
from metricstack.metrics.sql import sql

__all__ = [
    "Better",
    "Bucket",
    "Catalogue",
    "Definition",
    "Layer",
    "Levels",
    "MetricPanel",
    "Pillar",
    "Population",
    "Requires",
    "catalogue",
    "definition_hash",
    "evaluate",
    "sql",
]
