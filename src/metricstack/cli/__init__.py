"""The command line: parse, call one library function, print."""

from metricstack.cli.main import main

__all__ = ["main"]
