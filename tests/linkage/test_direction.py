"""What the audit of an edge's direction promises.

* By hand: what each rung and each test beside it says of the three ways.
* The strongest evidence speaks; what contradicts itself at one grade leaves a way open.
* A world of each kind is told from the others by what its tests and its telemetry say.
* Names that came with the data cannot act, and JSON holds it all.
"""

import json
from dataclasses import replace

import pytest

from metricstack.core.values import Check, Grade, Reason, Refusal
from metricstack.experiments.effect import effect
from metricstack.linkage import DirectionAudit, Evidence, Hypothesis, Rung, Says, Way, judge
from metricstack.linkage.direction import audited
from metricstack.linkage.evidence import Diagnostic
from metricstack.narrative.direction import say_direction
from tests.linkage import maps
from tests.linkage.test_best_lag import EDGE as DAILY
from tests.linkage.test_best_lag import led, series

EDGE = Hypothesis("s", "y", 1.0, +1, 0.2)
FORWARD, BACKWARD, COMMON = Way.FORWARD, Way.BACKWARD, Way.COMMON


def said(rung: Rung, value: float, error: float = 0.05, **checks: bool) -> Evidence:
    """One rung, and what came out of tests beside it."""
    beside = tuple(Diagnostic(Check(name, passed, "as told")) for name, passed in checks.items())
    return Evidence(rung, "m", effect(value, error, n=99, method="m"), 99, diagnostics=beside)


def ways(*evidence: Evidence) -> dict[str, tuple[str, str]]:
    """What is said of each way, and how strongly."""
    found = audited(EDGE, evidence)
    return {way.name: (str(found.says(way)), str(found.grade(way))) for way in Way}


# By hand


@pytest.mark.parametrize(("rung", "grade"), [(Rung.PORTFOLIO, "A"), (Rung.ROLLOUT, "B"), (Rung.INSTRUMENT, "B")])
def test_only_changes_show_that_the_cause_acts(rung: Rung, grade: str) -> None:
    assert ways(said(rung, 0.5))["FORWARD"] == ("for", grade)
    assert ways(said(rung, -0.5))["FORWARD"] == ("for", grade)  # the other sign is an effect, too
    assert ways(said(rung, 0.01))["FORWARD"] == ("against", grade)  # within 0.2 of 0, the smallest that matters
    assert ways(said(rung, 0.3, 0.4))["FORWARD"] == ("open", "none")  # neither
    assert ways(said(Rung.PANEL, 0.5))["FORWARD"] == ("open", "none")


def test_telemetry_that_has_more_or_less_than_changes_do_has_it_of_something_else() -> None:
    assert ways(said(Rung.PORTFOLIO, 0.01), said(Rung.PANEL, 0.5))["COMMON"] == ("for", "A")
    assert ways(said(Rung.ROLLOUT, -0.5), said(Rung.ASSOCIATION, 0.5))["COMMON"] == ("for", "B")
    assert ways(said(Rung.PORTFOLIO, 0.5), said(Rung.PANEL, 0.0))["COMMON"] == ("for", "A")
    assert ways(said(Rung.PORTFOLIO, 0.5), said(Rung.PANEL, 0.55))["COMMON"] == ("against", "C")
    assert ways(said(Rung.PORTFOLIO, 0.5), said(Rung.PANEL, 0.1, 0.2))["COMMON"] == ("open", "none")  # it shows nothing


def test_that_two_agree_does_not_silence_a_control_that_moved() -> None:
    moved = said(Rung.PANEL, 0.55, **{"negative_control: availability": False})
    assert ways(said(Rung.PORTFOLIO, 0.5), moved)["COMMON"] == ("open", "C")


def test_what_tests_do_not_tell_apart_may_be_either() -> None:
    both = replace(said(Rung.PORTFOLIO, 0.5), entangled=("z",))
    assert ways(both) == {"FORWARD": ("for", "C"), "BACKWARD": ("open", "none"), "COMMON": ("for", "C")}


@pytest.mark.parametrize(
    ("rung", "check", "passed", "expected"),
    [
        (Rung.PORTFOLIO, "stands_with_others_held", True, {COMMON: Says.AGAINST}),
        (Rung.PORTFOLIO, "stands_with_others_held", False, {COMMON: Says.FOR}),
        (Rung.PANEL, "future_placebo", True, {BACKWARD: Says.AGAINST}),
        (Rung.PANEL, "future_placebo", False, {BACKWARD: Says.FOR, COMMON: Says.FOR}),
        (Rung.PANEL, "negative_control: availability", True, {COMMON: Says.AGAINST}),
        (Rung.PANEL, "negative_control: availability", False, {COMMON: Says.FOR}),
        (Rung.PANEL, "units_alike", True, {}),
        (Rung.PANEL, "units_alike", False, {COMMON: Says.FOR}),
        (Rung.ASSOCIATION, "cause_first", True, {FORWARD: Says.FOR, BACKWARD: Says.AGAINST}),
        (Rung.ASSOCIATION, "cause_first", False, {FORWARD: Says.AGAINST, BACKWARD: Says.FOR}),
        (Rung.PANEL, "rows", False, {}),
    ],
)
def test_a_test_beside_a_rung_speaks_with_its_grade(
    rung: Rung, check: str, passed: bool, expected: dict[Way, Says]
) -> None:  # fmt: skip
    found = audited(EDGE, [said(rung, 0.1, 0.01 if "stands" in check else 0.4, **{check: passed})])
    told = [one for one in found.clues if "as told" in one.detail]
    assert {one.way: one.says for one in told} == expected
    assert {one.grade for one in found.clues} <= {rung.grade}
    if "control" in check:
        assert found.clues[0].detail.startswith("availability ")


def test_a_rung_that_cannot_answer_still_says_which_moves_first() -> None:
    refusal = Refusal(Reason.UNSTABLE, "y moves 2 days before s", "Ask.")
    late = Evidence(Rung.ASSOCIATION, "m", refusal, 90, diagnostics=(Diagnostic(Check("cause_first", False, "p")),))
    assert ways(late)["BACKWARD"] == ("for", "D")


def test_series_say_which_moves_first() -> None:
    days = series(1, slope=0.9)  # the effect follows the cause by two days
    turned = days.rename(columns={"cause": "effect", "effect": "cause"})
    assert audited(DAILY, [led(days)]).says(BACKWARD) is Says.AGAINST
    assert audited(DAILY, [led(turned)]).says(BACKWARD) is Says.FOR


def test_an_effect_that_is_not_seen_stands_nothing_and_an_adjusted_level_decides_what_is_seen() -> None:
    assert ways(said(Rung.PORTFOLIO, 0.1, 0.4, stands_with_others_held=True))["COMMON"] == ("open", "none")
    near = said(Rung.PORTFOLIO, 0.1, 0.04)  # 2.5 errors: beyond 1.98, and within the 2.87 of 99.5 % and 98 degrees
    assert [audited(EDGE, [near], level=level).says(FORWARD) for level in (0.95, 0.995)] == [Says.FOR, Says.OPEN]


def test_what_two_rungs_say_alike_is_told_once() -> None:
    held = replace(said(Rung.PORTFOLIO, 0.5), method="others held")
    assert len(audited(EDGE, [said(Rung.PORTFOLIO, 0.5), held]).clues) == 1


# Laws


def test_the_strongest_speaks_and_a_grade_against_itself_leaves_it_open() -> None:
    placebo = said(Rung.PANEL, 0.1, 0.4, future_placebo=True)
    first = said(Rung.ASSOCIATION, 0.1, 0.4, cause_first=False)
    assert ways(placebo, first)["BACKWARD"] == ("against", "C")
    assert ways(said(Rung.PANEL, 0.1, 0.4, **{"units_alike": False, "negative_control: a": True}))["COMMON"] == (
        "open",
        "C",
    )


def test_nothing_is_known_of_an_edge_without_evidence() -> None:
    assert ways() == dict.fromkeys(("FORWARD", "BACKWARD", "COMMON"), ("open", "none"))


# Shown


def test_an_edge_of_which_no_way_is_known_says_so_once() -> None:
    edge = judge(EDGE, [said(Rung.PANEL, 0.1, 0.4)])
    assert "Direction: not known, nothing speaks for or against either way or a common driver.\n" in edge.say()
    assert "Something moves both" not in edge._repr_html_()


def test_an_edge_tells_its_direction_and_json_holds_all_of_it() -> None:
    edge = judge(EDGE, [said(Rung.PORTFOLIO, 0.5), said(Rung.PANEL, 1.5, future_placebo=True)])
    told = json.loads(json.dumps(edge.to_dict()))["direction"]
    assert {way: (one["says"], one["grade"]) for way, one in told.items()} == {
        "cause_to_effect": ("for", "A"), "effect_to_cause": ("against", "C"), "common_driver": ("for", "A"),
    }  # fmt: skip
    ways = "S moves Y: spoken for (grade A); Y moves S: spoken against (grade C); Something moves both: spoken for"
    assert f"Direction: {ways}" in edge.say()
    said_of_it = say_direction(edge.direction).splitlines()
    assert said_of_it[0] == "S moves Y: spoken for (grade A)."
    assert said_of_it[1] == "  A, for: Experiments that moved s moved y."


def test_names_that_came_with_the_data_cannot_act() -> None:
    edge = Hypothesis(maps.HOSTILE, "y", 1.0, +1, 0.2)
    found: DirectionAudit = audited(edge, [said(Rung.PORTFOLIO, 0.5)])
    assert "<script>" not in found._repr_html_()
    assert found.grade(FORWARD) is Grade.A
