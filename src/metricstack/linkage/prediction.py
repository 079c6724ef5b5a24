"""Where the true effect of one more test lies, with the doubt about how much true effects differ."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["predicted"]

Array = NDArray[np.float64]
_GRID = 200
_HALVINGS = 80


def predicted(y: Array, v: Array, level: float) -> tuple[float, float]:
    """Bound the true effect of one more test like these.

    The usual interval takes the variance of true effects as known, and holds it in as few as 85 % where it is of the
    size of the sampling variances. Here every variance counts by how much the data bear it.

    Args:
        y: Effects, shape (k,), k ≥ 2.
        v: Their sampling variances, above 0, shape (k,).
        level: Confidence level, a fraction in (0, 1).

    Source:
        Nagashima, Noma and Furukawa (2019), *Prediction intervals for random-effects meta-analysis: a confidence
        distribution approach*.

    Derivation:
        Q about the weighted mean falls as the variance grows, and is chi-squared with k - 1 degrees of freedom at the
        true one: ``1 - F(Q(t²))`` is a confidence distribution of it. Given t², one more effect is normal about the
        weighted mean with the variance t² and that of the mean, by the effects' scatter (Hartung and Knapp), 1 where
        it is less; Student's t of that part is taken for a normal of its variance, ``(k - 1)/(k - 3)``, 3 below k = 4.
        The bounds are quantiles of the mixture, on a grid of variances.

    Example:
        >>> low, high = predicted(np.array([1.0, 2.0, 3.0, 4.0]), np.full(4, 1e-9), 0.95)
        >>> round((low + high) / 2, 6)  # about the mean of effects that are known exactly
        2.5
    """
    from scipy.special import chdtr, ndtr

    k = len(y)
    largest = 20 * (k * float(np.var(y)) + float(v.max()))
    variances = np.concatenate([[0.0], np.geomspace(1e-6 * largest, largest, _GRID)])
    weights = 1 / (v + variances[:, None])
    total = weights.sum(axis=1)
    means = weights @ y / total
    q = (weights * (y - means[:, None]) ** 2).sum(axis=1)
    below = np.append(1 - chdtr(k - 1, q)[:-1], 1.0)
    mass = np.diff(np.maximum.accumulate(below), prepend=0.0)
    tails = (k - 1) / (k - 3) if k > 3 else 3.0
    deviations = np.sqrt(variances + tails * np.maximum(q / (k - 1), 1.0) / total)

    def quantile(share: float) -> float:
        reach = 40 * float(deviations.max())
        low, high = float(means.min()) - reach, float(means.max()) + reach
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            if float(mass @ ndtr((middle - means) / deviations)) < share:
                low = middle
            else:
                high = middle
        return (low + high) / 2

    return quantile((1 - level) / 2), quantile((1 + level) / 2)
