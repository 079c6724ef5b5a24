"""The values, units, windows and errors that every floor shares."""

from metricstack.core.errors import (
    ConfigurationError,
    Fault,
    InvalidInput,
    MetricstackError,
    ReportError,
    UnknownName,
    UnreadableFile,
    WorkspaceError,
)
from metricstack.core.privacy import PrivacyClass
from metricstack.core.streams import hash_fraction, stream
from metricstack.core.values import (
    Answer,
    Check,
    Estimate,
    Finding,
    Grade,
    Moments,
    Provenance,
    Reason,
    Refusal,
)
from metricstack.core.windows import Window

__all__ = [
    "Answer",
    "Check",
    "ConfigurationError",
    "Estimate",
    "Fault",
    "Finding",
    "Grade",
    "InvalidInput",
    "MetricstackError",
    "Moments",
    "PrivacyClass",
    "Provenance",
    "Reason",
    "Refusal",
    "ReportError",
    "UnknownName",
    "UnreadableFile",
    "Window",
    "WorkspaceError",
    "hash_fraction",
    "stream",
]
