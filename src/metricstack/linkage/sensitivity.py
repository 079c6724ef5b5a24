"""How strong a hidden confounder would have to be to explain an effect away: robustness values and E-values."""

import math
from dataclasses import dataclass
from typing import Any, Literal

from metricstack.core.errors import InvalidInput
from metricstack.core.show import Shown
from metricstack.core.values import Check, Estimate, Finding, Grade
from metricstack.experiments.effect import Effect, Estimated
from metricstack.experiments.samples import check_choice
from metricstack.linkage.adjusted import AdjustedEffect
from metricstack.linkage.benchmarks import of_rows
from metricstack.linkage.linked import Linked
from metricstack.linkage.panel import PanelEffect
from metricstack.numerics.intervals import check_alpha, t_quantile

__all__ = ["EValue", "Robustness", "e_value", "robustness_value"]

Measure = Literal["risk_ratio", "odds_ratio", "rare_odds_ratio", "difference"]
_MEASURES = ("risk_ratio", "odds_ratio", "rare_odds_ratio", "difference")
_NO_EVIDENCE = "a large value is no evidence that there is no hidden confounder, only how strong it would have to be"


@dataclass(frozen=True, slots=True)
class Robustness(Shown):
    """How much of what is left of cause and outcome a hidden confounder must explain to change the conclusion.

    Args:
        value: Share of both that brings the effect down by the fraction q, a fraction.
        at_level: Share of both that makes it no longer significant at alpha; None where alpha was not given.
        partial_r2: Share of what is left of the outcome that the cause explains: a confounder that explains *all* of
            the outcome must explain as much of the cause.
        q: By what fraction of the effect.
        alpha: The test's error.
        freedom: Degrees of freedom.
        cause: Name of the cause, where it is known.
        outcome: Name of the outcome.
    """

    value: float
    at_level: float | None
    partial_r2: float
    q: float
    alpha: float | None
    freedom: float
    cause: str = ""
    outcome: str = ""

    @property
    def check(self) -> Check:
        """What it says, as a check that only informs."""
        told = f"a hidden confounder that explains {100 * self.value:.1f} % of what is left of cause and outcome would "
        told += "explain it away" if self.q == 1 else f"take {100 * self.q:g} % of it away"
        if self.at_level is not None:
            told += f", {100 * self.at_level:.1f} % would make it insignificant"
        return Check("robustness", passed=None, detail=told)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The value as a finding."""
        answer = Estimate(self.value, "fraction", max(round(self.freedom), 0), "robustness value")
        return (
            Finding(
                question="How much must a hidden confounder explain of both to explain the effect away?", answer=answer,
                subject=f"{self.cause} -> {self.outcome}" if self.cause else "", grade=Grade.C, checks=(self.check,),
                assumptions=(_NO_EVIDENCE,),
            ),
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "kind": "robustness", "value": self.value, "at_level": self.at_level, "partial_r2": self.partial_r2,
            "q": self.q, "alpha": self.alpha, "freedom": self.freedom, "cause": self.cause, "outcome": self.outcome,
        }  # fmt: skip


def robustness_value(
    found: Effect | float, freedom: float | None = None, *, q: float = 1.0, alpha: float | None = 0.05
) -> Robustness:
    """Give the share of what is left of cause *and* outcome that a hidden confounder must explain.

    Args:
        found: A t statistic, or an effect with its standard error. Of a `PanelEffect`, or an `AdjustedEffect` by
            regression, the statistic is that of independent rows of one variance, since the shares describe the rows;
            the test at alpha keeps its own error. Of another effect name the freedom.
        freedom: Degrees of freedom of the regression, rows less coefficients; known of these two.
        q: What fraction of the effect is to be explained away, above 0.
        alpha: Error of the test that is to fail; None leaves it out.

    Raises:
        InvalidInput: no degrees of freedom above 1, an effect without a standard error, q or alpha out of range.

    Source:
        Cinelli and Hazlett (2020), *Making sense of sensitivity: extending omitted variable bias*, sections 4.2 and
        4.3: with ``f = q |t| / sqrt(freedom)``, ``value = (sqrt(f^4 + 4 f^2) - f^2) / 2``; at alpha f is less by ``t* /
        sqrt(freedom - 1)``, and where ``f > sqrt(freedom - 1) / t*`` the cause alone decides.

    Derivation:
        With clustered errors the interval ends t* clustered errors from the estimate; in the same f that is ``t* s / (c
        sqrt(freedom))`` with s the clustered and c the plain standard error, taking s as it is.

    Example:
        >>> darfur = robustness_value(0.09731582 / 0.02325654, 783)  # violence and wish for peace
        >>> round(darfur.value, 3), round(darfur.at_level, 3), round(darfur.partial_r2, 3)
        (0.139, 0.076, 0.022)
    """
    if isinstance(found, Effect):
        plain, own = of_rows(found)
        freedom = own if freedom is None else freedom
        t = found.value / plain
    else:
        plain, t = None, float(found)
    if freedom is None or not (math.isfinite(freedom) and freedom > 1 and math.isfinite(t)):
        raise InvalidInput(f"A robustness value needs a finite t and degrees of freedom above 1; got {t}, {freedom}.")
    if not (math.isfinite(q) and q > 0):
        raise InvalidInput(f"The fraction q = {q} of the effect must be above 0.")
    f = q * abs(t) / math.sqrt(freedom)
    at_level = None
    if alpha is not None:
        check_alpha(alpha)
        edge = t_quantile(1 - alpha, freedom - 1) / math.sqrt(freedom - 1)
        if isinstance(found, PanelEffect | AdjustedEffect) and found.standard_error is not None and plain is not None:
            edge = t_quantile(1 - alpha, found.freedom) * found.standard_error / plain / math.sqrt(freedom)
        at_level = (f**2 - edge**2) / (1 + f**2) if f > 1 / edge else _value(max(f - edge, 0.0))
    names = (found.cause, found.outcome) if isinstance(found, Linked) else ("", "")
    return Robustness(_value(f), at_level, t**2 / (t**2 + freedom), q, alpha, float(freedom), *names)


def _value(f: float) -> float:
    return (math.sqrt(f**4 + 4 * f**2) - f**2) / 2


@dataclass(frozen=True, slots=True)
class EValue(Shown):
    """How strongly, as a risk ratio, a hidden confounder must go with both cause and outcome.

    Args:
        value: To explain the estimate away, 1 or more.
        bound: To move the nearer end of its interval to no effect; 1 where it holds no effect already, None without
            an interval.
        risk_ratio: The effect as a risk ratio.
        measure: What the effect was given as.
    """

    value: float
    bound: float | None
    risk_ratio: float
    measure: str

    @property
    def check(self) -> Check:
        """What it says, as a check that only informs."""
        told = f"a hidden confounder with risk ratios of {self.value:.2f} to cause and outcome would explain it away"
        return Check("e_value", None, told + ("" if self.bound is None else f", of {self.bound:.2f} its interval"))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The value as a finding."""
        return (
            Finding(
                question="How strong must a hidden confounder be?", answer=Estimate(self.value, "1", 0, "E-value"),
                grade=Grade.C, checks=(self.check,), assumptions=(_NO_EVIDENCE,),
            ),
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"kind": "e_value", "value": self.value, "bound": self.bound, "risk_ratio": self.risk_ratio,
                "measure": self.measure}  # fmt: skip


def e_value(
    value: Estimated | float,
    low: float | None = None,
    high: float | None = None,
    *,
    measure: Measure = "risk_ratio",
    sd: float | None = None,
) -> EValue:
    """Give the risk ratio that a hidden confounder must have with both cause and outcome to explain an effect away.

    Args:
        value: The effect; an answer brings its own interval.
        low: Lower end of its interval.
        high: Upper end.
        measure: ``"risk_ratio"``; ``"rare_odds_ratio"`` of an outcome below 15 %, taken for a risk ratio;
            ``"odds_ratio"`` of a common one, whose root is taken; ``"difference"`` of means, which needs ``sd``.
        sd: Standard deviation of the outcome, for a difference.

    Raises:
        InvalidInput: ratios that are not above 0, one end of an interval only, or a value outside it.
        UnknownName: a measure that is not known.

    Source:
        VanderWeele and Ding (2017), *Sensitivity analysis in observational research: introducing the E-value*: ``R +
        sqrt(R (R - 1))`` of a ratio R above 1, of its inverse below; table 2 for odds ratios and for differences, ``R =
        exp(0.91 d / sd)``.

    Example:
        >>> breastfeeding = e_value(3.9, 1.8, 8.7)  # bottle-fed infants' deaths
        >>> round(breastfeeding.value, 2), round(breastfeeding.bound, 1)
        (7.26, 3.0)
    """
    check_choice("measure", measure, _MEASURES)
    if isinstance(value, Estimated):
        found = value.estimate
        value, low, high = found.value, found.low, found.high
    if (low is None) != (high is None):
        raise InvalidInput("An interval has two ends; give low and high, or neither.")
    if measure == "difference" and (sd is None or not (math.isfinite(sd) and sd > 0)):
        raise InvalidInput(f"A difference needs the outcome's standard deviation sd above 0; got {sd}.")

    def ratio(given: float) -> float:
        if measure == "difference":
            return math.exp(0.91 * given / (sd or 1.0))
        if not given > 0:
            raise InvalidInput(f"A ratio is above 0; got {given}.")
        return math.sqrt(given) if measure == "odds_ratio" else given

    if low is not None and high is not None and not low <= value <= high:
        raise InvalidInput(f"The value {value} is outside its interval from {low} to {high}.")
    point, bound = ratio(value), None
    if low is not None and high is not None:
        near = ratio(low) if point > 1 else 1 / ratio(high)
        bound = _strength(near) if near > 1 else 1.0
    return EValue(_strength(max(point, 1 / point)), bound, point, measure)


def _strength(ratio: float) -> float:
    return ratio + math.sqrt(ratio * (ratio - 1))
