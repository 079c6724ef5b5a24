"""What the review says of experiments that cannot be read: why, in words, and nothing in a name that acts."""

import json
from pathlib import Path
from typing import Any

from metricstack.experiments import Portfolio
from metricstack.reports.review import tested
from metricstack.telemetry import Workspace
from tests.metrics.conftest import at, write_workspace


def _row(key: str, **more: Any) -> dict[str, Any]:
    return {
        "experiment": key, "registered_at": at("06-28"), "ingested_at": at("06-28"), "start": at("07-01"),
        "end": at("08-01"), "unit": "user", "arms": '["control", "treatment"]', "allocation": "[0.5, 0.5]",
        "primary_metric": "task_success", "guardrails": "{}", "design": "fixed", "alpha": 0.05, "planned_n": 80.0,
    } | more  # fmt: skip


def _section(ws: Workspace) -> tuple[Portfolio, str]:
    found = tested.tests_of(ws, ws.quarter("2026Q3"))
    return found, str(tested.experiments_section(found, segment=""))


def test_experiments_without_assignments_are_shown_with_what_is_missing(tmp_path: Path) -> None:
    _, told = _section(write_workspace(tmp_path, {"experiments": [_row("retry")]}))
    assert "1 experiment: 1 to hold." in told
    assert "has no table &#x27;assignments&#x27;" in told


def test_one_broken_declaration_is_named_with_its_place(tmp_path: Path) -> None:
    rows = [_row("retry"), _row("other", allocation="[1, 2]"), _row("third", end=at("06-01"))]
    found, told = _section(write_workspace(tmp_path, {"experiments": rows}))
    assert [readout.key for readout in found.readouts] == ["retry"]  # which the others do not hide
    assert "&#x27;other&#x27;: allocation = [1, 2]" in told
    assert "&#x27;third&#x27;: end = 2026-06-01" in told
    assert "`metricstack experiment check`" in told


def test_a_name_cannot_act_on_the_page(tmp_path: Path) -> None:
    key, arms = "<script>alert(1)</script>\x1b[31m" + "k" * 5_000, json.dumps(["<i>c", "<img src=x onerror=y>"])
    _, told = _section(write_workspace(tmp_path, {"experiments": [_row(key, arms=arms)]}))
    assert not any(sign in told for sign in ("<script>alert", "<i>c", "<img src=x", "\x1b"))
    assert "&lt;script&gt;alert(1)" in told
