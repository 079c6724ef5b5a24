"""What `interrupted` promises: what other implementations say; without an effect, seldom one."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.linalg import toeplitz
from statsmodels.datasets import nile

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Reason, Refusal
from metricstack.linkage.interrupted import Interrupted, Placebo, interrupted

NILE = nile.load_pandas().data["volume"].to_numpy(np.float64)
DAYS = pd.date_range("2026-06-29", periods=90)
NOISE = stream(1, "interrupted").standard_normal(90)


def known(y: object, start: object, **more: object) -> Interrupted:
    found = interrupted(y, start, **more)  # type: ignore[arg-type]
    assert isinstance(found, Interrupted)
    return found


def design(n: int, start: int) -> np.ndarray:
    since = np.arange(n) - start
    return np.column_stack([np.ones(n), np.arange(n), since >= 0, np.maximum(since, 0)]).astype(float)


def test_least_squares_is_that_of_a_segmented_regression() -> None:
    found, peer = known(NOISE, 60, method="ols"), sm.OLS(NOISE, design(90, 60)).fit()
    assert found.slope_change is not None
    assert (found.level_change.value, found.slope_change.value) == pytest.approx(tuple(peer.params[2:]))
    assert (found.level_change.p_value, found.slope_change.p_value) == pytest.approx(tuple(peer.pvalues[2:]))
    mean = peer.t_test([0, 0, 1, 14.5])  # 30 days after: 0 … 29, on average 14.5
    assert (found.value, found.p_value) == pytest.approx((mean.effect.item(), float(mean.pvalue)))
    assert found.cumulative.value == pytest.approx(30 * found.value)
    assert [check.passed for check in found.checks if check.name == "naive"] == [False]


def test_ar1_errors_give_generalised_least_squares_at_the_phi_found() -> None:
    found = known(NILE, 28)
    sigma = toeplitz(found.memory ** np.arange(100))
    peer = sm.GLS(NILE, design(100, 28), sigma=sigma).fit()
    assert found.slope_change is not None
    assert (found.level_change.value, found.slope_change.value) == pytest.approx(tuple(peer.params[2:]), rel=1e-7)


def test_a_local_level_predicts_as_a_state_space_does() -> None:
    found = known(NILE, 70, method="local_level")
    # The same share of the level's steps, and their total by restricted likelihood: 69 differences of 70 years.
    steps = np.diff(NILE[:70])
    sigma = toeplitz(np.append([found.memory + 2 * (1 - found.memory), found.memory - 1], np.zeros(67)))
    total = float(steps @ np.linalg.solve(sigma, steps)) / 69
    model = sm.tsa.UnobservedComponents(NILE[:70], "llevel")
    ahead = model.smooth([total * (1 - found.memory), total * found.memory]).get_forecast(30)
    assert found.expected == pytest.approx(ahead.predicted_mean, rel=1e-4)  # its diffuse start is a variance of 1e6
    assert found.value == pytest.approx(float(np.mean(NILE[70:] - ahead.predicted_mean)), abs=0.1)
    first = float(ahead.se_mean[0])
    assert found.level_change.standard_error == pytest.approx(first, rel=1e-4)


def test_the_wandering_of_the_level_is_that_of_statsmodels() -> None:
    found = known(NILE, 70, method="local_level")
    peer = sm.tsa.UnobservedComponents(NILE[:70], "llevel", use_exact_diffuse=True).fit(disp=0)
    own, steps = peer.params
    assert found.memory == pytest.approx(steps / (own + steps), abs=0.002)  # where its optimiser stops


@pytest.mark.parametrize("method", ["ar1_gls", "local_level", "ols"])
def test_a_true_change_is_found_and_covered(method: str) -> None:
    found = known(NOISE + 3.0 * (np.arange(90) >= 60), 60, method=method, slope=False, trend=False)
    assert found.low is not None
    assert found.low < 3.0 < (found.high or 0)
    assert found.p_value < 0.01
    assert isinstance(found.placebo, Placebo)
    assert found.placebo.p_value == pytest.approx(1 / (1 + found.placebo.starts))


@pytest.mark.parametrize("method", ["ar1_gls", "local_level"])
def test_no_change_is_seldom_found_in_days_with_memory(method: str) -> None:
    # 100 series AR(.6); binomial(100, .08) is above 18 once in a thousand; least squares finds about .3.
    news = stream(2, "interrupted").standard_normal((100, 190))
    for t in range(1, 190):
        news[:, t] += 0.6 * news[:, t - 1]
    found = [known(y, 60, method=method, placebo=False).p_value <= 0.05 for y in news[:, 100:]]
    assert sum(found) <= 18
    assert sum(known(y, 60, method="ols", placebo=False).p_value <= 0.05 for y in news[:, 100:]) > 18


def test_a_control_takes_out_what_moves_both() -> None:
    shared = np.cumsum(stream(3, "shared").standard_normal(90))
    y = shared + 0.3 * NOISE + 1.0 * (np.arange(90) >= 60)
    alone, held = (known(y, 60, method="local_level", control=control, placebo=False) for control in (None, shared))
    assert held.standard_error < alone.standard_error / 3
    assert held.low is not None
    assert held.low < 1.0 < (held.high or 0)
    assert [check.passed for check in held.checks if check.name == "control untouched"] == [True]


def test_a_control_that_the_start_moves_is_told() -> None:
    moved = NOISE + 5.0 * (np.arange(90) >= 60)
    other = stream(4, "other").standard_normal(90)
    found = known(other, 60, control={"sister": moved}, placebo=False)
    assert known(other, 60, control=pd.DataFrame({"sister": moved}), placebo=False) == found
    assert [check.passed for check in found.checks if check.name == "sister untouched"] == [False]


def test_a_start_is_a_position_or_a_date() -> None:
    by_date, by_position = (known(NOISE, start, dates=DAYS, placebo=False) for start in ("2026-08-28", 60))
    assert by_date.estimate == by_position.estimate
    assert by_date.before == 60


def test_weekdays_are_held_fixed() -> None:
    week = 10.0 * (DAYS.day_of_week >= 5)
    for method in ("ar1_gls", "local_level"):
        plain, with_week = (known(y, 60, dates=DAYS, method=method, placebo=False) for y in (NOISE, NOISE + week))
        assert with_week.value == pytest.approx(plain.value, abs=1e-4)  # the memory is found to 1e-6


def test_missing_days_are_left_out() -> None:
    y = NOISE + 3.0 * (np.arange(90) >= 60)
    y[[5, 6, 70]] = np.nan
    for method in ("ar1_gls", "local_level"):
        found = known(y, 60, method=method, slope=False, missing="skip", placebo=False)
        assert (found.before, found.after, found.n) == (58, 29, 87)
        assert len(found.expected) == 29
        assert found.value == pytest.approx(3.0, abs=1.0)


def test_what_cannot_be_answered_is_refused() -> None:
    event = (np.arange(90) >= 60).astype(int)
    answers = [
        interrupted(NOISE, 19), interrupted(NOISE, 88), interrupted(np.maximum(np.arange(90.0) - 60, 0), 60),
        interrupted(NOISE, 60, control=2 * NOISE), interrupted(NOISE, 60, slope=False, events={"launch": event}),
    ]  # fmt: skip
    assert [one.reason for one in answers if isinstance(one, Refusal)] == [
        Reason.TOO_FEW_UNITS, Reason.TOO_FEW_UNITS, Reason.NO_VARIATION, Reason.NO_VARIATION, Reason.NO_VARIATION,
    ]  # fmt: skip
    short = known(NOISE, 22).placebo
    assert isinstance(short, Refusal)
    assert short.reason is Reason.TOO_FEW_UNITS


def test_what_cannot_be_meant_is_named() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'ar1_gls'"):
        interrupted(NOISE, 60, method="ar_gls")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="Position 90"):
        interrupted(NOISE, 90)
    with pytest.raises(InvalidInput, match="named 'y'"):
        interrupted(NOISE, 60, control={"y": NOISE})


def test_a_result_is_plain_values_and_a_finding() -> None:
    found = known(NOISE, 60)
    told = found.to_dict()
    assert told["placebo"]["starts"] == found.placebo.starts  # type: ignore[union-attr]
    assert found.findings[0].answer is found.estimate
    assert list(found.to_pandas()["n"]) == [90]
