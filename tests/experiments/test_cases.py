"""What worked cases promise: every number of `cases.json`, each with its source, is reproduced."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metricstack import experiments
from metricstack.core.values import Moments

CASES = json.loads(Path(__file__).with_name("cases.json").read_text(encoding="utf-8"))


def read(value: Any) -> Any:
    """Turn ``{"moments": {...}}`` into `Moments`, at any depth."""
    if not isinstance(value, dict):
        return value
    if "moments" not in value:
        return {name: read(part) for name, part in value.items()}
    given = value["moments"]
    if "mean" in given:
        return Moments.of(given["n"], given["mean"], given["variance"])
    cross = np.array(given["covariance"]) * (given["n"] - 1)
    return Moments(given["n"], np.array(given["means"]), cross, tuple(given["names"]))


@pytest.mark.parametrize("case", CASES, ids=[f"{i}-{case['function']}" for i, case in enumerate(CASES)])
def test_a_worked_case_is_reproduced(case: dict[str, Any]) -> None:
    assert case["source"]
    found = getattr(experiments, case["function"])(**{name: read(value) for name, value in case["arguments"].items()})
    for field, expected in case["expected"].items():
        answer: Any = found
        for step in field.split("."):
            answer = answer[int(step)] if step.isdigit() else getattr(answer, step)
        assert answer == pytest.approx(expected, abs=case["tolerance"]), field
