"""What corrections for many tests promise: verdicts that agree with their intervals, and a rate that holds."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.numerics.intervals import t_quantile
from metricstack.numerics.multiplicity import benjamini_hochberg, p_value

close = pytest.approx

# By hand, and by another implementation


def test_fifteen_p_values_worked_out_on_paper() -> None:
    # Sorted p against k · 0.05/15 = 0.00333 k: the fourth, 0.0095 <= 0.0133, is the last to pass.
    p = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
        0.4262,
        0.5719,
        0.6528,
        0.7590,
        1.0,
    ]
    found = benjamini_hochberg(p)
    assert sum(found.changed) == 4
    assert found.level == close(1 - 4 * 0.05 / 15)
    assert found.adjusted[3] == close(15 * 0.0095 / 4)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_adjusted_p_values_are_those_of_scipy(p: list[float]) -> None:
    assert benjamini_hochberg(p).adjusted == close(stats.false_discovery_control(p))


def test_a_p_value_is_that_of_students_t() -> None:
    assert p_value(2.0, 1.0, 10) == close(2 * stats.t.sf(2, 10))
    assert p_value(-2.0, 1.0, math.inf) == close(2 * stats.norm.sf(2))
    assert (p_value(1.0, 0.0, 5), p_value(0.0, 0.0, 5)) == (0.0, 1.0)


# Laws


@given(st.lists(st.floats(0.001, 6), min_size=1, max_size=12))
def test_an_interval_leaves_out_zero_exactly_where_the_test_is_called_changed(distances: list[float]) -> None:
    family = benjamini_hochberg([p_value(z, 1.0, 30) for z in distances])
    for z, changed in zip(distances, family.changed, strict=True):
        outside = z > t_quantile(family.level, 30)
        assert outside == changed or math.isclose(z, t_quantile(family.level, 30), rel_tol=1e-6)


def test_tests_declared_but_not_made_count() -> None:
    alone, among = benjamini_hochberg([0.02]), benjamini_hochberg([0.02], size=4)
    assert (alone.changed, among.changed) == ((True,), (False,))
    assert among.adjusted[0] == close(0.08)


# Calibration


def test_false_discoveries_stay_below_their_rate() -> None:
    # 20 tests, 10 of them null; the mean share of false ones among those called is at most q · 10/20.
    random, shares = stream(3, "discoveries"), []
    for _ in range(2000):
        z = random.normal(size=20)
        z[10:] += 3
        called = np.array(benjamini_hochberg([p_value(x, 1.0, math.inf) for x in z], rate=0.1).changed)
        shares.append(called[:10].sum() / max(called.sum(), 1))
    assert np.mean(shares) == close(0.05, abs=0.006)  # three Monte Carlo errors of about 0.002


# Misuse


def test_what_is_no_family_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="cannot hold 2"):
        benjamini_hochberg([0.1, 0.2], size=1)
    with pytest.raises(InvalidInput, match="outside"):
        benjamini_hochberg([0.1], rate=1.0)
    with pytest.raises(InvalidInput, match="between 0 and 1"):
        benjamini_hochberg([1.2])
