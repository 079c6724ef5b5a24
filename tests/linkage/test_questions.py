"""What the four questions promise: answered by their edges or said to be unasked; nothing acts on a page."""

from dataclasses import replace
from pathlib import Path

import pytest

from metricstack.core.errors import ConfigurationError
from metricstack.linkage import FourQuestions, Question, four_questions, judge, linkage_map
from metricstack.telemetry import open_workspace
from tests.linkage import maps
from tests.metrics.conftest import at, minutes, write_workspace


def _asked(*edges: tuple[str, str]) -> FourQuestions:
    return FourQuestions(maps.whole(), (Question("Does it <b>move</b>?", edges), Question("Unasked?", (("a", "b"),))))


def test_each_question_has_its_edges_in_order_and_says_where_it_has_none() -> None:
    found = _asked(("relevance", "conversion_rate"))
    (first, edges), (second, none) = found
    assert (first.words, [edge.key for edge in edges]) == ("Does it <b>move</b>?", ["relevance -> conversion_rate"])
    assert (second.words, none) == ("Unasked?", ())
    lines = found.say().splitlines()
    assert lines[1].startswith("  Yes. Relevance +0.05, as these tests moved it, moves conversion rate by")
    assert lines[1].endswith("Evidence: randomised experiments (grade A).")
    assert lines[3] == "  Not asked: its metrics are not declared here."
    assert found.to_dict()["questions"][0]["edges"] == ["relevance -> conversion_rate"]


def test_tests_that_moved_other_causes_along_are_never_called_telemetry_nor_plain_experiments() -> None:
    edge = maps.whole().edge("relevance", "conversion_rate")
    assert edge.best is not None
    asked = (Question("Does it move?", (("relevance", "conversion_rate"),)),)
    both = judge(edge.hypothesis, [replace(edge.best, entangled=("completeness",))])
    said = FourQuestions(linkage_map([(both.hypothesis, both.evidence)]), asked).say()
    assert said.endswith("Evidence: experiments that moved other causes along (grade C).")
    assert "Evidence C: experiments that moved other causes along." in both.say()


def test_conflicts_stand_below_their_answer_and_names_cannot_act() -> None:
    shown = _asked(("relevance", "conversion_rate"))._repr_html_()
    assert "Conflict: " in shown
    assert "<b>move</b>" not in shown
    assert "&lt;b&gt;move" in shown


def test_a_workspace_answers_them_from_what_it_has(tmp_path: Path) -> None:
    runs = [
        {"run": f"r{i}", "user": f"u{i % 7}", "start": at("07-01") + minutes(60 * i), "outcome": "success", "cost": 0.1}
        for i in range(200)
    ]
    found = four_questions(write_workspace(tmp_path, {"requests": runs}))
    assert found is not None
    assert len(found.drawn) == 8
    assert all(str(edge.verdict) in ("refused", "inconclusive") for edge in found.drawn)


def test_a_broken_map_is_told_with_its_line(tmp_path: Path) -> None:
    write_workspace(tmp_path, {"requests": [{"run": "r", "start": at("07-01"), "outcome": "success"}]})
    (tmp_path / "linkage.toml").write_text("[edges.relevance.task_success]\nstep = 0\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"linkage\.toml:2"):
        four_questions(open_workspace(tmp_path))
