"""What a report promises in a browser: it fits a desk, a phone and paper, and asks the network for nothing."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.conftest import requests_of

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Chromium = Callable[..., str]

# The report's own policy lets no script run, so the page that measures is another one that holds it in a frame.
MEASURE = """<!doctype html><body style="margin:0"><iframe id="f" src="{address}" width="{width}" height="900"
style="border:0"></iframe><pre id="out"></pre><script>
document.getElementById("f").onload = () => {{
  const page = document.getElementById("f").contentDocument, root = page.documentElement;
  const scrolls = (e) => e && (getComputedStyle(e).overflowX === "auto" || scrolls(e.parentElement));
  const over = [...page.body.querySelectorAll("*")].filter((e) => e.getBoundingClientRect().right > {width} + 1
    && !scrolls(e)).map((e) => e.tagName + "." + (e.getAttribute("class") || "")).slice(0, 9);
  const text = [...page.querySelectorAll("main *, header *")].filter((e) => e.childElementCount === 0
    && e.textContent.trim() && e.getBoundingClientRect().width > 1)
    .map((e) => parseFloat(getComputedStyle(e).fontSize));
  const seen = (kind) => [...page.querySelectorAll(".ms-figure ." + kind)]
    .filter((e) => e.getBoundingClientRect().width > 0).length;
  document.getElementById("out").textContent = JSON.stringify({{
    scroll: root.scrollWidth, client: root.clientWidth, over, smallest: Math.min(...text), font:
    page.fonts.check('16px "Metricstack Sans"') && [...page.fonts].every((f) => f.status === "loaded"),
    wide: seen("ms-wide"), narrow: seen("ms-narrow"), scripts: page.scripts.length}});
}};</script>"""


def measure(report: Path, width: int, folder: Path, chromium: Chromium) -> dict[str, object]:
    wrapper = folder / "measure.html"
    wrapper.write_text(MEASURE.format(address=report.as_uri(), width=width))
    dom = chromium(
        "--allow-file-access-from-files", f"--window-size={width + 200},1000", "--virtual-time-budget=5000",
        "--dump-dom", wrapper.as_uri(),
    )  # fmt: skip
    found = re.search(r'<pre id="out">(\{.*?\})</pre>', dom, re.DOTALL)
    assert found, dom[-2000:]
    measured: dict[str, object] = json.loads(found[1].replace("&amp;", "&").replace("&gt;", ">").replace("&lt;", "<"))
    return measured


@pytest.mark.parametrize(("width", "wide", "narrow"), [(1440, 1, 0), (768, 1, 0), (390, 0, 1), (320, 0, 1)])
def test_nothing_overflows_and_the_figure_for_this_width_is_shown(
    width: int, wide: int, narrow: int, report: Path, tmp_path: Path, chromium: Chromium
) -> None:
    measured = measure(report, width, tmp_path, chromium)
    assert measured["scroll"] <= measured["client"], measured  # type: ignore[operator]
    assert measured["over"] == []
    assert (measured["wide"], measured["narrow"]) == (wide, narrow)
    assert measured["smallest"] >= 12, measured  # type: ignore[operator]
    assert measured["font"] is True
    assert measured["scripts"] == 0


@pytest.mark.parametrize("width", [1440, 500])
def test_a_screenshot_shows_a_page_that_is_not_blank(
    width: int, report: Path, tmp_path: Path, chromium: Chromium
) -> None:
    picture = tmp_path / "page.png"
    chromium(f"--window-size={width},2000", f"--screenshot={picture}", report.as_uri())
    # A blank page of this size compresses to less than 15 kB; text of any amount takes several times that.
    assert picture.stat().st_size > 60_000


def test_opening_the_report_asks_the_network_for_nothing(report: Path, tmp_path: Path, chromium: Chromium) -> None:
    log = tmp_path / "net.json"
    chromium(f"--log-net-log={log}", "--virtual-time-budget=3000", "--dump-dom", report.as_uri())
    assert requests_of(log) == []


def test_the_log_would_show_a_request_if_there_were_one(tmp_path: Path, chromium: Chromium) -> None:
    page = tmp_path / "loud.html"
    page.write_text('<img src="http://127.0.0.1:9/pixel.png">')
    log = tmp_path / "net.json"
    chromium(f"--log-net-log={log}", "--virtual-time-budget=3000", "--dump-dom", page.as_uri())
    assert requests_of(log) == ["http://127.0.0.1:9/pixel.png"]


def test_it_prints_to_pdf_on_few_pages(report: Path, tmp_path: Path, chromium: Chromium) -> None:
    paper = tmp_path / "report.pdf"
    chromium("--no-pdf-header-footer", f"--print-to-pdf={paper}", report.as_uri())
    content = paper.read_bytes()
    assert content.startswith(b"%PDF-")
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", content)) <= 8
    assert b"Inter" in content or b"Metricstack" in content  # the font that came with the page
