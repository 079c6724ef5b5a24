"""What `explain` promises: parts worked out on paper that add up to the change, and refusals where there are none."""

import json
from typing import Any

import numpy as np
import pytest

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Estimate, Finding, Reason, Refusal
from metricstack.metrics import Explanation, evaluate, explain, explain_each
from metricstack.telemetry import Workspace

from .conftest import Build, Rows, at, minutes

close = pytest.approx
Q2, Q3 = "2026Q2", "2026Q3"


def requests(start: str, count: int, good: int = 0, *, users: int = 10, **columns: Any) -> Rows:
    """Return requests a minute apart, the first ``good`` of them successful."""
    first = at(start)
    rows = []
    for i in range(count):
        row: dict[str, Any] = {"start": first + minutes(i), "user": f"u{i % users}"}
        row |= {"outcome": "success" if i < good else "failure"}
        row |= {name: value[i] if isinstance(value, list) else value for name, value in columns.items()}
        rows.append(row)
    return rows


def numbered(*parts: Rows) -> Rows:
    return [row | {"run": f"r{i}"} for i, row in enumerate(row for part in parts for row in part)]


def amount(finding: Finding) -> float:
    assert isinstance(finding.answer, Estimate), finding.answer
    return finding.answer.value


def shifts(found: Explanation, *by: str) -> dict[str, float]:
    return {group.name: amount(group.shift) for group in found.by(*by).groups}


def whole(found: Explanation) -> float:
    assert isinstance(found.change.difference, Estimate)
    return found.change.difference.value


@pytest.fixture
def reversal(build: Build) -> Workspace:
    """Both regions get better, and the whole gets worse: easy 50 of 50 rows, then 10; hard 50, then 90."""
    return build(
        requests=numbered(
            requests("05-01", 50, 10, region="hard"), requests("05-02", 50, 40, region="easy"),
            requests("08-01", 90, 27, region="hard"), requests("08-02", 10, 9, region="easy"),
        )
    )  # fmt: skip


# By hand


def test_a_mean_in_parts_worked_out_on_paper(reversal: Workspace) -> None:
    # The numbers of `test_a_ratio_in_parts_worked_out_on_paper` in numerics: 0.5 to 0.36.
    found = explain(reversal, "task_success", before=Q2, after=Q3, by="region")
    part = found.by("region")
    assert amount(part.part("rate")) == close(0.10)
    assert amount(part.part("mix")) == close(-0.24)
    assert (amount(part.part("new")), amount(part.part("vanished"))) == (0, 0)
    assert shifts(found, "region") == {"easy": close(0.03 - 0.168), "hard": close(0.07 - 0.072)}
    assert list(shifts(found, "region")) == ["easy", "hard"]  # the largest first
    assert whole(found) == close(-0.14)


def test_a_reversal_is_told(reversal: Workspace) -> None:
    checks = {check.name: check for check in explain(reversal, "task_success", before=Q2, after=Q3, by="region").checks}
    assert checks["no_reversal"].passed is False
    assert "Simpson" in checks["no_reversal"].detail


def test_a_total_in_parts_worked_out_on_paper(build: Build) -> None:
    # web: 10 runs of 1 $ become 20 of 1.5 $; app comes with 4 of 2 $; api, 5 of 1 $, goes.
    ws = build(
        requests=numbered(
            requests("05-01", 10, channel="web", cost=1.0), requests("05-01", 5, channel="api", cost=1.0),
            requests("08-01", 20, channel="web", cost=1.5), requests("08-01", 4, channel="app", cost=2.0),
        )
    )  # fmt: skip
    found = explain(ws, "total_cost", before=Q2, after=Q3, by="channel")
    parts = {kind: amount(finding) for kind, finding in found.by("channel").parts}
    assert parts == {"rate": close(7.5), "volume": close(12.5), "new": close(8), "vanished": close(-5)}
    assert whole(found) == close(23)
    assert found.by("channel").part("volume").answer.is_census


def test_a_ratio_of_two_sums_uses_its_denominator_as_share(build: Build) -> None:
    # web 10 $ for 10 successes, then 20 $ for 10; app 30 $ for 10 both times: 2 $, then 2.5 $; half of all each.
    ws = build(
        requests=numbered(
            *(
                requests(day, 20, 10, channel=channel, cost=cost)
                for day, channel, cost in (
                    ("05-01", "web", 0.5), ("05-02", "app", 1.5), ("08-01", "web", 1.0), ("08-02", "app", 1.5),
                )
            )
        )
    )  # fmt: skip
    found = explain(ws, "cost_per_successful_outcome", before=Q2, after=Q3, by="channel")
    assert whole(found) == close(0.5)
    assert shifts(found, "channel") == {"web": close(0.5), "app": close(0, abs=1e-12)}


def test_a_median_is_explained_by_its_distribution(build: Build) -> None:
    # As on paper in numerics: medians 1 and 10, rate 1, mix 8.
    ws = build(
        requests=numbered(
            requests("05-01", 30, region="a", latency=1.0, users=40),
            requests("05-02", 10, region="b", latency=9.0, users=40),
            requests("08-01", 10, region="a", latency=2.0, users=40),
            requests("08-02", 30, region="b", latency=10.0, users=40),
        )
    )
    found = explain(ws, "latency_p50", before=Q2, after=Q3, by="region")
    parts = {kind: amount(finding) for kind, finding in found.by("region").parts}
    assert parts == {"rate": close(1), "mix": close(8), "new": close(0), "vanished": close(0)}


# Laws


@pytest.fixture
def busy(build: Build) -> Workspace:
    random = stream(21, "busy")

    def rows(start: str, count: int, shift: float) -> Rows:
        region = random.choice(["eu", "us", "asia"], count, p=[0.5 - shift, 0.3 + shift, 0.2])
        model = random.choice(["m1", "m2"] if shift == 0 else ["m2", "m3"], count)
        return [
            {"start": at(start) + minutes(i), "user": f"u{random.integers(60)}", "region": str(r), "model": str(m),
             "outcome": "success" if random.uniform() < 0.6 + 0.2 * (r == "eu") + shift * (m == "m3") else "failure",
             "latency": float(np.exp(random.normal(0.2 * (r == "us") + shift, 0.7))), "cost": float(random.uniform()),
             "sample_probability": 0.5 if random.uniform() < 0.3 else 1.0}
            for i, (r, m) in enumerate(zip(region, model, strict=True))
        ]  # fmt: skip

    return build(requests=numbered(rows("05-01", 400, 0.0), rows("08-01", 500, 0.1)))


EVERY = ["task_success", "cost_per_successful_outcome", "success_per_dollar", "total_cost", "throughput", "latency_p95",
         "latency_p50", "cost_per_request"]  # fmt: skip


@pytest.mark.parametrize("metric", EVERY)
def test_parts_and_groups_add_up_to_the_difference_of_both_values(busy: Workspace, metric: str) -> None:
    found = explain(busy, metric, before=Q2, after=Q3, by=["region", "model"])
    values = [amount(evaluate(busy, metric, window=window).findings[0]) for window in (Q2, Q3)]
    change = values[1] - values[0]
    assert whole(found) == close(change, abs=1e-9 * max(values))
    for part in found:
        assert part.refusal is None
        assert sum(amount(finding) for _, finding in part.parts) == close(change, abs=1e-9 * max(values))
        assert sum(amount(group.shift) for group in part.groups) == close(change, abs=1e-9 * max(values))
        for group in part.groups:
            assert sum(amount(finding) for _, finding in group.parts) == close(amount(group.shift), abs=1e-9)


@pytest.mark.parametrize("metric", ["task_success", "total_cost", "latency_p95"])
def test_swapping_the_windows_negates(busy: Workspace, metric: str) -> None:
    there = explain(busy, metric, before=Q2, after=Q3, by="region")
    back = explain(busy, metric, before=Q3, after=Q2, by="region")
    for kind, finding in there.by("region").parts:
        assert amount(back.by("region").part(kind)) == close(-amount(finding), abs=1e-9)


def test_new_and_vanished_models_are_named(busy: Workspace) -> None:
    part = explain(busy, "task_success", before=Q2, after=Q3, by="model").by("model")
    kinds = {group.name: [kind for kind, _ in group.parts] for group in part.groups}
    assert (kinds["m1"], kinds["m3"]) == (["vanished"], ["new"])


def test_every_part_has_an_interval_that_holds_it(busy: Workspace) -> None:
    for metric in ("task_success", "latency_p95", "total_cost"):
        for finding in explain(busy, metric, before=Q2, after=Q3, by="region").by("region").findings:
            answer = finding.answer
            assert isinstance(answer, Estimate)
            assert answer.low is not None
            assert answer.low <= answer.value <= answer.high


def test_several_dimensions_are_explained_each_and_jointly_the_concentrated_one_first(build: Build) -> None:
    rows = []
    for day, good in (("05-01", 0.5), ("08-01", 0.9)):
        for place, region in enumerate(("eu", "us")):
            for model in ("m1", "m2"):
                share = good if model == "m1" else 0.5
                first = f"{day[:2]}-0{1 + place}"
                rows.append(requests(first, 40, round(40 * share), region=region, model=model, users=20))
    ws = build(requests=numbered(*rows))
    found = explain(ws, "task_success", before=Q2, after=Q3, by=["region", "model"])
    assert [part.name for part in found] == ["model", "region", "region × model"]
    assert found.by("model").concentration > found.by("region").concentration
    assert found.by("model").groups[0].name == "m1"
    assert len(found.by("region", "model").groups) == 4


def test_without_a_dimension_the_usual_ones_are_taken(busy: Workspace) -> None:
    assert {"region", "model"} <= {part.name for part in explain(busy, "task_success", before=Q2, after=Q3)}


def test_where_narrows_both_windows(busy: Workspace) -> None:
    found = explain(busy, "task_success", before=Q2, after=Q3, by="model", where={"region": "eu"})
    values = [
        amount(evaluate(busy, "task_success", window=window, where={"region": "eu"}).findings[0]) for window in (Q2, Q3)
    ]
    assert whole(found) == close(values[1] - values[0])


# Calibration


def test_the_interval_of_the_rate_covers_what_is_so(build: Build) -> None:
    # 40 users keep their level; the rate of both regions rises by 0.1. Six draws, of which chance misses more than
    # two once in 400 runs; tests/calibration measures the coverage.
    random, hits, draws = stream(22, "explained"), 0, 6
    for _ in range(draws):
        own, rows = random.normal(0, 0.1, 40), []
        for day, lift in (("05-01", 0.0), ("08-01", 0.1)):
            for i in range(400):
                user = int(random.integers(40))
                chance = 0.5 + lift + own[user]
                rows.append(
                    {"run": f"{day}{i}", "start": at(day) + minutes(i), "user": f"u{user}",
                     "region": "eu" if random.uniform() < 0.5 else "us",
                     "outcome": "success" if random.uniform() < chance else "failure"}
                )  # fmt: skip
        answer = explain(build(requests=rows), "task_success", before=Q2, after=Q3, by="region").by("region")
        rate = answer.part("rate").answer
        hits += rate.low <= 0.1 <= rate.high
    assert hits >= draws - 2


# Refusals


def refused(found: Explanation, *by: str) -> Refusal:
    finding = found.by(*by).refusal
    assert finding is not None
    assert isinstance(finding.answer, Refusal)
    return finding.answer


def test_a_change_that_cannot_be_said_cannot_be_explained(build: Build, busy: Workspace) -> None:
    found = explain(busy, "conversion_rate", before=Q2, after=Q3, by="region")
    assert found.refused is not None
    assert found.breakdowns == ()
    assert "sessions" in found.refused.detail
    assert "cannot be said" in found.say() or "annot say" in found.say()
    few = build(requests=numbered(requests("05-01", 2, region="a"), requests("08-01", 9, region="a")))
    assert explain(few, "task_success", before=Q2, after=Q3, by="region").refused.reason is Reason.DEPENDS_ON_REFUSAL


def test_what_does_not_follow_from_its_groups_is_refused(build: Build) -> None:
    touches = [
        {"run": f"{day}{run}", "workflow": "refund", "phase": "with_ai", "system": system, "touched": at(day)}
        for day, systems in (("05-01", "ab"), ("08-01", "abc"))
        for run in range(6)
        for system in systems
    ]
    found = explain(build(tool_touches=touches), "fragmented_systems", before=Q2, after=Q3, by="workflow")
    assert whole(found) == close(1.0)
    assert "not made of sums over sums" in refused(found, "workflow").detail


def test_a_dimension_that_a_sibling_answers_is_refused(build: Build) -> None:
    spans = [
        {
            "span": f"{day}{i}",
            "trace": f"t{i}",
            "step": "inference",
            "start": at(day),
            "latency": 1.0,
            "quality_ok": True,
        }
        for day in ("05-01", "08-01")
        for i in range(9)
    ]
    both = numbered(requests("05-01", 20, 5, latency=1.0), requests("08-01", 20, 9, latency=1.0))
    found = explain(build(requests=both, spans=spans), "sla_attainment", before=Q2, after=Q3, by=["step"])
    assert whole(found) == close(0.2)
    assert "answered by" in refused(found, "step").detail


def test_groups_that_share_no_window_refuse_a_quantile(build: Build) -> None:
    ws = build(
        requests=numbered(
            requests("05-01", 30, region="a", latency=1.0, users=30),
            requests("08-01", 30, region="b", latency=2.0, users=30),
        )
    )
    assert (
        "no group is in both windows"
        in refused(explain(ws, "latency_p50", before=Q2, after=Q3, by="region"), "region").detail
    )
    mean = explain(ws, "cost_per_request", before=Q2, after=Q3, by="region")
    assert mean.refused is not None  # no cost was recorded at all


def test_small_teams_are_put_together(build: Build) -> None:
    ws = build(
        requests=numbered(
            *(
                requests(day, 30, good, team=team, users=users)
                for day, good in (("05-01", 10), ("08-01", 20))
                for team, users in (("large", 9), ("two", 2), ("three", 3))
            )
        )
    )
    names = shifts(explain(ws, "task_success", before=Q2, after=Q3, by="team"), "team")
    assert set(names) == {"large", "fewer than 5 people"}


# Misuse, and how it shows


def test_what_cannot_be_asked_is_an_error(busy: Workspace) -> None:
    with pytest.raises(InvalidInput, match="overlap"):
        explain(busy, "task_success", before=Q3, after=Q3, by="region")
    with pytest.raises(UnknownName, match="Did you mean 'region'"):
        explain(busy, "task_success", before=Q2, after=Q3, by="regio")
    with pytest.raises(UnknownName, match="Did you mean 'task_success'"):
        explain(busy, "task_sucess", before=Q2, after=Q3)
    with pytest.raises(InvalidInput, match="names a person"):
        explain(busy, "task_success", before=Q2, after=Q3, by="user")
    with pytest.raises(InvalidInput, match="each dimension once"):
        explain(busy, "task_success", before=Q2, after=Q3, by=["region", "region"])
    with pytest.raises(UnknownName, match="model"):
        explain(busy, "task_success", before=Q2, after=Q3, by="model").by("region")


def test_one_name_is_one_metric_and_what_is_no_name_is_refused(busy: Workspace) -> None:
    assert [one.metric for one in explain_each(busy, "task_success", before=Q2, after=Q3, by="region")] == [
        "task_success"
    ]
    with pytest.raises(InvalidInput, match="metrics takes a name or a list of names, not 3"):
        explain_each(busy, [3], before=Q2, after=Q3, by="region")  # type: ignore[list-item]


def test_it_tabulates_says_draws_and_shows_itself(busy: Workspace) -> None:
    found = explain(busy, "task_success", before=Q2, after=Q3, by=["region", "model"])
    table = found.to_pandas()
    assert {"subject", "dimension", "part", "region", "model", "value", "low", "high"} <= set(table.columns)
    assert len(table) == len(found.findings)
    said = found.say()
    assert "By region" in said
    assert "m3" in said
    assert "task_success" in json.dumps(found.to_dict())
    spec = json.dumps(found.chart().to_dict(), ensure_ascii=False)
    assert "rate" in spec
    assert Q3 in spec
    assert "<table" in found._repr_html_()
    empty = explain(busy, "conversion_rate", before=Q2, after=Q3, by="region")
    assert "Cannot say" in json.dumps(empty.chart().to_dict())
    assert empty._repr_html_()
