"""What `correlation` promises: the naive number beside the honest, by hand and as elsewhere; unrelated stays so."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Grade, Reason, Refusal
from metricstack.linkage.association import Correlation, correlation, effective_sample_size, fisher_interval

DAYS = pd.date_range("2026-06-29", periods=90)


def walk(seed: int, phi: float, n: int = 90) -> np.ndarray:
    news, found = stream(seed, "walk").standard_normal(n + 100), np.zeros(n + 100)
    for t in range(1, n + 100):
        found[t] = phi * found[t - 1] + news[t]
    return found[100:]


def known(x: object, y: object, **more: object) -> Correlation:
    found = correlation(x, y, **more)  # type: ignore[arg-type]
    assert isinstance(found, Correlation)
    return found


def test_effective_days_agree_with_a_calculation_by_hand() -> None:
    # 1 … 20: r1 = 1 - (3 n² - 3 … ) worked out: squares 665, neighbours (n³ - n)/12 - …: 565.25; a = 0.85,
    # a² = 0.7225; 20 · 0.2775 / 1.7225 = 3.2221.
    x = np.arange(1.0, 21.0)
    centred = x - 10.5
    assert float(centred[1:] @ centred[:-1]) == pytest.approx(565.25)
    assert effective_sample_size(x) == pytest.approx(20 * 0.2775 / 1.7225)


def test_the_naive_one_is_the_usual_correlation() -> None:
    x, y = walk(1, 0.5), walk(2, 0.5)
    peer = stats.pearsonr(x, y)
    for method in ("naive", "effective", "calendar", "prewhitened"):
        found = known(x, y, method=method)
        assert (found.naive.value, found.naive_p) == pytest.approx((peer.statistic, peer.pvalue))
        interval = peer.confidence_interval(0.95)
        assert (found.naive.low, found.naive.high) == pytest.approx((interval.low, interval.high))
    assert known(x, y, method="naive").p_value == pytest.approx(peer.pvalue)


def test_the_effective_one_is_the_usual_with_fewer_days() -> None:
    x, y = walk(1, 0.8), walk(2, 0.8)
    found = known(x, y)
    r, days = found.value, effective_sample_size(x, y)
    t = r * ((days - 2) / (1 - r * r)) ** 0.5
    assert found.n_effective == pytest.approx(days)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(t), days - 2))
    assert (found.low, found.high) == pytest.approx(fisher_interval(r, days, 0.95))
    assert found.n == 90
    assert found.n_effective < 60


def test_without_calendar_it_is_a_partial_correlation() -> None:
    # Of two series on constant, trend and weekdays, each day independent: t with 90 - 9 degrees of freedom.
    import statsmodels.api as sm

    x, y = walk(1, 0.0), walk(2, 0.0)
    design = np.column_stack([np.ones(90), np.arange(90), pd.get_dummies(DAYS.day_of_week).iloc[:, 1:]]).astype(float)
    peer = sm.OLS(y, np.column_stack([design, x])).fit()
    found = known(x, y, method="calendar", dates=DAYS)
    left = [sm.OLS(one, design).fit().resid for one in (x, y)]
    days = effective_sample_size(*left)
    assert days == pytest.approx(90, rel=0.05)
    assert found.statistic == pytest.approx(peer.tvalues[-1] * ((days - 9) / 81) ** 0.5, rel=1e-9)


@given(st.floats(-5, 5).filter(lambda a: abs(a) > 1e-3), st.floats(-100, 100))
def test_scale_and_order_do_not_matter(scale: float, shift: float) -> None:
    x, y = walk(1, 0.5), walk(2, 0.5)
    plain, moved, turned = known(x, y), known(scale * x + shift, y), known(y, x)
    assert moved.value == pytest.approx(np.sign(scale) * plain.value, abs=1e-9)
    assert moved.p_value == pytest.approx(plain.p_value, abs=1e-9)
    assert turned.p_value == pytest.approx(plain.p_value, abs=1e-12)


def test_unrelated_series_with_memory_are_seldom_linked() -> None:
    # 300 pairs of AR(.8): the naive p is below .05 in a third; binomial(300, .05) is above 28 once in a thousand.
    found = [known(walk(2 * seed, 0.8), walk(2 * seed + 1, 0.8), method=method)
             for seed in range(150) for method in ("effective", "prewhitened")]  # fmt: skip
    assert sum(one.p_value <= 0.05 for one in found) <= 28
    assert sum(one.naive_p <= 0.05 for one in found) >= 70


def test_a_shared_week_is_told_and_taken_out() -> None:
    week = 3.0 * (DAYS.day_of_week >= 5)
    x, y = walk(1, 0.0) + week, walk(2, 0.0) + week
    left_in, out = known(x, y, dates=DAYS), known(x, y, dates=DAYS, method="calendar")
    assert left_in.p_value < 1e-6
    assert [check.passed for check in left_in.checks] == [False]
    assert out.p_value > 0.05


def test_missing_days_join_nothing() -> None:
    x, y = walk(1, 0.5), walk(2, 0.5)
    x[[5, 6, 50]] = np.nan
    both = np.isfinite(x)
    found = known(x, y, missing="skip")
    assert found.value == pytest.approx(np.corrcoef(x[both], y[both])[0, 1])
    assert found.n == 87


def test_what_cannot_be_answered_is_refused() -> None:
    x = walk(1, 0.5)
    trend = np.arange(90.0) + 0.01 * walk(3, 0.0)
    found = {
        "short": correlation(x[:19], x[:19]), "flat": correlation(x, np.ones(90)), "same": correlation(x, 3 - 2 * x),
        "long memory": correlation(trend, trend + walk(2, 0.0)),
    }  # fmt: skip
    assert all(isinstance(one, Refusal) for one in found.values())
    assert [one.reason for one in found.values() if isinstance(one, Refusal)] == [
        Reason.TOO_FEW_UNITS, Reason.NO_VARIATION, Reason.NO_VARIATION, Reason.TOO_FEW_UNITS,
    ]  # fmt: skip


def test_what_cannot_be_meant_is_named() -> None:
    x, y = walk(1, 0.5), walk(2, 0.5)
    with pytest.raises(UnknownName, match="Did you mean 'prewhitened'"):
        correlation(x, y, method="prewhitend")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="level 95"):
        correlation(x, y, level=95)
    with pytest.raises(InvalidInput, match="x misses 1 of 90 days"):
        correlation(np.append(x[:-1], np.nan), y)


def test_a_result_is_plain_values_and_a_finding() -> None:
    found = known(walk(1, 0.5), walk(2, 0.5))
    assert found.findings[0].answer is found.estimate
    assert found.findings[0].grade is Grade.D
    assert found.to_dict()["naive"]["kind"] == "estimate"
    assert list(found.to_pandas()["value"]) == [found.value]
