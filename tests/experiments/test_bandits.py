"""What bandits promise: chances to be best as closed forms and SciPy give them, the same on every call; an interval
that holds where the split followed the rewards; refusals and faults."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad
from scipy.special import betaln, ndtr

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.core.values import Moments, Reason, Refusal
from metricstack.experiments.bandits import Allocation, adaptive_difference, thompson_allocation
from metricstack.experiments.effect import Effect

close = pytest.approx


def found(answer: Allocation | Refusal) -> Allocation:
    assert isinstance(answer, Allocation), answer
    return answer


def effect(answer: Effect | Refusal) -> Effect:
    assert isinstance(answer, Effect), answer
    return answer


# by hand and by others -------------------------------------------------------------------------------------------


def closed_form(a: float, b: float, c: int, d: float) -> float:
    """P(Beta(c, d) > Beta(a, b)) for a whole c, the sum of Miller, *Formulas for Bayesian A/B testing*."""
    i = np.arange(c)
    return float(np.exp(betaln(a + i, b + d) - np.log(d + i) - betaln(1 + i, d) - betaln(a, b)).sum())


@pytest.mark.parametrize(
    ("successes", "failures"),
    [
        ((20, 30), (80, 70)),
        ((0, 0), (0, 1)),
        ((1200, 1250), (8800, 8750)),
        ((0, 3), (900, 1)),
        ((37, 0), (949_019, 179)),
    ],
)
def test_two_rates_agree_with_the_closed_form(successes: tuple[int, int], failures: tuple[int, int]) -> None:
    expected = closed_form(successes[0] + 1, failures[0] + 1, successes[1] + 1, failures[1] + 1)
    answer = found(thompson_allocation(successes=successes, failures=failures))
    assert answer.probabilities[1] == close(expected, abs=1e-9)
    assert sum(answer.probabilities) == close(1.0)


def test_three_rates_and_three_means_agree_with_scipys_quadrature() -> None:
    rates = found(thompson_allocation(successes=[12, 20, 16], failures=[48, 80, 34]))
    betas = [stats.beta(13, 49), stats.beta(21, 81), stats.beta(17, 35)]
    means = found(
        thompson_allocation(arms=[Moments.of(40, 1.0, 4.0), Moments.of(50, 1.3, 5.0), Moments.of(30, 0.9, 6.0)])
    )
    normals = [stats.t(n - 1, m, math.sqrt(v / n)) for n, m, v in ((40, 1.0, 4.0), (50, 1.3, 5.0), (30, 0.9, 6.0))]
    for answer, arms, (low, high) in ((rates, betas, (0, 1)), (means, normals, (-6, 9))):
        for k in range(3):
            others = [arm for j, arm in enumerate(arms) if j != k]
            integral, _ = quad(
                lambda x, k=k, others=others, arms=arms: arms[k].pdf(x) * others[0].cdf(x) * others[1].cdf(x),
                low, high, epsabs=1e-12, limit=200, points=[0.1, 0.2, 0.3, 0.5, 0.9],
            )  # fmt: skip
            assert answer.probabilities[k] == close(integral, abs=1e-8)


def test_two_means_of_many_units_are_a_normals_tail() -> None:
    # Difference 0.06, standard error sqrt(4/4000 + 5/5000) = 0.0447214: z = 1.3416.
    answer = found(thompson_allocation(arms=[Moments.of(4000, 1.0, 4.0), Moments.of(5000, 1.06, 5.0)]))
    assert answer.probabilities[1] == close(ndtr(0.06 / math.sqrt(0.002)), abs=1e-4)  # t(3999) for the normal


def test_a_floor_keeps_every_arm() -> None:
    # Two arms 1/3 and 2/3, floor 0.2: 0.2 + 0.6/3 = 0.4 and 0.2 + 0.4 = 0.6.
    answer = found(thompson_allocation(successes=[0, 1], failures=[0, 0], floor=0.2))
    assert answer.shares == (close(0.4), close(0.6))
    assert answer.means == (0.5, close(2 / 3))


def test_an_adaptive_comparison_agrees_with_a_calculation_by_hand() -> None:
    # Even chances, control rewards 0, 0, 1 at rows 0, 2, 4 and treatment 1, 1, 1 at 1, 3, 5. Scores of control
    # 0, 0, 0, 0, 2, 1/3 (mean 7/18), of treatment 0, 2, 1, 1, 1, 1 (mean 1). Equal weights: variances are sums of
    # squares over 36: control (4 · 0.151235 + 2.595679 + 0.003086)/36 = 0.0889918; treatment 2/36.
    answer = effect(adaptive_difference(
        rewards=[0, 1, 0, 1, 1, 1], actions=[0, 1, 0, 1, 0, 1], propensities=[[0.5, 0.5]] * 6, control=0, treatment=1
    ))  # fmt: skip
    assert answer.value == close(11 / 18)
    assert answer.standard_error == close(math.sqrt(0.0889918 + 2 / 36), abs=1e-6)


# laws ------------------------------------------------------------------------------------------------------------

arms = st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 5000)), min_size=2, max_size=6)


@given(arms)
def test_chances_add_up_to_1_and_follow_the_arms_around(pairs: list[tuple[int, int]]) -> None:
    won, lost = zip(*pairs, strict=True)
    answer = found(thompson_allocation(successes=won, failures=lost))
    again = found(thompson_allocation(successes=won[::-1], failures=lost[::-1]))
    assert sum(answer.probabilities) == close(1.0)
    assert all(0 <= p <= 1 + 1e-12 for p in answer.probabilities)
    assert answer.probabilities == close(again.probabilities[::-1], abs=1e-7)


@given(st.integers(0, 2000), st.integers(0, 2000), st.integers(2, 6))
def test_arms_that_are_alike_share_alike(won: int, lost: int, k: int) -> None:
    answer = found(thompson_allocation(successes=[won] * k, failures=[lost] * k))
    assert answer.probabilities == close([1 / k] * k, abs=1e-9)


# calibration -----------------------------------------------------------------------------------------------------


def thompson_run(rng: np.random.Generator, *, draws: int, batches: int, size: int) -> tuple[np.ndarray, ...]:
    """Many experiments at once of two arms alike, normal rewards, Thompson's split of each batch, floor 5 %."""
    chance, total, count = np.full(draws, 0.5), np.zeros((draws, 2)), np.zeros((draws, 2))
    rewards, actions, chances = [], [], []
    for _ in range(batches):
        action = rng.random((draws, size)) < chance[:, None]
        reward = rng.normal(size=(draws, size))
        rewards.append(reward)
        actions.append(action)
        chances.append(np.repeat(chance[:, None], size, axis=1))
        for k, taken in enumerate((~action, action)):
            total[:, k] += (reward * taken).sum(axis=1)
            count[:, k] += taken.sum(axis=1)
        mean = total / count
        chance = np.clip(ndtr((mean[:, 1] - mean[:, 0]) / np.sqrt((1 / count).sum(axis=1))), 0.05, 0.95)
    return tuple(np.concatenate(part, axis=1) for part in (rewards, actions, chances))


def test_where_the_split_follows_the_rewards_plain_means_are_off_and_weighted_ones_keep_5_percent() -> None:
    # No effect. 1,500 draws of 10 batches of 100: Monte Carlo error of 5 % is 0.6 points; measured: Welch's t 7.5 %
    # and a mean biased downwards, weighted 4.5 %.
    rewards, actions, chances = thompson_run(stream(1, "thompson"), draws=1500, batches=10, size=100)
    hits, plain, values = 0, 0, []
    for reward, action, chance in zip(rewards, actions, chances, strict=True):
        answer = effect(adaptive_difference(
            rewards=reward, actions=action, propensities=np.c_[1 - chance, chance], control=0, treatment=1
        ))  # fmt: skip
        hits += answer.p_value < 0.05  # type: ignore[operator]
        values.append(answer.value)
        a, b = reward[~action], reward[action]
        z = (b.mean() - a.mean()) / math.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
        plain += abs(z) > 1.96
    assert 0.03 < hits / 1500 < 0.068
    assert plain / 1500 > 0.06
    assert abs(np.mean(values)) < 4 * np.std(values) / math.sqrt(1500)
    biased = [reward[action].mean() for reward, action in zip(rewards, actions, strict=True)]
    assert np.mean(biased) < -3 * np.std(biased) / math.sqrt(1500)


# refusal ---------------------------------------------------------------------------------------------------------


def test_arms_that_say_nothing_are_refused() -> None:
    few = thompson_allocation(arms=[Moments.of(1, 1.0, 0.0), Moments.of(5, 1.0, 1.0)])
    flat = thompson_allocation(arms=[Moments.of(5, 1.0, 0.0), Moments.of(5, 1.0, 1.0)])
    rows = {"rewards": [0.0, 1.0, 0.5, 1.0], "control": 0, "treatment": 1}
    starved = adaptive_difference(
        **rows, actions=[0, 1, 0, 1], propensities=[[0.5, 0.5], [0.0, 1.0], [0.5, 0.5], [0.5, 0.5]]
    )
    rare = adaptive_difference(**rows, actions=[0, 1, 0, 0], propensities=[[0.5, 0.5]] * 4)
    expected = (Reason.TOO_FEW_UNITS, Reason.NO_VARIATION, Reason.LOW_COVERAGE, Reason.TOO_FEW_UNITS)
    for answer, reason in zip((few, flat, starved, rare), expected, strict=True):
        assert isinstance(answer, Refusal)
        assert answer.reason == reason


# misuse ----------------------------------------------------------------------------------------------------------


def test_inputs_that_do_not_fit_are_named() -> None:
    with pytest.raises(InvalidInput, match="hold -1, below 0"):
        thompson_allocation(successes=[-1, 2], failures=[1, 1])
    with pytest.raises(InvalidInput, match="unequal length"):
        thompson_allocation(successes=[1, 2], failures=[1])
    with pytest.raises(InvalidInput, match="a choice needs 2"):
        thompson_allocation(successes=[1], failures=[1])
    with pytest.raises(InvalidInput, match="outside"):
        thompson_allocation(successes=[1, 2], failures=[1, 2], floor=0.6)
    with pytest.raises(InvalidInput, match=r"is below 0\.1"):
        thompson_allocation(successes=[1, 2], failures=[1, 2], prior=(0, 1))
    with pytest.raises(InvalidInput, match="successes and failures, or"):
        thompson_allocation(successes=[1, 2])
    rows = {"rewards": [0.0, 1.0], "control": 0, "treatment": 1}
    with pytest.raises(InvalidInput, match="propensity 0, yet"):
        adaptive_difference(**rows, actions=[0, 1], propensities=[[0.0, 1.0], [0.5, 0.5]])
    with pytest.raises(InvalidInput, match="have shape"):
        adaptive_difference(**rows, actions=[0, 1], propensities=[0.5, 0.5])
    with pytest.raises(InvalidInput, match="whole number from 0 to 1"):
        adaptive_difference(**rows, actions=[0, 2], propensities=[[0.5, 0.5]] * 2)
    with pytest.raises(InvalidInput, match="not two of the arms"):
        adaptive_difference(**(rows | {"treatment": 0}), actions=[0, 1], propensities=[[0.5, 0.5]] * 2)
