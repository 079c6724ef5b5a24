"""What families of tests promise: the numbers of statsmodels, and an error that does not grow with the questions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.oneway import anova_oneway

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Estimate, Reason, Refusal
from metricstack.experiments.effect import Effect, effect
from metricstack.experiments.families import AdjustedPValues, Heterogeneity, adjust, effect_contrast, heterogeneity

close = pytest.approx
_THEIRS = {"bonferroni": "bonferroni", "holm": "holm", "hochberg": "simes-hochberg", "bh": "fdr_bh", "by": "fdr_by"}


def adjusted(found: AdjustedPValues | Refusal) -> AdjustedPValues:
    assert isinstance(found, AdjustedPValues)
    return found


def weighed(found: Heterogeneity | Refusal) -> Heterogeneity:
    assert isinstance(found, Heterogeneity)
    return found


# By hand, and by another implementation


def test_four_p_values_by_hand() -> None:
    p = [0.01, 0.02, 0.03, 0.04]
    assert adjusted(adjust(p, "bonferroni")).adjusted == close((0.04, 0.08, 0.12, 0.16))
    assert adjusted(adjust(p, "holm")).adjusted == close((0.04, 0.06, 0.06, 0.06))
    assert adjusted(adjust(p, "hochberg")).adjusted == close((0.04, 0.04, 0.04, 0.04))
    assert adjusted(adjust(p, "bh")).adjusted == close((0.04, 0.04, 0.04, 0.04))
    assert adjusted(adjust(p, "by")).adjusted == close((0.04 * 25 / 12,) * 4)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=25), st.sampled_from(sorted(_THEIRS)))
def test_adjusted_p_values_are_those_of_statsmodels(p: list[float], method: str) -> None:
    wanted = multipletests(p, alpha=0.05, method=_THEIRS[method])[1]
    assert adjusted(adjust(p, method)).adjusted == close(tuple(wanted), abs=1e-12)


def test_heterogeneity_is_that_of_statsmodels() -> None:
    values, errors = np.array([0.1, 0.5, -0.2, 0.3]), np.array([0.1, 0.2, 0.15, 0.05])
    theirs = combine_effects(values, errors**2, method_re="chi2")
    found = weighed(heterogeneity(list(zip(values, errors, strict=True))))
    assert found.q == close(theirs.q)
    assert found.tau_squared == close(theirs.tau2)
    assert found.pooled.value == close(theirs.mean_effect_fe)
    assert found.pooled.standard_error == close(theirs.sd_eff_w_fe)
    assert found.i_squared == close(theirs.i2)
    assert found.p_value == close(stats.chi2.sf(theirs.q, 3))


def test_of_errors_that_are_estimated_it_is_welchs_analysis_of_variance() -> None:
    # An arm of its own is an effect too: its mean, the error of the mean, and n - 1 degrees of freedom.
    samples = [[3.1, 4.2, 5.9, 2.2], [6.0, 7.5, 5.1, 9.9, 8.8], [1.0, 1.4, 0.7], [4.4, 9.0, 2.0, 6.1, 7.7, 3.3]]
    theirs = anova_oneway(samples, use_var="unequal")
    arms = [
        effect(
            float(np.mean(x)), float(np.std(x, ddof=1)) / math.sqrt(len(x)), freedom=len(x) - 1, n=len(x), method="t"
        )
        for x in samples
    ]
    found = weighed(heterogeneity(arms))
    assert (found.freedom, found.within) == (theirs.df_num, close(theirs.df_denom))
    assert found.p_value == close(theirs.pvalue)


def test_what_is_pooled_counts_that_its_weights_are_estimated_by_hand() -> None:
    # Two errors of 0.5 with 10 degrees each: 0.125 (1 + 4 (0.25 + 0.25) / 10) = 0.15; 1 / (0.25 / 10 + 0.25 / 10) = 20.
    pair = [effect(value, 0.5, freedom=10, n=12, method="t") for value in (1.0, 2.0)]
    pooled = weighed(heterogeneity(pair)).pooled
    assert (pooled.value, pooled.standard_error, pooled.freedom) == (1.5, close(math.sqrt(0.15)), close(20))


def test_each_segment_is_held_against_the_others_by_hand() -> None:
    # Values 1, 2, 3 with errors 0.5: the first less the mean of the others, 1 - 2.5, with variance 0.25 + 0.125.
    found = weighed(heterogeneity([(1.0, 0.5), (2.0, 0.5), (3.0, 0.5)])).contrasts[0]
    assert found is not None
    assert (found.value, found.standard_error) == (close(-1.5), close(math.sqrt(0.375)))


def test_the_contrast_of_two_effects_has_satterthwaites_freedom() -> None:
    # 0.09 and 0.16 with 10 and 20 degrees: 0.25^2 / (0.0081 / 10 + 0.0256 / 20) = 29.904.
    found = effect_contrast(
        effect(2.0, 0.3, freedom=10, n=12, method="t"), effect(1.5, 0.4, freedom=20, n=22, method="t")
    )
    assert (found.value, found.standard_error, found.n) == (close(0.5), close(0.5), 34)
    assert found.freedom == close(29.9043, abs=1e-3)
    assert found.p_value == close(2 * stats.t.sf(1.0, found.freedom))


# Laws


@given(st.lists(st.floats(0, 1), min_size=1, max_size=15))
def test_methods_stand_in_their_order(p: list[float]) -> None:
    by = {method: np.array(adjusted(adjust(p, method)).adjusted) for method in _THEIRS}
    for low, high in (("bh", "hochberg"), ("hochberg", "holm"), ("holm", "bonferroni"), ("bh", "by")):
        assert (by[low] <= by[high] + 1e-12).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.integers(0, 5), st.sampled_from(sorted(_THEIRS)))
def test_tests_that_gave_no_p_value_count_as_ones(p: list[float], missing: int, method: str) -> None:
    whole = adjusted(adjust([*p, *[1.0] * missing], method)).adjusted[: len(p)]
    assert adjusted(adjust(p, method, size=len(p) + missing)).adjusted == close(whole, abs=1e-12)


pairs = st.tuples(st.floats(-10, 10), st.floats(0.1, 3))


@given(st.lists(pairs, min_size=2, max_size=8), st.floats(-5, 5))
def test_an_effect_common_to_all_changes_nothing_but_the_mean(effects: list[tuple[float, float]], shift: float) -> None:
    one, other = weighed(heterogeneity(effects)), weighed(heterogeneity([(v + shift, e) for v, e in effects]))
    assert other.q == close(one.q, abs=1e-6)
    assert other.pooled.value == close(one.pooled.value + shift, abs=1e-9)


free = st.one_of(st.just(math.inf), st.floats(2, 200))


@given(pairs, pairs, free, free)
def test_of_two_segments_q_is_the_contrast_squared(
    a: tuple[float, float], b: tuple[float, float], f: float, g: float
) -> None:
    one, other = effect(*a, freedom=f, n=1, method="t"), effect(*b, freedom=g, n=1, method="t")
    found, contrast = weighed(heterogeneity([one, other])), effect_contrast(one, other)
    assert found.q == close((contrast.value / (contrast.standard_error or 1)) ** 2, abs=1e-9)
    assert found.p_value == close(contrast.p_value, abs=1e-9)


def test_a_refused_segment_keeps_its_place_and_counts() -> None:
    gone = Refusal(Reason.TOO_FEW_UNITS, "3 units")
    found = weighed(heterogeneity([(1.0, 0.4), gone, (0.0, 0.4)]))
    assert (found.freedom, found.contrasts[1], found.effects_adjusted[1], found.standing_out[1]) == (
        1,
        None,
        None,
        False,
    )
    p = 2 * stats.norm.sf(2.5)
    assert found.effects_adjusted[0] == close(3 * p)


# Calibration


def test_twenty_segments_without_effect() -> None:
    # 4,000 experiments: Monte Carlo error 0.0076 at 0.64, 0.0034 at 0.05; three of them are allowed. The naive rate
    # of at least one "significant" segment is 1 - 0.95^20 = 0.6415.
    z = stream(31, "segments").normal(size=(4000, 20))
    p = 2 * stats.norm.sf(np.abs(z))
    assert float((p < 0.05).any(axis=1).mean()) == close(0.6415, abs=0.023)
    for method in ("bonferroni", "holm", "hochberg", "bh"):
        any_false = np.mean([any(adjusted(adjust(row, method)).rejected) for row in p])
        assert any_false == close(0.05, abs=0.0104), method
    found = [weighed(heterogeneity([(value, 1.0) for value in row])) for row in z[:1500]]
    assert np.mean([one.differs for one in found]) == close(0.05, abs=0.017)  # three errors of 0.0056
    assert np.mean([any(one.standing_out) for one in found]) <= 0.05


def test_one_segment_that_differs_is_found_and_named() -> None:
    random = stream(32, "one segment")
    named = 0
    for _ in range(200):
        values = random.normal(size=10)
        values[3] += 6.0
        named += weighed(heterogeneity([(value, 1.0) for value in values])).standing_out[3]
    assert named / 200 > 0.9


# Refusal


def test_too_few_are_refused() -> None:
    for found, reason in (
        (adjust([]), Reason.NO_DATA),
        (heterogeneity([(1.0, 0.5)]), Reason.TOO_FEW_UNITS),
    ):
        assert isinstance(found, Refusal)
        assert found.reason == reason


# Misuse


def test_broken_arguments_are_errors() -> None:
    bare = Effect(Estimate(1.0, "1", 5, "rank", 0.0, 2.0, 0.95))
    good, other = effect(1.0, 0.5, n=5, method="z"), effect(1.0, 0.5, n=5, unit="s", method="z")
    for call in (
        lambda: adjust([0.1, 1.2]),
        lambda: adjust([0.1, math.nan]),
        lambda: adjust([[0.1]]),
        lambda: adjust([0.1], alpha=0.0),
        lambda: adjust([0.1, 0.2], size=1),
        lambda: heterogeneity([(1.0, 0.0), (2.0, 1.0)]),
        lambda: heterogeneity([(1.0, math.nan), (2.0, 1.0)]),
        lambda: heterogeneity([bare, good]),
        lambda: heterogeneity([good, other]),
        lambda: effect_contrast(good, other),
        lambda: effect_contrast(good, bare),
    ):
        with pytest.raises(InvalidInput):
            call()
    with pytest.raises(UnknownName, match="holm"):
        adjust([0.1], "holmes")
