"""Other declared causes of the same effect: which of them past tests moved as well, and which can be held fixed.

A slope of effect on effect takes all that goes with what the tests did to the cause for its doing. Where tests moved
another cause along, it has to be held fixed, or the two cannot be told apart. What is held is chosen by the tests'
effects on causes alone, without a look at the outcome.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from metricstack.experiments import PastEffects
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.portfolio_checks import first_stages
from metricstack.linkage.portfolio_result import FEWEST_TESTS, WEAKEST_FIRST_STAGE
from metricstack.linkage.slopes import covariance, moved, moved_without
from metricstack.numerics.multiplicity import p_value

__all__ = ["Rivals", "asked_together", "rivals"]

Array = NDArray[np.float64]
Pairs = Sequence[tuple[str, str]]
TESTS_PER_CAUSE = 10
"""Tests for each cause of a portfolio: with fewer, more causes cost more than they explain."""
_ALPHA = 0.01
"""Error of finding that a cause which cannot be held goes with the edge's own."""


@dataclass(frozen=True, slots=True)
class Rivals:
    """Other causes of one edge's effect, as past tests moved them.

    Args:
        held: Those to hold fixed: moved by the tests beyond their noise, and told apart from each other.
        left: Those that are not held, each with the reason.
        entangled: Those that tests moved together with the edge's own cause, beyond chance, and do not tell from it.
        apart: The tests tell the edge's own cause from all that are held.
    """

    held: tuple[str, ...] = ()
    left: tuple[tuple[str, str], ...] = ()
    entangled: tuple[str, ...] = ()
    apart: bool = True

    @property
    def told(self) -> str:
        """Why some are not held, in words."""
        return "; ".join(f"{name} is not held: {why}" for name, why in self.left)


def _beside(edge: Hypothesis, pairs: Pairs) -> tuple[str, ...]:
    """Name the declared causes of an effect that the edge's own cause does not move by itself, and stated confounders.

    What the cause moves, its declared mediators among it, is a way by which it acts: to hold it fixed would take the
    effect away.
    """
    moves = [*pairs, *((edge.cause, name) for name in edge.mediators)]
    below: set[str] = set()
    new = {edge.cause}
    while new:
        new = {effect for cause, effect in moves if cause in new} - below
        below |= new
    causes = [cause for cause, effect in pairs if effect == edge.effect]
    return tuple(name for name in dict.fromkeys([*causes, *edge.confounders]) if name not in {edge.cause, *below})


def asked_together(edges: Iterable[Hypothesis], pairs: Pairs, metrics: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Name the pairs of metrics whose effects portfolios need together, beside those of the edges themselves.

    Args:
        edges: The edges.
        pairs: All declared edges, these among them.
        metrics: Ids of the metrics that are known; confounders that are none are left out.
    """
    asked, known = list(edges), set(metrics)
    seen = {frozenset((edge.cause, edge.effect)) for edge in asked}
    found = []
    for edge in asked:
        others = [name for name in _beside(edge, pairs) if name in known]
        for pair in combinations([edge.cause, edge.effect, *others], 2):
            if frozenset(pair) not in seen:
                seen.add(frozenset(pair))
                found.append(pair)
    return tuple(found)


def rivals(edge: Hypothesis, effects: PastEffects, pairs: Pairs, *, made_of_the_same: Callable[[str], bool]) -> Rivals:
    """Choose which other causes a portfolio holds fixed.

    Args:
        edge: The edge.
        effects: What past tests did to all metrics.
        pairs: All declared edges: a cause of the same effect is held unless it is moved by the edge's own cause.
        made_of_the_same: Whether a metric shares parts with the cause or the effect.
    """
    left: list[tuple[str, str]] = []
    entangled: list[str] = []
    moves: dict[str, float] = {}

    def leave(name: str, why: str) -> None:
        left.append((name, why))
        if _go_together(effects, name, edge.cause):
            entangled.append(name)

    for name in _beside(edge, pairs):
        if not _known(effects, (name, edge.cause, edge.effect)):
            continue
        if made_of_the_same(name):
            left.append((name, "it is made of what the edge is made of"))
            continue
        tests = len(effects.of([edge.cause, name, edge.effect]).experiments)
        if tests < FEWEST_TESTS:
            left.append((name, f"{tests} tests tell it, too"))
            continue
        strength = _strengths(effects, [name])[0]
        if strength < WEAKEST_FIRST_STAGE:
            leave(name, f"the tests hardly moved it (F = {strength:.1f})")
        else:
            moves[name] = abs(_together(effects, name, edge.cause))
    held = sorted(moves, key=lambda name: (-moves[name], name))  # what goes with the cause most could mislead most
    for name in held[_room(effects, [edge.cause, edge.effect, *held]) :]:
        leave(name, f"{TESTS_PER_CAUSE} tests are needed for each cause")
    held = [name for name in held if name not in dict(left)]
    while len(held) > 1:
        strengths = _strengths(effects, held)
        weakest = int(np.argmin(strengths))
        if strengths[weakest] >= WEAKEST_FIRST_STAGE:
            break
        leave(held.pop(weakest), "the tests do not tell it from those that are held")
    apart = not held or _strengths(effects, [edge.cause, *held])[0] >= WEAKEST_FIRST_STAGE
    if not apart:
        left += [(name, f"the tests do not tell it from {edge.cause}") for name in held]
        entangled += [name for name in held if _go_together(effects, name, edge.cause)]
    return Rivals(tuple(held), tuple(left), tuple(dict.fromkeys(entangled)), apart)


def _known(effects: PastEffects, names: Sequence[str]) -> bool:
    """Whether effects on all of some metrics were asked, together."""
    if not set(names) <= set(effects.metrics):
        return False
    at = np.array([effects.metrics.index(name) for name in names], dtype=np.int64)
    told = np.isfinite(effects.values[:, at]).all(axis=1)
    return bool(told.any() and np.isfinite(effects.covariances[np.ix_(np.flatnonzero(told), at, at)]).all())


def _room(effects: PastEffects, names: Sequence[str]) -> int:
    """How many causes may be held, beside the edge's own."""
    return max(len(effects.of(list(names)).experiments) // TESTS_PER_CAUSE - 1, 0) if _known(effects, names) else 0


def _moments(effects: PastEffects, names: Sequence[str]) -> tuple[Array, Array, Array]:
    told = effects.of(list(names))
    spread = np.maximum(told.values.std(axis=0), 1e-300)
    return told.values / spread, told.covariances / np.outer(spread, spread), np.ones(len(told.values))


def _strengths(effects: PastEffects, names: Sequence[str]) -> list[float]:
    """How strongly tests moved each of some causes, net of the others: F; 0 where they are one beyond the noise."""
    x, v, w = _moments(effects, names)
    if len(x) < len(names) + 2:
        return [0.0] * len(names)
    found = moved(np.column_stack([x, x[:, :1]]), _padded(v), w)
    signal = found.signal[0, :-1, :-1]
    if float(np.linalg.eigvalsh(signal)[0]) <= 1e-9:
        return [0.0] * len(names) if len(names) > 1 else [1.0]
    return [stage.strength or math.inf for stage in first_stages(found, list(names))]


def _padded(v: Array) -> Array:
    """Covariances with the first metric once more at the end, where an outcome would stand."""
    again = [*range(v.shape[1]), 0]
    return v[:, again][:, :, again]


def _together(effects: PastEffects, one: str, other: str) -> float:
    """The covariance of true effects on two metrics, each in standard deviations of its estimated effects."""
    x, v, w = _moments(effects, (one, other))
    return float(moved(x, v, w).signal[0, 0, 1])


def _go_together(effects: PastEffects, one: str, other: str) -> bool:
    """Whether tests that moved one metric more also moved the other more, or less, beyond chance."""
    x, v, w = _moments(effects, (one, other))
    if len(x) < 4:
        return False
    error = math.sqrt(float(covariance(moved_without(x, v, w).signal[:, 0, 1][:, None])[0, 0]))
    return error > 0 and p_value(float(moved(x, v, w).signal[0, 0, 1]), error, len(x) - 2) <= _ALPHA
