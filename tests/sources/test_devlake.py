"""What the DevLake reader promises: its tables mean what our contract says, and nothing is made up.

A hand-made export whose every time is worked out here; which environment, result and diff count; what a
first deployment, a retry, a rewritten commit, a test merge and a touched GitHub deployment mean; incidents
laid to deployments within a stated window; unknown stays unknown; files parted into exports by their
names; bad rows set aside with the place; wrong calls answered with what to do.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import metricstack as ms
from metricstack.core import InvalidInput, UnreadableFile
from metricstack.sources import IngestSummary, ingest
from metricstack.sources.devlake import read_devlake
from metricstack.sources.devlake_export import instant, table_in
from metricstack.sources.devlake_incidents import ATTRIBUTION

EXPORT = {
    "pull_requests": """
        id,base_repo_id,author_id,merge_commit_sha,created_date,merged_date,closed_date,additions,deletions
        pr1,repo1,ada,m1,2026-3-2 9:00:00,2026-03-03 09:00:00,2026-03-03 09:00:00,10,5
        pr2,repo1,ada,m2,2026-03-02T10:00:00.000+01:00,2026-03-04 09:00:00,,0,0
        pr3,repo1,bob,m3,2026-03-05 09:00:00,,2026-03-06 09:00:00,1,1
        pr4,repo1,bob,m4,2026-03-06 09:00:00,2026-03-06 12:00:00,,7,0
        pr5,repo1,bob,,2026-03-07 09:00:00,0001-01-01T00:00:00.000+00:00,,,
        """,
    "pull_request_commits": """
        commit_sha,pull_request_id,commit_authored_date
        a,pr1,2026-03-01 09:00:00
        b,pr1,2026-02-28 09:00:00
        c,pr2,2026-03-03 12:00:00
        d,unknown,2026-03-03 12:00:00
        """,
    "pull_request_comments": """
        id,pull_request_id,created_date,account_id
        1,pr1,2026-03-02 09:30:00,ada
        2,pr1,2026-03-02 08:00:00,bob
        3,pr1,2026-03-02 11:00:00,bob
        4,pr4,2026-03-06 13:00:00,ada
        """,
    "commits_diffs": """
        new_commit_sha,old_commit_sha,commit_sha
        v1,,m1
        v2,v1,m2
        v2,v1,m3
        v3,v2,m4
        s1,,m4
        """,
    "cicd_deployment_commits": """
        id,cicd_deployment_id,cicd_scope_id,repo_url,commit_sha,result,environment,finished_date,started_date
        1,d1,ci,R,v1,SUCCESS,PRODUCTION,2026-03-03 10:00:00,
        2,d2,ci,R,v2,SUCCESS,PRODUCTION,2026-03-05 10:00:00,
        3,d2,ci,Q,q2,SUCCESS,PRODUCTION,2026-03-05 10:05:00,
        4,d3,ci,R,s1,SUCCESS,STAGING,2026-03-06 12:30:00,
        5,d4,ci,R,v3,FAILURE,PRODUCTION,2026-03-07 10:00:00,
        6,d5,ci,R,v3,SUCCESS,,2026-03-07 11:00:00,
        """,
    "incidents": """
        id,incident_key,created_date,resolution_date,severity,table,scope_id
        i1,OPS-1,2026-03-05 12:00:00,2026-03-05 15:00:00,Critical,boards,b1
        i2,OPS-2,2026-03-13 10:00:00,,whatever,boards,b1
        i3,OPS-3,2026-03-05 12:00:00,2026-03-05 13:00:00,,boards,elsewhere
        """,
    "project_mapping": """
        project_name,table,row_id
        shop,repos,repo1
        shop,cicd_scopes,ci
        shop,boards,b1
        """,
}


def write(folder: Path, tables: dict[str, str], prefix: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in tables.items():
        lines = [line.strip() for line in text.strip().splitlines()]
        (folder / f"{prefix}{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def load(tmp_path: Path, tables: dict[str, str]) -> tuple[IngestSummary, dict[str, dict[Any, dict[str, Any]]]]:
    """Ingest an export; return the summary, and each table's rows by their keys."""
    summary = ingest(write(tmp_path / "export", tables), source="devlake", workspace=tmp_path / "ws")
    ws = ms.open(tmp_path / "ws")
    found: dict[str, dict[Any, dict[str, Any]]] = {}
    for name, keys in (
        ("changes", ("change",)),
        ("deployments", ("deployment",)),
        ("change_deployments", ("change", "deployment")),
        ("incidents", ("incident",)),
    ):
        if name in ws.tables:
            rows = ws.table(name).to_pyarrow().to_pylist()  # type: ignore[union-attr]
            found[name] = {tuple(row[key] for key in keys) if len(keys) > 1 else row[keys[0]]: row for row in rows}
    return summary, found


def only(**changes: str | None) -> dict[str, str]:
    """The export with some of its tables replaced or, with None, without them."""
    return {name: text for name, text in (EXPORT | changes).items() if text is not None}


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[Any, dict[str, Any]]]:
    return load(tmp_path_factory.mktemp("story"), EXPORT)[1]


Story = dict[str, dict[Any, dict[str, Any]]]


def test_a_pull_request_is_a_change_with_the_times_of_its_life(story: Story) -> None:
    change = story["changes"]["pr1"]
    assert change["first_commit"] == datetime(2026, 2, 28, 9, tzinfo=UTC)  # the earlier of two
    assert (change["opened"], change["merged"], change["closed"]) == (at(2, 9), at(3, 9), None)
    assert (change["service"], change["size"]) == ("shop", 15)


def test_a_review_is_by_somebody_else_after_the_opening_and_before_the_merge(story: Story) -> None:
    # pr1: the author at 9:30 and bob before it was opened do not count; pr4: ada spoke after the merge.
    assert story["changes"]["pr1"]["first_review"] == at(2, 11)
    assert story["changes"]["pr4"]["first_review"] is None


def test_a_first_commit_dated_after_the_opening_began_at_the_opening_at_the_latest(story: Story) -> None:
    change = story["changes"]["pr2"]
    assert change["opened"] == at(2, 9)  # 10:00 at +01:00
    assert change["first_commit"] == at(2, 9)
    assert change["dq_flags"] == "first_commit_rewritten"


def test_given_up_open_and_merged_are_told_apart(story: Story) -> None:
    states = {name: (row["merged"] is not None, row["closed"] is not None) for name, row in story["changes"].items()}
    assert states["pr3"] == (False, True)
    assert states["pr5"] == (False, False)  # the year 1 is never
    assert states["pr4"] == (True, False)


def test_no_lines_at_all_is_an_unknown_size(story: Story) -> None:
    assert story["changes"]["pr2"]["size"] is None


def test_parts_in_several_repositories_are_one_deployment_at_its_last(story: Story) -> None:
    assert set(story["deployments"]) == {"d1", "d2", "d3", "d4", "d5"}
    assert story["deployments"]["d2"]["deployed"] == at(5, 10, 5)


def test_only_the_environment_makes_production_and_an_unknown_one_does_not(story: Story) -> None:
    # A row without any environment would count as the workspace's own, which is production.
    found = {name: row["env"] for name, row in story["deployments"].items()}
    assert found == {"d1": "production", "d2": "production", "d3": "staging", "d4": "production", "d5": "unknown"}


def test_a_change_is_deployed_by_the_first_live_production_deployment_whose_diff_holds_its_merge(story: Story) -> None:
    links = story["change_deployments"]
    assert links["pr2", "d2"]["first_production"] is True
    assert links["pr2", "d2"]["deployed"] == at(5, 10)  # when its own repository's part was live
    assert links["pr4", "d3"]["first_production"] is False  # staging
    assert ("pr4", "d5") not in links  # nobody knows where it went, nor what was there before
    assert ("pr4", "d4") not in links  # it failed


def test_a_first_deployment_links_the_history_without_claiming_its_first_time(story: Story) -> None:
    assert story["change_deployments"]["pr1", "d1"]["first_production"] is None


def test_a_test_merge_of_a_pull_request_that_was_given_up_is_never_deployed(story: Story) -> None:
    assert not [key for key in story["change_deployments"] if key[0] == "pr3"]


def test_an_incident_is_laid_to_the_last_production_deployment_of_its_project_within_the_window(story: Story) -> None:
    # i1 came two hours after d2. i2 came 7 days and 23:55 h after it: too late. i3 is of no project.
    assert ATTRIBUTION.days == 7
    found = {name: row["failed"] for name, row in story["deployments"].items()}
    assert found == {"d1": False, "d2": True, "d3": None, "d4": None, "d5": None}
    assert story["deployments"]["d2"]["recovered"] == at(5, 15)
    assert '"laid_to_it": false' in story["incidents"]["i2"]["attributes"]
    assert story["incidents"]["i3"]["attributes"] is None


def test_a_failure_is_over_only_when_all_its_incidents_are(tmp_path: Path) -> None:
    more = EXPORT["incidents"] + "i4,OPS-4,2026-03-05 13:00:00,,,boards,b1\n"
    _, found = load(tmp_path, only(incidents=more))
    assert found["deployments"]["d2"]["failed"] is True
    assert found["deployments"]["d2"]["recovered"] is None


def test_an_incident_tells_its_report_and_its_end_and_no_more(story: Story) -> None:
    incident = story["incidents"]["i1"]
    assert (incident["name"], incident["severity"], incident["service"]) == ("OPS-1", "sev1", "shop")
    assert (incident["started"], incident["closed"]) == (at(5, 12), at(5, 15))
    assert all(incident[name] is None for name in ("detected", "acknowledged", "diagnosed", "mitigated", "fixed"))
    assert story["incidents"]["i2"]["severity"] is None


def test_a_retry_within_a_deployment_counts_as_what_it_came_to(tmp_path: Path) -> None:
    retried = """
        id,cicd_deployment_id,cicd_scope_id,repo_url,commit_sha,result,environment,finished_date
        1,d1,ci,R,v1,FAILURE,PRODUCTION,2026-03-03 10:00:00
        2,d1,ci,R,v1,SUCCESS,PRODUCTION,2026-03-03 10:20:00
        3,d2,ci,R,v2,SUCCESS,PRODUCTION,2026-03-04 10:00:00
        4,d2,ci,Q,q2,FAILURE,PRODUCTION,2026-03-04 10:10:00
        5,d3,ci,R,v3,ABORT,PRODUCTION,2026-03-05 10:10:00
        """
    _, found = load(tmp_path, only(cicd_deployment_commits=retried))
    rows = found["deployments"]
    assert [rows[name]["status"] for name in ("d1", "d2", "d3")] == ["success", "success", "cancelled"]
    assert rows["d1"]["deployed"] == at(3, 10, 20)
    assert rows["d2"]["dq_flags"] == "partly_live"  # one repository went live, the other did not
    assert found["change_deployments"]["pr2", "d2"]["first_production"] is True


def test_what_a_part_replaced_is_devlakes_word_where_it_has_one(tmp_path: Path) -> None:
    # By time alone 3 would have replaced 2. A predecessor that is not in the export is not taken for none.
    parts = """
        id,cicd_deployment_id,cicd_scope_id,repo_url,commit_sha,result,environment,finished_date,prev_success_deployment_commit_id
        1,d1,ci,R,v1,SUCCESS,PRODUCTION,2026-03-03 10:00:00,0
        2,d2,ci,R,vx,SUCCESS,PRODUCTION,2026-03-04 10:00:00,1
        3,d3,ci,R,v2,SUCCESS,PRODUCTION,2026-03-05 10:00:00,1
        """
    _, found = load(tmp_path, only(cicd_deployment_commits=parts))
    assert found["change_deployments"]["pr2", "d3"]["first_production"] is True
    assert ("pr1", "d1") not in found["change_deployments"]


def test_a_deployment_that_github_says_was_replaced_is_placed_at_its_start(tmp_path: Path) -> None:
    # GitHub's time is of the last touch: an inactive deployment was touched when the next one replaced it.
    parts = """
        id,cicd_deployment_id,commit_sha,result,environment,original_status,started_date,finished_date
        1,d1,v1,SUCCESS,PRODUCTION,INACTIVE,2026-03-03 10:00:00,2026-03-09 10:00:20
        2,d2,v2,SUCCESS,PRODUCTION,ACTIVE,2026-03-09 10:00:00,2026-03-09 10:00:20
        """
    _, found = load(tmp_path, {"cicd_deployment_commits": parts})
    assert found["deployments"]["d1"]["deployed"] == at(3, 10)
    assert found["deployments"]["d2"]["deployed"] == datetime(2026, 3, 9, 10, 0, 20, tzinfo=UTC)


def test_a_deployment_that_carries_the_fix_of_an_incident_is_rework(tmp_path: Path) -> None:
    # pr2 mends i0, which began before d2 went live; i9 began after it.
    incidents = EXPORT["incidents"] + "i0,,2026-03-04 12:00:00,,,boards,b1\ni9,,2026-03-05 18:00:00,,,boards,b1\n"
    fixes = "pull_request_id,issue_id\npr2,i0\n"
    _, found = load(tmp_path / "mended", only(incidents=incidents, pull_request_issues=fixes))
    rework = {name: row["rework"] for name, row in found["deployments"].items()}
    assert rework == {"d1": False, "d2": True, "d3": None, "d4": None, "d5": None}
    assert found["deployments"]["d2"]["kind"] == "hotfix"
    later = "pull_request_id,issue_id\npr2,i9\n"
    _, found = load(tmp_path / "later", only(incidents=incidents, pull_request_issues=later))
    assert found["deployments"]["d2"]["rework"] is False


def test_what_an_export_says_nothing_of_is_not_stored_as_known(tmp_path: Path) -> None:
    load(tmp_path / "bare", only(incidents=None, pull_request_commits=None, pull_request_comments=None))
    bare = ms.open(tmp_path / "bare" / "ws")
    assert not {"failed", "recovered", "rework", "kind"} & set(bare.columns("deployments"))
    assert not {"first_commit", "first_review"} & set(bare.columns("changes"))
    unresolved = "id,created_date\ni1,2026-03-05 12:00:00\n"
    _, found = load(tmp_path / "unresolved", only(incidents=unresolved, project_mapping=None))
    assert found["deployments"]["d2"]["failed"] is True
    assert "recovered" not in ms.open(tmp_path / "unresolved" / "ws").columns("deployments")


def test_without_any_mapping_the_export_is_one_project(tmp_path: Path) -> None:
    _, found = load(tmp_path, only(project_mapping=None))
    assert found["deployments"]["d2"]["failed"] is True
    assert found["deployments"]["d2"]["service"] == "ci"
    assert found["changes"]["pr1"]["service"] == "repo1"


def test_dora_by_hand(tmp_path: Path) -> None:
    # pr2: begun 2 March 09:00, live 5 March 10:00 = 3 d 1 h = 3.0417 d. d1 and d2 went live, d2 failed: 1 of 2.
    load(tmp_path, EXPORT)
    panel = ms.metrics.evaluate(ms.open(tmp_path / "ws"), ["deployments", "change_fail_rate"], window="2026Q1")
    found = {finding.subject: finding for finding in panel.findings}
    assert found["deployments"].answer.value == 2  # type: ignore[union-attr]
    row = ms.open(tmp_path / "ws").table("change_deployments").to_pyarrow().to_pylist()  # type: ignore[union-attr]
    (first,) = [link for link in row if link["first_production"]]
    assert (first["deployed"] - at(2, 9)).total_seconds() == (3 * 24 + 1) * 3600


def test_a_broken_row_is_set_aside_with_the_file_and_row(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    summary, found = load(
        tmp_path,
        only(
            pull_requests=EXPORT["pull_requests"] + "pr6,repo1,bob,m6,yesterday,,,,\npr7,repo1,bob,,2026-03-08,,,x,1\n",
            pull_request_commits=EXPORT["pull_request_commits"] + "e,pr4,soon\nf,pr4,2026-03-01\n",
            cicd_deployment_commits=EXPORT["cicd_deployment_commits"]
            + "7,d6,ci,R,v9,,PRODUCTION,,\n8,d7,ci,R,v9,MAYBE,PRODUCTION,2026-03-09 10:00:00,\n"
            "9,d8,ci,R,v9,SUCCESS,PRODUCTION,noon,\n",
        ),
    )
    assert summary.count("changes").quarantined == 3
    assert summary.count("deployments").quarantined == 3
    aside = {
        (path.split("/")[-1].split("-")[0], row["row"]): row["reason"]
        for path in summary.quarantine
        for row in pq.read_table(tmp_path / "ws" / path).to_pylist()
    }
    assert aside["changes", 6].startswith("'opened' is a text of 9 characters")
    assert aside["changes", 7].startswith("'size' is")
    assert "'commit_authored_date' of pull_request_commits row 5 is not a time" in aside["changes", 8]
    assert "it has not ended" in aside["deployments", 7]
    assert "'status' is not one of success, failure, cancelled" in aside["deployments", 8]
    assert "'finished_date' is not a time" in aside["deployments", 9]
    # Of two commits one cannot be read: which was first is not known.
    assert found["changes"]["pr4"]["first_commit"] is None
    assert found["changes"]["pr4"]["dq_flags"] == "first_commit_unreadable"


def test_nobody_is_in_it(tmp_path: Path) -> None:
    load(tmp_path, EXPORT)
    import pyarrow.parquet as pq

    written = str([pq.read_table(file).to_pylist() for file in (tmp_path / "ws").rglob("*.parquet")])
    assert "pr1" in written
    assert "ada" not in written
    assert "bob" not in written


def test_files_whose_names_begin_alike_are_one_export(tmp_path: Path) -> None:
    folder = write(tmp_path / "many", {"pull_requests": EXPORT["pull_requests"]}, "github_")
    write(folder, {"cicd_deployment_commits": EXPORT["cicd_deployment_commits"]}, "github_raw_")
    write(folder, {"pull_requests": EXPORT["pull_requests"].replace("pr", "mr")}, "gitlab_")
    write(folder, {"repos": "id\nx"})
    units = read_devlake(str(folder), mapping=None, table=None)
    assert [set(unit.files) for unit in units] == [{"pull_requests", "cicd_deployment_commits"}, {"pull_requests"}]
    assert units[0].unmapped == {"repos.csv": 1}
    (one,) = read_devlake(str(folder / "github"), mapping=None, table=None)
    assert set(one.files) == {"pull_requests", "cicd_deployment_commits"}


def test_each_folder_is_an_export(tmp_path: Path) -> None:
    write(tmp_path / "x" / "a", {"pull_requests": "id,created_date\np,2026-03-01\n"})
    write(tmp_path / "x" / "b", {"pull_requests": "id,created_date\nq,2026-03-01\n"})
    summary = ingest(tmp_path / "x", source="devlake", workspace=tmp_path / "ws")
    assert (summary.files, summary.count("changes").loaded) == (2, 2)


@given(st.text(alphabet="abc_", max_size=8), st.sampled_from(["pull_requests", "incidents", "pull_request_commits"]))
def test_a_tables_name_is_found_between_whatever_stands_around_it(before: str, table: str) -> None:
    found = table_in(f"{before}_{table}_after.csv")
    assert found is not None
    assert found[1] == table


@given(st.integers(-2_000_000_000, 7_000_000_000))
def test_a_time_is_read_however_its_zeros_and_zone_are_written(seconds: int) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    short = f"{moment.year}-{moment.month}-{moment.day} {moment.hour}:{moment.minute}:{moment.second}"
    bare = moment.isoformat().removesuffix("+00:00")
    assert instant(short) == instant(f"{bare}Z") == instant(f"{bare}.000+00:00") == moment


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "2026-02-30 10:00:00", "12", "2026-01-01 25:00:00"])
def test_what_is_no_time_is_not_read_as_one(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - Python's own message differs by what is wrong
        instant(text)


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"repos": "id\nx"}, "holds no CSV file that is called after one of DevLake's tables. It holds repos.csv"),
        ({"pull_requests": "id,created\nx,y"}, "header 'created_date' is missing. Is it 'created'?"),
        ({"a_incidents": "id,created_date", "a-incidents": "id,created_date"}, "both hold DevLake's table 'incidents'"),
    ],
)
def test_a_wrong_folder_is_said_with_what_would_help(tmp_path: Path, tables: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        ingest(write(tmp_path / "export", tables), source="devlake", workspace=tmp_path / "ws")


def test_a_map_a_table_or_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="leave the map and the table out"):
        ingest(tmp_path, source="devlake", workspace=tmp_path / "ws", table="changes")
    with pytest.raises(UnreadableFile, match="no file whose name begins like that"):
        ingest(tmp_path / "nothing", source="devlake", workspace=tmp_path / "ws")


def test_a_header_without_a_row_is_no_fault(tmp_path: Path) -> None:
    summary, found = load(tmp_path, {"pull_requests": "id,created_date\n"})
    assert summary.tables == ()
    assert found == {}
