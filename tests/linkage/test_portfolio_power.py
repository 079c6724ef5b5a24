"""What `portfolio_power` promises: a value by hand, the power that simulated portfolios have, and monotony."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.linkage.portfolio import portfolio_slope
from metricstack.linkage.portfolio_power import portfolio_power
from metricstack.linkage.portfolio_result import PortfolioSlope

close = pytest.approx


def test_a_power_by_hand() -> None:
    # t² = 1, Var s = 2, Var y = 0.25 + 1 = 1.25, Cov = 0.5: 0.5 / sqrt(2.75) x 10 = 3.0151 less t(0.975, 99) = 1.9842
    # is 1.0309, normal probability 0.8487
    found = portfolio_power(2.0, 101, 0.5)
    assert found.power == close(0.8487, abs=1e-4)


def test_the_tests_needed_are_the_fewest_that_reach_the_power() -> None:
    for slope in (-0.3, -0.02):
        needed = portfolio_power(3.0, 20, slope).tests_needed
        assert portfolio_power(3.0, needed, slope).power >= 0.8
        assert portfolio_power(3.0, needed - 1, slope).power < 0.8


@given(st.floats(1.2, 20), st.integers(10, 500), st.floats(0.05, 2))
def test_stronger_and_more_tests_find_more(strength: float, tests: int, slope: float) -> None:
    found = portfolio_power(strength, tests, slope)
    assert portfolio_power(strength * 1.5, tests, slope).power >= found.power - 1e-12
    assert portfolio_power(strength, tests + 10, slope).power >= found.power - 1e-12
    assert portfolio_power(strength, tests, slope, direct_deviation=1.0).power <= found.power + 1e-12
    assert portfolio_power(strength, tests, -slope).power == close(found.power)


def test_simulated_portfolios_have_the_power_that_is_said() -> None:
    # 400 portfolios: the Monte Carlo error is 2 points; the normal law of a product's mean adds some at K = 60.
    noise = np.array([[1.0, 0.6], [0.6, 1.0]])
    rng, found = stream(41, "power"), 0
    for _ in range(400):
        moves = rng.normal(size=60) * 2
        x = np.column_stack([moves, -0.3 * moves]) + rng.normal(size=(60, 2)) @ np.linalg.cholesky(noise).T
        answer = portfolio_slope(x, np.tile(noise, (60, 1, 1)))
        assert isinstance(answer, PortfolioSlope)
        assert answer.effect.p_value is not None
        found += answer.effect.p_value < 0.05
    assert found / 400 == close(portfolio_power(5.0, 60, -0.3, noise=noise).power, abs=0.06)


@pytest.mark.parametrize(
    "wrong",
    [
        {"first_stage": 1.0}, {"first_stage": float("inf")}, {"tests": 3}, {"slope": 0.0}, {"wanted": 1.0},
        {"noise": [[1.0, 2.0], [2.0, 1.0]]}, {"noise": [[0.0, 0.0], [0.0, 1.0]]}, {"direct_deviation": -1.0},
        {"level": 2.0},
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_said(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        portfolio_power(**({"first_stage": 3.0, "tests": 50, "slope": 0.3} | wrong))
