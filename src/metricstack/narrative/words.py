"""The small phrases that every sentence is built of: ranges, levels, counts, lists."""

import math
import re
from collections.abc import Callable, Sequence

from metricstack.core.text import aside
from metricstack.core.units import write, write_change
from metricstack.core.values import Estimate, Reason

__all__ = [
    "brief",
    "count",
    "difference_interval",
    "difference_limits",
    "how_counted",
    "interval",
    "limits",
    "listed",
    "percent",
    "reason_words",
    "signed",
    "stem",
]

_TAIL = re.compile(r"(\u00a0[^\d]*| per .*)$")
_CLOCK = re.compile(r"\u00a0(ms|s|min|h|d)\b")
_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_LETTERS = 80
_REASONS = {
    Reason.MISSING_TABLE: "a table is missing",
    Reason.MISSING_COLUMN: "a column is missing",
    Reason.NO_DATA: "no data",
    Reason.NOT_MEASURED: "not measured",
    Reason.TOO_FEW_UNITS: "too few units",
    Reason.LOW_COVERAGE: "low coverage",
    Reason.NO_VARIATION: "no variation",
    Reason.UNDEFINED_RATIO: "an undefined ratio",
    Reason.MEAN_TOO_CLOSE_TO_ZERO: "a mean too close to zero",
    Reason.UNKNOWN_SAMPLING: "unknown sampling",
    Reason.WITHHELD: "withheld to protect a small group",
    Reason.UNSTABLE: "an unstable answer",
    Reason.DEPENDS_ON_REFUSAL: "a part that cannot be said",
}


def brief(name: str) -> str:
    """Fit a name that came with the data into a sentence: on one line, cut where it would drown the rest.

    Example:
        >>> brief("two\\nlines"), len(brief("n" * 5000))
        ('two lines', 80)
    """
    line = " ".join(name.split())
    return aside(line if len(line) <= _LETTERS else f"{line[: _LETTERS - 1]}…")


def count(n: int) -> str:
    """Write a count with thousands separators.

    Example:
        >>> count(48211)
        '48,211'
    """
    return write(n, "count")


def percent(level: float) -> str:
    """Write a confidence level, without decimals that say nothing.

    Example:
        >>> percent(0.95), percent(0.995)
        ('95\\xa0%', '99.5\\xa0%')
    """
    return f"{level * 100:.6g}\u00a0%"


def listed(items: Sequence[str], *, last: str = "and") -> str:
    """Join items as prose does.

    Example:
        >>> listed(["cost"]), listed(["cost", "latency"]), listed(["a", "b", "c"])
        ('cost', 'cost and latency', 'a, b and c')
    """
    return f" {last} ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def stem(sentence: str) -> str:
    """Drop the full stop and the blanks at the end, so that a text can stand inside another.

    Example:
        >>> stem("the smaller arm has 12 units. ")
        'the smaller arm has 12 units'
    """
    return sentence.strip().rstrip(".").rstrip()


def reason_words(reason: Reason) -> str:
    """Say a refusal's reason in plain words.

    Example:
        >>> reason_words(Reason.TOO_FEW_UNITS)
        'too few units'
    """
    return _REASONS[reason]


def signed(value: float, unit: str) -> str:
    """Write a difference with its sign; a difference of shares is in points.

    Example:
        >>> signed(-0.05, "fraction"), signed(0.5, "s")
        ('−5.0\\xa0points', '+500\\xa0ms')
    """
    return write_change(0.0, value, unit)


def limits(answer: Estimate) -> str:
    """Write an estimate's bounds without their level; "" for a census.

    Example:
        >>> limits(Estimate(4.21, unit="s", n=48_211, method="mean", low=4.1, high=4.33, level=0.95))
        '4.10 to 4.33\\xa0s'
    """
    if answer.low is None or answer.high is None:
        return ""
    pieces = answer.parts or ((answer.low, answer.high),)
    texts = [_range(low, high, answer.unit, write) for low, high in pieces]
    if texts == [write(answer.value, answer.unit)]:
        return "narrower than the figures shown"
    return listed(texts, last="or")


def interval(answer: Estimate) -> str:
    """Say an estimate's interval with its level; "" for a census.

    Example:
        >>> interval(Estimate(4.21, unit="s", n=48_211, method="mean", low=4.1, high=4.33, level=0.95))
        '95\\xa0% interval 4.10 to 4.33\\xa0s'
    """
    return "" if answer.level is None else f"{percent(answer.level)} interval {limits(answer)}"


def difference_limits(difference: Estimate) -> str:
    """Write the bounds of a difference, each with its sign; "" where it is exact.

    Example:
        >>> difference_limits(Estimate(-1, unit="s", n=9, method="", low=-1.4, high=-0.6, level=0.95))
        '−1.40 to −0.600\\xa0s'
    """
    if difference.low is None or difference.high is None:
        return ""
    return _range(difference.low, difference.high, difference.unit, signed)


def how_counted(answer: Estimate) -> str:
    """Say what a number without an interval stands on.

    Example:
        >>> how_counted(Estimate(3, unit="count", n=3, method="census"))
        'counted in full'
    """
    return "counted in full" if answer.is_census else answer.method


def difference_interval(difference: Estimate) -> str:
    """Say the interval of a difference with its level; "" where it is exact.

    Example:
        >>> difference_interval(Estimate(-1, unit="s", n=9, method="", low=-1.4, high=-0.6, level=0.95))
        '95\\xa0% interval of the difference −1.40 to −0.600\\xa0s'
    """
    if difference.level is None:
        return ""
    return f"{percent(difference.level)} interval of the difference {difference_limits(difference)}"


def _range(low: float, high: float, unit: str, spell: Callable[[float, str], str]) -> str:
    low_text, high_text = spell(low, unit), spell(high, unit)
    if math.isinf(low) and math.isinf(high):
        return "unbounded"
    if math.isinf(low):
        return f"at most {high_text}"
    if math.isinf(high):
        return f"at least {low_text}"
    if abs(low) <= abs(high):
        low_text = _on_one_clock(low, low_text, high_text, unit)
    else:
        high_text = _on_one_clock(high, high_text, low_text, unit)
    if low_text == high_text:
        return low_text
    tail = _TAIL.search(high_text)
    if tail is not None:
        low_text = low_text.removesuffix(tail.group())
    return f"{low_text} to {high_text}"


def _on_one_clock(value: float, text: str, larger: str, unit: str) -> str:
    """Write the smaller bound of two durations on the clock of the larger: 0.5 to 1.5 s, not 500 ms to 1.5 s."""
    clock, other = _CLOCK.search(larger), _CLOCK.search(text)
    top = unit.partition("/")[0]
    if top not in _SECONDS or clock is None or other is None or clock[1] == other[1]:
        return text
    scaled = write(abs(value) * _SECONDS[top] / _SECONDS[clock[1]], "1")
    sign = text[0] if text[0] in "+−" else ""
    return f"{sign}{scaled}{larger[clock.start() :]}"
