"""How far two daily series move together, once the memory of each is allowed for.

The usual p-value of a correlation counts every day as new evidence. Days resemble the day before; two unrelated series
that do are "significant" far more often than promised. Here both stand side by side: the naive number, and the honest.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metricstack.core.errors import UnknownName
from metricstack.core.values import Check, Estimate, Finding, Grade, Reason, Refusal
from metricstack.experiments.effect import Estimated
from metricstack.linkage.calendar import Calendar, Events, calendar_of, emptied, weekday_p_value
from metricstack.linkage.series import Missing, Series, read_series, refused, same
from metricstack.numerics.autoregression import first_autocorrelation, fit_autoregression
from metricstack.numerics.intervals import check_level, t_quantile

__all__ = ["Correlation", "CorrelationMethod", "correlation", "effective_sample_size", "fisher_interval"]

Vector = NDArray[np.float64]
CorrelationMethod = Literal["effective", "naive", "calendar", "prewhitened"]
_FEWEST = 20
_SAID = {
    "effective": "Pearson, effective days (AR 1)",
    "naive": "Pearson, every day independent (naive)",
    "calendar": "Pearson without calendar, effective days (AR 1)",
    "prewhitened": "Pearson of innovations, without calendar",
}


@dataclass(frozen=True, slots=True)
class Correlation(Estimated):
    """A correlation of two daily series, the naive beside the honest.

    Args:
        estimate: The correlation by the method asked for, with its interval; n counts days.
        p_value: Two-sided, of no correlation.
        statistic: Student's t.
        freedom: Its degrees of freedom.
        n_effective: How many independent days the days are worth.
        memory: Autocorrelation at one day of each series, as used; (0, 0) where none was allowed for.
        naive: The correlation as usually computed: every day independent.
        naive_p: Its p-value.
        checks: What was met on the way.
    """

    estimate: Estimate
    p_value: float
    statistic: float
    freedom: float
    n_effective: float
    memory: tuple[float, float]
    naive: Estimate
    naive_p: float
    checks: tuple[Check, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The correlation as a finding, graded as an association."""
        return (Finding("How far do x and y move together?", self.estimate, grade=Grade.D, checks=self.checks),)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values: those of the estimate, of its test, and of the naive one."""
        names = ("p_value", "statistic", "freedom", "n_effective", "naive_p")
        return self.estimate.to_dict() | {name: getattr(self, name) for name in names} | {
            "memory": list(self.memory), "naive": self.naive.to_dict(),
            "checks": [check.to_dict() for check in self.checks],
        }  # fmt: skip


def effective_sample_size(x: ArrayLike, y: ArrayLike | None = None) -> float:
    """Return how many independent days the days of two series are worth, for their correlation.

    Args:
        x: Series, shape (n,), oldest first; NaN is a missing day.
        y: The other; None takes x for both.

    Returns:
        Effective days, above 0 and at most those there are: memory of opposite signs, which would make more of them,
        is not believed.

    Raises:
        InvalidInput: unequal lengths, or a series without variation.

    Source:
        ``n (1 - a b) / (1 + a b)`` with a and b the autocorrelations at one day: Bretherton, Widmann, Dymnikov, Wallace
        and Bladé (1999), J. Climate 12, 1990, eq. (31), after Bartlett (1935). The autocorrelations are the sample's,
        somewhat below the truth in persistent series; so is the spread of a correlation about the samples' own means,
        and the two make up for each other.

    Example:
        >>> round(effective_sample_size([1.0, 2.0, 3.0, 4.0] * 5), 1)  # a = -2.75 / 25, so 20 (1 - a²) / (1 + a²)
        19.5
    """
    found = read_series({"x": x} | ({} if y is None else {"y": y}), missing="skip")
    a = found["x"]
    b = found[list(found.named)[-1]]
    return _effective(int((np.isfinite(a) & np.isfinite(b)).sum()), *_memory(a, b))


def _memory(a: Vector, b: Vector) -> tuple[float, float]:
    return first_autocorrelation(a), first_autocorrelation(b)


def _effective(days: int, a: float, b: float) -> float:
    product = min(max(a * b, 0.0), 1.0)
    return days * (1 - product) / (1 + product)


def fisher_interval(r: float, days: float, level: float) -> tuple[float, float]:
    """Return the interval of a correlation by Fisher's z: ``tanh(atanh(r) ± z / sqrt(days - 3))``.

    Args:
        r: Correlation, inside (-1, 1).
        days: Independent observations, above 3, less the columns that were taken out of both.
        level: Confidence level, a fraction in (0, 1).

    Source:
        Fisher (1921), Metron 1, 3; for partial correlations one day less per column, Fisher (1924), Metron 3, 329.

    Example:
        >>> [round(bound, 4) for bound in fisher_interval(0.5, 28, 0.95)]  # atanh 0.5493 ± 1.96 / 5
        [0.156, 0.7358]
    """
    middle, reach = math.atanh(r), t_quantile(level, math.inf) / math.sqrt(days - 3)
    return math.tanh(middle - reach), math.tanh(middle + reach)


def correlation(
    x: ArrayLike,
    y: ArrayLike,
    *,
    dates: ArrayLike | None = None,
    events: Events | None = None,
    method: CorrelationMethod = "effective",
    level: float = 0.95,
    missing: Missing = "raise",
) -> Correlation | Refusal:
    """Estimate how far two daily series move together on the same day.

    Args:
        x: One series, shape (n,), oldest first; or a pandas Series indexed by dates.
        y: The other, of the same days.
        dates: Day of each value; without dates there are no weekdays.
        events: Name → the dates it held, or a number per day; used by ``"calendar"`` and ``"prewhitened"``.
        method: ``"effective"`` counts independent days by each series' memory; ``"calendar"`` does so after weekdays,
            trend and events are out of both; ``"prewhitened"`` correlates what is new each day, calendar and own past
            (order by Akaike, up to 7) taken out: the only one that unrelated shifts in level do not fool; ``"naive"``
            counts every day, for comparison only.
        level: Confidence level, a fraction in (0, 1).
        missing: ``"raise"`` or ``"skip"`` missing days.

    Returns:
        The correlation; or a refusal: ``TOO_FEW_UNITS`` (fewer than 20 days, or worth no more than 4 independent ones),
        ``NO_VARIATION`` (a constant series, or one that is the other on another scale).

    Raises:
        InvalidInput: see `read_series`, or a level outside (0, 1).
        UnknownName: another method.

    Source:
        Effective days: see `effective_sample_size`. ``t = r sqrt((m - 2) / (1 - r^2))`` with m of them, m - 2 degrees
        of freedom, fewer by the calendar's columns; interval by Fisher's z. Prewhitening: Haugh (1976), J. American
        Statistical Association 71, 378: innovations of unrelated series correlate like independent draws.

    Example:
        >>> x = np.sin(np.arange(60) / 5) + np.tile([0.2, -0.2], 30)
        >>> y = np.cos(np.arange(60) / 7) + np.tile([0.1, 0.0, -0.1], 20)
        >>> found = correlation(x, y)
        >>> f"r = {found.value:.2f}, p = {found.p_value:.2f} of {found.n_effective:.0f} days, naive {found.naive_p:.3f}"
        'r = 0.61, p = 0.14 of 7 days, naive 0.000'
    """
    check_level(level)
    if method not in get_args(CorrelationMethod):
        raise UnknownName("method", method, get_args(CorrelationMethod))
    found = read_series({"x": x, "y": y}, dates=dates, missing=missing)
    if refusal := refused(found, least=_FEWEST):
        return refusal
    calendar = calendar_of(found, events=events)
    a, b, used, checks = found["x"], found["y"], 0, []
    together = _together(a, b)
    if together is None:
        return _apart(a, b)
    r, days = together
    if refusal := same(r):
        return refusal
    naive, naive_p, *_ = _tested(r, days, days, 0, level=level, said=_SAID["naive"])
    if method in ("calendar", "prewhitened"):
        adjusted = []
        for name in ("x", "y"):
            left, rank = calendar.adjusted(found[name])
            if refusal := emptied(name, found[name], left, rank):
                return refusal
            adjusted.append(left)
            used = rank - 1
        a, b = adjusted
        checks.append(Check("calendar", None, f"{', '.join(calendar.terms)} taken out of both"))
    else:
        checks += _weekday_check(found, calendar)
    memory = (0.0, 0.0)
    if method == "prewhitened":
        past = fit_autoregression(a), fit_autoregression(b)
        a, b = (fit.innovations for fit in past)
        checks.append(Check("memory", None, f"own past of {past[0].order} and {past[1].order} days taken out"))
    together = _together(a, b)
    if together is None:
        return _apart(a, b)
    r, days = together
    if refusal := same(r):
        return refusal
    if method in ("effective", "calendar"):
        memory = _memory(a, b)
    worth = _effective(days, *memory)
    if worth - used <= 4:
        return Refusal(
            Reason.TOO_FEW_UNITS,
            f"{days} days of such long memory are worth {worth:.1f} independent ones, less {used} for the calendar",
            "Use method='prewhitened' or lead_lag, which look at what is new each day, or wait for more days.",
        )  # fmt: skip
    estimate, p, t, freedom = _tested(r, days, worth, used, level=level, said=_SAID[method])
    return Correlation(estimate, p, t, freedom, worth, memory, naive, naive_p, tuple(checks))


def _together(a: Vector, b: Vector) -> tuple[float, int] | None:
    both = np.isfinite(a) & np.isfinite(b)
    days = int(both.sum())
    u, v = a[both] - a[both].mean(), b[both] - b[both].mean()
    square = float(u @ u) * float(v @ v)
    if days < _FEWEST - 8 or not square > 0:
        return None
    return float(u @ v) / math.sqrt(square), days


def _apart(a: Vector, b: Vector) -> Refusal:
    days = int((np.isfinite(a) & np.isfinite(b)).sum())
    return Refusal(Reason.TOO_FEW_UNITS, f"x and y have {days} days in common that can be used", "Wait for more days.")


def _tested(
    r: float, days: int, worth: float, used: int, *, level: float, said: str
) -> tuple[Estimate, float, float, float]:
    from scipy.special import stdtr

    r = min(max(r, -1.0), 1.0)
    freedom = worth - 2 - used
    t = r * math.sqrt(freedom / (1 - r * r))
    low, high = fisher_interval(r, worth - used, level)
    return Estimate(r, "1", days, said, low, high, level), float(2 * stdtr(freedom, -abs(t))), t, freedom


def _weekday_check(found: Series, calendar: Calendar) -> list[Check]:
    """Warn where both series have a weekday pattern that the method leaves in."""
    chances = [weekday_p_value(calendar, found[name]) for name in ("x", "y")]
    if any(p is None for p in chances):
        return []
    shared = all(p is not None and p < 0.01 for p in chances)
    detail = "both follow the week: use method='calendar'" if shared else "no weekday pattern in both"
    return [Check("shared weekdays", passed=not shared, detail=detail)]
