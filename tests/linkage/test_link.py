"""What judging a workspace's edges promises, on small workspaces.

* By hand: effects of past experiments, how they vary together, and the slope over them.
* What cannot be judged is refused in words, rung by rung; nothing crashes.
* Only a rollout with a note of exclusion climbs as an instrument.
* Declared controls and confounders are used; the ledger lists all that was tried.
* Neither the order of rows nor the seed of hashes matters beyond rounding.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import metricstack as ms
from metricstack.core.errors import ConfigurationError, InvalidInput, UnknownName
from metricstack.core.values import Reason, Refusal
from metricstack.core.windows import Window
from metricstack.experiments.effect import Effect
from metricstack.linkage import observed
from metricstack.linkage.evidence import Evidence, Rung, Status
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.link import link
from metricstack.linkage.linkage_map import LinkageMap
from metricstack.linkage.observed import Observed
from metricstack.linkage.portfolio import portfolio_slope
from metricstack.linkage.portfolio_result import PortfolioSlope
from metricstack.telemetry import Workspace
from metricstack.telemetry.kept import FOLDER
from tests.metrics.conftest import Rows, at, minutes, write_workspace

EDGE = Hypothesis("fallback_rate", "task_success", 0.1, -1, 0.01)
REGIONS = ("eu", "us", "asia", "africa")


def traffic(days: int, *, regions: tuple[str, ...] = REGIONS, runs: int = 6, seed: int = 0, **fixed: Any) -> Rows:
    """Runs by region and day: on days of more fallbacks fewer succeed; a value given holds for all runs."""
    rng, rows = np.random.default_rng(seed), []
    for day in range(days):
        for region in regions:
            share = rng.uniform(0.1, 0.6)
            for i in range(runs):
                fell = bool(rng.random() < share)
                won = rng.random() < 0.8 - 0.5 * fell
                rows.append(
                    {
                        "run": f"{region}{day}-{i}", "user": f"{region}-u{i}", "team": f"team-{region}",
                        "use_case": "support", "region": region, "start": at("05-01") + timedelta(days=day, minutes=i),
                        "outcome": "success" if won else "failure", "fallback": fell,
                        "cost": float(rng.uniform(1, 2)), "latency": float(rng.uniform(1, 9)),
                        "retries": int(rng.random() < 0.3), "human_touches": int(rng.random() < 0.2),
                    } | fixed
                )  # fmt: skip
    return rows


# Six tests of two arms with 40 users each, one run a user. Control: 8 of 40 fall back, 30 of 40 succeed. Treated:
# so many fall back, so many of these succeed, so many of the others.
CONTROL = (8, 4, 26)
TREATED = ((0, 0, 32), (4, 2, 30), (12, 4, 22), (20, 8, 16), (24, 10, 10), (32, 8, 6))


def past_tests(treated: tuple[tuple[int, int, int], ...] = TREATED, users: int = 40) -> dict[str, Rows]:
    """Past tests and their runs."""
    tables: dict[str, Rows] = {"experiments": [], "assignments": [], "requests": []}
    for k, arm in enumerate(treated):
        name = f"t{k}"
        tables["experiments"].append(
            {
                "experiment": name, "registered_at": at("04-28"), "ingested_at": at("04-28"),
                "start": at("05-01 00:00"), "end": at("06-01 00:00"), "unit": "user",
                "arms": '["control", "treatment"]', "allocation": "[0.5, 0.5]", "primary_metric": "task_success",
                "guardrails": "{}", "design": "fixed", "alpha": 0.05, "planned_n": 2.0 * users,
            }
        )  # fmt: skip
        for variant, (fell, won, others) in (("control", CONTROL), ("treatment", arm)):
            for i in range(users):
                user = f"{name}-{variant[0]}{i}"
                tables["assignments"].append(
                    {"experiment": name, "unit": user, "variant": variant, "first_exposure": at("05-02"),
                     "reason": "split", "exposed": True}
                )  # fmt: skip
                success = i < won if i < fell else i - fell < others
                tables["requests"].append(
                    {"run": user, "user": user, "start": at("05-02") + minutes(5 + i), "fallback": i < fell,
                     "outcome": "success" if success else "failure"}
                )  # fmt: skip
    return tables


def by_hand(treated: tuple[tuple[int, int, int], ...] = TREATED, users: int = 40) -> tuple[Any, Any]:
    """Differences of shares, and sample covariances over n of each arm, added up."""
    values, covariances = [], []
    for arm in treated:
        whole = []
        for fell, won, others in (CONTROL, arm):
            x = np.repeat([1.0, 0.0], [fell, users - fell])
            y = np.repeat([1.0, 0.0, 1.0, 0.0], [won, fell - won, others, users - fell - others])
            whole.append((np.array([x.mean(), y.mean()]), np.cov(x, y) / users))
        values.append(whole[1][0] - whole[0][0])
        covariances.append(whole[0][1] + whole[1][1])
    return np.array(values), np.array(covariances)


def of(drawn: LinkageMap, rung: Rung, edge: Hypothesis = EDGE) -> list[Evidence]:
    """What a rung of an edge said."""
    return [one for one in drawn.edge(edge.cause, edge.effect).evidence if one.rung is rung]


def refusals(drawn: LinkageMap, edge: Hypothesis = EDGE) -> dict[Rung, Refusal]:
    """Why rungs of an edge could not be climbed; each in words."""
    found = {
        one.rung: one.estimate
        for one in drawn.edge(edge.cause, edge.effect).evidence
        if isinstance(one.estimate, Refusal)
    }
    assert all(len(one.detail) > 10 and "nan" not in one.detail.lower() for one in found.values())
    return found


def stands_nowhere(drawn: LinkageMap, edge: Hypothesis = EDGE) -> dict[Rung, Refusal]:
    """The refusals of an edge on which no rung has a number."""
    found = refusals(drawn, edge)
    judged = drawn.edge(edge.cause, edge.effect)
    assert all(isinstance(one.estimate, Refusal) for one in judged.evidence), judged.evidence
    assert str(judged.verdict) not in ("supports", "contradicts")
    json.dumps(drawn.to_dict(), allow_nan=False)
    return found


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Sixty days of four regions, and no experiments; read only."""
    return write_workspace(tmp_path_factory.mktemp("company"), {"requests": traffic(60)})


# By hand


def test_effects_and_their_covariances_are_those_of_shares_and_the_slope_is_the_portfolios(tmp_path: Path) -> None:
    ws = write_workspace(tmp_path, past_tests())
    span = ws.span("requests")
    assert span is not None
    seen = Observed(ws, ("fallback_rate", "task_success"), span, (("fallback_rate", "task_success"),))
    found = seen.effects.of(["fallback_rate", "task_success"])
    values, covariances = by_hand()
    assert found.experiments == tuple(f"t{k}" for k in range(6))
    assert found.values == pytest.approx(values, abs=1e-12)  # shares of 40: rounding only
    assert found.covariances == pytest.approx(covariances, abs=1e-12)
    slope = portfolio_slope(values, covariances)
    assert isinstance(slope, PortfolioSlope)
    (rung,) = of(link(ws, EDGE), Rung.PORTFOLIO)
    assert isinstance(rung.estimate, Effect)
    assert rung.estimate.value == pytest.approx(0.1 * slope.effects[0].value, rel=1e-9)
    assert rung.n == 6


def test_a_window_leaves_out_the_tests_that_started_outside_of_it(tmp_path: Path) -> None:
    ws = write_workspace(tmp_path, past_tests())
    later = link(ws, EDGE, window=Window(at("05-02 00:00"), at("05-30 00:00")))
    (rung,) = of(later, Rung.PORTFOLIO)
    assert isinstance(rung.estimate, Refusal)
    assert "0 past A/B tests" in rung.estimate.detail


def test_the_panel_and_the_days_tell_the_direction_that_the_runs_were_made_with(company: Workspace) -> None:
    # A run that fell back succeeds 0.5 less often: the panel's slope is near -0.5, a step of 0.1 does -0.05.
    drawn = link(company, EDGE)
    (panel,) = of(drawn, Rung.PANEL)
    assert isinstance(panel.estimate, Effect)
    assert panel.estimate.low is not None
    assert panel.estimate.high is not None
    assert panel.estimate.low < -0.05 < panel.estimate.high < 0  # 1,440 runs: the error of the step is about 0.003
    (days,) = (one for one in drawn.edge(EDGE.cause, EDGE.effect).evidence if "lead and lag" in one.method)
    (direction,) = (one.check for one in days.diagnostics if one.check.name == "cause_first")
    assert direction.passed is None
    assert direction.detail.startswith("they move together, on the same day, p = ")


def test_other_causes_are_those_of_the_map_whichever_edges_are_asked(
    company: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Observed] = []

    def climb(one: Observed, edges: Sequence[Hypothesis]) -> list[tuple[Evidence, ...]]:
        seen.append(one)
        return [() for _ in edges]

    monkeypatch.setattr(import_module("metricstack.linkage.link"), "climb", climb)
    link(company, EDGE)
    (alone,) = seen
    assert {"relevance", "latency_p95"} <= {cause for cause, effect in alone.pairs if effect == EDGE.effect}
    assert (EDGE.cause, "latency_p95") in {tuple(sorted(pair)) for pair in alone.beside}


def test_past_tests_that_are_read_beside_are_those_that_are_read_by_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws = write_workspace(tmp_path, past_tests())
    beside = link(ws.reproducible(), EDGE).to_dict()
    assert beside["edges"][0]["evidence"][0]["n"] > 0
    shutil.rmtree(ws.root / FOLDER)
    monkeypatch.setattr(observed, "beside", lambda ws, ask: nullcontext(lambda: ask(ws)))
    assert link(ms.open(ws.root).reproducible(), EDGE).to_dict() == beside


def test_an_edge_by_alias_is_the_edge_by_id(company: Workspace) -> None:
    drawn = link(company, Hypothesis("fallback_rate", "success_rate", 0.1, -1, 0.01))
    assert [edge.key for edge in drawn] == [EDGE.key]
    assert of(drawn, Rung.PANEL)[0].estimate == of(link(company, EDGE), Rung.PANEL)[0].estimate


# Refusals


def test_five_days_are_too_few_for_series_and_said_so(tmp_path: Path) -> None:
    found = refusals(link(write_workspace(tmp_path, {"requests": traffic(5)}), EDGE))
    assert found[Rung.PORTFOLIO].reason is Reason.TOO_FEW_UNITS
    assert Reason.TOO_FEW_UNITS in {one.reason for one in found.values()}
    assert any("5 days" in one.detail or "days" in one.detail for one in found.values())


def test_a_constant_cause_moves_nothing(tmp_path: Path) -> None:
    found = stands_nowhere(link(write_workspace(tmp_path, {"requests": traffic(60, fallback=False)}), EDGE))
    assert found[Rung.PANEL].reason is Reason.NO_VARIATION


def test_one_unit_has_no_panel(tmp_path: Path) -> None:
    found = refusals(link(write_workspace(tmp_path, {"requests": traffic(60, regions=("eu",))}), EDGE))
    assert found[Rung.PANEL].reason in (Reason.TOO_FEW_UNITS, Reason.NO_DATA)


def test_a_cause_that_is_made_of_what_the_effect_is_made_of_is_refused(company: Workspace) -> None:
    edges = [
        Hypothesis("cost_per_request", "cost_per_successful_outcome", 0.1, +1, 0.01),
        Hypothesis("cost_per_request", "success_per_dollar", 0.1, -1, 0.01),
    ]
    drawn = link(company, edges)
    for edge in edges:
        found = stands_nowhere(drawn, edge)
        assert "are both made of 'cost'" in found[Rung.ASSOCIATION].detail
    span = company.span()
    assert span is not None
    assert Observed(company, (), span).shared("task_success", "error_rate") == ()


def test_tests_that_all_did_nothing_refuse_the_slope(tmp_path: Path) -> None:
    found = refusals(link(write_workspace(tmp_path, past_tests((CONTROL,) * 6)), EDGE))
    assert found[Rung.PORTFOLIO].reason is Reason.NO_VARIATION


def test_a_share_and_what_is_left_of_it_are_one_and_refused(tmp_path: Path) -> None:
    rows = [row | {"outcome": "escalated"} if row["outcome"] == "failure" else row for row in traffic(40)]
    ws = write_workspace(tmp_path, {"requests": rows})
    (edge,) = link(ws, Hypothesis("escalation_rate", "task_success", 0.05, -1, 0.01))
    assert isinstance(edge.estimate, Refusal)
    told = "escalation_rate and task_success are one on another scale (r² = 1.0000 over 40 days): they move together by"
    assert told in edge.reason
    assert [one.method for one in edge.evidence] == ["shared parts"]


def test_metrics_that_one_column_says_are_told_to_be_in_part_arithmetic(company: Workspace) -> None:
    seen = Observed(company, (), company.span("requests"))  # type: ignore[arg-type]  a span is there
    assert seen.read_by_both("error_rate", "availability") == ("requests.error_type", "requests.outcome")
    assert seen.read_by_both("fallback_rate", "task_success") == ()
    assert seen.read_by_both("relevance", "trust") == ()  # different signals of one table share no row
    drawn = link(company, Hypothesis("escalation_rate", "task_success", 0.01, -1, 0.01))
    told = [one for evidence in drawn.edges[0].evidence for one in evidence.assumptions if "apart" in one.name]
    assert len(told) == len(drawn.edges[0].evidence) > 0
    assert {(one.status, one.detail) for one in told} == {
        (
            Status.FAILED,
            "escalation_rate and task_success are both read from requests.outcome: a part of it is arithmetic",
        )
    }


def test_sizes_in_another_unit_than_the_metrics_are_faults_all_at_once(company: Workspace) -> None:
    wrong = Hypothesis("latency_p95", "task_success", 0.5, -1, 1, step_unit="min", effect_unit="per_1000")
    with pytest.raises(InvalidInput) as told:
        link(company, [wrong, Hypothesis("cost_per_request", "task_success", 1, -1, 0.01, step_unit="EUR/request")])
    assert str(told.value).splitlines() == [
        "Edge latency_p95 -> task_success: step_unit = 'min', but latency_p95 is in 's'. Write step in that unit.",
        "Edge latency_p95 -> task_success: effect_unit = 'per_1000', but task_success is in 'fraction'. "
        "Write smallest_effect in that unit.",
        "Edge cost_per_request -> task_success: step_unit = 'EUR/request', but cost_per_request is in 'USD/request'. "
        "Write step in that unit.",
    ]


def test_a_metric_whose_table_is_absent_and_no_experiments_are_refused(company: Workspace) -> None:
    edge = Hypothesis("fallback_rate", "conversion_rate", 0.1, -1, 0.01)
    found = stands_nowhere(link(company, edge), edge)
    assert found[Rung.PORTFOLIO].reason is Reason.TOO_FEW_UNITS
    assert {Rung.PORTFOLIO, Rung.PANEL} <= set(found)


def test_an_outcome_that_is_always_missing_is_refused(tmp_path: Path) -> None:
    stands_nowhere(link(write_workspace(tmp_path, {"requests": traffic(40, outcome=None)}), EDGE))


def test_an_empty_workspace_says_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="holds no data"):
        link(write_workspace(tmp_path, {}))


def test_a_window_without_data_is_refused_on_every_rung(company: Workspace) -> None:
    stands_nowhere(link(company, EDGE, window="2020Q1"))


# Rollouts


def _rolled(**events: Any) -> dict[str, Rows]:
    """From the 30th day on, two of six teams fall back no more, and succeed more often."""
    teams = ("a", "b", "c", "d", "e", "f")
    rows = traffic(70, regions=teams, runs=8, team=None)
    rng = np.random.default_rng(1)
    for row in rows:
        row["team"] = row["region"]
        if row["team"] in "ab" and row["start"] >= at("06-01 00:00"):
            row |= {"fallback": False, "outcome": "success" if rng.random() < 0.8 else "failure"}
    adopted = [
        {"event": f"e{team}", "kind": "rollout", "scope": f"team:{team}", "start": at("06-01 00:00"), "about": "router"}
        | events
        for team in "ab"
    ]
    return {"requests": rows, "events": adopted}


@pytest.fixture(scope="module")
def rolled(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A router rolled out to two teams; read only."""
    return write_workspace(tmp_path_factory.mktemp("rolled"), _rolled())


def test_a_rollout_without_a_note_is_refused_by_name(rolled: Workspace) -> None:
    (rung,) = of(link(rolled, EDGE), Rung.INSTRUMENT)
    assert isinstance(rung.estimate, Refusal)
    assert "why router would reach task_success through fallback_rate alone" in rung.estimate.detail


def test_a_rollout_with_a_note_climbs(rolled: Workspace) -> None:
    edge = Hypothesis("fallback_rate", "task_success", 0.1, -1, 0.01, exclusion="The router picks the model only.")
    (rung,) = of(link(rolled, edge), Rung.INSTRUMENT)
    assert isinstance(rung.estimate, Effect)
    assert rung.estimate.low is not None
    assert rung.estimate.high is not None
    assert rung.estimate.low < -0.05 < rung.estimate.high  # as the runs were made
    assert "The router picks the model only." in [one.detail for one in rung.assumptions]
    assert "cause_moved" in [one.check.name for one in rung.diagnostics]


def test_one_unit_that_adopts_is_refused(tmp_path: Path) -> None:
    tables = _rolled()
    tables["events"] = tables["events"][:1]
    edge = Hypothesis("fallback_rate", "task_success", 0.1, -1, 0.01, exclusion="The router picks the model only.")
    (rung,) = of(link(write_workspace(tmp_path, tables), edge), Rung.SYNTHETIC_CONTROL)
    assert isinstance(rung.estimate, Refusal)
    assert "one unit or cluster adopts, 5 others have all values" in rung.estimate.detail


def test_rollouts_of_one_name_to_different_dimensions_are_two(tmp_path: Path) -> None:
    tables = _rolled()
    tables["events"].append(
        {"event": "r", "kind": "rollout", "scope": "region:a", "start": at("06-01 00:00"), "about": "router"}
    )
    ws = write_workspace(tmp_path, tables)
    span = ws.span("requests")
    assert span is not None
    seen = Observed(ws, ("fallback_rate", "task_success"), span)
    told = {one.dimension: seen.staged(one) for one in seen.rollouts}
    assert {name: set(table.dropna(subset=["adopted"])["unit"]) for name, table in told.items()} == {
        "team": {"a", "b"}, "region": {"a"},
    }  # fmt: skip


def test_rows_that_name_no_unit_are_no_unit(tmp_path: Path) -> None:
    tables = _rolled()
    nameless = [row | {"run": f"x{row['run']}", "team": None, "region": None} for row in tables["requests"]]
    ws = write_workspace(tmp_path, {**tables, "requests": [*tables["requests"], *nameless]})
    span = ws.span("requests")
    assert span is not None
    seen = Observed(ws, ("fallback_rate", "task_success"), span)
    assert set(seen.staged(seen.rollouts[0])["unit"]) == set("abcdef")
    assert set(seen.panel(("region",), "week").index.get_level_values("unit")) == set("abcdef")


# Dated events


def test_an_event_holds_the_days_that_it_touches_even_within_one(tmp_path: Path) -> None:
    def event(name: str, kind: str, start: str, end: str) -> dict[str, Any]:
        return {"event": name, "kind": kind, "scope": "all", "start": at(start), "end": at(end), "about": name}

    events = [
        event("a", "holiday", "05-03 00:00", "05-05 00:00"),  # ends at midnight: the 5th is none of its days
        event("b", "promotion", "05-10 08:00", "05-10 18:00"),
        event("c", "training", "05-12 08:00", "05-13 12:00"),
        event("d", "release", "05-12 08:00", "05-13 12:00"),  # what we do is no calendar
    ]
    ws = write_workspace(tmp_path, {"requests": traffic(30, runs=1), "events": events})
    span = ws.span("requests")
    assert span is not None
    assert Observed(ws, (), span).events == {
        "holiday": ["2026-05-03", "2026-05-04"], "promotion": ["2026-05-10"], "training": ["2026-05-12", "2026-05-13"],
    }  # fmt: skip


# What was declared is used, and all is written down


def test_controls_and_confounders_are_used_and_those_that_cannot_be_are_named(company: Workspace) -> None:
    edge = Hypothesis(
        "fallback_rate", "task_success", 0.1, -1, 0.01, confounders=("cost_per_request", "use_case", "tier"),
        negative_controls=("attempt_retry_rate", "conversion_rate"),
    )  # fmt: skip
    (panel,) = of(link(company, edge), Rung.PANEL)
    # There is one use case only, so that its mixture is the same whatever is done; 'tier' is no dimension.
    assert "held fixed: cost_per_request, use_case; not held fixed here: tier" in [
        one.detail for one in panel.assumptions
    ]
    told = {one.check.name: one.check for one in panel.diagnostics}
    assert told["negative_control: attempt_retry_rate"].detail.startswith("fallback_rate on attempt_retry_rate")
    assert told["negative_control: conversion_rate"].passed is None  # no table of sessions
    assert "future_placebo" in told


def test_a_lag_is_one_of_periods_not_of_rows(tmp_path: Path) -> None:
    # One region lost its tenth day: rows that are neighbours there are two days apart, and are no pair.
    rows = [row for row in traffic(40) if not (row["region"] == "eu" and row["start"].date() == at("05-10").date())]
    edge = Hypothesis("fallback_rate", "task_success", 0.1, -1, 0.01, lags=(1, 1))
    (panel,) = of(link(write_workspace(tmp_path, {"requests": rows}), edge), Rung.PANEL)
    assert panel.effective_n == 4 * 39 - 2  # of 4 x 40, the first days have no day before, the 10th and 11th no pair


def test_the_ledger_lists_every_test_also_those_that_led_nowhere(company: Workspace) -> None:
    drawn = link(company, [EDGE, Hypothesis("fallback_rate", "conversion_rate", 0.1, -1, 0.01)])
    for edge in drawn:
        written = drawn.ledger.of(edge.key)
        assert [str(one.rung) for one in edge.evidence] == [one.test for one in written if "," not in one.test]
    beside = {one.test: one.outcome for one in drawn.ledger.of(EDGE.key) if "," in one.test}
    assert "panel, future_placebo" in beside
    assert any(test.endswith("stationary: fallback_rate") for test in beside)
    assert set(beside.values()) <= {"held", "failed", "undecided"}
    assert any(one.outcome.startswith("refused") and one.detail for one in drawn.ledger)
    assert any(one.outcome in ("decides", "stands") for one in drawn.ledger)
    assert drawn.diff(drawn) == ()
    assert drawn.diff(json.loads(json.dumps(drawn.to_dict()))) == ()


_AGAIN = """
import json, sys
from pathlib import Path
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.link import link
from metricstack.telemetry import open_workspace
edges = [Hypothesis("fallback_rate", "task_success", 0.1, -1, 0.01, confounders=("cost_per_request", "use_case"),
                    negative_controls=("attempt_retry_rate",), exclusion="It picks the model only.")]
told = link(open_workspace(Path(sys.argv[1])), edges).to_dict()
print(json.dumps(told, default=str))
"""


def _without_origin(told: Any) -> Any:
    """Leave out where numbers came from: other files are other hashes."""
    if isinstance(told, dict):
        return {name: _without_origin(value) for name, value in told.items() if name != "provenance"}
    return [_without_origin(one) for one in told] if isinstance(told, list) else told


def _close(one: Any, other: Any) -> None:
    if isinstance(one, dict):
        assert list(one) == list(other)
        for name in one:
            _close(one[name], other[name])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            _close(a, b)
    elif isinstance(one, float):
        assert one == pytest.approx(other, rel=1e-9, abs=1e-12)  # sums in another order round otherwise
    else:
        assert one == other


@pytest.mark.slow
def test_neither_the_order_of_rows_nor_the_seed_of_hashes_matters(tmp_path: Path) -> None:
    tables = _rolled()
    past = past_tests()
    tables = {**tables, **past, "requests": [*tables["requests"], *past["requests"]]}
    write_workspace(tmp_path / "one", tables)
    rng = np.random.default_rng(3)
    write_workspace(
        tmp_path / "other", {name: [rows[i] for i in rng.permutation(len(rows))] for name, rows in tables.items()}
    )
    said = []
    for folder, seed in (("one", "1"), ("one", "2"), ("other", "3")):
        done = subprocess.run(
            [sys.executable, "-c", _AGAIN, str(tmp_path / folder)], check=True, capture_output=True, text=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )  # fmt: skip
        said.append(json.loads(done.stdout))
    _close(said[0], said[1])
    _close(_without_origin(said[0]), _without_origin(said[2]))


# Misuse


def test_an_unknown_metric_is_named_with_the_nearest(company: Workspace) -> None:
    with pytest.raises(UnknownName, match="task_success"):
        link(company, Hypothesis("fallback_rate", "task_succes", 0.1, -1, 0.01))
    with pytest.raises(UnknownName, match="error_rate"):
        link(company, Hypothesis("fallback_rate", "task_success", 0.1, -1, 0.01, negative_controls=("eror_rate",)))


@pytest.mark.parametrize("q", [0.0, 1.0, -0.1, 2.0, float("nan")])
def test_a_rate_outside_of_0_and_1_is_refused_before_anything_is_read(company: Workspace, q: float) -> None:
    with pytest.raises(InvalidInput, match="false discovery rate"):
        link(company, EDGE, q=q)


def test_an_edge_that_is_there_twice_and_no_edge_are_refused(company: Workspace) -> None:
    with pytest.raises(InvalidInput, match="twice"):
        link(company, [EDGE, EDGE])
    with pytest.raises(InvalidInput, match="twice"):
        link(company, [EDGE, Hypothesis("fallback_rate", "success_rate", 0.1, -1, 0.01)])
    with pytest.raises(InvalidInput, match="no edge to judge"):
        link(company, [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[edges.fallback_rate.task_succes]\nstep = 0.1\nexpected = '-'\nsmallest_effect = 0.01\n", "task_success"),
        ("[edges.fallback_rate.task_success]\nstep = 0\nexpected = '?'\nsmallest_effect = -1\nlags = 3\n", "lags"),
        ("[edges]\nfallback_rate = 3\n", "must be a table"),
        ("edges = [1, 2]\n", "one table for each"),
        ("[edges.a.b.c]\n", "unknown"),
        ("[edges.fallback_rate.fallback_rate]\nstep = 1\nexpected = '+'\nsmallest_effect = 1\n", "another"),
    ],
)
def test_a_hostile_file_of_edges_is_refused_with_its_lines(tmp_path: Path, text: str, said: str) -> None:
    ws = write_workspace(tmp_path, {"requests": traffic(3, runs=1)})
    (tmp_path / "linkage.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        link(ws)
    assert said in str(caught.value)
    assert "linkage.toml:" in str(caught.value)
