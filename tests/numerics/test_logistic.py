"""What logistic regression promises: odds by hand, another implementation's fit, separation told, misuse named."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.numerics.logistic import logistic

close = pytest.approx


def test_two_groups_give_the_logarithm_of_their_odds() -> None:
    # 1 of 4 and 3 of 4: log(1/3), log(9) more; variances 1/1 + 1/3 and twice that.
    x = np.column_stack([np.ones(8), np.repeat([0.0, 1.0], 4)])
    fit = logistic(np.array([1.0, 0, 0, 0, 1, 1, 1, 0]), x)
    assert fit is not None
    assert fit.coefficients == close([np.log(1 / 3), np.log(9)])
    assert np.diag(fit.bread) == close([4 / 3, 8 / 3])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(1e-4, 1e4))
def test_it_agrees_with_another_implementation_on_any_scale(seed: int, scale: float) -> None:
    rng = stream(seed, "logistic")
    x = np.column_stack([np.ones(200), rng.normal(size=(200, 2)) * scale])
    y = (rng.random(200) < 1 / (1 + np.exp(-x @ [0.3, 0.8 / scale, -0.5 / scale]))).astype(float)
    fit = logistic(y, x)
    other = sm.Logit(y, x / [1, scale, scale]).fit(disp=False)
    assert fit is not None
    assert fit.fitted == close(other.predict(), abs=1e-7)  # both stop at a gradient of about 1e-8
    assert np.sqrt(np.diag(fit.bread)) * [1, scale, scale] == close(other.bse, rel=1e-5)


def test_separated_outcomes_have_no_fit() -> None:
    x = np.column_stack([np.ones(6), np.arange(6.0)])
    assert logistic((np.arange(6) > 2).astype(float), x) is None
    assert logistic(np.ones(6), x) is None


def test_what_cannot_be_meant_is_named() -> None:
    with pytest.raises(InvalidInput, match="0 and 1"):
        logistic(np.array([0.0, 2.0]), np.ones((2, 1)))
