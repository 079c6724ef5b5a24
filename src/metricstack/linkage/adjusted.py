"""The effect of a treatment nobody randomised, adjusted for named covariates: by regression, weighting, or both."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Check, Reason, Refusal
from metricstack.experiments.effect import Effect, effect
from metricstack.experiments.samples import check_choice
from metricstack.linkage.columns import Rows, column_names, read_rows
from metricstack.linkage.linked import Linked, linked
from metricstack.linkage.weighting import Influence, doubly_robust, standardised, weighted
from metricstack.numerics.absorption import Absorption
from metricstack.numerics.clustered import (
    Regression,
    classical_error,
    clustered_spread,
    independent_columns,
    regression,
    robust_spread,
    usual_variance,
)
from metricstack.numerics.intervals import Spread, check_level
from metricstack.numerics.logistic import Logistic, logistic

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AdjustedEffect", "adjusted_effect"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Method = Literal["regression", "weighting", "standardisation", "doubly_robust"]
Target = Literal["all", "treated"]
_METHODS = ("regression", "weighting", "standardisation", "doubly_robust")
_LEAST_EFFECTIVE = 10.0  # rows that an arm's weights must be worth, and
_LEAST_SHARE = 0.1  # as a share of the smaller arm
_BALANCED = 0.1  # standardised difference of means; Austin (2009)
_ASSUMED = "given the covariates, nothing that moves the outcome goes together with the treatment "


@dataclass(frozen=True, slots=True)
class AdjustedEffect(Linked):
    """An effect adjusted for named covariates; n counts rows, or clusters.

    Args:
        approach: ``"regression"``, ``"weighting"``, ``"standardisation"`` or ``"doubly_robust"``.
        target: Whose effect: ``"all"`` or ``"treated"``.
        unadjusted: The plain difference.
        balance: Of each covariate its standardised difference of means before weighting, and after (None without).
        effective: What the rows of control and treatment are worth after weighting; None without weights.
        classical: Standard error as if rows were independent and of one variance: for sensitivity, never for a test.
            None where there is no regression.
        residual_freedom: Rows less coefficients of the regression.
    """

    approach: str = "regression"
    target: str = "all"
    unadjusted: Effect | None = None
    balance: tuple[tuple[str, float, float | None], ...] = ()
    effective: tuple[float, float] | None = None
    classical: float | None = None
    residual_freedom: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return Linked.to_dict(self) | {
            "approach": self.approach, "target": self.target,
            "unadjusted": self.unadjusted and self.unadjusted.to_dict(),
            "balance": [list(one) for one in self.balance],
            "effective": self.effective and list(self.effective),
            "classical": self.classical, "residual_freedom": self.residual_freedom,
        }  # fmt: skip


def adjusted_effect(
    df: "pd.DataFrame",
    outcome: str,
    treatment: str,
    covariates: str | Sequence[str] = (),
    *,
    method: Method = "regression",
    target: Target = "all",
    cluster: str | None = None,
    outcome_unit: str = "1",
    level: float = 0.95,
) -> AdjustedEffect | Refusal:
    """Estimate what a treatment changes, between rows that are alike in named covariates.

    Covariates must come before the treatment: one that the treatment moves takes part of the effect off, and may bring
    confounding in. Nothing here sees a confounder that is not named: put `e_value` or `robustness_value` beside it.

    Args:
        df: One row per unit.
        outcome: Column of the outcome, a number; where all are 0 or 1, models of it are logistic (not the regression).
        treatment: Column of the treatment, 0 or 1; any number for ``"regression"``.
        covariates: Columns to adjust for, numbers or categories.
        method: ``"regression"`` (linear, one slope for all; HC3 or clustered errors), ``"weighting"`` (inverse
            probability, Hájek), ``"standardisation"`` (models of both arms, averaged), ``"doubly_robust"`` (both).
        target: The effect on ``"all"`` rows or on the ``"treated"`` (a regression has weights of its own).
        cluster: Column of clusters of dependent rows; None where rows are independent.
        outcome_unit: Unit of the outcome.
        level: Confidence level, a fraction in (0, 1).

    Returns:
        The effect; or a refusal: ``NO_DATA``, ``NO_VARIATION`` (treatment, or what is left of the outcome),
        ``TOO_FEW_UNITS``, ``UNSTABLE`` (no overlap: the covariates separate the arms, or an arm's weights are worth
        fewer than 10 rows or a tenth of the smaller arm).

    Raises:
        InvalidInput: a treatment that is not 0 or 1 where it must be, no covariates where they are needed, columns that
            are not of their kind.
        UnknownName: a column, method or target that is not known.

    Source:
        Hernán and Robins, *Causal Inference: What If* (2020), chapters 12, 13 and 15; errors from influence functions
        (`weighting`), times G / (G - 1) for G rows or clusters.

    Example:
        >>> import numpy as np, pandas as pd
        >>> old, used = np.repeat([1, 1, 0, 0], [14, 6, 4, 16]), np.repeat([1, 0, 1, 0], [14, 6, 4, 16])
        >>> time = 10 + 5 * old - 2 * used + np.tile([1.0, -1.0], 20)
        >>> found = adjusted_effect(pd.DataFrame({"old": old, "used": used, "time": time}), "time", "used", "old")
        >>> round(found.value, 2), round(found.unadjusted.value, 2)  # 214/18 - 250/22
        (-2.0, 0.53)
    """
    check_level(level)
    check_choice("method", method, _METHODS)
    check_choice("target", target, ("all", "treated"))
    names = column_names(covariates)
    if method != "regression" and not names:
        raise InvalidInput(f"Method {method!r} needs covariates. Name those that come before the treatment.")
    if method == "regression" and target != "all":
        raise InvalidInput("A regression has no target of its own. Choose another method for the treated.")
    rows = read_rows(
        df, numbers=[outcome, treatment], keys=[] if cluster is None else [cluster], covariates=names
    )  # fmt: skip
    y, t = rows.numbers[outcome], rows.numbers[treatment]
    if not len(rows):
        return Refusal(Reason.NO_DATA, "no row is complete", "Look at the columns' missing values.")
    if len(np.unique(t)) < 2:
        return Refusal(Reason.NO_VARIATION, f"{treatment!r} is {t[0]:g} everywhere", "Choose rows with and without it.")
    binary = bool(np.isin(t, (0.0, 1.0)).all())
    if not binary and method != "regression":
        raise InvalidInput(f"Treatment {treatment!r} holds more than 0 and 1; method {method!r} needs those.")
    groups = np.arange(len(rows)) if cluster is None else rows.keys[cluster]
    g = int(groups.max()) + 1
    if g < 2 or len(rows) < rows.covariates.shape[1] + 3:
        return Refusal(Reason.TOO_FEW_UNITS, f"{len(rows)} rows in {g} clusters are too few", "Observe more.")
    study = _Study(rows, y, t, groups, cluster is not None, outcome_unit, level)
    plain = study.regress(rows.covariates[:, :0], "difference of means")
    if isinstance(plain, Refusal):
        return plain
    kept = independent_columns(rows.covariates, Absorption((np.zeros(len(rows), dtype=np.int64),)))
    x = rows.covariates[:, kept]
    dropped = [name for at, name in enumerate(rows.names) if at not in kept]
    used = tuple(rows.names[at] for at in kept)
    propensity = logistic(t, np.column_stack([np.ones(len(t)), x])) if binary else None
    weights = None if propensity is None else _weights(t, propensity, target)
    fit = None
    if method == "regression":
        held = study.regress(x, "linear regression")
        if isinstance(held, Refusal):
            return held
        found, fit = held
    else:
        modelled = study.model(x, propensity, weights, method=method, target=target)
        if isinstance(modelled, Refusal):
            return modelled
        found = modelled
    checks, balance, effective = _appraise(used, x, t, weights, method) if binary else ((), (), None)
    note = f"{len(rows):,} rows" + (f"; {rows.incomplete} left out for a missing value" if rows.incomplete else "")
    note += f"; covariates given by others left out: {', '.join(dropped)}" if dropped else ""
    return linked(
        AdjustedEffect, found, checks=(Check("rows", None, note), *checks), cause=treatment, outcome=outcome,
        assumptions=(_ASSUMED,), approach=method, target=target, unadjusted=plain[0], balance=balance,
        effective=effective if method in ("weighting", "doubly_robust") else None,
        classical=None if fit is None else classical_error(fit),
        residual_freedom=None if fit is None else float(fit.freedom),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Study:
    """Rows of a study, and how their effects are written."""

    rows: Rows
    y: Vector
    t: Vector
    groups: NDArray[np.int64]
    clustered: bool
    unit: str
    level: float

    def _effect(self, value: float, spread: Spread, words: str) -> Effect:
        return effect(
            value, math.sqrt(spread.variance), freedom=spread.freedom, level=self.level, unit=self.unit,
            n=int(self.groups.max()) + 1, method=words,
        )  # fmt: skip

    def regress(self, x: Matrix, words: str) -> tuple[Effect, Regression] | Refusal:
        one = Absorption((np.zeros(len(self.y), dtype=np.int64),))
        columns = np.column_stack([x, self.t])
        if columns.shape[1] - 1 not in independent_columns(columns, one):
            return Refusal(
                Reason.NO_VARIATION, "the covariates give the treatment exactly", "Leave out what it is made of."
            )
        fit = regression(self.y, np.column_stack([self.t, x]), one)
        if fit.freedom < 1 or float(fit.residuals @ fit.residuals) <= 1e-20 * float(self.y @ self.y):
            return Refusal(Reason.NO_VARIATION, "nothing is left of the outcome beside what is fitted", "Observe more.")
        kind = usual_variance(int(self.groups.max()) + 1) if self.clustered else "HC3"
        spread = clustered_spread(fit, (self.groups,), kind=kind) if self.clustered else robust_spread(fit)
        return self._effect(float(fit.coefficients[0]), spread, f"{words}, {kind}"), fit

    def model(
        self, x: Matrix, propensity: Logistic | None, weights: Vector | None, *, method: str, target: str
    ) -> Effect | Refusal:
        treated, binary = target == "treated", bool(np.isin(self.y, (0.0, 1.0)).all())
        columns = np.column_stack([np.ones(len(self.y)), x])
        if method != "standardisation":
            if propensity is None or weights is None:
                return Refusal(
                    Reason.UNSTABLE, "the covariates tell the arms apart without fail, so that none are alike",
                    "Adjust for fewer covariates, or compare only rows that could have been in either arm.",
                )  # fmt: skip
            refusal = _no_overlap(self.t, weights)
            if refusal is not None:
                return refusal
        found: Influence | None
        if method == "standardisation" or propensity is None:
            found, words = standardised(self.y, self.t, columns, binary=binary, treated=treated), "standardisation"
        elif method == "weighting":
            found, words = weighted(self.y, self.t, columns, propensity, treated=treated), "inverse probability weights"
        else:
            found = doubly_robust(self.y, self.t, columns, propensity, binary=binary, treated=treated)
            words = "doubly robust (AIPW)"
        if found is None:
            return Refusal(
                Reason.UNSTABLE, "the covariates separate an arm's outcomes", "Adjust for fewer covariates."
            )  # fmt: skip
        parts = np.bincount(self.groups, weights=found.rows)
        g = len(parts)
        spread = Spread(float(parts @ parts) / len(self.y) ** 2 * g / (g - 1), g - 1.0)
        if not spread.variance > 0:
            return Refusal(Reason.NO_VARIATION, "the outcome does not vary", "Choose another outcome.")
        logit = ", logistic" if binary and method != "weighting" else ""
        return self._effect(found.value, spread, f"{words}{logit}{', of the treated' if treated else ''}")


def _weights(t: Vector, propensity: Logistic, target: str) -> Vector:
    e = propensity.fitted
    if target == "treated":
        return np.where(t > 0, 1.0, e / (1 - e))
    return np.where(t > 0, 1 / e, 1 / (1 - e))


def _worth(weights: Vector) -> float:
    """Return Kish's effective number of rows."""
    return float(weights.sum()) ** 2 / float(weights @ weights)


def _no_overlap(t: Vector, weights: Vector) -> Refusal | None:
    smaller = min(int((t == 0).sum()), int((t == 1).sum()))
    for name, inside in (("control", t == 0), ("treatment", t == 1)):
        worth, n = _worth(weights[inside]), int(inside.sum())
        if worth < max(_LEAST_EFFECTIVE, _LEAST_SHARE * smaller):
            return Refusal(
                Reason.UNSTABLE, f"the arms hardly overlap: {n:,} rows of {name} are worth {worth:.1f} after weighting",
                "Compare only rows that could have been in either arm, or aim at the treated.",
            )  # fmt: skip
    return None


def _appraise(
    names: Sequence[str], x: Matrix, t: Vector, weights: Vector | None, method: str
) -> tuple[tuple[Check, ...], tuple[tuple[str, float, float | None], ...], tuple[float, float] | None]:
    """Hold the arms' covariates against each other, before and after weighting."""
    one, none = t == 1, t == 0
    spread = (
        np.sqrt((x[one].var(axis=0, ddof=1) + x[none].var(axis=0, ddof=1)) / 2)
        if min(one.sum(), none.sum()) > 1
        else None
    )
    if spread is None or not len(names):
        return (), (), None
    spread = np.where(spread > 0, spread, 1.0)
    before = (x[one].mean(axis=0) - x[none].mean(axis=0)) / spread
    after, effective, checks = None, None, []
    if weights is not None:
        means = [np.average(x[arm], axis=0, weights=weights[arm]) for arm in (one, none)]
        after = (means[0] - means[1]) / spread
        effective = (_worth(weights[none]), _worth(weights[one]))
        counts = (int(none.sum()), int(one.sum()))
        told = " and ".join(f"{worth:,.0f} of {n:,}" for worth, n in zip(effective, counts, strict=True))
        enough = min(effective) >= min(counts) / 2
        checks.append(Check("overlap", enough, f"control and treatment are worth {told} rows after weighting"))
    else:
        checks.append(Check("overlap", passed=False, detail="the covariates tell the arms apart without fail"))
    worst = int(np.argmax(np.abs(before)))
    told = f"standardised differences before: at most {abs(before[worst]):.2f} ({names[worst]})"
    passed: bool | None = None
    if after is not None and method in ("weighting", "doubly_robust"):
        left = int(np.argmax(np.abs(after)))
        told += f"; after: {abs(after[left]):.2f} ({names[left]})"
        passed = bool(np.abs(after).max() <= _BALANCED)
    checks.append(Check("balance", passed, told))
    rows = tuple(
        (name, float(before[at]), None if after is None else float(after[at])) for at, name in enumerate(names)
    )  # fmt: skip
    return tuple(checks), rows, effective
