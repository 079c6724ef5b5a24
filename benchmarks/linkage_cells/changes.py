"""How often the rung of dated changes is wrong: a cause that a change moved, and an effect that it did not, or did.

In every world a positive effect is expected. `rows(seeds)` gives one row per memory of the days and length: how often
the rung stands, and how often it says "supports", of no effect, of the opposite, and of one of .4 of a step.
`contrasts(seeds)` has the same of a change of one use case of four, on a day on which all of them were shaken.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.signal import lfilter

from metricstack.core.streams import stream
from metricstack.core.values import Provenance
from metricstack.core.windows import Window
from metricstack.linkage.dated import Dated
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.observed import Observed
from metricstack.linkage.rungs.changes import changes
from metricstack.linkage.verdict import EdgeVerdict, judge

Array = NDArray[np.float64]
KINDS: Mapping[str, float] = {"independent": 0.0, "AR .5": 0.5, "AR .9": 0.9, "random walk": 1.0}
TRUTHS = (0.0, -0.4, 0.4)
LENGTHS = (90, 180)
JUMP = 3.0
SHOCK = 2.0
EDGE = Hypothesis("cause", "effect", 1.0, +1, 0.2, changes=("change",), exclusion="It does nothing else.")
_FIRST = date(2026, 1, 5)
_START = datetime(2026, 1, 5, tzinfo=UTC)
_WEEK = np.array([0.0, 0.45, 0.6, 0.3, 0.0, -1.0, -1.25])


@dataclass
class InMemory:
    """What a workspace would hold, in place of `Observed`."""

    days: pd.DataFrame
    changed: tuple[Dated, ...]
    parts: pd.DataFrame = field(default_factory=pd.DataFrame)
    window: Window = field(default_factory=lambda: Window(_START, _START + timedelta(days=max(LENGTHS))))
    events: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def series(self) -> pd.DataFrame:
        """The whole company by day."""
        return self.days

    def panel(self, by: tuple[str, ...], grain: str) -> pd.DataFrame:
        """Use cases by day."""
        return self.parts

    def shared(self, cause: str, effect: str) -> tuple[str, ...]:
        """Nothing is made of the same."""
        return ()

    def unit(self, metric: str) -> str:
        """Every metric is a plain number."""
        return "1"

    def provenance(self, metrics: Sequence[str]) -> Provenance:
        """From nowhere."""
        return Provenance()


def remembering(random: np.random.Generator, phi: float, n: int) -> Array:
    """Draw a series of variance 1 that keeps phi until the next day; of 1 a random walk."""
    news = random.standard_normal(n + 200)
    drawn = np.cumsum(news) if phi == 1 else lfilter([np.sqrt(1 - phi**2)], [1.0, -phi], news)
    return np.asarray(drawn[200:] - (drawn[200] if phi == 1 else 0.0), dtype=np.float64)


def verdict(kind: str, truth: float, n: int, seed: int) -> EdgeVerdict | None:
    """Draw a world, and return the verdict; None where the rung does not stand."""
    random = stream(seed, "changes", kind, n)
    start = 2 * n // 3
    week = _WEEK[np.arange(n) % 7]
    trouble, own = remembering(random, KINDS[kind], n), remembering(random, 0.5, n)
    cause = own + JUMP * (np.arange(n) >= start)
    index = [str(_FIRST + timedelta(days=k)) for k in range(n)]
    table = pd.DataFrame({"cause": cause + week, "effect": truth * cause + trouble + week}, index=index)
    seen = InMemory(table, (Dated("change", "", "prompt", _FIRST + timedelta(days=start)),))
    found = list(changes(cast("Observed", seen), EDGE))
    return judge(EDGE, found).verdict if found[0].stands else None


def contrast_verdicts(kind: str, truth: float, n: int, seed: int) -> dict[str, EdgeVerdict | None]:
    """Draw use cases that share what moves all, of which one is changed; judge it alone, and less the others.

    The days of each are half of their variance its own. On the day of the change the effect rises everywhere, by
    something that is in no table.
    """
    random = stream(seed, "contrast", kind, n)
    start = 2 * n // 3
    post = np.arange(n) >= start
    week = _WEEK[np.arange(n) % 7]
    shared, common = remembering(random, 0.5, n), remembering(random, KINDS[kind], n)
    index = [str(_FIRST + timedelta(days=k)) for k in range(n)]
    tables = {}
    for name in ("a", "b", "c", "d"):
        cause = np.sqrt(0.5) * (shared + remembering(random, 0.5, n)) + JUMP * post * (name == "a")
        trouble = np.sqrt(0.5) * (common + remembering(random, KINDS[kind], n))
        effect = truth * cause + trouble + SHOCK * post
        tables[name] = pd.DataFrame({"cause": cause + week, "effect": effect + week}, index=index)
    first = _FIRST + timedelta(days=start)
    parts = pd.concat(tables, names=["unit", "period"])
    told = {}
    for way, where in (("alone", ()), ("less the others", (("use_case", "a"),))):
        seen = InMemory(tables["a"], (Dated("change", "", "prompt", first, where=where),), parts)
        found = list(changes(cast("Observed", seen), EDGE))
        told[way] = judge(EDGE, found).verdict if found[0].stands else None
    return told


def contrasts(
    seeds: int, *, truths: Sequence[float] = TRUTHS, lengths: Sequence[int] = LENGTHS
) -> list[dict[str, Any]]:
    """Return one row per kind of errors, length and way."""
    told = []
    for kind in KINDS:
        for n in lengths:
            rows: dict[str, dict[str, Any]] = {}
            for truth in truths:
                drawn = [contrast_verdicts(kind, truth, n, seed) for seed in range(seeds)]
                for way in drawn[0]:
                    row = rows.setdefault(way, {"kind": kind, "days": n, "way": way})
                    row |= _shares([one[way] for one in drawn], truth)
            told += rows.values()
    return told


def _shares(said: Sequence[EdgeVerdict | None], truth: float) -> dict[str, float | None]:
    stands = [one for one in said if one is not None]
    supports = sum(one is EdgeVerdict.SUPPORTS for one in stands)
    return {
        f"stands {truth:+g}": len(stands) / len(said),
        f"supports {truth:+g}": supports / len(stands) if stands else None,
    }


def rows(seeds: int, *, truths: Sequence[float] = TRUTHS, lengths: Sequence[int] = LENGTHS) -> list[dict[str, Any]]:
    """Return one row per kind of errors and length."""
    told = []
    for kind in KINDS:
        for n in lengths:
            row: dict[str, Any] = {"kind": kind, "days": n}
            for truth in truths:
                row |= _shares([verdict(kind, truth, n, seed) for seed in range(seeds)], truth)
            told.append(row)
    return told
