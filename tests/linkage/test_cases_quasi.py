"""What worked cases of quasi-experiments promise: every number of `cases_quasi.json`, each with its source."""

import json
from pathlib import Path
from typing import Any

import pytest

from metricstack.core.values import Moments
from metricstack.linkage.instruments import instrument
from metricstack.linkage.rollout import rollout_effect
from metricstack.linkage.synthetic import synthetic_control
from metricstack.linkage.two_by_two import difference_in_differences, difference_in_differences_of

from .quasi_data import DATA

CASES = json.loads(Path(__file__).with_name("cases_quasi.json").read_text(encoding="utf-8"))
FUNCTIONS = {
    one.__name__: one
    for one in (
        difference_in_differences, difference_in_differences_of, instrument, rollout_effect, synthetic_control,
    )
}  # fmt: skip


def read(value: Any) -> Any:
    """Turn ``{"data": name}`` into a table and ``{"moments": {...}}`` into `Moments`, at any depth."""
    if isinstance(value, list):
        return [read(part) for part in value]
    if not isinstance(value, dict):
        return value
    if "data" in value:
        return DATA[value["data"]]()
    return Moments.of(**value["moments"])


def test_ten_cases_at_least_have_a_source() -> None:
    assert len(CASES) >= 10
    assert all(case["source"] for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=[f"{i}-{case['function']}" for i, case in enumerate(CASES)])
def test_a_worked_case_is_reproduced(case: dict[str, Any]) -> None:
    found = FUNCTIONS[case["function"]](**{name: read(value) for name, value in case["arguments"].items()})
    for field, expected in case["expected"].items():
        answer: Any = found
        for step in field.split("."):
            answer = answer[int(step)] if step.lstrip("-").isdigit() else getattr(answer, step)
        assert answer == pytest.approx(expected, abs=case["tolerance"]), field
