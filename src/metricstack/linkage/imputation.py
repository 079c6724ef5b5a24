"""What would have been without the treatment, imputed from what was: unit and time effects of untreated cells alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metricstack.linkage.adoption import Adoption
from metricstack.linkage.group_time import cluster_sums, sources_of_variance
from metricstack.linkage.influence import Influence

__all__ = ["Imputed", "TwoWay", "impute", "imputed_means", "two_way"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

_FEW = 5
"""Clusters of a cohort below which its effects are averaged with those of other cohorts to find what is noise."""


@dataclass(frozen=True, slots=True)
class TwoWay:
    """Unit and time effects on some cells of a panel, with the time effects' inverse at hand.

    Args:
        mask: Cells of the fit, shape (units, periods).
        inverse: Pseudo-inverse of the time effects' normal matrix after units are swept out, shape (periods, periods).
        known: Cells whose sum of unit and time effect the fit determines, shape (units, periods).
    """

    mask: Mask
    inverse: Matrix
    known: Mask

    def solve(self, unit_sums: Vector, time_sums: Vector) -> Matrix:
        """Return ``a_i + b_t`` where the normal equations have these right-hand sides, shape (units, periods)."""
        counts = np.maximum(self.mask.sum(axis=1), 1)
        b = self.inverse @ (time_sums - self.mask.T @ (unit_sums / counts))
        a = (unit_sums - self.mask @ b) / counts
        fitted: Matrix = a[:, None] + b[None, :]
        return fitted

    def fitted(self, cells: Matrix) -> Matrix:
        """Fit unit and time effects to the cells of the mask, and return them for every cell."""
        kept = np.where(self.mask, cells, 0.0)
        return self.solve(kept.sum(axis=1), kept.sum(axis=0))


def two_way(mask: Mask) -> TwoWay:
    """Prepare the fit of unit and time effects to the cells of a mask.

    Derivation:
        With units swept out, the time effects b solve ``(diag(n_t) - M' diag(1/n_i) M) b = s``, for the 0/1 mask M.
        Its null space holds one constant for each set of periods that units connect; a cell is known where its unit
        has cells in the same set.
    """
    weight = mask.astype(np.float64)
    counts = np.maximum(weight.sum(axis=1), 1.0)
    normal = np.diag(weight.sum(axis=0)) - weight.T @ (weight / counts[:, None])
    parts = _connected(weight.T @ weight)
    of_unit = np.where(weight.sum(axis=1) > 0, parts[np.argmax(weight, axis=1)], -1)
    known: Mask = (of_unit[:, None] == parts[None, :]) & (weight.sum(axis=0) > 0)[None, :]
    return TwoWay(mask, np.linalg.pinv(normal, rcond=1e-10, hermitian=True), known)


def _connected(linked: Matrix) -> Integers:
    """Number the connected sets of periods, shape (periods,)."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    return np.asarray(
        connected_components(csr_array((linked > 0).astype(np.float64)), directed=False)[1], dtype=np.int64
    )


@dataclass(frozen=True, slots=True)
class Imputed:
    """Effects of treated cells, and the fit that they come from.

    Args:
        effects: Outcome less its imputed value, shape (units, periods), NaN where it cannot be known.
        residual: Of the untreated cells, shape (units, periods), 0 elsewhere.
        fit: Unit and time effects of untreated cells.
        covariates: The covariates less their own unit and time effects, shape (units, periods, k).
        gram: Inverse of their cross-products over untreated cells, shape (k, k).
        lost: Treated cells without an imputed value.
    """

    effects: Matrix
    residual: Matrix
    fit: TwoWay
    covariates: Matrix
    gram: Matrix
    lost: int


def impute(panel: Adoption) -> Imputed | None:
    """Impute every treated cell; None where covariates do not vary among untreated cells.

    Source:
        Borusyak, Jaravel and Spiess (2024), *Revisiting event-study designs*, section 4.1; Gardner (2022) gives the
        same estimates in two stages.
    """
    mask = panel.untouched
    k = panel.covariates.shape[2]
    if k:
        mask = mask & np.isfinite(panel.covariates).all(axis=2)
    fit = two_way(mask)
    swept = np.zeros((panel.n, panel.periods, k))
    for j in range(k):
        swept[:, :, j] = panel.covariates[:, :, j] - fit.fitted(panel.covariates[:, :, j])
    inside = swept[mask]
    cross = inside.T @ inside
    if k:
        size = np.nan_to_num(panel.covariates[mask]).std(axis=0)
        if (np.sqrt(np.diag(cross) / len(inside)) <= 1e-9 * np.maximum(size, 1e-300)).any():
            return None
        if np.linalg.cond(cross / np.sqrt(np.outer(np.diag(cross), np.diag(cross)))) > 1e12:
            return None
    gram: Matrix = np.asarray(np.linalg.inv(cross) if k else np.zeros((0, 0)), dtype=np.float64)
    centred = panel.outcomes - float(np.nanmean(panel.outcomes))  # keeps precision far from 0
    rest = centred - fit.fitted(centred)
    slope = gram @ (inside.T @ rest[mask])
    rest = rest - swept @ slope
    wanted = panel.treated
    able = wanted & fit.known & np.isfinite(rest)
    effects = np.where(able, rest, np.nan)
    return Imputed(effects, np.where(mask, rest, 0.0), fit, swept, gram, int(wanted.sum() - able.sum()))


def imputed_means(panel: Adoption, found: Imputed, sets: list[Mask], *, small_sample: bool) -> Influence:
    """Average the effects of sets of treated cells, with conservative errors.

    Args:
        panel: Who adopted when.
        found: The imputed effects.
        sets: Which cells each mean is over, each of shape (units, periods).
        small_sample: Divide each cohort's squares by its clusters less one.

    Source:
        Borusyak, Jaravel and Spiess (2024), section 4.3: ``sum over clusters of (sum of v e)^2``, where v are the
        weights of each outcome in the mean and e are residuals; of treated cells, the effect less the mean effect of
        its cohort and period (of its time since adoption in all cohorts, where a cohort has few clusters).
    """
    able = np.isfinite(found.effects)
    nested, group, freedom = sources_of_variance(panel)
    apart, residual = _apart(panel, found.effects, small_sample=small_sample), found.residual
    if small_sample:
        residual = residual * _factors(panel, nested=nested)[:, None]
    noise = apart + residual
    values, columns = np.zeros(len(sets)), np.zeros((panel.n, len(sets)))
    for column, cells in enumerate(sets):
        weight = np.where(cells & able, 1.0, 0.0)
        weight /= weight.sum()
        values[column] = float((weight * np.nan_to_num(found.effects)).sum())
        moved = np.einsum("it,itk->k", weight, np.nan_to_num(found.covariates))
        untouched = found.fit.solve(weight.sum(axis=1), weight.sum(axis=0)) + found.covariates @ (found.gram @ moved)
        v = weight - np.where(found.fit.mask, untouched, 0.0)
        columns[:, column] = (v * noise).sum(axis=1)
    return Influence(values, cluster_sums(panel, columns), group, freedom, panel.n)


def _factors(panel: Adoption, *, nested: bool) -> Vector:
    """Return what each unit's residuals are stretched by, for the means that the fit took out, shape (units,)."""
    _, first, at = np.unique(panel.cluster, return_index=True, return_inverse=True)
    cohort = panel.cohort[first]
    if not nested:
        return np.full(panel.n, np.sqrt(len(first) / (len(first) - 1)))
    size = np.array([int((cohort == g).sum()) for g in cohort], dtype=np.float64)
    size = np.where(size == 1, len(first), size)
    return np.asarray(np.sqrt(size / np.maximum(size - 1, 1.0))[at])


def _apart(panel: Adoption, effects: Matrix, *, small_sample: bool) -> Matrix:
    """Return each treated cell's effect less the mean effect of its group, shape (units, periods), 0 elsewhere."""
    since = np.arange(panel.periods)[None, :] - panel.cohort[:, None]
    if min(panel.clusters(panel.cohort == g) for g in panel.cohorts) >= _FEW:
        key = np.minimum(panel.cohort, panel.periods)[:, None] * panel.periods + np.arange(panel.periods)[None, :]
    else:
        key = np.maximum(since, 0)
    able = np.isfinite(effects)
    found = np.zeros_like(effects)
    if not able.any():
        return found
    values = effects[able]
    _, at, counts = np.unique(key[able], return_inverse=True, return_counts=True)
    cluster = np.broadcast_to(panel.cluster[:, None], effects.shape)[able]
    pairs = np.unique(np.column_stack([at, cluster]), axis=0)
    clusters = np.bincount(pairs[:, 0])
    # A cluster that is alone in its group would be its own mean: it is held against all.
    alone = clusters == 1
    means = np.where(alone, values.mean(), np.bincount(at, values) / counts)
    stretch = np.sqrt(clusters / np.maximum(clusters - 1, 1)) if small_sample else np.ones(len(clusters))
    found[able] = (values - means[at]) * stretch[at]
    return found
