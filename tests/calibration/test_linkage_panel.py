"""Adjusted associations in panels with a known truth.

- The interval holds the truth with errors AR(.8) within 8, 12, 20 and 40 clusters, where a third of 12 clusters is
  switched on, and with rows that share units and periods.
- A confounder that is fixed in units does no harm; one that moves within units makes every answer wrong, and a
  negative control that shares half of it sees it. A reversed cause makes nearly every answer wrong, and the future
  placebo sees it. Where nothing is hidden, both raise few false alarms.
- Rows taken as independent, and pooled rows, would be wrong most of the time (shown).
"""

import importlib.util
import logging
from pathlib import Path
from typing import Any

import pytest

from .conftest import assert_near, assert_nominal, assert_rare

pytestmark = pytest.mark.calibration

_LOG = logging.getLogger("metricstack.calibration")
_PATH = Path(__file__).parents[2] / "benchmarks" / "linkage_cells" / "panel.py"
_SPEC = importlib.util.spec_from_file_location("linkage_cells_panel", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
CELLS = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(CELLS)

MANY, SOME = 1000, 500


def measured(cell: str, seeds: int) -> dict[str, dict[str, Any]]:
    """Return the rows of one cell, by method, and log them."""
    found = {row["method"]: row for row in CELLS.rows(seeds, only=cell)}
    for method, row in found.items():
        caught = "" if row["caught"] is None else f", caught {100 * row['caught']:.1f} %"
        _LOG.info(
            "%s, %s: median %.3f, misses %.1f %%%s", cell, method, row["median"], 100 * row["misses"], caught
        )  # fmt: skip
        assert row["refused"] == 0
    return found


@pytest.mark.parametrize("clusters", CELLS.CLUSTERS)
def test_dependent_errors_within_few_clusters_are_covered(clusters: int) -> None:
    # CR2 with Bell and McCaffrey's degrees of freedom is exact for independent rows of one variance only.
    found = measured(f"{clusters} clusters, AR", MANY)
    assert_near(1 - found["auto"]["misses"], MANY, within=0.015, what=f"{clusters} clusters")
    assert found["independent rows"]["misses"] > 0.15


def test_a_cause_switched_on_in_a_third_of_few_clusters_is_covered() -> None:
    found = measured("switched on", MANY)
    assert_near(1 - found["auto"]["misses"], MANY, within=0.02, what="4 of 12 clusters switched on")


def test_rows_that_share_units_and_periods_are_covered() -> None:
    # Two ways of clustering with t of the fewer are a little small at 30 (Cameron, Gelbach and Miller 2011).
    found = measured("units and periods shared", SOME)
    assert_near(1 - found["units and periods"]["misses"], SOME, within=0.02, what="30 units, 30 periods")
    assert found["units only"]["misses"] > 0.10


def test_a_fixed_confounder_does_no_harm_but_to_pooled_rows() -> None:
    found = measured("fixed confounder", SOME)
    assert_nominal(1 - found["two-way"]["misses"], SOME, what="two-way effects")
    assert found["pooled"]["misses"] > 0.99
    assert found["pooled"]["caught"] > 0.99


def test_a_moving_confounder_makes_every_answer_wrong_and_the_negative_control_sees_it() -> None:
    found = measured("moving confounder", SOME)["two-way"]
    assert found["misses"] > 0.99
    assert found["caught"] > 0.85


def test_a_reversed_cause_makes_nearly_every_answer_wrong_and_the_future_placebo_sees_it() -> None:
    found = measured("reversed cause", SOME)["two-way"]
    assert found["median"] > 0  # the truth is -0.2
    assert found["misses"] > 0.95
    assert found["caught"] > 0.95


def test_where_nothing_is_hidden_checks_raise_few_false_alarms() -> None:
    for method, row in measured("nothing hidden", SOME).items():
        assert_rare(round(row["caught"] * SOME), SOME, rate=0.06, what=method)
        assert_near(1 - row["misses"], SOME, within=0.015, what=f"effect beside the {method}")


def test_a_reversal_between_and_within_units_is_seen() -> None:
    found = measured("Simpson", SOME)
    assert_near(1 - found["within"]["misses"], SOME, within=0.015, what="within units")
    assert found["pooled"]["misses"] > 0.99
    assert found["within"]["caught"] > 0.99
