"""What triggered analysis promises: the effect on everyone by hand, its coverage, and a trigger that is watched."""

import math

import numpy as np
import pytest

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.core.values import Moments, Refusal
from metricstack.experiments.dilution import Diluted, diluted

close = pytest.approx


def diluted_of(found: Diluted | Refusal) -> Diluted:
    assert isinstance(found, Diluted), found
    return found


# by hand ---------------------------------------------------------------------------------------------------------


def test_the_effect_on_everyone_agrees_with_a_calculation_by_hand() -> None:
    # d = 0.5 with variance 4/500 + 4/500 = 0.016; s = 1000/10000; .01·.016 + .25·.09/10000 = 1.6225e-4.
    a, b = Moments.of(500, 10.0, 4.0), Moments.of(500, 10.5, 4.0)
    found = diluted_of(diluted(control=a, treatment=b, control_n=5000, treatment_n=5000))
    assert (found.everyone.value, found.everyone.n) == (close(0.05), 10000)
    assert found.everyone.standard_error == close(math.sqrt(1.6225e-4))
    assert found.triggered.standard_error == close(math.sqrt(0.016))
    assert found.everyone.p_value == found.triggered.p_value
    assert [finding.answer for finding in found.findings] == [found.triggered.estimate, found.everyone.estimate]


# laws ------------------------------------------------------------------------------------------------------------


def test_where_everyone_is_triggered_both_effects_are_one() -> None:
    a, b = Moments.of(50, 10.0, 4.0), Moments.of(60, 10.5, 4.0)
    found = diluted_of(diluted(control=a, treatment=b, control_n=50, treatment_n=60))
    assert (found.everyone.low, found.everyone.high) == (close(found.triggered.low), close(found.triggered.high))
    assert found.checks[0].passed


def test_a_clear_effect_on_the_triggered_is_one_on_everyone() -> None:
    # Nearly the whole uncertainty is in the share, and still its sign is sure.
    a, b = Moments.of(5, 10.0, 1e-6), Moments.of(5, 11.0, 1e-6)
    found = diluted_of(diluted(control=a, treatment=b, control_n=50, treatment_n=50))
    assert found.everyone.low is not None
    assert 0 <= found.everyone.low < found.everyone.value


# calibration -----------------------------------------------------------------------------------------------------


def test_the_effect_on_everyone_is_covered_and_sharper_than_comparing_everyone() -> None:
    # A tenth is triggered and gains 1; truth 0.1. 2,000 draws: Monte Carlo error of a 95 % rate is 0.49 points.
    rng = stream(4, "dilution")
    covered, shorter = [], []
    for _ in range(2000):
        hit = rng.random((2, 1000)) < 0.1
        y = rng.normal(10, 3, (2, 1000)) + hit * np.array([[0.0], [1.0]])
        found = diluted_of(diluted(control=y[0][hit[0]], treatment=y[1][hit[1]], control_n=1000, treatment_n=1000))
        covered.append(found.everyone.low <= 0.1 <= found.everyone.high)  # type: ignore[operator]
        shorter.append(found.everyone.standard_error / math.sqrt((y[0].var() + y[1].var()) / 1000))  # type: ignore[operator]
    assert np.mean(covered) == close(0.95, abs=0.015)
    assert np.mean(shorter) < 0.4


# refusal ---------------------------------------------------------------------------------------------------------


def test_a_trigger_that_the_treatment_moves_fails_its_check() -> None:
    a, b = Moments.of(500, 10.0, 4.0), Moments.of(700, 10.5, 4.0)
    found = diluted_of(diluted(control=a, treatment=b, control_n=5000, treatment_n=5000))
    assert found.checks[0].passed is False
    assert "500 of 5000 in control, 700 of 5000 in treatment" in found.checks[0].detail


def test_one_triggered_unit_is_refused() -> None:
    found = diluted(control=[1.0], treatment=[1.0, 2.0], control_n=10, treatment_n=10)
    assert isinstance(found, Refusal)


# misuse ----------------------------------------------------------------------------------------------------------


def test_more_triggered_than_assigned_is_named() -> None:
    a = Moments.of(50, 10.0, 4.0)
    with pytest.raises(InvalidInput, match="50 units of the control were triggered, 40 assigned"):
        diluted(control=a, treatment=a, control_n=40, treatment_n=60)
