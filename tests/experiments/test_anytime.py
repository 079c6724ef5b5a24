"""What always-valid answers promise: the published formulas, and an error that holds over all days at once."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Estimate, Moments, Reason, Refusal
from metricstack.experiments.anytime import always_valid, always_valid_effect, bounded_mean_sequence, msprt
from metricstack.experiments.effect import Effect, effect

close = pytest.approx
A, B = Moments.of(400, 10.0, 4.0), Moments.of(600, 10.5, 9.0)


def answer(found: Effect | Refusal) -> Effect:
    assert isinstance(found, Effect)
    return found


# By hand, and as published


def test_the_mixture_ratio_is_the_formula_of_johari_and_others() -> None:
    # sqrt(2 s^2 / (2 s^2 + n tau^2)) exp(n^2 tau^2 d^2 / (4 s^2 (2 s^2 + n tau^2))) with s = 2, n = 300, tau = 0.3,
    # d = 0.4: 2 s^2 + n tau^2 = 8 + 27 = 35; sqrt(8/35) = 0.478091; 90000 * 0.09 * 0.16 / (16 * 35) = 2.314286;
    # ratio 0.478091 * 10.117694 = 4.837179.
    a, b = Moments.of(300, 1.0, 4.0), Moments.of(300, 1.4, 4.0)
    assert answer(msprt(control=a, treatment=b, tau=0.3)).p_value == close(1 / 4.837179, rel=1e-5)


def test_the_sequence_is_the_formula_of_waudby_smith_and_others() -> None:
    # s^2 = n V = 1000 (4/400 + 9/600) = 25; rho = 0.1: n rho^2 + 1 = 11; reach 5 sqrt(22 / 10000 log(sqrt(11) / 0.05))
    # = 5 sqrt(0.0022 * 4.194680) = 0.480324.
    found = answer(always_valid(control=A, treatment=B, rho=0.1))
    assert (found.low, found.high) == close((0.5 - 0.480324, 0.5 + 0.480324), abs=1e-5)


def test_the_scale_makes_the_interval_narrowest_at_the_planned_n() -> None:
    # Against numerical minimisation over rho.
    def width(rho: float) -> float:
        found = answer(always_valid(control=A, treatment=B, rho=rho))
        assert found.estimate.half_width is not None
        return found.estimate.half_width

    best = optimize.minimize_scalar(width, bounds=(0.01, 1.0), method="bounded", options={"xatol": 1e-8})
    planned = answer(always_valid(control=A, treatment=B, planned_n=1000))
    assert planned.estimate.half_width == close(best.fun, rel=1e-9)


def test_empirical_bernstein_by_hand_for_two_scores() -> None:
    # alpha 0.05, log 40 = 3.688879. Both bets are cut at 1/2: sqrt(2 * 3.69 / (0.25 * log 2)) and the like are larger.
    # psi * 4 = -log(0.5) - 0.5 = 0.193147. Scores 1, 0: means before are 0.5 and (0.5 + 1) / 2 = 0.75; penalties
    # 0.193147 * 0.25 and 0.193147 * 0.5625. After one: 1 -+ (3.688879 + 0.048287) / 0.5; after two the reach is
    # 3.845814 / 1 around 0.5: all of [0, 1] remains.
    found = bounded_mean_sequence([1, 0], method="empirical_bernstein")
    assert isinstance(found, Estimate)
    assert (found.value, found.low, found.high) == (0.5, 0.0, 1.0)


def test_the_bet_by_hand_for_scores_that_are_all_one() -> None:
    # A bet on more is cut at 0.75 / m: its wealth after t ones is (1 + 0.75 (1 - m) / m)^t for m above about 0.2,
    # where the bet is larger than the cut. 40 of it rule m out: m = 1 / (1 + (40^(1/t) - 1) / 0.75); t = 10 gives
    # 40^0.1 = 1.446126, m = 0.627031. The uncut bets are above 1.2 = 0.75 / 0.627 for these ten.
    found = bounded_mean_sequence(np.ones(10))
    assert isinstance(found, Estimate)
    assert (found.low, found.high) == close((0.627031, 1.0), abs=1e-5)


def _as_written(scores: np.ndarray, method: str, alpha: float = 0.05) -> tuple[float, float]:
    """Waudby-Smith and Ramdas (2024), theorems 2 and 3, score by score; betting on a grid of 2,001 means."""
    grid = np.linspace(0, 1, 2001)[1:-1]
    more, less, alive = np.ones(1999), np.ones(1999), np.ones(1999, dtype=bool)
    low, high, bets, weighted, penalty = 0.0, 1.0, 0.0, 0.0, 0.0
    for t, x in enumerate(scores, start=1):
        past = scores[: t - 1]
        mean = (0.5 + past.sum()) / t  # of what came before
        means = [(0.5 + scores[: i + 1].sum()) / (i + 2) for i in range(t - 1)]
        variance = (0.25 + sum((s - m) ** 2 for s, m in zip(past, means, strict=True))) / t
        bet = math.sqrt(2 * math.log(2 / alpha) / (variance * t * math.log(t + 1)))
        if method == "betting":
            more *= 1 + np.minimum(bet, 0.75 / grid) * (x - grid)
            less *= 1 - np.minimum(bet, 0.75 / (1 - grid)) * (x - grid)
            alive &= np.maximum(more, less) / 2 < 1 / alpha
        else:
            bet = min(bet, 0.5)
            bets, weighted = bets + bet, weighted + bet * x
            penalty += 4 * (x - mean) ** 2 * (-math.log(1 - bet) - bet) / 4
            reach = (math.log(2 / alpha) + penalty) / bets
            low, high = max(low, weighted / bets - reach), min(high, weighted / bets + reach)
    return (low, high) if method == "empirical_bernstein" else (float(grid[alive].min()), float(grid[alive].max()))


@pytest.mark.parametrize(("method", "fine"), [("betting", 0.0006), ("empirical_bernstein", 1e-9)])
def test_bounds_are_those_of_the_theorems_as_written(method: str, fine: float) -> None:
    # Betting to the grid's width, 0.0005.
    for a, b in ((1, 1), (2, 8), (0.3, 0.1)):
        scores = stream(9, f"beta {a} {b}").beta(a, b, 150)
        found = bounded_mean_sequence(scores, method=method)
        assert isinstance(found, Estimate)
        assert (found.low, found.high) == close(_as_written(scores, method), abs=fine)


# Laws


@given(st.floats(-5, 5), st.floats(0.05, 3.0), st.floats(0.5, 0.99))
def test_the_interval_leaves_out_the_null_exactly_where_the_test_rejects(gap: float, tau: float, level: float) -> None:
    found = answer(msprt(control=A, treatment=Moments.of(600, 10.0 + gap, 9.0), tau=tau, level=level))
    assert found.low is not None
    assert found.high is not None
    assert found.p_value is not None
    outside = not found.low <= 0 <= found.high
    assert outside == (found.p_value < 1 - level) or math.isclose(found.p_value, 1 - level, rel_tol=1e-9)


@given(st.floats(0.01, 2.0))
def test_both_tests_are_one_family(tau: float) -> None:
    # n rho^2 = tau^2 / V.
    rho = tau / math.sqrt(1000 * (4 / 400 + 9 / 600))
    one, other = answer(msprt(control=A, treatment=B, tau=tau)), answer(always_valid(control=A, treatment=B, rho=rho))
    assert (one.low, one.high, one.p_value) == close((other.low, other.high, other.p_value), rel=1e-9)


@given(st.floats(-3, 3), st.floats(10, 1e6))
def test_the_effect_of_a_difference_is_read_as_the_difference_itself(gap: float, planned: float) -> None:
    b = Moments.of(600, 10.0 + gap, 9.0)
    plain = effect(b.mean - A.mean, math.sqrt(4 / 400 + 9 / 600), n=1000, method="Welch")
    one, other = (
        always_valid_effect(plain, planned_n=planned),
        answer(always_valid(control=A, treatment=b, planned_n=planned)),
    )
    assert (one.low, one.high, one.p_value) == close((other.low, other.high, other.p_value), rel=1e-9)


def test_it_is_wider_than_a_fixed_interval_at_every_plan() -> None:
    for planned in (10, 1000, 100_000):
        found = answer(always_valid(control=A, treatment=B, planned_n=planned))
        assert found.estimate.half_width is not None
        assert found.estimate.half_width > stats.norm.isf(0.025) * math.sqrt(4 / 400 + 9 / 600)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.sampled_from(["betting", "empirical_bernstein"]))
def test_turning_the_scores_round_turns_the_bounds_round(scores: list[float], method: str) -> None:
    up = bounded_mean_sequence(scores, method=method)
    down = bounded_mean_sequence([1 - score for score in scores], method=method)
    if isinstance(up, Refusal) or isinstance(down, Refusal):
        assert type(up) is type(down)
    else:
        assert (down.low, down.high) == close((1 - (up.high or 0), 1 - (up.low or 0)), abs=1e-9)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=40))
def test_more_scores_never_widen_the_bounds(scores: list[float]) -> None:
    before, after = bounded_mean_sequence(scores[:-1]), bounded_mean_sequence(scores)
    if isinstance(before, Estimate) and isinstance(after, Estimate):
        assert (after.low or 0) >= (before.low or 0) - 1e-9
        assert (after.high or 0) <= (before.high or 0) + 1e-9


# Calibration


def test_thirty_daily_peeks_keep_alpha_where_the_naive_reading_does_not() -> None:
    # 4,000 A/A tests of lognormal values (variance of the log 1), 100 units an arm a day: Monte Carlo error 0.0034 at
    # 5 %, 0.0071 at 28 %. The rate of a mixture over 30 days is well below 5 %: it would hold for ever.
    random = stream(7, "anytime")
    naive = valid = 0
    for _ in range(40):
        values = random.lognormal(size=(2, 100, 30, 100))  # arm, replicate, day, unit
        n = 100 * np.arange(1, 31)
        sums, squares = values.sum(axis=3).cumsum(axis=2), (values**2).sum(axis=3).cumsum(axis=2)
        variance = (squares - sums**2 / n) / (n - 1) / n
        gap, spread = (sums[1] - sums[0]) / n, variance.sum(axis=0)
        naive += int((np.abs(gap) > 1.959964 * np.sqrt(spread)).any(axis=1).sum())
        # The reach over the standard error depends on n alone: taken from the function itself, day by day.
        reach = np.array([_reach(int(m)) for m in n])
        valid += int((np.abs(gap) > reach * np.sqrt(spread)).any(axis=1).sum())
    assert naive / 4000 == close(0.28, abs=0.03)
    assert valid / 4000 <= 0.05


def _reach(n: int) -> float:
    arm = Moments.of(n, 0.0, 1.0)
    found = answer(always_valid(control=arm, treatment=arm, planned_n=3000)).estimate.half_width
    assert found is not None
    return found / math.sqrt(2 / n)


def test_a_ratio_watched_for_thirty_days_keeps_alpha() -> None:
    # 2,000 A/A tests, clicks per view by the delta method, 100 units an arm a day; at most 5 %, and three Monte Carlo
    # errors (0.0049) of that. The naive reading errs in 28 %.
    random = stream(10, "ratio")
    views = random.poisson(3, size=(2, 2000, 30, 100)) + 1.0
    rates = random.beta(2, 5, size=views.shape)
    clicks = random.binomial(views.astype(np.int64), rates).astype(np.float64)
    n = 100.0 * np.arange(1, 31)

    def so_far(x: np.ndarray) -> np.ndarray:
        return x.sum(axis=3).cumsum(axis=2)

    x, y = so_far(clicks), so_far(views)
    ratio = x / y
    square = so_far(clicks**2) - 2 * ratio * so_far(clicks * views) + ratio**2 * so_far(views**2)
    error = np.sqrt((square / (n - 1) / n / (y / n) ** 2).sum(axis=0))
    z = np.abs(ratio[1] - ratio[0]) / error
    assert float((z > 1.959964).any(axis=1).mean()) == close(0.28, abs=0.035)
    reach = np.array([always_valid_effect(effect(0, 1, n=int(2 * m), method="z"), planned_n=3000).high for m in n])
    assert float((z > reach).any(axis=1).mean()) <= 0.05 + 0.0146


@pytest.mark.parametrize("method", ["betting", "empirical_bernstein"])
def test_scores_watched_after_every_one_keep_their_mean_within(method: str) -> None:
    # 300 runs of 400 Bernoulli and beta scores: at most 5 % miss; three Monte Carlo errors (0.013) are allowed.
    random = stream(8, "bounded")
    misses, widths = 0, []
    for run in range(300):
        scores, mean = (random.beta(1, 4, 400), 0.2) if run % 2 else (random.binomial(1, 0.1, 400).astype(float), 0.1)
        found = bounded_mean_sequence(scores, method=method)
        if isinstance(found, Refusal):
            misses += 1
        else:
            assert found.low is not None
            assert found.high is not None
            misses += not found.low <= mean <= found.high
            widths.append(found.high - found.low)
    assert misses / 300 <= 0.05 + 0.038
    assert np.mean(widths) < 0.2


# Refusal


def test_one_unit_and_no_variation_are_refused() -> None:
    one = always_valid(control=Moments.of(1, 1.0, 0.0), treatment=B)
    flat = msprt(control=Moments.of(9, 1.0, 0.0), treatment=Moments.of(9, 2.0, 0.0), tau=1.0)
    none = bounded_mean_sequence([])
    drifting = bounded_mean_sequence([0.0] * 200 + [1.0] * 2000)
    for found, reason in (
        (one, Reason.TOO_FEW_UNITS), (flat, Reason.NO_VARIATION), (none, Reason.NO_DATA), (drifting, Reason.UNSTABLE),
    ):  # fmt: skip
        assert isinstance(found, Refusal)
        assert found.reason == reason


# Misuse


def test_broken_arguments_are_errors() -> None:
    for call in (
        lambda: always_valid(control=A, treatment=B, planned_n=0),
        lambda: always_valid(control=A, treatment=B, level=1.0),
        lambda: msprt(control=A, treatment=B, tau=-1.0),
        lambda: always_valid_effect(effect(1.0, 0.0, n=9, method="z")),
        lambda: always_valid_effect(effect(1.0, 1.0, n=0, method="z")),
        lambda: bounded_mean_sequence([0.5, 1.2]),
        lambda: bounded_mean_sequence([0.5, math.nan]),
        lambda: bounded_mean_sequence([[0.5]]),
    ):
        with pytest.raises(InvalidInput):
            call()
    with pytest.raises(UnknownName, match="betting"):
        bounded_mean_sequence([0.5], method="beting")
