"""What the parameters cell promises: literals only, read without running; unknown names and wrong types are errors."""

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.reports import check_parameters, parse_literal, parse_parameters

DEFAULTS: dict[str, Any] = {
    "quarter": "2026Q3",
    "level": 0.95,
    "top": 5,
    "strict": True,
    "by": ["region"],
    "note": None,
}

literals = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def test_reads_simple_assignments_of_literals() -> None:
    source = '"""About."""\nquarter = "2026Q3"  # which\nlevel: float = -0.5\nby = ["a", {"b": None}]\n'
    assert parse_parameters(source) == {"quarter": "2026Q3", "level": -0.5, "by": ["a", {"b": None}]}


@given(literals)
def test_every_literal_reads_back_as_it_was_written(value: Any) -> None:
    assert parse_parameters(f"x = {value!r}") == {"x": value}
    assert check_parameters({"x": value}, {"x": None}, slug="review") == {"x": value}


def test_a_whole_number_may_stand_for_a_number() -> None:
    checked = check_parameters({"level": 1}, DEFAULTS, slug="review")
    assert checked == {"level": 1.0}
    assert type(checked["level"]) is float


def test_the_command_line_reads_values_as_the_type_of_the_default() -> None:
    given = {"quarter": "0.5", "level": "0.5", "top": "7", "strict": "false", "by": "['x']", "note": "none"}
    read = {name: parse_literal(text, DEFAULTS[name]) for name, text in given.items()}
    assert read == {"quarter": "0.5", "level": 0.5, "top": 7, "strict": False, "by": ["x"], "note": None}


def test_an_unknown_name_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"Unknown parameter of review 'quater'\. Did you mean 'quarter'"):
        check_parameters({"quater": "2026Q3"}, DEFAULTS, slug="review")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("quarter", 3, "'quarter' of review is text .* not a whole number: 3"),
        ("level", "0.9", "is a number .* not text: '0.9'"),
        ("top", 5.5, "is a whole number .* not a number: 5.5"),
        ("top", True, "is a whole number .* not true or false: True"),
        ("strict", 1, "is true or false .* not a whole number"),
        ("by", {"a": 1}, "is a list .* not a dict"),
        ("quarter", None, "is text .* not None"),
        ("note", (1, 2), "holds a tuple"),
        ("note", math.nan, "holds a number: nan"),
        ("note", {1: 2}, "holds a dict"),
        ("by", [Path("x")], "holds a .*Path"),
    ],
)
def test_a_wrong_type_is_an_error_that_names_both_types(name: str, value: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        check_parameters({name: value}, DEFAULTS, slug="review")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import os", "line 1: only simple assignments"),
        ("x = 1\ny = open('f')", "line 2: y is not a literal"),
        ("x = __import__('os').system('true')", "line 1: x is not a literal"),
        ("x, y = 1, 2", "only simple assignments"),
        ("x += 1", "only simple assignments"),
        ("x = (1, 2)", "holds a tuple"),
        ("x = 1 +", "line 1: invalid syntax"),
        ("x: int", "only simple assignments"),
    ],
)
def test_anything_but_literals_is_an_error_with_its_line_and_never_runs(source: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        parse_parameters(source)
