"""What `effects` promises: for every group the numbers, and the refusals, of the scalar functions."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.values import Moments, Reason, Refusal
from metricstack.experiments import cuped, ratio_difference, relative_lift, welch
from metricstack.experiments.effect import Effect
from metricstack.experiments.lift import LiftMethod
from metricstack.experiments.many import Effects, Groups, effects
from metricstack.numerics.many import p_values
from metricstack.numerics.multiplicity import p_value

close = pytest.approx
NAMES = ("y", "d", "x", "z")
METHODS: tuple[LiftMethod, ...] = ("fieller", "log_delta", "delta")


@st.composite
def moments(draw: st.DrawFn) -> Moments:
    """One arm of four variables: usual ones, and such as are refused (no units, no spread, a mean near 0)."""
    n = draw(st.sampled_from([0, 1, 2, 3, 30, 5000]))
    means = np.array([draw(st.sampled_from([-5.0, 0.0, 0.1, 3.0, 40.0])) for _ in NAMES])
    loose = np.random.default_rng(draw(st.integers(0, 10**6))).normal(size=(6, 4))
    loose *= [draw(st.sampled_from([0.0, 0.01, 1.0])) for _ in NAMES]
    if draw(st.booleans()):
        loose[:, 3] = 2 * loose[:, 2]  # covariates that say the same
    return Moments(n, means, loose.T @ loose * n, NAMES)


def held_against(found: Effects, peers: list[Effect | Refusal], *, size: float = 1.0) -> None:
    """Hold arrays against the scalar answers; sums are added in another order, so that the last digits differ."""
    for i, peer in enumerate(peers):
        if isinstance(peer, Refusal):
            assert found.reasons[i] is peer.reason, (i, peer)
            assert found.refused[i]
            assert math.isnan(found.low[i])
            continue
        assert found.reasons[i] is None, (i, found.reasons[i])
        near: dict[str, float] = {"rel": 1e-12 * size, "abs": 1e-12 * size}
        assert found.value[i] == close(peer.value, **near)
        assert found.low[i] == close(peer.low, **near)
        assert found.high[i] == close(peer.high, **near)
        assert found.p_value[i] == close(peer.p_value, rel=1e-10 * size, abs=1e-12)  # the tail multiplies an error
        assert found.freedom[i] == close(peer.freedom, rel=1e-12 * size)
        assert found.n[i] == peer.n
        error = peer.standard_error
        assert math.isnan(found.standard_error[i]) if error is None else found.standard_error[i] == close(error, **near)


# by hand ---------------------------------------------------------------------------------------------------------


def test_two_groups_agree_with_a_calculation_by_hand() -> None:
    # 4/25 + 9/36 = 0.41; root 0.640312. 1/100 + 1/100 = 0.02; root 0.141421.
    a = Groups.of_variances(np.array([25.0, 100.0]), np.array([10.0, 0.0]), np.array([4.0, 1.0]))
    b = Groups.of_variances(np.array([36.0, 100.0]), np.array([11.0, 0.5]), np.array([9.0, 1.0]))
    found = effects(control=a, treatment=b)
    assert found.value == close([1.0, 0.5])
    assert found.standard_error == close([0.640312, 0.141421], abs=1e-6)
    assert found.n.tolist() == [61, 200]


# laws ------------------------------------------------------------------------------------------------------------

pairs = st.lists(st.tuples(moments(), moments()), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None)
@given(pairs, st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_means_are_those_of_welch_and_relative_lift(arms: list[tuple[Moments, Moments]], level: float) -> None:
    a, b = zip(*arms, strict=True)
    held_against(
        effects(control=a, treatment=b, level=level), [welch(control=x, treatment=y, level=level) for x, y in arms]
    )
    for method in METHODS:
        held_against(
            effects(control=a, treatment=b, relative=True, method=method, level=level),
            [relative_lift(control=x, treatment=y, method=method, level=level) for x, y in arms],
        )


@settings(max_examples=40, deadline=None)
@given(pairs, st.sampled_from(METHODS), st.booleans())
def test_ratios_are_those_of_ratio_difference(
    arms: list[tuple[Moments, Moments]], method: LiftMethod, relative: bool
) -> None:
    a, b = zip(*arms, strict=True)
    asked: dict[str, Any] = {"denominator": "d", "relative": relative, "method": method}
    peers = [ratio_difference(control=x, treatment=y, **asked) for x, y in arms]
    held_against(effects(control=a, treatment=b, **asked), peers)


@settings(max_examples=40, deadline=None)
@given(pairs, st.sampled_from([("x",), ("x", "z"), ("z", "x", "d")]), st.booleans(), st.booleans())
def test_adjusted_effects_are_those_of_cuped(
    arms: list[tuple[Moments, Moments]], covariates: tuple[str, ...], ratio: bool, relative: bool
) -> None:
    a, b = zip(*arms, strict=True)
    asked: dict[str, Any] = {"covariates": covariates, "relative": relative}
    if ratio:
        asked |= {"denominator": "d", "covariates": tuple(name for name in covariates if name != "d")}
    peers = [cuped(control=x, treatment=y, **asked) for x, y in arms]
    # Where covariates say the same, or nearly all is taken off, what is left is known to fewer digits.
    held_against(effects(control=a, treatment=b, **asked), list(peers), size=1e3)


@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(0, 10), st.sampled_from([1.0, 2.5, 40.0, math.inf]))))
def test_p_values_are_those_one_by_one(cases: list[tuple[float, float, float]]) -> None:
    value, error, freedom = (np.array(part, dtype=float) for part in (zip(*cases, strict=True) if cases else [()] * 3))
    assert p_values(value, error, freedom) == close([p_value(*case) for case in cases], rel=1e-13)


# refusal ---------------------------------------------------------------------------------------------------------


def test_what_is_left_of_a_ratio_that_never_varies_is_only_rounding() -> None:
    # Every unit's y is 0.3 of its d: the variance of y - 0.3 d is 0, and what sums leave of it about 1e-16.
    d = np.array([1.0, 2.5, 3.7, 7.1, 0.9])
    arm = [Moments.of_samples(y=0.3 * d * step, d=d * step) for step in (1.0, 1.1, 0.7)]
    found = effects(control=arm, treatment=arm[::-1], denominator="d")
    held_against(found, [ratio_difference(control=x, treatment=y) for x, y in zip(arm, arm[::-1], strict=True)])
    assert set(found.reasons) == {Reason.NO_VARIATION}


def test_a_table_shows_what_is_refused_as_missing_beside_its_reason() -> None:
    arm = [Moments.of(400, 10.0, 4.0), Moments.of(1, 10.0, 0.0), Moments.of(0, 0.0, 0.0), Moments.of(9, 1.0, 0.0)]
    found = effects(control=arm, treatment=arm)
    assert found.reasons == (None, Reason.TOO_FEW_UNITS, Reason.NO_DATA, Reason.NO_VARIATION)
    shown = found.to_pandas()
    assert shown["value"].isna().tolist() == [False, True, True, True]
    assert shown["reason"].tolist()[1] == "too_few_units"


# misuse ----------------------------------------------------------------------------------------------------------


def test_wrong_inputs_are_named() -> None:
    a = [Moments.of(10, 1.0, 1.0)]
    with pytest.raises(InvalidInput, match="outside"):
        effects(control=a, treatment=a, level=1.0)
    with pytest.raises(InvalidInput, match="give both alike"):
        effects(control=a, treatment=a * 2)
    with pytest.raises(UnknownName, match="'fieller'"):
        effects(control=a, treatment=a, method="fiellr")  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="'value'"):
        effects(control=a, treatment=a, covariates="valu")
    with pytest.raises(InvalidInput, match="must differ"):
        effects(control=a, treatment=a, denominator="value")
    with pytest.raises(InvalidInput, match="one at least"):
        effects(control=[], treatment=[])
    with pytest.raises(InvalidInput, match="same variables"):
        Groups.of([*a, Moments.of_samples(x=[1.0, 2.0])])
    with pytest.raises(InvalidInput, match="negative"):
        Groups.of_variances(np.array([-1.0]), np.array([1.0]), np.array([1.0]))
    with pytest.raises(InvalidInput, match="not finite"):
        Groups.of_variances(np.array([2.0]), np.array([math.nan]), np.array([1.0]))
    with pytest.raises(InvalidInput, match=r"means \(groups, 2\)"):
        Groups(np.ones(2), np.ones((2, 1)), np.ones((2, 1, 1)), ("x", "y"))
