"""What `tail_shape` promises: known shapes are found, scale does not matter, bounded weights have no tail."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metricstack.core.streams import stream
from metricstack.numerics.tails import tail_shape


@pytest.mark.parametrize(("shape", "expected"), [(2.0, 0.5), (4.0, 0.25)])
def test_the_shape_of_pareto_weights_is_found(shape: float, expected: float) -> None:
    # Pareto of index a has k = 1/a. 100 samples of 5,000, tails of 212: each is off by about (1 + k)/sqrt(212) = 0.1,
    # their mean by 0.01, and the pull towards 0.5 by 10 of 222 values adds up to 0.012.
    rng = stream(1, "pareto", int(shape))
    found = np.mean([tail_shape(rng.pareto(shape, 5000) + 1) for _ in range(100)])
    assert found == pytest.approx(expected, abs=0.05)


def test_exponential_weights_have_shape_0() -> None:
    rng = stream(2, "exponential")
    # Pulled towards 0.5 by 10 of 222 values: 0.0225.
    assert np.mean([tail_shape(rng.exponential(size=5000)) for _ in range(100)]) == pytest.approx(0.0225, abs=0.04)


@given(st.integers(0, 10**6), st.floats(1e-3, 1e3))
def test_scale_does_not_matter(seed: int, scale: float) -> None:
    weights = stream(seed, "scale").lognormal(0, 1, 400)
    assert tail_shape(weights * scale) == pytest.approx(tail_shape(weights), abs=1e-6)


@pytest.mark.parametrize("weights", [np.zeros(0), np.ones(10), np.ones(1000), np.tile([0.0, 5.0], 300)])
def test_few_or_bounded_weights_have_none(weights: np.ndarray) -> None:
    assert tail_shape(weights) == -math.inf
