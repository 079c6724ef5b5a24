"""Experiments: valid statistics from declaration to verdict; numbers of arms in, effects out."""

from metricstack.experiments.compare import compare, portfolio
from metricstack.experiments.declare import Declaration, Design, Guardrail, declaration, declarations
from metricstack.experiments.effect import Effect
from metricstack.experiments.readout import Decided, Portfolio, Reading, Readout, Role, Verdict

__all__ = [
    "Decided",
    "Declaration",
    "Design",
    "Effect",
    "Guardrail",
    "Portfolio",
    "Reading",
    "Readout",
    "Role",
    "Verdict",
    "compare",
    "declaration",
    "declarations",
    "portfolio",
]
