"""What `objectives` promises: budgets worked out on paper, alerts by pairs of windows, no data is never good."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from metricstack.core.errors import ConfigurationError, InvalidInput, UnknownName
from metricstack.core.values import Estimate, Finding, Reason, Refusal
from metricstack.metrics import objectives
from metricstack.telemetry import Workspace, read_config

from .conftest import Build, Rows, at

close = pytest.approx
NOW = at("08-29 00:00")
CONFIG = """
[workspace]
name = "Northwind"

[objectives.answers]
title = "Answers come"
metric = "availability"
target = 0.99
window = 28
owner = "platform"
"""
PLAIN = '[workspace]\nname = "Northwind"\n'
SLICES = """
[objectives.minutes]
metric = "availability"
target = 0.9
window = 28
method = "time_slices"
slice = 3600
slice_target = 0.8
"""


def events(*times: tuple[datetime, bool], **columns: Any) -> Rows:
    """Return a request for each instant, of 40 users, good or in error."""
    return [
        {"run": f"r{i}", "user": f"u{i % 40}", "start": time, "latency": 1.0,
         "outcome": "success" if good else "failure", "error_type": None if good else "timeout"} | columns
        for i, (time, good) in enumerate(times)
    ]  # fmt: skip


def spread(start: datetime, hours: float, count: int, bad: int) -> list[tuple[datetime, bool]]:
    """Spread events evenly over hours, the bad ones first."""
    return [(start + timedelta(hours=hours * i / count), i >= bad) for i in range(count)]


def value(finding: Finding) -> float:
    assert isinstance(finding.answer, Estimate), finding.answer
    return finding.answer.value


def refusal(finding: Finding) -> Refusal:
    assert isinstance(finding.answer, Refusal), finding.answer
    return finding.answer


# By hand


def test_a_budget_worked_out_on_paper(build: Build) -> None:
    # 2,000 events of which 8 are bad: 99.6 % kept; the budget is 1 %, 0.4 of it is spent.
    rows = events(*spread(at("08-02 00:00"), 26 * 24, 2000, 8))
    (kept,) = objectives(build(CONFIG, requests=rows), at=NOW)
    assert value(kept.attainment) == close(0.996)
    assert value(kept.burn) == close(0.4)
    assert value(kept.left) == close(0.6)
    assert kept.met is True
    assert kept.window.start == at("08-01 00:00")
    assert (kept.title, kept.objective.owner) == ("Answers come", "platform")


def test_the_interval_of_the_budget_is_that_of_the_share_turned_over(build: Build) -> None:
    (kept,) = objectives(build(CONFIG, requests=events(*spread(at("08-02 00:00"), 600, 2000, 8))), at=NOW)
    share, left = kept.attainment.answer, kept.left.answer
    assert left.low == close(1 - (1 - share.low) / 0.01)
    assert left.high == close(1 - (1 - share.high) / 0.01)


def test_a_budget_may_be_overspent(build: Build) -> None:
    (kept,) = objectives(build(CONFIG, requests=events(*spread(at("08-02 00:00"), 600, 2000, 50))), at=NOW)
    assert value(kept.left) == close(1 - 0.025 / 0.01)
    assert kept.met is False
    assert "overspent" in objectives(build(CONFIG, requests=events(*spread(at("08-02 00:00"), 600, 2000, 50)))).say()


def burning(good_before: int, hour: tuple[int, int], minutes: tuple[int, int]) -> Rows:
    """Return a month of good events, then (count, bad) in the last hour before and in the last five minutes."""
    last = NOW - timedelta(minutes=5)
    return events(
        *spread(at("08-02 00:00"), 24 * 26, good_before, 0),
        *spread(NOW - timedelta(minutes=59), 0.85, *hour),
        *spread(last + timedelta(seconds=1), 0.08, *minutes),
    )


def test_an_alert_fires_where_both_windows_burn(build: Build) -> None:
    # Last hour 300 + 100 events, 60 + 20 bad: 20 % over a budget of 1 % burns 20 times; the last minutes too.
    (kept,) = objectives(build(CONFIG, requests=burning(4000, (300, 60), (100, 20))), at=NOW)
    fast = kept.alerts[0]
    assert (value(fast.long), value(fast.short)) == (close(20), close(20))
    assert (fast.threshold, fast.firing) == (14.4, True)
    assert [alert.threshold for alert in kept.firing] == [14.4, 6.0, 1.0]
    assert "burns 20 times too fast (alert at 14.4)" in objectives(build(CONFIG, requests=burning(4000, (300, 60), (100, 20))), at=NOW).say()  # fmt: skip  # noqa: E501


def test_an_alert_rests_once_the_short_window_is_well_again(build: Build) -> None:
    (kept,) = objectives(build(CONFIG, requests=burning(4000, (300, 80), (100, 0))), at=NOW)
    assert value(kept.alerts[0].long) == close(20)
    assert kept.alerts[0].firing is False


def test_a_quarter_is_counted_from_its_first_day(build: Build) -> None:
    config = CONFIG.replace("window = 28", 'window = "quarter"')
    rows = events(*spread(at("06-20 00:00"), 240, 500, 400), *spread(at("07-01 00:00"), 900, 1000, 5))
    (kept,) = objectives(build(config, requests=rows), at=NOW)
    assert value(kept.attainment) == close(0.995)
    assert str(kept.window) == "2026Q3 so far"


def test_slices_of_time_are_good_or_bad_as_a_whole(build: Build) -> None:
    # 20 hours with 5 events each: in 4 hours 2 of 5 are bad (0.6 < 0.8), in 4 others 1 (0.8 is enough).
    times = [
        (at("08-10 00:00") + timedelta(hours=hour, minutes=10 * i), i >= (2 if hour < 4 else 1 if hour < 8 else 0))
        for hour in range(20)
        for i in range(5)
    ]
    (kept,) = objectives(build(PLAIN + SLICES, requests=events(*times)), at=at("08-10 20:00"))
    assert value(kept.attainment) == close(16 / 20)
    assert value(kept.left) == close(1 - 0.2 / 0.1)
    assert kept.attainment.answer.n == 20


def silence(build: Build, silent: str) -> Finding:
    """Return what is kept where every second hour of two days has no event."""
    times = [(at("08-10 00:00") + timedelta(hours=2 * hour, minutes=i), True) for hour in range(24) for i in range(5)]
    config = PLAIN + SLICES + silent
    (kept,) = objectives(build(config, requests=events(*times)), at=at("08-12 00:00"))
    return kept.attainment


def test_a_silent_slice_is_never_good(build: Build) -> None:
    left_out = silence(build, "")
    assert (value(left_out), left_out.answer.n) == (1.0, 24)
    assert [check.name for check in left_out.checks] == ["silent_slices"]
    bad = silence(build, 'silent_slices = "bad"\n')
    assert value(bad) == close(24 / bad.answer.n)
    assert bad.answer.n >= 47


# Refusals


def test_too_little_traffic_is_refused(build: Build) -> None:
    # 90 events with a budget of 1 %: one bad event is more than all of it; 101 would do.
    (kept,) = objectives(build(CONFIG, requests=events(*spread(at("08-02 00:00"), 600, 90, 0))), at=NOW)
    found = refusal(kept.attainment)
    assert found.reason is Reason.TOO_FEW_UNITS
    assert "too little traffic: of 90 events one bad event is all of the budget; 101 are needed" in found.detail
    assert isinstance(kept.left.answer, Refusal)
    assert kept.met is None


def test_no_data_is_not_good(build: Build) -> None:
    (kept,) = objectives(build(CONFIG, requests=events(*spread(at("08-02 00:00"), 600, 2000, 0))), at=NOW)
    assert value(kept.attainment) == 1.0
    assert isinstance(kept.alerts[0].short.answer, Refusal)
    assert kept.alerts[0].firing is None


def test_a_missing_table_is_refused(build: Build) -> None:
    rows = [{"session": "s", "user": "u", "start": at("08-02")}]
    (kept,) = objectives(build(CONFIG, sessions=rows), at=NOW)
    assert refusal(kept.attainment).reason is Reason.MISSING_TABLE


# Misuse


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ('metric = "availability"\ntarget = 99.5', "6: 'target' must be a share between 0 and 1"),
        ('metric = "availability"', "no 'target'"),
        ('target = 0.9', "no 'metric'"),
        ('metric = "availability"\ntarget = 0.9\nwindow = "month"', "7: 'window' must be a number of days or"),
        ('metric = "availability"\ntarget = 0.9\nmethod = "time_slice"', "7: method 'time_slice' is unknown. Did you"),
        ('metric = "availability"\ntarget = 0.9\nmethod = "time_slices"', "needs 'slice_target'"),
        ('metric = "availability"\ntarget = 0.9\ntargt = 1', "7: unknown entry 'targt'. Did you mean 'target'?"),
        ('metric = "availability"\ntarget = 0.9\nwhere = { use_case = 1 }', "7: 'where' must be a table of texts"),
        ('metric = "availability"\ntarget = 0.9\nslice = 0', "7: 'slice' must be a whole number of seconds"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_reported_with_its_line(tmp_path, entry: str, fault: str) -> None:
    path = tmp_path / "metricstack.toml"
    path.write_text(f'\n[workspace]\nname = "x"\n[objectives.answers]\n{entry}\n', encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        read_config(path)
    assert fault in "\n".join(caught.value.faults)


@pytest.mark.parametrize(
    ("metric", "fault"),
    [
        ("availabilty", "Did you mean 'availability'"),
        ("latency_p95", "not a share"),
        ("relevance", "not a share"),
        ("error_rate", "less is better"),
    ],
)
def test_a_metric_that_carries_no_objective_is_reported_with_its_line(build: Build, metric: str, fault: str) -> None:
    ws = build(CONFIG.replace("availability", metric), requests=events((at("08-02"), True)))
    with pytest.raises(ConfigurationError) as caught:
        objectives(ws)
    assert caught.value.faults[0].startswith("metricstack.toml:7: ")
    assert fault in caught.value.faults[0]


def test_a_condition_that_does_not_exist_is_reported(build: Build) -> None:
    ws = build(CONFIG + 'where = { regio = "eu" }\n', requests=events((at("08-02"), True)))
    with pytest.raises(ConfigurationError, match=r"toml:11: .*Did you mean 'region'"):
        objectives(ws)


def test_what_cannot_be_asked_is_an_error(build: Build, firm: Workspace) -> None:
    with pytest.raises(InvalidInput, match="No objective is declared"):
        objectives(firm)
    ws = build(CONFIG, requests=events(*spread(at("08-02 00:00"), 600, 2000, 0)))
    with pytest.raises(InvalidInput, match="time zone"):
        objectives(ws, at=datetime(2026, 8, 1))  # noqa: DTZ001
    with pytest.raises(InvalidInput, match="'2026-08-01' is no instant"):
        objectives(ws, at="2026-08-01")  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="answers"):
        objectives(ws, at=NOW)["answer"]


# How it shows


def test_a_condition_narrows_it(build: Build) -> None:
    rows = events(*spread(at("08-02 00:00"), 600, 1000, 0), region="eu")
    other = [
        row | {"run": f"x{row['run']}", "region": "us"} for row in events(*spread(at("08-02 00:00"), 600, 500, 500))
    ]
    (kept,) = objectives(build(CONFIG + 'where = { region = "eu" }\n', requests=rows + other), at=NOW)
    assert value(kept.attainment) == 1.0
    assert kept.attainment.where == (("region", "eu"),)


def test_it_tabulates_says_draws_and_shows_itself(build: Build) -> None:
    panel = objectives(build(CONFIG + SLICES, requests=events(*spread(at("08-02 00:00"), 640, 3000, 9))), at=NOW)
    assert len(panel) == 2
    assert panel["answers"].objective.target == 0.99
    assert "70.0" in panel.say()
    assert "Answers come" in json.dumps(panel.chart().to_dict())
    assert json.loads(json.dumps(panel.to_dict()))["objectives"][0]["name"] == "answers"
    assert len(panel.to_pandas()) == len(panel.findings)
    assert "<table" in panel._repr_html_()
