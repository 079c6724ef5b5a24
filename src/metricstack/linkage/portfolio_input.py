"""What a portfolio of tests is read from: arrays whose shapes fit, metrics by name, each fault told."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.linkage.columns import as_numbers, names_of
from metricstack.linkage.pooling import true_variance

__all__ = ["WEIGHTS", "Tests", "read_tests"]

Array = NDArray[np.float64]
WEIGHTS = ("precision", "equal")


@dataclass(frozen=True, eq=False)
class Tests:
    """Past tests, ready to be computed with.

    Args:
        effects: Effects on the causes and, last, on the outcome, shape (K, p + 1).
        covariances: Their sampling covariances, shape (K, p + 1, p + 1).
        weights: Shape (K,), 1 on average.
        metrics: Names of the causes and, last, of the outcome.
        names: Name of each test.
        levers: Kind of change of each test; None where it is not known.
        noise_known: False where no covariances were given, and none could be found.
    """

    __test__ = False  # no test of this project, whatever its name says

    effects: Array
    covariances: Array
    weights: Array
    metrics: tuple[str, ...]
    names: tuple[str, ...]
    levers: tuple[str, ...] | None
    noise_known: bool


def read_tests(
    effects: ArrayLike,
    covariances: ArrayLike | None,
    *,
    method: str,
    split: tuple[ArrayLike, ArrayLike] | None,
    weights: ArrayLike | str,
    names: Sequence[str],
    cause: Sequence[int | str] | None,
    outcome: int | str,
    tests: Sequence[str] | None,
    levers: Sequence[str] | None,
) -> Tests:
    """Read what `portfolio.portfolio_slope` is given, or raise `InvalidInput`: see there."""
    x, v = _noise(_effects(effects), covariances, method, split)
    k, m = x.shape
    names = names or names_of(effects)
    order, metrics = _chosen(m, names, cause, outcome)
    told = _labels(tests, k, "names of tests") or tuple(f"test {i + 1}" for i in range(k))
    x, v = x[:, order], v[:, order][:, :, order]
    return Tests(
        x, v, _weights(weights, x, v, method=method), metrics, told, _labels(levers, k, "levers"),
        covariances is not None or method == "split",
    )  # fmt: skip


def _effects(effects: ArrayLike) -> Array:
    x = as_numbers(effects, "effects")
    if x.ndim != 2 or x.shape[1] < 2:
        raise InvalidInput(f"Effects have the shape (tests, metrics) with two metrics or more; got {x.shape}.")
    if not np.isfinite(x).all():
        raise InvalidInput(
            f"{int((~np.isfinite(x)).any(axis=1).sum())} tests have an effect that is missing. Leave them out."
        )
    return x


def _noise(
    x: Array, covariances: ArrayLike | None, method: str, split: tuple[ArrayLike, ArrayLike] | None
) -> tuple[Array, Array]:
    """The effects, and the sampling covariance of each test's."""
    k, m = x.shape
    if method == "split":
        if split is None or len(split) != 2:
            raise InvalidInput("The method 'split' needs split=(effects of one half, effects of the other).")
        halves = [_effects(half) for half in split]
        if any(half.shape != (k, m) for half in halves):
            raise InvalidInput(
                f"Halves have the shape of the effects, {(k, m)}; got {[half.shape for half in halves]}."
            )
        apart = (halves[0] - halves[1]) / 2
        return (halves[0] + halves[1]) / 2, apart[:, :, None] * apart[:, None, :]
    if covariances is None:
        if method != "naive":
            raise InvalidInput(f"The method {method!r} needs the covariance of each test's effects, shape {(k, m, m)}.")
        return x, np.zeros((k, m, m))
    v = np.asarray(covariances, dtype=np.float64)
    if v.shape != (k, m, m) or not np.isfinite(v).all():
        raise InvalidInput(f"Covariances have the shape {(k, m, m)} and no missing value; got {v.shape}.")
    size = np.abs(v).max(axis=(1, 2), initial=0.0)
    skew = np.abs(v - np.swapaxes(v, 1, 2)).max(axis=(1, 2)) > 1e-8 * size
    negative = np.linalg.eigvalsh((v + np.swapaxes(v, 1, 2)) / 2)[:, 0] < -1e-8 * size
    wrong = np.flatnonzero(skew | negative)
    if len(wrong):
        raise InvalidInput(f"The matrix of test {int(wrong[0]) + 1} is no covariance: not symmetric, or below 0.")
    return x, v


def _weights(weights: ArrayLike | str, x: Array, v: Array, *, method: str) -> Array:
    k = len(x)
    if isinstance(weights, str):
        if weights not in WEIGHTS:
            raise UnknownName("kind of weights", weights, WEIGHTS)
        known = (np.diagonal(v, axis1=1, axis2=2) > 0).all() and k > 1
        if weights == "equal" or method in ("split", "naive") or not known:
            return np.ones(k)
        w = _precision(x, v)
    else:
        w = np.asarray(weights, dtype=np.float64)
        if w.shape != (k,) or not (np.isfinite(w) & (w > 0)).all():
            raise InvalidInput(f"Weights are {k} numbers above 0; got shape {w.shape}.")
    return np.asarray(w / w.mean())


def _precision(x: Array, v: Array) -> Array:
    """Weigh each test by the variance that its product of effects has, from its sampling variances alone.

    With t² and u² the variances of the true effects on a cause and on the outcome, the product of a test's two
    effects has the variance ``(t² + v_ss)(u² + v_yy)`` where they have nothing in common. A weight that knows the
    test only by its variances leaves every test's own moment ``E[s y - v_sy - b (s² - v_ss)] = 0`` as it is.
    """
    one = np.ones((len(x), 1))
    variances = np.diagonal(v, axis1=1, axis2=2)
    true = np.array([true_variance(x[:, j], variances[:, j], one) for j in range(x.shape[1])])
    total = (true + variances) / np.maximum(true + variances.mean(axis=0), 1e-300)
    return np.asarray(1 / (total[:, :-1].mean(axis=1) * total[:, -1]))


def _labels(given: Sequence[str] | None, k: int, what: str) -> tuple[str, ...] | None:
    if given is None:
        return None
    if len(given) != k:
        raise InvalidInput(f"There are {k} tests and {len(given)} {what}.")
    return tuple(str(one) for one in given)


def _chosen(
    m: int, names: Sequence[str], cause: Sequence[int | str] | None, outcome: int | str
) -> tuple[list[int], tuple[str, ...]]:
    """Positions and names of the causes and, last, the outcome."""
    known = tuple(names) or tuple(f"metric {i}" for i in range(m))
    if len(known) != m or len(set(known)) != m:
        raise InvalidInput(f"{m} metrics need {m} different names; got {list(known)}.")

    def place(one: int | str) -> int:
        if isinstance(one, str):
            if one not in known:
                raise UnknownName("metric of the portfolio", one, known)
            return known.index(one)
        if not -m <= one < m:
            raise InvalidInput(f"There is no metric {one} among {m}.")
        return one % m

    last = place(outcome)
    causes = [i for i in range(m) if i != last] if cause is None else [place(one) for one in cause]
    if not causes or last in causes or len(set(causes)) != len(causes):
        raise InvalidInput("Causes are one or more different metrics, and none of them is the outcome.")
    order = [*causes, last]
    return order, tuple(known[i] for i in order)
