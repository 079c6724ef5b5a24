"""`metricstack`: one parser, one place where errors become a line and an exit code."""

import argparse
import errno
import os
import sys
from collections.abc import Sequence

from metricstack import __version__
from metricstack.cli import check, experiment, ingest, link, metrics, review, rollup, simulate
from metricstack.core.errors import MetricstackError
from metricstack.core.text import seen

__all__ = ["build_parser", "main"]

COMMANDS = (simulate, ingest, check, metrics, experiment, link, rollup, review)


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of all commands; nothing heavy is imported for it."""
    parser = argparse.ArgumentParser(
        prog="metricstack",
        description="Analytics for AI in production: linked metrics, honest uncertainty, quarterly reviews.",
    )
    parser.add_argument("--version", action="version", version=f"metricstack {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add(commands)
    return parser


_ENGINES = {
    "duckdb": "`metricstack check` looks for damaged files.",
    "psycopg": "Ask the database's owner for the right to read it, or look whether its server still runs.",
    "pyspark": "Look whether its master still runs and its workers see the data.",
    "py4j": "Look whether its master still runs and its workers see the data.",
}
"""Package of an engine's errors → what to do about one."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 when it did what was asked, 1 when something must be put right first, 2 for a
        wrong call, 130 after Ctrl-C.
    """
    # Without this, Jupyter's jsonschema compiles a grammar that no schema of its own uses: over a second.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    arguments = build_parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except MetricstackError as error:
        print(f"metricstack: {seen(str(error))}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        print(f"metricstack: {_say(error)}", file=sys.stderr)
        return 1
    except Exception as error:
        engine = type(error).__module__.partition(".")[0].strip("_")
        if engine not in _ENGINES:
            raise
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        print(f"metricstack: the engine failed: {seen(said).rstrip('.')}. {_ENGINES[engine]}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("metricstack: stopped; nothing was left half-written.", file=sys.stderr)
        return 130


def _say(error: OSError) -> str:
    place = f" {error.filename}" if error.filename else ""
    remedy = {
        errno.ENOSPC: "Free some space and run it again; nothing was left half-written.",
        errno.EDQUOT: "Free some of the quota and run it again; nothing was left half-written.",
        errno.EACCES: "Choose a folder that you may write, with --out or --workspace.",
        errno.EROFS: "Choose a folder that you may write, with --out or --workspace.",
    }.get(error.errno or 0, "")
    return f"{error.strerror or error}{':' if place else ''}{place}. {remedy}".strip()
