"""How heavy the upper tail of positive weights is: whether their few largest decide a mean."""

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["tail_shape"]

_FEWEST = 5


def tail_shape(weights: NDArray[np.float64]) -> float:
    """Estimate the shape k of the generalised Pareto distribution of the largest weights.

    From 0.5 on the variance is infinite; well before that, a sample shows too little of it. Weights that reach their
    bound many times (a uniform log) have no tail: minus infinity.

    Args:
        weights: Weights, shape (n,), not negative.

    Source:
        Zhang and Stephens (2009), *A new and efficient estimation method for the generalized Pareto distribution*;
        the size of the tail, ``min(n / 5, 3 sqrt(n))``, and the pull towards 0.5 by ten values: Vehtari, Simpson,
        Gelman, Yao and Gabry (2024), *Pareto smoothed importance sampling*.

    Example:
        >>> tail_shape(np.tile([0.0, 2.0], 200))
        -inf
    """
    n = len(weights)
    m = int(min(n / 5, 3 * math.sqrt(n)))
    if m < _FEWEST:
        return -math.inf
    ordered = np.sort(weights)
    cut = float(ordered[-m - 1])
    beyond = ordered[-m:] - cut
    beyond = beyond[beyond > 1e-9 * max(cut, 1e-300)]
    m = len(beyond)
    if m < _FEWEST:
        return -math.inf
    grid = 30 + int(math.sqrt(m))
    steps = np.arange(1, grid + 1) - 0.5
    theta = 1 / beyond[-1] + (1 - np.sqrt(grid / steps)) / (3 * beyond[int(m / 4 + 0.5) - 1])
    shapes = np.log1p(-theta[:, None] * beyond).mean(axis=1)
    likelihood = m * (np.log(-theta / shapes) - shapes - 1)
    share = np.exp(likelihood - likelihood.max())
    middle = float(theta @ share / share.sum())
    shape = float(np.log1p(-middle * beyond).mean())
    return (m * shape + 10 * 0.5) / (m + 10)
