"""What the SVG promises: width, text as text, ticks as `core.units` writes, safe, named, the same every time."""

import re
from functools import cache
from typing import Any
from xml.etree import ElementTree

import altair as alt
import pytest

from metricstack import charts
from metricstack.charts import theme
from metricstack.charts.axes import round_ticks
from metricstack.core.units import write
from metricstack.core.values import Estimate
from tests.charts.gallery import HOSTILE, LONG, MONEY, NAMES, WEEKS, around, picture

SVG = "{http://www.w3.org/2000/svg}"


@cache
def drawn(name: str, width: Any) -> str:
    return charts.svg(picture(name), width=width)


def texts(shown: str) -> list[str]:
    root = ElementTree.fromstring(shown)
    return ["".join(node.itertext()) for node in root.iter(f"{SVG}text")]


@pytest.mark.parametrize(("width", "pixels"), [("wide", 720), ("narrow", 350)])
@pytest.mark.parametrize("name", ["trend", "trends", "dots", "cost", "timeline", "panel over time", "words"])
def test_a_picture_has_the_width_that_was_asked_and_legible_text(name: str, width: str, pixels: int) -> None:
    shown = drawn(name, width)
    outside = float(re.search(r'<svg[^>]* width="([\d.]+)"', shown).group(1))  # type: ignore[union-attr]
    assert pixels - 8 <= outside <= pixels
    sizes = [float(size) for size in re.findall(r'font-size="([\d.]+)px"', shown)]
    assert min(sizes) >= 11
    assert texts(shown)


def test_every_picture_is_well_formed_and_asks_the_network_for_nothing() -> None:
    for name in NAMES:
        shown = drawn(name, "narrow")
        root = ElementTree.fromstring(shown)
        assert not {node.tag for node in root.iter()} & {f"{SVG}script", f"{SVG}image", f"{SVG}foreignObject"}
        assert set(re.findall(r'https?://[^"\s<]+', shown)) <= {
            "http://www.w3.org/2000/svg",
            "http://www.w3.org/1999/xlink",
        }


def test_hostile_names_are_text() -> None:
    seen = texts(drawn("dots", "wide"))
    assert HOSTILE in seen
    assert MONEY in seen
    assert "<script" not in drawn("dots", "wide")


def test_a_long_title_is_wrapped_not_cut() -> None:
    joined = re.sub(r"\s+", " ", "".join(ElementTree.fromstring(drawn("dots", "narrow")).itertext()))
    assert joined.count("a very long name") >= LONG.count("a very long name")


def test_the_picture_is_named_by_its_description() -> None:
    shown = drawn("trend", "wide")
    root = ElementTree.fromstring(shown)
    title = root.find(f"{SVG}title")
    assert root.get("role") == "img"
    assert title is not None
    assert root.get("aria-labelledby") == title.get("id")
    assert (title.text or "").startswith("Latency. 4.00\u00a0s first")


def test_ink_is_the_colour_of_the_page() -> None:
    shown = drawn("trend", "wide")
    assert 'fill="currentColor"' in shown
    assert 'fill="white"' not in shown
    assert 'fill="#000"' not in shown


def test_the_same_input_gives_the_same_bytes_and_two_figures_share_no_id() -> None:
    clipped = alt.Chart(alt.InlineData(values=[{"a": 1, "b": 2}])).mark_line(clip=True).encode(x="a:Q", y="b:Q")
    first, again = charts.svg(clipped), charts.svg(clipped)
    assert first == again
    assert "clip-path" in first
    other = charts.svg(clipped.properties(height=50))
    ids = [set(re.findall(r'\bid="([^"]+)"', shown)) for shown in (first, other)]
    assert ids[0]
    assert not ids[0] & ids[1]
    for shown, own in zip((first, other), ids, strict=True):
        assert set(re.findall(r"url\(#([^)]+)\)", shown)) <= own


@pytest.mark.parametrize(
    ("values", "unit", "expected"),
    [
        ([0.9, 0.95], "fraction", [0.9, 0.92, 0.94]),
        ([0.31, 0.62], "s", [0.4, 0.5, 0.6]),
        ([62.0, 300.0], "s", [120.0, 180.0, 240.0, 300.0]),
        ([120_000.0, 250_000.0], "USD", [140_000.0, 160_000.0, 240_000.0]),
        ([3.1e6, 5.2e6], "EUR", [4e6, 5e6]),
        ([100.0, 350.0], "count", [150.0, 250.0]),
    ],
)
def test_ticks_are_the_numbers_that_units_write(values: list[float], unit: str, expected: list[float]) -> None:
    points = [
        charts.Point(day, Estimate(value, unit=unit, n=9, method="census"))
        for day, value in zip(WEEKS, values, strict=False)
    ]
    labels = [_number(text) for text in texts(charts.svg(charts.trend(points, unit)))]
    for tick in expected:
        assert _number(write(tick, unit)) in labels, (tick, labels)


def _number(text: str) -> str:
    """Drop trailing zeros of the decimals: a tick and a number differ in nothing else."""
    return re.sub(r"(\.\d*?)0+(?=\D|$)", r"\1", text).replace(".\u00a0", "\u00a0").removesuffix(".").replace(".k", "k")


def test_round_ticks_by_hand() -> None:
    assert round_ticks(0, 10) == ([0, 2, 4, 6, 8, 10], 0)
    assert round_ticks(-0.17, 0.07) == ([-0.15, -0.1, -0.05, 0.0, 0.05], 2)
    assert round_ticks(0, 0.99, 1) == ([0.0], 0)


def test_effects_around_zero_have_signs_and_a_plain_zero() -> None:
    seen = texts(charts.svg(charts.change_dots([charts.Row("a", around(0.01, 0.03, "fraction"))], "fraction")))
    assert "+2\u00a0points" in seen
    assert "−2\u00a0points" in seen
    assert "0\u00a0points" in seen


def test_a_figure_brings_both_widths_and_an_escaped_caption() -> None:
    figure = charts.figure_html(picture("trend"), f"{HOSTILE} {MONEY}")
    assert figure.startswith('<figure class="ms-figure mathjax_ignore">')
    assert figure.count("<svg class") + figure.count("<svg ") >= 2
    assert '<div class="ms-wide"><svg' in figure
    assert '<div class="ms-narrow"><svg' in figure
    assert "<figcaption>&lt;script&gt;alert(1)&lt;/script&gt; $1 and $2</figcaption>" in figure
    assert "figcaption" not in charts.figure_html(picture("words"))


def test_a_notebook_shows_a_chart_as_inline_svg() -> None:
    with alt.renderers.enable("default"), alt.theme.enable("default"):
        charts.enable()
        charts.enable()
        assert alt.renderers.active == theme.NAME
        bundle = picture("trend")._repr_mimebundle_()
    bundle = bundle[0] if isinstance(bundle, tuple) else bundle
    assert bundle["text/html"].startswith('<figure class="ms-figure')
    assert bundle["text/plain"].startswith("Latency. ")
    assert "<script" not in bundle["text/html"]


def test_a_renderer_chosen_by_the_user_stays() -> None:
    charts.chart_words("first")
    with alt.renderers.enable("json"):
        charts.chart_words("second")
        assert alt.renderers.active == "json"


def test_a_character_that_xml_cannot_hold_is_shown_and_ends_no_process() -> None:
    # The renderer aborts the process at such a character: this test would not fail but end the run.
    rows = [charts.Row(f"a\x1b[31m\x00{name}\uffff\n", around(value, 0.1)) for name, value in (("b", 1.0), ("c", 2.0))]
    shown = charts.svg(charts.interval_dots(rows, "s", title="of \x08"))
    ElementTree.fromstring(shown)
    assert any(text.startswith("a␛[31m␀b\ufffd") for text in texts(shown))
    assert "of ␈" in texts(shown)


def test_a_title_of_5000_wide_letters_leaves_the_picture_its_width() -> None:
    rows = [charts.Row("a", around(1.0, 0.1)), charts.Row("b", around(2.0, 0.1))]
    shown = charts.svg(charts.interval_dots(rows, "s", title="W" * 5000), width="narrow")
    track = re.search(r'class="mark-rule[^>]*>.*?x2="([\d.]+)"', shown)
    assert float(track.group(1)) > 0.75 * 350  # type: ignore[union-attr]  # of 350 px; it was 40
    assert sum("WWW" in text for text in texts(shown)) <= 2  # the title's lines are one text, the name another
