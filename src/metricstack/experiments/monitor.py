"""Watch experiments while they run: is the split fair, how far are they, and is harm certain already?

Whatever the design, what is told here may be looked at every day: the split by a sequential test, harm by confidence
sequences. It says when to stop for harm or a broken split, never when to ship.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from metricstack.core.show import Seen
from metricstack.core.values import Check, Refusal
from metricstack.experiments.declaration import Declaration, Design
from metricstack.experiments.declare import declaration, declared
from metricstack.experiments.design import anytime, look_of
from metricstack.experiments.desk import Desk
from metricstack.experiments.guards import sample_ratio
from metricstack.experiments.reader import Reader
from metricstack.experiments.reading import Reading, Role
from metricstack.experiments.readout import Readout, Verdict
from metricstack.experiments.verdict import guardrail_state

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["Monitor", "Watched", "monitor"]

_CHANCE = 0.001
_AS_IF = (10.0, 100.0, 1_000.0, 10_000.0)
"""Units that the prior of a broken split is worth, at equal odds: large breaks are found early, small ones late."""
_RECENT = 7
"""Days over which traffic is averaged."""


@dataclass(frozen=True)
class Watched:
    """One experiment, watched.

    Args:
        readout: What it shows by its design.
        state: ``not started``, ``running`` or ``ended``, as of the last data.
        per_day: New units a day over the last week of data.
        days_left: Days until the planned units at this pace; None where nothing was planned or nobody comes.
        next_look: Units at which a group-sequential design is read next; None of others, and after the last.
        split: The split by a test that may be watched every day.
        harm: Metrics that are worse for certain, beyond what is accepted.
    """

    readout: Readout
    state: str
    per_day: float
    days_left: int | None
    next_look: int | None
    split: Check
    harm: tuple[Reading, ...]

    @property
    def units(self) -> int:
        """Units of all arms so far."""
        return sum(self.readout.units.values())

    @property
    def advice(self) -> str:
        """What to do today: ``stop`` (a broken split, or certain harm), ``read`` (it is time) or ``wait``.

        An experiment that may be given up for futility is one to read: it does no harm, and the bound is not binding.
        """
        if self.split.passed is False or self.harm or self.readout.verdict in ("invalid", "rollback"):
            return "stop"
        return "wait" if self.readout.verdict == "hold" else "read"

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        planned = self.readout.declaration.planned_n
        return {
            "key": self.readout.key, "state": self.state, "advice": self.advice, "units": self.units,
            "planned_n": planned, "per_day": self.per_day, "days_left": self.days_left, "next_look": self.next_look,
            "split": self.split.to_dict(), "harm": [one.metric for one in self.harm],
            "verdict": str(self.readout.verdict), "why": self.readout.decided.why,
            **({} if (futility := self.readout.futility) is None else {"futility": futility.to_dict()}),
        }  # fmt: skip


@dataclass(frozen=True)
class Monitor(Seen):
    """Experiments, watched.

    Args:
        watched: Those that run first, then those that have ended or not started, each by their start.
    """

    watched: tuple[Watched, ...]

    def say(self) -> str:
        """Say it in words, one line for each."""
        return str(self._render("say"))

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"experiments": [one.to_dict() for one in self.watched]}


def monitor(ws: "Workspace", experiment: str | None = None) -> Monitor:
    """Watch one experiment, or all that run.

    Args:
        ws: The workspace.
        experiment: Its key; None = all that had started and not ended when the data end.

    Raises:
        UnknownName: no experiment of this key; names the nearest.
        ConfigurationError: the one of this key may be among those that cannot be read; every fault with its place.
    """
    last = ws.span()
    if experiment is None:
        known = sorted(declared(ws, names=False).experiments.values(), key=lambda one: (one.start, one.key))
        wanted = [one for one in known if last is not None and _state(one, last.end) == "running"]
    else:
        wanted = [declaration(ws, experiment)]
    return Monitor(tuple(_watch(ws, one, one.start if last is None else last.end) for one in wanted))


def _state(one: Declaration, now: datetime) -> str:
    if one.start >= now:
        return "not started"
    return "ended" if one.end is not None and one.end <= now else "running"


def _watch(ws: "Workspace", one: Declaration, now: datetime) -> Watched:
    desk = Desk.of(ws, [one])
    (readout,) = Reader.of(desk).readouts()
    units = sum(readout.units.values())
    end = min(now, one.end or now)
    recent = [sum(arms.values()) for day, arms in readout.by_day.items() if day >= (end - timedelta(_RECENT)).date()]
    ran = max(min((end - one.start) / timedelta(days=1), _RECENT), 1.0)
    per_day, planned = sum(recent) / ran, one.planned_n
    state = _state(one, now)
    goes_on = planned is not None and per_day > 0 and state == "running"
    left = math.ceil(max((planned or 0) - units, 0) / per_day) if goes_on else None
    look = look_of(one, units, ended=False) + 1 if one.design is Design.GROUP_SEQUENTIAL and planned else one.looks + 1
    upcoming = math.ceil((planned or 0) * look / one.looks) if look <= one.looks else None
    split = _split(one, readout.by_day)
    holds = split.passed is not False and readout.verdict is not Verdict.INVALID
    harm = tuple(_harm(desk, one, readout)) if holds else ()
    return Watched(readout, state, per_day, left, upcoming, split, harm)


def _split(one: Declaration, days: Mapping[date, Mapping[str, int]]) -> Check:
    """Test the split of each day so far, by the allocation of that day's stretch, at all days at once."""
    worst: Check | None = None
    starts = [start.date() for start, _ in one.periods]
    for i, (first, (_, shares)) in enumerate(zip(starts, one.periods, strict=True)):
        last = starts[i + 1] if i + 1 < len(starts) else date.max
        mine = [[arms.get(arm, 0) for arm in one.arms] for day, arms in days.items() if first <= day < last]
        if not mine:
            continue
        found = sample_ratio(
            np.cumsum(mine, axis=0), shares, method="sequential", alpha=_CHANCE / len(starts), concentration=_AS_IF
        )
        if not isinstance(found, Refusal) and (worst is None or found.mismatch):
            worst = found.check
    return worst or Check("sample_ratio", None, "no unit has been exposed yet")


def _harm(desk: Desk, one: Declaration, readout: Readout) -> Sequence[Reading]:
    """Find what is worse for certain, whenever one looks: by confidence sequences, over all metrics that count."""
    counted = [one for one in readout.readings if one.role is not Role.SECONDARY]
    found = []
    for reading in counted:
        told = desk.contrast(one, reading.metric, reading.arm)
        if isinstance(told, Refusal):
            continue
        unit = "1" if isinstance(reading.effect, Refusal) else reading.effect.unit
        effect, relative = anytime(one, told, level=1 - one.alpha / len(counted), unit=unit)
        seen = replace(reading, effect=effect, relative=relative)
        if isinstance(effect, Refusal):
            continue
        if reading.role is Role.GUARDRAIL:
            worse = guardrail_state(seen) == "broken"
        else:
            assert effect.high is not None
            assert effect.low is not None
            worse = reading.better != "neither" and max(effect.low * reading.sign, effect.high * reading.sign) < 0
        if worse:
            found.append(seen)
    return found
