"""What a plan from the workspace's own past promises: numbers by hand, the variance that is then met, and refusals.

* By hand: units by day, the value and variance by unit, what rows would hide, what was before, units and days needed.
* A later experiment of the same process has the standard error that was planned.
* What cannot be known is refused, with what to state.
"""

import json
import math
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from statsmodels.stats.power import TTestIndPower

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Reason, Refusal
from metricstack.experiments import ExperimentPlan, Role, compare, group_sequential_bounds, plan
from metricstack.experiments.baselines import Baseline, History
from metricstack.experiments.declaration import Declaration, Design, Guardrail
from metricstack.experiments.planning import Plan
from metricstack.experiments.prospect import MetricPlan, Needed
from metricstack.telemetry import Workspace
from tests.metrics.conftest import at, minutes, write_workspace

close = pytest.approx
DAYS, A_DAY = 14, 40
DECLARED = Declaration(
    "retry", "user", ("control", "treatment"), (0.5, 0.5), "task_success", at("07-15 00:00"), use_case="support",
    guardrails=(Guardrail("cost_per_request", 0.5),), smallest_effect=0.2,
)  # fmt: skip


def run(name: str, user: str, day: int, outcome: str, cost: float, **more: Any) -> dict[str, Any]:
    start = at("07-01 00:00") + timedelta(days=day) + minutes(len(name))
    return {"run": name, "user": user, "start": start, "outcome": outcome, "cost": cost, "use_case": "support"} | more


def workspace(root: Path, *, more: list[dict[str, Any]] | None = None) -> Workspace:
    """Forty new users a day for fourteen days, two equal runs each: half of them succeed, and cost 1 or 3 USD."""
    rows = [
        run(f"{day}-{i}-{j}", f"u{day}-{i}", day, "success" if i % 2 else "failure", 1.0 if i % 4 < 2 else 3.0)
        for day in range(DAYS)
        for i in range(A_DAY)
        for j in range(2)
    ]
    first = run("0", "first", 0, "success", 1.0, use_case="search", start=at("07-01 00:00"))
    later = run("later", "x", DAYS, "failure", 9.0)  # of a day that is not over
    return write_workspace(root, {"requests": [*rows, first, later, *(more or [])]})


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return workspace(tmp_path_factory.mktemp("company"))


@pytest.fixture(scope="module")
def told(ws: Workspace) -> ExperimentPlan:
    """The plan of what was declared."""
    return plan(ws, DECLARED)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return _process(tmp_path_factory.mktemp("process"))


def primary(found: ExperimentPlan) -> tuple[MetricPlan, Baseline]:
    assert isinstance(found.primary.baseline, Baseline)
    return found.primary, found.primary.baseline


def needed(one: MetricPlan) -> Needed:
    assert isinstance(one.needed, Needed)
    return one.needed


# By hand


def test_traffic_value_and_variance_are_those_of_units(told: ExperimentPlan) -> None:
    _, base = primary(told)
    assert told.arrivals == tuple(A_DAY * day for day in range(1, DAYS + 1))
    assert sorted(base.measured) == [7, 14]
    # Of 560 users half succeed twice: mean 0.5, sample variance of one user's share 0.25 x 560 / 559.
    assert (base.measured[14].n, base.measured[14].mean) == (560, close(0.5))
    assert base.measured[14].variance == close(0.25 * 560 / 559)


def test_units_and_days_needed_agree_with_statsmodels_and_the_calendar(told: ExperimentPlan) -> None:
    # 20 % of 0.5 is 0.1, in standard deviations 0.1 / sqrt(0.25 n / (n - 1)): statsmodels gives the units of an arm.
    # Forty come a day, as many in the second week as in the first: the first day with as many is needed / 40.
    one, _ = primary(told)
    each = TTestIndPower().solve_power(0.1 / math.sqrt(0.25 * 800 / 799), power=0.8, alpha=0.05)
    assert needed(one).units == 2 * math.ceil(each)
    assert needed(one).days == math.ceil(2 * each / A_DAY)
    assert [(sight.days, sight.units) for sight in one.weeks] == [(7, 280), (14, 560), (28, 1120)]


def test_what_is_seen_after_a_week_is_the_effect_of_its_units(told: ExperimentPlan) -> None:
    # At 14 days by statsmodels; at 7 half the units see sqrt(2) times as much (variance 0.25 x 280 / 279 there).
    one, _ = primary(told)
    d = TTestIndPower().solve_power(None, nobs1=280, power=0.8, alpha=0.05)
    wanted = d * math.sqrt(0.25 * 560 / 559)
    assert (one.after(14).absolute, one.after(14).effect) == (close(wanted), close(wanted / 0.5))
    assert one.after(7).absolute == close(wanted * math.sqrt(2 * (280 / 279) / (560 / 559)))
    assert one.after(28).absolute == close(wanted / math.sqrt(2), rel=2e-3)  # the variance goes on as it did


def test_a_guardrail_needs_what_excludes_its_margin(told: ExperimentPlan) -> None:
    # Costs of 1 and 3 USD: variance 1, margin 0.5 x 2 USD. 2 (1.959964 + 0.841621)^2 = 15.7 an arm by the normal; t
    # with 30 degrees of freedom asks for one or two more. They come on the first day; a week is the least.
    guard = told.metrics[1]
    assert (guard.role, guard.target) == (Role.GUARDRAIL, 0.5)
    assert 32 <= needed(guard).units <= 36
    assert needed(guard).days == 7
    assert told.needed == told.primary.needed  # the longest of both


def test_an_absolute_margin_is_in_the_metrics_unit(ws: Workspace, told: ExperimentPlan) -> None:
    absolute = replace(DECLARED, guardrails=(Guardrail("cost_per_request", 1.0, relative=False),))
    one, other = told.metrics[1], plan(ws, absolute).metrics[1]
    assert needed(one).units == needed(other).units
    assert (one.unit, other.unit) == ("fraction", "USD/request")
    assert other.seen(other.after(14)) == other.after(14).absolute


def test_rows_of_one_unit_that_are_equal_count_as_one(told: ExperimentPlan) -> None:
    # Two equal runs a user: (0.25 / 559) / (0.25 / 1119) = 2.0018 times the variance of 1,120 independent rows.
    _, base = primary(told)
    assert base.nested is not None
    assert (base.nested.rows, base.nested.design_effect) == (close(2.0), close(1119 / 559))
    assert base.nested.icc == close(1119 / 559 - 1)


def test_rows_before_the_first_sight_in_the_use_case_or_of_another_do_not_count(
    told: ExperimentPlan, tmp_path: Path
) -> None:
    others = [run(f"s{i}", f"u5-{i}", 6, "success", 50.0, use_case="search") for i in range(A_DAY)]
    others += [run(f"e{i}", f"e{i}", 3, "success", 50.0, use_case="search") for i in range(A_DAY)]
    plain, mixed = told, plan(workspace(tmp_path / "b", more=others), DECLARED)
    assert mixed.arrivals == plain.arrivals
    assert [one.value for one in mixed.metrics] == [one.value for one in plain.metrics]
    everywhere = plan(workspace(tmp_path / "c", more=others), replace(DECLARED, use_case=""))
    assert everywhere.arrivals[-1] == 560 + A_DAY + 1


def _with_past(root: Path) -> Workspace:
    """Eighty users, of whom 30 succeed before and after, 30 never, 10 only before, 10 only after: phi is 0.5.

    The last full day is the 35th; the 28 days that are read begin with day 8, eight days after the first.
    """
    rows = [run("0", "first", 0, "success", 1.0, start=at("07-01 00:00"), use_case="search")]
    for i in range(80):
        for day, good in ((7, i < 40), (10, i < 30 or i >= 70)):
            rows += [run(f"{day}-{i}-{j}", f"u{i}", day, "success" if good else "failure", 1.0 + i) for j in range(2)]
    rows.append(run("later", "x", 36, "failure", 1.0))
    return write_workspace(root, {"requests": rows})


def test_what_units_did_before_takes_its_squared_correlation_away(tmp_path: Path) -> None:
    # phi = (30 x 30 - 10 x 10) / 40^2 = 0.5; R squared 0.25, less what chance explains 1 - 0.75 x 79 / 78. Only
    # successes vary before: each user has two known runs.
    ws, declared = _with_past(tmp_path), replace(DECLARED, start=at("08-06 00:00"), guardrails=(), smallest_effect=0.7)
    one, base = primary(plan(ws, declared))
    assert base.reduction == close(1 - 0.75 * 79 / 78)
    assert isinstance(one.adjusted, Needed)
    assert one.adjusted.units / needed(one).units == close(0.75 * 79 / 78, rel=0.04)  # units are whole
    # Declared, they are taken off when it is read, and so in what is needed.
    other, _ = primary(plan(ws, replace(declared, covariates=("task_success",))))
    assert (needed(other).units, other.adjusted) == (one.adjusted.units, None)
    assert other.after(28).effect / one.after(28).effect == close(math.sqrt(0.75 * 79 / 78), rel=1e-3)


def test_without_a_past_nothing_is_taken_off(ws: Workspace) -> None:
    # All fourteen days were read; none are left before them.
    plain, adjusted = plan(ws, DECLARED), plan(ws, replace(DECLARED, covariates=("task_success",)))
    assert plain.primary.adjusted is None
    assert needed(adjusted.primary).units == needed(plain.primary).units


def test_looks_cost_their_inflation_and_a_sequence_more(ws: Workspace) -> None:
    fixed = needed(plan(ws, DECLARED).primary)
    looked = plan(ws, replace(DECLARED, design=Design.GROUP_SEQUENTIAL))
    looks = needed(looked.primary)
    anytime = needed(plan(ws, replace(DECLARED, design=Design.ALWAYS_VALID)).primary)
    assert looks.units / fixed.units == close(group_sequential_bounds(5).inflation(0.8), rel=0.01)  # t against normal
    assert looks.expected is not None
    assert looks.expected < fixed.units
    assert f"{round(looks.expected)} on average" in looked.say()
    assert anytime.units > 1.5 * fixed.units


def test_several_arms_share_alpha_and_units(ws: Workspace) -> None:
    # Three arms of a third: each pair has two thirds of the units, and alpha / 2.
    three = replace(DECLARED, arms=("control", "a", "b"), allocation=(1 / 3, 1 / 3, 1 / 3))
    each = TTestIndPower().solve_power(0.1 / math.sqrt(0.25 * 1440 / 1439), power=0.8, alpha=0.025)
    assert needed(plan(ws, three).primary).units == math.ceil(2 * math.ceil(each) * 1.5)


def test_the_planned_n_is_held_against_what_is_needed(ws: Workspace) -> None:
    found = plan(ws, replace(DECLARED, planned_n=400, end=at("07-25 00:00")))
    assert isinstance(found.planned, Needed)
    wanted = TTestIndPower().power(0.1 / math.sqrt(found.primary.baseline.after(10).variance), 200, 0.05)  # type: ignore[union-attr]
    assert (found.planned.days, found.planned.plan.power) == (10, close(wanted, abs=1e-6))
    told = {check.name: check for check in found.checks}
    assert told["planned_n"].passed is False
    assert "needed" in told["planned_n"].detail
    assert told["planned_end"].passed is False
    assert "half the time" in told["ship_if"].detail  # an estimate is above its truth half the time
    enough = plan(ws, replace(DECLARED, planned_n=needed(found.primary).units))
    assert {check.name: check.passed for check in enough.checks}["planned_n"] is True


# Laws


def test_a_larger_effect_takes_fewer_units_and_more_power_more(ws: Workspace) -> None:
    by_effect = [needed(plan(ws, DECLARED, effect=effect).primary) for effect in (0.3, 0.6)]
    by_power = [needed(plan(ws, DECLARED, power=power).primary) for power in (0.6, 0.9)]
    assert [one.units for one in by_effect] == sorted((one.units for one in by_effect), reverse=True)
    assert [one.units for one in by_power] == sorted(one.units for one in by_power)
    assert all(isinstance(one.plan, Plan) and one.plan.power >= 0.8 - 1e-9 for one in by_effect)


def test_the_effect_seen_on_the_day_needed_is_the_one_that_was_asked_for(told: ExperimentPlan) -> None:
    one, _ = primary(told)
    day = needed(one).days
    assert one.after(day).effect <= 0.2 * (1 + 2e-3) <= one.after(day - 1).effect * (1 + 4e-3)


def test_units_go_on_as_they_came() -> None:
    steady = History(None, tuple(range(10, 290, 10)), 0, {})  # type: ignore[arg-type]
    assert steady.units_after(56) == close(560)
    slowing = History(None, tuple(round(100 * math.sqrt(day)) for day in range(1, 29)), 0, {})  # type: ignore[arg-type]
    assert slowing.units_after(112) == close(100 * math.sqrt(112), rel=0.01)


# Calibration


def _process(root: Path) -> Workspace:
    """Users who come again and again and differ from one another, before an experiment without effect and in it."""
    random = stream(31, "plan")
    people, days = 900, 60
    ability, cost = random.beta(4, 2, people), random.lognormal(-4, 0.5, people)
    rows, assigned = [], {}
    for day in range(days):
        for person in random.choice(people, size=110, replace=False):
            for j in range(1 + int(random.poisson(0.8))):
                outcome = "success" if random.random() < ability[person] else "failure"
                spent = float(cost[person] * random.lognormal(0, 0.4))
                rows.append(run(f"{day}-{person}-{j}", f"u{person}", day, outcome, spent))
            if day >= 30:
                assigned.setdefault(int(person), rows[-1]["start"] - minutes(1))
    declared = {
        "experiment": "retry", "registered_at": at("07-01"), "ingested_at": at("07-01"), "start": at("07-31 00:00"),
        "end": at("08-28 00:00"), "unit": "user", "arms": '["control", "treatment"]', "allocation": "[0.5, 0.5]",
        "primary_metric": "task_success", "guardrails": '{"cost_per_request": 0.1}', "design": "fixed",
        "alpha": 0.05, "use_case": "support", "smallest_effect": 0.05,
    }  # fmt: skip
    exposed = [
        {"experiment": "retry", "unit": f"u{person}", "variant": ("control", "treatment")[int(random.integers(2))],
         "first_exposure": first, "reason": "split", "exposed": True}
        for person, first in assigned.items()
    ]  # fmt: skip
    return write_workspace(root, {"experiments": [declared], "assignments": exposed, "requests": rows})


def test_the_experiment_then_has_the_standard_error_that_was_planned(process: Workspace) -> None:
    # Two samples of the same process, about 880 users each: a variance from as many is known within 5 % (kurtosis 3)
    # to 10 %, its root within half; 15 % are three standard errors.
    planned, readout = plan(process, "retry"), compare(process, "retry")
    counts = tuple(readout.units.values())
    assert planned.arrivals[-1] == close(sum(counts), rel=0.05)
    for one, reading in zip(planned.metrics, readout.readings, strict=True):
        assert isinstance(one.baseline, Baseline)
        assert not isinstance(reading.effect, Refusal)
        error = math.sqrt(one.baseline.after(28).variance * sum(1 / n for n in counts))
        assert error == close(reading.effect.standard_error, rel=0.15)


def test_counting_rows_would_have_promised_too_much(process: Workspace) -> None:
    # Truth: the variance of Beta(4, 2) is 4 x 2 / (36 x 7) = 0.0317 of 2/3 x 1/3: an intraclass correlation of 1/7.
    # With 900 users it is known within 0.02.
    base = plan(process, "retry").primary.baseline
    assert isinstance(base, Baseline)
    assert base.nested is not None
    assert base.nested.icc == close(1 / 7, abs=0.04)
    assert base.nested.design_effect > 1.5


# Refusal


def test_without_a_smallest_effect_it_says_what_to_state(ws: Workspace) -> None:
    found = plan(ws, replace(DECLARED, smallest_effect=None))
    assert isinstance(found.primary.needed, Refusal)
    assert found.primary.needed.reason == Reason.NOT_MEASURED
    assert "smallest_effect" in found.primary.needed.remedy
    assert found.needed == found.primary.needed
    assert found.primary.weeks  # what can be seen is known all the same


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        (replace(DECLARED, primary="task_sucess"), Reason.NOT_MEASURED),
        (replace(DECLARED, start=at("07-04")), Reason.NO_DATA),
        (replace(DECLARED, use_case="nowhere"), Reason.NO_DATA),
        (replace(DECLARED, smallest_effect=0.005), Reason.TOO_FEW_UNITS),
        (replace(DECLARED, primary="conversion_rate"), Reason.MISSING_TABLE),
    ],
)
def test_what_cannot_be_known_is_refused_with_its_reason(declared: Declaration, reason: Reason, ws: Workspace) -> None:
    found = plan(ws, declared)
    assert isinstance(found.needed, Refusal)
    assert found.needed.reason == reason
    assert "cannot say how long" in found.say()
    assert found.needed.detail.rstrip(".") in found.say()
    assert found.chart() is not None
    assert "<" in found._repr_html_()
    json.dumps(found.to_dict())


def test_without_a_table_that_names_units_nothing_is_known(tmp_path: Path) -> None:
    ws = write_workspace(tmp_path, {"incidents": [{"incident": "i", "started": at("07-01"), "service": "s"}]})
    found = plan(ws, DECLARED)
    assert isinstance(found.needed, Refusal)
    assert found.needed.reason == Reason.MISSING_COLUMN


# Misuse


def test_what_is_not_asked_for_rightly_is_an_error(ws: Workspace) -> None:
    for call in (
        lambda: plan(ws),
        lambda: plan(ws, DECLARED, metric="task_success"),
        lambda: plan(ws, DECLARED, effect=0.0),
        lambda: plan(ws, DECLARED, effect=-0.1),
        lambda: plan(ws, DECLARED, power=1.0),
        lambda: plan(ws, DECLARED, power=0.01),
        lambda: plan(ws, metric="task_success", unit="machine"),
    ):
        with pytest.raises(InvalidInput):
            call()
    with pytest.raises(UnknownName):
        plan(ws, "nothing")
    with pytest.raises(UnknownName):
        plan(ws, metric="task_sucess")


# How it shows


def test_it_says_tabulates_draws_and_exports_itself(told: ExperimentPlan) -> None:
    said = told.say()
    assert said.startswith(f"retry: {needed(told.primary).days} days and about {needed(told.primary).units} users")
    assert "Task success (primary) is 50.0" in said
    assert "intraclass correlation" in said
    table = told.to_pandas()
    days = table[(table.subject == "task_success") & (table.asked == "days needed")]
    assert list(days.value) == [needed(told.primary).days]
    exported = json.loads(json.dumps(told.to_dict()))
    assert exported["needed"]["units"] == needed(told.primary).units
    assert [one["metric"] for one in exported["metrics"]] == ["task_success", "cost_per_request"]
    assert "20" in told.chart().to_dict()["description"]


def test_a_metric_alone_is_planned_for_two_equal_arms(ws: Workspace, tmp_path: Path) -> None:
    found = plan(ws, metric="task_success", use_case="support", effect=0.2)
    assert needed(found.primary).units == needed(plan(workspace(tmp_path / "b"), DECLARED).primary).units
    assert found.key == "task_success"
