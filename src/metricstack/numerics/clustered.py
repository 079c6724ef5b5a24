"""Least squares off absorbed effects, with variances that take rows of one cluster for one observation."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.numerics.absorption import Absorption
from metricstack.numerics.intervals import Spread

__all__ = [
    "FEW_CLUSTERS",
    "VARIANCES",
    "Regression",
    "classical_error",
    "clustered_spread",
    "independent_columns",
    "regression",
    "robust_spread",
    "usual_variance",
]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Integers = NDArray[np.int64]
VARIANCES = ("CR0", "CR1", "CR2")
FEW_CLUSTERS = 30
"""Clusters below which the usual sandwich is too small."""
_NOTHING = 1e-9  # a column of which less is left beside the others adds nothing but rounding
_WHOLE = 1e-8  # one less the squared cosine, below which a direction lies in the fitted space


@dataclass(frozen=True, eq=False)
class Regression:
    """A fit by least squares.

    Args:
        coefficients: One per column, shape (k,), in the outcome's unit per column's.
        residuals: What is left, times the root of the weights, shape (rows,).
        design: The columns off the effects, times the root of the weights, shape (rows, k).
        outcome: The outcome, likewise, shape (rows,).
        bread: Inverse of ``design' design``, shape (k, k).
        effects: What was absorbed.
    """

    coefficients: Vector
    residuals: Vector
    design: Matrix
    outcome: Vector
    bread: Matrix
    effects: Absorption

    @property
    def freedom(self) -> int:
        """Rows less all that was fitted."""
        return self.effects.rows - self.effects.rank - len(self.coefficients)

    @cached_property
    def leverages(self) -> Vector:
        """Diagonal of the projection on all columns and effects, shape (rows,), each 0 to 1."""
        own: Vector = np.einsum("ij,jk,ik->i", self.design, self.bread, self.design)
        step = 4096
        blocks = [
            (self.effects.basis(np.arange(at, min(at + step, len(own)))) ** 2).sum(axis=1)
            for at in range(0, len(own), step)
        ]
        whole: Vector = np.minimum(own + np.concatenate(blocks), 1.0)
        return whole


def independent_columns(columns: Matrix, effects: Absorption) -> list[int]:
    """Return the columns, in order, that say something beside the effects and the columns before them.

    Args:
        columns: Shape (rows, k), float64, no NaN.
        effects: What is absorbed.

    Example:
        >>> one = Absorption((np.zeros(4, dtype=np.int64),))
        >>> x = np.array([1.0, 2.0, 3.0, 5.0])
        >>> independent_columns(np.column_stack([x, 2 * x + 1, x**2]), one)
        [0, 2]
    """
    scaled = columns * effects.root[:, None]
    off = effects.residual(scaled)
    size = np.linalg.norm(scaled - scaled.mean(axis=0), axis=0) + 1e-6 * np.linalg.norm(scaled, axis=0)
    kept: list[int] = []
    basis = np.zeros((len(columns), 0))
    for at in range(columns.shape[1]):
        left = off[:, at]
        for _ in range(2):
            left = left - basis @ (basis.T @ left)
        length = float(np.linalg.norm(left))
        if length > _NOTHING * max(float(size[at]), 1e-300):
            kept.append(at)
            basis = np.column_stack([basis, left / length])
    return kept


def regression(outcome: Vector, columns: Matrix, effects: Absorption) -> Regression:
    """Fit an outcome by columns, off the effects (Frisch, Waugh and Lovell).

    Args:
        outcome: Shape (rows,), float64, no NaN.
        columns: Shape (rows, k), of full rank beside the effects (`independent_columns`).
        effects: What is absorbed; its weights are those of the rows.

    Raises:
        InvalidInput: lengths that differ, or columns that are not of full rank.

    Example:
        >>> one = Absorption((np.zeros(3, dtype=np.int64),))
        >>> fit = regression(np.array([1.0, 3.0, 5.0]), np.array([[0.0], [1.0], [2.0]]), one)
        >>> round(float(fit.coefficients[0]), 6), fit.freedom
        (2.0, 1)
    """
    if columns.ndim != 2 or not len(outcome) == len(columns) == effects.rows:
        raise InvalidInput(
            f"The outcome has {len(outcome)} rows, the columns {columns.shape}, the effects {effects.rows}; "
            "give one row of each."
        )
    off = effects.residual(np.column_stack([outcome, columns]) * effects.root[:, None])
    y, design = off[:, 0], off[:, 1:]
    size = np.linalg.norm(design, axis=0)
    if not (size > 0).all():
        raise InvalidInput("A column does not vary beside the effects. Leave it out.")
    q, r = np.linalg.qr(design / size)
    if len(design) < design.shape[1] or np.abs(np.diag(r)).min(initial=1.0) < _NOTHING:
        raise InvalidInput("The columns are not independent of each other. Leave those that repeat others out.")
    inverse = np.linalg.inv(r)
    coefficients = inverse @ (q.T @ y) / size
    bread = inverse @ inverse.T / np.outer(size, size)
    return Regression(coefficients, y - design @ coefficients, design, y, bread, effects)


def _members(codes: Integers) -> Iterator[Integers]:
    order = np.argsort(codes, kind="stable")
    return iter(np.split(order, np.flatnonzero(np.diff(codes[order])) + 1))


def _along(fit: Regression, contrast: Vector | int) -> Vector:
    if isinstance(contrast, int):
        return fit.design @ fit.bread[:, contrast]
    return fit.design @ (fit.bread @ contrast)


def _nested(inside: Integers, clusters: Integers) -> bool:
    """Tell whether every group lies in one cluster."""
    pairs = np.unique(np.column_stack([inside, clusters]), axis=0)
    return len(pairs) == int(inside.max(initial=-1)) + 1


def clustered_spread(
    fit: Regression, clusters: Sequence[Integers], *, kind: str = "CR1", contrast: Vector | int = 0
) -> Spread:
    """Estimate the variance of a coefficient where rows of one cluster depend on each other in any way.

    Args:
        fit: The fit.
        clusters: Number of the cluster of each row, one or two arrays of shape (rows,). With two, rows depend on each
            other where they share either.
        kind: ``"CR0"``, the plain sandwich; ``"CR1"``, times ``G / (G - 1) (N - 1) / (N - K)``, where K leaves effects
            out that are nested in the clusters, t of G - 1 (of two ways, G is that of the fewer clusters); ``"CR2"``,
            unbiased where rows are independent, degrees of freedom after Bell and McCaffrey (one way only).
        contrast: Which coefficient, or weights of all, shape (k,).

    Returns:
        Variance and degrees of freedom.

    Raises:
        InvalidInput: fewer than two clusters, or two ways of clustering for CR2.
        UnknownName: a kind that is not known.

    Source:
        Liang and Zeger (1986); Cameron, Gelbach and Miller (2011), section 2.2, for two ways (first plus second less
        their crossing; where that is not above 0, the larger of the two); the fewer clusters correct all three parts
        as in fixest and reghdfe; Bell and McCaffrey (2002); Pustejovsky and Tipton (2018), section 2, for absorbed
        effects.

    Derivation:
        For CR2, a cluster's residuals are multiplied by the inverse root of its block of ``I - H``, H the projection
        on columns *and* effects; with Z the rows of an orthonormal basis of these, ``I - Z Z'`` has root and inverse by
        the singular values of Z. The variance is ``sum (p_g' y)²`` of ``p_g = (I - H) a_g``: with M the matrix of
        ``p_g' p_h``, the degrees of freedom are ``trace(M)² / trace(M²)`` (Satterthwaite).

    Example:
        >>> one = Absorption((np.zeros(4, dtype=np.int64),))
        >>> fit = regression(np.array([1.0, 2.0, 4.0, 5.0]), np.array([[0.0], [0.0], [1.0], [1.0]]), one)
        >>> found = clustered_spread(fit, (np.arange(4),), kind="CR2")  # two means: Welch's, 0.25 + 0.25 on 2
        >>> round(found.variance, 6), round(found.freedom, 6)
        (0.5, 2.0)
    """
    if kind not in VARIANCES:
        raise UnknownName("variance", kind, VARIANCES)
    counts = [int(codes.max(initial=-1)) + 1 for codes in clusters]
    if not 1 <= len(clusters) <= 2 or min(counts) < 2:
        raise InvalidInput(f"Clustering needs one or two ways of two clusters or more each; got {counts}.")
    if kind == "CR2":
        if len(clusters) > 1:
            raise InvalidInput("CR2 is for one way of clustering. Choose CR1 for two.")
        return _cr2(fit, clusters[0], contrast)
    along = _along(fit, contrast) * fit.residuals
    ways = list(clusters)
    if len(clusters) == 2:
        crossed = np.unique(np.column_stack(ways), axis=0, return_inverse=True)[1].ravel().astype(np.int64)
        ways.append(crossed)
    rows_over = (fit.effects.rows - 1) / max(fit.effects.rows - _fitted(fit, clusters), 1)
    parts = [float(np.square(np.bincount(codes, weights=along)).sum()) for codes in ways]
    variance = parts[0] if len(parts) == 1 else parts[0] + parts[1] - parts[2]
    if variance <= 0:
        variance = max(parts[:2])
    g = min(counts)
    return Spread(variance * (1.0 if kind == "CR0" else g / (g - 1) * rows_over), g - 1.0)


def _fitted(fit: Regression, clusters: Sequence[Integers]) -> int:
    """Count what was fitted, effects nested in a way of clustering as one intercept."""
    levels = [int(effect.max()) + 1 for effect in fit.effects.groups]
    nested = [any(_nested(effect, codes) for codes in clusters) for effect in fit.effects.groups]
    if not any(nested):
        return len(fit.coefficients) + fit.effects.rank
    outside = [n for n, inside in zip(levels, nested, strict=True) if not inside]
    return len(fit.coefficients) + min(outside, default=1)


def _cr2(fit: Regression, codes: Integers, contrast: Vector | int) -> Spread:
    along = _along(fit, contrast)
    values, vectors = np.linalg.eigh(fit.bread)
    half = vectors * np.sqrt(np.maximum(values, 0.0))
    g = int(codes.max()) + 1
    spread_out = np.zeros((len(along), g))
    for cluster, rows in enumerate(_members(codes)):
        basis = np.hstack([fit.effects.basis(rows), fit.design[rows] @ half])
        spread_out[rows, cluster] = _unbent(basis, along[rows])
    scores = spread_out.T @ fit.residuals
    projected = fit.effects.residual(spread_out)
    projected = projected - fit.design @ (fit.bread @ (fit.design.T @ spread_out))
    moment = projected.T @ projected
    below = float((moment**2).sum())
    freedom = float(np.trace(moment)) ** 2 / below if below > 0 else 0.0
    return Spread(float(scores @ scores), min(max(freedom, 0.0), g - 1.0))


def _unbent(basis: Matrix, own: Vector) -> Vector:
    """Multiply by the inverse root of ``I - Z Z'``, by the smaller of Z Z' and Z' Z: both have Z's squared cosines."""
    rows, columns = basis.shape
    if rows <= columns:
        squares, vectors = np.linalg.eigh(basis @ basis.T)
        sine = 1 - squares
        factor = np.where(sine > _WHOLE, 1 / np.sqrt(np.maximum(sine, _WHOLE)), 0.0)
        return np.asarray(vectors @ (factor * (vectors.T @ own)))
    squares, vectors = np.linalg.eigh(basis.T @ basis)
    root = np.sqrt(np.maximum(1 - squares, _WHOLE))
    # (1 / root - 1) / (1 - root²), without the difference of numbers that are nearly alike
    factor = np.where(1 - squares > _WHOLE, 1 / (root * (1 + root)), -1 / np.maximum(squares, 0.5))
    return np.asarray(own + basis @ (vectors @ (factor * (vectors.T @ (basis.T @ own)))))


def usual_variance(clusters: int) -> str:
    """Return the kind of variance for one way of clustering: CR2 of few clusters, CR1 of many.

    Example:
        >>> usual_variance(12), usual_variance(FEW_CLUSTERS)
        ('CR2', 'CR1')
    """
    return "CR2" if clusters < FEW_CLUSTERS else "CR1"


def robust_spread(fit: Regression, *, kind: str = "HC3", contrast: Vector | int = 0) -> Spread:
    """Estimate the variance of a coefficient where rows are independent, each with a variance of its own.

    Args:
        fit: The fit.
        kind: ``"HC0"``, plain; ``"HC1"``, times ``N / (N - K)``; ``"HC2"``, squares over one less leverage; ``"HC3"``,
            over its square.
        contrast: Which coefficient, or weights of all, shape (k,).

    Returns:
        Variance and the rows less all that was fitted.

    Raises:
        UnknownName: a kind that is not known.

    Source:
        MacKinnon and White (1985), *Some heteroskedasticity-consistent covariance matrix estimators*.

    Example:
        >>> one = Absorption((np.zeros(4, dtype=np.int64),))
        >>> fit = regression(np.array([1.0, 2.0, 4.0, 5.0]), np.array([[0.0], [0.0], [1.0], [1.0]]), one)
        >>> round(robust_spread(fit).variance, 6)  # residuals 1/2, leverages 1/2: each 1 after division, times 1/4
        1.0
    """
    powers = {"HC0": 0.0, "HC1": 0.0, "HC2": 0.5, "HC3": 1.0}
    if kind not in powers:
        raise UnknownName("variance", kind, powers)
    along = _along(fit, contrast) * fit.residuals
    if powers[kind]:
        left = 1 - fit.leverages
        # A row that is fitted by itself alone has no residual, and says nothing.
        along = np.where(left > _WHOLE, along / np.maximum(left, _WHOLE) ** powers[kind], 0.0)
    variance = float(along @ along)
    if kind == "HC1":
        variance *= fit.effects.rows / max(fit.freedom, 1)
    return Spread(variance, float(fit.freedom))


def classical_error(fit: Regression, at: int = 0) -> float:
    """Return the standard error of a coefficient of independent rows of one variance."""
    return math.sqrt(float(fit.residuals @ fit.residuals) / max(fit.freedom, 1) * float(fit.bread[at, at]))
