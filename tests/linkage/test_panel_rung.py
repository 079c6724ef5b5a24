"""What the panel of an edge does with declared lags and with dimensions among its confounders.

* By hand: the effect of a step that lasts is the sum of the slopes on all lags, as a regression on them has it.
* A window that is too long is shortened and said so; the placebo looks beyond the whole of it.
* A mixture that moves cause and effect together is held fixed, as if every period had the same.
* Of two unrelated metrics that remember, the sum over lags is seldom found.
"""

import math
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.core.values import Estimate, Refusal
from metricstack.experiments.effect import Effect
from metricstack.linkage.columns import lagged
from metricstack.linkage.evidence import Evidence
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.observed import Observed
from metricstack.linkage.rungs.panel_table import PanelTable, panel_table
from metricstack.linkage.rungs.panels import panels
from tests.linkage.stand_in import StandIn

UNITS, PERIODS = 12, 40


def table(x: Any, y: Any, units: list[str]) -> pd.DataFrame:
    """Metrics of units over periods, from arrays of shape (units, periods)."""
    periods = [f"2026-{k:03d}" for k in range(x.shape[1])]
    index = pd.MultiIndex.from_product([units, periods], names=["unit", "period"])
    return pd.DataFrame({"x": x.ravel(), "y": y.ravel()}, index=index)


def delayed(seed: int, slopes: tuple[float, ...], phi: float = 0.0) -> pd.DataFrame:
    """Units whose effect follows the cause of this period and of those before."""
    random = stream(seed, "panel rung", phi)
    x, trouble = (lfilter([1.0], [1.0, -phi], random.standard_normal((UNITS, PERIODS + 5)), axis=1) for _ in range(2))
    y = trouble + sum(slope * np.roll(x, lag, axis=1) for lag, slope in enumerate(slopes))
    return table(x[:, 5:], y[:, 5:], [f"u{i:02d}" for i in range(UNITS)])


def edge(lags: tuple[int, int], *confounders: str) -> Hypothesis:
    """The edge with these lags."""
    return Hypothesis("x", "y", 1.0, +1, 0.1, lags=lags, grain="week", confounders=confounders)


def said(declared: Hypothesis, *, by_mix: pd.DataFrame | None = None, whole: pd.DataFrame) -> Evidence:
    """What the rung says."""
    tables = {("region",): whole} | ({} if by_mix is None else {("region", "mix"): by_mix})
    (found,) = panels(cast("Observed", StandIn(panels=tables)), declared)
    return found


def test_the_sum_of_slopes_is_that_of_a_regression_on_all_lags() -> None:
    rows = delayed(1, (0.5, 0.3, 0.2))
    found = said(edge((0, 2)), whole=rows)
    assert isinstance(found.estimate, Effect)
    assert found.method.endswith("lags 0 to 2 summed")
    df = rows.reset_index()
    for lag in (1, 2):
        df[f"x{lag}"] = lagged(df, "x", "unit", "period", by=lag)
    df = df.dropna()
    dummies = pd.get_dummies(df[["unit", "period"]], drop_first=True, dtype=float)
    design = np.column_stack([np.ones(len(df)), df[["x", "x1", "x2"]], dummies])
    slopes = np.linalg.lstsq(design, df["y"].to_numpy(), rcond=None)[0][1:4]
    assert found.estimate.value == pytest.approx(slopes.sum(), abs=1e-9)  # the same least squares, rounding only
    assert found.estimate.value == pytest.approx(1.0, abs=0.25)  # 456 rows, noise of 1
    assert found.effective_n == UNITS * (PERIODS - 2)


def test_one_lag_is_asked_as_before() -> None:
    rows = delayed(1, (0.0, 0.8))
    at_one, at_none = (said(edge((lag, lag)), whole=rows).estimate for lag in (1, 0))
    assert isinstance(at_one, Effect)
    assert isinstance(at_none, Effect)
    assert at_one.value == pytest.approx(0.8, abs=0.2)
    assert at_none.value == pytest.approx(0.0, abs=0.2)


def test_the_placebo_looks_beyond_the_window() -> None:
    rows = delayed(1, (0.0, 0.8))
    found = said(edge((0, 1)), whole=rows)
    assert {one.check.name: one.check.passed for one in found.diagnostics}["future_placebo"] is not False
    ahead = table(
        rows["x"].to_numpy().reshape(UNITS, -1), np.roll(rows["x"].to_numpy().reshape(UNITS, -1), -1, axis=1),
        [f"u{i:02d}" for i in range(UNITS)],
    )  # fmt: skip
    assert "future_placebo" in [check.name for check in said(edge((0, 1)), whole=ahead + delayed(2, (0.0,))).failed]


def test_a_window_that_leaves_too_few_periods_is_shortened_and_said_so() -> None:
    told = panel_table(cast("Observed", StandIn(panels={("region",): delayed(1, (0.5,))})), edge((0, 30)))
    assert isinstance(told, PanelTable)
    assert told.lags == (0, PERIODS // 4 - 1)
    assert "lags to 30 would leave too few" in told.note


def mixed(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Units of two kinds of work in a mixture that moves; within each the metrics have nothing in common."""
    random = stream(seed, "mixture")
    share = random.uniform(0.2, 0.8, (UNITS, PERIODS))
    x, y = (
        [level + 0.1 * random.standard_normal((UNITS, PERIODS)) for level in levels]
        for levels in ((0.0, 2.0), (0.0, 3.0))
    )  # hard work has more of both
    units = [f"u{i:02d}" for i in range(UNITS)]
    whole = table(*((1 - share) * part[0] + share * part[1] for part in (x, y)), units)
    parts = [table(x[k], y[k], [f"{unit}, {kind}" for unit in units]) for k, kind in enumerate(("easy", "hard"))]
    return whole, pd.concat(parts).sort_index()


def test_a_mixture_that_moves_both_is_held_fixed() -> None:
    whole, by_mix = mixed(1)
    plain = said(edge((0, 0), "mix"), whole=whole)
    held = said(edge((0, 0), "mix"), whole=whole, by_mix=by_mix)
    assert isinstance(plain.estimate, Effect)
    assert isinstance(held.estimate, Effect)
    assert plain.estimate.value > 1.2  # 3 / 2, all of it by the mixture
    assert abs(held.estimate.value) < 0.2  # of noise of .1 in both, 480 rows: its error is about .05
    assert "mix in the same mixture" in held.method
    assert held.assumptions[0].detail == "held fixed: mix"
    assert plain.assumptions[0].detail.endswith("not held fixed here: mix")


def test_standardising_is_the_mean_over_kinds_by_hand_and_kinds_that_are_seldom_there_are_left_out() -> None:
    whole, by_mix = mixed(2)
    rare = table(np.full((1, 4), 9.0), np.full((1, 4), 9.0), ["u00, rare"])
    seen = StandIn(panels={("region",): whole, ("region", "mix"): pd.concat([by_mix, rare]).sort_index()})
    told = panel_table(cast("Observed", seen), edge((0, 0), "mix"))
    assert isinstance(told, PanelTable)
    row = told.rows[(told.rows["unit"] == "u00") & (told.rows["period"] == "2026-000")]
    both = [by_mix.loc[(f"u00, {kind}", "2026-000"), "x"] for kind in ("easy", "hard")]
    assert row["x"].item() == pytest.approx(np.mean(both), abs=1e-12)  # rounding


@pytest.mark.slow
@pytest.mark.parametrize("phi", [0.0, 0.7])
def test_the_sum_over_lags_of_unrelated_metrics_is_seldom_found(phi: float) -> None:
    # 150 draws at 5 %: 1.8 points of Monte Carlo error; 10 % is 2.8 of these above.
    found = [said(edge((0, 3)), whole=delayed(seed, (0.0,), phi)).estimate for seed in range(150)]
    assert (
        np.mean([isinstance(one, Effect) and one.p_value is not None and one.p_value <= 0.05 for one in found]) <= 0.1
    )


def test_units_and_periods_that_are_too_many_refuse_this_rung_alone() -> None:
    class Crowded(StandIn):
        def panel(self, by: tuple[str, ...], grain: str) -> pd.DataFrame:
            raise InvalidInput("22,442 groups; at most 5,000.")

    (found,) = panels(cast("Observed", Crowded()), edge((0, 0)))
    assert isinstance(found.estimate, Refusal)
    assert "22,442 groups" in found.estimate.detail


def test_what_is_hidden_is_told_as_a_share_as_a_risk_ratio_and_against_what_is_held() -> None:
    rows = delayed(4, (0.5,))
    random = stream(4, "held")
    rows["z"] = 0.2 * rows["x"] + random.standard_normal(len(rows))
    rows["y"] = rows["y"] + 0.2 * rows["z"]
    found = said(edge((0, 0), "z"), whole=rows)
    share, ratio, against = found.sensitivity
    assert isinstance(found.estimate, Effect)
    assert [one.name for one in (share, ratio, against)] == ["hidden confounder", "E-value", "as strong as z"]
    # By hand: a difference of d deviations is taken for a risk ratio of exp(0.91 d), and E = R + sqrt(R (R - 1)).
    risk = math.exp(0.91 * found.estimate.value / rows["y"].std())
    assert isinstance(ratio.answer, Estimate)
    assert ratio.answer.value == pytest.approx(risk + math.sqrt(risk * (risk - 1)))
    assert isinstance(share.answer, Estimate)
    assert f"{share.answer.value:.1%}" in share.detail
    # Held z goes with both, so that one as strong would take some of the effect.
    assert isinstance(against.answer, Estimate)
    assert 0 < against.answer.value < found.estimate.value
    rows["y"] = rows["y"] + 2.0 * rows["z"]
    strong = said(edge((0, 0), "z"), whole=rows).sensitivity[-1]
    assert (strong.answer, strong.detail) == (None, "one that goes with both as z does may be all of it")


def test_a_panel_that_is_all_units_and_periods_has_nothing_hidden_to_tell() -> None:
    random = stream(5, "hidden")
    rows = table(random.standard_normal((3, 2)), random.standard_normal((3, 2)), ["a", "b", "c"])
    assert all(one.name != "hidden confounder" for one in said(edge((0, 0)), whole=rows).sensitivity)


@pytest.mark.parametrize("reversal", [True, False])
def test_units_that_differ_in_more_than_the_cause_are_seen_between_them(*, reversal: bool) -> None:
    rows = delayed(6, (0.5,))
    level = np.repeat(np.arange(UNITS, dtype=float), PERIODS)
    rows["x"], rows["y"] = rows["x"] + level, rows["y"] + (-1.5 if reversal else 0.5) * level
    checks = {one.check.name: one for one in said(edge((0, 0)), whole=rows).diagnostics}
    assert checks["units_alike"].check.passed is not reversal
    assert checks["no_reversal"].check.passed is not reversal
    assert not checks["units_alike"].required
