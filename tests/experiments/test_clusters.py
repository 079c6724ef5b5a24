"""What `cluster_difference` promises: SciPy's and statsmodels' numbers, laws, level of few clusters, refusals."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Moments, Reason, Refusal
from metricstack.experiments.clusters import cluster_difference
from metricstack.experiments.effect import Effect

close = pytest.approx


def found(answer: Effect | Refusal) -> Effect:
    assert isinstance(answer, Effect), answer
    return answer


# by hand and by others -------------------------------------------------------------------------------------------


def test_a_ratio_over_clusters_agrees_with_a_calculation_by_hand() -> None:
    # Control: sums 10, 30, 20 over 5, 10, 5: R = 60/20 = 3; residuals -5, 0 and 5: squares 50, over 20² and times 3/2:
    # 0.1875. Treatment: sums 20, 28 over 5, 7: R = 4: residuals 0 and 0. Degrees of freedom are control's: sizes 5, 10
    # and 5 speak as 20² / (25 + 100 + 25) = 8/3 equal ones, less one.
    effect = found(cluster_difference(control=([10, 30, 20], [5, 10, 5]), treatment=([20, 28], [5, 7])))
    assert effect.value == close(1.0)
    assert effect.standard_error == close(0.1875**0.5)
    assert (effect.freedom, effect.n) == (close(5 / 3), 5)


def test_one_number_per_cluster_is_welchs_t_test() -> None:
    a, b = [10.0, 12.0, 15.0, 11.0], [13.0, 17.0, 16.0, 20.0, 15.0]
    theirs = ttest_ind(b, a, equal_var=False)
    effect = found(cluster_difference(control=a, treatment=b))
    assert (effect.p_value, effect.freedom) == (close(theirs.pvalue), close(theirs.df))
    assert (effect.low, effect.high) == close(tuple(theirs.confidence_interval()))


def test_cr1_is_the_clustered_regression_of_statsmodels() -> None:
    control, treatment = ([10.0, 30.0, 21.0], [5, 12, 9]), ([20.0, 25.0, 40.0], [7, 10, 11])
    sizes = np.array(control[1] + treatment[1])
    rows = np.repeat(np.array(control[0] + treatment[0]) / sizes, sizes)
    groups, arm = np.repeat(np.arange(6), sizes), np.repeat([0.0, 0, 0, 1, 1, 1], sizes)
    fit = sm.OLS(rows, sm.add_constant(arm)).fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
    effect = found(cluster_difference(control=control, treatment=treatment, method="cr1"))
    assert effect.value == close(fit.params[1])
    assert effect.standard_error == close(fit.bse[1])
    assert (effect.p_value, effect.freedom) == (close(fit.pvalues[1]), 5)


# laws ------------------------------------------------------------------------------------------------------------

arms = st.integers(0, 10**6).map(
    lambda seed: (stream(seed, "sums").normal(50, 10, 8), stream(seed, "sizes").uniform(5, 15, 8))
)


@given(arms, arms)
def test_moments_over_clusters_say_what_the_sums_say(a: tuple, b: tuple) -> None:
    plain = found(cluster_difference(control=a, treatment=b))
    summed = found(
        cluster_difference(
            control=Moments.of_samples(sum=a[0], size=a[1]), treatment=Moments.of_samples(sum=b[0], size=b[1])
        )
    )
    assert (summed.value, summed.low) == (close(plain.value), close(plain.low))


@given(arms, arms, st.floats(0.1, 10))
def test_neither_swapping_nor_measuring_otherwise_changes_the_test(a: tuple, b: tuple, scale: float) -> None:
    plain = found(cluster_difference(control=a, treatment=b))
    swapped = found(cluster_difference(control=b, treatment=a))
    scaled = found(cluster_difference(control=(a[0] * scale, a[1]), treatment=(b[0] * scale, b[1])))
    assert swapped.value == -plain.value
    assert scaled.p_value == close(plain.p_value)
    assert swapped.p_value == close(plain.p_value)


@given(arms, arms)
def test_the_lift_has_the_p_value_of_the_difference_and_agrees_with_it(a: tuple, b: tuple) -> None:
    plain = found(cluster_difference(control=a, treatment=b))
    lift = cluster_difference(control=a, treatment=b, relative=True)
    assume(isinstance(lift, Effect))
    lift = found(lift)
    assert lift.p_value == plain.p_value
    assert (lift.p_value < 0.05) == (not lift.low <= 0 <= lift.high)  # type: ignore[operator]


def test_a_rise_of_a_negative_control_is_a_positive_fraction_of_its_size() -> None:
    # Net amounts: from -10 to -8 is up by a fifth; mirrored, the same values fall by a fifth.
    up = found(cluster_difference(control=[-10.0, -9.0, -11.0], treatment=[-8.0, -7.0, -9.0], relative=True))
    down = found(cluster_difference(control=[10.0, 9.0, 11.0], treatment=[8.0, 7.0, 9.0], relative=True))
    assert up.value == close(0.2)
    assert (up.low, up.high) == (close(-down.high), close(-down.low))  # type: ignore[operator]


# calibration -----------------------------------------------------------------------------------------------------


def test_twelve_clusters_counted_as_rows_are_false_half_of_the_time_and_by_cluster_near_5_percent() -> None:
    # No effect; 6 clusters an arm of 20 to 180 rows, correlation 0.08. 2,000 draws: Monte Carlo error of 5 % is 0.5
    # points. Measured: rows 56 %, Welch 5.3 %, t(G - 1) with CR1 7.3 % (and 12 % of six clusters: hence Welch).
    rng, draws = stream(1, "clusters"), 2000
    sizes = rng.integers(20, 180, (2, draws, 6))
    sums = sizes * rng.normal(0, 0.3, sizes.shape) + np.sqrt(sizes) * rng.normal(0, 1, sizes.shape)
    hits = dict.fromkeys(("welch", "cr1"), 0)
    for draw in range(draws):
        control, treatment = ((sums[arm, draw], sizes[arm, draw]) for arm in (0, 1))
        for method in hits:
            effect = found(cluster_difference(control=control, treatment=treatment, method=method))
            hits[method] += effect.p_value < 0.05  # type: ignore[operator]
    # Of rows: mean of the arm's rows with variance 1 + 0.09 over the number of rows.
    means, rows = sums.sum(axis=2) / sizes.sum(axis=2), sizes.sum(axis=2)
    z = (means[1] - means[0]) / np.sqrt(1.09 * (1 / rows).sum(axis=0))
    assert (np.abs(z) > 1.96).mean() > 0.4
    assert 0.035 < hits["welch"] / draws < 0.065
    assert 0.045 < hits["cr1"] / draws < 0.095


# refusal ---------------------------------------------------------------------------------------------------------


def test_an_arm_of_one_large_cluster_and_specks_says_nothing_of_chance() -> None:
    answer = cluster_difference(control=([9000.0, 5.0, 6.0], [9000, 1, 1]), treatment=([20.0, 25.0], [7, 10]))
    assert isinstance(answer, Refusal)
    assert answer.reason is Reason.TOO_FEW_UNITS
    assert "control" in answer.detail


@pytest.mark.parametrize(
    ("control", "reason"),
    [
        (([1.0], [2.0]), Reason.TOO_FEW_UNITS),
        ([], Reason.TOO_FEW_UNITS),
        (([1.0, 2.0], [0.0, 0.0]), Reason.UNDEFINED_RATIO),
    ],
)
def test_arms_without_clusters_are_refused(control: tuple, reason: Reason) -> None:
    answer = cluster_difference(control=control, treatment=([1.0, 3.0], [2.0, 2.0]))
    assert isinstance(answer, Refusal)
    assert answer.reason == reason


def test_clusters_that_are_all_alike_are_refused() -> None:
    answer = cluster_difference(control=[1.0, 1.0], treatment=[2.0, 2.0])
    assert isinstance(answer, Refusal)
    assert answer.reason == Reason.NO_VARIATION


def test_a_lift_over_control_near_zero_is_refused() -> None:
    answer = cluster_difference(control=[-1.0, 1.2, 0.1], treatment=[1.0, 2.0, 3.0], relative=True)
    assert isinstance(answer, Refusal)
    assert answer.reason == Reason.MEAN_TOO_CLOSE_TO_ZERO


def test_fewer_than_40_clusters_are_warned_of() -> None:
    rng = stream(2, "forty")
    few, many = (found(cluster_difference(control=rng.normal(size=g), treatment=rng.normal(size=g))) for g in (6, 20))
    assert [check.passed for check in few.checks] == [False]
    assert [check.passed for check in many.checks] == [True]


# misuse ----------------------------------------------------------------------------------------------------------


def test_inputs_that_do_not_fit_are_named() -> None:
    good = ([1.0, 2.0], [3.0, 4.0])
    with pytest.raises(InvalidInput, match="unequal length"):
        cluster_difference(control=([1.0, 2.0], [3.0]), treatment=good)
    with pytest.raises(InvalidInput, match="sizes of control hold -3"):
        cluster_difference(control=([1.0, 2.0], [-3.0, 4.0]), treatment=good)
    with pytest.raises(UnknownName, match="welsh"):
        cluster_difference(control=good, treatment=good, method="welsh")
    with pytest.raises(InvalidInput, match="counts rows"):
        cluster_difference(control=([1.0, 2.0], [0.1, 0.2]), treatment=([1.0, 2.0], [0.1, 0.2]), method="cr1")
    with pytest.raises(InvalidInput, match="level"):
        cluster_difference(control=good, treatment=good, level=1.0)
