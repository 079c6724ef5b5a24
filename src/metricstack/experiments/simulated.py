"""Power by simulation: the comparison that is planned, made many times over with a known effect."""

import math
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.core.values import Check, Estimate, Finding, Moments, Refusal
from metricstack.experiments.anytime_design import ALWAYS_VALID
from metricstack.experiments.effect import Estimated
from metricstack.experiments.planning import Options, Setting, check_effect, check_n, setting_of
from metricstack.experiments.stages import Stages, bernoulli_stages, cluster_stages, normal_stages
from metricstack.numerics.intervals import check_level, t_quantile, wilson

__all__ = ["SimulatedPower", "simulated_power"]

Vector = NDArray[np.float64]
_FEWEST = 100
_SURE = 0.999  # of the interval in which the formula's power is looked for: one in a thousand is off by chance


@dataclass(frozen=True, slots=True)
class SimulatedPower(Estimated):
    """How often simulated comparisons found the effect.

    Args:
        estimate: The power, a fraction, with its Monte Carlo interval; n counts the experiments simulated.
        planned: The power by the formula of `sizing.power`.
        expected_n: Units at which a sequential design ended on average; None for a fixed one.
        stops: Share of the experiments that ended at each look, shape (looks,); (1.0,) for a fixed one.
        units: Units of both arms at each look.
        seed: Of the random numbers.
        checks: Whether the formula agrees with the simulation.
    """

    estimate: Estimate
    planned: float
    expected_n: Estimate | None
    stops: tuple[float, ...]
    units: tuple[int, ...]
    seed: int
    checks: tuple[Check, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The power, and where it may stop early the units that it takes."""
        found = [Finding("How likely is the effect found?", self.estimate, checks=self.checks, subject="power")]
        if self.expected_n is not None:
            found.append(Finding("How many units does it take?", self.expected_n, subject="units at the end"))
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return self.estimate.to_dict() | {
            "kind": "simulated_power", "planned": self.planned, "stops": list(self.stops), "units": list(self.units),
            "expected_n": None if self.expected_n is None else self.expected_n.to_dict(), "seed": self.seed,
            "checks": [check.to_dict() for check in self.checks],
        }  # fmt: skip


def simulated_power(
    *,
    effect: float,
    n: int,
    control: Moments | float,
    experiments: int = 4000,
    seed: int = 0,
    level: float = 0.95,
    **options: Unpack[Options],
) -> SimulatedPower | Refusal:
    """Tell how often a comparison finds an effect, by making it many times with random units of that effect.

    A formula rests on the normal and on known variances. Here the estimator itself runs: Welch's t, the score test,
    the ratio's delta method, CUPED with coefficients fitted in each experiment, cluster means, and every look of a
    sequential design. Units are normal with the moments given (successes of a rate are counted), so that what is
    tested is the design, not the shape of the data.

    Args:
        effect: The true effect, as `sizing.power` takes it.
        n: Units of both arms, at the last look.
        control: What is known of control, as `sizing.power` takes it. With covariates among its moments CUPED is run
            on them; with a ``variance_reduction`` on one covariate of that squared correlation.
        experiments: How many are simulated; 4,000 tell a power of 0.8 within 0.012.
        seed: Of the random numbers.
        level: Confidence level of the Monte Carlo interval.
        **options: Those of `sizing.sample_size`.

    Returns:
        The power with its Monte Carlo interval, beside the formula's; or a refusal as `sizing.power` gives.

    Raises:
        InvalidInput: an argument out of its range, fewer than 100 experiments, or looks with fewer than two units
            (clusters) of an arm.

    Source:
        Morris, White and Crowther (2019), *Using simulation studies to evaluate statistical methods*, Statistics in
        Medicine 38: the Monte Carlo error of a rate is that of a proportion. The example is Cohen (1988), table 2.3.5:
        d = 0.5 with 64 an arm is found in 80 of 100.

    Example:
        >>> found = simulated_power(effect=0.5, n=128, control=Moments.of(1000, 0.0, 1.0), seed=1)
        >>> found.low < 0.8015 < found.high, found.checks[0].passed
        (True, True)
    """
    check_level(level)
    setting = setting_of(control, **options)
    if isinstance(setting, Refusal):
        return setting
    check_n(n)
    if isinstance(experiments, bool) or not isinstance(experiments, int) or experiments < _FEWEST:
        raise InvalidInput(f"At least {_FEWEST} experiments are simulated, as a whole number; got {experiments!r}.")
    moved = check_effect(effect, setting)
    units, arms = _sizes(setting, n)
    draws = _arms(setting, control, moved, arms, (experiments, seed))
    found, ended = _read(setting, moved, *draws)
    share = float(found.mean())
    low, high = wilson(share, experiments, level=level)
    method = f"simulated, {setting.metric.kind}{', CUPED' if _adjusted(setting) else ''}"
    estimate = Estimate(share, "fraction", experiments, method, low, high, level)
    planned = setting.power(moved, n)
    least, most = wilson(share, experiments, level=_SURE)
    agrees = Check(
        "formula", passed=least <= planned <= most, detail=f"the formula gives {planned:.3f}, simulation {share:.3f}"
    )
    stops = np.bincount(ended, minlength=len(units)) / experiments
    expected = None
    if setting.design is not None:
        taken = np.array(units, dtype=np.float64)[ended]
        mean, reach = float(taken.mean()), t_quantile(level, experiments - 1) * float(taken.std(ddof=1))
        reach /= math.sqrt(experiments)
        expected = Estimate(mean, "1", experiments, "simulated mean", mean - reach, mean + reach, level)
    return SimulatedPower(estimate, planned, expected, tuple(float(x) for x in stops), units, seed, (agrees,))


def _adjusted(setting: Setting) -> bool:
    return bool(setting.metric.covariates) or setting.reduction > 0


def _sizes(setting: Setting, n: int) -> tuple[tuple[int, ...], tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return the units at each look, and of each arm what varies: its units, or its clusters."""
    fractions = (1.0,) if setting.design is None else setting.design.fractions
    treatment = n * setting.share
    each = [np.array([round(t * arm / setting.cluster_size) for t in fractions]) for arm in (n - treatment, treatment)]
    if min(int(np.diff(arm, prepend=0).min()) for arm in each) < 2:
        raise InvalidInput(f"With {n} units a look adds fewer than two to an arm. Plan more units, or fewer looks.")
    return tuple(round(n * t) for t in fractions), (each[0], each[1])


def _arms(
    setting: Setting,
    control: Moments | float,
    effect: float,
    n: tuple[NDArray[np.int64], NDArray[np.int64]],
    draw: tuple[int, int],
) -> tuple[Stages, Stages]:
    """Draw both arms of so many experiments by a seed: first what is measured (a ratio's two sums), then covariates."""
    experiments, seed = draw
    found = []
    for arm, moved, sizes in (("control", 0.0, n[0]), ("treatment", effect, n[1])):
        random = stream(seed, "power", arm)
        rate = setting.metric.value + moved
        if setting.cluster_size > 1 and setting.variation > 0:
            variance = _variance(setting, rate) * (1 - setting.reduction)
            parts = (variance * setting.icc, variance * (1 - setting.icc))
            shape = (setting.cluster_size, setting.variation)
            found.append(cluster_stages(random, sizes, rate, parts=parts, sizes=shape, experiments=experiments))
        elif setting.metric.kind == "proportion" and setting.factor == 1:
            found.append(bernoulli_stages(random, sizes, rate, experiments))
        else:
            mean, covariance = _unit(setting, control, moved)
            found.append(normal_stages(random, sizes, mean, covariance, experiments))
    return found[0], found[1]


def _variance(setting: Setting, rate: float) -> float:
    return rate * (1 - rate) if setting.metric.kind == "proportion" else setting.metric.variance


def _unit(setting: Setting, control: Moments | float, moved: float) -> tuple[Vector, Vector]:
    """Return mean and covariance of one unit (one cluster) of an arm that the effect has moved."""
    value = setting.metric.value + moved
    if setting.cluster_size > 1 or setting.reduction > 0 or not isinstance(control, Moments):
        # One value, and a covariate of the squared correlation that was stated.
        crowding = setting.factor / (1 - setting.reduction) / setting.cluster_size
        variance = _variance(setting, value) * crowding
        if setting.reduction == 0:
            return np.array([value]), np.array([[variance]])
        shared = math.sqrt(setting.reduction * variance)
        return np.array([value, 0.0]), np.array([[variance, shared], [shared, 1.0]])
    at = [control.names.index(name) for name in setting.metric.covariates]
    order = [place for place in range(len(control.names)) if place not in at] + at
    mean, covariance = control.means[order].copy(), control.cross[np.ix_(order, order)] / (control.n - 1)
    # A ratio is moved in each unit: the numerator by so many of its denominators.
    push = np.eye(len(order))
    if setting.metric.kind == "ratio":
        push[0, 1] = moved
    else:
        mean[0] += moved
    return push @ mean, push @ covariance @ push.T


def _read(setting: Setting, effect: float, a: Stages, b: Stages) -> tuple[Vector, NDArray[np.int64]]:
    """Run the test at every look: which experiments find the effect, and at which look each ends."""
    statistic, freedom = _statistic(setting, effect, a, b)
    design = setting.design
    if design is None:
        critical = _critical(setting.alpha / setting.sided, freedom)
        rejected = statistic >= critical
        if setting.sided == 2:
            rejected |= statistic <= -critical
        return rejected[:, 0].astype(np.float64), np.zeros(len(rejected), dtype=np.int64)
    bounds = np.array(design.critical)
    if setting.metric.kind != "proportion" and design.spending != ALWAYS_VALID:
        tails = np.array(design.nominal_p) / design.sided
        critical = np.where(tails > 0, _critical(np.maximum(tails, 1e-300), freedom), np.inf)
    else:
        critical = np.broadcast_to(bounds, statistic.shape)
    above = statistic >= critical
    below = statistic <= -critical if design.sided == 2 else np.zeros_like(above)
    if design.futility is not None:
        below |= statistic <= np.array(design.futility)
    left = above | below
    ended = np.where(left.any(axis=1), left.argmax(axis=1), len(bounds) - 1)
    return above[np.arange(len(ended)), ended].astype(np.float64), ended


def _critical(tail: float | Vector, freedom: Vector) -> Vector:
    from scipy.special import ndtri, stdtrit

    found: Vector = np.where(np.isinf(freedom), -ndtri(tail), -stdtrit(np.where(np.isinf(freedom), 1.0, freedom), tail))
    return found


def _statistic(setting: Setting, effect: float, a: Stages, b: Stages) -> tuple[Vector, Vector]:
    """Return the test statistic, towards the effect, and its degrees of freedom, shape (experiments, looks) each.

    Derivation:
        As `arms_cuped`, `ratio_difference` and `cluster_difference` do for one experiment: each arm's value is linear
        in its variables with weights w, coefficients of covariates are pooled within the arms, and the variance is
        that of ``w'z - theta'x``.
    """
    unequal = setting.cluster_size > 1 and setting.variation > 0
    ratio = unequal or (setting.metric.kind == "ratio" and setting.cluster_size == 1 and setting.reduction == 0)
    k = a.means.shape[-1]
    first = 2 if ratio else 1
    values, weights = [], []
    for arm in (a, b):
        w = np.zeros_like(arm.means)
        w[..., 0] = 1.0
        value = arm.means[..., 0]
        if ratio:
            below = arm.means[..., 1]
            value = value / below
            w[..., 0], w[..., 1] = 1 / below, -value / below
        values.append(value)
        weights.append(w)
    lost = 0
    if k > first:
        lost = k - first
        within = a.cross[..., first:, first:] + b.cross[..., first:, first:]
        shared = sum(
            np.einsum("elij,elj->eli", arm.cross[..., first:, :], w) for arm, w in zip((a, b), weights, strict=True)
        )
        theta = np.linalg.solve(within, shared[..., None])[..., 0]
        for i, arm in enumerate((a, b)):
            values[i] = values[i] - (theta * arm.means[..., first:]).sum(axis=-1)
            weights[i][..., first:] -= theta
    spreads = [
        np.einsum("eli,elij,elj->el", w, arm.cross, w) / (arm.n - 1) / arm.n
        for arm, w in zip((a, b), weights, strict=True)
    ]
    if setting.metric.kind == "proportion" and k == 1 and setting.factor == 1:
        return _scores(setting, effect, a, b)
    total = spreads[0] + spreads[1]
    own = [_equal_clusters(arm) - 1 if unequal else arm.n - 1 for arm in (a, b)]
    freedom = total**2 / (spreads[0] ** 2 / own[0] + spreads[1] ** 2 / own[1])
    n = a.n + b.n
    freedom = freedom * np.maximum(n - 2 - lost, 1) / np.maximum(n - 2, 1)
    return _towards(setting, effect, values[1] - values[0], np.sqrt(total)), freedom


def _equal_clusters(arm: Stages) -> Vector:
    """As how many clusters of one size those of an arm speak, as in `cluster_difference`; their size is second."""
    found: Vector = arm.n / (1 + arm.cross[..., 1, 1] / (arm.n * arm.means[..., 1] ** 2))
    return found


def _scores(setting: Setting, effect: float, a: Stages, b: Stages) -> tuple[Vector, Vector]:
    """The same of two rates: pooled where no effect is what is tested once, each arm's own variance otherwise."""
    p, q = a.means[..., 0], b.means[..., 0]
    if setting.margin or setting.design is not None:
        variance = p * (1 - p) / a.n + q * (1 - q) / b.n
    else:
        pooled = (a.n * p + b.n * q) / (a.n + b.n)
        variance = pooled * (1 - pooled) * (1 / a.n + 1 / b.n)
    return _towards(setting, effect, q - p, np.sqrt(variance)), np.full_like(p, np.inf)


def _towards(setting: Setting, effect: float, difference: Vector, error: Vector) -> Vector:
    sign = -1.0 if effect < 0 and not setting.margin else 1.0
    found: Vector = np.divide(sign * difference + setting.margin, error, out=np.zeros_like(difference), where=error > 0)
    return found
