"""`metricstack review [QUARTER]`: write the executive quarterly review."""

import argparse
from pathlib import Path
from typing import Any

__all__ = ["add", "run"]


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "review",
        help="write the executive quarterly review",
        description="Write one self-contained page, its findings and its manifest; print the page's path.",
    )
    parser.add_argument("quarter", nargs="?", metavar="2026Q3", help="fiscal quarter (the last that the data fill)")
    parser.add_argument("--workspace", type=Path, default=Path(), metavar="DIR", help="folder of the workspace (.)")
    parser.add_argument("--out", type=Path, default=Path("reports"), metavar="DIR", help="where reports go (reports)")
    parser.add_argument("--segment", default="", metavar="NAME", help="one customer segment only")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the review and print where it is."""
    from metricstack import reports

    report = reports.quarterly_review(
        arguments.workspace, arguments.quarter, segment=arguments.segment, out=arguments.out
    )
    print(report.path)
    return 0
