"""A quotient of two estimates, with Fieller's interval: the values of the quotient that the data do not reject."""

import math

__all__ = ["quotient_bounds"]


def quotient_bounds(
    above: float,
    below: float,
    *,
    variance_above: float,
    variance_below: float,
    covariance: float = 0.0,
    reach: float,
) -> tuple[float, float] | None:
    """Bound ``above / below``, or None where the denominator is not clear of 0, so that no bounds exist.

    The interval leaves out a quotient ``r`` exactly where ``above - r * below`` is further than ``reach`` standard
    errors from 0: it leaves out 1 exactly where the difference itself is significant.

    Args:
        above: Estimate above the line.
        below: Estimate below it.
        variance_above: Its variance.
        variance_below: Its variance.
        covariance: Of the two; 0 for independent arms.
        reach: How many standard errors an interval reaches, a quantile of Student's t or the normal.

    Source:
        Fieller (1954), *Some problems in interval estimation*: the roots of
        ``(above - r below)^2 = reach^2 (variance_above - 2 r covariance + r^2 variance_below)``.

    Example:
        >>> low, high = quotient_bounds(11.0, 10.0, variance_above=0.01, variance_below=0.01, reach=1.959964)
        >>> round(low, 4), round(high, 4)
        (1.0713, 1.1296)
    """
    square = reach * reach
    a = below * below - square * variance_below
    if a <= 0:
        return None
    b = above * below - square * covariance
    c = above * above - square * variance_above
    root = math.sqrt(max(b * b - a * c, 0.0))
    return (b - root) / a, (b + root) / a
