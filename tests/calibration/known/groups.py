"""Groups: segments and families of tests, clusters, blocks of time, and covariates of before."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from metricstack.core.values import Refusal
from metricstack.experiments import (
    aa_verdict,
    adjust,
    balance,
    cluster_difference,
    effect_contrast,
    heterogeneity,
    intraclass_correlation,
    switchback_difference,
    welch,
)

from .scenario import NOMINAL, Rate, at_most, between, each, joint, misses, moments, naive, rejects, scenario

Array = NDArray[np.float64]
Rng = np.random.Generator
SEGMENTS = 20


def _segments(rng: Rng, draws: int, n: int, effects: Array) -> list[list[Any]]:
    """Draw the effects of segments of skewed amounts: for each draw, one of each."""
    shape = (draws * SEGMENTS, n)
    shift = np.tile(effects, draws)[:, None]
    found = each(welch, moments(rng.exponential(1, shape)), moments(rng.exponential(1, shape) + shift))
    return [found[k : k + SEGMENTS] for k in range(0, len(found), SEGMENTS)]


@scenario(
    "20 segments of 60 units an arm without any effect: is one of them called?",
    draws=1500, few=60, each_by_itself=naive(0.45), BH=at_most(), Holm=at_most(), heterogeneity=NOMINAL,
    standing_out=at_most(),
)  # fmt: skip
def null_segments(rng: Rng, draws: int) -> dict[str, Any]:
    segments = _segments(rng, draws, 60, np.zeros(SEGMENTS))
    tests = [heterogeneity(row) for row in segments]
    p_values = [[one.p_value for one in row] for row in segments]
    return {
        "each by itself": np.array([min(row) <= 0.05 for row in p_values]),
        "BH": np.array([any(adjust(row, "bh").rejected) for row in p_values]),  # type: ignore[union-attr]
        "Holm": np.array([any(adjust(row, "holm").rejected) for row in p_values]),  # type: ignore[union-attr]
        "heterogeneity": np.array([not isinstance(one, Refusal) and one.differs for one in tests]),
        "standing out": np.array([not isinstance(one, Refusal) and any(one.standing_out) for one in tests]),
    }


@scenario(
    "20 segments of 15 units an arm without any effect: heterogeneity of few units",
    draws=3000, few=60, errors_taken_as_known=naive(0.075), heterogeneity=NOMINAL,
)  # fmt: skip
def small_segments(rng: Rng, draws: int) -> dict[str, Any]:
    from scipy.special import chdtrc

    shape = (draws * SEGMENTS, 15)
    found = each(welch, moments(rng.normal(0, 1, shape)), moments(rng.normal(0, 1, shape)))
    tests: list[Any] = [heterogeneity(found[k : k + SEGMENTS]) for k in range(0, len(found), SEGMENTS)]
    return {
        "errors taken as known": np.array([chdtrc(one.freedom, one.q) <= 0.05 for one in tests]),
        "heterogeneity": np.array([one.differs for one in tests]),
    }


@scenario(
    "20 tests, 5 of them with an effect of 3 standard errors: any false one (Bonferroni, Holm, Hochberg), and the "
    "share of false ones (BH, BY); correlated by a half: the same",
    draws=4000, few=500, each_by_itself=naive(0.4), Bonferroni=at_most(), Holm=at_most(), Hochberg=at_most(),
    BH=Rate(0.0375, 0.0375), BY=at_most(0.0375), Holm_correlated=at_most(), BH_correlated=at_most(0.0375),
)  # fmt: skip
def families(rng: Rng, draws: int) -> dict[str, Any]:
    from scipy.special import ndtr

    effects = np.where(np.arange(SEGMENTS) < 5, 3.0, 0.0)
    alone, shared = rng.normal(size=(draws, SEGMENTS)), rng.normal(size=(draws, 1))
    plain = 2 * ndtr(-np.abs(alone + effects))
    tied = 2 * ndtr(-np.abs((alone + shared) / np.sqrt(2) + effects))

    def called(p: Array, method: str) -> Array:
        return np.array([adjust(row, method).rejected for row in p], dtype=np.float64)  # type: ignore[union-attr]

    def false(called: Array, *, share: bool) -> Array:
        wrong = called[:, 5:].sum(axis=1)
        return wrong / np.maximum(called.sum(axis=1), 1) if share else wrong > 0

    return {
        "each by itself": (plain[:, 5:] <= 0.05).any(axis=1),
        "Bonferroni": false(called(plain, "bonferroni"), share=False),
        "Holm": false(called(plain, "holm"), share=False),
        "Hochberg": false(called(plain, "hochberg"), share=False),
        "BH": false(called(plain, "bh"), share=True),
        "BY": false(called(plain, "by"), share=True),
        "Holm correlated": false(called(tied, "holm"), share=False),
        "BH correlated": false(called(tied, "bh"), share=True),
    }


@scenario(
    "one segment significant, the other not, both with the same effect of 2.5 standard errors (40 units an arm)",
    one_significant_and_one_not=naive(0.2), contrast=NOMINAL,
)  # fmt: skip
def contrasts(rng: Rng, draws: int) -> dict[str, Any]:
    shift = 2.5 * float(np.sqrt(2 / 40))
    first, second = (each(welch, moments(rng.normal(0, 1, (draws, 40))), moments(rng.normal(shift, 1, (draws, 40))))
                     for _ in range(2))  # fmt: skip
    return {
        "one significant and one not": rejects(first) != rejects(second),
        "contrast": rejects([effect_contrast(a, b) for a, b in zip(first, second, strict=True)]),
    }


# CR1 takes G - 1 degrees of freedom for both arms, and one spread: the price of agreeing with regression.
@scenario(
    "12 clusters of 20 to 180 rows, correlation within 0.08; none, and 0.3. Alike: of 100 rows each",
    draws=10_000, few=400, row_by_row=naive(0.4), Welch=NOMINAL, effect=NOMINAL, relative=NOMINAL,
    CR1=between(0.07, 0.085), alike_Welch=between(0.045, 0.05), alike_CR1=between(0.06, 0.07),
)  # fmt: skip
def clusters(rng: Rng, draws: int) -> dict[str, Any]:
    sizes = rng.integers(20, 181, (2, draws, 6)).astype(np.float64)
    values = 5 + rng.normal(0, np.sqrt(0.08), sizes.shape) + rng.normal(0, np.sqrt(0.92 / sizes))
    same = rng.normal(0, np.sqrt(0.08 + 0.92 / 100), (2, draws, 6))
    totals = sizes.sum(axis=2)
    means = (values * sizes).sum(axis=2) / totals
    arms = [list(zip(v * n, n, strict=True)) for v, n in zip(values, sizes, strict=True)]
    better = list(zip((values[1] + 0.3) * sizes[1], sizes[1], strict=True))
    alike = [[(row * 100, np.full(6, 100.0)) for row in arm] for arm in same]
    return {
        "row by row": np.abs(means[1] - means[0]) > 1.96 * np.sqrt((1 / totals).sum(axis=0)),
        "Welch": rejects(each(cluster_difference, *arms)),
        "effect": misses(each(cluster_difference, arms[0], better), 0.3),
        "relative": misses(each(cluster_difference, arms[0], better, relative=True), 0.06),
        "CR1": rejects(each(cluster_difference, *arms, method="cr1")),
        "alike Welch": rejects(each(cluster_difference, *alike)),
        "alike CR1": rejects(each(cluster_difference, *alike, method="cr1")),
    }


@scenario(
    "switchback: 40 blocks of 30 rows, a level of their own each; what the arm before left fills a quarter of a block; "
    "none, and 0.5",
    row_by_row=naive(0.3), without_wash_out=naive(0.08), none=NOMINAL, effect=NOMINAL, relative=NOMINAL,
)  # fmt: skip
def switchbacks(rng: Rng, draws: int) -> dict[str, Any]:
    blocks, rows = np.repeat(np.arange(40), 30), np.tile(np.arange(30.0), 40)
    found: dict[str, list[Any]] = {name: [] for name in ("rows", "carried", "none", "effect", "relative")}
    for _ in range(draws):
        arm = rng.permutation(np.repeat([0.0, 1.0], 20))
        treated = arm[blocks]
        left = np.where(rows < 7.5, np.concatenate([[0.0], arm[:-1]])[blocks], treated)
        level = 3 + rng.normal(0, 0.3, 40)[blocks] + rng.normal(0, 1, len(blocks))
        kept = {"blocks": blocks, "treated": treated, "elapsed": rows, "washout": 7.5}
        some = level + 0.5 * left
        found["rows"].append(welch(control=level[treated == 0], treatment=level[treated == 1]))
        found["carried"].append(switchback_difference(values=some, blocks=blocks, treated=treated))
        found["none"].append(switchback_difference(values=level, **kept))
        found["effect"].append(switchback_difference(values=some, **kept))
        found["relative"].append(switchback_difference(values=some, relative=True, **kept))
    return {
        "row by row": rejects(found["rows"]),
        "without wash out": misses(found["carried"], 0.5),
        "none": rejects(found["none"]),
        "effect": misses(found["effect"], 0.5),
        "relative": misses(found["relative"], 0.5 / 3),
    }


@scenario(
    "five covariates of before, two of them skewed and two going together, 60 and 40 units",
    draws=4000, few=400, one_by_one=naive(0.15), jointly=NOMINAL,
)  # fmt: skip
def balances(rng: Rng, draws: int) -> dict[str, Any]:
    arms, plain = [], []
    for n in (60, 40):
        shared = rng.normal(0, 1, (draws, n))
        drawn = {"a": shared, "b": shared + rng.normal(0, 0.5, (draws, n)), "c": rng.normal(0, 1, (draws, n)),
                 "d": rng.exponential(1, (draws, n)), "e": rng.gamma(2, 1, (draws, n))}  # fmt: skip
        arms.append(joint(**drawn))
        plain.append([moments(values) for values in drawn.values()])
    single = np.array([rejects(each(welch, a, b)) for a, b in zip(*plain, strict=True)])
    joined: list[Any] = each(balance, *arms, alpha=0.05)
    return {"one by one": single.any(axis=0), "jointly": np.array([not one.balanced for one in joined])}


@scenario(
    "200 replayed A/A tests of a platform that is right",
    few=100, more_than_5_percent_taken_for_broken=naive(0.3), inflated=at_most(0.005), not_calibrated=at_most(0.02),
)  # fmt: skip
def replays(rng: Rng, draws: int) -> dict[str, Any]:
    p = rng.random((draws, 200))
    verdicts: Array = np.array([aa_verdict(row).verdict for row in p])  # type: ignore[union-attr]
    return {
        "more than 5 percent taken for broken": (p <= 0.05).mean(axis=1) > 0.05,
        "inflated": verdicts == "inflated",
        "not calibrated": verdicts != "calibrated",
    }


@scenario(
    "correlation within 30 clusters of 2 to 19 rows; 0.2, and 0",
    draws=1500, few=100, interval=between(0.055, 0.065), none=NOMINAL,  # F is exact for equal sizes only
)  # fmt: skip
def correlations(rng: Rng, draws: int) -> dict[str, Any]:
    some: list[Any] = []
    none: list[Any] = []
    for _ in range(draws):
        cluster = np.repeat(np.arange(30), rng.integers(2, 20, 30))
        noise = rng.normal(0, 1, len(cluster))
        none.append(intraclass_correlation(values=noise, clusters=cluster))
        some.append(intraclass_correlation(values=noise + 0.5 * rng.normal(0, 1, 30)[cluster], clusters=cluster))
    return {"interval": misses([one.estimate for one in some], 0.2), "none": rejects(none)}
