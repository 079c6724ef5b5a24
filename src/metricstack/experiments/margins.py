"""Not worse, and the same: tests against a margin that was stated before."""

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.show import Shown
from metricstack.core.values import Finding, Refusal
from metricstack.experiments.arms import Arms, Sample
from metricstack.experiments.effect import Effect
from metricstack.experiments.lift import difference_of, lift_of
from metricstack.experiments.means import arms_of_means
from metricstack.numerics.intervals import check_level

__all__ = [
    "MarginKind",
    "MarginTest",
    "equivalence",
    "equivalence_of",
    "noninferiority",
    "noninferiority_of",
]

MarginKind = Literal["absolute", "relative"]


@dataclass(frozen=True, slots=True)
class MarginTest(Shown):
    """An effect held against a margin.

    Args:
        effect: The effect, on the margin's scale, with the interval that decides.
        low: The effect must lie above it, ``-inf`` where there is no such side; in the effect's unit.
        high: The effect must lie below it, ``inf`` where there is no such side.
        p_low: One-sided p-value against an effect at or below ``low``; None where there is no such side.
        p_high: One-sided p-value against an effect at or above ``high``; None where there is no such side.
        alpha: Error rate of each one-sided test.
    """

    effect: Effect
    low: float
    high: float
    p_low: float | None
    p_high: float | None
    alpha: float

    @property
    def p_value(self) -> float:
        """The larger of the one-sided p-values: of two tests that must both reject, the weaker decides."""
        return max(p for p in (self.p_low, self.p_high) if p is not None)

    @property
    def holds(self) -> bool:
        """True where the effect is shown to lie within the margin; False says only that it is not shown."""
        return self.p_value < self.alpha

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The effect as a finding."""
        return self.effect.findings

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; a side that is not tested is None."""
        return {
            "kind": "margin_test", "effect": self.effect.to_dict(), "holds": self.holds, "p_value": self.p_value,
            "low": self.low if math.isfinite(self.low) else None,
            "high": self.high if math.isfinite(self.high) else None,
            "p_low": self.p_low, "p_high": self.p_high, "alpha": self.alpha,
        }  # fmt: skip


def _beyond(arms: Arms, bound: float, kind: MarginKind, *, side: int) -> float:
    """Return the one-sided p-value that the effect lies above a bound (side 1) or below it (side -1).

    A relative bound is tested without dividing: treatment - (1 + bound) control, for a control below 0 (1 - bound).
    """
    from scipy.special import ndtr, stdtr

    if kind == "relative":
        ratio = 1 + math.copysign(1.0, arms.control) * bound
        distance, error = arms.treatment - ratio * arms.control, arms.contrast_error(ratio)
    else:
        distance, error = arms.difference - bound, arms.error
    if error == 0:
        return 0.0 if side * distance > 0 else 1.0
    score = -side * distance / error
    return float(ndtr(score) if math.isinf(arms.freedom) else stdtr(max(arms.freedom, 1.0), score))


def _checked(margin: float, kind: MarginKind) -> None:
    if kind not in get_args(MarginKind):
        raise UnknownName("kind of margin", kind, get_args(MarginKind))
    if not (math.isfinite(margin) and margin > 0):
        raise InvalidInput(f"The margin is {margin}; state how much is acceptable, as a number above 0.")
    if kind == "relative" and margin >= 1:
        raise InvalidInput(f"The relative margin {margin} would accept the loss of everything; 0.01 means 1 %.")


def _effect(arms: Arms, kind: MarginKind, level: float, unit: str, method: str) -> Effect | Refusal:
    if kind == "relative":
        return lift_of(arms, level=level, method=method)
    return difference_of(arms, level=level, unit=unit, method=method)


def noninferiority_of(
    arms: Arms,
    *,
    margin: float,
    kind: MarginKind,
    better: Literal["higher", "lower"] = "higher",
    level: float = 0.95,
    unit: str = "1",
    method: str,
) -> MarginTest | Refusal:
    """Test whether the treatment is not worse by the margin, from two arms' values of any kind.

    Args:
        arms: Two arms' values: means, ratios, adjusted ones.
        margin: See `noninferiority`.
        kind: See `noninferiority`.
        better: See `noninferiority`.
        level: See `noninferiority`.
        unit: Unit of the metric.
        method: How the values were computed, in a few words.
    """
    _checked(margin, kind)
    if better not in ("higher", "lower"):
        raise UnknownName("direction", better, ["higher", "lower"])
    found = _effect(arms, kind, check_level(level), unit, method)
    if isinstance(found, Refusal):
        return found
    alpha = (1 - level) / 2
    if better == "higher":
        return MarginTest(found, -margin, math.inf, _beyond(arms, -margin, kind, side=1), None, alpha)
    return MarginTest(found, -math.inf, margin, None, _beyond(arms, margin, kind, side=-1), alpha)


def noninferiority(
    *,
    control: Sample,
    treatment: Sample,
    margin: float,
    kind: MarginKind,
    better: Literal["higher", "lower"] = "higher",
    level: float = 0.95,
    unit: str = "1",
) -> MarginTest | Refusal:
    """Test whether the treatment is not worse than the control by more than a margin.

    The null is that it *is* worse by the margin or more; an unclear result does not show that it is safe. The
    one-sided test has error rate ``(1 - level) / 2``, so that it holds exactly where the two-sided interval of
    that level lies clear of the margin (ICH E9, section 5.5).

    Args:
        control: The control arm: moments, or one value per randomised unit.
        treatment: The treatment arm, the same.
        margin: How much worse is still acceptable, above 0.
        kind: ``"absolute"``, in the metric's unit, or ``"relative"``, a fraction of the control's mean: never guessed.
        better: Whether ``"higher"`` or ``"lower"`` values are better.
        level: Two-sided confidence level, a fraction in (0, 1).
        unit: Unit of the metric.

    Returns:
        The test, whose ``holds`` says whether non-inferiority is shown; or a refusal as `welch` gives or, for a
        relative margin, ``MEAN_TOO_CLOSE_TO_ZERO``.

    Raises:
        InvalidInput: a margin that is not above 0, a relative one of 1 or more, or a level outside (0, 1).
        UnknownName: an unknown kind or direction.

    Source:
        Welch's test of ``T - C + margin``; of a relative margin m, of ``T - (1 - m) C``, whose variance is ``v_t +
        (1 - m)² v_c`` (Hauschke, Kieser, Diletti & Burke 1999, Statistics in Medicine 18).

    Example:
        >>> from metricstack.core.values import Moments
        >>> a, b = Moments.of(400, 10.0, 4.0), Moments.of(400, 9.9, 4.0)
        >>> test = noninferiority(control=a, treatment=b, margin=0.5, kind="absolute")
        >>> test.holds, round(test.p_value, 4)  # (9.9 - 10 + 0.5) / 0.1414 = 2.828
        (True, 0.0024)
    """
    check_level(level)
    _checked(margin, kind)
    arms = arms_of_means(control=control, treatment=treatment)
    if isinstance(arms, Refusal):
        return arms
    return noninferiority_of(arms, margin=margin, kind=kind, better=better, level=level, unit=unit, method="Welch")


def equivalence_of(
    arms: Arms,
    *,
    margin: float,
    kind: MarginKind,
    upper: float | None = None,
    level: float = 0.95,
    unit: str = "1",
    method: str,
) -> MarginTest | Refusal:
    """Test whether the effect lies within a margin of 0, from two arms' values of any kind.

    Args:
        arms: Two arms' values: means, ratios, adjusted ones.
        margin: See `equivalence`.
        kind: See `equivalence`.
        upper: See `equivalence`.
        level: See `equivalence`.
        unit: Unit of the metric.
        method: How the values were computed, in a few words.
    """
    above = margin if upper is None else upper
    _checked(margin, kind)
    if not (math.isfinite(above) and above > 0):
        raise InvalidInput(f"The upper margin is {above}; state how much more is acceptable, as a number above 0.")
    if not 0.5 < check_level(level) < 1:
        raise InvalidInput(
            f"The level {level} leaves two one-sided tests of {1 - level:.3g} no interval; 0.95 is usual."
        )
    found = _effect(arms, kind, 2 * level - 1, unit, method)
    if isinstance(found, Refusal):
        return found
    low, high = _beyond(arms, -margin, kind, side=1), _beyond(arms, above, kind, side=-1)
    return MarginTest(found, -margin, above, low, high, 1 - level)


def equivalence(
    *,
    control: Sample,
    treatment: Sample,
    margin: float,
    kind: MarginKind,
    upper: float | None = None,
    level: float = 0.95,
    unit: str = "1",
) -> MarginTest | Refusal:
    """Test whether treatment and control are the same within a margin, by two one-sided tests.

    "Not significant" is no evidence of sameness. Both one-sided tests, each with error rate ``1 - level``, must
    reject; that is so exactly where the interval of level ``2 level - 1`` (0.90 for 0.95) lies within the margin.

    Args:
        control: The control arm: moments, or one value per randomised unit.
        treatment: The treatment arm, the same.
        margin: How far below the treatment may be, above 0; also how far above, unless ``upper`` is given.
        kind: ``"absolute"``, in the metric's unit, or ``"relative"``, a fraction of the control's mean: never guessed.
        upper: How far above it may be, above 0 (bioequivalence: 0.25 beside a relative margin of 0.2).
        level: One less the error rate of each test, a fraction in (0.5, 1).
        unit: Unit of the metric.

    Returns:
        The test, whose ``holds`` says whether equivalence is shown and whose ``p_value`` is the larger of the two;
        or a refusal as `noninferiority` gives.

    Raises:
        InvalidInput: a margin that is not above 0, a relative one of 1 or more, or a level outside (0.5, 1).
        UnknownName: an unknown kind.

    Source:
        Schuirmann (1987), J. Pharmacokinetics and Biopharmaceutics 15, 657-680, with Welch's variance.

    Example:
        >>> from metricstack.core.values import Moments
        >>> a, b = Moments.of(400, 10.0, 4.0), Moments.of(400, 10.1, 4.0)
        >>> test = equivalence(control=a, treatment=b, margin=0.5, kind="absolute")
        >>> test.holds, round(test.p_value, 4)
        (True, 0.0024)
    """
    check_level(level)
    _checked(margin, kind)
    arms = arms_of_means(control=control, treatment=treatment)
    if isinstance(arms, Refusal):
        return arms
    return equivalence_of(arms, margin=margin, kind=kind, upper=upper, level=level, unit=unit, method="Welch")
