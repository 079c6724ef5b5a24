"""What the search for a shift promises: the published critical values, every F of a Chow test, chance that is drawn."""

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.datasets import nile

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.numerics.level_shift import largest_shift, simulated_autoregressions, sup_f_p_value

NILE = nile.load_pandas().data["volume"].to_numpy(np.float64)


@pytest.mark.parametrize(("statistic", "p"), [(8.85, 0.05), (12.35, 0.01)])
def test_p_values_are_those_of_the_published_table(statistic: float, p: float) -> None:
    # Andrews (1993), table I, one parameter, 15 % trimming. The table was simulated on a grid of 3,600 points with
    # 10,000 repetitions: its own error is about 0.15 in the statistic, which here is 3 % of p and more.
    assert sup_f_p_value(statistic) == pytest.approx(p, rel=0.05)


def test_p_values_agree_with_the_tail_of_a_normalised_brownian_bridge() -> None:
    # James, James and Siegmund (1987), Biometrika 74, 71: P ≈ φ(b) ((b - 1/b) log(odds ratio) + 4/b), b² the statistic;
    # an expansion for large b, so its next term is of order 1/b³.
    for statistic in (9.0, 16.0, 25.0):
        b = statistic**0.5
        density = np.exp(-statistic / 2) / np.sqrt(2 * np.pi)
        for trim in (0.05, 0.15, 0.3):
            tail = density * ((b - 1 / b) * 2 * np.log((1 - trim) / trim) + 4 / b)
            assert sup_f_p_value(statistic, trim=trim) == pytest.approx(tail, rel=2 / b**3)


def test_without_a_search_it_is_one_chi_square() -> None:
    from scipy.stats import chi2

    # Trimming nearly everything leaves one day.
    assert sup_f_p_value(3.84, trim=0.499999) == pytest.approx(chi2.sf(3.84, 1), abs=0.01)


def test_every_f_is_that_of_two_regressions() -> None:
    order = 2
    found = largest_shift(NILE[None, :], order=order)
    lags = np.column_stack([np.ones(98), NILE[1:-1], NILE[:-2]])
    for i in (0, 20, found.every.shape[1] - 1):
        step = (np.arange(2, 100) >= found.first + i).astype(float)
        full = sm.OLS(NILE[2:], np.column_stack([lags, step])).fit()
        assert found.every[0, i] == pytest.approx(full.tvalues[-1] ** 2, rel=1e-8)


def test_the_nile_falls_after_1898() -> None:
    # Zeileis, Kleiber, Krämer and Hornik (2003), Computational Statistics & Data Analysis 44, 109: the break is 1898,
    # the last year of the old level. The series begins in 1871.
    found = largest_shift(NILE[None, :])
    assert 1871 + int(found.at[0]) - 1 == 1898


def test_drawn_series_remember_as_told() -> None:
    random = stream(3, "drawn")
    drawn = simulated_autoregressions(np.array([0.6]), random.standard_normal(400), 200, count=300, random=random)
    inside = drawn - drawn.mean(axis=1, keepdims=True)
    memory = float((inside[:, 1:] * inside[:, :-1]).sum() / (inside**2).sum())
    assert memory == pytest.approx(0.6, abs=0.02)  # 60,000 days: error of 0.003, and 0.014 of bias (1 + 3 · .6) / 200


def test_a_memory_that_would_explode_is_held() -> None:
    random = stream(3, "held")
    drawn = simulated_autoregressions(np.array([1.1]), random.standard_normal(100), 300, count=20, random=random)
    assert np.abs(drawn).max() < 1e3


def test_what_cannot_be_looked_for_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"trim 0\.6"):
        largest_shift(NILE[None, :], trim=0.6)
    with pytest.raises(InvalidInput, match="in 9 days with order 4"):
        largest_shift(NILE[None, :9], order=4)
