"""What reading series promises: one grid, gaps named, nothing invented; and series that cannot answer are refused."""

import numpy as np
import pandas as pd
import pytest

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.values import Reason
from metricstack.linkage.series import read_series, refused, same

DAYS = pd.date_range("2026-07-01", periods=5)


def test_series_are_aligned_on_their_own_dates() -> None:
    x = pd.Series([1.0, 2, 3, 4], index=DAYS[:4])
    y = pd.Series([20.0, 30, 40, 50], index=DAYS[1:])
    found = read_series({"x": x, "y": y}, missing="skip")
    assert found["x"][1:4].tolist() == [2, 3, 4]
    assert found["y"][1:4].tolist() == [20, 30, 40]
    assert np.isnan(found["x"][4])
    assert np.isnan(found["y"][0])


@pytest.mark.parametrize("index", [[day.date() for day in DAYS], DAYS.strftime("%Y-%m-%d"), DAYS.to_period("D")])
def test_an_index_of_dates_of_any_kind_is_read_as_one(index: object) -> None:
    found = read_series({"x": pd.Series(np.arange(5.0), index=index)})  # type: ignore[call-overload]
    assert found.days is not None
    assert found.days.tolist() == [day.date() for day in DAYS]


def test_an_index_of_names_or_numbers_is_none_of_dates() -> None:
    for index in (list("abcde"), ["1", "2", "3", "4", "5"], range(2001, 2006)):
        assert read_series({"x": pd.Series(np.arange(5.0), index=index)}).days is None  # type: ignore[call-overload]


def test_a_date_left_out_is_a_missing_day() -> None:
    found = read_series({"x": [1.0, 2, 3]}, dates=["2026-07-01", "2026-07-02", "2026-07-04"], missing="skip")
    assert found.n == 4
    assert np.isnan(found["x"][2])
    assert found.place("2026-07-04") == 3
    assert found.place(2) == 3  # the third row that was handed in


def test_dates_may_be_of_any_kind() -> None:
    kinds = [DAYS, DAYS.to_numpy(), DAYS.strftime("%Y-%m-%d").tolist(), DAYS.tz_localize("Europe/Berlin"),
             [day.date() for day in DAYS], DAYS.to_period("D")]  # fmt: skip
    grids = [read_series({"x": np.arange(5.0)}, dates=dates).days for dates in kinds]
    assert all(np.array_equal(grid, grids[0]) for grid in grids if grid is not None)
    assert read_series({"x": np.arange(5.0)}, dates=DAYS).daily


def test_weeks_have_no_weekdays() -> None:
    found = read_series({"x": np.arange(3.0)}, dates=["2026-07-01", "2026-07-08", "2026-07-15"])
    assert found.n == 3
    assert not found.daily


@pytest.mark.parametrize(
    "days",
    [
        pd.period_range("2023-11", periods=9, freq="M"), pd.date_range("2023-11-30", periods=9, freq="ME"),
        pd.date_range("2023-11-15", periods=9, freq=pd.DateOffset(months=1)),
        pd.period_range("2021Q1", periods=9, freq="Q"), pd.period_range("1871", periods=9, freq="Y"),
    ],
)  # fmt: skip
def test_months_quarters_and_years_are_equal_steps(days: pd.Index) -> None:
    whole = pd.Series(np.arange(9.0), index=days)
    found = read_series({"x": whole})
    assert (found.n, found.daily) == (9, False)
    assert found["x"].tolist() == whole.tolist()
    assert found.place(str(found.days[4])) == 4  # type: ignore[index]
    gap = read_series({"x": whole.drop(days[3]), "y": whole}, missing="skip")
    assert np.flatnonzero(np.isnan(gap["x"])).tolist() == [3]
    assert gap["y"].tolist() == whole.tolist()


def test_too_few_days_and_constants_are_refused() -> None:
    short, flat = read_series({"x": np.arange(3.0)}), read_series({"x": np.full(50, 0.1)})
    few, still = refused(short, least=20), refused(flat, least=20)
    assert few is not None
    assert still is not None
    assert (few.reason, still.reason) == (Reason.TOO_FEW_UNITS, Reason.NO_VARIATION)
    assert "x is 0.1 on every day" in still.detail
    assert refused(read_series({"x": np.arange(30.0)}), least=20) is None


def test_a_series_that_is_the_other_is_refused() -> None:
    assert same(0.999) is None
    found = same(-1.0, 2)
    assert found is not None
    assert "y is x 2 days later" in found.detail


@pytest.mark.parametrize(
    ("series", "dates", "said"),
    [
        ({"x": [1.0, np.nan, 3.0]}, None, "x misses 1 of 3 days, the first at 1"),
        ({"x": [1.0, 2.0]}, ["2026-07-01", "2026-07-03"], None),
        ({"x": [1.0, 2.0, 3.0]}, ["2026-07-01", "2026-07-02", "2026-07-04"], "the first at 2026-07-03"),
        ({"x": [1.0, 2.0, 3.0]}, ["2026-07-01", "2026-07-03", "2026-07-06"], "not in equal steps: 2026-07-03"),
        ({"x": [1.0, 2.0]}, ["2026-07-02", "2026-07-01"], "2026-07-01 follows 2026-07-02"),
        ({"x": [1.0, 2.0]}, ["2026-07-01", "2026-07-01"], "2026-07-01 follows 2026-07-01"),
        ({"x": [1.0, 2.0]}, ["2026-07-01", None], "1 dates are missing"),
        ({"x": [1.0, 2.0]}, ["2026-07-01"], "1 dates for 2 values"),
        ({"x": [1.0, 2.0]}, ["soon", "later"], "cannot be read"),
        ({"x": [1.0, 2.0], "y": [1.0]}, None, "unequal length: x 2, y 1"),
        ({"x": ["a", "b"]}, None, "no numbers"),
        ({"x": [[1.0]]}, None, "2 dimensions"),
        ({"x": [1.0, np.inf]}, None, "1 that are infinite"),
    ],
)
def test_what_cannot_be_read_is_named(series: dict[str, object], dates: list[str] | None, said: str | None) -> None:
    if said is None:
        assert read_series(series, dates=dates).n == 2  # type: ignore[arg-type]
        return
    with pytest.raises(InvalidInput, match=said):
        read_series(series, dates=dates)  # type: ignore[arg-type]


def test_unknown_ways_and_days_are_named() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'skip'"):
        read_series({"x": [1.0]}, missing="skp")  # type: ignore[arg-type]
    found = read_series({"x": np.arange(5.0)}, dates=DAYS)
    with pytest.raises(InvalidInput, match="2026-08-01 is outside 2026-07-01 to 2026-07-05"):
        found.place("2026-08-01")
    with pytest.raises(InvalidInput, match="Position 7 is outside"):
        found.place(7)
    for odd in (2.0, True):
        with pytest.raises(InvalidInput, match="neither a position"):
            found.place(odd)
    with pytest.raises(InvalidInput, match="needs dates"):
        read_series({"x": np.arange(5.0)}).place("2026-07-01")
