"""What evidence promises: it stands only where nothing required failed, and says no more than its rung bears.

- A step scales an effect, its error and its set.
- A single test is of grade A for its change, and for the edge only with an exclusion note.
- Intervals of any level are those that the method itself would give.
"""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Check, Estimate, Grade, Reason, Refusal
from metricstack.experiments.effect import Effect, effect
from metricstack.linkage.evidence import Diagnostic, Evidence, Rung, Status, scaled
from metricstack.linkage.portfolio import portfolio_slope
from metricstack.linkage.portfolio_result import PortfolioSlope
from metricstack.linkage.randomised import portfolio_evidence, single_test_evidence
from metricstack.linkage.slopes import inverted

close = pytest.approx


def told(value: float = 0.02, error: float = 0.005, *, rung: Rung = Rung.PANEL, fails: bool | None = True) -> Evidence:
    check = Diagnostic(Check("balance", passed=fails, detail="as it should be"), required=True)
    return Evidence(rung, "made up", effect(value, error, n=90, method="made up"), 90, diagnostics=(check,))


def past(name: str, *, tests: int = 60, strength: float = 5.0) -> PortfolioSlope | Refusal:
    rng = stream(51, name)
    moves = rng.normal(size=tests) * np.sqrt(strength - 1)
    x = np.column_stack([moves, -0.3 * moves]) + rng.normal(size=(tests, 2))
    return portfolio_slope(x, np.tile(np.eye(2), (tests, 1, 1)), names=("latency_p95", "task_success"))


# By hand


def test_a_step_scales_value_error_and_set() -> None:
    found = Effect(Estimate(2.0, "1", 9, "set", -math.inf, math.inf, 0.95, ((-math.inf, -1.0), (1.0, math.inf))), 0.04)
    half = scaled(found, -0.5, unit="fraction")
    assert half.value == -1.0
    assert half.estimate.parts == ((-math.inf, -0.5), (0.5, math.inf))
    assert half.unit == "fraction"
    assert half.p_value == 0.04


def test_a_single_test_by_hand() -> None:
    # 0.02 / 0.10 per unit, times a step of 0.05; Fieller on 0.05 x 0.02 and 0.10, errors 0.0002 and 0.01
    moved, sold = effect(0.10, 0.01, n=4000, method="z"), effect(0.02, 0.004, n=4000, method="z")
    found = single_test_evidence(moved, sold, covariance=2e-5, step=0.05)
    assert isinstance(found.estimate, Effect)
    assert found.estimate.value == close(0.01)
    ((low, high),) = inverted(0.001, 0.10, (0.0002**2, 0.01**2, 0.05 * 2e-5), 1.959963984540054)
    assert (found.estimate.low, found.estimate.high) == close((low, high))
    assert found.estimate.p_value == sold.p_value


@pytest.mark.parametrize(
    ("rung", "grade", "wording"),
    [
        (Rung.PORTFOLIO, Grade.A, "reliably moves"),
        (Rung.ROLLOUT, Grade.B, "consistent with an effect"),
        (Rung.INSTRUMENT, Grade.B, "consistent with an effect"),
        (Rung.PANEL, Grade.C, "associated after adjusting"),
        (Rung.LEAD_LAG, Grade.D, "precedes"),
        (Rung.ASSOCIATION, Grade.D, "moves with"),
        (Rung.SINGLE_TEST, Grade.C, "moved together in one test"),
    ],
)
def test_a_rung_says_no_more_than_it_bears(rung: Rung, grade: Grade, wording: str) -> None:
    found = told(rung=rung)
    assert (found.grade, found.wording) == (grade, wording)
    assert "caus" not in found.wording


def test_only_a_note_makes_a_single_test_speak_of_the_edge() -> None:
    moved, sold = effect(0.10, 0.01, n=4000, method="z"), effect(0.02, 0.004, n=4000, method="z")
    noted = single_test_evidence(moved, sold, covariance=0.0, step=0.05, exclusion="Only the ranking changed.")
    assert (noted.grade, noted.wording) == (Grade.A, "caused by this change")
    plain = single_test_evidence(moved, sold, covariance=0.0, step=0.05)
    assert plain.grade is Grade.C
    assert plain.place > told(rung=Rung.PANEL).place
    assert noted.place < told(rung=Rung.ROLLOUT).place
    assert {one.status for one in plain.assumptions} == {Status.HELD, Status.UNTESTED}


def test_a_portfolio_that_does_not_tell_causes_apart_is_about_them_together() -> None:
    both = replace(told(rung=Rung.PORTFOLIO), entangled=("z",))
    assert (both.grade, both.wording, both.speaker) == (Grade.C, "moved together in these tests", "experiments")
    assert told(rung=Rung.ROLLOUT).place < both.place < told(rung=Rung.PANEL).place
    with pytest.raises(InvalidInput, match="Tests entangle causes in a portfolio; this is a panel"):
        replace(told(rung=Rung.PANEL), entangled=("z",))


# Laws


def test_it_stands_unless_something_required_failed() -> None:
    assert told().stands
    assert told(fails=None).stands
    assert not told(fails=False).stands
    assert told(fails=False).failed[0].name == "balance"
    informs = Evidence(Rung.PANEL, "made up", effect(1.0, 0.1, n=9, method="m"), 9,
                       diagnostics=(Diagnostic(Check("note", passed=False, detail="")),))  # fmt: skip
    assert informs.stands
    assert not Evidence(Rung.PANEL, "m", Refusal(Reason.NO_DATA, "no days"), 0).stands


def test_a_symmetric_interval_is_that_of_its_error_at_any_level() -> None:
    found = told(0.02, 0.005).at(0.99)
    assert isinstance(found, Effect)
    assert found.high == close(0.02 + 2.5758293 * 0.005)
    assert found.estimate.level == 0.99


def test_an_interval_without_an_error_is_stretched() -> None:
    lopsided = Effect(Estimate(1.0, "1", 50, "bootstrap", 0.5, 2.0, 0.95), 0.01)
    found = Evidence(Rung.PANEL, "bootstrap", lopsided, 50).at(0.99)
    assert isinstance(found, Effect)
    by = 2.5758293 / 1.9599640
    assert (found.low, found.high) == close((1 - 0.5 * by, 1 + 1.0 * by))


def test_a_portfolio_as_evidence_gives_its_own_sets_at_any_level() -> None:
    slope = past("levels")
    assert isinstance(slope, PortfolioSlope)
    found = portfolio_evidence(slope, step=0.5, unit="fraction")
    at = found.at(0.999)
    assert isinstance(at, Effect)
    assert at.low == close(0.5 * slope.at(0.999).effect.low)  # type: ignore[operator]
    assert found.stands
    assert found.n == 60
    untested = [one for one in found.assumptions if one.status is Status.UNTESTED]
    assert [one.name.split()[0] for one in untested] == ["What", "A"]  # exclusion, and the way the cause was moved


def test_a_weak_portfolio_does_not_stand_and_stays_visible() -> None:
    found = portfolio_evidence(past("few", tests=12), step=0.5)
    assert not found.stands
    assert isinstance(found.estimate, Effect)
    assert "enough_tests" in {check.name for check in found.failed}


def test_a_portfolio_says_how_often_it_would_show_what_matters() -> None:
    (told,) = portfolio_evidence(past("few", tests=12), step=0.5, smallest_effect=0.1).sensitivity
    assert told.name == "power"
    assert told.detail.startswith("12 such tests show the smallest effect that matters ")
    assert told.detail.endswith(" do so 80% of the time")


def test_a_refused_portfolio_is_evidence_of_nothing() -> None:
    refusal = Refusal(Reason.NO_VARIATION, "the tests moved nothing")
    found = portfolio_evidence(refusal, step=0.5, tests=30)
    assert (found.estimate, found.n, found.stands) == (refusal, 30, False)


def test_a_test_that_hardly_moved_the_cause_does_not_stand() -> None:
    moved, sold = effect(0.01, 0.01, n=4000, method="z"), effect(0.02, 0.004, n=4000, method="z")
    found = single_test_evidence(moved, sold, covariance=0.0, step=0.05, exclusion="Only the ranking changed.")
    assert not found.stands
    still = single_test_evidence(effect(0.0, 0.01, n=9, method="z"), sold, covariance=0.0, step=0.05)
    assert isinstance(still.estimate, Refusal)


def test_an_invalid_comparison_does_not_stand() -> None:
    moved, sold = effect(0.10, 0.01, n=4000, method="z"), effect(0.02, 0.004, n=4000, method="z")
    split = Check("sample_ratio", passed=False, detail="48 to 52")
    assert not single_test_evidence(moved, sold, covariance=0.0, step=0.05, valid=split).stands


def test_it_is_written_as_json() -> None:
    for found in (told(), portfolio_evidence(past("json", tests=20, strength=1.5), step=0.5)):
        assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["rung"] == str(found.rung)


# Misuse


def test_an_exclusion_note_belongs_to_a_single_test() -> None:
    with pytest.raises(InvalidInput, match="belongs to a single test"):
        Evidence(Rung.PANEL, "m", effect(1.0, 0.1, n=9, method="m"), 9, exclusion="because")


def test_a_step_of_0_is_no_step() -> None:
    with pytest.raises(InvalidInput, match="step"):
        scaled(effect(1.0, 0.1, n=9, method="m"), 0.0, unit="1")


def test_a_covariance_that_cannot_be_is_told() -> None:
    one = effect(0.1, 0.01, n=9, method="z")
    with pytest.raises(InvalidInput, match="larger than the standard errors allow"):
        single_test_evidence(one, one, covariance=0.01, step=0.05)


def test_a_cause_that_the_portfolio_has_not_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="latency_p95"):
        portfolio_evidence(past("cause"), step=0.5, cause="latency_p59")
