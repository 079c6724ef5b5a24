"""What `straight_line` promises: the published example, least squares where x is exact, laws, coverage, misuse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.numerics.slope import straight_line

X = np.array([0, 0.9, 1.8, 2.6, 3.3, 4.4, 5.2, 6.1, 6.5, 7.4])
Y = np.array([5.9, 5.4, 4.4, 4.6, 3.5, 3.7, 2.8, 2.8, 2.4, 1.5])
X_ERROR = np.array([1000, 1000, 500, 800, 200, 80, 60, 20, 1.8, 1]) ** -0.5
Y_ERROR = np.array([1, 1.8, 4, 8, 20, 20, 70, 70, 100, 500]) ** -0.5


def test_agrees_with_the_published_example() -> None:
    # Pearson's data with York's weights; York et al. (2004), table II: slope -0.480533, intercept 5.479910,
    # standard error of the slope 0.057985 and S/(n - 2) = 1.483294.
    line = straight_line(X, Y, X_ERROR, Y_ERROR, exact_line=True)
    assert line.slope == pytest.approx(-0.480533407, abs=1e-8)
    assert line.intercept == pytest.approx(5.47991022, abs=1e-7)
    assert line.scatter == pytest.approx(1.4832941, abs=1e-6)
    assert line.error == pytest.approx(0.0579850090, abs=1e-8)
    assert line.freedom == 8


def test_scatter_beyond_the_errors_makes_the_slope_less_sure() -> None:
    plain, wider = (straight_line(X, Y, X_ERROR, Y_ERROR, exact_line=exact) for exact in (True, False))
    assert wider.error > plain.error
    assert wider.scatter == plain.scatter
    # With that much more in y the errors explain the scatter: the same line, and a ratio of 1.
    again = straight_line(X, Y, X_ERROR, np.hypot(Y_ERROR, wider.beyond), exact_line=True)
    assert again.slope == pytest.approx(wider.slope)
    assert again.scatter == pytest.approx(1.0)


def test_points_that_scatter_less_than_their_errors_make_the_slope_surer() -> None:
    # As below with errors 2, 2, 4: scatter 1/4, and by the errors alone the slope's is 2; 2 · √(1/4) = 1, as of least
    # squares with weights 1, 1, 1/4.
    x, y, error = np.array([0.0, 1, 2]), np.array([0.0, 1, 5]), np.array([2.0, 2, 4])
    line = straight_line(x, y, np.zeros(3), error)
    assert (line.scatter, line.error) == (pytest.approx(0.25), pytest.approx(1.0))
    assert straight_line(x, y, np.zeros(3), error, exact_line=True).error == pytest.approx(2.0)


def test_points_on_a_line_by_luck_are_not_certain() -> None:
    # Four points on a line, errors 1: by the errors 1/√5. Chi-square with 2 degrees of freedom is below
    # -2 ln 0.95 = 0.102587 once in twenty: √(0.0512933/5) = 0.101285.
    x = np.arange(4.0)
    line = straight_line(x, 1 + 2 * x, np.zeros(4), np.ones(4))
    assert line.scatter == pytest.approx(0.0, abs=1e-12)
    assert line.error == pytest.approx(0.101285, abs=1e-6)


def test_exact_x_gives_weighted_least_squares() -> None:
    # Points (0, 0), (1, 1), (2, 5) with errors 1, 1, 2 in y: weights 1, 1, 1/4; means 2/3 and 1; below
    # 4/9 + 1/9 + 4/9 = 1, above 2/3 + 0 + 4/3 = 2: slope 2, intercept 1 - 4/3 = -1/3.
    line = straight_line(np.array([0.0, 1, 2]), np.array([0.0, 1, 5]), np.zeros(3), np.array([1.0, 1, 2]))
    assert line.slope == pytest.approx(2.0)
    assert line.intercept == pytest.approx(-1 / 3)
    # Left over 1/3, -2/3, 4/3: scatter 1/9 + 4/9 + 16/9 / 4 = 1 for one degree of freedom; error 1/√1.
    assert line.scatter == pytest.approx(1.0)
    assert line.error == pytest.approx(1.0)


def test_points_without_errors_give_least_squares_with_the_error_of_what_is_left_over() -> None:
    # (0, 0), (1, 0), (2, 3): slope 3/2; left over 1/2, -1, 1/2: √(1.5 / 1 / 2) = 0.8660.
    line = straight_line(np.array([0.0, 1, 2]), np.array([0.0, 0, 3]), np.zeros(3), np.zeros(3))
    assert (line.slope, line.error) == (pytest.approx(1.5), pytest.approx(0.75**0.5))
    assert line.scatter is None


scales = st.floats(0.01, 100.0)


@given(scales, scales, st.floats(-50, 50), st.floats(-50, 50))
@settings(max_examples=40, deadline=None)
def test_units_and_origin_do_not_matter(a: float, b: float, c: float, d: float) -> None:
    line = straight_line(X, Y, X_ERROR, Y_ERROR)
    other = straight_line(a * X + c, b * Y + d, a * X_ERROR, b * Y_ERROR)
    assert other.slope == pytest.approx(line.slope * b / a, rel=1e-6)
    assert other.error == pytest.approx(line.error * b / a, rel=1e-6)


def test_x_and_y_may_change_places() -> None:
    line = straight_line(X, Y, X_ERROR, Y_ERROR, exact_line=True)
    turned = straight_line(Y, X, Y_ERROR, X_ERROR, exact_line=True)
    assert turned.slope == pytest.approx(1 / line.slope, rel=1e-8)


@pytest.mark.parametrize("beyond", [0.0, 0.15, 0.6])
def test_the_95_interval_covers_the_truth_and_errors_in_x_do_not_shrink_the_slope(beyond: float) -> None:
    # 400 draws: Monte Carlo error of a 95 % rate is 1.1 points; three of them are allowed. Least squares would give
    # a slope of -0.7 · 2 / (2 + 0.16) = -0.65.
    random, k, covered, slopes = stream(3, "slope", str(beyond)), 9, 0, []
    truth, x = -0.7, np.linspace(1, 5, 9)
    x_error, y_error = np.full(k, 0.4), np.linspace(0.2, 0.4, k)
    for _ in range(400):
        seen = x + x_error * random.normal(size=k)
        y = 2 + truth * x + np.hypot(y_error, beyond) * random.normal(size=k)
        line = straight_line(seen, y, x_error, y_error)
        low, high = line.interval(0.95)
        covered += low <= truth <= high
        slopes.append(line.slope)
    assert 0.917 <= covered / 400 <= 0.983
    assert np.median(slopes) == pytest.approx(truth, abs=0.04)


def test_two_points_or_one_x_make_no_line() -> None:
    two, one = np.array([0.0, 1.0]), np.ones(3)
    with pytest.raises(InvalidInput, match="needs three points; there are 2"):
        straight_line(two, two, two, two)
    with pytest.raises(InvalidInput, match="same x"):
        straight_line(one, np.array([0.0, 1, 2]), one, one)
