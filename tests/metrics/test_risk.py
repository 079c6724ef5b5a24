"""Risk: the responsible-AI scorecard, cadence of checks and alerts, each number worked out on paper.

Promises: a retired model leaves the pass rate when it is retired and not before; each check of a review has a
rate of its own; drift and bias have their own cadence; an alert nobody closed is neither noise nor triaged.
"""

import pytest

from metricstack.core.values import Estimate, Reason
from metricstack.metrics import evaluate
from metricstack.telemetry import Workspace

from .conftest import Build, Rows, at, finding_of, minutes, refusal_of, value_of

close = pytest.approx

GOOD = {"fairness": True, "privacy": True, "explainability": True, "safety": True, "human_oversight": True}


def _reviews() -> Rows:
    return [
        {"model": "m1", "reviewed": at("03-01")} | GOOD,
        {"model": "m2", "reviewed": at("03-01")} | GOOD | {"fairness": False},
        {"model": "m3", "reviewed": at("03-01")} | GOOD | {"privacy": None, "safety": None},
        {"model": "m4", "reviewed": at("03-01")} | GOOD | {"explainability": False, "human_oversight": False},
        {"model": "m5", "reviewed": at("03-01")} | GOOD,  # not in the register
    ]


def _models() -> Rows:
    rows = [{"model": f"m{i}", "recorded": at("01-01"), "stage": "production"} for i in (1, 2, 3, 4, 6)]
    return [
        *rows,
        {"model": "m2", "recorded": at("08-01"), "stage": "retired"},
        {"model": "m1", "recorded": at("11-01"), "stage": "retired"},  # after the window
        {"model": "m7", "recorded": at("02-01"), "stage": "staging"},
    ]


@pytest.fixture
def board(build: Build) -> Workspace:
    return build(model_reviews=_reviews(), models=_models())


def test_retired_models_leave_the_pass_rate_when_they_are_retired_and_not_before(board: Workspace) -> None:
    # In service at the end of September: m1, m3, m4, m5; m1 and m5 pass. In June m2 was there too.
    assert value_of(board, "responsible_ai_pass_rate") == close(2 / 4)
    assert value_of(board, "responsible_ai_pass_rate", window="2026Q2") == close(2 / 5)
    assert value_of(board, "responsible_ai_pass_rate", window="2026Q4") == close(1 / 3)
    assert value_of(board, "models_reviewed") == 4


def test_a_trend_takes_each_periods_own_register(board: Workspace) -> None:
    year = board.calendar.between(at("04-01").date(), at("12-31").date())
    panel = evaluate(board, "responsible_ai_pass_rate", window=year, grain="quarter")
    values = [finding.answer.value for finding in panel.findings if isinstance(finding.answer, Estimate)]
    assert values == [close(2 / 5), close(2 / 4), close(1 / 3)]


def test_without_a_register_every_reviewed_model_counts(build: Build) -> None:
    assert value_of(build(model_reviews=_reviews()), "responsible_ai_pass_rate") == close(2 / 5)


def test_the_scorecard_has_a_rate_for_each_check(board: Workspace, build: Build) -> None:
    # In service: m1, m3, m4, m5. m3's privacy was not checked, which is not passed; its safety is not known.
    expected = {"fairness": 1, "privacy": 3 / 4, "explainability": 3 / 4, "safety": 1, "human_oversight": 3 / 4}
    for check, value in expected.items():
        assert value_of(board, f"{check}_pass_rate") == close(value), check
    strict = build("[parameters]\nreview_requires_safety = 1\n", model_reviews=_reviews(), models=_models())
    assert value_of(strict, "safety_pass_rate") == close(3 / 4)


def test_models_in_production_are_reviewed_or_not(board: Workspace, build: Build) -> None:
    assert value_of(board, "review_coverage") == close(3 / 4)  # m1, m3, m4 of m1, m3, m4, m6
    assert value_of(board, "review_coverage", window="2026Q1") == close(4 / 5)
    refusal = refusal_of(build(models=_models()), "review_coverage")
    assert refusal.reason is Reason.MISSING_TABLE
    assert "'model_reviews'" in refusal.detail


def _checks() -> Rows:
    given = [
        ("drift", 1, "pass"),
        ("drift", 1, "fail"),
        ("drift", 2, "pass"),
        ("drift", 2, "warn"),
        ("drift", 7, "pass"),
    ]
    given += [("bias", day, "pass") for day in (14, 14, 14, 28, 30)] + [("schema", 100, "fail")]
    return [
        {"check": f"q{i}", "kind": kind, "subject": f"m{i % 3}", "checked": at("07-20"), "verdict": verdict,
         "previous": at("07-20") - minutes(1440 * days)}
        for i, (kind, days, verdict) in enumerate(given)
    ]  # fmt: skip


def test_drift_and_bias_each_have_a_cadence_and_a_rate_of_failure(build: Build) -> None:
    ws = build(quality_checks=_checks())
    assert value_of(ws, "drift_check_interval") == close(2)
    assert value_of(ws, "bias_check_interval") == close(14)
    assert value_of(ws, "drift_failed_share") == close(1 / 5)
    assert value_of(ws, "bias_failed_share") == close(0)
    assert value_of(ws, "drift_share") == close(1 / 10)


def _alerts() -> Rows:
    """Triaged after 1, 2, 4, 9 hours; three still open."""
    given = [(1, "true_alarm"), (2, "false_alarm"), (4, "false_alarm"), (9, "false_alarm"), *[(None, "open")] * 3]
    given[4] = (None, None)
    return [
        {"alert": f"a{i}", "fired": at("07-05"), "verdict": verdict,
         "triaged": None if hours is None else at("07-05") + minutes(60 * hours)}
        for i, (hours, verdict) in enumerate(given)
    ]  # fmt: skip


def test_an_alert_that_is_still_open_waits_and_is_not_judged(build: Build) -> None:
    ws = build(alerts=_alerts(), requests=[{"run": "r", "start": at("07-20")}])
    finding = finding_of(ws, "time_to_triage")
    assert isinstance(finding.answer, Estimate)
    # 1, 2, 4, 9 h and three open: 3 of 7 wait longer than 9 h. Those triaged alone would say 3 h.
    assert (finding.answer.value, finding.answer.n) == (close(9), 7)
    assert refusal_of(ws, "alert_noise_share").reason is Reason.TOO_FEW_UNITS  # four were judged
    more = [row | {"alert": f"b{i}"} for i, row in enumerate(_alerts())]
    assert value_of(build(alerts=[*_alerts(), *more]), "alert_noise_share") == close(6 / 8)
