"""What every public result of `metricstack.linkage` promises: it shows, says, draws, tabulates and writes itself.

* Each class that is exported is a result (all of that), a part of one or what is declared (plain values), or a choice.
* What a result says has words; what it shows is escaped; what it writes is plain JSON; each finding is one row.
"""

import inspect
import json
from enum import Enum
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest

from metricstack import linkage
from metricstack.core.show import Shown
from metricstack.core.streams import stream
from metricstack.core.values import Estimate, Grade, Refusal
from metricstack.linkage import Ledger, Rung, Trial
from tests.linkage import maps
from tests.linkage.panel_data import world
from tests.linkage.test_explain import AFTER, BEFORE, deployed, runs
from tests.metrics.conftest import write_workspace

CLASSES = {
    name: kind for name in linkage.__all__
    if inspect.isclass(kind := getattr(linkage, name)) and not issubclass(kind, Enum)
}  # fmt: skip
PARTS = {
    "Assumption", "Bound", "Clue", "Conflict", "DatedRow", "Diagnostic", "DirectionAudit",
    "EdgeChange", "Hypothesis", "LagPoint", "Question",
    "RolloutPoint", "Sensitivity", "Settling", "Specification", "Trial",
}  # fmt: skip
"""Parts of results, and what is declared."""


def explained() -> linkage.Explained:
    """A cost that rose, with a deployment at the break."""
    with TemporaryDirectory() as folder:
        tables = {"requests": runs(cost=1.5), "deployments": [deployed(maps.HOSTILE, "05-31 08:00")]}
        ws = write_workspace(Path(folder), tables)
        return linkage.explain(ws, "cost_per_request", before=BEFORE, after=AFTER)


@cache
def results() -> dict[str, Any]:
    """One of each result."""
    rng = stream(3, "shown")
    panel = world(5, effect=0.5)
    wave = np.cos(np.arange(90.0) ** 2)
    moved = np.append([0.0, 0.0], 3.0 * wave[:-2]) + np.sin(np.arange(90.0) ** 2 / 3)
    used = rng.integers(0, 2, 200)
    people = pd.DataFrame({"used": used, "old": rng.integers(0, 2, 200), "y": used + rng.normal(size=200)})
    people["m"] = people.used + rng.normal(size=200)
    ramp = [0, 2, 1, 3, 2, 4, 3]
    donors = pd.DataFrame(
        [(u, t, ramp[t] * (1 + i / 10) + i + (i * t * 7 % 5) / 20) for i, u in enumerate("abcdefgh") for t in range(7)],
        columns=["team", "week", "hours"],
    )
    drawn = maps.whole()
    found = {
        "AdjustedEffect": linkage.adjusted_effect(people, "y", "used", "old"),
        "Benchmarked": linkage.benchmark(panel, "y", "x", "unit", "time", against="z"),
        "BetweenWithin": linkage.between_within(panel, "y", "x", "unit"),
        "BreakTest": linkage.break_test(wave + 3.0 * (np.arange(90) >= 40)),
        "CalendarAdjusted": linkage.calendar_adjusted(wave, dates=pd.date_range("2026-01-01", periods=90)),
        "Correlation": linkage.correlation(wave, moved),
        "EValue": linkage.e_value(3.9, 1.8, 8.7),
        "Edge": drawn.edges[0],
        "Evidence": maps.said(0.01, 0.001),
        "Explained": explained(),
        "Falsification": linkage.future_placebo(panel, "y", "x", "unit", "time"),
        "FourQuestions": linkage.FourQuestions(maps.one()),
        "Granger": linkage.granger(wave, moved, lags=2),
        "InstrumentEffect": linkage.instrument(people, "y", "m", ["used"]),
        "Interrupted": linkage.interrupted(wave + 3.0 * (np.arange(90) >= 40), 40),
        "LeadLag": maps.lags(),
        "Ledger": drawn.ledger,
        "LinkageMap": drawn,
        "Mediation": linkage.mediation(people, "y", "used", "m"),
        "PanelEffect": linkage.panel_effect(panel, "y", "x", "unit", "time"),
        "Pooled": linkage.pool([1.0, 2.0, 3.0], [0.5, 0.5, 0.5]),
        "PortfolioPower": linkage.portfolio_power(3.0, 100, -0.3),
        "PortfolioSlope": maps.tests()[2],
        "Robustness": linkage.robustness_value(4.0, 100),
        "RolloutEffect": maps.rollout(),
        "Specifications": maps.ways(),
        "Stationarity": linkage.stationarity(wave),
        "StratifiedOddsRatio": linkage.stratified_odds_ratio([[[90, 10], [800, 200]], [[300, 700], [20, 80]]]),
        "SyntheticEffect": linkage.synthetic_control(donors, "hours", "team", "week", treated="c", start=5),
    }
    for name, one in found.items():
        assert type(one) is getattr(linkage, name), (name, one)
    return found


def test_every_class_is_a_result_or_a_part_of_one() -> None:
    assert set(results()) | PARTS == set(CLASSES)
    assert not set(results()) & PARTS
    for name in PARTS:
        assert callable(CLASSES[name].to_dict), name


@pytest.mark.parametrize("name", sorted(set(CLASSES) - PARTS))
def test_a_result_shows_says_draws_tabulates_and_writes_itself(name: str) -> None:
    one = results()[name]
    assert isinstance(one, Shown)
    assert len(one.say()) > 20
    shown = one._repr_html_()
    assert "<" in shown
    assert maps.HOSTILE not in shown
    assert one._repr_mimebundle_()["text/html"] == shown
    json.dumps(one.to_dict(), allow_nan=False)
    assert one.findings
    assert len(one.to_pandas()) == len(one.findings)
    assert one.chart() is not None
    assert not any(word in one.say() for word in ("nan", "None", "object at"))


# By hand


def test_a_ledger_counts_its_tests_and_says_how_many_p_values_chance_alone_puts_below_a_twentieth() -> None:
    ledger = Ledger((
        Trial("a -> b", "panel", "decides", 0.01, 12), Trial("a -> b", "lead_lag", "stands", 0.4, 90),
        Trial("a -> c", "panel", "refused: too_few_units", None, 4, "4 regions; 12 are needed"),
        Trial("a -> c", "future_placebo", "failed", 0.03, 12),
    ))  # fmt: skip
    # Three p-values, of which 0.01 and 0.03 are low; 3 * 0.05 = 0.15.
    assert ledger.say() == (
        "4 tests of 2 edges: 1 decides, 1 stands, 1 refused and 1 failed.\n"
        "2 of 3 p-values lie below 0.05; chance alone puts about 0.15 there."
    )
    assert [f.answer.value if isinstance(f.answer, Estimate) else f.answer.detail for f in ledger.findings] == [
        0.01, 0.4, "4 regions; 12 are needed", 0.03,
    ]  # fmt: skip
    assert [f.checks[0].passed for f in ledger.findings] == [True, None, False, False]
    many = Ledger(tuple(Trial("a -> b", f"lag {i}", "stands", 1e-9, 9) for i in range(3)))
    assert many.say().startswith("3 tests of 1 edge: 3 stand.")
    assert "&lt; 0.0001" in many._repr_html_()
    assert Ledger().say() == "No test was run."
    assert "No test was run." in Ledger()._repr_html_()


def test_a_portfolio_says_how_many_more_tests_it_takes() -> None:
    enough, few = linkage.portfolio_power(3.0, 500, 0.5), linkage.portfolio_power(3.0, 10, -0.5)
    assert enough.tests_needed <= 500
    assert "would reach the 80.0\u00a0% that is asked for" in enough.say()
    assert "10 tests show a slope of −0.500" in few.say()
    assert f"{few.tests_needed - 10:,} more" in few.say()


def test_a_rung_that_fails_a_check_or_cannot_answer_says_so() -> None:
    fails, refused = maps.said(0.01, 0.001, fails="pre_trends"), maps.refused(Rung.ROLLOUT)
    assert "fails pre trends" in fails.say()
    assert fails.findings[0].grade is Grade.NONE
    assert "cannot say: 4 regions; 12 are needed" in refused.say()
    assert isinstance(refused.findings[0].answer, Refusal)
    assert maps.said(0.01, 0.001).findings[0].grade is Grade.C


def test_a_benchmark_gives_the_effect_as_it_is_and_one_row_for_each_confounder() -> None:
    found = results()["Benchmarked"]
    assert [row.label for row in found] == ["1x z", "2x z", "3x z"]
    assert len(found.findings) == 4
    assert found.findings[0].answer == found.effect.estimate


def test_a_calendar_without_dates_draws_its_share_and_a_missing_day_is_none() -> None:
    found = linkage.calendar_adjusted(np.cos(np.arange(60.0) ** 2) + np.arange(60) / 9)
    assert isinstance(found, linkage.CalendarAdjusted)
    assert found.chart() is not None
    assert found.to_dict()["days"] is None
    gap = np.cos(np.arange(60.0) ** 2)
    gap[7] = np.nan
    told = linkage.calendar_adjusted(gap, missing="skip")
    assert isinstance(told, linkage.CalendarAdjusted)
    assert None in told.to_dict()["values"] or len(told.to_dict()["values"]) == 59
