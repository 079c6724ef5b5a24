"""What a staged rollout's effect promises.

- Two cohorts by hand, and the numbers of R's did, diff-diff and csdid (`cases.json`).
- It does not depend on the order of rows, on names, on what all units share, nor on each unit's level; it scales.
- A two-way regression is the weighted sum of its comparisons, and goes wrong where effects grow.
- The pre-trend test says what it could have seen; placebo dates and anticipation are told.
- Nobody, everybody at once, one unit, no controls, too early, no noise: refusals. Repeated rows: an error.
"""

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Reason, Refusal
from metricstack.linkage.adoption import read_adoption
from metricstack.linkage.group_time import group_time, lead_effects
from metricstack.linkage.pretrends import pre_trend
from metricstack.linkage.rollout import RolloutEffect, rollout_effect

from .quasi_data import minimum_wage

close = pytest.approx
METHODS = ("callaway_santanna", "imputation", "twfe")


def world(
    seed: int = 1,
    *,
    cohorts: tuple[float, ...] = (4, 6, math.nan),
    each: int = 8,
    periods: int = 9,
    growth: float = 0.0,
) -> pd.DataFrame:
    random = stream(seed, "rollout", str(cohorts), each)
    rows = []
    for unit, start in enumerate(np.repeat(cohorts, each)):
        level = random.normal(0, 3)
        for t in range(periods):
            effect = growth * (t - start + 1) if t >= start else 0.0
            rows.append((f"team {unit:02d}", t, level + 0.5 * t + effect + random.normal(), start))
    return pd.DataFrame(rows, columns=["team", "week", "y", "adopted"])


def effect_of(df: pd.DataFrame, **how: Any) -> RolloutEffect:
    found = rollout_effect(df, "y", "team", "week", "adopted", **how)
    assert isinstance(found, RolloutEffect), found
    return found


def refusal_of(df: pd.DataFrame, **how: Any) -> Refusal:
    found = rollout_effect(df, "y", "team", "week", "adopted", **how)
    assert isinstance(found, Refusal), found
    return found


def check_of(found: RolloutEffect, name: str) -> Any:
    return next(check for check in found.checks if check.name == name)


# By hand, and by another implementation


def test_two_cohorts_by_hand() -> None:
    # Changes since the period before adoption. Cohort 2 (a, b) at 2: +5, +7, controls c, d, e, f: +1, +3, +1, +3;
    # 6 - 2 = 4. At 3 only e and f are untreated: a, b +9, +11 against +2, +4: 10 - 3 = 7. Cohort 3 (c, d) at 3:
    # +4, +6 against e, f +1, +1: 5 - 1 = 4. Each cohort has 2 units: (4 + 7 + 4) / 3 = 5.
    paths = {
        "a": [0, 0, 5, 9],
        "b": [1, 1, 8, 12],
        "c": [0, 0, 1, 5],
        "d": [0, 0, 3, 9],
        "e": [0, 0, 1, 2],
        "f": [2, 2, 5, 6],
    }
    start = {"a": 2, "b": 2, "c": 3, "d": 3}
    rows = [(team, t, y, start.get(team)) for team, path in paths.items() for t, y in enumerate(path)]
    found = effect_of(pd.DataFrame(rows, columns=["team", "week", "y", "adopted"]))
    cells = {(g, t): one.value for g, t, one in found.cells}
    assert cells == close({(2, 2): 4.0, (2, 3): 7.0, (3, 3): 4.0})
    assert found.value == close(5.0)
    assert found.over_cohorts is not None
    assert found.over_cohorts.value == close((5.5 + 4) / 2)
    # Cell (3, 3): changes 4, 6 and 1, 1: sqrt(2 / 2 + 0 / 2) = 1.
    assert found.cells[2][2].standard_error == close(1.0)
    assert found.by_cohort[0].at == 2


def test_the_joint_test_of_all_leads_is_that_of_r() -> None:
    # R package did on mpdta, never treated: W = 7.79123662720035, p = 0.16812 (csdid's ref_pretest.csv).
    panel = read_adoption(minimum_wage(), columns=("employment", "county", "year", "first"))
    assert not isinstance(panel, Refusal)
    cells = group_time(panel, control="never", small_sample=False)
    early = np.flatnonzero(cells.period < cells.cohort)
    found = cells.influence.combined(np.eye(len(cells.cohort))[:, early]).joint(finite=False)
    assert found is not None
    assert found.wald == close(7.79123662720035, abs=1e-8)
    assert found.p_value == close(0.16812, abs=5e-6)


def test_the_clustered_error_of_the_regression_is_that_of_statsmodels() -> None:
    import statsmodels.formula.api as smf

    df = world(growth=0.3).assign(d=lambda x: (x["week"] >= x["adopted"]).astype(float))
    theirs = smf.ols("y ~ d + C(team) + C(week)", df).fit(
        cov_type="cluster", cov_kwds={"groups": df["team"].astype("category").cat.codes}
    )
    found = effect_of(df, method="twfe")
    assert found.value == close(theirs.params["d"], abs=1e-10)
    # Theirs counts the 23 units beside a constant as coefficients; ours, as units lie within clusters, does not.
    rows, coefficients = len(df), 24 + 9
    ratio = math.sqrt((rows - coefficients) / (rows - 10))
    assert found.standard_error == close(theirs.bse["d"] * ratio, rel=1e-9)


def test_imputation_is_a_regression_on_untreated_cells() -> None:
    df = world(growth=0.3).sample(frac=0.9, random_state=3)
    untouched = df[~(df["week"] >= df["adopted"])]
    columns = [pd.get_dummies(part[["team", "week"]].astype(str), dtype=float) for part in (untouched, df)]
    beta = np.linalg.lstsq(columns[0].to_numpy(), untouched["y"].to_numpy(), rcond=None)[0]
    gap = df["y"] - columns[1].reindex(columns=columns[0].columns).to_numpy() @ beta
    found = effect_of(df, method="imputation")
    assert found.value == close(gap[df["week"] >= df["adopted"]].mean(), abs=1e-9)


def test_covariates_of_imputation_are_those_of_the_same_regression() -> None:
    df = world(growth=0.3)
    df["x"] = stream(5, "covariate").standard_normal(len(df))
    df["y"] += 2 * df["x"]
    untouched = df[~(df["week"] >= df["adopted"])]
    wide = [
        pd.get_dummies(part[["team", "week"]].astype(str), dtype=float).assign(x=part["x"]) for part in (untouched, df)
    ]
    beta = np.linalg.lstsq(wide[0].to_numpy(), untouched["y"].to_numpy(), rcond=None)[0]
    gap = df["y"] - wide[1].reindex(columns=wide[0].columns).to_numpy() @ beta
    found = effect_of(df, method="imputation", covariates=["x"])
    assert found.value == close(gap[df["week"] >= df["adopted"]].mean(), abs=1e-9)


# Laws


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6), st.floats(-50, 50), st.floats(0.1, 20))
def test_order_level_and_common_shocks_do_not_matter_and_it_scales(
    method: Any, seed: int, shift: float, scale: float
) -> None:
    df = world(seed % 5, growth=0.2)
    first = effect_of(df, method=method)
    moved = df.sample(frac=1, random_state=seed).reset_index(drop=True)
    shock = stream(seed, "shock").normal(0, 5, 9)
    level = moved["team"].map(dict(zip(sorted(set(df["team"])), stream(seed, "level").normal(0, 5, 24), strict=True)))
    moved["y"] = scale * moved["y"] + shift + shock[moved["week"]] + level
    again = effect_of(moved, method=method)
    assert again.value == close(scale * first.value, rel=1e-7, abs=1e-8)
    assert again.standard_error == close(scale * (first.standard_error or 0), rel=1e-6)
    assert again.p_value == close(first.p_value, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_rows_in_another_order_give_the_same_bits(method: Any) -> None:
    df = world(growth=0.2)
    again = df.sample(frac=1, random_state=9)
    assert effect_of(df, method=method).to_dict() == effect_of(again, method=method).to_dict()


@pytest.mark.slow
def test_nothing_depends_on_the_hash_seed() -> None:
    code = (
        "import numpy as np, pandas as pd\n"
        "from metricstack.linkage.rollout import rollout_effect\n"
        "rows = [(f't{u}', t, u + t + (u * t * 7 % 5) / 3, f'g{u % 7}', (3, 4, None)[u % 3])"
        " for u in range(21) for t in range(6)]\n"
        "df = pd.DataFrame(rows, columns=['u', 't', 'y', 'c', 'g'])\n"
        "for m in ('callaway_santanna', 'imputation', 'twfe'):\n"
        "    print(rollout_effect(df, 'y', 'u', 't', 'g', method=m, cluster='c').to_dict())\n"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(told) == 1


@given(st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_a_two_way_regression_is_the_weighted_sum_of_its_comparisons(seed: int) -> None:
    found = effect_of(world(seed, cohorts=(3, 5, 7, math.nan), each=3, growth=0.4), method="twfe")
    assert found.comparisons is not None
    assert found.comparisons.value == close(found.value, rel=1e-8, abs=1e-9)
    assert sum(share for _, share, _ in found.comparisons.kinds) == close(1.0)
    assert 0 < found.comparisons.forbidden < 1


def test_units_that_are_their_own_clusters_may_be_named_so() -> None:
    df = world()
    assert effect_of(df, cluster="team").standard_error == close(effect_of(df).standard_error)


def test_copies_of_units_in_a_cluster_add_nothing() -> None:
    # Every unit twice, both in one cluster: the same means, the same clusters.
    df = world(growth=0.2)
    twice = pd.concat([df.assign(pair=df["team"]), df.assign(pair=df["team"], team=df["team"] + " again")])
    for method in METHODS[:2]:
        once, both = effect_of(df, method=method), effect_of(twice, method=method, cluster="pair")
        assert both.value == close(once.value)
        # Cohort sizes of twice as many units, but as many clusters: equal to the last digit but for rounding.
        assert both.standard_error == close(once.standard_error, rel=1e-9)


def test_dates_and_text_are_times_as_numbers_are() -> None:
    df = world(growth=0.2)
    first = effect_of(df)
    days = pd.Timestamp("2026-01-05", tz="UTC") + pd.to_timedelta(7 * df["week"], unit="D")
    starts = pd.Timestamp("2026-01-05", tz="UTC") + pd.to_timedelta(7 * df["adopted"] - 2, unit="D")
    dated = effect_of(df.assign(week=days, adopted=starts))  # two days before the week begins: it counts from then on
    named = effect_of(
        df.assign(
            week=df["week"].map("w{}".format),
            adopted=df["adopted"].map(lambda g: None if math.isnan(g) else f"w{g:.0f}"),
        )
    )
    assert dated.value == first.value == named.value
    assert named.by_cohort[0].at == "w4"


def test_the_joint_band_holds_the_interval_of_each_point() -> None:
    for method in METHODS[:2]:
        for point in effect_of(world(), method=method).since_adoption:
            assert point.effect.low is not None
            assert point.low <= point.effect.low + 1e-12
            assert point.effect.value == close((point.low + point.high) / 2)


def test_anticipation_moves_the_base_period() -> None:
    # An effect that begins two weeks early: with the last week as base it is missed, three weeks before it is not.
    df = world(seed=3, each=20)
    early = df["week"] >= df["adopted"] - 2
    df["y"] = df["y"] + 4.0 * early
    assert effect_of(df).value < 1.5
    assert effect_of(df, anticipation=2).value == close(4.0, abs=1.0)  # error about 0.35
    assert check_of(effect_of(df), "pre_trend").passed is False


# What it warns of


def test_a_regression_goes_wrong_where_effects_grow_and_says_so() -> None:
    # All adopt in the end. Comparable cells lie before 21: effects 0.12 times 1 to 19 and 1 to 14, of mean 1.073.
    df = world(cohorts=(2, 7, 21), each=12, periods=24, growth=0.12)
    wrong, right = effect_of(df, method="twfe"), effect_of(df)
    truth = 0.12 * (19 * 20 / 2 + 14 * 15 / 2) / (19 + 14)
    assert right.low is not None
    assert right.high is not None
    assert right.low <= truth <= right.high
    assert wrong.high is not None
    assert wrong.high < truth / 2
    assert check_of(wrong, "two_way_fixed_effects").passed is False
    assert "already" in check_of(right, "forbidden_comparisons").detail
    assert "reference" in wrong.estimate.method


def test_a_trend_that_runs_on_is_found_where_it_is_large_and_told_where_it_is_not() -> None:
    df = world(each=20)
    df["y"] = df["y"] + 0.6 * df["week"] * df["adopted"].notna()
    found = effect_of(df)
    assert check_of(found, "pre_trend").passed is False
    assert check_of(found, "placebo_dates").passed is False
    small = effect_of(world(each=3))
    assert small.pre_trend is not None
    assert found.pre_trend is not None
    assert small.pre_trend.detectable > 2 * found.pre_trend.detectable


@pytest.mark.slow
def test_the_detectable_trend_is_found_four_times_in_five() -> None:
    # 300 draws, standard error of a share of .8: 2.3 points.
    slopes = [effect_of(world(seed, each=10)).pre_trend for seed in range(12)]
    slope = float(np.median([one.detectable for one in slopes if one is not None]))
    hits = []
    for seed in range(100, 400):
        df = world(seed, each=10)
        df["y"] = df["y"] + slope * df["week"] * df["adopted"].notna()
        panel = read_adoption(df, columns=("y", "team", "week", "adopted"))
        assert not isinstance(panel, Refusal)
        leads, distance = lead_effects(panel, group_time(panel, control="not_yet", small_sample=True))
        one = pre_trend(leads, distance, clusters=20, mean_distance=1.0)
        assert one is not None
        hits.append(one.p_value <= 0.05)
    assert np.mean(hits) == close(0.8, abs=0.08)


def test_few_that_adopt_fail_a_check_and_lone_cohorts_borrow_their_noise() -> None:
    df = world(cohorts=(3, 4, 5, 6, math.nan), each=1)
    more = world(seed=2, cohorts=(math.nan,), each=8).assign(team=lambda x: x["team"] + " b")
    found = effect_of(pd.concat([df, more]))
    check = check_of(found, "treated_units")
    assert check.passed is False
    assert "4 adopt alone" in check.detail
    # A mean change of one unit has at least the noise of one difference, 1.4, over the root of 4 cohorts.
    assert found.standard_error is not None
    assert found.standard_error > 0.4


def test_what_is_left_out_is_counted() -> None:
    df = world()
    df.loc[df["team"] == "team 00", "adopted"] = 0
    df.loc[df.index[-20:], "y"] = None
    found = effect_of(df)
    assert check_of(found, "always_treated").detail.startswith("1 of 24 units")
    assert check_of(found, "missing_rows").detail.startswith("20 of 216 rows")
    assert found.n == 21  # two of the last units have no outcome at all


@pytest.mark.parametrize("method", METHODS)
def test_panels_with_holes_are_answered_or_refused(method: Any) -> None:
    # Warnings are errors here: no hole may become a NaN.
    df = world(growth=0.2)
    for seed in range(6):
        for kept in (0.3, 0.5, 0.8):
            found = rollout_effect(
                df.sample(frac=kept, random_state=seed), "y", "team", "week", "adopted", method=method
            )
            assert isinstance(found, Refusal) or math.isfinite(found.value)


@pytest.mark.parametrize("method", METHODS)
def test_outcomes_far_from_zero_keep_their_precision(method: Any) -> None:
    df = world(growth=0.2)
    # A double of 1e9 has steps of 1e-7.
    assert effect_of(df.assign(y=df["y"] + 1e9), method=method).value == close(
        effect_of(df, method=method).value, abs=1e-7
    )


def test_a_covariate_that_separates_fails_a_check() -> None:
    df = world()
    df["x"] = df["adopted"].notna() * 10.0 + stream(1, "x").normal(0, 0.1, len(df))
    assert check_of(effect_of(df, covariates=["x"]), "overlap").passed is False


def test_it_shows_and_converts_itself() -> None:
    found = effect_of(world(growth=0.2))
    assert "interval" in found.say()
    assert len(found.to_pandas()) == 1 + len(found.since_adoption)
    assert found.to_dict()["pre_trend"]["kind"] == "pre_trend"
    assert "<" in found._repr_html_()


# Refusals


def test_one_unit_that_adopts_is_refused_and_sent_elsewhere() -> None:
    df = world(cohorts=(4,), each=1)
    found = refusal_of(pd.concat([df, world(cohorts=(math.nan,)).assign(team=lambda x: x["team"] + " b")]))
    assert found.reason is Reason.TOO_FEW_UNITS
    assert "synthetic_control" in found.remedy
    assert refusal_of(df).reason is Reason.TOO_FEW_UNITS


def test_several_units_of_one_cluster_are_one() -> None:
    df = world(cohorts=(4, math.nan)).assign(region=lambda x: x["adopted"].notna().map({True: "eu", False: "us"}))
    assert refusal_of(df, cluster="region").reason is Reason.TOO_FEW_UNITS


def test_without_comparison_there_is_no_answer() -> None:
    assert refusal_of(world(cohorts=(math.nan,))).reason is Reason.NO_VARIATION
    assert refusal_of(world(cohorts=(4,))).reason is Reason.NO_VARIATION
    assert refusal_of(world(cohorts=(4, 6)), control="never").reason is Reason.NO_VARIATION
    assert refusal_of(world(cohorts=(0, math.nan))).reason is Reason.NO_VARIATION
    assert refusal_of(world(cohorts=(1, math.nan))).reason is Reason.NO_DATA
    assert refusal_of(world().assign(y=1.0)).reason is Reason.NO_VARIATION
    assert refusal_of(world().iloc[:0]).reason is Reason.TOO_FEW_UNITS


@pytest.mark.parametrize("method", METHODS[1:])
def test_a_covariate_without_change_is_refused_by_what_needs_change(method: Any) -> None:
    df = world().assign(x=lambda one: one["team"].str[-2:].astype(float))
    assert refusal_of(df, method=method, covariates=["x"]).reason is Reason.NO_VARIATION


@pytest.mark.parametrize("never", [math.nan, math.inf, 0, None])
def test_a_rollout_that_never_comes_may_be_null_endless_or_zero_before_all_times(never: Any) -> None:
    # did and csdid write 0; where 0 is itself a period, it is one.
    df = world().assign(week=lambda one: one["week"] + 2001, adopted=lambda one: one["adopted"] + 2001)
    other = df.assign(adopted=df["adopted"].fillna(never) if never is not None else df["adopted"].astype("Int64"))
    for control in ("never", "not_yet"):
        assert effect_of(other, control=control, anticipation=1) == effect_of(df, control=control, anticipation=1)
    first = check_of(effect_of(world().fillna({"adopted": 0})), "always_treated")
    assert first.detail.startswith("8 of 24")


def test_an_adoption_may_be_a_date_in_words_where_times_are_dates() -> None:
    day = np.datetime64("2026-01-05")
    df = world().assign(week=lambda one: day + 7 * one["week"].to_numpy().astype("timedelta64[D]"))
    words = df["adopted"].map(lambda at: None if math.isnan(at) else str(day + 7 * int(at)))
    assert effect_of(df.assign(adopted=words)).value == effect_of(world()).value
    assert effect_of(df.assign(adopted=pd.to_datetime(words), week=df["week"].dt.tz_localize("UTC"))).value == close(
        effect_of(world()).value
    )
    with pytest.raises(InvalidInput, match="cannot be held against"):
        effect_of(df)


@pytest.mark.parametrize("first", [0, 2001])
def test_a_column_that_says_who_is_treated_is_told_from_an_adoption_time(first: int) -> None:
    df = world().assign(week=lambda one: one["week"] + first)
    df["adopted"] = (df["week"] >= df["adopted"] + first).astype(int)
    with pytest.raises(InvalidInput, match="first time with it"):
        effect_of(df)


def test_one_covariate_needs_no_list() -> None:
    df = world().assign(load=lambda one: np.cos(one.index.to_numpy() ** 2))
    one, listed = (effect_of(df, method="imputation", covariates=name) for name in ("load", ["load"]))
    assert one == listed


# Misuse


def test_what_cannot_be_meant_is_named() -> None:
    df = world()
    with pytest.raises(InvalidInput, match="repeat"):
        effect_of(pd.concat([df, df.iloc[:1]]))
    with pytest.raises(InvalidInput, match="more than one value"):
        effect_of(df.assign(adopted=df["week"].where(df["week"] > 3)))
    with pytest.raises(UnknownName, match="Did you mean 'callaway_santanna'"):
        effect_of(df, method="callaway_santana")
    with pytest.raises(UnknownName, match="Did you mean 'team'"):
        rollout_effect(df, "y", "teem", "week", "adopted")
    with pytest.raises(InvalidInput, match="level"):
        effect_of(df, level=95)
    with pytest.raises(InvalidInput, match="anticipation"):
        effect_of(df, anticipation=-1)
    with pytest.raises(InvalidInput, match="no number"):
        effect_of(df.assign(y="a"))
    with pytest.raises(InvalidInput, match="infinite"):
        effect_of(df.assign(y=np.inf))
    with pytest.raises(InvalidInput, match="cannot be held against"):
        effect_of(df.assign(adopted="2026-01-01"))
    with pytest.raises(InvalidInput, match="two roles"):
        rollout_effect(df, "y", "team", "team", "adopted")
    with pytest.raises(InvalidInput, match="changes within a unit"):
        effect_of(df.assign(region=df["week"]), cluster="region")
