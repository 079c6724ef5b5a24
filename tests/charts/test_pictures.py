"""What every picture promises: fields that exist, words for refusals, few rows, one unit per axis, no empty frame.

The renderer says nothing about an encoding whose field is not in the data; the lint here does.
"""

import json
import re
from datetime import date
from functools import cache
from typing import Any

import pytest

from metricstack import charts
from metricstack.charts.panels import period_start
from metricstack.core.errors import InvalidInput
from metricstack.core.values import Estimate, Finding, Provenance, Reason, Refusal
from tests.charts.gallery import HOSTILE, NAMES, QUARTER, REFUSED, WEEKS, around, definition, panel, picture


@cache
def spec(name: str) -> dict[str, Any]:
    drawn: dict[str, Any] = picture(name).to_dict()
    return drawn


def views(node: dict[str, Any], data: Any = None) -> list[tuple[dict[str, Any], Any]]:
    """Return every view with a mark, beside the data that it draws."""
    data = node.get("data", data)
    children = [child for kind in ("layer", "concat", "hconcat", "vconcat") for child in node.get(kind, [])]
    return [(node, data)] if not children else [found for child in children for found in views(child, data)]


def rows_of(data: dict[str, Any], whole: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = data["values"] if "values" in data else whole["datasets"][data["name"]]
    return rows


def texts(name: str) -> str:
    """Return all text that a picture's data carry."""
    whole = spec(name)
    return " ".join(json.dumps(rows_of(data, whole), ensure_ascii=False) for _, data in views(whole))


@pytest.mark.parametrize("name", NAMES)
def test_every_encoded_field_is_in_the_data(name: str) -> None:
    whole = spec(name)
    seen = 0
    for view, data in views(whole):
        rows = rows_of(data, whole)
        assert rows, "a layer without rows"
        for channel, encoding in view.get("encoding", {}).items():
            if "field" in encoding:
                seen += 1
                assert all(encoding["field"] in row for row in rows), f"{channel}: {encoding['field']}"
    assert seen >= 2


@pytest.mark.parametrize("name", NAMES)
def test_no_number_in_a_picture_is_infinite_or_missing(name: str) -> None:
    json.dumps(spec(name), allow_nan=False)


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_describes_itself_in_words(name: str) -> None:
    assert len(spec(name)["description"]) > 10
    assert "−0.0\u00a0%" not in json.dumps(spec(name), ensure_ascii=False)


def test_a_gap_ends_one_line_and_begins_another() -> None:
    whole = spec("trend")
    line = next(rows_of(data, whole) for view, data in views(whole) if view["mark"]["type"] == "line")
    assert len(line) == len(WEEKS) - 1
    assert len({row["run"] for row in line}) == 2


def test_refused_periods_are_said_under_the_title() -> None:
    assert spec("trend")["title"]["subtitle"] == [
        "lower is better, target 4.00\u00a0s (dashed)",
        "No number for 1 of 13 weeks: no data (1)",
    ]


def test_a_target_far_away_is_said_but_does_not_press_the_course_flat() -> None:
    assert "target 6.67\u00a0min (off the scale)" in json.dumps(spec("single"), ensure_ascii=False)
    assert '"target":' not in json.dumps(spec("single"))


def test_a_refused_row_stays_in_the_picture_in_words() -> None:
    assert "cannot say: no data" in texts("dots")
    assert "cannot say: no data" in texts("changes")


def test_an_open_interval_ends_in_a_tip() -> None:
    marks = [view["mark"] for view, _ in views(spec("dots"))]
    assert sorted(m["angle"] for m in marks if m.get("shape") == "triangle-up") == [90, 270]


def test_rows_stand_in_the_order_of_their_values_refusals_last() -> None:
    whole = spec("panel by region")
    label = next(rows_of(data, whole) for view, data in views(whole) if view["mark"].get("dy") == -17)
    assert [row["label"] for row in label] == [HOSTILE, "eu", "us"]


def test_effects_say_better_or_worse_in_words() -> None:
    rows = [
        charts.Row("faster", around(-0.1, 0.02, "fraction"), "lower"),
        charts.Row("dearer", around(0.1, 0.02, "fraction"), "lower"),
        charts.Row("unsure", around(0.01, 0.02, "fraction"), "lower"),
        charts.Row("nothing", Estimate(0.0, unit="fraction", n=9, method="census"), "lower"),
    ]
    points = json.dumps(charts.change_dots(rows, "fraction").to_dict(), ensure_ascii=False)
    for words in ("−10.0\u00a0points, better", "+10.0\u00a0points, worse", "+1.0\u00a0points, unclear"):
        assert words in points
    assert "±0.0\u00a0points, unclear" in points
    relative = json.dumps(charts.change_dots(rows, "fraction", relative=True).to_dict(), ensure_ascii=False)
    assert "+10.0\u00a0%, worse" in relative


def test_parts_beyond_the_largest_six_are_drawn_as_other_and_lose_nothing() -> None:
    whole = spec("cost")
    bars = next(rows_of(data, whole) for view, data in views(whole) if view["mark"]["type"] == "bar")
    assert {row["part"] for row in bars} >= {"other"}
    assert len({row["part"] for row in bars}) == 7
    assert sum(row["value"] for row in bars) == 9 * 1000.0 * (7 + 8 + 9)


def test_an_open_incident_is_drawn_to_the_end_of_the_window_and_called_open() -> None:
    whole = spec("timeline")
    rows = rows_of(views(whole)[0][1], whole)
    assert [(row["end"], row["words"]) for row in rows] == [
        ("2026-07-05T09:00:00Z", "9.00\u00a0h"),
        ("2026-10-01T00:00:00Z", "open"),
    ]


@pytest.mark.parametrize(
    ("nothing", "words"),
    [
        (lambda: charts.trend([], "s", title="T"), "Nothing was measured."),
        (lambda: charts.trend([charts.Point(WEEKS[0], REFUSED)], "s"), "Cannot say: no rows in this week. Load"),
        (lambda: charts.interval_dots([], "s"), "There is nothing to compare."),
        (lambda: charts.interval_dots([charts.Row("a", REFUSED)] * 2, "s"), "Cannot say for any of 2 rows: no rows"),
        (lambda: charts.change_dots([], "s"), "No change was measured."),
        (lambda: charts.stacked_cost([], "USD"), "No cost was recorded."),
        (lambda: charts.timeline([], window=QUARTER), "Nothing happened in 2026Q3."),
        (lambda: charts.chart_findings([]), "There are no findings to draw."),
        (lambda: charts.chart_panel(panel([], [])), "Nothing was asked, so there is nothing to draw."),
    ],
)
def test_nothing_to_draw_is_said_in_words(nothing: Any, words: str) -> None:
    drawn = nothing().to_dict()
    assert drawn["mark"]["type"] == "text"
    assert words in drawn["description"]


def test_more_than_four_groups_stand_each_in_their_own_frame() -> None:
    assert len(spec("panel of six")["concat"]) == 6


def test_many_rows_are_cut_and_the_picture_says_so() -> None:
    rows = [charts.Row(str(number), around(number, 1)) for number in range(100)]
    whole = charts.interval_dots(rows, "s", title="Many").to_dict()
    assert whole["title"]["subtitle"] == ["30 of 100 shown, largest first"]


def test_too_many_rows_are_refused_with_the_way_out() -> None:
    with pytest.raises(InvalidInput, match=r"5,001 points are too many .* coarser grain"):
        charts.trend([charts.Point(WEEKS[0], around(1, 0.1))] * 5001, "s")


def test_one_axis_has_one_unit() -> None:
    with pytest.raises(InvalidInput, match="in 's', one of its rows in 'USD'"):
        charts.interval_dots([charts.Row("a", around(1, 0.1, "USD"))], "s")


def test_a_stack_cannot_show_a_negative_part() -> None:
    with pytest.raises(InvalidInput, match=r"cannot show −\$5\.00 of 'refund'"):
        charts.stacked_cost([charts.Part(date(2026, 7, 1), "refund", -5.0)], "USD")


@pytest.mark.parametrize(
    ("name", "begins"),
    [("2026-07-06", date(2026, 7, 6)), ("2026-07", date(2026, 7, 1)), ("2026Q3", QUARTER.start), ("", QUARTER.start)],
)
def test_a_period_begins_on_its_date_else_where_its_window_does(name: str, begins: Any) -> None:
    finding = Finding("", REFUSED, where=(("period", name),), provenance=Provenance(window=QUARTER))
    assert period_start(finding) == begins


def test_a_panel_says_what_no_group_could_answer() -> None:
    missing = Refusal(Reason.MISSING_TABLE, "there is no table 'feedback'", "Load feedback.")
    drawn = charts.chart_panel(panel([Finding("trust", missing, subject="trust")], [definition("trust")], grain="week"))
    assert drawn.to_dict()["description"] == "Trust. Cannot say: there is no table 'feedback'. Load feedback."


def test_values_draw_themselves() -> None:
    finding = Finding("Latency", around(4, 0.3))
    assert finding.chart().to_dict() == charts.chart_findings(finding).to_dict()


def test_every_time_axis_names_the_year() -> None:
    for name in ("trend", "cost", "timeline", "panel over time"):
        expressions = re.findall(r'"labelExpr": "([^"]*utcFormat[^"]*)"', json.dumps(spec(name)))
        assert expressions
        assert all("%Y" in expression for expression in expressions)
