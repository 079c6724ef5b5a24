"""What every comparison starts from: two arms' moments, checked, and two arms' values with how they vary together."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.values import Moments, Reason, Refusal
from metricstack.numerics.intervals import Spread, combine

__all__ = ["ROUNDING", "Arms", "Sample", "index_of", "linear_variance", "moments_of", "pick", "samples_of", "too_few"]

Vector = NDArray[np.float64]
Sample = Moments | Mapping[str, ArrayLike] | ArrayLike
"""One arm: its moments, named samples of equal length, or one sample; one observation per randomised unit."""

ROUNDING = 8 * float(np.finfo(np.float64).eps)
"""Part of the size of what is subtracted from one another below which a difference is only rounding."""


@dataclass(frozen=True, slots=True)
class Arms:
    """Two arms' values (means, ratios, adjusted means), with how they vary together.

    Args:
        control: Value of the control arm.
        treatment: Value of the treatment arm.
        variance_control: Sampling variance of the control's value.
        variance_treatment: Sampling variance of the treatment's value.
        covariance: Their sampling covariance: 0 but where one adjustment serves both.
        freedom: Degrees of freedom of the difference's variance.
        n: Units of both arms.
    """

    control: float
    treatment: float
    variance_control: float
    variance_treatment: float
    covariance: float
    freedom: float
    n: int

    @classmethod
    def independent(cls, *, control: float, treatment: float, spreads: tuple[Spread, Spread], n: int) -> "Arms":
        """Put two arms side by side that share nothing; degrees of freedom after Welch and Satterthwaite.

        Args:
            control: Value of the control arm.
            treatment: Value of the treatment arm.
            spreads: Variance of each value, control first.
            n: Units of both arms.
        """
        return cls(
            control, treatment, spreads[0].variance, spreads[1].variance, 0.0, combine(spreads).freedom, n
        )  # fmt: skip

    @property
    def difference(self) -> float:
        """Treatment minus control."""
        return self.treatment - self.control

    @property
    def error(self) -> float:
        """Standard error of the difference; 0 where what is left of it is only rounding."""
        return self.contrast_error(1.0)

    def contrast_error(self, ratio: float) -> float:
        """Return the standard error of ``treatment - ratio * control``.

        Args:
            ratio: How many times the control is subtracted.
        """
        parts = (self.variance_treatment, ratio * ratio * self.variance_control, -2 * ratio * self.covariance)
        variance = math.fsum(parts)
        scale = ROUNDING**2 * ((ratio * self.control) ** 2 + self.treatment**2) + ROUNDING * max(
            abs(part) for part in parts
        )
        return math.sqrt(variance) if variance > scale else 0.0

    @property
    def refusal(self) -> Refusal | None:
        """Why the arms cannot be compared: no unit differs from another."""
        if self.error > 0:
            return None
        return Refusal(
            Reason.NO_VARIATION,
            "no unit differs from another in its arm "
            f"({self.control:.6g} in control, {self.treatment:.6g} in treatment)",
            "Check that the metric is recorded for every unit; a constant has no sampling error to test against.",
        )


def moments_of(sample: Sample, arm: str) -> Moments:
    """Return an arm's moments, whatever it was given as.

    Args:
        sample: Moments, named samples of equal length, or one sample, shape (units,).
        arm: Which arm, for the message.

    Raises:
        InvalidInput: a value that is not finite, samples of unequal length or a negative variance.

    Example:
        >>> moments_of([1.0, 2.0, 6.0], "control").variance
        7.0
    """
    if isinstance(sample, Moments):
        if sample.cross.diagonal().min(initial=0.0) < 0:
            worst = float(np.diag(sample.cross).min()) / max(sample.n - 1, 1)
            raise InvalidInput(f"The {arm} has a variance of {worst:.6g}; a variance is 0 or more.")
        return sample
    samples = sample if isinstance(sample, Mapping) else {"value": sample}
    if not samples:
        raise InvalidInput(f"The {arm} names no variable; give at least one sample.")
    arrays = {name: samples_of(values, f"{arm} {name!r}") for name, values in samples.items()}
    lengths = {name: len(values) for name, values in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise InvalidInput(f"The {arm} has samples of unequal length: {lengths}. Give one value per unit in each.")
    return Moments.of_samples(**arrays)


def samples_of(values: ArrayLike, name: str) -> Vector:
    """Return one sample as an array, shape (units,), float64, finite.

    Args:
        values: One value per unit.
        name: What it is, for the message.

    Raises:
        InvalidInput: not one-dimensional, not numbers, or a value that is not finite.
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as fault:
        raise InvalidInput(f"The sample of the {name} does not hold numbers only: {fault}.") from fault
    if array.ndim != 1:
        raise InvalidInput(f"The sample of the {name} has shape {array.shape}; give one value per unit.")
    bad = int((~np.isfinite(array)).sum())
    if bad:
        raise InvalidInput(
            f"The sample of the {name} holds {bad} of {len(array)} values that are not finite. "
            "Decide what a missing outcome means (drop the unit, or count it as 0) before comparing."
        )
    return array


def too_few(*, control: int, treatment: int, needed: int = 2) -> Refusal | None:
    """Refuse arms without units, or with fewer than a variance needs.

    Args:
        control: Units of the control arm.
        treatment: Units of the treatment arm.
        needed: Fewest units per arm.

    Example:
        >>> str(too_few(control=400, treatment=1))
        'too_few_units: the treatment arm has 1 unit; 2 are needed. Run longer, or report the raw values.'
    """
    for arm, n in (("control", control), ("treatment", treatment)):
        if n == 0:
            return Refusal(Reason.NO_DATA, f"the {arm} arm has no units", "Check the exposures: an arm may be missing.")
    arm, n = min((("control", control), ("treatment", treatment)), key=lambda pair: pair[1])
    if n >= needed:
        return None
    have = f"{n} unit{'' if n == 1 else 's'}"
    return Refusal(
        Reason.TOO_FEW_UNITS, f"the {arm} arm has {have}; {needed} are needed", "Run longer, or report the raw values."
    )


def index_of(moments: Moments, name: str) -> int:
    """Return the place of a variable, or raise `UnknownName` with the nearest.

    Args:
        moments: Of one arm.
        name: Name of the variable.
    """
    if name not in moments.names:
        raise UnknownName("variable", name, moments.names, remedy=f"The moments hold: {', '.join(moments.names)}.")
    return moments.names.index(name)


def pick(moments: Moments, name: str | None) -> Moments:
    """Return the moments of one variable alone, the first by default.

    Args:
        moments: Of one arm.
        name: Name of the variable.
    """
    at = 0 if name is None else index_of(moments, name)
    if len(moments.names) == 1:
        return moments
    return Moments(moments.n, moments.means[at : at + 1], moments.cross[at : at + 1, at : at + 1], (moments.names[at],))


def linear_variance(moments: Moments, weights: Vector) -> float:
    """Return the sample variance of a weighted sum of the variables, 0 where what is left is only rounding.

    Args:
        moments: Of one arm.
        weights: Weight of each variable, shape (k,).
    """
    terms = np.outer(weights, weights) * moments.cross
    total = float(terms.sum())
    return total / max(moments.n - 1, 1) if total > 64 * ROUNDING * float(np.abs(terms).sum()) else 0.0
