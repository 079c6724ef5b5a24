"""What panels in words and HTML fragments promise: every metric told, every refusal in words, every text escaped."""

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest

from metricstack.core.values import Answer, Check, Estimate, Finding, Grade, Reason, Refusal
from metricstack.core.windows import Window
from metricstack.metrics.model import Definition, Levels
from metricstack.metrics.panel import MetricPanel
from metricstack.narrative import (
    answer_html,
    change_html,
    findings_html,
    panel_html,
    say_panel,
)
from metricstack.narrative.html import escape
from metricstack.numerics.change import change

HOSTILE = "<script>alert(1)</script>"
MONEY = "$1 and $2"
LONG = "a very long name " * 40
QUARTER = Window(datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC), name="2026Q3")
MISSING = Refusal(Reason.MISSING_TABLE, f"there is no table {HOSTILE}", f"Load {HOSTILE}.")


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def around(value: float, half: float, unit: str = "s") -> Estimate:
    return Estimate(value, unit=unit, n=100, method="mean", low=value - half, high=value + half, level=0.95)


def definition(metric: str, title: str, better: str = "lower", unit: str = "s") -> Definition:
    tree: Any = None
    return Definition(metric, title, "", "", tree, unit, better=better, levels=Levels())  # type: ignore[arg-type]


def panel(cells: list[tuple[str, dict[str, str], Answer]], **facts: Any) -> MetricPanel:
    findings = tuple(Finding(metric, answer, subject=metric, where=tuple(w.items())) for metric, w, answer in cells)
    titles = {"latency": "Latency p95", "trust": "Trust", "hostile": HOSTILE}
    definitions = {metric: definition(metric, titles[metric]) for metric in dict.fromkeys(c[0] for c in cells)}
    return MetricPanel(findings, definitions, QUARTER, **facts)


class _Reader(HTMLParser):
    """Reads a fragment as a browser would: tags opened, and the text that is seen."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("br", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(fragment: str) -> _Reader:
    reader = _Reader()
    reader.feed(fragment)
    assert reader.open == []
    return reader


def test_a_number_without_group_or_grain_is_said_as_it_is() -> None:
    said = say_panel(panel([("latency", {}, around(4, 0.5))]))
    assert plain(said) == "Latency p95: 4.00 s (95 % interval 3.50 to 4.50 s, n = 100)."


def test_groups_are_said_by_the_best_and_the_worst() -> None:
    cells: list[tuple[str, dict[str, str], Answer]] = [
        ("latency", {"region": name}, around(value, 0.5)) for name, value in (("eu", 4.0), ("us", 3.0), ("ap", 5.0))
    ]
    assert plain(say_panel(panel(cells, by=("region",)))) == (
        "Latency p95 over 3 groups: best us, 3.00 s (95 % interval 2.50 to 3.50 s, n = 100); "
        "worst ap, 5.00 s (95 % interval 4.50 to 5.50 s, n = 100)."
    )


def test_a_course_is_said_from_its_first_to_its_last_number() -> None:
    cells: list[tuple[str, dict[str, str], Answer]] = [
        ("latency", {"period": day}, answer)
        for day, answer in (("2026-07-06", around(5, 0.3)), ("2026-07-13", MISSING), ("2026-07-20", around(4, 0.4)))
    ]
    assert plain(say_panel(panel(cells, grain="week"))) == (
        "Latency p95, 2026-07-06 to 2026-07-20, fell from 5.00 s to 4.00 s, which is better "
        "(−20.0 %; 95 % interval of the difference −1.50 to −0.500 s).\n"
        "1 of 3 questions cannot be answered: a table is missing (1)."
    )


def test_a_metric_without_any_number_is_said_once() -> None:
    refused = Refusal(Reason.NO_DATA, "no feedback", "Load it.")
    said = say_panel(
        panel([("trust", {"period": "2026-07-06"}, refused), ("trust", {"period": "2026-07-13"}, refused)])
    )
    assert said.startswith("Trust: cannot say: no feedback. Load it (so for all 2 asked).")


def test_an_empty_panel_is_said_in_words() -> None:
    empty = panel([])
    assert say_panel(empty) == "Nothing was asked, so there is nothing to say."
    assert "nothing to show" in panel_html(empty)
    assert "<table" not in panel_html(empty)
    assert "no findings to show" in findings_html([])


def fragments() -> list[str]:
    finding = Finding(f"{HOSTILE} {MONEY}", around(4, 0.5), grade=Grade.B, checks=(Check(HOSTILE, False, HOSTILE),))
    moves = [
        change(around(5, 0.3), around(4, 0.4), better="lower"),
        change(MISSING, around(4, 0.4), better="lower"),
    ]
    cells: list[tuple[str, dict[str, str], Answer]] = [
        ("hostile", {"model": HOSTILE}, around(4, 0.5)),
        ("latency", {"model": MONEY}, MISSING),
    ]
    return [
        answer_html(MISSING),
        answer_html(around(4, 0.5)),
        findings_html(finding),
        findings_html([finding, Finding(LONG, MISSING)]),
        panel_html(panel(cells, by=("model",))),
        change_html(moves[0], title=HOSTILE),
        change_html(moves[1], title=f'" onmouseover="{HOSTILE}'),
    ]


@pytest.mark.parametrize("fragment", fragments())
def test_every_fragment_is_escaped_balanced_and_kept_from_mathjax(fragment: str) -> None:
    reader = read(fragment)
    assert "script" not in reader.tags
    assert re.match(r'<div class="ms-[a-z]+ mathjax_ignore"', fragment)
    assert "color:" not in fragment.replace("currentColor", "")  # colours are inherited: a dark theme stays dark


def test_hostile_text_is_read_as_it_was_written() -> None:
    assert HOSTILE in read(findings_html(Finding(HOSTILE, MISSING))).text
    assert MONEY in read(findings_html(Finding(MONEY, MISSING))).text
    assert LONG in read(findings_html(Finding(LONG, MISSING))).text
    assert escape("\"'&") == "&quot;&#x27;&amp;"


def test_an_answer_shows_number_interval_and_n() -> None:
    assert plain(read(answer_html(around(4, 0.5))).text) == "4.00 s 95 % interval 3.50 to 4.50 s · n = 100 · mean"
    census = Estimate(12, unit="count", n=12, method="census")
    assert read(answer_html(census)).text == "12 counted in full (n = 12)"


def test_a_refusal_spans_the_numbers_in_words() -> None:
    fragment = findings_html(Finding("Trust", Refusal(Reason.NO_DATA, "no rows", "Load feedback.")))
    assert 'colspan="3"' in fragment
    assert "Cannot say: no rows. Load feedback." in read(fragment).text


def test_a_change_says_good_and_bad_in_words_beside_the_arrow() -> None:
    text = plain(read(change_html(change(around(5, 0.3), around(4, 0.4), better="lower"))).text)
    assert "↓ −20.0 % · better (−1.50 to −0.500 s)" in text
    text = plain(read(change_html(change(around(5, 0.3), around(4, 0.4), better="higher"))).text)
    assert "↓ −20.0 % · worse" in text
    assert "↑" not in text


def test_a_table_says_its_one_level_in_the_head_and_mixed_levels_in_the_cells() -> None:
    one = Finding("a", around(4, 0.5))
    assert "95 % interval" in plain(read(findings_html(one)).text)
    other = Finding("b", Estimate(4, unit="s", n=9, method="mean", low=3, high=5, level=0.9))
    text = plain(read(findings_html([one, other])).text)
    assert "90 % interval 3.00 to 5.00 s" in text
    assert "95 % interval 3.50 to 4.50 s" in text


def test_a_course_shows_as_blocks_with_a_dot_where_no_number_is() -> None:
    answers = [around(1, 0.1), MISSING, around(8, 0.1)]
    days = [datetime(2026, 7, 6, tzinfo=UTC) + timedelta(weeks=week) for week in range(3)]
    cells: list[tuple[str, dict[str, str], Answer]] = [
        ("latency", {"period": day.date().isoformat()}, answer) for day, answer in zip(days, answers, strict=True)
    ]
    assert "▁·█" in panel_html(panel(cells, grain="week"))
    flat: list[tuple[str, dict[str, str], Answer]] = [("latency", c[1], around(2, 0.1)) for c in cells]
    assert "▄▄▄" in panel_html(panel(flat, grain="week"))


def test_a_long_table_says_how_many_rows_it_leaves_out() -> None:
    many = [Finding(str(number), around(4, 0.5)) for number in range(230)]
    assert "30 more rows are not shown" in read(findings_html(many)).text


def test_values_show_themselves() -> None:
    shown = panel([("latency", {}, around(4, 0.5))])
    assert shown._repr_html_() == panel_html(shown)
    assert shown.say() == say_panel(shown)
    assert MISSING._repr_html_() == answer_html(MISSING)
