"""What `stationarity` and `break_test` promise: statsmodels' tests read together; shifts found, and not in memory."""

import warnings

import numpy as np
import pandas as pd
import pytest
from statsmodels.datasets import nile, sunspots
from statsmodels.tsa.stattools import adfuller, kpss

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.core.values import Reason, Refusal
from metricstack.linkage.stability import BreakTest, Stationarity, break_test, stationarity

NILE = nile.load_pandas().data["volume"].to_numpy(np.float64)
SUNSPOTS = sunspots.load_pandas().data["SUNACTIVITY"].to_numpy(np.float64)
NOISE = stream(1, "stability").standard_normal(120)


def told(y: np.ndarray) -> Stationarity:
    found = stationarity(y)
    assert isinstance(found, Stationarity)
    return found


def looked(y: object, **more: object) -> BreakTest:
    found = break_test(y, **more)  # type: ignore[arg-type]
    assert isinstance(found, BreakTest)
    return found


def test_p_values_are_those_of_statsmodels() -> None:
    found = told(SUNSPOTS)
    # Printed in statsmodels' example on stationarity of these data: ADF p 0.053076, KPSS p 0.016285.
    assert (found.adf_p, found.kpss_p) == (pytest.approx(0.053076, abs=1e-6), pytest.approx(0.016285, abs=1e-6))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert found.adf_trend_p == adfuller(SUNSPOTS, regression="ct", result_object=True).pvalue
        assert found.kpss_trend_p == kpss(SUNSPOTS, "ct", result_object=True).pvalue


def test_each_verdict_is_given_where_it_belongs() -> None:
    walk = np.cumsum(NOISE)
    series = {"stationary": NOISE, "trend stationary": NOISE + 0.1 * np.arange(120), "unit root": walk}
    found = {name: told(y) for name, y in series.items()}
    assert {name: one.verdict for name, one in found.items()} == {name: name for name in found}
    assert [one.check.passed for one in found.values()] == [True, True, False]
    assert found["unit root"].findings[0].checks[0].name == "stationarity"
    assert found["unit root"].to_dict()["verdict"] == "unit root"
    # Of the Nile every test rejects, with and without a trend (p .001, .01, .0005, .01): they contradict each other.
    assert told(NILE).verdict == "undecided"
    assert told(NILE).check.passed is None


def test_the_nile_falls_in_1899() -> None:
    # Zeileis and others (2003): one break, 1898 the last year of the old level; means 1097.75 before, 849.97 after.
    years = pd.to_datetime([f"{year}-01-01" for year in range(1871, 1971)])
    found = looked(NILE, order=0)
    assert years[found.at].year == 1899
    assert found.broken
    assert found.between[0] <= 28 <= found.between[1]
    assert found.before.value == pytest.approx(1097.75, abs=5)  # AR(1) errors weigh the years a little differently
    assert found.after.value == pytest.approx(849.97, abs=5)
    assert found.value == pytest.approx(found.after.value - found.before.value)
    assert found.low is not None
    assert found.low < -248 < (found.high or 0)


def test_memory_is_allowed_for_unless_told_otherwise() -> None:
    walk = np.cumsum(NOISE)
    assert looked(walk, order=0).p_value < 1e-6
    assert looked(walk).p_value > 0.05
    assert "simulated" in looked(walk).method
    assert "limit" in looked(NOISE).method


def test_random_walks_seldom_break() -> None:
    # 100 walks of 60 days; binomial(100, .08) is above 18 once in a thousand.
    walks = np.cumsum(stream(2, "walks").standard_normal((100, 60)), axis=1)
    assert sum(looked(walk).broken for walk in walks) <= 18


def test_a_week_is_no_break_and_a_day_is_a_date() -> None:
    days = pd.date_range("2026-06-29", periods=120)
    y = NOISE + 5 * (days.day_of_week >= 5) + 2.0 * (np.arange(120) >= 70)
    found = looked(y, dates=days)
    assert found.day == str(days[found.at].date())
    assert abs(found.at - 70) <= 3
    assert found.broken


def test_the_same_seed_gives_the_same_answer() -> None:
    walk = np.cumsum(NOISE)
    assert looked(walk).p_value == looked(walk).p_value
    assert looked(walk, seed=1).p_value == pytest.approx(looked(walk).p_value, abs=0.1)  # 499 draws: error .02 at most


def test_a_scale_moves_sizes_and_nothing_else() -> None:
    plain, scaled = looked(NILE), looked(3 * NILE + 7)
    assert (scaled.at, scaled.p_value) == (plain.at, pytest.approx(plain.p_value))
    assert scaled.value == pytest.approx(3 * plain.value, rel=1e-6)


def test_what_cannot_be_answered_is_refused() -> None:
    answers = [stationarity(NOISE[:29]), stationarity(np.ones(50)), break_test(NOISE[:29]), break_test(np.ones(50)),
               break_test(NOISE[:30], order=6), stationarity(np.tile([1.0, -1.0], 30))]  # fmt: skip
    assert [one.reason for one in answers if isinstance(one, Refusal)] == [
        Reason.TOO_FEW_UNITS, Reason.NO_VARIATION, Reason.TOO_FEW_UNITS, Reason.NO_VARIATION, Reason.TOO_FEW_UNITS,
        Reason.NO_VARIATION,
    ]  # fmt: skip


def test_what_cannot_be_meant_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"trim 0\.7"):
        break_test(NOISE, trim=0.7)
    with pytest.raises(InvalidInput, match="misses 1 of 120"):
        break_test(np.append(NOISE[:-1], np.nan))
    with pytest.raises(InvalidInput, match="misses 1 of 120"):
        stationarity(np.append(NOISE[:-1], np.nan))
