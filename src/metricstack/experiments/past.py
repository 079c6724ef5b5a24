"""PastEffects of past experiments on several metrics at once, with how these vary together: what linkage is made of.

One noisy group of users moves all its metrics at once. Across experiments that looks like a link between them, unless
the covariance of the effects *within* each experiment is known and taken out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.values import Reason, Refusal
from metricstack.core.windows import Window
from metricstack.experiments.declaration import Declaration
from metricstack.experiments.declare import declared
from metricstack.experiments.desk import Desk
from metricstack.experiments.joined import effects_of
from metricstack.experiments.reader import Reader
from metricstack.telemetry.kept import Arrays, kept

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["PastEffects", "past_effects"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PastEffects:
    """PastEffects of K experiments on m metrics.

    Args:
        experiments: Their keys, in the order of their start.
        declared: What was declared of each.
        metrics: Ids of the metrics.
        units: Unit of each metric.
        values: Treatment - control, shape (K, m); NaN where a metric cannot be told in an experiment.
        baselines: Value in control, shape (K, m); NaN likewise.
        covariances: Sampling covariances of the effects of one experiment, shape (K, m, m); NaN likewise.
        n: Units of both arms, shape (K,).
        refused: Experiment → why none of its effects is told: its comparison does not hold, or nothing was recorded.
    """

    experiments: tuple[str, ...]
    declared: tuple[Declaration, ...]
    metrics: tuple[str, ...]
    units: tuple[str, ...]
    values: Array
    baselines: Array
    covariances: Array
    n: NDArray[np.int64]
    refused: Mapping[str, Refusal]

    def of(self, metrics: Sequence[str]) -> "PastEffects":
        """Return the effects on some metrics, of the experiments in which all of them are told.

        Raises:
            UnknownName: a metric that is not among these; names the nearest.
            InvalidInput: a pair that was not asked.
        """
        for name in metrics:
            if name not in self.metrics:
                raise UnknownName("metric", name, self.metrics)
        at = np.array([self.metrics.index(name) for name in metrics], dtype=np.int64)
        held = np.flatnonzero(np.isfinite(self.values[:, at]).all(axis=1))
        if not np.isfinite(self.covariances[np.ix_(held, at, at)]).all():
            raise InvalidInput(f"How effects on {', '.join(metrics)} vary together was not asked. Name them as a pair.")
        return replace(
            self,
            experiments=tuple(self.experiments[k] for k in held),
            declared=tuple(self.declared[k] for k in held),
            metrics=tuple(metrics),
            units=tuple(self.units[i] for i in at),
            values=self.values[np.ix_(held, at)],
            baselines=self.baselines[np.ix_(held, at)],
            covariances=self.covariances[np.ix_(held, at, at)],
            n=self.n[held],
        )


def past_effects(
    ws: "Workspace",
    metrics: Sequence[str],
    *,
    pairs: Sequence[tuple[str, str]] | None = None,
    window: Window | str | None = None,
) -> PastEffects:
    """Read the effects of all experiments on some metrics, whether they declared these or not, in one pass per table.

    Args:
        ws: The workspace.
        metrics: Ids of metrics that are made of sums, or quantiles.
        pairs: Pairs of metrics whose effects are wanted together, which is cheaper than all; None = all pairs.
        window: Only experiments that started in it: a window or a quarter's name. None = all.

    Returns:
        The effects of every experiment whose comparison holds, of its first treatment against control, each as it
        stands, not as wide as its design would have it: an effect that goes into a slope is not read by itself. They
        are kept with the workspace, and read again only when something has changed.

    Raises:
        UnknownName: no such metric; names the nearest.
    """
    from metricstack.metrics.definitions import catalogue

    known_as = {name: catalogue(ws).get(name).id for name in metrics}
    names = tuple(dict.fromkeys(known_as.values()))
    wanted = tuple(combinations(names, 2) if pairs is None else ((known_as[x], known_as[y]) for x, y in pairs))
    span = ws.quarter(window) if isinstance(window, str) else window
    known = sorted(declared(ws, names=False).experiments.values(), key=lambda one: (one.start, one.key))
    if span is not None:
        known = [one for one in known if span.start <= one.start < span.end]
    question = ("past effects", names, wanted, known)
    return _restored(kept(ws, question, lambda: _arrays(_read(ws, names, wanted, known))), names, known)


def _read(
    ws: "Workspace", names: tuple[str, ...], wanted: tuple[tuple[str, str], ...], known: Sequence[Declaration]
) -> PastEffects:
    by_unit: dict[str, list[Declaration]] = {}
    for one in known:
        asked = tuple(name for name in names if name not in one.metrics)
        by_unit.setdefault(one.unit, []).append(replace(one, secondary=(*one.secondary, *asked)))
    told: dict[str, tuple[Array, Array, Array, int]] = {}
    refused: dict[str, Refusal] = {}
    units = dict.fromkeys(names, "1")
    for group in by_unit.values():
        desk = Desk.of(ws, group, parted=names, pairs=wanted)
        units |= {name: desk.unit(name) for name in names}
        reader = Reader.of(desk)
        for one in desk.declared:
            broken = next((check.detail for check in reader.checks(one) if check.passed is False), "")
            if broken:
                detail = f"the comparison does not hold: {broken}"
                refused[one.key] = Refusal(Reason.UNSTABLE, detail, "Mend the split; run again.")
                continue
            found = effects_of(desk, one, names, one.arms[1])
            if isinstance(found, Refusal):
                refused[one.key] = found
            else:
                told[one.key] = found
    held = [one for one in known if one.key in told]
    m = len(names)
    rows = [told[one.key] for one in held]
    covariances = np.array([row[2] for row in rows]).reshape(-1, m, m)
    asked_of = np.eye(m, dtype=bool)
    for x, y in wanted:
        i, j = names.index(x), names.index(y)
        asked_of[i, j] = asked_of[j, i] = True
    covariances[:, ~asked_of] = np.nan
    return PastEffects(
        tuple(one.key for one in held), tuple(held), names, tuple(units[name] for name in names),
        np.array([row[0] for row in rows]).reshape(-1, m), np.array([row[1] for row in rows]).reshape(-1, m),
        covariances, np.array([row[3] for row in rows], dtype=np.int64),
        refused,
    )  # fmt: skip


_TOLD = ("values", "baselines", "covariances", "n")


def _arrays(found: PastEffects) -> Arrays:
    refused = [(key, str(why.reason), why.detail, why.remedy) for key, why in found.refused.items()]
    return {name: getattr(found, name) for name in _TOLD} | {
        "experiments": np.array(found.experiments, dtype=np.str_),
        "units": np.array(found.units, dtype=np.str_),
        "refused": np.array(refused, dtype=np.str_).reshape(-1, 4),
    }


def _restored(found: Arrays, names: tuple[str, ...], known: Sequence[Declaration]) -> PastEffects:
    experiments = tuple(map(str, found["experiments"]))
    declared_as = {one.key: one for one in known}
    values, baselines, covariances, n = (found[name] for name in _TOLD)
    return PastEffects(
        experiments, tuple(declared_as[key] for key in experiments), names, tuple(map(str, found["units"])),
        values, baselines, covariances, n,
        {str(key): Refusal(Reason(why), str(detail), str(remedy)) for key, why, detail, remedy in found["refused"]},
    )  # fmt: skip
