"""What an organisation declares before it looks: boards of metrics, and service-level objectives.

[boards.quarterly]                      # the metrics of a review, tested as one family
metrics = ["task_success", "latency_p95"]
false_discoveries = 0.05                # share of wrong ones that is accepted among those called changed

[objectives.answer_quickly]
title = "Answers come"
metric = "availability"                 # a share: the mean of a flag, of which more is better
target = 0.995
window = 28                             # days up to now, or "quarter" for the fiscal quarter so far
method = "occurrences"                  # good ÷ valid events; or "time_slices": good ÷ valid slices of time
slice = 60                              # seconds
slice_target = 0.99                     # share of good events that makes a slice good
silent_slices = "left out"              # or "bad": what a slice without an event is; it is never good
owner = "platform"
where = { use_case = "support_copilot" }
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from metricstack.core.errors import nearest

__all__ = ["Board", "Objective", "read_boards", "read_objectives"]

Report = Callable[..., None]
"""Takes a fault's message and the place of it in the file."""

METHODS = ("occurrences", "time_slices")
SILENT = ("left out", "bad")


@dataclass(frozen=True, slots=True)
class Board:
    """Metrics that are looked at together, declared before.

    Args:
        name: Its name.
        metrics: Ids or aliases.
        false_discoveries: Share of wrong ones that is accepted among those called changed.
    """

    name: str
    metrics: tuple[str, ...]
    false_discoveries: float = 0.05


@dataclass(frozen=True, slots=True)
class Objective:
    """A service-level objective: how much of a share is promised, over which time.

    Args:
        name: Its name.
        metric: Id or alias of a share.
        target: The share promised, a fraction in (0, 1).
        window: Days up to now; None = the fiscal quarter so far.
        method: ``occurrences`` or ``time_slices``.
        slice: Seconds of a slice.
        slice_target: Share of good events that makes a slice good.
        silent_slices: What a slice without an event is: ``left out`` or ``bad``, never good.
        title: Its name for readers.
        owner: Who answers for it.
        where: Dimension → value that narrows it.
    """

    name: str
    metric: str
    target: float
    window: int | None = 28
    method: str = "occurrences"
    slice: int = 60
    slice_target: float | None = None
    silent_slices: str = "left out"
    title: str = ""
    owner: str = ""
    where: Mapping[str, str] = field(default_factory=dict)

    @property
    def budget(self) -> float:
        """The error budget: the share that may be bad."""
        return 1.0 - self.target


def read_boards(cards: Mapping[str, Mapping[str, Any]], report: Report) -> dict[str, Board]:
    """Read ``[boards]``; faults go to ``report``. Whether a metric exists, the catalogue knows."""
    found = {}
    for name, card in cards.items():
        if not isinstance(card, dict):
            report(f"board {name!r} must be a table.", "boards", name)
            continue
        _unknown(card, ("metrics", "false_discoveries"), report, "boards", name)
        metrics, rate = card.get("metrics"), card.get("false_discoveries", 0.05)
        good = isinstance(metrics, list) and metrics and all(isinstance(one, str) for one in metrics)
        if not good or len(set(metrics or ())) < len(metrics or ()):
            report("'metrics' must be a list of different metrics, at least one.", "boards", name, "metrics")
        elif not _is_share(rate):
            report(f"'false_discoveries' must be between 0 and 1, not {rate!r}; 0.05 is usual.",
                   "boards", name, "false_discoveries")  # fmt: skip
        else:
            found[name] = Board(name, tuple(metrics or ()), float(rate))
    return found


def read_objectives(cards: Mapping[str, Mapping[str, Any]], report: Report) -> dict[str, Objective]:
    """Read ``[objectives]``; faults go to ``report``. Whether a metric is a share, the catalogue knows."""
    found = {}
    for name, card in cards.items():
        faults: list[str] = []

        def fault(message: str, *field: str, at: str = name, seen: list[str] = faults) -> None:
            seen.append(message)
            report(message, "objectives", at, *field)

        if not isinstance(card, dict):
            fault(f"objective {name!r} must be a table.")
            continue
        _unknown(card, tuple(Objective.__dataclass_fields__)[1:], report, "objectives", name)
        for text in ("metric", "title", "owner"):
            if not isinstance(card.get(text, ""), str):
                fault(f"{text!r} must be text, not {card[text]!r}.", text)
        for needed in ("metric", "target"):
            if needed not in card:
                fault(f"objective {name!r} has no {needed!r}.")
        for share in ("target", "slice_target"):
            if share in card and not _is_share(card[share]):
                fault(f"{share!r} must be a share between 0 and 1, such as 0.995, not {card[share]!r}.", share)
        window = card.get("window", 28)
        if window != "quarter" and not _is_count(window):
            fault(f"'window' must be a number of days or \"quarter\", not {window!r}.", "window")
        for choice, allowed in (("method", METHODS), ("silent_slices", SILENT)):
            if card.get(choice, allowed[0]) not in allowed:
                guess = nearest(str(card[choice]), allowed)
                hint = f"Did you mean {guess!r}?" if guess else f"Allowed: {', '.join(allowed)}."
                fault(f"{choice} {card[choice]!r} is unknown. {hint}", choice)
        if not _is_count(card.get("slice", 60)):
            fault(f"'slice' must be a whole number of seconds, not {card['slice']!r}.", "slice")
        if card.get("method") == "time_slices" and "slice_target" not in card:
            fault("method 'time_slices' needs 'slice_target': the share of good events that makes a slice good.")
        where = card.get("where", {})
        if not isinstance(where, dict) or not all(isinstance(value, str) for value in where.values()):
            fault("'where' must be a table of texts: { use_case = \"search\" }.", "where")
        if not faults:
            known = {key: card[key] for key in Objective.__dataclass_fields__ if key in card and key != "name"}
            known |= {"window": None if window == "quarter" else window, "target": float(card["target"])}
            found[name] = Objective(name, **known)
    return found


def _unknown(card: Mapping[str, Any], allowed: tuple[str, ...], report: Report, *place: str) -> None:
    for entry in card:
        if entry not in allowed:
            guess = nearest(entry, allowed)
            hint = f"Did you mean {guess!r}?" if guess else f"Allowed: {', '.join(allowed)}."
            report(f"unknown entry {entry!r}. {hint}", *place, entry)


def _is_share(value: object) -> bool:
    return isinstance(value, float) and 0 < value < 1


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
