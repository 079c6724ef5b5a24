"""Axes that read as `core.units.write` writes: one scale per axis, its symbol on every tick, years on time axes."""

import math
from collections.abc import Sequence
from datetime import datetime

import altair as alt

from metricstack.charts.theme import INK
from metricstack.core.units import is_currency, write

__all__ = ["nice_domain", "number_axis", "round_ticks", "short", "time_axis"]

_NO_BREAK = "\u00a0"
_LETTERS = ("k", "M", "bn")
_CLOCK = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def short(value: float, unit: str) -> str:
    """Write a number beside its mark, without the ``per …`` that the title already says.

    Example:
        >>> short(0.0412, "USD/outcome")
        '$0.0412'
    """
    return write(value, unit.partition("/")[0])


def number_axis(
    domain: tuple[float, float],
    unit: str,
    *,
    signed: bool = False,
    relative: bool = False,
    grid: bool = True,
    count: int = 5,
) -> alt.Axis:
    """Return an axis whose ticks are round in the scale that it is written in.

    Args:
        domain: The limits of the axis; the largest absolute value fixes the scale (ms or s, k or M).
        unit: One of `core.units`; what stands after ``/`` is left to the title.
        signed: Write a plus above 0, and shares in points, as an axis of effects does.
        relative: Effects are shares of what was before: write them in per cent all the same.
        grid: Draw lines across the frame.
        count: About how many ticks.
    """
    before, factor, after = _scale(max(map(abs, domain)), unit.partition("/")[0], points=signed and not relative)
    values, decimals = round_ticks(domain[0] * factor, domain[1] * factor, count)
    sign = "(datum.value < 0 ? '−' : '')"
    if signed:
        sign = "(datum.value < 0 ? '−' : datum.value > 0 ? '+' : '')"
    number = f"format(abs(datum.value) * {factor:.15g}, ',.{decimals}f')"
    after = f"(datum.value == 0 ? '' : '{after}')" if after in _LETTERS else f"'{after}'"
    return alt.Axis(
        labelExpr=f"{sign} + '{before}' + {number} + {after}",
        values=[value / factor for value in values],
        tickCount=len(values),  # else Vega thins the values to a count of its own
        grid=grid,
        title=None,
    )


def round_ticks(low: float, high: float, count: int = 5) -> tuple[list[float], int]:
    """Return round numbers between two limits, steps of 1, 2 or 5, and the decimals that tell them apart.

    Example:
        >>> round_ticks(0.03, 0.32)
        ([0.05, 0.1, 0.15, 0.2, 0.25, 0.3], 2)
    """
    rough = (high - low) / count
    power = math.floor(math.log10(rough))
    lead = rough / 10**power
    step = 10 if lead >= 7.07 else 5 if lead >= 3.16 else 2 if lead >= 1.41 else 1
    decimals = max(0, -power - (step == 10))
    first, last = math.ceil(low / (step * 10**power) - 1e-9), math.floor(high / (step * 10**power) + 1e-9)
    return [round(index * step * 10.0**power, max(decimals, 0)) for index in range(first, last + 1)], decimals


def _scale(largest: float, unit: str, *, points: bool) -> tuple[str, float, str]:
    """Return what stands before a number, what it is multiplied by, and what stands after."""
    if unit == "fraction":
        return "", 100.0, f"{_NO_BREAK}{'points' if points else '%'}"
    if unit in _CLOCK:
        seconds = largest * _CLOCK[unit]
        for name, limit in (("s", 120.0), ("min", 7200.0), ("h", 172_800.0), ("d", float("inf"))):
            if seconds < limit:
                if name == "s" and seconds < 1:
                    return "", _CLOCK[unit] * 1000, f"{_NO_BREAK}ms"
                return "", _CLOCK[unit] / _CLOCK[name], f"{_NO_BREAK}{name}"
    letter, factor = _magnitude(largest)
    if is_currency(unit):
        sample = write(1.0, unit)
        symbol = sample[: sample.index("1")]
        return symbol, factor, letter if symbol else f"{letter}{_NO_BREAK}{unit}"
    return "", factor, letter or (f"{_NO_BREAK}{unit}" if unit == "GB" else "")


def _magnitude(largest: float) -> tuple[str, float]:
    for limit, letter, factor in ((1e9, "bn", 1e-9), (1e6, "M", 1e-6), (1e4, "k", 1e-3)):
        if largest >= limit:
            return letter, factor
    return "", 1.0


def time_axis(moments: Sequence[datetime], *, mark_each: bool = False) -> alt.Axis:
    """Return an axis of UTC instants whose first label, and the first of every year, names the year.

    Args:
        moments: The instants that it shows; the ends decide between hours, days and months.
        mark_each: Up to 16 instants are the ticks themselves: a week is marked where it begins, not on a Sunday.
    """
    known = sorted(set(moments))
    days = (known[-1] - known[0]).total_seconds() / 86400
    if days <= 3 and any((moment.hour, moment.minute) != (0, 0) for moment in known):
        top, below, turn = "%H:%M", "%-d %b %Y", "utchours(datum.value) == 0"
    elif days <= 120:
        top, below, turn = "%-d %b", "%Y", "utcmonth(datum.value) == 0 && utcdate(datum.value) <= 7"
    else:
        top, below, turn = "%b", "%Y", "utcmonth(datum.value) == 0"
    label = f"utcFormat(datum.value, '{top}')"
    axis = alt.Axis(
        labelExpr=f"datum.index == 0 || ({turn}) ? [{label}, utcFormat(datum.value, '{below}')] : {label}",
        tickCount=7,
        title=None,
        grid=False,
        domain=True,
        domainColor=INK,
        domainOpacity=0.35,
        ticks=True,
        tickColor=INK,
        tickOpacity=0.35,
        tickSize=4,
        labelOverlap="parity",
    )
    if mark_each and len(known) <= 16 and (days <= 120 or all(moment.day == 1 for moment in known)):
        axis.values = [moment.timestamp() * 1000 for moment in known]
    return axis


def nice_domain(numbers: list[float], *, pad: float = 0.06) -> tuple[float, float]:
    """Return a domain that holds the numbers with a little air, also where they are all the same.

    Example:
        >>> nice_domain([2.0, 2.0])
        (1.8, 2.2)
    """
    low, high = min(numbers), max(numbers)
    span = high - low
    if span == 0:
        span = abs(high) * 0.2 or 1.0
        return low - span / 2, high + span / 2
    return low - span * pad, high + span * pad
