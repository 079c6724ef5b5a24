"""Agreement of raters beyond chance, from sums over items: Cohen's kappa and Krippendorff's alpha.

Both take sums that add over items, so that large data are gathered where they lie and intervals come from leaving
out one unit (an item, or all items of a user) at a time.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metricstack.numerics.intervals import check_level, interval, wilson
from metricstack.numerics.jackknife import jackknife

__all__ = ["Agreement", "alpha_of_sums", "cohen_kappa", "kappa_of_cells", "krippendorff_alpha"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far raters agree beyond chance.

    Args:
        value: 1 = always, 0 = as by chance; None where chance alone explains everything (one class only, no
            difference at all), so that the number does not exist.
        low: Lower bound, None where a single unit carries all of it.
        high: Upper bound, None likewise.
        units: Units that it stands on.
    """

    value: float | None
    low: float | None
    high: float | None
    units: int


def kappa_of_cells(cells: Matrix) -> Vector:
    """Return Cohen's kappa of tables of two raters by yes and no; NaN where both always say the same one thing.

    Args:
        cells: Weight of the items by (first, second) rater: no no, no yes, yes no, yes yes; shape (m, 4).

    Source:
        Cohen (1960), *A Coefficient of Agreement for Nominal Scales*: (p_o − p_e) / (1 − p_e).

    Example:
        >>> [round(float(value), 4) for value in kappa_of_cells(np.array([[15.0, 10.0, 5.0, 20.0]]))]
        [0.4]
    """
    total = cells.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = cells / total[:, None]
        first, second = share[:, 2] + share[:, 3], share[:, 1] + share[:, 3]
        chance = first * second + (1 - first) * (1 - second)
        found: Vector = (share[:, 0] + share[:, 3] - chance) / (1 - chance)
    return np.where(1 - chance > 1e-12, found, np.nan)


def cohen_kappa(cells: Matrix, *, level: float = 0.95) -> Agreement:
    """Give Cohen's kappa of two raters with its jackknife interval.

    Where they agree on everything, no item moves the number; the lower bound is then the kappa at Wilson's lower
    bound of the agreement.

    Args:
        cells: Of each unit, the weight of its items by (first, second) rater: no no, no yes, yes no, yes yes;
            shape (units, 4), float64.
        level: Confidence level, a fraction in (0, 1).

    Example:
        >>> items = np.repeat(np.eye(4), [15, 10, 5, 20], axis=0)
        >>> found = cohen_kappa(items)
        >>> round(found.value, 4), found.units
        (0.4, 50)
    """
    check_level(level)
    total = cells.sum(axis=0)
    value = float(kappa_of_cells(total[None, :])[0])
    units = len(cells)
    if not math.isfinite(value):
        return Agreement(None, None, None, units)
    if total[1] == total[2] == 0:
        share = total[3] / total.sum()
        chance = share**2 + (1 - share) ** 2
        agreed, _ = wilson(1.0, units, level=level)
        return Agreement(value, max((agreed - chance) / (1 - chance), -1.0), 1.0, units)
    return _bounded(value, cells, kappa_of_cells, level, low=-1.0)


def alpha_of_sums(sums: Matrix) -> Vector:
    """Return Krippendorff's alpha, interval metric, of sums over items; NaN where all values are equal.

    Args:
        sums: Over items with m ≥ 2 values (one per rater): Σ m, Σ x, Σ x², Σ m/(m − 1) · SS, where SS is an item's
            sum of squares about its mean; shape (rows, 4).

    Source:
        Krippendorff (2011), *Computing Krippendorff's Alpha-Reliability*, section E: 1 − D_o/D_e with
        δ² = (c − k)². Σ over the pairs of m values of (c − k)² is 2m times their sum of squares about the mean,
        so that D_o = 2/n Σ_u m_u SS_u/(m_u − 1) and D_e = 2 SS/(n − 1).
    """
    n, total, square, spread = sums.T
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = (square - total**2 / n) / (n - 1)
        found: Vector = 1 - (spread / n) / expected
    return np.where(expected > 1e-12 * np.maximum(square, 1e-300) / np.maximum(n, 1.0), found, np.nan)


def krippendorff_alpha(sums: Matrix, *, level: float = 0.95) -> Agreement:
    """Give Krippendorff's alpha, interval metric, with its jackknife interval.

    Where no item shows a difference, none moves the number; the lower bound then supposes that the items which
    Wilson's lower bound of the agreement leaves open differ as by chance, which makes it that bound itself.

    Args:
        sums: Of each unit, the sums that `alpha_of_sums` takes, added over its items; shape (units, 4), float64.
        level: Confidence level, a fraction in (0, 1).

    Example:
        >>> items = np.array([[2.0, 2.0, 2.0, 0.0], [2.0, 6.0, 18.0, 0.0]])  # two raters: 1 and 1, 3 and 3
        >>> krippendorff_alpha(items).value
        1.0
    """
    check_level(level)
    value = float(alpha_of_sums(sums.sum(axis=0)[None, :])[0])
    if not math.isfinite(value):
        return Agreement(None, None, None, len(sums))
    if sums[:, 3].sum() <= 1e-12 * sums[:, 2].sum():
        return Agreement(value, wilson(1.0, len(sums), level=level)[0], 1.0, len(sums))
    return _bounded(value, sums, alpha_of_sums, level, low=None)


def _bounded(
    value: float, sums: Matrix, statistic: Callable[[Matrix], Vector], level: float, *, low: float | None
) -> Agreement:
    spread = jackknife(sums, statistic)
    if spread is None:
        return Agreement(value, None, None, len(sums))
    bottom, top = interval(value, spread, level=level, low=low, high=1.0)
    return Agreement(value, bottom, top, len(sums))
