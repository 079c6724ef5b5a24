"""What futility of a declaration promises: bounds by another way, alpha kept either way, and a verdict that says so.

* By hand: the bounds of two looks by the bivariate normal; where the primary stands beside them.
* Not binding: alpha is kept whether or not they are obeyed, by random paths.
* At a bound or below it the experiment is given up: never rolled back for it, nor at the last look.
"""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import optimize, stats

from metricstack.cli import main
from metricstack.core.streams import stream
from metricstack.experiments import Verdict, plan
from metricstack.experiments.declaration import Declaration, Design, ShipIf
from metricstack.experiments.design import bounds_of
from metricstack.experiments.futility import Futility, futility_of
from metricstack.experiments.prospect import Needed
from metricstack.experiments.verdict import decide_verdict
from metricstack.telemetry import open_workspace
from tests.experiments import test_plan as planned
from tests.experiments.test_compare import _assigned, _declared, _reading, _run
from tests.experiments.test_monitor import _days, _runs, _watch
from tests.metrics.conftest import at, write_workspace

close = pytest.approx
DECLARED = Declaration(
    "retry", "user", ("control", "treatment"), (0.5, 0.5), "x", at("07-01"), planned_n=1000, ship_if=ShipIf.BETTER,
    design=Design.GROUP_SEQUENTIAL, looks=2, futility="obrien_fleming",
)  # fmt: skip


def _two_looks(upper: tuple[float, float], missed: float, beta: float) -> tuple[float, float]:
    """The futility bound of the first of two looks, and the drift: by the bivariate normal, with nothing of ours.

    At the drift a share ``missed`` of the paths is at or below the bound at half of the information, and 1 - beta
    crosses an upper bound with that obeyed.
    """
    half = math.sqrt(0.5)

    def power(drift: float) -> float:
        mean, first = np.array([drift * half, drift]), drift * half + stats.norm.ppf(missed)
        both = stats.multivariate_normal(mean, [[1.0, half], [half, 1.0]])
        # P(first < Z1 < u1, Z2 < u2), and what of the strip is above u2.
        below = both.cdf([upper[0], upper[1]]) - both.cdf([first, upper[1]])
        strip = stats.norm.cdf(upper[0] - mean[0]) - stats.norm.cdf(first - mean[0])
        return float(stats.norm.sf(upper[0] - mean[0]) + strip - below)

    drift = optimize.brentq(lambda d: power(d) - (1 - beta), 1.0, 6.0)
    return float(drift * half + stats.norm.ppf(missed)), float(drift)


# By hand


@pytest.mark.parametrize("beta", [0.1, 0.2])
def test_bounds_of_two_looks_are_those_of_the_bivariate_normal(beta: float) -> None:
    # Upper bounds 2.963 and 1.969 (Lan and DeMets 1983); of beta 2 - 2 Phi(z / sqrt(0.5)) is spent at half of it.
    missed = 2 * stats.norm.sf(stats.norm.isf(beta / 2) / math.sqrt(0.5))
    first, drift = _two_looks((2.96259, 1.96857), missed, beta)
    found = bounds_of(replace(DECLARED, beta=beta), futility=True)
    assert found.futility == close((first, 1.96857), abs=1e-4)  # upper bounds were typed to five digits
    assert found.drift == close(drift, abs=1e-4)


def test_several_arms_have_the_bounds_of_their_share_of_alpha() -> None:
    three = replace(DECLARED, arms=("control", "a", "b"), allocation=(0.4, 0.3, 0.3))
    assert bounds_of(three, futility=True) == bounds_of(replace(DECLARED, alpha=0.025), futility=True)


# At a look: the bound of the first of two is 0.55, as the test above has it.


@pytest.mark.parametrize(
    ("value", "n", "verdict", "why"),
    [
        (0.010, 500, Verdict.INCONCLUSIVE, "given up for futility at look 1 of 2: Success changed by +1.0"),
        (0.012, 500, Verdict.HOLD, "Nothing is decided after 500 of 1,000"),
        (-0.030, 500, Verdict.INCONCLUSIVE, "given up for futility"),  # worse, not beyond chance: no rollback for it
        (-0.070, 500, Verdict.ROLLBACK, "worse"),  # beyond chance: z = -3.5 below the bound of harm, -2.96
        (0.070, 500, Verdict.SHIP, "better"),
        (0.010, 300, Verdict.HOLD, "Nothing is decided after 300 of 1,000"),  # before the first look
        (0.010, 1000, Verdict.INCONCLUSIVE, "planned n is reached"),  # the last look decides by itself
    ],
)
def test_at_or_below_its_bound_it_is_given_up(value: float, n: int, verdict: Verdict, why: str) -> None:
    # z of half a standard error is below 0.55, 0.6 is above; the interval is the one of the look's bound.
    bounds = bounds_of(DECLARED).critical
    reading = _reading(value, 0.02)
    wide = bounds[0 if n < 1000 else 1] * 0.02
    assert not hasattr(reading.effect, "reason")
    told = replace(reading.effect.estimate, low=value - wide, high=value + wide)  # type: ignore[union-attr]
    held = replace(reading.effect, estimate=told)  # type: ignore[type-var]
    found = decide_verdict(DECLARED, [replace(reading, effect=held, relative=held)], [], n)  # type: ignore[arg-type]
    assert (found.verdict, why in found.why) == (verdict, True), found.why


def test_less_is_good_where_less_is_better() -> None:
    found = futility_of(DECLARED, _reading(0.03, 0.02, better="lower"), 500)
    assert found == Futility(1, 2, close(-1.5), found.bound if found else 0.0)
    assert found is not None
    assert found.is_met
    better = futility_of(DECLARED, _reading(-0.03, 0.02, better="lower"), 500)
    assert better is not None
    assert not better.is_met


def test_without_futility_a_good_direction_or_a_look_nothing_is_told() -> None:
    assert futility_of(replace(DECLARED, futility=""), _reading(0.0, 0.02), 500) is None
    assert futility_of(DECLARED, _reading(0.0, 0.02, better="neither"), 500) is None
    assert futility_of(DECLARED, _reading(0.0, 0.02), 499) is None


def _given_up(root: Path) -> Any:
    # 200 users make the first of five looks; the last day's runs come after it. Of 90 users an arm 49 and 40 succeed:
    # -0.1, where each adds (success - share) / 0.9 and ten of a hundred nothing; z = -1.34, and the bound is -1.29.
    assigned = _days({"control": 10, "treatment": 10})
    runs = _runs(assigned, {"control": 0.55, "treatment": 0.45})
    return _watch(root, assigned, runs, planned_n=1000.0, design="group_sequential", futility="obrien_fleming")


def test_an_experiment_that_is_given_up_is_to_be_read_and_is_no_harm(tmp_path: Path) -> None:
    found = _given_up(tmp_path)
    assert (found.advice, found.harm, found.readout.verdict) == ("read", (), Verdict.INCONCLUSIVE)
    assert found.next_look == 400  # who goes on has the next look
    assert found.to_dict()["futility"] == found.readout.to_dict()["futility"]
    assert found.to_dict()["futility"]["z"] == close(-0.1 / math.sqrt((49 * 41 + 40 * 50) / 90 / 0.81 / 99 / 100))
    assert found.to_dict()["futility"]["is_met"] is True
    assert "futility at beta 0.2" in found.readout.origin["Design"]


def test_the_commands_tell_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _given_up(tmp_path)
    assert main(["experiment", "readout", "retry", "--workspace", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "retry: inconclusive" in told
    assert "z = -1.34 towards good, at or below the bound of" in told
    assert main(["experiment", "monitor", "--workspace", str(tmp_path)]) == 0  # nothing is to be stopped
    assert "given up for futility at look 1 of 5" in " ".join(capsys.readouterr().out.split())
    assert main(["experiment", "monitor", "--workspace", str(tmp_path), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["futility"]["look"] == 1


def test_a_plan_counts_with_futility_obeyed(tmp_path: Path) -> None:
    ws = planned.workspace(tmp_path)
    declared = replace(planned.DECLARED, design=Design.GROUP_SEQUENTIAL, looks=2, guardrails=())
    plain, given = (plan(ws, one) for one in (declared, replace(declared, futility="obrien_fleming", beta=0.1)))
    assert (plain.power, given.power) == (0.8, 0.9)  # 1 - beta
    # By the bivariate normal, as above: the drift that takes 0.9 with the bound obeyed, over the fixed test's.
    missed = 2 * stats.norm.sf(stats.norm.isf(0.05) / math.sqrt(0.5))
    _, drift = _two_looks((2.96259, 1.96857), missed, 0.1)
    assert isinstance(given.primary.needed, Needed)
    fixed = plan(ws, replace(declared, design=Design.FIXED), power=0.9).primary.needed
    assert isinstance(fixed, Needed)
    wanted = (drift / (1.959964 + 1.281552)) ** 2
    assert given.primary.needed.units / fixed.units == close(wanted, rel=0.01)  # t against normal
    (note,) = [check for check in given.checks if check.name == "futility"]
    assert note.passed is None
    assert "alpha is kept with or without" in note.detail
    assert note.detail[1:] in given.say()


# Calibration


@pytest.mark.parametrize("family", ["obrien_fleming", "pocock", "power"])
def test_alpha_is_kept_whether_or_not_futility_is_obeyed(family: str) -> None:
    # 40,000 paths of five looks: Monte Carlo error 0.0011 at 5 %, 0.002 at a power of 0.8; three of them are allowed.
    declared = replace(DECLARED, looks=5, futility=family)
    found = bounds_of(declared, futility=True)
    assert found.futility is not None
    assert found.drift is not None
    upper, lower, times = np.array(found.critical), np.array(found.futility), np.arange(1, 6) / 5
    steps = stream(5, "futility", family).normal(0.0, 5**-0.5, size=(40_000, 5))

    def ends(drift: float, *, obeyed: bool) -> tuple[float, float]:
        z = np.cumsum(steps + drift / 5, axis=1) / np.sqrt(times)
        gone = np.abs(z) >= upper
        if obeyed:
            gone |= z <= lower
        first = np.where(gone.any(axis=1), gone.argmax(axis=1), 4)
        last = z[np.arange(len(z)), first]
        return float((last >= upper[first]).mean()), float((last <= -upper[first]).mean())

    assert sum(ends(0.0, obeyed=False)) == close(0.05, abs=0.0033)
    assert sum(ends(0.0, obeyed=True)) <= 0.0533
    assert ends(found.drift, obeyed=True)[0] == close(0.8, abs=0.006)


# Refusal


def test_before_its_first_look_nothing_is_given_up(tmp_path: Path) -> None:
    assigned = [_assigned(f"{arm[0]}{i}", arm) for arm in ("control", "treatment") for i in range(40)]
    runs = [_run(one["unit"], one["unit"], "success" if i % 3 else "failure", 1.0) for i, one in enumerate(assigned)]
    row = _declared(design="group_sequential", futility="pocock", planned_n=1000.0, guardrails="{}")
    write_workspace(tmp_path, {"experiments": [row], "assignments": assigned, "requests": runs})
    from metricstack.experiments import compare

    found = compare(open_workspace(tmp_path), "retry")
    assert (found.verdict, found.futility) == (Verdict.HOLD, None)
    assert "futility" not in found.to_dict()
