"""What linkage promises in words and tables: verdicts by grade, the business first, nothing hidden."""

import math
import re
from typing import Any

import pytest

from metricstack import linkage
from metricstack.core.show import RENDERERS, Shown
from metricstack.core.values import Estimate
from metricstack.experiments.effect import Effect
from metricstack.linkage import Evidence, LinkageMap, Rung, linkage_map
from metricstack.linkage.linkage_map import EdgeChange
from metricstack.linkage.names import RUNGS, layer_of, spelled, title_of
from metricstack.narrative.linkage import say_changes, say_rung_effect
from tests.linkage import maps

MAPS = [maps.whole(), maps.one(), maps.refusals(), maps.many(), maps.backwards()]


# The map in words


def test_the_first_sentence_counts_verdicts_by_grade() -> None:
    assert (
        maps.whole()
        .say()
        .splitlines()[0]
        .startswith(
            "5 edges: 1 supported (1 of grade A), 1 contradicted (1 of grade B), "
            "2 undecided (1 of grade C and 1 of grade D) and 1 refused."
        )
    )


def test_the_level_is_that_of_the_map() -> None:
    # By hand: of 5 edges 2 are found; 1 + 1/2 + 1/3 + 1/4 + 1/5 = 137/60; 1 - 2 x 0.05 / (5 x 137/60) = 0.99124.
    assert "intervals are of level 99.12\u00a0%" in maps.whole().say()


def test_every_edge_that_was_found_has_its_sentence_the_business_first() -> None:
    lines = maps.whole().say().splitlines()[1:3]
    assert lines[0].startswith("Relevance +0.05, as these tests moved it, moves conversion rate by +0.80")
    assert lines[0].endswith("Evidence A: randomised.")
    assert lines[1].startswith("The opposite of what was expected, latency p95 +0.05 on task success: +0.40")


def test_conflicts_are_named_and_without_one_none_is_said() -> None:
    assert (
        "Conflict on Relevance → Conversion rate: Adjusted telemetry says +2.00\u00a0points, experiments say "
        "+0.80\u00a0points: confounding suspected." in maps.whole().say()
    )
    assert "Conflict" not in maps.one().say()
    assert "<li>" not in maps.one()._repr_html_()


def test_a_map_of_refusals_says_so_and_promises_nothing_about_effects() -> None:
    said = maps.refusals().say()
    assert said == "2 edges: 2 refused. No rung stands for any of them."
    assert "Effect" not in maps.refusals()._repr_html_()
    assert "4 regions; 12 are needed" in maps.refusals()._repr_html_()


def test_a_map_without_edges_says_so() -> None:
    empty = LinkageMap((), maps.one().ledger, "", 0.05, 0.95)
    assert empty.say() == "No edge was declared, so there is nothing to say."
    assert empty.say() in empty._repr_html_()


# The map as a table


def test_a_table_has_every_edge_once_under_its_verdict() -> None:
    shown = maps.many()._repr_html_()
    assert shown.count('<th scope="row"') == 40
    whole = maps.whole()._repr_html_()
    at = [whole.index(word) for word in (">Supported<", ">Contradicted<", ">Undecided<", ">Cannot be said<")]
    assert at == sorted(at)


def test_a_table_names_the_step_the_rung_and_what_is_next() -> None:
    shown = maps.whole()._repr_html_()
    for words in ("Relevance +0.05 → Conversion rate", "A: portfolio of tests, 66 tests; as large as matters",
                  "+0.80\u00a0points", "+0.67 to +0.93\u00a0points", "99.12\u00a0% interval"):  # fmt: skip
        assert words in shown


@pytest.mark.parametrize("found", MAPS, ids=["whole", "one", "refusals", "many", "backwards"])
def test_no_name_can_act_in_a_page_and_all_is_closed(found: LinkageMap) -> None:
    for shown in (found._repr_html_(), *(edge._repr_html_() for edge in found)):
        assert "<script" not in shown
        for tag in ("div", "table", "tr", "td", "th", "ul", "li", "p", "strong"):
            assert len(re.findall(rf"<{tag}[ >]", shown)) == shown.count(f"</{tag}>"), tag
        assert "nan" not in re.sub(r"<[^>]+>", " ", shown).lower().split()


# One edge


def test_an_edge_says_question_answer_grade_doubt_conflict_and_what_is_next() -> None:
    lines = maps.whole().edges[0].say().splitlines()
    assert lines[0].startswith(
        "What does +0.05 of Relevance do to Conversion rate? Relevance +0.05, as these tests moved it, moves"
    )
    assert lines[1] == (
        "Evidence A: randomised. It rests on 66 tests (a method); "
        "the interval is of level 99.12\u00a0%, adjusted for all edges."
    )
    assert lines[2] == "Doubt: A bend at 3."
    assert lines[3].startswith("Conflict: Adjusted telemetry says")
    assert lines[4] == (
        "Direction: Relevance moves Conversion rate: spoken for (grade A); Conversion rate moves Relevance: nothing "
        "speaks for or against it; Something moves both: spoken for (grade A)."
    )
    assert lines[5] == "Next: Run tests that move relevance without what these moved along with it."


def test_an_edge_that_is_refused_says_why_and_what_is_next() -> None:
    said = maps.refusals().edges[0].say()
    assert "No rung stands: 4 regions; 12 are needed" in said
    assert "No evidence." in said
    assert "Next: No experiment moved relevance" in said


def test_an_edge_shows_every_rung_and_why_one_does_not_stand() -> None:
    shown = maps.whole().edges[2]._repr_html_()
    assert shown.count('<th scope="row"') == 2 + 3  # and the three ways round
    assert "Decides, 90 units" in shown
    assert "Fails future placebo, 90 units: made up" in shown


def test_an_edge_shows_assumptions_with_their_status_and_what_would_change_it() -> None:
    shown = maps.one().edges[0]._repr_html_()
    for words in ("• Nothing else changed (untested): nothing can tell", "✓ It was random (held)",
                  "✗ It is straight (failed): a bend at 3", "• hidden confounder: 12.0\u00a0%",
                  "• left out: cannot say, since 4 regions; 12 are needed"):  # fmt: skip
        assert words in shown


@pytest.mark.parametrize(
    ("value", "low", "high", "unit", "told"),
    [
        # Half-widths of 0.03 and 0.6 points: two figures of them are 0.001 and 0.1 points.
        (0.00016, -0.00014, 0.00046, "fraction", "+0.016\u00a0points (−0.014 to +0.046\u00a0points)"),
        (0.004, -0.002, 0.010, "fraction", "+0.40\u00a0points (−0.20 to +1.00\u00a0points)"),
        (0.004, -math.inf, math.inf, "fraction", "+0.4\u00a0points (unbounded)"),
        (0.004, 0.001, math.inf, "fraction", "+0.4\u00a0points (at least +0.1\u00a0points)"),
        (-0.284, -0.47, -0.14, "USD/case", "−$0.284 (−$0.470 to −$0.140)"),
    ],
)
def test_an_effect_has_the_figures_that_its_interval_bears(
    value: float, low: float, high: float, unit: str, told: str
) -> None:
    found = Effect(Estimate(value, unit, 90, "m", low, high, 0.95), p_value=0.5)
    assert say_rung_effect(Evidence(Rung.PANEL, "m", found, 90)) == told
    edge = linkage_map([(maps.hypothesis("relevance", "conversion_rate"), [Evidence(Rung.PANEL, "m", found, 90)])])
    for shown in (edge._repr_html_(), edge.edges[0]._repr_html_(), edge.say(), str(edge.chart().to_dict())):
        assert shown


def test_an_exclusion_note_is_shown() -> None:
    told = Evidence(Rung.SINGLE_TEST, "m", maps.said(0.01, 0.001).estimate, 90, exclusion="Only the ranking changed.")
    found = linkage_map([(maps.hypothesis("relevance", "conversion_rate"), [told])])
    assert "exclusion: Only the ranking changed" in found.edges[0]._repr_html_()


# What has changed, and names


def test_changes_are_said_by_titles() -> None:
    said = say_changes(maps.whole().diff(maps.one())).splitlines()
    assert "Latency p95 → Task success is new: contradicted." in said
    assert say_changes(()) == "Nothing has changed since the previous map."
    moved = EdgeChange("relevance -> trust", "verdict", "inconclusive", "supports")
    assert say_changes((moved,)) == "Relevance → Trust: verdict from undecided to supported."
    gone = EdgeChange("relevance -> trust", "gone", "refused", "")
    assert say_changes((gone,)) == "Relevance → Trust is gone: it was refused."


def test_only_whole_names_are_spelled() -> None:
    assert spelled("latency_p95_max and latency_p95", "latency_p95") == "Latency_p95_max and latency p95"


def test_a_metric_of_the_workspace_has_a_name_and_no_layer() -> None:
    assert (title_of("own_metric"), layer_of("own_metric")) == ("Own metric", "")
    assert layer_of("hallucination_rate") == "quality"
    assert set(RUNGS) == {str(rung) for rung in Rung}


# Every result


KINDS = [getattr(linkage, name) for name in linkage.__all__ if isinstance(getattr(linkage, name), type)]
SHOWN = [kind for kind in KINDS if issubclass(kind, Shown)]


@pytest.mark.parametrize("kind", SHOWN, ids=lambda kind: kind.__name__)
def test_a_result_that_shows_itself_can(kind: type) -> None:
    names = [one.__name__ for one in kind.__mro__]
    assert all(any((name, verb) in RENDERERS for name in names) for verb in ("say", "html", "chart"))


def test_results_with_findings_show_themselves() -> None:
    hidden = [kind.__name__ for kind in KINDS if hasattr(kind, "findings") and not issubclass(kind, Shown)]
    assert hidden == []


@pytest.mark.parametrize(
    "result",
    [
        maps.whole(), maps.whole().edges[0], maps.refusals().edges[0], maps.rollout(), maps.lags(), maps.ways(),
        maps.tests()[2], linkage.pool([0.1, 0.2, 0.3], [0.1, 0.1, 0.1]), linkage.robustness_value(2.5, 100),
        linkage.e_value(1.5),
    ],
    ids=lambda result: type(result).__name__,
)  # fmt: skip
def test_results_are_said_tabled_and_drawn(result: Any) -> None:
    assert result.say()
    assert "<script" not in result._repr_html_()
    assert len(result.to_pandas()) == len(result.findings)
    assert result.chart().to_dict()["description"]


def test_a_lead_is_said_with_its_direction_first() -> None:
    assert maps.lags().say().startswith("X precedes y by 2 days (p = ")


# One question in many ways


def test_ways_of_asking_are_told_together_and_then_by_grade() -> None:
    found = maps.ways()
    lines = found.say().splitlines()
    assert lines[0].startswith("<script>alert(1)</script> → Y was asked in ")
    assert lines[0].endswith("all upwards.")  # 2 by construction, with a deviation of 1 over 800 rows: always seen
    assert lines[1] == "Evidence C: an association, adjusted for named confounders."
    assert [line.partition(":")[0].strip() for line in lines[2:]] == [one.name for one in found.ways]
    page = str(found._repr_html_())
    assert "<script>" not in page
    assert "declared" in page
