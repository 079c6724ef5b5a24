"""Answers that are looked at again and again: at any time, at planned looks, and over the days of a split."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from metricstack.core.values import Moments, Refusal
from metricstack.experiments import (
    always_valid,
    always_valid_effect,
    bounded_mean_sequence,
    group_sequential_bounds,
    msprt,
    ratio_difference,
    sample_ratio,
    stagewise_effect,
    welch,
)
from metricstack.experiments.effect import effect

from .scenario import NOMINAL, Rate, at_most, misses, naive, rejects, scenario

Array = NDArray[np.float64]
Rng = np.random.Generator
DAYS, EACH = 30, 100


def _days(values: Array) -> list[list[Moments]]:
    """Take the moments so far of each day, of shape (draws, days, units of a day)."""
    count = np.arange(1, values.shape[1] + 1) * values.shape[2]
    sums, squares = (np.cumsum(part.sum(axis=2), axis=1) for part in (values, values**2))
    means = sums / count
    variances = (squares - count * means**2) / (count - 1)
    return [
        [Moments.of(int(n), float(m), float(v)) for n, m, v in zip(count, *row, strict=True)]
        for row in zip(means, variances, strict=True)
    ]


def _ever(call: Any, control: list[list[Moments]], treatment: list[list[Moments]], truth: float | None) -> Any:
    """Tell in which draws an answer was wrong on any day: the null rejected, or a truth left out."""
    found = []
    for a, b in zip(control, treatment, strict=True):
        answers = [call(x, y) for x, y in zip(a, b, strict=True)]
        found.append((rejects(answers) if truth is None else misses(answers, truth)).any())
    return np.array(found)


@scenario(
    "30 daily peeks at means of skewed amounts, 100 units an arm a day; none, and 0.1",
    draws=1000, few=40, fixed_test_every_day=naive(0.2), fixed_interval_every_day=naive(0.2),
    always_valid=at_most(), always_valid_effect=at_most(), mSPRT=at_most(), covers_every_day=at_most(),
    mSPRT_covers=at_most(),
)  # fmt: skip
def daily_peeks(rng: Rng, draws: int) -> dict[str, Any]:
    a, b = (_days(rng.exponential(1, (draws, DAYS, EACH))) for _ in range(2))
    c = _days(0.1 + rng.exponential(1, (draws, DAYS, EACH)))
    planned = 2 * DAYS * EACH

    def fixed(x: Moments, y: Moments) -> Any:
        return welch(control=x, treatment=y)

    def valid(x: Moments, y: Moments) -> Any:
        return always_valid(control=x, treatment=y, planned_n=planned)

    def of_effect(x: Moments, y: Moments) -> Any:
        found = fixed(x, y)
        return found if isinstance(found, Refusal) else always_valid_effect(found, planned_n=planned)

    def mixture(x: Moments, y: Moments) -> Any:
        return msprt(control=x, treatment=y, tau=0.1)

    return {
        "fixed test every day": _ever(fixed, a, b, None),
        "fixed interval every day": _ever(fixed, a, c, 0.1),
        "always valid": _ever(valid, a, b, None),
        "always valid effect": _ever(of_effect, a, b, None),
        "mSPRT": _ever(mixture, a, b, None),
        "covers every day": _ever(valid, a, c, 0.1),
        "mSPRT covers": _ever(mixture, a, c, 0.1),
    }


@scenario(
    "30 daily peeks at a ratio of sums, 100 users an arm a day; no difference",
    draws=500, few=30, delta_method_every_day=naive(0.2), always_valid_effect=at_most(),
)  # fmt: skip
def ratio_peeks(rng: Rng, draws: int) -> dict[str, Any]:
    views = (rng.poisson(3, (2, draws, DAYS, EACH)) + 1).astype(np.float64)
    clicks = rng.binomial(views.astype(np.int64), rng.beta(2, 4, views.shape)).astype(np.float64)
    wrong: list[tuple[bool, bool]] = []
    for draw in range(draws):
        arms = []
        for arm in range(2):
            days = [
                Moments.of_samples(clicks=c, views=v) for c, v in zip(clicks[arm, draw], views[arm, draw], strict=True)
            ]
            so_far = [days[0]]
            for day in days[1:]:
                so_far.append(so_far[-1].merge(day))
            arms.append(so_far)
        found: Any = [ratio_difference(control=x, treatment=y) for x, y in zip(*arms, strict=True)]
        valid = [always_valid_effect(one, planned_n=2 * DAYS * EACH) for one in found]
        wrong.append((bool(rejects(found).any()), bool(rejects(valid).any())))
    plain, always = np.array(wrong).T
    return {"delta method every day": plain, "always valid effect": always}


UNEQUAL = (0.08, 0.3, 0.35, 0.8, 1.0)


def _z(rng: Rng, draws: int, fractions: Any, drift: float = 0.0) -> Array:
    """Draw z at each look: a Brownian motion at the information fractions, over their roots."""
    at = np.asarray(fractions)
    steps = np.diff(at, prepend=0.0)
    return (np.cumsum(rng.normal(size=(draws, len(at))) * np.sqrt(steps), axis=1) + drift * at) / np.sqrt(at)


@scenario(
    "five planned looks, equal and at 8, 30, 35, 80, 100 % of the information; no effect",
    draws=20_000, few=4000, a_fixed_bound_at_each=naive(0.12), OBrien_Fleming=NOMINAL, Pocock=NOMINAL, power=NOMINAL,
    Hwang_Shih_DeCani=NOMINAL, unequal_OBrien_Fleming=NOMINAL, unequal_Pocock=NOMINAL, unequal_power=NOMINAL,
    unequal_Hwang_Shih_DeCani=NOMINAL, one_sided=Rate(0.025, 0.025),
)  # fmt: skip
def planned_looks(rng: Rng, draws: int) -> dict[str, Any]:
    families = {"OBrien Fleming": "obrien_fleming", "Pocock": "pocock", "power": "power",
                "Hwang Shih DeCani": "hwang_shih_decani"}  # fmt: skip
    even, odd = _z(rng, draws, np.arange(1, 6) / 5), _z(rng, draws, UNEQUAL)
    found = {"a fixed bound at each": (np.abs(even) > 1.96).any(axis=1)}
    for name, family in families.items():
        found[name] = (np.abs(even) >= group_sequential_bounds(5, spending=family).critical).any(axis=1)
    for name, family in families.items():
        bounds = group_sequential_bounds(UNEQUAL, spending=family)
        found[f"unequal {name}"] = (np.abs(odd) >= bounds.critical).any(axis=1)
    one = group_sequential_bounds(UNEQUAL, alpha=0.025, sided=1)
    return found | {"one sided": (odd >= one.critical).any(axis=1)}


@scenario(
    "an effect whose test stopped at one of four looks (Pocock; 0.5 and 3 standard errors): intervals, and how many "
    "estimates are too high",
    draws=700, few=20, plain=naive(0.055), plain_too_high=naive(0.53), stage_wise=NOMINAL,
    stage_wise_of_3=NOMINAL, stage_wise_too_high=Rate(0.5, 0.5),
)  # fmt: skip
def stopped(rng: Rng, draws: int) -> dict[str, Any]:
    design = group_sequential_bounds(4, spending="pocock")
    at = np.array(design.fractions)

    def answers(drift: float, draws: int) -> tuple[list[Any], list[Any]]:
        z = _z(rng, draws, at, drift=drift)
        beyond = np.abs(z) >= design.critical
        look = np.where(beyond.any(axis=1), beyond.argmax(axis=1), len(at) - 1)
        error = 1 / np.sqrt(at[look])  # of an effect whose standard error at the end is 1
        plain = [
            effect(float(row[k]) * e, float(e), n=1000, method="z") for row, k, e in zip(z, look, error, strict=True)
        ]
        return plain, list(look)

    small, large = answers(0.5, draws), answers(3.0, draws)
    corrected = [[stagewise_effect(one, design=design, look=int(k) + 1) for one, k in zip(*pair, strict=True)]
                 for pair in (small, large)]  # fmt: skip
    # The plain ones need no integration: many more of them show a smaller error.
    return {
        "plain": misses(answers(0.5, 40 * draws)[0], 0.5),
        "plain too high": np.array([one.value > 3.0 for one in answers(3.0, 40 * draws)[0]]),
        "stage wise": misses(corrected[0], 0.5),
        "stage wise of 3": misses(corrected[1], 3.0),
        "stage wise too high": np.array([one.value > 3.0 for one in corrected[1]]),
    }


@scenario(
    "the split of 2,000 and 5 : 3 : 2 units, at 5 % and 0.1 %; of 12 units, exact",
    draws=20_000, few=2000, five_percent=NOMINAL, a_thousandth=Rate(0.001, 0.001), exact=at_most(),
)  # fmt: skip
def splits(rng: Rng, draws: int) -> dict[str, Any]:
    shares = [0.5, 0.3, 0.2]
    many, few = rng.multinomial(2000, shares, draws), rng.multinomial(12, shares, draws)

    def found(counts: Any, method: str, alpha: float) -> NDArray[np.bool_]:
        # Any deviation counts here: what is held is the test, not the tolerance beside it.
        called = {}
        for row in map(tuple, counts):
            if row not in called:
                one = sample_ratio(row, shares, method, alpha=alpha, tolerance=1e-9)
                called[row] = not isinstance(one, Refusal) and one.mismatch
        return np.array([called[tuple(row)] for row in counts])

    return {
        "five percent": found(many, "chi_square", 0.05),
        "a thousandth": found(many, "chi_square", 0.001),
        "exact": found(few, "exact", 0.05),
    }


@scenario(
    "the split watched on 60 days, 200 units a day; fair",
    draws=5000, few=500, chi_square_every_day=naive(0.3), sequential=at_most(), sequential_a_thousandth=at_most(0.001),
)  # fmt: skip
def daily_splits(rng: Rng, draws: int) -> dict[str, Any]:
    treated = np.cumsum(rng.binomial(200, 0.5, (draws, 60)), axis=1)
    total = 200 * np.arange(1, 61)
    counts = np.stack([total - treated, treated], axis=2)
    answers: list[Any] = [sample_ratio(rows, None, "sequential", tolerance=1e-9) for rows in counts]
    p = np.array([one.p_value for one in answers])
    return {
        "chi square every day": (np.abs(treated - total / 2) / np.sqrt(total / 4) > 1.96).any(axis=1),
        "sequential": p < 0.05,
        "sequential a thousandth": p < 0.001,
    }


@scenario(
    "the mean of 400 scores in [0, 1], looked at after each; skewed (mean 0.2), and of 0 and 1 (mean 0.9)",
    draws=500, few=20, fixed_interval_after_each=naive(0.3), betting=at_most(), betting_of_0_and_1=at_most(),
    Bernstein=at_most(), Bernstein_of_0_and_1=at_most(),
)  # fmt: skip
def bounded(rng: Rng, draws: int) -> dict[str, Any]:
    skewed = rng.beta(0.5, 2, (draws, 400))
    binary = (rng.random((draws, 400)) < 0.9).astype(np.float64)
    count = np.arange(1, 401)
    mean = np.cumsum(skewed, axis=1) / count
    spread = np.sqrt(np.maximum(np.cumsum(skewed**2, axis=1) / count - mean**2, 1e-12) / count)

    def wrong(values: Array, truth: float, method: str) -> NDArray[np.bool_]:
        # The interval is the intersection of all so far: it leaves the truth out if one ever did, or is refused.
        answers = [bounded_mean_sequence(row, method=method) for row in values]
        return np.array([isinstance(one, Refusal) or not one.low <= truth <= one.high for one in answers])  # type: ignore[operator]

    return {
        "fixed interval after each": (np.abs(mean - 0.2) > 1.96 * spread)[:, 29:].any(axis=1),
        "betting": wrong(skewed, 0.2, "betting"),
        "betting of 0 and 1": wrong(binary, 0.9, "betting"),
        "Bernstein": wrong(skewed, 0.2, "empirical_bernstein"),
        "Bernstein of 0 and 1": wrong(binary, 0.9, "empirical_bernstein"),
    }
