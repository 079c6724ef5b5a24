"""What `mediation` promises: products by hand, the total is the sum, coverage, where it vanishes, refusals, misuse.

In a panel, whose units and periods have effects of their own: the same products by hand, the slopes of a regression on
dummies, the total of `panel_effect`.
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Estimate, Reason, Refusal
from metricstack.linkage.mediation import Mediation, mediation
from metricstack.linkage.panel import PanelEffect, panel_effect

close = pytest.approx


def found(answer: Mediation | Refusal) -> Mediation:
    assert isinstance(answer, Mediation), answer
    return answer


def drawn(seed: int, *, rows: int = 200, a: float = 0.5, b: float = 0.4, hidden: float = 0.0) -> pd.DataFrame:
    """Draw cause, mediator and outcome; direct effect 0.3, and something hidden that moves mediator and outcome."""
    rng = stream(seed, "mediation")
    x, z, u = rng.normal(size=(3, rows))
    m = a * x + 0.5 * z + hidden * u + rng.normal(size=rows)
    y = b * m + 0.3 * x - 0.5 * z + hidden * u + rng.normal(size=rows)
    return pd.DataFrame({"x": x, "z": z, "m": m, "y": y, "site": np.arange(rows) % 40})


def panel(seed: int, *, units: int = 8, periods: int = 10) -> pd.DataFrame:
    """Draw a panel whose units and periods have effects on cause, mediator and outcome."""
    rng = stream(seed, "mediation panel")
    unit, period = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    x, m, y, z = rng.normal(size=(4, len(unit)))
    shift = rng.normal(size=units)[unit] + rng.normal(size=periods)[period]
    x = x + shift
    m = 0.5 * x + 3 * shift + m
    return pd.DataFrame(
        {"unit": unit, "period": period, "x": x, "m": m, "y": 0.4 * m + 0.3 * x - 5 * shift + y, "z": z}
    )


def test_products_and_shares_agree_with_a_calculation_by_hand() -> None:
    # m = 2x + u, y = x + 3m + v with u and v in balance: indirect 6 of 7. Left of y beside x is 3u + v, of m u: their
    # correlation is 3 / sqrt(10).
    df = pd.DataFrame({"x": [0, 0, 0, 0, 1, 1, 1, 1] * 5, "u": [1, -1, 1, -1] * 10, "v": [1, 1, -1, -1] * 10})
    df["m"], df["y"] = 2 * df.x + df.u, 7 * df.x + 3 * df.u + df.v
    answer = found(mediation(df, "y", "x", "m"))
    assert answer.value == close(6.0)
    assert answer.direct.value == close(1.0)  # type: ignore[union-attr]
    assert isinstance(answer.share, Estimate)
    assert answer.share.value == close(6 / 7)
    assert answer.vanishes_at == close(3 / 10**0.5)


def test_in_a_panel_the_effects_of_units_and_periods_are_out_of_the_same_products() -> None:
    # Signs of units times signs of periods: each sums to 0 over units and over periods, and they are in balance. So
    # m = 2x + u and y = x + 3m + v beside the effects, as above.
    sign, unit, period = np.repeat([1, -1] * 4, 4), np.repeat(np.arange(8), 4), np.tile(np.arange(4), 8)
    x, u, v = (sign * np.tile(pattern, 8) for pattern in ([1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]))
    df = pd.DataFrame({"unit": unit, "period": period, "x": x + unit - 2.0 * period})
    df["m"] = 2 * x + u + 5.0 * unit + period**2
    df["y"] = 7 * x + 3 * u + v - 9.0 * unit * unit + period
    answer = found(mediation(df, "y", "x", "m", absorb=("unit", "period"), cluster="unit", step=-0.5))
    assert answer.value == close(-3.0)
    assert answer.direct.value == close(-0.5)  # type: ignore[union-attr]
    assert isinstance(answer.share, Estimate)
    assert answer.share.value == close(6 / 7)
    assert answer.share.n == 8
    assert answer.vanishes_at == close(3 / 10**0.5)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_in_a_panel_slopes_are_those_of_dummies_and_the_total_is_the_panels(seed: int) -> None:
    df = panel(seed)
    dummies = pd.get_dummies(df[["unit", "period"]].astype(str), drop_first=True, dtype=float)
    first = sm.OLS(df.m, sm.add_constant(pd.concat([df[["x", "z"]], dummies], axis=1))).fit()
    second = sm.OLS(df.y, sm.add_constant(pd.concat([df[["m", "x", "z"]], dummies], axis=1))).fit()
    answer = found(mediation(df, "y", "x", "m", "z", absorb=("unit", "period"), cluster="unit", draws=1000))
    assert answer.value == close(first.params["x"] * second.params["m"], rel=1e-6, abs=1e-9)  # rounding
    assert answer.direct.value == close(second.params["x"], rel=1e-6, abs=1e-9)  # type: ignore[union-attr]
    whole = panel_effect(df, "y", "x", "unit", "period", covariates="z")
    assert isinstance(whole, PanelEffect)
    assert answer.total is not None
    assert answer.total.value == close(answer.value + answer.direct.value, abs=1e-9)  # type: ignore[union-attr]
    assert answer.total.estimate.low == close(whole.low, abs=1e-9)  # of few clusters: CR2, and its t
    assert answer.total.standard_error == close(whole.standard_error)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_slopes_are_another_implementations_and_add_up(seed: int) -> None:
    df = drawn(seed, rows=60)
    first = sm.OLS(df.m, sm.add_constant(df[["x", "z"]])).fit(cov_type="HC3")
    second = sm.OLS(df.y, sm.add_constant(df[["m", "x", "z"]])).fit(cov_type="HC3")
    answer = found(mediation(df, "y", "x", "m", "z", draws=1000))
    assert answer.value == close(first.params["x"] * second.params["m"])
    assert answer.to_mediator.standard_error == close(first.bse["x"])  # type: ignore[union-attr]
    assert answer.from_mediator.standard_error == close(second.bse["m"])  # type: ignore[union-attr]
    assert answer.total.value == close(answer.value + answer.direct.value)  # type: ignore[union-attr]


@pytest.mark.parametrize("interval", ["monte_carlo", "bootstrap"])
def test_the_interval_covers_the_truth_about_95_percent_of_the_time(interval: Any) -> None:
    # Truth 0.2. 100 draws: Monte Carlo error of a 95 % rate is 2.2 points; three of them.
    hits = 0
    for seed in range(100):
        answer = found(mediation(drawn(seed, rows=100), "y", "x", "m", "z", interval=interval, draws=1000))
        hits += answer.low <= 0.2 <= answer.high  # type: ignore[operator]
    assert hits / 100 > 0.88


def test_the_drawn_spread_is_that_of_a_product_of_two_normals() -> None:
    # Var(ab) = a² s_b² + b² s_a² + s_a² s_b² of independent normals; 20,000 draws know a spread to 0.5 %, and Student's
    # t of 2,000 degrees of freedom adds less.
    answer = found(mediation(drawn(1, rows=2000), "y", "x", "m", "z", draws=20_000))
    a, b = answer.to_mediator, answer.from_mediator
    assert a is not None
    assert b is not None
    sa, sb = a.standard_error, b.standard_error
    assert answer.standard_error == close(np.sqrt(a.value**2 * sb**2 + b.value**2 * sa**2 + sa**2 * sb**2), rel=0.02)  # type: ignore[operator]
    assert isinstance(answer.share, Estimate)
    # The total is the sum of both parts as drawn too: its share's interval holds the share by bootstrap as well.
    other = found(mediation(drawn(1, rows=2000), "y", "x", "m", "z", interval="bootstrap", draws=5000)).share
    assert isinstance(other, Estimate)
    assert answer.share.half_width == close(other.half_width, rel=0.1)  # two ways of estimating one spread


def test_what_is_hidden_makes_an_indirect_effect_and_the_sensitivity_says_at_how_much() -> None:
    # b = 0, so the truth is 0. Hidden u of weight 1 beside noise of 1: correlation 1/2, at which it vanishes.
    answer = found(mediation(drawn(1, rows=20_000, b=0.0, hidden=1.0), "y", "x", "m", "z"))
    assert answer.low > 0.2  # type: ignore[operator]
    assert answer.vanishes_at == close(0.5, abs=0.02)  # error of a correlation, 0.75 / sqrt(20,000), times three
    assert any("sequential ignorability" in one for one in answer.assumptions)


def test_clusters_and_seeds() -> None:
    df = drawn(1)
    copied = pd.concat([df.assign(id=range(len(df)))] * 4)
    one = found(mediation(df, "y", "x", "m", "z", draws=2000))
    four = found(mediation(copied, "y", "x", "m", "z", cluster="id", draws=2000))
    assert four.n == one.n == 200
    assert four.standard_error == close(one.standard_error, rel=0.1)  # HC3 against CR1, and 2,000 draws
    assert mediation(df, "y", "x", "m", "z", seed=3) == mediation(df, "y", "x", "m", "z", seed=3)


def test_a_share_of_nothing_is_refused() -> None:
    df = drawn(1).assign(y=lambda d: d.m - 0.5 * d.x + stream(1, "y").normal(size=200))
    answer = found(mediation(df, "y", "x", "m", "z"))
    assert isinstance(answer.share, Refusal)
    assert answer.share.reason is Reason.MEAN_TOO_CLOSE_TO_ZERO


def test_data_that_cannot_answer_are_refused() -> None:
    df = drawn(1)
    for frame, reason in (
        (df.assign(m=2 * df.x), Reason.NO_VARIATION), (df.assign(x=1.0), Reason.NO_VARIATION),
        (df.assign(y=np.nan), Reason.NO_DATA), (df[:4], Reason.TOO_FEW_UNITS),
        (df.assign(y=df.m + df.x), Reason.NO_VARIATION),
    ):  # fmt: skip
        answer = mediation(frame, "y", "x", "m")
        assert isinstance(answer, Refusal)
        assert answer.reason is reason


def test_a_panel_that_cannot_answer_is_refused() -> None:
    df = panel(1)
    for frame, reason, words in (
        (df.assign(m=df.unit * 2.0 + df.period), Reason.NO_VARIATION, "'m' does not vary beside the cause and the abs"),
        (df.assign(x=1.0 * df.unit), Reason.NO_VARIATION, "'x' does not vary beside the absorbed"),
        (df[df.unit < 4], Reason.TOO_FEW_UNITS, "in 4 clusters"),
        (df.drop_duplicates("unit"), Reason.NO_DATA, "no row"),
        (df[df.period < 2][["unit", "period", "x", "m", "y"]][:6], Reason.TOO_FEW_UNITS, "6 rows in 3 clusters"),
    ):  # fmt: skip
        answer = mediation(frame, "y", "x", "m", absorb=("unit", "period"), cluster="unit")
        assert isinstance(answer, Refusal)
        assert answer.reason is reason
        assert words in answer.detail


def test_what_cannot_be_meant_is_named() -> None:
    with pytest.raises(InvalidInput, match="two at most"):
        mediation(panel(1), "y", "x", "m", absorb=("unit", "period", "z"))
    with pytest.raises(InvalidInput, match="Choose 'monte_carlo'"):
        mediation(panel(1), "y", "x", "m", absorb="unit", interval="bootstrap")
    with pytest.raises(UnknownName, match="period"):
        mediation(panel(1), "y", "x", "m", absorb="periods")
    with pytest.raises(InvalidInput, match="1,000"):
        mediation(drawn(1), "y", "x", "m", draws=10)
    with pytest.raises(UnknownName, match="bootstrap"):
        mediation(drawn(1), "y", "x", "m", interval="boot")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="not all different"):
        mediation(drawn(1), "y", "x", "x")
