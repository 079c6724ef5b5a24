"""What autoregressions promise: least squares as elsewhere, gaps that join nothing, scores no wild day can move."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.datasets import sunspots
from statsmodels.tsa.ar_model import AutoReg, ar_select_order
from statsmodels.tsa.stattools import acf

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.numerics.autoregression import (
    first_autocorrelation,
    fit_autoregression,
    lag_matrix,
    normal_scores,
    whitened,
    winsorised,
)

SUNSPOTS = sunspots.load_pandas().data["SUNACTIVITY"].to_numpy(np.float64)


def test_a_line_through_three_pairs_agrees_with_a_calculation_by_hand() -> None:
    # Pairs (1, 2), (2, 2), (2, 4), (4, 5): means 9/4 and 13/4; sums 19/4 squared, 19/4 crossed: slope 1, constant 1.
    x = np.array([1.0, 2.0, 2.0, 4.0, 5.0])
    fit = fit_autoregression(x, order=1)
    assert (fit.constant, float(fit.coefficients[0])) == (pytest.approx(1.0), pytest.approx(1.0))
    assert fit.innovations[1:] == pytest.approx([0.0, -1.0, 1.0, 0.0])
    assert fit.variance == pytest.approx(2 / 2)  # four pairs, two coefficients


def test_agrees_with_statsmodels_on_sunspots() -> None:
    fit, peer = fit_autoregression(SUNSPOTS, order=9), AutoReg(SUNSPOTS, 9).fit()
    assert np.append(fit.constant, fit.coefficients) == pytest.approx(peer.params, rel=1e-8)  # two solvers' rounding
    assert fit.innovations[9:] == pytest.approx(peer.resid, abs=1e-8)


@pytest.mark.parametrize(("sparing", "criterion"), [(False, "aic"), (True, "bic")])
def test_chooses_the_order_that_statsmodels_does(sparing: bool, criterion: str) -> None:
    for seed in range(6):
        x = SUNSPOTS[seed * 40 : seed * 40 + 100]
        peer = ar_select_order(x, 7, ic=criterion).ar_lags
        assert fit_autoregression(x, sparing=sparing).order == (0 if peer is None else len(peer))


def test_autocorrelation_agrees_with_statsmodels() -> None:
    assert first_autocorrelation(SUNSPOTS) == pytest.approx(acf(SUNSPOTS, nlags=1)[1], rel=1e-12)


def test_scores_are_normal_quantiles_of_ranks() -> None:
    x = stream(1, "scores").integers(0, 9, 50).astype(float)
    assert normal_scores(x) == pytest.approx(stats.norm.ppf(stats.rankdata(x) / 51), abs=1e-12)


def test_a_gap_takes_out_every_day_that_needs_it() -> None:
    x = np.arange(12.0) ** 2 % 7
    x[5] = np.nan
    fit = fit_autoregression(x, order=2)
    assert np.flatnonzero(np.isnan(fit.innovations)).tolist() == [0, 1, 5, 6, 7]
    days = [2, 3, 4, 8, 9, 10, 11]
    design = np.column_stack([np.ones(7), x[[d - 1 for d in days]], x[[d - 2 for d in days]]])
    assert np.append(fit.constant, fit.coefficients) == pytest.approx(np.linalg.lstsq(design, x[days])[0])


def test_innovations_are_what_the_coefficients_leave() -> None:
    fit = fit_autoregression(SUNSPOTS)
    assert whitened(SUNSPOTS, fit.coefficients)[fit.order :] - fit.constant == pytest.approx(
        fit.innovations[fit.order :], abs=1e-9
    )


def test_a_memory_of_nothing_is_the_mean() -> None:
    fit = fit_autoregression(np.array([1.0, 2.0, 6.0]), order=0)
    assert fit.constant == pytest.approx(3.0)
    assert fit.variance == pytest.approx((4 + 1 + 9) / 2)


numbers = st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=30)


@given(numbers)
def test_scores_depend_on_ranks_only(values: list[float]) -> None:
    x = np.array(values)
    assert normal_scores(x) == pytest.approx(
        normal_scores(np.arctan(x / 1e6) if len(set(np.arctan(x / 1e6))) == len(set(x)) else x)
    )


@given(numbers)
def test_winsorising_keeps_order_and_shrinks_the_range(values: list[float]) -> None:
    x = np.array(values)
    found = winsorised(x)
    assert (np.diff(found[np.argsort(x, kind="stable")]) >= 0).all()
    assert found.min() >= x.min()
    assert found.max() <= x.max()


def test_lags_from_none_on_hold_the_series_itself() -> None:
    assert lag_matrix(np.array([1.0, 2.0]), 0, first=0).ravel().tolist() == [1.0, 2.0]


def test_what_cannot_be_fitted_is_named() -> None:
    with pytest.raises(InvalidInput, match="order of an autoregression is -1"):
        fit_autoregression(np.arange(9.0), order=-1)
    with pytest.raises(InvalidInput, match="more than 2 days"):
        fit_autoregression(np.arange(6.0), order=4)
    with pytest.raises(InvalidInput, match="without variation"):
        first_autocorrelation(np.ones(9))
