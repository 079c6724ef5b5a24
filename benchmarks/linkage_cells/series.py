"""How often the time-series estimators find what is not there, cell by cell: kind of series × days.

    python benchmarks/linkage_cells/series.py [--seeds 1000] [--part association lead_lag ...]

Every pair of series is unrelated (but for ``power``), so that each share of "significant" ones should be .05. The
numbers of one cell come from one stream, whatever else is run.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from metricstack.core.streams import stream
from metricstack.core.values import Refusal
from metricstack.linkage.association import correlation
from metricstack.linkage.granger import Guard, granger
from metricstack.linkage.interrupted import interrupted
from metricstack.linkage.intervention import InterruptedMethod
from metricstack.linkage.lagged_slope import lagged_slope
from metricstack.linkage.lead_lag import lead_lag
from metricstack.linkage.stability import break_test

Matrix = NDArray[np.float64]
KINDS = (
    "independent", "AR(.5)", "AR(.9)", "random walk", "shared week and trend", "level shifts", "tails t(3)",
    "tails t(2), AR(.5)", "log-normal",
)  # fmt: skip
DAYS = (60, 90, 180)
MONDAY = np.datetime64("2026-06-29")
GUARDS = ("none", "augment", "difference", "innovations")
METHODS = ("ols", "ar1_gls", "local_level")
_BURN = 200
_WEEK = np.array([0.0, 0.45, 0.6, 0.3, 0.0, -3.0, -3.75])


def remembering(news: Matrix, phi: float) -> Matrix:
    """Turn news into series of which phi stays until the next day."""
    return np.asarray(lfilter([1.0], [1.0, -phi], news, axis=1))


def draw(kind: str, seeds: int, days: int, which: str) -> Matrix:
    """Draw series of a kind, one per seed; shape (seeds, days)."""
    random = stream(7, kind, days, which)
    size = (seeds, days + _BURN)
    if kind == "independent":
        series = random.standard_normal(size)
    elif kind.startswith("AR("):
        series = remembering(random.standard_normal(size), float(kind[3:-1]))
    elif kind == "random walk":
        series = np.cumsum(random.standard_normal(size), axis=1)
    elif kind == "shared week and trend":
        at = np.arange(days + _BURN) - _BURN
        series = remembering(random.standard_normal(size), 0.5) + _WEEK[at % 7] + 0.03 * at
    elif kind == "level shifts":
        at = _BURN + random.integers(days // 5, days - days // 5, seeds)
        later = np.arange(days + _BURN) >= at[:, None]
        series = random.standard_normal(size) + 3.0 * later * random.choice([-1.0, 1.0], seeds)[:, None]
    elif kind == "tails t(3)":
        series = random.standard_t(3, size)
    elif kind == "tails t(2), AR(.5)":
        series = remembering(random.standard_t(2, size), 0.5)
    else:
        series = np.exp(1.5 * random.standard_normal(size))
    return series[:, _BURN:]


def share(flags: Iterator[bool]) -> float:
    """Return the share that is true."""
    return float(np.mean(list(flags)))


def _said(found: Any) -> bool:
    return not isinstance(found, Refusal) and found.p_value <= 0.05


def association(seeds: int, *, lengths: Sequence[int] = DAYS) -> list[dict[str, Any]]:
    """Correlation on the same day: the naive beside three that are meant to be honest; refusals count as not found."""
    rows = []
    for kind in KINDS:
        for days in lengths:
            x, y = (draw(kind, seeds, days, which) for which in "xy")
            dates = MONDAY + np.arange(days)
            row: dict[str, Any] = {"part": "association", "kind": kind, "days": days, "seeds": seeds}
            for method in ("naive", "effective", "calendar", "prewhitened"):
                found = [correlation(a, b, dates=dates, method=method) for a, b in zip(x, y, strict=True)]
                row[method] = share(_said(one) for one in found)
                if method in ("effective", "calendar"):
                    row[f"{method} refused"] = share(isinstance(one, Refusal) for one in found)
            rows.append(row)
    return rows


def lags(seeds: int, *, lengths: Sequence[int] = DAYS, beside: bool = True) -> list[dict[str, Any]]:
    """Lead and lag over ±7 days, beside the smallest naive p-value over the same lags and the recipe without repair."""
    rows = []
    for kind in KINDS:
        for days in lengths:
            x, y = (draw(kind, seeds, days, which) for which in "xy")
            dates = MONDAY + np.arange(days)
            found = [lead_lag(a, b, dates=dates) for a, b in zip(x, y, strict=True)]
            row: dict[str, Any] = {"part": "lead_lag", "kind": kind, "days": days, "seeds": seeds}
            if beside:
                row["naive, smallest of 15"] = share(min(_pairs(a, b)) <= 0.05 for a, b in zip(x, y, strict=True))
                row["plain recipe"] = share(_plain(a, b) <= 0.05 for a, b in zip(x, y, strict=True))
            row["lead_lag"] = share(not isinstance(one, Refusal) and one.linked for one in found)
            rows.append(row)
    return rows


def _pairs(a: NDArray[np.float64], b: NDArray[np.float64], most: int = 7) -> list[float]:
    from scipy.special import stdtr

    chances, n = [], len(a)
    for lag in range(-most, most + 1):
        u, v = (a[: n - lag], b[lag:]) if lag >= 0 else (a[-lag:], b[: n + lag])
        u, v = u - u.mean(), v - v.mean()
        r = float(u @ v) / float((u @ u) * (v @ v)) ** 0.5
        chances.append(float(2 * stdtr(len(u) - 2, -abs(r) * ((len(u) - 2) / max(1 - r * r, 1e-300)) ** 0.5)))
    return chances


def _plain(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """The standard recipe without repair: least squares, Pearson, Bonferroni."""
    from metricstack.linkage.calendar import calendar_of
    from metricstack.linkage.series import Series
    from metricstack.numerics.autoregression import fit_autoregression

    days = MONDAY + np.arange(len(a))
    calendar = calendar_of(Series({"a": a}, days, np.arange(len(a))))
    fits = [fit_autoregression(calendar.adjusted(one)[0]) for one in (a, b)]
    first = max(fit.order for fit in fits)
    u, v = (fit.innovations[first:] for fit in fits)
    return min(min(_pairs(u, v)) * 15, 1.0)


def power(seeds: int, *, lengths: Sequence[int] = DAYS) -> list[dict[str, Any]]:
    """A true linkage, y = .5 x two days before + noise of the same kind: found, at the right lag; slope covered."""
    rows = []
    for kind in KINDS:
        for days in lengths:
            x, noise = draw(kind, seeds, days + 2, "cause"), draw(kind, seeds, days, "noise")
            y, x = 0.5 * x[:, :-2] + noise, x[:, 2:]
            dates = MONDAY + np.arange(days)
            found = [lead_lag(a, b, dates=dates) for a, b in zip(x, y, strict=True)]
            slopes = [lagged_slope(a, b, lag=2, dates=dates) for a, b in zip(x, y, strict=True)]
            known = [one for one in slopes if not isinstance(one, Refusal)]
            rows.append({
                "part": "power", "kind": kind, "days": days, "seeds": seeds,
                "plain recipe": share(_plain(a, b) <= 0.05 for a, b in zip(x, y, strict=True)),
                "lead_lag": share(not isinstance(one, Refusal) and one.linked for one in found),
                "right lag": share(not isinstance(one, Refusal) and one.linked and one.lag == 2 for one in found),
                "slope covered": share(float(one.low or 0) <= 0.5 <= float(one.high or 0) for one in known),
                "slope, median": float(np.median([one.value for one in known])),
            })  # fmt: skip
    return rows


def foretelling(seeds: int, *, lengths: Sequence[int] = DAYS, guards: Sequence[str] = GUARDS) -> list[dict[str, Any]]:
    """Granger's F from x to y, by guard: of nothing, and of y = .35 x the day before + noise of the same kind."""
    rows = []
    for kind in KINDS:
        for days in lengths:
            x, y = (draw(kind, seeds, days, which) for which in "xy")
            cause = draw(kind, seeds, days + 1, "cause")
            led = 0.35 * cause[:, :-1] + draw(kind, seeds, days, "noise")
            dates = MONDAY + np.arange(days)
            row: dict[str, Any] = {"part": "granger", "kind": kind, "days": days, "seeds": seeds}
            for guard in guards:
                for name, one, two in ((guard, x, y), (f"{guard}, found", cause[:, 1:], led)):
                    said = (
                        granger(a, b, dates=dates, guard=cast("Guard", guard)) for a, b in zip(one, two, strict=True)
                    )
                    row[name] = share(not isinstance(each, Refusal) and each.forward.p_value <= 0.05 for each in said)
            rows.append(row)
    return rows


def interruption(
    seeds: int, *, memories: Sequence[float] = (0.0, 0.3, 0.6, 0.9, 0.97, 1.0), methods: Sequence[str] = METHODS
) -> list[dict[str, Any]]:
    """No effect, 60 days before and 30 after: mean change, jump and bend with a change of slope, and the jump alone.

    ``found`` is the same of a jump of 1.5 of a day's news.
    """
    rows = []
    for phi in memories:
        y = remembering(stream(8, str(phi)).standard_normal((seeds, 90 + _BURN)), phi)[:, _BURN:]
        row: dict[str, Any] = {"part": "interrupted", "kind": f"AR({phi:g})", "days": 90, "seeds": seeds}
        for method in methods:
            found = [interrupted(one, 60, method=cast("InterruptedMethod", method), placebo=False) for one in y]
            row[method] = share(_said(one) for one in found)
            jumped = y + 1.5 * (np.arange(90) >= 60)
            row[f"{method}, found"] = share(
                _said(interrupted(one, 60, method=cast("InterruptedMethod", method), placebo=False)) for one in jumped
            )
            if method != "local_level":
                known = [one for one in found if not isinstance(one, Refusal)]
                row[f"{method}, jump"] = share(_said(one.level_change) for one in known)
                row[f"{method}, bend"] = share(_said(one.slope_change) for one in known)
                alone = [
                    interrupted(one, 60, method=cast("InterruptedMethod", method), slope=False, placebo=False)
                    for one in y
                ]
                row[f"{method}, no slope"] = share(_said(one) for one in alone)
        rows.append(row)
    return rows


def breaks(seeds: int, *, lengths: Sequence[int] = DAYS) -> list[dict[str, Any]]:
    """No shift, and a shift of 1.5 standard deviations after 60 % of the days."""
    rows = []
    for kind in ("independent", "AR(.5)", "AR(.9)", "random walk", "tails t(3)"):
        for days in lengths:
            y = draw(kind, seeds, days, "x")
            step = 1.5 * float(np.std(y, axis=1).mean()) * (np.arange(days) >= 0.6 * days)
            rows.append({
                "part": "breaks", "kind": kind, "days": days, "seeds": seeds,
                "no shift": share(_said(break_test(one)) for one in y),
                "shift": share(_said(break_test(one + step)) for one in y),
            })  # fmt: skip
    return rows


PARTS: dict[str, Callable[[int], list[dict[str, Any]]]] = {
    "association": association, "lead_lag": lags, "granger": foretelling, "interrupted": interruption,
    "breaks": breaks, "power": power,
}  # fmt: skip


def rows(seeds: int = 1000, *, parts: tuple[str, ...] = tuple(PARTS)) -> list[dict[str, Any]]:
    """Measure the parts asked for; one row per cell."""
    return [row for part in parts for row in PARTS[part](seeds)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--part", nargs="*", default=list(PARTS), choices=list(PARTS))
    given = parser.parse_args()
    for part in given.part:
        for row in rows(given.seeds, parts=(part,)):
            print(json.dumps(row), flush=True)
