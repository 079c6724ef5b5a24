"""Logistic regression by Newton's method, which says when the data are separated instead of running away."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput

__all__ = ["Logistic", "logistic"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
_STEPS = 100
_SURE = 30.0  # a linear predictor beyond: e^-30 of doubt, which only separated data give


@dataclass(frozen=True, eq=False)
class Logistic:
    """A logistic fit.

    Args:
        coefficients: Shape (k,), in log odds per column.
        fitted: Probability of each row, shape (rows,), strictly between 0 and 1.
        bread: Inverse of the information, shape (k, k).
    """

    coefficients: Vector
    fitted: Vector
    bread: Matrix


def logistic(outcome: Vector, columns: Matrix) -> Logistic | None:
    """Fit the log odds of an outcome by maximum likelihood.

    Args:
        outcome: 0 or 1, shape (rows,).
        columns: Shape (rows, k), of full rank, with a column of ones for an intercept.

    Returns:
        The fit; None where the outcome is separated by the columns, so that no finite coefficients are the best.

    Raises:
        InvalidInput: an outcome other than 0 and 1, or lengths that differ.

    Source:
        McCullagh and Nelder, *Generalized Linear Models* (2nd ed., 1989), section 4.4; Albert and Anderson (1984) for
        separation.

    Example:
        >>> x = np.column_stack([np.ones(8), np.repeat([0.0, 1.0], 4)])
        >>> fit = logistic(np.array([0.0, 0, 0, 1, 0, 1, 1, 1]), x)  # odds 1/3 and 3: log 9 apart
        >>> fit.coefficients.round(4), bool(logistic(x[:, 1], x) is None)
        (array([-1.0986,  2.1972]), True)
    """
    if len(outcome) != len(columns) or not np.isin(outcome, (0.0, 1.0)).all():
        raise InvalidInput("A logistic regression needs an outcome of 0 and 1 for each row of its columns.")
    size = np.linalg.norm(columns, axis=0) / max(len(columns), 1) ** 0.5
    x = columns / np.where(size > 0, size, 1.0)
    beta = np.zeros(x.shape[1])
    for _ in range(_STEPS):
        predictor = x @ beta
        if np.abs(predictor).max(initial=0.0) > _SURE:
            return None
        p = 1 / (1 + np.exp(-predictor))
        information = (x * (p * (1 - p))[:, None]).T @ x
        try:
            move = np.linalg.solve(information, x.T @ (outcome - p))
        except np.linalg.LinAlgError:
            return None
        # Long steps overshoot where odds are extreme; the likelihood is concave, so shorter ones arrive.
        beta = beta + move / max(1.0, float(np.abs(x @ move).max(initial=0.0)) / 5)
        if float(np.abs(move).max(initial=0.0)) < 1e-10:
            break
    else:
        return None
    p = 1 / (1 + np.exp(-(x @ beta)))
    scale = np.where(size > 0, size, 1.0)
    bread = np.linalg.inv((x * (p * (1 - p))[:, None]).T @ x) / np.outer(scale, scale)
    return Logistic(beta / scale, p, bread)
