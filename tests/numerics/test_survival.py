"""What survival promises: a published trial by hand, another implementation, laws, calibration, bounds, misuse."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.numerics.survival import kaplan_meier, survival_quantile

# Freireich et al. (1963), weeks of remission under 6-MP and placebo; as printed in Cox and Oakes, Analysis of
# Survival Data, table 1.1. A plus sign there, False here: still in remission when last seen.
TREATED = [(6, 1), (6, 1), (6, 1), (6, 0), (7, 1), (9, 0), (10, 1), (10, 0), (11, 0), (13, 1), (16, 1), (17, 0),
           (19, 0), (20, 0), (22, 1), (23, 1), (25, 0), (32, 0), (32, 0), (34, 0), (35, 0)]  # fmt: skip
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def treated() -> tuple[np.ndarray, np.ndarray]:
    """Return times and whether the remission ended."""
    times, done = zip(*TREATED, strict=True)
    return np.array(times, dtype=np.float64), np.array(done, dtype=bool)


def test_the_curve_of_the_leukaemia_trial_is_the_printed_one() -> None:
    # Cox and Oakes, section 4.2: 18/21, then × 16/17, × 14/15, × 11/12, × 10/11, × 6/7, × 5/6.
    curve = kaplan_meier(*treated())
    assert curve.times.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert curve.open_share == pytest.approx([0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482], abs=5e-5)
    # Greenwood's standard errors, as printed for the same data: 0.0764 at week 6, 0.1346 at week 23.
    errors = curve.open_share * np.sqrt(curve.greenwood)
    assert errors[[0, -1]] == pytest.approx([0.0764, 0.1346], abs=5e-5)
    assert curve.longest == 35.0


def test_medians_of_both_arms_are_the_published_weeks() -> None:
    assert survival_quantile(*treated(), 0.5).value == 23.0
    placebo = np.array(PLACEBO, dtype=np.float64)
    assert survival_quantile(placebo, np.ones(21, dtype=bool), 0.5).value == 8.0


def test_a_flat_piece_at_the_share_gives_its_middle_as_the_usual_median_does() -> None:
    x = np.array([1.0, 2.0, 4.0, 9.0])
    assert survival_quantile(x, np.ones(4, dtype=bool), 0.5).value == np.median(x) == 3.0


@pytest.mark.parametrize("p", [0.25, 0.5, 0.75])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_intervals_are_those_of_another_implementation(p: float, level: float) -> None:
    from statsmodels.duration.survfunc import SurvfuncRight

    random = stream(5, "survival")
    for _ in range(20):
        life, seen = random.exponential(2.0, 60).round(1) + 0.1, random.uniform(0.5, 6.0, 60).round(1)
        times, done = np.minimum(life, seen), life <= seen
        with np.errstate(all="ignore"):  # it takes the logarithm of the curve's last value, 0
            low, high = SurvfuncRight(times, done.astype(float)).quantile_ci(p, alpha=1 - level)
        found = survival_quantile(times, done, p, level=level)
        if not math.isnan(low):  # it gives none where the curve jumps past
            assert (found.low, found.high) == (low, high)


lives = st.lists(st.tuples(st.floats(0.1, 50).map(lambda x: round(x, 1)), st.booleans()), min_size=2, max_size=25)


@given(lives, st.floats(0.1, 0.9))
def test_weights_are_repetitions(rows: list[tuple[float, bool]], p: float) -> None:
    times, done = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    weights = np.arange(1.0, len(rows) + 1)
    whole = np.repeat(np.arange(len(rows)), weights.astype(int))
    assert survival_quantile(times, done, p, weights=weights).value == pytest.approx(
        survival_quantile(times[whole], done[whole], p).value
    )


@given(lives, st.floats(0.1, 0.9), st.floats(0.5, 20))
def test_another_unit_of_time_changes_the_scale_only(rows: list[tuple[float, bool]], p: float, factor: float) -> None:
    times, done = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    units = np.arange(len(rows)) // 2
    a = survival_quantile(times, done, p, units=units)
    b = survival_quantile(times * factor, done, p, units=units)
    assert (a.value is None) == (b.value is None)
    assert b.low == pytest.approx(a.low * factor)
    assert b.high == pytest.approx(a.high * factor)


def test_dropping_what_is_open_makes_everything_look_faster() -> None:
    times, done = treated()
    assert float(np.median(times[done])) < 23.0 == survival_quantile(times, done, 0.5).value


def test_rows_as_units_of_their_own_give_about_greenwoods_interval() -> None:
    # The influence of single rows adds up to Greenwood's variance up to the factor n / (n - 1).
    random = stream(6, "survival")
    life, seen = random.exponential(2.0, 400), random.uniform(0.5, 6.0, 400)
    times, done = np.minimum(life, seen), life <= seen
    alone = survival_quantile(times, done, 0.5)
    units = survival_quantile(times, done, 0.5, units=np.arange(400))
    assert units.high - units.low == pytest.approx(alone.high - alone.low, rel=0.05)


def _coverage(units: bool, trials: int) -> float:
    """Share of intervals that hold the true median, 1, where rows of one of 40 units share half of their variance."""
    random, held = stream(7, "survival"), 0
    unit = np.repeat(np.arange(40), 8)
    for _ in range(trials):
        life = np.exp(random.normal(0, 0.8, 40)[unit] + random.normal(0, 0.8, 320))
        seen = random.uniform(0.3, 6.0, 320)
        found = survival_quantile(np.minimum(life, seen), life <= seen, 0.5, units=unit if units else None)
        held += found.low <= 1.0 <= found.high
    return held / trials


def test_the_95_interval_covers_the_truth_where_rows_share_units() -> None:
    # 400 draws: the Monte Carlo error of a 95 % rate is 1.1 points. Taking rows for independent loses far more.
    assert 0.92 <= _coverage(units=True, trials=400) <= 0.98
    assert _coverage(units=False, trials=200) < 0.85


def test_many_event_times_are_looked_up_on_a_grid_that_moves_no_bound_inward() -> None:
    random = stream(8, "survival")
    times, unit = random.exponential(1.0, 12_000), np.arange(12_000) % 60
    found = survival_quantile(times, np.ones(12_000, dtype=bool), 0.5, units=unit)
    # 60 units of 200 independent rows: standard error of the median sqrt(.25 / 12,000) / density .5 = .0091.
    assert found.value == pytest.approx(math.log(2), abs=0.03)
    assert found.high - found.low == pytest.approx(4 * 0.0091, rel=0.35)


def test_a_curve_that_ends_above_the_share_has_no_value_but_a_lower_bound() -> None:
    times, done = np.arange(1.0, 21.0), np.arange(20) < 6
    found = survival_quantile(times, done, 0.5)
    assert found.value is None
    assert found.high == math.inf
    assert found.low >= 1.0
    assert kaplan_meier(times, done).longest == 20.0


def test_nothing_done_at_all_is_no_value() -> None:
    found = survival_quantile(np.array([1.0, 2.0]), np.array([False, False]), 0.5)
    assert (found.value, found.low, found.high) == (None, -math.inf, math.inf)


def test_one_unit_gives_no_interval() -> None:
    found = survival_quantile(np.array([1.0, 2.0, 3.0]), np.ones(3, dtype=bool), 0.5, units=np.zeros(3, dtype=np.int64))
    assert (found.value, found.low, found.high) == (2.0, -math.inf, math.inf)


def test_misuse_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"The share 1\.0 is outside"):
        survival_quantile(np.array([1.0]), np.array([True]), 1.0)
    with pytest.raises(InvalidInput, match=r"level 1\.5 is outside"):
        survival_quantile(np.array([1.0]), np.array([True]), 0.5, level=1.5)
    with pytest.raises(InvalidInput, match="one time at least"):
        kaplan_meier(np.empty(0), np.empty(0, dtype=bool))
