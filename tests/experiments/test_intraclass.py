"""What `intraclass_correlation` promises: Shrout and Fleiss's ratings, laws, coverage with unequal sizes, refusals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import f as f_distribution
from scipy.stats import f_oneway

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.core.values import Moments, Reason, Refusal
from metricstack.experiments.intraclass import IntraclassCorrelation, intraclass_correlation

close = pytest.approx

RATINGS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float)


def found(answer: IntraclassCorrelation | Refusal) -> IntraclassCorrelation:
    assert isinstance(answer, IntraclassCorrelation), answer
    return answer


def test_the_ratings_of_shrout_and_fleiss_give_their_numbers() -> None:
    # Shrout and Fleiss (1979), tables 2 to 4: between targets 11.24, within 6.26, ICC(1,1) = 0.17. R's psych::ICC
    # adds the bounds -0.133 and 0.723 and p = 0.165.
    answer = found(intraclass_correlation(values=RATINGS.ravel(), clusters=np.repeat(np.arange(6), 4)))
    assert (round(answer.between, 2), round(answer.within, 2), round(answer.value, 2)) == (11.24, 6.26, 0.17)
    assert (round(answer.low, 3), round(answer.high, 3)) == (-0.133, 0.723)  # type: ignore[arg-type]
    assert answer.p_value == close(f_oneway(*RATINGS).pvalue)
    assert answer.size == close(4.0)
    assert answer.design_effect == close(1 + 3 * answer.value)


def test_unequal_clusters_agree_with_a_calculation_by_hand() -> None:
    # Clusters (1, 2, 3), (4, 6): N = 5, sizes squared 13, n0 = (5 - 13/5)/1 = 2.4; means 2, 5, whole 3.2:
    # B = 3 · 1.44 + 2 · 3.24 = 10.8; W = (2 + 2)/3 = 4/3; (10.8 - 1.3333)/(10.8 + 1.4 · 1.3333) = 0.747368.
    answer = found(intraclass_correlation(values=[1, 2, 3, 4, 6], clusters=[0, 0, 0, 1, 1]))
    assert (answer.size, answer.between, answer.within) == (close(2.4), close(10.8), close(4 / 3))
    assert answer.value == close(0.7473684, abs=1e-6)
    assert answer.design_effect == close(1 + (13 / 5 - 1) * 0.7473684, abs=1e-6)
    bound = 8.1 / f_distribution.ppf(0.975, 1, 3)
    assert answer.low == close((bound - 1) / (bound + 1.4))


@given(st.integers(0, 10**6), st.floats(0.1, 100), st.floats(-100, 100))
def test_neither_scale_nor_origin_matters_and_moments_say_the_same(seed: int, scale: float, shift: float) -> None:
    rng = stream(seed, "values")
    x, cluster = rng.normal(size=30), rng.permutation(np.repeat(np.arange(6), 5))
    plain = found(intraclass_correlation(values=x, clusters=cluster))
    moved = found(intraclass_correlation(values=x * scale + shift, clusters=cluster))
    summed = found(intraclass_correlation(groups=[Moments.of_samples(x=x[cluster == k]) for k in range(6)]))
    assert moved.value == close(plain.value, abs=1e-6)
    assert summed.low == close(plain.low)


def test_with_unequal_sizes_the_interval_covers_the_truth_about_95_percent_of_the_time() -> None:
    # Truth 0.25/1.25 = 0.2; 30 clusters of 2 to 19. 1,500 draws: Monte Carlo error 0.6 points; the F bounds are exact
    # for equal sizes only (measured 94 %).
    rng, hits = stream(1, "coverage"), 0
    for _ in range(1500):
        cluster = np.repeat(np.arange(30), rng.integers(2, 20, 30))
        x = rng.normal(0, 0.5, 30)[cluster] + rng.normal(0, 1, len(cluster))
        answer = found(intraclass_correlation(values=x, clusters=cluster))
        hits += answer.low <= 0.2 <= answer.high  # type: ignore[operator]
    assert 0.92 < hits / 1500 < 0.97


@pytest.mark.parametrize(
    ("values", "clusters", "reason"),
    [([1.0, 2.0], [0, 0], Reason.TOO_FEW_UNITS), ([1.0, 2.0], [0, 1], Reason.TOO_FEW_UNITS),
     ([], [], Reason.TOO_FEW_UNITS), ([3.0] * 4, [0, 0, 1, 1], Reason.NO_VARIATION)],
)  # fmt: skip
def test_clusters_that_show_nothing_are_refused(values: list, clusters: list, reason: Reason) -> None:
    answer = intraclass_correlation(values=values, clusters=clusters)
    assert isinstance(answer, Refusal)
    assert answer.reason == reason


def test_inputs_that_do_not_fit_are_named() -> None:
    with pytest.raises(InvalidInput, match="unequal length"):
        intraclass_correlation(values=[1.0, 2.0, 3.0], clusters=[0, 1])
    with pytest.raises(InvalidInput, match="values and clusters, or"):
        intraclass_correlation(values=[1.0, 2.0])
