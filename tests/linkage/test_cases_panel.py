"""What worked cases of panels and adjusted effects promise: every published number is reproduced."""

import json
import pkgutil
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from metricstack import linkage
from metricstack.experiments.effect import effect
from tests.linkage.panel_data import table

CASES = json.loads(Path(__file__).with_name("cases_panel.json").read_text(encoding="utf-8"))


def read(value: Any) -> Any:
    """Turn ``{"data": name}`` into a table, and ``{"effect": {...}}`` into an effect."""
    if isinstance(value, dict) and "data" in value:
        return table(value["data"])
    if isinstance(value, dict) and "effect" in value:
        return effect(**value["effect"])
    return value


def function(name: str) -> Any:
    """Find a public function of linkage by its name."""
    for module in pkgutil.iter_modules(linkage.__path__, f"{linkage.__name__}."):
        found = import_module(module.name)
        if name in getattr(found, "__all__", ()):
            return getattr(found, name)
    raise KeyError(name)


@pytest.mark.parametrize("case", CASES, ids=[f"{i}-{case['function']}" for i, case in enumerate(CASES)])
def test_a_worked_case_is_reproduced(case: dict[str, Any]) -> None:
    assert case["source"]
    found = function(case["function"])(**{name: read(value) for name, value in case["arguments"].items()})
    for field, expected in case["expected"].items():
        answer: Any = found
        for step in field.split("."):
            answer = answer[int(step)] if step.isdigit() else getattr(answer, step)
        assert answer == pytest.approx(expected, abs=case["tolerance"]), field
