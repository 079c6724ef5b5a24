"""HTML that is safe by construction: text is escaped where it enters, and only this module writes tags.

A model named ``<script>alert(1)</script>`` is text in the report, because nothing but an `Html` goes in unescaped,
and an `Html` is only made of escaped text (`element`) or by whoever vouches for it (`Html(...)`).
"""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from metricstack.core.errors import InvalidInput
from metricstack.core.show import TRUSTED

__all__ = ["Html", "element", "fragment", "show"]

_VOID = frozenset({"br", "hr", "col"})
_NAMES = frozenset(
    {
        "a", "aside", "b", "br", "caption", "code", "col", "colgroup", "dd", "details", "div", "dl", "dt", "em",
        "figcaption", "figure", "footer", "h1", "h2", "h3", "h4", "header", "hr", "li", "main", "nav", "ol", "p",
        "pre", "section", "small", "span", "strong", "sub", "summary", "sup", "table", "tbody", "td", "th", "thead",
        "tr", "ul",
    }
)  # fmt: skip


class Html:
    """A fragment of a page whose text is already escaped; a notebook shows it and a report takes it as it is.

    Args:
        text: The markup. Whoever calls this vouches for it: text from telemetry goes through `element` instead.

    Example:
        >>> str(Html("<b>bold</b>"))
        '<b>bold</b>'
    """

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Html({len(self.text):,} characters)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Html) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __add__(self, other: "Html") -> "Html":
        return Html(self.text + other.text)

    def _repr_html_(self) -> str:
        return f'<div class="mathjax_ignore">{self.text}</div>'

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": self._repr_html_(), TRUSTED: "escaped", "text/plain": repr(self)}


def element(name: str, *children: object, attributes: Mapping[str, str] | None = None, kind: str = "") -> Html:
    """Write one element; children that are not `Html` are escaped as text, None is left out.

    Args:
        name: A tag of plain document markup; scripts, styles, frames and forms are not among them.
        children: Text, numbers or `Html`.
        attributes: Attribute → value, escaped. An address may only lead within the page.
        kind: The element's classes.

    Raises:
        InvalidInput: a tag or an attribute that a report does not have.

    Example:
        >>> str(element("p", "a < b ", element("b", "& c"), kind="ms-note"))
        '<p class="ms-note">a &lt; b <b>&amp; c</b></p>'
    """
    if name not in _NAMES:
        raise InvalidInput(f"A report has no <{name}>. It has: {', '.join(sorted(_NAMES))}.")
    written = {"class": kind} if kind else {}
    for key, value in (attributes or {}).items():
        if key in {"src", "style", "srcset"} or key.startswith("on") or not key.replace("-", "").isalnum():
            raise InvalidInput(f"A report's element has no attribute {key!r}.")
        if key == "href" and not value.startswith("#"):
            raise InvalidInput(f"A report links only within itself; {value!r} leads outside.")
        written[key] = value
    marks = "".join(f' {key}="{escape(value, quote=True)}"' for key, value in written.items())
    if name in _VOID:
        return Html(f"<{name}{marks}>")
    return Html(f"<{name}{marks}>{fragment(children)}</{name}>")


def fragment(children: Iterable[object]) -> Html:
    """Join text and `Html` into one `Html`; None is left out.

    Example:
        >>> str(fragment(["1 < 2", Html("<br>"), None]))
        '1 &lt; 2<br>'
    """
    return Html(
        "".join(
            child.text if isinstance(child, Html) else escape(str(child), quote=True)
            for child in children
            if child is not None
        )
    )


def show(value: object) -> Html:
    """Return how a value of ours looks in a report; anything else as escaped text.

    Values of `core` show themselves; a chart becomes an inline figure.

    Example:
        >>> str(show("<script>"))
        '<pre>&lt;script&gt;</pre>'
    """
    from metricstack.core.show import Shown

    if isinstance(value, Html):
        return value
    if isinstance(value, Shown):
        return Html(value._repr_html_())
    if type(value).__module__.partition(".")[0] == "altair":
        from metricstack import charts

        return Html(charts.figure_html(value))
    return element("pre", value)
