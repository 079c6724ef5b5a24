"""What the review promises of why a metric moved.

* The few largest changes that are called, at most two of a layer; none that is unclear or cannot be said.
* Which group is behind it, with its number and how sure; the day of the shift; what stands there and how usual.
* Where no shift, no day or no part can be told, it says so; never that a row made it, and no name acts on the page.
"""

import re
from dataclasses import replace
from datetime import date, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from metricstack.core.errors import UnknownName
from metricstack.core.values import Estimate, Reason, Refusal
from metricstack.linkage.explain import DatedRow, Explained, explain, explain_each
from metricstack.narrative.headline import Moved
from metricstack.narrative.why import say_parts, say_standing_rows
from metricstack.numerics.change import Better, change
from metricstack.reports.review.why import most_material, why_findings, why_moved, why_section
from metricstack.telemetry import Workspace
from tests.metrics.conftest import Rows, at, write_workspace


def runs(*, cost: float, from_day: int = 91, lost: tuple[int, ...] = (), only: str = "support") -> Rows:
    """Ten runs a day from April to September, 1 USD each give or take; those of one use case `cost` from a day on."""
    rng = np.random.default_rng(0)
    return [
        {
            "run": f"{day}-{i}", "user": f"u{i}", "use_case": use_case, "start": at("04-01") + timedelta(days=day),
            "outcome": "success", "cost": (cost if day >= from_day and use_case == only else 1.0) + rng.normal(0, 0.1),
        }
        for day in range(183)
        for i in range(10)
        if day not in lost and (use_case := "support" if i % 2 else "search")
    ]  # fmt: skip


def moved(metric: str, before: float, after: float, *, layer: str = "cost", better: Better = "lower") -> Moved:
    """A metric of a board that went from one number to another, each known to a thousandth."""
    told = [
        Estimate(x, unit="USD", n=900, method="mean", low=x - 0.001, high=x + 0.001, level=0.95)
        for x in (before, after)
    ]
    return Moved(metric.replace("_", " ").capitalize(), change(*told, better=better), layer=layer, metric=metric)


def deployed(name: str, when: str, **more: Any) -> dict[str, Any]:
    """One planned deployment that went live."""
    return {"deployment": name, "deployed": at(when), "status": "success", "kind": "planned"} | more


FOUR = timedelta(days=4)


def replace_days(found: Explained, *, events: list[dict[str, Any]]) -> Explained:
    """The same as if the break were known to two weeks: from June 28th to July 12th."""
    first, last = date(2026, 6, 28), date(2026, 7, 12)
    rows = [
        DatedRow("events", e["event"], f"promotion {e['about']!r}{'' if e['scope'] == 'all' else ' for ' + e['scope']}",
                 e["start"], e["start"].date(), "" if e["scope"] == "all" else e["scope"], 0)
        for e in events
        if first - timedelta(days=1) <= e["start"].date() <= last
    ]  # fmt: skip
    return replace(found, between=(first, last), rows=tuple(rows), usual=len(events) / 183 * 16)


COST = moved("cost_per_request", 1.0, 1.25)


def asked(root: Path, requests: Rows, **tables: Rows) -> tuple[Workspace, tuple[Explained, ...]]:
    """Explain the cost of a request from the second quarter to the third."""
    ws = write_workspace(root, {"requests": requests, **tables})
    return ws, why_moved(ws, [COST], ws.quarter("2026Q3"))


def words(html: object) -> str:
    """What a reader reads of some HTML."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", str(html)))).replace("\u2060", "")


def test_the_group_behind_a_change_is_named_with_its_number_and_how_sure_and_the_day_with_what_stands_there(
    tmp_path: Path,
) -> None:
    # Half of the runs cost 0.50 more from July 1st: support makes 0.5 * 0.50 = 0.25 of 0.25, all in its own rate.
    _, (found,) = asked(
        tmp_path, runs(cost=1.5),
        deployments=[deployed("d-1", "07-01 08:00"), deployed("router-2", "07-01 09:00", kind="model")],
        events=[{"event": "e", "kind": "promotion", "scope": "all", "about": "spring", "start": at("05-08"),
                 "end": at("05-10")}],
    )  # fmt: skip
    parts, stands = say_parts(found.explanation, {"support": "Support desk"}), say_standing_rows(found)
    assert re.match(r"By use case, Support desk accounts for (all|more than all|\+\$0\.2\d+) .*in its own rate", parts)
    assert "95\u00a0% interval" in parts
    assert re.match(
        r"Its daily level shifts on 1\u00a0Jul from \$(0\.99\d|1\.0\d) to \$1\.2\d \(p\u00a0=\u00a00\.0", stands
    )
    assert "Model deployment 'router-2' (1\u00a0Jul) stands at the break: 1 row" in stands
    assert "d-1" not in stands  # one of the many that a plan makes
    assert "2 days hold fewer than one on average" in stands  # two such rows in 183 days
    assert not re.search("caus|because|due to", f"{parts} {stands}", re.IGNORECASE)


def test_routine_deployments_alone_are_counted_and_not_named(tmp_path: Path) -> None:
    _, (found,) = asked(tmp_path, runs(cost=1.5), deployments=[deployed("d-1", "07-01"), deployed("d-2", "06-30")])
    assert say_standing_rows(found).endswith("Only 2 routine deployments stand there.")
    assert [row.is_routine for row in found.rows] == [True, True]


def test_a_repair_a_failure_and_a_model_are_not_routine(tmp_path: Path) -> None:
    rows = [deployed("a", "07-01", status="failure"), deployed("b", "07-01", kind="hotfix"), deployed("c", "07-01")]
    _, (found,) = asked(tmp_path, runs(cost=1.5), deployments=rows)
    assert {row.key: row.is_routine for row in found.rows} == {"a": False, "b": False, "c": True}
    assert found.usual == pytest.approx(2 / 183 * 2)  # two rows in 183 days; the day of the break and the one before


def test_a_row_of_the_group_behind_the_change_is_named_before_nearer_ones_and_usual_company_is_called_usual(
    tmp_path: Path,
) -> None:
    # Every fourth day has a promotion, four of them within the days that are looked through here: 46 / 183 * 16 = 4.
    events = [
        {"event": f"e{i}", "kind": "promotion", "scope": "all", "about": f"offer {i}", "start": at("04-02") + i * FOUR,
         "end": at("04-03") + i * FOUR}
        for i in range(46)
    ]  # fmt: skip
    events[21] |= {"scope": "use_case:search"}
    events[24] |= {"scope": "use_case:support", "about": "ours"}
    _, (found,) = asked(tmp_path, runs(cost=1.5), events=events)
    days = replace_days(found, events=events)
    said = say_standing_rows(days)
    assert re.search(r"Promotion 'ours' for use_case:support \(\d+\u00a0Jul\), promotion 'offer \d+'", said)
    assert "4 rows, no more than 16 days hold on average (about 4)" in said
    assert "Promotion 'ours' for Help (" in say_standing_rows(days, {"sup": "Soup", "support": "Help"})


def test_several_metrics_explained_at_once_are_as_each_alone(tmp_path: Path) -> None:
    ws = write_workspace(tmp_path, {"requests": runs(cost=1.5)})
    names = ["cost_per_request", "cost_per_successful_outcome", "task_success"]
    for name, together in zip(names, explain_each(ws, names, after="2026Q3"), strict=True):
        alone = explain(ws, name, after="2026Q3")
        assert together.say() == alone.say()
        # The engine adds in whatever order its threads come: the last digits move.
        pd.testing.assert_frame_equal(together.to_pandas(), alone.to_pandas(), rtol=1e-9, atol=1e-12)


def test_no_team_is_split_by_and_what_is_left_out_is_not_asked(tmp_path: Path) -> None:
    rows = [row | {"team": f"t{i % 7}"} for i, row in enumerate(runs(cost=1.5))]
    ws, (found,) = asked(tmp_path, rows)
    assert "team" not in [part.name for part in found.explanation]
    with pytest.raises(UnknownName, match="team"):
        explain_each(ws, ["cost_per_request"], after="2026Q3", without="teams")
    assert "team" in [part.name for part in explain(ws, "cost_per_request", after="2026Q3").explanation]


def test_the_largest_called_changes_are_chosen_and_no_more_than_two_of_a_layer() -> None:
    unclear = Moved("Unclear", change(*(Estimate(x, unit="s", n=9, method="mean", low=0.0, high=99.0, level=0.95)
                                        for x in (10.0, 90.0)), better="lower"), metric="unclear")  # fmt: skip
    refused = Moved("None", change(Refusal(Reason.NO_DATA, "no rows"), Refusal(Reason.NO_DATA, "no rows"),
                                   better="lower"), metric="none")  # fmt: skip
    board = [moved("a", 1, 2), moved("b", 1, 4), moved("c", 1, 8), moved("d", 1, 1.5, layer="kpi"), unclear, refused]
    assert [one.metric for one in most_material(board)] == ["c", "b", "d"]  # log 8 > log 4 > log 2, which is the third
    many = [moved(f"m{i}", 1, 2 + i, layer=str(i)) for i in range(9)]
    assert [one.metric for one in most_material(many)] == ["m8", "m7", "m6", "m5", "m4"]


def test_the_section_is_headed_by_the_finding_and_no_name_acts_on_the_page(tmp_path: Path) -> None:
    ws, found = asked(tmp_path, runs(cost=1.5, only="search"), deployments=[
        deployed("<script>alert(1)</script>\x1b[31m", "07-01", kind="model")])  # fmt: skip
    html = str(why_section(found, [COST], {"search": "<i>Search"}))
    assert "<script>" not in html
    assert "<i>" not in html
    assert "\x1b" not in html
    assert "ms-bad" in html
    assert words(html).startswith(" What is behind it Cost per request rose by 25.0 % By use case, <i>Search")
    assert "where to look first, not yet why" in words(html)
    told = why_findings(found)
    assert told[0].question.startswith("Where does the daily level of cost_per_request shift")
    assert {dict(one.where).get("use_case") for one in told} >= {"search", "support"}
    assert len(ws.tables) == 2


# Refusal


def test_without_a_shift_no_day_is_named(tmp_path: Path) -> None:
    _, (found,) = asked(tmp_path, runs(cost=1.0), deployments=[deployed("router-2", "07-01", kind="model")])
    assert say_standing_rows(found).startswith(
        "No day stands out: no single shift of its daily level is shown (p\u00a0=\u00a0"
    )
    assert "router-2" not in say_standing_rows(found)


def test_missing_days_and_an_unsplit_metric_are_refused_in_words(tmp_path: Path) -> None:
    _, (found,) = asked(tmp_path / "gaps", runs(cost=1.5, lost=(40, 41, 120)))
    said = say_standing_rows(found)
    assert said.startswith("Where its daily level shifts cannot be said: 3 of 183 days do not tell cost_per_request")
    bare = [{name: value for name, value in row.items() if name != "use_case"} for row in runs(cost=1.5)]
    _, (plain,) = asked(tmp_path / "bare", bare)
    assert say_parts(plain.explanation).startswith("What is behind it cannot be said: ")


def test_a_break_on_no_certain_day_looks_up_no_row(tmp_path: Path) -> None:
    _, (found,) = asked(tmp_path, runs(cost=1.5), deployments=[deployed("router-2", "07-01", kind="model")])
    wide = replace(found, between=(date(2026, 6, 1), date(2026, 7, 20)))
    said = say_standing_rows(wide)
    assert "the day cannot be told: it may be any from 1\u00a0Jun to 20\u00a0Jul, so no dated row is looked up" in said
    assert "router-2" not in said


def test_nothing_that_moved_is_nothing_to_explain(tmp_path: Path) -> None:
    ws = write_workspace(tmp_path, {"requests": runs(cost=1.0)})
    assert why_moved(ws, [], ws.quarter("2026Q3")) == ()
    assert why_section((), [], {}) is None
