"""What regressions with lasting errors promise: the published local level, generalised least squares, gaps."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.linalg import toeplitz
from statsmodels.datasets import nile

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.numerics.serial_errors import (
    ar1_regression,
    independent_columns,
    local_level_regression,
    whitened_ar1,
    whitened_level,
)

NILE = nile.load_pandas().data["volume"].to_numpy(np.float64)
STEP = (np.arange(100) >= 28).astype(float)


def test_the_level_of_the_nile_wanders_as_published() -> None:
    # Durbin and Koopman, Time Series Analysis by State Space Methods (2001), section 2.10: variance of the daily error
    # 15099, of the level's step 1469.1, printed to five figures.
    fit = local_level_regression(np.zeros((100, 0)), NILE, np.arange(100))
    assert fit.variance * (1 - fit.parameter) == pytest.approx(15099, abs=0.5)
    assert fit.variance * fit.parameter == pytest.approx(1469.1, abs=0.1)


def test_an_ar1_fit_is_generalised_least_squares() -> None:
    design, phi = np.column_stack([np.ones(100), STEP]), 0.4
    peer = sm.GLS(NILE, design, sigma=toeplitz(phi ** np.arange(100)) / (1 - phi**2)).fit()
    fit = ar1_regression(design, NILE, np.arange(100), phi=phi)
    assert fit.coefficients == pytest.approx(peer.params, rel=1e-9)
    value, error, low, high, p = fit.contrast(np.array([0.0, 1.0]), level=0.9)
    assert (value, error, p) == pytest.approx((peer.params[1], peer.bse[1], peer.pvalues[1]), rel=1e-8)
    assert [low, high] == pytest.approx(peer.conf_int(0.1)[1], rel=1e-8)


def test_missing_days_are_generalised_least_squares_on_the_days_seen() -> None:
    days = np.delete(np.arange(100), [10, 11, 40])
    design, y, phi = np.column_stack([np.ones(97), STEP[days]]), NILE[days], 0.6
    sigma = phi ** np.abs(days[:, None] - days) / (1 - phi**2)
    peer = sm.GLS(y, design, sigma=sigma).fit()
    assert ar1_regression(design, y, days, phi=phi).coefficients == pytest.approx(peer.params, rel=1e-9)
    assert whitened_ar1(design, days, np.array([phi]))[1][0] == pytest.approx(np.linalg.slogdet(sigma)[1], rel=1e-9)


def test_the_best_phi_has_the_highest_restricted_likelihood() -> None:
    design = np.column_stack([np.ones(100), STEP])

    def likelihood(phi: float) -> float:  # from the dense covariance: Patterson and Thompson's formula
        sigma = toeplitz(phi ** np.arange(100)) / (1 - phi**2)
        inverse = np.linalg.inv(sigma)
        precision = design.T @ inverse @ design
        left = NILE - design @ np.linalg.solve(precision, design.T @ inverse @ NILE)
        terms = np.linalg.slogdet(sigma)[1] + np.linalg.slogdet(precision)[1] + 98 * np.log(left @ inverse @ left)
        return float(-terms / 2)

    fit = ar1_regression(design, NILE, np.arange(100))
    assert likelihood(fit.parameter) >= max(likelihood(fit.parameter + step) for step in (-0.01, -0.001, 0.001, 0.01))
    assert fit.likelihood == pytest.approx(likelihood(fit.parameter), abs=1e-6)


def test_a_level_with_missing_days_is_generalised_least_squares_of_differences() -> None:
    days = np.delete(np.arange(100), [10, 11, 40])
    share, x = 0.3, np.cos(days.astype(float))
    steps = np.eye(96, 97, 1) - np.eye(96, 97)
    level = share * np.minimum(days[:, None], days)
    sigma = steps @ (level + (1 - share) * np.eye(97)) @ steps.T
    peer = sm.GLS(steps @ NILE[days], steps @ x[:, None], sigma=sigma).fit()
    fit = local_level_regression(x[:, None], NILE[days], days, share=share)
    assert fit.coefficients == pytest.approx(peer.params, rel=1e-8)
    assert fit.contrast(np.ones(1), level=0.95)[1] == pytest.approx(peer.bse[0], rel=1e-8)
    assert whitened_level(x[:, None], days, np.array([share]))[1][0] == pytest.approx(np.linalg.slogdet(sigma)[1])


def test_not_knowing_phi_makes_the_interval_wider() -> None:
    design = np.column_stack([np.ones(100), STEP])
    fit = ar1_regression(design, NILE, np.arange(100))
    plug = ar1_regression(design, NILE, np.arange(100), phi=fit.parameter)
    wide, narrow = (one.contrast(np.array([0.0, 1.0]), level=0.95) for one in (fit, plug))
    assert wide[0] == pytest.approx(narrow[0], abs=1e-3)  # the best phi is found to 1e-6
    assert wide[3] - wide[2] > narrow[3] - narrow[2]


def test_a_random_walk_is_least_squares_of_its_differences() -> None:
    since = np.maximum(np.arange(100) - 28, 0)
    design, walk = np.column_stack([np.ones(100), np.arange(100), STEP, since]), 1 - 1e-6
    fit = ar1_regression(design, NILE, np.arange(100), phi=walk)
    peer = sm.OLS(np.diff(NILE), np.diff(design[:, 1:], axis=0)).fit()
    for j in (1, 2, 3):
        value, error, _, _, p = fit.contrast(np.eye(4)[j], level=0.95)
        assert (value, error, p) == pytest.approx((peer.params[j - 1], peer.bse[j - 1], peer.pvalues[j - 1]), abs=5e-3)


def test_a_walk_is_as_likely_beforehand_as_all_else() -> None:
    # 200 walks beside a trend that may bend: binomial(200, .08) is above 29 once in a thousand; a flat prior is.
    # Days that keep a mean lose nothing.
    days = np.arange(90)
    design = np.column_stack([np.ones(90), days, days >= 60, np.maximum(days - 60, 0)]).astype(float)
    bend = np.eye(4)[3]

    def found(y: np.ndarray, *, walk: bool) -> float:
        return ar1_regression(design, y, days, walk=walk).contrast(bend, level=0.95)[4]

    news = stream(7, "serial errors").standard_normal((200, 90))
    said = {walk: sum(found(y, walk=walk) <= 0.05 for y in np.cumsum(news, axis=1)) for walk in (True, False)}
    assert said[True] <= 29 < said[False], said
    assert [found(y, walk=True) for y in news[:20]] == pytest.approx([found(y, walk=False) for y in news[:20]])


def test_a_scale_moves_everything_with_it() -> None:
    design = np.column_stack([np.ones(100), STEP])
    plain, scaled = (ar1_regression(design, NILE * k, np.arange(100)) for k in (1.0, 1e-6))
    assert scaled.parameter == pytest.approx(plain.parameter, abs=1e-5)
    assert np.array(scaled.contrast(np.array([0.0, 1.0]), level=0.9)[:4]) * 1e6 == pytest.approx(
        plain.contrast(np.array([0.0, 1.0]), level=0.9)[:4], rel=1e-6
    )


def test_columns_that_depend_on_others_are_marked() -> None:
    x = stream(2, "columns").standard_normal((20, 3))
    columns = np.column_stack([x, x[:, 0] - 2 * x[:, 1], np.zeros(20)])
    assert independent_columns(columns).tolist() == [True, True, True, False, False]


def test_too_few_days_are_named() -> None:
    with pytest.raises(InvalidInput, match="2 days are too few for 2 coefficients"):
        ar1_regression(np.eye(2), np.ones(2), np.arange(2))
