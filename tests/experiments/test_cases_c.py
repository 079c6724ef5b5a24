"""What quantiles, rates, pairs, clusters and bandits promise: the numbers of every worked case, with its source."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metricstack.core.values import Moments
from metricstack.experiments import bandits, clusters, intraclass, pairs, policies, quantile_effects, rates, switchbacks

CASES = json.loads(Path(__file__).with_name("cases_c.json").read_text(encoding="utf-8"))
ROOMS = (bandits, clusters, intraclass, pairs, policies, quantile_effects, rates, switchbacks)


def read(argument: Any) -> Any:
    """Read an argument: sums written as ``{"moments": …}`` become `Moments`."""
    if isinstance(argument, dict) and "moments" in argument:
        sums = argument["moments"]
        if "mean" in sums:
            return Moments.of(sums["n"], sums["mean"], sums["variance"])
        cross = np.array(sums["covariance"]) * (sums["n"] - 1)
        return Moments(sums["n"], np.array(sums["means"]), cross, tuple(sums["names"]))
    return argument


@pytest.mark.parametrize("case", CASES, ids=[f"{i}-{case['function']}" for i, case in enumerate(CASES)])
def test_the_case_is_reproduced(case: dict[str, Any]) -> None:
    assert case["source"]
    function = next(getattr(room, case["function"]) for room in ROOMS if case["function"] in room.__all__)
    answer = function(**{name: read(argument) for name, argument in case["arguments"].items()})
    for name, expected in case["expected"].items():
        found = answer
        for step in name.split("."):
            found = found[int(step)] if step.isdigit() else getattr(found, step)
        assert found == pytest.approx(expected, abs=case["tolerance"], rel=case["tolerance"]), name
