"""What a change does to everyone's metric, where only some could meet it: from the sums of both kinds of units."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from metricstack.core.values import Check, Moments, Refusal
from metricstack.experiments.arms import Arms, linear_variance
from metricstack.experiments.strata import arms_in_strata
from metricstack.numerics.intervals import Spread
from metricstack.numerics.multiplicity import p_value
from metricstack.numerics.proportions import difference_score

__all__ = ["Layer", "Linear", "arms_of_everyone", "triggered_alike"]

Vector = NDArray[np.float64]
Linear = Callable[[Moments, str], tuple[float, Vector] | Refusal]
"""A metric of an arm (its joint moments, its name), and the weight of each variable in what one unit adds to it."""
_UNLIKE = 0.001


@dataclass(frozen=True, slots=True)
class Layer:
    """The units that were assigned by one allocation: those that met the change, or would have, and the rest.

    Args:
        control: Joint moments of the control's triggered units.
        treatment: Those of the treatment's.
        control_rest: Those of the control's other units; None where there are none.
        treatment_rest: Those of the treatment's other units.
    """

    control: Moments
    treatment: Moments
    control_rest: Moments | None = None
    treatment_rest: Moments | None = None

    @property
    def triggered(self) -> int:
        """Triggered units of both arms."""
        return self.control.n + self.treatment.n

    @property
    def rest(self) -> Moments | None:
        """The other units of both arms, which are one population: nothing was done to them."""
        both = [one for one in (self.control_rest, self.treatment_rest) if one is not None]
        return reduce(Moments.merge, both) if both else None

    @property
    def n(self) -> int:
        """All units of both arms."""
        return self.triggered + sum(one.n for one in (self.control_rest, self.treatment_rest) if one is not None)


def arms_of_everyone(layers: Sequence[Layer], linear: Linear) -> tuple[Arms, tuple[Check, ...]] | Refusal:
    """Put two arms side by side as if each had everyone: its own triggered units, and the rest of both arms.

    A ratio over everyone is not the triggered one times their share: a triggered unit may weigh more, or less, than
    another, and the treatment may change its weight. So the sums are put together, and the metric is found from them.
    What the rest does is the same in both arms but for chance: taking both arms' rest for either takes that chance out,
    and so does one share of triggered units for both.

    Args:
        layers: The units of each allocation; all moments have the same variables.
        linear: The metric.

    Returns:
        The arms, and whether they were triggered alike and their rest did alike; or the refusal of ``linear``.

    Derivation:
        With q the share of a kind of unit among all N (triggered or not, by layer), an arm's sums per unit are
        ``m = sum(q mu)``, where mu of the rest is one for both arms, and the metric f moves by ``w' dm`` in the first
        order, w its gradient at m. So ``f_t - f_c`` moves by what two post-stratified means of ``w' y`` do, the strata
        being the kinds, with the shares uncertain: ``sum(q² V) + sum(q (a - a_mean)²) / N``, where a is
        ``w_t' mu_t - w_c' mu_c`` of a kind and V the variance of its estimate, of the rest that of ``(w_t - w_c)' y``.

    Source:
        Deng & Hu (2015), "Diluted Treatment Effect Estimation for Trigger Analysis in Online Controlled
        Experiments", WSDM, for what is asked; the variance is the derivation's.
    """
    n = sum(layer.n for layer in layers)
    found = []
    for arm in ("control", "treatment"):
        means = np.zeros(len(layers[0].control.means))
        own: list[Moments] = []
        for layer in layers:
            triggered, rest = getattr(layer, arm), layer.rest
            means += layer.triggered / n * triggered.means
            means += 0.0 if rest is None else rest.n / n * rest.means
            own += [one for one in (triggered, getattr(layer, f"{arm}_rest")) if one is not None]
        whole = reduce(Moments.merge, own)
        told = linear(Moments(whole.n, means, whole.cross, whole.names), arm)
        if isinstance(told, Refusal):
            return told
        found.append(told)
    (control, by_control), (treatment, by_treatment) = found
    strata = []
    for layer in layers:
        sides = ((layer.control, by_control), (layer.treatment, by_treatment))
        a, b = (Spread(linear_variance(one, weights) / one.n, one.n - 1) for one, weights in sides)
        values = [float(weights @ one.means) for one, weights in sides]
        strata.append(Arms.independent(control=values[0], treatment=values[1], spreads=(a, b), n=layer.triggered))
        if (rest := layer.rest) is not None:
            strata.append(_rest(rest, by_control, by_treatment))
    arms = replace(arms_in_strata(strata), control=control, treatment=treatment)
    counts = [
        (sum(getattr(layer, arm).n for layer in layers), sum(_all(layer, arm) for layer in layers))
        for arm in ("control", "treatment")
    ]
    checks = (triggered_alike(*counts[0], *counts[1]), *_rest_alike(layers, by_control))
    return arms, checks


def _all(layer: Layer, arm: str) -> int:
    rest: Moments | None = getattr(layer, f"{arm}_rest")
    own: Moments = getattr(layer, arm)
    return own.n + (0 if rest is None else rest.n)


def _rest(rest: Moments, by_control: Vector, by_treatment: Vector) -> Arms:
    """The rest of both arms, which counts for either: its two values vary together."""
    each = [linear_variance(rest, weights) / rest.n for weights in (by_control, by_treatment)]
    shared = float(by_control @ rest.cross @ by_treatment) / max(rest.n - 1, 1) / rest.n
    values = [float(weights @ rest.means) for weights in (by_control, by_treatment)]
    return Arms(values[0], values[1], each[0], each[1], shared, max(rest.n - 1, 1), rest.n)


def _rest_alike(layers: Sequence[Layer], weights: Vector) -> tuple[Check, ...]:
    """Check that the rest of both arms did alike: a rest that the change reached is none."""
    difference, variance = 0.0, 0.0
    for layer in layers:
        a, b = layer.control_rest, layer.treatment_rest
        if a is None or b is None or min(a.n, b.n) < 2:
            continue
        share = (a.n + b.n) / sum(one.n for one in layers)
        difference += share * float(weights @ (b.means - a.means))
        variance += share**2 * sum(linear_variance(one, weights) / one.n for one in (a, b))
    if variance == 0:
        return ()
    p = p_value(difference, variance**0.5, np.inf)
    detail = f"units that were not triggered did alike in both arms, as they should (p = {p:.2g})"
    unlike = f"units that were not triggered did otherwise in treatment than in control, p = {p:.2g}"
    return (Check("rest_alike", p >= _UNLIKE, detail if p >= _UNLIKE else unlike),)


def triggered_alike(a: int, all_a: int, b: int, all_b: int) -> Check:
    """Check that both arms were triggered alike: a trigger that the treatment moves selects other units.

    Args:
        a: Triggered units of control.
        all_a: All units of control.
        b: Triggered units of the treatment.
        all_b: All units of the treatment.
    """
    score = float(difference_score(*(np.array([float(count)]) for count in (a, all_a, b, all_b, 0)))[0])
    detail = f"triggered: {a} of {all_a} in control, {b} of {all_b} in treatment"
    if np.isnan(score):
        return Check("triggered_alike", True, f"{detail}; every unit")
    p = p_value(score, 1.0, np.inf)
    return Check("triggered_alike", p >= _UNLIKE, f"{detail}, p = {p:.2g}")
