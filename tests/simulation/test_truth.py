"""The truth is that of the model: nulls are exactly null, stated steps do what the arithmetic says, verdicts fit.

Relevance is that of the scores that judges give; the chance of a verdict is the power of its test, and what is named
right is never an error of direction.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from metricstack.core.errors import UnknownName
from metricstack.core.streams import stream
from metricstack.simulation import SAMPLE, Dirt, Intervention, Truth, World, draw, find_truth, sample, unfold
from metricstack.simulation.effects import Effect, Pair, measure
from metricstack.simulation.past_tests import PastTest
from metricstack.simulation.population import treat
from metricstack.simulation.verdicts import chances_of, right_verdicts

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def truth(world: World) -> Truth:
    return find_truth(world)


@pytest.mark.parametrize(
    ("cause", "effect", "kind"),
    [
        ("answer_length", "conversion_rate", "null"),
        ("cost_per_request", "conversion_rate", "null"),
        ("relevance", "latency_p95", "null"),
        ("cache_hit_share", "conversion_rate", "confounded"),
        ("latency_p95", "demand", "reverse"),
    ],
)
def test_an_edge_without_a_path_has_an_effect_of_exactly_nothing(
    truth: Truth, cause: str, effect: str, kind: str
) -> None:
    edge = truth.edge(cause, effect)
    assert (edge.kind, edge.truth.value, edge.truth.error) == (kind, 0.0, 0.0)


@pytest.mark.parametrize(
    ("cause", "effect", "sign"),
    [
        ("relevance", "task_success", 1),
        ("relevance", "conversion_rate", 1),
        ("relevance", "revenue_per_session", 1),
        ("relevance", "support_cost_per_case", -1),
        ("task_success", "conversion_rate", 1),
        ("latency_p95", "conversion_rate", -1),
        ("demand", "latency_p95", 1),
        ("error_rate", "task_success", -1),
        ("cache_hit_share", "cost_per_request", -1),
        ("capable_model_share", "relevance", 1),
    ],
)
def test_a_causal_edge_stands_well_above_its_monte_carlo_error(
    truth: Truth, cause: str, effect: str, sign: int
) -> None:
    edge = truth.edge(cause, effect)
    assert edge.truth.value * sign > 5 * edge.truth.error > 0


def test_one_percent_more_errors_cost_one_percent_of_the_successes(truth: Truth) -> None:
    # An error strikes whatever would have come: the share 0.01 of the successes is lost, and a little
    # less, since a run that fails already cannot fail again.
    edge = truth.edge("error_rate", "task_success")
    assert edge.truth.value == pytest.approx(-0.01 * edge.truth.baseline, abs=4 * edge.truth.error + 1e-4)


def test_fifty_words_cost_what_their_tokens_cost(world: World) -> None:
    # 50 words are 67.5 tokens (1.35 each), rounded down to 67 or 68; output costs 2.4 to 12 dollars per million,
    # and a retried run (1.8 % of them) pays a quarter of them again.
    people = draw(world, stream(3, "words"), n=4000, tests=False)
    step = unfold(people, do=Intervention(length=50.0)).cost - unfold(people).cost
    rounding = 1e-8
    assert step.min() >= 67 * 2.4e-6 - rounding
    assert step.max() <= 68 * 12e-6 * 1.26 + rounding


def test_the_effect_of_quality_holds_without_common_random_numbers(world: World, truth: Truth) -> None:
    # Two independent populations: an estimate with nothing of the machinery that the truth was found by.
    edge = truth.edge("relevance", "task_success")
    values = []
    for number, do in enumerate((Intervention(), Intervention(quality=edge.step))):
        people = draw(world, stream(77, "independent", number), n=80_000, tests=False)
        values.append(measure("task_success", people, unfold(people, do=do)))
    # Standard error of the difference of two shares of 0.85 in 80,000: 0.0018, 1.3 for dependence.
    assert values[1] - values[0] == pytest.approx(edge.truth.value, abs=3.5 * 0.0024)


def test_a_pair_of_equal_worlds_differs_by_nothing(world: World) -> None:
    people = draw(world, stream(1, "pair"), n=500)
    same = Pair.whole(people, unfold(people), unfold(people))
    assert all(same.effect(name).value == 0.0 for name in ("relevance", "latency_p95", "revenue_per_session"))


def test_relevance_is_true_of_the_scores_that_judges_give(world: World) -> None:
    # Scores end at 1, so that they move less than quality where answers are good. 200 scores of each of 4,000 runs:
    # their mean has a standard error of 0.05 / sqrt(800,000) = 5.6e-5; quality itself is 4e-4 and 1e-3 away.
    winner = next(test for test in world.tests if test.story == "winner")
    people = draw(world, stream(1, "judges"), n=4000, use_case=winner.use_case, tests=False)
    rng = np.random.default_rng(0)
    for treated in (False, True):
        if treated:
            treat(people, winner, slice(None))
        outcomes = unfold(people)
        quality = outcomes.quality[~outcomes.failed]
        scores = np.clip(quality + 0.05 * rng.standard_normal((200, len(quality))), 0.0, 1.0)
        assert measure("relevance", people, outcomes) == pytest.approx(scores.mean(), abs=3.5 * 5.6e-5)


def test_at_least_sixty_tests_move_several_things_at_once(truth: Truth) -> None:
    assert len(truth.tests) >= 60
    several = [
        test for test in truth.tests if sum(abs(effect.relative) > 0.005 for effect in test.effects.values()) >= 2
    ]
    assert len(several) > 30


def test_every_story_deserves_its_verdict(truth: Truth) -> None:
    by_story = {test.story: test for test in truth.tests}
    assert by_story["broken_split"].deserves == "invalid"
    assert by_story["peeked"].deserves == "hold"
    assert by_story["winner"].deserves == "ship"
    assert by_story["harmful"].deserves == "rollback"
    assert by_story["null"].deserves == "inconclusive"
    assert by_story["immaterial"].deserves == "inconclusive"
    immaterial = by_story["immaterial"]
    assert immaterial.effects[immaterial.primary].value != 0.0
    assert {test.deserves for test in truth.tests} == {"ship", "hold", "rollback", "inconclusive", "invalid"}
    assert all(effect.value == 0.0 for test in truth.tests if test.story == "null" for effect in test.effects.values())


def _simple(world: World, **changes: Any) -> PastTest:
    """A test without guardrails to which so many users come that the planned units are always reached."""
    plain = next(
        test for test in world.tests if (test.story, test.design, test.primary) == ("plain", "fixed", "relevance")
    )
    return replace(plain, **({"guardrails": (), "planned_n": 10**6, "expected_n": 10**6} | changes))


def test_the_chance_of_a_verdict_is_the_power_of_its_test(world: World) -> None:
    test = _simple(world, smallest_effect=0.01)
    # True +2 % with an error of 1 %: clear if z > 1.96 - 2 = -0.04, chance 0.516; clearly worse if z < -3.96: never.
    chances = chances_of(1, test, {"relevance": Effect(0.02, 0.0, "score", 1.0)}, {"relevance": 0.01})
    # 20,000 draws: the standard error of a half is 0.0035.
    assert chances["ship"] == pytest.approx(0.516, abs=3.5 * 0.0035)
    assert chances["inconclusive"] == pytest.approx(0.484, abs=3.5 * 0.0035)
    # The effect must also be seen as large as what matters: of 3 % that takes z > 1, chance 0.159.
    matters = _simple(world, smallest_effect=0.03)
    chances = chances_of(1, matters, {"relevance": Effect(0.02, 0.0, "score", 1.0)}, {"relevance": 0.01})
    assert chances["ship"] == pytest.approx(0.159, abs=3.5 * 0.0026)


def test_a_guardrail_that_cannot_be_seen_holds_and_one_that_is_broken_rolls_back(world: World) -> None:
    test = _simple(world, guardrails=(("latency_p95", 0.08),), smallest_effect=0.01)
    effects = {"relevance": Effect(0.2, 0.0, "score", 1.0), "latency_p95": Effect(0.0, 0.0, "s", 4.0)}
    # Margin 8 %, error 4 %: kept if z > 1.96 - 2, 0.516; broken if harm is above 8 % (2 errors, clear too): 0.023.
    chances = chances_of(1, test, effects, {"relevance": 0.01, "latency_p95": 0.16})
    assert chances["ship"] == pytest.approx(0.516, abs=3.5 * 0.0035)
    assert chances["rollback"] == pytest.approx(0.023, abs=3.5 * 0.0011)
    assert chances["hold"] == pytest.approx(1 - 0.516 - 0.023, abs=3.5 * 0.0035)
    slower = effects | {"latency_p95": Effect(0.8, 0.0, "s", 4.0)}  # 20 % more, three errors beyond the margin
    assert chances_of(1, test, slower, {"relevance": 0.01, "latency_p95": 0.16})["rollback"] > 0.99
    assert right_verdicts(test, slower, {"rollback": 1.0}) == ("rollback",)


def test_what_is_named_right_is_no_error_of_direction(world: World) -> None:
    seldom = dict.fromkeys(("ship", "rollback", "hold", "inconclusive"), 0.25)

    def right(gain: float, **changes: Any) -> set[str]:
        return set(right_verdicts(_simple(world, **changes), {"relevance": Effect(gain, 0.0, "score", 1.0)}, seldom))

    assert right(0.0) == {"inconclusive", "hold"}
    assert right(0.05) == {"ship", "inconclusive", "hold"}
    assert right(-0.05) == {"rollback", "inconclusive", "hold"}
    assert right(0.005) == {"inconclusive", "hold", "ship"}  # better by half of what matters: a matter of size
    assert right(0.005, story="immaterial") == {"inconclusive", "hold"}
    assert right(0.05, story="broken_split") == {"invalid"}
    assert right(0.0, story="peeked") == right(0.05, story="stopped_early") == {"hold"}


def test_the_truth_names_first_what_is_deserved_and_chances_add_up(truth: Truth) -> None:
    for test in truth.tests:
        assert test.right[0] == test.deserves
        assert sum(test.chances.values()) == pytest.approx(1.0)
        if test.story == "null":
            assert {"ship", "rollback", "invalid"}.isdisjoint(test.right)
            # Each metric that decides errs in 2.5 % to the side of harm: a primary and up to three guardrails.
            assert test.chances.get("ship", 0.0) + test.chances.get("rollback", 0.0) < 0.125 + 0.005
        else:
            assert "ship" not in test.right or test.effects[test.primary].value != 0.0


def test_the_first_stage_of_the_sample_is_about_ten() -> None:
    truth = find_truth(World.of(SAMPLE))
    assert 6 < truth.first_stage["f"] < 20


def test_a_rollout_is_stronger_for_its_first_cohort(truth: Truth) -> None:
    rollout = truth.rollouts[0]
    relevance = [rollout.effects[f"cohort_{number}"]["relevance"].value for number in (1, 2, 3, 4)]
    assert relevance[0] > relevance[-1] > 0
    assert set(rollout.never).isdisjoint(rollout.cohorts)
    assert truth.rollouts[1].effects["all"]["latency_p95"].value < 0
    assert truth.rollouts[1].effects["all"]["relevance"].value == 0.0


def test_the_data_of_a_strong_test_show_its_true_effect() -> None:
    drawn = sample(requests=150_000, days=92, seed=9, tables=("feedback", "assignments", "experiments"))
    from metricstack.simulation import Settings

    truth = find_truth(World.of(Settings(requests=150_000, days=92, seed=9, dirt=Dirt.none())))
    test = next(item for item in truth.tests if item.story == "harmful")
    arms = drawn["assignments"].filter(pc.equal(drawn["assignments"]["experiment"], test.name))
    arms = arms.select(["unit", "variant", "first_exposure"]).to_pandas()
    scores = drawn["feedback"].filter(pc.equal(drawn["feedback"]["name"], "relevance")).to_pandas()
    ran = scores[(scores.given >= test.start) & (scores.given < test.end) & (scores.use_case == test.use_case)]
    joined = ran.merge(arms, left_on="user", right_on="unit")
    joined = joined.assign(
        weight=1 / joined.selection_probability, weighted=joined.value / joined.selection_probability
    )
    sums = joined.groupby("variant")[["weighted", "weight"]].sum()
    means = sums.weighted / sums.weight
    # About 1,000 judged runs an arm, spread 0.15, weights and users: standard error near 0.009.
    assert means["treatment"] - means["control"] == pytest.approx(test.effects["relevance"].value, abs=3.5 * 0.009)


def test_every_split_is_even_but_the_broken_one(world: World) -> None:
    identities = np.arange(50_000, dtype=np.uint64)
    for test in world.tests:
        treated, override, lost = test.draw(identities)
        split = treated[~override & ~lost]
        # z of a fair coin: below 4.5 in 66 draws but once in 2,000 companies.
        z = (split.sum() - len(split) / 2) / np.sqrt(len(split) / 4)
        assert (abs(z) > 4.5) == (test.story == "broken_split"), test.name


def test_assignments_name_a_unit_once_per_test_and_split_reasons_apart(clean: dict[str, pa.Table]) -> None:
    rows = clean["assignments"].select(["experiment", "unit", "reason"]).to_pandas()
    assert not rows.duplicated(["experiment", "unit"]).any()
    assert 0.0 < (rows.reason == "override").mean() < 0.02


def test_totals_are_those_of_the_whole_traffic_before_sampling(company: tuple[Path, Truth]) -> None:
    _, truth = company
    assert sum(row["requests"] for row in truth.totals.values()) == 6000
    assert truth.totals["search_answers"]["kept"] < truth.totals["search_answers"]["requests"]
    assert truth.totals["support_copilot"]["kept"] == truth.totals["support_copilot"]["requests"]


def test_an_unknown_edge_metric_or_test_is_named_with_the_nearest(world: World, truth: Truth) -> None:
    people = draw(world, stream(1, "misuse"), n=10)
    with pytest.raises(UnknownName, match="latency_p95"):
        measure("latency_p59", people, unfold(people))
    with pytest.raises(UnknownName, match="relevance -> task_success"):
        truth.edge("relevance", "task_sucess")
    with pytest.raises(UnknownName, match="support-prompt-20"):
        truth.test("support-prompt-2O")
