"""Half-open windows of UTC instants: every number is about one.

``start`` belongs to the window, ``end`` does not, so neighbouring windows share no row and
lose none. Quarters, weeks and days of a reporting zone are cut by `telemetry.calendar`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from metricstack.core.errors import InvalidInput

__all__ = ["Window"]


@dataclass(frozen=True, slots=True)
class Window:
    """The instants from ``start`` up to, not including, ``end``, both in UTC.

    Args:
        start: First instant, with a time zone.
        end: First instant that is no longer inside, with a time zone.
        name: How a reader calls it: ``"2026Q3"``. Not part of equality.
        preceding: The window before it, where the calendar knows better than the clock
            (the quarter before is not 92 days before). Not part of equality.

    Raises:
        InvalidInput: an instant without a zone, or an end that is not after the start.

    Example:
        >>> day = Window(datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 7, 2, tzinfo=UTC))
        >>> day.previous().start.isoformat(), day.days
        ('2026-06-30T00:00:00+00:00', 1.0)
    """

    start: datetime
    end: datetime
    name: str = ""
    preceding: "Window | None" = None

    def __post_init__(self) -> None:
        for label, instant in (("start", self.start), ("end", self.end)):
            if instant.tzinfo is None:
                raise InvalidInput(
                    f"The window's {label} {instant.isoformat()} has no time zone. "
                    "Give an instant in UTC, or cut the window with the workspace's calendar."
                )
        object.__setattr__(self, "start", self.start.astimezone(UTC))
        object.__setattr__(self, "end", self.end.astimezone(UTC))
        if self.end <= self.start:
            raise InvalidInput(
                f"The window ends at {self.end.isoformat()}, not after its start {self.start.isoformat()}."
            )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Window) and (self.start, self.end) == (other.start, other.end)

    def __hash__(self) -> int:
        return hash((self.start, self.end))

    def __str__(self) -> str:
        return self.name or f"{self.start.isoformat()} to {self.end.isoformat()}"

    @property
    def duration(self) -> timedelta:
        """The window's length on the clock."""
        return self.end - self.start

    @property
    def days(self) -> float:
        """The window's length in days of 24 hours."""
        return self.duration / timedelta(days=1)

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= instant < self.end

    def previous(self) -> "Window":
        """Return the window just before: the calendar's where it has one, else one of equal length."""
        return self.preceding or Window(self.start - self.duration, self.start)
