"""What the Bayesian reading promises: conjugate updates by hand, agreement with Welch, losses that are means."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import betaln

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Moments, Reason, Refusal
from metricstack.experiments.bayes import Posterior, bayes_beta_binomial, bayes_normal
from metricstack.experiments.means import welch

close = pytest.approx
arms = st.builds(Moments.of, st.integers(1000, 50000), st.floats(5.0, 6.0), st.floats(0.5, 4.0))


def posterior(found: Posterior | Refusal) -> Posterior:
    assert isinstance(found, Posterior), found
    return found


def counted(x0: int, n0: int, x1: int, n1: int, **options: object) -> Posterior:
    return posterior(
        bayes_beta_binomial(
            control_successes=x0, control_n=n0, treatment_successes=x1, treatment_n=n1, **options  # type: ignore[arg-type]
        )
    )  # fmt: skip


# by hand ---------------------------------------------------------------------------------------------------------


def test_a_normal_prior_as_strong_as_the_data_halves_the_effect() -> None:
    # Error² = 4/400 + 4/400 = 0.02; prior N(0, 0.02): mean 0.1, variance 0.01, z = 1.
    a, b = Moments.of(400, 10.0, 4.0), Moments.of(400, 10.2, 4.0)
    found = posterior(bayes_normal(control=a, treatment=b, prior_sd=math.sqrt(0.02)))
    assert (found.estimate.value, found.standard_deviation) == (close(0.1), close(0.1))
    assert found.chance_to_win == close(0.8413447)
    # Unit normal loss at z = 1: phi(1) - Phi(-1) = 0.2419707 - 0.1586553 = 0.0833155 (Raiffa & Schlaifer's table).
    assert found.loss_of_treatment == close(0.00833155, abs=1e-8)
    assert found.loss_of_control == close(0.1 + 0.00833155, abs=1e-8)


def test_one_success_against_one_failure_wins_with_five_sixths() -> None:
    # Densities 2 (1 - x) and 2 x: P(t > c) = ∫ 2 t (2 t - t²) dt = 4/3 - 1/2 = 5/6; means 1/3 and 2/3; the loss
    # E max(c - t, 0) = ∫ t² (1 - x)² over [0, 1] = B(3, 3) = 1/30.
    found = counted(0, 1, 1, 1)
    assert found.chance_to_win == close(5 / 6, abs=1e-12)
    assert found.estimate.value == close(1 / 3)
    assert found.loss_of_treatment == close(1 / 30, abs=1e-12)
    assert found.loss_of_control == close(1 / 3 + 1 / 30, abs=1e-12)


@pytest.mark.parametrize("table", [(48, 80, 56, 70), (1, 10, 9, 10), (0, 10, 3, 1000), (100, 1000, 120, 1000)])
def test_the_chance_to_win_is_millers_sum(table: tuple[int, int, int, int]) -> None:
    # Miller, "Formulas for Bayesian A/B Testing": sum over i below alpha_B of
    # B(alpha_A + i, beta_B + beta_A) / ((beta_B + i) B(1 + i, beta_B) B(alpha_A, beta_A)).
    x0, n0, x1, n1 = table
    a, b, c, d = 1 + x0, 1 + n0 - x0, 1 + x1, 1 + n1 - x1
    terms = [math.exp(betaln(a + i, d + b) - math.log(d + i) - betaln(1 + i, d) - betaln(a, b)) for i in range(c)]
    assert counted(*table).chance_to_win == close(math.fsum(terms), abs=1e-10)


def test_a_jeffreys_prior_without_any_success_is_integrated_too() -> None:
    # The same beta on both sides: nobody is ahead, although its density has no end at 0.
    found = counted(0, 20, 0, 20, prior=(0.5, 0.5))
    assert found.chance_to_win == close(0.5, abs=1e-9)
    assert found.loss_of_treatment == close(found.loss_of_control, abs=1e-12)


# laws ------------------------------------------------------------------------------------------------------------


@given(arms, arms)
def test_a_flat_prior_reads_as_welch_does(a: Moments, b: Moments) -> None:
    found, plain = posterior(bayes_normal(control=a, treatment=b)), welch(control=a, treatment=b)
    assert not isinstance(plain, Refusal)
    # t of 1,000 degrees against the normal: 1e-3 of the half width, 1e-3 of the p-value
    assert found.estimate.value == close(plain.value)
    assert found.standard_deviation == close(plain.standard_error)
    assert 2 * min(found.chance_to_win, 1 - found.chance_to_win) == close(plain.p_value, abs=2e-3)


@given(arms, arms, st.floats(0.001, 10.0))
def test_a_prior_around_nothing_draws_the_effect_towards_it_and_narrows_it(a: Moments, b: Moments, sd: float) -> None:
    flat, drawn = (posterior(bayes_normal(control=a, treatment=b, prior_sd=prior)) for prior in (math.inf, sd))
    assert abs(drawn.estimate.value) <= abs(flat.estimate.value)
    assert drawn.standard_deviation < flat.standard_deviation


@given(arms, arms)
def test_lower_is_better_turns_the_chance_and_the_losses_round(a: Moments, b: Moments) -> None:
    up, down = (posterior(bayes_normal(control=a, treatment=b, better=better)) for better in ("higher", "lower"))  # type: ignore[arg-type]
    assert up.chance_to_win + down.chance_to_win == close(1.0)
    assert (up.loss_of_treatment, up.loss_of_control) == (down.loss_of_control, down.loss_of_treatment)
    assert up.loss_of_control - up.loss_of_treatment == close(up.estimate.value, abs=1e-12)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 400), st.integers(1, 400), st.data())
def test_the_arms_of_counts_swap(n0: int, n1: int, data: st.DataObject) -> None:
    x0, x1 = data.draw(st.integers(0, n0)), data.draw(st.integers(0, n1))
    there, back = counted(x0, n0, x1, n1), counted(x1, n1, x0, n0)
    assert there.chance_to_win + back.chance_to_win == close(1.0, abs=1e-9)
    assert there.estimate.low == close(-back.estimate.high, abs=1e-9)  # type: ignore[operator]
    assert there.loss_of_treatment == close(back.loss_of_control, abs=1e-9)


# calibration -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_credible_interval_holds_what_the_prior_drew() -> None:
    # Shares drawn from the prior itself: 95 % of the intervals hold their truth. 800 draws: error 0.77 points.
    rng = stream(1, "bayes")
    shares = rng.beta(2, 8, (800, 2))
    x = rng.binomial(60, shares)
    held = []
    for (p0, p1), (x0, x1) in zip(shares, x, strict=True):
        found = counted(int(x0), 60, int(x1), 60, prior=(2.0, 8.0))
        held.append(found.estimate.low <= p1 - p0 <= found.estimate.high)  # type: ignore[operator]
    assert np.mean(held) == close(0.95, abs=0.023)


def test_the_posterior_of_shares_is_that_of_simulation() -> None:
    # 400,000 draws of both betas: Monte Carlo error of the chance 0.0008, of the loss about 1e-5.
    rng = stream(2, "bayes")
    d = rng.beta(13, 89, 400_000) - rng.beta(11, 91, 400_000)
    found = counted(10, 100, 12, 100)
    assert found.chance_to_win == close(float(np.mean(d > 0)), abs=0.003)
    assert found.loss_of_treatment == close(float(np.maximum(-d, 0).mean()), abs=1e-4)
    assert (found.estimate.low, found.estimate.high) == close(tuple(np.quantile(d, [0.025, 0.975])), abs=1e-3)


# refusal ---------------------------------------------------------------------------------------------------------


def test_what_cannot_be_read_is_refused() -> None:
    for found, reason in (
        (bayes_normal(control=[1.0], treatment=[1.0, 2.0]), Reason.TOO_FEW_UNITS),
        (bayes_normal(control=[1.0, 1.0], treatment=[2.0, 2.0]), Reason.NO_VARIATION),
        (
            bayes_normal(control=[-1.0, 1.1], treatment=[1.0, 2.0], relative=True),
            Reason.MEAN_TOO_CLOSE_TO_ZERO,
        ),
        (
            bayes_beta_binomial(control_successes=0, control_n=0, treatment_successes=0, treatment_n=0),
            Reason.NO_DATA,
        ),
    ):
        assert isinstance(found, Refusal)
        assert found.reason is reason


def test_an_arm_without_units_is_its_prior() -> None:
    found = counted(0, 0, 3, 9)
    assert found.estimate.value == close(4 / 11 - 0.5)
    assert found.standard_deviation == close(math.sqrt(1 / 12 + stats.beta.var(4, 7)))


# misuse ----------------------------------------------------------------------------------------------------------


def test_wrong_inputs_are_named() -> None:
    a = Moments.of(10, 1.0, 1.0)
    with pytest.raises(InvalidInput, match="use inf for a flat one"):
        bayes_normal(control=a, treatment=a, prior_sd=0.0)
    with pytest.raises(InvalidInput, match="above 0"):
        counted(1, 2, 1, 2, prior=(0.0, 1.0))
    with pytest.raises(UnknownName, match="'lower'"):
        counted(1, 2, 1, 2, better="lowr")
    with pytest.raises(InvalidInput, match="3 successes of the control in 2"):
        counted(3, 2, 1, 2)
