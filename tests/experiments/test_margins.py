"""What margins promise: tests by hand and as peers have them, one verdict with the interval, its error rate."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import ttost_ind

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Moments, Reason, Refusal
from metricstack.experiments.margins import MarginTest, equivalence, noninferiority

close = pytest.approx
arms = st.builds(Moments.of, st.integers(3, 5000), st.floats(5.0, 8.0), st.floats(0.01, 4.0))
KINDS = st.sampled_from(["absolute", "relative"])


def test_of(found: MarginTest | Refusal) -> MarginTest:
    assert isinstance(found, MarginTest), found
    return found


test_of.__test__ = False  # type: ignore[attr-defined]


# by hand ---------------------------------------------------------------------------------------------------------


def test_an_absolute_margin_agrees_with_a_calculation_by_hand() -> None:
    # (9.9 - 10 + 0.5)/sqrt(0.02) = 2.828427; upper tail of t(798).
    a, b = Moments.of(400, 10.0, 4.0), Moments.of(400, 9.9, 4.0)
    found = test_of(noninferiority(control=a, treatment=b, margin=0.5, kind="absolute"))
    assert found.p_value == close(stats.t.sf(0.4 / math.sqrt(0.02), 798))
    assert (found.holds, found.low, found.high, found.p_high) == (True, -0.5, math.inf, None)
    lower = test_of(noninferiority(control=a, treatment=b, margin=0.5, kind="absolute", better="lower"))
    assert lower.p_value == close(stats.t.sf(0.6 / math.sqrt(0.02), 798))


def test_a_relative_margin_is_tested_without_dividing() -> None:
    # 9.9 - 0.95·10 = 0.4; variance (4 + 0.9025·4)/400 = 0.019025.
    a, b = Moments.of(400, 10.0, 4.0), Moments.of(400, 9.9, 4.0)
    found = test_of(noninferiority(control=a, treatment=b, margin=0.05, kind="relative"))
    assert found.p_value == close(stats.t.sf(0.4 / math.sqrt(0.019025), 798))
    assert found.effect.unit == "fraction"


def test_equivalence_of_samples_is_statsmodels() -> None:
    # Independent implementation: statsmodels ttost_ind(usevar="unequal").
    rng = stream(1, "tost")
    a, b = rng.normal(10, 1, 40), rng.normal(10.1, 2, 60)
    p, low, high = ttost_ind(b, a, -0.8, 0.8, usevar="unequal")
    found = test_of(equivalence(control=a, treatment=b, margin=0.8, kind="absolute"))
    assert (found.p_value, found.p_low, found.p_high) == (close(p), close(low[1]), close(high[1]))
    assert found.effect.estimate.level == close(0.90)


# laws ------------------------------------------------------------------------------------------------------------


@given(arms, arms, st.floats(0.01, 0.9), KINDS, st.sampled_from(["higher", "lower"]))
def test_it_holds_exactly_where_the_interval_is_clear_of_the_margin(
    a: Moments, b: Moments, margin: float, kind: str, better: str
) -> None:
    found = noninferiority(control=a, treatment=b, margin=margin, kind=kind, better=better)  # type: ignore[arg-type]
    assume(isinstance(found, MarginTest))
    found = test_of(found)
    assume(abs(found.p_value - found.alpha) > 1e-9)
    assert found.holds == (found.low < found.effect.low and found.effect.high < found.high)  # type: ignore[operator]


@given(arms, arms, st.floats(0.01, 0.9), KINDS)
def test_equivalence_is_noninferiority_both_ways(a: Moments, b: Moments, margin: float, kind: str) -> None:
    both = equivalence(control=a, treatment=b, margin=margin, kind=kind)  # type: ignore[arg-type]
    assume(isinstance(both, MarginTest))
    both = test_of(both)
    assume(abs(both.p_value - both.alpha) > 1e-9)
    assert both.holds == (-margin < both.effect.low and both.effect.high < margin)  # type: ignore[operator]
    one = [
        noninferiority(control=a, treatment=b, margin=margin, kind=kind, better=better, level=0.90)  # type: ignore[arg-type]
        for better in ("higher", "lower")
    ]
    assert both.p_value == max(test_of(side).p_value for side in one)


def test_of_a_negative_control_a_relative_margin_is_of_its_size() -> None:
    # A tenth of 10 is 1: -10.5 is not worse than -10 by it, -12 is.
    a = Moments.of(4000, -10.0, 1.0)
    near, far = (
        test_of(noninferiority(control=a, treatment=Moments.of(4000, mean, 1.0), margin=0.1, kind="relative"))
        for mean in (-10.5, -12.0)
    )
    assert (near.holds, far.holds) == (True, False)
    assert far.p_value == close(1.0)


# calibration -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "margin"), [("absolute", 0.5), ("relative", 0.05)])
def test_at_the_margin_it_is_shown_two_and_a_half_percent_of_the_time(kind: str, margin: float) -> None:
    # Truth exactly at the margin: 10 against 9.5, unequal arms. 6,000 draws: Monte Carlo error of 2.5 % is 0.2 points.
    rng = stream(2, "margin", kind)
    a, b = rng.normal(10, 3, (6000, 80)), rng.normal(9.5, 2, (6000, 120))
    found = [
        test_of(noninferiority(control=x, treatment=y, margin=margin, kind=kind))  # type: ignore[arg-type]
        for x, y in zip(a, b, strict=True)
    ]
    assert np.mean([one.holds for one in found]) == close(0.025, abs=0.007)
    # and the one-sided p-values are uniform there
    assert np.mean([one.p_value < 0.5 for one in found]) == close(0.5, abs=0.02)


def test_at_the_margin_equivalence_is_shown_five_percent_of_the_time() -> None:
    # 4,000 draws at a difference of exactly the margin, sharp enough that the other side never decides.
    rng = stream(2, "tost")
    a, b = rng.normal(10, 1, (4000, 100)), rng.normal(10.8, 1, (4000, 100))
    holds = [
        test_of(equivalence(control=x, treatment=y, margin=0.8, kind="absolute")).holds
        for x, y in zip(a, b, strict=True)
    ]
    assert np.mean(holds) == close(0.05, abs=0.011)


# refusal ---------------------------------------------------------------------------------------------------------


def test_a_relative_margin_of_a_mean_near_zero_is_refused() -> None:
    a, b = Moments.of(100, 1.0, 100.0), Moments.of(100, 2.0, 100.0)
    for found in (
        noninferiority(control=a, treatment=b, margin=0.1, kind="relative"),
        equivalence(control=a, treatment=b, margin=0.1, kind="relative"),
    ):
        assert isinstance(found, Refusal)
        assert found.reason is Reason.MEAN_TOO_CLOSE_TO_ZERO
    assert isinstance(noninferiority(control=[1.0], treatment=[1.0, 2.0], margin=1, kind="absolute"), Refusal)


# misuse ----------------------------------------------------------------------------------------------------------


def test_wrong_inputs_are_named() -> None:
    a = Moments.of(10, 1.0, 1.0)
    for margin in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(InvalidInput, match="above 0"):
            noninferiority(control=a, treatment=a, margin=margin, kind="absolute")
        with pytest.raises(InvalidInput, match="above 0"):
            equivalence(control=a, treatment=a, margin=margin, kind="absolute")
    with pytest.raises(InvalidInput, match="loss of everything"):
        noninferiority(control=a, treatment=a, margin=2.0, kind="relative")
    with pytest.raises(UnknownName, match="'relative'"):
        noninferiority(control=a, treatment=a, margin=0.1, kind="relativ")  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="'higher'"):
        noninferiority(control=a, treatment=a, margin=0.1, kind="absolute", better="highr")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="no interval"):
        equivalence(control=a, treatment=a, margin=0.1, kind="absolute", level=0.5)
