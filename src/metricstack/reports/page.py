"""What a report shows of an executed notebook: its text, and those results that are safe to show."""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from typing import Any

from metricstack.core.show import TRUSTED
from metricstack.reports.emit import FINDINGS
from metricstack.reports.markdown import identify, render

__all__ = ["Page", "Section", "lay_out"]

_TITLE = re.compile(r"^# +(.+?)\s*$", re.MULTILINE)
_HEADING = re.compile(r"^## +(.+?)\s*$", re.MULTILINE)
# A section as `html.element` writes it: what it holds is escaped, so nothing else in a page reads like it.
_WRITTEN = re.compile(r'<section class="ms-section" id="([^"]+)"><h2>([^<]+)</h2>')
_PICTURES = ("image/png", "image/jpeg")


@dataclass
class Section:
    """One heading of the second level and all below it.

    Args:
        id: Where links to it lead.
        title: The heading as HTML text, "" for what stands before the first heading.
        blocks: Its HTML, in order.
    """

    id: str
    title: str
    blocks: list[str] = field(default_factory=list)


@dataclass
class Page:
    """A report before it is written: plain title, the introduction, sections.

    Args:
        title: The question, as plain text.
        lead: The text below the title, as HTML.
        sections: The rest, in order.
    """

    title: str = ""
    lead: str = ""
    sections: list[Section] = field(default_factory=list)

    @property
    def places(self) -> list[tuple[str, str]]:
        """Id and title of every section, in order: those of Markdown headings, and those that our values wrote."""
        found = []
        for section in self.sections:
            if section.title:
                found.append((section.id, section.title))
            for block in section.blocks:
                found.extend(_WRITTEN.findall(block))
        return found


def lay_out(notebook: Any) -> Page:
    """Lay an executed notebook out as a page. Code is left out.

    Shown are: Markdown cells, with raw tags as text; HTML that one of our values wrote (it carries our mark); pictures,
    as data; plain text, escaped. HTML from anything else is left out where a plain text stands beside it, as is what
    was written to the error stream.
    """
    page, taken = Page(), {"top"}
    section = Section("", "")
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            text = cell.source.strip()
            if not page.title and (heading := _TITLE.search(text)):
                page.title = heading[1]
                before_sections, *rest = re.split(r"(?m)^(?=## )", text[heading.end() :], maxsplit=1)
                page.lead = render(before_sections).strip()
                text = "".join(rest)
            for piece in re.split(r"(?m)^(?=## )", text):
                body = piece
                if heading := _HEADING.match(piece):
                    page.sections.append(section)
                    section = Section(identify(heading[1], taken), _inline(heading[1]))
                    body = piece[heading.end() :]
                if body.strip():
                    section.blocks.append(f'<div class="ms-text">{render(body).strip()}</div>')
        elif cell.cell_type == "code":
            section.blocks.extend(_outputs(cell))
    page.sections.append(section)
    page.sections = [section for section in page.sections if section.title or section.blocks]
    return page


def _inline(title: str) -> str:
    return render(title).strip().removeprefix("<p>").removesuffix("</p>")


def _outputs(cell: Any) -> Iterator[str]:
    for output in cell.get("outputs", ()):
        if output["output_type"] == "stream":
            if output["name"] == "stdout" and output["text"].strip():
                yield _plain(output["text"])
        elif output["output_type"] in {"execute_result", "display_data"}:
            block = _data(output["data"])
            if block:
                yield block


def _data(data: Any) -> str:
    if FINDINGS in data:
        return ""
    if TRUSTED in data and "text/html" in data:
        return str(data["text/html"])
    if "image/svg+xml" in data:
        return _picture("image/svg+xml", base64.b64encode(str(data["image/svg+xml"]).encode()).decode())
    for kind in _PICTURES:
        if kind in data and _is_base64(data[kind]):
            return _picture(kind, "".join(str(data[kind]).split()))
    return _plain(str(data.get("text/plain", "")))


def _picture(kind: str, text: str) -> str:
    return f'<figure class="ms-figure"><img alt="" src="data:{kind};base64,{text}"></figure>'


def _is_base64(text: Any) -> bool:
    try:
        return bool(base64.b64decode("".join(str(text).split()), validate=True))
    except (binascii.Error, ValueError):
        return False


def _plain(text: str) -> str:
    return f'<pre class="ms-output">{escape(text.rstrip(), quote=True)}</pre>' if text.strip() else ""
