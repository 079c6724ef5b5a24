"""What `lead_lag` and `lagged_slope` promise: who moves first and by how much, seldom anything where nothing is."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.core.values import Grade, Reason, Refusal
from metricstack.experiments.effect import Effect
from metricstack.linkage.calendar import calendar_adjusted
from metricstack.linkage.lagged_slope import lagged_slope
from metricstack.linkage.lead_lag import LeadLag, lead_lag
from metricstack.numerics.autoregression import fit_autoregression, normal_scores

DAYS = pd.date_range("2026-06-29", periods=120)


def walk(seed: int, phi: float, n: int = 120) -> np.ndarray:
    news, found = stream(seed, "lead").standard_normal(n + 100), np.zeros(n + 100)
    for t in range(1, n + 100):
        found[t] = phi * found[t - 1] + news[t]
    return found[100:]


def later(x: np.ndarray, days: int, slope: float, seed: int = 9, phi: float = 0.5) -> np.ndarray:
    return slope * np.append(np.zeros(days), x[: len(x) - days]) + walk(seed, phi, len(x))


def known(x: object, y: object, **more: object) -> LeadLag:
    found = lead_lag(x, y, **more)  # type: ignore[arg-type]
    assert isinstance(found, LeadLag)
    return found


def test_one_lag_agrees_with_a_calculation_from_its_parts() -> None:
    x, y = walk(1, 0.5), later(walk(1, 0.5), 2, 0.8)
    new = []
    for series in (x, y):
        left = calendar_adjusted(series, dates=DAYS, robust=True)
        assert not isinstance(left, Refusal)
        new.append(normal_scores(fit_autoregression(left.values).innovations))
    u, v = new[0][:-2], new[1][2:]
    both = np.isfinite(u) & np.isfinite(v)
    r, pairs = stats.pearsonr(u[both], v[both]).statistic, int(both.sum())
    freedom = pairs - 2 - 7  # trend and six weekdays
    p = 2 * stats.t.sf(abs(r) * (freedom / (1 - r * r)) ** 0.5, freedom)
    found = known(x, y, dates=DAYS)
    point = found.profile[7 + 2]
    assert (point.lag, point.days) == (2, pairs)
    assert point.r == pytest.approx(r)
    assert point.p_value == pytest.approx(p, rel=1e-6, abs=0)  # a small p is no 0
    assert (found.lag, found.p_value) == (2, pytest.approx(15 * p, rel=1e-6, abs=0))
    z, reach = np.arctanh(r), stats.norm.ppf(1 - 0.025 / 15) / (pairs - 7 - 3) ** 0.5
    assert (found.low, found.high) == pytest.approx((np.tanh(z - reach), np.tanh(z + reach)))
    assert found.estimate.level == pytest.approx(1 - 0.05 / 15)


def test_both_directions_are_told_apart() -> None:
    x = walk(1, 0.7)
    first, second, both = known(x, later(x, 3, 1.0)), known(later(x, 3, 1.0), x), known(x, later(x, 0, 1.0))
    assert first.says == "x precedes y by 3 days"
    assert second.says == "y precedes x by 3 days"
    assert (both.direction, both.lag) == ("moves together", 0)
    assert isinstance(second.slope, Refusal)
    assert second.slope.reason is Reason.NOT_MEASURED


def test_the_slope_is_that_of_a_regression_with_both_pasts() -> None:
    x, y = walk(1, 0.5), later(walk(1, 0.5), 2, 0.8)
    found = lagged_slope(x, y, lag=2, dates=DAYS)
    assert isinstance(found, Effect)
    orders = known(x, y, dates=DAYS).orders
    columns = {"x2": pd.Series(x).shift(2), "t": np.arange(120)}
    columns |= {f"x{2 + j}": pd.Series(x).shift(2 + j) for j in range(1, orders[0] + 1)}
    columns |= {f"y{j}": pd.Series(y).shift(j) for j in range(1, orders[1] + 1)}
    columns |= {f"d{k}": (DAYS.day_of_week == k).astype(float) for k in range(1, 7)}
    frame = sm.add_constant(pd.DataFrame(columns).assign(y=y).dropna())
    peer = sm.OLS(frame["y"], frame.drop(columns="y")).fit()
    assert (found.value, found.standard_error) == pytest.approx((peer.params["x2"], peer.bse["x2"]), rel=1e-7)
    assert (found.low, found.high) == pytest.approx(tuple(peer.conf_int().loc["x2"]), rel=1e-7)
    assert found.freedom == peer.df_resid


def test_the_slope_of_the_best_lag_is_at_the_level_of_all_lags() -> None:
    x, y = walk(1, 0.5), later(walk(1, 0.5), 2, 0.8)
    found, alone = known(x, y), lagged_slope(x, y, lag=2, level=1 - 0.05 / 15)
    assert isinstance(found.slope, Effect)
    assert isinstance(alone, Effect)
    assert found.slope.estimate == alone.estimate


@settings(max_examples=15, deadline=None)
@given(st.floats(0.01, 100), st.floats(-100, 100), st.integers(0, 20))
def test_scales_do_not_matter_but_to_the_slope(scale: float, shift: float, seed: int) -> None:
    x, y = walk(seed, 0.5), walk(seed + 100, 0.5)
    plain, moved = known(x, y), known(shift + scale * x, y)
    assert moved.lag == plain.lag
    assert moved.p_value == pytest.approx(plain.p_value, rel=1e-6)
    if isinstance(plain.slope, Effect):
        assert isinstance(moved.slope, Effect)
        assert moved.slope.value * scale == pytest.approx(plain.slope.value, rel=1e-5, abs=1e-9)


def test_swapping_the_series_turns_the_profile_round() -> None:
    x, y = walk(1, 0.5), walk(2, 0.5)
    one, other = known(x, y), known(y, x)
    assert [point.r for point in one.profile] == pytest.approx([point.r for point in other.profile[::-1]])
    assert one.lag == -other.lag


def test_one_wild_day_is_no_linkage() -> None:
    x, y = walk(1, 0.0), walk(2, 0.0)
    assert not known(x, y).linked
    x[60] += 1000
    y[62] += 1000
    assert not known(x, y).linked


def test_unrelated_series_are_seldom_linked() -> None:
    # 150 pairs with tails t(3) and AR(.9), a shared week and trend: binomial(150, .08) is above 23 once in a thousand.
    shared = 4.0 * (DAYS.day_of_week >= 5) + 0.05 * np.arange(120)
    linked = 0
    for seed in range(150):
        news = stream(seed, "tails").standard_t(3, (2, 220))
        for t in range(1, 220):
            news[:, t] += 0.9 * news[:, t - 1]
        linked += known(news[0, 100:] + shared, news[1, 100:] + shared, dates=DAYS).linked
    assert linked <= 23


def test_missing_days_join_nothing() -> None:
    x = walk(1, 0.5)
    y = later(x, 2, 1.0)
    x[[20, 21]] = np.nan
    found = known(x, y, missing="skip")
    assert found.lag == 2
    assert found.n < known(walk(1, 0.5), y).n


def test_what_cannot_be_answered_is_refused() -> None:
    x = walk(1, 0.5)
    copy = np.append([0.0, 0.0], 3 * x[:-2])
    answers = [
        lead_lag(x[:29], walk(2, 0.5)[:29]), lead_lag(x, np.ones(120)), lead_lag(x[2:], copy[2:]),
        lead_lag(x[:40], walk(2, 0.5)[:40], lags=30), lagged_slope(x[:40], walk(2, 0.5)[:40], lag=30),
    ]  # fmt: skip
    assert [one.reason for one in answers if isinstance(one, Refusal)] == [
        Reason.TOO_FEW_UNITS, Reason.NO_VARIATION, Reason.NO_VARIATION, Reason.TOO_FEW_UNITS, Reason.TOO_FEW_UNITS,
    ]  # fmt: skip


def test_what_cannot_be_meant_is_named() -> None:
    x, y = walk(1, 0.5), walk(2, 0.5)
    with pytest.raises(InvalidInput, match="lags are -1"):
        lead_lag(x, y, lags=-1)
    with pytest.raises(InvalidInput, match="alpha 5"):
        lead_lag(x, y, alpha=5)
    with pytest.raises(InvalidInput, match="lag is -2"):
        lagged_slope(x, y, lag=-2)


def test_a_result_is_plain_values_and_a_finding() -> None:
    found = known(walk(1, 0.5), walk(2, 0.5))
    told = found.to_dict()
    assert len(told["profile"]) == 15
    assert told["kind"] == "estimate"
    assert found.findings[0].answer is found.estimate
    assert found.findings[0].grade is Grade.D
