"""What worked cases promise: every number of the ``cases_*.json`` beside this file, with its source, is reproduced.

A case names a function below ``metricstack`` by its dotted path. An argument may be ``{"dataset": "nile.volume"}``, a
column of a data set of statsmodels (``"growth": true`` for changes of its logarithm), ``{"range": n}``,
``{"zeros": shape}`` or ``{"moments": …}``. An expected number is found by its path of fields and positions; the empty
path is the answer itself.
"""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metricstack.core.values import Moments

FILES = sorted(Path(__file__).parent.glob("cases_*.json"))
CASES = [(path.stem, case) for path in FILES for case in json.loads(path.read_text(encoding="utf-8"))]


def read(value: Any) -> Any:
    """Turn what stands for arrays and moments into them, at any depth."""
    if isinstance(value, list):
        return [read(part) for part in value]
    if not isinstance(value, dict):
        return value
    if "dataset" in value:
        name, _, column = value["dataset"].partition(".")
        frame = import_module(f"statsmodels.datasets.{name}").load_pandas().data
        series = frame[column].to_numpy(np.float64)
        return np.diff(np.log(series)) if value.get("growth") else series
    if "range" in value:
        return np.arange(value["range"])
    if "zeros" in value:
        return np.zeros(value["zeros"])
    if "moments" in value:
        given = value["moments"]
        if "mean" in given:
            return Moments.of(given["n"], given["mean"], given["variance"])
        cross = np.array(given["covariance"]) * (given["n"] - 1)
        return Moments(given["n"], np.array(given["means"]), cross, tuple(given["names"]))
    return {name: read(part) for name, part in value.items()}


@pytest.mark.parametrize(
    "case", [case for _, case in CASES], ids=[f"{stem}-{i}-{case['function']}" for i, (stem, case) in enumerate(CASES)]
)
def test_a_worked_case_is_reproduced(case: dict[str, Any]) -> None:
    assert case["source"]
    module, _, function = case["function"].rpartition(".")
    arguments = {name: read(value) for name, value in case["arguments"].items()}
    found = getattr(import_module(f"metricstack.{module}"), function)(**arguments)
    for field, expected in case["expected"].items():
        answer: Any = found
        for step in field.split(".") if field else ():
            answer = answer[int(step)] if step.isdigit() else getattr(answer, step)
        assert answer == pytest.approx(expected, abs=case["tolerance"]), field
