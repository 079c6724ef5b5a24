"""What triggered analysis promises: the effect on everyone by hand, its coverage, and a trigger that is watched.

A ratio over everyone is held to a formula that is differentiated by small steps, to the published one of a mean where
its denominator is 1, and to known truth.
"""

import math

import numpy as np
import pytest

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.core.values import Moments, Refusal
from metricstack.experiments import ratio_difference
from metricstack.experiments.dilution import Diluted, diluted, diluted_ratio

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


Units = dict[str, np.ndarray]


def _world(rng: np.random.Generator, n: int, *, share: float = 0.2) -> list[Units]:
    """Triggered units of control and treatment, then the others: many runs each, of which the treatment adds some."""
    found = []
    for mean, wins, part in ((6.0, 0.5, share), (7.5, 0.6, share), (2.0, 0.8, 1 - share), (2.0, 0.8, 1 - share)):
        runs = rng.poisson(mean, rng.binomial(n, part)) + 1.0
        found.append({"wins": rng.binomial(runs.astype(int), wins).astype(float), "runs": runs})
    return found


def _ratio(units: list[Units], level: float = 0.95) -> Diluted:
    control, treatment, rest_a, rest_b = units
    found = diluted_ratio(control=control, treatment=treatment, control_rest=rest_a, treatment_rest=rest_b, level=level)
    return diluted_of(found)


def test_the_effect_on_everyones_ratio_agrees_with_a_formula_differentiated_by_steps() -> None:
    # Everyone's ratio in arm g: (s y_g + (1 - s) y_r) / (s x_g + (1 - s) x_r). It has seven inputs: two means of each
    # kind of unit and s; their covariance is in blocks, since kinds of units share nothing. Steps of 1e-6 of an input
    # leave an error of about 1e-9 in a derivative.
    units = _world(stream(11, "everyone"), 400)
    kinds = [np.stack(list(one.values())) for one in (*units[:2],)]
    kinds.append(np.concatenate([np.stack(list(one.values())) for one in units[2:]], axis=1))
    n, reached = sum(one.shape[1] for one in kinds), kinds[0].shape[1] + kinds[1].shape[1]
    at = np.concatenate([*(one.mean(axis=1) for one in kinds), [reached / n]])
    covariance = np.zeros((7, 7))
    for i, one in enumerate(kinds):
        covariance[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = np.cov(one) / one.shape[1]
    covariance[6, 6] = reached / n * (1 - reached / n) / n

    def effect(x: np.ndarray) -> float:
        control, treatment = (x[6] * x[g : g + 2] + (1 - x[6]) * x[4:6] for g in (0, 2))
        return float(treatment[0] / treatment[1] - control[0] / control[1])

    step = 1e-6 * np.eye(7)
    slope = np.array([(effect(at + one) - effect(at - one)) / 2e-6 for one in step])
    found = _ratio(units)
    assert found.everyone.value == close(effect(at), rel=1e-12)
    assert found.everyone.standard_error == close(math.sqrt(slope @ covariance @ slope), rel=1e-6)
    assert found.everyone.n == n
    assert found.share.value == reached / n
    assert found.everyone.value != close(found.share.value * found.triggered.value, rel=0.2)  # what a share would say


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


def test_a_ratio_over_units_that_count_one_each_is_the_published_mean() -> None:
    # With a denominator of 1 the ratio is a mean: s d, of variance s² Var(d) + d² s (1 - s) / N (Deng & Hu 2015).
    units = [{"wins": one["wins"], "runs": np.ones(len(one["runs"]))} for one in _world(stream(12, "ones"), 500)]
    found = _ratio(units)
    sizes = [len(one["wins"]) for one in units]
    mean = diluted_of(
        diluted(
            control=units[0]["wins"], treatment=units[1]["wins"], control_n=sizes[0] + sizes[2],
            treatment_n=sizes[1] + sizes[3],
        )
    )  # fmt: skip
    assert found.everyone.value == close(mean.everyone.value, rel=1e-12)
    assert found.everyone.standard_error == close(mean.everyone.standard_error, rel=1e-9)


def test_where_everyone_is_triggered_both_ratios_are_one() -> None:
    control, treatment, *_ = _world(stream(13, "all"), 300)
    found = _ratio([control, treatment, None, None])  # type: ignore[list-item]
    plain = ratio_difference(control=control, treatment=treatment)
    assert not isinstance(plain, Refusal)
    assert (found.everyone.low, found.everyone.high) == (close(plain.low), close(plain.high))
    assert found.everyone.p_value == close(plain.p_value)


def test_a_treatment_that_makes_the_triggered_count_for_more_moves_everyones_ratio_alone() -> None:
    # Triggered units succeed in half of their runs in both arms, and have twice as many in treatment: 5 + 45 of
    # 10 + 50 runs a unit, against 10 + 45 of 20 + 50.
    runs = np.array([9.0, 11.0] * 50)
    control, treatment = ({"wins": runs * k / 2, "runs": runs * k} for k in (1, 2))
    rest = {"wins": np.tile([44.0, 46.0], 50), "runs": np.full(100, 50.0)}
    found = diluted_ratio(
        control={"wins": control["wins"] + np.tile([1, -1, -1, 1], 25), "runs": control["runs"]},
        treatment={"wins": treatment["wins"] + np.tile([1, -1, -1, 1], 25), "runs": treatment["runs"]},
        control_rest=rest, treatment_rest=rest,
    )  # fmt: skip
    told = diluted_of(found)
    assert told.triggered.value == close(0.0, abs=1e-12)
    assert told.triggered.p_value == close(1.0)
    assert told.everyone.value == close(55 / 70 - 50 / 60)
    assert told.everyone.p_value is not None
    assert told.everyone.p_value < 1e-6


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


def test_everyones_ratio_is_covered_and_sharper_than_comparing_everyone() -> None:
    # Truth: (0.2 · 8.5 · 0.6 + 0.8 · 3 · 0.8) / (0.2 · 8.5 + 0.8 · 3) - (0.2 · 7 · 0.5 + 2.4 · 0.8) / (0.2 · 7 + 2.4).
    # 1,000 draws: Monte Carlo error of a 95 % rate is 0.69 points; three of them are allowed.
    rng, covered, shorter = stream(4, "everyone"), [], []
    truth = (1.7 * 0.6 + 2.4 * 0.8) / (1.7 + 2.4) - (1.4 * 0.5 + 2.4 * 0.8) / (1.4 + 2.4)
    for _ in range(1000):
        # The number triggered is drawn in each arm, and the others are what is left.
        counts = rng.binomial(500, 0.2, 2)
        units = []
        for n, mean, wins in zip((*counts, *(500 - counts)), (6.0, 7.5, 2.0, 2.0), (0.5, 0.6, 0.8, 0.8), strict=True):
            runs = rng.poisson(mean, n) + 1.0
            units.append({"wins": rng.binomial(runs.astype(int), wins).astype(float), "runs": runs})
        found = _ratio(units).everyone
        covered.append(found.low <= truth <= found.high)  # type: ignore[operator]
        both = [{key: np.concatenate([units[g][key], units[g + 2][key]]) for key in ("wins", "runs")} for g in (0, 1)]
        plain = ratio_difference(control=both[0], treatment=both[1])
        assert not isinstance(plain, Refusal)
        shorter.append(found.standard_error / plain.standard_error)  # type: ignore[operator]
    assert np.mean(covered) == close(0.95, abs=0.021)
    assert np.mean(shorter) < 0.85


# refusal ---------------------------------------------------------------------------------------------------------


def test_a_trigger_that_the_treatment_moves_fails_its_check() -> None:
    a, b = Moments.of(500, 10.0, 4.0), Moments.of(700, 10.5, 4.0)
    found = diluted_of(diluted(control=a, treatment=b, control_n=5000, treatment_n=5000))
    assert found.checks[0].passed is False
    assert "500 of 5000 in control, 700 of 5000 in treatment" in found.checks[0].detail


def test_one_triggered_unit_is_refused() -> None:
    found = diluted(control=[1.0], treatment=[1.0, 2.0], control_n=10, treatment_n=10)
    assert isinstance(found, Refusal)


def test_others_that_the_change_reached_fail_their_check() -> None:
    units = _world(stream(14, "leak"), 2000)
    assert {check.name: check.passed for check in _ratio(units).checks} == {"triggered_alike": True, "rest_alike": True}
    units[3]["wins"] *= 0.9
    told = {check.name: check for check in _ratio(units).checks}
    assert told["rest_alike"].passed is False
    assert "did otherwise in treatment than in control" in told["rest_alike"].detail


def test_a_ratio_of_nothing_is_refused() -> None:
    control, treatment, *rest = _world(stream(15, "none"), 100)
    nothing = {"wins": control["wins"], "runs": np.zeros(len(control["runs"]))}
    found = diluted_ratio(control=nothing, treatment=treatment, control_rest=rest[0], treatment_rest=rest[1])
    assert isinstance(found, Refusal)


# misuse ----------------------------------------------------------------------------------------------------------


def test_more_triggered_than_assigned_is_named() -> None:
    a = Moments.of(50, 10.0, 4.0)
    with pytest.raises(InvalidInput, match="50 units of the control were triggered, 40 assigned"):
        diluted(control=a, treatment=a, control_n=40, treatment_n=60)


def test_other_variables_of_other_units_are_named() -> None:
    control, treatment, rest, _ = _world(stream(16, "names"), 100)
    wrong = {"wins": rest["wins"], "views": rest["runs"]}
    with pytest.raises(InvalidInput, match=r"Triggered units have \('wins', 'runs'\), others \('wins', 'views'\)"):
        diluted_ratio(control=control, treatment=treatment, control_rest=wrong, treatment_rest=None)
