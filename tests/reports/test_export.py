"""What the page promises: one file that stands alone, shows only what is safe, the same bytes for the same run."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import v4

from metricstack.core.errors import UnreadableFile
from metricstack.core.show import TRUSTED
from metricstack.reports import export
from metricstack.reports.export import POLICY, style
from metricstack.reports.normalise import normalise

EVIL = "<script>alert(1)</script><img src=https://evil.example/x onerror=alert(2)>"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class Page(HTMLParser):
    """Collects what a browser would load and run."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.words: list[str] = []
        self.inside: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.inside.append(tag)
        for name, value in attrs:
            if name in {"src", "href", "srcset", "action", "data", "poster", "xlink:href", "background", "ping"}:
                self.addresses.append(value or "")
            if name.startswith("on"):
                self.handlers.append(name)
            if name == "style":
                self.addresses += loaded(value or "")

    def handle_endtag(self, tag: str) -> None:
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "style" in self.inside:
            self.addresses += loaded(data)
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def loaded(css: str) -> list[str]:
    """Return every address that a style sheet would load."""
    return [
        found.strip("'\" ")
        for found in re.findall(r"url\(([^)]*)\)|@import\s+([^;]+)", css)
        for found in found
        if found
    ]


def executed(*cells: Any, parameters: dict[str, Any] | None = None) -> Any:
    notebook = v4.new_notebook(cells=[v4.new_markdown_cell("# Is it so?\n\nWho reads it."), *cells])
    return normalise(notebook, report="small-report", run="2026Q3", parameters=parameters or {"quarter": "2026Q3"})


def code(data: dict[str, Any], source: str = "secret_code()") -> Any:
    return v4.new_code_cell(source, execution_count=1, outputs=[v4.new_output("display_data", data=data)])


def page(*cells: Any, **options: Any) -> Page:
    return Page(export(executed(*cells, **options)))


def test_the_page_has_its_title_its_introduction_its_parameters_and_a_way_around() -> None:
    notebook = executed(v4.new_markdown_cell("## What moved?\n\nText."), v4.new_markdown_cell("## Why?\n\n- one"))
    text = export(notebook)
    assert "<title>Is it so? · 2026Q3</title>" in text
    assert "<h1>Is it so?</h1>" in text
    assert '<div class="ms-lead"><p>Who reads it.</p></div>' in text
    assert '<a href="#what-moved">What moved?</a>' in text
    assert '<section class="ms-section" id="why">\n<h2>Why?</h2>' in text


def test_a_section_that_a_value_of_ours_wrote_is_in_the_way_around_too() -> None:
    block = '<section class="ms-section" id="cost"><h2>Value and cost</h2><p>x</p></section>'
    text = export(executed(v4.new_markdown_cell("## Answer"), code({"text/html": block, TRUSTED: "escaped"})))
    assert '<li><a href="#cost">Value and cost</a></li>' in text


def test_code_is_not_in_the_page_not_even_hidden() -> None:
    assert "secret_code" not in export(executed(code({"text/plain": "42"})))


def test_html_of_ours_is_shown_as_it_is() -> None:
    shown = page(code({"text/html": '<div class="ms-card">seen</div>', TRUSTED: "escaped", "text/plain": "hidden"}))
    assert "seen" in shown.text
    assert "hidden" not in shown.text


def test_html_of_others_is_not_shown_its_plain_text_is() -> None:
    shown = page(code({"text/html": EVIL, "text/plain": "the table as text"}))
    assert "the table as text" in shown.text
    assert "alert" not in shown.text


@pytest.mark.parametrize("kind", ["text/plain", "text/markdown", "text/latex", "application/javascript"])
def test_whatever_an_output_says_it_never_becomes_a_tag(kind: str) -> None:
    shown = page(code({kind: EVIL}))
    assert "script" not in shown.tags
    assert "img" not in shown.tags
    assert shown.handlers == []


def test_what_was_printed_is_shown_as_text_and_the_error_stream_is_not() -> None:
    cell = v4.new_code_cell("x", execution_count=1)
    cell.outputs = [
        v4.new_output("stream", name="stdout", text=EVIL),
        v4.new_output("stream", name="stderr", text="a warning"),
    ]
    shown = page(cell)
    assert EVIL in shown.text
    assert "a warning" not in shown.text
    assert "script" not in shown.tags


def test_a_picture_is_shown_as_data_and_only_if_it_is_one() -> None:
    shown = page(code({"image/png": PIXEL}), code({"image/png": '"><script>', "text/plain": "no picture"}))
    assert f"data:image/png;base64,{PIXEL}" in shown.addresses
    assert "no picture" in shown.text
    assert "script" not in shown.tags


def test_a_drawing_of_others_can_neither_run_nor_load() -> None:
    shown = page(code({"image/svg+xml": "<svg onload='alert(1)'><image href='https://evil.example/x'/></svg>"}))
    assert shown.handlers == []
    assert "svg" not in shown.tags


@pytest.mark.parametrize(
    "text",
    [
        EVIL,
        f"## {EVIL}",
        "![x](https://evil.example/x.png)",
        "[x](https://evil.example)",
        "[x](javascript:alert(1))",
        "<https://evil.example>",
        "[x]: https://evil.example\n\n[x]",
        "| a |\n|---|\n| <script>1</script> |",
        "```html\n<script>1</script>\n```",
        "```mermaid\nx\n```",
        "[![a](https://evil.example/b.png)](https://evil.example)",
        '[x](#a"onclick="alert(1))',
    ],
)
def test_markdown_never_runs_loads_or_leaves_the_page(text: str) -> None:
    shown = page(v4.new_markdown_cell("## One\n\n## Two\n\n" + text))
    assert not {"script", "img", "iframe"} & set(shown.tags)
    assert shown.handlers == []
    assert all(address.startswith(("#", "data:")) for address in shown.addresses)


def test_a_title_and_parameters_from_telemetry_are_text() -> None:
    notebook = executed(parameters={"quarter": "2026Q3", "segment": EVIL})
    notebook.cells[0]["source"] = f"# {EVIL}"
    shown = Page(export(notebook))
    assert "script" not in shown.tags
    assert "img" not in shown.tags
    assert EVIL in shown.text


def test_money_is_not_maths_and_keeps_its_words() -> None:
    assert "Two incidents cost $0.61M of the $1.39M *that* it earned." in page(
        v4.new_markdown_cell("Two incidents cost $0.61M of the $1.39M \\*that\\* it earned.")
    ).text  # fmt: skip


def test_the_page_asks_the_network_for_nothing() -> None:
    shown = page(v4.new_markdown_cell("## One\n\n## Two"), code({"image/png": PIXEL}))
    assert all(address.startswith(("#", "data:")) for address in shown.addresses), shown.addresses
    assert not {"script", "link", "iframe", "object", "embed", "form", "base"} & set(shown.tags)


def test_the_policy_forbids_every_request_and_every_script() -> None:
    text = export(executed())
    assert f'<meta http-equiv="Content-Security-Policy" content="{POLICY.replace(chr(39), "&#x27;")}">' in text
    assert text.index("Content-Security-Policy") < text.index("<style>")
    assert "default-src 'none'" in POLICY
    assert "script-src" not in POLICY


def test_the_font_is_in_the_style_sheet() -> None:
    assert len(loaded(style())) == 1
    assert loaded(style())[0].startswith("data:font/woff2;base64,d09GMg")  # "wOF2", the mark of the format


def test_the_same_notebook_gives_the_same_bytes() -> None:
    cells = [v4.new_markdown_cell("## One"), code({"text/plain": "<Thing at 0x7f3a5c0d1e20>"})]
    again = [v4.new_markdown_cell("## One"), code({"text/plain": "<Thing at 0x7f9b1c2d3e40>"})]
    assert export(executed(*cells)) == export(executed(*again))


def test_exports_the_file_that_a_run_left(tmp_path: Path) -> None:
    notebook = executed(code({"text/plain": "42"}))
    nbformat.write(notebook, tmp_path / "run.ipynb")
    assert export(tmp_path / "run.ipynb") == export(notebook)


def test_a_file_that_is_no_notebook_is_named(tmp_path: Path) -> None:
    (tmp_path / "run.ipynb").write_text("{")
    with pytest.raises(UnreadableFile, match="not a notebook"):
        export(tmp_path / "run.ipynb")
    with pytest.raises(UnreadableFile, match="no such file"):
        export(tmp_path / "none.ipynb")
