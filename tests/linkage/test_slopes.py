"""What the arithmetic of a portfolio promises: moments by hand, and sets that are what inverting a test gives."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metricstack.core.streams import stream
from metricstack.linkage.slopes import concentrated, covariance, inverted, least_ratio, moved, moved_without

close = pytest.approx
finite = st.floats(-5, 5).map(lambda x: round(x, 3))
positive = st.floats(0.01, 5).map(lambda x: round(x, 3))


# By hand


def test_three_tests_by_hand() -> None:
    # s = 0, 1, 2 and y = 0, 2, 4: covariances 1, 2, 4; noise of 1/4 in each and 1/10 together.
    x = np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]])
    v = np.tile([[0.25, 0.10], [0.10, 0.25]], (3, 1, 1))
    found = moved(x, v, np.ones(3))
    assert found.total[0] == close(np.array([[1.0, 2.0], [2.0, 4.0]]))
    assert found.signal[0] == close(np.array([[0.75, 1.90], [1.90, 3.75]]))
    above, below = concentrated(found.signal)
    assert above[0, 0] / below[0, 0] == close(1.90 / 0.75)


def test_unequal_weights_by_hand() -> None:
    # Weights 1, 2, 1 on 0, 1, 4: mean 1.5, squares 2.25 + 2 x 0.25 + 6.25 = 9, by 4 - 6/4 = 2.5.
    found = moved(np.array([[0.0], [1.0], [4.0]]), np.ones((3, 1, 1)), np.array([1.0, 2.0, 1.0]))
    assert found.total[0, 0, 0] == close(9 / 2.5)
    assert found.noise[0, 0, 0] == close(1.0)  # of a noise that is the same in all, that noise
    # noise 1, 2, 4: 1 x 3/4 x 1 + 2 x 1/2 x 2 + 1 x 3/4 x 4 = 5.75, by 2.5
    unequal = moved(np.zeros((3, 1)), np.array([1.0, 2.0, 4.0])[:, None, None], np.array([1.0, 2.0, 1.0]))
    assert unequal.noise[0, 0, 0] == close(2.3)


def test_the_jackknife_of_a_mean_is_its_variance() -> None:
    # Of 1, 2, 6: means without one are 4, 3.5, 1.5; the variance of a mean is 7/3.
    assert covariance(np.array([[4.0], [3.5], [1.5]]))[0, 0] == close(7 / 3)


def test_an_inverted_interval_by_hand() -> None:
    # (2 - r)^2 <= 4 (0.01 + 0.01 r^2): 0.96 r^2 - 4 r + 3.96 <= 0, r = (4 -+ sqrt(16 - 15.2064)) / 1.92.
    ((low, high),) = inverted(2.0, 1.0, (0.01, 0.01, 0.0), 2.0)
    assert (low, high) == close(((4 - math.sqrt(0.7936)) / 1.92, (4 + math.sqrt(0.7936)) / 1.92))


# Laws


def test_leaving_a_test_out_is_computing_without_it() -> None:
    rng = stream(1, "slopes")
    x, w = rng.normal(size=(9, 3)), rng.uniform(0.5, 2, 9)
    v = np.array([np.cov(rng.normal(size=(3, 8))) for _ in range(9)])
    for through in (False, True):
        all_at_once = moved_without(x, v, w, through_origin=through)
        for k in range(9):
            kept = np.arange(9) != k
            alone = moved(x[kept], v[kept], w[kept], through_origin=through)
            assert all_at_once.signal[k] == close(alone.signal[0])
            assert all_at_once.means[k] == close(alone.means[0])


def test_slopes_one_by_one_are_those_of_all_at_once() -> None:
    rng = stream(2, "slopes")
    signal = np.cov(rng.normal(size=(4, 30)))[None]
    above, below = concentrated(signal)
    assert (above / below)[0] == close(np.linalg.solve(signal[0, :3, :3], signal[0, :3, 3]))


def test_least_ratio_is_the_last_singular_direction_of_whitened_effects() -> None:
    rng = stream(3, "slopes")
    x, noise = rng.normal(size=(40, 3)), np.array([[1.0, 0.3, 0.1], [0.3, 2.0, 0.5], [0.1, 0.5, 1.5]])
    total = np.cov(x.T)
    white = (x - x.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(noise)).T
    direction = np.linalg.inv(np.linalg.cholesky(noise)).T @ np.linalg.svd(white)[2][-1]
    assert least_ratio(total[None], noise[None])[0] == close(-direction[:2] / direction[2])


@given(finite, finite, positive, positive, st.floats(-0.9, 0.9), st.floats(0.5, 4), finite)
def test_a_value_is_in_the_set_exactly_where_its_test_does_not_reject(
    above: float, below: float, v: float, w: float, r: float, reach: float, value: float
) -> None:
    c = r * math.sqrt(v * w)
    gap = (above - value * below) ** 2 - reach**2 * (v - 2 * value * c + value**2 * w)
    inside = any(low <= value <= high for low, high in inverted(above, below, (v, w, c), reach))
    if abs(gap) > 1e-6 * (1 + above**2 + value**2 * below**2):  # on the edge, rounding decides
        assert inside == (gap < 0)


# Calibration


def test_the_noise_is_taken_out_on_average() -> None:
    # True effects have the covariance [[1, -0.3], [-0.3, 0.5]]. 3,000 portfolios of 12 tests of unequal noise and
    # weight: the standard error of each mean is below 0.015; 0.06 is four of them.
    rng = stream(4, "slopes")
    true = np.array([[1.0, -0.3], [-0.3, 0.5]])
    v = np.array([[1.0, 0.6], [0.6, 1.0]]) * np.linspace(0.3, 3, 12)[:, None, None]
    w = np.linspace(1, 0.2, 12)
    lower = np.linalg.cholesky(v + true)
    signals = [moved((lower @ rng.normal(size=(12, 2, 1)))[:, :, 0], v, w).signal[0] for _ in range(3000)]
    assert np.mean(signals, axis=0) == close(true, abs=0.06)
