"""Small notebooks for the tests of reports."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import v4

EMIT = (
    "import metricstack as ms\n"
    "ms.reports.emit(ms.core.Finding('Is it so?', ms.core.Estimate(0.5, unit='fraction', n=9, method='census'),"
    " subject='conversion'))"
)
PARAMETERS = 'quarter = "2026Q3"\nsegment = ""\nworkspace = "."\nlevel = 0.95'

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a notebook of these code cells between a heading, a parameters cell and the findings."""

    def make(
        *codes: str, slug: str = "small", parameters: str = PARAMETERS, emit: bool = True, **metadata: Any
    ) -> Path:
        cells = [
            v4.new_markdown_cell("# Is it so?\n\nWho reads it."),
            v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}),
            *(v4.new_code_cell(code, metadata=metadata) for code in codes),
            *([v4.new_code_cell(EMIT)] if emit else []),
        ]
        path = tmp_path / f"{slug}.ipynb"
        nbformat.write(v4.new_notebook(cells=cells), path)
        return path

    return make
