"""What a portfolio of tests says: slopes with their sets, what was checked, and whether a verdict may rest on them."""

import math
from dataclasses import dataclass, field, replace
from typing import Any

from metricstack.core.errors import UnknownName
from metricstack.core.values import Check, Estimate, Finding, Grade, Reason, Refusal
from metricstack.experiments.effect import Effect, Headed, effect
from metricstack.linkage.portfolio_checks import DirectEffects, FirstStage
from metricstack.linkage.portfolio_power import PortfolioPower, portfolio_power
from metricstack.linkage.slopes import inverted
from metricstack.numerics.intervals import check_level, t_quantile
from metricstack.numerics.multiplicity import p_value

__all__ = ["EXCLUSION", "FEWEST_TESTS", "WEAKEST_FIRST_STAGE", "PortfolioSlope", "Quotient"]

FEWEST_TESTS = 20
"""Tests below which a slope carries no verdict."""
WEAKEST_FIRST_STAGE = 3.0
"""First-stage F below which a slope carries no verdict."""
EXCLUSION = "What a test did to the outcome by other ways does not go with what it did to the cause."
_REQUIRED = ("first_stage", "enough_tests", "levers_agree", "noise_subtracted")


@dataclass(frozen=True, slots=True)
class Quotient:
    """One slope and what is known of it: a quotient with its (co)variances, or a number with its error."""

    value: float
    above: float
    below: float
    variances: tuple[float, float, float]
    error: float | None

    def rescaled(self, by: float) -> "Quotient":
        """Return the slope in other units."""
        v, w, c = self.variances
        error = None if self.error is None else self.error * by
        return Quotient(self.value * by, self.above * by, self.below, (v * by * by, w, c * by), error)

    def effect(self, *, freedom: int, level: float, unit: str, n: int, method: str) -> Effect:
        """Return it with its interval: symmetric where there is an error, else all that is not rejected."""
        if self.error is not None:
            return effect(self.value, self.error, freedom=freedom, level=level, unit=unit, n=n, method=method)
        pieces = inverted(self.above, self.below, self.variances, t_quantile(level, freedom))
        parts = pieces if len(pieces) > 1 else ()
        estimate = Estimate(self.value, unit, n, method, pieces[0][0], pieces[-1][1], level, parts)
        return Effect(estimate, p_value(self.above, math.sqrt(max(self.variances[0], 0.0)), freedom), None, freedom)


@dataclass(frozen=True)
class PortfolioSlope(Headed):
    """What a portfolio of tests says of one or more causes.

    Args:
        method: How they were estimated, as `portfolio.METHODS` names it.
        causes: Names of the causes.
        outcome: Name of the outcome.
        tests: How many tests, K.
        effective_tests: As many equally weighted tests as these are worth.
        effects: The slope of each cause, in the outcome's unit per one unit of the cause, the other causes held.
        first_stage: How strongly the tests moved each cause.
        direct: What the tests did to the outcome by other ways.
        without: The slopes without each test in turn, K rows, one column for each cause.
        checks: What was tested; those of `required` take the verdict away where they fail.
        level: Confidence level of the intervals.
        noise: Mean sampling covariance of the outcome with each cause and, last, with itself.
        quotients: What the intervals are made of.
    """

    method: str
    causes: tuple[str, ...]
    outcome: str
    tests: int
    effective_tests: float
    effects: tuple[Effect, ...]
    first_stage: tuple[FirstStage, ...]
    direct: DirectEffects
    without: tuple[tuple[float, ...], ...]
    checks: tuple[Check, ...]
    level: float
    noise: tuple[float, ...]
    quotients: tuple[Quotient, ...] = field(repr=False)

    @property
    def effect(self) -> Effect:
        """The slope of the first cause."""
        return self.effects[0]

    @property
    def required(self) -> tuple[Check, ...]:
        """The checks without which a slope carries no verdict."""
        return tuple(check for check in self.checks if check.name in _REQUIRED)

    @property
    def verdict_allowed(self) -> bool:
        """True where no required check failed."""
        return all(check.passed is not False for check in self.required)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One finding for each cause: of grade A where a verdict may rest on it, else of none."""
        grade = Grade.A if self.verdict_allowed else Grade.NONE
        return tuple(
            Finding(
                f"What one more of {name} does to {self.outcome}, over {self.tests} tests", found.estimate,
                f"{name} -> {self.outcome}", grade=grade, checks=self.checks, assumptions=(EXCLUSION,),
            )
            for name, found in zip(self.causes, self.effects, strict=True)
        )  # fmt: skip

    def at(self, level: float) -> "PortfolioSlope":
        """Return the same slopes with intervals of another level."""
        check_level(level)
        effects = tuple(
            one.effect(freedom=int(old.freedom), level=level, unit=old.unit, n=old.n, method=old.estimate.method)
            for one, old in zip(self.quotients, self.effects, strict=True)
        )
        return replace(self, effects=effects, level=level)

    def power(self, slope: float, *, cause: str | None = None, wanted: float = 0.8) -> PortfolioPower | Refusal:
        """Say how often tests like these would show a slope, and how many would do so often enough.

        Args:
            slope: The slope to find, not 0, in the unit of `effects`.
            cause: Of which cause; None = the first.
            wanted: The power to reach.

        Returns:
            The power, with the direct effects that were seen (of several causes about); or a refusal with reason
            ``NOT_MEASURED`` where the tests' noise is not known, or is none.
        """
        if cause is not None and cause not in self.causes:
            raise UnknownName("cause of the portfolio", cause, self.causes)
        place = 0 if cause is None else self.causes.index(cause)
        stage = self.first_stage[place]
        if stage.strength is None or not stage.noise or not stage.strength > 1:
            return Refusal(Reason.NOT_MEASURED, "the tests' noise is not known, or there is none", "Give covariances.")
        both = math.sqrt(stage.noise * self.noise[-1])
        together = min(max(self.noise[place], -both), both)
        return portfolio_power(
            stage.strength, max(round(self.effective_tests), 4), slope,
            noise=((stage.noise, together), (together, self.noise[-1])), direct_deviation=self.direct.deviation,
            wanted=wanted, level=self.level,
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "kind": "portfolio_slope", "method": self.method, "outcome": self.outcome, "tests": self.tests,
            "effective_tests": self.effective_tests,
            "slopes": {name: one.to_dict() for name, one in zip(self.causes, self.effects, strict=True)},
            "first_stage": [stage.to_dict() for stage in self.first_stage], "direct": self.direct.to_dict(),
            "checks": [check.to_dict() for check in self.checks], "verdict_allowed": self.verdict_allowed,
        }  # fmt: skip
