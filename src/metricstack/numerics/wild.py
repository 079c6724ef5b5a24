"""The wild cluster bootstrap: tests and intervals of a coefficient from few clusters, by flipping their residuals."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.numerics.clustered import Regression
from metricstack.numerics.intervals import check_level

__all__ = ["WildTest", "wild_bootstrap"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Integers = NDArray[np.int64]
_FEW = 8  # below, two signs a cluster give fewer than 128 draws that differ
_TIE = 1e-9  # relative; a draw that equals the data's own up to rounding counts as it


@dataclass(frozen=True, slots=True)
class WildTest:
    """What a wild cluster bootstrap says of a coefficient.

    Args:
        p_value: Two-sided, of the coefficient being 0.
        low: Lower bound of the interval, ``-inf`` where no value is rejected on that side.
        high: Upper bound.
        draws: Number of draws.
        weights: ``"Rademacher"`` or ``"Webb"``.
        enumerated: Every combination of signs was used, so that nothing is random.
    """

    p_value: float
    low: float
    high: float
    draws: int
    weights: str
    enumerated: bool


def wild_bootstrap(
    fit: Regression,
    clusters: Integers,
    *,
    contrast: int = 0,
    weights: str = "auto",
    draws: int = 1999,
    level: float = 0.95,
    seed: int = 0,
) -> WildTest:
    """Test a coefficient with the null imposed, and give the interval of the values that are not rejected.

    Args:
        fit: The fit.
        clusters: Number of the cluster of each row, shape (rows,).
        contrast: Which coefficient.
        weights: ``"rademacher"``, ``"webb"`` (six points), or ``"auto"``: Webb's below 8 clusters.
        draws: Random draws; where 2 to the number of clusters is no more, all combinations of signs instead.
        level: Confidence level of the interval, a fraction in (0, 1).
        seed: Seed of the draws.

    Raises:
        InvalidInput: fewer than two clusters, or fewer than 99 draws.
        UnknownName: weights that are not known.

    Source:
        Cameron, Gelbach and Miller (2008), *Bootstrap-based improvements for inference with clustered errors*: the
        t statistic with the null imposed; Webb (2023) for six-point weights; Roodman, MacKinnon, Nielsen and Webb
        (2019), *Fast and wild*, for working on clusters' scores only.

    Derivation:
        With x the column off all others, and u(b) the residuals where the coefficient is b, a draw v of the clusters
        has coefficient ``b + s' v / x' x`` of ``s_g = x_g' u_g``, and scores ``Q v - d (s' v) / x' x`` of ``Q_gh = x_g'
        (M u in h)_g``, ``d_g = x_g' x_g``. Both s and Q are linear in b, so any b is tested without another fit; each
        bound is found by bisection between a value that is rejected and one that is not.

    Example:
        >>> from metricstack.numerics.absorption import Absorption
        >>> from metricstack.numerics.clustered import regression
        >>> one = Absorption((np.zeros(6, dtype=np.int64),))
        >>> x, y = np.array([[0.0], [1.0]] * 3), np.array([0.0, 1.0, 0.0, 2.0, 0.0, 3.0])
        >>> wild_bootstrap(regression(y, x, one), np.array([0, 0, 1, 1, 2, 2]), weights="rademacher").p_value
        0.25
    """
    check_level(level)
    if weights not in ("auto", "rademacher", "webb"):
        raise UnknownName("weights", weights, ("auto", "rademacher", "webb"))
    g = int(clusters.max(initial=-1)) + 1
    if g < 2 or draws < 99:
        raise InvalidInput(f"A wild bootstrap needs 2 clusters and 99 draws; got {g} and {draws}.")
    webb = weights == "webb" or (weights == "auto" and g < _FEW)
    enumerated = not webb and g < 63 and 2**g <= draws
    flips = _draws(g, draws, webb=webb, enumerated=enumerated, seed=seed)
    scores = _Scores.of(fit, clusters, contrast)
    value = float(fit.coefficients[contrast])

    def p_of(null: float) -> float:
        return scores.p_value(null, flips, enumerated=enumerated)

    alpha = 1 - level
    bounds = [_bound(p_of, value, side * scores.error(value), alpha) for side in (-1, 1)]
    return WildTest(
        p_of(0.0), bounds[0], bounds[1], flips.shape[1], "Webb" if webb else "Rademacher", enumerated
    )  # fmt: skip


def _draws(g: int, draws: int, *, webb: bool, enumerated: bool, seed: int) -> Matrix:
    """Return one column of cluster weights per draw, shape (clusters, draws)."""
    if enumerated:
        return np.array(list(itertools.product((1.0, -1.0), repeat=g))).T
    points = [math.sqrt(k / 2) for k in (1, 2, 3)] if webb else [1.0]
    both = np.array([-point for point in points] + points)
    return both[stream(seed, "wild", g).integers(0, len(both), (g, draws))]


@dataclass(frozen=True, eq=False)
class _Scores:
    """What the bootstrap needs of the data: scores of clusters for the outcome and the column, linear in the null."""

    outcome: Vector
    column: Vector
    outcome_left: Matrix
    column_left: Matrix

    @classmethod
    def of(cls, fit: Regression, clusters: Integers, contrast: int) -> "_Scores":
        others = np.delete(fit.design, contrast, axis=1)
        q = np.linalg.qr(others)[0]
        x, y = fit.design[:, contrast], fit.outcome
        x, y = x - q @ (q.T @ x), y - q @ (q.T @ y)
        g = int(clusters.max()) + 1
        inside = np.zeros((len(x), g))
        inside[np.arange(len(x)), clusters] = 1.0

        def sums(columns: Matrix) -> Matrix:
            return np.array([np.bincount(clusters, weights=x * column, minlength=g) for column in columns.T]).T

        def left(residual: Vector) -> Matrix:
            off = fit.effects.residual(inside * residual[:, None])
            return sums(off - q @ (q.T @ off))

        return cls(sums(y[:, None])[:, 0], sums(x[:, None])[:, 0], left(y), left(x))

    def error(self, value: float) -> float:
        """Return the sandwich standard error at a value of the coefficient."""
        residual = self.outcome - value * self.column
        return float(np.sqrt(residual @ residual)) / float(self.column.sum())

    def p_value(self, null: float, flips: Matrix, *, enumerated: bool) -> float:
        """Return the share of draws whose t statistic is at least the data's."""
        size = float(self.column.sum())
        value = float(self.outcome.sum()) / size
        error = self.error(value)
        own = abs(value - null) / error if error > 0 else math.inf
        moved = (self.outcome - null * self.column) @ flips / size
        scores = (self.outcome_left - null * self.column_left) @ flips - np.outer(self.column, moved)
        errors = np.sqrt(np.einsum("gb,gb->b", scores, scores)) / size
        far = np.abs(moved) >= own * (1 - _TIE) * errors
        count, draws = int(far.sum()), len(far)
        return count / draws if enumerated else (count + 1) / (draws + 1)


def _bound(p_of: Callable[[float], float], value: float, step: float, alpha: float) -> float:
    """Return where the p-value falls to alpha, going from the estimate by steps."""
    if step == 0:
        return value
    inside, outside = value, value + 2 * step
    for _ in range(12):
        if p_of(outside) <= alpha:
            break
        inside, outside = outside, outside + 2 * (outside - value)
    else:
        return math.copysign(math.inf, step)
    for _ in range(40):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if p_of(middle) <= alpha else (middle, outside)
        if abs(outside - inside) <= 1e-6 * abs(step):
            break
    return inside
