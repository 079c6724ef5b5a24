"""The jackknife over units: how far a number moves when one unit is left out, from the units' sums."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from metricstack.numerics.intervals import Spread

__all__ = ["jackknife"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


def jackknife(sums: Matrix, statistic: Callable[[Matrix], Vector]) -> Spread | None:
    """Estimate the variance of a number that is computed from sums over units.

    Args:
        sums: Sums of each unit, shape (units, k), float64. A unit may be a random gathering of many.
        statistic: Maps rows of whole sums, shape (m, k), to the number of each, shape (m,).

    Returns:
        The variance with its degrees of freedom; None below two units, or where the number does not exist without
        one of them, so that all of it hangs on that one.

    Source:
        Efron and Stein (1981), *The Jackknife Estimate of Variance*: (k − 1)/k Σ (t_i − mean t)².

    Example:
        >>> x = np.array([[1.0, 1.0], [2.0, 1.0], [6.0, 1.0]])
        >>> spread = jackknife(x, lambda sums: sums[:, 0] / sums[:, 1])
        >>> round(spread.variance, 6)  # of a mean: s² / n = 7 / 3
        2.333333
    """
    k = len(sums)
    if k < 2:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        without = statistic(sums.sum(axis=0) - sums)
    if not np.isfinite(without).all():
        return None
    centred = without - without.mean()
    return Spread(float(centred @ centred) * (k - 1) / k, float(k - 1))
