"""What `adjusted_effect` promises: saturated cells by hand, another implementation, double robustness, refusals."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Reason, Refusal
from metricstack.linkage.adjusted import AdjustedEffect, adjusted_effect
from tests.linkage.panel_data import table

close = pytest.approx
MODELLED = ("weighting", "standardisation", "doubly_robust")
NSW = ["age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75"]


def found(answer: AdjustedEffect | Refusal) -> AdjustedEffect:
    assert isinstance(answer, AdjustedEffect), answer
    return answer


def cells() -> pd.DataFrame:
    """Two strata: used 28 of 40 and 8 of 40; effects of use -2 in the first, +1 in the second; noise of ±1."""
    old, used = np.repeat([1, 1, 0, 0], [28, 12, 8, 32]), np.repeat([1, 0, 1, 0], [28, 12, 8, 32])
    return pd.DataFrame(
        {"old": old, "used": used, "y": 10 + 5 * old + np.where(old, -2, 1) * used + np.tile([1.0, -1.0], 40)}
    )


def confounded(seed: int, *, rows: int = 800, curved: bool = False) -> pd.DataFrame:
    """Draw rows whose covariate moves treatment and outcome; the effect is 1 for all."""
    rng = stream(seed, "confounded")
    x, w = rng.normal(size=(2, rows))
    odds = 0.8 * x - 0.5 * w + (0.6 * x**2 - 0.6 if curved else 0.0)
    t = (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(float)
    y = t + 2 * x + w + (x**2 if curved else 0.0) + rng.normal(size=rows)
    return pd.DataFrame({"x": x, "w": w, "sq": x**2, "t": t, "y": y})


@pytest.mark.parametrize("method", MODELLED)
def test_in_saturated_cells_all_methods_are_the_weighted_mean_of_the_cells(method: str) -> None:
    # (40 · -2 + 40 · 1) / 80 of all; (28 · -2 + 8 · 1) / 36 of the treated.
    assert found(adjusted_effect(cells(), "y", "used", "old", method=method)).value == close(-0.5)  # type: ignore[arg-type]
    answer = found(adjusted_effect(cells(), "y", "used", "old", method=method, target="treated"))  # type: ignore[arg-type]
    assert answer.value == close(-48 / 36)
    assert answer.target == "treated"


@pytest.mark.parametrize("target", ["all", "treated"])
def test_in_saturated_cells_all_errors_are_one(target: Any) -> None:
    # Saturated models of outcome and treatment are the same estimator, and so have the same influence function.
    errors = [
        found(adjusted_effect(cells(), "y", "used", "old", method=method, target=target)).standard_error
        for method in MODELLED
    ]  # type: ignore[arg-type]
    assert errors[1] == close(errors[0])
    assert errors[2] == close(errors[0])


def test_regression_agrees_with_another_implementation() -> None:
    df = table("nsw")
    other = sm.OLS(df.re78, sm.add_constant(df[["treat", *NSW]])).fit(cov_type="HC3", use_t=True)
    answer = found(adjusted_effect(df, "re78", "treat", NSW, method="regression"))
    assert answer.value == close(other.params["treat"])
    assert answer.standard_error == close(other.bse["treat"], rel=1e-6)
    assert answer.p_value == close(other.pvalues["treat"], rel=1e-5)


def test_weighting_agrees_with_weighted_means_of_another_implementations_propensities() -> None:
    df = table("nsw")
    e = sm.Logit(df.treat, sm.add_constant(df[NSW])).fit(disp=False).predict()
    w = np.where(df.treat == 1, 1 / e, 1 / (1 - e))
    arms = [np.average(df.re78[df.treat == arm], weights=w[df.treat == arm]) for arm in (0, 1)]
    answer = found(adjusted_effect(df, "re78", "treat", NSW, method="weighting"))
    assert answer.value == close(arms[1] - arms[0], rel=1e-5)  # two optimisers' stopping rules
    worth = [w[df.treat == arm].sum() ** 2 / (w[df.treat == arm] ** 2).sum() for arm in (0, 1)]
    assert answer.effective == (close(worth[0], rel=1e-5), close(worth[1], rel=1e-5))


def test_standardisation_agrees_with_predictions_of_another_implementation() -> None:
    df = table("nsw").assign(employed=lambda d: (d.re78 > 0).astype(int))
    x, gaps = sm.add_constant(df[["age", "educ", "re75"]]), []
    for arm in (0, 1):
        gaps.append(sm.Logit(df.employed[df.treat == arm], x[df.treat == arm]).fit(disp=False).predict(x).mean())
    answer = found(adjusted_effect(df, "employed", "treat", ["age", "educ", "re75"], method="standardisation"))
    assert answer.value == close(gaps[1] - gaps[0], rel=1e-5)
    assert "logistic" in answer.estimate.method


def test_those_not_randomised_are_brought_near_the_experiment() -> None:
    # The experiment says $1,794; against a survey's men the plain difference is -$8,498 (Dehejia and Wahba 1999,
    # table 3). Here the reweighted controls are the experiment's own, whose chance differences are small.
    answer = found(adjusted_effect(table("nsw"), "re78", "treat", NSW, method="doubly_robust", target="treated"))
    assert 1500 < answer.value < 2000
    assert next(one for one in answer.checks if one.name == "balance").passed


def test_doubly_robust_survives_either_wrong_model_but_not_both() -> None:
    # Truth 1. Errors of about 0.03 at 20,000 rows; the models that leave the curve out are 0.3 off and more.
    df = confounded(1, rows=20_000, curved=True)
    right = found(adjusted_effect(df, "y", "t", ["x", "w", "sq"], method="doubly_robust"))
    assert right.value == close(1.0, abs=0.1)
    assert abs(found(adjusted_effect(df, "y", "t", ["x", "w"], method="doubly_robust")).value - 1) > 0.3
    # Straight in the outcome, curved in the treatment: the outcome's model is right, the propensity is not.
    half = df.assign(y=df.y - df.sq)
    assert found(adjusted_effect(half, "y", "t", ["x", "w"], method="doubly_robust")).value == close(1.0, abs=0.1)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.1, 100), st.floats(-50, 50), st.sampled_from(["regression", *MODELLED]))
def test_scale_and_origin_of_outcome_and_covariates_carry_over(
    seed: int, scale: float, shift: float, method: Any
) -> None:
    df = confounded(seed, rows=200)
    plain = adjusted_effect(df, "y", "t", ["x", "w"], method=method)
    moved = adjusted_effect(
        df.assign(y=scale * df.y + shift, x=scale * df.x - shift), "y", "t", ["x", "w"], method=method
    )
    if isinstance(plain, Refusal):
        assert isinstance(moved, Refusal)
        return
    assert found(moved).value == close(scale * plain.value, rel=1e-5, abs=1e-6 * scale)
    assert found(moved).standard_error == close(scale * plain.standard_error, rel=1e-5)  # type: ignore[operator]


@pytest.mark.parametrize("method", ["regression", *MODELLED])
def test_the_interval_covers_the_truth_about_95_percent_of_the_time(method: Any) -> None:
    # 150 draws of 800 rows: Monte Carlo error of a 95 % rate is 1.8 points; three of them.
    hits = 0
    for seed in range(150):
        answer = found(adjusted_effect(confounded(seed), "y", "t", ["x", "w"], method=method))
        hits += answer.low <= 1 <= answer.high  # type: ignore[operator]
    assert hits / 150 > 0.89


def test_rows_of_one_cluster_count_once() -> None:
    df = confounded(1, rows=400)
    copied = pd.concat([df.assign(id=range(400))] * 5)
    for method in ("weighting", "standardisation", "doubly_robust"):
        one = found(adjusted_effect(df, "y", "t", ["x", "w"], method=method))  # type: ignore[arg-type]
        five = found(adjusted_effect(copied, "y", "t", ["x", "w"], method=method, cluster="id"))  # type: ignore[arg-type]
        assert (five.value, five.n) == (close(one.value), 400)
        assert five.standard_error == close(one.standard_error)


def test_data_that_cannot_answer_are_refused() -> None:
    df = confounded(1)
    apart = df.assign(t=(df.x > 0).astype(int))
    hardly = confounded(2).assign(t=lambda d: (d.x + 0.1 * d.w > -2.2).astype(int))
    hardly.loc[hardly.index[:3], "t"] = 1 - hardly.t[:3]
    for frame, method, reason in (
        (apart, "weighting", Reason.UNSTABLE), (apart, "doubly_robust", Reason.UNSTABLE),
        (hardly, "weighting", Reason.UNSTABLE), (df.assign(t=1), "weighting", Reason.NO_VARIATION),
        (df.assign(y=np.nan), "weighting", Reason.NO_DATA), (df[:4], "regression", Reason.TOO_FEW_UNITS),
        (df.assign(t=df.x), "regression", Reason.NO_VARIATION), (df.assign(y=0.0), "regression", Reason.NO_VARIATION),
    ):  # fmt: skip
        answer = adjusted_effect(frame, "y", "t", ["x", "w"], method=method)  # type: ignore[arg-type]
        assert isinstance(answer, Refusal)
        assert answer.reason is reason


def test_what_cannot_be_meant_is_named() -> None:
    df = confounded(1)
    with pytest.raises(UnknownName, match="weighting"):
        adjusted_effect(df, "y", "t", "x", method="weightning")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="needs covariates"):
        adjusted_effect(df, "y", "t", method="weighting")
    with pytest.raises(InvalidInput, match="more than 0 and 1"):
        adjusted_effect(df, "y", "w", "x", method="weighting")
    with pytest.raises(InvalidInput, match="another method"):
        adjusted_effect(df, "y", "t", "x", method="regression", target="treated")
    with pytest.raises(InvalidInput, match="800 levels"):
        adjusted_effect(df.assign(x=[str(i) for i in range(800)]), "y", "t", "x")
