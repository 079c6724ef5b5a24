"""What reading an experiment in depth promises: covariates, caps, ramps, triggers, unknown outcomes, segments, time.

* By hand: each against a calculation on paper, or against the same estimator on the units themselves (NumPy).
* Guards: a split that changes, arms unlike before, outcomes that are unknown, units that the tables do not name.
* Refusals: what cannot be followed or spread is said, never guessed.
"""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metricstack.core.errors import UnknownName
from metricstack.core.values import Check, Moments, Reason, Refusal
from metricstack.experiments import Diluted, Effect, Readout, Verdict, compare, cuped, declaration, diluted_ratio
from metricstack.experiments.declaration import Declaration, NullPolicy, Ramp
from metricstack.telemetry import open_workspace
from tests.experiments.test_compare import _assigned, _declared, _run
from tests.metrics.conftest import at, minutes, write_workspace

Rows = list[dict[str, Any]]


def _check(readout: Readout, name: str) -> Check:
    return next(check for check in readout.checks if check.name == name)


def _read(root: Path, runs: Rows, assigned: Rows, *, by: tuple[str, ...] = (), **more: Any) -> Readout:
    """Write the tables, and read the experiment with what was declared beside its row."""
    tables = {"experiments": [_declared(planned_n=None, guardrails="{}")], "assignments": assigned, "requests": runs}
    write_workspace(root, tables)
    ws = open_workspace(root)
    one: Declaration = replace(declaration(ws, "retry"), **more)
    return compare(ws, one, by=by)


def _arms(n: int = 40, **more: Any) -> Rows:
    return [_assigned(f"{arm[0]}{i}", arm, **more) for arm in ("control", "treatment") for i in range(n)]


def _costs(draw: np.random.Generator, assigned: Rows) -> tuple[Rows, dict[str, dict[str, np.ndarray]]]:
    """One run before and one after the first exposure of each unit, of costs that go together."""
    runs: Rows = []
    kept: dict[str, dict[str, list[float]]] = {}
    for one in assigned:
        before = float(draw.exponential())
        after = 0.8 * before + float(draw.exponential()) + (0.3 if one["variant"] == "treatment" else 0.0)
        when = one["first_exposure"]
        runs += [
            _run(f"{one['unit']}-b", one["unit"], "success", before, start=when - timedelta(days=2)),
            _run(f"{one['unit']}-a", one["unit"], "success", after, start=when + minutes(5)),
        ]
        mine = kept.setdefault(one["variant"], {"y": [], "x": []})
        mine["y"].append(after)
        mine["x"].append(before)
    return runs, {arm: {name: np.array(values) for name, values in told.items()} for arm, told in kept.items()}


def test_a_covariate_from_before_sharpens_the_effect_as_cuped_does_on_the_units_themselves(tmp_path: Path) -> None:
    # The units' own arrays through `cuped`, which tests/experiments/test_adjustment.py holds to hand calculations.
    # Everybody has one run before, so that its number takes nothing away and the cost is the only covariate.
    assigned = _arms()
    runs, told = _costs(np.random.default_rng(5), assigned)
    readout = _read(tmp_path, runs, assigned, primary="total_cost", covariates=("total_cost",))
    want = cuped(control=told["control"], treatment=told["treatment"], covariates=["x"])
    assert not isinstance(want, Refusal)
    assert readout.primary.effect.value == pytest.approx(want.value, rel=1e-9)
    assert readout.primary.effect.standard_error == pytest.approx(want.standard_error, rel=1e-9)
    assert readout.primary.variance_reduction == pytest.approx(want.variance_reduction, rel=1e-9)
    assert 0.2 < want.variance_reduction < 0.9  # it did take something away
    assert readout.primary.control.mean == pytest.approx(told["control"]["y"].mean())  # what the arm did, as it was


def test_what_units_did_after_exposure_or_long_before_is_no_covariate(tmp_path: Path) -> None:
    assigned = _arms()
    runs, told = _costs(np.random.default_rng(6), assigned)
    more = [
        _run(
            f"{one['unit']}-old",
            one["unit"],
            "success",
            1e6 * (i % 7),
            start=one["first_exposure"] - timedelta(days=29),
        )
        for i, one in enumerate(assigned)
    ]
    readout = _read(tmp_path, runs + more, assigned, primary="total_cost", covariates=("total_cost",))
    want = cuped(control=told["control"], treatment=told["treatment"], covariates=["x"])
    assert readout.primary.effect.value == pytest.approx(want.value, rel=1e-9)


def test_arms_that_were_unlike_before_make_it_invalid(tmp_path: Path) -> None:
    # One standard deviation apart with 200 units an arm: t = 10.
    draw = np.random.default_rng(7)
    assigned = _arms(200)
    runs = [
        _run(f"{one['unit']}-b", one["unit"], "success", float(draw.normal(5 + (one["variant"] == "treatment"))),
             start=one["first_exposure"] - timedelta(days=3))
        for one in assigned
    ]  # fmt: skip
    runs += [_run(f"{one['unit']}-a", one["unit"], "success", float(draw.normal(5))) for one in assigned]
    readout = _read(tmp_path, runs, assigned, primary="total_cost")
    assert readout.verdict is Verdict.INVALID
    assert "in the 28 days before exposure the arms differed in the primary" in _check(readout, "alike_before").detail


def test_a_cap_is_one_for_both_arms(tmp_path: Path) -> None:
    # 100 users; costs 1 … 49 in each arm and one of 1,000,000 in treatment, 50 in control. The 0.98 quantile of the
    # pooled 100 values (linear): place 0.98 x 99 = 97.02: the 98th value is 49, the 99th 50: 49 + 0.02 x 1 = 49.02.
    # Capped sums: control 1 + … + 49 + 49.02, treatment the same: the effect is 0.
    assigned = _arms(50)
    runs = [
        _run(one["unit"], one["unit"], "success", float(1 + i % 50) if i != 99 else 1e6)
        for i, one in enumerate(assigned)
    ]
    readout = _read(tmp_path, runs, assigned, primary="total_cost", cap=0.98)
    assert readout.primary.effect.value == pytest.approx(0.0, abs=1e-9)
    assert readout.primary.control.mean == pytest.approx((sum(range(1, 50)) + 49.02) / 50)
    (told,) = (check for check in readout.primary.effect.checks if check.name == "capping")
    assert "98.0% quantile of both arms: cost at 49.02" in told.detail


def test_units_are_compared_within_stretches_of_one_allocation(tmp_path: Path) -> None:
    # Simpson by ramp: 10 % treated in a bad week, 50 % in a good one. Within each week treatment adds 1 to the cost;
    # the raw means differ by more. Week one: 90 units of 1 and 3 in turn, 30 treated of 2 and 4; week two the same
    # and 10 more, 60 and 60 units. Stretches weigh 120 and 120 units: the effect is 1.
    first = [_assigned(f"c{i}", "control") for i in range(90)] + [_assigned(f"t{i}", "treatment") for i in range(30)]
    later = {"first_exposure": at("07-12")}
    second = [_assigned(f"d{i}", "control", **later) for i in range(60)]
    second += [_assigned(f"u{i}", "treatment", **later) for i in range(60)]
    base = {"c": 1.0, "t": 2.0, "d": 11.0, "u": 12.0}
    runs = [
        _run(one["unit"], one["unit"], "success", base[one["unit"][0]] + 2 * (int(one["unit"][1:]) % 2),
             start=one["first_exposure"] + minutes(5))
        for one in [*first, *second]
    ]  # fmt: skip
    ramps = (Ramp(at("07-08"), (0.5, 0.5)),)
    readout = _read(tmp_path, runs, [*first, *second], primary="total_cost", allocation=(0.75, 0.25), ramps=ramps)
    assert _check(readout, "sample_ratio").passed is True
    assert readout.primary.effect.value == pytest.approx(1.0)
    assert "within stretches of one allocation" in readout.primary.effect.estimate.method
    # By hand: each half has variance n/(n-1) (values ±1 around the mean): 1/4 x (1/89 + 1/29 + 1/59 + 1/59); the
    # effect is the same in both, so that uncertain weights add nothing.
    assert readout.primary.effect.standard_error == pytest.approx(0.5 * (1 / 89 + 1 / 29 + 2 / 59) ** 0.5)
    raw = readout.primary.treatment.mean - readout.primary.control.mean
    assert raw == pytest.approx((30 * 3 + 60 * 13) / 90 - (90 * 2 + 60 * 12) / 150)  # 3.67: what pooling would say


def test_a_split_that_changed_without_being_declared_is_invalid(tmp_path: Path) -> None:
    # 300 : 100 in the first ten days, 100 : 300 in the second: 400 : 400 in all, as declared.
    assigned = [
        _assigned(f"{arm[0]}{day}-{i}", arm, first_exposure=at("07-02") + timedelta(days=day))
        for day in range(20)
        for arm, n in (("control", 30 if day < 10 else 10), ("treatment", 10 if day < 10 else 30))
        for i in range(n)
    ]
    runs = [_run(one["unit"], one["unit"], "success", 1.0, start=one["first_exposure"]) for one in assigned]
    readout = _read(tmp_path, runs, assigned)
    assert _check(readout, "sample_ratio").passed is True
    assert readout.verdict is Verdict.INVALID
    assert "the split changed while it ran" in readout.decided.why


@pytest.mark.parametrize(("policy", "valid", "share"), [
    (NullPolicy.NONE, False, 0.5), (NullPolicy.EXCLUDE, True, 0.5), (NullPolicy.ZERO, True, 0.25),
])  # fmt: skip
def test_unknown_outcomes_need_a_policy(tmp_path: Path, policy: NullPolicy, valid: bool, share: float) -> None:
    # Of each user's four runs one succeeds, one fails and two are unknown: 1/2 of the known, 1/4 of all.
    assigned = _arms()
    runs = [
        _run(f"{one['unit']}-{j}", one["unit"], outcome, 1.0)
        for i, one in enumerate(assigned)
        for j, outcome in enumerate(["success", "failure", "unknown", "unknown"] if i % 2 else
                                    ["failure", "success", "unknown", "unknown"])
    ]  # fmt: skip
    readout = _read(tmp_path, runs, assigned, null_policy=policy)
    assert (readout.verdict is not Verdict.INVALID) is valid
    assert isinstance(readout.primary.control, Moments)
    assert readout.primary.control.mean == pytest.approx(share)
    assert "160 of 320 rows (50.0%)" in _check(readout, "unknown_outcomes").detail


def test_units_that_no_table_names_are_no_units_of_analysis(tmp_path: Path) -> None:
    readout = _read(tmp_path, [_run(f"r{i}", f"other{i}", "success", 1.0) for i in range(40)], _arms())
    assert readout.verdict is Verdict.INVALID
    assert "none of 80 units has a row" in readout.decided.why


def test_segments_are_those_of_the_first_row_and_differ_only_if_they_do(tmp_path: Path) -> None:
    # Segment of the first row: EU for even users, US for odd ones; treatment adds 1 in the EU only. Costs 1 and 3 in
    # turn. Each effect has variance 2 x (20/19) / 20 = 0.1052632 (values ±1, 20 units an arm... 40 per segment).
    assigned = _arms(80)
    runs: Rows = []
    for one in assigned:
        i = int(one["unit"][1:])
        cost = 1.0 + 2 * (i // 2 % 2) + (1.0 if one["variant"] == "treatment" and i % 2 == 0 else 0.0)
        segment = "EU" if i % 2 == 0 else "US"
        runs += [_run(f"{one['unit']}-0", one["unit"], "success", cost, segment=segment)]
        runs += [_run(f"{one['unit']}-1", one["unit"], "success", 0.0, segment="moved", start=at("07-03"))]
    readout = _read(tmp_path, runs, assigned, by=("segment",), primary="total_cost")
    (found,) = readout.segments
    assert [(part.value, part.units) for part in found.parts] == [("EU", 80), ("US", 80)]
    assert [part.effect.value for part in found.parts] == pytest.approx([1.0, 0.0])
    # Q = (1 - 0)^2 / (2 x 2/39): 39/4 = 9.75 on one degree: p = 0.0018 (SciPy's chi2.sf).
    assert found.differs.q == pytest.approx(9.75)
    assert [part.stands_out for part in found.parts] == [True, True]
    assert "differs by segment" in found.say()
    assert readout.primary.effect.value == pytest.approx(0.5)


def test_an_unknown_dimension_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="segment"):
        _read(tmp_path, [_run("a", "c0", "success", 1.0)], _arms(), by=("segmnt",))


def test_an_effect_that_wears_off_is_told(tmp_path: Path) -> None:
    # Success of treated users: 90 % on the first day, half from day 15 on; of control half always. Each user has one
    # run a day on days 0, 2, 5, 10 and 20: one in each stretch, so that a stretch's share is a mean over users.
    draw = np.random.default_rng(3)
    rates = {0: 0.9, 2: 0.8, 5: 0.7, 10: 0.6, 20: 0.5}
    assigned = _arms(400, first_exposure=at("07-02"))
    runs, wins = [], {(arm, day): 0 for arm in ("control", "treatment") for day in rates}
    for one in assigned:
        for day, rate in rates.items():
            won = bool(draw.random() < (rate if one["variant"] == "treatment" else 0.5))
            wins[one["variant"], day] += won
            outcome, when = "success" if won else "failure", at("07-02") + timedelta(days=day, minutes=5)
            runs.append(_run(f"{one['unit']}-{day}", one["unit"], outcome, 1.0, start=when))
    found = _read(tmp_path, runs, assigned).over_time
    assert not isinstance(found, Refusal)
    assert found is not None
    want = [(wins["treatment", day] - wins["control", day]) / 400 for day in rates]
    told = [one for one in found.stretches if not isinstance(one.effect, Refusal)]
    assert [one.effect.value for one in told] == pytest.approx(want)
    assert [one.label for one in told] == ["day 1", "days 2–3", "days 4–7", "days 8–14", "day 15 on"]
    assert found.kind == "novelty"
    assert "wears off" in found.say()


def test_a_total_cannot_be_followed_over_days(tmp_path: Path) -> None:
    assigned = _arms()
    runs = [_run(one["unit"], one["unit"], "success", float(i % 5)) for i, one in enumerate(assigned)]
    found = _read(tmp_path, runs, assigned, primary="total_cost").over_time
    assert isinstance(found, Refusal)
    assert found.reason is Reason.NOT_MEASURED


def test_a_triggered_effect_is_read_on_those_who_met_the_change_and_spread_over_everyone(tmp_path: Path) -> None:
    # 40 of 80 users of each arm reached the change: 2 against 1 USD, ±0.5; the others have nothing. The effect is 1 on
    # the triggered and 1/2 on everyone, of variance (1/2)^2 x Var + 1 x 1/4 / 160.
    assigned = _arms(80)
    for one in assigned:
        one["exposed"] = int(one["unit"][1:]) < 40
    runs = [
        _run(one["unit"], one["unit"], "success", (2.0 if one["variant"] == "treatment" else 1.0) + i % 2 - 0.5)
        for i, one in enumerate(assigned)
        if one["exposed"]
    ]
    readout = _read(tmp_path, runs, assigned, primary="total_cost", triggered=True)
    assert readout.units == {"control": 40, "treatment": 40}
    assert readout.primary.effect.value == pytest.approx(1.0)
    everyone = readout.primary.everyone
    assert everyone.value == pytest.approx(0.5)
    own = 2 * 0.25 * 40 / 39 / 40
    assert everyone.standard_error == pytest.approx((own / 4 + 1 / 4 / 160) ** 0.5)
    assert "over everyone" in readout.say()


def _triggered(draw: np.random.Generator, assigned: Rows) -> tuple[Rows, dict[tuple[str, bool], dict[str, np.ndarray]]]:
    """Runs of units of which every third reached the change: these have more runs, and in treatment more yet."""
    runs: Rows = []
    told: dict[tuple[str, bool], dict[str, list[float]]] = {}
    for one in assigned:
        met = one["exposed"] = int(one["unit"][1:]) % 3 == 0
        treated = one["variant"] == "treatment"
        count = 1 + int(draw.poisson(4.0 + treated if met else 1.0))
        wins = int(draw.binomial(count, (0.5 + 0.1 * treated) if met else 0.8))
        runs += [
            _run(f"{one['unit']}-{j}", one["unit"], "success" if j < wins else "failure", 1.0,
                 start=one["first_exposure"] + minutes(5))
            for j in range(count)
        ]  # fmt: skip
        mine = told.setdefault((one["variant"], met), {"wins": [], "runs": []})
        mine["wins"].append(wins)
        mine["runs"].append(count)
    return runs, {kind: {name: np.array(values) for name, values in each.items()} for kind, each in told.items()}


def test_a_triggered_effect_on_a_ratio_is_spread_over_everyone_by_all_units_sums(tmp_path: Path) -> None:
    # The units' own arrays through `diluted_ratio`, which tests/experiments/test_dilution.py holds to a formula.
    assigned = _arms(150)
    runs, told = _triggered(np.random.default_rng(21), assigned)
    readout = _read(tmp_path, runs, assigned, triggered=True, secondary=("latency_p95",))
    kinds = {f"{arm}{'' if met else '_rest'}": units for (arm, met), units in told.items()}
    want = diluted_ratio(**kinds)  # type: ignore[arg-type]
    assert isinstance(want, Diluted)
    everyone = readout.primary.everyone
    assert isinstance(everyone, Effect)
    assert (everyone.value, everyone.standard_error) == pytest.approx(
        (want.everyone.value, want.everyone.standard_error), rel=1e-9
    )
    assert (everyone.low, everyone.high) == pytest.approx((want.everyone.low, want.everyone.high), rel=1e-6)
    assert everyone.n == 300
    assert readout.units == {"control": 50, "treatment": 50}
    assert {check.name: check.passed for check in everyone.checks} == {"triggered_alike": True, "rest_alike": True}
    assert "over everyone" in readout.say()


def test_others_that_the_change_reached_are_told_beside_everyones_effect(tmp_path: Path) -> None:
    # Every run of the treatment's other units succeeds: 1 against 0.8 in 100 units of 2 runs, some six standard errors.
    assigned = _arms(150)
    runs, _ = _triggered(np.random.default_rng(21), assigned)
    others = {one["unit"] for one in assigned if one["variant"] == "treatment" and not one["exposed"]}
    leaked = [run | {"outcome": "success"} if run["user"] in others else run for run in runs]
    readout = _read(tmp_path, leaked, assigned, triggered=True)
    told = readout.to_dict()["metrics"][0]["everyone"]["checks"]
    assert [(check["name"], check["passed"]) for check in told] == [("triggered_alike", True), ("rest_alike", False)]
    assert "which does not hold: units that were not triggered did otherwise" in readout.say()


def test_over_several_allocations_everyones_ratio_is_that_of_its_stretches_sums(tmp_path: Path) -> None:
    # By NumPy: per stretch each arm's triggered sums a unit, with the share of triggered units of both, and the rest of
    # both; stretches weigh by their units: 240 and 180 of 420.
    first = [_assigned(f"c{i}", "control") for i in range(150)] + [_assigned(f"t{i}", "treatment") for i in range(90)]
    later = {"first_exposure": at("07-12")}
    second = [_assigned(f"d{i}", "control", **later) for i in range(90)]
    second += [_assigned(f"u{i}", "treatment", **later) for i in range(90)]
    draw, runs, sums = np.random.default_rng(22), list[dict[str, Any]](), list[dict[str, np.ndarray]]()
    for part in (first, second):
        more, told = _triggered(draw, part)
        runs += more
        rest = np.concatenate([np.stack(list(told[arm, False].values())) for arm in ("control", "treatment")], axis=1)
        share = 1 - rest.shape[1] / len(part)
        sums.append({
            arm: (share * np.stack(list(told[arm, True].values())).mean(axis=1) + (1 - share) * rest.mean(axis=1))
            * len(part) / 420
            for arm in ("control", "treatment")
        })  # fmt: skip
    ramps = (Ramp(at("07-08"), (0.5, 0.5)),)
    readout = _read(tmp_path, runs, [*first, *second], triggered=True, allocation=(0.625, 0.375), ramps=ramps)
    control, treatment = (sums[0][arm] + sums[1][arm] for arm in ("control", "treatment"))
    everyone = readout.primary.everyone
    assert isinstance(everyone, Effect)
    assert everyone.value == pytest.approx(treatment[0] / treatment[1] - control[0] / control[1], rel=1e-9)


def test_a_triggered_effect_on_a_quantile_is_not_spread_over_everyone(tmp_path: Path) -> None:
    assigned = _arms(120)
    runs, _ = _triggered(np.random.default_rng(23), assigned)
    for i, run in enumerate(runs):
        run["latency"] = 1.0 + i % 17
    readout = _read(tmp_path, runs, assigned, triggered=True, primary="latency_p95")
    assert isinstance(readout.primary.effect, Effect)
    assert isinstance(readout.primary.everyone, Refusal)
    assert "share of slow requests" in readout.primary.everyone.remedy


def test_secondary_metrics_are_adjusted_for_their_number_and_the_primary_is_not(tmp_path: Path) -> None:
    # Holm over two: the smaller p-value twice, the other at least that.
    draw = np.random.default_rng(9)
    assigned = _arms(100)
    runs = [
        _run(one["unit"], one["unit"], str(draw.choice(["success", "failure"])), float(draw.exponential()),
             fallback=bool(draw.random() < 0.5))
        for one in assigned
    ]  # fmt: skip
    readout = _read(tmp_path, runs, assigned, secondary=("total_cost", "fallback_rate"))
    primary, *others = readout.readings
    assert primary.p_adjusted is None
    raw = [one.effect.p_value for one in others]
    want = sorted(raw)
    held = {want[0]: min(2 * want[0], 1.0), want[1]: max(want[1], min(2 * want[0], 1.0))}
    assert [one.p_adjusted for one in others] == pytest.approx([held[p] for p in raw])


def test_thompson_sampling_gives_more_to_the_arm_that_costs_less(tmp_path: Path) -> None:
    # Costs 1 and 3 in turn against 2 and 4: means 2 and 3, each with variance 80/79 / 80 = 1/79 (80 users an arm), so
    # that treatment is cheaper with chance P(t > 1 / sqrt(2/79)) = P(t > 6.28) on about 158 degrees: below 1e-8.
    assigned = _arms(80)
    runs = [
        _run(one["unit"], one["unit"], "success", 1.0 + 2 * (i % 2) + (one["variant"] == "treatment"))
        for i, one in enumerate(assigned)
    ]
    readout = _read(tmp_path, runs, assigned, primary="cost_per_request")
    found = readout.allocation(floor=0.1)
    assert not isinstance(found, Refusal)
    assert found.shares == pytest.approx((0.9, 0.1), abs=1e-6)
    undirected = replace(readout, readings=(replace(readout.primary, better="neither"),))
    assert isinstance(undirected.allocation(), Refusal)


def test_a_fixed_design_says_nothing_before_its_planned_units(tmp_path: Path) -> None:
    assigned = _arms()
    runs = [
        _run(f"{one['unit']}", one["unit"], "success" if i % 3 else "failure", 1.0) for i, one in enumerate(assigned)
    ]
    end = at("09-01")
    running = _read(tmp_path / "a", runs, assigned, planned_n=1000, end=end)
    assert isinstance(running.primary.effect, Refusal)
    assert "read once, at 1,000 units; there are 80" in running.primary.effect.detail
    assert running.verdict is Verdict.HOLD
    assert running.decided.more == 920
    later = [*runs, _run("later", "nobody", "success", 1.0, start=at("08-20"))]  # the data go on after its end
    stopped = _read(tmp_path / "b", later, assigned, planned_n=1000, end=at("08-01"))
    assert "always valid" in stopped.primary.effect.estimate.method
    assert stopped.verdict is Verdict.HOLD


def test_over_time_too_amounts_are_capped_by_both_arms(tmp_path: Path) -> None:
    # A run a stretch of each unit that was there and not idle, costs by NumPy; three of four units came five days
    # before the end and have no days 8 and later. A cap is the 0.9 quantile of a stretch over both arms: of the units
    # that were there, idle ones with 0. On days 8 to 14 a tenth of all units does something: theirs would be about 0.
    draw, days, late = np.random.default_rng(12), (0, 1, 3, 7, 14), np.arange(800) % 4 > 0
    assigned, treated = _arms(400), np.arange(800) >= 400
    costs = draw.exponential(size=(800, 5)) + 0.5 * treated[:, None]
    costs[draw.random(800) < 0.6, 3] = 0.0
    costs[4, 0], costs[404, 3], costs[408, 4] = 1e6, 1e6, 1e6
    costs[late, 3:] = np.nan
    for i, one in enumerate(assigned):
        one["first_exposure"] = at("07-27 00:00") if late[i] else at("07-02 00:00")
    runs = [
        _run(f"{i}-{k}", one["unit"], "success", float(costs[i, k]), start=one["first_exposure"] + timedelta(days=day))
        for i, one in enumerate(assigned)
        for k, day in enumerate(days)
        if costs[i, k] > 0
    ]
    found = _read(tmp_path, runs, assigned, primary="cost_per_request", cap=0.9).over_time
    assert not isinstance(found, Refusal)
    told = [one.effect for one in found.stretches if not isinstance(one.effect, Refusal)]
    want = []
    for cost in costs.T:
        capped = np.minimum(cost, np.nanquantile(cost, 0.9))
        want.append(capped[treated & (cost > 0)].mean() - capped[~treated & (cost > 0)].mean())
    assert [one.value for one in told] == pytest.approx(want, rel=1e-9)
    assert all("capped by the 90.0% quantile of both arms" in one.estimate.method for one in told)


def test_days_whose_amounts_are_all_capped_to_nothing_tell_no_effect_and_no_trend(tmp_path: Path) -> None:
    # A tenth of the units does something after the first day: the 0.8 quantile of those days, and so the cap, is 0.
    draw, assigned = np.random.default_rng(13), _arms(400, first_exposure=at("07-02"))
    runs = [
        _run(f"{i}-{day}", one["unit"], "success", float(draw.exponential()), start=at("07-02") + timedelta(days=day))
        for i, one in enumerate(assigned)
        for day in (0, 2, 5, 10, 20)
        if day == 0 or i % 10 == 0
    ]
    found = _read(tmp_path, runs, assigned, primary="cost_per_request", cap=0.8).over_time
    assert not isinstance(found, Refusal)
    first, *others = (one.effect for one in found.stretches)
    assert not isinstance(first, Refusal)
    said = "no unit differs from another in these days, as amounts are capped"
    assert [one.detail for one in others if isinstance(one, Refusal)] == [said] * 4
    assert isinstance(found.trend, Refusal)
    assert found.trend.detail == "1 of 5 stretches of days have an effect; 3 are needed"


def test_over_time_too_unknown_outcomes_count_as_declared(tmp_path: Path) -> None:
    # Three runs on day 1. Control wins one, loses one, one is unknown; treatment wins two, one is unknown. Of the known
    # 1 - 1/2; of all, unknown as 0: 2/3 - 1/3. The first user of each arm loses all, so that units differ: 119 of 120.
    assigned = _arms(120)
    outcomes = {"control": ("success", "failure", "unknown"), "treatment": ("success", "success", "unknown")}
    lost = ("failure", "failure", "unknown")
    runs = [
        _run(f"{one['unit']}-{j}", one["unit"], outcome, 1.0)
        for one in assigned
        for j, outcome in enumerate(lost if one["unit"][1:] == "0" else outcomes[one["variant"]])
    ]
    for policy, control, treatment in ((NullPolicy.EXCLUDE, 1 / 2, 1.0), (NullPolicy.ZERO, 1 / 3, 2 / 3)):
        found = _read(tmp_path / str(policy), runs, assigned, null_policy=policy).over_time
        assert not isinstance(found, Refusal)
        assert found.stretches[0].effect.value == pytest.approx((treatment - control) * 119 / 120)
