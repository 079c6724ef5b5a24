"""What `between_within` promises: both slopes by hand, Mundlak's identities, flags that are right, refusals."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from metricstack.core.errors import UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Reason, Refusal
from metricstack.linkage.between import BetweenWithin, between_within
from metricstack.linkage.panel import panel_effect
from tests.linkage.panel_data import world

close = pytest.approx


def found(answer: BetweenWithin | Refusal) -> BetweenWithin:
    assert isinstance(answer, BetweenWithin), answer
    return answer


def reversal(seed: int = 1) -> pd.DataFrame:
    """Draw units that have more of both cause and outcome, in each of which the cause lowers the outcome."""
    rng = stream(seed, "reversal")
    unit = np.repeat(np.arange(20), 15)
    own = rng.normal(size=20)[unit]
    x = 2 * own + rng.normal(size=300)
    return pd.DataFrame({"unit": unit, "x": x, "y": 3 * own - 0.5 * x + rng.normal(size=300)})


def test_both_slopes_agree_with_a_calculation_by_hand() -> None:
    # Within: deviations (-1, 1) and outcomes (2, -2), three times: -4·3 / (2·3) = -2;
    # between: means of the cause 1, 4, 7, of the outcome 3, 6, 12: (-3·-4 + 3·5) / 18 = 1.5.
    df = pd.DataFrame({"u": list("aabbcc"), "x": [0, 2, 3, 5, 6, 8], "y": [5.0, 1, 8, 4, 14, 10]})
    answer = found(between_within(df, "y", "x", "u"))
    assert answer.value == close(-2.0)
    assert answer.between.value == close(1.5)  # type: ignore[union-attr]
    assert answer.difference.value == close(3.5)  # type: ignore[union-attr]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_the_within_slope_is_that_of_unit_effects_whatever_is_missing(seed: int) -> None:
    df = world(seed, units=6, periods=8).sample(frac=0.8, random_state=seed)
    answer = found(between_within(df, "y", "x", "unit", covariates="z"))
    panel = panel_effect(df, "y", "x", "unit", covariates="z", effects="unit")
    assert answer.value == close(panel.value)  # type: ignore[union-attr]


def test_a_balanced_panel_with_periods_gives_two_way_effects() -> None:
    df = world(1, effect=0.5)
    answer = found(between_within(df, "y", "x", "unit", "time"))
    assert answer.value == close(panel_effect(df, "y", "x", "unit", "time").value)  # type: ignore[union-attr]


def test_the_pooled_slope_is_ordinary_least_squares() -> None:
    df = world(1)
    other = sm.OLS(df.y, sm.add_constant(df[["x", "z"]])).fit()
    answer = found(between_within(df, "y", "x", "unit", covariates="z"))
    assert answer.pooled.value == close(other.params["x"])  # type: ignore[union-attr]


def test_a_reversal_is_flagged() -> None:
    answer = found(between_within(reversal(), "y", "x", "unit"))
    assert (answer.simpson, answer.confounded) == (True, True)
    assert answer.pooled.value > 0 > answer.value  # type: ignore[union-attr]
    assert [one.passed for one in answer.checks if one.name in ("no_reversal", "units_alike")] == [False, False]


def test_units_that_are_alike_are_flagged_about_as_often_as_promised() -> None:
    # 400 draws without a difference: Monte Carlo error of a 5 % rate is 1.1 points; three of them.
    flagged = 0
    for seed in range(400):
        rng = stream(seed, "alike")
        unit = np.repeat(np.arange(12), 6)
        x = rng.normal(size=12)[unit] + rng.normal(size=72)
        df = pd.DataFrame({"u": unit, "x": x, "y": x + rng.normal(size=12)[unit] + rng.normal(size=72)})
        flagged += found(between_within(df, "y", "x", "u")).confounded
    assert flagged / 400 < 0.083


def test_data_that_cannot_answer_are_refused() -> None:
    df = world(1)
    for frame, reason in (
        (df.assign(x=df.unit), Reason.NO_VARIATION), (df.assign(x=df.time), Reason.NO_VARIATION),
        (df[df.unit < 2], Reason.TOO_FEW_UNITS), (df.assign(y=np.nan), Reason.NO_DATA),
    ):  # fmt: skip
        answer = between_within(frame, "y", "x", "unit")
        assert isinstance(answer, Refusal)
        assert answer.reason is reason


def test_what_cannot_be_meant_is_named() -> None:
    with pytest.raises(UnknownName, match="column"):
        between_within(world(1), "y", "x", "team")
