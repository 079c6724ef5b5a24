"""What a unit measures, so that seconds are never added to dollars and minutes become hours by themselves."""

from dataclasses import dataclass

from metricstack.core.units import is_currency

__all__ = ["Dimension", "dimension"]

_TIME = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_BASES = ("time", "money", "tokens", "memory")
_OTHERS = {"tokens": "tokens", "GB": "memory"}


@dataclass(frozen=True, slots=True)
class Dimension:
    """Powers of time, money, tokens and memory, and how many base units one unit is.

    Things counted (requests, cases, shares, scores) are bare numbers: what is counted is the
    definition's to say.

    Args:
        powers: Power of each base, in the order time, money, tokens, memory.
        factor: Base units (seconds, currency, tokens, gigabytes) in one unit.
    """

    powers: tuple[int, int, int, int] = (0, 0, 0, 0)
    factor: float = 1.0

    def times(self, other: "Dimension", sign: int = 1) -> "Dimension":
        """Multiply (sign 1) or divide (sign -1) two units."""
        a, b = self.powers, other.powers
        powers = (a[0] + sign * b[0], a[1] + sign * b[1], a[2] + sign * b[2], a[3] + sign * b[3])
        return Dimension(powers, self.factor * (other.factor if sign > 0 else 1 / other.factor))

    @property
    def is_bare(self) -> bool:
        """True for a number without a dimension."""
        return not any(self.powers)

    def __str__(self) -> str:
        parts = [
            f"{base}{'' if power == 1 else f'^{power}'}"
            for base, power in zip(_BASES, self.powers, strict=True)
            if power
        ]
        return " × ".join(parts) or "a bare number"


def dimension(unit: str) -> Dimension:
    """Return what a unit of `core.units` measures.

    Example:
        >>> dimension("h").factor, str(dimension("currency/h"))
        (3600.0, 'time^-1 × money')
        >>> dimension("request").is_bare
        True
    """
    top, *below = unit.split("/")
    result = _atom(top)
    for atom in below:
        result = result.times(_atom(atom), -1)
    return result


def _atom(name: str) -> Dimension:
    powers = [0, 0, 0, 0]
    if name in _TIME:
        powers[0] = 1
    elif is_currency(name):
        powers[1] = 1
    elif name in _OTHERS:
        powers[_BASES.index(_OTHERS[name])] = 1
    return Dimension((powers[0], powers[1], powers[2], powers[3]), _TIME.get(name, 1.0))
