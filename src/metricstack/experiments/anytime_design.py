"""The bounds of a confidence sequence at the looks that will be taken: what an always-valid design can see."""

from collections.abc import Sequence

import numpy as np

from metricstack.core.errors import InvalidInput
from metricstack.experiments.anytime import narrowest
from metricstack.experiments.sequential import GroupSequential
from metricstack.numerics.intervals import check_alpha
from metricstack.numerics.sequential import exits, information_fractions

__all__ = ["ALWAYS_VALID", "always_valid_bounds"]

ALWAYS_VALID = "always_valid"
"""Stands in place of a spending function: the bounds hold at any time, whatever looks are taken."""


def always_valid_bounds(
    looks: int | Sequence[float] = 28, alpha: float = 0.05, *, peak: float = 1.0
) -> GroupSequential:
    """Give the bounds of z of an always-valid design (`always_valid`) at the looks that will be taken.

    The bounds do not depend on the looks, the power does: the more often it is read, the earlier it stops.

    Args:
        looks: How many looks at equal distances, one a day, say; or their information fractions.
        alpha: Two-sided error over all times, in (0, 1).
        peak: The information fraction at which the sequence is narrowest: the units planned over those at the last
            look.

    Returns:
        A design whose ``cumulative_alpha`` is what is spent at these looks, below alpha.

    Raises:
        InvalidInput: looks, alpha or peak out of range.

    Derivation:
        The interval of `always_valid` in standard errors: ``sqrt(2 (1 + 1 / r) (log(1 + r) / 2 - log alpha))`` with r
        the units so far over those planned, times `narrowest`.

    Example:
        >>> design = always_valid_bounds([0.5, 1.0])  # what two looks spend is little of the 5 % that all times have
        >>> [round(z, 3) for z in design.critical], round(design.cumulative_alpha[-1], 4)
        ([3.079, 3.035], 0.0041)
    """
    from scipy.special import ndtr

    fractions = information_fractions(looks)
    check_alpha(alpha)
    if not 0 < peak < np.inf:
        raise InvalidInput(f"The peak {peak} is not above 0; it is the units planned over those at the last look.")
    grown = fractions / peak * narrowest(alpha)
    critical = np.sqrt(2 * (1 + 1 / grown) * (np.log1p(grown) / 2 - np.log(alpha)))
    found = exits(fractions, critical, -critical)
    used = np.cumsum(found.above + found.below)
    plain = (tuple(float(x) for x in numbers) for numbers in (fractions, critical, 2 * ndtr(-critical), used))
    times, bounds, nominal, spent = plain
    return GroupSequential(times, bounds, nominal, spent, None, alpha, 2, ALWAYS_VALID)
