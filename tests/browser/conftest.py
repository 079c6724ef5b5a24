"""A report that shows every piece at once, with names that want to break it, and a browser to open it with."""

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from metricstack import reports

GALLERY = Path(__file__).with_name("gallery.txt")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
)  # fmt: skip
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a report that shows every piece, run and published as any other."""
    folder = tmp_path_factory.mktemp("gallery")
    cells = []
    for kind, source in re.findall(r"(?ms)^# %%(?: \[(\w+)\])?\n(.*?)(?=^# %%|\Z)", GALLERY.read_text()):
        if kind == "markdown":
            cells.append(v4.new_markdown_cell(source.strip()))
        else:
            cells.append(v4.new_code_cell(source.strip(), metadata={"tags": [kind]} if kind else {}))
    path = folder / "quarterly-review.ipynb"
    nbformat.write(v4.new_notebook(cells=cells), path)
    return reports.run(path, out=folder / "reports", progress=False).path


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Run headless Chromium with these arguments and return what it printed."""
    if CHROMIUM is None:
        pytest.fail("these tests open reports in Chromium, and there is none: `make system` installs it")
    with tempfile.TemporaryDirectory(prefix="ms-chromium-", ignore_cleanup_errors=True) as profile:

        def run(*arguments: str) -> str:
            command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}", *arguments]
            done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True, cwd=tmp_path)
            return done.stdout

        yield run


def requests_of(log: Path) -> list[str]:
    """Return every address that a page asked for, by Chromium's net log.

    What the browser asks for itself, the time and its updates, comes from no page and does not count.
    """
    found = set()
    for event in json.loads(log.read_text())["events"]:
        asked = event.get("params")
        if isinstance(asked, dict) and asked.get("initiator", "not an origin") != "not an origin":
            found.add(str(asked.get("url", "")))
    return sorted(address for address in found if not address.startswith(("file:", "data:")))
