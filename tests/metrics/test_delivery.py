"""Delivery: the five DORA metrics, the stages of a change's way and SPACE, each number worked out on paper.

Promises: what is still on its way is censored, never left out or 0; only production counts, and only what went
live; a change given up is not on its way; a past quarter stays as it was; SPACE refuses without three
dimensions and a survey.
"""

from datetime import timedelta
from pathlib import Path

import pytest

from metricstack.core.errors import ConfigurationError
from metricstack.core.values import Estimate, Reason, Refusal
from metricstack.metrics import evaluate
from metricstack.metrics.space import SURVEYED, space
from metricstack.telemetry import Workspace

from .conftest import Build, Rows, at, finding_of, groups_of, refusal_of, runs, value_of, write_workspace

close = pytest.approx

LIVE_AFTER = {0: 2, 1: 4, 2: 6, 3: 8, 7: 10}  # change → days from first commit to production
WAITS = {0: 1, 1: 2, 2: 3, 3: 4, 4: 5, 7: 7, 8: 6}  # change → hours to the first review; then twice and once that


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def _changes() -> Rows:
    """Ten changes proposed on July 2nd: five live, two merged, two waiting (5, 9), one given up (6)."""
    opened, rows = at("07-02"), []
    for i in range(10):
        row = {
            "change": f"c{i}", "opened": opened, "first_commit": None if i > 7 else at("07-01"), "size": 10 * (i + 1),
            "work_kind": None if i == 9 else "bug" if i < 4 else "feature", "code_kind": "legacy" if i < 8 else None,
            "test_coverage": None if i > 7 else 0.5 if i < 5 else 0.7, "ai_assisted": None if i > 7 else i < 3,
            "closed": at("07-10") if i == 6 else None, "first_review": None, "approved": None, "merged": None,
        }  # fmt: skip
        if i in WAITS:
            row["first_review"] = opened + hours(WAITS[i])
            row["approved"] = row["first_review"] + hours(2 * WAITS[i])
            row["merged"] = row["approved"] + hours(WAITS[i])
        rows.append(row)
    return rows


def _deployments() -> Rows:
    """Seven went live, five of them failed; one did not get live, one was cancelled, one is staging."""
    failed = {0: 6, 2: 2, 3: None, 4: 4, 8: 10}  # deployment → hours to recovery; the fourth is not over
    return [
        {
            "deployment": f"d{i}", "deployed": at("07-03") + timedelta(days=i), "env": "staging" if i == 9 else None,
            "status": {5: "failure", 6: "cancelled"}.get(i, "success"), "failed": i in failed or i == 9,
            "rework": i in (4, 7), "recovered": at("07-03") + timedelta(days=i) + hours(failed[i])
            if failed.get(i) else None,
        }
        for i in range(10)
    ]  # fmt: skip


def _links() -> Rows:
    rows = [
        {"change": f"c{change}", "deployment": f"d{place}", "deployed": at("07-01") + timedelta(days=days),
         "first_production": True, "env": None}
        for place, (change, days) in enumerate(LIVE_AFTER.items())
    ]  # fmt: skip
    later = {"change": "c0", "deployment": "d8", "deployed": at("07-11"), "first_production": False, "env": None}
    staged = {"change": "c8", "deployment": "d9", "deployed": at("07-12"), "first_production": True, "env": "staging"}
    never_live = {"change": "c5", "deployment": "d5", "deployed": at("07-08"), "first_production": True, "env": None}
    return [*rows, later, staged, never_live]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Traffic from July 1st to September 20th: the end of what the data tell."""
    root: Path = tmp_path_factory.mktemp("delivery")
    traffic = [{"run": "a", "start": at("07-01")}, {"run": "b", "start": at("09-20")}]
    tables = {
        "requests": traffic,
        "changes": _changes(),
        "deployments": _deployments(),
        "change_deployments": _links(),
    }
    return write_workspace(root, tables)


def test_lead_time_counts_changes_that_are_not_live_yet_as_still_on_their_way(shop: Workspace) -> None:
    # Of seven with a first commit, five are live after 2, 4, 6, 8, 10 days and two (c4, c5) are not; c6 was given
    # up. Fewer than half are open after the fourth: 8 days. The median of those that are live would say 6.
    assert value_of(shop, "change_lead_time") == close(8)
    # From the proposal, a day later; nine changes, five live: 4 of 9 are open after the fifth, 9 days.
    assert value_of(shop, "change_lead_time_from_opened") == close(9)


def test_a_share_that_is_not_done_yet_is_a_lower_bound_and_says_so(shop: Workspace) -> None:
    finding = finding_of(shop, "change_lead_time_p90")
    assert isinstance(finding.answer, Estimate)
    assert finding.answer.low is None
    assert "lower bound" in finding.answer.method
    assert finding.answer.value == close(81)  # July 1st to September 20th: so long c4 and c5 were watched
    assert next(check.name for check in finding.checks if check.passed is False) == "reached"


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("coding_time", 24.0),
        ("coding_time_p90", 24.0),
        ("pickup_time", 5.0),  # 1 … 7 h and two waiting: 4 of 9 are open after the fifth
        ("review_time", 8.0),  # 2, 4, 6, 8, 10, 12, 14 h
        ("review_time_p90", 14.0),
        ("merge_time", 4.0),  # 1 … 7 h
        ("merge_time_p90", 7.0),
        ("deploy_time", 152.0),  # 20, 64, 108, 152, 188 h and two merged, not live: 3 of 7 are open after the fourth
        ("deployments", 7.0),
        ("deployment_frequency", 7 / 82),  # July 1st to September 20th
        ("change_fail_rate", 5 / 7),
        ("deployment_rework_rate", 2 / 7),
        ("failed_deployment_recovery", 6.0),  # 2, 4, 6, 10 h and one not over: 2 of 5 are open after the third
        ("changes_opened", 10.0),
        ("changes_merged", 7.0),
        ("change_size", 55.0),
        ("rework_share", 4 / 9),
        ("test_coverage", (5 * 0.5 + 3 * 0.7) / 8),
        ("ai_assisted_share", 3 / 8),
    ],
)
def test_agrees_with_the_calculation_by_hand(shop: Workspace, metric: str, expected: float) -> None:
    assert value_of(shop, metric) == close(expected)


@pytest.mark.parametrize(
    "metric",
    ["change_lead_time_from_opened_p90", "pickup_time_p90", "deploy_time_p90", "failed_deployment_recovery_p90"],
)
def test_a_90_percent_point_beyond_what_is_done_is_a_bound(shop: Workspace, metric: str) -> None:
    answer = finding_of(shop, metric).answer
    assert isinstance(answer, Estimate)
    assert "lower bound" in answer.method


def test_lead_time_is_told_by_kind_of_code_so_that_unlike_is_not_blended(shop: Workspace) -> None:
    found = groups_of(shop, "change_lead_time", "code_kind")
    assert found["legacy"] == close(8)
    assert found["not recorded"] == "no_data"  # c8 and c9 have no first commit


def test_a_past_quarter_stays_as_it_was_whatever_came_later(build: Build) -> None:
    changes = [
        {"change": f"c{i}", "opened": at("06-20"), "first_commit": at("06-20"), "closed": None} for i in range(6)
    ]
    links = [
        {"change": f"c{i}", "deployment": f"d{i}", "deployed": at("07-05"), "first_production": True} for i in range(6)
    ]
    ws = build(requests=runs(1), changes=changes, change_deployments=links)
    answer = finding_of(ws, "change_lead_time", window="2026Q2").answer
    assert isinstance(answer, Estimate)
    assert "lower bound" in answer.method
    assert answer.value == close(10.5)  # June 20th noon to the quarter's end


def test_a_change_seen_in_production_without_knowing_whether_for_the_first_time_is_left_out(build: Build) -> None:
    changes = [{"change": f"c{i}", "opened": at("07-01"), "first_commit": at("07-01")} for i in range(6)]
    links = [
        {"change": f"c{i}", "deployment": "d", "deployed": at("07-03") + timedelta(days=i),
         "first_production": True if i else None}
        for i in range(6)
    ]  # fmt: skip
    ws = build(requests=[{"run": "r", "start": at("09-20")}], changes=changes, change_deployments=links)
    finding = finding_of(ws, "change_lead_time")
    assert isinstance(finding.answer, Estimate)
    assert (finding.answer.value, finding.answer.n) == (close(5), 5)  # 3, 4, 5, 6, 7 days


def test_lead_time_without_deployments_says_which_table_it_needs(build: Build) -> None:
    ws = build(changes=_changes(), requests=[{"run": "r", "start": at("09-20")}])
    assert value_of(ws, "review_time") == close(8)
    refusal = refusal_of(ws, "change_lead_time")
    assert refusal.reason is Reason.MISSING_TABLE
    assert "'change_deployments'" in refusal.detail


def test_a_metric_that_needs_another_table_does_not_take_its_neighbours_down(build: Build) -> None:
    ws = build(changes=_changes())
    panel = evaluate(ws, ["change_size", "change_lead_time", "test_coverage"], window="2026Q3")
    assert [isinstance(finding.answer, Estimate) for finding in panel.findings] == [True, False, True]


def test_the_change_fail_rate_is_provisional_while_an_incident_of_the_window_is_open(build: Build) -> None:
    tables = {"deployments": _deployments(), "requests": [{"run": "r", "start": at("09-30")}]}
    incidents = [
        {"incident": "i1", "started": at("07-08"), "closed": at("07-09")},
        {"incident": "i2", "started": at("09-29"), "closed": None},
        {"incident": "i3", "started": at("10-05"), "closed": None},  # laid to the window's last deployments
        {"incident": "i4", "started": at("10-20"), "closed": None},  # too late for that
        {"incident": "i5", "started": at("07-20"), "closed": None, "env": "staging"},
    ]
    finding = finding_of(build(incidents=incidents, **tables), "change_fail_rate")
    (check,) = [check for check in finding.checks if check.name == "settled"]
    assert check.passed is False
    assert check.detail == "provisional: 2 of 'incidents' that began in it or within 7 d after are not over"
    calm = finding_of(build(incidents=incidents[:1], **tables), "change_fail_rate")
    assert [check for check in calm.checks if check.name == "settled"] == []
    assert calm.answer == finding.answer


def test_a_definition_that_is_settled_by_no_instant_is_a_fault(build: Build) -> None:
    ws = build(deployments=_deployments())
    (ws.root / "metrics").mkdir()
    (ws.root / "metrics" / "own.toml").write_text(
        '[metrics.mine]\ntitle = "Mine"\nabout = "Mine."\ntable = "deployments"\nformula = "mean(failed)"\n'
        'unit = "fraction"\nbetter = "lower"\nsettled_by = "incidents.severity"\n'
    )
    with pytest.raises(ConfigurationError, match=r"own.toml:8: .*'settled_by' is an instant as in 'incidents.closed'"):
        evaluate(ws, "mine", window="2026Q3")


def test_where_a_lead_time_came_from_names_the_deployments_too(shop: Workspace) -> None:
    provenance = finding_of(shop, "change_lead_time").provenance
    assert provenance is not None
    assert [name for name, _ in provenance.tables] == ["change_deployments", "changes", "deployments"]


# SPACE -----------------------------------------------------------------------------------------------------------


def _answers(*dimensions: str, people: int = 6, team: str = "a") -> Rows:
    """Each person answers each question, with 0, 0.2, 0.4 and so on."""
    return [
        {
            "response": f"{team}{dimension}{i}",
            "respondent": f"{team}{i}",
            "team": team,
            "dimension": dimension,
            "answered": at("08-01"),
            "score": 0.2 * i,
        }
        for dimension in dimensions
        for i in range(people)
    ]


ALL = ("satisfaction", "performance", "activity", "communication", "efficiency")


def test_each_space_dimension_has_a_score_of_its_own(build: Build) -> None:
    ws = build(survey_responses=[row for i, name in enumerate(ALL) for row in _answers(name, people=5 + i % 2)])
    # 0, 0.2, 0.4, 0.6, 0.8: mean 0.4; with a sixth person, 1: mean 0.5.
    expected = {"satisfaction": 0.4, "performance": 0.5, "activity": 0.4, "communication": 0.5, "efficiency": 0.4}
    assert {name: value_of(ws, SURVEYED[name]) for name in ALL} == {name: close(x) for name, x in expected.items()}


def test_space_speaks_with_three_dimensions_and_a_survey(build: Build, shop: Workspace) -> None:
    found = space(build(survey_responses=_answers(*ALL[:3])), window="2026Q3")
    told = [finding.subject for finding in found if isinstance(finding.answer, Estimate)]
    assert told == ["satisfaction", "space_performance", "space_activity"]
    # The tools tell of performance, activity, communication and efficiency; one question makes it whole.
    mixed = build(
        survey_responses=_answers("satisfaction"), changes=_changes(), deployments=_deployments(),
        change_deployments=_links(), requests=[{"run": "r", "start": at("09-20")}],
    )  # fmt: skip
    told = [finding.subject for finding in space(mixed, window="2026Q3") if isinstance(finding.answer, Estimate)]
    assert told == ["satisfaction", "change_fail_rate", "deployment_frequency", "pickup_time", "change_lead_time"]


def test_space_makes_no_statement_from_two_dimensions(build: Build) -> None:
    found = space(build(survey_responses=_answers(*ALL[:2])), window="2026Q3")
    assert len(found) == 9
    refusals = {finding.subject: finding.answer for finding in found if isinstance(finding.answer, Refusal)}
    assert len(refusals) == 9
    assert refusals["satisfaction"].reason is Reason.NOT_MEASURED
    assert "2 of the five dimensions" in refusals["satisfaction"].detail
    assert refusals["change_lead_time"].reason is Reason.MISSING_TABLE


def test_space_makes_no_statement_from_tools_alone(shop: Workspace) -> None:
    answers = {finding.subject: finding.answer for finding in space(shop, window="2026Q3")}
    assert not any(isinstance(answer, Estimate) for answer in answers.values())
    assert isinstance(refusal := answers["change_fail_rate"], Refusal)
    assert "none by a survey" in refusal.detail


def test_space_is_of_teams_of_five_and_each_stands_alone(build: Build) -> None:
    rows = [*_answers(*ALL), *_answers(*ALL, people=4, team="b"), *_answers("satisfaction", team="c")]
    found = space(build(survey_responses=rows), window="2026Q3", by="team")
    told = dict.fromkeys("abc", 0)
    for finding in found:
        if isinstance(finding.answer, Estimate):
            told[dict(finding.where)["team"]] += 1
    assert told == {"a": 5, "b": 0, "c": 0}
