"""What negative controls and placebos promise: hidden confounders and reversed causes seen, silence with power."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import nct, t

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.core.values import Reason, Refusal
from metricstack.linkage.columns import lagged
from metricstack.linkage.controls import Falsification, future_placebo, negative_control
from tests.linkage.panel_data import world

close = pytest.approx


def found(answer: Falsification | Refusal) -> Falsification:
    assert isinstance(answer, Falsification), answer
    return answer


def hidden(seed: int, *, strength: float, units: int = 30, noise: float = 1.0) -> pd.DataFrame:
    """Draw a panel with something hidden that varies within units, and an outcome that the cause cannot move."""
    rng = stream(seed, "hidden")
    df = world(seed, units=units)
    moved = strength * rng.normal(size=len(df))
    return df.assign(x=df.x + moved, y=df.y + df.x + moved, n=moved + noise * rng.normal(size=len(df)))


def test_a_hidden_confounder_is_seen_on_an_outcome_that_it_shares() -> None:
    answer = found(negative_control(hidden(1, strength=1.0), "y", "x", "unit", "time", control="n"))
    assert answer.passed is False
    assert answer.check.passed is False
    assert "four times in five" in answer.check.detail


def test_without_one_the_control_passes_with_power_and_says_what_it_could_see() -> None:
    answer = found(negative_control(hidden(3, strength=0.0), "y", "x", "unit", "time", control="n"))
    assert answer.passed is True
    # The detectable effect by its definition: found with probability 0.8, by the noncentral t distribution.
    reach = t.ppf(0.975, answer.freedom)
    power = nct.sf(reach, answer.freedom, answer.detectable / answer.standard_error)  # type: ignore[operator]
    assert power == close(0.8, abs=0.01)  # the formula shifts a central t


def test_a_control_that_could_not_have_seen_it_is_neither_passed_nor_failed() -> None:
    df = hidden(3, strength=0.0, units=8).assign(y=lambda d: d.y - 0.97 * d.x)
    answer = found(negative_control(df, "y", "x", "unit", "time", control="n", matters=0.01))
    assert answer.passed is None
    assert answer.detectable > 0.01


def test_what_matters_is_the_associations_size_in_the_controls_own_spread() -> None:
    df = hidden(3, strength=0.0)
    one = found(negative_control(df, "y", "x", "unit", "time", control="n"))
    large = found(negative_control(df.assign(n=100 * df.n), "y", "x", "unit", "time", control="n"))
    assert large.matters == close(100 * one.matters)  # type: ignore[operator]
    assert large.passed == one.passed


def reversed_cause(seed: int, feedback: float) -> pd.DataFrame:
    """Draw an outcome that moves the next period's cause, and is not moved by it."""
    rng = stream(seed, "reversed")
    df = world(seed, units=40)
    df["y"] = rng.normal(size=len(df))
    before = lagged(df, "y", "unit", "time").fillna(0.0)
    return df.assign(x=feedback * before + rng.normal(size=len(df)))


def test_a_cause_that_the_outcome_moves_is_seen_in_its_future() -> None:
    answer = found(future_placebo(reversed_cause(1, 0.5), "y", "x", "unit", "time"))
    assert answer.passed is False
    assert answer.cause == "x, 1 ahead"


def test_no_feedback_is_found_about_as_often_as_promised() -> None:
    # 150 draws: Monte Carlo error of a 5 % rate is 1.8 points; three of them.
    failed = sum(
        found(future_placebo(reversed_cause(seed, 0.0), "y", "x", "unit", "time")).passed is False
        for seed in range(150)
    )
    assert failed / 150 < 0.104


def test_refusals_of_the_regressions_are_handed_on() -> None:
    df = world(1)
    for answer in (
        negative_control(df.assign(n=1.0), "y", "x", "unit", "time", control="n"),
        negative_control(df.assign(x=df.unit, n=df.z), "y", "x", "unit", "time", control="n"),
        future_placebo(df.assign(x=df.unit), "y", "x", "unit", "time"),
    ):
        assert isinstance(answer, Refusal)
        assert answer.reason is Reason.NO_VARIATION


def test_what_cannot_be_meant_is_named() -> None:
    df: Any = world(1)
    with pytest.raises(InvalidInput, match="outcome itself"):
        negative_control(df, "y", "x", "unit", "time", control="y")
    with pytest.raises(InvalidInput, match="1 period ahead"):
        future_placebo(df, "y", "x", "unit", "time", ahead=0)
    with pytest.raises(InvalidInput, match="First differences"):
        future_placebo(df, "y", "x", "unit", "time", effects="first_difference")
    with pytest.raises(InvalidInput, match="repeat"):
        future_placebo(pd.concat([df, df]), "y", "x", "unit", "time")
    assert np.isfinite(found(future_placebo(df, "y", "x", "unit", "time")).detectable)
