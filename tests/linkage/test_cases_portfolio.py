"""What worked cases promise: every number of `cases_portfolio.json`, each with its source, is reproduced."""

import json
from pathlib import Path
from typing import Any

import pytest

from metricstack.linkage.pooling import pool
from metricstack.linkage.portfolio import portfolio_slope
from metricstack.linkage.portfolio_power import portfolio_power

CASES = json.loads(Path(__file__).with_name("cases_portfolio.json").read_text(encoding="utf-8"))
FUNCTIONS = {function.__name__: function for function in (pool, portfolio_power, portfolio_slope)}


@pytest.mark.parametrize("case", CASES, ids=[f"{i}-{case['function']}" for i, case in enumerate(CASES)])
def test_a_worked_case_is_reproduced(case: dict[str, Any]) -> None:
    assert case["source"]
    found: Any = FUNCTIONS[case["function"]](**case["arguments"])
    for field, expected in case["expected"].items():
        answer = found
        for step in field.split("."):
            answer = answer[int(step)] if step.isdigit() else getattr(answer, step)
        assert answer == pytest.approx(expected, abs=case["tolerance"]), field
