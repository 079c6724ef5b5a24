"""The straight line through points that are uncertain both ways: NumPy in, a frozen line out.

Ordinary least squares takes the horizontal values for exact; where they are not, its slope shrinks towards 0.
Here each point counts by its errors in both directions; points that scatter more than their errors explain make
the slope less sure, and those that scatter less make it surer.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput
from metricstack.numerics.intervals import t_quantile

__all__ = ["Line", "straight_line"]

Vector = NDArray[np.float64]
_STEPS = 200
_LUCK = 0.05


@dataclass(frozen=True, slots=True)
class Line:
    """A line with what is known of its slope.

    Args:
        slope: Change of y for one more of x.
        intercept: y at x = 0.
        error: Standard error of the slope, by how much the points scatter about the line.
        freedom: Degrees of freedom: points less two.
        scatter: Squared distance of the points from the best line by their own errors ÷ what these explain;
            about 1 where a line fits, None where the points have no errors to compare with.
        beyond: Standard deviation of y about the line that the points' errors do not explain.
    """

    slope: float
    intercept: float
    error: float
    freedom: int
    scatter: float | None
    beyond: float = 0.0

    def interval(self, level: float) -> tuple[float, float]:
        """Return the slope's interval (Student's t)."""
        reach = t_quantile(level, self.freedom) * self.error
        return self.slope - reach, self.slope + reach


@dataclass(frozen=True, eq=False)
class _Points:
    """Points with the variances of their errors, each of shape (k,)."""

    x: Vector
    y: Vector
    x_variance: Vector
    y_variance: Vector

    def around(self, slope: float) -> tuple[Vector, Vector, Vector]:
        """Weight of each point for a slope, and its distances from the weighted middle."""
        variance = self.y_variance + slope * slope * self.x_variance
        weight = 1.0 / np.maximum(variance, 1e-12 * float(variance.max()))
        total = float(weight.sum())
        return weight, self.x - float(weight @ self.x) / total, self.y - float(weight @ self.y) / total

    def fit(self, start: float) -> Line:
        """Find the best line by the errors given, from a slope near it; its scatter is left as it is."""
        slope = start
        for _ in range(_STEPS):
            before = slope
            weight, u, v = self.around(slope)
            along = weight * (u * self.y_variance + slope * v * self.x_variance)
            below = float(weight @ (along * u))
            if below == 0:
                break
            slope = float(weight @ (along * v)) / below
            if math.isclose(slope, before, rel_tol=1e-12, abs_tol=1e-300):
                break
        weight, u, v = self.around(slope)
        along = weight * (u * self.y_variance + slope * v * self.x_variance)
        centred = along - float(weight @ along) / float(weight.sum())
        spread = float(weight @ (centred * centred))
        freedom = len(self.x) - 2
        scatter = float(weight @ (v - slope * u) ** 2) / freedom
        intercept = float(weight @ (self.y - slope * self.x)) / float(weight.sum())
        return Line(slope, intercept, spread**-0.5 if spread > 0 else math.inf, freedom, scatter)


def straight_line(x: Vector, y: Vector, x_error: Vector, y_error: Vector, *, exact_line: bool = False) -> Line:
    """Fit a line to points with standard errors in both directions.

    Where the points scatter more about the line than their errors explain, y is given a standard deviation
    beyond them, as large as makes both agree: points are then no exact line, and the slope is less sure. Where
    they scatter less, the error is smaller by as much: few points give the slope's interval by Student's t, which
    is for an error that is estimated, and with the errors as stated it would cover far more often than it says.
    Points that lie closer to a line than chance gives once in twenty are no surer for it.

    Args:
        x: Horizontal values, shape (k,), k ≥ 3, float64, no NaN.
        y: Vertical values, shape (k,).
        x_error: Standard error of each x, shape (k,); 0 = known exactly.
        y_error: Standard error of each y, shape (k,); independent of that of x.
        exact_line: Give the error by the errors as stated: the truth is a line, and they are all that moves the
            points off it.

    Raises:
        InvalidInput: fewer than three points, or all at the same x.

    Source:
        York, Evensen, Martínez and De Basabe Delgado (2004), *Unified equations for the slope, intercept, and
        standard errors of the best straight line*, section III, with the errors of x and y independent; the
        scatter beyond them as in Tremaine et al. (2002), *The slope of the black hole mass versus velocity
        dispersion correlation*, section 3: so large that chi-square is its degrees of freedom.

    Derivation:
        Of weighted least squares with variances known but for a factor, the scatter S estimates the factor, and
        (slope − truth) / (error · √S) is Student's t with k − 2 degrees of freedom, exactly where x is exact: the
        adjustment of Knapp and Hartung (2003) for meta-regressions. With the scatter beyond added to y, S is 1.

    Example:
        >>> exact = np.zeros(3)
        >>> line = straight_line(np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.0]), exact, exact)
        >>> round(line.slope, 6), round(line.intercept, 6)
        (2.0, 1.0)
    """
    if len(x) < 3:
        raise InvalidInput(f"A line with its error needs three points; there are {len(x)}.")
    if np.ptp(x) == 0:
        raise InvalidInput("All points stand at the same x; no line has a slope through them.")
    points = _Points(x, y, x_error**2, y_error**2)
    if not (points.x_variance.any() or points.y_variance.any()):
        return _exact(x, y)
    line = points.fit(_exact(x, y).slope)
    if exact_line or line.scatter is None:
        return line
    if line.scatter <= 1:
        return replace(line, error=line.error * math.sqrt(max(line.scatter, _least_scatter(line.freedom))))
    low, high, found = 0.0, float(np.var(y)) * len(y), line
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        found = replace(points, y_variance=points.y_variance + middle).fit(found.slope)
        low, high = (middle, high) if found.scatter is not None and found.scatter > 1 else (low, middle)
    return replace(found, scatter=line.scatter, beyond=high**0.5)


def _least_scatter(freedom: int) -> float:
    from scipy.special import chdtri

    return float(chdtri(freedom, 1 - _LUCK)) / freedom


def _exact(x: Vector, y: Vector) -> Line:
    """Ordinary least squares: what is left over is all that is uncertain."""
    u = x - x.mean()
    slope = float(u @ y) / float(u @ u)
    intercept = float(y.mean()) - slope * float(x.mean())
    left = y - intercept - slope * x
    deviation = math.sqrt(float(left @ left) / (len(x) - 2))
    return Line(slope, intercept, deviation / math.sqrt(float(u @ u)), len(x) - 2, None, deviation)
