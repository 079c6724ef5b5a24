"""What `change` promises: hand-worked limits, laws, coverage, refusals carried on, misuse named.

A verdict of better or worse needs an interval of the difference that leaves out zero; a census is exact;
the size that ranks unlike metrics is free of units.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.core.values import Answer, Estimate, Reason, Refusal
from metricstack.numerics.change import Verdict, change

MISSING = Refusal(Reason.NO_DATA, "no rows in 2026Q2.", "Load requests.")


def around(value: float, down: float, up: float | None = None, *, unit: str = "s", level: float = 0.95) -> Estimate:
    up = down if up is None else up
    return Estimate(value, unit=unit, n=100, method="mean", low=value - down, high=value + up, level=level)


def counted(value: float, unit: str = "count") -> Estimate:
    return Estimate(value, unit=unit, n=10, method="census")


def difference(before: Answer, after: Answer) -> Estimate:
    answer = change(before, after, better="higher").difference
    assert isinstance(answer, Estimate)
    return answer


def test_symmetric_distances_add_in_squares_by_hand() -> None:
    # 3-4-5: sqrt(0.3^2 + 0.4^2) = 0.5 around 4 - 5 = -1
    moved = difference(around(5.0, 0.3), around(4.0, 0.4))
    assert (moved.value, moved.low, moved.high) == pytest.approx((-1.0, -1.5, -0.5), abs=1e-12)
    assert (moved.unit, moved.n, moved.level) == ("s", 200, 0.95)


def test_each_limit_uses_the_sides_that_face_it_by_hand() -> None:
    # low: later down 3, earlier up 4 -> 5 below; high: later up 5, earlier down 12 -> 13 above
    moved = difference(around(20.0, 12.0, 4.0), around(50.0, 3.0, 5.0))
    assert (moved.low, moved.high) == pytest.approx((30 - 5, 30 + 13), abs=1e-12)


def test_an_earlier_level_is_rescaled_to_the_later() -> None:
    # Any table of the normal: z(0.99) = 2.575829, z(0.95) = 1.959964
    moved = difference(around(0.0, 2.575829, level=0.99), counted(0.0, "s"))
    assert moved.level == 0.99
    moved = difference(around(0.0, 2.575829, level=0.99), around(0.0, 0.0, level=0.95))
    assert moved.high == pytest.approx(1.959964, abs=1e-5)


def test_a_census_against_a_census_is_exact() -> None:
    moved = change(counted(3), counted(5), better="lower")
    assert isinstance(moved.difference, Estimate)
    assert moved.difference.is_census
    assert moved.difference.value == 2
    assert moved.verdict is Verdict.WORSE


@pytest.mark.parametrize(
    ("before", "after", "better", "verdict"),
    [
        (around(5, 0.1), around(4, 0.1), "lower", Verdict.BETTER),
        (around(5, 0.1), around(4, 0.1), "higher", Verdict.WORSE),
        (around(4, 0.1), around(5, 0.1), "higher", Verdict.BETTER),
        (around(4, 0.1), around(5, 0.1), "lower", Verdict.WORSE),
        (around(4, 3.0), around(5, 3.0), "lower", Verdict.UNCLEAR),
        (counted(3), counted(3), "lower", Verdict.UNCLEAR),
    ],
)
def test_better_and_worse_follow_the_direction_of_good(
    before: Estimate, after: Estimate, better: str, verdict: Verdict
) -> None:
    assert change(before, after, better=better).verdict is verdict  # type: ignore[arg-type]


def test_dust_of_floating_point_is_no_change() -> None:
    assert change(counted(0.3, "s"), counted(0.1 + 0.2, "s"), better="lower").verdict is Verdict.UNCLEAR


def test_an_interval_open_on_one_side_may_still_be_clear() -> None:
    later = Estimate(9.0, unit="s", n=9, method="bound", low=8.0, high=math.inf, level=0.95)
    moved = change(around(5, 0.5), later, better="lower")
    assert isinstance(moved.difference, Estimate)
    assert moved.difference.high == math.inf
    assert moved.verdict is Verdict.WORSE


def test_an_interval_open_on_both_sides_is_never_clear() -> None:
    later = Estimate(9.0, unit="s", n=9, method="weak", low=-math.inf, high=math.inf, level=0.95)
    assert change(around(5, 0.5), later, better="lower").verdict is Verdict.UNCLEAR


def test_the_size_of_a_share_counts_more_near_its_ends() -> None:
    near_one = change(counted(0.99, "fraction"), counted(0.995, "fraction"), better="higher").size
    middle = change(counted(0.50, "fraction"), counted(0.505, "fraction"), better="higher").size
    # Cohen's h by hand: 2 (asin(sqrt(0.01)) - asin(sqrt(0.005))) = 2 (0.1001674 - 0.0707697)
    assert near_one == pytest.approx(0.0587954, abs=1e-6)
    assert near_one > 5 * middle


def test_the_size_of_a_sum_that_crosses_zero_is_finite() -> None:
    assert change(counted(-1.0, "USD"), counted(1.0, "USD"), better="higher").size == 2.0
    assert change(counted(0.0, "USD"), counted(0.0, "USD"), better="higher").size == 0.0


values = st.floats(-1e6, 1e6)
widths = st.floats(0, 1e5)
estimates = st.builds(around, values, widths, widths)


@given(estimates, estimates)
def test_swapping_the_periods_mirrors_the_difference_and_its_verdict(a: Estimate, b: Estimate) -> None:
    there, back = change(a, b, better="higher"), change(b, a, better="higher")
    assert isinstance(there.difference, Estimate)
    assert isinstance(back.difference, Estimate)
    assert there.difference.low == pytest.approx(-(back.difference.high or 0.0), abs=1e-6)
    opposite = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER}
    assert back.verdict is opposite.get(there.verdict, there.verdict)
    assert there.size == pytest.approx(back.size)


@given(estimates)
def test_nothing_is_a_clear_change_from_itself(a: Estimate) -> None:
    assert change(a, a, better="lower").verdict is Verdict.UNCLEAR


def test_the_95_interval_of_a_difference_of_wilson_intervals_covers_95_percent_of_the_time() -> None:
    # Truth set: 0.02 then 0.05 with n = 200: the corner where symmetric intervals fail. 4,000 draws: Monte Carlo
    # error of a 95 % rate is 0.35 points; discreteness at n = 200 moves coverage by about a point.
    random = stream(11, "change")
    n, z = 200, 1.959964
    hits = 0
    for k_before, k_after in zip(random.binomial(n, 0.02, 4000), random.binomial(n, 0.05, 4000), strict=True):
        pair = []
        for k in (k_before, k_after):
            p = k / n
            centre, half = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
            low, high = (centre - half) / (1 + z**2 / n), (centre + half) / (1 + z**2 / n)
            pair.append(Estimate(p, unit="fraction", n=n, method="Wilson", low=min(low, p), high=high, level=0.95))
        moved = difference(*pair)
        assert moved.low is not None
        assert moved.high is not None
        hits += moved.low <= 0.03 <= moved.high
    assert hits / 4000 == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize(
    ("before", "after", "period"), [(MISSING, counted(1), "earlier"), (counted(1), MISSING, "later")]
)
def test_a_refusal_in_either_period_makes_the_difference_one(before: Answer, after: Answer, period: str) -> None:
    moved = change(before, after, better="lower")
    assert isinstance(moved.difference, Refusal)
    assert moved.difference.reason is Reason.DEPENDS_ON_REFUSAL
    assert moved.difference.detail == f"the {period} period has no number (no rows in 2026Q2)"
    assert moved.difference.remedy == "Load requests."
    assert (moved.verdict, moved.size) == (Verdict.UNKNOWN, 0.0)


def test_two_units_have_no_difference() -> None:
    with pytest.raises(InvalidInput, match="earlier answer is in 's', the later in 'USD'"):
        change(counted(1, "s"), counted(1, "USD"), better="lower")


def test_a_direction_that_is_none_is_named() -> None:
    with pytest.raises(InvalidInput, match="'up'; give 'higher', 'lower' or 'neither'"):
        change(counted(1), counted(2), better="up")  # type: ignore[arg-type]


def test_a_change_is_plain_json_and_a_table() -> None:
    moved = change(around(5.0, 0.3), around(4.0, 0.4), better="lower")
    assert moved.to_dict()["verdict"] == "better"
    assert moved.to_pandas()["value"].tolist() == [-1.0]


def test_a_plain_volume_changes_without_being_better_or_worse() -> None:
    assert change(counted(10), counted(12), better="neither").verdict is Verdict.MOVED
    assert change(around(5, 0.3), around(4, 0.4), better="neither").verdict is Verdict.MOVED
    assert change(around(5, 3), around(4, 4), better="neither").verdict is Verdict.UNCLEAR


def test_a_bound_is_held_against_nothing() -> None:
    bound = Estimate(7, unit="count", n=10, method="lower bound: only part of the rows is known")
    for before, after in ((bound, counted(9)), (counted(9), bound)):
        moved = change(before, after, better="higher")
        assert moved.verdict is Verdict.UNKNOWN
        assert isinstance(moved.difference, Refusal)
        assert "lower bound" in moved.difference.detail


# Users who are there in both periods


def test_what_moves_together_is_taken_off_the_interval() -> None:
    # Distances 0.3 and 0.4, correlation 0.5: sqrt(0.09 + 0.16 - 2 · 0.5 · 0.12) = sqrt(0.13).
    before = Estimate(5.0, unit="s", n=9, method="mean", low=4.7, high=5.3, level=0.95)
    after = Estimate(4.0, unit="s", n=9, method="mean", low=3.6, high=4.4, level=0.95)
    found = change(before, after, better="lower", correlation=0.5).difference
    assert isinstance(found, Estimate)
    assert (found.low, found.high) == (pytest.approx(-1 - 0.13**0.5), pytest.approx(-1 + 0.13**0.5))
    assert "correlation 0.50" in found.method
    with pytest.raises(InvalidInput, match="outside -1 to 1"):
        change(before, after, better="lower", correlation=2.0)
