"""`metricstack metrics list|show|value`: what is measured, how, and what it is."""

import argparse
import csv
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["add", "run_list", "run_show", "run_value"]

_LISTED = ("id", "about", "unit", "better", "layer", "bucket", "pillar", "owner", "version", "hash")


def add(commands: Any) -> None:
    """Add the command and its own commands to the parser."""
    parser = commands.add_parser("metrics", help="list, explain and compute metrics")
    own = parser.add_subparsers(metavar="list|show|value", required=True)
    _add(own, "list", run_list, "list every metric", ("table", "json", "csv"))
    show = _add(own, "show", run_show, "explain one metric", ("table", "json"))
    show.add_argument("name", metavar="NAME")
    value = _add(own, "value", run_value, "compute metrics", ("table", "json", "csv"))
    value.add_argument("names", nargs="+", metavar="NAME")
    value.add_argument("--by", action="append", default=[], metavar="DIM", help="cut by a dimension; may be repeated")
    value.add_argument("--grain", metavar="GRAIN", help="day, week, month or quarter")
    value.add_argument("--quarter", metavar="2026Q3", help="fiscal quarter (the last that the data fill)")
    value.add_argument("--where", action="append", default=[], metavar="DIM=VALUE", help="only these rows")


def _add(commands: Any, name: str, run: Any, about: str, formats: tuple[str, ...]) -> Any:
    parser = commands.add_parser(name, help=about)
    parser.add_argument("--workspace", type=Path, default=Path(), metavar="DIR", help="folder of the workspace (.)")
    parser.add_argument("--format", choices=formats, default="table")
    parser.set_defaults(run=run)
    return parser


def run_list(arguments: argparse.Namespace) -> int:
    """Print every metric of the catalogue; the workspace's own too where there is one."""
    from metricstack import metrics

    known = metrics.catalogue(_workspace(arguments))
    cards = (known.describe(name) for name in known.ids)
    rows = [{name: card[name] for name in _LISTED} for card in cards]
    _print(rows, arguments.format, ("id", "unit", "better", "layer", "about"))
    return 0


def run_show(arguments: argparse.Namespace) -> int:
    """Print the card of one metric: meaning, formula, owner, levels, hash."""
    from metricstack import metrics

    card = metrics.catalogue(_workspace(arguments)).describe(arguments.name)
    if arguments.format == "json":
        print(json.dumps(card, indent=2, ensure_ascii=False))
        return 0
    width = max(len(name) for name in card)
    for name, value in card.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if value not in ("", None, [], {}):
            print(f"{name:<{width}}  {text}")
    return 0


def run_value(arguments: argparse.Namespace) -> int:
    """Compute metrics and print answers and refusals alike."""
    from metricstack import metrics, telemetry
    from metricstack.core.errors import InvalidInput

    pairs = [text.partition("=") for text in arguments.where]
    for name, sign, _ in pairs:
        if not sign:
            raise InvalidInput(f"--where {name!r} has no value. Write it like --where region=emea.")
    panel = metrics.evaluate(
        telemetry.open_workspace(arguments.workspace),
        arguments.names,
        window=arguments.quarter,
        by=arguments.by,
        grain=arguments.grain,
        where={name: value for name, _, value in pairs},
    )
    if arguments.format == "json":
        rows = [
            {"metric": finding.subject}
            | dict(finding.where)
            | finding.answer.to_dict()
            | {"checks": [check.to_dict() for check in finding.checks]}
            | {"provenance": finding.provenance.to_dict()}
            for finding in panel.findings
        ]
        _print(rows, "json", ())
        return 0
    if arguments.format == "csv":
        print(panel.to_pandas().to_csv(index=False), end="")
        return 0
    rows = [
        {"metric": finding.subject} | dict(finding.where) | {"answer": finding.answer.say()}
        for finding in panel.findings
    ]
    _print(rows, "table", tuple(dict.fromkeys(name for row in rows for name in row)))
    return 0


def _workspace(arguments: argparse.Namespace) -> Any:
    from metricstack import telemetry

    there = (arguments.workspace / "metricstack.toml").is_file() or arguments.workspace != Path()
    return telemetry.open_workspace(arguments.workspace) if there else None


def _print(rows: Iterable[Mapping[str, Any]], form: str, columns: tuple[str, ...]) -> None:
    rows = list(rows)
    if form == "json":
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    elif form == "csv":
        writer = csv.DictWriter(sys.stdout, list(rows[0]) if rows else columns)
        writer.writeheader()
        writer.writerows(rows)
    else:
        cells = [[name.replace("_", " ") for name in columns]]
        cells += [["" if row.get(name) is None else str(row[name]) for name in columns] for row in rows]
        widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
        for line in cells:
            print("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())
