"""What `specifications` promises: each way differs in one respect, refusals stay in, and their agreement is told."""

import pandas as pd
import pytest

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Grade, Refusal
from metricstack.linkage.panel import PanelEffect, panel_effect
from metricstack.linkage.specifications import specifications
from tests.linkage.panel_data import world

NAMES = [
    "declared", "unit effects", "period effects", "no effects", "first differences", "without covariates", "without z",
    "without w", "cause 2 periods before", "clusters of periods too",
]  # fmt: skip


def panel(seed: int = 1) -> pd.DataFrame:
    return world(seed, units=30, effect=1.0).assign(w=lambda d: d.z**2)


def test_every_way_is_the_panel_effect_that_it_names() -> None:
    df = panel()
    found = specifications(df, "y", "x", "unit", "time", covariates=["z", "w"], lags=(0, 2))
    assert [one.name for one in found.ways] == NAMES
    assert found.ways[0].answer == panel_effect(df, "y", "x", "unit", "time", covariates=["z", "w"])
    assert found.ways[5].answer == panel_effect(df, "y", "x", "unit", "time")
    assert found.ways[9].cluster == ("unit", "time")


def test_findings_carry_the_name_and_the_grade() -> None:
    found = specifications(panel(), "y", "x", "unit", "time", lags=(0,))
    assert {finding.grade for finding in found.findings} == {Grade.C}
    assert found.findings[1].where == (("specification", "unit effects"),)
    assert list(found.to_pandas().specification) == [one.name for one in found.ways]
    assert len(found.to_dict()["ways"]) == len(found.ways)


def test_a_cause_that_only_differs_between_units_is_refused_where_units_are_absorbed() -> None:
    df = panel().assign(x=lambda d: d.unit % 7, y=lambda d: d.y + d.unit % 7)
    found = specifications(df, "y", "x", "unit", "time", lags=(0,))
    kinds = {one.name: type(one.answer) for one in found.ways}
    assert kinds["declared"] is Refusal
    assert kinds["no effects"] is PanelEffect


def test_signs_that_differ_are_told() -> None:
    # Units with more of the cause have more of the outcome; within each, the cause lowers it.
    df = panel().assign(x=lambda d: d.z + 3 * (d.unit % 5), y=lambda d: -d.z + 6 * (d.unit % 5) + 0.3 * d.w)
    found = specifications(df, "y", "x", "unit", "time", lags=(0,))
    assert found.agree is False
    assert found.check.passed is False
    assert "significant" in found.check.detail


def test_repeated_rows_leave_first_differences_out() -> None:
    df = pd.concat([panel(), panel(2)])
    assert "first differences" not in [one.name for one in specifications(df, "y", "x", "unit", "time", lags=(0,)).ways]


def test_what_cannot_be_meant_is_named() -> None:
    for lags in ((), (-1,), (1, 1)):
        with pytest.raises(InvalidInput, match="Lags"):
            specifications(panel(), "y", "x", "unit", "time", lags=lags)


def test_one_period_is_one() -> None:
    found = specifications(panel(), "y", "x", "unit", "time", lags=(0, 1))
    assert "cause 1 period before" in [one.name for one in found.ways]
