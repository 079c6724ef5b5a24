"""What `switchback_difference` promises: blocks are what counts, the wash-out is left out, blocks have one arm."""

import numpy as np
import pytest

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.core.values import Reason, Refusal
from metricstack.experiments.clusters import cluster_difference
from metricstack.experiments.effect import Effect
from metricstack.experiments.switchbacks import switchback_difference

close = pytest.approx


def found(answer: Effect | Refusal) -> Effect:
    assert isinstance(answer, Effect), answer
    return answer


def test_rows_in_the_wash_out_are_left_out_by_hand() -> None:
    # Without the first row of each block: control 1, 2, treatment 5, 6: difference 4; variances 0.5 and 0.5 of two
    # each: standard error sqrt(0.25 + 0.25).
    values, blocks = [9.0, 1.0, 9.0, 2.0, 9.0, 5.0, 9.0, 6.0], [1, 1, 2, 2, 3, 3, 4, 4]
    effect = found(
        switchback_difference(
            values=values, blocks=blocks, treated=[0, 0, 0, 0, 1, 1, 1, 1], elapsed=[0, 30] * 4, washout=10
        )
    )
    assert (effect.value, effect.standard_error) == (4.0, close(0.5**0.5))
    assert effect.checks[1].detail == "4 of 8 rows lie in the wash-out"


def test_without_a_wash_out_it_is_the_difference_over_clusters() -> None:
    rng = stream(1, "blocks")
    blocks, x = np.repeat(np.arange(20), 7), rng.normal(size=140)
    sums = x.reshape(20, 7).sum(axis=1)
    plain = found(cluster_difference(control=(sums[::2], np.full(10, 7)), treatment=(sums[1::2], np.full(10, 7))))
    effect = found(switchback_difference(values=x, blocks=blocks, treated=blocks % 2))
    assert (effect.value, effect.low, effect.p_value) == (close(plain.value), close(plain.low), close(plain.p_value))


def carried_over(draws: int) -> np.ndarray:
    """Hits and estimates with and without a wash-out: half of a block still feels the arm before; the effect is 1."""
    rng, answers = stream(2, "carry"), np.zeros((draws, 2))
    blocks, elapsed = np.repeat(np.arange(48), 10), np.tile(np.arange(10.0), 48)
    for draw in range(draws):
        arm = rng.permutation(np.repeat([0, 1], 24))
        before = np.r_[0, arm[:-1]]
        felt = np.where(elapsed < 5, before[blocks], arm[blocks])
        x = felt + rng.normal(0, 0.5, 48)[blocks] + rng.normal(0, 1, 480)
        for at, washout in enumerate((0.0, 5.0)):
            answers[draw, at] = found(
                switchback_difference(values=x, blocks=blocks, treated=arm[blocks], elapsed=elapsed, washout=washout)
            ).value
    return answers


def test_what_is_carried_over_halves_the_effect_unless_washed_out() -> None:
    # Effect 1, felt after half a block: half of it remains without a wash-out. 200 draws of standard deviation 0.2:
    # Monte Carlo error of the mean is 0.014.
    without, washed = carried_over(200).mean(axis=0)
    assert without == close(0.5, abs=0.07)
    assert washed == close(1.0, abs=0.06)


def test_blocks_that_go_together_are_told() -> None:
    rng = stream(3, "trend")
    blocks = np.repeat(np.arange(40), 5)
    level = np.cumsum(rng.normal(0, 1, 40))
    effect = found(switchback_difference(values=level[blocks], blocks=blocks, treated=blocks % 2))
    assert effect.checks[-1].name == "neighbouring blocks"
    assert effect.checks[-1].passed is False


def test_a_wash_out_that_leaves_nothing_of_an_arm_is_refused() -> None:
    answer = switchback_difference(
        values=[1.0, 2.0, 3.0, 4.0], blocks=[1, 2, 3, 4], treated=[0, 1, 0, 1], elapsed=[0] * 4, washout=1
    )
    assert isinstance(answer, Refusal)
    assert answer.reason == Reason.TOO_FEW_UNITS


def test_inputs_that_do_not_fit_are_named() -> None:
    x, blocks = [1.0, 2.0, 3.0, 4.0], [1, 1, 2, 2]
    with pytest.raises(InvalidInput, match="1 blocks hold rows of both arms"):
        switchback_difference(values=x, blocks=blocks, treated=[0, 1, 1, 1])
    with pytest.raises(InvalidInput, match="needs the elapsed time"):
        switchback_difference(values=x, blocks=blocks, treated=[0, 0, 1, 1], washout=5)
    with pytest.raises(InvalidInput, match="others than 0 and 1"):
        switchback_difference(values=x, blocks=blocks, treated=[0, 0, 2, 2])
    with pytest.raises(InvalidInput, match="unequal length"):
        switchback_difference(values=x, blocks=blocks, treated=[0, 0, 1])
