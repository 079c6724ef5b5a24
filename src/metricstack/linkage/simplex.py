"""Weights that are not negative and add up to one: the mixture of donors nearest to a target."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["simplex_weights"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


def simplex_weights(donors: Matrix, target: Vector, *, ridge: float = 0.0) -> Vector:
    """Return the weights w in the simplex with the least ``|donors w - target|^2 + ridge |w|^2``.

    Args:
        donors: Shape (rows, donors), float64, no NaN.
        target: Shape (rows,).
        ridge: Penalty, 0 or more.

    Returns:
        Weights, shape (donors,), not negative, of sum 1.

    Derivation:
        As the weights add up to one, the aim is ``|B w|^2`` with B the donors less the target (and the ridge's rows
        below), a form without a constant. Let non-negative least squares minimise ``|B v|^2 + c^2 (sum v - 1)^2``
        and write ``v = s w``: for a given w the best s leaves ``c^2 q / (q + c^2)`` with ``q = |B w|^2``, which rises
        with q. So ``v / sum v`` is the answer for any c, exactly.

    Example:
        >>> simplex_weights(np.array([[0.0, 4.0], [0.0, 4.0]]), np.array([1.0, 1.0])).round(6)
        array([0.75, 0.25])
    """
    from scipy.optimize import nnls

    count = donors.shape[1]
    form = donors - target[:, None]
    if ridge > 0:
        form = np.vstack([form, np.sqrt(ridge) * np.eye(count)])
    scale = float(np.sqrt((form**2).sum(axis=0).max(initial=0.0)))
    if scale == 0:
        return np.full(count, 1 / count)
    system = np.vstack([form / scale, np.ones(count)])
    right = np.zeros(len(system))
    right[-1] = 1.0
    found = nnls(system, right, maxiter=100 * count + 100)[0]
    weights: Vector = found / found.sum()
    return weights
