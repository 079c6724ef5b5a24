"""Axes that read as `core.units.write` writes: one scale per axis, its symbol on every tick, years on every time axis."""

import altair as alt

from metricstack.core.units import is_currency, write

__all__ = ["nice_domain", "number_axis", "short", "tick_expression", "time_axis"]

_NO_BREAK = "\u00a0"
_CLOCK = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def short(value: float, unit: str) -> str:
    """Write a number beside its mark, without the ``per …`` that the title already says.

    Example:
        >>> short(0.0412, "USD/outcome")
        '$0.0412'
    """
    return write(value, unit.partition("/")[0])


def tick_expression(largest: float, unit: str, *, signed: bool = False) -> str:
    """Return the Vega expression that writes the ticks of an axis.

    Args:
        largest: The largest absolute value on the axis; it fixes the scale (ms or s, k or M).
        unit: One of `core.units`; what stands after ``/`` is left to the title.
        signed: Write a plus before what is above 0, as an axis of effects does.

    Example:
        >>> tick_expression(0.3, "s")
        "(datum.value < 0 ? '−' : '') + format(abs(datum.value) * 1000, ',.6~f') + '\\xa0ms'"
    """
    before, factor, after = _scale(abs(largest), unit.partition("/")[0], points=signed)
    sign = "(datum.value < 0 ? '−' : '')"
    if signed:
        sign = "(datum.value < 0 ? '−' : datum.value > 0 ? '+' : '')"
    head = f" + '{before}'" if before else ""
    tail = f" + '{after}'" if after else ""
    times = "" if factor == 1 else f" * {factor:.12g}"
    return f"{sign}{head} + format(abs(datum.value){times}, ',.6~f'){tail}"


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


def number_axis(largest: float, unit: str, *, signed: bool = False, grid: bool = True, ticks: int = 5) -> alt.Axis:
    """Return an axis for a unit; ``largest`` is the largest absolute value that it shows."""
    return alt.Axis(
        labelExpr=tick_expression(largest, unit, signed=signed), grid=grid, tickCount=ticks, title=None, format=""
    )


def time_axis(days: float, ticks: int = 6) -> alt.Axis:
    """Return an axis of UTC instants whose first label, and every January's, names the year.

    Args:
        days: How many days the axis spans: it decides between hours, days and months.
        ticks: About how many labels.
    """
    if days <= 3:
        first, minor = "%H:%M", "%d %b %Y"
        turn = "utchours(datum.value) == 0"
    elif days <= 100:
        first, minor = "%d %b", "%Y"
        turn = "utcmonth(datum.value) == 0 && utcdate(datum.value) <= 7"
    else:
        first, minor = "%b", "%Y"
        turn = "utcmonth(datum.value) == 0"
    expression = (
        f"datum.index == 0 || ({turn}) ? "
        f"[utcFormat(datum.value, '{first}'), utcFormat(datum.value, '{minor}')] : utcFormat(datum.value, '{first}')"
    )
    return alt.Axis(
        labelExpr=expression,
        tickCount=ticks,
        title=None,
        grid=False,
        domain=True,
        domainColor="currentColor",
        domainOpacity=0.35,
        ticks=True,
        tickColor="currentColor",
        tickOpacity=0.35,
        tickSize=4,
        labelOverlap="greedy",
    )


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
