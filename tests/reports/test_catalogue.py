"""What the catalogue promises: it finds notebooks, reads what each asks and takes, and says what is no notebook."""

from pathlib import Path
from typing import Any

import nbformat
import pytest

from metricstack.core.errors import InvalidInput, UnknownName, UnreadableFile
from metricstack.reports import catalogue, find


def test_reads_the_question_what_is_said_of_it_and_the_parameters(write: Any) -> None:
    notebook = find(write("1 + 1"))
    assert (notebook.slug, notebook.title, notebook.about) == ("small", "Is it so?", "Who reads it.")
    assert notebook.parameters == {"quarter": "2026Q3", "segment": "", "workspace": ".", "level": 0.95}


def test_lists_a_folder_by_slug(write: Any, tmp_path: Path) -> None:
    write(slug="b-report")
    write(slug="a-report")
    assert [notebook.slug for notebook in catalogue(tmp_path)] == ["a-report", "b-report"]


def test_a_notebook_of_the_project_stands_before_one_of_ours(
    write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notebooks").mkdir()
    path = write(slug="mine").rename(tmp_path / "notebooks" / "mine.ipynb")
    monkeypatch.chdir(tmp_path)
    assert find("mine").path == path
    assert "mine" in {notebook.slug for notebook in catalogue()}


def test_an_unknown_slug_is_an_error_that_names_the_nearest(
    write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notebooks").mkdir()
    write(slug="mine").rename(tmp_path / "notebooks" / "monthly-cost.ipynb")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownName, match="Did you mean 'monthly-cost'"):
        find("montly-cost")


@pytest.mark.parametrize("name", ["../secret", "a/b", "", ".."])
def test_a_slug_is_no_path(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownName):
        find(name)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "small.ipynb:1:2: not a notebook"),
        (b"\xff", "not UTF-8"),
        (b"[]", "not a notebook of format 4"),
        (b'{"nbformat": 3, "worksheets": []}', "not a notebook of format 4"),
        (b'{"nbformat": 4, "cells": [1]}', "not a notebook of format 4"),
    ],
)
def test_a_file_that_is_no_notebook_is_named_with_the_place(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "small.ipynb"
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match=said):
        find(path)


def test_a_missing_file_two_parameter_cells_and_code_among_the_parameters_are_errors(
    write: Any, tmp_path: Path
) -> None:
    with pytest.raises(UnreadableFile, match="no such file"):
        find(tmp_path / "none.ipynb")
    with pytest.raises(InvalidInput, match=r"small.ipynb, cell 2, line 1: only simple"):
        find(write(parameters="import os"))
    path = write()
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(type(notebook.cells[1])(notebook.cells[1], id="another"))
    nbformat.write(notebook, path)
    with pytest.raises(UnreadableFile, match=r"2 cells are tagged 'parameters' \(2, 4\)"):
        find(path)
