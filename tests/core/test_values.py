"""What the frozen values promise: nothing hides in them, and sums merge without loss."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from metricstack.core import Check, Estimate, Finding, InvalidInput, Moments, Reason, Refusal


def estimate(value: float = 0.5, **changes: object) -> Estimate:
    given_ = {"unit": "fraction", "n": 100, "method": "Wilson", "low": 0.4, "high": 0.6, "level": 0.95} | changes
    return Estimate(value, **given_)  # type: ignore[arg-type]


# By hand


def test_moments_agree_with_a_calculation_by_hand() -> None:
    # x = 1, 2, 6: mean 3, squares 4 + 1 + 9 = 14, variance 14 / 2 = 7
    # y = 2, 4, 12 = 2x: covariance 14
    moments = Moments.of_samples(x=[1.0, 2.0, 6.0], y=[2.0, 4.0, 12.0])
    assert moments.n == 3
    assert moments.mean == 3.0
    assert moments.variance == 7.0
    assert moments.covariance("x", "y") == 14.0


def test_a_large_mean_keeps_its_small_spread() -> None:
    # 1e9 + (−1, 0, 1): variance 1 exactly; raw sums of squares in doubles would lose it.
    halves = Moments.of_samples(x=[1e9 - 1]).merge(Moments.of_samples(x=[1e9, 1e9 + 1]))
    assert halves.variance == pytest.approx(1.0, rel=1e-9)  # one rounding of 1e9 is 1e-7 in the mean


def test_a_finding_writes_plain_json_values() -> None:
    refusal = Refusal(Reason.NO_DATA, "no rows", "Load some.")
    finding = Finding("How many?", refusal, checks=(Check("rows", passed=False, detail="0 rows"),))
    plain = finding.to_dict()
    assert plain["answer"] == {"kind": "refusal", "reason": "no_data", "detail": "no rows", "remedy": "Load some."}
    assert plain["checks"] == [{"name": "rows", "passed": False, "detail": "0 rows"}]


def test_an_unbounded_interval_is_said_in_json_not_written_as_infinity() -> None:
    plain = estimate(high=math.inf).to_dict()
    assert plain["high"] is None
    assert plain["unbounded"] is True


# Laws

samples = arrays(np.float64, st.integers(0, 20), elements=st.floats(-1e6, 1e6))


@given(samples, samples)
def test_merging_gives_the_moments_of_the_whole(left: np.ndarray, right: np.ndarray) -> None:
    merged = Moments.of_samples(x=left).merge(Moments.of_samples(x=right))
    whole = Moments.of_samples(x=np.concatenate([left, right]))
    assert merged.n == whole.n
    # values up to 1e6, squares up to 1e12: 16 digits leave about 1e-4 absolute on a sum of 40
    assert merged.mean == pytest.approx(whole.mean, abs=1e-6)
    assert merged.cross[0, 0] == pytest.approx(whole.cross[0, 0], rel=1e-9, abs=1e-2)


def test_answers_and_refusals_tabulate_with_the_same_columns() -> None:
    answered = Finding("q", estimate(), subject="a").to_pandas()
    refused = Finding("q", Refusal(Reason.NO_DATA, "no rows"), subject="a").to_pandas()
    assert list(answered.columns) == list(refused.columns)
    assert answered.dtypes.to_dict() == refused.dtypes.to_dict() or refused["value"].isna().all()
    assert refused["value"].isna().all()
    assert refused["reason"].item() == "no_data"


def test_values_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        estimate().value = 1.0  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        Moments.of(3, 1.0, 1.0).means[0] = 2.0


# Misuse


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_an_estimate_is_never_nan_or_infinite(value: float) -> None:
    with pytest.raises(InvalidInput, match="return a Refusal"):
        estimate(value)


def test_an_interval_is_whole_or_absent() -> None:
    with pytest.raises(InvalidInput, match="together"):
        estimate(level=None)
    with pytest.raises(InvalidInput, match="above its high"):
        estimate(low=0.7)
    with pytest.raises(InvalidInput, match="outside"):
        estimate(level=95.0)


def test_a_census_has_no_interval() -> None:
    assert estimate(low=None, high=None, level=None, method="census").is_census


def test_moments_refuse_missing_observations() -> None:
    with pytest.raises(InvalidInput, match="not finite"):
        Moments.of_samples(x=[1.0, math.nan])


def test_moments_of_other_variables_do_not_merge() -> None:
    with pytest.raises(InvalidInput, match="cannot be merged"):
        Moments.of_samples(x=[1.0]).merge(Moments.of_samples(y=[1.0]))
