"""Rung A as evidence: a portfolio of tests, or a single test that moved both cause and effect."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.values import Check, Estimate, Provenance, Reason, Refusal
from metricstack.core.windows import Window
from metricstack.experiments.effect import Effect
from metricstack.linkage.evidence import Assumption, Diagnostic, Evidence, Rung, Sensitivity, Status, scaled
from metricstack.linkage.portfolio_result import EXCLUSION, PortfolioSlope
from metricstack.linkage.slopes import inverted
from metricstack.numerics.intervals import check_level, t_quantile
from metricstack.numerics.multiplicity import p_value

__all__ = ["portfolio_evidence", "single_test_evidence"]

_MOST_TESTS = 10_000
"""More A/B tests than this nobody runs: then the number says nothing but that."""


@dataclass(frozen=True)
class _Slope:
    """One slope of a portfolio, for one step."""

    slope: PortfolioSlope
    place: int
    step: float
    unit: str

    def at(self, level: float) -> Effect:
        return scaled(self.slope.at(level).effects[self.place], self.step, unit=self.unit)


def portfolio_evidence(
    found: PortfolioSlope | Refusal,
    *,
    step: float,
    unit: str = "1",
    cause: str | None = None,
    smallest_effect: float | None = None,
    tests: int | None = None,
    window: Window | None = None,
    provenance: Provenance | None = None,
) -> Evidence:
    """Turn a portfolio's slope into evidence on the scale of one step of the cause.

    Args:
        found: The slope, or why there is none.
        step: The named step of the cause, in its unit.
        unit: Unit of the effect metric.
        cause: Which of its causes; None = the first.
        smallest_effect: Smallest effect of a step that matters, to say how often such tests would show it.
        tests: How many tests there were, where there is no slope.
        window: The instants of the tests.
        provenance: Where the effects came from.

    Raises:
        UnknownName: the portfolio has no such cause.
    """
    origin = provenance or Provenance()
    if isinstance(found, Refusal):
        return Evidence(Rung.PORTFOLIO, "portfolio of tests", found, tests or 0, window=window, provenance=origin)
    if cause is not None and cause not in found.causes:
        raise UnknownName("cause of the portfolio", cause, found.causes)
    place = 0 if cause is None else found.causes.index(cause)
    again = _Slope(found, place, step, unit)
    required = {check.name for check in found.required}
    return Evidence(
        Rung.PORTFOLIO, found.effect.estimate.method, again.at(found.level), found.tests, found.effective_tests,
        assumptions=(
            Assumption("Units of every test were split at random.", Status.HELD, "by the design of the tests"),
            _exclusion(found.checks),
            Assumption(
                "A step of the cause is made as these tests made it.", Status.UNTESTED,
                "moved in other ways, or for other users, the same step may do more or less",
            ),
        ),
        diagnostics=tuple(Diagnostic(check, check.name in required) for check in found.checks),
        sensitivity=() if smallest_effect is None else _power(found, found.causes[place], smallest_effect / step),
        window=window, provenance=origin, intervals=again,
    )  # fmt: skip


def _power(found: PortfolioSlope, cause: str, slope: float) -> tuple[Sensitivity, ...]:
    """How often tests like these would show the smallest effect that matters."""
    power = found.power(slope, cause=cause)
    if isinstance(power, Refusal):
        return (Sensitivity("power", power),)
    more = f"{power.tests_needed:,} do" if power.tests_needed <= _MOST_TESTS else "no number that anyone runs does"
    detail = (
        f"{found.tests} such tests show the smallest effect that matters {power.power:.0%} of the time; "
        f"{more} so {power.wanted:.0%} of the time"
    )
    return (Sensitivity("power", detail=detail),)


def _exclusion(checks: Sequence[Check]) -> Assumption:
    """What is known of the one assumption: levers that disagree speak against it, and nothing proves it."""
    told = {check.name: check for check in checks}
    bent = [told[name] for name in ("levers_agree", "straight_line") if name in told and told[name].passed is False]
    if bent:
        return Assumption(EXCLUSION, Status.FAILED, bent[0].detail)
    levers = told.get("levers_agree")
    tried = f"; tried: {levers.detail}" if levers is not None and levers.passed else ""
    return Assumption(
        EXCLUSION, Status.UNTESTED,
        f"direct effects in proportion to the effect on the cause, alike in all kinds of tests, cannot be seen{tried}",
    )  # fmt: skip


@dataclass(frozen=True)
class _Quotient:
    """Effect on the outcome for one step of the cause, both moved by one change."""

    cause: Effect
    outcome: Effect
    together: float
    step: float

    def at(self, level: float) -> Effect:
        above, below = self.outcome, self.cause
        assert above.standard_error is not None
        assert below.standard_error is not None
        freedom = min(above.freedom, below.freedom)
        variances = ((above.standard_error * self.step) ** 2, below.standard_error**2, self.together * self.step)
        pieces = inverted(above.value * self.step, below.value, variances, t_quantile(level, freedom))
        estimate = Estimate(
            above.value * self.step / below.value, above.unit, above.n, "one test, effect per step of the cause",
            pieces[0][0], pieces[-1][1], level, pieces if len(pieces) > 1 else (),
        )  # fmt: skip
        return Effect(estimate, p_value(above.value, above.standard_error, above.freedom), None, freedom)


def single_test_evidence(
    cause: Effect,
    outcome: Effect,
    *,
    covariance: float,
    step: float,
    exclusion: str = "",
    level: float = 0.95,
    valid: Check | None = None,
    window: Window | None = None,
    provenance: Provenance | None = None,
) -> Evidence:
    """Turn one A/B test that moved both metrics into evidence on the scale of one step of the cause.

    It is of grade A for the change that it made. For the edge it is so only with a note that says why the change
    reaches the effect through this cause alone; without one it is graded as an association.

    Args:
        cause: The test's effect on the cause, with its standard error.
        outcome: Its effect on the effect metric.
        covariance: Sampling covariance of the two: they come from the same units.
        step: The named step of the cause, in its unit.
        exclusion: Why the change reaches the effect through the cause alone.
        level: Confidence level, a fraction in (0, 1).
        valid: Whether the comparison holds, as its readout says.
        window: The instants of the test.
        provenance: Where the effects came from.

    Raises:
        InvalidInput: effects without standard errors, or a covariance that is larger than these allow.

    Source:
        Fieller (1954) for the quotient; no effect per step is rejected exactly where the test's own effect on the
        outcome is not 0.

    Example:
        >>> from metricstack.experiments.effect import effect
        >>> moved, sold = (effect(v, e, n=4000, method="z") for v, e in ((0.10, 0.01), (0.02, 0.004)))
        >>> found = single_test_evidence(moved, sold, covariance=0.0, step=0.05)
        >>> round(found.estimate.value, 4), str(found.grade), found.wording
        (0.01, 'C', 'moved together in one test')
    """
    check_level(level)
    errors = (cause.standard_error, outcome.standard_error)
    if errors[0] is None or errors[1] is None or not errors[0] > 0 or not errors[1] > 0:
        raise InvalidInput("Both effects of a test need a standard error above 0.")
    if abs(covariance) > errors[0] * errors[1] * (1 + 1e-9):
        raise InvalidInput(f"The covariance {covariance} is larger than the standard errors allow.")
    origin = provenance or Provenance()
    clear = p_value(cause.value, errors[0], cause.freedom)
    detail = f"the test's effect on the cause is {abs(cause.value) / errors[0]:.1f} standard errors from 0"
    diagnostics = [Diagnostic(Check("cause_moved", passed=clear <= 1 - level, detail=detail), required=True)]
    if valid is not None:
        diagnostics.append(Diagnostic(valid, required=True))
    if cause.value == 0 or not math.isfinite(step / cause.value):
        nothing = Refusal(Reason.NO_VARIATION, "the test did not move the cause", "Use a test that did.")
        return Evidence(
            Rung.SINGLE_TEST, "one test", nothing, cause.n, diagnostics=tuple(diagnostics), exclusion=exclusion,
            window=window, provenance=origin,
        )  # fmt: skip
    again = _Quotient(cause, outcome, covariance, step)
    return Evidence(
        Rung.SINGLE_TEST, "one test, effect per step of the cause", again.at(level), outcome.n,
        assumptions=(
            Assumption("Units were split at random.", Status.HELD, "by the design of the test"),
            Assumption(
                "The change reaches the effect through this cause alone.", Status.UNTESTED,
                exclusion or "no reason is given",
            ),
        ),
        diagnostics=tuple(diagnostics), exclusion=exclusion, window=window, provenance=origin, intervals=again,
    )  # fmt: skip
