"""What `off_policy` promises: each estimator by hand, laws, coverage of a known value, refusal of poor overlap."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Reason, Refusal
from metricstack.experiments.effect import Effect
from metricstack.experiments.policies import PolicyValue, off_policy

close = pytest.approx
Array = NDArray[np.float64]

REWARDS, CHANCES, TARGET = [1.0, 0.0, 1.0, 0.0], [0.5, 0.25, 0.5, 0.25], [0.5, 0.5, 0.25, 0.5]


def found(answer: PolicyValue | Refusal) -> PolicyValue:
    assert isinstance(answer, PolicyValue), answer
    return answer


# by hand ---------------------------------------------------------------------------------------------------------


def test_weights_by_hand() -> None:
    # Weights 1, 2, 0.5, 2: sum 5.5, squares 9.25. IPS (1 + 0.5)/4 = 0.375; SNIPS 1.5/5.5; effective 30.25/9.25.
    ips, snips = (found(off_policy(REWARDS, CHANCES, TARGET, method=method)) for method in ("ips", "snips"))
    assert (ips.value, snips.value) == (0.375, close(1.5 / 5.5))
    assert (ips.effective_size, ips.mean_weight, ips.largest_share) == (close(30.25 / 9.25), 1.375, close(2 / 5.5))
    # IPS: 1, 0, 0.5, 0: sample variance (0.625² + 0.375² + 0.125² + 0.375²)/3 = 0.2291667, over 4, root 0.239357.
    assert ips.standard_error == close(0.239357, abs=1e-6)
    # t(3) at 97.5 % is 3.18245 in the tables.
    assert ips.high == close(0.375 + 3.18245 * 0.239357, abs=1e-5)
    # SNIPS: w (r - v): 0.727273, -0.545455, 0.363636, -0.545455 sum to 0; squares 1.256198/3 = 0.418733, root over
    # 2 and over the mean weight 1.375: 0.235308.
    assert snips.standard_error == close(0.235308, abs=1e-6)


def test_clipping_and_the_doubly_robust_by_hand() -> None:
    # Clipped at 1.5: weights 1, 1.5, 0.5, 1.5: rewards unchanged, 0.375; 1 of 5.5 of all weight is lost: 18 %.
    clipped = found(off_policy(REWARDS, CHANCES, TARGET, method="clipped", clip=1.5))
    assert clipped.value == 0.375
    assert "2 rows above 1.5 lose 18 %" in clipped.checks[-1].detail
    assert clipped.checks[-1].passed is False
    # Model 0.5 everywhere: 0.5 + w (r - 0.5): 1, -0.5, 0.75, -0.5: mean 0.1875.
    half = [0.5] * 4
    robust = found(off_policy(REWARDS, CHANCES, TARGET, method="doubly_robust", predicted=half, predicted_target=half))
    assert robust.value == close(0.1875)


def test_the_probabilities_of_all_actions_say_what_those_of_the_logged_ones_say() -> None:
    actions = [0, 1, 1, 0]
    chance, goal = np.array([[0.5, 0.5]] * 4), np.array([[0.3, 0.7]] * 4)
    model = np.array([[0.2, 0.6]] * 4)
    whole = found(off_policy(REWARDS, chance, goal, actions=actions, predicted=model, method="doubly_robust"))
    logged = found(
        off_policy(REWARDS, [0.5] * 4, [0.3, 0.7, 0.7, 0.3], predicted=[0.2, 0.6, 0.6, 0.2],
                   predicted_target=[0.48] * 4, method="doubly_robust")
    )  # fmt: skip
    assert whole.value == close(logged.value)
    assert whole.standard_error == close(logged.standard_error)


# laws ------------------------------------------------------------------------------------------------------------


def log(rng: np.random.Generator, n: int) -> dict[str, Array]:
    """Log of two actions chosen by the context x; the target leans the other way; noise is one."""
    x = rng.normal(size=n)
    p = 0.1 + 0.8 / (1 + np.exp(-x))
    t = np.where(x < 0, 0.8, 0.2)
    actions = (rng.random(n) < p).astype(float)
    mean = np.c_[1 + x, 2 - 0.5 * x]
    return {
        "rewards": mean[np.arange(n), actions.astype(int)] + rng.normal(size=n), "propensities": np.c_[1 - p, p],
        "target": np.c_[1 - t, t], "actions": actions, "predicted": mean + 0.3,
    }  # fmt: skip


# E[(1 - t)(1 + x) + t (2 - x/2)] with E[x; x < 0] = -1/sqrt(2 pi) = -0.398942, t 0.8 below 0 and 0.2 above:
# 1 + 0.5 + E[x (1 - 1.5 t)] = 1.5 + 0.2 · 0.398942 + 0.7 · 0.398942.
TRUTH = 1.5 + 0.9 / math.sqrt(2 * math.pi)
seeds = st.integers(0, 10**6)


@given(seeds, st.floats(-100, 100), st.floats(0.1, 10))
def test_a_constant_added_to_rewards_moves_snips_by_itself(seed: int, shift: float, scale: float) -> None:
    data = log(stream(seed, "law"), 200)
    plain = found(off_policy(**data))
    moved = found(off_policy(**(data | {"rewards": data["rewards"] * scale + shift})))
    assert moved.value == close(plain.value * scale + shift, abs=1e-8)
    assert moved.standard_error == close(plain.standard_error * scale)


@given(seeds, st.sampled_from(["ips", "snips"]))
def test_the_policy_that_ran_has_the_plain_mean(seed: int, method: str) -> None:
    data = log(stream(seed, "own"), 100)
    own = found(off_policy(**(data | {"target": data["propensities"]}), method=method))
    assert own.value == close(float(data["rewards"].mean()))
    assert own.effective_size == close(100)
    assert isinstance(own.lift, Refusal)


@given(seeds)
def test_copies_of_a_row_by_one_user_add_nothing(seed: int) -> None:
    data = log(stream(seed, "copies"), 80)
    once = off_policy(**data)
    assume(isinstance(once, PolicyValue))
    twice = {name: np.repeat(part, 2, axis=0) for name, part in data.items()}
    nested = found(off_policy(**twice, units=np.repeat(np.arange(80), 2)))
    assert nested.standard_error == close(found(once).standard_error)
    assert nested.high == close(found(once).high)


# calibration -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["ips", "clipped", "snips", "doubly_robust"])
def test_the_95_interval_covers_the_known_value_95_percent_of_the_time(method: str) -> None:
    # 500 rows, effective size about 250; 800 draws: Monte Carlo error of 95 % is 0.8 points, three are allowed.
    # Measured over 1,000 draws of 1,000 rows: 94.5, 94.9, 94.7, 96.0 %. The model of the doubly robust is off by 0.3.
    rng = stream(1, "coverage", method)
    answers = [found(off_policy(**log(rng, 500), method=method)) for _ in range(800)]
    assert 0.927 < np.mean([a.low <= TRUTH <= a.high for a in answers]) < 0.973  # type: ignore[operator]
    error = float(np.mean([a.standard_error for a in answers])) / math.sqrt(800)
    assert np.mean([a.value for a in answers]) == close(TRUTH, abs=4 * error)


def test_a_target_that_is_no_better_seems_better_5_percent_of_the_time() -> None:
    # Rewards without regard to actions: the lift is 0. 800 draws: error 0.8 points.
    rng, hits = stream(2, "null"), 0
    for _ in range(800):
        data = log(rng, 400) | {"rewards": rng.normal(size=400)}
        lift = found(off_policy(**data)).lift
        assert isinstance(lift, Effect)
        hits += lift.p_value < 0.05  # type: ignore[operator]
    assert 0.027 < hits / 800 < 0.075


# refusal ---------------------------------------------------------------------------------------------------------


def test_poor_overlap_is_refused_with_the_effective_size() -> None:
    # One row of 1,000 has weight 900, 999 have weight 0.1: (999.9)²/(810,000 + 9.99) = 1.23.
    answer = off_policy(np.ones(1000), np.r_[0.001, np.full(999, 1.0)], np.r_[0.9, np.full(999, 0.1)])
    assert isinstance(answer, Refusal)
    assert answer.reason == Reason.LOW_COVERAGE
    assert "1.23" in answer.detail


def leaning(rng: np.random.Generator, n: int, slope: float) -> dict[str, Array]:
    """Log of two actions that leans on the context with a slope; the target leans the other way as far."""
    x = rng.normal(size=n)
    p = 1 / (1 + np.exp(-slope * x))
    taken = rng.random(n) < p
    return {
        "rewards": 1 + taken * (0.5 + x) + rng.normal(size=n), "propensities": np.where(taken, p, 1 - p),
        "target": np.where(taken, 1 - p, p),
    }  # fmt: skip


def test_the_further_the_target_leans_the_oftener_it_is_warned_of_and_refused() -> None:
    # 100 logs of 2,000 rows each. Slope 1 leaves 44 % of the rows and covers; slope 1.5 leaves 22 %, where SNIPS covers
    # 90 to 93 %; slope 3 leaves 4 %, where it would cover 70 to 85 %.
    rng, refused, warned = stream(4, "leaning"), {}, {}
    for slope in (1.0, 1.5, 3.0):
        answers = [off_policy(**leaning(rng, 2000, slope)) for _ in range(100)]
        refused[slope] = sum(isinstance(answer, Refusal) for answer in answers)
        warned[slope] = sum(isinstance(answer, PolicyValue) and not answer.checks[0].passed for answer in answers)
    assert refused[1.0] + warned[1.0] <= 5
    assert refused[1.5] <= 20
    assert warned[1.5] >= 60
    assert refused[3.0] >= 90


def test_probabilities_of_all_actions_show_poor_overlap_that_a_lucky_sample_hides() -> None:
    # The target always takes an action of chance 0.001, of which 40 rows were seen instead of 2: the weights seen
    # leave 40, what is expected of 2,000 rows is 2.
    actions = np.r_[np.ones(40), np.zeros(1960)]
    table = np.tile([0.999, 0.001], (2000, 1))
    rewards = stream(5, "lucky").normal(size=2000)
    answer = off_policy(rewards, table, np.tile([0.0, 1.0], (2000, 1)), actions=actions)
    assert isinstance(answer, Refusal)
    assert "as few as 2 " in answer.detail


def test_a_uniform_log_of_many_actions_has_no_tail_and_is_answered() -> None:
    # 20 actions, the target takes one: 5 % of 5,000 rows are left, and their weights are all 20.
    rng = stream(6, "uniform")
    taken = rng.integers(0, 20, 5000) == 3
    answer = found(off_policy(rng.normal(size=5000), np.full(5000, 0.05), taken.astype(float)))
    assert answer.effective_size == close(taken.sum())
    assert answer.checks[0].passed is True


def test_a_target_outside_what_was_tried_is_refused() -> None:
    answer = off_policy([1.0, 0.0], [[1.0, 0.0], [0.5, 0.5]], [[0.5, 0.5], [0.5, 0.5]], actions=[0, 1])
    assert isinstance(answer, Refusal)
    assert answer.reason == Reason.LOW_COVERAGE
    assert "1 of 2 rows" in answer.detail


def test_logs_that_show_nothing_are_refused() -> None:
    reasons = {
        Reason.NO_DATA: off_policy([1.0, 0.0], [0.5, 0.5], [0.0, 0.0]),
        Reason.TOO_FEW_UNITS: off_policy([1.0], [0.5], [0.5]),
        Reason.NO_VARIATION: off_policy([1.0, 1.0, 1.0], [0.5] * 3, [0.2, 0.5, 0.5], method="snips"),
    }
    for reason, answer in reasons.items():
        assert isinstance(answer, Refusal)
        assert answer.reason == reason


def test_propensities_that_do_not_fit_the_log_are_told() -> None:
    # Logged as 0.25 where the action was taken half of the time: the weights' mean is 2 instead of 1.
    rng = stream(3, "wrong")
    taken = rng.random(4000) < 0.5
    answer = found(off_policy(rng.normal(size=4000), np.where(taken, 0.25, 0.5), np.where(taken, 1.0, 0.0)))
    assert {check.name: check.passed for check in answer.checks}["mean weight"] is False


# misuse ----------------------------------------------------------------------------------------------------------


def test_inputs_that_do_not_fit_are_named() -> None:
    with pytest.raises(InvalidInput, match="1 logged actions have propensity 0"):
        off_policy([1.0, 0.0], [0.0, 0.5], [0.5, 0.5])
    with pytest.raises(InvalidInput, match=r"hold 1.2, above 1"):
        off_policy([1.0, 0.0], [0.5, 0.5], [1.2, 0.5])
    with pytest.raises(InvalidInput, match="unequal length"):
        off_policy([1.0, 0.0], [0.5, 0.5, 0.5], [0.5, 0.5, 0.5])
    with pytest.raises(UnknownName, match="Did you mean 'snips'"):
        off_policy([1.0, 0.0], [0.5, 0.5], [0.5, 0.5], method="snip")
    with pytest.raises(InvalidInput, match="needs `predicted`"):
        off_policy([1.0, 0.0], [0.5, 0.5], [0.5, 0.5], method="doubly_robust")
    with pytest.raises(InvalidInput, match="The clip 0"):
        off_policy([1.0, 0.0], [0.5, 0.5], [0.5, 0.5], method="clipped", clip=0)
    with pytest.raises(InvalidInput, match="need `actions`"):
        off_policy([1.0], [[0.5, 0.5]], [[0.5, 0.5]])
    with pytest.raises(InvalidInput, match="a row adds up to 1"):
        off_policy([1.0], [[0.5, 0.6]], [[0.5, 0.5]], actions=[0])
    with pytest.raises(InvalidInput, match="actions hold 2, above 1"):
        off_policy([1.0], [[0.5, 0.5]], [[0.5, 0.5]], actions=[2])
    with pytest.raises(InvalidInput, match="go with the probabilities of every action"):
        off_policy([1.0, 0.0], [0.5, 0.5], [0.5, 0.5], actions=[0, 1])
