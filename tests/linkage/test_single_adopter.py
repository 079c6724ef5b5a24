"""What a rollout to one unit alone says: synthetic controls of cause and effect, with other units as placebos.

* By hand: the rank of the treated unit, and the set of slopes that its rank does not reject.
* A rollout that moved both is evidence of grade B; with few donors, or few periods, it is refused in words.
* A cause that did not move, and levels that twenty placebos cannot reach, say nothing.
* Seldom wrong where the rollout did nothing to the effect.
"""

from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from metricstack.core.streams import stream
from metricstack.core.values import Grade, Refusal
from metricstack.experiments.effect import Effect
from metricstack.linkage.evidence import Evidence, Rung
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.observed import Observed, Staged
from metricstack.linkage.rungs.rollouts import rollouts
from metricstack.linkage.rungs.single_adopter import only_adopter
from metricstack.linkage.synthetic_slope import SyntheticSlope
from tests.linkage.stand_in import START, StandIn

EDGE = Hypothesis("cause", "effect", 1.0, +1, 0.1, exclusion="It does nothing else.")


def panel(
    seed: int, *, slope: float, jump: float = 4.0, units: int = 25, weeks: int = 30, at: int = 20
) -> pd.DataFrame:
    """Units that share three waves; the first adopts what moves its cause."""
    random, weeks = stream(seed, "single adopter"), 30
    waves, loads = random.standard_normal((3, weeks)), random.dirichlet(np.ones(3), units)
    cause, trouble = (loads @ waves + 0.3 * random.standard_normal((units, weeks)) for _ in range(2))
    cause[0, at:] += jump
    effect = slope * cause + trouble
    names = [f"team-{k:02d}" for k in range(units)]
    periods = [str(day.date()) for day in pd.date_range("2026-01-05", periods=weeks, freq="7D")]
    return pd.DataFrame({
        "unit": np.repeat(names, weeks), "period": np.tile(periods, units), "cause": cause.ravel(),
        "effect": effect.ravel(), "adopted": [periods[at]] * weeks + [None] * (weeks * (units - 1)),
    })  # fmt: skip


def told(table: pd.DataFrame) -> Evidence:
    """What the rung says."""
    seen: Any = StandIn(rollouts=(Staged("tool", "team", {"team-00": START}),), rolled=table)
    (found,) = rollouts(cast("Observed", seen), EDGE)
    return found


def test_the_rank_and_the_set_by_hand() -> None:
    # Gaps of outcome less b times cause, over misfits of 1: |2 - b| of the treated, 0.1 to 1.9 of 19 donors that the
    # cause did not move. The treated one ranks first where |2 - b| > 1.9, second where it is above 1.8, and so on.
    donors = np.arange(1, 20) / 10
    found = SyntheticSlope(
        np.append(1.0, np.zeros(19)), np.append(2.0, donors), np.tile([1e-12, 1.0, 0.0], (20, 1)), 1.0, "1"
    )
    assert found.p_values(np.array([0.0, 2.0, 0.15])).tolist() == pytest.approx([1 / 20, 1.0, 2 / 20])
    effect = found.at(0.95)
    assert effect.value == 2.0
    assert effect.p_value == pytest.approx(0.05)
    assert found.at(0.99).low == -np.inf  # of 20 units no rank is rarer than one in 20


def test_a_rollout_to_one_unit_that_moved_both_climbs() -> None:
    found = told(panel(1, slope=1.0))
    assert found.rung is Rung.SYNTHETIC_CONTROL
    assert found.grade is Grade.B
    assert found.stands, found.failed
    assert isinstance(found.estimate, Effect)
    assert found.estimate.low is not None
    assert found.estimate.high is not None
    assert 0 < found.estimate.low < 1.0 < found.estimate.high
    assert found.n == 25


def test_few_donors_and_few_periods_are_refused_in_words() -> None:
    for table in (panel(1, slope=1.0, units=12), panel(1, slope=1.0, at=5)):
        found = told(table).estimate
        assert isinstance(found, Refusal)
        assert "a synthetic control needs 19 and 8" in found.detail


def test_a_cause_that_did_not_move_fells_it() -> None:
    assert "cause_moved" in [check.name for check in told(panel(1, slope=1.0, jump=0.0)).failed]


def test_several_adopters_are_none() -> None:
    table = panel(1, slope=1.0)
    assert only_adopter(table) == "team-00"
    table.loc[table["unit"] == "team-01", "adopted"] = table["adopted"].iloc[0]
    assert only_adopter(table) is None


@pytest.mark.slow
def test_where_it_did_nothing_to_the_effect_it_is_seldom_seen() -> None:
    # 100 draws; one side of a rank test at 5 %: 2.5 %, of those that stand. 8 % is 3.5 standard errors more.
    found = [one for one in (told(panel(seed, slope=0.0)) for seed in range(100)) if one.stands]
    wrong = [one for one in found if isinstance(one.estimate, Effect) and (one.estimate.low or 0.0) > 0]
    assert len(found) > 50
    assert len(wrong) <= 0.08 * len(found)
