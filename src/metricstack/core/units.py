"""Units: what a number counts, how units combine, and how each is written for a reader.

A unit is a plain string. Atoms are closed (below) or an ISO 4217 currency; ratios are
written ``numerator/denominator`` (``"USD/outcome"``). The unit travels in
`Estimate.unit` and in the table contract, never in a name.
"""

import math
import re

from metricstack.core.errors import InvalidInput, nearest

__all__ = ["ATOMS", "check_unit", "is_currency", "ratio", "write", "write_change", "write_points"]

ATOMS: dict[str, str] = {
    "1": "a bare number",
    "fraction": "a share of one, written in per cent",
    "score": "a judgement between 0 and 1",
    "s": "seconds",
    "min": "minutes",
    "h": "hours",
    "d": "days",
    "count": "things counted",
    "tokens": "language-model tokens",
    "per_1000": "occurrences per 1,000",
    "request": "requests",
    "outcome": "successful outcomes",
    "session": "user sessions",
    "case": "cases of work",
    "run": "workflow runs",
    "system": "systems touched",
    "GB": "gigabytes",
    "currency": "the workspace's currency, named when the value is computed",
}

_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
_CURRENCY = re.compile(r"^[A-Z]{3}$")
_PLURALS = {
    "tokens": "tokens",
    "request": "requests",
    "outcome": "outcomes",
    "session": "sessions",
    "case": "cases",
    "run": "runs",
    "system": "systems",
}
_BELOW = {"s": "second", "min": "minute", "h": "hour", "d": "day"}
_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_NO_BREAK = "\u00a0"
_MINUS = "\u2212"


def is_currency(unit: str) -> bool:
    """Tell whether a unit is an amount of money.

    Example:
        >>> is_currency("USD"), is_currency("s")
        (True, False)
    """
    return unit == "currency" or bool(_CURRENCY.match(unit))


def check_unit(unit: str) -> str:
    """Return the unit if it is one that can be written, else raise `InvalidInput`.

    Example:
        >>> check_unit("USD/outcome")
        'USD/outcome'
    """
    for atom in unit.split("/"):
        if atom not in ATOMS and not is_currency(atom):
            guess = nearest(atom, ATOMS)
            hint = f"Did you mean {guess!r}?" if guess else f"Allowed: {', '.join(ATOMS)}, or a currency."
            raise InvalidInput(f"Unknown unit {atom!r} in {unit!r}. {hint}")
    return unit


def ratio(numerator: str, denominator: str) -> str:
    """Name the unit of a quotient.

    Example:
        >>> ratio("USD", "outcome"), ratio("count", "count"), ratio("s", "1")
        ('USD/outcome', 'fraction', 's')
    """
    if numerator == denominator:
        return "fraction"
    return numerator if denominator == "1" else f"{numerator}/{denominator}"


def _digits(value: float, figures: int = 3) -> str:
    """Round to about ``figures`` significant figures, with thousands separators and no exponent."""
    if value == 0:
        return "0"
    places = figures - 1 - math.floor(math.log10(abs(value)))
    return f"{round(value, places):,.{max(0, min(places, 8))}f}"


def _duration(seconds: float, unit: str) -> str:
    """Write a duration on the clock that fits it; hours stay hours, since a day of work is not 24 of them."""
    if seconds < 1:
        return f"{_digits(seconds * 1000)}{_NO_BREAK}ms"
    for clock, limit in (("s", 120.0), ("min", 7200.0), ("h", math.inf if unit == "h" else 172_800.0)):
        if seconds < limit:
            return f"{_digits(seconds / _SECONDS[clock])}{_NO_BREAK}{clock}"
    return f"{_digits(seconds / _SECONDS['d'])}{_NO_BREAK}d"


def _money(value: float, code: str) -> str:
    symbol = _SYMBOLS.get(code, "")
    size, suffix = abs(value), ""
    for limit, letter in ((1e9, "bn"), (1e6, "M"), (1e4, "k")):
        if size >= limit:
            size, suffix = size / limit if letter != "k" else size / 1e3, letter
            break
    text = _digits(size) if suffix or size < 1 or size >= 100 else f"{size:,.2f}"
    return f"{symbol}{text}{suffix}" if symbol else f"{text}{suffix}{_NO_BREAK}{code}"


def write(value: float, unit: str) -> str:
    """Write a number with its unit, as a reader expects it: about three figures, never "−0".

    Example:
        >>> write(0.1234, "fraction"), write(2.5, "s"), write(1234567.0, "USD")
        ('12.3\\xa0%', '2.50\\xa0s', '$1.23M')
        >>> write(-0.00001, "fraction"), write(0.0412, "USD/outcome")
        ('0.0\\xa0%', '$0.0412 per outcome')
    """
    if not math.isfinite(value):
        return "unbounded" if not math.isnan(value) else "not a number"
    top, _, below = unit.partition("/")
    text = _write_atom(abs(value), top)
    negative = value < 0 and any(figure in text for figure in "123456789")
    return f"{_MINUS if negative else ''}{text}{f' per {_BELOW.get(below, below)}' if below else ''}"


def _write_atom(size: float, unit: str) -> str:
    if unit == "fraction":
        decimals = 2 if 0.99 < size < 1 or 0.00005 <= size < 0.01 else 1
        return f"{size * 100:,.{decimals}f}{_NO_BREAK}%"
    if unit in _SECONDS:
        return _duration(size * _SECONDS[unit], unit)
    if is_currency(unit):
        return _money(size, unit)
    if unit == "count" or unit in _PLURALS:
        text = f"{size:,.0f}" if size >= 1000 or size == round(size) else _digits(size)
        if unit == "count":
            return text
        return f"{text}{_NO_BREAK}{unit if text == '1' else _PLURALS[unit]}"
    if unit == "per_1000":
        return f"{_digits(size)} per 1,000"
    if unit == "score":
        return f"{size:.3f}"
    return _digits(size) if unit == "1" else f"{_digits(size)}{_NO_BREAK}{unit}"


def write_change(before: float, after: float, unit: str) -> str:
    """Write how a number moved: points for shares, else per cent of where it was.

    Example:
        >>> write_change(0.40, 0.45, "fraction"), write_change(2.0, 1.5, "s")
        ('+5.0\\xa0points', '−25.0\\xa0%')
    """
    if unit == "fraction":
        size, suffix = (after - before) * 100, f"{_NO_BREAK}points"
    elif unit == "score" or before == 0 or before * after < 0:
        difference = after - before
        sign = "+" if difference > 0 else ""
        return f"{sign}{write(difference, unit)}"
    else:
        size, suffix = (after / before - 1) * 100, f"{_NO_BREAK}%"
    text = f"{abs(size):,.1f}"
    if text == "0.0":
        return f"±0.0{suffix}"
    return f"{'+' if size > 0 else _MINUS}{text}{suffix}"


def write_points(share: float, half_width: float | None = None) -> str:
    """Write a difference of shares in points, with its sign and two figures of what it is known to; without the word.

    Args:
        share: The difference, a fraction.
        half_width: Half of its interval; without one that is finite and above 0, two figures of the number itself.

    Example:
        >>> write_points(0.0081, 0.0021), write_points(-0.3, 0.2), write_points(-0.0000001, 0.001)
        ('+0.81', '−30', '0.00')
    """
    if math.isinf(share):
        return f"{_MINUS if share < 0 else ''}∞"
    known = abs(share) if half_width is None or not 0 < half_width < math.inf else half_width
    places = 1 - math.floor(math.log10(100 * known)) if known > 0 else 1
    text = f"{100 * abs(share):,.{max(0, min(places, 6))}f}"
    sign = "" if not text.strip("0.,") else "+" if share > 0 else _MINUS
    return f"{sign}{text}"
