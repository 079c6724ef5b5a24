"""How the metrics of an edge are called for readers, and in which layer they stand."""

import re

from metricstack.metrics.definitions import catalogue
from metricstack.metrics.model import Layer

__all__ = ["RUNGS", "layer_of", "spelled", "title_of"]

RUNGS = {
    "portfolio": "Portfolio of tests",
    "single_test": "Single test",
    "staged_rollout": "Staged rollout",
    "synthetic_control": "Synthetic control",
    "interrupted_series": "Interrupted series",
    "instrument": "Instrument",
    "panel": "Panel",
    "lead_lag": "Lead and lag",
    "association": "Association",
}
"""Rungs of the ladder as readers know them."""


def title_of(metric: str) -> str:
    """Return a metric's title, or its id with blanks where metricstack ships no metric of that name.

    Example:
        >>> title_of("relevance"), title_of("my_own_metric")
        ('Relevance', 'My own metric')
    """
    known = catalogue()
    if metric in known:
        return known[metric].title
    words = metric.replace("_", " ").strip()
    return f"{words[:1].upper()}{words[1:]}" or metric


def layer_of(metric: str) -> str:
    """Return the layer of a metric that metricstack ships, ``""`` where it is not known.

    A figure that only serves others stands in the layer whose file defines it.

    Example:
        >>> layer_of("relevance"), layer_of("my_own_metric")
        ('quality', '')
    """
    known = catalogue()
    if metric not in known:
        return ""
    file = known[metric].origin.partition(".")[0]
    return str(known[metric].layer or (file if file in set(Layer) else ""))


def spelled(text: str, *metrics: str) -> str:
    """Write metrics in a sentence as a reader says them; at its begin with a capital.

    Example:
        >>> spelled("latency_p95 +0.5 s precedes a move of task_success.", "latency_p95", "task_success")
        'Latency p95 +0.5 s precedes a move of task success.'
    """
    for metric in metrics:
        pattern = rf"(?<!\w){re.escape(metric)}(?!\w)"
        text = re.sub(pattern, lambda found: found.group().replace("_", " "), text)
    return f"{text[:1].upper()}{text[1:]}"
