"""What `panel_effect` promises: values by hand, another implementation, laws, coverage, refusals, misuse."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Check, Grade, Reason, Refusal
from metricstack.linkage.panel import PanelEffect, panel_effect
from tests.linkage.panel_data import table, world

close = pytest.approx


def found(answer: PanelEffect | Refusal) -> PanelEffect:
    assert isinstance(answer, PanelEffect), answer
    return answer


def check(answer: PanelEffect, name: str) -> Check:
    return next(one for one in answer.checks if one.name == name)


def test_unit_effects_agree_with_a_calculation_by_hand() -> None:
    # Deviations of the cause: (-1, 1), (-2, 2); of the outcome: (-1, 1), (-3, 3): (1 + 1 + 6 + 6) / (1 + 1 + 4 + 4).
    df = pd.DataFrame({"u": list("aabb"), "x": [0, 2, 5, 9], "y": [10.0, 12, 1, 7]})
    assert found(panel_effect(df, "y", "x", "u", effects="unit")).value == close(1.4)


def test_two_way_effects_of_two_periods_are_first_differences() -> None:
    # Changes of the cause 1, 3, 5, of the outcome 2, 3, 7, less their means 3, 4: (-2·-2 + 0·-1 + 2·3) / (4 + 0 + 4).
    df = pd.DataFrame(
        {"u": np.repeat(list("abc"), 2), "t": [1, 2] * 3, "x": [0, 1, 0, 3, 0, 5], "y": [0.0, 2, 0, 3, 0, 7]}
    )
    both = [found(panel_effect(df, "y", "x", "u", "t", effects=way)) for way in ("two_way", "first_difference")]
    assert both[0].value == close(1.25)
    assert both[1].value == close(1.25)


def test_more_columns_agree_with_dummies_in_another_implementation() -> None:
    df = world(1, effect=0.5)
    dummies = pd.get_dummies(df[["unit", "time"]].astype(str), drop_first=True, dtype=float)
    other = sm.OLS(df.y, sm.add_constant(pd.concat([df[["x", "z"]], dummies], axis=1))).fit()
    answer = found(panel_effect(df, "y", "x", "unit", "time", covariates="z"))
    assert answer.value == close(other.params["x"])
    assert answer.classical == close(other.bse["x"])
    assert answer.residual_freedom == other.df_resid
    # Partial R² by its definition: t² / (t² + freedom).
    assert answer.partial_r2 == close(other.tvalues["x"] ** 2 / (other.tvalues["x"] ** 2 + other.df_resid))


def test_weights_are_as_repeated_rows_for_the_estimate() -> None:
    df = world(2, effect=0.5).assign(w=lambda d: 1 + d.unit % 3)
    repeated = df.loc[df.index.repeat(df.w)]
    one = found(panel_effect(df, "y", "x", "unit", "time", weights="w"))
    assert one.value == close(found(panel_effect(repeated, "y", "x", "unit", "time")).value)


def test_it_is_graded_and_says_what_it_takes_for_granted() -> None:
    answer = found(panel_effect(world(1), "y", "x", "unit", "time"))
    (finding,) = answer.findings
    assert finding.grade is Grade.C
    assert finding.subject == "x -> y"
    assert "together with the cause" in finding.assumptions[0]
    assert answer.to_dict()["variance"] == "CR2"
    assert answer.n == answer.clusters == 12


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.floats(-3, 3),
    st.floats(0.1, 50),
    st.sampled_from(["two_way", "unit", "first_difference"]),
)
def test_fixed_unit_and_common_period_shifts_change_nothing(
    seed: int, slope: float, scale: float, effects: str
) -> None:
    df = world(seed, units=6, periods=5)
    moved = df.assign(y=scale * (df.y + slope * df.x))
    if effects == "two_way":
        moved["y"] += 7.0 * moved.unit + moved.time**2
    elif effects == "unit":
        moved["y"] += 7.0 * moved.unit
    plain = found(panel_effect(df, "y", "x", "unit", "time", effects=effects))
    other = found(panel_effect(moved, "y", "x", "unit", "time", effects=effects))
    assert other.value == close(scale * (plain.value + slope), abs=1e-8 * scale)
    assert other.standard_error == close(scale * plain.standard_error, rel=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_rows_in_another_order_under_other_names_give_the_same_bits(seed: int) -> None:
    df = world(seed, units=6, periods=5)
    mixed = df.sample(frac=1, random_state=seed).assign(unit=lambda d: "unit " + d.unit.astype(str))
    assert panel_effect(df, "y", "x", "unit", "time") == panel_effect(mixed, "y", "x", "unit", "time")


def test_a_step_scales_the_effect_and_its_interval() -> None:
    df = world(3, effect=0.5)
    one, back = (found(panel_effect(df, "y", "x", "unit", "time", step=step)) for step in (1.0, -10.0))
    assert (back.value, back.low, back.high) == (close(-10 * one.value), close(-10 * one.high), close(-10 * one.low))
    assert back.p_value == close(one.p_value)


@pytest.mark.parametrize(("clusters", "variance"), [(10, "CR2"), (40, "CR1")])
def test_few_clusters_take_another_variance_and_say_so(clusters: int, variance: str) -> None:
    answer = found(panel_effect(world(1, units=clusters), "y", "x", "unit", "time"))
    assert answer.variance == variance
    assert answer.freedom == 39 if variance == "CR1" else answer.freedom < 9
    assert variance in check(answer, "clusters").detail
    assert check(answer, "clusters").passed is (True if variance == "CR1" else None)


def test_two_ways_of_clustering_and_the_bootstrap_answer_too() -> None:
    df = world(1)
    both = found(panel_effect(df, "y", "x", "unit", "time", cluster=("unit", "time")))
    assert (both.variance, both.freedom) == ("CR1", 11)
    wild = found(panel_effect(df, "y", "x", "unit", "time", variance="wild", seed=1))
    assert "1999 draws" in wild.estimate.method
    assert wild == panel_effect(df, "y", "x", "unit", "time", variance="wild", seed=1)
    assert wild.low < wild.value < wild.high  # type: ignore[operator]


def test_what_is_left_out_is_counted() -> None:
    df = world(1)
    df.loc[3, "y"] = np.nan
    lonely = pd.DataFrame({"unit": [99], "time": [0], "x": [1.0], "y": [2.0], "z": [0.0]})
    answer = found(panel_effect(pd.concat([df, lonely]), "y", "x", "unit", "time"))
    assert answer.rows == 179
    assert check(answer, "rows").detail == "179 rows; left out: 1 with a missing value, 1 alone in a unit or period"


def test_a_gap_leaves_two_changes_out() -> None:
    # 12 units of 15 periods have 168 changes; a row inside takes the change into it and the one out of it.
    df = world(1).drop(index=[20])
    answer = found(panel_effect(df, "y", "x", "unit", "time", effects="first_difference"))
    assert answer.rows == 166
    assert check(answer, "rows").detail == "166 rows; left out: 13 without a neighbour before"


def test_collinear_covariates_are_dropped_by_name() -> None:
    df = world(1).assign(twice=lambda d: 2 * d.z, fixed=lambda d: d.unit % 2)
    answer = found(panel_effect(df, "y", "x", "unit", "time", covariates=["z", "twice", "fixed"]))
    assert check(answer, "collinear").detail.endswith("twice, fixed")
    assert answer.value == close(found(panel_effect(df, "y", "x", "unit", "time", covariates="z")).value)


def test_rows_that_repeat_a_unit_and_period_fail_a_check() -> None:
    df = world(1)
    assert check(found(panel_effect(pd.concat([df, df]), "y", "x", "unit", "time")), "rows").passed is False


@pytest.mark.parametrize("units", [8, 40])
def test_the_interval_covers_the_truth_with_dependent_errors(units: int) -> None:
    # Cause and error both AR(1) with 0.8 in each unit. 300 draws: Monte Carlo error of a 95 % rate is 1.3 points;
    # three of them, and one more below: CR2 is approximate. The long study is in tests/calibration.
    rng, hits = stream(1, "coverage", units), 0
    for _ in range(300):
        x, e = (autoregressive(rng, units) for _ in range(2))
        df = pd.DataFrame(
            {"u": np.repeat(np.arange(units), 12), "t": np.tile(np.arange(12), units), "x": x, "y": x + e}
        )
        answer = found(panel_effect(df, "y", "x", "u", "t"))
        hits += answer.low <= 1 <= answer.high  # type: ignore[operator]
    assert 0.90 < hits / 300 < 0.99


def autoregressive(rng: np.random.Generator, units: int) -> np.ndarray:
    series = np.zeros((units, 12))
    series[:, 0] = rng.normal(size=units) / 0.6
    for at in range(1, 12):
        series[:, at] = 0.8 * series[:, at - 1] + rng.normal(size=units)
    return series.ravel()


def refused(answer: PanelEffect | Refusal) -> Reason:
    assert isinstance(answer, Refusal), answer
    return answer.reason


def test_data_that_cannot_answer_are_refused() -> None:
    df = world(1)
    assert refused(panel_effect(df.assign(x=df.unit), "y", "x", "unit", "time")) is Reason.NO_VARIATION
    assert refused(panel_effect(df.assign(x=df.time), "y", "x", "unit", "time")) is Reason.NO_VARIATION
    assert (
        refused(panel_effect(df.assign(w=2 * df.x), "y", "x", "unit", covariates="w", effects="unit"))
        is Reason.NO_VARIATION
    )
    assert refused(panel_effect(df.assign(y=3 * df.x + df.unit), "y", "x", "unit", "time")) is Reason.NO_VARIATION
    assert refused(panel_effect(df.assign(y=1.0), "y", "x", "unit", "time")) is Reason.NO_VARIATION
    assert refused(panel_effect(df[df.unit == 0], "y", "x", "unit", effects="unit")) is Reason.TOO_FEW_UNITS
    assert refused(panel_effect(df.assign(g=1), "y", "x", "unit", "time", cluster="g")) is Reason.TOO_FEW_UNITS
    assert refused(panel_effect(df.assign(y=np.nan), "y", "x", "unit", "time")) is Reason.NO_DATA
    assert refused(panel_effect(df[df.time == 0], "y", "x", "unit", effects="unit")) is Reason.NO_DATA
    few = pd.DataFrame({"u": list("aabb"), "t": [1, 2, 1, 2], "x": [0, 1, 0, 3], "y": [0.0, 2, 0, 3]})
    assert refused(panel_effect(few, "y", "x", "u", "t")) is Reason.TOO_FEW_UNITS


def test_what_cannot_be_meant_is_named() -> None:
    df = world(1)
    with pytest.raises(UnknownName, match="index: call reset_index"):
        panel_effect(df.set_index("unit"), "y", "x", "unit", "time")
    with pytest.raises(InvalidInput, match="independent rows"):
        panel_effect(df, "y", "x", "unit", "time", cluster=None)  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="'None'"):
        panel_effect(df, "y", "x", "unit", "time", effects=None)  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="Did you mean 'two_way'"):
        panel_effect(df, "y", "x", "unit", "time", effects="twoway")  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="CR2"):
        panel_effect(df, "y", "x", "unit", "time", variance="CR4")  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="Unknown column 'unti'"):
        panel_effect(df, "y", "x", "unti", "time")
    with pytest.raises(InvalidInput, match="need a time"):
        panel_effect(df, "y", "x", "unit")
    with pytest.raises(InvalidInput, match="Choose 'CR1'"):
        panel_effect(df, "y", "x", "unit", "time", cluster=("unit", "time"), variance="CR2")
    with pytest.raises(InvalidInput, match="needs a time"):
        panel_effect(df, "y", "x", "unit", effects="unit", cluster="time")
    with pytest.raises(InvalidInput, match="first differences"):
        panel_effect(pd.concat([df, df]), "y", "x", "unit", "time", effects="first_difference")
    with pytest.raises(InvalidInput, match="not all different"):
        panel_effect(df, "y", "y", "unit", "time")
    with pytest.raises(InvalidInput, match="infinite"):
        panel_effect(df.assign(x=np.inf), "y", "x", "unit", "time")
    with pytest.raises(InvalidInput, match="no numbers"):
        panel_effect(df.assign(x="high"), "y", "x", "unit", "time")
    with pytest.raises(InvalidInput, match="above 0"):
        panel_effect(df.assign(w=0), "y", "x", "unit", "time", weights="w")
    with pytest.raises(InvalidInput, match="step"):
        panel_effect(df, "y", "x", "unit", "time", step=0)
    with pytest.raises(InvalidInput, match="DataFrame"):
        panel_effect({"y": [1]}, "y", "x", "unit", "time")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="level"):
        panel_effect(df, "y", "x", "unit", "time", level=95)


def test_periods_may_be_dates_and_units_numbers() -> None:
    df = table("jtrain").assign(when=lambda d: pd.to_datetime(d.year.astype(str)))
    by_year, by_date = (found(panel_effect(df, "lscrap", "grant", "fcode", time)) for time in ("year", "when"))
    assert by_year.value == by_date.value


def test_what_is_held_fixed_may_be_given_in_its_place() -> None:
    df = world(1, units=30, effect=1.0)
    named = panel_effect(df, "y", "x", "unit", "time", covariates=["z"], effects="unit", cluster="unit")
    assert panel_effect(df, "y", "x", "unit", "time", ["z"], "unit", "unit") == named
