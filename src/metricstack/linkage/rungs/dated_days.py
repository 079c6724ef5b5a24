"""The days of one edge around a dated change: the whole company's, or those of one value less what was left alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metricstack.core.values import Reason, Refusal
from metricstack.linkage.dated import Dated
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.interrupted import Interrupted, interrupted
from metricstack.linkage.observed import Observed
from metricstack.linkage.rungs.contrast import Contrast, contrast, outside

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Days", "days_around"]

Vector = NDArray[np.float64]
_MOST_CONTROLS = 3


@dataclass(frozen=True, eq=False)
class Days:
    """The series of one edge, and the day from which on it was changed.

    Args:
        dates: The days, in order.
        start: First of them that has the change.
        columns: Metric → its values; of a change of one value the difference from those that were left alone.
        controls: Negative controls among them, which are held fixed.
        events: Kind → its days among the dates.
        others: Value that was left alone → metric → its values.
    """

    dates: list[str]
    start: str
    columns: Mapping[str, Vector]
    controls: tuple[str, ...]
    events: Mapping[str, Sequence[str]]
    others: Mapping[str, Mapping[str, Vector]] = field(default_factory=dict)

    def ask(self, values: Vector, *, level: bool = False, placebo: bool = False) -> Interrupted | Refusal:
        """Look for a jump; against a straight trend with AR(1) errors, or against a level that wanders."""
        return interrupted(
            values, self.start, method="local_level" if level else "ar1_gls", dates=self.dates, events=self.events,
            control={name: self.columns[name] for name in self.controls} or None, slope=False, placebo=placebo,
            missing="skip",
        )  # fmt: skip

    def common(self, metric: str) -> Vector:
        """Mean over the values that were left alone."""
        found: Vector = np.mean([series[metric] for series in self.others.values()], axis=0, dtype=np.float64)
        return found

    def without(self, other: str, metric: str) -> Vector:
        """The difference, had this other value not been there."""
        rest = [series[metric] for name, series in self.others.items() if name != other]
        less: Vector = np.mean(rest, axis=0, dtype=np.float64)
        return self.columns[metric] + self.common(metric) - less


def days_around(seen: Observed, edge: Hypothesis, dated: Dated) -> Days | Refusal:
    """Lay out the days of an edge around a change.

    Args:
        seen: What the workspace holds.
        edge: What was declared.
        dated: The change.

    Returns:
        The days that tell both metrics; or a refusal where they do not lie around it, or, of a change of one value,
        as `contrast`.
    """
    against = contrast(seen, edge, dated) if dated.where else Contrast(seen.series(), {})
    if isinstance(against, Refusal):
        return against
    table = against.days
    lacking = [name for name in (edge.cause, edge.effect) if name not in table.columns]
    if lacking:
        return Refusal(Reason.NOT_MEASURED, f"{' and '.join(lacking)} has no daily series", "Choose another metric.")
    controls = tuple(
        name for name in edge.negative_controls
        if name in table.columns and name not in (edge.cause, edge.effect) and not seen.shared(edge.effect, name)
    )[:_MOST_CONTROLS]  # fmt: skip
    held: pd.DataFrame = table[[edge.cause, edge.effect, *controls]].dropna()
    start = str(dated.first + timedelta(days=dated.partial))
    mixed = str(dated.first) if dated.partial else ""
    held = held[[str(day) != mixed and str(day) < str(dated.until or "9999") for day in held.index]]
    dates = [str(day) for day in held.index]
    if not dates or not dates[0] < start <= dates[-1]:
        return outside(dated)

    def columns(of: "pd.DataFrame") -> dict[str, Vector]:
        return {str(name): of[name].to_numpy(dtype=np.float64) for name in held.columns}

    others = {name: columns(days.loc[held.index]) for name, days in against.others.items()}
    start = min(day for day in dates if day >= start)
    return Days(dates, start, columns(held), controls, _events(seen, dated, dates), others)


def _events(seen: Observed, dated: Dated, dates: Sequence[str]) -> dict[str, list[str]]:
    """Return the days of known events, but for the change's own, which would explain it away."""
    own = "" if dated.where else dated.kind  # events of a part are not among them
    found = {
        kind: [
            day for day in (str(one) for one in np.asarray(days, dtype=np.str_))
            if dates[0] <= day <= dates[-1] and (kind != own or day < str(dated.first))
        ]
        for kind, days in seen.events.items()
    }  # fmt: skip
    return {kind: days for kind, days in found.items() if days}
