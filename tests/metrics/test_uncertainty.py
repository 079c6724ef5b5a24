"""Intervals through the engine: few units by hand, many against the exact ones, totals against the truth."""

from pathlib import Path

import numpy as np
import pytest

from metricstack.core.streams import stream
from metricstack.core.values import Estimate
from metricstack.metrics import evaluate, values
from metricstack.simulation import Dirt, simulate
from metricstack.telemetry import open_workspace

from .conftest import Build, at, finding_of, minutes

close = pytest.approx


def answer_of(ws, metric: str, **options) -> Estimate:
    answer = finding_of(ws, metric, **options).answer
    assert isinstance(answer, Estimate), answer
    return answer


def test_few_users_are_taken_one_by_one(build: Build) -> None:
    # Users a, b, c with scores 1, 1 | 0.5, 0.5 | 0, 0.6: mean 0.6; residuals per user 0.8, -0.2, -0.6.
    scores = {"a": (1.0, 1.0), "b": (0.5, 0.5), "c": (0.0, 0.6)}
    rows = [
        {"feedback": f"{user}{i}", "user": user, "name": "trust", "value": value, "given": at("07-01"),
         "selection_probability": 1.0}
        for user, values in scores.items()
        for i, value in enumerate(values)
    ]  # fmt: skip
    answer = answer_of(build(feedback=rows), "trust")
    # Variance (0.64 + 0.04 + 0.36)/36 · 3/2 = 0.0433333; on the logit scale, t(2) = 4.302653:
    # 4.302653 · 0.2081666/0.24 = 3.731957; logit(0.6) = 0.405465.
    assert answer.value == close(0.6)
    assert answer.low == close(1 / (1 + np.exp(3.731957 - 0.405465)), rel=1e-5)
    assert answer.high == close(1 / (1 + np.exp(-3.731957 - 0.405465)), rel=1e-5)
    assert "3 users" in answer.method


def test_few_users_of_unequal_size_count_by_their_rows(build: Build) -> None:
    # Users with 2, 2 and 4 runs that cost 6.4, 3.2 and 6.4: mean 2, residuals over 8 runs 0.3, -0.1, -0.2. Parts of
    # the runs 1/4, 1/4, 1/2: variance 0.09/0.75 + 0.01/0.75 + 0.04/0.5 = 0.213333, 1.8 degrees of freedom
    # (tests/numerics/test_many.py); t(1.8) = 4.794881 (scipy.stats.t). On the log scale
    # 4.794881 · 0.461880/2 = 1.107330.
    cost = [3.2] * 2 + [1.6] * 2 + [1.6] * 4
    rows = [
        {"run": f"r{i}", "user": user, "start": at("07-01"), "cost": x, "sample_probability": 1.0}
        for i, (user, x) in enumerate(zip("aabbcccc", cost, strict=True))
    ]
    ws = build(requests=rows)
    answer = answer_of(ws, "cost_per_request")
    assert (answer.value, answer.low, answer.high) == (
        close(2.0), close(2 * np.exp(-1.107330), rel=1e-5), close(2 * np.exp(1.107330), rel=1e-5),
    )  # fmt: skip
    table = values(ws, "cost_per_request", window="2026Q3").iloc[0]
    assert (table["low"], table["high"]) == (close(answer.low, rel=1e-9), close(answer.high, rel=1e-9))


def test_a_ratio_to_an_amount_reaches_further_to_its_tail_and_says_where_users_are_few(
    build: Build,
) -> None:
    # Users of two runs each: 1, 2 and 2 successes for 1, 2 and 1: 5 / 4; residuals -1/16, -2/16, 3/16; variance
    # 14/256 · 3/2, 2 degrees of freedom: 4.302653 · 0.286411 / 1.25 = 0.985862 on the log scale. Skewness
    # 18 / 14^1.5 = 0.343622; without each 19 / 13^1.5, 26 / 10^1.5 and -9 / 5^1.5, times sqrt(2), give an error of
    # 0.796881. At 95 % the ends are longer by 0.738356 times 1.140503 above, 0.453259 below.
    cost, good = [0.5, 0.5, 1.0, 1.0, 0.5, 0.5], [True, False, True, True, True, True]
    rows = [
        {"run": f"r{i}", "user": "aabbcc"[i], "start": at("07-01"), "cost": cost[i], "sample_probability": 1.0,
         "outcome": "success" if good[i] else "failure"}
        for i in range(6)
    ]  # fmt: skip
    ws = build(requests=rows)
    answer = answer_of(ws, "success_per_dollar")
    assert answer.value == close(1.25)
    assert answer.high == close(1.25 * np.exp(0.985862 * 1.842097), rel=1e-5)
    assert answer.low == close(1.25 * np.exp(-0.985862 * 1.334667), rel=1e-5)
    checks = [one for one in finding_of(ws, "success_per_dollar").checks if one.name == "few_for_their_skew"]
    assert [(one.passed, one.detail.partition(":")[0]) for one in checks] == [(False, "3 users")]
    assert "few_for_their_skew" not in [one.name for one in finding_of(ws, "task_success").checks]


def test_users_that_differ_no_more_than_independent_rows_would_leave_a_share_its_rows(build: Build) -> None:
    # Six users of four runs, 2 of them good, of one 3: users differ less than chance would make them. Wilson of 13
    # of 24, by statsmodels' proportion_confint: no row says more than one that is independent.
    rows = [
        {"run": f"r{i}", "user": f"u{i // 4}", "start": at("07-01"), "sample_probability": 1.0,
         "outcome": "success" if i % 4 < (3 if i < 4 else 2) else "failure"}
        for i in range(24)
    ]  # fmt: skip
    ws = build(requests=rows)
    answer = answer_of(ws, "task_success")
    assert (answer.low, answer.high) == (close(0.3507487, abs=1e-6), close(0.7210867, abs=1e-6))
    table = values(ws, "task_success", window="2026Q3").iloc[0]
    assert (table["low"], table["high"]) == (close(answer.low, rel=1e-9), close(answer.high, rel=1e-9))


def test_where_no_user_is_known_the_session_and_then_the_run_is_the_unit(build: Build) -> None:
    rows = [{"run": f"r{i}", "session": f"s{i // 2}", "start": at("07-01"), "cost": float(i)} for i in range(12)]
    assert "6 sessions" in answer_of(build(requests=rows), "cost_per_request").method
    rows = [{"run": f"r{i}", "start": at("07-01"), "cost": float(i)} for i in range(12)]
    assert "12 runs" in answer_of(build(requests=rows), "cost_per_request").method


def test_many_users_in_64_groups_give_the_interval_of_users_one_by_one(build: Build) -> None:
    random = stream(5, "groups")
    sizes = random.geometric(0.3, 1500)
    user = np.repeat(np.arange(1500), sizes)
    cost = np.exp(random.normal(0, 0.5, len(user)) + random.normal(0, 0.5, 1500)[user])
    latency = np.exp(random.normal(0, 0.5, len(user)) + random.normal(0, 0.5, 1500)[user])
    rows = [
        {"run": f"r{i}", "user": f"u{u}", "start": at("07-01") + minutes(i / 10), "cost": float(c), "latency": float(x)}
        for i, (u, c, x) in enumerate(zip(user, cost, latency, strict=True))
    ]
    ws = build(requests=rows)
    answer = answer_of(ws, "cost_per_request")
    residual = np.bincount(user, weights=cost - cost.mean())
    exact = 1.96 * np.sqrt((residual**2).sum()) / len(user)
    assert "64 random groups" in answer.method
    assert answer.value == close(cost.mean())
    # A variance from 64 groups has a relative error of sqrt(2/63) = 18 %, its root 9 %: three of them.
    assert (answer.high - answer.low) / 2 == close(exact, rel=0.27)
    quantile = answer_of(ws, "latency_p95")
    assert quantile.value == close(float(np.quantile(latency, 0.95)))
    density = ((latency > quantile.value - 0.3) & (latency < quantile.value + 0.3)).mean() / 0.6
    share = np.bincount(user, weights=(latency <= quantile.value) - 0.95)
    exact = 1.96 * np.sqrt((share**2).sum()) / len(user) / density
    assert (quantile.high - quantile.low) / 2 == close(exact, rel=0.4)  # the density's own error comes on top


def test_a_large_tables_quantiles_come_from_the_engine_and_the_histogram(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The same rows, first as vectors, then as a large table is treated.
    random = stream(6, "large")
    rows = [
        {"run": f"r{i}", "user": f"u{i // 4}", "start": at("07-01") + minutes(i), "latency": float(x)}
        for i, x in enumerate(random.lognormal(0, 1, 4000))
    ]
    sampled = [row | {"sample_probability": 1.0 if row["latency"] > 1 else 0.5} for row in rows]
    small = [answer_of(build(requests=part), "latency_p95") for part in (rows, sampled)]
    monkeypatch.setattr("metricstack.metrics.query.fetch.VECTOR_ROWS", 100)
    large = [answer_of(build(requests=part), "latency_p95") for part in (rows, sampled)]
    assert large[0].value == close(small[0].value)
    assert "exact quantile" in large[0].method
    assert large[1].value == close(small[1].value, rel=0.0202)
    assert "histogram" in large[1].method
    for one, other in zip(small, large, strict=True):
        assert (other.low, other.high) == (close(one.low, rel=0.04), close(one.high, rel=0.04))


@pytest.mark.slow
def test_totals_of_sampled_telemetry_hold_the_true_totals(tmp_path: Path) -> None:
    # The simulated company knows what it dropped. Two of its totals per use case, each at 99.9 %.
    truth = simulate(
        tmp_path / "company", requests=8_000, days=458, seed=3,
        dirt=Dirt(sampling_since=0.3, sampling_rate=0.2, sampling_unknown=0.0, null_costs=0.0),
    ).to_dict()["totals"]  # fmt: skip
    ws = open_workspace(tmp_path / "company")
    window = ws.span("requests")
    panel = evaluate(ws, ["transactions", "total_cost"], by="use_case", window=window, level=0.999)
    for name, totals in truth.items():
        for metric, true in (("transactions", totals["requests"]), ("total_cost", totals["cost"])):
            answer = panel.get(metric, use_case=name).answer
            assert isinstance(answer, Estimate)
            if answer.is_census:
                assert answer.value == close(true, rel=1e-6)
            else:
                assert answer.low <= true <= answer.high
                assert answer.value != true
