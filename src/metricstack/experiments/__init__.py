"""Experiments: valid statistics from declaration to verdict; numbers of arms in, effects out."""

from metricstack.experiments.effect import Effect

__all__ = ["Effect"]
