"""`metricstack link`: which levers move the business, how much, and how sure that is."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metricstack.cli.layout import entries, heading, one_line, print_rows, table, wrapped
from metricstack.core.errors import InvalidInput, UnknownName

if TYPE_CHECKING:
    from metricstack.linkage import Edge, Hypothesis, LinkageMap
    from metricstack.telemetry.workspace import Workspace

__all__ = ["add", "run_link", "tell_edge", "tell_map"]


_COMPARED = {"cause", "effect", "grade", "verdict", "estimate", "low", "high", "scale"}


def add(commands: Any) -> None:
    """Add the command to the parser."""
    about = "judge which metrics move which, how much, and how sure that is"
    parser = commands.add_parser("link", help=about, description=f"{about[0].upper()}{about[1:]}.")
    parser.add_argument("cause", nargs="?", metavar="CAUSE", help="the whole ladder of one edge: its cause")
    parser.add_argument("effect", nargs="?", metavar="EFFECT", help="and the metric that it acts on")
    parser.add_argument("--workspace", type=Path, default=Path(), metavar="DIR", help="folder of the workspace (.)")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.add_argument("--window", metavar="2026Q3", help="a fiscal quarter (all that traffic was recorded of)")
    parser.add_argument("--previous", type=Path, metavar="FILE", help="say what changed since this JSON of a map")
    parser.set_defaults(run=run_link)


def run_link(arguments: argparse.Namespace) -> int:
    """Judge the edges and print them, or the ladder of one."""
    if (arguments.cause is None) != (arguments.effect is None):
        raise InvalidInput("An edge has two ends: give CAUSE and EFFECT, or neither for the whole map.")
    from metricstack import linkage, telemetry

    previous = None if arguments.previous is None else _read(arguments.previous)
    ws = telemetry.open_workspace(arguments.workspace)
    edge = None if arguments.cause is None else _declared(ws, arguments.cause, arguments.effect)
    # One edge is judged among all: its interval keeps the promise that is made for the whole map.
    found = linkage.link(ws, window=arguments.window)
    changes = None if previous is None else found.diff(previous)
    if changes is not None and edge is not None:
        changes = tuple(one for one in changes if one.edge == edge.key)
    if arguments.format == "json":
        told = found.to_dict()
        if edge is not None:
            told |= {
                "edges": [found.edge(edge.cause, edge.effect).to_dict()],
                "ledger": [trial.to_dict() for trial in found.ledger.of(edge.key)],
            }
        more = {} if changes is None else {"changes": [one.to_dict() for one in changes]}
        print(json.dumps(told | more, indent=2, ensure_ascii=False))
        return 0
    if edge is None:
        tell_map(found)
    else:
        tell_edge(found.edge(edge.cause, edge.effect))
    if changes is not None:
        from metricstack.narrative.linkage import say_changes

        print("\nSince the previous map")
        print("\n".join(line for text in say_changes(changes).splitlines() for line in wrapped(text)))
    return 0


def _declared(ws: "Workspace", cause: str, effect: str) -> "Hypothesis":
    """Return the declared edge of that name before anything slow is done, or raise `UnknownName`."""
    from metricstack.linkage import hypotheses
    from metricstack.linkage.link import names_of
    from metricstack.metrics import catalogue

    known = catalogue(ws)
    by_key = {one.key: one for one in hypotheses(ws.root, names_of(known))}
    first, second = (known.get(name).id for name in (cause, effect))
    key, turned = f"{first} -> {second}", f"{second} -> {first}"
    if key not in by_key:
        about = f"It is declared the other way round, as {turned!r}. " if turned in by_key else ""
        remedy = f"{about}Declare it in linkage.toml, or list them with `metricstack link`."
        raise UnknownName("edge", key, by_key, remedy=remedy)
    return by_key[key]


def _read(path: Path) -> dict[str, Any]:
    """Read what ``--format json`` wrote before, or say that it is none."""
    try:
        told = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:  # no JSON, no UTF-8, or nested without end
        raise InvalidInput(f"{path} is no JSON ({error}); write one with `metricstack link --format json`.") from None
    edges = told.get("edges") if isinstance(told, dict) else None
    if not isinstance(edges, list) or not all(isinstance(one, dict) and set(one) >= _COMPARED for one in edges):
        raise InvalidInput(f"{path} holds no map; write one with `metricstack link --format json`.")
    return dict(told)


def tell_map(found: "LinkageMap") -> None:
    """Print a map: what holds in a sentence, then one row per edge, then conflicts."""
    from metricstack.narrative.linkage import in_reading_order, say_edge_effect, say_map

    lines = say_map(found).splitlines()
    print("\n".join(wrapped(lines[0])))
    edges = in_reading_order(found)
    rows = [
        {
            "edge": f"{edge.hypothesis.step_name} -> {edge.effect}", "effect": say_edge_effect(edge),
            "grade": "" if edge.best is None else str(edge.grade), "verdict": str(edge.verdict),
        }
        for edge in edges
    ]  # fmt: skip
    print()
    head, *told = table(rows, ("edge", "effect", "grade", "verdict")).splitlines()
    print(f"{head}, and what is next" if told else head)
    for line, edge in zip(told, edges, strict=True):
        print("\n".join([line, *wrapped(edge.next_step, first="    ")]))
    conflicts = [line for line in lines[1:] if line.startswith("Conflict on ")]
    if conflicts:
        print("\n" + "\n".join(part for line in conflicts for part in wrapped(line, first="- ")))


def tell_edge(edge: "Edge") -> None:
    """Print an edge: the answer, then one row per rung, then what each rests on."""
    from metricstack.core.values import Refusal
    from metricstack.narrative.direction import say_direction
    from metricstack.narrative.html import one_level
    from metricstack.narrative.linkage import say_edge, say_evidence, say_rung_effect, say_standing
    from metricstack.narrative.words import percent

    print(heading(f"{one_line(edge.hypothesis.step_name)} -> {one_line(edge.effect)}: {edge.verdict}"))
    print("\n".join(line for text in say_edge(edge).splitlines() for line in wrapped(text)))
    level = one_level(one.estimate.estimate for one in edge.evidence if not isinstance(one.estimate, Refusal))
    effect = "effect" if level is None else f"effect, {percent(level)} interval"
    rows = [
        {
            "rung": str(one.rung), "grade": str(one.grade), effect: say_rung_effect(one), "n": f"{one.n:,}",
            "counts": say_standing(edge, one),
        }
        for one in edge.evidence
    ]  # fmt: skip
    if rows:
        print()
        print_rows(rows, "table", ("rung", "grade", effect, "n", "counts"))
    print(f"\n{heading('direction')}")
    ways = [
        (line.lstrip(), "- " if line.startswith(" ") else "") for line in say_direction(edge.direction).splitlines()
    ]
    print("\n".join(part for line, first in ways for part in wrapped(line, first=first)))
    for one in edge.evidence:
        told = say_evidence(one)
        if told:
            print(f"\n{heading(str(one.rung))}")
            print("\n".join(wrapped(one.method)))
            print("\n".join(line for text in told for line in wrapped(text[2:], first=text[:2])))
    if edge.hypothesis.about:
        print("\n" + entries([("Why", edge.hypothesis.about)]))
