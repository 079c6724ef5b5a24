"""What the sentences for answers and findings promise: the number as `core.units` writes it, then how sure.

Expected sentences are written by hand. Refusals, censuses, open and split intervals each have their own words.
"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metricstack.core.units import write
from metricstack.core.values import Check, Estimate, Finding, Grade, Reason, Refusal
from metricstack.narrative import say_answer, say_finding
from metricstack.narrative.words import reason_words

REFUSED = Refusal(Reason.TOO_FEW_UNITS, "the smaller arm has 12 units; 30 are needed", "Run longer.")


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def about(value: float, low: float, high: float, unit: str = "s", n: int = 48_211) -> Estimate:
    return Estimate(value, unit=unit, n=n, method="mean", low=low, high=high, level=0.95)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (about(4.21, 4.1, 4.33), "4.21 s (95 % interval 4.10 to 4.33 s, n = 48,211)"),
        (about(0.123, 0.11, 0.136, "fraction", 900), "12.3 % (95 % interval 11.0 to 13.6 %, n = 900)"),
        (
            about(0.0412, 0.04, 0.0433, "USD/outcome", 1000),
            "$0.0412 per outcome (95 % interval $0.0400 to $0.0433 per outcome, n = 1,000)",
        ),
        (about(1.1, 0.9, 1.3, n=12), "1.10 s (95 % interval 0.900 to 1.30 s, n = 12)"),
        (about(100, 60, 150, n=12), "100 s (95 % interval 1.00 to 2.50 min, n = 12)"),
        (about(0.0, -0.1, 0.1, "fraction", 5), "0.0 % (95 % interval −10.0 to 10.0 %, n = 5)"),
        (about(3.0, 3.0, 3.0001, n=5), "3.00 s (95 % interval narrower than the figures shown, n = 5)"),
    ],
)
def test_an_estimate_is_said_with_its_interval_and_n(answer: Estimate, said: str) -> None:
    assert plain(say_answer(answer)) == said


@pytest.mark.parametrize(
    ("n", "said"),
    [
        (12, "12 (all 12 of them counted)"),
        (1, "12 (the only one)"),
        (0, "12 (counted, none found)"),
    ],
)
def test_a_census_is_said_to_be_complete(n: int, said: str) -> None:
    assert say_answer(Estimate(12, unit="count", n=n, method="census")) == said


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (-math.inf, 4.33, "at most 4.33 s"),
        (4.1, math.inf, "at least 4.10 s"),
        (-math.inf, math.inf, "unbounded"),
    ],
)
def test_an_open_interval_is_said_in_words(low: float, high: float, said: str) -> None:
    assert plain(say_answer(about(4.2, low, high, n=9))) == f"4.20 s (95 % interval {said}, n = 9)"


def test_an_interval_in_two_pieces_names_both() -> None:
    answer = Estimate(1.5, unit="s", n=9, method="AR", low=1.0, high=6.0, level=0.9, parts=((1.0, 2.0), (5.0, 6.0)))
    assert plain(say_answer(answer)) == "1.50 s (90 % interval 1.00 to 2.00 s or 5.00 to 6.00 s, n = 9)"


def test_a_refusal_says_why_and_what_would_help() -> None:
    assert say_answer(REFUSED) == "Cannot say: the smaller arm has 12 units; 30 are needed. Run longer."


def test_a_refusal_without_a_remedy_ends_with_one_full_stop() -> None:
    assert say_answer(Refusal(Reason.NO_DATA, "no rows.")) == "Cannot say: no rows."


def test_a_finding_is_said_question_first() -> None:
    finding = Finding("Latency p95 in 2026Q3", about(4.21, 4.1, 4.33))
    assert plain(say_finding(finding)) == "Latency p95 in 2026Q3: 4.21 s (95 % interval 4.10 to 4.33 s, n = 48,211)."


def test_a_real_question_keeps_its_mark() -> None:
    assert say_finding(Finding("Is it faster?", REFUSED)).startswith("Is it faster? Cannot say: the smaller arm")


def test_a_refused_finding_reads_as_one_sentence() -> None:
    said = "Trust: cannot say: the smaller arm has 12 units; 30 are needed. Run longer."
    assert say_finding(Finding("Trust", REFUSED)) == said


def test_a_finding_says_its_evidence_the_checks_that_failed_and_what_was_assumed() -> None:
    finding = Finding(
        "Effect of speed on conversion",
        Estimate(0.5, unit="1", n=10, method="census"),
        grade=Grade.C,
        checks=(Check("placebo", False, "moves too."), Check("coverage", True, "97 %"), Check("n", None, "10")),
        assumptions=("no hidden confounder", "linear"),
    )
    assert say_finding(finding) == (
        "Effect of speed on conversion: 0.500 (all 10 of them counted). "
        "Evidence C: an association, adjusted for named confounders. "
        "Check failed: placebo (moves too). Assumed: no hidden confounder; linear."
    )


@given(st.floats(-1e9, 1e9), st.floats(0, 1e6), st.sampled_from(["s", "fraction", "USD", "count", "score", "USD/case"]))
def test_every_sentence_holds_the_number_as_units_write_it(value: float, half: float, unit: str) -> None:
    said = say_answer(about(value, value - half, value + half, unit))
    assert said.startswith(f"{write(value, unit)} (95\u00a0% interval ")
    assert "−0.0\u00a0%" not in said
    assert "nan" not in said


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_words(reason: Reason) -> None:
    assert "_" not in reason_words(reason)


def test_values_say_themselves() -> None:
    assert REFUSED.say() == say_answer(REFUSED)
    assert Finding("Trust", REFUSED).say() == say_finding(Finding("Trust", REFUSED))
