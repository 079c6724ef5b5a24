"""What the effects of past experiments promise: the values of readouts, and how they vary together, by unit.

* Covariances within an experiment are those of what units add to each metric (NumPy on the units themselves).
* A quantile varies with sums as it does by the clustered histogram of a readout.
* What cannot be told is left out by metric; an experiment that does not hold is refused whole.
"""

from pathlib import Path

import numpy as np
import pytest

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.experiments import PastEffects, compare, past_effects
from metricstack.telemetry import open_workspace
from tests.experiments.test_compare import _assigned, _declared, _run
from tests.metrics.conftest import write_workspace


def _company(root: Path) -> dict[str, dict[str, np.ndarray]]:
    """Two arms of 60 users with two runs each, whose costs and successes go together; latencies of many sizes."""
    draw = np.random.default_rng(4)
    assigned = [_assigned(f"{arm[0]}{i}", arm) for arm in ("control", "treatment") for i in range(60)]
    runs, told = [], {arm: {"cost": [], "wins": []} for arm in ("control", "treatment")}
    for one in assigned:
        habit, wins, cost = draw.normal(), 0, 0.0
        for j in range(2):
            won = bool(draw.random() < 1 / (1 + np.exp(-habit)))
            paid = float(np.exp(0.5 * habit + 0.3 * draw.normal()))
            wins, cost = wins + won, cost + paid
            latency = float(np.exp(0.7 * habit + 0.5 * draw.normal()))
            runs.append(_run(f"{one['unit']}-{j}", one["unit"], "success" if won else "failure", paid, latency=latency))
        told[one["variant"]]["cost"].append(cost)
        told[one["variant"]]["wins"].append(float(wins))
    broken = [_assigned(f"b{i}", "control" if i < 90 else "treatment", experiment="broken") for i in range(120)]
    rows = [_declared(planned_n=None, guardrails="{}"), _declared(experiment="broken", guardrails="{}")]
    write_workspace(root, {"experiments": rows, "assignments": [*assigned, *broken], "requests": runs})
    return {arm: {name: np.array(values) for name, values in each.items()} for arm, each in told.items()}


def _read(root: Path) -> PastEffects:
    return past_effects(open_workspace(root), ["total_cost", "task_success", "latency_p95", "conversion_rate"])


def test_effects_vary_together_as_their_units_do(tmp_path: Path) -> None:
    # Every user has two runs: their share is wins / 2, a mean over users, as their cost is.
    told = _company(tmp_path)
    found = _read(tmp_path).of(["total_cost", "task_success"])
    control, treatment = (np.stack([told[arm]["cost"], told[arm]["wins"] / 2]) for arm in ("control", "treatment"))
    assert found.experiments == ("retry",)
    assert found.values[0] == pytest.approx(treatment.mean(axis=1) - control.mean(axis=1))
    assert found.baselines[0] == pytest.approx(control.mean(axis=1))
    assert found.covariances[0] == pytest.approx(np.cov(control) / 60 + np.cov(treatment) / 60)
    assert found.covariances[0, 0, 1] > 0
    assert found.n.tolist() == [120]


def test_a_quantile_has_the_error_of_a_readout_and_varies_with_sums(tmp_path: Path) -> None:
    # The readout gathers units in 256 buckets: 60 of an arm fall together now and then, which moves the error by some
    # per cent; both take the density over one standard error. Latency and cost of a user go together.
    _company(tmp_path)
    found = _read(tmp_path).of(["latency_p95", "total_cost"])
    ws = open_workspace(tmp_path)
    from dataclasses import replace

    from metricstack.experiments import declaration

    readout = compare(ws, replace(declaration(ws, "retry"), primary="latency_p95"))
    assert found.values[0, 0] == pytest.approx(readout.primary.effect.value)
    assert found.covariances[0, 0, 0] ** 0.5 == pytest.approx(readout.primary.effect.standard_error, rel=0.25)
    correlation = found.covariances[0, 0, 1] / np.sqrt(found.covariances[0, 0, 0] * found.covariances[0, 1, 1])
    assert 0.05 < correlation < 1


def test_an_experiment_that_does_not_hold_is_refused_and_a_metric_that_is_not_told_left_out(tmp_path: Path) -> None:
    _company(tmp_path)
    found = _read(tmp_path)
    assert "90 : 30 units" in found.refused["broken"].detail
    assert np.isnan(found.values[0, 3])  # no sessions were recorded
    assert found.of(["conversion_rate"]).experiments == ()
    assert found.of(["task_success"]).values.shape == (1, 1)


def test_only_pairs_that_were_asked_have_a_covariance(tmp_path: Path) -> None:
    _company(tmp_path)
    whole, ws = _read(tmp_path), open_workspace(tmp_path)
    few = past_effects(ws, ["total_cost", "task_success", "latency_p95"], pairs=[("total_cost", "latency_p95")])
    pair = ["total_cost", "latency_p95"]
    assert few.of(pair).covariances == pytest.approx(whole.of(pair).covariances)
    assert few.of(["task_success"]).covariances == pytest.approx(whole.of(["task_success"]).covariances)
    with pytest.raises(InvalidInput, match="Name them as a pair"):
        few.of(["total_cost", "task_success"])


def test_an_unknown_metric_is_named_with_the_nearest(tmp_path: Path) -> None:
    _company(tmp_path)
    with pytest.raises(UnknownName, match="task_success"):
        past_effects(open_workspace(tmp_path), ["task_succes"])
    with pytest.raises(UnknownName, match="total_cost"):
        _read(tmp_path).of(["total_costs"])
