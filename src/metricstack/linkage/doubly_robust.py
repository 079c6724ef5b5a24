"""One difference-in-differences with covariates, right if either of two models is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Adjusted", "doubly_robust"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Mask = NDArray[np.bool_]

_MOST = 0.995
"""Controls that look more treated than this weigh nothing: nobody is like them on the other side."""


@dataclass(frozen=True, slots=True)
class Adjusted:
    """An effect on the treated, adjusted.

    Args:
        value: The effect.
        influence: What each unit adds to its error, shape (units,); its mean is 0.
        overlaps: The chance of treatment could be modelled; where not, the outcome model stands alone.
    """

    value: float
    influence: Vector
    overlaps: bool


def doubly_robust(change: Vector, treated: Mask, covariates: Matrix) -> Adjusted | None:
    """Estimate the effect on the treated from changes of treated and control units; None where covariates are too many.

    Args:
        change: Outcome less that of the base period, shape (units,), no NaN.
        treated: Which units are treated, shape (units,).
        covariates: Shape (units, k), without a constant.

    Source:
        Sant'Anna and Zhao (2020), *Doubly robust difference-in-differences estimators*, with a logit for the
        treatment, least squares of the controls' changes, and the influence function that counts both as estimated.
    """
    n = len(change)
    d = treated.astype(np.float64)
    x = np.column_stack([np.ones(n), (covariates - covariates.mean(axis=0)) / _scale(covariates)])
    bread = x.T @ (x * (1 - d)[:, None]) / n
    if np.linalg.matrix_rank(bread, hermitian=True) < x.shape[1]:
        return None
    beta = np.linalg.solve(bread, x.T @ ((1 - d) * change) / n)
    rest = change - x @ beta
    of_outcome = np.linalg.solve(bread, (x * ((1 - d) * rest)[:, None]).T).T
    chance, hessian = _logit(x, d)
    overlaps = chance is not None
    mean_d = float(d.mean())
    treated_part = float((d * rest).mean()) / mean_d
    moved = (d[:, None] * x).mean(axis=0)
    influence = (d * (rest - treated_part) - of_outcome @ moved) / mean_d
    if chance is None or hessian is None:
        return Adjusted(treated_part, influence, overlaps)
    odds = np.where(chance < _MOST, chance / np.maximum(1 - chance, 1 - _MOST), 0.0) * (1 - d)
    mean_odds = float(odds.mean())
    control_part = float((odds * rest).mean()) / mean_odds
    of_chance = np.linalg.solve(hessian, (x * (d - chance)[:, None]).T).T
    through_chance = (x * (odds * (rest - control_part))[:, None]).mean(axis=0)
    through_outcome = (x * odds[:, None]).mean(axis=0)
    of_control = odds * (rest - control_part) + of_chance @ through_chance - of_outcome @ through_outcome
    return Adjusted(treated_part - control_part, influence - of_control / mean_odds, overlaps)


def _scale(covariates: Matrix) -> Vector:
    spread = covariates.std(axis=0)
    return np.where(spread > 0, spread, 1.0)


def _logit(x: Matrix, d: Vector) -> tuple[Vector | None, Matrix | None]:
    """Fit by Newton's steps; None where it does not settle (a covariate tells the groups apart)."""
    theta = np.zeros(x.shape[1])
    for _ in range(40):
        score = np.clip(x @ theta, -30, 30)
        chance = 1 / (1 + np.exp(-score))
        hessian = (x * (chance * (1 - chance))[:, None]).T @ x / len(d)
        if np.linalg.cond(hessian) > 1e10:
            return None, None
        step = np.linalg.solve(hessian, x.T @ (d - chance) / len(d))
        theta = theta + step
        if np.abs(step).max() < 1e-10:
            return chance, hessian
    return None, None
