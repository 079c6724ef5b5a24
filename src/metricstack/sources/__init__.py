"""Sources: existing telemetry in, one schema out. `ingest` reads any of `READERS` into a workspace."""

from metricstack.sources.base import Batch, FileUnit, Reader, Reading, Unit
from metricstack.sources.ingest import READERS, ingest
from metricstack.sources.mapping import SourceMap, read_map
from metricstack.sources.summary import IngestIncomplete, IngestSummary, TableCounts

__all__ = [
    "READERS",
    "Batch",
    "FileUnit",
    "IngestIncomplete",
    "IngestSummary",
    "Reader",
    "Reading",
    "SourceMap",
    "TableCounts",
    "Unit",
    "ingest",
    "read_map",
]
