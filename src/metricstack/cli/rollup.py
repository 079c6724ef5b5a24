"""`metricstack rollup`: keep daily sums, so that questions about days are answered without the rows."""

import argparse
from pathlib import Path
from typing import Any

__all__ = ["add", "run"]


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("rollup", help="keep daily sums up to date, from which metrics are answered at once")
    parser.add_argument("--workspace", type=Path, default=Path(), metavar="DIR", help="folder of the workspace (.)")
    parser.add_argument("--rebuild", action="store_true", help="compute all days again, changed or not")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Bring the roll-ups up to date and print what was done."""
    from metricstack import metrics, telemetry
    from metricstack.cli.progress import bar

    workspace = telemetry.open_workspace(arguments.workspace)
    with bar("Rolling up") as progress:
        found = metrics.build_rollups(workspace, rebuild=arguments.rebuild, progress=progress)
    if not found:
        print("There is no table to roll up.")
        return 0
    built, kept = sum(one.built for one in found), sum(one.kept for one in found)
    size = sum(one.size for one in found) / 1e6
    tables = f"{len(found)} table{'' if len(found) == 1 else 's'}"
    print(f"Rolled up {tables}: {built:,} days of a table computed, {kept:,} up to date, {size:,.1f} MB in rollups/.")
    changed = [f"{one.table} ({one.built:,})" for one in found if one.built]
    if changed and len(changed) < len(found):
        print(f"Computed: {', '.join(changed)}.")
    return 0
