"""What adjustment promises: least squares' own numbers, the effect untouched, variance removed, 95 % coverage."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Moments, Reason, Refusal
from metricstack.experiments.adjusted import Adjusted
from metricstack.experiments.adjustment import cuped, regression_adjusted
from metricstack.experiments.ratios import ratio_difference

close = pytest.approx
Samples = dict[str, np.ndarray]


def adjusted(found: Adjusted | Refusal) -> Adjusted:
    assert isinstance(found, Adjusted), found
    return found


def drawn(seed: int, n: int = 60, lift: float = 0.5, tilt: float = 1.0) -> tuple[Samples, Samples]:
    """Two arms with two covariates of before; ``tilt`` turns the treatment's slope."""
    rng = stream(3, "adjust", seed)
    arms = []
    for arm in (0, 1):
        size = n + 15 * arm
        before = rng.normal(10.0, 2.0, size)
        visits = 0.5 * before + rng.normal(0.0, 2.0, size)
        y = (
            3.0
            + lift * arm
            + (0.8 if arm == 0 else 0.8 * tilt) * before
            + 0.4 * visits
            + rng.normal(0, 1.0 + arm, size)
        )
        arms.append({"y": y, "before": before, "visits": visits})
    return arms[0], arms[1]


def stacked(a: Samples, b: Samples, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    y = np.concatenate([a["y"], b["y"]])
    arm = np.repeat([0.0, 1.0], [len(a["y"]), len(b["y"])])
    return y, arm, np.column_stack([np.concatenate([a[name], b[name]]) for name in names])


# by hand ---------------------------------------------------------------------------------------------------------


def test_cuped_agrees_with_a_calculation_by_hand() -> None:
    # Within the arms S_xx = 2 + 2, S_xy = 3 + 1, theta 1. Plain 16/3 - 8/3 = 8/3, x̄ 2 and 3: 8/3 - 1 = 5/3.
    # y - x: (0, 1, 1) and (3, 2, 2): both of variance 1/3, so the variance is 2/9.
    found = adjusted(
        cuped(
            control={"y": [1.0, 3.0, 4.0], "x": [1.0, 2.0, 3.0]},
            treatment={"y": [5.0, 5.0, 6.0], "x": [2.0, 3.0, 4.0]},
            covariates=["x"],
        )
    )
    assert found.coefficients == (("x", close(1.0)),)
    assert found.value == close(5 / 3)
    assert found.standard_error == close(math.sqrt(2 / 9))
    # The plain difference has variance (7/3 + 1/3)/3 = 8/9: three quarters are gone.
    assert found.variance_reduction == close(0.75)
    assert found.plain is not None
    assert found.plain.value == close(8 / 3)


@pytest.mark.parametrize("names", [("before",), ("before", "visits")])
def test_cuped_is_the_coefficient_of_least_squares(names: tuple[str, ...]) -> None:
    # Independent implementation: statsmodels OLS of y on treatment and covariates; the same point estimate. The
    # error is the one of y - x theta in each arm by NumPy, also where the arms differ in size and slope.
    a, b = drawn(1, tilt=0.2)
    y, arm, x = stacked(a, b, names)
    peer = sm.OLS(y, sm.add_constant(np.column_stack([arm, x]))).fit()
    found = adjusted(cuped(control=a, treatment=b, covariates=names))
    assert found.value == close(peer.params[1], rel=1e-9)
    assert [theta for _, theta in found.coefficients] == close(list(peer.params[2:]), rel=1e-9)
    left = y - x @ peer.params[2:]
    variance = sum(left[arm == side].var(ddof=1) / (arm == side).sum() for side in (0.0, 1.0))
    assert found.standard_error == close(math.sqrt(variance), rel=1e-9)


@pytest.mark.parametrize("names", [("before",), ("before", "visits")])
def test_regressions_in_each_arm_are_one_with_interactions(names: tuple[str, ...]) -> None:
    # Independent implementation: statsmodels OLS with centred covariates and their interactions (Lin 2013); the
    # standard error from each arm's own OLS prediction at the common mean, plus the common mean's own variance.
    a, b = drawn(2, tilt=0.5)
    y, arm, x = stacked(a, b, names)
    centred = x - x.mean(axis=0)
    peer = sm.OLS(y, sm.add_constant(np.column_stack([arm, centred, centred * arm[:, None]]))).fit()
    found = adjusted(regression_adjusted(control=a, treatment=b, covariates=names))
    assert found.value == close(peer.params[1], rel=1e-9)
    variance, thetas, spread = 0.0, [], np.zeros((len(names), len(names)))
    for side in (0.0, 1.0):
        at = arm == side
        fit = sm.OLS(y[at], sm.add_constant(centred[at])).fit()
        variance += float(fit.get_prediction(np.eye(1, len(names) + 1)).se_mean[0]) ** 2
        thetas.append(fit.params[1:])
        spread += np.atleast_2d(np.cov(centred[at], rowvar=False)) * at.sum() / len(y) ** 2
    step = thetas[1] - thetas[0]
    assert found.standard_error == close(math.sqrt(variance + step @ spread @ step), rel=1e-9)


def test_a_ratio_is_adjusted_as_its_linearised_units_are() -> None:
    # By hand: (x - R y) / ȳ per unit and arm, adjusted by CUPED, the ratios of the arms added.
    rng = stream(3, "ratio")
    arms = []
    for lift in (0.0, 0.05):
        before = rng.gamma(2.0, 2.0, 80)
        views = 1 + rng.poisson(before * 3)
        arms.append({"clicks": views * (0.2 + lift) + rng.normal(0, 1, 80), "views": views, "before": before})
    a, b = arms
    found = adjusted(cuped(control=a, treatment=b, covariates="before", denominator="views"))
    line = []
    for arm in (a, b):
        ratio = arm["clicks"].mean() / arm["views"].mean()
        line.append(
            {"y": ratio + (arm["clicks"] - ratio * arm["views"]) / arm["views"].mean(), "before": arm["before"]}
        )
    peer = adjusted(cuped(control=line[0], treatment=line[1], covariates="before"))
    assert (found.value, found.standard_error) == (close(peer.value), close(peer.standard_error))
    assert found.plain is not None
    plain = ratio_difference(control=a, treatment=b)
    assert not isinstance(plain, Refusal)
    assert found.plain.value == close(plain.value)


# laws ------------------------------------------------------------------------------------------------------------


@given(st.integers(0, 10**6), st.floats(0.1, 10.0), st.floats(-100.0, 100.0))
def test_the_covariates_scale_and_origin_do_not_matter(seed: int, scale: float, origin: float) -> None:
    a, b = drawn(seed)
    moved = [arm | {"before": arm["before"] * scale + origin} for arm in (a, b)]
    for estimator in (cuped, regression_adjusted):
        one = adjusted(estimator(control=a, treatment=b, covariates=("before", "visits")))
        two = adjusted(estimator(control=moved[0], treatment=moved[1], covariates=("visits", "before")))
        assert (one.value, one.standard_error) == (close(two.value, rel=1e-6), close(two.standard_error, rel=1e-6))


@given(st.integers(0, 10**6))
def test_adding_a_constant_to_the_treatment_adds_it_to_the_effect_and_nothing_else(seed: int) -> None:
    a, b = drawn(seed)
    more = b | {"y": b["y"] + 3.0}
    for estimator in (cuped, regression_adjusted):
        one, two = (adjusted(estimator(control=a, treatment=arm, covariates="before")) for arm in (b, more))
        assert two.value - one.value == close(3.0)
        assert two.standard_error == close(one.standard_error)


def test_a_covariate_that_never_varies_or_repeats_another_changes_nothing() -> None:
    a, b = drawn(4)
    for arm in (a, b):
        arm["ones"], arm["twin"] = np.ones(len(arm["y"])), arm["before"] * 2
    alone = adjusted(cuped(control=a, treatment=b, covariates="before"))
    more = adjusted(cuped(control=a, treatment=b, covariates=["before", "ones", "twin"]))
    assert (more.value, more.standard_error, more.freedom) == (
        close(alone.value), close(alone.standard_error), close(alone.freedom),
    )  # fmt: skip
    nothing = adjusted(cuped(control=a, treatment=b, covariates="ones"))
    assert nothing.plain is not None
    assert (nothing.value, nothing.variance_reduction) == (close(nothing.plain.value), close(0.0))


def test_moments_and_samples_say_the_same() -> None:
    a, b = drawn(5)
    one = cuped(control=a, treatment=b, covariates="before", relative=True)
    two = cuped(control=Moments.of_samples(**a), treatment=Moments.of_samples(**b), covariates="before", relative=True)
    assert one == two
    assert adjusted(one).unit == "fraction"


# calibration -----------------------------------------------------------------------------------------------------


def _many(estimator: str, names: tuple[str, ...], *, relative: bool = False, draws: int = 2000) -> dict[str, float]:
    """Skewed spending, 100 and 150 units; the truth of the difference is 0.5, of the lift 0.05."""
    rng = stream(5, estimator, *names, str(relative))
    covered, shorter = [], []
    make = {"cuped": cuped, "regression_adjusted": regression_adjusted}[estimator]
    for _ in range(draws):
        arms = []
        for arm, n in ((0, 100), (1, 150)):
            x = rng.gamma(4.0, 1.0, n)
            z = rng.normal(0.0, 1.0, n)
            arms.append({"y": 6.0 + x + 0.8 * z + 0.5 * arm + rng.normal(0, 1, n), "x": x, "z": z})
        found = adjusted(make(control=arms[0], treatment=arms[1], covariates=names, relative=relative))  # type: ignore[operator]
        truth = 0.05 if relative else 0.5
        covered.append(found.low <= truth <= found.high)  # type: ignore[operator]
        shorter.append(found.variance_reduction)
    return {"covered": float(np.mean(covered)), "reduction": float(np.mean(shorter))}


@pytest.mark.parametrize(
    ("estimator", "names", "relative", "reduction"),
    [
        # Var(y) = 4 + 0.64 + 1; x removes 4/5.64 = 71 % and z another 11 %.
        ("cuped", ("x",), False, 4 / 5.64),
        ("cuped", ("x", "z"), False, 4.64 / 5.64),
        ("cuped", ("x", "z"), True, None),
        ("regression_adjusted", ("x", "z"), False, 4.64 / 5.64),
        ("regression_adjusted", ("x", "z"), True, None),
    ],
)
def test_the_adjusted_interval_covers_95_percent(
    estimator: str, names: tuple[str, ...], relative: bool, reduction: float | None
) -> None:
    # 2,000 draws: Monte Carlo error of a 95 % rate is 0.49 points, three of them 1.5.
    found = _many(estimator, names, relative=relative)
    assert found["covered"] == close(0.95, abs=0.015)
    if reduction is not None:
        assert found["reduction"] == close(reduction, abs=0.02)


def test_with_ten_units_per_arm_the_regressions_keep_their_error_rate_and_cuped_says_it_does_not() -> None:
    # 2,000 draws: Monte Carlo error of a 5 % rate is 0.49 points, three of them 1.5.
    rng = stream(5, "few")
    rejected: dict[str, list[bool]] = {"cuped": [], "regression_adjusted": []}
    for _ in range(2000):
        arms = []
        for _arm in (0, 1):
            x, z = rng.normal(size=(2, 10))
            arms.append({"y": x + 0.5 * z + rng.normal(size=10), "x": x, "z": z})
        for estimator in (cuped, regression_adjusted):
            found = adjusted(estimator(control=arms[0], treatment=arms[1], covariates=("x", "z")))
            rejected[estimator.__name__].append(found.p_value < 0.05)  # type: ignore[operator]
            assert next(check for check in found.checks if check.name == "units_per_covariate").passed is False
    assert np.mean(rejected["regression_adjusted"]) < 0.065
    assert np.mean(rejected["cuped"]) > 0.065


def test_a_ratio_adjusted_by_its_past_covers_and_gains() -> None:
    # Users keep their rate; clicks and views of before take off what that explains. 2,000 draws, truth 0.
    rng = stream(5, "ratio")
    rejected, gained = [], []
    for _ in range(2000):
        arms = []
        for n in (200, 200):
            rate, size = rng.beta(2, 6, n), rng.gamma(3.0, 5.0, n)
            views, before = 1 + rng.poisson(size), 1 + rng.poisson(size)
            arms.append(
                {
                    "clicks": rng.binomial(views, rate),
                    "views": views,
                    "clicks_before": rng.binomial(before, rate),
                    "views_before": before,
                }
            )
        found = adjusted(
            cuped(control=arms[0], treatment=arms[1], denominator="views", covariates=["clicks_before", "views_before"])
        )
        rejected.append(found.p_value < 0.05)  # type: ignore[operator]
        gained.append(found.variance_reduction)
    assert np.mean(rejected) == close(0.05, abs=0.015)
    assert np.mean(gained) > 0.3


# refusal ---------------------------------------------------------------------------------------------------------


def test_a_covariate_that_the_treatment_moved_fails_its_check() -> None:
    a, b = drawn(6)
    b["before"] = b["before"] + 3.0
    for estimator in (cuped, regression_adjusted):
        found = adjusted(estimator(control=a, treatment=b, covariates=("before", "visits")))
        check = next(check for check in found.checks if check.name == "covariates_balanced")
        assert check.passed is False
        assert "'before'" in check.detail
        assert "before the first exposure" in check.detail
    fair = adjusted(cuped(control=drawn(6)[0], treatment=drawn(6)[1], covariates="before"))
    assert all(check.passed for check in fair.checks)


def test_few_units_fail_their_check_or_are_refused() -> None:
    a, b = {"y": [1.0, 2.0, 4.0], "x": [1.0, 2.0, 3.0]}, {"y": [2.0, 4.0, 5.0], "x": [1.0, 2.0, 3.0]}
    found = adjusted(cuped(control=a, treatment=b, covariates="x"))
    assert [check.passed for check in found.checks if check.name == "units_per_covariate"] == [False]
    refused = regression_adjusted(control=a, treatment=b, covariates="x")
    assert isinstance(refused, Refusal)
    assert refused.reason is Reason.TOO_FEW_UNITS
    assert isinstance(cuped(control={"y": [1.0], "x": [1.0]}, treatment=b, covariates="x"), Refusal)


def test_an_outcome_that_the_past_explains_wholly_is_refused() -> None:
    a = {"y": [1.0, 2.0, 3.0, 5.0], "x": [2.0, 4.0, 6.0, 10.0]}
    found = cuped(control=a, treatment=a, covariates="x")
    assert isinstance(found, Refusal)
    assert found.reason is Reason.NO_VARIATION


# misuse ----------------------------------------------------------------------------------------------------------


def test_wrong_inputs_are_named() -> None:
    a, b = drawn(7)
    for estimator in (cuped, regression_adjusted):
        with pytest.raises(UnknownName, match="'before'"):
            estimator(control=a, treatment=b, covariates="befor")
        with pytest.raises(InvalidInput, match="adjust itself"):
            estimator(control=a, treatment=b, covariates="y")
        with pytest.raises(InvalidInput, match="must be named"):
            estimator(control=a, treatment=b, covariates=())
        with pytest.raises(InvalidInput, match="give both the same"):
            estimator(control=a, treatment={"y": [1.0, 2.0]}, covariates="before")
        with pytest.raises(InvalidInput, match="outside"):
            estimator(control=a, treatment=b, covariates="before", level=0.0)
