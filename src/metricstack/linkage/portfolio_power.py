"""What a portfolio of tests can find: how often a slope shows, and how many tests it would take."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from metricstack.core.errors import InvalidInput
from metricstack.core.show import Shown
from metricstack.core.units import write
from metricstack.core.values import Estimate, Finding
from metricstack.numerics.intervals import check_level, t_quantile

__all__ = ["PortfolioPower", "portfolio_power"]

_FEWEST = 4
_MOST = 10**9


@dataclass(frozen=True, slots=True)
class PortfolioPower(Shown):
    """How well a portfolio can tell a slope from none.

    Args:
        power: How often the interval leaves out 0 where the slope is as stated, a fraction.
        tests_needed: Tests of the same strength that reach the power wanted.
        wanted: That power.
        tests: How many tests the power is of.
        slope: The slope to find.
    """

    power: float
    tests_needed: int
    wanted: float
    tests: int
    slope: float

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The power that is there, and the tests that reach the power wanted."""
        method = "normal effects on both, Student's t interval"
        return (
            Finding(f"How often do {self.tests} tests show a slope of {write(self.slope, '1')}?",
                    Estimate(self.power, "fraction", self.tests, method)),
            Finding(f"How many tests show it {100 * self.wanted:g} % of the time?",
                    Estimate(float(self.tests_needed), "count", self.tests, method)),
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        names = ("power", "tests_needed", "wanted", "tests", "slope")
        return {"kind": "portfolio_power"} | {name: getattr(self, name) for name in names}


def portfolio_power(
    first_stage: float,
    tests: int,
    slope: float,
    *,
    noise: ArrayLike = ((1.0, 0.0), (0.0, 1.0)),
    direct_deviation: float = 0.0,
    wanted: float = 0.8,
    level: float = 0.95,
) -> PortfolioPower:
    """Say how often a portfolio finds a slope, and how many tests of its kind find it often enough.

    Args:
        first_stage: F, above 1: variance of the estimated effects on the cause ÷ their sampling variance.
        tests: How many tests there are, K.
        slope: The slope to find, outcome per one unit of the cause, not 0.
        noise: Mean sampling covariance of a test's effects on cause and outcome, shape (2, 2); as it stands, both
            have standard errors of 1 that do not go together.
        direct_deviation: Standard deviation of effects on the outcome by other ways, in its unit.
        wanted: The power to reach.
        level: Confidence level of the interval.

    Raises:
        InvalidInput: F not above 1, fewer than four tests, a slope of 0, or noise that is no covariance.

    Derivation:
        With t² = (F - 1) v_ss the variance of true effects, ``M_sy`` has the mean b t² and, of normal effects, the
        variance ``(Var s · Var y + Cov²) / (K - 1)``, where Var s = F v_ss, Var y = b² t² + d² + v_yy and
        Cov = b t² + v_sy. A slope is found where M_sy is t(K - 2) standard errors from 0.

    Example:
        >>> found = portfolio_power(3.0, 100, -0.3, noise=((1, 0.6), (0.6, 1)), direct_deviation=0.42)
        >>> round(found.power, 2), found.tests_needed
        (0.84, 92)
    """
    v = np.asarray(noise, dtype=np.float64)
    if not first_stage > 1 or not math.isfinite(first_stage):
        raise InvalidInput(f"The first stage F = {first_stage} is not above 1: such tests move the cause not at all.")
    if tests < _FEWEST:
        raise InvalidInput(f"A portfolio has {_FEWEST} tests or more; got {tests}.")
    if not (math.isfinite(slope) and slope != 0):
        raise InvalidInput(f"The slope to find is {slope}; it must be a number other than 0.")
    if v.shape != (2, 2) or v[0, 1] != v[1, 0] or not (v[0, 0] > 0 and float(np.linalg.eigvalsh(v)[0]) >= 0):
        raise InvalidInput(f"The noise {v.tolist()} is no covariance of a cause with noise and an outcome.")
    if not 0 < wanted < 1 or direct_deviation < 0:
        raise InvalidInput("The power wanted lies in (0, 1), and a standard deviation is not below 0.")
    check_level(level)
    moved = (first_stage - 1) * float(v[0, 0])
    variance = first_stage * float(v[0, 0]) * (slope * slope * moved + direct_deviation**2 + float(v[1, 1]))
    together = slope * moved + float(v[0, 1])
    distance = abs(slope) * moved / math.sqrt(variance + together * together)
    low, needed = _FEWEST - 1, _FEWEST
    while _power(distance, needed, level) < wanted and needed < _MOST:
        low, needed = needed, 2 * needed
    while needed - low > 1:
        middle = (low + needed) // 2
        low, needed = (low, middle) if _power(distance, middle, level) >= wanted else (middle, needed)
    return PortfolioPower(_power(distance, tests, level), needed, wanted, tests, slope)


def _power(distance: float, tests: int, level: float) -> float:
    from scipy.special import ndtr

    reach, away = t_quantile(level, tests - 2), distance * math.sqrt(tests - 1)
    return float(ndtr(away - reach) + ndtr(-away - reach))
