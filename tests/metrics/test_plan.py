"""What the plan of a table promises: it belongs to the whole table, does not depend on which rows are looked at first,
a small group inside a large table keeps the coverage of its units, and what is asked by is not its own unit."""

import numpy as np
import pytest

from metricstack.core.streams import stream
from metricstack.core.values import Estimate
from metricstack.core.windows import Window
from metricstack.metrics import evaluate
from metricstack.metrics.query.plan import plan_of, units_per_row
from metricstack.numerics.intervals import interval, spread_of_groups, spread_of_units

from .conftest import Build, Rows, at, finding_of, groups_of, minutes, value_of


def rows_of(users: int, count: int, **columns: object) -> Rows:
    return [
        {"run": f"r{i}", "user": f"u{i % users}", "start": at("07-01") + minutes(i), "cost": 1.0 + i % 7} | columns
        for i in range(count)
    ]


@pytest.mark.parametrize("look", [10, 100_000])
def test_the_first_rows_decide_nothing_that_the_others_could_change(
    build: Build, monkeypatch: pytest.MonkeyPatch, look: int
) -> None:
    monkeypatch.setattr("metricstack.metrics.query.plan.LOOK", look)
    few, many = build(requests=rows_of(5, 40)), build(requests=rows_of(40, 40))
    sampled = build(requests=[*rows_of(5, 39), rows_of(5, 1)[0] | {"run": "last", "sample_probability": 0.5}])
    unnamed = build(requests=[row | {"user": None} for row in rows_of(5, 39)] + rows_of(5, 1))
    plans = [plan_of(ws, "requests", exact_units=20) for ws in (few, many, sampled, unnamed)]
    assert [(plan.cluster[0], plan.gathered, plan.weighted) for plan in plans] == [
        ("user", False, False), ("user", True, False), ("user", False, True), ("user", True, False),
    ]  # fmt: skip


def test_units_are_counted_in_a_few_buckets(build: Build) -> None:
    ws = build(requests=rows_of(600, 3000))
    plan = plan_of(ws, "requests", exact_units=512)
    # 600 users of 5 rows each: in whichever buckets they are counted, a fifth of the rows.
    assert units_per_row(ws, "requests", plan) == pytest.approx(0.2)


def test_a_day_of_a_large_table_has_the_units_of_the_table(build: Build) -> None:
    # 600 users are gathered in 64 groups, also on a day on which three of them came.
    late = [row | {"run": f"late{i}", "start": at("08-01")} for i, row in enumerate(rows_of(3, 12))]
    ws = build(requests=rows_of(600, 600) + late)
    answer = evaluate(ws, "cost_per_request", window=Window(at("08-01 00:00"), at("08-02 00:00"))).findings[0].answer
    assert isinstance(answer, Estimate)
    seen = int(answer.method.partition("clusters: ")[2].split()[0])
    assert 2 <= seen <= 3
    assert "random groups of users" in answer.method


def test_twenty_units_in_64_groups_cover_as_units_one_by_one_do() -> None:
    random, hits = stream(31, "small groups"), np.zeros(2)
    for _ in range(1500):
        size = random.geometric(0.3, 20)
        user = np.repeat(np.arange(20), size)
        x = random.normal(0, 1, len(user)) + random.normal(0, 1, 20)[user]
        residual = (x - x.mean()) / len(x)
        group = random.integers(0, 64, 20)
        sums = np.bincount(group[user], weights=residual, minlength=64)[np.unique(group)]
        for i, spread in enumerate((spread_of_groups(sums, 64), spread_of_units(np.bincount(user, weights=residual)))):
            low, high = interval(float(x.mean()), spread, level=0.95)
            hits[i] += low <= 0 <= high
    rates = hits / 1500
    # Monte Carlo error of a 95 % rate is 0.6 points; unequal numbers of rows cost some of it in both.
    assert rates[0] == pytest.approx(rates[1], abs=0.012)
    assert 0.92 <= rates[0] <= 0.97


def shipped(count: int) -> Rows:
    """Deployments of two services, a quarter of which failed."""
    return [
        {"deployment": f"d{i}", "service": "ab"[i % 2], "deployed": at("07-01") + minutes(60 * i), "status": "success",
         "failed": i % 4 == 0, "rework": False}
        for i in range(count)
    ]  # fmt: skip


def test_what_is_asked_by_or_filtered_on_is_not_its_own_unit(build: Build) -> None:
    # Deployments of one service all belong to one service: within it, each deployment is a unit.
    ws = build(deployments=shipped(40))
    assert groups_of(ws, "change_fail_rate", "service") == {"a": 0.5, "b": 0.0}
    alone = finding_of(ws, "change_fail_rate", where={"service": "a"}).answer
    assert isinstance(alone, Estimate)
    assert alone.value == 0.5
    assert "20 deployments" in alone.method
    both = finding_of(ws, "change_fail_rate").answer
    assert isinstance(both, Estimate)
    assert "2 services" in both.method


def test_where_time_alone_tells_rows_apart_each_instant_is_a_unit(build: Build) -> None:
    rows = [
        {"feed": "ab"[i % 2], "stage": "source_to_pipeline", "finished": at("07-01") + minutes(60 * i),
         "status": "failure" if i % 3 == 0 else "success"}
        for i in range(24)
    ]  # fmt: skip
    ws = build(pipeline_runs=rows)
    assert groups_of(ws, "pipeline_failure_rate", "feed") == {"a": pytest.approx(1 / 3), "b": pytest.approx(1 / 3)}
    answer = finding_of(ws, "pipeline_failure_rate", where={"feed": "a"}).answer
    assert isinstance(answer, Estimate)
    assert "12 instants" in answer.method
    assert value_of(ws, "pipeline_failure_rate") == pytest.approx(1 / 3)
