"""What an analyst hands in, read into daily series: days aligned, gaps named, series that cannot answer refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.values import Reason, Refusal

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Missing", "Series", "read_series", "refused", "same"]

Vector = NDArray[np.float64]
Days = NDArray[np.datetime64]
Missing = Literal["raise", "skip"]
_DAY = np.timedelta64(1, "D")
_SAME = 1e-9
_SKIP = ", or pass missing='skip' to leave them out without joining what lies on either side"


@dataclass(frozen=True, eq=False)
class Series:
    """Series on one grid of days.

    Args:
        named: Name → values, each of shape (n,), float64; NaN is a missing day.
        days: The grid, shape (n,), ``datetime64[D]`` in equal steps of days, or of calendar months; None where no dates
            were given.
        places: Where each row that was handed in lies on the grid, shape (rows,).
    """

    named: dict[str, Vector]
    days: Days | None
    places: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __getitem__(self, name: str) -> Vector:
        return self.named[name]

    @property
    def n(self) -> int:
        """Days on the grid, missing ones too."""
        return len(next(iter(self.named.values())))

    @property
    def daily(self) -> bool:
        """True where the grid's step is one day, so that days have weekdays."""
        return self.days is not None and (len(self.days) < 2 or self.days[1] - self.days[0] == _DAY)

    def place(self, when: Any) -> int:
        """Return the position of a day: a position itself, or a date on the grid.

        Raises:
            InvalidInput: a position or date outside the series, or a date where no dates were given.
        """
        if isinstance(when, int | np.integer) and not isinstance(when, bool):
            if not 0 <= when < len(self.places):
                raise InvalidInput(f"Position {when} is outside the series of {len(self.places)} days.")
            return int(self.places[when])
        if isinstance(when, bool | float | np.floating):
            raise InvalidInput(f"The day {when!r} is neither a position, a whole number, nor a date.")
        day = _days([when])[0]
        if self.days is None:
            raise InvalidInput(f"The day {day} needs dates: give `dates`, a series indexed by dates, or a position.")
        at = int(np.searchsorted(self.days, day))
        if at == self.n or (at == 0 and day < self.days[0]):
            raise InvalidInput(f"{day} is outside {self.days[0]} to {self.days[-1]}.")
        return at


def _dated(index: "pd.Index[Any]") -> bool:
    """Tell whether an index holds days: dates of any type, or text such as 2026-07-01."""
    import pandas as pd
    from pandas.api.types import infer_dtype

    if isinstance(index, pd.DatetimeIndex | pd.PeriodIndex):
        return True
    kind = infer_dtype(index)
    return kind in ("date", "datetime") or (kind == "string" and bool(index.str.match(r"\d{4}-\d{2}-\d{2}").all()))


def _days(dates: Any) -> Days:
    import pandas as pd

    if isinstance(dates, np.ndarray) and dates.dtype.kind == "M":
        found: Days = dates.astype("datetime64[D]")
    else:
        try:
            index = dates.to_timestamp() if isinstance(dates, pd.PeriodIndex) else pd.DatetimeIndex(dates)
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"The dates cannot be read: {error}. Give dates such as 2026-07-01.") from None
        found = index.tz_localize(None).to_numpy().astype("datetime64[D]")
    if np.isnat(found).any():
        raise InvalidInput(f"{int(np.isnat(found).sum())} dates are missing. Give one for every value.")
    return found


def read_series(
    series: Mapping[str, ArrayLike], *, dates: ArrayLike | None = None, missing: Missing = "raise", whole: bool = False
) -> Series:
    """Put series on one grid of days.

    Args:
        series: Name → values, oldest first: arrays of one length, or pandas Series indexed by dates, which are aligned
            on them.
        dates: Day of each value; None takes those of the series' index, where it has dates.
        missing: What a missing day means (NaN, a date that is left out): ``"raise"`` an error that names it, or
            ``"skip"`` it: no value is invented, and nothing reaches across it.
        whole: Whoever asks cannot skip a day, and the error says so.

    Raises:
        InvalidInput: unequal lengths, values that are no numbers, dates out of order or twice or in unequal steps,
            missing days with ``"raise"``.
        UnknownName: another word for ``missing``.

    Example:
        >>> days = ["2026-07-01", "2026-07-02", "2026-07-04"]
        >>> found = read_series({"x": [1.0, 2.0, 4.0]}, dates=days, missing="skip")
        >>> found["x"]
        array([ 1.,  2., nan,  4.])
    """
    import pandas as pd

    if missing not in get_args(Missing):
        raise UnknownName("way with missing days", missing, get_args(Missing))
    own: dict[str, Days] = {}
    arrays: dict[str, Vector] = {}
    for name, values in series.items():
        if dates is None and isinstance(values, pd.Series) and _dated(values.index):
            own[name] = _days(values.index)
        arrays[name] = _numbers(values, name)
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1 and len(own) < len(arrays):
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise InvalidInput(f"Series of unequal length: {told}. Give one value of each for every day.")
    if own and len(own) == len(arrays):
        alike = len({tuple(days.tolist()) for days in own.values()}) == 1
        found = _gridded(arrays, own if not alike else dict.fromkeys(arrays, next(iter(own.values()))))
    elif dates is not None or own:
        days = _days(dates) if dates is not None else next(iter(own.values()))
        if len(days) != next(iter(lengths.values())):
            raise InvalidInput(f"There are {len(days)} dates for {next(iter(lengths.values()))} values.")
        found = _gridded(arrays, dict.fromkeys(arrays, days))
    else:
        n = next(iter(lengths.values()))
        found = Series(arrays, None, np.arange(n))
    if missing == "raise":
        _whole(found, "" if whole else _SKIP)
    return found


def _numbers(values: ArrayLike, name: str) -> Vector:
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInput(f"The values of {name} are no numbers; give a list, an array or a Series.") from None
    if array.ndim != 1:
        raise InvalidInput(f"The values of {name} have {array.ndim} dimensions; give one value per day.")
    if np.isinf(array).any():
        raise InvalidInput(f"The values of {name} hold {int(np.isinf(array).sum())} that are infinite.")
    return array


def _gridded(arrays: dict[str, Vector], days: dict[str, Days]) -> Series:
    """Lay series on the union of their days, in equal steps."""
    first = next(iter(days.values()))
    every = first if all(other is first for other in days.values()) else np.unique(np.concatenate(list(days.values())))
    for name, own in days.items():
        turned = np.flatnonzero(np.diff(own) <= np.timedelta64(0, "D"))
        if len(turned):
            at = int(turned[0])
            raise InvalidInput(
                f"The dates of {name} are not in order: {own[at + 1]} follows {own[at]}. Sort, one row a day."
            )
    if len(every) < 2:
        return Series(arrays, every, np.arange(len(every)))
    grid = _grid(every)
    values = {}
    for name, array in arrays.items():
        laid = np.full(len(grid), np.nan)
        laid[np.searchsorted(grid, days[name])] = array
        values[name] = laid
    return Series(values, grid, np.searchsorted(grid, first).astype(np.int64))


def _grid(every: Days) -> Days:
    """Return the days in equal steps that hold all of these: steps of days, or of months, quarters and years."""
    steps = np.diff(every).astype(np.int64)
    step = int(steps.min())
    odd = np.flatnonzero(steps % step)
    if not len(odd):
        found: Days = np.arange(every[0], every[-1] + _DAY, np.timedelta64(step, "D"))
        return found
    ends = every + _DAY  # of days that end their months, the first ones of the next
    for moved, days in ((0 * _DAY, every), (_DAY, ends)):
        months = days.astype("datetime64[M]")
        into = days - months.astype("datetime64[D]")
        apart = np.diff(months).astype(np.int64)
        if (into == into[0]).all() and not (apart % apart.min()).any():
            starts = np.arange(months[0], months[-1] + 1, np.timedelta64(int(apart.min()), "M"))
            return np.asarray(starts.astype("datetime64[D]") + into[0] - moved)
    at = int(odd[0])
    raise InvalidInput(
        f"The dates are not in equal steps: {every[at]} to {every[at + 1]} is {steps[at]} days, the smallest step "
        f"{step}. Give daily or monthly values, or leave the dates out."
    )


def _whole(found: Series, remedy: str) -> None:
    for name, array in found.named.items():
        gaps = np.flatnonzero(np.isnan(array))
        if len(gaps):
            first = gaps[0] if found.days is None else found.days[gaps[0]]
            raise InvalidInput(
                f"{name} misses {len(gaps)} of {len(array)} days, the first at {first}. Fill them from the source"
                f"{remedy or ', or give the longest stretch without a gap'}."
            )


def refused(found: Series, *, least: int, names: tuple[str, ...] | None = None) -> Refusal | None:
    """Return why series cannot answer: too few days, or one that never moves; None where they can."""
    for name in names or tuple(found.named):
        there = found[name][np.isfinite(found[name])]
        if len(there) < least:
            return Refusal(
                Reason.TOO_FEW_UNITS, f"{name} has {len(there)} days; {least} are needed", "Wait for more days.",
            )  # fmt: skip
        if np.ptp(there) <= 1e-12 * float(np.abs(there).max()):
            return Refusal(
                Reason.NO_VARIATION, f"{name} is {there[0]:g} on every day", "Ask of a metric that moves.",
            )  # fmt: skip
    return None


def same(correlation: float, lag: int = 0) -> Refusal | None:
    """Refuse where one series is the other on another scale, at some lag: a definition, not a linkage."""
    if 1 - abs(correlation) > _SAME:
        return None
    later = "" if lag == 0 else f" {abs(lag)} days {'later' if lag > 0 else 'earlier'}"
    return Refusal(
        Reason.NO_VARIATION, f"y is x{later} on another scale (correlation {correlation:+.0f})",
        "Ask of two metrics that are not computed from one another.",
    )  # fmt: skip
