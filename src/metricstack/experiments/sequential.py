"""Group-sequential designs: bounds for a few planned looks, and estimates that are honest after one of them stopped."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Check, Estimate
from metricstack.experiments.effect import Effect
from metricstack.numerics.intervals import check_level, t_quantile
from metricstack.numerics.sequential import (
    beyond,
    drift_for_power,
    efficacy_bounds,
    exits,
    futility_bounds,
    information_fractions,
    spent,
)

__all__ = ["GroupSequential", "group_sequential_bounds", "stagewise_effect"]


@dataclass(frozen=True, slots=True)
class GroupSequential:
    """The bounds of a group-sequential design.

    Args:
        fractions: Information fraction at each look.
        critical: Bound of z at each look: stop for an effect at or beyond it, ``inf`` where nothing can stop yet.
        nominal_p: The same bound as a p-value, one- or two-sided as the design is.
        cumulative_alpha: Error spent by each look.
        futility: Bound of z in the direction of improvement at or below which the trial may be given up, one per
            look, ``-inf`` where there is none yet; None for a design without. It is not binding.
        alpha: Error of the whole design.
        sided: 1 or 2.
        spending: Family of the spending function.
        drift: Mean of z at the end at which the power is 1 - beta; None for a design without futility.
    """

    fractions: tuple[float, ...]
    critical: tuple[float, ...]
    nominal_p: tuple[float, ...]
    cumulative_alpha: tuple[float, ...]
    futility: tuple[float, ...] | None
    alpha: float
    sided: int
    spending: str
    drift: float | None = None

    def power(self, drift: float) -> float:
        """Return the chance of stopping for an effect, in its direction, futility obeyed.

        Args:
            drift: The effect over its standard error at information fraction 1, the mean of z there.

        Example:
            >>> round(group_sequential_bounds(5, spending="pocock").power(3.0), 3)
            0.776
        """
        lower = None if self.futility is None else np.array(self.futility)
        return float(exits(np.array(self.fractions), np.array(self.critical), lower, drift=drift).above.sum())

    def inflation(self, power: float = 0.8) -> float:
        """Return how many times the units of a fixed design are needed at most, for the same power.

        Example:
            >>> round(group_sequential_bounds(5).inflation(0.9), 3)
            1.023
        """
        if not self.alpha / self.sided < power < 1:
            raise InvalidInput(f"The power {power} is outside ({self.alpha / self.sided:g}, 1); 0.8 is usual.")
        lower = None if self.futility is None else np.array(self.futility)
        drift = drift_for_power(np.array(self.fractions), np.array(self.critical), power, lower=lower)
        fixed = _z(self.alpha / self.sided) + _z(1 - power)
        return (drift / fixed) ** 2

    def stopping(self, drift: float = 0.0) -> tuple[float, ...]:
        """Return the chance of stopping for an effect, in either direction of a two-sided design, at each look.

        Example:
            >>> [round(chance, 5) for chance in group_sequential_bounds(2, spending="power").stopping()]
            [0.00625, 0.04375]
        """
        upper = np.array(self.critical)
        found = exits(np.array(self.fractions), upper, -upper if self.sided == 2 else None, drift=drift)
        return tuple(float(chance) for chance in found.above + found.below)

    def expected(self, drift: float = 0.0) -> float:
        """Return the information fraction at which it ends on average: at a bound, futility obeyed, else at the end.

        Example:
            >>> round(group_sequential_bounds(5, spending="pocock").expected(3.24), 3)
            0.627
        """
        fractions, upper = np.array(self.fractions), np.array(self.critical)
        lower = -upper if self.sided == 2 else None
        if self.futility is not None:
            lower = np.array(self.futility) if lower is None else np.maximum(self.futility, lower)
        found = exits(fractions, upper, lower, drift=drift)
        left = found.above + found.below
        return float(fractions[-1] - left @ (fractions[-1] - fractions))

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; an unbounded look becomes None."""

        def finite(bounds: tuple[float, ...]) -> list[float | None]:
            return [bound if math.isfinite(bound) else None for bound in bounds]

        return {
            "kind": "group_sequential", "alpha": self.alpha, "sided": self.sided, "spending": self.spending,
            "fractions": list(self.fractions), "critical": finite(self.critical), "nominal_p": list(self.nominal_p),
            "cumulative_alpha": list(self.cumulative_alpha), "drift": self.drift,
            "futility": None if self.futility is None else finite(self.futility),
        }  # fmt: skip


def group_sequential_bounds(
    looks: int | Sequence[float],
    alpha: float = 0.05,
    spending: str = "obrien_fleming",
    sided: int = 2,
    *,
    shape: float | None = None,
    futility: str | None = None,
    beta: float = 0.2,
    futility_shape: float | None = None,
) -> GroupSequential:
    """Find the bounds of z that keep the error of several looks at alpha in all (Lan and DeMets).

    What is spent depends on the information at hand alone, so looks may be moved, added or left out as long as that
    is not decided by the results. At a later look, call it again with the fractions that really were.

    Args:
        looks: How many looks at equal distances, or their information fractions in (0, 1], increasing: units so far
            over units planned. Fractions that end below 1 leave the rest of alpha for later looks.
        alpha: Error of the whole design, in (0, 1); two-sided where ``sided`` is 2.
        spending: ``"obrien_fleming"`` (little early, the last look nearly that of a fixed design), ``"pocock"`` (about
            even bounds), ``"power"`` (alpha t^shape) or ``"hwang_shih_decani"``.
        sided: 2 for symmetric bounds, each side spending alpha / 2; 1 for the upper alone.
        shape: Exponent of the power family (3) or gamma of Hwang, Shih and DeCani (-4).
        futility: Family that spends beta below; None for no futility bound.
        beta: Chance of missing the effect at which futility is planned, 1 - power.
        futility_shape: As ``shape``, for futility.

    Raises:
        InvalidInput: looks, alpha, beta, sided or shape out of range, or futility in a design that does not end at 1.
        UnknownName: a spending family that is not known.

    Source:
        Lan and DeMets (1983), Biometrika 70, 659-663; bounds by recursive numerical integration, Armitage, McPherson
        and Rowe (1969). The numbers of the example are those in the documentation of the R package
        ``ldbounds``.

    Example:
        >>> design = group_sequential_bounds(5)
        >>> [round(z, 4) for z in design.critical]
        [4.8769, 3.357, 2.6803, 2.2898, 2.031]
        >>> [round(z, 2) for z in group_sequential_bounds(5, spending="pocock").critical]
        [2.44, 2.43, 2.41, 2.4, 2.39]
    """
    from scipy.special import ndtr

    fractions = information_fractions(looks)
    if sided not in (1, 2):
        raise InvalidInput(f"A design is one- or two-sided; sided is {sided!r}.")
    _check_rate("alpha", alpha, 0.05)
    used = spent(spending, fractions, total=alpha / sided, shape=shape)
    upper = efficacy_bounds(fractions, used, sided=sided)
    lower, drift = None, None
    if futility is not None:
        _check_rate("beta", beta, 0.2)
        if not math.isclose(fractions[-1], 1.0):
            raise InvalidInput(f"Futility needs looks up to information fraction 1; the last is at {fractions[-1]:g}.")
        if beta >= 1 - alpha / sided:
            raise InvalidInput(f"The beta {beta} leaves a power below the error {alpha / sided:g}; 0.2 is usual.")
        found, drift = futility_bounds(fractions, upper, spent(futility, fractions, total=beta, shape=futility_shape))
        lower = _plain(found)
    return GroupSequential(
        _plain(fractions), _plain(upper), _plain(sided * ndtr(-upper)), _plain(sided * used), lower, alpha, sided,
        spending, drift,
    )  # fmt: skip


def stagewise_effect(found: Effect, *, design: GroupSequential, look: int, level: float | None = None) -> Effect:
    """Correct an effect for having been looked at several times, once the design has stopped.

    Stopping early picks high results: the plain estimate is too large and its interval too sure of itself. In its
    place come the effect at which the result would be the middle one, and the effects at which it would be rare,
    where results that stop earlier count as further out.

    Args:
        found: The effect at the look at which it stopped, with its standard error.
        design: The bounds that were used.
        look: The look at which it stopped, 1 for the first.
        level: Confidence level of the interval; None for 1 - alpha of a two-sided design, 1 - 2 alpha of a one-sided
            one, so that it leaves out 0 where the design stops.

    Returns:
        The median-unbiased estimate, its interval and p-value; at the first look they are the plain normal ones.

    Raises:
        InvalidInput: a look that is not in the design, or an effect without a standard error.

    Source:
        Tsiatis, Rosner and Mehta (1984), Biometrics 40, 797-803; Jennison and Turnbull (2000), sections 8.4 and 8.5.

    Example:
        >>> from metricstack.experiments.effect import effect
        >>> seen = effect(2.5, 1.0, n=400, method="Welch")
        >>> corrected = stagewise_effect(seen, design=group_sequential_bounds(2, spending="pocock"), look=2)
        >>> round(corrected.value, 2), round(corrected.low, 2), corrected.p_value > seen.p_value
        (2.34, 0.14, True)
    """
    from scipy.optimize import brentq

    if isinstance(look, bool) or not 1 <= look <= len(design.critical):
        raise InvalidInput(f"Look {look!r} is not in the design; it has looks 1 to {len(design.critical)}.")
    if found.standard_error is None or found.standard_error == 0:
        raise InvalidInput("An effect without a standard error cannot be corrected for looks. Give one that has it.")
    level = check_level(1 - 2 * design.alpha / design.sided if level is None else level)
    fractions, upper = np.array(design.fractions), np.array(design.critical)
    root, error = math.sqrt(fractions[look - 1]), found.standard_error
    z = found.value / error
    # A two-sided design is the same seen from below.
    sign = -1.0 if z < 0 and design.sided == 2 else 1.0
    size = sign * z

    def chance(drift: float) -> float:
        return beyond(fractions, upper, look - 1, size, drift=drift, sided=design.sided)

    def drift_at(wanted: float) -> float:
        reach = (abs(size) + 8) / root
        return float(brentq(lambda drift: chance(drift) - wanted, -reach, reach + 12, xtol=1e-9))

    tail = (1 - level) / 2
    # A drift is the mean of z at fraction 1; the effect that belongs to it is drift * error * sqrt(fraction now).
    low, middle, high = (drift_at(p) * error * root for p in (tail, 0.5, 1 - tail))
    if sign < 0:
        low, middle, high = -high, -middle, -low
    p = min(design.sided * chance(0.0), 1.0)
    method = f"{found.estimate.method}, stage-wise at look {look} of {len(upper)}"
    estimate = Estimate(middle, found.unit, found.n, method, min(low, middle), max(high, middle), level)
    note = f"the plain estimate is {found.value:.4g}, z = {z:.3f} against a bound of {upper[look - 1]:.3f}"
    return Effect(estimate, p, error, math.inf, (*found.checks, Check("looks", passed=None, detail=note)))


def _plain(numbers: np.ndarray[Any, Any]) -> tuple[float, ...]:
    return tuple(float(number) for number in numbers)


def _z(tail: float) -> float:
    return t_quantile(1 - 2 * tail, math.inf) if tail < 0.5 else -t_quantile(2 * tail - 1, math.inf)


def _check_rate(name: str, rate: float, usual: float) -> None:
    if not isinstance(rate, int | float) or not 0 < rate < 1:
        raise InvalidInput(f"The {name} {rate} is outside (0, 1); {usual} is usual.")
