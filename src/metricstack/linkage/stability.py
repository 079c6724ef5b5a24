"""Whether a daily series keeps its mean: stationary or not, and a shift in level on a day that nobody named."""

import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metricstack.core.show import Shown
from metricstack.core.streams import stream
from metricstack.core.values import Check, Estimate, Finding, Reason, Refusal
from metricstack.experiments.effect import Effect, Estimated
from metricstack.linkage.calendar import Events, calendar_of, emptied
from metricstack.linkage.series import read_series, refused
from metricstack.numerics.autoregression import fit_autoregression
from metricstack.numerics.intervals import check_alpha, check_level
from metricstack.numerics.level_shift import LargestShift, largest_shift, simulated_autoregressions, sup_f_p_value
from metricstack.numerics.serial_errors import ar1_regression

__all__ = ["BreakTest", "Stationarity", "Verdict", "break_test", "stationarity"]

Vector = NDArray[np.float64]
Verdict = Literal["stationary", "trend stationary", "unit root", "undecided"]
_FEWEST = 30
_NOTHING = 1e-9
_LONGEST_MEMORY = 4
_SIMULATIONS = 499
_DATE_CUT = 7.352  # (1 - exp(-x / 2))² = .95


@dataclass(frozen=True, slots=True)
class Stationarity(Shown):
    """What two opposite tests say together.

    Args:
        verdict: ``"stationary"`` around a mean, ``"trend stationary"``, ``"unit root"``, or ``"undecided"``.
        adf_p: Augmented Dickey–Fuller around a mean: p-value of a unit root.
        kpss_p: KPSS around a mean: p-value of stationarity, within the table's 0.01 to 0.10.
        adf_trend_p: The same around a straight trend.
        kpss_trend_p: The same around a straight trend.
        n: Days.
        alpha: Error of each test.
    """

    verdict: Verdict
    adf_p: float
    kpss_p: float
    adf_trend_p: float
    kpss_trend_p: float
    n: int
    alpha: float

    @property
    def check(self) -> Check:
        """The verdict as a check: passed where the mean or trend holds, failed at a unit root, else it informs."""
        passed = {"stationary": True, "trend stationary": True, "unit root": False}.get(self.verdict)
        detail = f"{self.verdict}: ADF p = {self.adf_p:.2g}, KPSS p = {self.kpss_p:.2g}"
        return Check("stationarity", passed, detail)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The p-value of a unit root as a finding, with the verdict as its check."""
        answer = Estimate(self.adf_p, "1", self.n, "augmented Dickey–Fuller, p-value")
        return (Finding("Does the series keep its mean?", answer, checks=(self.check,)),)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        names = ("verdict", "adf_p", "kpss_p", "adf_trend_p", "kpss_trend_p", "n", "alpha")
        return {"kind": "stationarity"} | {name: getattr(self, name) for name in names}


def stationarity(y: ArrayLike, *, alpha: float = 0.05, dates: ArrayLike | None = None) -> Stationarity | Refusal:
    """Tell whether a series keeps its mean, its trend, or neither.

    One test takes a unit root for granted until disproved, the other stationarity; only where they agree is there a
    verdict. Around a trend is asked only where there is none around a mean.

    Args:
        y: Series, shape (n,), oldest first, no missing days; or a pandas Series indexed by dates.
        alpha: Error of each test, a fraction in (0, 1).
        dates: Day of each value, to find gaps.

    Returns:
        The verdict with its p-values; or a refusal: ``TOO_FEW_UNITS`` below 30 days, ``NO_VARIATION``.

    Raises:
        InvalidInput: see `read_series`, or an alpha outside (0, 1).

    Source:
        Said and Dickey (1984), Biometrika 71, 599, lags by Akaike, p-values of MacKinnon (1994); Kwiatkowski, Phillips,
        Schmidt and Shin (1992), J. Econometrics 54, 159, lags after Hobijn, Franses and Ooms (2004): statsmodels.

    Example:
        >>> stationarity(np.cos(np.arange(80.0) ** 2)).verdict
        'stationary'
    """
    check_alpha(alpha)
    found = read_series({"y": y}, dates=dates, whole=True)
    if refusal := refused(found, least=_FEWEST):
        return refusal
    values = found["y"]
    new = fit_autoregression(values).innovations
    if float(np.nanmax(np.abs(new))) <= _NOTHING * float(np.ptp(values)):
        return Refusal(Reason.NO_VARIATION, "the past foretells every day of y exactly", "Ask of a measured metric.")
    adf, kpss = _opposite(values, "c")
    adf_trend, kpss_trend = _opposite(values, "ct")
    verdict: Verdict = "undecided"
    if adf <= alpha < kpss:
        verdict = "stationary"
    elif adf_trend <= alpha < kpss_trend:
        verdict = "trend stationary"
    elif adf > alpha and adf_trend > alpha and min(kpss, kpss_trend) <= alpha:
        verdict = "unit root"
    return Stationarity(verdict, adf, kpss, adf_trend, kpss_trend, len(values), alpha)


def _opposite(values: Vector, regression: Literal["c", "ct"]) -> tuple[float, float]:
    from statsmodels.tools.sm_exceptions import InterpolationWarning, SingularMatrixWarning
    from statsmodels.tsa.stattools import adfuller, kpss

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InterpolationWarning)  # the table ends at .01 and .10; we say so
        warnings.simplefilter("ignore", SingularMatrixWarning)  # of rare events some lags are alike; the fit stands
        root = adfuller(values, regression=regression, autolag="AIC", result_object=True)
        mean = kpss(values, regression, result_object=True)
    return float(root.pvalue), float(mean.pvalue)


@dataclass(frozen=True, slots=True)
class BreakTest(Estimated):
    """The likeliest shift in level, and whether chance explains it.

    Args:
        estimate: Level after less level before, with its interval, which takes the day for known.
        p_value: Of no shift on any day.
        statistic: Largest F.
        at: Position of the first day of the new level.
        between: Positions between which that day lies, 95 % sure, if there was one shift.
        day: The day, as an ISO date; None without dates.
        before: Level before, with its interval.
        after: Level after.
        order: Days of own past that the test allows for.
        method: Where the p-value comes from.
        alpha: Accepted error.
        checks: What was met on the way.
    """

    estimate: Estimate
    p_value: float
    statistic: float
    at: int
    between: tuple[int, int]
    day: str | None
    before: Effect
    after: Effect
    order: int
    method: str
    alpha: float
    checks: tuple[Check, ...] = ()

    @property
    def broken(self) -> bool:
        """True where a shift is shown; False says only that none is shown."""
        return self.p_value <= self.alpha

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        names = ("p_value", "statistic", "at", "day", "order", "method", "alpha", "broken")
        return self.estimate.to_dict() | {name: getattr(self, name) for name in names} | {
            "between": list(self.between), "before": self.before.to_dict(), "after": self.after.to_dict(),
            "checks": [check.to_dict() for check in self.checks],
        }  # fmt: skip


def break_test(
    y: ArrayLike,
    *,
    dates: ArrayLike | None = None,
    events: Events | None = None,
    order: int | None = None,
    trim: float = 0.15,
    alpha: float = 0.05,
    level: float = 0.95,
    unit: str = "1",
    seed: int = 0,
) -> BreakTest | Refusal:
    """Look for one shift in the level of a daily series, on a day that is not known beforehand.

    Args:
        y: Series, shape (n,), oldest first, no missing days; or a pandas Series indexed by dates.
        dates: Day of each value; daily dates take weekdays out first. A trend is not taken out: it would hide shifts.
        events: Name → the dates it held, or a number per day, taken out first.
        order: Days of own past to allow for; None chooses it (Schwarz, up to 4).
        trim: Share of days at each end at which no shift is looked for.
        alpha: Accepted error of the test.
        level: Confidence level of the sizes.
        unit: Unit of y.
        seed: Of the simulations.

    Returns:
        The likeliest shift; or a refusal: ``TOO_FEW_UNITS`` below 30 days, ``NO_VARIATION``.

    Raises:
        InvalidInput: see `read_series`; a level, alpha or trim outside its range.

    Source:
        Sup-F: `largest_shift`. Independent days: p from the limit (`sup_f_p_value`). Days with memory: 499 series with
        the same memory and no shift, innovations drawn from those seen, the largest F of each (Diebold and Chen 1996,
        J. Econometrics 70, 221: the limit is far too liberal there). A random walk is covered too, but no shift in it
        can be found. The day's range: all at which the likelihood ratio is within 7.35 of the best, after Eo and Morley
        (2015), Quantitative Economics 6, 463. Sizes: `ar1_regression` with the shift on the best day; since that day
        was picked, they are somewhat too large and too sure.

    Example:
        >>> found = break_test(np.cos(np.arange(60.0) ** 2) + 3.0 * (np.arange(60) >= 40))
        >>> found.broken, found.at, round(found.value)
        (True, 40, 3)
    """
    check_level(level)
    check_alpha(alpha)
    found = read_series({"y": y}, dates=dates, whole=True)
    if refusal := refused(found, least=_FEWEST):
        return refusal
    calendar = calendar_of(found, events=events, trend=False)
    left, rank = calendar.adjusted(found["y"])
    if refusal := emptied("y", found["y"], left, rank):
        return refusal
    values = left + float(found["y"].mean())
    memory = fit_autoregression(values, order=order, max_order=_LONGEST_MEMORY, sparing=True)
    if len(values) - memory.order < 4 * (memory.order + 2):
        return Refusal(Reason.TOO_FEW_UNITS, f"{len(values)} days are too few for order {memory.order}", "Lower it.")
    best = largest_shift(values[None, :], order=memory.order, trim=trim)
    statistic, at = float(best.statistic[0]), int(best.at[0])
    if memory.order == 0:
        p, said = sup_f_p_value(statistic, trim=trim), "sup-F, limit distribution"
    else:
        random = stream(seed, "break test")
        drawn = simulated_autoregressions(
            memory.coefficients, memory.innovations[memory.order :], len(values), count=_SIMULATIONS, random=random
        )
        chance = largest_shift(drawn, order=memory.order, trim=trim).statistic
        p = float(1 + (chance >= statistic).sum()) / (_SIMULATIONS + 1)
        said = f"sup-F given {memory.order} days of past, {_SIMULATIONS} simulated series"
    day = None if found.days is None else str(found.days[at])
    sizes = _sizes(values, at, level=level, unit=unit)
    checks = (
        Check("memory", None, f"own past of {memory.order} days allowed for"),
        Check("day picked", None, "the interval takes the day for known"),
    )
    return BreakTest(
        sizes[0].estimate, p, statistic, at, _between(best), day, sizes[1], sizes[2], memory.order, said, alpha, checks
    )  # fmt: skip


def _between(best: LargestShift) -> tuple[int, int]:
    """Days at which a shift fits nearly as well as on the best: ``m log(RSS / RSS of the best)`` at most the cut."""
    left = -np.log1p(best.every[0] / best.freedom)
    near = np.flatnonzero((left - left.min()) * (best.freedom + 2) <= _DATE_CUT)
    return int(near[0]) + best.first, int(near[-1]) + best.first


def _sizes(values: Vector, at: int, *, level: float, unit: str) -> tuple[Effect, Effect, Effect]:
    later = (np.arange(len(values)) >= at).astype(np.float64)
    fit = ar1_regression(np.column_stack([1 - later, later]), values, np.arange(len(values)))

    def told(weights: tuple[float, float], what: str) -> Effect:
        value, error, low, high, p = fit.contrast(np.array(weights), level=level)
        estimate = Estimate(value, unit, len(values), f"{what}, AR(1) errors", low, high, level)
        return Effect(estimate, p, error, float(fit.freedom))

    return told((-1.0, 1.0), "shift in level"), told((1.0, 0.0), "level before"), told((0.0, 1.0), "level after")
