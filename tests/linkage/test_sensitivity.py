"""What robustness values, bounds and E-values promise: formulas by hand, that they do what they say, laws, misuse."""

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Estimate, Grade, Refusal
from metricstack.experiments.effect import Effect, effect
from metricstack.linkage.adjusted import AdjustedEffect, adjusted_effect
from metricstack.linkage.benchmarks import benchmark, bounds
from metricstack.linkage.panel import PanelEffect, panel_effect
from metricstack.linkage.sensitivity import e_value, robustness_value
from tests.linkage.panel_data import world

close = pytest.approx


def test_a_robustness_value_agrees_with_a_calculation_by_hand() -> None:
    # t = 4, 100 degrees of freedom: f = 0.4, (sqrt(0.0256 + 0.64) - 0.16) / 2 = 0.327921; R² = 16 / 116.
    found = robustness_value(4.0, 100, alpha=None)
    assert found.value == close((math.sqrt(0.6656) - 0.16) / 2)
    assert found.partial_r2 == close(16 / 116)
    assert found.at_level is None


@settings(max_examples=40, deadline=None)
@given(st.floats(-50, 50), st.integers(5, 10_000))
def test_a_confounder_of_the_robustness_value_explains_the_effect_away(t: float, freedom: int) -> None:
    # Bias over estimate: sqrt(R²y R²d / (1 - R²d)) sqrt(freedom) / |t| is 1 where both are the robustness value.
    found = robustness_value(t, freedom)
    assert 0 <= found.value < 1
    assert found.at_level is not None
    assert found.at_level <= found.value + 1e-12
    r = found.value
    assert math.sqrt(r * r / (1 - r) * freedom) == close(abs(t), abs=1e-9)


def test_an_insignificant_effect_needs_no_confounder_to_be_insignificant() -> None:
    assert robustness_value(1.5, 200).at_level == 0.0


def test_a_confounder_as_strong_as_said_moves_the_estimate_as_said() -> None:
    # A hidden column is made with known partial R² of both; leaving it out must move the estimate by the bias formula.
    rng = stream(1, "bias")
    df = world(1, units=20, periods=20)
    hidden = rng.normal(size=400)
    df["x"] = df.x + 0.5 * hidden
    df["y"] = df.y + 0.3 * df.x + 0.7 * hidden
    df["h"] = hidden
    short, long = (panel_effect(df, "y", "x", "unit", "time", covariates=c) for c in ((), "h"))
    with_cause = panel_effect(df, "x", "h", "unit", "time")
    with_outcome = panel_effect(df, "y", "h", "unit", "time", covariates="x")
    for one in (short, long, with_cause, with_outcome):
        assert isinstance(one, PanelEffect)
    d, y = with_cause.partial_r2, with_outcome.partial_r2  # type: ignore[union-attr]
    bias = short.classical * math.sqrt(short.residual_freedom * y * d / (1 - d))  # type: ignore[union-attr]
    assert short.value - long.value == close(bias)  # type: ignore[union-attr]
    # The bound is of a confounder as strong as h *beside* h: with h left in it must not exceed what h itself did.
    (bound,) = benchmark(df, "y", "x", "unit", "time", against="h", times=(1,))  # type: ignore[misc]
    assert bound.adjusted.value < long.value  # type: ignore[union-attr]


def test_a_panel_effect_brings_its_own_numbers() -> None:
    found = panel_effect(world(1, units=40, effect=0.5), "y", "x", "unit", "time")
    assert isinstance(found, PanelEffect)
    robust = robustness_value(found)
    assert robust.partial_r2 == close(found.partial_r2)
    assert robust.freedom == found.residual_freedom
    (finding,) = robust.findings
    assert (finding.grade, finding.subject) == (Grade.C, "x -> y")
    assert "no evidence" in finding.assumptions[0]
    assert "explain" in robust.check.detail


@pytest.mark.parametrize("cluster", [None, "unit"])
def test_an_adjusted_effect_is_judged_by_its_regression_of_rows(cluster: str | None) -> None:
    # Clusters, and errors that allow for unequal spread, do not change what share of the rows' variance is explained.
    df = world(1, units=40, effect=0.5)
    found = adjusted_effect(df, "y", "x", ["z"], cluster=cluster)
    assert isinstance(found, AdjustedEffect)
    peer = sm.OLS(df["y"], sm.add_constant(df[["x", "z"]])).fit()
    robust = robustness_value(found)
    assert robust.value == close(robustness_value(float(peer.tvalues["x"]), peer.df_resid).value)
    assert robust.freedom == peer.df_resid
    panel = panel_effect(df, "y", "x", "unit", covariates="z", effects="none", variance="CR1")
    if cluster is not None:
        assert robust.at_level == close(robustness_value(panel).at_level)  # type: ignore[arg-type]
    assert bounds(found, r2_cause=0.01, r2_outcome=0.02)[0].adjusted.value == close(
        bounds(panel, r2_cause=0.01, r2_outcome=0.02)[0].adjusted.value  # type: ignore[arg-type]
    )


def test_weights_have_no_share_that_a_regression_explains() -> None:
    df = world(1, units=40).assign(t=lambda one: (one["x"] > 0).astype(int))
    found = adjusted_effect(df, "y", "t", ["z"], method="weighting")
    with pytest.raises(InvalidInput, match="regression"):
        robustness_value(found)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="regression"):
        bounds(found, r2_cause=0.01, r2_outcome=0.02)  # type: ignore[arg-type]


def test_bounds_that_are_not_possible_are_left_out() -> None:
    found = effect(1.0, 0.1, freedom=100, n=103, method="OLS")
    assert [one.label for one in bounds(found, r2_cause=0.4, r2_outcome=0.1)] == ["1x the covariate"]
    assert bounds(found, r2_cause=0.01, r2_outcome=0.9)[0].r2_outcome == 1.0


def test_stronger_confounders_leave_less() -> None:
    found = effect(-1.0, 0.1, freedom=100, n=103, method="OLS")
    left = [abs(one.adjusted.value) for one in bounds(found, r2_cause=0.01, r2_outcome=0.02)]
    assert left == sorted(left, reverse=True)
    assert all(one.adjusted.value < 0 for one in bounds(found, r2_cause=0.01, r2_outcome=0.02))


@settings(max_examples=40, deadline=None)
@given(st.floats(1.001, 50), st.floats(0.0, 3.0))
def test_an_e_value_explains_the_ratio_away_and_inverts(ratio: float, spread: float) -> None:
    # Ding and VanderWeele's bounding factor E E / (E + E - 1) of a confounder of strength E is the ratio itself.
    low, high = ratio / math.exp(spread), ratio * math.exp(spread)
    found = e_value(ratio, low, high)
    assert found.value**2 / (2 * found.value - 1) == close(ratio)
    other = e_value(1 / ratio, 1 / high, 1 / low)
    assert other.value == close(found.value)
    assert other.bound == close(found.bound)
    assert found.bound is not None
    assert 1 <= found.bound <= found.value + 1e-9


def test_an_interval_that_holds_no_effect_has_a_bound_of_one() -> None:
    assert e_value(1.2, 0.9, 1.6).bound == 1.0
    known = Effect(Estimate(1.2, "1", 90, "given", 0.9, 1.6, 0.95))
    assert e_value(known) == e_value(1.2, 0.9, 1.6)
    assert e_value(1.0).value == 1.0


def test_a_difference_becomes_a_ratio() -> None:
    # exp(0.91 · 0.5) = 1.576173; 1.576173 + sqrt(1.576173 · 0.576173) = 2.529...
    found = e_value(2.0, measure="difference", sd=4.0)
    assert found.risk_ratio == close(math.exp(0.455))
    assert found.value == close(math.exp(0.455) + math.sqrt(math.exp(0.455) * (math.exp(0.455) - 1)))
    assert e_value(3.0, measure="rare_odds_ratio").value == close(3 + math.sqrt(6))


def test_a_benchmark_that_does_not_vary_is_refused() -> None:
    df = world(1).assign(fixed=lambda d: d.unit.astype(float))
    assert isinstance(benchmark(df, "y", "x", "unit", "time", against="fixed"), Refusal)


def test_what_cannot_be_meant_is_named() -> None:
    exact = effect(1.0, 0.0, n=3, method="exact")
    with pytest.raises(InvalidInput, match="standard error"):
        robustness_value(exact, 10)
    with pytest.raises(InvalidInput, match="degrees of freedom above 1"):
        robustness_value(2.0)
    with pytest.raises(InvalidInput, match="q = 0"):
        robustness_value(2.0, 10, q=0)
    with pytest.raises(InvalidInput, match="alpha"):
        robustness_value(2.0, 10, alpha=5)
    with pytest.raises(InvalidInput, match="between 0 and 1"):
        bounds(effect(1.0, 0.1, freedom=10, n=12, method="OLS"), r2_cause=1.0, r2_outcome=0.1)
    with pytest.raises(InvalidInput, match="degrees of freedom"):
        bounds(effect(1.0, 0.1, n=12, method="OLS"), r2_cause=0.1, r2_outcome=0.1)
    with pytest.raises(InvalidInput, match="two ends"):
        e_value(2.0, 1.5)
    with pytest.raises(InvalidInput, match="outside its interval"):
        e_value(2.0, 2.5, 3.0)
    with pytest.raises(InvalidInput, match="above 0"):
        e_value(-2.0)
    with pytest.raises(InvalidInput, match="standard deviation"):
        e_value(2.0, measure="difference")
    with pytest.raises(UnknownName, match="risk_ratio"):
        e_value(2.0, measure="riskratio")  # type: ignore[arg-type]


def test_missing_numbers_have_no_robustness() -> None:
    with pytest.raises(InvalidInput, match="finite"):
        robustness_value(np.nan, 10)
    assert isinstance(
        benchmark(
            pd.DataFrame({"y": [np.nan], "x": [1.0], "u": [1], "z": [1.0]}), "y", "x", "u", against="z", effects="unit"
        ),
        Refusal,
    )
