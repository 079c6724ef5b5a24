"""What the plan of a table promises: it belongs to the whole table, does not depend on which rows are looked at first,
and a small group inside a large table keeps the coverage of its units."""

import numpy as np
import pytest

from metricstack.core.streams import stream
from metricstack.core.values import Estimate
from metricstack.core.windows import Window
from metricstack.metrics import evaluate
from metricstack.metrics.query.plan import plan_of, units_per_row
from metricstack.numerics.intervals import interval, spread_of_groups, spread_of_units

from .conftest import Build, Rows, at, minutes


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
