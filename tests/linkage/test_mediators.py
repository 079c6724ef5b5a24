"""What an edge's panel says of declared mediators, and what it does not let them do.

* By hand: the share is the product of two slopes over the total, lags summed, as regressions on dummies have it.
* Size, checks, grade and verdict are those without mediators; only shares and what they take for granted are added.
* A share is said with what it takes for granted, and written into the ledger, told or refused.
* Refused: a total that is not clear of 0, a metric that the unit cannot tell, one that is made of the same.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from metricstack.core.streams import stream
from metricstack.core.values import Estimate, Reason, Refusal
from metricstack.linkage.columns import lagged
from metricstack.linkage.evidence import Evidence, Rung, Sensitivity, Status
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.ledger import side_trials
from metricstack.linkage.link import link
from metricstack.linkage.observed import Observed
from metricstack.linkage.rungs.panels import panels
from metricstack.linkage.verdict import judge
from tests.linkage.stand_in import StandIn
from tests.linkage.test_link import traffic
from tests.metrics.conftest import write_workspace

UNITS, PERIODS = 12, 40
EDGE = Hypothesis("load", "errors", 2.0, +1, 0.1, grain="week", mediators=("queue",))


def table(*, direct: float = 0.3, through: float = 0.8, seed: int = 1, kind: str = "") -> pd.DataFrame:
    """Units whose load fills their queue, which makes errors, as does load itself; ``idle`` goes with nothing."""
    random = stream(seed, "mediators", kind)
    load, queue, errors, idle = random.standard_normal((4, UNITS, PERIODS))
    level = random.standard_normal((UNITS, 1)) + random.standard_normal(PERIODS)
    load = load + level
    queue = 0.5 * load + queue - level
    errors = direct * load + through * queue + errors + 2 * level
    units = [f"u{i:02d}{kind}" for i in range(UNITS)]
    index = pd.MultiIndex.from_product([units, [f"2026-{k:03d}" for k in range(PERIODS)]], names=["unit", "period"])
    columns = {"load": load, "errors": errors, "queue": queue, "idle": idle}
    return pd.DataFrame({name: values.ravel() for name, values in columns.items()}, index=index)


def said(edge: Hypothesis, rows: pd.DataFrame, *, same: frozenset[frozenset[str]] = frozenset()) -> Evidence:
    """What the panel says."""
    (found,) = panels(cast("Observed", StandIn(panels={("region",): rows}, same=same)), edge)
    return found


def refused(one: Sensitivity) -> Refusal:
    """Why there is no share."""
    assert isinstance(one.answer, Refusal)
    assert not one.detail
    return one.answer


# By hand


@pytest.mark.parametrize("last", [0, 2])
def test_the_share_is_the_product_of_two_slopes_over_the_total(last: int) -> None:
    rows = table()
    (share,) = said(replace(EDGE, lags=(0, last)), rows).shares
    df = rows.reset_index()
    loads = ["load"]
    for lag in range(1, last + 1):
        df[f"load{lag}"] = lagged(df, "load", "unit", "period", by=lag)
        loads.append(f"load{lag}")
    df = df.dropna()
    dummies = pd.get_dummies(df[["unit", "period"]], drop_first=True, dtype=float)

    def slopes(outcome: str, *columns: str) -> Any:
        design = np.column_stack([df[list(columns)], np.ones(len(df)), dummies])
        return np.linalg.lstsq(design, df[outcome].to_numpy(), rcond=None)[0][: len(columns)]

    b = slopes("errors", "queue", *loads)[0]
    by_hand = b * slopes("queue", *loads).sum() / slopes("errors", *loads).sum()
    assert isinstance(share.answer, Estimate)
    assert share.answer.value == pytest.approx(by_hand, abs=1e-9)  # the same least squares, rounding only
    assert share.answer.n == UNITS
    assert pytest.approx(by_hand, abs=0.25) == 0.5 * 0.8 / (0.5 * 0.8 + 0.3)  # 480 rows of noise 1: errors of .05


# Laws


def test_size_checks_grade_and_verdict_are_those_without_mediators() -> None:
    for rows in (table(), table(direct=0.0, through=0.0)):
        plain = said(replace(EDGE, mediators=()), rows)
        with_them = said(replace(EDGE, mediators=("queue", "idle", "nowhere")), rows)
        assert with_them.estimate == plain.estimate
        assert with_them.diagnostics == plain.diagnostics
        assert with_them.stands == plain.stands
        assert with_them.assumptions[: len(plain.assumptions)] == plain.assumptions
        assert with_them.sensitivity[: len(plain.sensitivity)] == plain.sensitivity
        one, other = judge(EDGE, [plain]), judge(EDGE, [with_them])
        assert (one.verdict, one.grade, one.estimate, one.reason) == (
            other.verdict, other.grade, other.estimate, other.reason,
        )  # fmt: skip


def test_the_step_and_its_direction_leave_the_share_as_it_is() -> None:
    one, less, back = (said(replace(EDGE, step=step), table()).shares[0].answer for step in (2.0, 0.1, -0.1))
    assert isinstance(one, Estimate)
    for other, off in ((less, 1e-9), (back, 0.02)):  # rounding; other draws of 10,000, whose percentiles vary so
        assert isinstance(other, Estimate)
        assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high), abs=off)


# Said aloud, and written down


def test_a_share_is_said_with_what_it_takes_for_granted() -> None:
    found = said(replace(EDGE, mediators=("queue", "idle")), table())
    queue, idle = found.shares
    assert isinstance(queue.answer, Estimate)
    assert queue.answer.low is not None
    assert queue.answer.low > 0
    assert "of it would go through queue, by 12 units; none of it, were what is hidden" in queue.detail
    assert idle.detail.endswith("it may be none")
    (granted,) = [one for one in found.assumptions if "sequential ignorability" in one.name]
    assert granted.status is Status.UNTESTED
    assert "do not add up" in granted.detail
    assert "sequential ignorability" in found.say()
    assert "• indirect share: queue: " in found.say()
    told = [line for line in judge(EDGE, [found]).say().splitlines() if line.startswith("Share: ")]
    assert len(told) == 2
    assert all("nothing here can tell" in line and "(sequential ignorability)" in line for line in told)


def test_a_rung_that_does_not_decide_has_its_shares_on_its_own_lines_only() -> None:
    found = said(EDGE, table())
    higher = Evidence(Rung.ROLLOUT, "a rollout", found.estimate, 40)
    assert "Share: " not in judge(EDGE, [found, higher]).say()


def test_the_ledger_has_shares_that_were_told_and_those_that_were_refused() -> None:
    found = said(replace(EDGE, mediators=("queue", "nowhere")), table())
    written = {one.test: one for one in side_trials(EDGE, [found])}
    told, missing = written["panel, indirect_share: queue"], written["panel, indirect_share: nowhere"]
    assert (told.outcome, told.n) == ("told", UNITS)
    assert told.finding.checks[0].passed is None
    assert missing.outcome == "refused: missing_column"


def test_rows_that_do_not_tell_the_mediator_are_counted() -> None:
    rows = table()
    rows["queue"] = rows["queue"].where(np.arange(len(rows)) % 4 > 0)
    assert f"and 360 of {UNITS * PERIODS} rows" in said(EDGE, rows).shares[0].detail


def test_a_mediator_is_read_in_the_mixture_that_is_held_fixed() -> None:
    parts = [table(seed=seed, kind=f", {name}") for seed, name in enumerate(("easy", "hard"))]
    whole = sum(part.to_numpy() for part in parts) / 2
    plain = pd.DataFrame(whole, index=table().index, columns=parts[0].columns)
    seen = StandIn(panels={("region",): plain, ("region", "mix"): pd.concat(parts).sort_index()})
    (found,) = panels(cast("Observed", seen), replace(EDGE, confounders=("mix",)))
    assert "mix in the same mixture" in found.method
    (share,) = found.shares
    assert isinstance(share.answer, Estimate)
    # Two kinds in equal parts in all periods: the mean over kinds is the whole.
    (other,) = said(EDGE, plain).shares
    assert isinstance(other.answer, Estimate)
    assert share.answer.value == pytest.approx(other.answer.value, abs=1e-9)  # rounding


def test_a_workspace_says_it_of_its_own_metrics_and_knows_aliases(tmp_path: Path) -> None:
    ws = write_workspace(tmp_path, {"requests": traffic(60, regions=("eu", "us", "asia", "africa", "north", "south"))})
    edge = Hypothesis(
        "fallback_rate", "task_success", 0.1, -1, 0.01, mediators=("escalation_rate", "cost_per_successful_outcome")
    )
    drawn = link(ws, edge)
    (panel,) = [one for one in drawn.edge(edge.cause, edge.effect).evidence if one.rung is Rung.PANEL]
    nothing, same = panel.shares
    assert isinstance(nothing.answer, Refusal)  # nobody was escalated: it does not vary
    assert nothing.answer.reason is Reason.NO_VARIATION
    assert isinstance(same.answer, Refusal)  # its denominator counts successes
    assert "made of the same" in same.answer.detail
    assert {f"panel, {one.name}" for one in panel.shares} <= {one.test for one in drawn.ledger}


# Refusals


def test_a_share_of_nothing_is_refused_and_nothing_is_taken_for_granted() -> None:
    found = said(EDGE, table(direct=-0.4))  # -.4 and .5 x .8: none in sum
    assert refused(found.shares[0]).reason is Reason.MEAN_TOO_CLOSE_TO_ZERO
    assert len(found.assumptions) == 1
    assert "indirect share: queue: cannot say, since the total effect is not clear of 0" in found.say()
    assert "Share: " not in judge(EDGE, [found]).say()


def test_what_the_unit_cannot_tell_and_what_is_made_of_the_same_are_refused() -> None:
    for same in (frozenset(("load", "queue")), frozenset(("queue", "errors"))):
        one, other = said(replace(EDGE, mediators=("queue", "nowhere")), table(), same=frozenset((same,))).shares
        assert "made of the same" in refused(one).detail
        assert refused(other).detail == "nowhere cannot be asked by region"
