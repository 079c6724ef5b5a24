"""Pooling effects that differ truly: their mean, how much they differ, and what the next one may be."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.values import Check, Estimate, Finding, Grade, Reason, Refusal
from metricstack.experiments.effect import Effect, Headed, effect
from metricstack.linkage.columns import as_numbers, names_of
from metricstack.linkage.prediction import predicted
from metricstack.numerics.intervals import check_level, t_quantile

__all__ = ["Pooled", "pool", "true_variance"]

Array = NDArray[np.float64]
METHODS = ("DL", "REML")
_STEPS = 100


@dataclass(frozen=True, slots=True)
class Pooled(Headed):
    """Effects pooled with their true differences.

    Args:
        effect: The mean effect; with moderators the effect where all of them are 0.
        prediction: Where the true effect of one more like these lies; None with moderators.
        tau_squared: Variance of the true effects (beyond the moderators), with its interval, in the unit squared.
        i_squared: Share of the effects' variance that is true, a fraction.
        q: Cochran's Q (about the moderators).
        freedom: Of Q: effects less coefficients.
        q_p_value: Of all effects being one (or just as the moderators say).
        moderators: What one more of each moderator adds, by its name.
        explained: Share of the variance of true effects that the moderators explain, a fraction; None without, or
            where there is none to explain.
        method: How the variance of true effects was estimated.
        n: How many effects.
        checks: What was met on the way.
    """

    effect: Effect
    prediction: Estimate | None
    tau_squared: Estimate
    i_squared: float
    q: float
    freedom: int
    q_p_value: float
    moderators: tuple[tuple[str, Effect], ...]
    explained: float | None
    method: str
    n: int
    checks: tuple[Check, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The mean effect as a finding of randomised tests."""
        question = f"Mean effect of {self.n} tests"
        return (Finding(question, self.effect.estimate, grade=Grade.A, checks=self.checks),)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "kind": "pooled", "effect": self.effect.to_dict(),
            "prediction": None if self.prediction is None else self.prediction.to_dict(),
            "tau_squared": self.tau_squared.to_dict(), "i_squared": self.i_squared, "q": self.q,
            "freedom": self.freedom, "q_p_value": self.q_p_value,
            "moderators": {name: one.to_dict() for name, one in self.moderators}, "explained": self.explained,
            "method": self.method, "n": self.n, "checks": [check.to_dict() for check in self.checks],
        }  # fmt: skip


def pool(
    effects: ArrayLike,
    standard_errors: ArrayLike,
    method: str = "REML",
    *,
    moderators: ArrayLike | None = None,
    names: Sequence[str] = (),
    hartung_knapp: bool = True,
    level: float = 0.95,
    unit: str = "1",
) -> Pooled | Refusal:
    """Pool effects of tests that need not have the same true effect, and say how much these differ.

    Args:
        effects: One per test, shape (k,), float64, no NaN.
        standard_errors: Of each, above 0, shape (k,).
        method: How the variance of true effects is estimated: ``"REML"`` (restricted likelihood) or ``"DL"``
            (DerSimonian and Laird's moments).
        moderators: What may explain differences, shape (k,) or (k, q).
        names: Names of the moderators; those of its columns where they are a table.
        hartung_knapp: Judge the mean by how the effects scatter, with Student's t; never surer than without. False =
            take the variance as known, with the normal: too sure for few effects.
        level: Confidence level, a fraction in (0, 1).
        unit: The effects'.

    Returns:
        The pooled effect; or a refusal with reason ``TOO_FEW_UNITS`` where there are not two effects more than
        moderators, or ``NO_VARIATION`` where moderators cannot be told apart.

    Raises:
        InvalidInput: shapes that do not fit, values that are missing, a standard error that is not above 0.
        UnknownName: a method that is not known.

    Source:
        DerSimonian and Laird (1986); restricted likelihood and its scoring steps: Viechtbauer (2005), *Bias and
        efficiency of meta-analytic variance estimators*; interval of the variance: Viechtbauer (2007), Q-profile;
        the test: Knapp and Hartung (2003), its scatter taken for 1 where it is below (Röver, Knapp and Friede, 2015);
        I²: Higgins and Thompson (2002), by the typical sampling variance; prediction: see `prediction.predicted`,
        and without Hartung and Knapp's test the normal one with the variance taken as known.

    Example:
        >>> found = pool([1.0, 2.0, 3.0], [0.5, 0.5, 0.5], "DL", hartung_knapp=False)
        >>> f"{found.effect.value:.1f}, tau² {found.tau_squared.value:.2f}, I² {found.i_squared:.2f}"
        '2.0, tau² 0.75, I² 0.75'
    """
    if method not in METHODS:
        raise UnknownName("method of pooling", method, METHODS)
    check_level(level)
    y, v = _read(effects, standard_errors)
    x, told = _design(moderators, len(y), names)
    k, p = x.shape
    if k < p + 1:
        return Refusal(
            Reason.TOO_FEW_UNITS, f"{k} effects and {p - 1} moderators; {p + 1} effects are needed",
            "Wait for more tests, or use fewer moderators.",
        )  # fmt: skip
    if np.linalg.matrix_rank(x) < p:
        return Refusal(Reason.NO_VARIATION, "the moderators cannot be told apart", "Leave one of them out.")
    from scipy.special import chdtrc

    tau, settled = _restricted(y, v, x) if method == "REML" else (true_variance(y, v, x), True)
    fixed = _Fit.of(y, v, x, 0.0)
    fit = _Fit.of(y, v, x, tau)
    freedom = k - p
    scatter = max(fit.q / freedom, 1.0) if hartung_knapp else 1.0
    variances = np.diagonal(fit.covariance) * scatter
    reach_freedom = float(freedom) if hartung_knapp else math.inf
    told_how = f"random effects, {method}{', Hartung-Knapp' if hartung_knapp else ''}"
    coefficients = [
        effect(float(b), math.sqrt(float(s)), freedom=reach_freedom, level=level, unit=unit, n=k, method=told_how)
        for b, s in zip(fit.slopes, variances, strict=True)
    ]
    typical = freedom / fixed.trace
    low, high = _profile(y, v, x, level)
    tau_estimate = Estimate(tau, "1", k, f"variance of true effects, {method}", min(low, tau), max(high, tau), level)
    checks = []
    if k < 5:
        checks.append(Check("enough_effects", passed=None, detail=f"{k} effects say little of how much they differ"))
    if not settled:
        checks.append(Check("likelihood_settled", passed=False, detail="its largest value was not found"))
    without = _restricted(y, v, x[:, :1])[0] if method == "REML" else true_variance(y, v, x[:, :1])
    next_one = _prediction(coefficients[0], y, v, tau=tau, known=not hartung_knapp) if p == 1 else None
    return Pooled(
        coefficients[0], next_one,
        tau_estimate, tau / (tau + typical), fixed.q, freedom, float(chdtrc(freedom, fixed.q)),
        tuple(zip(told, coefficients[1:], strict=True)), _explained(without, tau) if p > 1 else None, method, k,
        tuple(checks),
    )  # fmt: skip


def _explained(without: float, tau: float) -> float | None:
    return max(1 - tau / without, 0.0) if without > 0 else None


def _prediction(mean: Effect, y: Array, v: Array, *, tau: float, known: bool) -> Estimate:
    """The next true effect: with the variance of true effects as it is estimated, or with the doubt about it."""
    found = mean.estimate
    assert found.level is not None
    told = "prediction of one more true effect"
    if not known:
        low, high = predicted(y, v, found.level)
        low, high = min(low, mean.value), max(high, mean.value)
        return Estimate(mean.value, found.unit, found.n, told, low, high, found.level)
    assert mean.standard_error is not None
    reach = t_quantile(found.level, math.inf) * math.sqrt(tau + mean.standard_error**2)
    method = f"{told}, its variance taken as known"
    return Estimate(mean.value, found.unit, found.n, method, mean.value - reach, mean.value + reach, found.level)


@dataclass(frozen=True, eq=False)
class _Fit:
    """Least squares weighted by ``1 / (v + tau²)``.

    Args:
        slopes: Shape (p,).
        covariance: Of the slopes, the weights taken as known, shape (p, p).
        q: Weighted squares about the fit.
        trace: ``tr P``, P = W - W X (X'WX)⁻¹ X'W: what one unit of extra variance adds to Q's expectation.
        square: ``tr P P``.
        curve: ``y'P P y``.
    """

    slopes: Array
    covariance: Array
    q: float
    trace: float
    square: float
    curve: float

    @classmethod
    def of(cls, y: Array, v: Array, x: Array, tau: float) -> "_Fit":
        w = 1 / (v + tau)
        covariance = np.asarray(np.linalg.inv(x.T @ (w[:, None] * x)), dtype=np.float64)
        slopes = np.asarray(covariance @ (x.T @ (w * y)), dtype=np.float64)
        left = w * (y - x @ slopes)  # P y
        projection = np.diag(w) - (w[:, None] * x) @ covariance @ (x.T * w)
        return cls(
            slopes, covariance, float(y @ left), float(np.trace(projection)), float((projection**2).sum()),
            float(left @ left),
        )  # fmt: skip


def true_variance(y: Array, v: Array, x: Array) -> float:
    """Estimate the variance of true effects by moments: ``(Q - (k - p)) / tr P``, 0 at least.

    Args:
        y: Effects, shape (k,).
        v: Their sampling variances, above 0, shape (k,).
        x: What explains them, shape (k, p), p < k; a column of ones for their mean.

    Source:
        DerSimonian and Laird (1986): Q has the expectation ``k - p + variance × tr P``, with moderators too.
    """
    fit = _Fit.of(y, v, x, 0.0)
    return float(max((fit.q - (len(y) - x.shape[1])) / fit.trace, 0.0))


def _restricted(y: Array, v: Array, x: Array) -> tuple[float, bool]:
    """Maximise the restricted likelihood: by scoring steps, or near the best of a coarse grid where that has more.

    It may have two tops, and steps may run to and fro between them.

    Returns:
        The variance, and whether the largest likelihood was found.
    """
    scale = float(np.var(y)) + float(v.mean())
    found, settled = _climbed(y, v, x, true_variance(y, v, x), scale)
    grid = scale * np.append(0.0, np.geomspace(1e-3, 10, 16))
    likely = _likelihoods(y, v, x, np.append(grid, found))
    best = int(likely[:-1].argmax())
    if settled and likely[best] <= likely[-1]:
        return found, True
    from scipy.optimize import minimize_scalar

    ends = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, len(grid) - 1)])
    near = minimize_scalar(
        lambda tau: -_likelihoods(y, v, x, np.array([tau]))[0],
        bounds=ends, method="bounded", options={"xatol": 1e-10 * scale},
    )  # fmt: skip
    top = 0.0 if best == 0 and likely[0] >= -near.fun else float(near.x)
    return top, bool(near.success)


def _climbed(y: Array, v: Array, x: Array, tau: float, scale: float) -> tuple[float, bool]:
    """Take scoring steps, ``(y'PPy - tr P) / tr PP``, not below 0, until they settle."""
    for _ in range(_STEPS):
        fit = _Fit.of(y, v, x, tau)
        new = max(tau + (fit.curve - fit.trace) / fit.square, 0.0)
        if abs(new - tau) <= 1e-12 * scale:
            return new, True
        tau = new
    return tau, False


def _likelihoods(y: Array, v: Array, x: Array, taus: Array) -> Array:
    """The logarithm of the restricted likelihood at each variance, but for a constant, shape (taus,)."""
    w = 1 / (v + taus[:, None])
    cross = np.einsum("ti,ij,ik->tjk", w, x, x)
    slopes = np.linalg.solve(cross, np.einsum("ti,ij,i->tj", w, x, y)[..., None])[..., 0]
    left = y - slopes @ x.T
    told: Array = (np.log(w).sum(axis=1) - np.linalg.slogdet(cross)[1] - (w * left**2).sum(axis=1)) / 2
    return told


def _profile(y: Array, v: Array, x: Array, level: float) -> tuple[float, float]:
    """All variances at which Q lies between its quantiles: Q falls as the variance grows."""
    from scipy.optimize import brentq
    from scipy.special import chdtri

    freedom = len(y) - x.shape[1]
    ends = []
    for upper_tail in ((1 - level) / 2, (1 + level) / 2):
        bound = float(chdtri(freedom, upper_tail))
        gap = _gap(y, v, x, bound)
        if gap(0.0) <= 0:
            ends.append(0.0)
            continue
        high = float(np.var(y)) + float(v.max())
        while gap(high) > 0:
            high *= 4
        ends.append(float(brentq(gap, 0.0, high, xtol=1e-14, rtol=1e-12)))
    return ends[0], ends[1]


def _gap(y: Array, v: Array, x: Array, bound: float) -> Callable[[float], float]:
    return lambda tau: _Fit.of(y, v, x, tau).q - bound


def _read(effects: ArrayLike, standard_errors: ArrayLike) -> tuple[Array, Array]:
    y, error = as_numbers(effects, "effects"), as_numbers(standard_errors, "standard errors")
    if y.ndim != 1 or y.shape != error.shape:
        raise InvalidInput(f"Effects and standard errors are two lists of one length; got {y.shape} and {error.shape}.")
    if not (np.isfinite(y).all() and np.isfinite(error).all() and (error > 0).all()):
        raise InvalidInput("An effect is missing, or a standard error is not above 0. Leave such tests out.")
    return y, error**2


def _design(moderators: ArrayLike | None, k: int, names: Sequence[str]) -> tuple[Array, tuple[str, ...]]:
    if moderators is None:
        return np.ones((k, 1)), ()
    given = as_numbers(moderators, "moderators")
    given = given[:, None] if given.ndim == 1 else given
    if given.ndim != 2 or len(given) != k or not np.isfinite(given).all():
        raise InvalidInput(f"Moderators have the shape ({k},) or ({k}, q) and no missing value; got {given.shape}.")
    told = tuple(names) or names_of(moderators) or tuple(f"moderator {i + 1}" for i in range(given.shape[1]))
    if len(told) != given.shape[1]:
        raise InvalidInput(f"{given.shape[1]} moderators need as many names; got {list(told)}.")
    return np.column_stack([np.ones(k), given]), told
