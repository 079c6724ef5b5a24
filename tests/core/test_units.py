"""What `units` promises: numbers as readers expect them, never "−0", never an exponent."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metricstack.core import InvalidInput
from metricstack.core.units import ATOMS, check_unit, ratio, write, write_change, write_points

SPACE = "\u00a0"


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0.1234, "fraction", "12.3_%"),
        (0.9997, "fraction", "99.97_%"),
        (0.0, "fraction", "0.0_%"),
        (-0.00004, "fraction", "0.0_%"),
        (-0.0314, "fraction", "−3.1_%"),
        (0.85, "s", "850_ms"),
        (12.34, "s", "12.3_s"),
        (150.0, "s", "2.50_min"),
        (2.0, "h", "2.00_h"),
        (30.0, "min", "30.0_min"),
        (60.0, "h", "60.0_h"),
        (1_234_567.0, "USD", "$1.23M"),
        (12_345.0, "USD", "$12.3k"),
        (9_876.0, "USD", "$9,880"),
        (12.5, "USD", "$12.50"),
        (0.0412, "USD/outcome", "$0.0412 per outcome"),
        (12.5, "CHF", "12.50_CHF"),
        (-5.0, "EUR", "−€5.00"),
        (48_211.0, "count", "48,211"),
        (3.26, "per_1000", "3.26 per 1,000"),
        (0.8123, "score", "0.812"),
        (4.2, "d", "4.20_d"),
        (1.0, "request", "1_request"),
        (15_525.0, "tokens/outcome", "15,525_tokens per outcome"),
        (1_494.0, "case/d", "1,494_cases per day"),
        (3.23, "system/run", "3.23_systems per run"),
        (0.0034, "fraction", "0.34_%"),
        (233.33, "h", "233_h"),
    ],
)
def test_numbers_are_written_as_readers_expect_them(value: float, unit: str, expected: str) -> None:
    assert write(value, unit) == expected.replace("_", SPACE)


@pytest.mark.parametrize(
    ("before", "after", "unit", "expected"),
    [
        (0.40, 0.45, "fraction", "+5.0_points"),
        (0.45, 0.40, "fraction", "−5.0_points"),
        (2.0, 1.5, "s", "−25.0_%"),
        (2.0, 2.00001, "s", "±0.0_%"),
        (0.0, 3.0, "USD", "+$3.00"),
        (-1.0, 3.0, "USD", "+$4.00"),
    ],
)
def test_changes_are_points_for_shares_and_per_cent_otherwise(
    before: float, after: float, unit: str, expected: str
) -> None:
    assert write_change(before, after, unit) == expected.replace("_", SPACE)


@given(st.floats(-1e12, 1e12), st.sampled_from([*ATOMS, "USD", "USD/outcome"]))
def test_no_number_is_written_as_minus_zero_or_with_an_exponent(value: float, unit: str) -> None:
    text = write(value, unit)
    assert "e+" not in text
    assert "e-" not in text
    if text.startswith("−"):
        assert any(figure in text for figure in "123456789")


def test_the_unit_of_a_ratio_is_derived() -> None:
    assert ratio("USD", "outcome") == "USD/outcome"
    assert ratio("s", "1") == "s"
    assert ratio("count", "count") == "fraction"


def test_an_unknown_unit_names_the_nearest() -> None:
    with pytest.raises(InvalidInput, match="Did you mean 'fraction'"):
        check_unit("fractoin")


@pytest.mark.parametrize(
    ("share", "half", "expected"),
    [
        (0.0081, 0.0021, "+0.81"),  # 0.21 points: two figures
        (0.0081, 0.021, "+0.8"),
        (-0.30, 0.20, "−30"),  # 20 points are known to a point, not to a tenth
        (0.000012, 0.0000034, "+0.00120"),  # 0.00034 points: two figures are five places
        (-0.0000001, 0.001, "0.00"),  # never a sign before nothing
        (0.0, None, "0.0"),
        (0.1234, None, "+12"),
        (0.1234, math.inf, "+12"),
        (12.5, 0.5, "+1,250"),
        (math.inf, 0.1, "∞"),
        (-math.inf, 0.1, "−∞"),
    ],
)
def test_points_have_two_figures_of_what_they_are_known_to(share: float, half: float | None, expected: str) -> None:
    assert write_points(share, half) == expected
