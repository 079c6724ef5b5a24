"""A simulated company whose causal truth is known: the demo, the teaching set, and the judge of every estimator.

`simulate` writes a workspace with ``truth.json``; `sample` draws tables in memory; `World`,
`draw`, `unfold` and `find_truth` are the parts, for whoever wants to intervene.
"""

from metricstack.simulation.effects import Effect
from metricstack.simulation.intervene import find_truth
from metricstack.simulation.model import OBSERVED, Coefficients, Intervention, Outcomes, unfold
from metricstack.simulation.output import sample, simulate
from metricstack.simulation.population import Population, draw
from metricstack.simulation.settings import SAMPLE, Dirt, Settings
from metricstack.simulation.truth import Edge, RolloutTruth, TestTruth, Truth
from metricstack.simulation.world import World

__all__ = [
    "OBSERVED",
    "SAMPLE",
    "Coefficients",
    "Dirt",
    "Edge",
    "Effect",
    "Intervention",
    "Outcomes",
    "Population",
    "RolloutTruth",
    "Settings",
    "TestTruth",
    "Truth",
    "World",
    "draw",
    "find_truth",
    "sample",
    "simulate",
    "unfold",
]
