"""`metricstack check`: hold every table of a workspace against its contract."""

import argparse
from pathlib import Path
from typing import Any

from metricstack.core import InvalidInput, Refusal

__all__ = ["add", "run"]


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("check", help="check every table against its contract, all faults at once")
    parser.add_argument("--workspace", type=Path, default=Path(), metavar="DIR", help="folder of the workspace (.)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what is there, what is missing and what is wrong; 1 when something is wrong."""
    from metricstack import telemetry

    workspace, faulty = telemetry.open_workspace(arguments.workspace), 0
    workspace.verify()
    for name, contract in telemetry.TABLES.items():
        try:
            rows = workspace.delivered(name)
            if isinstance(rows, Refusal):
                print(f"Table {name!r}: not here. {rows.remedy}")
                continue
            result = telemetry.check(contract, rows)
            print(result)
            faulty += not result.passed
        except InvalidInput as error:
            print(error)
            faulty += 1
    return 1 if faulty else 0
