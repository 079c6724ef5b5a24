"""What synthetic control promises: the least squares mixture, honest placebo ranks, refusals.

- Weights are the constrained minimum (against SLSQP), and recover a mixture that is there.
- The interval is the inverted placebo test: with 19 donors 95 % is the outermost rank, with fewer it is unbounded.
- Levels and scale move as they should; order of rows and names do not matter.
"""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Reason, Refusal
from metricstack.linkage.simplex import simplex_weights
from metricstack.linkage.synthetic import SyntheticEffect, synthetic_control
from metricstack.linkage.synthetic_did import placebo_error, synthetic_did

from .quasi_data import smoking

close = pytest.approx


def world(seed: int = 1, *, donors: int = 24, before: int = 12, after: int = 5, effect: float = 0.0) -> pd.DataFrame:
    random = stream(seed, "synthetic")
    common = random.normal(0, 1, before + after).cumsum()
    y = random.normal(0, 1, (donors + 1, 1)) + random.uniform(0, 1, (donors + 1, 1)) * common
    y = y + random.normal(0, 0.3, y.shape)
    y[0, before:] += effect
    return pd.DataFrame(
        [(f"u{i:02d}", t, y[i, t]) for i in range(donors + 1) for t in range(before + after)],
        columns=["unit", "time", "y"],
    )


def effect_of(df: pd.DataFrame, **how: Any) -> SyntheticEffect:
    found = synthetic_control(df, "y", "unit", "time", **({"treated": "u00", "start": 12} | how))
    assert isinstance(found, SyntheticEffect), found
    return found


def refusal_of(df: pd.DataFrame, **how: Any) -> Refusal:
    found = synthetic_control(df, "y", "unit", "time", **({"treated": "u00", "start": 12} | how))
    assert isinstance(found, Refusal), found
    return found


# By hand, and by another implementation


def test_a_mixture_that_is_there_is_found() -> None:
    donors = stream(3, "donors").normal(0, 1, (10, 5))
    weights = np.array([0.2, 0.0, 0.5, 0.3, 0.0])
    assert simplex_weights(donors, donors @ weights) == close(weights, abs=1e-9)


@given(st.integers(0, 10**6), st.integers(2, 12), st.integers(2, 12), st.sampled_from([0.0, 0.5]))
@settings(max_examples=30, deadline=None)
def test_weights_are_the_constrained_minimum(seed: int, rows: int, count: int, ridge: float) -> None:
    random = stream(seed, "simplex")
    donors, target = random.normal(0, 1, (rows, count)), random.normal(0, 1, rows)

    def aim(w: Any) -> float:
        return float(((donors @ w - target) ** 2).sum() + ridge * (w**2).sum())

    found = simplex_weights(donors, target, ridge=ridge)
    assert found.min() >= 0
    assert found.sum() == close(1.0)
    theirs = minimize(
        aim, np.full(count, 1 / count), bounds=[(0, 1)] * count, method="SLSQP",
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1}, options={"ftol": 1e-12, "maxiter": 500},
    )  # fmt: skip
    # SLSQP stops within about 1e-6 of the least value; ours must not be above it.
    assert aim(found) <= theirs.fun + 1e-6


def test_california_is_the_exact_minimum() -> None:
    # SLSQP from three random starts: -19.51364, -19.51370, -19.51363. Abadie et al. (2010) report about -19 packs.
    found = synthetic_control(smoking(), "packs", "state", "year", treated="California", start=1989)
    assert isinstance(found, SyntheticEffect)
    assert found.value == close(-19.5136, abs=2e-4)
    assert [name for name, _ in found.weights[:4]] == ["Utah", "Montana", "Nevada", "Connecticut"]
    assert found.rmspe_before == close(math.sqrt(52.12958 / 19), abs=1e-4)


def test_the_placebo_error_is_that_of_synthdid() -> None:
    # synthdid-py 0.1.0, placebo_se with 2,000 random replications: 9.65 and, drawn again, 8.89; ours takes each once.
    found = synthetic_control(
        smoking(), "packs", "state", "year", treated="California", start=1989, method="synthetic_did"
    )
    assert isinstance(found, SyntheticEffect)
    assert 8.7 < (found.standard_error or 0) < 9.9
    assert [time for time, _ in found.time_weights] == [1988, 1986, 1987]


def test_equal_weights_are_a_plain_difference_in_differences() -> None:
    # All donors and periods alike but for noise that the penalty drowns: weights are equal, the effect is by hand.
    donors = np.array([[0.0, 2.0, 0.0, 2.0, 1.0], [2.0, 0.0, 2.0, 0.0, 1.0]])
    found = synthetic_did(np.array([[5.0, 5.0, 5.0, 5.0, 8.0]]), donors, 4)
    assert found.units == close([0.5, 0.5])
    assert found.value == close(8 - 5 - (1 - 1))


# Laws


@pytest.mark.parametrize("method", ["synthetic_control", "synthetic_did"])
def test_scale_level_and_order(method: Any) -> None:
    df = world(effect=1.0)
    first = effect_of(df, method=method)
    moved = df.sample(frac=1, random_state=4).assign(y=lambda one: 7 + 3 * one["y"])
    again = effect_of(moved, method=method)
    assert again.value == close(3 * first.value, rel=1e-6)
    assert again.p_value == close(first.p_value, rel=1e-6)
    assert effect_of(df.sample(frac=1, random_state=5), method=method).to_dict() == first.to_dict()


def test_the_interval_is_the_inverted_test() -> None:
    # At either end of the interval the effect is just not rejected; a little beyond it is.
    df = world(donors=39)
    found = effect_of(df)
    assert found.low is not None
    assert found.high is not None

    def p_of(size: float) -> float:
        late = (df["unit"] == "u00") & (df["time"] >= 12)
        return effect_of(df.assign(y=df["y"] - size * late)).p_value or 0.0

    width = found.high - found.low
    for end, out in ((found.low, -1), (found.high, 1)):
        assert p_of(end - out * 1e-6 * width) > 0.05
        assert p_of(end + out * 1e-3 * width) <= 0.05


def test_few_donors_give_no_bounded_interval() -> None:
    assert math.isfinite(effect_of(world(donors=19)).low or 0)
    found = effect_of(world(donors=18))
    assert (found.low, found.high) == (-math.inf, math.inf)
    assert next(check for check in found.checks if check.name == "donors").passed is False
    assert math.isfinite(effect_of(world(donors=18), level=0.9).low or 0)


def test_a_large_effect_is_the_outermost_rank() -> None:
    found = effect_of(world(donors=24, effect=30.0))
    assert found.rank_p_value == close(1 / 25)
    assert found.p_value == close(1 / 25)
    assert found.value == close(30, abs=2)
    assert found.low is not None
    assert found.low > 0


# What it warns of


def test_a_unit_outside_the_donors_fails_the_fit() -> None:
    df = world()
    df.loc[df["unit"] == "u00", "y"] += 50
    assert effect_of(df).checks[0].passed is False
    # Synthetic difference-in-differences takes levels out.
    assert effect_of(df, method="synthetic_did").checks[0].passed is True


def test_an_effect_before_the_start_fails_the_placebo_date() -> None:
    df = world(donors=40)
    df.loc[(df["unit"] == "u00") & (df["time"] >= 8), "y"] += 20
    found = effect_of(df)
    assert next(check for check in found.checks if check.name == "placebo_date").passed is False


def test_donors_that_lack_values_are_left_out_and_counted() -> None:
    df = world()
    found = effect_of(df.drop(df.index[(df["unit"] == "u05") & (df["time"] == 3)]))
    assert "u05" not in [one.unit for one in found.placebos]
    assert "1 of 24 donors" in found.checks[-2].detail + found.checks[-1].detail


def test_predictors_pull_the_mixture() -> None:
    df = world()
    df["size"] = df["unit"].map(lambda name: 10.0 if name in {"u00", "u07"} else float(name[1:]) % 5)
    weights = dict(effect_of(df, predictors=["size"]).weights)
    assert weights.get("u07", 0) > dict(effect_of(df).weights).get("u07", 0)


def test_several_treated_units_by_jackknife_and_placebo() -> None:
    df = world(effect=0.0)
    treated = ["u00", "u01", "u02", "u03"]
    for variance in ("placebo", "jackknife"):
        found = effect_of(df, treated=treated, method="synthetic_did", variance=variance)
        assert found.n == 25
        assert abs(found.value) < 4 * (found.standard_error or 0)


def test_it_shows_and_converts_itself() -> None:
    found = effect_of(world())
    assert "interval" in found.say()
    assert len(found.to_dict()["placebos"]) == 24
    assert len(found.gaps) == 17


# Refusals and misuse


def test_what_cannot_be_compared_is_refused() -> None:
    df = world()
    assert refusal_of(df, start=1).reason is Reason.NO_DATA
    assert refusal_of(df, start=17).reason is Reason.NO_DATA
    assert refusal_of(df[df["unit"].isin(["u00", "u01"])]).reason is Reason.TOO_FEW_UNITS
    assert refusal_of(df.drop(df.index[0])).reason is Reason.NO_DATA
    assert refusal_of(df.assign(y=1.0)).reason is Reason.NO_VARIATION
    assert refusal_of(df.assign(y=1.0), method="synthetic_did").reason is Reason.NO_VARIATION
    assert refusal_of(df.assign(x=1.0), predictors=["x"]).reason is Reason.NO_VARIATION
    assert refusal_of(df, method="synthetic_did", variance="jackknife").reason is Reason.TOO_FEW_UNITS
    one = np.zeros((2, 5))
    assert isinstance(placebo_error(one, np.zeros((3, 5)), 3, "placebo"), Refusal)


def test_what_cannot_be_meant_is_named() -> None:
    df = world()
    with pytest.raises(UnknownName, match="Unknown unit 'u0'"):
        effect_of(df, treated="u0")
    with pytest.raises(InvalidInput, match="cannot be held against"):
        effect_of(df, start="2026-01-01")
    with pytest.raises(InvalidInput, match="one by one"):
        effect_of(df, treated=["u00", "u01"])
    with pytest.raises(InvalidInput, match="No unit is treated"):
        effect_of(df, treated=[], method="synthetic_did")
    with pytest.raises(InvalidInput, match="takes no predictors"):
        effect_of(df.assign(x=1.0), method="synthetic_did", predictors=["x"])
    with pytest.raises(InvalidInput, match="repeat"):
        effect_of(pd.concat([df, df.iloc[:1]]))
    with pytest.raises(UnknownName, match="Did you mean 'synthetic_did'"):
        effect_of(df, method="synthetic_dd")
