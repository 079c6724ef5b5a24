"""Shares, rates and pairs: events that are few, cluster, or fall on the same items."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metricstack.experiments import (
    exact_test,
    paired_binary,
    paired_score,
    proportion_difference,
    proportion_ratio,
    rate_ratio,
    single_proportion,
)

from .scenario import NOMINAL, Rate, at_most, between, each, joint, misses, naive, rejects, scenario

Array = NDArray[np.float64]
Rng = np.random.Generator


def tables(call: Callable[..., Any], counts: Array, **options: Any) -> list[Any]:
    """Answer each draw's table, shape (draws, cells); equal tables have one answer."""
    answered = cache(lambda *table: call(*table, **options))
    return [answered(*(int(count) for count in row)) for row in counts]


def _arms(estimator: Callable[..., Any]) -> Callable[..., Any]:
    def call(x0: int, n0: int, x1: int, n1: int, **options: Any) -> Any:
        return estimator(control_successes=x0, control_n=n0, treatment_successes=x1, treatment_n=n1, **options)

    return call


def _binomial(rng: Rng, draws: int, sizes: tuple[int, int], shares: tuple[float, float]) -> Array:
    x, y = (rng.binomial(n, p, draws) for n, p in zip(sizes, shares, strict=True))
    return np.column_stack([x, np.full(draws, sizes[0]), y, np.full(draws, sizes[1])]).astype(np.float64)


@scenario(
    "difference of rare shares: 1 % of 500 and of 300; none, and 1 % against 3 %",
    draws=10_000, few=250, Wald_difference=naive(0.058), none=between(0.035, 0.065), score=between(0.035, 0.065),
    Newcombe=between(0.02, 0.06), Agresti_Caffo=between(0.02, 0.06),
)  # fmt: skip
def rare_differences(rng: Rng, draws: int) -> dict[str, Any]:
    difference = _arms(proportion_difference)
    none = _binomial(rng, draws, (500, 300), (0.01, 0.01))
    some = _binomial(rng, draws, (500, 300), (0.01, 0.03))
    return {
        "Wald difference": misses(tables(difference, some, method="wald"), 0.02),
        "none": rejects(tables(difference, none)),
        "score": misses(tables(difference, some), 0.02),
        "Newcombe": misses(tables(difference, some, method="newcombe"), 0.02),
        "Agresti Caffo": misses(tables(difference, some, method="agresti_caffo"), 0.02),
    }


@scenario(
    "ratio of rare shares: 1 % of 500 and of 300; none, and 1 % against 3 %",
    draws=10_000, few=250, none=between(0.035, 0.065), Koopman=between(0.035, 0.06), log=between(0.0, 0.05),
)  # fmt: skip
def rare_ratios(rng: Rng, draws: int) -> dict[str, Any]:
    ratio = _arms(proportion_ratio)
    none = _binomial(rng, draws, (500, 300), (0.01, 0.01))
    some = _binomial(rng, draws, (500, 300), (0.01, 0.03))
    return {
        "none": misses(tables(ratio, none), 1.0),
        "Koopman": misses(tables(ratio, some), 3.0),
        "log": misses(tables(ratio, some, method="log"), 3.0),
    }


@scenario(
    "one share: 3 % of 100",
    draws=10_000, few=1000, Wald=naive(0.07), Wilson=between(0.02, 0.07), Clopper_Pearson=at_most(),
    Jeffreys=between(0.02, 0.08),
)  # fmt: skip
def one_share(rng: Rng, draws: int) -> dict[str, Any]:
    counts = rng.binomial(100, 0.03, draws)
    share = counts / 100
    column = counts[:, None].astype(np.float64)

    def answers(method: str) -> list[Any]:
        return tables(lambda x: single_proportion(successes=x, n=100, method=method), column)  # type: ignore[arg-type]

    return {
        "Wald": np.abs(share - 0.03) > 1.96 * np.sqrt(share * (1 - share) / 100),
        "Wilson": misses(answers("wilson"), 0.03),
        "Clopper Pearson": misses(answers("clopper_pearson"), 0.03),
        "Jeffreys": misses(answers("jeffreys"), 0.03),
    }


@scenario(
    "exact tests: 15 and 12 units, share 30 %; no difference",
    draws=4000, few=0, Wald=naive(0.06), Fisher=at_most(), Boschloo=at_most(), Barnard=at_most(),
)  # fmt: skip
def exact_tests(rng: Rng, draws: int) -> dict[str, Any]:
    counts = _binomial(rng, draws, (15, 12), (0.3, 0.3))
    found = {method: rejects(tables(_arms(exact_test), counts, method=method.lower()))
             for method in ("Fisher", "Boschloo", "Barnard")}  # fmt: skip
    return {"Wald": rejects(tables(_arms(proportion_difference), counts, method="wald"))} | found


_EXACT = Rate(0.0, 0.05)
_SKEWED = between(0.05, 0.0575)  # 100 units of so skewed rates: 5.5 % over 10,000 draws


@scenario(
    "ratio of Poisson rates: 8 events expected in 400 h and 5 in 250 h; none, and twice the rate",
    draws=10_000, few=300, exact=_EXACT, exact_twice=_EXACT, score=between(0.03, 0.06),
    score_twice=between(0.03, 0.065), log_twice=between(0.02, 0.06),
)  # fmt: skip
def poisson_rates(rng: Rng, draws: int) -> dict[str, Any]:
    before, after, twice = (rng.poisson(mean, draws) for mean in (8, 5, 10))

    def ratio(x: int, y: int, **options: Any) -> Any:
        return rate_ratio(control=(x, 400.0), treatment=(y, 250.0), **options)

    none, some = np.column_stack([before, after]), np.column_stack([before, twice])
    return {
        "exact": rejects(tables(ratio, none)),
        "exact twice": misses(tables(ratio, some), 2.0),
        "score": rejects(tables(ratio, none, method="score")),
        "score twice": misses(tables(ratio, some, method="score"), 2.0),
        "log twice": misses(tables(ratio, some, method="log"), 2.0),
    }


@scenario(
    "ratio of over-dispersed rates: 100 units an arm, gamma rates (shape 0.8), unequal exposures; none, and 1.5 times",
    draws=4000, events_taken_as_independent=naive(0.25), robust=_SKEWED, robust_ratio=_SKEWED, quasi_Poisson=_SKEWED,
    negative_binomial=_SKEWED, negative_binomial_ratio=_SKEWED,
)  # fmt: skip
def dispersed_rates(rng: Rng, draws: int) -> dict[str, Any]:
    exposure = rng.gamma(4, 0.25, (3, draws, 100))
    rate = rng.gamma(0.8, 2.5, (3, draws, 100)) * np.array([1.0, 1.0, 1.5])[:, None, None]
    events = rng.poisson(rate * exposure).astype(np.float64)
    a, b, c = (joint(events=x, exposure=e) for x, e in zip(events, exposure, strict=True))
    sums = [(float(x.sum()), float(e.sum())) for x, e in zip(events[0], exposure[0], strict=True)]
    other = [(float(x.sum()), float(e.sum())) for x, e in zip(events[1], exposure[1], strict=True)]
    return {
        "events taken as independent": rejects(each(rate_ratio, sums, other, method="log")),
        "robust": rejects(each(rate_ratio, a, b)),
        "robust ratio": misses(each(rate_ratio, a, c), 1.5),
        "quasi Poisson": rejects(each(rate_ratio, a, b, method="quasi_poisson")),
        "negative binomial": rejects(each(rate_ratio, a, b, method="negative_binomial")),
        "negative binomial ratio": misses(each(rate_ratio, a, c, method="negative_binomial"), 1.5),
    }


@scenario(
    "two versions on the same 60 items: each alone right on 8 %; and 5 % against 20 %",
    draws=4000, few=500, exact=at_most(), mid_p=at_most(0.055), asymptotic=between(0.03, 0.065),
    Tango=between(0.035, 0.065), Newcombe=between(0.02, 0.06),
)  # fmt: skip
def pairs(rng: Rng, draws: int) -> dict[str, Any]:
    none = rng.multinomial(60, [0.5, 0.08, 0.08, 0.34], draws)
    some = rng.multinomial(60, [0.5, 0.20, 0.05, 0.25], draws)

    def answer(a: int, b: int, c: int, d: int, **options: Any) -> Any:
        return paired_binary(both=a, only_treatment=b, only_control=c, neither=d, **options)

    found = {name: rejects(tables(answer, none, test=test))
             for name, test in (("exact", "exact"), ("mid p", "mid_p"), ("asymptotic", "asymptotic"))}  # fmt: skip
    return found | {
        "Tango": misses(tables(answer, some), 0.15),
        "Newcombe": misses(tables(answer, some, method="newcombe"), 0.15),
    }


@scenario(
    "two versions on 500 questions of 50 documents, half of a difference is the document's; none, and 0.2",
    draws=1000, few=60, question_by_question=naive(0.3), by_document=NOMINAL, effect=NOMINAL, twelve_documents=NOMINAL,
)  # fmt: skip
def scores(rng: Rng, draws: int) -> dict[str, Any]:
    groups = np.repeat(np.arange(50), 10)
    answers: list[list[Any]] = []
    for _ in range(draws):
        before = rng.normal(0, 1, 500)
        after = before + rng.normal(0, 1, 50)[groups] + rng.normal(0, 1, 500)
        pair = {"control": before, "treatment": after}
        few = {name: values[:120] for name, values in pair.items()}
        answers.append([
            paired_score(**pair), paired_score(**pair, clusters=groups),
            paired_score(control=before, treatment=after + 0.2, clusters=groups),
            paired_score(**few, clusters=groups[:120]),
        ])  # fmt: skip
    plain, clustered, shifted, twelve = zip(*answers, strict=True)
    return {
        "question by question": rejects(plain),
        "by document": rejects(clustered),
        "effect": misses(shifted, 0.2),
        "twelve documents": rejects(twelve),
    }
