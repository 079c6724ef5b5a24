"""Triggered analysis: the effect on those whom the change can reach, and what it comes to for everyone."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput
from metricstack.core.show import Shown
from metricstack.core.values import Check, Estimate, Finding, Moments, Refusal
from metricstack.experiments.arms import Sample, moments_of, too_few
from metricstack.experiments.effect import Effect
from metricstack.experiments.everyone import Layer, arms_of_everyone, triggered_alike
from metricstack.experiments.lift import difference_of
from metricstack.experiments.means import welch
from metricstack.experiments.proportions import check_counts, single_proportion
from metricstack.experiments.ratios import linearised, ratio_difference
from metricstack.numerics.intervals import check_level

__all__ = ["EVERYONE", "Diluted", "dilute", "diluted", "diluted_ratio"]


@dataclass(frozen=True, slots=True)
class Diluted(Shown):
    """An effect on the triggered, and on everyone.

    Args:
        triggered: Effect per triggered unit.
        everyone: Effect per assigned unit, triggered or not.
        share: Share of the assigned units that were triggered.
        checks: Whether the arms were triggered alike.
    """

    triggered: Effect
    everyone: Effect
    share: Estimate
    checks: tuple[Check, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The effect on the triggered, then the one on everyone."""
        answers = (self.triggered.estimate, self.everyone.estimate)
        return tuple(Finding(question="", answer=answer, checks=self.checks) for answer in answers)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "kind": "diluted", "triggered": self.triggered.to_dict(), "everyone": self.everyone.to_dict(),
            "share": self.share.to_dict(), "checks": [check.to_dict() for check in self.checks],
        }  # fmt: skip


def diluted(
    *, control: Sample, treatment: Sample, control_n: int, treatment_n: int, level: float = 0.95, unit: str = "1"
) -> Diluted | Refusal:
    """Estimate the effect on the triggered units, and on everyone, with the share triggered uncertain.

    Units that never met the change only add noise: compare those that did, or would have, and multiply by their
    share. It holds where the rest is untouched and the trigger does not depend on the arm; that both arms were
    triggered alike is checked.

    Args:
        control: The control's triggered units: moments, or one value per unit.
        treatment: The treatment's triggered units, the same.
        control_n: All units assigned to control, triggered or not.
        treatment_n: All units assigned to treatment.
        level: Two-sided confidence level, a fraction in (0, 1).
        unit: Unit of the metric.

    Returns:
        Both effects and the share; the p-value of both is the triggered one's, since without an effect on the
        triggered there is none on everyone. Or a refusal ``NO_DATA``, ``TOO_FEW_UNITS`` or ``NO_VARIATION``.

    Raises:
        InvalidInput: fewer units assigned than triggered, or a level outside (0, 1).

    Derivation:
        With d the triggered effect and s the share of N units, independent since the trigger does not know the
        arm: ``Var(s d) = s² Var(d) + d² s (1 - s) / N``, of first order.

    Source:
        Deng & Hu (2015), "Diluted Treatment Effect Estimation for Trigger Analysis in Online Controlled
        Experiments", WSDM.

    Example:
        >>> from metricstack.core.values import Moments
        >>> found = diluted(
        ...     control=Moments.of(500, 10.0, 4.0), treatment=Moments.of(500, 10.5, 4.0),
        ...     control_n=5000, treatment_n=5000,
        ... )
        >>> round(found.triggered.value, 4), round(found.everyone.value, 4), found.share.value
        (0.5, 0.05, 0.1)
    """
    check_level(level)
    a, b = moments_of(control, "control"), moments_of(treatment, "treatment")
    all_a, all_b = _assigned(a.n, control_n, "control"), _assigned(b.n, treatment_n, "treatment")
    if (refusal := too_few(control=a.n, treatment=b.n)) is not None:
        return refusal
    triggered = welch(control=a, treatment=b, level=level, unit=unit)
    share = single_proportion(successes=a.n + b.n, n=all_a + all_b, level=level)
    if isinstance(triggered, Refusal):
        return triggered
    assert isinstance(share, Estimate)
    everyone = dilute(triggered, ((a.n, all_a), (b.n, all_b)))
    return Diluted(triggered, everyone, share, everyone.checks)


def diluted_ratio(
    *,
    control: Sample,
    treatment: Sample,
    control_rest: Sample | None,
    treatment_rest: Sample | None,
    level: float = 0.95,
    unit: str = "1",
) -> Diluted | Refusal:
    """Estimate the effect on a ratio of sums of the triggered units, and of everyone.

    The share of triggered units times their effect is not everyone's: triggered units may have more of the denominator
    than others, and the treatment may give them more. So what the others do is needed, too; see `arms_of_everyone`.

    Args:
        control: The control's triggered units: numerator and denominator per unit, as `ratio_difference` takes them.
        treatment: The treatment's triggered units, the same.
        control_rest: The control's other units, the same; None where every unit was triggered.
        treatment_rest: The treatment's other units.
        level: Two-sided confidence level, a fraction in (0, 1).
        unit: Unit of the ratio.

    Returns:
        Both effects and the share, with checks that arms were triggered alike and that the others did alike. Each
        effect has its own p-value: a treatment that changes how much triggered units count moves everyone's ratio and
        not theirs. Or a refusal as `ratio_difference` gives it.

    Raises:
        InvalidInput: not two variables of the same names, or a level outside (0, 1).

    Source:
        Deng & Hu (2015), as `diluted`; the variance is derived at `arms_of_everyone`.

    Example:
        >>> a = {"wins": [1, 2, 3, 4], "runs": [10, 10, 20, 20]}
        >>> b = {"wins": [2, 3, 4, 5], "runs": [10, 10, 20, 20]}
        >>> rest = {"wins": [1, 0, 1, 0], "runs": [5, 5, 5, 5]}
        >>> found = diluted_ratio(control=a, treatment=b, control_rest=rest, treatment_rest=rest)
        >>> round(found.triggered.value, 4), round(found.everyone.value, 4)  # 14/60 - 10/60; 16/80 - 12/80
        (0.0667, 0.05)
    """
    check_level(level)
    triggered = ratio_difference(control=control, treatment=treatment, level=level, unit=unit)
    if isinstance(triggered, Refusal):
        return triggered
    samples = (("control", control), ("treatment", treatment), ("control", control_rest), ("treatment", treatment_rest))
    moments = [None if one is None else moments_of(one, arm) for arm, one in samples]
    a, b, rest_a, rest_b = moments
    assert a is not None
    assert b is not None
    for one in (rest_a, rest_b):
        if one is not None and one.names != a.names:
            raise InvalidInput(f"Triggered units have {a.names}, others {one.names}; give all the same two variables.")
    layer = Layer(a, b, rest_a, rest_b)

    def ratio(one: Moments, arm: str) -> tuple[float, NDArray[np.float64]] | Refusal:
        return linearised(one, 0, 1, arm=arm, level=level)

    found = arms_of_everyone([layer], ratio)
    if isinstance(found, Refusal):
        return found
    arms, checks = found
    everyone = difference_of(arms, level=level, unit=unit, method=EVERYONE, checks=checks)
    if isinstance(everyone, Refusal):
        return everyone
    share = single_proportion(successes=layer.triggered, n=layer.n, level=level)
    assert isinstance(share, Estimate)
    return Diluted(triggered, everyone, share, checks)


EVERYONE = "delta method over triggered and other units"
"""How an effect on everyone is found that is not made of one sum."""


def dilute(triggered: Effect, units: tuple[tuple[int, int], ...]) -> Effect:
    """Spread an effect per triggered unit over everyone; the interval is as wide, in standard errors, as it was.

    Args:
        triggered: Effect on a mean per unit, of triggered units.
        units: Units triggered and units assigned, of control and of treatment.

    Example:
        >>> from metricstack.experiments.effect import effect
        >>> found = dilute(effect(0.5, 0.1, n=1000, method="Welch"), ((500, 5000), (500, 5000)))
        >>> round(found.value, 4), round(found.standard_error, 6)  # (0.1 · 0.1)² + 0.5² · 0.1 · 0.9 / 10000
        (0.05, 0.010112)
    """
    (a, all_a), (b, all_b) = units
    n = all_a + all_b
    s, d, own = (a + b) / n, triggered.value, triggered.standard_error or 0.0
    error = math.sqrt((s * own) ** 2 + d**2 * s * (1 - s) / n)
    reach = (triggered.estimate.half_width or 0.0) / own * error if own else 0.0
    low, high = s * d - reach, s * d + reach
    # Everyone is touched exactly where the triggered are: the interval takes its side from them.
    if triggered.low is not None and triggered.low > 0:
        low = max(low, 0.0)
    if triggered.high is not None and triggered.high < 0:
        high = min(high, 0.0)
    estimate = Estimate(s * d, triggered.unit, n, "triggered effect times share", low, high, triggered.estimate.level)
    return Effect(estimate, triggered.p_value, error, triggered.freedom, (triggered_alike(a, all_a, b, all_b),))


def _assigned(triggered: int, assigned: int, arm: str) -> int:
    if assigned < triggered:
        raise InvalidInput(f"{triggered} units of the {arm} were triggered, {assigned} assigned; count every one.")
    return check_counts(triggered, assigned, arm)[1]
