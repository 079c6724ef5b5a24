"""How often adjusted associations are wrong: panels with a known truth, each method's error rates.

`rows(seeds)` gives one row per cell and method: median estimate, how often the interval misses the truth (by
translation the same as how often no effect is "found"), and how often a check that ought to see the fault fails.
Run as ``python benchmarks/linkage_cells/panel.py 300`` for the table.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from metricstack.core.streams import stream
from metricstack.core.values import Refusal
from metricstack.linkage.between import between_within
from metricstack.linkage.controls import future_placebo, negative_control
from metricstack.linkage.panel import PanelEffect, panel_effect
from metricstack.numerics.intervals import t_quantile

CLUSTERS = (8, 12, 20, 40)
PERIODS = 12
Outcome = tuple[float, bool, bool | None]
"""Estimate, whether its interval misses the truth, whether the check fails (None where there is none)."""


def autoregressive(rng: np.random.Generator, units: int, periods: int, phi: float) -> np.ndarray:
    """Draw stationary AR(1) series of variance 1, one after another, shape (units * periods,)."""
    found = np.empty((units, periods))
    found[:, 0] = rng.standard_normal(units)
    for at in range(1, periods):
        found[:, at] = phi * found[:, at - 1] + np.sqrt(1 - phi**2) * rng.standard_normal(units)
    return found.ravel()


def frame(units: int, periods: int, **columns: np.ndarray) -> pd.DataFrame:
    """Put columns beside their units and periods."""
    at = {"unit": np.repeat(np.arange(units), periods), "time": np.tile(np.arange(periods), units)}
    return pd.DataFrame(at | columns)


def judged(found: Any, truth: float, caught: bool | None = None) -> Outcome | None:
    """Read an answer against the truth; None for a refusal."""
    return None if isinstance(found, Refusal) else (found.value, not found.low <= truth <= found.high, caught)


def dependent(units: int, *, staged: bool = False, more: bool = False) -> Callable[[int], dict[str, Outcome | None]]:
    """Errors AR(.8) within units, effects of units and periods; a cause AR(.8), or switched on in a third of units."""

    def draw(seed: int) -> dict[str, Outcome | None]:
        rng = stream(seed, "dependent", units, int(staged))
        e, x = autoregressive(rng, units, PERIODS, 0.8), autoregressive(rng, units, PERIODS, 0.8)
        if staged:
            start = np.where(np.arange(units) < max(units // 3, 2), rng.integers(3, PERIODS - 2, units), PERIODS)
            x = (np.arange(PERIODS) >= start[:, None]).astype(float).ravel()
        shift = np.repeat(rng.standard_normal(units), PERIODS) + np.tile(rng.standard_normal(PERIODS), units)
        df = frame(units, PERIODS, x=x + (0 if staged else shift), y=2 * shift + e)
        found = panel_effect(df, "y", "x", "unit", "time")
        answers = {"auto": judged(found, 0.0)}
        if isinstance(found, PanelEffect):
            reach = t_quantile(0.95, found.residual_freedom) * found.classical
            answers["independent rows"] = (found.value, abs(found.value) > reach, None)
        if more:
            for kind in ("CR0", "CR1", "CR2", "wild"):
                answers[kind] = judged(panel_effect(df, "y", "x", "unit", "time", variance=kind), 0.0)
        return answers

    return draw


def two_ways(seed: int) -> dict[str, Outcome | None]:
    """Cause and errors both have a part of the unit and one of the period, and nothing is absorbed."""
    rng = stream(seed, "two ways")

    def parts() -> np.ndarray:
        unit, period = np.repeat(rng.standard_normal(30), 30), np.tile(rng.standard_normal(30), 30)
        return unit + period + rng.standard_normal(900)

    df = frame(30, 30, x=parts(), y=parts())
    return {
        name: judged(panel_effect(df, "y", "x", "unit", "time", effects="none", cluster=cluster), 0.0)
        for name, cluster in (("units and periods", ("unit", "time")), ("units only", "unit"))
    }


def fixed_confounder(seed: int) -> dict[str, Outcome | None]:
    """Something fixed in a unit moves cause and outcome; no effect."""
    rng = stream(seed, "fixed")
    hidden = np.repeat(rng.standard_normal(20), PERIODS)
    df = frame(
        20, PERIODS, x=hidden + rng.standard_normal(len(hidden)), y=2 * hidden + rng.standard_normal(len(hidden))
    )
    found = between_within(df, "y", "x", "unit")
    caught = None if isinstance(found, Refusal) else found.confounded
    return {
        "two-way": judged(panel_effect(df, "y", "x", "unit", "time"), 0.0),
        "pooled": judged(panel_effect(df, "y", "x", "unit", "time", effects="none"), 0.0, caught),
    }


def moving_confounder(seed: int) -> dict[str, Outcome | None]:
    """Something that moves within units moves cause and outcome, and half as much an outcome that the cause cannot."""
    rng = stream(seed, "moving")
    hidden, own = (autoregressive(rng, 20, PERIODS, 0.7) for _ in range(2))
    noise = [rng.standard_normal(len(hidden)) for _ in range(2)]
    df = frame(20, PERIODS, x=hidden + own, y=hidden + noise[0], n=0.5 * hidden + noise[1])
    found = negative_control(df, "y", "x", "unit", "time", control="n")
    caught = None if isinstance(found, Refusal) else found.passed is False
    return {"two-way": judged(panel_effect(df, "y", "x", "unit", "time"), 0.0, caught)}


def no_confounder(seed: int) -> dict[str, Outcome | None]:
    """The same with nothing hidden, and an effect of 0.5: how often a sound association fails its checks."""
    rng = stream(seed, "sound")
    x, e, n = (autoregressive(rng, 20, PERIODS, 0.7) for _ in range(3))
    df = frame(20, PERIODS, x=x, y=0.5 * x + e, n=n)
    main = panel_effect(df, "y", "x", "unit", "time")
    control = negative_control(df, "y", "x", "unit", "time", control="n")
    placebo = future_placebo(df, "y", "x", "unit", "time")
    slopes = between_within(df, "y", "x", "unit")
    fails = {
        "negative control": not isinstance(control, Refusal) and control.passed is False,
        "future placebo": not isinstance(placebo, Refusal) and placebo.passed is False,
        "between against within": not isinstance(slopes, Refusal) and slopes.confounded,
    }
    return {name: judged(main, 0.5, failed) for name, failed in fails.items()}


def reversed_cause(seed: int) -> dict[str, Outcome | None]:
    """The outcome moves the next period's cause by 0.6; the cause moves the outcome by -0.2."""
    rng = stream(seed, "reversed")
    y, x = np.zeros((20, PERIODS)), np.zeros((20, PERIODS))
    shock = autoregressive(rng, 20, PERIODS, 0.6).reshape(20, PERIODS)
    for at in range(PERIODS):
        x[:, at] = (0.6 * y[:, at - 1] if at else 0.0) + 0.5 * rng.standard_normal(20)
        y[:, at] = -0.2 * x[:, at] + shock[:, at]
    df = frame(20, PERIODS, x=x.ravel(), y=y.ravel())
    found = future_placebo(df, "y", "x", "unit", "time")
    caught = None if isinstance(found, Refusal) else found.passed is False
    return {"two-way": judged(panel_effect(df, "y", "x", "unit", "time"), -0.2, caught)}


def simpson(seed: int) -> dict[str, Outcome | None]:
    """Units with more of the cause have more of the outcome; within each the effect is -0.5."""
    rng = stream(seed, "simpson")
    own = np.repeat(rng.standard_normal(20), PERIODS)
    x = 2 * own + rng.standard_normal(len(own))
    df = frame(20, PERIODS, x=x, y=3 * own - 0.5 * x + rng.standard_normal(len(own)))
    found = between_within(df, "y", "x", "unit")
    if isinstance(found, Refusal):
        return {"within": None, "pooled": None}
    return {"within": judged(found, -0.5, found.simpson), "pooled": judged(found.pooled, -0.5, found.simpson)}


def cells(*, more: bool = False) -> Iterator[tuple[str, Callable[[int], dict[str, Outcome | None]]]]:
    """Yield the name and the draw of every cell."""
    for units in CLUSTERS:
        yield f"{units} clusters, AR(.8)", dependent(units, more=more)
    yield "12 clusters, 4 of them switched on", dependent(12, staged=True, more=more)
    yield "units and periods shared", two_ways
    yield "fixed confounder", fixed_confounder
    yield "moving confounder", moving_confounder
    yield "nothing hidden", no_confounder
    yield "reversed cause", reversed_cause
    yield "Simpson", simpson


def rows(seeds: int, *, more: bool = False, only: str = "") -> list[dict[str, Any]]:
    """Return one row per cell and method.

    Args:
        seeds: Panels of each cell.
        more: Every variance in the first cells, not only the automatic one.
        only: Cells whose names hold this.
    """
    made = []
    for name, draw in cells(more=more):
        if only not in name:
            continue
        found: dict[str, list[Outcome | None]] = {}
        for seed in range(seeds):
            for method, outcome in draw(seed).items():
                found.setdefault(method, []).append(outcome)
        for method, outcomes in found.items():
            told = [one for one in outcomes if one is not None]
            caught = [one[2] for one in told if one[2] is not None]
            made.append(
                {
                    "cell": name, "method": method, "seeds": len(outcomes), "refused": len(outcomes) - len(told),
                    "median": float(np.median([one[0] for one in told])),
                    "misses": float(np.mean([one[1] for one in told])),
                    "caught": float(np.mean(caught)) if caught else None,
                }
            )  # fmt: skip
    return made


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    print(pd.DataFrame(rows(count, more=True)).to_string(index=False, float_format="{:.3f}".format))
