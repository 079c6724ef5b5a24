"""What `docs/linkage.md` promises: its code runs, its declaration loads, its fields and limits are the code's."""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from metricstack.linkage.evidence import Rung
from metricstack.linkage.hypothesis import FILE, default_map, read_hypotheses
from metricstack.linkage.portfolio_result import FEWEST_TESTS, WEAKEST_FIRST_STAGE
from metricstack.linkage.verdict import EdgeVerdict
from metricstack.metrics.language.load import CATALOGUE, load

PAGE = (Path(__file__).parents[2] / "docs" / "linkage.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
DECLARED = PAGE.partition("```toml\n")[2].partition("```")[0]


def test_its_code_runs_and_says_something(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    for block in BLOCKS:
        exec(block, names)
        assert capsys.readouterr().out
    # Set in the first block: .2 for one of the cause, so .01 for its step of .05.
    low, high = names["judged"].estimate.low, names["judged"].estimate.high
    assert low < 0.01 < high
    assert names["judged"].verdict is EdgeVerdict.SUPPORTS
    # Set in the second: .5.
    assert names["found"].low < 0.5 < names["found"].high


def test_its_declaration_loads_beside_the_default_map(tmp_path: Path) -> None:
    known = tuple(load(CATALOGUE))
    path = tmp_path / FILE
    path.write_text(DECLARED, encoding="utf-8")
    found = {edge.key: edge for edge in read_hypotheses(path, known)}
    own = found["relevance -> conversion_rate"]
    assert own.negative_controls == ("availability",)
    assert set(found) == {edge.key for edge in default_map(known)}
    assert own.exclusion


def test_its_declaration_shows_every_field() -> None:
    from metricstack.linkage.hypothesis import _WRITTEN

    assert {line.partition(" =")[0] for line in DECLARED.splitlines() if " = " in line} == {
        *_WRITTEN,
        "include_default",
    }


def test_its_limits_and_wordings_are_those_of_the_code() -> None:
    assert f"fewer than {FEWEST_TESTS} tests" in PAGE
    assert f"F below {WEAKEST_FIRST_STAGE:g}" in PAGE
    assert all(f"`{verdict}`" in PAGE for verdict in EdgeVerdict)
    assert {rung.grade for rung in Rung} == set("ABCD")


def test_every_function_that_it_lists_is_there() -> None:
    listed = PAGE.partition("| question | function |")[2].partition("`help(")[0]
    names = re.findall(r"`([\w.]+)`", listed)
    assert len(names) > 20
    for name in names:
        module, _, function = name.rpartition(".")
        home = import_module(f"metricstack.linkage{'.' if module else ''}{module}")
        assert callable(getattr(home, function)), name
