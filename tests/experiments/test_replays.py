"""What the A/A verdict promises: exact intervals, and the right name for each way of going wrong."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.core.values import Reason, Refusal
from metricstack.experiments.replays import AAVerdict, aa_verdict

close = pytest.approx


def verdict(found: AAVerdict | Refusal) -> AAVerdict:
    assert isinstance(found, AAVerdict)
    return found


# By another implementation


@given(st.lists(st.floats(0, 1), min_size=20, max_size=60))
def test_interval_and_uniformity_are_those_of_scipy(p: list[float]) -> None:
    found = verdict(aa_verdict(p))
    errors = sum(value <= 0.05 for value in p)
    wanted = stats.binomtest(errors, len(p)).proportion_ci(0.99, method="exact")
    assert (found.rate.low, found.rate.high) == (close(wanted.low, abs=1e-9), close(wanted.high, abs=1e-9))
    assert found.uniformity_p == close(stats.kstest(p, "uniform").pvalue)


def test_eight_per_cent_of_a_thousand_are_too_many_and_six_are_not() -> None:
    # Exact 99 % intervals, scipy.stats.binomtest(80, 1000).proportion_ci(0.99) from 0.0594 on, of 60 from 0.0423 on.
    even = np.linspace(0.0501, 1, 1000)
    eight, six = (np.concatenate([np.linspace(0, 0.05, k), even[k:]]) for k in (80, 60))
    assert verdict(aa_verdict(eight)).verdict == "inflated"
    assert verdict(aa_verdict(six)).verdict == "calibrated"


# Calibration


def test_p_values_that_are_right_are_seldom_called_wrong() -> None:
    # Two tests at 1 % each: at most 2 %, and three Monte Carlo errors of 0.0044 over 1,000 platforms.
    p = stream(41, "a/a").random(size=(1000, 300))
    wrong = np.mean([verdict(aa_verdict(row)).verdict != "calibrated" for row in p])
    assert wrong <= 0.02 + 0.0133


def test_each_fault_has_its_name() -> None:
    random = stream(42, "faults")
    z = np.abs(random.normal(size=1000))
    assert verdict(aa_verdict(2 * stats.norm.sf(z * 1.4))).verdict == "inflated"  # errors too small by 1.4
    assert verdict(aa_verdict(2 * stats.norm.sf(z / 1.5))).verdict == "conservative"
    uneven = np.concatenate([random.random(50) * 0.05, 0.05 + 0.4 * random.random(950)])
    found = verdict(aa_verdict(uneven))
    assert (found.verdict, found.check.passed) == ("uneven", False)


# Refusal


def test_few_replays_are_refused() -> None:
    found = aa_verdict([0.5] * 19)
    assert isinstance(found, Refusal)
    assert found.reason == Reason.TOO_FEW_UNITS


# Misuse


def test_p_values_that_are_none_are_errors() -> None:
    with pytest.raises(InvalidInput, match="outside"):
        aa_verdict([0.5] * 30 + [1.5])
    with pytest.raises(InvalidInput, match="alpha"):
        aa_verdict([0.5] * 30, alpha=0.0)
