"""Giving up for futility: where the primary stands beside the bound of the look that is read."""

from dataclasses import dataclass
from typing import Any

from metricstack.core.values import Refusal
from metricstack.experiments.declaration import Declaration, Design
from metricstack.experiments.design import bounds_of, look_of
from metricstack.experiments.reading import Reading

__all__ = ["Futility", "futility_of"]


@dataclass(frozen=True, slots=True)
class Futility:
    """The primary at a look, beside the bound at or below which it may be given up.

    The bound is not binding: those of an effect are made for paths that go on below it, so that alpha is kept by
    whoever goes on all the same.

    Args:
        look: The look, 1 for the first.
        looks: How many were planned.
        z: The effect over its standard error, in the direction of good.
        bound: The bound of it.
    """

    look: int
    looks: int
    z: float
    bound: float

    @property
    def is_met(self) -> bool:
        """It may be given up: at the bound or below it, before the last look, which decides in any case."""
        return self.look < self.looks and self.z <= self.bound

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"look": self.look, "looks": self.looks, "z": self.z, "bound": self.bound, "is_met": self.is_met}


def futility_of(declared: Declaration, primary: Reading, n: int) -> Futility | None:
    """Hold the primary of one arm against the futility bound of the look that is read.

    Args:
        declared: What was declared.
        primary: The primary metric of the arm.
        n: Units of all arms.

    Returns:
        Where it stands; None where no futility was declared, before the first look, and where the effect cannot be
        told or has no good direction.
    """
    effect = primary.effect
    if declared.design is not Design.GROUP_SEQUENTIAL or not declared.futility or isinstance(effect, Refusal):
        return None
    look = look_of(declared, n, ended=declared.end is not None)
    if look < 1 or primary.better == "neither" or not effect.standard_error:
        return None
    bounds = bounds_of(declared, futility=True).futility
    assert bounds is not None
    return Futility(look, declared.looks, effect.value * primary.sign / effect.standard_error, bounds[look - 1])
