"""Arms that are made of clusters (teams, regions): few of them, and each is one observation."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Check, Moments, Reason, Refusal
from metricstack.experiments.effect import Effect, effect
from metricstack.experiments.relative import relative_effect
from metricstack.experiments.samples import as_vector, check_choice, same_length, two_sums
from metricstack.numerics.intervals import Spread, check_level, combine

__all__ = ["cluster_difference"]

Sums = Moments | tuple[ArrayLike, ArrayLike] | ArrayLike

FEW = 40
"""Clusters of both arms below which an interval rests on the t distribution more than on the data."""
METHODS = ("welch", "cr1")
_ALONE = 0.002
"""Equal clusters beyond one below which an arm says nothing of chance."""


def cluster_difference(
    *,
    control: Sums,
    treatment: Sums,
    method: str = "welch",
    relative: bool = False,
    level: float = 0.95,
    unit: str = "1",
) -> Effect | Refusal:
    """Compare arms whose units are clusters: each cluster counts once, however many rows it has.

    Args:
        control: Of each cluster the sum of values and what it is divided by (rows, or any other sum), as
            ``(sums, sizes)``, shape (clusters,) each, or as `Moments` over clusters of the two; or one number per
            cluster (its mean), as a list or as `Moments`, and every cluster then weighs the same.
        treatment: The same of the treatment arm.
        method: ``"welch"``: each arm's own spread, degrees of freedom after Satterthwaite, of as many clusters of one
            size as would say as much. ``"cr1"``: the sandwich
            of a regression on rows with G / (G - 1) for G clusters of both arms and t of G - 1; sizes are then rows.
        relative: Give the effect as a fraction of control's size (Fieller's interval, p-value of the absolute test).
        level: Confidence level, a fraction in (0, 1).
        unit: Unit of the mean or ratio.

    Returns:
        Treatment minus control of sum over size, n counts clusters, the check ``clusters`` failed below 40; or a
        refusal: ``TOO_FEW_UNITS`` (an arm of fewer than two clusters, or of which one has nearly all),
        ``NO_VARIATION``, ``UNDEFINED_RATIO`` (sizes add up to 0), ``MEAN_TOO_CLOSE_TO_ZERO`` (for a relative effect).

    Raises:
        InvalidInput: sums that are not finite, negative sizes, unequal lengths.
        UnknownName: a method that is not in the list.

    Derivation:
        An arm's ratio R of sums y over sizes m has the linearised variance ``sum((y - R m)^2) / (sum m)^2``, times
        ``g / (g - 1)`` for its own g clusters (Welch), or for both arms' ``G / (G - 1) (N - 1) / (N - 2)`` with N
        rows, as regression software does (cr1). For clusters of one size, Welch is Welch's t-test of cluster means.
        Of unequal ones the largest decide, and the spread is known less well than their number says: a weighted sum of
        squares with weights w varies as one of ``(sum w)^2 / sum w^2`` equal ones, which takes the place of g in the
        degrees of freedom.

    Source:
        Donner and Klar, *Design and Analysis of Cluster Randomization Trials* (2000), section 7.1, for the t-test of
        cluster means; Cameron and Miller (2015), *A practitioner's guide to cluster-robust inference*, for cr1 and for
        what few clusters do.

    Example:
        >>> found = cluster_difference(control=[10.0, 12.0, 14.0], treatment=[15.0, 17.0, 19.0])
        >>> round(found.value, 3), round(found.standard_error, 4), found.freedom, round(found.p_value, 4)
        (5.0, 1.633, 4.0, 0.0376)
    """
    check_level(level)
    check_choice("method", method, METHODS)
    arms = []
    for name, sums in (("control", control), ("treatment", treatment)):
        arm = _Arm.of(sums, name)
        if isinstance(arm, Refusal):
            return arm
        arms.append(arm)
    before, after = arms
    if method == "welch":
        spreads = [Spread(arm.square * arm.g / (arm.g - 1), arm.speaking - 1) for arm in arms]
        spread = combine(spreads)
    else:
        clusters, rows = before.g + after.g, before.size + after.size
        if rows <= 2:
            raise InvalidInput(f"Method 'cr1' counts rows, and the sizes add up to {rows:g}; give rows per cluster.")
        factor = clusters / (clusters - 1) * (rows - 1) / (rows - 2)
        spreads = [Spread(arm.square * factor, clusters - 1) for arm in arms]
        spread = Spread(sum(part.variance for part in spreads), clusters - 1)
    if spread.variance <= max(before.ratio**2, after.ratio**2) * 1e-28:
        return Refusal(Reason.NO_VARIATION, "all clusters of an arm are alike", "Compare more clusters.")
    n, step, error = before.g + after.g, after.ratio - before.ratio, math.sqrt(spread.variance)
    checks = (Check("clusters", n >= FEW, f"{before.g} and {after.g} clusters; {FEW} in all are asked for"),)
    name = f"difference over clusters, {method.capitalize() if method == 'welch' else 'CR1'}"
    if not relative:
        return effect(step, error, freedom=spread.freedom, level=level, unit=unit, n=n, method=name, checks=checks)
    return relative_effect(
        before.ratio, after.ratio, spreads=(spreads[0], spreads[1]), freedom=spread.freedom, level=level, n=n,
        method=name, checks=checks,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Arm:
    """One arm: its clusters, as how many equal ones they speak, ratio of sums, linearised squares, sum of sizes."""

    g: int
    speaking: float
    ratio: float
    square: float
    size: float

    @classmethod
    def of(cls, sums: Sums, name: str) -> "_Arm | Refusal":
        moments = sums if isinstance(sums, Moments) else _moments(sums, name)
        two = two_sums(moments, name)
        if two.n < 2:
            return Refusal(
                Reason.TOO_FEW_UNITS, f"{name} has {two.n} clusters; 2 are needed", "Assign more clusters to each arm."
            )
        size = float(two.means[1])
        if size <= 0:
            return Refusal(Reason.UNDEFINED_RATIO, f"the sizes of {name} add up to {size:g}", "Give what is counted.")
        ratio = float(two.means[0]) / size
        contrast = np.array([1.0, -ratio])
        square = max(float(contrast @ two.cross @ contrast), 0.0) / (two.n * size) ** 2
        speaking = two.n / (1 + float(two.cross[1, 1]) / (two.n * size**2))
        if speaking - 1 < _ALONE:
            detail = f"one cluster has all but a thousandth of the size of {name}"
            return Refusal(Reason.TOO_FEW_UNITS, detail, "Assign more clusters of a like size to each arm.")
        return cls(two.n, speaking, ratio, square, two.n * size)


def _moments(sums: Any, name: str) -> Moments:
    if isinstance(sums, tuple | list) and len(sums) == 2 and np.ndim(sums[0]) == 1:
        values, sizes = as_vector(sums[0], f"sums of {name}"), as_vector(sums[1], f"sizes of {name}", low=0.0)
        same_length(sums=values, sizes=sizes)
        return Moments.of_samples(sums=values, sizes=sizes)
    return Moments.of_samples(means=as_vector(sums, f"clusters of {name}"))
