"""Many answers at once: adjusted p-values, and effects of segments held against one another."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.values import Check, Reason, Refusal
from metricstack.experiments.effect import Effect, effect
from metricstack.numerics.intervals import Spread, check_alpha, check_level, combine
from metricstack.numerics.multiplicity import benjamini_hochberg, p_value

__all__ = ["AdjustedPValues", "Heterogeneity", "adjust", "as_p_values", "effect_contrast", "heterogeneity"]

Vector = NDArray[np.float64]
_METHODS = ("bonferroni", "holm", "hochberg", "bh", "by")


@dataclass(frozen=True, slots=True)
class AdjustedPValues:
    """P-values of a family of tests, adjusted.

    Args:
        adjusted: AdjustedPValues p-values, in the order given.
        method: How.
        alpha: The error of the family (of any false one for Bonferroni, Holm and Hochberg, the share of false ones
            among those rejected for BH and BY).
        size: Tests in the family.
    """

    adjusted: tuple[float, ...]
    method: str
    alpha: float
    size: int

    @property
    def rejected(self) -> tuple[bool, ...]:
        """Which tests are rejected."""
        return tuple(p <= self.alpha for p in self.adjusted)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "kind": "adjusted", "method": self.method, "alpha": self.alpha, "size": self.size,
            "adjusted": list(self.adjusted), "rejected": list(self.rejected),
        }  # fmt: skip


def adjust(
    p_values: ArrayLike, method: str = "holm", *, alpha: float = 0.05, size: int | None = None
) -> AdjustedPValues | Refusal:
    """Adjust p-values for having made many tests.

    Args:
        p_values: Of the tests, shape (tests,), in any order.
        method: ``"holm"`` or ``"bonferroni"`` (no false rejection but for alpha, whatever the dependence),
            ``"hochberg"`` (the same for independent or positively dependent tests), ``"bh"`` (share of false
            rejections, positive dependence), ``"by"`` (the same, any dependence).
        alpha: Error of the family.
        size: Tests declared, where some gave no p-value; they count as not rejected.

    Returns:
        The adjusted p-values; or a refusal with reason ``NO_DATA`` where there is none.

    Raises:
        InvalidInput: a p-value that is missing or outside [0, 1], alpha outside (0, 1), or a family smaller than
            its tests.
        UnknownName: a method that is not known.

    Source:
        Holm (1979); Hochberg (1988); Benjamini and Hochberg (1995); Benjamini and Yekutieli (2001). With p in
        ascending order, of m: Holm takes the largest ``(m - k + 1) p`` up to the k-th, Hochberg the smallest from
        there on, BH the smallest ``m p / k`` from there on, BY that times ``1 + 1/2 + ... + 1/m``.

    Example:
        >>> adjust([0.01, 0.04, 0.03], "holm").adjusted  # 3 x 0.01; 2 x 0.03; the larger of 0.04 and 0.06
        (0.03, 0.06, 0.06)
    """
    if method not in _METHODS:
        raise UnknownName("method", method, _METHODS)
    check_alpha(alpha)
    p = as_p_values(p_values)
    m = len(p) if size is None else size
    if m < len(p):
        raise InvalidInput(f"A family of {m} tests cannot hold {len(p)} p-values.")
    if not len(p):
        return Refusal(Reason.NO_DATA, "no test gave a p-value", "Look at the tests' own refusals.")
    if method in ("bh", "by"):
        plain = benjamini_hochberg([float(x) for x in p], rate=alpha, size=m).adjusted
        if method == "by":
            plain = _dependent(p, m)
        return AdjustedPValues(plain, method, alpha, m)
    order = np.argsort(p, kind="stable")
    ranked = p[order]
    left = m - np.arange(len(p))
    if method == "bonferroni":
        scaled = ranked * m
    elif method == "holm":
        scaled = np.maximum.accumulate(ranked * left)
    else:
        # Tests without a p-value stand at the end of the row with p = 1.
        scaled = np.minimum.accumulate((ranked * left)[::-1])[::-1]
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(scaled, 1.0)
    return AdjustedPValues(tuple(float(x) for x in adjusted), method, alpha, m)


def _dependent(p: Vector, m: int) -> tuple[float, ...]:
    order = np.argsort(p, kind="stable")
    factor = float((1 / np.arange(1, m + 1)).sum())
    scaled = p[order] * m * factor / np.arange(1, len(p) + 1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return tuple(float(x) for x in adjusted)


def as_p_values(p_values: ArrayLike) -> Vector:
    """Return p-values as an array, or raise `InvalidInput` where one is missing or outside [0, 1]."""
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1:
        raise InvalidInput(f"P-values are one list; got {p.ndim} dimensions.")
    outside = int((~((p >= 0) & (p <= 1))).sum())
    if outside:
        raise InvalidInput(f"{outside} of {len(p)} p-values are missing or outside [0, 1]. Leave refused tests out.")
    return p


def effect_contrast(first: Effect, second: Effect, *, level: float = 0.95) -> Effect:
    """Estimate how much larger one effect is than another, of units that do not overlap.

    That one segment's effect is significant and another's is not does not make them different; this does.

    Args:
        first: The effect of one segment, with its standard error.
        second: That of another, of the same unit.
        level: Confidence level.

    Returns:
        First minus second, with its interval and p-value.

    Raises:
        InvalidInput: effects of different units, or without standard errors.

    Source:
        Variances of independent estimates add; degrees of freedom after Satterthwaite (1946). Altman and Bland
        (2003), BMJ 326, 219, *Interaction revisited*.

    Example:
        >>> from metricstack.experiments.effect import effect
        >>> a, b = effect(5.0, 0.3, n=100, method="z"), effect(4.0, 0.4, n=100, method="z")
        >>> found = effect_contrast(a, b)  # 1.0 with error 0.5
        >>> f"{found.value:.1f} [{found.low:.2f}, {found.high:.2f}] p = {found.p_value:.4f}"
        '1.0 [0.02, 1.98] p = 0.0455'
    """
    if first.unit != second.unit:
        raise InvalidInput(f"An effect in {first.unit!r} and one in {second.unit!r} have no difference.")
    one, other = _error(first), _error(second)
    spread = combine([Spread(one**2, first.freedom), Spread(other**2, second.freedom)])
    return effect(
        first.value - second.value, math.sqrt(spread.variance), freedom=spread.freedom, level=level, unit=first.unit,
        n=first.n + second.n, method="difference of two effects",
    )  # fmt: skip


def _error(found: Effect) -> float:
    if found.standard_error is None or not found.standard_error > 0:
        raise InvalidInput("An effect without a standard error above 0 cannot be weighed against others.")
    return found.standard_error


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """Whether the effects of segments differ, and of which.

    Args:
        q: Cochran's Q.
        freedom: Segments less one.
        within: Degrees of freedom of the errors that Q is weighed with, ``inf`` where they are taken as known.
        p_value: Of all effects being one.
        i_squared: Share of the effects' variance that is not chance, a fraction.
        tau_squared: Variance of the true effects (DerSimonian and Laird), in the unit squared.
        pooled: The effect common to all, weighted by precision.
        differs: The p-value is at most alpha.
        effects_adjusted: AdjustedPValues p-values (BH) of each segment having no effect; None where it was refused.
        contrasts: Effect of each segment less that of the others pooled; None where it was refused.
        contrasts_adjusted: Their adjusted p-values (BH).
        alpha: The error, of Q and of the share of false ones among segments.
    """

    q: float
    freedom: int
    within: float
    p_value: float
    i_squared: float
    tau_squared: float
    pooled: Effect
    differs: bool
    effects_adjusted: tuple[float | None, ...]
    contrasts: tuple[Effect | None, ...]
    contrasts_adjusted: tuple[float | None, ...]
    alpha: float

    @property
    def standing_out(self) -> tuple[bool, ...]:
        """Which segments differ from the rest: none unless the test of all says that they differ."""
        return tuple(self.differs and p is not None and p <= self.alpha for p in self.contrasts_adjusted)

    @property
    def check(self) -> Check:
        """What it says, as a check that only informs."""
        note = f"Q = {self.q:.2f} on {self.freedom}, p = {self.p_value:.3g}; I² = {100 * self.i_squared:.0f} %"
        return Check("heterogeneity", passed=None, detail=note)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "kind": "heterogeneity", "q": self.q, "freedom": self.freedom, "p_value": self.p_value,
            "within": self.within if math.isfinite(self.within) else None, "i_squared": self.i_squared,
            "tau_squared": self.tau_squared, "pooled": self.pooled.to_dict(),
            "differs": self.differs, "effects_adjusted": list(self.effects_adjusted),
            "contrasts": [None if found is None else found.to_dict() for found in self.contrasts],
            "contrasts_adjusted": list(self.contrasts_adjusted), "standing_out": list(self.standing_out),
        }  # fmt: skip


def heterogeneity(
    effects: Sequence[Effect | Refusal | tuple[float, float]], *, alpha: float = 0.05, level: float = 0.95
) -> Heterogeneity | Refusal:
    """Test whether segments' effects differ, before looking at any one of them.

    Of 20 segments without any effect one is "significant" two times in three. So the first question is whether they
    differ at all, and only then which do, each held against the others.

    Args:
        effects: One per segment, of units that do not overlap: effects, or pairs (value, standard error). A refusal
            is left out, and counts as a test that was made.
        alpha: Error of the test of all, and share of false ones among segments.
        level: Confidence level of the pooled effect and the contrasts.

    Returns:
        The test of all and the adjusted ones; or a refusal with reason ``TOO_FEW_UNITS`` below two effects.

    Raises:
        InvalidInput: an effect without a standard error above 0, or effects in different units.

    Derivation:
        Weights are 1 / error^2. Of errors that are estimated with f degrees of freedom each, Q is too large: with
        ``A = sum((1 - share)^2 / f)``, share the part of all weight, of k effects ``Q / (k - 1) / (1 + 2 (k - 2) A /
        (k^2 - 1))`` is F of k - 1 and ``(k^2 - 1) / (3 A)``, and chi-square where every f is infinite. Of two effects
        it is Satterthwaite's test of their difference. For the same reason the variance of a pooled effect is
        ``(1 + 4 sum(share (1 - share) / f)) / total`` with ``1 / sum(share^2 / f)`` degrees of freedom.

    Source:
        Cochran (1954), Biometrics 10; Welch (1951), Biometrika 38, for F; Meier (1953), Biometrics 9, for the pooled
        variance; DerSimonian and Laird (1986); Higgins and Thompson (2002) for ``I^2 = (Q - freedom) / Q``, here of
        the Q that F leaves.

    Example:
        >>> found = heterogeneity([(1.0, 0.5), (2.0, 0.5), (3.0, 0.5)])  # mean 2, Q = (1 + 0 + 1) / 0.25
        >>> found.q, found.freedom, round(found.p_value, 4), found.i_squared, round(found.pooled.value, 6)
        (8.0, 2, 0.0183, 0.75, 2.0)
        >>> round(found.tau_squared, 4)  # (8 - 2) / (12 - 48 / 12)
        0.75
    """
    check_level(level)
    check_alpha(alpha)
    given = [found if isinstance(found, Effect | Refusal) else _pair(found) for found in effects]
    kept = [found for found in given if isinstance(found, Effect)]
    if len(kept) < 2:
        return Refusal(
            Reason.TOO_FEW_UNITS, f"{len(kept)} of {len(given)} segments have an effect; 2 are needed",
            "Use coarser segments.",
        )  # fmt: skip
    units = {found.unit for found in kept}
    if len(units) > 1:
        raise InvalidInput(f"Effects in different units, {sorted(units)}, cannot be pooled.")
    unit = units.pop()
    values = np.array([found.value for found in kept])
    weights = 1 / np.array([_error(found) for found in kept]) ** 2
    free = np.array([found.freedom for found in kept])
    total, freedom = float(weights.sum()), len(kept) - 1
    mean = float(weights @ values) / total
    q = float(weights @ (values - mean) ** 2)
    p, excess, within = _tested(q, weights, free)
    tau = max(q / excess - freedom, 0.0) / (total - float(weights @ weights) / total)
    n = sum(found.n for found in kept)
    whole = _pooled(weights, free)
    pooled = effect(mean, math.sqrt(whole.variance), freedom=whole.freedom, level=level, unit=unit, n=n,
                    method="pooled by precision")  # fmt: skip
    contrasts = []
    for k, (value, weight) in enumerate(zip(values, weights, strict=True)):
        gap = float(value - (total * mean - weight * value) / (total - weight))
        spread = combine([Spread(1 / weight, free[k]), _pooled(np.delete(weights, k), np.delete(free, k))])
        contrasts.append(
            effect(gap, math.sqrt(spread.variance), freedom=spread.freedom, level=level, unit=unit, n=n,
                   method="segment less the others")
        )  # fmt: skip
    own = [_own_p(found) for found in kept]
    apart = [found.p_value for found in contrasts if found.p_value is not None]
    size = len(given)
    return Heterogeneity(
        q, freedom, within, p, max(1 - freedom * excess / q, 0.0) if q > 0 else 0.0, tau, pooled, bool(p <= alpha),
        _spread_out(given, benjamini_hochberg(own, size=size).adjusted), _spread_out(given, contrasts),
        _spread_out(given, benjamini_hochberg(apart, size=size).adjusted), alpha,
    )  # fmt: skip


def _tested(q: float, weights: Vector, free: Vector) -> tuple[float, float, float]:
    """Return the p-value of Q, how many times too large it is for chi-square, and its second degrees of freedom."""
    from scipy.special import chdtrc, fdtrc

    k, share = len(weights), weights / weights.sum()
    doubt = float(((1 - share) ** 2 / free).sum())
    if doubt == 0:
        return float(chdtrc(k - 1, q)), 1.0, math.inf
    excess, within = 1 + 2 * (k - 2) * doubt / (k**2 - 1), (k**2 - 1) / (3 * doubt)
    return float(fdtrc(k - 1, within, q / (k - 1) / excess)), excess, within


def _pooled(weights: Vector, free: Vector) -> Spread:
    """Return the variance of a mean whose weights are themselves estimated."""
    total = float(weights.sum())
    share = weights / total
    lost = float((share**2 / free).sum())
    variance = (1 + 4 * float((share * (1 - share) / free).sum())) / total
    return Spread(variance, 1 / lost if lost > 0 else math.inf)


def _pair(pair: tuple[float, float]) -> Effect:
    if not isinstance(pair, Sequence | np.ndarray) or len(pair) != 2 or not all(math.isfinite(x) for x in pair):
        raise InvalidInput(f"An effect is an Effect or a pair (value, standard error), both finite; got {pair!r}.")
    value, error = (float(part) for part in pair)
    if error <= 0:
        raise InvalidInput(f"The standard error {error} is not above 0.")
    return effect(value, error, n=0, method="given")


def _own_p(found: Effect) -> float:
    return p_value(found.value, _error(found), found.freedom) if found.p_value is None else found.p_value


def _spread_out(given: Sequence[Effect | Refusal], values: Sequence[Any]) -> tuple[Any, ...]:
    """Put values of the effects that are there back in the places of all."""
    rest = iter(values)
    return tuple(next(rest) if isinstance(found, Effect) else None for found in given)
