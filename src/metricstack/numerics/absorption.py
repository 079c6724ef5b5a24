"""Fixed effects of one or two groupings, taken out of columns exactly: unbalanced panels, weights, any row order."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput

__all__ = ["Absorption"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Integers = NDArray[np.int64]
_LARGEST_INNER = 3000  # the inverse of one matrix of this order takes seconds
_DENSE = 1_000_000  # cells of dummies below which a plain array is faster than a sparse one
_NOTHING = 1e-10  # of a standardised eigenvalue: rounding leaves about 1e-15, a weakly tied panel 1e-6


@dataclass(frozen=True, eq=False)
class Absorption:
    """The effects of one or two groupings of rows; no grouping is one group of all rows: an intercept.

    Args:
        groups: Number of the group of each row, from 0 without gaps, one or two arrays, shape (rows,) each.
        weights: Weight of each row above 0, shape (rows,); None for 1 each.

    Raises:
        InvalidInput: no grouping or more than two, lengths that differ, or weights that are not above 0.

    Derivation:
        With dummies D of the grouping of more levels, E of the other, and M the projection off D, the projection off
        both is ``M - M E (E' M E)⁺ E' M`` (Frisch, Waugh and Lovell). ``E' M E`` is as large as the smaller
        grouping, so nothing iterates; its null space are the parts of a panel that share no level. Weighted least
        squares are ordinary ones of rows times the root of their weight.

    Example:
        >>> panel = Absorption((np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])))
        >>> panel.rank, panel.residual(np.array([[1.0], [2.0], [5.0], [8.0]])).ravel()  # 8 - 5 - 2 + 1 = 2, a quarter
        (3, array([ 0.5, -0.5, -0.5,  0.5]))
    """

    groups: tuple[Integers, ...]
    weights: Vector | None = None

    def __post_init__(self) -> None:
        lengths = {len(codes) for codes in self.groups} | ({len(self.weights)} if self.weights is not None else set())
        if not 1 <= len(self.groups) <= 2 or len(lengths) != 1:
            raise InvalidInput(f"Effects need one or two groupings of equal length; got {len(self.groups)}, {lengths}.")
        if self.weights is not None and not (np.isfinite(self.weights).all() and (self.weights > 0).all()):
            raise InvalidInput("The weights must be finite and above 0; leave rows of weight 0 out.")

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.groups[0])

    @cached_property
    def root(self) -> Vector:
        """Root of each row's weight, shape (rows,)."""
        return np.ones(self.rows) if self.weights is None else np.sqrt(self.weights)

    @cached_property
    def _order(self) -> tuple[Integers, Integers | None]:
        """The grouping of more levels first."""
        ordered = sorted(self.groups, key=lambda codes: -int(codes.max(initial=0)))
        return ordered[0], ordered[1] if len(ordered) == 2 else None

    def _dummies(self, codes: Integers) -> Any:
        levels, at = int(codes.max(initial=-1)) + 1, (np.arange(self.rows), codes)
        if self.rows * levels <= _DENSE:
            dense = np.zeros((self.rows, levels))
            dense[at] = self.root
            return dense
        from scipy.sparse import csr_array

        return csr_array((self.root, at), shape=(self.rows, levels))

    @cached_property
    def _outer(self) -> tuple[Any, Vector]:
        codes = self._order[0]
        return self._dummies(codes), np.bincount(codes, weights=self.root**2).astype(np.float64)

    @cached_property
    def _inner(self) -> tuple[Any, Any, Matrix] | None:
        """Dummies of the other grouping, their means over the first, and the root of the inverse between them."""
        if self._order[1] is None:
            return None
        outer, size = self._outer
        inner = self._dummies(self._order[1])
        if inner.shape[1] > _LARGEST_INNER:
            raise InvalidInput(
                f"Both groupings have more than {_LARGEST_INNER:,} levels ({inner.shape[1]:,} in the smaller). "
                "Use longer periods or coarser units."
            )
        crossed = outer.T @ inner
        plain = isinstance(crossed, np.ndarray)
        shared = crossed / size[:, None] if plain else crossed.multiply(1 / size[:, None]).tocsr()
        within = np.bincount(self._order[1], weights=self.root**2)
        taken = crossed.T @ shared
        between = np.diag(within) - (taken if plain else taken.toarray())
        scale = 1 / np.sqrt(within)
        values, vectors = np.linalg.eigh(between * np.outer(scale, scale))
        kept = values > _NOTHING
        return inner, shared, scale[:, None] * vectors[:, kept] / np.sqrt(values[kept])

    @cached_property
    def rank(self) -> int:
        """How many degrees of freedom the effects take."""
        inner = 0 if self._inner is None else self._inner[2].shape[1]
        return int(self._outer[0].shape[1]) + inner

    def residual(self, columns: Matrix) -> Matrix:
        """Return columns, already times the root of the weights, without the effects, shape (rows, k)."""
        left = np.asarray(columns, dtype=np.float64)
        for _ in range(2):  # the second pass takes off what rounding left in the first
            left = self._off(left)
        return left

    def _off(self, columns: Matrix) -> Matrix:
        outer, size = self._outer
        left: Matrix = columns - outer @ ((outer.T @ columns) / size[:, None])
        if self._inner is not None:
            inner, shared, half = self._inner
            slope = half @ (half.T @ (inner.T @ left))
            left = left - inner @ slope + outer @ (shared @ slope)
        return left

    def basis(self, rows: Integers) -> Matrix:
        """Return orthonormal columns that span the effects, at these rows only, shape (len(rows), ...).

        Columns that are 0 at all of the rows are left out: ``basis @ basis.T`` is the block of the projection.
        """
        size = self._outer[1]
        codes = self._order[0][rows]
        levels, at = np.unique(codes, return_inverse=True)
        own = np.zeros((len(rows), len(levels)))
        own[np.arange(len(rows)), at] = self.root[rows] / np.sqrt(size[levels])[at]
        if self._inner is None:
            return own
        inner, shared, half = self._inner
        part = inner[rows] @ half - self.root[rows, None] * (shared @ half)[codes]
        return np.hstack([own, part])
