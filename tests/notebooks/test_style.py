"""What every notebook of ours promises: a question, literals as parameters, one import, short cells, no logic."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from metricstack.reports.catalogue import read_notebook

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
LONGEST = 12  # lines: a cell is read at a glance; what needs more belongs into the library
LOGIC = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.For, ast.AsyncFor, ast.While, ast.Try)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

Content = dict[str, Any]


def source(cell: Content) -> str:
    return cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])


def codes(content: Content) -> list[str]:
    return [source(cell) for cell in content["cells"] if cell["cell_type"] == "code"]


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


@pytest.fixture
def content(path: Path) -> Content:
    loaded: Content = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def test_its_slug_is_hyphenated_words(path: Path) -> None:
    assert all(word.isalnum() and word == word.lower() for word in path.stem.split("-"))


def test_it_opens_with_its_question_and_says_who_reads_it_and_what_it_needs(content: Content) -> None:
    first = content["cells"][0]
    assert first["cell_type"] == "markdown"
    title, _, about = source(first).partition("\n")
    assert title.startswith("# ")
    assert title.endswith("?")
    assert all(word in about for word in ("**Reader:**", "**Decision:**", "**Needs:**"))


def test_it_has_one_tagged_cell_of_literals(content: Content, path: Path) -> None:
    tagged = [cell for cell in content["cells"] if "parameters" in cell["metadata"].get("tags", ())]
    assert len(tagged) == 1
    assert read_notebook(path).parameters


def test_its_outputs_are_stripped(content: Content) -> None:
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


def test_it_imports_metricstack_once_and_nothing_else(content: Content) -> None:
    imports = [
        ast.unparse(node)
        for code in codes(content)
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert imports == ["import metricstack as ms"]


def test_its_cells_are_short_and_hold_no_logic(content: Content) -> None:
    for code in codes(content):
        assert code.strip(), "an empty cell"
        assert len(code.splitlines()) <= LONGEST, code
        found = [node for node in ast.walk(ast.parse(code)) if isinstance(node, (*LOGIC, *COMPREHENSIONS))]
        assert not found, code


def test_no_number_is_typed_into_its_prose(content: Content) -> None:
    for cell in content["cells"]:
        if cell["cell_type"] == "markdown":
            assert not any(figure.isdigit() for figure in source(cell)), source(cell)


def test_it_hands_over_its_findings(content: Content) -> None:
    assert any("ms.reports.emit(" in code for code in codes(content))


def test_it_holds_nothing_of_the_machine_it_was_written_on(content: Content) -> None:
    assert set(content["metadata"]) <= {"kernelspec", "language_info"}
    assert content["metadata"]["kernelspec"] == {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    assert content["metadata"].get("language_info", {"name": "python"}) == {"name": "python"}
    for cell in content["cells"]:
        assert set(cell["metadata"]) <= {"tags"}


def test_its_file_is_written_as_jupyter_writes_it(content: Content, path: Path) -> None:
    assert path.read_text(encoding="utf-8") == json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in content["cells"]]
    assert len(ids) == len(set(ids))
