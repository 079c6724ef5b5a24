"""One treated unit against a mixture of others: synthetic control, and synthetic difference-in-differences."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Check, Estimate, Reason, Refusal
from metricstack.experiments.effect import Effect, effect
from metricstack.experiments.samples import check_choice
from metricstack.linkage.columns import column_names
from metricstack.linkage.simplex import simplex_weights
from metricstack.linkage.synthetic_did import Variance, placebo_error, synthetic_did
from metricstack.linkage.synthetic_input import Donors, read_donors
from metricstack.numerics.intervals import check_level

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Placebo", "SyntheticEffect", "SyntheticMethod", "synthetic_control", "unit_gaps"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
SyntheticMethod = Literal["synthetic_control", "synthetic_did"]

FLOOR = 0.1
"""Part of the median misfit below which no unit counts as better fitted: a ratio to almost 0 says nothing."""
_POOR = 2.0
"""Misfit before the start, in medians of the donors', above which the mixture is no stand-in."""


@dataclass(frozen=True, slots=True)
class Placebo:
    """A donor treated as if it had been treated.

    Args:
        unit: Its name.
        value: Its mean gap from the start on.
        before: Root mean squared gap before the start.
        after: The same from the start on.
    """

    unit: Any
    value: float
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class SyntheticEffect(Effect):
    """The mean gap between the treated and their mixture from the start on.

    Args:
        weights: (donor, weight) of those above 0, heaviest first.
        time_weights: (period, weight), of synthetic difference-in-differences.
        gaps: (period, treated less mixture).
        rmspe_before: Root mean squared gap before the start: how well the mixture stands in.
        rmspe_after: The same from the start on.
        rank_p_value: Rank of their ratio among the donors' (Abadie's placebo test); None where there is none.
        placebos: Every donor treated in turn, in their own order.
        placebo_date: (pretended start, mean gap from it to the true start, p-value by rank).
    """

    weights: tuple[tuple[Any, float], ...] = ()
    time_weights: tuple[tuple[Any, float], ...] = ()
    gaps: tuple[tuple[Any, float], ...] = ()
    rmspe_before: float = 0.0
    rmspe_after: float = 0.0
    rank_p_value: float | None = None
    placebos: tuple[Placebo, ...] = ()
    placebo_date: tuple[Any, float, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return Effect.to_dict(self) | {
            "weights": [[str(name), weight] for name, weight in self.weights],
            "time_weights": [[str(time), weight] for time, weight in self.time_weights],
            "gaps": [[str(time), gap] for time, gap in self.gaps],
            "rmspe_before": self.rmspe_before, "rmspe_after": self.rmspe_after, "rank_p_value": self.rank_p_value,
            "placebos": [[str(one.unit), one.value, one.before, one.after] for one in self.placebos],
            "placebo_date": None if self.placebo_date is None else [str(self.placebo_date[0]), *self.placebo_date[1:]],
        }  # fmt: skip


def synthetic_control(
    df: "pd.DataFrame",
    outcome: str,
    unit: str,
    time: str,
    *,
    treated: Any,
    start: Any,
    predictors: str | Sequence[str] = (),
    method: SyntheticMethod = "synthetic_control",
    variance: Variance = "placebo",
    level: float = 0.95,
    outcome_unit: str = "1",
) -> SyntheticEffect | Refusal:
    """Estimate what happened to one unit, from the mixture of untreated units that moved as it did before.

    Args:
        df: One row per unit and time; donors that lack a value are left out and counted.
        outcome: Column of the outcome.
        unit: Column of the unit.
        time: Column of the period: numbers, dates or text that sorts.
        treated: The treated unit; a list for synthetic difference-in-differences, and then their mean is meant.
        start: First treated period.
        predictors: Columns whose means before the start are matched beside the outcomes, with equal weight in all
            (synthetic control only).
        method: ``"synthetic_control"``: weights on donors. ``"synthetic_did"``: weights on donors and on periods
            before, with a level of its own for each unit; steadier where no mixture reaches the treated unit's level.
        variance: Of synthetic difference-in-differences: ``"placebo"`` or, for several treated units, ``"jackknife"``.
        level: Confidence level, a fraction in (0, 1).
        outcome_unit: Unit of the outcome.

    Returns:
        The mean effect from the start on; ``n`` counts units. Synthetic control: the interval holds every constant
        effect that the rank of the mean gap, in misfits before, does not reject among placebos; with fewer than
        ``1 / (1 - level) - 1`` donors none can be rejected and it is unbounded. Checks: ``pre_fit`` (misfit before
        at most twice the donors' median), ``donors``, ``placebo_date``, ``incomplete_donors``. Or a refusal:
        ``NO_DATA``, ``TOO_FEW_UNITS``, ``NO_VARIATION``.

    Raises:
        UnknownName: a column, unit or option that does not exist.
        InvalidInput: repeated rows, several treated units for synthetic control, a level outside (0, 1).

    Source:
        Abadie, Diamond and Hainmueller (2010), also for placebos in space and time; Firpo and Possebom (2018)
        for inverting the placebo test; Arkhangelsky, Athey, Hirshberg, Imbens and Wager (2021),
        algorithms 1 and 4.

    Example:
        >>> import pandas as pd
        >>> wave = [0, 2, 1, 3, 2, 4, 3]
        >>> df = pd.DataFrame([
        ...     (u, t, wave[t] * (1 + i / 10) + i + (i * t * 7 % 5) / 20 - 3.0 * (u == "c" and t >= 5))
        ...     for i, u in enumerate("abcdefgh") for t in range(7)
        ... ], columns=["team", "week", "hours"])
        >>> found = synthetic_control(df, "hours", "team", "week", treated="c", start=5)
        >>> round(found.value), found.low, found.high  # 7 donors are too few for 95 %
        (-3, -inf, inf)
    """
    check_level(level)
    check_choice("method", method, get_args(SyntheticMethod))
    check_choice("variance", variance, get_args(Variance))
    if method == "synthetic_did" and predictors:
        raise InvalidInput("Synthetic difference-in-differences takes no predictors; regress the outcome on them.")
    panel = read_donors(
        df, (outcome, unit, time), treated=treated, start=start, predictors=column_names(predictors)
    )  # fmt: skip
    if isinstance(panel, Refusal):
        return panel
    if method == "synthetic_did":
        return _by_did(panel, variance, level, outcome_unit)
    if len(panel.treated) > 1:
        raise InvalidInput(
            f"Synthetic control is of one unit, and {len(panel.treated)} are treated. Take them one by one, or "
            "use method 'synthetic_did'."
        )
    return _by_control(panel, level, outcome_unit)


def _matching(panel: Donors, series: Matrix, start: int) -> Matrix:
    """Return what mixtures are matched on, shape (units, rows): outcomes before, and predictors of equal weight."""
    before = series[:, :start]
    if not panel.predictors.shape[1]:
        return before
    spread = float(before.std()) or 1.0
    share = np.sqrt(start / panel.predictors.shape[1])
    return np.hstack([before / spread, panel.predictors * share])


def unit_gaps(panel: Donors, start: int, end: int) -> tuple[Matrix, Vector]:
    """Return the gaps of the treated unit and of every donor in its place, shape (1 + donors, end), and the weights.

    Args:
        panel: Units over periods.
        start: First period that is not matched on.
        end: Periods to look at.
    """
    series = np.vstack([panel.treated, panel.donors])[:, :end]
    matched = _matching(panel, series, start)
    gaps = np.zeros_like(series)
    first = np.zeros(len(panel.donors))
    for at in range(len(series)):
        others = np.array([k for k in range(1, len(series)) if k != at])
        weights = simplex_weights(matched[others].T, matched[at])
        gaps[at] = series[at] - weights @ series[others]
        if at == 0:
            first = weights
    return gaps, first


def _rms(gaps: Matrix) -> Vector:
    found: Vector = np.sqrt((gaps**2).mean(axis=1))
    return found


def _rank_p(statistic: Vector) -> float:
    """Return the share of all units whose statistic is at least the treated one's (a near tie counts)."""
    return float((statistic >= statistic[0] * (1 - 1e-9)).mean())


def _by_control(panel: Donors, level: float, unit: str) -> SyntheticEffect | Refusal:
    gaps, weights = unit_gaps(panel, panel.start, len(panel.times))
    before, after = _rms(gaps[:, : panel.start]), _rms(gaps[:, panel.start :])
    typical = float(np.median(before[1:]))
    if typical <= 1e-12 * max(float(np.abs(panel.donors).max()), 1e-300):
        return Refusal(
            Reason.NO_VARIATION, "donors are mixtures of one another, without any noise", "Check the outcome."
        )
    misfit = np.maximum(before, FLOOR * typical)
    mean = gaps[:, panel.start :].mean(axis=1)
    statistic = np.abs(mean) / misfit
    donors = len(panel.donors)
    allowed = math.floor((1 - level) * (donors + 1) + 1e-9)
    reach = math.inf if allowed == 0 else float(np.sort(statistic[1:])[donors - allowed]) * float(misfit[0])
    value = float(mean[0])
    estimate = Estimate(
        value, unit, donors + 1, "synthetic control, placebo test inverted", value - reach, value + reach, level
    )
    needed = math.ceil(1 / (1 - level) - 1e-9) - 1
    date = _placebo_date(panel)
    checks = [
        _fit_check(float(before[0]), typical),
        Check("donors", donors >= needed, f"{donors} donors; an interval at {100 * level:g} % needs {needed}"),
        *panel.checks,
    ]
    if date is not None:
        bar = max(1 - level, 1 / (donors + 1))
        checks.append(Check("placebo_date", date[2] > bar, f"{date[1]:.3g} from {date[0]} on, p = {date[2]:.3g}"))
    placebos = tuple(
        Placebo(name, float(mean[k]), float(before[k]), float(after[k])) for k, name in enumerate(panel.names, start=1)
    )
    return SyntheticEffect(
        estimate, _rank_p(statistic), None, math.inf, tuple(checks), _named(panel.names, weights), (),
        tuple(zip(panel.times, map(float, gaps[0]), strict=True)), float(before[0]), float(after[0]),
        _rank_p(after / misfit), placebos, date,
    )  # fmt: skip


def _named(names: Sequence[Any], weights: Vector) -> tuple[tuple[Any, float], ...]:
    order = np.argsort(-weights, kind="stable")
    return tuple((names[k], float(weights[k])) for k in order if weights[k] > 1e-9)


def _fit_check(before: float, typical: float) -> Check:
    note = f"gaps before are {before:.3g} (root mean square), {before / typical:.2g} times the donors' median"
    return Check("pre_fit", before <= _POOR * typical, note)


def _placebo_date(panel: Donors) -> tuple[Any, float, float] | None:
    """Pretend the start was at two thirds of the time before, and look at what is left of that time."""
    start = panel.start - max(panel.start // 3, 1)
    if start < 2:
        return None
    gaps, _ = unit_gaps(panel, start, panel.start)
    before = _rms(gaps[:, :start])
    misfit = np.maximum(before, max(FLOOR * float(np.median(before[1:])), 1e-300))
    mean = gaps[:, start:].mean(axis=1)
    return panel.times[start], float(mean[0]), _rank_p(np.abs(mean) / misfit)


def _by_did(panel: Donors, variance: Variance, level: float, unit: str) -> SyntheticEffect | Refusal:
    found = synthetic_did(panel.treated, panel.donors, panel.start)
    spread = placebo_error(panel.treated, panel.donors, panel.start, variance)
    if isinstance(spread, Refusal):
        return spread
    if spread.variance <= 1e-24 * max(float(np.abs(panel.donors).max()), 1e-300) ** 2:
        return Refusal(Reason.NO_VARIATION, "placebos do not differ at all", "Check the outcome.")
    n = len(panel.treated) + len(panel.donors)
    told = effect(
        found.value, math.sqrt(spread.variance), freedom=spread.freedom, level=level, unit=unit, n=n,
        method=f"synthetic difference-in-differences, {variance} variance",
    )  # fmt: skip
    alone = [synthetic_did(panel.donors[[k]], np.delete(panel.donors, k, axis=0), panel.start) for k in _few(panel)]
    typical = max(float(np.median([_rms(one.gaps[None, : panel.start])[0] for one in alone])), 1e-300)
    before, after = _rms(found.gaps[None, : panel.start])[0], _rms(found.gaps[None, panel.start :])[0]
    checks = (
        _fit_check(float(before), typical),
        Check("donors", len(panel.donors) >= 10, f"{len(panel.donors)} donors"),
    )
    return SyntheticEffect(
        told.estimate, told.p_value, told.standard_error, told.freedom, (*checks, *panel.checks),
        _named(panel.names, found.units), _named(panel.times[: panel.start], found.times),
        tuple(zip(panel.times, map(float, found.gaps), strict=True)), float(before), float(after),
    )  # fmt: skip


def _few(panel: Donors) -> range:
    return range(min(len(panel.donors), 50)) if len(panel.donors) > 2 else range(0)
