"""What the map promises: edges judged with all the others in mind, everything that was tried, and what has changed."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Check, Finding, Reason, Refusal
from metricstack.experiments.effect import Effect, effect
from metricstack.linkage.evidence import Diagnostic, Evidence, Rung
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.ledger import Trial
from metricstack.linkage.linkage_map import LinkageMap, linkage_map
from metricstack.linkage.verdict import EdgeVerdict

close = pytest.approx


def hypothesis(name: str, *, smallest: float = 0.005, step: float = 0.05) -> Hypothesis:
    return Hypothesis(name, "conversion_rate", step, +1, smallest, effect_unit="fraction")


def said(value: float, error: float, *, rung: Rung = Rung.PANEL, n: int = 90, fails: str = "") -> Evidence:
    checks = (Diagnostic(Check(fails, passed=False, detail="made up"), required=True),) if fails else ()
    return Evidence(rung, "m", effect(value, error, n=n, unit="fraction", method="m"), n, diagnostics=checks)


def drawn(*pairs: tuple[float, float], **more: Any) -> LinkageMap:
    return linkage_map([(hypothesis(f"m{i}"), [said(*pair)]) for i, pair in enumerate(pairs)], **more)


# By hand, and by another implementation


def test_a_map_of_four_edges_by_hand() -> None:
    # z = 10, 4, 1, 0: p = 0, 6.3e-5, 0.317, 1; of 4, 1 + 1/2 + 1/3 + 1/4 = 25/12. Two are found, so each interval has
    # the level 1 - 2 x 0.05 / (4 x 25/12) = 0.988.
    found = drawn((0.010, 0.001), (0.004, 0.001), (0.001, 0.001), (0.0, 0.001))
    assert found.level == close(0.988)
    reach = stats.norm.ppf(0.994)
    first, second = found.edges[:2]
    assert isinstance(second.estimate, Effect)
    assert second.estimate.low == close(0.004 - reach * 0.001)
    assert second.p_adjusted == close(2 * stats.norm.sf(4) * 4 * 25 / 12 / 2)
    assert [edge.verdict for edge in found] == [
        EdgeVerdict.SUPPORTS, EdgeVerdict.SUPPORTS, EdgeVerdict.CONTRADICTS, EdgeVerdict.CONTRADICTS
    ]  # fmt: skip
    assert (first.is_strong, second.is_strong) == (True, False)
    assert "4 edges, 2 found; Benjamini-Yekutieli at q = 0.05" in found.family


@settings(max_examples=50)
@given(st.lists(st.floats(-6, 6), min_size=1, max_size=12))
def test_p_values_are_those_of_statsmodels_and_agree_with_the_intervals(z: list[float]) -> None:
    found = drawn(*((value, 1.0) for value in z))
    theirs = multipletests(2 * stats.norm.sf(abs_values(z)), alpha=0.05, method="fdr_by")
    assert [edge.p_adjusted for edge in found] == close(list(theirs[1]), abs=1e-12)
    for edge, p in zip(found, theirs[1], strict=True):
        assert isinstance(edge.estimate, Effect)
        assert edge.estimate.low is not None
        assert edge.estimate.high is not None
        if abs(p - 0.05) > 1e-9:
            assert (p <= 0.05) == (not edge.estimate.low <= 0 <= edge.estimate.high)


def abs_values(z: list[float]) -> list[float]:
    return [abs(value) for value in z]


# Laws


def test_edges_that_are_refused_count_in_the_family() -> None:
    nothing = Evidence(Rung.PANEL, "m", Refusal(Reason.NO_DATA, "no days"), 0)
    alone = drawn((0.004, 0.001))
    among = linkage_map(
        [(hypothesis("m0"), [said(0.004, 0.001)]), *((hypothesis(f"x{i}"), [nothing]) for i in range(9))]
    )
    assert among.edges[0].p_adjusted == close(alone.edges[0].p_adjusted * 10 * sum(1 / i for i in range(1, 11)))  # type: ignore[operator]
    assert among.level > alone.level
    assert among.edges[1].verdict is EdgeVerdict.REFUSED


def test_the_ledger_holds_every_test_also_those_that_led_nowhere() -> None:
    evidence = [
        said(0.01, 0.001, rung=Rung.PORTFOLIO), said(0.02, 0.001, rung=Rung.ROLLOUT, fails="parallel_trends"),
        said(0.01, 0.002), Evidence(Rung.ASSOCIATION, "m", Refusal(Reason.NO_VARIATION, "it never moved"), 0),
    ]  # fmt: skip
    lag = Trial("m0 -> conversion_rate", "lag 3", "stands", 0.4, 90)
    found = linkage_map([(hypothesis("m0"), evidence)], more=[lag])
    assert [(one.test, one.outcome) for one in found.ledger] == [
        ("portfolio", "decides"), ("staged_rollout", "failed: parallel_trends"), ("panel", "stands"),
        ("association", "refused: no_variation"), ("lag 3", "stands"),
    ]  # fmt: skip
    assert len(found.ledger.of("m0 -> conversion_rate")) == 5
    assert "5 tests in the ledger" in found.family


def test_an_empty_map_is_a_map() -> None:
    found = linkage_map([])
    assert (len(found), found.findings) == (0, ())


def test_it_is_made_of_findings_and_written_as_json() -> None:
    found = drawn((0.01, 0.001), (0.0, 0.001))
    assert all(isinstance(one, Finding) for one in found.findings)
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert set(told) == {"kind", "edges", "ledger", "family", "q", "level"}
    assert told["edges"][0]["cause"] == "m0"


# What has changed


def test_a_map_has_not_changed_since_itself() -> None:
    found = drawn((0.01, 0.001), (0.0, 0.001))
    assert found.diff(found) == ()
    assert found.diff(json.loads(json.dumps(found.to_dict()))) == ()


def test_what_has_changed_is_told() -> None:
    old = linkage_map(
        [(hypothesis("a"), [said(0.01, 0.001)]), (hypothesis("b"), [said(0.01, 0.001)]),
         (hypothesis("c"), [said(0.001, 0.01)]), (hypothesis("gone"), [said(0.01, 0.001)])]
    )  # fmt: skip
    new = linkage_map(
        [(hypothesis("a"), [said(0.01, 0.001, rung=Rung.PORTFOLIO)]), (hypothesis("b"), [said(-0.01, 0.001)]),
         (hypothesis("c"), [said(0.001, 0.01)]), (hypothesis("new"), [said(0.01, 0.001)])]
    )  # fmt: skip
    changes = {
        (one.edge.removesuffix(" -> conversion_rate"), one.what): (one.before, one.after) for one in new.diff(old)
    }
    assert changes[("a", "grade")] == ("C", "A")
    assert changes[("b", "verdict")] == ("supports", "contradicts")
    assert changes[("b", "sign")] == ("+0.01", "-0.01")
    assert ("b", "size") in changes
    assert changes[("new", "new")] == ("", "supports")
    assert changes[("gone", "gone")] == ("supports", "")
    assert not [key for key in changes if key[0] == "c"]


def test_effects_of_different_steps_are_not_compared() -> None:
    old = linkage_map([(hypothesis("a", step=0.05), [said(0.01, 0.001)])])
    new = linkage_map([(hypothesis("a", step=0.10), [said(0.02, 0.001)])])
    assert new.diff(old) == ()


# Calibration


def test_of_edges_without_effect_few_maps_support_any() -> None:
    # 12 edges whose estimates share half of their noise, none true; a false one in at most 5 % of maps is promised
    # (all are null, so the false discovery rate is that share). 400 maps: three Monte Carlo errors are 3.3 points.
    rng, wrong = stream(61, "null maps"), 0
    for _ in range(400):
        z = math.sqrt(0.5) * rng.normal() + math.sqrt(0.5) * rng.normal(size=12)
        found = drawn(*((float(value) * 0.01, 0.01) for value in z))
        wrong += any(edge.verdict is EdgeVerdict.SUPPORTS for edge in found)
    assert wrong / 400 <= 0.05 + 0.033


# Misuse


def test_an_edge_twice_is_told() -> None:
    with pytest.raises(InvalidInput, match="on the map twice"):
        linkage_map([(hypothesis("a"), []), (hypothesis("a"), [])])


def test_a_rate_outside_its_range_is_told() -> None:
    with pytest.raises(InvalidInput, match="outside"):
        linkage_map([], q=0.0)


def test_a_previous_map_that_is_none_is_told() -> None:
    with pytest.raises(InvalidInput, match="no list of edges"):
        drawn((0.01, 0.001)).diff({"edge": []})


def test_an_edge_that_is_not_on_the_map_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="m0 -> conversion_rate"):
        drawn((0.01, 0.001)).edge("m0", "conversion_rates")


@pytest.mark.parametrize(
    "change",
    [
        {"scale": None}, {"scale": {}}, {"scale": {"step": "0.05"}}, {"estimate": "0.01"}, {"estimate": float("nan")},
        {"low": "x"}, {"high": {}}, {"cause": ["a"]}, {"verdict": 5}, {"grade": None},
    ],
)  # fmt: skip
def test_a_previous_map_that_is_broken_is_said_to_be_where_it_is(change: dict[str, Any]) -> None:
    found = drawn((0.01, 0.001))
    told = json.loads(json.dumps(found.to_dict()))
    told["edges"][0] |= change
    with pytest.raises(InvalidInput, match="edge 1 of the previous map"):
        found.diff(told)


def test_effects_in_different_units_are_not_compared() -> None:
    found = drawn((0.01, 0.001))
    told = json.loads(json.dumps(found.to_dict()))
    told["edges"][0] |= {"estimate": 5.0, "low": 4.0, "high": 6.0}
    assert [one.what for one in found.diff(told)] == ["size"]
    told["edges"][0]["scale"]["unit"] = "s"
    assert found.diff(told) == ()


def test_a_sign_that_neither_map_was_sure_of_has_not_changed() -> None:
    old, new = drawn((0.001, 0.01)), drawn((-0.001, 0.01))  # a tenth of their errors from none
    assert new.diff(old) == ()
    sure = drawn((0.02, 0.001))
    assert "sign" in [one.what for one in new.diff(sure)]
    assert "sign" in [one.what for one in sure.diff(new)]
