"""What a portfolio of tests can say about its own slope: how strong it is, and where its one assumption shows cracks.

The assumption is that what the tests did to the outcome by other ways than the cause has nothing to do with what they
did to the cause. In one straight line through one cause that cannot be tested: direct effects that are in proportion
to the effect on the cause only turn the line. It shows where the line is different in different kinds of tests, or
is no straight line.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metricstack.core.values import Check
from metricstack.experiments.effect import Effect, effect
from metricstack.linkage.slopes import Moved, covariance, moved, moved_without
from metricstack.numerics.multiplicity import p_value

__all__ = [
    "DirectEffects",
    "FirstStage",
    "direct_effects",
    "first_stages",
    "influence_check",
    "lever_check",
    "line_check",
]

Array = NDArray[np.float64]
_ALPHA = 0.05
_REQUIRED_ALPHA = 0.01
"""Error of a check whose failure takes the verdict away: by chance alone once in a hundred edges."""
_FEWEST_OF_LEVER = 6
"""Tests of a kind, for each cause, below which it is not heard by itself."""
_STEPS = 12


@dataclass(frozen=True, slots=True)
class FirstStage:
    """How far tests moved a cause, against their noise.

    Args:
        cause: Its name.
        strength: F: variance of the estimated effects ÷ their mean sampling variance, net of the other causes;
            1 where tests moved nothing, infinite where they have no noise. None where the noise is not known.
        reliability: The share of that variance which is true, 1 - 1/F; None where it is not known.
        noise: The mean sampling variance itself, in the cause's unit squared; None where it is not known.
    """

    cause: str
    strength: float | None
    reliability: float | None
    noise: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        strength = None if self.strength is None or math.isinf(self.strength) else self.strength
        return {"cause": self.cause, "strength": strength, "reliability": self.reliability, "noise": self.noise}


@dataclass(frozen=True, slots=True)
class DirectEffects:
    """What tests did to the outcome by other ways than the causes.

    Args:
        mean: Their mean, the line's height at no effect on any cause (Egger's intercept); None through the origin.
        deviation: Standard deviation of the direct effects, in the outcome's unit; 0 where the scatter about the line
            is no more than noise.
        q: Squared distances from the line ÷ their sampling variance, summed; None where a test has no noise.
        freedom: Of q: tests less causes, less the mean.
        p_value: Of there being no direct effects; None with q.
    """

    mean: Effect | None
    deviation: float
    q: float | None
    freedom: int
    p_value: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "mean": None if self.mean is None else self.mean.to_dict(), "deviation": self.deviation, "q": self.q,
            "freedom": self.freedom, "p_value": self.p_value,
        }  # fmt: skip


def first_stages(found: Moved, causes: Sequence[str], *, noise_known: bool = True) -> tuple[FirstStage, ...]:
    """Measure how strongly the tests moved each cause, net of the others.

    Args:
        found: Moments of causes and, last, the outcome (r = 1).
        causes: Names.
        noise_known: False where no covariances were given.

    Derivation:
        Net of the others (their slopes on them in the true effects), cause j is ``s_j - π's``: its true variance is
        the Schur complement of the signal, its noise ``c'N c`` with c = (1, -π); F = 1 + their quotient. For one
        cause this is the total variance over the noise.
    """
    if not noise_known:
        return tuple(FirstStage(name, None, None) for name in causes)
    signal, noise = found.signal[0, :-1, :-1], found.noise[0, :-1, :-1]
    stages = []
    for j, name in enumerate(causes):
        others = [i for i in range(len(causes)) if i != j]
        net = np.zeros(len(causes))
        net[j] = 1.0
        if others:
            net[others] = -np.linalg.solve(signal[np.ix_(others, others)], signal[others, j])
        moves, chance = float(net @ signal @ net), float(net @ noise @ net)
        strength = 1 + moves / chance if chance > 0 else math.inf
        stages.append(FirstStage(name, strength, 1 - 1 / strength, chance))
    return tuple(stages)


def direct_effects(
    effects: Array, covariances: Array, *, found: Moved, without: Moved, slopes: Array, slopes_without: Array,
    level: float, unit: str, through_origin: bool,
) -> DirectEffects:  # fmt: skip
    """Measure the mean and the spread of direct effects about the line.

    Args:
        effects: Effects on the causes and, last, on the outcome, shape (K, p + 1).
        covariances: Shape (K, p + 1, p + 1).
        found: Moments of all tests.
        without: Moments without each test.
        slopes: Shape (p,).
        slopes_without: Slopes without each test, shape (K, p).
        level: Confidence level of the mean.
        unit: The outcome's.
        through_origin: The line has no height at 0.

    Derivation:
        With y = a + b's + d and b the slopes of the true effects, Var(d) = M_yy - b'M_sy (never below 0 here), and
        the mean of d is ȳ - b's̄, its variance that of the jackknife. Q weighs each distance by its own noise, the
        slopes taken as known, and is chi-squared where there are no direct effects.
    """
    from scipy.special import chdtrc

    k, p = len(effects), len(slopes)
    freedom = k - p - (0 if through_origin else 1)
    away = np.append(-slopes, 1.0)
    mean, height = None, 0.0
    if not through_origin:
        height = float(found.means[0] @ away)
        heights = without.means[:, -1] - (without.means[:, :-1] * slopes_without).sum(axis=1)
        error = math.sqrt(float(covariance(heights[:, None])[0, 0]))
        mean = effect(height, error, freedom=freedom, level=level, unit=unit, n=k, method="mean of direct effects")
    spread = float(found.signal[0, -1, -1] - slopes @ found.signal[0, :-1, -1])
    distances = effects @ away - height
    chance = np.einsum("i,kij,j->k", away, covariances, away)
    q = float((distances**2 / chance).sum()) if (chance > 0).all() else None
    return DirectEffects(
        mean, math.sqrt(max(spread, 0.0)), q, freedom, None if q is None else float(chdtrc(freedom, q))
    )


def line_check(effects: Array, covariances: Array, weights: Array, *, slopes: Array, slopes_without: Array) -> Check:
    """Check that effects lie about a straight line: direct effects that follow the size of the cause's would bend it.

    Derivation:
        With s and y about their means, r = y - b s, and (e, w) the noise of s and r with covariance κ_k, a straight
        line has ``E[r s² - 2 s κ_k] = 0`` for noise that is symmetric: ``E[(t + e)² (d + w)] = 2 E[t] κ + E[e² w]``.
        Its standard error is that of the jackknife over tests, the line fitted anew without each.
    """
    if effects.shape[1] != 2:
        return Check("straight_line", passed=None, detail="not tested with several causes")

    k = len(effects)
    kept = np.ones((k + 1, k)) - np.vstack([np.zeros(k), np.eye(k)])  # all tests, then all without each
    w = kept * weights
    w /= w.sum(axis=1, keepdims=True)
    s, y = (effects[:, column] - (w @ effects[:, column])[:, None] for column in (0, 1))
    slope = np.append(slopes[0], slopes_without[:, 0])[:, None]
    noise = covariances[:, 0, 1] - slope * covariances[:, 0, 0]
    bend = (w * ((y - slope * s) * s * s - 2 * s * noise)).sum(axis=1)
    error = math.sqrt(float(covariance(bend[1:, None])[0, 0]))
    p = p_value(float(bend[0]), error, k - 3)
    return Check("straight_line", passed=p > _ALPHA, detail=f"curvature of effect on effect: p = {p:.2g}")


def lever_check(effects: Array, covariances: Array, weights: Array, levers: Sequence[str] | None) -> Check:
    """Check that kinds of changes agree on the slopes.

    Where direct effects go with the effect on the cause, they do so by what was changed: levers then disagree. Levers
    that agree do not prove the contrary.

    Args:
        effects: Effects on p causes and, last, the outcome, shape (K, p + 1).
        covariances: Shape (K, p + 1, p + 1).
        weights: Shape (K,).
        levers: The kind of change that each test made, K of them; None where it is not known.

    Derivation:
        Lever g gives the moments M_g of its own tests. Under one vector of slopes b each ``m_g - M_g b`` (outcome with
        causes, less causes with causes) is 0 but for chance, also where M_g is hardly more than noise, so that the sum
        of their squares by their covariance at b is, at its smallest, about chi-squared with p (levers - 1) degrees of
        freedom. The covariances are estimated, so it is held against F, with the tests less their parameters below.
    """
    name = "levers_agree"
    if levers is None:
        return Check(name, passed=None, detail="not tested: the kind of change of each test is not given")
    from scipy.special import fdtrc

    labels, p = np.asarray(levers), effects.shape[1] - 1
    fewest = _FEWEST_OF_LEVER * p
    told = [lever for lever in dict.fromkeys(levers) if (labels == lever).sum() >= fewest]
    if len(told) < 2:
        return Check(name, passed=None, detail=f"not tested: it needs two levers of {fewest} tests or more")
    parts = []
    for lever in told:
        mine = labels == lever
        x, v, w = effects[mine], covariances[mine], weights[mine]
        parts.append((moved(x, v, w).signal[0], moved_without(x, v, w).signal))
    tests = sum(len(left) for _, left in parts)
    q, freedom = _disagreement(parts), p * (len(told) - 1)
    share = float(fdtrc(freedom, tests - (p + 1) * len(told), q / freedom))
    slopes = "one slope for all" if p == 1 else "the same slopes for all"
    detail = f"{len(told)} levers, {tests} tests, {slopes}: p = {share:.2g}"
    return Check(name, passed=share > _REQUIRED_ALPHA, detail=detail)


def _disagreement(parts: Sequence[tuple[Array, Array]]) -> float:
    """The smallest sum, over slopes, of levers' squared distances."""
    return _of_one(parts) if len(parts[0][0]) == 2 else _of_several(parts)


def _of_one(parts: Sequence[tuple[Array, Array]]) -> float:
    """Over all slopes, also those without end: a slope is sine / cosine, and half a turn meets every one."""
    from scipy.optimize import minimize_scalar

    terms = [
        (float(whole[0, 1]), float(whole[0, 0]), covariance(np.column_stack([left[:, 0, 1], left[:, 0, 0]])))
        for whole, left in parts
    ]

    def distance(angle: Any) -> Any:
        up, along = np.sin(angle), np.cos(angle)
        return sum(
            (along * above - up * below) ** 2
            / np.maximum(along**2 * v[0, 0] - 2 * along * up * v[0, 1] + up**2 * v[1, 1], 1e-300)
            for above, below, v in terms
        )

    grid = np.linspace(-math.pi / 2, math.pi / 2, 181)
    start, step = float(grid[int(np.argmin(distance(grid)))]), math.pi / 180
    return float(minimize_scalar(distance, bounds=(start - step, start + step), method="bounded").fun)


def _of_several(parts: Sequence[tuple[Array, Array]]) -> float:
    """From the common slopes on, each lever weighed anew by its covariance at the last slopes."""
    signals = np.array([whole for whole, _ in parts])
    b: Array = np.linalg.solve(signals[:, :-1, :-1].sum(axis=0), signals[:, :-1, -1].sum(axis=0)).astype(np.float64)
    smallest = math.inf
    for _ in range(_STEPS):
        spreads = [covariance(left[:, :-1, -1] - left[:, :-1, :-1] @ b) for _, left in parts]
        weights: Array = np.linalg.pinv(np.array(spreads), hermitian=True)
        away = signals[:, :-1, -1] - signals[:, :-1, :-1] @ b
        smallest = min(smallest, float(np.einsum("gi,gij,gj->", away, weights, away)))
        along = signals[:, :-1, :-1] @ weights
        b = np.linalg.solve(
            (along @ signals[:, :-1, :-1]).sum(axis=0), (along @ signals[:, :-1, -1:])[:, :, 0].sum(axis=0)
        ).astype(np.float64)
    return smallest


def influence_check(slopes: Array, slopes_without: Array, names: Sequence[str]) -> Check:
    """Check that no single test decides the sign of the first cause's slope, and name the one that moves it most."""
    moves = slopes_without[:, 0] - slopes[0]
    most = int(np.argmax(np.abs(moves)))
    turned = bool((slopes_without[:, 0] * slopes[0] < 0).any())
    detail = f"without {names[most]} the slope is {slopes_without[most, 0]:.3g} instead of {slopes[0]:.3g}"
    return Check("no_single_test", passed=not turned, detail=detail)
