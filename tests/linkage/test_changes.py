"""What dated changes of everybody say of an edge that names them.

* By hand: which rows of events and deployments are such changes; the quotient is that of the two jumps.
* A change that moved both is evidence of grade B with a note; without one, or on a day with another, it is not.
* A series that wanders, a cause that did not move, a control that moved: the rung does not stand.
* Seldom wrong where nothing happened, whatever the memory of the days.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter

from metricstack.core.streams import stream
from metricstack.core.values import Grade, Refusal
from metricstack.experiments.effect import Effect
from metricstack.linkage.dated import Dated, dated_changes
from metricstack.linkage.evidence import Evidence
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.observed import Observed
from metricstack.linkage.rungs.changes import changes
from tests.linkage.stand_in import StandIn
from tests.metrics.conftest import at, write_workspace

FIRST = date(2026, 1, 5)
CHANGE = Dated("d-7", "new prompt", "prompt", FIRST + timedelta(days=60))
EDGE = Hypothesis("cause", "effect", 1.0, +1, 0.1, changes=("new prompt",), exclusion="It changes the prompt only.")


def remembering(random: np.random.Generator, phi: float, n: int) -> Any:
    """Draw a series of variance 1 that keeps phi until the next day; of 1 a random walk."""
    news = random.standard_normal(n + 100)
    if phi == 1:
        return np.cumsum(news)[100:]
    return lfilter([np.sqrt(1 - phi**2)], [1.0, -phi], news)[100:]


def days(
    seed: int, *, slope: float = 0.0, phi: float = 0.0, n: int = 90, start: int = 60, jump: float = 3.0
) -> pd.DataFrame:
    """Draw a cause that jumps on a day, an effect that follows it by a slope, and a control that does not."""
    random = stream(seed, "changes", phi, n)
    own, trouble, other = (remembering(random, phi, n) for _ in range(3))
    cause = remembering(random, 0.3, n) + jump * (np.arange(n) >= start)
    week = np.tile([0, 1, 1, 0.5, 0, -1, -1.5], n // 7 + 1)[:n]
    index = [str(FIRST + timedelta(days=k)) for k in range(n)]
    effect = slope * cause + trouble + week
    return pd.DataFrame({"cause": cause + week, "effect": effect, "control": other + own + week}, index=index)


def told(table: pd.DataFrame, edge: Hypothesis = EDGE, changed: Sequence[Dated] = (CHANGE,), **more: Any) -> Evidence:
    """What the one change that is named says."""
    (found,) = changes(cast("Observed", StandIn(days=table, changed=tuple(changed), **more)), edge)
    return found


def failed(found: Evidence) -> set[str]:
    """Names of the required checks that failed."""
    return {check.name for check in found.failed}


# By hand


def test_changes_of_everybody_are_events_without_a_scope_and_deployments_of_models_prompts_and_policies(
    tmp_path: Path,
) -> None:
    def event(key: str, **more: Any) -> dict[str, Any]:
        return {
            "event": key,
            "kind": "rollout",
            "scope": "all",
            "start": at("05-03 00:00"),
            "about": f"about {key}",
        } | more

    def deployment(key: str, **more: Any) -> dict[str, Any]:
        return {
            "deployment": key, "deployed": at("05-02 10:00"), "service": "s", "status": "success", "kind": "model",
        } | more  # fmt: skip

    ws = write_workspace(
        tmp_path,
        {
            "events": [
                event("a"), event("b", scope="team:x"), event("c", kind="holiday"),
                event("d", kind="price_change", scope=None, end=at("05-09 00:00")),
            ],
            "deployments": [deployment("m"), deployment("n", kind="planned"), deployment("o", status="failure")],
        },
    )  # fmt: skip
    found = {one.key: one for one in dated_changes(ws)}
    assert set(found) == {"a", "b", "d", "m"}
    assert {key for key, one in found.items() if not one.where} == {"a", "d", "m"}
    assert found["d"].until is not None
    assert (found["d"].until - found["d"].first).days == 6
    assert found["m"].partial  # at ten in the morning
    assert found["a"].is_called("about a")
    assert found["a"].is_called("a")
    assert dated_changes(write_workspace(tmp_path / "none", {})) == ()


def test_the_effect_of_a_step_is_the_quotient_of_both_jumps() -> None:
    found = told(days(2, slope=2.0))
    assert isinstance(found.estimate, Effect)
    assert found.stands, failed(found)
    assert found.grade is Grade.B
    assert found.estimate.low is not None
    assert found.estimate.high is not None
    assert found.estimate.low < 2.0 < found.estimate.high
    assert found.estimate.value == pytest.approx(2.0, abs=0.5)  # noise of 1 over 30 days, against a jump of 3


# What is refused, and what does not stand


@pytest.mark.parametrize(
    ("edge", "changed", "said"),
    [
        (Hypothesis("cause", "effect", 1.0, +1, 0.1, changes=("new prompt",)), [CHANGE], "no note says why"),
        (EDGE, [], "is called 'new prompt'"),
        (EDGE, [CHANGE, Dated("d-9", "new prompt", "prompt", FIRST)], "2 dated changes"),
        (EDGE, [Dated("d-7", "new prompt", "prompt", FIRST + timedelta(days=900))], "both before and after"),
        (EDGE, [Dated("d-7", "new prompt", "prompt", FIRST + timedelta(days=5))], "days before"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(edge: Hypothesis, changed: list[Dated], said: str) -> None:
    found = told(days(1, slope=2.0), edge, changed)
    assert isinstance(found.estimate, Refusal)
    assert said in found.estimate.detail


def test_an_edge_that_names_no_change_reads_nothing() -> None:
    assert list(changes(cast("Observed", None), Hypothesis("cause", "effect", 1.0, +1, 0.1))) == []


def test_a_cause_that_did_not_move_fells_the_rung() -> None:
    assert "cause_moved" in failed(told(days(1, slope=2.0, jump=0.0)))


def test_a_series_that_wanders_fells_the_rung() -> None:
    wrong = [failed(told(days(seed, phi=1.0))) for seed in range(5)]
    assert sum("stationary: effect" in one for one in wrong) >= 4


def test_another_change_on_the_same_day_fells_the_rung_and_one_near_it_is_told() -> None:
    table = days(1, slope=2.0)
    same, near = (Dated("e", "prices", "price_change", CHANGE.first + timedelta(days=k)) for k in (0, 2))
    assert failed(told(table, changed=(CHANGE, same))) == {"alone_on_its_day"}
    assert told(table, changed=(CHANGE, near)).stands


def test_a_control_that_the_change_moved_fells_the_rung_and_one_that_it_left_alone_is_held() -> None:
    table = days(2, slope=2.0)
    edge = Hypothesis(
        "cause", "effect", 1.0, +1, 0.1, changes=("d-7",), exclusion="It is all.", negative_controls=("control",),
    )  # fmt: skip
    held = told(table, edge)
    assert held.stands, failed(held)
    assert held.method.endswith("with control as control")
    moved = table.assign(control=table["control"] + 8.0 * (table.index >= str(CHANGE.first)))
    assert "control untouched" in failed(told(moved, edge))


def test_a_change_that_ended_and_one_within_a_day_leave_out_what_is_a_mixture() -> None:
    ended = Dated("d-7", "new prompt", "prompt", CHANGE.first, CHANGE.first + timedelta(days=20), partial=True)
    assert told(days(1, slope=2.0), changed=(ended,)).n == 79


def test_its_own_days_do_not_explain_it_away() -> None:
    priced = Dated("p", "new prompt", "price_change", CHANGE.first)
    own = [str(CHANGE.first + timedelta(days=k)) for k in range(30)]
    found = told(days(1, slope=2.0), changed=(priced,), events={"price_change": own})
    assert found.stands


# Calibration


@pytest.mark.slow
@pytest.mark.parametrize(("phi", "n"), [(0.0, 90), (0.5, 90), (0.9, 90), (1.0, 90)])
def test_where_nothing_happened_to_the_effect_it_is_seldom_seen(phi: float, n: int) -> None:
    # 100 draws. Of those that stand at most 5 % may leave out 0 above it; with 100, 10 % is 2.3 standard errors more.
    found = [one for one in (told(days(seed, phi=phi, n=n)) for seed in range(100)) if one.stands]
    wrong = [one for one in found if isinstance(one.estimate, Effect) and (one.estimate.low or 0.0) > 0]
    assert len(wrong) <= max(0.1 * len(found), 1)
