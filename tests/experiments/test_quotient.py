"""What `quotient_bounds` promises: a case by hand, its defining equation, agreement with the test of a difference."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metricstack.numerics.quotient import quotient_bounds

amounts = st.floats(5.0, 50.0)
variances = st.floats(0.01, 1.0)


def test_agrees_with_a_calculation_by_hand() -> None:
    # 11 over 10, variances 0.01, reach 2: a = 100 - 0.04 = 99.96, b = 110, c = 121 - 0.04 = 120.96;
    # b² - ac = 12100 - 12091.1616 = 8.8384, root 2.972945: (110 ∓ 2.972945)/99.96.
    low, high = quotient_bounds(11.0, 10.0, variance_above=0.01, variance_below=0.01, reach=2.0) or (0, 0)
    assert (low, high) == (pytest.approx(1.070699, abs=1e-6), pytest.approx(1.130182, abs=1e-6))


@given(amounts, amounts, variances, variances)
def test_on_a_bound_the_difference_is_reach_errors_from_zero(a: float, b: float, va: float, vb: float) -> None:
    bounds = quotient_bounds(a, b, variance_above=va, variance_below=vb, reach=1.96)
    assert bounds is not None
    for r in bounds:
        assert abs(a - r * b) == pytest.approx(1.96 * math.sqrt(va + r * r * vb), rel=1e-6)


@given(amounts, amounts, variances, variances)
def test_one_is_left_out_exactly_where_the_difference_is_significant(a: float, b: float, va: float, vb: float) -> None:
    low, high = quotient_bounds(a, b, variance_above=va, variance_below=vb, reach=1.96) or (0, 0)
    margin = abs(a - b) - 1.96 * math.sqrt(va + vb)
    if abs(margin) > 1e-9:
        assert (not low <= 1 <= high) == (margin > 0)


def test_a_denominator_that_may_be_zero_has_no_bounds() -> None:
    assert quotient_bounds(1.0, 1.0, variance_above=0.1, variance_below=0.3, reach=1.96) is None
