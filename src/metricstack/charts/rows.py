"""What a picture is drawn of: points in time, labelled rows, parts of a whole, spans."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Answer, Estimate, Refusal

__all__ = ["MOST_ROWS", "Part", "Point", "Row", "Span", "Values", "bounds", "guard", "instant", "refused_words"]

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
    """A labelled answer; ``better`` (``"higher"``, ``"lower"``) colours an effect by its verdict."""

    label: str
    answer: Answer
    better: str = ""


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
    if isinstance(at, datetime):
        moment = at.astimezone(UTC) if at.tzinfo else at
    else:
        moment = datetime.combine(at, time())
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


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
