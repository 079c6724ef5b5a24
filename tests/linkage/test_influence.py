"""What estimates with their errors by cluster promise: freedoms, joint tests, bands and placebo dates by hand."""

import math

import numpy as np
import pytest
from scipy import stats

from metricstack.core.streams import stream
from metricstack.linkage.influence import Influence
from metricstack.linkage.pretrends import placebo_dates, pre_trend

close = pytest.approx


def influence(values: list[float], rows: np.ndarray, group: list[int], freedom: list[float]) -> Influence:
    return Influence(np.array(values), rows, np.array(group), np.array(freedom, dtype=float), 10)


def test_one_row_alone_has_one_degree_and_equal_rows_have_their_group_s() -> None:
    alone = influence([1.0], np.array([[2.0], [0.0], [0.0]]), [0, 0, 0], [2.0])
    assert alone.freedoms() == close([1.0])
    equal = influence([1.0], np.array([[1.0], [-1.0]] * 5), [0] * 10, [9.0])
    assert equal.freedoms() == close([9.0])


def test_two_groups_add_up_as_satterthwaite_says() -> None:
    # Variances 4 and 16 on 3 and 15 degrees: 20^2 / (16/3 + 256/15) = 400 / 22.4.
    rows = np.array([[1.0], [-1.0]] * 2 + [[1.0], [-1.0]] * 8)
    found = influence([0.0], rows, [0] * 4 + [1] * 16, [3.0, 15.0])
    assert found.errors == close([math.sqrt(20)])
    assert found.freedoms() == close([400 / 22.4])


def test_the_joint_test_is_hotelling_s() -> None:
    # Variances 4 and 9 without covariance: W = 4 / 4 + 9 / 9 = 2; F = 2 * 7 / (8 * 2) on 2 and 7.
    rows = np.zeros((8, 2))
    rows[:, 0] = np.array([1, -1] * 4) * math.sqrt(0.5)
    rows[:, 1] = np.array([1, 1, -1, -1] * 2) * math.sqrt(9 / 8)
    found = influence([2.0, 3.0], rows, [0] * 8, [8.0]).joint()
    assert found is not None
    assert found.wald == close(2.0)
    assert found.statistic == close(14 / 16)
    assert found.p_value == close(float(stats.f.sf(14 / 16, 2, 7)))
    assert influence([1.0, 1.0], rows[:, :1] @ np.ones((1, 2)), [0] * 8, [8.0]).joint() is None


def test_a_band_of_many_is_sidak_s() -> None:
    # Five independent estimates on 400 clusters each: the 0.95 ** (1 / 5) point of |z| is 2.57.
    rows = np.kron(np.eye(5), stream(1, "band").standard_normal((400, 1)))
    found = influence([0.0] * 5, rows, [0] * 2000, [1e9])
    wanted = float(stats.norm.ppf(0.5 + 0.5 * 0.95**0.2))
    # 1,000 draws put the quantile within about 0.1, t instead of normal within 1 %.
    assert found.band(level=0.95) / found.errors == close(np.full(5, wanted), abs=0.17)


def test_placebo_dates_by_hand() -> None:
    # Leads 1, 2, 4 at -3, -2, -1 before a base of 0. From -2 on: (2 + 4 + 0) / 3 - 1 = 1; from -1: (4 + 0) / 2 - 2 = 0.
    found = placebo_dates(influence([1.0, 2.0, 4.0], np.eye(3), [0, 0, 0], [2.0]), np.array([-3, -2, -1]))
    assert found is not None
    dates, effects = found
    assert dates.tolist() == [-2, -1]
    assert effects.values == close([1.0, 0.0])
    # Weights (-1, 1/3, 1/3) and (0, -1, 1/2) of leads with unit variance.
    assert effects.errors == close([math.sqrt(1 + 2 / 9), math.sqrt(1.25)])
    assert placebo_dates(influence([], np.zeros((3, 0)), [0, 0, 0], [2.0]), np.array([], dtype=int)) is None


def test_the_detectable_divergence_of_one_lead_by_hand() -> None:
    # One mean of two leads, 1.5 periods from the base on average, error 1, so many degrees that F is a chi-square: it
    # is found with 80 % where its noncentral chi-square of one degree exceeds 3.8415: at 7.849 = (1.96 + 0.8416)^2.
    rows = np.tile(np.array([[1.0, 1.0], [-1.0, -1.0]]) / math.sqrt(1000), (500, 1))
    found = pre_trend(influence([0.0, 0.0], rows, [0] * 1000, [1e6]), np.array([-2, -1]), clusters=4, mean_distance=3.0)
    assert found is not None
    assert found.freedom[0] == 1
    # The freedom that 1,000 equal rows speak for is 2,998: 0.1 % from the limit.
    assert found.detectable == close(math.sqrt(7.849) / 1.5, rel=2e-3)
    assert found.bias == close(3 * found.detectable)
    assert found.p_value == 1.0
