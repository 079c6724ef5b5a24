"""What the wild cluster bootstrap promises: brute force by refitting, its interval inverts its test, size, misuse."""

import itertools

import numpy as np
import pytest

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.numerics.absorption import Absorption
from metricstack.numerics.clustered import Regression, regression
from metricstack.numerics.wild import wild_bootstrap

close = pytest.approx


def drawn(
    seed: int, *, clusters: int = 6, effect: float = 0.4
) -> tuple[Regression, np.ndarray, np.ndarray, np.ndarray]:
    rng = stream(seed, "wild")
    unit = np.repeat(np.arange(clusters), rng.integers(4, 9, clusters))
    x = np.column_stack([rng.normal(size=len(unit)) + rng.normal(size=clusters)[unit], rng.normal(size=len(unit))])
    y = effect * x[:, 0] + rng.normal(size=clusters)[unit] + rng.normal(size=len(unit))
    return regression(y, x, Absorption((np.zeros(len(unit), dtype=np.int64),))), x, y, unit


def test_all_signs_agree_with_refitting_every_draw() -> None:
    fit, x, y, unit = drawn(1)
    whole, null = np.column_stack([x, np.ones(len(y))]), np.column_stack([x[:, 1], np.ones(len(y))])

    def statistic(outcome: np.ndarray) -> float:
        inverse = np.linalg.inv(whole.T @ whole)
        beta = inverse @ whole.T @ outcome
        scores = np.bincount(unit, weights=(whole @ inverse[:, 0]) * (outcome - whole @ beta))
        return abs(beta[0]) / np.sqrt(scores @ scores)

    fitted = null @ np.linalg.lstsq(null, y, rcond=None)[0]
    far = [
        statistic(fitted + (y - fitted) * np.array(signs)[unit]) >= statistic(y) * (1 - 1e-9)
        for signs in itertools.product((-1.0, 1.0), repeat=6)
    ]
    found = wild_bootstrap(fit, unit, weights="rademacher")
    assert found.enumerated
    assert found.draws == 64
    assert found.p_value == close(np.mean(far))


@pytest.mark.parametrize("clusters", [7, 12])
def test_the_interval_holds_the_values_that_are_not_rejected(clusters: int) -> None:
    fit, x, y, unit = drawn(2, clusters=clusters)
    found = wild_bootstrap(fit, unit, draws=999)
    assert found.low < fit.coefficients[0] < found.high
    width = found.high - found.low
    for bound, outside in ((found.low, -1), (found.high, 1)):
        for side, inside in ((-outside, True), (outside, False)):
            moved = regression(y - (bound + side * 0.01 * width) * x[:, 0], x, fit.effects)
            assert (wild_bootstrap(moved, unit, draws=999).p_value > 0.05) == inside


def test_the_same_seed_gives_the_same_answer() -> None:
    fit, _, _, unit = drawn(3, clusters=20)
    assert wild_bootstrap(fit, unit, seed=4) == wild_bootstrap(fit, unit, seed=4)
    assert wild_bootstrap(fit, unit, seed=4).weights == "Rademacher"
    assert wild_bootstrap(drawn(3)[0], drawn(3)[3]).weights == "Webb"


def test_no_effect_is_rejected_about_as_often_as_promised() -> None:
    # 400 draws of 12 clusters: Monte Carlo error of a 5 % rate is 1.1 points; three of them either side.
    rejected = 0
    for seed in range(400):
        fit, _, _, unit = drawn(seed + 100, clusters=12, effect=0.0)
        rejected += wild_bootstrap(fit, unit, draws=399, weights="rademacher").p_value <= 0.05
    assert 0.017 < rejected / 400 < 0.083


def test_a_side_without_any_rejected_value_is_unbounded() -> None:
    # Three clusters have 8 signs: the smallest p-value is 1/4, so nothing is ever rejected.
    fit, _, _, unit = drawn(4, clusters=3)
    found = wild_bootstrap(fit, unit, weights="rademacher")
    assert (found.low, found.high) == (-np.inf, np.inf)


def test_what_cannot_be_meant_is_named() -> None:
    fit, _, _, unit = drawn(1)
    with pytest.raises(UnknownName, match="webb"):
        wild_bootstrap(fit, unit, weights="web")
    with pytest.raises(InvalidInput, match="99 draws"):
        wild_bootstrap(fit, unit, draws=10)
    with pytest.raises(InvalidInput, match="2 clusters"):
        wild_bootstrap(fit, np.zeros(len(unit), dtype=np.int64))
