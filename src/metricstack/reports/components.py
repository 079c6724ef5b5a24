"""The pieces that a report is built of: cards, tables, badges, notes. Each takes text and escapes it.

They know no metric and no sentence; whoever calls them has the words from `narrative`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Refusal
from metricstack.reports.html import Html, element

__all__ = ["Tone", "badge", "card", "cards", "finding", "headline", "layer", "note", "provenance", "refusal", "table"]

Tone = Literal["good", "bad", "neutral", "unknown"]
_SHORT = 10  # characters that a card shows large without breaking them
_TONES = ("good", "bad", "neutral", "unknown")


def badge(text: str, tone: Tone = "neutral") -> Html:
    """Mark something in one or two words; the words carry the meaning, the colour only helps.

    Raises:
        InvalidInput: an unknown tone, or no words.

    Example:
        >>> str(badge("better", "good"))
        '<span class="ms-badge ms-good">better</span>'
    """
    if tone not in _TONES or not text.strip():
        raise InvalidInput(f"A badge has words and one of the tones {', '.join(_TONES)}; got {text!r}, {tone!r}.")
    return element("span", text, kind=f"ms-badge ms-{tone}")


def headline(sentence: str, points: Iterable[str | Html] = ()) -> Html:
    """Give the answer in one sentence, with what supports it below."""
    points = list(points)
    below = element("ul", *(element("li", point) for point in points)) if points else None
    return element("div", element("p", sentence), below, kind="ms-headline")


def card(
    label: str,
    value: str,
    *,
    interval: str = "",
    change: str = "",
    tone: Tone = "neutral",
    verdict: str = "",
    target: str = "",
    target_tone: Tone = "neutral",
    note: str = "",
) -> Html:
    """Show one number: what it is, how sure, how it moved and whether that is good, and its target.

    Args:
        label: What was measured.
        value: The number as written, or a dash where it was refused.
        interval: How sure: ``"4.10 to 4.33 s"``.
        change: The change against the previous period, as written: ``"−1.2 pp"``.
        tone: Colour of the verdict.
        verdict: The verdict in a word: ``"better"``, ``"worse"``, ``"no clear change"``.
        target: The target and whether it is met, in words.
        target_tone: Colour of the target.
        note: Anything that a reader must know, such as why it was refused.
    """
    moved = None
    if change or verdict:
        moved = element(
            "p", change, " " if change else None, badge(verdict, tone) if verdict else None, kind="ms-change"
        )
    return element(
        "div",
        element("p", label, kind="ms-label"),
        element("p", value, kind="ms-value" if len(value) <= _SHORT else "ms-value ms-long"),
        element("p", interval, kind="ms-interval") if interval else None,
        moved,
        element("p", target, kind=f"ms-target ms-{target_tone}") if target else None,
        element("p", note, kind="ms-small") if note else None,
        kind="ms-card",
    )


def cards(*items: Html) -> Html:
    """Lay cards side by side, as many as fit."""
    return element("div", *items, kind="ms-cards")


def layer(title: str, *children: str | Html, about: str = "", kind: str = "") -> Html:
    """Group what belongs to one layer: a heading, one line about it, and its pieces.

    Args:
        title: The heading.
        children: Its pieces; text becomes a paragraph.
        about: One line on what the layer says.
        kind: A colour of the four layers: ``"business"``, ``"experience"``, ``"reliability"``, ``"cost"``.
    """
    return element(
        "section",
        element("h3", title),
        element("p", about, kind="ms-about") if about else None,
        *(child if isinstance(child, Html) else element("p", child) for child in children),
        kind=f"ms-layer ms-layer-{kind}" if kind else "ms-layer",
    )


def finding(text: str | Html, *, tone: Tone = "neutral", label: str = "") -> Html:
    """Say one finding, with a word on what kind it is."""
    mark = badge(label, tone) if label else None
    return element("p", mark, " " if label else None, text, kind=f"ms-finding ms-{tone}")


def note(text: str | Html) -> Html:
    """Say what a reader should know on the side."""
    return element("p", text, kind="ms-note")


def refusal(answer: Refusal | str, *, question: str = "") -> Html:
    """Say calmly what cannot be said, and what would help.

    Example:
        >>> str(refusal("no incidents table", question="MTTR"))
        '<p class="ms-refusal"><strong>MTTR</strong> cannot be said: no incidents table.</p>'
    """
    detail, remedy = (answer.detail, answer.remedy) if isinstance(answer, Refusal) else (answer, "")
    opening = (element("strong", question), " cannot be said: ") if question else ("Cannot be said: ",)
    return element("p", *opening, f"{detail.rstrip('.')}.", f" {remedy}" if remedy else None, kind="ms-refusal")


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    caption: str = "",
    numeric: Iterable[str] = (),
    stack: bool = True,
) -> Html:
    """Lay rows out as a table; on a phone each row becomes a small block of its own.

    Args:
        columns: Headings.
        rows: One cell per column; text or `Html`.
        caption: What the table shows.
        numeric: Columns to set flush right.
        stack: False where rows must stay comparable side by side: the table then scrolls.

    Raises:
        InvalidInput: a row of another length.
    """
    right = set(numeric)
    body = []
    for row in rows:
        if len(row) != len(columns):
            raise InvalidInput(f"A table of {len(columns)} columns got a row of {len(row)} cells: {list(row)!r}.")
        cells = [
            element(
                "th" if number == 0 else "td",
                cell,
                attributes={"scope": "row"} if number == 0 else {"data-label": column},
                kind="ms-number" if column in right else "",
            )
            for number, (column, cell) in enumerate(zip(columns, row, strict=True))
        ]
        body.append(element("tr", *cells))
    heads = (
        element("th", column, attributes={"scope": "col"}, kind="ms-number" if column in right else "")
        for column in columns
    )
    inner = element(
        "table",
        element("caption", caption) if caption else None,
        element("thead", element("tr", *heads)),
        element("tbody", *body),
        kind="ms-table ms-stack" if stack else "ms-table",
    )
    return element("div", inner, attributes={"tabindex": "0"} if not stack else None, kind="ms-scroll")


def provenance(items: Mapping[str, object]) -> Html:
    """List where things came from: a name and what stands for it, in small print."""
    pairs = (element("div", element("dt", name), element("dd", value)) for name, value in items.items())
    return element("dl", *pairs, kind="ms-provenance")
