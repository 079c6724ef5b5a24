"""Simulated arms: joint moments of many experiments at once, as they grow from look to look."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Stages", "bernoulli_stages", "cluster_stages", "normal_stages"]

Vector = NDArray[np.float64]
Counts = NDArray[np.int64]
_AT_ONCE = 2_000_000
"""Clusters that are drawn in one go."""


@dataclass(frozen=True, eq=False)
class Stages:
    """The moments of one arm at each look, of many simulated experiments.

    Args:
        n: Units at each look, shape (looks,).
        means: Shape (experiments, looks, k).
        cross: Centred cross-products, shape (experiments, looks, k, k).
    """

    n: Vector
    means: Vector
    cross: Vector


def _merged(n: Counts, means: list[Vector], cross: list[Vector]) -> Stages:
    """Add up stages that were drawn apart (Chan, Golub and LeVeque)."""
    total, mean, squares = 0, np.zeros_like(means[0]), np.zeros_like(cross[0])
    grown: tuple[list[Vector], list[Vector]] = ([], [])
    for more, new, own in zip(np.diff(n, prepend=0), means, cross, strict=True):
        after = total + int(more)
        step = new - mean
        mean = mean + step * (more / after)
        squares = squares + own + step[..., :, None] * step[..., None, :] * (total * more / after)
        total = after
        grown[0].append(mean)
        grown[1].append(squares)
    return Stages(n.astype(np.float64), np.stack(grown[0], axis=1), np.stack(grown[1], axis=1))


def normal_stages(random: np.random.Generator, n: Counts, mean: Vector, covariance: Vector, experiments: int) -> Stages:
    """Draw the moments of normal units, without drawing the units.

    Args:
        random: The stream.
        n: Units at each look, shape (looks,), increasing.
        mean: Of one unit, shape (k,).
        covariance: Of one unit, shape (k, k).
        experiments: How many.

    Source:
        Of n normal units the mean is normal with ``covariance / n``, and independent of it the cross-products are
        Wishart of n - 1 degrees of freedom; by Bartlett's decomposition these are ``L A A' L'`` with ``L L'`` the
        covariance, and A lower triangular: standard normal below its diagonal, the root of chi-square(n - i) on it.
    """
    k = len(mean)
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    means, cross = [], []
    for more in np.diff(n, prepend=0):
        means.append(mean + random.normal(size=(experiments, k)) @ root.T / np.sqrt(more))
        if more - 1 < k:  # too few for the triangle: the units themselves
            units = random.normal(size=(experiments, int(more), k))
            units -= units.mean(axis=1, keepdims=True)
            own = np.einsum("eui,euj->eij", units, units)
        else:
            triangle = np.tril(random.normal(size=(experiments, k, k)), -1)
            for i in range(k):
                triangle[:, i, i] = np.sqrt(random.chisquare(more - 1 - i, size=experiments))
            own = triangle @ np.swapaxes(triangle, 1, 2)
        cross.append(root @ own @ root.T)
    return _merged(n, means, cross)


def bernoulli_stages(random: np.random.Generator, n: Counts, rate: float, experiments: int) -> Stages:
    """Draw the moments of units that each succeed or fail.

    Args:
        random: The stream.
        n: Units at each look, shape (looks,), increasing.
        rate: Chance of success.
        experiments: How many.
    """
    wins = np.cumsum([random.binomial(int(more), rate, size=experiments) for more in np.diff(n, prepend=0)], axis=0).T
    share = (wins / n)[..., None]
    return Stages(n.astype(np.float64), share, (n[:, None] * share * (1 - share))[..., None])


def cluster_stages(
    random: np.random.Generator,
    n: Counts,
    mean: float,
    *,
    parts: tuple[float, float],
    sizes: tuple[float, float],
    experiments: int,
) -> Stages:
    """Draw the moments of clusters of unequal size: of each the sum of its values and its size.

    Args:
        random: The stream.
        n: Clusters at each look, shape (looks,), increasing.
        mean: Of a value.
        parts: Variance of a value between clusters, and within them.
        sizes: Mean of the sizes (gamma), and their standard deviation over it.
        experiments: How many.
    """
    between, within = parts
    shape = 1 / sizes[1] ** 2
    means, cross = [], []
    for more in np.diff(n, prepend=0):
        size, squares = np.empty((experiments, 2)), np.empty((experiments, 2, 2))
        step = max(_AT_ONCE // int(more), 1)
        for first in range(0, experiments, step):
            rows = slice(first, min(first + step, experiments))
            m = random.gamma(shape, sizes[0] / shape, size=(rows.stop - rows.start, int(more)))
            sums = m * mean + np.sqrt(m**2 * between + m * within) * random.normal(size=m.shape)
            both = np.stack([sums, m], axis=-1)
            size[rows] = both.mean(axis=1)
            both -= size[rows][:, None, :]
            squares[rows] = np.swapaxes(both, 1, 2) @ both
        means.append(size)
        cross.append(squares)
    return _merged(n, means, cross)
