"""What a dated change of one value says, less the values that were left alone.

* By hand: which rows change which value; the difference, and over which days and others it is taken.
* What moves all values alike drops out, whatever it is; the change itself is found.
* Refused in words: nothing was left alone, too few days, a value or dimension that is not there, a rollout that is
  judged as one.
* Another change on either side on that day, or one other value that jumped by itself, fells the rung.
* From tables to a verdict; a shock of all on that day does not fool it.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from metricstack.core.streams import stream
from metricstack.core.values import Grade, Reason, Refusal
from metricstack.experiments.effect import Effect
from metricstack.linkage.dated import Dated, dated_changes
from metricstack.linkage.evidence import Evidence, Rung
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.ledger import side_trials
from metricstack.linkage.link import link
from metricstack.linkage.observed import Observed
from metricstack.linkage.rungs.changes import changes
from metricstack.linkage.rungs.contrast import Contrast, contrast
from tests.linkage.stand_in import StandIn
from tests.metrics.conftest import Rows, at, write_workspace

FIRST = date(2026, 1, 5)
SUPPORT = (("use_case", "support"),)
OTHERS = ("code", "search", "web")


def on(day: int, key: str = "d-7", value: str = "support", **more: Any) -> Dated:
    """A change of one use case, so many days after the first."""
    told = {"about": "", "kind": "prompt", "where": (("use_case", value),)} | more
    return Dated(key, first=FIRST + timedelta(days=day), **told)


EDGE = Hypothesis("cause", "effect", 1.0, +1, 0.1, changes=("d-7",), exclusion="It changes the prompt only.")
CHANGE = on(60)


def days(
    seed: int, *, slope: float = 0.0, shock: float = 0.0, n: int = 90, start: int = 60, jump: float = 3.0,
    others: Sequence[str] = OTHERS, wander: float = 1.0,
) -> pd.DataFrame:  # fmt: skip
    """Draw use cases that share a course; one is changed on a day, on which a shock lifts the effect of all."""
    random = stream(seed, "contrast", n)
    post = np.arange(n) >= start
    course = wander * np.cumsum(random.normal(0, 1, (2, n)), axis=1)
    index = [str(FIRST + timedelta(days=k)) for k in range(n)]
    tables = {}
    for name in ("support", *others):
        cause = random.normal(0, 1, n) + jump * post * (name == "support")
        effect = slope * cause + random.normal(0, 1, n) + course[1] + shock * post
        tables[name] = pd.DataFrame({"cause": cause + course[0], "effect": effect}, index=index)
    return pd.concat(tables, names=["unit", "period"])


def seen(parts: pd.DataFrame, changed: Sequence[Dated] = (CHANGE,), **more: Any) -> Observed:
    """A workspace that has these days."""
    return cast("Observed", StandIn(panels={("use_case",): parts}, changed=tuple(changed), **more))


def told(parts: pd.DataFrame, changed: Sequence[Dated] = (CHANGE,), edge: Hypothesis = EDGE, **more: Any) -> Evidence:
    """What the one change that is named says."""
    (found,) = changes(seen(parts, changed, **more), edge)
    return found


def failed(found: Evidence) -> set[str]:
    """Names of the required checks that failed."""
    return {check.name for check in found.failed}


def taken(parts: pd.DataFrame, changed: Sequence[Dated] = (CHANGE,)) -> Contrast:
    """The difference that is looked at."""
    found = contrast(seen(parts, changed), EDGE, changed[0])
    assert isinstance(found, Contrast), found
    return found


# By hand


def test_a_scope_names_what_is_changed_and_a_deployment_the_use_case_of_its_service(tmp_path: Path) -> None:
    def event(key: str, scope: str, kind: str = "price_change", about: str = "") -> dict[str, Any]:
        return {
            "event": key, "kind": kind, "scope": scope, "about": about, "start": at("05-03 00:00"),
            "end": at("05-03 01:00"),
        }  # fmt: skip

    def deployment(key: str, service: str | None) -> dict[str, Any]:
        return {"deployment": key, "deployed": at("05-02 10:00"), "service": service, "kind": "model"}

    def request(service: str, use_case: str) -> dict[str, Any]:
        return {"run": service + use_case, "service": service, "use_case": use_case, "start": at("05-02")}

    ws = write_workspace(
        tmp_path,
        {
            "events": [
                event("a", "region:emea"), event("b", "use_case: support ", "release"), event("c", "all"),
                event("d", "everywhere"), event("e", "team:x", "rollout", "reader (support)"),
            ],
            "deployments": [
                deployment("own", "desk"), deployment("both", "shared"), deployment("other", "billing"),
                deployment("none", None),
            ],
            "requests": [request("desk", "support"), request("shared", "support"), request("shared", "search")],
        },
    )  # fmt: skip
    found = {one.key: one for one in dated_changes(ws)}
    assert {key: one.where for key, one in found.items()} == {
        "a": (("region", "emea"),), "b": SUPPORT, "c": (), "e": (("team", "x"), ("use_case", "support")),
        "own": SUPPORT, "both": (), "other": (), "none": (),
    }  # fmt: skip
    assert found["a"].until == date(2026, 5, 3)
    assert found["b"].until is None  # what is released stays


def test_of_a_company_with_one_use_case_a_deployment_is_of_everybody(tmp_path: Path) -> None:
    tables = {
        "deployments": [{"deployment": "m", "deployed": at("05-02"), "service": "desk", "kind": "model"}],
        "requests": [{"run": "r", "service": "desk", "use_case": "support", "start": at("05-02")}],
    }
    assert [one.where for one in dated_changes(write_workspace(tmp_path, tables))] == [()]


def test_the_difference_is_from_the_mean_of_those_left_alone() -> None:
    # On each day 7 less the mean of 1 and 4, and of the effect 9 less the mean of 2 and 5; web is changed later.
    index = [str(FIRST + timedelta(days=k)) for k in range(90)]
    numbers = {"support": (7.0, 9.0), "code": (1.0, 2.0), "search": (4.0, 5.0), "web": (100.0, 100.0)}
    tables = {
        name: pd.DataFrame({"cause": cause, "effect": effect}, index=index) for name, (cause, effect) in numbers.items()
    }
    parts = pd.concat(tables, names=["unit", "period"])
    found = taken(parts, (CHANGE, on(80, "d-8", "web")))
    assert list(found.others) == ["code", "search"]
    assert set(found.days["cause"]) == {4.5}
    assert set(found.days["effect"]) == {5.5}
    assert len(found.days) == 90


def test_a_day_that_one_of_them_lacks_is_left_out_and_one_that_lacks_many_is_no_control() -> None:
    parts = days(1)
    gone = [("code", str(FIRST + timedelta(days=3))), *(("web", str(FIRST + timedelta(days=k))) for k in range(20))]
    found = taken(parts.drop(index=gone))
    assert list(found.others) == ["code", "search"]
    assert len(found.days) == 89


def test_the_longest_stretch_of_days_is_taken_in_which_another_was_left_alone() -> None:
    parts = days(1, n=300, start=150)
    assert len(taken(parts, (on(150),)).days) == 180  # 120 days before and 60 from it on
    far = [on(50, "x", "code"), on(60, "y", "search"), on(200, "z", "web")]
    found = taken(parts, (on(150), *far))
    assert len(found.days) == 90  # 60 before and 30 from it on, in which all three were
    assert list(found.others) == list(OTHERS)


# Laws


@pytest.mark.parametrize("seed", range(3))
def test_what_moves_all_alike_drops_out(seed: int) -> None:
    parts = days(seed, slope=1.0)
    on_day = parts.index.get_level_values("period") >= str(CHANGE.first)
    shaken = parts.assign(effect=parts["effect"] + 50 * on_day, cause=parts["cause"] - 9 * on_day)
    one, other = told(parts).estimate, told(shaken).estimate
    assert isinstance(one, Effect)
    assert isinstance(other, Effect)
    assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high), rel=1e-6)


def test_a_true_effect_is_found_though_all_wander_and_are_shaken_on_that_day() -> None:
    found = told(days(2, slope=2.0, shock=-6.0))
    assert found.stands, failed(found)
    assert found.rung is Rung.INTERRUPTED
    assert found.grade is Grade.B
    assert isinstance(found.estimate, Effect)
    assert found.estimate.low is not None
    assert found.estimate.high is not None
    assert found.estimate.low < 2.0 < found.estimate.high
    assert found.estimate.value == pytest.approx(2.0, abs=0.5)  # noise of 1.2 over 30 days, against a jump of 3
    assert found.method == "interrupted series at d-7, use_case support less 3 left alone"
    assert any("use_case support less the mean of code, search, web" in one.detail for one in found.assumptions)


# What is refused


def test_where_all_others_were_changed_too_it_is_refused_with_their_changes() -> None:
    changed = [CHANGE, *(on(40 + k, f"x{k}", name) for k, name in enumerate(OTHERS)), on(50, "x9", "code")]
    found = told(days(1, slope=2.0), changed).estimate
    assert isinstance(found, Refusal)
    assert found.reason is Reason.UNSTABLE
    assert "no other use_case was left alone from 2026-01-05 to 2026-04-04: code by x0 on 2026-02-14 and 1 more" in (
        found.detail
    )


def test_a_value_whose_earlier_change_ends_in_these_days_was_not_left_alone() -> None:
    priced = on(-20, "x", "code", until=FIRST + timedelta(days=30))
    assert list(taken(days(1), (CHANGE, priced)).others) == ["search", "web"]
    lasting = on(-20, "x", "code")
    assert list(taken(days(1), (CHANGE, lasting)).others) == list(OTHERS)


@pytest.mark.parametrize(
    ("change", "others", "said"),
    [
        (on(60), (), "no other use_case tells both metrics"),
        (on(60, value="suport"), OTHERS, "of use_case 'suport'; did you mean 'support'?"),
        (on(60, where=(("planet", "mars"),)), OTHERS, "cause and effect cannot be asked by planet"),
        (on(900), OTHERS, "no days lie both before and after 2028-06-23"),
        (on(5), OTHERS, "there are 5 days before the start"),
        (on(88), OTHERS, "and 2 from it on"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(change: Dated, others: Sequence[str], said: str) -> None:
    found = told(days(1, slope=2.0, others=others), (change,)).estimate
    assert isinstance(found, Refusal)
    assert said in found.detail
    assert found.remedy


def test_a_rollout_that_is_judged_as_one_is_not_judged_twice() -> None:
    def rolled(key: str, value: str) -> Dated:
        return on(60, key, value, kind="rollout", about="reader")

    named = Hypothesis("cause", "effect", 1.0, +1, 0.1, changes=("reader",), exclusion="It is all.")
    for changed, parts, said in (
        ([rolled("d-7", "support"), rolled("d-8", "code")], days(1), "reader was rolled out to 2 values of use_case"),
        (
            [rolled("d-7", "support")],
            days(1, others=[f"u{k}" for k in range(19)]),
            "reader was rolled out to support alone: that is for its rank among 19 others to say",
        ),
    ):
        for edge in (EDGE, named):
            found = told(parts, changed, edge).estimate
            assert isinstance(found, Refusal)
            assert said in found.detail
            assert "rung of rollouts" in found.remedy
    assert told(days(1, others=[f"u{k}" for k in range(18)]), [rolled("d-7", "support")]).stands


# What does not stand


def test_another_change_of_either_side_on_that_day_fells_it_and_one_of_neither_does_not() -> None:
    parts = days(2, slope=2.0)
    for same in (on(60, "x"), on(60, "x", where=()), on(60, "x", where=(("region", "emea"),))):
        assert failed(told(parts, (CHANGE, same))) == {"alone_on_its_day"}
    assert told(parts, (CHANGE, on(60, "x", "web"))).stands  # which is no control, then
    assert told(parts, (CHANGE, on(62, "x"))).stands


def test_one_other_value_that_jumped_by_itself_fells_it() -> None:
    parts = days(3, slope=0.0)
    mine = [(name == "web") and day >= str(CHANGE.first) for name, day in parts.index]
    found = told(parts.assign(effect=parts["effect"] - 9.0 * np.array(mine)))
    assert isinstance(found.estimate, Effect)
    assert found.estimate.low is not None
    assert found.estimate.low > 0  # a third of the jump, which is none of the changed one's
    assert "no_single_other: effect" in failed(found)
    written = {one.test: one.outcome for one in side_trials(EDGE, [found])}
    assert written["interrupted_series, no_single_other: effect"] == "failed"


def test_a_single_other_is_told_as_such() -> None:
    found = told(days(2, slope=2.0, others=("code",)))
    assert found.stands, failed(found)
    assert any(one.check.name == "no_single_other" and one.check.passed is None for one in found.diagnostics)


def test_a_cause_that_did_not_move_fells_it() -> None:
    assert "cause_moved" in failed(told(days(1, slope=2.0, jump=0.0)))


def test_a_negative_control_is_held_as_a_difference_too() -> None:
    parts = days(2, slope=2.0)
    common = np.tile(np.arange(90) * 0.5, 4) + stream(1, "idle").normal(0, 1, 360)
    edge = Hypothesis(
        "cause", "effect", 1.0, +1, 0.1, changes=("d-7",), exclusion="It is all.", negative_controls=("idle",)
    )
    held = told(parts.assign(idle=common), edge=edge)
    assert held.stands, failed(held)
    assert held.method.endswith("with idle as control")
    moved = np.array([name == "support" and day >= str(CHANGE.first) for name, day in parts.index])
    assert "idle untouched" in failed(told(parts.assign(idle=common + 8 * moved), edge=edge))


# From tables to a verdict


def test_a_deployment_of_one_service_is_judged_less_the_others_and_a_bad_day_of_all_is_not_its_doing(
    tmp_path: Path,
) -> None:
    # From the day of the deployment on, the desk falls back in a tenth, not half, of its runs: success rises by .5
    # for each that does not. From the same day on all lose .3 of success, which is more than the desk gains by it.
    random = stream(1, "desk")
    rows: Rows = []
    for day in range(75):
        for use_case in ("support", "code", "search"):
            post = day >= 50
            for i in range(40):
                fell = bool(random.random() < (0.1 if post and use_case == "support" else 0.5))
                won = bool(random.random() < 0.95 - 0.5 * fell - 0.3 * post)
                rows.append(
                    {
                        "run": f"{use_case}{day}-{i}", "service": f"{use_case}-service", "use_case": use_case,
                        "start": at("05-01") + timedelta(days=day, minutes=i), "fallback": fell,
                        "outcome": "success" if won else "failure",
                    }
                )  # fmt: skip
    deployment = {
        "deployment": "d-7", "deployed": at("06-20 00:00"), "service": "support-service", "kind": "prompt",
    }  # fmt: skip
    ws = write_workspace(tmp_path, {"requests": rows, "deployments": [deployment]})
    edge = Hypothesis(
        "fallback_rate", "task_success", 0.1, -1, 0.01, changes=("d-7",), exclusion="It answers, or falls back.",
    )  # fmt: skip
    (judged,) = link(ws, edge)
    found = next(one for one in judged.evidence if one.rung is Rung.INTERRUPTED)
    assert found.stands, failed(found)
    assert found.method == "interrupted series at d-7, use_case support less 2 left alone"
    assert isinstance(found.estimate, Effect)
    assert found.estimate.low is not None
    assert found.estimate.high is not None
    assert found.estimate.low < -0.05 < found.estimate.high < 0  # .1 of .5
    assert judged.verdict == "supports"


# Calibration


@pytest.mark.slow
def test_a_shock_of_all_on_that_day_fools_it_seldom_and_always_without_a_control() -> None:
    # 40 draws, a shock of 3 and no effect. One side of 5 % is 2.5 %; of 40, 10 % is 3 standard errors more.
    fooled = {"alone": 0, "less the others": 0}
    stands = dict.fromkeys(fooled, 0)
    for seed in range(40):
        parts = days(seed, shock=3.0, wander=0.0)  # alone, what wanders would not stand
        alone = told(parts, (on(60, where=()),), days=parts.xs("support"))
        for way, found in (("alone", alone), ("less the others", told(parts))):
            if found.stands:
                assert isinstance(found.estimate, Effect)
                stands[way] += 1
                fooled[way] += (found.estimate.low or 0.0) > 0
    assert min(stands.values()) > 20
    assert fooled["less the others"] <= 0.1 * stands["less the others"]
    assert fooled["alone"] >= 0.9 * stands["alone"]
