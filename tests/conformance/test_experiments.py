"""What reading an experiment promises on every engine: the numbers of DuckDB, from the same rows."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metricstack.core.values import Moments
from metricstack.experiments import Effect, OverTime, compare, declaration
from metricstack.telemetry import Workspace
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


def _both(engine: str, company: Path, request: pytest.FixtureRequest) -> tuple[Workspace, Workspace]:
    """The company here, and on another engine."""
    here = cases.on(company)
    if engine == "postgres":
        url = request.getfixturevalue("postgres")
        return here, cases.on(company, warehouse=cases.copy_to_postgres(here, url, company.name))
    if cases.JAVA is None:
        absent("Java is not installed, which Spark needs: `make system` installs it")
    return here, cases.on(company, "spark:local[2]")


@pytest.mark.parametrize("engine", ["postgres", "spark"])
def test_an_experiment_reads_the_same(engine: str, company_of_two_arms: Path, request: pytest.FixtureRequest) -> None:
    # Sums are added in another order: 1e-9 of the number. A quantile's error rests on a hash, which engines differ in.
    here, there = _both(engine, company_of_two_arms, request)
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


@pytest.mark.parametrize("engine", ["postgres", "spark"])
def test_a_cap_over_time_and_a_triggered_ratio_are_the_same(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    # 330 users an arm of whom every third reached the change; every thirtieth came two days before the end.
    draw = np.random.default_rng(12)
    declared = {
        "experiment": "retry", "registered_at": at("06-28"), "ingested_at": at("06-28"), "start": at("07-01 00:00"),
        "end": at("07-10 00:00"), "unit": "user", "arms": '["control", "treatment"]', "allocation": "[0.5, 0.5]",
        "primary_metric": "cost_per_request", "guardrails": "{}", "design": "fixed", "alpha": 0.05,
    }  # fmt: skip
    assigned: list[dict[str, Any]] = [
        {"experiment": "retry", "unit": f"{arm[0]}{i}", "variant": arm, "reason": "split", "exposed": i % 3 == 0,
         "first_exposure": at("07-08 00:00") if i % 30 == 0 else at("07-02 00:00")}
        for arm in ("control", "treatment") for i in range(330)
    ]  # fmt: skip
    runs: list[dict[str, Any]] = [
        {"run": f"{one['unit']}-{day}", "user": one["unit"], "start": one["first_exposure"] + timedelta(days=day),
         "outcome": "success", "cost": float(draw.lognormal(sigma=2.0))}
        for one in assigned for day in (0, 1, 4, 7) if draw.random() < 0.8
    ]  # fmt: skip
    write_workspace(tmp_path, {"experiments": [declared], "assignments": assigned, "requests": runs})
    here, there = _both(engine, tmp_path, request)
    try:
        told = []
        for ws in (here, there):
            one = replace(declaration(ws, "retry"), cap=0.95)
            told.append((compare(ws, replace(one, triggered=True)).primary.everyone, compare(ws, one).over_time))
    finally:
        here.close()
        there.close()
    (a, x), (b, y) = told
    assert isinstance(a, Effect)
    assert isinstance(b, Effect)
    assert (b.value, b.standard_error) == pytest.approx((a.value, a.standard_error), rel=1e-9)
    assert isinstance(x, OverTime)
    assert isinstance(y, OverTime)
    assert len(x.stretches) == 4
    for i, j in zip(x.stretches, y.stretches, strict=True):
        assert isinstance(i.effect, Effect)
        assert isinstance(j.effect, Effect)
        assert (j.effect.value, j.effect.low) == pytest.approx((i.effect.value, i.effect.low), rel=1e-9)
