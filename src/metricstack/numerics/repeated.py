"""pass^k: the chance that k repeated attempts at a task all succeed, averaged over tasks.

Of n attempts at a task of which c succeeded, k drawn without putting back all succeed with chance C(c, k) / C(n, k).
That is unbiased for the k-th power of the task's success rate, which the power of the observed rate is not.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metricstack.numerics.intervals import check_level, interval, wilson
from metricstack.numerics.jackknife import jackknife

__all__ = ["Repeated", "mean_over_tasks"]

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Repeated:
    """A mean over tasks.

    Args:
        value: The mean.
        low: Lower bound, None with a single unit.
        high: Upper bound, None with a single unit.
        units: Units that it stands on.
    """

    value: float
    low: float | None
    high: float | None
    units: int


def mean_over_tasks(sums: Matrix, *, level: float = 0.95) -> Repeated:
    """Give the weighted mean over tasks of C(c, k) / C(n, k), with its jackknife interval on the logit scale.

    Where every task says 0, or every task 1, the bound is Wilson's for so many units.

    Args:
        sums: Of each unit, weight × chance and weight, added over its tasks, shape (units, 2), float64.
        level: Confidence level, a fraction in (0, 1).

    Source:
        Yao, Shinn, Razavi and Narasimhan (2024), tau-bench, section 3: pass^k = E[C(c, k) / C(n, k)].

    Example:
        >>> found = mean_over_tasks(np.array([[1.0, 1.0], [0.5, 1.0], [0.0, 1.0], [0.5, 1.0]]))
        >>> found.value, round(found.low, 3), round(found.high, 3)
        (0.5, 0.069, 0.931)
    """
    check_level(level)
    top, below = sums.sum(axis=0)
    value, units = min(max(float(top / below), 0.0), 1.0), len(sums)
    spread = jackknife(sums, lambda rest: rest[:, 0] / rest[:, 1])
    if spread is None:
        return Repeated(value, None, None, units)
    if spread.variance <= 0 or math.isclose(value, 1.0) or value == 0.0:
        return Repeated(value, *wilson(value, units, level=level), units)
    return Repeated(value, *interval(value, spread, level=level, low=0.0, high=1.0), units)
