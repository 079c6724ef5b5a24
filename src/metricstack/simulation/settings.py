"""What can be chosen about a simulated company: its size, its period, its seed and its dirt."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from metricstack.core.errors import InvalidInput

__all__ = ["SAMPLE", "ZONE", "Dirt", "Settings"]

ZONE = "Europe/Berlin"
"""The reporting zone of the simulated company: its days and quarters begin there, not at midnight UTC."""

_EARLIEST, _LATEST = date(1980, 1, 1), date(2180, 1, 1)


@dataclass(frozen=True, slots=True)
class Dirt:
    """The dials of what goes wrong with telemetry; every rate is a fraction, 0 switches it off.

    Args:
        sampling_since: Point of the period (0 to 1) from which search answers are tail-sampled;
            1 = never. Failures, escalations and slow runs are always kept.
        sampling_rate: Chance that any other run of theirs is kept.
        sampling_unknown: Part of the period in which the sampler forgot to write its rate down.
        late: Share of runs whose rows arrive hours late, flagged ``late``.
        duplicates: Share of rows that are delivered twice, the second flagged ``duplicate``.
        missing_parents: Share of runs whose root span never arrives.
        null_costs: Share of runs whose cost, or part of it, nobody reported.
        unknown_outcomes: Share of runs of which nobody knows how they ended.
        clock_skew: Seconds by which the clock of the retrieval service is wrong for a week in
            twenty, flagged ``clock_skew`` where the collector noticed.
        hostile: Names that try to break a report: markup, dollar signs, very long text.

    Raises:
        InvalidInput: a share outside [0, 1].

    Example:
        >>> Dirt.none().late, Dirt.realistic().late
        (0.0, 0.015)
    """

    sampling_since: float = 1.0
    sampling_rate: float = 0.5
    sampling_unknown: float = 0.0
    late: float = 0.0
    duplicates: float = 0.0
    missing_parents: float = 0.0
    null_costs: float = 0.0
    unknown_outcomes: float = 0.0
    clock_skew: float = 0.0
    hostile: bool = False

    def __post_init__(self) -> None:
        shares = (
            "sampling_since",
            "sampling_unknown",
            "late",
            "duplicates",
            "missing_parents",
            "null_costs",
            "unknown_outcomes",
        )
        for name in shares:
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise InvalidInput(f"Dirt's {name} is {getattr(self, name)}; it must be from 0 to 1.")
        if not 0.0 < self.sampling_rate <= 1.0:
            raise InvalidInput(
                f"Dirt's sampling_rate is {self.sampling_rate}; it must be above 0 and at most 1: "
                "runs that can never be kept cannot be weighted back."
            )

    @classmethod
    def none(cls) -> Self:
        """Return telemetry that lost nothing and came once, in time."""
        return cls()

    @classmethod
    def realistic(cls) -> Self:
        """Return the dirt of a company that tries."""
        return cls(
            sampling_since=0.55,
            sampling_rate=0.5,
            sampling_unknown=0.006,
            late=0.015,
            duplicates=0.004,
            missing_parents=0.006,
            null_costs=0.02,
            unknown_outcomes=0.012,
            clock_skew=2.5,
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """The size, period, seed and dirt of a simulated company.

    Args:
        requests: Requests that happened (sampling may keep fewer).
        days: Days of the period, in the company's zone.
        seed: Equal seeds give equal bytes.
        start: First day.
        dirt: What goes wrong with the telemetry.

    Raises:
        InvalidInput: fewer than one request or day, or more than 10**9 requests or ten years (3,660
            days); a seed below 0 or from 2**47; a start outside 1980 to 2180.

    Example:
        >>> Settings(requests=1000, days=92, seed=1).end.isoformat()
        '2025-09-30T22:00:00+00:00'
    """

    requests: int
    days: int
    seed: int
    start: date = date(2025, 7, 1)
    dirt: Dirt = field(default_factory=Dirt.realistic)

    def __post_init__(self) -> None:
        ranges = (("requests", 1, 10**9, ""), ("days", 1, 3660, ", ten years"), ("seed", 0, 2**47 - 1, ""))
        for name, least, most, called in ranges:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise InvalidInput(
                    f"{name} is {_shown(value)}; it must be a whole number from {least} to {most:,}{called}."
                )
        if not _EARLIEST <= self.start <= _LATEST:
            raise InvalidInput(f"start is {self.start}; it must be from {_EARLIEST} to {_LATEST}.")

    @property
    def begin(self) -> datetime:
        """First instant of the period."""
        return _midnight(self.start)

    @property
    def end(self) -> datetime:
        """First instant after the period."""
        return _midnight(self.start + timedelta(days=self.days))


def _shown(value: object) -> str:
    """Write a value that was refused, which may be a number too long for any line."""
    if isinstance(value, int) and abs(value) >= 10**24:
        return "a number of more than 24 digits"
    return repr(value)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)


SAMPLE = Settings(requests=600_000, days=458, seed=20250701)
"""The company under ``data/sample``: five calendar quarters, 2025Q3 to 2026Q3."""
