"""What happens to what nobody should write: every fault with its line, every wrong argument said."""

from pathlib import Path
from typing import Any

import pytest

from metricstack.core.errors import ConfigurationError, InvalidInput
from metricstack.metrics import Catalogue, catalogue, compare, evaluate, explain, lineage
from metricstack.metrics.language.formula import FormulaError, parse
from metricstack.metrics.language.load import load

from .conftest import Build, runs

ENTRY = {"title": '"x"', "about": '"x."', "table": '"requests"', "formula": '"sum(cost)"', "unit": '"currency"',
         "better": '"lower"'}  # fmt: skip


def fault_of(folder: Path, **fields: str) -> str:
    """Load one metric with these fields, and return the only fault that it has."""
    lines = "\n".join(f"{name} = {value}" for name, value in (ENTRY | fields).items())
    (folder / "own.toml").write_text(f"[metrics.mine]\n{lines}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load(folder)
    assert len(caught.value.faults) == 1
    return str(caught.value.faults[0])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"aliases": "5"}, "own.toml:8: metric 'mine': 'aliases' must be a list of texts."),
        ({"aliases": '[""]'}, "own.toml:8: metric 'mine': 'aliases' must be a list of texts."),
        ({"requires": "{ n = nan }"}, "own.toml:8: metric 'mine': requires.n must be a number, not nan."),
        ({"requires": "{ n = 1e999 }"}, "own.toml:8: metric 'mine': requires.n must be a number, not inf."),
        ({"requires": "{ n = -5 }"}, "own.toml:8: metric 'mine': requires.n must be a whole number from 0, not -5."),
        ({"requires": "{ n = 1.5 }"}, "own.toml:8: metric 'mine': requires.n must be a whole number from 0, not 1.5."),
        ({"levels": "{ target = nan }"}, "own.toml:8: metric 'mine': levels.target must be a number, not nan."),
        ({"title": '" "'}, "own.toml:2: metric 'mine': 'title' is empty."),
        ({"formula": '"sum(cost) / 0"'}, "own.toml:5: metric 'mine': the formula divides by 0."),
        (
            {"split": '"use_csae"'},
            "own.toml:5: metric 'mine': 'split' is 'use_csae': it cannot be asked by that. Did you mean 'use_case'?",
        ),
        (
            {"by": '{ use_csae = "mine" }'},
            "own.toml:5: metric 'mine': 'by' sends 'use_csae' to 'mine', which cannot be asked by that. "
            "Did you mean 'use_case'?",
        ),
    ],
)
def test_a_field_of_the_wrong_kind_is_a_fault_with_its_line(tmp_path: Path, fields: dict[str, str], said: str) -> None:
    assert fault_of(tmp_path, **fields) == said


def test_a_level_beyond_every_float_is_a_fault(tmp_path: Path) -> None:
    assert "levels.target must be a number" in fault_of(tmp_path, levels="{ target = " + "9" * 400 + " }")


def test_a_fault_never_repeats_ten_thousand_characters(tmp_path: Path) -> None:
    said = fault_of(tmp_path, formula='"' + "x" * 10_000 + '"')
    assert said.startswith("own.toml:5: metric 'mine': ")
    assert len(said) < 700


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("(" * 5_000 + "1" + ")" * 5_000, "At most|at most"),
        ("(" * 60 + "1" + ")" * 60, "brackets or signs inside one another"),
        ("-" * 60 + "1", "brackets or signs inside one another"),
        ("+".join(["sum(cost)"] * 1_000), "at most 300 words and signs"),
        ("pass_at(successful, user, 1e999)", "'1e999' is too large a number"),
    ],
    ids=["5,000 brackets", "60 brackets", "60 signs", "1,000 terms", "1e999"],
)
def test_a_formula_of_any_depth_or_length_is_read_or_refused(text: str, said: str) -> None:
    with pytest.raises(FormulaError, match=said):
        parse(text)


@pytest.mark.parametrize("text", ["metrics = " + "[" * 3_000 + "]" * 3_000, "[metrics.a]\nversion = " + "9" * 5_000])
def test_a_file_that_the_reader_cannot_hold_is_a_fault_beside_the_others(tmp_path: Path, text: str) -> None:
    (tmp_path / "deep.toml").write_text(text, encoding="utf-8")
    (tmp_path / "wrong.toml").write_text("[metric.a]\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path)
    assert [str(fault).partition(".toml")[0].rpartition("/")[2] for fault in caught.value.faults] == ["deep", "wrong"]


@pytest.mark.parametrize(
    ("metrics", "options", "said"),
    [
        (None, {}, "metrics takes a name or a list of names, not None"),
        (5, {}, "metrics takes a name"),
        ([["cost_per_request"]], {}, "metrics takes a name"),
        ("total_cost", {"by": 5}, "by takes a name or a list of names, not 5"),
        ("total_cost", {"by": [["model"]]}, "by takes a name"),
        ("total_cost", {"where": "model=a"}, "where takes dimension → value"),
        ("total_cost", {"where": {"model": 3}}, "where takes one text for each dimension"),
        ("total_cost", {"where": {"model": None}}, "where takes one text for each dimension"),
        ("total_cost", {"level": "x"}, "The level x is outside"),
    ],
)
def test_wrong_arguments_are_said_by_all_who_ask(
    build: Build, metrics: Any, options: dict[str, Any], said: str
) -> None:
    ws = build(requests=runs(3))
    for ask in (evaluate, compare):
        with pytest.raises(InvalidInput, match=said):
            ask(ws, metrics, **options)
    if metrics == "total_cost":
        with pytest.raises(InvalidInput, match=said):
            explain(ws, metrics, **options)


@pytest.mark.parametrize("window", [5, ("2026Q2", "2026Q3")])
def test_a_window_of_another_kind_is_said(build: Build, window: Any) -> None:
    ws = build(requests=runs(3))
    with pytest.raises(InvalidInput, match="A window is a quarter's name"):
        evaluate(ws, "total_cost", window=window)
    with pytest.raises(InvalidInput, match="A window is a quarter's name"):
        compare(ws, "total_cost", before=window)


def test_a_lineage_asks_for_a_catalogue_not_a_workspace(build: Build) -> None:
    ws: Any = build(requests=runs(3))
    with pytest.raises(InvalidInput, match="takes a catalogue"):
        lineage("total_cost", ws)
    name: Any = 5
    with pytest.raises(InvalidInput, match="named by its id"):
        catalogue(ws).get(name)
    assert isinstance(catalogue(ws), Catalogue)
