"""`metricstack experiment …`: declare and register, plan, watch, read; what experiments showed, and what to do."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metricstack.cli.layout import entries, heading, one_line, print_rows, wrapped
from metricstack.core.text import seen

if TYPE_CHECKING:
    from metricstack.experiments import Reading, Readout
    from metricstack.experiments.registry import Registered

__all__ = ["add", "run_check", "run_list", "run_monitor", "run_plan", "run_readout", "run_register"]

_COMMANDS = "register|plan|monitor|list|readout|check"


def add(commands: Any) -> None:
    """Add the command and its own commands to the parser."""
    parser = commands.add_parser("experiment", help="register, watch and read experiments")
    own = parser.add_subparsers(metavar=_COMMANDS, required=True)
    listed = _add(own, "list", run_list, "list experiments with their effect and verdict")
    listed.add_argument("--quarter", metavar="2026Q3", help="only those that ended in this fiscal quarter")
    registering = _add(
        own, "register", run_register, "register declarations before they start, so that it can be shown"
    )
    registering.add_argument(
        "names", metavar="KEY", nargs="*", help="which experiments (all that the workspace declares)"
    )
    watching = _add(
        own, "monitor", run_monitor, "watch experiments that run: how far, is the split fair, is harm certain"
    )
    watching.add_argument("name", metavar="KEY", nargs="?", help="one experiment (all that run)")
    plan = _add(own, "plan", run_plan, "plan an experiment: units and days that it takes, what is seen by when")
    plan.add_argument("name", nargs="?", metavar="KEY", help="a declared experiment; else give --metric")
    plan.add_argument("--metric", default="", metavar="M", help="plan two equal arms by this metric")
    plan.add_argument("--unit", default="user", metavar="U", help="what is randomised, with --metric (user)")
    plan.add_argument("--use-case", default="", metavar="C", help="the use case in question, with --metric (all)")
    plan.add_argument("--effect", type=float, metavar="E", help="effect to find, a fraction of control (as declared)")
    plan.add_argument("--power", type=float, metavar="P", help="chance of finding it (1 - beta as declared, 0.8)")
    readout = _add(own, "readout", run_readout, "read one experiment: effects, guardrails, checks, verdict")
    readout.add_argument("name", metavar="KEY")
    readout.add_argument("--by", metavar="DIMENSION", action="append", default=[], help="read it by a dimension, too")
    _add(own, "check", run_check, "check every declaration, and every split; exit code 1 when one does not hold")


def _add(commands: Any, name: str, run: Any, about: str) -> Any:
    parser = commands.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
    parser.add_argument("--workspace", type=Path, default=Path(), metavar="DIR", help="folder of the workspace (.)")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.set_defaults(run=run)
    return parser


def run_list(arguments: argparse.Namespace) -> int:
    """Print every experiment with its primary's effect and its verdict."""
    from metricstack import experiments, telemetry
    from metricstack.narrative.experiments import say_reading

    found = experiments.portfolio(telemetry.open_workspace(arguments.workspace), window=arguments.quarter)
    if arguments.format == "json":
        print_rows([readout.to_dict() for readout in found.readouts], "json", ())
        return 0
    rows = [
        {
            "key": readout.key, "verdict": str(readout.verdict), "primary": readout.primary.title,
            "effect": say_reading(readout.primary), "why": readout.decided.why,
        }
        for readout in found.readouts
    ]  # fmt: skip
    print_rows(rows, "table", ("key", "verdict", "primary", "effect", "why"))
    _tell(found.faults)
    return 0


def _tell(faults: Sequence[str]) -> None:
    """Say on the side what could not be read."""
    for fault in faults:
        print(f"To mend: {' '.join(seen(fault).split())}", file=sys.stderr)


def run_register(arguments: argparse.Namespace) -> int:
    """Register declarations, and print when each was."""
    from metricstack import experiments, telemetry

    ws = telemetry.open_workspace(arguments.workspace)
    found = experiments.register(ws, arguments.names or None)
    rows = [
        {
            "key": key, "registered_at": f"{one.at:%Y-%m-%dT%H:%M:%SZ}", "before_start": one.at <= one.start,
            "new": one.is_new, "hash": one.hash, "line": one.line, "told": _registered(one),
        }
        for key, one in found.items()
    ]  # fmt: skip
    print_rows(rows, arguments.format, ("key", "registered_at", "hash", "line", "told"))
    return 0


def _registered(one: "Registered") -> str:
    """What registering did, and what the time proves."""
    done = "registered now" if one.is_new else "registered before, nothing has changed"
    when = f"its start on {one.start:%Y-%m-%d}"
    return f"{done}; before {when}" if one.at <= one.start else f"{done}; after {when}: no proof of what was planned"


def run_monitor(arguments: argparse.Namespace) -> int:
    """Print what to do today about experiments that run; exit code 1 where one is to be stopped."""
    from metricstack import experiments, telemetry
    from metricstack.narrative.monitored import say_progress, say_watched

    found = experiments.monitor(telemetry.open_workspace(arguments.workspace), arguments.name)
    if arguments.format == "json":
        print_rows([one.to_dict() for one in found.watched], "json", ())
    else:
        rows = [
            {"key": one.readout.key, "today": one.advice, "progress": say_progress(one), "why": say_watched(one)}
            for one in found.watched
        ]
        print_rows(rows, "table", ("key", "today", "progress", "why"))
    return int(any(one.advice == "stop" for one in found.watched))


def run_plan(arguments: argparse.Namespace) -> int:
    """Print what an experiment takes: in words first, then metric by metric, then what does not fit."""
    from metricstack import experiments, telemetry
    from metricstack.narrative.plans import plan_rows, say_notes, say_planned

    found = experiments.plan(
        telemetry.open_workspace(arguments.workspace), arguments.name, metric=arguments.metric, unit=arguments.unit,
        use_case=arguments.use_case, effect=arguments.effect, power=arguments.power,
    )  # fmt: skip
    if arguments.format == "json":
        print_rows([found.to_dict()], "json", ())
        return 0
    print("\n".join(wrapped(say_planned(found))))
    rows = plan_rows(found)
    if rows:
        print()
        print_rows(rows, "table", tuple(rows[0]))
    notes = say_notes(found)
    if notes:
        print("\n" + "\n".join(line for note in notes for line in wrapped(note, first="- ")))
    return 0


def run_readout(arguments: argparse.Namespace) -> int:
    """Print one experiment: the verdict first, then the numbers, then whether they hold."""
    from metricstack import experiments, telemetry
    from metricstack.narrative.experiments import say_reading

    readout = experiments.compare(telemetry.open_workspace(arguments.workspace), arguments.name, by=arguments.by)
    if arguments.format == "json":
        print_rows([readout.to_dict()], "json", ())
        return 0
    print("\n".join(_told(readout)))
    rows = [
        {"metric": one.title, "role": str(one.role), "change": say_reading(one), "difference": _difference(one)}
        for one in readout.readings
    ]
    print()
    print_rows(rows, "table", ("metric", "role", "change", "difference"))
    print()
    depth = [*(found.say() for found in readout.segments), readout.over_time.say()]
    print("\n".join(line for text in depth for line in wrapped(text)))
    print("\nChecks")
    signs = {True: "holds", False: "fails", None: "note"}
    print(entries((f"{check.name} {signs[check.passed]}", check.detail) for check in readout.checks))
    return 0


def _told(readout: "Readout") -> list[str]:
    from metricstack.narrative.experiments import say_futility

    declared = readout.declaration
    arms = ", ".join(f"{arm} {count:,}" for arm, count in readout.units.items())
    futility = readout.futility
    told = [("Hypothesis", declared.hypothesis), ("Owner", declared.owner), ("Units", f"{declared.unit}s: {arms}")]
    if futility is not None:
        told.append(("Futility", say_futility(futility)))
    return [
        heading(f"{one_line(readout.key)}: {readout.verdict}"),
        *wrapped(readout.decided.why),
        "",
        entries(told),
    ]


def run_check(arguments: argparse.Namespace) -> int:
    """Print every check that failed or informs; one that failed gives exit code 1."""
    from metricstack import experiments, telemetry

    found = experiments.portfolio(telemetry.open_workspace(arguments.workspace))
    rows = [
        {"key": readout.key, "check": check.name, "holds": check.passed, "detail": check.detail}
        for readout in found.readouts
        for check in readout.checks
        if arguments.format == "json" or check.passed is False
    ]
    rows += [{"key": "", "check": "declaration", "holds": False, "detail": fault} for fault in found.faults]
    print_rows(rows, arguments.format, ("key", "check", "detail"))
    return int(any(row["holds"] is False for row in rows))


def _difference(reading: "Reading") -> str:
    """The effect in the metric's own unit, shares in points."""
    from metricstack.core.values import Refusal
    from metricstack.narrative.words import difference_limits, signed

    effect = reading.effect
    if isinstance(effect, Refusal):
        return ""
    return f"{signed(effect.value, effect.unit)} ({difference_limits(effect.estimate)})"
