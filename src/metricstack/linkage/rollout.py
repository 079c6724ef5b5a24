"""What a staged rollout did: difference-in-differences that never compare with units already treated."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from metricstack.core.values import Check, Finding, Reason, Refusal
from metricstack.experiments.effect import Effect
from metricstack.experiments.samples import check_choice
from metricstack.linkage.adoption import Adoption, read_adoption
from metricstack.linkage.columns import column_names
from metricstack.linkage.forbidden import ComparisonWeights, comparison_weights, two_way_effect
from metricstack.linkage.group_time import Control, GroupTime, by_size, group_time, lead_effects
from metricstack.linkage.imputation import impute, imputed_means
from metricstack.linkage.influence import Influence
from metricstack.linkage.pretrends import PreTrend, placebo_dates, pre_trend
from metricstack.numerics.intervals import check_level

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RolloutEffect", "RolloutMethod", "RolloutPoint", "rollout_effect"]

RolloutMethod = Literal["callaway_santanna", "imputation", "twfe"]
Integers = NDArray[np.int64]

FEW = 10
"""Clusters that adopt below which no interval is to be trusted much."""
_NAMES = {
    "callaway_santanna": "staggered difference-in-differences, Callaway-Sant'Anna",
    "imputation": "staggered difference-in-differences, imputation",
    "twfe": "two-way fixed effects, for reference only",
}


@dataclass(frozen=True, slots=True)
class RolloutPoint:
    """An effect of one cohort, or of one time since adoption.

    Args:
        at: The cohort's first period, or the number of periods since adoption (negative before).
        effect: The effect with its own interval.
        low: Lower bound of the band that holds all points of its kind at once (leads and lags are two kinds).
        high: Upper bound.
    """

    at: Any
    effect: Effect
    low: float
    high: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        at = self.at if isinstance(self.at, int) else str(self.at)
        return {"at": at, "effect": self.effect.to_dict(), "low": self.low, "high": self.high}


@dataclass(frozen=True, slots=True)
class RolloutEffect(Effect):
    """The mean effect over all treated units and periods, and what it is made of.

    Args:
        by_cohort: Mean effect of each cohort.
        since_adoption: Effects by periods since adoption; before adoption they should be 0. Empty for ``twfe``.
        cells: (first period of the cohort, period, effect) of each. Empty for ``twfe``.
        over_cohorts: Mean of the cohorts' means, weighted by their units; None for ``twfe``.
        over_time: Plain mean over the periods since adoption; None for ``twfe``.
        pre_trend: Joint test of the time before, None where it cannot be made.
        placebos: (periods since adoption at which it was pretended, effect).
        comparisons: What a two-way regression would average, None where no unit is observed in all periods.
    """

    by_cohort: tuple[RolloutPoint, ...] = ()
    since_adoption: tuple[RolloutPoint, ...] = ()
    cells: tuple[tuple[Any, Any, Effect], ...] = ()
    over_cohorts: Effect | None = None
    over_time: Effect | None = None
    pre_trend: PreTrend | None = None
    placebos: tuple[tuple[int, Effect], ...] = ()
    comparisons: ComparisonWeights | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The overall effect, then those by periods since adoption."""
        points = tuple(
            Finding(question="", answer=point.effect.estimate, where=(("since adoption", str(point.at)),))
            for point in self.since_adoption
        )
        return (Finding(question="", answer=self.estimate, checks=self.checks), *points)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return Effect.to_dict(self) | {
            "by_cohort": [point.to_dict() for point in self.by_cohort],
            "since_adoption": [point.to_dict() for point in self.since_adoption],
            "cells": [
                {"cohort": str(g), "period": str(t), "effect": found.to_dict()} for g, t, found in self.cells
            ],
            "over_cohorts": None if self.over_cohorts is None else self.over_cohorts.to_dict(),
            "over_time": None if self.over_time is None else self.over_time.to_dict(),
            "pre_trend": None if self.pre_trend is None else self.pre_trend.to_dict(),
            "placebos": [{"at": at, "effect": found.to_dict()} for at, found in self.placebos],
            "comparisons": None if self.comparisons is None else self.comparisons.to_dict(),
        }  # fmt: skip


def rollout_effect(
    df: "pd.DataFrame",
    outcome: str,
    unit: str,
    time: str,
    adopted: str,
    *,
    method: RolloutMethod = "callaway_santanna",
    control: Control = "not_yet",
    covariates: str | Sequence[str] = (),
    cluster: str | None = None,
    anticipation: int = 0,
    level: float = 0.95,
    outcome_unit: str = "1",
    small_sample: bool = True,
) -> RolloutEffect | Refusal:
    """Estimate what a staged rollout did, from units that adopt at different times.

    It assumes that, without the rollout, the outcome of all units would have changed alike on average; the pre-trend
    test, its power and the placebo dates say how far the time before supports that.

    Args:
        df: One row per unit and time; rows without an outcome are left out and counted.
        outcome: Column of the outcome.
        unit: Column of the unit that adopts.
        time: Column of the period: numbers, dates or text that sorts. Periods count by their order.
        adopted: Column of the unit's adoption time; null, infinity, or 0 where all times are above it = never.
        method: ``"callaway_santanna"``, ``"imputation"`` (more precise where outcomes depend little on their own
            past), or ``"twfe"``, the regression on unit and time effects, for reference: with staggered adoption it
            takes treated units for controls and may get the sign wrong.
        control: Who is compared with (Callaway-Sant'Anna, and the leads of every method): units that have
            ``"not_yet"`` adopted, or those that ``"never"`` do.
        covariates: Columns of numbers. Callaway-Sant'Anna adjusts for their value in the base period (doubly robust);
            the others take them as changing in time; they must not react to the treatment.
        cluster: Column of clusters of units that are not independent; units where None.
        anticipation: Periods before adoption in which the treatment may already act; no mean is over them.
        level: Confidence level, a fraction in (0, 1).
        outcome_unit: Unit of the outcome.
        small_sample: Correct each cohort's variance for its number of clusters, and lend the controls' to a cohort of
            one, which shows none; False gives the large-sample formula of the sources.

    Returns:
        The mean effect on the treated from adoption on; beside it the event study (``since_adoption``), ``by_cohort``,
        ATT(g, t) in ``cells``, means ``over_cohorts`` and ``over_time``, and the test ``pre_trend``. ``n`` counts
        units, degrees of freedom are Satterthwaite's over cohorts. Checks:
        ``treated_units`` (fails below 10), ``pre_trend``, ``pre_trend_power``, ``placebo_dates``,
        ``forbidden_comparisons``, ``missing_rows``, ``always_treated``. Or a refusal: ``TOO_FEW_UNITS`` (one unit
        adopts), ``NO_VARIATION`` (nobody adopts, everybody at once, no controls, no noise), ``NO_DATA`` (fewer than
        two periods before).

    Raises:
        UnknownName: a column or option that does not exist.
        InvalidInput: repeated rows, several adoption times of one unit, a level outside (0, 1).

    Source:
        Callaway and Sant'Anna (2021), section 3 for the averages; Borusyak, Jaravel and Spiess (2024);
        Goodman-Bacon (2021); Roth (2022) for the power of the pre-trend test.

    Example:
        >>> import pandas as pd
        >>> rows = [
        ...     (u, t, t + u + (u * t * 7 % 5) / 10 + 2.0 * (t >= g), g if g < 9 else None)
        ...     for u in range(24) for t in range(6) for g in [(3, 4, 9)[u % 3]]
        ... ]
        >>> df = pd.DataFrame(rows, columns=["team", "week", "hours", "adopted"])
        >>> found = rollout_effect(df, "hours", "team", "week", "adopted", outcome_unit="h")
        >>> f"{found.value:.1f} [{found.low:.1f}, {found.high:.1f}]"
        '2.0 [1.9, 2.1]'
    """
    check_level(level)
    check_choice("method", method, get_args(RolloutMethod))
    check_choice("control", control, get_args(Control))
    panel = read_adoption(
        df, columns=(outcome, unit, time, adopted), covariates=column_names(covariates), cluster=cluster,
        anticipation=anticipation,
    )  # fmt: skip
    if isinstance(panel, Refusal):
        return panel
    cells = group_time(panel, control=control, small_sample=small_sample)
    if not (cells.period >= cells.cohort).any():
        who = "never adopts" if control == "never" else "has not yet adopted"
        told = f"no unit that {who} is observed beside a treated one"
        if covariates:
            told += ", or covariates are more than its units allow"
        return Refusal(Reason.NO_VARIATION, told, "Add units that adopt later, or hold fewer covariates fixed.")
    parts = _parts(panel, cells, method, small_sample=small_sample)
    if isinstance(parts, Refusal):
        return parts
    if not parts["overall"].has_noise(float(np.nanmax(np.abs(panel.outcomes)))):
        return Refusal(Reason.NO_VARIATION, "units do not differ at all, so that no error can be told", "Check it.")
    how = {"level": level, "unit": outcome_unit, "method": _NAMES[method]}
    overall = parts["overall"].effects(**how)[0]
    before, distance = lead_effects(panel, cells)
    trend = pre_trend(
        before, distance, clusters=panel.clusters(panel.adopters), mean_distance=_mean_distance(panel),
        alpha=1 - level,
    )  # fmt: skip
    placebos = _placebos(before, distance, panel.anticipation, how)
    comparisons = None if covariates else comparison_weights(panel)
    checks = [_treated_check(panel, cells), *_cell_checks(cells, parts), *panel.checks]
    if trend is not None:
        checks += trend.checks(overall)
    else:
        checks.append(Check("pre_trend", None, "no joint test can be made of the periods before adoption"))
    if placebos:
        least = min(found.p_value or 0.0 for _, found in placebos) * len(placebos)
        told = ", ".join(f"{found.value:.3g} at {at}" for at, found in placebos)
        checks.append(Check("placebo_dates", least > 1 - level, f"{told}; least p {min(least, 1.0):.3g}, adjusted"))
    if comparisons is not None:
        checks.append(comparisons.check)
    if method == "twfe":
        note = "effects that differ between cohorts or grow in time bias it, even in sign"
        checks.append(Check("two_way_fixed_effects", comparisons is not None and comparisons.forbidden == 0, note))
    names = [panel.times[g] for g in panel.cohorts]
    lags = _points([int(e) for e in parts["steps"]], parts["lags"], how) if "lags" in parts else ()
    leads = _points([int(e) - panel.anticipation - 1 for e in distance], before, how) if lags else ()
    return RolloutEffect(
        overall.estimate, overall.p_value, overall.standard_error, overall.freedom, tuple(checks),
        _points([names[panel.cohorts.index(int(g))] for g in parts["cohort names"]], parts["cohorts"], how)
        if "cohorts" in parts else (),
        (*leads, *lags), _cells(panel, parts, how),
        parts["over cohorts"].effects(**how)[0] if "cohorts" in parts else None,
        parts["over time"].effects(**how)[0] if "lags" in parts else None,
        trend, placebos, comparisons,
    )  # fmt: skip


def _parts(panel: Adoption, cells: GroupTime, method: str, *, small_sample: bool) -> "dict[str, Any] | Refusal":
    """Return the averages of a method: overall, by cohort, by periods since adoption, and of cells."""
    if method == "twfe":
        found = two_way_effect(panel)
        if found is None:
            return Refusal(Reason.NO_VARIATION, "unit and time effects explain the rollout wholly", "Observe longer.")
        return {"overall": found}
    late = np.flatnonzero(cells.period >= cells.cohort)
    g, since = cells.cohort[late], (cells.period - cells.cohort)[late]
    if method == "callaway_santanna":
        base = cells.influence.combined(np.eye(len(cells.cohort))[:, late])
        overall = by_size(panel, base, g, [np.arange(len(late))])
        owners, steps = np.unique(g), np.unique(since)
        cohorts = base.combined(np.array([(g == owner) / (g == owner).sum() for owner in owners]).T)
        lags = by_size(panel, base, g, [np.flatnonzero(since == e) for e in steps])
        lost = 0
    else:
        imputed = impute(panel)
        if imputed is None:
            return Refusal(Reason.NO_VARIATION, "a covariate does not change apart from unit and time", "Drop it.")
        able = np.isfinite(imputed.effects)
        if not able.any():
            return Refusal(Reason.NO_VARIATION, "no treated cell can be imputed", "Add units that adopt later.")
        passed = np.arange(panel.periods)[None, :] - panel.cohort[:, None]
        owner, lost = np.broadcast_to(panel.cohort[:, None], able.shape), imputed.lost
        owners = np.unique(owner[able])
        pairs = np.unique(np.column_stack([owner[able], (owner + passed)[able]]), axis=0)
        steps = np.unique(passed[able])
        sets = [able, *(able & (owner == one) for one in owners), *(able & (passed == e) for e in steps)]
        sets += [able & (owner == one) & (passed == t - one) for one, t in pairs]
        means = imputed_means(panel, imputed, sets, small_sample=small_sample)
        eye, ends = np.eye(len(sets)), np.cumsum([1, len(owners), len(steps), len(pairs)])
        overall, cohorts, lags, base = (
            means.combined(eye[:, low:high]) for low, high in zip([0, *ends[:-1]], ends, strict=True)
        )
        g, since = pairs[:, 0], pairs[:, 1] - pairs[:, 0]
    return {
        "overall": overall, "cohorts": cohorts, "cohort names": owners, "lags": lags, "steps": steps, "cells": base,
        "places": (g, g + since), "lost": lost,
        "over cohorts": by_size(panel, cohorts, owners, [np.arange(len(owners))]),
        "over time": lags.combined(np.full((len(lags.values), 1), 1 / len(lags.values))),
    }  # fmt: skip


def _mean_distance(panel: Adoption) -> float:
    treated = panel.treated
    since = (np.arange(panel.periods)[None, :] - panel.cohort[:, None])[treated]
    return float(since.mean()) + 1 + panel.anticipation


def _placebos(
    before: Influence, distance: Integers, anticipation: int, how: dict[str, Any]
) -> tuple[tuple[int, Effect], ...]:
    found = placebo_dates(before, distance)
    if found is None:
        return ()
    dates, influence = found
    named = how | {"method": "placebo date"}
    return tuple(
        (int(date) - 1 - anticipation, one) for date, one in zip(dates, influence.effects(**named), strict=True)
    )


def _points(names: Sequence[Any], found: Influence, how: dict[str, Any]) -> tuple[RolloutPoint, ...]:
    band = found.band(level=how["level"])
    return tuple(
        RolloutPoint(name, one, one.value - float(half), one.value + float(half))
        for name, one, half in zip(names, found.effects(**how), band, strict=True)
    )


def _cells(panel: Adoption, parts: dict[str, Any], how: dict[str, Any]) -> tuple[tuple[Any, Any, Effect], ...]:
    if "cells" not in parts:
        return ()
    cohorts, periods = parts["places"]
    return tuple(
        (panel.times[int(g)], panel.times[int(t)], one)
        for g, t, one in zip(cohorts, periods, parts["cells"].effects(**how), strict=True)
    )


def _treated_check(panel: Adoption, cells: GroupTime) -> Check:
    adopting, others = panel.clusters(panel.adopters), panel.clusters(~panel.adopters) if panel.n else 0
    note = f"{adopting} units or clusters adopt and {others} do not while observed; {FEW} that adopt are asked for"
    if cells.alone:
        note += f"; {cells.alone} adopt alone, and their noise is taken to be that of the others"
    return Check("treated_units", adopting >= FEW, note)


def _cell_checks(cells: GroupTime, parts: dict[str, Any]) -> list[Check]:
    found = []
    if cells.apart:
        note = f"in {cells.apart} cells covariates tell treated from control units, and only the outcome is modelled"
        found.append(Check("overlap", passed=False, detail=note))
    if parts.get("lost"):
        found.append(Check("not_imputed", None, f"{parts['lost']:,} treated cells have nothing to be imputed from"))
    if cells.skipped:
        found.append(Check("not_compared", None, f"{cells.skipped} cells have no unit to be compared with"))
    return found
