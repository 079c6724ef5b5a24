"""What absorbed effects promise: dummies' projection exactly, weighted and unbalanced, whatever the rows' order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.numerics.absorption import Absorption

close = pytest.approx


def dummies(codes: np.ndarray) -> np.ndarray:
    return np.eye(codes.max() + 1)[codes]


def panel(seed: int, *, rows: int = 40, first: int = 6, second: int = 9) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw an unbalanced panel: two groupings without gaps, and a column."""
    rng = stream(seed, "absorption")
    one = np.unique(rng.integers(0, first, rows), return_inverse=True)[1]
    two = np.unique(rng.integers(0, second, rows), return_inverse=True)[1]
    return one.astype(np.int64), two.astype(np.int64), rng.normal(size=rows)


def test_one_grouping_takes_the_groups_means_off() -> None:
    # Groups (1, 3), (10): means 2 and 10.
    found = Absorption((np.array([0, 0, 1]),)).residual(np.array([[1.0], [3.0], [10.0]]))
    assert found.ravel() == close([-1.0, 1.0, 0.0])


def test_two_groupings_agree_with_a_calculation_by_hand() -> None:
    # Rows and columns of ((1, 2), (5, 8)): 1 - 1.5 - 3 + 4 = 0.5, and so with alternating signs.
    effects = Absorption((np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])))
    assert effects.residual(np.array([[1.0], [2.0], [5.0], [8.0]])).ravel() == close([0.5, -0.5, -0.5, 0.5])
    assert effects.rank == 3


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.booleans(), st.booleans())
def test_it_is_the_projection_off_the_dummies(seed: int, weighted: bool, swapped: bool) -> None:
    one, two, column = panel(seed)
    weights = stream(seed, "weights").uniform(0.2, 3.0, len(one)) if weighted else None
    effects = Absorption((two, one) if swapped else (one, two), weights)
    x = np.hstack([dummies(one), dummies(two)]) * effects.root[:, None]
    scaled = column * effects.root
    expected = scaled - x @ np.linalg.lstsq(x, scaled, rcond=None)[0]
    assert effects.residual(scaled[:, None]).ravel() == close(expected, abs=1e-10)
    assert effects.rank == np.linalg.matrix_rank(x)
    basis = effects.basis(np.arange(len(one)))
    # Columns of the basis come in the order of the levels; only its projection has a meaning.
    assert basis @ basis.T == close(x @ np.linalg.pinv(x), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    one, two, column = panel(seed)
    order = stream(seed, "order").permutation(len(one))
    straight = Absorption((one, two)).residual(column[:, None])
    mixed = Absorption((one[order], two[order])).residual(column[order, None])
    assert mixed == close(straight[order], abs=1e-12)  # sums in another order differ by rounding


def test_parts_of_a_panel_that_share_nothing_each_lose_a_degree_of_freedom() -> None:
    # Two panels of 2 units and 2 periods side by side: 4 + 4 levels, two sets of sums that repeat each other.
    unit, period = np.repeat(np.arange(4), 2), np.tile(np.arange(2), 4) + 2 * np.repeat([0, 1], 4)
    assert Absorption((unit, period)).rank == 6


def test_what_cannot_be_meant_is_named() -> None:
    codes = np.array([0, 1])
    with pytest.raises(InvalidInput, match="one or two groupings"):
        Absorption(())
    with pytest.raises(InvalidInput, match="equal length"):
        Absorption((codes, np.array([0])))
    with pytest.raises(InvalidInput, match="above 0"):
        Absorption((codes,), np.array([1.0, 0.0]))
