"""Read experiments: all of them, and all their metrics, in one pass over each table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from metricstack.core.windows import Window
from metricstack.experiments.declaration import Declaration
from metricstack.experiments.declare import declaration, declared
from metricstack.experiments.desk import Desk
from metricstack.experiments.reader import Reader
from metricstack.experiments.readout import Portfolio, Readout

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["compare", "portfolio"]


def compare(ws: "Workspace", experiment: str | Declaration, *, by: Sequence[str] = ()) -> Readout:
    """Read one experiment as it was declared, with its segments and how its effect moves over time.

    Args:
        ws: The workspace.
        experiment: Its key; or a declaration of one's own, to read the same units another way.
        by: Dimensions of units in which the primary is read, beside those that were declared. A unit's value is the
            one of its first row, from before its first exposure on.

    Raises:
        UnknownName: no experiment of this key, or no such dimension; names the nearest.
        ConfigurationError: a declaration cannot be; every fault with its place.
    """
    one = experiment if isinstance(experiment, Declaration) else declaration(ws, experiment)
    dimensions = tuple(dict.fromkeys([*one.segments, *([by] if isinstance(by, str) else by)]))
    (readout,) = Reader.of(Desk.of(ws, [one], by=dimensions)).readouts()
    return readout


def portfolio(ws: "Workspace", *, window: Window | str | None = None) -> Portfolio:
    """Read all experiments, in the order of their start.

    Args:
        ws: The workspace.
        window: Only those that end in it, or of which no end is stated: a window or a quarter's name. None = all.
    """
    span = ws.quarter(window) if isinstance(window, str) else window
    known = declared(ws)
    found = sorted(known.experiments.values(), key=lambda one: (one.start, one.key))
    if span is not None:
        found = [one for one in found if one.start < span.end and (one.end is None or span.start < one.end <= span.end)]
    by_unit: dict[str, list[Declaration]] = {}
    for one in found:
        by_unit.setdefault(one.unit, []).append(one)
    read = {one.key: one for group in by_unit.values() for one in Reader.of(Desk.of(ws, group)).readouts()}
    return Portfolio(tuple(read[one.key] for one in found), known.faults)
