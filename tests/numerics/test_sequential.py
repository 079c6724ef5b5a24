"""What paths with looks promise: published error rates and bounds, and the multivariate normal's own numbers."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.numerics.sequential import (
    SPENDING,
    beyond,
    drift_for_power,
    efficacy_bounds,
    exits,
    futility_bounds,
    information_fractions,
    spent,
)

close = pytest.approx

# By hand, and as published


@pytest.mark.parametrize(
    ("looks", "error"),
    [(1, 0.050), (2, 0.083), (3, 0.107), (4, 0.126), (5, 0.142), (10, 0.193), (20, 0.248), (50, 0.320)],
)
def test_repeated_looks_at_five_per_cent_err_as_armitage_mcpherson_and_rowe_found(looks: int, error: float) -> None:
    # Armitage, McPherson and Rowe (1969), normal case; three decimals are printed.
    found = exits(information_fractions(looks), np.full(looks, 1.96), np.full(looks, -1.96))
    assert float((found.above + found.below).sum()) == close(error, abs=0.0006)


@pytest.mark.parametrize(("constants", "power", "ratio"), [
    (np.full(5, 2.413), 0.8, 1.229), (np.full(5, 2.413), 0.9, 1.207),
    (2.040 * np.sqrt(5 / np.arange(1, 6)), 0.8, 1.028), (2.040 * np.sqrt(5 / np.arange(1, 6)), 0.9, 1.026),
])  # fmt: skip
def test_constants_of_jennison_and_turnbull_keep_five_per_cent_and_cost_what_they_say(
    constants: np.ndarray, power: float, ratio: float
) -> None:
    # Jennison and Turnbull (2000), tables 2.1 to 2.4: C_P(5, 0.05) = 2.413, C_B(5, 0.05) = 2.040; ratios to 0.001.
    times = information_fractions(5)
    found = exits(times, constants, -constants)
    assert float((found.above + found.below).sum()) == close(0.05, abs=1e-4)
    fixed = stats.norm.isf(0.025) + stats.norm.isf(1 - power)
    assert (drift_for_power(times, constants, power) / fixed) ** 2 == close(ratio, abs=0.0011)


def test_one_look_is_the_normal() -> None:
    assert efficacy_bounds(np.ones(1), np.array([0.025]), sided=1) == close(stats.norm.isf(0.025), abs=1e-8)
    assert drift_for_power(np.ones(1), np.array([2.0]), 0.9) == close(2.0 + stats.norm.isf(0.1), abs=1e-7)


def test_futility_bounds_are_those_of_gsdesign() -> None:
    # R: gsDesign(k = 3) with its defaults (alpha 0.025, beta 0.1, sfHSD(-4) and sfHSD(-2), non-binding) prints, to
    # two decimals, upper 3.01, 2.55, 2.00, lower -0.24, 0.94, 2.00 and a sample size ratio of 1.07.
    times = information_fractions(3)
    upper = efficacy_bounds(times, spent("hwang_shih_decani", times, total=0.025), sided=1)
    lower, drift = futility_bounds(times, upper, spent("hwang_shih_decani", times, total=0.1, shape=-2))
    assert upper == close([3.01, 2.55, 2.00], abs=0.005)
    assert lower == close([-0.24, 0.94, 2.00], abs=0.005)
    assert (drift / (stats.norm.isf(0.025) + stats.norm.isf(0.1))) ** 2 == close(1.07, abs=0.005)
    # Under that drift they spend what they were given, and the power is what is left.
    found = exits(times, upper, lower, drift=drift)
    assert np.cumsum(found.below) == close(spent("hwang_shih_decani", times, total=0.1, shape=-2), abs=1e-8)
    assert float(found.above.sum()) == close(0.9, abs=1e-8)


@pytest.mark.parametrize("drift", [0.0, 2.5])
@pytest.mark.parametrize("times", [[0.3, 1.0], [0.2, 0.5, 1.0], [0.1, 0.35, 0.6, 1.0]])
def test_exits_are_those_of_the_multivariate_normal(times: list[float], drift: float) -> None:
    # Paths that never leave have z within the bounds at all looks: a rectangle of a normal with
    # cov(z_j, z_k) = sqrt(t_j / t_k). SciPy's quasi-random integration is good to about 1e-6.
    t, bound = np.array(times), np.linspace(2.8, 2.0, len(times))
    covariance = np.sqrt(np.minimum.outer(t, t) / np.maximum.outer(t, t))
    normal = stats.multivariate_normal(drift * np.sqrt(t), covariance, maxpts=200_000, abseps=1e-7, seed=1)
    found = exits(t, bound, -bound, drift=drift)
    assert float((found.above + found.below).sum()) == close(1 - normal.cdf(bound, lower_limit=-bound), abs=1e-5)


# Laws


@given(
    st.lists(st.floats(0.01, 1.0), min_size=1, max_size=6), st.sampled_from(SPENDING), st.sampled_from([1, 2])
)  # fmt: skip
@settings(max_examples=30, deadline=None)
def test_bounds_spend_what_they_were_given(gaps: list[float], family: str, sided: int) -> None:
    times = information_fractions(list(np.cumsum(gaps) / sum(gaps)))
    used = spent(family, times, total=0.025)
    upper = efficacy_bounds(times, used, sided=sided)
    found = exits(times, upper, -upper if sided == 2 else None)
    assert np.cumsum(found.above) == close(used, abs=1e-9)
    if sided == 2:
        assert found.below == close(found.above, abs=1e-12)


@pytest.mark.parametrize("family", SPENDING)
def test_every_family_spends_all_at_the_end_and_never_gives_back(family: str) -> None:
    used = spent(family, information_fractions(50), total=0.04)
    assert used[-1] == close(0.04)
    assert (np.diff(used) > 0).all()


def test_a_finer_path_changes_no_number() -> None:
    # A look with bounds that nobody reaches is no look.
    plain = exits(np.array([0.5, 1.0]), np.array([2.0, 2.0]), np.array([-2.0, -2.0]), drift=1.0)
    more = exits(np.array([0.5, 0.9, 1.0]), np.array([2.0, np.inf, 2.0]), np.array([-2.0, -np.inf, -2.0]), drift=1.0)
    assert more.above[[0, 2]] == close(plain.above, abs=1e-10)
    assert more.above[1] == 0


def test_the_stagewise_chance_grows_with_the_effect_and_starts_at_the_plain_tail() -> None:
    times, upper = np.array([0.5, 1.0]), np.array([2.9626, 1.9686])
    chances = [beyond(times, upper, 1, 2.2, drift=drift, sided=2) for drift in (-1.0, 0.0, 2.0, 4.0)]
    assert chances == sorted(chances)
    assert beyond(times, upper, 0, 3.1, drift=0.0, sided=2) == close(stats.norm.sf(3.1), abs=1e-12)


# Calibration


def test_simulated_paths_leave_as_often_as_computed() -> None:
    # 200,000 paths: Monte Carlo error of each chance is at most 0.0011, three of them are allowed.
    times = np.array([0.2, 0.5, 0.6, 1.0])
    steps = np.diff(times, prepend=0.0)
    noise = stream(11, "paths").normal(size=(200_000, 4))
    z = np.cumsum(2.0 * steps + noise * np.sqrt(steps), axis=1) / np.sqrt(times)
    upper, lower = np.array([2.5, 2.3, 2.2, 2.0]), np.array([-1.0, 0.0, 0.5, 2.0])
    out = (z >= upper) | (z <= lower)
    first = out.argmax(axis=1)
    found = exits(times, upper, lower, drift=2.0)
    for look in range(4):
        here = first == look
        assert float((here & (z[:, look] >= upper[look])).mean()) == close(found.above[look], abs=0.0033)
        assert float((here & (z[:, look] <= lower[look])).mean()) == close(found.below[look], abs=0.0033)
    assert float(found.above.sum() + found.below.sum()) == close(1.0, abs=1e-9)


# Misuse


def test_looks_that_are_none_are_errors() -> None:
    for looks in (0, 201, [], [0.5, 0.5], [0.5, 0.4], [0.0, 1.0], [0.5, 1.2], [0.5, math.nan], True, "five"):
        with pytest.raises(InvalidInput):
            information_fractions(looks)  # type: ignore[arg-type]


def test_spending_that_is_none_is_an_error() -> None:
    with pytest.raises(UnknownName, match="obrien_fleming"):
        spent("obrien_flemming", np.ones(1), total=0.05)
    with pytest.raises(InvalidInput, match="exponent"):
        spent("power", np.ones(1), total=0.05, shape=0.0)
