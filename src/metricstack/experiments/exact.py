"""Exact tests of two shares, for arms so small that no approximation is to be trusted."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.values import Answer, Estimate, Reason, Refusal
from metricstack.experiments.arms import too_few
from metricstack.experiments.proportions import check_counts
from metricstack.numerics.intervals import check_level

__all__ = ["Alternative", "ExactMethod", "ExactTest", "exact_test"]

ExactMethod = Literal["fisher", "boschloo", "barnard"]
Alternative = Literal["two_sided", "greater", "less"]
_SIDES: dict[Alternative, Literal["two-sided", "greater", "less"]] = {
    "two_sided": "two-sided", "greater": "greater", "less": "less",
}  # fmt: skip
_MOST_TABLES = 250_000  # the unconditional tests look at every possible table, at many shares


@dataclass(frozen=True, slots=True)
class ExactTest:
    """An exact test's outcome.

    Args:
        p_value: Of equal shares, a fraction.
        difference: Treatment's share minus control's; its interval comes from `proportion_difference`.
        odds_ratio: Conditional estimate of the odds ratio (Fisher only), or why there is none.
        n: Units of both arms.
        method: Which test, and which alternative.
    """

    p_value: float
    difference: float
    odds_ratio: Answer | None
    n: int
    method: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "kind": "exact_test", "p_value": self.p_value, "difference": self.difference, "n": self.n,
            "odds_ratio": None if self.odds_ratio is None else self.odds_ratio.to_dict(), "method": self.method,
        }  # fmt: skip


def exact_test(
    *,
    control_successes: int,
    control_n: int,
    treatment_successes: int,
    treatment_n: int,
    method: ExactMethod = "fisher",
    alternative: Alternative = "two_sided",
    level: float = 0.95,
) -> ExactTest | Refusal:
    """Test whether two shares are equal with an error rate that is kept at every sample size.

    Fisher's test holds both totals fixed and is the one readers know; Boschloo's takes Fisher's p-value as a
    statistic and is never weaker; Barnard's does so with the score. The two unconditional ones search over every
    possible share and are for small arms only.

    Args:
        control_successes: Units of the control with the event.
        control_n: Units of the control.
        treatment_successes: Units of the treatment with the event.
        treatment_n: Units of the treatment.
        method: ``"fisher"``, ``"boschloo"`` or ``"barnard"``.
        alternative: ``"two_sided"``, or that the treatment's share is ``"greater"`` or ``"less"``.
        level: Two-sided confidence level of the odds ratio, a fraction in (0, 1).

    Returns:
        The test; or a refusal ``NO_DATA``, or ``NO_VARIATION`` where every unit of both arms answered alike.

    Raises:
        InvalidInput: counts that are not whole, negative or more than n, a level outside (0, 1), or arms too large
            for an unconditional test.
        UnknownName: an unknown method or alternative.

    Source:
        Fisher (1935), *The Design of Experiments*, section 5; Boschloo (1970), Statistica Neerlandica 24; Barnard
        (1947), Biometrika 34. The odds ratio is the conditional likelihood's, its interval Cornfield's (1956).

    Example:
        >>> tea = exact_test(
        ...     control_successes=1, control_n=4, treatment_successes=3, treatment_n=4, alternative="greater"
        ... )
        >>> round(tea.p_value, 6)  # 17 of 70
        0.242857
    """
    from scipy import stats

    check_level(level)
    x0, n0 = check_counts(control_successes, control_n, "control")
    x1, n1 = check_counts(treatment_successes, treatment_n, "treatment")
    for kind, name, known in (("method", method, ExactMethod), ("alternative", alternative, Alternative)):
        if name not in get_args(known):
            raise UnknownName(kind, name, get_args(known))
    if (refusal := too_few(control=n0, treatment=n1, needed=1)) is not None:
        return refusal
    if x0 + x1 in (0, n0 + n1):
        return Refusal(
            Reason.NO_VARIATION,
            f"every unit answered alike ({x0} of {n0} in control, {x1} of {n1} in treatment)",
            "Report the bound of each share, or of their difference with proportion_difference.",
        )
    side = _SIDES[alternative]
    table = np.array([[x1, x0], [n1 - x1, n0 - x0]])
    odds: Answer | None = None
    if method == "fisher":
        p = float(stats.fisher_exact(table, alternative=side).pvalue)
        odds = _odds_ratio(table, level)
    else:
        if (n0 + 1) * (n1 + 1) > _MOST_TABLES:
            raise InvalidInput(
                f"{method.capitalize()}'s test of {n0:,} and {n1:,} units looks at more than {_MOST_TABLES:,} tables. "
                "Use method 'fisher', or proportion_difference, which is accurate at such sizes."
            )
        test = stats.boschloo_exact if method == "boschloo" else stats.barnard_exact
        p = float(test(table, alternative=side).pvalue)
    words = f"{method.capitalize()}, {side}"
    return ExactTest(min(p, 1.0), x1 / n1 - x0 / n0, odds, n0 + n1, words)


def _odds_ratio(table: NDArray[np.int64], level: float) -> Answer:
    """Estimate the treatment's odds over the control's, both totals held fixed."""
    from scipy.stats.contingency import odds_ratio

    (x1, x0), (y1, y0) = table.tolist()
    if x0 == 0 or y1 == 0:
        return Refusal(
            Reason.UNDEFINED_RATIO,
            f"no unit with the event in control ({x0}) or none without it in treatment ({y1})",
            "Report the difference of the shares.",
        )
    found = odds_ratio(table, kind="conditional")
    bounds = found.confidence_interval(confidence_level=level)
    n = x0 + x1 + y0 + y1
    return Estimate(float(found.statistic), "1", n, "conditional", float(bounds.low), float(bounds.high), level)
