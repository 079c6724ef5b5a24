"""What an experiment would have had, had it run in a past stretch: units from the day on which they were first seen.

An experiment exposes a unit when it first comes by, and counts what it does from then to its end. So the same is asked
of the past: each stretch is an experiment without arms whose units are those that were seen in it.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from metricstack.core.values import Reason, Refusal
from metricstack.metrics.query.compile import Plan, summable
from metricstack.metrics.query.exposed import Exposed
from metricstack.metrics.query.joins import unit_path
from metricstack.metrics.query.rows import NOT_RECORDED

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from metricstack.telemetry.workspace import Workspace

__all__ = ["ALL", "Sighted", "home_of"]

ALL = "all"
"""The one arm of a stretch."""
_DAY = 86_400


def home_of(ws: "Workspace", unit: str) -> str | Refusal:
    """Return the table in which units are seen: requests, else sessions; or a refusal where neither names them.

    Args:
        ws: The workspace.
        unit: The column that names the unit.
    """
    able = (name for name in ("requests", "sessions") if unit_path(name, unit) and ws.has(name))
    return next(able, None) or Refusal(
        Reason.MISSING_COLUMN,
        f"neither requests nor sessions say which {unit} they are of",
        f"Load requests that name the {unit}.",
    )


@dataclass(frozen=True)
class Sighted(Exposed):
    """The units of past stretches that begin together, and what they did; `Exposed` for an experiment to come.

    Args:
        home: The table in which units are seen, of `home_of`; any other whose rows name them.
    """

    home: str = "requests"

    @cached_property
    def units(self) -> "ir.Table | Refusal":
        """The units that count, one row for each stretch, as `Assigned.units`; exposed by their first row."""
        import ibis

        frame = self._frame(self.home)
        if isinstance(frame, Refusal):
            return frame
        rows = summable(frame, self.home, (), Plan(weighted=False), timed=True)
        if isinstance(rows, Refusal):
            return rows
        flat = rows.rows.filter(rows.rows["_g0"] != NOT_RECORDED)
        (use_case,) = {one.use_case for one in self.exposures}
        if use_case and unit_path(self.home, "use_case") is not None:
            flat = flat.filter(flat["_g1"] == use_case)
        seen = flat.group_by(unit=flat["_g0"]).aggregate(_first=flat["_time"].min())
        found = []
        for one in self.exposures:
            end = ibis.literal(one.end, type="timestamp('UTC')")
            mine = seen.filter(seen["_first"] < end)
            found.append(
                mine.select(
                    experiment=ibis.literal(one.experiment),
                    variant=ibis.literal(ALL),
                    unit=mine["unit"],
                    _first=mine["_first"],
                    _since=mine["_first"] - ibis.interval(days=one.before),
                    _end=end,
                    _use_case=ibis.literal(one.use_case),
                    _period=ibis.literal(0, type="int64"),
                    _met=ibis.literal(True),
                )
            )
        return self._numbered(found[0] if len(found) == 1 else ibis.union(*found))

    def arrivals(self) -> tuple[int, ...] | Refusal:
        """Count the units seen up to each day of the longest stretch."""
        units = self.units
        if isinstance(units, Refusal):
            return units
        longest = max(self.exposures, key=lambda one: one.end)
        units = units.filter(units["experiment"] == longest.experiment)
        day = ((units["_first"].epoch_seconds() - int(longest.start.timestamp())) / _DAY).floor().cast("int64")
        found = units.group_by(_day=day).aggregate(_n=units.count()).to_pyarrow().to_pylist()
        days = round((longest.end - longest.start).total_seconds() / _DAY)
        by_day = np.zeros(days, dtype=np.int64)
        for row in found:  # where the clock changed the last day may have an hour more
            by_day[min(int(row["_day"]), days - 1)] += row["_n"]
        return tuple(int(n) for n in np.cumsum(by_day))
