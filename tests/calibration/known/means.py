"""Means, ratios, quantiles and lifts of two arms, plain and adjusted."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from metricstack.core.values import Moments
from metricstack.experiments import (
    BinnedSample,
    cuped,
    diluted,
    diluted_ratio,
    equivalence,
    noninferiority,
    post_stratified,
    quantile_difference,
    ratio_difference,
    regression_adjusted,
    relative_lift,
    welch,
    winsorised_difference,
)

from .scenario import NOMINAL, at_most, between, each, joint, misses, moments, naive, rejects, scenario

Array = NDArray[np.float64]
Rng = np.random.Generator

# Of 100 users who count very unequally the variance of a ratio, the logarithm of a skewed mean, and coefficients that
# are themselves estimated leave half a point: seen over 10,000 to 20,000 draws.
NEARLY = between(0.05, 0.0575)


@scenario(
    "p95 of requests nested in users: 200 users an arm, about 21 requests each; none, and +20 %",
    draws=1000, few=60, every_request_for_itself=naive(0.4), by_users=NOMINAL, by_users_histogram=NOMINAL,
    shift=NOMINAL, relative=NOMINAL,
)  # fmt: skip
def p95_of_requests(rng: Rng, draws: int) -> dict[str, Any]:
    wrong: list[list[bool]] = []
    # The log of a request is normal with variance 0.8² + 0.5², so its p95 is known.
    p95 = float(np.exp(1.6448536 * np.hypot(0.8, 0.5)))
    for _ in range(draws):
        (a, ua), (b, ub) = (_nested(rng, 200) for _ in range(2))
        plain = quantile_difference(control=a, treatment=b, q=0.95)
        answers = [
            quantile_difference(control=a, treatment=b, q=0.95, units=(ua, ub)),
            quantile_difference(control=_binned(a, ua), treatment=_binned(b, ub), q=0.95),
        ]
        shift = quantile_difference(control=a, treatment=1.2 * b, q=0.95, units=(ua, ub))
        lift = quantile_difference(control=a, treatment=1.2 * b, q=0.95, units=(ua, ub), relative=True)
        wrong.append([*rejects([plain, *answers]), *misses([shift], 0.2 * p95), *misses([lift], 0.2)])
    names = ("every request for itself", "by users", "by users histogram", "shift", "relative")
    return dict(zip(names, np.array(wrong).T, strict=True))


def _nested(rng: Rng, users: int) -> tuple[Array, NDArray[np.int64]]:
    units = np.repeat(np.arange(users), rng.poisson(20, users) + 1)
    return np.exp(rng.normal(0, 0.8, users)[units] + rng.normal(0, 0.5, len(units))), units


def _binned(values: Array, units: NDArray[np.int64]) -> BinnedSample:
    bins = np.ceil(np.log(values) / np.log(1.0202)).astype(np.int64)
    return BinnedSample(bins=bins, weights=np.ones(len(bins)), buckets=units)


@scenario(
    "ratio of sums (success per request): 100 users an arm of about 33 requests each; none, and +3 points",
    draws=4000, every_request_for_itself=naive(0.38), delta=NEARLY, points=NEARLY, relative=NEARLY, log_delta=NEARLY,
)  # fmt: skip
def ratios_of_sums(rng: Rng, draws: int) -> dict[str, Any]:
    def arm(lift: float) -> tuple[Array, Array]:
        requests = rng.poisson(rng.gamma(4, 8, (draws, 100))) + 1.0
        chance = rng.beta(3, 3, (draws, 100)) * 0.9 + lift
        return rng.binomial(requests.astype(np.int64), chance).astype(np.float64), requests

    (xa, ma), (xb, mb), (xc, mc) = arm(0.0), arm(0.0), arm(0.03)
    rates, sizes = [x.sum(axis=1) / m.sum(axis=1) for x, m in ((xa, ma), (xb, mb))], (ma.sum(axis=1), mb.sum(axis=1))
    error = np.sqrt(sum(p * (1 - p) / n for p, n in zip(rates, sizes, strict=True)))
    a, b, c = (joint(success=x, requests=m) for x, m in ((xa, ma), (xb, mb), (xc, mc)))
    return {
        "every request for itself": np.abs(rates[1] - rates[0]) > 1.96 * error,
        "delta": rejects(each(ratio_difference, a, b)),
        "points": misses(each(ratio_difference, a, c), 0.03),
        "relative": misses(each(ratio_difference, a, c, relative=True), 0.03 / 0.45),
        "log delta": misses(each(ratio_difference, a, c, relative=True, method="log_delta"), 0.03 / 0.45),
    }


@scenario(
    "difference of means: 20 and 60 units of deviations 3 and 1; none, and 1",
    pooled_variance=naive(0.1), Welch=NOMINAL, one=NOMINAL,
)  # fmt: skip
def unequal_means(rng: Rng, draws: int) -> dict[str, Any]:
    x, y = rng.normal(0, 3, (draws, 20)), rng.normal(0, 1, (draws, 60))
    pooled = (19 * x.var(axis=1, ddof=1) + 59 * y.var(axis=1, ddof=1)) / 78
    a, b = moments(x), moments(y)
    return {
        "pooled variance": np.abs(y.mean(axis=1) - x.mean(axis=1)) > 1.991 * np.sqrt(pooled * (1 / 20 + 1 / 60)),
        "Welch": rejects(each(welch, a, b)),
        "one": misses(each(welch, a, moments(y + 1)), 1.0),
    }


def _lifts(rng: Rng, draws: int, lift: float) -> dict[str, Any]:
    x, y = rng.gamma(0.25, 4.0, (draws, 200)), rng.gamma(0.25, 4.0 * (1 + lift), (draws, 200))
    error = np.sqrt((x.var(axis=1, ddof=1) + y.var(axis=1, ddof=1)) / 200) / x.mean(axis=1)
    a, b = moments(x), moments(y)
    return {
        "control taken as exact": np.abs(y.mean(axis=1) / x.mean(axis=1) - 1 - lift) > 1.96 * error,
        "Fieller": misses(each(relative_lift, a, b), lift),
        "log delta": misses(each(relative_lift, a, b, method="log_delta"), lift),
        "delta": misses(each(relative_lift, a, b, method="delta"), lift),
    }


@scenario(
    "relative lift of skewed amounts: 200 units an arm, deviation twice the mean; no lift",
    draws=8000, few=400, Fieller=NOMINAL, log_delta=NEARLY, delta=between(0.055, 0.065),
)  # fmt: skip
def no_lift(rng: Rng, draws: int) -> dict[str, Any]:
    found = _lifts(rng, draws, 0.0)
    del found["control taken as exact"]  # without a lift it is the absolute test, and right
    return found


@scenario(
    "relative lift of skewed amounts: 200 units an arm, deviation twice the mean; +50 %",
    draws=8000, few=400, control_taken_as_exact=naive(0.075), Fieller=NOMINAL, log_delta=NEARLY,
    delta=between(0.055, 0.065),
)  # fmt: skip
def half_a_lift(rng: Rng, draws: int) -> dict[str, Any]:
    return _lifts(rng, draws, 0.5)


def _before(rng: Rng, draws: int, n: int, effect: float) -> tuple[Array, Array, Array, Array]:
    """Draw an outcome with two covariates of before that explain most of it, and one that explains nothing."""
    habit, other, noise = (rng.gamma(2, 1, (draws, n)) for _ in range(3))
    outcome = 2 * habit + other + rng.exponential(2, (draws, n)) + effect * (1 + 0.5 * (habit - 2))
    return outcome, habit, other, noise


@scenario(
    "CUPED, 60 and 120 units; 1 covariate and 3 of before; none, and 1 on average (more for the active)",
    draws=4000, few=120, plain=NOMINAL, one=NOMINAL, three=NEARLY, effect=NOMINAL, relative=NOMINAL,
    regressions=NOMINAL, regressions_effect=NOMINAL, regressions_relative=NOMINAL,
)  # fmt: skip
def adjusted_means(rng: Rng, draws: int) -> dict[str, Any]:
    names = ("y", "habit", "other", "noise")
    a, b, c = (
        joint(**dict(zip(names, _before(rng, draws, n, effect), strict=True)))
        for n, effect in ((60, 0.0), (120, 0.0), (120, 1.0))
    )
    three = {"covariates": names[1:]}
    return {
        "plain": rejects(each(welch, [_first(one) for one in a], [_first(one) for one in b])),
        "one": rejects(each(cuped, a, b, covariates="habit")),
        "three": rejects(each(cuped, a, b, **three)),
        "effect": misses(each(cuped, a, c, **three), 1.0),
        "relative": misses(each(cuped, a, c, relative=True, **three), 1 / 8),
        "regressions": rejects(each(regression_adjusted, a, b, **three)),
        "regressions effect": misses(each(regression_adjusted, a, c, **three), 1.0),
        "regressions relative": misses(each(regression_adjusted, a, c, relative=True, **three), 1 / 8),
    }


def _first(one: Moments) -> Moments:
    return Moments.of(one.n, one.mean, one.variance)


@scenario(
    "CUPED of a ratio (clicks per view), 100 users an arm; covariates clicks and views of before; none, and +2 points",
    draws=6000, none=NEARLY, points=NEARLY, relative=NEARLY,
)  # fmt: skip
def adjusted_ratios(rng: Rng, draws: int) -> dict[str, Any]:
    def arm(lift: float) -> list[Moments]:
        habit, chance = rng.gamma(4, 2, (draws, 100)), rng.beta(3, 9, (draws, 100))
        views, before = (rng.poisson(habit) + 1 for _ in range(2))
        clicks, clicked = rng.binomial(views, chance + lift), rng.binomial(before, chance)
        columns = {"clicks": clicks, "views": views, "clicks before": clicked, "views before": before}
        return joint(**{name: values.astype(np.float64) for name, values in columns.items()})

    a, b, c = arm(0.0), arm(0.0), arm(0.02)
    how: dict[str, Any] = {"covariates": ("clicks before", "views before"), "denominator": "views"}
    return {
        "none": rejects(each(cuped, a, b, **how)),
        "points": misses(each(cuped, a, c, **how), 0.02),
        "relative": misses(each(cuped, a, c, relative=True, **how), 0.08),
    }


@scenario(
    "post-stratified, 120 units an arm in three strata of 60, 30, 10 %; effects 0, 1, 5",
    weights_taken_as_known=naive(0.09), weights_estimated=NOMINAL, relative=NOMINAL, known=NOMINAL,
)  # fmt: skip
def strata(rng: Rng, draws: int) -> dict[str, Any]:
    shares, levels, gains = np.array([0.6, 0.3, 0.1]), np.array([1.0, 4.0, 12.0]), np.array([0.0, 1.0, 5.0])
    found: dict[str, list[Any]] = {name: [] for name in ("seen", "own", "relative", "known")}
    names = ("small", "middle", "large")
    for _ in range(draws):
        arms = []
        for gain in (np.zeros(3), gains):
            stratum = rng.choice(3, 120, p=shares)
            values = (levels + gain)[stratum] + rng.normal(0, 1, 120)
            arms.append({name: values[stratum == k] for k, name in enumerate(names)})
        counts = {name: len(arms[0][name]) + len(arms[1][name]) for name in names}
        own = {name: count / 240 for name, count in counts.items()}
        pair = {"control": arms[0], "treatment": arms[1]}
        found["seen"].append(post_stratified(**pair, weights=own))
        found["own"].append(post_stratified(**pair))
        found["relative"].append(post_stratified(**pair, relative=True))
        found["known"].append(post_stratified(**pair, weights=dict(zip(names, shares.tolist(), strict=True))))
    truth = float(shares @ gains)
    return {
        "weights taken as known": misses(found["seen"], truth),
        "weights estimated": misses(found["own"], truth),
        "relative": misses(found["relative"], truth / float(shares @ levels)),
        "known": misses(found["known"], truth),
    }


@scenario(
    "capped means of log-normal amounts (deviation of the log 1.5), 300 units an arm; none, and the effect of a "
    "fixed cap",
    none=NOMINAL, fixed_cap=NOMINAL, relative=NOMINAL,
)  # fmt: skip
def capped(rng: Rng, draws: int) -> dict[str, Any]:
    a, b = (rng.lognormal(0, 1.5, (draws, 300)) for _ in range(2))
    c = 1.3 * rng.lognormal(0, 1.5, (draws, 300))
    low, high = (_capped_mean(1.5, 20.0, scale) for scale in (1.0, 1.3))
    return {
        "none": rejects(each(winsorised_difference, a, b)),
        "fixed cap": misses(each(winsorised_difference, a, c, cap=20.0), high - low),
        "relative": misses(each(winsorised_difference, a, c, cap=20.0, relative=True), high / low - 1),
    }


def _capped_mean(deviation: float, cap: float, scale: float) -> float:
    """The mean of min(scale x, cap), x log-normal: its part below the cap, and the cap for the rest."""
    from scipy.special import ndtr

    z = np.log(cap / scale) / deviation
    return float(scale * np.exp(deviation**2 / 2) * ndtr(z - deviation) + cap * ndtr(-z))


@scenario(
    "not worse: 150 and 100 units, the truth exactly at the margin, one-sided",
    draws=6000, few=600, absolute=between(0.025, 0.025), relative=between(0.025, 0.025),
    lower_is_better=between(0.025, 0.025),
)  # fmt: skip
def at_the_margin(rng: Rng, draws: int) -> dict[str, Any]:
    a = rng.normal(10, 3, (draws, 150))
    worse, more = rng.normal(9.5, 2, (draws, 100)), rng.normal(10.5, 2, (draws, 100))
    control, less = moments(a), moments(worse)

    def shown(treatment: list[Moments], **how: Any) -> NDArray[np.bool_]:
        return np.array([one.holds for one in each(noninferiority, control, treatment, **how)])

    return {
        "absolute": shown(less, margin=0.5, kind="absolute"),
        "relative": shown(less, margin=0.05, kind="relative"),
        "lower is better": shown(moments(more), margin=0.5, kind="absolute", better="lower"),
    }


@scenario(
    "the same: the truth exactly at the margin, 400 units an arm and 50",
    draws=4000, few=600, at_the_margin=NOMINAL, relative=NOMINAL, fifty_not_significant_so_the_same=naive(0.5),
    fifty=at_most(),
)  # fmt: skip
def the_same(rng: Rng, draws: int) -> dict[str, Any]:
    a, b = rng.normal(10, 2, (draws, 400)), rng.normal(10.5, 2, (draws, 400))
    x, y = rng.normal(10, 2, (draws, 50)), rng.normal(10.5, 2, (draws, 50))
    control, treatment, few, fewer = moments(a), moments(b), moments(x), moments(y)

    def shown(one: list[Moments], two: list[Moments], **how: Any) -> NDArray[np.bool_]:
        return np.array([found.holds for found in each(equivalence, one, two, **how)])

    return {
        "at the margin": shown(control, treatment, margin=0.5, kind="absolute"),
        "relative": shown(control, treatment, margin=0.05, kind="relative"),
        "fifty not significant so the same": ~rejects(each(welch, few, fewer)),
        "fifty": shown(few, fewer, margin=0.5, kind="absolute"),
    }


@scenario(
    "triggered analysis: a tenth of 4,000 units an arm is reached and gains 1; effect on everyone 0.1",
    everyone=NOMINAL, reached=NOMINAL,
)  # fmt: skip
def triggered(rng: Rng, draws: int) -> dict[str, Any]:
    found: list[Any] = []
    for _ in range(draws):
        counts = rng.binomial(4000, 0.1, 2)
        a, b = rng.normal(5, 2.5, counts[0]), rng.normal(6, 2.5, counts[1])
        found.append(diluted(control=a, treatment=b, control_n=4000, treatment_n=4000))
    return {
        "everyone": misses([one.everyone for one in found], 0.1),
        "reached": misses([one.triggered for one in found], 1.0),
    }


@scenario(
    "triggered ratio (success per run): a fifth of 1,000 units an arm is reached, has more runs, and gains",
    share_times_the_effect_on_the_reached=naive(0.3), everyone=NOMINAL, none=NOMINAL, reached=NOMINAL,
)  # fmt: skip
def triggered_ratio(rng: Rng, draws: int) -> dict[str, Any]:
    def units(n: int, runs: float, wins: float) -> dict[str, Array]:
        count = rng.poisson(runs, n) + 1.0
        return {"wins": rng.binomial(count.astype(np.int64), wins).astype(np.float64), "runs": count}

    def sums(runs: float, wins: float) -> float:
        # Per assigned unit: a fifth with runs + 1 of them, the others with 3, of which 80 % succeed.
        return (0.2 * (runs + 1) * wins + 0.8 * 3 * 0.8) / (0.2 * (runs + 1) + 0.8 * 3)

    truth, found, null, share = sums(7.5, 0.6) - sums(6.0, 0.5), list[Any](), list[Any](), list[bool]()
    for _ in range(draws):
        reached = rng.binomial(1000, 0.2, 3)
        kinds = [units(n, *of) for n, of in zip(reached, ((6.0, 0.5), (7.5, 0.6), (6.0, 0.5)), strict=True)]
        rests = [units(1000 - n, 2.0, 0.8) for n in reached]
        found.append(
            diluted_ratio(control=kinds[0], treatment=kinds[1], control_rest=rests[0], treatment_rest=rests[1])
        )
        null.append(diluted_ratio(control=kinds[0], treatment=kinds[2], control_rest=rests[0], treatment_rest=rests[2]))
        low, high = (found[-1].share.value * bound for bound in (found[-1].triggered.low, found[-1].triggered.high))
        share.append(not low <= truth <= high)
    return {
        "share times the effect on the reached": np.array(share),
        "everyone": misses([one.everyone for one in found], truth),
        "none": rejects([one.everyone for one in null]),
        "reached": misses([one.triggered for one in found], 0.1),
    }
