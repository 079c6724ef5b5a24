"""`metricstack ingest PATH --as SOURCE`: read telemetry into a workspace."""

import argparse
from pathlib import Path
from typing import Any

from metricstack.cli.progress import bar

__all__ = ["add", "run"]


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "ingest",
        help="read telemetry into a workspace",
        description=(
            "Read Langfuse exports, DevLake's domain tables, Parquet or CSV, or the tables of a SQL engine. "
            "Identifiers become keyed hashes, message content is not kept, a bad row goes to quarantine/ with its "
            "reason, and reading the same file twice changes nothing."
        ),
    )
    parser.add_argument("path", metavar="PATH", help="file, folder, or URL of an engine (duckdb://, postgres://)")
    parser.add_argument("--as", dest="source", required=True, metavar="SOURCE", help="devlake, langfuse, sql or table")
    parser.add_argument("--workspace", type=Path, default=Path(), metavar="DIR", help="made when it is not there (.)")
    parser.add_argument("--table", metavar="NAME", help="the table that the files hold, where their names do not say")
    parser.add_argument("--map", type=Path, dest="mapping", metavar="FILE", help="TOML that maps foreign headers")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Ingest, and print what became of every row."""
    from metricstack import sources

    path = arguments.path if "://" in arguments.path else Path(arguments.path)
    try:
        with bar("Reading") as progress:
            summary = sources.ingest(
                path,
                source=arguments.source,
                workspace=arguments.workspace,
                mapping=arguments.mapping,
                table=arguments.table,
                progress=progress,
            )
    except sources.IngestIncomplete as incomplete:
        print(incomplete.summary)
        raise
    print(summary)
    return 0
