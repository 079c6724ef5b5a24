"""`metricstack metrics list|show|value|sql|diff|test`: what is measured, how, what it is, and whether it still is."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metricstack.cli.layout import csv_text, heading, print_rows, wrapped
from metricstack.cli.metric_card import run_show

if TYPE_CHECKING:
    from metricstack.metrics import Catalogue

__all__ = ["add", "run_diff", "run_list", "run_sql", "run_test", "run_value"]

_FLAT = ("id", "about", "unit", "better", "layer", "bucket", "pillar", "owner", "version", "hash")
"""What a list has in a table of text: entries that are one value each."""
_FORMATS = ("table", "json", "csv")
_COMMANDS = "list|show|value|sql|diff|test"


def add(commands: Any) -> None:
    """Add the command and its own commands to the parser."""
    parser = commands.add_parser("metrics", help="list, explain, compute, compare and try metrics")
    own = parser.add_subparsers(metavar=_COMMANDS, required=True)
    _add(own, "list", run_list, "list every metric")
    show = _add(own, "show", run_show, "explain one metric: meaning, owner, levels, value, lineage, SQL")
    show.add_argument("name", metavar="NAME")
    _dialect(show)
    value = _add(own, "value", run_value, "compute metrics")
    value.add_argument("names", nargs="+", metavar="NAME")
    _question(value)
    sql = _add(own, "sql", run_sql, "print the queries that a metric asks of an engine")
    sql.add_argument("name", metavar="NAME")
    _question(sql)
    _dialect(sql)
    diff = _add(
        own, "diff", run_diff, "compare the catalogue with another; exit code 1 when a metric computes something else"
    )
    diff.add_argument(
        "other", type=Path, metavar="OTHER", help="folder of a workspace, or a file that `list --format json` wrote"
    )
    test = _add(own, "test", run_test, "compute every metric once; exit code 1 when one cannot be")
    test.add_argument("--quarter", metavar="2026Q3", help="fiscal quarter (the last that the data fill)")


def _add(commands: Any, name: str, run: Any, about: str) -> Any:
    parser = commands.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
    parser.add_argument("--workspace", type=Path, default=Path(), metavar="DIR", help="folder of the workspace (.)")
    parser.add_argument("--format", choices=_FORMATS, default="table")
    parser.set_defaults(run=run)
    return parser


def _question(parser: Any) -> None:
    parser.add_argument("--by", action="append", default=[], metavar="DIM", help="cut by a dimension; may be repeated")
    parser.add_argument("--grain", metavar="GRAIN", help="day, week, month or quarter")
    parser.add_argument("--quarter", metavar="2026Q3", help="fiscal quarter (the last that the data fill)")
    parser.add_argument("--where", action="append", default=[], metavar="DIM=VALUE", help="only these rows")


def _dialect(parser: Any) -> None:
    parser.add_argument(
        "--dialect", metavar="ENGINE",
        help="duckdb, postgres, pyspark, bigquery, snowflake or trino (the workspace's engine)",
    )  # fmt: skip


def run_list(arguments: argparse.Namespace) -> int:
    """Print every metric of the catalogue; the workspace's own too where there is one."""
    cards = _cards(_known(arguments))
    if arguments.format == "csv":
        cards = [{name: card[name] for name in _FLAT} for card in cards]
    print_rows(cards, arguments.format, ("id", "unit", "better", "title"))
    return 0


def run_value(arguments: argparse.Namespace) -> int:
    """Compute metrics and print answers and refusals alike."""
    from metricstack import metrics, telemetry

    panel = metrics.evaluate(
        telemetry.open_workspace(arguments.workspace),
        arguments.names,
        window=arguments.quarter,
        by=arguments.by,
        grain=arguments.grain,
        where=_where(arguments.where),
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
        print_rows(rows, "json", ())
        return 0
    if arguments.format == "csv":
        table = panel.to_pandas()
        texts = table.columns.difference(table.select_dtypes("number").columns)
        table[texts] = table[texts].map(csv_text)
        print(table.to_csv(index=False, lineterminator="\n"), end="")
        return 0
    rows = [
        {"metric": finding.subject} | dict(finding.where) | {"answer": finding.answer.say()}
        for finding in panel.findings
    ]
    names = dict.fromkeys(name for row in rows for name in row if name != "answer")
    print_rows(rows, "table", (*names, "answer"))
    return 0


def run_sql(arguments: argparse.Namespace) -> int:
    """Print the queries of one metric in the SQL of an engine."""
    from metricstack import metrics, telemetry

    known, ws = _known(arguments), _workspace(arguments)
    window = None
    if arguments.quarter:
        window = ws.quarter(arguments.quarter) if ws else telemetry.Calendar().quarter(arguments.quarter)
    queries = metrics.sql(
        arguments.name, known=known, window=window, by=arguments.by, grain=arguments.grain,
        where=_where(arguments.where), dialect=arguments.dialect or (ws.dialect if ws else "duckdb"),
    )  # fmt: skip
    if arguments.format == "table":
        print("\n\n".join(f"-- {label}\n{text};" for label, text in queries.items()))
    else:
        rows = [{"query": label, "sql": text} for label, text in queries.items()]
        print_rows(rows, arguments.format, ("query", "sql"))
    return 0


def run_diff(arguments: argparse.Namespace) -> int:
    """Print what differs from another catalogue; 1 when a metric of both computes something else."""
    from metricstack import metrics, telemetry

    other: Path = arguments.other
    if other.is_dir():
        before: Sequence[Any] = _cards(metrics.catalogue(telemetry.open_workspace(other)))
    else:
        before = metrics.read_cards(other)
    found = metrics.compare_cards(before, _cards(_known(arguments)))
    changed = sum(each.kind is metrics.Revised.NUMBERS for each in found)
    rows = [each.to_dict() for each in found]
    if arguments.format != "table":
        columns = ("metric", "change", "entries", "before", "after")
        print_rows(rows, arguments.format, columns)
    elif not found:
        print("No difference.")
    else:
        told = [
            {
                "metric": row["metric"],
                "change": row["change"],
                "what": _what(row["entries"], row["before"], row["after"]),
            }
            for row in rows
        ]
        print_rows(told, "table", ("metric", "change", "what"))
        print(f"\n{_plural(changed, 'metric')} of {len(found):,} that differ {'gives' if changed == 1 else 'give'} "
              "other numbers.")  # fmt: skip
    return 1 if changed else 0


def _what(names: Sequence[str], before: Any, after: Any) -> str:
    """Say what an entry was and is, where that is short."""
    if before is None or after is None:
        return ""
    told = []
    for name in names:
        pair = f"{_short(before[name])} → {_short(after[name])}"
        told.append(f"{name}: {pair}" if name != "hash" and len(pair) <= 60 else name)
    return "; ".join(told)


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_short(inner)}" for name, inner in value.items() if inner is not None) or "none"
    return "none" if value in (None, "", []) else str(value)


def run_test(arguments: argparse.Namespace) -> int:
    """Compute every metric once, and print how many answer, how many refuse and why, and every fault."""
    from metricstack import metrics, telemetry

    trial = metrics.try_metrics(telemetry.open_workspace(arguments.workspace), arguments.quarter)
    if arguments.format == "json":
        print_rows([trial.to_dict()], "json", ())
    elif arguments.format == "csv":
        rows = [
            {"metric": finding.subject, "result": answer.get("reason") or "answer", "detail": answer.get("detail")}
            for finding in trial.findings
            for answer in (finding.answer.to_dict(),)
        ]
        rows += [{"metric": "", "result": "fault", "detail": str(fault)} for fault in trial.faults]
        print_rows(rows, "csv", ("metric", "result", "detail"))
    else:
        metrics_tried = len({finding.subject for finding in trial.findings}) + len(trial.faults)
        print(
            f"{_plural(metrics_tried, 'metric')} tried for {trial.window}: {_plural(len(trial.answers), 'answer')}, "
            f"{_plural(len(trial.refusals), 'refusal')}, {_plural(len(trial.faults), 'fault')}."
        )
        if trial.reasons:
            print()
            rows = [
                {"refused for": reason.replace("_", " "), "metrics": count} for reason, count in trial.reasons.items()
            ]
            print_rows(rows, "table", ("refused for", "metrics"))
        if trial.faults:
            print(f"\n{heading('Faults')}")
            print("\n".join(line for fault in trial.faults for line in wrapped(fault, rest="  ")))
    return 1 if trial.faults else 0


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _where(texts: Sequence[str]) -> dict[str, str]:
    from metricstack.core.errors import InvalidInput

    found: dict[str, str] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name:
            wrong = f"{text!r} names no dimension" if sign else f"{text!r} has no value"
            raise InvalidInput(f"--where {wrong}. Write it like --where {name or 'region'}={value or 'emea'}.")
        if name in found and found[name] != value:
            raise InvalidInput(f"--where {name!r} is given twice, with {found[name]!r} and {value!r}; no row is both.")
        found[name] = value
    return found


def _workspace(arguments: argparse.Namespace) -> Any:
    from metricstack import telemetry

    there = (arguments.workspace / "metricstack.toml").is_file() or arguments.workspace != Path()
    return telemetry.open_workspace(arguments.workspace) if there else None


def _known(arguments: argparse.Namespace) -> "Catalogue":
    from metricstack import metrics

    return metrics.catalogue(_workspace(arguments))


def _cards(known: "Catalogue") -> list[dict[str, Any]]:
    from metricstack import metrics

    return [metrics.card(known, name) for name in known.ids]
