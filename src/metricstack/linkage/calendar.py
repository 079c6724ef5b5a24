"""What the calendar explains of a daily series: weekdays, a straight trend and known events, taken out together.

Two metrics that both dip at weekends or both grow move together without any linkage; this comes first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metricstack.core.errors import InvalidInput
from metricstack.core.show import Shown
from metricstack.core.values import Check, Estimate, Finding, Reason, Refusal
from metricstack.linkage.series import Days, Missing, Series, read_series, refused
from metricstack.numerics.autoregression import winsorised

__all__ = [
    "Calendar",
    "CalendarAdjusted",
    "Events",
    "calendar_adjusted",
    "calendar_of",
    "emptied",
    "event_columns",
    "weekday_p_value",
]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Events = Mapping[str, ArrayLike]
_FEWEST = 20
_NOTHING = 1e-9
_DEPENDENT = 1e-10
_REFITS = 4


@dataclass(frozen=True, eq=False)
class Calendar:
    """What days have in common beside the metrics.

    Args:
        columns: Constant, trend, weekdays, events; shape (n, columns).
        terms: What was taken out, in words: ``("trend", "weekdays")``.
        weekdays: Which columns are weekdays, shape (columns,).
    """

    columns: Matrix
    terms: tuple[str, ...]
    weekdays: NDArray[np.bool_]

    def basis(self, there: NDArray[np.bool_]) -> Matrix:
        """Return orthonormal columns that span those of the days that are there; as many as their rank."""
        left, sizes, _ = np.linalg.svd(self.columns[there], full_matrices=False)
        return np.asarray(left[:, sizes > _DEPENDENT * sizes[0]])

    def adjusted(self, x: Vector, *, robust: bool = False) -> tuple[Vector, int]:
        """Return what least squares leave of a series, and the degrees of freedom used.

        Args:
            x: Series, shape (n,); NaN is a missing day.
            robust: Hold days further than four robust standard deviations from the fit at that distance, while fitting
                and in what is returned, so that one wild day bends neither its weekday nor what follows.
        """
        there = np.isfinite(x)
        basis, seen = self.basis(there), x[there]
        fit = basis @ (basis.T @ (winsorised(seen) if robust else seen))
        for _ in range(_REFITS if robust else 0):
            before, fit = fit, basis @ (basis.T @ (fit + winsorised(seen - fit)))
            if np.allclose(before, fit, rtol=0.0, atol=_NOTHING * float(np.ptp(seen))):
                break
        left = np.full(len(x), np.nan)
        left[there] = winsorised(seen - fit) if robust else seen - fit
        return left, basis.shape[1]


def event_columns(found: Series, events: Events | None) -> dict[str, Vector]:
    """Return a column per event: 1 on the days it held.

    Args:
        found: The series whose days they are.
        events: Name → the dates it held, or a number (0 or 1, or how strong) for each row that was handed in.

    Raises:
        InvalidInput: dates where the series has none, numbers of another length.
    """
    columns: dict[str, Vector] = {}
    for name, given in (events or {}).items():
        array = np.asarray(given)
        if array.dtype.kind in "biuf":
            if array.shape != found.places.shape:
                raise InvalidInput(f"The event {name!r} has {array.shape} numbers for {len(found.places)} days.")
            if not np.isfinite(array.astype(np.float64)).all():
                raise InvalidInput(f"The event {name!r} holds numbers that are not finite.")
            column = np.zeros(found.n)
            column[found.places] = array
        else:
            if found.days is None:
                raise InvalidInput(f"The dates of the event {name!r} need the dates of the series: give `dates`.")
            column = np.isin(found.days, _event_days(name, given)).astype(np.float64)
        columns[name] = column
    return columns


def _event_days(name: str, given: Any) -> Days:
    import pandas as pd

    try:
        index = pd.DatetimeIndex(np.atleast_1d(np.asarray(given)))
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"The dates of the event {name!r} cannot be read: {error}.") from None
    return index.tz_localize(None).to_numpy().astype("datetime64[D]")


def calendar_of(found: Series, *, events: Events | None = None, trend: bool = True) -> Calendar:
    """Lay out the calendar of series: constant, trend, weekdays (of daily dates), events.

    Args:
        found: The series.
        events: See `event_columns`; one that no day or every day has is left out.
        trend: Whether a straight trend is one of the terms.
    """
    n = found.n
    columns, terms, weekdays = [np.ones(n)], [], 0
    if trend:
        columns.append((np.arange(n) - (n - 1) / 2) / max(n - 1, 1))
        terms.append("trend")
    if found.daily and found.days is not None:
        weekday = (found.days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0
        columns += [(weekday == k).astype(np.float64) for k in range(1, 7)]
        weekdays = 6
        terms.append("weekdays")
    for name, column in event_columns(found, events).items():
        if np.ptp(column) > 0:
            columns.append(column)
            terms.append(name)
    first = 2 if trend else 1
    place = np.arange(len(columns))
    return Calendar(np.column_stack(columns), tuple(terms), (place >= first) & (place < first + weekdays))


@dataclass(frozen=True, eq=False)
class CalendarAdjusted(Shown):
    """A series without what the calendar explains.

    Args:
        values: What is left, shape (n,), around 0; NaN is a missing day.
        days: Its days, None where no dates were given.
        freedom_used: Degrees of freedom the calendar took, the mean's among them.
        explained: Share of the variance that the calendar explains, a fraction.
        weekday_p: p-value of no weekday pattern given trend and events (F test of independent days: only informs);
            None without daily dates.
        terms: What was taken out.
    """

    values: Vector
    days: Days | None
    freedom_used: int
    explained: float
    weekday_p: float | None
    terms: tuple[str, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """How much of the variance the calendar explains, as a finding with what was taken out as its check."""
        n = int(np.isfinite(self.values).sum())
        answer = Estimate(self.explained, "fraction", n, f"share of the variance of {n} days, least squares")
        return (Finding("How much of the series does the calendar explain?", answer, checks=(self.check,)),)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; a missing day is None."""
        return {
            "kind": "calendar_adjusted", "values": [x if np.isfinite(x) else None for x in self.values.tolist()],
            "days": None if self.days is None else [str(day) for day in self.days],
            "freedom_used": self.freedom_used, "explained": self.explained, "weekday_p": self.weekday_p,
            "terms": list(self.terms),
        }  # fmt: skip

    @property
    def check(self) -> Check:
        """What was taken out, as a check that only informs."""
        what = ", ".join(self.terms) or "the mean only"
        return Check("calendar", passed=None, detail=f"{what} taken out: {100 * self.explained:.0f} % of the variance")


def calendar_adjusted(
    y: ArrayLike,
    *,
    dates: ArrayLike | None = None,
    events: Events | None = None,
    trend: bool = True,
    robust: bool = False,
    missing: Missing = "raise",
) -> CalendarAdjusted | Refusal:
    """Take weekdays, a straight trend and events out of a daily series.

    Args:
        y: Series, shape (n,), oldest first; or a pandas Series indexed by dates.
        dates: Day of each value. Without dates there are no weekdays.
        events: Name → the dates it held, or a number per day.
        trend: Whether to take a trend out.
        robust: Keep wild days from bending the fit; see `Calendar.adjusted`.
        missing: ``"raise"`` or ``"skip"`` missing days.

    Returns:
        What is left; or a refusal: ``TOO_FEW_UNITS`` below 20 days or two per term, ``NO_VARIATION`` for a constant or
        for a series that the calendar explains wholly.

    Raises:
        InvalidInput: see `read_series` and `event_columns`.

    Derivation:
        Ordinary least squares on constant, trend (from -1/2 to 1/2), six weekday columns and one column per event. By
        the theorem of Frisch, Waugh and Lovell a regression of one adjusted series on another is the regression with
        all the columns in it, with ``freedom_used`` fewer degrees of freedom.

    Example:
        >>> days = np.datetime64("2026-07-06") + np.arange(28)  # a Monday
        >>> y = 10 + 0.5 * np.arange(28) - 4 * (np.arange(28) % 7 > 4) + np.tile([0.1, -0.1], 14)
        >>> found = calendar_adjusted(y, dates=days)
        >>> found.freedom_used, found.terms, bool(np.abs(found.values).max() < 0.12)
        (8, ('trend', 'weekdays'), True)
    """
    found = read_series({"y": y}, dates=dates, missing=missing)
    if refusal := refused(found, least=_FEWEST):
        return refusal
    calendar = calendar_of(found, events=events, trend=trend)
    values = found["y"]
    left, rank = calendar.adjusted(values, robust=robust)
    if refusal := emptied("y", values, left, rank):
        return refusal
    total = float(np.nanvar(values))
    return CalendarAdjusted(
        left, found.days, rank, max(1 - float(np.nanvar(left)) / total, 0.0),
        weekday_p_value(calendar, values), calendar.terms,
    )  # fmt: skip


def emptied(name: str, values: Vector, left: Vector, rank: int) -> Refusal | None:
    """Refuse where the calendar leaves nothing of a series, or has nearly as many terms as it has days."""
    days = int(np.isfinite(values).sum())
    if days < 2 * rank:
        return Refusal(
            Reason.TOO_FEW_UNITS, f"{name} has {days} days for {rank} terms of the calendar; {2 * rank} are needed",
            "Wait for more days, or name fewer events.",
        )  # fmt: skip
    if float(np.nanmax(np.abs(left))) <= _NOTHING * float(np.nanmax(np.abs(values - np.nanmean(values)))):
        return Refusal(
            Reason.NO_VARIATION, f"the calendar explains all of {name}", "Ask of a metric that is measured.",
        )  # fmt: skip
    return None


def weekday_p_value(calendar: Calendar, values: Vector) -> float | None:
    """Return the p-value of no weekday pattern beside trend and events (F test of independent days), None without."""
    from scipy.special import fdtrc

    weekday, there = calendar.weekdays, np.isfinite(values)
    y, columns = values[there], calendar.columns[there]
    if not weekday.any():
        return None
    full, rest = (_squares(y, columns[:, keep]) for keep in (np.full(len(weekday), True), ~weekday))
    between, within = full[1] - rest[1], len(y) - full[1]
    if between < 1 or within < 1:
        return None
    if full[0] <= 0:
        return 0.0
    return float(fdtrc(between, within, max(rest[0] - full[0], 0.0) / between / (full[0] / within)))


def _squares(y: Vector, columns: Matrix) -> tuple[float, int]:
    coefficients, _, rank, _ = np.linalg.lstsq(columns, y, rcond=1e-10)
    left = y - columns @ coefficients
    return float(left @ left), int(rank)
