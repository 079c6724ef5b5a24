"""What pictures of linkage promise: no name is crossed, verdicts and grades are told apart, one scale."""

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from metricstack import charts
from metricstack.charts.graph import HALF, laid_out, routed, wrapped_name
from metricstack.charts.theme import ACCENT, BAD, GOOD, MUTED
from metricstack.core.errors import InvalidInput
from metricstack.linkage import Ledger, LinkageMap, Rung, Trial, linkage_map
from tests.charts.gallery import picture
from tests.charts.test_pictures import rows_of, spec, views
from tests.linkage import maps


def marks(name: str, kind: str) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    whole = spec(name)
    return [(view["mark"], rows_of(data, whole)) for view, data in views(whole) if view["mark"]["type"] == kind]


def edges_of(name: str) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    return [(mark, rows) for mark, rows in marks(name, "line") if len(rows) > 2]


# The map


def test_metrics_stand_in_the_columns_of_their_layers() -> None:
    shares = {row["text"]: row["x"] for _, rows in marks("map", "text") for row in rows}
    assert shares["Latency p95"] == 0
    assert shares["Relevance"] == 0.5
    assert shares["Conversion"] == 1


def test_a_map_without_a_layer_has_no_empty_column() -> None:
    shares = {row["text"]: row["x"] for _, rows in marks("map of one edge", "text") for row in rows}
    assert (shares["Relevance"], shares["Conversion"]) == (0, 1)
    assert "Cost, reliability" not in shares


def test_colour_is_the_verdict_and_dash_the_grade() -> None:
    looks = {(rows[0]["colour"], tuple(mark["strokeDash"])[1] == 0) for mark, rows in edges_of("map")}
    # Of the five edges the supported one is of grade A, so solid; the others are dashed.
    assert looks == {(GOOD, True), (BAD, False), (MUTED, False)}


def test_an_edge_is_as_wide_as_its_effect_is_large_and_refusals_are_faint() -> None:
    # By hand: 0.008 / 0.005 = 1.6 smallest effects, 0.004 / 0.005 = 0.8; width is 1.3 and 0.9 for each.
    widths = {rows[0]["colour"]: mark["strokeWidth"] for mark, rows in edges_of("map") if rows[0]["strength"] > 0.9}
    assert widths == {GOOD: 2.7, BAD: 2.0}
    assert {rows[0]["strength"] for _, rows in edges_of("map of refusals")} == {0.35}


def test_every_edge_begins_and_ends_beside_its_names() -> None:
    pairs = [("a", "b"), ("b", "c"), ("a", "c"), ("c", "a"), ("b", "d")]
    places, _ = laid_out({"a": 0, "b": 1, "c": 2, "d": 1}, pairs)
    for (cause, effect), lane in zip(pairs, routed(places, pairs, 3), strict=True):
        (start, _, first), (end, _, last) = lane.points[0], lane.points[-1]
        assert start == places[cause].column / 2
        assert end == places[effect].column / 2
        assert abs(first - places[cause].y) <= 4
        assert abs(last - places[effect].y) <= 4


@pytest.mark.parametrize("width", [340, 700])
def test_an_edge_over_a_column_goes_between_its_names(width: int) -> None:
    middle = ("m1", "m2", "m3")
    pairs = [("a", "z"), *(("a", name) for name in middle), *((name, "z") for name in middle)]
    places, _ = laid_out({"a": 0, "z": 2} | dict.fromkeys(middle, 1), pairs)
    lane = routed(places, pairs, 3)[0]
    for share, shift, y in lane.points:
        if abs(share * width + shift - width / 2) < HALF:
            assert all(abs(y - places[name].y) >= 20 for name in middle)


def test_names_are_placed_apart_from_each_other() -> None:
    columns = {f"m{i}": i % 3 for i in range(30)}
    places, height = laid_out(columns, [(f"m{i}", f"m{i + 1}") for i in range(29)])
    for column in range(3):
        heights = sorted(place.y for place in places.values() if place.column == column)
        assert min(b - a for a, b in pairwise(heights)) > 3 * 14
        assert heights[0] > 0
        assert heights[-1] < height


def test_a_long_name_is_cut_and_says_so() -> None:
    lines = wrapped_name("a very long name " * 20)
    assert len(lines) == 3
    assert lines[-1].endswith("…")
    assert all(len(line) <= 13 for line in lines)


def test_more_edges_than_can_be_told_apart_are_cut_and_the_map_says_so() -> None:
    found = linkage_map([(maps.hypothesis("relevance", f"m{i}"), [maps.said(0.01, 0.001)]) for i in range(70)])
    whole = charts.chart_map(found).to_dict()
    assert whole["title"]["subtitle"][1] == "60 of 70 edges shown, those found first"


def test_a_map_without_edges_is_said_in_words() -> None:
    empty = LinkageMap((), maps.one().ledger, "", 0.05, 0.95)
    assert empty.chart().to_dict()["mark"]["type"] == "text"


def test_a_map_says_in_words_what_it_shows() -> None:
    assert "Relevance to Conversion rate: supported, grade A" in spec("map")["description"]


# One edge


def test_a_rung_that_fails_is_hollow_grey_and_named() -> None:
    hollow = [rows for mark, rows in marks("edge that is open", "point") if mark["filled"] is False]
    assert [(row["colour"], row["label"]) for row in hollow[0]] == [(MUTED, "C  Panel, fails future placebo")]


def test_the_rung_that_decides_is_named_and_stands_on_top() -> None:
    rows = next(rows for mark, rows in marks("edge", "text") if mark.get("dy") == -17)
    assert rows[0]["label"] == "A  Portfolio of tests, decides"
    assert "cannot say: too few units" in json.dumps(spec("edge"))


# Single rungs


def test_an_event_study_shows_both_bands_and_what_was_before_in_grey() -> None:
    points = next(rows for mark, rows in marks("rollout", "point"))
    assert {row["colour"] for row in points if row["at"] < 0} == {MUTED}
    assert {row["colour"] for row in points if row["at"] >= 0} == {ACCENT}
    assert all(row["band_low"] <= row["low"] <= row["value"] <= row["high"] <= row["band_high"] for row in points)
    fields = {(view["encoding"].get("x") or view["encoding"]["y"])["field"] for view, _ in views(spec("rollout"))}
    assert {"adopted", "zero"} <= fields


def test_a_lag_plot_has_every_lag_and_colours_the_one_that_is_shown() -> None:
    points = next(rows for mark, rows in marks("lags", "point"))
    assert [row["lag"] for row in points] == list(range(-7, 8))
    assert [row["lag"] for row in points if row["colour"] == ACCENT] == [2]
    assert "X precedes y by 2 days" in spec("lags")["description"]


def test_a_scatter_draws_the_raw_and_the_corrected_line() -> None:
    effects, _, found = maps.tests()
    raw = float(np.polyfit(effects[:, 0], effects[:, 1], 1)[0])  # numpy's own least squares
    lines = [rows for _, rows in marks("scatter", "line")]
    slopes = [(b["outcome"] - a["outcome"]) / (b["cause"] - a["cause"]) for a, b in lines]
    assert slopes == pytest.approx([raw, found.effect.value])
    assert len(next(rows for mark, rows in marks("scatter", "point"))) == 60


def test_a_scatter_says_what_does_not_fit() -> None:
    effects, covariances, found = maps.tests()
    with pytest.raises(InvalidInput, match=r"shape \(K, 2\)"):
        charts.portfolio_scatter(effects[:, :1], covariances, found)
    with pytest.raises(InvalidInput, match="missing"):
        charts.portfolio_scatter(effects * np.nan, covariances, found)


@pytest.mark.parametrize("rung", list(Rung))
def test_every_rung_has_a_name_in_pictures(rung: Rung) -> None:
    found = linkage_map([(maps.hypothesis("relevance", "conversion_rate"), [maps.said(0.01, 0.001, rung=rung)])])
    assert ", decides" in json.dumps(found.edges[0].chart().to_dict())


def test_hostile_names_are_text() -> None:
    shown = charts.figure_html(picture("map"))
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown


# What was tried


def test_a_ledger_is_drawn_by_rung_with_how_its_tests_ended_and_checks_after_the_rungs() -> None:
    # By hand: two portfolios, one decides; three panels end three ways; placebos of two rungs are one kind.
    ledger = Ledger((
        Trial("a -> b", "panel", "failed: rows", 0.2, 9), Trial("a -> b", "panel, future_placebo", "held", None, 9),
        Trial("a -> b", "portfolio", "decides", 0.01, 9), Trial("c -> b", "portfolio", "stands", 0.3, 9),
        Trial("c -> b", "panel", "refused: no_data"), Trial("d -> b", "panel", "decides", 0.01, 9),
        Trial("c -> b", "lead_lag, future_placebo", "failed", None, 9),
    ))  # fmt: skip
    whole = charts.chart_ledger(ledger).to_dict()
    told = {row["label"]: (row["words"], row["total"]) for data, _ in _data(whole) for row in data if "label" in row}
    assert told == {
        "Portfolio of tests": ("1 decide, 1 stand", "2"),
        "Panel": ("1 decide, 1 failed, 1 cannot say", "3"),
        "Future placebo": ("1 held, 1 failed", "2"),
    }
    assert list(told) == ["Portfolio of tests", "Panel", "Future placebo"]
    lengths = [(row["row"], row["to"] - row["from"]) for data, _ in _data(whole) for row in data if "from" in row]
    assert lengths == [(0, 1), (0, 1), (1, 1), (1, 1), (1, 1), (2, 1), (2, 1)]
    assert "7 tests of 3 edges" in whole["description"]


def _data(whole: dict[str, Any]) -> list[tuple[list[dict[str, Any]], str]]:
    """The rows of every layer that has its own, each set once."""
    sets = {id(one): one for one in whole.get("datasets", {}).values()} or {}
    own = [layer["data"]["values"] for layer in whole["layer"] if "values" in layer.get("data", {})]
    unique = {str(rows): rows for rows in (*sets.values(), *own)}
    return [(rows, key) for key, rows in unique.items()]
