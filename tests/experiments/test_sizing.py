"""What planning promises: the sizes of statsmodels and of textbooks, and that the power planned is the power had."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import TTestIndPower
from statsmodels.stats.proportion import power_proportions_2indep

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.core.values import Moments, Reason, Refusal
from metricstack.experiments.planning import Plan
from metricstack.experiments.sequential import group_sequential_bounds
from metricstack.experiments.sizing import minimum_detectable_effect, power, sample_size

close = pytest.approx
UNIT = Moments.of(1000, 0.0, 1.0)


def plan(found: Plan | Refusal) -> Plan:
    assert isinstance(found, Plan)
    return found


# By hand, and by another implementation


def test_cohens_medium_effect_needs_64_an_arm() -> None:
    # Cohen (1988), table 2.4.1: d = 0.5, power 0.80, two-sided 0.05: n = 64. With power 0.90 statsmodels'
    # TTestIndPower().solve_power(0.5, power=0.9, alpha=0.05) is 85.03.
    assert plan(sample_size(effect=0.5, control=UNIT)).control == 64
    assert plan(sample_size(effect=0.5, control=UNIT, power=0.9)).control == 86


@given(
    st.floats(0.05, 1.5), st.integers(4, 3000), st.floats(0.2, 5.0), st.sampled_from([1, 2])
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_power_of_a_mean_is_that_of_statsmodels(d: float, first: int, ratio: float, sided: int) -> None:
    second = max(round(first * ratio), 4)
    n = first + second
    alternative = "two-sided" if sided == 2 else "larger"
    wanted = TTestIndPower().power(d, first, 0.05, ratio=second / first, alternative=alternative)
    found = plan(power(effect=d, n=n, control=UNIT, treatment_share=second / n, sided=sided))
    # Far out SciPy's noncentral t, and with it statsmodels, is NaN; there the power is 1.
    assert found.power == close(1.0 if math.isnan(wanted) else wanted, abs=1e-6)


@given(st.floats(0.02, 0.9), st.floats(-0.015, 0.08), st.integers(50, 20_000), st.floats(0.3, 3.0))
@settings(max_examples=60, deadline=None)
def test_power_of_a_proportion_is_that_of_statsmodels(p: float, gap: float, first: int, ratio: float) -> None:
    # Treatment is statsmodels' first sample: nobs1, nobs2 = nobs1 * ratio.
    n = first + round(first * ratio)
    wanted = power_proportions_2indep(gap, p, first, ratio=(n - first) / first).power
    assert plan(power(effect=gap, n=n, control=p, treatment_share=first / n)).power == close(wanted, abs=1e-9)


def test_ten_to_twelve_per_cent_needs_3841_an_arm() -> None:
    # Fleiss, Levin and Paik (2003), chapter 4: (1.959964 sqrt(2 * 0.11 * 0.89) + 0.841621 sqrt(0.1 * 0.9 +
    # 0.12 * 0.88))^2 / 0.02^2 = (0.867305 + 0.372187)^2 / 0.0004 = 3840.85.
    found = plan(sample_size(effect=0.02, control=0.10, traffic=500))
    assert (found.control, found.treatment, found.days) == (3841, 3841, 7682 / 500)


def test_noninferiority_of_two_equal_rates_by_hand() -> None:
    # (1.959964 + 0.841621)^2 * 2 * 0.25 / 0.05^2 = 1569.78 an arm.
    assert plan(sample_size(effect=0.0, control=0.5, margin=0.05, alpha=0.025)).control == 1570


def test_a_ratio_is_planned_with_the_variance_of_the_delta_method() -> None:
    # R = 3/2; (2 - 2 * 1.5 * 0.5 + 2.25 * 1) / 2^2 = 0.6875; (2.801585)^2 * 0.6875 * 4 / 0.1^2 = 2158.44.
    past = Moments(501, np.array([3.0, 2.0]), 500 * np.array([[2.0, 0.5], [0.5, 1.0]]), ("clicks", "views"))
    found = plan(sample_size(effect=0.1, control=past))
    assert (found.n, found.relative_effect) == (2160, close(0.1 / 1.5))


def test_clusters_cost_the_design_effect() -> None:
    # 1 + 19 * 0.05 = 1.95 times the variance, t with 2 * 50 - 2 degrees of freedom.
    wanted = stats.nct.sf(stats.t.isf(0.025, 98), 98, 0.2 / math.sqrt(1.95 * 4 / 2000))
    found = plan(power(effect=0.2, n=2000, control=UNIT, icc=0.05, cluster_size=20))
    assert (found.power, found.clusters) == (close(wanted, abs=1e-6), 100)


def test_covariates_and_looks_change_n_by_their_factors() -> None:
    plain = plan(sample_size(effect=0.02, control=UNIT)).n
    assert plan(sample_size(effect=0.02, control=UNIT, variance_reduction=0.4)).n == close(0.6 * plain, rel=1e-3)
    design = group_sequential_bounds(5, spending="pocock")
    looked = plan(sample_size(effect=0.02, control=UNIT, design=design))
    assert looked.n / plain == close(design.inflation(0.8), rel=1e-3)
    assert looked.inflation == close(design.inflation(0.8))


# Laws


@given(st.floats(0.02, 0.5), st.floats(0.3, 0.95), st.floats(0.2, 0.8), st.sampled_from([1, 2]))
@settings(max_examples=40, deadline=None)
def test_the_three_questions_agree(effect: float, wanted: float, share: float, sided: int) -> None:
    size = plan(sample_size(effect=effect, control=UNIT, power=wanted, treatment_share=share, sided=sided))
    assert size.power >= wanted - 1e-9
    again = plan(power(effect=effect, n=size.n, control=UNIT, treatment_share=share, sided=sided))
    assert again.power == close(size.power)
    seen = plan(minimum_detectable_effect(n=size.n, control=UNIT, power=wanted, treatment_share=share, sided=sided))
    assert seen.effect <= effect * (1 + 1e-9)
    assert seen.effect == close(effect, rel=0.06)  # n is whole: one unit more of 30 changes the effect by 2 %


@given(st.floats(0.05, 0.6), st.integers(100, 100_000))
@settings(max_examples=30, deadline=None)
def test_the_smallest_effect_of_a_rate_has_the_power(p: float, n: int) -> None:
    found = minimum_detectable_effect(n=n, control=p)
    if isinstance(found, Plan):
        assert plan(power(effect=found.effect, n=n, control=p)).power == close(0.8, abs=1e-6)


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_the_smallest_effect_grows_with_the_metrics_scale(scale: float) -> None:
    small = plan(minimum_detectable_effect(n=500, control=Moments.of(1000, 0.0, scale**2)))
    assert small.effect == close(scale * plan(minimum_detectable_effect(n=500, control=UNIT)).effect, rel=1e-9)


def test_clusters_that_vary_cost_more() -> None:
    # 1 + ((1 + 0.5^2) 20 - 1) 0.05 = 2.2 in place of 1.95; Eldridge, Ashby and Kerry (2006).
    many = {"effect": 0.01, "control": UNIT, "icc": 0.05, "cluster_size": 20}
    even, uneven = plan(sample_size(**many)), plan(sample_size(**many, cluster_variation=0.5))  # type: ignore[arg-type]
    assert uneven.n / even.n == close(2.2 / 1.95, rel=1e-3)


def test_a_relative_effect_is_the_absolute_one_over_control() -> None:
    past = Moments.of(1000, 20.0, 64.0)
    relative = plan(sample_size(effect=0.05, control=past, relative=True))
    assert relative.n == plan(sample_size(effect=1.0, control=past)).n
    assert (relative.effect, relative.relative_effect) == (close(1.0), close(0.05))


def test_equal_arms_are_best() -> None:
    sizes = [plan(sample_size(effect=0.1, control=UNIT, treatment_share=share)).n for share in (0.5, 0.4, 0.2, 0.05)]
    assert sizes == sorted(sizes)


def test_a_long_way_off_nothing_is_a_number_that_is_none() -> None:
    assert plan(power(effect=500.0, n=100, control=UNIT)).power == 1.0
    assert plan(power(effect=0.0, n=100, control=UNIT)).power == close(0.05)


# Calibration


def test_simulated_experiments_find_the_effect_as_often_as_planned() -> None:
    # 20,000 experiments each: Monte Carlo error 0.0028; three of them are allowed, and 0.004 for Welch's own t.
    random = stream(21, "power")
    size = plan(sample_size(effect=0.5, control=UNIT, treatment_share=0.25))
    a, b = random.normal(size=(20_000, size.control)), random.normal(0.5, size=(20_000, size.treatment))
    assert float((stats.ttest_ind(b, a, axis=1, equal_var=False).pvalue < 0.05).mean()) == close(size.power, abs=0.0125)


def test_simulated_clusters_find_the_effect_as_often_as_planned() -> None:
    random = stream(22, "clusters")
    size = plan(power(effect=0.3, n=600, control=UNIT, icc=0.1, cluster_size=20))
    noise = random.normal(size=(20_000, 30, 1)) * math.sqrt(0.1)
    means = noise[:, :, 0] + random.normal(size=(20_000, 30)) * math.sqrt(0.9 / 20)
    means[:, :15] += 0.3
    p = stats.ttest_ind(means[:, :15], means[:, 15:], axis=1).pvalue
    assert float((p < 0.05).mean()) == close(size.power, abs=0.011)


# Refusal


def test_what_cannot_be_planned_is_refused() -> None:
    still = Moments.of(100, 5.0, 0.0)
    nothing = Moments(100, np.array([3.0, 0.0]), np.eye(2), ("clicks", "views"))
    for found, reason in (
        (sample_size(effect=1.0, control=still), Reason.NO_VARIATION),
        (sample_size(effect=0.1, control=nothing), Reason.UNDEFINED_RATIO),
        (sample_size(effect=0.1, control=UNIT, relative=True), Reason.MEAN_TOO_CLOSE_TO_ZERO),
        (sample_size(effect=1e-9, control=UNIT), Reason.TOO_FEW_UNITS),
        (minimum_detectable_effect(n=10, control=0.9), Reason.TOO_FEW_UNITS),
        (power(effect=1.0, n=10, control=Moments.of(1, 0.0, 0.0)), Reason.TOO_FEW_UNITS),
    ):
        assert isinstance(found, Refusal)
        assert found.reason == reason


# Misuse


def test_arguments_out_of_range_are_errors() -> None:
    three = Moments(9, np.zeros(3), np.eye(3), ("a", "b", "c"))
    for call in (
        lambda: sample_size(effect=0.0, control=UNIT),
        lambda: sample_size(effect=math.nan, control=UNIT),
        lambda: sample_size(effect=-0.1, control=UNIT, margin=0.05),
        lambda: sample_size(effect=0.0, control=UNIT, margin=0.05, sided=2),
        lambda: sample_size(effect=0.1, control=UNIT, power=1.0),
        lambda: sample_size(effect=0.1, control=UNIT, power=0.01),
        lambda: sample_size(effect=0.1, control=UNIT, treatment_share=1.0),
        lambda: sample_size(effect=0.1, control=UNIT, variance_reduction=1.0),
        lambda: sample_size(effect=0.1, control=UNIT, icc=-0.1),
        lambda: sample_size(effect=0.1, control=UNIT, traffic=0),
        lambda: sample_size(effect=0.1, control=1.5),
        lambda: sample_size(effect=0.6, control=0.5),
        lambda: sample_size(effect=0.1, control=three),
        lambda: power(effect=0.1, n=3, control=UNIT),
        lambda: power(effect=0.1, n=-10, control=UNIT),
    ):
        with pytest.raises(InvalidInput):
            call()
