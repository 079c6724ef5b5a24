"""What `portfolio_slope` promises.

By hand and by another implementation; laws of scale, order and swapped arms; that noise no longer makes a slope, at
the strengths where a scatter plot gets the sign wrong; that direct effects show where they can; refusals and misuse.
"""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Check, Grade, Reason, Refusal
from metricstack.linkage.portfolio import portfolio_slope
from metricstack.linkage.portfolio_power import PortfolioPower, portfolio_power
from metricstack.linkage.portfolio_result import PortfolioSlope

close = pytest.approx
NOISE = np.array([[1.0, 0.6], [0.6, 1.0]])


def answered(found: PortfolioSlope | Refusal) -> PortfolioSlope:
    assert isinstance(found, PortfolioSlope), found
    return found


def refused(found: PortfolioSlope | Refusal) -> Refusal:
    assert isinstance(found, Refusal)
    return found


def drawn(
    name: str, *, tests: int = 60, strength: float = 5.0, slope: float = -0.3, direct: float = 0.3, mean: float = 0.0
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Draw past tests: what they moved, and their noise."""
    rng = stream(21, name)
    moves = rng.normal(size=tests) * np.sqrt(strength - 1)
    by_other_ways = mean + direct * np.sqrt(strength - 1) * rng.normal(size=tests)
    noise = rng.normal(size=(tests, 2)) @ np.linalg.cholesky(NOISE).T
    return np.column_stack([moves, slope * moves + by_other_ways]) + noise, np.tile(NOISE, (tests, 1, 1))


def check(found: PortfolioSlope, name: str) -> Check:
    return {one.name: one for one in found.checks}[name]


def covers(found: PortfolioSlope, truth: float, place: int = 0) -> bool:
    one = found.effects[place].estimate
    pieces = one.parts or ((one.low, one.high),)
    return any(low <= truth <= high for low, high in pieces)  # type: ignore[operator]


# By hand


def test_four_tests_by_hand() -> None:
    # s = 0, 1, 2, 3 and y = 0, 1, 5, 6: squares 5, products 11, over 3; noise 2/3 in both: (11 - 2) / (5 - 2).
    x = [[0, 0], [1, 1], [2, 5], [3, 6]]
    v = np.tile([[2 / 3, 2 / 3], [2 / 3, 2.0]], (4, 1, 1))
    found = answered(portfolio_slope(x, v, names=("relevance", "conversion_rate")))
    assert found.effect.value == close(3.0)
    assert (found.causes, found.outcome, found.tests) == (("relevance",), "conversion_rate", 4)
    assert found.first_stage[0].strength == close(2.5)
    # y-bar - b s-bar = 3 - 3 x 1.5; M_yy - b M_sy = (26/3 - 2) - 3 x 3 is below 0: no direct effects are seen
    assert found.direct.mean is not None
    assert found.direct.mean.value == close(-1.5)
    assert found.direct.deviation == 0.0
    # away from the line: 1.5, -0.5, 0.5, -1.5, of variance 2 - 6 x 2/3 + 9 x 2/3 = 4 each
    assert found.direct.q == close(5 / 4)
    assert found.direct.freedom == 2


def test_without_noise_it_is_least_squares() -> None:
    x, _ = drawn("plain")
    found = answered(portfolio_slope(x, np.zeros((60, 2, 2))))
    assert found.effect.value == close(np.polyfit(x[:, 0], x[:, 1], 1)[0])


def test_several_causes_without_noise_are_those_of_least_squares() -> None:
    x = stream(22, "causes").normal(size=(40, 4))
    found = answered(portfolio_slope(x, np.zeros((40, 4, 4)), outcome=1))
    design = np.column_stack([np.ones(40), x[:, [0, 2, 3]]])
    assert [one.value for one in found.effects] == close(list(np.linalg.lstsq(design, x[:, 1])[0][1:]))
    assert found.causes == ("metric 0", "metric 2", "metric 3")


def test_equal_halves_give_what_their_own_noise_gives() -> None:
    x, _ = drawn("halves")
    apart = stream(23, "halves").normal(size=x.shape)
    split = answered(portfolio_slope(x, None, "split", split=(x + apart, x - apart)))
    same = answered(portfolio_slope(x, apart[:, :, None] * apart[:, None, :], weights="equal"))
    assert split.effect.value == close(same.effect.value)
    # and the ratio of one half's covariance with the other half's, both ways
    first, second = x + apart, x - apart
    above = np.cov(first[:, 0], second[:, 1])[0, 1] + np.cov(second[:, 0], first[:, 1])[0, 1]
    below = 2 * np.cov(first[:, 0], second[:, 0])[0, 1]
    # the two differ by the mean of the halves' differences, which is noise of order 1/K
    assert split.effect.value == close(above / below, abs=0.02)


# Laws


@settings(max_examples=20, deadline=None)
@given(st.floats(0.01, 100), st.floats(0.01, 100), st.sampled_from(["noise_subtracted", "liml", "naive"]))
def test_the_slope_scales_with_its_units(by_cause: float, by_outcome: float, method: str) -> None:
    x, v = drawn("scale", tests=30)
    by = np.array([by_cause, by_outcome])
    one, other = (answered(portfolio_slope(x * size, v * np.outer(size, size), method)) for size in (np.ones(2), by))
    factor = by_outcome / by_cause
    assert other.effect.value == close(one.effect.value * factor, rel=1e-6)
    assert other.effect.low == close(factor * one.effect.low, rel=1e-6)  # type: ignore[operator]
    assert other.first_stage[0].strength == close(one.first_stage[0].strength, rel=1e-6)
    assert [c.passed for c in other.checks] == [c.passed for c in one.checks]


@pytest.mark.parametrize("method", ["noise_subtracted", "liml", "naive"])
def test_the_order_of_tests_does_not_matter(method: str) -> None:
    x, v = drawn("order")
    v = v * stream(24, "sizes").uniform(0.3, 3, 60)[:, None, None]
    order = stream(24, "order").permutation(60)
    one, other = answered(portfolio_slope(x, v, method)), answered(portfolio_slope(x[order], v[order], method))
    assert other.effect.value == close(one.effect.value)
    assert other.effect.high == close(one.effect.high)


def test_swapping_the_arms_of_a_test_changes_nothing_through_the_origin() -> None:
    x, v = drawn("arms")
    swapped = x * np.where(np.arange(60) % 3 == 0, -1.0, 1.0)[:, None]
    one, other = (answered(portfolio_slope(effects, v, through_origin=True)) for effects in (x, swapped))
    assert other.effect.value == close(one.effect.value)
    assert one.direct.mean is None


def test_a_shift_of_all_effects_changes_nothing_about_the_means() -> None:
    x, v = drawn("shift")
    one, other = answered(portfolio_slope(x, v)), answered(portfolio_slope(x + np.array([3.0, -7.0]), v))
    assert other.effect.value == close(one.effect.value)
    assert other.effect.low == close(one.effect.low)


def test_equal_noise_makes_precision_weights_equal() -> None:
    x, v = drawn("equal")
    one, other = answered(portfolio_slope(x, v)), answered(portfolio_slope(x, v, weights="equal"))
    assert one.effect.value == close(other.effect.value)
    assert one.effective_tests == close(60)


def test_another_level_is_what_asking_for_it_gives() -> None:
    x, v = drawn("level")
    for method in ("noise_subtracted", "liml"):
        wanted = answered(portfolio_slope(x, v, method, level=0.99))
        assert answered(portfolio_slope(x, v, method)).at(0.99).effect == wanted.effect


def test_the_interval_leaves_out_0_exactly_where_the_p_value_says_so() -> None:
    for k in range(40):
        x, v = drawn(f"p {k}", tests=40, strength=3.0)
        found = portfolio_slope(x, v)
        if isinstance(found, PortfolioSlope):
            assert found.effect.p_value is not None
            assert (found.effect.p_value < 0.05) == (not covers(found, 0.0))


# Calibration: `tests/calibration/test_linkage_portfolio.py` has the table


def test_noise_alone_makes_no_slope_where_the_scatter_plot_has_one() -> None:
    # F = 2, the truth is -0.3: the naive slope tends to -0.3 x 0.5 + 0.5 x 0.6 = +0.15. The mean of 40 has a standard
    # error of 0.01 (naive) and of 0.04 (of the median, noise subtracted); four of them are allowed.
    naive, ours = [], []
    for k in range(40):
        x, v = drawn(f"noise {k}", tests=100, strength=2.0)
        naive.append(answered(portfolio_slope(x, v, "naive")).effect.value)
        ours.append(answered(portfolio_slope(x, v)).effect.value)
    assert np.mean(naive) == close(0.15, abs=0.04)
    assert np.median(ours) == close(-0.3, abs=0.16)


def test_direct_effects_with_a_mean_are_told_and_do_not_turn_the_line() -> None:
    x, v = drawn("mean", tests=100, mean=1.5)
    found = answered(portfolio_slope(x, v))
    assert covers(found, -0.3)
    assert check(found, "direct_effects_are_0_on_average").passed is False
    assert not covers(answered(portfolio_slope(x + np.array([1.0, 0.0]), v, through_origin=True)), -0.3)


def test_the_mean_of_direct_effects_is_as_sure_as_the_jackknife_says() -> None:
    x, _ = drawn("height", tests=20)
    found = answered(portfolio_slope(x, np.zeros((20, 2, 2)))).direct.mean
    heights = [np.polyfit(np.delete(x[:, 0], k), np.delete(x[:, 1], k), 1)[1] for k in range(20)]
    assert found is not None
    assert found.standard_error == close(np.sqrt(19 / 20 * np.sum((heights - np.mean(heights)) ** 2)))


def test_tests_that_move_more_and_are_noisier_do_not_bend_the_line() -> None:
    # A p-value under its null is 1/2 on average, of 40 portfolios with a standard error of 0.05; noise that is left in
    # bends every one.
    ps = []
    for k in range(40):
        rng = stream(26, f"bend {k}")
        moves = 2 * rng.normal(size=150)
        size = np.where(moves > 0, 3.0, 0.2)
        noise = (rng.normal(size=(150, 2)) @ np.linalg.cholesky(NOISE).T) * np.sqrt(size)[:, None]
        x = np.column_stack([moves, 0.2 * rng.normal(size=150)]) + noise
        found = answered(portfolio_slope(x, NOISE * size[:, None, None], weights="equal"))
        ps.append(float(check(found, "straight_line").detail.rpartition("= ")[2]))
    assert np.mean(ps) > 0.3


def test_levers_with_different_slopes_take_the_verdict_away() -> None:
    one, v = drawn("lever one", tests=60)
    two, _ = drawn("lever two", tests=60, slope=0.7)
    levers = ["prompt"] * 60 + ["model"] * 60
    both, noise = np.vstack([one, two]), np.vstack([v, v])
    found = answered(portfolio_slope(both, noise, levers=levers))
    assert check(found, "levers_agree").passed is False
    assert not found.verdict_allowed
    alike = answered(portfolio_slope(both[:60], noise[:60], levers=["prompt", "model"] * 30))
    assert check(alike, "levers_agree").passed is True
    assert alike.verdict_allowed


def test_a_bent_line_is_told() -> None:
    x, v = drawn("bent", tests=100, strength=9.0)
    x[:, 1] += 0.15 * x[:, 0] ** 2
    assert check(answered(portfolio_slope(x, v)), "straight_line").passed is False


def test_limited_information_says_that_it_needs_no_direct_effects() -> None:
    x, v = drawn("direct", tests=100, direct=1.0)
    assert check(answered(portfolio_slope(x, v, "liml")), "direct_effects_vary").passed is False
    assert check(answered(portfolio_slope(x, v)), "direct_effects_vary").passed is None


def test_the_test_that_carries_the_slope_is_named() -> None:
    x, v = drawn("influence", tests=30, slope=0.0)
    x[4] = [12.0, 12.0]
    found = answered(portfolio_slope(x, v, tests=[f"t{i}" for i in range(30)]))
    assert "without t4" in check(found, "no_single_test").detail
    without = answered(portfolio_slope(np.delete(x, 4, 0), np.delete(v, 4, 0), weights="equal"))
    assert answered(portfolio_slope(x, v, weights="equal")).without[4][0] == close(without.effect.value)


def test_precision_weights_beat_equal_ones_on_tests_of_unequal_size() -> None:
    # Noise variances differ by up to a hundred times: the spread over 60 portfolios is at least a third smaller.
    found: dict[str, list[float]] = {"precision": [], "equal": []}
    for k in range(60):
        rng = stream(25, f"sizes {k}")
        size = np.exp(rng.normal(size=60))
        true = rng.normal(size=60) * np.sqrt(3)
        x = np.column_stack([true, -0.3 * true]) + np.sqrt(size)[:, None] * (
            rng.normal(size=(60, 2)) @ np.linalg.cholesky(NOISE).T
        )
        for kind, values in found.items():
            values.append(answered(portfolio_slope(x, NOISE * size[:, None, None], weights=kind)).effect.value)
    assert np.std(found["precision"]) < 0.67 * np.std(found["equal"])


def test_it_says_how_often_tests_like_these_would_show_a_slope() -> None:
    x, v = drawn("power", tests=100, strength=3.0)
    found = answered(portfolio_slope(x, v, names=("relevance", "trust")))
    strength = found.first_stage[0].strength
    assert strength is not None
    wanted = portfolio_power(strength, 100, 0.2, noise=NOISE, direct_deviation=found.direct.deviation)
    power = found.power(0.2)
    assert isinstance(power, PortfolioPower)
    assert power.power == close(wanted.power)
    assert isinstance(answered(portfolio_slope(x, None, "naive")).power(0.2), Refusal)
    with pytest.raises(UnknownName, match="relevance"):
        found.power(0.2, cause="relevence")


# Refusal


def test_effects_that_vary_no_more_than_noise_are_refused() -> None:
    x, v = drawn("nothing", strength=1.0 + 1e-9)
    found = refused(portfolio_slope(x * 0.9, v, names=("relevance", "conversion_rate")))
    assert found.reason is Reason.NO_VARIATION
    assert "relevance vary no more than their noise (F = " in found.detail


def test_too_few_tests_for_a_line_are_refused() -> None:
    x, v = drawn("few", tests=3)
    assert refused(portfolio_slope(x, v)).reason is Reason.TOO_FEW_UNITS


def test_a_cause_that_no_test_moved_is_refused() -> None:
    x, v = drawn("still")
    x[:, 0] = 0.25
    assert refused(portfolio_slope(x, v)).reason is Reason.NO_VARIATION


def test_a_slope_that_one_test_alone_makes_is_refused() -> None:
    x = np.zeros((8, 2))
    x[3] = [1.0, 2.0]
    x[5, 1] = 0.1
    found = refused(portfolio_slope(x, np.zeros((8, 2, 2))))
    assert found.reason is Reason.UNSTABLE
    assert "one test alone" in found.detail


def test_limited_information_without_noise_is_refused() -> None:
    x, _ = drawn("exact")
    assert refused(portfolio_slope(x, np.zeros((60, 2, 2)), "liml")).reason is Reason.UNSTABLE


def test_two_causes_that_always_move_together_are_refused() -> None:
    x, _ = drawn("twins")
    found = refused(portfolio_slope(np.column_stack([x[:, 0], 2 * x[:, 0], x[:, 1]]), np.zeros((60, 3, 3))))
    assert found.reason is Reason.NO_VARIATION
    assert "tell these apart" in found.detail


def test_few_or_weak_tests_have_a_slope_and_no_verdict() -> None:
    few = answered(portfolio_slope(*drawn("ten", tests=10)))
    assert check(few, "enough_tests").passed is False
    assert not few.verdict_allowed
    weak = answered(portfolio_slope(*drawn("weak", tests=100, strength=1.6)))
    assert check(weak, "first_stage").passed is False
    assert not weak.verdict_allowed
    strong = answered(portfolio_slope(*drawn("strong")))
    assert strong.verdict_allowed
    assert [one.findings[0].grade for one in (few, weak, strong)] == [Grade.NONE, Grade.NONE, Grade.A]


def test_a_naive_slope_never_carries_a_verdict() -> None:
    found = answered(portfolio_slope(*drawn("naive", strength=50.0), "naive"))
    assert not found.verdict_allowed
    assert "naive" in found.effect.estimate.method


# Misuse


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"effects": np.zeros(5)}, "two metrics or more"),
        ({"effects": [[1.0, np.nan]] * 6}, "6 tests have an effect that is missing"),
        ({"covariances": np.zeros((5, 2, 2))}, r"shape \(6, 2, 2\)"),
        ({"covariances": np.tile([[1.0, 2.0], [2.0, 1.0]], (6, 1, 1))}, "test 1 is no covariance"),
        ({"covariances": np.tile([[1.0, 0.5], [0.0, 1.0]], (6, 1, 1))}, "test 1 is no covariance"),
        ({"covariances": None}, "needs the covariance"),
        ({"method": "split"}, "needs split="),
        ({"method": "split", "split": (np.zeros((5, 2)), np.zeros((6, 2)))}, "Halves have the shape"),
        ({"weights": np.zeros(6)}, "Weights are 6 numbers above 0"),
        ({"levers": ["prompt"]}, "6 tests and 1 levers"),
        ({"names": ("relevance",)}, "2 metrics need 2 different names"),
        ({"cause": (1,)}, "none of them is the outcome"),
        ({"cause": ()}, "one or more"),
        ({"cause": (7,)}, "no metric 7 among 2"),
        ({"level": 1.5}, "outside"),
    ],
)
def test_what_cannot_be_right_is_said(change: dict[str, Any], message: str) -> None:
    given_: dict[str, Any] = {"effects": np.arange(12.0).reshape(6, 2), "covariances": np.zeros((6, 2, 2))}
    with pytest.raises(InvalidInput, match=message):
        portfolio_slope(**(given_ | change))


def test_names_that_are_not_known_are_answered_with_the_nearest() -> None:
    x, v = drawn("names")
    with pytest.raises(UnknownName, match="Did you mean 'liml'"):
        portfolio_slope(x, v, "lmil")
    with pytest.raises(UnknownName, match="Did you mean 'relevance'"):
        portfolio_slope(x, v, names=("relevance", "trust"), cause=("relevence",))
    with pytest.raises(UnknownName, match="Did you mean 'jackknife'"):
        portfolio_slope(x, v, interval="jacknife")
    with pytest.raises(UnknownName, match="Did you mean 'precision'"):
        portfolio_slope(x, v, weights="precison")


def test_its_json_holds_no_infinity_where_the_set_has_no_end() -> None:
    weak = [portfolio_slope(*drawn(f"json {k}", tests=20, strength=2.0)) for k in range(20)]
    endless = [one for one in weak if isinstance(one, PortfolioSlope) and one.effect.low == -np.inf]
    assert endless
    exact = answered(portfolio_slope(drawn("json")[0], np.zeros((60, 2, 2))))
    for found in (*endless, exact):
        assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["kind"] == "portfolio_slope"


def test_columns_of_a_table_name_the_metrics_and_the_first_slope_is_at_hand() -> None:
    effects, noise = drawn("named")
    found = answered(portfolio_slope(pd.DataFrame(effects, columns=["latency", "conversion"]), noise))
    assert (found.causes, found.outcome) == (("latency",), "conversion")
    assert answered(portfolio_slope(effects, noise, names=("latency", "conversion"))).effects == found.effects
    assert (found.value, found.low, found.high) == (found.effect.value, found.effect.low, found.effect.high)
    assert (found.p_value, found.estimate) == (found.effect.p_value, found.effect.estimate)
