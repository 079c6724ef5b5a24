"""The notebook's own text as HTML: headings, lists and tables, and nothing that runs or loads."""

import re
from collections.abc import Callable
from functools import cache
from html import escape
from typing import Any
from urllib.parse import unquote

__all__ = ["identify", "render"]

_UNSAFE = re.compile(r"[^a-z0-9]+")


def render(text: str) -> str:
    """Turn Markdown into HTML. Raw tags are shown as text, links outside become their text and address.

    Example:
        >>> render("A *plain* <b>word</b>").strip()
        '<p>A <em>plain</em> &lt;b&gt;word&lt;/b&gt;</p>'
    """
    return str(_parser()(text))


def identify(title: str, taken: set[str]) -> str:
    """Make an id of a heading, another than those taken.

    Example:
        >>> identify("What moved?", set()), identify("What moved?", {"what-moved"})
        ('what-moved', 'what-moved-2')
    """
    base = _UNSAFE.sub("-", title.lower()).strip("-")[:60] or "section"
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    taken.add(name)
    return name


@cache
def _parser() -> Callable[[str], Any]:
    from mistune import Markdown
    from mistune.plugins import import_plugin
    from nbconvert.filters.markdown_mistune import IPythonRenderer

    class Renderer(IPythonRenderer):
        """nbconvert's renderer without what could leave the page; money stays money, not maths."""

        def __init__(self) -> None:
            super().__init__(escape=True, allow_harmful_protocols=False, exclude_anchor_links=True)

        def escape_html(self, text: str) -> str:
            return escape(text, quote=True)

        def link(self, text: str, url: str, title: str | None = None) -> str:
            del title
            if url.startswith("#"):
                return f'<a href="{escape(url, quote=True)}">{text}</a>'
            address = unquote(url)
            shown = escape(address, quote=True)
            return text if address.startswith("javascript:") or text == shown else f"{text} ({shown})"

        def image(self, text: str, url: str, title: str | None = None) -> str:
            del url, title
            return f"[{text}]" if text else ""

        def block_code(self, code: str, info: str | None = None) -> str:
            del info
            return f"<pre><code>{escape(code, quote=True)}</code></pre>\n"

    return Markdown(Renderer(), plugins=[import_plugin(name) for name in ("strikethrough", "table", "def_list")])
