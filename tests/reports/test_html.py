"""What `html` and `components` promise: text is escaped wherever it enters, and no element can run or load anything."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metricstack.core.errors import InvalidInput
from metricstack.core.show import TRUSTED
from metricstack.core.values import Estimate, Reason, Refusal
from metricstack.reports import (  # fmt: skip
    badge,
    card,
    cards,
    element,
    finding,
    fragment,
    headline,
    layer,
    note,
    provenance,
    refusal,
    show,
    table,
)
from metricstack.reports.html import Html

EVIL = "<script>alert('1')</script> & \"quoted\""


class Seen(HTMLParser):
    """Collects the tags, attributes and text that a browser would see."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.words += data


def test_an_element_escapes_its_text_and_its_attributes() -> None:
    written = str(element("p", EVIL, attributes={"title": EVIL}, kind="a"))
    assert written == (
        '<p class="a" title="&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt; &amp; &quot;quoted&quot;">'
        "&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt; &amp; &quot;quoted&quot;</p>"
    )


def test_an_html_child_goes_in_as_it_is_and_none_is_left_out() -> None:
    assert str(element("p", Html("<b>x</b>"), None, 3)) == "<p><b>x</b>3</p>"


@given(st.text())
def test_a_browser_reads_back_exactly_the_text_that_went_in(text: str) -> None:
    # A parser turns carriage returns and null characters into something else by the rules of HTML; nothing else.
    plain = text.replace("\r", "").replace("\x00", "")
    seen = Seen(str(element("p", plain)))
    assert (seen.tags, seen.words) == (["p"], plain)


def test_no_component_lets_a_tag_through() -> None:
    whole = fragment(
        [
            headline(EVIL, [EVIL]),
            cards(card(EVIL, EVIL, interval=EVIL, change=EVIL, verdict=EVIL, target=EVIL, note=EVIL)),
            layer(EVIL, EVIL, finding(EVIL, label=EVIL), about=EVIL),
            note(EVIL),
            refusal(Refusal(Reason.NO_DATA, EVIL, EVIL), question=EVIL),
            table([EVIL, "b"], [[EVIL, EVIL]], caption=EVIL),
            provenance({EVIL: EVIL}),
            badge(EVIL, "bad"),
        ]
    )
    assert "script" not in Seen(str(whole)).tags


def test_a_card_says_in_words_what_its_colour_says() -> None:
    words = Seen(str(card("Latency", "4.21 s", change="+0.42 s", verdict="worse", tone="bad"))).words
    assert "worse" in words


def test_a_table_names_each_cell_for_a_phone_and_heads_its_rows_and_columns() -> None:
    seen = Seen(str(table(["Use case", "Value"], [["support", "73.6 %"]], numeric=["Value"])))
    assert ("data-label", "Value") in seen.attributes
    assert ("scope", "col") in seen.attributes
    assert ("scope", "row") in seen.attributes


def test_a_refusal_says_why_and_what_would_help() -> None:
    said = Seen(str(refusal(Refusal(Reason.MISSING_TABLE, "there is no table incidents", "Load it."), question="MTTR")))
    assert said.words == "MTTR cannot be said: there is no table incidents. Load it."


def test_a_notebook_gets_the_mark_that_a_report_trusts() -> None:
    bundle = element("p", "x")._repr_mimebundle_()
    assert bundle["text/html"] == '<div class="mathjax_ignore"><p>x</p></div>'
    assert TRUSTED in bundle


def test_values_of_ours_carry_the_mark_too() -> None:
    bundle = Estimate(0.5, unit="fraction", n=9, method="census")._repr_mimebundle_()
    assert TRUSTED in bundle
    assert "50" in bundle["text/html"]


def test_show_takes_values_of_ours_and_escapes_the_rest() -> None:
    assert "50" in str(show(Estimate(0.5, unit="fraction", n=9, method="census")))
    assert Seen(str(show(EVIL))).tags == ["pre"]
    assert show(Html("<b>x</b>")) == Html("<b>x</b>")


@pytest.mark.parametrize("name", ["script", "style", "iframe", "form", "img", "object", "p onclick=x"])
def test_a_tag_that_runs_or_loads_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="A report has no <"):
        element(name, "x")


@pytest.mark.parametrize("key", ["onclick", "style", "src", "srcset", "x y", 'a"b'])
def test_an_attribute_that_runs_or_loads_is_refused(key: str) -> None:
    with pytest.raises(InvalidInput, match="no attribute"):
        element("p", "x", attributes={key: "1"})


@pytest.mark.parametrize("address", ["https://example.com", "javascript:alert(1)", "//x", "data:text/html,x"])
def test_a_link_that_leaves_the_page_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput, match="leads outside"):
        element("a", "x", attributes={"href": address})


def test_a_badge_without_words_and_a_row_too_short_are_refused() -> None:
    with pytest.raises(InvalidInput, match="words"):
        badge(" ", "good")
    with pytest.raises(InvalidInput, match="2 columns got a row of 1"):
        table(["a", "b"], [["x"]])
