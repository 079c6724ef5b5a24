"""The organisation's calendar: quarters, weeks and days in its zone and fiscal year, as windows of UTC instants."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from metricstack.core.errors import InvalidInput
from metricstack.core.windows import Window

__all__ = ["GRAINS", "Calendar"]

GRAINS = ("day", "week", "month", "quarter")
_FIRST_YEAR, _LAST_YEAR = 1900, 2999
_QUARTER = re.compile(r"^(\d{4})-?[Qq]([1-4])$")


@dataclass(frozen=True, slots=True)
class Calendar:
    """Cuts time where the organisation does.

    A fiscal year that does not start in January is named after the calendar year in which it
    ends: with a start in July, 2026Q1 runs from July to September 2025.

    Args:
        zone: IANA name of the zone in which days begin.
        fiscal_year_start: Month (1 to 12) in which the fiscal year starts.

    Example:
        >>> quarter = Calendar("Europe/Berlin").quarter("2026Q3")
        >>> quarter.start.isoformat(), quarter.end.isoformat()
        ('2026-06-30T22:00:00+00:00', '2026-09-30T22:00:00+00:00')
        >>> quarter.previous().name
        '2026Q2'
    """

    zone: str = "UTC"
    fiscal_year_start: int = 1

    @property
    def tz(self) -> ZoneInfo:
        """The zone's rules."""
        return ZoneInfo(self.zone)

    def midnight(self, day: date) -> datetime:
        """Return the UTC instant at which this day begins in the zone."""
        return datetime.combine(day, time(), tzinfo=self.tz).astimezone(UTC)

    def local_day(self, instant: datetime) -> date:
        """Return the day in the zone that holds this instant.

        Raises:
            InvalidInput: the instant lies outside the years that a calendar is kept for.
        """
        if not _FIRST_YEAR <= instant.year <= _LAST_YEAR:
            raise InvalidInput(
                f"The data reach to {instant.isoformat()}, outside the years {_FIRST_YEAR} to {_LAST_YEAR}. "
                "`metricstack check` says which rows."
            )
        return instant.astimezone(self.tz).date()

    def between(self, first: date, after: date, name: str = "") -> Window:
        """Return the window from the start of ``first`` to the start of ``after``."""
        return Window(self.midnight(first), self.midnight(after), name=name)

    def _quarter(self, year: int, number: int) -> Window:
        months = (year - (self.fiscal_year_start > 1)) * 12 + self.fiscal_year_start - 1 + 3 * (number - 1)
        first, after = (date(m // 12, m % 12 + 1, 1) for m in (months, months + 3))
        return self.between(first, after, f"{year}Q{number}")

    def quarter(self, name: str) -> Window:
        """Return a fiscal quarter by name, ``"2026Q3"``, which knows the quarter before it.

        Raises:
            InvalidInput: the name is not a year and a quarter.
        """
        match = _QUARTER.match(name.strip())
        if match is None:
            raise InvalidInput(f"Quarter {name!r} is not a year and a quarter from 1 to 4. Write it like '2026Q3'.")
        if not _FIRST_YEAR <= int(match[1]) <= _LAST_YEAR:
            raise InvalidInput(f"Quarter {name!r} is outside the years {_FIRST_YEAR} to {_LAST_YEAR}.")
        year, number = int(match[1]), int(match[2])
        before = self._quarter(year, number - 1) if number > 1 else self._quarter(year - 1, 4)
        here = self._quarter(year, number)
        return Window(here.start, here.end, name=here.name, preceding=before)

    def quarter_of(self, instant: datetime) -> Window:
        """Return the fiscal quarter that holds an instant."""
        day = self.local_day(instant)
        months = day.year * 12 + day.month - self.fiscal_year_start
        year, number = months // 12 + (self.fiscal_year_start > 1), months % 12 // 3 + 1
        return self.quarter(f"{year}Q{number}")

    def cut(self, window: Window, grain: str) -> tuple[Window, ...]:
        """Cut a window into days, weeks (from Monday), months or quarters; the ends may be partial.

        Each piece is named after its first local day (a quarter by its own name) and lies inside
        the window; together they cover it. A day with a clock change has 23 or 25 hours.

        Raises:
            InvalidInput: the grain is not one of `GRAINS`.

        Example:
            >>> calendar = Calendar("Europe/Berlin")
            >>> [week.name for week in calendar.cut(calendar.quarter("2026Q3"), "week")][:3]
            ['2026-07-01', '2026-07-06', '2026-07-13']
        """
        if grain not in GRAINS:
            raise InvalidInput(f"Grain {grain!r} is not one of {', '.join(GRAINS)}.")
        pieces, start = [], window.start
        while start < window.end:
            day = self.local_day(start)
            name = self.quarter_of(start).name if grain == "quarter" else day.isoformat()
            end = min(self._next(start, day, grain), window.end)
            pieces.append(Window(start, end, name=name))
            start = end
        return tuple(pieces)

    def _next(self, start: datetime, day: date, grain: str) -> datetime:
        if grain == "quarter":
            return self.quarter_of(start).end
        if grain == "month":
            return self.midnight(date(day.year + day.month // 12, day.month % 12 + 1, 1))
        return self.midnight(day + timedelta(days=1 if grain == "day" else 7 - day.weekday()))
