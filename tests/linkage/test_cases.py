"""What worked cases promise: every number of ``cases.json``, each with its source, is reproduced.

A case names a function below ``metricstack`` by its dotted path. An argument may be ``{"data": name}``, a published
table of ``data``; ``{"dataset": "nile.volume"}``, a column of a data set of statsmodels (``"growth": true`` for changes
of its logarithm); ``{"range": n}``, ``{"zeros": shape}``, ``{"moments": …}`` or ``{"effect": …}``. An expected number
is found by its path of fields and positions; the empty path is the answer itself.
"""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metricstack.core.values import Moments
from metricstack.experiments.effect import effect

from .panel_data import table
from .quasi_data import DATA

CASES = json.loads(Path(__file__).with_name("cases.json").read_text(encoding="utf-8"))
_FLOORS = ("linkage", "numerics")


def column(name: str, *, growth: bool = False) -> Any:
    """Read a column of a data set of statsmodels."""
    data, _, field = name.partition(".")
    series = import_module(f"statsmodels.datasets.{data}").load_pandas().data[field].to_numpy(np.float64)
    return np.diff(np.log(series)) if growth else series


def read(value: Any) -> Any:
    """Turn what stands for tables, arrays, moments and effects into them, at any depth."""
    if isinstance(value, list):
        return [read(part) for part in value]
    match value:
        case {"data": name}:
            return DATA[name]() if name in DATA else table(name)
        case {"dataset": name, **more}:
            return column(name, **more)
        case {"range": n}:
            return np.arange(n)
        case {"zeros": shape}:
            return np.zeros(shape)
        case {"moments": given}:
            return Moments.of(**given)
        case {"effect": given}:
            return effect(**given)
        case _:
            return value


def test_every_case_has_a_source_and_every_kind_of_estimator_has_cases() -> None:
    assert len(CASES) >= 25
    assert all(case["source"] and case["expected"] for case in CASES)
    tried = {case["function"].split(".")[-1] for case in CASES}
    kinds = {"correlation", "interrupted", "granger", "panel_effect", "adjusted_effect", "rollout_effect",
             "synthetic_control", "instrument", "portfolio_slope", "pool"}  # fmt: skip
    assert kinds <= tried


@pytest.mark.parametrize("case", CASES, ids=[f"{i}-{case['function']}" for i, case in enumerate(CASES)])
def test_a_worked_case_is_reproduced(case: dict[str, Any]) -> None:
    module, _, function = case["function"].rpartition(".")
    assert module.startswith(_FLOORS)
    arguments = {name: read(value) for name, value in case["arguments"].items()}
    found = getattr(import_module(f"metricstack.{module}"), function)(**arguments)
    for field, expected in case["expected"].items():
        answer: Any = found
        for step in field.split(".") if field else ():
            answer = answer[int(step)] if step.lstrip("-").isdigit() else getattr(answer, step)
        assert answer == pytest.approx(expected, abs=case["tolerance"]), field
