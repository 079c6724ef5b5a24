"""Instrumental variables by linear algebra: arrays in, small frozen results out."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from metricstack.linkage.anderson_rubin import ReducedForms

__all__ = ["Errors", "FirstStage", "Linear", "first_stage", "hansen", "k_class", "liml_ratio", "meat", "reduced_forms"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Integers = NDArray[np.int64]
Errors = Literal["classical", "robust"]


@dataclass(frozen=True, slots=True)
class Linear:
    """Outcome, cause and instruments with the exogenous part swept out.

    Args:
        y: Outcome, shape (rows,).
        x: Cause, shape (rows,).
        z: Instruments, shape (rows, instruments), orthonormal.
        swept: Number of exogenous columns, with the constant.
        cluster: Cluster of each row, shape (rows,), numbered from 0; None where rows are independent.
        errors: Of independent rows: one variance for all, or robust.
    """

    y: Vector
    x: Vector
    z: Matrix
    swept: int
    cluster: Integers | None
    errors: Errors

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.y)

    @property
    def clusters(self) -> int:
        """Independent clusters, or rows."""
        return self.n if self.cluster is None else int(self.cluster.max()) + 1

    def freedom(self, fitted: int) -> float:
        """Return degrees of freedom of a regression with this many coefficients beside the exogenous ones."""
        return float(self.n - self.swept - fitted if self.cluster is None else self.clusters - 1)

    def factor(self, fitted: int) -> float:
        """Return what a sandwich is multiplied by for few rows or clusters (HC1, CR1)."""
        rest = max(self.n - self.swept - fitted, 1)
        if self.cluster is None:
            return self.n / rest
        return self.clusters / max(self.clusters - 1, 1) * (self.n - 1) / rest


def meat(data: Linear, left: Matrix, right: Matrix, fitted: int) -> Matrix:
    """Return the sum over independent rows or clusters of ``left right'``, corrected for few of them.

    Args:
        data: The regression.
        left: Scores, shape (rows, a).
        right: Scores, shape (rows, b).
        fitted: Coefficients of the regression that the residuals come from.
    """
    if data.cluster is not None:
        left, right = (_summed(scores, data.cluster, data.clusters) for scores in (left, right))
    return data.factor(fitted) * (left.T @ right)


def _summed(scores: Matrix, cluster: Integers, count: int) -> Matrix:
    found = np.zeros((count, scores.shape[1]))
    np.add.at(found, cluster, scores)
    return found


def reduced_forms(data: Linear) -> ReducedForms:
    """Regress outcome and cause on the instruments, with the covariance of all coefficients."""
    k = data.z.shape[1]
    forms = [data.z.T @ side for side in (data.y, data.x)]
    rests = [side - data.z @ form for side, form in zip((data.y, data.x), forms, strict=True)]
    if data.errors == "classical" and data.cluster is None:
        below = data.n - data.swept - k
        yy, xx, yx = (
            np.eye(k) * float(rests[a] @ rests[b]) / below for a, b in ((0, 0), (1, 1), (0, 1))
        )  # fmt: skip
    else:
        scores = [data.z * rest[:, None] for rest in rests]
        yy, xx, yx = (meat(data, scores[a], scores[b], k) for a, b in ((0, 0), (1, 1), (0, 1)))
    return ReducedForms(forms[0], forms[1], yy, xx, yx)


@dataclass(frozen=True, slots=True)
class FirstStage:
    """How strongly the instruments move the cause.

    Args:
        classical: F of the instruments with one variance for all rows.
        robust: The same with the errors that were asked for.
        effective: The effective F of Montiel Olea and Pflueger; of one instrument it is the robust one.
        share: Part of the cause's variance that they explain, after the exogenous columns.
    """

    classical: float
    robust: float
    effective: float
    share: float


def first_stage(data: Linear, forms: ReducedForms) -> FirstStage:
    """Return the statistics of the first stage.

    Source:
        Montiel Olea and Pflueger (2013): with orthonormal instruments ``|pi|^2 / trace V``; Kleibergen
        and Paap (2006), of which the robust F is the case of one cause.
    """
    k = data.z.shape[1]
    moved = float(forms.cause @ forms.cause)
    rest = float(data.x @ data.x) - moved
    below = data.n - data.swept - k
    return FirstStage(
        moved / k / max(rest / below, 1e-300),
        float(forms.cause @ np.linalg.solve(forms.cause_variance, forms.cause)) / k,
        moved / float(np.trace(forms.cause_variance)),
        moved / float(data.x @ data.x),
    )


def liml_ratio(data: Linear) -> float:
    """Return LIML's kappa: the least ratio of variances with and without the instruments.

    Source:
        Anderson and Rubin (1949): the smaller root of ``det(W' W - kappa W' M W) = 0`` for ``W = (outcome, cause)``.
    """
    both = np.column_stack([data.y, data.x])
    whole, fitted = both.T @ both, data.z.T @ both
    rest = whole - fitted.T @ fitted
    return float(np.linalg.eigvals(np.linalg.solve(rest, whole)).real.min())


def k_class(data: Linear, kappa: float) -> tuple[float, float]:
    """Return the k-class estimate (1 is two-stage least squares, 0 least squares) and its standard error."""
    through = data.z @ (data.z.T @ data.x)
    moved = (1 - kappa) * data.x + kappa * through
    weight = float(moved @ data.x)
    size = float(moved @ data.y) / weight
    rest = data.y - size * data.x
    if data.errors == "classical" and data.cluster is None:
        variance = float(rest @ rest) / (data.n - data.swept - 1) / weight
    else:
        # What the estimator solves carries the score; that of LIML is not the projection that linearmodels takes.
        score = (moved * rest)[:, None]
        variance = float(meat(data, score, score, 1)[0, 0]) / weight**2
    return size, math.sqrt(max(variance, 0.0))


def hansen(data: Linear, size: float) -> tuple[float, float]:
    """Return the test of more instruments than needed, and its p-value.

    Sargan's with one variance for all rows; else Hansen's J of two-step generalised moments, whose weights come from
    the residuals at ``size``.
    """
    from scipy.special import chdtrc

    k = data.z.shape[1]
    rest = data.y - size * data.x
    if data.errors == "classical" and data.cluster is None:
        fitted = data.z.T @ rest
        statistic = data.n * float(fitted @ fitted) / float(rest @ rest)
        return statistic, float(chdtrc(k - 1, statistic))
    scores = data.z * rest[:, None]
    if data.cluster is not None:
        scores = _summed(scores, data.cluster, data.clusters)
    weight = np.linalg.pinv(scores.T @ scores, hermitian=True)
    moved, fitted = data.z.T @ data.x, data.z.T @ data.y
    step = float(moved @ weight @ fitted) / float(moved @ weight @ moved)
    gap = fitted - step * moved
    statistic = float(gap @ weight @ gap)
    return statistic, float(chdtrc(k - 1, statistic))
