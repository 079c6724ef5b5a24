"""What worked cases promise: every number of `cases_b.json`, each with its source, is reproduced."""

import functools
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metricstack.core.values import Moments

CASES = json.loads(Path(__file__).with_name("cases_b.json").read_text(encoding="utf-8"))
MODULES = ("sequential", "anytime", "sizing", "guards", "families", "replays")


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


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['function']}: {case['source'][:50]}")
def test_a_worked_case_is_reproduced(case: dict[str, Any]) -> None:
    modules = [import_module(f"metricstack.experiments.{name}") for name in MODULES]
    function = next(getattr(module, case["function"]) for module in modules if hasattr(module, case["function"]))
    found = function(**{name: read(value) for name, value in case["arguments"].items()})
    for field, expected in case["expected"].items():
        assert functools.reduce(getattr, field.split("."), found) == pytest.approx(expected, abs=case["tolerance"])
