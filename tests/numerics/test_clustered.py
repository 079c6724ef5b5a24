"""What clustered variances promise: another implementation's numbers, brute force for CR2, laws, refusal of misuse."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.numerics.absorption import Absorption
from metricstack.numerics.clustered import (
    Regression,
    classical_error,
    clustered_spread,
    independent_columns,
    regression,
    robust_spread,
)

close = pytest.approx


def drawn(seed: int, *, weighted: bool = False) -> tuple[Regression, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draw an unbalanced panel and fit it: the fit, all columns with dummies, the outcome, units, periods."""
    rng = stream(seed, "clustered")
    unit, period = np.repeat(np.arange(7), 8), np.tile(np.arange(8), 7)
    kept = np.r_[True, rng.random(55) > 0.2]
    unit, period = (np.unique(codes[kept], return_inverse=True)[1] for codes in (unit, period))
    x = rng.normal(size=(len(unit), 2))
    y = x @ [0.5, 1.0] + rng.normal(size=7)[unit] + rng.normal(size=len(unit))
    effects = Absorption((unit, period), rng.uniform(0.5, 2, len(unit)) if weighted else None)
    dummies = np.hstack([np.eye(unit.max() + 1)[unit], np.eye(period.max() + 1)[period][:, 1:]])
    whole = np.hstack([x, dummies]) * effects.root[:, None]
    return regression(y, x, effects), whole, y * effects.root, unit, period


@pytest.mark.parametrize("weighted", [False, True])
def test_coefficients_and_errors_are_those_of_a_regression_on_dummies(weighted: bool) -> None:
    fit, whole, y, unit, _ = drawn(1, weighted=weighted)
    other = sm.OLS(y, whole).fit()
    assert fit.coefficients == close(other.params[:2])
    assert fit.freedom == other.df_resid
    assert classical_error(fit) == close(other.bse[0])
    plain = sm.OLS(y, whole).fit(cov_type="cluster", cov_kwds={"groups": unit, "use_correction": False})
    assert clustered_spread(fit, (unit,), kind="CR0").variance == close(plain.bse[0] ** 2)
    for kind in ("HC0", "HC1", "HC2", "HC3"):
        assert robust_spread(fit, kind=kind).variance == close(sm.OLS(y, whole).fit(cov_type=kind).bse[0] ** 2)


def test_the_small_sample_factor_leaves_nested_effects_out() -> None:
    # G / (G - 1) (N - 1) / (N - K): K = 2 slopes and 8 periods, the unit effects being nested in the clusters.
    fit, _, _, unit, period = drawn(2)
    g, n, k = unit.max() + 1, len(unit), 2 + period.max() + 1
    plain = clustered_spread(fit, (unit,), kind="CR0").variance
    found = clustered_spread(fit, (unit,), kind="CR1")
    assert found.variance == close(plain * g / (g - 1) * (n - 1) / (n - k))
    assert found.freedom == g - 1


def test_two_ways_of_clustering_add_and_take_off_their_crossing() -> None:
    fit, _, _, unit, period = drawn(3)
    along = fit.design @ fit.bread[:, 0] * fit.residuals
    same = (unit[:, None] == unit) | (period[:, None] == period)  # brute force: all pairs that share one
    found = clustered_spread(fit, (unit, period), kind="CR0")
    assert found.variance == close(along @ same @ along)
    assert found.freedom == min(unit.max(), period.max())


def test_the_fewer_clusters_of_two_ways_correct_all_three_parts() -> None:
    # pyfixest 0.60 and fixest by default (G_df = "min"); both effects are nested, so K = 2 slopes and a constant.
    fit, _, _, unit, period = drawn(3)
    g, n = min(unit.max(), period.max()) + 1, len(unit)
    plain = clustered_spread(fit, (unit, period), kind="CR0").variance
    found = clustered_spread(fit, (unit, period), kind="CR1")
    assert found.variance == close(plain * g / (g - 1) * (n - 1) / (n - 3))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_cr2_is_brute_force_on_the_full_matrices(seed: int, weighted: bool) -> None:
    fit, whole, y, unit, _ = drawn(seed, weighted=weighted)
    left = np.eye(len(y)) - whole @ np.linalg.pinv(whole)
    residual, variance, columns = left @ y, 0.0, []
    along = whole @ np.linalg.pinv(whole.T @ whole)[:, 0]
    for g in range(unit.max() + 1):
        rows = unit == g
        values, vectors = np.linalg.eigh(left[np.ix_(rows, rows)])
        root = np.where(values > 1e-8, 1 / np.sqrt(np.maximum(values, 1e-8)), 0.0)
        own = vectors @ (root * (vectors.T @ along[rows]))
        variance += (own @ residual[rows]) ** 2
        columns.append(left[:, rows] @ own)
    moment = np.array(columns) @ np.array(columns).T
    found = clustered_spread(fit, (unit,), kind="CR2")
    assert found.variance == close(variance, rel=1e-7)
    assert found.freedom == close(np.trace(moment) ** 2 / (moment**2).sum(), rel=1e-6)


def test_cr2_of_two_means_is_welch() -> None:
    # Rows as clusters: each arm's variance over its size. Bell and McCaffrey take equal variances for granted, so that
    # two arms of 10 give Welch's degrees of freedom for those: 18.
    rng = stream(1, "welch")
    y, arm = rng.normal(size=20), np.repeat([0.0, 1.0], 10)
    fit = regression(y, arm[:, None], Absorption((np.zeros(20, dtype=np.int64),)))
    found = clustered_spread(fit, (np.arange(20),), kind="CR2")
    assert found.variance == close(y[:10].var(ddof=1) / 10 + y[10:].var(ddof=1) / 10)
    assert found.freedom == close(18.0)


def test_cr2_is_unbiased_where_rows_are_independent() -> None:
    # Truth: sigma^2 times the bread. 1,000 draws of 8 clusters; the mean of a scaled chi-square of about 4 degrees of
    # freedom has a relative error of sqrt(2 / 4 / 1000) = 2.2 %; three of them.
    rng = stream(1, "unbiased")
    unit = np.repeat(np.arange(8), [3, 5, 8, 4, 6, 10, 2, 7])
    x = rng.normal(size=(len(unit), 1)) + rng.normal(size=8)[unit][:, None]
    effects = Absorption((np.zeros(len(unit), dtype=np.int64),))
    found, bread = [], 0.0
    for _ in range(1000):
        fit = regression(rng.normal(size=len(unit)), x, effects)
        found.append(clustered_spread(fit, (unit,), kind="CR2").variance)
        bread = float(fit.bread[0, 0])
    assert np.mean(found) == close(bread, rel=0.067)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.01, 100), st.sampled_from(["CR0", "CR1", "CR2"]))
def test_scale_carries_over_and_names_of_clusters_do_not_matter(seed: int, scale: float, kind: str) -> None:
    fit, _, _, unit, _ = drawn(seed)
    renamed = stream(seed, "names").permutation(unit.max() + 1)[unit]
    plain, other = (clustered_spread(fit, (codes,), kind=kind) for codes in (unit, renamed))
    assert other.variance == close(plain.variance)
    assert other.freedom == close(plain.freedom)
    stretched = regression(fit.outcome * scale, fit.design, Absorption((np.zeros(len(unit), dtype=np.int64),)))
    flat = regression(fit.outcome, fit.design, Absorption((np.zeros(len(unit), dtype=np.int64),)))
    assert clustered_spread(stretched, (unit,), kind=kind).variance == close(
        scale**2 * clustered_spread(flat, (unit,), kind=kind).variance
    )


def test_columns_that_repeat_others_or_the_effects_are_found() -> None:
    one = Absorption((np.array([0, 0, 1, 1, 2, 2]),))
    x = np.array([1.0, 2.0, 3.0, 5.0, 8.0, 13.0])
    constant_in_group = np.array([4.0, 4.0, 5.0, 5.0, 9.0, 9.0])
    assert independent_columns(np.column_stack([x, constant_in_group, 1e6 * x + constant_in_group, x**2]), one) == [
        0,
        3,
    ]
    with pytest.raises(InvalidInput, match="does not vary"):
        regression(x, np.zeros((6, 1)), one)
    with pytest.raises(InvalidInput, match="not independent"):
        regression(x, np.column_stack([x**2, 2 * x**2]), one)


def test_what_cannot_be_meant_is_named() -> None:
    fit, _, _, unit, period = drawn(1)
    with pytest.raises(UnknownName, match="CR2"):
        clustered_spread(fit, (unit,), kind="CR3")
    with pytest.raises(UnknownName, match="HC3"):
        robust_spread(fit, kind="HC4")
    with pytest.raises(InvalidInput, match="two clusters or more"):
        clustered_spread(fit, (np.zeros(len(unit), dtype=np.int64),))
    with pytest.raises(InvalidInput, match="Choose CR1"):
        clustered_spread(fit, (unit, period), kind="CR2")
    with pytest.raises(InvalidInput, match="one row of each"):
        regression(np.zeros(3), np.zeros((2, 1)), fit.effects)
