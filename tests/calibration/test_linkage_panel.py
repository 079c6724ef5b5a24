"""Adjusted associations in panels with a known truth.

- The interval holds the truth with errors AR(.8) within 8, 12, 20 and 40 clusters, where a third of 12 clusters is
  switched on, and with rows that share units and periods.
- A confounder that is fixed in units does no harm; one that moves within units makes every answer wrong, and a
  negative control that shares half of it sees it. A reversed cause makes nearly every answer wrong, and the future
  placebo sees it. Where nothing is hidden, both raise few false alarms.
- Indirect effects by way of a mediator are covered in 8, 12 and 40 clusters, also where the mediator does nothing; so
  are shares of totals that are seen in most worlds. Where few worlds show a total, those that do show one that is too
  large, and a share that is too small.
- Rows taken as independent, and pooled rows, would be wrong most of the time (shown).
"""

import importlib.util
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metricstack.core.streams import stream
from metricstack.core.values import Estimate
from metricstack.linkage.mediation import Mediation, mediation

from .conftest import assert_near, assert_nominal, assert_rare

pytestmark = pytest.mark.calibration

_LOG = logging.getLogger("metricstack.calibration")
_PATH = Path(__file__).parents[2] / "benchmarks" / "linkage_cells" / "panel.py"
_SPEC = importlib.util.spec_from_file_location("linkage_cells_panel", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
CELLS = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(CELLS)

MANY, SOME, FEW = 1000, 500, 300


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


def mediated(seed: int, units: int, periods: int, *, to: float, by: float, direct: float) -> Mediation:
    """Ask a panel of AR(.6) series whose units and periods have effects on cause, mediator and outcome."""
    rng = stream(seed, "mediated panel", units, f"{to} {by} {direct}")

    def noise() -> Any:
        return CELLS.autoregressive(rng, units, periods, 0.6)

    shift = np.repeat(rng.standard_normal(units), periods) + np.tile(rng.standard_normal(periods), units)
    x = shift + noise()
    m = to * x + 2 * shift + noise()
    y = by * m + direct * x - 3 * shift + noise()
    df = CELLS.frame(units, periods, x=x, m=m, y=y)
    found = mediation(df, "y", "x", "m", absorb=("unit", "time"), cluster="unit", draws=1000)
    assert isinstance(found, Mediation)
    return found


@pytest.mark.parametrize(
    ("units", "periods", "to", "by", "direct"),
    [(8, 60, 0.4, 0.4, 0.3), (12, 40, 0.5, 0.0, 0.3), (12, 40, 0.0, 0.4, 0.4), (40, 20, 0.4, 0.5, 0.15)],
)
def test_indirect_effects_and_their_shares_are_covered(
    units: int, periods: int, to: float, by: float, direct: float
) -> None:
    # Percentiles of products are a little small in few clusters, and large where both slopes are near 0.
    found = [mediated(seed, units, periods, to=to, by=by, direct=direct) for seed in range(FEW)]
    truth, what = to * by, f"{units} units, {to} x {by} beside {direct}"
    effects = [one.low is not None and one.high is not None and one.low <= truth <= one.high for one in found]
    assert_near(float(np.mean(effects)), FEW, within=0.02, what=f"indirect effect, {what}")
    told = [one.share for one in found if isinstance(one.share, Estimate)]
    assert len(told) > 0.8 * FEW
    share = truth / (truth + direct)
    covered = [(one.low or 0.0) <= share <= (one.high or 0.0) for one in told]
    assert_near(float(np.mean(covered)), len(told), within=0.02, what=f"share, {what}")


def test_shares_of_totals_that_few_worlds_show_are_too_small() -> None:
    # To .3 x .3 nothing is added: the share is 1, and the total is seen in a minority.
    found = [mediated(seed, 8, 60, to=0.3, by=0.3, direct=0.0).share for seed in range(FEW)]
    told = [one.value for one in found if isinstance(one, Estimate)]
    _LOG.info("a share of 1, told in %d of %d: median %.2f", len(told), FEW, np.median(told))
    assert 0 < len(told) < 0.5 * FEW
    assert float(np.median(told)) < 0.8
