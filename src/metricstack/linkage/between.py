"""Between units against within them: whether the units that have more of a cause differ for another reason."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metricstack.core.values import Check, Reason, Refusal
from metricstack.experiments.effect import Effect, effect
from metricstack.linkage.columns import Rows, read_rows
from metricstack.linkage.linked import Linked, cluster_check, linked
from metricstack.numerics.absorption import Absorption
from metricstack.numerics.clustered import Regression, clustered_spread, independent_columns, regression, usual_variance
from metricstack.numerics.intervals import check_level

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BetweenWithin", "between_within"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BetweenWithin(Linked):
    """The slope within units (its estimate), and beside it the slope between them.

    Args:
        between: The slope between units' means.
        pooled: The slope of all rows, as if there were no units: a mixture of both.
        difference: Between less within: what units that have more of the cause have beside it.
        simpson: Both slopes are significant, and of opposite signs.
        confounded: The difference is significant: what is fixed in units goes together with the cause.
    """

    between: Effect | None = None
    pooled: Effect | None = None
    difference: Effect | None = None
    simpson: bool = False
    confounded: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        parts = {name: getattr(self, name) for name in ("between", "pooled", "difference")}
        return Linked.to_dict(self) | {name: part and part.to_dict() for name, part in parts.items()} | {
            "simpson": self.simpson, "confounded": self.confounded,
        }  # fmt: skip


def between_within(
    df: "pd.DataFrame",
    outcome: str,
    cause: str,
    unit: str,
    time: str | None = None,
    *,
    covariates: str | Sequence[str] = (),
    step: float = 1.0,
    outcome_unit: str = "1",
    level: float = 0.95,
) -> BetweenWithin | Refusal:
    """Estimate a slope within units and between them in one regression, and test whether they differ.

    Args:
        df: One row per unit and period.
        outcome: Column of the outcome, a number.
        cause: Column of the cause.
        unit: Column of the unit; rows of one depend on each other in any way.
        time: Column of the period, whose effects are taken out; None keeps them.
        covariates: Columns to hold fixed, each within and between units.
        step: Size of the change of the cause that the slopes are of.
        outcome_unit: Unit of the outcome.
        level: Confidence level, a fraction in (0, 1); a flag is raised at its complement.

    Returns:
        The within slope, with those ``between`` units, ``pooled`` and their ``difference``; or a refusal: ``NO_DATA``,
        ``TOO_FEW_UNITS`` (fewer than three units), ``NO_VARIATION`` (the cause differs only between units, or only
        within).

    Raises:
        InvalidInput: a column that is not of its kind.
        UnknownName: a column that is not there.

    Source:
        Mundlak (1978), *On the pooling of time series and cross section data*; the form with deviations and means of
        Neuhaus and Kalbfleisch (1998). The within slope is that of unit effects. The test with clustered errors is
        Wooldridge (2010), section 10.7.3; few units take CR2 with the degrees of freedom of Bell and McCaffrey.

    Example:
        >>> import pandas as pd
        >>> df = pd.DataFrame({
        ...     "team": list("aaabbbccc"), "load": [1, 2, 3, 4, 5, 6, 7, 8, 9],
        ...     "speed": [3, 2, 1.1, 6, 5.2, 4, 9, 7.8, 7],
        ... })
        >>> found = between_within(df, "speed", "load", "team")  # teams with more load are faster; load slows each
        >>> round(found.value, 2), round(found.between.value, 2), found.simpson
        (-0.98, 0.98, True)
    """
    check_level(level)
    keys = [unit] if time is None else [unit, time]
    rows = read_rows(df, numbers=[outcome, cause], keys=keys, covariates=covariates)
    if not len(rows):
        return Refusal(Reason.NO_DATA, "no row is complete", "Look at the columns' missing values.")
    units = rows.keys[unit]
    g = int(units.max()) + 1
    if g < 3:
        return Refusal(Reason.TOO_FEW_UNITS, f"there are {g} units; 3 are needed", "Observe more units.")
    columns, means = _split(np.column_stack([rows.numbers[cause], rows.covariates]), units)
    fits = _fits(rows, columns, means, outcome, time)
    if fits is None:
        return Refusal(
            Reason.NO_VARIATION, f"{cause!r} does not vary both within and between units", "Use `panel_effect` instead."
        )  # fmt: skip
    fit, plain, at = fits
    kind = usual_variance(g)

    def slope(which: Regression, contrast: dict[int, float], words: str) -> Effect:
        weights = np.zeros(which.design.shape[1])
        for place, weight in contrast.items():
            weights[place] = weight
        spread = clustered_spread(which, (units,), kind=kind, contrast=weights)
        return effect(
            float(weights @ which.coefficients) * step, math.sqrt(spread.variance) * abs(step), freedom=spread.freedom,
            level=level, unit=outcome_unit, n=g, method=f"{words}, {kind}",
        )  # fmt: skip

    within, between = slope(fit, {0: 1.0}, "within units"), slope(fit, {at: 1.0}, "between units")
    difference = slope(fit, {at: 1.0, 0: -1.0}, "between less within units")
    pooled = slope(plain, {0: 1.0}, "pooled")
    alpha = 1 - level
    simpson = _sure(within, alpha) and _sure(between, alpha) and within.value * between.value < 0
    confounded = _sure(difference, alpha)
    told = f"within {within.value:.4g}, between {between.value:.4g}, difference p = {difference.p_value:.3g}"
    checks = (
        Check("rows", None, f"{len(rows):,} rows of {g} units; {rows.incomplete} left out for a missing value"),
        cluster_check([g], kind, within.freedom),
        Check("no_reversal", passed=not simpson, detail=told),
        Check("units_alike", passed=not confounded, detail=told),
    )  # fmt: skip
    assumed = (
        "nothing that moves the outcome changes within units together with the cause, beside what is held fixed",
    )
    return linked(
        BetweenWithin, within, checks=checks, cause=cause, outcome=outcome, assumptions=assumed, between=between,
        pooled=pooled, difference=difference, simpson=simpson, confounded=confounded,
    )  # fmt: skip


def _sure(found: Effect, alpha: float) -> bool:
    return found.p_value is not None and found.p_value <= alpha


def _split(columns: Matrix, units: Integers) -> tuple[Matrix, Matrix]:
    """Return deviations from units' means, and the means on every row."""
    size = np.bincount(units).astype(np.float64)
    means = np.column_stack([(np.bincount(units, weights=column) / size)[units] for column in columns.T])
    return columns - means, means


def _fits(
    rows: Rows, deviations: Matrix, means: Matrix, outcome: str, time: str | None
) -> tuple[Regression, Regression, int] | None:
    """Fit deviations and means together, and the sums alone; None where the cause lacks one of both."""
    absorption = Absorption((np.zeros(len(rows), dtype=np.int64) if time is None else rows.keys[time],))
    k = deviations.shape[1]
    both = np.column_stack([deviations[:, 1:], means[:, 1:], deviations[:, 0], means[:, 0]])
    kept = independent_columns(both, absorption)
    if not {2 * (k - 1), 2 * (k - 1) + 1} <= set(kept):
        return None
    held = both[:, kept[:-2]]
    y = rows.numbers[outcome]
    fit = regression(y, np.column_stack([deviations[:, 0], means[:, 0], held]), absorption)
    whole = deviations + means
    alone = [
        place
        for place in independent_columns(np.column_stack([whole[:, 1:], whole[:, 0]]), absorption)
        if place < k - 1
    ]
    plain = regression(y, np.column_stack([whole[:, 0], whole[:, 1:][:, alone]]), absorption)
    return fit, plain, 1
