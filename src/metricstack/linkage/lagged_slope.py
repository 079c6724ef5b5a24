"""How much an effect moves for one more of its cause some days before, given the past of both.

All rungs of evidence state an effect for one step of the cause; this is the number of the lowest: still association.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Check, Reason, Refusal
from metricstack.experiments.effect import Effect, effect
from metricstack.linkage.calendar import Calendar, Events, calendar_of, emptied
from metricstack.linkage.series import Missing, read_series, refused, same
from metricstack.numerics.autoregression import fit_autoregression, lag_matrix
from metricstack.numerics.intervals import check_level

__all__ = ["lagged_slope", "slope_at"]

Vector = NDArray[np.float64]
_FEWEST = 30
_SPARE = 10


def lagged_slope(
    x: ArrayLike,
    y: ArrayLike,
    *,
    lag: int,
    dates: ArrayLike | None = None,
    events: Events | None = None,
    level: float = 0.95,
    unit: str = "1",
    missing: Missing = "raise",
) -> Effect | Refusal:
    """Estimate how much y moves for one more of x, ``lag`` days before. Times a step it is the effect of that step.

    Args:
        x: The cause, shape (n,), oldest first; or a pandas Series indexed by dates.
        y: The effect, of the same days.
        lag: Days from cause to effect, 0 or more.
        dates: Day of each value; without dates there are no weekdays.
        events: Name → the dates it held, or a number per day.
        level: Confidence level, a fraction in (0, 1).
        unit: Unit of the slope: that of y per that of x.
        missing: ``"raise"`` or ``"skip"`` missing days.

    Returns:
        The slope with its interval; n counts the days used. Or a refusal: ``TOO_FEW_UNITS`` (fewer than 30 days, or
        than ten beyond the terms), ``NO_VARIATION``.

    Raises:
        InvalidInput: a negative lag; see `read_series`.

    Derivation:
        Least squares of y[t] on x[t - lag], the calendar, p lags of y and q lags of x before x[t - lag]; p and q are
        the orders of their autoregressions (Akaike, up to 7). By the theorem of Frisch, Waugh and Lovell the slope is
        that of what is new in y on what was new in x: one step *beyond what their pasts foretold*. What is left is
        white, so that the usual errors hold, also for series without a fixed mean, whose coefficients beyond the first
        lag are those of stationary differences (Sims, Stock and Watson 1990, Econometrica 58, 113).

    Example:
        >>> x = np.cos(np.arange(60.0) ** 2)
        >>> y = np.append([0.0, 0.0], 3.0 * x[:-2]) + 0.1 * np.sin(np.arange(60.0) ** 2 / 3)
        >>> found = lagged_slope(x, y, lag=2)
        >>> bool(found.low < 3 < found.high), round(found.value, 1)
        (True, 3.0)
    """
    check_level(level)
    if isinstance(lag, bool) or not isinstance(lag, int | np.integer) or lag < 0:
        raise InvalidInput(
            f"The lag is {lag!r}; give the days from cause to effect, 0 or more. Swap x and y for others."
        )
    found = read_series({"x": x, "y": y}, dates=dates, missing=missing)
    if refusal := refused(found, least=_FEWEST):
        return refusal
    calendar = calendar_of(found, events=events)
    orders = []
    for name in ("x", "y"):
        left, rank = calendar.adjusted(found[name], robust=True)
        if refusal := emptied(name, found[name], left, rank):
            return refusal
        orders.append(fit_autoregression(left).order)
    return slope_at(found["x"], found["y"], lag, calendar=calendar, orders=orders, level=level, unit=unit)


def slope_at(
    x: Vector, y: Vector, lag: int, *, calendar: Calendar, orders: Sequence[int], level: float, unit: str = "1"
) -> Effect | Refusal:
    """Return the slope of y on x at a lag, from values on one grid.

    Args:
        x: The cause, shape (n,); NaN is a missing day.
        y: The effect, shape (n,).
        lag: Days from cause to effect.
        calendar: The columns of their days.
        orders: How many days x and y remember.
        level: Confidence level.
        unit: Unit of the slope.
    """
    design = np.column_stack(
        [lag_matrix(x, lag, first=lag), calendar.columns, lag_matrix(x, lag + orders[0], first=lag + 1),
         lag_matrix(y, orders[1])]
    )  # fmt: skip
    there = np.isfinite(y) & np.isfinite(design).all(axis=1)
    days = int(there.sum())
    cause, rest, outcome = design[there, 0], design[there, 1:], y[there]
    freedom = days - design.shape[1]
    if freedom < _SPARE:
        return Refusal(
            Reason.TOO_FEW_UNITS, f"{days} days can be used for {design.shape[1]} terms; {_SPARE} more are needed",
            "Wait for more days.",
        )  # fmt: skip
    both = np.column_stack([cause, outcome])
    fitted, _, rank, _ = np.linalg.lstsq(rest, both, rcond=1e-10)
    u, v = (both - rest @ fitted).T
    freedom = days - int(rank) - 1
    square = float(u @ u)
    if not square > 1e-18 * float(cause @ cause):
        return Refusal(
            Reason.NO_VARIATION, "nothing new is left in x", "Ask of a cause that is not foretold by its past."
        )
    if refusal := same(float(u @ v) / max((square * float(v @ v)) ** 0.5, 1e-300), lag):
        return refusal
    value = float(u @ v) / square
    left = v - value * u
    error = (float(left @ left) / freedom / square) ** 0.5
    terms = ", ".join((*calendar.terms, f"{orders[0]} days of x", f"{orders[1]} days of y"))
    return effect(
        value, error, freedom=freedom, level=level, unit=unit, n=days, method=f"dynamic regression, lag {lag}",
        checks=(Check("held fixed", None, terms),),
    )  # fmt: skip
