"""A daily series with an intervention on a day: the regression behind `interrupted`, for a true start or a placebo."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from metricstack.numerics.serial_errors import SerialFit, ar1_regression, independent_columns, local_level_regression

__all__ = ["Fitted", "InterruptedMethod", "Setting"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Integers = NDArray[np.int64]
InterruptedMethod = Literal["ar1_gls", "local_level", "ols"]


@dataclass(frozen=True, eq=False)
class Setting:
    """A series on the days seen, with all that is not the intervention.

    Args:
        y: Values, shape (n,), no NaN.
        base: Constant, trend, weekdays, events and controls, shape (n, columns).
        days: Position of each day, rising, shape (n,).
        method: How errors are dependent.
        slope: Whether the trend may change at the start.
    """

    y: Vector
    base: Matrix
    days: Integers
    method: InterruptedMethod
    slope: bool

    def change(self, start: int) -> Matrix:
        """Columns of the intervention: a jump and a bend, or one column per day from the start on."""
        since = self.days - start
        post = since >= 0
        if self.method == "local_level":
            columns = np.zeros((len(post), int(post.sum())))
            columns[np.flatnonzero(post), np.arange(int(post.sum()))] = 1.0
            return columns
        step = post.astype(np.float64)
        return np.column_stack([step, step * since]) if self.slope else step[:, None]

    def until(self, end: int) -> "Setting":
        """The same without the days from a day on."""
        keep = self.days < end
        return Setting(self.y[keep], self.base[keep], self.days[keep], self.method, self.slope)

    def fit(self, start: int) -> "Fitted | None":
        """Fit with an intervention at a day; None where it cannot be told from the rest."""
        post = self.days >= start
        change = self.change(start)
        if self.method == "local_level":
            base = self.base[:, independent_columns(np.diff(self.base[~post], axis=0))]
            # The days before alone say how the level wanders; each day after has its own effect.
            share = local_level_regression(base[~post], self.y[~post], self.days[~post]).parameter
            fit = local_level_regression(np.column_stack([base, change]), self.y, self.days, share=share)
        else:
            base = self.base[:, independent_columns(self.base)]
            design = np.column_stack([base, change])
            if not independent_columns(design)[base.shape[1] :].all():
                return None
            fit = ar1_regression(design, self.y, self.days, phi=0.0 if self.method == "ols" else None, walk=True)
        return Fitted(fit, base[post], change[post], self.y[post])


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fit, with the days from the start on.

    Args:
        fit: The regression: first the columns that are not the intervention, then those that are.
        base: The former on those days.
        change: The latter.
        y: What was seen.
    """

    fit: SerialFit
    base: Matrix
    change: Matrix
    y: Vector

    @property
    def mean(self) -> Vector:
        """Weights of the coefficients in the mean change per day."""
        return np.append(np.zeros(self.base.shape[1]), self.change.mean(axis=0))

    def weights(self, which: int) -> Vector:
        """Weights that pick one coefficient of the intervention."""
        found = np.zeros(len(self.fit.coefficients))
        found[self.base.shape[1] + which] = 1.0
        return found

    def expected(self, method: InterruptedMethod) -> Vector:
        """Days from the start on without the intervention."""
        k = self.base.shape[1]
        if method == "local_level":
            return self.y - self.change @ self.fit.coefficients[k:]
        return self.base @ self.fit.coefficients[:k]

    def score(self) -> float:
        """The mean change in standard errors."""
        value, error = self.fit.spread(self.mean)
        return abs(value) / error if error > 0 else math.inf
