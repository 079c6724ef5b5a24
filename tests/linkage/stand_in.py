"""What a workspace would hold, made by hand: in place of `Observed` for the rungs."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd

from metricstack.core.values import Provenance, Refusal
from metricstack.core.windows import Window
from metricstack.experiments.past import PastEffects
from metricstack.linkage.stability import Stationarity, stationarity

START = datetime(2026, 1, 5, tzinfo=UTC)


def past(values: Any, covariances: Any, metrics: Sequence[str]) -> PastEffects:
    """Effects of tests on some metrics, shape (K, m)."""
    keys = tuple(f"test-{k}" for k in range(len(values)))
    declared = [SimpleNamespace(key=key, lever="", start=START, end=None, primary=metrics[0]) for key in keys]
    return PastEffects(
        keys, cast("Any", tuple(declared)), tuple(metrics), ("1",) * len(metrics), np.asarray(values),
        np.asarray(values), np.asarray(covariances), np.full(len(keys), 4000), {},
    )  # fmt: skip


@dataclass
class StandIn:
    """Reads nothing."""

    effects: PastEffects = field(default_factory=lambda: past(np.zeros((0, 2)), np.zeros((0, 2, 2)), ("a", "b")))
    pairs: tuple[tuple[str, str], ...] = ()
    days: pd.DataFrame = field(default_factory=pd.DataFrame)
    panels: Mapping[tuple[str, ...], pd.DataFrame] = field(default_factory=dict)
    rollouts: tuple[Any, ...] = ()
    rolled: pd.DataFrame = field(default_factory=pd.DataFrame)
    changed: tuple[Any, ...] = ()
    events: Mapping[str, Sequence[str]] = field(default_factory=dict)
    same: frozenset[frozenset[str]] = frozenset()
    window: Window = field(default_factory=lambda: Window(START, START + timedelta(days=200)))

    def shared(self, cause: str, effect: str) -> tuple[str, ...]:
        """What two metrics are made of."""
        return ("parts",) if frozenset((cause, effect)) in self.same else ()

    def reading_tests(self) -> nullcontext[None]:
        """There is nothing to read."""
        return nullcontext()

    def read_by_both(self, cause: str, effect: str) -> tuple[str, ...]:
        """Raw columns of both."""
        return ()

    def steady(self, values: Any) -> Stationarity | Refusal:
        """Whether a daily series keeps its mean."""
        return stationarity(values)

    def unit(self, metric: str) -> str:
        """Every metric is a plain number."""
        return "1"

    def provenance(self, metrics: Sequence[str]) -> Provenance:
        """From nowhere."""
        return Provenance()

    def staged(self, rollout: Any) -> pd.DataFrame:
        """Units by week."""
        return self.rolled

    def tells(self, metrics: Sequence[str], by: tuple[str, ...]) -> bool:
        """Whether metrics can be asked by dimensions."""
        return by in self.panels and set(metrics) <= set(self.panels[by].columns)

    def untold(self, metric: str, by: tuple[str, ...]) -> str:
        """Why a metric cannot be asked by dimensions."""
        return ""

    def panel(self, by: tuple[str, ...], grain: str) -> pd.DataFrame:
        """Units by period."""
        empty = pd.DataFrame(index=pd.MultiIndex.from_arrays([[], []], names=["unit", "period"]))
        return self.panels.get(by, empty)

    def series(self) -> pd.DataFrame:
        """The whole company by day."""
        return self.days
