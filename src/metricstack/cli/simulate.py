"""`metricstack simulate DIR`: write a company whose causal truth is known."""

import argparse
from pathlib import Path
from typing import Any

from metricstack.cli.progress import bar

__all__ = ["add", "run"]


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "simulate",
        help="write a simulated company with known causal truth",
        description="Write every table as Parquet, a metricstack.toml and truth.json. Equal seeds give equal bytes.",
    )
    parser.add_argument("directory", type=Path, metavar="DIR", help="folder to make; must be empty or not there")
    parser.add_argument("--requests", type=int, metavar="N", help="requests that happened (600,000)")
    parser.add_argument("--days", type=int, metavar="D", help="days of the period, from July 2025 (458)")
    parser.add_argument("--seed", type=int, metavar="S", help="seed of every random number (20250701)")
    parser.add_argument("--clean", action="store_true", help="telemetry without dirt: nothing sampled, late or lost")
    parser.add_argument("--replace", action="store_true", help="replace an earlier simulated company in DIR")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Simulate, and say what was written."""
    from metricstack import simulation, telemetry

    chosen = {name: getattr(arguments, name) for name in ("requests", "days", "seed")}
    size = {name: getattr(simulation.SAMPLE, name) if value is None else value for name, value in chosen.items()}
    dirt = simulation.Dirt.none() if arguments.clean else simulation.Dirt.realistic()
    with bar("Simulating") as progress:
        simulation.simulate(arguments.directory, **size, dirt=dirt, replace=arguments.replace, progress=progress)
    files = telemetry.open_workspace(arguments.directory).warehouse.files
    tables = len({file.table for file in files})
    print(f"{arguments.directory}: {sum(file.rows for file in files):,} rows in {tables} tables")
    return 0
