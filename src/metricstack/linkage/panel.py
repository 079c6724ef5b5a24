"""The effect of a cause that varies within units over time, without what is fixed in a unit or common to a period."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Check, Estimate, Reason, Refusal
from metricstack.experiments.effect import Effect, effect
from metricstack.experiments.samples import check_choice
from metricstack.linkage.columns import Rows
from metricstack.linkage.linked import Linked, cluster_check, linked
from metricstack.linkage.panel_rows import PanelRows, panel_rows
from metricstack.numerics.absorption import Absorption
from metricstack.numerics.clustered import (
    Regression,
    classical_error,
    clustered_spread,
    independent_columns,
    regression,
    usual_variance,
)
from metricstack.numerics.intervals import check_level
from metricstack.numerics.wild import WildTest, wild_bootstrap

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EFFECTS", "Effects", "PanelEffect", "Variance", "panel_effect"]

Integers = NDArray[np.int64]
Vector = NDArray[np.float64]
Effects = Literal["two_way", "unit", "time", "none", "first_difference"]
Variance = Literal["auto", "CR0", "CR1", "CR2", "wild"]
EFFECTS = ("two_way", "unit", "time", "none", "first_difference")
_VARIANCES = ("auto", "CR0", "CR1", "CR2", "wild")
_ASSUMED = {
    "two_way": "nothing that moves the outcome differs between units and over time together with the cause, beside "
    "the named covariates",
    "unit": "nothing that moves the outcome changes over time together with the cause, beside the named covariates",
    "time": "nothing that moves the outcome differs between units together with the cause, beside the named covariates",
    "none": "nothing that moves the outcome goes together with the cause, beside the named covariates",
    "first_difference": "no change that moves the outcome goes together with a change of the cause, beside the named "
    "covariates",
}


@dataclass(frozen=True, slots=True)
class PanelEffect(Linked):
    """An adjusted association in a panel; n of its estimate counts clusters.

    Args:
        rows: Rows that it stands on.
        units: Units that have them.
        periods: Periods that have them, 0 without a time.
        clusters: Clusters, of the way that has fewer.
        within_share: Share of the cause's variance that is left beside effects and covariates, a fraction.
        partial_r2: Share of the outcome's variance, beside effects and covariates, that the cause explains.
        residual_freedom: Rows less all that was fitted.
        classical: Standard error as if rows were independent: for sensitivity, never for a test.
        effects: What was absorbed.
        variance: How the error was found: ``"CR1"``, ``"CR2"``, ``"wild"``.
    """

    rows: int = 0
    units: int = 0
    periods: int = 0
    clusters: int = 0
    within_share: float = 0.0
    partial_r2: float = 0.0
    residual_freedom: int = 0
    classical: float = 0.0
    effects: str = "two_way"
    variance: str = "CR1"

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        names = ("rows", "units", "periods", "clusters", "within_share", "partial_r2", "residual_freedom", "classical",
                 "effects", "variance")  # fmt: skip
        return Linked.to_dict(self) | {name: getattr(self, name) for name in names}


def panel_effect(  # noqa: PLR0917  a column for each, in the order in which they are usually named
    df: "pd.DataFrame",
    outcome: str,
    cause: str,
    unit: str,
    time: str | None = None,
    covariates: str | Sequence[str] = (),
    effects: Effects = "two_way",
    cluster: str | Sequence[str] = "unit",
    *,
    variance: Variance = "auto",
    weights: str | None = None,
    step: float = 1.0,
    outcome_unit: str = "1",
    level: float = 0.95,
    seed: int = 0,
) -> PanelEffect | Refusal:
    """Estimate how an outcome moves with a cause within units, beside what is fixed in a unit or common to a period.

    It takes out confounders that are constant in a unit or the same for all units in a period, and nothing else: with
    one that moves in some units only, the answer is wrong however small its interval. Put `negative_control`,
    `future_placebo` and `robustness_value` beside it.

    Args:
        df: One row per unit and period (repeated rows are allowed, and told).
        outcome: Column of the outcome, a number.
        cause: Column of the cause, a number or truth value.
        unit: Column of the unit.
        time: Column of the period, of any type that sorts; needed for ``"two_way"``, ``"time"`` and
            ``"first_difference"``.
        covariates: Columns to hold fixed, numbers or categories. Name none that the cause itself moves.
        effects: ``"two_way"`` (units and periods), ``"unit"``, ``"time"``, ``"none"``, or ``"first_difference"``:
            changes between neighbouring periods, with effects of periods.
        cluster: ``"unit"``, ``"time"``, any column, or two of them: rows that share one depend on each other.
        variance: ``"auto"``: below 30 clusters ``"CR2"`` with the degrees of freedom of Bell and McCaffrey, else
            ``"CR1"`` with t of clusters less one, as always with two ways of clustering; ``"wild"``: the wild cluster
            bootstrap with the null imposed, its interval by inverting it.
        weights: Column of weights above 0, None for 1 each: a row's variance is taken to be proportional to 1 / weight.
        step: Size of the change of the cause that the effect is of.
        outcome_unit: Unit of the outcome.
        level: Confidence level, a fraction in (0, 1).
        seed: Seed of the bootstrap.

    Returns:
        The effect of one step; or a refusal: ``NO_DATA``, ``TOO_FEW_UNITS`` (fewer than two clusters, or no row more
        than what is fitted), ``NO_VARIATION`` (the cause does not vary beside effects and covariates, or the outcome
        does not beside the cause).

    Raises:
        InvalidInput: a column that is not of its kind, a missing time, repeated rows for first differences.
        UnknownName: an unknown column, effect or variance.

    Source:
        Wooldridge, *Econometric Analysis of Cross Section and Panel Data* (2nd ed., 2010), chapter 10; Cameron and
        Miller (2015), *A practitioner's guide to cluster-robust inference*, section VI, for few clusters.

    Example:
        >>> import pandas as pd
        >>> df = pd.DataFrame({
        ...     "team": list("aaabbbccc"), "week": [1, 2, 3] * 3,
        ...     "load": [0, 1, 2, 5, 5, 8, 9, 7, 8], "errors": [1.0, 3.1, 5.2, 1, 1.1, 7.2, 4, -0.1, 2.2],
        ... })
        >>> found = panel_effect(df, "errors", "load", "team", effects="unit")
        >>> round(found.value, 2), found.clusters, found.variance  # within teams: (4.2 + 12.3 + 4.1) / (2 + 6 + 2)
        (2.06, 3, 'CR2')
    """
    check_level(level)
    check_choice("effects", effects, EFFECTS)
    check_choice("variance", variance, _VARIANCES)
    if not (math.isfinite(step) and step != 0):
        raise InvalidInput(f"The step {step} of the cause must be a finite number other than 0.")
    panel = panel_rows(
        df, outcome=outcome, cause=cause, unit=unit, time=time, covariates=covariates, effects=effects,
        cluster=cluster, weights=weights,
    )  # fmt: skip
    if isinstance(panel, Refusal):
        return panel
    counts = [int(codes.max()) + 1 for codes in panel.clusters]
    if variance in ("CR2", "wild") and len(counts) > 1:
        raise InvalidInput(f"The variance {variance!r} is for one way of clustering. Choose 'CR1' or 'auto' for two.")
    if min(counts) < 2:
        return Refusal(
            Reason.TOO_FEW_UNITS, f"there is {min(counts)} cluster of {cluster!r}; 2 are needed",
            "Cluster by something finer, or observe more units.",
        )  # fmt: skip
    fitted = _fit(panel, outcome, cause, weights)
    if isinstance(fitted, Refusal):
        return fitted
    fit, collinear = fitted
    kind: str = variance
    if variance == "auto":
        kind = usual_variance(counts[0]) if len(counts) == 1 else "CR1"
    value, n = float(fit.coefficients[0]) * step, min(counts)
    words = f"panel, {effects.replace('_', ' ')} effects" if effects != "none" else "pooled regression"
    spread = clustered_spread(fit, panel.clusters, kind="CR1" if kind == "wild" else kind)
    found = effect(
        value, math.sqrt(spread.variance) * abs(step), freedom=spread.freedom, level=level, unit=outcome_unit, n=n,
        method=f"{words}, {kind}",
    )  # fmt: skip
    if kind == "wild":
        test = wild_bootstrap(fit, panel.clusters[0], level=level, seed=seed)
        found = _wild(found, test, step=step, words=words)
    left = 1 / float(fit.bread[0, 0])
    share = _share(fit, panel.rows.numbers[cause], left)
    checks = _checks(panel, found, share, cause=cause, kind=kind, collinear=collinear)
    explained, rest = float(fit.coefficients[0]) ** 2 * left, float(fit.residuals @ fit.residuals)
    return linked(
        PanelEffect, found, checks=checks, cause=cause, outcome=outcome, assumptions=(_ASSUMED[effects],),
        rows=len(panel.rows), units=_levels(panel.rows, unit), periods=0 if time is None else _levels(panel.rows, time),
        clusters=n, within_share=share, partial_r2=explained / (explained + rest),
        residual_freedom=fit.freedom, classical=classical_error(fit) * abs(step), effects=effects, variance=kind,
    )  # fmt: skip


def _levels(rows: Rows, key: str) -> int:
    return int(rows.keys[key].max(initial=-1)) + 1


def _fit(
    panel: PanelRows, outcome: str, cause: str, weights: str | None
) -> tuple[Regression, tuple[str, ...]] | Refusal:
    rows = panel.rows
    absorption = Absorption(panel.absorbed, None if weights is None else rows.numbers[weights])
    x = rows.numbers[cause]
    # The covariates first: a cause that they give exactly has no effect of its own.
    kept = independent_columns(np.column_stack([rows.covariates, x]), absorption)
    last = rows.covariates.shape[1]
    if last not in kept:
        alone = bool(independent_columns(x[:, None], absorption))
        beside = "beside the covariates" if alone else "within units and periods, beside the effects"
        return Refusal(
            Reason.NO_VARIATION, f"the cause {cause!r} does not vary {beside}",
            "Leave out what it is made of." if alone else "Choose a cause that changes, or other effects.",
        )  # fmt: skip
    collinear = tuple(name for at, name in enumerate(rows.names) if at not in kept)
    fit = regression(rows.numbers[outcome], np.column_stack([x, rows.covariates[:, kept[:-1]]]), absorption)
    if fit.freedom < 1:
        return Refusal(
            Reason.TOO_FEW_UNITS, f"{len(rows)} rows for {len(rows) - fit.freedom} effects and coefficients",
            "Observe more periods, or hold less fixed.",
        )  # fmt: skip
    total = float(np.sum((absorption.root * rows.numbers[outcome]) ** 2))
    if float(fit.residuals @ fit.residuals) <= 1e-20 * total or total == 0:
        return Refusal(
            Reason.NO_VARIATION, f"nothing is left of {outcome!r} beside {cause!r} and what is held fixed",
            "Look whether one is computed from the other.",
        )  # fmt: skip
    return fit, collinear


def _wild(found: Effect, test: WildTest, *, step: float, words: str) -> Effect:
    bounds = sorted([test.low * step, test.high * step])
    how = f"all {test.draws} signs" if test.enumerated else f"{test.draws} draws, {test.weights}"
    level = found.estimate.level
    estimate = Estimate(
        found.value, found.unit, found.n, f"{words}, wild cluster bootstrap ({how})", bounds[0], bounds[1], level
    )  # fmt: skip
    return Effect(estimate, test.p_value, found.standard_error, found.freedom)


def _share(fit: Regression, x: Vector, left: float) -> float:
    """Return what of the cause's variance is left beside all that is held fixed."""
    weights = fit.effects.root**2
    return min(left / float(weights @ (x - np.average(x, weights=weights)) ** 2), 1.0)


def _checks(
    panel: PanelRows, found: Effect, share: float, *, cause: str, kind: str, collinear: tuple[str, ...]
) -> tuple[Check, ...]:
    counts = [int(codes.max()) + 1 for codes in panel.clusters]
    rows = panel.rows
    told = f"{len(rows):,} rows" + (f"; left out: {', '.join(panel.notes)}" if panel.notes else "")
    if panel.repeated:
        told += f"; {panel.repeated} repeat a unit and period: is a row counted twice?"
    x = rows.numbers[cause]
    codes = panel.clusters[int(np.argmin(counts))]
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(codes[order]) > 0])
    moving = int((np.maximum.reduceat(x[order], starts) > np.minimum.reduceat(x[order], starts)).sum())
    within = (
        f"{100 * share:.1f} % of the variance of {cause!r} is left; it varies in {moving} of {len(starts)} clusters"
    )
    checks = [
        Check("rows", passed=False if panel.repeated else None, detail=told),
        cluster_check(counts, kind, found.freedom),
        Check("within_variation", passed=None, detail=within),
    ]
    if collinear:
        checks.append(Check("collinear", passed=None, detail=f"left out, given by the others: {', '.join(collinear)}"))
    return tuple(checks)
