"""The setting of a comparison that is planned: metric, arms and test, checked, and its power."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Moments, Reason, Refusal
from metricstack.experiments.adjustment import solved
from metricstack.experiments.arms import index_of, linear_variance
from metricstack.experiments.ratios import linearised
from metricstack.experiments.sequential import GroupSequential

__all__ = ["Options", "Plan", "Setting", "check_effect", "check_n", "check_power", "setting_of"]


class Options(TypedDict, total=False):
    """What the planning of any comparison may be told; `sizing.sample_size` says what each means."""

    relative: bool
    margin: float
    alpha: float
    sided: int | None
    treatment_share: float
    covariates: str | Sequence[str]
    variance_reduction: float
    icc: float
    cluster_size: float
    cluster_variation: float
    traffic: float | None
    design: GroupSequential | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a comparison can see.

    Args:
        power: Chance of finding the effect.
        effect: The effect, treatment minus control, in the metric's unit.
        relative_effect: The same as a fraction of control's value; None where that is 0.
        n: Units of both arms.
        control: Units of the control arm.
        treatment: Units of the treatment arm.
        clusters: Clusters of both arms, None where units are alone.
        days: Days at the traffic given, None without traffic.
        inflation: Units at most over those of a fixed design; 1 for a fixed one.
        expected_n: Units that a sequential design stops at on average, where the effect is true; None for a fixed one.
        alpha: Error of the test.
        sided: 1 or 2.
        method: How it was computed, in a few words.
    """

    power: float
    effect: float
    relative_effect: float | None
    n: int
    control: int
    treatment: int
    clusters: int | None
    days: float | None
    inflation: float
    expected_n: float | None
    alpha: float
    sided: int
    method: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"kind": "plan"} | {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class _Metric:
    """A metric's value in control, and the variances of one unit that its test has under null and effect."""

    value: float
    variance: float
    kind: str
    covariates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Setting:
    """Everything but effect, n and power, checked."""

    metric: _Metric
    relative: bool
    margin: float
    alpha: float
    sided: int
    share: float
    factor: float
    reduction: float
    icc: float
    cluster_size: float
    variation: float
    traffic: float | None
    design: GroupSequential | None

    def absolute(self, effect: float) -> float:
        """Return an effect in the metric's unit."""
        return effect * abs(self.metric.value) if self.relative else effect

    def errors(self, effect: float) -> tuple[float, float]:
        """Return the standard errors of the difference of one unit in all: where there is no effect, where there is."""
        p, share = self.metric.value, self.share
        if self.metric.kind != "proportion":
            error = math.sqrt(self.metric.variance * self.factor * (1 / share + 1 / (1 - share)))
            return error, error
        moved = p + effect
        there = math.sqrt(self.factor * (moved * (1 - moved) / share + p * (1 - p) / (1 - share)))
        pooled = share * moved + (1 - share) * p
        null = math.sqrt(self.factor * pooled * (1 - pooled) * (1 / share + 1 / (1 - share)))
        return (there if self.margin else null), there

    def distance(self, effect: float) -> float:
        """Return how far an effect is from what the test rejects, in the direction that it looks in."""
        return effect + self.margin if self.margin else abs(effect)

    def drift(self, effect: float, n: float) -> float:
        """Return the mean of z with n units in all."""
        _, there = self.errors(effect)
        return self.distance(effect) * math.sqrt(n) / there if there else math.inf

    def power(self, effect: float, n: float) -> float:
        """Return the chance of finding an effect, given in the metric's unit, with n units in all."""
        null, there = self.errors(effect)
        distance = self.distance(effect)
        root, tail = math.sqrt(n), self.alpha / self.sided
        if there == 0:
            return 1.0 if distance > 0 else self.alpha
        if self.design is not None:
            return self.design.power(distance * root / there)
        equal = n / self.cluster_size / (1 + self.variation**2 if self.cluster_size > 1 else 1)
        freedom = equal - 2 if self.metric.kind == "mean" or self.cluster_size > 1 else math.inf
        if freedom <= 0:
            return tail
        return _rejects(distance * root / there, null / there, tail, self.sided, freedom)

    def plan(self, effect: float, n: int, power: float) -> Plan:
        """Build the plan of an effect in the metric's unit."""
        value = self.metric.value
        treatment = round(n * self.share)
        clusters = None if self.cluster_size == 1 else math.ceil(n / self.cluster_size - 1e-9)
        t_test = self.design is None and (self.metric.kind == "mean" or self.cluster_size > 1)
        return Plan(
            power=power, effect=effect, relative_effect=None if value == 0 else effect / abs(value), n=n,
            control=n - treatment, treatment=treatment, clusters=clusters,
            days=None if self.traffic is None else n / self.traffic,
            inflation=1.0 if self.design is None else self.design.inflation(power) if _between(power, self) else 1.0,
            expected_n=None if self.design is None else n * self.design.expected(self.drift(effect, n)),
            alpha=self.alpha, sided=self.sided,
            method=f"{self.metric.kind}, {'noncentral t' if t_test else 'normal'}",
        )  # fmt: skip


def _between(power: float, setting: Setting) -> bool:
    return setting.alpha / setting.sided + 1e-9 < power < 1 - 1e-12


def _rejects(shift: float, scale: float, tail: float, sided: int, freedom: float) -> float:
    """Return the chance that a statistic with this shift passes ``scale`` times its critical value."""
    from scipy.special import ndtr, ndtri, stdtrit

    # Beyond 100,000 degrees of freedom both are the normal to five digits, and the noncentral t gets slow.
    if freedom > 1e5:
        critical = -float(ndtri(tail)) * scale
        return float(ndtr(shift - critical) + (ndtr(-shift - critical) if sided == 2 else 0.0))
    critical = -float(stdtrit(freedom, tail)) * scale
    below = _chance_below(-critical, freedom, shift) if sided == 2 else 0.0
    return min(max(1 - _chance_below(critical, freedom, shift), 0.0) + below, 1.0)


def _chance_below(bound: float, freedom: float, shift: float) -> float:
    """Return the noncentral t's distribution; far out, where it is below 1e-15, SciPy gives no number for some."""
    from scipy.special import nctdtr

    chance = float(nctdtr(freedom, shift, bound))
    return 0.0 if math.isnan(chance) else chance


def setting_of(
    control: Moments | float,
    *,
    relative: bool = False,
    margin: float = 0.0,
    alpha: float = 0.05,
    sided: int | None = None,
    treatment_share: float = 0.5,
    covariates: str | Sequence[str] = (),
    variance_reduction: float = 0.0,
    icc: float = 0.0,
    cluster_size: float = 1.0,
    cluster_variation: float = 0.0,
    traffic: float | None = None,
    design: GroupSequential | None = None,
) -> Setting | Refusal:
    """Check what is common to the three questions."""
    if sided not in (None, 1, 2):
        raise InvalidInput(f"A test is one- or two-sided; sided is {sided!r}.")
    if margin and sided == 2:
        raise InvalidInput("A test against a non-inferiority margin is one-sided; leave sided out, or give 1.")
    if margin and design is not None and design.sided == 2:
        raise InvalidInput("A test against a non-inferiority margin is one-sided; so must its design be.")
    ranges = (
        ("alpha", alpha, 0 < alpha < 1, "in (0, 1)"),
        ("margin", margin, 0 <= margin < math.inf, "at least 0"),
        ("share of treatment", treatment_share, 0 < treatment_share < 1, "in (0, 1)"),
        ("variance reduction", variance_reduction, 0 <= variance_reduction < 1, "in [0, 1)"),
        ("intraclass correlation", icc, 0 <= icc <= 1, "in [0, 1]"),
        ("cluster size", cluster_size, 1 <= cluster_size < math.inf, "at least 1"),
        ("variation of cluster sizes", cluster_variation, 0 <= cluster_variation < math.inf, "at least 0"),
        ("traffic", traffic, traffic is None or 0 < traffic < math.inf, "above 0"),
    )
    for name, value, holds, wanted in ranges:
        if not holds:
            raise InvalidInput(f"The {name} is {value}; it must be {wanted}.")
    chosen = (covariates,) if isinstance(covariates, str) else tuple(covariates)
    if chosen and variance_reduction:
        raise InvalidInput("What covariates take away is in the moments already; give them or a variance reduction.")
    metric = _metric(control, chosen)
    if isinstance(metric, Refusal):
        return metric
    if relative and metric.value == 0:
        return Refusal(
            Reason.MEAN_TOO_CLOSE_TO_ZERO, "a relative effect on a value of 0 is none", "State an absolute effect."
        )
    if design is not None:
        alpha, sided = design.alpha, design.sided
    sides = sided or (1 if margin else 2)
    crowding = 1 + ((1 + cluster_variation**2) * cluster_size - 1) * icc
    scaled = margin * abs(metric.value) if relative else margin
    return Setting(
        metric, relative, scaled, alpha, sides, treatment_share, (1 - variance_reduction) * crowding,
        variance_reduction, icc, cluster_size, cluster_variation, traffic, design,
    )  # fmt: skip


def _metric(control: Moments | float, covariates: tuple[str, ...]) -> _Metric | Refusal:
    if not isinstance(control, Moments):
        if isinstance(control, bool) or not isinstance(control, int | float) or not 0 < control < 1:
            raise InvalidInput(f"A rate lies in (0, 1); control is {control!r}. For a mean or a ratio give Moments.")
        if covariates:
            raise InvalidInput("A rate alone knows no covariates; give the moments of both, or a variance reduction.")
        return _Metric(float(control), control * (1 - control), "proportion")
    if control.n < 2:
        return Refusal(
            Reason.TOO_FEW_UNITS, f"control's moments are of {control.n} units; 2 are needed", "Take a longer past."
        )
    at = [index_of(control, name) for name in covariates]
    left = [place for place in range(len(control.names)) if place not in at]
    weights = np.zeros(len(control.names))
    if len(left) == 1:
        value, kind = float(control.means[left[0]]), "mean"
        weights[left[0]] = 1.0
    elif len(left) == 2:
        found = linearised(control, left[0], left[1], arm="control", level=0.95)
        if isinstance(found, Refusal):
            return found
        (value, weights), kind = found, "ratio"
    else:
        raise InvalidInput(
            f"A plan is for one mean or one ratio; the moments are of {len(left)} variables beside covariates."
        )
    if at:
        theta, _ = solved(control.cross[np.ix_(at, at)], (control.cross @ weights)[at])
        np.subtract.at(weights, at, theta)
    variance = linear_variance(control, weights)
    if variance <= 0:
        return Refusal(Reason.NO_VARIATION, "all units of control have the same value", "Take moments that vary.")
    return _Metric(value, variance, kind, covariates)


def check_n(n: int) -> None:
    """Raise `InvalidInput` where n is no number of units."""
    if isinstance(n, bool) or not isinstance(n, int) or n < 4:
        raise InvalidInput(f"A comparison needs at least 4 units in all, as a whole number; n is {n!r}.")


def check_power(power: float, setting: Setting) -> None:
    """Raise `InvalidInput` where a power cannot be asked for."""
    least = setting.alpha / setting.sided
    if not isinstance(power, int | float) or not least < power < 1:
        raise InvalidInput(f"The power {power} is outside ({least:g}, 1); 0.8 is usual.")


def check_effect(effect: float, setting: Setting) -> float:
    """Return an effect in the metric's unit, or raise `InvalidInput` where it is none."""
    if not isinstance(effect, int | float) or not math.isfinite(effect):
        raise InvalidInput(f"The effect {effect!r} is not a finite number.")
    moved = setting.absolute(effect)
    if setting.metric.kind == "proportion" and not 0 <= setting.metric.value + moved <= 1:
        raise InvalidInput(f"An effect of {moved:g} on a rate of {setting.metric.value:g} leaves [0, 1].")
    return moved
