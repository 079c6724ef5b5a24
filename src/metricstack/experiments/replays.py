"""A/A tests replayed many times: do tests of nothing err as often as they should?"""

from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from metricstack.core.values import Check, Estimate, Reason, Refusal
from metricstack.experiments.families import as_p_values
from metricstack.numerics.intervals import check_alpha, check_level

__all__ = ["AAVerdict", "aa_verdict"]

_FEWEST = 20  # replays below which an error rate of 5 % cannot be told from one of 20 %


@dataclass(frozen=True, slots=True)
class AAVerdict:
    """Whether tests of nothing err as often as they should.

    Args:
        rate: False-positive rate with its exact interval.
        alpha: The rate that it should have.
        uniformity_p: Of the p-values being uniform.
        verdict: ``"inflated"`` (more errors than alpha), ``"conservative"`` (fewer), ``"uneven"`` (the rate holds,
            but the p-values are not uniform), or ``"calibrated"``.
    """

    rate: Estimate
    alpha: float
    uniformity_p: float
    verdict: str

    @property
    def check(self) -> Check:
        """The verdict as a check: too few errors waste power, they do not deceive."""
        note = f"{100 * self.rate.value:.1f} % of {self.rate.n:,} at {100 * self.alpha:g} %: {self.verdict}"
        return Check("a_a", passed=self.verdict in ("calibrated", "conservative"), detail=note)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "kind": "a_a", "rate": self.rate.to_dict(), "alpha": self.alpha, "uniformity_p": self.uniformity_p,
            "verdict": self.verdict,
        }  # fmt: skip


def aa_verdict(p_values: ArrayLike, *, alpha: float = 0.05, level: float = 0.99) -> AAVerdict | Refusal:
    """Tell whether the p-values of replayed A/A tests are what they claim.

    Args:
        p_values: One per replay, independent, shape (replays,).
        alpha: The false-positive rate that is claimed.
        level: Confidence level of the rate's interval, and 1 - error of the test of uniformity: high, since the
            verdict should hold for platforms that are checked often.

    Returns:
        The verdict; or a refusal with reason ``TOO_FEW_UNITS`` below 20 replays.

    Raises:
        InvalidInput: p-values that are missing or outside [0, 1], alpha or level outside (0, 1).

    Source:
        Clopper and Pearson (1934) for the interval; Kolmogorov and Smirnov's exact one-sample test for uniformity.

    Example:
        >>> even = [(k + 0.5) / 100 for k in range(100)]
        >>> found = aa_verdict(even)
        >>> found.rate.value, round(found.rate.low, 4), round(found.rate.high, 4), found.verdict
        (0.05, 0.0109, 0.1351, 'calibrated')
    """
    from scipy.special import betaincinv
    from scipy.stats import kstest

    check_level(level)
    check_alpha(alpha)
    p = as_p_values(p_values)
    n = len(p)
    if n < _FEWEST:
        return Refusal(Reason.TOO_FEW_UNITS, f"{n} replays; {_FEWEST} are needed", "Replay more A/A tests.")
    errors, tail = int((p <= alpha).sum()), (1 - level) / 2
    low = float(betaincinv(errors, n - errors + 1, tail)) if errors else 0.0
    high = float(betaincinv(errors + 1, n - errors, 1 - tail)) if errors < n else 1.0
    uniform = float(kstest(p, "uniform").pvalue)
    if low > alpha:
        verdict = "inflated"
    elif high < alpha:
        verdict = "conservative"
    else:
        verdict = "calibrated" if uniform >= 1 - level else "uneven"
    rate = Estimate(errors / n, "fraction", n, "exact binomial", low, high, level)
    return AAVerdict(rate, alpha, uniform, verdict)
