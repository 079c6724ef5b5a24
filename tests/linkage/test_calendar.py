"""What taking the calendar out promises: least squares with its columns, events by date or number, what it cost."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.core.values import Reason, Refusal
from metricstack.linkage.calendar import CalendarAdjusted, calendar_adjusted

DAYS = pd.date_range("2026-06-29", periods=70)  # a Monday
NOISE = stream(1, "calendar").standard_normal(70)
PROMOTION = ["2026-07-10", "2026-07-11", "2026-08-01"]


def adjusted(y: object, **more: object) -> CalendarAdjusted:
    found = calendar_adjusted(y, **more)  # type: ignore[arg-type]
    assert isinstance(found, CalendarAdjusted)
    return found


def test_agrees_with_a_regression_on_dummies() -> None:
    y = NOISE + 2 * (DAYS.day_of_week >= 5) + 0.1 * np.arange(70)
    held = DAYS.isin(pd.DatetimeIndex(PROMOTION)).astype(float)
    design = np.column_stack([np.ones(70), np.arange(70), pd.get_dummies(DAYS.day_of_week).iloc[:, 1:], held]).astype(
        float
    )
    peer = sm.OLS(y, design).fit()
    found = adjusted(y, dates=DAYS, events={"promotion": PROMOTION})
    assert found.values == pytest.approx(peer.resid, abs=1e-10)
    assert found.freedom_used == 9
    assert found.explained == pytest.approx(peer.rsquared, abs=1e-12)
    assert found.terms == ("trend", "weekdays", "promotion")
    weekdays = np.zeros((6, 9))
    weekdays[np.arange(6), np.arange(2, 8)] = 1
    assert found.weekday_p == pytest.approx(float(peer.f_test(weekdays).pvalue), rel=1e-8)


def test_an_event_may_be_a_number_for_each_day() -> None:
    held = DAYS.isin(pd.DatetimeIndex(PROMOTION)).astype(int)
    by_date = adjusted(NOISE, dates=DAYS, events={"promotion": PROMOTION})
    assert adjusted(NOISE, dates=DAYS, events={"promotion": held}).values == pytest.approx(by_date.values)


def test_what_is_left_has_nothing_of_the_calendar() -> None:
    again = adjusted(adjusted(NOISE, dates=DAYS).values, dates=DAYS)
    assert again.explained == pytest.approx(0.0, abs=1e-12)


def test_without_dates_there_are_no_weekdays() -> None:
    found = adjusted(NOISE)
    assert (found.terms, found.freedom_used, found.weekday_p) == (("trend",), 2, None)
    assert adjusted(NOISE, trend=False).values == pytest.approx(NOISE - NOISE.mean())


def test_missing_days_stay_missing() -> None:
    y = NOISE.copy()
    y[[3, 40]] = np.nan
    found = adjusted(y, dates=DAYS, missing="skip")
    assert np.flatnonzero(np.isnan(found.values)).tolist() == [3, 40]
    assert float(np.nansum(found.values)) == pytest.approx(0.0, abs=1e-10)


def test_one_wild_day_does_not_bend_its_weekday() -> None:
    y = NOISE.copy()
    y[10] = 1000.0  # a Thursday; 999 / 10 Thursdays would pull each down by 100
    thursdays = [day for day in range(3, 70, 7) if day != 10]
    plain, robust = adjusted(y, dates=DAYS), adjusted(y, dates=DAYS, robust=True)
    assert np.abs(plain.values[thursdays]).min() > 50
    assert np.abs(robust.values[thursdays]).max() < 5
    # Beside a trend from 0 to 100 a day 80 too high stands out only once the trend is out.
    hidden = NOISE + np.linspace(0, 100, 70)
    hidden[10] += 80
    steep, straight = adjusted(hidden, dates=DAYS), adjusted(hidden, dates=DAYS, robust=True)
    assert abs(float(steep.values[thursdays].mean())) > 5
    assert abs(float(straight.values[thursdays].mean())) < 1.5


def test_an_event_that_never_or_always_holds_costs_nothing() -> None:
    events = {"never": ["2020-01-01"], "always": np.ones(70)}
    assert adjusted(NOISE, dates=DAYS, events=events).terms == ("trend", "weekdays")


def test_series_that_cannot_answer_are_refused() -> None:
    assert isinstance(few := calendar_adjusted(NOISE[:19]), Refusal)
    assert isinstance(flat := calendar_adjusted(np.ones(50)), Refusal)
    assert isinstance(planned := calendar_adjusted(np.arange(50.0)), Refusal)
    many = {str(day.date()): [day] for day in DAYS[:40]}
    assert isinstance(terms := calendar_adjusted(NOISE, dates=DAYS, events=many), Refusal)
    assert [one.reason for one in (few, flat, planned, terms)] == [
        Reason.TOO_FEW_UNITS, Reason.NO_VARIATION, Reason.NO_VARIATION, Reason.TOO_FEW_UNITS,
    ]  # fmt: skip


def test_events_that_cannot_be_meant_are_named() -> None:
    with pytest.raises(InvalidInput, match="need the dates of the series"):
        calendar_adjusted(NOISE, events={"promotion": PROMOTION})
    with pytest.raises(InvalidInput, match="'promotion' has"):
        calendar_adjusted(NOISE, dates=DAYS, events={"promotion": [1, 0]})
    with pytest.raises(InvalidInput, match="'promotion' cannot be read"):
        calendar_adjusted(NOISE, dates=DAYS, events={"promotion": ["soon"]})
    with pytest.raises(InvalidInput, match="not finite"):
        calendar_adjusted(NOISE, dates=DAYS, events={"promotion": np.full(70, np.nan)})
