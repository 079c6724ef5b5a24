"""How often a whole verdict is wrong: small worlds of known truth, pushed through the rungs, the judge and the map.

In every world a positive effect of the cause is expected. `rows(seeds)` gives one row per world and way of knowing
(A: 66 A/B tests; A, one test: the largest of ten; B: a staged rollout; C: regions by week; D: daily series): how often
that rung stands, how often it says "supports", of the edge by itself and on a map of all worlds, and how often two
naive ways do.

Run as ``python benchmarks/linkage_cells/end_to_end.py 200`` for the table.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.stats import pearsonr

from metricstack.core.streams import stream
from metricstack.core.values import Provenance, Refusal
from metricstack.core.windows import Window
from metricstack.experiments.past import PastEffects
from metricstack.linkage.evidence import Evidence, Rung
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.linkage_map import linkage_map
from metricstack.linkage.observed import Observed, Staged
from metricstack.linkage.rungs import climb
from metricstack.linkage.stability import Stationarity, stationarity
from metricstack.linkage.verdict import EdgeVerdict, judge

Array = NDArray[np.float64]
SMALLEST = 0.2
REGIONS, DAYS, TESTS, FEW, TEAMS, WEEKS = 12, 91, 66, 10, 40, 26
NOISE = 0.1
_START = datetime(2026, 1, 5, tzinfo=UTC)
_WINDOW = Window(_START, _START + timedelta(days=DAYS))
_WEEK = np.array([0.0, 0.45, 0.6, 0.3, 0.0, -1.0, -1.25])
_BURN = 50


@dataclass(frozen=True)
class World:
    """How cause and effect come about.

    Args:
        truth: Effect of a step of 1 of the cause.
        hidden: What something hidden does to cause and to effect.
        back: What the effect does to the cause of the next period.
        between: What the effect has more where the cause is always higher.
        aside: What tests and rollouts do to the effect by other ways, per step of the cause: 0 is what their rungs
            take as given.
    """

    truth: float
    hidden: tuple[float, float] = (0.0, 0.0)
    back: float = 0.0
    between: float = 0.0
    aside: float = 0.0


WORLDS: dict[str, World] = {
    "no effect": World(0.0),
    "no effect, confounded": World(0.0, hidden=(1.0, 1.0)),
    "no effect, reverse": World(0.0, back=0.6),
    "opposite, confounded": World(-0.4, hidden=(1.0, 1.5)),
    "opposite, reverse": World(-0.2, back=0.6),
    "opposite, Simpson": World(-0.4, between=1.2),
    "effect .4": World(0.4),
    "effect .4, confounded the other way": World(0.4, hidden=(1.0, -1.5)),
}
BROKEN: dict[str, World] = {"no effect, but tests and rollout act by other ways": World(0.0, aside=0.5)}
"""Worlds in which the assumption of grades A and B is false; no rate is promised of them."""


def remembering(news: Array, phi: float) -> Array:
    """Turn news into series of variance 1 of which phi stays until the next period."""
    return np.asarray(lfilter([np.sqrt(1 - phi**2)], [1.0, -phi], news, axis=1))


def observe(world: World, random: np.random.Generator, units: int, periods: int, push: Array) -> tuple[Array, Array]:
    """Draw cause and effect of units over periods, shape (units, periods); ``push`` moves the cause from outside."""
    size = (units, periods + _BURN)

    def errors(phi: float) -> Array:
        own, common = random.standard_normal(size), random.standard_normal((1, size[1]))
        return remembering(own, phi) + 0.5 * remembering(common, phi)

    hidden, own, trouble = errors(0.7), errors(0.5), errors(0.5)
    level = 2.0 * random.standard_normal(units)
    x, y = np.zeros(size), np.zeros(size)
    outside = np.hstack([np.zeros((units, _BURN)), push])
    for at in range(size[1]):
        before = y[:, at - 1] if at else 0.0
        x[:, at] = outside[:, at] + world.back * before + world.hidden[0] * hidden[:, at] + own[:, at] + level
        direct = world.aside * outside[:, at] + world.hidden[1] * hidden[:, at] + trouble[:, at]
        y[:, at] = world.truth * x[:, at] + direct + world.between * level
    return x[:, _BURN:], y[:, _BURN:]


def tested(
    world: World, random: np.random.Generator, tests: int, *, spread: float, direct: float
) -> tuple[Array, Array]:
    """Draw A/B tests: estimated effects on cause and effect, shape (tests, 2), and their covariances.

    ``spread`` is that of what they do to the cause; each acts on the effect directly, too, by ``direct`` of it.
    """
    own = spread * random.standard_normal(tests)
    beside = world.aside * own + direct * spread * random.standard_normal(tests)
    moved = (own + world.back * beside) / (1 - world.back * world.truth)
    noise = NOISE**2 * np.array([[1.0, 0.6], [0.6, 1.0]])
    true = np.stack([moved, world.truth * moved + beside], axis=1)
    return true + random.standard_normal((tests, 2)) @ np.linalg.cholesky(noise).T, np.tile(noise, (tests, 1, 1))


@dataclass
class InMemory:
    """What a workspace would hold, in place of `Observed`."""

    cause: str
    tests: tuple[Array, Array] = (np.zeros((0, 2)), np.zeros((0, 2, 2)))
    rollouts: tuple[Staged, ...] = ()
    rolled: pd.DataFrame = field(default_factory=pd.DataFrame)
    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    days: pd.DataFrame = field(default_factory=pd.DataFrame)
    window: Window = _WINDOW
    pairs: tuple[tuple[str, str], ...] = ()
    events: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def effects(self) -> PastEffects:
        """Effects of past experiments."""
        values, covariances = self.tests
        keys = tuple(f"test-{k}" for k in range(len(values)))
        declared = [
            SimpleNamespace(key=key, lever="abc"[k % 3], start=_START, end=None, primary=self.cause)
            for k, key in enumerate(keys)
        ]
        return PastEffects(
            keys, cast("Any", tuple(declared)), (self.cause, "effect"), ("1", "1"), values, values, covariances,
            np.full(len(keys), 4000), {},
        )  # fmt: skip

    def shared(self, cause: str, effect: str) -> tuple[str, ...]:
        """Nothing is made of the same."""
        return ()

    def read_by_both(self, cause: str, effect: str) -> tuple[str, ...]:
        """Nothing is read of the same."""
        return ()

    def untold(self, metric: str, by: tuple[str, ...]) -> str:
        """Nothing more is known of what is not there."""
        return ""

    def reading_tests(self) -> nullcontext[None]:
        """There is nothing to read."""
        return nullcontext()

    def steady(self, values: Array) -> Stationarity | Refusal:
        """Tell whether a daily series keeps its mean."""
        return stationarity(values)

    def unit(self, metric: str) -> str:
        """Every metric is a plain number."""
        return "1"

    def provenance(self, metrics: Sequence[str]) -> Provenance:
        """From nowhere."""
        return Provenance()

    def staged(self, rollout: Staged) -> pd.DataFrame:
        """Teams by week, and when they adopted."""
        return self.rolled

    def panel(self, by: tuple[str, ...], grain: str) -> pd.DataFrame:
        """Regions by week."""
        return self.table if len(self.table) else pd.DataFrame(index=pd.MultiIndex.from_arrays([[], []]))

    def series(self) -> pd.DataFrame:
        """The whole company by day."""
        return self.days


def telemetry(name: str, world: World, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw regions by day; return them by week, and the company by day."""
    random = stream(seed, "end to end", name)
    x, y = observe(world, random, REGIONS, DAYS, np.zeros((REGIONS, DAYS)))
    x, y = (part + _WEEK[np.arange(DAYS) % 7] for part in (x, y))
    days = pd.date_range(_START.date(), periods=DAYS)
    weekly = (part.reshape(REGIONS, -1, 7).mean(axis=2) for part in (x, y))
    index = pd.MultiIndex.from_product([[f"r{i:02d}" for i in range(REGIONS)], days[::7]], names=["unit", "period"])
    table = pd.DataFrame(dict(zip((name, "effect"), (part.ravel() for part in weekly), strict=True)), index=index)
    company = pd.DataFrame({name: x.mean(axis=0), "effect": y.mean(axis=0)}, index=[str(day.date()) for day in days])
    return table, company


def staged(name: str, world: World, seed: int) -> tuple[Staged, pd.DataFrame]:
    """Draw a rollout to teams by week that moves the cause by 2; a quarter of the teams never adopts."""
    random = stream(seed, "rollout", name)
    starts = np.repeat([8, 12, 16, WEEKS + 1], TEAMS // 4)
    push = 2.0 * (np.arange(WEEKS) >= starts[:, None])
    x, y = observe(world, random, TEAMS, WEEKS, push)
    weeks = [str(day.date()) for day in pd.date_range(_START.date(), periods=WEEKS, freq="7D")]
    units = [f"t{i:02d}" for i in range(TEAMS)]
    df = pd.DataFrame({
        "unit": np.repeat(units, WEEKS), "period": np.tile(weeks, TEAMS), name: x.ravel(), "effect": y.ravel(),
        "adopted": np.repeat([weeks[at] if at < WEEKS else None for at in starts], WEEKS),
    })  # fmt: skip
    adopted = {unit: _START + timedelta(weeks=int(at)) for unit, at in zip(units, starts, strict=True) if at < WEEKS}
    return Staged("tool", "team", adopted), df


def _climbed(seen: InMemory, edge: Hypothesis) -> tuple[Evidence, ...]:
    return climb(cast("Observed", seen), [edge])[0]


def climbed(name: str, world: World, seed: int, *, rollout: bool) -> tuple[Hypothesis, dict[str, list[Evidence]], Any]:
    """Climb a world's rungs; return what is declared, the evidence by the best way of knowing, and the naive ways."""
    edge = Hypothesis(name, "effect", 1.0, +1, SMALLEST, grain="week")
    noted = Hypothesis(name, "effect", 1.0, +1, SMALLEST, grain="week", exclusion="It does nothing else.")
    table, company = telemetry(name, world, seed)
    many, few = (
        tested(world, stream(seed, "tests", name, count), count, spread=spread, direct=direct)
        for count, spread, direct in ((TESTS, 2 * NOISE, 0.3), (FEW, 4 * NOISE, 0.0))
    )
    found = _climbed(InMemory(name, many, table=table, days=company), edge)
    below = [one for one in found if one.rung not in (Rung.PORTFOLIO, Rung.SINGLE_TEST)]
    tried = {
        "A": list(found),
        "A, one test": [*_of(Rung.SINGLE_TEST, _climbed(InMemory(name, few), noted)), *below],
        "C": below,
        "D": [one for one in below if one.rung is not Rung.PANEL],
    }
    if rollout:
        about, rows = staged(name, world, seed)
        seen = InMemory(name, rollouts=(about,), rolled=rows)
        tried["B"] = [*_of(Rung.INSTRUMENT, _climbed(seen, noted)), *below]
    naive = {
        way: bool(known.statistic > 0 and known.pvalue <= 0.05)
        for way, known in (
            ("naive series", pearsonr(company[name], company["effect"])),
            ("naive rows", pearsonr(table[name], table["effect"])),
        )
    }
    return edge, tried, naive


def _of(rung: Rung, evidence: Sequence[Evidence]) -> list[Evidence]:
    return [one for one in evidence if one.rung is rung]


def records(seeds: int, *, rollouts: int | None = None) -> Iterator[dict[str, Any]]:
    """Yield one record per seed, world and way of knowing: its verdict by itself and on a map of all worlds.

    Args:
        seeds: Worlds of each kind.
        rollouts: The first seeds that also have a rollout, the slowest of the rungs; None = all.
    """
    most = seeds if rollouts is None else min(rollouts, seeds)
    for seed in range(seeds):
        worlds = {
            name: climbed(name, world, seed, rollout=seed < most) for name, world in (WORLDS | BROKEN).items()
        }  # fmt: skip
        for way in worlds["no effect"][1]:
            drawn = linkage_map([(worlds[name][0], worlds[name][1][way]) for name in WORLDS])
            on_map = {edge.cause: edge.verdict for edge in drawn}
            for name, (edge, tried, _) in worlds.items():
                alone = judge(edge, tried[way])
                yield {
                    "world": name, "way": way, "stands": str(alone.grade) == way[0], "verdict": alone.verdict,
                    "map": on_map.get(name),
                }  # fmt: skip
        for name, (_, _, naive) in worlds.items():
            for way, said in naive.items():
                verdict = EdgeVerdict.SUPPORTS if said else EdgeVerdict.INCONCLUSIVE
                yield {"world": name, "way": way, "stands": True, "verdict": verdict, "map": None}


def summed(given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Sum records up, one row per world and way; shares of verdicts are of those that this way decides."""
    found = []
    for (world, way), group in pd.DataFrame(given).groupby(["world", "way"], sort=False):
        stands = group[group["stands"]]
        on_map = stands["map"].dropna()
        found.append({
            "world": world, "way": way, "truth": (WORLDS | BROKEN)[world].truth, "seeds": len(group),
            "stands": float(group["stands"].mean()), "decided": len(stands),
            "supports": float((stands["verdict"] == EdgeVerdict.SUPPORTS).mean()),
            "contradicts": float((stands["verdict"] == EdgeVerdict.CONTRADICTS).mean()),
            "supports on a map": float((on_map == EdgeVerdict.SUPPORTS).mean()) if len(on_map) else None,
        })  # fmt: skip
    return found


def rows(seeds: int, *, rollouts: int | None = None) -> list[dict[str, Any]]:
    """Return one row per world and way of knowing; see `records` and `summed`."""
    return summed(list(records(seeds, rollouts=rollouts)))


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print(pd.DataFrame(rows(count)).round(3).to_string(index=False))
