"""Estimates with what each cluster adds to their error: intervals, joint bands and joint tests from one matrix."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metricstack.core.streams import stream
from metricstack.experiments.effect import Effect, effect
from metricstack.numerics.intervals import t_quantile

__all__ = ["Influence", "JointTest"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Integers = NDArray[np.int64]

_DRAWS = 1000
_EXACT = 1e-14
"""A standard error below this part of the estimates' size is rounding."""


@dataclass(frozen=True, slots=True)
class JointTest:
    """Whether several estimates are all 0.

    Args:
        statistic: F; of a chi-square, that over its degrees of freedom.
        freedom: Of numerator and denominator, the latter ``inf`` for a chi-square.
        p_value: Of all being 0.
        wald: The quadratic form itself.
    """

    statistic: float
    freedom: tuple[int, float]
    p_value: float
    wald: float


@dataclass(frozen=True, slots=True)
class Influence:
    """Estimates and their error, cluster by cluster.

    Args:
        values: The estimates, shape (k,).
        rows: What each independent cluster adds to the errors, shape (clusters, k): ``rows.T @ rows`` is the
            covariance matrix.
        group: Which clusters share a source of variance, shape (clusters,), numbered from 0; degrees of freedom are
            added up over groups.
        freedom: Degrees of freedom of each group, shape (groups,).
        n: Units.
    """

    values: Vector
    rows: Matrix
    group: Integers
    freedom: Vector
    n: int

    @property
    def covariance(self) -> Matrix:
        """Covariance matrix of the estimates."""
        found: Matrix = self.rows.T @ self.rows
        return found

    @property
    def errors(self) -> Vector:
        """Standard errors."""
        found: Vector = np.sqrt((self.rows**2).sum(axis=0))
        return found

    def combined(self, weights: Matrix) -> "Influence":
        """Return linear combinations; ``weights`` has shape (k, combinations)."""
        return Influence(self.values @ weights, self.rows @ weights, self.group, self.freedom, self.n)

    def freedoms(self) -> Vector:
        """Return the degrees of freedom of each estimate, 1 at least.

        Satterthwaite over groups, each with no more than its clusters speak for: where r are a group's rows,
        ``3 (sum r^2)^2 / sum r^4 - 2``, which is 1 for one row alone and near n for n normal ones of equal variance
        (whose mean fourth power is 3).
        """
        square = self.rows**2
        members = (self.group[:, None] == np.arange(len(self.freedom))[None, :]).astype(np.float64)
        parts, fourth = members.T @ square, members.T @ square**2
        spoken = 3 * parts**2 / np.where(fourth > 0, fourth, 1.0) - 2
        own = np.clip(np.minimum(spoken, self.freedom[:, None]), 1.0, None)
        below = (parts**2 / own).sum(axis=0)
        total: Vector = np.where(below > 0, parts.sum(axis=0) ** 2 / np.where(below > 0, below, 1.0), 1.0)
        return np.maximum(total, 1.0)

    def has_noise(self, scale: float) -> bool:
        """Tell whether every estimate has an error that is more than rounding."""
        return bool((self.errors > _EXACT * max(scale, 1e-300)).all())

    def effects(self, *, level: float, unit: str, method: str) -> tuple[Effect, ...]:
        """Return each estimate with its own interval."""
        return tuple(
            effect(float(value), float(error), freedom=float(f), level=level, unit=unit, n=self.n, method=method)
            for value, error, f in zip(self.values, self.errors, self.freedoms(), strict=True)
        )

    def band(self, *, level: float, seed: int = 0) -> Vector:
        """Return half-widths that hold all estimates at once with this confidence, shape (k,).

        The largest of the standardised errors is drawn with normal multipliers of the clusters, from a fixed stream;
        each half-width is then stretched as Student's t is against the normal.

        Source:
            Callaway and Sant'Anna (2021), algorithm 1 (multiplier bootstrap, sup-t band).
        """
        errors = self.errors
        if not len(errors):
            return errors
        draws = stream(seed, "joint band").standard_normal((_DRAWS, len(self.rows)))
        largest = np.abs(draws @ (self.rows / np.where(errors > 0, errors, 1.0))).max(axis=1)
        normal = t_quantile(level, math.inf)
        reach = max(float(np.quantile(largest, level)), normal)
        stretch = np.array([t_quantile(level, float(f)) for f in self.freedoms()]) / normal
        return errors * reach * stretch

    def joint(self, *, finite: bool = True) -> JointTest | None:
        """Test that all estimates are 0; None where the errors do not allow it.

        Args:
            finite: Hold it against Hotelling's T squared with the mean of the degrees of freedom, not a chi-square.
        """
        from scipy.special import chdtrc, fdtrc

        k = len(self.values)
        covariance = self.covariance
        if k == 0 or np.linalg.matrix_rank(covariance, hermitian=True) < k:
            return None
        wald = float(self.values @ np.linalg.solve(covariance, self.values))
        if not finite:
            return JointTest(wald / k, (k, math.inf), float(chdtrc(k, wald)), wald)
        freedom = float(self.freedoms().mean())
        below = freedom - k + 1
        if below < 1:
            return None
        statistic = wald * below / (freedom * k)
        return JointTest(statistic, (k, below), float(fdtrc(k, below, statistic)), wald)
