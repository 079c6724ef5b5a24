"""How alike the values of one cluster are, and how many more rows that costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Estimate, Moments, Reason, Refusal
from metricstack.experiments.effect import Estimated
from metricstack.experiments.samples import as_units, as_vector, same_length
from metricstack.numerics.intervals import check_level

__all__ = ["IntraclassCorrelation", "intraclass_correlation"]


@dataclass(frozen=True, slots=True)
class IntraclassCorrelation(Estimated):
    """How alike values of one cluster are, and what that costs.

    Args:
        estimate: The correlation, with its interval; n counts clusters. Below 0 where clusters are more mixed than
            chance.
        design_effect: How many times the variance of a mean is that of independent values, at the correlation
            (of 0 where it is estimated below).
        size: Mean cluster size of the analysis of variance (n0).
        between: Mean square between clusters.
        within: Mean square within.
        p_value: Of no correlation, one-sided (the F test).
    """

    estimate: Estimate
    design_effect: float
    size: float
    between: float
    within: float
    p_value: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        names = ("design_effect", "size", "between", "within", "p_value")
        return self.estimate.to_dict() | {name: getattr(self, name) for name in names}


def intraclass_correlation(
    *,
    values: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    groups: Sequence[Moments] | None = None,
    level: float = 0.95,
) -> IntraclassCorrelation | Refusal:
    """Estimate how alike the values of one cluster are: what a cluster-randomised test must be planned with.

    Args:
        values: Values, shape (n,).
        clusters: Cluster of each.
        groups: Instead of them, the `Moments` of each cluster.
        level: Confidence level, a fraction in (0, 1).

    Returns:
        The correlation with its interval and the design effect; or a refusal: ``TOO_FEW_UNITS`` (fewer than two
        clusters, or no cluster of two values), ``NO_VARIATION`` (all values are equal).

    Raises:
        InvalidInput: unequal lengths, both forms or neither given.

    Derivation:
        With mean squares B between k clusters and W within, of N values: ``n0 = (N - sum m^2 / N) / (k - 1)``, the
        correlation is ``(B - W) / (B + (n0 - 1) W)``. F = B / W over the quantiles of F(k - 1, N - k) bounds it
        (exactly for clusters of one size). The design effect is ``1 + (sum m^2 / N - 1) correlation``.

    Source:
        Donner (1986), *A review of inference procedures for the intraclass correlation coefficient*, section 2;
        Shrout and Fleiss (1979), whose ratings are the example; Kish, *Survey Sampling* (1965), section 5.4.

    Example:
        >>> ratings = [9, 2, 5, 8, 6, 1, 3, 2, 8, 4, 6, 8, 7, 1, 2, 6, 10, 5, 6, 9, 6, 2, 4, 7]
        >>> found = intraclass_correlation(values=ratings, clusters=np.repeat(np.arange(6), 4))
        >>> round(found.value, 2), round(found.between, 2), round(found.within, 2)
        (0.17, 11.24, 6.26)
    """
    from scipy.special import fdtrc, fdtri

    check_level(level)
    if groups is not None and values is None and clusters is None:
        size = np.array([group.n for group in groups if group.n], dtype=np.float64)
        mean = np.array([group.mean for group in groups if group.n])
        inside = sum(float(group.cross[0, 0]) for group in groups if group.n)
    elif groups is None and values is not None and clusters is not None:
        x, cluster = as_vector(values, "values"), as_units(clusters, "clusters")
        same_length(values=x, clusters=cluster)
        size = np.bincount(cluster).astype(np.float64)
        mean = np.bincount(cluster, weights=x) / np.maximum(size, 1.0)
        inside = float(((x - mean[cluster]) ** 2).sum())
    else:
        raise InvalidInput("Give values and clusters, or the moments of each cluster as groups.")
    k, n = len(size), float(size.sum())
    if k < 2 or n <= k:
        return Refusal(
            Reason.TOO_FEW_UNITS, f"there are {k} clusters of {n:g} values; 2 clusters and a pair in one are needed",
            "Observe more of each cluster.",
        )  # fmt: skip
    centre = float(size @ mean) / n
    between, within = float(size @ (mean - centre) ** 2) / (k - 1), inside / (n - k)
    if between + within <= centre**2 * 1e-28:
        return Refusal(Reason.NO_VARIATION, f"all values are {centre:g}", "Measure on a finer scale.")
    squares = float(size @ size) / n
    n0 = (n - squares) / (k - 1)
    value = (between - within) / (between + (n0 - 1) * within)
    tail = (1 - level) / 2
    if within > 0:
        ratio = between / within
        low, high = (
            _correlation(ratio / float(fdtri(k - 1, n - k, share)), n0) for share in (1 - tail, tail)
        )  # fmt: skip
        p = float(fdtrc(k - 1, n - k, ratio))
    else:
        low, high, p = 1.0, 1.0, 0.0
    estimate = Estimate(
        value, "1", k, "intraclass correlation (ANOVA)", min(low, value), max(high, value), level
    )  # fmt: skip
    return IntraclassCorrelation(estimate, 1 + (squares - 1) * max(value, 0.0), n0, between, within, p)


def _correlation(ratio: float, n0: float) -> float:
    return (ratio - 1) / (ratio + n0 - 1)
