"""One metric in two windows: the same question asked twice, each window on its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Estimate
from metricstack.core.windows import Window
from metricstack.metrics.answers.answer import Answered
from metricstack.metrics.change.difference import Together, moving_together
from metricstack.metrics.definitions import Catalogue
from metricstack.metrics.evaluate import prepare
from metricstack.metrics.job import Job, Request
from metricstack.metrics.model import Definition
from metricstack.metrics.passes import Pass
from metricstack.metrics.query.grouped import Key
from metricstack.metrics.question import check_window
from metricstack.numerics.change import Better, Change, change
from metricstack.telemetry.completeness import last_full_quarter

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["Side", "answered", "moved", "sides", "two_windows"]

WindowLike = Window | str | None
Reached = tuple["Side", tuple[Key, ...], Answered]
"""A side, the finer groups that make a group up there, and its answer."""


@dataclass(frozen=True, eq=False)
class Side:
    """A metric in one window.

    Args:
        job: What answers it.
        part: The pass that it belongs to, of this window alone.
    """

    job: Job
    part: Pass


def two_windows(ws: "Workspace", before: WindowLike, after: WindowLike) -> tuple[Window, Window]:
    """Return the windows to compare: the last full quarter, and the one before the later, where not given.

    Raises:
        InvalidInput: they share an instant, so that the same rows would stand on both sides.
    """
    later = last_full_quarter(ws) if after is None else _window(ws, after)
    earlier = later.previous() if before is None else _window(ws, before)
    if earlier.start < later.end and later.start < earlier.end:
        raise InvalidInput(
            f"The windows {earlier} and {later} overlap: the same rows would be on both sides. "
            "Take windows that share no instant."
        )
    return earlier, later


def _window(ws: "Workspace", window: Window | str) -> Window:
    return ws.quarter(window) if isinstance(window, str) else check_window(window)


def sides(
    ws: "Workspace",
    known: Catalogue,
    ids: Sequence[str],
    windows: Sequence[Window],
    *,
    by: tuple[str, ...],
    where: Mapping[str, str],
    level: float,
) -> dict[str, tuple[Side, ...]]:
    """Prepare metrics in several windows.

    Returns:
        Metric id → a side for each window, in order.

    Raises:
        UnknownName: a dimension that no table within reach has.
        InvalidInput: a dimension that the metric cannot be asked by.
    """
    found: dict[str, list[Side]] = {name: [] for name in ids}
    for window in windows:
        request = Request(ws, known, window, (window,), by, dict(where), None, level)
        for job, part in prepare(request, ids).items():
            found[job.name].append(Side(job, part))
    return {name: tuple(pair) for name, pair in found.items()}


def answered(side: Side, key: Key, keys: tuple[Key, ...]) -> Answered:
    """Answer a side's metric in one group."""
    return side.part.answered(side.job, key, keys)


def moved(
    definition: Definition,
    before: Reached,
    after: Reached,
    key: Key,
) -> tuple[Change, Together | None]:
    """Compare a metric's answers of two windows in one group, the same units taken together.

    Args:
        definition: The metric.
        before: The earlier side, the finer groups that make the group up there, and its answer.
        after: The later side.
        key: The group.

    Returns:
        The change, and how the two answers' errors go together (None: taken as independent).
    """
    one, other = before[2].answer, after[2].answer
    together = None
    if _varies(one) and _varies(other):
        together = moving_together(after[0].job, (before[0].part, key, before[1]), (after[0].part, key, after[1]))
    correlation = None if together is None else together.correlation
    return change(one, other, better=cast("Better", str(definition.better)), correlation=correlation), together


def _varies(answer: object) -> bool:
    return isinstance(answer, Estimate) and answer.low is not None and not answer.method.startswith("exact Poisson")
