"""What reading an experimenter's input promises: arrays as meant, and every fault named with its value."""

import numpy as np
import pytest

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.values import Moments
from metricstack.experiments.samples import as_units, as_vector, check_choice, check_count, same_length, two_sums


def test_units_of_any_kind_are_numbered_from_zero() -> None:
    assert as_units(["b", "a", "b"], "units").tolist() == [1, 0, 1]
    assert as_units(np.array([30, 10, 30]), "units").tolist() == [1, 0, 1]
    assert as_units(np.array([2, "a", 2], dtype=object), "units").tolist() == [0, 1, 0]


def test_one_variable_is_a_sum_over_ones() -> None:
    two = two_sums(Moments.of(5, 3.0, 2.0), "control")
    assert two.means.tolist() == [3.0, 1.0]
    assert two.cross.tolist() == [[8.0, 0.0], [0.0, 0.0]]  # 2 · (5 - 1)


@pytest.mark.parametrize(
    ("values", "told"),
    [([1.0, np.nan], "hold 1 that are not finite"), ([[1.0]], "2 dimensions"), (["x"], "no numbers")],
)
def test_values_that_are_no_list_of_numbers_are_named(values: object, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        as_vector(values, "values of control")  # type: ignore[arg-type]


def test_values_out_of_range_and_lengths_that_differ_are_named() -> None:
    with pytest.raises(InvalidInput, match="hold -1, below 0"):
        as_vector([-1.0, 2.0], "sizes", low=0.0)
    with pytest.raises(InvalidInput, match=r"hold 1.5, above 1"):
        as_vector([0.5, 1.5], "propensities", low=0.0, high=1.0)
    with pytest.raises(InvalidInput, match="rewards 3, units 2"):
        same_length(rewards=np.zeros(3), units=np.zeros(2))


@pytest.mark.parametrize("units", [np.array([1.0, np.nan]), np.array(["a", None], dtype=object)])
def test_units_without_a_name_are_refused(units: np.ndarray) -> None:
    with pytest.raises(InvalidInput, match="hold 1 without a name"):
        as_units(units, "units")


@pytest.mark.parametrize("count", [-1, 1.5, np.nan, "3", True])
def test_a_count_is_a_whole_number(count: object) -> None:
    with pytest.raises(InvalidInput, match="whole number"):
        check_count(count, "events of control")  # type: ignore[arg-type]


def test_an_unknown_choice_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'score'"):
        check_choice("method", "scores", ("exact", "score"))


def test_moments_of_three_variables_are_no_ratio() -> None:
    with pytest.raises(InvalidInput, match="have 3 variables"):
        two_sums(Moments(4, np.zeros(3), np.eye(3), ("a", "b", "c")), "control")
