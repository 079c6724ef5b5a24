"""What one difference-in-differences promises: hand-worked values, Welch's test of changes, refusals.

- A panel gives one change per unit, so copying periods adds no certainty; with clusters, clusters count.
- Repeated cross-sections agree with a regression, also clustered; four moments agree with their rows.
- One treated unit has the noise of the others, and fails a check.
"""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Moments, Reason, Refusal
from metricstack.experiments.effect import Effect
from metricstack.linkage.two_by_two import difference_in_differences, difference_in_differences_of

close = pytest.approx


def panel(seed: int = 1, *, treated: int = 6, others: int = 9, periods: int = 4) -> pd.DataFrame:
    random = stream(seed, "two by two")
    n = treated + others
    level, moved = random.normal(0, 3, n), random.normal(0, 1, n)
    rows = [
        (f"u{i:02d}", t, i < treated, t >= periods // 2,
         level[i] + (t >= periods // 2) * moved[i] + random.normal(0, 0.1))
        for i in range(n) for t in range(periods)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["unit", "time", "treated", "after", "y"])


def effect_of(df: pd.DataFrame, **how: Any) -> Effect:
    found = difference_in_differences(df, "y", "treated", "after", **how)
    assert isinstance(found, Effect), found
    return found


def refusal_of(df: pd.DataFrame, **how: Any) -> Refusal:
    found = difference_in_differences(df, "y", "treated", "after", **how)
    assert isinstance(found, Refusal), found
    return found


# By hand, and by another implementation


def test_one_treated_unit_by_hand() -> None:
    # Changes: treated 6; others 1, 2, 3: mean 2, variance 1. Error sqrt(1 * (1 + 1/3)) = 1.1547, 2 degrees.
    df = pd.DataFrame({
        "unit": list("aabbccdd"), "treated": [1, 1] + [0] * 6, "after": [0, 1] * 4, "y": [0, 6, 0, 1, 0, 2, 0, 3],
    })  # fmt: skip
    found = effect_of(df, unit="unit")
    assert found.value == close(4.0)
    assert found.standard_error == close(math.sqrt(4 / 3))
    assert found.freedom == 2
    assert found.checks[0].passed is False
    assert "the only one" in found.checks[0].detail


def test_a_panel_is_welch_of_changes() -> None:
    df = panel()
    wide = df.groupby(["unit", "treated", "after"])["y"].mean().unstack()
    change = (wide[True] - wide[False]).reset_index()
    one, other = (change.loc[change["treated"] == side, 0] for side in (True, False))
    theirs = stats.ttest_ind(one, other, equal_var=False)
    found = effect_of(df, unit="unit")
    assert found.p_value == close(theirs.pvalue)
    assert (found.low, found.high) == close(tuple(theirs.confidence_interval(0.95)))


def test_clustered_cross_sections_agree_with_a_regression() -> None:
    import statsmodels.formula.api as smf

    df = panel(3, treated=7, others=7)
    theirs = smf.ols("y ~ treated * after", df.astype({"treated": float, "after": float})).fit(
        cov_type="cluster", cov_kwds={"groups": df["unit"].astype("category").cat.codes, "use_correction": False}
    )
    found = effect_of(df, cluster="unit")
    assert found.value == close(theirs.params["treated:after"])
    # Each arm of 7 clusters is corrected by 7 / 6; theirs is not.
    assert found.standard_error == close(theirs.bse["treated:after"] * math.sqrt(7 / 6))


def test_clusters_of_both_groups_agree_with_a_regression() -> None:
    import statsmodels.formula.api as smf

    df = panel(3).assign(region=lambda one: one["unit"].str[-1])
    theirs = smf.ols("y ~ treated * after", df.astype({"treated": float, "after": float})).fit(
        cov_type="cluster", cov_kwds={"groups": df["region"].astype(int), "use_correction": False}
    )
    found = effect_of(df, cluster="region")
    assert found.standard_error == close(theirs.bse["treated:after"] * math.sqrt(10 / 9))


# Laws


@given(st.integers(0, 1000), st.floats(-5, 5))
@settings(max_examples=20, deadline=None)
def test_levels_common_changes_and_order_do_not_matter(seed: int, step: float) -> None:
    df = panel(seed)
    moved = df.sample(frac=1, random_state=seed)
    moved["y"] = moved["y"] + step * moved["after"] + moved["unit"].str[1:].astype(float)
    first, again = effect_of(df, unit="unit"), effect_of(moved, unit="unit")
    assert again.value == close(first.value, abs=1e-9)
    assert again.standard_error == close(first.standard_error, rel=1e-9)


def test_more_rows_of_the_same_units_add_no_certainty() -> None:
    df = panel()
    assert effect_of(pd.concat([df] * 5), unit="unit").standard_error == close(
        effect_of(df, unit="unit").standard_error
    )
    # Taken for independent rows, the same copies shrink the error by the root of five.
    assert effect_of(pd.concat([df] * 5)).standard_error < 0.5 * (effect_of(df).standard_error or 0)


def test_four_moments_are_their_rows() -> None:
    df = panel(periods=2)
    cells = [df.loc[(df["treated"] == a) & (df["after"] == b), "y"] for a in (False, True) for b in (False, True)]
    found = difference_in_differences_of([Moments.of_samples(value=cell) for cell in cells])
    assert isinstance(found, Effect)
    rows = effect_of(df)
    assert (found.value, found.standard_error, found.freedom) == close((rows.value, rows.standard_error, rows.freedom))


# Refusals and misuse


def test_what_cannot_be_compared_is_refused() -> None:
    df = panel()
    assert refusal_of(df[~df["treated"]], unit="unit").reason is Reason.TOO_FEW_UNITS
    assert refusal_of(df[df["after"]], unit="unit").reason is Reason.TOO_FEW_UNITS
    assert refusal_of(df[df["treated"] | (df["unit"] == "u08")], unit="unit").reason is Reason.TOO_FEW_UNITS
    assert refusal_of(df.assign(y=1.0), unit="unit").reason is Reason.NO_VARIATION
    assert refusal_of(df.assign(y=None), unit="unit").reason is Reason.NO_DATA
    one = df.assign(region=df["treated"].map({True: "eu", False: "us"}))
    assert refusal_of(one, cluster="region").reason is Reason.TOO_FEW_UNITS
    assert refusal_of(one, unit="unit", cluster="region").reason is Reason.TOO_FEW_UNITS
    few = [Moments.of(1, 0.0, 0.0)] * 4
    assert isinstance(difference_in_differences_of(few), Refusal)
    assert isinstance(difference_in_differences_of([Moments.of(5, 0.0, 0.0)] * 4), Refusal)


def test_units_without_a_before_are_counted() -> None:
    df = panel()
    found = effect_of(df[(df["unit"] != "u14") | df["after"]], unit="unit")
    assert "1 units lack" in next(check.detail for check in found.checks if check.name == "complete_units")
    assert found.n == 14


def test_what_cannot_be_meant_is_named() -> None:
    df = panel()
    with pytest.raises(InvalidInput, match="marks a group, not a time"):
        effect_of(df.assign(treated=df["treated"] & df["after"]), unit="unit")
    with pytest.raises(InvalidInput, match="true or false"):
        effect_of(df.assign(after=df["time"]))
    with pytest.raises(UnknownName, match="Did you mean 'unit'"):
        effect_of(df, unit="units")
    with pytest.raises(InvalidInput, match="four samples"):
        difference_in_differences_of([Moments.of(5, 0.0, 1.0)] * 3)
    with pytest.raises(InvalidInput, match="level"):
        effect_of(df, level=np.nan)
