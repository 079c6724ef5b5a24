"""What the sentences for changes promise: way, distance, sureness and the direction of good, all in words.

Prevented by rule: "−0.0 %", an up arrow beside a fall, a colour as the only sign of good.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metricstack.core.values import Answer, Estimate, Reason, Refusal
from metricstack.narrative import course, moved_by, say_change, say_target
from metricstack.narrative.changes import ARROWS
from metricstack.numerics.change import Better, Verdict, change

MISSING = Refusal(Reason.NO_DATA, "no rows in 2026Q2.", "Load requests.")


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def around(value: float, half: float, unit: str = "s") -> Estimate:
    return Estimate(value, unit=unit, n=100, method="mean", low=value - half, high=value + half, level=0.95)


def counted(value: float, unit: str = "count") -> Estimate:
    return Estimate(value, unit=unit, n=10, method="census")


def said(before: Answer, after: Answer, better: Better) -> str:
    return plain(say_change(change(before, after, better=better), title="It"))


def test_a_fall_that_is_good_says_both() -> None:
    assert said(around(5, 0.3), around(4, 0.4), "lower") == (
        "It fell from 5.00 s to 4.00 s, which is better (−20.0 %; 95 % interval of the difference −1.50 to −0.500 s)."
    )


def test_a_fall_that_is_bad_says_both() -> None:
    assert "fell from 5.00 s to 4.00 s, which is worse" in said(around(5, 0.3), around(4, 0.4), "higher")


def test_a_share_moves_in_points() -> None:
    assert said(around(0.9, 0.003, "fraction"), around(0.93, 0.004, "fraction"), "higher") == (
        "It rose from 90.0 % to 93.0 %, which is better (+3.0 points; "
        "95 % interval of the difference +2.5 to +3.5 points)."
    )


def test_what_a_price_is_per_is_said_once() -> None:
    text = said(around(0.04, 0.001, "USD/outcome"), around(0.05, 0.001, "USD/outcome"), "lower")
    assert text.startswith("It rose from $0.0400 to $0.0500 per outcome, which is worse (+25.0 %;")


def test_a_move_within_the_noise_is_no_clear_change() -> None:
    assert said(around(5, 3), around(4, 4), "lower") == (
        "It showed no clear change, 5.00 s before and 4.00 s now "
        "(−20.0 %; 95 % interval of the difference −6.00 to +4.00 s)."
    )


def test_the_same_number_twice_held() -> None:
    assert said(counted(7), counted(7), "lower") == "It held at 7 (±0.0 %; counted in full in both periods)."


def test_a_clear_move_too_small_for_the_figures_shown_is_said_so() -> None:
    text = said(around(0.5, 1e-7, "fraction"), around(0.50001, 1e-7, "fraction"), "higher")
    assert text.startswith("It held at 50.0 %; it is better by less than the figures shown (95 % interval")


def test_a_move_from_zero_is_said_in_its_own_unit() -> None:
    text = "It rose from 0 to 3, which is worse (+3; counted in full in both periods)."
    assert said(counted(0), counted(3), "lower") == text


def test_without_a_title_the_sentence_begins_with_a_capital() -> None:
    assert say_change(change(counted(2), counted(3), better="lower")).startswith("Rose from 2 to 3")


def test_a_number_without_a_past_is_given_and_its_change_refused() -> None:
    assert said(MISSING, around(4, 0.4), "lower") == (
        "It stood at 4.00 s (95 % interval 3.60 to 4.40 s, n = 100); the change cannot be said: "
        "the earlier period has no number (no rows in 2026Q2). Load requests."
    )


def test_a_past_without_a_number_now_cannot_be_said() -> None:
    assert said(around(4, 0.4), MISSING, "lower") == "It: cannot say: no rows in 2026Q2. Load requests."


numbers = st.builds(around, st.floats(-1e5, 1e5), st.floats(0, 1e3), st.just("s")) | st.builds(
    around, st.floats(0, 1), st.floats(0, 0.2), st.just("fraction")
)


@given(numbers, numbers, st.sampled_from(["higher", "lower"]))
def test_no_arrow_points_up_beside_a_fall_and_no_zero_has_a_minus(a: Estimate, b: Estimate, better: Better) -> None:
    if a.unit != b.unit:
        return
    moved = change(a, b, better=better)
    arrow, by = ARROWS[course(moved)], moved_by(moved)
    if arrow == "↑":
        assert b.value > a.value
    if arrow == "↓":
        assert b.value < a.value
    assert not by.startswith(("−0.0\u00a0", "+0.0\u00a0"))
    text = say_change(moved, title="It")
    assert (" rose " in text) <= (b.value > a.value)
    assert (" fell " in text) <= (b.value < a.value)
    if moved.verdict in (Verdict.BETTER, Verdict.WORSE):
        assert str(moved.verdict) in text


@pytest.mark.parametrize(
    ("answer", "target", "better", "expected"),
    [
        (around(3.5, 0.3), 4.0, "lower", "met: at most 4.00 s is the target"),
        (around(3.9, 0.3), 4.0, "lower", "met, but within the noise: at most 4.00 s is the target"),
        (around(4.1, 0.3), 4.0, "lower", "missed, but within the noise: at most 4.00 s is the target"),
        (around(4.5, 0.3), 4.0, "lower", "missed: at most 4.00 s is the target"),
        (around(0.9, 0.01, "fraction"), 0.8, "higher", "met: at least 80.0 % is the target"),
        (around(0.7, 0.01, "fraction"), 0.8, "higher", "missed: at least 80.0 % is the target"),
        (counted(4), 4.0, "lower", "met: at most 4 is the target"),
        (MISSING, 4.0, "lower", "cannot be held against its target"),
    ],
)
def test_a_target_is_met_missed_or_within_the_noise(
    answer: Answer, target: float, better: Better, expected: str
) -> None:
    assert plain(say_target(answer, target, better)) == expected


def test_a_change_says_and_shows_itself() -> None:
    moved = change(around(5, 0.3), around(4, 0.4), better="lower")
    assert moved.say() == say_change(moved)
    assert 'class="ms-verdict ms-better"' in moved._repr_html_()
