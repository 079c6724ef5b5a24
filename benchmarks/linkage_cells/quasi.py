"""How often the quasi-experimental estimators are right: worlds with a known truth, each method's error rates.

`rows(seeds)` gives one row per cell and method: median bias, coverage of its intervals, how often it finds an effect.
Run as ``python benchmarks/linkage_cells/quasi.py 300`` for the table.
"""

import sys
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd

from metricstack.core.streams import stream
from metricstack.core.values import Refusal
from metricstack.linkage.control_series import difference_of_series
from metricstack.linkage.instruments import instrument
from metricstack.linkage.rollout import rollout_effect
from metricstack.linkage.synthetic import synthetic_control
from metricstack.linkage.two_by_two import difference_in_differences

LEVEL = 0.95
Answer = tuple[float, float, float] | None
"""Value, low and high; None for a refusal."""


def ar(random: np.random.Generator, n: int, periods: int, phi: float) -> np.ndarray:
    """Draw stationary AR(1) errors of variance 1, shape (n, periods)."""
    found = np.zeros((n, periods))
    found[:, 0] = random.standard_normal(n)
    for t in range(1, periods):
        found[:, t] = phi * found[:, t - 1] + np.sqrt(1 - phi**2) * random.standard_normal(n)
    return found


def table(y: np.ndarray, adopted: np.ndarray) -> pd.DataFrame:
    """Lay a panel out, one row per unit and time; ``adopted`` is NaN for never."""
    n, periods = y.shape
    return pd.DataFrame({
        "unit": np.repeat(np.arange(n), periods), "time": np.tile(np.arange(periods), n), "y": y.ravel(),
        "adopted": np.repeat(adopted, periods),
    })  # fmt: skip


def staggered(
    seed: int,
    *,
    sizes: dict[float, int],
    periods: int = 24,
    growth: float = 0.0,
    drift: float = 0.0,
    phi: float = 0.5,
    fixed: float = 1.0,
) -> tuple[pd.DataFrame, float]:
    """Draw a rollout: cohort → units; effects grow per period; adopters drift away from the others per period.

    ``fixed`` scales the levels of units and the walk that all share.
    """
    random = stream(seed, "staggered", str(sizes), str(growth), str(drift), str(phi))
    adopted = np.repeat(list(sizes), list(sizes.values())).astype(float)
    n, time = len(adopted), np.arange(periods)[None, :]
    since = time - np.where(np.isnan(adopted), np.inf, adopted)[:, None]
    effect = growth * np.where(since >= 0, since + 1, 0.0)
    levels = random.normal(0, 2, (n, 1)) + random.normal(0, 1, (1, periods)).cumsum(axis=1)
    y = fixed * levels + ar(random, n, periods, phi)
    y = y + effect + drift * time * np.isfinite(adopted)[:, None]
    # Where all adopt, nothing is left to compare with once the last have.
    treated = (since >= 0) & (time < (np.inf if np.isnan(adopted).any() else adopted.max()))
    return table(y, adopted), float(effect[treated].mean())


def answer(found: Any) -> Answer:
    """Take the three numbers of an answer."""
    return None if isinstance(found, Refusal) else (found.value, found.low, found.high)


def summed(cell: str, method: str, answers: list[tuple[Answer, float]], **more: Any) -> dict[str, Any]:
    """Sum up answers and truths to a row."""
    given = [(found, truth) for found, truth in answers if found is not None]
    values, truths = np.array([found[0] for found, _ in given]), np.array([truth for _, truth in given])
    low, high = (np.array([found[side] for found, _ in given]) for side in (1, 2))
    return {
        "cell": cell, "method": method, "n": len(answers), "refused": len(answers) - len(given),
        "truth": float(truths.mean()), "median": float(np.nanmedian(values)),
        "bias": float(np.nanmedian(values - truths)),
        "coverage": float(((low <= truths) & (truths <= high)).mean()),
        "found": float(((low > 0) | (high < 0)).mean()),
        "unbounded": float((~np.isfinite(low) | ~np.isfinite(high)).mean()),
    } | more  # fmt: skip


NEVER = float("nan")
ROLLOUTS: dict[str, dict[str, Any]] = {
    "growing, some never": {"sizes": {4.0: 10, 9.0: 10, 16.0: 10, NEVER: 10}, "growth": 0.12},
    "growing, all adopt": {"sizes": {2.0: 12, 7.0: 12, 21.0: 12}, "growth": 0.12},
    "no effect": {"sizes": {4.0: 10, 9.0: 10, 16.0: 10, NEVER: 10}},
    "no effect, AR .9": {"sizes": {4.0: 10, 9.0: 10, 16.0: 10, NEVER: 10}, "phi": 0.9},
    "no effect, 3 a cohort": {"sizes": {4.0: 3, 9.0: 3, 16.0: 3, NEVER: 6}},
    "no effect, one by one": {"sizes": dict.fromkeys(map(float, range(6, 18)), 1) | {NEVER: 8}},
    "adopters drift .08": {"sizes": {8.0: 10, 12.0: 10, 16.0: 10, NEVER: 15}, "drift": 0.08},
}


def rollouts(seeds: Iterable[int], cells: dict[str, dict[str, Any]] = ROLLOUTS) -> list[dict[str, Any]]:
    """Run the three methods on staggered rollouts."""
    found = []
    for cell, world in cells.items():
        drawn = [staggered(seed, **world) for seed in seeds]
        for method in ("twfe", "callaway_santanna", "imputation"):
            results = [rollout_effect(df, "y", "unit", "time", "adopted", method=method) for df, _ in drawn]
            checks = [{c.name: c.passed for c in one.checks} for one in results if not isinstance(one, Refusal)]
            warned = float(np.mean([one.get("pre_trend") is False for one in checks]))
            dated = float(np.mean([one.get("placebo_dates") is False for one in checks]))
            inside = [
                all(p.low <= world.get("growth", 0.0) * (p.at + 1) <= p.high for p in one.since_adoption if p.at >= 0)
                for one in results if not isinstance(one, Refusal) and one.since_adoption
            ]  # fmt: skip
            more = {"pre_trend": warned, "placebo_dates": dated}
            if inside:
                more["band"] = float(np.mean(inside))
            answers = [(answer(one), truth) for one, (_, truth) in zip(results, drawn, strict=True)]
            found.append(summed(cell, method, answers, **more))
    return found


def single_date(seeds: Iterable[int]) -> list[dict[str, Any]]:
    """One date, long series: one difference per unit against every row for itself."""
    found = []
    for cell, size in (("one date, AR .8, 12 and 12", 12), ("one date, AR .8, 1 and 20", 1)):
        per_unit, per_row = [], []
        for seed in seeds:
            sizes = {20.0: size, NEVER: 12 if size > 1 else 20}
            df, _ = staggered(seed, sizes=sizes, periods=40, phi=0.8, fixed=0.0)
            df["treated"], df["after"] = df["adopted"].notna(), df["time"] >= 20
            per_unit.append((answer(difference_in_differences(df, "y", "treated", "after", unit="unit")), 0.0))
            per_row.append((answer(difference_in_differences(df, "y", "treated", "after")), 0.0))
        found += [summed(cell, "difference per unit", per_unit), summed(cell, "rows taken for independent", per_row)]
    return found


def series(seeds: Iterable[int]) -> list[dict[str, Any]]:
    """One series against a control series, without an effect."""
    found = []
    for phi in (0.0, 0.3, 0.6, 0.9):
        answers = []
        for seed in seeds:
            random = stream(seed, "control series", str(phi))
            noise, control = ar(random, 1, 90, phi)[0], random.normal(0, 2, 90)
            answers.append((answer(difference_of_series(control + noise, control, 60)), 0.0))
        found.append(summed(f"control series, AR {phi:g}", "AR(1) mixture", answers))
    return found


def factors(seed: int, *, donors: int = 24, before: int = 30, after: int = 10, effect: float = 0.0) -> pd.DataFrame:
    """Draw units that load on two common random walks, with AR(1) noise; unit 0 is treated."""
    random = stream(seed, "factors", donors, before, str(effect))
    n, periods = donors + 1, before + after
    common = random.normal(0, 0.5, (2, periods)).cumsum(axis=1)
    y = random.normal(10, 1, (n, 1)) + random.uniform(0, 1, (n, 2)) @ common + 0.5 * ar(random, n, periods, 0.5)
    y[0, before:] += effect
    return table(y, np.full(n, np.nan))


def synthetics(seeds: Iterable[int]) -> list[dict[str, Any]]:
    """Synthetic control and synthetic difference-in-differences with and without an effect."""
    found = []
    for cell, world in (
        ("one unit, no effect", {}), ("one unit, effect 1", {"effect": 1.0}),
        ("one unit, 60 donors, 15 before", {"donors": 60, "before": 15}),
    ):  # fmt: skip
        for method in ("synthetic_control", "synthetic_did"):
            answers, ranks, fits = [], [], []
            for seed in seeds:
                df = factors(seed, **world)
                one = synthetic_control(
                    df, "y", "unit", "time", treated=0, start=world.get("before", 30), method=method
                )
                answers.append((answer(one), world.get("effect", 0.0)))
                if not isinstance(one, Refusal):
                    fits.append(one.checks[0].passed)
                    ranks.append(one.rank_p_value)
            more = {} if ranks[0] is None else {"rank_found": float(np.mean(np.array(ranks) <= 1 - LEVEL + 1e-9))}
            found.append(summed(cell, method, answers, poor_fit=1 - float(np.mean(fits)), **more))
    return found


def instrumented(
    seed: int, *, strength: float, instruments: int = 1, n: int = 300, truth: float = -0.2
) -> pd.DataFrame:
    """Draw a cause that shares most of its noise with the outcome; ``strength`` is the mean first-stage F, about."""
    random = stream(seed, "instrument", str(strength), instruments, n)
    z = random.standard_normal((n, instruments))
    shared = random.standard_normal(n)
    spread = 1 + 0.5 * np.abs(z[:, 0])  # errors whose spread depends on the instrument
    v = spread * (0.9 * shared + np.sqrt(1 - 0.81) * random.standard_normal(n))
    x = z @ np.full(instruments, np.sqrt(max(strength - 1, 0) * (4.0 if instruments == 1 else 2.4) / n)) + v
    y = truth * x + spread * shared
    return pd.DataFrame({"y": y, "x": x} | {f"z{j}": z[:, j] for j in range(instruments)})


def reverse(seed: int, *, teams: int = 60, weeks: int = 12, truth: float = -0.2) -> pd.DataFrame:
    """Draw teams whose bad weeks raise the use of a tool that helps; a random rollout raises it too."""
    random = stream(seed, "reverse", teams)
    trouble = ar(random, teams, weeks, 0.6)
    start = random.integers(2, weeks, teams)
    rolled = (np.arange(weeks)[None, :] >= start[:, None]).astype(float)
    use = 0.8 * rolled + 0.9 * trouble + 0.5 * random.standard_normal((teams, weeks))
    y = random.normal(0, 1, (teams, 1)) + truth * use + trouble + 0.3 * random.standard_normal((teams, weeks))
    df = table(y, start.astype(float))
    df["use"], df["rolled"], df["week"] = use.ravel(), rolled.ravel(), [f"w{t:02d}" for t in df["time"]]
    df["team"] = [f"t{u:03d}" for u in df["unit"]]
    return df


def causes(seeds: Iterable[int]) -> list[dict[str, Any]]:
    """Instruments of several strengths, and a cause that answers the outcome."""
    found = []
    for strength, count in ((1.0, 1), (5.0, 1), (20.0, 1), (2.0, 4), (20.0, 4)):
        both: dict[str, list[tuple[Answer, float]]] = {"Anderson-Rubin": [], "Wald": [], "least squares": []}
        effective = []
        for seed in seeds:
            df = instrumented(seed, strength=strength, instruments=count)
            one = instrument(df, "y", "x", [f"z{j}" for j in range(count)])
            both["Anderson-Rubin"].append((_in_parts(one, -0.2), -0.2))
            if isinstance(one, Refusal):
                continue
            both["Wald"].append((answer(one.two_stage), -0.2))
            both["least squares"].append((answer(one.least_squares), -0.2))
            effective.append(one.first_stage.effective)
        cell = f"{count} instruments, F about {strength:g}"
        found += [summed(cell, name, given, median_f=float(np.median(effective))) for name, given in both.items()]
    pairs: dict[str, list[tuple[Answer, float]]] = {"Anderson-Rubin": [], "Wald": [], "fixed effects": []}
    for seed in seeds:
        df = reverse(seed)
        one = instrument(df, "y", "use", ["rolled"], exogenous=["team", "week"], cluster="unit")
        pairs["Anderson-Rubin"].append((_in_parts(one, -0.2), -0.2))
        if not isinstance(one, Refusal):
            pairs["Wald"].append((answer(one.two_stage), -0.2))
            pairs["fixed effects"].append((answer(one.least_squares), -0.2))
    return found + [summed("reverse causality", name, given) for name, given in pairs.items()]


def _in_parts(found: Any, truth: float) -> Answer:
    """Return the part of a set that holds the truth, else the hull's end away from it: a union covers by its parts."""
    if isinstance(found, Refusal):
        return (found.reason == "unstable" and (np.nan, np.inf, -np.inf)) or None
    if not found.estimate.parts:
        return answer(found)
    inside = [part for part in found.estimate.parts if part[0] <= truth <= part[1]]
    return (found.value, *(inside or found.estimate.parts)[0])


def rows(seeds: Iterable[int]) -> list[dict[str, Any]]:
    """Return every cell for these seeds."""
    seeds = list(seeds)
    parts: tuple[Callable[[list[int]], list[dict[str, Any]]], ...] = (
        rollouts, single_date, series, synthetics, causes,
    )  # fmt: skip
    return [row for part in parts for row in part(seeds)]


if __name__ == "__main__":
    print(pd.DataFrame(rows(range(int(sys.argv[1]) if len(sys.argv) > 1 else 200))).round(3).to_string())
