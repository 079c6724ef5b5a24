"""`metricstack metrics show NAME`: one metric's card, for people and for programs."""

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metricstack.cli.layout import entries, heading, print_rows, width, wrapped

if TYPE_CHECKING:
    from metricstack.metrics import Lineage, MeasureUse

__all__ = ["run_show"]


def run_show(arguments: argparse.Namespace) -> int:
    """Print the card of one metric: meaning, formula, owner, levels, value, lineage, SQL."""
    from metricstack import metrics, telemetry

    there = (arguments.workspace / "metricstack.toml").is_file() or arguments.workspace != Path()
    ws = telemetry.open_workspace(arguments.workspace) if there else None
    known = metrics.catalogue(ws)
    card = known.describe(arguments.name)
    origin = metrics.lineage(card["id"], known)
    dialect = arguments.dialect or (ws.dialect if ws else "duckdb")
    queries = metrics.sql(card["id"], known=known, dialect=dialect)
    value = None if ws is None else _value(ws, card["id"])
    if arguments.format == "table":
        print(_card(card, value, origin, dialect, queries))
        return 0
    told = card | {"lineage": origin.to_dict(), "sql": {"dialect": dialect, "queries": queries}}
    told |= {"value": None if value is None else value[1]}
    if arguments.format == "json":
        print(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        print_rows(({"entry": name, "value": entry} for name, entry in told.items()), "csv", ("entry", "value"))
    return 0


def _value(ws: Any, name: str) -> tuple[str, dict[str, Any]]:
    """Compute a metric for the last quarter; where the data fill none, say so."""
    from metricstack import metrics
    from metricstack.core.errors import InvalidInput

    try:
        panel = metrics.evaluate(ws, name)
    except InvalidInput as error:
        return str(error), {"kind": "none", "detail": str(error)}
    (finding,) = panel.findings
    failed = [f"{check.name.replace('_', ' ')}: {check.detail}" for check in finding.checks if check.passed is False]
    text = "\n".join([finding.answer.say(), *failed])
    answer = finding.answer.to_dict() | {"window": panel.window.name}
    return f"{panel.window.name}: {text}", answer | {"checks": [check.to_dict() for check in finding.checks]}


def _card(
    card: Mapping[str, Any],
    value: tuple[str, dict[str, Any]] | None,
    origin: "Lineage",
    dialect: str,
    queries: Mapping[str, str],
) -> str:
    gap = width() - len(card["title"]) - len(card["id"])
    first = f"{card['title']}{' ' * gap}{card['id']}" if gap >= 2 else f"{card['title']}\n{card['id']}"
    parts = [
        f"{first}\n{'─' * width()}",
        "\n".join(wrapped(card["about"])),
        entries(_facts(card)),
        f"{heading('Value')}\n" + "\n".join(wrapped(value[0])) if value else "",
        f"{heading('Lineage')}\n" + "\n".join(_drawn(_tree(origin))),
        f"{heading(f'SQL ({dialect})')}\n" + "\n\n".join(f"-- {label}\n{text}" for label, text in queries.items()),
    ]
    return "\n\n".join(part for part in parts if part)


def _facts(card: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    directions = {"higher": "higher is better", "lower": "lower is better", "neither": "neither is better"}
    home = f"   over the rows of {card['table']}" if card["table"] else ""
    yield "formula", f"{_one_line(card['formula'])}{home}"
    yield "unit", f"{card['unit']}, {directions[card['better']]}"
    yield "owner", card["owner"]
    yield "steward", card["steward"]
    yield "levels", _listed(card["levels"])
    yield "requires", _listed({name: entry for name, entry in card["requires"].items() if entry})
    places = (("layer", card["layer"]), ("bucket", card["bucket"]), ("pillar", card["pillar"]))
    yield "belongs to", " · ".join(f"{name} {entry}" for name, entry in places if entry)
    about = {"process": "about the process behind the window", "window": "about the window itself"}
    yield "interval", about.get(card["population"] or "", "")
    yield "rows", "all up to the end of a window" if card["to_date"] else ""
    yield "window", f"the {card['window']} days up to the end of each period" if card.get("window") else ""
    yield "asked by", ", ".join(card["dimensions"])
    yield "answered by", ", ".join(f"{sibling} for {name}" for name, sibling in card["by"].items())
    yield "also called", ", ".join(card["aliases"])
    yield "source", card["source"]
    yield "defined at", card["origin"]
    yield "version", f"{card['version']}, hash {card['hash']}"


def _listed(numbers: Mapping[str, Any]) -> str:
    return " · ".join(f"{name} {number:g}" for name, number in numbers.items() if number is not None)


@dataclass(frozen=True, slots=True)
class _Branch:
    """A line of a tree and what hangs on it."""

    text: str
    branches: "tuple[_Branch, ...]" = ()


def _tree(origin: "Lineage") -> _Branch:
    """Lay a lineage out: metric, then measures with their columns, inputs, columns by what they do, other metrics."""
    over = f"   over {origin.table}" if origin.table else ""
    branches = [_measure(measure) for measure in origin.measures]
    branches += [_Branch(_told("input", f"{name} ({unit}, stated per use case)")) for name, unit in origin.inputs]
    for role in dict.fromkeys(use.role for use in origin.columns):
        names = dict.fromkeys(use.name for use in origin.columns if use.role is role)
        branches.append(_Branch(_told(role, ", ".join(names))))
    branches += [_tree(part) for part in origin.metrics]
    return _Branch(f"{origin.metric} = {_one_line(origin.formula)}{over}", tuple(branches))


def _measure(measure: "MeasureUse") -> _Branch:
    names = [f"{use.name}{f' (by {use.through})' if use.through else ''}" for use in measure.columns]
    told = [f"reads {', '.join(names)}"] if names else []
    told += [f"bound: {', '.join(f'{name} = {number:g}' for name, number in measure.bound)}"] if measure.bound else []
    about = f"{measure.name} ({measure.unit or 'flag'}): {measure.about}"
    return _Branch(_told(measure.role, about), tuple(_Branch(text) for text in told))


def _told(role: str, text: str) -> str:
    return f"{role:<6}  {text}"


def _one_line(formula: str) -> str:
    return " ".join(formula.split())


def _drawn(branch: _Branch, first: str = "", rest: str = "") -> Iterator[str]:
    below = f"{rest}│ " if branch.branches else f"{rest}  "
    yield from wrapped(branch.text, first=first, rest=below)
    for place, part in enumerate(branch.branches):
        last = place == len(branch.branches) - 1
        yield from _drawn(part, f"{rest}{'└─ ' if last else '├─ '}", f"{rest}{'   ' if last else '│  '}")
