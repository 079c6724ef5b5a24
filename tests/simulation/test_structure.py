"""The company is one that you would believe: seasons, dependence, Simpson, silence before the failure."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from metricstack.core.streams import stream
from metricstack.simulation import Intervention, Outcomes, Population, World, draw, sample, unfold
from metricstack.simulation.rollouts import ROLLOUTS


@pytest.fixture(scope="module")
def drawn(world: World) -> tuple[Population, Outcomes]:
    people = draw(world, stream(8, "structure"), n=120_000, tests=False)
    return people, unfold(people)


def test_days_are_busier_than_nights_and_offices_close_at_weekends(world: World) -> None:
    demand = world.demand
    weekday = (world.settings.start.weekday() + demand.day) % 7
    office = demand.weight[:, 3]
    assert office[weekday >= 5].mean() < 0.4 * office[weekday < 5].mean()
    hour = np.arange(demand.hours) % 24  # UTC: two o'clock is three or four in Berlin
    assert demand.weight[hour == 2, 1].mean() < 0.2 * demand.weight[hour == 12, 1].mean()


def test_demand_grows_over_the_period(world: World) -> None:
    # Stated growth of 35 to 60 % from start to end; promotions and seasons move a quarter by less.
    quarter = world.demand.hours // 5
    assert world.demand.weight[-quarter:].sum() > 1.2 * world.demand.weight[:quarter].sum()


def test_requests_of_one_user_are_more_alike_than_those_of_different_users(
    drawn: tuple[Population, Outcomes],
) -> None:
    people, outcomes = drawn
    support = people.use_case == 0
    residual = outcomes.quality[support] - outcomes.quality[support].mean()
    order = np.argsort(people.user[support], kind="stable")
    same = people.user[support][order][1:] == people.user[support][order][:-1]
    alike = np.mean((residual[order][1:] * residual[order][:-1])[same]) / residual.var()
    assert alike > 0.05  # 20,000 pairs: an independent pair gives 0 +- 0.007


def test_the_better_model_looks_worse_until_difficulty_is_held_fixed(clean: dict[str, pa.Table]) -> None:
    requests = clean["requests"].select(["use_case", "model", "outcome", "difficulty"]).to_pandas()
    # Before the last fifth of the period the two models of search are these.
    rows = requests[(requests.use_case == "search_answers") & requests.difficulty.notna()]
    rows = rows.assign(capable=rows.model.str.contains("large"), good=rows.outcome == "success")
    pooled = rows.groupby("capable").good.mean()
    assert pooled[True] < pooled[False]
    bands = rows.assign(band=(rows.difficulty * 4).astype(int)).groupby(["band", "capable"]).good.agg(["mean", "size"])
    middle = bands.loc[[1, 2]]["mean"].unstack()  # 0.25 to 0.75: where both get enough work to compare
    assert (middle[True] > middle[False]).all()


def test_promotions_make_cache_hits_and_conversions_move_together_without_a_path_between_them(
    drawn: tuple[Population, Outcomes],
) -> None:
    people, outcomes = drawn
    hit = outcomes.tokens[:, 0, 1] / np.maximum(outcomes.tokens[:, 0, :3].sum(axis=1), 1)
    business = people.s_use_case != 3
    promotion = people.s_promotion[business]
    converted = outcomes.converted[business]
    assert converted[promotion].mean() > converted[~promotion].mean() + 0.01
    customers = people.use_case != 3
    assert hit[customers & people.promotion].mean() > hit[customers & ~people.promotion].mean() + 0.05
    moved = unfold(people, do=Intervention(cache=0.2))
    assert moved.cost.mean() < outcomes.cost.mean()
    np.testing.assert_array_equal(moved.converted, outcomes.converted)


def test_demand_drives_latency_and_not_the_reverse(drawn: tuple[Population, Outcomes]) -> None:
    people, outcomes = drawn
    search = people.use_case == 1
    busy = people.demand[search] > np.quantile(people.demand[search], 0.8)
    assert outcomes.latency[search][busy].mean() > 1.1 * outcomes.latency[search][~busy].mean()
    slower = unfold(people, do=Intervention(latency=1.5))
    assert slower.abandoned.mean() > outcomes.abandoned.mean()


def test_search_degrades_in_silence_before_it_fails_visibly(world: World) -> None:
    silent = world.disturbances.degradation
    hours = [int((at - world.demand.start[0]) // 3_600_000_000) for at in (silent.start, silent.failure, silent.end)]
    before, during, failing = (
        unfold(draw(world, stream(1, "silence", first), first=first, last=last, n=6000, use_case=1, tests=False))
        for first, last in ((hours[0] - 20 * 24, hours[0]), (hours[1] - 5 * 24, hours[1]), (hours[1], hours[2]))
    )
    assert during.quality.mean() < before.quality.mean() - 0.08
    # 6,000 requests: the error rates have a standard error of 0.001, the mean latency of 1 %.
    assert abs(during.failed.mean() - before.failed.mean()) < 0.005
    assert during.latency.mean() == pytest.approx(before.latency.mean(), rel=0.10)
    assert failing.failed.mean() > 10 * max(during.failed.mean(), 0.002)


def test_an_incident_of_the_infrastructure_raises_errors_while_it_lasts(world: World) -> None:
    incident = next(item for item in world.disturbances.incidents if item.error > 0.1 and item.number > 0)
    hour = int((incident.started - world.demand.start[0]) // 3_600_000_000)
    lasting = world.disturbances.error[hour : hour + 2, incident.use_case].max()
    assert 0.0 < lasting <= 0.7


def test_a_rollout_reaches_cohort_after_cohort_and_some_never(world: World) -> None:
    rollout = ROLLOUTS[0]
    unit = np.arange(len(rollout.units), dtype=np.int8)
    adopted = [(rollout.effects(unit, np.full(len(unit), point))[1] > 0).mean() for point in (0.0, 0.3, 0.45, 0.6, 0.9)]
    assert adopted == pytest.approx([0.0, 10 / 48, 20 / 48, 30 / 48, 39 / 48], abs=1e-9)


def test_the_last_quarter_is_worth_a_review() -> None:
    # Five quarters; 73,000 requests give about 3,000 runs of each quarter and use case and more.
    drawn = sample(requests=73_000, days=458, seed=21, tables=("requests", "incidents"))
    rows = drawn["requests"].select(["use_case", "start", "outcome", "cost"]).to_pandas()
    rows = rows.assign(
        last=rows.start >= "2026-07-10", before=(rows.start >= "2026-04-01") & (rows.start < "2026-06-30")
    )
    support, documents = (rows[rows.use_case == name] for name in ("support_copilot", "document_agent"))
    success = [(support[support[when]].outcome == "success").mean() for when in ("before", "last")]
    assert success[1] > success[0] + 0.02
    cost = [
        documents[documents[when]].cost.sum() / (documents[documents[when]].outcome == "success").sum()
        for when in ("before", "last")
    ]
    assert cost[1] > 1.08 * cost[0]


def test_incidents_are_as_many_as_promised_and_some_lack_a_time() -> None:
    incidents = sample(requests=100, days=458, seed=2, tables=("incidents",))["incidents"]
    assert 40 <= incidents.num_rows <= 60
    assert 0.4 <= pc.mean(incidents["ai_related"].cast(pa.int8())).as_py() <= 0.8
    assert sum(incidents[name].null_count for name in ("acknowledged", "diagnosed", "fixed", "closed")) > 3
