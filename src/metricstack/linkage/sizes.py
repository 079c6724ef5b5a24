"""Sizes of effects in words: shares in points, amounts in their unit."""

import math

from metricstack.core.units import write, write_change, write_points
from metricstack.experiments.effect import Effect

__all__ = ["size_of", "smallest_of"]

_NO_BREAK = "\u00a0"


def size_of(found: Effect, *, bounds: bool = False) -> str:
    """Write an effect in words, as exact as its interval is narrow.

    Args:
        found: The effect.
        bounds: With its interval, in brackets.

    Example:
        >>> from metricstack.experiments.effect import effect
        >>> size_of(effect(0.008, 0.001, unit="fraction", n=66, method="m"), bounds=True).replace("\u00a0", " ")
        '+0.80 [+0.60, +1.00] points'
    """
    known = found.estimate
    width = known.half_width
    told = [known.value]
    endless = known.low == -math.inf and known.high == math.inf
    if bounds and known.low is not None and known.high is not None and not endless:
        told += [known.low, known.high]
    texts = [_number(value, found.unit, width) for value in told]
    last = f"{_NO_BREAK}points" if found.unit == "fraction" else ""
    between = f" [{texts[1]}, {texts[2]}]" if len(texts) > 1 else ""
    return f"{texts[0]}{between}{last}{' (unbounded)' if bounds and endless else ''}"


def _number(value: float, unit: str, width: float | None) -> str:
    """A signed number: of shares in points, without the word."""
    if unit == "fraction" or math.isinf(value):
        return write_points(value, width)
    return write_change(0.0, value, unit)


def smallest_of(value: float, unit: str) -> str:
    """Write the smallest effect that matters, without a sign.

    Example:
        >>> smallest_of(0.01, "fraction").replace("\u00a0", " "), smallest_of(0.05, "USD")
        ('1 point', '$0.0500')
    """
    if unit != "fraction":
        return write(value, unit)
    size = f"{100 * value:g}"
    return f"{size}{_NO_BREAK}{'point' if size == '1' else 'points'}"
