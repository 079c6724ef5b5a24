"""What agreement and repetition promise: published and hand-worked numbers, laws, calibration, what has no value."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metricstack.core.streams import stream
from metricstack.numerics.agreement import alpha_of_sums, cohen_kappa, kappa_of_cells, krippendorff_alpha
from metricstack.numerics.jackknife import jackknife
from metricstack.numerics.repeated import mean_over_tasks

# Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, the data of section C: four observers, twelve units.
OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]


def sums_of(items: list[list[float]]) -> np.ndarray:
    """Add up each item's values by definition: one row per item, none for those with one value."""
    rows = []
    for values in items:
        m, x = len(values), np.array(values, dtype=np.float64)
        if m >= 2:
            pairs = sum((a - b) ** 2 for a in x for b in x) / (2 * (m - 1))  # every ordered pair, as he writes it
            rows.append([m, x.sum(), (x**2).sum(), pairs])
    return np.array(rows)


def cells_of(no_no: int, no_yes: int, yes_no: int, yes_yes: int) -> np.ndarray:
    """Return one row per item."""
    return np.repeat(np.eye(4), [no_no, no_yes, yes_no, yes_yes], axis=0)


def test_alpha_of_the_canonical_data_is_the_published_one() -> None:
    items = [[row[i] for row in OBSERVERS if row[i] is not None] for i in range(12)]
    found = krippendorff_alpha(sums_of(items))
    assert found.value == pytest.approx(0.849, abs=5e-4)
    assert found.units == 11  # the twelfth unit has one value: no pair
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.849 < found.high <= 1.0


def test_kappa_of_a_two_by_two_table_by_hand() -> None:
    # Agreed 35 of 50 = .7; by chance .5 × .6 + .5 × .4 = .5; (.7 − .5) / (1 − .5) = .4.
    found = cohen_kappa(cells_of(15, 10, 5, 20))
    assert found.value == pytest.approx(0.4)


def test_kappas_error_is_that_of_another_implementation() -> None:
    from statsmodels.stats.inter_rater import cohens_kappa

    there = cohens_kappa(np.array([[150, 100], [50, 200]]))
    here = jackknife(cells_of(150, 100, 50, 200), kappa_of_cells)
    assert here is not None
    assert here.variance == pytest.approx(there.var_kappa, rel=0.01)  # asymptotic there, 500 items here


def test_pass_k_by_hand() -> None:
    # k = 2. Task a 3 of 4: C(3,2)/C(4,2) = .5. b 4 of 4: 1. c 1 of 3: 0. Mean .5.
    tasks = np.array([[math.comb(c, 2) / math.comb(n, 2), 1.0] for c, n in [(3, 4), (4, 4), (1, 3)]])
    assert mean_over_tasks(tasks).value == pytest.approx(0.5)


def test_the_jackknife_of_a_mean_is_its_textbook_variance() -> None:
    x = np.array([1.0, 4.0, 4.0, 7.0, 9.0])
    found = jackknife(np.stack([x, np.ones(5)], axis=1), lambda sums: sums[:, 0] / sums[:, 1])
    assert found is not None
    assert found.variance == pytest.approx(x.var(ddof=1) / 5)
    assert found.freedom == 4


counts = st.integers(0, 20)


@given(counts, counts, counts, counts)
def test_kappa_does_not_care_who_is_first_or_what_is_yes(a: int, b: int, c: int, d: int) -> None:
    cells = np.array([[a, b, c, d], [a, c, b, d], [d, c, b, a]], dtype=np.float64)
    first, swapped, turned = kappa_of_cells(cells)
    assert first == pytest.approx(swapped, nan_ok=True)
    assert first == pytest.approx(turned, nan_ok=True)
    assert math.isnan(first) or -1 - 1e-9 <= first <= 1 + 1e-9


judged = st.lists(st.lists(st.integers(0, 5), min_size=2, max_size=4), min_size=3, max_size=12)


@given(judged, st.floats(0.1, 10), st.floats(-20, 20))
def test_alpha_keeps_under_another_scale(items: list[list[int]], factor: float, shift: float) -> None:
    whole = sums_of([[float(x) for x in values] for values in items]).sum(axis=0, keepdims=True)
    moved = sums_of([[x * factor + shift for x in values] for values in items]).sum(axis=0, keepdims=True)
    here, there = float(alpha_of_sums(whole)[0]), float(alpha_of_sums(moved)[0])
    assert here == pytest.approx(there, abs=1e-6, nan_ok=True)
    assert math.isnan(here) or here <= 1.0


@given(judged)
def test_gathering_items_in_units_never_changes_the_value(items: list[list[int]]) -> None:
    rows = sums_of([[float(x) for x in values] for values in items])
    gathered = np.stack([rows[::2].sum(axis=0), rows[1::2].sum(axis=0)])
    here, there = krippendorff_alpha(rows).value, krippendorff_alpha(gathered).value
    assert (here is None) == (there is None)
    assert here is None or here == pytest.approx(there)


def _kappa_held(trials: int) -> float:
    # Both say the truth (yes in 40 %) with 85 %, else the opposite, each for itself:
    # agreed .85² + .15² = .745; each says yes .4 × .85 + .6 × .15 = .43; chance .5098; kappa .47980.
    random, held = stream(1, "kappa"), 0
    for _ in range(trials):
        truth = random.random(120) < 0.4
        a, b = (truth ^ (random.random(120) < 0.15) for _ in range(2))
        found = cohen_kappa(np.eye(4)[2 * a + b])
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.4798042 <= found.high
    return held / trials


def _alpha_held(trials: int) -> float:
    # Item effect of variance 1 and rater noise of variance .5: alpha of three raters tends to 1 / 1.5 = 2/3.
    random, held = stream(2, "alpha"), 0
    for _ in range(trials):
        x = random.normal(0, 1, 60)[:, None] + random.normal(0, math.sqrt(0.5), (60, 3))
        found = krippendorff_alpha(sums_of(x.tolist()))
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 2 / 3 <= found.high
    return held / trials


def _pass_held(trials: int) -> float:
    # Success rates of tasks are uniform: E[p³] = 1/4. Four to eight attempts, all succeed among k = 3.
    random, held = stream(3, "pass"), 0
    for _ in range(trials):
        n = random.integers(4, 9, 80)
        c = random.binomial(n, random.random(80))
        chance = [math.comb(int(ok), 3) / math.comb(int(all_), 3) for ok, all_ in zip(c, n, strict=True)]
        found = mean_over_tasks(np.stack([chance, np.ones(80)], axis=1))
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.25 <= found.high
    return held / trials


def test_95_intervals_cover_the_truth() -> None:
    # 400 draws: the Monte Carlo error of a 95 % rate is 1.1 points.
    assert 0.92 <= _kappa_held(400) <= 0.98
    assert 0.92 <= _alpha_held(400) <= 0.98
    assert 0.92 <= _pass_held(400) <= 0.98


def test_full_agreement_is_no_certainty() -> None:
    found = cohen_kappa(cells_of(10, 0, 0, 10))
    assert found.value == 1.0
    # Wilson's lower bound of 20 of 20 is .8389 (1 / (1 + 1.959964² / 20)); (.8389 − .5) / .5 = .6778.
    assert found.low == pytest.approx(0.6778, abs=5e-4)
    same = krippendorff_alpha(sums_of([[1.0, 1.0], [3.0, 3.0], [2.0, 2.0]]))
    assert same.value == 1.0
    assert same.low is not None
    assert same.low < 0.5
    every = mean_over_tasks(np.ones((5, 2)))
    assert every.value == 1.0
    assert every.low is not None
    assert every.low < 0.6


def test_without_difference_agreement_beyond_chance_has_no_value() -> None:
    assert cohen_kappa(cells_of(0, 0, 0, 9)).value is None
    assert krippendorff_alpha(sums_of([[2.0, 2.0], [2.0, 2.0]])).value is None


def test_what_hangs_on_one_unit_has_no_interval() -> None:
    assert cohen_kappa(cells_of(1, 1, 0, 0)).low is None  # without either item one says the same always
    assert krippendorff_alpha(sums_of([[1.0, 2.0], [1.0, 1.0]])).low is None
    assert mean_over_tasks(np.array([[0.5, 1.0]])).low is None
