"""What a picture is drawn of: points in time, labelled rows, parts of a whole, spans."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from metricstack.core.errors import InvalidInput
from metricstack.core.units import write
from metricstack.core.values import Answer, Estimate, Refusal

__all__ = [
    "MOST_ROWS",
    "Part",
    "Point",
    "Row",
    "Span",
    "Values",
    "all_refused",
    "bounds",
    "facts",
    "guard",
    "in_sight",
    "instant",
    "refused_words",
]

# What Altair itself refuses to go beyond: aggregate in the engine first.
MOST_ROWS = 5000

Values = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Point:
    """An answer at an instant, or for the period that begins on a date."""

    at: date | datetime
    answer: Answer


@dataclass(frozen=True, slots=True)
class Row:
    """A labelled answer; ``better`` (``"higher"``, ``"lower"``) colours an effect by its verdict.

    One that does not count (``counts`` is False) is drawn hollow and grey.
    """

    label: str
    answer: Answer
    better: str = ""
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a whole in one period: the cost of a use case in a month."""

    at: date
    part: str
    value: float


@dataclass(frozen=True, slots=True)
class Span:
    """Something that lasted: an incident. ``end`` is None while it goes on."""

    label: str
    start: datetime
    end: datetime | None
    kind: str = ""


def guard(values: Sequence[Any], what: str = "rows") -> None:
    """Raise `InvalidInput` where a chart would have more rows than a page can draw."""
    if len(values) > MOST_ROWS:
        raise InvalidInput(
            f"{len(values):,} {what} are too many for a chart; {MOST_ROWS:,} is the most. "
            "Ask for a coarser grain or fewer groups."
        )


def instant(at: date | datetime) -> str:
    """Write an instant as the charts read it; a date is its first instant, on the reporting calendar.

    Example:
        >>> instant(date(2026, 7, 6))
        '2026-07-06T00:00:00Z'
    """
    moment = at if isinstance(at, datetime) else datetime.combine(at, time(), UTC)
    return (moment.astimezone(UTC) if moment.tzinfo else moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def bounds(answer: Estimate) -> tuple[float, float]:
    """Return the ends of an answer's interval; of a census the value twice."""
    low, high = answer.low, answer.high
    return answer.value if low is None else low, answer.value if high is None else high


def refused_words(answers: Iterable[Answer], each: str = "periods") -> str:
    """Say in words how many answers are refusals, and why; "" where none is.

    Example:
        >>> from metricstack.core.values import Reason
        >>> refused_words([Refusal(Reason.NO_DATA, "no rows"), Refusal(Reason.NO_DATA, "no rows")], "weeks")
        'No number for 2 of 2 weeks: no data (2)'
    """
    answers = list(answers)
    reasons: dict[str, int] = {}
    for answer in answers:
        if isinstance(answer, Refusal):
            words = str(answer.reason).replace("_", " ")
            reasons[words] = reasons.get(words, 0) + 1
    if not reasons:
        return ""
    why = ", ".join(f"{words} ({n:,})" for words, n in reasons.items())
    return f"No number for {sum(reasons.values()):,} of {len(answers):,} {each}: {why}"


def all_refused(answers: Sequence[Answer], each: str = "periods") -> str:
    """Say why none of the answers is a number: the first refusal's detail and remedy.

    Example:
        >>> from metricstack.core.values import Reason
        >>> all_refused([Refusal(Reason.NO_DATA, "no rows in 2026Q3", "Load requests.")])
        'Cannot say: no rows in 2026Q3. Load requests.'
    """
    refusal = next(answer for answer in answers if isinstance(answer, Refusal))
    every = f" for any of {len(answers):,} {each}" if len(answers) > 1 else ""
    return f"Cannot say{every}: {refusal.detail.strip().rstrip('.')}. {refusal.remedy}".rstrip()


def in_sight(target: float | None, numbers: Sequence[float]) -> float | None:
    """Return a target that can be drawn without pressing the numbers flat, else None.

    Example:
        >>> in_sight(4.0, [4.1, 4.6]), in_sight(0.1, [4.1, 4.6])
        (4.0, None)
    """
    if target is None or not numbers:
        return None
    low, high = min(numbers), max(numbers)
    reach = 2 * (high - low) or 0.2 * abs(high)
    return target if low - reach <= target <= high + reach else None


def facts(unit: str, better: str, target: float | None, *, drawn: bool = True) -> str:
    """Return the line under a title: what a number is per, which way is good, what was promised.

    Example:
        >>> facts("USD/outcome", "lower", 0.05)
        'per outcome, lower is better, target $0.0500 (dashed)'
    """
    top, _, below = unit.partition("/")
    said = [
        f"per {below}" if below else "",
        f"{better} is better" if better in ("higher", "lower") else "",
        "" if target is None else f"target {write(target, top)} ({'dashed' if drawn else 'off the scale'})",
    ]
    return ", ".join(fact for fact in said if fact)
