"""What reading an experiment promises on every engine: the numbers of DuckDB, from the same rows."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metricstack.core.values import Moments
from metricstack.experiments import compare
from tests.conformance import engine_cases as cases
from tests.conftest import absent
from tests.metrics.conftest import at, minutes, write_workspace

pytestmark = [pytest.mark.engine, pytest.mark.slow]


@pytest.fixture
def company_of_two_arms(tmp_path: Path) -> Path:
    """Two arms of 60 users with one to three runs each, drawn once; a few users of both arms, or of an override."""
    draw = np.random.default_rng(11)
    declared = {
        "experiment": "retry", "registered_at": at("06-28"), "ingested_at": at("06-28"), "start": at("07-01 00:00"),
        "end": at("08-01 00:00"), "unit": "user", "arms": '["control", "treatment"]', "allocation": "[0.5, 0.5]",
        "primary_metric": "task_success", "guardrails": '{"cost_per_request": 0.5, "latency_p95": 0.5}',
        "design": "group_sequential", "alpha": 0.05, "planned_n": 160.0, "use_case": "support",
    }  # fmt: skip
    assigned: list[dict[str, Any]] = [
        {"experiment": "retry", "unit": f"{arm[0]}{i}", "variant": arm, "reason": "split", "exposed": True,
         "first_exposure": at("07-02") + minutes(i)}
        for arm in ("control", "treatment") for i in range(60)
    ]  # fmt: skip
    assigned += [assigned[0] | {"variant": "treatment"}, assigned[1] | {"reason": "override"}]
    runs: list[dict[str, Any]] = [
        {"run": f"{one['unit']}-{j}", "user": one["unit"], "start": one["first_exposure"] + minutes(5 + j),
         "outcome": str(draw.choice(["success", "failure", "unknown"])), "cost": float(draw.exponential()),
         "latency": float(draw.lognormal()), "use_case": "support", "sample_probability": float(draw.choice([1, 0.5]))}
        for one in assigned[:120] for j in range(int(draw.integers(1, 4)))
    ]  # fmt: skip
    write_workspace(tmp_path, {"experiments": [declared], "assignments": assigned, "requests": runs})
    return tmp_path


@pytest.mark.parametrize("engine", ["postgres", "spark"])
def test_an_experiment_reads_the_same(engine: str, company_of_two_arms: Path, request: pytest.FixtureRequest) -> None:
    # Sums are added in another order: 1e-9 of the number. A quantile's error rests on a hash, which engines differ in.
    here = cases.on(company_of_two_arms)
    if engine == "postgres":
        url = request.getfixturevalue("postgres")
        there = cases.on(company_of_two_arms, warehouse=cases.copy_to_postgres(here, url, "experiment"))
    else:
        if cases.JAVA is None:
            absent("Java is not installed, which Spark needs: `make system` installs it")
        there = cases.on(company_of_two_arms, "spark:local[2]")
    try:
        one, other = compare(here, "retry"), compare(there, "retry")
    finally:
        here.close()
        there.close()
    assert dict(one.units) == dict(other.units)
    assert [check.detail for check in one.checks] == [check.detail for check in other.checks]
    assert len(one.readings) == 3
    for a, b in zip(one.readings, other.readings, strict=True):
        for x, y in ((a.control, b.control), (a.treatment, b.treatment)):
            assert isinstance(x, Moments)
            assert isinstance(y, Moments)
            assert y.mean == pytest.approx(x.mean, rel=1e-9)
            if a.metric != "latency_p95":
                assert y.variance == pytest.approx(x.variance, rel=1e-9)
