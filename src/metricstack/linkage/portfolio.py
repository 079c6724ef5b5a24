"""Many past A/B tests as one: what an effect on a cause does to an outcome, with the tests' noise taken out.

Every test estimates its effect on both metrics from the same units, so that their errors go together. A scatter plot
of effect on effect therefore shows the noise's slope as much as the cause's, and with weak tests mostly that.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metricstack.core.errors import UnknownName
from metricstack.core.values import Check, Reason, Refusal
from metricstack.linkage.portfolio_checks import (
    DirectEffects,
    FirstStage,
    direct_effects,
    first_stages,
    influence_check,
    lever_check,
    line_check,
)
from metricstack.linkage.portfolio_input import read_tests
from metricstack.linkage.portfolio_result import FEWEST_TESTS, WEAKEST_FIRST_STAGE, PortfolioSlope, Quotient
from metricstack.linkage.slopes import Moved, concentrated, covariance, least_ratio, moved, moved_without
from metricstack.numerics.intervals import check_level

__all__ = ["METHODS", "portfolio_slope"]

Array = NDArray[np.float64]
METHODS = ("noise_subtracted", "liml", "split", "naive")
INTERVALS = ("inverted", "jackknife")
_TOLD = {
    "noise_subtracted": "portfolio of tests, noise subtracted",
    "liml": "portfolio of tests, limited information",
    "split": "portfolio of tests, split samples",
    "naive": "portfolio of tests, naive: biased by the tests' noise",
}


def portfolio_slope(
    effects: ArrayLike,
    covariances: ArrayLike | None,
    method: str = "noise_subtracted",
    *,
    names: Sequence[str] = (),
    cause: Sequence[int | str] | None = None,
    outcome: int | str = -1,
    split: tuple[ArrayLike, ArrayLike] | None = None,
    weights: ArrayLike | str = "precision",
    levers: Sequence[str] | None = None,
    tests: Sequence[str] | None = None,
    through_origin: bool = False,
    interval: str = "inverted",
    level: float = 0.95,
    unit: str = "1",
) -> PortfolioSlope | Refusal:
    """Estimate what moving a cause does to an outcome from what many A/B tests did to both.

    The line has a height of its own (effects are taken about their means), so that direct effects that are not 0 on
    average, as of changes that all cost some latency, do not turn it; the height is then told as a check. Through
    the origin it is more precise and needs those to be 0 on average, but swapping the arms of a test changes nothing.

    Args:
        effects: Treatment less control of each test on each metric, shape (K, m), float64, no NaN.
        covariances: Sampling covariance of the effects of each test, between metrics too, shape (K, m, m). None is
            allowed for ``"split"``, which finds the noise in its halves, and ``"naive"``, which takes none out.
        method: ``"noise_subtracted"``: the covariance over tests less the mean one within them. ``"liml"``: total
            least squares by that mean noise (not by each test's own, as York's line is), surer where there are no
            direct effects at all, and biased where there are. ``"split"``: the mean product of one half's effect with
            the other half's. ``"naive"``: the regression of effects on effects, to show its bias.
        names: Names of the m metrics; where left out, the columns' of a table of effects, or their positions.
        cause: Metrics that are causes, by name or position; None = all but the outcome.
        outcome: The metric that they act on.
        split: Effects by two random halves of each test's units, each of shape (K, m), for ``"split"``.
        weights: Weight of each test: ``"precision"``, by its sampling variances, which is equal weights where these
            are, and else far surer; ``"equal"``, also what split samples and naive slopes have; or numbers above 0,
            shape (K,), that do not depend on the effects.
        levers: Kind of change of each test, K of them, to test whether they agree on the slope.
        tests: Names of the tests.
        through_origin: Let the line pass through no effect on either.
        interval: ``"inverted"``: all slopes that the tests do not reject, unbounded where the tests hardly moved the
            cause. ``"jackknife"``: symmetric about the estimate; ``"liml"`` has only this.
        level: Confidence level, a fraction in (0, 1).
        unit: Unit of the slopes, as the outcome's.

    Returns:
        The slopes with their checks: below `FEWEST_TESTS` tests or an F of `WEAKEST_FIRST_STAGE` they stand, and
        ``verdict_allowed`` is False. Or a refusal: ``TOO_FEW_UNITS`` below two tests more than the line has
        parameters, ``NO_VARIATION`` where the effects on the causes differ no more than noise makes them,
        ``UNSTABLE`` where one test alone makes the slope, or the method has no noise to go by.

    Raises:
        InvalidInput: arrays whose shapes do not fit, values that are missing, a covariance that is none, a weight
            that is not above 0, halves missing.
        UnknownName: a method, interval or metric that is not known.

    Source:
        Bibaut, Chou, Ejdemyr and Kallus (2024), *Learning the Covariance of Treatment Effects Across Many Weak
        Experiments*: signal M = total less mean noise, b = M_ss⁻¹ M_sy. Intervals: Fieller (1954) and Anderson and
        Rubin (1949) on ``M_sy - b M_ss``, its variance the jackknife's over tests, t with K - 1 - p degrees of freedom.

    Derivation:
        Split samples: with halves x₁ and x₂ of a test, mean x, ``x₁x₂'`` made symmetric is ``xx' - dd'/4`` with
        d = x₁ - x₂, and dd'/4 estimates the noise of x. Instrumenting either half with the other, and both
        together, is subtracting the noise that the halves show.

    Example:
        >>> moves = np.array([[0.0, 0.1], [1.0, 2.0], [2.0, 4.1], [3.0, 5.8], [4.0, 8.0]])
        >>> found = portfolio_slope(moves, np.zeros((5, 2, 2)), names=("relevance", "conversion_rate"))
        >>> round(found.effect.value, 3), found.tests, found.verdict_allowed  # 19.6/10; five tests are too few
        (1.96, 5, False)
    """
    if method not in METHODS:
        raise UnknownName("method of a portfolio", method, METHODS)
    if interval not in INTERVALS:
        raise UnknownName("interval of a portfolio", interval, INTERVALS)
    check_level(level)
    read = read_tests(
        effects, covariances, method=method, split=split, weights=weights, names=names, cause=cause, outcome=outcome,
        tests=tests, levers=levers,
    )  # fmt: skip
    x, v, w, causes = read.effects, read.covariances, read.weights, read.metrics[:-1]
    k, freedom = len(x), len(x) - len(causes) - (0 if through_origin else 1)
    if freedom < 2:
        return Refusal(
            Reason.TOO_FEW_UNITS, f"{k} tests; a slope on {len(causes)} cause{'s' * (len(causes) > 1)} needs "
            f"{k + 2 - freedom}, and a verdict {FEWEST_TESTS}", "Run more tests that move the cause.",
        )  # fmt: skip
    spread = np.sqrt(((x - (0.0 if through_origin else x.mean(axis=0))) ** 2).mean(axis=0))
    largest = np.abs(x).max(axis=0)
    still = [name for name, size, most in zip(read.metrics, spread, largest, strict=True) if size <= 1e-12 * most]
    if still:
        return Refusal(Reason.NO_VARIATION, f"no test moved {still[0]} differently from another", "Test other changes.")
    found = moved(x / spread, v / np.outer(spread, spread), w, through_origin=through_origin)
    without = moved_without(x / spread, v / np.outer(spread, spread), w, through_origin=through_origin)
    weak = _weak(found, causes, naive=method == "naive")
    if weak is not None:
        return weak
    quotients, left_out = _slopes(found, without, method, interval)
    if isinstance(quotients, Refusal):
        return quotients
    by = spread[-1] / spread[:-1]
    quotients = tuple(one.rescaled(float(size)) for one, size in zip(quotients, by, strict=True))
    slopes, left_out = np.array([one.value for one in quotients]), left_out * by
    effective = float(w.sum() ** 2 / (w @ w))
    plain = moved(x, v, w, through_origin=through_origin)
    stages = first_stages(plain, causes, noise_known=read.noise_known)
    direct = direct_effects(
        x, v, found=plain, without=moved_without(x, v, w, through_origin=through_origin), slopes=slopes,
        slopes_without=left_out, level=level, unit=unit, through_origin=through_origin,
    )  # fmt: skip
    checks = (
        *_strength(stages, k, effective), *_direct(direct, method),
        line_check(x, v, w, slopes=slopes, slopes_without=left_out), lever_check(x, v, w, read.levers),
        influence_check(slopes, left_out, read.names),
    )  # fmt: skip
    if method == "naive":
        detail = "the slope is pulled towards that of the tests' noise"
        checks = (Check("noise_subtracted", passed=False, detail=detail), *checks)
    told = _TOLD[method] + (", through the origin" if through_origin else "")
    answers = tuple(one.effect(freedom=freedom, level=level, unit=unit, n=k, method=told) for one in quotients)
    rows = tuple(tuple(float(b) for b in row) for row in left_out)
    return PortfolioSlope(
        method=method, causes=causes, outcome=read.metrics[-1], tests=k, effective_tests=effective, effects=answers,
        first_stage=stages, direct=direct, without=rows, checks=checks, level=level,
        noise=tuple(float(one) for one in plain.noise[0, -1]), quotients=quotients,
    )  # fmt: skip


def _slopes(found: Moved, without: Moved, method: str, interval: str) -> tuple[tuple[Quotient, ...] | Refusal, Array]:
    """The slopes of scaled effects, and those without each test."""
    if method == "liml":
        try:
            value, left_out = least_ratio(found.total, found.noise), least_ratio(without.total, without.noise)
        except np.linalg.LinAlgError:
            lacking = Refusal(
                Reason.UNSTABLE, "limited information needs sampling noise on every metric, and some has none",
                "Use method='noise_subtracted'.",
            )  # fmt: skip
            return lacking, np.empty(0)
        errors = np.sqrt(np.diagonal(covariance(left_out)))
        return tuple(
            Quotient(float(b), float(b), 1.0, (float(e) ** 2, 0.0, 0.0), float(e))
            for b, e in zip(value[0], errors, strict=True)
        ), left_out
    signal = (found.total, without.total) if method == "naive" else (found.signal, without.signal)
    try:
        (above, below), (above_without, below_without) = concentrated(signal[0]), concentrated(signal[1])
    except np.linalg.LinAlgError:
        lacking = Refusal(
            Reason.UNSTABLE, "one test alone tells the causes apart: without it there is no slope",
            "Run more tests that move the causes.",
        )  # fmt: skip
        return lacking, np.empty(0)
    left_out = above_without / below_without
    quotients = []
    for j in range(above.shape[1]):
        both = covariance(np.column_stack([above_without[:, j], below_without[:, j]]))
        error = float(np.sqrt(covariance(left_out[:, j : j + 1])[0, 0])) if interval == "jackknife" else None
        variances = (float(both[0, 0]), float(both[1, 1]), float(both[0, 1]))
        quotients.append(
            Quotient(float(above[0, j] / below[0, j]), float(above[0, j]), float(below[0, j]), variances, error)
        )
    return tuple(quotients), left_out


def _weak(found: Moved, causes: Sequence[str], *, naive: bool) -> Refusal | None:
    """Refuse where what is left of the causes' covariance, after the noise, is none."""
    signal = (found.total if naive else found.signal)[0, :-1, :-1]
    if float(np.linalg.eigvalsh(signal)[0]) > 1e-9:
        return None
    if len(causes) > 1:
        return Refusal(
            Reason.NO_VARIATION, f"beyond the tests' noise, their effects on {', '.join(causes)} do not vary enough to "
            "tell these apart", "Use fewer causes, or run tests that move one without the others.",
        )  # fmt: skip
    strength = float(found.total[0, 0, 0] / found.noise[0, 0, 0])
    return Refusal(
        Reason.NO_VARIATION, f"the tests' effects on {causes[0]} vary no more than their noise (F = {strength:.2f})",
        "Run tests that move it more, or with more units.",
    )  # fmt: skip


def _strength(stages: Sequence[FirstStage], k: int, effective: float) -> tuple[Check, Check]:
    told = [(stage.cause, stage.strength) for stage in stages if stage.strength is not None]
    weakest = min((strength for _, strength in told), default=None)
    detail = ", ".join(f"F = {strength:.2f} of {name}" for name, strength in told) or "the tests' noise is not given"
    worth = f"{k} tests" + (f", worth {effective:.0f} of one size" if effective < k - 0.5 else "")
    return (
        Check(
            "first_stage", passed=None if weakest is None else weakest >= WEAKEST_FIRST_STAGE,
            detail=f"{detail}; {WEAKEST_FIRST_STAGE:g} is the least for a verdict",
        ),
        Check("enough_tests", passed=k >= FEWEST_TESTS, detail=f"{worth}; {FEWEST_TESTS} are needed for a verdict"),
    )  # fmt: skip


def _direct(direct: DirectEffects, method: str) -> tuple[Check, ...]:
    found = []
    if direct.mean is not None and direct.mean.p_value is not None:
        detail = (
            f"at no effect on the cause the outcome moves by {direct.mean.value:.3g} (p = {direct.mean.p_value:.2g})"
        )
        found.append(Check("direct_effects_are_0_on_average", passed=direct.mean.p_value > 0.05, detail=detail))
    if direct.p_value is not None:
        detail = (
            f"direct effects of standard deviation {direct.deviation:.3g}, Q = {direct.q:.1f} on {direct.freedom}, "
        )
        passed = direct.p_value > 0.05 if method == "liml" else None
        found.append(Check("direct_effects_vary", passed=passed, detail=f"{detail}p = {direct.p_value:.2g}"))
    return tuple(found)
