"""What a verdict promises: it is that of the best standing rung, on the sign and size that were expected.

- By hand: every verdict, with its words.
- Laws: weaker rungs never change it; turning everything about changes nothing; "caused" is said of experiments only;
  what is said to settle it, settles it.
- Conflicts have a name, and the next step is what is missing.
"""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metricstack.core.values import Check, Estimate, Finding, Grade, Reason, Refusal
from metricstack.experiments.effect import Effect, effect
from metricstack.linkage.evidence import MEASURED_APART, Assumption, Diagnostic, Evidence, Rung, Status
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.verdict import Edge, EdgeVerdict, best_standing, judge

close = pytest.approx
EDGE = Hypothesis("relevance", "conversion_rate", 0.05, +1, 0.005, effect_unit="fraction")
rungs = st.sampled_from(list(Rung))
values = st.floats(-0.03, 0.03).map(lambda x: round(x, 5))
errors = st.floats(0.0001, 0.02).map(lambda x: round(x, 5))


def said(
    rung: Rung, value: float, error: float, *, n: int = 66, fails: str = "", exclusion: str = "", detail: str = ""
) -> Evidence:
    found = effect(value, error, n=n, unit="fraction", method="made up")
    checks = (Diagnostic(Check(fails, passed=False, detail=detail), required=True),) if fails else ()
    return Evidence(rung, "made up", found, n, diagnostics=checks, exclusion=exclusion)


# By hand: the interval of a normal effect reaches 1.96 errors


@pytest.mark.parametrize(
    ("value", "error", "verdict", "strong", "immaterial"),
    [
        (0.008, 0.001, EdgeVerdict.SUPPORTS, True, False),  # [0.006, 0.010]
        (0.008, 0.003, EdgeVerdict.SUPPORTS, False, False),  # [0.002, 0.014]
        (0.003, 0.0005, EdgeVerdict.CONTRADICTS, False, True),  # [0.002, 0.004]
        (0.001, 0.001, EdgeVerdict.CONTRADICTS, False, False),  # [-0.001, 0.003]
        (-0.008, 0.001, EdgeVerdict.CONTRADICTS, False, False),
        (0.004, 0.003, EdgeVerdict.INCONCLUSIVE, False, False),  # [-0.002, 0.010]
    ],
)
def test_verdicts_by_hand(value: float, error: float, verdict: EdgeVerdict, strong: bool, immaterial: bool) -> None:
    edge = judge(EDGE, [said(Rung.PORTFOLIO, value, error)])
    assert (edge.verdict, edge.is_strong, edge.is_immaterial) == (verdict, strong, immaterial)
    assert edge.grade is Grade.A


@pytest.mark.parametrize(
    ("value", "error", "reason"),
    [
        (0.008, 0.001, "relevance +0.05 reliably moves conversion_rate by +0.80 [+0.60, +1.00] points, at least 0.5 "),
        (0.008, 0.003, "+0.80 [+0.21, +1.39] points, which may reach the 0.5 points that matter."),
        (
            0.003,
            0.0005,
            "Real but immaterial, relevance +0.05 on conversion_rate: +0.300 [+0.202, +0.398] points, below",
        ),
        (0.001, 0.001, "An effect that matters (0.5 points) is excluded, relevance +0.05 on conversion_rate: +0.10 ["),
        (-0.008, 0.001, "The opposite of what was expected, relevance +0.05 on conversion_rate: −0.80 [−1.00, −0.60]"),
        (0.004, 0.003, "Undecided, relevance +0.05 on conversion_rate: +0.40 [−0.19, +0.99] points; it may be none, "),
    ],
)
def test_the_reason_says_the_size_and_what_it_is_held_against(value: float, error: float, reason: str) -> None:
    assert reason in judge(EDGE, [said(Rung.PORTFOLIO, value, error)]).reason.replace("\u00a0", " ")


def test_what_would_settle_it_by_hand() -> None:
    # half-width 1.96 x 0.003 = 0.00588; 0.004 away from none and 0.001 from what matters: (0.00588 / 0.004)² x 66
    edge = judge(EDGE, [said(Rung.PORTFOLIO, 0.004, 0.003)])
    assert edge.settling is not None
    assert edge.settling.n == math.ceil(66 * (1.959964 * 0.003 / 0.004) ** 2) == 143
    assert (edge.settling.more, edge.settling.counted) == (77, "tests")
    assert "Run 77 more tests (143 altogether)" in edge.next_step


def test_an_interval_without_end_decides_nothing_and_has_no_n() -> None:
    endless = Effect(Estimate(0.02, "fraction", 25, "set", -math.inf, math.inf, 0.95), 0.2)
    edge = judge(EDGE, [Evidence(Rung.PORTFOLIO, "set", endless, 25)])
    assert edge.verdict is EdgeVerdict.INCONCLUSIVE
    assert edge.settling is None
    assert ": +2.0\u00a0points (unbounded); it may be none" in edge.reason


def test_of_two_of_the_same_rung_the_one_on_more_decides() -> None:
    small, large = said(Rung.PANEL, 0.02, 0.001, n=30), said(Rung.PANEL, 0.0, 0.001, n=300)
    assert best_standing([small, large]) is large


# Laws


@given(values, errors, st.sampled_from([1, -1]))
def test_the_verdict_is_what_the_interval_says(value: float, error: float, sign: int) -> None:
    edge = Hypothesis("relevance", "conversion_rate", 0.05, sign, 0.005)
    verdict = judge(edge, [said(Rung.ROLLOUT, value, error)]).verdict
    low, high = sorted(sign * (value + side * 1.959963984540054 * error) for side in (-1, 1))
    if high < 0.005:
        assert verdict is EdgeVerdict.CONTRADICTS
    elif low > 0:
        assert verdict is EdgeVerdict.SUPPORTS
    else:
        assert verdict is EdgeVerdict.INCONCLUSIVE


@given(st.lists(st.tuples(rungs, values, errors, st.booleans()), max_size=5), values, errors)
def test_weaker_rungs_and_those_that_fail_never_change_the_verdict(
    others: list[tuple[Rung, float, float, bool]], value: float, error: float
) -> None:
    first = said(Rung.PORTFOLIO, value, error)
    more = [
        said(rung, v, e, n=10, fails="balance" if fails or rung is Rung.PORTFOLIO else "")
        for rung, v, e, fails in others
    ]
    alone, together = judge(EDGE, [first]), judge(EDGE, [*more, first])
    assert together.best is first
    assert (together.verdict, together.reason) == (alone.verdict, alone.reason)
    assert len(together.evidence) == len(more) + 1


@given(rungs, values, errors, rungs, values, errors)
def test_turning_signs_about_changes_nothing(a: Rung, x: float, s: float, b: Rung, y: float, t: float) -> None:
    other = Hypothesis("relevance", "conversion_rate", 0.05, -1, 0.005)
    one = judge(EDGE, [said(a, x, s), said(b, y, t)])
    turned = judge(other, [said(a, -x, s), said(b, -y, t)])
    assert (one.verdict, one.is_strong, one.is_immaterial) == (turned.verdict, turned.is_strong, turned.is_immaterial)
    assert [c.signs for c in one.conflicts] == [c.signs for c in turned.conflicts]
    assert one.settling == turned.settling


@given(rungs, values, errors, st.booleans(), rungs, values, errors)
def test_only_experiments_say_caused(a: Rung, x: float, s: float, noted: bool, b: Rung, y: float, t: float) -> None:
    note = "Only the ranking changed." if noted and a is Rung.SINGLE_TEST else ""
    edge = judge(EDGE, [said(a, x, s, exclusion=note), said(b, y, t)])
    text = f"{edge.reason} {edge.wording}"
    if edge.grade is not Grade.A:
        assert "caus" not in text
        assert "reliably" not in text


@given(st.floats(0.0, 0.02), st.floats(0.001, 0.02))
def test_what_is_said_to_settle_it_settles_it(value: float, error: float) -> None:
    edge = judge(EDGE, [said(Rung.PANEL, value, error, n=50)])
    if edge.settling is not None:
        factor = edge.settling.n / 50
        then = judge(EDGE, [said(Rung.PANEL, value, error / math.sqrt(factor) * 0.999999, n=edge.settling.n)])
        assert then.verdict is not EdgeVerdict.INCONCLUSIVE


# Conflicts


def test_telemetry_against_experiments_is_called_confounding() -> None:
    edge = judge(EDGE, [said(Rung.PANEL, 0.02, 0.002), said(Rung.PORTFOLIO, -0.01, 0.002)])
    assert edge.verdict is EdgeVerdict.CONTRADICTS
    (conflict,) = edge.conflicts
    assert conflict.detail == "adjusted telemetry says up, experiments say down: confounding suspected"
    assert (conflict.higher, conflict.lower, conflict.signs) == (Rung.PORTFOLIO, Rung.PANEL, True)


def test_sizes_that_exclude_each_other_are_a_conflict_too() -> None:
    edge = judge(EDGE, [said(Rung.ASSOCIATION, 0.02, 0.001), said(Rung.ROLLOUT, 0.008, 0.001)])
    (conflict,) = edge.conflicts
    assert not conflict.signs
    assert "telemetry says +2.00" in conflict.detail
    assert "quasi-experiments say +0.80" in conflict.detail


def test_quasi_experiments_against_experiments_are_doubted() -> None:
    edge = judge(EDGE, [said(Rung.INSTRUMENT, 0.02, 0.001), said(Rung.PORTFOLIO, -0.01, 0.001)])
    assert "an assumption of the quasi-experiment is suspected" in edge.conflicts[0].detail


def test_of_one_grade_and_sign_it_is_said_how_many_times_the_sizes_differ_and_no_assumption_is_blamed() -> None:
    # 0.020 / 0.008 = 2.5; the intervals are 0.018 to 0.022 and 0.006 to 0.010.
    (conflict,) = judge(EDGE, [said(Rung.ROLLOUT, 0.008, 0.001), said(Rung.INSTRUMENT, 0.020, 0.001)]).conflicts
    assert conflict.detail.endswith("one is 2.5 times the other, and their intervals do not overlap")
    assert "assumption" not in conflict.detail
    # Both below 0 likewise; of one whose interval has 0 in it, a number of times would say nothing.
    (below,) = judge(EDGE, [said(Rung.ROLLOUT, -0.020, 0.001), said(Rung.INSTRUMENT, -0.008, 0.001)]).conflicts
    assert "one is 2.5 times the other" in below.detail
    (none,) = judge(EDGE, [said(Rung.ROLLOUT, 0.020, 0.001), said(Rung.INSTRUMENT, 0.0002, 0.001)]).conflicts
    assert none.detail.endswith("one of them may be none, and their intervals do not overlap")
    # Of opposite signs one must be wrong.
    (wrong,) = judge(EDGE, [said(Rung.ROLLOUT, 0.020, 0.001), said(Rung.INSTRUMENT, -0.008, 0.001)]).conflicts
    assert wrong.signs
    assert wrong.detail.endswith("one of them breaks an assumption")


def test_two_rungs_of_one_kind_that_disagree_are_named_and_not_their_kind_twice() -> None:
    (days,) = judge(EDGE, [said(Rung.LEAD_LAG, 0.02, 0.001), said(Rung.ASSOCIATION, -0.01, 0.001)]).conflicts
    assert days.detail.startswith("association says down, lead and lag says up:")
    (units,) = judge(EDGE, [said(Rung.ROLLOUT, 0.020, 0.001), said(Rung.INSTRUMENT, 0.008, 0.001)]).conflicts
    assert units.detail.startswith("instrument says +0.80\u00a0points, staged rollout says +2.00\u00a0points:")
    # Of one and the same rung, the ways in which it was climbed tell them apart.
    first, second = said(Rung.INSTRUMENT, 0.020, 0.001, n=9), said(Rung.INSTRUMENT, -0.008, 0.001)
    (same,) = judge(EDGE, [replace(first, method="wave one"), replace(second, method="wave two")]).conflicts
    assert same.detail.startswith("instrument (wave ")
    assert "up, instrument (wave " in same.detail or "down, instrument (wave " in same.detail


def test_tests_that_are_capped_are_not_said_to_have_adjusted_for_anything() -> None:
    single = said(Rung.SINGLE_TEST, 0.020, 0.001)  # without a note of exclusion it is of grade C
    (conflict,) = judge(EDGE, [single, said(Rung.ASSOCIATION, 0.008, 0.001)]).conflicts
    assert conflict.detail.endswith("what the tests moved along, or confounding of the telemetry, is suspected")
    # A panel did adjust, and days did not.
    (panel,) = judge(EDGE, [said(Rung.PANEL, 0.020, 0.001), said(Rung.ASSOCIATION, 0.008, 0.001)]).conflicts
    assert panel.detail.endswith("confounding by what was adjusted for")


def test_rungs_that_agree_or_do_not_stand_are_no_conflict() -> None:
    agreeing = [said(Rung.PANEL, 0.009, 0.002), said(Rung.ASSOCIATION, 0.007, 0.003)]
    failed = said(Rung.ROLLOUT, -0.05, 0.001, fails="parallel_trends")
    assert judge(EDGE, [said(Rung.PORTFOLIO, 0.008, 0.001), *agreeing, failed]).conflicts == ()


# The next step is what is missing


def test_without_an_experiment_the_next_step_is_one() -> None:
    edge = judge(EDGE, [said(Rung.PANEL, 0.02, 0.001)])
    assert edge.next_step == (
        "No experiment moved relevance: run an A/B test of a change that moves it by about +0.05."
    )


@pytest.mark.parametrize(
    ("evidence", "step"),
    [
        (said(Rung.PORTFOLIO, 0.01, 0.001, n=12, fails="enough_tests"), "8 more A/B tests that move relevance"),
        (said(Rung.PORTFOLIO, 0.01, 0.001, fails="first_stage", detail="F = 1.8"), "with more units: F = 1.8"),
        (said(Rung.PORTFOLIO, 0.01, 0.001, fails="levers_agree"), "Read the tests of each lever apart"),
        (said(Rung.PORTFOLIO, 0.003, 0.03), "More A/B tests that move relevance"),
        (said(Rung.SINGLE_TEST, 0.01, 0.001), "an exclusion note"),
        (said(Rung.SINGLE_TEST, 0.01, 0.001, exclusion="Only the ranking."), "Decide on this change"),
        (said(Rung.ASSOCIATION, 0.004, 0.003, n=90), "Wait 105 more days (195 altogether)"),
        (said(Rung.PANEL, 0.004, 0.003), "Wait until there are 2.2 times as many periods"),  # (0.00588 / 0.004)² = 2.16
        (said(Rung.PANEL, 0.002, 0.00155), "until there are 1.1 times as many periods"),  # (0.003038 / 0.003)² = 1.03
        (said(Rung.ASSOCIATION, 0.004, 0.03, n=90), "No experiment moved relevance"),
        (said(Rung.PORTFOLIO, 0.01, 0.001), "Nothing: decide on it"),
    ],
)
def test_the_next_step_is_what_is_missing(evidence: Evidence, step: str) -> None:
    assert step in judge(EDGE, [evidence]).next_step


def test_of_a_column_that_says_both_no_further_test_is_asked() -> None:
    shared = Assumption(MEASURED_APART, Status.FAILED, "both are read from requests.success")
    edge = judge(EDGE, [replace(said(Rung.PORTFOLIO, 0.008, 0.001), assumptions=(shared,))])
    assert edge.verdict == "supports"
    assert edge.next_step.startswith("Measure relevance and conversion_rate by columns of their own")


# Refusal


def test_no_evidence_is_refused() -> None:
    edge = judge(EDGE, [])
    assert edge.verdict is EdgeVerdict.REFUSED
    assert isinstance(edge.estimate, Refusal)
    assert (edge.grade, edge.wording) == (Grade.NONE, "")
    assert isinstance(edge.finding.answer, Refusal)


def test_where_none_stands_the_strongest_says_why() -> None:
    refused = Evidence(Rung.ROLLOUT, "rollout", Refusal(Reason.TOO_FEW_UNITS, "4 units", "Wait."), 4)
    edge = judge(EDGE, [said(Rung.PANEL, 0.02, 0.001, fails="placebo"), refused])
    assert isinstance(edge.estimate, Refusal)
    assert edge.estimate.reason is Reason.TOO_FEW_UNITS
    assert "4 units, and 1 weaker rung does not stand either" in edge.reason
    failed = judge(EDGE, [said(Rung.PANEL, 0.02, 0.001, fails="placebo", detail="p = 0.001")])
    assert "fails its check placebo (p = 0.001)" in failed.reason


def check_json(edge: Edge) -> None:
    told = json.loads(json.dumps(edge.to_dict(), allow_nan=False))
    assert {"cause", "effect", "grade", "verdict", "estimate", "low", "high", "scale", "evidence", "conflicts",
            "next_step"} <= set(told)  # fmt: skip


def test_it_is_a_finding_and_is_written_as_json() -> None:
    endless = Effect(Estimate(0.02, "fraction", 25, "set", -math.inf, math.inf, 0.95), 0.2)
    for evidence in ([said(Rung.PORTFOLIO, 0.01, 0.001)], [], [Evidence(Rung.PORTFOLIO, "set", endless, 25)]):
        edge = judge(EDGE, evidence)
        assert isinstance(edge.finding, Finding)
        assert edge.finding.subject == "relevance -> conversion_rate"
        check_json(edge)


def test_a_slope_that_tests_do_not_tell_from_another_cause_moves_only_as_they_moved_it() -> None:
    detail = "tests that moved relevance moved trust too, and do not tell them apart"
    doubted = Assumption("Nothing else went with it.", Status.FAILED, detail)
    best = replace(said(Rung.PORTFOLIO, 0.008, 0.001), assumptions=(doubted,))
    edge = judge(EDGE, [best])
    assert edge.verdict == "supports"
    assert edge.reason.startswith("relevance +0.05, as these tests moved it, moves conversion_rate by +0.80")
    assert edge.next_step == "Run tests that move relevance without what these moved along with it."
    lines = edge.say().splitlines()
    assert "Doubt: Tests that moved relevance moved trust too, and do not tell them apart." in lines
    assert not any("reliably" in line for line in lines)
