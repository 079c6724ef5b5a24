"""Sentences for what a reader must know before believing the numbers."""

from collections import Counter
from collections.abc import Iterable, Sequence

from metricstack.core.units import write
from metricstack.core.values import Answer, Estimate, Finding, Refusal
from metricstack.narrative.answers import say_answer
from metricstack.narrative.words import count, listed, percent, reason_words

__all__ = ["say_chance", "say_late", "say_missing", "say_refusals", "say_sampling"]


def say_sampling(kept: Answer, *, table: str = "telemetry") -> str:
    """Say which share of what happened was recorded.

    Args:
        kept: The share of rows that were kept, a fraction; a refusal where nobody recorded it.
        table: What was sampled.

    Example:
        >>> say_sampling(Estimate(0.25, unit="fraction", n=4000, method="census"), table="requests")
        '25.0\\xa0% of requests were recorded; counts and sums are weighted up to the whole.'
    """
    if isinstance(kept, Refusal):
        return f"How {table} were sampled is not known, so totals are not given. {say_answer(kept)}"
    if kept.value >= 1:
        return f"All {table} were recorded; nothing was sampled."
    return f"{write(kept.value, 'fraction')} of {table} were recorded; counts and sums are weighted up to the whole."


def say_missing(tables: Sequence[str]) -> str:
    """Say which tables are missing and what follows; "" where none is.

    Example:
        >>> say_missing(["incidents"])
        'No incidents table was loaded: whatever needs it is refused, not guessed.'
    """
    if not tables:
        return ""
    if len(tables) == 1:
        return f"No {tables[0]} table was loaded: whatever needs it is refused, not guessed."
    return (
        f"{count(len(tables))} tables were not loaded ({listed(list(tables))}): "
        "whatever needs them is refused, not guessed."
    )


def say_late(late: Answer, *, delay: Answer | None = None, table: str = "rows") -> str:
    """Say which share of rows came late, and how late.

    Args:
        late: The share of rows that arrived after they were due, a fraction.
        delay: The typical delay of those, a duration.
        table: What was late.

    Example:
        >>> say_late(Estimate(0.0, unit="fraction", n=900, method="census"), table="requests")
        'No requests arrived late.'
    """
    if isinstance(late, Refusal):
        return f"Whether {table} arrived late cannot be said. {say_answer(late)}"
    if late.value == 0:
        return f"No {table} arrived late."
    typical = f", typically by {write(delay.value, delay.unit)}" if isinstance(delay, Estimate) else ""
    return f"{write(late.value, 'fraction')} of {table} arrived late{typical}; the last days may still rise."


def say_refusals(findings: Iterable[Finding]) -> str:
    """Say how many questions could not be answered, and why; "" where all could.

    Example:
        >>> from metricstack.core.values import Reason
        >>> say_refusals([Finding("Trust", Refusal(Reason.NOT_MEASURED, "nobody was asked"))])
        'The one question asked cannot be answered: not measured.'
    """
    findings = list(findings)
    reasons = Counter(f.answer.reason for f in findings if isinstance(f.answer, Refusal))
    refused = sum(reasons.values())
    if not refused:
        return ""
    if len(findings) == 1:
        return f"The one question asked cannot be answered: {reason_words(next(iter(reasons)))}."
    why = listed([f"{reason_words(reason)} ({count(n)})" for reason, n in reasons.most_common()])
    return f"{count(refused)} of {count(len(findings))} questions cannot be answered: {why}."


def say_chance(compared: int, *, level: float = 0.95) -> str:
    """Say how many of the changes called clear would be so by chance, if nothing had moved.

    Args:
        compared: How many measures were compared.
        level: The level of each interval.

    Example:
        >>> say_chance(40)
        'Each of 40 comparisons stands at 95\\xa0%: had nothing moved, about 2 would still look like a clear change.'
    """
    if compared < 2:
        return ""
    expected = max(1, round(compared * (1 - level)))
    return (
        f"Each of {count(compared)} comparisons stands at {percent(level)}: had nothing moved, "
        f"about {count(expected)} would still look like a clear change."
    )
