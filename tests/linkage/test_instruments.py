"""What instruments promise: textbook values, an interval that is the inverted test, honest weakness.

- The textbook's and linearmodels' numbers are in `cases.json`; here the set is inverted by hand and by search.
- Scaling, shifting, ordering and recombining instruments changes only what it must.
- A weak instrument gives an unbounded set or two rays, never a confident number; contradiction is a refusal.
"""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Reason, Refusal
from metricstack.linkage.anderson_rubin import ReducedForms, confidence_set
from metricstack.linkage.instruments import InstrumentEffect, instrument

from .quasi_data import mroz

close = pytest.approx


def world(seed: int = 1, *, n: int = 200, strength: float = 1.0, count: int = 2, truth: float = -0.2) -> pd.DataFrame:
    random = stream(seed, "instruments", n, count, str(strength))
    z = random.standard_normal((n, count))
    shared, w = random.standard_normal(n), random.standard_normal(n)
    x = strength * z.sum(axis=1) + shared + 0.5 * w + random.standard_normal(n)
    y = truth * x + 2 * shared + w + random.standard_normal(n)
    return pd.DataFrame({"y": y, "x": x, "w": w, "team": np.arange(n) // 5} | {f"z{j}": z[:, j] for j in range(count)})


def effect_of(df: pd.DataFrame, instruments: Any = ("z0", "z1"), **how: Any) -> InstrumentEffect:
    found = instrument(df, "y", "x", list(instruments), **({"exogenous": ["w"]} | how))
    assert isinstance(found, InstrumentEffect), found
    return found


def refusal_of(df: pd.DataFrame, instruments: Any = ("z0", "z1"), **how: Any) -> Refusal:
    found = instrument(df, "y", "x", list(instruments), **how)
    assert isinstance(found, Refusal), found
    return found


def forms_of(outcome: float, cause: float, outcome_variance: float, cause_variance: float) -> ReducedForms:
    values = [np.array([outcome]), np.array([cause])]
    return ReducedForms(*values, np.array([[outcome_variance]]), np.array([[cause_variance]]), np.array([[0.0]]))


# By hand, and by another implementation


def test_a_binary_instrument_is_the_ratio_of_two_differences() -> None:
    # Outcome 3, 5 | 6, 8 and cause 0, 1 | 1, 3: (7 - 4) / (2 - 0.5) = 2.
    df = pd.DataFrame({"z": [0, 0, 1, 1], "x": [0.0, 1, 1, 3], "y": [3.0, 5, 6, 8]})
    found = instrument(df, "y", "x", ["z"])
    assert isinstance(found, InstrumentEffect)
    assert found.value == close(2.0)
    assert found.moved[0].value == close(1.5)
    assert found.reduced[0].value == close(3.0)


def test_the_four_shapes_of_a_set_by_hand() -> None:
    # (a - b p)^2 <= 4 (v + b^2 u). Interval: p^2 > 4 u. p = 1, u = .5: b^2 + 2 a b + 4 v - a^2 >= 0 outside roots.
    assert confidence_set(forms_of(2, 1, 0.04, 0.01), 4.0, around=(2, 1))[0] == close((1.5, 8 / 3))
    # a = 2, v = .25: 4 - 4 b + b^2 <= 1 + 2 b^2: b^2 + 4 b - 3 >= 0: b <= -2 - sqrt 7 or b >= -2 + sqrt 7.
    low, high = confidence_set(forms_of(2, 1, 0.25, 0.5), 4.0, around=(2, 1))
    assert low == close((-math.inf, -2 - math.sqrt(7)))
    assert high == close((-2 + math.sqrt(7), math.inf))
    # a = 0, v = 1: b^2 <= 4 + 2 b^2 always.
    assert confidence_set(forms_of(0, 1, 1.0, 0.5), 4.0, around=(0, 1)) == ((-math.inf, math.inf),)
    # Two instruments that say 0 and 10, each with an error of 1: at best 2 * 5^2 = 50 > 6.
    two = ReducedForms(np.array([0.0, 10.0]), np.ones(2), np.eye(2), 1e-12 * np.eye(2), np.zeros((2, 2)))
    assert confidence_set(two, 6.0, around=(5, 1)) == ()


@pytest.mark.parametrize("how", [{"errors": "classical"}, {"errors": "robust"}, {"cluster": "team"}])
@pytest.mark.parametrize("strength", [0.05, 0.15, 1.0])
def test_the_set_is_the_test_inverted_by_search(how: dict[str, str], strength: float) -> None:
    import statsmodels.api as sm

    df = world(8, strength=strength)
    found = effect_of(df, **how)
    parts = found.estimate.parts or ((found.low, found.high),)
    columns = sm.add_constant(df[["z0", "z1", "w"]])
    kind = {"classical": {}, "robust": {"cov_type": "HC1", "use_t": True}}.get(how.get("errors", ""), {})
    if "cluster" in how:
        kind = {"cov_type": "cluster", "cov_kwds": {"groups": df["team"]}, "use_t": True}
    for size in np.linspace(-6, 6, 61):
        fit = sm.OLS(df["y"] - size * df["x"], columns).fit(**kind)
        theirs = fit.f_test("z0 = 0, z1 = 0")
        inside = any(low <= size <= high for low, high in parts if low is not None and high is not None)
        assert inside == (theirs.pvalue >= 0.05), (size, theirs.pvalue)


def test_the_p_value_is_the_reduced_form_s() -> None:
    import statsmodels.api as sm

    df = world(3)
    theirs = sm.OLS(df["y"], sm.add_constant(df[["z0", "z1", "w"]])).fit(cov_type="HC1", use_t=True)
    assert effect_of(df).p_value == close(float(theirs.f_test("z0 = 0, z1 = 0").pvalue), rel=1e-6)


def test_endogeneity_is_the_textbook_regression() -> None:
    # Wooldridge, example 15.7: t = 1.67 of the first stage's residuals, p = .095.
    found = instrument(
        mroz(), "lwage", "educ", ["fatheduc", "motheduc"], exogenous=["exper", "expersq"], errors="classical"
    )
    assert isinstance(found, InstrumentEffect)
    assert found.endogeneity == close(0.095, abs=5e-4)


# Laws


@given(st.integers(0, 500), st.floats(0.01, 100), st.floats(-10, 10))
@settings(max_examples=15, deadline=None)
def test_scale_shift_and_order(seed: int, scale: float, shift: float) -> None:
    df = world(seed)
    # Two instruments contradict each other now and then: then there is nothing to scale.
    assume(isinstance(instrument(df, "y", "x", ["z0", "z1"], exogenous=["w"]), InstrumentEffect))
    first = effect_of(df)
    moved = df.sample(frac=1, random_state=seed)
    moved["y"] = scale * moved["y"] + shift + 3 * moved["w"]
    moved["z0"] = 5 - 2 * moved["z0"]
    again = effect_of(moved)
    assert again.value == close(scale * first.value, rel=1e-6, abs=1e-9)
    assert (again.low, again.high) == close((scale * (first.low or 0), scale * (first.high or 0)), rel=1e-5)
    assert again.p_value == close(first.p_value, rel=1e-6, abs=1e-12)


def test_units_of_very_different_size_change_nothing() -> None:
    df = world()
    first, again = effect_of(df), effect_of(df.assign(y=df["y"] * 1e9, x=df["x"] * 1e-9, z0=df["z0"] * 1e7))
    assert (again.low, again.high) == close((1e18 * (first.low or 0), 1e18 * (first.high or 0)), rel=1e-6)


def test_instruments_may_be_recombined() -> None:
    df = world()
    other = df.assign(z0=df["z0"] + df["z1"], z1=df["z0"] - 3 * df["z1"] + df["w"])
    first, again = effect_of(df), effect_of(other)
    assert again.low == close(first.low)
    assert again.first_stage is not None
    assert first.first_stage is not None
    assert again.first_stage.effective == close(first.first_stage.effective)


def test_names_become_indicators() -> None:
    df = world().assign(region=lambda one: one["team"].mod(4).map("r{}".format))
    wide = df.assign(**{f"r{k}": (df["region"] == f"r{k}").astype(float) for k in range(1, 4)})
    assert effect_of(df, exogenous=["region"]).low == close(effect_of(wide, exogenous=["r1", "r2", "r3"]).low)


def test_a_repeated_exogenous_column_changes_nothing() -> None:
    df = world().assign(again=lambda one: 2 * one["w"] + 1)
    assert effect_of(df, exogenous=["w", "again"]).low == close(effect_of(df).low)


# What it says of weakness


def test_a_weak_instrument_is_unbounded_and_fails_its_check() -> None:
    found = effect_of(world(strength=0.0, count=1), ["z0"])
    assert found.low == -math.inf
    assert found.high == math.inf
    assert found.checks[0].name == "weak_instrument"
    assert found.checks[0].passed is False
    # The interval that is not to be trusted stands beside it.
    assert found.two_stage is not None
    assert math.isfinite(found.two_stage.low or 0)
    assert found.estimate.to_dict()["unbounded"] is True


def test_reverse_causality_is_recovered() -> None:
    # y acts back on x: x = z + 0.8 y + v, y = -0.2 x + u. Least squares is positive, the instrument finds -0.2.
    random = stream(5, "reverse")
    z, u, v = random.standard_normal((3, 4000))
    y = (u - 0.2 * (z + 0.5 * v)) / 1.16
    df = pd.DataFrame({"z": z, "x": z + 0.8 * y + 0.5 * v, "y": y})
    found = instrument(df, "y", "x", ["z"])
    assert isinstance(found, InstrumentEffect)
    assert found.least_squares is not None
    assert found.least_squares.low is not None
    assert found.least_squares.low > 0
    assert found.value == close(-0.2, abs=0.05)  # error about 0.016
    assert found.endogeneity is not None
    assert found.endogeneity < 1e-6


def test_contradicting_instruments_are_refused_or_told() -> None:
    df = world(n=600)
    far = df.assign(y=df["y"] + 3 * df["z1"])
    assert refusal_of(far).reason is Reason.UNSTABLE
    near = df.assign(y=df["y"] + 0.3 * df["z1"])
    found = effect_of(near)
    assert next(check for check in found.checks if check.name == "overidentification").passed is False


def test_few_clusters_fail_a_check() -> None:
    df = world().assign(team=lambda one: one.index % 12)
    found = effect_of(df, cluster="team")
    assert next(check for check in found.checks if check.name == "clusters").passed is False
    assert found.n == 12


def test_it_shows_and_converts_itself() -> None:
    found = effect_of(world())
    assert "interval" in found.say()
    assert found.to_dict()["first_stage"]["effective"] > 10


# Refusals and misuse


def test_what_cannot_answer_is_refused() -> None:
    df = world()
    assert refusal_of(df.assign(z0=1.0)).reason is Reason.NO_VARIATION
    assert refusal_of(df.assign(x=2.0)).reason is Reason.NO_VARIATION
    assert refusal_of(df.assign(y=2.0)).reason is Reason.NO_VARIATION
    assert refusal_of(df.assign(z1=-3 * df["z0"] + 1)).reason is Reason.NO_VARIATION
    assert refusal_of(df.assign(z1=df["w"]), exogenous=["w"]).reason is Reason.NO_VARIATION
    assert refusal_of(df.assign(x=df["z0"])).reason is Reason.NO_VARIATION
    assert refusal_of(df.iloc[:4]).reason is Reason.TOO_FEW_UNITS
    assert refusal_of(df.iloc[:0]).reason is Reason.NO_DATA
    assert refusal_of(df.assign(team=df.index % 3), cluster="team").reason is Reason.TOO_FEW_UNITS


def test_missing_rows_are_counted() -> None:
    df = world()
    df.loc[:29, "x"] = None
    found = effect_of(df)
    assert found.checks[-1].detail.startswith("30 of 200 rows")
    assert found.checks[-1].passed is False
    assert found.n == 170


def test_one_column_needs_no_list() -> None:
    df = world()
    assert instrument(df, "y", "x", "z0", exogenous="z1") == instrument(df, "y", "x", ["z0"], exogenous=["z1"])


def test_numbers_that_a_table_holds_as_objects_are_no_names() -> None:
    df = world().assign(w=lambda one: np.arange(len(one)) % 7)
    boxed = df.assign(w=df["w"].astype(object))
    assert effect_of(boxed, exogenous=["w"]) == effect_of(df, exogenous=["w"])


def test_what_cannot_be_meant_is_named() -> None:
    df = world()
    with pytest.raises(InvalidInput, match="no instrument"):
        instrument(df, "y", "x", [])
    with pytest.raises(InvalidInput, match="two roles"):
        effect_of(df, exogenous=["z0"])
    with pytest.raises(UnknownName, match="Did you mean 'team'"):
        effect_of(df, cluster="teams")
    with pytest.raises(UnknownName, match="Did you mean 'robust'"):
        effect_of(df, errors="robbust")
    with pytest.raises(InvalidInput, match="no number"):
        effect_of(df.assign(z0="a"))


def test_what_is_held_fixed_may_be_given_in_its_place() -> None:
    rng = np.random.default_rng(3)
    df = pd.DataFrame(rng.standard_normal((200, 4)), columns=["y", "x", "z", "w"])
    df["x"] += df["z"]
    assert instrument(df, "y", "x", ["z"], ["w"]) == instrument(df, "y", "x", ["z"], exogenous=["w"])
