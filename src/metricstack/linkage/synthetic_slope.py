"""What one unit's change did to an outcome over what it did to a cause, against mixtures of unchanged units."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metricstack.core.values import Estimate, Reason, Refusal
from metricstack.experiments.effect import Effect
from metricstack.linkage.synthetic import FLOOR, unit_gaps
from metricstack.linkage.synthetic_input import read_donors
from metricstack.numerics.intervals import check_level

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SyntheticSlope", "synthetic_slope"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
_GRID = 2001
_METHOD = "synthetic control, effect per step of the cause"


@dataclass(frozen=True, eq=False)
class SyntheticSlope:
    """The gap of an outcome over that of a cause, with sets of any level from placebos in space.

    Args:
        cause: Mean gap of the cause from the start on, the treated unit first, then every donor in its place.
        outcome: The same of the outcome.
        misfit: Mean squares before the start, of cause, outcome and their product, shape (units, 3).
        step: The named step of the cause.
        unit: Unit of the outcome.
    """

    cause: Vector
    outcome: Vector
    misfit: Matrix
    step: float
    unit: str

    @property
    def donors(self) -> int:
        """Number of donors."""
        return len(self.cause) - 1

    def p_values(self, slopes: Vector) -> Vector:
        """Return the rank of the treated unit among all, at each slope: then ``outcome - slope * cause`` has no gap."""
        b = slopes[None, :]
        gap = np.abs(self.outcome[:, None] - b * self.cause[:, None])
        square = self.misfit[:, 1:2] - 2 * b * self.misfit[:, 2:] + b * b * self.misfit[:, :1]
        before = np.sqrt(np.maximum(square, 0.0))
        floor = FLOOR * np.median(before[1:], axis=0)
        statistic = gap / np.maximum(np.maximum(before, floor), 1e-300)
        return np.asarray((statistic >= statistic[:1] * (1 - 1e-9)).mean(axis=0))

    def at(self, level: float) -> Effect:
        """Return the effect of one step, with all sizes that the placebos do not reject.

        Derivation:
            At the true slope the outcome less slope times cause was not changed, so that the treated unit is one like
            the donors, and the rank of its gap, in misfits before, is as likely as any (Anderson and Rubin's set, with
            the placebo test of Abadie, Diamond and Hainmueller). The sizes are scanned by angle, and a piece reaches
            to the next one that is rejected, so that it is never too short.
        """
        check_level(level)
        scale = math.sqrt(float(np.median(self.misfit[1:, 1])) / float(np.median(self.misfit[1:, 0])))
        slopes = scale * np.tan(np.linspace(-math.pi / 2, math.pi / 2, _GRID + 2)[1:-1])
        kept = self.p_values(slopes) > 1 - level + 1e-12
        pieces = tuple(
            (min(ends), max(ends))
            for ends in ((low * self.step, high * self.step) for low, high in _pieces(slopes, kept))
        )
        pieces = tuple(sorted(pieces))
        value = float(self.outcome[0] / self.cause[0]) * self.step
        estimate = Estimate(
            value, self.unit, len(self.cause), _METHOD, min(pieces[0][0], value), max(pieces[-1][1], value), level,
            pieces if len(pieces) > 1 else (),
        )  # fmt: skip
        return Effect(estimate, float(self.p_values(np.zeros(1))[0]), None, math.inf)


def _pieces(slopes: Vector, kept: NDArray[np.bool_]) -> list[tuple[float, float]]:
    """Stretches of slopes that are kept, each out to the next that is not; one at least."""
    found: list[tuple[float, float]] = []
    last = len(slopes) - 1
    for at in np.flatnonzero(kept):
        low = -math.inf if at == 0 else float(slopes[at - 1])
        high = math.inf if at == last else float(slopes[at + 1])
        if found and found[-1][1] >= low:
            found[-1] = (found[-1][0], high)
        else:
            found.append((low, high))
    return found or [(-math.inf, math.inf)]


def synthetic_slope(
    df: "pd.DataFrame", cause: str, outcome: str, *, treated: Any, start: Any, step: float = 1.0, unit: str = "1"
) -> SyntheticSlope | Refusal:
    """Estimate what one unit's change did to an outcome, for one step of what it did to a cause.

    Args:
        df: One row per ``unit`` and ``period``; donors that lack a value of either metric are left out.
        cause: Column of the cause.
        outcome: Column of the outcome.
        treated: The unit that changed.
        start: First changed period.
        step: The named step of the cause.
        unit: Unit of the outcome.

    Returns:
        The slope; or a refusal of `read_donors`, or ``NO_VARIATION``.

    Source:
        Abadie, Diamond and Hainmueller (2010); Firpo and Possebom (2018) for inverting the placebo test.
    """
    lacking = df.loc[df[[cause, outcome]].isna().any(axis=1), "unit"].unique()
    whole = df[~df["unit"].isin([name for name in lacking if name != treated])]
    gaps = []
    start_at = 0
    for column in (cause, outcome):
        panel = read_donors(whole, (column, "unit", "period"), treated=treated, start=start)
        if isinstance(panel, Refusal):
            return panel
        start_at = panel.start
        gaps.append(unit_gaps(panel, panel.start, len(panel.times))[0])
    x, y = gaps
    before = [x[:, :start_at], y[:, :start_at]]
    misfit = np.column_stack([(before[0] ** 2).mean(axis=1), (before[1] ** 2).mean(axis=1),
                              (before[0] * before[1]).mean(axis=1)])  # fmt: skip
    found = SyntheticSlope(x[:, start_at:].mean(axis=1), y[:, start_at:].mean(axis=1), misfit, step, unit)
    if not (np.median(misfit[1:, :2], axis=0) > 0).all() or found.cause[0] == 0:
        return Refusal(
            Reason.NO_VARIATION, "donors are mixtures of one another, without any noise", "Check the metrics."
        )
    return found
