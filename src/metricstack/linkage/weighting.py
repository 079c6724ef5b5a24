"""Effects of a yes-or-no treatment by weighting, standardisation or both: an estimate and what each row adds to it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metricstack.numerics.logistic import Logistic, logistic

__all__ = ["Influence", "doubly_robust", "standardised", "weighted"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Influence:
    """An estimate and its influence function.

    Args:
        value: The estimate.
        rows: What each row adds to it, shape (rows,), of mean 0; the estimate's variance is that of their mean.
    """

    value: float
    rows: Vector


@dataclass(frozen=True, eq=False)
class _Model:
    """An outcome's model: its mean on every row, derivative by coefficients, and the coefficients' influence."""

    mean: Vector
    slope: Matrix
    influence: Matrix


def weighted(y: Vector, t: Vector, x: Matrix, propensity: Logistic, *, treated: bool = False) -> Influence:
    """Weight rows by the inverse of the probability of the arm that they are in (Hájek: weights add up to 1 an arm).

    Args:
        y: Outcome, shape (rows,).
        t: Treatment, 0 or 1.
        x: Columns of the propensity, shape (rows, k), with ones.
        propensity: The fit of t by x.
        treated: Of the treated, not of all: controls then weigh by their odds.

    Source:
        Lunceford and Davidian (2004), *Stratification and weighting via the propensity score*, equations 7 and 20: the
        estimator, and its variance with that the propensity is itself estimated, which makes it smaller.

    Derivation:
        Of a mean ``sum w y / sum w`` the influence is ``w (y - mean) / mean(w)``, and another ``g' i`` of the
        coefficients' influence ``i = (mean of e (1 - e) x x')⁻¹ x (t - e)``, g the mean derivative of the first.
    """
    e = propensity.fitted
    of_coefficients = len(y) * (x * (t - e)[:, None]) @ propensity.bread
    one = t if treated else t / e
    none = (1 - t) * e / (1 - e) if treated else (1 - t) / (1 - e)
    # Derivatives of the weights by the linear predictor.
    one_moved = np.zeros(len(y)) if treated else -t * (1 - e) / e
    none_moved = (1 - t) * e / (1 - e)
    means, parts = [], []
    for w, moved in ((one, one_moved), (none, none_moved)):
        mean = float(w @ y) / float(w.sum())
        gradient = ((moved * (y - mean))[:, None] * x).mean(axis=0) / w.mean()
        parts.append(w * (y - mean) / w.mean() + of_coefficients @ gradient)
        means.append(mean)
    return Influence(means[0] - means[1], parts[0] - parts[1])


def _model(y: Vector, rows: Vector, x: Matrix, *, binary: bool) -> _Model | None:
    """Fit an outcome on the rows of one arm, and predict it on all."""
    inside, slope = rows > 0, x
    if binary:
        fit = logistic(y[inside], x[inside])
        if fit is None:
            return None
        mean = _probability(x @ fit.coefficients)
        slope = np.asarray(x * (mean * (1 - mean))[:, None], dtype=np.float64)
        bread = fit.bread
    else:
        bread = np.asarray(np.linalg.pinv(x[inside].T @ x[inside], hermitian=True), dtype=np.float64)
        mean = np.asarray(x @ (bread @ (x[inside].T @ y[inside])), dtype=np.float64)
    return _Model(mean, slope, len(y) * (x * (rows * (y - mean))[:, None]) @ bread)


def _probability(predictor: Vector) -> Vector:
    return np.asarray(1 / (1 + np.exp(-predictor)), dtype=np.float64)


def standardised(y: Vector, t: Vector, x: Matrix, *, binary: bool, treated: bool = False) -> Influence | None:
    """Predict every row with and without the treatment by models of each arm, and average (g-computation).

    Args:
        y: Outcome, shape (rows,).
        t: Treatment, 0 or 1.
        x: Columns of the outcome's models, shape (rows, k), with ones.
        binary: The outcome is 0 or 1, its models are logistic.
        treated: Average over the treated only.

    Returns:
        The estimate; None where an arm's outcome is separated by the columns.

    Derivation:
        A mean of predictions has the influence ``m - mean``, and that of the coefficients times the mean derivative
        (delta method), over the rows that are averaged.
    """
    share = t / t.mean() if treated else np.ones(len(y))
    total, value = np.zeros(len(y)), 0.0
    for sign, arm in ((1.0, t), (-1.0, 1 - t)):
        model = _model(y, arm, x, binary=binary)
        if model is None:
            return None
        mean = float((share * model.mean).mean())
        gradient = (share[:, None] * model.slope).mean(axis=0)
        total += sign * (share * (model.mean - mean) + model.influence @ gradient)
        value += sign * mean
    return Influence(value, total)


def doubly_robust(
    y: Vector, t: Vector, x: Matrix, propensity: Logistic, *, binary: bool, treated: bool = False
) -> Influence | None:
    """Standardise, and weight what the outcome's models leave: right where either model is.

    Args:
        y: Outcome, shape (rows,).
        t: Treatment, 0 or 1.
        x: Columns of both models, shape (rows, k), with ones.
        propensity: The fit of t by x.
        binary: The outcome is 0 or 1, its models are logistic.
        treated: Of the treated, not of all.

    Returns:
        The estimate; None where an arm's outcome is separated by the columns.

    Source:
        Robins, Rotnitzky and Zhao (1994), in the form of Lunceford and Davidian (2004), equation 9.

    Derivation:
        Where both models are right, that they are estimated adds nothing; where one is not, the influence of the
        coefficients of each comes on top, times the mean derivative by them, as in `weighted` and `standardised`.
    """
    none = _model(y, 1 - t, x, binary=binary)
    one = _model(y, t, x, binary=binary)
    if none is None or one is None:
        return None
    e = propensity.fitted
    odds = e / (1 - e)
    of_propensity = len(y) * (x * (t - e)[:, None]) @ propensity.bread
    one_left, none_left = y - one.mean, y - none.mean
    if treated:
        kept = (t - (1 - t) * odds) / t.mean()
        value = float((kept * none_left).mean())
        rows = kept * none_left - t / t.mean() * value
        moved = -(1 - t) * odds * none_left / t.mean()
        by_models = (none, -kept), (one, np.zeros(len(y)))
    else:
        rows = one.mean - none.mean + t * one_left / e - (1 - t) * none_left / (1 - e)
        value = float(rows.mean())
        rows = rows - value
        moved = -t * one_left / odds - (1 - t) * none_left * odds
        by_models = (none, (1 - t) / (1 - e) - 1), (one, 1 - t / e)
    rows = rows + of_propensity @ (moved[:, None] * x).mean(axis=0)
    for model, weight in by_models:
        rows = rows + model.influence @ (weight[:, None] * model.slope).mean(axis=0)
    return Influence(value, rows)
