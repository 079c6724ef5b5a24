"""What explaining a change with a calendar beside it promises.

* A row that is dated where the daily level shifts is told, the nearest first; one that lies elsewhere is not.
* Rows of another scope, environment or outcome are left out; so are prices that did not change.
* Where no shift is shown, or none can be looked for, or nothing stands there, it says so; never that a row made it.
"""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.values import Refusal
from metricstack.core.windows import Window
from metricstack.linkage.explain import Explained, explain
from metricstack.linkage.stability import BreakTest
from tests.metrics.conftest import Rows, at, write_workspace

BEFORE = Window(at("05-01 00:00"), at("05-31 00:00"), "before")
AFTER = Window(at("05-31 00:00"), at("06-30 00:00"), "after")


def runs(*, cost: float, lost: tuple[int, ...] = (), days: int = 60) -> Rows:
    """Ten runs a day of two regions from May 1st: 1 USD each give or take, and `cost` from May 31st on."""
    rng = np.random.default_rng(0)
    return [
        {
            "run": f"{day}-{i}", "user": f"u{i}", "region": "eu" if i % 2 else "us", "use_case": "support",
            "start": at("05-01") + timedelta(days=day, minutes=i), "outcome": "success",
            "cost": (cost if day >= 30 else 1.0) + float(rng.normal(0, 0.1)),
        }
        for day in range(days)
        for i in range(10)
        if day not in lost
    ]  # fmt: skip


def deployed(name: str, when: str, **more: Any) -> dict[str, Any]:
    """One deployment of a model that went live."""
    return {"deployment": name, "deployed": at(when), "status": "success", "kind": "model"} | more


def event(name: str, when: str, scope: str = "all") -> dict[str, Any]:
    """One promotion of two days."""
    start = at(when)
    return {"event": name, "kind": "promotion", "scope": scope, "start": start, "end": start + timedelta(days=2),
            "about": name}  # fmt: skip


def asked(
    root: Path, *, requests: Rows | None = None, where: dict[str, str] | None = None, **tables: Rows
) -> Explained:
    """Explain the cost of a request over the two months."""
    ws = write_workspace(root, {"requests": runs(cost=1.5) if requests is None else requests, **tables})
    return explain(ws, "cost_per_request", before=BEFORE, after=AFTER, by="region", where=where)


def keys(found: Explained) -> list[str]:
    """The keys of the rows that stand at the break."""
    return [row.key for row in found.rows]


def test_a_deployment_on_the_day_of_a_shift_stands_at_it_and_an_event_weeks_away_does_not(tmp_path: Path) -> None:
    # 5 standard deviations of a single run, 16 of a day's mean: no other day comes near, so that the range is that day.
    found = asked(
        tmp_path, deployments=[deployed("router-2", "05-31 08:00"), deployed("router-1", "05-10 08:00")],
        events=[event("spring", "05-08"), event("summer", "06-21")],
    )  # fmt: skip
    assert isinstance(found.shift, BreakTest)
    assert found.between == (date(2026, 5, 31), date(2026, 5, 31))
    assert found.shift.value == pytest.approx(0.5, abs=0.04)  # the error of a difference of 30-day means is 0.008
    assert [(row.key, row.days, row.table) for row in found.rows] == [("router-2", 0, "deployments")]
    said = found.say()
    assert "Model deployment 'router-2' (2026-05-31) stands at the break" in said
    assert "because" not in said.lower()
    assert "caused" not in said.lower()


def test_the_nearest_row_comes_first_and_the_evening_before_counts(tmp_path: Path) -> None:
    found = asked(
        tmp_path, deployments=[deployed("late", "05-30 22:00"), deployed("same", "05-31 09:00")],
        incidents=[{"incident": "i1", "name": "gateway", "severity": "sev2", "started": at("05-31 07:00")}],
        events=[event("offer", "05-30 01:00"), event("next", "06-01 01:00")],
    )  # fmt: skip
    assert keys(found) == ["i1", "same", "offer", "late"]  # by day, then by hour
    assert found.rows[0].what == "incident 'gateway', sev2"
    assert "stand at the break" in found.say()


def test_rows_of_another_scope_environment_or_outcome_are_left_out(tmp_path: Path) -> None:
    found = asked(
        tmp_path, where={"region": "eu"},
        deployments=[
            deployed("never", "05-31", status="cancelled"), deployed("test", "05-31", env="staging"),
            deployed("real", "05-31", env="production"), deployed("broken", "05-31", status="failure"),
        ],
        events=[event("ours", "05-31", "region:eu"), event("theirs", "05-31", "region:us"), event("all", "05-31"),
                event("support only", "05-31", "use_case:support")],
    )  # fmt: skip
    assert set(keys(found)) == {"real", "broken", "ours", "all", "support only"}
    assert found.where == (("region", "eu"),)
    assert "promotion 'ours' for region:eu" in [row.what for row in found.rows]


def test_a_price_counts_where_it_changed(tmp_path: Path) -> None:
    def price(model: str, when: str, amount: float) -> dict[str, Any]:
        return {"model": model, "bucket": "output", "valid_from": at(when), "price": amount, "currency": "USD"}

    found = asked(
        tmp_path, prices=[price("a", "04-01", 10.0), price("a", "05-31", 15.0), price("b", "04-01", 10.0),
                          price("b", "05-31", 10.0), price("new", "05-31", 3.0)],
    )  # fmt: skip
    assert [row.what for row in found.rows] == ["price of a output from 10 to 15"]


def test_a_price_that_is_not_told_changes_nothing_and_another_currency_is_named(tmp_path: Path) -> None:
    def price(when: str, amount: float | None, currency: str) -> dict[str, Any]:
        return {"model": "m1", "bucket": "output", "price": amount, "currency": currency, "valid_from": at(when)}

    prices = [price("04-01 00:00", 2.0, "USD"), price("05-30 12:00", None, "USD"), price("05-31 00:00", 2.0, "EUR")]
    found = asked(tmp_path, prices=prices)
    assert [row.what for row in found.rows] == ["price of m1 output from 2 USD to 2 EUR"]


def test_of_many_rows_a_check_names_the_nearest_and_counts_the_others(tmp_path: Path) -> None:
    found = asked(tmp_path, events=[event(f"e{i}", "05-31 01:00") for i in range(2005)])
    (told,) = [check for check in found.findings[0].checks if check.name == "dated_rows"]
    assert len(found.rows) == 2005
    assert told.detail.startswith("promotion 'e0' (2026-05-31); ")
    assert told.detail.endswith("; and 2,000 more")


def test_where_nothing_stands_at_it_it_says_so(tmp_path: Path) -> None:
    found = asked(tmp_path / "far", events=[event("spring", "05-08")])
    assert found.rows == ()
    assert "No dated row of events stands at the break." in found.say()
    none = asked(tmp_path / "none")
    assert none.tables == ()
    assert "No table of dated rows is here to look through." in none.say()
    assert "dated_rows" in [check.name for check in none.findings[0].checks]


def test_without_a_shift_no_row_is_looked_up(tmp_path: Path) -> None:
    found = asked(tmp_path, requests=runs(cost=1.0), deployments=[deployed("router-2", "05-31 08:00")])
    assert found.between is None
    assert found.rows == ()
    assert "No single shift of its daily level is shown" in found.say()


@pytest.mark.parametrize(
    ("requests", "said"),
    [
        (runs(cost=1.5, lost=(3, 40)), "2 of 60 days do not tell cost_per_request"),
        ([row for row in runs(cost=1.5) if at("05-25") < row["start"] < at("06-05")], "days; 30 are needed"),
        ([row | {"cost": None} for row in runs(cost=1.5)], "no day of both windows tells cost_per_request"),
        ([row | {"cost": 1.0} for row in runs(cost=1.5)], "on every day"),
    ],
)
def test_a_series_in_which_no_shift_can_be_seen_is_refused_in_words(tmp_path: Path, requests: Rows, said: str) -> None:
    found = asked(tmp_path, requests=requests, deployments=[deployed("router-2", "05-31 08:00")])
    assert isinstance(found.shift, Refusal)
    assert said in found.shift.detail
    assert "cannot be said" in found.say()
    json.dumps(found.to_dict(), allow_nan=False)


def test_it_shows_and_tells_itself_and_nothing_in_a_name_acts(tmp_path: Path) -> None:
    found = asked(tmp_path, deployments=[deployed("<script>alert(1)</script>", "05-31 08:00")])
    shown = found._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert told["between"] == ["2026-05-31", "2026-05-31"]
    assert told["rows"][0]["table"] == "deployments"
    assert len(found.to_pandas()) == len(found.findings)
    assert found.chart() is not None


def test_an_unknown_metric_and_a_level_outside_of_0_and_1_are_refused(tmp_path: Path) -> None:
    ws = write_workspace(tmp_path, {"requests": runs(cost=1.5, days=4)})
    with pytest.raises(UnknownName, match="cost_per_request"):
        explain(ws, "cost_per_requests")
    with pytest.raises(InvalidInput):
        explain(ws, "cost_per_request", level=1.5)
