"""When people come: growth, week, hour of day, holidays, promotions and days that are busier than others."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from metricstack.core.streams import stream
from metricstack.simulation.company import USE_CASES
from metricstack.simulation.settings import ZONE, Settings

__all__ = ["PROMOTIONS", "Demand", "holidays"]

HOUR = 3_600_000_000
"""Microseconds of an hour."""

PROMOTIONS = (0.055, 0.17, 0.315, 0.42, 0.56, 0.70, 0.83, 0.945)
"""Where promotions begin, as points of the period; each lasts a fiftieth of it, whole days."""

_PROMOTION_LENGTH = 0.017
_PROMOTION_LIFT = np.array([1.25, 1.45, 1.10, 1.0])
_SHARES = np.array([0.36, 0.38, 0.13, 0.13])
_GROWTH = np.array([0.35, 0.55, 0.45, 0.60])
_CUSTOMERS = (3, 2, 1, 1, 1, 2, 4, 7, 10, 12, 13, 13, 12, 12, 12, 12, 12, 13, 14, 15, 15, 13, 9, 5)
_OFFICE = (0, 0, 0, 0, 0, 1, 2, 5, 11, 16, 17, 15, 9, 13, 17, 16, 14, 9, 4, 2, 1, 1, 0, 0)
_HOURS = np.array([_CUSTOMERS, _CUSTOMERS, _OFFICE, _OFFICE], dtype=np.float64).T
_WEEK = np.array([[1.08, 1.0, 1.25, 1.2]] * 5 + [[0.85, 1.05, 0.35, 0.25], [0.75, 1.0, 0.25, 0.2]])
_HOLIDAY = np.array([0.7, 0.9, 0.3, 0.15])
_HOLIDAYS = (
    (1, 1, "New Year"),
    (5, 1, "Labour Day"),
    (10, 3, "German Unity Day"),
    (12, 24, "Christmas Eve"),
    (12, 25, "Christmas Day"),
    (12, 26, "Second day of Christmas"),
    (12, 31, "New Year's Eve"),
)


def holidays(settings: Settings) -> list[tuple[date, str]]:
    """List the holidays of the period, in order."""
    names = {(month, day): name for month, day, name in _HOLIDAYS}
    days = (settings.start + timedelta(days=number) for number in range(settings.days))
    return [(day, names[day.month, day.day]) for day in days if (day.month, day.day) in names]


@dataclass(frozen=True, slots=True)
class Demand:
    """The hours of the period and what each brings; every array's first axis is the hour.

    Args:
        start: First instant of the hour, microseconds since 1970 UTC.
        day: Number of the local day, from 0.
        fraction: Point of the period, 0 to 1.
        promotion: A promotion runs.
        season: How ready customers are to buy, centred, shape (hours,).
        relative: Demand against the capacity that was planned, shape (hours, use cases), 1 on average.
        mix: Cumulative share of the use cases, shape (hours, use cases).
        weight: Share of the period's requests, shape (hours, use cases).
        cumulative: Requests before each hour, and all at the end, shape (hours + 1,).
        promotions: First day and first day after, of each promotion.
    """

    start: NDArray[np.int64]
    day: NDArray[np.int64]
    fraction: NDArray[np.float64]
    promotion: NDArray[np.bool_]
    season: NDArray[np.float64]
    relative: NDArray[np.float64]
    mix: NDArray[np.float64]
    weight: NDArray[np.float64]
    cumulative: NDArray[np.int64]
    promotions: tuple[tuple[int, int], ...]

    @property
    def hours(self) -> int:
        """How many hours the period has."""
        return len(self.start)

    @property
    def end(self) -> int:
        """First instant after the period, microseconds."""
        return int(self.start[-1]) + HOUR

    @property
    def days(self) -> int:
        """How many local days the period has."""
        return int(self.day[-1]) + 1

    def midnight(self, day: int) -> int:
        """Return the first instant of a local day, microseconds; of a day outside, by 24 hours each."""
        inside = min(max(day, 0), self.days - 1)
        return int(self.start[np.searchsorted(self.day, inside)]) + (day - inside) * 24 * HOUR

    @classmethod
    def of(cls, settings: Settings) -> "Demand":
        """Work the demand of a company out."""
        begin = int(settings.begin.timestamp()) * 1_000_000
        hours = int((settings.end - settings.begin) / timedelta(hours=1))
        start = begin + HOUR * np.arange(hours, dtype=np.int64)
        offset = _zone_offsets(settings, hours)
        local = np.arange(hours) + offset
        day, hour = local // 24, local % 24
        weekday = (settings.start.weekday() + day) % 7
        fraction = (np.arange(hours) + 0.5) / hours

        length = max(1, round(_PROMOTION_LENGTH * settings.days))
        first = [int(point * settings.days) for point in PROMOTIONS]
        promotions = tuple((day_, day_ + length) for day_ in first if day_ + length <= settings.days)
        promotion = np.zeros(hours, dtype=bool)
        for begins, ends in promotions:
            promotion |= (day >= begins) & (day < ends)
        holiday = np.isin(day, [(on - settings.start).days for on, _ in holidays(settings)])

        rng = stream(settings.seed, "demand")
        shock = rng.standard_normal((settings.days, len(USE_CASES)))
        for later in range(1, settings.days):  # a busy day is often followed by another
            shock[later] = 0.5 * shock[later - 1] + 0.87 * shock[later]
        growth = 1.0 + _GROWTH * fraction[:, None]
        shape = _HOURS[hour] / _HOURS.mean(axis=0) * _WEEK[weekday]
        shape = shape * np.where(promotion[:, None], _PROMOTION_LIFT, 1.0) * np.where(holiday[:, None], _HOLIDAY, 1.0)
        shape *= np.exp(0.14 * shock[day])
        weights = np.round(shape * growth * _SHARES, 12)
        total = weights.sum(axis=1)
        cumulative = np.concatenate([[0.0], np.cumsum(total)])
        season = 0.6 * np.sin(2 * np.pi * (day / 7.0)) + 0.8 * np.cos(2 * np.pi * (day - 150) / 365.0)
        return cls(
            start=start,
            day=day,
            fraction=fraction,
            promotion=promotion,
            season=season,
            relative=shape,
            mix=np.cumsum(weights, axis=1) / np.maximum(total, 1e-12)[:, None],
            weight=weights / total.sum(),
            cumulative=np.rint(settings.requests * (cumulative / cumulative[-1])).astype(np.int64),
            promotions=promotions,
        )


def _zone_offsets(settings: Settings, hours: int) -> NDArray[np.int64]:
    """Return, for each hour since the first local midnight, by how many hours the clock was changed since."""
    zone = ZoneInfo(ZONE)
    begin = settings.begin
    base = begin.astimezone(zone).utcoffset() or timedelta()
    offsets = np.zeros(hours, dtype=np.int64)
    for first in range(0, hours, 24):
        last = min(first + 24, hours)
        ends = [_offset(begin + timedelta(hours=hour), zone) for hour in (first, last - 1)]
        if ends[0] == ends[1]:
            offsets[first:last] = int((ends[0] - base) / timedelta(hours=1))
        else:
            for hour in range(first, last):
                offsets[hour] = int((_offset(begin + timedelta(hours=hour), zone) - base) / timedelta(hours=1))
    return offsets


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    return instant.astimezone(UTC).astimezone(zone).utcoffset() or timedelta()
